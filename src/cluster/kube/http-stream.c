/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: exchanges that a source in the default main context carries on and delivers. */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "cluster/kube/http-client.h"

struct HttpStream {
	HttpExchange exchange;
	HttpEndFunc on_end;
	char *body;
	gsize body_length;
	gboolean busy;    /* one of its functions is being called */
	gboolean stopped; /* within it: to be freed after it */
	guint round;
};

static void stream_free(HttpStream *stream)
{
	http_exchange_end(&stream->exchange);
	if (stream->body)
		explicit_bzero(stream->body, stream->body_length);
	g_free(stream->body);
	g_free(stream);
}

/* Nothing more is delivered. */
static void stream_detach(HttpStream *stream)
{
	if (stream->exchange.client)
		g_ptr_array_remove(stream->exchange.client->streams, stream);
	http_exchange_detach(&stream->exchange);
}

static void stream_end(HttpStream *stream)
{
	g_autoptr(GError) error = NULL;

	http_exchange_judge(&stream->exchange);
	stream_detach(stream);
	if (stream->exchange.failure.kind != HTTP_FAILURE_NONE)
		http_exchange_fail(&stream->exchange, &error);
	stream->on_end(&stream->exchange.head, error, stream->exchange.user_data);
}

static void set_stopped(HttpExchange *exchange)
{
	http_failure_clear(&exchange->failure);
	exchange->failure.kind = HTTP_FAILURE_STOPPED;
	exchange->failure.text = g_strdup("stopped");
	exchange->done = TRUE;
	g_byte_array_set_size(exchange->data, 0);
}

/* Calls what is due; the stream may be gone afterwards. */
static void stream_deliver(HttpStream *stream)
{
	HttpExchange *exchange = &stream->exchange;

	stream->busy = TRUE;
	if (!http_exchange_deliver(exchange) && !stream->stopped)
		set_stopped(exchange);
	if (!stream->stopped && exchange->client) {
		http_exchange_resume(exchange);
		if (exchange->done && exchange->data->len == 0)
			stream_end(stream);
	}
	stream->busy = FALSE;
	if (stream->stopped)
		stream_free(stream);
}

static gboolean stream_is_due(const HttpStream *stream)
{
	return stream->exchange.done || stream->exchange.data->len > 0;
}

/* A stream that has not had its turn in this round. */
static HttpStream *next_due(const HttpClient *client)
{
	for (guint i = 0; i < client->streams->len; i++) {
		HttpStream *stream = client->streams->pdata[i];

		if (!stream->busy && stream->round != client->round && stream_is_due(stream))
			return stream;
	}
	return NULL;
}

/* ---- the source ------------------------------------------------------------------------------ */

typedef struct {
	GSource source;
	HttpClient *client;
} ClientSource;

static gboolean client_dispatch(GSource *source, GSourceFunc func, gpointer data)
{
	HttpClient *client = ((ClientSource *)source)->client;
	HttpStream *stream;

	(void)func;
	(void)data;
	client->refs++;
	client->round++;
	http_client_run(client);
	while (!client->closed && (stream = next_due(client))) {
		stream->round = client->round;
		stream_deliver(stream);
	}
	if (!client->closed)
		http_client_arm(client);
	http_client_unref(client);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .dispatch = client_dispatch };

void http_client_arm(HttpClient *client)
{
	gboolean due = FALSE;

	if (!client->source)
		return;
	for (guint i = 0; i < client->streams->len && !due; i++)
		due = stream_is_due(client->streams->pdata[i]);
	g_source_set_ready_time(client->source, due ? 0 : http_client_deadline(client));
}

void http_client_watch_engine(HttpClient *client, HttpEngine *engine)
{
	gpointer tag;

	if (!client->source)
		return;
	tag = g_source_add_unix_fd(client->source, client->module->fd(engine), G_IO_IN);
	g_hash_table_insert(client->tags, engine, tag);
}

void http_client_forget_engine(HttpClient *client, HttpEngine *engine)
{
	gpointer tag = client->source ? g_hash_table_lookup(client->tags, engine) : NULL;

	if (!tag)
		return;
	g_source_remove_unix_fd(client->source, tag);
	g_hash_table_remove(client->tags, engine);
}

static void start_source(HttpClient *client)
{
	if (client->source)
		return;
	client->source = g_source_new(&source_funcs, sizeof(ClientSource));
	((ClientSource *)client->source)->client = client;
	client->tags = g_hash_table_new(NULL, NULL);
	for (guint i = 0; i < client->engines->len; i++)
		http_client_watch_engine(client, client->engines->pdata[i]);
	g_source_attach(client->source, NULL);
}

void http_client_stop_source(HttpClient *client)
{
	if (!client->source)
		return;
	g_source_destroy(client->source);
	g_clear_pointer(&client->source, g_source_unref);
	g_clear_pointer(&client->tags, g_hash_table_unref);
}

/* ---- streams --------------------------------------------------------------------------------- */

HttpStream *http_stream_start(HttpClient *client, const HttpRequest *request, HttpEndFunc on_end,
			      GError **error)
{
	HttpStream *stream = g_new0(HttpStream, 1);
	HttpRequest own = *request;

	if (request->body) {
		stream->body = g_memdup2(request->body, request->body_length);
		stream->body_length = request->body_length;
		own.body = stream->body;
	}
	stream->on_end = on_end;
	if (!http_exchange_begin(&stream->exchange, client, &own, error)) {
		stream_free(stream);
		return NULL;
	}
	g_ptr_array_add(client->streams, stream);
	start_source(client);
	http_client_arm(client);
	return stream;
}

void http_stream_stop(HttpStream *stream)
{
	HttpClient *client = stream ? stream->exchange.client : NULL;

	if (!stream)
		return;
	stream_detach(stream);
	if (client)
		http_client_arm(client);
	if (stream->busy)
		stream->stopped = TRUE;
	else
		stream_free(stream);
}
