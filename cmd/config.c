/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config: the cluster-wide migration settings. */
#include "config-common.h"

ConfigOwner *config_open(const CommandContext *context, GError **error)
{
	ConfigOwner *owner = config_owner_find(context->cluster, error);

	/* it says what the notes say */
	if (owner && (context->command->needs & MAY_CHANGE) && !config_may_write(owner, error))
		g_clear_pointer(&owner, config_owner_free);
	for (guint i = 0; owner && i < owner->notes->len; i++)
		say_warning(context, "%s", (const char *)owner->notes->pdata[i]);
	return owner;
}

const Setting *config_find_key(const char *key, GError **error)
{
	const Setting *setting = setting_find(key);
	const char *last = strrchr(key, '.'); /* as a path in the object */
	g_autoptr(GPtrArray) keys = NULL;
	g_autofree char *near = NULL;

	if (setting)
		return setting;
	last = last ? last + 1 : key;
	keys = g_ptr_array_new();
	for (guint i = 0; setting_nth(i); i++)
		g_ptr_array_add(keys, (gpointer)setting_nth(i)->key);
	g_ptr_array_add(keys, NULL);
	near = setting_find(last) ? g_strdup_printf("'%s'", last)
				  : option_nearest(last, (const char *const *)keys->pdata);
	error_set(error, KVMIG_ERROR_USAGE, "there is no setting '%s'", key);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "'kvmig config view --all' lists them");
	return NULL;
}

static const Command *const subcommands[] = {
	&config_view_command,    &config_explain_command, &config_set_command,
	&config_unset_command,   &config_edit_command,    &config_preset_command,
	&config_history_command, &config_undo_command,    &config_lint_command,
	&config_diff_command,    NULL,
};

const Command config_command = {
	.name = "config",
	.summary = "the cluster-wide migration settings",
	.group = COMMAND_GROUP_SETTINGS,
	.subcommands = subcommands,
};
