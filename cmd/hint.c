/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hints name commands to type: "'kvmig status -w m-1' follows it". What this command was given to
 * find its cluster is repeated in them here, in one place, so that neither src/ nor the table of
 * reason codes has to know it.
 */
#include "cmd.h"

#include <string.h>

#include "model/wellknown.h"

#define QUOTED "'kvmig "

static struct {
	char *context, *kubeconfig, *ns;
} place;

void hint_set_place(const char *context, const char *kubeconfig, const char *ns)
{
	g_free(place.context);
	g_free(place.kubeconfig);
	g_free(place.ns);
	/* what is found without being named need not be repeated */
	place.context = g_strcmp0(context, "local/default") == 0 ? NULL : g_strdup(context);
	place.kubeconfig = g_strdup(kubeconfig);
	place.ns = g_strcmp0(ns, NAMESPACE_DEFAULT) == 0 ? NULL : g_strdup(ns);
}

static const Command *named(const Command *const *among, const char *word)
{
	for (; among && *among; among++)
		if (strcmp((*among)->name, word) == 0)
			return *among;
	return NULL;
}

/* The command of such words, or NULL; "-n NS" may stand before it. */
static const Command *find_command(char **words)
{
	const Command *command = NULL;

	if (*words && strcmp(*words, "-n") == 0 && words[1])
		words += 2;
	for (; *words; words++) {
		const Command *next =
			named(command ? command->subcommands : kvmig_cmdline.commands, *words);

		if (!next)
			break;
		command = next;
	}
	return command;
}

static gboolean has(char **words, const char *option)
{
	return g_strv_contains((const char *const *)words, option);
}

static void append_option(GString *text, const char *option, const char *value)
{
	g_autofree char *quoted = NULL;

	if (!value)
		return;
	if (strpbrk(value, " \t'\"\\$`&|;<>()*?[#~"))
		quoted = g_shell_quote(value);
	g_string_append_printf(text, " %s %s", option, quoted ? quoted : value);
}

/* It looks at all namespaces where none is given: one from a kubeconfig would leave VMs out. */
static gboolean is_of_all(const Command *command, char **words)
{
	return strcmp(command->name, "check") == 0 &&
	       (has(words, "--node") || has(words, "--cluster"));
}

/* line: what follows "kvmig ". */
static void append_place(GString *text, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	const Command *command = find_command(words);

	if (!command || !(command->needs & (NEED_CLUSTER | NAMES_CLUSTER)) || has(words, "-h") ||
	    has(words, "--help") || has(words, "--context"))
		return;
	append_option(text, "--kubeconfig", place.kubeconfig);
	append_option(text, "--context", place.context);
	if ((command->needs & HAS_NAMESPACE) && !has(words, "-n") && !has(words, "-A") &&
	    !is_of_all(command, words))
		append_option(text, "-n", place.ns);
}

char *hint_text(const char *hint)
{
	GString *text = g_string_new(NULL);
	const char *begin;

	while ((begin = strstr(hint, QUOTED))) {
		const char *line = begin + strlen(QUOTED);
		const char *end = strchr(line, '\'');
		g_autofree char *words = end ? g_strndup(line, (gsize)(end - line)) : NULL;

		if (!end)
			break;
		g_string_append_len(text, hint, line - 1 - hint);
		append_place(text, words);
		g_string_append_printf(text, " %s'", words);
		hint = end + 1;
	}
	g_string_append(text, hint);
	return g_string_free(text, FALSE);
}
