/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subcommands. To add one:
 *   1. cmd/NAME.c with its option table and `const Command NAME_command` (or, for a command of
 *      a group such as `node add`, in the group's file)
 *   2. a line in cmd/commands.def
 *   3. the file in cmd/local.mk
 *   4. man/kvmig-NAME.1.md: prose, with a "## --option" section for every option
 *   5. tests/cli/NAME.sh
 * Forgetting any of 2 to 5 fails the build or `make check`.
 *
 * cmd/ is the only code that reads argv, prints, or chooses an exit status. A command gets parsed
 * options and what it said it needs; it returns an exit status, or sets *error and main.c reports
 * it and derives the status.
 */
#pragma once

#include "cli/cmdline.h"
#include "cli/exit-status.h"
#include "cluster/cluster.h"
#include "output/printer.h"

/* What dispatch has ready for a command; borrowed for the call. */
typedef struct CommandContext {
	const Command *command;
	Cluster *cluster; /* where NEED_CLUSTER */
	const ClusterOptions *choice; /* what the cluster options say, where there are any */
	Output *output;   /* stdout, in the format of -o */
	char **args;      /* operands, NULL-terminated */
	guint n_args;
	const char *ns; /* namespace in force; NULL with --all-namespaces */
	gboolean ns_given; /* by -n */
	gboolean quiet;
	gboolean yes; /* --yes */
	gboolean dry_run; /* --dry-run, in either form, of commands that have it */
	gboolean stdin_tty, stdout_tty, stderr_tty;
} CommandContext;

/* Options that a command inherits by its needs (cmd/globals.c); every command has the common
 * ones: --color, -v, -q, -h and --help. */
typedef struct {
	const char *kubeconfig, *context, *ns;
	const char *cluster, *user, *server, *token, *token_file;
	const char *certificate_authority, *tls_server_name, *as, *as_uid;
	GPtrArray *as_groups;
	gboolean insecure_skip_tls_verify;
	gint64 request_timeout_ms;
	gboolean all_namespaces, read_only, yes, quiet, no_headers;
	int output;       /* OutputFormat */
	int color;        /* auto, always, never */
	gboolean verbose; /* debug messages on stderr */
	int help;         /* OptionHelp */
} GlobalValues;

/* With it a command that may change things changes nothing. */
#define OPTION_DRY_RUN "dry-run"

extern const CmdLine kvmig_cmdline;  /* cmd/commands.c */
extern const Option front_options[]; /* what may stand before the command */
const Option *inherited_options(const Command *command);

/* A page as plain text; made at build time by gencli, ends with name NULL. */
typedef struct {
	const char *name; /* "kvmig-node" */
	const char *text;
} HelpPage;
extern const HelpPage help_pages[];

/* Shows the manual page: with man(1) on a terminal where it is installed, else its text. NULL:
 * kvmig(1). words: a command's, or "reasons". */
int help_show(char **words, GError **error);

/* Finds the command in argv, parses the rest, gets ready what it needs, and runs it. */
int dispatch(int argc, char **argv, GError **error);

/* cmd/open.c: the cluster that the options choose, probed where the command needs that. */
Cluster *open_cluster(const CommandContext *context, const GlobalValues *globals, GError **error);
/* What the options say of it; `groups` holds what they borrow. */
ClusterOptions choose_cluster(CommandContext *context, const GlobalValues *globals,
			      GPtrArray *groups);
/* Sets context->ns: -n, else the cluster's (NULL: not opened), else `default`. */
gboolean choose_namespace(CommandContext *context, const GlobalValues *globals,
			  const Cluster *cluster, GError **error);

/* Prints the error of a command: "kvmig: MESSAGE [REASON]" and its hint, on stderr. */
void report_error(const GError *error);

/* What the command lines in hints have to repeat so that they find the same objects: each may be
 * NULL. Copied. */
void hint_set_place(const char *context, const char *kubeconfig, const char *ns);
/* The hint with that put into every 'kvmig …' of it that takes it; free with g_free(). Messages,
 * warnings and hints that are printed have gone through it. */
char *hint_text(const char *hint);

/* Sends what src/ logs to stderr: warnings, and with `verbose` everything. */
void log_setup(void);
void log_set_verbose(gboolean verbose);
/* From now on lines with time and level, informative ones too. */
void log_for_controller(void);

/* KVMIG_OPTION_LOG: the tests' record of the options that were used. */
void option_log_start(void);
void option_log_write(const char *command);

/* Messages for people, on stderr, "kvmig: …"; nothing with --quiet. */
void say(const CommandContext *context, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* "warning: …", "hint: …" on stderr; shown with --quiet too. */
void say_warning(const CommandContext *context, const char *format, ...) G_GNUC_PRINTF(2, 3);
void say_hint(const CommandContext *context, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Asks "question [y/N]" on a terminal; TRUE at once with --yes; without a terminal and without
 * --yes REFUSED with a hint. */
gboolean confirm(const CommandContext *context, const char *question, GError **error);

/* Runs the main loop until `done` is TRUE, SIGINT or SIGTERM (FALSE, *ret_interrupted TRUE), or
 * timeout_ms (FALSE); 0: no limit. A signal only ends the waiting: what was started goes on. */
gboolean run_until(const gboolean *done, gint64 timeout_ms, gboolean *ret_interrupted);

/* From begin to end a signal does not end kvmig without a word, as something was started: it is
 * noted, and ends each run_until() from then on, also where it came between two of them. check:
 * whether there was one until now. One at a time. */
typedef struct {
	gboolean interrupted;
	guint sources[2];
} InterruptGuard;
void interrupt_guard_begin(InterruptGuard *guard);
gboolean interrupt_guard_check(InterruptGuard *guard);
void interrupt_guard_end(InterruptGuard *guard);
