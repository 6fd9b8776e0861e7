/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "model/yaml.h"
#include "settings/diff.h"

static GPtrArray *parse_all(const char *text)
{
	g_autoptr(GError) error = NULL;
	GPtrArray *documents = yaml_parse_all(text, strlen(text), "text", &error);

	g_assert_no_error(error);
	return documents;
}

/* progressTimeout of what is found; -1: it does not say. */
static void assert_found(const char *text, const char *kind, const char *what, gint64 timeout)
{
	g_autoptr(GPtrArray) documents = parse_all(text);
	g_auto(SettingsDocument) found = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_true(settings_document_find(documents, kind, &found, &error));
	g_assert_no_error(error);
	g_assert_cmpstr(found.what, ==, what);
	g_assert_cmpint(json_int(found.map, "progressTimeout", -1), ==, timeout);
}

static void assert_refused(const char *text, const char *words)
{
	g_autoptr(GPtrArray) documents = parse_all(text);
	g_auto(SettingsDocument) found = { 0 };
	g_autoptr(GError) error = NULL;

	g_assert_false(settings_document_find(documents, NULL, &found, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	if (!strstr(error->message, words))
		g_error("'%s' is not in '%s'", words, error->message);
	g_assert_null(found.what);
}

#define HCO "apiVersion: hco.kubevirt.io/v1beta1\nkind: HyperConverged\n"
#define HCO_V1 "apiVersion: hco.kubevirt.io/v1\nkind: HyperConverged\n"
#define KUBEVIRT "apiVersion: kubevirt.io/v1\nkind: KubeVirt\n"

static void test_found(void)
{
	static const char both[] =
		HCO "spec: {liveMigrationConfig: {progressTimeout: 5}}\n---\n" KUBEVIRT
		    "spec: {configuration: {migrations: {progressTimeout: 6}}}\n";

	assert_found(HCO "metadata: {name: a, namespace: b}\n"
			 "spec: {liveMigrationConfig: {progressTimeout: 5}}\n",
		     NULL, "HyperConverged 'b/a' (hco.kubevirt.io/v1beta1)", 5);
	assert_found(HCO_V1 "spec: {virtualization: {liveMigrationConfig: {progressTimeout: 5}}}\n",
		     "KubeVirt", "HyperConverged (hco.kubevirt.io/v1)", 5);
	assert_found(KUBEVIRT "spec: {}\n", NULL, "KubeVirt (kubevirt.io/v1)", -1);
	assert_found("progressTimeout: 5", NULL, "a part of an object", 5);
	assert_found("liveMigrationConfig: {progressTimeout: 5}", NULL, "a part of an object", 5);
	assert_found("virtualization: {liveMigrationConfig: {progressTimeout: 5}}", NULL,
		     "a part of an object", 5);
	assert_found("spec: {configuration: {migrations: {progressTimeout: 5}}}", NULL,
		     "a part of an object", 5);
	assert_found(both, "HyperConverged", "HyperConverged (hco.kubevirt.io/v1beta1)", 5);
	assert_found(both, "KubeVirt", "KubeVirt (kubevirt.io/v1)", 6);
	/* nobody said it: the key is null, as after a merge patch */
	assert_found(HCO "spec: {liveMigrationConfig: {progressTimeout: null}}\n", NULL,
		     "HyperConverged (hco.kubevirt.io/v1beta1)", -1);
}

static void test_refused(void)
{
	assert_refused("", "it is empty");
	assert_refused("- 1\n", "there are no settings in it");
	assert_refused("a: 1\n", "there are no settings in it");
	assert_refused("spec: 5\n", "there are no settings in it");
	assert_refused("liveMigrationConfig: 5\n", "there are no settings in it");
	assert_refused("kind: List\nitems: 5\n", "kind 'List'");
	assert_refused("apiVersion: v1\nkind: Secret\n", "kind 'Secret'");
	assert_refused("apiVersion: example.com/v1\nkind: HyperConverged\n", "unknown version");
	assert_refused(HCO "spec: {virtualization: {liveMigrationConfig: {}}}\n",
		       "spec.virtualization.liveMigrationConfig is where hco.kubevirt.io/v1 has");
	assert_refused(HCO_V1 "spec: {liveMigrationConfig: {}}\n",
		       "spec.liveMigrationConfig is where hco.kubevirt.io/v1beta1 has");
	assert_refused(HCO "---\n" HCO, "more than one object has settings");
	assert_refused(HCO "---\n" KUBEVIRT, "more than one object has settings");
	assert_refused("progressTimeout: -1\n", "progressTimeout: '-1' is not valid");
	assert_refused("allowPostCopy: yes\n", "allowPostCopy");
	assert_refused("network: 5\n", "network");
}

static void test_unknown_keys(void)
{
	g_autoptr(GPtrArray) documents = parse_all("progressTimeout: 5\nprogress: 6\n");
	g_auto(SettingsDocument) found = { 0 };

	g_assert_true(settings_document_find(documents, NULL, &found, NULL));
	g_assert_cmpuint(found.unknown->len, ==, 1);
	g_assert_cmpstr(found.unknown->pdata[0], ==, "progress");
}

static void test_same_value(void)
{
	const Setting *rate = setting_find("bandwidthPerMigration");
	const Setting *network = setting_find("network");
	g_autoptr(GPtrArray) v = parse_all("[64Mi, 65536Ki, 67108864, 64M, null, {}, abc]");
	const cJSON *list = v->pdata[0];

	for (int i = 0; i < 3; i++)
		for (int j = 0; j < 3; j++)
			g_assert_true(setting_same_value(rate, cJSON_GetArrayItem(list, i),
							 cJSON_GetArrayItem(list, j)));
	for (int i = 3; i < 7; i++)
		g_assert_false(setting_same_value(rate, cJSON_GetArrayItem(list, 0),
						  cJSON_GetArrayItem(list, i)));
	g_assert_true(setting_same_value(rate, NULL, cJSON_GetArrayItem(list, 4)));
	g_assert_true(
		setting_same_value(rate, cJSON_GetArrayItem(list, 5), cJSON_GetArrayItem(list, 5)));
	/* a text is no quantity */
	g_assert_false(setting_same_value(network, cJSON_GetArrayItem(list, 0),
					  cJSON_GetArrayItem(list, 1)));
}

/* ---- comparing ------------------------------------------------------------------------------ */

static void test_compare(void)
{
	const Setting *setting = setting_find("progressTimeout");
	g_autoptr(cJSON) five = json_new_int(5);
	g_autoptr(cJSON) six = json_new_int(6);
	const SettingSide none = { .known = FALSE };
	const SettingSide bare = { .known = TRUE, .set = SETTING_SET_NO };
	SettingSide by_default = { five, SETTING_SET_NO, TRUE };
	SettingSide set = { five, SETTING_SET_YES, TRUE };
	SettingSide unclear = { five, SETTING_SET_UNKNOWN, TRUE };
	SettingSide other = { six, SETTING_SET_YES, TRUE };

	g_assert_cmpint(setting_compare(setting, &set, &set), ==, SETTING_SAME);
	g_assert_cmpint(setting_compare(setting, &set, &other), ==, SETTING_DIFFERS);
	g_assert_cmpint(setting_compare(setting, &set, &by_default), ==, SETTING_DIFFERS_SET);
	g_assert_cmpint(setting_compare(setting, &by_default, &set), ==, SETTING_DIFFERS_SET);
	g_assert_cmpint(setting_compare(setting, &unclear, &set), ==, SETTING_SAME);
	g_assert_cmpint(setting_compare(setting, &by_default, &unclear), ==, SETTING_SAME);
	g_assert_cmpint(setting_compare(setting, &unclear, &other), ==, SETTING_DIFFERS);
	g_assert_cmpint(setting_compare(setting, &bare, &set), ==, SETTING_DIFFERS);
	/* what one side does not know matters where the other one says it */
	g_assert_cmpint(setting_compare(setting, &none, &by_default), ==, SETTING_SAME);
	g_assert_cmpint(setting_compare(setting, &none, &set), ==, SETTING_DIFFERS);
	g_assert_cmpint(setting_compare(setting, &set, &none), ==, SETTING_DIFFERS);
	g_assert_cmpint(setting_compare(setting, &none, &none), ==, SETTING_SAME);
}

static void assert_change(const SettingSide *there, const cJSON *fallback, const char *wanted)
{
	g_autoptr(cJSON) change =
		setting_to_match(setting_find("progressTimeout"), there, fallback);
	g_autofree char *text = json_print(change);

	g_assert_cmpstr(text, ==, wanted);
}

static void test_to_match(void)
{
	g_autoptr(cJSON) five = json_new_int(5);
	g_autoptr(cJSON) six = json_new_int(6);
	const SettingSide by_default = { five, SETTING_SET_NO, TRUE };
	const SettingSide set = { five, SETTING_SET_YES, TRUE };
	const SettingSide unclear = { five, SETTING_SET_UNKNOWN, TRUE };
	const SettingSide bare = { NULL, SETTING_SET_NO, TRUE };
	const SettingSide none = { NULL, SETTING_SET_NO, FALSE };

	assert_change(&set, five, "5");
	assert_change(&by_default, five, "null");
	assert_change(&unclear, five, "null");
	assert_change(&by_default, six, "5"); /* its default is another one */
	assert_change(&bare, six, "null");
	assert_change(&none, six, "null");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/diff/found", test_found);
	g_test_add_func("/diff/refused", test_refused);
	g_test_add_func("/diff/unknown-keys", test_unknown_keys);
	g_test_add_func("/diff/same-value", test_same_value);
	g_test_add_func("/diff/compare", test_compare);
	g_test_add_func("/diff/to-match", test_to_match);
	return g_test_run();
}
