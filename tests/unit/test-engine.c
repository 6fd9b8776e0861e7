/* SPDX-License-Identifier: Apache-2.0 */
/* The engine where nothing breaks: phases, limits, targets, deadlines, cancels, records. */
#include "base/reason.h"
#include "model/wellknown.h"
#include "tests/unit/engine-world.h"

static void check_phases(const cJSON *object, const char *const *expected)
{
	const cJSON *entry, *list = json_path(object, "status", "phaseTransitionTimestamps", NULL);
	guint i = 0;

	cJSON_ArrayForEach(entry, list)
	{
		g_assert_nonnull(expected[i]);
		g_assert_cmpstr(json_string(entry, "phase", ""), ==, expected[i]);
		i++;
	}
	g_assert_null(expected[i]);
}

static void test_success(void)
{
	static const char *const phases[] = { "Pending",         "Scheduling",  "Scheduled",
					      "PreparingTarget", "TargetReady", "Running",
					      "Succeeded",       NULL };
	g_autofree char *name = NULL;
	g_autoptr(cJSON) object = NULL;
	g_autoptr(cJSON) vmi = NULL;
	const cJSON *state;
	Migration view;
	World world;

	world_init(&world, FALSE);
	sim_guest_dirties(world.sim, UUID, 256 * MIB);
	name = world_migrate(&world, "web", NULL);
	g_assert_true(world_settle(&world, 60000));
	world_assert_runs_on(&world, "n2");
	object = world_get(&world, &KIND_VMIM, name);
	migration_read(object, &view);
	check_phases(object, phases);
	g_assert_cmpstr(view.end_state, ==, "none/running");
	g_assert_cmpstr(view.source_node, ==, "n1");
	g_assert_cmpstr(view.target_node, ==, "n2");
	g_assert_cmpstr(view.step, ==, "done");
	g_assert_cmpint(view.downtime_ms, >, 0);
	g_assert_cmpint(view.total_ms, >, 1000);
	g_assert_cmpint(json_int(view.progress, "memoryTotalBytes", 0), ==, GIB);
	g_assert_false(object_has_finalizer(object, FINALIZER_MIGRATION));
	vmi = world_get(&world, &KIND_VMI, "web");
	state = json_path(vmi, "status", "migrationState", NULL);
	g_assert_cmpstr(json_string(state, "migrationUid", ""), ==, view.uid);
	g_assert_true(json_bool(state, "completed", FALSE));
	g_assert_false(json_bool(state, "failed", TRUE));
	g_assert_cmpstr(json_string(json_get(vmi, "status"), "nodeName", ""), ==, "n2");
	world_clear(&world);
}

static void test_history(void)
{
	g_autofree char *there = NULL, *back = NULL;
	g_autoptr(GPtrArray) records = NULL;
	const HistoryRecord *record;
	World world;

	world_init(&world, FALSE);
	there = world_migrate(&world, "web", "n2");
	g_assert_true(world_settle(&world, 60000));
	back = world_migrate(&world, "web", "n1");
	g_assert_true(world_settle(&world, 60000));
	world_assert_runs_on(&world, "n1");
	records = history_query(world.history, &(HistoryQuery){ 0 }, NULL);
	g_assert_cmpuint(records->len, ==, 2);
	record = g_ptr_array_index(records, 1);
	g_assert_cmpstr(record->migration, ==, back);
	g_assert_cmpstr(record->source_node, ==, "n2");
	g_assert_cmpstr(record->phase, ==, "Succeeded");
	g_assert_cmpstr(record->end_state, ==, "none/running");
	g_assert_cmpint(record->memory_processed_bytes, >=, GIB);
	g_assert_cmpint(record->ended_us, >, record->started_us);
	world_clear(&world);
}

static void test_paused_stays_paused(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, TRUE);
	world_add_host(&world, "n1", 8 * GIB);
	world_add_host(&world, "n2", 8 * GIB);
	sim_add_guest(
		world.sim, "n1",
		&(SimGuest){ .uuid = UUID, .name = "web", .memory_bytes = GIB, .paused = TRUE });
	world_look(&world);
	name = world_migrate(&world, "web", NULL);
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, name, "Succeeded");
	assert_state(&world, "n1", HYPER_DOMAIN_NONE);
	assert_state(&world, "n2", HYPER_DOMAIN_PAUSED);
	g_assert_cmpuint(sim_most_copies(world.sim, UUID), ==, 0);
	world_clear(&world);
}

static void test_autostart_travels(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, TRUE);
	world_add_host(&world, "n1", 8 * GIB);
	world_add_host(&world, "n2", 8 * GIB);
	sim_add_guest(
		world.sim, "n1",
		&(SimGuest){ .uuid = UUID, .name = "web", .memory_bytes = GIB, .autostart = TRUE });
	world_look(&world);
	name = world_migrate(&world, "web", NULL);
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, name, "Succeeded");
	g_assert_true(sim_autostart(world.sim, "n2", UUID));
	g_assert_true(g_hash_table_contains(world.steps, "clearing-autostart"));
	world_clear(&world);
}

/* ---- what is refused --------------------------------------------------------------------------
 */

static void test_no_such_vm(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	name = world_migrate(&world, "nobody", NULL);
	g_assert_true(world_settle(&world, 5000));
	assert_phase(&world, name, "Failed");
	assert_reason(&world, name, "KVMIG-FAIL-VM-GONE");
	world_clear(&world);
}

static void test_shut_off(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, TRUE);
	world_add_host(&world, "n1", 8 * GIB);
	world_add_host(&world, "n2", 8 * GIB);
	sim_add_guest(
		world.sim, "n1",
		&(SimGuest){ .uuid = UUID, .name = "web", .memory_bytes = GIB, .shutoff = TRUE });
	world_look(&world);
	name = world_migrate(&world, "web", NULL);
	g_assert_true(world_settle(&world, 5000));
	assert_reason(&world, name, "KVMIG-BLK-NOT-RUNNING");
	g_assert_cmpuint(sim_started(world.sim, UUID), ==, 0);
	world_clear(&world);
}

static void test_second_fails(void)
{
	g_autofree char *first = NULL, *second = NULL;
	World world;

	world_init(&world, FALSE);
	sim_set_link(world.sim, 100 * MIB);
	first = world_migrate(&world, "web", NULL);
	world_run_ms(&world, 1000);
	second = world_migrate(&world, "web", NULL);
	world_run_ms(&world, 1000);
	assert_phase(&world, second, "Failed");
	assert_reason(&world, second, "KVMIG-BLK-IN-FLIGHT");
	assert_phase(&world, first, "Running");
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, first, "Succeeded");
	g_assert_cmpuint(sim_started(world.sim, UUID), ==, 1);
	world_clear(&world);
}

static void test_refused_by_libvirt(void)
{
	g_autofree char *name = NULL;
	g_autoptr(cJSON) object = NULL;
	Migration view;
	World world;

	world_init(&world, FALSE);
	sim_inject(world.sim, UUID, SIM_FAULT_REFUSE);
	name = world_migrate(&world, "web", NULL);
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, name, "Failed");
	object = world_get(&world, &KIND_VMIM, name);
	migration_read(object, &view);
	g_assert_cmpstr(view.result_reason, ==, "KVMIG-BLK-LIBVIRT");
	g_assert_nonnull(strstr(view.result_message, "assigned host devices"));
	world_assert_runs_on(&world, "n1");
	world_clear(&world);
}

/* Waited for, however long, with its name; others are not held up; then it goes on by itself. */
static void test_other_job(void)
{
	g_autofree char *name = NULL;
	g_autoptr(cJSON) waiting = NULL;
	Migration view;
	World world;

	world_init(&world, FALSE);
	sim_set_other_job(world.sim, "n1", UUID, "backup");
	name = world_migrate(&world, "web", NULL);
	world_run_ms(&world, 600000);
	waiting = world_get(&world, &KIND_VMIM, name);
	migration_read(waiting, &view);
	g_assert_cmpint(view.phase, ==, MIGRATION_PHASE_PENDING);
	g_assert_cmpstr(view.wait_reason, ==, REASON_PEND_VM_BUSY);
	g_assert_nonnull(strstr(view.wait_message, "backup"));
	g_assert_cmpuint(sim_started(world.sim, UUID), ==, 0);
	sim_set_other_job(world.sim, "n1", UUID, NULL);
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, name, "Succeeded");
	world_clear(&world);
}

/* One that begins between the look at the source and the call: libvirt lets the call wait. */
static char *begin_behind_backup(World *world)
{
	char *name;

	world_init(world, FALSE);
	name = world_migrate(world, "web", NULL);
	for (guint ms = 0; ms < 5000; ms++) {
		g_autofree char *phase = world_phase(world, name);

		if (g_str_equal(phase, "TargetReady"))
			break;
		world_run_ms(world, 1);
	}
	sim_set_other_job(world->sim, "n1", UUID, "backup");
	g_assert_cmpuint(sim_started(world->sim, UUID), ==, 0);
	return name;
}

/* The backup is not what a cancel or a deadline is about; ours is aborted once it has begun. */
static void test_other_job_is_not_aborted(void)
{
	for (guint cancelled = 0; cancelled <= 1; cancelled++) {
		g_autofree char *name = NULL;
		World world;

		name = begin_behind_backup(&world);
		world_run_ms(&world, 5000);
		assert_phase(&world, name, "TargetReady"); /* a backup's progress is not ours */
		if (cancelled)
			world_cancel(&world, name);
		world_run_ms(&world, 5000);
		g_assert_cmpstr(sim_other_job(world.sim, "n1", UUID), ==, "backup");
		sim_set_link(world.sim, 64 * MIB);
		sim_set_other_job(world.sim, "n1", UUID, NULL);
		g_assert_true(world_settle(&world, 60000));
		world_assert_runs_on(&world, cancelled ? "n1" : "n2");
		world_clear(&world);
	}
}

/* It lasts longer than libvirt lets a call wait; then another controller comes upon it. */
static void test_other_job_outlasts(void)
{
	for (guint killed = 0; killed <= 1; killed++) {
		g_autofree char *name = NULL;
		World world;

		name = begin_behind_backup(&world);
		world_run_ms(&world, 1000);
		world_cancel(&world, name);
		world_run_ms(&world, 1000);
		if (killed) {
			world_kill(&world);
			world_start(&world);
		}
		g_assert_true(world_settle(&world, 200000));
		g_assert_cmpstr(sim_other_job(world.sim, "n1", UUID), ==, "backup");
		g_assert_cmpuint(sim_started(world.sim, UUID), ==, 0);
		world_assert_runs_on(&world, "n1");
		world_clear(&world);
	}
}

/* Ours has ended while no controller was there; what libvirt does now is not it, and the deadline
 * that has passed does not end it. */
static void test_other_job_after_crash(void)
{
	for (guint cancelled = 0; cancelled <= 1; cancelled++) {
		g_autofree char *name = NULL;
		World world;

		world_init(&world, FALSE);
		world_set(&world, "completionTimeoutPerGiB", "30");
		sim_set_link(world.sim, 64 * MIB);
		name = world_migrate(&world, "web", NULL);
		world_run_ms(&world, 3000);
		assert_phase(&world, name, "Running");
		world_kill(&world);
		sim_kill_incoming(world.sim, UUID);
		world_run_ms(&world, 60000);
		sim_set_other_job(world.sim, "n1", UUID, "backup");
		if (cancelled)
			world_cancel(&world, name);
		world_start(&world);
		g_assert_true(world_settle(&world, 100000));
		g_assert_cmpstr(sim_other_job(world.sim, "n1", UUID), ==, "backup");
		world_assert_runs_on(&world, "n1");
		world_clear(&world);
	}
}

static void test_certificates(void)
{
	g_autofree char *name = NULL, *again = NULL;
	World world;

	world_init(&world, FALSE);
	world_set(&world, "disableTLS", "false");
	sim_set_certificates(world.sim, "n1", 0);
	name = world_migrate(&world, "web", NULL);
	g_assert_true(world_settle(&world, 5000));
	assert_reason(&world, name, "KVMIG-BLK-TLS-CERTS");
	g_assert_cmpuint(sim_started(world.sim, UUID), ==, 0);
	sim_set_certificates(world.sim, "n1", 1);
	again = world_migrate(&world, "web", NULL);
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, again, "Succeeded");
	world_clear(&world);
}

/* ---- targets ----------------------------------------------------------------------------------
 */

static char *uuid_of(guint n)
{
	return g_strdup_printf("11111111-2222-4333-8444-%012x", n);
}

static void add_guests(World *world, const char *host, guint from, guint to, gint64 memory_bytes)
{
	for (guint i = from; i < to; i++) {
		g_autofree char *uuid = uuid_of(i);
		g_autofree char *name = g_strdup_printf("vm-%u", i);

		sim_add_guest(world->sim, host,
			      &(SimGuest){ .uuid = uuid,
					   .name = name,
					   .memory_bytes = memory_bytes,
					   .dirty_bytes_per_second = 16 * MIB });
	}
}

static gboolean is_in_phase(World *world, const char *migration, const char *phase)
{
	g_autofree char *now = world_phase(world, migration);

	return g_strcmp0(now, phase) == 0;
}

static guint count_waiting(World *world, const GPtrArray *names, const char *reason)
{
	guint n = 0;

	for (guint i = 0; i < names->len; i++) {
		g_autofree char *why = world_reason(world, g_ptr_array_index(names, i));

		n += g_strcmp0(why, reason) == 0;
	}
	return n;
}

/* Each fits, both do not: the second waits for the first, and goes when there is room. */
static void test_reservations(void)
{
	g_autofree char *first = NULL, *second = NULL;
	World world;

	world_init(&world, TRUE);
	world_add_host(&world, "n1", 16 * GIB);
	world_add_host(&world, "n2", 8 * GIB);
	add_guests(&world, "n1", 0, 2, 5 * GIB);
	world_look(&world);
	first = world_migrate(&world, "vm-0", NULL);
	second = world_migrate(&world, "vm-1", NULL);
	world_run_ms(&world, 1000);
	if (!is_in_phase(&world, first, "Running")) { /* of equal age: the names decide */
		char *swap = first;

		first = second;
		second = swap;
	}
	assert_phase(&world, first, "Running");
	assert_phase(&world, second, "Pending");
	assert_reason(&world, second, "KVMIG-PEND-MEMORY-RESERVED");
	world_run_ms(&world, 20000);
	assert_phase(&world, first, "Succeeded");
	assert_reason(&world, second, "KVMIG-PEND-NO-TARGET");
	world_add_host(&world, "n3", 8 * GIB);
	world_look(&world);
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, second, "Succeeded");
	g_assert_cmpint(sim_least_memory(world.sim), >, 0);
	world_clear(&world);
}

/* The inventory has not seen yet that the target filled up: the host's own word counts. */
static void test_fresh_memory(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	sim_add_guest(world.sim, "n2",
		      &(SimGuest){ .uuid = "22222222-2222-4333-8444-555555555555",
				   .name = "big",
				   .memory_bytes = 7 * GIB + 512 * MIB });
	name = world_migrate(&world, "web", "n2");
	world_run_ms(&world, 1000);
	assert_phase(&world, name, "Pending");
	g_assert_cmpuint(sim_started(world.sim, NULL), ==, 0);
	world_clear(&world);
}

/* ---- limits -----------------------------------------------------------------------------------
 */

static void test_limits(void)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	World world;

	world_init(&world, TRUE);
	world_add_host(&world, "n1", 32 * GIB);
	world_add_host(&world, "n2", 32 * GIB);
	world_add_host(&world, "n3", 64 * GIB);
	add_guests(&world, "n1", 0, 5, GIB);
	add_guests(&world, "n2", 5, 10, GIB);
	world_set(&world, "parallelMigrationsPerCluster", "3");
	world_set(&world, "parallelOutboundMigrationsPerNode", "2");
	world_look(&world);
	for (guint i = 0; i < 10; i++) {
		g_autofree char *vm = g_strdup_printf("vm-%u", i);

		g_ptr_array_add(names, world_migrate(&world, vm, "n3"));
		world_run_ms(&world, 10);
	}
	world_run_ms(&world, 300);
	/* three run; who waits behind them waits for the cluster, one before that for n1 */
	g_assert_cmpuint(count_waiting(&world, names, NULL), ==, 3);
	g_assert_cmpuint(count_waiting(&world, names, "KVMIG-PEND-OUTBOUND-LIMIT") +
				 count_waiting(&world, names, "KVMIG-PEND-CLUSTER-LIMIT"),
			 ==, 7);
	g_assert_true(world_settle(&world, 120000));
	for (guint i = 0; i < names->len; i++)
		assert_phase(&world, g_ptr_array_index(names, i), "Succeeded");
	g_assert_cmpuint(sim_most_migrations(world.sim), ==, 3);
	g_assert_cmpuint(sim_most_outbound(world.sim), ==, 2);
	g_ptr_array_unref(names);
	world_clear(&world);
}

/* One node cannot be asked, the other takes in its one migration: it is waited for, as long as
 * that lasts, whichever of the two would be the better one. */
static void test_busy_is_not_none(void)
{
	for (guint larger = 2; larger <= 3; larger++) {
		g_autofree char *first = NULL, *name = NULL;
		World world;

		world_init(&world, TRUE);
		world_add_host(&world, "n1", 8 * GIB);
		world_add_host(&world, "n2", (larger == 2 ? 32 : 16) * GIB);
		world_add_host(&world, "n3", (larger == 3 ? 32 : 16) * GIB);
		add_guests(&world, "n1", 0, 2, GIB);
		world_set(&world, "parallelInboundMigrationsPerNode", "1");
		world_set(&world, "completionTimeoutPerGiB", "3600");
		world_set(&world, "progressTimeout", "3600");
		world_look(&world);
		sim_set_link(world.sim, 18 * MIB); /* a guest dirties 16 MiB/s */
		first = world_migrate(&world, "vm-0", "n3");
		world_run_ms(&world, 2000);
		assert_phase(&world, first, "Running");
		clock_cancel(world.clock, &world.poll_timer);
		sim_cut(world.sim, "n2"); /* which nobody has noticed yet */
		name = world_migrate(&world, "vm-1", NULL);
		world_run_ms(&world, 400000);
		assert_phase(&world, first, "Running");
		assert_phase(&world, name, "Pending");
		assert_reason(&world, name, "KVMIG-PEND-INBOUND-LIMIT");
		sim_set_link(world.sim, GIB);
		g_assert_true(world_settle(&world, 120000));
		assert_phase(&world, name, "Succeeded");
		world_clear(&world);
	}
}

static int place_of(World *world, const char *migration)
{
	g_autoptr(cJSON) object = world_get(world, &KIND_VMIM, migration);
	Migration view;

	migration_read(object, &view);
	return view.wait_position;
}

/* Anybody may change an object that waits. */
static void label(World *world, const char *migration)
{
	g_autoptr(cJSON) object = world_get(world, &KIND_VMIM, migration);
	g_autoptr(cJSON) stored = NULL;

	object_set_label(object, "seen", "yes");
	stored = cluster_update(world->store.cluster, object, CLUSTER_WRITE_NONE, NULL);
	g_assert_nonnull(stored);
}

/* Of those that are created within one second the first goes first, whatever the names: also for
 * a controller that finds them waiting. */
static void test_arrival_order(void)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	World world;

	world_init(&world, TRUE);
	world_add_host(&world, "n1", 32 * GIB);
	world_add_host(&world, "n2", 64 * GIB);
	add_guests(&world, "n1", 0, 10, GIB);
	world_set(&world, "parallelMigrationsPerCluster", "1");
	world_look(&world);
	for (guint i = 0; i < 10; i++) {
		g_autofree char *vm = g_strdup_printf("vm-%u", i);

		g_ptr_array_add(names, world_migrate(&world, vm, "n2"));
	}
	for (int round = 0; round < 2; round++) {
		world_run_ms(&world, 300);
		for (int i = 2; i < 10; i++)
			g_assert_cmpint(place_of(&world, g_ptr_array_index(names, i)), >,
					place_of(&world, g_ptr_array_index(names, i - 1)));
		label(&world, g_ptr_array_index(names, 2));
		world_kill(&world);
		world_start(&world);
	}
	g_ptr_array_unref(names);
	world_clear(&world);
}

/* The newest five of a VM stay, the record has them all. */
static void test_finished_are_removed(void)
{
	const ClusterListOptions all = { .ns = NS };
	g_autoptr(GPtrArray) objects = NULL, records = NULL;
	g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	World world;

	world_init(&world, FALSE);
	for (int i = 0; i < 8; i++) {
		char *name = world_migrate(&world, "web", i % 2 ? "n1" : "n2");

		g_assert_true(world_settle(&world, 60000));
		assert_phase(&world, name, "Succeeded");
		g_hash_table_insert(names, name, GINT_TO_POINTER(i));
		if (i == 6) {
			world_kill(&world);
			world_start(&world);
		}
	}
	world_run_ms(&world, 1000);
	objects = cluster_list(world.store.cluster, &KIND_VMIM, &all, NULL, NULL);
	g_assert_cmpuint(objects->len, ==, 5);
	for (guint i = 0; i < objects->len; i++)
		g_assert_cmpint(GPOINTER_TO_INT(g_hash_table_lookup(
					names, object_name(g_ptr_array_index(objects, i)))),
				>=, 3);
	records = history_query(world.history, &(HistoryQuery){ .ns = NS }, NULL);
	g_assert_cmpuint(records->len, ==, 8);
	world_clear(&world);
}

/* A drain-like load: many VMs, every limit kept at every instant, memory never overcommitted. */
static void test_scale(void)
{
	enum { HOSTS = 50, FULL = 25 };
	const gboolean slow_machine = g_getenv("KVMIG_TEST_UNDER_VALGRIND") != NULL;
	const guint guests = g_test_slow() ? 2000 : slow_machine ? 80 : 400;
	gint64 begun_us = g_get_monotonic_time();
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	World world;

	world_init(&world, TRUE);
	clock_cancel(world.clock, &world.poll_timer); /* the ends of migrations are looked at */
	for (guint i = 0; i < HOSTS; i++) {
		g_autofree char *host = g_strdup_printf("node-%02u", i);

		world_add_host(&world, host, 200 * GIB);
		if (i < FULL)
			add_guests(&world, host, i * guests / FULL, (i + 1) * guests / FULL,
				   2 * GIB);
	}
	world_set(&world, "parallelMigrationsPerCluster", "40");
	world_set(&world, "parallelOutboundMigrationsPerNode", "3");
	world_look(&world);
	g_assert_true(cluster_batch_begin(world.store.cluster, NULL));
	for (guint i = 0; i < guests; i++) {
		g_autofree char *vm = g_strdup_printf("vm-%u", i);

		g_ptr_array_add(names, world_migrate(&world, vm, NULL));
	}
	g_assert_true(cluster_batch_commit(world.store.cluster, NULL));
	g_assert_true(world_settle(&world, 3600 * 1000));
	for (guint i = 0; i < names->len; i++)
		assert_phase(&world, g_ptr_array_index(names, i), "Succeeded");
	g_assert_cmpuint(sim_most_migrations(world.sim), ==, 40);
	g_assert_cmpuint(sim_most_outbound(world.sim), <=, 3);
	g_assert_cmpuint(sim_started(world.sim, NULL), ==, guests);
	g_assert_cmpint(sim_least_memory(world.sim), >, 0);
	g_test_message("%u migrations, %.0f s simulated, in %.1f s", guests,
		       clock_monotonic_us(world.clock) / 1e6,
		       (g_get_monotonic_time() - begun_us) / 1e6);
	g_ptr_array_unref(names);
	world_clear(&world);
}

/* ---- deadlines, cancels -----------------------------------------------------------------------
 */

static void test_completion_timeout(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	world_set(&world, "bandwidthPerMigration", "64Mi");
	world_set(&world, "completionTimeoutPerGiB", "30");
	sim_guest_dirties(world.sim, UUID, 128 * MIB);
	name = world_migrate(&world, "web", NULL);
	world_run_ms(&world, 29000);
	assert_phase(&world, name, "Running");
	g_assert_true(world_settle(&world, 3000));
	assert_phase(&world, name, "Failed");
	assert_reason(&world, name, "KVMIG-FAIL-COMPLETION-TIMEOUT");
	assert_end_state(&world, name, "running/none");
	world_assert_runs_on(&world, "n1");
	world_clear(&world);
}

static void test_progress_timeout(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	world_set(&world, "bandwidthPerMigration", "64Mi");
	world_set(&world, "progressTimeout", "20");
	name = world_migrate(&world, "web", NULL);
	world_run_ms(&world, 5000);
	sim_stall(world.sim, UUID, TRUE);
	world_run_ms(&world, 18000);
	assert_phase(&world, name, "Running");
	g_assert_true(world_settle(&world, 4000));
	assert_reason(&world, name, "KVMIG-FAIL-PROGRESS-TIMEOUT");
	world_assert_runs_on(&world, "n1");
	world_clear(&world);
}

static void check_cancelled(World *world, const char *name)
{
	g_autoptr(GPtrArray) records =
		history_query(world->history, &(HistoryQuery){ .migration = name }, NULL);
	const HistoryRecord *record;

	g_assert_null(cluster_get(world->store.cluster, &KIND_VMIM, NS, name, NULL));
	g_assert_cmpuint(records->len, ==, 1);
	record = g_ptr_array_index(records, 0);
	g_assert_cmpstr(record->phase, ==, "Failed");
	g_assert_cmpstr(record->reason, ==, "KVMIG-FAIL-CANCELLED");
	world_assert_runs_on(world, "n1");
}

static void test_cancel_running(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	sim_set_link(world.sim, 64 * MIB);
	sim_inject(world.sim, UUID, SIM_FAULT_ABORT_LOST);
	name = world_migrate(&world, "web", NULL);
	world_run_ms(&world, 3000);
	world_cancel(&world, name);
	g_assert_true(world_settle(&world, 10000));
	check_cancelled(&world, name);
	world_clear(&world);
}

static void test_cancel_pending(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	name = world_migrate(&world, "web", "n9");
	world_run_ms(&world, 3000);
	world_cancel(&world, name);
	g_assert_true(world_settle(&world, 10000));
	check_cancelled(&world, name);
	g_assert_cmpuint(sim_started(world.sim, UUID), ==, 0);
	world_clear(&world);
}

/* Made by hand, as 'create -f' makes it: it cannot vanish while it runs. */
static void test_claimed(void)
{
	g_autoptr(cJSON) object = object_new(&KIND_VMIM, NS, "by-hand");
	g_autoptr(cJSON) stored = NULL;
	g_autoptr(cJSON) running = NULL;
	World world;

	world_init(&world, FALSE);
	sim_set_link(world.sim, 64 * MIB);
	json_set_string(json_ensure_object(object, "spec"), "vmiName", "web");
	stored = cluster_create(world.store.cluster, object, CLUSTER_WRITE_NONE, NULL);
	g_assert_nonnull(stored);
	world_run_ms(&world, 3000);
	world_cancel(&world, "by-hand");
	running = world_get(&world, &KIND_VMIM, "by-hand");
	g_assert_true(object_is_deleting(running));
	g_assert_cmpstr(object_label(running, LABEL_VMI_NAME), ==, "web");
	g_assert_true(world_settle(&world, 10000));
	check_cancelled(&world, "by-hand");
	world_clear(&world);
}

static void test_guest_ends(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	sim_set_link(world.sim, 64 * MIB);
	name = world_migrate(&world, "web", NULL);
	world_run_ms(&world, 3000);
	sim_guest_ends(world.sim, UUID);
	g_assert_true(world_settle(&world, 100000));
	assert_reason(&world, name, "KVMIG-FAIL-VM-GONE");
	assert_end_state(&world, name, "shutoff/none");
	world_clear(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/engine/success", test_success);
	g_test_add_func("/engine/history", test_history);
	g_test_add_func("/engine/paused-stays-paused", test_paused_stays_paused);
	g_test_add_func("/engine/autostart-travels", test_autostart_travels);
	g_test_add_func("/engine/no-such-vm", test_no_such_vm);
	g_test_add_func("/engine/shut-off", test_shut_off);
	g_test_add_func("/engine/second-fails", test_second_fails);
	g_test_add_func("/engine/refused-by-libvirt", test_refused_by_libvirt);
	g_test_add_func("/engine/other-job", test_other_job);
	g_test_add_func("/engine/other-job-is-not-aborted", test_other_job_is_not_aborted);
	g_test_add_func("/engine/other-job-outlasts", test_other_job_outlasts);
	g_test_add_func("/engine/other-job-after-crash", test_other_job_after_crash);
	g_test_add_func("/engine/certificates", test_certificates);
	g_test_add_func("/engine/reservations", test_reservations);
	g_test_add_func("/engine/fresh-memory", test_fresh_memory);
	g_test_add_func("/engine/limits", test_limits);
	g_test_add_func("/engine/busy-is-not-none", test_busy_is_not_none);
	g_test_add_func("/engine/arrival-order", test_arrival_order);
	g_test_add_func("/engine/finished-are-removed", test_finished_are_removed);
	g_test_add_func("/engine/completion-timeout", test_completion_timeout);
	g_test_add_func("/engine/progress-timeout", test_progress_timeout);
	g_test_add_func("/engine/cancel-running", test_cancel_running);
	g_test_add_func("/engine/cancel-pending", test_cancel_pending);
	g_test_add_func("/engine/claimed", test_claimed);
	g_test_add_func("/engine/guest-ends", test_guest_ends);
	g_test_add_func("/engine/scale", test_scale);
	return g_test_run();
}
