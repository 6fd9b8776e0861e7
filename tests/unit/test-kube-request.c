/* SPDX-License-Identifier: Apache-2.0 */
/* Requests, lists and watches over a transport that fails by script. */
#include <string.h>

#include "base/clock.h"
#include "cluster/kube/list.h"
#include "kube-fake.h"

#define VMIS "/apis/kubevirt.io/v1/virtualmachineinstances"
#define ONE "/apis/kubevirt.io/v1/namespaces/d/virtualmachineinstances/x"
#define OBJECT                                                                                     \
	"{\"apiVersion\":\"kubevirt.io/v1\",\"kind\":\"VirtualMachineInstance\",\"metadata\":{"    \
	"\"name\":\"x\",\"namespace\":\"d\"}}"
#define VERSION(version) "{\"metadata\":{\"resourceVersion\":\"" version "\"}}"
#define GONE "{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\",\"message\":\"too old\""

#define SCRIPT(replies, piece) fake_script(replies, G_N_ELEMENTS(replies), piece)

static Cluster *open_fake(void)
{
	return fake_open(0, NULL, NULL);
}

static void assert_get(const FakeReply *replies, guint count, gboolean ok, int code)
{
	g_autoptr(Cluster) cluster = open_fake();
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) object = NULL;

	fake_script(replies, count, 1000);
	object = cluster_get(cluster, &KIND_VMI, "d", "x", &error);
	g_assert_cmpint(object != NULL, ==, ok);
	if (!ok)
		g_assert_error(error, KVMIG_ERROR, code);
	fake_done();
}

/* ---- one request ---------------------------------------------------------------------------- */

static void test_get(void)
{
	static const FakeReply once[] = { { .target = "GET " ONE, .status = 200, .body = OBJECT } };
	static const FakeReply later[] = {
		{ .status = 0, .fault = HTTP_FAULT_REFUSED },
		{ .status = 0, .fault = HTTP_FAULT_BROKEN },
		{ .status = 503, .body = "" },
		{ .status = 429, .body = "" },
		{ .target = "GET " ONE, .status = 200, .body = OBJECT }
	};
	static const FakeReply never[] = { { .status = 503, .body = "" },
					   { .status = 503, .body = "" },
					   { .status = 503, .body = "" },
					   { .status = 503, .body = "" },
					   { .status = 503, .body = "" } };
	static const FakeReply final[] = { { .status = 0, .fault = HTTP_FAULT_FINAL } };
	static const FakeReply broken[] = { { .status = 200, .body = "{\"a\":" } };

	assert_get(once, G_N_ELEMENTS(once), TRUE, 0);
	assert_get(later, G_N_ELEMENTS(later), TRUE, 0);
	assert_get(never, G_N_ELEMENTS(never), FALSE, KVMIG_ERROR_UNREACHABLE);
	assert_get(final, G_N_ELEMENTS(final), FALSE, KVMIG_ERROR_UNREACHABLE);
	assert_get(broken, G_N_ELEMENTS(broken), FALSE, KVMIG_ERROR_FAILED);
}

static void test_unauthorized(void)
{
	static const FakeReply renewed[] = { { .status = 401, .body = "" },
					     { .status = 200, .body = OBJECT } };
	static const FakeReply refused[] = { { .status = 401, .body = "" } };
	static const FakeReply twice[] = { { .status = 401, .body = "" },
					   { .status = 401, .body = "" } };

	fake_renew_ok = TRUE;
	assert_get(renewed, G_N_ELEMENTS(renewed), TRUE, 0);
	g_assert_cmpuint(fake_renewals, ==, 1);
	assert_get(twice, G_N_ELEMENTS(twice), FALSE, KVMIG_ERROR_FORBIDDEN);
	g_assert_cmpuint(fake_renewals, ==, 1);
	fake_renew_ok = FALSE;
	assert_get(refused, G_N_ELEMENTS(refused), FALSE, KVMIG_ERROR_FORBIDDEN);
}

/* The pauses count: a server that asks for more time than there is, is not waited for. */
static void test_timeout(void)
{
	static const FakeReply busy[] = {
		{ .status = 429, .body = "", .retry_after_s = 20 },
	};
	g_autoptr(Cluster) cluster = fake_open(15000, NULL, NULL);
	g_autoptr(GError) error = NULL;
	gint64 start_us = g_get_monotonic_time();

	SCRIPT(busy, 1000);
	g_assert_null(cluster_get(cluster, &KIND_VMI, "d", "x", &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	g_assert_cmpint(g_get_monotonic_time() - start_us, <, 14 * G_USEC_PER_SEC);
	fake_done();
}

#define HINT_LOOK "it may have been carried out all the same: look before you try again"

/* What may have been carried out is never sent again. */
static void test_write(void)
{
	static const FakeReply not_sent[] = { { .status = 0, .fault = HTTP_FAULT_REFUSED },
					      { .status = 429, .retry_after_s = 1 },
					      { .status = 201, .body = OBJECT } };
	static const FakeReply cut[] = { { .status = 0, .fault = HTTP_FAULT_BROKEN } };
	static const FakeReply gateway[] = { { .status = 504, .body = "" } };
	static const FakeReply busy[] = { { .status = 429, .body = "" } };
	static const struct {
		const FakeReply *replies;
		guint count;
	} refused[] = { { cut, 1 }, { gateway, 1 }, { busy, 1 } };
	g_autoptr(Cluster) cluster = open_fake();
	g_autoptr(cJSON) object = object_new(&KIND_VMI, "d", "x");
	g_autoptr(cJSON) made = NULL;
	g_autoptr(GError) error = NULL;

	SCRIPT(not_sent, 1000);
	made = cluster_create(cluster, object, CLUSTER_WRITE_NONE, &error);
	g_assert_no_error(error);
	fake_done();
	for (guint i = 0; i < G_N_ELEMENTS(refused); i++) {
		fake_script(refused[i].replies, refused[i].count, 1000);
		g_clear_error(&error);
		g_assert_null(cluster_create(cluster, object, CLUSTER_WRITE_NONE, &error));
		g_assert_cmpint(g_strcmp0(error_get_hint(error), HINT_LOOK) == 0, ==, i == 0);
		fake_done();
	}
}

/* What each write sends. */
static void test_writes(void)
{
#define WRITE "fieldManager=kvmig&fieldValidation=Strict"
	static const FakeReply replies[] = {
		{ .target = "PUT " ONE "?" WRITE, .status = 200, .body = OBJECT },
		/* without a version: that of the moment, until it fits */
		{ .target = "GET " ONE, .status = 200, .body = VERSION("7") },
		{ .target = "PUT " ONE "/status?" WRITE, .status = 409, .body = "" },
		{ .target = "GET " ONE, .status = 200, .body = VERSION("8") },
		{ .target = "PUT " ONE "/status?" WRITE, .status = 200, .body = OBJECT },
		{ .target = "PATCH " ONE "?" WRITE, .status = 200, .body = OBJECT },
		{ .target = "PATCH " ONE "/status?" WRITE "&dryRun=All",
		  .status = 200,
		  .body = OBJECT },
		{ .target = "PATCH " ONE "?" WRITE, .status = 200, .body = OBJECT },
		{ .target = "DELETE " ONE, .status = 200, .body = "{}" },
		{ .target = "DELETE " ONE, .status = 200, .body = "{}" },
	};
	g_autoptr(Cluster) cluster = open_fake();
	g_autoptr(cJSON) object = object_new(&KIND_VMI, "d", "x");
	g_autoptr(cJSON) patch = cJSON_Parse("{\"spec\":{}}");
	g_autoptr(cJSON) ops = cJSON_Parse("[]");

	SCRIPT(replies, 1000);
	json_set_string(json_get(object, "metadata"), "resourceVersion", "5");
	cJSON_Delete(cluster_update(cluster, object, 0, NULL));
	g_assert_cmpstr(fake_last_header("Content-Type"), ==, "application/json");
	json_unset(json_get(object, "metadata"), "resourceVersion");
	cJSON_Delete(cluster_update_status(cluster, object, 0, NULL));
	g_assert_nonnull(strstr(fake_last_body(), "\"resourceVersion\":\"8\""));
	cJSON_Delete(
		cluster_patch(cluster, &KIND_VMI, "d", "x", CLUSTER_PATCH_MERGE, patch, 0, NULL));
	g_assert_cmpstr(fake_last_header("Content-Type"), ==, "application/merge-patch+json");
	g_assert_cmpstr(fake_last_body(), ==, "{\"spec\":{}}");
	cJSON_Delete(cluster_patch(cluster, &KIND_VMI, "d", "x", CLUSTER_PATCH_MERGE_STATUS, patch,
				   CLUSTER_WRITE_DRY_RUN, NULL));
	cJSON_Delete(cluster_patch(cluster, &KIND_VMI, "d", "x", CLUSTER_PATCH_JSON, ops, 0, NULL));
	g_assert_cmpstr(fake_last_header("Content-Type"), ==, "application/json-patch+json");
	g_assert_true(cluster_delete(cluster, &KIND_VMI, "d", "x", "u-1", 0, NULL));
	g_assert_cmpstr(
		fake_last_body(), ==,
		"{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\","
		"\"propagationPolicy\":\"Background\",\"preconditions\":{\"uid\":\"u-1\"}}");
	json_set_string(json_get(object, "metadata"), "resourceVersion", "7");
	g_assert_true(cluster_delete_unchanged(cluster, &KIND_VMI, object, 0, NULL));
	g_assert_nonnull(
		strstr(fake_last_body(), "\"preconditions\":{\"resourceVersion\":\"7\"}}"));
	fake_done();
}

static void count_warning(const char *text, gpointer data)
{
	g_assert_cmpstr(text, ==, "v1beta1 is [31mold");
	++*(int *)data;
}

static void test_warnings(void)
{
	static const FakeReply replies[] = {
		{ .status = 200, .body = OBJECT, .warning = "v1beta1 is\x1b[31mold" },
		{ .status = 200, .body = OBJECT, .warning = "v1beta1 is\x1b[31mold" },
	};
	int warnings = 0;
	g_autoptr(Cluster) cluster = fake_open(0, count_warning, &warnings);

	SCRIPT(replies, 1000);
	cJSON_Delete(cluster_get(cluster, &KIND_VMI, "d", "x", NULL));
	cJSON_Delete(cluster_get(cluster, &KIND_VMI, "d", "x", NULL));
	g_assert_cmpint(warnings, ==, 1);
}

/* ---- lists ---------------------------------------------------------------------------------- */

static gboolean note_name(const cJSON *object, gpointer data)
{
	GString *names = data;

	g_assert_true(object_kind(object) == &KIND_VMI);
	g_string_append_printf(names, "%s/%s ", object_namespace(object), object_name(object));
	return TRUE;
}

static gboolean stop_at_b(const cJSON *object, gpointer data)
{
	note_name(object, data);
	return !g_str_equal(object_name(object), "b");
}

static char *each_names(Cluster *cluster, ClusterEachFunc func, char **ret_version, GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);

	if (!cluster_each(cluster, &KIND_VMI, NULL, func, names, ret_version, error))
		return NULL;
	return g_string_free(g_steal_pointer(&names), FALSE);
}

#define ITEM(ns, name) "{\"metadata\":{\"namespace\":\"" ns "\",\"name\":\"" name "\"}}"
#define LIST(version, token, items)                                                                \
	"{\"kind\":\"L\",\"metadata\":{\"resourceVersion\":\"" version "\",\"continue\":\"" token  \
	"\"},\"items\":[" items "]}"

/* The limit of the second chunk comes from the size of the first's items. */
#define FIRST "GET " VMIS "?limit=50"
#define SECOND "GET " VMIS "?limit=2000&continue=t1"

static void test_each(void)
{
	static const FakeReply replies[] = {
		{ .target = FIRST,
		  .status = 200,
		  .body = LIST("7", "t1", ITEM("d", "a") "," ITEM("d", "b")) },
		{ .target = SECOND, .status = 200, .body = LIST("7", "", ITEM("e", "a")) },
	};

	for (gsize piece = 1; piece < 300; piece += 7) {
		g_autoptr(Cluster) cluster = open_fake();
		g_autofree char *version = NULL, *names = NULL, *stopped = NULL;

		SCRIPT(replies, piece);
		names = each_names(cluster, note_name, &version, NULL);
		g_assert_cmpstr(names, ==, "d/a d/b e/a ");
		g_assert_cmpstr(version, ==, "7");
		fake_done();
		g_clear_pointer(&version, g_free);
		fake_script(replies, 1, piece);
		stopped = each_names(cluster, stop_at_b, &version, NULL);
		g_assert_cmpstr(stopped, ==, "d/a d/b ");
		g_assert_null(version);
	}
}

/* Cut in the middle: once more, and nothing twice. */
static void test_each_cut(void)
{
	static const char body[] = LIST("7", "t1", ITEM("d", "a") "," ITEM("d", "b"));

	for (gsize cut = 1; cut < sizeof(body) - 1; cut += 3) {
		const FakeReply replies[] = {
			{ .target = FIRST,
			  .status = 200,
			  .body = body,
			  .cut = cut,
			  .fault = HTTP_FAULT_BROKEN },
			{ .target = FIRST, .status = 200, .body = body },
			{ .target = SECOND, .status = 200, .body = LIST("7", "", ITEM("e", "a")) },
		};
		g_autoptr(Cluster) cluster = open_fake();
		g_autofree char *names = NULL;
		g_autoptr(GError) error = NULL;

		if (cut > 40 && cut < sizeof(body) - 60 && g_test_quick())
			continue; /* each costs a pause */
		SCRIPT(replies, 11);
		names = each_names(cluster, note_name, NULL, &error);
		g_assert_no_error(error);
		g_assert_cmpstr(names, ==, "d/a d/b e/a ");
		fake_done();
	}
}

/* The version is forgotten between two chunks. */
static void test_each_expired(void)
{
	static const FakeReply token[] = {
		{ .target = FIRST,
		  .status = 200,
		  .body = LIST("7", "t1", ITEM("d", "a") "," ITEM("d", "b")) },
		{ .target = SECOND,
		  .status = 410,
		  .body = GONE ",\"metadata\":{\"continue\":"
			       "\"t2\"}}" },
		{ .target = "GET " VMIS "?limit=2000&continue=t2",
		  .status = 200,
		  .body = LIST("9", "", ITEM("e", "a")) },
	};
	static const FakeReply none[] = {
		{ .target = FIRST,
		  .status = 200,
		  .body = LIST("7", "t1", ITEM("d", "a") "," ITEM("d", "c")) },
		{ .target = SECOND, .status = 410, .body = GONE "}" },
		{ .target = "GET " VMIS,
		  .status = 200,
		  .body = LIST("9", "",
			       ITEM("d", "a") "," ITEM("d", "b") "," ITEM("d", "c") "," ITEM(
				       "d-e", "a")) },
	};
	g_autoptr(Cluster) cluster = open_fake();
	g_autofree char *version = NULL, *names = NULL, *other = NULL;

	SCRIPT(token, 10);
	names = each_names(cluster, note_name, &version, NULL);
	g_assert_cmpstr(names, ==, "d/a d/b e/a ");
	g_assert_cmpstr(version, ==, "7"); /* a watch from there is told that it is too old */
	fake_done();
	SCRIPT(none, 10);
	other = each_names(cluster, note_name, NULL, NULL);
	g_assert_cmpstr(other, ==, "d/a d/c "); /* "d-e" sorts before "d/" */
	fake_done();
}

/* cluster_list() has handed nothing on yet: all of it anew, of one version. */
static void test_list_expired(void)
{
	static const FakeReply replies[] = {
		{ .target = FIRST,
		  .status = 200,
		  .body = LIST("7", "t1", ITEM("d", "a") "," ITEM("d", "b")) },
		{ .target = SECOND,
		  .status = 410,
		  .body = GONE ",\"metadata\":{\"continue\":"
			       "\"t2\"}}" },
		{ .target = "GET " VMIS,
		  .status = 200,
		  .body = LIST("9", "", ITEM("d-e", "a") "," ITEM("d", "b")) },
	};
	g_autoptr(Cluster) cluster = open_fake();
	g_autofree char *version = NULL;
	g_autoptr(GPtrArray) items = NULL;

	SCRIPT(replies, 10);
	items = cluster_list(cluster, &KIND_VMI, NULL, &version, NULL);
	g_assert_cmpuint(items->len, ==, 2);
	g_assert_cmpstr(version, ==, "9");
	g_assert_cmpstr(object_namespace(g_ptr_array_index(items, 0)), ==, "d");
	fake_done();
}

static void test_list_bad(void)
{
	static const char *const bodies[] = {
		"",
		"[]",
		"{\"items\":[",
		"{\"items\":[7]}",
		"{\"items\":[{\"a\":}]}",
		"{\"metadata\":[}",
		"<html>",
		"{\"items\":[{\"a\":1,\"a\":2}]}",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(bodies); i++) {
		const FakeReply replies[] = { { .status = 200, .body = bodies[i] } };
		g_autoptr(Cluster) cluster = open_fake();
		g_autoptr(GError) error = NULL;

		SCRIPT(replies, 3);
		g_assert_null(cluster_list(cluster, &KIND_VMI, NULL, NULL, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_FAILED);
	}
}

static gboolean note_row(const cJSON *columns, const cJSON *row, gpointer data)
{
	g_autofree char *cells = json_print(json_get(row, "cells"));

	g_assert_cmpint(cJSON_GetArraySize(columns), ==, 2);
	g_string_append(data, cells);
	return TRUE;
}

static void test_table(void)
{
	static const FakeReply replies[] = {
		{ .target = "GET " VMIS "?limit=500",
		  .status = 200,
		  .body = "{\"kind\":\"Table\",\"metadata\":{\"resourceVersion\":\"7\"},"
			  "\"columnDefinitions\":[{\"name\":\"Name\"},{\"name\":\"Age\"}],\"rows\":"
			  "["
			  "{\"cells\":[\"a\",1],\"object\":{\"metadata\":{\"name\":\"a\"}}},"
			  "{\"cells\":[\"b\",2],\"object\":{\"metadata\":{\"name\":\"b\"}}}]}" },
	};
	g_autoptr(Cluster) cluster = open_fake();
	g_autoptr(GString) cells = g_string_new(NULL);

	SCRIPT(replies, 9);
	g_assert_true(cluster_table(cluster, &KIND_VMI, NULL, note_row, cells, NULL, NULL));
	g_assert_cmpstr(cells->str, ==, "[\"a\",1][\"b\",2]");
	g_assert_true(g_str_has_prefix(fake_last_header("Accept"), "application/json;as=Table"));
}

static void test_limit(void)
{
	const ChunkSize *objects = &kube_chunk_objects, *parts = &kube_chunk_parts;

	g_assert_cmpint(kube_next_limit(objects, 50, 50, 50 * 20000), ==, 209);
	g_assert_cmpint(kube_next_limit(objects, 50, 50, 50 * 500000), ==, 20);
	g_assert_cmpint(kube_next_limit(objects, 50, 50, 50 * 10), ==, 2000);
	g_assert_cmpint(kube_next_limit(objects, 50, 0, 0), ==, 50);
	g_assert_cmpint(kube_next_limit(parts, 500, 500, 500 * 7000), ==, 500);
	g_assert_cmpint(kube_next_limit(parts, 500, 500, 500 * 10), ==, 500);
	g_assert_cmpint(kube_next_limit(parts, 500, 500, 500 * 80000), ==, 104);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kube/request/get", test_get);
	g_test_add_func("/kube/request/unauthorized", test_unauthorized);
	g_test_add_func("/kube/request/timeout", test_timeout);
	g_test_add_func("/kube/request/write", test_write);
	g_test_add_func("/kube/request/writes", test_writes);
	g_test_add_func("/kube/request/warnings", test_warnings);
	g_test_add_func("/kube/list/each", test_each);
	g_test_add_func("/kube/list/cut", test_each_cut);
	g_test_add_func("/kube/list/expired", test_each_expired);
	g_test_add_func("/kube/list/whole-expired", test_list_expired);
	g_test_add_func("/kube/list/bad", test_list_bad);
	g_test_add_func("/kube/list/table", test_table);
	g_test_add_func("/kube/list/limit", test_limit);
	return g_test_run();
}
