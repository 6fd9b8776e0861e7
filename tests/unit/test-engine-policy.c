/* SPDX-License-Identifier: Apache-2.0 */
/* The engine and migration policies: which one it obeys, and what it records. */
#include <string.h>

#include "engine-world.h"

/* What the winning policy says goes before the cluster's settings, and is recorded. */
static void add_policy(World *world, const char *name, const char *label, const char *bandwidth)
{
	cJSON *selectors, *vm;
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) object = object_new(&KIND_MIGRATION_POLICY, NULL, name);
	g_autoptr(cJSON) stored = NULL;
	cJSON *spec = json_ensure_object(object, "spec");

	selectors = json_ensure_object(spec, "selectors");
	vm = json_ensure_object(selectors, "virtualMachineInstanceSelector");
	if (label)
		json_set_string(vm, label, "yes");
	json_set_string(spec, "bandwidthPerMigration", bandwidth);
	json_set_bool(spec, "allowPostCopy", TRUE);
	stored = cluster_create(world->store.cluster, object, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
}

static void label_vm(World *world, const char *label)
{
	g_autoptr(cJSON) patch = cJSON_CreateObject();
	g_autoptr(cJSON) stored = NULL;

	json_set_string(json_ensure_object(json_ensure_object(patch, "metadata"), "labels"), label,
			"yes");
	stored = cluster_patch(world->store.cluster, &KIND_VMI, NS, "web", CLUSTER_PATCH_MERGE,
			       patch, CLUSTER_WRITE_NONE, NULL);
	g_assert_nonnull(stored);
}

static void test_policy(void)
{
	g_autofree char *name = NULL;
	g_autoptr(cJSON) object = NULL;
	g_autoptr(cJSON) vmi = NULL;
	const cJSON *settings, *state;
	World world;

	world_init(&world, FALSE);
	world_set(&world, "bandwidthPerMigration", "64Mi");
	add_policy(&world, "all", NULL, "1Mi");
	add_policy(&world, "fast", "fast", "32Mi");
	add_policy(&world, "other", "other", "2Mi");
	label_vm(&world, "fast");
	name = world_migrate(&world, "web", "n2");
	g_assert_true(world_settle(&world, 120000));
	object = world_get(&world, &KIND_VMIM, name);
	settings = json_path(object, "status", "kvmig", "settings", NULL);
	g_assert_cmpstr(json_string(settings, "policy", ""), ==, "fast");
	g_assert_cmpstr(json_string(json_path(object, "status", "migrationState", NULL),
				    "migrationPolicyName", ""),
			==, "fast");
	g_assert_cmpint(json_int(settings, "bandwidthBytesPerSecond", 0), ==, 32 * MIB);
	g_assert_true(json_bool(settings, "allowWorkloadDisruption", FALSE));
	/* a GiB at 32 MiB/s, not at the cluster's 64 */
	g_assert_cmpint(
		json_int(json_path(object, "status", "kvmig", "result", NULL), "totalMs", 0), >,
		24000);
	vmi = world_get(&world, &KIND_VMI, "web");
	state = json_path(vmi, "status", "migrationState", NULL);
	g_assert_cmpstr(json_string(state, "migrationPolicyName", ""), ==, "fast");
	g_assert_cmpstr(
		json_string(json_get(state, "migrationConfiguration"), "bandwidthPerMigration", ""),
		==, "32Mi");
	world_clear(&world);
}

/* What is recorded is in KubeVirt's words, complete, the same in both objects, and nothing of the
 * migration before stays. */
static void expect_recorded(World *world, const char *target, const char *policy,
			    const char *configuration)
{
	static const char *const where[] = { "VMIM", "VMI" };
	g_autofree char *name = world_migrate(world, "web", target);
	g_autoptr(cJSON) migration = NULL, vmi = NULL;
	const cJSON *objects[2];

	g_assert_true(world_settle(world, 120000));
	world_assert_runs_on(world, target);
	objects[0] = migration = world_get(world, &KIND_VMIM, name);
	objects[1] = vmi = world_get(world, &KIND_VMI, "web");
	for (guint i = 0; i < G_N_ELEMENTS(objects); i++) {
		const cJSON *state = json_path(objects[i], "status", "migrationState", NULL);
		g_autofree char *recorded = json_print(json_get(state, "migrationConfiguration"));

		g_test_message("%s to %s", where[i], target);
		g_assert_cmpstr(json_string(state, "migrationPolicyName", NULL), ==, policy);
		g_assert_cmpstr(recorded, ==, configuration);
	}
}

static void add_policy_spec(World *world, const char *name, const char *spec)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) object = object_new(&KIND_MIGRATION_POLICY, NULL, name);
	g_autoptr(cJSON) stored = NULL;

	json_set(object, "spec", json_parse(spec, strlen(spec), "spec", &error));
	g_assert_no_error(error);
	stored = cluster_create(world->store.cluster, object, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
}

#define RECORDED(bandwidth, converge, more)                                                        \
	"{\"bandwidthPerMigration\":\"" bandwidth "\",\"completionTimeoutPerGiB\":150,"            \
	"\"parallelMigrationsPerCluster\":5,\"parallelOutboundMigrationsPerNode\":2,"              \
	"\"progressTimeout\":150,\"allowPostCopy\":false,\"allowWorkloadDisruption\":false,"       \
	"\"allowAutoConverge\":" converge ",\"disableTLS\":true" more "}"

static void test_policy_recorded(void)
{
	World world;

	world_init(&world, FALSE);
	world_set(&world, "bandwidthPerMigration", "640Mi");
	/* asks for the target, which the VM has as a label from the hand-over on */
	add_policy_spec(&world, "to-n2",
			"{\"selectors\":{\"virtualMachineInstanceSelector\":{"
			"\"kubevirt.io/migrationTargetNodeName\":\"n2\"}},"
			"\"allowAutoConverge\":true,\"maxDowntimeMs\":500,\"experimental\":{"
			"\"compression\":\"zstd\"}}");
	expect_recorded(&world, "n2", "to-n2",
			RECORDED("640Mi", "true",
				 ",\"maxDowntimeMs\":500,"
				 "\"experimental\":{\"compression\":\"zstd\"}"));
	/* KubeVirt's M8: none matches: the cluster's values, and no name */
	expect_recorded(&world, "n1", NULL, RECORDED("640Mi", "false", ""));
	/* KubeVirt's M7: it says nothing, but its name is recorded */
	add_policy_spec(&world, "empty", "{\"selectors\":{}}");
	expect_recorded(&world, "n2", "to-n2",
			RECORDED("640Mi", "true",
				 ",\"maxDowntimeMs\":500,"
				 "\"experimental\":{\"compression\":\"zstd\"}"));
	expect_recorded(&world, "n1", "empty", RECORDED("640Mi", "false", ""));
	world_clear(&world);
}

/* A quantity of the form that the store asks for, but too long to be one. */
static void test_policy_impossible(void)
{
	g_autofree char *zeros = g_strnfill(500, '0');
	g_autofree char *spec = g_strdup_printf(
		"{\"selectors\":{},\"bandwidthPerMigration\":\"%s1Mi\"}", zeros);
	g_autofree char *name = NULL;
	World world;

	world_init(&world, FALSE);
	add_policy_spec(&world, "long", spec);
	name = world_migrate(&world, "web", "n2");
	g_assert_true(world_settle(&world, 60000));
	assert_phase(&world, name, "Failed");
	assert_reason(&world, name, "KVMIG-FAIL-SETTINGS");
	g_assert_cmpuint(sim_started(world.sim, UUID), ==, 0);
	world_assert_runs_on(&world, "n1");
	world_clear(&world);
}

/* A controller that takes a running migration over has its settings from its object. */
static void test_policy_adopted(void)
{
	g_autofree char *name = NULL;
	g_autoptr(cJSON) vmi = NULL;
	const cJSON *state;
	World world;

	world_init(&world, FALSE);
	add_policy(&world, "all", NULL, "64Mi");
	name = world_migrate(&world, "web", "n2");
	world_run_ms(&world, 5000);
	assert_phase(&world, name, "Running");
	world_kill(&world);
	world_start(&world);
	world_run_ms(&world, 5000);
	g_assert_true(world_settle(&world, 120000));
	vmi = world_get(&world, &KIND_VMI, "web");
	state = json_path(vmi, "status", "migrationState", NULL);
	g_assert_cmpstr(json_string(state, "migrationPolicyName", NULL), ==, "all");
	g_assert_cmpstr(
		json_string(json_get(state, "migrationConfiguration"), "bandwidthPerMigration", ""),
		==, "64Mi");
	world_clear(&world);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/engine/policy", test_policy);
	g_test_add_func("/engine/policy-recorded", test_policy_recorded);
	g_test_add_func("/engine/policy-impossible", test_policy_impossible);
	g_test_add_func("/engine/policy-adopted", test_policy_adopted);
	return g_test_run();
}
