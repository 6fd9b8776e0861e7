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

	if (!stmt || !db_expect_row(store->db, stmt, error))
		return FALSE;
	*ret_version = sqlite3_column_int64(stmt, 0);
	*ret_trimmed = sqlite3_column_int64(stmt, 1);
	sqlite3_reset(stmt);
	return TRUE;
}

/* Rows are read in pieces, each of which ends its query: `func` may use the store. */
#define PIECE 256

/* Where the next piece begins: behind this namespace and name. */
typedef struct {
	char *ns, *name; /* NULL: at the beginning */
} Position;

static void position_clear(Position *position)
{
	g_clear_pointer(&position->ns, g_free);
	g_clear_pointer(&position->name, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Position, position_clear)

static void position_set(Position *position, const cJSON *object)
{
	const char *ns = object_namespace(object);

	position_clear(position);
	position->ns = g_strdup(ns ? ns : "");
	position->name = g_strdup(object_name(object));
}

static sqlite3_stmt *prepare_list(Store *store, const Kind *kind, const ClusterListOptions *options,
				  const Position *after, GError **error)
{
	static const char all[] =
		"SELECT object FROM objects WHERE kind = ?1 AND (?2 IS NULL OR name = ?2)"
		" AND (ns, name) > (?5, ?3) ORDER BY ns, name LIMIT ?4";
	static const char one[] =
		"SELECT object FROM objects WHERE kind = ?1 AND (?2 IS NULL OR name = ?2)"
		" AND ns = ?5 AND name > ?3 ORDER BY name LIMIT ?4";
	const char *ns = options && kind->namespaced ? options->ns : NULL;
	sqlite3_stmt *stmt = db_prepare(store->db, ns ? one : all, error);

	if (!stmt)
		return NULL;
	db_bind_text(stmt, 1, store_kind_key(kind));
	db_bind_text(stmt, 2, options ? options->name : NULL);
	db_bind_text(stmt, 3, after->name ? after->name : "");
	db_bind_int(stmt, 4, PIECE);
	db_bind_text(stmt, 5, ns ? ns : after->ns ? after->ns : "");
	return stmt;
}

/* Adds the next objects to `piece`, in their order, whether they match or not. */
static gboolean read_piece(Store *store, const Kind *kind, const ClusterListOptions *options,
			   const Position *after, GPtrArray *piece, GError **error)
{
	sqlite3_stmt *stmt = prepare_list(store, kind, options, after, error);
	DbStep step;

	if (!stmt)
		return FALSE;
	while ((step = db_step(store->db, stmt, error)) == DB_STEP_ROW) {
		const char *text = (const char *)sqlite3_column_text(stmt, 0);
		cJSON *object = store_parse(store, text, error);

		if (!object) {
			sqlite3_reset(stmt);
			return FALSE;
		}
		g_ptr_array_add(piece, object);
	}
	return step == DB_STEP_DONE;
}

/* Takes the object; FALSE: enough. */
typedef gboolean (*TakeFunc)(cJSON *object, gpointer data);

static gboolean hand_on(GPtrArray *piece, const ClusterListOptions *options, TakeFunc func,
			gpointer data)
{
	for (guint i = 0; i < piece->len; i++) {
		g_autoptr(cJSON) object = g_steal_pointer(&piece->pdata[i]);

		if (options && !selector_matches(options->selector, object_labels(object)))
			continue;
		if (!func(g_steal_pointer(&object), data))
			return FALSE;
	}
	return TRUE;
}

/* *ret_version is of the beginning. *ret_stopped: func has had enough. */
static gboolean each_piece(Store *store, const Kind *kind, const ClusterListOptions *options,
			   TakeFunc func, gpointer data, gint64 *ret_version, gboolean *ret_stopped,
			   GError **error)
{
	g_auto(Position) after = { 0 };
	gint64 trimmed;
	guint read;

	if (!store_read_state(store, ret_version, &trimmed, error))
		return FALSE;
	do {
		g_autoptr(GPtrArray) piece =
			g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);

		if (!read_piece(store, kind, options, &after, piece, error))
			return FALSE;
		read = piece->len;
		if (read > 0)
			position_set(&after, g_ptr_array_index(piece, read - 1));
		*ret_stopped = !hand_on(piece, options, func, data);
	} while (read == PIECE && !*ret_stopped);
	return TRUE;
}

static void set_version(char **ret_version, gint64 version)
{
	if (ret_version)
		*ret_version = g_strdup_printf("%" G_GINT64_FORMAT, version);
}

typedef struct {
	ClusterEachFunc func;
	gpointer data;
} Lender;

static gboolean lend(cJSON *object, gpointer data)
{
	const Lender *lender = data;
	g_autoptr(cJSON) owned = object;

	return lender->func(owned, lender->data);
}

/* No transaction around the pieces, which a slow reader of the output would keep open: a watch from
 * the version tells what has changed since the beginning, some of which was seen already. */
gboolean store_each(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		    ClusterEachFunc func, gpointer data, char **ret_version, GError **error)
{
	Lender lender = { func, data };
	gboolean stopped = FALSE;
	gint64 version = 0;

	if (!each_piece(store_of(cluster), kind, options, lend, &lender, &version, &stopped, error))
		return FALSE;
	if (!stopped)
		set_version(ret_version, version);
	return TRUE;
}

static gboolean keep(cJSON *object, gpointer data)
{
	g_ptr_array_add(data, object);
	return TRUE;
}

/* The items and their version, of one moment. */
GPtrArray *store_list(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		      char **ret_version, GError **error)
{
	g_autoptr(GPtrArray) items = g_ptr_array_new_with_free_func((GDestroyNotify)cJSON_Delete);
	Store *store = store_of(cluster);
	gboolean own = !db_in_transaction(store->db);
	gboolean ok, stopped;
	gint64 version = 0;

	if (own && !db_begin(store->db, DB_READ, error))
		return NULL;
	ok = each_piece(store, kind, options, keep, items, &version, &stopped, error);
	if (own)
		db_rollback(store->db);
	if (!ok)
		return NULL;
	set_version(ret_version, version);
	return g_steal_pointer(&items);
}
