/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine and the store: what is heard of late, what somebody else has changed meanwhile, what
 * cannot be written.
 */
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

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add_func("/engine-store/" path, test)
	ADD("heard-after-the-end", test_heard_after_the_end);
#undef ADD
	return g_test_run();
}
