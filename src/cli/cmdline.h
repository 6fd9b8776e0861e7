/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole command line as one value: what cmd/ has, handed to the parts of this folder that
 * describe it (usage, pages, completions, JSON). Nothing here prints; all of it returns text.
 */
#pragma once

#include "cli/command.h"

typedef struct {
	const char *program;            /* "kvmig" */
	const char *summary;            /* of the program */
	const Command *const *commands; /* NULL-terminated, in the order of help */
	const Option *front;            /* what may stand before the command, without OPTION_HELP */
	/* The rows that a command has by its needs, beside its own; static. */
	const Option *(*inherited)(const Command *command);
	const char *const *group_titles; /* by CommandGroup */
} CmdLine;

/* At most that many words make a command: "node add". */
#define COMMAND_MAX_DEPTH 3

/* A command with the words that lead to it. */
typedef struct {
	const Command *words[COMMAND_MAX_DEPTH];
	guint depth;
} CommandPath;

const Command *command_path_last(const CommandPath *path);
/* "kvmig node add"; free with g_free(). */
char *command_path_text(const CmdLine *cmdline, const CommandPath *path);

/* Calls func for every command and subcommand, groups before their members. */
typedef void (*CommandFunc)(const CommandPath *path, gpointer data);
void cmdline_foreach(const CmdLine *cmdline, CommandFunc func, gpointer data);

/* Follows words[] as far as they name commands; hidden ones are found too. Error USAGE where a
 * word names none, with near names in the hint, or where a group's member is missing. A word
 * that is "-h" or "--help", or the end of words where `allow_group`, ends it at a group. */
gboolean cmdline_find(const CmdLine *cmdline, char **words, gboolean allow_group,
		      CommandPath *ret_path, GError **error);

/* One command's -h, and that of the program (path NULL): at most 80 columns. */
char *usage_text(const CmdLine *cmdline, const CommandPath *path);
/* Groups and summaries, as `kvmig help` shows them. */
char *usage_overview(const CmdLine *cmdline);
/* "kvmig node add [options] NAME"; free with g_free(). */
char *usage_synopsis(const CmdLine *cmdline, const CommandPath *path);
/* "-o, --output FORMAT"; free with g_free(). */
char *usage_option_label(const Option *row);

/* Everything as JSON, for --introspect-cli; free with g_free(). */
char *describe_json(const CmdLine *cmdline, const char *version);

/* The completion scripts; free with g_free(). */
char *complete_bash(const CmdLine *cmdline);
char *complete_zsh(const CmdLine *cmdline);
char *complete_fish(const CmdLine *cmdline);

/* What `kvmig __complete` calls it: "vm", "node-label"; NULL where nothing is to be asked. */
const char *complete_what_name(CompleteWhat what);
/* COMPLETE_NONE where no such name exists. */
CompleteWhat complete_what_find(const char *name);
