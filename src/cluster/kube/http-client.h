/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by http.c and http-stream.c. */
#pragma once

#include "cluster/kube/http-private.h"

struct HttpClient {
	guint refs; /* the owner's, and one while the source delivers */
	gboolean closed;
	const HttpModule *module;
	HttpConfig config; /* without certificate and key */
	char *base, *server, *proxy;
	HttpEngine *engine;   /* for new requests */
	GPtrArray *engines;   /* with earlier ones whose exchanges have not ended */
	GPtrArray *exchanges; /* HttpExchange*, borrowed */
	GSource *source;      /* NULL until the first stream */
	GHashTable *tags;     /* of the source, one an engine */
	GPtrArray *streams;   /* HttpStream*, borrowed; those that have not ended */
	guint round;          /* of deliveries */
};

/* A request under way. */
typedef struct {
	HttpClient *client; /* NULL: detached */
	HttpEngine *engine;
	HttpTransfer *transfer;
	char *server, *request; /* for messages */
	HttpHead head;
	gsize head_bytes;
	gboolean head_ended;
	gboolean body_began;
	GByteArray *data; /* the body, or with on_data what is still to be delivered */
	gsize max_bytes;
	guint64 received;
	HttpDataFunc on_data;
	gpointer user_data;
	gint64 begun_us, last_us, silence_us;
	gboolean paused;
	gboolean done;
	HttpFailure failure;
} HttpExchange;

gboolean http_exchange_begin(HttpExchange *exchange, HttpClient *client, const HttpRequest *request,
			     GError **error);
/* Ends the transfer; what came stays. */
void http_exchange_detach(HttpExchange *exchange);
/* The same, and frees all of it but the struct. */
void http_exchange_end(HttpExchange *exchange);
/* Calls on_data with what is there; FALSE where it wants no more. */
gboolean http_exchange_deliver(HttpExchange *exchange);
/* After a delivery: lets the server go on. */
void http_exchange_resume(HttpExchange *exchange);
/* Once it is done: makes failures of replies that are none. */
void http_exchange_judge(HttpExchange *exchange);
/* Its failure as an error; FALSE. */
gboolean http_exchange_fail(const HttpExchange *exchange, GError **error);

/* When http_client_run() is due at the latest, in monotonic microseconds; -1: never. */
gint64 http_client_deadline(const HttpClient *client);
void http_client_run(HttpClient *client);
void http_client_unref(HttpClient *client);

/* http-stream.c: the source in the default main context. */
void http_client_arm(HttpClient *client); /* sets when it is due */
void http_client_watch_engine(HttpClient *client, HttpEngine *engine);
void http_client_forget_engine(HttpClient *client, HttpEngine *engine);
void http_client_stop_source(HttpClient *client);
