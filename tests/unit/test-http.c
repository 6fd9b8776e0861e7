/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client against a server on loopback that answers well, badly, slowly or not at all;
 * plain. TLS is in test-http-tls.c, streams are in test-http-stream.c. */
#include "config.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "cluster/kube/http-private.h"
#include "http-server.h"

/* {"kind":"Status"} */
static const char gzip_status[] = "\037\213\010\000\000\000\000\000\002\003\253\126\312\316\314\113"
				  "\121\262\122\012\056\111\054\051\055\126\252\005\000\016\276\114"
				  "\153\021\000\000\000";
/* 100,000 times NUL */
static const char gzip_bomb[] =
	"\037\213\010\000\000\000\000\000\002\003\355\301\061\001\000\000\000\302\240\365\117\155"
	"\015\017\240\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
	"\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
	"\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
	"\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
	"\000\000\000\000\000\000\000\000\200\127\003\175\225\021\324\240\206\001\000";

/* ---- the server's answers, by path ----------------------------------------------------------- */

static void answer_slowly(TestConn *conn, guint pieces, guint ms)
{
	test_conn_printf(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (guint i = 0; i < pieces; i++) {
		test_conn_printf(conn, "4\r\nbit\n\r\n");
		g_usleep(ms * 1000);
	}
	test_conn_printf(conn, "0\r\n\r\n");
}

static void answer_compressed(TestConn *conn, const char *data, gsize length)
{
	test_conn_printf(conn,
			 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: "
			 "gzip\r\nContent-Length: %zu\r\n\r\n",
			 length);
	test_conn_write(conn, data, length);
}

static void answer_headers(TestConn *conn, guint lines, guint length)
{
	g_autofree char *value = g_strnfill(length, 'x');

	test_conn_printf(conn, "HTTP/1.1 200 OK\r\n");
	for (guint i = 0; i < lines; i++)
		test_conn_printf(conn, "X-Line-%u: %s\r\n", i, value);
	test_conn_printf(conn, "Content-Length: 0\r\n\r\n");
}

static gboolean answer_badly(TestConn *conn, const char *path)
{
	if (g_str_equal(path, "/cut"))
		test_conn_printf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
	else if (g_str_equal(path, "/cut-chunk"))
		test_conn_printf(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				       "20\r\nhalf");
	else if (g_str_equal(path, "/cut-head"))
		test_conn_printf(conn, "HTTP/1.1 200 OK\r\nContent-Le");
	else if (g_str_equal(path, "/reset"))
		test_conn_reset(conn);
	else if (g_str_equal(path, "/reset-within")) {
		test_conn_printf(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
		/* a reset discards what the client has not read yet */
		g_usleep(G_USEC_PER_SEC);
		test_conn_reset(conn);
	} else if (g_str_equal(path, "/ssh"))
		test_conn_printf(conn, "SSH-2.0-OpenSSH_9.2p1\r\n");
	else if (g_str_equal(path, "/chunk-junk"))
		test_conn_printf(conn,
				 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
	else if (g_str_equal(path, "/gzip-junk"))
		test_conn_printf(conn, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
				       "Content-Length: 4\r\n\r\njunk");
	else if (g_str_equal(path, "/never"))
		test_conn_wait(conn);
	return FALSE;
}

static gboolean answer(TestConn *conn, const TestAsked *asked, gpointer data)
{
	const char *path = asked->target;

	(void)data;
	if (g_str_equal(path, "/echo"))
		test_conn_reply(conn, 200, NULL, asked->head);
	else if (g_str_equal(path, "/body"))
		test_conn_reply(conn, 201, NULL, asked->body);
	else if (g_str_equal(path, "/json"))
		test_conn_reply(
			conn, 200,
			"Content-Type: Application/JSON; charset=utf-8\r\nETag: \"ab1\"\r\n", "{}");
	else if (g_str_equal(path, "/busy"))
		test_conn_reply(conn, 429, "Retry-After: 7\r\nWarning: 299 - \"old\"\r\n", "busy");
	else if (g_str_equal(path, "/early"))
		test_conn_printf(conn, "HTTP/1.1 103 Early Hints\r\nWarning: 299 - \"no\"\r\n\r\n"
				       "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	else if (g_str_equal(path, "/trailer"))
		test_conn_printf(conn, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				       "0\r\nX-Trailer: x\r\n\r\n");
	else if (g_str_equal(path, "/moved"))
		test_conn_reply(conn, 302, "Location: https://login.example.org/x?token=secret\r\n",
				"");
	else if (g_str_equal(path, "/unchanged"))
		test_conn_printf(conn, "HTTP/1.1 304 Not Modified\r\n\r\n");
	else if (g_str_equal(path, "/gzip"))
		answer_compressed(conn, gzip_status, sizeof gzip_status - 1);
	else if (g_str_equal(path, "/bomb"))
		answer_compressed(conn, gzip_bomb, sizeof gzip_bomb - 1);
	else if (g_str_equal(path, "/slow"))
		answer_slowly(conn, 10, 110); /* a slow machine begins in time, and goes on */
	else if (g_str_equal(path, "/many-headers"))
		answer_headers(conn, 300, 1000);
	else if (g_str_equal(path, "/long-header"))
		answer_headers(conn, 1, 400000);
	else if (g_str_equal(path, "/plain-to-tls"))
		test_conn_reply(conn, 400, NULL,
				"Client sent an HTTP request to an HTTPS server.\n");
	else
		return answer_badly(conn, path);
	return TRUE;
}

/* ---- help ------------------------------------------------------------------------------------ */

static HttpClient *client_for(const char *base)
{
	g_autoptr(GError) error = NULL;
	HttpConfig config = { .base = base, .user_agent = "kvmig/test" };
	HttpClient *client = http_client_new(&config, &error);

	g_assert_no_error(error);
	return client;
}

static void get(HttpClient *client, const char *target, HttpReply *reply)
{
	g_autoptr(GError) error = NULL;
	const HttpRequest request = { .method = "GET", .target = target, .timeout_ms = 10000 };

	http_send(client, &request, reply, &error);
	g_assert_no_error(error);
}

static void assert_has(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		g_error("'%s' lacks '%s'", text, part);
}

static void assert_lacks(const char *text, const char *part)
{
	if (text && strstr(text, part))
		g_error("'%s' has '%s'", text, part);
}

/* ---- what goes well -------------------------------------------------------------------------- */

static void test_get(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);
	g_autoptr(HttpClient) client = client_for(base);
	g_auto(HttpReply) reply = { 0 };

	get(client, "/json", &reply);
	g_assert_cmpint(reply.head.status, ==, 200);
	g_assert_cmpstr(reply.head.content_type, ==, "application/json");
	g_assert_cmpstr(reply.head.etag, ==, "\"ab1\"");
	g_assert_cmpint(reply.head.retry_after_s, ==, -1);
	g_assert_cmpuint(reply.head.warnings->len, ==, 0);
	g_assert_cmpuint(reply.body->len, ==, 2);
	g_assert_cmpstr((const char *)reply.body->data, ==, "{}");
	get(client, "/busy", &reply);
	g_assert_cmpint(reply.head.status, ==, 429);
	g_assert_cmpint(reply.head.retry_after_s, ==, 7);
	g_assert_cmpuint(reply.head.warnings->len, ==, 1);
	g_assert_cmpstr(reply.head.warnings->pdata[0], ==, "old");
	get(client, "/early", &reply); /* of the last head only */
	g_assert_cmpint(reply.head.status, ==, 200);
	g_assert_cmpuint(reply.head.warnings->len, ==, 0);
	get(client, "/trailer", &reply);
	g_assert_cmpuint(reply.body->len, ==, 0);
	get(client, "/unchanged", &reply);
	g_assert_cmpint(reply.head.status, ==, 304);
	get(client, "/gzip", &reply);
	g_assert_cmpstr((const char *)reply.body->data, ==, "{\"kind\":\"Status\"}");
	get(client, "/slow", &reply);
	g_assert_cmpuint(reply.body->len, ==, 40);
	g_assert_cmpuint(test_server_connections(server), ==, 1);
}

static void test_headers(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *url = test_server_url(server, NULL);
	g_autofree char *base = g_strconcat(url, "/", NULL);
	g_autoptr(HttpClient) client = client_for(base);
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	const char *const headers[] = { "Authorization: Bearer s3cret", "Accept: a/b", NULL };
	const HttpRequest request = { .method = "GET", .target = "/echo", .headers = headers };
	const char *sent;

	http_send(client, &request, &reply, &error);
	g_assert_no_error(error);
	sent = (const char *)reply.body->data;
	g_assert_true(g_str_has_prefix(sent, "GET /echo HTTP/1.1\r\n"));
	assert_has(sent, "\r\nAuthorization: Bearer s3cret\r\n");
	assert_has(sent, "\r\nAccept: a/b\r\n");
	assert_has(sent, "\r\nAccept-Encoding: gzip\r\n");
	assert_has(sent, "\r\nUser-Agent: kvmig/test\r\n");
	assert_lacks(sent, "Expect");
	assert_lacks(sent, "Cookie");
	assert_lacks(sent, "Content-Type");
}

static void test_prefix(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);
	g_autofree char *prefixed = g_strconcat(base, "/unchanged", NULL); /* a path it knows */
	g_autoptr(HttpClient) client = client_for(prefixed);
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	const HttpRequest request = { .method = "GET", .target = "/../x", .timeout_ms = 5000 };

	/* "/unchanged/../x", as it is, is not among the server's paths */
	g_assert_false(http_send(client, &request, &reply, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	assert_has(error->message, "closed without a reply");
}

static const struct {
	const char *method, *body, *length;
} methods[] = {
	{ "POST", "{\"a\":1}", "Content-Length: 7\r\n" },
	{ "POST", NULL, "Content-Length: 0\r\n" },
	{ "PUT", "x", "Content-Length: 1\r\n" },
	{ "PATCH", "[]", "Content-Length: 2\r\n" },
	{ "DELETE", NULL, NULL },
	{ "DELETE", "{}", "Content-Length: 2\r\n" },
};

static void test_methods(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);
	g_autoptr(HttpClient) client = client_for(base);

	for (gsize i = 0; i < G_N_ELEMENTS(methods); i++) {
		g_autoptr(GError) error = NULL;
		g_autofree char *first =
			g_strconcat(methods[i].method, " /echo HTTP/1.1\r\n", NULL);
		g_auto(HttpReply) reply = { 0 };
		const char *body = methods[i].body;
		HttpRequest request = { .method = methods[i].method,
					.target = "/echo",
					.body = body,
					.body_length = body ? strlen(body) : 0 };

		http_send(client, &request, &reply, &error);
		g_assert_no_error(error);
		g_assert_true(g_str_has_prefix((const char *)reply.body->data, first));
		assert_lacks((const char *)reply.body->data, "Content-Type");
		if (methods[i].length)
			assert_has((const char *)reply.body->data, methods[i].length);
		else
			assert_lacks((const char *)reply.body->data, "Content-Length");
		request.target = "/body";
		http_send(client, &request, &reply, &error);
		g_assert_no_error(error);
		g_assert_cmpstr((const char *)reply.body->data, ==, body ? body : "");
	}
	g_assert_cmpuint(test_server_connections(server), ==, 1);
}

/* ---- what goes wrong ------------------------------------------------------------------------- */

static const struct {
	const char *target;
	gint64 timeout_ms, silence_ms;
	gsize max_bytes;
	KvmigError code;
	HttpFault fault;
	const char *says;
} failures[] = {
	{ "/cut", 0, 0, 0, KVMIG_ERROR_UNREACHABLE, HTTP_FAULT_BROKEN, "closed within the reply" },
	{ "/cut-chunk", 0, 0, 0, KVMIG_ERROR_UNREACHABLE, HTTP_FAULT_BROKEN,
	  "closed within the reply" },
	{ "/cut-head", 0, 0, 0, KVMIG_ERROR_UNREACHABLE, HTTP_FAULT_BROKEN, "closed" },
	{ "/reset", 0, 0, 0, KVMIG_ERROR_UNREACHABLE, HTTP_FAULT_BROKEN, "reset without a reply" },
	{ "/reset-within", 0, 0, 0, KVMIG_ERROR_UNREACHABLE, HTTP_FAULT_BROKEN,
	  "reset within the reply" },
	{ "/close", 0, 0, 0, KVMIG_ERROR_UNREACHABLE, HTTP_FAULT_BROKEN, "closed without a reply" },
	{ "/ssh", 0, 0, 0, KVMIG_ERROR_INVALID, HTTP_FAULT_FINAL, "not HTTP" },
	{ "/chunk-junk", 0, 0, 0, KVMIG_ERROR_UNREACHABLE, HTTP_FAULT_BROKEN, "within the reply" },
	{ "/gzip-junk", 0, 0, 0, KVMIG_ERROR_INVALID, HTTP_FAULT_FINAL, "not compressed" },
	{ "/never", 1000, 0, 0, KVMIG_ERROR_TIMEOUT, HTTP_FAULT_FINAL, "no answer within 1 s" },
	{ "/slow", 700, 0, 0, KVMIG_ERROR_TIMEOUT, HTTP_FAULT_FINAL,
	  "no complete answer within 0.7 s" },
	{ "/never", 0, 1000, 0, KVMIG_ERROR_TIMEOUT, HTTP_FAULT_FINAL, "nothing came for 1 s" },
	{ "/many-headers", 0, 0, 0, KVMIG_ERROR_INVALID, HTTP_FAULT_FINAL, "head of the reply" },
	{ "/long-header", 0, 0, 0, KVMIG_ERROR_INVALID, HTTP_FAULT_FINAL, "too long" },
	{ "/echo", 0, 0, 20, KVMIG_ERROR_INVALID, HTTP_FAULT_FINAL, "larger than 20 bytes" },
	{ "/bomb", 0, 0, 50000, KVMIG_ERROR_INVALID, HTTP_FAULT_FINAL, "larger than 50000 bytes" },
	{ "/moved", 0, 0, 0, KVMIG_ERROR_UNREACHABLE, HTTP_FAULT_FINAL,
	  "on to 'https://login.example.org/x'" },
	{ "/plain-to-tls", 0, 0, 0, KVMIG_ERROR_UNREACHABLE, HTTP_FAULT_FINAL, "wants https" },
};

static void test_failures(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(failures); i++) {
		g_autoptr(HttpClient) client = client_for(base);
		g_autoptr(GError) error = NULL;
		g_auto(HttpReply) reply = { 0 };
		const HttpRequest request = { .method = "GET",
					      .target = failures[i].target,
					      .timeout_ms = failures[i].timeout_ms,
					      .silence_ms = failures[i].silence_ms,
					      .max_bytes = failures[i].max_bytes };

		g_assert_false(http_send(client, &request, &reply, &error));
		g_test_message("%s: %s", failures[i].target, error->message);
		g_assert_error(error, KVMIG_ERROR, (int)failures[i].code);
		assert_has(error->message, failures[i].says);
		assert_has(error->message, base);
		assert_lacks(error->message, "secret");
		g_assert_cmpint(reply.fault, ==, failures[i].fault);
		g_assert_null(reply.body);
	}
}

/* Slow, but not silent; and exactly as large as is allowed. */
static void test_within_limits(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);
	g_autoptr(HttpClient) client = client_for(base);
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	const HttpRequest request = { .method = "GET",
				      .target = "/slow",
				      .timeout_ms = 10000,
				      .silence_ms = 1000,
				      .max_bytes = 40 };

	/* a machine that stands still for longer than the limit makes any server silent */
	for (guint i = 0; i < 4; i++) {
		g_clear_error(&error);
		if (http_send(client, &request, &reply, &error))
			break;
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_TIMEOUT);
	}
	g_assert_no_error(error);
	g_assert_cmpuint(reply.body->len, ==, 40);
}

static void test_unreachable(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);
	g_autoptr(HttpClient) client = client_for(base);
	g_autoptr(HttpClient) nameless = client_for("http://no..such.invalid");
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	const HttpRequest request = { .method = "GET", .target = "/json" };

	test_server_free(g_steal_pointer(&server));
	g_assert_false(http_send(client, &request, &reply, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	assert_has(error->message, "connection refused");
	assert_has(error_get_hint(error), "port");
	g_assert_cmpint(reply.fault, ==, HTTP_FAULT_REFUSED);
	g_clear_error(&error);
	g_assert_false(http_send(nameless, &request, &reply, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	assert_has(error->message, "no address is known");
	g_assert_cmpint(reply.fault, ==, HTTP_FAULT_FINAL);
}

static void test_bad_requests(void)
{
	static const char *const targets[] = { "json", "", "/a b", "/a\r\nX: y", "/a#b", "/\x7f" };
	static const char *const lines[] = { "X: a\r\nY: s3cret", "s3cret", "X: \001s3cret" };
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);
	g_autoptr(HttpClient) client = client_for(base);
	g_auto(HttpReply) reply = { 0 };

	for (gsize i = 0; i < G_N_ELEMENTS(targets); i++) {
		g_autoptr(GError) error = NULL;
		const HttpRequest request = { .method = "GET", .target = targets[i] };

		g_assert_false(http_send(client, &request, &reply, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
		g_autoptr(GError) error = NULL;
		const char *const headers[] = { "Accept: a/b", lines[i], NULL };
		const HttpRequest request = { .method = "GET", .target = "/", .headers = headers };

		g_assert_false(http_send(client, &request, &reply, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		assert_has(error->message, "header line 2");
		assert_lacks(error->message, "s3cret");
	}
	g_assert_cmpuint(test_server_connections(server), ==, 0);
}

static const struct {
	const char *base, *says;
} bases[] = {
	{ "ftp://host", "neither http nor https" },
	{ "https://", "cannot be used" },
	{ "https:///path", "cannot be used" },
	{ "https://host:port", "cannot be used" },
	{ "https://host:99999", "cannot be used" },
	{ "https://ho st", "cannot be used" },
	{ "https://me:secret@host", "user name" },
	{ "https://host/?token=x", "query" },
	{ "https://host/#x", "query" },
	{ "", "cannot be used" },
};

static void test_bad_bases(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(bases); i++) {
		g_autoptr(GError) error = NULL;
		HttpConfig config = { .base = bases[i].base };

		g_assert_null(http_client_new(&config, &error));
		g_test_message("%s", error->message);
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		assert_has(error->message, bases[i].says);
		assert_lacks(error->message, "secret");
		g_assert_nonnull(error_get_hint(error));
	}
	http_client_free(NULL);
}

/* ---- proxies --------------------------------------------------------------------------------- */

static gboolean proxy_answer(TestConn *conn, const TestAsked *asked, gpointer data)
{
	if (g_str_equal(asked->method, "CONNECT"))
		test_conn_printf(conn, "HTTP/1.1 %s X\r\nContent-Length: 0\r\n\r\n",
				 (const char *)data);
	else
		test_conn_reply(conn, 200, NULL, asked->head);
	return FALSE;
}

static HttpClient *client_by_proxy(const TestServer *proxy, const char *base)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *url =
		g_strdup_printf("http://me:s3cret@127.0.0.1:%u", test_server_port(proxy));
	HttpConfig config = { .base = base, .proxy = url };
	HttpClient *client = http_client_new(&config, &error);

	g_assert_no_error(error);
	return client;
}

static void test_proxy(void)
{
	g_autoptr(TestServer) proxy = test_server_new(NULL, proxy_answer, (gpointer) "407");
	g_autoptr(HttpClient) plain = client_by_proxy(proxy, "http://api.example.org:8080");
	g_autoptr(HttpClient) tls = client_by_proxy(proxy, "https://api.example.org:6443");
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	const HttpRequest request = { .method = "GET", .target = "/api" };

	get(plain, "/api", &reply); /* the proxy is asked for it; it resolves the name */
	assert_has((const char *)reply.body->data, "GET http://api.example.org:8080/api HTTP/1.1");
	assert_has((const char *)reply.body->data, "Proxy-Authorization: Basic bWU6czNjcmV0\r\n");
	g_assert_false(http_send(tls, &request, &reply, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	assert_has(error->message, "status 407");
	assert_has(error_get_hint(error), "proxy-url");
	assert_lacks(error->message, "s3cret");
}

static void test_proxy_gone(void)
{
	g_autoptr(TestServer) proxy = test_server_new(NULL, proxy_answer, NULL);
	g_autoptr(HttpClient) client = client_by_proxy(proxy, "https://api.example.org:6443");
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	const HttpRequest request = { .method = "GET", .target = "/api" };

	test_server_free(g_steal_pointer(&proxy));
	g_assert_false(http_send(client, &request, &reply, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	assert_has(error->message, "proxy 'http://127.0.0.1:");
	assert_has(error->message, "refused");
	assert_lacks(error->message, "s3cret");
}

static void test_proxy_by_environment(void)
{
	g_autoptr(TestServer) proxy = test_server_new(NULL, proxy_answer, NULL);
	g_autofree char *url = test_server_url(proxy, NULL);
	g_autoptr(HttpClient) client = NULL;
	g_auto(HttpReply) reply = { 0 };

	g_setenv("HTTP_PROXY", url, TRUE);
	client = client_for("http://api.example.org");
	g_unsetenv("HTTP_PROXY");
	get(client, "/x", &reply);
	assert_has((const char *)reply.body->data, "GET http://api.example.org/x HTTP/1.1");
}

/* libcurl's own look at the environment is off. */
static void test_no_proxy(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);
	g_autoptr(HttpClient) client = NULL;
	g_auto(HttpReply) reply = { 0 };

	g_setenv("http_proxy", "http://127.0.0.1:1", TRUE);
	g_setenv("ALL_PROXY", "http://127.0.0.1:1", TRUE);
	client = client_for(base);
	get(client, "/json", &reply); /* this machine is never reached by proxy */
	g_unsetenv("http_proxy");
	g_unsetenv("ALL_PROXY");
}

/* ---- on_data --------------------------------------------------------------------------------- */

typedef struct {
	HttpClient *client;
	GString *text;
	guint calls, stop_after, nested;
} Taken;

static gboolean take(const HttpHead *head, const char *data, gsize length, gpointer user_data)
{
	Taken *taken = user_data;

	g_assert_cmpint(head->status, ==, 200);
	g_string_append_len(taken->text, data, (gssize)length);
	if (taken->client && taken->nested++ == 0) {
		g_auto(HttpReply) reply = { 0 };

		get(taken->client, "/json", &reply);
		g_assert_cmpstr((const char *)reply.body->data, ==, "{}");
	}
	return ++taken->calls != taken->stop_after;
}

static void test_on_data(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);
	g_autoptr(HttpClient) client = client_for(base);
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	Taken taken = { .client = client, .text = g_string_new(NULL) };
	HttpRequest request = {
		.method = "GET", .target = "/slow", .on_data = take, .user_data = &taken
	};

	http_send(client, &request, &reply, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(taken.text->len, ==, 40);
	g_assert_cmpuint(taken.calls, >, 1);
	g_assert_null(reply.body);
	g_assert_cmpint(reply.head.status, ==, 200);
	taken.calls = 0;
	taken.stop_after = 2;
	g_assert_false(http_send(client, &request, &reply, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_CANCELLED);
	g_assert_cmpuint(taken.calls, ==, 2);
	g_string_free(taken.text, TRUE);
}

/* ---- secrets and descriptors ----------------------------------------------------------------- */

static GLogWriterOutput collect_log(GLogLevelFlags level, const GLogField *fields, gsize n,
				    gpointer user_data)
{
	(void)level;
	for (gsize i = 0; i < n; i++)
		if (g_str_equal(fields[i].key, "MESSAGE"))
			g_string_append(*(GString **)user_data, fields[i].value);
	return G_LOG_WRITER_HANDLED;
}

static GString *logged;

static void test_log(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);
	g_autoptr(HttpClient) client = client_for(base);
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	const char *const headers[] = { "Authorization: Bearer s3cret", NULL };
	const HttpRequest request = { .method = "GET",
				      .target = "/x?limit=5&token=s3cret&watch=1",
				      .headers = headers };

	g_string_truncate(logged, 0);
	g_assert_false(http_send(client, &request, &reply, &error));
	assert_has(error->message, "GET /x?limit=5&token=...&watch=1 from ");
	assert_has(logged->str, "GET /x?limit=5&token=...&watch=1 from ");
	assert_lacks(error->message, "s3cret");
	assert_lacks(logged->str, "s3cret");
}

static void test_describe(void)
{
	g_autofree char *plain = http_describe_request("GET", "/api/v1/nodes");
	g_autofree char *odd = http_describe_request("GET", "/a?&flag&continue=abc");

	g_assert_cmpstr(plain, ==, "GET /api/v1/nodes");
	g_assert_cmpstr(odd, ==, "GET /a?&flag&continue=...");
}

/* Of the network: libcurl's own pair to wake itself, which it does not give out, leads nowhere. */
static guint inheritable_sockets(void)
{
	guint n = 0;

	for (int fd = 3; fd < 256; fd++) {
		struct sockaddr_storage address;
		socklen_t length = sizeof address;
		int flags = fcntl(fd, F_GETFD);

		if (flags >= 0 && !(flags & FD_CLOEXEC) &&
		    getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
		    (address.ss_family == AF_INET || address.ss_family == AF_INET6))
			n++;
	}
	return n;
}

/* What kvmig starts must not hold our connections open. */
static void test_close_on_exec(void)
{
	g_autoptr(TestServer) server = test_server_new(NULL, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);
	guint before = inheritable_sockets();
	g_autoptr(HttpClient) client = client_for(base);
	g_auto(HttpReply) reply = { 0 };

	get(client, "/json", &reply);
	g_assert_cmpuint(inheritable_sockets(), ==, before);
}

/* ---- heads ----------------------------------------------------------------------------------- */

static const struct {
	const char *value, *texts; /* joined by '|' */
} warnings[] = {
	{ "299 - \"a is old\"", "a is old" },
	{ "299 kube-apiserver/1.34 \"a\" \"Sat, 21 Nov 2026 10:00:00 GMT\"", "a" },
	{ "299 - \"a\", 299 - \"b\"", "a|b" },
	{ "299 - \"a, 299 - b\",299 - \"c\"", "a, 299 - b|c" },
	{ "299 - \"say \\\"hi\\\" \\\\ \"", "say \"hi\" \\ " },
	{ "199 - \"other\", 299 - \"kept\"", "kept" },
	{ "299 - \"\"", "" },
	{ "299 - \"tab\tand\033[31m\"", "tab and [31m" },
	{ "299 - \"open", "" },
	{ "299 - \"a\" junk, 299 - \"b\"", "a" },
	{ "299", "" },
	{ "2999 - \"a\"", "" },
	{ "x 299 - \"a\"", "" },
	{ "299 - a", "" },
	{ "", "" },
};

static void test_warnings(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(warnings); i++) {
		g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
		g_autofree char *joined = NULL;

		http_head_add_warnings(texts, warnings[i].value);
		g_ptr_array_add(texts, NULL);
		joined = g_strjoinv("|", (char **)texts->pdata);
		g_assert_cmpstr(joined, ==, warnings[i].texts);
	}
}

static void head_add(HttpHead *head, const char *line)
{
	http_head_line(head, line, strlen(line));
}

static void test_head(void)
{
	static const char *const junk[] = { "",
					    ":",
					    "no colon",
					    "Retry-After: -1",
					    "\xff\xfe: x",
					    "Retry-After: Sat, 21 Nov 2026 10:00:00 GMT" };
	HttpHead head;

	http_head_init(&head);
	head_add(&head, "HTTP/2 503");
	g_assert_cmpint(head.status, ==, 503);
	for (gsize i = 0; i < G_N_ELEMENTS(junk); i++)
		head_add(&head, junk[i]);
	g_assert_cmpint(head.retry_after_s, ==, -1);
	head_add(&head, "retry-after:5");
	g_assert_cmpint(head.retry_after_s, ==, 5);
	head_add(&head, "Retry-After: 99999999999");
	g_assert_cmpint(head.retry_after_s, ==, 3600);
	head_add(&head, "ETag:  W/\"x\" ");
	head_add(&head, "ETag: \"y\"");
	g_assert_cmpstr(head.etag, ==, "\"y\"");
	for (guint i = 0; i < 1000; i++)
		head_add(&head, "Warning: 299 - \"again\"");
	g_assert_cmpuint(head.warnings->len, ==, 64);
	head_add(&head, "HTTP/1.1 junk");
	g_assert_cmpint(head.status, ==, 0);
	g_assert_null(head.etag);
	http_head_clear(&head);
}

/* ---- the module ------------------------------------------------------------------------------ */

/* First of all: once loaded, it stays. */
static void test_no_module(void)
{
	g_autofree char *before = g_strdup(g_getenv("KVMIG_MODULE_DIR"));
	g_autoptr(GError) error = NULL;
	HttpConfig config = { .base = "https://host" };

	g_setenv("KVMIG_MODULE_DIR", "/nonexistent", TRUE);
	g_assert_null(http_client_new(&config, &error));
	if (before)
		g_setenv("KVMIG_MODULE_DIR", before, TRUE);
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_UNSUPPORTED);
	assert_has(error->message, "/nonexistent/kvmig-http.so");
	g_assert_nonnull(error_get_hint(error));
}

static void add_tests(void)
{
	g_test_add_func("/http/no-module", test_no_module);
	g_test_add_func("/http/get", test_get);
	g_test_add_func("/http/headers", test_headers);
	g_test_add_func("/http/prefix", test_prefix);
	g_test_add_func("/http/methods", test_methods);
	g_test_add_func("/http/failures", test_failures);
	g_test_add_func("/http/within-limits", test_within_limits);
	g_test_add_func("/http/unreachable", test_unreachable);
	g_test_add_func("/http/bad-requests", test_bad_requests);
	g_test_add_func("/http/bad-bases", test_bad_bases);
	g_test_add_func("/http/proxy", test_proxy);
	g_test_add_func("/http/proxy-gone", test_proxy_gone);
	g_test_add_func("/http/proxy-by-environment", test_proxy_by_environment);
	g_test_add_func("/http/no-proxy", test_no_proxy);
	g_test_add_func("/http/on-data", test_on_data);
	g_test_add_func("/http/log", test_log);
	g_test_add_func("/http/describe", test_describe);
	g_test_add_func("/http/close-on-exec", test_close_on_exec);
	g_test_add_func("/http/warnings", test_warnings);
	g_test_add_func("/http/head", test_head);
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	signal(SIGPIPE, SIG_IGN); /* the server's */
	logged = g_string_new(NULL);
	g_log_set_writer_func(collect_log, &logged, NULL);
	add_tests();
	status = g_test_run();
	g_string_free(logged, TRUE);
	return status;
}
