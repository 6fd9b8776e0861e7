/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside made harmless for a terminal, and how wide it is there. */
#include <string.h>

#include "model/quantity.h"
#include "output/printer.h"

/* Overrides and isolates that make text read otherwise than it is, and invisible marks. */
static gboolean is_deceptive(gunichar c)
{
	return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
	       c == 0x200f || c == 0x061c || c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

static void append_char(GString *safe, gunichar c, const char *text, gsize length)
{
	if (c == '\n')
		g_string_append(safe, "\\n");
	else if (c == '\t')
		g_string_append(safe, "\\t");
	else if (c == '\r')
		g_string_append(safe, "\\r");
	else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		g_string_append_printf(safe, "\\x%02x", c);
	else if (is_deceptive(c))
		g_string_append_printf(safe, "\\u%04x", c);
	else
		g_string_append_len(safe, text, (gssize)length);
}

char *output_escape(const char *text)
{
	GString *safe = g_string_sized_new(strlen(text) + 1);

	while (*text) {
		gunichar c = g_utf8_get_char_validated(text, -1);
		gsize length;

		if (c == (gunichar)-1 || c == (gunichar)-2) {
			g_string_append_printf(safe, "\\x%02x", (guchar)*text++);
			continue;
		}
		length = (gsize)(g_utf8_next_char(text) - text);
		append_char(safe, c, text, length);
		text += length;
	}
	return g_string_free(safe, FALSE);
}

gsize output_width(const char *text)
{
	gsize width = 0;

	while (*text) {
		gunichar c = g_utf8_get_char_validated(text, -1);

		if (c == (gunichar)-1 || c == (gunichar)-2) {
			width++;
			text++;
			continue;
		}
		if (!g_unichar_iszerowidth(c))
			width += g_unichar_iswide(c) ? 2 : 1;
		text = g_utf8_next_char(text);
	}
	return width;
}

char *output_age(gint64 then_us, gint64 now_us)
{
	return then_us ? duration_age((now_us - then_us) / 1000) : g_strdup("-");
}
