/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of it: both hosts are asked until settle() says something to which there is one
 * right way on. Nothing here concludes from silence.
 */
#include "engine/engine-private.h"

#define ASK_AGAIN_FIRST_MS 50
#define ASK_AGAIN_MAX_MS 2000
#define UNDECIDED_QUIET 2 /* so many silent looks before it is called undecided */
#define UNDECIDED_FIRST_MS 1000
#define UNDECIDED_MAX_MS 30000
#define ACT_TIMEOUT_MS 35000 /* libvirt waits 30 s for a domain's job lock */
/* Keepalive gives a peer up after 30 s; whatever libvirt does by itself has been done by then. */
#define PATIENCE_US G_GINT64_CONSTANT(60000000)
/* What is on its way to a daemon has come, and what it was about to do by itself is done. */
#define QUIET_US G_GINT64_CONSTANT(3000000)

/* ---- asking --------------------------------------------------------------------------------- */

static void take_side(JobSide *side, HyperAnswer *answer)
{
	g_clear_error(&side->error);
	side->is = (SettleHost){ .copy = COPY_UNKNOWN };
	if (answer->error) {
		side->error = g_steal_pointer(&answer->error);
		return;
	}
	side->is.copy = copy_from_domain(answer->domain);
	side->is.reason = answer->domain->reason;
}

static void on_source(Job *job, HyperAnswer *answer)
{
	take_side(&job->sides[SOURCE], answer);
	job_run(job);
}

static void on_target(Job *job, HyperAnswer *answer)
{
	take_side(&job->sides[TARGET], answer);
	if (job->sides[TARGET].is.copy == COPY_UNKNOWN)
		job->target_heard = FALSE;
	job_run(job);
}

/* An answer that does not come is no proof that libvirt is through. */
static void on_job(Job *job, HyperAnswer *answer)
{
	job->job_active = follow_is_active(job, answer);
	if (answer->error)
		job->job_active =
			!g_error_matches(answer->error, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND);
	job_run(job);
}

static void on_figures(Job *job, HyperAnswer *answer)
{
	if (!answer->error && answer->job.completed) {
		job->completed = answer->job;
		job->completed_known = TRUE;
	}
	job_run(job);
}

/* A node that an admin has removed is not asked for ever: that was a decision. */
static gboolean is_removed(Job *job, int side, const char *node)
{
	if (g_hash_table_contains(job->engine->hosts, node))
		return FALSE;
	g_clear_error(&job->sides[side].error);
	job->sides[side].is = (SettleHost){ .copy = COPY_NONE };
	if (side == TARGET)
		job->target_heard = FALSE; /* who knows what it did: see paused_none() */
	return TRUE;
}

static gboolean heard_the_end(const Job *job)
{
	return job->said == SAID_OK || job->said == SAID_ERROR || job->said == SAID_REFUSED;
}

static void ask_both(Job *job)
{
	HyperCall call = { .op = HYPER_OP_STATE, .uuid = job->uuid, .timeout_ms = ASK_TIMEOUT_MS };

	job->asked = TRUE;
	job->job_active = job->anothers = FALSE;
	if (!is_removed(job, SOURCE, job->source)) {
		job_ask(job, job->source, &call, on_source);
		call.op = HYPER_OP_JOB;
		if (!heard_the_end(job))
			job_ask(job, job->source, &call, on_job);
	}
	if (is_removed(job, TARGET, job->target))
		return;
	call.op = HYPER_OP_STATE;
	job_ask(job, job->target, &call, on_target);
	call.op = HYPER_OP_JOB_COMPLETED;
	if (!job->completed_known && job->said != SAID_ERROR && job->said != SAID_REFUSED)
		job_ask(job, job->target, &call, on_figures);
}

static void settle_again(Job *job)
{
	job->asked = FALSE;
	job_enter(job, STATE_SETTLING);
}

void settle_begin(Job *job)
{
	job_forget_asks(job);
	job->same = 0;
	job->same_since_us = 0;
	job->attempts = 0;
	job->progress_due = FALSE;
	settle_again(job);
}

/* ---- judging -------------------------------------------------------------------------------- */

static gboolean never_ran(const Job *job)
{
	return job->target_heard && job->sides[TARGET].began_us == 0;
}

/* Then nobody heard libvirt: its daemon may be about to begin what it was asked. */
static gboolean connection_broke(const Job *job)
{
	return job->said == SAID_UNKNOWN &&
	       g_error_matches(job->said_error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
}

static SettleQuestion question_of(Job *job)
{
	gint64 now_us = clock_monotonic_us(job->engine->clock);
	SettleQuestion question = { .source = job->sides[SOURCE].is,
				    .target = job->sides[TARGET].is };
	gboolean changed;

	question.source.began_us = job->sides[SOURCE].began_us;
	question.target.began_us = job->sides[TARGET].began_us;
	changed = job->last[SOURCE] != question.source.copy ||
		  job->last[TARGET] != question.target.copy;
	if (changed || job->same_since_us == 0)
		job->same_since_us = now_us;
	if (changed)
		job->same = 0;
	job->last[SOURCE] = question.source.copy;
	job->last[TARGET] = question.target.copy;
	question.same = ++job->same;
	/* behind another's job a call that has come waits, for 30 s at most */
	question.quiet = now_us - job->same_since_us >= QUIET_US &&
			 (!job->anothers || job->job_seen);
	question.patience_over = now_us - job->same_since_us >= PATIENCE_US;
	question.said = connection_broke(job) ? SAID_NOTHING : job->said;
	question.job_active = job->job_active;
	question.begun = job->job_seen;
	question.was_paused = job->was_paused;
	question.two_ran = job->two_ran;
	question.target_never_ran = never_ran(job);
	return question;
}

static StepResult ask_later(Job *job)
{
	gint64 delay_ms = ASK_AGAIN_FIRST_MS << MIN(job->attempts, 10);

	job->attempts++;
	/* it goes on: keep its deadlines, and wait for the end */
	if (job->job_active && job->sides[SOURCE].is.copy != COPY_UNKNOWN) {
		follow_begin(job);
		return STEP_MORE;
	}
	job->asked = FALSE;
	job->asking_pause = TRUE;
	job_wake_in(job, MIN(delay_ms, ASK_AGAIN_MAX_MS));
	return job_wait(job, "the hosts to agree");
}

static StepResult stay_undecided(Job *job, const Settlement *settlement)
{
	gint64 delay_ms = UNDECIDED_FIRST_MS << MIN(job->attempts, 10);
	int side = job->sides[SOURCE].is.copy == COPY_UNKNOWN ? SOURCE : TARGET;
	const char *node = side == SOURCE ? job->source : job->target;
	const GError *error = job->sides[side].error;

	job->asked = FALSE;
	g_free(job->silent);
	job->silent = g_strdup(node);
	if (job->attempts++ >= UNDECIDED_QUIET && !job->alarmed) {
		g_autofree char *message = g_strdup_printf("%s, node '%s': %s", settlement->text,
							   node, error ? error->message : "");

		if (!job->two_ran)
			journal_alarm(job, REASON_ALARM_UNDECIDED, message);
		if (!journal_step(job, STATE_UNDECIDED))
			return job_wait(job, "the store");
		journal_vmi_undecided(job, message);
		job->alarmed = TRUE;
	}
	job_enter(job, STATE_UNDECIDED);
	job_wake_in(job, MIN(delay_ms, UNDECIDED_MAX_MS));
	return job_wait(job, "a host that cannot be asked");
}

static StepResult judge(Job *job)
{
	SettleQuestion question = question_of(job);
	Settlement settlement = settle(&question);

	g_debug("%s: %s/%s: %s", job->view.name, copy_to_string(question.source.copy),
		copy_to_string(question.target.copy), settlement.text ? settlement.text : "clear");
	switch (settlement.verdict) {
	case SETTLE_ASK_AGAIN:
		return ask_later(job);
	case SETTLE_UNDECIDED:
		return stay_undecided(job, &settlement);
	case SETTLE_SUSPEND_SOURCE:
	case SETTLE_SUSPEND_TARGET:
		job->act_side = settlement.verdict == SETTLE_SUSPEND_SOURCE ? SOURCE : TARGET;
		journal_alarm(job, settlement.reason, settlement.text);
		job->two_ran = TRUE;
		job->asked = FALSE;
		job_enter(job, STATE_SUSPENDING_COPY);
		return STEP_MORE;
	case SETTLE_RESUME_SOURCE:
		job->asked = FALSE;
		job_enter(job, STATE_RESUMING_SOURCE);
		return STEP_MORE;
	default:
		return end_settled(job, &settlement);
	}
}

StepResult step_settling(Job *job)
{
	if (job->asking_pause && job->timer)
		return job_wait(job, "the hosts to agree");
	job->asking_pause = FALSE;
	if (!job->asked)
		ask_both(job);
	if (job->asks->len > 0)
		return job_wait(job, "the answers of both hosts");
	return judge(job);
}

StepResult step_undecided(Job *job)
{
	if (job->timer)
		return job_wait(job, "a host that cannot be asked");
	settle_again(job);
	return STEP_MORE;
}

/* An event told that something changed on a host that was waited for. */
void settle_poke(Job *job)
{
	if (job->state != STATE_UNDECIDED && !(job->state == STATE_SETTLING && job->asking_pause))
		return;
	clock_cancel(job->engine->clock, &job->timer);
	job_run(job);
}

/* ---- acting --------------------------------------------------------------------------------- */

/* Whatever the answer: the next look at both hosts tells what it did. */
static void on_acted(Job *job, HyperAnswer *answer)
{
	if (answer->error)
		g_info("%s: %s", job->view.name, answer->error->message);
	job->same = 0;
	settle_again(job);
	job_run(job);
}

static StepResult act(Job *job, HyperOp op, const char *node)
{
	if (job->asks->len > 0)
		return job_wait(job, "the host to do it");
	if (!journal_step(job, job->state))
		return job_wait(job, "the store");
	job_ask(job, node,
		&(HyperCall){ .op = op, .uuid = job->uuid, .timeout_ms = ACT_TIMEOUT_MS },
		on_acted);
	return job_wait(job, "the host to do it");
}

StepResult step_suspending_copy(Job *job)
{
	return act(job, HYPER_OP_SUSPEND, job->act_side == SOURCE ? job->source : job->target);
}

StepResult step_resuming_source(Job *job)
{
	return act(job, HYPER_OP_RESUME, job->source);
}
