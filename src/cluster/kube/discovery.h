/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which kinds the server serves: asked in two requests (one for each version on servers before
 * 1.26), kept on disk for ten minutes, then checked by ETag. A word that is not found in what was
 * kept is looked up anew once, so that a kind that was just installed is there.
 */
#pragma once

#include "cluster/kube/request.h"

void discovery_free(Discovery *discovery); /* NULL is ignored */

/* cluster_find_kind() and cluster_kind_of(). */
const Kind *kube_find_kind(Cluster *cluster, const char *word, GError **error);
const Kind *kube_kind_of(Cluster *cluster, const char *api_version, const char *kind,
			 GError **error);
