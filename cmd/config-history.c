/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config history and undo. */
#include "config-common.h"

#include <string.h>

#include "config/undo.h"

/* ---- history -------------------------------------------------------------------------------- */

static char *cell_number(const cJSON *row)
{
	return g_strdup_printf("%" G_GINT64_FORMAT, config_record_number(row));
}

static char *cell_at(const cJSON *row)
{
	g_autofree char *text = g_strdup(json_string(row, "at", "-"));
	char *fraction = strchr(text, '.');

	if (fraction)
		g_strlcpy(fraction, "Z", 2);
	return g_steal_pointer(&text);
}

static char *cell_by(const cJSON *row)
{
	return g_strdup(json_string(row, "by", NULL));
}

static char *cell_how(const cJSON *row)
{
	const gint64 undoes = json_int(row, "undoes", 0);

	if (undoes > 0)
		return g_strdup_printf("undo of %" G_GINT64_FORMAT, undoes);
	return g_strdup_printf("%s%s", json_string(row, "how", "-"),
			       json_bool(row, "undone", FALSE) ? " (undone)" : "");
}

static char *raw_text(const cJSON *value)
{
	if (!value || cJSON_IsNull(value))
		return g_strdup("(default)");
	return cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);
}

static char *cell_changes(const cJSON *row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *change;

	cJSON_ArrayForEach(change, json_get(row, "changes"))
	{
		g_autofree char *before = raw_text(json_get(change, "before"));
		g_autofree char *after = raw_text(json_get(change, "after"));

		g_string_append_printf(text, "%s%s: %s -> %s", text->len ? ", " : "",
				       change->string, before, after);
	}
	return g_strdup(text->str);
}

static const OutputColumn history_columns[] = {
	{ "NUMBER", FALSE, FALSE, cell_number },
	{ "WHEN", FALSE, FALSE, cell_at },
	{ "WHO", FALSE, FALSE, cell_by },
	{ "HOW", FALSE, FALSE, cell_how },
	{ "CHANGES", FALSE, FALSE, cell_changes },
	{ NULL, FALSE, FALSE, NULL },
};

static int run_history(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "SettingChangeList",
				  .columns = history_columns,
				  .name = cell_number };
	g_autoptr(ConfigOwner) owner = config_owner_find(context->cluster, error);
	g_autoptr(cJSON) records = NULL;
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	cJSON *record;

	(void)values;
	if (!owner)
		return STATUS_FAILED;
	if (owner->unreadable) {
		error_set(error, KVMIG_ERROR_FORBIDDEN,
			  "the record of the changes is in the HyperConverged object: %s",
			  (const char *)owner->notes->pdata[0]);
		error_hint(error, "ask for the right to get hyperconvergeds.hco.kubevirt.io");
		return STATUS_FAILED;
	}
	records = config_history(owner);
	cJSON_ArrayForEach(record, records) g_ptr_array_add(rows, record);
	if (rows->len == 0)
		say(context, "kvmig has changed no settings here");
	output_rows(context->output, &spec, rows);
	return STATUS_DONE;
}

/* ---- undo ----------------------------------------------------------------------------------- */

typedef struct {
	ConfigDryRun dry_run;
	const char *by;
} UndoValues;

static const Option undo_options[] = {
	OPT_INHERIT(config_dry_run_options, UndoValues, dry_run),
	OPT_STRING(0, "by", UndoValues, by, "USER", "the last change of this user, not one's own"),
	OPT_END,
};

static gboolean parse_undo(const CommandContext *context, const UndoValues *values,
			   ConfigUndo *ret_undo, GError **error)
{
	*ret_undo = (ConfigUndo){ .by = values->by, .flags = config_flags(&values->dry_run) };
	if (context->n_args == 0)
		return TRUE;
	if (values->by)
		return error_set(error, KVMIG_ERROR_USAGE,
				 "a number and --by: the number names the change already");
	if (g_ascii_string_to_signed(context->args[0], 10, 1, G_MAXINT64, &ret_undo->number, NULL))
		return TRUE;
	error_set(error, KVMIG_ERROR_USAGE, "'%s' is no number of a change", context->args[0]);
	error_hint(error, "'kvmig config history' shows the numbers");
	return FALSE;
}

static void tell(const CommandContext *context, const ConfigOwner *owner,
		 const ConfigUndone *undone, ClusterWriteFlags flags)
{
	g_autofree char *shown = config_record_text(undone->record);
	const cJSON *since;

	say(context, "%s %s", flags & CLUSTER_WRITE_DRY_RUN ? "would undo" : "undone:", shown);
	config_show_changes(context, owner, undone->changes, flags);
	cJSON_ArrayForEach(since, undone->left)
	{
		g_autofree char *how = config_changed_text(since);

		say_warning(context, "%s was left as it is: it was changed since %s",
			    since->string, how);
	}
}

static int run_undo(CommandContext *context, const void *values, GError **error)
{
	g_auto(ConfigUndone) undone = { 0 };
	g_autoptr(ConfigOwner) owner = NULL;
	ConfigUndo undo;

	if (!parse_undo(context, values, &undo, error))
		return STATUS_FAILED;
	owner = config_open(context, error);
	if (!owner || !config_undo(owner, &undo, &undone, error))
		return STATUS_FAILED;
	tell(context, owner, &undone, undo.flags);
	return undone.left->child ? STATUS_PARTIAL : STATUS_DONE;
}

/* ---- the table ------------------------------------------------------------------------------ */

static const char *const history_examples[] = { "kvmig config history", NULL };
static const char *const undo_examples[] = { "kvmig config undo --dry-run", "kvmig config undo 3",
					     "kvmig config undo --by root", NULL };

const Command config_history_command = {
	.name = "history",
	.summary = "the changes that kvmig made, by whom, from what to what",
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_history,
	.examples = history_examples,
};

const Command config_undo_command = {
	.name = "undo",
	.summary = "take back one's last change of settings",
	.options = undo_options,
	.values_size = sizeof(UndoValues),
	.args = { "NUMBER", 0, 1, COMPLETE_NONE },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_undo,
	.examples = undo_examples,
};
