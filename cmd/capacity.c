/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig capacity: is there memory to drain nodes into, for the cluster and node by node. */
#include "check.h"

#include "model/quantity.h"
#include "observe.h"

#define NODES_SHOWN 5

typedef struct {
	guint drain_parallel;
} CapacityValues;

/* ---- output --------------------------------------------------------------------------------- */

static cJSON *node_row(const CapacityNode *node)
{
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "node", node->name);
	json_set_string(row, "takesNoVMs", node->why_not);
	if (node->allocatable_bytes > 0)
		json_set_int(row, "allocatableBytes", node->allocatable_bytes);
	json_set_int(row, "requestedBytes", MAX(node->requested_bytes, node->vm_bytes));
	json_set_int(row, "vms", node->vms->len);
	json_set_int(row, "vmRequestedBytes", node->vm_bytes);
	json_set_int(row, "largestVMBytes", node->largest_bytes);
	json_set_int(row, "freeBytes", node->free_bytes);
	json_set_int(row, "freeElsewhereBytes", node->elsewhere_bytes);
	json_set_int(row, "vmsWithoutRoom", node->left);
	return row;
}

static cJSON *make_document(const Capacity *capacity)
{
	cJSON *document = cJSON_CreateObject();
	cJSON *nodes = json_ensure_array(document, "nodes");

	json_set_bool(document, "enough", capacity->enough);
	json_set_bool(document, "everyNodeDrains", capacity->not_drained == 0);
	json_set_int(document, "spareBytes", capacity->spare_bytes);
	json_set_int(document, "neededBytes", capacity->needed_bytes);
	json_set_int(document, "drainParallel", capacity->parallel);
	json_set_string(document, "drainParallelFrom", capacity->parallel_why);
	json_set_string(document, "fullestNode",
			capacity->fullest ? capacity->fullest->name : NULL);
	json_set_bool(document, "podsCounted", capacity->pods_known);
	for (guint i = 0; i < capacity->nodes->len; i++)
		cJSON_AddItemToArray(nodes, node_row(g_ptr_array_index(capacity->nodes, i)));
	return document;
}

static char *bytes_cell(const cJSON *row, const char *key)
{
	gint64 bytes = json_int(row, key, -1);

	return bytes < 0 ? NULL : quantity_human_bytes(bytes);
}

static char *cell_node(const cJSON *row)
{
	return g_strdup(json_string(row, "node", NULL));
}

static char *cell_allocatable(const cJSON *row)
{
	return bytes_cell(row, "allocatableBytes");
}

static char *cell_requested(const cJSON *row)
{
	return bytes_cell(row, "requestedBytes");
}

static char *cell_vms(const cJSON *row)
{
	return g_strdup_printf("%" G_GINT64_FORMAT, json_int(row, "vms", 0));
}

static char *cell_vm_memory(const cJSON *row)
{
	return bytes_cell(row, "vmRequestedBytes");
}

static char *cell_largest(const cJSON *row)
{
	return bytes_cell(row, "largestVMBytes");
}

static char *cell_free(const cJSON *row)
{
	return bytes_cell(row, "freeBytes");
}

static char *cell_elsewhere(const cJSON *row)
{
	return bytes_cell(row, "freeElsewhereBytes");
}

static char *cell_drains(const cJSON *row)
{
	gint64 left = json_int(row, "vmsWithoutRoom", 0);

	return left ? g_strdup_printf("no: %" G_GINT64_FORMAT " left", left) : g_strdup("yes");
}

static char *cell_takes(const cJSON *row)
{
	return g_strdup(json_string(row, "takesNoVMs", "yes"));
}

static const OutputColumn columns[] = {
	{ "NODE", FALSE, FALSE, cell_node },
	{ "ALLOCATABLE", FALSE, TRUE, cell_allocatable },
	{ "REQUESTED", TRUE, TRUE, cell_requested },
	{ "VMS", FALSE, TRUE, cell_vms },
	{ "VM MEMORY", FALSE, TRUE, cell_vm_memory },
	{ "LARGEST", TRUE, TRUE, cell_largest },
	{ "FREE", FALSE, TRUE, cell_free },
	{ "ELSEWHERE", FALSE, TRUE, cell_elsewhere },
	{ "DRAINS", FALSE, FALSE, cell_drains },
	{ "TAKES VMS", TRUE, FALSE, cell_takes },
	{ NULL, FALSE, FALSE, NULL },
};

/* The rule can hold while single nodes cannot be emptied: why both are true. */
static void print_not_drained(const CommandContext *context, const Capacity *capacity)
{
	g_autoptr(GString) text = g_string_new(NULL);
	guint told = 0;

	if (capacity->not_drained == 0)
		return;
	for (guint i = 0; i < capacity->nodes->len && told < NODES_SHOWN; i++) {
		const CapacityNode *node = g_ptr_array_index(capacity->nodes, i);

		if (node->left > 0)
			g_string_append_printf(text, "%s%s", told++ ? ", " : "", node->name);
	}
	if (capacity->not_drained > told)
		g_string_append_printf(text, " and %u more", capacity->not_drained - told);
	if (capacity->enough)
		g_string_append(text, ": a VM needs its whole request on one other node, while the "
				      "rule adds up what is spare on all nodes, on the drained one "
				      "too");
	show_field(context, "Cannot drain", text->str);
}

static void print_rule(const CommandContext *context, const Capacity *capacity)
{
	g_autofree char *spare = quantity_human_bytes(capacity->spare_bytes);
	g_autofree char *needed = quantity_human_bytes(capacity->needed_bytes);
	g_autofree char *fullest =
		capacity->fullest ? quantity_human_bytes(capacity->fullest->vm_bytes) : NULL;
	g_autofree char *parallel =
		g_strdup_printf("%u (%s)", capacity->parallel, capacity->parallel_why);
	g_autofree char *most =
		fullest ? g_strdup_printf("%s on '%s'", fullest, capacity->fullest->name)
			: g_strdup("no VMs run");

	show_field(context, "Spare memory", spare);
	show_field(context, "Most VM memory", most);
	show_field(context, "Drain at once", parallel);
	show_field(context, "Needed", needed);
	show_field(context, "Enough", capacity->enough ? "yes" : "no");
	print_not_drained(context, capacity);
	(void)fputc('\n', context->output->stream);
}

static void print_capacity(const CommandContext *context, const Capacity *capacity)
{
	const OutputSpec spec = { .list_kind = "CapacityNodeList",
				  .columns = columns,
				  .name = cell_node };
	const OutputFormat format = context->output->format;
	g_autoptr(cJSON) document = make_document(capacity);
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	cJSON *row;

	if (format == OUTPUT_JSON || format == OUTPUT_YAML) {
		output_document(context->output, "Capacity", document);
		return;
	}
	cJSON_ArrayForEach(row, json_get(document, "nodes")) g_ptr_array_add(rows, row);
	if (format != OUTPUT_NAME)
		print_rule(context, capacity);
	output_rows(context->output, &spec, rows);
}

/* ---- the command ---------------------------------------------------------------------------- */

static gboolean take_vmi(const cJSON *vmi, gpointer data)
{
	capacity_add_vm(data, vmi);
	return TRUE;
}

/* Without all nodes and all VMs there is no sum. */
static gboolean gather(const CommandContext *context, Capacity *capacity, GError **error)
{
	g_autoptr(GPtrArray) findings = check_findings_new();
	const CheckGather gather = { context, findings };
	gboolean known;

	if (!check_gather_nodes(&gather, capacity, NULL, &known, error))
		return FALSE;
	if (!known) {
		const CheckFinding *why = g_ptr_array_index(findings, 0);

		error_set(error, KVMIG_ERROR_FORBIDDEN, "%s", why->evidence);
		error_hint(error, "capacity takes the right to list nodes, and the VMs of all "
				  "namespaces");
		return FALSE;
	}
	return cluster_each(context->cluster, &KIND_VMI, NULL, take_vmi, capacity, NULL, error) &&
	       check_gather_pods(&gather, capacity, NULL, NULL, error);
}

static gboolean is_unused(const Capacity *capacity)
{
	return capacity->drain_parallel && capacity->drain_parallel != capacity->parallel;
}

static int run_capacity(CommandContext *context, const void *data, GError **error)
{
	const CapacityValues *values = data;
	g_auto(Capacity) capacity;

	capacity_init(&capacity);
	capacity.drain_parallel = values->drain_parallel;
	if (!observe_cluster(context, error) || !gather(context, &capacity, error))
		return STATUS_FAILED;
	capacity_judge(&capacity);
	if (is_unused(&capacity))
		say_warning(context, "--drain-parallel %u is not used: %s", values->drain_parallel,
			    capacity.parallel_why);
	if (!capacity.pods_known && !cluster_caps(context->cluster)->kvmig_migrates)
		say_warning(context, "the pods cannot be listed with your rights: what is spare "
				     "counts the VMs only");
	print_capacity(context, &capacity);
	return capacity.enough ? STATUS_DONE : STATUS_FAILED;
}

static const Option options[] = {
	OPT_UINT(0, "drain-parallel", CapacityValues, drain_parallel, "N",
		 "nodes that drain at once, where nothing else tells", .minimum = 1,
		 .maximum = 10000),
	OPT_END,
};

static const char *const examples[] = { "kvmig capacity", "kvmig capacity --drain-parallel 2",
					"kvmig capacity -o json", NULL };

const Command capacity_command = {
	.name = "capacity",
	.summary = "is there memory to drain nodes into",
	.group = COMMAND_GROUP_MIGRATE,
	.options = options,
	.values_size = sizeof(CapacityValues),
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_capacity,
	.examples = examples,
};
