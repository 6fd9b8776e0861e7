/* SPDX-License-Identifier: Apache-2.0 */
#include <sqlite3.h>
#include <sys/stat.h>

#include "history/history.h"
#include "store-fixture.h"

#define FILE_OF(fixture) g_build_filename((fixture)->folder, "kvmig", "history.db", NULL)

static HistoryRecord *new_record(const char *uid, gint64 ended_us)
{
	HistoryRecord *record = g_new0(HistoryRecord, 1);

	record->context = g_strdup("local/default");
	record->uid = g_strdup(uid);
	record->migration = g_strdup_printf("migrate-%s", uid);
	record->ns = g_strdup("default");
	record->vm = g_strdup("web-1");
	record->phase = g_strdup("Succeeded");
	record->ended_us = ended_us;
	record->total_ms = 4700;
	record->downtime_ms = 12;
	record->memory_bytes = 256 * 1024 * 1024;
	record->memory_processed_bytes = -1;
	record->iterations = -1;
	return record;
}

static void append(History *history, const HistoryRecord *record)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(history_append(history, record, &error));
	g_assert_no_error(error);
}

static void append_failed(History *history, const char *uid, const char *vm, gint64 ended_us)
{
	g_autoptr(HistoryRecord) record = new_record(uid, ended_us);

	g_free(record->vm);
	record->vm = g_strdup(vm);
	g_free(record->phase);
	record->phase = g_strdup("Failed");
	record->reason = g_strdup("KVMIG-FAIL-TIMEOUT");
	append(history, record);
}

/* uids, oldest first, "a b c" */
static char *uids(History *history, const HistoryQuery *query)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) records = history_query(history, query, &error);
	GString *text = g_string_new(NULL);

	g_assert_no_error(error);
	for (guint i = 0; i < records->len; i++) {
		const HistoryRecord *record = g_ptr_array_index(records, i);

		g_string_append_printf(text, "%s%s", i ? " " : "", record->uid);
	}
	return g_string_free(text, FALSE);
}

static void assert_uids(History *history, HistoryQuery query, const char *wanted)
{
	g_autofree char *got = uids(history, &query);

	g_assert_cmpstr(got, ==, wanted);
}

static void test_round_trip(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(HistoryRecord) record = new_record("a", 1700000000000001);
	g_autoptr(GPtrArray) records = NULL;
	g_autoptr(cJSON) json = NULL;
	g_autoptr(cJSON) wanted = NULL;
	g_autofree char *file = FILE_OF(fixture);
	HistoryQuery query = { 0 };
	History *history = history_open(NULL);
	struct stat st;

	g_assert_nonnull(history);
	g_free(record->message);
	record->message = g_strdup("it's \"fine\"; DROP TABLE migrations");
	record->target_node = g_strdup("n2");
	record->started_us = 1699999995300000;
	record->settings = cJSON_Parse("{\"bandwidthPerMigration\":\"64Mi\"}");
	append(history, record);
	history_close(history);
	g_assert_cmpint(stat(file, &st), ==, 0);
	g_assert_cmpint(st.st_mode & 0777, ==, 0600);

	history = history_open(NULL);
	records = history_query(history, &query, NULL);
	g_assert_cmpuint(records->len, ==, 1);
	json = history_record_to_json(g_ptr_array_index(records, 0));
	wanted = cJSON_Parse(
		"{\"context\":\"local/default\",\"uid\":\"a\",\"migration\":\"migrate-a\","
		"\"namespace\":\"default\",\"vm\":\"web-1\",\"targetNode\":\"n2\","
		"\"phase\":\"Succeeded\",\"message\":\"it's \\\"fine\\\"; DROP TABLE migrations\","
		"\"startedAt\":\"2023-11-14T22:13:15.300000Z\","
		"\"endedAt\":\"2023-11-14T22:13:20.000001Z\",\"totalMs\":4700,\"downtimeMs\":12,"
		"\"memoryBytes\":268435456,\"settings\":{\"bandwidthPerMigration\":\"64Mi\"}}");
	g_assert_true(json_equal(json, wanted));
	history_close(history);
}

static void test_once(StoreFixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(History) history = history_open(NULL);
	g_autoptr(HistoryRecord) record = new_record("a", 100);
	g_autoptr(HistoryRecord) again = new_record("a", 200);
	g_autoptr(HistoryRecord) elsewhere = new_record("a", 300);
	g_autoptr(GPtrArray) records = NULL;
	HistoryQuery query = { .context = "local/default" };

	append(history, record);
	append(history, again); /* no error, and nothing changes */
	g_free(elsewhere->context);
	elsewhere->context = g_strdup("local/lab");
	append(history, elsewhere);
	records = history_query(history, &query, NULL);
	g_assert_cmpuint(records->len, ==, 1);
	g_assert_cmpint(((HistoryRecord *)g_ptr_array_index(records, 0))->ended_us, ==, 100);
	assert_uids(history, (HistoryQuery){ 0 }, "a a");
}

static void test_query(StoreFixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(History) history = history_open(NULL);
	g_autoptr(HistoryRecord) c = new_record("c", 300);
	g_autoptr(HistoryRecord) a = new_record("a", 100);

	append(history, c);
	append(history, a);
	append_failed(history, "b", "db-1", 200);
	assert_uids(history, (HistoryQuery){ 0 }, "a b c");
	assert_uids(history, (HistoryQuery){ .limit = 2 }, "b c");
	assert_uids(history, (HistoryQuery){ .since_us = 200 }, "b c");
	assert_uids(history, (HistoryQuery){ .failed_only = TRUE }, "b");
	assert_uids(history, (HistoryQuery){ .vm = "web-1" }, "a c");
	assert_uids(history, (HistoryQuery){ .migration = "migrate-c" }, "c");
	assert_uids(history, (HistoryQuery){ .ns = "other" }, "");
	assert_uids(history, (HistoryQuery){ .context = "local/lab" }, "");
}

static void test_incomplete(StoreFixture *fixture G_GNUC_UNUSED, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(History) history = history_open(NULL);
	g_autoptr(HistoryRecord) record = new_record("a", 100);
	g_autoptr(GError) error = NULL;

	g_clear_pointer(&record->vm, g_free);
	g_assert_false(history_append(history, record, &error));
	assert_error(error, KVMIG_ERROR_INVALID, "has no vm");
	assert_uids(history, (HistoryQuery){ 0 }, "");
}

static void test_append_only(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(History) history = history_open(NULL);
	g_autoptr(HistoryRecord) record = new_record("a", 100);
	g_autofree char *file = FILE_OF(fixture);
	sqlite3 *other = NULL;

	append(history, record);
	g_assert_cmpint(sqlite3_open(file, &other), ==, SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(other, "DELETE FROM migrations", NULL, NULL, NULL), !=,
			SQLITE_OK);
	g_assert_cmpint(sqlite3_exec(other, "UPDATE migrations SET vm = ''", NULL, NULL, NULL), !=,
			SQLITE_OK);
	g_assert_cmpint(sqlite3_close(other), ==, SQLITE_OK);
	assert_uids(history, (HistoryQuery){ 0 }, "a");
}

static void test_not_ours(StoreFixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *file = FILE_OF(fixture);
	g_autoptr(GError) error = NULL;

	history_close(history_open(NULL));
	g_assert_true(
		g_file_set_contents(file, "not a database, but long enough to look at", -1, NULL));
	g_chmod(file, 0600);
	g_assert_null(history_open(&error));
	assert_error(error, KVMIG_ERROR_IO, "is not a kvmig history");
}

#define ADD(path, func)                                                                            \
	g_test_add("/history/" path, StoreFixture, NULL, fixture_set_up_bare, func,                \
		   fixture_tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("round-trip", test_round_trip);
	ADD("once", test_once);
	ADD("query", test_query);
	ADD("incomplete", test_incomplete);
	ADD("append-only", test_append_only);
	ADD("not-ours", test_not_ours);
	return g_test_run();
}
