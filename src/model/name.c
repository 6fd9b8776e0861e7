/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes' rules for names and labels; declared in model/object.h. */
#include <string.h>

#include "base/error.h"
#include "model/object.h"

#define DNS_LABEL_MAX 63
#define DNS_SUBDOMAIN_MAX 253
#define LABEL_NAME_MAX 63

static gboolean is_lower_alnum(char c)
{
	return g_ascii_islower(c) || g_ascii_isdigit(c);
}

/* One label of DNS-1123: lower-case letters, digits, '-', which does not begin or end it. */
static gboolean is_dns_part(const char *part, gsize length)
{
	if (length == 0 || !is_lower_alnum(part[0]) || !is_lower_alnum(part[length - 1]))
		return FALSE;
	for (gsize i = 0; i < length; i++) {
		if (!is_lower_alnum(part[i]) && part[i] != '-')
			return FALSE;
	}
	return TRUE;
}

static gboolean is_dns_subdomain(const char *name, gsize length)
{
	gsize start = 0;

	if (length > DNS_SUBDOMAIN_MAX)
		return FALSE;
	for (gsize i = 0; i <= length; i++) {
		if (i < length && name[i] != '.')
			continue;
		if (!is_dns_part(name + start, i - start))
			return FALSE;
		start = i + 1;
	}
	return TRUE;
}

/* What may stand in a label's value or in the name part of its key. */
static gboolean is_label_name(const char *name, gsize length)
{
	if (length == 0 || length > LABEL_NAME_MAX)
		return FALSE;
	if (!g_ascii_isalnum(name[0]) || !g_ascii_isalnum(name[length - 1]))
		return FALSE;
	for (gsize i = 0; i < length; i++) {
		if (!g_ascii_isalnum(name[i]) && !strchr("-_.", name[i]))
			return FALSE;
	}
	return TRUE;
}

static gboolean refuse(GError **error, const char *what, const char *name, const char *rule)
{
	g_autofree char *shown = error_excerpt(name);

	return error_set(error, KVMIG_ERROR_INVALID, "%s '%s' %s", what, shown, rule);
}

gboolean name_check_dns_subdomain(const char *name, const char *what, GError **error)
{
	if (is_dns_subdomain(name, strlen(name)))
		return TRUE;
	return refuse(error, what, name,
		      "is not a name: at most 253 lower-case letters, digits, '-' and '.', with a "
		      "letter or digit at the begin and end of every part");
}

gboolean name_check_dns_label(const char *name, const char *what, GError **error)
{
	if (strlen(name) <= DNS_LABEL_MAX && is_dns_part(name, strlen(name)))
		return TRUE;
	return refuse(error, what, name,
		      "is not a name: at most 63 lower-case letters, digits and '-', with a letter "
		      "or digit at the begin and end");
}

gboolean name_check_label_key(const char *key, GError **error)
{
	const char *slash = strchr(key, '/');
	const char *name = slash ? slash + 1 : key;

	if (slash && !is_dns_subdomain(key, (gsize)(slash - key)))
		return refuse(error, "label key", key,
			      "has a prefix that is not a DNS name (lower-case letters, digits, "
			      "'-', '.')");
	if (is_label_name(name, strlen(name)))
		return TRUE;
	return refuse(error, "label key", key,
		      "is not one: at most 63 letters, digits, '-', '_' and '.', with a letter or "
		      "digit at the begin and end, and a DNS prefix and '/' before it if any");
}

gboolean name_check_label_value(const char *value, GError **error)
{
	if (*value == '\0' || is_label_name(value, strlen(value)))
		return TRUE;
	return refuse(error, "label value", value,
		      "is not one: empty, or at most 63 letters, digits, '-', '_' and '.', with a "
		      "letter or digit at the begin and end");
}

char *name_from_text(const char *text, gsize max)
{
	GString *name = g_string_new(NULL);

	g_return_val_if_fail(max >= 2 && max <= DNS_LABEL_MAX, NULL);
	for (; text && *text && name->len < max; text++) {
		char c = g_ascii_tolower(*text);

		if (is_lower_alnum(c))
			g_string_append_c(name, c);
		else if (name->len > 0 && name->str[name->len - 1] != '-')
			g_string_append_c(name, '-');
	}
	while (name->len > 0 && name->str[name->len - 1] == '-')
		g_string_truncate(name, name->len - 1);
	if (name->len == 0)
		g_string_append(name, "vm");
	return g_string_free(name, FALSE);
}
