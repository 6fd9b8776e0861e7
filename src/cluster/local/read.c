/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cluster/local/store.h"

char *store_describe(const Kind *kind, const char *ns, const char *name)
{
	if (kind->namespaced)
		return g_strdup_printf("%s '%s' in namespace '%s'", kind->singular, name, ns);
	return g_strdup_printf("%s '%s'", kind->singular, name);
}

gboolean store_set_not_found(Store *store, const Kind *kind, const char *ns, const char *name,
			     GError **error)
{
	g_autofree char *what = store_describe(kind, ns, name);

	return error_set(error, KVMIG_ERROR_NOT_FOUND, "no %s in '%s'", what, store->base.context);
}

cJSON *store_lookup(Store *store, const Kind *kind, const char *ns, const char *name,
		    GError **error)
{
	sqlite3_stmt *stmt = db_prepare(store->db,
					"SELECT object FROM objects WHERE kind = ? AND ns = ?"
					" AND name = ?",
					error);
	cJSON *object;

	if (!stmt)
		return NULL;
	db_bind_text(stmt, 1, store_kind_key(kind));
	db_bind_text(stmt, 2, kind->namespaced ? ns : "");
	db_bind_text(stmt, 3, name);
	if (db_step(store->db, stmt, error) != DB_STEP_ROW)
		return NULL;
	object = store_parse(store, (const char *)sqlite3_column_text(stmt, 0), error);
	sqlite3_reset(stmt);
	return object;
}

cJSON *store_get(Cluster *cluster, const Kind *kind, const char *ns, const char *name,
		 GError **error)
{
	g_autoptr(GError) cause = NULL;
	cJSON *object = store_lookup(store_of(cluster), kind, ns, name, &cause);

	if (cause)
		g_propagate_error(error, g_steal_pointer(&cause));
	else if (!object)
		store_set_not_found(store_of(cluster), kind, ns, name, error);
	return object;
}

gboolean store_read_state(Store *store, gint64 *ret_version, gint64 *ret_trimmed, GError **error)
{
	sqlite3_stmt *stmt = db_prepare(store->db, "SELECT version, trimmed FROM state", error);

	if (!stmt)
		return FALSE;
	switch (db_step(store->db, stmt, error)) {
	case DB_STEP_ROW:
		*ret_version = sqlite3_column_int64(stmt, 0);
		*ret_trimmed = sqlite3_column_int64(stmt, 1);
		sqlite3_reset(stmt);
		return TRUE;
	case DB_STEP_DONE:
		return db_set_error(store->db, SQLITE_CORRUPT, error);
	default:
		return FALSE;
	}
}

static sqlite3_stmt *prepare_list(Store *store, const Kind *kind, const char *ns, GError **error)
{
	static const char all[] = "SELECT object FROM objects WHERE kind = ? ORDER BY ns, name";
	static const char one[] = "SELECT object FROM objects WHERE kind = ? AND ns = ?"
				  " ORDER BY name";
	sqlite3_stmt *stmt = db_prepare(store->db, ns ? one : all, error);

	if (!stmt)
		return NULL;
	db_bind_text(stmt, 1, store_kind_key(kind));
	if (ns)
		db_bind_text(stmt, 2, ns);
	return stmt;
}

static gboolean list_rows(Store *store, const Kind *kind, const ClusterListOptions *options,
			  GPtrArray *items, GError **error)
{
	const char *ns = options && kind->namespaced ? options->ns : NULL;
	sqlite3_stmt *stmt = prepare_list(store, kind, ns, error);
	DbStep step;

	if (!stmt)
		return FALSE;
	while ((step = db_step(store->db, stmt, error)) == DB_STEP_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);
		g_autoptr(cJSON) object = store_parse(store, text, error);

		if (!object) {
			sqlite3_reset(stmt);
			return FALSE;
		}
		if (!options || selector_matches(options->selector, object_labels(object)))
			g_ptr_array_add(items, g_steal_pointer(&object));
	}
	return step == DB_STEP_DONE;
}

/* The items and their version, of one moment. */
static gboolean list_consistent(Store *store, const Kind *kind, const ClusterListOptions *options,
				GPtrArray *items, gint64 *ret_version, GError **error)
{
	gboolean own = !db_in_transaction(store->db);
	gint64 trimmed;
	gboolean ok;

	if (own && !db_begin(store->db, DB_READ, error))
		return FALSE;
	ok = store_read_state(store, ret_version, &trimmed, error) &&
	     list_rows(store, kind, options, items, error);
	if (own)
		db_rollback(store->db);
	return ok;
}

GPtrArray *store_list(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		      char **ret_version, GError **error)
{
	g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	gint64 version = 0;

	if (!list_consistent(store_of(cluster), kind, options, items, &version, error))
		return NULL;
	if (ret_version)
		*ret_version = g_strdup_printf("%" G_GINT64_FORMAT, version);
	return g_steal_pointer(&items);
}
