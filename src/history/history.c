/* SPDX-License-Identifier: Apache-2.0 */
#include "history/history.h"

#include <string.h>

#include "base/clock.h"
#include "base/db.h"
#include "base/error.h"
#include "base/paths.h"
#include "model/migration.h"

#define APPLICATION_ID 0x6b766d68u /* "kvmh" */

struct History {
	Db *db;
};

/* The order of the columns is the order of the enum below. */
static const char *const upgrades[] = {
	"CREATE TABLE migrations ("
	"  context TEXT NOT NULL, uid TEXT NOT NULL, migration TEXT NOT NULL, ns TEXT NOT NULL,"
	"  vm TEXT NOT NULL, domain_uuid TEXT, source_node TEXT, target_node TEXT,"
	"  phase TEXT NOT NULL, reason TEXT, message TEXT, end_state TEXT, policy TEXT,"
	"  settings TEXT, created_us INTEGER NOT NULL, started_us INTEGER NOT NULL,"
	"  ended_us INTEGER NOT NULL, total_ms INTEGER NOT NULL, downtime_ms INTEGER NOT NULL,"
	"  memory_bytes INTEGER NOT NULL, memory_processed_bytes INTEGER NOT NULL,"
	"  iterations INTEGER NOT NULL, id INTEGER PRIMARY KEY, UNIQUE (context, uid)) STRICT;"
	"CREATE INDEX migrations_by_end ON migrations (ended_us);"
	"CREATE TRIGGER migrations_update BEFORE UPDATE ON migrations"
	"  BEGIN SELECT raise(ABORT, 'the history is append-only'); END;"
	"CREATE TRIGGER migrations_delete BEFORE DELETE ON migrations"
	"  BEGIN SELECT raise(ABORT, 'the history is append-only'); END;",
	NULL
};

enum {
	CONTEXT,
	UID,
	MIGRATION,
	NS,
	VM,
	DOMAIN_UUID,
	SOURCE_NODE,
	TARGET_NODE,
	PHASE,
	REASON,
	MESSAGE,
	END_STATE,
	POLICY,
	SETTINGS,
	CREATED_US,
	STARTED_US,
	ENDED_US,
	TOTAL_MS,
	DOWNTIME_MS,
	MEMORY_BYTES,
	MEMORY_PROCESSED_BYTES,
	ITERATIONS
};

/* Columns of text and numbers, and where they are in the record. */
static const struct {
	int column;
	gsize offset;
	gboolean required;
	const char *key; /* in JSON */
} texts[] = {
	{ CONTEXT, G_STRUCT_OFFSET(HistoryRecord, context), TRUE, "context" },
	{ UID, G_STRUCT_OFFSET(HistoryRecord, uid), TRUE, "uid" },
	{ MIGRATION, G_STRUCT_OFFSET(HistoryRecord, migration), TRUE, "migration" },
	{ NS, G_STRUCT_OFFSET(HistoryRecord, ns), TRUE, "namespace" },
	{ VM, G_STRUCT_OFFSET(HistoryRecord, vm), TRUE, "vm" },
	{ DOMAIN_UUID, G_STRUCT_OFFSET(HistoryRecord, domain_uuid), FALSE, "domainUUID" },
	{ SOURCE_NODE, G_STRUCT_OFFSET(HistoryRecord, source_node), FALSE, "sourceNode" },
	{ TARGET_NODE, G_STRUCT_OFFSET(HistoryRecord, target_node), FALSE, "targetNode" },
	{ PHASE, G_STRUCT_OFFSET(HistoryRecord, phase), TRUE, "phase" },
	{ REASON, G_STRUCT_OFFSET(HistoryRecord, reason), FALSE, "reason" },
	{ MESSAGE, G_STRUCT_OFFSET(HistoryRecord, message), FALSE, "message" },
	{ END_STATE, G_STRUCT_OFFSET(HistoryRecord, end_state), FALSE, "endState" },
	{ POLICY, G_STRUCT_OFFSET(HistoryRecord, policy), FALSE, "policy" },
};

typedef enum { NUMBER_TIME, NUMBER_PLAIN } NumberKind;

static const struct {
	int column;
	gsize offset;
	NumberKind kind;
	const char *key;
} numbers[] = {
	{ CREATED_US, G_STRUCT_OFFSET(HistoryRecord, created_us), NUMBER_TIME, "createdAt" },
	{ STARTED_US, G_STRUCT_OFFSET(HistoryRecord, started_us), NUMBER_TIME, "startedAt" },
	{ ENDED_US, G_STRUCT_OFFSET(HistoryRecord, ended_us), NUMBER_TIME, "endedAt" },
	{ TOTAL_MS, G_STRUCT_OFFSET(HistoryRecord, total_ms), NUMBER_PLAIN, "totalMs" },
	{ DOWNTIME_MS, G_STRUCT_OFFSET(HistoryRecord, downtime_ms), NUMBER_PLAIN, "downtimeMs" },
	{ MEMORY_BYTES, G_STRUCT_OFFSET(HistoryRecord, memory_bytes), NUMBER_PLAIN, "memoryBytes" },
	{ MEMORY_PROCESSED_BYTES, G_STRUCT_OFFSET(HistoryRecord, memory_processed_bytes),
	  NUMBER_PLAIN, "memoryProcessedBytes" },
	{ ITERATIONS, G_STRUCT_OFFSET(HistoryRecord, iterations), NUMBER_PLAIN, "iterations" },
};

static char **text_field(HistoryRecord *record, guint i)
{
	return G_STRUCT_MEMBER_P(record, texts[i].offset);
}

static const char *text_of(const HistoryRecord *record, guint i)
{
	return G_STRUCT_MEMBER(const char *, record, texts[i].offset);
}

static gint64 number_of(const HistoryRecord *record, guint i)
{
	return G_STRUCT_MEMBER(gint64, record, numbers[i].offset);
}

void history_record_free(HistoryRecord *record)
{
	if (!record)
		return;
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(*text_field(record, i));
	cJSON_Delete(record->settings);
	g_free(record);
}

History *history_open(GError **error)
{
	g_autofree char *folder = paths_state_dir(error);
	g_autofree char *path = NULL;
	DbSpec spec = {
		.what = "history",
		.product = "kvmig history",
		.application_id = APPLICATION_ID,
		.upgrades = upgrades,
		.create = TRUE,
	};
	History *history;
	Db *db;

	if (!folder || !paths_make_private_dir(folder, error))
		return NULL;
	path = g_build_filename(folder, "history.db", NULL);
	db = db_open(path, &spec, error);
	if (!db)
		return NULL;
	history = g_new0(History, 1);
	history->db = db;
	return history;
}

void history_close(History *history)
{
	if (!history)
		return;
	db_close(history->db);
	g_free(history);
}

/* ---- append --------------------------------------------------------------------------------- */

static gboolean check_record(const HistoryRecord *record, GError **error)
{
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		const char *text = text_of(record, i);

		if (texts[i].required && (!text || !*text))
			return error_set(error, KVMIG_ERROR_INVALID,
					 "history: the record of migration '%s' has no %s",
					 record->migration ? record->migration : "", texts[i].key);
	}
	return TRUE;
}

static void bind_record(sqlite3_stmt *stmt, const HistoryRecord *record, const char *settings)
{
	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		db_bind_text(stmt, texts[i].column + 1, text_of(record, i));
	db_bind_text(stmt, SETTINGS + 1, settings);
	for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
		db_bind_int(stmt, numbers[i].column + 1, number_of(record, i));
}

/* Not "OR IGNORE": that would pass over any other broken rule as well. */
static gboolean insert(History *history, const HistoryRecord *record, GError **error)
{
	g_autofree char *settings = record->settings ? json_print(record->settings) : NULL;
	sqlite3_stmt *stmt = db_prepare(history->db,
					"INSERT INTO migrations VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,"
					"?,?,?,?,?,?,?,?,?,NULL)"
					" ON CONFLICT (context, uid) DO NOTHING",
					error);

	if (!stmt)
		return FALSE;
	bind_record(stmt, record, settings);
	return db_run(history->db, stmt, error);
}

gboolean history_append(History *history, const HistoryRecord *record, GError **error)
{
	if (!check_record(record, error) || !db_begin(history->db, DB_WRITE, error))
		return FALSE;
	if (!insert(history, record, error)) {
		db_rollback(history->db);
		return FALSE;
	}
	return db_commit(history->db, error);
}

/* ---- query ---------------------------------------------------------------------------------- */

static HistoryRecord *read_record(sqlite3_stmt *stmt)
{
	HistoryRecord *record = g_new0(HistoryRecord, 1);
	const char *settings = (const char *)sqlite3_column_text(stmt, SETTINGS);

	for (guint i = 0; i < G_N_ELEMENTS(texts); i++)
		*text_field(record, i) =
			g_strdup((const char *)sqlite3_column_text(stmt, texts[i].column));
	for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
		G_STRUCT_MEMBER(gint64, record, numbers[i].offset) =
			sqlite3_column_int64(stmt, numbers[i].column);
	/* settings that cannot be read any more must not hide the migration */
	if (settings)
		record->settings = json_parse(settings, strlen(settings), "settings", NULL);
	return record;
}

static sqlite3_stmt *prepare_query(History *history, const HistoryQuery *query, GError **error)
{
	sqlite3_stmt *stmt = db_prepare(history->db,
					"SELECT * FROM migrations WHERE ended_us >= ?1"
					" AND (?2 IS NULL OR context = ?2)"
					" AND (?3 IS NULL OR ns = ?3)"
					" AND (?4 IS NULL OR vm = ?4)"
					" AND (?5 IS NULL OR migration = ?5)"
					" AND (NOT ?6 OR phase <> 'Succeeded')"
					" ORDER BY ended_us DESC, id DESC LIMIT ?7",
					error);

	if (!stmt)
		return NULL;
	db_bind_int(stmt, 1, query->since_us);
	db_bind_text(stmt, 2, query->context);
	db_bind_text(stmt, 3, query->ns);
	db_bind_text(stmt, 4, query->vm);
	db_bind_text(stmt, 5, query->migration);
	db_bind_int(stmt, 6, query->failed_only ? 1 : 0);
	db_bind_int(stmt, 7, query->limit ? (gint64)query->limit : -1);
	return stmt;
}

static void reverse(GPtrArray *array)
{
	for (guint i = 0; i < array->len / 2; i++) {
		gpointer *a = &g_ptr_array_index(array, i);
		gpointer *b = &g_ptr_array_index(array, array->len - 1 - i);
		gpointer kept = *a;

		*a = *b;
		*b = kept;
	}
}

GPtrArray *history_query(History *history, const HistoryQuery *query, GError **error)
{
	g_autoptr(GPtrArray) records =
		g_ptr_array_new_with_free_func((GDestroyNotify)history_record_free);
	sqlite3_stmt *stmt = prepare_query(history, query, error);
	DbStep step;

	if (!stmt)
		return NULL;
	while ((step = db_step(history->db, stmt, error)) == DB_STEP_ROW)
		g_ptr_array_add(records, read_record(stmt));
	if (step == DB_STEP_ERROR)
		return NULL;
	reverse(records);
	return g_steal_pointer(&records);
}

/* ---- JSON ----------------------------------------------------------------------------------- */

static void set_time(cJSON *object, const char *key, gint64 unix_us)
{
	g_autofree char *text = clock_format_unix_micro(unix_us);

	json_set_string(object, key, text);
}

cJSON *history_record_to_json(const HistoryRecord *record)
{
	cJSON *object = cJSON_CreateObject();

	for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
		if (text_of(record, i))
			json_set_string(object, texts[i].key, text_of(record, i));
	}
	for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
		gint64 value = number_of(record, i);

		if (numbers[i].kind == NUMBER_TIME && value > 0)
			set_time(object, numbers[i].key, value);
		else if (numbers[i].kind == NUMBER_PLAIN && value >= 0)
			json_set_int(object, numbers[i].key, value);
	}
	if (record->settings)
		json_set(object, "settings", migration_settings_document(record->settings));
	return object;
}
