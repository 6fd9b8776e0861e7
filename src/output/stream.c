/* SPDX-License-Identifier: Apache-2.0 */
#include "output/stream.h"

#include <string.h>

#include "model/yaml.h"

#define GAP 3
#define BOLD "\x1b[1m"
#define PLAIN "\x1b[0m"

/* ---- tables --------------------------------------------------------------------------------- */

struct OutputTable {
	const Output *output;
	guint columns;
	GStrv headers;   /* as printed */
	GPtrArray *held; /* char *, row by row; NULL once the widths are fixed */
	gsize *widths;
	GString *line;
};

OutputTable *output_table_new(const Output *output, const char *const *headers)
{
	OutputTable *table = g_new0(OutputTable, 1);

	table->output = output;
	table->columns = g_strv_length((GStrv)headers);
	table->headers = g_new0(char *, table->columns + 1);
	table->widths = g_new0(gsize, table->columns);
	table->held = g_ptr_array_new_with_free_func(g_free);
	table->line = g_string_new(NULL);
	for (guint i = 0; i < table->columns; i++) {
		g_autofree char *upper = g_utf8_strup(headers[i], -1);

		table->headers[i] = output_escape(upper);
		if (!output->no_headers)
			table->widths[i] = output_width(table->headers[i]);
	}
	return table;
}

/* The last column is not filled up: no blanks at the end of a line. */
static void print_row(OutputTable *table, char *const *cells, const char *before, const char *after)
{
	GString *line = table->line;

	g_string_assign(line, before);
	for (guint i = 0; i < table->columns; i++) {
		gsize width = output_width(cells[i]);

		g_string_append(line, cells[i]);
		if (i + 1 == table->columns)
			break;
		for (gsize n = width; n < table->widths[i] + GAP; n++)
			g_string_append_c(line, ' ');
	}
	while (line->len && line->str[line->len - 1] == ' ')
		g_string_truncate(line, line->len - 1);
	g_string_append(line, after);
	g_string_append_c(line, '\n');
	(void)fwrite(line->str, 1, line->len, table->output->stream);
}

static void fix_widths(OutputTable *table)
{
	for (guint i = 0; i < table->held->len; i++)
		table->widths[i % table->columns] =
			MAX(table->widths[i % table->columns], output_width(table->held->pdata[i]));
}

static void release(OutputTable *table)
{
	const gboolean color = table->output->color;

	if (!table->held)
		return;
	fix_widths(table);
	if (!table->output->no_headers)
		print_row(table, table->headers, color ? BOLD : "", color ? PLAIN : "");
	for (guint i = 0; i < table->held->len; i += table->columns)
		print_row(table, (char **)table->held->pdata + i, "", "");
	g_clear_pointer(&table->held, g_ptr_array_unref);
}

static char *cell_text(const char *cell)
{
	gsize length = strcspn(cell, "\n\r\f");
	g_autofree char *line = NULL;

	if (!cell[length])
		return output_escape(cell);
	line = g_strdup_printf("%.*s...", (int)length, cell);
	return output_escape(line);
}

void output_table_add(OutputTable *table, const char *const *cells)
{
	g_auto(GStrv) row = g_new0(char *, table->columns + 1);

	for (guint i = 0; i < table->columns; i++)
		row[i] = cell_text(cells[i]);
	if (!table->held) {
		print_row(table, row, "", "");
		return;
	}
	for (guint i = 0; i < table->columns; i++)
		g_ptr_array_add(table->held, g_steal_pointer(&row[i]));
	if (table->held->len >= OUTPUT_TABLE_HELD * table->columns)
		release(table);
}

void output_table_flush(OutputTable *table)
{
	release(table);
	(void)fflush(table->output->stream);
}

void output_table_free(OutputTable *table)
{
	if (!table)
		return;
	release(table);
	g_strfreev(table->headers);
	g_free(table->widths);
	g_string_free(table->line, TRUE);
	g_free(table);
}

/* ---- objects -------------------------------------------------------------------------------- */

struct OutputList {
	const Output *output;
	gboolean any;
};

static gboolean is_yaml(const Output *output)
{
	return output->format == OUTPUT_YAML;
}

/* `text` ends with a line break; every line of it but the first is moved to the right. Neither
 * JSON nor a block of YAML minds: their strings hold no line breaks, or hold them by indentation.
 */
static void print_moved(FILE *stream, const char *text, const char *first, const char *other)
{
	for (const char *line = text; *line;) {
		gsize length = strcspn(line, "\n");

		(void)fputs(line == text ? first : length ? other : "", stream);
		(void)fwrite(line, 1, length, stream);
		line += length;
		if (*line == '\n' && *++line)
			(void)fputc('\n', stream);
	}
}

OutputList *output_list_new(const Output *output)
{
	OutputList *list = g_new0(OutputList, 1);

	list->output = output;
	if (is_yaml(output))
		(void)fputs("apiVersion: v1\nkind: List\nmetadata:\n  resourceVersion: \"\"\n",
			    output->stream);
	else
		(void)fputs("{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"List\",\n"
			    "  \"metadata\": {\n    \"resourceVersion\": \"\"\n  },\n"
			    "  \"items\": [",
			    output->stream);
	return list;
}

OutputList *output_list_new_of(const Output *output, const char *kind)
{
	OutputList *list = g_new0(OutputList, 1);

	list->output = output;
	if (is_yaml(output))
		(void)fprintf(output->stream, "apiVersion: kvmig.io/v1\nkind: %s\n", kind);
	else
		(void)fprintf(output->stream,
			      "{\n  \"apiVersion\": \"kvmig.io/v1\",\n  \"kind\": \"%s\",\n"
			      "  \"items\": [",
			      kind);
	return list;
}

void output_list_add(OutputList *list, const cJSON *item)
{
	FILE *stream = list->output->stream;
	g_autofree char *text = NULL;

	if (is_yaml(list->output)) {
		text = yaml_print(item);
		(void)fputs(list->any ? "" : "items:\n", stream);
		print_moved(stream, text, "- ", "  ");
		(void)fputc('\n', stream);
	} else {
		text = json_print_pretty(item);
		(void)fputs(list->any ? ",\n" : "\n", stream);
		print_moved(stream, text, "    ", "    ");
	}
	list->any = TRUE;
}

void output_list_end(OutputList *list)
{
	if (is_yaml(list->output))
		(void)fputs(list->any ? "" : "items: []\n", list->output->stream);
	else
		(void)fputs(list->any ? "\n  ]\n}\n" : "]\n}\n", list->output->stream);
}

void output_list_free(OutputList *list)
{
	g_free(list);
}

void output_object(const Output *output, const cJSON *object, gboolean more)
{
	g_autofree char *text = is_yaml(output) ? yaml_print(object) : json_print_pretty(object);

	if (more && is_yaml(output))
		(void)fputs("---\n", output->stream);
	(void)fputs(text, output->stream);
}
