/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the module kvmig-http.so provides: transfers by libcurl and OpenSSL, driven by whoever waits
 * on one file descriptor. The program's side is http.c. The module uses nothing of kvmig but the
 * types of this header and of http.h; failures cross as HttpFailure. One thread.
 */
#pragma once

#include "cluster/kube/http.h"

/* Kinds of failure: what can be done about it differs, and so hint and error code (http-failure.c).
 */
typedef enum {
	HTTP_FAILURE_NONE,
	HTTP_FAILURE_INVALID,     /* URL, PEM, header: cannot be used */
	HTTP_FAILURE_UNSUPPORTED, /* by this libcurl */
	HTTP_FAILURE_RESOLVE,     /* the server's name */
	HTTP_FAILURE_REFUSED,     /* nobody listens on the port */
	HTTP_FAILURE_CONNECT,     /* other failures to connect */
	HTTP_FAILURE_CONNECT_TIMEOUT,
	HTTP_FAILURE_PROXY,      /* the proxy: not found, not reached, or it refused */
	HTTP_FAILURE_TLS,        /* no common version, cipher and the like */
	HTTP_FAILURE_TLS_NAME,   /* the certificate is for others; detail: a name that it is for */
	HTTP_FAILURE_TLS_DATES,  /* expired, or not valid yet */
	HTTP_FAILURE_TLS_ISSUER, /* signed by nobody whom we trust */
	HTTP_FAILURE_NOT_TLS,    /* the port does not speak TLS */
	HTTP_FAILURE_CLIENT_CERTIFICATE, /* the server wants one, or another */
	HTTP_FAILURE_CLOSED,             /* closed or reset before a reply */
	HTTP_FAILURE_CUT,                /* closed or reset within the reply */
	HTTP_FAILURE_NOT_HTTP,
	HTTP_FAILURE_TIMEOUT,
	HTTP_FAILURE_STOPPED, /* by a function of HttpTransferFuncs */
	HTTP_FAILURE_OTHER,
	/* Found by the program's side, in a reply that came well. */
	HTTP_FAILURE_TOO_LARGE,
	HTTP_FAILURE_REDIRECT,
	HTTP_FAILURE_PLAIN, /* http to a port that wants https */
} HttpFailureKind;

/* `text` says why, in lower case: "connection refused". */
typedef struct {
	HttpFailureKind kind;
	char *text;
	char *detail; /* may be NULL */
} HttpFailure;

typedef struct HttpEngine HttpEngine;
typedef struct HttpTransfer HttpTransfer;

/* Called by run() and pause() only. Of the module they may call pause(…, TRUE), for their own
 * transfer, and nothing else. */
typedef struct {
	/* One line without its end; of the status line too; an empty one ends the head. FALSE
	 * stops the transfer, as with `data`. */
	gboolean (*header)(const char *line, gsize length, gpointer user_data);
	gboolean (*data)(const char *data, gsize length, gpointer user_data);
	/* The last call. `failure` is NULL where the reply is complete; borrowed. */
	void (*done)(const HttpFailure *failure, gpointer user_data);
} HttpTransferFuncs;

#define HTTP_MODULE_ABI 2
#define HTTP_MODULE_SYMBOL "kvmig_http_module"

typedef struct {
	guint abi; /* HTTP_MODULE_ABI */

	/* config->base has a scheme and no user, config->proxy is what to use (NULL: none). */
	HttpEngine *(*engine_new)(const HttpConfig *config, HttpFailure *failure);
	void (*engine_free)(HttpEngine *engine); /* after its transfers */
	/* What is wrong with our own certificate ("... expired on ..."); NULL: nothing. */
	const char *(*certificate_trouble)(const HttpEngine *engine);

	/* Readable when run() has something to do. */
	int (*fd)(const HttpEngine *engine);
	/* When run() is to be called at the latest, in monotonic microseconds; -1: never. */
	gint64 (*deadline)(const HttpEngine *engine);
	void (*run)(HttpEngine *engine);

	/* `body` of the request is borrowed until the transfer is freed, all else is copied.
	 * timeout_ms is heeded, silence_ms and max_bytes are the caller's. */
	HttpTransfer *(*start)(HttpEngine *engine, const HttpRequest *request,
			       const HttpTransferFuncs *funcs, gpointer user_data,
			       HttpFailure *failure);
	void (*pause)(HttpTransfer *transfer, gboolean paused);
	void (*transfer_free)(HttpTransfer *transfer); /* ends it without a call of done() */
} HttpModule;

static inline void http_failure_clear(HttpFailure *failure)
{
	g_clear_pointer(&failure->text, g_free);
	g_clear_pointer(&failure->detail, g_free);
	failure->kind = HTTP_FAILURE_NONE;
}
