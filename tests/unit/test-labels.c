/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "model/labels.h"

static cJSON *labels_of_test(void)
{
	static const char text[] = "{\"zone\":\"a\",\"example.org/disk\":\"ssd\",\"empty\":\"\"}";

	return json_parse(text, strlen(text), "text", NULL);
}

static void test_match(void)
{
	static const struct {
		const char *selector;
		gboolean matches;
	} rows[] = {
		{ NULL, TRUE },
		{ "", TRUE },
		{ "  ", TRUE },
		{ "zone=a", TRUE },
		{ "zone==a", TRUE },
		{ " zone = a ", TRUE },
		{ "zone=b", FALSE },
		{ "Zone=a", FALSE },
		{ "zone!=b", TRUE },
		{ "zone!=a", FALSE },
		{ "none!=a", TRUE },
		{ "zone in (b, a)", TRUE },
		{ "zone in(b,c)", FALSE },
		{ "none in (a)", FALSE },
		{ "zone notin (b,c)", TRUE },
		{ "zone notin (a)", FALSE },
		{ "none notin (a)", TRUE },
		{ "zone", TRUE },
		{ "none", FALSE },
		{ "!none", TRUE },
		{ "! zone", FALSE },
		{ "empty=", TRUE },
		{ "empty", TRUE },
		{ "empty in ()", TRUE },
		{ "zone=", FALSE },
		{ "zone in (,a)", TRUE },
		{ "example.org/disk=ssd,zone=a", TRUE },
		{ "example.org/disk=ssd,zone=b", FALSE },
		{ "zone,!none,example.org/disk in (ssd,hdd)", TRUE },
		{ "in in (in)", FALSE },
	};
	g_autoptr(cJSON) labels = labels_of_test();

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(Selector) selector = selector_parse(rows[i].selector, &error);

		g_assert_no_error(error);
		g_assert_cmpint(selector_matches(selector, labels), ==, rows[i].matches);
	}
	g_assert_true(selector_matches(NULL, NULL));
}

static void test_bad(void)
{
	static const struct {
		const char *selector, *part;
	} rows[] = {
		{ "=a", "expected a label key at character 1" },
		{ "zone=a,", "expected a label key at character 8" },
		{ ",", "expected a label key at character 1" },
		{ "zone in a", "expected '(' at character 9" },
		{ "zone in (a", "expected ',' or ')' at character 11" },
		{ "zone is a", "expected =, !=, in, notin or ',' at character 6" },
		{ "zone=a b", "expected ',' at character 8" },
		{ "!zone=a", "expected ',' at character 6" },
		{ "zone=a/b", "label value 'a/b'" },
		{ "a/b/c=d", "label key 'a/b/c'" },
		{ "zone in (a,b c)", "expected ',' or ')' at character 14" },
		{ "z\303\244=1", "label key" },
		{ "!", "expected a label key at character 2" },
		{ "a>5", "label key 'a>5'" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_null(selector_parse(rows[i].selector, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		if (!strstr(error->message, rows[i].part))
			g_error("'%s' lacks '%s'", error->message, rows[i].part);
	}
	g_assert_null(selector_parse("a=\377", NULL));
}

static void test_from_map(void)
{
	g_autoptr(cJSON) labels = labels_of_test();
	g_autoptr(cJSON) map = cJSON_CreateObject();
	g_autoptr(Selector) nothing = selector_from_map(NULL);
	g_autoptr(Selector) one = NULL, two = NULL, odd = NULL;

	json_set_string(map, "zone", "a");
	one = selector_from_map(map);
	json_set_string(map, "none", "a");
	two = selector_from_map(map);
	json_unset(map, "none");
	json_set_int(map, "zone", 5);
	odd = selector_from_map(map);
	g_assert_true(selector_matches(nothing, NULL));
	g_assert_true(selector_matches(one, labels));
	g_assert_false(selector_matches(one, NULL));
	g_assert_false(selector_matches(two, labels));
	g_assert_false(selector_matches(odd, labels));
}

static void assert_explained(const char *text, const char *expected)
{
	g_autoptr(cJSON) labels = labels_of_test();
	g_autoptr(Selector) selector = selector_parse(text, NULL);
	g_autofree char *words = selector_explain(selector, labels, "the node");

	g_assert_cmpstr(words, ==, expected);
}

static void test_explain(void)
{
	assert_explained("zone=a", NULL);
	assert_explained("zone=b", "zone=b: the node has zone=a");
	assert_explained("zone=a,none=x", "none=x: the node lacks it");
	assert_explained("zone in (b,c)", "zone in (b,c): the node has zone=a");
	assert_explained("zone notin (a)", "zone notin (a): the node has zone=a");
	assert_explained("zone!=a", "zone!=a: the node has zone=a");
	assert_explained("!zone", "!zone: the node has zone=a");
	assert_explained("none", "none: the node lacks it");
}

static void test_map(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) map = labels_parse_map("a=1,x.io/b=,c=z", &error);
	g_autofree char *text = json_print(map);
	static const char *const bad[] = {
		"", "a", "a=1,", "a=1,a=2", "a-", "=1", "a=b=c", "a=1,b"
	};

	g_assert_no_error(error);
	g_assert_cmpstr(text, ==, "{\"a\":\"1\",\"x.io/b\":\"\",\"c\":\"z\"}");
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) refused = NULL;

		g_assert_null(labels_parse_map(bad[i], &refused));
		g_assert_error(refused, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	}
}

static void test_change(void)
{
	g_autofree char *key = NULL, *value = NULL;

	g_assert_true(labels_parse_change("a=b", &key, &value, NULL));
	g_assert_cmpstr(key, ==, "a");
	g_assert_cmpstr(value, ==, "b");
	g_clear_pointer(&key, g_free);
	g_clear_pointer(&value, g_free);
	g_assert_true(labels_parse_change("x.io/a-", &key, &value, NULL));
	g_assert_cmpstr(key, ==, "x.io/a");
	g_assert_null(value);
	g_assert_false(labels_parse_change("a", &key, &value, NULL));
	g_assert_false(labels_parse_change("-", &key, &value, NULL));
	g_assert_false(labels_parse_change("", &key, &value, NULL));
	g_assert_false(labels_parse_change("a=-", &key, &value, NULL));
	g_assert_cmpstr(key, ==, "x.io/a"); /* untouched on failure */
}

/* What is written selects what was read. */
static void test_format(void)
{
	static const char *const same[] = { "", "a", "!a", "a=1", "a!=1", "a=", "a in (x,y)",
					    "a notin (x),b=2,!c" };
	g_autoptr(cJSON) map = cJSON_Parse("{\"a\":\"1\",\"x.io/b\":7}");
	g_autoptr(Selector) of_map = selector_from_map(map);
	g_autofree char *text = selector_format(of_map), *none = selector_format(NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(same); i++) {
		g_autoptr(Selector) selector = selector_parse(same[i], NULL);
		g_autofree char *back = selector_format(selector);

		g_assert_cmpstr(back, ==, same[i]);
	}
	g_assert_cmpstr(text, ==, "a=1,x.io/b,!x.io/b");
	g_assert_cmpstr(none, ==, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/labels/match", test_match);
	g_test_add_func("/labels/bad", test_bad);
	g_test_add_func("/labels/from-map", test_from_map);
	g_test_add_func("/labels/explain", test_explain);
	g_test_add_func("/labels/format", test_format);
	g_test_add_func("/labels/map", test_map);
	g_test_add_func("/labels/change", test_change);
	return g_test_run();
}
