/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/split.h"

#include <string.h>

#include "base/error.h"
#include "model/json.h"

#define KEY_MAX_BYTES 1024

enum {
	AT_START,     /* the object, or the next value of a sequence */
	AT_FIRST_KEY, /* a key or '}' */
	AT_KEY,       /* a key */
	IN_KEY,
	AT_COLON,
	AT_VALUE,
	IN_VALUE,
	AFTER_VALUE,   /* ',' or '}' */
	AT_FIRST_ITEM, /* an item or ']' */
	AT_ITEM,
	IN_ITEM,
	AFTER_ITEM, /* ',' or ']' */
	AT_END,
};

void split_init(Split *split, const char *array, const char *what, SplitFunc func, gpointer data)
{
	*split = (Split){ .array = array, .what = what, .func = func, .data = data };
	split->key = g_string_new(NULL);
	split->part = g_byte_array_new();
}

void split_clear(Split *split)
{
	if (split->key)
		g_string_free(split->key, TRUE);
	g_clear_pointer(&split->part, g_byte_array_unref);
	split->key = NULL;
}

static gboolean fail(const Split *split, const char *why, GError **error)
{
	return error_set(error, KVMIG_ERROR_INVALID,
			 "%s is not valid JSON: at byte %" G_GUINT64_FORMAT ": %s", split->what,
			 split->total, why);
}

static gboolean is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* ---- a value -------------------------------------------------------------------------------- */

/* The first byte at or behind `at` where a string may end. */
static const char *skip_plain_string(const char *at, const char *end)
{
	while (at < end && *at != '"' && *at != '\\')
		at++;
	return at;
}

/* Within a string: returns behind it, or `end`; in_string tells which. */
static const char *scan_string(Split *split, const char *at, const char *end)
{
	while (at < end) {
		if (split->escaped) {
			split->escaped = FALSE;
			at++;
			continue;
		}
		at = skip_plain_string(at, end);
		if (at == end)
			break;
		if (*at++ == '"') {
			split->in_string = FALSE;
			break;
		}
		split->escaped = TRUE;
	}
	return at;
}

/* Goes on within a value; *ret_done: it ends before the returned place. A number or word ends at
 * the character behind it. */
static const char *scan_value(Split *split, const char *at, const char *end, gboolean *ret_done)
{
	while (at < end) {
		if (split->in_string) {
			at = scan_string(split, at, end);
			*ret_done = !split->in_string && split->depth == 0;
			if (*ret_done)
				return at;
			continue;
		}
		switch (*at) {
		case '"':
			split->in_string = TRUE;
			break;
		case '{':
		case '[':
			split->depth++;
			break;
		case '}':
		case ']':
			*ret_done = split->depth <= 1;
			if (split->depth == 0)
				return at; /* behind a number: not ours */
			if (--split->depth == 0)
				return at + 1;
			break;
		default:
			*ret_done = split->depth == 0 && (*at == ',' || is_blank(*at));
			if (*ret_done)
				return at;
		}
		at++;
	}
	return at;
}

static gboolean give(Split *split, const char *text, gsize length, GError **error)
{
	const char *key = split->array ? split->key->str : NULL;
	gboolean ok;

	if (split->part->len > 0) {
		g_byte_array_append(split->part, (const guint8 *)text, (guint)length);
		text = (const char *)split->part->data;
		length = split->part->len;
	}
	ok = split->func(key, text, length, split->data, error);
	/* an unusually large one must not stay for good */
	if (split->part->len > 1024 * 1024) {
		g_byte_array_unref(split->part);
		split->part = g_byte_array_new();
	}
	g_byte_array_set_size(split->part, 0);
	return ok;
}

/* Takes what belongs to the value under way. */
static gboolean take_value(Split *split, const char **at, const char *end, GError **error)
{
	gboolean done = FALSE;
	const char *start = *at;
	gsize length;

	*at = scan_value(split, start, end, &done);
	length = (gsize)(*at - start);
	split->total += length;
	if (split->depth > JSON_MAX_DEPTH)
		return fail(split, "nested too deeply", error);
	if (split->part->len + length > JSON_MAX_BYTES)
		return error_set(error, KVMIG_ERROR_INVALID, "%s: one object is larger than %u MiB",
				 split->what, JSON_MAX_BYTES / 1024 / 1024);
	if (!done) {
		g_byte_array_append(split->part, (const guint8 *)start, (guint)length);
		return TRUE;
	}
	if (!split->array)
		split->state = AT_START;
	else
		split->state = split->state == IN_ITEM ? AFTER_ITEM : AFTER_VALUE;
	return give(split, start, length, error);
}

/* ---- around the values ---------------------------------------------------------------------- */

static gboolean take_key(Split *split, char c, GError **error)
{
	if (c == '"' && !split->escaped) {
		split->state = AT_COLON;
		return TRUE;
	}
	split->escaped = !split->escaped && c == '\\';
	g_string_append_c(split->key, c);
	return split->key->len <= KEY_MAX_BYTES ? TRUE : fail(split, "key too long", error);
}

static gboolean begin_value(Split *split, char c, gboolean *ret_keep, GError **error)
{
	if (!strchr("{[\"-tfn", c) && !g_ascii_isdigit(c))
		return fail(split, "a value was expected", error);
	if (split->state == AT_VALUE && c == '[' && strcmp(split->key->str, split->array) == 0) {
		if (split->seen_array)
			return fail(split, "a list that is there twice", error);
		split->seen_array = TRUE;
		split->state = AT_FIRST_ITEM;
		return TRUE;
	}
	*ret_keep = TRUE; /* the value begins with it */
	split->state = split->state == AT_VALUE ? IN_VALUE : IN_ITEM;
	split->depth = 0;
	split->in_string = split->escaped = FALSE;
	return TRUE;
}

static gboolean expect(Split *split, char c, char more, int more_state, char last, int last_state,
		       GError **error)
{
	if (c == more)
		split->state = more_state;
	else if (c == last)
		split->state = last_state;
	else
		return fail(split, "unexpected character", error);
	return TRUE;
}

/* One character between values; *ret_keep: it is not used up. */
static gboolean step(Split *split, char c, gboolean *ret_keep, GError **error)
{
	if (split->state != IN_KEY && is_blank(c))
		return TRUE;
	switch (split->state) {
	case AT_START:
		if (!split->array)
			return begin_value(split, c, ret_keep, error);
		return expect(split, c, '{', AT_FIRST_KEY, '{', AT_FIRST_KEY, error);
	case AT_FIRST_KEY:
		g_string_truncate(split->key, 0);
		return expect(split, c, '"', IN_KEY, '}', AT_END, error);
	case AT_KEY:
		g_string_truncate(split->key, 0);
		return expect(split, c, '"', IN_KEY, '"', IN_KEY, error);
	case IN_KEY:
		return take_key(split, c, error);
	case AT_COLON:
		return expect(split, c, ':', AT_VALUE, ':', AT_VALUE, error);
	case AFTER_VALUE:
		return expect(split, c, ',', AT_KEY, '}', AT_END, error);
	case AFTER_ITEM:
		return expect(split, c, ',', AT_ITEM, ']', AFTER_VALUE, error);
	case AT_FIRST_ITEM:
		if (c == ']')
			return expect(split, c, ']', AFTER_VALUE, ']', AFTER_VALUE, error);
		return begin_value(split, c, ret_keep, error);
	case AT_VALUE:
	case AT_ITEM:
		return begin_value(split, c, ret_keep, error);
	default:
		return fail(split, "text behind the end of the document", error);
	}
}

gboolean split_feed(Split *split, const char *data, gsize length, GError **error)
{
	const char *at = data, *end = data + length;

	while (at < end) {
		gboolean keep = FALSE;

		if (split->state == IN_VALUE || split->state == IN_ITEM) {
			if (!take_value(split, &at, end, error))
				return FALSE;
			continue;
		}
		if (!step(split, *at, &keep, error))
			return FALSE;
		if (!keep) {
			at++;
			split->total++;
		}
	}
	return TRUE;
}

gboolean split_end(Split *split, GError **error)
{
	if (split->array && split->state != AT_END)
		return fail(split, "unexpected end", error);
	if (!split->array && split->state == IN_ITEM && split->depth == 0 && !split->in_string) {
		/* a number or word that nothing followed */
		split->state = AT_START;
		return give(split, "", 0, error);
	}
	return split->state == AT_END || split->state == AT_START
		       ? TRUE
		       : fail(split, "unexpected end", error);
}
