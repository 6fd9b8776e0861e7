/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config preset: settings that belong together. */
#include "config-common.h"

#include "settings/preset.h"

static const Preset *find_preset(const char *name, GError **error)
{
	const Preset *preset = preset_find(name);
	g_autoptr(GString) names = g_string_new(NULL);

	if (preset)
		return preset;
	for (unsigned i = 0; preset_nth(i); i++)
		g_string_append_printf(names, "%s'%s'", names->len ? ", " : "",
				       preset_nth(i)->name);
	error_set(error, KVMIG_ERROR_USAGE, "there is no preset '%s'", name);
	error_hint(error, "there are %s", names->str);
	return NULL;
}

/* ---- list and show -------------------------------------------------------------------------- */

static char *cell_name(const cJSON *row)
{
	return g_strdup(json_string(row, "name", NULL));
}

static char *cell_summary(const cJSON *row)
{
	return g_strdup(json_string(row, "summary", NULL));
}

static const OutputColumn list_columns[] = {
	{ "NAME", FALSE, FALSE, cell_name },
	{ "WHAT", FALSE, FALSE, cell_summary },
	{ NULL, FALSE, FALSE, NULL },
};

static int run_list(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "PresetList",
				  .columns = list_columns,
				  .name = cell_name };
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);

	(void)values;
	(void)error;
	for (unsigned i = 0; preset_nth(i); i++) {
		cJSON *row = cJSON_CreateObject();

		json_set_string(row, "name", preset_nth(i)->name);
		json_set_string(row, "summary", preset_nth(i)->summary);
		g_ptr_array_add(rows, row);
	}
	output_rows(context->output, &spec, rows);
	return STATUS_DONE;
}

static char *cell_key(const cJSON *row)
{
	return g_strdup(json_string(row, "key", NULL));
}

static char *cell_value(const cJSON *row)
{
	return g_strdup(json_string(row, "value", "(removed)"));
}

static char *cell_why(const cJSON *row)
{
	return g_strdup(json_string(row, "why", NULL));
}

static const OutputColumn show_columns[] = {
	{ "KEY", FALSE, FALSE, cell_key },
	{ "VALUE", FALSE, FALSE, cell_value },
	{ "WHY", FALSE, FALSE, cell_why },
	{ NULL, FALSE, FALSE, NULL },
};

static void add_row(GPtrArray *rows, const char *key, const char *value, const char *why)
{
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "key", key);
	json_set_string(row, "value", value);
	json_set_string(row, "why", why);
	g_ptr_array_add(rows, row);
}

static void warn_of(const CommandContext *context, const Preset *preset)
{
	for (const char *const *text = preset->warnings; text && *text; text++)
		say_warning(context, "%s", *text);
}

static int run_show(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "PresetValueList",
				  .columns = show_columns,
				  .name = cell_key };
	const Preset *preset = find_preset(context->args[0], error);
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);

	(void)values;
	if (!preset)
		return STATUS_FAILED;
	for (const char *const *key = preset->clears; key && *key; key++)
		add_row(rows, *key, NULL, "the default of this cluster holds");
	for (const PresetValue *value = preset->values; value->key; value++)
		add_row(rows, value->key, value->value, value->why);
	output_rows(context->output, &spec, rows);
	warn_of(context, preset);
	return STATUS_DONE;
}

/* ---- apply ---------------------------------------------------------------------------------- */

typedef struct {
	ConfigDryRun dry_run;
	gboolean no_disruption;
} ApplyValues;

static const Option apply_options[] = {
	OPT_INHERIT(config_dry_run_options, ApplyValues, dry_run),
	OPT_FLAG(0, "no-disruption", ApplyValues, no_disruption,
		 "leave allowWorkloadDisruption as it is"),
	OPT_END,
};

typedef struct {
	const CommandContext *context;
	const Preset *preset;
	gboolean no_disruption;
} Apply;

/* HyperConverged before 1.19 does not have the field; KubeVirt then takes it from allowPostCopy. */
static cJSON *make_preset(const ConfigOwner *owner, gpointer data, ConfigRecord *record,
			  GError **error)
{
	const Apply *apply = data;
	const gboolean field =
		config_owner_has_key(owner, setting_find("allowWorkloadDisruption"), NULL);

	(void)record;
	(void)error;
	return preset_changes(apply->preset, field && !apply->no_disruption);
}

static void say_disruption(const CommandContext *context, const ConfigOwner *owner,
			   const PresetValue *value)
{
	if (config_owner_has_key(owner, setting_find(value->key), NULL))
		say(context, "%s: %s", value->key, value->why);
	else
		say(context, "%s: left out, this release does not have it: it is as allowPostCopy",
		    value->key);
}

/* What the documents' settings are then, also those that nobody had set. */
static void say_defaults(const CommandContext *context, const ConfigOwner *owner,
			 const Preset *preset)
{
	for (const char *const *key = preset->clears; key && *key; key++) {
		const Setting *setting = setting_find(*key);
		g_auto(ConfigValue) value = { 0 };
		g_autofree char *text = NULL;

		if (!config_setting_applies(owner, setting) || !config_release_has(owner, setting))
			continue;
		config_value(owner, setting, &value);
		text = setting_value_text(setting, value.fallback);
		say(context, "default of this cluster: %s %s", *key, text);
	}
}

static int run_apply(CommandContext *context, const void *values, GError **error)
{
	const ApplyValues *options = values;
	const Preset *preset = preset_find(context->command->name);
	Apply apply = { context, preset, options->no_disruption };
	g_autofree char *how = g_strdup_printf("preset %s", preset->name);
	const ConfigWrite write = { .make = make_preset,
				    .data = &apply,
				    .how = how,
				    .flags = config_flags(&options->dry_run) };
	g_autoptr(ConfigOwner) owner = config_open(context, error);

	if (!owner || !config_carry_out(context, owner, &write, error))
		return STATUS_FAILED;
	say_defaults(context, owner, preset);
	for (const PresetValue *value = preset->values; value->key; value++)
		if (value->disruption && !options->no_disruption)
			say_disruption(context, owner, value);
	return STATUS_DONE;
}

static const char *const list_examples[] = { "kvmig config preset list", NULL };
static const char *const show_examples[] = { "kvmig config preset show heavy-workload", NULL };
static const char *const heavy_examples[] = {
	"kvmig config preset heavy-workload --dry-run",
	"kvmig config preset heavy-workload --no-disruption",
	NULL,
};
static const char *const default_examples[] = { "kvmig config preset default", NULL };

static const Command list_command = {
	.name = "list",
	.summary = "list the presets",
	.needs = HAS_OUTPUT,
	.run = run_list,
	.examples = list_examples,
};

static const Command show_command = {
	.name = "show",
	.summary = "show the values of a preset, and why",
	.args = { "PRESET", 1, 1, COMPLETE_NONE },
	.needs = HAS_OUTPUT,
	.run = run_show,
	.examples = show_examples,
};

static const Command heavy_workload_command = {
	.name = "heavy-workload",
	.summary = "set what the documents advise for VMs that write much memory",
	.options = apply_options,
	.values_size = sizeof(ApplyValues),
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_apply,
	.examples = heavy_examples,
};

static const Command default_command = {
	.name = "default",
	.summary = "take the settings out: this cluster's own defaults hold",
	.options = config_dry_run_options, /* the first of ApplyValues */
	.values_size = sizeof(ApplyValues),
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_apply,
	.examples = default_examples,
};

static const Command *const subcommands[] = { &list_command, &show_command, &heavy_workload_command,
					      &default_command, NULL };

const Command config_preset_command = {
	.name = "preset",
	.summary = "settings that belong together",
	.subcommands = subcommands,
};
