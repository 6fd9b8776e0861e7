/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors: one GError domain, a closed set of codes, and beside the message two things that every
 * error of kvmig can carry: a hint (what to do next) and a stable reason code (base/reason.h).
 *
 * The code says what can be done about the failure, not where it arose: a caller may branch on
 * it, and cmd/ turns it into the exit status. The message says what failed, on which object and
 * why, in lower case, names in single quotes, one line, no full stop: "cannot migrate 'web-1':
 * node 'n2' is unreachable: Connection refused".
 *
 * Conventions, everywhere in src/:
 *   - a function that can fail takes `GError **error` last and returns FALSE or NULL on failure,
 *     with *error set; on success *error is untouched. NULL means that the caller does not care.
 *   - src/ never prints and never exits; it reports through GError, and logs with g_debug(),
 *     g_info() and g_warning(), which only cmd/ decides to show.
 *   - context is put in front on the way up: error_prefix(error, "cannot open store '%s'", path).
 */
#pragma once

#include <glib.h>

typedef enum {
	KVMIG_ERROR_FAILED,	 /* it was tried and did not work; the message says why */
	KVMIG_ERROR_USAGE,	 /* the command line is wrong */
	KVMIG_ERROR_INVALID,	 /* a value or an object breaks a rule (HTTP 400, 422) */
	KVMIG_ERROR_NOT_FOUND,	 /* no such object, context, file (HTTP 404) */
	KVMIG_ERROR_EXISTS,	 /* there is one of that name already (HTTP 409 AlreadyExists) */
	KVMIG_ERROR_CONFLICT,	 /* changed by somebody else, or already in flight (HTTP 409) */
	KVMIG_ERROR_FORBIDDEN,	 /* not permitted (HTTP 401, 403; EACCES) */
	KVMIG_ERROR_REFUSED,	 /* refused by preflight or policy: it could be done */
	KVMIG_ERROR_UNREACHABLE, /* cluster or host cannot be reached */
	KVMIG_ERROR_TIMEOUT,	 /* not done by its deadline; whether it happened may be unknown */
	KVMIG_ERROR_CANCELLED,	 /* ended because somebody asked for it */
	KVMIG_ERROR_EXPIRED,	 /* a watch's resourceVersion is too old: list again (HTTP 410) */
	KVMIG_ERROR_UNSUPPORTED, /* this build, cluster or host has no such feature */
	KVMIG_ERROR_IO,		 /* disk, file or store: full, read-only, damaged, locked */
	KVMIG_ERROR_PARTIAL,	 /* some of several things were done */
	KVMIG_ERROR_INTERNAL,	 /* a bug in kvmig */
	KVMIG_ERROR_LAST
} KvmigError;

#define KVMIG_ERROR (kvmig_error_quark())
GQuark kvmig_error_quark(void);

/* Sets *error (which must be NULL) unless error is NULL. Returns FALSE, so that a failing
 * function can end with `return error_set(error, …);`. */
gboolean error_set(GError **error, KvmigError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* The same with errno's text after the message and the code that fits errnum: ENOENT is
 * NOT_FOUND, EACCES, EPERM and EROFS are FORBIDDEN, ECONNREFUSED and its like UNREACHABLE,
 * ETIMEDOUT is TIMEOUT, all else IO. */
gboolean error_set_errno(GError **error, int errnum, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Puts "format: " in front of the message. Does nothing where error is NULL or unset. */
void error_prefix(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Sets the hint, replacing one that is there. One line, an order or a command to type, no full
 * stop. Does nothing where error is NULL, unset or of another domain. */
void error_hint(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* For a value that came from the command line: INVALID becomes USAGE; message and hint stay. Does
 * nothing with other codes, or where error is NULL or unset. Returns FALSE. */
gboolean error_usage(GError **error);

/* Sets the reason code: a string from base/reason.h, which is not copied. */
void error_reason(GError **error, const char *reason);

/* Both return NULL where there is none. Borrowed from the error. */
const char *error_get_hint(const GError *error);
const char *error_get_reason(const GError *error);

/* Text from outside made fit for a message: valid UTF-8, at most 60 characters, none of them a
 * control character; "..." at the end where it was cut. NULL is "". Free with g_free(). */
char *error_excerpt(const char *text);

/* The code of an error of any domain: foreign ones are FAILED, or what their errno-like code
 * says for GFileError. */
KvmigError error_code(const GError *error);
