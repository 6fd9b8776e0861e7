/* SPDX-License-Identifier: Apache-2.0 */
/* The command line as a whole. */
#include "config.h"

#include "cmd.h"

#define COMMAND(name) extern const Command name##_command;
#include "commands.def"
#undef COMMAND

static const Command *const commands[] = {
#define COMMAND(name) &name##_command,
#include "commands.def"
#undef COMMAND
	NULL,
};

static const char *const group_titles[] = {
	[COMMAND_GROUP_MIGRATE] = "Migrate",
	[COMMAND_GROUP_SETTINGS] = "Settings and policies",
	[COMMAND_GROUP_HOSTS] = "Hosts and VMs",
	[COMMAND_GROUP_CLUSTER] = "Cluster",
	[COMMAND_GROUP_LAB] = "Try and learn",
	[COMMAND_GROUP_OTHER] = "Other",
	NULL,
};

const CmdLine kvmig_cmdline = {
	.program = "kvmig",
	.summary = "live migration of virtual machines, explained",
	.commands = commands,
	.front = front_options,
	.inherited = inherited_options,
	.group_titles = group_titles,
};
