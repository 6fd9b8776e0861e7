/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig policy edit: in an editor, or by options, for scripts and for the fixes that lint names. */
#include "policy.h"

#include <string.h>

#include "edit.h"

typedef struct {
	GPtrArray *set;
	GPtrArray *unset;
} EditValues;

/* ---- by options ----------------------------------------------------------------------------- */

static gboolean take_field(cJSON *object, const char *text, GError **error)
{
	const char *equals = strchr(text, '=');
	g_autofree char *key = NULL;

	if (!equals || equals == text) {
		error_set(error, KVMIG_ERROR_USAGE, "--set: '%s' is not KEY=VALUE", text);
		error_hint(error, "for example --set bandwidthPerMigration=64Mi");
		return FALSE;
	}
	key = g_strndup(text, (gsize)(equals - text));
	if (policy_set_field(object, key, equals + 1, error))
		return TRUE;
	policy_hint_near_field(key, error);
	error_prefix(error, "--set");
	return error_usage(error);
}

gboolean policy_set_fields(cJSON *object, const GPtrArray *texts, GError **error)
{
	for (guint i = 0; i < texts->len; i++)
		if (!take_field(object, g_ptr_array_index(texts, i), error))
			return FALSE;
	return TRUE;
}

/* A field of the spec by its path, or a part of `experimental` with all that is in it. */
static gboolean unset_field(cJSON *object, const char *path, GError **error)
{
	g_auto(GStrv) names = policy_field_names();
	g_auto(GStrv) words = g_strsplit(path, ".", -1);
	g_autofree char *inside = g_strconcat(path, ".", NULL);
	cJSON *at = json_get(object, "spec");
	gboolean known = FALSE;

	for (char **name = names; *name; name++)
		known |= g_str_equal(*name, path) || g_str_has_prefix(*name, inside);
	if (!known) {
		error_set(error, KVMIG_ERROR_USAGE, "--unset: a policy has no field '%s'", path);
		policy_hint_near_field(path, error);
		return FALSE;
	}
	for (char **word = words; at && word[1]; word++)
		at = json_get(at, *word);
	if (at)
		json_unset(at, words[g_strv_length(words) - 1]);
	return TRUE;
}

static int change(const CommandContext *context, const EditValues *options, GError **error)
{
	const char *name = context->args[0];
	g_autoptr(cJSON) before =
		cluster_get(context->cluster, &KIND_MIGRATION_POLICY, NULL, name, error);
	g_autoptr(cJSON) after = before ? cJSON_Duplicate(before, TRUE) : NULL;
	g_autoptr(cJSON) stored = NULL;

	if (!before)
		return STATUS_FAILED;
	for (guint i = 0; i < options->unset->len; i++)
		if (!unset_field(after, g_ptr_array_index(options->unset, i), error))
			return STATUS_USAGE;
	if (!policy_set_fields(after, options->set, error))
		return STATUS_FAILED;
	if (json_equal(before, after)) {
		say(context, "policy '%s' unchanged", name);
		return STATUS_DONE;
	}
	if (!policy_check_here(context, after, before, error)) {
		error_prefix(error, "policy '%s'", name);
		return STATUS_FAILED;
	}
	/* of the version that was read: CONFLICT where somebody else was faster */
	stored = cluster_update(context->cluster, after, CLUSTER_WRITE_NONE, error);
	if (!stored)
		return STATUS_FAILED;
	policy_warn(context, stored);
	say(context, "policy '%s' changed", name);
	return STATUS_DONE;
}

/* ---- in an editor --------------------------------------------------------------------------- */

static gboolean check(const EditTarget *target, const cJSON *before, const cJSON *after,
		      GError **error)
{
	return policy_check_here(target->context, after, before, error);
}

static gboolean stored(const EditTarget *target, const cJSON *before, const cJSON *sent,
		       const cJSON *after, GError **error)
{
	(void)before;
	(void)sent;
	(void)error;
	policy_warn(target->context, after);
	return TRUE;
}

static int run_edit(CommandContext *context, const void *values, GError **error)
{
	const EditValues *options = values;
	const EditTarget target = {
		.context = context,
		.kind = &KIND_MIGRATION_POLICY,
		.name = context->args[0],
		.check = check,
		.stored = stored,
	};

	if (options->set->len || options->unset->len)
		return change(context, options, error);
	return edit_object(&target, error);
}

static const Option edit_options[] = {
	OPT_LIST(0, "set", EditValues, set, "KEY=VALUE", "set this, without an editor"),
	OPT_LIST(0, "unset", EditValues, unset, "KEY", "remove this, without an editor"),
	OPT_END,
};

static const char *const examples[] = { "kvmig policy edit gold",
					"kvmig policy edit gold --set bandwidthPerMigration=1Gi",
					NULL };

const Command policy_edit_command = {
	.name = "edit",
	.summary = "change a migration policy, in an editor or by options",
	.options = edit_options,
	.values_size = sizeof(EditValues),
	.args = { "POLICY", 1, 1, COMPLETE_POLICY },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_edit,
	.examples = examples,
};
