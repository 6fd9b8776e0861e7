/* SPDX-License-Identifier: Apache-2.0 */
/* Watches: carried on by the main loop until they are stopped, over every break of the
 * connection. */
#pragma once

#include "cluster/kube/request.h"

ClusterWatch *kube_watch(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
			 const char *version, ClusterWatchFunc func, gpointer data, GError **error);
void kube_watch_stop(ClusterWatch *watch);
