/* SPDX-License-Identifier: Apache-2.0 */
/* The winner for a VM without looking at every policy: the index is described in set.h. */
#include <string.h>

#include "model/wellknown.h"
#include "policy/set.h"

struct PolicyScope {
	guint8 *holds; /* by policy: its project labels are all there (or it asks for none) */
	/* the best of those that ask for no VM label */
	const Policy *best[POLICY_RULES];
	gboolean ahead; /* of a hand-over: what it will bring counts as whatever is asked */
};

/* Labels that a VM has only from a hand-over on, or only while it runs. */
static const char *const handover_keys[HANDOVER_KEYS] = {
	[HANDOVER_SOURCE] = LABEL_NODE_NAME,
	[HANDOVER_TARGET] = LABEL_MIGRATION_TARGET_NODE_NAME,
};

/* ---- labels and their numbers --------------------------------------------------------------- */

static guint32 hash_label(const char *key, const char *value)
{
	guint32 hash = 2166136261u;

	for (; *key; key++)
		hash = (hash ^ (guchar)*key) * 16777619u;
	hash = (hash ^ '=') * 16777619u;
	for (; *value; value++)
		hash = (hash ^ (guchar)*value) * 16777619u;
	/* the low bits choose the slot, and FNV leaves the differences of the last byte in them */
	return hash ^ hash >> 15;
}

/* The slot of a label, or the free one where it would go. */
static LabelSlot *find_slot(const PolicySet *set, const char *key, const char *value, guint32 hash)
{
	for (guint at = hash & (set->n_slots - 1);; at = (at + 1) & (set->n_slots - 1)) {
		LabelSlot *slot = &set->slots[at];
		const IndexedLabel *label;

		if (!slot->number_plus_1)
			return slot;
		if (slot->hash != hash)
			continue;
		label = &g_array_index(set->labels, IndexedLabel, slot->number_plus_1 - 1);
		if (strcmp(label->key, key) == 0 && strcmp(label->value, value) == 0)
			return slot;
	}
}

static guint number_label(PolicySet *set, const PolicyLabel *wanted)
{
	guint32 hash = hash_label(wanted->key, wanted->value);
	LabelSlot *slot = find_slot(set, wanted->key, wanted->value, hash);

	if (!slot->number_plus_1) {
		IndexedLabel label = { .key = wanted->key, .value = wanted->value };

		g_array_append_val(set->labels, label);
		*slot = (LabelSlot){ .hash = hash, .number_plus_1 = set->labels->len };
	}
	g_array_index(set->labels, IndexedLabel, slot->number_plus_1 - 1).uses++;
	return slot->number_plus_1 - 1;
}

static void number_labels(PolicySet *set)
{
	guint total = 0, at = 0;

	for (guint i = 0; i < set->n; i++)
		total += set->policies[i].n_vm;
	for (set->n_slots = 16; set->n_slots < 2 * total;)
		set->n_slots *= 2;
	set->slots = g_new0(LabelSlot, set->n_slots);
	set->labels = g_array_new(FALSE, FALSE, sizeof(IndexedLabel));
	set->needs = g_new(guint, total + 1);
	set->needs_of = g_new(guint, set->n + 1);
	for (guint i = 0; i < set->n; i++) {
		const Policy *policy = &set->policies[i];

		set->needs_of[i] = at;
		for (guint j = 0; j < policy->n_vm; j++)
			set->needs[at++] = number_label(set, &policy->labels[j]);
	}
	set->seen = g_new0(guint, set->labels->len + 1);
	set->found = g_new(guint, set->labels->len + 1);
}

/* ---- filing --------------------------------------------------------------------------------- */

static guint rarest_label(const PolicySet *set, guint policy)
{
	const guint *needs = set->needs + set->needs_of[policy];
	guint best = needs[0];

	for (guint i = 1; i < set->policies[policy].n_vm; i++)
		if (g_array_index(set->labels, IndexedLabel, needs[i]).uses <
		    g_array_index(set->labels, IndexedLabel, best).uses)
			best = needs[i];
	return best;
}

/* Those of one label lie together, in the order of the documented rule: policies are counted, then
 * put in their places in that order. */
static void file_policies(PolicySet *set)
{
	g_autofree guint *under = g_new(guint, set->n + 1);
	guint at = 0;

	for (guint i = 0; i < set->n; i++) {
		if (!set->policies[i].n_vm)
			continue;
		under[i] = rarest_label(set, i);
		g_array_index(set->labels, IndexedLabel, under[i]).n++;
	}
	for (guint i = 0; i < set->labels->len; i++) {
		IndexedLabel *label = &g_array_index(set->labels, IndexedLabel, i);

		label->first = at;
		at += label->n;
		label->n = 0;
	}
	set->filed = g_new(const Policy *, at + 1);
	for (guint i = 0; i < set->n; i++) {
		const Policy *policy = set->order[POLICY_RULE_DOCUMENTED][i];
		IndexedLabel *label;

		if (!policy->n_vm)
			continue;
		label = &g_array_index(set->labels, IndexedLabel, under[policy - set->policies]);
		set->filed[label->first + label->n++] = policy;
	}
}

static void note_handover(PolicySet *set)
{
	for (guint key = 0; key < HANDOVER_KEYS; key++)
		set->handover[key] = g_array_new(FALSE, FALSE, sizeof(guint));
	for (guint i = 0; i < set->labels->len; i++) {
		const IndexedLabel *label = &g_array_index(set->labels, IndexedLabel, i);

		for (guint key = 0; key < HANDOVER_KEYS; key++)
			if (strcmp(label->key, handover_keys[key]) == 0)
				g_array_append_val(set->handover[key], i);
	}
}

void policy_index_build(PolicySet *set)
{
	number_labels(set);
	file_policies(set);
	note_handover(set);
}

void policy_index_clear(PolicySet *set)
{
	g_free(set->slots);
	g_array_unref(set->labels);
	g_free(set->needs);
	g_free(set->needs_of);
	g_free(set->filed);
	g_free(set->seen);
	g_free(set->found);
	for (guint key = 0; key < HANDOVER_KEYS; key++)
		g_array_unref(set->handover[key]);
}

/* ---- matching ------------------------------------------------------------------------------- */

static void offer(const Policy **best, const Policy *policy)
{
	for (PolicyRule rule = 0; rule < POLICY_RULES; rule++)
		if (!best[rule] || policy->rank[rule] < best[rule]->rank[rule])
			best[rule] = policy;
}

/* Nothing that is known of the namespace keeps the policy away: labels that are not might match. */
static gboolean may_match_ns(const Policy *policy, const cJSON *known)
{
	if (!policy->has_selectors)
		return FALSE;
	for (guint i = policy->n_vm; i < policy->n_vm + policy->n_ns; i++) {
		const PolicyLabel *label = &policy->labels[i];
		const cJSON *there = json_get(known, label->key);

		if (there && g_strcmp0(cJSON_GetStringValue(there), label->value) != 0)
			return FALSE;
	}
	return TRUE;
}

static PolicyScope *make_scope(const PolicySet *set, gboolean any, const cJSON *ns_labels)
{
	PolicyScope *scope = g_new0(PolicyScope, 1);

	scope->holds = g_new0(guint8, set->n + 1);
	for (guint i = 0; i < set->n; i++) {
		const Policy *policy = &set->policies[i];

		scope->holds[i] = any ? may_match_ns(policy, ns_labels)
				      : policy_matches_ns(policy, ns_labels);
		if (scope->holds[i] && !policy->n_vm)
			offer(scope->best, policy);
	}
	return scope;
}

PolicyScope *policy_scope_new(const PolicySet *set, const cJSON *ns_labels)
{
	return make_scope(set, FALSE, ns_labels);
}

PolicyScope *policy_scope_any(const PolicySet *set, const cJSON *known)
{
	return make_scope(set, TRUE, known);
}

void policy_scope_set_ahead(PolicyScope *scope)
{
	scope->ahead = TRUE;
}

gboolean policy_set_asks_handover(const PolicySet *set)
{
	return set->handover[HANDOVER_SOURCE]->len || set->handover[HANDOVER_TARGET]->len;
}

gboolean policy_label_is_handover(const char *key)
{
	for (guint i = 0; i < HANDOVER_KEYS; i++)
		if (strcmp(key, handover_keys[i]) == 0)
			return TRUE;
	return FALSE;
}

const cJSON *policy_labels_ahead(const PolicySet *set, const cJSON *vm_labels, cJSON **ret_copy)
{
	const char *target = handover_keys[HANDOVER_TARGET];

	*ret_copy = NULL;
	if (!set->handover[HANDOVER_TARGET]->len || !json_get(vm_labels, target))
		return vm_labels;
	*ret_copy = cJSON_Duplicate(vm_labels, TRUE);
	json_unset(*ret_copy, target);
	return *ret_copy;
}

void policy_scope_free(PolicyScope *scope)
{
	if (!scope)
		return;
	g_free(scope->holds);
	g_free(scope);
}

static gboolean needs_are_seen(const PolicySet *set, const Policy *policy)
{
	const guint *needs = set->needs + set->needs_of[policy - set->policies];

	for (guint i = 0; i < policy->n_vm; i++)
		if (set->seen[needs[i]] != set->epoch)
			return FALSE;
	return TRUE;
}

/* Beaten by both: more labels is more in both rules, so that those filed behind it are too as soon
 * as they have fewer labels than either winner. */
static gboolean is_beaten(const Policy *policy, const PolicyVerdict *verdict)
{
	const Policy *winner = verdict->winner[POLICY_RULE_DOCUMENTED];

	return winner && policy->n_vm + policy->n_ns < winner->n_vm + winner->n_ns;
}

static void look_under(const PolicySet *set, const PolicyScope *scope, guint number,
		       PolicyVerdict *verdict)
{
	const IndexedLabel *label = &g_array_index(set->labels, IndexedLabel, number);

	for (guint i = 0; i < label->n; i++) {
		const Policy *policy = set->filed[label->first + i];

		if (is_beaten(policy, verdict))
			return;
		if (scope->holds[policy - set->policies] && needs_are_seen(set, policy))
			offer(verdict->winner, policy);
	}
}

static void next_epoch(PolicySet *set)
{
	if (++set->epoch != 0)
		return;
	/* wrapped: old marks could be taken for new ones */
	memset(set->seen, 0, sizeof(*set->seen) * set->labels->len);
	set->epoch = 1;
}

static guint mark(PolicySet *set, guint number, guint n)
{
	if (set->seen[number] == set->epoch)
		return n;
	set->seen[number] = set->epoch;
	set->found[n] = number;
	return n + 1;
}

static guint mark_asked(PolicySet *set, const GArray *numbers, guint n)
{
	for (guint i = 0; i < numbers->len; i++)
		n = mark(set, g_array_index(numbers, guint, i), n);
	return n;
}

/* What a hand-over may bring. */
static guint mark_handover(PolicySet *set, const cJSON *vm_labels, guint n)
{
	for (guint key = 0; key < HANDOVER_KEYS; key++)
		if (set->handover[key]->len && !json_get(vm_labels, handover_keys[key]))
			n = mark_asked(set, set->handover[key], n);
	return n;
}

/* Marks the labels that have a number; returns how many, their numbers are in set->found. */
static guint mark_labels(PolicySet *set, gboolean ahead, const cJSON *vm_labels)
{
	const cJSON *entry;
	guint n = 0;

	next_epoch(set);
	cJSON_ArrayForEach(entry, vm_labels)
	{
		const LabelSlot *slot;

		if (!cJSON_IsString(entry))
			continue;
		slot = find_slot(set, entry->string, entry->valuestring,
				 hash_label(entry->string, entry->valuestring));
		if (slot->number_plus_1)
			n = mark(set, slot->number_plus_1 - 1, n);
	}
	return ahead ? mark_handover(set, vm_labels, n) : n;
}

PolicyVerdict policy_match(PolicySet *set, const PolicyScope *scope, const cJSON *vm_labels)
{
	guint n = mark_labels(set, scope->ahead, vm_labels);
	PolicyVerdict verdict;

	memcpy(verdict.winner, scope->best, sizeof(verdict.winner));
	for (guint i = 0; i < n; i++)
		look_under(set, scope, set->found[i], &verdict);
	return verdict;
}

static int by_rank(gconstpointer a, gconstpointer b)
{
	const Policy *x = *(const Policy *const *)a, *y = *(const Policy *const *)b;

	return x->rank[POLICY_RULE_DOCUMENTED] < y->rank[POLICY_RULE_DOCUMENTED] ? -1 : 1;
}

static void add_filed(const PolicySet *set, const PolicyScope *scope, guint number,
		      GPtrArray *matches)
{
	const IndexedLabel *label = &g_array_index(set->labels, IndexedLabel, number);

	for (guint i = 0; i < label->n; i++) {
		const Policy *policy = set->filed[label->first + i];

		if (scope->holds[policy - set->policies] && needs_are_seen(set, policy))
			g_ptr_array_add(matches, (gpointer)policy);
	}
}

void policy_match_all(PolicySet *set, const PolicyScope *scope, const cJSON *vm_labels,
		      PolicyFunc func, gpointer data)
{
	g_autoptr(GPtrArray) matches = g_ptr_array_new();
	guint n = mark_labels(set, scope->ahead, vm_labels);

	for (guint i = 0; i < n; i++)
		add_filed(set, scope, set->found[i], matches);
	for (guint i = 0; i < set->n; i++)
		if (scope->holds[i] && !set->policies[i].n_vm)
			g_ptr_array_add(matches, &set->policies[i]);
	g_ptr_array_sort(matches, by_rank);
	for (guint i = 0; i < matches->len; i++)
		func(g_ptr_array_index(matches, i), data);
}

GArray *policy_asked_labels(PolicySet *set, const cJSON *vm_labels)
{
	GArray *numbers = g_array_new(FALSE, FALSE, sizeof(guint));
	guint n = mark_labels(set, FALSE, vm_labels);

	if (n)
		g_array_append_vals(numbers, set->found, n);
	return numbers;
}

PolicyLabel policy_asked_label(const PolicySet *set, guint number)
{
	const IndexedLabel *label = &g_array_index(set->labels, IndexedLabel, number);

	return (PolicyLabel){ label->key, label->value };
}
