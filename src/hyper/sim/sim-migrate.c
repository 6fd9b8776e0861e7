/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One peer-to-peer migration as libvirt plays it: begin, prepare (the target waits for memory),
 * perform (passes over the memory, then the switch with the source paused), finish (the target
 * runs it), confirm (the source's copy ends). The source's daemon drives; the client may be gone.
 */
#include "hyper/sim/sim-private.h"

#define CONTROL_MS 2       /* one call between the daemons */
#define SETUP_MS 10        /* start of the receiving QEMU */
#define KEEPALIVE_MS 30000 /* then the other daemon counts as lost */
#define DOWNTIME_MS 300    /* QEMU switches when the rest takes no longer than this */

static void next(gpointer data);

static void arm(SimMigration *migration, gint64 delay_ms)
{
	clock_cancel(migration->sim->clock, &migration->timer);
	migration->timer = clock_after(migration->sim->clock, (guint)CLAMP(delay_ms, 0, G_MAXINT32),
				       next, migration);
}

void sim_migrate_free(SimMigration *migration)
{
	SimDomain *domain = sim_domain(migration->source, migration->uuid);

	if (domain && domain->migration == migration)
		domain->migration = NULL;
	migration->source->outbound--;
	clock_cancel(migration->sim->clock, &migration->timer);
	g_ptr_array_remove(migration->sim->migrations, migration);
	g_free(migration->uuid);
	g_free(migration);
}

/* FALSE: whoever listens has ended this migration. */
static gboolean enter(SimMigration *migration, SimPhase phase)
{
	Sim *sim = migration->sim;

	migration->phase = phase;
	if (!sim->phase_func)
		return TRUE;
	sim->phase_func(phase, migration->uuid, sim->phase_data);
	return g_ptr_array_find(sim->migrations, migration, NULL);
}

static void answer(SimMigration *migration, KvmigError code, const char *message)
{
	SimRequest *request = migration->request;

	if (!request)
		return;
	migration->request = NULL;
	if (sim_take_fault(migration->sim, migration->uuid, SIM_FAULT_ANSWER_LOST))
		return; /* stays in the host's list and is never answered */
	request->ended = TRUE;
	request->ended_code = code;
	request->ended_message = message;
	sim_requests_go_on(migration->source);
}

/* ---- endings --------------------------------------------------------------------------------- */

static void drop_incoming(SimMigration *migration)
{
	SimDomain *copy = sim_domain(migration->target, migration->uuid);

	if (copy && copy->incoming)
		sim_domain_stop(copy);
}

static void resume_source(SimMigration *migration)
{
	SimDomain *domain = sim_domain(migration->source, migration->uuid);
	Sim *sim = migration->sim;

	if (!domain || domain->state == HYPER_DOMAIN_SHUTOFF || migration->was_paused)
		return;
	if (sim_take_fault(sim, migration->uuid, SIM_FAULT_RESUME_FAILS))
		return;
	if (domain->state == HYPER_DOMAIN_PAUSED &&
	    (!sim->disk_locks || sim_running_copies(sim, migration->uuid) == 0))
		sim_domain_set(domain, HYPER_DOMAIN_RUNNING, HYPER_REASON_MIGRATION_CANCELED);
	else if (domain->state == HYPER_DOMAIN_RUNNING)
		domain->reason = HYPER_REASON_MIGRATION_CANCELED;
}

/* The source gives up: its guest runs on. */
static void give_up(SimMigration *migration, KvmigError code, const char *message)
{
	if (migration->target->daemon_up && !migration->target->frozen)
		drop_incoming(migration);
	if (!enter(migration, SIM_PHASE_ENDED))
		return;
	resume_source(migration);
	answer(migration, code, message);
	sim_migrate_free(migration);
}

static void confirm(SimMigration *migration)
{
	SimDomain *domain = sim_domain(migration->source, migration->uuid);

	if (!enter(migration, SIM_PHASE_ENDED))
		return;
	if (domain) {
		domain->migration = NULL;
		domain->persistent = domain->persistent && !migration->persistent;
		sim_domain_stop(domain);
	}
	answer(migration, KVMIG_ERROR_FAILED, NULL);
	sim_migrate_free(migration);
}

/* ---- the target's Finish --------------------------------------------------------------------- */

static void start_copy(SimDomain *copy, gboolean was_paused)
{
	Sim *sim = copy->host->sim;

	copy->finish_queued = FALSE;
	if (sim->disk_locks && sim_running_copies(sim, copy->uuid) > 0) {
		copy->persistent = FALSE;
		sim_domain_stop(copy); /* the image is locked: QEMU does not start it */
		return;
	}
	copy->incoming = FALSE;
	copy->persistent = copy->finish_persistent;
	if (was_paused)
		sim_domain_set(copy, HYPER_DOMAIN_PAUSED, HYPER_REASON_USER);
	else
		sim_domain_set(copy, HYPER_DOMAIN_RUNNING, HYPER_REASON_MIGRATED);
}

static void remember_figures(SimMigration *migration, SimDomain *copy)
{
	gint64 now_us = clock_monotonic_us(migration->sim->clock);

	copy->has_completed = TRUE;
	sim_migrate_job(migration, &copy->completed);
	copy->completed.active = FALSE;
	copy->completed.completed = TRUE;
	copy->completed.memory_remaining_bytes = 0;
	copy->completed.downtime_ms = (now_us - migration->switched_us) / 1000;
	copy->completed.elapsed_ms = (now_us - migration->started_us) / 1000;
}

static void finish(SimMigration *migration)
{
	SimDomain *copy;

	if (!enter(migration, SIM_PHASE_PERFORMED))
		return;
	copy = sim_domain(migration->target, migration->uuid);
	if (!copy || !migration->target->daemon_up) {
		give_up(migration, KVMIG_ERROR_FAILED, "Lost connection to destination host");
		return;
	}
	copy->finish_persistent = migration->persistent;
	copy->finish_queued = TRUE;
	if (migration->target->frozen) {
		migration->lost_at_us = clock_monotonic_us(migration->sim->clock);
		arm(migration, KEEPALIVE_MS);
		return;
	}
	remember_figures(migration, copy);
	start_copy(copy, migration->was_paused);
	if (!enter(migration, SIM_PHASE_FINISHED))
		return;
	if (sim_take_fault(migration->sim, migration->uuid, SIM_FAULT_FINISH_LOST)) {
		migration->lost_at_us = clock_monotonic_us(migration->sim->clock);
		arm(migration, KEEPALIVE_MS);
		return;
	}
	if (!sim_domain(migration->target, migration->uuid))
		give_up(migration, KVMIG_ERROR_FAILED, "domain is no longer running");
	else
		arm(migration, CONTROL_MS);
}

static SimMigration *find_migration(Sim *sim, const char *uuid)
{
	for (guint i = 0; i < sim->migrations->len; i++) {
		SimMigration *migration = g_ptr_array_index(sim->migrations, i);

		if (g_str_equal(migration->uuid, uuid))
			return migration;
	}
	return NULL;
}

/* The daemon wakes and does what it was asked, whether anybody still waits or not. */
static void thaw_copy(SimDomain *copy)
{
	SimMigration *migration = find_migration(copy->host->sim, copy->uuid);

	if (copy->finish_queued && migration) {
		clock_cancel(migration->sim->clock, &migration->timer);
		migration->phase = SIM_PHASE_SWITCH;
		finish(migration);
	} else if (copy->finish_queued) {
		start_copy(copy, FALSE);
	} else if (!migration) {
		sim_domain_stop(copy); /* its connection is gone */
	}
}

void sim_migrate_thawed(SimHost *host)
{
	g_autoptr(GPtrArray) copies = g_ptr_array_new();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, host->domains);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (((SimDomain *)value)->incoming)
			g_ptr_array_add(copies, value);
	for (guint i = 0; i < copies->len; i++)
		thaw_copy(g_ptr_array_index(copies, i));
}

/* ---- passes ---------------------------------------------------------------------------------- */

static gboolean flows(SimMigration *migration)
{
	return migration->source->powered && migration->target->powered &&
	       !g_hash_table_contains(migration->sim->stalled, migration->uuid);
}

static gint64 to_ms(gint64 bytes, gint64 rate)
{
	return rate > 0 ? (gint64)((double)bytes * 1000.0 / (double)rate) : G_MAXINT32;
}

static void begin_pass(SimMigration *migration, gint64 bytes)
{
	migration->pass_bytes = bytes;
	migration->pass_done_before_us = 0;
	migration->pass_started_us = clock_monotonic_us(migration->sim->clock);
	if (flows(migration))
		arm(migration, to_ms(bytes, migration->rate));
}

static gint64 sent_in_pass(SimMigration *migration)
{
	gint64 spent_us = migration->pass_done_before_us;
	gint64 bytes;

	if (flows(migration))
		spent_us += clock_monotonic_us(migration->sim->clock) - migration->pass_started_us;
	bytes = (gint64)((double)spent_us * (double)migration->rate / G_USEC_PER_SEC);
	return MIN(bytes, migration->pass_bytes);
}

void sim_migrate_retime(SimMigration *migration)
{
	if (migration->phase != SIM_PHASE_PERFORM)
		return;
	if (flows(migration)) {
		migration->pass_started_us = clock_monotonic_us(migration->sim->clock);
		arm(migration, to_ms(migration->pass_bytes, migration->rate) -
				       migration->pass_done_before_us / 1000);
	} else {
		clock_cancel(migration->sim->clock, &migration->timer);
	}
}

void sim_stall(Sim *sim, const char *uuid, gboolean stalled)
{
	for (guint i = 0; i < sim->migrations->len; i++) {
		SimMigration *migration = g_ptr_array_index(sim->migrations, i);

		if (g_str_equal(migration->uuid, uuid) && stalled && flows(migration))
			migration->pass_done_before_us +=
				clock_monotonic_us(sim->clock) - migration->pass_started_us;
	}
	if (stalled)
		g_hash_table_add(sim->stalled, g_strdup(uuid));
	else
		g_hash_table_remove(sim->stalled, uuid);
	for (guint i = 0; i < sim->migrations->len; i++) {
		SimMigration *migration = g_ptr_array_index(sim->migrations, i);

		if (g_str_equal(migration->uuid, uuid))
			sim_migrate_retime(migration);
	}
}

static gint64 dirtied(SimMigration *migration, SimDomain *domain, gint64 over_ms)
{
	gint64 *rate = g_hash_table_lookup(migration->sim->dirty, migration->uuid);

	if (!rate || migration->was_paused)
		return 0;
	return MIN(*rate * over_ms / 1000, domain->working_set_bytes);
}

static void switch_over(SimMigration *migration, SimDomain *domain, gint64 rest)
{
	migration->switched_us = clock_monotonic_us(migration->sim->clock);
	if (!migration->was_paused)
		sim_domain_set(domain, HYPER_DOMAIN_PAUSED, HYPER_REASON_MIGRATION);
	if (!enter(migration, SIM_PHASE_SWITCH))
		return;
	migration->processed_bytes += rest;
	arm(migration, to_ms(rest, migration->rate) + CONTROL_MS);
}

static void pass_ended(SimMigration *migration)
{
	SimDomain *domain = sim_domain(migration->source, migration->uuid);
	gint64 took_ms = to_ms(migration->pass_bytes, migration->rate);
	gint64 rest = dirtied(migration, domain, MAX(took_ms, 1));

	migration->processed_bytes += migration->pass_bytes;
	migration->iteration++;
	sim_event(migration->source, (HyperEvent){ .type = HYPER_EVENT_ITERATION,
						   .uuid = migration->uuid,
						   .number = migration->iteration });
	if (to_ms(rest, migration->rate) <= DOWNTIME_MS)
		switch_over(migration, domain, rest);
	else
		begin_pass(migration, rest);
}

void sim_migrate_job(SimMigration *migration, HyperJob *job)
{
	SimDomain *domain = sim_domain(migration->source, migration->uuid);
	gint64 *rate = g_hash_table_lookup(migration->sim->dirty, migration->uuid);
	gint64 sent = migration->phase == SIM_PHASE_PERFORM ? sent_in_pass(migration) : 0;

	job->active = migration->phase >= SIM_PHASE_PREPARED;
	job->completed = job->postcopy = FALSE;
	job->elapsed_ms =
		(clock_monotonic_us(migration->sim->clock) - migration->started_us) / 1000;
	job->memory_total_bytes = domain ? domain->memory_bytes : -1;
	job->memory_processed_bytes = migration->processed_bytes + sent;
	job->memory_remaining_bytes =
		migration->phase == SIM_PHASE_PERFORM ? migration->pass_bytes - sent : 0;
	job->bandwidth_bytes_per_second = flows(migration) ? migration->rate : 0;
	job->dirty_rate_bytes_per_second = rate ? *rate : 0;
	job->iteration = migration->iteration;
	job->downtime_ms = -1;
	job->disk_total_bytes = job->disk_remaining_bytes = -1;
}

/* ---- course ---------------------------------------------------------------------------------- */

static void prepare(SimMigration *migration)
{
	SimDomain *domain = sim_domain(migration->source, migration->uuid);
	SimDomain *copy = sim_domain(migration->target, migration->uuid);

	if (!migration->target->daemon_up) {
		give_up(migration, KVMIG_ERROR_FAILED, "Lost connection to destination host");
		return;
	}
	if (migration->target->frozen) {
		if (migration->lost_at_us == 0) {
			migration->lost_at_us = clock_monotonic_us(migration->sim->clock);
			arm(migration, KEEPALIVE_MS);
			return;
		}
		give_up(migration, KVMIG_ERROR_FAILED,
			"Unable to read from socket: Connection timed out");
		return;
	}
	if (copy && copy->state != HYPER_DOMAIN_SHUTOFF) {
		give_up(migration, KVMIG_ERROR_FAILED, "domain is already active on the target");
		return;
	}
	if (sim_host_free_memory(migration->target) < domain->memory_bytes) {
		give_up(migration, KVMIG_ERROR_FAILED,
			"cannot set up guest memory: Cannot allocate memory");
		return;
	}
	copy = sim_domain_new(migration->target, migration->uuid, domain->name,
			      domain->memory_bytes);
	copy->working_set_bytes = domain->working_set_bytes;
	copy->metadata = g_strdup(domain->metadata);
	copy->incoming = TRUE;
	sim_domain_set(copy, HYPER_DOMAIN_PAUSED, HYPER_REASON_STARTING_UP);
	if (!enter(migration, SIM_PHASE_PREPARED))
		return;
	arm(migration, SETUP_MS);
}

static void perform(SimMigration *migration)
{
	SimDomain *domain = sim_domain(migration->source, migration->uuid);

	if (!enter(migration, SIM_PHASE_PERFORM))
		return;
	begin_pass(migration, domain->memory_bytes);
}

/* Whether keepalive has given the target up by now. */
static gboolean lost(SimMigration *migration)
{
	gint64 now_us = clock_monotonic_us(migration->sim->clock);

	if (migration->phase != SIM_PHASE_PREPARED && migration->phase != SIM_PHASE_PERFORM)
		return FALSE;
	return migration->lost_at_us > 0 ||
	       (migration->target->frozen &&
		now_us - migration->target->frozen_at_us >= G_GINT64_CONSTANT(1000) * KEEPALIVE_MS);
}

/* What the timer of each phase means. */
static void next(gpointer data)
{
	SimMigration *migration = data;

	migration->timer = 0;
	if (migration->aborted && migration->phase <= SIM_PHASE_PERFORM) {
		give_up(migration, KVMIG_ERROR_CANCELLED,
			"operation aborted: migration out job: canceled by client");
		return;
	}
	if (migration->phase >= SIM_PHASE_PREPARED &&
	    !sim_domain(migration->source, migration->uuid)) {
		give_up(migration, KVMIG_ERROR_FAILED, "domain is no longer running");
		return;
	}
	if (lost(migration)) {
		give_up(migration, KVMIG_ERROR_FAILED, "Lost connection to destination host");
		return;
	}
	switch (migration->phase) {
	case SIM_PHASE_BEGIN:
		prepare(migration);
		break;
	case SIM_PHASE_PREPARED:
		perform(migration);
		break;
	case SIM_PHASE_PERFORM:
		pass_ended(migration);
		break;
	case SIM_PHASE_SWITCH:
		finish(migration);
		break;
	case SIM_PHASE_PERFORMED:
		give_up(migration, KVMIG_ERROR_FAILED, "Lost connection to destination host");
		break;
	default: /* FINISHED */
		if (migration->lost_at_us)
			give_up(migration, KVMIG_ERROR_FAILED,
				"Lost connection to destination host");
		else
			confirm(migration);
	}
}

gboolean sim_migrate_abort(SimDomain *domain)
{
	SimMigration *migration = domain->migration;

	if (!migration || migration->phase > SIM_PHASE_PERFORM)
		return FALSE;
	if (sim_take_fault(domain->host->sim, domain->uuid, SIM_FAULT_ABORT_LOST))
		return TRUE;
	migration->aborted = TRUE;
	arm(migration, CONTROL_MS);
	return TRUE;
}

static const char *refusal(SimRequest *request, SimDomain *domain, SimHost *target,
			   KvmigError *ret_code)
{
	*ret_code = KVMIG_ERROR_NOT_FOUND;
	if (!domain)
		return "Domain not found: no domain with matching uuid";
	*ret_code = KVMIG_ERROR_REFUSED;
	if (sim_take_fault(request->host->sim, request->uuid, SIM_FAULT_REFUSE))
		return "Requested operation is not valid: domain has assigned host devices";
	*ret_code = KVMIG_ERROR_FAILED;
	if (domain->state == HYPER_DOMAIN_SHUTOFF)
		return "Requested operation is not valid: domain is not running";
	if (domain->migration)
		return "Timed out during operation: another migration job is active";
	*ret_code = KVMIG_ERROR_UNREACHABLE;
	if (!target || !target->daemon_up)
		return "operation failed: Failed to connect to remote libvirt URI";
	return NULL;
}

static void count_migration(SimMigration *migration)
{
	Sim *sim = migration->sim;

	sim->all_started++;
	g_hash_table_insert(sim->started, g_strdup(migration->uuid),
			    GUINT_TO_POINTER(sim_started(sim, migration->uuid) + 1));
	migration->source->outbound++;
	sim->most_outbound = MAX(sim->most_outbound, migration->source->outbound);
	sim->most_migrations = MAX(sim->most_migrations, sim->migrations->len);
}

void sim_migrate(SimRequest *request)
{
	Sim *sim = request->host->sim;
	SimDomain *domain = sim_domain(request->host, request->uuid);
	SimHost *target = sim_host_by_uri(sim, request->peer_uri);
	SimMigration *migration;
	gint64 limit = request->migrate.bandwidth_bytes_per_second;
	KvmigError code;
	const char *message = refusal(request, domain, target, &code);

	if (message) {
		sim_request_fail(request, code, message);
		return;
	}
	migration = g_new0(SimMigration, 1);
	migration->sim = sim;
	migration->uuid = g_strdup(request->uuid);
	migration->source = request->host;
	migration->target = target;
	migration->request = request;
	migration->persistent = request->migrate.persistent;
	migration->was_paused = domain->state == HYPER_DOMAIN_PAUSED;
	migration->rate =
		limit > 0 ? MIN(limit, sim->link_bytes_per_second) : sim->link_bytes_per_second;
	migration->iteration = 1;
	migration->started_us = clock_monotonic_us(sim->clock);
	domain->migration = migration;
	g_ptr_array_add(sim->migrations, migration);
	count_migration(migration);
	if (!enter(migration, SIM_PHASE_BEGIN))
		return;
	if (migration->request && sim_take_fault(sim, migration->uuid, SIM_FAULT_ANSWER_BROKEN)) {
		HyperAnswer broken = { .outcome_unknown = TRUE };

		sim->core->set_error(&broken, KVMIG_ERROR_UNREACHABLE,
				     "End of file while reading data: Input/output error", NULL,
				     NULL);
		migration->request = NULL;
		sim_request_complete(request, &broken);
	}
	arm(migration, CONTROL_MS);
}

/* ---- losses ---------------------------------------------------------------------------------- */

static void source_lost(SimMigration *migration, gboolean power)
{
	SimDomain *domain = sim_domain(migration->source, migration->uuid);

	/* The target hears the connection close and kills what waits for memory; what runs, or
	 * what a standing daemon was asked to start, is no longer the source's business. */
	if (!migration->target->frozen && migration->target->daemon_up)
		drop_incoming(migration);
	if (domain && !power) {
		domain->left_performing = migration->phase < SIM_PHASE_SWITCH;
		domain->left_performed = migration->phase >= SIM_PHASE_SWITCH;
	}
	migration->request = NULL; /* failed by whoever ended the daemon */
	sim_migrate_free(migration);
}

static void target_lost(SimMigration *migration, gboolean power)
{
	if (migration->phase >= SIM_PHASE_FINISHED) {
		/* The answer of Finish does not come: the source takes its guest back. */
		migration->lost_at_us = clock_monotonic_us(migration->sim->clock);
		arm(migration, power ? KEEPALIVE_MS : CONTROL_MS);
	} else if (power) {
		migration->lost_at_us = clock_monotonic_us(migration->sim->clock);
		arm(migration, KEEPALIVE_MS); /* silence, until keepalive notices */
	} else {
		migration->phase = MIN(migration->phase, SIM_PHASE_PERFORMED);
		give_up(migration, KVMIG_ERROR_FAILED, "Lost connection to destination host");
	}
}

void sim_migrate_host_lost(SimHost *host, gboolean power)
{
	GPtrArray *all = host->sim->migrations;

	for (guint i = all->len; i > 0; i--) {
		SimMigration *migration = g_ptr_array_index(all, i - 1);

		if (migration->source == host)
			source_lost(migration, power);
		else if (migration->target == host)
			target_lost(migration, power);
	}
}

void sim_kill_incoming(Sim *sim, const char *uuid)
{
	for (guint i = 0; i < sim->migrations->len; i++) {
		SimMigration *migration = g_ptr_array_index(sim->migrations, i);

		if (g_str_equal(migration->uuid, uuid)) {
			drop_incoming(migration);
			give_up(migration, KVMIG_ERROR_FAILED,
				"internal error: QEMU unexpectedly closed the monitor");
			return;
		}
	}
}
