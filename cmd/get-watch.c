/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kvmig get --watch. What was printed is remembered by uid and version, so that a list that has to
 * be read again, after the server has forgotten where we were, shows only what is new.
 */
#include "get.h"

#include "base/clock.h"
#include "model/columns.h"

typedef struct {
	Get *get;
	ClusterWatch *watch;
	GError *error;
	gboolean done, stale;
} Watcher;

/* ---- rows for events ------------------------------------------------------------------------ */

static int find_column(const cJSON *columns, const char *name)
{
	const cJSON *column;
	int n = 0;

	cJSON_ArrayForEach(column, columns)
	{
		if (g_strcmp0(json_string(column, "name", NULL), name) == 0)
			return n;
		n++;
	}
	return -1;
}

/* The row as we would make it, in the order of the server's columns; NULL where it has some that
 * we do not know. */
static cJSON *own_row(const Get *get, const cJSON *object)
{
	const cJSON *columns = columns_for(get->kind), *column;
	g_autoptr(cJSON) own = NULL;
	g_autoptr(cJSON) row = NULL;

	if (!columns_known(get->kind))
		return NULL;
	own = columns_row(get->kind, object, clock_unix_us(clock_real()));
	if (!get->columns)
		return g_steal_pointer(&own);
	row = cJSON_CreateObject();
	cJSON_ArrayForEach(column, get->columns)
	{
		int n = find_column(columns, json_string(column, "name", NULL));
		const cJSON *cell = n < 0 ? NULL : cJSON_GetArrayItem(json_get(own, "cells"), n);

		if (!cell)
			return NULL;
		cJSON_AddItemToArray(json_ensure_array(row, "cells"), cJSON_Duplicate(cell, TRUE));
	}
	json_set(row, "object", cJSON_DetachItemFromObjectCaseSensitive(own, "object"));
	return g_steal_pointer(&row);
}

static gboolean print_row(const cJSON *columns, const cJSON *row, gpointer data)
{
	get_add_row(data, columns, row);
	return TRUE;
}

/* The server makes the row of a kind that only it knows. An object that is gone by now has none:
 * its end comes as an event of its own. */
static void ask_for_row(Get *get, const cJSON *object)
{
	const ClusterListOptions one = { .ns = object_namespace(object),
					 .name = object_name(object) };
	g_autoptr(GError) error = NULL;

	if (!cluster_table(get->context->cluster, get->kind, &one, print_row, get, NULL, &error))
		say_warning(get->context, "%s '%s' has changed, and cannot be shown: %s",
			    get->kind->singular, one.name, error->message);
}

static void print_change(Get *get, const cJSON *object)
{
	g_autoptr(cJSON) row = NULL;

	get->count++;
	if (!get_is_table(get)) {
		get_add_object(get, object);
		(void)fflush(get->context->output->stream);
		return;
	}
	row = own_row(get, object);
	if (row)
		get_add_row(get, columns_for(get->kind), row);
	else
		ask_for_row(get, object);
	if (get->table)
		output_table_flush(get->table);
}

/* ---- events --------------------------------------------------------------------------------- */

static void on_event(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	Watcher *watcher = data;
	Get *get = watcher->get;
	const char *uid;

	if (type == CLUSTER_EVENT_ERROR) {
		watcher->stale = error_code(error) == KVMIG_ERROR_EXPIRED;
		if (!watcher->stale)
			watcher->error = g_error_copy(error);
		watcher->done = TRUE;
		return;
	}
	uid = object_uid(object) ? object_uid(object) : object_name(object);
	if (type == CLUSTER_EVENT_DELETED) {
		g_hash_table_remove(get->seen, uid);
	} else {
		const char *version = object_resource_version(object);

		if (g_strcmp0(g_hash_table_lookup(get->seen, uid), version) == 0)
			return;
		g_hash_table_insert(get->seen, g_strdup(uid), g_strdup(version));
	}
	print_change(get, object);
	watcher->done = watcher->done || ferror(get->context->output->stream);
}

static gboolean begin(Watcher *watcher, GError **error)
{
	Get *get = watcher->get;
	g_autofree char *version = NULL;

	cluster_watch_stop(g_steal_pointer(&watcher->watch));
	watcher->done = watcher->stale = FALSE;
	if (!get_list(get, &version, error))
		return FALSE;
	if (get->table)
		output_table_flush(get->table);
	else
		(void)fflush(get->context->output->stream);
	watcher->done = ferror(get->context->output->stream);
	if (watcher->done)
		return TRUE;
	watcher->watch = cluster_watch(get->context->cluster, get->kind, &get->options, version,
				       on_event, watcher, error);
	return watcher->watch != NULL;
}

int get_watch(Get *get, GError **error)
{
	Watcher watcher = { .get = get };
	gboolean interrupted = FALSE, ok;

	get->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	do {
		ok = begin(&watcher, error);
	} while (ok && run_until(&watcher.done, 0, &interrupted) && watcher.stale);
	cluster_watch_stop(watcher.watch);
	if (watcher.error)
		g_propagate_error(error, watcher.error);
	if (!ok || watcher.error)
		return STATUS_FAILED;
	return interrupted ? STATUS_INTERRUPTED : STATUS_FAILED;
}
