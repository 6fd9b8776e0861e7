/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/quota.h"

#include <string.h>

#include "model/resources.h"

#define PREFIX_REQUESTS "requests."
#define PREFIX_LIMITS "limits."

/* ---- the pod -------------------------------------------------------------------------------- */

static gboolean names_some(const cJSON *resources)
{
	static const char *const names[] = { RESOURCE_CPU, RESOURCE_MEMORY };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		if (resources_read(json_get(resources, "requests"), names[i], 0) > 0 ||
		    resources_read(json_get(resources, "limits"), names[i], 0) > 0)
			return TRUE;
	return FALSE;
}

static gboolean any_names_some(const cJSON *containers)
{
	const cJSON *container;

	cJSON_ArrayForEach(container, containers)
	{
		if (names_some(json_get(container, "resources")))
			return TRUE;
	}
	return FALSE;
}

/* Kubernetes' class of service: neither pod nor container names an amount of CPU or memory. */
static gboolean is_best_effort(const cJSON *spec)
{
	return !names_some(json_get(spec, "resources")) &&
	       !any_names_some(json_get(spec, "containers")) &&
	       !any_names_some(json_get(spec, "initContainers"));
}

static gboolean any_crosses(const cJSON *terms)
{
	const cJSON *term;

	cJSON_ArrayForEach(term, terms)
	{
		const cJSON *preferred = json_get(term, "podAffinityTerm");
		const cJSON *inner = preferred ? preferred : term;

		if (cJSON_GetArraySize(json_get(inner, "namespaces")) > 0 ||
		    cJSON_IsObject(json_get(inner, "namespaceSelector")))
			return TRUE;
	}
	return FALSE;
}

static gboolean crosses_namespaces(const cJSON *affinity)
{
	static const char *const kinds[] = { "podAffinity", "podAntiAffinity" };

	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		const cJSON *kind = json_get(affinity, kinds[i]);

		if (any_crosses(json_get(kind, "requiredDuringSchedulingIgnoredDuringExecution")) ||
		    any_crosses(json_get(kind, "preferredDuringSchedulingIgnoredDuringExecution")))
			return TRUE;
	}
	return FALSE;
}

/* KubeVirt hands the limits of a VM on to its pod; what it adds to that of memory is not known. */
static void add_limits_of_vm(GHashTable *limits, const cJSON *vmi)
{
	resources_add_list(limits,
			   json_path(vmi, "spec", "domain", "resources", "limits", NULL));
}

void quota_pod_init(QuotaPod *quota_pod, GHashTable *requests, const cJSON *pod, const cJSON *vmi)
{
	const cJSON *spec = json_get(pod ? pod : vmi, "spec");

	memset(quota_pod, 0, sizeof(*quota_pod));
	quota_pod->requests = requests;
	quota_pod->limits = resources_new();
	quota_pod->priority_class = json_string(spec, "priorityClassName", "");
	if (!*quota_pod->priority_class)
		quota_pod->priority_class = NULL;
	quota_pod->crosses_namespaces =
		crosses_namespaces(json_path(vmi, "spec", "affinity", NULL));
	if (!pod) {
		add_limits_of_vm(quota_pod->limits, vmi);
		return;
	}
	resources_add_pod_limits(quota_pod->limits, pod);
	quota_pod->terminating = json_int(spec, "activeDeadlineSeconds", -1) >= 0;
	quota_pod->best_effort = is_best_effort(spec);
}

void quota_pod_clear(QuotaPod *quota_pod)
{
	g_clear_pointer(&quota_pod->limits, g_hash_table_unref);
}

/* ---- whose quota it is ---------------------------------------------------------------------- */

static gboolean is_among(const cJSON *values, const char *text)
{
	const cJSON *value;

	cJSON_ArrayForEach(value, values)
	{
		if (g_strcmp0(cJSON_GetStringValue(value), text) == 0)
			return TRUE;
	}
	return FALSE;
}

/* As of a label: NotIn takes those that have none, too. */
static gboolean takes_priority(const char *class, const char *operator, const cJSON *values)
{
	if (strcmp(operator, "Exists") == 0)
		return class != NULL;
	if (strcmp(operator, "DoesNotExist") == 0)
		return class == NULL;
	if (strcmp(operator, "In") == 0)
		return class && is_among(values, class);
	return strcmp(operator, "NotIn") == 0 && !(class && is_among(values, class));
}

/* A scope that is not known is one of other things than pods: no pod is in it. */
static gboolean is_in_scope(const QuotaPod *pod, const char *scope, const char *operator,
			    const cJSON *values)
{
	const struct {
		const char *name;
		gboolean holds;
	} scopes[] = {
		{ "Terminating", pod->terminating },
		{ "NotTerminating", !pod->terminating },
		{ "BestEffort", pod->best_effort },
		{ "NotBestEffort", !pod->best_effort },
		{ "CrossNamespacePodAffinity", pod->crosses_namespaces },
		{ "PriorityClass", takes_priority(pod->priority_class, operator, values) },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(scopes); i++)
		if (g_strcmp0(scopes[i].name, scope) == 0)
			return scopes[i].holds;
	return FALSE;
}

/* It must be in all of the scopes. */
static gboolean is_for_it(const cJSON *quota, const QuotaPod *pod)
{
	const cJSON *spec = json_get(quota, "spec");
	const cJSON *item;

	cJSON_ArrayForEach(item, json_get(spec, "scopes"))
	{
		if (!is_in_scope(pod, cJSON_GetStringValue(item), "Exists", NULL))
			return FALSE;
	}
	cJSON_ArrayForEach(item, json_path(spec, "scopeSelector", "matchExpressions", NULL))
	{
		if (!is_in_scope(pod, json_string(item, "scopeName", NULL),
				 json_string(item, "operator", ""), json_get(item, "values")))
			return FALSE;
	}
	return TRUE;
}

/* ---- its room ------------------------------------------------------------------------------- */

/* What a key of a quota is called where a pod asks for it; NULL: pods do not ask for it. */
static const char *resource_of(const char *key)
{
	static const char *const plain[] = { RESOURCE_CPU, RESOURCE_MEMORY, RESOURCE_EPHEMERAL,
					     RESOURCE_PODS, NULL };
	static const char *const limits[] = { RESOURCE_CPU, RESOURCE_MEMORY, RESOURCE_EPHEMERAL,
					      NULL };

	if (g_str_has_prefix(key, PREFIX_REQUESTS))
		return key + strlen(PREFIX_REQUESTS);
	if (g_str_has_prefix(key, PREFIX_LIMITS) &&
	    g_strv_contains(limits, key + strlen(PREFIX_LIMITS)))
		return key + strlen(PREFIX_LIMITS);
	if (strcmp(key, "count/pods") == 0)
		return RESOURCE_PODS;
	if (g_strv_contains(plain, key) || g_str_has_prefix(key, RESOURCE_PREFIX_HUGEPAGES))
		return key;
	return NULL;
}

/* The unit goes by the resource's name, not by the quota's. */
static gint64 amount_of(const cJSON *list, const char *key, const char *resource, gint64 fallback)
{
	const cJSON *item = json_get(list, key);
	g_autoptr(cJSON) renamed = cJSON_CreateObject();

	if (!item)
		return fallback;
	json_set(renamed, resource, cJSON_Duplicate(item, TRUE));
	return resources_read(renamed, resource, fallback);
}

static void look_at(GString *text, const cJSON *status, const char *key, const QuotaPod *pod)
{
	GHashTable *needed = g_str_has_prefix(key, PREFIX_LIMITS) ? pod->limits : pod->requests;
	const char *resource = resource_of(key);
	const gint64 amount = resource ? resources_get(needed, resource, 0) : 0;
	const gint64 hard = resource ? amount_of(json_get(status, "hard"), key, resource, -1) : -1;
	const gint64 used = resource ? amount_of(json_get(status, "used"), key, resource, 0) : 0;
	g_autofree char *used_text = NULL, *hard_text = NULL, *needed_text = NULL;

	if (amount <= 0 || hard < 0 || (used <= hard && amount <= hard - used))
		return;
	used_text = resources_human(resource, used);
	hard_text = resources_human(resource, hard);
	needed_text = resources_human(resource, amount);
	g_string_append_printf(text, "%s%s: %s of %s are used, %s more needed",
			       text->len ? "; " : "", key, used_text, hard_text, needed_text);
}

char *quota_lacks(const cJSON *quota, const QuotaPod *pod)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *status = json_get(quota, "status");
	const cJSON *item;

	if (!is_for_it(quota, pod))
		return NULL;
	cJSON_ArrayForEach(item, json_get(status, "hard"))
	{
		if (item->string)
			look_at(text, status, item->string, pod);
	}
	return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}
