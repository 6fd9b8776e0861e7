/* SPDX-License-Identifier: Apache-2.0 */
/* A migration as kvmig's own document, and that document as lines and rows. */
#include "migration.h"

#include <string.h>

#include "base/clock.h"
#include "base/reason.h"
#include "model/quantity.h"

#define CONDITION_PREFIX "kvmig.io/"

/* ---- the document --------------------------------------------------------------------------- */

/* Copies a part of status.kvmig, which is in units of its own already. */
static void copy_part(cJSON *document, const cJSON *kvmig, const char *key)
{
	const cJSON *part = json_get(kvmig, key);

	if (cJSON_IsObject(part))
		json_set(document, key, cJSON_Duplicate(part, TRUE));
}

static void add_alarms(cJSON *list, const cJSON *object)
{
	const cJSON *condition;

	cJSON_ArrayForEach(condition, json_path(object, "status", "conditions", NULL)) {
		cJSON *alarm;

		if (!g_str_has_prefix(json_string(condition, "type", ""), CONDITION_PREFIX) ||
		    strcmp(json_string(condition, "status", ""), "True") != 0)
			continue;
		alarm = cJSON_CreateObject();
		json_set_string(alarm, "type", json_string(condition, "type", ""));
		json_set_string(alarm, "reason", json_string(condition, "reason", ""));
		json_set_string(alarm, "message", json_string(condition, "message", ""));
		cJSON_AddItemToArray(list, alarm);
	}
}

GPtrArray *migration_alarms(const cJSON *object)
{
	GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(cJSON) list = cJSON_CreateArray();
	const cJSON *alarm;

	add_alarms(list, object);
	cJSON_ArrayForEach(alarm, list)
		g_ptr_array_add(lines, g_strdup_printf("%s [%s]", json_string(alarm, "message", ""),
						       json_string(alarm, "reason", "")));
	return lines;
}

cJSON *migration_document(const cJSON *object, const cJSON *vmi)
{
	cJSON *document = cJSON_CreateObject();
	const cJSON *kvmig = json_path(object, "status", "kvmig", NULL);
	cJSON *settings = migration_settings_document(json_get(kvmig, "settings"));
	g_autofree char *created = NULL;
	Migration migration;

	migration_read(object, &migration);
	created = clock_format_unix(migration.created_us);
	json_set_string(document, "namespace", migration.ns);
	json_set_string(document, "name", migration.name);
	json_set_string(document, "uid", migration.uid);
	json_set_string(document, "vm", migration.vmi_name);
	json_set_string(document, "phase",
			*migration.phase_text ? migration.phase_text : "Pending");
	json_set_bool(document, "final", migration_phase_is_final(migration.phase));
	json_set_string(document, "createdAt", created);
	json_set_string(document, "sourceNode", migration.source_node);
	json_set_string(document, "targetNode", migration.target_node);
	json_set_bool(document, "cancelRequested", migration.abort_requested);
	if (migration.added_node_selector)
		json_set(document, "addedNodeSelector",
			 cJSON_Duplicate(migration.added_node_selector, TRUE));
	if (!migration_phase_is_final(migration.phase)) {
		copy_part(document, kvmig, "waiting");
		copy_part(document, kvmig, "deadline");
	}
	copy_part(document, kvmig, "progress");
	if (settings)
		json_set(document, "settings", settings);
	copy_part(document, kvmig, "result");
	if (json_get(document, "progress") && migration_percent(document) >= 0)
		json_set_int(json_get(document, "progress"), "percent",
			     migration_percent(document));
	if (!kvmig) /* then it is KubeVirt that carries it out */
		migration_add_kubevirt(document, object, vmi);
	add_alarms(json_ensure_array(document, "alarms"), object);
	add_alarms(json_ensure_array(document, "alarms"), vmi);
	return document;
}

/* Of the memory, what need not be copied any more; more may become dirty, so it can go back. */
int migration_percent(const cJSON *document)
{
	const cJSON *progress = json_get(document, "progress");
	gint64 total = json_int(progress, "memoryTotalBytes", -1);
	gint64 left = json_int(progress, "memoryRemainingBytes", -1);

	if (strcmp(json_string(document, "phase", ""), "Succeeded") == 0)
		return 100;
	if (total <= 0 || left < 0)
		return -1;
	return (int)(100 * ((double)MAX(total - left, 0) / (double)total));
}

/* ---- one line ------------------------------------------------------------------------------- */

static void append_bytes(GString *line, const cJSON *progress, const char *key, const char *format)
{
	gint64 bytes = json_int(progress, key, -1);
	g_autofree char *text = bytes < 0 ? NULL : quantity_human_bytes(bytes);

	if (!text)
		return;
	g_string_append(line, ", ");
	for (const char *c = format; *c; c++) {
		if (*c == '@')
			g_string_append(line, text);
		else
			g_string_append_c(line, *c);
	}
}

static void append_deadline(GString *line, const cJSON *document)
{
	const cJSON *deadline = json_get(document, "deadline");
	gint64 at_us, left_us;
	g_autofree char *left = NULL;

	if (!clock_parse_unix(json_string(deadline, "at", ""), &at_us))
		return;
	left_us = at_us - clock_unix_us(clock_real());
	left = duration_human(MAX(left_us, 0) / 1000000 * 1000);
	g_string_append_printf(line, ", %s in %s", json_string(deadline, "action", "cancel"), left);
}

char *migration_line(const cJSON *document)
{
	g_autoptr(GString) line = g_string_new(json_string(document, "vm", "?"));
	const cJSON *progress = json_get(document, "progress");
	const cJSON *waiting = json_get(document, "waiting");
	const char *target = json_string(document, "targetNode", NULL);
	const char *mode = json_string(document, "mode", NULL);

	if (target)
		g_string_append_printf(line, ": %s -> %s",
				       json_string(document, "sourceNode", "?"), target);
	g_string_append_printf(line, "%s %s", target ? "," : ":",
			       json_string(document, "phase", ""));
	if (json_bool(document, "cancelRequested", FALSE))
		g_string_append(line, ", being cancelled");
	if (json_bool(document, "final", FALSE))
		return g_string_free(g_steal_pointer(&line), FALSE);
	if (mode && strcmp(mode, "PreCopy") != 0)
		g_string_append_printf(line, " (%s)", mode);
	if (waiting)
		g_string_append_printf(line, ": %s", json_string(waiting, "message", ""));
	if (json_int(waiting, "position", 0) > 0)
		g_string_append_printf(line, " (place %d of %d)",
				       (int)json_int(waiting, "position", 0),
				       (int)json_int(waiting, "of", 0));
	if (migration_percent(document) >= 0)
		g_string_append_printf(line, ", %d %%", migration_percent(document));
	if (json_int(progress, "memoryTotalBytes", 0) > 0) { /* else QEMU has not begun yet */
		append_bytes(line, progress, "memoryRemainingBytes", "@ left");
		append_bytes(line, progress, "bandwidthBytesPerSecond", "@/s");
		append_bytes(line, progress, "dirtyRateBytesPerSecond", "dirties @/s");
	}
	if (!json_bool(document, "cancelRequested", FALSE))
		append_deadline(line, document);
	return g_string_free(g_steal_pointer(&line), FALSE);
}

char *migration_line_key(const cJSON *document)
{
	const char *mode = json_string(document, "mode", "");

	return g_strdup_printf("%s/%s/%s/%s/%d", json_string(document, "phase", ""),
			       strcmp(mode, "PreCopy") == 0 ? "" : mode,
			       json_string(json_get(document, "waiting"), "reason", ""),
			       json_string(document, "targetNode", ""),
			       json_bool(document, "cancelRequested", FALSE));
}

char *migration_row_key(const cJSON *document)
{
	const cJSON *alarm = cJSON_GetArrayItem(json_get(document, "alarms"), 0);
	g_autofree char *line = migration_line_key(document);

	return g_strdup_printf("%s/%s/%s/%s", line, json_string(document, "sourceNode", ""),
			       json_string(json_get(document, "result"), "reason", ""),
			       json_string(alarm, "reason", ""));
}

/* ---- the end -------------------------------------------------------------------------------- */

static char *success_text(const cJSON *document)
{
	const cJSON *result = json_get(document, "result");
	gint64 total_ms = json_int(result, "totalMs", -1);
	gint64 downtime_ms = json_int(result, "downtimeMs", -1);
	const char *beside = json_string(result, "message", NULL); /* went wrong all the same */
	g_autofree char *total = total_ms < 0 ? NULL : duration_human(total_ms);
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_printf(text, "VM '%s' is on '%s' now: moved from '%s'",
			json_string(document, "vm", "?"), json_string(document, "targetNode", "?"),
			json_string(document, "sourceNode", "?"));
	if (total)
		g_string_append_printf(text, " in %s", total);
	append_bytes(text, result, "memoryProcessedBytes", "@ copied");
	if (downtime_ms >= 0)
		g_string_append_printf(text, ", downtime %" G_GINT64_FORMAT
				       " ms as libvirt measured it", downtime_ms);
	if (beside)
		g_string_append_printf(text, "; %s", beside);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *failure_text(const cJSON *document)
{
	const cJSON *result = json_get(document, "result");
	const char *reason = json_string(result, "reason", NULL);
	const Reason *row = reason_find(reason);
	const char *message = json_string(result, "message", row ? row->text : NULL);
	gboolean cancelled = g_strcmp0(reason, REASON_FAIL_CANCELLED) == 0;
	const char *end_state = json_string(result, "endState", NULL);
	const char *target = json_string(document, "targetNode", NULL);
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_printf(text, "migration '%s' of VM '%s'", json_string(document, "name", "?"),
			json_string(document, "vm", "?"));
	if (target)
		g_string_append_printf(text, " from '%s' to '%s'",
				       json_string(document, "sourceNode", "?"), target);
	g_string_append(text, cancelled ? " was cancelled" : " failed");
	if (message)
		g_string_append_printf(text, ": %s", message);
	if (end_state)
		g_string_append_printf(text, " (source/target: %s)", end_state);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

char *migration_outcome(const cJSON *document)
{
	if (strcmp(json_string(document, "phase", ""), "Succeeded") == 0)
		return success_text(document);
	return failure_text(document);
}

gboolean migration_check_outcome(const cJSON *document, GError **error)
{
	const cJSON *result = json_get(document, "result");
	const Reason *row = reason_find(json_string(result, "reason", NULL));
	const char *hint = json_string(result, "hint", row ? row->hint : NULL);
	g_autofree char *text = NULL;

	if (strcmp(json_string(document, "phase", ""), "Succeeded") == 0)
		return TRUE;
	text = failure_text(document);
	error_set(error, KVMIG_ERROR_FAILED, "%s", text);
	if (row)
		error_reason(error, row->code);
	if (hint)
		error_hint(error, "%s", hint);
	return FALSE;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static char *cell_vm(const cJSON *row)
{
	return g_strdup(json_string(row, "vm", NULL));
}

static char *cell_name(const cJSON *row)
{
	return g_strdup(json_string(row, "name", NULL));
}

static char *cell_namespace(const cJSON *row)
{
	return g_strdup(json_string(row, "namespace", NULL));
}

static char *cell_phase(const cJSON *row)
{
	return g_strdup(json_string(row, "phase", NULL));
}

static char *cell_source(const cJSON *row)
{
	return g_strdup(json_string(row, "sourceNode", NULL));
}

static char *cell_target(const cJSON *row)
{
	return g_strdup(json_string(row, "targetNode", NULL));
}

static char *cell_done(const cJSON *row)
{
	int percent = migration_percent(row);

	return percent < 0 ? NULL : g_strdup_printf("%d %%", percent);
}

static char *progress_rate(const cJSON *row, const char *key)
{
	gint64 bytes = json_int(json_get(row, "progress"), key, -1);
	g_autofree char *text = bytes < 0 || json_bool(row, "final", FALSE) ?
					NULL :
					quantity_human_bytes(bytes);

	return text ? g_strconcat(text, "/s", NULL) : NULL;
}

static char *cell_rate(const cJSON *row)
{
	return progress_rate(row, "bandwidthBytesPerSecond");
}

static char *cell_dirty(const cJSON *row)
{
	return progress_rate(row, "dirtyRateBytesPerSecond");
}

static char *cell_age(const cJSON *row)
{
	gint64 created_us = 0;

	(void)clock_parse_unix(json_string(row, "createdAt", ""), &created_us);
	return output_age(created_us, clock_unix_us(clock_real()));
}

/* Why it waits, or why it failed. */
static char *cell_reason(const cJSON *row)
{
	const cJSON *alarm = cJSON_GetArrayItem(json_get(row, "alarms"), 0);

	if (alarm)
		return g_strdup(json_string(alarm, "reason", NULL));
	if (json_get(row, "waiting"))
		return g_strdup(json_string(json_get(row, "waiting"), "reason", NULL));
	return g_strdup(json_string(json_get(row, "result"), "reason", NULL));
}

static char *row_name(const cJSON *row)
{
	return g_strconcat(MIGRATION_ID_PREFIX, json_string(row, "name", "?"), NULL);
}

static const OutputColumn columns[] = {
	{ "NAMESPACE", TRUE, FALSE, cell_namespace },
	{ "VM", FALSE, FALSE, cell_vm },
	{ "MIGRATION", FALSE, FALSE, cell_name },
	{ "PHASE", FALSE, FALSE, cell_phase },
	{ "FROM", FALSE, FALSE, cell_source },
	{ "TO", FALSE, FALSE, cell_target },
	{ "DONE", FALSE, TRUE, cell_done },
	{ "RATE", TRUE, TRUE, cell_rate },
	{ "DIRTIES", TRUE, TRUE, cell_dirty },
	{ "AGE", FALSE, FALSE, cell_age },
	{ "REASON", FALSE, FALSE, cell_reason },
	{ NULL, FALSE, FALSE, NULL },
};

const OutputSpec migration_table = {
	.list_kind = "MigrationStatusList",
	.columns = columns,
	.name = row_name,
};
