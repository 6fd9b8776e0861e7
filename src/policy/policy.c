/* SPDX-License-Identifier: Apache-2.0 */
/* Policies read from their objects, and the two orders of precedence. */
#include "policy/set.h"

#include <string.h>

#include "model/object.h"

/* ---- reading -------------------------------------------------------------------------------- */

static int compare_labels(const void *a, const void *b)
{
	return strcmp(((const PolicyLabel *)a)->key, ((const PolicyLabel *)b)->key);
}

/* Appends the pairs of one selector, sorted; FALSE where it is not a map of strings. */
static gboolean take_selector(GArray *labels, const cJSON *selector, guint *ret_n)
{
	guint begin = labels->len;
	const cJSON *entry;

	*ret_n = 0;
	if (!selector || cJSON_IsNull(selector))
		return TRUE;
	if (!cJSON_IsObject(selector))
		return FALSE;
	cJSON_ArrayForEach(entry, selector)
	{
		PolicyLabel label = { entry->string, entry->valuestring };

		if (!cJSON_IsString(entry))
			return FALSE;
		g_array_append_val(labels, label);
	}
	*ret_n = labels->len - begin;
	if (*ret_n)
		qsort(&g_array_index(labels, PolicyLabel, begin), *ret_n, sizeof(PolicyLabel),
		      compare_labels);
	return TRUE;
}

static void policy_init(Policy *policy, const cJSON *object)
{
	const cJSON *selectors = json_path(object, "spec", "selectors", NULL);
	GArray *labels = g_array_new(FALSE, FALSE, sizeof(PolicyLabel));
	const char *name = object_name(object);

	policy->object = object;
	policy->name = name ? name : "";
	policy->has_selectors =
		cJSON_IsObject(selectors) &&
		take_selector(labels, json_get(selectors, "virtualMachineInstanceSelector"),
			      &policy->n_vm) &&
		take_selector(labels, json_get(selectors, "namespaceSelector"), &policy->n_ns);
	if (!policy->has_selectors)
		policy->n_vm = policy->n_ns = 0;
	policy->labels = (PolicyLabel *)g_array_free(labels, FALSE);
}

/* ---- the orders ----------------------------------------------------------------------------- */

static int more_first(guint a, guint b)
{
	return a > b ? -1 : a < b;
}

/* The next key of both selectors together: each part is sorted, so this is a merge. NULL: end. */
typedef struct {
	const Policy *policy;
	guint vm, ns;
} KeyCursor;

static const char *next_key(KeyCursor *cursor)
{
	const Policy *policy = cursor->policy;
	const PolicyLabel *vm = &policy->labels[cursor->vm];
	const PolicyLabel *ns = &policy->labels[policy->n_vm + cursor->ns];

	if (cursor->vm < policy->n_vm &&
	    (cursor->ns >= policy->n_ns || strcmp(vm->key, ns->key) <= 0)) {
		cursor->vm++;
		return vm->key;
	}
	if (cursor->ns >= policy->n_ns)
		return NULL;
	cursor->ns++;
	return ns->key;
}

int policy_compare_keys(const Policy *a, const Policy *b, const char **ret_key)
{
	KeyCursor left = { .policy = a }, right = { .policy = b };

	for (;;) {
		const char *x = next_key(&left), *y = next_key(&right);
		int order;

		if (!x || !y)
			return x ? 1 : y ? -1 : 0;
		order = strcmp(x, y);
		if (order == 0)
			continue;
		if (ret_key)
			*ret_key = order < 0 ? x : y;
		return order;
	}
}

static int compare_documented(const Policy *a, const Policy *b)
{
	int order = more_first(a->n_vm + a->n_ns, b->n_vm + b->n_ns);

	if (order == 0)
		order = policy_compare_keys(a, b, NULL);
	return order ? order : strcmp(a->name, b->name);
}

static int compare_kubevirt(const Policy *a, const Policy *b)
{
	int order = more_first(a->n_vm + a->n_ns, b->n_vm + b->n_ns);

	if (order == 0)
		order = more_first(a->n_vm, b->n_vm);
	return order ? order : strcmp(a->name, b->name);
}

static int compare_by_documented(const void *a, const void *b)
{
	return compare_documented(*(Policy *const *)a, *(Policy *const *)b);
}

static int compare_by_kubevirt(const void *a, const void *b)
{
	return compare_kubevirt(*(Policy *const *)a, *(Policy *const *)b);
}

static void rank_all(PolicySet *set)
{
	static int (*const compare[POLICY_RULES])(const void *, const void *) = {
		[POLICY_RULE_DOCUMENTED] = compare_by_documented,
		[POLICY_RULE_KUBEVIRT] = compare_by_kubevirt,
	};

	for (PolicyRule rule = 0; rule < POLICY_RULES; rule++) {
		set->order[rule] = g_new(Policy *, set->n + 1);
		for (guint i = 0; i < set->n; i++)
			set->order[rule][i] = &set->policies[i];
		if (set->n)
			qsort(set->order[rule], set->n, sizeof(Policy *), compare[rule]);
		for (guint i = 0; i < set->n; i++)
			set->order[rule][i]->rank[rule] = i;
	}
}

/* ---- the set -------------------------------------------------------------------------------- */

PolicySet *policy_set_new(const cJSON *const *objects, guint n)
{
	PolicySet *set = g_new0(PolicySet, 1);

	set->n = n;
	set->policies = g_new0(Policy, n + 1);
	for (guint i = 0; i < n; i++)
		policy_init(&set->policies[i], objects[i]);
	rank_all(set);
	policy_index_build(set);
	return set;
}

void policy_set_free(PolicySet *set)
{
	if (!set)
		return;
	policy_index_clear(set);
	for (guint i = 0; i < set->n; i++)
		g_free(set->policies[i].labels);
	for (PolicyRule rule = 0; rule < POLICY_RULES; rule++)
		g_free(set->order[rule]);
	g_free(set->policies);
	g_free(set);
}

guint policy_set_size(const PolicySet *set)
{
	return set->n;
}

const Policy *policy_set_nth(const PolicySet *set, guint n)
{
	return n < set->n ? &set->policies[n] : NULL;
}

const Policy *policy_set_ranked(const PolicySet *set, PolicyRule rule, guint rank)
{
	return rank < set->n ? set->order[rule][rank] : NULL;
}

const Policy *policy_set_find(const PolicySet *set, const char *name)
{
	for (guint i = 0; i < set->n; i++)
		if (g_str_equal(set->policies[i].name, name))
			return &set->policies[i];
	return NULL;
}

static gboolean all_there(const PolicyLabel *labels, guint n, const cJSON *map)
{
	for (guint i = 0; i < n; i++) {
		const char *value = json_string(map, labels[i].key, NULL);

		if (!value || !g_str_equal(value, labels[i].value))
			return FALSE;
	}
	return TRUE;
}

gboolean policy_matches_ns(const Policy *policy, const cJSON *ns_labels)
{
	return policy->has_selectors &&
	       all_there(policy->labels + policy->n_vm, policy->n_ns, ns_labels);
}

gboolean policy_matches_vm(const Policy *policy, const cJSON *vm_labels)
{
	return policy->has_selectors && all_there(policy->labels, policy->n_vm, vm_labels);
}

gboolean policy_matches(const Policy *policy, const cJSON *vm_labels, const cJSON *ns_labels)
{
	return policy_matches_ns(policy, ns_labels) && policy_matches_vm(policy, vm_labels);
}
