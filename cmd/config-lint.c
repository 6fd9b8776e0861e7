/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config lint: settings that do nothing, or not what one thinks. */
#include "config-lint.h"

#include <string.h>

#include "engine/engine.h"
#include "lint.h"
#include "settings/gates.h"

static void lint_clear(ConfigLint *lint)
{
	g_clear_pointer(&lint->owner, config_owner_free);
	g_clear_pointer(&lint->values, cJSON_Delete);
	g_clear_pointer(&lint->set, cJSON_Delete);
	g_clear_pointer(&lint->rows, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ConfigLint, lint_clear)

/* ---- what is in force ----------------------------------------------------------------------- */

static gint64 applied(gint64 bytes_per_second, gpointer data)
{
	return config_applied_mib(data, bytes_per_second) * 1048576;
}

static void read_values(ConfigLint *lint)
{
	lint->values = cJSON_CreateObject();
	lint->set = cJSON_CreateObject();
	for (unsigned i = 0; setting_nth(i); i++) {
		const Setting *setting = setting_nth(i);
		g_auto(ConfigValue) value = { 0 };

		if (!config_setting_applies(lint->owner, setting))
			continue;
		config_value(lint->owner, setting, &value);
		if (!value.value)
			continue;
		if (value.origin != CONFIG_FROM_DEFAULT && value.origin != CONFIG_FROM_SCHEMA)
			json_set(lint->set, setting->key, cJSON_Duplicate(value.value, TRUE));
		json_set(lint->values, setting->key, g_steal_pointer(&value.value));
	}
}

/* What an upgrade of HyperConverged will find: it has no allowWorkloadDisruption before 1.19. */
static const cJSON *before_upgrade(const ConfigLint *lint)
{
	const ConfigOwner *owner = lint->owner;
	g_autofree char *field = config_field(owner->kind, "allowWorkloadDisruption");
	ClusterFieldState has;

	if (cluster_caps(owner->cluster)->kind != CLUSTER_KUBEVIRT || !owner->object ||
	    owner->kind == &KIND_KUBEVIRT)
		return NULL;
	has = cluster_has_field(owner->cluster, owner->kind, field);
	if (has == CLUSTER_FIELD_UNKNOWN)
		say_warning(lint->context, "the schema of HyperConverged cannot be had: whether an "
					   "upgrade rewrites a value is not known");
	return has == CLUSTER_FIELD_NO ? settings_map(owner->object) : NULL;
}

/* That maxDowntimeMs does nothing cannot be said where nobody can tell. */
static void say_gates(const ConfigLint *lint)
{
	static const char *const gates[] = { GATE_STALL_DETECTION, GATE_DOWNTIME_TUNING, NULL };
	g_autofree char *text = NULL;

	if (!lint->lint.kubevirt || !json_get(lint->set, "maxDowntimeMs") ||
	    gate_state_any(lint->lint.gates, gates) != GATE_UNKNOWN)
		return;
	text = gate_text(lint->lint.gates, gates);
	say_warning(lint->context, "maxDowntimeMs needs %s", text);
}

static gboolean prepare(ConfigLint *lint, GError **error)
{
	lint->owner = config_open(lint->context, error);
	if (!lint->owner)
		return FALSE;
	lint->rows = g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);
	read_values(lint);
	lint->lint = (SettingsLint){
		.values = lint->values,
		.set = lint->set,
		.kubevirt = cluster_caps(lint->context->cluster)->kind == CLUSTER_KUBEVIRT,
		.applied = applied,
		.applied_data = lint->owner,
		.gates = config_owner_kubevirt(lint->owner),
		.before_upgrade = before_upgrade(lint),
	};
	if (cluster_caps(lint->context->cluster)->kvmig_migrates)
		lint->lint.acts_on = engine_obeys;
	say_gates(lint);
	return TRUE;
}

/* ---- findings as rows ----------------------------------------------------------------------- */

char *config_lint_command_text(const char *words)
{
	g_autofree char *quoted = g_strdup_printf("'kvmig %s'", words);
	g_autofree char *text = hint_text(quoted);

	/* the quotes are those around it */
	return g_strndup(text + 1, strlen(text) - 2);
}

static cJSON *evidence_of(const ConfigOwner *owner, const char *const *keys)
{
	cJSON *evidence = cJSON_CreateArray();

	for (; *keys; keys++) {
		const Setting *setting = setting_find(*keys);
		g_auto(ConfigValue) value = { 0 };
		g_autofree char *text = NULL;
		cJSON *item;

		if (!config_setting_applies(owner, setting))
			continue;
		config_value(owner, setting, &value);
		text = setting_value_text(setting, value.value);
		item = cJSON_CreateObject();
		json_set_string(item, "key", *keys);
		json_set_string(item, "text", text);
		json_set_string(item, "origin", config_origin_text(value.origin));
		cJSON_AddItemToArray(evidence, item);
	}
	return evidence;
}

/* A key of the changes that cannot be set where the settings are: the annotation decides it, or
 * HyperConverged does not have it. */
static const char *out_of_reach(const ConfigOwner *owner, const cJSON *changes)
{
	const cJSON *change;

	cJSON_ArrayForEach(change, changes)
	{
		if (json_get(owner->patched, change->string) ||
		    !config_owner_has_key(owner, setting_find(change->string), NULL))
			return change->string;
	}
	return NULL;
}

static void put_fix(const ConfigOwner *owner, const SettingsFinding *finding, cJSON *row)
{
	const char *key = out_of_reach(owner, finding->fix);
	g_autofree char *words = key ? g_strdup("config edit") : settings_set_words(finding->fix);
	g_autofree char *message = NULL, *command = NULL;

	if (!words)
		words = settings_unset_words(finding->fix);
	message = key ? g_strdup_printf("%s; the annotation " ANNOTATION_JSONPATCH
					" is where %s can be changed",
					finding->text, key)
		      : g_strdup(finding->text);
	json_set_string(row, "message", message);
	command = config_lint_command_text(words);
	json_set_string(row, "fix", command);
}

static void add_row(const ConfigLint *lint, const SettingsFinding *finding)
{
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "key", finding->keys[0]);
	json_set_string(row, "reason", finding->code);
	put_fix(lint->owner, finding, row);
	json_set(row, "evidence", evidence_of(lint->owner, finding->keys));
	g_ptr_array_add(lint->rows, row);
}

/* ---- output --------------------------------------------------------------------------------- */

static char *cell_key(const cJSON *row)
{
	return g_strdup(json_string(row, "key", NULL));
}

/* "allowPostCopy=true (HyperConverged), …"; of a migration: "… 1 MiB/s, now 64 MiB/s (…)" */
static char *cell_evidence(const cJSON *row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *item;

	cJSON_ArrayForEach(item, json_get(row, "evidence"))
	{
		const char *kept = json_string(item, "inMigration", NULL);

		g_string_append_printf(text, "%s%s=%s%s%s (%s)", text->len ? ", " : "",
				       json_string(item, "key", ""), kept ? kept : "",
				       kept ? ", now " : "", json_string(item, "text", ""),
				       json_string(item, "origin", ""));
	}
	return text->len ? g_strdup(text->str) : NULL;
}

static const OutputColumn columns[] = {
	{ "KEY", FALSE, FALSE, cell_key },           { "REASON", FALSE, FALSE, lint_cell_reason },
	{ "WHAT", FALSE, FALSE, lint_cell_message }, { "EVIDENCE", TRUE, FALSE, cell_evidence },
	{ "FIX", FALSE, FALSE, lint_cell_fix },      { NULL, FALSE, FALSE, NULL },
};

static int run_lint(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "SettingFindingList",
				  .columns = columns,
				  .name = cell_key };
	g_auto(ConfigLint) lint = { .context = context };
	g_autoptr(GPtrArray) findings = NULL;

	(void)values;
	if (!prepare(&lint, error))
		return STATUS_FAILED;
	findings = settings_lint(&lint.lint);
	for (guint i = 0; i < findings->len; i++)
		add_row(&lint, findings->pdata[i]);
	if (!config_lint_flights(&lint, error))
		return STATUS_FAILED;
	return lint_finish(context, &spec, lint.rows, "nothing to object to in the settings");
}

static const char *const examples[] = { "kvmig config lint", "kvmig config lint -o json", NULL };

const Command config_lint_command = {
	.name = "lint",
	.summary = "name settings that do nothing, or not what one thinks",
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_lint,
	.examples = examples,
};
