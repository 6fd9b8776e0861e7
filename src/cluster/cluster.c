/* SPDX-License-Identifier: Apache-2.0 */
/* What holds on every kind of cluster: checks of arguments, read-only mode; then the backend. */
#include "cluster/cluster.h"

#include "base/error.h"
#include "cluster/backend.h"
#include "cluster/generic.h"
#include "model/wellknown.h"

void cluster_close(Cluster *cluster)
{
	char *context, *state_dir, *store_file, *ns, *server;
	cJSON *kubevirt;

	if (!cluster)
		return;
	kubevirt = cluster->kubevirt;
	context = cluster->context;
	state_dir = cluster->state_dir;
	store_file = cluster->store_file;
	ns = cluster->ns;
	server = cluster->server;
	cluster->backend->close(cluster);
	g_free(context);
	g_free(state_dir);
	g_free(store_file);
	g_free(ns);
	g_free(server);
	cJSON_Delete(kubevirt);
}

gboolean cluster_probe(Cluster *cluster, GError **error)
{
	if (!cluster->probed && cluster->backend->probe)
		cluster->probed = cluster->backend->probe(cluster, error);
	else
		cluster->probed = TRUE;
	return cluster->probed;
}

const ClusterCaps *cluster_caps(const Cluster *cluster)
{
	return &cluster->caps;
}

const cJSON *cluster_kubevirt(const Cluster *cluster)
{
	return cluster->kubevirt;
}

const char *cluster_default_namespace(const Cluster *cluster)
{
	return cluster->ns;
}

const char *cluster_server(const Cluster *cluster)
{
	return cluster->server;
}

gboolean cluster_is_read_only(const Cluster *cluster)
{
	return cluster->read_only;
}

const char *cluster_context(const Cluster *cluster)
{
	return cluster->context;
}

const char *cluster_state_dir(const Cluster *cluster)
{
	return cluster->state_dir;
}

const char *cluster_store_file(const Cluster *cluster)
{
	return cluster->store_file;
}

/* A dry run changes nothing and is no write. */
static gboolean check_writable(const Cluster *cluster, ClusterWriteFlags flags, GError **error)
{
	if (!cluster->read_only || (flags & CLUSTER_WRITE_DRY_RUN))
		return TRUE;
	error_set(error, KVMIG_ERROR_FORBIDDEN, "'%s' is open read-only: nothing is changed",
		  cluster->context);
	error_hint(error, "leave out --read-only");
	return FALSE;
}

/* Names are looked up as they are: one that breaks the rules is merely not found. */
static gboolean check_key(const Kind *kind, const char *ns, const char *name, GError **error)
{
	if (!kind)
		return error_set(error, KVMIG_ERROR_INVALID, "no such kind of object");
	if (!name || !*name)
		return error_set(error, KVMIG_ERROR_INVALID, "no name of a %s is given",
				 kind->singular);
	if (kind->namespaced && (!ns || !*ns))
		return error_set(error, KVMIG_ERROR_INVALID, "no namespace is given for %s '%s'",
				 kind->singular, name);
	return TRUE;
}

/* ---- kinds and fields ----------------------------------------------------------------------- */

const Kind *cluster_find_kind(Cluster *cluster, const char *word, GError **error)
{
	if (cluster->backend->find_kind)
		return cluster->backend->find_kind(cluster, word, error);
	return generic_find_kind(cluster, word, error);
}

const Kind *cluster_kind_of(Cluster *cluster, const char *api_version, const char *kind,
			    GError **error)
{
	if (cluster->backend->kind_of)
		return cluster->backend->kind_of(cluster, api_version, kind, error);
	return generic_kind_of(cluster, api_version, kind, error);
}

ClusterFieldState cluster_has_field(Cluster *cluster, const Kind *kind, const char *path)
{
	if (cluster->backend->has_field)
		return cluster->backend->has_field(cluster, kind, path);
	return generic_has_field(kind, path);
}

cJSON *cluster_field_default(Cluster *cluster, const Kind *kind, const char *path)
{
	return cluster->backend->field_default
		       ? cluster->backend->field_default(cluster, kind, path)
		       : NULL;
}

cJSON *cluster_get_path(Cluster *cluster, const char *path, GError **error)
{
	if (cluster->backend->get_path)
		return cluster->backend->get_path(cluster, path, error);
	error_set(error, KVMIG_ERROR_UNSUPPORTED, "'%s' has no API server to ask for %s",
		  cluster->context, path);
	return NULL;
}

cJSON *cluster_whoami(Cluster *cluster, GError **error)
{
	g_autoptr(cJSON) question = NULL;
	g_autoptr(cJSON) answer = NULL;
	cJSON *user;

	if (!cluster->server) {
		user = cJSON_CreateObject();
		json_set_string(user, "username", g_get_user_name());
		return user;
	}
	question = object_new(&KIND_SELF_SUBJECT_REVIEW, NULL, NULL);
	answer = cluster_create(cluster, question, CLUSTER_WRITE_NONE, error);
	if (!answer)
		return NULL;
	user = json_path(answer, "status", "userInfo", NULL);
	if (json_string(user, "username", NULL))
		return cJSON_Duplicate(user, TRUE);
	error_set(error, KVMIG_ERROR_UNSUPPORTED, "'%s' does not tell who asks", cluster->context);
	return NULL;
}

gboolean cluster_put_path(Cluster *cluster, const char *path, const cJSON *body, GError **error)
{
	if (!check_writable(cluster, CLUSTER_WRITE_NONE, error))
		return FALSE;
	if (cluster->backend->put_path)
		return cluster->backend->put_path(cluster, path, body, error);
	return error_set(error, KVMIG_ERROR_UNSUPPORTED, "'%s' has no API server to send %s to",
			 cluster->context, path);
}

static const Kind *check_kind(Cluster *cluster, const cJSON *object, GError **error)
{
	const char *version = json_string(object, "apiVersion", "");
	const char *kind = json_string(object, "kind", "");

	if (*version && *kind)
		return cluster_kind_of(cluster, version, kind, error);
	error_set(error, KVMIG_ERROR_INVALID, "the object has no %s",
		  *version ? "kind" : "apiVersion");
	return NULL;
}

/* An object to write as the backend gets it: with a namespace where its kind has one, and none
 * where it has not. */
static cJSON *prepare_object(const Kind *kind, const cJSON *object, GError **error)
{
	g_autoptr(cJSON) copy = cJSON_Duplicate(object, TRUE);
	cJSON *metadata = json_ensure_object(copy, "metadata");
	const char *ns = object_namespace(copy);
	const char *name = object_name(copy);

	if (!kind->namespaced && ns && *ns) {
		error_set(error, KVMIG_ERROR_INVALID,
			  "%s '%s' cannot be in namespace '%s': a %s has none", kind->singular,
			  name ? name : "", ns, kind->singular);
		return NULL;
	}
	if (!kind->namespaced)
		json_unset(metadata, "namespace");
	else if (!ns || !*ns)
		json_set_string(metadata, "namespace", NAMESPACE_DEFAULT);
	return g_steal_pointer(&copy);
}

/* ---- reading -------------------------------------------------------------------------------- */

cJSON *cluster_get(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		   GError **error)
{
	if (!check_key(kind, ns, name, error))
		return NULL;
	return cluster->backend->get(cluster, kind, ns, name, error);
}

GPtrArray *cluster_list(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
			char **ret_version, GError **error)
{
	if (!kind) {
		error_set(error, KVMIG_ERROR_INVALID, "no such kind of object");
		return NULL;
	}
	return cluster->backend->list(cluster, kind, options, ret_version, error);
}

gboolean cluster_each(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		      ClusterEachFunc func, gpointer data, char **ret_version, GError **error)
{
	if (!kind)
		return error_set(error, KVMIG_ERROR_INVALID, "no such kind of object");
	if (cluster->backend->each)
		return cluster->backend->each(cluster, kind, options, func, data, ret_version,
					      error);
	return generic_each(cluster, kind, options, func, data, ret_version, error);
}

gboolean cluster_table(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		       ClusterRowFunc func, gpointer data, char **ret_version, GError **error)
{
	if (!kind)
		return error_set(error, KVMIG_ERROR_INVALID, "no such kind of object");
	if (cluster->backend->table)
		return cluster->backend->table(cluster, kind, options, func, data, ret_version,
					       error);
	return generic_table(cluster, kind, options, func, data, ret_version, error);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Name rules of what is new: what is stored once is found by any name it has. */
static gboolean check_new_name(const Cluster *cluster, const Kind *kind, const cJSON *object,
			       GError **error)
{
	const cJSON *metadata = json_get(object, "metadata");
	const char *prefix = json_string(metadata, "generateName", NULL);
	const char *name = object_name(object);

	if (json_string(metadata, "resourceVersion", NULL))
		return error_set(error, KVMIG_ERROR_INVALID,
				 "%s '%s' is to be created and must not have a resourceVersion",
				 kind->singular, name ? name : "");
	/* a server has its own rules: roles may be called kubevirt.io:migrate */
	if (kind->create_only || (cluster->server && ((name && *name) || (prefix && *prefix))))
		return TRUE;
	if (name && *name) {
		if (kind == &KIND_NAMESPACE)
			return name_check_dns_label(name, kind->singular, error);
		return name_check_dns_subdomain(name, kind->singular, error);
	}
	if (prefix && *prefix) {
		/* the suffix may follow a '-' or '.' */
		g_autofree char *example = g_strconcat(prefix, "x", NULL);

		return name_check_dns_subdomain(example, "generateName", error);
	}
	return error_set(error, KVMIG_ERROR_INVALID,
			 "the %s has neither metadata.name nor metadata.generateName",
			 kind->singular);
}

cJSON *cluster_create(Cluster *cluster, const cJSON *object, ClusterWriteFlags flags,
		      GError **error)
{
	const Kind *kind = check_kind(cluster, object, error);
	g_autoptr(cJSON) copy = NULL;

	/* a question changes nothing */
	if (!kind || (!kind->create_only && !check_writable(cluster, flags, error)) ||
	    !check_new_name(cluster, kind, object, error))
		return NULL;
	copy = prepare_object(kind, object, error);
	return copy ? cluster->backend->create(cluster, kind, copy, flags, error) : NULL;
}

static cJSON *update(Cluster *cluster, const cJSON *object, gboolean status,
		     ClusterWriteFlags flags, GError **error)
{
	const Kind *kind = check_kind(cluster, object, error);
	g_autoptr(cJSON) copy = NULL;

	if (!kind || !check_writable(cluster, flags, error))
		return NULL;
	if (status && !kind->has_status) {
		error_set(error, KVMIG_ERROR_INVALID, "a %s has no status", kind->singular);
		return NULL;
	}
	copy = prepare_object(kind, object, error);
	if (!copy || !check_key(kind, object_namespace(copy), object_name(copy), error))
		return NULL;
	return cluster->backend->update(cluster, kind, copy, status, flags, error);
}

cJSON *cluster_update(Cluster *cluster, const cJSON *object, ClusterWriteFlags flags,
		      GError **error)
{
	return update(cluster, object, FALSE, flags, error);
}

cJSON *cluster_update_status(Cluster *cluster, const cJSON *object, ClusterWriteFlags flags,
			     GError **error)
{
	return update(cluster, object, TRUE, flags, error);
}

cJSON *cluster_patch(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		     ClusterPatchType type, const cJSON *patch, ClusterWriteFlags flags,
		     GError **error)
{
	gboolean status = type == CLUSTER_PATCH_MERGE_STATUS;

	if (!check_key(kind, ns, name, error) || !check_writable(cluster, flags, error))
		return NULL;
	if (type == CLUSTER_PATCH_JSON ? !cJSON_IsArray(patch) : !cJSON_IsObject(patch)) {
		error_set(error, KVMIG_ERROR_INVALID, "the patch for %s '%s' is not %s",
			  kind->singular, name,
			  type == CLUSTER_PATCH_JSON ? "a list of operations" : "an object");
		return NULL;
	}
	if (status && !kind->has_status) {
		error_set(error, KVMIG_ERROR_INVALID, "a %s has no status", kind->singular);
		return NULL;
	}
	return cluster->backend->patch(cluster, kind, ns, name, type, patch, flags, error);
}

cJSON *cluster_apply(Cluster *cluster, const cJSON *object, ClusterWriteFlags flags,
		     gboolean *ret_created, GError **error)
{
	const Kind *kind = check_kind(cluster, object, error);
	g_autoptr(cJSON) copy = NULL;
	gboolean created = FALSE;
	cJSON *stored;

	if (!kind || !check_writable(cluster, flags, error))
		return NULL;
	copy = prepare_object(kind, object, error);
	if (!copy || !check_key(kind, object_namespace(copy), object_name(copy), error))
		return NULL;
	stored = cluster->backend->apply
			 ? cluster->backend->apply(cluster, kind, copy, flags, &created, error)
			 : generic_apply(cluster, kind, copy, flags, &created, error);
	if (stored && ret_created)
		*ret_created = created;
	return stored;
}

gboolean cluster_delete(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
			const char *uid, ClusterWriteFlags flags, GError **error)
{
	const ClusterUnchanged only = { .uid = uid };

	return check_key(kind, ns, name, error) && check_writable(cluster, flags, error) &&
	       cluster->backend->delete (cluster, kind, ns, name, &only, flags, error);
}

gboolean cluster_delete_unchanged(Cluster *cluster, const Kind *kind, const cJSON *object,
				  ClusterWriteFlags flags, GError **error)
{
	const char *ns = object_namespace(object);
	const char *name = object_name(object);
	const ClusterUnchanged only = { .uid = object_uid(object),
					.version = object_resource_version(object) };

	return check_key(kind, ns, name, error) && check_writable(cluster, flags, error) &&
	       cluster->backend->delete (cluster, kind, ns, name, &only, flags, error);
}

gboolean cluster_batch_begin(Cluster *cluster, GError **error)
{
	return check_writable(cluster, CLUSTER_WRITE_NONE, error) &&
	       cluster->backend->batch_begin(cluster, error);
}

gboolean cluster_batch_commit(Cluster *cluster, GError **error)
{
	return cluster->backend->batch_commit(cluster, error);
}

void cluster_batch_rollback(Cluster *cluster)
{
	cluster->backend->batch_rollback(cluster);
}

ClusterWatch *cluster_watch(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
			    const char *version, ClusterWatchFunc func, gpointer data,
			    GError **error)
{
	if (!kind) {
		error_set(error, KVMIG_ERROR_INVALID, "no such kind of object");
		return NULL;
	}
	return cluster->backend->watch(cluster, kind, options, version, func, data, error);
}

void cluster_watch_stop(ClusterWatch *watch)
{
	if (watch)
		watch->cluster->backend->watch_stop(watch);
}
