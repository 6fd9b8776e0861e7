/* SPDX-License-Identifier: Apache-2.0 */
#include "schedule/spread.h"

#include <string.h>

#include "schedule/affinity.h"
#include "schedule/targets-private.h"

typedef struct {
	const cJSON *item;
	const char *key;
	gint64 max_skew, min_domains;
	gboolean by_affinity, by_taints; /* which nodes count */
	GHashTable *pods;                /* node -> pods that the selector takes */
	GHashTable *places; /* node -> char*: its domain; of every node that has all keys */
	GHashTable *sums;   /* domain -> pods in it; of those nodes that count */
	gint64 least;       /* in a domain; -1: not worked out */
} Constraint;

struct Spread {
	GPtrArray *constraints;
	const char *ns;
	const cJSON *labels;
};

static gboolean takes(const Constraint *constraint, const cJSON *own, const cJSON *labels)
{
	/* as of an affinity's term: labelSelector and matchLabelKeys */
	return affinity_pod_term_takes(constraint->item, own, labels);
}

static void constraint_free(gpointer data)
{
	Constraint *constraint = data;

	g_hash_table_unref(constraint->pods);
	g_hash_table_unref(constraint->places);
	g_hash_table_unref(constraint->sums);
	g_free(constraint);
}

static Constraint *constraint_new(const cJSON *item)
{
	Constraint *constraint = g_new0(Constraint, 1);

	constraint->item = item;
	constraint->key = json_string(item, "topologyKey", "");
	constraint->max_skew = json_int(item, "maxSkew", 1);
	constraint->min_domains = json_int(item, "minDomains", 1);
	constraint->by_affinity =
		strcmp(json_string(item, "nodeAffinityPolicy", "Honor"), "Honor") == 0;
	constraint->by_taints =
		strcmp(json_string(item, "nodeTaintsPolicy", "Ignore"), "Honor") == 0;
	constraint->pods = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	constraint->places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	constraint->sums = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	constraint->least = -1;
	return constraint;
}

Spread *spread_new(const cJSON *constraints, const char *ns, const cJSON *labels)
{
	g_autoptr(Spread) spread = g_new0(Spread, 1);
	const cJSON *item;

	spread->ns = ns;
	spread->labels = labels;
	spread->constraints = g_ptr_array_new_with_free_func(constraint_free);
	cJSON_ArrayForEach(item, constraints)
	{
		if (strcmp(json_string(item, "whenUnsatisfiable", "DoNotSchedule"),
			   "DoNotSchedule") == 0)
			g_ptr_array_add(spread->constraints, constraint_new(item));
	}
	return spread->constraints->len > 0 ? g_steal_pointer(&spread) : NULL;
}

void spread_free(Spread *spread)
{
	if (!spread)
		return;
	g_ptr_array_unref(spread->constraints);
	g_free(spread);
}

static guint count_of(GHashTable *table, const char *name)
{
	return GPOINTER_TO_UINT(g_hash_table_lookup(table, name));
}

static void add_count(GHashTable *table, const char *name, guint more)
{
	g_hash_table_insert(table, g_strdup(name), GUINT_TO_POINTER(count_of(table, name) + more));
}

/* A pod that is going counts no more. */
void spread_see_pod(Spread *spread, const cJSON *pod, const char *node)
{
	if (g_strcmp0(object_namespace(pod), spread->ns) != 0 || object_is_deleting(pod))
		return;
	for (guint i = 0; i < spread->constraints->len; i++) {
		Constraint *constraint = g_ptr_array_index(spread->constraints, i);

		if (takes(constraint, spread->labels, object_labels(pod)))
			add_count(constraint->pods, node, 1);
	}
}

static gboolean has_all_keys(const Spread *spread, const cJSON *labels)
{
	for (guint i = 0; i < spread->constraints->len; i++) {
		const Constraint *constraint = g_ptr_array_index(spread->constraints, i);

		if (!json_string(labels, constraint->key, NULL))
			return FALSE;
	}
	return TRUE;
}

void spread_see_node(Spread *spread, const Host *host, gboolean selected, gboolean tolerated)
{
	gboolean all = has_all_keys(spread, host->labels);

	for (guint i = 0; i < spread->constraints->len; i++) {
		Constraint *constraint = g_ptr_array_index(spread->constraints, i);
		const char *value = json_string(host->labels, constraint->key, NULL);

		if (!value)
			continue;
		g_hash_table_insert(constraint->places, g_strdup(host->name), g_strdup(value));
		if (all && (selected || !constraint->by_affinity) &&
		    (tolerated || !constraint->by_taints))
			add_count(constraint->sums, value, count_of(constraint->pods, host->name));
	}
}

/* ---- the verdict ----------------------------------------------------------------------------- */

static gint64 least_of(const Constraint *constraint)
{
	gint64 least = G_MAXINT64;
	GHashTableIter iter;
	gpointer sum;

	if ((gint64)g_hash_table_size(constraint->sums) < constraint->min_domains)
		return 0;
	g_hash_table_iter_init(&iter, constraint->sums);
	while (g_hash_table_iter_next(&iter, NULL, &sum))
		least = MIN(least, (gint64)GPOINTER_TO_UINT(sum));
	return least == G_MAXINT64 ? 0 : least;
}

static char *skew_words(const Constraint *constraint, const char *place, gint64 after)
{
	return g_strdup_printf("%s=%s would have %" G_GINT64_FORMAT
			       " of the pods that are to be spread, another has %" G_GINT64_FORMAT
			       ", and they may differ by %" G_GINT64_FORMAT,
			       constraint->key, place, after, constraint->least,
			       constraint->max_skew);
}

static void judge(const Spread *spread, Constraint *constraint, Target *target)
{
	const char *place = g_hash_table_lookup(constraint->places, target->node);
	TargetObstacle *obstacle;
	gint64 after;

	if (constraint->least < 0)
		constraint->least = least_of(constraint);
	after = place ? (gint64)count_of(constraint->sums, place) +
				(takes(constraint, spread->labels, spread->labels) ? 1 : 0)
		      : 0;
	if (place && after - constraint->least <= constraint->max_skew)
		return;
	obstacle = target_obstruct(target, REASON_TGT_SPREAD,
				   place ? skew_words(constraint, place, after)
					 : g_strdup_printf("the node lacks %s, over which the VM's "
							   "pods are to be spread",
							   constraint->key));
	obstacle->subject = g_strdup(constraint->key);
}

void spread_judge(Spread *spread, Target *target)
{
	for (guint i = 0; i < spread->constraints->len; i++)
		judge(spread, g_ptr_array_index(spread->constraints, i), target);
}
