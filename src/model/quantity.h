/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kubernetes quantities: "64Mi", "1.5G", "100m", "1e3". Kept as an integer number of units,
 * fractions rounded up as Kubernetes does; what does not fit 63 bits is capped like
 * resource.Quantity's Value().
 */
#pragma once

#include <glib.h>

/* A quantity in whole units (bytes). Error INVALID. Negative values are read; callers refuse
 * them where they make no sense. */
gboolean quantity_parse(const char *text, gint64 *ret_value, GError **error);

/* As people write rates: all quantities, and 64MiB/s, 100MB/s, 1Gbit/s, 10Gb/s (bits for lower
 * case b). Bytes per second. */
gboolean quantity_parse_rate(const char *text, gint64 *ret_bytes_per_second, GError **error);

/* Canonical text with a binary suffix where it is exact: 67108864 -> "64Mi". Free with g_free(). */
char *quantity_format(gint64 value);

/* For people: "64 MiB", "1.5 GiB", three digits. Free with g_free(). */
char *quantity_human_bytes(gint64 bytes);

/* "90s", "5m", "1h30m", "250ms", "1.5h"; a bare number is an error that says so. Milliseconds.
 * Error INVALID. */
gboolean duration_parse(const char *text, gint64 *ret_ms, GError **error);
/* "4.7 s", "1m20s", "2h05m", "2d3h"; free with g_free(). */
char *duration_human(gint64 ms);
/* As kubectl writes ages: "90s", "5m", "3d4h", "2y30d"; negative ones are "0s". g_free(). */
char *duration_age(gint64 ms);
