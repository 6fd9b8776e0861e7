/* SPDX-License-Identifier: Apache-2.0 */
/* The judges of what VMs have in common: memory to drain nodes into, tries, settings, KubeVirt. */
#include <string.h>

#include "check/capacity.h"
#include "check/kubevirt.h"
#include "check/settings.h"
#include "check/tries.h"
#include "model/yaml.h"

#define GIB (G_GINT64_CONSTANT(1) << 30)

static cJSON *yaml(const char *format, ...) G_GNUC_PRINTF(1, 2);
static cJSON *yaml(const char *format, ...)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	va_list arguments;
	cJSON *value;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	value = yaml_parse(text, strlen(text), "vector", &error);
	g_assert_no_error(error);
	return value;
}

static void expect(const GPtrArray *findings, const char *wanted)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < findings->len; i++) {
		const CheckFinding *finding = g_ptr_array_index(findings, i);

		g_string_append_printf(text, "%s %s %s\n", check_severity_text(finding->severity),
				       finding->code, finding->name ? finding->name : "-");
	}
	g_assert_cmpstr(text->str, ==, wanted);
}

/* ---- pools ---------------------------------------------------------------------------------- */

static void test_max_unavailable(void)
{
	static const struct {
		const char *value;
		guint nodes, wanted;
	} cases[] = {
		{ "3", 10, 3 },   { "0", 10, 1 },   { "-4", 10, 1 },  { "10%", 24, 2 },
		{ "10%", 9, 1 },  { "100%", 7, 7 }, { "101%", 7, 1 }, { "'2'", 7, 1 },
		{ "half", 7, 1 }, { "[]", 7, 1 },   { "1.5", 7, 1 },  { "'%'", 7, 1 },
		{ "0%", 7, 1 },   { "true", 7, 1 },
	};

	g_assert_cmpuint(pools_max_unavailable(NULL, 5), ==, 1);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(cJSON) value = yaml("{v: %s}", cases[i].value);

		g_assert_cmpuint(pools_max_unavailable(json_get(value, "v"), cases[i].nodes), ==,
				 cases[i].wanted);
	}
}

static void add_pool(Pools *pools, const char *name, const char *selector, const char *max)
{
	g_autoptr(cJSON) object =
		yaml("{metadata: {name: %s}, spec: {nodeSelector: {%s}%s%s}}", name, selector,
		     max ? ", maxUnavailable: " : "", max ? max : "");

	pools_add(pools, object);
}

static int find(const Pools *pools, const char *labels)
{
	g_autoptr(cJSON) map = yaml("{%s}", labels);

	return pools_find(pools, map);
}

static void test_pools(void)
{
	g_autoptr(Pools) pools = pools_new();
	g_autofree char *why = NULL;

	g_assert_false(pools_any(pools));
	add_pool(pools, "master", "matchLabels: {role/master: ''}", NULL);
	add_pool(pools, "worker", "matchLabels: {role/worker: ''}", "50%");
	add_pool(pools, "gpu",
		 "matchExpressions: [{key: role/gpu, operator: In, values: [a, b]}, {key: old, "
		 "operator: DoesNotExist}, {key: role/worker, operator: Exists}]",
		 "2");
	add_pool(pools, "none", "", "7");
	g_assert_true(pools_any(pools));
	g_assert_cmpint(find(pools, "role/master: '', role/worker: ''"), ==, 0);
	g_assert_cmpint(find(pools, "role/worker: ''"), ==, 1);
	g_assert_cmpint(find(pools, "role/worker: '', role/gpu: b"), ==, 2);
	g_assert_cmpint(find(pools, "role/worker: '', role/gpu: b, old: x"), ==, 1);
	g_assert_cmpint(find(pools, "role/worker: '', role/gpu: c"), ==, 1);
	g_assert_cmpint(find(pools, "other: x"), ==, -1);
	g_assert_cmpuint(pools_parallel(pools, &why), ==, 1);
	g_assert_cmpstr(why, ==, "no MachineConfigPool has nodes with VMs");
	g_clear_pointer(&why, g_free);
	pools_count(pools, 0, FALSE);
	for (guint i = 0; i < 5; i++)
		pools_count(pools, 1, i == 3);
	pools_count(pools, 2, TRUE); /* of one node no two drain */
	pools_count(pools, -1, TRUE);
	g_assert_cmpuint(pools_parallel(pools, &why), ==, 3);
	g_assert_cmpstr(why, ==,
			"MachineConfigPool 'worker': maxUnavailable 50% of 5 nodes; "
			"MachineConfigPool 'gpu': maxUnavailable 2 of 1 node");
}

/* ---- capacity ------------------------------------------------------------------------------- */

static void add_node(Capacity *capacity, const char *name, int gib, const char *extra)
{
	g_autoptr(cJSON) node =
		yaml("{apiVersion: v1, kind: Node, metadata: {name: %s, labels: "
		     "{kubevirt.io/schedulable: 'true'}}, spec: {%s}, status: {allocatable: "
		     "{memory: %dGi}, conditions: [{type: Ready, status: 'True'}]}}",
		     name, extra, gib);

	capacity_add_node(capacity, node);
}

static void add_vm(Capacity *capacity, const char *node, const char *domain)
{
	g_autoptr(cJSON) vmi = yaml("{metadata: {namespace: a, name: b}, spec: {domain: {%s}}, "
				    "status: {phase: Running, nodeName: %s}}",
				    domain, node);

	capacity_add_vm(capacity, vmi);
}

static void test_request(void)
{
	static const struct {
		const char *domain;
		int gib;
	} cases[] = {
		{ "resources: {requests: {memory: 1Gi}, limits: {memory: 3Gi}}, memory: {guest: "
		  "2Gi}",
		  1 },
		{ "resources: {limits: {memory: 3Gi}}, memory: {guest: 2Gi}", 2 },
		{ "resources: {limits: {memory: 3Gi}}", 3 },
		{ "resources: {requests: {memory: much}}", 0 },
		{ "memory: {hugepages: {pageSize: 2Mi}}", 0 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(cJSON) vmi = yaml("{spec: {domain: {%s}}}", cases[i].domain);

		g_assert_cmpint(capacity_vm_request(vmi), ==, cases[i].gib * GIB);
	}
}

static void add_pod(Capacity *capacity, const char *node, const char *spec, const char *phase)
{
	g_autoptr(cJSON) pod =
		yaml("{spec: {nodeName: %s, %s}, status: {phase: %s}}", node, spec, phase);

	capacity_add_pod(capacity, pod);
}

static const CapacityNode *node_of(const Capacity *capacity, const char *name)
{
	return g_hash_table_lookup(capacity->by_name, name);
}

static void test_rule(void)
{
	g_auto(Capacity) capacity;
	g_autoptr(GPtrArray) findings = check_findings_new();

	capacity_init(&capacity);
	add_node(&capacity, "n2", 16, "");
	add_node(&capacity, "n1", 32, "");
	add_node(&capacity, "n3", 64, "unschedulable: true");
	add_node(&capacity, "n4", 64, "taints: [{key: infra, effect: NoSchedule}]");
	add_vm(&capacity, "n1", "memory: {guest: 8Gi}, resources: {requests: {memory: 6Gi}}");
	add_vm(&capacity, "n1", "memory: {guest: 4Gi}");
	add_vm(&capacity, "n2", "memory: {guest: nonsense}");
	add_vm(&capacity, "gone", "memory: {guest: 99Gi}");
	capacity_judge(&capacity);
	g_assert_cmpint(capacity.needed_bytes, ==, 10 * GIB);
	g_assert_cmpint(capacity.spare_bytes, ==, 38 * GIB);
	g_assert_cmpstr(capacity.fullest->name, ==, "n1");
	g_assert_true(capacity.enough);
	g_assert_cmpstr(node_of(&capacity, "n3")->why_not, ==, "cordoned");
	g_assert_cmpstr(node_of(&capacity, "n4")->why_not, ==, "tainted: infra");
	capacity_report(&capacity, NULL, findings);
	expect(findings, "note KVMIG-CHK-NOT-SEEN -\n"); /* no pods were added */
}

/* A VM that is there already does not show that others may come. */
static void test_taints(void)
{
	static const struct {
		const char *taints, *vm, *wanted;
	} cases[] = {
		{ "{key: kubevirt.io/drain, effect: NoSchedule}", "",
		  "tainted: kubevirt.io/drain" },
		{ "{key: kubevirt.io/drain, effect: NoSchedule}", NULL,
		  "tainted: kubevirt.io/drain" },
		{ "{key: soft, effect: PreferNoSchedule}", "", NULL },
		{ "{key: infra, effect: NoSchedule}", "{key: infra, operator: Exists}", NULL },
		{ "{key: infra, effect: NoSchedule}, {key: b, effect: NoExecute}",
		  "{key: infra, operator: Exists}", "tainted: infra" },
		{ "{key: infra, effect: NoSchedule}, {key: b, effect: NoExecute}",
		  "{operator: Exists}", NULL },
		{ "{key: infra, value: x, effect: NoSchedule}", "{key: infra, value: y}",
		  "tainted: infra" },
		/* as `targets` has it: only an admission plugin lets pods tolerate it */
		{ "{key: node.kubernetes.io/memory-pressure, effect: NoSchedule}", NULL,
		  "tainted: node.kubernetes.io/memory-pressure" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(Capacity) capacity;
		g_autofree char *extra = g_strdup_printf("taints: [%s]", cases[i].taints);
		g_autoptr(cJSON) vmi = NULL;

		capacity_init(&capacity);
		add_node(&capacity, "n1", 16, extra);
		if (cases[i].vm) {
			vmi = yaml("{spec: {domain: {memory: {guest: 1Gi}}, tolerations: [%s]}, "
				   "status: {phase: Running, nodeName: n1}}",
				   cases[i].vm);
			capacity_add_vm(&capacity, vmi);
		}
		capacity_judge(&capacity);
		g_assert_cmpstr(node_of(&capacity, "n1")->why_not, ==, cases[i].wanted);
		g_assert_cmpint(capacity.spare_bytes > 0, ==, !cases[i].wanted);
	}
}

/* Admission may have given the pod what the VM does not ask for. */
static void test_taints_by_pod(void)
{
	static const char tolerations[] = "tolerations: [{key: infra, operator: Exists}]";
	g_auto(Capacity) capacity;
	g_autoptr(cJSON) pod = yaml("{metadata: {labels: {kubevirt.io: virt-launcher, "
				    "kubevirt.io/created-by: u1}}, "
				    "spec: {nodeName: n1, %s}, status: {phase: Running}}",
				    tolerations);

	capacity_init(&capacity);
	add_node(&capacity, "n1", 16, "taints: [{key: infra, effect: NoSchedule}]");
	add_node(&capacity, "n2", 16, "taints: [{key: infra, effect: NoSchedule}]");
	capacity_add_pod(&capacity, pod);
	add_pod(&capacity, "n2", tolerations, "Running"); /* no VM's */
	capacity_judge(&capacity);
	g_assert_null(node_of(&capacity, "n1")->why_not);
	g_assert_cmpstr(node_of(&capacity, "n2")->why_not, ==, "tainted: infra");
}

static void test_pods_count(void)
{
	g_auto(Capacity) capacity;
	g_autoptr(GPtrArray) findings = check_findings_new();

	capacity_init(&capacity);
	capacity.drain_parallel = 2;
	add_node(&capacity, "n1", 32, "");
	add_node(&capacity, "n2", 32, "");
	add_vm(&capacity, "n1", "memory: {guest: 8Gi}");
	add_pod(&capacity, "n1",
		"containers: [{resources: {requests: {memory: 9Gi}}}], overhead: {memory: 1Gi}",
		"Running");
	add_pod(&capacity, "n2",
		"initContainers: [{resources: {requests: {memory: 20Gi}}}, {restartPolicy: Always, "
		"resources: {requests: {memory: 1Gi}}}], containers: [{resources: {requests: "
		"{memory: 3Gi}}}]",
		"Running");
	add_pod(&capacity, "n2", "containers: [{resources: {requests: {memory: 30Gi}}}]",
		"Succeeded");
	/* as a whole, whatever its containers come to */
	add_pod(&capacity, "n1",
		"resources: {requests: {memory: 2Gi}}, overhead: {memory: 1Gi}, containers: [{}, "
		"{resources: {requests: {memory: 1Gi}}}]",
		"Running");
	capacity_judge(&capacity);
	g_assert_cmpint(node_of(&capacity, "n1")->requested_bytes, ==, 13 * GIB);
	g_assert_cmpint(node_of(&capacity, "n2")->requested_bytes, ==, 20 * GIB);
	g_assert_cmpint(capacity.needed_bytes, ==, 16 * GIB);
	g_assert_cmpuint(capacity.parallel, ==, 2);
	capacity_report(&capacity, NULL, findings);
	expect(findings, "");
}

static void test_too_little(void)
{
	g_auto(Capacity) capacity;
	g_autoptr(GPtrArray) findings = check_findings_new();
	g_autoptr(GPtrArray) of_node = check_findings_new();

	capacity_init(&capacity);
	add_node(&capacity, "n1", 16, "");
	add_node(&capacity, "n2", 8, "");
	add_node(&capacity, "n3", 8, "");
	add_pod(&capacity, "n1", "containers: []", "Running");
	add_vm(&capacity, "n1", "memory: {guest: 10Gi}"); /* fits on neither, though 16 are free */
	add_vm(&capacity, "n1", "memory: {guest: 2Gi}");
	capacity.drain_parallel = 3;
	capacity_judge(&capacity);
	g_assert_cmpuint(node_of(&capacity, "n1")->left, ==, 1);
	capacity_report(&capacity, NULL, findings);
	expect(findings, "blocks KVMIG-CHK-SPARE-MEMORY -\nblocks KVMIG-CHK-NODE-MEMORY n1\n");
	capacity_report(&capacity, "n2", of_node);
	expect(of_node, "");
}

static void test_overflow(void)
{
	g_auto(Capacity) capacity;

	capacity_init(&capacity);
	capacity.drain_parallel = 10000;
	add_node(&capacity, "n1", 1, "");
	add_node(&capacity, "n1", 2, ""); /* the same again is ignored */
	for (int i = 0; i < 3; i++)
		add_vm(&capacity, "n1", "memory: {guest: 7Ei}");
	capacity_judge(&capacity);
	g_assert_cmpint(capacity.needed_bytes, ==, G_MAXINT64);
	g_assert_cmpint(capacity.spare_bytes, ==, 0);
	g_assert_false(capacity.enough);
}

static void test_host(void)
{
	g_auto(Capacity) capacity;
	g_autoptr(cJSON) host =
		yaml("{apiVersion: kvmig.io/v1, kind: Host, metadata: {name: h}, status: "
		     "{allocatable: {memory: 16Gi}, memoryAvailable: 3Gi, conditions: [{type: "
		     "Ready, status: 'True'}]}}");

	capacity_init(&capacity);
	capacity_add_node(&capacity, host);
	capacity_judge(&capacity);
	g_assert_cmpint(capacity.spare_bytes, ==, 3 * GIB - GIB / 2);
}

/* ---- tries ---------------------------------------------------------------------------------- */

typedef struct {
	const char *name;
	const char *tries[6]; /* "SECOND PHASE REST-OF-METADATA", oldest first */
	const char *findings;
	const char *words;
} TryVector;

static const TryVector try_vectors[] = {
	{ "none", { NULL }, "", NULL },
	{ "two failures are none", { "1 Failed", "2 Failed" }, "", NULL },
	{ "three are a loop",
	  { "1 Failed", "2 Failed", "3 Failed" },
	  "warning KVMIG-CHK-RETRY-LOOP v\n",
	  "3 migrations failed one after the other, last 'm3': link down" },
	{ "a success ends it", { "1 Failed", "2 Failed", "3 Succeeded", "4 Failed" }, "", NULL },
	{ "evacuations: when the next one comes",
	  { "1 Failed , annotations: {kubevirt.io/evacuationMigration: n1}",
	    "2 Failed , annotations: {kubevirt.io/evacuationMigration: n1}",
	    "3 Failed , annotations: {kubevirt.io/evacuationMigration: n1}" },
	  "warning KVMIG-CHK-RETRY-LOOP v\n",
	  "3 evacuations failed one after the other, last 'm3': link down; it is tried anew, 80 s "
	  "after each" },
	{ "what was cancelled says nothing",
	  { "1 Failed", "2 Failed", "3 Failed , deletionTimestamp: '2026-01-01T00:00:00Z'" },
	  "",
	  NULL },
	{ "one is under way",
	  { "1 Failed", "2 Failed", "3 Failed", "4 Pending" },
	  "warning KVMIG-BLK-IN-FLIGHT v\nwarning KVMIG-CHK-RETRY-LOOP v\n",
	  "'m4' of it is under way (Pending)" },
};

static void test_tries(gconstpointer data)
{
	const TryVector *vector = data;
	g_autoptr(CheckTries) tries = check_tries_new();
	g_autoptr(GPtrArray) findings = check_findings_new();
	const CheckObject vm = { "vm", "a", "v" };

	for (gsize i = 0; vector->tries[i]; i++) {
		g_auto(GStrv) words = g_strsplit(vector->tries[i], " ", 3);
		g_autoptr(cJSON) migration =
			yaml("{metadata: {namespace: a, name: m%s, creationTimestamp: "
			     "'2026-01-01T00:00:0%sZ'%s}, spec: {vmiName: v}, status: {phase: %s, "
			     "migrationState: {failureReason: link down}}}",
			     words[0], words[0], words[2] ? words[2] : "", words[1]);

		check_tries_add(tries, migration);
	}
	check_tries_judge(tries, &vm, findings);
	expect(findings, vector->findings);
	if (vector->words)
		g_assert_nonnull(strstr(((CheckFinding *)g_ptr_array_index(findings, 0))->evidence,
					vector->words));
}

/* ---- settings ------------------------------------------------------------------------------- */

static void test_settings(void)
{
	static const struct {
		const char *values;
		gboolean kubevirt;
		const char *wanted;
	} cases[] = {
		{ "", TRUE, "" },
		{ "allowPostCopy: false, disableTLS: false", TRUE, "" },
		{ "disableTLS: true, unsafeMigrationOverride: true", TRUE,
		  "warning KVMIG-CHK-TLS-OFF -\nwarning KVMIG-CHK-UNSAFE -\n" },
		{ "parallelMigrationsPerCluster: 0, parallelOutboundMigrationsPerNode: 0", TRUE,
		  "blocks KVMIG-LINT-CONFIG-LIMIT-ZERO -\nblocks KVMIG-LINT-CONFIG-LIMIT-ZERO "
		  "-\n" },
		{ "allowPostCopy: true", TRUE,
		  "warning KVMIG-LINT-CONFIG-POST-COPY-ALONE -\nnote KVMIG-CHK-NOT-SEEN -\n" },
		{ "allowPostCopy: true, allowWorkloadDisruption: true", TRUE,
		  "note KVMIG-CHK-NOT-SEEN -\n" },
		{ "allowPostCopy: true", FALSE, "" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GPtrArray) findings = check_findings_new();
		g_autoptr(cJSON) values = yaml("{%s}", cases[i].values);

		check_settings(values, cases[i].kubevirt, findings);
		expect(findings, cases[i].wanted);
	}
}

/* ---- KubeVirt itself ------------------------------------------------------------------------ */

static const struct {
	const char *object; /* what the KubeVirt object, or the APIService, has beside its name */
	gboolean service;
	const char *findings, *words, *fix;
} works_vectors[] = {
	{ "spec: {}", FALSE, "", NULL, NULL },
	{ "status: {conditions: [{type: Available, status: 'True'}]}", FALSE, "", NULL, NULL },
	{ "status: {conditions: [{type: Available, status: Unknown}]}", FALSE, "", NULL, NULL },
	{ "status: {conditions: [{type: Degraded, status: 'False'}]}", FALSE, "", NULL, NULL },
	{ "status: {conditions: [{type: Available, status: 'False', reason: DeploymentInProgress, "
	  "message: Deploying version v1.9.0 with registry r}]}",
	  FALSE, "warning KVMIG-CHK-KUBEVIRT -\n",
	  "KubeVirt 'kv/x' is not available: Deploying version v1.9.0 with registry r "
	  "(DeploymentInProgress)",
	  "'kubectl get pods -n kv -l kubevirt.io' shows which of its parts is not ready" },
	{ "spec: {service: {namespace: kv}}", TRUE, "", NULL, NULL },
	{ "status: {conditions: [{type: Available, status: 'True'}]}", TRUE, "", NULL, NULL },
	{ "spec: {service: {namespace: kv}}, status: {conditions: [{type: Available, status: "
	  "'False', reason: MissingEndpoints, message: no addresses}]}",
	  TRUE, "blocks KVMIG-CHK-VIRT-API -\n",
	  "APIService 'x' is not available: no addresses (MissingEndpoints)",
	  "'kubectl get pods -n kv -l kubevirt.io=virt-api' shows whether it runs" },
	/* what is no name is put into no command */
	{ "spec: {service: {namespace: $(id)}}, status: {conditions: [{type: Available, status: "
	  "'False'}]}",
	  TRUE, "blocks KVMIG-CHK-VIRT-API -\n", "APIService 'x' is not available",
	  "look at its pods: 'kubectl get pods -A -l kubevirt.io=virt-api'" },
};

static void test_works(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(works_vectors); i++) {
		g_autoptr(GPtrArray) findings = check_findings_new();
		g_autoptr(cJSON) object =
			yaml("{metadata: {name: x%s}, %s}",
			     works_vectors[i].service ? "" : ", namespace: kv",
			     works_vectors[i].object);
		const CheckFinding *finding;

		(works_vectors[i].service ? check_virt_api : check_kubevirt)(object, findings);
		expect(findings, works_vectors[i].findings);
		if (!works_vectors[i].words)
			continue;
		finding = g_ptr_array_index(findings, 0);
		g_assert_cmpstr(finding->evidence, ==, works_vectors[i].words);
		g_assert_cmpstr(finding->fix, ==, works_vectors[i].fix);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/check/pools/max-unavailable", test_max_unavailable);
	g_test_add_func("/check/pools/nodes", test_pools);
	g_test_add_func("/check/capacity/request", test_request);
	g_test_add_func("/check/capacity/rule", test_rule);
	g_test_add_func("/check/capacity/taints", test_taints);
	g_test_add_func("/check/capacity/taints-by-pod", test_taints_by_pod);
	g_test_add_func("/check/capacity/pods", test_pods_count);
	g_test_add_func("/check/capacity/too-little", test_too_little);
	g_test_add_func("/check/capacity/overflow", test_overflow);
	g_test_add_func("/check/capacity/host", test_host);
	for (gsize i = 0; i < G_N_ELEMENTS(try_vectors); i++) {
		g_autofree char *path = g_strdup_printf("/check/tries/%s", try_vectors[i].name);

		g_test_add_data_func(path, &try_vectors[i], test_tries);
	}
	g_test_add_func("/check/settings", test_settings);
	g_test_add_func("/check/kubevirt", test_works);
	return g_test_run();
}
