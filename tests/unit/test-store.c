/* SPDX-License-Identifier: Apache-2.0 */
/* The embedded store behind cluster.h: Kubernetes' rules for objects. */
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>

#include "model/wellknown.h"
#include "store-fixture.h"

static cJSON *new_vmi(const char *name)
{
	return object_new(&KIND_VMI, "default", name);
}

static cJSON *create(Cluster *cluster, const cJSON *object)
{
	g_autoptr(GError) error = NULL;
	cJSON *made = cluster_create(cluster, object, CLUSTER_WRITE_NONE, &error);

	g_assert_no_error(error);
	g_assert_nonnull(made);
	return made;
}

static cJSON *create_vmi(Cluster *cluster, const char *name)
{
	g_autoptr(cJSON) object = new_vmi(name);

	return create(cluster, object);
}

/* … for what only has to be there. */
static void make_vmi(Cluster *cluster, const char *name)
{
	cJSON_Delete(create_vmi(cluster, name));
}

static cJSON *update(Cluster *cluster, const cJSON *object)
{
	g_autoptr(GError) error = NULL;
	cJSON *stored = cluster_update(cluster, object, CLUSTER_WRITE_NONE, &error);

	g_assert_no_error(error);
	return stored;
}

static cJSON *get_vmi(Cluster *cluster, const char *name)
{
	g_autoptr(GError) error = NULL;
	cJSON *object = cluster_get(cluster, &KIND_VMI, "default", name, &error);

	g_assert_no_error(error);
	return object;
}

static void assert_no_vmi(Cluster *cluster, const char *name)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(cluster_get(cluster, &KIND_VMI, "default", name, &error));
	assert_error(error, KVMIG_ERROR_NOT_FOUND, name);
}

static guint count(Cluster *cluster, const Kind *kind)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) items = cluster_list(cluster, kind, NULL, NULL, &error);

	g_assert_no_error(error);
	return items->len;
}

/* ---- create --------------------------------------------------------------------------------- */

static void test_create(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = new_vmi("web-1");
	g_autoptr(cJSON) made = NULL;
	g_autoptr(cJSON) read = NULL;
	cJSON *metadata = json_ensure_object(object, "metadata");

	/* what a client claims of the server's fields is not believed */
	json_set_string(metadata, "uid", "mine");
	json_set_string(metadata, "creationTimestamp", "1999-01-01T00:00:00Z");
	json_set_string(metadata, "deletionTimestamp", "1999-01-01T00:00:00Z");
	json_set_int(metadata, "generation", 99);
	json_set_string(json_ensure_object(object, "status"), "phase", "Running");
	made = create(fixture->cluster, object);
	g_assert_cmpstr(object_uid(object), ==, "mine");
	g_assert_true(g_uuid_string_is_valid(object_uid(made)));
	g_assert_cmpint(ABS(object_created_us(made) - g_get_real_time()), <, 60 * G_USEC_PER_SEC);
	g_assert_cmpint(object_generation(made), ==, 1);
	g_assert_false(object_is_deleting(made));
	g_assert_nonnull(object_resource_version(made));
	g_assert_null(json_get(made, "status"));
	read = get_vmi(fixture->cluster, "web-1");
	g_assert_true(json_equal(read, made));
}

static void test_create_twice(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = new_vmi("web-1");
	g_autoptr(GError) error = NULL;

	cJSON_Delete(create(fixture->cluster, object));
	g_assert_null(cluster_create(fixture->cluster, object, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_EXISTS,
		     "virtualmachineinstance 'web-1' in namespace 'default' exists already");
}

static void test_create_bad(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const struct {
		const char *json;
		const char *says;
	} cases[] = {
		{ "{}", "no apiVersion" },
		{ "{\"apiVersion\":\"v1\"}", "no kind" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{}}",
		  "neither metadata.name nor metadata.generateName" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\"}", "neither" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"A_b\"}}",
		  "A_b" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":\"a.b\"}}",
		  "a.b" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\","
		  "\"metadata\":{\"generateName\":\"A_\"}}",
		  "generateName" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\","
		  "\"metadata\":{\"name\":\"a\",\"namespace\":\"b\"}}",
		  "cannot be in namespace 'b'" },
		{ "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\","
		  "\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"}}",
		  "must not have a resourceVersion" },
		{ "{\"apiVersion\":\"kubevirt.io/v1\",\"kind\":\"VirtualMachineInstance\","
		  "\"metadata\":{\"name\":\"a\",\"namespace\":\"Not/A\"}}",
		  "Not/A" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(cJSON) object = cJSON_Parse(cases[i].json);
		g_autoptr(GError) error = NULL;

		g_assert_null(cluster_create(fixture->cluster, object, CLUSTER_WRITE_NONE, &error));
		assert_error(error, KVMIG_ERROR_INVALID, cases[i].says);
	}
	g_assert_cmpuint(count(fixture->cluster, &KIND_NAMESPACE), ==, 1);
	g_assert_cmpuint(count(fixture->cluster, &KIND_VMI), ==, 0);
}

static void test_generate_name(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *longest = g_strnfill(80, 'x');
	g_autoptr(cJSON) object = new_vmi(NULL);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	cJSON *metadata = json_ensure_object(object, "metadata");

	json_set_string(metadata, "generateName", "web-");
	for (int i = 0; i < 50; i++) {
		g_autoptr(cJSON) made = create(fixture->cluster, object);

		g_assert_true(g_str_has_prefix(object_name(made), "web-"));
		g_assert_cmpuint(strlen(object_name(made)), ==, 9);
		g_assert_true(name_check_dns_label(object_name(made), "name", NULL));
		g_assert_true(g_hash_table_add(seen, g_strdup(object_name(made))));
	}
	json_set_string(metadata, "generateName", longest);
	{
		g_autoptr(cJSON) made = create(fixture->cluster, object);

		g_assert_cmpuint(strlen(object_name(made)), ==, 63);
	}
}

static void test_namespaces(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = object_new(&KIND_VMI, "prod", "web-1");
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) ns = NULL, changed = NULL, made = NULL;

	cJSON_Delete(create(fixture->cluster, object));
	ns = cluster_get(fixture->cluster, &KIND_NAMESPACE, NULL, "prod", &error);
	g_assert_no_error(error);
	g_assert_cmpstr(object_label(ns, "kubernetes.io/metadata.name"), ==, "prod");
	object_set_label(ns, "kubernetes.io/metadata.name", "other");
	object_set_label(ns, "tier", "gold");
	changed = cluster_update(fixture->cluster, ns, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(object_label(changed, "kubernetes.io/metadata.name"), ==, "prod");
	g_assert_cmpstr(object_label(changed, "tier"), ==, "gold");
	cJSON_Delete(changed);
	changed = object_new(&KIND_NAMESPACE, NULL, "made");
	made = create(fixture->cluster, changed);
	g_assert_cmpstr(object_label(made, "kubernetes.io/metadata.name"), ==, "made");
	g_assert_false(cluster_delete(fixture->cluster, &KIND_NAMESPACE, NULL, "prod", NULL,
				      CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_CONFLICT, "namespace 'prod' still holds 1 object");
	g_clear_error(&error);
	g_assert_false(cluster_delete(fixture->cluster, &KIND_NAMESPACE, NULL, "default", NULL,
				      CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_FORBIDDEN, "default");
	g_clear_error(&error);
	g_assert_true(cluster_delete(fixture->cluster, &KIND_VMI, "prod", "web-1", NULL,
				     CLUSTER_WRITE_NONE, &error));
	g_assert_true(cluster_delete(fixture->cluster, &KIND_NAMESPACE, NULL, "prod", NULL,
				     CLUSTER_WRITE_NONE, &error));
	g_assert_no_error(error);
}

/* ---- list ----------------------------------------------------------------------------------- */

static void test_list(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const char *const refs[][2] = {
		{ "prod", "b" }, { "default", "c" }, { "prod", "a" }, { "default", "a" }
	};
	g_autoptr(Selector) selector = selector_parse("app=a", NULL);
	g_autoptr(GString) order = g_string_new(NULL);
	g_autoptr(GPtrArray) items = NULL;
	ClusterListOptions options = { 0 };

	for (guint i = 0; i < G_N_ELEMENTS(refs); i++) {
		g_autoptr(cJSON) object = object_new(&KIND_VMI, refs[i][0], refs[i][1]);

		object_set_label(object, "app", refs[i][1]);
		cJSON_Delete(create(fixture->cluster, object));
	}
	items = cluster_list(fixture->cluster, &KIND_VMI, NULL, NULL, NULL);
	for (guint i = 0; i < items->len; i++) {
		g_autofree char *ref = object_ref(g_ptr_array_index(items, i));

		g_string_append_printf(order, "%s ", ref);
	}
	g_assert_cmpstr(order->str, ==, "default/a default/c prod/a prod/b ");
	g_ptr_array_unref(items);
	options.ns = "prod";
	items = cluster_list(fixture->cluster, &KIND_VMI, &options, NULL, NULL);
	g_assert_cmpuint(items->len, ==, 2);
	g_ptr_array_unref(items);
	options.selector = selector;
	items = cluster_list(fixture->cluster, &KIND_VMI, &options, NULL, NULL);
	g_assert_cmpuint(items->len, ==, 1);
	g_assert_cmpstr(object_name(g_ptr_array_index(items, 0)), ==, "a");
	g_assert_cmpuint(count(fixture->cluster, &KIND_VMIM), ==, 0);
}

/* ---- update --------------------------------------------------------------------------------- */

static void test_update(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) made = create_vmi(fixture->cluster, "web-1");
	g_autoptr(cJSON) labelled = NULL;
	g_autoptr(cJSON) changed = NULL;
	g_autoptr(cJSON) again = NULL;
	g_autoptr(GError) error = NULL;

	labelled = cJSON_Duplicate(made, TRUE);
	object_set_label(labelled, "app", "web");
	json_set_string(json_ensure_object(labelled, "metadata"), "creationTimestamp", "never");
	changed = update(fixture->cluster, labelled);
	g_assert_cmpstr(object_label(changed, "app"), ==, "web");
	g_assert_cmpint(object_generation(changed), ==, 1);
	g_assert_cmpint(object_created_us(changed), ==, object_created_us(made));
	g_assert_cmpstr(object_resource_version(changed), !=, object_resource_version(made));
	/* the first one is stale now */
	g_assert_null(cluster_update(fixture->cluster, made, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_CONFLICT, "changed by somebody else");
	g_assert_nonnull(error_get_hint(error));
	/* without a version it overwrites, and the spec counts in generation */
	json_unset(json_ensure_object(labelled, "metadata"), "resourceVersion");
	json_set_string(json_ensure_object(labelled, "spec"), "architecture", "amd64");
	again = update(fixture->cluster, labelled);
	g_assert_cmpint(object_generation(again), ==, 2);
}

static void test_update_nothing(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) made = create_vmi(fixture->cluster, "web-1");
	g_autoptr(cJSON) same = update(fixture->cluster, made);

	g_assert_cmpstr(object_resource_version(same), ==, object_resource_version(made));
}

static void test_update_other_uid(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) made = create_vmi(fixture->cluster, "web-1");
	g_autoptr(GError) error = NULL;

	json_unset(json_ensure_object(made, "metadata"), "resourceVersion");
	json_set_string(json_ensure_object(made, "metadata"), "uid", "another");
	g_assert_null(cluster_update(fixture->cluster, made, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_CONFLICT, "another one of the same name");
	g_clear_error(&error);
	g_assert_false(cluster_delete(fixture->cluster, &KIND_VMI, "default", "web-1", "another",
				      CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_CONFLICT, "another one of the same name");
}

static void test_update_missing(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = new_vmi("gone");
	g_autoptr(GError) error = NULL;

	g_assert_null(cluster_update(fixture->cluster, object, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_NOT_FOUND,
		     "no virtualmachineinstance 'gone' in namespace 'default'");
}

static void test_status(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) made = create_vmi(fixture->cluster, "web-1");
	g_autoptr(cJSON) stored = NULL;
	g_autoptr(cJSON) after = NULL;
	g_autoptr(GError) error = NULL;

	/* update_status writes the status and nothing else */
	object_set_label(made, "app", "web");
	json_set_string(json_ensure_object(made, "spec"), "architecture", "arm64");
	json_set_string(json_ensure_object(made, "status"), "phase", "Running");
	stored = cluster_update_status(fixture->cluster, made, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
	g_assert_cmpstr(json_string(json_get(stored, "status"), "phase", NULL), ==, "Running");
	g_assert_null(object_label(stored, "app"));
	g_assert_null(json_path(stored, "spec", "architecture", NULL));
	g_assert_cmpint(object_generation(stored), ==, 1);
	/* update writes everything else */
	json_set_string(json_ensure_object(stored, "status"), "phase", "Failed");
	object_set_label(stored, "app", "web");
	after = update(fixture->cluster, stored);
	g_assert_cmpstr(json_string(json_get(after, "status"), "phase", NULL), ==, "Running");
	g_assert_cmpstr(object_label(after, "app"), ==, "web");
}

static void test_status_of_kind_without(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) lease = object_new(&KIND_LEASE, "default", "l");
	g_autoptr(cJSON) made = create(fixture->cluster, lease);
	g_autoptr(GError) error = NULL;

	g_assert_false(KIND_LEASE.has_status);
	g_assert_null(cluster_update_status(fixture->cluster, made, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "lease has no status");
}

/* ---- schemas --------------------------------------------------------------------------------- */

static void assert_invalid(Cluster *cluster, const char *json, const char *says)
{
	g_autoptr(cJSON) object = cJSON_Parse(json);
	g_autoptr(GError) error = NULL;

	g_assert_nonnull(object);
	g_assert_null(cluster_create(cluster, object, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_INVALID, says);
}

#define HOST(spec)                                                                                 \
	"{\"apiVersion\":\"kvmig.io/v1\",\"kind\":\"Host\",\"metadata\":{\"name\":\"n1\"}," spec "}"

static void test_schema(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) host = cJSON_Parse(HOST("\"spec\":{\"uri\":\"qemu:///system\"}"));
	g_autoptr(cJSON) made = NULL;
	g_autoptr(cJSON) read = NULL;
	g_autoptr(GError) error = NULL;

	assert_invalid(fixture->cluster, HOST("\"spec\":{\"uri\":7}"), "host 'n1': spec.uri");
	assert_invalid(fixture->cluster, HOST("\"spec\":{}"), "spec.uri");
	assert_invalid(fixture->cluster, HOST("\"spec\":{\"uri\":\"a\",\"urj\":1}"), "spec.urj");
	assert_invalid(fixture->cluster, HOST("\"spec\":{\"uri\":\"a\"},\"more\":1"), "more");
	g_assert_cmpuint(count(fixture->cluster, &KIND_HOST), ==, 0);
	made = create(fixture->cluster, host);
	json_unset(json_ensure_object(made, "spec"), "uri");
	g_assert_null(cluster_update(fixture->cluster, made, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "host 'n1': spec.uri");
	g_clear_error(&error);
	json_set_string(made, "status", "fine");
	g_assert_null(cluster_update_status(fixture->cluster, made, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "host 'n1': status");
	read = cluster_get(fixture->cluster, &KIND_HOST, NULL, "n1", NULL);
	g_assert_cmpstr(json_string(json_get(read, "spec"), "uri", NULL), ==, "qemu:///system");
}

/* Numbers that a double does not hold come back as they were. */
static void test_exact_numbers(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) made = create_vmi(fixture->cluster, "web-1");
	g_autoptr(cJSON) stored = NULL;
	g_autoptr(cJSON) read = NULL;
	g_autoptr(GError) error = NULL;
	cJSON *memory = json_ensure_object(json_ensure_object(made, "status"), "memory");

	json_set_int(memory, "guestBytes", 9007199254740993);
	stored = cluster_update_status(fixture->cluster, made, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
	read = get_vmi(fixture->cluster, "web-1");
	g_assert_cmpint(json_int(json_path(read, "status", "memory", NULL), "guestBytes", 0), ==,
			9007199254740993);
}

/* ---- patch ---------------------------------------------------------------------------------- */

static cJSON *patch(Cluster *cluster, ClusterPatchType type, const char *text, GError **error)
{
	g_autoptr(cJSON) document = cJSON_Parse(text);

	return cluster_patch(cluster, &KIND_VMI, "default", "web-1", type, document,
			     CLUSTER_WRITE_NONE, error);
}

static void test_patch(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	cJSON *stored;

	make_vmi(fixture->cluster, "web-1");
	stored = patch(fixture->cluster, CLUSTER_PATCH_MERGE,
		       "{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}},"
		       "\"status\":{\"phase\":\"Failed\"}}",
		       &error);
	g_assert_no_error(error);
	g_assert_cmpstr(object_label(stored, "b"), ==, "2");
	g_assert_null(json_get(stored, "status"));
	cJSON_Delete(stored);
	stored = patch(fixture->cluster, CLUSTER_PATCH_MERGE,
		       "{\"metadata\":{\"labels\":{\"b\":null}}}", &error);
	g_assert_cmpstr(object_label(stored, "a"), ==, "1");
	g_assert_null(object_label(stored, "b"));
	cJSON_Delete(stored);
	stored =
		patch(fixture->cluster, CLUSTER_PATCH_MERGE_STATUS,
		      "{\"metadata\":{\"labels\":{\"a\":null}},\"status\":{\"phase\":\"Running\"}}",
		      &error);
	g_assert_cmpstr(object_label(stored, "a"), ==, "1");
	g_assert_cmpstr(json_string(json_get(stored, "status"), "phase", NULL), ==, "Running");
	cJSON_Delete(stored);
}

static void test_patch_bad(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	static const struct {
		const char *text;
		KvmigError code;
		const char *says;
	} cases[] = {
		{ "{\"metadata\":{\"resourceVersion\":\"1\"}}", KVMIG_ERROR_CONFLICT, "version 1" },
		{ "{\"metadata\":{\"name\":\"other\"}}", KVMIG_ERROR_INVALID, "cannot change" },
		{ "{\"metadata\":null}", KVMIG_ERROR_INVALID, "cannot change" },
		{ "{\"kind\":\"Lease\"}", KVMIG_ERROR_INVALID, "cannot change" },
		{ "[]", KVMIG_ERROR_INVALID, "not an object" },
	};
	g_autoptr(cJSON) made = create_vmi(fixture->cluster, "web-1");
	g_autoptr(cJSON) read = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(patch(fixture->cluster, CLUSTER_PATCH_MERGE, cases[i].text, &error));
		assert_error(error, cases[i].code, cases[i].says);
	}
	read = get_vmi(fixture->cluster, "web-1");
	g_assert_true(json_equal(read, made));
}

/* ---- delete --------------------------------------------------------------------------------- */

static gboolean delete_vmi(Cluster *cluster, const char *name, GError **error)
{
	return cluster_delete(cluster, &KIND_VMI, "default", name, NULL, CLUSTER_WRITE_NONE, error);
}

static void test_delete(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	make_vmi(fixture->cluster, "web-1");
	g_assert_true(delete_vmi(fixture->cluster, "web-1", &error));
	assert_no_vmi(fixture->cluster, "web-1");
	g_assert_false(delete_vmi(fixture->cluster, "web-1", &error));
	assert_error(error, KVMIG_ERROR_NOT_FOUND, "web-1");
}

static gboolean delete_unchanged(Cluster *cluster, const cJSON *object, GError **error)
{
	return cluster_delete_unchanged(cluster, &KIND_VMI, object, CLUSTER_WRITE_NONE, error);
}

static void test_delete_unchanged(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) read = create_vmi(fixture->cluster, "web-1");
	g_autoptr(cJSON) changed = cJSON_Duplicate(read, TRUE);
	g_autoptr(cJSON) now = NULL;
	g_autoptr(GError) error = NULL;

	object_set_label(changed, "by", "another");
	now = cluster_update(fixture->cluster, changed, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
	g_assert_false(delete_unchanged(fixture->cluster, read, &error));
	assert_error(error, KVMIG_ERROR_CONFLICT, "has been changed since");
	g_clear_error(&error);
	g_assert_true(delete_unchanged(fixture->cluster, now, &error));
	make_vmi(fixture->cluster, "web-1");
	g_assert_false(delete_unchanged(fixture->cluster, now, &error));
	assert_error(error, KVMIG_ERROR_CONFLICT, "another one of the same name");
}

static void test_finalizers(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = new_vmi("web-1");
	g_autoptr(cJSON) made = NULL;
	g_autoptr(cJSON) deleting = NULL;
	g_autoptr(cJSON) twice = NULL;
	g_autoptr(cJSON) last = NULL;
	g_autoptr(GError) error = NULL;

	object_add_finalizer(object, "kvmig.io/a");
	object_add_finalizer(object, "kvmig.io/b");
	made = create(fixture->cluster, object);
	g_assert_true(delete_vmi(fixture->cluster, "web-1", &error));
	deleting = get_vmi(fixture->cluster, "web-1");
	g_assert_true(object_is_deleting(deleting));
	/* asked again: nothing changes */
	g_assert_true(delete_vmi(fixture->cluster, "web-1", &error));
	twice = get_vmi(fixture->cluster, "web-1");
	g_assert_true(json_equal(deleting, twice));
	/* none may be added any more */
	object_add_finalizer(twice, "kvmig.io/c");
	g_assert_null(cluster_update(fixture->cluster, twice, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "finalizer 'kvmig.io/c' cannot be added");
	object_remove_finalizer(deleting, "kvmig.io/a");
	last = update(fixture->cluster, deleting);
	g_assert_true(object_is_deleting(last));
	object_remove_finalizer(last, "kvmig.io/b");
	cJSON_Delete(update(fixture->cluster, last));
	assert_no_vmi(fixture->cluster, "web-1");
}

/* ---- dry run, read-only, batch -------------------------------------------------------------- */

static void test_dry_run(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = object_new(&KIND_VMI, "other", "web-1");
	g_autoptr(cJSON) there = create_vmi(fixture->cluster, "web-2");
	g_autoptr(cJSON) made = NULL;
	g_autoptr(cJSON) read = NULL;
	g_autoptr(GError) error = NULL;

	made = cluster_create(fixture->cluster, object, CLUSTER_WRITE_DRY_RUN, &error);
	g_assert_no_error(error);
	g_assert_null(object_resource_version(made));
	g_assert_cmpuint(count(fixture->cluster, &KIND_VMI), ==, 1);
	g_assert_cmpuint(count(fixture->cluster, &KIND_NAMESPACE), ==, 1);
	g_assert_true(cluster_delete(fixture->cluster, &KIND_VMI, "default", "web-2", NULL,
				     CLUSTER_WRITE_DRY_RUN, &error));
	read = get_vmi(fixture->cluster, "web-2");
	g_assert_true(json_equal(read, there));
	/* what would fail, fails */
	g_assert_null(cluster_create(fixture->cluster, there, CLUSTER_WRITE_DRY_RUN, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "resourceVersion");
}

static void test_read_only(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	const ClusterOptions options = { .context = "local", .read_only = TRUE };
	g_autoptr(Cluster) reader = cluster_open(&options, NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) read = NULL;

	make_vmi(fixture->cluster, "web-1");
	read = get_vmi(reader, "web-1");
	g_assert_nonnull(read);
	g_assert_false(delete_vmi(reader, "web-1", &error));
	assert_error(error, KVMIG_ERROR_FORBIDDEN, "read-only");
	g_clear_error(&error);
	g_assert_false(cluster_batch_begin(reader, &error));
	assert_error(error, KVMIG_ERROR_FORBIDDEN, "read-only");
}

static void test_batch(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(Cluster) other = fixture_open(FALSE);
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) one = NULL;

	g_assert_true(cluster_batch_begin(fixture->cluster, &error));
	one = create_vmi(fixture->cluster, "web-1");
	/* a failure inside does not end the batch, nor undo the rest */
	json_unset(json_ensure_object(one, "metadata"), "resourceVersion");
	g_assert_null(cluster_create(fixture->cluster, one, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_EXISTS, "web-1");
	g_clear_error(&error);
	make_vmi(fixture->cluster, "web-2");
	g_assert_cmpuint(count(fixture->cluster, &KIND_VMI), ==, 2);
	g_assert_cmpuint(count(other, &KIND_VMI), ==, 0);
	g_assert_true(cluster_batch_commit(fixture->cluster, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(count(other, &KIND_VMI), ==, 2);
	g_assert_true(cluster_batch_begin(fixture->cluster, &error));
	g_assert_true(delete_vmi(fixture->cluster, "web-1", &error));
	cluster_batch_rollback(fixture->cluster);
	g_assert_cmpuint(count(fixture->cluster, &KIND_VMI), ==, 2);
	g_assert_false(cluster_batch_commit(fixture->cluster, &error));
	assert_error(error, KVMIG_ERROR_INTERNAL, "no batch");
}

/* ---- bad luck -------------------------------------------------------------------------------- */

static struct rlimit limit_files(rlim_t bytes)
{
	struct rlimit old, small;

	signal(SIGXFSZ, SIG_IGN);
	g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &old), ==, 0);
	small = (struct rlimit){ bytes, old.rlim_max };
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &small), ==, 0);
	return old;
}

static void test_no_space(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(cJSON) object = new_vmi("big");
	g_autofree char *filler = g_strnfill(200 * 1000, 'x');
	g_autoptr(GError) error = NULL;
	struct rlimit old;

	object_set_annotation(object, "example.com/filler", filler);
	old = limit_files(128 * 1024);
	g_assert_null(cluster_create(fixture->cluster, object, CLUSTER_WRITE_NONE, &error));
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
	assert_error(error, KVMIG_ERROR_IO, "store 'local/default': cannot use");
	g_assert_nonnull(strstr(error->message, fixture->db));
	assert_no_vmi(fixture->cluster, "big");
	cJSON_Delete(create(fixture->cluster, object));
}

/* The file system gives out in the middle of a batch: all of it is undone, whatever is tried
 * afterwards. */
static void test_no_space_in_batch(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *filler = g_strnfill(200 * 1000, 'x');
	g_autoptr(GError) error = NULL;
	struct rlimit old;
	int made = 0;

	g_assert_true(cluster_batch_begin(fixture->cluster, NULL));
	old = limit_files(128 * 1024);
	for (int i = 0; i < 100; i++) {
		g_autofree char *name = g_strdup_printf("vm-%d", i);
		g_autoptr(cJSON) object = new_vmi(name);
		g_autoptr(cJSON) stored = NULL;

		object_set_annotation(object, "example.com/filler", filler);
		stored = cluster_create(fixture->cluster, object, CLUSTER_WRITE_NONE, NULL);
		made += stored != NULL;
	}
	g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &old), ==, 0);
	g_assert_cmpint(made, >, 0);
	g_assert_cmpint(made, <, 100);
	g_assert_false(cluster_batch_commit(fixture->cluster, &error));
	assert_error(error, KVMIG_ERROR_IO, "batch");
	g_assert_cmpuint(count(fixture->cluster, &KIND_VMI), ==, 0);
	make_vmi(fixture->cluster, "web-1");
}

static void test_locked(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	sqlite3 *holder = NULL;
	g_autoptr(cJSON) object = new_vmi("web-1");
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(sqlite3_open(fixture->db, &holder), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(holder, "BEGIN IMMEDIATE", NULL, NULL, NULL), ==, SQLITE_OK);
	g_assert_null(cluster_create(fixture->cluster, object, CLUSTER_WRITE_NONE, &error));
	assert_error(error, KVMIG_ERROR_TIMEOUT, "locked by another process (waited 5.0 s)");
	g_assert_nonnull(strstr(error->message, fixture->db));
	g_assert_nonnull(strstr(error_get_hint(error), "fuser"));
	g_assert_cmpint(sqlite3_close(holder), ==, SQLITE_OK);
	cJSON_Delete(create(fixture->cluster, object));
}

/* A row that is no JSON, as after a bad sector: named, and no crash. */
static void test_damaged_object(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	sqlite3 *db = NULL;
	g_autoptr(GError) error = NULL;

	make_vmi(fixture->cluster, "web-1");
	g_assert_cmpint(sqlite3_open(fixture->db, &db), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(db, "UPDATE objects SET object = substr(object, 1, 40)", NULL,
				     NULL, NULL),
			==, SQLITE_OK);
	g_assert_cmpint(sqlite3_close(db), ==, SQLITE_OK);
	g_assert_null(cluster_get(fixture->cluster, &KIND_VMI, "default", "web-1", &error));
	assert_error(error, KVMIG_ERROR_IO, "damaged object");
	g_clear_error(&error);
	g_assert_null(cluster_list(fixture->cluster, &KIND_VMI, NULL, NULL, &error));
	assert_error(error, KVMIG_ERROR_IO, "damaged object");
	g_clear_error(&error);
	g_assert_false(delete_vmi(fixture->cluster, "web-1", &error));
	assert_error(error, KVMIG_ERROR_IO, "damaged object");
}

#define ADD(path, func)                                                                            \
	g_test_add("/store/" path, StoreFixture, NULL, fixture_set_up, func, fixture_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("create", test_create);
	ADD("create/twice", test_create_twice);
	ADD("create/bad", test_create_bad);
	ADD("create/generate-name", test_generate_name);
	ADD("namespaces", test_namespaces);
	ADD("list", test_list);
	ADD("update", test_update);
	ADD("update/nothing", test_update_nothing);
	ADD("update/other-uid", test_update_other_uid);
	ADD("update/missing", test_update_missing);
	ADD("status", test_status);
	ADD("status/none", test_status_of_kind_without);
	ADD("schema", test_schema);
	ADD("exact-numbers", test_exact_numbers);
	ADD("patch", test_patch);
	ADD("patch/bad", test_patch_bad);
	ADD("delete", test_delete);
	ADD("delete-unchanged", test_delete_unchanged);
	ADD("finalizers", test_finalizers);
	ADD("dry-run", test_dry_run);
	ADD("read-only", test_read_only);
	ADD("batch", test_batch);
	ADD("no-space", test_no_space);
	ADD("no-space/batch", test_no_space_in_batch);
	ADD("locked", test_locked);
	ADD("damaged-object", test_damaged_object);
	return g_test_run();
}
