/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/prose.h"

#include <string.h>

#include "base/error.h"

static void block_free(gpointer data)
{
	ProseBlock *block = data;

	g_free(block->term);
	g_free(block->text);
	g_free(block);
}

static void section_free(gpointer data)
{
	ProseSection *section = data;

	g_free(section->title);
	g_ptr_array_unref(section->blocks);
	g_free(section);
}

void prose_free(Prose *prose)
{
	if (!prose)
		return;
	g_free(prose->file);
	g_ptr_array_unref(prose->sections);
	g_free(prose);
}

/* Where the reader stands: the section, and the block that the next line may go on. */
typedef struct {
	Prose *prose;
	ProseSection *section;
	const char *under;
	char *term; /* a line that a ": …" may follow */
	ProseBlock *open;
	guint line;
	gboolean comment;
} Reader;

static void start_section(Reader *reader, guint level, const char *title)
{
	ProseSection *section = g_new0(ProseSection, 1);

	section->level = level;
	section->title = g_strstrip(g_strdup(title));
	section->blocks = g_ptr_array_new_with_free_func(block_free);
	section->line = reader->line;
	if (level == 1)
		reader->under = section->title;
	else
		section->under = reader->under;
	g_ptr_array_add(reader->prose->sections, section);
	reader->section = section;
	reader->open = NULL;
}

static void start_block(Reader *reader, ProseBlockType type, const char *text)
{
	ProseBlock *block = g_new0(ProseBlock, 1);

	block->type = type;
	block->text = g_strdup(text);
	if (!reader->section)
		start_section(reader, 0, "");
	g_ptr_array_add(reader->section->blocks, block);
	reader->open = block;
}

static void append_to_open(Reader *reader, const char *glue, const char *text)
{
	char *joined = g_strconcat(reader->open->text, glue, text, NULL);

	g_free(reader->open->text);
	reader->open->text = joined;
}

/* ": text" behind a line of its own makes that line a term. */
static void turn_into_term(Reader *reader, const char *text)
{
	ProseBlock *block = reader->open;

	block->type = BLOCK_TERM;
	block->term = block->text;
	block->text = g_strdup(text);
}

static void read_line(Reader *reader, const char *line)
{
	const gboolean code = line[0] == '\t' || g_str_has_prefix(line, "    ");
	const gboolean in_code = reader->open && reader->open->type == BLOCK_CODE;
	g_autofree char *text = g_strstrip(g_strdup(line));

	if (!*text) {
		reader->open = NULL;
	} else if (g_str_has_prefix(line, "## ")) {
		start_section(reader, 2, line + 3);
	} else if (g_str_has_prefix(line, "# ")) {
		start_section(reader, 1, line + 2);
	} else if (code && in_code) {
		append_to_open(reader, "\n", line + (line[0] == '\t' ? 1 : 4));
	} else if (code && !reader->open) {
		start_block(reader, BLOCK_CODE, line + (line[0] == '\t' ? 1 : 4));
	} else if (g_str_has_prefix(line, "- ")) {
		start_block(reader, BLOCK_ITEM, line + 2);
	} else if (g_str_has_prefix(line, ": ") && reader->open &&
		   reader->open->type == BLOCK_PARAGRAPH) {
		turn_into_term(reader, g_strchug(text + 1));
	} else if (reader->open && !in_code) {
		append_to_open(reader, " ", text);
	} else {
		start_block(reader, BLOCK_PARAGRAPH, text);
	}
}

gboolean prose_add_file(Prose *prose, const char *file, GError **error)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	Reader reader = { .prose = prose };

	if (!g_file_get_contents(file, &text, NULL, error))
		return FALSE;
	if (!g_utf8_validate(text, -1, NULL))
		return error_set(error, KVMIG_ERROR_INVALID, "%s is not UTF-8", file);
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		reader.line++;
		if (g_str_has_prefix(*line, "<!--"))
			reader.comment = TRUE;
		if (!reader.comment)
			read_line(&reader, *line);
		if (strstr(*line, "-->"))
			reader.comment = FALSE;
	}
	return TRUE;
}

Prose *prose_load(const char *file, GError **error)
{
	Prose *prose = g_new0(Prose, 1);

	prose->file = g_strdup(file);
	prose->sections = g_ptr_array_new_with_free_func(section_free);
	if (prose_add_file(prose, file, error))
		return prose;
	prose_free(prose);
	return NULL;
}

ProseSection *prose_find(const Prose *prose, guint level, const char *under, const char *title)
{
	for (guint i = 0; i < prose->sections->len; i++) {
		ProseSection *section = prose->sections->pdata[i];

		if (section->level == level && strcmp(section->title, title) == 0 &&
		    (!under || g_strcmp0(section->under, under) == 0)) {
			section->used = TRUE;
			return section;
		}
	}
	return NULL;
}
