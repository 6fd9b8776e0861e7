/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean": edit distance with transpositions, as for spelling mistakes at a keyboard. */
#include <string.h>

#include "base/nearest.h"

#define MAX_WORD 64
#define MAX_SHOWN 3

/* Damerau's distance in its simple form: no substring is edited twice. */
static guint distance(const char *a, const char *b)
{
	guint rows[3][MAX_WORD + 1];
	guint *before = rows[0], *last = rows[1], *now = rows[2];
	gsize la = strlen(a), lb = strlen(b);

	if (la > MAX_WORD || lb > MAX_WORD)
		return G_MAXUINT;
	for (guint j = 0; j <= lb; j++)
		last[j] = before[j] = j;
	for (guint i = 1; i <= la; i++) {
		guint *spare = before;

		now[0] = i;
		for (guint j = 1; j <= lb; j++) {
			now[j] = MIN(last[j - 1] + (a[i - 1] != b[j - 1]),
				     MIN(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = MIN(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = spare;
	}
	return last[lb];
}

typedef struct {
	const char *word;
	guint score; /* smaller is nearer; G_MAXUINT: not near at all */
	guint place;
} Candidate;

static guint score(const char *word, const char *candidate)
{
	guint edits = distance(word, candidate);
	gsize dashes = strspn(word, "-");
	gsize length = strlen(word);

	if (edits != G_MAXUINT && edits <= 1 + (length - dashes) / 4)
		return edits;
	/* The beginning of a long word: not a mistake, but an abbreviation that does not exist. */
	if (length >= dashes + 2 && strncmp(word, candidate, length) == 0)
		return 100;
	return G_MAXUINT;
}

static int compare(gconstpointer a, gconstpointer b)
{
	const Candidate *left = a, *right = b;

	if (left->score != right->score)
		return left->score < right->score ? -1 : 1;
	return left->place < right->place ? -1 : left->place > right->place;
}

char *nearest_words(const char *word, const char *const *candidates)
{
	g_autoptr(GArray) near = g_array_new(FALSE, FALSE, sizeof(Candidate));
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; candidates[i]; i++) {
		Candidate candidate = { candidates[i], score(word, candidates[i]), i };

		if (candidate.score != G_MAXUINT)
			g_array_append_val(near, candidate);
	}
	g_array_sort(near, compare);
	g_array_set_size(near, MIN(near->len, MAX_SHOWN));
	for (guint i = 0; i < near->len; i++)
		g_string_append_printf(text, "%s'%s'",
				       i == 0              ? ""
				       : i + 1 < near->len ? ", "
							   : " or ",
				       g_array_index(near, Candidate, i).word);
	return near->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}
