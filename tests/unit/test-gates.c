/* SPDX-License-Identifier: Apache-2.0 */
/* KubeVirt's feature gates, and the fields of a policy that are behind them. */
#include <glib.h>
#include <string.h>

#include "base/error.h"
#include "model/object.h"
#include "policy/gated.h"

/* A KubeVirt object of a release ("v1.9.0", NULL: it does not say), with gates listed. */
static cJSON *kubevirt_of(const char *version, const char *on, const char *off)
{
	g_autoptr(cJSON) object = object_new(&KIND_KUBEVIRT, "kubevirt", "kubevirt");
	cJSON *configuration =
		json_ensure_object(json_ensure_object(object, "spec"), "configuration");
	cJSON *developer = json_ensure_object(configuration, "developerConfiguration");

	if (version)
		json_set_string(json_ensure_object(object, "status"), "observedKubeVirtVersion",
				version);
	if (on)
		cJSON_AddItemToArray(json_ensure_array(developer, "featureGates"),
				     cJSON_CreateString(on));
	if (off)
		cJSON_AddItemToArray(json_ensure_array(developer, "disabledFeatureGates"),
				     cJSON_CreateString(off));
	return g_steal_pointer(&object);
}

typedef struct {
	const char *version, *on, *off, *gate;
	GateState state;
} StateCase;

static void expect_states(const StateCase *cases, gsize n)
{
	for (gsize i = 0; i < n; i++) {
		g_autoptr(cJSON) kubevirt =
			kubevirt_of(cases[i].version, cases[i].on, cases[i].off);

		g_test_message("%s: %s", cases[i].version ? cases[i].version : "no version",
			       cases[i].gate);
		g_assert_cmpint(gate_state(kubevirt, cases[i].gate), ==, cases[i].state);
	}
}

#define STALL GATE_STALL_DETECTION
#define DECENT GATE_DECENTRALIZED
#define QUEUE GATE_PRIORITY_QUEUE
#define ROLES GATE_ROLE_AGGREGATION

/* Grown up, then enabled, then disabled, then Beta, then off. */
static void test_order(void)
{
	static const StateCase cases[] = {
		{ "v1.9.0", NULL, QUEUE, QUEUE, GATE_ON },
		{ "v1.9.0", NULL, NULL, QUEUE, GATE_ON },
		{ "v1.9.0", STALL, NULL, STALL, GATE_ON },
		{ "v1.9.0", STALL, STALL, STALL, GATE_ON },
		{ "v1.9.0", NULL, STALL, STALL, GATE_OFF },
		{ "v1.9.0", NULL, NULL, STALL, GATE_OFF },
		{ "v1.9.0", NULL, NULL, ROLES, GATE_ON },
		{ "v1.9.0", NULL, ROLES, ROLES, GATE_OFF },
		{ "v1.9.0", ROLES, ROLES, ROLES, GATE_ON },
		{ "v1.9.0", DECENT, NULL, STALL, GATE_OFF },
	};

	expect_states(cases, G_N_ELEMENTS(cases));
}

static void test_releases(void)
{
	static const StateCase cases[] = {
		/* Alpha until 1.9, Beta in 1.10 */
		{ "v1.9.4", NULL, NULL, DECENT, GATE_OFF },
		{ "v1.10.0", NULL, NULL, DECENT, GATE_ON },
		{ "v1.10.0", NULL, DECENT, DECENT, GATE_OFF },
		/* Beta in 1.8, where that did not mean on yet */
		{ "v1.8.0", NULL, NULL, QUEUE, GATE_OFF },
		{ "v1.8.0", QUEUE, NULL, QUEUE, GATE_ON },
		{ "v1.7.0", QUEUE, QUEUE, QUEUE, GATE_ON },
		/* not there yet: nothing asks for it, listed or not */
		{ "v1.6.2", STALL, NULL, STALL, GATE_OFF },
		{ "v1.9.0", GATE_DOWNTIME_TUNING, NULL, GATE_DOWNTIME_TUNING, GATE_OFF },
		{ "v1.10.0", GATE_DOWNTIME_TUNING, NULL, GATE_DOWNTIME_TUNING, GATE_ON },
		{ "1.9.0-rc.1", NULL, NULL, STALL, GATE_OFF },
	};

	expect_states(cases, G_N_ELEMENTS(cases));
}

/* What is not known is not guessed. */
static void test_unknown(void)
{
	static const StateCase cases[] = {
		{ NULL, NULL, NULL, STALL, GATE_UNKNOWN },
		{ NULL, STALL, NULL, STALL, GATE_ON },
		{ NULL, NULL, STALL, STALL, GATE_UNKNOWN },
		{ "v1.11.0", NULL, NULL, STALL, GATE_UNKNOWN },
		{ "v1.11.0", NULL, NULL, QUEUE, GATE_ON },
		{ "v2.0.0", NULL, NULL, QUEUE, GATE_UNKNOWN },
		{ "v1.9.0-beta.0-1264-gd923fdb815", NULL, NULL, DECENT, GATE_UNKNOWN },
		{ "sha256:0123abcd", NULL, NULL, STALL, GATE_UNKNOWN },
		{ "v1.", NULL, NULL, STALL, GATE_UNKNOWN },
		{ "v1.99999.0", NULL, NULL, STALL, GATE_UNKNOWN },
		{ "v1.-9.0", NULL, NULL, STALL, GATE_UNKNOWN },
		{ "", NULL, NULL, STALL, GATE_UNKNOWN },
		{ "v1.9.0", NULL, NULL, "NoSuchGate", GATE_UNKNOWN },
		{ "v1.9.0", "NoSuchGate", NULL, "NoSuchGate", GATE_ON },
	};

	expect_states(cases, G_N_ELEMENTS(cases));
	g_assert_cmpint(gate_state(NULL, STALL), ==, GATE_UNKNOWN);
}

static void test_release_before(void)
{
	static const struct {
		const char *version;
		gboolean before;
	} cases[] = {
		{ "v1.3.1", TRUE },
		{ "v1.4.0", FALSE },
		{ "v1.4.0-alpha.0", FALSE },
		{ "v1.10.0", FALSE },
		{ "1.0.0", TRUE },
		{ "v0.59.2", TRUE },
		/* not known */
		{ "v0.0.0-master", FALSE },
		{ "v1.3.0-beta.0-1264-gd923fdb815", FALSE },
		{ "v4.17.3", FALSE },
		{ "sha256:0123abcd", FALSE },
		{ NULL, FALSE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(cJSON) kubevirt = kubevirt_of(cases[i].version, NULL, NULL);

		g_test_message("%s", cases[i].version ? cases[i].version : "no version");
		g_assert_cmpint(gate_release_before(kubevirt, 4), ==, cases[i].before);
	}
	g_assert_false(gate_release_before(NULL, 4));
}

/* Distributors whose observed version is a checksum; lists that are none. */
static void test_odd_objects(void)
{
	g_autoptr(cJSON) kubevirt = kubevirt_of("sha256:0123", NULL, NULL);
	cJSON *developer =
		json_ensure_object(json_ensure_object(json_get(kubevirt, "spec"), "configuration"),
				   "developerConfiguration");

	json_set_string(json_get(kubevirt, "status"), "operatorVersion", "v1.9.0");
	json_set_string(developer, "featureGates", STALL);
	g_assert_cmpint(gate_state(kubevirt, STALL), ==, GATE_OFF);
	json_set(developer, "featureGates", NULL);
	cJSON_AddItemToArray(json_ensure_array(developer, "featureGates"), json_new_int(1));
	g_assert_cmpint(gate_state(kubevirt, STALL), ==, GATE_OFF);
}

static void test_any(void)
{
	static const char *const both[] = { STALL, GATE_DOWNTIME_TUNING, NULL };
	g_autoptr(cJSON) one = kubevirt_of("v1.10.0", GATE_DOWNTIME_TUNING, NULL);
	g_autoptr(cJSON) none = kubevirt_of("v1.10.0", NULL, NULL);
	g_autoptr(cJSON) dark = kubevirt_of(NULL, NULL, NULL);

	g_assert_cmpint(gate_state_any(one, both), ==, GATE_ON);
	g_assert_cmpint(gate_state_any(none, both), ==, GATE_OFF);
	g_assert_cmpint(gate_state_any(dark, both), ==, GATE_UNKNOWN);
}

static void expect_text(const char *version, const char *on, const char *const *gates,
			const char *wanted)
{
	g_autoptr(cJSON) kubevirt = kubevirt_of(version, on, NULL);
	g_autofree char *text = gate_text(kubevirt, gates);

	g_assert_cmpstr(text, ==, wanted);
}

static void test_text(void)
{
	static const char *const both[] = { STALL, GATE_DOWNTIME_TUNING, NULL };
	static const char *const one[] = { STALL, NULL };
	g_autofree char *nothing = gate_text(NULL, one);

	expect_text("v1.9.0", NULL, one,
		    "the feature gate MigrationStallDetection, which is off in this KubeVirt 1.9");
	expect_text("v1.10.1", NULL, both,
		    "the feature gate MigrationStallDetection or MigrationDowntimeTuning, which "
		    "are off in this KubeVirt 1.10");
	expect_text("v1.6.0", NULL, both,
		    "the feature gate MigrationStallDetection or MigrationDowntimeTuning, which "
		    "KubeVirt 1.6 does not have (1.9 brings it)");
	expect_text("v1.9.0", STALL, one, "the feature gate MigrationStallDetection, which is on");
	expect_text(NULL, NULL, one,
		    "the feature gate MigrationStallDetection: whether it is on cannot be told in "
		    "this release");
	g_assert_cmpstr(nothing, ==,
			"the feature gate MigrationStallDetection: whether it is on cannot be told "
			"without the KubeVirt object");
}

/* ---- policies ------------------------------------------------------------------------------- */

static cJSON *policy_with(const char *spec)
{
	cJSON *object = object_new(&KIND_MIGRATION_POLICY, NULL, "p");

	if (spec)
		json_set(object, "spec", json_parse(spec, strlen(spec), "spec", NULL));
	return object;
}

#define DOWNTIME(ms) "{\"maxDowntimeMs\":" #ms "}"
#define DETECTOR "{\"experimental\":{\"stallDetector\":{\"stallMargin\":4}}}"
#define TUNING "{\"experimental\":{\"downtimeTuning\":{\"steps\":2}}}"

/* The vectors of KubeVirt's own tests of its admission, and as many for the other two fields. */
static void test_admission(void)
{
	static const struct {
		const char *name, *before, *after, *on, *said;
	} cases[] = {
		{ "900 on create without a gate", NULL, DOWNTIME(900), NULL, "spec.maxDowntimeMs" },
		{ "500 to 900 without a gate", DOWNTIME(500), DOWNTIME(900), NULL,
		  "spec.maxDowntimeMs" },
		{ "900 to 900 without a gate", DOWNTIME(900), DOWNTIME(900), NULL, NULL },
		{ "900 on create with the one gate", NULL, DOWNTIME(900), STALL, NULL },
		{ "900 on create with the other", NULL, DOWNTIME(900), GATE_DOWNTIME_TUNING, NULL },
		{ "900 to nothing without a gate", DOWNTIME(900), "{}", NULL, NULL },
		{ "detector without its gate", NULL, DETECTOR, NULL, GATE_STALL_DETECTION },
		{ "detector with the wrong one", NULL, DETECTOR, GATE_DOWNTIME_TUNING,
		  "spec.experimental.stallDetector" },
		{ "detector with its gate", NULL, DETECTOR, STALL, NULL },
		{ "the same detector", DETECTOR, DETECTOR, NULL, NULL },
		{ "tuning without its gate", NULL, TUNING, STALL,
		  "spec.experimental.downtimeTuning" },
		{ "tuning with its gate", NULL, TUNING, GATE_DOWNTIME_TUNING, NULL },
		{ "compression needs none", NULL, "{\"experimental\":{\"compression\":\"zstd\"}}",
		  NULL, NULL },
		{ "null is not set", NULL, "{\"maxDowntimeMs\":null,\"experimental\":null}", NULL,
		  NULL },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(cJSON) kubevirt = kubevirt_of("v1.10.0", cases[i].on, NULL);
		g_autoptr(cJSON) before = policy_with(cases[i].before);
		g_autoptr(cJSON) after = policy_with(cases[i].after);
		g_autoptr(GError) error = NULL;

		g_test_message("%s", cases[i].name);
		g_assert_cmpint(policy_check_gates(after, before, kubevirt, &error), ==,
				cases[i].said == NULL);
		if (cases[i].said) {
			g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
			g_assert_nonnull(strstr(error->message, cases[i].said));
			g_assert_nonnull(error_get_hint(error));
		}
	}
}

static void test_admission_unknown(void)
{
	g_autoptr(cJSON) dark = kubevirt_of(NULL, NULL, NULL);
	g_autoptr(cJSON) policy = policy_with(DOWNTIME(900));

	g_assert_true(policy_check_gates(policy, NULL, dark, NULL));
	g_assert_true(policy_check_gates(policy, NULL, NULL, NULL));
}

static void test_admission_names_all(void)
{
	g_autoptr(cJSON) kubevirt = kubevirt_of("v1.9.0", NULL, NULL);
	g_autoptr(cJSON) policy = policy_with(
		"{\"maxDowntimeMs\":900,\"experimental\":{\"stallDetector\":{\"stallMargin\":4}}}");
	g_autoptr(GError) error = NULL;

	g_assert_false(policy_check_gates(policy, NULL, kubevirt, &error));
	g_assert_nonnull(strstr(error->message, "spec.maxDowntimeMs needs"));
	g_assert_nonnull(strstr(error->message, "; spec.experimental.stallDetector needs"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/gates/order", test_order);
	g_test_add_func("/gates/releases", test_releases);
	g_test_add_func("/gates/unknown", test_unknown);
	g_test_add_func("/gates/release-before", test_release_before);
	g_test_add_func("/gates/odd-objects", test_odd_objects);
	g_test_add_func("/gates/any", test_any);
	g_test_add_func("/gates/text", test_text);
	g_test_add_func("/gates/admission", test_admission);
	g_test_add_func("/gates/admission-unknown", test_admission_unknown);
	g_test_add_func("/gates/admission-names-all", test_admission_names_all);
	return g_test_run();
}
