/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent, and how often: what a server sees of requests on a connection that it closes. */
#include "config.h"

#include <string.h>

#include "base/error.h"
#include "cluster/kube/http.h"
#include "http-server.h"

typedef struct {
	gint requests; /* of any method but GET */
	char *head;    /* of the last GET */
} Seen;

/* Answers what reads, and hangs up on what writes, when it has read all of it. */
static gboolean answer(TestConn *conn, const TestAsked *asked, gpointer data)
{
	Seen *seen = data;

	if (!g_str_equal(asked->method, "GET")) {
		g_atomic_int_inc(&seen->requests);
		return FALSE;
	}
	g_free(seen->head);
	seen->head = g_strdup(asked->head);
	test_conn_reply(conn, 200, NULL, "{}");
	return TRUE;
}

static void get(HttpClient *client)
{
	const HttpRequest request = { .method = "GET", .target = "/x" };
	g_auto(HttpReply) reply = { 0 };
	g_autoptr(GError) error = NULL;

	http_send(client, &request, &reply, &error);
	g_assert_no_error(error);
}

/* On a connection that is kept, too: libcurl would send it anew there. */
static void test_once(void)
{
	static const struct {
		const char *method, *body;
	} writes[] = { { "POST", "{}" },  { "POST", NULL },   { "PUT", "{}" },
		       { "PATCH", "[]" }, { "DELETE", NULL }, { "DELETE", "{}" } };
	Seen seen = { 0 };
	g_autoptr(TestServer) server = test_server_new(NULL, answer, &seen);
	g_autofree char *base = test_server_url(server, NULL);
	g_autoptr(HttpClient) client = http_client_new(&(HttpConfig){ .base = base }, NULL);

	for (gsize i = 0; i < G_N_ELEMENTS(writes); i++) {
		const char *body = writes[i].body;
		const HttpRequest request = { .method = writes[i].method,
					      .target = "/x",
					      .body = body,
					      .body_length = body ? strlen(body) : 0 };
		g_autoptr(GError) error = NULL;
		g_auto(HttpReply) reply = { 0 };

		get(client);
		g_assert_false(http_send(client, &request, &reply, &error));
		g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
		g_assert_nonnull(strstr(error->message, "closed without a reply"));
		g_assert_cmpint(reply.fault, ==, HTTP_FAULT_BROKEN);
		g_assert_cmpint(g_atomic_int_get(&seen.requests), ==, (gint)i + 1);
	}
	test_server_free(g_steal_pointer(&server));
	g_free(seen.head);
}

static void test_compression(void)
{
	for (int disable = 0; disable < 2; disable++) {
		Seen seen = { 0 };
		g_autoptr(TestServer) server = test_server_new(NULL, answer, &seen);
		g_autofree char *base = test_server_url(server, NULL);
		const HttpConfig config = { .base = base, .disable_compression = disable };
		g_autoptr(HttpClient) client = http_client_new(&config, NULL);

		get(client);
		test_server_free(g_steal_pointer(&server));
		g_assert_cmpint(strstr(seen.head, "Accept-Encoding: gzip") == NULL, ==, disable);
		g_free(seen.head);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/http-once/writes", test_once);
	g_test_add_func("/http-once/compression", test_compression);
	return g_test_run();
}
