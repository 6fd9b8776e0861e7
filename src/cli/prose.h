/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hand-written part of the manual pages, and the writer that prints pages as man(7) or as
 * plain text. The format of the files is described in man/local.mk.
 */
#pragma once

#include <glib.h>

typedef enum { BLOCK_PARAGRAPH, BLOCK_ITEM, BLOCK_TERM, BLOCK_CODE } ProseBlockType;

typedef struct {
	ProseBlockType type;
	char *term; /* of BLOCK_TERM */
	char *text; /* paragraphs: one line, with inline marks; code: as it stands */
} ProseBlock;

typedef struct {
	guint level;       /* 0: before the first heading; 1: "# …"; 2: "## …" */
	const char *under; /* title of the "# …" above a level 2, or NULL */
	char *title;
	GPtrArray *blocks; /* ProseBlock */
	guint line;
	gboolean used;
} ProseSection;

typedef struct {
	char *file;
	GPtrArray *sections; /* ProseSection */
} Prose;

/* Reads a file; errors name file and line. */
Prose *prose_load(const char *file, GError **error);
/* Sections of another file are put behind those of prose. */
gboolean prose_add_file(Prose *prose, const char *file, GError **error);
void prose_free(Prose *prose);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Prose, prose_free)

/* Marks what it finds as used. under NULL: any level-1 heading or none. */
ProseSection *prose_find(const Prose *prose, guint level, const char *under, const char *title);

/* A page under construction. Texts have inline marks: `bold` and *italic*. */
typedef struct Doc Doc;

Doc *doc_new(gboolean man, const char *name, const char *section, const char *date,
	     const char *version);
/* The line below "Name". */
void doc_name(Doc *doc, const char *name, const char *summary);
/* A line that is not joined with the next one: of the synopsis. */
void doc_line(Doc *doc, const char *text);
void doc_heading(Doc *doc, const char *title);
void doc_subheading(Doc *doc, const char *title);
void doc_paragraph(Doc *doc, const char *text);
void doc_code(Doc *doc, const char *text);
void doc_item(Doc *doc, const char *text);
/* A label with what it means; more paragraphs may follow in between. */
void doc_tag_begin(Doc *doc, const char *label);
void doc_tag_end(Doc *doc);
void doc_section(Doc *doc, const ProseSection *section); /* its blocks; NULL is ignored */
/* Ends the page and frees doc; free the text with g_free(). */
char *doc_finish(Doc *doc);
