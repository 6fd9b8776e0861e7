/* SPDX-License-Identifier: Apache-2.0 */
/* Every command line of README.md and of the manual pages is one that kvmig takes: it parses. */
#include <string.h>

#include "../../cmd/cmd.h"
#include "base/error.h"

const HelpPage help_pages[] = { { NULL, NULL } };

#define VALUES_OFFSET ((sizeof(GlobalValues) + 15) & ~(size_t)15)

/* Options before the command; the words of the command; the rest. As dispatch.c takes them. */
static gboolean parse_rest(const CommandPath *path, int argc, char **argv, GError **error)
{
	const Command *command = command_path_last(path);
	const Option rows[] = {
		{ .type = OPTION_INHERIT, .inherit = command->options, .offset = VALUES_OFFSET },
		{ .type = OPTION_INHERIT, .inherit = inherited_options(command) },
		{ .type = OPTION_END },
	};
	g_autofree gpointer values = g_malloc0(VALUES_OFFSET + command->values_size);
	g_autofree char **args = NULL;
	gboolean ok = option_parse(rows, &command->args, argc, argv, values, &args, error);

	option_values_clear(rows, values);
	return ok;
}

static gboolean parse_words(char **argv, GError **error)
{
	int argc = (int)g_strv_length(argv);
	int front = option_skip_front(front_options, argc, argv, error);
	CommandPath path = { .depth = 0 };

	if (front < 0)
		return FALSE;
	argv += front;
	argc -= front;
	if (front > 0 && argc == 0)
		return TRUE; /* kvmig --help */
	if (!cmdline_find(&kvmig_cmdline, argv, FALSE, &path, error))
		return FALSE;
	if (!path.depth || command_path_last(&path)->subcommands)
		return TRUE; /* kvmig node --help */
	return parse_rest(&path, argc - (int)path.depth, argv + path.depth, error);
}

/* One command of a shell: up to what begins another one, or says where its output goes. */
static char *first_command(const char *text)
{
	g_autofree char *line = g_strdup(text);
	gboolean quoted = FALSE;

	for (char *c = line; *c; c++) {
		if (*c == '\'')
			quoted = !quoted;
		if (quoted || !strchr("|;&)<>", *c))
			continue;
		*c = '\0';
		break;
	}
	return g_strdup(g_strstrip(line));
}

static void check_line(const char *where, const char *text)
{
	g_autofree char *line = first_command(text);
	g_auto(GStrv) argv = NULL;
	g_autoptr(GError) error = NULL;

	if (!g_shell_parse_argv(line, NULL, &argv, &error) || !parse_words(argv + 1, &error))
		g_error("%s: '%s': %s", where, line, error->message);
}

/* Lines that are set as code, with the program's name where a command begins: how many. */
static guint check_file(const char *path)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	guint n = 0;

	g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
	lines = g_strsplit(text, "\n", -1);
	for (guint i = 0; lines[i]; i++) {
		const char *begin = lines[i];

		if (!g_str_has_prefix(begin, "    "))
			continue;
		while ((begin = strstr(begin, "kvmig "))) {
			if (strchr(" ($`;|&", begin[-1])) {
				check_line(path, begin);
				n++;
			}
			begin += strlen("kvmig ");
		}
	}
	return n;
}

static void test_readme(void)
{
	g_autofree char *path = g_test_build_filename(G_TEST_DIST, "README.md", NULL);

	g_assert_cmpuint(check_file(path), >=, 8);
}

static void test_pages(void)
{
	g_autofree char *folder = g_test_build_filename(G_TEST_DIST, "man", NULL);
	g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
	const char *name;
	guint pages = 0;

	g_assert_nonnull(dir);
	while ((name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(folder, name, NULL);

		if (!g_str_has_suffix(name, ".md"))
			continue;
		(void)check_file(path);
		pages++;
	}
	g_assert_cmpuint(pages, >=, 10);
}

static void check_command(const CommandPath *path, gpointer data)
{
	const char *const *example = command_path_last(path)->examples;

	for (; example && *example; example++, ++*(guint *)data)
		check_line(command_path_last(path)->name, *example);
}

/* The EXAMPLES of the pages come from the tables. */
static void test_tables(void)
{
	guint n = 0;

	cmdline_foreach(&kvmig_cmdline, check_command, &n);
	g_assert_cmpuint(n, >=, 40);
}

/* That it can fail. */
static void test_wrong_ones(void)
{
	static const char *const wrong[] = { "kvmig migrat web-1", "kvmig migrate web-1 --wiat",
					     "kvmig vm show", "kvmig --contxt a vm list",
					     "kvmig node ad n1" };

	for (guint i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_auto(GStrv) argv = g_strsplit(wrong[i], " ", -1);
		g_autoptr(GError) error = NULL;

		g_assert_false(parse_words(argv + 1, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_USAGE);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/examples/wrong-ones", test_wrong_ones);
	g_test_add_func("/examples/tables", test_tables);
	g_test_add_func("/examples/readme", test_readme);
	g_test_add_func("/examples/pages", test_pages);
	return g_test_run();
}
