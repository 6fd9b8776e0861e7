/* SPDX-License-Identifier: Apache-2.0 */
/* What cluster.c does where a backend has no way of its own; private to cluster/. */
#pragma once

#include "cluster/backend.h"

const Kind *generic_find_kind(Cluster *cluster, const char *word, GError **error);
const Kind *generic_kind_of(Cluster *cluster, const char *api_version, const char *kind,
			    GError **error);
ClusterFieldState generic_has_field(const Kind *kind, const char *path);
gboolean generic_each(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		      ClusterEachFunc func, gpointer data, char **ret_version, GError **error);
gboolean generic_table(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		       ClusterRowFunc func, gpointer data, char **ret_version, GError **error);
cJSON *generic_apply(Cluster *cluster, const Kind *kind, const cJSON *object,
		     ClusterWriteFlags flags, gboolean *ret_created, GError **error);
