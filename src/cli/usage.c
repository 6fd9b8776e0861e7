/* SPDX-License-Identifier: Apache-2.0 */
/* The text of -h and of `kvmig help`: 80 columns, made from the tables. */
#include <string.h>

#include "cli/cmdline.h"

#define COLUMNS 80
#define LABEL_INDENT 2
#define HELP_COLUMN 24

char *usage_option_label(const Option *row)
{
	GString *label = g_string_new(NULL);

	if (row->short_name)
		g_string_append_printf(label, "-%c, ", row->short_name);
	g_string_append_printf(label, "--%s%s", row->negatable ? "[no-]" : "", row->name);
	if (option_has_value(row))
		g_string_append_printf(label, row->optional_value ? "[=%s]" : " %s", row->metavar);
	return g_string_free(label, FALSE);
}

/* Appends words to text, whose last line is `column` wide, going on at `indent`. */
static void append_wrapped(GString *text, gsize column, gsize indent, const char *words)
{
	g_auto(GStrv) list = g_strsplit(words, " ", -1);
	gboolean first = TRUE;

	for (char **word = list; *word; word++) {
		gsize length = strlen(*word);

		if (!first && column + 1 + length > COLUMNS) {
			g_string_append_printf(text, "\n%*s", (int)indent, "");
			column = indent;
			first = TRUE;
		}
		g_string_append_printf(text, "%s%s", first ? "" : " ", *word);
		column += length + !first;
		first = FALSE;
	}
	g_string_append_c(text, '\n');
}

static void append_row(GString *text, const char *label, const char *help)
{
	gsize column = LABEL_INDENT + strlen(label);

	g_string_append_printf(text, "%*s%s", LABEL_INDENT, "", label);
	if (column + 2 > HELP_COLUMN) {
		g_string_append_c(text, '\n');
		column = 0;
	}
	g_string_append_printf(text, "%*s", (int)(HELP_COLUMN - column), "");
	append_wrapped(text, HELP_COLUMN, HELP_COLUMN, help);
}

/* A list of options; rare ones are left out of a command's, where one line stands for them. */
typedef struct {
	GString *text;
	gboolean rare, left_out;
} Options;

static void append_option(const Option *row, size_t offset, gpointer data)
{
	Options *state = data;
	g_autofree char *label = usage_option_label(row);
	g_autoptr(GString) help = g_string_new(row->help);

	(void)offset;
	if (row->hidden)
		return;
	if (row->rare && !state->rare) {
		state->left_out = TRUE;
		return;
	}
	if (row->choices) {
		g_autofree char *all = g_strjoinv(", ", (char **)row->choices);

		g_string_append_printf(help, " (%s)", all);
	}
	if (row->defval && row->type != OPTION_FLAG)
		g_string_append_printf(help, " (default: %s)", row->defval);
	append_row(state->text, label, help->str);
}

char *usage_synopsis(const CmdLine *cmdline, const CommandPath *path)
{
	const Command *command = command_path_last(path);
	const Positional *args = &command->args;
	g_autofree char *words = command_path_text(cmdline, path);
	GString *text = g_string_new(words);

	if (command->subcommands) {
		g_string_append(text, " COMMAND");
		return g_string_free(text, FALSE);
	}
	g_string_append(text, " [options]");
	if (args->name) {
		const char *more = args->maximum > 1 ? "..." : "";

		g_string_append_printf(text, args->minimum ? " %s%s" : " [%s%s]", args->name, more);
	}
	return g_string_free(text, FALSE);
}

static void append_commands(GString *text, const Command *const *commands)
{
	for (; *commands; commands++)
		if (!((*commands)->needs & HIDDEN))
			append_row(text, (*commands)->name, (*commands)->summary);
}

static gboolean has_visible(const CmdLine *cmdline, CommandGroup group)
{
	for (const Command *const *command = cmdline->commands; *command; command++)
		if ((*command)->group == group && !((*command)->needs & HIDDEN))
			return TRUE;
	return FALSE;
}

char *usage_overview(const CmdLine *cmdline)
{
	GString *text = g_string_new(NULL);

	g_string_append_printf(text, "usage: %s COMMAND [options] [arguments]\n", cmdline->program);
	for (guint group = 0; cmdline->group_titles[group]; group++) {
		if (!has_visible(cmdline, group))
			continue;
		g_string_append_printf(text, "\n%s\n", cmdline->group_titles[group]);
		for (const Command *const *command = cmdline->commands; *command; command++)
			if ((*command)->group == group && !((*command)->needs & HIDDEN))
				append_row(text, (*command)->name, (*command)->summary);
	}
	g_string_append_printf(text,
			       "\n'%s COMMAND -h' shows a command's options,\n"
			       "'%s help COMMAND' its manual page.\n",
			       cmdline->program, cmdline->program);
	return g_string_free(text, FALSE);
}

static char *usage_program(const CmdLine *cmdline)
{
	GString *text = g_string_new(NULL);
	Options options = { .text = text, .rare = TRUE };

	g_string_append_printf(text, "usage: %s COMMAND [options] [arguments]\n\nCommands:\n",
			       cmdline->program);
	append_commands(text, cmdline->commands);
	g_string_append(text, "\nOptions, before or behind the command, where it takes them:\n");
	option_foreach(cmdline->front, append_option, &options);
	g_string_append(text, "\nAlone:\n");
	append_row(text, "--version", "the version; more with the command 'version'");
	append_row(text, "--introspect-cli", "the whole command line as JSON");
	return g_string_free(text, FALSE);
}

char *usage_text(const CmdLine *cmdline, const CommandPath *path)
{
	const Command *command;
	g_autofree char *synopsis = NULL;
	Options options = { .rare = TRUE };
	GString *text;

	if (!path || !path->depth)
		return usage_program(cmdline);
	command = command_path_last(path);
	synopsis = usage_synopsis(cmdline, path);
	options.text = text = g_string_new(NULL);
	g_string_append_printf(text, "usage: %s\n\n%c%s.\n", synopsis,
			       g_ascii_toupper(*command->summary), command->summary + 1);
	if (command->subcommands) {
		g_string_append(text, "\nCommands:\n");
		append_commands(text, command->subcommands);
		return g_string_free(text, FALSE);
	}
	if (command->options && command->options->type != OPTION_END) {
		g_string_append(text, "\nOptions:\n");
		option_foreach(command->options, append_option, &options);
	}
	g_string_append(text, "\nCommon options:\n");
	options.rare = FALSE;
	option_foreach(cmdline->inherited(command), append_option, &options);
	if (options.left_out)
		g_string_append_printf(text,
				       "\nOptions of an API server and who you are to it "
				       "(--as, ...): '%s -h'.\n",
				       cmdline->program);
	return g_string_free(text, FALSE);
}
