/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "settings/settings.h"

#define Gi (G_GINT64_CONSTANT(1) << 30)
#define Mi (G_GINT64_CONSTANT(1) << 20)

static cJSON *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *value = json_parse(text, strlen(text), "text", &error);

	g_assert_no_error(error);
	return value;
}

/* A HyperConverged v1beta1 with these settings. */
static cJSON *object_with(const char *config)
{
	g_autofree char *text = g_strdup_printf("{\"apiVersion\":\"hco.kubevirt.io/v1beta1\","
						"\"kind\":\"HyperConverged\","
						"\"spec\":{\"liveMigrationConfig\":%s}}",
						config);

	return parse(text);
}

static void test_table(void)
{
	static const char *const first[] = {
		"bandwidthPerMigration",
		"completionTimeoutPerGiB",
		"parallelMigrationsPerCluster",
		"parallelOutboundMigrationsPerNode",
		"progressTimeout",
		"allowPostCopy",
	};
	const Setting *setting;
	unsigned n = 0;

	for (; (setting = setting_nth(n)); n++) {
		g_assert_true(setting_find(setting->key) == setting);
		g_assert_cmpstr(setting->summary, !=, "");
		g_assert_cmpint(setting->in_documents, ==, n < G_N_ELEMENTS(first));
		if (n < G_N_ELEMENTS(first))
			g_assert_cmpstr(setting->key, ==, first[n]);
		if (setting->documented_default) {
			g_autoptr(cJSON) value =
				setting_parse_value(setting, setting->documented_default, NULL);

			g_assert_nonnull(value);
		}
	}
	g_assert_cmpuint(n, ==, 16);
	g_assert_null(setting_find("AllowPostCopy"));
	g_assert_null(setting_find(NULL));
}

static void assert_defaults(const Settings *settings)
{
	g_assert_cmpint(settings->bandwidth_bytes_per_second, ==, 0);
	g_assert_cmpint(settings->completion_timeout_per_gib, ==, 150);
	g_assert_cmpint(settings->progress_timeout_seconds, ==, 150);
	g_assert_cmpint(settings->parallel_per_cluster, ==, 5);
	g_assert_cmpint(settings->parallel_outbound_per_node, ==, 2);
	g_assert_cmpint(settings->parallel_inbound_per_node, ==, 0);
	g_assert_false(settings->allow_post_copy);
	g_assert_false(settings->allow_auto_converge);
	g_assert_false(settings->allow_workload_disruption);
	g_assert_false(settings->disable_tls);
	g_assert_cmpint(settings->max_downtime_ms, ==, 0);
}

static void test_defaults(void)
{
	static const char *const empty[] = { "{}", "null", "{\"progressTimeout\":null}", "[]" };
	Settings settings;

	memset(&settings, 0xff, sizeof(settings));
	g_assert_true(settings_read(NULL, &settings, NULL));
	assert_defaults(&settings);
	for (gsize i = 0; i < G_N_ELEMENTS(empty); i++) {
		g_autoptr(cJSON) object = object_with(empty[i]);

		memset(&settings, 0xff, sizeof(settings));
		g_assert_true(settings_read(object, &settings, NULL));
		assert_defaults(&settings);
	}
}

static void test_read(void)
{
	g_autoptr(cJSON) object = object_with(
		"{\"bandwidthPerMigration\":\"64Mi\",\"completionTimeoutPerGiB\":800,"
		"\"parallelMigrationsPerCluster\":10,\"parallelOutboundMigrationsPerNode\":3,"
		"\"progressTimeout\":0,\"allowPostCopy\":true,\"allowAutoConverge\":true,"
		"\"allowWorkloadDisruption\":true,\"disableTLS\":true,\"maxDowntimeMs\":900,"
		"\"parallelInboundMigrationsPerNode\":4,\"unsafeMigrationOverride\":\"odd\"}");
	Settings settings;

	g_assert_true(settings_read(object, &settings, NULL));
	g_assert_cmpint(settings.bandwidth_bytes_per_second, ==, 64 * Mi);
	g_assert_cmpint(settings.completion_timeout_per_gib, ==, 800);
	g_assert_cmpint(settings.parallel_per_cluster, ==, 10);
	g_assert_cmpint(settings.parallel_outbound_per_node, ==, 3);
	g_assert_cmpint(settings.parallel_inbound_per_node, ==, 4);
	g_assert_cmpint(settings.progress_timeout_seconds, ==, 0);
	g_assert_true(settings.allow_post_copy);
	g_assert_true(settings.allow_auto_converge);
	g_assert_true(settings.allow_workload_disruption);
	g_assert_true(settings.disable_tls);
	g_assert_cmpint(settings.max_downtime_ms, ==, 900);
}

/* Post-copy alone never permits a pause on the clusters that kvmig runs. */
static void test_disruption_is_explicit(void)
{
	g_autoptr(cJSON) object = object_with("{\"allowPostCopy\":true}");
	Settings settings;

	g_assert_true(settings_read(object, &settings, NULL));
	g_assert_true(settings.allow_post_copy);
	g_assert_false(settings.allow_workload_disruption);
}

static void test_shapes(void)
{
	static const char config[] = "{\"progressTimeout\":7}";
	static const char *const shapes[] = {
		"{\"apiVersion\":\"hco.kubevirt.io/v1beta1\",\"spec\":{\"liveMigrationConfig\":%s,"
		"\"virtualization\":{\"liveMigrationConfig\":{\"progressTimeout\":8}}}}",
		"{\"apiVersion\":\"hco.kubevirt.io/v1\",\"spec\":{\"virtualization\":"
		"{\"liveMigrationConfig\":%s},\"liveMigrationConfig\":{\"progressTimeout\":8}}}",
		"{\"apiVersion\":\"kubevirt.io/v1\",\"kind\":\"KubeVirt\",\"spec\":"
		"{\"configuration\":{\"migrations\":%s}}}",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
		g_auto(GStrv) parts = g_strsplit(shapes[i], "%s", 2);
		g_autofree char *text = g_strconcat(parts[0], config, parts[1], NULL);
		g_autoptr(cJSON) object = parse(text);
		Settings settings;

		g_assert_true(settings_read(object, &settings, NULL));
		g_assert_cmpint(settings.progress_timeout_seconds, ==, 7);
	}
	g_assert_null(settings_map(NULL));
}

static void test_read_bad(void)
{
	static const struct {
		const char *config, *message;
	} rows[] = {
		{ "{\"progressTimeout\":-1}",
		  "progressTimeout: '-1' is not valid: must be a whole number of seconds from 0 to "
		  "2147483647" },
		{ "{\"progressTimeout\":\"5\"}", "progressTimeout: '\"5\"' is not valid: must be a "
						 "whole number of seconds from 0 to "
						 "2147483647" },
		{ "{\"parallelMigrationsPerCluster\":1.5}",
		  "parallelMigrationsPerCluster: '1.5' is not valid: must be a whole number from 0 "
		  "to "
		  "4294967295" },
		{ "{\"maxDowntimeMs\":0}", "maxDowntimeMs: '0' is not valid: must be a whole "
					   "number of milliseconds from 1 to "
					   "2000000" },
		{ "{\"allowPostCopy\":1}",
		  "allowPostCopy: '1' is not valid: must be true or false" },
		{ "{\"allowPostCopy\":\"true\"}",
		  "allowPostCopy: '\"true\"' is not valid: must be true or false" },
		{ "{\"bandwidthPerMigration\":\"fast\"}",
		  "bandwidthPerMigration: '\"fast\"' is not valid: must be bytes per second, as "
		  "64Mi, "
		  "100M or 1Gbit/s, or 0 for no cap" },
		{ "{\"bandwidthPerMigration\":\"-1Mi\"}",
		  "bandwidthPerMigration: '\"-1Mi\"' is not valid: must be bytes per second, as "
		  "64Mi, "
		  "100M or 1Gbit/s, or 0 for no cap" },
		{ "{\"allowPostCopy\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
		  "allowPostCopy: '\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...' "
		  "is not valid: must be true or false" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(cJSON) object = object_with(rows[i].config);
		g_autoptr(GError) error = NULL;
		Settings settings = { .parallel_per_cluster = 77 };

		g_assert_false(settings_read(object, &settings, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		g_assert_cmpstr(error->message, ==, rows[i].message);
		g_assert_nonnull(error_get_hint(error));
		g_assert_cmpint(settings.parallel_per_cluster, ==, 77);
	}
}

static void test_parse_value(void)
{
	static const struct {
		const char *key, *text, *json; /* json NULL: refused */
	} rows[] = {
		{ "bandwidthPerMigration", "64MiB/s", "\"64Mi\"" },
		{ "bandwidthPerMigration", "2048Mi", "\"2Gi\"" },
		{ "bandwidthPerMigration", "0", "\"0\"" },
		{ "bandwidthPerMigration", "0Mi", "\"0\"" },
		{ "bandwidthPerMigration", "1Gbit/s", "\"125000000\"" },
		{ "bandwidthPerMigration", "-1", NULL },
		{ "bandwidthPerMigration", "", NULL },
		{ "bandwidthPerMigration", "64MB/s", "\"62500Ki\"" },
		{ "bandwidthPerMigration", "64MB", NULL },
		{ "bandwidthPerMigration", "64m", NULL },
		{ "parallelMigrationsPerCluster", "5", "5" },
		{ "parallelMigrationsPerCluster", " 5 ", "5" },
		{ "parallelMigrationsPerCluster", "5s", NULL },
		{ "parallelMigrationsPerCluster", "4294967295", "4294967295" },
		{ "parallelMigrationsPerCluster", "4294967296", NULL },
		{ "parallelMigrationsPerCluster", "0x5", NULL },
		{ "progressTimeout", "150", "150" },
		{ "progressTimeout", "5m", "300" },
		{ "progressTimeout", "1500ms", NULL },
		{ "progressTimeout", "-1", NULL },
		{ "progressTimeout", "99999d", NULL },
		{ "maxDowntimeMs", "0", NULL },
		{ "maxDowntimeMs", "1s", "1000" },
		{ "allowPostCopy", "true", "true" },
		{ "allowPostCopy", "false", "false" },
		{ "allowPostCopy", "yes", NULL },
		{ "network", "mig", "\"mig\"" },
		{ "network", " ", NULL },
		{ "network", "\377", NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		const Setting *setting = setting_find(rows[i].key);
		g_autoptr(GError) error = NULL;
		g_autoptr(cJSON) value = setting_parse_value(setting, rows[i].text, &error);
		g_autofree char *json = value ? json_print(value) : NULL;

		if (g_strcmp0(json, rows[i].json) != 0)
			g_error("%s '%s' is %s", rows[i].key, rows[i].text, json ? json : "NULL");
		if (rows[i].json)
			continue;
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		g_assert_true(g_str_has_prefix(error->message, rows[i].key));
		g_assert_true(g_utf8_validate(error->message, -1, NULL));
	}
}

static void test_effective_text(void)
{
	static const struct {
		const char *key, *config, *text;
		SettingOrigin origin;
	} rows[] = {
		{ "bandwidthPerMigration", "{}", "unlimited", SETTING_ORIGIN_DEFAULT },
		{ "bandwidthPerMigration", "{\"bandwidthPerMigration\":\"64Mi\"}", "64 MiB/s",
		  SETTING_ORIGIN_CLUSTER },
		{ "completionTimeoutPerGiB", "{}", "150 s/GiB", SETTING_ORIGIN_DEFAULT },
		{ "progressTimeout", "{\"progressTimeout\":150}", "150 s", SETTING_ORIGIN_CLUSTER },
		{ "parallelMigrationsPerCluster", "{}", "5", SETTING_ORIGIN_DEFAULT },
		{ "allowPostCopy", "{\"allowPostCopy\":true}", "true", SETTING_ORIGIN_CLUSTER },
		{ "maxDowntimeMs", "{}", "not set", SETTING_ORIGIN_DEFAULT },
		{ "maxDowntimeMs", "{\"maxDowntimeMs\":900}", "900 ms", SETTING_ORIGIN_CLUSTER },
		{ "network", "{}", "not set", SETTING_ORIGIN_DEFAULT },
		{ "network", "{\"network\":\"mig\"}", "mig", SETTING_ORIGIN_CLUSTER },
		{ "network", "{\"network\":5}", "5 (not valid)", SETTING_ORIGIN_CLUSTER },
		{ "nodeDrainTaintKey", "{}", "kubevirt.io/drain", SETTING_ORIGIN_DEFAULT },
		{ "progressTimeout", "{\"progressTimeout\":\"x\"}", "\"x\" (not valid)",
		  SETTING_ORIGIN_CLUSTER },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(cJSON) object = object_with(rows[i].config);
		SettingOrigin origin = SETTING_ORIGIN_POLICY;
		g_autofree char *text =
			settings_effective_text(setting_find(rows[i].key), object, &origin);

		g_assert_cmpstr(text, ==, rows[i].text);
		g_assert_cmpint(origin, ==, rows[i].origin);
	}
}

static void test_budget_documented(void)
{
	g_assert_cmpint(settings_completion_budget_documented(800, 6 * Gi), ==, 4800);
	g_assert_cmpint(settings_completion_budget_documented(150, 8 * Gi), ==, 1200);
	g_assert_cmpint(settings_completion_budget_documented(150, 256 * Mi), ==, 38);
	g_assert_cmpint(settings_completion_budget_documented(150, Gi + 1), ==, 151);
	g_assert_cmpint(settings_completion_budget_documented(1, 1), ==, 1);
	g_assert_cmpint(settings_completion_budget_documented(0, 6 * Gi), ==, 0);
	g_assert_cmpint(settings_completion_budget_documented(-1, 6 * Gi), ==, 0);
	g_assert_cmpint(settings_completion_budget_documented(150, 0), ==, 0);
	g_assert_cmpint(settings_completion_budget_documented(G_MAXINT64, G_MAXINT64), ==,
			G_MAXINT64);
}

/* KubeVirt's figures, as its own code computed them. */
static void test_budget_kubevirt(void)
{
	static const struct {
		gint64 bytes, units;
	} rows[] = {
		{ 64 * Mi, 1 },  { 512 * Mi, 1 }, { 1000000000, 1 }, { Gi, 2 },
		{ 2 * Gi, 3 },   { 4 * Gi, 5 },   { 6 * Gi, 7 },     { 8 * Gi, 9 },
		{ 16 * Gi, 18 }, { 64 * Gi, 69 }, { 100 * Gi, 108 }, { 256 * Gi, 275 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_assert_cmpint(settings_completion_budget_kubevirt(1, rows[i].bytes), ==,
				rows[i].units);
		g_assert_cmpint(settings_completion_budget_kubevirt(150, rows[i].bytes), ==,
				150 * rows[i].units);
	}
	g_assert_cmpint(settings_completion_budget_kubevirt(0, Gi), ==, 0);
	g_assert_cmpint(settings_completion_budget_kubevirt(G_MAXINT64, G_MAXINT64), ==,
			G_MAXINT64);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/settings/table", test_table);
	g_test_add_func("/settings/defaults", test_defaults);
	g_test_add_func("/settings/read", test_read);
	g_test_add_func("/settings/disruption-is-explicit", test_disruption_is_explicit);
	g_test_add_func("/settings/shapes", test_shapes);
	g_test_add_func("/settings/read-bad", test_read_bad);
	g_test_add_func("/settings/parse-value", test_parse_value);
	g_test_add_func("/settings/effective-text", test_effective_text);
	g_test_add_func("/settings/budget-documented", test_budget_documented);
	g_test_add_func("/settings/budget-kubevirt", test_budget_kubevirt);
	return g_test_run();
}
