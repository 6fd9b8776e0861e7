/* SPDX-License-Identifier: Apache-2.0 */
/* Private to the module kvmig-http.so. */
#pragma once

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "cluster/kube/http/engine.h"

/* Ours and whom we trust, parsed once; and what was seen of the connection that was begun last. */
typedef struct {
	gboolean insecure;
	gboolean check_name; /* ourselves, before anything of ours is sent */
	char *name;          /* that the certificate must be for */
	char *place;         /* "host:6443", for messages */
	char *ca_where;
	char *own_where;
	char *trouble; /* with our own certificate */
	X509_STORE *trusted;
	X509 *own;
	STACK_OF(X509) * own_chain;
	EVP_PKEY *key;
	HttpFailure failure; /* of the server's certificate */
	int alert;           /* that the server sent; -1: none */
} Tls;

/* FALSE with INVALID where a PEM cannot be used. */
gboolean tls_init(Tls *tls, const HttpConfig *config, HttpFailure *failure);
void tls_clear(Tls *tls);
/* CURLOPT_SSL_CTX_FUNCTION; user_data is the Tls. */
CURLcode tls_apply(CURL *easy, void *context, void *user_data);
/* Of a handshake or read that failed with an OpenSSL error code (0: none is known); FALSE where
 * TLS is not to blame. */
gboolean tls_explain(const Tls *tls, unsigned long code, HttpFailure *failure);

/* tls-words.c: what can be said of a certificate that was refused. */
void tls_describe_chain(const Tls *tls, X509_STORE_CTX *context, HttpFailure *failure);
void tls_describe_name(const Tls *tls, X509 *certificate, HttpFailure *failure);
gboolean tls_name_fits(const Tls *tls, X509 *certificate);
char *tls_date(const ASN1_TIME *time);

struct HttpEngine {
	CURLM *multi;
	int epoll;
	gint64 deadline_us; /* -1: none */
	Tls tls;

	char *url;         /* the base, with tls_server_name as its host where there is one */
	char *connect_to;  /* ::host:port then; else NULL */
	char *host_header; /* likewise */
	char *proxy;       /* "": none */
	char *proxy_shown; /* without credentials; NULL: none */
	char *user_agent;
	gboolean disable_compression;
	long connect_timeout_ms;
};

struct HttpTransfer {
	HttpEngine *engine;
	CURL *easy;
	CURLcode setup; /* the first setopt that failed */
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	const HttpTransferFuncs *funcs;
	gpointer user_data;
	gint64 timeout_ms;
	gboolean running;
	gboolean once;     /* it is no read: not to be sent again */
	gboolean sent;
	gboolean stopped;  /* by a function of the caller's */
	gboolean received; /* a byte of a reply */
	char error[CURL_ERROR_SIZE];
};

HttpTransfer *transfer_start(HttpEngine *engine, const HttpRequest *request,
			     const HttpTransferFuncs *funcs, gpointer user_data,
			     HttpFailure *failure);
void transfer_pause(HttpTransfer *transfer, gboolean paused);
void transfer_free(HttpTransfer *transfer);
/* libcurl has ended it. */
void transfer_done(HttpTransfer *transfer, CURLcode result);

/* Sets *failure and returns FALSE. */
gboolean failure_set(HttpFailure *failure, HttpFailureKind kind, const char *format, ...)
	G_GNUC_PRINTF(3, 4);
/* What a result of libcurl's means for this transfer. */
void failure_explain(const HttpTransfer *transfer, CURLcode result, HttpFailure *failure);
