/* SPDX-License-Identifier: Apache-2.0 */
/* What is parsed prints and parses back equal, and differs from itself by nothing. */
#include "fuzz.h"
#include "model/json.h"

static void check_text(const cJSON *value, const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(cJSON) back = json_parse(text, strlen(text), "own text", &error);

	g_assert_no_error(error);
	g_assert_true(json_equal(value, back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GError *error = NULL;
	g_autoptr(cJSON) value = json_parse((const char *)data, size, "input", &error);
	g_autoptr(cJSON) patch = NULL;
	g_autofree char *line = NULL, *pretty = NULL;

	if (!value) {
		fuzz_check_error(error);
		return 0;
	}
	line = json_print(value);
	check_text(value, line);
	pretty = json_print_pretty(value);
	check_text(value, pretty);
	if (cJSON_IsObject(value)) {
		patch = json_merge_diff(value, value);
		g_assert_null(patch->child);
	}
	return 0;
}
