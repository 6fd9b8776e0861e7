/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/near.h"

#include <string.h>

#include "model/object.h"
#include "model/wellknown.h"
#include "schedule/affinity.h"
#include "schedule/targets-private.h"

/* Pods, of which no other may be in the same domain: those that a term of the VM's takes, or that
 * have one which takes the VM. */
typedef struct {
	const char *key;    /* interned */
	const cJSON *term;  /* of the VM's, borrowed; NULL: of pods that are there */
	GHashTable *nodes;  /* node -> char*: the first such pod on it */
	GHashTable *values; /* value of the key -> char*, borrowed; NULL: not worked out */
} Group;

/* A term of a pod that goes by the labels of the VM's namespace, which are not known yet. */
typedef struct {
	cJSON *term;
	char *ns, *pod, *node;
} Deferred;

struct Near {
	const cJSON *affinity;
	const char *ns;
	const cJSON *labels;
	GHashTable *namespaces; /* name -> cJSON*, borrowed, or NULL */
	GPtrArray *groups;      /* of Group: to keep away from */
	Group *together;        /* pods that all terms of the VM's affinity take; its key is none */
	GPtrArray *together_values; /* one for each of these terms: set of values, or NULL */
	GPtrArray *deferred;
	GHashTable *places; /* key (interned) -> node -> char* value */
	gboolean affinity_unknown;
	guint unjudged;
};

static const cJSON *terms_of(const cJSON *affinity, const char *which)
{
	return affinity_pod_terms(affinity, which);
}

gboolean near_has_terms(const cJSON *affinity)
{
	return terms_of(affinity, "podAffinity") || terms_of(affinity, "podAntiAffinity");
}

static const char *key_of(const cJSON *term)
{
	return g_intern_string(json_string(term, "topologyKey", ""));
}

/* Each node has a host name of its own, so its name will do. */
static gboolean is_hostname(const char *key)
{
	return strcmp(key, LABEL_HOSTNAME) == 0;
}

/* ---- made and freed -------------------------------------------------------------------------- */

static void destroy_table(gpointer data)
{
	if (data)
		g_hash_table_unref(data);
}

static Group *group_new(const char *key, const cJSON *term)
{
	Group *group = g_new0(Group, 1);

	group->key = key;
	group->term = term;
	group->nodes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	return group;
}

static void group_free(gpointer data)
{
	Group *group = data;

	g_hash_table_unref(group->nodes);
	g_clear_pointer(&group->values, g_hash_table_unref);
	g_free(group);
}

static void deferred_free(gpointer data)
{
	Deferred *one = data;

	cJSON_Delete(one->term);
	g_free(one->ns);
	g_free(one->pod);
	g_free(one->node);
	g_free(one);
}

static void want_places(Near *near, const char *key)
{
	if (!is_hostname(key) && !g_hash_table_contains(near->places, key))
		g_hash_table_insert(near->places, (gpointer)key,
				    g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free));
}

static Group *add_group(Near *near, const char *key, const cJSON *term)
{
	Group *group = group_new(key, term);

	g_ptr_array_add(near->groups, group);
	want_places(near, key);
	return group;
}

Near *near_new(const cJSON *affinity, const char *ns, const cJSON *labels)
{
	Near *near = g_new0(Near, 1);
	const cJSON *term;

	near->affinity = affinity;
	near->ns = ns;
	near->labels = labels;
	near->groups = g_ptr_array_new_with_free_func(group_free);
	near->together = group_new("", NULL);
	near->together_values = g_ptr_array_new_with_free_func(destroy_table);
	near->deferred = g_ptr_array_new_with_free_func(deferred_free);
	near->places = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, destroy_table);
	cJSON_ArrayForEach(term, terms_of(affinity, "podAntiAffinity"))(void)
		add_group(near, key_of(term), term);
	cJSON_ArrayForEach(term, terms_of(affinity, "podAffinity")) want_places(near, key_of(term));
	return near;
}

void near_free(Near *near)
{
	if (!near)
		return;
	g_ptr_array_unref(near->groups);
	group_free(near->together);
	g_ptr_array_unref(near->together_values);
	g_ptr_array_unref(near->deferred);
	g_hash_table_unref(near->places);
	g_free(near);
}

static gboolean any_needs_labels(const cJSON *terms)
{
	const cJSON *term;

	cJSON_ArrayForEach(term, terms)
	{
		if (affinity_pod_term_needs_labels(term))
			return TRUE;
	}
	return FALSE;
}

gboolean near_wants_namespaces(const Near *near)
{
	return any_needs_labels(terms_of(near->affinity, "podAffinity")) ||
	       any_needs_labels(terms_of(near->affinity, "podAntiAffinity"));
}

void near_set_namespaces(Near *near, GHashTable *labels)
{
	near->namespaces = labels;
}

/* ---- pods ------------------------------------------------------------------------------------ */

static void take_pod(Group *group, const cJSON *pod, const char *node)
{
	if (!g_hash_table_contains(group->nodes, node))
		g_hash_table_insert(group->nodes, g_strdup(node), object_ref(pod));
}

static gboolean is_meant(const Near *near, const cJSON *term, const cJSON *pod)
{
	const char *ns = object_namespace(pod);
	const cJSON *labels =
		near->namespaces && ns ? g_hash_table_lookup(near->namespaces, ns) : NULL;

	return affinity_pod_term_namespace(term, near->ns, ns, labels) == NAMESPACE_IN &&
	       affinity_pod_term_takes(term, near->labels, object_labels(pod));
}

/* Kubernetes wants one pod that meets all of the terms, not one for each. */
static gboolean meets_all(const Near *near, const cJSON *pod)
{
	const cJSON *terms = terms_of(near->affinity, "podAffinity"), *term;

	cJSON_ArrayForEach(term, terms)
	{
		if (!is_meant(near, term, pod))
			return FALSE;
	}
	return cJSON_GetArraySize(terms) > 0;
}

static Group *foreign_group(Near *near, const char *key)
{
	for (guint i = 0; i < near->groups->len; i++) {
		Group *group = g_ptr_array_index(near->groups, i);

		if (!group->term && group->key == key)
			return group;
	}
	return add_group(near, key, NULL);
}

static void defer(Near *near, const cJSON *term, const cJSON *pod, const char *node)
{
	Deferred *one = g_new0(Deferred, 1);

	one->term = cJSON_Duplicate(term, TRUE);
	one->ns = g_strdup(object_namespace(pod));
	one->pod = object_ref(pod);
	one->node = g_strdup(node);
	g_ptr_array_add(near->deferred, one);
}

/* The server has merged matchLabelKeys into the selectors of pods that are there. */
static void see_its_terms(Near *near, const cJSON *pod, const char *node)
{
	const cJSON *affinity = json_path(pod, "spec", "affinity", NULL), *term;
	const cJSON *own = near->namespaces && near->ns
				   ? g_hash_table_lookup(near->namespaces, near->ns)
				   : NULL;

	cJSON_ArrayForEach(term, terms_of(affinity, "podAntiAffinity"))
	{
		AffinityNamespace means;

		if (!affinity_pod_term_takes(term, NULL, near->labels))
			continue;
		means = affinity_pod_term_namespace(term, object_namespace(pod), near->ns, own);
		if (means == NAMESPACE_IN)
			take_pod(foreign_group(near, key_of(term)), pod, node);
		else if (means == NAMESPACE_UNKNOWN)
			defer(near, term, pod, node);
	}
}

void near_see_pod(Near *near, const cJSON *pod, const char *node)
{
	for (guint i = 0; i < near->groups->len; i++) {
		Group *group = g_ptr_array_index(near->groups, i);

		if (group->term && is_meant(near, group->term, pod))
			take_pod(group, pod, node);
	}
	if (meets_all(near, pod))
		take_pod(near->together, pod, node);
	see_its_terms(near, pod, node);
}

/* ---- after the pods -------------------------------------------------------------------------- */

gboolean near_wants_own_namespace(const Near *near)
{
	return near->deferred->len > 0;
}

static void settle_deferred(Near *near, const Deferred *one, const cJSON *own_labels)
{
	AffinityNamespace means =
		affinity_pod_term_namespace(one->term, one->ns, near->ns, own_labels);
	Group *group;

	if (means == NAMESPACE_UNKNOWN)
		near->unjudged++;
	if (means != NAMESPACE_IN)
		return;
	group = foreign_group(near, key_of(one->term));
	if (!g_hash_table_contains(group->nodes, one->node))
		g_hash_table_insert(group->nodes, g_strdup(one->node), g_strdup(one->pod));
}

static guint count_unknown(const Near *near, const cJSON *terms)
{
	const cJSON *term;
	guint count = 0;

	cJSON_ArrayForEach(term, terms) count +=
		!near->namespaces && affinity_pod_term_needs_labels(term);
	return count;
}

void near_settle(Near *near, const cJSON *own_labels)
{
	guint unknown = count_unknown(near, terms_of(near->affinity, "podAffinity"));

	for (guint i = 0; i < near->deferred->len; i++)
		settle_deferred(near, g_ptr_array_index(near->deferred, i), own_labels);
	near->affinity_unknown = unknown > 0;
	near->unjudged +=
		unknown + count_unknown(near, terms_of(near->affinity, "podAntiAffinity"));
}

guint near_unjudged(const Near *near)
{
	return near->unjudged;
}

static gboolean has_affinity(const Near *near)
{
	return !near->affinity_unknown &&
	       cJSON_GetArraySize(terms_of(near->affinity, "podAffinity")) > 0;
}

gboolean near_matters(const Near *near)
{
	for (guint i = 0; i < near->groups->len; i++) {
		const Group *group = g_ptr_array_index(near->groups, i);

		if (g_hash_table_size(group->nodes) > 0)
			return TRUE;
	}
	return has_affinity(near);
}

gboolean near_wants_nodes(const Near *near)
{
	return g_hash_table_size(near->places) > 0 && near_matters(near);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

void near_see_node(Near *near, const char *name, const cJSON *labels)
{
	GHashTableIter iter;
	gpointer key, places;

	g_hash_table_iter_init(&iter, near->places);
	while (g_hash_table_iter_next(&iter, &key, &places)) {
		const char *value = json_string(labels, key, NULL);

		if (value)
			g_hash_table_insert(places, g_strdup(name), g_strdup(value));
	}
}

/* In which domain of the key the node is; NULL: in none. */
static const char *place_of(const Near *near, const char *key, const char *node)
{
	return is_hostname(key) ? node
				: g_hash_table_lookup(g_hash_table_lookup(near->places, key), node);
}

/* The domains of the key in which there are such pods. */
static GHashTable *values_of(const Near *near, const Group *group, const char *key)
{
	GHashTable *values = g_hash_table_new(g_str_hash, g_str_equal);
	GHashTableIter iter;
	gpointer node, pod;

	g_hash_table_iter_init(&iter, group->nodes);
	while (g_hash_table_iter_next(&iter, &node, &pod)) {
		const char *value = place_of(near, key, node);

		if (value && !g_hash_table_contains(values, value))
			g_hash_table_insert(values, (gpointer)value, pod);
	}
	return values;
}

static void keep_away(Near *near, Group *group, Target *target)
{
	const char *place = place_of(near, group->key, target->node), *pod;
	g_autofree char *where = NULL;

	if (!group->values)
		group->values = values_of(near, group, group->key);
	pod = place ? g_hash_table_lookup(group->values, place) : NULL;
	if (!pod)
		return;
	if (is_hostname(group->key))
		where = g_strdup(group->term ? "there" : "");
	else
		where = g_strdup_printf("in %s=%s", group->key, place);
	target_obstruct(
		target, REASON_TGT_POD_AFFINITY,
		group->term
			? g_strdup_printf("pod '%s' runs %s, which the VM's anti-affinity keeps "
					  "away from",
					  pod, where)
			: g_strdup_printf("pod '%s' %s has an anti-affinity to the VM", pod,
					  *where ? where : "there"))
		->subject = g_strdup(group->key);
}

/* The first of a group that want to be together has nobody to be with, and may go anywhere. */
static gboolean is_the_first(const Near *near)
{
	const cJSON *term;

	if (g_hash_table_size(near->together->nodes) > 0)
		return FALSE;
	cJSON_ArrayForEach(term, terms_of(near->affinity, "podAffinity"))
	{
		const cJSON *own = near->namespaces && near->ns
					   ? g_hash_table_lookup(near->namespaces, near->ns)
					   : NULL;

		if (affinity_pod_term_namespace(term, near->ns, near->ns, own) != NAMESPACE_IN ||
		    !affinity_pod_term_takes(term, near->labels, near->labels))
			return FALSE;
	}
	return TRUE;
}

static void bring_near(Near *near, const cJSON *term, guint number, Target *target)
{
	const char *key = key_of(term);
	const char *place = place_of(near, key, target->node);
	char *why;

	while (near->together_values->len <= number)
		g_ptr_array_add(near->together_values, NULL);
	if (!near->together_values->pdata[number])
		near->together_values->pdata[number] = values_of(near, near->together, key);
	if (!place)
		why = g_strdup_printf("the node lacks %s, by which the VM's affinity wants to be "
				      "with pods",
				      key);
	else if (g_hash_table_contains(near->together_values->pdata[number], place) ||
		 is_the_first(near))
		return;
	else if (is_hostname(key))
		why = g_strdup("no pod runs there that the VM's affinity wants to be with");
	else
		why = g_strdup_printf("no pod runs in %s=%s that the VM's affinity wants to be "
				      "with",
				      key, place);
	target_obstruct(target, REASON_TGT_POD_AFFINITY, why)->subject = g_strdup(key);
}

void near_judge(Near *near, Target *target)
{
	const cJSON *term;
	guint number = 0;

	for (guint i = 0; i < near->groups->len; i++)
		keep_away(near, g_ptr_array_index(near->groups, i), target);
	if (!has_affinity(near))
		return;
	cJSON_ArrayForEach(term, terms_of(near->affinity, "podAffinity"))
		bring_near(near, term, number++, target);
}
