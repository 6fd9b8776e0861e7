/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting JSON into parts: the same parts however the bytes are dealt out. */
#include <string.h>

#include "base/error.h"
#include "cluster/kube/split.h"
#include "model/json.h"

static gboolean note(const char *key, const char *text, gsize length, gpointer data,
		     GError **error G_GNUC_UNUSED)
{
	GString *out = data;

	g_string_append_printf(out, "%s<%.*s>", key ? key : "", (int)length, text);
	return TRUE;
}

/* In pieces of `step` bytes. NULL: refused. */
static char *cut(const char *array, const char *text, gsize step, GError **error)
{
	g_autoptr(GString) out = g_string_new(NULL);
	g_auto(Split) split;
	gsize length = strlen(text);

	split_init(&split, array, "the text", note, out);
	for (gsize at = 0; at < length; at += step) {
		if (!split_feed(&split, text + at, MIN(step, length - at), error))
			return NULL;
	}
	if (!split_end(&split, error))
		return NULL;
	return g_string_free(g_steal_pointer(&out), FALSE);
}

static void assert_cut(const char *array, const char *text, const char *expected)
{
	for (gsize step = 1; step <= strlen(text) + 1; step++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *parts = cut(array, text, step, &error);

		g_assert_no_error(error);
		g_assert_cmpstr(parts, ==, expected);
	}
}

static void test_list(void)
{
	assert_cut("items",
		   "{\"kind\":\"L\",\"metadata\":{\"a\":[1]},\"items\":[{\"x\":\"]}\\\"\"},"
		   " 7 ,\"s\",null,[[]]]}\n",
		   "kind<\"L\">metadata<{\"a\":[1]}>items<{\"x\":\"]}\\\"\"}>items<7>items<\"s\">"
		   "items<null>items<[[]]>");
	assert_cut("items", " { } ", "");
	assert_cut("items", "{\"items\":[]}", "");
	assert_cut("items", "{\"items\" : [ ] , \"n\" : -1.5e3 }", "n<-1.5e3>");
	assert_cut("items", "{\"items\":null}", "items<null>");
	assert_cut("rows", "{\"items\":[1,2],\"rows\":[3]}", "items<[1,2]>rows<3>");
	assert_cut("items", "{\"it\\\"ems\":[1]}", "it\\\"ems<[1]>");
}

static void test_sequence(void)
{
	assert_cut(NULL, "{\"a\":{}}\n{\"b\":\"\\\\\"}{}\n", "<{\"a\":{}}><{\"b\":\"\\\\\"}><{}>");
	assert_cut(NULL, "", "");
	assert_cut(NULL, "1 \"x\"true", "<1><\"x\"><true>");
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"",
		"{",
		"{\"items\":[",
		"{\"items\":[1",
		"{\"items\":[1]",
		"{\"items\":[1,]}",
		"{\"items\":[1 2]}",
		"{\"items\":[]}x",
		"{\"items\":[],}",
		"{items:1}",
		"[1]",
		"{\"a\":}",
		"{\"a\" 1}",
		"{,}",
		"{\"items\":[],\"items\":[]}",
		"{\"a\":1]",
		"{\"a",
		"{\"items\":[{\"a\":\"",
		"nonsense",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		for (gsize step = 1; step <= strlen(bad[i]) + 1; step++) {
			g_autoptr(GError) error = NULL;
			g_autofree char *parts = cut("items", bad[i], step, &error);

			g_assert_null(parts);
			g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		}
	}
	{
		g_autoptr(GError) error = NULL;

		g_assert_null(cut(NULL, "{\"a\":1}{", 3, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		g_assert_nonnull(strstr(error->message, "unexpected end"));
	}
}

static gboolean ignore(const char *key G_GNUC_UNUSED, const char *text G_GNUC_UNUSED,
		       gsize length G_GNUC_UNUSED, gpointer data G_GNUC_UNUSED,
		       GError **error G_GNUC_UNUSED)
{
	return TRUE;
}

/* What is endless ends: nesting, one item, a key. */
static void test_limits(void)
{
	g_autofree char *nested = g_strnfill(JSON_MAX_DEPTH + 1, '[');
	g_autofree char *key = g_strnfill(4000, 'k');
	g_autofree char *mega = g_strnfill(1024 * 1024, 'x');
	g_auto(Split) deep, large, long_key;
	g_autoptr(GError) e1 = NULL, e2 = NULL, e3 = NULL;
	gboolean ok = TRUE;

	split_init(&deep, "items", "it", ignore, NULL);
	g_assert_true(split_feed(&deep, "{\"items\":[", 10, NULL));
	g_assert_false(split_feed(&deep, nested, strlen(nested), &e1));
	g_assert_error(e1, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	split_init(&large, "items", "it", ignore, NULL);
	g_assert_true(split_feed(&large, "{\"items\":[\"", 11, NULL));
	for (int i = 0; ok && i < 20; i++)
		ok = split_feed(&large, mega, 1024 * 1024, &e2);
	g_assert_error(e2, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_nonnull(strstr(e2->message, "16 MiB"));
	split_init(&long_key, "items", "it", ignore, NULL);
	g_assert_true(split_feed(&long_key, "{\"", 2, NULL));
	g_assert_false(split_feed(&long_key, key, 4000, &e3));
	g_assert_error(e3, KVMIG_ERROR, KVMIG_ERROR_INVALID);
}

static gboolean refuse_second(const char *key G_GNUC_UNUSED, const char *text G_GNUC_UNUSED,
			      gsize length G_GNUC_UNUSED, gpointer data,
			      GError **error G_GNUC_UNUSED)
{
	return ++*(int *)data < 2;
}

static void test_stop(void)
{
	g_auto(Split) split;
	g_autoptr(GError) error = NULL;
	int calls = 0;

	split_init(&split, "items", "it", refuse_second, &calls);
	g_assert_false(split_feed(&split, "{\"items\":[1,2,3]}", 17, &error));
	g_assert_no_error(error);
	g_assert_cmpint(calls, ==, 2);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kube/split/list", test_list);
	g_test_add_func("/kube/split/sequence", test_sequence);
	g_test_add_func("/kube/split/bad", test_bad);
	g_test_add_func("/kube/split/limits", test_limits);
	g_test_add_func("/kube/split/stop", test_stop);
	return g_test_run();
}
