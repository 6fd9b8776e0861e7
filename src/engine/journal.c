/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written into the objects. A job's document in memory is the truth that its controller
 * knows; it is stored before anything that it announces is done. Nobody else writes the status of
 * a migration: where it is not as it was left, another controller is at work, and this one must
 * not act.
 */
#include "engine/engine-private.h"
#include "model/wellknown.h"

#define RETRY_MS 2000
#define CONFLICTS_MAX 5
#define CONDITION_ABORT "migrationAbortRequested"

/* ---- storing -------------------------------------------------------------------------------- */

/* Somebody changed the object meanwhile: its labels, its deletion, but not its status. */
static gboolean take_over_changes(Job *job, GError **error)
{
	g_autoptr(cJSON) fresh =
		cluster_get(job->engine->cluster, &KIND_VMIM, job->view.ns, job->view.name, error);

	if (!fresh)
		return FALSE;
	if (g_strcmp0(object_uid(fresh), job->uid) != 0)
		return error_set(error, KVMIG_ERROR_NOT_FOUND,
				 "migration '%s' is gone and another one has its name",
				 job->view.name);
	if (!json_equal(json_get(fresh, "status"), job->stored_status))
		return error_set(error, KVMIG_ERROR_FAILED,
				 "somebody else writes the status of migration '%s'",
				 job->view.name);
	json_set(job->object, "metadata", cJSON_Duplicate(json_get(fresh, "metadata"), TRUE));
	job_read(job);
	return TRUE;
}

gboolean journal_store(Job *job, GError **error)
{
	for (int tries = 0; !job->orphan; tries++) {
		g_autoptr(GError) failure = NULL;
		cJSON *stored = cluster_update_status(job->engine->cluster, job->object,
						      CLUSTER_WRITE_NONE, &failure);

		if (stored) {
			job_take_object(job, stored);
			return TRUE;
		}
		if (g_error_matches(failure, KVMIG_ERROR, KVMIG_ERROR_CONFLICT) &&
		    tries < CONFLICTS_MAX) {
			g_clear_error(&failure);
			if (take_over_changes(job, &failure))
				continue;
		}
		if (!g_error_matches(failure, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND)) {
			g_propagate_error(error, g_steal_pointer(&failure));
			job_read(job); /* of what the caller changed, which stays */
			return FALSE;
		}
		/* Somebody took the finalizer off. What was begun is still ours to end well. */
		job->orphan = TRUE;
	}
	job_read(job);
	return TRUE;
}

void journal_resync(Job *job)
{
	g_autoptr(cJSON) fresh =
		cluster_get(job->engine->cluster, &KIND_VMIM, job->view.ns, job->view.name, NULL);

	if (!fresh || g_strcmp0(object_uid(fresh), job->uid) != 0)
		return;
	cJSON_Delete(job->stored_status);
	job->stored_status = cJSON_Duplicate(json_get(fresh, "status"), TRUE);
	json_set(job->object, "metadata", cJSON_Duplicate(json_get(fresh, "metadata"), TRUE));
	job_read(job);
}

/* What KubeVirt's webhook adds: without the finalizer an object that is deleted is gone at once,
 * and with it what the next controller would have to know. */
void journal_claim(Job *job)
{
	g_autoptr(cJSON) patch = NULL;
	g_autoptr(GError) error = NULL;
	cJSON *metadata, *stored;

	if (object_is_deleting(job->object) ||
	    object_has_finalizer(job->object, FINALIZER_MIGRATION))
		return;
	object_add_finalizer(job->object, FINALIZER_MIGRATION);
	patch = cJSON_CreateObject();
	metadata = json_ensure_object(patch, "metadata");
	json_set(metadata, "finalizers",
		 cJSON_Duplicate(json_path(job->object, "metadata", "finalizers", NULL), TRUE));
	json_set_string(json_ensure_object(metadata, "labels"), LABEL_VMI_NAME, job->view.vmi_name);
	stored = cluster_patch(job->engine->cluster, &KIND_VMIM, job->view.ns, job->view.name,
			       CLUSTER_PATCH_MERGE, patch, CLUSTER_WRITE_NONE, &error);
	if (stored)
		job_take_object(job, stored);
	else
		g_info("cannot claim migration '%s': %s", job->view.name, error->message);
}

static gboolean store_or_retry(Job *job)
{
	g_autoptr(GError) error = NULL;

	if (journal_store(job, &error))
		return !job->engine->halted;
	g_warning("cannot store migration '%s': %s", job->view.name, error->message);
	job_wake_in(job, RETRY_MS);
	return FALSE;
}

static void name_step(Job *job, JobState state)
{
	json_set_string(job_kvmig(job), "step", state_name(state));
}

static gboolean run_hook(Job *job, JobState state)
{
	Engine *engine = job->engine;

	if (engine->hook)
		engine->hook(state_name(state), engine->hook_data);
	return !engine->halted;
}

gboolean journal_step(Job *job, JobState state)
{
	name_step(job, state);
	return store_or_retry(job) && run_hook(job, state);
}

/* ---- the parts of the status ---------------------------------------------------------------- */

void journal_set_phase(Job *job, MigrationPhase phase)
{
	migration_set_phase(job->object, phase, clock_unix_us(job->engine->clock));
	job_read(job);
}

void journal_advance(Job *job, MigrationPhase phase)
{
	for (int next = job->view.phase + 1; next <= (int)phase; next++)
		journal_set_phase(job, (MigrationPhase)next);
}

void journal_deadline(Job *job, gint64 unix_us, const char *action, const char *reason)
{
	cJSON *deadline = json_ensure_object(job_kvmig(job), "deadline");
	g_autofree char *at = clock_format_unix_micro(unix_us);

	json_set_string(deadline, "at", at);
	json_set_string(deadline, "action", action);
	json_set_string(deadline, "reason", reason);
}

/* While no node fits, when it is given up; for whoever looks, and for the next controller. */
static void set_wait_deadline(Job *job, const char *reason)
{
	gint64 left_us = job->no_target_until_us - clock_monotonic_us(job->engine->clock);

	if (reason == REASON_PEND_NO_TARGET && job->no_target_until_us > 0)
		journal_deadline(job, clock_unix_us(job->engine->clock) + left_us, "fail",
				 REASON_FAIL_NO_TARGET_TIMEOUT);
	else
		json_unset(job_kvmig(job), "deadline");
}

void journal_waiting(Job *job, const char *reason, const char *message, int position, int of)
{
	cJSON *waiting = json_ensure_object(job_kvmig(job), "waiting");

	json_set_string(waiting, "reason", reason);
	json_set_string(waiting, "message", message);
	json_set_int(waiting, "position", position);
	json_set_int(waiting, "of", of);
	set_wait_deadline(job, reason);
	/* writing this gives it another resourceVersion */
	json_set_int(job_kvmig(job), "arrival", job->view.arrival);
	job->rank = position;
	job->rank_of = of;
	job_read(job);
	journal_advance(job, MIGRATION_PHASE_PENDING);
}

static void set_known(cJSON *object, const char *key, gint64 value)
{
	if (value >= 0)
		json_set_int(object, key, value);
	else
		json_unset(object, key);
}

void journal_progress(Job *job)
{
	cJSON *progress = json_ensure_object(job_kvmig(job), "progress");
	g_autofree char *now = clock_format_unix_micro(clock_unix_us(job->engine->clock));

	json_set_string(progress, "sampledAt", now);
	set_known(progress, "elapsedMs", job->sample.elapsed_ms);
	set_known(progress, "memoryTotalBytes", job->sample.memory_total_bytes);
	set_known(progress, "memoryProcessedBytes", job->sample.memory_processed_bytes);
	set_known(progress, "memoryRemainingBytes", job->sample.memory_remaining_bytes);
	set_known(progress, "bandwidthBytesPerSecond", job->sample.bandwidth_bytes_per_second);
	set_known(progress, "dirtyRateBytesPerSecond", job->sample.dirty_rate_bytes_per_second);
	set_known(progress, "iteration", job->sample.iteration);
	job->progress_due = FALSE;
	job->sampled_us = clock_monotonic_us(job->engine->clock);
}

void journal_alarm(Job *job, const char *reason, const char *message)
{
	gint64 now_us = clock_unix_us(job->engine->clock);

	if (reason)
		condition_set(job->object, CONDITION_ALARM, TRUE, reason, message, now_us);
	else
		condition_remove(job->object, CONDITION_ALARM);
}

/* ---- the VMI -------------------------------------------------------------------------------- */

static void set_time(cJSON *object, const char *key, gint64 unix_us)
{
	g_autofree char *text = unix_us > 0 ? clock_format_unix(unix_us) : NULL;

	if (text)
		json_set_string(object, key, text);
	else
		cJSON_AddNullToObject(object, key);
}

/* As both hosts said a moment ago. Whoever waited for the end must not read of the pause at the
 * switch, which is the last that the inventory has heard; it confirms this at its next look. */
static void tell_place(Job *job, cJSON *status)
{
	g_autoptr(cJSON) vmi = NULL;

	json_set_string(status, "nodeName", job->target);
	if (job->sides[TARGET].is.copy != COPY_RUNNING)
		return;
	vmi = cluster_get(job->engine->cluster, &KIND_VMI, job->view.ns, job->view.vmi_name, NULL);
	if (!vmi || !condition_find(vmi, CONDITION_PAUSED))
		return;
	condition_remove(vmi, CONDITION_PAUSED);
	json_set_string(status, "domainState",
			hyper_domain_state_to_string(HYPER_DOMAIN_RUNNING));
	json_set(status, "conditions",
		 cJSON_Duplicate(json_path(vmi, "status", "conditions", NULL), TRUE));
}

/* A patch, so that what the inventory writes meanwhile stays; null removes what the migration
 * before this one left. */
static cJSON *migration_state_patch(Job *job, gboolean ended)
{
	cJSON *patch = cJSON_CreateObject();
	cJSON *status = json_ensure_object(patch, "status");
	cJSON *state = json_ensure_object(status, "migrationState");
	gboolean aborted = g_strcmp0(job->cancel_by, "user") == 0;

	json_set_string(state, "migrationUid", job->uid);
	json_set_string(state, "sourceNode", job->source);
	json_set_string(state, "targetNode", job->target);
	json_set_string(state, "mode", "PreCopy");
	set_time(state, "startTimestamp", job->handed_over_unix_us);
	set_time(state, "endTimestamp", ended ? clock_unix_us(job->engine->clock) : 0);
	json_set_bool(state, "completed", ended);
	json_set_bool(state, "failed", ended && !job->success);
	json_set_bool(state, "abortRequested", aborted);
	if (!ended)
		job_tell_settings(job, state);
	if (ended && !job->success)
		json_set_string(state, "failureReason",
				job->message ? job->message : "the migration failed");
	else
		cJSON_AddNullToObject(state, "failureReason");
	if (ended && job->success)
		tell_place(job, status);
	return patch;
}

/* The VMI is only told; that it cannot be never stops a migration. */
static void patch_vmi(Job *job, const cJSON *patch)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) stored =
		cluster_patch(job->engine->cluster, &KIND_VMI, job->view.ns, job->view.vmi_name,
			      CLUSTER_PATCH_MERGE_STATUS, patch, CLUSTER_WRITE_NONE, &error);

	if (!stored)
		g_info("cannot tell VM '%s' of its migration: %s", job->vmi_key, error->message);
}

static gboolean change_undecided(cJSON *object, const char *message, gint64 now_us)
{
	if (!message && !condition_find(object, CONDITION_UNDECIDED))
		return FALSE;
	if (message)
		condition_set(object, CONDITION_UNDECIDED, TRUE, REASON_ALARM_UNDECIDED, message,
			      now_us);
	else
		condition_remove(object, CONDITION_UNDECIDED);
	return TRUE;
}

void journal_vmi_undecided(Job *job, const char *message)
{
	Engine *engine = job->engine;
	gint64 now_us = clock_unix_us(engine->clock);

	for (int tries = 0; tries < CONFLICTS_MAX; tries++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(cJSON) object = cluster_get(engine->cluster, &KIND_VMI, job->view.ns,
						      job->view.vmi_name, &error);
		g_autoptr(cJSON) stored = NULL;

		if (!object || !change_undecided(object, message, now_us))
			return;
		stored = cluster_update_status(engine->cluster, object, CLUSTER_WRITE_NONE, &error);
		if (stored || !g_error_matches(error, KVMIG_ERROR, KVMIG_ERROR_CONFLICT))
			return;
	}
}

/* ---- writes that belong together ------------------------------------------------------------ */

static gboolean begin(Job *job)
{
	g_autoptr(GError) error = NULL;

	if (cluster_batch_begin(job->engine->cluster, &error))
		return TRUE;
	g_warning("cannot store migration '%s': %s", job->view.name, error->message);
	job_wake_in(job, RETRY_MS);
	return FALSE;
}

/* stored: what the writes inside came to. */
static gboolean end(Job *job, gboolean stored)
{
	g_autoptr(GError) error = NULL;

	if (!stored) {
		cluster_batch_rollback(job->engine->cluster);
		return FALSE;
	}
	if (cluster_batch_commit(job->engine->cluster, &error))
		return TRUE;
	cluster_batch_rollback(job->engine->cluster);
	g_warning("cannot store migration '%s': %s", job->view.name, error->message);
	job_wake_in(job, RETRY_MS);
	return FALSE;
}

/* After a batch that was rolled back the cluster has what it had before. */
static void restore_object(Job *job, cJSON *object, cJSON *stored_status)
{
	cJSON_Delete(job->object);
	cJSON_Delete(job->stored_status);
	job->object = object;
	job->stored_status = stored_status;
	job_read(job);
}

/* Stores the status and what `more` writes as one. */
static gboolean store_with(Job *job, void (*more)(Job *job))
{
	cJSON *object, *status;
	gboolean stored;

	if (!begin(job))
		return FALSE;
	object = cJSON_Duplicate(job->object, TRUE);
	status = cJSON_Duplicate(job->stored_status, TRUE);
	stored = store_or_retry(job);
	if (stored)
		more(job);
	if (end(job, stored)) {
		cJSON_Delete(object);
		cJSON_Delete(status);
		return TRUE;
	}
	restore_object(job, object, status);
	return FALSE;
}

static void tell_start(Job *job)
{
	g_autoptr(cJSON) patch = migration_state_patch(job, FALSE);

	patch_vmi(job, patch);
}

gboolean journal_hand_over(Job *job)
{
	name_step(job, STATE_HANDING_OVER);
	return store_with(job, tell_start) && run_hook(job, STATE_HANDING_OVER);
}

static void drop_finalizer(Job *job)
{
	g_autoptr(cJSON) patch = cJSON_CreateObject();
	g_autoptr(cJSON) stored = NULL;
	g_autoptr(GError) error = NULL;
	cJSON *metadata = json_ensure_object(patch, "metadata");
	cJSON *finalizers;

	if (job->orphan || !object_has_finalizer(job->object, FINALIZER_MIGRATION))
		return;
	object_remove_finalizer(job->object, FINALIZER_MIGRATION);
	finalizers = json_get(json_get(job->object, "metadata"), "finalizers");
	json_set(metadata, "finalizers",
		 finalizers ? cJSON_Duplicate(finalizers, TRUE) : cJSON_CreateNull());
	stored = cluster_patch(job->engine->cluster, &KIND_VMIM, job->view.ns, job->view.name,
			       CLUSTER_PATCH_MERGE, patch, CLUSTER_WRITE_NONE, &error);
	if (!stored && !g_error_matches(error, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND))
		g_warning("cannot free migration '%s': %s", job->view.name, error->message);
}

static void tell_end(Job *job)
{
	/* written with the hand-over, of which a cancel may have been heard by that very write */
	gboolean told = job->handed_over || job->handed_over_unix_us > 0;

	if (job->vmi_object && told) {
		g_autoptr(cJSON) patch = migration_state_patch(job, TRUE);

		patch_vmi(job, patch);
	}
	/* With the end, not after it: nobody looks at a migration again that has ended. */
	if (job->handed_over)
		journal_vmi_undecided(job, NULL);
	drop_finalizer(job);
}

gboolean journal_end(Job *job)
{
	name_step(job, STATE_ENDING);
	return store_with(job, tell_end) && run_hook(job, STATE_ENDING);
}

/* ---- history -------------------------------------------------------------------------------- */

static HistoryRecord *record_of(Job *job)
{
	Engine *engine = job->engine;
	HistoryRecord *record = g_new0(HistoryRecord, 1);
	const cJSON *result = json_get(job_kvmig(job), "result");

	record->context = g_strdup(cluster_context(engine->cluster));
	record->uid = g_strdup(job->uid);
	record->migration = g_strdup(job->view.name);
	record->ns = g_strdup(job->view.ns);
	record->vm = g_strdup(job->view.vmi_name);
	record->domain_uuid = g_strdup(job->uuid);
	record->source_node = g_strdup(job->source);
	record->target_node = g_strdup(job->target);
	record->phase = g_strdup(job->success ? "Succeeded" : "Failed");
	record->reason = g_strdup(job->reason);
	record->message = g_strdup(job->message);
	record->end_state = g_strdup(json_string(result, "endState", NULL));
	record->settings = cJSON_Duplicate(json_get(job_kvmig(job), "settings"), TRUE);
	record->created_us = job->view.created_us;
	record->started_us = job->handed_over_unix_us;
	record->ended_us = clock_unix_us(engine->clock);
	record->total_ms = json_int(result, "totalMs", -1);
	record->downtime_ms = json_int(result, "downtimeMs", -1);
	record->memory_bytes = job->memory_bytes;
	record->memory_processed_bytes = json_int(result, "memoryProcessedBytes", -1);
	record->iterations = json_int(result, "iterations", -1);
	return record;
}

gboolean journal_history(Job *job, GError **error)
{
	HistoryRecord *record;
	gboolean kept;

	if (!job->engine->options.history)
		return TRUE;
	record = record_of(job);
	kept = history_append(job->engine->options.history, record, error);
	history_record_free(record);
	return kept;
}
