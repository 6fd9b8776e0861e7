/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig node: reading. What changes nodes is in node-change.c and node-add.c, what is read of
 * Kubernetes' own in node-kubevirt.c. */
#include "node.h"

#include "model/host.h"
#include "model/quantity.h"
#include "model/vmi.h"
#include "resource.h"

/* Only in rows of tables, never in -o json: how many VMs run there. */
#define ROW_VMS "vms"

/* ---- list ----------------------------------------------------------------------------------- */

char *node_cell_name(const cJSON *row)
{
	return g_strdup(object_name(row));
}

char *node_status_text(const cJSON *object)
{
	Host host;

	host_read(object, &host);
	return g_strconcat(host.ready ? "Ready" : "NotReady",
			   host.unschedulable ? ",SchedulingDisabled" : "",
			   host.deleting ? ",Deleting" : "", NULL);
}

static const char *node_info(const cJSON *row, const char *key)
{
	return json_string(json_path(row, "status", "nodeInfo", NULL), key, NULL);
}

static char *cell_version(const cJSON *row)
{
	return g_strdup(node_info(row, "libvirtVersion"));
}

char *node_cell_vms(const cJSON *row)
{
	return json_get(row, ROW_VMS)
		       ? g_strdup_printf("%" G_GINT64_FORMAT, json_int(row, ROW_VMS, 0))
		       : NULL;
}

char *node_cell_memory(const cJSON *row)
{
	return human_quantity(
		json_string(json_path(row, "status", "capacity", NULL), "memory", NULL));
}

static char *cell_available(const cJSON *row)
{
	return human_quantity(json_string(json_get(row, "status"), "memoryAvailable", NULL));
}

static char *cell_uri(const cJSON *row)
{
	return g_strdup(json_string(json_get(row, "spec"), "uri", NULL));
}

char *node_cell_cpu(const cJSON *row)
{
	return g_strdup(json_string(json_path(row, "status", "capacity", NULL), "cpu", NULL));
}

static char *cell_qemu(const cJSON *row)
{
	return g_strdup(node_info(row, "hypervisorVersion"));
}

static char *cell_uuid(const cJSON *row)
{
	return g_strdup(json_string(json_get(row, "status"), "hostUUID", NULL));
}

static char *row_name(const cJSON *row)
{
	return resource_id(&KIND_HOST, object_name(row));
}

static const OutputColumn columns[] = {
	{ "NAME", FALSE, FALSE, node_cell_name },
	{ "STATUS", FALSE, FALSE, node_status_text },
	{ "AGE", FALSE, FALSE, object_age },
	{ "VERSION", FALSE, FALSE, cell_version },
	{ "VMS", FALSE, TRUE, node_cell_vms },
	{ "MEMORY", FALSE, TRUE, node_cell_memory },
	{ "AVAILABLE", FALSE, TRUE, cell_available },
	{ "CPU", TRUE, TRUE, node_cell_cpu },
	{ "QEMU", TRUE, FALSE, cell_qemu },
	{ "HOST-UUID", TRUE, FALSE, cell_uuid },
	{ "URI", TRUE, FALSE, cell_uri },
	{ NULL, FALSE, FALSE, NULL },
};

gboolean node_output_is_table(const CommandContext *context)
{
	return context->output->format == OUTPUT_TABLE || context->output->format == OUTPUT_WIDE;
}

static gboolean count_vm(const cJSON *object, gpointer counts)
{
	Vmi vmi;
	guint count;

	vmi_read(object, &vmi);
	if (!vmi.node_name || g_strcmp0(vmi.phase, "Running") != 0)
		return TRUE;
	count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, vmi.node_name));
	g_hash_table_insert(counts, g_strdup(vmi.node_name), GUINT_TO_POINTER(count + 1));
	return TRUE;
}

gboolean node_count_vms(Cluster *cluster, const GPtrArray *rows, GError **error)
{
	g_autoptr(GHashTable) counts =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	if (!cluster_each(cluster, &KIND_VMI, NULL, count_vm, counts, NULL, error))
		return FALSE;
	for (guint i = 0; i < rows->len; i++) {
		cJSON *row = g_ptr_array_index(rows, i);
		gpointer count = g_hash_table_lookup(counts, object_name(row));

		json_set_int(row, ROW_VMS, GPOINTER_TO_UINT(count));
	}
	return TRUE;
}

static int run_list(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "HostList", .columns = columns, .name = row_name };
	const NodeListValues *options = values;
	ClusterListOptions list = { 0 };
	g_autoptr(Selector) selector = NULL;
	g_autoptr(GPtrArray) hosts = NULL;

	if (options->selector) {
		selector = selector_parse(options->selector, error);
		if (!selector) {
			(void)error_usage(error);
			return STATUS_USAGE;
		}
		list.selector = selector;
	}
	if (node_is_kubernetes(context))
		return node_list_kubernetes(context, selector, error);
	if (!observe_cluster(context, error))
		return STATUS_FAILED;
	hosts = cluster_list(context->cluster, &KIND_HOST, &list, NULL, error);
	if (!hosts || (node_output_is_table(context) &&
		       !node_count_vms(context->cluster, hosts, error)))
		return STATUS_FAILED;
	if (hosts->len == 0)
		say(context, "no nodes%s; 'kvmig node add' adds one",
		    options->selector ? " match" : "");
	output_rows(context->output, &spec, hosts);
	return STATUS_DONE;
}

/* ---- show ----------------------------------------------------------------------------------- */

static void show_addresses(const CommandContext *context, const cJSON *object)
{
	Host host;

	host_read(object, &host);
	show_field(context, "URI", host.uri);
	show_field(context, "Peer URI", host.peer_uri);
	show_field(context, "Migration address",
		   host.migration_address ? host.migration_address : "that of the peer URI");
}

static void show_hardware(const CommandContext *context, const cJSON *object)
{
	const cJSON *status = json_get(object, "status");
	const cJSON *tls = json_get(status, "tls");
	g_autofree char *memory = node_cell_memory(object);
	g_autofree char *available = cell_available(object);
	g_autofree char *both = g_strdup_printf("%s, %s available", memory, available);

	show_field(context, "Host UUID", json_string(status, "hostUUID", NULL));
	show_field(context, "Hostname", node_info(object, "hostname"));
	show_field(context, "libvirt", node_info(object, "libvirtVersion"));
	show_field(context, "QEMU", node_info(object, "hypervisorVersion"));
	show_field(context, "Architecture", node_info(object, "architecture"));
	show_field(context, "CPU model", node_info(object, "cpuModel"));
	show_field(context, "CPUs", json_string(json_get(status, "capacity"), "cpu", NULL));
	show_field(context, "Memory", both);
	show_field(context, "TLS certificates",
		   !tls                                             ? "not known"
		   : json_bool(tls, "migrationCertificates", FALSE) ? "present"
								    : "missing");
}

typedef struct {
	const CommandContext *context;
	const char *node;
	const char *label; /* of the next line */
} VmLines;

static gboolean show_vm(const cJSON *object, gpointer data)
{
	VmLines *lines = data;
	g_autofree char *ref = object_ref(object);
	g_autofree char *text = NULL;
	Vmi vmi;

	vmi_read(object, &vmi);
	if (g_strcmp0(vmi.node_name, lines->node) != 0)
		return TRUE;
	text = g_strdup_printf("%s %s", ref, vmi.phase);
	show_field(lines->context, lines->label, text);
	lines->label = " ";
	return TRUE;
}

gboolean node_show_vms(const CommandContext *context, const char *node, GError **error)
{
	VmLines lines = { context, node, "VMs" };

	if (!cluster_each(context->cluster, &KIND_VMI, NULL, show_vm, &lines, NULL, error))
		return FALSE;
	if (g_str_equal(lines.label, "VMs"))
		show_field(context, lines.label, NULL);
	return TRUE;
}

/* The node as it is now; where there is none, no host is asked. */
static cJSON *find_fresh(const CommandContext *context, const char *name, GError **error)
{
	g_autoptr(cJSON) before = observe_host(context->cluster, name, error);

	if (!before || !observe_cluster(context, error))
		return NULL;
	return observe_host(context->cluster, name, error);
}

static int show(CommandContext *context, GError **error)
{
	g_autoptr(cJSON) host = find_fresh(context, context->args[0], error);
	g_autofree char *status = NULL;
	g_autofree char *age = NULL;

	if (!host)
		return STATUS_FAILED;
	if (!node_output_is_table(context)) {
		const OutputSpec spec = { .columns = columns, .name = row_name, .single = TRUE };
		g_autoptr(GPtrArray) rows = g_ptr_array_new();

		g_ptr_array_add(rows, host);
		output_rows(context->output, &spec, rows);
		return STATUS_DONE;
	}
	status = node_status_text(host);
	age = object_age(host);
	show_field(context, "Name", object_name(host));
	show_field(context, "Status", status);
	show_field(context, "Age", age);
	show_addresses(context, host);
	show_hardware(context, host);
	show_labels(context, host, inventory_owns_host_label);
	show_conditions(context, host);
	return node_show_vms(context, object_name(host), error) ? STATUS_DONE : STATUS_FAILED;
}

static int run_show(CommandContext *context, const void *values, GError **error)
{
	(void)values;
	return node_is_kubernetes(context) ? node_show_kubernetes(context, error)
					   : show(context, error);
}

/* ---- the table ------------------------------------------------------------------------------ */

static const Option list_options[] = {
	OPT_STRING('l', "selector", NodeListValues, selector, "SELECTOR",
		   "only nodes with these labels", .complete = COMPLETE_NODE_LABEL),
	OPT_END,
};

static const char *const list_examples[] = { "kvmig node list", "kvmig node list -o wide",
					     "kvmig node list -l zone=a -o name", NULL };
static const char *const show_examples[] = { "kvmig node show n1", "kvmig node show n1 -o yaml",
					     NULL };

static const Command list_command = {
	.name = "list",
	.summary = "list the nodes, with what runs and what is free there",
	.options = list_options,
	.values_size = sizeof(NodeListValues),
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_list,
	.examples = list_examples,
};

static const Command show_command = {
	.name = "show",
	.summary = "show all that is known about a node",
	.args = { "NODE", 1, 1, COMPLETE_NODE },
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_show,
	.examples = show_examples,
};

static const Command *const subcommands[] = {
	&node_add_command,    &list_command,          &show_command,        &node_label_command,
	&node_cordon_command, &node_uncordon_command, &node_remove_command, NULL,
};

const Command node_command = {
	.name = "node",
	.summary = "the hosts that VMs run on",
	.group = COMMAND_GROUP_HOSTS,
	.subcommands = subcommands,
};
