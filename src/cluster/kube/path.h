/* SPDX-License-Identifier: Apache-2.0 */
/* Where objects are on an API server, and what the queries say. Pure. */
#pragma once

#include "cluster/cluster.h"

/* "/apis/kubevirt.io/v1/namespaces/NS/virtualmachines/NAME/status", every part encoded. ns NULL:
 * all namespaces; name NULL: the collection; subresource NULL: none. INVALID where a part could be
 * read as something else than a name ("..", "a/b"): what is asked for must be what is sent. */
char *path_of(const Kind *kind, const char *ns, const char *name, const char *subresource,
	      GError **error);

/* "?a=1&b=2"; a value that is NULL is left out. */
typedef struct {
	GString *text;
} Query;
void query_add(Query *query, const char *key, const char *value);
void query_add_int(Query *query, const char *key, gint64 value);
/* fieldManager, fieldValidation, dryRun, force: what every write says. */
void query_add_write(Query *query, ClusterWriteFlags flags);
/* labelSelector and fieldSelector. */
void query_add_options(Query *query, const ClusterListOptions *options);
/* path + query; free with g_free(). Takes what is in the query. */
char *query_take(Query *query, const char *path);
void query_clear(Query *query);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Query, query_clear)
