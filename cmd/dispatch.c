/* SPDX-License-Identifier: Apache-2.0 */
/* From argv to a command that runs: the one place where connection, read-only mode, namespace and
 * output format are settled. */
#include "config.h"

#include "cmd.h"

#include <string.h>
#include <unistd.h>

/* One parse: the command's own values stand behind the global ones in one block. */
typedef struct {
	const Command *command;
	Option rows[3];
	GlobalValues *globals;
	gpointer values;
} Parse;

#define VALUES_OFFSET ((sizeof(GlobalValues) + 15) & ~(size_t)15)

static void parse_init(Parse *parse, const Command *command)
{
	parse->command = command;
	parse->globals = g_malloc0(VALUES_OFFSET + command->values_size);
	parse->values = (char *)parse->globals + VALUES_OFFSET;
	parse->rows[0] = (Option){ .type = OPTION_INHERIT,
				   .inherit = command->options,
				   .offset = VALUES_OFFSET };
	parse->rows[1] = (Option){ .type = OPTION_INHERIT, .inherit = inherited_options(command) };
	parse->rows[2] = (Option){ .type = OPTION_END };
}

static void parse_clear(Parse *parse)
{
	if (!parse->globals)
		return;
	option_values_clear(parse->rows, parse->globals);
	g_free(parse->globals);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Parse, parse_clear)

static gboolean use_color(const GlobalValues *globals, gboolean terminal)
{
	const char *no_color = g_getenv("NO_COLOR");
	const char *term = g_getenv("TERM");

	if (globals->color == 1)
		return TRUE;
	return globals->color == 0 && terminal && !(no_color && *no_color) &&
	       g_strcmp0(term, "dumb") != 0;
}

/* Every --dry-run is a flag, or a choice whose first is "no" (tests/unit/test-tables.c). */
static gboolean is_dry_run(const Parse *parse)
{
	size_t offset = 0;
	const Option *rows = parse->command->options;

	return rows && option_find(rows, OPTION_DRY_RUN, &offset) &&
	       *(const int *)(gconstpointer)((const char *)parse->values + offset) != 0;
}

static int run(const CommandPath *path, const Parse *parse, char **args, GError **error)
{
	const GlobalValues *globals = parse->globals;
	g_autoptr(GPtrArray) groups = g_ptr_array_new();
	g_autoptr(Cluster) cluster = NULL;
	ClusterOptions choice;
	Output output = { .stream = stdout,
			  .format = (OutputFormat)globals->output,
			  .no_headers = globals->no_headers };
	CommandContext context = {
		.command = command_path_last(path),
		.output = &output,
		.args = args,
		.n_args = g_strv_length(args),
		.quiet = globals->quiet,
		.yes = globals->yes,
		.dry_run = is_dry_run(parse),
		.stdin_tty = isatty(STDIN_FILENO),
		.stdout_tty = isatty(STDOUT_FILENO),
		.stderr_tty = isatty(STDERR_FILENO),
	};

	choice = choose_cluster(&context, globals, groups);
	context.choice = &choice;
	output.color = use_color(globals, context.stdout_tty);
	context.ns_given = globals->ns && !globals->all_namespaces;
	if (!choose_namespace(&context, globals, NULL, error))
		return STATUS_USAGE;
	log_set_verbose(globals->verbose);
	hint_set_place(globals->context, globals->kubeconfig, context.ns);
	if (context.command->needs & NEED_CLUSTER) {
		cluster = open_cluster(&context, globals, error);
		if (!cluster)
			return STATUS_FAILED;
		context.cluster = cluster;
		if (!choose_namespace(&context, globals, cluster, error))
			return STATUS_FAILED;
		hint_set_place(cluster_context(cluster), globals->kubeconfig, context.ns);
	}
	return context.command->run(&context, parse->values, error);
}

static int print_usage(const CommandPath *path)
{
	g_autofree char *text = usage_text(&kvmig_cmdline, path);

	(void)fputs(text, stdout);
	return STATUS_DONE;
}

/* --help: the page of the command that the words before it name. */
static int show_page(const CommandPath *path, GError **error)
{
	const char *words[COMMAND_MAX_DEPTH + 1] = { NULL };

	for (guint i = 0; i < path->depth; i++)
		words[i] = path->words[i]->name;
	return help_show((char **)words, error);
}

static void hint_usage(const CommandPath *path, GError **error)
{
	g_autofree char *words = command_path_text(&kvmig_cmdline, path);

	if (error && *error && !error_get_hint(*error))
		error_hint(error, "'%s -h' shows how it is used", words);
}

/* Of a command that other builds have. */
static void hint_not_built(const char *word G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
#ifndef ENABLE_LAB
	if (g_strcmp0(word, "lab") == 0)
		error_hint(error, "this kvmig was built without it: configure with --enable-lab");
#endif
}

static int parse_and_run(const CommandPath *path, int argc, char **argv, GError **error)
{
	const Command *command = command_path_last(path);
	g_auto(Parse) parse = { 0 };
	g_autofree char **args = NULL;
	g_autofree char *words = command_path_text(&kvmig_cmdline, path);
	int status;

	parse_init(&parse, command);
	option_log_start();
	if (!option_parse(parse.rows, &command->args, argc, argv, parse.globals, &args, error)) {
		hint_usage(path, error);
		return STATUS_USAGE;
	}
	option_log_write(words);
	if (parse.globals->help == HELP_SHORT)
		return print_usage(path);
	if (parse.globals->help == HELP_LONG)
		return show_page(path, error);
	status = run(path, &parse, args, error);
	if (error && g_error_matches(*error, KVMIG_ERROR, KVMIG_ERROR_USAGE))
		hint_usage(path, error);
	return status;
}

/* argv taken apart: the words of the command, the options before and between them, the rest. */
typedef struct {
	GPtrArray *words;
	GPtrArray *front;
	char **rest;
} Line;

static void line_clear(Line *line)
{
	if (line->words)
		g_ptr_array_unref(line->words);
	if (line->front)
		g_ptr_array_unref(line->front);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Line, line_clear)

static const Command *command_named(const Command *const *among, const char *word)
{
	for (; *among; among++)
		if (strcmp((*among)->name, word) == 0)
			return *among;
	return NULL;
}

static gboolean split_line(Line *line, char **argv, GError **error)
{
	const Command *const *among = kvmig_cmdline.commands;

	line->words = g_ptr_array_new();
	line->front = g_ptr_array_new();
	while (among) {
		const Command *command;
		int n = option_skip_front(front_options, (int)g_strv_length(argv), argv, error);

		if (n < 0)
			return FALSE;
		for (; n > 0; n--)
			g_ptr_array_add(line->front, *argv++);
		if (!*argv)
			break;
		command = command_named(among, *argv);
		g_ptr_array_add(line->words, *argv);
		among = command ? command->subcommands : NULL;
		if (command)
			argv++;
	}
	g_ptr_array_add(line->words, NULL);
	line->rest = argv;
	return TRUE;
}

/* Options that stand before the command are put behind it, except those that it does not take:
 * `alias k='kvmig --context lab'` must not break `k version`. */
static GPtrArray *join_options(const CommandPath *path, const Line *line)
{
	const Command *command = command_path_last(path);
	const Option rows[] = {
		{ .type = OPTION_INHERIT, .inherit = command->options },
		{ .type = OPTION_INHERIT, .inherit = inherited_options(command) },
		{ .type = OPTION_END },
	};
	GPtrArray *words = g_ptr_array_new();
	char **front = (char **)line->front->pdata;
	int length = 0;

	for (int i = 0; i < (int)line->front->len; i += length)
		if (option_takes(rows, front_options, front, i, &length))
			for (int j = i; j < i + length; j++)
				g_ptr_array_add(words, front[j]);
	for (char **word = line->rest; *word; word++)
		g_ptr_array_add(words, *word);
	g_ptr_array_add(words, NULL);
	return words;
}

/* Where no command is: "kvmig -h", "kvmig node --help", or nothing at all. */
static int run_group(const CommandPath *path, const char *word, GError **error)
{
	if (g_strcmp0(word, "-h") == 0)
		return print_usage(path->depth ? path : NULL);
	if (word)
		return show_page(path, error);
	error_set(error, KVMIG_ERROR_USAGE, "no command is given");
	error_hint(error, "'kvmig help' lists the commands");
	return STATUS_USAGE;
}

static int print_introspection(void)
{
	g_autofree char *text = describe_json(&kvmig_cmdline, PACKAGE_VERSION);

	(void)fputs(text, stdout);
	return STATUS_DONE;
}

int dispatch(int argc, char **argv, GError **error)
{
	char *version[] = { (char *)"version", NULL };
	g_autoptr(GPtrArray) joined = NULL;
	g_auto(Line) line = { 0 };
	CommandPath path = { .depth = 0 };
	const char *end;

	if (argc == 2 && strcmp(argv[1], "--introspect-cli") == 0)
		return print_introspection();
	if (!split_line(&line, argc == 2 && strcmp(argv[1], "--version") == 0 ? version : argv + 1,
			error)) {
		hint_usage(&path, error);
		return STATUS_USAGE;
	}
	end = line.rest[0];
	if (line.words->len == 1 && !end)
		return run_group(&path, NULL, error);
	if (!cmdline_find(&kvmig_cmdline, (char **)line.words->pdata, FALSE, &path, error)) {
		hint_not_built((const char *)line.words->pdata[0], error);
		return STATUS_USAGE;
	}
	if (!path.depth || command_path_last(&path)->subcommands)
		return run_group(&path, end, error);
	joined = join_options(&path, &line);
	return parse_and_run(&path, (int)joined->len - 1, (char **)joined->pdata, error);
}
