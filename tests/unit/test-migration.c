/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/migration.h"
#include "model/wellknown.h"

static cJSON *parse(const char *text)
{
	return json_parse(text, strlen(text), "text", NULL);
}

static void test_phases(void)
{
	static const char *const words[] = { "",          "Pending",         "Scheduling",
					     "Scheduled", "PreparingTarget", "TargetReady",
					     "Running",   "Succeeded",       "Failed" };

	for (guint i = 0; i < G_N_ELEMENTS(words); i++) {
		MigrationPhase phase = migration_phase_from_string(words[i]);
		gboolean final =
			strcmp(words[i], "Succeeded") == 0 || strcmp(words[i], "Failed") == 0;

		g_assert_cmpint(phase, ==, i);
		g_assert_cmpstr(migration_phase_to_string(phase), ==, words[i]);
		g_assert_cmpint(migration_phase_is_final(phase), ==, final);
		g_assert_cmpint(migration_phase_is_running(phase), ==, i > 1 && !final);
	}
	g_assert_cmpint(migration_phase_from_string(NULL), ==, MIGRATION_PHASE_UNSET);
	g_assert_cmpint(migration_phase_from_string("pending"), ==, MIGRATION_PHASE_OTHER);
	g_assert_cmpint(migration_phase_from_string("WaitingForSync"), ==, MIGRATION_PHASE_OTHER);
	g_assert_cmpint(migration_phase_from_string("Other"), ==, MIGRATION_PHASE_OTHER);
	g_assert_false(migration_phase_is_running(MIGRATION_PHASE_OTHER));
	g_assert_false(migration_phase_is_final(MIGRATION_PHASE_OTHER));
}

static void test_set_phase(void)
{
	g_autoptr(cJSON) object = cJSON_CreateObject();
	g_autofree char *text = NULL;

	migration_set_phase(object, MIGRATION_PHASE_PENDING, 1000000);
	migration_set_phase(object, MIGRATION_PHASE_PENDING, 2000000);
	migration_set_phase(object, MIGRATION_PHASE_SCHEDULING, 3000000);
	migration_set_phase(object, MIGRATION_PHASE_PENDING, 4000000); /* back: no second entry */
	text = json_print(json_get(object, "status"));
	g_assert_cmpstr(
		text, ==,
		"{\"phase\":\"Pending\",\"phaseTransitionTimestamps\":["
		"{\"phase\":\"Pending\",\"phaseTransitionTimestamp\":\"1970-01-01T00:00:01Z\"},"
		"{\"phase\":\"Scheduling\","
		"\"phaseTransitionTimestamp\":\"1970-01-01T00:00:03Z\"}]}");
}

static void test_new(void)
{
	g_autoptr(cJSON) selector = parse("{\"kubernetes.io/hostname\":\"n2\"}");
	g_autoptr(cJSON) empty = cJSON_CreateObject();
	g_autoptr(cJSON) object = migration_object_new("default", "web", selector);
	g_autoptr(cJSON) plain = migration_object_new("default", "web", empty);
	Migration migration;

	migration_read(object, &migration);
	g_assert_true(object_kind(object) == &KIND_VMIM);
	g_assert_cmpstr(migration.ns, ==, "default");
	g_assert_null(migration.name);
	g_assert_cmpstr(migration.vmi_name, ==, "web");
	g_assert_cmpstr(json_string(migration.added_node_selector, LABEL_HOSTNAME, ""), ==, "n2");
	g_assert_cmpint(migration.phase, ==, MIGRATION_PHASE_UNSET);
	g_assert_cmpint(migration.downtime_ms, ==, -1);
	g_assert_cmpstr(object_label(object, LABEL_VMI_NAME), ==, "web");
	g_assert_true(object_has_finalizer(object, FINALIZER_MIGRATION));
	g_assert_cmpstr(json_string(json_get(object, "metadata"), "generateName", ""), ==,
			"kvmig-");
	g_assert_null(json_path(plain, "spec", "addedNodeSelector", NULL));
}

static void test_read(void)
{
	g_autoptr(cJSON) object = parse(
		"{\"metadata\":{\"name\":\"m\",\"namespace\":\"default\",\"uid\":\"u\","
		"\"creationTimestamp\":\"1970-01-01T00:00:01Z\"},\"spec\":{\"vmiName\":\"web\"},"
		"\"status\":{\"phase\":\"Failed\",\"conditions\":[{\"type\":"
		"\"migrationAbortRequested\",\"status\":\"True\"}],"
		"\"migrationState\":{\"sourceNode\":\"s0\",\"targetNode\":\"t0\"},\"kvmig\":{"
		"\"step\":\"settled\",\"sourceNode\":\"s1\",\"domainUUID\":\"d\","
		"\"waiting\":{\"reason\":\"W\",\"message\":\"wm\",\"position\":2,\"of\":7},"
		"\"deadline\":{\"at\":\"1970-01-01T00:00:09Z\",\"action\":\"cancel\"},"
		"\"progress\":{\"iteration\":1},\"abortRequestedBy\":\"user\","
		"\"result\":{\"reason\":\"R\",\"message\":\"m\",\"hint\":\"h\","
		"\"endState\":\"running/none\",\"downtimeMs\":12,\"totalMs\":3400}}}}");
	Migration migration;

	migration_read(object, &migration);
	g_assert_cmpint(migration.phase, ==, MIGRATION_PHASE_FAILED);
	g_assert_cmpstr(migration.phase_text, ==, "Failed");
	g_assert_cmpstr(migration.source_node, ==, "s1");
	g_assert_cmpstr(migration.target_node, ==, "t0"); /* falls back on migrationState */
	g_assert_cmpstr(migration.step, ==, "settled");
	g_assert_cmpstr(migration.wait_reason, ==, "W");
	g_assert_cmpint(migration.wait_position, ==, 2);
	g_assert_cmpint(migration.wait_of, ==, 7);
	g_assert_cmpint(migration.deadline_us, ==, 9000000);
	g_assert_cmpstr(migration.deadline_action, ==, "cancel");
	g_assert_cmpstr(migration.end_state, ==, "running/none");
	g_assert_cmpstr(migration.result_hint, ==, "h");
	g_assert_cmpstr(migration.abort_requested_by, ==, "user");
	g_assert_cmpint(migration.downtime_ms, ==, 12);
	g_assert_cmpint(migration.total_ms, ==, 3400);
	g_assert_cmpint(migration.created_us, ==, 1000000);
	g_assert_true(migration.abort_requested);
	g_assert_nonnull(migration.progress);
	condition_set(object, "migrationAbortRequested", FALSE, NULL, NULL, 0);
	migration_read(object, &migration);
	g_assert_false(migration.abort_requested);
	json_set_string(json_get(object, "metadata"), "deletionTimestamp", "1970-01-01T00:00:02Z");
	migration_read(object, &migration);
	g_assert_true(migration.abort_requested);
}

static void test_read_odd(void)
{
	g_autoptr(cJSON) object =
		parse("{\"status\":{\"phase\":7,\"kvmig\":{\"waiting\":{\"position\":"
		      "-3,\"of\":99999999999},\"progress\":5,\"deadline\":"
		      "{\"at\":\"soon\"}}}}");
	Migration migration;

	migration_read(object, &migration);
	g_assert_cmpint(migration.phase, ==, MIGRATION_PHASE_UNSET);
	g_assert_cmpint(migration.wait_position, ==, 0);
	g_assert_cmpint(migration.wait_of, ==, G_MAXINT);
	g_assert_cmpint(migration.deadline_us, ==, 0);
	g_assert_null(migration.progress);
	migration_read(NULL, &migration);
	g_assert_null(migration.vmi_name);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/migration/phases", test_phases);
	g_test_add_func("/migration/set-phase", test_set_phase);
	g_test_add_func("/migration/new", test_new);
	g_test_add_func("/migration/read", test_read);
	g_test_add_func("/migration/read-odd", test_read_odd);
	return g_test_run();
}
