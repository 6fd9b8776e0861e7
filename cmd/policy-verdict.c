/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of `kvmig policy explain`: each policy's place, and which of them applies. */
#include "policy-explain.h"

/* ---- the policies --------------------------------------------------------------------------- */

/* "tier=gold", for each label of one part of a policy that is there. */
static void add_matched(cJSON *row, const char *key, const PolicyLabel *labels, guint n,
			const cJSON *map)
{
	cJSON *list = json_ensure_array(row, key);

	for (guint i = 0; i < n; i++) {
		g_autofree char *text = g_strdup_printf("%s=%s", labels[i].key, labels[i].value);

		if (g_strcmp0(json_string(map, labels[i].key, NULL), labels[i].value) == 0)
			cJSON_AddItemToArray(list, cJSON_CreateString(text));
	}
}

static cJSON *place_row(const Question *question, const PolicyPlace *place, PolicyRule rule,
			guint rank)
{
	const Policy *policy = place->policy;
	const Policy *winner = question->verdict.winner[rule];
	cJSON *row = cJSON_CreateObject();
	g_autofree char *why = policy_place_text(place, winner);
	gboolean about_project = place->reason == POLICY_NS_LABEL_MISSING ||
				 place->reason == POLICY_NS_LABEL_DIFFERS;

	json_set_string(row, "policy", policy->name);
	json_set_string(row, "rule", policy_rule_name(rule));
	if (policy_reason_is_match(place->reason))
		json_set_int(row, "rank", rank);
	json_set_int(row, "vmLabels", policy->n_vm);
	json_set_int(row, "projectLabels", policy->n_ns);
	add_matched(row, "matchedVmLabels", policy->labels, policy->n_vm, question->vm_labels);
	add_matched(row, "matchedProjectLabels", policy->labels + policy->n_vm, policy->n_ns,
		    question->project_labels);
	if (about_project && !question->project_known &&
	    !json_get(question->project_given, place->key)) {
		json_set_string(row, "reason", "project-unknown");
		json_set_string(row, "message",
				"the project's labels cannot be read with your rights");
		return row;
	}
	json_set_string(row, "reason", policy_reason_to_string(place->reason));
	json_set_string(row, "message", why);
	json_set_string(row, "key", place->key);
	json_set_string(row, "wanted", place->wanted);
	json_set_string(row, "found", place->found);
	return row;
}

void question_add_policies(const Question *question, PolicyRule rule, GPtrArray *rows)
{
	g_autoptr(GArray) places = policy_rank(question->policies.set, rule, question->vm_labels,
					       question->project_labels);

	for (guint i = 0; i < places->len; i++)
		g_ptr_array_add(rows, place_row(question, &g_array_index(places, PolicyPlace, i),
						rule, i + 1));
}

/* ---- what applies --------------------------------------------------------------------------- */

gboolean question_is_certain(const Question *question, PolicyRule rule)
{
	return question->verdict.winner[rule] == question->at_best.winner[rule];
}

const char *question_winner(const Question *question, PolicyRule rule)
{
	const Policy *winner = question->verdict.winner[rule];

	return winner && question_is_certain(question, rule) ? winner->name : NULL;
}

static void add_candidate(const Policy *policy, gpointer data)
{
	g_ptr_array_add(data, (gpointer)policy);
}

static int by_rank(gconstpointer a, gconstpointer b, gpointer data)
{
	const PolicyRule rule = *(const PolicyRule *)data;
	const Policy *x = *(const Policy *const *)a, *y = *(const Policy *const *)b;

	return x->rank[rule] < y->rank[rule] ? -1 : 1;
}

GPtrArray *question_candidates(const Question *question)
{
	GPtrArray *candidates = g_ptr_array_new();
	g_autoptr(GPtrArray) may_match = g_ptr_array_new();
	PolicyRule rule = question->in_force;
	const Policy *winner = question->verdict.winner[rule];

	g_ptr_array_add(candidates, (gpointer)winner);
	if (question_is_certain(question, rule))
		return candidates;
	policy_match_all(question->policies.set, question->best_scope, question->vm_labels,
			 add_candidate, may_match);
	g_ptr_array_sort_with_data(may_match, by_rank, &rule);
	for (guint i = 0; i < may_match->len && may_match->pdata[i] != winner; i++)
		g_ptr_array_add(candidates, may_match->pdata[i]);
	return candidates;
}

/* "the labels of the project", "the target of the migration": what is not known. */
static const char *what_decides(const Question *question)
{
	const gboolean handover = question_hangs_on_handover(question);

	if (question->project_known)
		return "what the hand-over brings";
	return handover ? "the labels of the project and what the hand-over brings"
			: "the labels of the project";
}

gboolean question_hangs_on_handover(const Question *question)
{
	g_autoptr(GPtrArray) candidates = question_candidates(question);

	for (guint i = 1; i < candidates->len; i++)
		if (!policy_matches_vm(candidates->pdata[i], question->vm_labels))
			return TRUE;
	return FALSE;
}

/* "gold", "not known: 'gold', or by the labels of the project 'hpc', 'urgent'" */
char *question_applies_text(const Question *question)
{
	g_autoptr(GPtrArray) candidates = question_candidates(question);
	const Policy *first = g_ptr_array_index(candidates, 0);
	g_autoptr(GString) text = g_string_new(NULL);

	if (candidates->len == 1)
		return g_strdup(first ? first->name : NULL);
	g_string_append_printf(text, "not known: %s%s%s, or by %s", first ? "'" : "",
			       first ? first->name : "none", first ? "'" : "",
			       what_decides(question));
	for (guint i = 1; i < candidates->len; i++)
		g_string_append_printf(text, "%s '%s'", i > 1 ? "," : "",
				       ((const Policy *)candidates->pdata[i])->name);
	return g_string_free(g_steal_pointer(&text), FALSE);
}
