/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Lease that tells everybody who the controller is. On a local cluster it excludes nobody (the
 * lock file does that); it is what `kubectl get lease` shows of a fleet.
 */
#pragma once

#include "base/clock.h"
#include "cluster/cluster.h"

#define CONTROLLER_LEASE "kvmig-controller"
#define CONTROLLER_LEASE_SECONDS 30
#define ANNOTATION_CONTROLLER_VERSION "kvmig.io/controller-version"

/* Writes holder, times and version; the first time as an acquisition. */
gboolean controller_lease_renew(Cluster *cluster, Clock *clock, gboolean acquire, GError **error);
/* Leaves it without a holder, where it is ours. */
void controller_lease_drop(Cluster *cluster, Clock *clock);

/* Whether somebody holds it, judged by the time of its renewal; *ret_version may be NULL. */
gboolean controller_lease_look(Cluster *cluster, Clock *clock, gboolean *ret_held,
			       char **ret_version, GError **error);
