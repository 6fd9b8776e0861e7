/* SPDX-License-Identifier: Apache-2.0 */
/* Printer columns, and the JSONPath that they are read with. */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "model/columns.h"
#include "model/object.h"

static cJSON *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *value = json_parse(text, strlen(text), "the test", &error);

	g_assert_no_error(error);
	return value;
}

static void test_paths(void)
{
	static const struct {
		const char *path, *wanted; /* NULL: nothing there */
	} cases[] = {
		{ ".a.b", "1" },
		{ "{.a.b}", "1" },
		{ "$.a.b", "1" },
		{ "$['a']['b']", "1" },
		{ ".a.x\\.y", "2" },
		{ ".a[\"x.y\"]", "2" },
		{ ".list[0].n", "3" },
		{ ".list[-1].n", "4" },
		{ ".list[*].n", "3" },
		{ ".list[?(@.type==\"b\")].n", "4" },
		{ ".list[?(@.type=='b')].n", "4" },
		{ ".list[?(@.type == 'b')].n", "4" },
		{ ".A.b", NULL }, /* case matters */
		{ ".a.b.c", NULL },
		{ ".list[2].n", NULL },
		{ ".list[-3].n", NULL },
		{ ".list[?(@.type==\"c\")].n", NULL },
		{ ".a[0]", NULL },
		{ ".list[x]", NULL },
		{ ".list[0", NULL },
		{ "a", NULL },
	};
	g_autoptr(cJSON) value = parse("{\"a\":{\"b\":1,\"x.y\":2},\"list\":[{\"type\":\"a\",\"n\":"
				       "3},{\"type\":\"b\",\"n\":4}]}");

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		const cJSON *found = jsonpath_find(value, cases[i].path);
		g_autofree char *text = found ? json_print(found) : NULL;

		g_test_message("%s", cases[i].path);
		g_assert_cmpstr(text, ==, cases[i].wanted);
	}
	g_assert_true(jsonpath_find(value, ".") == value);
}

/* Those of our own manifests are all of the subset. */
static void test_paths_checked(void)
{
	static const char *const bad[] = {
		"a", ".a..b", ".a[", ".a[x]", ".a[?(@.b=1)]", ".a['b]", ".a[?(@.b=='c'].d", NULL
	};
	g_autoptr(GError) error = NULL;

	for (unsigned i = 0; kind_nth(i); i++) {
		const cJSON *column;

		cJSON_ArrayForEach(column, columns_for(kind_nth(i)))
		{
			jsonpath_check(json_string(column, "jsonPath", ""), &error);
			g_assert_no_error(error);
		}
	}
	for (gsize i = 0; bad[i]; i++) {
		g_assert_false(jsonpath_check(bad[i], &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		g_clear_error(&error);
	}
}

static char *names_of(const Kind *kind)
{
	GString *names = g_string_new(NULL);
	const cJSON *column;

	cJSON_ArrayForEach(column, columns_for(kind)) g_string_append_printf(
		names, "%s%s%s", names->len ? " " : "", json_string(column, "name", "?"),
		json_int(column, "priority", 0) ? "+" : "");
	return g_string_free(names, FALSE);
}

/* As KubeVirt's own manifests have them. */
static void test_kinds(void)
{
	static const struct {
		const Kind *kind;
		const char *names;
	} cases[] = {
		{ &KIND_VM, "Name Age Status Ready" },
		{ &KIND_VMI, "Name Age Phase IP NodeName Ready Live-Migratable+ Paused+" },
		{ &KIND_VMIM, "Name Phase VMI" },
		{ &KIND_MIGRATION_POLICY, "Name Age" },
		{ &KIND_HYPERCONVERGED, "Name Age" },
		{ &KIND_KUBEVIRT, "Name Age Phase" },
		{ &KIND_NAMESPACE, "Name Status Age" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *names = names_of(cases[i].kind);

		g_assert_cmpstr(names, ==, cases[i].names);
	}
	g_assert_true(columns_known(&KIND_VMI));
	g_assert_true(columns_known(&KIND_NAMESPACE));
	g_assert_false(columns_known(&KIND_NODE));
}

static void test_row(void)
{
	g_autoptr(cJSON) object = parse(
		"{\"metadata\":{\"name\":\"web-1\",\"uid\":\"u\","
		"\"creationTimestamp\":\"2026-01-01T00:00:00Z\"},\"status\":{\"phase\":\"Running\","
		"\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}");
	g_autoptr(cJSON) row = NULL;
	g_autofree char *cells = NULL;
	gint64 then_us = 0;

	g_assert_true(clock_parse_unix("2026-01-01T00:00:00Z", &then_us));
	row = columns_row(&KIND_VMI, object, then_us + 150 * G_USEC_PER_SEC);
	cells = json_print(json_get(row, "cells"));
	g_assert_cmpstr(cells, ==,
			"[\"web-1\",\"2m30s\",\"Running\",null,null,\"True\",null,null]");
	g_assert_cmpstr(object_uid(json_get(row, "object")), ==, "u");
}

static void test_odd_cells(void)
{
	g_autoptr(cJSON) object =
		parse("{\"metadata\":{\"name\":5,\"creationTimestamp\":\"tomorrow\"}}");
	g_autoptr(cJSON) none = parse("{}");
	g_autoptr(cJSON) row = columns_row(&KIND_MIGRATION_POLICY, object, 0);
	g_autoptr(cJSON) empty = columns_row(&KIND_MIGRATION_POLICY, none, 0);
	g_autofree char *cells = json_print(json_get(row, "cells"));
	g_autofree char *nothing = json_print(json_get(empty, "cells"));

	g_assert_cmpstr(cells, ==, "[\"5\",\"<invalid>\"]");
	g_assert_cmpstr(nothing, ==, "[null,null]");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/columns/paths", test_paths);
	g_test_add_func("/columns/paths-checked", test_paths_checked);
	g_test_add_func("/columns/kinds", test_kinds);
	g_test_add_func("/columns/row", test_row);
	g_test_add_func("/columns/odd-cells", test_odd_cells);
	return g_test_run();
}
