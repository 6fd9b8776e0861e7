/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig policy: list, show, delete; and what all of its subcommands share. */
#include "policy.h"

#include "engine/engine.h"
#include "model/wellknown.h"
#include "observe.h"
#include "resource.h"

/* ---- shared --------------------------------------------------------------------------------- */

gboolean policies_read(Cluster *cluster, Policies *ret_policies, GError **error)
{
	GPtrArray *objects = cluster_list(cluster, &KIND_MIGRATION_POLICY, NULL, NULL, error);

	if (!objects) {
		if (error && *error && error_code(*error) == KVMIG_ERROR_FORBIDDEN)
			error_hint(error,
				   "without the policies nobody can tell which one applies; a VM "
				   "that has migrated names it in status.migrationState, and an "
				   "admin lets you read them with a role for %s.%s",
				   KIND_MIGRATION_POLICY.plural, KIND_MIGRATION_POLICY.group);
		return FALSE;
	}
	ret_policies->objects = objects;
	ret_policies->set = policy_set_new((const cJSON *const *)objects->pdata, objects->len);
	return TRUE;
}

void policies_clear(Policies *policies)
{
	g_clear_pointer(&policies->set, policy_set_free);
	g_clear_pointer(&policies->objects, g_ptr_array_unref);
}

PolicyRule policy_rule_in_force(const Cluster *cluster)
{
	return cluster_caps(cluster)->kvmig_migrates ? POLICY_RULE_DOCUMENTED
						     : POLICY_RULE_KUBEVIRT;
}

const char *policy_rule_name(PolicyRule rule)
{
	return rule == POLICY_RULE_KUBEVIRT ? "kubevirt" : "documented";
}

char *policy_labels_text(const Policy *policy)
{
	if (!policy->has_selectors)
		return g_strdup("none");
	if (policy->n_vm + policy->n_ns == 0)
		return g_strdup("any VM");
	return g_strdup_printf("%u VM, %u project", policy->n_vm, policy->n_ns);
}

gboolean namespace_labels(Cluster *cluster, const char *ns, cJSON **ret_object, gboolean *ret_known,
			  GError **error)
{
	g_autoptr(GError) local = NULL;
	KvmigError code;

	*ret_known = TRUE;
	*ret_object = cluster_get(cluster, &KIND_NAMESPACE, NULL, ns, &local);
	if (*ret_object)
		return TRUE;
	code = error_code(local);
	*ret_known = code != KVMIG_ERROR_FORBIDDEN;
	if (code == KVMIG_ERROR_FORBIDDEN || code == KVMIG_ERROR_NOT_FOUND)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&local));
	return FALSE;
}

gboolean policy_source_check(const ManifestObject *source, GError **error)
{
	const cJSON *object = source->object;
	g_autofree char *place = NULL;

	if (object_kind(object) == &KIND_MIGRATION_POLICY) {
		if (policy_check(object, error))
			return TRUE;
		manifest_explain(source, &KIND_MIGRATION_POLICY, error);
		return FALSE;
	}
	place = manifest_place(source, "kind");
	return error_set(error, KVMIG_ERROR_INVALID, "%s: %s of %s is no MigrationPolicy of %s",
			 place, json_string(object, "kind", "this"),
			 json_string(object, "apiVersion", "no version"),
			 kind_api_version(&KIND_MIGRATION_POLICY));
}

void policy_hint_near_field(const char *key, GError **error)
{
	g_auto(GStrv) names = policy_field_names();
	g_autofree char *near = NULL;

	if (!error || !*error || error_get_hint(*error) ||
	    g_strv_contains((const char *const *)names, key))
		return;
	near = option_nearest(key, (const char *const *)names);
	if (near)
		error_hint(error, "did you mean %s?", near);
}

/* "allowPostCopy, experimental": what a policy sets and this cluster's engine does not act on. */
static char *without_effect(const CommandContext *context, const cJSON *object)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *item;

	if (!cluster_caps(context->cluster)->kvmig_migrates)
		return NULL;
	cJSON_ArrayForEach(item, json_get(object, "spec"))
	{
		if (!g_str_equal(item->string, "selectors") && !cJSON_IsFalse(item) &&
		    !engine_obeys(item->string))
			g_string_append_printf(text, "%s%s", text->len ? ", " : "", item->string);
	}
	return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

void policy_warn(const CommandContext *context, const cJSON *object)
{
	const cJSON *selectors = json_path(object, "spec", "selectors", NULL);
	g_autofree char *idle = without_effect(context, object);

	if (!cJSON_GetArraySize(json_get(selectors, "virtualMachineInstanceSelector")) &&
	    !cJSON_GetArraySize(json_get(selectors, "namespaceSelector")))
		say_warning(context, "the policy has no labels: it applies to every VM that no "
				     "other policy matches");
	if (json_bool(json_get(object, "spec"), "allowPostCopy", FALSE))
		say_warning(context, "post-copy has no way back: not for critical data, nor for "
				     "unstable networks");
	if (idle)
		say_warning(context, "stored, but without effect on this cluster yet: %s", idle);
}

/* ---- list ----------------------------------------------------------------------------------- */

static char *cell_name(const cJSON *row)
{
	return g_strdup(object_name(row));
}

static char *pairs_text(const cJSON *map)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *item;

	cJSON_ArrayForEach(item, map)
	{
		g_autofree char *value =
			cJSON_IsString(item) ? g_strdup(item->valuestring) : json_print(item);

		g_string_append_printf(text, "%s%s=%s", text->len ? "," : "", item->string, value);
	}
	return text->len ? g_strdup(text->str) : NULL;
}

static char *cell_vm_labels(const cJSON *row)
{
	return pairs_text(
		json_path(row, "spec", "selectors", "virtualMachineInstanceSelector", NULL));
}

static char *cell_project_labels(const cJSON *row)
{
	return pairs_text(json_path(row, "spec", "selectors", "namespaceSelector", NULL));
}

static char *cell_sets(const cJSON *row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *item;

	cJSON_ArrayForEach(item, json_get(row, "spec"))
	{
		g_autofree char *value = NULL;

		if (g_str_equal(item->string, "selectors") || cJSON_IsNull(item))
			continue;
		value = cJSON_IsString(item)   ? g_strdup(item->valuestring)
			: cJSON_IsObject(item) ? g_strdup("...")
					       : json_print(item);
		g_string_append_printf(text, "%s%s=%s", text->len ? "," : "", item->string, value);
	}
	return text->len ? g_strdup(text->str) : NULL;
}

static char *row_name(const cJSON *row)
{
	return g_strdup_printf("migrationpolicy.migrations.kubevirt.io/%s", object_name(row));
}

static const OutputColumn columns[] = {
	{ "NAME", FALSE, FALSE, cell_name },
	{ "VM-LABELS", FALSE, FALSE, cell_vm_labels },
	{ "PROJECT-LABELS", FALSE, FALSE, cell_project_labels },
	{ "SETS", FALSE, FALSE, cell_sets },
	{ "AGE", FALSE, FALSE, object_age },
	{ NULL, FALSE, FALSE, NULL },
};

static int run_list(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "MigrationPolicyList",
				  .columns = columns,
				  .name = row_name };
	g_autoptr(GPtrArray) objects =
		cluster_list(context->cluster, &KIND_MIGRATION_POLICY, NULL, NULL, error);
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);

	(void)values;
	if (!objects)
		return STATUS_FAILED;
	for (guint i = 0; i < objects->len; i++)
		g_ptr_array_add(rows,
				resource_shown(&KIND_MIGRATION_POLICY, objects->pdata[i], FALSE));
	if (objects->len == 0)
		say(context, "there are no migration policies: the cluster's settings hold for "
			     "every VM");
	output_rows(context->output, &spec, rows);
	return STATUS_DONE;
}

/* Where an error says that there is no such policy: the nearest names. */
static void hint_near_policy(Cluster *cluster, const char *name, GError **error)
{
	const ClusterListOptions options = { .metadata_only = TRUE };
	g_autoptr(GPtrArray) objects = NULL;
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *near = NULL;

	if (!error || error_code(*error) != KVMIG_ERROR_NOT_FOUND || error_get_hint(*error))
		return;
	objects = cluster_list(cluster, &KIND_MIGRATION_POLICY, &options, NULL, NULL);
	for (guint i = 0; objects && i < objects->len; i++)
		g_ptr_array_add(names, (gpointer)object_name(objects->pdata[i]));
	g_ptr_array_add(names, NULL);
	near = option_nearest(name, (const char *const *)names->pdata);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "'kvmig policy list' lists them");
}

/* ---- show ----------------------------------------------------------------------------------- */

static void show_fields(const CommandContext *context, const cJSON *object)
{
	g_autofree char *vm = cell_vm_labels(object);
	g_autofree char *project = cell_project_labels(object);
	g_autofree char *age = object_age(object);
	g_auto(GStrv) names = policy_field_names();

	show_field(context, "Name", object_name(object));
	show_field(context, "VM labels", vm);
	show_field(context, "Project labels", project);
	show_field(context, "Age", age);
	for (char **name = names; *name; name++) {
		g_auto(GStrv) words = g_strsplit(*name, ".", -1);
		const cJSON *value = json_get(object, "spec");
		g_autofree char *text = NULL;

		for (char **word = words; *word; word++)
			value = json_get(value, *word);
		if (!value || cJSON_IsNull(value))
			continue;
		text = cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);
		show_field(context, *name, text);
	}
}

static int run_show(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .columns = columns, .name = row_name, .single = TRUE };
	g_autoptr(cJSON) object = cluster_get(context->cluster, &KIND_MIGRATION_POLICY, NULL,
					      context->args[0], error);
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	g_autoptr(cJSON) shown = NULL;

	(void)values;
	if (!object) {
		hint_near_policy(context->cluster, context->args[0], error);
		return STATUS_FAILED;
	}
	if (context->output->format == OUTPUT_TABLE || context->output->format == OUTPUT_WIDE) {
		show_fields(context, object);
		return STATUS_DONE;
	}
	shown = resource_shown(&KIND_MIGRATION_POLICY, object, FALSE);
	g_ptr_array_add(rows, shown);
	output_rows(context->output, &spec, rows);
	return STATUS_DONE;
}

/* ---- delete --------------------------------------------------------------------------------- */

static int run_delete(CommandContext *context, const void *values, GError **error)
{
	Tally tally = { 0 };

	(void)values;
	(void)error; /* each is reported on its own */
	for (guint i = 0; i < context->n_args; i++) {
		const char *name = context->args[i];
		GError *failure = NULL;

		if (cluster_delete(context->cluster, &KIND_MIGRATION_POLICY, NULL, name, NULL,
				   CLUSTER_WRITE_NONE, &failure))
			say(context, "policy '%s' deleted", name);
		else
			hint_near_policy(context->cluster, name, &failure);
		if (!tally_add(&tally, NULL, failure))
			break;
	}
	tally_tell_left(context, &tally, context->n_args);
	return (int)tally_status(&tally);
}

/* ---- the table ------------------------------------------------------------------------------ */

static const char *const list_examples[] = { "kvmig policy list", NULL };
static const char *const show_examples[] = { "kvmig policy show gold",
					     "kvmig policy show gold -o yaml", NULL };
static const char *const delete_examples[] = { "kvmig policy delete gold", NULL };

static const Command list_command = {
	.name = "list",
	.summary = "list the migration policies",
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_list,
	.examples = list_examples,
};

static const Command show_command = {
	.name = "show",
	.summary = "show one migration policy",
	.args = { "POLICY", 1, 1, COMPLETE_POLICY },
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_show,
	.examples = show_examples,
};

static const Command delete_command = {
	.name = "delete",
	.summary = "delete migration policies",
	.args = { "POLICY", 1, G_MAXUINT, COMPLETE_POLICY },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_delete,
	.examples = delete_examples,
};

static const Command *const subcommands[] = {
	&policy_create_command,  &list_command,
	&show_command,           &policy_edit_command,
	&policy_explain_command, &policy_matches_command,
	&policy_lint_command,    &policy_test_command,
	&delete_command,         NULL,
};

const Command policy_command = {
	.name = "policy",
	.summary = "settings for the VMs that labels choose",
	.group = COMMAND_GROUP_SETTINGS,
	.subcommands = subcommands,
};
