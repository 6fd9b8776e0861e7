/* SPDX-License-Identifier: Apache-2.0 */
#include "check/pods-seen.h"

#include <string.h>

#include "check/network.h"
#include "model/resources.h"
#include "model/wellknown.h"
#include "schedule/affinity.h"
#include "schedule/near.h"

/* All of `texts`; those that many pods share are there once. */
typedef struct {
	const char *ns, *name, *node;
	const char *labels, *affinity; /* JSON; NULL: none */
	gboolean deleting;             /* which spread constraints do not count */
} NearPod;

static void destroy_resources(gpointer data)
{
	g_hash_table_unref(data);
}

void pods_seen_init(PodsSeen *seen)
{
	memset(seen, 0, sizeof(*seen));
	seen->requested =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, destroy_resources);
	seen->launchers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	seen->near = g_array_new(FALSE, FALSE, sizeof(NearPod));
	seen->named = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	seen->texts = g_string_chunk_new(4096);
}

void pods_seen_clear(PodsSeen *seen)
{
	g_clear_pointer(&seen->requested, g_hash_table_unref);
	g_clear_pointer(&seen->on_network, g_hash_table_unref);
	g_clear_pointer(&seen->launchers, g_hash_table_unref);
	g_clear_pointer(&seen->near, g_array_unref);
	g_clear_pointer(&seen->named, g_hash_table_unref);
	g_clear_pointer(&seen->texts, g_string_chunk_free);
}

/* ---- one pod -------------------------------------------------------------------------------- */

const char *pod_burdened_node(const cJSON *pod)
{
	const char *phase = json_string(json_get(pod, "status"), "phase", "");
	const char *node = json_string(json_get(pod, "spec"), "nodeName", "");

	return *node && strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0 ? node
											: NULL;
}

const char *pod_launches(const cJSON *pod)
{
	return g_strcmp0(object_label(pod, LABEL_KUBEVIRT), "virt-launcher") == 0
		       ? object_label(pod, LABEL_CREATED_BY)
		       : NULL;
}

static void copy_containers(cJSON *to, const cJSON *from, const char *key)
{
	static const char *const parts[] = { "resources", "restartPolicy", NULL };
	const cJSON *container;

	cJSON_ArrayForEach(container, json_get(from, key))
	{
		cJSON *copy = cJSON_CreateObject();

		json_copy_members(copy, container, parts);
		cJSON_AddItemToArray(json_ensure_array(to, key), copy);
	}
}

cJSON *pod_demand(const cJSON *pod)
{
	static const char *const parts[] = { "nodeSelector",      "tolerations", "overhead",
					     "resources",         "priorityClassName",
					     "activeDeadlineSeconds", NULL };
	const cJSON *from = json_get(pod, "spec");
	cJSON *copy = cJSON_CreateObject();
	cJSON *spec = json_ensure_object(copy, "spec");

	json_copy_members(spec, from, parts);
	copy_containers(spec, from, "containers");
	copy_containers(spec, from, "initContainers");
	return copy;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

GHashTable *pods_seen_requested(PodsSeen *seen, const char *node)
{
	GHashTable *there = g_hash_table_lookup(seen->requested, node);

	if (!there) {
		there = resources_new();
		g_hash_table_insert(seen->requested, g_strdup(node), there);
	}
	return there;
}

static void count_handler(PodsSeen *seen, const cJSON *pod, const char *node)
{
	if (g_strcmp0(object_label(pod, LABEL_KUBEVIRT), "virt-handler") != 0)
		return;
	if (!seen->on_network)
		seen->on_network = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	if (check_network_has_interface(pod))
		g_hash_table_add(seen->on_network, g_strdup(node));
}

void pods_seen_count(PodsSeen *seen, const cJSON *pod, const char *node)
{
	resources_add_pod(pods_seen_requested(seen, node), pod);
	count_handler(seen, pod, node);
}

/* ---- what is kept --------------------------------------------------------------------------- */

static const char *keep_json(PodsSeen *seen, const cJSON *json)
{
	g_autofree char *text = json ? json_print(json) : NULL;

	return text ? g_string_chunk_insert_const(seen->texts, text) : NULL;
}

static const char *keep_text(PodsSeen *seen, const char *text)
{
	return text ? g_string_chunk_insert_const(seen->texts, text) : NULL;
}

static void name_label(GHashTable *named, const char *key, const char *value)
{
	if (key && value)
		g_hash_table_add(named, g_strdup_printf("%s=%s", key, value));
}

static void name_own(GHashTable *named, const cJSON *keys, const cJSON *own)
{
	const cJSON *key;

	cJSON_ArrayForEach(key, keys)
	{
		const char *text = cJSON_GetStringValue(key);

		name_label(named, text, text ? json_string(own, text, NULL) : NULL);
	}
}

void pods_seen_name_labels(GHashTable *named, const cJSON *term, const cJSON *own)
{
	const cJSON *selector = json_get(term, "labelSelector");
	const cJSON *label, *expression, *value;

	cJSON_ArrayForEach(label, json_get(selector, "matchLabels"))
		name_label(named, label->string, cJSON_GetStringValue(label));
	cJSON_ArrayForEach(expression, json_get(selector, "matchExpressions"))
	{
		cJSON_ArrayForEach(value, json_get(expression, "values"))
			name_label(named, json_string(expression, "key", NULL),
				   cJSON_GetStringValue(value));
	}
	name_own(named, json_get(term, "matchLabelKeys"), own);
	name_own(named, json_get(term, "mismatchLabelKeys"), own);
}

gboolean pods_seen_is_named(GHashTable *named, const char *key, const char *value)
{
	g_autofree char *text = g_strdup_printf("%s=%s", key, value);

	return g_hash_table_contains(named, text);
}

/* Whom its affinity wants to be near to is nothing to the others. */
static void keep_named(PodsSeen *seen, const cJSON *affinity)
{
	const cJSON *term;

	cJSON_ArrayForEach(term, affinity_pod_terms(affinity, "podAntiAffinity"))
		pods_seen_name_labels(seen->named, term, NULL);
}

static void keep_near(PodsSeen *seen, const cJSON *pod, const char *node)
{
	const cJSON *affinity = json_path(pod, "spec", "affinity", NULL);
	const char *name = object_name(pod);
	const NearPod one = {
		.ns = keep_text(seen, object_namespace(pod)),
		.name = g_string_chunk_insert(seen->texts, name ? name : ""),
		.node = keep_text(seen, node),
		.labels = keep_json(seen, object_labels(pod)),
		.affinity = near_has_terms(affinity) ? keep_json(seen, affinity) : NULL,
		.deleting = object_is_deleting(pod),
	};

	seen->has_terms |= one.affinity != NULL;
	keep_named(seen, affinity);
	g_array_append_val(seen->near, one);
}

/* The pod that runs a VM: a migration's target has the same labels, on another node. */
static void keep_launcher(PodsSeen *seen, const cJSON *pod, const char *node)
{
	const char *uid = pod_launches(pod);
	g_autofree char *key = uid ? g_strdup_printf("%s/%s", node, uid) : NULL;
	g_autoptr(cJSON) demand = NULL;

	if (!key || g_hash_table_contains(seen->launchers, key))
		return;
	demand = pod_demand(pod);
	g_hash_table_insert(seen->launchers, g_steal_pointer(&key),
			    (gpointer)keep_json(seen, demand));
}

void pods_seen_add(PodsSeen *seen, const cJSON *pod)
{
	const char *node = pod_burdened_node(pod);

	if (!node)
		return;
	pods_seen_count(seen, pod, node);
	keep_launcher(seen, pod, node);
	keep_near(seen, pod, node);
}

const char *pods_seen_launcher(const PodsSeen *seen, const char *node, const char *uid)
{
	g_autofree char *key = node && uid ? g_strdup_printf("%s/%s", node, uid) : NULL;

	return key ? g_hash_table_lookup(seen->launchers, key) : NULL;
}

static void restore(cJSON *to, const char *key, const char *text)
{
	cJSON *part = text ? json_parse(text, strlen(text), key, NULL) : NULL;

	if (part)
		json_set(to, key, part);
}

void pods_seen_each(const PodsSeen *seen, PodsSeenFunc func, gpointer data)
{
	for (guint i = 0; i < seen->near->len; i++) {
		const NearPod *one = &g_array_index(seen->near, NearPod, i);
		g_autoptr(cJSON) pod = object_new(&KIND_POD, one->ns, one->name);

		restore(json_ensure_object(pod, "metadata"), "labels", one->labels);
		if (one->deleting) /* since when, nobody asks */
			json_set_string(json_get(pod, "metadata"), "deletionTimestamp",
					"1970-01-01T00:00:00Z");
		restore(json_ensure_object(pod, "spec"), "affinity", one->affinity);
		func(pod, one->node, data);
	}
}
