/* SPDX-License-Identifier: Apache-2.0 */
/* --introspect-cli: the tables as JSON, for tests and for tools that want to know. */
#include <string.h>

#include "cli/cmdline.h"
#include "model/json.h"

static const char *const type_names[] = {
	[OPTION_FLAG] = "flag", [OPTION_STRING] = "string",     [OPTION_LIST] = "list",
	[OPTION_UINT] = "uint", [OPTION_DURATION] = "duration", [OPTION_QUANTITY] = "quantity",
	[OPTION_RATE] = "rate", [OPTION_CHOICE] = "choice",     [OPTION_HELP] = "help",
};

static const struct {
	CommandNeeds need;
	const char *name;
} need_names[] = {
	{ NEED_CLUSTER, "cluster" },    { MAY_CREATE_CLUSTER, "create-cluster" },
	{ MAY_CHANGE, "change" },       { HAS_OUTPUT, "output" },
	{ HAS_NAMESPACE, "namespace" }, { HAS_ALL_NAMESPACES, "all-namespaces" },
	{ MAY_CONFIRM, "confirm" },     { HIDDEN, "hidden" },
	{ ANY_CLUSTER, "any-cluster" }, { NAMES_CLUSTER, "context" },
};

static const char *const what_names[] = {
	[COMPLETE_NONE] = NULL,
	[COMPLETE_FILE] = "file",
	[COMPLETE_FILE_OR_CONTEXT] = "file-or-context",
	[COMPLETE_VM] = "vm",
	[COMPLETE_NODE] = "node",
	[COMPLETE_MIGRATION] = "migration",
	[COMPLETE_VM_OR_MIGRATION] = "vm-or-migration",
	[COMPLETE_CONTEXT] = "context",
	[COMPLETE_CLUSTER] = "cluster",
	[COMPLETE_USER] = "user",
	[COMPLETE_NAMESPACE] = "namespace",
	[COMPLETE_NODE_LABEL] = "node-label",
	[COMPLETE_KIND] = "kind",
	[COMPLETE_SETTING] = "setting",
	[COMPLETE_POLICY] = "policy",
	[COMPLETE_LAB_VM] = "lab-vm",
	[COMPLETE_COMMAND] = "command",
	[COMPLETE_SHELL] = "shell",
};

const char *complete_what_name(CompleteWhat what)
{
	return what_names[what];
}

CompleteWhat complete_what_find(const char *name)
{
	for (guint i = 0; i < G_N_ELEMENTS(what_names); i++)
		if (what_names[i] && strcmp(what_names[i], name) == 0)
			return (CompleteWhat)i;
	return COMPLETE_NONE;
}

static cJSON *strings(const char *const *list)
{
	cJSON *array = cJSON_CreateArray();

	for (; list && *list; list++)
		cJSON_AddItemToArray(array, cJSON_CreateString(*list));
	return array;
}

typedef struct {
	cJSON *array;
	gboolean inherited;
} Rows;

static void add_option(const Option *row, size_t offset, gpointer data)
{
	const Rows *rows = data;
	cJSON *option = cJSON_CreateObject();
	const char letter[] = { row->short_name, '\0' };

	(void)offset;
	json_set_string(option, "name", row->name);
	json_set_string(option, "shortName", row->short_name ? letter : NULL);
	json_set_string(option, "type", type_names[row->type]);
	json_set_string(option, "metavar", row->metavar);
	json_set_string(option, "help", row->help);
	json_set_string(option, "default", row->defval);
	if (row->choices)
		json_set(option, "choices", strings(row->choices));
	json_set_string(option, "complete", complete_what_name(row->complete));
	json_set_bool(option, "optionalValue", row->optional_value);
	json_set_string(option, "implied", row->implied);
	json_set_bool(option, "negatable", row->negatable);
	json_set_bool(option, "rare", row->rare);
	json_set_bool(option, "hidden", row->hidden);
	json_set_bool(option, "inherited", rows->inherited);
	cJSON_AddItemToArray(rows->array, option);
}

static cJSON *describe_args(const Positional *args)
{
	cJSON *object = cJSON_CreateObject();

	json_set_string(object, "name", args->name);
	json_set_int(object, "minimum", args->minimum);
	if (args->maximum != G_MAXUINT)
		json_set_int(object, "maximum", args->maximum);
	json_set_string(object, "complete", complete_what_name(args->complete));
	return object;
}

static cJSON *describe_needs(unsigned needs)
{
	cJSON *array = cJSON_CreateArray();

	for (guint i = 0; i < G_N_ELEMENTS(need_names); i++)
		if (needs & need_names[i].need)
			cJSON_AddItemToArray(array, cJSON_CreateString(need_names[i].name));
	return array;
}

static cJSON *describe_command(const CmdLine *cmdline, const Command *command, gboolean top)
{
	cJSON *object = cJSON_CreateObject();

	json_set_string(object, "name", command->name);
	json_set_string(object, "summary", command->summary);
	if (top)
		json_set_string(object, "group", cmdline->group_titles[command->group]);
	json_set(object, "needs", describe_needs(command->needs));
	if (command->subcommands) {
		cJSON *array = json_ensure_array(object, "commands");

		for (const Command *const *sub = command->subcommands; *sub; sub++)
			cJSON_AddItemToArray(array, describe_command(cmdline, *sub, FALSE));
	} else {
		Rows rows = { json_ensure_array(object, "options"), FALSE };

		option_foreach(command->options, add_option, &rows);
		rows.inherited = TRUE;
		option_foreach(cmdline->inherited(command), add_option, &rows);
		if (command->args.name)
			json_set(object, "arguments", describe_args(&command->args));
	}
	json_set(object, "examples", strings(command->examples));
	return object;
}

char *describe_json(const CmdLine *cmdline, const char *version)
{
	g_autoptr(cJSON) document = cJSON_CreateObject();
	cJSON *array;

	json_set_string(document, "apiVersion", "kvmig.io/v1");
	json_set_string(document, "kind", "CommandLine");
	json_set_string(document, "name", cmdline->program);
	json_set_string(document, "version", version);
	array = json_ensure_array(document, "commands");
	for (const Command *const *command = cmdline->commands; *command; command++)
		cJSON_AddItemToArray(array, describe_command(cmdline, *command, TRUE));
	return json_print_pretty(document);
}
