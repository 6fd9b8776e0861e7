/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine and the store: what is heard of late, what somebody else has changed meanwhile, what
 * cannot be written.
 */
#include <sqlite3.h>

#include "model/wellknown.h"
#include "tests/unit/engine-world.h"

/* ---- heard of late -------------------------------------------------------------------------- */

static void end_it(World *world)
{
	world_run_ms(world, 60000);
	g_assert_true(engine_is_idle(world->engine));
}

/* Of its own last writes it hears when the migration has ended: that is no new one. */
static void test_heard_after_the_end(void)
{
	g_autofree char *name = NULL, *back = NULL;
	World world;

	world_init(&world, FALSE);
	sim_set_link(world.sim, 128 * MIB);
	name = world_migrate(&world, "web", "n2");
	world_run_ms(&world, 3000);
	assert_phase(&world, name, "Running");
	world_deaf(&world, end_it);
	world_run_ms(&world, 1000);
	g_assert_true(engine_is_idle(world.engine));
	assert_phase(&world, name, "Succeeded");
	back = world_migrate(&world, "web", "n1");
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, back, "Succeeded");
	world_clear(&world);
}

static void cancel_it(World *world)
{
	g_autoptr(GPtrArray) objects =
		cluster_list(world->store.cluster, &KIND_VMIM, NULL, NULL, NULL);

	world_cancel(world, object_name(g_ptr_array_index(objects, 0)));
	sim_set_other_job(world->sim, "n1", UUID, NULL);
	world_run_ms(world, 30000);
	g_assert_true(engine_is_idle(world->engine));
}

/* The hand-over is what first hears of a cancel: nothing is begun, and the VM is told the end of
 * what it was told the beginning of. */
static void test_cancel_heard_at_the_hand_over(void)
{
	g_autofree char *name = NULL;
	g_autoptr(cJSON) vmi = NULL;
	const cJSON *state;
	World world;

	world_init(&world, FALSE);
	sim_set_other_job(world.sim, "n1", UUID, "backup");
	name = world_migrate(&world, "web", "n2");
	world_run_ms(&world, 3000);
	assert_reason(&world, name, "KVMIG-PEND-VM-BUSY");
	world_deaf(&world, cancel_it);
	g_assert_cmpuint(sim_started(world.sim, UUID), ==, 0);
	g_assert_true(g_hash_table_contains(world.steps, "handed-over"));
	vmi = world_get(&world, &KIND_VMI, "web");
	state = json_path(vmi, "status", "migrationState", NULL);
	g_assert_true(json_bool(state, "completed", FALSE));
	g_assert_true(json_bool(state, "failed", FALSE));
	g_assert_true(json_bool(state, "abortRequested", FALSE));
	g_assert_nonnull(json_string(state, "endTimestamp", NULL));
	world_clear(&world);
}

/* ---- somebody else writes -------------------------------------------------------------------- */

/* What the engine must not write over: a status that is not as it left it. */
static void write_status(World *world, const char *migration)
{
	g_autoptr(cJSON) object = world_get(world, &KIND_VMIM, migration);
	g_autoptr(cJSON) stored = NULL;

	json_set_string(json_ensure_object(json_ensure_object(object, "status"), "kvmig"), "other",
			"hand");
	stored = cluster_update_status(world->store.cluster, object, CLUSTER_WRITE_NONE, NULL);
	g_assert_nonnull(stored);
}

static void expect_foreign_status(World *world, const char *migration)
{
	g_autoptr(cJSON) object = world_get(world, &KIND_VMIM, migration);

	g_assert_cmpstr(json_string(json_path(object, "status", "kvmig", NULL), "other", ""), ==,
			"hand");
	assert_phase(world, migration, "Pending");
}

/* Why it waits changes, and changes again, and cannot be stored. */
static void test_status_of_another(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	name = world_migrate(&world, "web", "n9");
	world_run_ms(&world, 3000);
	assert_reason(&world, name, "KVMIG-PEND-NO-TARGET");
	write_status(&world, name);
	for (int i = 3; i < 6; i++) {
		g_autofree char *host = g_strdup_printf("n%d", i);

		world_add_host(&world, host, 8 * GIB);
		world_look(&world);
		world_run_ms(&world, 5000);
		expect_foreign_status(&world, name);
	}
	world_clear(&world);
}

/* ---- no record ------------------------------------------------------------------------------ */

static void change_history(World *world, const char *sql)
{
	g_autofree char *path =
		g_build_filename(world->store.folder, "kvmig", "history.db", NULL);
	sqlite3 *db = NULL;

	g_assert_cmpint(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(db, sql, NULL, NULL, NULL), ==, SQLITE_OK);
	sqlite3_close(db);
}

static void break_history(World *world)
{
	change_history(world, "CREATE TRIGGER broken BEFORE INSERT ON migrations"
			      "  BEGIN SELECT raise(ABORT, 'broken'); END;");
}

/* The engine warns of a record that it could not write: counted, and no failure of the test. */
static void count_warnings(const char *domain G_GNUC_UNUSED, GLogLevelFlags level G_GNUC_UNUSED,
			   const char *message, gpointer data)
{
	guint *n = data;

	if (!g_str_has_prefix(message, "cannot record migration"))
		g_error("%s", message);
	++*n;
}

static guint listen(guint *warnings)
{
	g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
	return g_log_set_handler("kvmig", G_LOG_LEVEL_WARNING, count_warnings, warnings);
}

/* The final phase goes out with all that belongs to the end, whatever the end waits for. */
static void test_final_phase_is_the_end(void)
{
	g_autofree char *name = NULL;
	guint handler, warnings = 0, final = 0;
	World world;

	world_init(&world, FALSE);
	handler = listen(&warnings);
	sim_set_link(world.sim, 128 * MIB);
	break_history(&world);
	name = world_migrate(&world, "web", "n2");
	while (final < 10) {
		g_autoptr(cJSON) object = NULL;
		Migration view;

		world_run_ms(&world, 100);
		object = world_get(&world, &KIND_VMIM, name);
		migration_read(object, &view);
		if (!migration_phase_is_final(view.phase))
			continue;
		final++;
		g_assert_false(object_has_finalizer(object, FINALIZER_MIGRATION));
		g_assert_cmpstr(view.step, ==, "done");
	}
	g_assert_cmpuint(warnings, ==, 3);
	g_assert_true(engine_is_idle(world.engine));
	assert_phase(&world, name, "Succeeded");
	g_log_remove_handler("kvmig", handler);
	world_clear(&world);
}

static void target_down(World *world)
{
	sim_host_down(world->sim, "n2");
}

/* However often the hosts had to be asked: a record that cannot be written is tried again. */
static void test_record_after_long_settling(void)
{
	g_autofree char *name = NULL;
	g_autoptr(GPtrArray) records = NULL;
	guint handler, warnings = 0;
	World world;

	world_init(&world, FALSE);
	handler = listen(&warnings);
	world_act_in(&world, SIM_PHASE_PERFORM, target_down);
	name = world_migrate(&world, "web", "n2");
	g_assert_false(world_settle(&world, 120000));
	break_history(&world);
	sim_host_up(world.sim, "n2");
	while (warnings == 0)
		world_run_ms(&world, 100);
	change_history(&world, "DROP TRIGGER broken");
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, name, "Failed");
	records = history_query(world.history, &(HistoryQuery){ .migration = name }, NULL);
	g_assert_cmpuint(records->len, ==, 1);
	g_assert_cmpuint(warnings, ==, 1);
	g_log_remove_handler("kvmig", handler);
	world_clear(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add_func("/engine-store/" path, test)
	ADD("heard-after-the-end", test_heard_after_the_end);
	ADD("cancel-heard-at-the-hand-over", test_cancel_heard_at_the_hand_over);
	ADD("status-of-another", test_status_of_another);
	ADD("final-phase-is-the-end", test_final_phase_is_the_end);
	ADD("record-after-long-settling", test_record_after_long_settling);
#undef ADD
	return g_test_run();
}
