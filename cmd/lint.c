/* SPDX-License-Identifier: Apache-2.0 */
#include "lint.h"

char *lint_cell_reason(const cJSON *row)
{
	return g_strdup(json_string(row, "reason", NULL));
}

char *lint_cell_message(const cJSON *row)
{
	return g_strdup(json_string(row, "message", NULL));
}

char *lint_cell_fix(const cJSON *row)
{
	return g_strdup(json_string(row, "fix", NULL));
}

int lint_finish(const CommandContext *context, const OutputSpec *spec, const GPtrArray *rows,
		const char *clean)
{
	if (rows->len == 0)
		say(context, "%s", clean);
	output_rows(context->output, spec, rows);
	return rows->len ? STATUS_FAILED : STATUS_DONE;
}
