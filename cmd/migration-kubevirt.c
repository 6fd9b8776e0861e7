/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What KubeVirt's own objects say of a migration, put into kvmig's document. A VMIM tells little
 * while it runs: source, target, mode and settings are in the VMI's migrationState, which is that
 * of its last migration; they meet by the uid.
 */
#include "migration.h"

#include <string.h>

#include "base/clock.h"
#include "base/reason.h"
#include "model/quantity.h"
#include "settings/settings.h"

/* ---- times ---------------------------------------------------------------------------------- */

static void add_phase(cJSON *list, const char *phase, gint64 at_us, gint64 end_us)
{
	cJSON *row = cJSON_CreateObject();
	g_autofree char *at = clock_format_unix(at_us);

	json_set_string(row, "phase", phase);
	json_set_string(row, "at", at);
	json_set_int(row, "seconds", MAX(end_us - at_us, 0) / G_USEC_PER_SEC);
	cJSON_AddItemToArray(list, row);
}

/* Each phase with the time in it; the last one of a migration that goes on, until now. */
static void add_phases(cJSON *document, const cJSON *object, gint64 now_us)
{
	const cJSON *entries = json_path(object, "status", "phaseTransitionTimestamps", NULL);
	const gboolean final = json_bool(document, "final", FALSE);
	const cJSON *entry;
	cJSON *list;

	if (!cJSON_IsArray(entries) || !entries->child)
		return;
	list = json_ensure_array(document, "phases");
	cJSON_ArrayForEach(entry, entries)
	{
		const char *at = json_string(entry, "phaseTransitionTimestamp", "");
		const char *next = json_string(entry->next, "phaseTransitionTimestamp", "");
		gint64 at_us, end_us;

		if (!clock_parse_unix(at, &at_us))
			continue;
		if (!clock_parse_unix(next, &end_us))
			end_us = final ? at_us : now_us;
		add_phase(list, json_string(entry, "phase", "?"), at_us, end_us);
	}
}

static void add_conditions(cJSON *document, const cJSON *object)
{
	const cJSON *condition;

	cJSON_ArrayForEach(condition, json_path(object, "status", "conditions", NULL))
	{
		cJSON *row = cJSON_CreateObject();

		json_set_string(row, "type", json_string(condition, "type", "?"));
		json_set_string(row, "status", json_string(condition, "status", "Unknown"));
		json_set_string(row, "reason", json_string(condition, "reason", NULL));
		json_set_string(row, "message", json_string(condition, "message", NULL));
		cJSON_AddItemToArray(json_ensure_array(document, "conditions"), row);
	}
}

/* ---- settings and deadline ------------------------------------------------------------------ */

static gint64 quantity_of(const cJSON *map, const char *key)
{
	const char *text = json_string(map, key, NULL);
	gint64 bytes;

	if (text && quantity_parse(text, &bytes, NULL))
		return bytes;
	return json_int(map, key, 0);
}

static void copy_bool(cJSON *settings, const cJSON *from, const char *key)
{
	if (json_get(from, key))
		json_set_bool(settings, key, json_bool(from, key, FALSE));
}

/* As they were recorded at the hand-off; older releases record nothing. */
static void add_settings(cJSON *document, const cJSON *state)
{
	const cJSON *from = json_get(state, "migrationConfiguration");
	const char *policy = json_string(state, "migrationPolicyName", NULL);
	cJSON *settings;

	if (!from && !policy)
		return;
	settings = cJSON_CreateObject();
	json_set_string(settings, "policy", policy);
	if (from) {
		json_set_int(settings, "bandwidthBytesPerSecond",
			     quantity_of(from, "bandwidthPerMigration"));
		json_set_int(settings, "completionTimeoutSecondsPerGiB",
			     json_int(from, "completionTimeoutPerGiB", 0));
		json_set_int(settings, "progressTimeoutSeconds",
			     json_int(from, "progressTimeout", 0));
		copy_bool(settings, from, "allowPostCopy");
		copy_bool(settings, from, "allowWorkloadDisruption");
		copy_bool(settings, from, "allowAutoConverge");
		copy_bool(settings, from, "disableTLS");
	}
	json_set(document, "settings", settings);
}

/* 0: there is none, or it is not known. */
static gint64 budget_us(const cJSON *state, const cJSON *vmi)
{
	const cJSON *settings = json_get(state, "migrationConfiguration");
	gint64 per_gib = json_int(settings, "completionTimeoutPerGiB", 0);
	Vmi view;

	vmi_read(vmi, &view);
	if (view.memory_bytes <= 0)
		return 0;
	return settings_completion_budget_kubevirt(per_gib, view.memory_bytes) * G_USEC_PER_SEC;
}

/* What KubeVirt's monitor does at the end of the budget; see also policy_apply(). */
static const char *action_of(const cJSON *settings)
{
	if (!json_bool(settings, "allowWorkloadDisruption", FALSE))
		return "cancel";
	return json_bool(settings, "allowPostCopy", FALSE) ? "post-copy" : "pause";
}

static void add_deadline(cJSON *document, const cJSON *state, const cJSON *vmi)
{
	const char *mode = json_string(state, "mode", "PreCopy");
	const gboolean paused = strcmp(mode, "Paused") == 0;
	gint64 start_us, budget = budget_us(state, vmi);
	g_autofree char *at = NULL;
	cJSON *deadline;

	if (budget <= 0 || strcmp(mode, "PostCopy") == 0 ||
	    !clock_parse_unix(json_string(state, "startTimestamp", ""), &start_us))
		return;
	at = clock_format_unix(start_us + (paused ? 2 : 1) * budget);
	deadline = cJSON_CreateObject();
	json_set_string(deadline, "at", at);
	json_set_string(deadline, "action",
			paused ? "cancel" : action_of(json_get(state, "migrationConfiguration")));
	json_set_string(deadline, "reason", REASON_FAIL_COMPLETION_TIMEOUT);
	json_set(document, "deadline", deadline);
}

/* ---- how it ended --------------------------------------------------------------------------- */

/* KubeVirt calls every end that it caused itself "Live migration has been aborted": who asked, and
 * how long it took, tell them apart. */
static const char *abort_reason(const cJSON *state, const cJSON *vmi)
{
	gint64 start_us, end_us, budget = budget_us(state, vmi);

	if (json_bool(state, "abortRequested", FALSE))
		return REASON_FAIL_CANCELLED;
	if (budget > 0 && clock_parse_unix(json_string(state, "startTimestamp", ""), &start_us) &&
	    clock_parse_unix(json_string(state, "endTimestamp", ""), &end_us) &&
	    end_us - start_us < budget)
		return REASON_FAIL_PROGRESS_TIMEOUT;
	return REASON_FAIL_COMPLETION_TIMEOUT;
}

/* Its words are the same for every cause: that of the two times which ran out is added. */
static void add_abort(cJSON *result, const char *words, const cJSON *state, const cJSON *vmi)
{
	const char *reason = abort_reason(state, vmi);
	const cJSON *settings = json_get(state, "migrationConfiguration");
	const gboolean budget = strcmp(reason, REASON_FAIL_COMPLETION_TIMEOUT) == 0;
	const gint64 limit_s = budget ? budget_us(state, vmi) / G_USEC_PER_SEC
				      : json_int(settings, "progressTimeout", 0);
	g_autofree char *limit = limit_s > 0 ? duration_human(limit_s * 1000) : NULL;
	g_autofree char *text =
		g_strdup_printf("%s: %s%s%s%s", words, reason_find(reason)->text, limit ? " (" : "",
				limit ? limit : "", limit ? ")" : "");

	json_set_string(result, "reason", reason);
	if (strcmp(reason, REASON_FAIL_CANCELLED) != 0)
		json_set_string(result, "message", text);
}

static void add_result(cJSON *document, const cJSON *object, const cJSON *state, const cJSON *vmi)
{
	const char *said = json_string(state, "failureReason", "");
	const char *words = *said ? said : NULL;
	gboolean aborted = words && strstr(words, "migration has been aborted") != NULL;
	gint64 start_us, end_us;
	cJSON *result = cJSON_CreateObject();

	if (clock_parse_unix(json_string(state, "startTimestamp", ""), &start_us) &&
	    clock_parse_unix(json_string(state, "endTimestamp", ""), &end_us) && end_us >= start_us)
		json_set_int(result, "totalMs", (end_us - start_us) / 1000);
	if (strcmp(json_string(document, "phase", ""), "Succeeded") == 0) {
		json_set(document, "result", result);
		return;
	}
	json_set_string(result, "message", words);
	if (aborted)
		add_abort(result, words, state, vmi);
	else if (condition_is_true(object, "migrationAbortRequested") || object_is_deleting(object))
		json_set_string(result, "reason", REASON_FAIL_CANCELLED);
	else if (words && strstr(words, "arget pod is down"))
		json_set_string(result, "reason", REASON_FAIL_TARGET_POD);
	else
		json_set_string(result, "reason",
				words ? REASON_FAIL_LIBVIRT : REASON_FAIL_KUBEVIRT);
	json_set(document, "result", result);
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* The migrationState that belongs to this migration: its own once it is final, before that the
 * VMI's, if that is of it. */
static const cJSON *state_of(const cJSON *object, const cJSON *vmi)
{
	const cJSON *own = json_path(object, "status", "migrationState", NULL);
	const cJSON *of_vmi = json_path(vmi, "status", "migrationState", NULL);
	const char *uid = object_uid(object);

	if (uid && g_strcmp0(json_string(of_vmi, "migrationUid", NULL), uid) == 0)
		return of_vmi;
	return json_string(own, "migrationUid", NULL) ? own : NULL;
}

cJSON *migration_part_of_vmi(const cJSON *vmi)
{
	static const char *const of_status[] = { "nodeName", "migrationState", NULL };
	static const char *const of_domain[] = { "memory", "resources", NULL };
	cJSON *part = cJSON_CreateObject();
	cJSON *metadata = json_ensure_object(part, "metadata");
	cJSON *spec = json_ensure_object(part, "spec");

	json_set_string(metadata, "namespace", object_namespace(vmi));
	json_set_string(metadata, "name", object_name(vmi));
	json_copy_members(json_ensure_object(spec, "domain"),
			  json_path(vmi, "spec", "domain", NULL), of_domain);
	json_copy_members(json_ensure_object(part, "status"), json_get(vmi, "status"), of_status);
	return part;
}

void migration_add_kubevirt(cJSON *document, const cJSON *object, const cJSON *vmi)
{
	const cJSON *state = state_of(object, vmi);
	const gboolean final = json_bool(document, "final", FALSE);
	const char *node = json_string(json_get(vmi, "status"), "nodeName", NULL);

	add_phases(document, object, clock_unix_us(clock_real()));
	add_conditions(document, object);
	if (json_string(state, "sourceNode", NULL))
		json_set_string(document, "sourceNode", json_string(state, "sourceNode", NULL));
	else if (!final && !json_string(document, "sourceNode", NULL))
		json_set_string(document, "sourceNode", node);
	if (json_string(state, "targetNode", NULL))
		json_set_string(document, "targetNode", json_string(state, "targetNode", NULL));
	if (json_bool(state, "abortRequested", FALSE))
		json_set_bool(document, "cancelRequested", TRUE);
	json_set_string(document, "mode", json_string(state, "mode", NULL));
	json_set_string(document, "targetPod", json_string(state, "targetPod", NULL));
	add_settings(document, state);
	if (!final)
		add_deadline(document, state, vmi);
	else
		add_result(document, object, state, vmi);
}
