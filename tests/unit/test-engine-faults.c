/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine where things break. For each fault the end state that is right for it, checked by
 * asking the hosts: never two running copies through kvmig, never none.
 */
#include "model/wellknown.h"
#include "tests/unit/engine-world.h"
#include "tests/unit/reason-log.h"

/* web on n1, with autostart: its whereabouts show whether anything was forgotten. */
static void init(World *world)
{
	world_init(world, TRUE);
	world_add_host(world, "n1", 8 * GIB);
	world_add_host(world, "n2", 8 * GIB);
	sim_add_guest(world->sim, "n1",
		      &(SimGuest){ .uuid = UUID,
				   .name = "web",
				   .memory_bytes = GIB,
				   .dirty_bytes_per_second = 64 * MIB,
				   .autostart = TRUE });
	world_look(world);
}

/* It ended, one copy runs where the phase says, autostart is with it, the record says the same. */
static void check_end(World *world, const char *name)
{
	g_autofree char *phase = world_phase(world, name);
	g_autoptr(GPtrArray) records =
		history_query(world->history, &(HistoryQuery){ .migration = name }, NULL);
	gboolean moved = g_str_equal(phase, "Succeeded");
	const char *here = moved ? "n2" : "n1", *there = moved ? "n1" : "n2";

	if (!moved)
		g_assert_cmpstr(phase, ==, "Failed");
	world_assert_runs_on(world, here);
	assert_state(world, there, HYPER_DOMAIN_NONE);
	g_assert_true(sim_autostart(world->sim, here, UUID));
	g_assert_cmpuint(sim_started(world->sim, UUID), <=, 1);
	g_assert_cmpuint(records->len, ==, 1);
	g_assert_cmpstr(((HistoryRecord *)g_ptr_array_index(records, 0))->phase, ==, phase);
}

static gboolean is_undecided(World *world)
{
	g_autoptr(cJSON) vmi = world_get(world, &KIND_VMI, "web");

	return condition_is_true(vmi, "kvmig.io/Undecided");
}

static char *alarm_of(World *world, const char *name)
{
	g_autoptr(cJSON) object = world_get(world, &KIND_VMIM, name);
	const char *reason = json_string(condition_find(object, "kvmig.io/Alarm"), "reason", NULL);

	reason_log(reason);
	return g_strdup(reason);
}

/* ---- the controller dies ------------------------------------------------------------------------
 */

static void run_out(World *world)
{
	for (int i = 0; i < 20; i++) {
		gboolean ended = world_settle(world, 200000);

		if (!world_revive(world) && ended)
			return;
	}
	g_error("it does not end");
}

/* At every step, taken over at once, in the middle, or long after the migration has ended. */
static void test_killed_at_each_step(void)
{
	static const char *const steps[] = { "clearing-autostart", "handed-over", "running",
					     "setting-autostart", "done" };
	static const guint pauses_ms[] = { 0, 700, 90000 };

	for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
		for (guint j = 0; j < G_N_ELEMENTS(pauses_ms); j++) {
			g_autofree char *name = NULL;
			gboolean begun = i >= 2;
			World world;

			init(&world);
			world_kill_at(&world, steps[i]);
			name = world_migrate(&world, "web", "n2");
			world_settle(&world, 60000);
			g_assert_true(world.killed);
			world_kill(&world);
			world_run_ms(&world, pauses_ms[j]);
			world_start(&world);
			run_out(&world);
			check_end(&world, name);
			/* before the hand-over it goes on; at it, it was lost; after it, it ends */
			assert_phase(&world, name, i == 1 ? "Failed" : "Succeeded");
			if (i == 1)
				assert_reason(&world, name, "KVMIG-FAIL-CONTROLLER-LOST");
			g_assert_cmpuint(sim_started(world.sim, UUID), ==, begun || i == 0);
			world_clear(&world);
		}
	}
}

/* At any time at all, again and again. */
static void test_killed_at_any_time(void)
{
	for (guint at_ms = 1; at_ms < 1600; at_ms += at_ms < 60 ? 1 : 97) {
		g_autofree char *name = NULL;
		World world;

		init(&world);
		name = world_migrate(&world, "web", "n2");
		for (guint again = 0; again < 3; again++) {
			world_run_ms(&world, at_ms);
			world_kill(&world);
			world_run_ms(&world, at_ms % 7 * 50);
			world_start(&world);
		}
		run_out(&world);
		check_end(&world, name);
		world_clear(&world);
	}
}

static void test_killed_while_cancelling(void)
{
	for (guint pause_ms = 0; pause_ms <= 20000; pause_ms += 10000) {
		g_autofree char *name = NULL;
		g_autoptr(GPtrArray) records = NULL;
		World world;

		init(&world);
		sim_set_link(world.sim, 64 * MIB);
		name = world_migrate(&world, "web", "n2");
		world_run_ms(&world, 3000);
		world_kill_at(&world, "cancelling");
		world_cancel(&world, name);
		world_run_ms(&world, 1000);
		g_assert_true(world.killed);
		world_kill(&world);
		world_run_ms(&world, pause_ms);
		world_start(&world);
		run_out(&world);
		world_assert_runs_on(&world, "n1");
		g_assert_true(sim_autostart(world.sim, "n1", UUID));
		records = history_query(world.history, &(HistoryQuery){ .migration = name }, NULL);
		g_assert_cmpstr(((HistoryRecord *)g_ptr_array_index(records, 0))->reason, ==,
				"KVMIG-FAIL-CANCELLED");
		world_clear(&world);
	}
}

/* The deadline is the object's: a new controller keeps it. */
static void test_deadline_is_kept(void)
{
	g_autofree char *name = NULL;
	World world;

	init(&world);
	world_set(&world, "completionTimeoutPerGiB", "30");
	sim_set_link(world.sim, 64 * MIB);
	sim_guest_dirties(world.sim, UUID, 128 * MIB);
	name = world_migrate(&world, "web", "n2");
	world_run_ms(&world, 10000);
	world_kill(&world);
	world_run_ms(&world, 5000);
	world_start(&world);
	world_run_ms(&world, 13000);
	assert_phase(&world, name, "Running");
	g_assert_true(world_settle(&world, 5000));
	assert_reason(&world, name, "KVMIG-FAIL-COMPLETION-TIMEOUT");
	check_end(&world, name);
	world_clear(&world);
}

static void target_down(World *world)
{
	sim_host_down(world->sim, "n2");
}

/* While nobody watches the target dies: the source has it back, but the target must be asked
 * before anything new begins. */
static void test_killed_and_target_dies(void)
{
	static const char *const steps[] = { "handed-over", "running" };

	for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
		g_autofree char *name = NULL, *second = NULL;
		World world;

		init(&world);
		sim_set_link(world.sim, 128 * MIB);
		world_kill_at(&world, steps[i]);
		name = world_migrate(&world, "web", "n2");
		world_run_ms(&world, 2000);
		g_assert_true(world.killed);
		world_kill(&world);
		target_down(&world);
		world_start(&world);
		g_assert_false(world_settle(&world, 120000));
		g_assert_true(is_undecided(&world));
		second = world_migrate(&world, "web", NULL);
		world_run_ms(&world, 1000);
		assert_phase(&world, second, "Failed");
		sim_host_up(world.sim, "n2");
		run_out(&world);
		g_assert_false(is_undecided(&world));
		check_end(&world, name);
		assert_phase(&world, name, "Failed");
		world_clear(&world);
	}
}

/* ---- hosts and daemons die ------------------------------------------------------------------- */

static void test_target_host_dies(void)
{
	static const SimPhase phases[] = { SIM_PHASE_PREPARED, SIM_PHASE_PERFORM, SIM_PHASE_SWITCH,
					   SIM_PHASE_PERFORMED };

	for (guint i = 0; i < G_N_ELEMENTS(phases); i++) {
		g_autofree char *name = NULL, *alarm = NULL;
		World world;

		init(&world);
		world_act_in(&world, phases[i], target_down);
		name = world_migrate(&world, "web", "n2");
		g_assert_false(world_settle(&world, 120000));
		world_assert_runs_on(&world, "n1");
		alarm = alarm_of(&world, name);
		g_assert_cmpstr(alarm, ==, "KVMIG-ALARM-UNDECIDED");
		g_assert_true(is_undecided(&world));
		sim_host_up(world.sim, "n2");
		run_out(&world);
		check_end(&world, name);
		assert_phase(&world, name, "Failed");
		world_clear(&world);
	}
}

/* An admin decides: the node is gone for good. */
static void test_target_is_removed(void)
{
	g_autofree char *name = NULL;
	World world;

	init(&world);
	world_act_in(&world, SIM_PHASE_PERFORM, target_down);
	name = world_migrate(&world, "web", "n2");
	g_assert_false(world_settle(&world, 120000));
	g_assert_true(cluster_delete(world.store.cluster, &KIND_HOST, NULL, "n2", NULL,
				     CLUSTER_WRITE_NONE, NULL));
	run_out(&world);
	check_end(&world, name);
	assert_phase(&world, name, "Failed");
	world_clear(&world);
}

/* Undecided for a while, then it ends, and the controller dies at that very moment: the mark must
 * not stay, nobody would ever take it off again. */
static void test_killed_at_the_end_of_undecided(void)
{
	g_autofree char *name = NULL;
	World world;

	init(&world);
	world_act_in(&world, SIM_PHASE_PERFORM, target_down);
	name = world_migrate(&world, "web", "n2");
	g_assert_false(world_settle(&world, 60000));
	g_assert_true(is_undecided(&world));
	world_kill_at(&world, "done");
	sim_host_up(world.sim, "n2");
	g_assert_false(world_settle(&world, 60000));
	g_assert_true(world_revive(&world));
	run_out(&world);
	check_end(&world, name);
	g_assert_false(is_undecided(&world));
	world_clear(&world);
}

static void kill_target_daemon(World *world)
{
	sim_daemon_kill(world->sim, "n2");
}

static void test_target_daemon_dies(void)
{
	static const SimPhase phases[] = { SIM_PHASE_PREPARED, SIM_PHASE_PERFORM, SIM_PHASE_SWITCH,
					   SIM_PHASE_PERFORMED };

	for (guint i = 0; i < G_N_ELEMENTS(phases); i++) {
		g_autofree char *name = NULL;
		World world;

		init(&world);
		world_act_in(&world, phases[i], kill_target_daemon);
		name = world_migrate(&world, "web", "n2");
		g_assert_false(world_settle(&world, 60000));
		sim_daemon_start(world.sim, "n2");
		run_out(&world);
		check_end(&world, name);
		assert_phase(&world, name, "Failed");
		world_clear(&world);
	}
}

static void kill_source_daemon(World *world)
{
	sim_daemon_kill(world->sim, "n1");
}

static void test_source_daemon_dies(void)
{
	static const SimPhase phases[] = { SIM_PHASE_BEGIN, SIM_PHASE_PREPARED, SIM_PHASE_PERFORM,
					   SIM_PHASE_SWITCH, SIM_PHASE_PERFORMED };

	for (guint i = 0; i < G_N_ELEMENTS(phases); i++) {
		g_autofree char *name = NULL;
		World world;

		init(&world);
		world_act_in(&world, phases[i], kill_source_daemon);
		name = world_migrate(&world, "web", "n2");
		g_assert_false(world_settle(&world, 40000));
		g_assert_true(is_undecided(&world));
		sim_daemon_start(world.sim, "n1");
		run_out(&world);
		/* after the switch the source stays paused; it was never run on the target, which
		 * was heard all the time: kvmig gives it back */
		check_end(&world, name);
		assert_phase(&world, name, "Failed");
		g_assert_cmpint(g_hash_table_contains(world.steps, "resuming-source"), ==,
				phases[i] >= SIM_PHASE_SWITCH);
		world_clear(&world);
	}
}

/* The same, but nobody heard what the target did meanwhile: nothing is resumed. */
static void test_source_left_paused_unheard(void)
{
	g_autofree char *name = NULL, *alarm = NULL;
	World world;

	init(&world);
	world_kill_at(&world, "running");
	world_act_in(&world, SIM_PHASE_SWITCH, kill_source_daemon);
	name = world_migrate(&world, "web", "n2");
	world_run_ms(&world, 5000);
	world_kill(&world);
	sim_daemon_start(world.sim, "n1");
	world_start(&world);
	run_out(&world);
	assert_phase(&world, name, "Failed");
	assert_end_state(&world, name, "paused/none");
	alarm = alarm_of(&world, name);
	g_assert_cmpstr(alarm, ==, "KVMIG-ALARM-ONE-PAUSED");
	assert_state(&world, "n1", HYPER_DOMAIN_PAUSED);
	g_assert_false(sim_autostart(world.sim, "n1", UUID));
	world_clear(&world);
}

/* The connection to the target fails and comes back before the switch: what the target did in
 * between was not heard, so that a source that is left paused is left alone. */
static void target_silent_for_a_moment(World *world)
{
	HyperHost *host = hyper_find_host(world->hyper, "n2");

	g_assert_nonnull(host);
	engine_handle_event(world->engine, host, &(HyperEvent){ .type = HYPER_EVENT_CONNECTED });
	world_act_in(world, SIM_PHASE_SWITCH, kill_source_daemon);
}

static void test_source_left_paused_after_gap(void)
{
	g_autofree char *name = NULL;
	World world;

	init(&world);
	world_act_in(&world, SIM_PHASE_PERFORM, target_silent_for_a_moment);
	name = world_migrate(&world, "web", "n2");
	g_assert_false(world_settle(&world, 40000));
	sim_daemon_start(world.sim, "n1");
	run_out(&world);
	assert_phase(&world, name, "Failed");
	assert_reason(&world, name, "KVMIG-ALARM-ONE-PAUSED");
	assert_state(&world, "n1", HYPER_DOMAIN_PAUSED);
	/* another try does not wait for ever, and tells why */
	g_free(name);
	name = world_migrate(&world, "web", "n2");
	run_out(&world);
	assert_phase(&world, name, "Failed");
	assert_reason(&world, name, "KVMIG-BLK-IN-FLIGHT");
	g_assert_cmpuint(sim_started(world.sim, UUID), ==, 1);
	assert_state(&world, "n1", HYPER_DOMAIN_PAUSED);
	world_clear(&world);
}

static void check_second_copy(World *world, const char *name)
{
	g_autofree char *alarm = alarm_of(world, name);

	assert_phase(world, name, "Succeeded");
	g_assert_cmpuint(sim_most_copies(world->sim, UUID), ==, 1);
	assert_state(world, "n2", HYPER_DOMAIN_RUNNING);
	g_assert_true(sim_autostart(world->sim, "n2", UUID));
	g_assert_false(sim_autostart(world->sim, "n1", UUID));
	g_assert_cmpstr(alarm, ==,
			sim_state(world->sim, "n1", UUID) == HYPER_DOMAIN_PAUSED
				? "KVMIG-ALARM-COPY-LEFT"
				: NULL);
}

/* Between Finish and Confirm: the definition with its autostart is still on the source. */
static void test_source_daemon_dies_before_confirm(void)
{
	g_autofree char *name = NULL;
	World world;

	init(&world);
	world_act_in(&world, SIM_PHASE_FINISHED, kill_source_daemon);
	name = world_migrate(&world, "web", "n2");
	world_run_ms(&world, 20000);
	assert_state(&world, "n2", HYPER_DOMAIN_RUNNING);
	sim_daemon_start(world.sim, "n1");
	run_out(&world);
	assert_end_state(&world, name, "paused/running");
	check_second_copy(&world, name);
	/* and then the host goes down and boots: still no second copy */
	sim_host_down(world.sim, "n1");
	world_run_ms(&world, 1000);
	sim_host_up(world.sim, "n1");
	world_run_ms(&world, 20000);
	g_assert_cmpuint(sim_most_copies(world.sim, UUID), ==, 1);
	world_clear(&world);
}

static void source_down(World *world)
{
	sim_host_down(world->sim, "n1");
}

/* Also where the controller dies with it. */
static void test_source_host_dies_before_confirm(void)
{
	for (int kill = 0; kill <= 1; kill++) {
		g_autofree char *name = NULL;
		World world;

		init(&world);
		world_act_in(&world, SIM_PHASE_FINISHED, source_down);
		name = world_migrate(&world, "web", "n2");
		world_run_ms(&world, 1200);
		if (kill)
			world_kill(&world);
		world_run_ms(&world, 30000);
		sim_host_up(world.sim, "n1");
		if (kill)
			world_start(&world);
		run_out(&world);
		assert_end_state(&world, name, "shutoff/running");
		check_second_copy(&world, name);
		world_clear(&world);
	}
}

/* The source dies while it copies: the guest is lost with its host, and nothing boots it twice. */
static void test_source_host_dies(void)
{
	g_autofree char *name = NULL;
	World world;

	init(&world);
	world_act_in(&world, SIM_PHASE_PERFORM, source_down);
	name = world_migrate(&world, "web", "n2");
	g_assert_false(world_settle(&world, 60000));
	sim_host_up(world.sim, "n1");
	run_out(&world);
	assert_phase(&world, name, "Failed");
	assert_reason(&world, name, "KVMIG-FAIL-VM-GONE");
	assert_end_state(&world, name, "shutoff/none");
	g_assert_true(sim_autostart(world.sim, "n1", UUID));
	world_clear(&world);
}

static void kill_incoming(World *world)
{
	sim_kill_incoming(world->sim, UUID);
}

static void test_incoming_dies(void)
{
	static const SimPhase phases[] = { SIM_PHASE_PERFORM, SIM_PHASE_SWITCH,
					   SIM_PHASE_PERFORMED };

	for (guint i = 0; i < G_N_ELEMENTS(phases); i++) {
		g_autofree char *name = NULL, *again = NULL;
		World world;

		init(&world);
		world_act_in(&world, phases[i], kill_incoming);
		name = world_migrate(&world, "web", "n2");
		run_out(&world);
		check_end(&world, name);
		assert_reason(&world, name, "KVMIG-FAIL-LIBVIRT");
		again = world_migrate(&world, "web", "n2");
		run_out(&world);
		assert_phase(&world, again, "Succeeded");
		world_clear(&world);
	}
}

/* libvirt failed and could not start the source again: the target was heard and never ran it. */
static void test_source_not_resumed(void)
{
	g_autofree char *name = NULL;
	World world;

	init(&world);
	sim_inject(world.sim, UUID, SIM_FAULT_RESUME_FAILS);
	world_act_in(&world, SIM_PHASE_PERFORMED, kill_incoming);
	name = world_migrate(&world, "web", "n2");
	run_out(&world);
	g_assert_true(g_hash_table_contains(world.steps, "resuming-source"));
	check_end(&world, name);
	world_clear(&world);
}

/* The controller dies as it is about to give the guest back. The next one did not hear the target
 * all along, so that it may not: the guest stays paused, in its one copy, and a person is told. */
static void test_killed_resuming_source(void)
{
	g_autofree char *name = NULL, *alarm = NULL;
	World world;

	init(&world);
	sim_inject(world.sim, UUID, SIM_FAULT_RESUME_FAILS);
	world_act_in(&world, SIM_PHASE_PERFORMED, kill_incoming);
	world_kill_at(&world, "resuming-source");
	name = world_migrate(&world, "web", "n2");
	world_settle(&world, 60000);
	g_assert_true(world.killed);
	run_out(&world);
	assert_phase(&world, name, "Failed");
	assert_end_state(&world, name, "paused/none");
	alarm = alarm_of(&world, name);
	g_assert_cmpstr(alarm, ==, "KVMIG-ALARM-ONE-PAUSED");
	assert_state(&world, "n1", HYPER_DOMAIN_PAUSED);
	g_assert_cmpuint(sim_started(world.sim, UUID), ==, 1);
	world_clear(&world);
}

/* ---- two running copies, made by libvirt -------------------------------------------------------
 */

static void freeze_target(World *world)
{
	sim_daemon_freeze(world->sim, "n2");
}

static void check_two_ran(World *world, const char *name, const char *runs, const char *paused)
{
	g_autofree char *alarm = alarm_of(world, name);

	assert_phase(world, name, "Failed");
	g_assert_cmpstr(alarm, ==, "KVMIG-ALARM-TWO-RUNNING");
	assert_reason(world, name, "KVMIG-ALARM-TWO-RUNNING");
	assert_state(world, runs, HYPER_DOMAIN_RUNNING);
	assert_state(world, paused, HYPER_DOMAIN_PAUSED);
}

/* The target's daemon stands still, wakes, and starts its copy: that one is stale. */
static void test_late_start(void)
{
	for (int kill = 0; kill <= 1; kill++) {
		g_autofree char *name = NULL;
		World world;

		init(&world);
		world_act_in(&world, SIM_PHASE_SWITCH, freeze_target);
		name = world_migrate(&world, "web", "n2");
		g_assert_false(world_settle(&world, 90000));
		g_assert_true(is_undecided(&world));
		world_assert_runs_on(&world, "n1");
		if (kill)
			world_kill_at(&world, "suspending-copy");
		sim_daemon_thaw(world.sim, "n2");
		run_out(&world);
		check_two_ran(&world, name, "n1", "n2");
		world_clear(&world);
	}
}

/* With image locks there is no second copy, and nothing to be alarmed about. */
static void test_late_start_with_locks(void)
{
	g_autofree char *name = NULL;
	World world;

	init(&world);
	sim_set_disk_locks(world.sim, TRUE);
	world_act_in(&world, SIM_PHASE_SWITCH, freeze_target);
	name = world_migrate(&world, "web", "n2");
	g_assert_false(world_settle(&world, 90000));
	sim_daemon_thaw(world.sim, "n2");
	run_out(&world);
	check_end(&world, name);
	world_clear(&world);
}

/* The answer of Finish is lost: the target began first, the source takes its guest back later. */
static void test_finish_lost(void)
{
	g_autofree char *name = NULL;
	World world;

	init(&world);
	sim_inject(world.sim, UUID, SIM_FAULT_FINISH_LOST);
	name = world_migrate(&world, "web", "n2");
	run_out(&world);
	check_two_ran(&world, name, "n2", "n1");
	world_clear(&world);
}

/* ---- lost answers ------------------------------------------------------------------------------
 */

static void test_answer_lost(void)
{
	static const SimFault faults[] = { SIM_FAULT_ANSWER_LOST, SIM_FAULT_ANSWER_BROKEN };

	for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
		g_autofree char *name = NULL;
		World world;

		init(&world);
		sim_set_link(world.sim, 128 * MIB);
		sim_inject(world.sim, UUID, faults[i]);
		name = world_migrate(&world, "web", "n2");
		run_out(&world);
		check_end(&world, name);
		assert_phase(&world, name, "Succeeded");
		world_clear(&world);
	}
}

/* kvmig cannot reach a host for a while; the migration does not mind. */
static void test_cut_midway(void)
{
	static const char *const hosts[] = { "n1", "n2" };

	for (guint i = 0; i < G_N_ELEMENTS(hosts); i++) {
		g_autofree char *name = NULL;
		World world;

		init(&world);
		sim_set_link(world.sim, 128 * MIB);
		name = world_migrate(&world, "web", "n2");
		world_run_ms(&world, 2000);
		sim_cut(world.sim, hosts[i]);
		g_assert_false(world_settle(&world, 50000));
		g_assert_cmpuint(sim_running_copies(world.sim, UUID), ==, 1);
		sim_heal(world.sim, hosts[i]);
		run_out(&world);
		check_end(&world, name);
		assert_phase(&world, name, "Succeeded");
		world_clear(&world);
	}
}

static void test_unreachable_at_start(void)
{
	g_autofree char *source = NULL, *other = NULL;
	World world;

	init(&world);
	sim_cut(world.sim, "n1");
	source = world_migrate(&world, "web", "n2");
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, source, "Failed");
	assert_reason(&world, source, "KVMIG-FAIL-HOST-UNREACHABLE");
	sim_heal(world.sim, "n1");
	/* a target that does not answer is passed over */
	world_add_host(&world, "n3", 4 * GIB);
	world_look(&world);
	sim_cut(world.sim, "n2");
	other = world_migrate(&world, "web", NULL);
	run_out(&world);
	assert_phase(&world, other, "Succeeded");
	world_assert_runs_on(&world, "n3");
	world_clear(&world);
}

/* Another job holds the guest's lock: autostart comes late, but it comes. */
static void test_job_busy(void)
{
	g_autofree char *name = NULL, *again = NULL;
	World world;

	init(&world);
	sim_inject(world.sim, UUID, SIM_FAULT_JOB_BUSY);
	name = world_migrate(&world, "web", "n2");
	run_out(&world);
	assert_phase(&world, name, "Failed"); /* it could not be taken off: not begun */
	check_end(&world, name);
	again = world_migrate(&world, "web", "n2");
	world_run_ms(&world, 1000);
	sim_inject(world.sim, UUID, SIM_FAULT_JOB_BUSY); /* when it is to be set on the target */
	run_out(&world);
	check_end(&world, again);
	assert_phase(&world, again, "Succeeded");
	world_clear(&world);
}

/* A domain of that UUID is on the target already: nothing is begun. */
static void test_duplicate(void)
{
	g_autofree char *name = NULL;
	World world;

	init(&world);
	sim_add_guest(
		world.sim, "n2",
		&(SimGuest){ .uuid = UUID, .name = "web", .memory_bytes = GIB, .shutoff = TRUE });
	name = world_migrate(&world, "web", "n2");
	run_out(&world);
	assert_phase(&world, name, "Failed");
	assert_reason(&world, name, "KVMIG-BLK-DUPLICATE-UUID");
	g_assert_cmpuint(sim_started(world.sim, UUID), ==, 0);
	world_clear(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add_func("/engine-faults/" path, test)
	ADD("killed-at-each-step", test_killed_at_each_step);
	ADD("killed-at-any-time", test_killed_at_any_time);
	ADD("killed-while-cancelling", test_killed_while_cancelling);
	ADD("deadline-is-kept", test_deadline_is_kept);
	ADD("killed-and-target-dies", test_killed_and_target_dies);
	ADD("target-host-dies", test_target_host_dies);
	ADD("target-is-removed", test_target_is_removed);
	ADD("killed-at-the-end-of-undecided", test_killed_at_the_end_of_undecided);
	ADD("target-daemon-dies", test_target_daemon_dies);
	ADD("source-daemon-dies", test_source_daemon_dies);
	ADD("source-left-paused-unheard", test_source_left_paused_unheard);
	ADD("source-left-paused-after-gap", test_source_left_paused_after_gap);
	ADD("source-daemon-dies-before-confirm", test_source_daemon_dies_before_confirm);
	ADD("source-host-dies-before-confirm", test_source_host_dies_before_confirm);
	ADD("source-host-dies", test_source_host_dies);
	ADD("incoming-dies", test_incoming_dies);
	ADD("source-not-resumed", test_source_not_resumed);
	ADD("killed-resuming-source", test_killed_resuming_source);
	ADD("late-start", test_late_start);
	ADD("late-start-with-locks", test_late_start_with_locks);
	ADD("finish-lost", test_finish_lost);
	ADD("answer-lost", test_answer_lost);
	ADD("cut-midway", test_cut_midway);
	ADD("unreachable-at-start", test_unreachable_at_start);
	ADD("job-busy", test_job_busy);
	ADD("duplicate", test_duplicate);
#undef ADD
	return g_test_run();
}
