/* SPDX-License-Identifier: Apache-2.0 */
/* The engine where no node fits: how long it waits, what is told of that, when it goes on. */
#include "tests/unit/engine-world.h"

static void test_no_target(void)
{
	g_autofree char *name = NULL;
	g_autoptr(cJSON) object = NULL;
	Migration view;
	World world;

	world_init(&world, FALSE);
	name = world_migrate(&world, "web", "n9");
	world_run_ms(&world, 1000);
	assert_phase(&world, name, "Pending");
	assert_reason(&world, name, "KVMIG-PEND-NO-TARGET");
	world_run_ms(&world, 298000);
	assert_phase(&world, name, "Pending");
	g_assert_true(world_settle(&world, 5000));
	object = world_get(&world, &KIND_VMIM, name);
	migration_read(object, &view);
	g_assert_cmpstr(view.phase_text, ==, "Failed");
	g_assert_cmpstr(view.result_reason, ==, "KVMIG-FAIL-NO-TARGET-TIMEOUT");
	g_assert_nonnull(strstr(view.result_message, "no node fits"));
	world_assert_runs_on(&world, "n1");
	world_clear(&world);
}

static gint64 deadline_in_s(World *world, const char *migration, const char *action)
{
	g_autoptr(cJSON) object = world_get(world, &KIND_VMIM, migration);
	Migration view;

	migration_read(object, &view);
	g_assert_cmpstr(view.deadline_action, ==, action);
	return action ? (view.deadline_us - clock_unix_us(world->clock)) / G_USEC_PER_SEC : 0;
}

/* The time that is left can be read, and is the same for the next controller. */
static void test_no_target_deadline(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	name = world_migrate(&world, "web", "n9");
	world_run_ms(&world, 200000);
	g_assert_cmpint(deadline_in_s(&world, name, "fail"), ==, 100);
	world_kill(&world);
	world_run_ms(&world, 20000);
	world_start(&world);
	world_run_ms(&world, 78000);
	g_assert_cmpint(deadline_in_s(&world, name, "fail"), ==, 2);
	assert_phase(&world, name, "Pending");
	g_assert_true(world_settle(&world, 5000));
	assert_reason(&world, name, "KVMIG-FAIL-NO-TARGET-TIMEOUT");
	world_clear(&world);
}

/* Nobody was there when it passed: the nodes are looked at before it is given up. */
static void test_no_target_deadline_missed(void)
{
	for (int found = 0; found <= 1; found++) {
		g_autofree char *name = NULL;
		World world;

		world_init(&world, FALSE);
		name = world_migrate(&world, "web", "n3");
		world_run_ms(&world, 1000);
		world_kill(&world);
		world_run_ms(&world, 900000);
		if (found)
			world_add_host(&world, "n3", 8 * GIB);
		world_start(&world);
		world_run_ms(&world, 5000);
		g_assert_true(world_settle(&world, 60000));
		assert_phase(&world, name, found ? "Succeeded" : "Failed");
		world_clear(&world);
	}
}

/* It goes with its reason, and comes again with that. */
static void test_no_target_deadline_goes(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	name = world_migrate(&world, "web", "n3");
	world_run_ms(&world, 1000);
	deadline_in_s(&world, name, "fail");
	sim_set_other_job(world.sim, "n1", UUID, "backup");
	world_add_host(&world, "n3", 8 * GIB);
	world_look(&world);
	world_run_ms(&world, 3000);
	assert_reason(&world, name, "KVMIG-PEND-VM-BUSY");
	deadline_in_s(&world, name, NULL);
	g_assert_true(cluster_delete(world.store.cluster, &KIND_HOST, NULL, "n3", NULL,
				     CLUSTER_WRITE_NONE, NULL));
	world_run_ms(&world, 20000);
	assert_reason(&world, name, "KVMIG-PEND-NO-TARGET");
	deadline_in_s(&world, name, "fail");
	world_clear(&world);
}

/* And with the wait, also where the copy has none. */
static void test_no_target_deadline_of_the_copy(void)
{
	static const char *const budgets[] = { "0", "150" };

	for (guint i = 0; i < G_N_ELEMENTS(budgets); i++) {
		g_autofree char *name = NULL;
		World world;

		world_init(&world, FALSE);
		world_set(&world, "completionTimeoutPerGiB", budgets[i]);
		sim_set_link(world.sim, 64 * MIB);
		name = world_migrate(&world, "web", "n3");
		world_run_ms(&world, 1000);
		deadline_in_s(&world, name, "fail");
		world_add_host(&world, "n3", 8 * GIB);
		world_look(&world);
		world_run_ms(&world, 3000);
		assert_phase(&world, name, "Running");
		deadline_in_s(&world, name, i == 0 ? NULL : "cancel");
		world_clear(&world);
	}
}

/* The wait ends as soon as there is a node. */
static void test_target_appears(void)
{
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	name = world_migrate(&world, "web", "n3");
	world_run_ms(&world, 20000);
	assert_phase(&world, name, "Pending");
	world_add_host(&world, "n3", 8 * GIB);
	world_look(&world);
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, name, "Succeeded");
	world_assert_runs_on(&world, "n3");
	world_clear(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add_func("/engine-wait/" path, test)
	ADD("no-target", test_no_target);
	ADD("deadline", test_no_target_deadline);
	ADD("deadline-missed", test_no_target_deadline_missed);
	ADD("deadline-goes", test_no_target_deadline_goes);
	ADD("deadline-of-the-copy", test_no_target_deadline_of_the_copy);
	ADD("target-appears", test_target_appears);
#undef ADD
	return g_test_run();
}
