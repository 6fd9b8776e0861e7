/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program's side of HTTP. An Exchange is a request under way. The module calls it while it
 * runs, and there nothing of the caller's may be called (libcurl is not reentrant): what comes is
 * kept, up to a limit, and delivered afterwards, by http_send() itself or, for streams, by the
 * source in the default main context (http-stream.c).
 */
#include "config.h"

#include "cluster/kube/http.h"

#include <string.h>

#include "base/error.h"
#include "cluster/kube/http-client.h"
#include "cluster/kube/proxy.h"

/* of all header lines together */
#define HEAD_BYTES_MAX (256u << 10)
#define BODY_BYTES_DEFAULT (16u << 20)
/* what waits for on_data before the server has to wait */
#define QUEUE_BYTES_MAX (1u << 20)
#define CONNECT_TIMEOUT_DEFAULT_MS 10000

/* ---- what the module calls ------------------------------------------------------------------- */

static gboolean exchange_header(const char *line, gsize length, gpointer user_data)
{
	HttpExchange *exchange = user_data;

	exchange->last_us = g_get_monotonic_time();
	exchange->head_bytes += length;
	if (exchange->head_bytes > HEAD_BYTES_MAX) {
		exchange->failure.kind = HTTP_FAILURE_TOO_LARGE;
		exchange->failure.text = g_strdup_printf(
			"the head of the reply is larger than %u KiB", HEAD_BYTES_MAX >> 10);
		return FALSE;
	}
	if (length == 0)
		exchange->head_ended = TRUE;
	else if (length > 5 && memcmp(line, "HTTP/", 5) == 0) /* after an informational one */
		exchange->head_ended = FALSE;
	if (!exchange->body_began)
		http_head_line(&exchange->head, line, length);
	return TRUE;
}

static gboolean exchange_data(const char *data, gsize length, gpointer user_data)
{
	HttpExchange *exchange = user_data;

	exchange->last_us = g_get_monotonic_time();
	exchange->body_began = TRUE;
	exchange->received += length;
	if (!exchange->on_data && length > exchange->max_bytes - exchange->data->len) {
		exchange->failure.kind = HTTP_FAILURE_TOO_LARGE;
		exchange->failure.text = g_strdup_printf(
			"the reply is larger than %" G_GSIZE_FORMAT " bytes", exchange->max_bytes);
		return FALSE;
	}
	g_byte_array_append(exchange->data, (const guint8 *)data, (guint)length);
	if (exchange->on_data && !exchange->paused && exchange->data->len >= QUEUE_BYTES_MAX) {
		exchange->paused = TRUE;
		exchange->client->module->pause(exchange->transfer, TRUE);
	}
	return TRUE;
}

static void exchange_done(const HttpFailure *failure, gpointer user_data)
{
	HttpExchange *exchange = user_data;

	exchange->done = TRUE;
	if (failure && exchange->failure.kind == HTTP_FAILURE_NONE) {
		exchange->failure.kind = failure->kind;
		exchange->failure.text = g_strdup(failure->text);
		exchange->failure.detail = g_strdup(failure->detail);
	}
}

static const HttpTransferFuncs exchange_funcs = {
	.header = exchange_header,
	.data = exchange_data,
	.done = exchange_done,
};

/* ---- exchanges ------------------------------------------------------------------------------- */

gboolean http_exchange_fail(const HttpExchange *exchange, GError **error)
{
	const HttpPlace place = { exchange->server, exchange->request };

	return http_failure_to_error(&exchange->failure, &place, error);
}

gboolean http_exchange_begin(HttpExchange *exchange, HttpClient *client, const HttpRequest *request,
			     GError **error)
{
	memset(exchange, 0, sizeof *exchange);
	http_head_init(&exchange->head);
	exchange->client = client;
	exchange->engine = client->engine;
	exchange->server = g_strdup(client->server);
	exchange->request = http_describe_request(request->method, request->target);
	exchange->data = g_byte_array_new();
	exchange->max_bytes = request->max_bytes ? request->max_bytes : BODY_BYTES_DEFAULT;
	exchange->on_data = request->on_data;
	exchange->user_data = request->user_data;
	exchange->silence_us = request->silence_ms * G_TIME_SPAN_MILLISECOND;
	exchange->begun_us = exchange->last_us = g_get_monotonic_time();
	exchange->transfer = client->module->start(client->engine, request, &exchange_funcs,
						   exchange, &exchange->failure);
	if (!exchange->transfer) {
		http_exchange_fail(exchange, error);
		exchange->client = NULL;
		http_exchange_end(exchange);
		return FALSE;
	}
	g_ptr_array_add(client->exchanges, exchange);
	return TRUE;
}

/* Earlier engines, with the certificate of before, go with the last of their exchanges. */
static void drop_unused_engines(HttpClient *client)
{
	for (guint i = client->engines->len; i-- > 0;) {
		HttpEngine *engine = client->engines->pdata[i];
		gboolean used = engine == client->engine;

		for (guint j = 0; j < client->exchanges->len && !used; j++)
			used = ((HttpExchange *)client->exchanges->pdata[j])->engine == engine;
		if (used)
			continue;
		g_ptr_array_remove_index(client->engines, i);
		http_client_forget_engine(client, engine);
		client->module->engine_free(engine);
	}
}

void http_exchange_detach(HttpExchange *exchange)
{
	HttpClient *client = exchange->client;

	if (!client)
		return;
	client->module->transfer_free(exchange->transfer);
	exchange->transfer = NULL;
	exchange->engine = NULL;
	exchange->client = NULL;
	g_ptr_array_remove(client->exchanges, exchange);
	drop_unused_engines(client);
}

void http_exchange_end(HttpExchange *exchange)
{
	http_exchange_detach(exchange);
	http_head_clear(&exchange->head);
	http_failure_clear(&exchange->failure);
	g_clear_pointer(&exchange->data, g_byte_array_unref);
	g_clear_pointer(&exchange->server, g_free);
	g_clear_pointer(&exchange->request, g_free);
}

gboolean http_exchange_deliver(HttpExchange *exchange)
{
	g_autoptr(GByteArray) piece = NULL;

	if (!exchange->on_data || exchange->data->len == 0)
		return TRUE;
	piece = exchange->data;
	exchange->data = g_byte_array_new();
	return exchange->on_data(&exchange->head, (const char *)piece->data, piece->len,
				 exchange->user_data);
}

void http_exchange_resume(HttpExchange *exchange)
{
	if (!exchange->paused || !exchange->transfer || exchange->data->len >= QUEUE_BYTES_MAX)
		return;
	exchange->paused = FALSE;
	exchange->last_us = g_get_monotonic_time();
	exchange->client->module->pause(exchange->transfer, FALSE);
}

static void exchange_end_if_silent(HttpExchange *exchange, gint64 now_us)
{
	if (exchange->done || exchange->paused || exchange->silence_us <= 0 ||
	    now_us - exchange->last_us < exchange->silence_us)
		return;
	exchange->done = TRUE;
	exchange->failure.kind = HTTP_FAILURE_TIMEOUT;
	exchange->failure.text = g_strdup_printf("nothing came for %g s",
						 (double)exchange->silence_us / G_TIME_SPAN_SECOND);
}

/* ---- what a complete reply may still mean ---------------------------------------------------- */

static gboolean is_redirection(int status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Go's server and nginx say so, with status 400. */
static gboolean wants_https(const HttpExchange *exchange)
{
	static const char *const says[] = { "HTTP request to an HTTPS server",
					    "HTTP request was sent to HTTPS port" };
	const GByteArray *body = exchange->data;

	if (exchange->head.status != 400 || !g_str_has_prefix(exchange->server, "http:"))
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(says); i++)
		if (g_strstr_len((const char *)body->data, body->len, says[i]))
			return TRUE;
	return FALSE;
}

void http_exchange_judge(HttpExchange *exchange)
{
	HttpFailure *failure = &exchange->failure;
	g_autofree char *place = NULL;

	g_debug("%s from %s: status %d, %" G_GUINT64_FORMAT " bytes in %.1f ms%s%s",
		exchange->request, exchange->server, exchange->head.status, exchange->received,
		(double)(g_get_monotonic_time() - exchange->begun_us) / G_TIME_SPAN_MILLISECOND,
		failure->kind ? ": " : "", failure->kind ? failure->text : "");
	/* the server hangs up on what it does not want to read to the end: often, what it wrote is
	 * lost with the connection, but it has said what it thinks of it */
	if (failure->kind == HTTP_FAILURE_CUT && exchange->head_ended &&
	    exchange->head.status == 413)
		http_failure_clear(failure);
	if (failure->kind != HTTP_FAILURE_NONE)
		return;
	if (exchange->head.status == 0) {
		failure->kind = HTTP_FAILURE_NOT_HTTP;
		failure->text = g_strdup("the answer has no status");
	} else if (!exchange->head_ended) { /* libcurl takes it for the whole reply */
		failure->kind = HTTP_FAILURE_CUT;
		failure->text = g_strdup("the connection was closed within the reply's head");
	} else if (is_redirection(exchange->head.status)) {
		/* no query: what is in it may be a secret */
		place = exchange->head.location ? g_strndup(exchange->head.location,
							    strcspn(exchange->head.location, "?#"))
						: g_strdup("nowhere");
		failure->kind = HTTP_FAILURE_REDIRECT;
		failure->text = g_strdup_printf(
			"the server sends us on to '%s', which is not followed", place);
	} else if (!exchange->on_data && wants_https(exchange)) {
		failure->kind = HTTP_FAILURE_PLAIN;
		failure->text = g_strdup("the server wants https");
	}
}

/* ---- running --------------------------------------------------------------------------------- */

gint64 http_client_deadline(const HttpClient *client)
{
	gint64 first = -1;

	for (guint i = 0; i < client->engines->len; i++) {
		gint64 deadline = client->module->deadline(client->engines->pdata[i]);

		if (deadline >= 0 && (first < 0 || deadline < first))
			first = deadline;
	}
	for (guint i = 0; i < client->exchanges->len; i++) {
		const HttpExchange *exchange = client->exchanges->pdata[i];
		gint64 deadline = exchange->last_us + exchange->silence_us;

		if (!exchange->done && !exchange->paused && exchange->silence_us > 0 &&
		    (first < 0 || deadline < first))
			first = deadline;
	}
	return first;
}

/* Reads what there is before it judges who is silent: we may be the ones who were away. */
void http_client_run(HttpClient *client)
{
	gint64 now_us;

	for (guint i = 0; i < client->engines->len; i++)
		client->module->run(client->engines->pdata[i]);
	now_us = g_get_monotonic_time();
	for (guint i = 0; i < client->exchanges->len; i++)
		exchange_end_if_silent(client->exchanges->pdata[i], now_us);
}

static void client_wait(const HttpClient *client)
{
	g_autofree GPollFD *fds = g_new0(GPollFD, client->engines->len);
	gint64 deadline_us = http_client_deadline(client);
	gint64 left_ms = -1;

	for (guint i = 0; i < client->engines->len; i++) {
		fds[i].fd = client->module->fd(client->engines->pdata[i]);
		fds[i].events = G_IO_IN;
	}
	if (deadline_us >= 0) {
		gint64 left_us = MAX(deadline_us - g_get_monotonic_time(), 0);

		left_ms = (left_us + G_TIME_SPAN_MILLISECOND - 1) / G_TIME_SPAN_MILLISECOND;
	}
	(void)g_poll(fds, client->engines->len, (int)MIN(left_ms, G_MAXINT));
}

static void exchange_wait(HttpExchange *exchange)
{
	while (TRUE) {
		if (!http_exchange_deliver(exchange)) {
			http_failure_clear(&exchange->failure);
			exchange->failure.kind = HTTP_FAILURE_STOPPED;
			exchange->failure.text = g_strdup("stopped");
			return;
		}
		if (exchange->done && (!exchange->on_data || exchange->data->len == 0))
			return;
		http_exchange_resume(exchange);
		if (exchange->done)
			continue;
		client_wait(exchange->client);
		http_client_run(exchange->client);
	}
}

static void take_reply(HttpExchange *exchange, HttpReply *reply)
{
	reply->head = exchange->head;
	memset(&exchange->head, 0, sizeof exchange->head);
	if (exchange->on_data)
		return;
	g_byte_array_append(exchange->data, (const guint8 *)"", 1);
	g_byte_array_set_size(exchange->data, exchange->data->len - 1);
	reply->body = g_steal_pointer(&exchange->data);
}

static HttpFault fault_of(HttpFailureKind kind)
{
	switch (kind) {
	case HTTP_FAILURE_REFUSED:
	case HTTP_FAILURE_CONNECT: /* but not CONNECT_TIMEOUT: that has taken long enough */
		return HTTP_FAULT_REFUSED;
	case HTTP_FAILURE_CLOSED:
	case HTTP_FAILURE_CUT:
		return HTTP_FAULT_BROKEN;
	default:
		return HTTP_FAULT_FINAL;
	}
}

gboolean http_send(HttpClient *client, const HttpRequest *request, HttpReply *reply, GError **error)
{
	HttpExchange exchange;
	gboolean good;

	http_reply_clear(reply);
	reply->fault = HTTP_FAULT_FINAL;
	if (!http_exchange_begin(&exchange, client, request, error))
		return FALSE;
	exchange_wait(&exchange);
	http_exchange_judge(&exchange);
	good = exchange.failure.kind == HTTP_FAILURE_NONE;
	if (good) {
		take_reply(&exchange, reply);
	} else {
		reply->fault = fault_of(exchange.failure.kind);
		http_exchange_fail(&exchange, error);
	}
	http_exchange_end(&exchange);
	http_client_arm(client);
	return good;
}

void http_reply_clear(HttpReply *reply)
{
	http_head_clear(&reply->head);
	g_clear_pointer(&reply->body, g_byte_array_unref);
}

/* ---- clients --------------------------------------------------------------------------------- */

/* As client-go completes a server without a scheme. */
static char *complete_base(const HttpConfig *config)
{
	gboolean tls = config->ca.data || config->certificate.data || config->insecure;

	if (strstr(config->base, "://"))
		return g_strdup(config->base);
	return g_strconcat(tls ? "https://" : "http://", config->base, NULL);
}

static gboolean check_base(const char *base, char **ret_server, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GUri) uri = g_uri_parse(base, G_URI_FLAGS_ENCODED, &cause);
	const char *host = uri ? g_uri_get_host(uri) : NULL;
	const char *scheme = uri ? g_uri_get_scheme(uri) : "";
	g_autofree char *port = NULL;

	if (!host || !*host || host[strcspn(host, " \t\r\n\"<>\\^`{|}")])
		error_set(error, KVMIG_ERROR_INVALID, "the server's URL '%s' cannot be used: %s",
			  base, cause ? cause->message : "it names no host");
	else if (g_uri_get_userinfo(uri)) /* not shown: there may be a password in it */
		error_set(error, KVMIG_ERROR_INVALID,
			  "the server's URL for '%s' has a user name in it", host);
	else if (!g_str_equal(scheme, "http") && !g_str_equal(scheme, "https"))
		error_set(error, KVMIG_ERROR_INVALID,
			  "the server's URL '%s' is neither http nor https", base);
	else if (g_uri_get_query(uri) || g_uri_get_fragment(uri))
		error_set(error, KVMIG_ERROR_INVALID,
			  "the server's URL '%s' has a query or a fragment", base);
	else {
		port = g_uri_get_port(uri) < 0 ? g_strdup("")
					       : g_strdup_printf(":%d", g_uri_get_port(uri));
		*ret_server = g_strdup_printf(strchr(host, ':') ? "%s://[%s]%s" : "%s://%s%s",
					      scheme, host, port);
		return TRUE;
	}
	error_hint(error, "write it as https://HOST:PORT");
	return FALSE;
}

static gboolean choose_proxy(const char *base, const char *given, char **ret_proxy, GError **error)
{
	ProxyVariables variables;

	if (!given || !*given) {
		proxy_read_environment(&variables);
		return proxy_choose(&variables, base, ret_proxy, error);
	}
	*ret_proxy = proxy_normalize(given, "the kubeconfig (proxy-url)", error);
	return *ret_proxy != NULL;
}

/* Strings and the CA are kept: a new certificate needs a new engine. */
static void copy_config(HttpClient *client, const HttpConfig *config)
{
	HttpConfig *own = &client->config;

	own->base = client->base;
	own->tls_server_name = config->tls_server_name && *config->tls_server_name
				       ? g_strdup(config->tls_server_name)
				       : NULL;
	own->insecure = config->insecure;
	own->disable_compression = config->disable_compression;
	own->ca.data = config->ca.data ? g_strndup(config->ca.data, config->ca.length) : NULL;
	own->ca.length = config->ca.length;
	own->ca.where = g_strdup(config->ca.where);
	own->proxy = client->proxy;
	own->user_agent = g_strdup(config->user_agent);
	own->connect_timeout_ms = config->connect_timeout_ms > 0 ? config->connect_timeout_ms
								 : CONNECT_TIMEOUT_DEFAULT_MS;
}

gboolean http_client_set_certificate(HttpClient *client, const HttpPem *certificate,
				     const HttpPem *key, GError **error)
{
	const HttpPlace place = { client->server, "" };
	HttpFailure failure = { 0 };
	HttpConfig config = client->config;
	HttpEngine *engine;

	if (certificate)
		config.certificate = *certificate;
	if (key)
		config.key = *key;
	engine = client->module->engine_new(&config, &failure);
	if (!engine) {
		http_failure_to_error(&failure, &place, error);
		http_failure_clear(&failure);
		return FALSE;
	}
	client->engine = engine;
	g_ptr_array_add(client->engines, engine);
	http_client_watch_engine(client, engine);
	drop_unused_engines(client);
	return TRUE;
}

HttpClient *http_client_new(const HttpConfig *config, GError **error)
{
	g_autoptr(HttpClient) client = g_new0(HttpClient, 1);

	client->refs = 1;
	client->engines = g_ptr_array_new();
	client->exchanges = g_ptr_array_new();
	client->streams = g_ptr_array_new();
	client->base = complete_base(config);
	if (!check_base(client->base, &client->server, error) ||
	    !choose_proxy(client->base, config->proxy, &client->proxy, error))
		return NULL;
	copy_config(client, config);
	client->module = http_module_load(error);
	if (!client->module)
		return NULL;
	if (!http_client_set_certificate(client, &config->certificate, &config->key, error))
		return NULL;
	return g_steal_pointer(&client);
}

const char *http_client_certificate_trouble(const HttpClient *client)
{
	return client->module->certificate_trouble(client->engine);
}

void http_client_unref(HttpClient *client)
{
	if (--client->refs == 0)
		g_free(client);
}

void http_client_free(HttpClient *client)
{
	if (!client)
		return;
	client->closed = TRUE;
	http_client_stop_source(client);
	while (client->exchanges->len > 0)
		http_exchange_detach(client->exchanges->pdata[client->exchanges->len - 1]);
	for (guint i = 0; i < client->engines->len; i++)
		client->module->engine_free(client->engines->pdata[i]);
	g_ptr_array_unref(client->exchanges);
	g_ptr_array_unref(client->streams);
	g_ptr_array_unref(client->engines);
	g_free(client->base);
	g_free(client->server);
	proxy_free(client->proxy);
	g_free((char *)client->config.tls_server_name);
	g_free((char *)client->config.ca.data);
	g_free((char *)client->config.ca.where);
	g_free((char *)client->config.user_agent);
	http_client_unref(client);
}
