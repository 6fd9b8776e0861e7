/* SPDX-License-Identifier: Apache-2.0 */
#include "config/change.h"

#include <string.h>

#include "base/error.h"

#define TRIES 60
#define PAUSE_MAX_US 20000

/* Who the server takes us for. NULL with *error unset: servers before Kubernetes 1.28 do not tell,
 * and what the kubeconfig calls the user is no more than a claim, which is not recorded. */
static gboolean who(Cluster *cluster, char **ret_name, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) user = cluster_whoami(cluster, &cause);

	if (!user && error_code(cause) != KVMIG_ERROR_UNSUPPORTED &&
	    error_code(cause) != KVMIG_ERROR_FORBIDDEN) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	*ret_name = g_strdup(json_string(user, "username", NULL));
	return TRUE;
}

/* ---- the request ---------------------------------------------------------------------------- */

static const cJSON *value_in(const cJSON *object, const char *key)
{
	const cJSON *value = json_get(settings_map(object), key);

	return cJSON_IsNull(value) ? NULL : value;
}

static cJSON *copy_or_null(const cJSON *value)
{
	return value ? cJSON_Duplicate(value, TRUE) : cJSON_CreateNull();
}

/* Taken out, it is what the CRD has for it at once: an API server writes that into the object. */
static gboolean is_as_taken_out(const ConfigOwner *owner, const char *key, const cJSON *now)
{
	g_autofree char *field = config_field(owner->kind, key);
	g_autoptr(cJSON) schema = NULL;

	if (!now)
		return TRUE;
	schema = cluster_field_default(owner->cluster, owner->kind, field);
	return schema && json_equal(schema, now);
}

gboolean config_is_so(const ConfigOwner *owner, const char *key, const cJSON *value)
{
	const cJSON *now = value_in(owner->object, key);

	return cJSON_IsNull(value) ? is_as_taken_out(owner, key, now) : json_equal(now, value);
}

/* What is not so already. */
static cJSON *real_changes(const ConfigOwner *owner, const cJSON *wanted)
{
	cJSON *changes = cJSON_CreateObject();
	const cJSON *want;

	cJSON_ArrayForEach(want, wanted)
	{
		cJSON *change;

		if (config_is_so(owner, want->string, want))
			continue;
		change = json_ensure_object(changes, want->string);
		json_set(change, "before",
			 copy_or_null(value_in(owner->object, want->string)));
		json_set(change, "after", cJSON_Duplicate(want, TRUE));
	}
	return changes;
}

/* `side` of the changes, "before" or "after", and the record; history NULL takes that out. */
static cJSON *make_patch(const ConfigOwner *owner, const cJSON *changes, const char *side,
			 const char *history)
{
	cJSON *patch = cJSON_CreateObject();
	cJSON *metadata = json_ensure_object(patch, "metadata"), *map = patch;
	const cJSON *change;

	if (owner->object)
		json_set_string(metadata, "resourceVersion",
				object_resource_version(owner->object));
	json_set(json_ensure_object(metadata, "annotations"), ANNOTATION_CONFIG_HISTORY,
		 history ? cJSON_CreateString(history) : cJSON_CreateNull());
	for (const char *const *step = config_path_of(owner->kind); *step; step++)
		map = json_ensure_object(map, *step);
	cJSON_ArrayForEach(change, changes)
		json_set(map, change->string, cJSON_Duplicate(json_get(change, side), TRUE));
	return patch;
}

static cJSON *send(const ConfigOwner *owner, const cJSON *patch, ClusterWriteFlags flags,
		   GError **error)
{
	g_autoptr(cJSON) object = NULL;

	if (owner->object)
		return cluster_patch(owner->cluster, owner->kind, owner->ns, owner->name,
				     CLUSTER_PATCH_MERGE, patch, flags, error);
	object = object_new(owner->kind, owner->ns, owner->name);
	json_merge_patch(object, patch);
	return cluster_create(owner->cluster, object, flags, error);
}

static void set_object(ConfigOwner *owner, cJSON *object)
{
	cJSON_Delete(owner->object);
	owner->object = object;
}

/* The key that did not arrive, or NULL. */
static const char *missing_key(const cJSON *stored, const cJSON *changes)
{
	const cJSON *change;

	cJSON_ArrayForEach(change, changes)
	{
		const cJSON *after = json_get(change, "after");

		if (!cJSON_IsNull(after) &&
		    !json_equal(after, json_get(settings_map(stored), change->string)))
			return change->string;
	}
	return NULL;
}

/* What did arrive goes back to what was there, and the record of it goes. `before`: the object as
 * it was; owner->object is as it is now. */
static gboolean take_back(ConfigOwner *owner, const cJSON *before, const cJSON *changes,
			  GError **error)
{
	const char *history = object_annotation(before, ANNOTATION_CONFIG_HISTORY);
	g_autoptr(cJSON) patch = make_patch(owner, changes, "before", history);
	cJSON *object = send(owner, patch, CLUSTER_WRITE_NONE, error);

	if (object)
		set_object(owner, object);
	return object != NULL;
}

gboolean config_check_stored(ConfigOwner *owner, const cJSON *before, const cJSON *changes,
			     GError **error)
{
	const char *key = missing_key(owner->object, changes);
	const cJSON *now = key ? json_get(settings_map(owner->object), key) : NULL;
	g_autoptr(GError) cause = NULL;
	g_autofree char *shown = NULL;

	if (!key)
		return TRUE;
	shown = config_owner_text(owner);
	if (take_back(owner, before, changes, &cause))
		error_set(error, KVMIG_ERROR_IO,
			  "the server took the change of %s, but %s %s in it; all settings are "
			  "again as they were",
			  shown, key, now ? "had another value" : "was not");
	else
		error_set(error, KVMIG_ERROR_IO,
			  "the server took the change of %s, but %s %s in it; the rest of the "
			  "change stays, because it cannot be taken back: %s",
			  shown, key, now ? "has another value" : "is not", cause->message);
	error_hint(error, "look whether a webhook changes the object, and whether the conversion "
			  "webhook of its CustomResourceDefinition is there");
	return FALSE;
}

static gboolean reload(ConfigOwner *owner, GError **error)
{
	g_autoptr(GError) cause = NULL;
	cJSON *object = cluster_get(owner->cluster, owner->kind, owner->ns, owner->name, &cause);

	/* on a KubeVirt cluster its operators make it, nobody else */
	if (!object && (cluster_caps(owner->cluster)->kind == CLUSTER_KUBEVIRT ||
			error_code(cause) != KVMIG_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	set_object(owner, object);
	return TRUE;
}

gboolean config_may_write(const ConfigOwner *owner, GError **error)
{
	if (!owner->unreadable)
		return TRUE;
	error_set(error, KVMIG_ERROR_FORBIDDEN, "settings cannot be changed: %s",
		  owner->notes->len ? (const char *)owner->notes->pdata[0] : "?");
	error_hint(error,
		   "written into the KubeVirt object they would be reverted; the right to list and "
		   "patch hyperconvergeds.hco.kubevirt.io is needed, and an admin can grant it");
	return FALSE;
}

static gboolean check_keys(const ConfigOwner *owner, const cJSON *changes, GError **error)
{
	const cJSON *change;

	cJSON_ArrayForEach(change, changes)
	{
		const Setting *setting = setting_find(change->string);

		if (setting && !cJSON_IsNull(json_get(change, "after")) &&
		    !config_owner_has_key(owner, setting, error))
			return FALSE;
	}
	return TRUE;
}

/* One attempt. *ret_changes is what it is about, also where it fails. */
static cJSON *attempt(const ConfigOwner *owner, const ConfigWrite *write, const char *by,
		      cJSON **ret_changes, GError **error)
{
	ConfigRecord record = { .by = by, .how = write->how };
	g_autoptr(cJSON) wanted = write->make(owner, write->data, &record, error);
	g_autofree char *history = NULL;
	g_autoptr(cJSON) patch = NULL;

	cJSON_Delete(g_steal_pointer(ret_changes));
	if (!wanted)
		return NULL;
	*ret_changes = real_changes(owner, wanted);
	if (!(*ret_changes)->child || !check_keys(owner, *ret_changes, error))
		return NULL;
	record.changes = *ret_changes;
	history = config_record_add(owner->object, &record);
	patch = make_patch(owner, *ret_changes, "after", history);
	return send(owner, patch, write->flags, error);
}

/* Somebody else wrote it, or made it, between our reading and our writing. */
static gboolean was_overtaken(const ConfigOwner *owner, const GError *error)
{
	return error_code(error) == KVMIG_ERROR_CONFLICT ||
	       (!owner->object && error_code(error) == KVMIG_ERROR_EXISTS);
}

/* Until nobody is faster. *ret_reply: what the server made of it; NULL where nothing changes. */
static gboolean attempts(ConfigOwner *owner, const ConfigWrite *write, const char *by,
			 cJSON **ret_changes, cJSON **ret_reply, GError **error)
{
	for (unsigned i = 1;; i++) {
		g_autoptr(GError) cause = NULL;

		*ret_reply = attempt(owner, write, by, ret_changes, &cause);
		if (!cause)
			return TRUE;
		if (i == TRIES || !was_overtaken(owner, cause)) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		/* who was overtaken often waits less: somebody's turn comes */
		g_usleep((gulong)g_random_int_range(0, MAX(PAUSE_MAX_US / (gint32)i, 1)));
		if (!reload(owner, error))
			return FALSE;
	}
}

/* A dry run's reply is looked at too: a server that would drop a key drops it there. Takes
 * `reply`. */
static gboolean take_reply(ConfigOwner *owner, cJSON *reply, const ConfigWrite *write,
			   const cJSON *changes, GError **error)
{
	g_autoptr(cJSON) stored = reply;
	g_autoptr(cJSON) before = NULL;
	g_autofree char *shown = NULL;
	const char *missing;

	if (!(write->flags & CLUSTER_WRITE_DRY_RUN)) {
		before = g_steal_pointer(&owner->object);
		owner->object = g_steal_pointer(&stored);
		return config_check_stored(owner, before, changes, error);
	}
	missing = missing_key(stored, changes);
	if (!missing)
		return TRUE;
	shown = config_owner_text(owner);
	return error_set(error, KVMIG_ERROR_IO,
			 "the server would take the change of %s, and drop %s", shown, missing);
}

gboolean config_write(ConfigOwner *owner, const ConfigWrite *write, cJSON **ret_changes,
		      GError **error)
{
	g_autoptr(cJSON) changes = NULL;
	g_autofree char *by = NULL;
	cJSON *reply = NULL;

	if (!config_may_write(owner, error) || !who(owner->cluster, &by, error) ||
	    !attempts(owner, write, by, &changes, &reply, error) ||
	    (reply && !take_reply(owner, reply, write, changes, error)))
		return FALSE;
	if (ret_changes)
		*ret_changes = g_steal_pointer(&changes);
	return TRUE;
}

/* ---- made by others ------------------------------------------------------------------------- */

cJSON *config_difference(const ConfigOwner *owner, const cJSON *before, const cJSON *after)
{
	cJSON *changes = cJSON_CreateObject();

	for (unsigned i = 0; setting_nth(i); i++) {
		const char *key = setting_nth(i)->key;
		const cJSON *old = value_in(before, key), *new = value_in(after, key);
		cJSON *change;

		if (json_equal(old, new) || (!new && is_as_taken_out(owner, key, old)))
			continue;
		change = json_ensure_object(changes, key);
		json_set(change, "before", copy_or_null(old));
		json_set(change, "after", copy_or_null(new));
	}
	return changes;
}

/* Where the patch takes all annotations out at once, a record put in their place would let those of
 * others stay: then it takes out each by itself. */
static void put_history(cJSON *patch, const cJSON *before, const char *history)
{
	cJSON *metadata = json_ensure_object(patch, "metadata");
	const gboolean all_go = cJSON_IsNull(json_get(metadata, "annotations"));
	cJSON *annotations = json_ensure_object(metadata, "annotations");
	const cJSON *had = all_go ? json_path(before, "metadata", "annotations", NULL) : NULL;
	const cJSON *old;

	cJSON_ArrayForEach(old, had)
		json_set(annotations, old->string, cJSON_CreateNull());
	json_set_string(annotations, ANNOTATION_CONFIG_HISTORY, history);
}

gboolean config_amend(ConfigOwner *owner, const cJSON *before, const char *how, cJSON *patch,
		      GError **error)
{
	g_autoptr(cJSON) after = cJSON_Duplicate(before, TRUE);
	g_autoptr(cJSON) changes = NULL;
	g_autofree char *by = NULL, *history = NULL;
	ConfigRecord record = { .how = how };

	json_merge_patch(after, patch);
	changes = config_difference(owner, before, after);
	if (!changes->child)
		return TRUE;
	if (!who(owner->cluster, &by, error))
		return FALSE;
	record.by = by;
	record.changes = changes;
	history = config_record_add(before, &record);
	put_history(patch, before, history);
	return TRUE;
}
