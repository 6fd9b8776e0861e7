/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "cluster/kube/proxy.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/error.h"

/* ---- addresses ------------------------------------------------------------------------------- */

/* 16 bytes; an IPv4 address is the IPv6 address that maps it, so that both forms are equal. */
typedef struct {
	guint8 bytes[16];
	gboolean v4;
} Address;

static const guint8 v4_prefix[12] = { [10] = 0xff, [11] = 0xff };

static gboolean parse_address(const char *text, Address *ret)
{
	memcpy(ret->bytes, v4_prefix, sizeof v4_prefix);
	if (inet_pton(AF_INET, text, ret->bytes + 12) == 1) {
		ret->v4 = TRUE;
		return TRUE;
	}
	if (inet_pton(AF_INET6, text, ret->bytes) != 1)
		return FALSE;
	ret->v4 = memcmp(ret->bytes, v4_prefix, sizeof v4_prefix) == 0;
	return TRUE;
}

static gboolean is_loopback(const Address *address)
{
	static const guint8 one[16] = { [15] = 1 };

	return address->v4 ? address->bytes[12] == 127 : memcmp(address->bytes, one, 16) == 0;
}

/* "10.0.0.0/8", "fd00::/8" */
static gboolean parse_network(const char *text, Address *ret, guint *ret_bits)
{
	const char *slash = strchr(text, '/');
	g_autofree char *address = slash ? g_strndup(text, (gsize)(slash - text)) : NULL;
	gboolean six = address && strchr(address, ':');
	guint64 bits;

	if (!slash || !parse_address(address, ret) ||
	    !g_ascii_string_to_unsigned(slash + 1, 10, 0, six ? 128 : 32, &bits, NULL))
		return FALSE;
	if (six && ret->v4) /* a mapped one: Go takes it for an IPv6 network, which holds no IPv4 */
		ret->v4 = FALSE;
	*ret_bits = (guint)bits + (six ? 0 : 96);
	return TRUE;
}

static gboolean in_network(const Address *address, const Address *network, guint bits)
{
	guint whole = bits / 8, rest = bits % 8;

	if (address->v4 != network->v4 || memcmp(address->bytes, network->bytes, whole) != 0)
		return FALSE;
	return rest == 0 || (address->bytes[whole] ^ network->bytes[whole]) >> (8 - rest) == 0;
}

/* ---- NO_PROXY -------------------------------------------------------------------------------- */

/* "host:port", "[v6]:port" as Go's net.SplitHostPort(); FALSE where there is no port, or too many
 * colons to tell. */
static gboolean split_port(const char *text, char **ret_host, char **ret_port)
{
	const char *colon = strrchr(text, ':');
	const char *close = strchr(text, ']');

	if (!colon)
		return FALSE;
	if (text[0] == '[') {
		if (!close || close + 1 != colon)
			return FALSE;
		*ret_host = g_strndup(text + 1, (gsize)(close - text) - 1);
	} else {
		if (memchr(text, ':', (gsize)(colon - text)))
			return FALSE;
		*ret_host = g_strndup(text, (gsize)(colon - text));
	}
	*ret_port = g_strdup(colon + 1);
	return TRUE;
}

/* `domain` may begin with "." or "*.": then it is for what is below it only. */
static gboolean in_domain(const char *host, const char *domain)
{
	gboolean below_only = FALSE;
	gsize length, host_length = strlen(host);

	if (g_str_has_prefix(domain, "*."))
		domain++;
	if (*domain == '.') {
		below_only = TRUE;
		domain++;
	}
	length = strlen(domain);
	if (host_length == length)
		return !below_only && strcmp(host, domain) == 0;
	return host_length > length && host[host_length - length - 1] == '.' &&
	       strcmp(host + host_length - length, domain) == 0;
}

static gboolean entry_fits(const char *entry, const char *host, const Address *address,
			   const char *port)
{
	g_autofree char *entry_host = NULL;
	g_autofree char *entry_port = NULL;
	Address other;
	guint bits;

	if (parse_network(entry, &other, &bits))
		return address && in_network(address, &other, bits);
	if (!split_port(entry, &entry_host, &entry_port))
		entry_host = g_strdup(entry);
	if (!*entry_host || (entry_port && *entry_port && strcmp(entry_port, port) != 0))
		return FALSE;
	if (parse_address(entry_host, &other))
		return address && memcmp(address->bytes, other.bytes, sizeof other.bytes) == 0;
	return !address && in_domain(host, entry_host);
}

gboolean proxy_is_bypassed(const char *no_proxy, const char *host, int port)
{
	g_autofree char *lower = g_ascii_strdown(host, -1);
	g_autofree char *port_text = g_strdup_printf("%d", port);
	g_auto(GStrv) entries = g_strsplit(no_proxy ? no_proxy : "", ",", -1);
	Address address;
	gboolean is_address = parse_address(host, &address);

	/* Go compares before it makes it lower case; "LOCALHOST" is no other machine all the same.
	 */
	if (strcmp(lower, "localhost") == 0 || (is_address && is_loopback(&address)))
		return TRUE;
	for (gsize i = 0; entries[i]; i++) {
		g_autofree char *entry = g_ascii_strdown(g_strstrip(entries[i]), -1);

		if (strcmp(entry, "*") == 0)
			return TRUE;
		if (*entry && entry_fits(entry, lower, is_address ? &address : NULL, port_text))
			return TRUE;
	}
	return FALSE;
}

/* ---- the proxy's URL ------------------------------------------------------------------------- */

static int default_port(const char *scheme)
{
	if (g_str_equal(scheme, "http"))
		return 80;
	return g_str_equal(scheme, "https") ? 443 : 1080;
}

/* libcurl's name for it; NULL: neither we nor Go know it. */
static const char *known_scheme(const char *scheme)
{
	if (g_str_equal(scheme, "socks5") || g_str_equal(scheme, "socks5h"))
		return "socks5h";
	if (g_str_equal(scheme, "http"))
		return "http";
	return g_str_equal(scheme, "https") ? "https" : NULL;
}

/* GUri lets blanks and control characters pass. */
static GUri *parse_with_host(const char *text)
{
	GUri *uri = g_uri_parse(text, G_URI_FLAGS_ENCODED, NULL);
	const char *host = uri ? g_uri_get_host(uri) : NULL;

	if (host && *host && !host[strcspn(host, " \t\r\n\"<>\\^`{|}")])
		return uri;
	if (uri)
		g_uri_unref(uri);
	return NULL;
}

static GUri *parse_proxy(const char *text)
{
	GUri *uri = parse_with_host(text);
	char *with_scheme;

	if (uri || strstr(text, "://"))
		return uri;
	with_scheme = g_strconcat("http://", text, NULL);
	uri = parse_with_host(with_scheme);
	proxy_free(with_scheme);
	return uri;
}

static char *build_proxy(const GUri *uri, const char *scheme)
{
	const char *host = g_uri_get_host((GUri *)uri);
	const char *user = g_uri_get_userinfo((GUri *)uri);
	int port = g_uri_get_port((GUri *)uri);
	gboolean ipv6 = strchr(host, ':') != NULL;

	return g_strdup_printf("%s://%s%s%s%s%s:%d", scheme, user ? user : "", user ? "@" : "",
			       ipv6 ? "[" : "", host, ipv6 ? "]" : "",
			       port < 0 ? default_port(scheme) : port);
}

char *proxy_normalize(const char *text, const char *where, GError **error)
{
	g_autoptr(GUri) uri = parse_proxy(text);
	const char *scheme = uri ? known_scheme(g_uri_get_scheme(uri)) : NULL;
	g_autofree char *shown = uri ? error_excerpt(g_uri_get_scheme(uri)) : NULL;

	if (scheme)
		return build_proxy(uri, scheme);
	if (uri)
		error_set(
			error, KVMIG_ERROR_INVALID,
			"cannot use the proxy of %s: its scheme is '%s', not http, https or socks5",
			where, shown);
	else
		error_set(error, KVMIG_ERROR_INVALID, "cannot use the proxy of %s: it is not a URL",
			  where);
	error_hint(error, "write it as http://HOST:PORT or socks5://HOST:PORT");
	return NULL;
}

void proxy_free(char *proxy)
{
	if (proxy)
		explicit_bzero(proxy, strlen(proxy));
	g_free(proxy);
}

/* ---- choosing -------------------------------------------------------------------------------- */

static const char *either(const char *upper, const char *lower)
{
	const char *value = g_getenv(upper);

	return value && *value ? value : g_getenv(lower);
}

void proxy_read_environment(ProxyVariables *ret_variables)
{
	const char *method = g_getenv("REQUEST_METHOD");

	ret_variables->http = either("HTTP_PROXY", "http_proxy");
	ret_variables->https = either("HTTPS_PROXY", "https_proxy");
	ret_variables->no = either("NO_PROXY", "no_proxy");
	ret_variables->cgi = method && *method;
}

gboolean proxy_choose(const ProxyVariables *variables, const char *url, char **ret_proxy,
		      GError **error)
{
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
	gboolean tls = uri && g_str_equal(g_uri_get_scheme(uri), "https");
	const char *value = tls ? variables->https : variables->http;
	const char *host = uri ? g_uri_get_host(uri) : NULL;
	int port;
	char *proxy;

	if (!host)
		return error_set(error, KVMIG_ERROR_INVALID, "'%s' is not a URL", url);
	port = g_uri_get_port(uri);
	if (port < 0)
		port = tls ? 443 : 80;
	if (!value || !*value || proxy_is_bypassed(variables->no, host, port)) {
		*ret_proxy = NULL;
		return TRUE;
	}
	if (!tls && variables->cgi) {
		error_set(
			error, KVMIG_ERROR_INVALID,
			"HTTP_PROXY is not used where REQUEST_METHOD is set: a web client may have "
			"set it");
		error_hint(error, "unset REQUEST_METHOD");
		return FALSE;
	}
	proxy = proxy_normalize(value, tls ? "HTTPS_PROXY" : "HTTP_PROXY", error);
	if (!proxy)
		return FALSE;
	*ret_proxy = proxy;
	return TRUE;
}
