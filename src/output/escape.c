/* SPDX-License-Identifier: Apache-2.0 */
/* Text from outside made harmless for a terminal, and how wide it is there. */
#include <string.h>

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
	gint64 s = (now_us - then_us) / G_USEC_PER_SEC;
	const gint64 minute = 60, hour = 60 * minute, day = 24 * hour, year = 365 * day;

	if (!then_us)
		return g_strdup("-");
	s = MAX(s, 0); /* another machine's clock may be ahead */
	if (s < 2 * minute)
		return g_strdup_printf("%ds", (int)s);
	if (s < 10 * minute && s % minute)
		return g_strdup_printf("%dm%ds", (int)(s / minute), (int)(s % minute));
	if (s < 3 * hour)
		return g_strdup_printf("%dm", (int)(s / minute));
	if (s < 8 * hour && s % hour / minute)
		return g_strdup_printf("%dh%dm", (int)(s / hour), (int)(s % hour / minute));
	if (s < 2 * day)
		return g_strdup_printf("%dh", (int)(s / hour));
	if (s < 8 * day && s % day / hour)
		return g_strdup_printf("%dd%dh", (int)(s / day), (int)(s % day / hour));
	if (s < 2 * year)
		return g_strdup_printf("%dd", (int)(s / day));
	return g_strdup_printf("%dy", (int)(s / year));
}
