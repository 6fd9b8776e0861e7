/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/cache.h"

struct Cache {
	Cluster *cluster;
	const Kind *kind;
	CacheHooks hooks;
	GHashTable *objects; /* char *ref -> cJSON * */
	ClusterWatch *watch; /* NULL: not loaded */
};

static void free_object(gpointer object)
{
	cJSON_Delete(object);
}

Cache *cache_new(Cluster *cluster, const Kind *kind, const CacheHooks *hooks)
{
	Cache *cache = g_new0(Cache, 1);

	cache->cluster = cluster;
	cache->kind = kind;
	cache->hooks = *hooks;
	cache->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, free_object);
	return cache;
}

void cache_free(Cache *cache)
{
	if (!cache)
		return;
	cluster_watch_stop(cache->watch);
	g_hash_table_unref(cache->objects);
	g_free(cache);
}

/* resourceVersions are opaque, but grow; where they are no numbers the newer word is taken. */
static gboolean is_older(const cJSON *object, const cJSON *than)
{
	guint64 mine;
	guint64 other;
	const char *text = object_resource_version(object);
	const char *than_text = object_resource_version(than);

	if (!text || !than_text ||
	    !g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &mine, NULL) ||
	    !g_ascii_string_to_unsigned(than_text, 10, 0, G_MAXUINT64, &other, NULL))
		return FALSE;
	return mine < other;
}

static void tell(Cache *cache, const cJSON *old, const cJSON *now, gboolean foreign)
{
	if (cache->hooks.changed)
		cache->hooks.changed(old, now, foreign, cache->hooks.data);
}

static void drop(Cache *cache, const char *ref, gboolean foreign)
{
	cJSON *old = g_hash_table_lookup(cache->objects, ref);

	if (!old)
		return;
	tell(cache, old, NULL, foreign);
	g_hash_table_remove(cache->objects, ref);
}

static void put(Cache *cache, cJSON *object, gboolean foreign)
{
	char *ref = object_ref(object);
	const cJSON *old = g_hash_table_lookup(cache->objects, ref);

	if (cache->hooks.keep && !cache->hooks.keep(object)) {
		drop(cache, ref, foreign);
		g_free(ref);
		cJSON_Delete(object);
		return;
	}
	tell(cache, old, object, foreign);
	g_hash_table_replace(cache->objects, ref, object);
}

static gboolean is_same_version(const cJSON *a, const cJSON *b)
{
	return a && g_strcmp0(object_resource_version(a), object_resource_version(b)) == 0;
}

static void on_event(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	Cache *cache = data;
	g_autofree char *ref = NULL;
	const cJSON *old;

	if (type == CLUSTER_EVENT_ERROR) {
		g_info("watch of %s ended: %s", cache->kind->plural,
		       error ? error->message : "no reason given");
		cache_invalidate(cache);
		return;
	}
	ref = object_ref(object);
	old = g_hash_table_lookup(cache->objects, ref);
	if (old && is_older(object, old))
		return;
	if (type == CLUSTER_EVENT_DELETED)
		drop(cache, ref, TRUE);
	else if (!is_same_version(old, object))
		put(cache, cJSON_Duplicate(object, TRUE), TRUE);
}

gboolean cache_load(Cache *cache, GError **error)
{
	g_autoptr(GPtrArray) items = NULL;
	g_autofree char *version = NULL;

	if (cache->watch)
		return TRUE;
	items = cluster_list(cache->cluster, cache->kind, NULL, &version, error);
	if (!items)
		return FALSE;
	cache->watch =
		cluster_watch(cache->cluster, cache->kind, NULL, version, on_event, cache, error);
	if (!cache->watch)
		return FALSE;
	for (guint i = 0; i < items->len; i++)
		put(cache, cJSON_Duplicate(g_ptr_array_index(items, i), TRUE), FALSE);
	return TRUE;
}

void cache_invalidate(Cache *cache)
{
	GHashTableIter iter;
	gpointer object;

	cluster_watch_stop(cache->watch);
	cache->watch = NULL;
	g_hash_table_iter_init(&iter, cache->objects);
	while (g_hash_table_iter_next(&iter, NULL, &object))
		tell(cache, object, NULL, FALSE);
	g_hash_table_remove_all(cache->objects);
}

/* Drops what is not in the list. */
static void drop_absent(Cache *cache, const GPtrArray *items)
{
	g_autoptr(GHashTable) there = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree gpointer *refs = g_hash_table_get_keys_as_array(cache->objects, NULL);

	for (guint i = 0; i < items->len; i++)
		g_hash_table_add(there, object_ref(g_ptr_array_index(items, i)));
	for (guint i = 0; refs[i]; i++) {
		if (!g_hash_table_contains(there, refs[i]))
			drop(cache, refs[i], FALSE);
	}
}

/* The watch goes on; it could not begin anew within a batch. */
gboolean cache_reload(Cache *cache, GError **error)
{
	g_autoptr(GPtrArray) items = NULL;

	if (!cache->watch)
		return cache_load(cache, error);
	items = cluster_list(cache->cluster, cache->kind, NULL, NULL, error);
	if (!items)
		return FALSE;
	drop_absent(cache, items);
	for (guint i = 0; i < items->len; i++) {
		const cJSON *item = g_ptr_array_index(items, i);
		g_autofree char *ref = object_ref(item);

		if (!is_same_version(g_hash_table_lookup(cache->objects, ref), item))
			put(cache, cJSON_Duplicate(item, TRUE), FALSE);
	}
	return TRUE;
}

const cJSON *cache_get(Cache *cache, const char *ref)
{
	return g_hash_table_lookup(cache->objects, ref);
}

GHashTable *cache_table(Cache *cache)
{
	return cache->objects;
}

void cache_put(Cache *cache, cJSON *object)
{
	put(cache, object, FALSE);
}

void cache_remove(Cache *cache, const char *ref)
{
	drop(cache, ref, FALSE);
}
