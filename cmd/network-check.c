/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig network check: which network, on which nodes, and how fast it was. */
#include "network.h"

#include <string.h>

#include "base/clock.h"
#include "history/history.h"
#include "model/quantity.h"
#include "observe.h"

typedef struct {
	gboolean probe;
} CheckNetworkValues;

/* ---- speed ---------------------------------------------------------------------------------- */

/* The last migration from one node to the other that kvmig has a record of; the record is of this
 * user. NULL: none. */
static cJSON *measured(const CommandContext *context, const char *from, const char *to)
{
	const HistoryQuery query = { .context = cluster_context(context->cluster) };
	g_autoptr(History) history = history_open(NULL);
	g_autoptr(GPtrArray) records = history ? history_query(history, &query, NULL) : NULL;

	for (guint i = records ? records->len : 0; i > 0; i--) {
		const HistoryRecord *record = g_ptr_array_index(records, i - 1);
		g_autofree char *when = NULL;
		cJSON *speed;

		if (g_strcmp0(record->source_node, from) != 0 ||
		    g_strcmp0(record->target_node, to) != 0 ||
		    g_strcmp0(record->phase, "Succeeded") != 0 || record->total_ms <= 0 ||
		    record->memory_processed_bytes <= 0)
			continue;
		speed = cJSON_CreateObject();
		json_set_string(speed, "from", from);
		json_set_string(speed, "to", to);
		json_set_string(speed, "migration", record->migration);
		when = record->ended_us > 0 ? clock_format_unix(record->ended_us) : NULL;
		json_set_string(speed, "at", when);
		json_set_int(speed, "bytesPerSecond",
			     (gint64)((double)record->memory_processed_bytes * 1000.0 /
				      (double)record->total_ms));
		return speed;
	}
	return NULL;
}

static void add_speeds(const CommandContext *context, cJSON *document, GPtrArray *findings)
{
	char *const *names = context->args;
	cJSON *speeds = json_ensure_array(document, "speeds");

	for (guint i = 0; i < 2; i++) {
		const char *from = names[i], *to = names[1 - i];
		const CheckObject object = { "node", NULL, from };
		cJSON *speed = measured(context, from, to);

		if (speed)
			cJSON_AddItemToArray(speeds, speed);
		else if (!cluster_caps(context->cluster)->kvmig_migrates)
			check_add(findings, &object, CHECK_NOTE, REASON_CHK_NETWORK_SPEED,
				  "measure between the pods of virt-handler, or two pods with the "
				  "network, as with iperf3",
				  "whether '%s' reaches '%s', and how fast, cannot be measured "
				  "from outside of the cluster: KubeVirt's objects have no "
				  "figures either",
				  from, to);
		else
			check_add(findings, &object, CHECK_NOTE, REASON_CHK_NETWORK_SPEED, NULL,
				  "how fast '%s' sends to '%s' is not known: there is no record "
				  "of a migration between them",
				  from, to);
	}
}

/* ---- output --------------------------------------------------------------------------------- */

static cJSON *make_document(const CheckNetwork *network)
{
	cJSON *document = cJSON_CreateObject();
	cJSON *nodes;

	json_set_string(document, "network", network->name);
	json_set_string(document, "namespace", network->name ? network->ns : NULL);
	json_set_string(document, "type", network->type);
	json_set_string(document, "interface", network->master);
	nodes = json_ensure_array(document, "nodes");
	for (guint i = 0; i < network->nodes->len; i++) {
		const NetworkNode *node = g_ptr_array_index(network->nodes, i);
		cJSON *row = cJSON_CreateObject();

		json_set_string(row, "node", node->node);
		json_set_string(row, "address", node->address);
		json_set_bool(row, "dedicated", !node->shared && node->address);
		json_set_bool(row, "usable", !node->problem);
		json_set_string(row, "problem", node->problem);
		cJSON_AddItemToArray(nodes, row);
	}
	return document;
}

static char *cell_node(const cJSON *row)
{
	return g_strdup(json_string(row, "node", NULL));
}

static char *cell_address(const cJSON *row)
{
	return g_strdup(json_string(row, "address", NULL));
}

static char *cell_dedicated(const cJSON *row)
{
	return g_strdup(json_bool(row, "dedicated", FALSE) ? "yes" : "no");
}

static char *cell_state(const cJSON *row)
{
	return g_strdup(json_string(row, "problem", "usable"));
}

static const OutputColumn columns[] = {
	{ "NODE", FALSE, FALSE, cell_node },
	{ "ADDRESS", FALSE, FALSE, cell_address },
	{ "DEDICATED", FALSE, FALSE, cell_dedicated },
	{ "STATE", FALSE, FALSE, cell_state },
	{ NULL, FALSE, FALSE, NULL },
};

static void print_speeds(const CommandContext *context, const cJSON *speeds)
{
	const cJSON *speed;

	cJSON_ArrayForEach(speed, speeds)
	{
		g_autofree char *rate = quantity_human_bytes(json_int(speed, "bytesPerSecond", 0));
		g_autofree char *label = g_strdup_printf("%s -> %s", json_string(speed, "from", ""),
							 json_string(speed, "to", ""));
		g_autofree char *text = g_strdup_printf("%s/s or more, by migration '%s' of %s",
							rate, json_string(speed, "migration", "?"),
							json_string(speed, "at", "-"));

		show_field(context, label, text);
	}
}

static void print_reach(const CommandContext *context, const cJSON *document)
{
	const cJSON *row;

	cJSON_ArrayForEach(row, json_get(document, "fromHere"))
	{
		g_autofree char *label =
			g_strdup_printf("here -> %s", json_string(row, "node", ""));

		show_field(context, label,
			   json_bool(row, "answers", FALSE) ? "answers" : "does not answer");
	}
	cJSON_ArrayForEach(row, json_get(document, "probes"))
	{
		g_autofree char *label = g_strdup_printf("%s -> %s", json_string(row, "from", ""),
							 json_string(row, "to", ""));
		g_autofree char *text =
			g_strdup_printf("libvirt is %sreached, asked with VM '%s'",
					json_bool(row, "reached", FALSE) ? "" : "not ",
					json_string(row, "vm", "?"));

		show_field(context, label, text);
	}
}

static void print_text(const CommandContext *context, const cJSON *document)
{
	const OutputSpec spec = { .list_kind = "NetworkNodeList",
				  .columns = columns,
				  .name = cell_node };
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	const char *name = json_string(document, "network", NULL);
	g_autofree char *place =
		name ? g_strdup_printf("%s/%s", json_string(document, "namespace", ""), name)
		     : NULL;
	const cJSON *speeds = json_get(document, "speeds");
	const gboolean named = !cluster_caps(context->cluster)->kvmig_migrates;
	cJSON *row;

	if (context->output->format != OUTPUT_NAME) {
		if (named) { /* elsewhere each host has an address, and the network no name */
			show_field(context, "Network", place ? place : "none of its own");
			show_field(context, "Type", json_string(document, "type", NULL));
			show_field(context, "Interface", json_string(document, "interface", NULL));
		}
		print_speeds(context, speeds);
		print_reach(context, document);
		if (named || context->n_args)
			(void)fputc('\n', context->output->stream);
	}
	cJSON_ArrayForEach(row, json_get(document, "nodes")) g_ptr_array_add(rows, row);
	output_rows(context->output, &spec, rows);
}

static void print_network(const CommandContext *context, cJSON *document, const GPtrArray *findings)
{
	const OutputFormat format = context->output->format;
	cJSON *list = json_ensure_array(document, "findings");

	for (guint i = 0; i < findings->len; i++)
		cJSON_AddItemToArray(list, check_finding_document(g_ptr_array_index(findings, i)));
	if (format == OUTPUT_JSON || format == OUTPUT_YAML) {
		output_document(context->output, "MigrationNetwork", document);
		return;
	}
	print_text(context, document);
	for (guint i = 0; i < findings->len; i++) {
		const CheckFinding *finding = g_ptr_array_index(findings, i);

		if (finding->severity == CHECK_NOTE)
			say(context, "note: %s [%s]", finding->evidence, finding->code);
		else
			say_warning(context, "%s%s [%s]",
				    finding->severity == CHECK_BLOCKS ? "blocks: " : "",
				    finding->evidence, finding->code);
	}
}

/* ---- the command ---------------------------------------------------------------------------- */

static gboolean check_names(const CommandContext *context, const CheckNetwork *network,
			    gboolean probe, GError **error)
{
	if (probe && (context->n_args != 2 || !cluster_caps(context->cluster)->kvmig_migrates))
		return error_set(error, KVMIG_ERROR_USAGE,
				 cluster_caps(context->cluster)->kvmig_migrates
					 ? "--probe needs two nodes, from one of which to the other"
					 : "--probe is for libvirt hosts: KubeVirt lets nobody try "
					   "the way from node to node");
	if (context->n_args == 1)
		return error_set(error, KVMIG_ERROR_USAGE,
				 "one node alone has no speed: name two, or none");
	for (guint i = 0; i < context->n_args; i++)
		if (!g_hash_table_contains(network->names, context->args[i]))
			return error_set(error, KVMIG_ERROR_NOT_FOUND,
					 "there is no node '%s' that migrations go to or from%s",
					 context->args[i],
					 cluster_caps(context->cluster)->kvmig_migrates
						 ? ""
						 : ": it needs a running pod of virt-handler");
	return TRUE;
}

/* What of the way between two is known, or can be tried. */
static gboolean look_between(const CommandContext *context, const CheckNetwork *network,
			     gboolean probe, cJSON *document, GPtrArray *findings, GError **error)
{
	add_speeds(context, document, findings);
	if (cluster_caps(context->cluster)->kvmig_migrates)
		network_try_from_here(context, network, document, findings);
	return !probe || network_probe(context, document, findings, error);
}

static int run_check(CommandContext *context, const void *data, GError **error)
{
	const CheckNetworkValues *values = data;
	const gboolean kubevirt = !cluster_caps(context->cluster)->kvmig_migrates;
	g_autoptr(GPtrArray) findings = check_findings_new();
	g_auto(CheckNetwork) network = { 0 };
	g_autoptr(ConfigOwner) owner = NULL;
	g_autoptr(cJSON) document = NULL;

	if (!observe_cluster(context, error))
		return STATUS_FAILED;
	owner = config_owner_find(context->cluster, error);
	if (!owner || !network_gather(context, owner, &network, findings, error) ||
	    !check_names(context, &network, values->probe, error))
		return STATUS_FAILED;
	check_network_judge(&network, kubevirt, findings);
	document = make_document(&network);
	if (context->n_args &&
	    !look_between(context, &network, values->probe, document, findings, error))
		return STATUS_FAILED;
	print_network(context, document, findings);
	return check_count(findings, CHECK_BLOCKS) ? STATUS_REFUSED : STATUS_DONE;
}

#define V CheckNetworkValues
static const Option options[] = {
	OPT_FLAG(0, "probe", V, probe, "libvirt: ask each of the two to go to the other"),
	OPT_END,
};
#undef V

static const char *const examples[] = { "kvmig network check", "kvmig network check n1 n2",
					"kvmig network check n1 n2 --probe",
					"kvmig network check -o json", NULL };

const Command network_check_command = {
	.name = "check",
	.summary = "which network migrations use, and on which nodes it is",
	.options = options,
	.values_size = sizeof(CheckNetworkValues),
	.args = { "NODE", 0, 2, COMPLETE_NODE },
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_check,
	.examples = examples,
};
