/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may start: a round over those that wait, in their order, against the limits and the memory
 * that is free or reserved. Rounds are cheap where nothing can start, and run whenever something
 * changed that could let one start.
 */
#include "engine/engine-private.h"
#include "model/wellknown.h"
#include "schedule/schedule.h"

#define RANK_INTERVAL_US G_GINT64_CONSTANT(2000000)
#define AVOID_RETRY_MS 1000

typedef struct {
	Engine *engine;
	GPtrArray *running; /* of Migration* */
	GPtrArray *vmis;    /* of Vmi*, of those */
	GPtrArray *waiting; /* of Job* whose waiting words are to be stored */
	gboolean full;      /* the cluster's limit is reached */
	char *full_message;
	gboolean rank; /* places are written this time */
	gboolean news; /* somebody has not been told yet that it waits */
	int position, of;
	gint64 now_us, wake_us; /* the next time at which something must be looked at */
} Round;

/* ---- what is known -------------------------------------------------------------------------- */

static void add_running(Round *round, Job *job)
{
	g_ptr_array_add(round->running, &job->view);
	if (job->vmi_object)
		g_ptr_array_add(round->vmis, &job->vmi);
}

static void wake_at(Round *round, gint64 when_us)
{
	if (round->wake_us == 0 || when_us < round->wake_us)
		round->wake_us = when_us;
}

/* ---- waiting -------------------------------------------------------------------------------- */

/* Exact at the front of the queue; further back a place is written anew when it has shrunk by a
 * quarter: thousands that wait must not cost thousands of writes a second. */
static gboolean rank_is_stale(const Round *round, const Job *job)
{
	int moved = job->rank - round->position;

	if (job->rank == 0)
		return TRUE;
	return round->rank && ABS(moved) >= MAX(1, job->rank / 4);
}

static void keep_waiting(Round *round, Job *job, const char *reason, const char *message)
{
	gboolean same = g_strcmp0(job->view.wait_reason, reason) == 0;
	gboolean told = round->position > 20 || g_strcmp0(job->view.wait_message, message) == 0;

	if (same && (told || !round->rank) && !rank_is_stale(round, job))
		return;
	journal_waiting(job, reason, message, round->position, round->of);
	g_ptr_array_add(round->waiting, job);
}

/* The job has the words, the store does not: without a place they count as stale. */
static void wait_again(Round *round, Job *job)
{
	job->rank = 0;
	wake_at(round, round->now_us + RANK_INTERVAL_US);
}

static gboolean store_each(Round *round, GError **error)
{
	if (!cluster_batch_begin(round->engine->cluster, error))
		return FALSE;
	for (guint i = 0; i < round->waiting->len; i++) {
		Job *job = g_ptr_array_index(round->waiting, i);
		g_autoptr(GError) cause = NULL;

		if (journal_store(job, &cause))
			continue;
		g_info("cannot store why '%s' waits: %s", job->view.name, cause->message);
		wait_again(round, job);
	}
	if (cluster_batch_commit(round->engine->cluster, error))
		return TRUE;
	cluster_batch_rollback(round->engine->cluster);
	for (guint i = 0; i < round->waiting->len; i++)
		journal_resync(g_ptr_array_index(round->waiting, i));
	return FALSE;
}

static void store_waiting(Round *round)
{
	g_autoptr(GError) error = NULL;

	if (round->waiting->len == 0 || store_each(round, &error))
		return;
	g_info("cannot store why migrations wait: %s", error->message);
	for (guint i = 0; i < round->waiting->len; i++)
		wait_again(round, g_ptr_array_index(round->waiting, i));
}

/* ---- targets -------------------------------------------------------------------------------- */

/* Words where this node is to be left out for now. */
static const char *avoided(Round *round, Job *job, const char *node)
{
	gint64 *until_us = g_hash_table_lookup(job->avoid, node);

	if (!until_us || *until_us <= round->now_us)
		return NULL;
	wake_at(round, *until_us);
	return g_hash_table_lookup(job->avoid_reason, node);
}

static GPtrArray *find_targets(Round *round, Job *job, gboolean with_reservations,
			       gboolean encrypted)
{
	g_autoptr(GHashTable) reserved =
		with_reservations ? schedule_reservations(round->running, round->vmis, job->uid)
				  : NULL;
	TargetQuestion question = {
		.vmi = &job->vmi,
		.hosts = round->engine->host_views,
		.added_selector = job->view.added_node_selector,
		.reserved_bytes = reserved,
		.migrations = round->running,
		.host_reserve_bytes = -1,
		.encrypted = encrypted,
	};

	return schedule_targets(&question);
}

static gboolean any_fits(const GPtrArray *targets)
{
	return targets->len > 0 && ((Target *)g_ptr_array_index(targets, 0))->fits;
}

static gboolean fits_without_reservations(Round *round, Job *job)
{
	g_autoptr(GPtrArray) targets = find_targets(round, job, FALSE, FALSE);

	return any_fits(targets);
}

/* Where every node lacks certificates one of them is tried, and the migration ends with that. */
static GPtrArray *find_best_targets(Round *round, Job *job)
{
	g_autoptr(GPtrArray) targets =
		find_targets(round, job, TRUE, !round->engine->settings.disable_tls);

	if (any_fits(targets) || round->engine->settings.disable_tls)
		return g_steal_pointer(&targets);
	return find_targets(round, job, TRUE, FALSE);
}

/* The first that fits, answers and may receive one more; else why there is none. A node that is
 * only busy will be there: then the time for having none does not run. */
static const char *choose(Round *round, Job *job, const GPtrArray *targets, const char **ret_reason,
			  char **ret_message)
{
	g_autoptr(GString) why = g_string_new(NULL);
	gboolean busy = FALSE;

	*ret_reason = NULL;
	for (guint i = 0; i < targets->len; i++) {
		const Target *target = g_ptr_array_index(targets, i);
		const char *words = target->fits ? avoided(round, job, target->node) : NULL;
		Admission inbound;

		if (!target->fits)
			break;
		if (words) {
			g_string_append_printf(why, "%s%s: %s", why->len ? "; " : "",
					       target->node, words);
			continue;
		}
		inbound = schedule_admit_inbound(target->node, round->running,
						 &round->engine->settings);
		if (inbound.admitted)
			return target->node;
		busy = TRUE;
		g_string_append_printf(why, "%s%s", why->len ? "; " : "", inbound.message);
		admission_clear(&inbound);
	}
	if (busy)
		*ret_reason = REASON_PEND_INBOUND_LIMIT;
	else if (why->len > 0 || !fits_without_reservations(round, job))
		*ret_reason = REASON_PEND_NO_TARGET;
	else
		*ret_reason = REASON_PEND_MEMORY_RESERVED;
	if (why->len > 0 && !busy)
		g_string_prepend(why, "no node fits: ");
	*ret_message = why->len > 0 ? g_string_free(g_steal_pointer(&why), FALSE)
				    : schedule_summarize(targets);
	return NULL;
}

/* ---- one that waits ------------------------------------------------------------------------- */

/* A refusal that waiting does not change. TRUE: it ends, once the round is over. */
static gboolean refuse(Job *job)
{
	g_autofree char *message = NULL;
	const Vmi *vmi = &job->vmi;
	const char *reason;

	if (!job->vmi_object) {
		reason = REASON_FAIL_VM_GONE;
		message = g_strdup_printf("there is no VM '%s'", job->vmi_key);
	} else if (vmi->undecided) {
		reason = REASON_BLK_UNDECIDED;
		message = g_strdup("an earlier migration of this VM is undecided");
	} else if (vmi->duplicate_uuid) {
		reason = REASON_BLK_DUPLICATE_UUID;
		message = g_strdup_printf("two hosts report the domain %s", vmi->domain_uuid);
	} else if (!vmi->node_name || !vmi->domain_uuid ||
		   g_strcmp0(vmi->phase, "Succeeded") == 0 ||
		   g_strcmp0(vmi->phase, "Failed") == 0 || g_strcmp0(vmi->phase, "Pending") == 0) {
		reason = REASON_BLK_NOT_RUNNING;
		message = g_strdup_printf("VM '%s' is not running", job->vmi_key);
	} else if (vmi->not_migratable_reason) {
		reason = REASON_BLK_LIBVIRT;
		message = g_strdup(vmi->not_migratable_message ? vmi->not_migratable_message
							       : vmi->not_migratable_reason);
	} else {
		return FALSE;
	}
	end_failed(job, reason, message, NULL);
	return TRUE;
}

static gint64 unschedulable_timeout_us(Job *job)
{
	const char *text = object_annotation(job->object, ANNOTATION_UNSCHEDULABLE_TIMEOUT);
	guint64 seconds;

	if (!text || !g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &seconds, NULL))
		seconds = job->engine->options.unschedulable_timeout_s;
	return (gint64)seconds * G_USEC_PER_SEC;
}

/* TRUE: the time for that ran out. */
static gboolean no_target(Round *round, Job *job, const char *reason, const char *message)
{
	if (reason != REASON_PEND_NO_TARGET) {
		job->no_target_until_us = 0; /* there will be one */
		return FALSE;
	}
	if (job->no_target_until_us == 0)
		job->no_target_until_us = MAX(round->now_us + unschedulable_timeout_us(job), 1);
	if (round->now_us >= job->no_target_until_us) {
		end_failed(job, REASON_FAIL_NO_TARGET_TIMEOUT, message, NULL);
		return TRUE;
	}
	wake_at(round, job->no_target_until_us);
	return FALSE;
}

static void try_start(Round *round, Job *job)
{
	g_autoptr(GPtrArray) targets = NULL;
	g_autofree char *message = NULL;
	const char *reason, *node;
	Admission admission;

	admission = schedule_admit(&job->view, job->vmi.node_name, round->running,
				   &round->engine->settings);
	if (!admission.admitted) {
		if (admission.reason == REASON_PEND_CLUSTER_LIMIT) {
			round->full = TRUE;
			round->full_message = g_strdup(admission.message);
		}
		keep_waiting(round, job, admission.reason, admission.message);
		admission_clear(&admission);
		return;
	}
	targets = find_best_targets(round, job);
	node = choose(round, job, targets, &reason, &message);
	if (!node) {
		if (!no_target(round, job, reason, message))
			keep_waiting(round, job, reason, message);
		return;
	}
	start_probing(job, node);
	add_running(round, job);
}

static void consider(Round *round, Job *job)
{
	if (refuse(job))
		return;
	round->position++;
	if (round->full) {
		keep_waiting(round, job, REASON_PEND_CLUSTER_LIMIT, round->full_message);
	} else if (job->not_before_us > round->now_us) {
		wake_at(round, job->not_before_us);
		if (job->held)
			keep_waiting(round, job, REASON_PEND_VM_BUSY, job->held);
	} else {
		try_start(round, job);
	}
}

/* ---- the round ------------------------------------------------------------------------------ */

static void on_round(gpointer data);

static void gather(Round *round, GPtrArray *pending)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, round->engine->jobs);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Job *job = value;

		if (job->state == STATE_QUEUED)
			g_ptr_array_add(pending, &job->view);
		else
			add_running(round, job);
		round->news |= job->state == STATE_QUEUED && job->rank == 0;
	}
}

/* Nothing can start and nobody has anything new to be told: with thousands that wait this is what
 * most rounds come to. */
static gboolean is_idle_round(const Round *round)
{
	return !round->rank && !round->news &&
	       round->running->len >= round->engine->settings.parallel_per_cluster;
}

static void wake_later(Round *round)
{
	Engine *engine = round->engine;
	gint64 delay_ms = (round->wake_us - round->now_us) / 1000 + 1;

	if (round->wake_us == 0 || engine->round_timer)
		return;
	engine->round_timer =
		clock_after(engine->clock, (guint)CLAMP(delay_ms, 1, G_MAXINT), on_round, engine);
}

static void run_round(Round *round, const GPtrArray *queue)
{
	g_autoptr(GPtrArray) started = g_ptr_array_new();

	round->of = (int)queue->len;
	for (guint i = 0; i < queue->len && !round->engine->halted; i++) {
		gpointer view = g_ptr_array_index(queue, i);
		Job *job = (Job *)((char *)view - G_STRUCT_OFFSET(Job, view));

		consider(round, job);
		/* steps run after the round: they free what ends, and the round holds it still */
		if (job->state != STATE_QUEUED)
			g_ptr_array_add(started, job);
	}
	store_waiting(round);
	for (guint i = 0; i < started->len; i++)
		job_run(g_ptr_array_index(started, i));
}

static void on_round(gpointer data)
{
	Engine *engine = data;
	gint64 now_us = clock_monotonic_us(engine->clock);
	Round round = { .engine = engine, .now_us = now_us };
	g_autoptr(GPtrArray) pending = g_ptr_array_new();
	g_autoptr(GPtrArray) queue = NULL;

	engine->round_timer = 0;
	if (engine->halted)
		return;
	round.rank = engine->ranked_us == 0 || now_us - engine->ranked_us >= RANK_INTERVAL_US;
	if (round.rank)
		engine->ranked_us = now_us;
	round.running = g_ptr_array_new();
	round.vmis = g_ptr_array_new();
	round.waiting = g_ptr_array_new();
	gather(&round, pending);
	if (!is_idle_round(&round)) {
		queue = schedule_queue(pending);
		run_round(&round, queue);
	}
	if (pending->len > 0 && !round.rank)
		wake_at(&round, engine->ranked_us + RANK_INTERVAL_US);
	wake_later(&round);
	g_ptr_array_unref(round.running);
	g_ptr_array_unref(round.vmis);
	g_ptr_array_unref(round.waiting);
	g_free(round.full_message);
}

void queue_schedule_round(Engine *engine)
{
	clock_cancel(engine->clock, &engine->round_timer);
	if (!engine->halted)
		engine->round_timer = clock_after(engine->clock, 0, on_round, engine);
}

/* What lets it start is decided in rounds. */
StepResult step_queued(Job *job)
{
	if (job->cancel_by)
		return end_cancelled(job);
	return job_wait(job, "a place in the queue");
}
