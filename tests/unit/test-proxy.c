/* SPDX-License-Identifier: Apache-2.0 */
/* The rules of Go's golang.org/x/net/http/httpproxy, case by case. */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "cluster/kube/proxy.h"

/* ---- NO_PROXY -------------------------------------------------------------------------------- */

static const struct {
	const char *no_proxy, *host;
	int port;
	gboolean bypassed;
} bypasses[] = {
	/* this machine, whatever NO_PROXY says */
	{ NULL, "localhost", 6443, TRUE },
	{ "", "LOCALHOST", 6443, TRUE },
	{ NULL, "127.0.0.1", 6443, TRUE },
	{ NULL, "127.1.2.3", 80, TRUE },
	{ NULL, "::1", 6443, TRUE },
	{ NULL, "::ffff:127.0.0.1", 6443, TRUE },
	{ NULL, "::2", 6443, FALSE },
	{ NULL, "128.0.0.1", 6443, FALSE },
	{ NULL, "localhost.example.org", 443, FALSE },
	{ NULL, "mylocalhost", 443, FALSE },
	{ NULL, "example.org", 443, FALSE },
	{ "", "example.org", 443, FALSE },
	/* everything */
	{ "*", "example.org", 443, TRUE },
	{ "*", "192.0.2.1", 443, TRUE },
	{ "other.org, * ", "example.org", 443, TRUE },
	{ "**", "example.org", 443, FALSE },
	/* a name is for itself and all below it */
	{ "example.org", "example.org", 443, TRUE },
	{ "example.org", "api.example.org", 443, TRUE },
	{ "example.org", "a.b.example.org", 443, TRUE },
	{ "example.org", "badexample.org", 443, FALSE },
	{ "example.org", "example.org.evil.net", 443, FALSE },
	{ "example.org", "org", 443, FALSE },
	{ "Example.ORG", "example.org", 443, TRUE },
	{ "example.org", "EXAMPLE.org", 443, TRUE },
	{ " example.org ,x", "example.org", 443, TRUE },
	{ ",,example.org", "example.org", 443, TRUE },
	{ "a,b,c", "example.org", 443, FALSE },
	{ "localhost,svc", "kubernetes.default.svc", 443, TRUE },
	/* a dot or "*." in front: only what is below */
	{ ".example.org", "api.example.org", 443, TRUE },
	{ ".example.org", "example.org", 443, FALSE },
	{ "*.example.org", "api.example.org", 443, TRUE },
	{ "*.example.org", "example.org", 443, FALSE },
	{ ".", "example.org", 443, FALSE },
	/* with a port */
	{ "example.org:6443", "example.org", 6443, TRUE },
	{ "example.org:6443", "example.org", 443, FALSE },
	{ "example.org:6443", "api.example.org", 6443, TRUE },
	{ ".example.org:6443", "api.example.org", 6443, TRUE },
	{ ".example.org:6443", "api.example.org", 80, FALSE },
	{ ":6443", "example.org", 6443, FALSE },
	{ "example.org:", "example.org", 6443, TRUE },
	/* addresses */
	{ "192.0.2.1", "192.0.2.1", 443, TRUE },
	{ "192.0.2.1", "192.0.2.10", 443, FALSE },
	{ "192.0.2.1:6443", "192.0.2.1", 6443, TRUE },
	{ "192.0.2.1:6443", "192.0.2.1", 443, FALSE },
	{ "2.1", "192.0.2.1", 443, FALSE },
	{ "2001:db8::1", "2001:db8::1", 443, TRUE },
	{ "2001:DB8::1", "2001:db8:0::1", 443, TRUE },
	{ "[2001:db8::1]:6443", "2001:db8::1", 6443, TRUE },
	{ "[2001:db8::1]:6443", "2001:db8::1", 443, FALSE },
	{ "[2001:db8::1]", "2001:db8::1", 443, FALSE },
	{ "::ffff:192.0.2.1", "192.0.2.1", 443, TRUE },
	/* networks */
	{ "192.0.2.0/24", "192.0.2.77", 443, TRUE },
	{ "192.0.2.0/24", "192.0.3.77", 443, FALSE },
	{ "192.0.2.77/24", "192.0.2.1", 443, TRUE },
	{ "10.0.0.0/8", "10.255.255.255", 443, TRUE },
	{ "10.0.0.0/8", "11.0.0.0", 443, FALSE },
	{ "172.16.0.0/12", "172.31.0.1", 443, TRUE },
	{ "172.16.0.0/12", "172.32.0.1", 443, FALSE },
	{ "192.0.2.4/31", "192.0.2.5", 443, TRUE },
	{ "192.0.2.4/31", "192.0.2.6", 443, FALSE },
	{ "192.0.2.4/32", "192.0.2.4", 443, TRUE },
	{ "192.0.2.4/32", "192.0.2.5", 443, FALSE },
	{ "0.0.0.0/0", "192.0.2.5", 443, TRUE },
	{ "0.0.0.0/0", "2001:db8::1", 443, FALSE },
	{ "0.0.0.0/0", "example.org", 443, FALSE },
	{ "2001:db8::/32", "2001:db8:1::1", 443, TRUE },
	{ "2001:db8::/32", "2001:db9::1", 443, FALSE },
	{ "fd00::/8", "fdff::1", 443, TRUE },
	{ "fd00::/7", "fc00::1", 443, TRUE },
	{ "::/0", "192.0.2.5", 443, FALSE },
	{ "192.0.2.0/33", "192.0.2.77", 443, FALSE },
	{ "192.0.2.0/", "192.0.2.77", 443, FALSE },
	{ "192.0.2.0/x", "192.0.2.77", 443, FALSE },
	{ "192.0.2.0/24", "192.0.2.example.org", 443, FALSE },
	/* a name is not looked up, and an address is in no domain */
	{ "192.0.2.1", "example.org", 443, FALSE },
	{ "1", "192.0.2.1", 443, FALSE },
};

static void test_bypass(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(bypasses); i++) {
		g_test_message("'%s' for %s:%d", bypasses[i].no_proxy, bypasses[i].host,
			       bypasses[i].port);
		g_assert_cmpint(
			proxy_is_bypassed(bypasses[i].no_proxy, bypasses[i].host, bypasses[i].port),
			==, bypasses[i].bypassed);
	}
}

/* ---- the proxy's URL ------------------------------------------------------------------------- */

static const struct {
	const char *text, *normal; /* NULL: refused */
} urls[] = {
	{ "http://proxy:3128", "http://proxy:3128" },
	{ "http://proxy", "http://proxy:80" },
	{ "https://proxy", "https://proxy:443" },
	{ "socks5://proxy", "socks5h://proxy:1080" },
	{ "socks5h://proxy:9050", "socks5h://proxy:9050" },
	{ "proxy:3128", "http://proxy:3128" },
	{ "proxy", "http://proxy:80" },
	{ "192.0.2.1:3128", "http://192.0.2.1:3128" },
	{ "http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128" },
	{ "HTTP://proxy:3128/", "http://proxy:3128" },
	{ "http://proxy:3128/path?q#f", "http://proxy:3128" },
	{ "http://me:s%40crt@proxy:3128", "http://me:s%40crt@proxy:3128" },
	{ "me:secret@proxy:3128", "http://me:secret@proxy:3128" },
	{ "socks5://me:secret@proxy", "socks5h://me:secret@proxy:1080" },
	{ "ftp://proxy:21", NULL },
	{ "socks4://me:secret@proxy", NULL },
	{ "http://", NULL },
	{ "http://me:secret@", NULL },
	{ "http://me:secret@proxy:notaport", NULL },
	{ "http://me:secret@pro xy", NULL },
	{ "://me:secret@proxy", NULL },
	{ "", NULL },
};

static void test_url(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(urls); i++) {
		g_autoptr(GError) error = NULL;
		char *normal = proxy_normalize(urls[i].text, "cluster 'prod'", &error);

		g_test_message("%s", urls[i].text);
		g_assert_cmpstr(normal, ==, urls[i].normal);
		if (!urls[i].normal) {
			g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
			g_assert_nonnull(strstr(error->message, "cluster 'prod'"));
			g_assert_null(strstr(error->message, "secret"));
			g_assert_nonnull(error_get_hint(error));
		}
		proxy_free(normal);
	}
	proxy_free(NULL);
}

/* ---- choosing -------------------------------------------------------------------------------- */

static const struct {
	ProxyVariables variables;
	const char *url, *proxy;
} choices[] = {
	{ { NULL, NULL, NULL, FALSE }, "https://api.example.org:6443", NULL },
	{ { "h:1", "s:2", NULL, FALSE }, "https://api.example.org:6443", "http://s:2" },
	{ { "h:1", "s:2", NULL, FALSE }, "http://api.example.org:8080", "http://h:1" },
	{ { "h:1", NULL, NULL, FALSE }, "https://api.example.org:6443", NULL },
	{ { NULL, "s:2", NULL, FALSE }, "http://api.example.org:8080", NULL },
	{ { "h:1", "", NULL, FALSE }, "https://api.example.org:6443", NULL },
	{ { "h:1", "s:2", "example.org", FALSE }, "https://api.example.org:6443", NULL },
	{ { "h:1", "s:2", "example.org:443", FALSE }, "https://api.example.org", NULL },
	{ { "h:1", "s:2", "example.org:80", FALSE }, "https://api.example.org", "http://s:2" },
	{ { "h:1", "s:2", "example.org:80", FALSE }, "http://api.example.org", NULL },
	{ { "h:1", "s:2", "2001:db8::/32", FALSE }, "https://[2001:db8::1]:6443", NULL },
	{ { "h:1", "s:2", NULL, FALSE }, "https://localhost:6443", NULL },
	{ { "h:1", "s:2", NULL, TRUE }, "https://api.example.org", "http://s:2" },
	{ { NULL, NULL, NULL, TRUE }, "http://api.example.org", NULL },
	/* not looked at, and so no error */
	{ { "ftp://x", "s:2", NULL, FALSE }, "https://api.example.org", "http://s:2" },
	{ { NULL, "ftp://x", "*", FALSE }, "https://api.example.org", NULL },
};

static void test_choose(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(choices); i++) {
		g_autoptr(GError) error = NULL;
		char *proxy = NULL;

		g_test_message("%s", choices[i].url);
		proxy_choose(&choices[i].variables, choices[i].url, &proxy, &error);
		g_assert_no_error(error);
		g_assert_cmpstr(proxy, ==, choices[i].proxy);
		proxy_free(proxy);
	}
}

static void test_choose_bad(void)
{
	const ProxyVariables cgi = { .http = "h:1", .cgi = TRUE };
	const ProxyVariables bad = { .https = "gopher://me:secret@x" };
	g_autoptr(GError) error = NULL;
	char *proxy = NULL;

	g_assert_false(proxy_choose(&cgi, "http://api.example.org", &proxy, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_nonnull(strstr(error->message, "REQUEST_METHOD"));
	g_clear_error(&error);
	g_assert_false(proxy_choose(&bad, "https://api.example.org", &proxy, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_nonnull(strstr(error->message, "HTTPS_PROXY"));
	g_assert_null(strstr(error->message, "secret"));
	g_clear_error(&error);
	g_assert_false(proxy_choose(&bad, "no url", &proxy, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_null(proxy);
}

static void unset_all(void)
{
	static const char *const names[] = { "HTTP_PROXY",  "http_proxy", "HTTPS_PROXY",
					     "https_proxy", "NO_PROXY",   "no_proxy",
					     "ALL_PROXY",   "all_proxy",  "REQUEST_METHOD" };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		g_unsetenv(names[i]);
}

static void test_environment(void)
{
	ProxyVariables variables;

	unset_all();
	g_setenv("ALL_PROXY", "a:1", TRUE); /* Go does not know it */
	proxy_read_environment(&variables);
	g_assert_null(variables.http);
	g_assert_null(variables.https);
	g_assert_null(variables.no);
	g_assert_false(variables.cgi);
	g_setenv("http_proxy", "lower:1", TRUE);
	g_setenv("HTTPS_PROXY", "upper:2", TRUE);
	g_setenv("https_proxy", "lower:2", TRUE);
	g_setenv("NO_PROXY", "", TRUE);
	g_setenv("no_proxy", "example.org", TRUE);
	g_setenv("REQUEST_METHOD", "GET", TRUE);
	proxy_read_environment(&variables);
	g_assert_cmpstr(variables.http, ==, "lower:1");
	g_assert_cmpstr(variables.https, ==, "upper:2");
	g_assert_cmpstr(variables.no, ==, "example.org");
	g_assert_true(variables.cgi);
	unset_all();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/proxy/bypass", test_bypass);
	g_test_add_func("/proxy/url", test_url);
	g_test_add_func("/proxy/choose", test_choose);
	g_test_add_func("/proxy/choose-bad", test_choose_bad);
	g_test_add_func("/proxy/environment", test_environment);
	return g_test_run();
}
