/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both rules of precedence written down a second time, as the documents and KubeVirt's code say
 * them, over the objects and without any order made ahead: what src/policy is compared to.
 */
#pragma once

#include "policy-words.h"

typedef struct {
	const cJSON *object;
	guint n_vm, n_ns;
} NaiveMatch;

static inline gboolean naive_all_there(const cJSON *selector, const cJSON *labels, guint *ret_n)
{
	const cJSON *wanted;

	*ret_n = 0;
	cJSON_ArrayForEach(wanted, selector)
	{
		if (g_strcmp0(json_string(labels, wanted->string, NULL), wanted->valuestring) != 0)
			return FALSE;
		++*ret_n;
	}
	return TRUE;
}

static inline gboolean naive_matches(const cJSON *object, const cJSON *vm, const cJSON *ns,
				     NaiveMatch *ret_match)
{
	const cJSON *selectors = json_path(object, "spec", "selectors", NULL);

	ret_match->object = object;
	return cJSON_IsObject(selectors) &&
	       naive_all_there(json_get(selectors, "virtualMachineInstanceSelector"), vm,
			       &ret_match->n_vm) &&
	       naive_all_there(json_get(selectors, "namespaceSelector"), ns, &ret_match->n_ns);
}

static inline int naive_compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The keys of both selectors, sorted. Free the array, not the strings. */
static inline const char **naive_keys(const NaiveMatch *match)
{
	const char **keys = g_new0(const char *, match->n_vm + match->n_ns + 1);
	const cJSON *selectors = json_path(match->object, "spec", "selectors", NULL), *entry;
	guint n = 0;

	cJSON_ArrayForEach(entry, json_get(selectors, "virtualMachineInstanceSelector")) keys[n++] =
		entry->string;
	cJSON_ArrayForEach(entry, json_get(selectors, "namespaceSelector")) keys[n++] =
		entry->string;
	qsort(keys, n, sizeof(*keys), naive_compare_strings);
	return keys;
}

/* As many labels each. Negative: a's come first. */
static inline int naive_compare_keys(const NaiveMatch *a, const NaiveMatch *b)
{
	g_autofree const char **x = naive_keys(a), **y = naive_keys(b);

	for (guint i = 0; x[i] && y[i]; i++)
		if (strcmp(x[i], y[i]) != 0)
			return strcmp(x[i], y[i]);
	return 0;
}

static inline gboolean naive_is_better(const NaiveMatch *a, const NaiveMatch *b, PolicyRule rule)
{
	int keys;

	if (a->n_vm + a->n_ns != b->n_vm + b->n_ns)
		return a->n_vm + a->n_ns > b->n_vm + b->n_ns;
	if (rule == POLICY_RULE_KUBEVIRT && a->n_vm != b->n_vm)
		return a->n_vm > b->n_vm;
	keys = rule == POLICY_RULE_DOCUMENTED ? naive_compare_keys(a, b) : 0;
	return keys ? keys < 0 : strcmp(object_name(a->object), object_name(b->object)) < 0;
}

/* The object that wins, or NULL. */
static inline const cJSON *naive_winner(const GPtrArray *objects, PolicyRule rule, const cJSON *vm,
					const cJSON *ns)
{
	NaiveMatch best = { 0 }, match;

	for (guint i = 0; i < objects->len; i++)
		if (naive_matches(objects->pdata[i], vm, ns, &match) &&
		    (!best.object || naive_is_better(&match, &best, rule)))
			best = match;
	return best.object;
}
