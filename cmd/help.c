/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <string.h>
#include <unistd.h>

#include "base/dirs.h"

static const char *page_text(const char *name)
{
	for (const HelpPage *page = help_pages; page->name; page++)
		if (strcmp(page->name, name) == 0)
			return page->text;
	return NULL;
}

/* "kvmig-node" for "node add": a group has one page. */
static char *page_name(char **words, GError **error)
{
	CommandPath path;

	if (!words || !*words)
		return g_strdup("kvmig");
	if (strcmp(*words, "reasons") == 0 && !words[1])
		return g_strdup("kvmig-reasons");
	if (strcmp(*words, "json") == 0 && !words[1])
		return g_strdup("kvmig-json");
	if (!cmdline_find(&kvmig_cmdline, words, TRUE, &path, error))
		return NULL;
	return g_strdup_printf("kvmig-%s", path.words[0]->name);
}

/* Becomes man(1); returns where there is none, or the page is not installed. */
static void try_man(const char *name)
{
	const char *section = strcmp(name, "kvmig-reasons") == 0 ||
					      strcmp(name, "kvmig-json") == 0 ?
				      "7" :
				      "1";
	static const char *const suffixes[] = { "", ".gz", ".xz", ".bz2", ".zst" };

	for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *file = g_strdup_printf("%s/man%s/%s.%s%s", dir_man, section,
							name, section, suffixes[i]);
		const char *argv[] = { "man", "-l", file, NULL };

		if (access(file, R_OK) == 0)
			(void)execvp(argv[0], (char **)argv);
	}
}

int help_show(char **words, GError **error)
{
	g_autofree char *name = page_name(words, error);
	const char *text;

	if (!name)
		return STATUS_USAGE;
	if (isatty(STDOUT_FILENO))
		try_man(name);
	text = page_text(name);
	if (!text) {
		error_set(error, KVMIG_ERROR_NOT_FOUND, "'%s' has no manual page", *words);
		error_hint(error, "'kvmig %s -h' shows its options", *words);
		return STATUS_FAILED;
	}
	(void)fputs(text, stdout);
	return STATUS_DONE;
}

static int run_help(CommandContext *context, const void *values, GError **error)
{
	(void)values;
	if (!context->n_args) {
		g_autofree char *text = usage_overview(&kvmig_cmdline);

		(void)fputs(text, context->output->stream);
		return STATUS_DONE;
	}
	return help_show(context->args, error);
}

static const char *const examples[] = { "kvmig help", "kvmig help version", "kvmig help reasons",
					NULL };

const Command help_command = {
	.name = "help",
	.summary = "list the commands, or show a manual page",
	.group = COMMAND_GROUP_OTHER,
	.args = { "COMMAND", 0, COMMAND_MAX_DEPTH, COMPLETE_COMMAND },
	.run = run_help,
	.examples = examples,
};
