/* SPDX-License-Identifier: Apache-2.0 */
#include "model/migration.h"

#include <string.h>

#include "base/clock.h"
#include "model/wellknown.h"

static const struct {
	const char *text; /* KubeVirt's word */
	gboolean running; /* counts against the limits */
	gboolean final;
} phases[] = {
	[MIGRATION_PHASE_UNSET] = { "", FALSE, FALSE },
	[MIGRATION_PHASE_PENDING] = { "Pending", FALSE, FALSE },
	[MIGRATION_PHASE_SCHEDULING] = { "Scheduling", TRUE, FALSE },
	[MIGRATION_PHASE_SCHEDULED] = { "Scheduled", TRUE, FALSE },
	[MIGRATION_PHASE_PREPARING_TARGET] = { "PreparingTarget", TRUE, FALSE },
	[MIGRATION_PHASE_TARGET_READY] = { "TargetReady", TRUE, FALSE },
	[MIGRATION_PHASE_RUNNING] = { "Running", TRUE, FALSE },
	[MIGRATION_PHASE_SUCCEEDED] = { "Succeeded", FALSE, TRUE },
	[MIGRATION_PHASE_FAILED] = { "Failed", FALSE, TRUE },
	[MIGRATION_PHASE_OTHER] = { "Other", FALSE, FALSE },
};

const char *migration_phase_to_string(MigrationPhase phase)
{
	g_return_val_if_fail((guint)phase < G_N_ELEMENTS(phases), "");
	return phases[phase].text;
}

MigrationPhase migration_phase_from_string(const char *text)
{
	if (!text)
		return MIGRATION_PHASE_UNSET;
	for (guint i = 0; i < MIGRATION_PHASE_OTHER; i++) {
		if (strcmp(phases[i].text, text) == 0)
			return (MigrationPhase)i;
	}
	return MIGRATION_PHASE_OTHER;
}

gboolean migration_phase_is_final(MigrationPhase phase)
{
	g_return_val_if_fail((guint)phase < G_N_ELEMENTS(phases), FALSE);
	return phases[phase].final;
}

gboolean migration_phase_is_running(MigrationPhase phase)
{
	g_return_val_if_fail((guint)phase < G_N_ELEMENTS(phases), FALSE);
	return phases[phase].running;
}

static void read_kvmig(const cJSON *kvmig, Migration *migration)
{
	const cJSON *waiting = json_get(kvmig, "waiting");
	const cJSON *deadline = json_get(kvmig, "deadline");
	const cJSON *result = json_get(kvmig, "result");
	const cJSON *progress = json_get(kvmig, "progress");

	migration->domain_uuid = json_string(kvmig, "domainUUID", NULL);
	migration->step = json_string(kvmig, "step", NULL);
	migration->abort_requested_by = json_string(kvmig, "abortRequestedBy", NULL);
	migration->progress = cJSON_IsObject(progress) ? progress : NULL;
	migration->wait_reason = json_string(waiting, "reason", NULL);
	migration->wait_message = json_string(waiting, "message", NULL);
	migration->wait_position = (int)CLAMP(json_int(waiting, "position", 0), 0, G_MAXINT);
	migration->wait_of = (int)CLAMP(json_int(waiting, "of", 0), 0, G_MAXINT);
	migration->deadline_action = json_string(deadline, "action", NULL);
	if (!clock_parse_unix(json_string(deadline, "at", NULL), &migration->deadline_us))
		migration->deadline_us = 0;
	migration->result_reason = json_string(result, "reason", NULL);
	migration->result_message = json_string(result, "message", NULL);
	migration->result_hint = json_string(result, "hint", NULL);
	migration->end_state = json_string(result, "endState", NULL);
	migration->downtime_ms = json_int(result, "downtimeMs", -1);
	migration->total_ms = json_int(result, "totalMs", -1);
}

/* 0 where it is not a number, which the API of old left open. */
static gint64 version_number(const cJSON *object)
{
	const char *text = object_resource_version(object);
	gint64 number = 0;

	if (text)
		(void)g_ascii_string_to_signed(text, 10, 0, G_MAXINT64, &number, NULL);
	return number;
}

int migration_compare_age(const Migration *left, const Migration *right)
{
	int order;

	if (left->created_us != right->created_us)
		return left->created_us < right->created_us ? -1 : 1;
	if (left->arrival != right->arrival)
		return left->arrival < right->arrival ? -1 : 1;
	order = g_strcmp0(left->name, right->name);
	return order ? order : g_strcmp0(left->ns, right->ns);
}

void migration_read(const cJSON *object, Migration *ret_migration)
{
	const cJSON *spec = json_get(object, "spec");
	const cJSON *status = json_get(object, "status");
	const cJSON *kvmig = json_get(status, "kvmig");
	const cJSON *state = json_get(status, "migrationState");
	const cJSON *selector = json_get(spec, "addedNodeSelector");
	Migration migration = { .object = object };

	migration.ns = object_namespace(object);
	migration.name = object_name(object);
	migration.uid = object_uid(object);
	migration.vmi_name = json_string(spec, "vmiName", NULL);
	migration.added_node_selector = cJSON_IsObject(selector) ? selector : NULL;
	migration.phase_text = json_string(status, "phase", "");
	migration.phase = migration_phase_from_string(migration.phase_text);
	migration.source_node =
		json_string(kvmig, "sourceNode", json_string(state, "sourceNode", NULL));
	migration.target_node =
		json_string(kvmig, "targetNode", json_string(state, "targetNode", NULL));
	migration.abort_requested =
		object_is_deleting(object) || condition_is_true(object, "migrationAbortRequested");
	migration.created_us = object_created_us(object);
	migration.arrival = json_int(kvmig, "arrival", version_number(object));
	read_kvmig(kvmig, &migration);
	*ret_migration = migration;
}

const cJSON *migration_unfinished_of(const GPtrArray *migrations, const char *ns, const char *vm)
{
	Migration best = { .object = NULL };

	for (guint i = 0; i < migrations->len; i++) {
		Migration migration;

		migration_read(g_ptr_array_index(migrations, i), &migration);
		if (g_strcmp0(migration.vmi_name, vm) == 0 &&
		    (!ns || g_strcmp0(migration.ns, ns) == 0) &&
		    !migration_phase_is_final(migration.phase) &&
		    (!best.object || migration_compare_age(&migration, &best) < 0))
			best = migration;
	}
	return best.object;
}

cJSON *migration_object_new(const char *ns, const char *vmi_name, const cJSON *added_node_selector)
{
	cJSON *object = object_new(&KIND_VMIM, ns, NULL);
	cJSON *spec;

	json_set_string(json_get(object, "metadata"), "generateName", "kvmig-");
	object_set_label(object, LABEL_VMI_NAME, vmi_name);
	object_add_finalizer(object, FINALIZER_MIGRATION);
	spec = json_ensure_object(object, "spec");
	json_set_string(spec, "vmiName", vmi_name);
	if (added_node_selector && added_node_selector->child)
		json_set(spec, "addedNodeSelector", cJSON_Duplicate(added_node_selector, TRUE));
	return object;
}

cJSON *migration_settings_document(const cJSON *settings)
{
	cJSON *document = cJSON_IsObject(settings) ? cJSON_CreateObject() : NULL;
	const cJSON *item;

	if (!document)
		return NULL;
	cJSON_ArrayForEach(item, settings)
	{
		gboolean bare = strcmp(item->string, "completionTimeoutPerGiB") == 0;

		json_set(document, bare ? "completionTimeoutSecondsPerGiB" : item->string,
			 cJSON_Duplicate(item, TRUE));
	}
	return document;
}

static gboolean was_in_phase(const cJSON *timestamps, const char *phase)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, timestamps)
	{
		if (g_strcmp0(json_string(entry, "phase", NULL), phase) == 0)
			return TRUE;
	}
	return FALSE;
}

void migration_set_phase(cJSON *object, MigrationPhase phase, gint64 now_us)
{
	const char *text = migration_phase_to_string(phase);
	cJSON *status, *timestamps, *entry;
	g_autofree char *now = NULL;

	g_return_if_fail(phase != MIGRATION_PHASE_UNSET && phase != MIGRATION_PHASE_OTHER);
	status = json_ensure_object(object, "status");
	json_set_string(status, "phase", text);
	timestamps = json_ensure_array(status, "phaseTransitionTimestamps");
	if (was_in_phase(timestamps, text))
		return;
	now = clock_format_unix(now_us);
	entry = cJSON_CreateObject();
	json_set_string(entry, "phase", text);
	json_set_string(entry, "phaseTransitionTimestamp", now);
	cJSON_AddItemToArray(timestamps, entry);
}
