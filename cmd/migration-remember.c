/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig's own record of migrations that KubeVirt has carried out, of those that kvmig saw end. */
#include "migration.h"

#include "base/clock.h"
#include "history/history.h"

static gint64 time_of(const cJSON *row, const char *key)
{
	gint64 at_us;

	return clock_parse_unix(json_string(row, key, ""), &at_us) ? at_us : 0;
}

/* When it entered a phase; 0: it never did. */
static gint64 entered(const cJSON *document, const char *phase)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, json_get(document, "phases"))
	{
		if (g_str_equal(json_string(row, "phase", ""), phase))
			return time_of(row, "at");
	}
	return 0;
}

static HistoryRecord *record_of(const CommandContext *context, const cJSON *document)
{
	const cJSON *result = json_get(document, "result");
	const cJSON *settings = json_get(document, "settings");
	HistoryRecord *record = g_new0(HistoryRecord, 1);

	record->context = g_strdup(cluster_context(context->cluster));
	record->uid = g_strdup(json_string(document, "uid", ""));
	record->migration = g_strdup(json_string(document, "name", ""));
	record->ns = g_strdup(json_string(document, "namespace", ""));
	record->vm = g_strdup(json_string(document, "vm", ""));
	record->source_node = g_strdup(json_string(document, "sourceNode", NULL));
	record->target_node = g_strdup(json_string(document, "targetNode", NULL));
	record->phase = g_strdup(json_string(document, "phase", ""));
	record->reason = g_strdup(json_string(result, "reason", NULL));
	record->message = g_strdup(json_string(result, "message", NULL));
	record->policy = g_strdup(json_string(settings, "policy", NULL));
	record->settings = settings ? cJSON_Duplicate(settings, TRUE) : NULL;
	record->created_us = time_of(document, "createdAt");
	record->started_us = entered(document, "Running");
	record->ended_us = entered(document, record->phase);
	record->total_ms = json_int(result, "totalMs", -1);
	record->downtime_ms = record->memory_processed_bytes = record->iterations = -1;
	return record;
}

void migration_remember(const CommandContext *context, const cJSON *document)
{
	g_autoptr(HistoryRecord) record = NULL;
	g_autoptr(History) history = NULL;
	g_autoptr(GError) error = NULL;

	if (cluster_caps(context->cluster)->kvmig_migrates ||
	    cluster_is_read_only(context->cluster))
		return;
	record = record_of(context, document);
	history = history_open(&error);
	if (!history || !history_append(history, record, &error))
		say_warning(context, "migration '%s' is not recorded: %s", record->migration,
			    error->message);
}
