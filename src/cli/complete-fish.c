/* SPDX-License-Identifier: Apache-2.0 */
/* The fish completion: one `complete` line for each word, with the command that it belongs to. */
#include "cli/script.h"

typedef struct {
	GString *out;
	const CmdLine *cmdline;
	GString *paths;    /* fish words: every path, quoted */
	GString *consumes; /* options before a command that take the next word */
	const char *path;
} Writer;

static const char functions[] =
	"# The command that the line names so far: 'node add'. What stands behind it is no part.\n"
	"function __kvmig_path\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -e words[1]\n"
	"\tset -l path\n"
	"\tset -l skip 0\n"
	"\tfor word in $words\n"
	"\t\tif test $skip = 1\n"
	"\t\t\tset skip 0\n"
	"\t\telse if contains -- $word $__kvmig_consumes\n"
	"\t\t\tset skip 1\n"
	"\t\telse if string match -q -- '-*' $word\n"
	"\t\t\tcontinue\n"
	"\t\telse if contains -- (string join ' ' $path $word) $__kvmig_paths\n"
	"\t\t\tset path $path $word\n"
	"\t\telse\n"
	"\t\t\tbreak\n"
	"\t\tend\n"
	"\tend\n"
	"\tstring join ' ' $path\n"
	"end\n\n"
	"function __kvmig_at\n"
	"\ttest (__kvmig_path | string collect; or echo '') = \"$argv[1]\"\n"
	"end\n\n"
	"# The options that say whose names are wanted, as they were typed.\n"
	"function __kvmig_ask\n"
	"\tset -l words (commandline -opc)\n"
	"\tset -l context\n"
	"\tfor i in (seq 2 (count $words))\n"
	"\t\tswitch $words[$i]\n"
	"\t\t\tcase '--context=*' '--kubeconfig=*' '--namespace=*'\n"
	"\t\t\t\tset context $context $words[$i]\n"
	"\t\t\tcase --context --kubeconfig --namespace -n\n"
	"\t\t\t\tset -l next (math $i + 1)\n"
	"\t\t\t\tset -q words[$next]; and set context $context $words[$i] $words[$next]\n"
	"\t\tend\n"
	"\tend\n"
	"\tset -l typed (commandline -ct)\n"
	"\tset typed (string replace -r '^--[a-z-]+=' '' -- $typed)\n"
	"\tkvmig __complete $context -- \"$argv[1]=$typed\" 2>/dev/null\n"
	"end\n\n";

static void put_value(GString *out, const Option *row)
{
	const char *what = complete_what_name(row->complete);

	if (row->choices) {
		g_autofree char *all = g_strjoinv(" ", (char **)row->choices);

		g_string_append_printf(out, " -x -a '%s'", all);
	} else if (row->complete == COMPLETE_FILE) {
		g_string_append(out, " -r -F");
	} else if (what) {
		g_string_append_printf(out, " -x -a '(__kvmig_ask %s)'", what);
	} else {
		g_string_append(out, " -x");
	}
}

static void add_option(const Option *row, size_t offset, gpointer data)
{
	Writer *writer = data;
	g_autofree char *help = script_quote(row->help, "\\");

	(void)offset;
	if (row->hidden)
		return;
	g_string_append_printf(writer->out, "complete -c kvmig -n '__kvmig_at \"%s\"' -l %s",
			       writer->path, row->name);
	if (row->short_name)
		g_string_append_printf(writer->out, " -s %c", row->short_name);
	/* A value that may be missing is only taken behind '='; fish has no word for that. */
	if (option_has_value(row) && !row->optional_value)
		put_value(writer->out, row);
	g_string_append_printf(writer->out, " -d '%s'\n", help);
	if (row->negatable)
		g_string_append_printf(
			writer->out, "complete -c kvmig -n '__kvmig_at \"%s\"' -l no-%s -d '%s'\n",
			writer->path, row->name, help);
}

static void put_commands(const Writer *writer, const Command *const *commands)
{
	for (; *commands; commands++) {
		g_autofree char *summary = script_quote((*commands)->summary, "\\");

		if (!((*commands)->needs & HIDDEN))
			g_string_append_printf(writer->out,
					       "complete -c kvmig -n '__kvmig_at \"%s\"' -a %s "
					       "-d '%s'\n",
					       writer->path, (*commands)->name, summary);
	}
}

static void put_operands(const Writer *writer, const Positional *args)
{
	const char *what = complete_what_name(args->complete);

	if (!args->name || !what)
		return;
	g_string_append_printf(writer->out, "complete -c kvmig -n '__kvmig_at \"%s\"' ",
			       writer->path);
	if (args->complete == COMPLETE_FILE)
		g_string_append(writer->out, "-F\n");
	else if (args->complete == COMPLETE_FILE_OR_CONTEXT)
		g_string_append(writer->out, "-F -a '(__kvmig_ask context)'\n");
	else if (args->complete == COMPLETE_COMMAND)
		g_string_append(writer->out, "-a '(__kvmig_members)'\n");
	else
		g_string_append_printf(writer->out, "-a '(__kvmig_ask %s)'\n", what);
}

static void add_command(const CommandPath *path, gpointer data)
{
	Writer *writer = data;
	const Command *command = command_path_last(path);
	g_autofree char *words = script_path(path);

	if (!script_visible(path))
		return;
	writer->path = words;
	option_foreach(command->options, add_option, writer);
	if (command->subcommands) {
		option_foreach(writer->cmdline->front, add_option, writer);
		put_commands(writer, command->subcommands);
	} else {
		option_foreach(writer->cmdline->inherited(command), add_option, writer);
		put_operands(writer, &command->args);
	}
}

static void collect_path(const CommandPath *path, gpointer data)
{
	Writer *writer = data;
	g_autofree char *words = script_path(path);

	if (script_visible(path))
		g_string_append_printf(writer->paths, " '%s'", words);
}

static void collect_consuming(const Option *row, size_t offset, gpointer data)
{
	Writer *writer = data;

	(void)offset;
	if (!option_has_value(row) || row->optional_value)
		return;
	g_string_append_printf(writer->consumes, " --%s", row->name);
	if (row->short_name)
		g_string_append_printf(writer->consumes, " -%c", row->short_name);
}

static void add_member_case(const CommandPath *path, gpointer data)
{
	Writer *writer = data;
	g_autofree char *words = script_path(path);
	g_autofree char *names = script_names(command_path_last(path)->subcommands);

	if (command_path_last(path)->subcommands && script_visible(path))
		g_string_append_printf(writer->out, "\t\tcase '%s'\n\t\t\tstring split ' ' '%s'\n",
				       words, names);
}

char *complete_fish(const CmdLine *cmdline)
{
	GString *out =
		g_string_new("# fish completion for kvmig, generated from its option tables\n\n");
	g_autoptr(GString) paths = g_string_new(NULL);
	g_autoptr(GString) consumes = g_string_new(NULL);
	g_autofree char *top = script_names(cmdline->commands);
	Writer writer = { out, cmdline, paths, consumes, "" };

	cmdline_foreach(cmdline, collect_path, &writer);
	option_foreach(cmdline->front, collect_consuming, &writer);
	g_string_append_printf(out, "set -g __kvmig_paths%s\nset -g __kvmig_consumes%s\n\n",
			       paths->str, consumes->str);
	g_string_append(out, functions);
	g_string_append_printf(out,
			       "function __kvmig_members\n"
			       "\tset -l words (commandline -opc)\n"
			       "\tswitch (string join ' ' $words[3..-1])\n"
			       "\t\tcase ''\n\t\t\tstring split ' ' '%s'\n",
			       top);
	cmdline_foreach(cmdline, add_member_case, &writer);
	g_string_append(out, "\tend\nend\n\ncomplete -c kvmig -f\n");
	put_commands(&writer, cmdline->commands);
	option_foreach(cmdline->front, add_option, &writer);
	cmdline_foreach(cmdline, add_command, &writer);
	return g_string_free(out, FALSE);
}
