/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/wellknown.h"
#include "schedule/schedule.h"

#define GIB (G_GINT64_CONSTANT(1) << 30)
#define MIB (G_GINT64_CONSTANT(1) << 20)

/* ---- a small cluster ------------------------------------------------------------------------ */

typedef struct {
	GPtrArray *objects; /* of cJSON, owned */
	GPtrArray *hosts;   /* of Host, owned */
	Vmi vmi;	    /* runs on n1, wants 4 GiB, KVM, amd64, Skylake */
} Fixture;

static cJSON *parse(Fixture *fixture, const char *text)
{
	cJSON *value = cJSON_Parse(text);

	g_assert_nonnull(value);
	g_ptr_array_add(fixture->objects, value);
	return value;
}

#define USUAL_LABELS                                                                               \
	"\"kubernetes.io/arch\":\"amd64\",\"kvmig.io/virt-type-kvm\":\"true\","                    \
	"\"host-model-cpu.node.kubevirt.io/Skylake\":\"true\","                                    \
	"\"cpu-model.node.kubevirt.io/Skylake\":\"true\","                                         \
	"\"machine-type.node.kubevirt.io/pc-q35-7.2\":\"true\","                                   \
	"\"zone\":\"a\""

static Host *add_host(Fixture *fixture, const char *name, const char *labels)
{
	Host *host = g_new0(Host, 1);

	host->name = name;
	host->arch = "amd64";
	host->labels = parse(fixture, labels ? labels : "{" USUAL_LABELS "}");
	host->ready = TRUE;
	host->memory_allocatable_bytes = 16 * GIB;
	host->memory_available_bytes = 12 * GIB;
	g_ptr_array_add(fixture->hosts, host);
	return host;
}

static void set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	fixture->objects = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	fixture->hosts = g_ptr_array_new_with_free_func(g_free);
	add_host(fixture, "n1", NULL);
	fixture->vmi = (Vmi){ .ns = "default", .name = "web-1", .node_name = "n1",
			      .phase = "Running", .arch = "amd64", .machine_type = "pc-q35-7.2",
			      .cpu_model = "Skylake", .virt_type = "kvm",
			      .memory_bytes = 4 * GIB };
}

static void tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_ptr_array_unref(fixture->hosts);
	g_ptr_array_unref(fixture->objects);
}

static GPtrArray *ask(Fixture *fixture, const char *added)
{
	TargetQuestion question = { .vmi = &fixture->vmi, .hosts = fixture->hosts,
				    .added_selector = added ? parse(fixture, added) : NULL };

	return schedule_targets(&question);
}

static const Target *target_of(const GPtrArray *targets, const char *node)
{
	for (guint i = 0; i < targets->len; i++) {
		const Target *target = g_ptr_array_index(targets, i);

		if (strcmp(target->node, node) == 0)
			return target;
	}
	g_assert_not_reached();
}

/* The one obstacle of that node is `reason`, and its message has every fact. */
static void assert_only(const GPtrArray *targets, const char *node, const char *reason,
			const char *message)
{
	const Target *target = target_of(targets, node);
	const TargetObstacle *obstacle;

	g_assert_false(target->fits);
	g_assert_cmpuint(target->obstacles->len, ==, 1);
	obstacle = g_ptr_array_index(target->obstacles, 0);
	g_assert_cmpstr(obstacle->reason, ==, reason);
	g_assert_cmpstr(obstacle->message, ==, message);
}

/* ---- obstacles, one at a time --------------------------------------------------------------- */

static void test_fits(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) targets = NULL;

	add_host(fixture, "n2", NULL);
	targets = ask(fixture, NULL);
	g_assert_cmpuint(targets->len, ==, 2);
	g_assert_true(target_of(targets, "n2")->fits);
	g_assert_cmpint(target_of(targets, "n2")->memory_free_after_bytes, ==, 8 * GIB);
	assert_only(targets, "n1", REASON_TGT_SOURCE, "the VM runs there");
}

static void test_state(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) targets = NULL;
	Host *down;

	add_host(fixture, "cordoned", NULL)->unschedulable = TRUE;
	add_host(fixture, "leaving", NULL)->deleting = TRUE;
	add_host(fixture, "silent", NULL)->ready = FALSE;
	down = add_host(fixture, "down", NULL);
	down->ready = FALSE;
	down->not_ready_reason = "Connection refused";
	down->memory_available_bytes = -1; /* no second obstacle on top of that */
	targets = ask(fixture, NULL);
	assert_only(targets, "cordoned", REASON_TGT_CORDONED, "cordoned");
	assert_only(targets, "leaving", REASON_TGT_NOT_READY, "is being removed");
	assert_only(targets, "silent", REASON_TGT_NOT_READY, "not ready");
	assert_only(targets, "down", REASON_TGT_NOT_READY, "not ready: Connection refused");
}

/* Libvirt refuses to migrate between hosts of one UUID; no UUID says nothing. */
static void test_same_host(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) targets = NULL;

	((Host *)g_ptr_array_index(fixture->hosts, 0))->host_uuid = "a";
	add_host(fixture, "alias", NULL)->host_uuid = "a";
	add_host(fixture, "other", NULL)->host_uuid = "b";
	add_host(fixture, "fresh", NULL);
	targets = ask(fixture, NULL);
	assert_only(targets, "alias", REASON_TGT_SAME_HOST,
		    "has the same host UUID as 'n1', where the VM runs");
	g_assert_true(target_of(targets, "other")->fits);
	g_assert_true(target_of(targets, "fresh")->fits);
}

static void test_selectors(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) targets = NULL;
	const Target *target;

	add_host(fixture, "n2", NULL);
	fixture->vmi.node_selector = parse(fixture, "{\"disk\":\"ssd\"}");
	targets = ask(fixture, "{\"zone\":\"b\"}");
	target = target_of(targets, "n2");
	g_assert_cmpuint(target->obstacles->len, ==, 2); /* both are told */
	g_assert_cmpstr(((TargetObstacle *)g_ptr_array_index(target->obstacles, 0))->reason, ==,
			REASON_TGT_ADDED_SELECTOR);
	g_assert_nonnull(strstr(
		((TargetObstacle *)g_ptr_array_index(target->obstacles, 0))->message, "zone=b"));
	g_assert_cmpstr(((TargetObstacle *)g_ptr_array_index(target->obstacles, 1))->reason, ==,
			REASON_TGT_VM_SELECTOR);
	g_assert_nonnull(strstr(
		((TargetObstacle *)g_ptr_array_index(target->obstacles, 1))->message, "disk"));
}

/* Asking for another zone never overrules the VM's own selector on the same key: both must hold. */
static void test_selectors_same_key(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) targets = NULL;

	add_host(fixture, "in-a", NULL);
	add_host(fixture, "in-b", "{\"zone\":\"b\"}");
	fixture->vmi.node_selector = parse(fixture, "{\"zone\":\"a\"}");
	targets = ask(fixture, "{\"zone\":\"b\"}");
	g_assert_false(target_of(targets, "in-a")->fits);
	g_assert_false(target_of(targets, "in-b")->fits);
}

static void test_taints(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) targets = NULL, tolerant = NULL;

	add_host(fixture, "hard", NULL)->taints = parse(
		fixture, "[{\"key\":\"gpu\",\"value\":\"yes\",\"effect\":\"NoSchedule\"}]");
	add_host(fixture, "bare", NULL)->taints =
		parse(fixture, "[{\"key\":\"maintenance\",\"effect\":\"NoExecute\"}]");
	add_host(fixture, "soft", NULL)->taints =
		parse(fixture, "[{\"key\":\"slow\",\"effect\":\"PreferNoSchedule\"}]");
	targets = ask(fixture, NULL);
	assert_only(targets, "hard", REASON_TGT_TAINT, "taint gpu=yes:NoSchedule");
	assert_only(targets, "bare", REASON_TGT_TAINT, "taint maintenance:NoExecute");
	g_assert_true(target_of(targets, "soft")->fits);

	fixture->vmi.object = parse(
		fixture, "{\"spec\":{\"tolerations\":[{\"key\":\"gpu\",\"value\":\"yes\"},"
			 "{\"key\":\"maintenance\",\"operator\":\"Exists\","
			 "\"effect\":\"NoSchedule\"}]}}");
	tolerant = ask(fixture, NULL);
	g_assert_true(target_of(tolerant, "hard")->fits);
	g_assert_false(target_of(tolerant, "bare")->fits); /* another effect */
}

static void test_platform(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) targets = NULL;

	add_host(fixture, "arm", NULL)->arch = "arm64";
	add_host(fixture, "old", "{\"machine-type.node.kubevirt.io/pc-q35-5.2\":\"true\"}");
	add_host(fixture, "tcg", "{\"kvmig.io/virt-type-qemu\":\"true\"}");
	add_host(fixture, "blank", "{}"); /* nothing is known: libvirt will say */
	targets = ask(fixture, NULL);
	assert_only(targets, "arm", REASON_TGT_ARCH, "is arm64, the VM is amd64");
	assert_only(targets, "old", REASON_TGT_MACHINE_TYPE,
		    "its QEMU lacks machine type pc-q35-7.2");
	assert_only(targets, "tcg", REASON_TGT_VIRT_TYPE, "has no KVM");
	g_assert_true(target_of(targets, "blank")->fits);
}

static void test_cpu(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) named = NULL, host_model = NULL, passthrough = NULL, emulated = NULL;

	add_host(fixture, "new", "{\"host-model-cpu.node.kubevirt.io/Icelake\":\"true\","
				 "\"cpu-model.node.kubevirt.io/Icelake\":\"true\","
				 "\"cpu-model.node.kubevirt.io/Skylake\":\"true\"}");
	add_host(fixture, "old", "{\"host-model-cpu.node.kubevirt.io/Haswell\":\"true\","
				 "\"cpu-model.node.kubevirt.io/Haswell\":\"true\"}");
	add_host(fixture, "same", NULL);

	named = ask(fixture, NULL);
	g_assert_true(target_of(named, "new")->fits);
	assert_only(named, "old", REASON_TGT_CPU_MODEL, "cannot offer CPU model Skylake");

	fixture->vmi.cpu_model = "host-model";
	host_model = ask(fixture, NULL);
	g_assert_true(target_of(host_model, "new")->fits);
	g_assert_true(target_of(host_model, "same")->fits);
	assert_only(host_model, "old", REASON_TGT_CPU_MODEL,
		    "CPU is Haswell and cannot offer Skylake");

	fixture->vmi.cpu_model = "host-passthrough";
	passthrough = ask(fixture, NULL);
	g_assert_true(target_of(passthrough, "same")->fits);
	assert_only(passthrough, "new", REASON_TGT_CPU_MODEL,
		    "CPU is Icelake, the VM uses its host's Skylake as it is");

	fixture->vmi.virt_type = "qemu"; /* emulated: the host's CPU does not matter */
	emulated = ask(fixture, NULL);
	g_assert_true(target_of(emulated, "old")->fits);
}

static void test_memory(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) targets = NULL;
	g_autoptr(GHashTable) reserved = g_hash_table_new(g_str_hash, g_str_equal);
	g_autoptr(GPtrArray) migrations = g_ptr_array_new();
	Migration other = { .ns = "default", .name = "m2", .uid = "u2", .vmi_name = "web-2",
			    .target_node = "shared", .phase = MIGRATION_PHASE_RUNNING };
	TargetQuestion question = { .vmi = &fixture->vmi, .hosts = fixture->hosts,
				    .reserved_bytes = reserved, .migrations = migrations,
				    .host_reserve_bytes = 512 * MIB };
	gint64 held = 8 * GIB;

	g_ptr_array_add(migrations, &other);
	g_hash_table_insert(reserved, (gpointer) "shared", &held);
	add_host(fixture, "small", NULL)->memory_allocatable_bytes = 2 * GIB;
	add_host(fixture, "full", NULL)->memory_available_bytes = 4 * GIB + 512 * MIB - 1;
	add_host(fixture, "exact", NULL)->memory_available_bytes = 4 * GIB + 512 * MIB;
	add_host(fixture, "unknown", NULL)->memory_available_bytes = -1;
	add_host(fixture, "shared", NULL); /* 12 GiB free, 8 of them reserved */
	targets = schedule_targets(&question);
	assert_only(targets, "small", REASON_TGT_MEMORY, "needs 4 GiB, the node has 2 GiB in all");
	assert_only(targets, "unknown", REASON_TGT_MEMORY, "how much memory is free is not known");
	assert_only(targets, "full", REASON_TGT_MEMORY,
		    "needs 4 GiB, 4.5 GiB are free of which 512 MiB are kept for the host");
	assert_only(targets, "shared", REASON_TGT_MEMORY,
		    "needs 4 GiB, 12 GiB are free of which 8 GiB are reserved for 'web-2' and "
		    "512 MiB are kept for the host");
	g_assert_true(target_of(targets, "exact")->fits);
	g_assert_cmpint(target_of(targets, "exact")->memory_free_after_bytes, ==, 0);
}

static void test_rank(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const expected[] = { "roomy", "b", "c", "n1", "z" };
	g_autoptr(GPtrArray) targets = NULL;

	add_host(fixture, "z", NULL)->unschedulable = TRUE;
	add_host(fixture, "c", NULL);
	add_host(fixture, "b", NULL);
	add_host(fixture, "roomy", NULL)->memory_available_bytes = 13 * GIB;
	targets = ask(fixture, NULL);
	for (guint i = 0; i < targets->len; i++)
		g_assert_cmpstr(((Target *)g_ptr_array_index(targets, i))->node, ==, expected[i]);
}

static void test_summary(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) targets = NULL, only = NULL;
	g_autofree char *alone = NULL, *text = NULL;

	only = ask(fixture, NULL);
	alone = schedule_summarize(only);
	g_assert_cmpstr(alone, ==, "no node fits: n1: the VM runs there");
	add_host(fixture, "n2", "{\"" LABEL_HOSTNAME "\":\"n2\"}")->unschedulable = TRUE;
	add_host(fixture, "n3", "{\"" LABEL_HOSTNAME "\":\"n3\"}");
	add_host(fixture, "n4", "{\"" LABEL_HOSTNAME "\":\"n4\"}");
	targets = ask(fixture, "{\"" LABEL_HOSTNAME "\":\"n2\"}");
	text = schedule_summarize(targets);
	g_assert_cmpstr(text, ==,
			"no node fits: n2: cordoned; 3 other nodes were not asked for");
}

static void test_summary_is_bounded(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) targets = NULL, none = g_ptr_array_new();
	g_autofree char *text = NULL, *empty = schedule_summarize(none);

	g_assert_cmpstr(empty, ==, "no node fits: there is none");
	for (guint i = 0; i < 1000; i++)
		add_host(fixture, "nx", NULL)->unschedulable = TRUE;
	targets = ask(fixture, NULL);
	text = schedule_summarize(targets);
	g_assert_cmpstr(text, ==,
			"no node fits: n1: the VM runs there; nx, nx, nx, nx, nx, nx, nx, nx and "
			"992 more: cordoned");
}

static void test_summary_of_many_causes(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GPtrArray) targets = NULL;
	g_autofree char *text = NULL;

	for (guint i = 0; i < 1000; i++) {
		g_autofree char *labels = g_strdup_printf("{\"zone\":\"z%u\"}", i);

		add_host(fixture, "nx", labels);
	}
	targets = ask(fixture, "{\"zone\":\"other\"}");
	text = schedule_summarize(targets);
	g_assert_cmpuint(strlen(text), <, 600);
	g_assert_true(g_str_has_suffix(text, "; and 993 more"));
}

/* ---- reservations --------------------------------------------------------------------------- */

static void test_reservations(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	Migration rows[] = {
		{ .uid = "1", .ns = "default", .vmi_name = "a", .target_node = "n2",
		  .phase = MIGRATION_PHASE_RUNNING,
		  .object = parse(fixture, "{\"status\":{\"kvmig\":{\"memoryBytes\":1000}}}") },
		{ .uid = "2", .ns = "default", .vmi_name = "b", .target_node = "n2",
		  .phase = MIGRATION_PHASE_SCHEDULING }, /* memory from the VMI */
		{ .uid = "3", .ns = "default", .vmi_name = "b", .target_node = "n3",
		  .phase = MIGRATION_PHASE_FAILED }, /* over */
		{ .uid = "4", .ns = "default", .vmi_name = "c", .target_node = "n3",
		  .phase = MIGRATION_PHASE_RUNNING }, /* has arrived */
		{ .uid = "5", .ns = "default", .vmi_name = "b", .target_node = NULL,
		  .phase = MIGRATION_PHASE_PENDING },
	};
	Vmi vmis[] = {
		{ .ns = "default", .name = "b", .node_name = "n1", .memory_bytes = 30 },
		{ .ns = "default", .name = "c", .node_name = "n3", .memory_bytes = 7 },
		{ .ns = "other", .name = "b", .node_name = "n1", .memory_bytes = 99 },
	};
	g_autoptr(GPtrArray) migrations = g_ptr_array_new(), all = g_ptr_array_new();
	g_autoptr(GHashTable) reserved = NULL, without = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		g_ptr_array_add(migrations, &rows[i]);
	for (guint i = 0; i < G_N_ELEMENTS(vmis); i++)
		g_ptr_array_add(all, &vmis[i]);
	reserved = schedule_reservations(migrations, all, NULL);
	g_assert_cmpuint(g_hash_table_size(reserved), ==, 1);
	g_assert_cmpint(*(gint64 *)g_hash_table_lookup(reserved, "n2"), ==, 1030);
	without = schedule_reservations(migrations, all, "1");
	g_assert_cmpint(*(gint64 *)g_hash_table_lookup(without, "n2"), ==, 30);
}

static void test_host_reserve(void)
{
	Host small = { .memory_allocatable_bytes = 2 * GIB };
	Host large = { .memory_allocatable_bytes = 256 * GIB };
	Host unknown = { .memory_allocatable_bytes = 0 };

	g_assert_cmpint(schedule_host_reserve(&small), ==, 2 * GIB / 20);
	g_assert_cmpint(schedule_host_reserve(&large), ==, 512 * MIB);
	g_assert_cmpint(schedule_host_reserve(&unknown), ==, 0);
}

/* ---- admission ------------------------------------------------------------------------------ */

static void test_admission(void)
{
	Migration rows[] = {
		{ .uid = "1", .name = "one", .source_node = "n1",
		  .phase = MIGRATION_PHASE_RUNNING },
		{ .uid = "2", .name = "two", .source_node = "n1", .target_node = "n3",
		  .phase = MIGRATION_PHASE_PENDING }, /* owns a place already */
		{ .uid = "3", .name = "done", .source_node = "n1", .target_node = "n3",
		  .phase = MIGRATION_PHASE_SUCCEEDED },
		{ .uid = "4", .name = "waits", .phase = MIGRATION_PHASE_PENDING },
	};
	g_autoptr(GPtrArray) migrations = g_ptr_array_new();
	Settings settings = { .parallel_per_cluster = 5, .parallel_outbound_per_node = 2 };
	Admission admission;

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		g_ptr_array_add(migrations, &rows[i]);
	admission = schedule_admit(&rows[3], "n1", migrations, &settings);
	g_assert_false(admission.admitted);
	g_assert_cmpstr(admission.reason, ==, REASON_PEND_OUTBOUND_LIMIT);
	g_assert_cmpstr(admission.message, ==,
			"2 of 2 migrations run away from node 'n1': one, two");
	admission_clear(&admission);
	admission = schedule_admit(&rows[3], "n2", migrations, &settings);
	g_assert_true(admission.admitted);
	settings.parallel_per_cluster = 2;
	admission = schedule_admit(&rows[3], "n2", migrations, &settings);
	g_assert_cmpstr(admission.reason, ==, REASON_PEND_CLUSTER_LIMIT);
	g_assert_cmpstr(admission.message, ==, "2 of 2 migrations run in the cluster: one, two");
	admission_clear(&admission);
	/* One that already runs is not in its own way. */
	admission = schedule_admit(&rows[0], "n2", migrations, &settings);
	g_assert_true(admission.admitted);

	admission = schedule_admit_inbound("n3", migrations, &settings);
	g_assert_true(admission.admitted); /* 0: no limit */
	settings.parallel_inbound_per_node = 1;
	admission = schedule_admit_inbound("n3", migrations, &settings);
	g_assert_cmpstr(admission.reason, ==, REASON_PEND_INBOUND_LIMIT);
	g_assert_cmpstr(admission.message, ==, "1 of 1 migrations run to node 'n3': two");
	admission_clear(&admission);
}

static void test_admission_message_is_bounded(void)
{
	g_autoptr(GPtrArray) migrations = g_ptr_array_new_with_free_func(g_free);
	Settings settings = { .parallel_per_cluster = 500, .parallel_outbound_per_node = 2 };
	Migration candidate = { .uid = "c" };
	Admission admission;

	for (guint i = 0; i < 500; i++) {
		Migration *migration = g_new0(Migration, 1);

		migration->name = "m";
		migration->phase = MIGRATION_PHASE_RUNNING;
		g_ptr_array_add(migrations, migration);
	}
	admission = schedule_admit(&candidate, "n1", migrations, &settings);
	g_assert_cmpstr(admission.message, ==,
			"500 of 500 migrations run in the cluster: "
			"m, m, m, m, m, m, m, m, m, m and 490 more");
	admission_clear(&admission);
}

static void test_queue(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const expected[] = { "critical", "early", "c-first", "a-late",
						"b-late" };
	Migration rows[] = {
		{ .name = "b-late", .created_us = 20, .phase = MIGRATION_PHASE_PENDING },
		{ .name = "a-late", .created_us = 20, .phase = MIGRATION_PHASE_UNSET },
		{ .name = "early", .created_us = 10, .arrival = 9,
		  .phase = MIGRATION_PHASE_PENDING },
		{ .name = "c-first", .created_us = 20, .arrival = -1,
		  .phase = MIGRATION_PHASE_PENDING },
		{ .name = "runs", .created_us = 1, .phase = MIGRATION_PHASE_RUNNING },
		{ .name = "over", .created_us = 1, .phase = MIGRATION_PHASE_FAILED },
		{ .name = "cancelled", .created_us = 1, .phase = MIGRATION_PHASE_PENDING,
		  .abort_requested = TRUE },
		{ .name = "critical", .created_us = 30, .phase = MIGRATION_PHASE_PENDING,
		  .object = parse(fixture, "{\"spec\":{\"priority\":\"system-critical\"}}") },
	};
	g_autoptr(GPtrArray) migrations = g_ptr_array_new(), queue = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
		g_ptr_array_add(migrations, &rows[i]);
	queue = schedule_queue(migrations);
	g_assert_cmpuint(queue->len, ==, G_N_ELEMENTS(expected));
	for (guint i = 0; i < queue->len; i++)
		g_assert_cmpstr(((Migration *)g_ptr_array_index(queue, i))->name, ==, expected[i]);
}

/* ---- properties ----------------------------------------------------------------------------- */

#define NODES 5
#define VMS 40

typedef struct {
	char names[NODES][8];
	char vm_names[VMS][8];
	Host hosts[NODES];
	Vmi vmis[VMS];
	Migration migrations[VMS];
	GPtrArray *host_list, *vmi_list, *migration_list;
	Settings settings;
} World;

static World *world_new(void)
{
	World *world = g_new0(World, 1);

	world->host_list = g_ptr_array_new();
	world->vmi_list = g_ptr_array_new();
	world->migration_list = g_ptr_array_new();
	world->settings.parallel_per_cluster = g_test_rand_int_range(1, 12);
	world->settings.parallel_outbound_per_node = g_test_rand_int_range(1, 5);
	world->settings.parallel_inbound_per_node = g_test_rand_int_range(0, 4);
	for (guint i = 0; i < NODES; i++) {
		(void)g_snprintf(world->names[i], sizeof(world->names[i]), "n%u", i);
		world->hosts[i] = (Host){ .name = world->names[i], .ready = TRUE,
					  .unschedulable = g_test_rand_int_range(0, 6) == 0,
					  .memory_allocatable_bytes = 64 * GIB,
					  .memory_available_bytes =
						  g_test_rand_int_range(1, 32) * GIB };
		g_ptr_array_add(world->host_list, &world->hosts[i]);
	}
	for (guint i = 0; i < VMS; i++) {
		(void)g_snprintf(world->vm_names[i], sizeof(world->vm_names[i]), "v%u", i);
		world->vmis[i] = (Vmi){ .ns = "default", .name = world->vm_names[i],
					.node_name = world->names[g_test_rand_int_range(0, NODES)],
					.memory_bytes = g_test_rand_int_range(1, 16) * GIB };
		world->migrations[i] = (Migration){ .ns = "default", .name = world->vm_names[i],
						    .uid = world->vm_names[i],
						    .vmi_name = world->vm_names[i],
						    .phase = MIGRATION_PHASE_PENDING,
						    .created_us = g_test_rand_int_range(0, 5) };
		g_ptr_array_add(world->vmi_list, &world->vmis[i]);
		g_ptr_array_add(world->migration_list, &world->migrations[i]);
	}
	return world;
}

static void world_free(World *world)
{
	g_ptr_array_unref(world->host_list);
	g_ptr_array_unref(world->vmi_list);
	g_ptr_array_unref(world->migration_list);
	g_free(world);
}

/* What the engine does with one of the queue. */
static void try_start(World *world, Migration *migration)
{
	const Vmi *vmi = &world->vmis[migration - world->migrations];
	g_autoptr(GHashTable) reserved =
		schedule_reservations(world->migration_list, world->vmi_list, migration->uid);
	TargetQuestion question = { .vmi = vmi, .hosts = world->host_list,
				    .reserved_bytes = reserved, .host_reserve_bytes = -1 };
	g_autoptr(GPtrArray) targets = schedule_targets(&question);
	Admission admission = schedule_admit(migration, vmi->node_name, world->migration_list,
					     &world->settings);
	gboolean admitted = admission.admitted;

	g_assert_true(admitted == (admission.reason == NULL));
	admission_clear(&admission);
	for (guint i = 0; admitted && i < targets->len; i++) {
		const Target *target = g_ptr_array_index(targets, i);
		Admission inbound = schedule_admit_inbound(target->node, world->migration_list,
							   &world->settings);
		gboolean take = target->fits && inbound.admitted;

		admission_clear(&inbound);
		if (!take)
			continue;
		migration->source_node = vmi->node_name;
		for (guint n = 0; n < NODES; n++)
			if (strcmp(world->names[n], target->node) == 0)
				migration->target_node = world->names[n];
		migration->phase = MIGRATION_PHASE_SCHEDULING +
				   (MigrationPhase)g_test_rand_int_range(0, 5);
		return;
	}
}

static void assert_limits(const World *world)
{
	gint64 running = 0, outbound[NODES] = { 0 }, inbound[NODES] = { 0 }, memory[NODES] = { 0 };

	for (guint i = 0; i < VMS; i++) {
		const Migration *migration = &world->migrations[i];

		if (!migration_phase_is_running(migration->phase))
			continue;
		running++;
		for (guint n = 0; n < NODES; n++) {
			gboolean to = strcmp(migration->target_node, world->names[n]) == 0;

			outbound[n] += strcmp(migration->source_node, world->names[n]) == 0;
			inbound[n] += to;
			memory[n] += to ? world->vmis[i].memory_bytes : 0;
		}
	}
	g_assert_cmpint(running, <=, world->settings.parallel_per_cluster);
	for (guint n = 0; n < NODES; n++) {
		g_assert_cmpint(outbound[n], <=, world->settings.parallel_outbound_per_node);
		if (world->settings.parallel_inbound_per_node)
			g_assert_cmpint(inbound[n], <=, world->settings.parallel_inbound_per_node);
		if (inbound[n]) {
			g_assert_false(world->hosts[n].unschedulable);
			g_assert_cmpint(memory[n] + 512 * MIB, <=,
					world->hosts[n].memory_available_bytes);
		}
	}
}

/* Started in queue order, ended at random: no limit and no node's memory is ever exceeded. */
static void test_limits_hold(void)
{
	const guint rounds = g_getenv("KVMIG_TEST_UNDER_VALGRIND") ? 10 : 200;
	guint64 started = 0;

	for (guint round = 0; round < rounds; round++) {
		World *world = world_new();

		for (guint pass = 0; pass < 6; pass++) {
			g_autoptr(GPtrArray) queue = schedule_queue(world->migration_list);

			for (guint i = 0; i < queue->len; i++) {
				Migration *migration = g_ptr_array_index(queue, i);

				try_start(world, migration);
				started += migration_phase_is_running(migration->phase);
				assert_limits(world);
			}
			for (guint i = 0; i < VMS; i++)
				if (migration_phase_is_running(world->migrations[i].phase) &&
				    g_test_rand_int_range(0, 3) == 0)
					world->migrations[i].phase = MIGRATION_PHASE_FAILED;
		}
		world_free(world);
	}
	g_assert_cmpuint(started, >, rounds * 5); /* the property was not kept by doing nothing */
}

#define ADD(path, func) g_test_add(path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/schedule/targets/fits", test_fits);
	ADD("/schedule/targets/state", test_state);
	ADD("/schedule/targets/same-host", test_same_host);
	ADD("/schedule/targets/selectors", test_selectors);
	ADD("/schedule/targets/selectors-same-key", test_selectors_same_key);
	ADD("/schedule/targets/taints", test_taints);
	ADD("/schedule/targets/platform", test_platform);
	ADD("/schedule/targets/cpu", test_cpu);
	ADD("/schedule/targets/memory", test_memory);
	ADD("/schedule/targets/rank", test_rank);
	ADD("/schedule/summary", test_summary);
	ADD("/schedule/summary-bounded", test_summary_is_bounded);
	ADD("/schedule/summary-of-many-causes", test_summary_of_many_causes);
	ADD("/schedule/reservations", test_reservations);
	g_test_add_func("/schedule/host-reserve", test_host_reserve);
	g_test_add_func("/schedule/admission", test_admission);
	g_test_add_func("/schedule/admission-bounded", test_admission_message_is_bounded);
	ADD("/schedule/queue", test_queue);
	g_test_add_func("/schedule/limits-hold", test_limits_hold);
	return g_test_run();
}
