/* SPDX-License-Identifier: Apache-2.0 */
/* The API server behind cluster.h; private to cluster/. */
#pragma once

#include "cluster/backend.h"
#include "cluster/kube/credential.h"

/* Takes `target`. Sends nothing. */
Cluster *kube_open(KubeTarget *target, const ClusterOptions *options, GError **error);
