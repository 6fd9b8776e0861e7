/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/status-error.h"

#include <string.h>

#include "base/error.h"
#include "cluster/kube/forbidden.h"
#include "cluster/kube/webhook.h"

#define MESSAGE_MAX_BYTES 1024
#define CAUSE_MAX_BYTES 300
#define CAUSES_MAX 10
#define VALUE_MAX_BYTES 120 /* of a value that was refused */
#define BODY_MAX_BYTES 200

/* ---- words ---------------------------------------------------------------------------------- */

char *status_clean(const char *text, gsize max)
{
	g_autofree char *valid =
		g_utf8_make_valid(text ? text : "", (gssize)strnlen(text ? text : "", max + 1));
	GString *out = g_string_new(NULL);
	gboolean blank = TRUE; /* runs of blanks become one, none at the beginning */

	for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
		gunichar c = g_utf8_get_char(at);
		gboolean is_blank = g_unichar_isspace(c) || g_unichar_iscntrl(c);

		if (is_blank && !blank)
			g_string_append_c(out, ' ');
		else if (!is_blank && g_unichar_isprint(c))
			g_string_append_unichar(out, c);
		blank = is_blank;
		if (out->len >= max) {
			g_string_append(out, "...");
			return g_string_free(out, FALSE);
		}
	}
	while (out->len > 0 && strchr(" .", out->str[out->len - 1]))
		g_string_truncate(out, out->len - 1);
	return g_string_free(out, FALSE);
}

char *status_describe(const StatusSubject *subject)
{
	const Kind *kind = subject->kind;
	gboolean in_namespace = kind && kind->namespaced && subject->ns;

	if (!kind)
		return g_strdup_printf("'%s'", subject->name ? subject->name : "");
	if (subject->name && in_namespace)
		return g_strdup_printf("%s '%s' in namespace '%s'", kind->singular, subject->name,
				       subject->ns);
	if (subject->name)
		return g_strdup_printf("%s '%s'", kind->singular, subject->name);
	if (in_namespace)
		return g_strdup_printf("%s in namespace '%s'", kind->plural, subject->ns);
	if (kind->namespaced)
		return g_strdup_printf("%s in all namespaces", kind->plural);
	return g_strdup(kind->plural);
}

#define GROUPS_BEGIN " (groups=["

/* Behind the list of Go's quoted strings, NULL where it has no end. */
static const char *behind_groups(const char *at)
{
	gboolean quoted = FALSE;

	for (; *at; at++) {
		if (quoted && *at == '\\' && at[1])
			at++;
		else if (*at == '"')
			quoted = !quoted;
		else if (!quoted && g_str_has_prefix(at, "])"))
			return at + strlen("])");
	}
	return NULL;
}

/* 'user "x" (groups=["a" "b"]) is attempting to grant RBAC permissions not currently held: ..': of
 * somebody in many groups there would be nothing left but these. */
static char *without_groups(const char *message)
{
	const char *begin = strstr(message, GROUPS_BEGIN);
	const char *end = begin ? behind_groups(begin + strlen(GROUPS_BEGIN)) : NULL;

	if (!end)
		return g_strdup(message);
	return g_strdup_printf("%.*s%s", (int)(begin - message), message, end);
}

/* "api version: message", or what the server said as a whole. */
static char *server_words(const cJSON *status, const char *fallback)
{
	g_autofree char *message = without_groups(json_string(status, "message", ""));
	g_autofree char *clean = status_clean(message, MESSAGE_MAX_BYTES);

	return *clean ? g_steal_pointer(&clean) : g_strdup(fallback);
}

/* ---- causes --------------------------------------------------------------------------------- */

/* 'Invalid value: "…the whole object…": strict decoding error: unknown field': what matters is
 * behind a value so long that nobody would get there. */
static const char *behind_long_value(const char *message)
{
	const char *begin = strstr(message, "Invalid value: \""), *end;

	if (!begin)
		return message;
	begin += strlen("Invalid value: \"");
	for (end = begin; *end && *end != '"'; end++)
		if (*end == '\\' && end[1])
			end++;
	if (end - begin < VALUE_MAX_BYTES || !g_str_has_prefix(end, "\": "))
		return message;
	return end + strlen("\": ");
}

static char *cause_text(const cJSON *cause)
{
	const char *words = json_string(cause, "message", "");
	const char *said = behind_long_value(words);
	g_autofree char *message = status_clean(said, CAUSE_MAX_BYTES);
	g_autofree char *field = status_clean(json_string(cause, "field", ""), CAUSE_MAX_BYTES);
	/* server-side apply writes ".spec.x" */
	const char *path = *field == '.' ? field + 1 : field;

	/* "patch" is what was sent, no field of the object */
	if (!*path || g_str_equal(path, "<nil>") || g_str_has_prefix(message, path) ||
	    (said != words && g_str_equal(path, "patch")))
		return g_steal_pointer(&message);
	return *message ? g_strdup_printf("%s: %s", path, message) : g_strdup(path);
}

/* All causes, NULL where there is none. */
static char *causes_text(const cJSON *status)
{
	const cJSON *causes = json_path(status, "details", "causes", NULL), *cause;
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	GString *out = NULL;

	cJSON_ArrayForEach(cause, causes)
	{
		g_autofree char *text = cause_text(cause);

		if (*text && !g_ptr_array_find_with_equal_func(texts, text, g_str_equal, NULL))
			g_ptr_array_add(texts, g_steal_pointer(&text));
		if (texts->len > 1000)
			break;
	}
	if (texts->len == 0)
		return NULL;
	out = g_string_new(NULL);
	for (guint i = 0; i < MIN(texts->len, CAUSES_MAX); i++)
		g_string_append_printf(out, "%s%s", i > 0 ? "; " : "",
				       (char *)g_ptr_array_index(texts, i));
	if (texts->len > CAUSES_MAX)
		g_string_append_printf(out, "; and %u more", texts->len - CAUSES_MAX);
	return g_string_free(out, FALSE);
}

/* ---- one function for each answer that needs more than the server's words -------------------- */

static gboolean set_invalid(GError **error, const StatusSubject *subject, const cJSON *status,
			    const char *what, const char *words)
{
	g_autofree char *causes = causes_text(status);

	error_set(error, KVMIG_ERROR_INVALID, "cannot %s %s: %s", subject->verb, what,
		  causes ? causes : words);
	return FALSE;
}

static gboolean set_unauthorized(GError **error, const StatusSubject *subject, const char *words)
{
	if (subject->user && *subject->user)
		error_set(error, KVMIG_ERROR_FORBIDDEN,
			  "%s does not accept the credentials of user '%s': %s", subject->server,
			  subject->user, words);
	else
		error_set(error, KVMIG_ERROR_FORBIDDEN, "%s wants credentials: %s", subject->server,
			  words);
	error_hint(error, "log in again, or name a user or token of the kubeconfig that is valid");
	return FALSE;
}

static gboolean set_forbidden(GError **error, const StatusSubject *subject, const cJSON *status,
			      const char *what, const char *words)
{
	const char *group = json_string(json_get(status, "details"), "group", "");
	g_autofree char *hint = NULL;
	/* by quota, by a policy of admission: not by the lack of a role */
	gboolean by_role = strstr(words, " cannot ") != NULL;

	error_set(error, KVMIG_ERROR_FORBIDDEN, "cannot %s %s: %s", subject->verb, what, words);
	if (!by_role || !subject->kind)
		return FALSE;
	hint = forbidden_hint(words);
	if (hint)
		error_hint(error, "%s", hint);
	else
		error_hint(error, "an admin can grant it with a role for %s%s%s",
			   subject->kind->plural, *group ? "." : "", group);
	return FALSE;
}

static gboolean set_too_large(GError **error, const StatusSubject *subject, const char *what)
{
	error_set(error, KVMIG_ERROR_INVALID,
		  "cannot %s %s: it is larger than '%s' takes (HTTP status 413)", subject->verb,
		  what, subject->context);
	error_hint(error, "API servers take about 3 MB, and less of most kinds");
	return FALSE;
}

/* Server-side apply calls its own inability to read the object an internal error: "failed to create
 * typed patch object (ns/name; group/version, Kind=K): .spec.x: expected string, got …", or
 * "…): errors: .spec.x: … .spec.y: …". What is behind the brackets, or NULL. */
static char *typed_patch_words(const char *words)
{
	static const char prefix[] = "failed to create typed patch object (";
	const char *rest = g_str_has_prefix(words, prefix) ? strstr(words, "): ") : NULL;
	g_auto(GStrv) causes = NULL;

	if (!rest)
		return NULL;
	rest += strlen("): ");
	if (g_str_has_prefix(rest, "errors: "))
		rest += strlen("errors: ");
	causes = g_strsplit(*rest == '.' ? rest + 1 : rest, " .", CAUSES_MAX);
	return g_strjoinv("; ", causes);
}

static gboolean set_unreadable(GError **error, const StatusSubject *subject, const char *what,
			       const char *words)
{
	return error_set(error, KVMIG_ERROR_INVALID, "cannot %s %s: %s", subject->verb, what,
			 words);
}

/* The object, its kind, its namespace, or some other object that the write needs. */
static gboolean set_not_found(GError **error, const StatusSubject *subject, const cJSON *status,
			      const char *what, const char *words)
{
	const cJSON *details = json_get(status, "details");
	const char *name = json_string(details, "name", NULL);
	const char *of = json_string(details, "kind", "");
	const Kind *kind = subject->kind;

	if (kind && (!name || !*name)) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED, "'%s' serves no %s of %s",
			  subject->context, kind->plural, kind_api_version(kind));
		error_hint(error, "'kvmig cluster info' tells what is installed there");
		return FALSE;
	}
	if (kind && g_str_equal(of, "namespaces") && kind->namespaced &&
	    g_strcmp0(name, subject->ns) == 0)
		return error_set(error, KVMIG_ERROR_NOT_FOUND, "no namespace '%s' in '%s'",
				 subject->ns, subject->context);
	if (kind && g_strcmp0(name, subject->name) == 0 &&
	    (g_str_equal(of, kind->plural) || g_str_equal(of, kind->kind) || !*of))
		return error_set(error, KVMIG_ERROR_NOT_FOUND, "no %s in '%s'", what,
				 subject->context);
	return error_set(error, KVMIG_ERROR_NOT_FOUND, "cannot %s %s in '%s': %s", subject->verb,
			 what, subject->context, words);
}

static gboolean set_conflict(GError **error, const StatusSubject *subject, const cJSON *status,
			     const char *what, const char *words)
{
	const char *reason = json_string(status, "reason", "");
	g_autofree char *causes = causes_text(status);
	const cJSON *first = json_path(status, "details", "causes", NULL);
	gboolean managers =
		first && first->child &&
		g_str_equal(json_string(first->child, "reason", ""), "FieldManagerConflict");

	if (g_str_equal(reason, "AlreadyExists") && !strstr(words, "is being deleted"))
		return error_set(error, KVMIG_ERROR_EXISTS, "%s is there already in '%s'", what,
				 subject->context);
	error_set(error, KVMIG_ERROR_CONFLICT, "cannot %s %s: %s", subject->verb, what,
		  causes ? causes : words);
	if (managers)
		error_hint(error, "leave these fields out of the manifest, or take them over from "
				  "their managers with --force-conflicts");
	return FALSE;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static KvmigError code_of(int http_status)
{
	switch (http_status) {
	case 405:
	case 406:
	case 415:
	case 501:
		return KVMIG_ERROR_UNSUPPORTED;
	case 408:
	case 504:
		return KVMIG_ERROR_TIMEOUT;
	case 410:
		return KVMIG_ERROR_EXPIRED;
	case 429:
	case 502:
	case 503:
		return KVMIG_ERROR_UNREACHABLE;
	default:
		return KVMIG_ERROR_FAILED;
	}
}

static gboolean set_other(GError **error, const StatusSubject *subject, int http_status,
			  const char *what, const char *words)
{
	g_autofree char *hint = webhook_hint(words);

	error_set(error, code_of(http_status), "cannot %s %s in '%s': %s", subject->verb, what,
		  subject->context, words);
	if (hint)
		error_hint(error, "%s", hint);
	else if (http_status == 429)
		error_hint(error, "the server is busy: try again in a while");
	return FALSE;
}

static gboolean set_error(GError **error, const StatusSubject *subject, int http_status,
			  const cJSON *status, const char *fallback)
{
	g_autofree char *what = status_describe(subject);
	g_autofree char *words = server_words(status, fallback);
	g_autofree char *unreadable = typed_patch_words(words);

	if (unreadable)
		return set_unreadable(error, subject, what, unreadable);
	switch (http_status) {
	case 400:
	case 422:
		return set_invalid(error, subject, status, what, words);
	case 401:
		return set_unauthorized(error, subject, words);
	case 403:
		return set_forbidden(error, subject, status, what, words);
	case 404:
		return set_not_found(error, subject, status, what, words);
	case 409:
		return set_conflict(error, subject, status, what, words);
	case 413:
		return set_too_large(error, subject, what);
	default:
		return set_other(error, subject, http_status, what, words);
	}
}

gboolean status_error_set_object(GError **error, const StatusSubject *subject, int http_status,
				 const cJSON *status)
{
	gint64 code = json_int(status, "code", http_status);
	g_autofree char *fallback = g_strdup_printf("HTTP status %d", http_status);

	/* a code that is none must not choose */
	if (code < 400 || code > 599)
		code = http_status;
	return set_error(error, subject, (int)code, status, fallback);
}

/* What is no Status object: a proxy's page, "404 page not found". */
static char *describe_body(int http_status, const char *body, gsize length)
{
	g_autofree char *text = g_strndup(body ? body : "", body ? length : 0);
	g_autofree char *clean = status_clean(text, BODY_MAX_BYTES);

	if (!*clean || *clean == '<')
		return g_strdup_printf("HTTP status %d without an explanation", http_status);
	return g_strdup_printf("HTTP status %d: %s", http_status, clean);
}

gboolean status_error_set(GError **error, const StatusSubject *subject, int http_status,
			  const char *body, gsize length)
{
	g_autoptr(cJSON) status = body ? json_parse(body, length, "the reply", NULL) : NULL;
	g_autofree char *fallback = NULL;

	if (g_strcmp0(json_string(status, "kind", NULL), "Status") == 0)
		return status_error_set_object(error, subject, http_status, status);
	fallback = describe_body(http_status, body, length);
	return set_error(error, subject, http_status, NULL, fallback);
}
