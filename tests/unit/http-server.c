/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "http-server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct TestServer {
	int fd;
	guint16 port;
	SSL_CTX *tls;
	TestServerFunc func;
	const char *greeting;
	gpointer data;
	GThread *thread;
	GMutex lock; /* over what follows */
	GPtrArray *conns;
	gboolean stopping;
};

struct TestConn {
	TestServer *server;
	int fd;
	guint number;
	SSL *ssl;
	GThread *thread;
};

/* ---- a connection ---------------------------------------------------------------------------- */

static gssize conn_read(TestConn *conn, char *data, gsize length)
{
	return conn->ssl ? SSL_read(conn->ssl, data, (int)length) : recv(conn->fd, data, length, 0);
}

void test_conn_write(TestConn *conn, const char *data, gsize length)
{
	while (length > 0) {
		gssize n = conn->ssl ? SSL_write(conn->ssl, data, (int)MIN(length, 65536))
				     : send(conn->fd, data, length, MSG_NOSIGNAL);

		if (n <= 0)
			return;
		data += n;
		length -= (gsize)n;
	}
}

void test_conn_printf(TestConn *conn, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list ap;

	va_start(ap, format);
	text = g_strdup_vprintf(format, ap);
	va_end(ap);
	test_conn_write(conn, text, strlen(text));
}

void test_conn_reply(TestConn *conn, int status, const char *headers, const char *body)
{
	test_conn_printf(conn, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n%s", status,
			 strlen(body), headers ? headers : "", body);
}

void test_conn_reset(TestConn *conn)
{
	struct linger linger = { .l_onoff = 1 };

	setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

SSL *test_conn_ssl(TestConn *conn)
{
	return conn->ssl;
}

void test_conn_wait(TestConn *conn)
{
	char bytes[256];

	while (recv(conn->fd, bytes, sizeof bytes, 0) > 0)
		;
}

/* Up to and with the empty line; NULL at the end of the connection. */
static GString *read_head(TestConn *conn)
{
	GString *head = g_string_new(NULL);
	char byte;

	while (conn_read(conn, &byte, 1) == 1) {
		g_string_append_c(head, byte);
		if (g_str_has_suffix(head->str, "\r\n\r\n"))
			return head;
	}
	g_string_free(head, TRUE);
	return NULL;
}

static char *read_body(TestConn *conn, const char *head)
{
	const char *line = strstr(head, "\r\nContent-Length: ");
	gsize length = line ? (gsize)g_ascii_strtoull(line + 18, NULL, 10) : 0, have = 0;
	char *body = g_malloc0(length + 1);

	while (have < length) {
		gssize n = conn_read(conn, body + have, length - have);

		if (n <= 0)
			break;
		have += (gsize)n;
	}
	return body;
}

static gboolean serve_one(TestConn *conn)
{
	GString *head = read_head(conn);
	g_auto(GStrv) words = NULL;
	g_autofree char *body = NULL;
	gboolean more;

	if (!head)
		return FALSE;
	body = read_body(conn, head->str);
	words = g_strsplit(head->str, " ", 3);
	more = conn->server->func(conn,
				  &(TestAsked){ words[0], words[1], head->str, body, conn->number },
				  conn->server->data);
	g_string_free(head, TRUE);
	return more;
}

static gboolean start_tls(TestConn *conn, SSL_CTX *tls)
{
	conn->ssl = SSL_new(tls);
	SSL_set_fd(conn->ssl, conn->fd);
	if (SSL_accept(conn->ssl) == 1)
		return TRUE;
	/* unread bytes at the close would make a reset, which may overtake the alert */
	shutdown(conn->fd, SHUT_WR);
	test_conn_wait(conn);
	return FALSE;
}

void test_conn_start_tls(TestConn *conn, SSL_CTX *tls)
{
	(void)start_tls(conn, tls);
}

static void greet(TestConn *conn)
{
	char heard[4096];

	test_conn_printf(conn, "%s", conn->server->greeting);
	(void)recv(conn->fd, heard, sizeof heard, 0); /* else closing resets */
}

static gpointer conn_main(gpointer data)
{
	TestConn *conn = data;

	if (conn->server->greeting)
		greet(conn);
	else if (!conn->server->tls || start_tls(conn, conn->server->tls))
		while (serve_one(conn))
			;
	if (conn->ssl)
		SSL_shutdown(conn->ssl);
	SSL_free(conn->ssl);
	g_mutex_lock(&conn->server->lock);
	close(conn->fd);
	conn->fd = -1;
	g_mutex_unlock(&conn->server->lock);
	return NULL;
}

/* ---- the server ------------------------------------------------------------------------------ */

static gpointer server_main(gpointer data)
{
	TestServer *server = data;
	int fd, on = 1;

	while ((fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		TestConn *conn = g_new0(TestConn, 1);

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		conn->server = server;
		conn->fd = fd;
		g_mutex_lock(&server->lock);
		g_ptr_array_add(server->conns, conn);
		conn->number = server->conns->len;
		conn->thread = g_thread_new("conn", conn_main, conn);
		if (server->stopping)
			shutdown(fd, SHUT_RDWR);
		g_mutex_unlock(&server->lock);
	}
	return NULL;
}

TestServer *test_server_new(SSL_CTX *tls, TestServerFunc func, gpointer data)
{
	TestServer *server = g_new0(TestServer, 1);
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;

	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(server->fd, (struct sockaddr *)&address, sizeof address), ==, 0);
	g_assert_cmpint(listen(server->fd, 16), ==, 0);
	getsockname(server->fd, (struct sockaddr *)&address, &length);
	server->port = ntohs(address.sin_port);
	server->tls = tls;
	server->func = func;
	server->data = data;
	server->conns = g_ptr_array_new_with_free_func(g_free);
	g_mutex_init(&server->lock);
	server->thread = g_thread_new("server", server_main, server);
	return server;
}

TestServer *test_server_new_greeting(const char *greeting)
{
	TestServer *server = test_server_new(NULL, NULL, NULL);

	server->greeting = greeting;
	return server;
}

void test_server_free(TestServer *server)
{
	shutdown(server->fd, SHUT_RDWR);
	g_mutex_lock(&server->lock);
	server->stopping = TRUE;
	for (guint i = 0; i < server->conns->len; i++) {
		TestConn *conn = server->conns->pdata[i];

		if (conn->fd >= 0)
			shutdown(conn->fd, SHUT_RDWR);
	}
	g_mutex_unlock(&server->lock);
	g_thread_join(server->thread);
	for (guint i = 0; i < server->conns->len; i++)
		g_thread_join(((TestConn *)server->conns->pdata[i])->thread);
	close(server->fd);
	g_ptr_array_unref(server->conns);
	g_mutex_clear(&server->lock);
	g_free(server);
}

guint16 test_server_port(const TestServer *server)
{
	return server->port;
}

char *test_server_url(const TestServer *server, const char *host)
{
	return g_strdup_printf("%s://%s:%d", server->tls ? "https" : "http",
			       host ? host : "127.0.0.1", server->port);
}

guint test_server_connections(TestServer *server)
{
	guint n;

	g_mutex_lock(&server->lock);
	n = server->conns->len;
	g_mutex_unlock(&server->lock);
	return n;
}
