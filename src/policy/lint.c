/* SPDX-License-Identifier: Apache-2.0 */
/* Policies that do nothing, or not what one thinks. */
#include <string.h>

#include "base/error.h"
#include "base/reason.h"
#include "policy/gated.h"
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

static void check_gates(GPtrArray *findings, const Policy *policy, const PolicyPlatform *platform)
{
	const PolicyGated *field;
	guint at = 0;

	while (platform->has_gates &&
	       (field = policy_gated_next(policy->object, NULL, &at)) != NULL) {
		g_autofree char *text = NULL;

		if (gate_state_any(platform->kubevirt, field->gates) == GATE_ON)
			continue;
		text = gate_text(platform->kubevirt, field->gates);
		g_ptr_array_add(findings, policy_finding_new(
						  REASON_LINT_POLICY_GATED, policy, NULL,
						  g_strdup_printf("%s does nothing without %s",
								  field->path, text),
						  g_strdup_printf("kvmig policy edit %s --unset %s",
								  policy->name, field->path)));
	}
}

/* The fix never lets guests be paused where the cluster does not: it restores what the cluster has,
 * or says aloud what is so now. */
static void check_disruption(GPtrArray *findings, const Policy *policy, PolicyClusterFlag cluster)
{
	static const char *const what[] = {
		[POLICY_CLUSTER_UNKNOWN] = "switches workload disruption off too, whatever the "
					   "cluster says",
		[POLICY_CLUSTER_OFF] = "keeps workload disruption off too, even when the cluster "
				       "switches it on",
		[POLICY_CLUSTER_ON] = "switches workload disruption off too, which the cluster "
				      "has on",
	};

	if (!cJSON_IsFalse(stated(policy, "allowPostCopy")) ||
	    stated(policy, "allowWorkloadDisruption"))
		return;
	g_ptr_array_add(findings,
			policy_finding_new(
				REASON_LINT_POLICY_DISRUPTION_OFF, policy, NULL,
				g_strdup_printf("allowPostCopy: false without "
						"allowWorkloadDisruption %s",
						what[cluster]),
				g_strdup_printf("kvmig policy edit %s --set "
						"allowWorkloadDisruption=%s",
						policy->name,
						cluster == POLICY_CLUSTER_ON ? "true" : "false")));
}

static void check_one(GPtrArray *findings, const Policy *policy, const PolicyPlatform *platform)
{
	g_autoptr(GError) error = NULL;

	if (!policy_check(policy->object, &error))
		g_ptr_array_add(findings, policy_finding_new(REASON_LINT_POLICY_INVALID, policy,
							     NULL, g_strdup(error->message),
							     g_strdup_printf("kvmig policy edit %s",
									     policy->name)));
	if (!policy->has_selectors)
		g_ptr_array_add(findings,
				policy_finding_new(
					REASON_LINT_POLICY_NO_SELECTORS, policy, NULL,
					g_strdup("has no selectors, so it matches no VM"),
					g_strdup_printf("kvmig policy delete %s", policy->name)));
	check_disruption(findings, policy, platform->disruption);
	check_gates(findings, policy, platform);
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

static gboolean asks_for(const PolicyLabel *labels, guint n, const PolicyLabel *wanted)
{
	for (guint i = 0; i < n; i++)
		if (strcmp(labels[i].key, wanted->key) == 0)
			return strcmp(labels[i].value, wanted->value) == 0;
	return FALSE;
}

/* Whether a part of a policy asks for nothing that neither of two others asks for. */
static gboolean is_covered(const PolicyLabel *labels, guint n, const PolicyLabel *a, guint n_a,
			   const PolicyLabel *b, guint n_b)
{
	for (guint i = 0; i < n; i++)
		if (!asks_for(a, n_a, &labels[i]) && !asks_for(b, n_b, &labels[i]))
			return FALSE;
	return TRUE;
}

/* Whether on every VM that both match a third policy matches too, and goes before both: then it
 * does not matter which of the two is the first. */
static gboolean is_settled(const PolicySet *set, const Policy *a, const Policy *b, PolicyRule rule)
{
	const guint first = MIN(a->rank[rule], b->rank[rule]);

	for (guint i = 0; i < first; i++) {
		const Policy *c = set->order[rule][i];

		if (c->has_selectors &&
		    is_covered(c->labels, c->n_vm, a->labels, a->n_vm, b->labels, b->n_vm) &&
		    is_covered(c->labels + c->n_vm, c->n_ns, a->labels + a->n_vm, a->n_ns,
			       b->labels + b->n_vm, b->n_ns))
			return TRUE;
	}
	return FALSE;
}

/* The only ones that can never win: a policy goes before another with as many labels or fewer, and
 * is there on all VMs of that one only if it asks for nothing else. */
static void check_duplicate(GPtrArray *findings, const Policy *winner, const Policy *loser)
{
	g_ptr_array_add(findings,
			policy_finding_new(REASON_LINT_POLICY_DUPLICATE, loser, winner,
					   g_strdup_printf("has the same selectors as '%s', whose "
							   "name comes first: it never applies",
							   winner->name),
					   g_strdup_printf("kvmig policy delete %s", loser->name)));
}

static void check_pair(GPtrArray *findings, const PolicySet *set, const Policy *a, const Policy *b,
		       const PolicyPlatform *platform)
{
	const PolicyRule rule = platform->in_force;
	const Policy *kubevirt = better(a, b, POLICY_RULE_KUBEVIRT);
	const Policy *documented = better(a, b, POLICY_RULE_DOCUMENTED);
	const Policy *winner = better(a, b, rule);
	const Policy *loser = winner == a ? b : a;

	if (!can_meet(a, b))
		return;
	if (same_selectors(a, b))
		check_duplicate(findings, winner, loser);
	else if (kubevirt != documented && !is_settled(set, a, b, POLICY_RULE_KUBEVIRT) &&
		 !is_settled(set, a, b, POLICY_RULE_DOCUMENTED))
		g_ptr_array_add(
			findings,
			policy_finding_new(
				REASON_LINT_POLICY_RULES_DIFFER, a, b,
				g_strdup_printf("on a VM that it shares with '%s' the documents "
						"let '%s' win, KubeVirt '%s': a policy with the "
						"labels of both would decide",
						b->name, documented->name, kubevirt->name),
				policy_fix_pair(set, winner, loser, platform)));
	else if (kubevirt == documented && only_name_decides(a, b, rule) &&
		 !is_settled(set, a, b, rule))
		g_ptr_array_add(
			findings,
			policy_finding_new(
				REASON_LINT_POLICY_TIE, loser, winner,
				g_strdup_printf("on a VM that it shares with '%s' that one wins, "
						"only for its name: a policy with the labels of "
						"both would decide",
						winner->name),
				policy_fix_pair(set, winner, loser, platform)));
}

/* ---- all ------------------------------------------------------------------------------------ */

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp((*(const PolicyFinding *const *)a)->policy->name,
		      (*(const PolicyFinding *const *)b)->policy->name);
}

GPtrArray *policy_lint(const PolicySet *set, const PolicyPlatform *platform)
{
	const PolicyRule in_force = platform->in_force;
	GPtrArray *findings = g_ptr_array_new_with_free_func((GDestroyNotify)policy_finding_free);

	for (guint i = 0; i < set->n; i++) {
		const Policy *policy = set->order[in_force][i];
		guint labels = policy->n_vm + policy->n_ns;

		check_one(findings, policy, platform);
		/* the order is by the number of labels first: those with as many lie together */
		for (guint j = i + 1; j < set->n; j++) {
			const Policy *other = set->order[in_force][j];

			if (other->n_vm + other->n_ns != labels)
				break;
			check_pair(findings, set, policy, other, platform);
		}
	}
	g_ptr_array_sort(findings, by_name); /* stable: GLib sorts by merging */
	return findings;
}
