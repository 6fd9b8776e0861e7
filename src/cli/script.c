/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/script.h"

#include <string.h>

char *script_path(const CommandPath *path)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < path->depth; i++)
		g_string_append_printf(text, "%s%s", i ? " " : "", path->words[i]->name);
	return g_string_free(text, FALSE);
}

gboolean script_visible(const CommandPath *path)
{
	for (guint i = 0; i < path->depth; i++)
		if (path->words[i]->needs & HIDDEN)
			return FALSE;
	return TRUE;
}

char *script_names(const Command *const *commands)
{
	GString *text = g_string_new(NULL);

	for (; commands && *commands; commands++)
		if (!((*commands)->needs & HIDDEN))
			g_string_append_printf(text, "%s%s", text->len ? " " : "",
					       (*commands)->name);
	return g_string_free(text, FALSE);
}

char *script_quote(const char *text, const char *also)
{
	GString *quoted = g_string_new(NULL);

	for (; *text; text++) {
		if (*text == '\'')
			g_string_append(quoted, "'\\''");
		else if (strchr(also, *text))
			g_string_append_printf(quoted, "\\%c", *text);
		else
			g_string_append_c(quoted, *text);
	}
	return g_string_free(quoted, FALSE);
}
