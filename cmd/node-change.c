/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig node label, cordon, uncordon, remove. None of them touches a domain. */
#include "node.h"

#include "model/host.h"
#include "model/migration.h"
#include "model/vmi.h"

/* ---- label ---------------------------------------------------------------------------------- */

typedef struct {
	gboolean overwrite;
} LabelValues;

static int run_label(CommandContext *context, const void *values, GError **error)
{
	const LabelValues *options = values;
	g_autoptr(cJSON) host = NULL;
	g_autoptr(cJSON) stored = NULL;

	if (node_refuse_kubernetes(context, "kvmig label node NAME KEY=VALUE", error))
		return STATUS_FAILED;
	host = observe_host(context->cluster, context->args[0], error);
	if (!host || !change_labels(host, context->args + 1, options->overwrite,
				    inventory_owns_host_label, error))
		return STATUS_FAILED;
	stored = cluster_update(context->cluster, host, CLUSTER_WRITE_NONE, error);
	if (!stored)
		return STATUS_FAILED;
	say(context, "node '%s' labelled", context->args[0]);
	return STATUS_DONE;
}

/* ---- cordon --------------------------------------------------------------------------------- */

static gboolean set_unschedulable(CommandContext *context, const char *name, gboolean cordoned,
				  GError **error)
{
	g_autoptr(cJSON) object = observe_host(context->cluster, name, error);
	g_autoptr(cJSON) patch = cJSON_CreateObject();
	g_autoptr(cJSON) stored = NULL;
	const char *word = cordoned ? "cordoned" : "uncordoned";
	cJSON *spec;
	Host host;

	if (!object)
		return FALSE;
	host_read(object, &host);
	if (host.unschedulable == cordoned) {
		say(context, "node '%s' is %s already", name, word);
		return TRUE;
	}
	spec = json_ensure_object(patch, "spec");
	if (cordoned)
		json_set_bool(spec, "unschedulable", TRUE);
	else
		json_set(spec, "unschedulable", cJSON_CreateNull());
	stored = cluster_patch(context->cluster, &KIND_HOST, NULL, name, CLUSTER_PATCH_MERGE, patch,
			       CLUSTER_WRITE_NONE, error);
	if (!stored)
		return FALSE;
	say(context, "node '%s' %s", name, word);
	return TRUE;
}

/* Names are checked before the first is changed. */
static int set_all(CommandContext *context, gboolean cordoned, GError **error)
{
	if (node_refuse_kubernetes(
		    context, cordoned ? "kubectl cordon NODE" : "kubectl uncordon NODE", error))
		return STATUS_FAILED;
	for (guint i = 0; i < context->n_args; i++) {
		g_autoptr(cJSON) host = observe_host(context->cluster, context->args[i], error);

		if (!host)
			return STATUS_FAILED;
	}
	for (guint i = 0; i < context->n_args; i++) {
		if (!set_unschedulable(context, context->args[i], cordoned, error))
			return STATUS_FAILED;
	}
	return STATUS_DONE;
}

static int run_cordon(CommandContext *context, const void *values, GError **error)
{
	(void)values;
	return set_all(context, TRUE, error);
}

static int run_uncordon(CommandContext *context, const void *values, GError **error)
{
	(void)values;
	return set_all(context, FALSE, error);
}

/* ---- remove --------------------------------------------------------------------------------- */

typedef struct {
	gboolean force;
} RemoveValues;

static gboolean is_alive_there(const cJSON *object, const char *node)
{
	Vmi vmi;

	vmi_read(object, &vmi);
	/* Unknown may well be running: the host does not say. */
	return g_strcmp0(vmi.node_name, node) == 0 &&
	       (g_str_equal(vmi.phase, "Running") || g_str_equal(vmi.phase, "Unknown"));
}

static gboolean check_no_vms(CommandContext *context, const char *node, const GPtrArray *vmis,
			     GError **error)
{
	g_autoptr(GString) names = g_string_new(NULL);
	guint count = 0;

	(void)context;
	for (guint i = 0; i < vmis->len; i++) {
		const cJSON *vmi = g_ptr_array_index(vmis, i);

		if (!is_alive_there(vmi, node))
			continue;
		if (count++ < 5)
			g_string_append_printf(names, "%s'%s'", names->len ? ", " : "",
					       object_name(vmi));
	}
	if (count == 0)
		return TRUE;
	error_set(error, KVMIG_ERROR_REFUSED, "node '%s' is not removed: %u VM%s there: %s%s", node,
		  count, count == 1 ? " is" : "s are", names->str, count > 5 ? ", …" : "");
	error_hint(error, "migrate or stop them first; --force removes the node from kvmig and "
			  "leaves them running");
	return FALSE;
}

static gboolean uses_node(const Migration *migration, const char *node)
{
	return !migration_phase_is_final(migration->phase) &&
	       (g_strcmp0(migration->source_node, node) == 0 ||
		g_strcmp0(migration->target_node, node) == 0);
}

static gboolean check_no_migrations(CommandContext *context, const char *node, GError **error)
{
	g_autoptr(GPtrArray) all = cluster_list(context->cluster, &KIND_VMIM, NULL, NULL, error);

	for (guint i = 0; all && i < all->len; i++) {
		Migration migration;

		migration_read(g_ptr_array_index(all, i), &migration);
		if (!uses_node(&migration, node))
			continue;
		error_set(error, KVMIG_ERROR_REFUSED,
			  "node '%s' is not removed: migration '%s' of '%s' uses it", node,
			  migration.name, migration.vmi_name);
		error_hint(error, "wait for it with 'kvmig status -w %s', or cancel it",
			   migration.vmi_name);
		return FALSE;
	}
	return all != NULL;
}

/* With --force: what then becomes of migrations under way. */
static gboolean warn_of_migrations(CommandContext *context, const char *node, GError **error)
{
	g_autoptr(GPtrArray) all = cluster_list(context->cluster, &KIND_VMIM, NULL, NULL, error);

	for (guint i = 0; all && i < all->len; i++) {
		Migration migration;

		migration_read(g_ptr_array_index(all, i), &migration);
		if (!uses_node(&migration, node))
			continue;
		say_warning(context,
			    "migration '%s' of VM '%s' from '%s' to '%s' is under way: libvirt "
			    "goes on with it, but kvmig can no longer ask '%s', and leaves it "
			    "undecided until the node is there again",
			    migration.name, migration.vmi_name,
			    migration.source_node ? migration.source_node : "?",
			    migration.target_node ? migration.target_node : "?", node);
		say_hint(context, "'kvmig node add %s' with the same URI lets kvmig settle it",
			 node);
	}
	return all != NULL;
}

static gboolean is_only_there(const cJSON *vmi, const char *node)
{
	const cJSON *copy;
	gboolean there = FALSE;

	cJSON_ArrayForEach(copy, json_path(vmi, "status", "copies", NULL))
	{
		if (g_strcmp0(json_string(copy, "node", NULL), node) != 0)
			return FALSE;
		there = TRUE;
	}
	return there;
}

static gboolean delete_all(CommandContext *context, const char *node, const GPtrArray *vmis,
			   GError **error)
{
	if (!cluster_delete(context->cluster, &KIND_HOST, NULL, node, NULL, CLUSTER_WRITE_NONE,
			    error))
		return FALSE;
	for (guint i = 0; i < vmis->len; i++) {
		const cJSON *vmi = g_ptr_array_index(vmis, i);

		if (is_only_there(vmi, node) &&
		    !cluster_delete(context->cluster, &KIND_VMI, object_namespace(vmi),
				    object_name(vmi), object_uid(vmi), CLUSTER_WRITE_NONE, error))
			return FALSE;
	}
	return TRUE;
}

static int run_remove(CommandContext *context, const void *values, GError **error)
{
	const RemoveValues *options = values;
	const char *node = context->args[0];
	g_autoptr(cJSON) host = NULL;
	g_autoptr(GPtrArray) vmis = NULL;

	if (node_refuse_kubernetes(context, "kubectl delete node NODE", error))
		return STATUS_FAILED;
	host = observe_host(context->cluster, node, error);
	if (!host || (!options->force && !observe_node(context, node, error)))
		return STATUS_FAILED;
	if (!cluster_batch_begin(context->cluster, error))
		return STATUS_FAILED;
	vmis = cluster_list(context->cluster, &KIND_VMI, NULL, NULL, error);
	if (!vmis ||
	    !(options->force ? warn_of_migrations(context, node, error)
			     : check_no_vms(context, node, vmis, error) &&
				       check_no_migrations(context, node, error)) ||
	    !delete_all(context, node, vmis, error)) {
		cluster_batch_rollback(context->cluster);
		return STATUS_FAILED;
	}
	if (!cluster_batch_commit(context->cluster, error))
		return STATUS_FAILED;
	say(context, "node '%s' removed; its VMs were not touched", node);
	return STATUS_DONE;
}

/* ---- the table ------------------------------------------------------------------------------ */

static const Option label_options[] = {
	OPT_FLAG(0, "overwrite", LabelValues, overwrite, "change labels that are there already"),
	OPT_END,
};

static const Option remove_options[] = {
	OPT_FLAG(0, "force", RemoveValues, force,
		 "also where VMs run there or a migration uses it"),
	OPT_END,
};

static const char *const label_examples[] = { "kvmig node label n1 zone=a",
					      "kvmig node label n1 zone=b --overwrite",
					      "kvmig node label n1 zone-", NULL };
static const char *const cordon_examples[] = { "kvmig node cordon n1", NULL };
static const char *const uncordon_examples[] = { "kvmig node uncordon n1", NULL };
static const char *const remove_examples[] = { "kvmig node remove b --force", NULL };

const Command node_label_command = {
	.name = "label",
	.summary = "set (k=v) and remove (k-) labels of a node",
	.options = label_options,
	.values_size = sizeof(LabelValues),
	.args = { "NODE LABEL", 2, G_MAXUINT, COMPLETE_NODE },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_label,
	.examples = label_examples,
};

const Command node_cordon_command = {
	.name = "cordon",
	.summary = "let no VM be migrated to a node",
	.args = { "NODE", 1, G_MAXUINT, COMPLETE_NODE },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_cordon,
	.examples = cordon_examples,
};

const Command node_uncordon_command = {
	.name = "uncordon",
	.summary = "let VMs be migrated to a node again",
	.args = { "NODE", 1, G_MAXUINT, COMPLETE_NODE },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_uncordon,
	.examples = uncordon_examples,
};

const Command node_remove_command = {
	.name = "remove",
	.summary = "take a node out of the cluster; its VMs run on",
	.options = remove_options,
	.values_size = sizeof(RemoveValues),
	.args = { "NODE", 1, 1, COMPLETE_NODE },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_remove,
	.examples = remove_examples,
};
