/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds, objects, conditions, names, and the views Host and Vmi. */
#include <string.h>

#include "base/error.h"
#include "model/host.h"
#include "model/object.h"
#include "model/vmi.h"

static cJSON *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *value = json_parse(text, strlen(text), "text", &error);

	g_assert_no_error(error);
	return value;
}

static void assert_same(const cJSON *value, const char *expected)
{
	g_autofree char *text = json_print(value);

	g_assert_cmpstr(text, ==, expected);
}

static void test_kind_find(void)
{
	static const struct {
		const char *word;
		const Kind *kind;
	} rows[] = {
		{ "vm", &KIND_VM },
		{ "VMS", &KIND_VM },
		{ "virtualmachine", &KIND_VM },
		{ "VirtualMachineInstance", &KIND_VMI },
		{ "vmis", &KIND_VMI },
		{ "vmim", &KIND_VMIM },
		{ "vmims.kubevirt.io", &KIND_VMIM },
		{ "virtualmachineinstancemigrations.kubevirt.io", &KIND_VMIM },
		{ "hc", &KIND_HYPERCONVERGED },
		{ "hco", &KIND_HYPERCONVERGED },
		{ "hcos", &KIND_HYPERCONVERGED },
		{ "kv", &KIND_KUBEVIRT },
		{ "kvs", &KIND_KUBEVIRT },
		{ "host", &KIND_HOST },
		{ "hosts", &KIND_HOST },
		{ "migrationpolicies", &KIND_MIGRATION_POLICY },
		{ "no", &KIND_NODE },
		{ "node", &KIND_NODE },
		{ "ns", &KIND_NAMESPACE },
		{ "ev", &KIND_EVENT },
		{ "leases.coordination.k8s.io", &KIND_LEASE },
		{ "hyperconvergeds.v1beta1.hco.kubevirt.io", &KIND_HYPERCONVERGED },
		{ "hyperconvergeds.v1.hco.kubevirt.io", NULL }, /* served, but not ours to say */
		{ "net-attach-def", &KIND_NETWORK_ATTACHMENT },
		{ "clusterrolebinding", &KIND_CLUSTER_ROLE_BINDING },
		{ "sa", &KIND_SERVICE_ACCOUNT },
		{ "vm.example.org", NULL },
		{ "h", NULL },
		{ "vm ", NULL },
		{ "", NULL },
		{ ".", NULL },
		{ NULL, NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		g_assert_true(kind_find(rows[i].word) == rows[i].kind);
}

static void test_kind_table(void)
{
	const Kind *kind;
	unsigned n = 0;

	for (; (kind = kind_nth(n)); n++) {
		g_autofree char *list = g_strconcat(kind->kind, "List", NULL);
		g_autofree char *api = g_strconcat(kind->group, *kind->group ? "/" : "",
						   kind->version, NULL);

		g_assert_cmpstr(kind_api_version(kind), ==, api);
		g_assert_true(kind_of(api, kind->kind) == kind);
		g_assert_true(kind_find(kind->plural) == kind);
		g_assert_true(kind_find(kind->singular) == kind);
		g_assert_true(kind_find(kind->kind) == kind);
		g_assert_cmpstr(kind->list_kind, ==, list);
	}
	g_assert_cmpuint(n, ==, 28);
	g_assert_null(kind_of("v1", "Host"));
	g_assert_null(kind_of("kubevirt.io/v1", "virtualmachine"));
	g_assert_null(kind_of(NULL, NULL));
}

static void test_object_new(void)
{
	g_autoptr(cJSON) host = object_new(&KIND_HOST, "ignored", "n1");
	g_autoptr(cJSON) vmi = object_new(&KIND_VMI, "default", "web");
	g_autofree char *host_ref = object_ref(host);
	g_autofree char *vmi_ref = object_ref(vmi);

	assert_same(host, "{\"apiVersion\":\"kvmig.io/v1\",\"kind\":\"Host\","
			  "\"metadata\":{\"name\":\"n1\"}}");
	g_assert_cmpstr(host_ref, ==, "n1");
	g_assert_cmpstr(vmi_ref, ==, "default/web");
	g_assert_true(object_kind(vmi) == &KIND_VMI);
	g_assert_null(object_kind(NULL));
}

static void test_object_read(void)
{
	g_autoptr(cJSON) object =
		parse("{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"12\",\"generation\":3,"
		      "\"creationTimestamp\":\"1970-01-01T00:00:02Z\",\"deletionTimestamp\":\"x\","
		      "\"namespace\":\"\",\"name\":5}}");
	g_autofree char *ref = object_ref(object);

	g_assert_cmpstr(object_uid(object), ==, "u");
	g_assert_cmpstr(object_resource_version(object), ==, "12");
	g_assert_cmpint(object_generation(object), ==, 3);
	g_assert_cmpint(object_created_us(object), ==, 2000000);
	g_assert_true(object_is_deleting(object));
	g_assert_null(object_namespace(object));
	g_assert_null(object_name(object));
	g_assert_null(object_labels(object));
	g_assert_cmpstr(ref, ==, "(unnamed)");
	g_assert_cmpint(object_created_us(NULL), ==, 0);
	g_assert_false(object_is_deleting(NULL));
}

static void test_object_maps(void)
{
	g_autoptr(cJSON) object = cJSON_CreateObject();

	object_set_label(object, "a/b", "1");
	object_set_label(object, "c", "2");
	object_set_label(object, "c", NULL);
	object_set_annotation(object, "n", "text");
	g_assert_cmpstr(object_label(object, "a/b"), ==, "1");
	g_assert_null(object_label(object, "c"));
	g_assert_cmpstr(object_annotation(object, "n"), ==, "text");
	object_set_label(object, "a/b", NULL);
	object_set_label(object, "never", NULL);
	object_add_finalizer(object, "f");
	object_add_finalizer(object, "f");
	object_add_finalizer(object, "g");
	assert_same(object, "{\"metadata\":{\"annotations\":{\"n\":\"text\"},"
			    "\"finalizers\":[\"f\",\"g\"]}}");
	g_assert_true(object_has_finalizer(object, "g"));
	object_remove_finalizer(object, "f");
	g_assert_false(object_has_finalizer(object, "f"));
	object_remove_finalizer(object, "g");
	object_remove_finalizer(object, "g");
	assert_same(object, "{\"metadata\":{\"annotations\":{\"n\":\"text\"}}}");
}

static void test_conditions(void)
{
	g_autoptr(cJSON) object = cJSON_CreateObject();
	const cJSON *ready;

	g_assert_false(condition_is_true(object, "Ready"));
	condition_set(object, "Ready", FALSE, "Down", "no route", 1000000);
	condition_set(object, "Other", TRUE, NULL, NULL, 1000000);
	ready = condition_find(object, "Ready");
	g_assert_cmpstr(json_string(ready, "lastTransitionTime", ""), ==, "1970-01-01T00:00:01Z");
	condition_set(object, "Ready", FALSE, "Down", "refused", 2000000);
	g_assert_cmpstr(json_string(ready, "lastTransitionTime", ""), ==, "1970-01-01T00:00:01Z");
	g_assert_cmpstr(json_string(ready, "message", ""), ==, "refused");
	condition_set(object, "Ready", TRUE, NULL, NULL, 3000000);
	assert_same(json_path(object, "status", "conditions", NULL),
		    "[{\"type\":\"Ready\",\"status\":\"True\","
		    "\"lastTransitionTime\":\"1970-01-01T00:00:03Z\"},{\"type\":\"Other\","
		    "\"status\":\"True\",\"lastTransitionTime\":\"1970-01-01T00:00:01Z\"}]");
	g_assert_true(condition_is_true(object, "Ready"));
	condition_remove(object, "Ready");
	condition_remove(object, "Ready");
	g_assert_null(condition_find(object, "Ready"));
	g_assert_true(condition_is_true(object, "Other"));
}

static char *repeat(char c, gsize n)
{
	return g_strnfill(n, c);
}

static void test_names(void)
{
	g_autofree char *at63 = repeat('a', 63), *at64 = repeat('a', 64), *at300 = repeat('a', 300);
	g_autofree char *key63 = g_strconcat("example.org/", at63, NULL);
	g_autofree char *key64 = g_strconcat("example.org/", at64, NULL);
	const char *const good_names[] = { "a", "n1", "a-b.c", "0", "a.b.c", at63, at64 };
	const char *const bad_names[] = { "",   "-a",  "a-", "A",  "a_b", "a..b", ".a",
					  "a.", "a b", "ä",  "a.", at300, "a.-b", "a\nb" };
	const char *const good_keys[] = { "a",  "A_b.c-9", "x.io/Y",
					  at63, key63,     "kubevirt.io/vmi-name" };
	const char *const bad_keys[] = { "",   "/a",  "a/", "X.io/a", "a/b/c", "_a",
					 "a_", "a b", at64, key64,    "ä" };
	const char *const good_values[] = { "", "a", "A.b_c-9", at63 };
	const char *const bad_values[] = { "-", "a/b", " ", "a ", at64, "a=b" };

	for (gsize i = 0; i < G_N_ELEMENTS(good_names); i++)
		g_assert_true(name_check_dns_subdomain(good_names[i], "name", NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(bad_names); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(name_check_dns_subdomain(bad_names[i], "name", &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		g_assert_false(name_check_dns_label(bad_names[i], "name", NULL));
		g_assert_cmpuint(strlen(error->message), <, 300);
		g_assert_null(strchr(error->message, '\n'));
	}
	g_assert_true(name_check_dns_label("a-1", "name", NULL));
	g_assert_false(name_check_dns_label("a.b", "name", NULL));
	g_assert_false(name_check_dns_label(at64, "name", NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(good_keys); i++)
		g_assert_true(name_check_label_key(good_keys[i], NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(bad_keys); i++)
		g_assert_false(name_check_label_key(bad_keys[i], NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(good_values); i++)
		g_assert_true(name_check_label_value(good_values[i], NULL));
	for (gsize i = 0; i < G_N_ELEMENTS(bad_values); i++)
		g_assert_false(name_check_label_value(bad_values[i], NULL));
}

static void test_name_from_text(void)
{
	static const struct {
		const char *text;
		gsize max;
		const char *name;
	} rows[] = {
		{ "Web_01 (old)", 63, "web-01-old" },
		{ "a", 63, "a" },
		{ "---", 63, "vm" },
		{ "", 63, "vm" },
		{ "Größe", 63, "gr-e" },
		{ "abcdef", 4, "abcd" },
		{ "abc__def", 4, "abc" },
		{ "..a..", 63, "a" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = name_from_text(rows[i].text, rows[i].max);

		g_assert_cmpstr(name, ==, rows[i].name);
		g_assert_true(name_check_dns_label(name, "name", NULL));
	}
}

static void test_host(void)
{
	g_autoptr(cJSON) labels = parse("{\"zone\":\"a\"}");
	g_autoptr(cJSON) object =
		host_object_new("n1", "qemu+tcp://n1/system", NULL, "192.0.2.1", TRUE, labels);
	g_autoptr(cJSON) status =
		parse("{\"allocatable\":{\"memory\":\"16Gi\"},\"memoryAvailable\":\"9Gi\","
		      "\"observedAt\":\"1970-01-01T00:00:05Z\",\"hostUUID\":\"h\"}");
	Host host;

	host_read(object, &host);
	g_assert_cmpstr(host.name, ==, "n1");
	g_assert_cmpstr(host.peer_uri, ==, "qemu+tcp://n1/system");
	g_assert_cmpstr(host.migration_address, ==, "192.0.2.1");
	g_assert_cmpstr(host.not_ready_reason, ==, "nobody has looked at it yet");
	g_assert_true(host.allow_tcp);
	g_assert_false(host.ready);
	g_assert_cmpint(host.memory_allocatable_bytes, ==, 0);
	g_assert_cmpint(host.memory_available_bytes, ==, -1);
	g_assert_cmpint(host.observed_us, ==, 0);
	g_assert_cmpstr(json_string(host.labels, "zone", NULL), ==, "a");

	json_set(object, "status", g_steal_pointer(&status));
	condition_set(object, "Ready", FALSE, "Unreachable", "Connection refused", 0);
	host_read(object, &host);
	g_assert_cmpstr(host.not_ready_reason, ==, "Connection refused");
	g_assert_cmpint(host.memory_allocatable_bytes, ==, G_GINT64_CONSTANT(16) << 30);
	g_assert_cmpint(host.memory_available_bytes, ==, G_GINT64_CONSTANT(9) << 30);
	g_assert_cmpint(host.observed_us, ==, 5000000);
	condition_set(object, "Ready", TRUE, NULL, NULL, 0);
	host_read(object, &host);
	g_assert_true(host.ready);
	g_assert_null(host.not_ready_reason);
}

static void test_vmi(void)
{
	g_autoptr(cJSON) object = parse(
		"{\"metadata\":{\"name\":\"web\",\"namespace\":\"default\",\"annotations\":"
		"{\"kvmig.io/domain-name\":\"Web 01\"}},\"spec\":{\"architecture\":\"amd64\","
		"\"domain\":{\"memory\":{\"guest\":\"256Mi\"},\"cpu\":{\"model\":\"host-model\"},"
		"\"machine\":{\"type\":\"pc-q35-7.2\"}}},\"status\":{\"nodeName\":\"n1\","
		"\"phase\":\"Running\",\"domainUUID\":\"d\",\"virtType\":\"kvm\","
		"\"alsoOn\":[\"n2\"],\"conditions\":[{\"type\":\"LiveMigratable\","
		"\"status\":\"False\",\"reason\":\"R\",\"message\":\"m\"},"
		"{\"type\":\"kvmig.io/DuplicateUUID\",\"status\":\"True\"}]}}");
	g_autoptr(cJSON) request =
		parse("{\"spec\":{\"domain\":{\"resources\":{\"requests\":{\"memory\":\"1G\"}}}}}");
	Vmi vmi;

	vmi_read(object, &vmi);
	g_assert_cmpstr(vmi.raw_name, ==, "Web 01");
	g_assert_cmpstr(vmi.node_name, ==, "n1");
	g_assert_cmpstr(vmi.domain_uuid, ==, "d");
	g_assert_cmpstr(vmi.machine_type, ==, "pc-q35-7.2");
	g_assert_cmpstr(vmi.cpu_model, ==, "host-model");
	g_assert_cmpstr(vmi.not_migratable_reason, ==, "R");
	g_assert_cmpstr(vmi.not_migratable_message, ==, "m");
	g_assert_true(vmi.duplicate_uuid);
	g_assert_false(vmi.undecided);
	g_assert_cmpint(vmi.memory_bytes, ==, 256 << 20);
	g_assert_cmpint(cJSON_GetArraySize(vmi.also_on), ==, 1);
	condition_set(object, "LiveMigratable", TRUE, NULL, NULL, 0);
	vmi_read(object, &vmi);
	g_assert_null(vmi.not_migratable_reason);
	vmi_read(request, &vmi);
	g_assert_cmpint(vmi.memory_bytes, ==, 1000000000);
	g_assert_cmpstr(vmi.phase, ==, "Unknown");
	g_assert_null(vmi.node_name);
	vmi_read(NULL, &vmi);
	g_assert_cmpint(vmi.memory_bytes, ==, 0);
}

/* Fields of the wrong type are absent ones. */
static void test_wrong_types(void)
{
	g_autoptr(cJSON) object =
		parse("{\"metadata\":[],\"spec\":\"x\",\"status\":{\"conditions\":"
		      "{\"type\":\"Ready\"},\"nodeName\":5}}");
	Host host;
	Vmi vmi;

	host_read(object, &host);
	vmi_read(object, &vmi);
	g_assert_null(host.name);
	g_assert_null(host.uri);
	g_assert_null(vmi.node_name);
	g_assert_null(condition_find(object, "Ready"));
	g_assert_false(host.ready);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/object/kind/find", test_kind_find);
	g_test_add_func("/object/kind/table", test_kind_table);
	g_test_add_func("/object/new", test_object_new);
	g_test_add_func("/object/read", test_object_read);
	g_test_add_func("/object/maps", test_object_maps);
	g_test_add_func("/object/conditions", test_conditions);
	g_test_add_func("/object/names", test_names);
	g_test_add_func("/object/name-from-text", test_name_from_text);
	g_test_add_func("/object/host", test_host);
	g_test_add_func("/object/vmi", test_vmi);
	g_test_add_func("/object/wrong-types", test_wrong_types);
	return g_test_run();
}
