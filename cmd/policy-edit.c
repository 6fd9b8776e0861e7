/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig policy edit. */
#include "policy.h"

#include "edit.h"

static gboolean check(const EditTarget *target, const cJSON *before, const cJSON *after,
		      GError **error)
{
	(void)target;
	(void)before;
	return policy_check(after, error);
}

static gboolean stored(const EditTarget *target, const cJSON *before, const cJSON *after,
		       GError **error)
{
	(void)before;
	(void)error;
	policy_warn(target->context, after);
	return TRUE;
}

static int run_edit(CommandContext *context, const void *values, GError **error)
{
	const EditTarget target = {
		.context = context,
		.kind = &KIND_MIGRATION_POLICY,
		.name = context->args[0],
		.check = check,
		.stored = stored,
	};

	(void)values;
	return edit_object(&target, error);
}

static const char *const examples[] = { "kvmig policy edit gold", NULL };

const Command policy_edit_command = {
	.name = "edit",
	.summary = "change a migration policy in an editor",
	.args = { "POLICY", 1, 1, COMPLETE_POLICY },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_edit,
	.examples = examples,
};
