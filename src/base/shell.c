/* SPDX-License-Identifier: Apache-2.0 */
#include "base/shell.h"

#include <string.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./-_"

char *shell_word(const char *word)
{
	GString *text;

	if (*word && strspn(word, PLAIN) == strlen(word))
		return g_strdup(word);
	text = g_string_new("\"");
	for (; *word; word++) {
		if (strchr("\"\\$`", *word))
			g_string_append_c(text, '\\');
		g_string_append_c(text, *word);
	}
	g_string_append_c(text, '"');
	return g_string_free(text, FALSE);
}
