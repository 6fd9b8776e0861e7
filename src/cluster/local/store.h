/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedded store: one SQLite file a cluster. Only cluster/local includes this.
 *
 *   objects   one row an object; `object` is the whole document as it is returned
 *   events    one row a write, for watchers; trimmed to a bounded number and age
 *   state     one row: the counter behind resourceVersion, and the highest version that is no
 *             longer among the events
 *
 * Every write is one transaction that takes the counter, changes `objects` and adds to `events`.
 * Namespaces are made on demand: writing an object into a namespace makes its Namespace object,
 * since on a local cluster namespaces come out of the domains' metadata and nobody else would.
 */
#pragma once

#include "base/db.h"
#include "cluster/backend.h"

typedef struct Store {
	Cluster base;
	Db *db;
	char *name; /* "default" */

	gboolean batch;        /* between batch_begin and its end */
	gboolean batch_failed; /* SQLite rolled the batch back by itself: nothing more may be
				  written */

	/* watch.c */
	GPtrArray *watches; /* of LocalWatch*, owned */
	gboolean dispatching;
	gboolean dispatch_again; /* something came while dispatching */
	guint idle_id;           /* events wait to be delivered */
	guint poll_id;
	guint inotify_id;
	int inotify_fd; /* -1 */
} Store;

static inline Store *store_of(Cluster *cluster)
{
	return (Store *)cluster;
}

/* Events are kept for so long and so many, whichever is less. */
#define STORE_EVENTS_KEPT 8192
#define STORE_EVENTS_AGE_US (G_GINT64_CONSTANT(15) * 60 * G_USEC_PER_SEC)

/* "virtualmachineinstances.kubevirt.io": the key of a kind in the tables. A version of the API
 * is not part of it. Borrowed, from a table that lives as long as the process. */
const char *store_kind_key(const Kind *kind);

/* Parses a stored document; IO where it is damaged. */
cJSON *store_parse(Store *store, const char *text, GError **error);

/* read.c. The object, or NULL: with an error set, or without one where there is none. */
cJSON *store_lookup(Store *store, const Kind *kind, const char *ns, const char *name,
		    GError **error);
gboolean store_read_state(Store *store, gint64 *ret_version, gint64 *ret_trimmed, GError **error);
/* "migration 'x' in namespace 'default'"; free with g_free(). */
char *store_describe(const Kind *kind, const char *ns, const char *name);
gboolean store_set_not_found(Store *store, const Kind *kind, const char *ns, const char *name,
			     GError **error);

cJSON *store_get(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		 GError **error);
gboolean store_each(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		    ClusterEachFunc func, gpointer data, char **ret_version, GError **error);
GPtrArray *store_list(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		      char **ret_version, GError **error);

/* record.c: rows and events, inside a transaction. Each sets the object's resourceVersion. */
gboolean store_insert(Store *store, const Kind *kind, cJSON *object, GError **error);
gboolean store_replace(Store *store, const Kind *kind, const cJSON *old, cJSON *object,
		       GError **error);
gboolean store_remove(Store *store, const Kind *kind, cJSON *object, GError **error);
gboolean store_ensure_namespace(Store *store, const char *ns, GError **error);
void store_stamp_new(cJSON *object); /* uid, creationTimestamp, generation */

/* write.c */
cJSON *store_create(Cluster *cluster, const Kind *kind, const cJSON *object,
		    ClusterWriteFlags flags, GError **error);
cJSON *store_update(Cluster *cluster, const Kind *kind, const cJSON *object, gboolean status,
		    ClusterWriteFlags flags, GError **error);
cJSON *store_patch(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		   ClusterPatchType type, const cJSON *patch, ClusterWriteFlags flags,
		   GError **error);
gboolean store_delete(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		      const ClusterUnchanged *only, ClusterWriteFlags flags, GError **error);

/* admit.c: whether such a migration may be created, or changed to that. */
gboolean store_admit(Store *store, const Kind *kind, const cJSON *object, GError **error);
gboolean store_admit_change(const Kind *kind, const cJSON *old, const cJSON *object,
			    GError **error);

/* transaction.c */
gboolean store_begin(Store *store, GError **error);
/* Ends what store_begin() began: keeps it where `keep` is TRUE. FALSE: not kept. */
gboolean store_end(Store *store, gboolean keep, GError **error);
gboolean store_batch_begin(Cluster *cluster, GError **error);
gboolean store_batch_commit(Cluster *cluster, GError **error);
void store_batch_rollback(Cluster *cluster);

/* watch.c */
ClusterWatch *store_watch(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
			  const char *version, ClusterWatchFunc func, gpointer data,
			  GError **error);
void store_watch_stop(ClusterWatch *watch);
void store_committed(Store *store);  /* after a commit of our own: tells watchers everywhere */
void store_watch_kick(Store *store); /* looks for news from the main loop */
void store_watch_close(Store *store);
