/* SPDX-License-Identifier: Apache-2.0 */
#include "model/resources.h"

#include <string.h>

#include "model/quantity.h"

GHashTable *resources_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

gint64 resources_get(GHashTable *resources, const char *name, gint64 fallback)
{
	const gint64 *amount = resources ? g_hash_table_lookup(resources, name) : NULL;

	return amount ? *amount : fallback;
}

static gint64 sum(gint64 a, gint64 b)
{
	gint64 result;

	return __builtin_add_overflow(a, b, &result) ? G_MAXINT64 : result;
}

void resources_add(GHashTable *resources, const char *name, gint64 amount)
{
	gint64 *there = g_hash_table_lookup(resources, name);

	if (!there) {
		there = g_new0(gint64, 1);
		g_hash_table_insert(resources, g_strdup(name), there);
	}
	*there = sum(*there, amount);
}

void resources_add_all(GHashTable *resources, GHashTable *more)
{
	GHashTableIter iter;
	gpointer name, amount;

	g_hash_table_iter_init(&iter, more);
	while (g_hash_table_iter_next(&iter, &name, &amount))
		resources_add(resources, name, *(gint64 *)amount);
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Thousandths: "100m" is 100, "0.5" is 0.5k of them. What is written in another way is rounded up
 * to whole ones. */
static gboolean parse_cpu(const char *text, gint64 *ret_amount)
{
	gsize length = strlen(text);
	g_autofree char *thousandths = NULL;
	gint64 whole;

	if (length > 1 && text[length - 1] == 'm')
		thousandths = g_strndup(text, length - 1);
	else if (strspn(text, "0123456789.") == length)
		thousandths = g_strconcat(text, "k", NULL);
	if (thousandths)
		return quantity_parse(thousandths, ret_amount, NULL);
	if (!quantity_parse(text, &whole, NULL))
		return FALSE;
	*ret_amount = whole > G_MAXINT64 / 1000 ? G_MAXINT64 : whole * 1000;
	return TRUE;
}

static gboolean read_amount(const cJSON *item, gint64 *ret_amount)
{
	gboolean is_cpu = g_strcmp0(item->string, RESOURCE_CPU) == 0;
	gint64 amount;

	if (cJSON_IsString(item)) {
		if (!(is_cpu ? parse_cpu(item->valuestring, &amount)
			     : quantity_parse(item->valuestring, &amount, NULL)))
			return FALSE;
	} else if (!json_integer_value(item, &amount)) {
		return FALSE;
	} else if (is_cpu) {
		amount = amount > G_MAXINT64 / 1000 ? G_MAXINT64 : amount * 1000;
	}
	if (amount < 0)
		return FALSE;
	*ret_amount = amount;
	return TRUE;
}

gint64 resources_read(const cJSON *list, const char *name, gint64 fallback)
{
	const cJSON *item = json_get(list, name);
	gint64 amount;

	return item && read_amount(item, &amount) ? amount : fallback;
}

void resources_add_list(GHashTable *resources, const cJSON *list)
{
	const cJSON *item;
	gint64 amount;

	cJSON_ArrayForEach(item, list) if (item->string && read_amount(item, &amount))
		resources_add(resources, item->string, amount);
}

/* which: "requests" or "limits". */
static const cJSON *list_of(const cJSON *container, const char *which)
{
	return json_path(container, "resources", which, NULL);
}

static void raise_to(GHashTable *resources, GHashTable *least)
{
	GHashTableIter iter;
	gpointer name, amount;

	g_hash_table_iter_init(&iter, least);
	while (g_hash_table_iter_next(&iter, &name, &amount)) {
		gint64 missing = *(gint64 *)amount - resources_get(resources, name, 0);

		if (missing > 0)
			resources_add(resources, name, missing);
	}
}

/* Init containers run one after the other, each beside the sidecars (restartPolicy Always) before
 * it; the sidecars go on beside the containers. */
static void add_init_containers(GHashTable *together, const cJSON *pod, const char *which)
{
	g_autoptr(GHashTable) sidecars = resources_new(), most = resources_new();
	const cJSON *container;

	cJSON_ArrayForEach(container, json_path(pod, "spec", "initContainers", NULL))
	{
		g_autoptr(GHashTable) now = resources_new();

		if (strcmp(json_string(container, "restartPolicy", ""), "Always") == 0) {
			resources_add_list(sidecars, list_of(container, which));
			raise_to(most, sidecars);
			continue;
		}
		resources_add_all(now, sidecars);
		resources_add_list(now, list_of(container, which));
		raise_to(most, now);
	}
	resources_add_all(together, sidecars);
	raise_to(together, most);
}

static void add_containers(GHashTable *resources, const cJSON *pod, const char *which)
{
	const cJSON *container;

	cJSON_ArrayForEach(container, json_path(pod, "spec", "containers", NULL))
		resources_add_list(resources, list_of(container, which));
}

/* Most pods are plain, and there are a hundred thousand of them. */
static void add_all_containers(GHashTable *resources, const cJSON *pod, const char *which)
{
	g_autoptr(GHashTable) together = NULL;

	if (json_path(pod, "spec", "initContainers", NULL)) {
		together = resources_new();
		add_containers(together, pod, which);
		add_init_containers(together, pod, which);
		resources_add_all(resources, together);
	} else {
		add_containers(resources, pod, which);
	}
}

/* What a pod says of itself as a whole (PodLevelResources) goes before what its containers come to;
 * of these resources alone. */
static gboolean is_of_pods(const char *name)
{
	return strcmp(name, RESOURCE_CPU) == 0 || strcmp(name, RESOURCE_MEMORY) == 0 ||
	       g_str_has_prefix(name, RESOURCE_PREFIX_HUGEPAGES);
}

static void replace_by(GHashTable *resources, const cJSON *list)
{
	const cJSON *item;
	gint64 amount;

	cJSON_ArrayForEach(item, list)
	{
		if (!item->string || !is_of_pods(item->string) || !read_amount(item, &amount))
			continue;
		g_hash_table_remove(resources, item->string);
		resources_add(resources, item->string, amount);
	}
}

/* Without the overhead. */
static void add_asked(GHashTable *resources, const cJSON *pod, const char *which)
{
	const cJSON *own = list_of(json_get(pod, "spec"), which);
	g_autoptr(GHashTable) together = NULL;

	if (own) {
		together = resources_new();
		add_all_containers(together, pod, which);
		replace_by(together, own);
		resources_add_all(resources, together);
	} else {
		add_all_containers(resources, pod, which);
	}
}

void resources_add_pod(GHashTable *resources, const cJSON *pod)
{
	add_asked(resources, pod, "requests");
	resources_add_list(resources, json_path(pod, "spec", "overhead", NULL));
	resources_add(resources, RESOURCE_PODS, 1);
}

void resources_add_pod_limits(GHashTable *resources, const cJSON *pod)
{
	g_autoptr(GHashTable) limits = resources_new();
	const cJSON *overhead = json_path(pod, "spec", "overhead", NULL), *item;

	add_asked(limits, pod, "limits");
	cJSON_ArrayForEach(item, overhead)
	{
		if (item->string && resources_get(limits, item->string, 0) > 0)
			resources_add(limits, item->string,
				      resources_read(overhead, item->string, 0));
	}
	resources_add_all(resources, limits);
}

char *resources_human(const char *name, gint64 amount)
{
	if (strcmp(name, RESOURCE_MEMORY) == 0 || strcmp(name, RESOURCE_EPHEMERAL) == 0 ||
	    g_str_has_prefix(name, RESOURCE_PREFIX_HUGEPAGES))
		return quantity_human_bytes(amount);
	if (strcmp(name, RESOURCE_CPU) == 0 && amount % 1000 != 0)
		return g_strdup_printf("%" G_GINT64_FORMAT ".%03" G_GINT64_FORMAT, amount / 1000,
				       amount % 1000);
	if (strcmp(name, RESOURCE_CPU) == 0)
		amount /= 1000;
	return g_strdup_printf("%" G_GINT64_FORMAT, amount);
}
