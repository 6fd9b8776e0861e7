/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/resources.h"
#include "model/yaml.h"
#include "schedule/quota.h"

#define MIB (G_GINT64_CONSTANT(1) << 20)

/* spec and status.hard, status.used -> what it says, of a pod of 512 MiB and 0.25 CPUs, limited to
 * 768 MiB and 1 CPU. */
static const struct {
	const char *spec, *hard, *used, *says;
} cases[] = {
	{ "{}", "{\"requests.memory\": \"1Gi\"}", "{\"requests.memory\": \"512Mi\"}", NULL },
	{ "{}", "{\"requests.memory\": \"1Gi\"}", "{\"requests.memory\": \"600Mi\"}",
	  "requests.memory: 600 MiB of 1 GiB are used, 512 MiB more needed" },
	{ "{}", "{\"memory\": \"256Mi\"}", "{}",
	  "memory: 0 B of 256 MiB are used, 512 MiB more needed" },
	{ "{}", "{\"requests.cpu\": \"1\"}", "{\"requests.cpu\": \"800m\"}",
	  "requests.cpu: 0.800 of 1 are used, 0.250 more needed" },
	{ "{}", "{\"requests.cpu\": \"1\"}", "{\"requests.cpu\": \"750m\"}", NULL },
	{ "{}", "{\"pods\": \"2\", \"count/pods\": \"3\"}", "{\"pods\": \"2\", \"count/pods\": 3}",
	  "pods: 2 of 2 are used, 1 more needed; count/pods: 3 of 3 are used, 1 more needed" },
	/* lowered since: more is used than there is */
	{ "{}", "{\"pods\": \"1\"}", "{\"pods\": \"4\"}", "pods: 4 of 1 are used, 1 more needed" },
	{ "{}", "{\"requests.devices.kubevirt.io/kvm\": \"1\"}",
	  "{\"requests.devices.kubevirt.io/kvm\": \"1\"}",
	  "requests.devices.kubevirt.io/kvm: 1 of 1 are used, 1 more needed" },
	/* what pods do not ask for */
	{ "{}", "{\"requests.storage\": \"1\", \"count/secrets\": \"0\"}", "{}", NULL },
	/* whose quota it is */
	{ "{\"scopes\": [\"NotTerminating\", \"NotBestEffort\"]}", "{\"pods\": \"0\"}", "{}",
	  "pods: 0 of 0 are used, 1 more needed" },
	{ "{\"scopes\": [\"Terminating\"]}", "{\"pods\": \"0\"}", "{}", NULL },
	{ "{\"scopes\": [\"BestEffort\"]}", "{\"pods\": \"0\"}", "{}", NULL },
	{ "{\"scopes\": [\"NotTerminating\", \"BestEffort\"]}", "{\"pods\": \"0\"}", "{}",
	  NULL },
	{ "{\"scopeSelector\": {\"matchExpressions\": []}}", "{\"pods\": \"0\"}", "{}",
	  "pods: 0 of 0 are used, 1 more needed" },
	/* limits: 1 CPU, 768 MiB */
	{ "{}", "{\"limits.memory\": \"1Gi\", \"limits.cpu\": \"2\"}",
	  "{\"limits.memory\": \"512Mi\", \"limits.cpu\": \"1\"}",
	  "limits.memory: 512 MiB of 1 GiB are used, 768 MiB more needed" },
	{ "{}", "{\"limits.cpu\": \"1500m\"}", "{\"limits.cpu\": \"1\"}",
	  "limits.cpu: 1 of 1.500 are used, 1 more needed" },
	/* not limited, so KubeVirt sets it or nobody counts it */
	{ "{}", "{\"limits.ephemeral-storage\": \"0\"}", "{}", NULL },
	/* there is no such key: only requests are counted of devices */
	{ "{}", "{\"limits.devices.kubevirt.io/kvm\": \"0\"}", "{}", NULL },
	/* junk */
	{ "{}", "{\"pods\": \"many\", \"memory\": -1, \"cpu\": null}", "{}", NULL },
	{ "{}", "[]", "7", NULL },
	{ "{\"scopes\": [7]}", "{\"pods\": \"0\"}", "{}", NULL },
};

static GHashTable *requests(void)
{
	GHashTable *needed = resources_new();

	resources_add(needed, RESOURCE_MEMORY, 512 * MIB);
	resources_add(needed, RESOURCE_CPU, 250);
	resources_add(needed, RESOURCE_PODS, 1);
	resources_add(needed, "devices.kubevirt.io/kvm", 1);
	return needed;
}

static void test_lacks(void)
{
	g_autoptr(GHashTable) needed = requests();
	g_autoptr(GHashTable) limits = resources_new();
	const QuotaPod pod = { .requests = needed, .limits = limits };

	resources_add(limits, RESOURCE_MEMORY, 768 * MIB);
	resources_add(limits, RESOURCE_CPU, 1000);
	resources_add(limits, "devices.kubevirt.io/kvm", 1);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup_printf(
			"{\"spec\": %s, \"status\": {\"hard\": %s, \"used\": %s}}", cases[i].spec,
			cases[i].hard, cases[i].used);
		g_autoptr(cJSON) quota = cJSON_Parse(text);
		g_autofree char *says = NULL;

		g_test_message("%s", text);
		g_assert_nonnull(quota);
		says = quota_lacks(quota, &pod);
		g_assert_cmpstr(says, ==, cases[i].says);
	}
}

/* Which of four pods a quota is for: a plain one, one of class "vip", one of class "low" with a
 * time limit, one of best effort with affinity to other namespaces. */
static const struct {
	const char *scopes, *selector, *takes; /* an x for each that it is for */
} scopes[] = {
	{ "[]", NULL, "xxxx" },
	{ "[\"PriorityClass\"]", NULL, "-xx-" },
	{ "[\"Terminating\"]", NULL, "--x-" },
	{ "[\"NotTerminating\"]", NULL, "xx-x" },
	{ "[\"BestEffort\"]", NULL, "---x" },
	{ "[\"NotBestEffort\", \"Terminating\"]", NULL, "--x-" },
	{ "[\"CrossNamespacePodAffinity\"]", NULL, "---x" },
	{ "[\"VolumeAttributesClass\"]", NULL, "----" },
	{ "[]", "{scopeName: PriorityClass, operator: In, values: [vip, low]}", "-xx-" },
	{ "[]", "{scopeName: PriorityClass, operator: In, values: [vip]}", "-x--" },
	{ "[]", "{scopeName: PriorityClass, operator: NotIn, values: [vip]}", "x-xx" },
	{ "[]", "{scopeName: PriorityClass, operator: Exists}", "-xx-" },
	{ "[]", "{scopeName: PriorityClass, operator: DoesNotExist}", "x--x" },
	{ "[]", "{scopeName: PriorityClass, operator: Nonsense, values: [vip]}", "----" },
	{ "[]", "{scopeName: PriorityClass}", "----" },
	{ "[]", "{scopeName: NotBestEffort, operator: Exists}", "xxx-" },
	{ "[]", "{scopeName: PriorityClass, operator: Exists}, {scopeName: Terminating}", "--x-" },
	{ "[\"NotTerminating\"]", "{scopeName: PriorityClass, operator: In, values: [low, vip]}",
	  "-x--" },
	{ "[]", "7, {operator: In}", "----" },
};

static void test_scopes(void)
{
	g_autoptr(GHashTable) needed = requests();
	const QuotaPod pods[] = {
		{ .requests = needed },
		{ .requests = needed, .priority_class = "vip" },
		{ .requests = needed, .priority_class = "low", .terminating = TRUE },
		{ .requests = needed, .best_effort = TRUE, .crosses_namespaces = TRUE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(scopes); i++) {
		g_autofree char *text = g_strdup_printf(
			"{spec: {scopes: %s, scopeSelector: {matchExpressions: [%s]}}, status: "
			"{hard: {pods: 0}}}",
			scopes[i].scopes, scopes[i].selector ? scopes[i].selector : "");
		g_autoptr(cJSON) quota = yaml_parse(text, strlen(text), "quota", NULL);
		char takes[G_N_ELEMENTS(pods) + 1] = "";

		g_test_message("%s", text);
		g_assert_nonnull(quota);
		for (gsize n = 0; n < G_N_ELEMENTS(pods); n++) {
			g_autofree char *says = quota_lacks(quota, &pods[n]);

			takes[n] = says ? 'x' : '-';
		}
		g_assert_cmpstr(takes, ==, scopes[i].takes);
	}
}

/* What is read of the pod that runs a VM, or else of the VM. */
static void test_pod(void)
{
	static const char vm[] =
		"{spec: {priorityClassName: vip, domain: {resources: {limits: {cpu: 2, memory: "
		"1Gi}}}, affinity: {podAntiAffinity: {preferredDuringSchedulingIgnoredDuring"
		"Execution: [{podAffinityTerm: {namespaceSelector: {}}}]}}}}";
	static const char running[] =
		"{spec: {priorityClassName: default, activeDeadlineSeconds: 0, overhead: {cpu: 1, "
		"memory: 8Mi}, containers: [{resources: {limits: {memory: 1Gi}}}, {}], "
		"initContainers: [{resources: {limits: {memory: 2Gi}}}]}}";
	static const char idle[] =
		"{spec: {priorityClassName: '', containers: [{resources: {limits: {cpu: 0}, "
		"requests: {ephemeral-storage: 1}}}]}}";
	static const char as_a_whole[] =
		"{spec: {resources: {limits: {memory: 1Gi}}, containers: [{}]}}";
	g_autoptr(cJSON) vmi = yaml_parse(vm, strlen(vm), "vm", NULL);
	g_autoptr(cJSON) pod = yaml_parse(running, strlen(running), "pod", NULL);
	g_autoptr(cJSON) bare = yaml_parse(idle, strlen(idle), "pod", NULL);
	g_autoptr(cJSON) whole = yaml_parse(as_a_whole, strlen(as_a_whole), "pod", NULL);
	g_auto(QuotaPod) of_vm = { 0 }, of_pod = { 0 }, of_bare = { 0 }, of_none = { 0 },
			 of_whole = { 0 };

	quota_pod_init(&of_vm, NULL, NULL, vmi);
	g_assert_cmpstr(of_vm.priority_class, ==, "vip");
	g_assert_cmpint(resources_get(of_vm.limits, RESOURCE_CPU, 0), ==, 2000);
	g_assert_cmpint(resources_get(of_vm.limits, RESOURCE_MEMORY, 0), ==, 1024 * MIB);
	g_assert_true(of_vm.crosses_namespaces);
	g_assert_false(of_vm.terminating || of_vm.best_effort);

	quota_pod_init(&of_pod, NULL, pod, vmi);
	g_assert_cmpstr(of_pod.priority_class, ==, "default");
	g_assert_true(of_pod.terminating);
	g_assert_false(of_pod.best_effort);
	g_assert_cmpint(resources_get(of_pod.limits, RESOURCE_MEMORY, 0), ==, 2056 * MIB);
	/* an overhead of what is not limited is no limit */
	g_assert_cmpint(resources_get(of_pod.limits, RESOURCE_CPU, -1), ==, -1);

	quota_pod_init(&of_bare, NULL, bare, NULL);
	g_assert_null(of_bare.priority_class);
	g_assert_true(of_bare.best_effort);
	g_assert_false(of_bare.terminating || of_bare.crosses_namespaces);

	quota_pod_init(&of_whole, NULL, whole, NULL);
	g_assert_false(of_whole.best_effort);
	g_assert_cmpint(resources_get(of_whole.limits, RESOURCE_MEMORY, 0), ==, 1024 * MIB);

	quota_pod_init(&of_none, NULL, NULL, NULL);
	g_assert_null(of_none.priority_class);
}

static void test_empty(void)
{
	g_autoptr(GHashTable) needed = resources_new();
	g_autoptr(cJSON) quota = cJSON_Parse("{\"status\": {\"hard\": {\"pods\": \"0\"}}}");
	const QuotaPod nothing = { .requests = needed, .limits = needed };

	g_assert_null(quota_lacks(NULL, &nothing));
	g_assert_null(quota_lacks(quota, &nothing)); /* nothing is needed */
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/quota/lacks", test_lacks);
	g_test_add_func("/quota/scopes", test_scopes);
	g_test_add_func("/quota/pod", test_pod);
	g_test_add_func("/quota/empty", test_empty);
	return g_test_run();
}
