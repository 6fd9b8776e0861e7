/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <glib.h>

/* The words of `candidates` (NULL-terminated) near to `word` (edit distance, then prefix), nearest
 * first, at most three, "'a', 'b' or 'c'"; NULL: none is near. Free with g_free(). */
char *nearest_words(const char *word, const char *const *candidates);
