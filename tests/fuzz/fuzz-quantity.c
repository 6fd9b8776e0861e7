/* SPDX-License-Identifier: Apache-2.0 */
/* Quantities, rates and durations: what is read is printed and read back the same. */
#include "fuzz.h"
#include "model/quantity.h"

static void try_quantity(const char *text)
{
	GError *error = NULL;
	g_autofree char *canonical = NULL, *human = NULL;
	gint64 value, back;

	if (!quantity_parse(text, &value, &error)) {
		fuzz_check_error(error);
		return;
	}
	g_assert_cmpint(value, >, G_MININT64);
	canonical = quantity_format(value);
	human = quantity_human_bytes(value);
	g_assert_true(quantity_parse(canonical, &back, &error));
	g_assert_cmpint(value, ==, back);
}

static void try_rate(const char *text)
{
	GError *error = NULL;
	gint64 value;

	if (quantity_parse_rate(text, &value, &error))
		g_assert_cmpint(value, >=, 0);
	else
		fuzz_check_error(error);
}

static void try_duration(const char *text)
{
	g_autofree char *human = NULL;
	GError *error = NULL;
	gint64 ms;

	if (!duration_parse(text, &ms, &error)) {
		fuzz_check_error(error);
		return;
	}
	g_assert_cmpint(ms, >=, 0);
	human = duration_human(ms);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *text = g_strndup((const char *)data, size);

	try_quantity(text);
	try_rate(text);
	try_duration(text);
	return 0;
}
