/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config view and explain. */
#include "config-common.h"

#include <string.h>

#include "engine/engine.h"
#include "model/quantity.h"
#include "policy.h"

/* ---- rows ----------------------------------------------------------------------------------- */

/* The value for programs, with its unit in the name; absent where it is not set. */
static void add_value(cJSON *row, const Setting *setting, const cJSON *value)
{
	static const char *const names[] = {
		[SETTING_BANDWIDTH] = "bytesPerSecond",
		[SETTING_COUNT] = "count",
		[SETTING_SECONDS] = "seconds",
		[SETTING_SECONDS_PER_GIB] = "secondsPerGiB",
		[SETTING_MILLISECONDS] = "milliseconds",
		[SETTING_BOOL] = "value",
		[SETTING_STRING] = "value",
	};
	g_autofree char *text = NULL;
	gint64 bytes;

	if (!value)
		return;
	if (setting->type != SETTING_BANDWIDTH) {
		json_set(row, names[setting->type], cJSON_Duplicate(value, TRUE));
		return;
	}
	text = cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);
	if (quantity_parse(text, &bytes, NULL))
		json_set_int(row, names[setting->type], bytes);
}

static char *practice_of(const ConfigOwner *owner, const Setting *setting, const Settings *settings,
			 const ConfigValue *value)
{
	if (cluster_caps(owner->cluster)->kvmig_migrates && !engine_obeys(setting->key))
		return value->origin == CONFIG_FROM_DEFAULT
			       ? NULL
			       : g_strdup("no effect on this cluster yet");
	return settings ? config_practice(owner, setting, settings) : NULL;
}

/* What is in force, and why. */
static void add_state(cJSON *row, const ConfigOwner *owner, const Setting *setting,
		      const Settings *settings)
{
	g_auto(ConfigValue) value = { 0 };
	g_autofree char *text = NULL, *fallback = NULL, *practice = NULL, *shown = NULL;
	g_autofree char *missing = NULL;

	config_value(owner, setting, &value);
	if (!setting->in_documents && !setting->only_kvmig && !config_release_has(owner, setting))
		missing = g_strdup_printf("the KubeVirt that is there does not have it: it comes "
					  "with %s",
					  setting->since_kubevirt);
	text = setting_value_text(setting, value.value);
	fallback = value.fallback ? setting_value_text(setting, value.fallback) : NULL;
	practice = practice_of(owner, setting, settings, &value);
	shown = owner->object && !owner->unreadable ? config_owner_text(owner) : NULL;
	json_set_string(row, "text", text);
	add_value(row, setting, value.value);
	json_set_string(row, "origin", config_origin_text(value.origin));
	json_set_string(row, "owner", shown);
	json_set_string(row, "default", fallback);
	json_set_string(row, "practice", practice);
	json_set_string(row, "note", value.note ? value.note : missing);
}

static cJSON *make_row(const ConfigOwner *owner, const Setting *setting, const Settings *settings)
{
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "key", setting->key);
	/* whoever would have a default for it is not there */
	if (config_setting_applies(owner, setting))
		add_state(row, owner, setting, settings);
	else
		json_set_string(row, "note", "clusters of this kind have no such setting");
	json_set_string(row, "unit", setting_unit(setting));
	json_set_string(row, "meaning", setting->summary);
	return row;
}

#define CELL(name, field)                                                                          \
	static char *cell_##name(const cJSON *row)                                                 \
	{                                                                                          \
		return g_strdup(json_string(row, field, NULL));                                    \
	}
CELL(key, "key")
CELL(value, "text")
CELL(origin, "origin")
CELL(default, "default")
CELL(unit, "unit")
CELL(practice, "practice")
CELL(meaning, "meaning")

static const OutputColumn columns[] = {
	{ "KEY", FALSE, FALSE, cell_key },        { "VALUE", FALSE, FALSE, cell_value },
	{ "ORIGIN", FALSE, FALSE, cell_origin },  { "DEFAULT", FALSE, FALSE, cell_default },
	{ "UNIT", TRUE, FALSE, cell_unit },       { "IN PRACTICE", FALSE, FALSE, cell_practice },
	{ "MEANING", TRUE, FALSE, cell_meaning }, { NULL, FALSE, FALSE, NULL },
};

/* What is in force, where all of it can be understood. */
static gboolean read_effective(const CommandContext *context, const ConfigOwner *owner,
			       Settings *ret_settings)
{
	g_autoptr(cJSON) object = config_effective_object(owner);
	g_autoptr(GError) cause = NULL;

	if (settings_read(object, ret_settings, &cause))
		return TRUE;
	say_warning(context, "%s", cause->message);
	return FALSE;
}

/* ---- view ----------------------------------------------------------------------------------- */

typedef struct {
	gboolean all, effective;
} ViewValues;

static const Option view_options[] = {
	OPT_FLAG(0, "all", ViewValues, all,
		 "also settings beyond the documents', at their default"),
	OPT_FLAG(0, "effective", ViewValues, effective,
		 "all settings that are in force, wherever they come from"),
	OPT_END,
};

/* Without words: the documents' six, and what somebody has set. */
static gboolean is_shown(const ConfigOwner *owner, const Setting *setting, const ViewValues *view)
{
	g_auto(ConfigValue) value = { 0 };

	if (!config_setting_applies(owner, setting))
		return FALSE;
	if (setting->in_documents)
		return TRUE;
	if (view->all)
		return config_release_has(owner, setting);
	config_value(owner, setting, &value);
	return view->effective
		       ? value.value && config_release_has(owner, setting)
		       : value.origin != CONFIG_FROM_DEFAULT && value.origin != CONFIG_FROM_SCHEMA;
}

static GPtrArray *choose(const CommandContext *context, const ConfigOwner *owner,
			 const ViewValues *view, GError **error)
{
	g_autoptr(GPtrArray) chosen = g_ptr_array_new();

	for (guint i = 0; i < context->n_args; i++) {
		const Setting *setting = config_find_key(context->args[i], error);

		if (!setting)
			return NULL;
		g_ptr_array_add(chosen, (gpointer)setting);
	}
	for (guint i = 0; context->n_args == 0 && setting_nth(i); i++)
		if (is_shown(owner, setting_nth(i), view))
			g_ptr_array_add(chosen, (gpointer)setting_nth(i));
	return g_steal_pointer(&chosen);
}

static void say_owner(const CommandContext *context, const ConfigOwner *owner)
{
	g_autofree char *shown = config_owner_text(owner);

	if (owner->unreadable || context->output->format > OUTPUT_WIDE)
		return;
	if (owner->object)
		say(context, "%s owns the settings", shown);
	else
		say(context, "nothing is set: all settings have their defaults");
}

static int run_view(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "SettingList",
				  .columns = columns,
				  .name = cell_key };
	g_autoptr(ConfigOwner) owner = config_open(context, error);
	g_autoptr(GPtrArray) chosen = owner ? choose(context, owner, values, error) : NULL;
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);
	Settings settings;
	gboolean known;

	if (!chosen)
		return STATUS_FAILED;
	known = read_effective(context, owner, &settings);
	for (guint i = 0; i < chosen->len; i++)
		g_ptr_array_add(rows, make_row(owner, chosen->pdata[i], known ? &settings : NULL));
	say_owner(context, owner);
	output_rows(context->output, &spec, rows);
	for (guint i = 0; i < rows->len; i++)
		if (json_string(rows->pdata[i], "note", NULL))
			say(context, "%s: %s", json_string(rows->pdata[i], "key", ""),
			    json_string(rows->pdata[i], "note", ""));
	return STATUS_DONE;
}

/* ---- explain -------------------------------------------------------------------------------- */

static void add_policies(const CommandContext *context, const Setting *setting, cJSON *row)
{
	g_auto(Policies) policies = { 0 };
	g_autoptr(GError) cause = NULL;
	cJSON *names;

	if (!policies_read(context->cluster, &policies, &cause)) {
		say_warning(context, "which policies override it cannot be told: %s",
			    cause->message);
		return;
	}
	names = json_ensure_array(row, "policies");
	for (guint i = 0; i < policy_set_size(policies.set); i++) {
		const Policy *policy = policy_set_nth(policies.set, i);

		if (policy_value(policy, setting->key, NULL))
			cJSON_AddItemToArray(names, cJSON_CreateString(policy->name));
	}
}

static void add_facts(const Setting *setting, cJSON *row)
{
	g_autofree char *range = setting_range_text(setting);

	json_set_string(row, "range", range);
	json_set_string(row, "reader", setting->reader);
	json_set_string(row, "interacts", setting->interacts);
	json_set_string(row, "sinceKubeVirt", setting->since_kubevirt);
	if (setting->since_hyperconverged && *setting->since_hyperconverged)
		json_set_string(row, "sinceHyperConverged", setting->since_hyperconverged);
	json_set_bool(row, "handedOnByHyperConverged", setting->since_hyperconverged != NULL);
	json_set_bool(row, "policiesMayOverride", policy_overrides(setting->key));
}

static void print_line(const CommandContext *context, const char *title, const char *text)
{
	g_autofree char *safe = text ? output_escape(text) : NULL;

	if (safe)
		(void)fprintf(context->output->stream, "%-14s %s\n", title, safe);
}

static char *since_text(const cJSON *row)
{
	const char *kubevirt = json_string(row, "sinceKubeVirt", NULL);
	const char *hyperconverged = json_string(row, "sinceHyperConverged", NULL);

	if (!kubevirt)
		return g_strdup("kvmig's own: clusters that kvmig runs");
	if (hyperconverged)
		return g_strdup_printf("KubeVirt %s, HyperConverged %s", kubevirt, hyperconverged);
	return g_strdup_printf("KubeVirt %s%s", kubevirt,
			       json_bool(row, "handedOnByHyperConverged", FALSE)
				       ? ""
				       : "; HyperConverged does not hand it on");
}

static char *policies_text(const cJSON *row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *name;

	if (!json_bool(row, "policiesMayOverride", FALSE))
		return g_strdup("no policy can override it");
	if (!json_get(row, "policies"))
		return g_strdup("policies may override it");
	cJSON_ArrayForEach(name, json_get(row, "policies"))
		g_string_append_printf(text, "%s%s", text->len ? ", " : "", name->valuestring);
	return text->len
		       ? g_strdup_printf("overridden by %s for the VMs that they match", text->str)
		       : g_strdup("policies may override it; none does");
}

static void print_explanation(const CommandContext *context, const cJSON *row)
{
	g_autofree char *since = since_text(row);
	g_autofree char *policies = policies_text(row);
	const char *text = json_string(row, "text", NULL);
	g_autofree char *value =
		text ? g_strdup_printf("%s (%s)", text, json_string(row, "origin", "")) : NULL;

	print_line(context, json_string(row, "key", ""), "");
	print_line(context, "  meaning", json_string(row, "meaning", NULL));
	print_line(context, "  in force", value);
	print_line(context, "  in practice", json_string(row, "practice", NULL));
	print_line(context, "  note", json_string(row, "note", NULL));
	print_line(context, "  set in", json_string(row, "owner", NULL));
	print_line(context, "  default", json_string(row, "default", text ? "none" : NULL));
	print_line(context, "  unit", json_string(row, "unit", NULL));
	print_line(context, "  may be", json_string(row, "range", NULL));
	print_line(context, "  read by", json_string(row, "reader", NULL));
	print_line(context, "  with others", json_string(row, "interacts", NULL));
	print_line(context, "  since", since);
	print_line(context, "  policies", policies);
}

static int run_explain(CommandContext *context, const void *values, GError **error)
{
	const Setting *setting = config_find_key(context->args[0], error);
	g_autoptr(ConfigOwner) owner = setting ? config_open(context, error) : NULL;
	g_autoptr(cJSON) row = NULL;
	Settings settings;

	(void)values;
	if (!owner)
		return STATUS_FAILED;
	row = make_row(owner, setting,
		       read_effective(context, owner, &settings) ? &settings : NULL);
	add_facts(setting, row);
	if (json_bool(row, "policiesMayOverride", FALSE))
		add_policies(context, setting, row);
	if (context->output->format == OUTPUT_TABLE || context->output->format == OUTPUT_WIDE)
		print_explanation(context, row);
	else
		output_document(context->output, "SettingExplanation", row);
	return STATUS_DONE;
}

/* ---- the table ------------------------------------------------------------------------------ */

static const char *const view_examples[] = { "kvmig config view",
					     "kvmig config view bandwidthPerMigration -o json",
					     "kvmig config view --all -o wide", NULL };
static const char *const explain_examples[] = { "kvmig config explain allowPostCopy", NULL };

const Command config_view_command = {
	.name = "view",
	.summary = "show the settings in force and where they come from",
	.options = view_options,
	.values_size = sizeof(ViewValues),
	.args = { "KEY", 0, G_MAXUINT, COMPLETE_SETTING },
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_view,
	.examples = view_examples,
};

const Command config_explain_command = {
	.name = "explain",
	.summary = "tell all about one setting",
	.args = { "KEY", 1, 1, COMPLETE_SETTING },
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_explain,
	.examples = explain_examples,
};
