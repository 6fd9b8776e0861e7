/* SPDX-License-Identifier: Apache-2.0 */
#include "check/pools.h"

#include <string.h>

#include "base/error.h"

#define MASTER "master"
#define WORKER "worker"

typedef struct {
	char *name;
	Selector *nodes; /* NULL: of no node */
	cJSON *max_unavailable;
	guint n_nodes;
	gboolean has_vms;
} Pool;

struct Pools {
	GPtrArray *pools; /* of Pool */
};

static void pool_free(gpointer data)
{
	Pool *pool = data;

	g_free(pool->name);
	selector_free(pool->nodes);
	cJSON_Delete(pool->max_unavailable);
	g_free(pool);
}

Pools *pools_new(void)
{
	Pools *pools = g_new0(Pools, 1);

	pools->pools = g_ptr_array_new_with_free_func(pool_free);
	return pools;
}

void pools_free(Pools *pools)
{
	if (!pools)
		return;
	g_ptr_array_unref(pools->pools);
	g_free(pools);
}

/* A LabelSelector as text: matchLabels and the four operators. */
static void append_requirement(GString *text, const cJSON *expression)
{
	const char *key = json_string(expression, "key", "");
	const char *operator= json_string(expression, "operator", "");
	const cJSON *value;
	g_autoptr(GString) values = g_string_new(NULL);

	cJSON_ArrayForEach(value, json_get(expression, "values"))
	{
		if (cJSON_IsString(value))
			g_string_append_printf(values, "%s%s", values->len ? "," : "",
					       value->valuestring);
	}
	g_string_append(text, text->len ? "," : "");
	if (strcmp(operator, "Exists") == 0)
		g_string_append(text, key);
	else if (strcmp(operator, "DoesNotExist") == 0)
		g_string_append_printf(text, "!%s", key);
	else
		g_string_append_printf(text, "%s %s (%s)", key,
				       strcmp(operator, "NotIn") == 0 ? "notin" : "in",
				       values->str);
}

static Selector *read_selector(const cJSON *label_selector)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *item;

	cJSON_ArrayForEach(item, json_get(label_selector, "matchLabels"))
	{
		if (cJSON_IsString(item))
			g_string_append_printf(text, "%s%s=%s", text->len ? "," : "", item->string,
					       item->valuestring);
	}
	cJSON_ArrayForEach(item, json_get(label_selector, "matchExpressions"))
		append_requirement(text, item);
	return text->len ? selector_parse(text->str, NULL) : NULL;
}

void pools_add(Pools *pools, const cJSON *object)
{
	const cJSON *spec = json_get(object, "spec");
	Pool *pool = g_new0(Pool, 1);

	pool->name = g_strdup(object_name(object));
	pool->nodes = read_selector(json_get(spec, "nodeSelector"));
	pool->max_unavailable = cJSON_Duplicate(json_get(spec, "maxUnavailable"), TRUE);
	g_ptr_array_add(pools->pools, pool);
}

gboolean pools_any(const Pools *pools)
{
	return pools->pools->len > 0;
}

static int rank(const Pool *pool)
{
	return strcmp(pool->name, MASTER) == 0 ? 2 : strcmp(pool->name, WORKER) == 0 ? 0 : 1;
}

int pools_find(const Pools *pools, const cJSON *labels)
{
	int best = -1, best_rank = -1;

	for (guint i = 0; i < pools->pools->len; i++) {
		const Pool *pool = g_ptr_array_index(pools->pools, i);

		if (pool->nodes && selector_matches(pool->nodes, labels) &&
		    rank(pool) > best_rank) {
			best = (int)i;
			best_rank = rank(pool);
		}
	}
	return best;
}

void pools_count(Pools *pools, int index, gboolean has_vms)
{
	Pool *pool;

	if (index < 0)
		return;
	pool = g_ptr_array_index(pools->pools, (guint)index);
	pool->n_nodes++;
	pool->has_vms |= has_vms;
}

guint pools_max_unavailable(const cJSON *value, guint nodes)
{
	g_autofree char *text = NULL;
	guint64 number;
	gint64 whole;

	if (json_integer_value(value, &whole))
		return whole > 0 && whole < G_MAXUINT ? (guint)whole : 1;
	if (!cJSON_IsString(value))
		return 1;
	text = g_strdup(value->valuestring);
	if (!g_str_has_suffix(text, "%")) /* a number as a string: not how it is written */
		return 1;
	text[strlen(text) - 1] = '\0';
	if (!g_ascii_string_to_unsigned(text, 10, 0, 100, &number, NULL))
		return 1;
	return (guint)MAX(1, number * nodes / 100);
}

static void append_pool(GString *why, const Pool *pool)
{
	g_autofree char *value = cJSON_IsString(pool->max_unavailable)
					 ? g_strdup(pool->max_unavailable->valuestring)
				 : pool->max_unavailable ? json_print(pool->max_unavailable)
							 : g_strdup("not set, which is 1");
	g_autofree char *shown = error_excerpt(value);

	g_string_append_printf(why, "%sMachineConfigPool '%s': maxUnavailable %s of %u node%s",
			       why->len ? "; " : "", pool->name, shown, pool->n_nodes,
			       pool->n_nodes == 1 ? "" : "s");
}

guint pools_parallel(const Pools *pools, char **ret_why)
{
	g_autoptr(GString) why = g_string_new(NULL);
	guint parallel = 0;

	for (guint i = 0; i < pools->pools->len; i++) {
		const Pool *pool = g_ptr_array_index(pools->pools, i);

		if (!pool->has_vms)
			continue;
		parallel += MIN(pools_max_unavailable(pool->max_unavailable, pool->n_nodes),
				pool->n_nodes);
		append_pool(why, pool);
	}
	*ret_why = g_strdup(parallel ? why->str : "no MachineConfigPool has nodes with VMs");
	return MAX(parallel, 1);
}
