/* SPDX-License-Identifier: Apache-2.0 */
/* A server on loopback for tests of the HTTP client: a thread for each connection, with TLS where
 * it is given a context. What it answers, well or badly, is the test's. */
#pragma once

#include <glib.h>
#include <openssl/ssl.h>

typedef struct TestServer TestServer;
typedef struct TestConn TestConn;

typedef struct {
	const char *method, *target;
	const char *head; /* all of it */
	const char *body; /* NUL-terminated */
	guint connection; /* which, from 1 */
} TestAsked;

/* In the connection's thread; FALSE closes it. */
typedef gboolean (*TestServerFunc)(TestConn *conn, const TestAsked *asked, gpointer data);

/* tls NULL: plain; borrowed. */
TestServer *test_server_new(SSL_CTX *tls, TestServerFunc func, gpointer data);
/* Says this at once to whoever connects, and closes when it has been heard. */
TestServer *test_server_new_greeting(const char *greeting);
void test_server_free(TestServer *server); /* ends its connections */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestServer, test_server_free)
guint16 test_server_port(const TestServer *server);
/* "http://127.0.0.1:PORT"; host NULL: 127.0.0.1. Free with g_free(). */
char *test_server_url(const TestServer *server, const char *host);
guint test_server_connections(TestServer *server); /* accepted so far */

void test_conn_write(TestConn *conn, const char *data, gsize length);
void test_conn_printf(TestConn *conn, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A whole reply with Content-Length. */
void test_conn_reply(TestConn *conn, int status, const char *headers, const char *body);
void test_conn_reset(TestConn *conn); /* RST, not FIN, when it is closed */
void test_conn_start_tls(TestConn *conn, SSL_CTX *tls);
SSL *test_conn_ssl(TestConn *conn);
/* Until the client is gone, or the server is freed. */
void test_conn_wait(TestConn *conn);
