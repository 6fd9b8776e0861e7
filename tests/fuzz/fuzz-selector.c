/* SPDX-License-Identifier: Apache-2.0 */
/* Selectors and label arguments; a selector is explained exactly where it does not match. */
#include "fuzz.h"
#include "model/labels.h"

static void try_selector(const char *text, const cJSON *labels)
{
	GError *error = NULL;
	g_autoptr(Selector) selector = selector_parse(text, &error);
	g_autofree char *words = NULL;

	if (!selector) {
		fuzz_check_error(error);
		return;
	}
	words = selector_explain(selector, labels, "it");
	g_assert_cmpint(words == NULL, ==, selector_matches(selector, labels));
}

static void try_map(const char *text)
{
	GError *error = NULL;
	g_autoptr(cJSON) map = labels_parse_map(text, &error);
	g_autoptr(Selector) selector = NULL;

	if (!map) {
		fuzz_check_error(error);
		return;
	}
	selector = selector_from_map(map);
	g_assert_true(selector_matches(selector, map));
}

static void try_change(const char *text)
{
	g_autofree char *key = NULL, *value = NULL;
	GError *error = NULL;

	if (!labels_parse_change(text, &key, &value, &error))
		fuzz_check_error(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(cJSON) labels = cJSON_CreateObject();

	json_set_string(labels, "zone", "a");
	json_set_string(labels, "x.io/y", "");
	try_selector(text, labels);
	try_selector(text, NULL);
	try_map(text);
	try_change(text);
	return 0;
}
