/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of `kvmig config` share. */
#pragma once

#include "cmd.h"

#include "config/change.h"
#include "config/practice.h"

extern const Command config_view_command, config_explain_command, config_set_command,
	config_unset_command, config_edit_command, config_history_command, config_undo_command,
	config_preset_command, config_lint_command, config_diff_command;

/* The owner; what could not be read is told as warnings. */
ConfigOwner *config_open(const CommandContext *context, GError **error);

/* USAGE with near names. */
const Setting *config_find_key(const char *key, GError **error);

/* --dry-run[=server] */
typedef struct {
	int dry_run;
} ConfigDryRun;
enum { DRY_RUN_NO, DRY_RUN_CLIENT, DRY_RUN_SERVER };
extern const Option config_dry_run_options[];
ClusterWriteFlags config_flags(const ConfigDryRun *dry_run);

/* Writes, or only says what it would: "KEY: BEFORE -> AFTER" for each, and what one should know
 * of the new values. */
gboolean config_carry_out(const CommandContext *context, ConfigOwner *owner,
			  const ConfigWrite *write, GError **error);
void config_show_changes(const CommandContext *context, const ConfigOwner *owner,
			 const cJSON *changes, ClusterWriteFlags flags);
