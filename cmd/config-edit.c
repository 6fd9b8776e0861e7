/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config edit: the object that owns the settings, in an editor. */
#include "config-common.h"
#include "edit.h"

typedef struct {
	EditTarget target;
	ConfigOwner *owner;
} Edit;

/* What config set would refuse is shown again before anything is sent. */
static gboolean check(const EditTarget *target, const cJSON *before, const cJSON *after,
		      GError **error)
{
	const cJSON *value;

	(void)target;
	cJSON_ArrayForEach(value, settings_map(after))
	{
		Settings settings = { 0 };

		if (json_equal(value, json_get(settings_map(before), value->string)))
			continue;
		/* unknown keys are the server's to name */
		if (setting_find(value->string) && !cJSON_IsNull(value) &&
		    !settings_override(&settings, value->string, value, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean stored(const EditTarget *target, const cJSON *before, const cJSON *after,
		       GError **error)
{
	if (config_record(((const Edit *)target)->owner, before, after, "edit", error))
		return TRUE;
	error_prefix(error, "the change is made, but not recorded: 'config undo' does not know it");
	return FALSE;
}

/* On a cluster that kvmig runs there may be nothing to edit yet. */
static gboolean make_sure_of_object(const ConfigOwner *owner, GError **error)
{
	g_autoptr(cJSON) object = NULL;
	g_autoptr(cJSON) made = NULL;

	if (owner->object)
		return TRUE;
	object = object_new(owner->kind, owner->ns, owner->name);
	cJSON_AddItemToObject(json_ensure_object(object, "spec"), "liveMigrationConfig",
			      cJSON_CreateObject());
	made = cluster_create(owner->cluster, object, CLUSTER_WRITE_NONE, error);
	return made != NULL;
}

static int run_edit(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(ConfigOwner) owner = config_open(context, error);
	Edit edit = { { .context = context, .check = check, .stored = stored }, owner };

	(void)values;
	if (!owner || !config_may_write(owner, error) || !make_sure_of_object(owner, error))
		return STATUS_FAILED;
	edit.target.kind = owner->kind;
	edit.target.ns = owner->ns;
	edit.target.name = owner->name;
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
