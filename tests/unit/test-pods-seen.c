/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of pods that come by is what is asked for afterwards. */
#include "check/pods-seen.h"
#include "model/resources.h"
#include "model/yaml.h"

#define GIB (G_GINT64_CONSTANT(1) << 30)

#define LAUNCHER                                                                                   \
	"labels: {kubevirt.io: virt-launcher, kubevirt.io/created-by: u1}}, spec: {nodeSelector: " \
	"{disk: ssd}, tolerations: [{key: t}], resources: {requests: {cpu: 3}}, containers: " \
	"[{name: c, image: i, resources: {requests: {memory: 1Gi}}}], "

static const char *const pods[] = {
	"{metadata: {namespace: a, name: runs, " LAUNCHER "nodeName: n1}}",
	"{metadata: {namespace: a, name: second, " LAUNCHER "nodeName: n1}}",
	"{metadata: {namespace: a, name: target, " LAUNCHER "nodeName: n2}}",
	"{metadata: {namespace: a, name: over, " LAUNCHER
	"nodeName: n3}, status: {phase: Succeeded}}",
	"{metadata: {namespace: a, name: waits, " LAUNCHER "x: 1}}",
	"{metadata: {namespace: b, name: shy}, spec: {nodeName: n1, affinity: {podAntiAffinity: "
	"{requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: k}]}}}}",
	"{metadata: {namespace: k, name: h1, labels: {kubevirt.io: virt-handler}, annotations: "
	"{k8s.v1.cni.cncf.io/network-status: '[{\"interface\": \"migration0\"}]'}}, spec: "
	"{nodeName: n1}}",
	"{metadata: {namespace: k, name: h2, labels: {kubevirt.io: virt-handler}, annotations: "
	"{k8s.v1.cni.cncf.io/network-status: 'no JSON'}}, spec: {nodeName: n2}}",
	"{metadata: {namespace: b, name: goes, deletionTimestamp: '2026-01-01T00:00:00Z'}, spec: "
	"{nodeName: n1}}",
	"{}",
	"{metadata: [], spec: {nodeName: 7}}",
};

static cJSON *yaml(const char *text)
{
	cJSON *value = yaml_parse(text, strlen(text), "test", NULL);

	g_assert_nonnull(value);
	return value;
}

static void see_all(PodsSeen *seen)
{
	pods_seen_init(seen);
	for (gsize i = 0; i < G_N_ELEMENTS(pods); i++) {
		g_autoptr(cJSON) pod = yaml(pods[i]);

		pods_seen_add(seen, pod);
	}
}

static gint64 memory_on(const PodsSeen *seen, const char *node)
{
	return resources_get(g_hash_table_lookup(seen->requested, node), RESOURCE_MEMORY, -1);
}

static void test_nodes(void)
{
	g_auto(PodsSeen) seen = { 0 };

	see_all(&seen);
	g_assert_cmpint(memory_on(&seen, "n1"), ==, 2 * GIB);
	g_assert_cmpint(memory_on(&seen, "n2"), ==, GIB);
	g_assert_cmpint(memory_on(&seen, "n3"), ==, -1); /* it is over */
	g_assert_nonnull(seen.on_network);
	g_assert_true(g_hash_table_contains(seen.on_network, "n1"));
	g_assert_false(g_hash_table_contains(seen.on_network, "n2"));
}

static void test_launchers(void)
{
	g_auto(PodsSeen) seen = { 0 };
	const char *text;
	g_autoptr(cJSON) demand = NULL;

	see_all(&seen);
	text = pods_seen_launcher(&seen, "n1", "u1");
	g_assert_nonnull(text);
	g_assert_true(text == pods_seen_launcher(&seen, "n2", "u1")); /* kept once */
	g_assert_null(pods_seen_launcher(&seen, "n3", "u1"));
	g_assert_null(pods_seen_launcher(&seen, "n1", "u2"));
	g_assert_null(pods_seen_launcher(&seen, NULL, "u1"));
	g_assert_null(pods_seen_launcher(&seen, "n1", NULL));
	demand = yaml(text);
	g_assert_cmpstr(json_string(json_path(demand, "spec", "nodeSelector", NULL), "disk", NULL),
			==, "ssd");
	g_assert_cmpint(cJSON_GetArraySize(json_path(demand, "spec", "tolerations", NULL)), ==, 1);
	g_assert_nonnull(json_path(demand, "spec", "resources", "requests", "cpu", NULL));
	g_assert_null(strstr(text, "image")); /* nothing that the question does not need */
}

static void note_pod(const cJSON *pod, const char *node, gpointer data)
{
	g_autofree char *ref = object_ref(pod);

	g_string_append_printf(data, "%s on %s%s%s%s; ", ref, node,
			       object_is_deleting(pod) ? ", is going" : "",
			       object_label(pod, "kubevirt.io") ? ", labels" : "",
			       json_path(pod, "spec", "affinity", "podAntiAffinity", NULL)
				       ? ", affinity"
				       : "");
}

static void test_each(void)
{
	g_auto(PodsSeen) seen = { 0 };
	g_autoptr(GString) text = g_string_new(NULL);

	see_all(&seen);
	g_assert_true(seen.has_terms);
	pods_seen_each(&seen, note_pod, text);
	g_assert_cmpstr(text->str, ==,
			"a/runs on n1, labels; a/second on n1, labels; a/target on n2, labels; "
			"b/shy on n1, affinity; k/h1 on n1, labels; k/h2 on n2, labels; "
			"b/goes on n1, is going; ");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/pods-seen/nodes", test_nodes);
	g_test_add_func("/pods-seen/launchers", test_launchers);
	g_test_add_func("/pods-seen/each", test_each);
	return g_test_run();
}
