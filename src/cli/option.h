/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The option table: the only description of a command line. Parsing, -h, the man page's OPTIONS,
 * bash, zsh and fish completion and --introspect-cli all come from it. This folder knows no
 * subcommand and prints nothing: it returns text.
 *
 * A row binds an option to a field of the command's own struct, with the type checked at compile
 * time; defaults are text, read by the same code as the command line, so that what help shows is
 * what happens. Values are strings, owned by argv or by the option set, valid while it lives.
 */
#pragma once

#include <glib.h>
#include <stddef.h>

typedef enum {
	OPTION_END,
	OPTION_FLAG,     /* gboolean; --no-NAME where .negatable */
	OPTION_STRING,   /* const char * */
	OPTION_LIST,     /* GPtrArray * of const char *: may be given several times; never NULL */
	OPTION_UINT,     /* guint */
	OPTION_DURATION, /* gint64, milliseconds: "90s", "5m" (model/quantity.h); 0 as "0" */
	OPTION_QUANTITY, /* gint64, bytes: "256Mi" */
	OPTION_RATE,     /* gint64, bytes per second: "64Mi", "64MiB/s" */
	OPTION_CHOICE,   /* int, index into .choices */
	OPTION_INHERIT,  /* .inherit's rows, bound at .offset */
	OPTION_HELP,     /* int, an OptionHelp; ends the parsing */
} OptionType;

/* What to offer where a name is wanted; asked from `kvmig __complete`. */
typedef enum {
	COMPLETE_NONE,
	COMPLETE_FILE,
	COMPLETE_FILE_OR_CONTEXT,
	COMPLETE_VM,
	COMPLETE_NODE,
	COMPLETE_MIGRATION,
	COMPLETE_VM_OR_MIGRATION,
	COMPLETE_CONTEXT,
	COMPLETE_CLUSTER,
	COMPLETE_USER,
	COMPLETE_NAMESPACE,
	COMPLETE_NODE_LABEL,
	COMPLETE_KIND, /* a kind, or KIND/NAME */
	COMPLETE_SETTING,
	COMPLETE_POLICY,
	COMPLETE_LAB_VM,
	COMPLETE_COMMAND,
	COMPLETE_SHELL,
} CompleteWhat;

typedef enum { HELP_NONE, HELP_SHORT, HELP_LONG } OptionHelp; /* -h and --help */

typedef struct Option Option;
struct Option {
	OptionType type;
	char short_name;     /* 0: none */
	const char *name;    /* "dry-run" */
	const char *metavar; /* "N"; NULL for flags */
	const char *help;    /* at most 56 columns, lower case, no full stop */
	const char *defval;  /* text, or NULL */
	const char *const *choices;
	const Option *inherit;
	size_t offset;
	CompleteWhat complete;
	gboolean optional_value; /* STRING and CHOICE: --name alone is allowed: .implied */
	const char *implied;     /* the value of --name without one */
	gboolean negatable;
	gboolean plain_seconds;   /* DURATION: a bare number is one of seconds */
	gboolean rare;            /* inherited: in kvmig(1), not in -h and page of each command */
	gboolean hidden;          /* from help and completion, not from --introspect-cli */
	guint64 minimum, maximum; /* UINT, DURATION, QUANTITY; maximum 0: none */
};

/* Fails to compile where the field is not of the row's type. */
#define OPTION_BIND_(T, S, field)                                                                  \
	(offsetof(S, field) + 0 * sizeof(char[_Generic(((S *)0)->field, T : 1, default : -1)]))

#define OPT_FLAG(s, l, S, field, h, ...)                                                           \
	{                                                                                          \
		.type = OPTION_FLAG, .short_name = s, .name = l, .help = h,                        \
		.offset = OPTION_BIND_(gboolean, S, field), __VA_ARGS__                            \
	}
#define OPT_STRING(s, l, S, field, m, h, ...)                                                      \
	{                                                                                          \
		.type = OPTION_STRING, .short_name = s, .name = l, .metavar = m, .help = h,        \
		.offset = OPTION_BIND_(const char *, S, field), __VA_ARGS__                        \
	}
#define OPT_LIST(s, l, S, field, m, h, ...)                                                        \
	{                                                                                          \
		.type = OPTION_LIST, .short_name = s, .name = l, .metavar = m, .help = h,          \
		.offset = OPTION_BIND_(GPtrArray *, S, field), __VA_ARGS__                         \
	}
#define OPT_UINT(s, l, S, field, m, h, ...)                                                        \
	{                                                                                          \
		.type = OPTION_UINT, .short_name = s, .name = l, .metavar = m, .help = h,          \
		.offset = OPTION_BIND_(guint, S, field), __VA_ARGS__                               \
	}
#define OPT_DURATION(s, l, S, field, h, ...)                                                       \
	{                                                                                          \
		.type = OPTION_DURATION, .short_name = s, .name = l, .metavar = "TIME", .help = h, \
		.offset = OPTION_BIND_(gint64, S, field), __VA_ARGS__                              \
	}
#define OPT_QUANTITY(s, l, S, field, h, ...)                                                       \
	{                                                                                          \
		.type = OPTION_QUANTITY, .short_name = s, .name = l, .metavar = "SIZE", .help = h, \
		.offset = OPTION_BIND_(gint64, S, field), __VA_ARGS__                              \
	}
#define OPT_RATE(s, l, S, field, h, ...)                                                           \
	{                                                                                          \
		.type = OPTION_RATE, .short_name = s, .name = l, .metavar = "RATE", .help = h,     \
		.offset = OPTION_BIND_(gint64, S, field), __VA_ARGS__                              \
	}
#define OPT_CHOICE(s, l, S, field, m, h, c, ...)                                                   \
	{                                                                                          \
		.type = OPTION_CHOICE, .short_name = s, .name = l, .metavar = m, .help = h,        \
		.choices = c, .offset = OPTION_BIND_(int, S, field), __VA_ARGS__                   \
	}
#define OPT_INHERIT(rows, S, field)                                                                \
	{                                                                                          \
		.type = OPTION_INHERIT, .inherit = rows, .offset = offsetof(S, field)              \
	}
#define OPT_END                                                                                    \
	{                                                                                          \
		.type = OPTION_END                                                                 \
	}

/* A positional argument. */
typedef struct {
	const char *name; /* "VM"; NULL: takes none */
	guint minimum;
	guint maximum; /* G_MAXUINT: any number */
	CompleteWhat complete;
} Positional;

/* Parses argv (without the command's own words) into `values`, a zeroed struct of the command.
 * Options may follow operands; "--" ends them; unambiguous prefixes are NOT accepted; near
 * misses are offered in the hint. A value may not be empty; given twice, the last one counts.
 * After an OPTION_HELP nothing more is looked at, and operands may be missing. *ret_args: the
 * operands, borrowed from argv, NULL-terminated (free the vector with g_free()). Error USAGE.
 * option_values_clear() afterwards, either way. */
gboolean option_parse(const Option *rows, const Positional *positional, int argc, char **argv,
		      gpointer values, char ***ret_args, GError **error);
void option_values_clear(const Option *rows, gpointer values);

/* The options at the front of argv, up to the first word that is none, or an OPTION_HELP: those
 * that may stand before a subcommand. Only looks where they end, and that they exist and have
 * their values; returns the number of words taken, or -1 with USAGE. */
int option_skip_front(const Option *rows, int argc, char **argv, GError **error);

/* Whether `rows` take the option that the word argv[i] (of those that option_skip_front() took)
 * begins; *ret_words is how many words it has. */
gboolean option_takes(const Option *rows, const Option *front_rows, char **argv, int i,
		      int *ret_words);

/* For the tests: func is called for every option that is given, in any parse. NULL ends it. */
typedef void (*OptionTrace)(const Option *row, gpointer data);
void option_set_trace(OptionTrace func, gpointer data);

/* Calls func for every row, inherited ones included, with the sum of the offsets. */
typedef void (*OptionFunc)(const Option *row, size_t offset, gpointer data);
void option_foreach(const Option *rows, OptionFunc func, gpointer data);

/* The row of that long name, or NULL; *ret_offset (may be NULL) is where it is bound. */
const Option *option_find(const Option *rows, const char *name, size_t *ret_offset);
/* Whether the option takes a value (which may be optional). */
gboolean option_has_value(const Option *row);

/* The words of `candidates` (NULL-terminated) near to `word` (edit distance, then prefix), nearest
 * first, at most three, "'a', 'b' or 'c'"; NULL: none is near. Free with g_free(). */
char *option_nearest(const char *word, const char *const *candidates);
