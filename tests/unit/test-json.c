/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "model/json.h"

static cJSON *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *value = json_parse(text, strlen(text), "text", &error);

	g_assert_no_error(error);
	g_assert_nonnull(value);
	return value;
}

static void assert_refused(const char *text, gsize length, const char *message)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(json_parse(text, length, "the text", &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_cmpstr(error->message, ==, message);
}

static void assert_same(const cJSON *value, const char *expected)
{
	g_autofree char *text = json_print(value);

	g_assert_cmpstr(text, ==, expected);
}

static void test_parse_good(void)
{
	static const char *const good[] = {
		"{}",
		"[]",
		"null",
		"\"\"",
		"[1,2.5,-3,1e3,true,false,null]",
		"{\"a\":{\"b\":[{}]},\"A\":1}",
		"\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u00e4\\ud83d\\ude00\"",
		" \t\r\n{ \"a\" : [ 1 , 2 ] } \n",
	};
	static const char *const printed[] = {
		"{}",
		"[]",
		"null",
		"\"\"",
		"[1,2.5,-3,1000,true,false,null]",
		"{\"a\":{\"b\":[{}]},\"A\":1}",
		"\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\303\244\360\237\230\200\"",
		"{\"a\":[1,2]}",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autoptr(cJSON) value = parse(good[i]);

		assert_same(value, printed[i]);
	}
}

static void test_parse_bad(void)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "", "line 1, column 1: unexpected end" },
		{ "{\"a\":1", "line 1, column 7: unexpected end" },
		{ "{\n  \"a\": 1,\n  \"b\" 2\n}", "line 3, column 7: unexpected character" },
		{ "{} {}", "line 1, column 4: text behind the end of the document" },
		{ "[1] x", "line 1, column 5: text behind the end of the document" },
		{ "[01]", "line 1, column 2: not a number" },
		{ "[-]", "line 1, column 2: not a number" },
		{ "[1.]", "line 1, column 2: not a number" },
		{ "[1e]", "line 1, column 2: not a number" },
		{ "[\"\303\244\", +1]", "line 1, column 7: unexpected character" },
		{ "[1e999]", "line 1, column 2: number too large" },
		{ "{\"a\\n\":1,\"a\\n\":2}", "line 1, column 10: key 'a?' is there twice" },
		{ "[NaN]", "line 1, column 2: unexpected character" },
		{ "\"a\nb\"", "line 1, column 3: control character in a string" },
		{ "\"abc", "line 1, column 1: string without an end" },
		{ "\"abc\\", "line 1, column 1: string without an end" },
		{ "\"a\\u0000b\"", "line 1, column 3: a string cannot hold a NUL character" },
		{ "[\"\377\"]", "line 1, column 3: not UTF-8" },
		{ "{\"a\":1,\n \"b\":2,\n \"a\":3}", "line 3, column 2: key 'a' is there twice" },
		{ "[{\"x\":\":\"},{\"a\":1,\"\\u0061\":2}]",
		  "line 1, column 19: key 'a' is there twice" },
		{ "{\"p\":{\"q\":{\"q\":1},\"r\":1,\"q\":2}}",
		  "line 1, column 25: key 'q' is there twice" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *message =
			g_strdup_printf("the text is not valid JSON: %s", bad[i].message);

		assert_refused(bad[i].text, strlen(bad[i].text), message);
	}
	assert_refused("[1]\0", 4, "the text is not valid JSON: line 1, column 4: not UTF-8");
}

static char *nested(gsize depth)
{
	GString *text = g_string_new(NULL);

	for (gsize i = 0; i < depth; i++)
		g_string_append_c(text, '[');
	for (gsize i = 0; i < depth; i++)
		g_string_append_c(text, ']');
	return g_string_free(text, FALSE);
}

static void test_parse_limits(void)
{
	g_autofree char *deep = nested(JSON_MAX_DEPTH);
	g_autofree char *deeper = nested(JSON_MAX_DEPTH + 1);
	g_autofree char *large = g_malloc(JSON_MAX_BYTES + 1);
	g_autoptr(cJSON) value = NULL;
	g_autoptr(cJSON) blank = NULL;

	value = parse(deep);
	g_assert_true(cJSON_IsArray(value));
	assert_refused(deeper, strlen(deeper),
		       "the text is not valid JSON: line 1, column 101: nested too deeply");
	memset(large, ' ', JSON_MAX_BYTES + 1);
	large[0] = '1';
	assert_refused(large, JSON_MAX_BYTES + 1, "the text is larger than 16 MiB");
	blank = json_parse(large, JSON_MAX_BYTES, "text", NULL);
	g_assert_nonnull(blank);
}

static void test_numbers(void)
{
	static const char text[] =
		"{\"a\":[9007199254740993,1,-9223372036854775808],\"b\":9223372036854775807,"
		"\"c\":1000000000000000,\"d\":0.1,\"e\":1.5e300,\"f\":9007199254740991}";
	g_autoptr(cJSON) value = parse(text);
	g_autoptr(cJSON) copy = cJSON_Duplicate(value, TRUE);
	g_autoptr(cJSON) other = cJSON_CreateObject();

	assert_same(value, "{\"a\":[9007199254740993,1,-9223372036854775808],"
			   "\"b\":9223372036854775807,\"c\":1000000000000000,\"d\":0.1,"
			   "\"e\":1.5e+300,\"f\":9007199254740991}");
	g_assert_true(json_equal(value, copy));
	g_assert_cmpint(json_int(copy, "b", 0), ==, G_MAXINT64);
	g_assert_cmpint(json_int(copy, "c", 0), ==, G_GINT64_CONSTANT(1000000000000000));
	g_assert_cmpint(json_int(copy, "d", 7), ==, 7);
	g_assert_cmpint(json_int(copy, "e", 7), ==, 7);
	json_set_int(other, "x", G_GINT64_CONSTANT(9007199254740993));
	json_set_int(other, "y", G_GINT64_CONSTANT(1000000000000000));
	json_set_int(other, "z", G_MININT64);
	json_set_double(other, "d", 1.0 / 3);
	assert_same(other, "{\"x\":9007199254740993,\"y\":1000000000000000,"
			   "\"z\":-9223372036854775808,\"d\":0.3333333333333333}");
	json_set_int(copy, "b", G_MAXINT64 - 1); /* equal as doubles */
	g_assert_false(json_equal(value, copy));
	json_set_int(copy, "b", 5);
	g_assert_cmpint(json_int(copy, "b", 0), ==, 5);
}

static void test_access(void)
{
	g_autoptr(cJSON) value = parse("{\"s\":\"t\",\"i\":5,\"b\":true,\"o\":{\"p\":{\"q\":1}}}");

	g_assert_cmpstr(json_string(value, "s", "x"), ==, "t");
	g_assert_cmpstr(json_string(value, "S", "x"), ==, "x");
	g_assert_cmpstr(json_string(value, "i", NULL), ==, NULL);
	g_assert_cmpint(json_int(value, "s", -1), ==, -1);
	g_assert_true(json_bool(value, "b", FALSE));
	g_assert_true(json_bool(value, "none", TRUE));
	g_assert_cmpint(json_int(json_path(value, "o", "p", NULL), "q", 0), ==, 1);
	g_assert_null(json_path(value, "o", "none", "q", NULL));
	g_assert_null(json_path(value, "s", "q", NULL));
	g_assert_null(json_get(NULL, "x"));
	g_assert_cmpint(json_int(NULL, "x", 3), ==, 3);
}

static void test_set(void)
{
	g_autoptr(cJSON) value = parse("{\"a\":1,\"b\":2,\"c\":3}");

	json_set_string(value, "b", "x"); /* keeps its place */
	json_set_bool(value, "d", FALSE);
	json_set_string(value, "a", NULL);
	json_unset(value, "none");
	json_set_int(json_ensure_object(value, "c"), "k", 1); /* was a number */
	json_ensure_array(value, "e");
	json_set(value, "d", json_get(value, "d"));
	assert_same(value, "{\"b\":\"x\",\"c\":{\"k\":1},\"d\":false,\"e\":[]}");
}

static void test_copy_members(void)
{
	static const char *const keys[] = { "a", "b", "none", NULL };
	g_autoptr(cJSON) from = parse("{\"a\":{\"x\":[1]},\"b\":null,\"A\":1,\"c\":2}");
	g_autoptr(cJSON) to = parse("{\"b\":0,\"none\":3}");

	json_copy_members(to, NULL, keys);
	assert_same(to, "{\"b\":0,\"none\":3}");
	json_copy_members(to, from, keys);
	json_unset(json_get(from, "a"), "x"); /* what was copied is no part of it */
	assert_same(to, "{\"b\":null,\"none\":3,\"a\":{\"x\":[1]}}");
}

static void test_pretty(void)
{
	g_autoptr(cJSON) value = parse("{\"a\":[1,{\"b\":{}}],\"c\":[]}");
	g_autofree char *text = json_print_pretty(value);

	g_assert_cmpstr(text, ==,
			"{\n  \"a\": [\n    1,\n    {\n      \"b\": {}\n    }\n  ],\n"
			"  \"c\": []\n}\n");
}

static void test_print_bad_utf8(void)
{
	g_autoptr(cJSON) value = cJSON_CreateString("a\377b");

	assert_same(value, "\"a\357\277\275b\"");
}

static void test_equal(void)
{
	static const struct {
		const char *a, *b;
		gboolean equal;
	} rows[] = {
		{ "{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1.0}", TRUE },
		{ "{\"a\":1}", "{\"a\":1,\"b\":null}", FALSE },
		{ "{\"a\":1,\"b\":1}", "{\"a\":1,\"c\":1}", FALSE },
		{ "{\"a\":1}", "{\"A\":1}", FALSE },
		{ "[1,2]", "[2,1]", FALSE },
		{ "[1]", "[1,1]", FALSE },
		{ "true", "false", FALSE },
		{ "\"1\"", "1", FALSE },
		{ "null", "null", TRUE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(cJSON) a = parse(rows[i].a);
		g_autoptr(cJSON) b = parse(rows[i].b);

		g_assert_cmpint(json_equal(a, b), ==, rows[i].equal);
		g_assert_cmpint(json_equal(b, a), ==, rows[i].equal);
	}
}

/* RFC 7396, appendix A: those whose target and result are objects. */
static void test_merge_patch(void)
{
	static const struct {
		const char *target, *patch, *result;
	} rows[] = {
		{ "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
		{ "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
		{ "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
		{ "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
		{ "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
		{ "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
		{ "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}",
		  "{\"a\":{\"b\":\"d\"}}" },
		{ "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
		{ "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
		{ "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(cJSON) target = parse(rows[i].target);
		g_autoptr(cJSON) patch = parse(rows[i].patch);

		json_merge_patch(target, patch);
		assert_same(target, rows[i].result);
	}
}

static cJSON *random_value(guint depth)
{
	static const char *const keys[] = { "a", "b", "c", "A" };
	cJSON *value;

	switch (g_test_rand_int_range(0, depth == 0 ? 3 : 5)) {
	case 0:
		return cJSON_CreateNumber(g_test_rand_int_range(0, 3));
	case 1:
		return cJSON_CreateString(keys[g_test_rand_int_range(0, 4)]);
	case 2:
		return cJSON_CreateBool(g_test_rand_bit());
	case 3:
		value = cJSON_CreateArray();
		for (gint32 i = g_test_rand_int_range(0, 3); i > 0; i--)
			cJSON_AddItemToArray(value, random_value(depth - 1));
		return value;
	default:
		value = cJSON_CreateObject();
		for (gint32 i = g_test_rand_int_range(0, 4); i > 0; i--)
			json_set(value, keys[g_test_rand_int_range(0, 4)], random_value(depth - 1));
		return value;
	}
}

/* Property: from + diff(from, to) == to, and the diff of equals is empty. */
static void test_merge_diff(void)
{
	for (int i = 0; i < 2000; i++) {
		g_autoptr(cJSON) from = cJSON_CreateObject();
		g_autoptr(cJSON) to = cJSON_CreateObject();
		g_autoptr(cJSON) patch = NULL, none = NULL, back = NULL;
		g_autofree char *text = NULL;

		json_set(from, "x", random_value(4));
		json_set(from, "y", random_value(2));
		json_set(to, "y", random_value(2));
		json_set(to, "x", random_value(4));
		patch = json_merge_diff(from, to);
		json_merge_patch(from, patch);
		g_assert_true(json_equal(from, to));
		none = json_merge_diff(from, to);
		g_assert_null(none->child);
		text = json_print(to);
		back = parse(text);
		g_assert_true(json_equal(back, to));
	}
}

/* ---- RFC 6902 -------------------------------------------------------------------------------- */

static void test_json_patch(void)
{
	static const struct {
		const char *document, *patch, *wanted; /* NULL: refused */
	} cases[] = {
		{ "{\"a\":1}", "[]", "{\"a\":1}" },
		{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b\",\"value\":2}]",
		  "{\"a\":1,\"b\":2}" },
		{ "{\"a\":[1,3]}", "[{\"op\":\"add\",\"path\":\"/a/1\",\"value\":2}]",
		  "{\"a\":[1,2,3]}" },
		{ "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/-\",\"value\":2}]",
		  "{\"a\":[1,2]}" },
		{ "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/2\",\"value\":2}]", NULL },
		{ "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/01\",\"value\":2}]", NULL },
		{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/b/c\",\"value\":2}]", NULL },
		{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"\",\"value\":[2]}]", "[2]" },
		{ "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/a\"}]", "{}" },
		{ "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/A\"}]", NULL },
		{ "{\"a\":[1,2]}", "[{\"op\":\"remove\",\"path\":\"/a/-\"}]", NULL },
		{ "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"\"}]", NULL },
		{ "{\"a\":[1,2]}", "[{\"op\":\"replace\",\"path\":\"/a/1\",\"value\":5}]",
		  "{\"a\":[1,5]}" },
		{ "{}", "[{\"op\":\"replace\",\"path\":\"/a\",\"value\":5}]", NULL },
		{ "{\"a\":{\"b\":1},\"c\":{}}",
		  "[{\"op\":\"move\",\"from\":\"/a/b\",\"path\":\"/c/d\"}]",
		  "{\"a\":{},\"c\":{\"d\":1}}" },
		{ "{\"a\":{\"b\":1}}",
		  "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", NULL },
		{ "{\"a\":1}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/b\"}]",
		  "{\"a\":1,\"b\":1}" },
		{ "{\"a/b\":1,\"c~d\":2}",
		  "[{\"op\":\"test\",\"path\":\"/a~1b\",\"value\":1},"
		  "{\"op\":\"test\",\"path\":\"/c~0d\",\"value\":2}]",
		  "{\"a/b\":1,\"c~d\":2}" },
		{ "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/a\",\"value\":\"1\"}]", NULL },
		{ "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"/~2\",\"value\":1}]", NULL },
		{ "{\"a\":1}", "[{\"op\":\"test\",\"path\":\"a\",\"value\":1}]", NULL },
		{ "{\"a\":1}", "[{\"op\":\"frob\",\"path\":\"/a\",\"value\":1}]", NULL },
		{ "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a\"}]", NULL },
		{ "{\"a\":1}", "[{\"path\":\"/a\"}]", NULL },
		{ "{\"a\":1}", "[{\"op\":\"move\",\"path\":\"/a\"}]", NULL },
		{ "{\"a\":1}", "[7]", NULL },
		{ "{\"a\":1}", "{}", NULL },
		/* all or nothing */
		{ "{\"a\":1}",
		  "[{\"op\":\"remove\",\"path\":\"/a\"},{\"op\":\"remove\",\"path\":\"/a\"}]",
		  NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(cJSON) document = cJSON_Parse(cases[i].document);
		g_autoptr(cJSON) patch = cJSON_Parse(cases[i].patch);
		g_autoptr(cJSON) result = json_patch(document, patch, &error);
		g_autofree char *text = result ? json_print(result) : NULL;
		g_autofree char *before = json_print(document);

		g_test_message("%s", cases[i].patch);
		g_assert_cmpstr(text, ==, cases[i].wanted);
		g_assert_cmpstr(before, ==, cases[i].document);
		g_assert_true((error != NULL) == (result == NULL));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/json/parse/good", test_parse_good);
	g_test_add_func("/json/parse/bad", test_parse_bad);
	g_test_add_func("/json/parse/limits", test_parse_limits);
	g_test_add_func("/json/numbers", test_numbers);
	g_test_add_func("/json/access", test_access);
	g_test_add_func("/json/set", test_set);
	g_test_add_func("/json/copy-members", test_copy_members);
	g_test_add_func("/json/pretty", test_pretty);
	g_test_add_func("/json/print-bad-utf8", test_print_bad_utf8);
	g_test_add_func("/json/equal", test_equal);
	g_test_add_func("/json/merge-patch", test_merge_patch);
	g_test_add_func("/json/merge-diff", test_merge_diff);
	g_test_add_func("/json/patch-6902", test_json_patch);
	return g_test_run();
}
