/* SPDX-License-Identifier: Apache-2.0 */
/* What the lint subcommands share: findings as rows with `reason`, `message` and `fix`. */
#pragma once

#include "cmd.h"

/* Of such a row. */
char *lint_cell_reason(const cJSON *row);
char *lint_cell_message(const cJSON *row);
char *lint_cell_fix(const cJSON *row);

/* Prints the findings, or where there is none says `clean`. The exit status. */
int lint_finish(const CommandContext *context, const OutputSpec *spec, const GPtrArray *rows,
		const char *clean);
