/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small helpers over cJSON. Look-ups are case-sensitive throughout (cJSON's default is not).
 * A NULL object is an empty one everywhere: chains of look-ups need no checks.
 */
#pragma once

#include <cjson/cJSON.h>
#include <glib.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(cJSON, cJSON_Delete)

/* No document from outside may be larger, or nested deeper. */
#define JSON_MAX_BYTES 16777216u /* 16 MiB */
#define JSON_MAX_DEPTH 100u

/* Parses a whole document (trailing blanks only). Error INVALID names line and column, and
 * `what` ("the editor's text", "'web.json'"). Duplicate keys are an error. */
cJSON *json_parse(const char *text, gsize length, const char *what, GError **error);

/* Unformatted text; free with g_free(). */
char *json_print(const cJSON *value);
/* Indented by two spaces, a newline at the end; free with g_free(). */
char *json_print_pretty(const cJSON *value);

/* One member, borrowed, or NULL. */
cJSON *json_get(const cJSON *object, const char *key);

/* Walks members: json_path(obj, "spec", "nodeSelector", NULL). Borrowed, or NULL. */
cJSON *json_path(const cJSON *object, ...) G_GNUC_NULL_TERMINATED;

/* Value of a member of that type; the fallback where it is absent or of another type. The string
 * is borrowed. */
const char *json_string(const cJSON *object, const char *key, const char *fallback);
gint64 json_int(const cJSON *object, const char *key, gint64 fallback);
double json_double(const cJSON *object, const char *key, double fallback);
gboolean json_bool(const cJSON *object, const char *key, gboolean fallback);

/* The number as an integer, exactly; FALSE where it is none or does not fit 63 bits. */
gboolean json_integer_value(const cJSON *value, gint64 *ret_value);
/* The number as it is printed: integers in full, never with an exponent below 2^63. g_free(). */
char *json_number_text(const cJSON *number);
/* A number that prints exactly, also beyond 2^53 (where cJSON's double would round it). */
cJSON *json_new_int(gint64 value);

/* Sets (replaces) a member. NULL strings and NULL values remove it. json_set takes `value`. */
void json_set(cJSON *object, const char *key, cJSON *value);
void json_set_string(cJSON *object, const char *key, const char *value);
void json_set_int(cJSON *object, const char *key, gint64 value);
void json_set_double(cJSON *object, const char *key, double value);
void json_set_bool(cJSON *object, const char *key, gboolean value);
void json_unset(cJSON *object, const char *key);
/* Sets those of `keys`, which ends with NULL, that `from` has; leaves the others as they are. */
void json_copy_members(cJSON *to, const cJSON *from, const char *const *keys);

/* The member as an object (or array), made where it is absent or of another type. Borrowed. */
cJSON *json_ensure_object(cJSON *object, const char *key);
cJSON *json_ensure_array(cJSON *object, const char *key);

/* Deep equality; the order of members does not matter, that of array elements does. */
gboolean json_equal(const cJSON *a, const cJSON *b);

/* RFC 7396 merge patch, applied to target in place (target must be an object). */
void json_merge_patch(cJSON *target, const cJSON *patch);

/* The merge patch that turns `from` into `to`; free with cJSON_Delete(). Empty object: equal. */
cJSON *json_merge_diff(const cJSON *from, const cJSON *to);

/* RFC 6902: the document that the operations make of `document`, which stays as it is. CONFLICT
 * where a `test` finds another value, else INVALID; the message names the operation. */
cJSON *json_patch(const cJSON *document, const cJSON *patch, GError **error);
