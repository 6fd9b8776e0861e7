/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/engine-world.h"

#include <unistd.h>

#include "model/host.h"
#include "model/wellknown.h"
#include "settings/settings.h"

#define START_US (G_GINT64_CONSTANT(1795000000) * G_USEC_PER_SEC)
#define POLL_MS 10000

/* ---- the controller ------------------------------------------------------------------------- */

/* As the controller does it. */
static void on_event(HyperHost *host, const HyperEvent *event, gpointer data)
{
	World *world = data;
	const char *node = hyper_host_name(host);

	if (event->type == HYPER_EVENT_DOMAIN || event->type == HYPER_EVENT_STATE)
		inventory_touch(world->inventory, node, event->uuid);
	else if (event->type == HYPER_EVENT_CONNECTED)
		inventory_refresh(world->inventory, node, 5000, NULL, NULL);
	if (world->engine)
		engine_handle_event(world->engine, host, event);
}

static void on_poll(gpointer data)
{
	World *world = data;

	inventory_refresh(world->inventory, NULL, 5000, NULL, NULL);
	world->poll_timer = clock_after(world->clock, POLL_MS, on_poll, world);
}

static void on_step(const char *step, gpointer data)
{
	World *world = data;

	g_hash_table_add(world->steps, g_strdup(step));
	if (g_strcmp0(world->kill_at, step) == 0) {
		world->kill_at = NULL;
		world->killed = TRUE;
		engine_halt(world->engine);
	}
}

void world_start(World *world)
{
	g_autoptr(GError) error = NULL;
	EngineOptions options = { .cluster = world->store.cluster,
				  .clock = world->clock,
				  .history = world->history,
				  .unschedulable_timeout_s = 300 };

	world->hyper = hyper_new(sim_driver(), world->sim, world->clock, on_event, world);
	world->inventory = inventory_new(world->store.cluster, world->hyper, world->clock);
	options.hyper = world->hyper;
	options.inventory = world->inventory;
	world->engine = engine_new(&options, &error);
	g_assert_no_error(error);
	engine_set_step_hook(world->engine, on_step, world);
	on_poll(world);
}

void world_kill(World *world)
{
	clock_cancel(world->clock, &world->poll_timer);
	g_clear_pointer(&world->engine, engine_free);
	g_clear_pointer(&world->inventory, inventory_free);
	g_clear_pointer(&world->hyper, hyper_free);
	world->killed = FALSE;
}

gboolean world_revive(World *world)
{
	if (!world->killed)
		return FALSE;
	world_kill(world);
	world_start(world);
	return TRUE;
}

void world_kill_at(World *world, const char *step)
{
	world->kill_at = step;
}

/* ---- the world ------------------------------------------------------------------------------ */

static void on_phase(SimPhase phase, const char *uuid G_GNUC_UNUSED, gpointer data)
{
	World *world = data;
	void (*act)(World *) = world->act;

	if (phase != world->act_in || !act)
		return;
	world->act = NULL;
	act(world);
}

void world_act_in(World *world, SimPhase phase, void (*act)(World *world))
{
	world->act_in = phase;
	world->act = act;
}

void world_add_host(World *world, const char *name, gint64 memory_bytes)
{
	g_autofree char *uri = g_strdup_printf(SIM_URI_FORMAT, name);
	g_autoptr(cJSON) host = host_object_new(name, uri, NULL, "192.0.2.1", FALSE, NULL);
	g_autoptr(cJSON) stored = NULL;
	g_autoptr(GError) error = NULL;

	sim_add_host(world->sim, name, memory_bytes);
	object_set_label(host, LABEL_HOSTNAME, name);
	stored = cluster_create(world->store.cluster, host, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
}

void world_set(World *world, const char *key, const char *value)
{
	g_autoptr(cJSON) object = cluster_get(world->store.cluster, &KIND_HYPERCONVERGED,
					      HYPERCONVERGED_NAMESPACE, HYPERCONVERGED_NAME, NULL);
	gboolean is_new = object == NULL;
	g_autoptr(cJSON) stored = NULL;
	g_autoptr(GError) error = NULL;
	cJSON *map, *parsed;

	if (is_new)
		object = object_new(&KIND_HYPERCONVERGED, HYPERCONVERGED_NAMESPACE,
				    HYPERCONVERGED_NAME);
	map = json_ensure_object(json_ensure_object(object, "spec"), "liveMigrationConfig");
	parsed = setting_parse_value(setting_find(key), value, &error);
	g_assert_no_error(error);
	json_set(map, key, parsed);
	stored = is_new ? cluster_create(world->store.cluster, object, CLUSTER_WRITE_NONE, &error)
			: cluster_update(world->store.cluster, object, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
}

/* In memory where there is such a folder: thousands of writes, each with its fsync. */
static void use_memory(void)
{
	if (access("/dev/shm", W_OK) == 0)
		g_setenv("TMPDIR", "/dev/shm", FALSE);
}

void world_init(World *world, gboolean bare)
{
	use_memory();
	*world = (World){ 0 };
	fixture_set_up(&world->store, NULL);
	world->steps = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	world->clock = clock_virtual_new(START_US);
	world->sim = sim_new(world->clock);
	world->history = history_open(NULL);
	g_assert_nonnull(world->history);
	sim_on_phase(world->sim, on_phase, world);
	world_set(world, "disableTLS", "true");
	if (!bare) {
		world_add_host(world, "n1", 8 * GIB);
		world_add_host(world, "n2", 8 * GIB);
		sim_add_guest(world->sim, "n1",
			      &(SimGuest){ .uuid = UUID, .name = "web", .memory_bytes = GIB });
	}
	world_start(world);
	world_run_ms(world, 500);
}

void world_clear(World *world)
{
	world_kill(world);
	history_close(world->history);
	sim_free(world->sim);
	while (g_main_context_iteration(NULL, FALSE))
		;
	clock_free(world->clock);
	g_hash_table_unref(world->steps);
	fixture_tear_down(&world->store, NULL);
}

void world_look(World *world)
{
	world_run_ms(world, 100); /* the inventory hears of new nodes */
	inventory_refresh(world->inventory, NULL, 5000, NULL, NULL);
	world_run_ms(world, 500);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void on_nothing(gpointer data G_GNUC_UNUSED)
{
}

void world_run_ms(World *world, guint ms)
{
	clock_after(world->clock, ms, on_nothing, NULL);
	clock_virtual_run(world->clock, clock_monotonic_us(world->clock) + (gint64)ms * 1000);
}

gboolean world_settle(World *world, guint ms)
{
	for (guint spent = 0; spent < ms; spent += 100) {
		world_run_ms(world, 100);
		if (world->killed)
			return FALSE;
		if (engine_is_idle(world->engine)) {
			world_run_ms(world, 300); /* the inventory hears of it */
			return TRUE;
		}
	}
	return FALSE;
}

typedef struct {
	World *world;
	void (*act)(World *world);
	gboolean done;
} Deaf;

static void on_deaf(ClusterEventType type G_GNUC_UNUSED, const cJSON *object G_GNUC_UNUSED,
		    const GError *error G_GNUC_UNUSED, gpointer data)
{
	Deaf *deaf = data;

	if (deaf->done)
		return;
	deaf->done = TRUE;
	deaf->act(deaf->world);
}

/* A store delivers nothing while a watcher is still busy with what it was told. */
void world_deaf(World *world, void (*act)(World *world))
{
	Cluster *cluster = world->store.cluster;
	Deaf deaf = { .world = world, .act = act };
	g_autofree char *version = NULL;
	g_autoptr(cJSON) lease = object_new(&KIND_LEASE, NS, "deaf");
	g_autoptr(GPtrArray) leases = NULL;
	g_autoptr(cJSON) stored = NULL;
	g_autoptr(GError) error = NULL;
	ClusterWatch *watch;

	leases = cluster_list(cluster, &KIND_LEASE, NULL, &version, &error);
	g_assert_no_error(error);
	g_assert_nonnull(leases);
	watch = cluster_watch(cluster, &KIND_LEASE, NULL, version, on_deaf, &deaf, &error);
	g_assert_no_error(error);
	stored = cluster_create(cluster, lease, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
	while (!deaf.done)
		g_main_context_iteration(NULL, TRUE);
	cluster_watch_stop(watch);
}

/* ---- migrations ----------------------------------------------------------------------------- */

char *world_migrate(World *world, const char *vm, const char *node)
{
	g_autoptr(cJSON) selector = node ? cJSON_CreateObject() : NULL;
	g_autoptr(cJSON) object = NULL;
	g_autoptr(cJSON) stored = NULL;
	g_autoptr(GError) error = NULL;

	if (node)
		json_set_string(selector, LABEL_HOSTNAME, node);
	object = migration_object_new(NS, vm, selector);
	/* the engine has to stand what an API server without such an admission lets in */
	stored = cluster_create(world->store.cluster, object, CLUSTER_WRITE_UNADMITTED, &error);
	g_assert_no_error(error);
	return g_strdup(object_name(stored));
}

cJSON *world_get(World *world, const Kind *kind, const char *name)
{
	g_autoptr(GError) error = NULL;
	cJSON *object =
		cluster_get(world->store.cluster, kind, kind->namespaced ? NS : NULL, name, &error);

	g_assert_no_error(error);
	return object;
}

void world_cancel(World *world, const char *migration)
{
	g_autoptr(GError) error = NULL;

	cluster_delete(world->store.cluster, &KIND_VMIM, NS, migration, NULL, CLUSTER_WRITE_NONE,
		       &error);
	g_assert_no_error(error);
}

char *world_phase(World *world, const char *migration)
{
	g_autoptr(cJSON) object = world_get(world, &KIND_VMIM, migration);
	Migration view;

	migration_read(object, &view);
	g_test_message("%s: %s %s: %s", migration, view.phase_text,
		       view.result_reason ? view.result_reason : "",
		       view.result_message ? view.result_message : "");
	return g_strdup(view.phase_text);
}

char *world_reason(World *world, const char *migration)
{
	g_autoptr(cJSON) object = world_get(world, &KIND_VMIM, migration);
	Migration view;

	migration_read(object, &view);
	return g_strdup(view.result_reason ? view.result_reason : view.wait_reason);
}

char *world_end_state(World *world, const char *migration)
{
	g_autoptr(cJSON) object = world_get(world, &KIND_VMIM, migration);
	Migration view;

	migration_read(object, &view);
	return g_strdup(view.end_state);
}

void world_assert_runs_on(World *world, const char *host)
{
	assert_state(world, host, HYPER_DOMAIN_RUNNING);
	g_assert_cmpuint(sim_running_copies(world->sim, UUID), ==, 1);
	g_assert_cmpuint(sim_most_copies(world->sim, UUID), ==, 1);
}
