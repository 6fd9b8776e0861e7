/* SPDX-License-Identifier: Apache-2.0 */
/* Watches over a transport that fails by script: what is resumed and from where, what ends one. */
#include <string.h>

#include "kube-fake.h"

#define FRAME(type, name, version)                                                                 \
	"{\"type\":\"" type "\",\"object\":{\"kind\":\"VirtualMachineInstance\",\"metadata\":{"    \
	"\"name\":\"" name "\",\"resourceVersion\":\"" version "\"}}}\n"
#define STATUS(code) "{\"kind\":\"Status\",\"code\":" code ",\"message\":\"m\"}"
#define ERROR_FRAME(code) "{\"type\":\"ERROR\",\"object\":" STATUS(code) "}\n"
/* Pauses are below a second at first. */
#define LIMIT_MS 10000

typedef struct {
	Cluster *cluster;
	ClusterWatch *watch;
	GString *seen; /* "+a ~a -a " */
	GError *error; /* of the event that ended it */
	guint streams; /* begun when it was looked last */
} Watched;

static void on_event(ClusterEventType type, const cJSON *object, const GError *error, gpointer data)
{
	static const char marks[] = { [CLUSTER_EVENT_ADDED] = '+',
				      [CLUSTER_EVENT_MODIFIED] = '~',
				      [CLUSTER_EVENT_DELETED] = '-' };
	Watched *watched = data;

	g_assert_null(watched->error);
	if (type == CLUSTER_EVENT_ERROR)
		watched->error = g_error_copy(error);
	else
		g_string_append_printf(watched->seen, "%c%s ", marks[type], object_name(object));
}

static gboolean on_limit(gpointer data)
{
	*(gboolean *)data = TRUE;
	return G_SOURCE_REMOVE;
}

/* Until it has asked anew, or has ended. */
static void run_watch(Watched *watched)
{
	gboolean late = FALSE;
	guint limit = g_timeout_add(LIMIT_MS, on_limit, &late);

	while (!late && !watched->error && fake_streams == watched->streams)
		g_main_context_iteration(NULL, TRUE);
	g_assert_false(late);
	g_source_remove(limit);
	watched->streams = fake_streams;
}

static void begin(Watched *watched)
{
	g_autoptr(GError) error = NULL;

	fake_no_credential = FALSE;
	*watched = (Watched){ .cluster = fake_open(0, NULL, NULL), .seen = g_string_new(NULL) };
	watched->watch =
		cluster_watch(watched->cluster, &KIND_VMI, NULL, "5", on_event, watched, &error);
	g_assert_no_error(error);
	watched->streams = fake_streams;
}

static void end(Watched *watched)
{
	fake_no_credential = FALSE;
	cluster_watch_stop(watched->watch);
	cluster_close(watched->cluster);
	g_clear_error(&watched->error);
	g_string_free(watched->seen, TRUE);
}

static void assert_asks_from(const char *version)
{
	g_autofree char *parameter = g_strdup_printf("&resourceVersion=%s&", version);

	g_assert_nonnull(fake_stream_target());
	g_assert_nonnull(strstr(fake_stream_target(), parameter));
}

/* What may pass: a connection that breaks, at once or within a frame, a server that is going. */
static void test_resume(void)
{
	Watched watched;

	begin(&watched);
	assert_asks_from("5");
	g_assert_true(fake_stream_push(200, FRAME("ADDED", "a", "7") FRAME("MODIFIED", "a", "8")));
	fake_stream_end(200, KVMIG_ERROR_UNREACHABLE);
	run_watch(&watched);
	assert_asks_from("8");
	g_assert_true(fake_stream_push(200, FRAME("BOOKMARK", "", "20") "{\"type\":\"ADD"));
	fake_stream_end(200, KVMIG_ERROR_UNREACHABLE);
	run_watch(&watched);
	assert_asks_from("20");
	fake_stream_end(503, KVMIG_ERROR_LAST);
	run_watch(&watched);
	assert_asks_from("20");
	g_assert_true(fake_stream_push(200, FRAME("DELETED", "a", "21")));
	fake_stream_end(200, KVMIG_ERROR_LAST); /* as each does after some minutes */
	run_watch(&watched);
	assert_asks_from("21");
	g_assert_cmpstr(watched.seen->str, ==, "+a ~a -a ");
	g_assert_no_error(watched.error);
	end(&watched);
}

static void test_bad_frames(void)
{
	static const char *const frames[] = { "junk\n", "{}\n", "{\"type\":\"ADDED\"}\n",
					      ERROR_FRAME("500") };
	Watched watched;

	for (guint i = 0; i < G_N_ELEMENTS(frames); i++) {
		begin(&watched);
		g_assert_true(fake_stream_push(200, FRAME("ADDED", "a", "7")));
		g_assert_false(fake_stream_push(200, frames[i]));
		run_watch(&watched);
		g_assert_no_error(watched.error);
		assert_asks_from("7");
		end(&watched);
	}
}

static void test_expired(void)
{
	Watched watched;

	begin(&watched);
	g_assert_false(fake_stream_push(200, ERROR_FRAME("410") FRAME("ADDED", "a", "7")));
	g_assert_error(watched.error, KVMIG_ERROR, KVMIG_ERROR_EXPIRED);
	g_assert_cmpstr(watched.seen->str, ==, "");
	end(&watched);
	begin(&watched);
	g_assert_true(fake_stream_push(410, STATUS("410")));
	fake_stream_end(410, KVMIG_ERROR_LAST);
	g_assert_error(watched.error, KVMIG_ERROR, KVMIG_ERROR_EXPIRED);
	g_assert_null(fake_stream_target());
	end(&watched);
}

/* A credential that has run out is renewed, once. */
static void test_unauthorized(void)
{
	Watched watched;

	fake_renew_ok = TRUE;
	fake_renewals = 0;
	begin(&watched);
	fake_stream_end(401, KVMIG_ERROR_LAST);
	run_watch(&watched);
	g_assert_no_error(watched.error);
	g_assert_cmpuint(fake_renewals, ==, 1);
	g_assert_true(fake_stream_push(200, FRAME("ADDED", "a", "7")));
	fake_stream_end(401, KVMIG_ERROR_LAST);
	run_watch(&watched);
	g_assert_cmpuint(fake_renewals, ==, 2);
	fake_stream_end(401, KVMIG_ERROR_LAST);
	g_assert_error(watched.error, KVMIG_ERROR, KVMIG_ERROR_FORBIDDEN);
	end(&watched);
}

/* Final at once, but not from a server that has just come back. */
static void test_refused(void)
{
	static const int statuses[] = { 403, 404 };
	Watched watched;

	for (guint i = 0; i < G_N_ELEMENTS(statuses); i++) {
		begin(&watched);
		fake_stream_end(statuses[i], KVMIG_ERROR_LAST);
		g_assert_nonnull(watched.error);
		end(&watched);
		begin(&watched);
		g_assert_true(fake_stream_push(200, FRAME("ADDED", "a", "7")));
		fake_stream_end(0, KVMIG_ERROR_UNREACHABLE);
		run_watch(&watched);
		fake_stream_end(statuses[i], KVMIG_ERROR_LAST);
		run_watch(&watched);
		g_assert_no_error(watched.error);
		assert_asks_from("7");
		end(&watched);
	}
}

/* Likewise the plugin, whose server may have been away too. */
static void test_no_credential(void)
{
	gboolean tried = FALSE;
	Watched watched;

	begin(&watched);
	g_assert_true(fake_stream_push(200, FRAME("ADDED", "a", "7")));
	fake_no_credential = TRUE;
	fake_stream_end(200, KVMIG_ERROR_LAST);
	run_watch(&watched);
	g_assert_error(watched.error, KVMIG_ERROR, KVMIG_ERROR_FAILED);
	end(&watched);
	begin(&watched);
	g_assert_true(fake_stream_push(200, FRAME("ADDED", "a", "7")));
	fake_no_credential = TRUE;
	fake_stream_end(0, KVMIG_ERROR_UNREACHABLE);
	g_timeout_add(1000, on_limit, &tried); /* the first pause is shorter */
	while (!tried)
		g_main_context_iteration(NULL, TRUE);
	fake_no_credential = FALSE;
	run_watch(&watched);
	g_assert_no_error(watched.error);
	assert_asks_from("7");
	end(&watched);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	/* that a watch is interrupted is a warning */
	g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
	g_test_add_func("/kube/watch/resume", test_resume);
	g_test_add_func("/kube/watch/bad-frames", test_bad_frames);
	g_test_add_func("/kube/watch/expired", test_expired);
	g_test_add_func("/kube/watch/unauthorized", test_unauthorized);
	g_test_add_func("/kube/watch/refused", test_refused);
	g_test_add_func("/kube/watch/no-credential", test_no_credential);
	return g_test_run();
}
