/* SPDX-License-Identifier: Apache-2.0 */
/* The zsh completion: specifications for _arguments, a function for each command. */
#include <string.h>

#include "cli/script.h"

/* What stands behind a subcommand is its own business, options too. */
#define NOT_BEHIND " -A '-*'"

typedef struct {
	GString *out;
	const CmdLine *cmdline;
} Writer;

/* What stands behind ":METAVAR:" in a specification. */
static char *action(const char *const *choices, CompleteWhat complete)
{
	const char *what = complete_what_name(complete);

	if (choices) {
		g_autofree char *all = g_strjoinv(" ", (char **)choices);

		return g_strdup_printf("(%s)", all);
	}
	if (complete == COMPLETE_FILE)
		return g_strdup("_files");
	if (complete == COMPLETE_FILE_OR_CONTEXT)
		return g_strdup("{_files; _kvmig_ask context}");
	if (complete == COMPLETE_COMMAND)
		return g_strdup("_kvmig_commands");
	return what ? g_strdup_printf("_kvmig_ask %s", what) : g_strdup(" ");
}

static void put_spec(GString *out, const Option *row, const char *exclude, const char *name,
		     const char *assign)
{
	g_autofree char *help = script_quote(row->help, "[]:\\");
	const gboolean repeat = row->type == OPTION_LIST;

	g_string_append_printf(out, "\t\t'%s%s%s%s[%s]", repeat ? "*" : "", repeat ? "" : exclude,
			       name, assign, help);
	if (option_has_value(row)) {
		g_autofree char *values = action(row->choices, row->complete);

		g_string_append_printf(out, "%s%s:%s", row->optional_value ? "::" : ":",
				       row->metavar, values);
	}
	g_string_append(out, "' \\\n");
}

static void add_option(const Option *row, size_t offset, gpointer data)
{
	GString *out = data;
	const gboolean value = option_has_value(row);
	g_autofree char *longs = g_strdup_printf("--%s", row->name);
	g_autofree char *shorts = g_strdup_printf("-%c", row->short_name ? row->short_name : '-');
	g_autofree char *no = g_strdup_printf("--no-%s", row->name);
	g_autofree char *exclude = g_strdup_printf(
		"(%s%s%s%s%s)", row->short_name ? shorts : "", row->short_name ? " " : "", longs,
		row->negatable ? " " : "", row->negatable ? no : "");

	(void)offset;
	if (row->hidden)
		return;
	if (row->short_name)
		put_spec(out, row, exclude, shorts, value ? "+" : "");
	put_spec(out, row, exclude, longs, !value ? "" : row->optional_value ? "=-" : "=");
	if (row->negatable)
		put_spec(out, row, exclude, no, "");
}

static char *function_name(const CommandPath *path)
{
	g_autofree char *words = path ? script_path(path) : g_strdup("");

	return g_strdup_printf("_kvmig_cmd_%s", g_strdelimit(words, " -", '_'));
}

static void put_group(GString *out, const Command *const *commands, const CommandPath *above)
{
	CommandPath path = { .depth = 0 };

	if (above)
		path = *above;
	path.depth++;
	g_string_append(out, "\t\t'1:command:->command' \\\n\t\t'*::argument:->argument'\n"
			     "\tcase $state in\n\tcommand)\n\t\tlocal -a commands=(\n");
	for (guint i = 0; commands[i]; i++) {
		g_autofree char *summary = script_quote(commands[i]->summary, ":\\");

		if (!(commands[i]->needs & HIDDEN))
			g_string_append_printf(out, "\t\t\t'%s:%s'\n", commands[i]->name, summary);
	}
	g_string_append(out, "\t\t)\n\t\t_describe -t commands command commands\n\t\t;;\n"
			     "\targument)\n\t\tcase $words[1] in\n");
	for (guint i = 0; commands[i]; i++) {
		g_autofree char *function = NULL;

		path.words[path.depth - 1] = commands[i];
		function = function_name(&path);
		if (!(commands[i]->needs & HIDDEN))
			g_string_append_printf(out, "\t\t%s) %s ;;\n", commands[i]->name, function);
	}
	g_string_append(out, "\t\tesac\n\t\t;;\n\tesac\n");
}

static void put_operands(GString *out, const Positional *args)
{
	g_autofree char *values = action(NULL, args->complete);

	if (!args->name) {
		g_string_append(out, "\t\t&& return\n");
		return;
	}
	if (args->maximum > 8) {
		g_string_append_printf(out, "\t\t'*:%s:%s'\n", args->name, values);
		return;
	}
	for (guint i = 1; i <= args->maximum; i++)
		g_string_append_printf(out, "\t\t'%u:%s:%s'%s\n", i, args->name, values,
				       i < args->maximum ? " \\" : "");
}

static void add_function(const CommandPath *path, gpointer data)
{
	Writer *writer = data;
	const Command *command = command_path_last(path);
	g_autofree char *name = function_name(path);

	if (!script_visible(path))
		return;
	g_string_append_printf(writer->out,
			       "%s() {\n\tlocal curcontext=$curcontext state line\n"
			       "\tlocal -A opt_args\n\t_arguments -s -S -C%s : \\\n",
			       name, command->subcommands ? NOT_BEHIND : "");
	if (command->subcommands) {
		option_foreach(writer->cmdline->front, add_option, writer->out);
		put_group(writer->out, command->subcommands, path);
	} else {
		option_foreach(command->options, add_option, writer->out);
		option_foreach(writer->cmdline->inherited(command), add_option, writer->out);
		put_operands(writer->out, &command->args);
	}
	g_string_append(writer->out, "}\n\n");
}

static void add_members(const CommandPath *path, gpointer data)
{
	Writer *writer = data;
	g_autofree char *words = script_path(path);
	g_autofree char *names = script_names(command_path_last(path)->subcommands);

	if (command_path_last(path)->subcommands && script_visible(path))
		g_string_append_printf(writer->out, "\t'%s') compadd %s ;;\n", words, names);
}

/* _arguments puts words for compadd in front of ours. */
static const char ask[] = "_kvmig_ask() {\n"
			  "\tlocal what=$@[-1]\n"
			  "\tlocal -a names\n"
			  "\tnames=(${(f)\"$(kvmig __complete $kvmig_context -- "
			  "\"$what=${(Q)PREFIX}\" 2>/dev/null)\"})\n"
			  "\tcompadd \"${@[1,-2]}\" -a names\n"
			  "}\n\n";

/* The context that was typed decides whose names are offered. */
static const char start[] =
	"_kvmig() {\n"
	"\tlocal -a kvmig_context\n"
	"\tlocal i\n"
	"\tfor ((i = 2; i < CURRENT; i++)); do\n"
	"\t\tcase $words[i] in\n"
	"\t\t--context=*|--kubeconfig=*|--namespace=*) kvmig_context+=(\"$words[i]\") ;;\n"
	"\t\t--context|--kubeconfig|--namespace|-n)\n"
	"\t\t\t((i + 1 < CURRENT)) && kvmig_context+=(\"$words[i]\" \"$words[i+1]\") ;;\n"
	"\t\tesac\n"
	"\tdone\n"
	"\t_kvmig_cmd_\n"
	"}\n\n"
	"if [[ $funcstack[1] == _kvmig ]]; then _kvmig \"$@\"; else compdef _kvmig kvmig; fi\n";

char *complete_zsh(const CmdLine *cmdline)
{
	GString *out =
		g_string_new("#compdef kvmig\n"
			     "# zsh completion for kvmig, generated from its option tables\n\n");
	Writer writer = { .out = out, .cmdline = cmdline };
	g_autofree char *top = script_names(cmdline->commands);

	g_string_append(out, ask);
	g_string_append(out, "_kvmig_commands() {\n\tcase ${(j: :)words[2,CURRENT-1]} in\n");
	g_string_append_printf(out, "\t'') compadd %s ;;\n", top);
	cmdline_foreach(cmdline, add_members, &writer);
	g_string_append(out, "\tesac\n}\n\n");
	cmdline_foreach(cmdline, add_function, &writer);
	g_string_append(out, "_kvmig_cmd_() {\n\tlocal curcontext=$curcontext state line\n"
			     "\tlocal -A opt_args\n\t_arguments -s -S -C" NOT_BEHIND " : \\\n");
	option_foreach(cmdline->front, add_option, out);
	put_group(out, cmdline->commands, NULL);
	g_string_append(out, "}\n\n");
	g_string_append(out, start);
	return g_string_free(out, FALSE);
}
