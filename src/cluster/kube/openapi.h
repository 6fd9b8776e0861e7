/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which fields a kind has, by the schemas that the server publishes under /openapi/v3 and that
 * every authenticated user may read. Of a document of megabytes only the names of the fields of the
 * kind that is asked for are kept, on disk under the document's hash. That is believed for ten
 * minutes, for ten seconds where defaults are asked for, and not at all where it lacks a field.
 */
#pragma once

#include "cluster/kube/request.h"

ClusterFieldState kube_has_field(Cluster *cluster, const Kind *kind, const char *path);
cJSON *kube_field_default(Cluster *cluster, const Kind *kind, const char *path);

/* The fields of a kind as a tree, of a document: {"p": {name: tree}}, "i": tree of the items, "a":
 * tree of any other key, "u": true where unknown fields are kept, "d": default}. NULL: it is not in
 * it. */
cJSON *openapi_fields(const char *document, gsize length, const Kind *kind, GError **error);
ClusterFieldState openapi_find(const cJSON *fields, const char *path);
/* A copy, NULL where there is none. Its own goes before what a field above brings with it: that one
 * counts only where the field above is left out too, and then the server has put it in already. */
cJSON *openapi_find_default(const cJSON *fields, const char *path);
