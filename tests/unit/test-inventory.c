/* SPDX-License-Identifier: Apache-2.0 */
/* From (simulated) hosts to objects in a real store. */
#include "store-fixture.h"

#include "hyper/sim/sim.h"
#include "inventory/describe.h"
#include "inventory/inventory.h"
#include "model/host.h"
#include "model/migration.h"
#include "model/vmi.h"
#include "model/wellknown.h"

#define UUID "11111111-2222-4333-8444-555555555555"
#define UUID2 "99999999-2222-4333-8444-555555555555"
#define GIB (G_GINT64_CONSTANT(1) << 30)
#define START_US (G_GINT64_CONSTANT(1795000000) * G_USEC_PER_SEC)

typedef struct {
	StoreFixture store;
	Clock *clock;
	Sim *sim;
	Hyper *hyper;
	Inventory *inventory;
	guint done;
} World;

/* ---- the world ------------------------------------------------------------------------------ */

static void add_host_as(World *world, const char *name, const char *sim_name)
{
	g_autofree char *uri = g_strdup_printf(SIM_URI_FORMAT, sim_name);
	g_autoptr(cJSON) host = host_object_new(name, uri, NULL, NULL, FALSE, NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) made =
		cluster_create(world->store.cluster, host, CLUSTER_WRITE_NONE, &error);

	g_assert_no_error(error);
	g_assert_nonnull(made);
}

static void add_host(World *world, const char *name)
{
	sim_add_host(world->sim, name, 16 * GIB);
	add_host_as(world, name, name);
}

static void start_inventory(World *world)
{
	world->hyper = hyper_new(sim_driver(), world->sim, world->clock, NULL, NULL);
	world->inventory = inventory_new(world->store.cluster, world->hyper, world->clock);
}

static void stop_inventory(World *world)
{
	g_clear_pointer(&world->inventory, inventory_free);
	g_clear_pointer(&world->hyper, hyper_free);
}

static void set_up(World *world, gconstpointer data)
{
	fixture_set_up(&world->store, data);
	world->clock = clock_virtual_new(START_US);
	world->sim = sim_new(world->clock);
	add_host(world, "n1");
	add_host(world, "n2");
	start_inventory(world);
}

static void tear_down(World *world, gconstpointer data)
{
	stop_inventory(world);
	sim_free(world->sim);
	while (g_main_context_iteration(NULL, FALSE))
		;
	clock_free(world->clock);
	fixture_tear_down(&world->store, data);
}

static void on_nothing(gpointer data G_GNUC_UNUSED)
{
}

static void run_ms(World *world, guint ms)
{
	clock_after(world->clock, ms, on_nothing, NULL);
	clock_virtual_run(world->clock, clock_monotonic_us(world->clock) + (gint64)ms * 1000);
}

static void on_done(gpointer data)
{
	((World *)data)->done++;
}

/* A look at all hosts, and what follows from it. */
static void look(World *world)
{
	guint before = world->done;

	inventory_refresh(world->inventory, NULL, 3000, on_done, world);
	g_assert_cmpuint(world->done, ==, before);
	run_ms(world, 4000);
	g_assert_cmpuint(world->done, ==, before + 1);
}

static void guest(World *world, const char *host, const char *uuid, const char *name)
{
	sim_add_guest(world->sim, host,
		      &(SimGuest){ .uuid = uuid, .name = name, .memory_bytes = GIB });
}

static cJSON *get(World *world, const Kind *kind, const char *name)
{
	return cluster_get(world->store.cluster, kind, kind->namespaced ? "default" : NULL, name,
			   NULL);
}

static guint count_vmis(World *world)
{
	g_autoptr(GPtrArray) all = cluster_list(world->store.cluster, &KIND_VMI, NULL, NULL, NULL);

	return all->len;
}

static void check_place(World *world, const char *name, const char *node, const char *phase)
{
	g_autoptr(cJSON) object = get(world, &KIND_VMI, name);
	Vmi vmi;

	g_assert_nonnull(object);
	vmi_read(object, &vmi);
	g_assert_cmpstr(vmi.node_name, ==, node);
	g_assert_cmpstr(object_label(object, LABEL_NODE_NAME), ==, node);
	g_assert_cmpstr(vmi.phase, ==, phase);
}

static void check_condition(World *world, const Kind *kind, const char *name, const char *type,
			    const char *reason)
{
	g_autoptr(cJSON) object = get(world, kind, name);
	const cJSON *condition;

	g_assert_nonnull(object);
	condition = condition_find(object, type);
	g_assert_cmpstr(json_string(condition, "reason", NULL), ==, reason);
}

static void update(World *world, const cJSON *object)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) stored =
		cluster_update(world->store.cluster, object, CLUSTER_WRITE_NONE, &error);

	g_assert_no_error(error);
	g_assert_nonnull(stored);
}

/* ---- hosts ---------------------------------------------------------------------------------- */

static void test_host(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = NULL;
	Host host;

	look(world);
	object = get(world, &KIND_HOST, "n1");
	host_read(object, &host);
	g_assert_true(host.ready);
	g_assert_cmpint(host.memory_allocatable_bytes, ==, 16 * GIB);
	g_assert_cmpint(host.memory_available_bytes, ==, 16 * GIB);
	g_assert_cmpstr(host.arch, ==, "amd64");
	g_assert_cmpint(host.observed_us, >=, START_US);
	g_assert_cmpstr(object_label(object, "kubernetes.io/hostname"), ==, "n1");
	g_assert_cmpstr(object_label(object, "kubevirt.io/schedulable"), ==, "true");
	g_assert_cmpstr(object_label(object, LABEL_PREFIX_MACHINE_TYPE "pc-q35-7.2"), ==, "true");
	g_assert_cmpstr(object_label(object, LABEL_VIRT_TYPE "kvm"), ==, "true");
	g_assert_null(condition_find(object, CONDITION_SAME_HOST));
}

static void test_host_labels(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = get(world, &KIND_HOST, "n1");
	g_autoptr(cJSON) now = NULL;

	object_set_label(object, "zone", "a");
	object_set_label(object, LABEL_PREFIX_MACHINE_TYPE "pc-i440fx-2.0", "true");
	object_set_label(object, LABEL_ARCH, "s390x");
	update(world, object);
	look(world);
	now = get(world, &KIND_HOST, "n1");
	g_assert_cmpstr(object_label(now, "zone"), ==, "a");
	g_assert_null(object_label(now, LABEL_PREFIX_MACHINE_TYPE "pc-i440fx-2.0"));
	g_assert_cmpstr(object_label(now, LABEL_ARCH), ==, "amd64");
}

static void test_host_unreachable(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = NULL;
	Host host;

	guest(world, "n2", UUID, "web");
	look(world);
	check_place(world, "web", "n2", "Running");
	sim_daemon_kill(world->sim, "n2");
	look(world);
	object = get(world, &KIND_HOST, "n2");
	host_read(object, &host);
	g_assert_false(host.ready);
	g_assert_nonnull(strstr(host.not_ready_reason, "Connection refused"));
	g_assert_cmpint(host.memory_allocatable_bytes, ==, 16 * GIB); /* as last seen */
	check_condition(world, &KIND_HOST, "n2", CONDITION_READY, "HostUnreachable");
	check_condition(world, &KIND_HOST, "n1", CONDITION_READY, "HostAnswers");
	check_place(world, "web", "n2", "Unknown");
	sim_daemon_start(world->sim, "n2");
	look(world);
	check_place(world, "web", "n2", "Running");
}

/* A daemon that stands still: the time limit ends the look. */
static void test_host_frozen(World *world, gconstpointer data G_GNUC_UNUSED)
{
	sim_daemon_freeze(world->sim, "n1");
	look(world);
	check_condition(world, &KIND_HOST, "n1", CONDITION_READY, "HostTimeout");
	check_condition(world, &KIND_HOST, "n2", CONDITION_READY, "HostAnswers");
}

static void test_same_host(World *world, gconstpointer data G_GNUC_UNUSED)
{
	add_host_as(world, "n1-again", "n1");
	guest(world, "n1", UUID, "web");
	look(world);
	look(world);
	check_condition(world, &KIND_HOST, "n1", CONDITION_SAME_HOST, "SameHostUUID");
	check_condition(world, &KIND_HOST, "n1-again", CONDITION_SAME_HOST, "SameHostUUID");
	check_condition(world, &KIND_HOST, "n2", CONDITION_SAME_HOST, NULL);
	/* what it runs is not there twice */
	g_assert_cmpuint(count_vmis(world), ==, 1);
	check_condition(world, &KIND_VMI, "web", CONDITION_DUPLICATE, NULL);
}

/* Nothing is written where nothing has changed, but for the heartbeat. */
static void test_quiet(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) vmi = NULL;
	g_autoptr(cJSON) vmi_after = NULL;
	g_autoptr(cJSON) host = NULL;
	g_autoptr(cJSON) host_after = NULL;

	guest(world, "n1", UUID, "web");
	look(world);
	look(world);
	vmi = get(world, &KIND_VMI, "web");
	host = get(world, &KIND_HOST, "n1");
	inventory_refresh(world->inventory, NULL, 3000, NULL, NULL);
	run_ms(world, 500);
	inventory_refresh(world->inventory, NULL, 3000, NULL, NULL);
	run_ms(world, 500);
	vmi_after = get(world, &KIND_VMI, "web");
	g_assert_cmpstr(object_resource_version(vmi), ==, object_resource_version(vmi_after));
	host_after = get(world, &KIND_HOST, "n1");
	g_assert_cmpint(object_generation(host), ==, object_generation(host_after));
}

/* ---- VMIs ----------------------------------------------------------------------------------- */

static void test_vmi(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = NULL;
	Vmi vmi;

	sim_add_guest(world->sim, "n1",
		      &(SimGuest){ .uuid = UUID,
				   .name = "Web_01 (old)",
				   .memory_bytes = GIB,
				   .autostart = TRUE });
	look(world);
	object = get(world, &KIND_VMI, "web-01-old");
	g_assert_nonnull(object);
	vmi_read(object, &vmi);
	g_assert_cmpstr(vmi.raw_name, ==, "Web_01 (old)");
	g_assert_cmpstr(vmi.domain_uuid, ==, UUID);
	g_assert_cmpstr(vmi.node_name, ==, "n1");
	g_assert_cmpstr(vmi.phase, ==, "Running");
	g_assert_cmpstr(vmi.arch, ==, "amd64");
	g_assert_cmpstr(vmi.machine_type, ==, "pc-q35-7.2");
	g_assert_cmpint(vmi.memory_bytes, ==, GIB);
	g_assert_null(vmi.not_migratable_reason);
	g_assert_true(json_bool(json_get(object, "status"), "autostart", FALSE));
	g_assert_true(json_bool(json_get(object, "status"), "persistent", FALSE));
}

static void test_states(World *world, gconstpointer data G_GNUC_UNUSED)
{
	sim_add_guest(world->sim, "n1",
		      &(SimGuest){ .uuid = UUID, .name = "off", .shutoff = TRUE });
	sim_add_guest(world->sim, "n2",
		      &(SimGuest){ .uuid = UUID2, .name = "paused", .paused = TRUE });
	look(world);
	check_place(world, "off", "n1", "Succeeded");
	check_condition(world, &KIND_VMI, "off", CONDITION_LIVE_MIGRATABLE, "NotRunning");
	check_place(world, "paused", "n2", "Running");
	check_condition(world, &KIND_VMI, "paused", CONDITION_PAUSED, "PausedByUser");
	check_condition(world, &KIND_VMI, "off", CONDITION_PAUSED, NULL);
}

static void test_equal_names(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) plain = NULL;
	g_autoptr(cJSON) piece = NULL;
	g_autoptr(cJSON) other = NULL;

	guest(world, "n1", UUID, "web 1");
	guest(world, "n2", UUID2, "web_1");
	look(world);
	g_assert_cmpuint(count_vmis(world), ==, 2);
	plain = get(world, &KIND_VMI, "web-1");
	g_assert_nonnull(plain);
	piece = get(world, &KIND_VMI, "web-1-11111111");
	other = get(world, &KIND_VMI, "web-1-99999999");
	g_assert_true((piece != NULL) != (other != NULL));
	/* and it stays so */
	stop_inventory(world);
	start_inventory(world);
	look(world);
	g_assert_cmpuint(count_vmis(world), ==, 2);
}

static void test_vanished(World *world, gconstpointer data G_GNUC_UNUSED)
{
	sim_add_guest(
		world->sim, "n1",
		&(SimGuest){ .uuid = UUID, .name = "web", .memory_bytes = GIB, .transient = TRUE });
	look(world);
	sim_guest_ends(world->sim, UUID);
	look(world);
	g_assert_cmpuint(count_vmis(world), ==, 0);
}

/* It may be on the host that does not answer. */
static void test_vanished_silence(World *world, gconstpointer data G_GNUC_UNUSED)
{
	sim_add_guest(
		world->sim, "n1",
		&(SimGuest){ .uuid = UUID, .name = "web", .memory_bytes = GIB, .transient = TRUE });
	look(world);
	sim_cut(world->sim, "n2");
	sim_guest_ends(world->sim, UUID);
	look(world);
	look(world);
	check_place(world, "web", NULL, "Unknown");
	check_condition(world, &KIND_VMI, "web", CONDITION_MISSING, "NotFound");
	/* another process knows no more */
	stop_inventory(world);
	start_inventory(world);
	look(world);
	check_place(world, "web", NULL, "Unknown");
	sim_heal(world->sim, "n2");
	look(world);
	look(world);
	g_assert_cmpuint(count_vmis(world), ==, 0);
}

static void test_duplicate(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = NULL;
	Vmi vmi;

	guest(world, "n1", UUID, "web");
	look(world);
	guest(world, "n2", UUID, "web");
	look(world);
	g_assert_cmpuint(count_vmis(world), ==, 1);
	check_place(world, "web", "n1", "Running");
	check_condition(world, &KIND_VMI, "web", CONDITION_DUPLICATE, "RunningTwice");
	object = get(world, &KIND_VMI, "web");
	vmi_read(object, &vmi);
	g_assert_true(vmi.duplicate_uuid);
	g_assert_cmpint(cJSON_GetArraySize(vmi.also_on), ==, 1);
	g_assert_cmpstr(cJSON_GetArrayItem(vmi.also_on, 0)->valuestring, ==, "n2");
}

static void test_stale_definition(World *world, gconstpointer data G_GNUC_UNUSED)
{
	sim_add_guest(world->sim, "n1",
		      &(SimGuest){ .uuid = UUID, .name = "web", .shutoff = TRUE });
	guest(world, "n2", UUID, "web");
	look(world);
	check_place(world, "web", "n2", "Running");
	check_condition(world, &KIND_VMI, "web", CONDITION_DUPLICATE, "DefinedElsewhere");
}

/* Its node is taken out of the cluster: the domain is none of ours any more. */
static void test_node_removed(World *world, gconstpointer data G_GNUC_UNUSED)
{
	guest(world, "n2", UUID, "web");
	look(world);
	g_assert_true(cluster_delete(world->store.cluster, &KIND_HOST, NULL, "n2", NULL,
				     CLUSTER_WRITE_NONE, NULL));
	stop_inventory(world);
	start_inventory(world);
	look(world);
	look(world);
	g_assert_cmpuint(count_vmis(world), ==, 0);
}

/* Somebody else writes to the object while a look is under way: both changes are kept. */
static void test_two_writers(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Cluster) other = fixture_open(FALSE);
	g_autoptr(cJSON) object = NULL;
	g_autoptr(cJSON) stored = NULL;
	g_autoptr(cJSON) after = NULL;

	guest(world, "n1", UUID, "web");
	look(world);
	sim_daemon_kill(world->sim, "n1");
	inventory_refresh(world->inventory, NULL, 3000, NULL, NULL);
	object = get(world, &KIND_VMI, "web");
	json_set_string(json_ensure_object(json_get(object, "status"), "migrationState"),
			"migrationUid", "42");
	stored = cluster_update_status(other, object, CLUSTER_WRITE_NONE, NULL);
	g_assert_nonnull(stored);
	run_ms(world, 4000);
	check_place(world, "web", "n1", "Unknown");
	after = get(world, &KIND_VMI, "web");
	g_assert_cmpstr(json_string(json_path(after, "status", "migrationState", NULL),
				    "migrationUid", NULL),
			==, "42");
}

/* Many events are one look; more looks at a host that is being looked at are one more. */
static void test_coalesced(World *world, gconstpointer data G_GNUC_UNUSED)
{
	look(world);
	guest(world, "n1", UUID, "web");
	world->done = 0;
	for (guint i = 0; i < 50; i++)
		inventory_touch(world->inventory, "n1", UUID);
	run_ms(world, 50);
	g_assert_cmpuint(count_vmis(world), ==, 0);
	run_ms(world, 200);
	check_place(world, "web", "n1", "Running");
	for (guint i = 0; i < 50; i++)
		inventory_refresh(world->inventory, "n1", 3000, on_done, world);
	run_ms(world, 100);
	g_assert_cmpuint(world->done, ==, 50);
	inventory_refresh(world->inventory, "no-such-node", 3000, on_done, world);
	run_ms(world, 100);
	g_assert_cmpuint(world->done, ==, 51);
}

/* ---- migrations ----------------------------------------------------------------------------- */

static void put_migration(World *world, MigrationPhase phase)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) object = get(world, &KIND_VMIM, "m1");
	g_autoptr(cJSON) stored = NULL;
	cJSON *kvmig;

	if (!object) {
		g_autoptr(cJSON) wanted = object_new(&KIND_VMIM, "default", "m1");

		json_set_string(json_ensure_object(wanted, "spec"), "vmiName", "web");
		object = cluster_create(world->store.cluster, wanted, CLUSTER_WRITE_NONE, &error);
		g_assert_no_error(error);
	}
	migration_set_phase(object, phase, START_US);
	kvmig = json_ensure_object(json_ensure_object(object, "status"), "kvmig");
	json_set_string(kvmig, "sourceNode", "n1");
	json_set_string(kvmig, "targetNode", "n2");
	stored = cluster_update_status(world->store.cluster, object, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
}

static void on_migrated(HyperRequest *request G_GNUC_UNUSED, HyperAnswer *answer, gpointer data)
{
	g_assert_no_error(answer->error);
	*(gboolean *)data = TRUE;
}

static void test_migration(World *world, gconstpointer data G_GNUC_UNUSED)
{
	HyperMigrateParams params = { .peer_uri = "qemu+tls://n2/system",
				      .migrate_uri = "tcp://192.0.2.2",
				      .persistent = TRUE };
	gboolean migrated = FALSE;

	guest(world, "n1", UUID, "web");
	sim_set_link(world->sim, GIB / 16);
	look(world);
	put_migration(world, MIGRATION_PHASE_RUNNING);
	hyper_submit(hyper_find_host(world->hyper, "n1"),
		     &(HyperCall){ .op = HYPER_OP_MIGRATE, .uuid = UUID, .migrate = &params },
		     on_migrated, &migrated);
	look(world);
	g_assert_false(migrated);
	g_assert_cmpuint(count_vmis(world), ==, 1);
	check_place(world, "web", "n1", "Running");
	check_condition(world, &KIND_VMI, "web", CONDITION_DUPLICATE, NULL);
	run_ms(world, 60000);
	g_assert_true(migrated);
	put_migration(world, MIGRATION_PHASE_SUCCEEDED);
	/* the target is seen first: no alarm, the source is asked before */
	inventory_touch(world->inventory, "n2", UUID);
	run_ms(world, 1000);
	check_condition(world, &KIND_VMI, "web", CONDITION_DUPLICATE, NULL);
	look(world);
	check_place(world, "web", "n2", "Running");
	check_condition(world, &KIND_VMI, "web", CONDITION_DUPLICATE, NULL);
}

/* It is nowhere, but a migration has it in its hands: the engine's to decide. */
static void test_migration_keeps(World *world, gconstpointer data G_GNUC_UNUSED)
{
	sim_add_guest(
		world->sim, "n1",
		&(SimGuest){ .uuid = UUID, .name = "web", .memory_bytes = GIB, .transient = TRUE });
	look(world);
	put_migration(world, MIGRATION_PHASE_RUNNING);
	sim_guest_ends(world->sim, UUID);
	look(world);
	look(world);
	g_assert_cmpuint(count_vmis(world), ==, 1);
	put_migration(world, MIGRATION_PHASE_FAILED);
	look(world);
	look(world);
	g_assert_cmpuint(count_vmis(world), ==, 0);
}

/* ---- labels --------------------------------------------------------------------------------- */

static void label(World *world, const char *key, const char *value)
{
	g_autoptr(cJSON) object = get(world, &KIND_VMI, "web");

	object_set_label(object, key, value);
	update(world, object);
}

static void check_label(World *world, const char *key, const char *value)
{
	g_autoptr(cJSON) object = get(world, &KIND_VMI, "web");

	g_assert_cmpstr(object_label(object, key), ==, value);
}

/* Labels come back from the domain where all objects were lost. */
static void forget_vmis(World *world)
{
	stop_inventory(world);
	g_assert_true(cluster_delete(world->store.cluster, &KIND_VMI, "default", "web", NULL,
				     CLUSTER_WRITE_NONE, NULL));
	start_inventory(world);
	look(world);
}

static void test_labels_carried(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = NULL;

	guest(world, "n1", UUID, "web");
	look(world);
	label(world, "app", "shop");
	look(world);
	object = get(world, &KIND_VMI, "web");
	g_assert_true(inventory_is_carried(object));
	forget_vmis(world);
	check_label(world, "app", "shop");
	label(world, "app", NULL);
	look(world);
	forget_vmis(world);
	check_label(world, "app", NULL);
}

/* Without a look: the watch tells. */
static void test_labels_heard(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = NULL;

	guest(world, "n1", UUID, "web");
	look(world);
	label(world, "app", "shop");
	for (guint i = 0; i < 20 && !object; i++) {
		g_usleep(10000);
		run_ms(world, 1000);
		object = get(world, &KIND_VMI, "web");
		if (!inventory_is_carried(object)) {
			cJSON_Delete(object);
			object = NULL;
		}
	}
	g_assert_nonnull(object);
}

static void test_labels_wait(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) during = NULL;
	g_autoptr(cJSON) after = NULL;

	guest(world, "n1", UUID, "web");
	look(world);
	sim_inject(world->sim, UUID, SIM_FAULT_JOB_BUSY);
	label(world, "app", "shop");
	look(world);
	during = get(world, &KIND_VMI, "web");
	g_assert_false(inventory_is_carried(during));
	check_label(world, "app", "shop");
	run_ms(world, 60000);
	look(world);
	after = get(world, &KIND_VMI, "web");
	g_assert_true(inventory_is_carried(after));
	forget_vmis(world);
	check_label(world, "app", "shop");
}

static void on_set(HyperRequest *request G_GNUC_UNUSED, HyperAnswer *answer,
		   gpointer data G_GNUC_UNUSED)
{
	g_assert_no_error(answer->error);
}

static void set_metadata(World *world, const char *xml)
{
	g_autofree char *uri = g_strdup_printf(SIM_URI_FORMAT, "n1");

	hyper_submit(hyper_host(world->hyper, "n1", uri, FALSE, NULL),
		     &(HyperCall){ .op = HYPER_OP_SET_METADATA,
				   .uuid = UUID,
				   .text = xml,
				   .timeout_ms = 1000 },
		     on_set, NULL);
	run_ms(world, 100);
}

static void test_metadata_names(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = NULL;

	guest(world, "n1", UUID, "instance-0042");
	set_metadata(world, "<kvmig:instance xmlns:kvmig='" METADATA_XMLNS
			    "' name='shop' namespace='prod'><kvmig:label key='a' value='b'/>"
			    "<kvmig:nodeSelector key='zone' value='z1'/></kvmig:instance>");
	look(world);
	object = cluster_get(world->store.cluster, &KIND_VMI, "prod", "shop", NULL);
	g_assert_nonnull(object);
	g_assert_cmpstr(object_label(object, "a"), ==, "b");
	g_assert_cmpstr(json_string(json_path(object, "spec", "nodeSelector", NULL), "zone", NULL),
			==, "z1");
}

static void test_metadata_clone(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = NULL;

	guest(world, "n1", UUID, "copy");
	set_metadata(world, "<instance uuid='" UUID2 "' name='model'><label key='a' value='b'/>"
			    "</instance>");
	look(world);
	object = get(world, &KIND_VMI, "copy");
	g_assert_nonnull(object);
	g_assert_cmpstr(object_label(object, "a"), ==, "b");
}

/* Changed on the domain by another kvmig, and not here: theirs is taken. */
static void test_metadata_changed(World *world, gconstpointer data G_GNUC_UNUSED)
{
	guest(world, "n1", UUID, "web");
	look(world);
	set_metadata(world, "<instance><label key='tier' value='db'/></instance>");
	look(world);
	check_label(world, "tier", "db");
}

static void test_metadata_monster(World *world, gconstpointer data G_GNUC_UNUSED)
{
	guest(world, "n1", UUID, "web");
	set_metadata(world, "<instance><a><b><c/></b></a>");
	g_test_expect_message("kvmig", G_LOG_LEVEL_WARNING, "*'web'*cannot be read*");
	look(world);
	g_test_assert_expected_messages();
	check_place(world, "web", "n1", "Running");
	label(world, "app", "shop");
	look(world);
	forget_vmis(world);
	check_label(world, "app", "shop");
}

/* ---- finding -------------------------------------------------------------------------------- */

static void check_found(World *world, const char *ns, const char *word, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) found = inventory_find_vmi(world->store.cluster, ns, word, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(object_name(found), ==, name);
}

static void test_find(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) missing = NULL;

	guest(world, "n1", UUID, "Web_01 (old)");
	guest(world, "n2", UUID2, "Web 01 (old)");
	look(world);
	check_found(world, "default", "Web 01 (old)", "web-01-old");
	check_found(world, NULL, UUID2, "web-01-old");
	check_found(world, "default", "web-01-old", "web-01-old");
	g_assert_null(inventory_find_vmi(world->store.cluster, "default", "web-01-odl", &missing));
	assert_error(missing, KVMIG_ERROR_NOT_FOUND, "no VM 'web-01-odl' in namespace 'default'");
	g_assert_nonnull(strstr(error_get_hint(missing), "web-01-old"));
	g_clear_error(&missing);
	g_assert_null(inventory_find_vmi(world->store.cluster, "other", UUID, &missing));
	assert_error(missing, KVMIG_ERROR_NOT_FOUND, "in namespace 'other'");
}

static void test_find_ambiguous(World *world, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	guest(world, "n1", UUID, "Same Name");
	guest(world, "n2", UUID2, "Same Name");
	look(world);
	g_assert_null(inventory_find_vmi(world->store.cluster, NULL, "Same Name", &error));
	assert_error(error, KVMIG_ERROR_INVALID, "any of 2 VMs");
}

#define ADD(name, func) g_test_add("/inventory/" name, World, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("host", test_host);
	ADD("host-labels", test_host_labels);
	ADD("host-unreachable", test_host_unreachable);
	ADD("host-frozen", test_host_frozen);
	ADD("same-host", test_same_host);
	ADD("quiet", test_quiet);
	ADD("vmi", test_vmi);
	ADD("states", test_states);
	ADD("equal-names", test_equal_names);
	ADD("vanished", test_vanished);
	ADD("vanished-silence", test_vanished_silence);
	ADD("duplicate", test_duplicate);
	ADD("stale-definition", test_stale_definition);
	ADD("node-removed", test_node_removed);
	ADD("two-writers", test_two_writers);
	ADD("coalesced", test_coalesced);
	ADD("migration", test_migration);
	ADD("migration-keeps", test_migration_keeps);
	ADD("labels-carried", test_labels_carried);
	ADD("labels-heard", test_labels_heard);
	ADD("labels-wait", test_labels_wait);
	ADD("metadata-names", test_metadata_names);
	ADD("metadata-clone", test_metadata_clone);
	ADD("metadata-changed", test_metadata_changed);
	ADD("metadata-monster", test_metadata_monster);
	ADD("find", test_find);
	ADD("find-ambiguous", test_find_ambiguous);
	return g_test_run();
}
