/* SPDX-License-Identifier: Apache-2.0 */
/* Create, update, patch, delete: Kubernetes' rules for what belongs to the server. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cluster/local/store.h"
#include "model/schema.h"
#include "model/wellknown.h"

/* as Kubernetes: no vowels, no look-alikes */
#define SUFFIX_CHARS "bcdfghjklmnpqrstvwxz2456789"
#define SUFFIX_LENGTH 5
#define GENERATED_NAME_MAX 63
#define GENERATE_TRIES 8

/* Fields of metadata that a client's value never reaches. */
static const char *const server_owned[] = { "uid",
					    "resourceVersion",
					    "generation",
					    "creationTimestamp",
					    "deletionTimestamp",
					    "deletionGracePeriodSeconds",
					    "selfLink",
					    "managedFields" };

static cJSON *metadata_of(cJSON *object)
{
	return json_ensure_object(object, "metadata");
}

static gboolean same_kind(const Kind *a, const Kind *b)
{
	return g_str_equal(store_kind_key(a), store_kind_key(b));
}

/* Ends the transaction; a dry run is undone and still a success. */
static gboolean finish(Store *store, gboolean ok, ClusterWriteFlags flags, GError **error)
{
	if (ok && (flags & CLUSTER_WRITE_DRY_RUN)) {
		store_end(store, FALSE, NULL);
		return TRUE;
	}
	return store_end(store, ok, error);
}

static gboolean validate(const Kind *kind, const cJSON *object, GError **error)
{
	g_autofree char *what = NULL;

	if (schema_validate(kind, object, error))
		return TRUE;
	what = store_describe(kind, object_namespace(object), object_name(object));
	error_prefix(error, "%s", what);
	return FALSE;
}

/* A namespace has its own name among its labels, whatever is written there, so that policies can
 * select it by name. */
static void label_namespace(const Kind *kind, cJSON *object)
{
	if (same_kind(kind, &KIND_NAMESPACE))
		object_set_label(object, LABEL_METADATA_NAME, object_name(object));
}

static cJSON *lookup_existing(Store *store, const Kind *kind, const char *ns, const char *name,
			      GError **error)
{
	return store_get(&store->base, kind, ns, name, error);
}

/* ---- create --------------------------------------------------------------------------------- */

static char *generate_name(const char *prefix)
{
	GString *name = g_string_new(prefix);

	g_string_truncate(name, MIN(name->len, GENERATED_NAME_MAX - SUFFIX_LENGTH));
	for (int i = 0; i < SUFFIX_LENGTH; i++) {
		gint32 n = g_random_int_range(0, (gint32)strlen(SUFFIX_CHARS));

		g_string_append_c(name, SUFFIX_CHARS[n]);
	}
	return g_string_free(name, FALSE);
}

/* Gives an object with generateName a name that is free. */
static gboolean find_name(Store *store, const Kind *kind, cJSON *object, GError **error)
{
	const char *prefix = json_string(json_get(object, "metadata"), "generateName", NULL);

	if (object_name(object))
		return TRUE;
	for (int i = 0; i < GENERATE_TRIES; i++) {
		g_autofree char *name = generate_name(prefix);
		g_autoptr(GError) cause = NULL;
		g_autoptr(cJSON) taken =
			store_lookup(store, kind, object_namespace(object), name, &cause);

		if (cause) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		if (!taken) {
			json_set_string(metadata_of(object), "name", name);
			return TRUE;
		}
	}
	return error_set(error, KVMIG_ERROR_EXISTS, "no free name for %s '%s…' after %d tries",
			 kind->singular, prefix, GENERATE_TRIES);
}

static gboolean check_absent(Store *store, const Kind *kind, const cJSON *object, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autofree char *what = NULL;
	g_autoptr(cJSON) there =
		store_lookup(store, kind, object_namespace(object), object_name(object), &cause);

	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (!there)
		return TRUE;
	what = store_describe(kind, object_namespace(object), object_name(object));
	return error_set(error, KVMIG_ERROR_EXISTS, "%s exists already in '%s'%s", what,
			 store->base.context,
			 object_is_deleting(there) ? " and is being deleted" : "");
}

static gboolean create_in(Store *store, const Kind *kind, cJSON *object, ClusterWriteFlags flags,
			  GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(server_owned); i++)
		json_unset(metadata_of(object), server_owned[i]);
	if (kind->has_status)
		json_unset(object, "status");
	if (!find_name(store, kind, object, error))
		return FALSE;
	schema_apply_defaults(kind, object);
	if (!validate(kind, object, error) || !check_absent(store, kind, object, error))
		return FALSE;
	if (!(flags & CLUSTER_WRITE_UNADMITTED) && !store_admit(store, kind, object, error))
		return FALSE;
	if (kind->namespaced && !store_ensure_namespace(store, object_namespace(object), error))
		return FALSE;
	label_namespace(kind, object);
	store_stamp_new(object);
	return store_insert(store, kind, object, error);
}

cJSON *store_create(Cluster *cluster, const Kind *kind, const cJSON *object,
		    ClusterWriteFlags flags, GError **error)
{
	Store *store = store_of(cluster);
	g_autoptr(cJSON) made = cJSON_Duplicate(object, TRUE);

	if (!store_begin(store, error))
		return NULL;
	if (!finish(store, create_in(store, kind, made, flags, error), flags, error))
		return NULL;
	if (flags & CLUSTER_WRITE_DRY_RUN)
		json_unset(metadata_of(made), "resourceVersion");
	return g_steal_pointer(&made);
}

/* ---- update and patch ----------------------------------------------------------------------- */

/* A resourceVersion or uid that the caller gives is a condition. */
static gboolean check_conditions(Store *store, const Kind *kind, const cJSON *old,
				 const cJSON *given, GError **error)
{
	const cJSON *metadata = json_get(given, "metadata");
	const char *version = json_string(metadata, "resourceVersion", NULL);
	const char *uid = json_string(metadata, "uid", NULL);
	g_autofree char *what = NULL;

	if (uid && *uid && g_strcmp0(uid, object_uid(old)) != 0) {
		what = store_describe(kind, object_namespace(old), object_name(old));
		return error_set(error, KVMIG_ERROR_CONFLICT,
				 "%s in '%s' is another one of the same name", what,
				 store->base.context);
	}
	if (version && *version && g_strcmp0(version, object_resource_version(old)) != 0) {
		what = store_describe(kind, object_namespace(old), object_name(old));
		error_set(error, KVMIG_ERROR_CONFLICT,
			  "%s was changed by somebody else meanwhile (version %s, now %s)", what,
			  version, object_resource_version(old));
		error_hint(error, "read it again and repeat the change");
		return FALSE;
	}
	return TRUE;
}

static void copy_member(cJSON *to, const cJSON *from, const char *key)
{
	const cJSON *value = json_get(from, key);

	json_set(to, key, value ? cJSON_Duplicate(value, TRUE) : NULL);
}

/* What is stored when `given` (owned by the caller) is to replace `old`. */
static cJSON *merge_parts(const Kind *kind, const cJSON *old, const cJSON *given, gboolean status)
{
	cJSON *result = cJSON_Duplicate(status ? old : given, TRUE);

	if (status) {
		copy_member(result, given, "status");
		return result;
	}
	for (guint i = 0; i < G_N_ELEMENTS(server_owned); i++)
		copy_member(metadata_of(result), json_get(old, "metadata"), server_owned[i]);
	if (kind->has_status)
		copy_member(result, old, "status");
	return result;
}

static gboolean is_spec(const Kind *kind, const char *key)
{
	return !g_str_equal(key, "metadata") && !(kind->has_status && g_str_equal(key, "status"));
}

/* Every part of `a` that generation counts is the same in `b`. */
static gboolean spec_within(const Kind *kind, const cJSON *a, const cJSON *b)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, a)
	{
		if (!is_spec(kind, member->string))
			continue;
		if (!json_get(b, member->string) ||
		    !json_equal(member, json_get(b, member->string)))
			return FALSE;
	}
	return TRUE;
}

static const cJSON *finalizers_of(const cJSON *object)
{
	return json_path(object, "metadata", "finalizers", NULL);
}

static gboolean check_finalizers(const Kind *kind, const cJSON *old, const cJSON *object,
				 GError **error)
{
	g_autofree char *what = NULL;
	const cJSON *finalizer;

	if (!object_is_deleting(old))
		return TRUE;
	cJSON_ArrayForEach(finalizer, finalizers_of(object))
	{
		if (!cJSON_IsString(finalizer) || object_has_finalizer(old, finalizer->valuestring))
			continue;
		what = store_describe(kind, object_namespace(old), object_name(old));
		return error_set(error, KVMIG_ERROR_INVALID,
				 "%s is being deleted: finalizer '%s' cannot be added", what,
				 finalizer->valuestring);
	}
	return TRUE;
}

static gboolean is_released(const cJSON *object)
{
	return object_is_deleting(object) && cJSON_GetArraySize(finalizers_of(object)) == 0;
}

/* Writes `object` in place of `old`, if anything differs. */
static gboolean replace_in(Store *store, const Kind *kind, const cJSON *old, cJSON *object,
			   GError **error)
{
	schema_apply_defaults(kind, object);
	if (!check_finalizers(kind, old, object, error) || !validate(kind, object, error) ||
	    !store_admit_change(kind, old, object, error))
		return FALSE;
	label_namespace(kind, object);
	if (json_equal(old, object))
		return TRUE;
	if (!spec_within(kind, old, object) || !spec_within(kind, object, old))
		json_set_int(metadata_of(object), "generation", object_generation(old) + 1);
	if (is_released(object))
		return store_remove(store, kind, object, error);
	return store_replace(store, kind, old, object, error);
}

static cJSON *update_in(Store *store, const Kind *kind, const cJSON *given, gboolean status,
			GError **error)
{
	g_autoptr(cJSON) old =
		lookup_existing(store, kind, object_namespace(given), object_name(given), error);
	g_autoptr(cJSON) object = NULL;

	if (!old || !check_conditions(store, kind, old, given, error))
		return NULL;
	object = merge_parts(kind, old, given, status);
	return replace_in(store, kind, old, object, error) ? g_steal_pointer(&object) : NULL;
}

cJSON *store_update(Cluster *cluster, const Kind *kind, const cJSON *object, gboolean status,
		    ClusterWriteFlags flags, GError **error)
{
	Store *store = store_of(cluster);
	g_autoptr(cJSON) stored = NULL;

	if (!store_begin(store, error))
		return NULL;
	stored = update_in(store, kind, object, status, error);
	return finish(store, stored != NULL, flags, error) ? g_steal_pointer(&stored) : NULL;
}

/* A patch may not make another object of it. */
static gboolean check_identity(const Kind *kind, const cJSON *old, const cJSON *object,
			       GError **error)
{
	g_autofree char *what = NULL;

	if (object_kind(object) == object_kind(old) &&
	    g_strcmp0(object_name(object), object_name(old)) == 0 &&
	    g_strcmp0(object_namespace(object), object_namespace(old)) == 0)
		return TRUE;
	what = store_describe(kind, object_namespace(old), object_name(old));
	return error_set(error, KVMIG_ERROR_INVALID,
			 "%s: a patch cannot change apiVersion, kind, name or namespace", what);
}

/* What the patch makes of `old`. */
static cJSON *apply_patch(Store *store, const Kind *kind, const cJSON *old, ClusterPatchType type,
			  const cJSON *patch, GError **error)
{
	g_autofree char *what = NULL;
	cJSON *given;

	if (type != CLUSTER_PATCH_JSON) {
		given = cJSON_Duplicate(old, TRUE);
		json_merge_patch(given, patch);
		return given;
	}
	given = json_patch(old, patch, error);
	if (given)
		return given;
	what = store_describe(kind, object_namespace(old), object_name(old));
	error_prefix(error, "%s in '%s'", what, store->base.context);
	return NULL;
}

static cJSON *patch_in(Store *store, const Kind *kind, const char *ns, const char *name,
		       ClusterPatchType type, const cJSON *patch, GError **error)
{
	g_autoptr(cJSON) old = lookup_existing(store, kind, ns, name, error);
	g_autoptr(cJSON) given = NULL;
	g_autoptr(cJSON) object = NULL;

	if (!old || !check_conditions(store, kind, old, patch, error))
		return NULL;
	given = apply_patch(store, kind, old, type, patch, error);
	if (!given || !check_identity(kind, old, given, error))
		return NULL;
	object = merge_parts(kind, old, given, type == CLUSTER_PATCH_MERGE_STATUS);
	return replace_in(store, kind, old, object, error) ? g_steal_pointer(&object) : NULL;
}

cJSON *store_patch(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		   ClusterPatchType type, const cJSON *patch, ClusterWriteFlags flags,
		   GError **error)
{
	Store *store = store_of(cluster);
	g_autoptr(cJSON) stored = NULL;

	if (!store_begin(store, error))
		return NULL;
	stored = patch_in(store, kind, ns, name, type, patch, error);
	return finish(store, stored != NULL, flags, error) ? g_steal_pointer(&stored) : NULL;
}

/* ---- delete --------------------------------------------------------------------------------- */

static gboolean check_namespace_empty(Store *store, const char *name, GError **error)
{
	sqlite3_stmt *stmt;
	gint64 count = 0;

	if (g_str_equal(name, NAMESPACE_DEFAULT))
		return error_set(error, KVMIG_ERROR_FORBIDDEN, "namespace '%s' cannot be deleted",
				 name);
	stmt = db_prepare(store->db, "SELECT count(*) FROM objects WHERE ns = ?", error);
	if (!stmt)
		return FALSE;
	db_bind_text(stmt, 1, name);
	if (!db_expect_row(store->db, stmt, error))
		return FALSE;
	count = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	if (count == 0)
		return TRUE;
	return error_set(error, KVMIG_ERROR_CONFLICT,
			 "namespace '%s' still holds %" G_GINT64_FORMAT " object%s", name, count,
			 count == 1 ? "" : "s");
}

static gboolean check_unchanged(const Store *store, const Kind *kind, const cJSON *old,
				const ClusterUnchanged *only, GError **error)
{
	gboolean other = only->uid && g_strcmp0(only->uid, object_uid(old)) != 0;
	gboolean changed =
		only->version && g_strcmp0(only->version, object_resource_version(old)) != 0;
	g_autofree char *what = NULL;

	if (!other && !changed)
		return TRUE;
	what = store_describe(kind, object_namespace(old), object_name(old));
	return error_set(error, KVMIG_ERROR_CONFLICT, "%s in '%s' %s", what, store->base.context,
			 other ? "is another one of the same name" : "has been changed since");
}

static gboolean delete_in(Store *store, const Kind *kind, const char *ns, const char *name,
			  const ClusterUnchanged *only, GError **error)
{
	g_autoptr(cJSON) old = lookup_existing(store, kind, ns, name, error);
	g_autoptr(cJSON) object = NULL;
	g_autofree char *now = NULL;

	if (!old || !check_unchanged(store, kind, old, only, error))
		return FALSE;
	if (same_kind(kind, &KIND_NAMESPACE) && !check_namespace_empty(store, name, error))
		return FALSE;
	if (cJSON_GetArraySize(finalizers_of(old)) == 0)
		return store_remove(store, kind, old, error);
	if (object_is_deleting(old))
		return TRUE;
	now = clock_format_unix(g_get_real_time());
	object = cJSON_Duplicate(old, TRUE);
	json_set_string(metadata_of(object), "deletionTimestamp", now);
	json_set_int(metadata_of(object), "deletionGracePeriodSeconds", 0);
	return store_replace(store, kind, old, object, error);
}

gboolean store_delete(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		      const ClusterUnchanged *only, ClusterWriteFlags flags, GError **error)
{
	Store *store = store_of(cluster);

	return store_begin(store, error) &&
	       finish(store, delete_in(store, kind, ns, name, only, error), flags, error);
}
