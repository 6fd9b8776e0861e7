/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/yaml.h"
#include "output/printer.h"

static char *cell_name(const cJSON *row)
{
	return g_strdup(json_string(row, "name", NULL));
}

static char *cell_count(const cJSON *row)
{
	return g_strdup_printf("%d", (int)json_int(row, "count", 0));
}

static char *cell_note(const cJSON *row)
{
	return g_strdup(json_string(row, "note", NULL));
}

static const OutputColumn columns[] = {
	{ "NAME", FALSE, FALSE, cell_name },
	{ "COUNT", FALSE, TRUE, cell_count },
	{ "NOTE", TRUE, FALSE, cell_note },
	{ NULL, FALSE, FALSE, NULL },
};

static const OutputSpec spec = { .list_kind = "ThingList", .columns = columns, .name = cell_name };

static void free_json(gpointer data)
{
	cJSON_Delete(data);
}

static GPtrArray *rows_of(const char *text)
{
	GPtrArray *rows = g_ptr_array_new_with_free_func(free_json);
	g_autoptr(cJSON) array = json_parse(text, strlen(text), "test", NULL);

	g_assert_nonnull(array);
	while (array->child)
		g_ptr_array_add(rows, cJSON_DetachItemFromArray(array, 0));
	return rows;
}

/* What `output` prints of rows; free. */
static char *printed(Output output, const OutputSpec *how, const char *json)
{
	g_autoptr(GPtrArray) rows = rows_of(json);
	char *text = NULL;
	size_t length = 0;

	output.stream = open_memstream(&text, &length);
	g_assert_nonnull(output.stream);
	output_rows(&output, how, rows);
	g_assert_cmpint(fclose(output.stream), ==, 0);
	return text;
}

#define TWO "[{\"name\":\"a\",\"count\":5},{\"name\":\"long-name\",\"count\":1000,\"note\":\"x\"}]"

static void test_table(void)
{
	g_autofree char *table = printed((Output){ .format = OUTPUT_TABLE }, &spec, TWO);
	g_autofree char *wide = printed((Output){ .format = OUTPUT_WIDE }, &spec, TWO);
	g_autofree char *bare =
		printed((Output){ .format = OUTPUT_TABLE, .no_headers = TRUE }, &spec, TWO);
	g_autofree char *names = printed((Output){ .format = OUTPUT_NAME }, &spec, TWO);
	g_autofree char *none = printed((Output){ .format = OUTPUT_TABLE }, &spec, "[]");
	g_autofree char *color =
		printed((Output){ .format = OUTPUT_TABLE, .color = TRUE }, &spec, "[{}]");

	g_assert_cmpstr(table, ==,
			"NAME        COUNT\n"
			"a               5\n"
			"long-name    1000\n");
	g_assert_cmpstr(wide, ==,
			"NAME        COUNT   NOTE\n"
			"a               5   -\n"
			"long-name    1000   x\n");
	g_assert_cmpstr(bare, ==, "a              5\nlong-name   1000\n");
	g_assert_cmpstr(names, ==, "a\nlong-name\n");
	g_assert_cmpstr(none, ==, "");
	g_assert_cmpstr(color, ==, "\033[1mNAME   COUNT\033[0m\n-          0\n");
}

/* Rows that come one by one stand under the header that was printed first. */
static void test_widths(void)
{
	g_autoptr(GArray) widths = g_array_new(FALSE, FALSE, sizeof(gsize));
	Output output = { .format = OUTPUT_TABLE, .widths = widths };
	g_autoptr(cJSON) wide = json_parse("[{\"name\":\"as-wide-as-it-gets\"}]", 31, "rows", NULL);
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	g_autofree char *first = NULL, *second = NULL;

	g_ptr_array_add(rows, cJSON_GetArrayItem(wide, 0));
	output_measure(&output, &spec, rows);
	first = printed(output, &spec, "[{\"name\":\"a\",\"count\":5}]");
	output.no_headers = TRUE;
	second = printed(output, &spec, "[{\"name\":\"longer\",\"count\":1000}]");
	g_assert_cmpstr(first, ==,
			"NAME                 COUNT\n"
			"a                        5\n");
	g_assert_cmpstr(second, ==, "longer                1000\n");
}

static void test_documents(void)
{
	OutputSpec one = spec;
	g_autofree char *json = printed((Output){ .format = OUTPUT_JSON }, &spec, TWO);
	g_autofree char *yaml = printed((Output){ .format = OUTPUT_YAML }, &spec, TWO);
	g_autofree char *empty = printed((Output){ .format = OUTPUT_JSON }, &spec, "[]");
	g_autofree char *single = NULL;
	g_autoptr(cJSON) from_json = json_parse(json, strlen(json), "json", NULL);
	g_autoptr(cJSON) from_yaml = yaml_parse(yaml, strlen(yaml), "yaml", NULL);
	g_autoptr(cJSON) from_empty = json_parse(empty, strlen(empty), "json", NULL);
	g_autoptr(cJSON) alone = NULL;

	one.single = TRUE;
	single = printed((Output){ .format = OUTPUT_JSON }, &one, "[{\"name\":\"a\"}]");
	alone = json_parse(single, strlen(single), "json", NULL);
	g_assert_cmpstr(json_string(from_json, "apiVersion", ""), ==, "kvmig.io/v1");
	g_assert_cmpstr(json_string(from_json, "kind", ""), ==, "ThingList");
	g_assert_cmpint(cJSON_GetArraySize(json_get(from_json, "items")), ==, 2);
	g_assert_true(json_equal(from_json, from_yaml));
	g_assert_true(cJSON_IsArray(json_get(from_empty, "items")));
	g_assert_cmpstr(json_string(alone, "name", ""), ==, "a");
	g_assert_null(json_get(alone, "items"));
}

static void test_document(void)
{
	g_autoptr(cJSON) document = cJSON_CreateObject();
	g_autoptr(cJSON) read = NULL;
	g_autofree char *text = NULL;
	size_t length = 0;
	char *buffer = NULL;
	Output output = { .format = OUTPUT_JSON };

	json_set_int(document, "totalMs", 7);
	json_set_string(document, "kind", "Liar");
	output.stream = open_memstream(&buffer, &length);
	output_document(&output, "Thing", document);
	(void)fclose(output.stream);
	text = buffer;
	read = json_parse(text, strlen(text), "json", NULL);
	g_assert_cmpstr(read->child->string, ==, "apiVersion");
	g_assert_cmpstr(json_string(read, "kind", ""), ==, "Thing");
	g_assert_cmpint(json_int(read, "totalMs", 0), ==, 7);
	/* The caller's document is as it was. */
	g_assert_cmpint(json_int(document, "totalMs", 0), ==, 7);
}

static void test_hostile(void)
{
	g_autofree char *table = printed(
		(Output){ .format = OUTPUT_TABLE }, &spec,
		"[{\"name\":\"a\\u001b[31m\\nb\\u202e\\u009b\",\"count\":1},{\"count\":2}]");
	g_autofree char *names =
		printed((Output){ .format = OUTPUT_NAME }, &spec, "[{\"name\":\"a\\nb\"}]");
	g_autofree char *json =
		printed((Output){ .format = OUTPUT_JSON }, &spec, "[{\"name\":\"a\\u001b\"}]");

	g_assert_cmpstr(table, ==,
			"NAME                     COUNT\n"
			"a\\x1b[31m\\nb\\u202e\\x9b       1\n"
			"-                            2\n");
	g_assert_cmpstr(names, ==, "a\\nb\n");
	g_assert_null(strchr(json, 0x1b));
}

static void test_escape(void)
{
	static const struct {
		const char *raw, *safe;
	} cases[] = {
		{ "", "" },
		{ "plain \303\244\346\274\242", "plain \303\244\346\274\242" },
		{ "a\tb\r\n", "a\\tb\\r\\n" },
		{ "\377\376", "\\xff\\xfe" },
		{ "cut \303", "cut \\xc3" },
		{ "\033]0;title\007", "\\x1b]0;title\\x07" },
		{ "\342\200\256x", "\\u202ex" },
		{ "\177", "\\x7f" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *safe = output_escape(cases[i].raw);

		g_assert_cmpstr(safe, ==, cases[i].safe);
	}
}

static void test_width(void)
{
	g_assert_cmpuint(output_width(""), ==, 0);
	g_assert_cmpuint(output_width("abc"), ==, 3);
	g_assert_cmpuint(output_width("\303\244"), ==, 1);
	g_assert_cmpuint(output_width("\346\274\242"), ==, 2);
	g_assert_cmpuint(output_width("e\314\201"), ==, 1);
	g_assert_cmpuint(output_width("\377"), ==, 1);
}

static void test_age(void)
{
	static const struct {
		gint64 seconds;
		const char *text;
	} cases[] = { { 0, "0s" },
		      { 119, "119s" },
		      { 150, "2m30s" },
		      { 180, "3m" },
		      { 3600, "60m" },
		      { 4 * 3600 + 60, "4h1m" },
		      { 30 * 3600, "30h" },
		      { 3 * 86400, "3d" },
		      { 3 * 86400 + 7200, "3d2h" },
		      { 400 * 86400, "400d" },
		      { 800 * 86400, "2y70d" },
		      { 4000 * 86400, "10y" },
		      { -5, "0s" } };
	const gint64 now = 4000000000 * G_USEC_PER_SEC;
	g_autofree char *never = output_age(0, now);

	g_assert_cmpstr(never, ==, "-");
	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *age = output_age(now - cases[i].seconds * G_USEC_PER_SEC, now);

		g_assert_cmpstr(age, ==, cases[i].text);
	}
}

static char *progressed(gboolean terminal)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	Progress *progress = progress_new(stream, terminal);

	progress_update(progress, "pending", "waiting");
	progress_update(progress, "running", "10 %");
	progress_update(progress, "running", "20 %");
	progress_update(progress, "done", "ended\033");
	progress_finish(progress);
	progress_free(progress);
	(void)fclose(stream);
	return text;
}

static void test_progress(void)
{
	g_autofree char *plain = progressed(FALSE);
	g_autofree char *terminal = progressed(TRUE);

	g_assert_cmpstr(plain, ==, "waiting\n10 %\nended\\x1b\n");
	g_assert_cmpstr(terminal, ==,
			"\rwaiting\033[K\r10 %\033[K\r20 %\033[K\rended\\x1b\033[K\n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/printer/table", test_table);
	g_test_add_func("/printer/widths", test_widths);
	g_test_add_func("/printer/documents", test_documents);
	g_test_add_func("/printer/document", test_document);
	g_test_add_func("/printer/hostile", test_hostile);
	g_test_add_func("/printer/escape", test_escape);
	g_test_add_func("/printer/width", test_width);
	g_test_add_func("/printer/age", test_age);
	g_test_add_func("/printer/progress", test_progress);
	return g_test_run();
}
