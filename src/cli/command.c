/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of commands. */
#include <string.h>

#include "base/error.h"
#include "cli/cmdline.h"
#include "cli/exit-status.h"

ExitStatus exit_status_of_error(const GError *error)
{
	switch (error_code(error)) {
	case KVMIG_ERROR_USAGE:
		return STATUS_USAGE;
	case KVMIG_ERROR_REFUSED:
		return STATUS_REFUSED;
	case KVMIG_ERROR_PARTIAL:
		return STATUS_PARTIAL;
	case KVMIG_ERROR_UNREACHABLE:
		return STATUS_UNREACHABLE;
	case KVMIG_ERROR_TIMEOUT:
		return STATUS_TIMEOUT;
	case KVMIG_ERROR_FORBIDDEN:
		return STATUS_FORBIDDEN;
	case KVMIG_ERROR_CONFLICT:
	case KVMIG_ERROR_EXISTS:
		return STATUS_CONFLICT;
	default:
		return STATUS_FAILED;
	}
}

const Command *command_path_last(const CommandPath *path)
{
	return path->words[path->depth - 1];
}

char *command_path_text(const CmdLine *cmdline, const CommandPath *path)
{
	GString *text = g_string_new(cmdline->program);

	for (guint i = 0; i < path->depth; i++)
		g_string_append_printf(text, " %s", path->words[i]->name);
	return g_string_free(text, FALSE);
}

static void foreach_below(const Command *const *commands, CommandPath *path, CommandFunc func,
			  gpointer data)
{
	if (path->depth == COMMAND_MAX_DEPTH)
		return;
	path->depth++;
	for (; commands && *commands; commands++) {
		path->words[path->depth - 1] = *commands;
		func(path, data);
		foreach_below((*commands)->subcommands, path, func, data);
	}
	path->depth--;
}

void cmdline_foreach(const CmdLine *cmdline, CommandFunc func, gpointer data)
{
	CommandPath path = { .depth = 0 };

	foreach_below(cmdline->commands, &path, func, data);
}

static const Command *find_among(const Command *const *commands, const char *word)
{
	for (; commands && *commands; commands++)
		if (strcmp((*commands)->name, word) == 0)
			return *commands;
	return NULL;
}

/* "'add', 'list' or …" of what is near to word, else all of a group. */
static char *suggest(const Command *const *commands, const char *word)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();

	for (; *commands; commands++)
		if (!((*commands)->needs & HIDDEN))
			g_ptr_array_add(names, (gpointer)(*commands)->name);
	g_ptr_array_add(names, NULL);
	return word ? option_nearest(word, (const char *const *)names->pdata)
		    : g_strjoinv(", ", (char **)names->pdata);
}

static gboolean unknown(const CmdLine *cmdline, const CommandPath *path, const char *word,
			GError **error)
{
	const Command *const *among =
		path->depth ? command_path_last(path)->subcommands : cmdline->commands;
	g_autofree char *near = suggest(among, word);
	g_autofree char *where = command_path_text(cmdline, path);

	error_set(error, KVMIG_ERROR_USAGE, "'%s' is not a command of '%s'", word, where);
	if (near)
		error_hint(error, "similar commands: %s", near);
	else if (path->depth)
		error_hint(error, "'%s -h' lists them", where);
	else
		error_hint(error, "'%s help' lists them", where);
	return FALSE;
}

static gboolean incomplete(const CmdLine *cmdline, const CommandPath *path, GError **error)
{
	g_autofree char *all = suggest(command_path_last(path)->subcommands, NULL);
	g_autofree char *where = command_path_text(cmdline, path);

	error_set(error, KVMIG_ERROR_USAGE, "'%s' needs a command behind it", where);
	error_hint(error, "one of: %s", all);
	return FALSE;
}

gboolean cmdline_find(const CmdLine *cmdline, char **words, gboolean allow_group,
		      CommandPath *ret_path, GError **error)
{
	const Command *const *among = cmdline->commands;
	CommandPath path = { .depth = 0 };

	for (; among; words++) {
		const Command *found;

		if (*words && (strcmp(*words, "-h") == 0 || strcmp(*words, "--help") == 0))
			break;
		if (!*words) {
			if (!allow_group)
				return incomplete(cmdline, &path, error);
			break;
		}
		found = find_among(among, *words);
		if (!found || path.depth == COMMAND_MAX_DEPTH)
			return unknown(cmdline, &path, *words, error);
		path.words[path.depth++] = found;
		among = found->subcommands;
	}
	*ret_path = path;
	return TRUE;
}
