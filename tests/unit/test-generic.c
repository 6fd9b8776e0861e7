/* SPDX-License-Identifier: Apache-2.0 */
/* cluster.h's calls that a backend need not have, on the store. */
#include <string.h>

#include "model/yaml.h"
#include "store-fixture.h"

static cJSON *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *value = yaml_parse(text, strlen(text), "the test", &error);

	g_assert_no_error(error);
	return value;
}

static cJSON *apply(Cluster *cluster, const char *text, ClusterWriteFlags flags,
		    gboolean *ret_created, GError **error)
{
	g_autoptr(cJSON) object = parse(text);

	return cluster_apply(cluster, object, flags, ret_created, error);
}

static void put(Cluster *cluster, const char *ns, const char *name, const char *label)
{
	g_autoptr(cJSON) object = object_new(&KIND_VMI, ns, name);
	g_autoptr(cJSON) made = NULL;
	g_autoptr(GError) error = NULL;

	object_set_label(object, "tier", label);
	made = cluster_create(cluster, object, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
}

/* ---- kinds ---------------------------------------------------------------------------------- */

static void test_find_kind(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const struct {
		const char *word;
		const Kind *kind;
	} cases[] = {
		{ "vm", &KIND_VM },
		{ "VMI", &KIND_VMI },
		{ "vmims", &KIND_VMIM },
		{ "virtualmachines.kubevirt.io", &KIND_VM },
		{ "virtualmachines.v1.kubevirt.io", &KIND_VM },
		{ "migrationpolicies.v1alpha1.migrations.kubevirt.io", &KIND_MIGRATION_POLICY },
		{ "namespaces.v1.", &KIND_NAMESPACE }, /* the core group */
		{ "namespaces.v1", &KIND_NAMESPACE },
		{ "virtualmachines.v2.kubevirt.io", NULL },
		{ "vm.other.io", NULL },
		{ "node", &KIND_HOST }, /* what the command line calls a node */
		{ "nodes", &KIND_HOST },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		const Kind *kind = cluster_find_kind(fixture->cluster, cases[i].word, &error);

		g_test_message("%s", cases[i].word);
		g_assert_true(kind == cases[i].kind);
		if (!kind)
			assert_error(error, KVMIG_ERROR_NOT_FOUND, cases[i].word);
	}
}

static void test_near_kinds(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(cluster_find_kind(fixture->cluster, "migrationpolcy", &error));
	g_assert_nonnull(strstr(error_get_hint(error), "'migrationpolicy'"));
	g_clear_error(&error);
	g_assert_null(cluster_kind_of(fixture->cluster, "migrations.kubevirt.io/v1alpha1",
				      "VirtualMachine", &error));
	assert_error(error, KVMIG_ERROR_NOT_FOUND, "VirtualMachine");
	g_assert_nonnull(strstr(error_get_hint(error), "kubevirt.io/v1"));
}

static void test_has_field(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const struct {
		const Kind *kind;
		const char *path;
		ClusterFieldState state;
	} cases[] = {
		{ &KIND_VMIM, "spec.addedNodeSelector", CLUSTER_FIELD_YES },
		{ &KIND_VMIM, "spec.addedNodeSelector.zone", CLUSTER_FIELD_YES },
		{ &KIND_VMIM, "spec.nothing", CLUSTER_FIELD_NO },
		{ &KIND_HYPERCONVERGED, "spec.liveMigrationConfig.network", CLUSTER_FIELD_YES },
		{ &KIND_HYPERCONVERGED, "spec.liveMigrationConfig.net", CLUSTER_FIELD_NO },
		{ &KIND_HYPERCONVERGED, "spec.other", CLUSTER_FIELD_UNKNOWN },
		{ &KIND_NAMESPACE, "spec.finalizers", CLUSTER_FIELD_UNKNOWN },
		{ &KIND_HOST, "spec.taints.effect", CLUSTER_FIELD_YES },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpint(cluster_has_field(fixture->cluster, cases[i].kind, cases[i].path),
				==, cases[i].state);
}

static void test_get_path(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(cluster_get_path(fixture->cluster, "/version", &error));
	assert_error(error, KVMIG_ERROR_UNSUPPORTED, "/version");
}

/* ---- lists ---------------------------------------------------------------------------------- */

typedef struct {
	Cluster *cluster;
	guint seen, stop_after;
	GString *names;
} Seen;

static gboolean see(const cJSON *object, gpointer data)
{
	Seen *seen = data;

	g_string_append_printf(seen->names, " %s", object_name(object));
	if (seen->cluster) { /* the store may be used meanwhile, even for another list */
		g_autoptr(GPtrArray) list =
			cluster_list(seen->cluster, &KIND_VMI, NULL, NULL, NULL);

		g_assert_nonnull(list);
	}
	return ++seen->seen != seen->stop_after;
}

static void test_each(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GString) names = g_string_new(NULL);
	Seen seen = { .names = names };
	g_autofree char *version = NULL;
	g_autoptr(GError) error = NULL;
	const guint many = 600; /* more than two pieces */

	g_assert_true(cluster_batch_begin(fixture->cluster, NULL));
	for (guint i = 0; i < many; i++) {
		g_autofree char *name = g_strdup_printf("vm-%03u", i);

		put(fixture->cluster, i % 2 ? "odd" : "even", name, "a");
	}
	g_assert_true(cluster_batch_commit(fixture->cluster, NULL));
	g_assert_true(
		cluster_each(fixture->cluster, &KIND_VMI, NULL, see, &seen, &version, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(seen.seen, ==, many);
	g_assert_true(g_str_has_prefix(names->str, " vm-000 vm-002"));
	g_assert_true(g_str_has_suffix(names->str, " vm-597 vm-599"));
	g_assert_nonnull(version);
}

static void test_each_stops(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GString) names = g_string_new(NULL);
	Seen seen = { .cluster = fixture->cluster, .stop_after = 2, .names = names };
	char *version = NULL;
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < 4; i++) {
		g_autofree char *name = g_strdup_printf("vm-%u", i);

		put(fixture->cluster, "default", name, "a");
	}
	g_assert_true(
		cluster_each(fixture->cluster, &KIND_VMI, NULL, see, &seen, &version, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(names->str, ==, " vm-0 vm-1");
	g_assert_null(version);
}

static void test_by_name(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	const ClusterListOptions options = { .name = "web-1" };
	const ClusterListOptions here = { .name = "web-1", .ns = "default" };
	const ClusterListOptions none = { .name = "web" };
	g_autoptr(GPtrArray) all = NULL, one = NULL, nothing = NULL;

	put(fixture->cluster, "default", "web-1", "a");
	put(fixture->cluster, "prod", "web-1", "a");
	put(fixture->cluster, "prod", "web-10", "a");
	all = cluster_list(fixture->cluster, &KIND_VMI, &options, NULL, NULL);
	one = cluster_list(fixture->cluster, &KIND_VMI, &here, NULL, NULL);
	nothing = cluster_list(fixture->cluster, &KIND_VMI, &none, NULL, NULL);
	g_assert_cmpuint(all->len, ==, 2);
	g_assert_cmpuint(one->len, ==, 1);
	g_assert_cmpuint(nothing->len, ==, 0);
}

static void on_event(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	g_assert_no_error(error);
	g_assert_cmpint(type, ==, CLUSTER_EVENT_ADDED);
	g_string_append_printf(data, " %s", object_name(object));
}

static void test_watch_by_name(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	const ClusterListOptions options = { .name = "web-1" };
	const ClusterListOptions last = { .name = "last" };
	g_autoptr(GString) names = g_string_new(NULL), end = g_string_new(NULL);
	g_autoptr(GError) error = NULL;
	ClusterWatch *watch, *other;

	watch = cluster_watch(fixture->cluster, &KIND_VMI, &options, NULL, on_event, names, &error);
	other = cluster_watch(fixture->cluster, &KIND_VMI, &last, NULL, on_event, end, &error);
	g_assert_no_error(error);
	put(fixture->cluster, "default", "web-2", "a");
	put(fixture->cluster, "default", "web-1", "a");
	put(fixture->cluster, "default", "last", "a");
	while (!end->len)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpstr(names->str, ==, " web-1");
	cluster_watch_stop(watch);
	cluster_watch_stop(other);
}

static gboolean see_row(const cJSON *columns, const cJSON *row, gpointer data)
{
	g_autofree char *cells = json_print(json_get(row, "cells"));

	g_assert_cmpint(cJSON_GetArraySize(columns), ==,
			cJSON_GetArraySize(json_get(row, "cells")));
	g_string_append_printf(data, "%s %s", cells, object_namespace(json_get(row, "object")));
	return TRUE;
}

static void test_table(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Selector) selector = selector_parse("tier=a", NULL);
	const ClusterListOptions options = { .selector = selector };
	g_autoptr(GString) text = g_string_new(NULL);
	g_autofree char *version = NULL;
	g_autoptr(cJSON) vmim =
		parse("{apiVersion: kubevirt.io/v1, kind: "
		      "VirtualMachineInstanceMigration, metadata: {name: m-1, "
		      "namespace: prod, labels: {tier: a}}, spec: {vmiName: web-1}}");
	g_autoptr(cJSON) made =
		cluster_create(fixture->cluster, vmim, CLUSTER_WRITE_UNADMITTED, NULL);

	g_assert_nonnull(made);
	g_assert_true(cluster_table(fixture->cluster, &KIND_VMIM, &options, see_row, text, &version,
				    NULL));
	g_assert_cmpstr(text->str, ==, "[\"m-1\",null,\"web-1\"] prod");
	g_assert_nonnull(version);
}

/* ---- apply and patch ------------------------------------------------------------------------ */

#define POLICY "apiVersion: migrations.kubevirt.io/v1alpha1\nkind: MigrationPolicy\n"

static void test_apply(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	const char *first =
		POLICY "metadata: {name: p}\nspec: {selectors: {}, allowPostCopy: true}";
	const char *second = POLICY "metadata: {name: p}\nspec: {bandwidthPerMigration: 64Mi}";
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) dry = NULL, made = NULL, changed = NULL, same = NULL;
	gboolean created = FALSE;

	dry = apply(fixture->cluster, first, CLUSTER_WRITE_DRY_RUN, &created, &error);
	g_assert_no_error(error);
	g_assert_true(created);
	g_assert_null(cluster_get(fixture->cluster, &KIND_MIGRATION_POLICY, NULL, "p", NULL));
	made = apply(fixture->cluster, first, CLUSTER_WRITE_NONE, &created, &error);
	g_assert_no_error(error);
	g_assert_true(created);
	changed = apply(fixture->cluster, second, CLUSTER_WRITE_NONE, &created, &error);
	g_assert_no_error(error);
	g_assert_false(created);
	g_assert_true(json_bool(json_get(changed, "spec"), "allowPostCopy", FALSE));
	g_assert_cmpstr(json_string(json_get(changed, "spec"), "bandwidthPerMigration", ""), ==,
			"64Mi");
	same = apply(fixture->cluster, second, CLUSTER_WRITE_NONE, NULL, &error);
	g_assert_no_error(error);
	g_assert_true(json_equal(changed, same));
}

static void test_apply_refused(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(apply(fixture->cluster, "{apiVersion: v9, kind: X, metadata: {name: x}}",
			    CLUSTER_WRITE_NONE, NULL, &error));
	assert_error(error, KVMIG_ERROR_NOT_FOUND, "'v9'");
	g_clear_error(&error);
	g_assert_null(apply(fixture->cluster, POLICY "metadata: {generateName: p-}",
			    CLUSTER_WRITE_NONE, NULL, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "no name");
}

static void test_json_patch(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) add = parse("[{op: add, path: /metadata/labels/a~1b, value: c}]");
	g_autoptr(cJSON) test = parse("[{op: test, path: /metadata/resourceVersion, value: '1'},"
				      " {op: remove, path: /metadata/labels}]");
	g_autoptr(cJSON) rename = parse("[{op: replace, path: /metadata/name, value: x}]");
	g_autoptr(cJSON) object = cJSON_CreateObject();
	g_autoptr(cJSON) stored = NULL;
	g_autoptr(GError) error = NULL;

	put(fixture->cluster, "default", "web-1", "a");
	stored = cluster_patch(fixture->cluster, &KIND_VMI, "default", "web-1", CLUSTER_PATCH_JSON,
			       add, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(object_label(stored, "a/b"), ==, "c");
	g_assert_null(cluster_patch(fixture->cluster, &KIND_VMI, "default", "web-1",
				    CLUSTER_PATCH_JSON, test, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_CONFLICT, "web-1");
	g_clear_error(&error);
	g_assert_null(cluster_patch(fixture->cluster, &KIND_VMI, "default", "web-1",
				    CLUSTER_PATCH_JSON, rename, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "cannot change");
	g_clear_error(&error);
	g_assert_null(cluster_patch(fixture->cluster, &KIND_VMI, "default", "web-1",
				    CLUSTER_PATCH_JSON, object, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "list of operations");
}

#define TEST(path, func)                                                                           \
	g_test_add(path, StoreFixture, NULL, fixture_set_up, func, fixture_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("/generic/find-kind", test_find_kind);
	TEST("/generic/near-kinds", test_near_kinds);
	TEST("/generic/has-field", test_has_field);
	TEST("/generic/get-path", test_get_path);
	TEST("/generic/each", test_each);
	TEST("/generic/each-stops", test_each_stops);
	TEST("/generic/by-name", test_by_name);
	TEST("/generic/watch-by-name", test_watch_by_name);
	TEST("/generic/table", test_table);
	TEST("/generic/apply", test_apply);
	TEST("/generic/apply-refused", test_apply_refused);
	TEST("/generic/json-patch", test_json_patch);
	return g_test_run();
}
