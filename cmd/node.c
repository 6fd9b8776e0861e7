/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig node: reading. What changes nodes is in node-change.c and node-add.c. */
#include "node.h"

#include "model/host.h"
#include "model/quantity.h"
#include "model/vmi.h"

/* Only in rows of tables, never in -o json: how many VMs run there. */
#define ROW_VMS "vms"

/* ---- list ----------------------------------------------------------------------------------- */

static char *cell_name(const cJSON *row)
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

static char *cell_vms(const cJSON *row)
{
	return g_strdup_printf("%" G_GINT64_FORMAT, json_int(row, ROW_VMS, 0));
}

static char *cell_memory(const cJSON *row)
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

static char *cell_cpu(const cJSON *row)
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
	return g_strdup_printf("host.kvmig.io/%s", object_name(row));
}

static const OutputColumn columns[] = {
	{ "NAME", FALSE, FALSE, cell_name },
	{ "STATUS", FALSE, FALSE, node_status_text },
	{ "AGE", FALSE, FALSE, object_age },
	{ "VERSION", FALSE, FALSE, cell_version },
	{ "VMS", FALSE, TRUE, cell_vms },
	{ "MEMORY", FALSE, TRUE, cell_memory },
	{ "AVAILABLE", FALSE, TRUE, cell_available },
	{ "CPU", TRUE, TRUE, cell_cpu },
	{ "QEMU", TRUE, FALSE, cell_qemu },
	{ "HOST-UUID", TRUE, FALSE, cell_uuid },
	{ "URI", TRUE, FALSE, cell_uri },
	{ NULL, FALSE, FALSE, NULL },
};

static gboolean is_table(const CommandContext *context)
{
	return context->output->format == OUTPUT_TABLE || context->output->format == OUTPUT_WIDE;
}

/* Fills in the number of VMs that run on each of them. */
static gboolean count_vms(Cluster *cluster, const GPtrArray *hosts, GError **error)
{
	g_autoptr(GPtrArray) vmis = cluster_list(cluster, &KIND_VMI, NULL, NULL, error);
	g_autoptr(GHashTable) counts = g_hash_table_new(g_str_hash, g_str_equal);

	if (!vmis)
		return FALSE;
	for (guint i = 0; i < vmis->len; i++) {
		Vmi vmi;

		vmi_read(g_ptr_array_index(vmis, i), &vmi);
		if (!vmi.node_name || g_strcmp0(vmi.phase, "Running") != 0)
			continue;
		g_hash_table_insert(counts, (gpointer)vmi.node_name,
				    GUINT_TO_POINTER(1 + GPOINTER_TO_UINT(g_hash_table_lookup(
								 counts, vmi.node_name))));
	}
	for (guint i = 0; i < hosts->len; i++) {
		cJSON *host = g_ptr_array_index(hosts, i);
		gpointer count = g_hash_table_lookup(counts, object_name(host));

		json_set_int(host, ROW_VMS, GPOINTER_TO_UINT(count));
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
	if (!observe_cluster(context, error))
		return STATUS_FAILED;
	hosts = cluster_list(context->cluster, &KIND_HOST, &list, NULL, error);
	if (!hosts || (is_table(context) && !count_vms(context->cluster, hosts, error)))
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
	g_autofree char *memory = cell_memory(object);
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

static gboolean show_vms(const CommandContext *context, const char *node, GError **error)
{
	g_autoptr(GPtrArray) vmis = cluster_list(context->cluster, &KIND_VMI, NULL, NULL, error);
	const char *label = "VMs";

	if (!vmis)
		return FALSE;
	for (guint i = 0; i < vmis->len; i++) {
		const cJSON *object = g_ptr_array_index(vmis, i);
		g_autofree char *ref = object_ref(object);
		g_autofree char *text = NULL;
		Vmi vmi;

		vmi_read(object, &vmi);
		if (g_strcmp0(vmi.node_name, node) != 0)
			continue;
		text = g_strdup_printf("%s %s", ref, vmi.phase);
		show_field(context, label, text);
		label = " ";
	}
	if (g_str_equal(label, "VMs"))
		show_field(context, label, NULL);
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

static int run_show(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(cJSON) host = find_fresh(context, context->args[0], error);
	g_autofree char *status = NULL;
	g_autofree char *age = NULL;

	(void)values;
	if (!host)
		return STATUS_FAILED;
	if (!is_table(context)) {
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
	return show_vms(context, object_name(host), error) ? STATUS_DONE : STATUS_FAILED;
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
