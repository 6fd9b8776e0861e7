/* SPDX-License-Identifier: Apache-2.0 */
/* The command tables keep the rules that help, pages and completions rest on. */
#include <string.h>

#include "../../cmd/cmd.h"

#define SUMMARY_COLUMNS 60
#define HELP_COLUMNS 56
#define LABEL_COLUMNS 32
#define USAGE_COLUMNS 80

/* What a letter stands for, wherever it is used. Others may be given away once, for one name. */
static const struct {
	char letter;
	const char *name;
} letters[] = { { 'o', "output" },   { 'n', "namespace" }, { 'A', "all-namespaces" },
		{ 'l', "selector" }, { 'w', "watch" },     { 'v', "verbose" },
		{ 'q', "quiet" },    { 'h', "help" },      { 'f', "file" },
		{ 'y', "yes" } };

/* One visit of a command's rows. */
typedef struct {
	char *where;
	GHashTable *names;   /* long names of this command */
	GHashTable *by_char; /* of all commands: letter to name */
	size_t size;         /* of the struct that own rows bind to; 0: not checked */
} Visit;

static void assert_text(const char *where, const char *text, glong columns)
{
	glong width = text ? g_utf8_strlen(text, -1) : 0;

	if (!text || !*text)
		g_error("%s: no text", where);
	if (width > columns)
		g_error("%s: '%s' has %ld columns, %ld may be", where, text, width, columns);
	if (g_ascii_isupper(text[0]) && g_ascii_islower(text[1]))
		g_error("%s: '%s' begins with a capital", where, text);
	if (g_str_has_suffix(text, "."))
		g_error("%s: '%s' ends with a full stop", where, text);
}

static size_t field_size(OptionType type)
{
	switch (type) {
	case OPTION_FLAG:
		return sizeof(gboolean);
	case OPTION_STRING:
	case OPTION_LIST:
		return sizeof(void *);
	case OPTION_UINT:
		return sizeof(guint);
	case OPTION_CHOICE:
	case OPTION_HELP:
		return sizeof(int);
	default:
		return sizeof(gint64);
	}
}

static void check_letter(const Visit *visit, const Option *row)
{
	const char *known = g_hash_table_lookup(visit->by_char, GINT_TO_POINTER(row->short_name));

	if (known && strcmp(known, row->name) != 0)
		g_error("%s: -%c is --%s here and --%s elsewhere", visit->where, row->short_name,
			row->name, known);
	g_hash_table_insert(visit->by_char, GINT_TO_POINTER(row->short_name), (gpointer)row->name);
}

static void check_row(const Option *row, size_t offset, gpointer data)
{
	const Visit *visit = data;
	g_autofree char *where = g_strdup_printf("%s --%s", visit->where, row->name);
	g_autofree char *label = usage_option_label(row);

	assert_text(where, row->help, HELP_COLUMNS);
	if (strlen(label) > LABEL_COLUMNS)
		g_error("%s: the label '%s' is too long", where, label);
	if (option_has_value(row) != (row->metavar != NULL))
		g_error("%s: a metavariable belongs to options with a value, and to all", where);
	if ((row->type == OPTION_CHOICE) != (row->choices != NULL))
		g_error("%s: choices belong to OPT_CHOICE", where);
	if (row->negatable && row->type != OPTION_FLAG)
		g_error("%s: only a flag can be negated", where);
	if (row->optional_value != (row->implied != NULL))
		g_error("%s: an optional value needs what it implies, and the reverse", where);
	if (!g_hash_table_add(visit->names, (gpointer)row->name))
		g_error("%s: stands there twice", where);
	if (visit->size && offset + field_size(row->type) > visit->size)
		g_error("%s: is bound outside of values_size", where);
	if (row->short_name)
		check_letter(visit, row);
	/* dispatch reads whether it was given: then --read-only does not refuse the command */
	if (strcmp(row->name, OPTION_DRY_RUN) == 0 && row->type != OPTION_FLAG &&
	    (row->type != OPTION_CHOICE || strcmp(row->choices[0], "no") != 0 ||
	     strcmp(row->defval, "no") != 0))
		g_error("%s: is to be a flag, or a choice whose first is 'no'", where);
}

static void check_letters_of(const CommandPath *path, gpointer data)
{
	const Command *command = command_path_last(path);
	Visit visit = { .where = command_path_text(&kvmig_cmdline, path),
			.names = g_hash_table_new(g_str_hash, g_str_equal),
			.by_char = data,
			.size = command->values_size };

	option_foreach(command->options, check_row, &visit);
	visit.size = sizeof(GlobalValues);
	if (!command->subcommands)
		option_foreach(kvmig_cmdline.inherited(command), check_row, &visit);
	g_hash_table_unref(visit.names);
	g_free(visit.where);
}

static void test_rows(void)
{
	g_autoptr(GHashTable) by_char = g_hash_table_new(NULL, NULL);

	for (guint i = 0; i < G_N_ELEMENTS(letters); i++)
		g_hash_table_insert(by_char, GINT_TO_POINTER(letters[i].letter),
				    (gpointer)letters[i].name);
	cmdline_foreach(&kvmig_cmdline, check_letters_of, by_char);
}

/* Defaults are read by the code that reads the command line: a bad one is an error for all. */
static void check_defaults(const CommandPath *path, gpointer data)
{
	const Command *command = command_path_last(path);
	g_autofree char *where = command_path_text(&kvmig_cmdline, path);
	g_autofree gpointer values = g_malloc0(command->values_size + 1);
	g_autofree char **args = NULL;
	g_autoptr(GError) error = NULL;
	static const Positional whatever = { "X", 0, G_MAXUINT, COMPLETE_NONE };

	(void)data;
	if (command->subcommands)
		return;
	if (!option_parse(command->options, &whatever, 0, NULL, values, &args, &error))
		g_error("%s: %s", where, error->message);
	option_values_clear(command->options, values);
}

static void test_defaults(void)
{
	cmdline_foreach(&kvmig_cmdline, check_defaults, NULL);
}

static void check_examples(const char *where, const char *const *examples)
{
	g_autofree char *prefix = g_strconcat(where, " ", NULL);

	if (!examples || !*examples)
		g_error("%s: no examples", where);
	for (; *examples; examples++)
		if (strcmp(*examples, where) != 0 && !g_str_has_prefix(*examples, prefix))
			g_error("%s: '%s' is no example of it", where, *examples);
}

static void check_command(const CommandPath *path, gpointer data)
{
	const Command *command = command_path_last(path);
	g_autofree char *where = command_path_text(&kvmig_cmdline, path);

	(void)data;
	assert_text(where, command->summary, SUMMARY_COLUMNS);
	if ((command->run == NULL) != (command->subcommands != NULL))
		g_error("%s: a command has run or subcommands, not both", where);
	if (command->subcommands && (command->options || command->args.name))
		g_error("%s: a group has no options and takes no arguments", where);
	if (command->subcommands && !*command->subcommands)
		g_error("%s: a group without members", where);
	if (command->args.minimum > command->args.maximum)
		g_error("%s: takes at least %u arguments and at most %u", where,
			command->args.minimum, command->args.maximum);
	if ((command->needs & HAS_ALL_NAMESPACES) && !(command->needs & HAS_NAMESPACE))
		g_error("%s: -A without -n", where);
	if (!command->subcommands && !(command->needs & HIDDEN))
		check_examples(where, command->examples);
}

static void test_commands(void)
{
	cmdline_foreach(&kvmig_cmdline, check_command, NULL);
}

static void check_unique(const CommandPath *path, gpointer data)
{
	g_autofree char *where = command_path_text(&kvmig_cmdline, path);
	char *copy = g_strdup(where);

	if (!g_hash_table_add(data, copy))
		g_error("%s: stands there twice", where);
}

static void test_unique(void)
{
	g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	cmdline_foreach(&kvmig_cmdline, check_unique, names);
}

static void assert_narrow(const char *where, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++)
		if (g_utf8_strlen(*line, -1) > USAGE_COLUMNS)
			g_error("%s: wider than %d columns: %s", where, USAGE_COLUMNS, *line);
}

static void check_usage(const CommandPath *path, gpointer data)
{
	g_autofree char *where = command_path_text(&kvmig_cmdline, path);
	g_autofree char *text = usage_text(&kvmig_cmdline, path);

	(void)data;
	assert_narrow(where, text);
}

static void test_usage(void)
{
	g_autofree char *overview = usage_overview(&kvmig_cmdline);
	g_autofree char *program = usage_text(&kvmig_cmdline, NULL);

	assert_narrow("kvmig help", overview);
	assert_narrow("kvmig -h", program);
	cmdline_foreach(&kvmig_cmdline, check_usage, NULL);
}

static gboolean has_file(const char *folder, const char *name, const char *suffix)
{
	g_autofree char *file = g_strconcat(folder, name, suffix, NULL);
	g_autofree char *path = g_test_build_filename(G_TEST_DIST, file, NULL);

	return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

/* Pages and tests; that the pages have all options is the generator's business. */
static void test_files(void)
{
	for (const Command *const *command = kvmig_cmdline.commands; *command; command++) {
		const char *name = (*command)->name;
		g_autofree char *page = g_strconcat("kvmig-", name, NULL);
		gboolean found = FALSE;

		if ((*command)->needs & HIDDEN)
			continue;
		for (const HelpPage *text = help_pages; text->name; text++)
			found = found || strcmp(text->name, page) == 0;
		if (!found)
			g_error("%s: no page in the program", name);
		if (!has_file("man/kvmig-", name, ".1.md"))
			g_error("%s: no prose man/kvmig-%s.1.md", name, name);
		if (!has_file("tests/cli/", name, ".sh") && !has_file("tests/lab/", name, ".sh"))
			g_error("%s: no test tests/cli/%s.sh or tests/lab/%s.sh", name, name, name);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/tables/rows", test_rows);
	g_test_add_func("/tables/defaults", test_defaults);
	g_test_add_func("/tables/commands", test_commands);
	g_test_add_func("/tables/unique", test_unique);
	g_test_add_func("/tables/usage", test_usage);
	g_test_add_func("/tables/files", test_files);
	return g_test_run();
}
