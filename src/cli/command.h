/* SPDX-License-Identifier: Apache-2.0 */
/* A command as data; cmd/ fills the table, the rest of cli/ reads it. */
#pragma once

#include "cli/option.h"

typedef struct CommandContext CommandContext;
typedef struct Command Command;

typedef enum {
	COMMAND_GROUP_MIGRATE,  /* "Migrate" */
	COMMAND_GROUP_SETTINGS, /* "Settings and policies" */
	COMMAND_GROUP_HOSTS,    /* "Hosts and VMs" */
	COMMAND_GROUP_CLUSTER,  /* "Cluster" */
	COMMAND_GROUP_LAB,      /* "Try and learn" */
	COMMAND_GROUP_OTHER,    /* "Other" */
} CommandGroup;

typedef enum {
	NEED_NOTHING = 0,
	NEED_CLUSTER = 1 << 0,       /* opened before run; gets the cluster options */
	MAY_CREATE_CLUSTER = 1 << 1, /* a local store is made where there is none */
	/* writes: refused with --read-only, unless it is a dry run; names the context on stderr */
	MAY_CHANGE = 1 << 2,
	HAS_OUTPUT = 1 << 3,    /* gets -o, --no-headers */
	HAS_NAMESPACE = 1 << 4, /* gets -n */
	HAS_ALL_NAMESPACES = 1 << 5, /* gets -A */
	MAY_CONFIRM = 1 << 6,        /* gets --yes */
	HIDDEN = 1 << 7,             /* not in help or completion */
	ANY_CLUSTER = 1 << 8, /* asks nothing of cluster_caps(): the cluster is not probed */
	NAMES_CLUSTER = 1 << 9, /* gets the cluster options; none is opened */
	OWN_CLUSTER_OPTION = 1 << 10, /* --cluster is its own, not the kubeconfig's */
} CommandNeeds;

struct Command {
	const char *name;
	const char *summary; /* at most 60 columns, lower case, no full stop */
	CommandGroup group;
	const Command *const *subcommands; /* NULL-terminated; then there is no run */
	const Option *options;             /* the command's own rows, or NULL */
	size_t values_size;                /* of the struct that the rows bind to */
	Positional args;
	unsigned needs; /* CommandNeeds */
	/* values: the parsed struct. Returns an ExitStatus; with *error set the status comes from
	 * the error. */
	int (*run)(CommandContext *context, const void *values, GError **error);
	const char *const *examples; /* command lines, NULL-terminated; each is run by a test */
};
