/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes up a migration that another controller left. The journal tells what may have been begun;
 * the hosts tell what was. Nothing that may have been handed to libvirt is handed over again.
 */
#include "engine/engine-private.h"

#define LOOK_AROUND_US G_GINT64_CONSTANT(10000000)

static gint64 phase_entered_us(Job *job, MigrationPhase phase)
{
	const cJSON *entry;
	gint64 unix_us = 0;

	cJSON_ArrayForEach(
		entry,
		json_path(job->object, "status", "phaseTransitionTimestamps",
			  NULL)) if (migration_phase_from_string(json_string(entry, "phase", "")) ==
					     phase &&
				     clock_parse_unix(
					     json_string(entry, "phaseTransitionTimestamp", NULL),
					     &unix_us)) return unix_us;
	return 0;
}

static const char *known_word(const char *by)
{
	static const char *const words[] = { "user", "completion-timeout", "progress-timeout" };

	for (guint i = 0; i < G_N_ELEMENTS(words); i++)
		if (g_strcmp0(by, words[i]) == 0)
			return words[i];
	return by ? "user" : NULL;
}

/* The deadline stays where it was set; the time without progress begins anew. */
static void recover_deadlines(Job *job)
{
	Engine *engine = job->engine;
	gint64 now_us = clock_monotonic_us(engine->clock);
	gint64 left_us = job->view.deadline_us - clock_unix_us(engine->clock);
	const cJSON *settings = json_get(job_kvmig(job), "settings");
	gint64 progress_s = json_int(settings, "progressTimeoutSeconds",
				     engine->settings.progress_timeout_seconds);

	converge_init(&job->converge, job->view.deadline_us > 0 ? MAX(left_us, 1) : 0,
		      progress_s * G_USEC_PER_SEC, now_us);
}

/* The time for finding a node does not begin anew; but whether there is one is told by the hosts,
 * which are only being asked. */
static void recover_wait(Job *job)
{
	Engine *engine = job->engine;
	gint64 left_us = job->view.deadline_us - clock_unix_us(engine->clock);

	job->rank = job->view.wait_position;
	job->rank_of = job->view.wait_of;
	if (job->view.deadline_us > 0 && g_strcmp0(job->view.deadline_action, "fail") == 0)
		job->no_target_until_us =
			clock_monotonic_us(engine->clock) + MAX(left_us, LOOK_AROUND_US);
}

static gboolean two_ran(Job *job)
{
	const cJSON *alarm = condition_find(job->object, CONDITION_ALARM);

	return g_strcmp0(json_string(alarm, "reason", NULL), REASON_ALARM_TWO_RUNNING) == 0;
}

static void recover_handed_over(Job *job, JobState state)
{
	job->handed_over = TRUE;
	job->handed_over_unix_us = phase_entered_us(job, MIGRATION_PHASE_TARGET_READY);
	job->said = SAID_NOTHING;
	job->job_seen = job->view.phase == MIGRATION_PHASE_RUNNING;
	job->two_ran = two_ran(job);
	job->cancel_by = known_word(job->view.abort_requested_by);
	job->cancel_stored = job->cancel_by != NULL;
	recover_deadlines(job);
	if (state == STATE_FOLLOWING)
		follow_begin(job);
	else
		settle_begin(job);
	job->next_poll_us = 0;
}

void recover_job(Job *job)
{
	const char *step = job->view.step;
	const cJSON *kvmig = job_kvmig(job);
	JobState state = state_after_crash(step);
	g_autofree char *source = g_strdup(job->view.source_node);
	g_autofree char *target = g_strdup(job->view.target_node);
	g_autofree char *uuid = g_strdup(job->view.domain_uuid);

	recover_wait(job);
	if (state == STATE_QUEUED || !source || !target || !uuid)
		return;
	g_info("takes up migration '%s' at '%s'", job->view.name, step);
	job_set_place(job, source, target, uuid);
	job->memory_bytes = json_int(kvmig, "memoryBytes", job->vmi.memory_bytes);
	job->was_paused = json_bool(kvmig, "guestPaused", FALSE);
	if (state != STATE_PROBING && job->view.phase >= MIGRATION_PHASE_TARGET_READY)
		recover_handed_over(job, state);
	else
		job_enter(job, STATE_PROBING);
}
