/* SPDX-License-Identifier: Apache-2.0 */
#include "hyper/uri.h"

#include <string.h>

#include "base/error.h"

#define URI_LENGTH_MAX 1024
#define HOST_LENGTH_MAX 253
#define LABEL_LENGTH_MAX 63
#define USER_LENGTH_MAX 64
#define UNIX_PATH_MAX 107 /* sun_path without its NUL */
/* For what no better one fits. */
#define URI_HINT "write qemu:///system, qemu+ssh://HOST/system or qemu+tls://HOST/system"

/* What may stand behind the question mark, in the order in which it is written again. */
static const struct {
	const char *name;
	const char *transport; /* the only one that heeds it */
	gboolean is_path;
} parameters[] = {
	{ "socket", "unix", TRUE },
	{ "pkipath", "tls", TRUE },
	{ "tls_priority", "tls", FALSE },
	{ "keyfile", "ssh", TRUE },
};

/* Refused because of what it does, not because it is unknown. */
static const struct {
	const char *name;
	const char *why;
} dangerous[] = {
	{ "command", "it runs a program on the machine that opens the URI" },
	{ "netcat", "it runs a program on the machine that is opened" },
	{ "no_verify", "it accepts any server that answers" },
	{ "no_sanity", "it switches checks of the certificates off" },
	{ "known_hosts_verify", "it accepts any server that answers" },
	{ "known_hosts", "libvirt heeds it in transports other than ssh only; set "
			 "UserKnownHostsFile in ssh_config" },
};

/* A URI cut into its parts, still encoded. */
typedef struct {
	char *transport; /* NULL: none named */
	char *user;
	char *host; /* IPv6 in brackets */
	char *port;
	char *path; /* from the slash on */
	char *query;
} Parts;

static void parts_clear(Parts *parts)
{
	g_free(parts->transport);
	g_free(parts->user);
	g_free(parts->host);
	g_free(parts->port);
	g_free(parts->path);
	g_free(parts->query);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Parts, parts_clear)

void hyper_uri_free(HyperUri *uri)
{
	if (!uri)
		return;
	g_free(uri->transport);
	g_free(uri->user);
	g_free(uri->host);
	g_free(uri->path);
	g_free(uri->text);
	g_free(uri);
}

/* ---- cutting -------------------------------------------------------------------------------- */

static gboolean check_characters(const char *text, GError **error)
{
	if (strnlen(text, URI_LENGTH_MAX + 1) > URI_LENGTH_MAX)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "the URI is longer than %d characters", URI_LENGTH_MAX);
	for (const char *c = text; *c; c++)
		if (!g_ascii_isgraph(*c) || strchr("\"'`\\<>|{}^", *c))
			return error_set(error, KVMIG_ERROR_INVALID,
					 "no URI may have the character at position %zu",
					 (size_t)(c - text) + 1);
	return TRUE;
}

static gboolean cut_scheme(const char **text, Parts *parts, GError **error)
{
	const char *colon = strstr(*text, "://");
	g_autofree char *scheme = NULL;
	char *plus;

	if (!colon || colon == *text) {
		error_set(error, KVMIG_ERROR_INVALID, "'%s' is not a URI", *text);
		return FALSE;
	}
	scheme = g_ascii_strdown(*text, colon - *text);
	plus = strchr(scheme, '+');
	if (plus) {
		*plus = '\0';
		parts->transport = g_strdup(plus + 1);
	}
	if (strcmp(scheme, "qemu") != 0)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "'%s' is not a QEMU host: the URI must begin with qemu", *text);
	*text = colon + strlen("://");
	return TRUE;
}

/* [user@]host[:port] */
static gboolean cut_authority(const char *authority, Parts *parts, GError **error)
{
	const char *at = strchr(authority, '@');
	const char *host = at ? at + 1 : authority;
	const char *end;

	if (at)
		parts->user = g_strndup(authority, (gsize)(at - authority));
	end = *host == '[' ? strchr(host, ']') : NULL;
	if (*host == '[' && !end)
		return error_set(error, KVMIG_ERROR_INVALID, "the address in '%s' lacks its ']'",
				 authority);
	end = end ? end + 1 : host + strcspn(host, ":");
	parts->host = g_ascii_strdown(host, end - host);
	if (*end == ':')
		parts->port = g_strdup(end + 1);
	else if (*end)
		return error_set(error, KVMIG_ERROR_INVALID, "unexpected '%s' behind the address",
				 end);
	return TRUE;
}

static gboolean cut(const char *text, Parts *parts, GError **error)
{
	g_autofree char *authority = NULL;
	const char *query;

	if (strchr(text, '#'))
		return error_set(error, KVMIG_ERROR_INVALID, "the URI has a fragment ('#…')");
	if (!cut_scheme(&text, parts, error))
		return FALSE;
	authority = g_strndup(text, strcspn(text, "/?"));
	text += strlen(authority);
	query = strchr(text, '?');
	parts->path = query ? g_strndup(text, (gsize)(query - text)) : g_strdup(text);
	parts->query = query ? g_strdup(query + 1) : NULL;
	return *authority == '\0' || cut_authority(authority, parts, error);
}

/* ---- checking ------------------------------------------------------------------------------- */

static gboolean check_transport(const char *transport, HyperUriFlags flags, GError **error)
{
	if (strcmp(transport, "unix") == 0 || strcmp(transport, "tls") == 0 ||
	    strcmp(transport, "ssh") == 0)
		return TRUE;
	if (strcmp(transport, "tcp") != 0) {
		error_set(error, KVMIG_ERROR_REFUSED, "transport '%s' is not allowed in a host URI",
			  transport);
		error_hint(error, "use unix, ssh or tls");
		return FALSE;
	}
	if (flags & HYPER_URI_ALLOW_TCP)
		return TRUE;
	error_set(error, KVMIG_ERROR_REFUSED,
		  "transport 'tcp' is neither encrypted nor authenticated");
	error_hint(error, "use tls or ssh; in a lab whose network is trusted, '--allow-tcp'");
	return FALSE;
}

static gboolean take_transport(Parts *parts, HyperUri *uri, HyperUriFlags flags, GError **error)
{
	/* libvirt's own rule: a host and no transport means TLS */
	uri->transport = parts->transport ? g_steal_pointer(&parts->transport) :
			 parts->host	  ? g_strdup("tls") :
					    g_strdup("unix");
	if (!check_transport(uri->transport, flags, error))
		return FALSE;
	if (strcmp(uri->transport, "unix") == 0) {
		if (parts->host)
			return error_set(error, KVMIG_ERROR_INVALID,
					 "transport 'unix' takes no host name");
	} else if (!parts->host || *parts->host == '\0') {
		return error_set(error, KVMIG_ERROR_INVALID, "transport '%s' needs a host name",
				 uri->transport);
	}
	return TRUE;
}

/* A name that begins with '-' would be an option of ssh. */
static gboolean take_user(Parts *parts, HyperUri *uri, GError **error)
{
	const char *user = parts->user;

	if (!user)
		return TRUE;
	if (strcmp(uri->transport, "ssh") != 0)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "a user name has no meaning with transport '%s'", uri->transport);
	if (strchr(user, ':')) {
		error_set(error, KVMIG_ERROR_REFUSED, "a password in a URI is not allowed");
		error_hint(error, "use a key and ssh-agent");
		return FALSE;
	}
	if (*user == '\0' || *user == '-' || strlen(user) > USER_LENGTH_MAX ||
	    user[strspn(user, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._-")])
		return error_set(error, KVMIG_ERROR_INVALID, "'%s' is not a user name", user);
	uri->user = g_steal_pointer(&parts->user);
	return TRUE;
}

static gboolean host_name_is_valid(const char *host)
{
	g_auto(GStrv) labels = NULL;

	if (strlen(host) > HOST_LENGTH_MAX)
		return FALSE;
	labels = g_strsplit(host, ".", -1);
	for (gsize i = 0; labels[i]; i++) {
		size_t length = strlen(labels[i]);

		if (length == 0 || length > LABEL_LENGTH_MAX || labels[i][0] == '-' ||
		    labels[i][length - 1] == '-' ||
		    labels[i][strspn(labels[i], G_CSET_a_2_z G_CSET_DIGITS "_-")])
			return FALSE;
	}
	return TRUE;
}

static gboolean host_is_valid(const char *host)
{
	g_autofree char *address = NULL;

	if (*host != '[')
		return host_name_is_valid(host);
	address = g_strndup(host + 1, strlen(host) - 2);
	return strchr(address, ':') && !address[strspn(address, "0123456789abcdef:.")] &&
	       g_hostname_is_ip_address(address);
}

static gboolean take_host(Parts *parts, HyperUri *uri, GError **error)
{
	guint64 port;

	if (!parts->host)
		return TRUE;
	if (!host_is_valid(parts->host))
		return error_set(error, KVMIG_ERROR_INVALID, "'%s' is not a host name or address",
				 parts->host);
	if (parts->port) {
		if (!g_ascii_string_to_unsigned(parts->port, 10, 1, 65535, &port, NULL))
			return error_set(error, KVMIG_ERROR_INVALID, "'%s' is not a port",
					 parts->port);
		uri->port = (int)port;
	}
	uri->host = g_steal_pointer(&parts->host);
	return TRUE;
}

static gboolean take_path(Parts *parts, HyperUri *uri, GError **error)
{
	/* cut() has set it. NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker) */
	if (strcmp(parts->path, "/system") != 0 && strcmp(parts->path, "/session") != 0) {
		error_set(error, KVMIG_ERROR_INVALID,
			  "the path of the URI is '%s', not /system or /session", parts->path);
		return FALSE;
	}
	uri->path = g_strdup(parts->path + 1);
	return TRUE;
}

/* ---- parameters ----------------------------------------------------------------------------- */

static gboolean find_parameter(const char *name, const char *transport, gsize *ret_index,
			       GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(dangerous); i++)
		if (g_ascii_strcasecmp(name, dangerous[i].name) == 0)
			return error_set(error, KVMIG_ERROR_REFUSED,
					 "parameter '%s' is not allowed in a host URI: %s", name,
					 dangerous[i].why);
	for (gsize i = 0; i < G_N_ELEMENTS(parameters); i++) {
		if (strcmp(name, parameters[i].name) != 0)
			continue;
		if (strcmp(transport, parameters[i].transport) != 0)
			return error_set(error, KVMIG_ERROR_REFUSED,
					 "parameter '%s' has no effect with transport '%s'", name,
					 transport);
		*ret_index = i;
		return TRUE;
	}
	error_set(error, KVMIG_ERROR_REFUSED, "parameter '%s' is not allowed in a host URI", name);
	error_hint(error, "allowed are socket, pkipath, tls_priority and keyfile");
	return FALSE;
}

static gboolean check_value(gsize i, const char *value, GError **error)
{
	const char *name = parameters[i].name;

	for (const char *c = value; *c; c++)
		if (g_ascii_iscntrl(*c))
			return error_set(error, KVMIG_ERROR_INVALID,
					 "parameter '%s' has a control character in it", name);
	if (!parameters[i].is_path) {
		if (value[strspn(value, G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS ":+-!%@_.=,")])
			return error_set(error, KVMIG_ERROR_INVALID,
					 "'%s' is not a TLS priority string", value);
		return TRUE;
	}
	if (*value != '/')
		return error_set(error, KVMIG_ERROR_INVALID,
				 "parameter '%s' must be a path that begins with '/'", name);
	if (strcmp(name, "socket") == 0 && strlen(value) > UNIX_PATH_MAX)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "the path of the socket has %zu characters, more than %d",
				 strlen(value), UNIX_PATH_MAX);
	return TRUE;
}

/* One name=value. A name is never encoded: what hides "command" as "%63ommand" means no good. */
static gboolean take_parameter(const char *pair, const char *transport, char **values,
			       GError **error)
{
	const char *equals = strchr(pair, '=');
	g_autofree char *name = NULL;
	g_autofree char *value = NULL;
	gsize i = 0;

	if (!equals)
		return error_set(error, KVMIG_ERROR_INVALID, "parameter '%s' lacks its '='", pair);
	name = g_strndup(pair, (gsize)(equals - pair));
	if (!find_parameter(name, transport, &i, error))
		return FALSE;
	if (values[i])
		return error_set(error, KVMIG_ERROR_INVALID, "parameter '%s' stands there twice",
				 name);
	/* NULL for a cut-off escape and for %00 */
	value = g_uri_unescape_string(equals + 1, NULL);
	if (!value || !g_utf8_validate(value, -1, NULL))
		return error_set(error, KVMIG_ERROR_INVALID,
				 "the value of parameter '%s' is badly encoded", name);
	if (*value == '\0')
		return error_set(error, KVMIG_ERROR_INVALID, "parameter '%s' is empty", name);
	if (!check_value(i, value, error))
		return FALSE;
	values[i] = g_steal_pointer(&value);
	return TRUE;
}

/* libvirt takes ';' for '&', so both part. */
static gboolean take_query(Parts *parts, HyperUri *uri, char **values, GError **error)
{
	g_auto(GStrv) pairs = NULL;

	if (!parts->query)
		return TRUE;
	pairs = g_strsplit_set(parts->query, "&;", -1);
	for (gsize i = 0; pairs[i]; i++)
		if (!take_parameter(pairs[i], uri->transport, values, error))
			return FALSE;
	return TRUE;
}

/* ---- building ------------------------------------------------------------------------------- */

static char *build_text(const HyperUri *uri, char *const *values)
{
	g_autoptr(GString) text = g_string_new("qemu");
	const char *separator = "?";

	if (uri->host || values[0])
		g_string_append_printf(text, "+%s", uri->transport);
	g_string_append(text, "://");
	if (uri->user)
		g_string_append_printf(text, "%s@", uri->user);
	if (uri->host)
		g_string_append(text, uri->host);
	if (uri->port)
		g_string_append_printf(text, ":%d", uri->port);
	g_string_append_printf(text, "/%s", uri->path);
	for (gsize i = 0; i < G_N_ELEMENTS(parameters); i++) {
		if (!values[i])
			continue;
		g_string_append_printf(text, "%s%s=", separator, parameters[i].name);
		g_string_append_uri_escaped(text, values[i], "/:", FALSE);
		separator = "&";
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

static gboolean take_all(Parts *parts, HyperUriFlags flags, HyperUri *uri, GError **error)
{
	g_auto(GStrv) values = g_new0(char *, G_N_ELEMENTS(parameters) + 1);
	gboolean ok = take_transport(parts, uri, flags, error) && take_user(parts, uri, error) &&
		      take_host(parts, uri, error) && take_path(parts, uri, error) &&
		      take_query(parts, uri, values, error);

	if (ok)
		uri->text = build_text(uri, values);
	/* g_strfreev() would stop at the first that is not there */
	for (gsize i = 0; i < G_N_ELEMENTS(parameters); i++)
		g_clear_pointer(&values[i], g_free);
	return ok;
}

HyperUri *hyper_uri_parse(const char *text, HyperUriFlags flags, GError **error)
{
	g_autoptr(HyperUri) uri = g_new0(HyperUri, 1);
	g_auto(Parts) parts = { 0 };

	if (check_characters(text, error) && cut(text, &parts, error) &&
	    take_all(&parts, flags, uri, error))
		return g_steal_pointer(&uri);
	if (error && !error_get_hint(*error))
		error_hint(error, URI_HINT);
	return NULL;
}
