/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config: the cluster-wide migration settings. */
#include "cmd.h"

#include <string.h>

#include "engine/engine.h"
#include "model/quantity.h"
#include "model/wellknown.h"
#include "settings/settings.h"

#define CONFIG_FIELD "liveMigrationConfig"

/* The object that holds the settings; *ret_object is NULL where there is none. */
static gboolean get_object(Cluster *cluster, cJSON **ret_object, GError **error)
{
	g_autoptr(GError) local = NULL;
	cJSON *object = cluster_get(cluster, &KIND_HYPERCONVERGED, HYPERCONVERGED_NAMESPACE,
				    HYPERCONVERGED_NAME, &local);

	if (!object && error_code(local) != KVMIG_ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	*ret_object = object;
	return TRUE;
}

static const Setting *find_key(const char *key, GError **error)
{
	const Setting *setting = setting_find(key);
	g_autoptr(GPtrArray) keys = NULL;
	g_autofree char *near = NULL;

	if (setting)
		return setting;
	keys = g_ptr_array_new();
	for (guint i = 0; setting_nth(i); i++)
		g_ptr_array_add(keys, (gpointer)setting_nth(i)->key);
	g_ptr_array_add(keys, NULL);
	near = option_nearest(key, (const char *const *)keys->pdata);
	error_set(error, KVMIG_ERROR_USAGE, "there is no setting '%s'", key);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "'kvmig config view' lists them all");
	return NULL;
}

/* ---- view ----------------------------------------------------------------------------------- */

static const char *unit_text(SettingType type)
{
	switch (type) {
	case SETTING_BANDWIDTH:
		return "bytes/s";
	case SETTING_SECONDS:
		return "s";
	case SETTING_SECONDS_PER_GIB:
		return "s per GiB";
	case SETTING_MILLISECONDS:
		return "ms";
	case SETTING_COUNT:
	case SETTING_BOOL:
	case SETTING_STRING:
		break;
	}
	return NULL;
}

/* The value for programs, with its unit in the name; absent where it is not set. */
static void add_value(cJSON *row, const Setting *setting, const cJSON *object)
{
	const cJSON *stored = json_get(settings_map(object), setting->key);
	g_autoptr(cJSON) fallback = NULL;
	g_autofree char *text = NULL;
	const char *name = "value";
	gint64 bytes;

	if (!stored && setting->documented_default) {
		fallback = setting_parse_value(setting, setting->documented_default, NULL);
		stored = fallback;
	}
	if (!stored)
		return;
	switch (setting->type) {
	case SETTING_BANDWIDTH:
		text = cJSON_IsString(stored) ? g_strdup(stored->valuestring) : json_print(stored);
		if (quantity_parse(text, &bytes, NULL))
			json_set_int(row, "bytesPerSecond", bytes);
		return;
	case SETTING_SECONDS:
		name = "seconds";
		break;
	case SETTING_SECONDS_PER_GIB:
		name = "secondsPerGiB";
		break;
	case SETTING_MILLISECONDS:
		name = "milliseconds";
		break;
	case SETTING_COUNT:
		name = "count";
		break;
	case SETTING_BOOL:
	case SETTING_STRING:
		break;
	}
	json_set(row, name, cJSON_Duplicate(stored, TRUE));
}

static cJSON *make_row(const Setting *setting, const cJSON *object)
{
	cJSON *row = cJSON_CreateObject();
	SettingOrigin origin;
	g_autofree char *value = settings_effective_text(setting, object, &origin);

	json_set_string(row, "key", setting->key);
	json_set_string(row, "text", value);
	add_value(row, setting, object);
	json_set_string(row, "origin", origin == SETTING_ORIGIN_DEFAULT ? "default" : "cluster");
	json_set_string(row, "default", setting->documented_default);
	json_set_string(row, "unit", unit_text(setting->type));
	json_set_string(row, "meaning", setting->summary);
	return row;
}

static char *cell_key(const cJSON *row)
{
	return g_strdup(json_string(row, "key", NULL));
}

static char *cell_value(const cJSON *row)
{
	return g_strdup(json_string(row, "text", NULL));
}

static char *cell_origin(const cJSON *row)
{
	return g_strdup(json_string(row, "origin", NULL));
}

static char *cell_default(const cJSON *row)
{
	return g_strdup(json_string(row, "default", NULL));
}

static char *cell_unit(const cJSON *row)
{
	return g_strdup(json_string(row, "unit", NULL));
}

static char *cell_meaning(const cJSON *row)
{
	return g_strdup(json_string(row, "meaning", NULL));
}

static const OutputColumn columns[] = {
	{ "KEY", FALSE, FALSE, cell_key },
	{ "VALUE", FALSE, FALSE, cell_value },
	{ "ORIGIN", FALSE, FALSE, cell_origin },
	{ "DEFAULT", FALSE, FALSE, cell_default },
	{ "UNIT", FALSE, FALSE, cell_unit },
	{ "MEANING", TRUE, FALSE, cell_meaning },
	{ NULL, FALSE, FALSE, NULL },
};

static int run_view(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "SettingList",
				  .columns = columns,
				  .name = cell_key };
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);
	g_autoptr(cJSON) object = NULL;

	(void)values;
	if (!get_object(context->cluster, &object, error))
		return STATUS_FAILED;
	for (guint i = 0; i < context->n_args; i++) {
		const Setting *setting = find_key(context->args[i], error);

		if (!setting)
			return STATUS_USAGE;
		g_ptr_array_add(rows, make_row(setting, object));
	}
	for (guint i = 0; context->n_args == 0 && setting_nth(i); i++)
		g_ptr_array_add(rows, make_row(setting_nth(i), object));
	output_rows(context->output, &spec, rows);
	return STATUS_DONE;
}

/* ---- set and unset -------------------------------------------------------------------------- */

/* Merges `changes` (key -> value, null to remove) into the object, which is made where there is
 * none. */
static gboolean store(Cluster *cluster, const cJSON *old, const cJSON *changes, GError **error)
{
	g_autoptr(cJSON) patch = cJSON_CreateObject();
	g_autoptr(cJSON) stored = NULL;

	json_set(json_ensure_object(patch, "spec"), CONFIG_FIELD, cJSON_Duplicate(changes, TRUE));
	if (old) {
		stored = cluster_patch(cluster, &KIND_HYPERCONVERGED, HYPERCONVERGED_NAMESPACE,
				       HYPERCONVERGED_NAME, CLUSTER_PATCH_MERGE, patch,
				       CLUSTER_WRITE_NONE, error);
	} else {
		g_autoptr(cJSON) object = object_new(&KIND_HYPERCONVERGED, HYPERCONVERGED_NAMESPACE,
						     HYPERCONVERGED_NAME);

		json_merge_patch(object, patch);
		stored = cluster_create(cluster, object, CLUSTER_WRITE_NONE, error);
	}
	return stored != NULL;
}

static void echo_rate(const CommandContext *context, const cJSON *value)
{
	g_autofree char *text =
		cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);
	gint64 bytes;

	if (!quantity_parse(text, &bytes, NULL))
		return;
	if (bytes == 0)
		say(context, "no cap on the bandwidth");
	else /* libvirt takes whole MiB/s, rounded up */
		say(context, "%" G_GINT64_FORMAT " bytes/s; applied as %" G_GINT64_FORMAT " MiB/s",
		    bytes, bytes / 1048576 + (bytes % 1048576 != 0));
}

static void warn_about(const CommandContext *context, const Setting *setting, const cJSON *value)
{
	if (setting->type == SETTING_BANDWIDTH)
		echo_rate(context, value);
	if (g_str_equal(setting->key, "allowPostCopy") && cJSON_IsTrue(value))
		say_warning(context, "post-copy has no way back: not for critical data, nor for "
				     "unstable networks");
	if (!cJSON_IsFalse(value) && !engine_obeys(setting->key) &&
	    cluster_caps(context->cluster)->kvmig_migrates)
		say_warning(context, "%s is stored, but has no effect on this cluster yet",
			    setting->key);
	if (g_str_equal(setting->key, "disableTLS") && cJSON_IsTrue(value))
		say_warning(context, "guests' memory will cross the network unencrypted");
	if (g_str_has_prefix(setting->key, "parallel") && cJSON_IsNumber(value) &&
	    value->valuedouble < 1 &&
	    !g_str_equal(setting->key, "parallelInboundMigrationsPerNode"))
		say_warning(context, "%s is 0: no migration will ever start", setting->key);
}

static void echo(const CommandContext *context, const cJSON *changes, const cJSON *old)
{
	g_autoptr(cJSON) object = NULL;
	const cJSON *change;

	if (context->quiet || !get_object(context->cluster, &object, NULL))
		return;
	cJSON_ArrayForEach(change, changes)
	{
		const Setting *setting = setting_find(change->string);
		g_autofree char *before = settings_effective_text(setting, old, NULL);
		g_autofree char *after = settings_effective_text(setting, object, NULL);

		say(context, "%s: %s -> %s%s", setting->key, before ? before : "not set",
		    after ? after : "not set", cJSON_IsNull(change) ? " (default)" : "");
	}
}

static gboolean parse_change(const char *text, cJSON *changes, GError **error)
{
	const char *equals = strchr(text, '=');
	g_autofree char *key = NULL;
	const Setting *setting;
	cJSON *value;

	if (!equals) {
		error_set(error, KVMIG_ERROR_USAGE, "'%s' is not KEY=VALUE", text);
		error_hint(error, "for example parallelMigrationsPerCluster=3");
		return FALSE;
	}
	key = g_strndup(text, (gsize)(equals - text));
	setting = find_key(key, error);
	if (!setting)
		return FALSE;
	value = setting_parse_value(setting, equals + 1, error);
	if (!value)
		return error_usage(error);
	json_set(changes, key, value);
	return TRUE;
}

static int apply(CommandContext *context, const cJSON *changes, GError **error)
{
	g_autoptr(cJSON) old = NULL;
	const cJSON *change;

	if (!get_object(context->cluster, &old, error) ||
	    !store(context->cluster, old, changes, error))
		return STATUS_FAILED;
	echo(context, changes, old);
	cJSON_ArrayForEach(change, changes)
		warn_about(context, setting_find(change->string), change);
	return STATUS_DONE;
}

static int run_set(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(cJSON) changes = cJSON_CreateObject();

	(void)values;
	for (guint i = 0; i < context->n_args; i++) {
		if (!parse_change(context->args[i], changes, error))
			return STATUS_USAGE;
	}
	return apply(context, changes, error);
}

static int run_unset(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(cJSON) changes = cJSON_CreateObject();
	g_autoptr(cJSON) old = NULL;

	(void)values;
	for (guint i = 0; i < context->n_args; i++) {
		const Setting *setting = find_key(context->args[i], error);

		if (!setting)
			return STATUS_USAGE;
		json_set(changes, setting->key, cJSON_CreateNull());
	}
	if (!get_object(context->cluster, &old, error))
		return STATUS_FAILED;
	if (!old) {
		say(context, "nothing is set; all settings have their defaults");
		return STATUS_DONE;
	}
	return apply(context, changes, error);
}

/* ---- the table ------------------------------------------------------------------------------ */

static const char *const view_examples[] = { "kvmig config view",
					     "kvmig config view bandwidthPerMigration -o json",
					     NULL };
static const char *const set_examples[] = { "kvmig config set bandwidthPerMigration=64Mi",
					    "kvmig config set progressTimeout=60 "
					    "disableTLS=false",
					    NULL };
static const char *const unset_examples[] = { "kvmig config unset bandwidthPerMigration", NULL };

static const Command view_command = {
	.name = "view",
	.summary = "show the settings in force and where they come from",
	.args = { "KEY", 0, G_MAXUINT, COMPLETE_SETTING },
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_view,
	.examples = view_examples,
};

static const Command set_command = {
	.name = "set",
	.summary = "change settings",
	.args = { "KEY=VALUE", 1, G_MAXUINT, COMPLETE_SETTING },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_set,
	.examples = set_examples,
};

static const Command unset_command = {
	.name = "unset",
	.summary = "put settings back to their defaults",
	.args = { "KEY", 1, G_MAXUINT, COMPLETE_SETTING },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_unset,
	.examples = unset_examples,
};

static const Command *const subcommands[] = { &view_command, &set_command, &unset_command, NULL };

const Command config_command = {
	.name = "config",
	.summary = "the cluster-wide migration settings",
	.group = COMMAND_GROUP_SETTINGS,
	.subcommands = subcommands,
};
