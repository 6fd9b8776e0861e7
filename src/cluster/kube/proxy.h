/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which proxy a request goes through, by the rules of Go's net/http and client-go, so that kvmig
 * takes the way that kubectl takes. Pure, but for proxy_read_environment().
 */
#pragma once

#include <glib.h>

/* Borrowed; NULL or "": not set. */
typedef struct {
	const char *http, *https, *no;
	gboolean cgi; /* a request's headers may have set HTTP_PROXY: it is not used */
} ProxyVariables;

/* HTTP_PROXY, HTTPS_PROXY, NO_PROXY, else their forms in lower case. */
void proxy_read_environment(ProxyVariables *ret_variables);

/* *ret_proxy: a URL as proxy_normalize() makes it, NULL for none. INVALID where the variable that
 * counts cannot be used. Free with proxy_free(). */
gboolean proxy_choose(const ProxyVariables *variables, const char *url, char **ret_proxy,
		      GError **error);

/* "scheme://[user[:password]@]host:port", scheme http, https or socks5h (the proxy resolves names,
 * as with Go's socks5); a text without a scheme is http. INVALID; the message never shows user or
 * password. `where` is for it: "proxy-url of cluster 'prod'". */
char *proxy_normalize(const char *text, const char *where, GError **error);

/* Clears the bytes: there may be a password in it. NULL is ignored. */
void proxy_free(char *proxy);

/* Whether NO_PROXY, or being this machine, keeps a host from being reached by proxy. */
gboolean proxy_is_bypassed(const char *no_proxy, const char *host, int port);
