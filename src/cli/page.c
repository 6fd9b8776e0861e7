/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/page.h"

#include <string.h>

#include "base/error.h"
#include "base/reason.h"
#include "cli/exit-status.h"

#define REASONS_PAGE "kvmig-reasons"
#define JSON_PAGE "kvmig-json"

/* A page while it is made. */
typedef struct {
	const PageMaker *maker;
	Doc *doc;
	Prose *prose;      /* of the page */
	Prose *shared;     /* of options that are inherited */
	gboolean left_out; /* inherited options that are in kvmig(1) only */
	const char *under; /* subcommand whose options are looked up */
	GString *problems;
	const Command *command;
	GPtrArray *leaves; /* of Leaf: what the page's command is, or what its group has */
} Page;

typedef struct {
	CommandPath path;
	const Command *command;
	char *title; /* "add", "vm add"; empty where the page is of one command */
} Leaf;

static const char *const shared_files[] = { "cluster", "common", "confirm", "namespace", "output" };

const char *page_section(const char *name)
{
	return strcmp(name, REASONS_PAGE) == 0 || strcmp(name, JSON_PAGE) == 0 ? "7" : "1";
}

GPtrArray *page_names(const CmdLine *cmdline)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

	g_ptr_array_add(names, g_strdup(cmdline->program));
	for (const Command *const *command = cmdline->commands; *command; command++)
		if (!((*command)->needs & HIDDEN))
			g_ptr_array_add(names, g_strdup_printf("%s-%s", cmdline->program,
							       (*command)->name));
	g_ptr_array_add(names, g_strdup(REASONS_PAGE));
	g_ptr_array_add(names, g_strdup(JSON_PAGE));
	return names;
}

static Prose *load_shared(const PageMaker *maker, GError **error)
{
	g_autoptr(Prose) shared = NULL;

	for (guint i = 0; i < G_N_ELEMENTS(shared_files); i++) {
		g_autofree char *file =
			g_strdup_printf("%s/options/%s.md", maker->folder, shared_files[i]);

		if (!shared)
			shared = prose_load(file, error);
		else if (!prose_add_file(shared, file, error))
			return NULL;
		if (!shared)
			return NULL;
	}
	return g_steal_pointer(&shared);
}

/* "`-o`, `--output` *FORMAT*" */
static char *option_label(const Option *row)
{
	GString *label = g_string_new(NULL);

	if (row->short_name)
		g_string_append_printf(label, "`-%c`, ", row->short_name);
	g_string_append_printf(label, "`--%s`", row->name);
	if (row->negatable)
		g_string_append_printf(label, ", `--no-%s`", row->name);
	if (option_has_value(row))
		g_string_append_printf(label, row->optional_value ? "[=*%s*]" : " *%s*",
				       row->metavar);
	return g_string_free(label, FALSE);
}

/* What the table knows of values: the prose need not repeat it. */
static void put_values(Doc *doc, const Option *row)
{
	g_autoptr(GString) text = g_string_new(NULL);

	if (row->choices) {
		g_autofree char *all = g_strjoinv("`, `", (char **)row->choices);

		g_string_append_printf(text, "One of `%s`.", all);
	}
	if (row->implied)
		g_string_append_printf(text, "%sWithout a value: `%s`.", text->len ? " " : "",
				       row->implied);
	if (row->defval && row->type != OPTION_FLAG)
		g_string_append_printf(text, "%sDefault: `%s`.", text->len ? " " : "", row->defval);
	if (text->len)
		doc_paragraph(doc, text->str);
}

static void put_option(Page *page, const Option *row, const ProseSection *prose)
{
	g_autofree char *label = option_label(row);

	doc_tag_begin(page->doc, label);
	doc_section(page->doc, prose);
	put_values(page->doc, row);
	doc_tag_end(page->doc);
}

static void missing(Page *page, const char *what, const char *file)
{
	g_string_append_printf(page->problems, "\n  no section '## %s' in %s", what, file);
}

/* Under the subcommand's heading, else before the first one: for all of the group. */
static void put_own_option(const Option *row, size_t offset, gpointer data)
{
	Page *page = data;
	g_autofree char *title = g_strdup_printf("--%s", row->name);
	ProseSection *prose = NULL;

	(void)offset;
	if (row->hidden)
		return;
	if (page->under)
		prose = prose_find(page->prose, 2, page->under, title);
	for (guint i = 0; !prose && i < page->prose->sections->len; i++) {
		ProseSection *section = page->prose->sections->pdata[i];

		if (section->level == 2 && !section->under && strcmp(section->title, title) == 0) {
			section->used = TRUE;
			prose = section;
		}
	}
	if (!prose)
		missing(page, title, page->prose->file);
	put_option(page, row, prose);
}

static void put_shared_option(Page *page, const Option *row, const char *only)
{
	g_autofree char *title = g_strdup_printf("--%s", row->name);
	g_autofree char *label = option_label(row);
	ProseSection *prose = prose_find(page->shared, 2, NULL, title);

	if (!prose)
		missing(page, title, "options/*.md");
	doc_tag_begin(page->doc, label);
	doc_section(page->doc, prose);
	put_values(page->doc, row);
	if (only)
		doc_paragraph(page->doc, only);
	doc_tag_end(page->doc);
}

static void leaf_free(gpointer data)
{
	Leaf *leaf = data;

	g_free(leaf->title);
	g_free(leaf);
}

static void add_leaf(const CommandPath *path, gpointer data)
{
	Page *page = data;
	GString *title;
	Leaf *leaf;

	if (path->words[0] != page->command || command_path_last(path)->subcommands)
		return;
	title = g_string_new(NULL);
	for (guint i = 1; i < path->depth; i++) {
		if (path->words[i]->needs & HIDDEN) {
			g_string_free(title, TRUE);
			return;
		}
		g_string_append_printf(title, "%s%s", i > 1 ? " " : "", path->words[i]->name);
	}
	leaf = g_new0(Leaf, 1);
	leaf->path = *path;
	leaf->command = command_path_last(path);
	leaf->title = g_string_free(title, FALSE);
	g_ptr_array_add(page->leaves, leaf);
}

/* For one inherited option: which subcommands of the page take it. */
static char *takers(const Page *page, const Option *row)
{
	g_autoptr(GString) names = g_string_new(NULL);
	gboolean all = TRUE;

	for (guint i = 0; i < page->leaves->len; i++) {
		const Leaf *leaf = page->leaves->pdata[i];
		const Option *rows = page->maker->cmdline->inherited(leaf->command);

		if (option_find(rows, row->name, NULL) == row)
			g_string_append_printf(names, "%s`%s`", names->len ? ", " : "",
					       leaf->title);
		else
			all = FALSE;
	}
	return all ? NULL : g_strdup_printf("Taken by %s.", names->str);
}

static void put_inherited(const Option *row, size_t offset, gpointer data)
{
	Page *page = data;
	g_autofree char *only = NULL;

	(void)offset;
	if (row->rare && page->command) {
		page->left_out = TRUE;
		return;
	}
	if (page->command && page->command->subcommands) {
		only = takers(page, row);
		if (only && g_str_has_suffix(only, "by ."))
			return; /* by none */
	}
	put_shared_option(page, row, only);
}

static void put_common_options(Page *page)
{
	doc_heading(page->doc, "Common options");
	if (page->command && !page->command->subcommands)
		option_foreach(page->maker->cmdline->inherited(page->command), put_inherited, page);
	else
		option_foreach(page->maker->cmdline->front, put_inherited, page);
	if (page->left_out)
		doc_paragraph(page->doc, "The options that name an API server, or who you are to "
					 "it (`--server`, `--user`, `--as` and the like), are in "
					 "`kvmig`(1).");
}

static void put_subcommand(Page *page, const Leaf *leaf)
{
	g_autofree char *synopsis = usage_synopsis(page->maker->cmdline, &leaf->path);
	g_autofree char *title = g_strdup_printf("`%s`", synopsis);
	ProseSection *prose = prose_find(page->prose, 1, NULL, leaf->title);

	if (!prose || !prose->blocks->len)
		g_string_append_printf(page->problems, "\n  no section '# %s' with text in %s",
				       leaf->title, page->prose->file);
	doc_subheading(page->doc, title);
	doc_section(page->doc, prose);
	page->under = leaf->title;
	option_foreach(leaf->command->options, put_own_option, page);
	page->under = NULL;
}

static void put_examples(Page *page)
{
	g_autoptr(GString) lines = g_string_new(NULL);

	for (guint i = 0; i < page->leaves->len; i++) {
		const Leaf *leaf = page->leaves->pdata[i];

		for (const char *const *line = leaf->command->examples; line && *line; line++)
			g_string_append_printf(lines, "%s%s", lines->len ? "\n" : "", *line);
	}
	if (!lines->len)
		return;
	doc_heading(page->doc, "Examples");
	doc_code(page->doc, lines->str);
}

static void put_synopsis(Page *page)
{
	doc_heading(page->doc, "Synopsis");
	for (guint i = 0; i < page->leaves->len; i++) {
		const Leaf *leaf = page->leaves->pdata[i];
		g_autofree char *line = usage_synopsis(page->maker->cmdline, &leaf->path);

		doc_line(page->doc, line);
	}
}

/* The file's own section of that title, or NULL. */
static ProseSection *own_section(Page *page, const char *title)
{
	return prose_find(page->prose, 1, NULL, title);
}

/* Exit statuses: the file's own, or that there is nothing special about them. */
static void put_command_statuses(Page *page)
{
	ProseSection *own = own_section(page, "Exit status");

	doc_heading(page->doc, "Exit status");
	doc_section(page->doc, own);
	if (own)
		doc_paragraph(page->doc, "`kvmig`(1) lists the others.");
	else
		doc_paragraph(page->doc, "0 when it is done; `kvmig`(1) lists the others.");
}

/* What the file names, then what every page has. */
static void put_see_also(Page *page, const char *always)
{
	ProseSection *own = own_section(page, "See also");
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; own && i < own->blocks->len; i++) {
		const ProseBlock *block = own->blocks->pdata[i];

		g_string_append_printf(text, "%s, ", block->text);
	}
	g_string_append(text, always);
	doc_heading(page->doc, "See also");
	doc_paragraph(page->doc, text->str);
}

static gboolean stands_behind(const char *title)
{
	return strcmp(title, "Exit status") == 0 || strcmp(title, "See also") == 0;
}

/* Sections of the file that are no subcommand and have no place of their own stand where they
 * stand in the file. */
static void put_further_sections(Page *page)
{
	for (guint i = 0; i < page->prose->sections->len; i++) {
		ProseSection *section = page->prose->sections->pdata[i];

		if (section->level != 1 || section->used || stands_behind(section->title))
			continue;
		section->used = TRUE;
		doc_heading(page->doc, section->title);
		doc_section(page->doc, section);
	}
}

static void put_command_page(Page *page)
{
	const Command *command = page->command;
	ProseSection *lead = prose_find(page->prose, 0, NULL, "");

	put_synopsis(page);
	doc_heading(page->doc, "Description");
	if (!lead)
		g_string_append_printf(page->problems, "\n  no description at the top of %s",
				       page->prose->file);
	doc_section(page->doc, lead);
	if (command->subcommands) {
		doc_heading(page->doc, "Commands");
		for (guint i = 0; i < page->leaves->len; i++)
			put_subcommand(page, page->leaves->pdata[i]);
	} else if (command->options && command->options->type != OPTION_END) {
		doc_heading(page->doc, "Options");
		option_foreach(command->options, put_own_option, page);
	}
	put_common_options(page);
	put_command_statuses(page);
	put_further_sections(page);
	put_examples(page);
	put_see_also(page, "`kvmig`(1), `kvmig-reasons`(7)");
}

static void put_command_list(Page *page)
{
	const CmdLine *cmdline = page->maker->cmdline;

	doc_heading(page->doc, "Commands");
	for (guint group = 0; cmdline->group_titles[group]; group++) {
		gboolean titled = FALSE;

		for (const Command *const *command = cmdline->commands; *command; command++) {
			g_autofree char *label = NULL;
			g_autofree char *text = NULL;

			if ((*command)->group != group || ((*command)->needs & HIDDEN))
				continue;
			if (!titled)
				doc_subheading(page->doc, cmdline->group_titles[group]);
			titled = TRUE;
			label = g_strdup_printf("`kvmig-%s`(1)", (*command)->name);
			text = g_strdup_printf("%c%s.", g_ascii_toupper(*(*command)->summary),
					       (*command)->summary + 1);
			doc_tag_begin(page->doc, label);
			doc_paragraph(page->doc, text);
			doc_tag_end(page->doc);
		}
	}
}

static void put_exit_statuses(Page *page)
{
	static const struct {
		const char *status, *meaning;
	} statuses[] = {
#define EXIT(identifier, status, meaning) { #status, meaning },
		EXIT_STATUS_TABLE(EXIT)
#undef EXIT
	};

	doc_heading(page->doc, "Exit status");
	for (guint i = 0; i < G_N_ELEMENTS(statuses); i++) {
		g_autofree char *label = g_strdup_printf("`%s`", statuses[i].status);

		doc_tag_begin(page->doc, label);
		doc_paragraph(page->doc, statuses[i].meaning);
		doc_tag_end(page->doc);
	}
}

static void find_unused_shared(Page *page)
{
	for (guint i = 0; i < page->shared->sections->len; i++) {
		const ProseSection *section = page->shared->sections->pdata[i];

		if (!section->used)
			g_string_append_printf(page->problems,
					       "\n  options/*.md:%u: '%s' is no common option",
					       section->line, section->title);
	}
}

static void put_program_page(Page *page)
{
	doc_heading(page->doc, "Synopsis");
	doc_line(page->doc, "kvmig COMMAND [options] [arguments]");
	doc_heading(page->doc, "Description");
	doc_section(page->doc, prose_find(page->prose, 0, NULL, ""));
	put_command_list(page);
	put_common_options(page);
	put_exit_statuses(page);
	put_further_sections(page);
	put_see_also(page, "`kvmig-reasons`(7), `kvmig-json`(7)");
	find_unused_shared(page);
}

static void put_reasons_page(Page *page)
{
	const Reason *reason;

	doc_heading(page->doc, "Description");
	doc_section(page->doc, prose_find(page->prose, 0, NULL, ""));
	doc_heading(page->doc, "Reasons");
	for (unsigned i = 0; (reason = reason_nth(i)); i++) {
		g_autofree char *label = g_strdup_printf("`%s`", reason->code);
		g_autofree char *text =
			g_strdup_printf("%c%s.", g_ascii_toupper(*reason->text), reason->text + 1);
		g_autofree char *cause = g_strdup_printf("Why: %s.", reason->cause);
		g_autofree char *hint = g_strdup_printf("What to do: %s.", reason->hint);

		doc_tag_begin(page->doc, label);
		doc_paragraph(page->doc, text);
		if (*reason->cause)
			doc_paragraph(page->doc, cause);
		doc_paragraph(page->doc, hint);
		doc_tag_end(page->doc);
	}
	put_further_sections(page);
	put_see_also(page, "`kvmig`(1)");
}

/* The documents of -o json: all of it is prose, which tests/lab/json.sh compares with them. */
static void put_json_page(Page *page)
{
	doc_heading(page->doc, "Description");
	doc_section(page->doc, prose_find(page->prose, 0, NULL, ""));
	put_further_sections(page);
	put_see_also(page, "`kvmig`(1), `kvmig-reasons`(7)");
}

static void find_unused(Page *page)
{
	for (guint i = 0; i < page->prose->sections->len; i++) {
		const ProseSection *section = page->prose->sections->pdata[i];

		if (!section->used)
			g_string_append_printf(page->problems,
					       "\n  %s:%u: '%s' belongs to no option",
					       page->prose->file, section->line, section->title);
	}
}

static const Command *find_command(const CmdLine *cmdline, const char *name)
{
	for (const Command *const *command = cmdline->commands; *command; command++) {
		g_autofree char *page =
			g_strdup_printf("%s-%s", cmdline->program, (*command)->name);

		if (strcmp(page, name) == 0)
			return *command;
	}
	return NULL;
}

static const char *summary_of(const Page *page, const char *name)
{
	if (page->command)
		return page->command->summary;
	if (strcmp(name, JSON_PAGE) == 0)
		return "the documents that -o json and -o yaml print";
	return strcmp(name, REASONS_PAGE) == 0 ? "why a migration waits, is refused, or failed"
					       : page->maker->cmdline->summary;
}

static void put_page(Page *page, const char *name)
{
	doc_heading(page->doc, "Name");
	doc_name(page->doc, name, summary_of(page, name));
	if (page->command)
		put_command_page(page);
	else if (strcmp(name, REASONS_PAGE) == 0)
		put_reasons_page(page);
	else if (strcmp(name, JSON_PAGE) == 0)
		put_json_page(page);
	else
		put_program_page(page);
	find_unused(page);
}

char *page_make(const PageMaker *maker, const char *name, GError **error)
{
	const char *section = page_section(name);
	g_autofree char *file = g_strdup_printf("%s/%s.%s.md", maker->folder, name, section);
	g_autoptr(Prose) prose = prose_load(file, error);
	g_autoptr(Prose) shared = prose ? load_shared(maker, error) : NULL;
	g_autoptr(GString) problems = g_string_new(NULL);
	g_autoptr(GPtrArray) leaves = g_ptr_array_new_with_free_func(leaf_free);
	g_autofree char *text = NULL;
	Page page = { .maker = maker,
		      .prose = prose,
		      .shared = shared,
		      .problems = problems,
		      .leaves = leaves };

	if (!shared)
		return NULL;
	page.command = find_command(maker->cmdline, name);
	if (page.command)
		cmdline_foreach(maker->cmdline, add_leaf, &page);
	page.doc = doc_new(maker->man, name, section, maker->date, maker->version);
	put_page(&page, name);
	text = doc_finish(page.doc);
	if (problems->len) {
		error_set(error, KVMIG_ERROR_INVALID, "%s:%s", name, problems->str);
		return NULL;
	}
	return g_steal_pointer(&text);
}
