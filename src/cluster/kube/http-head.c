/* SPDX-License-Identifier: Apache-2.0 */
/* The head of a reply: pure. The lines are a stranger's; their number and size are the caller's to
 * limit. */
#include "config.h"

#include <string.h>

#include "cluster/kube/http-private.h"

/* texts kept of one reply; the API server itself sends 4 KiB of them at most */
#define WARNINGS_MAX 64

void http_head_clear(HttpHead *head)
{
	g_clear_pointer(&head->content_type, g_free);
	g_clear_pointer(&head->etag, g_free);
	g_clear_pointer(&head->location, g_free);
	g_clear_pointer(&head->warnings, g_ptr_array_unref);
}

void http_head_init(HttpHead *head)
{
	memset(head, 0, sizeof *head);
	head->retry_after_s = -1;
	head->warnings = g_ptr_array_new_with_free_func(g_free);
}

/* ---- Warning: 299 agent "text" "date", ... (RFC 7234) ---------------------------------------- */

/* The text of a quoted string, without control characters; *at is moved behind it. NULL: none. */
static char *take_quoted(const char **at)
{
	const char *c = *at;
	GString *text;
	char *valid;

	if (*c++ != '"')
		return NULL;
	text = g_string_new(NULL);
	for (; *c && *c != '"'; c++) {
		if (*c == '\\' && c[1])
			c++;
		g_string_append_c(text, (guchar)*c < ' ' || *c == 0x7f ? ' ' : *c);
	}
	if (*c != '"') {
		g_string_free(text, TRUE);
		return NULL;
	}
	*at = c + 1;
	valid = g_utf8_make_valid(text->str, (gssize)text->len);
	g_string_free(text, TRUE);
	return valid;
}

/* One warning; NULL where it is none that can be read, and then the rest cannot be either. */
static char *take_warning(const char **at, gboolean *ret_kept)
{
	const char *c = *at;
	char *text;

	while (*c == ' ' || *c == '\t' || *c == ',')
		c++;
	if (!g_ascii_isdigit(c[0]) || !g_ascii_isdigit(c[1]) || !g_ascii_isdigit(c[2]) ||
	    c[3] != ' ')
		return NULL;
	*ret_kept = strncmp(c, "299", 3) == 0;
	for (c += 4; *c && *c != ' '; c++) /* the agent */
		;
	while (*c == ' ')
		c++;
	text = take_quoted(&c);
	if (!text)
		return NULL;
	while (*c == ' ')
		c++;
	if (*c == '"')
		g_free(take_quoted(&c)); /* the date */
	*at = c;
	return text;
}

void http_head_add_warnings(GPtrArray *warnings, const char *value)
{
	while (warnings->len < WARNINGS_MAX) {
		gboolean kept = FALSE;
		char *text = take_warning(&value, &kept);

		if (!text)
			return;
		if (kept && *text)
			g_ptr_array_add(warnings, text);
		else
			g_free(text);
	}
}

/* ---- lines ----------------------------------------------------------------------------------- */

/* "HTTP/1.1 200 OK", "HTTP/2 200" */
static int status_of(const char *line)
{
	const char *code = strchr(line, ' ');

	if (!code || !g_ascii_isdigit(code[1]) || !g_ascii_isdigit(code[2]) ||
	    !g_ascii_isdigit(code[3]))
		return 0;
	return (code[1] - '0') * 100 + (code[2] - '0') * 10 + (code[3] - '0');
}

static char *media_type(const char *value)
{
	g_autofree char *type = g_strndup(value, strcspn(value, ";"));

	return g_ascii_strdown(g_strstrip(type), -1);
}

/* Seconds only: the API server sends no dates. More than an hour is taken for an hour. */
static gint64 retry_after(const char *value)
{
	guint64 seconds;

	if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT64, &seconds, NULL))
		return -1;
	return (gint64)MIN(seconds, 3600);
}

static void replace(char **field, char *value)
{
	g_free(*field);
	*field = value;
}

void http_head_line(HttpHead *head, const char *line, gsize length)
{
	g_autofree char *text = g_strndup(line, length);
	char *value;

	if (g_str_has_prefix(text, "HTTP/")) {
		http_head_clear(head);
		http_head_init(head);
		head->status = status_of(text);
		return;
	}
	value = strchr(text, ':');
	if (!value)
		return;
	*value++ = '\0';
	value = g_strstrip(value);
	if (g_ascii_strcasecmp(text, "content-type") == 0)
		replace(&head->content_type, media_type(value));
	else if (g_ascii_strcasecmp(text, "etag") == 0)
		replace(&head->etag, g_strdup(value));
	else if (g_ascii_strcasecmp(text, "location") == 0)
		replace(&head->location, g_strdup(value));
	else if (g_ascii_strcasecmp(text, "retry-after") == 0)
		head->retry_after_s = retry_after(value);
	else if (g_ascii_strcasecmp(text, "warning") == 0)
		http_head_add_warnings(head->warnings, value);
}
