/* SPDX-License-Identifier: Apache-2.0 */
/* The bash completion: tables as case statements, and one fixed function that walks the line.
 * Nothing is asked at run time but names. */
#include "cli/script.h"

static const char walk[] =
	"# The words of the line, with what bash took apart at = and : joined again.\n"
	"_kvmig_join() {\n"
	"\tlocal rest=$COMP_LINE piece i blank\n"
	"\twords=() cword=0\n"
	"\tfor ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do\n"
	"\t\tpiece=${COMP_WORDS[i]} blank=\n"
	"\t\twhile [[ $rest == [[:blank:]]* ]]; do rest=${rest#?} blank=1; done\n"
	"\t\tif [[ $blank || $i -eq 0 ]]; then\n"
	"\t\t\twords+=(\"$piece\")\n"
	"\t\telse\n"
	"\t\t\twords[${#words[@]} - 1]+=$piece\n"
	"\t\tfi\n"
	"\t\trest=${rest#\"$piece\"}\n"
	"\t\t((i == COMP_CWORD)) && cword=$((${#words[@]} - 1))\n"
	"\tdone\n"
	"}\n"
	"\n"
	"_kvmig_add() { # words: those that begin with $cur\n"
	"\tlocal word\n"
	"\tfor word in $1; do [[ $word == \"$cur\"* ]] && COMPREPLY+=(\"$word\"); done\n"
	"}\n"
	"\n"
	"_kvmig_offer() { # kind\n"
	"\tlocal name\n"
	"\tcase $1 in\n"
	"\t'words '*) _kvmig_add \"${1#words }\" ;;\n"
	"\t'ask file')\n"
	"\t\tcompopt -o filenames 2>/dev/null\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\t\t;;\n"
	"\t'ask file-or-context') _kvmig_offer 'ask file'; _kvmig_offer 'ask context' ;;\n"
	"\t'ask command') _kvmig_subcommands \"$operands\" && _kvmig_add \"$_kvmig_words\" ;;\n"
	"\t'ask '*)\n"
	"\t\twhile IFS= read -r name; do\n"
	"\t\t\tprintf -v name %q \"$name\"\n"
	"\t\t\tCOMPREPLY+=(\"$name\")\n"
	"\t\tdone < <(kvmig __complete \"${context[@]}\" -- \"${1#ask }=$cur\" 2>/dev/null)\n"
	"\t\t;;\n"
	"\tesac\n"
	"}\n"
	"\n"
	"# Handles the option words[i]; a value that is the word at the cursor sets "
	"_kvmig_value_of.\n"
	"_kvmig_option() {\n"
	"\tlocal word=${words[i]} name value letters\n"
	"\tname=${word%%=*} value=\n"
	"\tif [[ $word != --* ]]; then\n"
	"\t\tletters=${word#-}\n"
	"\t\twhile [[ $letters ]]; do\n"
	"\t\t\tname=-${letters:0:1} letters=${letters#?}\n"
	"\t\t\t_kvmig_value \"$path\" \"$name\"\n"
	"\t\t\t[[ $_kvmig_kind ]] && break\n"
	"\t\tdone\n"
	"\t\tvalue=${letters#=}\n"
	"\telse\n"
	"\t\t_kvmig_value \"$path\" \"$name\"\n"
	"\t\tvalue=${word:${#name}} value=${value#=} letters=\n"
	"\t\t[[ $word == *=* ]] && letters==\n"
	"\tfi\n"
	"\tif [[ $_kvmig_kind && $_kvmig_kind != optional* && -z $letters ]]; then\n"
	"\t\t((++i == cword)) && _kvmig_value_of=$_kvmig_kind\n"
	"\t\tvalue=${words[i]}\n"
	"\tfi\n"
	"\tcase $name in --context | --kubeconfig | --namespace | -n) context+=(\"$name\" "
	"\"$value\") ;; esac\n"
	"}\n"
	"\n"
	"_kvmig() {\n"
	"\tlocal words cword cur i path= operands= n=0 ended= context=() _kvmig_value_of=\n"
	"\tlocal _kvmig_kind= _kvmig_words= _kvmig_limit=0 strip=\n"
	"\tCOMPREPLY=()\n"
	"\t_kvmig_join\n"
	"\tfor ((i = 1; i < cword; i++)); do\n"
	"\t\tif [[ -z $ended && ${words[i]} == -- ]]; then\n"
	"\t\t\tended=1\n"
	"\t\telif [[ -z $ended && ${words[i]} == -?* ]]; then\n"
	"\t\t\t_kvmig_option\n"
	"\t\telif _kvmig_subcommands \"$path\" && [[ \" $_kvmig_words \" == *\" ${words[i]} \"* "
	"]]; then\n"
	"\t\t\tpath=${path:+$path }${words[i]}\n"
	"\t\telse\n"
	"\t\t\toperands=${operands:+$operands }${words[i]} n=$((n + 1))\n"
	"\t\tfi\n"
	"\tdone\n"
	"\tcur=${words[cword]}\n"
	"\tif [[ $_kvmig_value_of ]]; then\n"
	"\t\t_kvmig_offer \"$_kvmig_value_of\"\n"
	"\telif [[ -z $ended && $cur == --*=* ]]; then\n"
	"\t\t_kvmig_value \"$path\" \"${cur%%=*}\"\n"
	"\t\tstrip=${cur%%=*}= cur=${cur#*=}\n"
	"\t\t_kvmig_offer \"${_kvmig_kind#optional }\"\n"
	"\telif [[ -z $ended && $cur == -* ]]; then\n"
	"\t\t_kvmig_options \"$path\"\n"
	"\t\t_kvmig_add \"$_kvmig_words\"\n"
	"\telif _kvmig_subcommands \"$path\"; then\n"
	"\t\t_kvmig_add \"$_kvmig_words\"\n"
	"\telse\n"
	"\t\t_kvmig_operand \"$path\"\n"
	"\t\t((n < _kvmig_limit)) && _kvmig_offer \"$_kvmig_kind\"\n"
	"\tfi\n"
	"\t# readline replaces only what stands behind the last = or :\n"
	"\tif [[ $strip && $COMP_WORDBREAKS != *=* ]]; then "
	"COMPREPLY=(\"${COMPREPLY[@]/#/$strip}\"); fi\n"
	"\tif [[ $cur == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
	"\t\tCOMPREPLY=(\"${COMPREPLY[@]#\"${cur%\"${cur##*:}\"}\"}\")\n"
	"\tfi\n"
	"}\n"
	"\n"
	"complete -F _kvmig kvmig\n";

typedef struct {
	GString *out;
	const CmdLine *cmdline;
	const char *path;
} Writer;

static void add_names(const Option *row, size_t offset, gpointer data)
{
	(void)offset;
	if (row->hidden)
		return;
	g_string_append_printf(data, " --%s", row->name);
	if (row->negatable)
		g_string_append_printf(data, " --no-%s", row->name);
}

static void case_words(GString *out, const char *path, const char *words)
{
	g_string_append_printf(out, "\t'%s') _kvmig_words='%s' ;;\n", path,
			       *words == ' ' ? words + 1 : words);
}

static void add_options(const CommandPath *path, gpointer data)
{
	Writer *writer = data;
	const Command *command = command_path_last(path);
	g_autofree char *words = script_path(path);
	g_autoptr(GString) names = g_string_new(NULL);

	option_foreach(command->options, add_names, names);
	option_foreach(command->subcommands ? writer->cmdline->front
					    : writer->cmdline->inherited(command),
		       add_names, names);
	if (script_visible(path))
		case_words(writer->out, words, names->str);
}

static void add_subcommands(const CommandPath *path, gpointer data)
{
	Writer *writer = data;
	g_autofree char *words = script_path(path);
	g_autofree char *names = script_names(command_path_last(path)->subcommands);

	if (command_path_last(path)->subcommands && script_visible(path))
		case_words(writer->out, words, names);
}

/* "words a b", "ask vm", "any"; "optional …" where the value may be missing. */
static char *kind_of_value(const Option *row)
{
	const char *optional = row->optional_value ? "optional " : "";
	const char *what = complete_what_name(row->complete);
	g_autofree char *choices = NULL;

	if (row->choices) {
		choices = g_strjoinv(" ", (char **)row->choices);
		return g_strdup_printf("%swords %s", optional, choices);
	}
	return what ? g_strdup_printf("%sask %s", optional, what)
		    : g_strdup_printf("%sany", optional);
}

static void add_value(const Option *row, size_t offset, gpointer data)
{
	Writer *writer = data;
	g_autofree char *kind = NULL;

	(void)offset;
	if (row->hidden || !option_has_value(row))
		return;
	kind = kind_of_value(row);
	g_string_append_printf(writer->out, "\t'%s --%s'", writer->path, row->name);
	if (row->short_name)
		g_string_append_printf(writer->out, " | '%s -%c'", writer->path, row->short_name);
	g_string_append_printf(writer->out, ") _kvmig_kind='%s' ;;\n", kind);
}

static void add_values(const CommandPath *path, gpointer data)
{
	Writer *writer = data;
	g_autofree char *words = script_path(path);

	writer->path = words;
	if (script_visible(path))
		option_foreach(command_path_last(path)->options, add_value, writer);
}

static void add_operand(const CommandPath *path, gpointer data)
{
	Writer *writer = data;
	const Positional *args = &command_path_last(path)->args;
	const char *what = complete_what_name(args->complete);
	g_autofree char *words = script_path(path);

	if (args->name && what && script_visible(path))
		g_string_append_printf(writer->out,
				       "\t'%s') _kvmig_kind='ask %s' _kvmig_limit=%u ;;\n", words,
				       what, MIN(args->maximum, 9999));
}

static void add_front_value(const Option *row, size_t offset, gpointer data)
{
	Writer *writer = data;
	g_autofree char *kind = NULL;

	(void)offset;
	if (!option_has_value(row))
		return;
	kind = kind_of_value(row);
	g_string_append_printf(writer->out, "\t*' --%s'", row->name);
	if (row->short_name)
		g_string_append_printf(writer->out, " | *' -%c'", row->short_name);
	g_string_append_printf(writer->out, ") _kvmig_kind='%s' ;;\n", kind);
}

char *complete_bash(const CmdLine *cmdline)
{
	GString *out =
		g_string_new("# bash completion for kvmig, generated from its option tables\n"
			     "# shellcheck shell=bash disable=SC2206\n\n");
	g_autofree char *top = script_names(cmdline->commands);
	g_autoptr(GString) front = g_string_new(NULL);
	Writer writer = { .out = out, .cmdline = cmdline };

	g_string_append(out, "_kvmig_subcommands() { # command\n\tcase $1 in\n");
	case_words(out, "", top);
	cmdline_foreach(cmdline, add_subcommands, &writer);
	g_string_append(out, "\t*) return 1 ;;\n\tesac\n}\n\n_kvmig_options() { # command\n"
			     "\tcase $1 in\n");
	option_foreach(cmdline->front, add_names, front);
	g_string_append(front, " --version");
	case_words(out, "", front->str);
	cmdline_foreach(cmdline, add_options, &writer);
	g_string_append(out, "\t*) _kvmig_words= ;;\n\tesac\n}\n\n"
			     "_kvmig_value() { # command, option\n\tcase \"$1 $2\" in\n");
	cmdline_foreach(cmdline, add_values, &writer);
	option_foreach(cmdline->front, add_front_value, &writer);
	g_string_append(out, "\t*) _kvmig_kind= ;;\n\tesac\n}\n\n"
			     "_kvmig_operand() { # command\n\tcase $1 in\n");
	cmdline_foreach(cmdline, add_operand, &writer);
	g_string_append(out, "\t*) _kvmig_kind= _kvmig_limit=0 ;;\n\tesac\n}\n\n");
	g_string_append(out, walk);
	return g_string_free(out, FALSE);
}
