/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that do nothing, or not what one thinks. */
#include <string.h>

#include "base/error.h"
#include "base/reason.h"
#include "policy/set.h"

PolicyFinding *policy_finding_new(const char *code, const Policy *policy, const Policy *other,
				  char *text, char *fix)
{
	PolicyFinding *finding = g_new(PolicyFinding, 1);

	*finding = (PolicyFinding){ code, policy, other, text, fix };
	return finding;
}

void policy_finding_free(PolicyFinding *finding)
{
	if (!finding)
		return;
	g_free(finding->text);
	g_free(finding->fix);
	g_free(finding);
}

/* ---- one policy ----------------------------------------------------------------------------- */

static const cJSON *stated(const Policy *policy, const char *key)
{
	const cJSON *value = json_path(policy->object, "spec", key, NULL);

	return cJSON_IsNull(value) ? NULL : value;
}

static void check_gates(GPtrArray *findings, const Policy *policy)
{
	static const struct {
		const char *parent, *key, *gates;
	} gated[] = {
		{ NULL, "maxDowntimeMs", "MigrationStallDetection or MigrationDowntimeTuning" },
		{ "experimental", "stallDetector", "MigrationStallDetection" },
		{ "experimental", "downtimeTuning", "MigrationDowntimeTuning" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(gated); i++) {
		const cJSON *value =
			gated[i].parent ? json_get(stated(policy, gated[i].parent), gated[i].key)
					: stated(policy, gated[i].key);

		if (!value || cJSON_IsNull(value))
			continue;
		g_ptr_array_add(
			findings,
			policy_finding_new(
				REASON_LINT_POLICY_GATED, policy, NULL,
				g_strdup_printf("%s does nothing on KubeVirt without the feature "
						"gate %s",
						gated[i].key, gated[i].gates),
				g_strdup("enable the gate, or leave the field out")));
	}
}

static void check_one(GPtrArray *findings, const Policy *policy)
{
	g_autoptr(GError) error = NULL;

	if (!policy_check(policy->object, &error))
		g_ptr_array_add(findings, policy_finding_new(REASON_LINT_POLICY_INVALID, policy,
							     NULL, g_strdup(error->message),
							     g_strdup_printf("kvmig policy edit %s",
									     policy->name)));
	if (!policy->has_selectors)
		g_ptr_array_add(
			findings,
			policy_finding_new(REASON_LINT_POLICY_NO_SELECTORS, policy, NULL,
					   g_strdup("has no selectors, so it matches no VM"),
					   g_strdup_printf("kvmig policy edit %s", policy->name)));
	if (cJSON_IsFalse(stated(policy, "allowPostCopy")) &&
	    !stated(policy, "allowWorkloadDisruption"))
		g_ptr_array_add(
			findings,
			policy_finding_new(
				REASON_LINT_POLICY_DISRUPTION_OFF, policy, NULL,
				g_strdup("allowPostCopy: false without allowWorkloadDisruption "
					 "switches workload disruption off too, whatever the "
					 "cluster says"),
				g_strdup("say allowWorkloadDisruption in the policy")));
	check_gates(findings, policy);
}

/* ---- pairs ---------------------------------------------------------------------------------- */

/* Whether one set of labels can have both parts: no key with two values. */
static gboolean compatible(const PolicyLabel *a, guint n_a, const PolicyLabel *b, guint n_b)
{
	for (guint i = 0, j = 0; i < n_a && j < n_b;) {
		int order = strcmp(a[i].key, b[j].key);

		if (order == 0 && strcmp(a[i].value, b[j].value) != 0)
			return FALSE;
		i += order <= 0;
		j += order >= 0;
	}
	return TRUE;
}

static gboolean can_meet(const Policy *a, const Policy *b)
{
	return a->has_selectors && b->has_selectors &&
	       compatible(a->labels, a->n_vm, b->labels, b->n_vm) &&
	       compatible(a->labels + a->n_vm, a->n_ns, b->labels + b->n_vm, b->n_ns);
}

/* Of two that can meet: equal numbers of equal keys are equal selectors, for the values agree. */
static gboolean same_selectors(const Policy *a, const Policy *b)
{
	if (a->n_vm != b->n_vm || a->n_ns != b->n_ns)
		return FALSE;
	for (guint i = 0; i < a->n_vm + a->n_ns; i++)
		if (strcmp(a->labels[i].key, b->labels[i].key) != 0)
			return FALSE;
	return TRUE;
}

static gboolean only_name_decides(const Policy *a, const Policy *b, PolicyRule rule)
{
	if (rule == POLICY_RULE_KUBEVIRT)
		return a->n_vm == b->n_vm && a->n_ns == b->n_ns;
	return a->n_vm + a->n_ns == b->n_vm + b->n_ns && policy_compare_keys(a, b, NULL) == 0;
}

static const Policy *better(const Policy *a, const Policy *b, PolicyRule rule)
{
	return a->rank[rule] < b->rank[rule] ? a : b;
}

static void add_pair(GPtrArray *findings, const char *code, const Policy *a, const Policy *b,
		     char *text)
{
	char *fix = g_str_equal(code, REASON_LINT_POLICY_DUPLICATE)
			    ? g_strdup("delete one of them, or change its labels")
			    : g_strdup("add a label to the one that is to win");

	g_ptr_array_add(findings, policy_finding_new(code, a, b, text, fix));
}

static void check_pair(GPtrArray *findings, const Policy *a, const Policy *b, PolicyRule rule)
{
	const Policy *kubevirt = better(a, b, POLICY_RULE_KUBEVIRT);
	const Policy *documented = better(a, b, POLICY_RULE_DOCUMENTED);
	const Policy *winner = better(a, b, rule);
	const Policy *loser = winner == a ? b : a;

	if (a->n_vm + a->n_ns != b->n_vm + b->n_ns || !can_meet(a, b))
		return;
	if (same_selectors(a, b))
		add_pair(findings, REASON_LINT_POLICY_DUPLICATE, loser, winner,
			 g_strdup_printf("has the same selectors as '%s', whose name comes first: "
					 "it never applies",
					 winner->name));
	else if (kubevirt != documented)
		add_pair(findings, REASON_LINT_POLICY_RULES_DIFFER, a, b,
			 g_strdup_printf("on a VM that it shares with '%s' the documents let '%s' "
					 "win, KubeVirt '%s'",
					 b->name, documented->name, kubevirt->name));
	else if (only_name_decides(a, b, rule))
		add_pair(findings, REASON_LINT_POLICY_TIE, loser, winner,
			 g_strdup_printf("on a VM that it shares with '%s' that one wins, only for "
					 "its name",
					 winner->name));
}

/* ---- all ------------------------------------------------------------------------------------ */

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp((*(const PolicyFinding *const *)a)->policy->name,
		      (*(const PolicyFinding *const *)b)->policy->name);
}

GPtrArray *policy_lint(const PolicySet *set, PolicyRule in_force)
{
	GPtrArray *findings = g_ptr_array_new_with_free_func((GDestroyNotify)policy_finding_free);

	for (guint i = 0; i < set->n; i++) {
		const Policy *policy = set->order[in_force][i];
		guint labels = policy->n_vm + policy->n_ns;

		check_one(findings, policy);
		/* the order is by the number of labels first: those with as many lie together */
		for (guint j = i + 1; j < set->n; j++) {
			const Policy *other = set->order[in_force][j];

			if (other->n_vm + other->n_ns != labels)
				break;
			check_pair(findings, policy, other, in_force);
		}
	}
	g_ptr_array_sort(findings, by_name); /* stable: GLib sorts by merging */
	return findings;
}
