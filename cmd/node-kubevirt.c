/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig node list and show where the nodes are Kubernetes' own: what matters of them to VMs. */
#include "node.h"

#include <string.h>

#include "model/host.h"
#include "model/wellknown.h"
#include "resource.h"

gboolean node_is_kubernetes(const CommandContext *context)
{
	return cluster_caps(context->cluster)->node_kind == &KIND_NODE;
}

gboolean node_refuse_kubernetes(const CommandContext *context, const char *hint, GError **error)
{
	if (!node_is_kubernetes(context))
		return FALSE;
	error_set(error, KVMIG_ERROR_REFUSED,
		  "the nodes of this cluster are Kubernetes' own: here kvmig only lists and shows "
		  "them");
	error_hint(error, "%s", hint);
	return TRUE;
}

/* ---- cells ---------------------------------------------------------------------------------- */

/* KubeVirt's own word on it; on a node that it does not know there is none. */
static gboolean takes_vms(const cJSON *node)
{
	return g_strcmp0(object_label(node, LABEL_SCHEDULABLE), "true") == 0;
}

static char *cell_status(const cJSON *row)
{
	g_autofree char *status = node_status_text(row);

	return g_strconcat(status, takes_vms(row) ? "" : ",NoVMs", NULL);
}

static const char *info(const cJSON *row, const char *key)
{
	return json_string(json_path(row, "status", "nodeInfo", NULL), key, NULL);
}

static char *cell_version(const cJSON *row)
{
	return g_strdup(info(row, "kubeletVersion"));
}

static char *cell_allocatable(const cJSON *row)
{
	return human_quantity(
		json_string(json_path(row, "status", "allocatable", NULL), "memory", NULL));
}

/* The labeller writes one such label; of several, as after a change of hardware, all. */
static char *cell_model(const cJSON *row)
{
	g_autoptr(GString) models = g_string_new(NULL);
	const cJSON *item;

	cJSON_ArrayForEach(item, object_labels(row))
	{
		if (item->string && g_str_has_prefix(item->string, LABEL_PREFIX_HOST_MODEL_CPU))
			g_string_append_printf(models, "%s%s", models->len ? "," : "",
					       item->string + strlen(LABEL_PREFIX_HOST_MODEL_CPU));
	}
	return models->len ? g_string_free(g_steal_pointer(&models), FALSE) : NULL;
}

static char *cell_arch(const cJSON *row)
{
	return g_strdup(info(row, "architecture"));
}

static char *row_name(const cJSON *row)
{
	return resource_id(&KIND_NODE, object_name(row));
}

static const OutputColumn columns[] = {
	{ "NAME", FALSE, FALSE, node_cell_name },
	{ "STATUS", FALSE, FALSE, cell_status },
	{ "AGE", FALSE, FALSE, object_age },
	{ "VERSION", FALSE, FALSE, cell_version },
	{ "VMS", FALSE, TRUE, node_cell_vms },
	{ "MEMORY", FALSE, TRUE, node_cell_memory },
	{ "ALLOCATABLE", FALSE, TRUE, cell_allocatable },
	{ "CPU", TRUE, TRUE, node_cell_cpu },
	{ "CPU-MODEL", TRUE, FALSE, cell_model },
	{ "ARCH", TRUE, FALSE, cell_arch },
	{ NULL, FALSE, FALSE, NULL },
};

/* ---- list ----------------------------------------------------------------------------------- */

/* Of a node's 20 kB what rows show. */
static cJSON *row_new(const cJSON *node)
{
	static const char *const parts[] = { "capacity", "allocatable", "conditions", "nodeInfo",
					     NULL };
	cJSON *row = cJSON_CreateObject();

	json_set(row, "metadata", cJSON_Duplicate(json_get(node, "metadata"), TRUE));
	cJSON_DeleteItemFromObjectCaseSensitive(json_get(row, "metadata"), "annotations");
	cJSON_DeleteItemFromObjectCaseSensitive(json_get(row, "metadata"), "managedFields");
	json_set_bool(json_ensure_object(row, "spec"), "unschedulable",
		      json_bool(json_get(node, "spec"), "unschedulable", FALSE));
	json_copy_members(json_ensure_object(row, "status"), json_get(node, "status"), parts);
	return row;
}

static gboolean take_row(const cJSON *node, gpointer rows)
{
	g_ptr_array_add(rows, row_new(node));
	return TRUE;
}

static gboolean take_whole(const cJSON *node, gpointer rows)
{
	g_ptr_array_add(rows, cJSON_Duplicate(node, TRUE));
	return TRUE;
}

/* What is missing for want of rights is said, and the rest is shown; FALSE: it is another error. */
static gboolean unseen(const CommandContext *context, const char *what, GError **cause,
		       GError **error)
{
	if (error_code(*cause) == KVMIG_ERROR_FORBIDDEN) {
		say_warning(context, "%s cannot be seen: %s", what, (*cause)->message);
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(cause));
	return FALSE;
}

static gboolean count_vms(const CommandContext *context, const GPtrArray *rows, GError **error)
{
	g_autoptr(GError) cause = NULL;

	return node_count_vms(context->cluster, rows, &cause) ||
	       unseen(context, "how many VMs run there", &cause, error);
}

int node_list_kubernetes(const CommandContext *context, const Selector *selector, GError **error)
{
	const OutputSpec spec = { .list_kind = "NodeList", .columns = columns, .name = row_name };
	const ClusterListOptions list = { .selector = selector };
	const gboolean table = node_output_is_table(context);
	g_autoptr(GPtrArray) rows = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);

	if (!cluster_each(context->cluster, &KIND_NODE, &list, table ? take_row : take_whole, rows,
			  NULL, error) ||
	    (table && !count_vms(context, rows, error)))
		return STATUS_FAILED;
	if (rows->len == 0)
		say(context, "no nodes%s", selector ? " match" : "");
	output_rows(context->output, &spec, rows);
	return STATUS_DONE;
}

/* ---- show ----------------------------------------------------------------------------------- */

/* Of KubeVirt's labeller and its device plugins there are hundreds; what a VM needs of them
 * `targets` compares. */
static gboolean is_kubevirts(const char *key)
{
	const char *slash = strchr(key, '/');
	g_autofree char *prefix = slash ? g_strndup(key, (gsize)(slash - key)) : NULL;

	return prefix &&
	       (strcmp(prefix, "kubevirt.io") == 0 || g_str_has_suffix(prefix, ".kubevirt.io"));
}

static void show_hardware(const CommandContext *context, const cJSON *node)
{
	g_autofree char *memory = node_cell_memory(node);
	g_autofree char *allocatable = cell_allocatable(node);
	g_autofree char *both = g_strdup_printf("%s, %s allocatable", memory, allocatable);
	g_autofree char *cpus = node_cell_cpu(node);
	g_autofree char *model = cell_model(node);

	show_field(context, "Kubelet", info(node, "kubeletVersion"));
	show_field(context, "System", info(node, "osImage"));
	show_field(context, "Architecture", info(node, "architecture"));
	show_field(context, "CPU model", model);
	show_field(context, "CPUs", cpus);
	show_field(context, "Memory", both);
}

static void show_taints(const CommandContext *context, const cJSON *node)
{
	const char *label = "Taints";
	const cJSON *taint;

	cJSON_ArrayForEach(taint, json_path(node, "spec", "taints", NULL))
	{
		const char *value = json_string(taint, "value", "");
		g_autofree char *text =
			g_strdup_printf("%s%s%s:%s", json_string(taint, "key", ""),
					*value ? "=" : "", value, json_string(taint, "effect", ""));

		show_field(context, label, text);
		label = " ";
	}
}

static void show(const CommandContext *context, const cJSON *node)
{
	g_autofree char *status = node_status_text(node);
	g_autofree char *age = object_age(node);

	show_field(context, "Name", object_name(node));
	show_field(context, "Status", status);
	show_field(context, "Takes VMs",
		   takes_vms(node) ? "yes"
				   : "no: KubeVirt does not say " LABEL_SCHEDULABLE "=true");
	show_field(context, "Age", age);
	show_hardware(context, node);
	show_taints(context, node);
	show_labels(context, node, is_kubevirts);
	show_conditions(context, node);
}

int node_show_kubernetes(const CommandContext *context, GError **error)
{
	const OutputSpec spec = { .columns = columns, .name = row_name, .single = TRUE };
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) node =
		cluster_get(context->cluster, &KIND_NODE, NULL, context->args[0], &cause);

	if (!node) {
		if (error_code(cause) == KVMIG_ERROR_NOT_FOUND)
			error_hint(&cause, "'kvmig node list' shows the nodes");
		g_propagate_error(error, g_steal_pointer(&cause));
		return STATUS_FAILED;
	}
	if (node_output_is_table(context)) {
		show(context, node);
		return node_show_vms(context, object_name(node), &cause) ||
				       unseen(context, "which VMs run there", &cause, error)
			       ? STATUS_DONE
			       : STATUS_FAILED;
	}
	g_ptr_array_add(rows, node);
	output_rows(context->output, &spec, rows);
	return STATUS_DONE;
}
