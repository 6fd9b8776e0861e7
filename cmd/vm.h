/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `kvmig vm` share. */
#pragma once

#include "cmd.h"

/* The VM, as it is now. NOT_FOUND only after the hosts have been looked at. */
cJSON *vm_find_fresh(const CommandContext *context, const char *word, GError **error);

/* Its migration, the one under way or the last one, and the policy that applies to the next. */
void vm_show_migration(const CommandContext *context, const cJSON *vmi);

extern const Command vm_label_command;
