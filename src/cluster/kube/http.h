/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP to one server with one identity. The work is done by libcurl and OpenSSL in a module,
 * kvmig-http.so, loaded at the first request: linked into the program they would cost every start
 * 4 ms. http*.c are the side of the program: they load the module, wait for it, deliver what came,
 * and make GErrors of its failures; http/ is the module, and uses nothing of kvmig but the types of
 * this header and of http/engine.h.
 *
 * Knows nothing of Kubernetes. Secrets are in the header lines and keys that it is given: they are
 * never logged, and freed with their bytes cleared.
 */
#pragma once

#include <glib.h>

typedef struct HttpClient HttpClient;

/* PEM, from memory; data NULL: none. The bytes are copied. */
typedef struct {
	const char *data;
	gsize length;
	const char *where; /* "certificate-authority of cluster 'prod'", for messages */
} HttpPem;

typedef struct {
	const char *base;	     /* "https://host:6443/prefix"; http:// too. Without a scheme as
					in client-go: https where there is anything of TLS here */
	const char *tls_server_name; /* verified and sent instead of the host; NULL: the host */
	gboolean insecure;	     /* the server's certificate is not verified */
	HttpPem ca;		     /* trusted instead of the system's */
	HttpPem certificate, key;    /* the client's */
	const char *proxy;	     /* http, https, socks5(h) URL; NULL: by the environment */
	gboolean disable_compression; /* replies come as they are, for links that are fast */
	const char *user_agent;
	gint64 connect_timeout_ms;   /* 0: 10 s. Then UNREACHABLE */
} HttpConfig;

/* Sends nothing. INVALID where the URL, a certificate or the key cannot be used (unreadable PEM, a
 * key that does not fit its certificate), UNSUPPORTED where the module cannot be loaded. */
HttpClient *http_client_new(const HttpConfig *config, GError **error);
void http_client_free(HttpClient *client); /* ends what is under way; NULL is ignored */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HttpClient, http_client_free)

/* A new client certificate (after a plugin was run again): later requests use new connections. */
gboolean http_client_set_certificate(HttpClient *client, const HttpPem *certificate,
				     const HttpPem *key, GError **error);

/* What is wrong with the client's certificate although it can be sent ("the client certificate of
 * user 'x' expired on ..."): a server that answers 401 most likely does so because of it. NULL:
 * nothing. Borrowed until the certificate is set anew. */
const char *http_client_certificate_trouble(const HttpClient *client);

typedef struct {
	int status;	     /* 200 … */
	char *content_type;  /* without parameters, lower case; NULL: none */
	char *etag;	     /* NULL: none */
	gint64 retry_after_s; /* -1: none */
	char *location;	      /* NULL: none */
	GPtrArray *warnings;  /* char*, texts of `Warning: 299` headers; never NULL */
} HttpHead;

/* A piece of the body, as it arrives and decoded; FALSE ends the request: the reply is then
 * CANCELLED. `head` is complete at the first call. */
typedef gboolean (*HttpDataFunc)(const HttpHead *head, const char *data, gsize length,
				 gpointer user_data);

typedef struct {
	const char *method;	  /* "GET" */
	const char *target;	  /* "/api/v1/nodes?limit=500", put behind the base; encoded */
	const char *const *headers; /* "Name: value", NULL-terminated; may be NULL */
	const char *body;	  /* NULL: none */
	gsize body_length;
	gint64 timeout_ms;	  /* for all of it; 0: none */
	gint64 silence_ms;	  /* no byte for so long ends it (TIMEOUT); 0: none */
	gsize max_bytes;	  /* of a reply without on_data; more is an error; 0: 16 MiB */
	HttpDataFunc on_data;	  /* NULL: the body is kept in the reply */
	gpointer user_data;
} HttpRequest;

/* What trying again may do about a request that failed. */
typedef enum {
	HTTP_FAULT_FINAL,   /* nothing: name, TLS, proxy, cancelled, broken reply, time is up */
	HTTP_FAULT_REFUSED, /* no connection came about: surely nothing of the request was sent */
	HTTP_FAULT_BROKEN,  /* the connection broke: the server may have acted on the request */
} HttpFault;

typedef struct {
	HttpHead head;
	GByteArray *body; /* NUL-terminated behind its length; NULL with on_data */
	HttpFault fault;  /* where http_send() failed */
} HttpReply;
void http_reply_clear(HttpReply *reply);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HttpReply, http_reply_clear)

/*
 * Sends and waits; `reply` is { 0 }, or of an earlier call and then cleared. TRUE with any HTTP
 * status but a redirection, which is not followed (a token would go to a stranger). Errors:
 * UNREACHABLE (name, connection, TLS, redirection: in plain words, with what the certificate says
 * and what was asked for), FORBIDDEN (TLS: the server wants another client certificate), TIMEOUT,
 * CANCELLED, INVALID (request or reply too large or malformed, not HTTP). Never sent twice, except
 * GET and HEAD where a kept connection turned out to be closed before a byte of the reply. While it
 * waits, streams of the same client receive too, but their functions are called only by the main
 * loop. on_data may send other requests with the same client; it must not free it.
 */
gboolean http_send(HttpClient *client, const HttpRequest *request, HttpReply *reply,
		   GError **error);

/* A request that the default main context carries on: on_data (not NULL) as data comes, on_end once
 * at the end (error NULL: the server ended it; head.status 0 where there was no reply). Stopping,
 * and freeing the client, is allowed in a callback; after it nothing is called. The stream is to be
 * stopped also after on_end, and where its client was freed before. */
typedef struct HttpStream HttpStream;
typedef void (*HttpEndFunc)(const HttpHead *head, const GError *error, gpointer user_data);
HttpStream *http_stream_start(HttpClient *client, const HttpRequest *request, HttpEndFunc on_end,
			      GError **error);
void http_stream_stop(HttpStream *stream); /* frees it; NULL is ignored */
