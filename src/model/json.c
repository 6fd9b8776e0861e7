/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cJSON builds the tree. What it is lax about is settled before and after it: scan() looks at
 * every token (depth, numbers, escapes, control characters) before cJSON sees the text, so that
 * its recursion is bounded by us and its errors are only those of grammar; duplicate keys are
 * looked for in the tree.
 *
 * Numbers: cJSON keeps doubles. An integer that a double does not hold exactly keeps its digits in
 * `valuestring` as well (unused by cJSON for numbers, but copied and freed by it), which
 * json_int(), json_equal() and the printer read first. cJSON's own printer is not used: it writes
 * 1e15 as "1e+15", which Kubernetes refuses for integer fields.
 */
#include "model/json.h"

#include <math.h>
#include <string.h>

#include "base/error.h"

#define EXACT_MAX (G_GINT64_CONSTANT(1) << 53)

/* ---- parse ----------------------------------------------------------------------------------- */

/* An integer literal too long for a double: the n-th number of the document. */
typedef struct {
	guint64 nth;
	gint64 value;
} BigInteger;

typedef struct {
	const char *text;
	const char *what;
	gsize length;
	gsize offset;
	unsigned depth;
	guint64 numbers;
	GArray *big; /* of BigInteger, in document order */
} Scan;

static gboolean fail_at(const Scan *scan, gsize offset, const char *why, GError **error)
{
	gsize line = 1, start = 0;

	for (gsize i = 0; i < offset && i < scan->length; i++) {
		if (scan->text[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	offset = MIN(offset, scan->length);
	return error_set(
		error, KVMIG_ERROR_INVALID,
		"%s is not valid JSON: line %" G_GSIZE_FORMAT ", column %" G_GSIZE_FORMAT ": %s",
		scan->what, line,
		(gsize)g_utf8_strlen(scan->text + start, (gssize)(offset - start)) + 1, why);
}

static char peek(const Scan *scan, gsize offset)
{
	return offset < scan->length ? scan->text[offset] : '\0';
}

static gboolean scan_string(Scan *scan, GError **error)
{
	for (gsize i = scan->offset + 1; i < scan->length; i++) {
		unsigned char c = (unsigned char)scan->text[i];

		if (c == '"') {
			scan->offset = i + 1;
			return TRUE;
		}
		if (c < 0x20)
			return fail_at(scan, i, "control character in a string", error);
		if (c != '\\')
			continue;
		i++;
		/* cJSON would end the string there */
		if (scan->length - i >= 5 && strncmp(scan->text + i, "u0000", 5) == 0)
			return fail_at(scan, i - 1, "a string cannot hold a NUL character", error);
	}
	return fail_at(scan, scan->offset, "string without an end", error);
}

static gsize skip_digits(const Scan *scan, gsize offset)
{
	while (g_ascii_isdigit(peek(scan, offset)))
		offset++;
	return offset;
}

static void note_big_integer(Scan *scan, gsize end)
{
	g_autofree char *digits = g_strndup(scan->text + scan->offset, end - scan->offset);
	BigInteger big = { .nth = scan->numbers };

	if (g_ascii_string_to_signed(digits, 10, G_MININT64, G_MAXINT64, &big.value, NULL) &&
	    (big.value > EXACT_MAX || big.value < -EXACT_MAX))
		g_array_append_val(scan->big, big);
}

static gboolean is_finite_number(const char *text, gsize length)
{
	g_autofree char *number = g_strndup(text, length);

	return isfinite(g_ascii_strtod(number, NULL));
}

static gboolean scan_number(Scan *scan, GError **error)
{
	gsize i = scan->offset, start, integer_end;

	if (peek(scan, i) == '-')
		i++;
	start = i;
	i = integer_end = skip_digits(scan, i);
	if (i == start || (peek(scan, start) == '0' && i > start + 1))
		return fail_at(scan, scan->offset, "not a number", error);
	if (peek(scan, i) == '.') {
		start = i + 1;
		i = skip_digits(scan, start);
		if (i == start)
			return fail_at(scan, scan->offset, "not a number", error);
	}
	if (peek(scan, i) == 'e' || peek(scan, i) == 'E') {
		start = i + 1;
		if (peek(scan, start) == '+' || peek(scan, start) == '-')
			start++;
		i = skip_digits(scan, start);
		if (i == start)
			return fail_at(scan, scan->offset, "not a number", error);
	}
	if (i - scan->offset > 60) /* cJSON would cut it in two */
		return fail_at(scan, scan->offset, "number too long", error);
	if (i > integer_end && !is_finite_number(scan->text + scan->offset, i - scan->offset))
		return fail_at(scan, scan->offset, "number too large", error);
	if (i == integer_end && i - scan->offset > 15)
		note_big_integer(scan, i);
	scan->numbers++;
	scan->offset = i;
	return TRUE;
}

static gboolean scan_token(Scan *scan, GError **error)
{
	char c = scan->text[scan->offset];

	if (c == '"')
		return scan_string(scan, error);
	if (c == '-' || g_ascii_isdigit(c))
		return scan_number(scan, error);
	if (c == '{' || c == '[') {
		if (++scan->depth > JSON_MAX_DEPTH)
			return fail_at(scan, scan->offset, "nested too deeply", error);
	} else if (c == '}' || c == ']') {
		if (scan->depth > 0)
			scan->depth--;
	} else if (!strchr(" \t\r\n,:", c) && !g_ascii_islower(c)) {
		return fail_at(scan, scan->offset, "unexpected character", error);
	}
	scan->offset++;
	return TRUE;
}

/* The place of the n-th key: a string with a colon behind it. The text is known to be JSON. */
static gsize offset_of_key(const Scan *done, guint64 nth)
{
	Scan scan = *done;

	for (scan.offset = 0; scan.offset < scan.length;) {
		gsize start = scan.offset;

		if (peek(&scan, start) != '"') {
			scan.offset++;
			continue;
		}
		if (!scan_string(&scan, NULL))
			break;
		while (scan.offset < scan.length && strchr(" \t\r\n", scan.text[scan.offset]))
			scan.offset++;
		if (peek(&scan, scan.offset) == ':' && nth-- == 0)
			return start;
	}
	return 0;
}

/* Keys are counted in document order. TRUE: *key_count is the number of the second of two. */
static gboolean find_duplicate(const cJSON *value, guint64 *key_count, const char **ret_key)
{
	g_autoptr(GHashTable) seen = NULL;
	const cJSON *child;

	if (cJSON_IsObject(value) && value->child && value->child->next)
		seen = g_hash_table_new(g_str_hash, g_str_equal);
	for (child = value->child; child; child = child->next) {
		if (seen && !g_hash_table_add(seen, child->string)) {
			*ret_key = child->string;
			return TRUE;
		}
		if (cJSON_IsObject(value))
			(*key_count)++;
		if (find_duplicate(child, key_count, ret_key))
			return TRUE;
	}
	return FALSE;
}

static void keep_digits(cJSON *number, gint64 value)
{
	number->valuestring = g_strdup_printf("%" G_GINT64_FORMAT, value);
}

static void restore_big_integers(cJSON *value, const GArray *big, guint *next, guint64 *numbers)
{
	const BigInteger *wanted;

	if (cJSON_IsNumber(value)) {
		wanted = *next < big->len ? &g_array_index(big, BigInteger, *next) : NULL;
		if (wanted && wanted->nth == *numbers) {
			keep_digits(value, wanted->value);
			(*next)++;
		}
		(*numbers)++;
	}
	for (cJSON *child = value->child; child; child = child->next)
		restore_big_integers(child, big, next, numbers);
}

static gboolean scan_document(Scan *scan, GError **error)
{
	const char *bad;

	if (scan->length > JSON_MAX_BYTES)
		return error_set(error, KVMIG_ERROR_INVALID, "%s is larger than %u MiB", scan->what,
				 JSON_MAX_BYTES / 1024 / 1024);
	if (!g_utf8_validate_len(scan->text, scan->length, &bad))
		return fail_at(scan, (gsize)(bad - scan->text), "not UTF-8", error);
	while (scan->offset < scan->length) {
		if (!scan_token(scan, error))
			return FALSE;
	}
	return TRUE;
}

static cJSON *parse_scanned(const Scan *scan, GError **error)
{
	const char *end = scan->text;
	g_autoptr(cJSON) value = cJSON_ParseWithLengthOpts(scan->text, scan->length, &end, 0);
	const char *key = NULL;
	guint64 keys = 0, numbers = 0;
	guint next = 0;
	gsize offset = end ? (gsize)(end - scan->text) : 0;

	if (!value && offset + 1 >= scan->length && scan->depth > 0)
		offset = scan->length; /* cJSON points at the last character then */
	if (!value) {
		fail_at(scan, offset,
			offset >= scan->length ? "unexpected end" : "unexpected character", error);
		return NULL;
	}
	while (offset < scan->length && strchr(" \t\r\n", scan->text[offset]))
		offset++;
	if (offset < scan->length) {
		fail_at(scan, offset, "text behind the end of the document", error);
		return NULL;
	}
	if (find_duplicate(value, &keys, &key)) {
		g_autofree char *piece = error_excerpt(key);
		g_autofree char *why = g_strdup_printf("key '%s' is there twice", piece);

		fail_at(scan, offset_of_key(scan, keys), why, error);
		return NULL;
	}
	if (scan->big->len > 0)
		restore_big_integers(value, scan->big, &next, &numbers);
	return g_steal_pointer(&value);
}

cJSON *json_parse(const char *text, gsize length, const char *what, GError **error)
{
	g_autoptr(GArray) big = g_array_new(FALSE, FALSE, sizeof(BigInteger));
	Scan scan = { .text = text, .length = length, .what = what, .big = big };

	if (!scan_document(&scan, error))
		return NULL;
	return parse_scanned(&scan, error);
}

/* ---- print ----------------------------------------------------------------------------------- */

static void print_string(GString *out, const char *text)
{
	g_autofree char *valid = NULL;

	if (!g_utf8_validate(text, -1, NULL))
		valid = g_utf8_make_valid(text, -1);
	g_string_append_c(out, '"');
	for (text = valid ? valid : text; *text; text++) {
		unsigned char c = (unsigned char)*text;
		const char *short_form = strchr("\"\"\\\\\bb\ff\nn\rr\tt", c);

		if (c == '"' || c == '\\')
			g_string_append_printf(out, "\\%c", c);
		else if (c < 0x20 && short_form)
			g_string_append_printf(out, "\\%c", short_form[1]);
		else if (c < 0x20)
			g_string_append_printf(out, "\\u%04x", c);
		else
			g_string_append_c(out, (char)c);
	}
	g_string_append_c(out, '"');
}

char *json_number_text(const cJSON *number)
{
	double value = number->valuedouble;
	char buffer[G_ASCII_DTOSTR_BUF_SIZE];

	if (number->valuestring)
		return g_strdup(number->valuestring);
	if (!isfinite(value))
		return g_strdup("null"); /* JSON has no word for it */
	if (value == trunc(value) && fabs(value) < 0x1p63)
		return g_strdup_printf("%" G_GINT64_FORMAT, (gint64)value);
	for (int digits = 15; digits <= 17; digits++) {
		char format[8];

		g_snprintf(format, sizeof(format), "%%.%dg", digits);
		g_ascii_formatd(buffer, sizeof(buffer), format, value);
		if (g_ascii_strtod(buffer, NULL) == value)
			break;
	}
	return g_strdup(buffer);
}

static void print_newline(GString *out, int indent)
{
	if (indent < 0)
		return;
	g_string_append_c(out, '\n');
	for (int i = 0; i < indent; i++)
		g_string_append(out, "  ");
}

/* indent < 0: all on one line */
static void print_value(GString *out, const cJSON *value, int indent)
{
	gboolean object = cJSON_IsObject(value);
	int inner = indent < 0 ? indent : indent + 1;
	g_autofree char *number = NULL;

	if (cJSON_IsString(value)) {
		print_string(out, value->valuestring);
	} else if (cJSON_IsNumber(value)) {
		number = json_number_text(value);
		g_string_append(out, number);
	} else if (cJSON_IsBool(value)) {
		g_string_append(out, cJSON_IsTrue(value) ? "true" : "false");
	} else if (!object && !cJSON_IsArray(value)) {
		g_string_append(out, "null");
	} else {
		g_string_append_c(out, object ? '{' : '[');
		for (const cJSON *child = value->child; child; child = child->next) {
			print_newline(out, inner);
			if (object) {
				print_string(out, child->string);
				g_string_append(out, indent < 0 ? ":" : ": ");
			}
			print_value(out, child, inner);
			if (child->next)
				g_string_append_c(out, ',');
		}
		if (value->child)
			print_newline(out, indent);
		g_string_append_c(out, object ? '}' : ']');
	}
}

char *json_print(const cJSON *value)
{
	GString *out = g_string_new(NULL);

	print_value(out, value, -1);
	return g_string_free(out, FALSE);
}

char *json_print_pretty(const cJSON *value)
{
	GString *out = g_string_new(NULL);

	print_value(out, value, 0);
	g_string_append_c(out, '\n');
	return g_string_free(out, FALSE);
}

/* ---- read ------------------------------------------------------------------------------------ */

cJSON *json_get(const cJSON *object, const char *key)
{
	return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

cJSON *json_path(const cJSON *object, ...)
{
	cJSON *value = (cJSON *)object;
	const char *key;
	va_list keys;

	va_start(keys, object);
	while (value && (key = va_arg(keys, const char *)))
		value = json_get(value, key);
	va_end(keys);
	return value;
}

const char *json_string(const cJSON *object, const char *key, const char *fallback)
{
	const cJSON *value = json_get(object, key);

	return cJSON_IsString(value) ? value->valuestring : fallback;
}

gboolean json_integer_value(const cJSON *value, gint64 *ret_value)
{
	double number;

	if (!cJSON_IsNumber(value))
		return FALSE;
	if (value->valuestring)
		return g_ascii_string_to_signed(value->valuestring, 10, G_MININT64, G_MAXINT64,
						ret_value, NULL);
	number = value->valuedouble;
	if (!(fabs(number) < 0x1p63) || number != trunc(number))
		return FALSE;
	*ret_value = (gint64)number;
	return TRUE;
}

gint64 json_int(const cJSON *object, const char *key, gint64 fallback)
{
	gint64 value;

	return json_integer_value(json_get(object, key), &value) ? value : fallback;
}

double json_double(const cJSON *object, const char *key, double fallback)
{
	const cJSON *value = json_get(object, key);

	return cJSON_IsNumber(value) ? value->valuedouble : fallback;
}

gboolean json_bool(const cJSON *object, const char *key, gboolean fallback)
{
	const cJSON *value = json_get(object, key);

	return cJSON_IsBool(value) ? cJSON_IsTrue(value) : fallback;
}

/* ---- write ----------------------------------------------------------------------------------- */

void json_unset(cJSON *object, const char *key)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, key);
}

void json_set(cJSON *object, const char *key, cJSON *value)
{
	const cJSON *old = json_get(object, key);

	if (!value)
		json_unset(object, key);
	else if (!old)
		cJSON_AddItemToObject(object, key, value);
	else if (old != value) /* in its place: the order of the document stays */
		cJSON_ReplaceItemInObjectCaseSensitive(object, key, value);
}

void json_set_string(cJSON *object, const char *key, const char *value)
{
	json_set(object, key, value ? cJSON_CreateString(value) : NULL);
}

cJSON *json_new_int(gint64 value)
{
	cJSON *number = cJSON_CreateNumber((double)value);

	if (value > EXACT_MAX || value < -EXACT_MAX)
		keep_digits(number, value);
	return number;
}

void json_set_int(cJSON *object, const char *key, gint64 value)
{
	json_set(object, key, json_new_int(value));
}

void json_set_double(cJSON *object, const char *key, double value)
{
	json_set(object, key, cJSON_CreateNumber(value));
}

void json_set_bool(cJSON *object, const char *key, gboolean value)
{
	json_set(object, key, cJSON_CreateBool(value));
}

void json_copy_members(cJSON *to, const cJSON *from, const char *const *keys)
{
	for (; *keys; keys++)
		if (json_get(from, *keys))
			json_set(to, *keys, cJSON_Duplicate(json_get(from, *keys), TRUE));
}

cJSON *json_ensure_object(cJSON *object, const char *key)
{
	cJSON *value = json_get(object, key);

	if (!cJSON_IsObject(value)) {
		value = cJSON_CreateObject();
		json_set(object, key, value);
	}
	return value;
}

cJSON *json_ensure_array(cJSON *object, const char *key)
{
	cJSON *value = json_get(object, key);

	if (!cJSON_IsArray(value)) {
		value = cJSON_CreateArray();
		json_set(object, key, value);
	}
	return value;
}

/* ---- compare and merge ----------------------------------------------------------------------- */

/* The member `key`, looked for first where it is when both objects have the same order: keeps the
 * common case of two versions of one object linear. Moves the hint on. */
static const cJSON *find_near(const cJSON *object, const cJSON **hint, const char *key)
{
	const cJSON *found = *hint;

	if (!found || strcmp(found->string, key) != 0)
		found = json_get(object, key);
	*hint = found ? found->next : NULL;
	return found;
}

static gboolean members_equal(const cJSON *a, const cJSON *b)
{
	const cJSON *hint = b->child, *in_a, *in_b;

	if (cJSON_GetArraySize(a) != cJSON_GetArraySize(b))
		return FALSE;
	for (in_a = a->child; in_a; in_a = in_a->next) {
		in_b = find_near(b, &hint, in_a->string);
		if (!in_b || !json_equal(in_a, in_b))
			return FALSE;
	}
	return TRUE;
}

static gboolean elements_equal(const cJSON *a, const cJSON *b)
{
	const cJSON *in_a = a->child, *in_b = b->child;

	for (; in_a && in_b; in_a = in_a->next, in_b = in_b->next) {
		if (!json_equal(in_a, in_b))
			return FALSE;
	}
	return !in_a && !in_b;
}

static gboolean numbers_equal(const cJSON *a, const cJSON *b)
{
	gint64 in_a, in_b;

	if (json_integer_value(a, &in_a) && json_integer_value(b, &in_b))
		return in_a == in_b;
	return a->valuedouble == b->valuedouble;
}

gboolean json_equal(const cJSON *a, const cJSON *b)
{
	if (a == b)
		return TRUE;
	if (!a || !b || (a->type & 0xff) != (b->type & 0xff))
		return FALSE;
	switch (a->type & 0xff) {
	case cJSON_Object:
		return members_equal(a, b);
	case cJSON_Array:
		return elements_equal(a, b);
	case cJSON_String:
		return strcmp(a->valuestring, b->valuestring) == 0;
	case cJSON_Number:
		return numbers_equal(a, b);
	default:
		return TRUE;
	}
}

void json_merge_patch(cJSON *target, const cJSON *patch)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, patch)
	{
		if (cJSON_IsNull(member))
			json_unset(target, member->string);
		else if (cJSON_IsObject(member))
			json_merge_patch(json_ensure_object(target, member->string), member);
		else
			json_set(target, member->string, cJSON_Duplicate(member, TRUE));
	}
}

static void diff_member(cJSON *patch, const cJSON *old, const cJSON *new)
{
	g_autoptr(cJSON) inner = NULL;

	if (cJSON_IsObject(old) && cJSON_IsObject(new)) {
		inner = json_merge_diff(old, new);
		if (inner->child)
			cJSON_AddItemToObject(patch, new->string, g_steal_pointer(&inner));
	} else if (!json_equal(old, new)) {
		cJSON_AddItemToObject(patch, new->string, cJSON_Duplicate(new, TRUE));
	}
}

cJSON *json_merge_diff(const cJSON *from, const cJSON *to)
{
	cJSON *patch = cJSON_CreateObject();
	const cJSON *member, *hint;

	hint = from ? from->child : NULL;
	cJSON_ArrayForEach(member, to)
		diff_member(patch, find_near(from, &hint, member->string), member);
	hint = to ? to->child : NULL;
	cJSON_ArrayForEach(member, from)
	{
		if (!find_near(to, &hint, member->string))
			cJSON_AddItemToObject(patch, member->string, cJSON_CreateNull());
	}
	return patch;
}
