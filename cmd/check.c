/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig check: what stands against migrations, before anybody waits for one. */
#include "check.h"

/* ---- output --------------------------------------------------------------------------------- */

static char *cell_severity(const cJSON *row)
{
	return g_strdup(json_string(row, "severity", NULL));
}

static char *cell_reason(const cJSON *row)
{
	return g_strdup(json_string(row, "reason", NULL));
}

static char *cell_object(const cJSON *row)
{
	const cJSON *object = json_get(row, "object");
	const char *ns = json_string(object, "namespace", NULL);
	const char *name = json_string(object, "name", NULL);

	if (!name) /* the text says in which namespace */
		return g_strdup(json_string(object, "kind", ""));
	return g_strdup_printf("%s %s%s%s", json_string(object, "kind", ""), ns ? ns : "",
			       ns ? "/" : "", name);
}

static char *cell_evidence(const cJSON *row)
{
	return g_strdup(json_string(row, "evidence", NULL));
}

static char *cell_fix(const cJSON *row)
{
	return g_strdup(json_string(row, "fix", NULL));
}

static const OutputColumn columns[] = {
	{ "SEVERITY", FALSE, FALSE, cell_severity },
	{ "REASON", FALSE, FALSE, cell_reason },
	{ "OBJECT", FALSE, FALSE, cell_object },
	{ "WHAT", FALSE, FALSE, cell_evidence },
	{ "FIX", TRUE, FALSE, cell_fix },
	{ NULL, FALSE, FALSE, NULL },
};

static void print_findings(const CommandContext *context, const GPtrArray *findings)
{
	const OutputSpec spec = { .list_kind = "CheckFindingList",
				  .columns = columns,
				  .name = cell_reason };
	g_autoptr(GPtrArray) rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);

	for (guint i = 0; i < findings->len; i++)
		g_ptr_array_add(rows, check_finding_document(g_ptr_array_index(findings, i)));
	output_rows(context->output, &spec, rows);
}

static void say_summary(const CommandContext *context, const GPtrArray *findings,
			const Tally *tally)
{
	guint blocks = check_count(findings, CHECK_BLOCKS);
	guint warnings = check_count(findings, CHECK_WARNING);
	guint notes = check_count(findings, CHECK_NOTE);

	/* of what could not be looked at nothing is known */
	if (findings->len == 0 && tally->failed)
		return;
	if (findings->len == 0)
		say(context, "nothing stands against it");
	else
		say(context, "%u blocking, %u warning%s, %u note%s%s", blocks, warnings,
		    warnings == 1 ? "" : "s", notes, notes == 1 ? "" : "s",
		    context->output->format == OUTPUT_TABLE ? "; what to do: -o wide" : "");
}

/* ---- the command ---------------------------------------------------------------------------- */

static gboolean choose(const CommandContext *context, const CheckValues *values, GError **error)
{
	guint modes = (context->n_args > 0) + values->cluster + (values->node != NULL);

	if (modes == 0)
		error_set(error, KVMIG_ERROR_USAGE, "what is to be checked is missing");
	else if (modes > 1)
		error_set(error, KVMIG_ERROR_USAGE,
			  "VMs, --node and --cluster are one too many: choose one");
	else if (values->drain_parallel && !values->cluster && !values->node)
		error_set(error, KVMIG_ERROR_USAGE, "--drain-parallel says nothing about VMs");
	else
		return TRUE;
	error_hint(error, "'kvmig check VM', 'kvmig check --node NODE' or 'kvmig check --cluster', "
			  "which takes no name here: --context chooses the cluster");
	return FALSE;
}

/* Commands find the same cluster and namespace as this one did. */
static void place_fixes(const GPtrArray *findings)
{
	for (guint i = 0; i < findings->len; i++) {
		CheckFinding *finding = g_ptr_array_index(findings, i);
		char *fix = hint_text(finding->fix);

		g_free(finding->fix);
		finding->fix = fix;
	}
}

static int run_check(CommandContext *context, const void *data, GError **error)
{
	const CheckValues *values = data;
	g_autoptr(GPtrArray) findings = check_findings_new();
	Tally tally = { 0 };

	if (!choose(context, values, error))
		return STATUS_FAILED;
	if (context->n_args ? !check_run_vms(context, findings, &tally, error)
			    : !check_run_cluster(context, values, findings, error))
		return STATUS_FAILED;
	check_fold(findings);
	check_sort(findings);
	place_fixes(findings);
	print_findings(context, findings);
	say_summary(context, findings, &tally);
	if (check_count(findings, CHECK_BLOCKS) > 0)
		return STATUS_REFUSED;
	return tally.failed ? tally_status(&tally) : STATUS_DONE;
}

#define V CheckValues
static const Option options[] = {
	OPT_FLAG(0, "cluster", V, cluster, "all nodes and VMs, and what they have in common"),
	OPT_STRING(0, "node", V, node, "NODE", "one node, and the VMs on it",
		   .complete = COMPLETE_NODE),
	OPT_UINT(0, "drain-parallel", V, drain_parallel, "N",
		 "nodes that drain at once, where nothing else tells", .minimum = 1,
		 .maximum = 10000),
	OPT_END,
};
#undef V

static const char *const examples[] = { "kvmig check web-1", "kvmig check web-1 -o json",
					"kvmig check --node n1", "kvmig check --cluster -o wide",
					NULL };

const Command check_command = {
	.name = "check",
	.summary = "what stands against migrations, and what to do about it",
	.group = COMMAND_GROUP_MIGRATE,
	.options = options,
	.values_size = sizeof(CheckValues),
	.args = { "VM", 0, G_MAXUINT, COMPLETE_VM },
	.needs = NEED_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE | OWN_CLUSTER_OPTION,
	.run = run_check,
	.examples = examples,
};
