/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of the HTTP client: what the main loop delivers, when, and how they end. */
#include "config.h"

#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "cluster/kube/http.h"
#include "http-server.h"

#define FLOOD_BYTES (24u << 20)

/* What the server's threads and the test tell each other. */
static gint go; /* /gated sends its second piece */

static void send_chunk(TestConn *conn, const char *data, gsize length)
{
	test_conn_printf(conn, "%zx\r\n", length);
	test_conn_write(conn, data, length);
	test_conn_printf(conn, "\r\n");
}

static void answer_gated(TestConn *conn)
{
	send_chunk(conn, "one\n", 4);
	while (!g_atomic_int_get(&go))
		g_usleep(1000);
	send_chunk(conn, "two\n", 4);
	test_conn_printf(conn, "0\r\n\r\n");
}

/* Each byte tells its place. */
static void answer_flood(TestConn *conn)
{
	enum { PIECE = 1 << 16 };
	g_autofree char *piece = g_malloc(PIECE);

	for (guint i = 0; i < PIECE; i++)
		piece[i] = (char)(i % 251);
	for (guint sent = 0; sent < FLOOD_BYTES; sent += PIECE)
		send_chunk(conn, piece, PIECE);
	test_conn_printf(conn, "0\r\n\r\n");
}

static gboolean answer(TestConn *conn, const TestAsked *asked, gpointer data)
{
	const char *path = asked->target;

	(void)data;
	if (g_str_equal(path, "/quick")) {
		test_conn_reply(conn, 200, NULL, "quick");
		return TRUE;
	}
	if (g_str_equal(path, "/body")) {
		test_conn_reply(conn, 200, NULL, asked->body);
		return TRUE;
	}
	if (g_str_equal(path, "/gone")) {
		test_conn_reply(conn, 410, "Content-Type: application/json\r\n", "{}");
		return TRUE;
	}
	test_conn_printf(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	if (g_str_equal(path, "/gated")) {
		answer_gated(conn);
		return TRUE;
	}
	if (g_str_equal(path, "/flood")) {
		answer_flood(conn);
		return TRUE;
	}
	send_chunk(conn, "one\n", 4);
	if (g_str_equal(path, "/open"))
		test_conn_wait(conn);
	return FALSE; /* "/cut" */
}

/* ---- a watcher ------------------------------------------------------------------------------- */

typedef struct {
	HttpClient *client;
	HttpStream *stream;
	GString *text; /* NULL: counted and checked only */
	guint64 bytes;
	gsize largest;
	guint calls, ends;
	gboolean sending; /* no function may be called now */
	gboolean send_within, stop_within, refuse_within, free_within;
	int status;
	GError *error;
} Watcher;

static void send_quick(HttpClient *client)
{
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	const HttpRequest request = { .method = "GET", .target = "/quick", .timeout_ms = 10000 };

	http_send(client, &request, &reply, &error);
	g_assert_no_error(error);
	g_assert_cmpstr((const char *)reply.body->data, ==, "quick");
}

/* Of /flood, from that place on. */
static void assert_in_order(const char *data, gsize length, guint64 place)
{
	for (gsize i = 0; i < length; i++)
		if ((guchar)data[i] != (place + i) % 65536 % 251)
			g_error("byte %" G_GUINT64_FORMAT " is not the one that was sent",
				place + i);
}

static gboolean on_data(const HttpHead *head, const char *data, gsize length, gpointer user_data)
{
	Watcher *watcher = user_data;

	g_assert_false(watcher->sending);
	g_assert_cmpuint(watcher->ends, ==, 0);
	watcher->calls++;
	watcher->status = head->status;
	watcher->largest = MAX(watcher->largest, length);
	if (watcher->text)
		g_string_append_len(watcher->text, data, (gssize)length);
	else
		assert_in_order(data, length, watcher->bytes);
	watcher->bytes += length;
	if (watcher->send_within)
		send_quick(watcher->client);
	if (watcher->stop_within)
		g_clear_pointer(&watcher->stream, http_stream_stop);
	if (watcher->free_within)
		g_clear_pointer(&watcher->client, http_client_free);
	return !watcher->refuse_within;
}

static void on_end(const HttpHead *head, const GError *error, gpointer user_data)
{
	Watcher *watcher = user_data;

	g_assert_false(watcher->sending);
	watcher->ends++;
	watcher->status = head->status;
	watcher->error = error ? g_error_copy(error) : NULL;
	if (watcher->stop_within)
		g_clear_pointer(&watcher->stream, http_stream_stop);
}

static void watch(Watcher *watcher, HttpClient *client, const char *target)
{
	g_autoptr(GError) error = NULL;
	const HttpRequest request = {
		.method = "GET", .target = target, .on_data = on_data, .user_data = watcher
	};

	watcher->client = client;
	watcher->stream = http_stream_start(client, &request, on_end, &error);
	g_assert_no_error(error);
}

static void unwatch(Watcher *watcher)
{
	g_clear_pointer(&watcher->stream, http_stream_stop);
	if (watcher->text)
		g_string_free(watcher->text, TRUE);
	g_clear_error(&watcher->error);
}

static gboolean on_late(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

/* Runs the main loop until *what is at least `value`, for 20 s at most. */
static void loop_until(const guint *what, guint value)
{
	gboolean late = FALSE;
	guint id = g_timeout_add_seconds(20, on_late, &late);

	while (*what < value && !late)
		g_main_context_iteration(NULL, TRUE);
	g_assert_false(late);
	g_source_remove(id);
}

/* Nothing more may come. */
static void loop_for(guint ms)
{
	gboolean done = FALSE;

	g_timeout_add(ms, on_late, &done);
	while (!done)
		g_main_context_iteration(NULL, TRUE);
}

static HttpClient *client_for(const TestServer *server)
{
	g_autofree char *base = test_server_url(server, NULL);
	g_autoptr(GError) error = NULL;
	HttpConfig config = { .base = base };
	HttpClient *client = http_client_new(&config, &error);

	g_assert_no_error(error);
	g_atomic_int_set(&go, 0);
	return client;
}

/* ---- delivery -------------------------------------------------------------------------------- */

static void test_stream(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher watcher = { .text = g_string_new(NULL) };

	watch(&watcher, client, "/gated");
	loop_until(&watcher.calls, 1);
	g_assert_cmpstr(watcher.text->str, ==, "one\n"); /* as it arrives */
	g_atomic_int_set(&go, 1);
	loop_until(&watcher.ends, 1);
	g_assert_no_error(watcher.error);
	g_assert_cmpstr(watcher.text->str, ==, "one\ntwo\n");
	g_assert_cmpint(watcher.status, ==, 200);
	unwatch(&watcher);
}

/* A status that is none of success comes with its body. */
static void test_status(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher watcher = { .text = g_string_new(NULL) };

	watch(&watcher, client, "/gone");
	loop_until(&watcher.ends, 1);
	g_assert_no_error(watcher.error);
	g_assert_cmpint(watcher.status, ==, 410);
	g_assert_cmpstr(watcher.text->str, ==, "{}");
	unwatch(&watcher);
}

/* http_send() beside two streams: they receive, but are called only by the main loop. */
static void test_beside_send(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher first = { .text = g_string_new(NULL) }, second = { .text = g_string_new(NULL) };

	watch(&first, client, "/gated");
	watch(&second, client, "/gated");
	loop_until(&first.calls, 1);
	loop_until(&second.calls, 1);
	g_atomic_int_set(&go, 1);
	first.sending = second.sending = TRUE;
	for (guint i = 0; i < 50; i++)
		send_quick(client);
	first.sending = second.sending = FALSE;
	loop_until(&first.ends, 1);
	loop_until(&second.ends, 1);
	g_assert_cmpstr(first.text->str, ==, "one\ntwo\n");
	g_assert_cmpstr(second.text->str, ==, "one\ntwo\n");
	g_assert_cmpuint(test_server_connections(server), ==, 3);
	unwatch(&first);
	unwatch(&second);
}

static void test_send_within(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher watcher = { .text = g_string_new(NULL), .send_within = TRUE };

	g_atomic_int_set(&go, 1);
	watch(&watcher, client, "/gated");
	loop_until(&watcher.ends, 1);
	g_assert_cmpstr(watcher.text->str, ==, "one\ntwo\n");
	unwatch(&watcher);
}

/* The stream cannot be delivered while requests are sent: the server has to wait, and then all of
 * it comes. */
static void test_flood(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher watcher = { .send_within = FALSE };
	gint64 end_us;

	watch(&watcher, client, "/flood");
	loop_until(&watcher.calls, 1);
	watcher.sending = TRUE;
	for (end_us = g_get_monotonic_time() + G_TIME_SPAN_SECOND / 2;
	     g_get_monotonic_time() < end_us;)
		send_quick(client);
	watcher.sending = FALSE;
	watcher.send_within = TRUE;
	loop_until(&watcher.ends, 1);
	g_assert_no_error(watcher.error);
	g_assert_cmpuint(watcher.bytes, ==, FLOOD_BYTES);
	/* 1 MiB, and what one look at the socket brings */
	g_assert_cmpuint(watcher.largest, <, 2u << 20);
	unwatch(&watcher);
}

/* The body is copied. */
static void test_body(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher watcher = { .text = g_string_new(NULL) };
	g_autoptr(GError) error = NULL;
	char body[] = "what is sent";
	const HttpRequest request = { .method = "POST",
				      .target = "/body",
				      .body = body,
				      .body_length = strlen(body),
				      .on_data = on_data,
				      .user_data = &watcher };

	watcher.stream = http_stream_start(client, &request, on_end, &error);
	g_assert_no_error(error);
	memset(body, 'x', sizeof body);
	loop_until(&watcher.ends, 1);
	g_assert_cmpstr(watcher.text->str, ==, "what is sent");
	unwatch(&watcher);
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void test_cut(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher watcher = { .text = g_string_new(NULL) };

	watch(&watcher, client, "/cut");
	loop_until(&watcher.ends, 1);
	g_assert_error(watcher.error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	g_assert_cmpstr(watcher.text->str, ==, "one\n"); /* what came was delivered before */
	unwatch(&watcher);
}

static void test_refused(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher watcher = { .text = g_string_new(NULL) };

	test_server_free(g_steal_pointer(&server));
	watch(&watcher, client, "/open");
	loop_until(&watcher.ends, 1);
	g_assert_error(watcher.error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	g_assert_cmpint(watcher.status, ==, 0);
	unwatch(&watcher);
}

static void test_silence(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher watcher = { .text = g_string_new(NULL) };
	g_autoptr(GError) error = NULL;
	const HttpRequest request = { .method = "GET",
				      .target = "/open",
				      .silence_ms = 3000,
				      .on_data = on_data,
				      .user_data = &watcher };
	gint64 begun_us = g_get_monotonic_time();

	watcher.stream = http_stream_start(client, &request, on_end, &error);
	g_assert_no_error(error);
	loop_until(&watcher.ends, 1);
	g_assert_error(watcher.error, KVMIG_ERROR, KVMIG_ERROR_TIMEOUT);
	g_assert_cmpint(g_get_monotonic_time() - begun_us, >=, 3000 * G_TIME_SPAN_MILLISECOND);
	g_assert_cmpstr(watcher.text->str, ==, "one\n");
	unwatch(&watcher);
}

/* on_data wants no more. */
static void test_refuse_within(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher watcher = { .text = g_string_new(NULL), .refuse_within = TRUE };

	watch(&watcher, client, "/open");
	loop_until(&watcher.ends, 1);
	g_assert_error(watcher.error, KVMIG_ERROR, KVMIG_ERROR_CANCELLED);
	g_assert_cmpuint(watcher.calls, ==, 1);
	unwatch(&watcher);
}

/* Stopped by somebody else, before and after data came; the server sees it go. */
static void test_stop(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher early = { .text = g_string_new(NULL) }, late = { .text = g_string_new(NULL) };

	watch(&early, client, "/open");
	g_clear_pointer(&early.stream, http_stream_stop);
	watch(&late, client, "/open");
	loop_until(&late.calls, 1);
	g_clear_pointer(&late.stream, http_stream_stop);
	loop_for(100);
	g_assert_cmpuint(early.calls + early.ends + late.ends, ==, 0);
	g_assert_cmpuint(late.calls, ==, 1);
	unwatch(&early);
	unwatch(&late);
	http_stream_stop(NULL);
}

/* Stopped in on_data, which may want no more besides, and in on_end. */
static void test_stop_within(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);

	for (guint i = 0; i < 3; i++) {
		Watcher watcher = { .text = g_string_new(NULL),
				    .stop_within = i < 2,
				    .refuse_within = i == 1 };

		watch(&watcher, client, i == 2 ? "/gone" : "/open");
		if (i == 2) {
			loop_until(&watcher.calls, 1);
			watcher.stop_within = TRUE;
			if (watcher.ends == 0)
				loop_until(&watcher.ends, 1);
		} else {
			loop_until(&watcher.calls, 1);
		}
		loop_for(50);
		g_assert_cmpuint(watcher.ends, ==, i == 2 ? 1 : 0);
		unwatch(&watcher);
	}
	send_quick(client);
}

/* The client goes first, outside and inside a call. */
static void test_free_first(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	Watcher outside = { .text = g_string_new(NULL) };
	Watcher inside = { .text = g_string_new(NULL), .free_within = TRUE };

	watch(&outside, client_for(server), "/open");
	loop_until(&outside.calls, 1);
	http_client_free(outside.client);
	watch(&inside, client_for(server), "/open");
	loop_until(&inside.calls, 1);
	g_assert_null(inside.client);
	loop_for(100);
	g_assert_cmpuint(outside.ends + inside.ends, ==, 0);
	unwatch(&outside);
	unwatch(&inside);
}

/* With a new certificate new requests use new connections; streams that run go on. */
static void test_new_engine(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher watcher = { .text = g_string_new(NULL) };
	g_autoptr(GError) error = NULL;

	watch(&watcher, client, "/gated");
	loop_until(&watcher.calls, 1);
	send_quick(client);
	send_quick(client);
	g_assert_cmpuint(test_server_connections(server), ==, 2);
	http_client_set_certificate(client, NULL, NULL, &error);
	g_assert_no_error(error);
	send_quick(client);
	g_assert_cmpuint(test_server_connections(server), ==, 3);
	g_atomic_int_set(&go, 1);
	loop_until(&watcher.ends, 1);
	g_assert_no_error(watcher.error);
	g_assert_cmpstr(watcher.text->str, ==, "one\ntwo\n");
	unwatch(&watcher);
	watcher = (Watcher){ .text = g_string_new(NULL) };
	watch(&watcher, client, "/gone"); /* the source knows the new one */
	loop_until(&watcher.ends, 1);
	g_assert_no_error(watcher.error);
	unwatch(&watcher);
}

static void test_bad_request(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	g_autoptr(GError) error = NULL;
	const HttpRequest request = { .method = "GET", .target = "x", .on_data = on_data };

	g_assert_null(http_stream_start(client, &request, on_end, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_null(http_stream_start(client, &request, on_end, NULL));
}

/* Waiting costs nothing: the loop is not woken for an idle stream. */
static void test_idle(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autoptr(HttpClient) client = client_for(server);
	Watcher watcher = { .text = g_string_new(NULL) };
	gboolean done = FALSE;
	guint turns = 0;

	watch(&watcher, client, "/open");
	loop_until(&watcher.calls, 1);
	loop_for(300); /* libcurl's timers of the connection's beginning */
	g_timeout_add(500, on_late, &done);
	while (!done) {
		g_main_context_iteration(NULL, TRUE);
		turns++;
	}
	g_assert_cmpuint(turns, <, 10);
	unwatch(&watcher);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	signal(SIGPIPE, SIG_IGN); /* the server's */
	g_test_add_func("/http-stream/stream", test_stream);
	g_test_add_func("/http-stream/status", test_status);
	g_test_add_func("/http-stream/beside-send", test_beside_send);
	g_test_add_func("/http-stream/send-within", test_send_within);
	g_test_add_func("/http-stream/flood", test_flood);
	g_test_add_func("/http-stream/body", test_body);
	g_test_add_func("/http-stream/cut", test_cut);
	g_test_add_func("/http-stream/refused", test_refused);
	g_test_add_func("/http-stream/silence", test_silence);
	g_test_add_func("/http-stream/refuse-within", test_refuse_within);
	g_test_add_func("/http-stream/stop", test_stop);
	g_test_add_func("/http-stream/stop-within", test_stop_within);
	g_test_add_func("/http-stream/free-first", test_free_first);
	g_test_add_func("/http-stream/new-engine", test_new_engine);
	g_test_add_func("/http-stream/bad-request", test_bad_request);
	g_test_add_func("/http-stream/idle", test_idle);
	return g_test_run();
}
