/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig history: reads the record of this user, no cluster: it outlives them. */
#include "migration.h"

#include <string.h>

#include "base/clock.h"
#include "history/history.h"
#include "model/quantity.h"

typedef struct {
	const char *context, *since;
	gboolean failed;
	guint limit;
} HistoryValues;

static const Option options[] = {
	OPT_STRING(0, "context", HistoryValues, context, "NAME", "only migrations of this cluster",
		   .complete = COMPLETE_CONTEXT),
	OPT_STRING(0, "since", HistoryValues, since, "TIME",
		   "only since TIME: 2h ago, a date, a date and time"),
	OPT_FLAG(0, "failed", HistoryValues, failed, "only migrations that failed"),
	OPT_UINT(0, "limit", HistoryValues, limit, "N", "only the newest N; 0: all", .defval = "0"),
	OPT_END,
};

/* "90m", "2026-11-21", "2026-11-21T07:44:35Z". */
static gboolean parse_since(const char *text, gint64 *ret_us, GError **error)
{
	g_autofree char *midnight = g_strconcat(text, "T00:00:00Z", NULL);
	gint64 ago_ms;

	if (duration_parse(text, &ago_ms, NULL) && ago_ms >= 0) {
		*ret_us = clock_unix_us(clock_real()) - ago_ms * 1000;
		return TRUE;
	}
	if (clock_parse_unix(text, ret_us) || clock_parse_unix(midnight, ret_us))
		return TRUE;
	error_set(error, KVMIG_ERROR_USAGE, "--since: '%s' is neither a time nor how long ago",
		  text);
	error_hint(error, "write 90m, 2h, 2026-11-21 or 2026-11-21T07:44:35Z");
	return FALSE;
}

/* The long form, as records have it. */
static char *context_name(const char *word)
{
	if (!word || !*word)
		return NULL;
	if (strcmp(word, "local") == 0)
		return g_strdup("local/default");
	if (strcmp(word, "lab") == 0)
		return g_strdup("local/lab");
	return strchr(word, '/') ? g_strdup(word) : g_strconcat("kube/", word, NULL);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static char *text_cell(const cJSON *row, const char *key)
{
	return g_strdup(json_string(row, key, NULL));
}

static char *cell_when(const cJSON *row)
{
	const char *text = json_string(row, "endedAt", json_string(row, "createdAt", ""));
	gint64 when_us;

	return clock_parse_unix(text, &when_us) ? clock_format_unix(when_us) : NULL;
}

static char *cell_context(const cJSON *row)
{
	return text_cell(row, "context");
}

static char *cell_namespace(const cJSON *row)
{
	return text_cell(row, "namespace");
}

static char *cell_vm(const cJSON *row)
{
	return text_cell(row, "vm");
}

static char *cell_migration(const cJSON *row)
{
	return text_cell(row, "migration");
}

static char *cell_source(const cJSON *row)
{
	return text_cell(row, "sourceNode");
}

static char *cell_target(const cJSON *row)
{
	return text_cell(row, "targetNode");
}

static char *cell_result(const cJSON *row)
{
	return text_cell(row, "phase");
}

static char *cell_reason(const cJSON *row)
{
	return text_cell(row, "reason");
}

static char *cell_policy(const cJSON *row)
{
	return text_cell(json_get(row, "settings"), "policy");
}

static char *cell_duration(const cJSON *row)
{
	gint64 total_ms = json_int(row, "totalMs", -1);

	return total_ms < 0 ? NULL : duration_human(total_ms);
}

static char *cell_downtime(const cJSON *row)
{
	gint64 downtime_ms = json_int(row, "downtimeMs", -1);

	return downtime_ms < 0 ? NULL : g_strdup_printf("%" G_GINT64_FORMAT " ms", downtime_ms);
}

static char *cell_moved(const cJSON *row)
{
	gint64 bytes = json_int(row, "memoryProcessedBytes", -1);

	return bytes < 0 ? NULL : quantity_human_bytes(bytes);
}

static char *row_name(const cJSON *row)
{
	return g_strconcat(MIGRATION_ID_PREFIX, json_string(row, "migration", "?"), NULL);
}

static const OutputColumn columns[] = {
	{ "WHEN", FALSE, FALSE, cell_when },
	{ "CONTEXT", TRUE, FALSE, cell_context },
	{ "NAMESPACE", TRUE, FALSE, cell_namespace },
	{ "VM", FALSE, FALSE, cell_vm },
	{ "MIGRATION", TRUE, FALSE, cell_migration },
	{ "FROM", FALSE, FALSE, cell_source },
	{ "TO", FALSE, FALSE, cell_target },
	{ "RESULT", FALSE, FALSE, cell_result },
	{ "DURATION", FALSE, TRUE, cell_duration },
	{ "DOWNTIME", FALSE, TRUE, cell_downtime },
	{ "MOVED", FALSE, TRUE, cell_moved },
	{ "POLICY", TRUE, FALSE, cell_policy },
	{ "REASON", FALSE, FALSE, cell_reason },
	{ NULL, FALSE, FALSE, NULL },
};

/* ---- query ---------------------------------------------------------------------------------- */

/* By the migration's name or id, else by the VM's. */
static GPtrArray *query(History *history, HistoryQuery *question, const char *word, GError **error)
{
	GPtrArray *records;

	if (!word)
		return history_query(history, question, error);
	question->migration = g_str_has_prefix(word, MIGRATION_ID_PREFIX) ?
				      word + strlen(MIGRATION_ID_PREFIX) :
				      word;
	records = history_query(history, question, error);
	if (!records || records->len > 0)
		return records;
	g_ptr_array_unref(records);
	question->migration = NULL;
	question->vm = word;
	return history_query(history, question, error);
}

static int run_history(CommandContext *context, const void *data, GError **error)
{
	static const OutputSpec spec = { .list_kind = "MigrationRecordList", .columns = columns,
					 .name = row_name };
	const HistoryValues *values = data;
	g_autofree char *name =
		context_name(values->context ? values->context : g_getenv("KVMIG_CONTEXT"));
	HistoryQuery question = { .context = name, .ns = context->ns,
				  .failed_only = values->failed, .limit = values->limit };
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	g_autoptr(GPtrArray) records = NULL;
	g_autoptr(History) history = NULL;

	if (values->since && !parse_since(values->since, &question.since_us, error))
		return STATUS_USAGE;
	history = history_open(error);
	if (!history)
		return STATUS_FAILED;
	records = query(history, &question, context->args[0], error);
	if (!records)
		return STATUS_FAILED;
	for (guint i = 0; i < records->len; i++)
		g_ptr_array_add(rows, history_record_to_json(g_ptr_array_index(records, i)));
	if (rows->len == 0)
		say(context, "no migrations on record%s%s%s", context->args[0] ? " of '" : "",
		    context->args[0] ? context->args[0] : "", context->args[0] ? "'" : "");
	output_rows(context->output, &spec, rows);
	return STATUS_DONE;
}

static const char *const examples[] = { "kvmig history", "kvmig history web-1",
					"kvmig history -A --since 24h --failed",
					"kvmig history --context lab --limit 1 -o json", NULL };

const Command history_command = {
	.name = "history",
	.summary = "list the migrations that have ended",
	.group = COMMAND_GROUP_MIGRATE,
	.options = options,
	.values_size = sizeof(HistoryValues),
	.args = { .name = "VM|MIGRATION", .maximum = 1, .complete = COMPLETE_VM_OR_MIGRATION },
	.needs = HAS_OUTPUT | HAS_NAMESPACE | HAS_ALL_NAMESPACES,
	.run = run_history,
	.examples = examples,
};
