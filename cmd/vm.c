/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig vm: the VMs that the hosts have, and their labels. */
#include "vm.h"

#include "model/quantity.h"
#include "model/vmi.h"
#include "observe.h"

/* ---- list ----------------------------------------------------------------------------------- */

typedef struct {
	const char *selector;
	const char *node;
} ListValues;

static char *cell_namespace(const cJSON *row)
{
	return g_strdup(object_namespace(row));
}

static char *cell_name(const cJSON *row)
{
	return g_strdup(object_name(row));
}

/* In the words of people who run VMs; the phase is in -o json. */
static const char *state_word(const cJSON *row, const Vmi *vmi)
{
	if (g_str_equal(vmi->phase, "Running"))
		return condition_is_true(row, "Paused") ? "Paused" : "Running";
	if (g_str_equal(vmi->phase, "Succeeded"))
		return "Stopped";
	if (g_str_equal(vmi->phase, "Failed"))
		return "Crashed";
	return vmi->phase;
}

static char *cell_status(const cJSON *row)
{
	Vmi vmi;

	vmi_read(row, &vmi);
	return g_strconcat(state_word(row, &vmi), vmi.duplicate_uuid ? ",DuplicateUUID" : "",
			   vmi.undecided ? ",Undecided" : "", NULL);
}

static char *cell_node(const cJSON *row)
{
	return g_strdup(json_string(json_get(row, "status"), "nodeName", NULL));
}

static char *cell_memory(const cJSON *row)
{
	Vmi vmi;

	vmi_read(row, &vmi);
	return quantity_human_bytes(vmi.memory_bytes);
}

static char *cell_migratable(const cJSON *row)
{
	Vmi vmi;

	vmi_read(row, &vmi);
	if (vmi.not_migratable_reason)
		return g_strdup(vmi.not_migratable_reason);
	/* what its host said is not true any more when it does not answer */
	return g_strdup(g_str_equal(vmi.phase, "Unknown") ? "Unknown" : "True");
}

static char *cell_raw_name(const cJSON *row)
{
	Vmi vmi;

	vmi_read(row, &vmi);
	return g_strdup(vmi.raw_name);
}

static char *cell_uuid(const cJSON *row)
{
	Vmi vmi;

	vmi_read(row, &vmi);
	return g_strdup(vmi.domain_uuid);
}

static char *cell_also_on(const cJSON *row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *item;

	cJSON_ArrayForEach(item, json_path(row, "status", "alsoOn", NULL))
	{
		if (cJSON_IsString(item))
			g_string_append_printf(text, "%s%s", text->len ? "," : "",
					       item->valuestring);
	}
	return text->len ? g_strdup(text->str) : NULL;
}

static char *cell_labels(const cJSON *row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *item;

	cJSON_ArrayForEach(item, object_labels(row))
	{
		if (cJSON_IsString(item) && !inventory_owns_vmi_label(item->string))
			g_string_append_printf(text, "%s%s=%s", text->len ? "," : "", item->string,
					       item->valuestring);
	}
	return text->len ? g_strdup(text->str) : NULL;
}

static char *row_name(const cJSON *row)
{
	return g_strdup_printf("virtualmachineinstance.kubevirt.io/%s", object_name(row));
}

/* The first one is left out where one namespace is looked at. */
static const OutputColumn columns[] = {
	{ "NAMESPACE", FALSE, FALSE, cell_namespace },
	{ "NAME", FALSE, FALSE, cell_name },
	{ "STATUS", FALSE, FALSE, cell_status },
	{ "NODE", FALSE, FALSE, cell_node },
	{ "AGE", FALSE, FALSE, object_age },
	{ "MEMORY", FALSE, TRUE, cell_memory },
	{ "MIGRATABLE", FALSE, FALSE, cell_migratable },
	{ "RAW-NAME", TRUE, FALSE, cell_raw_name },
	{ "UUID", TRUE, FALSE, cell_uuid },
	{ "ALSO-ON", TRUE, FALSE, cell_also_on },
	{ "LABELS", TRUE, FALSE, cell_labels },
	{ NULL, FALSE, FALSE, NULL },
};

static void keep_node(GPtrArray *vmis, const char *node)
{
	for (guint i = vmis->len; i-- > 0;) {
		const cJSON *status = json_get(g_ptr_array_index(vmis, i), "status");

		if (g_strcmp0(json_string(status, "nodeName", NULL), node) != 0)
			g_ptr_array_remove_index(vmis, i);
	}
}

static gboolean check_node(const CommandContext *context, const char *node, GError **error)
{
	g_autoptr(cJSON) host = node ? observe_host(context->cluster, node, error) : NULL;

	return !node || host;
}

static int run_list(CommandContext *context, const void *values, GError **error)
{
	const ListValues *options = values;
	const OutputSpec spec = { .list_kind = "VirtualMachineInstanceList",
				  .columns = context->ns ? columns + 1 : columns,
				  .name = row_name };
	g_autoptr(Selector) selector = NULL;
	g_autoptr(GPtrArray) vmis = NULL;
	ClusterListOptions list = { .ns = context->ns };

	if (options->selector) {
		selector = selector_parse(options->selector, error);
		if (!selector) {
			(void)error_usage(error);
			return STATUS_USAGE;
		}
		list.selector = selector;
	}
	if (!check_node(context, options->node, error) || !observe_cluster(context, error))
		return STATUS_FAILED;
	vmis = cluster_list(context->cluster, &KIND_VMI, &list, NULL, error);
	if (!vmis)
		return STATUS_FAILED;
	if (options->node)
		keep_node(vmis, options->node);
	if (vmis->len == 0 && context->ns)
		say(context, "no VMs found in namespace '%s'", context->ns);
	else if (vmis->len == 0)
		say(context, "no VMs found");
	output_rows(context->output, &spec, vmis);
	return STATUS_DONE;
}

/* ---- show ----------------------------------------------------------------------------------- */

static void show_vm(const CommandContext *context, const cJSON *object)
{
	g_autofree char *status = cell_status(object);
	g_autofree char *age = object_age(object);
	g_autofree char *memory = cell_memory(object);
	g_autofree char *also_on = cell_also_on(object);
	const cJSON *fields = json_get(object, "status");
	const cJSON *item;
	Vmi vmi;

	vmi_read(object, &vmi);
	show_field(context, "Name", vmi.name);
	show_field(context, "Namespace", vmi.ns);
	show_field(context, "Domain", vmi.raw_name);
	show_field(context, "UUID", vmi.domain_uuid);
	show_field(context, "Status", status);
	show_field(context, "Domain state", json_string(fields, "domainState", NULL));
	show_field(context, "Node", vmi.node_name);
	if (also_on)
		show_field(context, "Also on", also_on);
	show_field(context, "Age", age);
	show_field(context, "Memory", memory);
	show_field(context, "Architecture", vmi.arch);
	show_field(context, "Machine type", vmi.machine_type);
	show_field(context, "CPU model", vmi.cpu_model);
	show_field(context, "Accelerator", vmi.virt_type);
	show_field(context, "Persistent", json_bool(fields, "persistent", FALSE) ? "yes" : "no");
	show_field(context, "Autostart", json_bool(fields, "autostart", FALSE) ? "yes" : "no");
	cJSON_ArrayForEach(item, vmi.node_selector)
	{
		g_autofree char *text =
			g_strdup_printf("%s=%s", item->string, cJSON_GetStringValue(item));

		show_field(context, "Node selector", text);
	}
	vm_show_migration(context, object);
	show_labels(context, object, inventory_owns_vmi_label);
	show_conditions(context, object);
}

cJSON *vm_find_fresh(const CommandContext *context, const char *word, GError **error)
{
	if (!observe_cluster(context, error))
		return NULL;
	return observe_find_vmi(context, word, error);
}

static int run_show(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .columns = columns, .name = row_name, .single = TRUE };
	g_autoptr(cJSON) vmi = vm_find_fresh(context, context->args[0], error);
	g_autoptr(GPtrArray) rows = g_ptr_array_new();

	(void)values;
	if (!vmi)
		return STATUS_FAILED;
	if (context->output->format == OUTPUT_TABLE || context->output->format == OUTPUT_WIDE) {
		show_vm(context, vmi);
		return STATUS_DONE;
	}
	g_ptr_array_add(rows, vmi);
	output_rows(context->output, &spec, rows);
	return STATUS_DONE;
}

/* ---- the table ------------------------------------------------------------------------------ */

static const Option list_options[] = {
	OPT_STRING('l', "selector", ListValues, selector, "SELECTOR", "only VMs with these labels"),
	OPT_STRING(0, "node", ListValues, node, "NODE", "only VMs on this node",
		   .complete = COMPLETE_NODE),
	OPT_END,
};

static const char *const list_examples[] = { "kvmig vm list", "kvmig vm list -A -o wide",
					     "kvmig vm list --node n1 -l app=web", NULL };
static const char *const show_examples[] = { "kvmig vm show web-1", "kvmig vm show web-1 -o json",
					     NULL };
static const Command list_command = {
	.name = "list",
	.summary = "list the VMs and where they are",
	.options = list_options,
	.values_size = sizeof(ListValues),
	.needs = NEED_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE | HAS_ALL_NAMESPACES,
	.run = run_list,
	.examples = list_examples,
};

static const Command show_command = {
	.name = "show",
	.summary = "show all that is known about a VM",
	.args = { "VM", 1, 1, COMPLETE_VM },
	.needs = NEED_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE,
	.run = run_show,
	.examples = show_examples,
};

static const Command *const subcommands[] = { &list_command, &show_command, &vm_label_command,
					      NULL };

const Command vm_command = {
	.name = "vm",
	.summary = "the VMs on the nodes, and their labels",
	.group = COMMAND_GROUP_HOSTS,
	.subcommands = subcommands,
};
