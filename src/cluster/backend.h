/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an implementation of cluster.h provides; only cluster/ includes this. cluster.c checks
 * arguments and read-only mode, then calls the backend; the meaning of each call is cluster.h's.
 */
#pragma once

#include "cluster/cluster.h"

/* What must still be so of the object that is to be deleted; each NULL: whatever it is. */
typedef struct {
	const char *uid, *version;
} ClusterUnchanged;

typedef struct {
	void (*close)(Cluster *cluster);
	/* NULL: the caps are known from the start */
	gboolean (*probe)(Cluster *cluster, GError **error);
	/* NULL: model/kind.h's table is all there is. `word` as people say it. */
	const Kind *(*find_kind)(Cluster *cluster, const char *word, GError **error);
	const Kind *(*kind_of)(Cluster *cluster, const char *api_version, const char *kind,
			       GError **error);
	/* NULL: by the schema of the store */
	ClusterFieldState (*has_field)(Cluster *cluster, const Kind *kind, const char *path);
	cJSON *(*field_default)(Cluster *cluster, const Kind *kind, const char *path); /* or NULL */
	/* NULL: UNSUPPORTED */
	cJSON *(*get_path)(Cluster *cluster, const char *path, GError **error);
	gboolean (*put_path)(Cluster *cluster, const char *path, const cJSON *body,
			     GError **error);
	cJSON *(*get)(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		      GError **error);
	GPtrArray *(*list)(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
			   char **ret_version, GError **error);
	/* NULL: cluster.c makes it of `list` */
	gboolean (*each)(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
			 ClusterEachFunc func, gpointer data, char **ret_version, GError **error);
	/* NULL: cluster.c makes rows of `each` and the kind's printer columns */
	gboolean (*table)(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
			  ClusterRowFunc func, gpointer data, char **ret_version, GError **error);
	cJSON *(*create)(Cluster *cluster, const Kind *kind, const cJSON *object,
			 ClusterWriteFlags flags, GError **error);
	cJSON *(*update)(Cluster *cluster, const Kind *kind, const cJSON *object, gboolean status,
			 ClusterWriteFlags flags, GError **error);
	cJSON *(*patch)(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
			ClusterPatchType type, const cJSON *patch, ClusterWriteFlags flags,
			GError **error);
	/* NULL: cluster.c merges into what is there, or creates */
	cJSON *(*apply)(Cluster *cluster, const Kind *kind, const cJSON *object,
			ClusterWriteFlags flags, gboolean *ret_created, GError **error);
	gboolean (*delete)(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
			   const ClusterUnchanged *only, ClusterWriteFlags flags, GError **error);
	gboolean (*batch_begin)(Cluster *cluster, GError **error);
	gboolean (*batch_commit)(Cluster *cluster, GError **error);
	void (*batch_rollback)(Cluster *cluster);
	ClusterWatch *(*watch)(Cluster *cluster, const Kind *kind,
			       const ClusterListOptions *options, const char *version,
			       ClusterWatchFunc func, gpointer data, GError **error);
	void (*watch_stop)(ClusterWatch *watch);
} ClusterBackend;

/* A backend's own struct begins with this. */
struct Cluster {
	const ClusterBackend *backend;
	ClusterCaps caps;
	char *ns;	 /* cluster_default_namespace(), or NULL; likewise */
	char *server;	 /* cluster_server(), or NULL; likewise */
	gboolean probed; /* caps are filled */
	char *context;	 /* freed by cluster_close() after the backend's close */
	char *state_dir; /* likewise */
	char *store_file; /* cluster_store_file(), or NULL; likewise */
	gboolean read_only;
	cJSON *kubevirt; /* cluster_kubevirt(), or NULL; likewise */
};

struct ClusterWatch {
	Cluster *cluster;
};

/* cluster/local/store.c: opens, or with `create` makes, the store of local/NAME. */
Cluster *local_store_open(const char *name, gboolean create, gboolean read_only, GError **error);
/* Whether a store of that name exists (a file is there; it is not opened). */
gboolean local_store_exists(const char *name);
/* Names of the stores that exist, sorted. */
GStrv local_store_names(void);
