/* SPDX-License-Identifier: Apache-2.0 */
/* What travels in a domain's metadata, and how a host's words become fields. */
#include <string.h>

#include "inventory/describe.h"
#include "inventory/instance.h"
#include "model/host.h"
#include "model/wellknown.h"
#include "store-fixture.h"

#define START_US (G_GINT64_CONSTANT(1795000000) * G_USEC_PER_SEC)

/* ---- metadata format ------------------------------------------------------------------------ */

static void test_instance_round(void)
{
	Instance in = { .name = g_strdup("web"),
			.ns = g_strdup("default"),
			.labels = cJSON_CreateObject(),
			.selector = cJSON_CreateObject() };
	g_auto(Instance) first = in;
	g_auto(Instance) again = { 0 };
	g_autofree char *xml = NULL;
	g_autofree char *sum = NULL;
	g_autofree char *sum_again = NULL;
	g_autoptr(GError) error = NULL;

	json_set_string(first.labels, "b", "2");
	json_set_string(first.labels, "a.b/c", "");
	json_set_string(first.selector, "zone", "z");
	xml = instance_format(&first);
	g_assert_true(instance_parse(xml, &again, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(again.name, ==, "web");
	g_assert_cmpstr(again.ns, ==, "default");
	g_assert_true(json_equal(again.labels, first.labels));
	g_assert_true(json_equal(again.selector, first.selector));
	sum = instance_checksum(&first);
	sum_again = instance_checksum(&again);
	g_assert_cmpstr(sum, ==, sum_again);
	json_set_string(again.selector, "zone", "y");
	g_free(sum_again);
	sum_again = instance_checksum(&again);
	g_assert_cmpstr(sum, !=, sum_again);
}

static void test_instance_bad(void)
{
	static const char *const bad[] = {
		"",
		"<instance>",
		"<other/>",
		"<instance/><instance/>",
		"<instance name='Not A Name'/>",
		"<instance namespace='a/b'/>",
		"<instance><label key='a'/></instance>",
		"<instance><label key='a b' value='x'/></instance>",
		"<instance><label key='a' value='x y'/></instance>",
		"<instance><label key='a' value='x'><b/></label></instance>",
		"<!DOCTYPE x [<!ENTITY a 'b'>]><instance name='&a;'/>",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_auto(Instance) instance = { 0 };
		g_autoptr(GError) error = NULL;

		if (instance_parse(bad[i], &instance, &error))
			g_error("taken: %s", bad[i]);
		assert_error(error, KVMIG_ERROR_INVALID, "metadata");
		g_assert_null(instance.labels);
	}
}

static void test_instance_limits(void)
{
	g_autoptr(GString) many = g_string_new("<instance>");
	g_autofree char *large = g_strnfill(INSTANCE_MAX_BYTES + 1, ' ');
	g_auto(Instance) instance = { 0 };
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i <= INSTANCE_MAX_ENTRIES; i++)
		g_string_append_printf(many, "<label key='k%u' value='v'/>", i);
	g_string_append(many, "</instance>");
	g_assert_false(instance_parse(many->str, &instance, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "more than 128");
	g_clear_error(&error);
	g_assert_false(instance_parse(large, &instance, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "larger than");
	/* what is the inventory's is not people's, and unknown elements are left alone */
	g_clear_error(&error);
	g_assert_true(instance_parse("<instance><label key='kubevirt.io/nodeName' value='n9'/>"
				     "<later x='y'/></instance>",
				     &instance, &error));
	g_assert_null(instance.labels->child);
}

/* ---- descriptions --------------------------------------------------------------------------- */

static void test_describe_host_labels(void)
{
	char *models[] = { (char *)"EPYC", (char *)"not a label!", NULL };
	char *features[] = { (char *)"vmx", NULL };
	HyperHostInfo info = { .uuid = (char *)"u",
			       .arch = (char *)"aarch64",
			       .cpu_model = (char *)"EPYC",
			       .usable_cpu_models = models,
			       .cpu_features = features,
			       .migration_certificates = -1,
			       .disk_leases = 0,
			       .userfaultfd = 1 };
	g_autoptr(cJSON) host = host_object_new("n1", "qemu:///system", NULL, NULL, FALSE, NULL);

	object_set_label(host, LABEL_PREFIX_CPU_FEATURE "old", "true");
	describe_host(host, &info, START_US);
	g_assert_cmpstr(object_label(host, LABEL_ARCH), ==, "arm64");
	g_assert_cmpstr(object_label(host, LABEL_PREFIX_CPU_MODEL "EPYC"), ==, "true");
	g_assert_cmpstr(object_label(host, LABEL_PREFIX_HOST_MODEL_CPU "EPYC"), ==, "true");
	g_assert_cmpstr(object_label(host, LABEL_PREFIX_CPU_FEATURE "vmx"), ==, "true");
	g_assert_null(object_label(host, LABEL_PREFIX_CPU_FEATURE "old"));
	g_assert_null(object_label(host, LABEL_PREFIX_CPU_MODEL "not a label!"));
	g_assert_null(object_label(host, LABEL_VIRT_TYPE "kvm"));
	g_assert_null(json_path(host, "status", "tls", NULL));
	g_assert_true(cJSON_IsFalse(json_path(host, "status", "diskLeases", "configured", NULL)));
	g_assert_true(cJSON_IsTrue(json_path(host, "status", "postCopy", "userfaultfd", NULL)));
}

static void check_reason(const char *words, const char *reason)
{
	g_autoptr(cJSON) vmi = object_new(&KIND_VMI, "default", "web");
	HyperDomain domain = { .state = HYPER_DOMAIN_RUNNING, .not_migratable = (char *)words };
	const cJSON *condition;

	describe_migratable(vmi, &domain, START_US);
	condition = condition_find(vmi, CONDITION_LIVE_MIGRATABLE);
	g_assert_cmpstr(json_string(condition, "reason", NULL), ==, reason);
	g_assert_cmpstr(json_string(condition, "status", NULL), ==, words ? "False" : "True");
	if (words)
		g_assert_cmpstr(json_string(condition, "message", NULL), ==, words);
}

static void test_migratable(void)
{
	check_reason(NULL, NULL);
	check_reason("domain has assigned host devices", "HostDeviceNotLiveMigratable");
	check_reason("disk 'vda' is on local storage", "DisksNotLiveMigratable");
	check_reason("migration with virtiofs device is not supported",
		     "VirtIOFSNotLiveMigratable");
	check_reason("something new", "NotMigratable");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/inventory/instance/round", test_instance_round);
	g_test_add_func("/inventory/instance/bad", test_instance_bad);
	g_test_add_func("/inventory/instance/limits", test_instance_limits);
	g_test_add_func("/inventory/describe/host-labels", test_describe_host_labels);
	g_test_add_func("/inventory/describe/migratable", test_migratable);
	return g_test_run();
}
