/* SPDX-License-Identifier: Apache-2.0 */
#include "config/change.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define TRIES 60
#define PAUSE_MAX_US 20000
#define RECORDS_MAX 10
/* of the annotation: all annotations of an object together may have 256 KiB */
#define HISTORY_MAX_BYTES 32768u

/* ---- the record ----------------------------------------------------------------------------- */

cJSON *config_history(const ConfigOwner *owner)
{
	const char *text = json_string(json_path(owner->object, "metadata", "annotations", NULL),
				       ANNOTATION_CONFIG_HISTORY, NULL);
	cJSON *records = text ? json_parse(text, strlen(text), "the record", NULL) : NULL;

	if (cJSON_IsArray(records))
		return records;
	cJSON_Delete(records);
	return cJSON_CreateArray();
}

/* Who the server takes us for; on this machine the user. */
static char *who(Cluster *cluster)
{
	g_autoptr(cJSON) question = NULL;
	g_autoptr(cJSON) answer = NULL;

	if (!cluster_server(cluster))
		return g_strdup(g_get_user_name());
	question = object_new(&KIND_SELF_SUBJECT_REVIEW, NULL, NULL);
	answer = cluster_create(cluster, question, CLUSTER_WRITE_NONE, NULL);
	return g_strdup(
		json_string(json_path(answer, "status", "userInfo", NULL), "username", "?"));
}

static char *now_text(void)
{
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();

	return g_date_time_format(now, "%Y-%m-%dT%H:%M:%S.%fZ");
}

static cJSON *record_nth_back(cJSON *records, int back)
{
	return cJSON_GetArrayItem(records, cJSON_GetArraySize(records) - 1 - back);
}

static gboolean can_be_undone(const cJSON *record)
{
	return cJSON_IsObject(json_get(record, "changes")) && !json_bool(record, "undone", FALSE) &&
	       !g_str_equal(json_string(record, "how", ""), "undo");
}

/* The last one that can be undone, or NULL. */
static cJSON *last_of(cJSON *records)
{
	for (int back = 0; back < cJSON_GetArraySize(records); back++) {
		cJSON *record = record_nth_back(records, back);

		if (can_be_undone(record))
			return record;
	}
	return NULL;
}

static char *history_text(const ConfigOwner *owner, const ConfigWrite *write, const cJSON *changes,
			  const char *by)
{
	g_autoptr(cJSON) records = config_history(owner);
	g_autofree char *at = now_text();
	cJSON *record = write->undo ? last_of(records) : NULL;
	char *text;

	if (record)
		json_set_bool(record, "undone", TRUE);
	record = cJSON_CreateObject();
	json_set_string(record, "at", at);
	json_set_string(record, "by", by);
	json_set_string(record, "how", write->how);
	json_set(record, "changes", cJSON_Duplicate(changes, TRUE));
	cJSON_AddItemToArray(records, record);
	text = json_print(records);
	while (cJSON_GetArraySize(records) > RECORDS_MAX ||
	       (strlen(text) > HISTORY_MAX_BYTES && cJSON_GetArraySize(records) > 1)) {
		cJSON_DeleteItemFromArray(records, 0);
		g_free(text);
		text = json_print(records);
	}
	return text;
}

/* ---- the request ---------------------------------------------------------------------------- */

static const cJSON *stored(const ConfigOwner *owner, const char *key)
{
	const cJSON *value = json_get(settings_map(owner->object), key);

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

/* What is not so already. */
static cJSON *real_changes(const ConfigOwner *owner, const cJSON *wanted)
{
	cJSON *changes = cJSON_CreateObject();
	const cJSON *want;

	cJSON_ArrayForEach(want, wanted)
	{
		const cJSON *before = stored(owner, want->string);
		cJSON *change;

		if (cJSON_IsNull(want) ? is_as_taken_out(owner, want->string, before)
				       : json_equal(before, want))
			continue;
		change = json_ensure_object(changes, want->string);
		json_set(change, "before", copy_or_null(before));
		json_set(change, "after", cJSON_Duplicate(want, TRUE));
	}
	return changes;
}

static cJSON *make_patch(const ConfigOwner *owner, const cJSON *changes, const char *history)
{
	cJSON *patch = cJSON_CreateObject();
	cJSON *metadata = json_ensure_object(patch, "metadata"), *map = patch;
	const cJSON *change;

	if (owner->object)
		json_set_string(metadata, "resourceVersion",
				object_resource_version(owner->object));
	json_set_string(json_ensure_object(metadata, "annotations"), ANNOTATION_CONFIG_HISTORY,
			history);
	for (const char *const *step = config_path_of(owner->kind); *step; step++)
		map = json_ensure_object(map, *step);
	cJSON_ArrayForEach(change, changes)
		json_set(map, change->string, cJSON_Duplicate(json_get(change, "after"), TRUE));
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

/* A server whose conversion webhook is missing, or whose schema is another than it publishes, takes
 * a request and drops the field. */
static gboolean check_reply(const ConfigOwner *owner, const cJSON *reply, const cJSON *changes,
			    GError **error)
{
	const cJSON *change;

	cJSON_ArrayForEach(change, changes)
	{
		const cJSON *after = json_get(change, "after");
		const cJSON *now = json_get(settings_map(reply), change->string);
		g_autofree char *shown = NULL;

		if (cJSON_IsNull(after) || json_equal(after, now))
			continue;
		shown = config_owner_text(owner);
		error_set(error, KVMIG_ERROR_IO,
			  "the server took the change of %s, but %s %s in it", shown,
			  change->string, now ? "has another value" : "is not");
		error_hint(error,
			   "look whether the CustomResourceDefinition's conversion webhook is "
			   "there, and at 'kvmig config view'");
		return FALSE;
	}
	return TRUE;
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
	cJSON_Delete(owner->object);
	owner->object = object;
	return TRUE;
}

gboolean config_may_write(const ConfigOwner *owner, GError **error)
{
	if (!owner->unreadable)
		return TRUE;
	error_set(error, KVMIG_ERROR_FORBIDDEN, "settings cannot be changed: %s",
		  owner->notes->len ? (const char *)owner->notes->pdata[0] : "?");
	error_hint(error,
		   "written into the KubeVirt object they would be reverted; ask for the right "
		   "to patch hyperconvergeds.hco.kubevirt.io");
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
	g_autoptr(cJSON) wanted = write->make(owner, write->data, error);
	g_autofree char *history = NULL;
	g_autoptr(cJSON) patch = NULL;

	cJSON_Delete(g_steal_pointer(ret_changes));
	if (!wanted)
		return NULL;
	*ret_changes = real_changes(owner, wanted);
	if (!(*ret_changes)->child || !check_keys(owner, *ret_changes, error))
		return NULL;
	history = history_text(owner, write, *ret_changes, by);
	patch = make_patch(owner, *ret_changes, history);
	return send(owner, patch, write->flags, error);
}

/* Somebody else wrote it, or made it, between our reading and our writing. */
static gboolean was_overtaken(const ConfigOwner *owner, const GError *error)
{
	return error_code(error) == KVMIG_ERROR_CONFLICT ||
	       (!owner->object && error_code(error) == KVMIG_ERROR_EXISTS);
}

gboolean config_write(ConfigOwner *owner, const ConfigWrite *write, cJSON **ret_changes,
		      GError **error)
{
	g_autoptr(cJSON) changes = NULL;
	g_autofree char *by = NULL;

	if (!config_may_write(owner, error))
		return FALSE;
	by = who(owner->cluster);
	for (unsigned i = 1;; i++) {
		g_autoptr(GError) cause = NULL;
		g_autoptr(cJSON) reply = attempt(owner, write, by, &changes, &cause);

		if (reply && !check_reply(owner, reply, changes, error))
			return FALSE;
		if (reply && !(write->flags & CLUSTER_WRITE_DRY_RUN)) {
			cJSON_Delete(owner->object);
			owner->object = g_steal_pointer(&reply);
		}
		if (!cause)
			break;
		if (i == TRIES || !was_overtaken(owner, cause)) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		g_usleep((gulong)g_random_int_range(0, PAUSE_MAX_US));
		if (!reload(owner, error))
			return FALSE;
	}
	if (ret_changes)
		*ret_changes = g_steal_pointer(&changes);
	return TRUE;
}

/* ---- made by others ------------------------------------------------------------------------- */

static cJSON *difference(const cJSON *before, const cJSON *after)
{
	cJSON *changes = cJSON_CreateObject();

	for (unsigned i = 0; setting_nth(i); i++) {
		const char *key = setting_nth(i)->key;
		const cJSON *old = json_get(settings_map(before), key);
		const cJSON *new = json_get(settings_map(after), key);
		cJSON *change;

		if (json_equal(old, new))
			continue;
		change = json_ensure_object(changes, key);
		json_set(change, "before", copy_or_null(old));
		json_set(change, "after", copy_or_null(new));
	}
	return changes;
}

gboolean config_record(ConfigOwner *owner, const cJSON *before, const cJSON *after, const char *how,
		       GError **error)
{
	const ConfigWrite write = { .how = how };
	g_autoptr(cJSON) changes = difference(before, after);
	g_autoptr(cJSON) nothing = cJSON_CreateObject();
	g_autofree char *by = NULL;

	if (!changes->child)
		return TRUE;
	by = who(owner->cluster);
	for (unsigned i = 1;; i++) {
		g_autoptr(GError) cause = NULL;
		g_autofree char *history = NULL;
		g_autoptr(cJSON) patch = NULL;
		g_autoptr(cJSON) reply = NULL;

		if (!reload(owner, error))
			return FALSE;
		history = history_text(owner, &write, changes, by);
		patch = make_patch(owner, nothing, history);
		reply = send(owner, patch, CLUSTER_WRITE_NONE, &cause);
		if (reply)
			return TRUE;
		if (i == TRIES || !was_overtaken(owner, cause)) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
	}
}

/* ---- undo ----------------------------------------------------------------------------------- */

static gboolean is_as_left(const ConfigOwner *owner, const char *key, const cJSON *after)
{
	const cJSON *now = stored(owner, key);

	return cJSON_IsNull(after) ? is_as_taken_out(owner, key, now) : json_equal(now, after);
}

/* What the last change found, for the keys that still are as it left them. */
static cJSON *make_undo(const ConfigOwner *owner, gpointer data, GError **error)
{
	GPtrArray *left = data;
	g_autoptr(cJSON) records = config_history(owner);
	const cJSON *record = last_of(records);
	const cJSON *changes = json_get(record, "changes"), *change;
	g_autoptr(cJSON) wanted = cJSON_CreateObject();

	g_ptr_array_set_size(left, 0);
	if (!record) {
		error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no change of kvmig to undo");
		error_hint(error, "'kvmig config history' shows those that it made");
		return NULL;
	}
	cJSON_ArrayForEach(change, changes)
	{
		if (is_as_left(owner, change->string, json_get(change, "after")))
			json_set(wanted, change->string, copy_or_null(json_get(change, "before")));
		else
			g_ptr_array_add(left, g_strdup(change->string));
	}
	if (wanted->child)
		return g_steal_pointer(&wanted);
	error_set(error, KVMIG_ERROR_REFUSED,
		  "nothing was undone: somebody else has changed %s since",
		  left->len == 1 ? (const char *)left->pdata[0] : "every key of that change");
	error_hint(error,
		   "'kvmig config history' shows what kvmig had set, 'kvmig config view' what "
		   "there is");
	return NULL;
}

gboolean config_undo(ConfigOwner *owner, ClusterWriteFlags flags, cJSON **ret_changes,
		     GPtrArray **ret_left, GError **error)
{
	g_autoptr(GPtrArray) left = g_ptr_array_new_with_free_func(g_free);
	const ConfigWrite write = {
		.make = make_undo, .data = left, .how = "undo", .undo = TRUE, .flags = flags
	};

	if (!config_write(owner, &write, ret_changes, error))
		return FALSE;
	*ret_left = g_steal_pointer(&left);
	return TRUE;
}
