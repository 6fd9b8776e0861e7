/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"

#include <errno.h>

/* What rides along in the GError, behind GLib's extended error domains. */
typedef struct {
	char *hint;
	const char *reason;
} KvmigErrorPrivate;

static void kvmig_error_private_init(KvmigErrorPrivate *priv)
{
	priv->hint = NULL;
	priv->reason = NULL;
}

static void kvmig_error_private_copy(const KvmigErrorPrivate *from, KvmigErrorPrivate *to)
{
	to->hint = g_strdup(from->hint);
	to->reason = from->reason;
}

static void kvmig_error_private_clear(KvmigErrorPrivate *priv)
{
	g_free(priv->hint);
}

G_DEFINE_EXTENDED_ERROR(KvmigError, kvmig_error)

static gboolean G_GNUC_PRINTF(3, 0)
	set_valist(GError **error, KvmigError code, const char *format, va_list ap)
{
	if (error) {
		g_return_val_if_fail(!*error, FALSE);
		*error = g_error_new_valist(KVMIG_ERROR, code, format, ap);
	}
	return FALSE;
}

gboolean error_set(GError **error, KvmigError code, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	set_valist(error, code, format, ap);
	va_end(ap);
	return FALSE;
}

static KvmigError code_of_errno(int errnum)
{
	switch (errnum) {
	case ENOENT:
	case ENOTDIR:
		return KVMIG_ERROR_NOT_FOUND;
	case EEXIST:
		return KVMIG_ERROR_EXISTS;
	case EACCES:
	case EPERM:
	case EROFS:
		return KVMIG_ERROR_FORBIDDEN;
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN:
		return KVMIG_ERROR_UNREACHABLE;
	case ETIMEDOUT:
		return KVMIG_ERROR_TIMEOUT;
	default:
		return KVMIG_ERROR_IO;
	}
}

gboolean error_set_errno(GError **error, int errnum, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	return error_set(error, code_of_errno(errnum), "%s: %s", text, g_strerror(errnum));
}

void error_prefix(GError **error, const char *format, ...)
{
	g_autofree char *prefix = NULL;
	va_list ap;

	if (!error || !*error)
		return;
	va_start(ap, format);
	prefix = g_strdup_vprintf(format, ap);
	va_end(ap);
	g_prefix_error(error, "%s: ", prefix);
}

void error_hint(GError **error, const char *format, ...)
{
	KvmigErrorPrivate *priv;
	va_list ap;

	if (!error || !*error || (*error)->domain != KVMIG_ERROR)
		return;
	priv = kvmig_error_get_private(*error);
	g_free(priv->hint);
	va_start(ap, format);
	priv->hint = g_strdup_vprintf(format, ap);
	va_end(ap);
}

gboolean error_usage(GError **error)
{
	if (error && g_error_matches(*error, KVMIG_ERROR, KVMIG_ERROR_INVALID))
		(*error)->code = KVMIG_ERROR_USAGE;
	return FALSE;
}

void error_reason(GError **error, const char *reason)
{
	if (error && *error && (*error)->domain == KVMIG_ERROR)
		kvmig_error_get_private(*error)->reason = reason;
}

const char *error_get_hint(const GError *error)
{
	if (!error || error->domain != KVMIG_ERROR)
		return NULL;
	return kvmig_error_get_private(error)->hint;
}

const char *error_get_reason(const GError *error)
{
	if (!error || error->domain != KVMIG_ERROR)
		return NULL;
	return kvmig_error_get_private(error)->reason;
}

KvmigError error_code(const GError *error)
{
	if (error->domain == KVMIG_ERROR)
		return (KvmigError)error->code;
	if (error->domain == G_FILE_ERROR) {
		switch ((GFileError)error->code) {
		case G_FILE_ERROR_NOENT:
			return KVMIG_ERROR_NOT_FOUND;
		case G_FILE_ERROR_ACCES:
		case G_FILE_ERROR_PERM:
		case G_FILE_ERROR_ROFS:
			return KVMIG_ERROR_FORBIDDEN;
		case G_FILE_ERROR_EXIST:
			return KVMIG_ERROR_EXISTS;
		default:
			return KVMIG_ERROR_IO;
		}
	}
	return KVMIG_ERROR_FAILED;
}

char *error_excerpt(const char *text)
{
	enum { MAX = 60 };
	/* a character has at most 6 bytes also where it is no valid one */
	g_autofree char *head = g_strndup(text ? text : "", (gsize)(MAX + 1) * 6);
	g_autofree char *valid = g_utf8_make_valid(head, -1);
	GString *out = g_string_new(NULL);
	glong left = MAX;

	if (g_utf8_strlen(valid, -1) > MAX)
		left = MAX - 3;
	for (const char *c = valid; *c && left > 0; c = g_utf8_next_char(c), left--) {
		gunichar character = g_utf8_get_char(c);

		g_string_append_unichar(out, g_unichar_iscntrl(character) ? '?' : character);
	}
	if (g_utf8_strlen(valid, -1) > MAX)
		g_string_append(out, "...");
	return g_string_free(out, FALSE);
}
