/* SPDX-License-Identifier: Apache-2.0 */
#include "output/printer.h"

#include <string.h>

#include "model/yaml.h"

#define API_VERSION "kvmig.io/v1"
#define GAP 3
#define BOLD "\x1b[1m"
#define PLAIN "\x1b[0m"

const char *const output_formats[] = { "table", "wide", "json", "yaml", "name", NULL };

/* The columns that are shown, with their cells and widths. */
typedef struct {
	GPtrArray *columns; /* const OutputColumn *, borrowed */
	GPtrArray *cells;   /* char *, row by row */
	GArray *widths;     /* gsize */
} Table;

static void table_clear(Table *table)
{
	g_ptr_array_unref(table->columns);
	g_ptr_array_unref(table->cells);
	g_array_unref(table->widths);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Table, table_clear)

static Table table_new(const Output *output, const OutputSpec *spec)
{
	Table table = { .columns = g_ptr_array_new(),
			.cells = g_ptr_array_new_with_free_func(g_free),
			.widths = g_array_new(FALSE, TRUE, sizeof(gsize)) };

	for (const OutputColumn *column = spec->columns; column->header; column++) {
		gsize width = output->no_headers ? 0 : output_width(column->header);
		guint n = table.widths->len;

		if (column->wide && output->format != OUTPUT_WIDE)
			continue;
		if (output->widths && n < output->widths->len)
			width = MAX(width, g_array_index(output->widths, gsize, n));
		g_ptr_array_add(table.columns, (gpointer)column);
		g_array_append_val(table.widths, width);
	}
	return table;
}

static void table_add(Table *table, const cJSON *row)
{
	for (guint i = 0; i < table->columns->len; i++) {
		const OutputColumn *column = table->columns->pdata[i];
		g_autofree char *raw = column->cell(row);
		char *safe = output_escape(raw && *raw ? raw : "-");
		gsize *width = &g_array_index(table->widths, gsize, i);

		*width = MAX(*width, output_width(safe));
		g_ptr_array_add(table->cells, safe);
	}
}

static void keep_widths(const Output *output, const Table *table)
{
	if (!output->widths)
		return;
	g_array_set_size(output->widths, 0);
	g_array_append_vals(output->widths, table->widths->data, table->widths->len);
}

static void append_blanks(GString *line, gsize n)
{
	while (n--)
		g_string_append_c(line, ' ');
}

/* The last column is not filled up: no blanks at the end of a line. */
static void append_cell(GString *line, const Table *table, guint i, const char *text)
{
	const OutputColumn *column = table->columns->pdata[i];
	gsize blanks = g_array_index(table->widths, gsize, i) - output_width(text);

	if (column->right)
		append_blanks(line, blanks);
	g_string_append(line, text);
	if (i + 1 == table->columns->len)
		return;
	if (!column->right)
		append_blanks(line, blanks);
	append_blanks(line, GAP);
}

static void print_line(FILE *stream, const GString *line)
{
	(void)fwrite(line->str, 1, line->len, stream);
	(void)fputc('\n', stream);
}

static void print_table(const Output *output, const OutputSpec *spec, const GPtrArray *rows)
{
	g_auto(Table) table = table_new(output, spec);
	g_autoptr(GString) line = g_string_new(NULL);

	for (guint i = 0; i < rows->len; i++)
		table_add(&table, rows->pdata[i]);
	keep_widths(output, &table);
	if (!output->no_headers && rows->len) {
		for (guint i = 0; i < table.columns->len; i++)
			append_cell(line, &table, i,
				    ((const OutputColumn *)table.columns->pdata[i])->header);
		if (output->color) {
			g_string_prepend(line, BOLD);
			g_string_append(line, PLAIN);
		}
		print_line(output->stream, line);
	}
	for (guint cell = 0; cell < table.cells->len; cell += table.columns->len) {
		g_string_truncate(line, 0);
		for (guint i = 0; i < table.columns->len; i++)
			append_cell(line, &table, i, table.cells->pdata[cell + i]);
		print_line(output->stream, line);
	}
}

void output_measure(Output *output, const OutputSpec *spec, const GPtrArray *rows)
{
	g_auto(Table) table = table_new(output, spec);

	for (guint i = 0; i < rows->len; i++)
		table_add(&table, rows->pdata[i]);
	keep_widths(output, &table);
}

static void print_document(const Output *output, const cJSON *document)
{
	g_autofree char *text =
		output->format == OUTPUT_YAML ? yaml_print(document) : json_print_pretty(document);

	(void)fputs(text, output->stream);
}

static void print_names(const Output *output, const OutputSpec *spec, const GPtrArray *rows)
{
	for (guint i = 0; i < rows->len; i++) {
		g_autofree char *raw = spec->name(rows->pdata[i]);
		g_autofree char *safe = output_escape(raw ? raw : "");

		(void)fputs(safe, output->stream);
		(void)fputc('\n', output->stream);
	}
}

static cJSON *document_new(const char *kind)
{
	cJSON *document = cJSON_CreateObject();

	json_set_string(document, "apiVersion", API_VERSION);
	json_set_string(document, "kind", kind);
	return document;
}

static void print_list(const Output *output, const OutputSpec *spec, const GPtrArray *rows)
{
	g_autoptr(cJSON) list = document_new(spec->list_kind);
	cJSON *items = json_ensure_array(list, "items");

	/* References: the rows stay the caller's. */
	for (guint i = 0; i < rows->len; i++)
		(void)cJSON_AddItemReferenceToArray(items, rows->pdata[i]);
	print_document(output, list);
}

void output_rows(Output *output, const OutputSpec *spec, const GPtrArray *rows)
{
	switch (output->format) {
	case OUTPUT_TABLE:
	case OUTPUT_WIDE:
		print_table(output, spec, rows);
		break;
	case OUTPUT_NAME:
		print_names(output, spec, rows);
		break;
	case OUTPUT_JSON:
	case OUTPUT_YAML:
		if (spec->single && rows->len == 1)
			print_document(output, rows->pdata[0]);
		else
			print_list(output, spec, rows);
		break;
	}
}

void output_document(Output *output, const char *kind, const cJSON *document)
{
	g_autoptr(cJSON) whole = document_new(kind);
	const cJSON *member;

	cJSON_ArrayForEach(member, document) if (strcmp(member->string, "apiVersion") != 0 &&
						 strcmp(member->string, "kind") != 0)(void)
		cJSON_AddItemReferenceToObject(whole, member->string, (cJSON *)member);
	print_document(output, whole);
}
