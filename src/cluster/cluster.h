/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster: where the objects live. Two implementations stand behind this interface, an API
 * server (cluster/kube) and the embedded store (cluster/local); callers do not
 * know which they have, except through cluster_caps().
 *
 * Objects go in and out as cJSON documents in Kubernetes form. What is returned belongs to the
 * caller. Rules that hold on both: resourceVersion is opaque and grows with every write; update
 * with a stale one is CONFLICT; uid, creationTimestamp, generation, resourceVersion and
 * deletionTimestamp belong to the server; for kinds with a status, cluster_update() ignores
 * changes to status and cluster_update_status() all others; an object with finalizers stays,
 * with a deletionTimestamp, until the last one is removed. An update that changes nothing is no
 * write. On local clusters a namespace comes to be with the first object in it, as `default` does
 * with the cluster; one that holds objects is not deleted (CONFLICT).
 *
 * Calls block (a local one for milliseconds) and belong to the thread of the default main
 * context. Errors: NOT_FOUND, EXISTS, CONFLICT, INVALID, FORBIDDEN, UNREACHABLE, TIMEOUT, EXPIRED,
 * IO; the message names the object.
 */
#pragma once

#include "model/kind.h"
#include "model/labels.h"
#include "model/object.h"

typedef struct Cluster Cluster;

/* For a process that holds a secret: no core file and no ptrace from now on. Opening a cluster with
 * credentials does it. */
void cluster_protect_process(void);

typedef enum { CLUSTER_KUBEVIRT, CLUSTER_FLEET, CLUSTER_LOCAL } ClusterKind;

/* What the cluster at hand can do. On an API server cluster_probe() fills it. */
typedef struct {
	ClusterKind kind;
	gboolean kvmig_migrates;   /* fleet, local: 'kvmig controller' carries migrations out */
	const Kind *node_kind;     /* KIND_HOST or KIND_NODE */
} ClusterCaps;

/* Text of a `Warning:` header of the server, each text once for each open cluster. */
typedef void (*ClusterWarnFunc)(const char *text, gpointer data);

typedef struct {
	const char *context;    /* --context or KVMIG_CONTEXT; NULL: not named */
	const char *kubeconfig; /* --kubeconfig; NULL: KUBECONFIG or the default */
	gboolean read_only;     /* writes are refused with FORBIDDEN */
	gboolean create;        /* local: make the store where there is none */

	/* What goes before the kubeconfig, all NULL or 0 where not given. Any of them with a local
	 * cluster is USAGE. */
	const char *cluster, *user;
	const char *server, *certificate_authority, *tls_server_name;
	gboolean insecure_skip_tls_verify;
	const char *token, *token_file;
	const char *as, *as_uid;
	const char *const *as_groups; /* NULL-terminated, or NULL */

	gint64 request_timeout_ms; /* for one request but watches; 0: no limit of ours */
	gboolean no_plugins;       /* a user with a credential plugin is UNSUPPORTED: completion */
	gboolean interactive;      /* stdin is a terminal that a plugin may talk to */
	ClusterWarnFunc warn;      /* NULL: warnings are dropped */
	gpointer warn_data;
} ClusterOptions;

/*
 * Opens the cluster that the options, the environment and the files choose (DESIGN §1):
 * `local`, `local/NAME`, `lab` or a kubeconfig context. NULL with NOT_FOUND where the named
 * context does not exist, or nothing is named and nothing is set up; the hint says what to type.
 */
Cluster *cluster_open(const ClusterOptions *options, GError **error);
void cluster_close(Cluster *cluster);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cluster, cluster_close)

/*
 * Finds out which kind of cluster this is and fills in the caps; at once TRUE where that is known.
 * cluster_open() sends nothing to an API server, so that `get` costs one request: commands that
 * ask for caps probe first (dispatch does it for all but those flagged ANY_CLUSTER). Fails closed
 * (DESIGN §1): UNSUPPORTED where the server shows neither mark, or both; FORBIDDEN where the
 * question is.
 */
gboolean cluster_probe(Cluster *cluster, GError **error);
/* After cluster_probe(). */
const ClusterCaps *cluster_caps(const Cluster *cluster);
/* The KubeVirt object that cluster_probe() has seen, as it was then; NULL on other clusters.
 * Borrowed. */
const cJSON *cluster_kubevirt(const Cluster *cluster);

/* Whether objects of a kind have a field ("spec.addedNodeSelector"), by the schema that the server
 * publishes (/openapi/v3, cached by its hash) or the store's own. UNKNOWN: the schema could not be
 * had (*error is not set; the reason goes to g_info()), or it preserves unknown fields there. */
typedef enum { CLUSTER_FIELD_UNKNOWN, CLUSTER_FIELD_YES, CLUSTER_FIELD_NO } ClusterFieldState;
ClusterFieldState cluster_has_field(Cluster *cluster, const Kind *kind, const char *path);

/* What the server puts in where a field ("spec.liveMigrationConfig.network") is left out, by the
 * same schema; a copy. NULL: nothing, or not known, or a local cluster. */
cJSON *cluster_field_default(Cluster *cluster, const Kind *kind, const char *path);

/*
 * A kind by what people call it (kind, plural, singular, short name, each also with ".group" or
 * ".version.group" behind it; case does not matter), or by what an object says of itself. First
 * the table of model/kind.h, then, on an API server, discovery (cached on disk). What discovery
 * found belongs to the cluster. NOT_FOUND with near names in the hint.
 */
const Kind *cluster_find_kind(Cluster *cluster, const char *word, GError **error);
const Kind *cluster_kind_of(Cluster *cluster, const char *api_version, const char *kind,
			    GError **error);

/* The namespace that the context names; NULL where it names none (local, most kubeconfigs).
 * Borrowed. */
const char *cluster_default_namespace(const Cluster *cluster);
/* "https://host:6443", NULL on a local cluster. Borrowed. */
const char *cluster_server(const Cluster *cluster);

/* GET of a path that is no object ("/version", "/openapi/v3"), as JSON. Local: UNSUPPORTED. */
cJSON *cluster_get_path(Cluster *cluster, const char *path, GError **error);
/* PUT to one, as KubeVirt's own API takes orders ("/apis/subresources.kubevirt.io/…"); what comes
 * back is not kept. Local: UNSUPPORTED. */
gboolean cluster_put_path(Cluster *cluster, const char *path, const cJSON *body, GError **error);

/* Who we are here: {"username": "...", "groups": [...]}, as the API server sees us; on a local
 * cluster the user of this process. UNSUPPORTED: it cannot be asked (Kubernetes before 1.28). */
cJSON *cluster_whoami(Cluster *cluster, GError **error);

/* Opened so that writes are refused: nor should anything be started that would write. */
gboolean cluster_is_read_only(const Cluster *cluster);
/* "local/default", "kube/prod": as every writing command names it on stderr. Borrowed. */
const char *cluster_context(const Cluster *cluster);
/* Folder of the files that belong to this context (controller's lock and log); NULL where there
 * is none. Borrowed. */
const char *cluster_state_dir(const Cluster *cluster);

/* The file that a local cluster's objects are in; NULL for others. Borrowed. */
const char *cluster_store_file(const Cluster *cluster);

/* Names of the contexts that exist, without opening any: for completion and messages. Those of a
 * kubeconfig (option; NULL: as cluster_open() finds it) that cannot be read are left out. */
GStrv cluster_list_contexts(const char *kubeconfig);
/* Names of the clusters or users in the kubeconfig, for completion. */
GStrv cluster_list_clusters(const char *kubeconfig);
GStrv cluster_list_users(const char *kubeconfig);

/* What makes cluster_open() choose a context. */
typedef enum {
	CLUSTER_CONTEXT_OPTION,      /* --context */
	CLUSTER_CONTEXT_ENVIRONMENT, /* KVMIG_CONTEXT */
	CLUSTER_CONTEXT_KUBECONFIG,  /* its current-context */
	CLUSTER_CONTEXT_SERVER,	     /* no context, but --server, --cluster or KUBERNETES_MASTER */
	CLUSTER_CONTEXT_SERVICE_ACCOUNT, /* of the pod */
	CLUSTER_CONTEXT_DEFAULT,         /* the local cluster, where there is nothing else */
} ClusterContextOrigin;

/* A context, as `context list` shows it; NULL where it has no such thing. */
typedef struct {
	char *name; /* "local/lab", "kube/prod"; the server's URL where there is no context */
	gboolean local;
	gboolean current; /* cluster_open() with the same options opens this one */
	char *cluster, *server, *user, *ns;

	/* Of the current one only; the above are then what the options make of it. */
	ClusterContextOrigin origin;
	char *file;    /* that names it, where it is the kubeconfig's current one */
	char *problem; /* why cluster_open() refuses it, as for a missing certificate file */
} ClusterContext;
void cluster_context_free(ClusterContext *context);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ClusterContext, cluster_context_free)

/* The context that cluster_open() chooses; opens nothing, and runs no plugin. Where it would refuse
 * to choose, its error. */
ClusterContext *cluster_current_context(const ClusterOptions *options, GError **error);
/* All contexts: local ones, then those of the kubeconfig, each by name; elements are
 * ClusterContext*, freed with the array. Opens none. None is current where cluster_open() would
 * refuse to choose. Errors as of the kubeconfig: NOT_FOUND, INVALID, FORBIDDEN, IO. */
GPtrArray *cluster_describe_contexts(const ClusterOptions *options, GError **error);

cJSON *cluster_get(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		   GError **error);

typedef struct {
	const char *ns;           /* NULL: all namespaces */
	const Selector *selector; /* labels; NULL: all */
	const char *name;         /* only the object of that name (metadata.name); NULL: all */
	const char *uid_of;       /* API servers, events only: those of the object of that uid */
	gboolean metadata_only;   /* objects with apiVersion, kind and metadata suffice */
} ClusterListOptions;

/* The items in the order of their namespace and name; options may be NULL. *ret_version (may be
 * NULL) is the list's resourceVersion, for cluster_watch(). Elements are cJSON*, freed with the
 * array. */
GPtrArray *cluster_list(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
			char **ret_version, GError **error);

/* The same, one object after the other as they arrive, so that memory does not grow with their
 * number; in the server's order. `func` borrows the object and returns FALSE to stop (then the
 * call is still a success, and *ret_version is not set). */
typedef gboolean (*ClusterEachFunc)(const cJSON *object, gpointer data);
gboolean cluster_each(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		      ClusterEachFunc func, gpointer data, char **ret_version, GError **error);

/*
 * The objects as rows of a table, made by the server from the kind's printer columns (on local
 * clusters from the CRD's additionalPrinterColumns). `func` gets pieces of a meta.k8s.io/v1 Table
 * as they arrive: `columns` is its columnDefinitions (the same at each call), `row` one of its
 * rows, whose `object` holds metadata. All borrowed; FALSE stops.
 */
typedef gboolean (*ClusterRowFunc)(const cJSON *columns, const cJSON *row, gpointer data);
gboolean cluster_table(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		       ClusterRowFunc func, gpointer data, char **ret_version, GError **error);

typedef enum {
	CLUSTER_WRITE_NONE = 0,
	CLUSTER_WRITE_DRY_RUN = 1 << 0, /* everything but the commit, on the server */
	CLUSTER_WRITE_FORCE = 1 << 1,   /* apply: take over fields that others manage */
	CLUSTER_WRITE_UNADMITTED = 1 << 2, /* local: for tests, which write of things past */
} ClusterWriteFlags;

/* Creates from `object` (its kind, namespace, name or generateName) and returns what was
 * stored. `object` is not changed. For kinds with a status a status in it is left out, as
 * Kubernetes does: cluster_update_status() writes it. */
cJSON *cluster_create(Cluster *cluster, const cJSON *object, ClusterWriteFlags flags,
		      GError **error);
/* Replaces. An object without resourceVersion overwrites unconditionally. */
cJSON *cluster_update(Cluster *cluster, const cJSON *object, ClusterWriteFlags flags,
		      GError **error);
cJSON *cluster_update_status(Cluster *cluster, const cJSON *object, ClusterWriteFlags flags,
			     GError **error);

typedef enum {
	CLUSTER_PATCH_MERGE, /* RFC 7396; a resourceVersion in its metadata makes it conditional */
	CLUSTER_PATCH_MERGE_STATUS,
	CLUSTER_PATCH_JSON, /* RFC 6902; a `test` of /metadata/resourceVersion likewise */
} ClusterPatchType;

cJSON *cluster_patch(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		     ClusterPatchType type, const cJSON *patch, ClusterWriteFlags flags,
		     GError **error);

/*
 * Server-side apply with the field manager `kvmig`: makes the object where there is none. A field
 * that another manager owns is CONFLICT, with every manager and field in the message, unless
 * FORCE. On the store, which keeps no managers: a merge of the manifest into the object.
 * *ret_created (may be NULL) tells whether there was none before.
 */
cJSON *cluster_apply(Cluster *cluster, const cJSON *object, ClusterWriteFlags flags,
		     gboolean *ret_created, GError **error);

/* Asks for deletion; with finalizers the object stays for now. uid NULL: whatever has the name. */
gboolean cluster_delete(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
			const char *uid, ClusterWriteFlags flags, GError **error);
/* The same of an object as it was read: CONFLICT where it was changed or replaced since. */
gboolean cluster_delete_unchanged(Cluster *cluster, const Kind *kind, const cJSON *object,
				  ClusterWriteFlags flags, GError **error);

/*
 * Several writes as one, where the cluster can: on local, all of them are one transaction (one
 * fsync); on an API server they happen one by one, in order, up to the first failure. Between
 * begin and commit reads see the writes. Not nested. A failed write inside leaves the batch open;
 * the caller ends it either way. Watchers hear of the writes after the commit.
 */
gboolean cluster_batch_begin(Cluster *cluster, GError **error);
gboolean cluster_batch_commit(Cluster *cluster, GError **error);
void cluster_batch_rollback(Cluster *cluster);

/*
 * Watching. Events come from the main loop, in the order of their resourceVersion, each once;
 * for one's own writes too. `object` is borrowed for the call (DELETED: its last state). ERROR
 * ends the watch, and nothing comes after it; it still has to be stopped. `error` is EXPIRED where
 * the version was too old: list again and start anew. Stopping inside the callback is allowed.
 */
typedef enum {
	CLUSTER_EVENT_ADDED,
	CLUSTER_EVENT_MODIFIED,
	CLUSTER_EVENT_DELETED,
	CLUSTER_EVENT_ERROR
} ClusterEventType;
typedef struct ClusterWatch ClusterWatch;
typedef void (*ClusterWatchFunc)(ClusterEventType type, const cJSON *object, const GError *error,
				 gpointer data);

/* version: where to start after, from cluster_list(); NULL: from now. The selector of the options
 * must live as long as the watch; an object whose labels cease to match is DELETED for it, one
 * whose labels begin to match ADDED. Watches are stopped before the cluster is closed, and do not
 * begin within a batch. */
ClusterWatch *cluster_watch(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
			    const char *version, ClusterWatchFunc func, gpointer data,
			    GError **error);
void cluster_watch_stop(ClusterWatch *watch); /* NULL is ignored */
