/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts JSON into parts as it arrives, so that a list of any length takes the memory of one of its
 * items. Looks at strings and nesting only: whether a part is JSON, its reader says.
 */
#pragma once

#include <glib.h>

/* A part is complete: `text` is borrowed. FALSE ends the cutting; with *error set it has failed. */
typedef gboolean (*SplitFunc)(const char *key, const char *text, gsize length, gpointer data,
			      GError **error);

typedef struct {
	const char *array; /* borrowed; NULL: a sequence of values, as a watch sends them */
	const char *what;  /* "the reply of …", for messages; borrowed */
	SplitFunc func;
	gpointer data;

	/* private */
	int state;
	gboolean in_string, escaped, seen_array;
	unsigned depth;
	guint64 total;
	GString *key;
	GByteArray *part; /* the beginning of a part that came in earlier pieces */
} Split;

/*
 * With `array`: one object; `func` gets each element of the member of that name as it is complete
 * (key: the array's name), and each other member of the object whole. Without: each value, key
 * NULL.
 */
void split_init(Split *split, const char *array, const char *what, SplitFunc func, gpointer data);
void split_clear(Split *split);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Split, split_clear)

/* FALSE with *error: malformed or too large (INVALID), or what func set; without: func said so. */
gboolean split_feed(Split *split, const char *data, gsize length, GError **error);
/* At the end of the input: INVALID where something is missing. */
gboolean split_end(Split *split, GError **error);
