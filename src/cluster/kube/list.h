/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists, in chunks whose number of items is chosen by the size of those that came, each item
 * handed on as soon as it has arrived. All chunks are of one version of the collection, except
 * where the server has forgotten it in the middle (410): then what is left comes in its present
 * state, nothing twice, and the version that is returned is the old one, so that a watch from it
 * loses nothing either (it is told EXPIRED).
 */
#pragma once

#include "cluster/kube/request.h"

GPtrArray *kube_list(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		     char **ret_version, GError **error);
gboolean kube_each(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		   ClusterEachFunc func, gpointer data, char **ret_version, GError **error);
gboolean kube_table(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		    ClusterRowFunc func, gpointer data, char **ret_version, GError **error);

/* The version of a collection now, without its items. Free with g_free(). */
char *kube_list_version(Kube *kube, const Kind *kind, const ClusterListOptions *options,
			GError **error);

/* Items of lists lack apiVersion and kind, those of metadata-only lists have foreign ones. */
void kube_name_kind(cJSON *object, const Kind *kind);
/* How much to ask for at a time. */
typedef struct {
	guint64 bytes;             /* of JSON: what is aimed at */
	gint64 first, least, most; /* items */
} ChunkSize;
extern const ChunkSize kube_chunk_objects, kube_chunk_parts; /* whole; rows or metadata only */
/* The number of items to ask for after a chunk of `items` in `bytes`. */
gint64 kube_next_limit(const ChunkSize *size, gint64 limit, gsize items, guint64 bytes);
