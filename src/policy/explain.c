/* SPDX-License-Identifier: Apache-2.0 */
/* Why a policy does not apply: the first reason that there is. */
#include "policy/set.h"

static void set_miss(PolicyPlace *place, PolicyReason reason, const PolicyLabel *label,
		     const char *found)
{
	place->reason = reason;
	place->key = label->key;
	place->wanted = label->value;
	place->found = found;
}

static gboolean find_vm_miss(PolicyPlace *place, const cJSON *map)
{
	const Policy *policy = place->policy;

	for (guint i = 0; i < policy->n_vm; i++) {
		const PolicyLabel *label = &policy->labels[i];
		const char *found = json_string(map, label->key, NULL);

		if (found ? g_str_equal(found, label->value) : policy_label_is_handover(label->key))
			continue;
		set_miss(place, found ? POLICY_VM_LABEL_DIFFERS : POLICY_VM_LABEL_MISSING, label,
			 found);
		return TRUE;
	}
	return FALSE;
}

static gboolean find_ns_miss(PolicyPlace *place, const cJSON *map)
{
	const Policy *policy = place->policy;

	for (guint i = policy->n_vm; i < policy->n_vm + policy->n_ns; i++) {
		const PolicyLabel *label = &policy->labels[i];
		const char *found = json_string(map, label->key, NULL);

		if (found && g_str_equal(found, label->value))
			continue;
		set_miss(place, found ? POLICY_NS_LABEL_DIFFERS : POLICY_NS_LABEL_MISSING, label,
			 found);
		return TRUE;
	}
	return FALSE;
}

/* Nothing else is in its way: it hangs on what the hand-over will bring. */
static void find_later(PolicyPlace *place, const cJSON *map)
{
	const Policy *policy = place->policy;

	for (guint i = 0; i < policy->n_vm; i++) {
		const PolicyLabel *label = &policy->labels[i];

		if (!policy_label_is_handover(label->key) || json_get(map, label->key))
			continue;
		set_miss(place, POLICY_VM_LABEL_LATER, label, NULL);
		return;
	}
}

/* Of a policy that matches but is not the first. */
static void compare_to_winner(const Policy *winner, PolicyRule rule, PolicyPlace *place)
{
	const Policy *policy = place->policy;

	place->reason = POLICY_LOST_NAME;
	if (winner->n_vm + winner->n_ns > policy->n_vm + policy->n_ns)
		place->reason = POLICY_LOST_MORE_LABELS;
	else if (rule == POLICY_RULE_KUBEVIRT && winner->n_vm > policy->n_vm)
		place->reason = POLICY_LOST_MORE_VM_LABELS;
	else if (rule == POLICY_RULE_DOCUMENTED &&
		 policy_compare_keys(winner, policy, &place->key) != 0)
		place->reason = POLICY_LOST_KEYS;
}

static PolicyPlace judge(const Policy *policy, const cJSON *vm_labels, const cJSON *ns_labels)
{
	PolicyPlace place = { .policy = policy, .reason = POLICY_WINS };

	if (!policy->has_selectors)
		place.reason = POLICY_NO_SELECTORS;
	else if (!find_vm_miss(&place, vm_labels) && !find_ns_miss(&place, ns_labels))
		find_later(&place, vm_labels);
	return place;
}

GArray *policy_rank(const PolicySet *set, PolicyRule rule, const cJSON *vm_labels,
		    const cJSON *ns_labels)
{
	GArray *places = g_array_sized_new(FALSE, FALSE, sizeof(PolicyPlace), set->n);
	g_autoptr(GArray) misses = g_array_new(FALSE, FALSE, sizeof(PolicyPlace));
	const Policy *winner = NULL;

	for (guint i = 0; i < set->n; i++) {
		PolicyPlace place = judge(set->order[rule][i], vm_labels, ns_labels);

		if (place.reason != POLICY_WINS) {
			g_array_append_val(misses, place);
			continue;
		}
		if (winner)
			compare_to_winner(winner, rule, &place);
		else
			winner = place.policy;
		g_array_append_val(places, place);
	}
	if (misses->len)
		g_array_append_vals(places, misses->data, misses->len);
	return places;
}

static char *miss_text(const PolicyPlace *place, const char *whose)
{
	if (!place->found)
		return g_strdup_printf("%s label '%s' is missing (wanted: '%s')", whose, place->key,
				       place->wanted);
	return g_strdup_printf("%s label '%s' is '%s', not '%s'", whose, place->key, place->found,
			       place->wanted);
}

static guint n_labels(const Policy *policy)
{
	return policy->n_vm + policy->n_ns;
}

char *policy_place_text(const PolicyPlace *place, const Policy *winner)
{
	const Policy *policy = place->policy;

	switch (place->reason) {
	case POLICY_WINS:
		return g_strdup("applies");
	case POLICY_LOST_MORE_LABELS:
		return g_strdup_printf("'%s' matches more labels: %u to %u", winner->name,
				       n_labels(winner), n_labels(policy));
	case POLICY_LOST_MORE_VM_LABELS:
		return g_strdup_printf(
			"'%s' matches as many labels, but more of the VM's: %u to %u", winner->name,
			winner->n_vm, policy->n_vm);
	case POLICY_LOST_KEYS:
		return g_strdup_printf("'%s' matches as many labels, and '%s' comes first among "
				       "the keys",
				       winner->name, place->key ? place->key : "");
	case POLICY_LOST_NAME:
		return g_strdup_printf("'%s' is equal but for its name, which comes first",
				       winner->name);
	case POLICY_NO_SELECTORS:
		return g_strdup("has no selectors: it matches no VM");
	case POLICY_VM_LABEL_MISSING:
	case POLICY_VM_LABEL_DIFFERS:
		return miss_text(place, "VM");
	case POLICY_VM_LABEL_LATER:
		return g_strdup_printf("a hand-over sets the VM label '%s': it matches where that "
				       "is '%s'",
				       place->key, place->wanted);
	case POLICY_NS_LABEL_MISSING:
	case POLICY_NS_LABEL_DIFFERS:
		return miss_text(place, "project");
	}
	g_return_val_if_reached(NULL);
}

const char *policy_reason_to_string(PolicyReason reason)
{
	static const char *const words[] = {
		[POLICY_WINS] = "applies",
		[POLICY_LOST_MORE_LABELS] = "more-labels",
		[POLICY_LOST_MORE_VM_LABELS] = "more-vm-labels",
		[POLICY_LOST_KEYS] = "keys",
		[POLICY_LOST_NAME] = "name",
		[POLICY_NO_SELECTORS] = "no-selectors",
		[POLICY_VM_LABEL_MISSING] = "vm-label-missing",
		[POLICY_VM_LABEL_DIFFERS] = "vm-label-differs",
		[POLICY_VM_LABEL_LATER] = "vm-label-later",
		[POLICY_NS_LABEL_MISSING] = "project-label-missing",
		[POLICY_NS_LABEL_DIFFERS] = "project-label-differs",
	};

	return words[reason];
}

gboolean policy_reason_is_match(PolicyReason reason)
{
	return reason <= POLICY_LOST_NAME;
}
