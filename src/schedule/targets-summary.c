/* SPDX-License-Identifier: Apache-2.0 */
/* Why no node fits, in a line. */
#include <string.h>

#include "schedule/schedule.h"

#define SUMMARY_NODES 8 /* and as many causes: an error stays readable with a thousand nodes */

static gboolean target_has(const Target *target, const char *reason)
{
	for (guint i = 0; i < target->obstacles->len; i++) {
		const TargetObstacle *obstacle = g_ptr_array_index(target->obstacles, i);

		if (strcmp(obstacle->reason, reason) == 0)
			return TRUE;
	}
	return FALSE;
}

static char *obstacles_text(const Target *target)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < target->obstacles->len; i++) {
		const TargetObstacle *obstacle = g_ptr_array_index(target->obstacles, i);

		g_string_append_printf(text, "%s%s", i ? ", and " : "", obstacle->message);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Nodes that have the same against them. */
typedef struct {
	char *why;
	GString *nodes;
	guint n;
} Alike;

static void alike_free(gpointer data)
{
	Alike *alike = data;

	g_free(alike->why);
	g_string_free(alike->nodes, TRUE);
	g_free(alike);
}

/* FALSE: there are too many such groups to tell yet another. */
static gboolean add_alike(GPtrArray *groups, const Target *target)
{
	g_autofree char *why = obstacles_text(target);
	Alike *alike = NULL;

	for (guint i = 0; !alike && i < groups->len; i++) {
		Alike *group = g_ptr_array_index(groups, i);

		if (strcmp(group->why, why) == 0)
			alike = group;
	}
	if (!alike && groups->len >= SUMMARY_NODES)
		return FALSE;
	if (!alike) {
		alike = g_new0(Alike, 1);
		alike->why = g_steal_pointer(&why);
		alike->nodes = g_string_new(NULL);
		g_ptr_array_add(groups, alike);
	}
	if (alike->n++ < SUMMARY_NODES)
		g_string_append_printf(alike->nodes, "%s%s", alike->n > 1 ? ", " : "",
				       target->node);
	return TRUE;
}

static void append_alike(GString *text, const Alike *alike)
{
	g_string_append(text, alike->nodes->str);
	if (alike->n > SUMMARY_NODES)
		g_string_append_printf(text, " and %u more", alike->n - SUMMARY_NODES);
	g_string_append_printf(text, ": %s", alike->why);
}

/* With --node every other node has the same obstacle, which says nothing: those are told last,
 * as a number, or in full where all are such. */
char *schedule_summarize(const GPtrArray *targets)
{
	g_autoptr(GPtrArray) groups = g_ptr_array_new_with_free_func(alike_free);
	g_autoptr(GString) text = g_string_new(NULL);
	const char *selector = REASON_TGT_ADDED_SELECTOR;
	guint not_asked_for = 0, left = 0;

	for (guint i = 0; i < targets->len; i++)
		not_asked_for += target_has(g_ptr_array_index(targets, i), selector);
	for (guint i = 0; i < targets->len; i++) {
		const Target *target = g_ptr_array_index(targets, i);

		if (!target->fits &&
		    ((target_has(target, selector) && not_asked_for < targets->len) ||
		     !add_alike(groups, target)))
			left++;
	}
	if (groups->len == 0)
		return g_strdup("no node fits: there is none");
	for (guint i = 0; i < groups->len; i++) {
		g_string_append(text, i ? "; " : "no node fits: ");
		append_alike(text, g_ptr_array_index(groups, i));
	}
	if (left > 0 && left == not_asked_for)
		g_string_append_printf(text, "; %u other node%s not asked for", left,
				       left == 1 ? " was" : "s were");
	else if (left > 0)
		g_string_append_printf(text, "; and %u more", left);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

/* ---- counted -------------------------------------------------------------------------------- */

static const char *reason_at(const GPtrArray *obstacles, guint place)
{
	return ((TargetObstacle *)g_ptr_array_index(obstacles, place))->reason;
}

/* Each reason once for each node: a node that lacks two labels is still one node. */
static gboolean is_repeated(const GPtrArray *obstacles, guint place)
{
	for (guint i = 0; i < place; i++)
		if (reason_at(obstacles, i) == reason_at(obstacles, place))
			return TRUE;
	return FALSE;
}

static void count_reason(GArray *counts, const char *reason)
{
	ReasonCount count = { .reason = reason, .nodes = 1, .first = counts->len };

	for (guint i = 0; i < counts->len; i++) {
		ReasonCount *there = &g_array_index(counts, ReasonCount, i);

		if (there->reason == reason) {
			there->nodes++;
			return;
		}
	}
	g_array_append_val(counts, count);
}

static gint compare_counts(gconstpointer a, gconstpointer b)
{
	const ReasonCount *left = a, *right = b;

	if (left->nodes != right->nodes)
		return left->nodes > right->nodes ? -1 : 1;
	return (left->first > right->first) - (left->first < right->first);
}

void schedule_count_target(GArray *counts, const Target *target)
{
	const GPtrArray *list = target->obstacles;

	for (guint i = 0; i < list->len; i++)
		if (!is_repeated(list, i))
			count_reason(counts, reason_at(list, i));
}

void schedule_sort_counts(GArray *counts)
{
	g_array_sort(counts, compare_counts);
}

GArray *schedule_count_reasons(const GPtrArray *targets)
{
	GArray *counts = g_array_new(FALSE, FALSE, sizeof(ReasonCount));

	for (guint i = 0; i < targets->len; i++)
		schedule_count_target(counts, g_ptr_array_index(targets, i));
	schedule_sort_counts(counts);
	return counts;
}

char *schedule_counts_text(const GArray *counts, guint fitting, guint nodes)
{
	g_autoptr(GString) text = g_string_new(NULL);

	g_string_append_printf(text, "%u of %u node%s fit%s", fitting, nodes,
			       nodes == 1 ? "" : "s", fitting == 1 ? "s" : "");
	for (guint i = 0; i < counts->len; i++) {
		const ReasonCount *count = &g_array_index(counts, ReasonCount, i);

		g_string_append_printf(text, "%s%u %s", i ? ", " : ": ", count->nodes,
				       count->reason);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

char *schedule_count(const GPtrArray *targets)
{
	g_autoptr(GArray) counts = schedule_count_reasons(targets);
	guint fitting = 0;

	for (guint i = 0; i < targets->len; i++)
		fitting += ((Target *)g_ptr_array_index(targets, i))->fits;
	return schedule_counts_text(counts, fitting, targets->len);
}
