/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/affinity.h"

#include <string.h>

#include "model/wellknown.h"

static gboolean has_value(const cJSON *values, const char *value)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, values) if (cJSON_IsString(item) &&
					     strcmp(item->valuestring, value) == 0) return TRUE;
	return FALSE;
}

/* Gt and Lt: exactly one value, and both are integers; else the requirement does not hold. */
static gboolean compares(const cJSON *values, const char *value, gboolean greater)
{
	const char *bound = cJSON_GetStringValue(cJSON_GetArrayItem(values, 0));
	gint64 left, right;

	if (!value || !bound || cJSON_GetArraySize(values) != 1 ||
	    !g_ascii_string_to_signed(value, 10, G_MININT64, G_MAXINT64, &left, NULL) ||
	    !g_ascii_string_to_signed(bound, 10, G_MININT64, G_MAXINT64, &right, NULL))
		return FALSE;
	return greater ? left > right : left < right;
}

/* An operator that Kubernetes does not know holds for no node, as there. */
static gboolean requirement_holds(const cJSON *requirement, const char *value)
{
	const char *operator= json_string(requirement, "operator", "");
	const cJSON *values = json_get(requirement, "values");

	if (strcmp(operator, "In") == 0)
		return value && has_value(values, value);
	if (strcmp(operator, "NotIn") == 0)
		return !value || !has_value(values, value);
	if (strcmp(operator, "Exists") == 0)
		return value != NULL;
	if (strcmp(operator, "DoesNotExist") == 0)
		return value == NULL;
	if (strcmp(operator, "Gt") == 0 || strcmp(operator, "Lt") == 0)
		return compares(values, value, *operator== 'G');
	return FALSE;
}

static const char *label_of(const cJSON *requirement, const AffinityNode *node)
{
	return json_string(node->labels, json_string(requirement, "key", ""), NULL);
}

/* metadata.name is the only field that there is. */
static const char *field_of(const cJSON *requirement, const AffinityNode *node)
{
	return strcmp(json_string(requirement, "key", ""), "metadata.name") == 0 ? node->name
										 : NULL;
}

/* "zone In (a, b): the node has zone=c" */
static char *requirement_words(const cJSON *requirement, const char *value)
{
	const char *key = json_string(requirement, "key", "?");
	g_autoptr(GString) text = g_string_new(key);
	const cJSON *values = json_get(requirement, "values"), *item;

	g_string_append_printf(text, " %s", json_string(requirement, "operator", "?"));
	cJSON_ArrayForEach(item, values)
		g_string_append_printf(text, "%s%s", item == values->child ? " (" : ", ",
				       cJSON_IsString(item) ? item->valuestring : "?");
	if (cJSON_GetArraySize(values) > 0)
		g_string_append_c(text, ')');
	if (value)
		g_string_append_printf(text, ": the node has %s=%s", key, value);
	else
		g_string_append(text, ": the node lacks it");
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The first requirement of the list that does not hold; *ret_value is what the node has. */
static const cJSON *first_failing(const cJSON *list, const AffinityNode *node,
				  const char *(*value_of)(const cJSON *, const AffinityNode *),
				  const char **ret_value)
{
	const cJSON *requirement;

	cJSON_ArrayForEach(requirement, list)
	{
		const char *value = value_of(requirement, node);

		if (requirement_holds(requirement, value))
			continue;
		*ret_value = value;
		return requirement;
	}
	return NULL;
}

static const cJSON *term_failing(const cJSON *term, const AffinityNode *node,
				 const char **ret_value)
{
	const cJSON *failing =
		first_failing(json_get(term, "matchExpressions"), node, label_of, ret_value);

	return failing ? failing
		       : first_failing(json_get(term, "matchFields"), node, field_of, ret_value);
}

static gboolean term_is_empty(const cJSON *term)
{
	return cJSON_GetArraySize(json_get(term, "matchExpressions")) == 0 &&
	       cJSON_GetArraySize(json_get(term, "matchFields")) == 0;
}

gboolean affinity_term_holds(const cJSON *term, const AffinityNode *node)
{
	const char *value;

	return !term_is_empty(term) && !term_failing(term, node, &value);
}

char *affinity_term_explain(const cJSON *term, const AffinityNode *node)
{
	const char *value = NULL;
	const cJSON *failing;

	if (term_is_empty(term))
		return g_strdup("an empty term, which no node meets");
	failing = term_failing(term, node, &value);
	return failing ? requirement_words(failing, value) : NULL;
}

char *affinity_explain(const cJSON *affinity, const AffinityNode *node)
{
	return affinity_selector_explain(
		json_path(affinity, "nodeAffinity",
			  "requiredDuringSchedulingIgnoredDuringExecution", NULL),
		node);
}

char *affinity_selector_explain(const cJSON *required, const AffinityNode *node)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *term;

	if (!cJSON_IsObject(required))
		return NULL;
	cJSON_ArrayForEach(term, json_get(required, "nodeSelectorTerms"))
	{
		g_autofree char *why = affinity_term_explain(term, node);

		if (!why)
			return NULL;
		g_string_append_printf(text, "%s%s", text->len ? "; nor " : "", why);
	}
	if (text->len == 0)
		g_string_append(text, "no terms, which no node meets");
	return g_string_free(g_steal_pointer(&text), FALSE);
}

gint64 affinity_preference(const cJSON *affinity, const AffinityNode *node)
{
	const cJSON *preferred = json_path(affinity, "nodeAffinity",
					   "preferredDuringSchedulingIgnoredDuringExecution", NULL);
	const cJSON *item;
	gint64 sum = 0;

	cJSON_ArrayForEach(item, preferred)
	{
		const cJSON *term = json_get(item, "preference");
		const char *value;

		/* unlike a required one an empty preferred term is met by every node */
		if (!term_failing(term, node, &value))
			sum += CLAMP(json_int(item, "weight", 0), 0, 100);
	}
	return sum;
}

/* ---- pods ------------------------------------------------------------------------------------ */

gboolean affinity_selector_takes(const cJSON *selector, const cJSON *labels)
{
	const cJSON *item;

	if (!cJSON_IsObject(selector))
		return FALSE;
	cJSON_ArrayForEach(item, json_get(selector, "matchLabels"))
	{
		const char *value = json_string(labels, item->string, NULL);

		if (!value || g_strcmp0(value, cJSON_GetStringValue(item)) != 0)
			return FALSE;
	}
	cJSON_ArrayForEach(
		item,
		json_get(selector,
			 "matchExpressions")) if (!requirement_holds(item,
								     json_string(
									     labels,
									     json_string(item,
											 "key", ""),
									     NULL))) return FALSE;
	return TRUE;
}

const cJSON *affinity_pod_terms(const cJSON *affinity, const char *which)
{
	return json_path(affinity, which, "requiredDuringSchedulingIgnoredDuringExecution", NULL);
}

gboolean affinity_pod_term_needs_labels(const cJSON *term)
{
	const cJSON *selector = json_get(term, "namespaceSelector");

	return cJSON_IsObject(selector) && selector->child;
}

AffinityNamespace affinity_pod_term_namespace(const cJSON *term, const char *ns, const char *pod_ns,
					      const cJSON *ns_labels)
{
	const cJSON *listed = json_get(term, "namespaces");
	const cJSON *selector = json_get(term, "namespaceSelector");

	if (pod_ns && has_value(listed, pod_ns))
		return NAMESPACE_IN;
	if (!cJSON_IsObject(selector))
		return cJSON_GetArraySize(listed) == 0 && g_strcmp0(ns, pod_ns) == 0
			       ? NAMESPACE_IN
			       : NAMESPACE_OUT;
	if (!selector->child)
		return NAMESPACE_IN;
	if (!ns_labels)
		return NAMESPACE_UNKNOWN;
	return affinity_selector_takes(selector, ns_labels) ? NAMESPACE_IN : NAMESPACE_OUT;
}

/* Keys that the pod itself lacks count for nothing. */
static gboolean keys_hold(const cJSON *keys, const cJSON *own, const cJSON *labels, gboolean equal)
{
	const cJSON *key;

	cJSON_ArrayForEach(key, keys)
	{
		const char *name = cJSON_GetStringValue(key);
		const char *ours = name ? json_string(own, name, NULL) : NULL;

		if (ours && g_str_equal(ours, json_string(labels, name, "")) != equal)
			return FALSE;
	}
	return TRUE;
}

gboolean affinity_pod_term_takes(const cJSON *term, const cJSON *own, const cJSON *pod_labels)
{
	return affinity_selector_takes(json_get(term, "labelSelector"), pod_labels) &&
	       keys_hold(json_get(term, "matchLabelKeys"), own, pod_labels, TRUE) &&
	       keys_hold(json_get(term, "mismatchLabelKeys"), own, pod_labels, FALSE);
}
