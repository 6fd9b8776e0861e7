/* SPDX-License-Identifier: Apache-2.0 */
/* The judges of nodes and of the network that migrations use. */
#include <string.h>

#include "base/error.h"
#include "check/network.h"
#include "check/nodes.h"
#include "model/yaml.h"

static cJSON *yaml(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *value = yaml_parse(text, strlen(text), "vector", &error);

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

static const char *evidence(const GPtrArray *findings, guint n)
{
	return ((const CheckFinding *)g_ptr_array_index(findings, n))->evidence;
}

#define HOST(name, status)                                                                         \
	"{apiVersion: kvmig.io/v1, kind: Host, metadata: {name: " name "}, spec: {uri: "           \
	"'qemu:///system'}, status: {conditions: [{type: Ready, status: 'True'}], " status "}}"
#define NODE(name, labels, spec)                                                                   \
	"{apiVersion: v1, kind: Node, metadata: {name: " name ", labels: {" labels                 \
	"}}, spec: {" spec "}, status: {conditions: [{type: Ready, status: 'True'}]}}"
#define FACTS(leases, fault, certificates, qemu)                                                   \
	"nodeInfo: {hypervisorVersion: " qemu ", libvirtVersion: 9.0.0}, diskLeases: "             \
	"{configured: " leases "}, postCopy: {userfaultfd: " fault "}, tls: "                      \
	"{migrationCertificates: " certificates "}"

typedef struct {
	const char *name;
	const char *nodes[3];
	gboolean tls, post_copy;
	const char *findings;
	const char *words; /* in the first one */
} NodeVector;

static const NodeVector node_vectors[] = {
	{ "nothing", { HOST("a", FACTS("true", "true", "true", "8.2.0")) }, TRUE, TRUE, "", NULL },
	{ "all missing",
	  { HOST("a", FACTS("false", "false", "false", "8.2.0")) },
	  TRUE,
	  TRUE,
	  "blocks KVMIG-BLK-TLS-CERTS a\nwarning KVMIG-CHK-DISK-LEASES a\nwarning "
	  "KVMIG-CHK-USERFAULTFD a\n",
	  "certificates" },
	{ "missing, and nobody asks for it",
	  { HOST("a", FACTS("true", "false", "false", "8.2.0")) },
	  FALSE,
	  FALSE,
	  "",
	  NULL },
	{ "not to be seen, told once",
	  { HOST("a", "x: y"), HOST("b", "x: y") },
	  TRUE,
	  TRUE,
	  "note KVMIG-CHK-NOT-SEEN -\n",
	  "on 'a', 'b'" },
	{ "versions differ",
	  { HOST("a", FACTS("true", "true", "true", "8.2.0")),
	    HOST("b", FACTS("true", "true", "true", "7.2.22")) },
	  TRUE,
	  TRUE,
	  "warning KVMIG-CHK-VERSIONS -\n",
	  "QEMU 7.2.22, libvirt 9.0.0 on 'b'; QEMU 8.2.0, libvirt 9.0.0 on 'a'" },
	{ "a node that is cordoned, one without KubeVirt, one that takes none",
	  { NODE("a",
		 "kubevirt.io/schedulable: 'true', "
		 "host-model-cpu.node.kubevirt.io/X: 'true'",
		 "unschedulable: true"),
	    NODE("b", "", ""), NODE("c", "kubevirt.io/schedulable: 'false'", "") },
	  TRUE,
	  TRUE,
	  "warning KVMIG-TGT-CORDONED a\nwarning KVMIG-TGT-NOT-SCHEDULABLE c\n",
	  "cordoned" },
	{ "host model not known, and obsolete",
	  { NODE("a", "kubevirt.io/schedulable: 'true'", ""),
	    NODE("b",
		 "kubevirt.io/schedulable: 'true', host-model-cpu.node.kubevirt.io/X: "
		 "'true', node-labeller.kubevirt.io/obsolete-host-model: 'true'",
		 "") },
	  TRUE,
	  TRUE,
	  "warning KVMIG-CHK-HOST-MODEL a\nwarning KVMIG-CHK-HOST-MODEL b\n",
	  "CPU model" },
	{ "not ready",
	  { "{apiVersion: v1, kind: Node, metadata: {name: a}, status: {conditions: [{type: "
	    "Ready, status: Unknown, message: Kubelet stopped}]}}" },
	  TRUE,
	  TRUE,
	  "warning KVMIG-TGT-NOT-READY a\n",
	  "Kubelet stopped" },
};

static void test_nodes(gconstpointer data)
{
	const NodeVector *vector = data;
	g_autoptr(CheckNodes) nodes = check_nodes_new();
	g_autoptr(GPtrArray) findings = check_findings_new(), none = check_findings_new();

	for (gsize i = 0; i < G_N_ELEMENTS(vector->nodes) && vector->nodes[i]; i++) {
		g_autoptr(cJSON) node = yaml(vector->nodes[i]);

		check_nodes_add(nodes, node);
	}
	check_nodes_judge(nodes, NULL, vector->tls, vector->post_copy, findings);
	expect(findings, vector->findings);
	if (vector->words)
		g_assert_nonnull(strstr(evidence(findings, 0), vector->words));
	check_nodes_judge(nodes, "other", vector->tls, vector->post_copy, none);
	expect(none, "");
}

#define LEASE(renewed, entries)                                                                    \
	"{metadata: {name: a, managedFields: [" entries "]}, spec: {renewTime: '" renewed "'}}"
#define ENTRY(time) "{time: '" time "', fieldsV1: {'f:spec': {'f:renewTime': {}}}}"

static void test_clocks(void)
{
	static const struct {
		const char *lease;
		gboolean known;
		gint64 ms;
	} cases[] = {
		{ LEASE("2026-01-01T00:00:10.500000Z", ENTRY("2026-01-01T00:00:10Z")), TRUE, 500 },
		{ LEASE("2026-01-01T00:01:10.000000Z", ENTRY("2026-01-01T00:00:10Z")), TRUE,
		  60000 },
		{ LEASE("2026-01-01T00:00:00.000000Z",
			"{time: '2020-01-01T00:00:00Z', fieldsV1: {'f:metadata': {}}}, " ENTRY(
				"2026-01-01T00:00:10Z")),
		  TRUE, -10000 },
		{ LEASE("2026-01-01T00:00:00.000000Z", ""), FALSE, 0 },
		{ LEASE("yesterday", ENTRY("2026-01-01T00:00:10Z")), FALSE, 0 },
		{ LEASE("2026-01-01T00:00:00.000000Z", ENTRY("now")), FALSE, 0 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(cJSON) lease = yaml(cases[i].lease);
		g_autoptr(cJSON) node =
			yaml(NODE("a", "host-model-cpu.node.kubevirt.io/X: 'true'", ""));
		g_autoptr(CheckNodes) nodes = check_nodes_new();
		g_autoptr(GPtrArray) findings = check_findings_new();
		gint64 ms = 0;

		g_assert_cmpint(check_lease_skew(lease, &ms), ==, cases[i].known);
		g_assert_cmpint(ms, ==, cases[i].ms);
		check_nodes_add(nodes, node);
		check_nodes_add_lease(nodes, lease);
		check_nodes_judge(nodes, NULL, FALSE, FALSE, findings);
		expect(findings, ABS(ms) > 3000 ? "warning KVMIG-CHK-CLOCK-SKEW a\n" : "");
	}
}

/* ---- the network ---------------------------------------------------------------------------- */

static void test_definition(void)
{
	static const struct {
		const char *config, *type, *master, *problem;
	} cases[] = {
		{ "'{\"type\": \"macvlan\", \"master\": \"eth1\", \"ipam\": {\"type\": "
		  "\"whereabouts\"}}'",
		  "macvlan", "eth1", NULL },
		{ "'{\"plugins\": [{\"type\": \"bridge\", \"bridge\": \"br1\", \"ipam\": "
		  "{\"type\": \"whereabouts\"}}, {\"type\": \"tuning\"}]}'",
		  "bridge", "br1", NULL },
		{ "'{\"type\": \"macvlan\"}'", "macvlan", NULL, "has no ipam" },
		{ "'{\"type\": \"macvlan\", \"ipam\": {\"type\": \"host-local\"}}'", "macvlan",
		  NULL, "host-local" },
		{ "'{\"type\": \"macvlan\", \"ipam\": {\"type\": \"static\"}}'", "macvlan", NULL,
		  "static" },
		{ "'{\"type\": \"ovn-k8s-cni-overlay\", \"subnets\": \"192.0.2.0/24\"}'",
		  "ovn-k8s-cni-overlay", NULL, NULL },
		{ "'{\"type\": \"ovn-k8s-cni-overlay\"}'", "ovn-k8s-cni-overlay", NULL,
		  "has no ipam" },
		{ "'{'", NULL, NULL, "spec.config" },
		{ "7", NULL, NULL, "no configuration" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup_printf("{spec: {config: %s}}", cases[i].config);
		g_autoptr(cJSON) object = yaml(text);
		g_autoptr(GPtrArray) findings = check_findings_new();
		g_auto(CheckNetwork) network;

		check_network_init(&network, "mig", "kubevirt");
		check_network_read(&network, object);
		g_assert_cmpstr(network.type, ==, cases[i].type);
		g_assert_cmpstr(network.master, ==, cases[i].master);
		check_network_judge(&network, TRUE, findings);
		expect(findings, cases[i].problem ? "blocks "
						    "KVMIG-CHK-NETWORK-CONFIG mig\n"
						  : "");
		if (cases[i].problem)
			g_assert_nonnull(strstr(evidence(findings, 0), cases[i].problem));
	}
}

static void test_made(void)
{
	g_auto(CheckNetwork) network;
	g_autoptr(GPtrArray) findings = check_findings_new();
	g_autoptr(cJSON) object =
		network_attachment_new("kubevirt", "mig", "bridge", "br1", "2001:db8::/64");

	check_network_init(&network, "mig", "kubevirt");
	check_network_read(&network, object);
	g_assert_cmpstr(network.master, ==, "br1");
	check_network_judge(&network, TRUE, findings);
	expect(findings, "");
}

static void test_ranges(void)
{
	static const char *const good[] = { "192.0.2.0/24", "10.0.0.0/8", "2001:db8::/64",
					    "192.0.2.0/30" };
	static const char *const bad[] = { "192.0.2.0", "192.0.2.0/31",  "192.0.2/24",
					   "/24",       "192.0.2.0/24/", "eth1",
					   "::/127",    "::/0",          "192.0.2.0/-1",
					   "" };

	for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
		g_assert_true(network_check_range(good[i], NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(network_check_range(bad[i], &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	}
}

static void test_hosts(void)
{
	g_auto(CheckNetwork) network;
	g_autoptr(GPtrArray) findings = check_findings_new();
	g_autoptr(cJSON) tls = yaml("{apiVersion: kvmig.io/v1, kind: Host, metadata: {name: a}, "
				    "spec: {uri: 'qemu+tls://a.example/system'}, status: "
				    "{conditions: [{type: Ready, status: 'True'}]}}");
	g_autoptr(cJSON) alone = yaml(HOST("b", "x: y"));

	check_network_init(&network, NULL, NULL);
	check_network_add_node(&network, tls);
	check_network_add_node(&network, tls);
	check_network_judge(&network, FALSE, findings);
	expect(findings, "note KVMIG-CHK-NETWORK-NONE -\n");
	g_assert_cmpuint(network.nodes->len, ==, 1);
	g_assert_cmpstr(((NetworkNode *)g_ptr_array_index(network.nodes, 0))->address, ==,
			"a.example");
	check_network_add_node(&network, alone);
	g_ptr_array_set_size(findings, 0);
	check_network_judge(&network, FALSE, findings);
	expect(findings, "note KVMIG-CHK-NETWORK-NONE -\nwarning KVMIG-TGT-MIGRATION-NETWORK b\n");
}

/* The network of another name ends like ours. */
static void test_handlers(void)
{
	static const struct {
		const char *networks, *findings;
	} cases[] = {
		{ "mig@migration0", "" },
		{ "kubevirt/mig@migration0", "" },
		{ "default/other, mig@migration0", "" },
		{ "old-mig@migration0", "warning KVMIG-TGT-MIGRATION-NETWORK a\n" },
		{ "default/mig@migration0", "warning KVMIG-TGT-MIGRATION-NETWORK a\n" },
		{ "mig@migration01", "warning KVMIG-TGT-MIGRATION-NETWORK a\n" },
		{ "", "warning KVMIG-TGT-MIGRATION-NETWORK a\n" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *text = g_strdup_printf(
			"{metadata: {name: h, annotations: {k8s.v1.cni.cncf.io/networks: '%s', "
			"k8s.v1.cni.cncf.io/network-status: '[{\"interface\": \"migration0\", "
			"\"ips\": [\"192.0.2.1\"]}]'}}, spec: {nodeName: a}, status: "
			"{conditions: [{type: Ready, status: 'True'}]}}",
			cases[i].networks);
		g_autoptr(cJSON) pod = yaml(text);
		g_autoptr(GPtrArray) findings = check_findings_new();
		g_auto(CheckNetwork) network;

		check_network_init(&network, "mig", "kubevirt");
		check_network_add_handler(&network, pod);
		check_network_judge(&network, TRUE, findings);
		expect(findings, cases[i].findings);
	}
}

static void test_states(void)
{
	g_auto(CheckNetwork) missing, unknown;
	g_autoptr(GPtrArray) findings = check_findings_new();

	check_network_init(&missing, "mig", "kubevirt");
	missing.missing = TRUE;
	check_network_judge(&missing, TRUE, findings);
	check_network_init(&unknown, "mig", "kubevirt");
	unknown.unknown = TRUE;
	check_network_judge(&unknown, TRUE, findings);
	expect(findings, "blocks KVMIG-CHK-NETWORK-MISSING mig\nnote KVMIG-CHK-NOT-SEEN mig\n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(node_vectors); i++) {
		g_autofree char *path = g_strdup_printf("/check/nodes/%s", node_vectors[i].name);

		g_test_add_data_func(path, &node_vectors[i], test_nodes);
	}
	g_test_add_func("/check/nodes-clocks", test_clocks);
	g_test_add_func("/check/network/definition", test_definition);
	g_test_add_func("/check/network/made", test_made);
	g_test_add_func("/check/network/ranges", test_ranges);
	g_test_add_func("/check/network/hosts", test_hosts);
	g_test_add_func("/check/network/handlers", test_handlers);
	g_test_add_func("/check/network/states", test_states);
	return g_test_run();
}
