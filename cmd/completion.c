/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd.h"

#include <string.h>

#include "base/error.h"

static const struct {
	const char *shell;
	char *(*make)(const CmdLine *cmdline);
} shells[] = { { "bash", complete_bash }, { "zsh", complete_zsh }, { "fish", complete_fish } };

static int run_completion(CommandContext *context, const void *values, GError **error)
{
	(void)values;
	for (guint i = 0; i < G_N_ELEMENTS(shells); i++) {
		if (strcmp(shells[i].shell, context->args[0]) == 0) {
			g_autofree char *script = shells[i].make(&kvmig_cmdline);

			(void)fputs(script, context->output->stream);
			return STATUS_DONE;
		}
	}
	error_set(error, KVMIG_ERROR_USAGE, "no completion for the shell '%s'", context->args[0]);
	error_hint(error, "one of: bash, zsh, fish");
	return STATUS_USAGE;
}

static const char *const examples[] = { "kvmig completion bash", NULL };

const Command completion_command = {
	.name = "completion",
	.summary = "print the completion script of a shell",
	.group = COMMAND_GROUP_OTHER,
	.args = { "SHELL", 1, 1, COMPLETE_SHELL },
	.run = run_completion,
	.examples = examples,
};
