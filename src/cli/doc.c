/* SPDX-License-Identifier: Apache-2.0 */
/* Writes a page as man(7) macros or as text of 78 columns: the same calls, two looks. */
#include <string.h>

#include "cli/prose.h"

#define TEXT_COLUMNS 78
#define TEXT_INDENT 7
#define TAG_INDENT 7

struct Doc {
	GString *out;
	gboolean man;
	gboolean in_tag;
	gboolean tag_empty; /* nothing stands behind the label yet */
	gboolean in_items;
};

/* roff: what would be an escape, a macro, or another character than the one that is meant. All
 * but ASCII goes by number, which every roff reads. Returns the bytes that it took. */
static gsize append_roff_char(GString *out, const char *text)
{
	switch (*text) {
	case '\\':
		g_string_append(out, "\\e");
		break;
	case '-':
		g_string_append(out, "\\-");
		break;
	case '\'':
		g_string_append(out, "\\(aq");
		break;
	case '`':
		g_string_append(out, "\\(ga");
		break;
	case '^':
		g_string_append(out, "\\(ha");
		break;
	case '~':
		g_string_append(out, "\\(ti");
		break;
	default:
		if ((guchar)*text >= 0x80) {
			g_string_append_printf(out, "\\[u%04X]", g_utf8_get_char(text));
			return (gsize)(g_utf8_next_char(text) - text);
		}
		g_string_append_c(out, *text);
	}
	return 1;
}

static void append_roff(GString *out, const char *text, gsize length)
{
	for (gsize i = 0; i < length;)
		i += append_roff_char(out, text + i);
}

/* Hyphens of ordinary words stay hyphens; in code they must be what one types. */
static void append_plain_roff(GString *out, const char *text, gsize length)
{
	for (gsize i = 0; i < length;) {
		if (text[i] == '-' && i > 0 && g_ascii_isalpha(text[i - 1]))
			g_string_append_c(out, text[i++]);
		else
			i += append_roff_char(out, text + i);
	}
}

static void append_span(const Doc *doc, GString *out, char mark, const char *text, gsize length)
{
	if (!doc->man) {
		g_string_append_len(out, text, (gssize)length);
		return;
	}
	if (!mark) {
		append_plain_roff(out, text, length);
		return;
	}
	g_string_append(out, mark == '`' ? "\\fB" : "\\fI");
	append_roff(out, text, length);
	g_string_append(out, "\\fR");
}

/* Inline marks to the form of the page. A mark without its partner is an ordinary character. */
static char *render(const Doc *doc, const char *text)
{
	GString *out = g_string_new(NULL);

	while (*text) {
		gsize length = strcspn(text, "`*");
		const char *end;

		append_span(doc, out, '\0', text, length);
		text += length;
		if (!*text)
			break;
		end = strchr(text + 1, *text);
		if (!end) {
			append_span(doc, out, '\0', text, 1);
			text++;
			continue;
		}
		append_span(doc, out, *text, text + 1, (gsize)(end - text - 1));
		text = end + 1;
	}
	return g_string_free(out, FALSE);
}

/* A line of roff must not begin with a control character. */
static void put_roff_line(Doc *doc, const char *line)
{
	if (*line == '.')
		g_string_append(doc->out, "\\&");
	g_string_append(doc->out, line);
	g_string_append_c(doc->out, '\n');
}

/* Running text, in lines of a sensible length; an escape has no blank in it. */
static void put_roff_text(Doc *doc, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	g_autoptr(GString) line = g_string_new(NULL);

	for (char **word = words; *word; word++) {
		if (line->len && line->len + 1 + strlen(*word) > TEXT_COLUMNS) {
			put_roff_line(doc, line->str);
			g_string_truncate(line, 0);
		}
		g_string_append_printf(line, "%s%s", line->len ? " " : "", *word);
	}
	put_roff_line(doc, line->str);
}

static void put_wrapped(Doc *doc, gsize indent, const char *first, const char *text)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	gsize column = indent + strlen(first);

	g_string_append_printf(doc->out, "%*s%s", (int)indent, "", first);
	indent = column;
	for (char **word = words; *word; word++) {
		gsize length = (gsize)g_utf8_strlen(*word, -1);

		if (word > words && column + 1 + length > TEXT_COLUMNS) {
			g_string_append_printf(doc->out, "\n%*s", (int)indent, "");
			column = indent;
		} else if (word > words) {
			g_string_append_c(doc->out, ' ');
			column++;
		}
		g_string_append(doc->out, *word);
		column += length;
	}
	g_string_append_c(doc->out, '\n');
}

static gsize indent_of(const Doc *doc)
{
	return TEXT_INDENT + (doc->in_tag ? TAG_INDENT : 0);
}

static void end_items(Doc *doc)
{
	if (doc->in_items && doc->man && doc->in_tag)
		g_string_append(doc->out, ".RE\n");
	doc->in_items = FALSE;
}

Doc *doc_new(gboolean man, const char *name, const char *section, const char *date,
	     const char *version)
{
	Doc *doc = g_new0(Doc, 1);
	g_autofree char *upper = g_ascii_strup(name, -1);

	doc->out = g_string_new(NULL);
	doc->man = man;
	if (man)
		g_string_append_printf(doc->out,
				       ".\\\" Generated from man/%s.%s.md and the option tables.\n"
				       ".TH %s %s %s \"kvmig %s\" \"kvmig manual\"\n"
				       ".nh\n.ad l\n",
				       name, section, upper, section, date, version);
	else
		g_string_append_printf(doc->out, "%s(%s)\n", upper, section);
	return doc;
}

void doc_heading(Doc *doc, const char *title)
{
	g_autofree char *upper = g_ascii_strup(title, -1);

	end_items(doc);
	g_string_append_printf(doc->out, doc->man ? ".SH %s\n" : "\n%s\n", upper);
}

void doc_subheading(Doc *doc, const char *title)
{
	g_autofree char *text = render(doc, title);

	end_items(doc);
	g_string_append_printf(doc->out, doc->man ? ".SS %s\n" : "\n   %s\n", text);
}

void doc_name(Doc *doc, const char *name, const char *summary)
{
	g_autoptr(GString) left = g_string_new(NULL);

	if (!doc->man) {
		g_string_append_printf(doc->out, "%*s%s - %s\n", TEXT_INDENT, "", name, summary);
		return;
	}
	append_roff(left, name, strlen(name));
	g_string_append_printf(doc->out, "%s \\- %s\n", left->str, summary);
}

void doc_line(Doc *doc, const char *text)
{
	if (!doc->man) {
		g_string_append_printf(doc->out, "%*s%s\n", TEXT_INDENT, "", text);
		return;
	}
	if (!g_str_has_suffix(doc->out->str, "SYNOPSIS\n"))
		g_string_append(doc->out, ".br\n");
	append_plain_roff(doc->out, text, strlen(text));
	g_string_append_c(doc->out, '\n');
}

/* Text needs an empty line between paragraphs, but not behind a heading or a label. */
static void separate(Doc *doc)
{
	const char *end = doc->out->str + doc->out->len;
	const char *line;

	if (doc->tag_empty)
		return;
	for (line = end - 1; line > doc->out->str && line[-1] != '\n'; line--)
		;
	if (*line == ' ' && strncmp(line, "   ", 3) == 0 && line[3] == ' ')
		g_string_append_c(doc->out, '\n');
}

/* man(7): the macro that begins a paragraph here; behind a label or a heading there is none. */
static void begin_paragraph(Doc *doc)
{
	if (doc->in_tag && !doc->tag_empty)
		g_string_append(doc->out, ".IP\n");
	else if (!doc->in_tag && !g_str_has_suffix(doc->out->str, ".ad l\n")) {
		const char *line = doc->out->str + doc->out->len - 1;

		while (line > doc->out->str && line[-1] != '\n')
			line--;
		if (!g_str_has_prefix(line, ".SH") && !g_str_has_prefix(line, ".SS"))
			g_string_append(doc->out, ".PP\n");
	}
}

void doc_paragraph(Doc *doc, const char *text)
{
	g_autofree char *rendered = render(doc, text);

	end_items(doc);
	if (doc->man) {
		begin_paragraph(doc);
		put_roff_text(doc, rendered);
	} else {
		separate(doc);
		put_wrapped(doc, indent_of(doc), "", rendered);
	}
	doc->tag_empty = FALSE;
}

void doc_code(Doc *doc, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	end_items(doc);
	if (doc->man) {
		begin_paragraph(doc);
		g_string_append(doc->out, ".RS 4\n.nf\n");
	} else {
		separate(doc);
	}
	for (char **line = lines; *line; line++) {
		if (doc->man) {
			g_autoptr(GString) escaped = g_string_new(NULL);

			append_roff(escaped, *line, strlen(*line));
			put_roff_line(doc, escaped->str);
		} else {
			g_string_append_printf(doc->out, "%*s%s\n", (int)indent_of(doc) + 4, "",
					       *line);
		}
	}
	if (doc->man)
		g_string_append(doc->out, ".fi\n.RE\n");
	doc->tag_empty = FALSE;
}

void doc_item(Doc *doc, const char *text)
{
	g_autofree char *rendered = render(doc, text);

	if (doc->man) {
		if (!doc->in_items && doc->in_tag)
			g_string_append(doc->out, ".RS\n");
		g_string_append(doc->out, ".IP \\(bu 2\n");
		put_roff_text(doc, rendered);
	} else {
		if (!doc->in_items)
			separate(doc);
		put_wrapped(doc, indent_of(doc), "- ", rendered);
	}
	doc->in_items = TRUE;
	doc->tag_empty = FALSE;
}

void doc_tag_begin(Doc *doc, const char *label)
{
	g_autofree char *rendered = render(doc, label);

	end_items(doc);
	if (doc->man) {
		g_string_append(doc->out, ".TP\n");
		put_roff_line(doc, rendered);
	} else {
		separate(doc);
		put_wrapped(doc, TEXT_INDENT, "", rendered);
	}
	doc->in_tag = TRUE;
	doc->tag_empty = TRUE;
}

void doc_tag_end(Doc *doc)
{
	end_items(doc);
	doc->in_tag = FALSE;
	doc->tag_empty = FALSE;
}

/* Labels are not nested: among an option's own words a term becomes an item. */
static void put_term(Doc *doc, const ProseBlock *block)
{
	g_autofree char *joined = NULL;

	if (doc->in_tag) {
		joined = g_strdup_printf("%s: %s", block->term, block->text);
		doc_item(doc, joined);
		return;
	}
	doc_tag_begin(doc, block->term);
	doc_paragraph(doc, block->text);
	doc_tag_end(doc);
}

static void put_block(Doc *doc, const ProseBlock *block)
{
	switch (block->type) {
	case BLOCK_PARAGRAPH:
		doc_paragraph(doc, block->text);
		break;
	case BLOCK_CODE:
		doc_code(doc, block->text);
		break;
	case BLOCK_ITEM:
		doc_item(doc, block->text);
		break;
	case BLOCK_TERM:
		put_term(doc, block);
		break;
	}
}

void doc_section(Doc *doc, const ProseSection *section)
{
	for (guint i = 0; section && i < section->blocks->len; i++)
		put_block(doc, section->blocks->pdata[i]);
}

char *doc_finish(Doc *doc)
{
	char *text;

	end_items(doc);
	text = g_string_free(doc->out, FALSE);
	g_free(doc);
	return text;
}
