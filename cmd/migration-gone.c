/* SPDX-License-Identifier: Apache-2.0 */
/* What became of a migration whose object went before anybody saw it end. */
#include "migration.h"

#include "base/reason.h"
#include "history/history.h"

/* The object as it was last seen, without what would be taken for its present state. */
static cJSON *ended_copy(const cJSON *object, const char *phase)
{
	cJSON *copy = cJSON_Duplicate(object, TRUE);
	cJSON *status = json_ensure_object(copy, "status");

	json_set_string(status, "phase", phase);
	json_unset(status, "kvmig");
	json_unset(status, "conditions");
	return copy;
}

/* ---- kvmig's own record --------------------------------------------------------------------- */

static void set_known(cJSON *result, const char *key, gint64 value)
{
	if (value >= 0)
		json_set_int(result, key, value);
}

static cJSON *document_of_record(const cJSON *object, const HistoryRecord *record)
{
	g_autoptr(cJSON) copy = ended_copy(object, record->phase);
	cJSON *kvmig = json_ensure_object(json_ensure_object(copy, "status"), "kvmig");
	cJSON *result = json_ensure_object(kvmig, "result");

	json_set_string(kvmig, "sourceNode", record->source_node);
	json_set_string(kvmig, "targetNode", record->target_node);
	json_set_string(result, "reason", record->reason);
	json_set_string(result, "message", record->message);
	json_set_string(result, "endState", record->end_state);
	set_known(result, "totalMs", record->total_ms);
	set_known(result, "downtimeMs", record->downtime_ms);
	set_known(result, "memoryProcessedBytes", record->memory_processed_bytes);
	return migration_document(copy, NULL);
}

static cJSON *by_history(const CommandContext *context, const cJSON *object)
{
	const HistoryQuery query = { .context = cluster_context(context->cluster),
				     .ns = object_namespace(object),
				     .migration = object_name(object) };
	g_autoptr(GError) error = NULL;
	g_autoptr(History) history = history_open(&error);
	g_autoptr(GPtrArray) records = history ? history_query(history, &query, &error) : NULL;

	if (!records)
		g_info("the history cannot be asked: %s", error->message);
	for (guint i = 0; records && i < records->len; i++) {
		const HistoryRecord *record = g_ptr_array_index(records, i);

		if (g_strcmp0(record->uid, object_uid(object)) == 0)
			return document_of_record(object, record);
	}
	return NULL;
}

/* ---- its VM --------------------------------------------------------------------------------- */

/* A VM keeps the state of its last migration, of which this is one only by the uid. */
static cJSON *by_vm(const cJSON *object, const cJSON *vmi, gboolean *ret_begun)
{
	const cJSON *state = json_path(vmi, "status", "migrationState", NULL);
	const gboolean failed = json_bool(state, "failed", FALSE);
	g_autoptr(cJSON) copy = NULL;
	cJSON *document;

	if (!object_uid(object) ||
	    g_strcmp0(json_string(state, "migrationUid", NULL), object_uid(object)) != 0)
		return NULL;
	*ret_begun = TRUE;
	if (!failed && !json_bool(state, "completed", FALSE))
		return NULL;
	copy = ended_copy(object, failed ? "Failed" : "Succeeded");
	document = migration_document(copy, vmi);
	if (failed && json_bool(state, "abortRequested", FALSE))
		json_set_string(json_ensure_object(document, "result"), "reason",
				REASON_FAIL_CANCELLED);
	return document;
}

static gboolean is_handed_over(const CommandContext *context, const cJSON *document)
{
	const MigrationPhase phase =
		migration_phase_from_string(json_string(document, "phase", NULL));

	/* KubeVirt's hand-off comes before the target is prepared, kvmig's when it has been */
	return phase >= (cluster_caps(context->cluster)->kvmig_migrates
				 ? MIGRATION_PHASE_TARGET_READY
				 : MIGRATION_PHASE_PREPARING_TARGET);
}

cJSON *migration_find_end(const CommandContext *context, const cJSON *object,
			  const cJSON *document, gboolean *ret_untouched)
{
	const char *vm = json_string(json_get(object, "spec"), "vmiName", "");
	gboolean begun = is_handed_over(context, document);
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) vmi = NULL;
	cJSON *end = NULL;

	if (cluster_caps(context->cluster)->kvmig_migrates)
		end = by_history(context, object);
	if (!end) {
		vmi = cluster_get(context->cluster, &KIND_VMI, object_namespace(object), vm,
				  &cause);
		end = by_vm(object, vmi, &begun);
	}
	/* of a VM that cannot be read it is not known that it has gone */
	*ret_untouched = !end && !begun && (vmi || error_code(cause) != KVMIG_ERROR_NOT_FOUND);
	return end;
}
