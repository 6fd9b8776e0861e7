/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/list.h"

#include <string.h>

#include "base/error.h"
#include "cluster/kube/path.h"
#include "cluster/kube/split.h"

/* Each chunk has the server count all items that are left, so that small ones are slow. It reads
 * whole objects for rows and metadata too: of those it is asked for as many as by kubectl. */
const ChunkSize kube_chunk_objects = { .bytes = 4 << 20, .first = 50, .least = 20, .most = 2000 };
const ChunkSize kube_chunk_parts = { .bytes = 8 << 20, .first = 500, .least = 50, .most = 500 };

#define ITEM_WORDS "an item of the server's list"

#define ACCEPT_METADATA                                                                            \
	"application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
#define ACCEPT_TABLE "application/json;as=Table;v=v1;g=meta.k8s.io"

typedef struct ListRun ListRun;
struct ListRun {
	Kube *kube;
	const Kind *kind;
	const ClusterListOptions *options;
	const char *accept;
	const ChunkSize *size;
	const char *array; /* "items" or "rows" */
	gboolean (*give)(ListRun *run, cJSON *item);
	gpointer func; /* of the caller; `give` knows its type */
	gpointer data;
	GPtrArray *kept; /* cluster_list(): all of it can be thrown away and asked for anew */

	Split split;
	cJSON *columns;
	char *version;  /* of the first chunk */
	char *token;    /* `continue`; NULL: there is no more */
	char *last_key; /* of the item that was handed on last */
	gint64 limit;   /* 0: all of it */
	gsize items;    /* of this chunk */
	guint64 bytes;
	gboolean skip;    /* items up to last_key were handed on before */
	gboolean expired; /* an expired chunk was dealt with: once is enough */
	gboolean stopped; /* by the caller */
	GError *error;
};

static void list_run_clear(ListRun *run)
{
	split_clear(&run->split);
	cJSON_Delete(run->columns);
	g_free(run->version);
	g_free(run->token);
	g_free(run->last_key);
	g_clear_error(&run->error);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ListRun, list_run_clear)

/* ---- items ---------------------------------------------------------------------------------- */

static void put_first(cJSON *object, const char *key, const char *value)
{
	g_autoptr(cJSON) holder = cJSON_CreateObject();

	json_set_string(holder, key, value);
	json_unset(object, key);
	cJSON_InsertItemInArray(object, 0, cJSON_DetachItemViaPointer(holder, holder->child));
}

void kube_name_kind(cJSON *object, const Kind *kind)
{
	const char *name = json_string(object, "kind", NULL);

	if (name && !g_str_equal(name, "PartialObjectMetadata"))
		return;
	put_first(object, "kind", kind->kind);
	put_first(object, "apiVersion", kind->api_version);
}

/* What items are ordered by: that of etcd's keys. */
static char *key_of(const ListRun *run, const cJSON *item)
{
	const cJSON *object = g_str_equal(run->array, "rows") ? json_get(item, "object") : item;

	return object_ref(object);
}

static gboolean take_item(ListRun *run, const char *text, gsize length, GError **error)
{
	g_autoptr(cJSON) item = json_parse(text, length, ITEM_WORDS, error);
	g_autofree char *key = NULL;

	if (!item)
		return FALSE;
	if (!cJSON_IsObject(item))
		return error_set(error, KVMIG_ERROR_INVALID, "%s is not an object", ITEM_WORDS);
	run->items++;
	run->bytes += length;
	key = key_of(run, item);
	if (run->skip && run->last_key && strcmp(key, run->last_key) <= 0)
		return TRUE;
	g_free(run->last_key);
	run->last_key = g_steal_pointer(&key);
	if (run->kept) {
		kube_name_kind(item, run->kind);
		g_ptr_array_add(run->kept, g_steal_pointer(&item));
		return TRUE;
	}
	run->stopped = !run->give(run, item);
	return !run->stopped;
}

static gboolean take_metadata(ListRun *run, const cJSON *metadata)
{
	const char *token = json_string(metadata, "continue", NULL);

	if (!run->version)
		run->version = g_strdup(json_string(metadata, "resourceVersion", NULL));
	g_free(run->token);
	run->token = token && *token ? g_strdup(token) : NULL;
	return TRUE;
}

static gboolean on_part(const char *key, const char *text, gsize length, gpointer data,
			GError **error)
{
	ListRun *run = data;
	gboolean is_columns = g_str_equal(key, "columnDefinitions");
	cJSON *value;

	if (g_str_equal(key, run->array))
		/* "items": null where there is none */
		return length == 4 && memcmp(text, "null", 4) == 0
			       ? TRUE
			       : take_item(run, text, length, error);
	if (!is_columns && !g_str_equal(key, "metadata"))
		return TRUE;
	value = json_parse(text, length, "the server's list", error);
	if (!value)
		return FALSE;
	if (is_columns) {
		cJSON_Delete(run->columns);
		run->columns = value;
		return TRUE;
	}
	take_metadata(run, value);
	cJSON_Delete(value);
	return TRUE;
}

/* ---- chunks --------------------------------------------------------------------------------- */

static gboolean on_data(const char *data, gsize length, gpointer user_data)
{
	ListRun *run = user_data;

	return split_feed(&run->split, data, length, &run->error);
}

/* The reply begins anew: what was handed on already must not come twice. */
static void begin_reply(gpointer user_data)
{
	ListRun *run = user_data;

	split_clear(&run->split);
	split_init(&run->split, run->array, "the server's list", on_part, run);
	run->items = 0;
	run->bytes = 0;
	run->skip = run->last_key != NULL;
}

static char *chunk_target(const ListRun *run, const char *token, GError **error)
{
	g_auto(Query) query = { 0 };
	g_autofree char *path =
		path_of(run->kind, run->options ? run->options->ns : NULL, NULL, NULL, error);

	if (!path)
		return NULL;
	query_add_options(&query, run->options);
	if (run->limit > 0)
		query_add_int(&query, "limit", run->limit);
	query_add(&query, "continue", token);
	return query_take(&query, path);
}

gint64 kube_next_limit(const ChunkSize *size, gint64 limit, gsize items, guint64 bytes)
{
	if (items == 0)
		return limit;
	return CLAMP((gint64)(size->bytes / MAX(bytes / items, 1)), size->least, size->most);
}

/* The version that the chunks are of is gone. FALSE: nothing can be done about it. */
static gboolean recover_expired(ListRun *run, const HttpReply *reply)
{
	g_autoptr(cJSON) status = reply->body ? json_parse((const char *)reply->body->data,
							   reply->body->len, "the reply", NULL)
					      : NULL;
	const char *token = json_string(json_get(status, "metadata"), "continue", NULL);

	if (run->kept) {
		/* from the beginning, whole, so that it is of one version */
		if (run->expired)
			return FALSE;
		g_ptr_array_set_size(run->kept, 0);
		g_clear_pointer(&run->last_key, g_free);
		g_clear_pointer(&run->version, g_free);
		run->limit = 0;
		token = NULL;
	} else if (!token || !*token) {
		if (run->expired)
			return FALSE;
		run->limit = 0;
		token = NULL;
	}
	g_debug("list of %s: its version has expired, going on %s", run->kind->plural,
		token ? "with the present one" : "from the beginning");
	run->expired = TRUE;
	g_free(run->token);
	run->token = g_strdup(token);
	return TRUE;
}

/* The caller's input is not to blame for what the server sends. */
static gboolean set_bad_reply(ListRun *run, GError **error)
{
	return error_set(error, KVMIG_ERROR_FAILED, "cannot list %s in '%s': %s", run->kind->plural,
			 run->kube->base.context, run->error->message);
}

static gboolean fetch_chunk(ListRun *run, HttpReply *reply, GError **error)
{
	g_autofree char *token = g_steal_pointer(&run->token);
	g_autofree char *target = chunk_target(run, token, error);
	const KubeRequest request = {
		.method = "GET",
		.target = target,
		.accept = run->accept,
		.subject = kube_subject(run->kube, "list", run->kind,
					run->options ? run->options->ns : NULL, NULL),
		.on_data = on_data,
		.on_restart = begin_reply,
		.data = run,
	};

	if (!target)
		return FALSE;
	begin_reply(run);
	if (!kube_send(run->kube, &request, reply, error))
		return FALSE;
	split_end(&run->split, &run->error);
	run->limit =
		run->limit > 0 ? kube_next_limit(run->size, run->limit, run->items, run->bytes) : 0;
	return TRUE;
}

/* All chunks. TRUE too where the caller has stopped it. */
static gboolean run_list(ListRun *run, char **ret_version, GError **error)
{
	gboolean more = TRUE;

	while (more) {
		g_auto(HttpReply) reply = { 0 };
		g_autoptr(GError) cause = NULL;
		gboolean ok = fetch_chunk(run, &reply, &cause);

		if (run->stopped)
			return TRUE;
		if (run->error)
			return set_bad_reply(run, error);
		if (!ok && reply.head.status == 410 && recover_expired(run, &reply))
			continue;
		if (!ok) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		more = run->token != NULL;
	}
	if (ret_version)
		*ret_version = g_strdup(run->version ? run->version : "");
	return TRUE;
}

/* ---- the three forms ------------------------------------------------------------------------ */

static const char *accept_of(const ClusterListOptions *options)
{
	return options && options->metadata_only ? ACCEPT_METADATA : NULL;
}

static const ChunkSize *size_of(const ClusterListOptions *options)
{
	return options && options->metadata_only ? &kube_chunk_parts : &kube_chunk_objects;
}

static gboolean give_object(ListRun *run, cJSON *item)
{
	ClusterEachFunc *func = run->func;

	kube_name_kind(item, run->kind);
	return (*func)(item, run->data);
}

gboolean kube_each(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		   ClusterEachFunc func, gpointer data, char **ret_version, GError **error)
{
	g_auto(ListRun) run = { .kube = kube_of(cluster),
				.kind = kind,
				.options = options,
				.accept = accept_of(options),
				.array = "items",
				.give = give_object,
				.func = &func,
				.data = data,
				.size = size_of(options),
				.limit = size_of(options)->first };

	return run_list(&run, ret_version, error);
}

static gboolean give_row(ListRun *run, cJSON *item)
{
	ClusterRowFunc *func = run->func;

	return (*func)(run->columns, item, run->data);
}

gboolean kube_table(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		    ClusterRowFunc func, gpointer data, char **ret_version, GError **error)
{
	g_auto(ListRun) run = { .kube = kube_of(cluster),
				.kind = kind,
				.options = options,
				.accept = ACCEPT_TABLE,
				.array = "rows",
				.give = give_row,
				.func = &func,
				.data = data,
				.size = &kube_chunk_parts,
				.limit = kube_chunk_parts.first };

	return run_list(&run, ret_version, error);
}

static gint compare_objects(gconstpointer a, gconstpointer b)
{
	const cJSON *x = *(cJSON *const *)a, *y = *(cJSON *const *)b;
	int order = g_strcmp0(object_namespace(x), object_namespace(y));

	return order ? order : g_strcmp0(object_name(x), object_name(y));
}

GPtrArray *kube_list(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		     char **ret_version, GError **error)
{
	g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_auto(ListRun) run = { .kube = kube_of(cluster),
				.kind = kind,
				.options = options,
				.accept = accept_of(options),
				.array = "items",
				.kept = items,
				.size = size_of(options),
				.limit = size_of(options)->first };

	if (!run_list(&run, ret_version, error))
		return NULL;
	g_ptr_array_sort(items, compare_objects);
	return g_steal_pointer(&items);
}

static gboolean ignore(const cJSON *object G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED)
{
	return TRUE;
}

char *kube_list_version(Kube *kube, const Kind *kind, const ClusterListOptions *options,
			GError **error)
{
	ClusterEachFunc func = ignore;
	g_auto(ListRun) run = { .kube = kube,
				.kind = kind,
				.options = options,
				.accept = ACCEPT_METADATA,
				.size = &kube_chunk_parts,
				.array = "items",
				.give = give_object,
				.func = &func,
				.limit = 1 };
	g_auto(HttpReply) reply = { 0 };

	if (!fetch_chunk(&run, &reply, error))
		return NULL;
	if (run.error || !run.version) {
		error_set(error, KVMIG_ERROR_FAILED,
			  "cannot list %s in '%s': the reply has no "
			  "version",
			  kind->plural, kube->base.context);
		return NULL;
	}
	return g_steal_pointer(&run.version);
}
