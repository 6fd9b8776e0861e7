/* SPDX-License-Identifier: Apache-2.0 */
/* Every document that is read is printed and read back equal. */
#include "fuzz.h"
#include "model/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GError *error = NULL;
	g_autoptr(GPtrArray) documents = yaml_parse_all((const char *)data, size, "input", &error);

	if (!documents) {
		fuzz_check_error(error);
		return 0;
	}
	for (guint i = 0; i < documents->len; i++) {
		g_autofree char *text = yaml_print(documents->pdata[i]);
		g_autoptr(cJSON) back = yaml_parse(text, strlen(text), "own text", &error);

		g_assert_no_error(error);
		g_assert_true(json_equal(documents->pdata[i], back));
	}
	return 0;
}
