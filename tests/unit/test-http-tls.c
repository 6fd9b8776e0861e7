/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP client's TLS against a server with good, bad and strange certificates. */
#include "config.h"

#include <signal.h>
#include <string.h>

#include "base/error.h"
#include "cluster/kube/http.h"
#include "http-certs.h"
#include "http-server.h"

#define CA_WHERE "certificate-authority of cluster 'prod'"
#define CERT_WHERE "client certificate of user 'ann'"
#define KEY_WHERE "client key of user 'ann'"

/* The CA that is trusted, its intermediate, another of the same name, and a stranger's. */
static TestCert *ca, *middle, *namesake, *stranger;

static void assert_has(const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		g_error("'%s' lacks '%s'", text, part);
}

static TestCert *make(const char *subject, const char *names, const TestCert *issuer, int from_days,
		      int to_days)
{
	return test_cert_new(&(TestCertSpec){ .subject = subject,
					      .names = names,
					      .issuer = issuer,
					      .from_days = from_days,
					      .to_days = to_days });
}

static TestCert *make_ca(const char *subject, const TestCert *issuer, int to_days)
{
	return test_cert_new(&(TestCertSpec){ .subject = subject,
					      .issuer = issuer,
					      .from_days = -30,
					      .to_days = to_days,
					      .ca = TRUE });
}

/* Tells who the client is, and what it asked for. */
static gboolean answer(TestConn *conn, const TestAsked *asked, gpointer data)
{
	SSL *ssl = test_conn_ssl(conn);
	X509 *peer = SSL_get1_peer_certificate(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const char *host = strstr(asked->head, "\r\nHost: ");
	char subject[64] = "nobody";
	g_autofree char *body = NULL;

	(void)data;
	if (peer)
		X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, subject,
					  sizeof subject);
	X509_free(peer);
	body = g_strdup_printf("%s %s %.*s", subject, name ? name : "-",
			       host ? (int)strcspn(host + 8, "\r") : 1, host ? host + 8 : "-");
	test_conn_reply(conn, 200, NULL, body);
	return TRUE;
}

static HttpPem pem(const char *text, const char *where)
{
	return (HttpPem){ text, text ? strlen(text) : 0, where };
}

/* ---- the server's certificate ---------------------------------------------------------------- */

static const struct {
	const char *name; /* of the test */
	const char *names;
	TestCert **issuer; /* NULL: itself */
	int from_days, to_days;
	TestCert **chain, **trusted; /* trusted NULL: the system's */
	const char *host, *server_name;
	const char *says, *hint; /* NULL: good */
} servers[] = {
	{ "name", "DNS:localhost", &ca, -1, 9, NULL, &ca, "localhost", NULL, NULL, NULL },
	{ "address", "IP:127.0.0.1", &ca, -1, 9, NULL, &ca, "127.0.0.1", NULL, NULL, NULL },
	{ "wildcard", "DNS:*.prod.example", &ca, -1, 9, NULL, &ca, "127.0.0.1", "api.prod.example",
	  NULL, NULL },
	{ "other-name", "DNS:api.example,DNS:b.example", &ca, -1, 9, NULL, &ca, "localhost", NULL,
	  "is for 'api.example', 'b.example', not for 'localhost'",
	  "--tls-server-name api.example" },
	{ "name-for-address", "DNS:localhost,DNS:127.0.0.1", &ca, -1, 9, NULL, &ca, "127.0.0.1",
	  NULL, "not for '127.0.0.1'", "--tls-server-name localhost" },
	{ "address-for-name", "IP:127.0.0.1", &ca, -1, 9, NULL, &ca, "localhost", NULL,
	  "is for '127.0.0.1', not for 'localhost'", "127.0.0.1" },
	{ "wildcard-too-deep", "DNS:*.example", &ca, -1, 9, NULL, &ca, "localhost", "a.b.example",
	  "is for '*.example', not for 'a.b.example'", "--tls-server-name NAME" },
	{ "hostile-name", "DNS:x; rm -rf /,DNS:-x,DNS:\033[31m,DNS:ok", &ca, -1, 9, NULL, &ca,
	  "localhost", NULL, "is for 'x; rm -rf /', '-x', '?[31m', 'ok', not for",
	  "--tls-server-name ok" },
	{ "common-name-only", NULL, &ca, -1, 9, NULL, &ca, "localhost", NULL,
	  "names no host in its subjectAltName (its subject is 'localhost')", NULL },
	{ "many-names", "DNS:a,DNS:b,DNS:c,DNS:d,DNS:e,DNS:f,DNS:g,DNS:h", &ca, -1, 9, NULL, &ca,
	  "localhost", NULL, "'f' and 2 more, not for", NULL },
	{ "expired", "DNS:localhost", &ca, -9, -1, NULL, &ca, "localhost", NULL,
	  "(for 'localhost'; issued by 'kubernetes') expired on 2", "renew" },
	{ "not-yet", "DNS:localhost", &ca, 1, 9, NULL, &ca, "localhost", NULL,
	  "is not valid before 2", "clock" },
	{ "self-signed", "DNS:localhost", NULL, -1, 9, NULL, &ca, "localhost", NULL,
	  "signed by itself, and it is not among the trusted (" CA_WHERE ")",
	  "--certificate-authority" },
	{ "self-signed-system", "DNS:localhost", NULL, -1, 9, NULL, NULL, "localhost", NULL,
	  "not among the trusted (the system's)", "--certificate-authority" },
	{ "stranger", "DNS:localhost", &stranger, -1, 9, NULL, &ca, "localhost", NULL,
	  "signed by 'stranger', which is not among the trusted (" CA_WHERE ")",
	  "--certificate-authority" },
	{ "stranger-shown", "DNS:localhost", &stranger, -1, 9, &stranger, &ca, "localhost", NULL,
	  "signed by 'stranger', which is not among the trusted", NULL },
	{ "namesake", "DNS:localhost", &namesake, -1, 9, NULL, &ca, "localhost", NULL,
	  "signed by another 'kubernetes' than the trusted one", NULL },
	{ "namesake-shown", "DNS:localhost", &namesake, -1, 9, &namesake, &ca, "localhost", NULL,
	  "another 'kubernetes' than the trusted one", NULL },
	{ "intermediate", "DNS:localhost", &middle, -1, 9, &middle, &ca, "localhost", NULL, NULL,
	  NULL },
	{ "intermediate-missing", "DNS:localhost", &middle, -1, 9, NULL, &ca, "localhost", NULL,
	  "signed by 'middle', which is not among the trusted", NULL },
	{ "intermediate-trusted", "DNS:localhost", &middle, -1, 9, NULL, &middle, "localhost", NULL,
	  NULL, NULL },
};

static HttpClient *client_new(const char *base, const TestCert *trusted, const char *server_name)
{
	g_autofree char *text = trusted ? test_cert_pem(trusted) : NULL;
	g_autoptr(GError) error = NULL;
	HttpConfig config = { .base = base,
			      .tls_server_name = server_name,
			      .ca = pem(text, CA_WHERE) };
	HttpClient *client = http_client_new(&config, &error);

	g_assert_no_error(error);
	return client;
}

static gboolean get(HttpClient *client, HttpReply *reply, GError **error)
{
	const HttpRequest request = { .method = "GET", .target = "/", .timeout_ms = 10000 };

	return http_send(client, &request, reply, error);
}

static void test_server_certificate(gconstpointer data)
{
	gsize i = GPOINTER_TO_SIZE(data);
	TestCert *issuer = servers[i].issuer ? *servers[i].issuer : NULL;
	g_autoptr(TestCert) cert = make("localhost", servers[i].names, issuer, servers[i].from_days,
					servers[i].to_days);
	SSL_CTX *tls = test_cert_server(cert, servers[i].chain ? *servers[i].chain : NULL, NULL);
	TestServer *server = test_server_new(tls, answer, NULL);
	g_autofree char *base = test_server_url(server, servers[i].host);
	HttpClient *client = client_new(base, servers[i].trusted ? *servers[i].trusted : NULL,
					servers[i].server_name);
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };

	get(client, &reply, &error);
	if (!servers[i].says) {
		g_assert_no_error(error);
	} else {
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
		g_test_message("%s", error->message);
		assert_has(error->message, servers[i].says);
		assert_has(error->message, base);
		g_assert_nonnull(error_get_hint(error));
		if (servers[i].hint)
			assert_has(error_get_hint(error), servers[i].hint);
		g_assert_cmpint(reply.fault, ==, HTTP_FAULT_FINAL);
	}
	http_client_free(client);
	test_server_free(server);
	SSL_CTX_free(tls);
}

/* The name is sent and checked, the Host header stays the server's. */
static void test_server_name(void)
{
	g_autoptr(TestCert) cert = make("x", "DNS:api.example,IP:192.0.2.1", ca, -1, 9);
	SSL_CTX *tls = test_cert_server(cert, NULL, NULL);
	TestServer *server = test_server_new(tls, answer, NULL);
	g_autofree char *base = test_server_url(server, "localhost");
	g_autofree char *by_name =
		g_strdup_printf("nobody api.example localhost:%u", test_server_port(server));
	g_autofree char *by_address =
		g_strdup_printf("nobody - localhost:%u", test_server_port(server));
	HttpClient *named = client_new(base, ca, "api.example");
	HttpClient *addressed = client_new(base, ca, "192.0.2.1");
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };

	get(named, &reply, &error);
	g_assert_no_error(error);
	g_assert_cmpstr((const char *)reply.body->data, ==, by_name);
	get(addressed, &reply, &error); /* no SNI for addresses */
	g_assert_no_error(error);
	g_assert_cmpstr((const char *)reply.body->data, ==, by_address);
	http_client_free(named);
	http_client_free(addressed);
	test_server_free(server);
	SSL_CTX_free(tls);
}

static void test_insecure(void)
{
	g_autoptr(TestCert) cert = make("x", "DNS:other", stranger, -9, -1);
	SSL_CTX *tls = test_cert_server(cert, NULL, NULL);
	TestServer *server = test_server_new(tls, answer, NULL);
	g_autofree char *base = test_server_url(server, NULL);
	HttpConfig config = { .base = strstr(base, "//") + 2, .insecure = TRUE };
	g_autoptr(GError) error = NULL;
	HttpClient *client = http_client_new(&config, &error);
	g_auto(HttpReply) reply = { 0 };

	g_assert_no_error(error); /* and https, though the base does not say so */
	get(client, &reply, &error);
	g_assert_no_error(error);
	http_client_free(client);
	test_server_free(server);
	SSL_CTX_free(tls);
}

/* Two streams and a request at once, of which none waits for the end of another. */
static gboolean answer_open(TestConn *conn, const TestAsked *asked, gpointer data)
{
	if (g_str_equal(asked->target, "/"))
		return answer(conn, asked, data);
	test_conn_printf(conn,
			 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n");
	test_conn_wait(conn);
	return FALSE;
}

static gboolean count_data(const HttpHead *head, const char *bytes, gsize length, gpointer data)
{
	(void)head;
	(void)bytes;
	(void)length;
	(*(guint *)data)++;
	return TRUE;
}

static void not_reached(const HttpHead *head, const GError *error, gpointer data)
{
	(void)head;
	(void)data;
	g_error("the stream ended: %s", error ? error->message : "well");
}

static void test_at_once(void)
{
	g_autoptr(TestCert) cert = make("x", "DNS:localhost", ca, -1, 9);
	SSL_CTX *tls = test_cert_server(cert, NULL, NULL);
	TestServer *server = test_server_new(tls, answer_open, NULL);
	g_autofree char *base = test_server_url(server, "localhost");
	HttpClient *client = client_new(base, ca, NULL);
	guint calls = 0;
	const HttpRequest request = {
		.method = "GET", .target = "/open", .on_data = count_data, .user_data = &calls
	};
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	HttpStream *streams[2];
	gint64 end_us = g_get_monotonic_time() + 10 * G_TIME_SPAN_SECOND;

	for (guint i = 0; i < 2; i++)
		streams[i] = http_stream_start(client, &request, not_reached, NULL);
	get(client, &reply, &error);
	g_assert_no_error(error);
	while (calls < 2 && g_get_monotonic_time() < end_us)
		g_main_context_iteration(NULL, FALSE);
	g_assert_cmpuint(calls, ==, 2);
	for (guint i = 0; i < 2; i++)
		http_stream_stop(streams[i]);
	http_client_free(client);
	test_server_free(server);
	SSL_CTX_free(tls);
}

/* ---- ours ------------------------------------------------------------------------------------ */

typedef struct {
	SSL_CTX *tls;
	TestServer *server;
	char *base, *ca_pem;
} Demanding;

/* A server that wants a certificate of the CA's. */
static void demanding_open(Demanding *demanding, int max_version)
{
	g_autoptr(TestCert) cert = make("x", "DNS:localhost", ca, -1, 9);

	demanding->tls = test_cert_server(cert, NULL, ca);
	SSL_CTX_set_max_proto_version(demanding->tls, max_version);
	demanding->server = test_server_new(demanding->tls, answer, NULL);
	demanding->base = test_server_url(demanding->server, "localhost");
	demanding->ca_pem = test_cert_pem(ca);
}

static void demanding_close(Demanding *demanding)
{
	test_server_free(demanding->server);
	SSL_CTX_free(demanding->tls);
	g_free(demanding->base);
	g_free(demanding->ca_pem);
}

static HttpClient *client_as(const Demanding *demanding, const TestCert *cert)
{
	g_autofree char *certificate = cert ? test_cert_pem(cert) : NULL;
	g_autofree char *key = cert ? test_cert_key_pem(cert, NULL) : NULL;
	g_autoptr(GError) error = NULL;
	HttpConfig config = { .base = demanding->base,
			      .ca = pem(demanding->ca_pem, CA_WHERE),
			      .certificate = pem(certificate, CERT_WHERE),
			      .key = pem(key, KEY_WHERE) };
	HttpClient *client = http_client_new(&config, &error);

	g_assert_no_error(error);
	return client;
}

static void refuse(const Demanding *demanding, const TestCert *cert, KvmigError code,
		   const char *says)
{
	g_autoptr(HttpClient) client = client_as(demanding, cert);
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };

	g_assert_false(get(client, &reply, &error));
	g_test_message("%s", error->message);
	g_assert_error(error, KVMIG_ERROR, (int)code);
	assert_has(error->message, says);
}

static void check_client_certificates(int max_version)
{
	g_autoptr(TestCert) ann = make("ann", NULL, ca, -1, 9);
	g_autoptr(TestCert) old = make("ann", NULL, ca, -9, -1);
	g_autoptr(TestCert) other = make("ann", NULL, stranger, -1, 9);
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	Demanding demanding;
	HttpClient *client;

	demanding_open(&demanding, max_version);
	client = client_as(&demanding, ann);
	g_assert_null(http_client_certificate_trouble(client));
	get(client, &reply, &error);
	g_assert_no_error(error);
	g_assert_true(g_str_has_prefix((const char *)reply.body->data, "ann "));
	http_client_free(client);
	client = client_as(&demanding, old);
	assert_has(http_client_certificate_trouble(client), CERT_WHERE " expired on 2");
	http_client_free(client);
	refuse(&demanding, old, KVMIG_ERROR_FORBIDDEN, CERT_WHERE " expired on 2");
	refuse(&demanding, other, KVMIG_ERROR_FORBIDDEN,
	       "does not accept the " CERT_WHERE " (unknown CA)");
	if (max_version == TLS1_2_VERSION)
		refuse(&demanding, NULL, KVMIG_ERROR_UNREACHABLE, "it wants a client certificate");
	else
		refuse(&demanding, NULL, KVMIG_ERROR_FORBIDDEN,
		       "wants a client certificate, and there is none");
	demanding_close(&demanding);
}

static void test_client_certificate(void)
{
	check_client_certificates(TLS1_3_VERSION);
}

static void test_client_certificate_1_2(void)
{
	check_client_certificates(TLS1_2_VERSION);
}

/* After set_certificate the server sees the new one, though a connection was open. */
static void test_new_certificate(void)
{
	g_autoptr(TestCert) ann = make("ann", NULL, ca, -1, 9);
	g_autoptr(TestCert) bob = make("bob", NULL, ca, -1, 9);
	g_autofree char *certificate = test_cert_pem(bob);
	g_autofree char *key = test_cert_key_pem(bob, NULL);
	const HttpPem certificate_pem = pem(certificate, CERT_WHERE), key_pem = pem(key, KEY_WHERE);
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };
	Demanding demanding;
	HttpClient *client;

	demanding_open(&demanding, TLS1_3_VERSION);
	client = client_as(&demanding, ann);
	get(client, &reply, &error);
	get(client, &reply, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(test_server_connections(demanding.server), ==, 1);
	g_assert_false(http_client_set_certificate(client, &certificate_pem, NULL, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_clear_error(&error);
	get(client, &reply, &error); /* still as before */
	g_assert_true(g_str_has_prefix((const char *)reply.body->data, "ann "));
	http_client_set_certificate(client, &certificate_pem, &key_pem, &error);
	g_assert_no_error(error);
	get(client, &reply, &error);
	g_assert_no_error(error);
	g_assert_true(g_str_has_prefix((const char *)reply.body->data, "bob "));
	g_assert_cmpuint(test_server_connections(demanding.server), ==, 2);
	http_client_free(client);
	demanding_close(&demanding);
}

static void refuse_config(const char *trusted, const char *certificate, const char *key,
			  const char *says)
{
	g_autoptr(GError) error = NULL;
	HttpConfig config = { .base = "https://localhost",
			      .ca = pem(trusted, CA_WHERE),
			      .certificate = pem(certificate, CERT_WHERE),
			      .key = pem(key, KEY_WHERE) };

	g_assert_null(http_client_new(&config, &error));
	g_test_message("%s", error->message);
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	assert_has(error->message, says);
}

static void test_bad_pem(void)
{
	g_autoptr(TestCert) ann = make("ann", NULL, ca, -1, 9);
	g_autoptr(TestCert) bob = make("bob", NULL, ca, -1, 9);
	g_autofree char *certificate = test_cert_pem(ann);
	g_autofree char *key = test_cert_key_pem(ann, NULL);
	g_autofree char *other = test_cert_key_pem(bob, NULL);
	g_autofree char *locked = test_cert_key_pem(ann, "secret");
	g_autofree char *cut = g_strndup(certificate, strlen(certificate) / 2);

	refuse_config("", NULL, NULL, "the " CA_WHERE " holds no certificate");
	refuse_config("junk", NULL, NULL, "the " CA_WHERE " holds no certificate");
	refuse_config(key, NULL, NULL, "the " CA_WHERE " holds no certificate");
	refuse_config(cut, NULL, NULL, "the " CA_WHERE " holds no certificate");
	refuse_config(NULL, certificate, NULL, "but no client key");
	refuse_config(NULL, NULL, key, "but no client certificate");
	refuse_config(NULL, key, key, "the " CERT_WHERE " holds no certificate");
	refuse_config(NULL, certificate, certificate, "the " KEY_WHERE " holds no private key");
	refuse_config(NULL, certificate, "junk", "the " KEY_WHERE " holds no private key");
	refuse_config(NULL, certificate, locked, "the " KEY_WHERE " is encrypted");
	refuse_config(NULL, certificate, other,
		      "the " KEY_WHERE " does not belong to the " CERT_WHERE);
}

/* Text around and broken blocks between are passed over, as kubectl does. */
static void test_odd_pem(void)
{
	g_autofree char *good = test_cert_pem(ca);
	g_autofree char *other = test_cert_pem(stranger);
	g_autofree char *key = test_cert_key_pem(ca, NULL);
	g_autofree char *all =
		g_strconcat("a comment\r\n", key,
			    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", other,
			    "\n\n  between\n", good, "the end", NULL);
	g_autoptr(TestCert) cert = make("x", "DNS:localhost", ca, -1, 9);
	SSL_CTX *tls = test_cert_server(cert, NULL, NULL);
	TestServer *server = test_server_new(tls, answer, NULL);
	g_autofree char *base = test_server_url(server, "localhost");
	HttpConfig config = { .base = base, .ca = pem(all, CA_WHERE) };
	g_autoptr(GError) error = NULL;
	HttpClient *client = http_client_new(&config, &error);
	g_auto(HttpReply) reply = { 0 };

	g_assert_no_error(error);
	get(client, &reply, &error);
	g_assert_no_error(error);
	http_client_free(client);
	test_server_free(server);
	SSL_CTX_free(tls);
}

/* ---- the wrong kind of port ------------------------------------------------------------------ */

static void refuse_port(TestServer *server, const char *scheme, KvmigError code, const char *says)
{
	g_autofree char *base =
		g_strdup_printf("%s://localhost:%u", scheme, test_server_port(server));
	HttpClient *client = client_new(base, ca, NULL);
	g_autoptr(GError) error = NULL;
	g_auto(HttpReply) reply = { 0 };

	g_assert_false(get(client, &reply, &error));
	g_test_message("%s", error->message);
	g_assert_error(error, KVMIG_ERROR, (int)code);
	assert_has(error->message, says);
	g_assert_nonnull(error_get_hint(error));
	http_client_free(client);
	test_server_free(server);
}

static void test_wrong_port(void)
{
	g_autoptr(TestCert) cert = make("x", "DNS:localhost", ca, -1, 9);
	SSL_CTX *tls = test_cert_server(cert, NULL, NULL);

	refuse_port(test_server_new_greeting("HTTP/1.0 400 Bad Request\r\n\r\n"), "https",
		    KVMIG_ERROR_UNREACHABLE, "does not speak TLS");
	refuse_port(test_server_new_greeting("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"), "https",
		    KVMIG_ERROR_UNREACHABLE, "does not speak TLS");
	refuse_port(test_server_new_greeting(""), "https", KVMIG_ERROR_UNREACHABLE,
		    "closed without a reply");
	refuse_port(test_server_new_greeting("\x15\x03\x03\x01\x02\x02\x46"), "http",
		    KVMIG_ERROR_INVALID, "not HTTP");
	refuse_port(test_server_new(tls, answer, NULL), "http", KVMIG_ERROR_UNREACHABLE,
		    "closed without a reply");
	SSL_CTX_free(tls);
}

static void test_old_version(void)
{
	g_autoptr(TestCert) cert = make("x", "DNS:localhost", ca, -1, 9);
	SSL_CTX *tls = test_cert_server(cert, NULL, NULL);

	SSL_CTX_set_security_level(tls, 0);
	SSL_CTX_set_min_proto_version(tls, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(tls, TLS1_1_VERSION);
	refuse_port(test_server_new(tls, answer, NULL), "https", KVMIG_ERROR_UNREACHABLE,
		    "does not speak TLS 1.2 or newer");
	SSL_CTX_free(tls);
}

/* The proxy's tunnel: TLS goes through it to the server of that name. */
static gboolean answer_connect(TestConn *conn, const TestAsked *asked, gpointer data)
{
	(void)data;
	g_assert_cmpstr(asked->method, ==, "CONNECT");
	g_assert_cmpstr(asked->target, ==, "api.example:6443");
	g_assert_null(strstr(asked->head, "Authorization: Bearer"));
	test_conn_printf(conn, "HTTP/1.1 200 Connected\r\n\r\n");
	test_conn_start_tls(conn, data);
	return TRUE;
}

static gboolean answer_tunnel(TestConn *conn, const TestAsked *asked, gpointer data)
{
	if (test_conn_ssl(conn))
		return answer(conn, asked, data);
	return answer_connect(conn, asked, data);
}

static void test_tunnel(void)
{
	g_autoptr(TestCert) cert = make("x", "DNS:api.example", ca, -1, 9);
	SSL_CTX *tls = test_cert_server(cert, NULL, NULL);
	TestServer *proxy = test_server_new(NULL, answer_tunnel, tls);
	g_autofree char *url = test_server_url(proxy, NULL);
	g_autofree char *text = test_cert_pem(ca);
	HttpConfig config = { .base = "https://api.example:6443",
			      .ca = pem(text, CA_WHERE),
			      .proxy = url };
	g_autoptr(GError) error = NULL;
	HttpClient *client = http_client_new(&config, &error);
	const char *const headers[] = { "Authorization: Bearer s3cret", NULL };
	const HttpRequest request = { .method = "GET", .target = "/", .headers = headers };
	g_auto(HttpReply) reply = { 0 };

	g_assert_no_error(error);
	http_send(client, &request, &reply, &error);
	g_assert_no_error(error);
	g_assert_cmpstr((const char *)reply.body->data, ==, "nobody api.example api.example:6443");
	http_client_free(client);
	test_server_free(proxy);
	SSL_CTX_free(tls);
}

static void add_servers(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(servers); i++) {
		g_autofree char *path = g_strconcat("/http-tls/server/", servers[i].name, NULL);

		g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_server_certificate);
	}
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	signal(SIGPIPE, SIG_IGN); /* the server's */
	ca = make_ca("kubernetes", NULL, 30);
	middle = make_ca("middle", ca, 30);
	namesake = make_ca("kubernetes", NULL, 30);
	stranger = make_ca("stranger", NULL, 30);
	add_servers();
	g_test_add_func("/http-tls/server-name", test_server_name);
	g_test_add_func("/http-tls/insecure", test_insecure);
	g_test_add_func("/http-tls/at-once", test_at_once);
	g_test_add_func("/http-tls/client-certificate", test_client_certificate);
	g_test_add_func("/http-tls/client-certificate-1.2", test_client_certificate_1_2);
	g_test_add_func("/http-tls/new-certificate", test_new_certificate);
	g_test_add_func("/http-tls/bad-pem", test_bad_pem);
	g_test_add_func("/http-tls/odd-pem", test_odd_pem);
	g_test_add_func("/http-tls/wrong-port", test_wrong_port);
	g_test_add_func("/http-tls/old-version", test_old_version);
	g_test_add_func("/http-tls/tunnel", test_tunnel);
	status = g_test_run();
	test_cert_free(ca);
	test_cert_free(middle);
	test_cert_free(namesake);
	test_cert_free(stranger);
	return status;
}
