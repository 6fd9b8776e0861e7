/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig lab up|status|vm add|vm load|vm rm|down */
#include "config.h"

#include "cmd.h"

#include "lab/lab.h"

#define MEMORY_DEFAULT "256Mi"

/* ---- up, down -------------------------------------------------------------------------------- */

static void tell(const char *line, gpointer data)
{
	say(data, "%s", line);
}

static const Option up_options[] = {
	OPT_UINT(0, "nodes", LabOptions, nodes, "N", "number of libvirt hosts", .defval = "2",
		 .minimum = 1, .maximum = 16),
	OPT_UINT(0, "vms", LabOptions, vms, "N", "number of running guests, vm1 to vmN",
		 .defval = "1", .maximum = 64),
	OPT_QUANTITY(0, "memory", LabOptions, memory_bytes, "memory of each guest",
		     .minimum = LAB_MEMORY_MIN, .maximum = LAB_MEMORY_MAX,
		     .defval = MEMORY_DEFAULT),
	OPT_RATE(0, "dirty-rate", LabOptions, dirty_rate_bytes,
		 "memory that each guest writes per second", .defval = "0"),
	OPT_RATE(0, "link-rate", LabOptions, link_bytes_per_second,
		 "limit of each host's network link (root only)", .defval = "0"),
	OPT_FLAG(0, "tcg", LabOptions, force_tcg, "emulate the guests even where there is KVM"),
	OPT_END,
};

static int run_up(CommandContext *context, const void *values, GError **error)
{
	const LabOptions *options = values;
	const ClusterOptions lab = { .context = "local/lab", .create = TRUE };
	g_autoptr(Cluster) cluster = cluster_open(&lab, error);

	if (!cluster)
		return STATUS_FAILED;
	if (!lab_up(cluster, options, tell, context, error))
		return STATUS_FAILED;
	say(context, "the lab is up, in context lab; its hosts migrate without encryption "
		     "(disableTLS is set)");
	if (options->vms > 0)
		say(context, "  kvmig --context lab migrate vm1 --wait");
	say(context, "  kvmig lab status");
	say(context, "  kvmig lab down");
	return STATUS_DONE;
}

static const char *const up_examples[] = {
	"kvmig lab up", "kvmig lab up --nodes 3 --vms 4 --memory 128Mi --dirty-rate 20Mi", NULL
};

static const Command up_command = {
	.name = "up",
	.summary = "start libvirt hosts and guests on this machine",
	.options = up_options,
	.values_size = sizeof(LabOptions),
	.run = run_up,
	.examples = up_examples,
};

static int run_down(CommandContext *context, const void *values G_GNUC_UNUSED, GError **error)
{
	return lab_down(tell, context, error) ? STATUS_DONE : STATUS_FAILED;
}

static const char *const down_examples[] = { "kvmig lab down", NULL };

static const Command down_command = {
	.name = "down",
	.summary = "end the lab and remove all that it left",
	.run = run_down,
	.examples = down_examples,
};

/* ---- status ---------------------------------------------------------------------------------- */

static cJSON *node_document(const LabNode *node)
{
	cJSON *document = cJSON_CreateObject();

	json_set_string(document, "name", node->name);
	json_set_string(document, "uri", node->uri);
	json_set_string(document, "peerURI", node->peer_uri);
	json_set_string(document, "migrationAddress", node->migration_address);
	json_set_bool(document, "alive", node->alive);
	if (node->alive)
		json_set_int(document, "pid", node->pid);
	return document;
}

static cJSON *vm_document(const LabVm *vm)
{
	cJSON *document = cJSON_CreateObject();

	json_set_string(document, "name", vm->name);
	json_set_string(document, "domainName", vm->name);
	json_set_string(document, "node", vm->node);
	json_set_string(document, "state", vm->state);
	json_set_bool(document, "beating", vm->beating);
	if (vm->heartbeat >= 0)
		json_set_int(document, "heartbeat", vm->heartbeat);
	if (vm->memory_errors >= 0)
		json_set_int(document, "memoryErrors", vm->memory_errors);
	json_set_string(document, "heartbeatFile", vm->heartbeat_file);
	return document;
}

static cJSON *status_document(const LabStatus *status)
{
	cJSON *document = cJSON_CreateObject(), *nodes, *vms;

	json_set_bool(document, "up", status->up);
	json_set_string(document, "runtimeDir", status->runtime_dir);
	json_set_string(document, "accelerator", status->accelerator);
	json_set_bool(document, "namespaces", status->namespaces);
	nodes = json_ensure_array(document, "nodes");
	vms = json_ensure_array(document, "vms");
	for (guint i = 0; i < status->nodes->len; i++)
		cJSON_AddItemToArray(nodes, node_document(g_ptr_array_index(status->nodes, i)));
	for (guint i = 0; i < status->vms->len; i++)
		cJSON_AddItemToArray(vms, vm_document(g_ptr_array_index(status->vms, i)));
	return document;
}

static char *text_cell(const cJSON *row, const char *key)
{
	return g_strdup(json_string(row, key, NULL));
}

static char *number_cell(const cJSON *row, const char *key)
{
	gint64 value = json_int(row, key, -1);

	return value < 0 ? NULL : g_strdup_printf("%" G_GINT64_FORMAT, value);
}

static char *name_cell(const cJSON *row)
{
	return text_cell(row, "name");
}

static char *alive_cell(const cJSON *row)
{
	return g_strdup(json_bool(row, "alive", FALSE) ? "up" : "down");
}

static char *uri_cell(const cJSON *row)
{
	return text_cell(row, "uri");
}

static char *node_cell(const cJSON *row)
{
	return text_cell(row, "node");
}

static char *state_cell(const cJSON *row)
{
	return text_cell(row, "state");
}

static char *beating_cell(const cJSON *row)
{
	return g_strdup(json_bool(row, "beating", FALSE) ? "yes" : "no");
}

static char *heartbeat_cell(const cJSON *row)
{
	return number_cell(row, "heartbeat");
}

static char *errors_cell(const cJSON *row)
{
	return number_cell(row, "memoryErrors");
}

static const OutputColumn node_columns[] = {
	{ .header = "NODE", .cell = name_cell },
	{ .header = "DAEMON", .cell = alive_cell },
	{ .header = "URI (FOR virsh -c)", .cell = uri_cell },
	{ .header = NULL },
};

static const OutputColumn vm_columns[] = {
	{ .header = "VM", .cell = name_cell },
	{ .header = "NODE", .cell = node_cell },
	{ .header = "STATE", .cell = state_cell },
	{ .header = "BEATING", .cell = beating_cell },
	{ .header = "HEARTBEAT", .right = TRUE, .cell = heartbeat_cell },
	{ .header = "MEMORY-ERRORS", .right = TRUE, .cell = errors_cell },
	{ .header = NULL },
};

static void print_rows(Output *output, const OutputColumn *columns, const cJSON *array)
{
	const OutputSpec spec = { .list_kind = "LabList", .columns = columns, .name = name_cell };
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	cJSON *row;

	cJSON_ArrayForEach(row, array) g_ptr_array_add(rows, row);
	output_rows(output, &spec, rows);
}

static int run_status(CommandContext *context, const void *values G_GNUC_UNUSED, GError **error)
{
	g_autoptr(LabStatus) status = lab_status(error);
	g_autoptr(cJSON) document = NULL;

	if (!status)
		return STATUS_FAILED;
	document = status_document(status);
	if (context->output->format == OUTPUT_JSON || context->output->format == OUTPUT_YAML) {
		output_document(context->output, "LabStatus", document);
		return status->up ? STATUS_DONE : STATUS_FAILED;
	}
	if (!status->up) {
		say(context, "no lab is up");
		say_hint(context, "start one with 'kvmig lab up'");
		return STATUS_FAILED;
	}
	if (context->output->format != OUTPUT_NAME) {
		print_rows(context->output, node_columns, json_get(document, "nodes"));
		(void)fputc('\n', context->output->stream);
	}
	print_rows(context->output, vm_columns, json_get(document, "vms"));
	return STATUS_DONE;
}

static const char *const status_examples[] = { "kvmig lab status", "kvmig lab status -o json",
					       NULL };

static const Command status_command_of_lab = {
	.name = "status",
	.summary = "show hosts and guests, and whether these are well",
	.needs = HAS_OUTPUT,
	.run = run_status,
	.examples = status_examples,
};

/* ---- guests ---------------------------------------------------------------------------------- */

typedef struct {
	const char *node;
	gint64 memory_bytes, dirty_rate_bytes;
} AddValues;

static const Option add_options[] = {
	OPT_STRING(0, "node", AddValues, node, "NODE", "the host to start it on; else the emptiest",
		   .complete = COMPLETE_NODE),
	OPT_QUANTITY(0, "memory", AddValues, memory_bytes, "memory of the guest",
		     .minimum = LAB_MEMORY_MIN, .maximum = LAB_MEMORY_MAX,
		     .defval = MEMORY_DEFAULT),
	OPT_RATE(0, "dirty-rate", AddValues, dirty_rate_bytes, "memory that it writes per second",
		 .defval = "0"),
	OPT_END,
};

static int run_add(CommandContext *context, const void *values, GError **error)
{
	const AddValues *add = values;

	if (!lab_vm_add(context->args[0], add->node, add->memory_bytes, add->dirty_rate_bytes,
			error))
		return STATUS_FAILED;
	say(context, "VM '%s' is running", context->args[0]);
	return STATUS_DONE;
}

static const char *const add_examples[] = {
	"kvmig lab vm add web --node n2 --memory 64Mi --dirty-rate 10Mi", NULL
};

static const Command add_command = {
	.name = "add",
	.summary = "start one more guest",
	.options = add_options,
	.values_size = sizeof(AddValues),
	.args = { "NAME", 1, 1, COMPLETE_NONE },
	.run = run_add,
	.examples = add_examples,
};

typedef struct {
	gint64 dirty_rate_bytes, working_set_bytes;
} LoadValues;

static const Option load_options[] = {
	OPT_RATE(0, "dirty-rate", LoadValues, dirty_rate_bytes, "memory that it writes per second",
		 .defval = "0"),
	OPT_QUANTITY(0, "working-set", LoadValues, working_set_bytes,
		     "how much of its memory it writes, in turn; 0: all", .defval = "0"),
	OPT_END,
};

static int run_load(CommandContext *context, const void *values, GError **error)
{
	const LoadValues *load = values;

	if (!lab_vm_load(context->args[0], load->dirty_rate_bytes, load->working_set_bytes, error))
		return STATUS_FAILED;
	say(context, "VM '%s' has confirmed its new load", context->args[0]);
	return STATUS_DONE;
}

static const char *const load_examples[] = {
	"kvmig lab vm load vm1 --dirty-rate 50Mi --working-set 32Mi", NULL
};

static const Command load_command = {
	.name = "load",
	.summary = "change how much memory a running guest writes",
	.options = load_options,
	.values_size = sizeof(LoadValues),
	.args = { "VM", 1, 1, COMPLETE_LAB_VM },
	.run = run_load,
	.examples = load_examples,
};

static int run_rm(CommandContext *context, const void *values G_GNUC_UNUSED, GError **error)
{
	if (!lab_vm_remove(context->args[0], error))
		return STATUS_FAILED;
	say(context, "VM '%s' is gone", context->args[0]);
	return STATUS_DONE;
}

static const char *const rm_examples[] = { "kvmig lab vm rm web", NULL };

static const Command rm_command = {
	.name = "rm",
	.summary = "end a guest and forget it",
	.args = { "VM", 1, 1, COMPLETE_LAB_VM },
	.run = run_rm,
	.examples = rm_examples,
};

static const Command *const vm_commands[] = { &add_command, &load_command, &rm_command, NULL };

static const Command vm_group = {
	.name = "vm",
	.summary = "the lab's guests",
	.subcommands = vm_commands,
};

static const Command *const lab_commands[] = { &up_command, &status_command_of_lab, &vm_group,
					       &down_command, NULL };

const Command lab_command = {
	.name = "lab",
	.summary = "try kvmig with real libvirt hosts on this machine",
	.group = COMMAND_GROUP_LAB,
	.subcommands = lab_commands,
};
