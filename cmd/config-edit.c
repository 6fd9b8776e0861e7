/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config edit: the object that owns the settings, in an editor. */
#include "config-common.h"
#include "edit.h"
#include "settings/diff.h"

typedef struct {
	EditTarget target;
	ConfigOwner *owner;
} Edit;

static ConfigOwner *owner_of(const EditTarget *target)
{
	return ((const Edit *)target)->owner;
}

/* A key that the owner has not: nobody would be told by a server that drops it. */
static gboolean check_key(const ConfigOwner *owner, const char *key, GError **error)
{
	g_autofree char *field = config_field(owner->kind, key);
	const Setting *setting = setting_find(key);
	g_autoptr(GError) cause = NULL;

	if (setting && config_owner_has_key(owner, setting, &cause))
		return TRUE;
	if (!setting) {
		/* of a later release than this table */
		if (cluster_has_field(owner->cluster, owner->kind, field) != CLUSTER_FIELD_NO)
			return TRUE;
		(void)config_find_key(key, &cause);
	}
	error_set(error, KVMIG_ERROR_INVALID, "%s: %s", field, cause->message);
	if (error_get_hint(cause))
		error_hint(error, "%s", error_get_hint(cause));
	return FALSE;
}

static gboolean check_value(const ConfigOwner *owner, const cJSON *value, GError **error)
{
	const Setting *setting = setting_find(value->string);
	g_autofree char *path = g_strjoinv(".", (GStrv)config_path_of(owner->kind));
	g_autoptr(GError) cause = NULL;

	if (!setting || cJSON_IsNull(value) || setting_check_value(setting, value, &cause))
		return TRUE;
	error_set(error, KVMIG_ERROR_INVALID, "%s.%s", path, cause->message);
	if (error_get_hint(cause))
		error_hint(error, "%s", error_get_hint(cause));
	return FALSE;
}

/* What config set would refuse is shown again before anything is sent. */
static gboolean check(const EditTarget *target, const cJSON *before, const cJSON *after,
		      GError **error)
{
	const ConfigOwner *owner = owner_of(target);
	const cJSON *value;

	if (!settings_check_place(after, error))
		return FALSE;
	cJSON_ArrayForEach(value, settings_map(after))
	{
		if (json_equal(value, json_get(settings_map(before), value->string)))
			continue;
		if (!check_key(owner, value->string, error) || !check_value(owner, value, error))
			return FALSE;
	}
	return TRUE;
}

/* The record goes with the change, in one request. */
static gboolean amend(const EditTarget *target, const cJSON *before, cJSON *patch, GError **error)
{
	return config_amend(owner_of(target), before, "edit", patch, error);
}

static gboolean stored(const EditTarget *target, const cJSON *before, const cJSON *sent,
		       const cJSON *after, GError **error)
{
	ConfigOwner *owner = owner_of(target);
	g_autoptr(cJSON) changes = config_difference(owner, before, sent);

	cJSON_Delete(owner->object);
	owner->object = cJSON_Duplicate(after, TRUE);
	if (!config_check_stored(owner, before, changes, error))
		return FALSE;
	if (changes->child)
		config_show_changes(target->context, owner, changes, CLUSTER_WRITE_NONE);
	return TRUE;
}

/* On a cluster that kvmig runs there may be nothing to edit yet: the first save makes it. */
static cJSON *new_object(const ConfigOwner *owner)
{
	cJSON *object = object_new(owner->kind, owner->ns, owner->name);

	cJSON_AddItemToObject(json_ensure_object(object, "spec"), "liveMigrationConfig",
			      cJSON_CreateObject());
	return object;
}

static int run_edit(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(ConfigOwner) owner = config_open(context, error);
	g_autoptr(cJSON) initial = NULL;
	Edit edit = { { .context = context, .check = check, .amend = amend, .stored = stored },
		      owner };

	(void)values;
	if (!owner || !config_may_write(owner, error))
		return STATUS_FAILED;
	initial =
		cluster_caps(context->cluster)->kind == CLUSTER_KUBEVIRT ? NULL : new_object(owner);
	edit.target.kind = owner->kind;
	edit.target.ns = owner->ns;
	edit.target.name = owner->name;
	edit.target.initial = initial;
	edit.target.otherwise = "kvmig config set KEY=VALUE";
	return edit_object(&edit.target, error);
}

static const char *const examples[] = { "kvmig config edit", NULL };

const Command config_edit_command = {
	.name = "edit",
	.summary = "change the object that owns the settings, in an editor",
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_edit,
	.examples = examples,
};
