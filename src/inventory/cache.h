/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The objects of one kind, kept up to date by a watch, so that a look at a host reads no list.
 * Filled at the first cache_load(); a watch that ends (EXPIRED) empties it, to be filled again.
 * One's own writes are put in at once; an event of an older version than what is there is ignored.
 */
#pragma once

#include "cluster/cluster.h"

typedef struct Cache Cache;

typedef struct {
	/* Which objects are kept; NULL: all. */
	gboolean (*keep)(const cJSON *object);
	/* An object went out and/or came in; before it is freed. foreign: by the watch, and not
	 * what was here already. NULL: nobody cares. */
	void (*changed)(const cJSON *old, const cJSON *now, gboolean foreign, gpointer data);
	gpointer data;
} CacheHooks;

Cache *cache_new(Cluster *cluster, const Kind *kind, const CacheHooks *hooks);
void cache_free(Cache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Cache, cache_free)

/* Fills it where it is empty. */
gboolean cache_load(Cache *cache, GError **error);
/* Reads everything anew: what other processes wrote until now is seen. */
gboolean cache_reload(Cache *cache, GError **error);
/* Forgets everything; the next cache_load() fills it. */
void cache_invalidate(Cache *cache);

/* By "ns/name" (object_ref()). Borrowed until the next change. */
const cJSON *cache_get(Cache *cache, const char *ref);
/* Key (borrowed) -> cJSON*; not to be changed. */
GHashTable *cache_table(Cache *cache);

/* Takes the object that a write returned. */
void cache_put(Cache *cache, cJSON *object);
void cache_remove(Cache *cache, const char *ref);
