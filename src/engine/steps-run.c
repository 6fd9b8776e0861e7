/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While libvirt copies: the job is asked for its figures, deadlines are kept, a cancel is asked
 * for until it has worked. Where another controller made the call, or its answer never comes, the
 * end shows in the job's being gone.
 */
#include <string.h>

#include "engine/engine-private.h"

#define POLL_FIRST_US G_GINT64_CONSTANT(200000)
#define POLL_US G_GINT64_CONSTANT(400000)
#define POLL_TIMEOUT_MS 5000
#define ABORT_AGAIN_US G_USEC_PER_SEC
#define ABORT_TIMEOUT_MS 30000
#define PROGRESS_INTERVAL_MS 1000
/* The job has ended so long ago that the answer of MIGRATE will not come any more. */
#define ANSWER_LOST_US G_GINT64_CONSTANT(10000000)

static gint64 now(Job *job)
{
	return clock_monotonic_us(job->engine->clock);
}

/* ---- the call ------------------------------------------------------------------------------- */

static Said what_was_said(const HyperAnswer *answer)
{
	if (!answer->error)
		return SAID_OK;
	if (answer->outcome_unknown)
		return SAID_UNKNOWN;
	if (g_error_matches(answer->error, KVMIG_ERROR, KVMIG_ERROR_REFUSED))
		return SAID_REFUSED;
	return SAID_ERROR;
}

static void on_migrate(Job *job, HyperAnswer *answer)
{
	job->migrating = FALSE;
	job->said = what_was_said(answer);
	job->said_error = g_steal_pointer(&answer->error);
	g_debug("%s: libvirt: %s", job->view.name,
		job->said_error ? job->said_error->message : "done");
	settle_begin(job);
	job_run(job);
}

void follow_begin(Job *job)
{
	/* nothing is aborted before it is known what libvirt does */
	job->next_poll_us = now(job) + (job->cancel_stored ? 0 : POLL_FIRST_US);
	job->next_abort_us = 0;
	job->job_looked = job->anothers = FALSE;
	job->job_gone_since_us = 0;
	job->polling = FALSE;
	job_enter(job, job->cancel_stored ? STATE_CANCELLING : STATE_FOLLOWING);
}

void follow_submit(Job *job, const HyperMigrateParams *params)
{
	job->migrating = TRUE;
	job_ask(job, job->source,
		&(HyperCall){ .op = HYPER_OP_MIGRATE, .uuid = job->uuid, .migrate = params },
		on_migrate);
}

/* ---- progress ------------------------------------------------------------------------------- */

static void store_progress(Engine *engine, GPtrArray *due)
{
	g_autoptr(GError) error = NULL;
	guint stored = 0;

	if (!cluster_batch_begin(engine->cluster, &error))
		return;
	for (guint i = 0; i < due->len; i++) {
		Job *job = g_ptr_array_index(due, i);

		journal_progress(job);
		if (journal_store(job, &error))
			stored++;
		else
			g_info("cannot store progress of '%s': %s", job->view.name, error->message);
		g_clear_error(&error);
	}
	if (stored > 0 && cluster_batch_commit(engine->cluster, &error))
		return;
	cluster_batch_rollback(engine->cluster);
	for (guint i = 0; i < due->len; i++)
		journal_resync(g_ptr_array_index(due, i));
}

/* Later states change the object bit by bit and store it when it is whole: the final phase must
 * not go out without the rest of the end. */
static gboolean has_progress(const Job *job)
{
	return job->progress_due &&
	       (job->state == STATE_FOLLOWING || job->state == STATE_CANCELLING);
}

/* All that have news in one write: it costs the same for one migration as for fifty. */
static void on_progress_timer(gpointer data)
{
	Engine *engine = data;
	g_autoptr(GPtrArray) due = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;

	engine->progress_timer = 0;
	if (engine->halted)
		return;
	g_hash_table_iter_init(&iter, engine->jobs);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (has_progress(value))
			g_ptr_array_add(due, value);
	if (due->len > 0)
		store_progress(engine, due);
}

static void note_progress(Job *job)
{
	Engine *engine = job->engine;

	job->progress_due = TRUE;
	if (!engine->progress_timer)
		engine->progress_timer =
			clock_after(engine->clock, PROGRESS_INTERVAL_MS, on_progress_timer, engine);
}

/* ---- watching the job ----------------------------------------------------------------------- */

static void note_running(Job *job)
{
	if (job->view.phase == MIGRATION_PHASE_RUNNING)
		return;
	journal_progress(job);
	journal_advance(job, MIGRATION_PHASE_RUNNING);
	journal_step(job, job->state);
}

static void keep_deadlines(Job *job, const HyperJob *sample)
{
	const char *why = NULL;

	/* later issues: CONVERGE_POSTCOPY, CONVERGE_PAUSE */
	if (converge_sample(&job->converge, sample, now(job), &why) == CONVERGE_CANCEL)
		follow_cancel(job, why);
}

/* It is over, or not begun yet. Where our own call is out, its answer is waited for: libvirt may
 * be slow to begin, and is never called back. */
static void job_is_gone(Job *job)
{
	if (job->job_gone_since_us == 0)
		job->job_gone_since_us = now(job);
	if (!job->migrating) {
		settle_begin(job);
	} else if (job->job_seen && now(job) - job->job_gone_since_us >= ANSWER_LOST_US) {
		job->said = SAID_NOTHING;
		settle_begin(job);
	}
}

gboolean follow_is_active(Job *job, const HyperAnswer *answer)
{
	const char *what = answer->job.operation;

	if (answer->error)
		return FALSE; /* and what it was is not known to have changed */
	job->anothers = answer->job.active && *what && strcmp(what, HYPER_JOB_MIGRATION) != 0;
	if (job->anothers)
		g_debug("%s: libvirt is busy with it: %s", job->view.name, what);
	return answer->job.active && !job->anothers;
}

static void on_job(Job *job, HyperAnswer *answer)
{
	const gboolean active = follow_is_active(job, answer);
	const gboolean gone =
		!answer->error ? !active
			       : g_error_matches(answer->error, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND);

	job->polling = FALSE;
	job->job_looked = TRUE;
	if (active) {
		job->job_seen = job->sampled = TRUE;
		job->job_gone_since_us = 0;
		job->sample = answer->job;
		note_running(job);
		note_progress(job);
	} else if (gone) {
		job_is_gone(job);
	} else if (!job->migrating) {
		/* another controller's migration, and its source is silent */
		settle_begin(job);
	}
	if (job->state == STATE_FOLLOWING || job->state == STATE_CANCELLING)
		keep_deadlines(job, active ? &answer->job : NULL);
	job_run(job);
}

static void poll_job(Job *job)
{
	job->polling = TRUE;
	job->next_poll_us = now(job) + POLL_US;
	/* not up to a whole interval late for what the deadline brings */
	if (job->converge.deadline_us > now(job))
		job->next_poll_us = MIN(job->next_poll_us, job->converge.deadline_us);
	job_ask(job, job->source,
		&(HyperCall){
			.op = HYPER_OP_JOB, .uuid = job->uuid, .timeout_ms = POLL_TIMEOUT_MS },
		on_job);
}

/* A pass begins: now what remains can be compared with the passes before. */
void follow_iteration(Job *job)
{
	if (job->state != STATE_FOLLOWING && job->state != STATE_CANCELLING)
		return;
	job->next_poll_us = now(job);
	job_run(job);
}

/* ---- cancelling ----------------------------------------------------------------------------- */

void follow_cancel(Job *job, const char *by)
{
	if (!job->cancel_by)
		job->cancel_by = by;
}

static void on_abort(Job *job, HyperAnswer *answer)
{
	/* An abort that came before libvirt began is lost without a word: it is sent again until
	 * the migration has ended. */
	if (answer->error)
		g_info("cancelling '%s': %s", job->view.name, answer->error->message);
	job->next_abort_us = now(job) + ABORT_AGAIN_US;
	job_run(job);
}

static gboolean begin_cancel(Job *job)
{
	gint64 now_us = clock_unix_us(job->engine->clock);

	json_set_string(job_kvmig(job), "abortRequestedBy", job->cancel_by);
	if (g_strcmp0(job->cancel_by, "user") == 0)
		condition_set(job->object, "migrationAbortRequested", TRUE, REASON_FAIL_CANCELLED,
			      "cancelled by a user", now_us);
	if (!journal_step(job, STATE_CANCELLING))
		return FALSE;
	job->cancel_stored = TRUE;
	job_enter(job, STATE_CANCELLING);
	return TRUE;
}

/* Libvirt aborts whatever job the domain has. Where ours waits for another's end, it is aborted
 * once it has begun; and where it has ended, the next one is another's. */
static gboolean may_abort(const Job *job)
{
	return job->cancel_stored && job->job_looked && !job->anothers &&
	       !(job->job_seen && job->job_gone_since_us);
}

static void send_abort(Job *job)
{
	job->next_abort_us = G_MAXINT64; /* until it is answered */
	job_ask(job, job->source,
		&(HyperCall){
			.op = HYPER_OP_ABORT, .uuid = job->uuid, .timeout_ms = ABORT_TIMEOUT_MS },
		on_abort);
}

/* ---- the step ------------------------------------------------------------------------------- */

StepResult step_following(Job *job)
{
	gint64 next_us;

	if (job->cancel_by && !job->cancel_stored && !begin_cancel(job))
		return job_wait(job, "the store");
	if (may_abort(job) && now(job) >= job->next_abort_us)
		send_abort(job);
	if (!job->polling && now(job) >= job->next_poll_us)
		poll_job(job);
	next_us = job->polling ? G_MAXINT64 : job->next_poll_us;
	if (may_abort(job))
		next_us = MIN(next_us, job->next_abort_us);
	if (next_us != G_MAXINT64)
		job_wake_in(job, (next_us - now(job)) / 1000 + 1);
	return job_wait(job, "libvirt");
}
