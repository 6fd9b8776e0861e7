/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "model/yaml.h"

static void assert_reads(const char *text, const char *json)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) value = yaml_parse(text, strlen(text), "text", &error);
	g_autofree char *printed = NULL;

	g_assert_no_error(error);
	printed = json_print(value);
	if (strcmp(printed, json) != 0)
		g_error("%s\nis %s\nnot %s", text, printed, json);
}

static void assert_refused(const char *text, gsize length, const char *message)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(yaml_parse(text, length, "the text", &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_cmpstr(error->message, ==, message);
}

/* YAML 1.2.2, chapter 10.3, and what 1.1 takes for something else. */
static void test_scalars(void)
{
	static const char *const rows[][2] = {
		{ "null", "null" },
		{ "Null", "null" },
		{ "~", "null" },
		{ "nULL", "\"nULL\"" },
		{ "true", "true" },
		{ "FALSE", "false" },
		{ "tRUE", "\"tRUE\"" },
		{ "yes", "\"yes\"" },
		{ "No", "\"No\"" },
		{ "on", "\"on\"" },
		{ "y", "\"y\"" },
		{ "0", "0" },
		{ "-19", "-19" },
		{ "+12", "12" },
		{ "0o14", "12" },
		{ "0x1F", "31" },
		{ "007", "7" },
		{ "0x", "\"0x\"" },
		{ "0o8", "\"0o8\"" },
		{ "-0x1", "\"-0x1\"" },
		{ "0b1", "\"0b1\"" },
		{ "1_000", "\"1_000\"" },
		{ "1:30", "\"1:30\"" },
		{ "1e3", "1000" },
		{ "12e-1", "1.2" },
		{ ".5", "0.5" },
		{ "5.", "5" },
		{ ".", "\".\"" },
		{ "-", "[null]" },
		{ "1.2.3", "\"1.2.3\"" },
		{ "1e", "\"1e\"" },
		{ "e3", "\"e3\"" },
		{ "64Mi", "\"64Mi\"" },
		{ "'1'", "\"1\"" },
		{ "\"true\"", "\"true\"" },
		{ "''", "\"\"" },
		{ "2001-12-14", "\"2001-12-14\"" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "9007199254740993", "9007199254740993" },
		{ "1000000000000000", "1000000000000000" },
		{ "18446744073709551616", "1.8446744073709552e+19" },
		{ "0xffffffffffffffff", "1.8446744073709552e+19" },
		{ "!!str 5", "\"5\"" },
		{ "! 5", "\"5\"" },
		{ "!!int 5", "5" },
		{ "!!float 5", "5" },
		{ "!!bool true", "true" },
		{ "!!null ''", "null" },
		{ "!!int '5'", "5" },
		{ "|\n  a\n   b\n", "\"a\\n b\\n\"" },
		{ ">-\n  a\n  b\n", "\"a b\"" },
		{ "\"\\u00e4\\U0001F600\\t\"", "\"\303\244\360\237\230\200\\t\"" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		assert_reads(rows[i][0], rows[i][1]);
}

static void test_structure(void)
{
	assert_reads("a: 1\nb:\n- x\n- y: z\n  w: [1, {q: r}]\nc:\n  d: {}\n  e: []\n",
		     "{\"a\":1,\"b\":[\"x\",{\"y\":\"z\",\"w\":[1,{\"q\":\"r\"}]}],"
		     "\"c\":{\"d\":{},\"e\":[]}}");
	assert_reads("# comment\n---\na: # nothing\n...\n", "{\"a\":null}");
	assert_reads("%YAML 1.2\n---\n\"yes\": 'no'\n", "{\"yes\":\"no\"}");
	assert_reads("\357\273\277a: b\n", "{\"a\":\"b\"}");
	assert_reads("{\"json\": [1, 2.5, null, true]}", "{\"json\":[1,2.5,null,true]}");
	assert_reads("a: b\r\nc: d\r\n", "{\"a\":\"b\",\"c\":\"d\"}");
	assert_reads("? long\n: value\n", "{\"long\":\"value\"}");
	assert_reads("yes: 1\nkubevirt.io/x: \"1\"\n", "{\"yes\":1,\"kubevirt.io/x\":\"1\"}");
}

static void test_bad(void)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "a: &x 1\nb: *x\n",
		  "line 1, column 4: anchors and aliases are not allowed: anchor 'x'" },
		{ "a: 1\nb: *x\n",
		  "line 2, column 4: anchors and aliases are not allowed: alias 'x'" },
		{ "a: &x [1]\n",
		  "line 1, column 4: anchors and aliases are not allowed: anchor 'x'" },
		{ "a: &x {}\n",
		  "line 1, column 4: anchors and aliases are not allowed: anchor 'x'" },
		{ "&x a: 1\n",
		  "line 1, column 1: anchors and aliases are not allowed: anchor 'x'" },
		{ "*x : 1\n", "line 1, column 1: anchors and aliases are not allowed" },
		{ "<<: {a: 1}\n", "line 1, column 1: merge keys are not allowed" },
		{ "a: 1\nb: 2\na: 3\n", "line 3, column 1: key 'a' is there twice" },
		{ "x: {a: 1, 'a': 2}\n", "line 1, column 11: key 'a' is there twice" },
		{ "1: x\n", "line 1, column 1: a key must be a string: write \"1\" in quotes" },
		{ "true: x\n",
		  "line 1, column 1: a key must be a string: write \"true\" in quotes" },
		{ "~: x\n", "line 1, column 1: a key must be a string: write \"~\" in quotes" },
		{ "[a]: x\n", "line 1, column 1: a key must be a string" },
		{ "a: !foo b\n", "line 1, column 4: tag '!foo' is not allowed" },
		{ "a: !!python/object:os.system b\n",
		  "line 1, column 4: the value is not of type 'python/object:os.system'" },
		{ "a: !!int x\n", "line 1, column 4: the value is not of type 'int'" },
		{ "a: !!set {}\n", "line 1, column 4: tag 'tag:yaml.org,2002:set' is not allowed" },
		{ "a: .inf\n", "line 1, column 4: '.inf' is not a number that JSON can hold" },
		{ "a: -.INF\n", "line 1, column 4: '-.INF' is not a number that JSON can hold" },
		{ "a: .nan\n", "line 1, column 4: '.nan' is not a number that JSON can hold" },
		{ "a: 1e999\n", "line 1, column 4: '1e999' is not a number that JSON can hold" },
		{ "a: 0o7777777777777777777777777\n",
		  "line 1, column 4: '0o7777777777777777777777777' is not a number that JSON can "
		  "hold" },
		{ "a: \"x\\0y\"\n", "line 1, column 4: a string cannot hold a NUL character" },
		{ "a: b: c\n", "line 1, column 5: mapping values are not allowed in this context" },
		{ "a:\n\t- b\n", NULL },
		{ "a: [1, 2\n", NULL },
		{ "a: 'b\n", NULL },
		{ "a: \001\n", "line 1, column 4: control characters are not allowed" },
		{ "\303\244\n\303\244\001\n",
		  "line 2, column 2: control characters are not allowed" },
		{ "a: \377\n", "line 1, column 4: not UTF-8" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *message = NULL;
		g_autoptr(GError) error = NULL;

		if (rows[i].message) {
			message =
				g_strdup_printf("the text is not valid YAML: %s", rows[i].message);
			assert_refused(rows[i].text, strlen(rows[i].text), message);
			continue;
		}
		/* libyaml's own words */
		g_assert_null(yaml_parse(rows[i].text, strlen(rows[i].text), "the text", &error));
		g_assert_true(
			g_str_has_prefix(error->message, "the text is not valid YAML: line "));
	}
}

static void test_documents(void)
{
	static const char text[] = "---\n# nothing\n---\na: 1\n---\n- 2\n---\n...\n---\nnull\n";
	g_autoptr(GPtrArray) documents = yaml_parse_all(text, strlen(text), "text", NULL);
	g_autofree char *first = NULL, *second = NULL;

	g_assert_cmpuint(documents->len, ==, 3);
	first = json_print(documents->pdata[0]);
	second = json_print(documents->pdata[1]);
	g_assert_cmpstr(first, ==, "{\"a\":1}");
	g_assert_cmpstr(second, ==, "[2]");
	g_assert_true(cJSON_IsNull(documents->pdata[2]));
	assert_refused(text, strlen(text), "the text holds 3 documents, one was expected");
	assert_refused("", 0, "the text is empty");
	assert_refused("# x\n", 4, "the text is empty");
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

static void test_limits(void)
{
	g_autofree char *deep = nested(JSON_MAX_DEPTH);
	g_autofree char *deeper = nested(JSON_MAX_DEPTH + 1);
	g_autofree char *abyss = nested(100000);
	g_autofree char *large = g_strnfill(JSON_MAX_BYTES + 1, '#');
	g_autoptr(cJSON) value = yaml_parse(deep, strlen(deep), "text", NULL);

	g_assert_nonnull(value);
	assert_refused(deeper, strlen(deeper),
		       "the text is not valid YAML: line 1, column 101: nested too deeply");
	assert_refused(abyss, strlen(abyss),
		       "the text is not valid YAML: line 1, column 101: nested too deeply");
	assert_refused(large, JSON_MAX_BYTES + 1, "the text is larger than 16 MiB");
}

static void assert_prints(const char *json, const char *yaml)
{
	g_autoptr(cJSON) value = json_parse(json, strlen(json), "text", NULL);
	g_autofree char *printed = yaml_print(value);

	g_assert_cmpstr(printed, ==, yaml);
}

static void test_print(void)
{
	assert_prints("{\"a\":1,\"b\":[\"x\",{\"z\":null}],\"c\":{},\"d\":[],\"e\":{\"f\":true}}",
		      "a: 1\nb:\n- x\n- z: null\nc: {}\nd: []\ne:\n  f: true\n");
	assert_prints("{\"a\":\"yes\",\"b\":\"1\",\"c\":\"\",\"d\":\"~\",\"e\":\"64Mi\","
		      "\"f\":\"52:54:00:12:34:56\",\"g\":\"a: b\",\"no\":\"2026-11-21\"}",
		      "a: \"yes\"\nb: \"1\"\nc: \"\"\nd: \"~\"\ne: 64Mi\n"
		      "f: \"52:54:00:12:34:56\"\ng: 'a: b'\n\"no\": \"2026-11-21\"\n");
	assert_prints("{\"m\":\"line 1\\n  line 2\\n\"}", "m: |\n  line 1\n    line 2\n");
	assert_prints("1000000000000000", "1000000000000000\n");
	assert_prints("{\"u\":\"7f2a4c1e-0000-4000-8000-000000000001\",\"ip\":\"192.0.2.1\"}",
		      "u: 7f2a4c1e-0000-4000-8000-000000000001\nip: 192.0.2.1\n");
}

static void assert_round_trip(const cJSON *value)
{
	g_autofree char *text = yaml_print(value);
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) back = yaml_parse(text, strlen(text), "text", &error);

	if (!back || !json_equal(value, back)) {
		g_autofree char *json = json_print(value);

		g_error("%s printed as\n%s%s", json, text, error ? error->message : "");
	}
	g_assert_true(g_str_has_suffix(text, "\n"));
}

#define LONG_LINE                                                                                  \
	"a long line that has more than eighty characters in it, so that an emitter which folds "  \
	"would fold it  with two spaces"

static const char *const hard[] = {
	"yes",
	"no",
	"Yes",
	"on",
	"OFF",
	"y",
	"n",
	"true",
	"True",
	"null",
	"Null",
	"~",
	"",
	" ",
	"  x",
	"x  ",
	"\t",
	"\tx",
	"x\t",
	"\n",
	"\n\n",
	"x\n",
	"x\n\n",
	"\nx",
	"a\nb",
	"a\n b",
	" a\nb",
	"a \nb",
	"a\nb ",
	"a\nb\n ",
	"a\n\nb\n",
	"a\r\nb",
	"\r",
	"1e3",
	"0x10",
	"0o7",
	"010",
	"1_000",
	"1:30",
	"12:30:45",
	"0b1",
	".5",
	"5.",
	"-5",
	"+5",
	"-",
	"--",
	"---",
	"...",
	"--- a",
	"... a",
	".",
	"..",
	"- a",
	"? a",
	"?",
	": a",
	":",
	"a: b",
	"a:",
	"a #b",
	"#",
	"#a",
	"&a",
	"*a",
	"!a",
	"!!str",
	"|",
	">",
	"|-",
	"%",
	"%YAML",
	"@",
	"`",
	"'",
	"\"",
	"''",
	"\\",
	"'a'",
	"\"a\"",
	"a'b",
	"a\"b",
	"{",
	"}",
	"[",
	"]",
	",",
	"{}",
	"[]",
	"a,b",
	"[a",
	"<<",
	"=",
	".inf",
	"-.inf",
	".nan",
	"2026-11-21",
	"2026-11-21T07:44:35Z",
	"\001",
	"a\001b",
	"\177",
	"\033[31m",
	"\303\244",
	"\360\237\230\200",
	"a\360\237\230\200\nb",
	"\357\273\277",
	"x\357\273\277",
	"\302\205",
	"a\302\205b",
	"a\342\200\250b",
	"a\342\200\251\nb",
	"\357\277\276",
	"\302\240",
	"\302\240\nx",
	"a\n\302\240",
	"9223372036854775808",
	"1e999",
	LONG_LINE,
	"a\n# not a comment\nb",
	"a\n---\nb\n",
	"a\n...\n",
	"a\n\tb\n",
	"key: |\n  x\n",
};

static char *random_string(void)
{
	GString *text = g_string_new(NULL);

	for (gint32 i = g_test_rand_int_range(0, 4); i >= 0; i--)
		g_string_append(text, hard[g_test_rand_int_range(0, G_N_ELEMENTS(hard))]);
	return g_string_free(text, FALSE);
}

static cJSON *random_value(guint depth)
{
	g_autofree char *text = random_string();
	cJSON *value;

	switch (g_test_rand_int_range(0, depth == 0 ? 6 : 8)) {
	case 0:
		return json_new_int((gint64)(((guint64)(guint32)g_test_rand_int() << 32) |
					     (guint32)g_test_rand_int()));
	case 1:
		return cJSON_CreateNumber(g_test_rand_double_range(-1e6, 1e6));
	case 2:
		return cJSON_CreateBool(g_test_rand_bit());
	case 3:
		return cJSON_CreateNull();
	case 6:
		value = cJSON_CreateArray();
		for (gint32 i = g_test_rand_int_range(0, 4); i > 0; i--)
			cJSON_AddItemToArray(value, random_value(depth - 1));
		return value;
	case 7:
		value = cJSON_CreateObject();
		for (gint32 i = g_test_rand_int_range(0, 4); i > 0; i--) {
			g_autofree char *key = random_string();

			json_set(value, key, random_value(depth - 1));
		}
		return value;
	default:
		return cJSON_CreateString(text);
	}
}

static void test_round_trip(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(hard); i++) {
		g_autoptr(cJSON) string = cJSON_CreateString(hard[i]);
		g_autoptr(cJSON) object = cJSON_CreateObject();
		cJSON *list = json_ensure_array(object, "list");

		assert_round_trip(string);
		json_set_string(object, hard[i], hard[i]);
		cJSON_AddItemToArray(list, cJSON_Duplicate(string, TRUE));
		cJSON_AddItemToArray(list, cJSON_CreateArray());
		assert_round_trip(object);
	}
	for (int i = 0; i < 3000; i++) {
		g_autoptr(cJSON) value = random_value(5);

		assert_round_trip(value);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/yaml/scalars", test_scalars);
	g_test_add_func("/yaml/structure", test_structure);
	g_test_add_func("/yaml/bad", test_bad);
	g_test_add_func("/yaml/documents", test_documents);
	g_test_add_func("/yaml/limits", test_limits);
	g_test_add_func("/yaml/print", test_print);
	g_test_add_func("/yaml/round-trip", test_round_trip);
	return g_test_run();
}
