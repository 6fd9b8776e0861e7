/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig policy lint: policies that do nothing, or not what one thinks. */
#include "policy-lint.h"

#include "config/owner.h"
#include "lint.h"

/* ---- output --------------------------------------------------------------------------------- */

static char *cell_policy(const cJSON *row)
{
	return g_strdup(json_string(row, "policy", NULL));
}

static const OutputColumn columns[] = {
	{ "POLICY", FALSE, FALSE, cell_policy },
	{ "REASON", FALSE, FALSE, lint_cell_reason },
	{ "WHAT", FALSE, FALSE, lint_cell_message },
	{ "FIX", TRUE, FALSE, lint_cell_fix },
	{ NULL, FALSE, FALSE, NULL },
};

static GPtrArray *make_rows(const GPtrArray *findings)
{
	GPtrArray *rows =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);

	for (guint i = 0; i < findings->len; i++) {
		const PolicyFinding *finding = g_ptr_array_index(findings, i);
		cJSON *row = cJSON_CreateObject();

		json_set_string(row, "policy", finding->policy->name);
		json_set_string(row, "otherPolicy", finding->other ? finding->other->name : NULL);
		json_set_string(row, "reason", finding->code);
		json_set_string(row, "message", finding->text);
		json_set_string(row, "fix", finding->fix);
		g_ptr_array_add(rows, row);
	}
	return rows;
}

/* What was not looked at is not known to be right. */
static void say_limits(const CommandContext *context, const LintWalk *walk)
{
	if (walk->vms_unknown)
		say_warning(context, "the VMs of all namespaces cannot be listed with your rights: "
				     "which policies match none is not known");
	else if (walk->projects.some_unknown)
		say_warning(context, "the labels of some projects cannot be read with your rights: "
				     "policies that look at them count as matching there");
	if (!walk->vms_unknown && walk->vms == 0 && policy_set_size(walk->policies.set))
		say(context, "no VM runs: whether the policies match any cannot be told");
	if (walk->templates_unknown)
		say_warning(context, "the VirtualMachines of all namespaces cannot be listed with "
				     "your rights: whether their labels have reached the VMs that "
				     "run is not known");
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return g_strcmp0((*(const PolicyFinding *const *)a)->policy->name,
			 (*(const PolicyFinding *const *)b)->policy->name);
}

/* What the cluster says of workload disruption; not being told is no failure. */
static gboolean read_disruption(const CommandContext *context, PolicyClusterFlag *ret_flag,
				GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(ConfigOwner) owner = config_owner_find(context->cluster, &cause);
	g_auto(ConfigValue) value = { 0 };

	*ret_flag = POLICY_CLUSTER_UNKNOWN;
	if (!owner && error_code(cause) == KVMIG_ERROR_NOT_FOUND)
		*ret_flag = POLICY_CLUSTER_OFF; /* nobody has set anything */
	else if (!owner && error_code(cause) != KVMIG_ERROR_FORBIDDEN) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (!owner || owner->unreadable ||
	    !(owner->object || owner->kubevirt || cluster_caps(context->cluster)->kvmig_migrates))
		return TRUE;
	config_value(owner, setting_find("allowWorkloadDisruption"), &value);
	*ret_flag = cJSON_IsTrue(value.value) ? POLICY_CLUSTER_ON : POLICY_CLUSTER_OFF;
	return TRUE;
}

static int run_lint(CommandContext *context, const void *values, GError **error)
{
	const OutputSpec spec = { .list_kind = "PolicyFindingList",
				  .columns = columns,
				  .name = cell_policy };
	g_autoptr(GPtrArray) findings = NULL;
	g_autoptr(GPtrArray) rows = NULL;
	PolicyPlatform platform = policy_platform(context->cluster);
	g_autofree char *clean = NULL;
	g_auto(LintWalk) walk;

	(void)values;
	lint_walk_init(&walk);
	if (!policies_read(context->cluster, &walk.policies, error) ||
	    !read_disruption(context, &platform.disruption, error) ||
	    !lint_walk(&walk, context, error))
		return STATUS_FAILED;
	findings = policy_lint(walk.policies.set, &platform);
	lint_walk_report(&walk, findings);
	g_ptr_array_sort(findings, by_name); /* stable */
	say_limits(context, &walk);
	rows = make_rows(findings);
	clean = g_strdup_printf("nothing to object to in %u polic%s",
				policy_set_size(walk.policies.set),
				policy_set_size(walk.policies.set) == 1 ? "y" : "ies");
	return lint_finish(context, &spec, rows, clean);
}

static const char *const examples[] = { "kvmig policy lint", "kvmig policy lint -o json", NULL };

const Command policy_lint_command = {
	.name = "lint",
	.summary = "name policies that do nothing, or not what one thinks",
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_lint,
	.examples = examples,
};
