/* SPDX-License-Identifier: Apache-2.0 */
/* Rows and events, inside a transaction: the lowest layer of a write. */
#include "base/clock.h"
#include "base/error.h"
#include "cluster/local/store.h"
#include "model/wellknown.h"

/* Events too old to keep are looked for once in so many writes; those too many, each time. */
#define AGE_CHECK_EVERY 64

static gboolean next_version(Store *store, gint64 *ret_version, GError **error)
{
	sqlite3_stmt *stmt = db_prepare(
		store->db, "UPDATE state SET version = version + 1 RETURNING version", error);

	if (!stmt || !db_expect_row(store->db, stmt, error))
		return FALSE;
	*ret_version = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return TRUE;
}

static gboolean trim_to(Store *store, gint64 version, GError **error)
{
	sqlite3_stmt *stmt = db_prepare(store->db, "DELETE FROM events WHERE version <= ?", error);

	if (!stmt)
		return FALSE;
	db_bind_int(stmt, 1, version);
	if (!db_run(store->db, stmt, error))
		return FALSE;
	stmt = db_prepare(store->db, "UPDATE state SET trimmed = ?1 WHERE trimmed < ?1", error);
	if (!stmt)
		return FALSE;
	db_bind_int(stmt, 1, version);
	return db_run(store->db, stmt, error);
}

/* The version before the oldest event that is young enough. */
static gboolean find_age_limit(Store *store, gint64 now_us, gint64 *ret_version, GError **error)
{
	sqlite3_stmt *stmt = db_prepare(store->db,
					"SELECT version FROM events WHERE at_us >= ?"
					" ORDER BY version LIMIT 1",
					error);
	DbStep step;

	if (!stmt)
		return FALSE;
	db_bind_int(stmt, 1, now_us - STORE_EVENTS_AGE_US);
	step = db_step(store->db, stmt, error);
	if (step == DB_STEP_ROW) {
		*ret_version = sqlite3_column_int64(stmt, 0) - 1;
		sqlite3_reset(stmt);
	}
	return step != DB_STEP_ERROR;
}

static gboolean trim_events(Store *store, gint64 version, gint64 now_us, GError **error)
{
	gint64 limit = version - STORE_EVENTS_KEPT;
	gint64 age_limit = 0;

	if (version % AGE_CHECK_EVERY == 0 && !find_age_limit(store, now_us, &age_limit, error))
		return FALSE;
	limit = MAX(limit, age_limit);
	return limit <= 0 || trim_to(store, limit, error);
}

/* Labels before the change, where they differ, for watchers with a selector. */
static char *changed_labels(const cJSON *old, const cJSON *object)
{
	const cJSON *before = old ? object_labels(old) : NULL;

	if (!old || json_equal(before, object_labels(object)))
		return NULL;
	return before ? json_print(before) : g_strdup("{}");
}

static gboolean add_event(Store *store, ClusterEventType type, const Kind *kind, gint64 version,
			  const cJSON *old, const cJSON *object, const char *text, GError **error)
{
	g_autofree char *old_labels = changed_labels(old, object);
	gint64 now_us = g_get_real_time();
	sqlite3_stmt *stmt =
		db_prepare(store->db, "INSERT INTO events VALUES (?,?,?,?,?,?,?)", error);
	const char *ns = object_namespace(object);

	if (!stmt)
		return FALSE;
	db_bind_int(stmt, 1, version);
	db_bind_int(stmt, 2, now_us);
	db_bind_int(stmt, 3, type);
	db_bind_text(stmt, 4, store_kind_key(kind));
	db_bind_text(stmt, 5, ns ? ns : "");
	db_bind_text(stmt, 6, text);
	db_bind_text(stmt, 7, old_labels);
	return db_run(store->db, stmt, error) && trim_events(store, version, now_us, error);
}

static gboolean stamp_version(Store *store, cJSON *object, gint64 *ret_version, GError **error)
{
	g_autofree char *text = NULL;

	if (!next_version(store, ret_version, error))
		return FALSE;
	text = g_strdup_printf("%" G_GINT64_FORMAT, *ret_version);
	json_set_string(json_ensure_object(object, "metadata"), "resourceVersion", text);
	return TRUE;
}

/* Binds kind, namespace and name from the second parameter on, text as the first. */
static sqlite3_stmt *prepare_row(Store *store, const char *sql, const Kind *kind,
				 const cJSON *object, const char *text, GError **error)
{
	sqlite3_stmt *stmt = db_prepare(store->db, sql, error);

	if (!stmt)
		return NULL;
	if (text)
		db_bind_text(stmt, 1, text);
	db_bind_text(stmt, 2, store_kind_key(kind));
	db_bind_text(stmt, 3, kind->namespaced ? object_namespace(object) : "");
	db_bind_text(stmt, 4, object_name(object));
	return stmt;
}

static gboolean store_row(Store *store, const char *sql, ClusterEventType type, const Kind *kind,
			  const cJSON *old, cJSON *object, GError **error)
{
	g_autofree char *text = NULL;
	sqlite3_stmt *stmt;
	gint64 version = 0;

	if (!stamp_version(store, object, &version, error))
		return FALSE;
	text = json_print(object);
	stmt = prepare_row(store, sql, kind, object, type == CLUSTER_EVENT_DELETED ? NULL : text,
			   error);
	return stmt && db_run(store->db, stmt, error) &&
	       add_event(store, type, kind, version, old, object, text, error);
}

gboolean store_insert(Store *store, const Kind *kind, cJSON *object, GError **error)
{
	return store_row(store,
			 "INSERT INTO objects (object, kind, ns, name) VALUES (?1, ?2, ?3, ?4)",
			 CLUSTER_EVENT_ADDED, kind, NULL, object, error);
}

gboolean store_replace(Store *store, const Kind *kind, const cJSON *old, cJSON *object,
		       GError **error)
{
	return store_row(store,
			 "UPDATE objects SET object = ?1 WHERE kind = ?2 AND ns = ?3 AND name = ?4",
			 CLUSTER_EVENT_MODIFIED, kind, old, object, error);
}

gboolean store_remove(Store *store, const Kind *kind, cJSON *object, GError **error)
{
	return store_row(store, "DELETE FROM objects WHERE kind = ?2 AND ns = ?3 AND name = ?4",
			 CLUSTER_EVENT_DELETED, kind, NULL, object, error);
}

void store_stamp_new(cJSON *object)
{
	cJSON *metadata = json_ensure_object(object, "metadata");
	g_autofree char *uid = g_uuid_string_random();
	g_autofree char *now = clock_format_unix(g_get_real_time());

	json_set_string(metadata, "uid", uid);
	json_set_string(metadata, "creationTimestamp", now);
	json_set_int(metadata, "generation", 1);
}

gboolean store_ensure_namespace(Store *store, const char *ns, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object = store_lookup(store, &KIND_NAMESPACE, NULL, ns, &cause);

	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (object)
		return TRUE;
	if (!name_check_dns_label(ns, "namespace", error))
		return FALSE;
	object = object_new(&KIND_NAMESPACE, NULL, ns);
	object_set_label(object, LABEL_METADATA_NAME, ns);
	store_stamp_new(object);
	return store_insert(store, &KIND_NAMESPACE, object, error);
}
