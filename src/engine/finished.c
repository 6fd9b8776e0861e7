/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Migrations that have ended stay for a while, for whoever asks how it went, and must not pile up:
 * a VM that is drained every night would have hundreds. Which ones there are is kept in mind, so
 * that the end of one of many thousands does not cost a look at all.
 */
#include "engine/engine-private.h"

#define KEPT_PER_VM 5 /* as KubeVirt */

typedef struct {
	char *ns, *name, *uid;
	gint64 created_us, arrival;
} Finished;

static void finished_free(gpointer data)
{
	Finished *finished = data;

	g_free(finished->ns);
	g_free(finished->name);
	g_free(finished->uid);
	g_free(finished);
}

GHashTable *finished_new(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
				     (GDestroyNotify)g_ptr_array_unref);
}

static char *key_of(const Migration *migration)
{
	return g_strdup_printf("%s/%s", migration->ns ? migration->ns : "",
			       migration->vmi_name ? migration->vmi_name : "");
}

static gint older_first(gconstpointer a, gconstpointer b)
{
	const Finished *left = *(Finished *const *)a, *right = *(Finished *const *)b;
	const Migration left_age = { .ns = left->ns, .name = left->name,
				     .created_us = left->created_us, .arrival = left->arrival };
	const Migration right_age = { .ns = right->ns, .name = right->name,
				      .created_us = right->created_us, .arrival = right->arrival };

	return migration_compare_age(&left_age, &right_age);
}

static gboolean find(const GPtrArray *list, const char *uid, guint *ret_index)
{
	for (guint i = 0; i < list->len; i++)
		if (g_strcmp0(((Finished *)g_ptr_array_index(list, i))->uid, uid) == 0) {
			*ret_index = i;
			return TRUE;
		}
	return FALSE;
}

static void delete_oldest(Engine *engine, GPtrArray *list)
{
	const Finished *oldest = g_ptr_array_index(list, 0);
	g_autoptr(GError) error = NULL;

	if (!cluster_delete(engine->cluster, &KIND_VMIM, oldest->ns, oldest->name, oldest->uid,
			    CLUSTER_WRITE_NONE, &error) &&
	    !g_error_matches(error, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND))
		g_info("cannot remove migration '%s', which ended long ago: %s", oldest->name,
		       error->message);
	g_ptr_array_remove_index(list, 0); /* the next controller tries again */
}

void finished_note(Engine *engine, const Migration *migration)
{
	g_autofree char *key = key_of(migration);
	GPtrArray *list = g_hash_table_lookup(engine->finished, key);
	Finished *finished;
	guint index;

	if (!list) {
		list = g_ptr_array_new_with_free_func(finished_free);
		g_hash_table_insert(engine->finished, g_strdup(key), list);
	}
	if (object_is_deleting(migration->object) || find(list, migration->uid, &index))
		return;
	finished = g_new0(Finished, 1);
	*finished = (Finished){ .ns = g_strdup(migration->ns), .name = g_strdup(migration->name),
				.uid = g_strdup(migration->uid),
				.created_us = migration->created_us,
				.arrival = migration->arrival };
	g_ptr_array_add(list, finished);
	g_ptr_array_sort(list, older_first);
	while (list->len > KEPT_PER_VM)
		delete_oldest(engine, list);
}

void finished_forget(Engine *engine, const Migration *migration)
{
	g_autofree char *key = key_of(migration);
	GPtrArray *list = g_hash_table_lookup(engine->finished, key);
	guint index;

	if (list && find(list, migration->uid, &index))
		g_ptr_array_remove_index(list, index);
	if (list && list->len == 0)
		g_hash_table_remove(engine->finished, key);
}
