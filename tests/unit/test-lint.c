/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/reason.h"
#include "settings/lint.h"

#define PREFIX "KVMIG-LINT-CONFIG-"
#define ROUNDS_MAX 12

static cJSON *parse(const char *text)
{
	g_autoptr(GError) error = NULL;
	cJSON *value = json_parse(text, strlen(text), "text", &error);

	g_assert_no_error(error);
	return value;
}

/* The documents' defaults with these over them. */
static cJSON *values_with(const char *text)
{
	g_autoptr(cJSON) over = parse(text);
	cJSON *values = cJSON_CreateObject();

	for (unsigned i = 0; setting_nth(i); i++) {
		const Setting *setting = setting_nth(i);

		if (setting->documented_default)
			json_set(values, setting->key,
				 setting_parse_value(setting, setting->documented_default, NULL));
	}
	json_merge_patch(values, over);
	return values;
}

/* "NO-CAP LIMIT-ZERO": what is found. */
static char *codes_of(const SettingsLint *in)
{
	g_autoptr(GPtrArray) findings = settings_lint(in);
	GString *codes = g_string_new(NULL);

	for (guint i = 0; i < findings->len; i++) {
		const SettingsFinding *finding = findings->pdata[i];

		g_assert_true(g_str_has_prefix(finding->code, PREFIX));
		g_assert_nonnull(reason_find(finding->code));
		g_assert_nonnull(setting_find(finding->keys[0]));
		g_assert_cmpstr(finding->text, !=, "");
		g_string_append_printf(codes, "%s%s", codes->len ? " " : "",
				       finding->code + strlen(PREFIX));
	}
	return g_string_free(codes, FALSE);
}

static void assert_codes(SettingsLint in, const char *values, const char *wanted)
{
	g_autoptr(cJSON) map = values_with(values);
	g_autofree char *codes = NULL;

	in.values = map;
	codes = codes_of(&in);
	g_assert_cmpstr(codes, ==, wanted);
}

#define CALM "\"parallelOutboundMigrationsPerNode\":1"

static const SettingsLint own = { 0 };

/* Its gates, as KubeVirt 1.9 has them. */
static SettingsLint kubevirt_with(const char *gates, cJSON **ret_object)
{
	g_autofree char *text =
		g_strdup_printf("{\"spec\":{\"configuration\":{\"developerConfiguration\":{"
				"\"featureGates\":[%s]}}},"
				"\"status\":{\"observedKubeVirtVersion\":\"v1.9.0\"}}",
				gates);

	*ret_object = parse(text);
	return (SettingsLint){ .kubevirt = TRUE, .gates = *ret_object };
}

static void test_times(void)
{
	g_autoptr(cJSON) object = NULL;
	const SettingsLint kubevirt = kubevirt_with("", &object);

	assert_codes(own, "{" CALM "}", "");
	assert_codes(kubevirt, "{" CALM "}", "");
	/* 64 GiB: 64 units by the documents, 69 by KubeVirt; 10800 s are not too long */
	assert_codes(own, "{" CALM ",\"completionTimeoutPerGiB\":168}", "");
	assert_codes(own, "{" CALM ",\"completionTimeoutPerGiB\":169}", "TIMEOUT-LONG");
	assert_codes(kubevirt, "{" CALM ",\"completionTimeoutPerGiB\":156}", "");
	assert_codes(kubevirt, "{" CALM ",\"completionTimeoutPerGiB\":157}", "TIMEOUT-LONG");
	assert_codes(own, "{" CALM ",\"completionTimeoutPerGiB\":0}", "NO-TIMEOUT");
	/* one pass at 64 MiB/s: 16 s/GiB */
	assert_codes(own,
		     "{" CALM ",\"completionTimeoutPerGiB\":16,\"bandwidthPerMigration\":\"64Mi\"}",
		     "");
	assert_codes(own,
		     "{" CALM ",\"completionTimeoutPerGiB\":15,\"bandwidthPerMigration\":\"64Mi\"}",
		     "TIMEOUT-SHORT");
	assert_codes(kubevirt,
		     "{" CALM ",\"completionTimeoutPerGiB\":15,\"bandwidthPerMigration\":\"64Mi\"}",
		     "");
	assert_codes(kubevirt,
		     "{" CALM ",\"completionTimeoutPerGiB\":14,\"bandwidthPerMigration\":\"64Mi\"}",
		     "TIMEOUT-SHORT");
	/* an early switch to post-copy is no harm; an early pause is */
	assert_codes(kubevirt,
		     "{" CALM ",\"completionTimeoutPerGiB\":14,\"bandwidthPerMigration\":\"64Mi\","
		     "\"allowPostCopy\":true,\"allowWorkloadDisruption\":true}",
		     "");
	assert_codes(kubevirt,
		     "{" CALM ",\"completionTimeoutPerGiB\":14,\"bandwidthPerMigration\":\"64Mi\","
		     "\"allowWorkloadDisruption\":true}",
		     "TIMEOUT-SHORT");
}

static void test_limits(void)
{
	assert_codes(own, "{}", "NO-CAP");
	assert_codes(own, "{\"bandwidthPerMigration\":\"64Mi\"}", "");
	assert_codes(own, "{\"parallelMigrationsPerCluster\":1}", "");
	assert_codes(own, "{\"parallelMigrationsPerCluster\":0}", "LIMIT-ZERO");
	assert_codes(own, "{\"parallelOutboundMigrationsPerNode\":0}", "LIMIT-ZERO");
	assert_codes(own,
		     "{\"parallelMigrationsPerCluster\":0,"
		     "\"parallelOutboundMigrationsPerNode\":0}",
		     "LIMIT-ZERO LIMIT-ZERO");
	/* kvmig's own limit of 0 is no limit */
	assert_codes(own, "{" CALM ",\"parallelInboundMigrationsPerNode\":0}", "");
}

#define POST_COPY "\"allowPostCopy\":true"
#define DISRUPTION "\"allowWorkloadDisruption\":true"
#define CAP "\"bandwidthPerMigration\":\"64Mi\""

static void test_post_copy(void)
{
	g_autoptr(cJSON) off = NULL;
	g_autoptr(cJSON) on = NULL;
	const SettingsLint kubevirt = kubevirt_with("", &off);
	const SettingsLint stall = kubevirt_with("\"MigrationStallDetection\"", &on);

	assert_codes(kubevirt, "{" CALM "," POST_COPY "," CAP "}", "POST-COPY-ALONE");
	assert_codes(kubevirt, "{" CALM "," POST_COPY "," CAP "," DISRUPTION "}", "");
	/* the gate's own timeout asks for allowPostCopy alone */
	assert_codes(stall, "{" CALM "," POST_COPY "," CAP "}", "");
	/* kvmig's engine does too */
	assert_codes(own, "{" CALM "," POST_COPY "," CAP "}", "");
	assert_codes(kubevirt, "{" CALM "," POST_COPY "," DISRUPTION "}", "POST-COPY-NO-CAP");
	assert_codes(kubevirt, "{" CALM "," POST_COPY "," DISRUPTION ",\"network\":\"migration\"}",
		     "");
	assert_codes(kubevirt, "{" POST_COPY "," DISRUPTION ",\"network\":\"migration\"}",
		     "HEAVY-PARALLEL");
	assert_codes(kubevirt,
		     "{" CALM "," POST_COPY "," DISRUPTION ",\"network\":\"migration\","
		     "\"parallelMigrationsPerCluster\":6}",
		     "HEAVY-PARALLEL");
	assert_codes(kubevirt,
		     "{" CALM "," CAP "," POST_COPY "," DISRUPTION
		     ",\"parallelMigrationsPerCluster\":6}",
		     "");
}

static void test_gate_not_known(void)
{
	const SettingsLint in = { .kubevirt = TRUE };
	g_autoptr(cJSON) values = values_with("{" CALM "," POST_COPY "," CAP "}");
	SettingsLint with = in;
	g_autoptr(GPtrArray) findings = NULL;

	with.values = values;
	findings = settings_lint(&with);
	g_assert_cmpuint(findings->len, ==, 1);
	g_assert_nonnull(strstr(((SettingsFinding *)findings->pdata[0])->text, "cannot be told"));
}

static void test_gated(void)
{
	g_autoptr(cJSON) set = parse("{\"maxDowntimeMs\":500}");
	g_autoptr(cJSON) off = NULL;
	g_autoptr(cJSON) on = NULL;
	SettingsLint kubevirt = kubevirt_with("", &off);
	SettingsLint stall = kubevirt_with("\"MigrationStallDetection\"", &on);
	SettingsLint unknown = { .kubevirt = TRUE, .set = set };
	SettingsLint local = { .set = set };

	/* nobody set it: KubeVirt's own 900 */
	assert_codes(kubevirt, "{" CALM ",\"maxDowntimeMs\":900}", "");
	kubevirt.set = stall.set = set;
	assert_codes(kubevirt, "{" CALM ",\"maxDowntimeMs\":500}", "GATED");
	assert_codes(stall, "{" CALM ",\"maxDowntimeMs\":500}", "");
	assert_codes(unknown, "{" CALM ",\"maxDowntimeMs\":500}", "");
	assert_codes(local, "{" CALM ",\"maxDowntimeMs\":500}", "");
}

/* Stall detection does not ask for it, whatever it is set to. */
static void test_ignored(void)
{
	g_autoptr(cJSON) set = parse("{\"progressTimeout\":150}");
	g_autoptr(cJSON) off = NULL;
	g_autoptr(cJSON) on = NULL;
	SettingsLint kubevirt = kubevirt_with("", &off);
	SettingsLint stall = kubevirt_with("\"MigrationStallDetection\"", &on);
	SettingsLint unknown = { .kubevirt = TRUE, .set = set };

	/* nobody set it: KubeVirt's own 150 */
	assert_codes(stall, "{" CALM "}", "");
	kubevirt.set = stall.set = set;
	assert_codes(stall, "{" CALM "}", "NO-EFFECT");
	assert_codes(kubevirt, "{" CALM "}", "");
	assert_codes(unknown, "{" CALM "}", "");
}

static gboolean acts_on(const char *key)
{
	return !g_str_has_prefix(key, "allow") && strcmp(key, "network") != 0;
}

static void test_no_effect(void)
{
	g_autoptr(cJSON) set =
		parse("{\"allowPostCopy\":true,\"allowAutoConverge\":false,\"network\":\"m\","
		      "\"progressTimeout\":5}");
	const SettingsLint in = { .set = set, .acts_on = acts_on };

	/* what is not acted upon makes no other finding: no post-copy, nothing heavy */
	assert_codes(in, "{" CALM ",\"allowPostCopy\":true,\"network\":\"m\"}",
		     "NO-EFFECT NO-EFFECT");
	assert_codes(in, "{\"allowPostCopy\":true,\"network\":\"m\"}",
		     "NO-CAP NO-EFFECT NO-EFFECT");
}

static void test_rewritten(void)
{
	g_autoptr(cJSON) had = parse("{\"completionTimeoutPerGiB\":150}");
	g_autoptr(cJSON) other = parse("{\"completionTimeoutPerGiB\":151}");
	g_autoptr(cJSON) nothing = parse("{}");
	SettingsLint in = { .before_upgrade = had };

	assert_codes(in, "{" CALM "}", "REWRITTEN");
	in.before_upgrade = other;
	assert_codes(in, "{" CALM ",\"completionTimeoutPerGiB\":151}", "");
	in.before_upgrade = nothing;
	assert_codes(in, "{" CALM "}", "");
}

static void test_invalid(void)
{
	static const char *const bad[] = {
		"\"progressTimeout\":-1",
		"\"completionTimeoutPerGiB\":\"soon\"",
		"\"allowPostCopy\":\"true\"",
		"\"bandwidthPerMigration\":\"64Q\"",
		"\"parallelMigrationsPerCluster\":1.5",
		"\"network\":\"\"",
		"\"parallelMigrationsPerCluster\":{}",
	};

	for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autofree char *values = g_strdup_printf("{" CALM ",%s}", bad[i]);

		assert_codes(own, values, "INVALID");
	}
	/* what is no setting is not ours to judge */
	assert_codes(own, "{" CALM ",\"nonsense\":-1}", "");
}

static gint64 slower(gint64 bytes_per_second, gpointer data)
{
	return bytes_per_second / *(const gint64 *)data;
}

static void test_applied(void)
{
	gint64 divisor = 2;
	const SettingsLint in = { .applied = slower, .applied_data = &divisor };

	assert_codes(in,
		     "{" CALM ",\"completionTimeoutPerGiB\":31,\"bandwidthPerMigration\":\"64Mi\"}",
		     "TIMEOUT-SHORT");
	assert_codes(in,
		     "{" CALM ",\"completionTimeoutPerGiB\":32,\"bandwidthPerMigration\":\"64Mi\"}",
		     "");
}

/* ---- every fix mends ------------------------------------------------------------------------ */

static void apply(cJSON *map, const cJSON *fix)
{
	const cJSON *change;

	cJSON_ArrayForEach(change, fix)
	{
		const Setting *setting = setting_find(change->string);

		json_set(map, change->string,
			 cJSON_IsNull(change)
				 ? setting_parse_value(setting, setting->documented_default, NULL)
				 : cJSON_Duplicate(change, TRUE));
	}
}

/* Of that code on that key; NULL: none. */
static const SettingsFinding *same(const GPtrArray *findings, const SettingsFinding *one)
{
	for (guint i = 0; i < findings->len; i++) {
		const SettingsFinding *other = findings->pdata[i];

		if (other->code == one->code && strcmp(other->keys[0], one->keys[0]) == 0)
			return other;
	}
	return NULL;
}

/* Fix after fix: each ends its own finding, and in the end there is none. */
static void mend_all(SettingsLint in, cJSON *values)
{
	in.values = values;
	in.before_upgrade = in.before_upgrade ? values : NULL;
	for (guint round = 0;; round++) {
		g_autoptr(GPtrArray) findings = settings_lint(&in);
		g_autoptr(GPtrArray) after = NULL;

		if (findings->len == 0)
			return;
		g_assert_cmpuint(round, <, ROUNDS_MAX);
		apply(values, ((SettingsFinding *)findings->pdata[0])->fix);
		after = settings_lint(&in);
		g_assert_null(same(after, findings->pdata[0]));
	}
}

static void test_fixes(void)
{
	static const char *const rates[] = { "0", "1", "1Mi", "6Mi", "8Mi", "64Mi", "10Gi" };
	static const int timeouts[] = { 0, 1, 20, 149, 150, 151, 800, G_MAXINT32 };
	static const int cluster[] = { 0, 1, 5, 20 };
	static const int node[] = { 0, 1, 2, 6 };
	g_autoptr(cJSON) object = NULL;
	const SettingsLint kubevirt = kubevirt_with("", &object);
	g_autoptr(cJSON) upgrade = cJSON_CreateObject();
	const guint step = g_getenv("KVMIG_TEST_UNDER_VALGRIND") ? 37 : 1;

	for (guint i = 0; i < G_N_ELEMENTS(rates) * G_N_ELEMENTS(timeouts) * 16 * 16; i += step) {
		const guint bits = i % 16, limits = i / 16 % 16, rest = i / 256;
		const int timeout = timeouts[rest % G_N_ELEMENTS(timeouts)];
		g_autofree char *text = g_strdup_printf(
			"{\"bandwidthPerMigration\":\"%s\",\"completionTimeoutPerGiB\":%d,"
			"\"parallelMigrationsPerCluster\":%d,"
			"\"parallelOutboundMigrationsPerNode\":%d,"
			"\"allowPostCopy\":%s,\"allowWorkloadDisruption\":%s}",
			rates[rest / G_N_ELEMENTS(timeouts)], timeout, cluster[limits % 4],
			node[limits / 4], bits & 1 ? "true" : "false", bits & 2 ? "true" : "false");
		g_autoptr(cJSON) values = values_with(text);
		SettingsLint in = bits & 4 ? kubevirt : own;

		in.before_upgrade = bits & 8 ? upgrade : NULL;
		mend_all(in, values);
	}
}

static void test_words(void)
{
	g_autoptr(cJSON) changes =
		parse("{\"a\":true,\"b\":\"64Mi\",\"c\":null,\"d\":\"x y\",\"e\":null,\"f\":3}");
	g_autoptr(cJSON) nothing = parse("{}");
	g_autofree char *set = settings_set_words(changes);
	g_autofree char *unset = settings_unset_words(changes);

	g_assert_cmpstr(set, ==, "config set a=true b=64Mi d='x y' f=3");
	g_assert_cmpstr(unset, ==, "config unset c e");
	g_assert_null(settings_set_words(nothing));
	g_assert_null(settings_unset_words(nothing));
}

/* ---- migrations under way ------------------------------------------------------------------- */

static void assert_kept(const SettingsLint *in, const char *kept, const char *now,
			const char *wanted)
{
	g_autoptr(cJSON) old = parse(kept);
	g_autoptr(cJSON) new = parse(now);
	g_autoptr(GPtrArray) keys = settings_kept(in, old, new);
	g_autofree char *text = NULL;

	g_ptr_array_add(keys, NULL);
	text = g_strjoinv(" ", (GStrv)keys->pdata);
	g_assert_cmpstr(text, ==, wanted);
}

static void test_kept(void)
{
	const SettingsLint kubevirt = { .kubevirt = TRUE };
	const SettingsLint obeying = { .acts_on = acts_on };
	const char *now = "{\"bandwidthPerMigration\":\"64Mi\",\"progressTimeout\":150,"
			  "\"disableTLS\":false,\"parallelMigrationsPerCluster\":5,"
			  "\"allowPostCopy\":true}";

	assert_kept(&own, now, now, "");
	assert_kept(&own, "{\"bandwidthPerMigration\":67108864,\"progressTimeout\":null}", now, "");
	assert_kept(&own,
		    "{\"bandwidthPerMigration\":\"1Mi\",\"progressTimeout\":20,"
		    "\"parallelMigrationsPerCluster\":1}",
		    now, "bandwidthPerMigration progressTimeout");
	/* KubeVirt's proxies ask for it at each connection; kvmig's engine at the hand-over */
	assert_kept(&own, "{\"disableTLS\":true}", now, "disableTLS");
	assert_kept(&kubevirt, "{\"disableTLS\":true}", now, "");
	assert_kept(&obeying, "{\"allowPostCopy\":false}", now, "");
	assert_kept(&own, "[]", now, "");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/lint/times", test_times);
	g_test_add_func("/lint/limits", test_limits);
	g_test_add_func("/lint/post-copy", test_post_copy);
	g_test_add_func("/lint/gate-not-known", test_gate_not_known);
	g_test_add_func("/lint/gated", test_gated);
	g_test_add_func("/lint/ignored", test_ignored);
	g_test_add_func("/lint/no-effect", test_no_effect);
	g_test_add_func("/lint/rewritten", test_rewritten);
	g_test_add_func("/lint/invalid", test_invalid);
	g_test_add_func("/lint/applied", test_applied);
	g_test_add_func("/lint/fixes", test_fixes);
	g_test_add_func("/lint/words", test_words);
	g_test_add_func("/lint/kept", test_kept);
	return g_test_run();
}
