/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config set and unset; what all changes of settings tell. */
#include "config-common.h"

#include <string.h>

#include "engine/engine.h"
#include "model/quantity.h"

static const char *const dry_run_choices[] = { "no", "client", "server", NULL };

const Option config_dry_run_options[] = {
	OPT_CHOICE(0, "dry-run", ConfigDryRun, dry_run, "WHERE",
		   "only tell; 'server': let the server check it too", dry_run_choices,
		   .defval = "no", .optional_value = TRUE, .implied = "client"),
	OPT_END,
};

ClusterWriteFlags config_flags(const ConfigDryRun *dry_run)
{
	return dry_run->dry_run == DRY_RUN_NO ? CLUSTER_WRITE_NONE : CLUSTER_WRITE_DRY_RUN;
}

/* ---- telling -------------------------------------------------------------------------------- */

static void echo_rate(const CommandContext *context, const ConfigOwner *owner, const cJSON *value)
{
	g_autofree char *text =
		cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);
	gint64 bytes;

	if (!quantity_parse(text, &bytes, NULL))
		return;
	if (bytes == 0)
		say(context, "no cap on the bandwidth");
	else
		say(context,
		    "%" G_GINT64_FORMAT " bytes/s, %.3g Gbit/s; applied as %" G_GINT64_FORMAT
		    " MiB/s",
		    bytes, (double)bytes * 8 / 1e9, config_applied_mib(owner, bytes));
}

/* Whether allowWorkloadDisruption is on with these changes, of which allowPostCopy=true is one. Not
 * by what is in force, which HyperConverged has yet to hand on. */
static gboolean has_disruption(const ConfigOwner *owner, const cJSON *changes)
{
	const char *key = "allowWorkloadDisruption";
	const cJSON *value = json_path(changes, key, "after", NULL);

	if (!value)
		value = json_get(settings_map(owner->object), key);
	if (!value || cJSON_IsNull(value))
		return config_disruption_follows(owner);
	return cJSON_IsTrue(value);
}

/* The change is made, and makes no difference. */
static void warn_of_annotation(const CommandContext *context, const ConfigOwner *owner,
			       const Setting *setting)
{
	if (!json_get(owner->patched, setting->key))
		return;
	say_warning(context, "%s: the annotation %s of %s decides, whatever is set here",
		    setting->key, ANNOTATION_JSONPATCH, owner->kind->kind);
	say_hint(context, "take it out of the annotation: kvmig config edit");
}

static void warn_about(const CommandContext *context, const ConfigOwner *owner,
		       const Setting *setting, const cJSON *changes)
{
	const cJSON *value = json_path(changes, setting->key, "after", NULL);

	warn_of_annotation(context, owner, setting);
	if (setting->type == SETTING_BANDWIDTH && !cJSON_IsNull(value))
		echo_rate(context, owner, value);
	if (g_str_equal(setting->key, "allowPostCopy") && cJSON_IsTrue(value)) {
		say_warning(context, "post-copy has no way back: not for critical data, nor for "
				     "unstable networks");
		if (!cluster_caps(context->cluster)->kvmig_migrates &&
		    !has_disruption(owner, changes))
			say_hint(context, "it fires only with allowWorkloadDisruption=true, which "
					  "also permits pausing the guest");
	}
	if (!cJSON_IsFalse(value) && !cJSON_IsNull(value) && !engine_obeys(setting->key) &&
	    cluster_caps(context->cluster)->kvmig_migrates)
		say_warning(context, "%s is stored, but has no effect on this cluster yet",
			    setting->key);
	if (g_str_equal(setting->key, "disableTLS") && cJSON_IsTrue(value))
		say_warning(context, "guests' memory will cross the network unencrypted");
	if (g_str_has_prefix(setting->key, "parallel") && cJSON_IsNumber(value) &&
	    value->valuedouble < 1 && !setting->only_kvmig)
		say_warning(context, "%s is 0: no migration will ever start", setting->key);
}

/* `side` is "before" or "after". */
static char *side_text(const ConfigOwner *owner, const Setting *setting, const cJSON *changes,
		       const char *side)
{
	const cJSON *value = json_path(changes, setting->key, side, NULL);
	const cJSON *post_copy = json_path(changes, "allowPostCopy", side, NULL);
	g_auto(ConfigValue) now = { 0 };
	g_autofree char *text = NULL;

	if (value && !cJSON_IsNull(value))
		return setting_value_text(setting, value);
	config_value(owner, setting, &now);
	/* KubeVirt's default follows a setting that these changes are about */
	if (post_copy && g_str_equal(setting->key, "allowWorkloadDisruption") &&
	    config_disruption_follows(owner))
		return g_strdup_printf("%s (default)", cJSON_IsTrue(post_copy) ? "true" : "false");
	text = setting_value_text(setting, now.fallback);
	return g_strdup_printf("%s (default)", text);
}

void config_show_changes(const CommandContext *context, const ConfigOwner *owner,
			 const cJSON *changes, ClusterWriteFlags flags)
{
	const cJSON *change;

	if (!changes->child)
		say(context, "nothing to change: it is so already");
	cJSON_ArrayForEach(change, changes)
	{
		const Setting *setting = setting_find(change->string);
		g_autofree char *before = NULL, *after = NULL;

		if (!setting)
			continue;
		before = side_text(owner, setting, changes, "before");
		after = side_text(owner, setting, changes, "after");
		say(context, "%s: %s -> %s%s", setting->key, before, after,
		    flags & CLUSTER_WRITE_DRY_RUN ? " (dry run)" : "");
		warn_about(context, owner, setting, changes);
	}
}

gboolean config_carry_out(const CommandContext *context, ConfigOwner *owner,
			  const ConfigWrite *write, GError **error)
{
	g_autoptr(cJSON) changes = NULL;

	if (!config_write(owner, write, &changes, error))
		return FALSE;
	config_show_changes(context, owner, changes, write->flags);
	return TRUE;
}

/* ---- set and unset -------------------------------------------------------------------------- */

static gboolean parse_change(const char *text, cJSON *changes, GError **error)
{
	const char *equals = strchr(text, '=');
	g_autofree char *key = NULL;
	const Setting *setting;
	cJSON *value;

	if (!equals) {
		error_set(error, KVMIG_ERROR_USAGE, "'%s' is not KEY=VALUE", text);
		error_hint(error, "for example parallelMigrationsPerCluster=3");
		return FALSE;
	}
	key = g_strndup(text, (gsize)(equals - text));
	setting = config_find_key(key, error);
	if (!setting)
		return FALSE;
	if (json_get(changes, key))
		return error_set(error, KVMIG_ERROR_USAGE, "two values for %s", key);
	value = setting_parse_value(setting, equals + 1, error);
	if (!value)
		return error_usage(error);
	json_set(changes, key, value);
	return TRUE;
}

static cJSON *make_fixed(const ConfigOwner *owner, gpointer data, ConfigRecord *record,
			 GError **error)
{
	(void)owner;
	(void)record;
	(void)error;
	return cJSON_Duplicate(data, TRUE);
}

static int write_fixed(CommandContext *context, cJSON *changes, const char *how,
		       const ConfigDryRun *dry_run, GError **error)
{
	const ConfigWrite write = {
		.make = make_fixed, .data = changes, .how = how, .flags = config_flags(dry_run)
	};
	g_autoptr(ConfigOwner) owner = config_open(context, error);

	if (!owner || !config_carry_out(context, owner, &write, error))
		return STATUS_FAILED;
	return STATUS_DONE;
}

static int run_set(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(cJSON) changes = cJSON_CreateObject();

	for (guint i = 0; i < context->n_args; i++)
		if (!parse_change(context->args[i], changes, error))
			return STATUS_FAILED;
	return write_fixed(context, changes, "set", values, error);
}

static int run_unset(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(cJSON) changes = cJSON_CreateObject();

	for (guint i = 0; i < context->n_args; i++) {
		const Setting *setting = config_find_key(context->args[i], error);

		if (!setting)
			return STATUS_FAILED;
		json_set(changes, setting->key, cJSON_CreateNull());
	}
	return write_fixed(context, changes, "unset", values, error);
}

/* ---- the table ------------------------------------------------------------------------------ */

static const char *const set_examples[] = { "kvmig config set bandwidthPerMigration=64Mi",
					    "kvmig config set progressTimeout=60 "
					    "disableTLS=false",
					    "kvmig config set allowPostCopy=true --dry-run=server",
					    NULL };
static const char *const unset_examples[] = { "kvmig config unset bandwidthPerMigration", NULL };

const Command config_set_command = {
	.name = "set",
	.summary = "change settings",
	.options = config_dry_run_options,
	.values_size = sizeof(ConfigDryRun),
	.args = { "KEY=VALUE", 1, G_MAXUINT, COMPLETE_SETTING },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_set,
	.examples = set_examples,
};

const Command config_unset_command = {
	.name = "unset",
	.summary = "put settings back to their defaults",
	.options = config_dry_run_options,
	.values_size = sizeof(ConfigDryRun),
	.args = { "KEY", 1, G_MAXUINT, COMPLETE_SETTING },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_unset,
	.examples = unset_examples,
};
