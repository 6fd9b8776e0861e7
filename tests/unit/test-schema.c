/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "model/host.h"
#include "model/migration.h"
#include "model/schema.h"
#include "settings/settings.h"

static cJSON *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *value = json_parse(text, strlen(text), "text", &error);

	g_assert_no_error(error);
	return value;
}

static void assert_message(GError *error, const char *expected)
{
	g_assert_cmpstr(error ? error->message : NULL, ==, expected);
	if (error)
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
}

/* expected NULL: valid */
static void assert_value(const char *schema_text, const char *text, const char *expected)
{
	g_autoptr(cJSON) schema = parse(schema_text);
	g_autoptr(cJSON) value = parse(text);
	g_autoptr(GError) error = NULL;
	gboolean valid = schema_check_value(schema, value, "v", &error);

	assert_message(error, expected);
	g_assert_cmpint(valid, ==, expected == NULL);
}

static void test_types(void)
{
	static const char *const types[] = { "object",  "array",  "string",
					     "integer", "number", "boolean" };
	static const char *const values[] = { "{}", "[]", "\"s\"", "1", "1.5", "true", "null" };
	static const char *const words[] = { "an object",  "a list",   "a string",
					     "an integer", "a number", "true or false" };

	for (gsize i = 0; i < G_N_ELEMENTS(types); i++) {
		g_autofree char *schema = g_strdup_printf("{\"type\":\"%s\"}", types[i]);
		g_autofree char *message = g_strdup_printf("v: must be %s", words[i]);

		for (gsize j = 0; j < G_N_ELEMENTS(values); j++) {
			gboolean same = j < 4 ? i == j || (i == 4 && j == 3) : i == j;

			assert_value(schema, values[j], same ? NULL : message);
		}
	}
	assert_value("{\"type\":\"string\",\"nullable\":true}", "null", NULL);
	assert_value("{\"type\":\"integer\"}", "1.0", NULL);
	assert_value("{\"type\":\"integer\"}", "1e30", "v: must be an integer");
	assert_value("{\"type\":\"integer\"}", "9007199254740993", NULL);
}

static void test_values(void)
{
	static const char int_or_string[] = "{\"x-kubernetes-int-or-string\":true,"
					    "\"pattern\":\"^[0-9]+Mi$\",\"minimum\":0}";
	static const char text[] = "{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}";

	assert_value(int_or_string, "5", NULL);
	assert_value(int_or_string, "\"5Mi\"", NULL);
	assert_value(int_or_string, "-1", "v: must be at least 0");
	assert_value(int_or_string, "\"5Mi\\n\"", "v: '5Mi?' does not match ^[0-9]+Mi$");
	assert_value(int_or_string, "1.5", "v: must be an integer or a string");
	assert_value(int_or_string, "null", "v: must be an integer or a string");
	assert_value("{\"type\":\"number\",\"minimum\":0.5,\"maximum\":2}", "0.4",
		     "v: must be at least 0.5");
	assert_value("{\"type\":\"number\",\"minimum\":0.5,\"maximum\":2}", "2", NULL);
	assert_value("{\"type\":\"integer\",\"maximum\":9007199254740992}", "9007199254740993",
		     "v: must be at most 9007199254740992");
	assert_value("{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}", "\"a\"", NULL);
	assert_value("{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}", "\"c\"",
		     "v: must be one of \"a\", \"b\"");
	assert_value("{\"enum\":[1,{\"a\":1}]}", "{\"a\":1}", NULL);
	assert_value("{\"type\":\"string\",\"pattern\":\"b\"}", "\"abc\"", NULL); /* not anchored */
	assert_value(text, "\"\303\244\303\244\"", NULL);
	assert_value(text, "\"\303\244\"", "v: must have at least 2 characters");
	assert_value(text, "\"\"", "v: must not be empty");
	assert_value(text, "\"abcd\"", "v: must have at most 3 characters");
}

static void test_collections(void)
{
	static const char strict[] = "{\"type\":\"object\",\"required\":[\"a\"],\"properties\":"
				     "{\"a\":{\"type\":\"integer\"}}}";
	static const char map[] = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":"
				  "\"integer\"}},\"additionalProperties\":{\"type\":\"string\"}}";
	static const char open[] = "{\"type\":\"object\",\"x-kubernetes-preserve-unknown-fields\":"
				   "true,\"properties\":{\"a\":{\"type\":\"integer\"}}}";
	static const char list[] = "{\"type\":\"array\",\"items\":{\"type\":\"object\","
				   "\"properties\":{\"k\":{\"type\":\"string\"}}}}";

	assert_value(strict, "{\"a\":1}", NULL);
	assert_value(strict, "{}", "v.a: is required");
	assert_value(strict, "{\"a\":1,\"A\":2}", "v.A: unknown field");
	assert_value(strict, "{\"a\":\"x\",\"b\":2}",
		     "v.a: must be an integer; v.b: unknown field");
	assert_value(strict, "{\"a\":1,\"b\\n\":2}", "v.b?: unknown field");
	assert_value(map, "{\"a\":1,\"x.io/y\":\"z\"}", NULL);
	assert_value(map, "{\"a\":1,\"x.io/y\":5}", "v[x.io/y]: must be a string");
	assert_value(open, "{\"a\":1,\"b\":{\"c\":null}}", NULL);
	assert_value(open, "{\"a\":\"1\"}", "v.a: must be an integer");
	assert_value(list, "[{\"k\":\"v\"},{}]", NULL);
	assert_value(list, "[{},{\"k\":1},5]", "v[1].k: must be a string; v[2]: must be an object");
	assert_value("{\"type\":\"object\",\"additionalProperties\":true}", "{\"a\":[1]}", NULL);
	assert_value("{\"type\":\"object\"}", "{\"a\":1}", "v.a: unknown field");
}

static void test_many_causes(void)
{
	g_autoptr(cJSON) schema = parse("{\"type\":\"object\"}");
	g_autoptr(cJSON) value = cJSON_CreateObject();
	g_autoptr(GError) error = NULL;
	g_autofree char *long_key = g_strnfill(100000, 'x');
	g_auto(GStrv) parts = NULL;

	json_set_int(value, long_key, 1);
	for (int i = 0; i < 9; i++) {
		g_autofree char *key = g_strdup_printf("k%d", i);

		json_set_int(value, key, 1);
	}
	g_assert_false(schema_check_value(schema, value, "", &error));
	parts = g_strsplit(error->message, "; ", -1);
	g_assert_cmpuint(g_strv_length(parts), ==, 10);
	g_assert_cmpuint(strlen(parts[0]), <, 100);
	g_clear_error(&error);
	g_clear_pointer(&parts, g_strfreev);
	json_set_int(value, "one-more", 1);
	json_set_int(value, "two-more", 1);
	g_assert_false(schema_check_value(schema, value, "", &error));
	parts = g_strsplit(error->message, "; ", -1);
	g_assert_cmpuint(g_strv_length(parts), ==, 11);
	g_assert_cmpstr(parts[10], ==, "and more");
}

static void test_defaults(void)
{
	g_autoptr(cJSON) schema = parse(
		"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"default\":5},"
		"\"n\":{\"type\":\"integer\",\"default\":6,\"nullable\":true},"
		"\"o\":{\"type\":\"object\",\"default\":{},\"properties\":{\"p\":{\"type\":"
		"\"string\","
		"\"default\":\"x\"}}},\"absent\":{\"type\":\"object\",\"properties\":{\"q\":"
		"{\"type\":\"integer\",\"default\":1}}},\"l\":{\"type\":\"array\",\"items\":{"
		"\"type\":"
		"\"object\",\"properties\":{\"r\":{\"type\":\"boolean\",\"default\":true}}}},"
		"\"m\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"object\","
		"\"properties\":{\"s\":{\"type\":\"integer\",\"default\":2}}}}}}");
	g_autoptr(cJSON) value = parse("{\"l\":[{},{\"r\":false}],\"m\":{\"k\":{}},\"n\":null}");
	g_autoptr(cJSON) expected =
		parse("{\"a\":5,\"n\":null,\"o\":{\"p\":\"x\"},"
		      "\"l\":[{\"r\":true},{\"r\":false}],\"m\":{\"k\":{\"s\":2}}}");
	g_autoptr(cJSON) null = parse("{\"a\":null}");

	schema_default_value(schema, value);
	g_assert_true(json_equal(value, expected));
	schema_default_value(schema, null);
	g_assert_cmpint(json_int(null, "a", 0), ==, 5);
}

static void assert_object(const Kind *kind, const char *text, const char *expected)
{
	g_autoptr(cJSON) object = parse(text);
	g_autoptr(GError) error = NULL;
	gboolean valid = schema_validate(kind, object, &error);

	assert_message(error, expected);
	g_assert_cmpint(valid, ==, expected == NULL);
}

#define HOST_HEAD "{\"apiVersion\":\"kvmig.io/v1\",\"kind\":\"Host\",\"metadata\":{\"name\":\"n1\"}"

static void test_host(void)
{
	g_autoptr(cJSON) labels = parse("{\"zone\":\"a\"}");
	g_autoptr(cJSON) object =
		host_object_new("n1", "qemu+tls://n1/system", NULL, NULL, FALSE, labels);
	g_autoptr(GError) error = NULL;

	g_assert_true(schema_validate(&KIND_HOST, object, &error));
	condition_set(object, "Ready", TRUE, "Seen", "", 0);
	g_assert_true(schema_validate(&KIND_HOST, object, &error));
	g_assert_no_error(error);
	assert_object(&KIND_HOST, HOST_HEAD "}", "spec: is required");
	assert_object(&KIND_HOST, HOST_HEAD ",\"spec\":{\"uri\":5,\"uris\":\"x\"}}",
		      "spec.uri: must be a string; spec.uris: unknown field");
	assert_object(&KIND_HOST, HOST_HEAD ",\"spec\":{\"uri\":\"\"}}",
		      "spec.uri: must not be empty");
	assert_object(&KIND_HOST,
		      HOST_HEAD ",\"spec\":{\"uri\":\"u\",\"taints\":[{\"key\":\"k\",\"effect\":"
				"\"NoSchedul\"}]}}",
		      "spec.taints[0].effect: must be one of \"NoSchedule\", "
		      "\"PreferNoSchedule\", \"NoExecute\"");
	assert_object(&KIND_HOST, HOST_HEAD ",\"spec\":{\"uri\":\"u\"},\"specs\":{}}",
		      "specs: unknown field");
	assert_object(&KIND_VMI, HOST_HEAD ",\"spec\":{}}",
		      "apiVersion: must be 'kubevirt.io/v1'; kind: must be "
		      "'VirtualMachineInstance'; metadata.namespace: is required");
	assert_object(&KIND_HOST, "[]", "Host must be an object");
}

static void test_metadata(void)
{
	static const char head[] = "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":";
	static const struct {
		const char *metadata, *message;
	} rows[] = {
		{ "{\"name\":\"a\",\"labels\":{\"a/b\":\"c\"},\"annotations\":{\"X.io/y\":\"any "
		  "text\"},\"finalizers\":[\"f\"],\"generation\":2,\"uid\":\"u\","
		  "\"creationTimestamp\":null,\"ownerReferences\":[{}]}",
		  NULL },
		{ "{\"generateName\":\"a-\"}", NULL },
		{ "{}", "metadata.name: is required" },
		{ "[]", "metadata: must be an object" },
		{ "{\"name\":5}", "metadata.name: must be a string; metadata.name: is required" },
		{ "{\"name\":\"a\",\"namespace\":\"b\"}",
		  "metadata.namespace: Namespace has no namespace" },
		{ "{\"name\":\"a\",\"labels\":{\"a\":true}}",
		  "metadata.labels[a]: must be a string" },
		{ "{\"name\":\"a\",\"labels\":[]}", "metadata.labels: must be an object" },
		{ "{\"name\":\"a\",\"label\":{}}", "metadata.label: unknown field" },
		{ "{\"name\":\"a\",\"finalizers\":[1]}",
		  "metadata.finalizers: must be a list of strings" },
		{ "{\"name\":\"a\",\"generation\":\"1\"}",
		  "metadata.generation: must be an integer" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strconcat(head, rows[i].metadata, "}", NULL);

		assert_object(&KIND_NAMESPACE, text, rows[i].message);
	}
	assert_object(&KIND_NAMESPACE, "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\"}",
		      "metadata: is required");
}

/* Names and labels that break the rules are refused with the rule. */
static void test_metadata_rules(void)
{
	static const struct {
		const char *metadata, *start;
	} rows[] = {
		{ "{\"name\":\"A\"}", "metadata.name: name 'A' is not a name: " },
		{ "{\"generateName\":\"A\"}", "metadata.generateName: name 'Ax' is not a name: " },
		{ "{\"name\":\"a\",\"labels\":{\"a b\":\"c\"}}",
		  "metadata.labels[a b]: label key 'a b' is not one: " },
		{ "{\"name\":\"a\",\"labels\":{\"a\":\"b/c\"}}",
		  "metadata.labels[a]: label value 'b/c' is not one: " },
		{ "{\"name\":\"a\",\"annotations\":{\"a b\":\"c\"}}",
		  "metadata.annotations[a b]: label key 'a b' is not one: " },
	};
	g_autofree char *big = g_strnfill(256 * 1024, 'x');
	g_autoptr(cJSON) object = object_new(&KIND_NAMESPACE, NULL, "a");
	g_autoptr(GError) error = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text =
			g_strconcat("{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":",
				    rows[i].metadata, "}", NULL);
		g_autoptr(cJSON) bad = parse(text);
		g_autoptr(GError) refused = NULL;

		g_assert_false(schema_validate(&KIND_NAMESPACE, bad, &refused));
		if (!g_str_has_prefix(refused->message, rows[i].start))
			g_error("%s", refused->message);
	}
	object_set_annotation(object, "a", big);
	g_assert_false(schema_validate(&KIND_NAMESPACE, object, &error));
	assert_message(error, "metadata.annotations: larger than 262144 bytes");
}

/* Roles have names of their own. */
static void test_role_names(void)
{
	static const char *const good[] = { "kubevirt.io:migrate", "system:a b", "X" };
	static const char *const bad[] = { ".", "..", "a/b", "a%2fb", "" };

	for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autoptr(cJSON) role = object_new(&KIND_CLUSTER_ROLE, NULL, good[i]);
		g_autoptr(GError) error = NULL;

		g_assert_true(schema_validate(&KIND_CLUSTER_ROLE, role, &error));
		g_assert_no_error(error);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(cJSON) role = object_new(&KIND_CLUSTER_ROLE, NULL, bad[i]);

		g_assert_false(schema_validate(&KIND_CLUSTER_ROLE, role, NULL));
	}
}

static void test_migration(void)
{
	g_autoptr(cJSON) selector = parse("{\"kubernetes.io/hostname\":\"n2\"}");
	g_autoptr(cJSON) object = migration_object_new("default", "web", selector);
	g_autoptr(GError) error = NULL;
	cJSON *spec = json_get(object, "spec");

	g_assert_true(schema_validate(&KIND_VMIM, object, &error));
	migration_set_phase(object, MIGRATION_PHASE_PENDING, 0);
	condition_set(object, "migrationAbortRequested", TRUE, NULL, NULL, 0);
	g_assert_true(schema_validate(&KIND_VMIM, object, &error));
	g_assert_no_error(error);
	json_set_string(spec, "vminame", "web");
	json_unset(spec, "vmiName");
	json_set_string(json_get(spec, "addedNodeSelector"), "zone", "a b");
	g_assert_false(schema_validate(&KIND_VMIM, object, &error));
	assert_message(error, "spec.vmiName: is required; spec.addedNodeSelector[zone]: 'a b' does "
			      "not match ^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$; "
			      "spec.vminame: unknown field");
}

static void assert_settings(const char *config, const char *expected)
{
	g_autofree char *text = g_strdup_printf(
		"{\"apiVersion\":\"hco.kubevirt.io/v1beta1\",\"kind\":\"HyperConverged\","
		"\"metadata\":{\"name\":\"kubevirt-hyperconverged\",\"namespace\":\"k\"},"
		"\"spec\":{\"liveMigrationConfig\":%s,\"infra\":{\"any\":1}}}",
		config);

	assert_object(&KIND_HYPERCONVERGED, text, expected);
}

static void test_hyperconverged(void)
{
	/* the documents' own example */
	assert_settings(
		"{\"bandwidthPerMigration\":\"64Mi\",\"completionTimeoutPerGiB\":800,"
		"\"parallelMigrationsPerCluster\":5,\"parallelOutboundMigrationsPerNode\":2,"
		"\"progressTimeout\":150,\"allowPostCopy\":false}",
		NULL);
	assert_settings("{\"bandwidthPerMigration\":\"0Mi\"}", NULL);
	assert_settings("{\"progresstimeout\":150}",
			"spec.liveMigrationConfig.progresstimeout: unknown field");
	assert_settings("{\"progressTimeout\":-1}",
			"spec.liveMigrationConfig.progressTimeout: must be at least 0");
	assert_settings("{\"allowPostCopy\":\"true\"}",
			"spec.liveMigrationConfig.allowPostCopy: must be true or false");
	assert_object(&KIND_HYPERCONVERGED,
		      "{\"apiVersion\":\"hco.kubevirt.io/v1beta1\",\"kind\":\"HyperConverged\","
		      "\"metadata\":{\"name\":\"other\",\"namespace\":\"k\"}}",
		      "metadata.name: 'other' does not match ^kubevirt-hyperconverged$");
}

static void test_policy(void)
{
	static const char head[] =
		"{\"apiVersion\":\"migrations.kubevirt.io/v1alpha1\",\"kind\":\"MigrationPolicy\","
		"\"metadata\":{\"name\":\"p\"},\"spec\":";
	static const struct {
		const char *spec, *message;
	} rows[] = {
		{ "{\"selectors\":{\"namespaceSelector\":{\"hpc-workloads\":\"True\"},"
		  "\"virtualMachineInstanceSelector\":{\"workload-type\":\"db\"}},"
		  "\"bandwidthPerMigration\":\"2048Mi\",\"allowPostCopy\":true}",
		  NULL },
		{ "{\"selectors\":{},\"bandwidthPerMigration\":0}", NULL },
		{ "{\"selectors\":{\"namespaceSelector\":{\"hpc-workloads\":true}}}",
		  "spec.selectors.namespaceSelector[hpc-workloads]: must be a string" },
		{ "{}", "spec.selectors: is required" },
		{ "{\"selectors\":{},\"completionTimeoutPerGiB\":-1}",
		  "spec.completionTimeoutPerGiB: must be at least 0" },
		{ "{\"selectors\":{},\"bandwidthPerMigration\":-1}",
		  "spec.bandwidthPerMigration: must be at least 0" },
		{ "{\"selectors\":{},\"parallelMigrationsPerCluster\":5}",
		  "spec.parallelMigrationsPerCluster: unknown field" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = g_strconcat(head, rows[i].spec, "}", NULL);

		assert_object(&KIND_MIGRATION_POLICY, text, rows[i].message);
	}
}

/* The manifests agree with the kind table, and those of the settings with theirs. */
static void test_manifests(void)
{
	static const Kind *const kinds[] = { &KIND_HOST,
					     &KIND_VM,
					     &KIND_VMI,
					     &KIND_VMIM,
					     &KIND_HYPERCONVERGED,
					     &KIND_MIGRATION_POLICY };

	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		const Kind *kind = kinds[i];
		g_autoptr(cJSON) manifest = parse(schema_manifest(kind));
		g_autofree char *name = g_strdup_printf("%s.%s", kind->plural, kind->group);
		const cJSON *spec = json_get(manifest, "spec");
		const cJSON *names = json_get(spec, "names"), *short_name;

		g_assert_cmpstr(object_name(manifest), ==, name);
		g_assert_cmpstr(json_string(names, "plural", ""), ==, kind->plural);
		g_assert_cmpstr(json_string(names, "singular", ""), ==, kind->singular);
		g_assert_cmpstr(json_string(names, "listKind", ""), ==, kind->list_kind);
		g_assert_cmpstr(json_string(spec, "scope", ""), ==,
				kind->namespaced ? "Namespaced" : "Cluster");
		cJSON_ArrayForEach(short_name, json_get(names, "shortNames"))
			g_assert_true(kind_find(short_name->valuestring) == kind);
		g_assert_nonnull(schema_for(kind));
		g_assert_true(schema_for(kind) == schema_for(kind));
	}
	g_assert_null(schema_for(&KIND_LEASE));
	g_assert_null(schema_manifest(&KIND_NODE));
}

static void test_settings_ranges(void)
{
	const cJSON *properties =
		json_path(schema_for(&KIND_HYPERCONVERGED), "properties", "spec", "properties",
			  "liveMigrationConfig", "properties", NULL);
	const cJSON *property;
	guint n = 0;

	cJSON_ArrayForEach(property, properties)
	{
		const Setting *setting = setting_find(property->string);

		g_assert_nonnull(setting);
		n++;
		if (setting->type == SETTING_BANDWIDTH || setting->type == SETTING_STRING) {
			g_assert_cmpstr(json_string(property, "type", ""), ==, "string");
		} else if (setting->type == SETTING_BOOL) {
			g_assert_cmpstr(json_string(property, "type", ""), ==, "boolean");
		} else {
			g_assert_cmpint(json_int(property, "minimum", -1), ==, setting->minimum);
			g_assert_cmpint(json_int(property, "maximum", -1), ==, setting->maximum);
		}
	}
	g_assert_cmpuint(n, ==, 12);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/schema/types", test_types);
	g_test_add_func("/schema/values", test_values);
	g_test_add_func("/schema/collections", test_collections);
	g_test_add_func("/schema/many-causes", test_many_causes);
	g_test_add_func("/schema/defaults", test_defaults);
	g_test_add_func("/schema/host", test_host);
	g_test_add_func("/schema/metadata", test_metadata);
	g_test_add_func("/schema/metadata-rules", test_metadata_rules);
	g_test_add_func("/schema/role-names", test_role_names);
	g_test_add_func("/schema/migration", test_migration);
	g_test_add_func("/schema/hyperconverged", test_hyperconverged);
	g_test_add_func("/schema/policy", test_policy);
	g_test_add_func("/schema/manifests", test_manifests);
	g_test_add_func("/schema/settings-ranges", test_settings_ranges);
	return g_test_run();
}
