/* SPDX-License-Identifier: Apache-2.0 */
/* Failures of the module as errors: what failed, on which server, and what to do next. */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "cluster/kube/http-private.h"

typedef struct {
	KvmigError code;
	gboolean about_request; /* the message names it: the server was reached */
	const char *hint;       /* NULL: none; a %s in it is the detail */
} Meaning;

static const Meaning meanings[] = {
	[HTTP_FAILURE_NONE] = { KVMIG_ERROR_INTERNAL, TRUE, NULL },
	[HTTP_FAILURE_INVALID] = { KVMIG_ERROR_INVALID, FALSE, NULL },
	[HTTP_FAILURE_UNSUPPORTED] = { KVMIG_ERROR_UNSUPPORTED, FALSE,
				       "install libcurl 7.80 or newer, built with OpenSSL" },
	[HTTP_FAILURE_RESOLVE] = { KVMIG_ERROR_UNREACHABLE, FALSE,
				   "check the host name in the kubeconfig's 'server', and DNS "
				   "here" },
	[HTTP_FAILURE_REFUSED] = { KVMIG_ERROR_UNREACHABLE, FALSE,
				   "check that the API server runs, and the port in the "
				   "kubeconfig's "
				   "'server'" },
	[HTTP_FAILURE_CONNECT] = { KVMIG_ERROR_UNREACHABLE, FALSE,
				   "check the network to the server (VPN, firewall, route), and "
				   "the "
				   "address in the kubeconfig's 'server'" },
	[HTTP_FAILURE_CONNECT_TIMEOUT] = { KVMIG_ERROR_UNREACHABLE, FALSE,
					   "check the network to the server (VPN, firewall, "
					   "proxy), "
					   "and the address in the kubeconfig's 'server'" },
	[HTTP_FAILURE_PROXY] = { KVMIG_ERROR_UNREACHABLE, FALSE,
				 "check 'proxy-url' in the kubeconfig, or HTTPS_PROXY; NO_PROXY "
				 "lists "
				 "the hosts that are reached without it" },
	[HTTP_FAILURE_TLS] = { KVMIG_ERROR_UNREACHABLE, FALSE,
			       "look at the TLS settings of the API server, and of what is between "
			       "it and here" },
	[HTTP_FAILURE_TLS_NAME] = { KVMIG_ERROR_UNREACHABLE, FALSE,
				    "if it is the right server, use that name in the kubeconfig's "
				    "'server', or --tls-server-name %s" },
	[HTTP_FAILURE_TLS_DATES] = { KVMIG_ERROR_UNREACHABLE, FALSE,
				     "renew the certificate on the server, or check the clock "
				     "here" },
	[HTTP_FAILURE_TLS_ISSUER] = { KVMIG_ERROR_UNREACHABLE, FALSE,
				      "if it is the right server, name the CA that signed its "
				      "certificate with --certificate-authority FILE or in the "
				      "kubeconfig" },
	[HTTP_FAILURE_NOT_TLS] = { KVMIG_ERROR_UNREACHABLE, FALSE,
				   "check the port in the kubeconfig's 'server', and whether it "
				   "should "
				   "be http://" },
	[HTTP_FAILURE_CLIENT_CERTIFICATE] = { KVMIG_ERROR_FORBIDDEN, FALSE,
					      "get a new client certificate for this cluster, and "
					      "put "
					      "it into the kubeconfig" },
	[HTTP_FAILURE_CLOSED] = { KVMIG_ERROR_UNREACHABLE, TRUE,
				  "try again; if it stays, look at the API server's log" },
	[HTTP_FAILURE_CUT] = { KVMIG_ERROR_UNREACHABLE, TRUE,
			       "try again; if it stays, look at the API server and at what is "
			       "between "
			       "it and here" },
	[HTTP_FAILURE_NOT_HTTP] = { KVMIG_ERROR_INVALID, TRUE,
				    "check that the port in the kubeconfig's 'server' is the API "
				    "server's, and whether it should be https://" },
	[HTTP_FAILURE_TIMEOUT] = { KVMIG_ERROR_TIMEOUT, TRUE,
				   "give it more time with --request-timeout" },
	[HTTP_FAILURE_STOPPED] = { KVMIG_ERROR_CANCELLED, TRUE, NULL },
	[HTTP_FAILURE_TOO_LARGE] = { KVMIG_ERROR_INVALID, TRUE, NULL },
	[HTTP_FAILURE_REDIRECT] = { KVMIG_ERROR_UNREACHABLE, TRUE,
				    "check that the kubeconfig's 'server' is the API server "
				    "itself, "
				    "not a page in front of it" },
	[HTTP_FAILURE_PLAIN] = { KVMIG_ERROR_UNREACHABLE, FALSE,
				 "write https:// in the kubeconfig's 'server'" },
	[HTTP_FAILURE_OTHER] = { KVMIG_ERROR_UNREACHABLE, TRUE, NULL },
};

static void set_hint(GError **error, const char *hint, const char *detail)
{
	const char *place = hint ? strstr(hint, "%s") : NULL;

	if (!hint)
		return;
	if (!place)
		error_hint(error, "%s", hint);
	else
		error_hint(error, "%.*s%s%s", (int)(place - hint), hint, detail ? detail : "NAME",
			   place + 2);
}

gboolean http_failure_to_error(const HttpFailure *failure, const HttpPlace *place, GError **error)
{
	const Meaning *meaning = &meanings[MIN((gsize)failure->kind, G_N_ELEMENTS(meanings) - 1)];

	if (meaning->about_request)
		error_set(error, meaning->code, "%s from '%s': %s", place->request, place->server,
			  failure->text);
	else if (meaning->code == KVMIG_ERROR_UNREACHABLE || meaning->code == KVMIG_ERROR_FORBIDDEN)
		error_set(error, meaning->code, "cannot reach '%s': %s", place->server,
			  failure->text);
	else
		error_set(error, meaning->code, "cannot use '%s': %s", place->server,
			  failure->text);
	set_hint(error, meaning->hint, failure->detail);
	return FALSE;
}

/* Parameters whose values are no secrets; others may be, in what a proxy or plugin adds. */
static gboolean may_be_shown(const char *parameter)
{
	static const char *const names[] = { "allowWatchBookmarks=",
					     "dryRun=",
					     "fieldManager=",
					     "fieldSelector=",
					     "fieldValidation=",
					     "force=",
					     "labelSelector=",
					     "limit=",
					     "resourceVersion=",
					     "resourceVersionMatch=",
					     "sendInitialEvents=",
					     "timeoutSeconds=",
					     "watch=" };

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		if (g_str_has_prefix(parameter, names[i]))
			return TRUE;
	return !strchr(parameter, '=');
}

char *http_describe_request(const char *method, const char *target)
{
	gsize path = strcspn(target, "?");
	g_auto(GStrv) parameters = NULL;
	GString *text = g_string_new(method);

	g_string_append_printf(text, " %.*s", (int)path, target);
	parameters = g_strsplit(target[path] ? target + path + 1 : "", "&", 64);
	for (gsize i = 0; parameters[i]; i++) {
		gsize name = strcspn(parameters[i], "=");

		g_string_append_c(text, i ? '&' : '?');
		if (may_be_shown(parameters[i]))
			g_string_append(text, parameters[i]);
		else
			g_string_append_printf(text, "%.*s=...", (int)name, parameters[i]);
	}
	return g_string_free(text, FALSE);
}
