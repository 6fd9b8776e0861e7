/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "model/quantity.h"

#define Gi (G_GINT64_CONSTANT(1) << 30)

static void test_parse(void)
{
	static const struct {
		const char *text;
		gint64 value;
	} rows[] = {
		{ "0", 0 },
		{ "0Mi", 0 },
		{ "5", 5 },
		{ "+5", 5 },
		{ "-5", -5 },
		{ "007", 7 },
		{ "64Mi", 64 << 20 },
		{ "2048Mi", 2 * Gi },
		{ "1.5Gi", Gi + Gi / 2 },
		{ "1.5G", 1500000000 },
		{ ".5k", 500 },
		{ "5.", 5 },
		{ "1Ki", 1024 },
		{ "1k", 1000 },
		{ "1Ti", Gi * 1024 },
		{ "1Pi", Gi * 1024 * 1024 },
		{ "1Ei", Gi * Gi },
		{ "1E", G_GINT64_CONSTANT(1000000000000000000) },
		{ "1P", G_GINT64_CONSTANT(1000000000000000) },
		{ "1T", G_GINT64_CONSTANT(1000000000000) },
		{ "1M", 1000000 },
		{ "100m", 1 },
		{ "1000m", 1 },
		{ "1001m", 2 },
		{ "1u", 1 },
		{ "1n", 1 },
		{ "0n", 0 },
		{ "-100m", -1 },
		{ "1e3", 1000 },
		{ "1E3", 1000 },
		{ "1e+3", 1000 },
		{ "12e-1", 2 },
		{ "1.25e2", 125 },
		{ "0.1", 1 },
		{ "0.0000", 0 },
		{ "0.0001Ki", 1 },
		{ "1.0009765625Ki", 1025 },
		{ "1e-100", 1 },
		{ "0e99999", 0 },
		{ "9223372036854775807", G_MAXINT64 },
		{ "9223372036854775808", G_MAXINT64 },
		{ "-9223372036854775809", -G_MAXINT64 },
		{ "8Ei", G_MAXINT64 },
		{ "7.99999999999999999999Ei", G_MAXINT64 },
		{ "100Ei", G_MAXINT64 },
		{ "1e99999", G_MAXINT64 },
		{ "10000000000000000000000000000000000000000000000000000000000", G_MAXINT64 },
		{ "100000000000000000000000000000000000000000000000000000000Ki", G_MAXINT64 },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		gint64 value = -7;

		if (!quantity_parse(rows[i].text, &value, &error) || value != rows[i].value)
			g_error("'%s' is %" G_GINT64_FORMAT " %s", rows[i].text, value,
				error ? error->message : "");
	}
}

static void test_parse_bad(void)
{
	static const char *const bad[] = {
		"",
		" ",
		"Mi",
		".",
		"-",
		"+",
		"--1",
		"1 Mi",
		"1mi",
		"1MiB",
		"1K",
		"1ki",
		"1kk",
		"1e",
		"1e1.5",
		"1ee3",
		"1e-",
		"1e++1",
		"1..2",
		"1.2.3",
		"0x10",
		"1,5",
		"ten",
		"1Mi ",
		" 1",
		"1e9999999999999999999999",
		"0."
		"000000000000000000000000000000000000000000000000000000000000000001234567890123456"
		"78901234567890123456789012345678901234567890",
		"0.123456789012345678901Ki",
		"1.12345678901234567890123456789012345678901",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		gint64 value = -7;

		if (quantity_parse(bad[i], &value, &error))
			g_error("'%s' was accepted as %" G_GINT64_FORMAT, bad[i], value);
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		g_assert_cmpint(value, ==, -7);
	}
}

static void test_rate(void)
{
	static const struct {
		const char *text;
		gint64 value;
	} rows[] = {
		{ "0", 0 },
		{ "0Mi", 0 },
		{ "64Mi", 64 << 20 },
		{ "64MiB/s", 64 << 20 },
		{ "64Mi/s", 64 << 20 },
		{ "64MiBps", 64 << 20 },
		{ " 64MiB/s ", 64 << 20 },
		{ "100MB/s", 100000000 },
		{ "100M", 100000000 },
		{ "1Gbit/s", 125000000 },
		{ "10Gb/s", 1250000000 },
		{ "10Gbps", 1250000000 },
		{ "8bit/s", 1 },
		{ "9bit/s", 2 },
		{ "1KB/s", 1000 },
		{ "1kB/s", 1000 },
		{ "1KiB/s", 1024 },
		{ "512B/s", 512 },
		{ "1Gib/s", Gi / 8 },
		{ "1.5GB/s", 1500000000 },
	};
	static const char *const bad[] = { "",       "fast",   "-1Mi", "100mb/s", "MB/s",  "1Mi/m",
					   "1MiB/h", "1 Mi B", "/s",   "b",       "1XB/s", "1ps",
					   "64m",    "64MB",   "64Mb", "64MiB",   "1e30",  "8Ei" };

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		gint64 value = -7;

		if (!quantity_parse_rate(rows[i].text, &value, &error) || value != rows[i].value)
			g_error("'%s' is %" G_GINT64_FORMAT " %s", rows[i].text, value,
				error ? error->message : "");
	}
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		gint64 value = -7;

		if (quantity_parse_rate(bad[i], &value, &error))
			g_error("'%s' was accepted as %" G_GINT64_FORMAT, bad[i], value);
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	}
}

static void test_format(void)
{
	static const struct {
		gint64 value;
		const char *text, *human;
	} rows[] = {
		{ 0, "0", "0 B" },
		{ 1, "1", "1 B" },
		{ 1000, "1000", "1000 B" },
		{ 1023, "1023", "1023 B" },
		{ 1024, "1Ki", "1 KiB" },
		{ 1536, "1536", "1.5 KiB" },
		{ 67108864, "64Mi", "64 MiB" },
		{ 1610612736, "1536Mi", "1.5 GiB" },
		{ 1048575, "1048575", "1 MiB" },
		{ 1288490189, "1288490189", "1.2 GiB" },
		{ 130600000, "130600000", "125 MiB" },
		{ 13054771, "13054771", "12.4 MiB" },
		{ -67108864, "-64Mi", "-64 MiB" },
		{ G_MAXINT64, "9223372036854775807", "8 EiB" },
		{ G_MININT64, "-8Ei", "-8 EiB" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = quantity_format(rows[i].value);
		g_autofree char *human = quantity_human_bytes(rows[i].value);

		g_assert_cmpstr(text, ==, rows[i].text);
		g_assert_cmpstr(human, ==, rows[i].human);
	}
}

/* Property: what is formatted is read back the same. */
static void test_round_trip(void)
{
	for (int i = 0; i < 5000; i++) {
		gint64 value = (gint64)(((guint64)(guint32)g_test_rand_int() << 32) |
					(guint32)g_test_rand_int());
		gint64 back = 0;
		g_autofree char *text = NULL;

		value >>= g_test_rand_int_range(0, 64);
		value = (gint64)((guint64)value << g_test_rand_int_range(0, 11));
		text = quantity_format(value);
		g_assert_true(quantity_parse(text, &back, NULL));
		if (value != G_MININT64) /* capped at -(2^63-1) */
			g_assert_cmpint(back, ==, value);
	}
}

static void test_duration(void)
{
	static const struct {
		const char *text;
		gint64 ms;
	} rows[] = {
		{ "90s", 90000 },     { "5m", 300000 },
		{ "1h30m", 5400000 }, { "250ms", 250 },
		{ "1.5h", 5400000 },  { "2d3h", 183600000 },
		{ "0s", 0 },          { "1m0.5s", 60500 },
		{ "0.0001s", 1 },     { "1d2h3m4s5ms", 93784005 },
	};
	static const struct {
		const char *text, *message;
	} bad[] = {
		{ "90", "duration '90' has no unit" },
		{ "0", "duration '0' has no unit" },
		{ "", "'' is not a duration" },
		{ "s", "'s' is not a duration" },
		{ "-5s", "'-5s' is not a duration" },
		{ "5m90", "'5m90' is not a duration" },
		{ "5s3m", "'5s3m' is not a duration" },
		{ "5s5s", "'5s5s' is not a duration" },
		{ "5 m", "'5 m' is not a duration" },
		{ "5w", "'5w' is not a duration" },
		{ "1h-5m", "'1h-5m' is not a duration" },
		{ "9223372036854775807s", "'9223372036854775807s' is not a duration" },
		{ "99999999999999999999999999999999999999999999d",
		  "'99999999999999999999999999999999999999999999d' is not a duration" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GError) error = NULL;
		gint64 ms = -7;

		if (!duration_parse(rows[i].text, &ms, &error) || ms != rows[i].ms)
			g_error("'%s' is %" G_GINT64_FORMAT " %s", rows[i].text, ms,
				error ? error->message : "");
	}
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;
		gint64 ms = -7;

		g_assert_false(duration_parse(bad[i].text, &ms, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		g_assert_cmpstr(error->message, ==, bad[i].message);
		g_assert_cmpint(ms, ==, -7);
	}
}

static void test_duration_human(void)
{
	static const struct {
		gint64 ms;
		const char *text;
	} rows[] = {
		{ 0, "0 ms" },        { 999, "999 ms" },     { 1000, "1 s" },
		{ 4700, "4.7 s" },    { 4749, "4.7 s" },     { 59949, "59.9 s" },
		{ 59950, "1m00s" },   { 80000, "1m20s" },    { 3599400, "59m59s" },
		{ 3599500, "1h00m" }, { 7500000, "2h05m" },  { 86369999, "23h59m" },
		{ 86370000, "1d0h" }, { 183600000, "2d3h" }, { -4700, "-4.7 s" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *text = duration_human(rows[i].ms);

		g_assert_cmpstr(text, ==, rows[i].text);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/quantity/parse", test_parse);
	g_test_add_func("/quantity/parse-bad", test_parse_bad);
	g_test_add_func("/quantity/rate", test_rate);
	g_test_add_func("/quantity/format", test_format);
	g_test_add_func("/quantity/round-trip", test_round_trip);
	g_test_add_func("/quantity/duration", test_duration);
	g_test_add_func("/quantity/duration-human", test_duration_human);
	return g_test_run();
}
