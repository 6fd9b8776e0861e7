/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated hosts do what libvirt's do, also where something is lost in the middle. */
#include <glib.h>

#include "hyper/sim/sim.h"

#define UUID "11111111-2222-4333-8444-555555555555"
#define MIB (G_GINT64_CONSTANT(1) << 20)
#define GIB (G_GINT64_CONSTANT(1) << 30)
#define START_US (G_GINT64_CONSTANT(1795000000) * G_USEC_PER_SEC)

typedef struct {
	Clock *clock;
	Sim *sim;
	Hyper *hyper;
	gboolean answered;
	gboolean unknown;
	int code; /* of the error; -1: none */
	HyperDomainState state;
	HyperJob job;
	guint iterations;
	SimPhase act_in;
	void (*act)(Sim *sim);
} World;

static void on_event(HyperHost *host G_GNUC_UNUSED, const HyperEvent *event, gpointer data)
{
	World *world = data;

	world->iterations += event->type == HYPER_EVENT_ITERATION;
}

static void world_init(World *world)
{
	*world = (World){ .clock = clock_virtual_new(START_US), .code = -1 };
	world->sim = sim_new(world->clock);
	sim_add_host(world->sim, "n1", 8 * GIB);
	sim_add_host(world->sim, "n2", 8 * GIB);
	sim_add_guest(world->sim, "n1",
		      &(SimGuest){ .uuid = UUID, .name = "web", .memory_bytes = GIB });
	world->hyper = hyper_new(sim_driver(), world->sim, world->clock, on_event, world);
}

static void world_clear(World *world)
{
	hyper_free(world->hyper);
	sim_free(world->sim);
	while (g_main_context_iteration(NULL, FALSE))
		;
	clock_free(world->clock);
}

static void on_done(HyperRequest *request G_GNUC_UNUSED, HyperAnswer *answer, gpointer data)
{
	World *world = data;

	g_assert_false(world->answered);
	world->answered = TRUE;
	world->unknown = answer->outcome_unknown;
	world->code = answer->error ? answer->error->code : -1;
	world->job = answer->job;
	if (answer->domain)
		world->state = answer->domain->state;
}

static HyperHost *host(World *world, const char *name)
{
	g_autofree char *uri = g_strdup_printf(SIM_URI_FORMAT, name);

	return hyper_host(world->hyper, name, uri, FALSE, NULL);
}

static void ask(World *world, const char *name, HyperOp op)
{
	world->answered = FALSE;
	hyper_submit(host(world, name), &(HyperCall){ .op = op, .uuid = UUID, .timeout_ms = 5000 },
		     on_done, world);
}

static void migrate(World *world, gint64 bandwidth)
{
	HyperMigrateParams params = { .peer_uri = "qemu+tls://n2/system",
				      .migrate_uri = "tcp://192.0.2.2",
				      .persistent = TRUE,
				      .bandwidth_bytes_per_second = bandwidth };

	world->answered = FALSE;
	hyper_submit(host(world, "n1"),
		     &(HyperCall){ .op = HYPER_OP_MIGRATE, .uuid = UUID, .migrate = &params },
		     on_done, world);
}

static void on_nothing(gpointer data G_GNUC_UNUSED)
{
}

/* The timer makes the clock stand at the end, also where nothing else happens there. */
static void run_ms(World *world, guint ms)
{
	clock_after(world->clock, ms, on_nothing, NULL);
	clock_virtual_run(world->clock, clock_monotonic_us(world->clock) + (gint64)ms * 1000);
}

static void check_states(World *world, HyperDomainState source, HyperDomainState target)
{
	g_assert_cmpstr(hyper_domain_state_to_string(sim_state(world->sim, "n1", UUID)), ==,
			hyper_domain_state_to_string(source));
	g_assert_cmpstr(hyper_domain_state_to_string(sim_state(world->sim, "n2", UUID)), ==,
			hyper_domain_state_to_string(target));
}

static void test_success(void)
{
	World world;

	world_init(&world);
	sim_guest_dirties(world.sim, UUID, 512 * MIB);
	migrate(&world, 0);
	run_ms(&world, 60000);
	g_assert_true(world.answered);
	g_assert_cmpint(world.code, ==, -1);
	check_states(&world, HYPER_DOMAIN_NONE, HYPER_DOMAIN_RUNNING);
	g_assert_cmpuint(sim_most_copies(world.sim, UUID), ==, 1);
	g_assert_cmpuint(world.iterations, ==, 2); /* 1 s, 0.5 s, and 0.25 s in the switch */
	ask(&world, "n2", HYPER_OP_JOB_COMPLETED);
	run_ms(&world, 100);
	g_assert_true(world.job.completed);
	g_assert_cmpint(world.job.downtime_ms, >=, 250);
	g_assert_cmpint(world.job.downtime_ms, <, 300);
	world_clear(&world);
}

/* Dirties as fast as the link carries: never ends by itself, and ends by an abort. */
static void test_abort(void)
{
	World world;

	world_init(&world);
	sim_guest_dirties(world.sim, UUID, 512 * MIB);
	migrate(&world, 256 * MIB);
	run_ms(&world, 600000);
	g_assert_false(world.answered);
	ask(&world, "n1", HYPER_OP_JOB);
	run_ms(&world, 10);
	g_assert_true(world.job.active);
	g_assert_cmpint(world.job.bandwidth_bytes_per_second, ==, 256 * MIB);
	world.answered = FALSE;
	hyper_submit(host(&world, "n1"),
		     &(HyperCall){ .op = HYPER_OP_ABORT, .uuid = UUID, .timeout_ms = 5000 }, NULL,
		     NULL);
	run_ms(&world, 1000);
	g_assert_true(world.answered);
	g_assert_cmpint(world.code, ==, KVMIG_ERROR_CANCELLED);
	check_states(&world, HYPER_DOMAIN_RUNNING, HYPER_DOMAIN_NONE);
	world_clear(&world);
}

static void on_phase(SimPhase phase, const char *uuid G_GNUC_UNUSED, gpointer data)
{
	World *world = data;

	if (phase == world->act_in && world->act) {
		void (*act)(Sim *) = world->act;

		world->act = NULL;
		act(world->sim);
	}
}

static void freeze_target(Sim *sim)
{
	sim_daemon_freeze(sim, "n2");
}

static void kill_source_daemon(Sim *sim)
{
	sim_daemon_kill(sim, "n1");
}

static void power_off_source(Sim *sim)
{
	sim_host_down(sim, "n1");
}

static void power_off_target(Sim *sim)
{
	sim_host_down(sim, "n2");
}

static void migrate_and(World *world, SimPhase phase, void (*act)(Sim *))
{
	world_init(world);
	world->act_in = phase;
	world->act = act;
	sim_on_phase(world->sim, on_phase, world);
	migrate(world, 0);
	run_ms(world, 120000);
}

/* As seen on real hosts: a target that stands still past the keepalive starts its copy when it
 * wakes; an image lock prevents it. */
static void test_late_start(void)
{
	for (int locks = 0; locks <= 1; locks++) {
		World world;

		migrate_and(&world, SIM_PHASE_SWITCH, freeze_target);
		sim_set_disk_locks(world.sim, locks);
		g_assert_cmpint(world.code, ==, KVMIG_ERROR_FAILED);
		check_states(&world, HYPER_DOMAIN_RUNNING, HYPER_DOMAIN_PAUSED);
		sim_daemon_thaw(world.sim, "n2");
		run_ms(&world, 1000);
		check_states(&world, HYPER_DOMAIN_RUNNING,
			     locks ? HYPER_DOMAIN_NONE : HYPER_DOMAIN_RUNNING);
		g_assert_cmpuint(sim_most_copies(world.sim, UUID), ==, locks ? 1 : 2);
		world_clear(&world);
	}
}

static void test_source_daemon_dies(void)
{
	World world;

	migrate_and(&world, SIM_PHASE_PERFORM, kill_source_daemon);
	g_assert_cmpint(world.code, ==, KVMIG_ERROR_UNREACHABLE);
	g_assert_true(world.unknown);
	check_states(&world, HYPER_DOMAIN_RUNNING, HYPER_DOMAIN_NONE);
	world_clear(&world);

	migrate_and(&world, SIM_PHASE_FINISHED, kill_source_daemon);
	sim_daemon_start(world.sim, "n1");
	check_states(&world, HYPER_DOMAIN_PAUSED, HYPER_DOMAIN_RUNNING);
	g_assert_cmpuint(sim_most_copies(world.sim, UUID), ==, 1);
	world_clear(&world);
}

/* The definition is still on the source, with autostart: this is the second copy that kvmig must
 * prevent. */
static void test_autostart_boots(void)
{
	World world;

	world_init(&world);
	hyper_submit(host(&world, "n1"),
		     &(HyperCall){ .op = HYPER_OP_SET_AUTOSTART,
				   .uuid = UUID,
				   .flag = TRUE,
				   .timeout_ms = 5000 },
		     NULL, NULL);
	run_ms(&world, 100);
	g_assert_true(sim_autostart(world.sim, "n1", UUID));
	world.act_in = SIM_PHASE_FINISHED;
	world.act = power_off_source;
	sim_on_phase(world.sim, on_phase, &world);
	migrate(&world, 0);
	run_ms(&world, 120000);
	check_states(&world, HYPER_DOMAIN_SHUTOFF, HYPER_DOMAIN_RUNNING);
	sim_host_up(world.sim, "n1");
	check_states(&world, HYPER_DOMAIN_RUNNING, HYPER_DOMAIN_RUNNING);
	world_clear(&world);
}

static void test_target_dies(void)
{
	World world;

	migrate_and(&world, SIM_PHASE_PERFORM, power_off_target);
	g_assert_true(world.answered);
	g_assert_cmpint(world.code, ==, KVMIG_ERROR_FAILED);
	check_states(&world, HYPER_DOMAIN_RUNNING, HYPER_DOMAIN_NONE);
	g_assert_cmpuint(sim_migrations(world.sim), ==, 0);
	world_clear(&world);
}

/* A request on a host that cannot be heard ends by its time limit and is done late. */
static void test_cut(void)
{
	World world;

	world_init(&world);
	ask(&world, "n1", HYPER_OP_STATE);
	run_ms(&world, 100);
	g_assert_cmpint(world.state, ==, HYPER_DOMAIN_RUNNING);
	sim_cut(world.sim, "n1");
	ask(&world, "n1", HYPER_OP_SUSPEND);
	run_ms(&world, 10000);
	g_assert_cmpint(world.code, ==, KVMIG_ERROR_TIMEOUT);
	check_states(&world, HYPER_DOMAIN_RUNNING, HYPER_DOMAIN_NONE);
	sim_heal(world.sim, "n1");
	run_ms(&world, 100);
	check_states(&world, HYPER_DOMAIN_PAUSED, HYPER_DOMAIN_NONE);
	world_clear(&world);
}

/* The controller ends in the middle: the migration does not. */
static void test_outlives_client(void)
{
	World world;

	world_init(&world);
	migrate(&world, 0);
	run_ms(&world, 500);
	hyper_free(world.hyper);
	world.hyper = hyper_new(sim_driver(), world.sim, world.clock, on_event, &world);
	run_ms(&world, 10000);
	g_assert_false(world.answered);
	check_states(&world, HYPER_DOMAIN_NONE, HYPER_DOMAIN_RUNNING);
	world_clear(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/sim/success", test_success);
	g_test_add_func("/sim/abort", test_abort);
	g_test_add_func("/sim/late-start", test_late_start);
	g_test_add_func("/sim/source-daemon-dies", test_source_daemon_dies);
	g_test_add_func("/sim/autostart-boots", test_autostart_boots);
	g_test_add_func("/sim/target-dies", test_target_dies);
	g_test_add_func("/sim/cut", test_cut);
	g_test_add_func("/sim/outlives-client", test_outlives_client);
	return g_test_run();
}
