/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/kube.h"

#include <string.h>

#include "base/error.h"
#include "cluster/kube/discovery.h"
#include "cluster/kube/list.h"
#include "cluster/kube/openapi.h"
#include "cluster/kube/path.h"
#include "cluster/kube/probe.h"
#include "cluster/kube/request.h"
#include "cluster/kube/watch.h"

#define OVERWRITE_TRIES 5

/* ---- reading -------------------------------------------------------------------------------- */

static cJSON *kube_get(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		       GError **error)
{
	Kube *kube = kube_of(cluster);
	g_autofree char *path = path_of(kind, ns, name, NULL, error);
	const KubeRequest request = { .method = "GET",
				      .target = path,
				      .subject = kube_subject(kube, "get", kind, ns, name) };

	return path ? kube_send_json(kube, &request, NULL, error) : NULL;
}

static cJSON *kube_get_path(Cluster *cluster, const char *path, GError **error)
{
	Kube *kube = kube_of(cluster);
	const KubeRequest request = { .method = "GET",
				      .target = path,
				      .subject = kube_subject(kube, "get", NULL, NULL, path) };

	return kube_send_json(kube, &request, NULL, error);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* What a write sends and where. */
typedef struct {
	const char *method, *verb, *content_type;
	const Kind *kind;
	const char *ns, *name; /* name NULL: the collection */
	const char *shown;     /* the name, for messages */
	const char *subresource;
	const cJSON *body;
	ClusterWriteFlags flags;
} Write;

static cJSON *send_write(Cluster *cluster, const Write *write, int *ret_status, GError **error)
{
	Kube *kube = kube_of(cluster);
	g_auto(Query) query = { 0 };
	g_autofree char *path =
		path_of(write->kind, write->ns, write->name, write->subresource, error);
	g_autofree char *target = NULL, *body = NULL;
	KubeRequest request = { .method = write->method,
				.content_type = write->content_type,
				.subject = kube_subject(kube, write->verb, write->kind, write->ns,
							write->shown) };

	if (!path)
		return NULL;
	query_add_write(&query, write->flags);
	target = query_take(&query, path);
	body = json_print(write->body);
	request.target = target;
	request.body = body;
	return kube_send_json(kube, &request, ret_status, error);
}

static cJSON *kube_create(Cluster *cluster, const Kind *kind, const cJSON *object,
			  ClusterWriteFlags flags, GError **error)
{
	const char *name = object_name(object);
	const Write write = { .method = "POST",
			      .verb = "create",
			      .content_type = "application/json",
			      .kind = kind,
			      .ns = object_namespace(object),
			      .shown = name ? name
					    : json_string(json_get(object, "metadata"),
							  "generateName", NULL),
			      .body = object,
			      .flags = flags };

	return send_write(cluster, &write, NULL, error);
}

static cJSON *put(Cluster *cluster, const Kind *kind, const cJSON *object, gboolean status,
		  ClusterWriteFlags flags, GError **error)
{
	const Write write = { .method = "PUT",
			      .verb = "change",
			      .content_type = "application/json",
			      .kind = kind,
			      .ns = object_namespace(object),
			      .name = object_name(object),
			      .shown = object_name(object),
			      .subresource = status ? "status" : NULL,
			      .body = object,
			      .flags = flags };

	return send_write(cluster, &write, NULL, error);
}

/* Servers want a version of kinds that come from CRDs: it is that of the moment, however often
 * somebody else is faster. */
static cJSON *put_over(Cluster *cluster, const Kind *kind, const cJSON *object, gboolean status,
		       ClusterWriteFlags flags, GError **error)
{
	g_autoptr(cJSON) copy = cJSON_Duplicate(object, TRUE);

	for (int tries = 1;; tries++) {
		g_autoptr(GError) cause = NULL;
		g_autoptr(cJSON) now = kube_get(cluster, kind, object_namespace(object),
						object_name(object), error);
		cJSON *stored;

		if (!now)
			return NULL;
		json_set_string(json_ensure_object(copy, "metadata"), "resourceVersion",
				object_resource_version(now));
		stored = put(cluster, kind, copy, status, flags, &cause);
		if (stored)
			return stored;
		if (error_code(cause) == KVMIG_ERROR_CONFLICT && tries < OVERWRITE_TRIES)
			continue;
		g_propagate_error(error, g_steal_pointer(&cause));
		return NULL;
	}
}

static cJSON *kube_update(Cluster *cluster, const Kind *kind, const cJSON *object, gboolean status,
			  ClusterWriteFlags flags, GError **error)
{
	return object_resource_version(object)
		       ? put(cluster, kind, object, status, flags, error)
		       : put_over(cluster, kind, object, status, flags, error);
}

/* A test that fails is a conflict, but the server tells it in the words that it has for a patch
 * that does not fit. */
static gboolean has_test(const cJSON *patch)
{
	const cJSON *operation;

	cJSON_ArrayForEach(operation, patch)
	{
		if (g_str_equal(json_string(operation, "op", ""), "test"))
			return TRUE;
	}
	return FALSE;
}

static void explain_json_patch(const cJSON *patch, const Kind *kind, const char *name,
			       GError **error)
{
	if (!error || error_code(*error) != KVMIG_ERROR_INVALID || !has_test(patch) ||
	    !strstr((*error)->message, "the server rejected our request due to an error"))
		return;
	g_clear_error(error);
	error_set(error, KVMIG_ERROR_CONFLICT,
		  "cannot change %s '%s': it is not as the patch expects", kind->singular, name);
}

static cJSON *kube_patch(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
			 ClusterPatchType type, const cJSON *patch, ClusterWriteFlags flags,
			 GError **error)
{
	const Write write = { .method = "PATCH",
			      .verb = "change",
			      .content_type = type == CLUSTER_PATCH_JSON
						      ? "application/json-patch+json"
						      : "application/merge-patch+json",
			      .kind = kind,
			      .ns = ns,
			      .name = name,
			      .shown = name,
			      .subresource = type == CLUSTER_PATCH_MERGE_STATUS ? "status" : NULL,
			      .body = patch,
			      .flags = flags };
	g_autoptr(GError) cause = NULL;
	cJSON *stored = send_write(cluster, &write, NULL, &cause);

	if (stored)
		return stored;
	if (type == CLUSTER_PATCH_JSON)
		explain_json_patch(patch, kind, name, &cause);
	g_propagate_error(error, g_steal_pointer(&cause));
	return NULL;
}

static cJSON *kube_apply(Cluster *cluster, const Kind *kind, const cJSON *object,
			 ClusterWriteFlags flags, gboolean *ret_created, GError **error)
{
	/* JSON is YAML */
	const Write write = { .method = "PATCH",
			      .verb = "apply",
			      .content_type = "application/apply-patch+yaml",
			      .kind = kind,
			      .ns = object_namespace(object),
			      .name = object_name(object),
			      .shown = object_name(object),
			      .body = object,
			      .flags = flags };
	int status = 0;
	cJSON *result = send_write(cluster, &write, &status, error);

	if (result && ret_created)
		*ret_created = status == 201;
	return result;
}

static char *delete_options(const ClusterUnchanged *only, ClusterWriteFlags flags)
{
	g_autoptr(cJSON) options = cJSON_CreateObject();

	json_set_string(options, "apiVersion", "v1");
	json_set_string(options, "kind", "DeleteOptions");
	json_set_string(options, "propagationPolicy", "Background");
	if (only->uid)
		json_set_string(json_ensure_object(options, "preconditions"), "uid", only->uid);
	if (only->version)
		json_set_string(json_ensure_object(options, "preconditions"), "resourceVersion",
				only->version);
	if (flags & CLUSTER_WRITE_DRY_RUN)
		cJSON_AddItemToArray(json_ensure_array(options, "dryRun"),
				     cJSON_CreateString("All"));
	return json_print(options);
}

static gboolean kube_delete(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
			    const ClusterUnchanged *only, ClusterWriteFlags flags, GError **error)
{
	Kube *kube = kube_of(cluster);
	g_auto(HttpReply) reply = { 0 };
	g_autofree char *path = path_of(kind, ns, name, NULL, error);
	g_autofree char *body = delete_options(only, flags);
	const KubeRequest request = { .method = "DELETE",
				      .target = path,
				      .content_type = "application/json",
				      .body = body,
				      .subject = kube_subject(kube, "delete", kind, ns, name) };

	return path && kube_send(kube, &request, &reply, error);
}

static gboolean kube_put_path(Cluster *cluster, const char *path, const cJSON *body, GError **error)
{
	Kube *kube = kube_of(cluster);
	g_auto(HttpReply) reply = { 0 };
	g_autofree char *text = json_print(body);
	/* virt-api's subresources answer with no type at all: 406 to who takes only JSON */
	const KubeRequest request = { .method = "PUT",
				      .target = path,
				      .accept = "application/json, */*",
				      .content_type = "application/json",
				      .body = text,
				      .subject = kube_subject(kube, "change", NULL, NULL, path) };

	return kube_send(kube, &request, &reply, error);
}

/* Writes happen one by one. */
static gboolean kube_batch_begin(Cluster *cluster G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
	return TRUE;
}

static gboolean kube_batch_commit(Cluster *cluster G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
	return TRUE;
}

static void kube_batch_rollback(Cluster *cluster G_GNUC_UNUSED)
{
}

/* ---- opening -------------------------------------------------------------------------------- */

static void kube_close(Cluster *cluster)
{
	Kube *kube = kube_of(cluster);

	http_client_free(kube->http);
	credential_free(kube->credential);
	kube_target_free(kube->target);
	discovery_free(kube->discovery);
	g_clear_pointer(&kube->fields, g_hash_table_unref);
	g_hash_table_unref(kube->warned);
	g_free(kube);
}

static const ClusterBackend kube_backend = {
	.close = kube_close,
	.probe = kube_probe,
	.find_kind = kube_find_kind,
	.kind_of = kube_kind_of,
	.has_field = kube_has_field,
	.field_default = kube_field_default,
	.get_path = kube_get_path,
	.put_path = kube_put_path,
	.get = kube_get,
	.list = kube_list,
	.each = kube_each,
	.table = kube_table,
	.create = kube_create,
	.update = kube_update,
	.patch = kube_patch,
	.apply = kube_apply,
	.delete = kube_delete,
	.batch_begin = kube_batch_begin,
	.batch_commit = kube_batch_commit,
	.batch_rollback = kube_batch_rollback,
	.watch = kube_watch,
	.watch_stop = kube_watch_stop,
};

Cluster *kube_open(KubeTarget *target, const ClusterOptions *options, GError **error)
{
	Credential *credential = credential_new(target, options, error);
	Kube *kube;

	if (!credential) {
		kube_target_free(target);
		return NULL;
	}
	kube = g_new0(Kube, 1);
	kube->base.backend = &kube_backend;
	kube->base.context = g_strconcat("kube/", target->context, NULL);
	kube->base.ns = target->ns && *target->ns ? g_strdup(target->ns) : NULL;
	kube->base.server = g_strdup(target->server);
	kube->base.read_only = options->read_only;
	kube->target = target;
	kube->credential = credential;
	kube->request_timeout_ms = options->request_timeout_ms;
	kube->warn = options->warn;
	kube->warn_data = options->warn_data;
	kube->warned = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return &kube->base;
}
