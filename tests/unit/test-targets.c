/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes nodes as targets; libvirt hosts are in test-schedule.c. */
#include <string.h>

#include "model/resources.h"
#include "model/wellknown.h"
#include "schedule/affinity.h"
#include "schedule/schedule.h"

#define MIB (G_GINT64_CONSTANT(1) << 20)
#define GIB (G_GINT64_CONSTANT(1) << 30)

static cJSON *parse(const char *text)
{
	cJSON *value = cJSON_Parse(text);

	g_assert_nonnull(value);
	return value;
}

/* ---- resources ------------------------------------------------------------------------------- */

static void test_resources_read(void)
{
	static const struct {
		const char *text;
		gint64 amount;
	} cases[] = {
		{ "{\"cpu\":\"100m\"}", 100 },
		{ "{\"cpu\":\"2\"}", 2000 },
		{ "{\"cpu\":\"0.5\"}", 500 },
		{ "{\"cpu\":3}", 3000 },
		{ "{\"cpu\":\"1.25\"}", 1250 },
		{ "{\"cpu\":\"1e2\"}", 100000 },
		{ "{\"cpu\":\"-1\"}", -7 },
		{ "{\"cpu\":\"m\"}", -7 },
		{ "{\"cpu\":\"\"}", -7 },
		{ "{\"cpu\":true}", -7 },
		{ "{}", -7 },
		{ "{\"cpu\":\"9223372036854775807\"}", G_MAXINT64 },
	};
	g_autoptr(cJSON) memory = parse("{\"memory\":\"1Gi\"}");

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(cJSON) list = parse(cases[i].text);

		g_assert_cmpint(resources_read(list, RESOURCE_CPU, -7), ==, cases[i].amount);
	}
	g_assert_cmpint(resources_read(memory, RESOURCE_MEMORY, 0), ==, GIB);
	g_assert_cmpint(resources_read(NULL, RESOURCE_MEMORY, 5), ==, 5);
}

/* Init containers one after the other, sidecars beside all; the larger of both counts. */
static void test_resources_of_pod(void)
{
	g_autoptr(GHashTable) sum = resources_new();
	g_autoptr(cJSON) pod = parse(
		"{\"spec\":{\"overhead\":{\"memory\":\"10Mi\"},\"containers\":["
		"{\"resources\":{\"requests\":{\"memory\":\"100Mi\",\"cpu\":\"1\"}}},"
		"{\"resources\":{\"requests\":{\"memory\":\"50Mi\"}}},{}],"
		"\"initContainers\":["
		"{\"restartPolicy\":\"Always\",\"resources\":{\"requests\":{\"memory\":\"20Mi\"}}},"
		"{\"resources\":{\"requests\":{\"memory\":\"300Mi\",\"cpu\":\"100m\"}}}]}}");

	resources_add_pod(sum, pod);
	g_assert_cmpint(resources_get(sum, RESOURCE_MEMORY, 0), ==, 330 * MIB);
	g_assert_cmpint(resources_get(sum, RESOURCE_CPU, 0), ==, 1000);
	g_assert_cmpint(resources_get(sum, RESOURCE_PODS, 0), ==, 1);
	resources_add(sum, RESOURCE_CPU, G_MAXINT64);
	g_assert_cmpint(resources_get(sum, RESOURCE_CPU, 0), ==, G_MAXINT64);
}

/* What the pod as a whole asks for replaces the sum, before the overhead; of some alone. */
static void test_resources_of_whole_pod(void)
{
	g_autoptr(GHashTable) sum = resources_new(), limits = resources_new();
	g_autoptr(cJSON) pod = parse(
		"{\"spec\":{\"overhead\":{\"memory\":\"10Mi\",\"cpu\":\"1\"},\"resources\":{"
		"\"requests\":{\"memory\":\"1Gi\",\"hugepages-2Mi\":\"4Mi\",\"x.com/y\":\"9\"},"
		"\"limits\":{\"memory\":\"2Gi\"}},\"containers\":[{\"resources\":{\"requests\":{"
		"\"memory\":\"100Mi\",\"cpu\":\"2\",\"x.com/y\":\"1\"},\"limits\":{\"memory\":"
		"\"3Gi\",\"x.com/y\":\"1\"}}}],\"initContainers\":[{\"resources\":{\"requests\":{"
		"\"memory\":\"5Gi\"}}}]}}");

	resources_add(sum, RESOURCE_MEMORY, GIB); /* of others on the node */
	resources_add_pod(sum, pod);
	resources_add_pod_limits(limits, pod);
	g_assert_cmpint(resources_get(sum, RESOURCE_MEMORY, 0), ==, 2 * GIB + 10 * MIB);
	g_assert_cmpint(resources_get(sum, "hugepages-2Mi", 0), ==, 4 * MIB);
	g_assert_cmpint(resources_get(sum, RESOURCE_CPU, 0), ==, 3000);
	g_assert_cmpint(resources_get(sum, "x.com/y", 0), ==, 1);
	g_assert_cmpint(resources_get(limits, RESOURCE_MEMORY, 0), ==, 2 * GIB + 10 * MIB);
	g_assert_cmpint(resources_get(limits, "x.com/y", 0), ==, 1);
}

/* ---- affinity -------------------------------------------------------------------------------- */

static void test_affinity_operators(void)
{
	static const struct {
		const char *requirement;
		gboolean holds;
	} cases[] = {
		{ "{\"key\":\"zone\",\"operator\":\"In\",\"values\":[\"a\",\"b\"]}", TRUE },
		{ "{\"key\":\"zone\",\"operator\":\"In\",\"values\":[\"c\"]}", FALSE },
		{ "{\"key\":\"rack\",\"operator\":\"In\",\"values\":[\"c\"]}", FALSE },
		{ "{\"key\":\"zone\",\"operator\":\"NotIn\",\"values\":[\"a\"]}", FALSE },
		{ "{\"key\":\"rack\",\"operator\":\"NotIn\",\"values\":[\"a\"]}", TRUE },
		{ "{\"key\":\"zone\",\"operator\":\"Exists\"}", TRUE },
		{ "{\"key\":\"rack\",\"operator\":\"Exists\"}", FALSE },
		{ "{\"key\":\"zone\",\"operator\":\"DoesNotExist\"}", FALSE },
		{ "{\"key\":\"rack\",\"operator\":\"DoesNotExist\"}", TRUE },
		{ "{\"key\":\"size\",\"operator\":\"Gt\",\"values\":[\"9\"]}", TRUE },
		{ "{\"key\":\"size\",\"operator\":\"Gt\",\"values\":[\"10\"]}", FALSE },
		{ "{\"key\":\"size\",\"operator\":\"Lt\",\"values\":[\"11\"]}", TRUE },
		{ "{\"key\":\"size\",\"operator\":\"Lt\",\"values\":[\"11\",\"12\"]}", FALSE },
		{ "{\"key\":\"zone\",\"operator\":\"Lt\",\"values\":[\"11\"]}", FALSE },
		{ "{\"key\":\"size\",\"operator\":\"Gt\",\"values\":[\"x\"]}", FALSE },
		{ "{\"key\":\"size\",\"operator\":\"Gt\"}", FALSE },
		{ "{\"key\":\"zone\",\"operator\":\"Like\",\"values\":[\"a\"]}", FALSE },
		{ "{\"key\":\"zone\"}", FALSE },
		{ "{\"operator\":7}", FALSE },
		{ "7", FALSE },
	};
	g_autoptr(cJSON) labels = parse("{\"zone\":\"a\",\"size\":\"10\"}");
	const AffinityNode node = { .name = "n1", .labels = labels };

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text =
			g_strdup_printf("{\"matchExpressions\":[%s]}", cases[i].requirement);
		g_autoptr(cJSON) term = parse(text);
		g_autofree char *why = affinity_term_explain(term, &node);

		g_assert_cmpint(affinity_term_holds(term, &node), ==, cases[i].holds);
		g_assert_cmpint(why == NULL, ==, cases[i].holds);
	}
}

/* Terms are alternatives, what is in one holds together; an empty one is met by nobody. */
static void test_affinity_terms(void)
{
	g_autoptr(cJSON) labels = parse("{\"zone\":\"a\"}");
	const AffinityNode node = { .name = "n1", .labels = labels };
	g_autoptr(cJSON) either =
		parse("{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"
		      "\"nodeSelectorTerms\":[{},{\"matchFields\":[{\"key\":\"metadata.name\","
		      "\"operator\":"
		      "\"In\",\"values\":[\"n1\"]}]}]}}}");
	g_autoptr(cJSON) neither =
		parse("{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{"
		      "\"nodeSelectorTerms\":[{\"matchExpressions\":[{\"key\":\"zone\","
		      "\"operator\":\"Exists\"},"
		      "{\"key\":\"rack\",\"operator\":\"Exists\"}]},{\"matchExpressions\":[{"
		      "\"key\":\"zone\","
		      "\"operator\":\"In\",\"values\":[\"b\",\"c\"]}]}]}}}");
	g_autoptr(cJSON) empty =
		parse("{\"nodeAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":{}}}");
	g_autoptr(cJSON) prefers = parse(
		"{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":["
		"{\"weight\":3,\"preference\":{\"matchExpressions\":[{\"key\":\"zone\","
		"\"operator\":"
		"\"Exists\"}]}},{\"weight\":900,\"preference\":{}},{\"weight\":5,\"preference\":{"
		"\"matchExpressions\":[{\"key\":\"rack\",\"operator\":\"Exists\"}]}}]}}");
	g_autofree char *first = affinity_explain(either, &node);
	g_autofree char *second = affinity_explain(neither, &node);
	g_autofree char *third = affinity_explain(empty, &node);

	g_assert_null(first);
	g_assert_cmpstr(second, ==,
			"rack Exists: the node lacks it; nor zone In (b, c): the node has zone=a");
	g_assert_nonnull(third);
	g_assert_null(affinity_explain(NULL, &node));
	g_assert_cmpint(affinity_preference(prefers, &node), ==, 103);
}

static void test_pod_terms(void)
{
	g_autoptr(cJSON) plain = parse(
		"{\"topologyKey\":\"kubernetes.io/hostname\",\"labelSelector\":{\"matchLabels\":{"
		"\"app\":\"db\"},\"matchExpressions\":[{\"key\":\"old\",\"operator\":"
		"\"DoesNotExist\"}]}}");
	g_autoptr(cJSON) labelled = parse("{\"labelSelector\":{},\"namespaceSelector\":{"
					  "\"matchLabels\":{\"app\":\"db\"}}}");
	g_autoptr(cJSON) keys =
		parse("{\"labelSelector\":{},\"matchLabelKeys\":[\"app\",\"none\"]}");
	g_autoptr(cJSON) empty = parse("{}");
	g_autoptr(cJSON) all =
		parse("{\"topologyKey\":\"kubernetes.io/hostname\",\"labelSelector\":{},"
		      "\"namespaceSelector\":{}}");
	g_autoptr(cJSON) listed =
		parse("{\"topologyKey\":\"kubernetes.io/hostname\",\"labelSelector\":"
		      "{},\"namespaces\":[\"other\"]}");
	g_autoptr(cJSON) db = parse("{\"app\":\"db\"}"),
			 old = parse("{\"app\":\"db\",\"old\":\"\"}");

	g_assert_true(affinity_pod_term_takes(plain, NULL, db));
	g_assert_false(affinity_pod_term_takes(plain, NULL, old));
	g_assert_cmpint(affinity_pod_term_namespace(plain, "prod", "prod", NULL), ==, NAMESPACE_IN);
	g_assert_cmpint(affinity_pod_term_namespace(plain, "prod", "x", NULL), ==, NAMESPACE_OUT);
	g_assert_cmpint(affinity_pod_term_namespace(all, "prod", "x", NULL), ==, NAMESPACE_IN);
	g_assert_cmpint(affinity_pod_term_namespace(listed, "p", "other", NULL), ==, NAMESPACE_IN);
	g_assert_cmpint(affinity_pod_term_namespace(listed, "p", "p", NULL), ==, NAMESPACE_OUT);
	g_assert_cmpint(affinity_pod_term_namespace(labelled, "p", "p", NULL), ==,
			NAMESPACE_UNKNOWN);
	g_assert_cmpint(affinity_pod_term_namespace(labelled, "p", "p", db), ==, NAMESPACE_IN);
	g_assert_cmpint(affinity_pod_term_namespace(labelled, "p", "p", empty), ==, NAMESPACE_OUT);
	g_assert_true(affinity_pod_term_needs_labels(labelled));
	g_assert_false(affinity_pod_term_needs_labels(all));
	g_assert_true(affinity_pod_term_takes(keys, db, db));
	g_assert_false(affinity_pod_term_takes(keys, db, empty));
	g_assert_true(affinity_pod_term_takes(keys, empty, db));
	g_assert_false(affinity_selector_takes(NULL, db));
}

/* ---- what a pod will ask for ----------------------------------------------------------------- */

#define SOURCE                                                                                     \
	"{\"metadata\":{\"name\":\"n1\",\"labels\":{"                                              \
	"\"host-model-cpu.node.kubevirt.io/Skylake\":\"true\","                                    \
	"\"host-model-required-features.node.kubevirt.io/pku\":\"true\","                          \
	"\"machine-type.node.kubevirt.io/q35\":\"true\","                                          \
	"\"cpu-vendor.node.kubevirt.io/Intel\":\"true\"}}}"

static TargetDemand *demand_of(const char *spec, const char *pod_text)
{
	g_autofree char *text = g_strdup_printf(
		"{\"metadata\":{\"name\":\"v\",\"namespace\":\"p\"},\"spec\":%s}", spec);
	g_autoptr(cJSON) object = parse(text), source_object = parse(SOURCE);
	g_autoptr(cJSON) pod = pod_text ? parse(pod_text) : NULL;
	Host source;
	Vmi vmi;

	vmi_read(object, &vmi);
	host_read_node(source_object, &source);
	return target_demand_new(&vmi, pod, &source, NULL);
}

static gboolean wants(const TargetDemand *demand, const char *key)
{
	return g_str_equal(json_string(demand->labels, key, ""), "true");
}

static void test_demand_of_vmi(void)
{
	g_autoptr(TargetDemand) host = demand_of(
		"{\"domain\":{\"memory\":{\"guest\":\"1Gi\"},\"machine\":{\"type\":\"q35\"},"
		"\"cpu\":{\"cores\":4,\"model\":\"host-model\"},\"devices\":{\"gpus\":[{"
		"\"deviceName\":\"x.com/g\"}]}}}",
		NULL);
	g_autoptr(TargetDemand) named = demand_of(
		"{\"domain\":{\"memory\":{\"guest\":\"1Gi\",\"hugepages\":{\"pageSize\":\"2Mi\"}},"
		"\"cpu\":{\"model\":\"Haswell\",\"features\":[{\"name\":\"aes\"},{\"name\":\"svm\","
		"\"policy\":\"forbid\"},{\"name\":\"vmx\",\"policy\":\"optional\"}]}}}",
		NULL);

	g_assert_false(host->from_pod);
	g_assert_true(wants(host, "cpu-model-migration.node.kubevirt.io/Skylake"));
	g_assert_true(wants(host, "cpu-feature.node.kubevirt.io/pku"));
	g_assert_true(wants(host, "machine-type.node.kubevirt.io/q35"));
	g_assert_true(wants(host, "cpu-vendor.node.kubevirt.io/Intel"));
	g_assert_true(wants(host, LABEL_SCHEDULABLE));
	g_assert_nonnull(json_get(host->absent_labels, LABEL_OBSOLETE_HOST_MODEL));
	g_assert_cmpint(resources_get(host->resources, RESOURCE_MEMORY, 0), ==, GIB);
	g_assert_cmpint(resources_get(host->resources, RESOURCE_CPU, 0), ==, 400);
	g_assert_cmpint(resources_get(host->resources, "x.com/g", 0), ==, 1);

	g_assert_true(wants(named, "cpu-model.node.kubevirt.io/Haswell"));
	g_assert_true(wants(named, "cpu-feature.node.kubevirt.io/aes"));
	g_assert_false(wants(named, "cpu-feature.node.kubevirt.io/vmx"));
	g_assert_false(wants(named, "cpu-feature.node.kubevirt.io/pku"));
	g_assert_nonnull(json_get(named->absent_labels, "cpu-feature.node.kubevirt.io/svm"));
	g_assert_cmpint(resources_get(named->resources, "hugepages-2Mi", 0), ==, GIB);
	g_assert_cmpint(resources_get(named->resources, RESOURCE_MEMORY, 0), ==, 0);
}

/* What was asked for an earlier migration is in the pod too, and does not come again; what the
 * host model came to on the first host stays. */
/* What KubeVirt's pod selects for each thing that not every node can do. */
static void test_capabilities(void)
{
	static const struct {
		const char *domain, *status, *gates, *labels;
	} cases[] = {
		{ "{}", "{}", "[]", "" },
		{ "{\"cpu\":{\"dedicatedCpuPlacement\":true}}", "{}", "[]",
		  "kubevirt.io/cpumanager" },
		{ "{\"cpu\":{\"realtime\":{}}}", "{}", "[]", "kubevirt.io/realtime" },
		{ "{\"launchSecurity\":{\"sev\":{}}}", "{}", "[]", "kubevirt.io/sev" },
		{ "{\"launchSecurity\":{\"sev\":{\"policy\":{\"encryptedState\":true}}}}", "{}",
		  "[]", "kubevirt.io/sev kubevirt.io/sev-es" },
		{ "{\"launchSecurity\":{\"snp\":{}}}", "{}", "[]",
		  "kubevirt.io/sev kubevirt.io/sev-snp" },
		{ "{\"launchSecurity\":{\"tdx\":{}}}", "{}", "[]", "kubevirt.io/tdx" },
		{ "{\"features\":{\"hyperv\":{\"synic\":{\"enabled\":true},\"ipi\":{}}}}", "{}",
		  "[]", "" },
		{ "{\"features\":{\"hyperv\":{\"synic\":{\"enabled\":true},\"ipi\":{}}}}", "{}",
		  "[\"HypervStrictCheck\"]", "hyperv.node.kubevirt.io/synic" },
		{ "{\"features\":{\"hyperv\":{\"reenlightenment\":{\"enabled\":true}}}}",
		  "{\"topologyHints\":{\"tscFrequency\":2000}}", "[]",
		  "scheduling.node.kubevirt.io/tsc-frequency-2000" },
		{ "{\"cpu\":{\"features\":[{\"name\":\"invtsc\",\"policy\":\"require\"}]}}",
		  "{\"topologyHints\":{\"tscFrequency\":2000}}", "[]",
		  "scheduling.node.kubevirt.io/tsc-frequency-2000" },
		{ "{}", "{\"topologyHints\":{\"tscFrequency\":2000}}", "[]", "" },
		{ "{\"cpu\":{\"model\":\"host-passthrough\"}}", "{}", "[]", "" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup_printf(
			"{\"metadata\":{\"name\":\"v\"},\"spec\":{\"domain\":%s},\"status\":%s}",
			cases[i].domain, cases[i].status);
		g_autofree char *config =
			g_strdup_printf("{\"spec\":{\"configuration\":{\"developerConfiguration\":{"
					"\"featureGates\":%s}}}}",
					cases[i].gates);
		g_autoptr(cJSON) object = parse(text), kubevirt = parse(config);
		g_autoptr(GString) labels = g_string_new(NULL);
		g_autoptr(TargetDemand) demand = NULL;
		const cJSON *label;
		Vmi vmi;

		vmi_read(object, &vmi);
		demand = target_demand_new(&vmi, NULL, NULL, kubevirt);
		cJSON_ArrayForEach(label, demand->labels)
		{
			if (strcmp(label->string, LABEL_SCHEDULABLE) != 0)
				g_string_append_printf(labels, "%s%s", labels->len ? " " : "",
						       label->string);
		}
		g_test_message("case %zu", i);
		g_assert_cmpstr(labels->str, ==, cases[i].labels);
	}
}

/* As KubeVirt's prepareNodeSelectorForHostCpuModel() decides. */
static void test_host_model(void)
{
	static const char *const model = "cpu-model-migration.node.kubevirt.io/Skylake";
	static const char spec[] = "{\"domain\":{\"cpu\":{\"model\":\"host-model\"}}}";
	g_autoptr(TargetDemand) none = demand_of("{\"domain\":{\"cpu\":{}}}", NULL);
	g_autoptr(TargetDemand) first = demand_of(spec, "{\"spec\":{\"nodeSelector\":{}}}");
	g_autoptr(TargetDemand) by_name = demand_of(
		spec,
		"{\"spec\":{\"nodeSelector\":{\"cpu-feature.node.kubevirt.io/aes\":\"true\"}}}");
	g_autoptr(cJSON) object =
		parse("{\"spec\":{\"domain\":{\"cpu\":{\"model\":\"host-model\"}}}}");
	g_autoptr(cJSON) node = parse(
		"{\"metadata\":{\"name\":\"n1\",\"labels\":{"
		"\"host-model-required-features.node.kubevirt.io/aes\":\"true\"}}}");
	g_autoptr(TargetDemand) unknown = NULL;
	Host source;
	Vmi vmi;

	vmi_read(object, &vmi);
	host_read_node(node, &source);
	unknown = target_demand_new(&vmi, NULL, &source, NULL);
	g_assert_false(wants(none, model));
	g_assert_nonnull(json_get(none->absent_labels, LABEL_OBSOLETE_HOST_MODEL));
	g_assert_true(wants(first, model));
	g_assert_false(first->model_unknown);
	g_assert_false(wants(by_name, model));
	g_assert_true(wants(by_name, "cpu-feature.node.kubevirt.io/aes"));
	g_assert_true(unknown->model_unknown);
	/* seen with KubeVirt 1.9: the pod has none of these labels then */
	g_assert_false(wants(unknown, "cpu-feature.node.kubevirt.io/aes"));
}

/* What no pod tells is worked out. */
static void test_resources_of_vmi(void)
{
	g_autoptr(TargetDemand) demand = demand_of(
		"{\"domain\":{\"launchSecurity\":{\"sev\":{}},\"devices\":{\"autoattachVSOCK\":"
		"true},"
		"\"memory\":{\"guest\":\"1Gi\"},\"resources\":{\"requests\":{\"memory\":\"2Gi\","
		"\"cpu\":\"3\",\"ephemeral-storage\":\"1M\",\"x.com/y\":\"2\"}}}}",
		NULL);

	g_assert_cmpint(resources_get(demand->resources, RESOURCE_MEMORY, 0), ==, 2 * GIB);
	g_assert_cmpint(resources_get(demand->resources, RESOURCE_CPU, 0), ==, 3000);
	g_assert_cmpint(resources_get(demand->resources, RESOURCE_EPHEMERAL, 0), ==, 51000000);
	g_assert_cmpint(resources_get(demand->resources, "x.com/y", 0), ==, 2);
	g_assert_cmpint(resources_get(demand->resources, "devices.kubevirt.io/sev", 0), ==, 1);
	g_assert_cmpint(resources_get(demand->resources, "devices.kubevirt.io/vhost-vsock", 0), ==,
			1);
	g_assert_cmpuint(g_hash_table_size(demand->networks), ==, 0);
}

static void test_demand_of_pod(void)
{
	g_autoptr(TargetDemand) demand = demand_of(
		"{\"nodeSelector\":{\"disk\":\"ssd\"},\"domain\":{\"memory\":{\"guest\":\"1Gi\"},"
		"\"devices\":{\"gpus\":[{\"deviceName\":\"x.com/g\"}]}}}",
		"{\"spec\":{\"nodeSelector\":{\"kubernetes.io/hostname\":\"n1\",\"disk\":\"ssd\","
		"\"kubevirt.io/schedulable\":\"true\",\"cpu-model-migration.node.kubevirt.io/"
		"Haswell\":"
		"\"true\"},\"containers\":[{\"resources\":{\"requests\":{\"memory\":\"1200Mi\","
		"\"x.com/g\":\"1\",\"bridge.network.kubevirt.io/br1\":\"1\","
		"\"devices.kubevirt.io/kvm\":\"1\"}}}]}}");

	g_assert_true(demand->from_pod);
	g_assert_true(wants(demand, "cpu-model-migration.node.kubevirt.io/Haswell"));
	g_assert_false(wants(demand, "cpu-model-migration.node.kubevirt.io/Skylake"));
	g_assert_null(json_get(demand->labels, LABEL_HOSTNAME));
	g_assert_null(json_get(demand->labels, "disk"));
	g_assert_cmpint(resources_get(demand->resources, RESOURCE_MEMORY, 0), ==, 1200 * MIB);
	g_assert_cmpuint(g_hash_table_size(demand->networks), ==, 1);
	g_assert_true(g_hash_table_contains(demand->networks, "bridge.network.kubevirt.io/br1"));
}

/* What the pod selects for nobody known is strange, until its namespace asks for that key. */
static void test_selector_of_namespace(void)
{
	static const char pod[] =
		"{\"spec\":{\"nodeSelector\":{\"kubernetes.io/hostname\":\"n1\",\"disk\":\"ssd\","
		"\"kubernetes.io/arch\":\"amd64\",\"kubevirt.io/schedulable\":\"true\","
		"\"zone\":\"a\",\"team\":\"b\",\"tier\":\"gold\",\"row\":\"1\"}}}";
	g_autoptr(TargetDemand) demand = demand_of("{\"nodeSelector\":{\"disk\":\"ssd\"}}", pod);
	g_autoptr(TargetDemand) old = demand_of("{}", pod);
	g_autoptr(cJSON) annotations = parse(
		"{\"openshift.io/node-selector\":\" zone = a,row=2,x\","
		"\"scheduler.alpha.kubernetes.io/node-selector\":\"team==b,disk=ssd\"}");
	g_autofree char *strange = NULL, *selector = NULL, *of_old = NULL;

	of_old = json_print(old->strange);
	g_assert_cmpstr(of_old, ==,
			"{\"disk\":\"ssd\",\"zone\":\"a\",\"team\":\"b\",\"tier\":\"gold\","
			"\"row\":\"1\"}");
	target_demand_adopt(demand, NULL);
	g_assert_null(demand->selector->child);
	target_demand_adopt(demand, annotations);
	strange = json_print(demand->strange);
	selector = json_print(demand->selector);
	g_assert_cmpstr(strange, ==, "{\"tier\":\"gold\"}");
	g_assert_cmpstr(selector, ==, "{\"zone\":\"a\",\"team\":\"b\",\"row\":\"2\"}");
}

/* ---- nodes ----------------------------------------------------------------------------------- */

/* The reasons that stand against one node, in their order. */
static char *judge_with(const char *node_text, const char *vmi_text, const TargetDemand *demand,
			GHashTable *requested)
{
	g_autoptr(cJSON) node_object = parse(node_text), object = parse(vmi_text);
	g_autoptr(GString) text = g_string_new(NULL);
	g_autoptr(TargetSieve) sieve = NULL;
	g_autoptr(Target) target = NULL;
	TargetQuestion question = { .demand = demand, .requested = requested };
	Host node;
	Vmi vmi;

	vmi_read(object, &vmi);
	host_read_node(node_object, &node);
	question.vmi = &vmi;
	sieve = target_sieve_new(&question);
	target = target_sieve_judge(sieve, &node);
	for (guint i = 0; i < target->obstacles->len; i++) {
		const TargetObstacle *obstacle = g_ptr_array_index(target->obstacles, i);

		g_string_append_printf(text, "%s%s", i ? " " : "", obstacle->reason);
	}
	g_assert_cmpint(target->fits, ==, target->obstacles->len == 0);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *judge(const char *node_text, const char *vmi_text, GHashTable *requested)
{
	return judge_with(node_text, vmi_text, NULL, requested);
}

#define NODE(spec, status)                                                                         \
	"{\"metadata\":{\"name\":\"n2\"},\"spec\":{" spec                                          \
	"},\"status\":{\"allocatable\":{\"memory\":\"8Gi\"},\"conditions\":[{\"type\":\"Ready\","  \
	"\"status\":\"" status "\"}]}}"
#define VMI                                                                                        \
	"{\"metadata\":{\"name\":\"v\"},\"spec\":{\"domain\":{\"memory\":{\"guest\":\"4Gi\"}}},"   \
	"\"status\":{\"nodeName\":\"n1\"}}"
#define TAINT(key) "\"taints\":[{\"key\":\"" key "\",\"effect\":\"NoSchedule\"}]"

static void test_node_state(void)
{
	static const struct {
		const char *node, *reasons;
	} cases[] = {
		{ NODE("", "True"), "" },
		{ NODE("", "False"), "KVMIG-TGT-NOT-READY" },
		{ NODE("", "Unknown"), "KVMIG-TGT-UNREACHABLE" },
		{ NODE(TAINT("node.kubernetes.io/unreachable"), "Unknown"),
		  "KVMIG-TGT-UNREACHABLE" },
		{ NODE(TAINT("node.kubernetes.io/unreachable"), "True"), "KVMIG-TGT-TAINT" },
		{ NODE("\"unschedulable\":true," TAINT("node.kubernetes.io/unschedulable"), "True"),
		  "KVMIG-TGT-CORDONED" },
		{ NODE(TAINT("node.kubernetes.io/memory-pressure"), "True"), "KVMIG-TGT-TAINT" },
		{ NODE(TAINT("node.kubernetes.io/disk-pressure"), "True"), "KVMIG-TGT-TAINT" },
		{ "{\"metadata\":{\"name\":\"n2\"}}", "KVMIG-TGT-NOT-READY KVMIG-TGT-MEMORY" },
		{ "{\"metadata\":{\"name\":\"n1\"}}", "KVMIG-TGT-SOURCE" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *reasons = judge(cases[i].node, VMI, NULL);

		g_assert_cmpstr(reasons, ==, cases[i].reasons);
	}
}

#define CORDONED NODE("\"unschedulable\":true," TAINT("node.kubernetes.io/unschedulable"), "True")
#define PRESSED NODE(TAINT("node.kubernetes.io/memory-pressure"), "True")

/* Those of the VM and those of its pod, which admission may have added to. */
static void test_tolerations(void)
{
	static const char everything[] = "{\"operator\":\"Exists\"}";
	static const char pressure[] =
		"{\"key\":\"node.kubernetes.io/memory-pressure\",\"operator\":\"Exists\","
		"\"effect\":\"NoSchedule\"}";
	static const char cordon[] =
		"{\"key\":\"node.kubernetes.io/unschedulable\",\"operator\":\"Exists\"}";
	static const char eviction[] =
		"{\"key\":\"node.kubernetes.io/unschedulable\",\"operator\":\"Exists\","
		"\"effect\":\"NoExecute\"}";
	static const struct {
		const char *node, *of_vm, *of_pod, *reasons;
	} cases[] = {
		{ CORDONED, "", "", "KVMIG-TGT-CORDONED" },
		{ CORDONED, cordon, "", "" },
		{ CORDONED, "", cordon, "" },
		{ CORDONED, everything, "", "" },
		{ CORDONED, eviction, pressure, "KVMIG-TGT-CORDONED" },
		{ NODE("\"unschedulable\":true", "True"), cordon, "", "" },
		{ PRESSED, "", "", "KVMIG-TGT-TAINT" },
		{ PRESSED, pressure, "", "" },
		{ PRESSED, "", pressure, "" },
		{ PRESSED, cordon, cordon, "KVMIG-TGT-TAINT" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *spec = g_strdup_printf(
			"{\"tolerations\":[%s],\"domain\":{\"cpu\":{\"model\":"
			"\"host-passthrough\"}}}",
			cases[i].of_vm);
		g_autofree char *vmi = g_strdup_printf("{\"spec\":%s}", spec);
		g_autofree char *pod =
			g_strdup_printf("{\"spec\":{\"tolerations\":[%s]}}", cases[i].of_pod);
		g_autoptr(TargetDemand) demand = demand_of(spec, pod);
		g_autofree char *reasons = NULL;

		g_hash_table_remove_all(demand->resources);
		cJSON_DeleteItemFromObjectCaseSensitive(demand->labels,
							"cpu-vendor.node.kubevirt.io/Intel");
		reasons = judge_with(cases[i].node, vmi, demand, NULL);
		g_test_message("case %zu", i);
		g_assert_cmpstr(reasons, ==, cases[i].reasons);
	}
}

/* Of libvirt hosts kvmig decides, and there is no toleration of that. */
static void test_cordoned_host(void)
{
	g_autoptr(cJSON) object = parse(CORDONED);
	g_autoptr(cJSON) vm = parse("{\"spec\":{\"tolerations\":[{\"operator\":\"Exists\"}]}}");
	g_autoptr(TargetSieve) sieve = NULL;
	g_autoptr(Target) target = NULL;
	TargetQuestion question = { 0 };
	Host host;
	Vmi vmi;

	vmi_read(vm, &vmi);
	host_read_node(object, &host);
	host.is_node = FALSE;
	question.vmi = &vmi;
	sieve = target_sieve_new(&question);
	target = target_sieve_judge(sieve, &host);
	g_assert_cmpstr(((TargetObstacle *)g_ptr_array_index(target->obstacles, 0))->reason, ==,
			"KVMIG-TGT-CORDONED");
}

static void destroy_resources(gpointer data)
{
	g_hash_table_unref(data);
}

/* Exactly what is left fits; a byte more does not. */
static void test_node_memory(void)
{
	g_autoptr(GHashTable) requested =
		g_hash_table_new_full(g_str_hash, g_str_equal, NULL, destroy_resources);
	GHashTable *there = resources_new();
	g_autofree char *fits = NULL, *not = NULL, *over = NULL;

	g_hash_table_insert(requested, (gpointer) "n2", there);
	resources_add(there, RESOURCE_MEMORY, 4 * GIB);
	fits = judge(NODE("", "True"), VMI, requested);
	resources_add(there, RESOURCE_MEMORY, 1);
	not = judge(NODE("", "True"), VMI, requested);
	resources_add(there, RESOURCE_MEMORY, G_MAXINT64);
	over = judge(NODE("", "True"), VMI, requested);
	g_assert_cmpstr(fits, ==, "");
	g_assert_cmpstr(not, ==, "KVMIG-TGT-MEMORY");
	g_assert_cmpstr(over, ==, "KVMIG-TGT-MEMORY");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/targets/resources/read", test_resources_read);
	g_test_add_func("/targets/resources/pod", test_resources_of_pod);
	g_test_add_func("/targets/resources/whole-pod", test_resources_of_whole_pod);
	g_test_add_func("/targets/affinity/operators", test_affinity_operators);
	g_test_add_func("/targets/affinity/terms", test_affinity_terms);
	g_test_add_func("/targets/affinity/pods", test_pod_terms);
	g_test_add_func("/targets/demand/vmi", test_demand_of_vmi);
	g_test_add_func("/targets/demand/capabilities", test_capabilities);
	g_test_add_func("/targets/demand/host-model", test_host_model);
	g_test_add_func("/targets/demand/resources", test_resources_of_vmi);
	g_test_add_func("/targets/demand/pod", test_demand_of_pod);
	g_test_add_func("/targets/demand/namespace", test_selector_of_namespace);
	g_test_add_func("/targets/node/state", test_node_state);
	g_test_add_func("/targets/node/tolerations", test_tolerations);
	g_test_add_func("/targets/node/cordoned-host", test_cordoned_host);
	g_test_add_func("/targets/node/memory", test_node_memory);
	return g_test_run();
}
