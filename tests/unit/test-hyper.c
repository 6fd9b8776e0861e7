/* SPDX-License-Identifier: Apache-2.0 */
/* Requests, time limits and delivery, with a driver that does what the test tells it. */
#include <string.h>

#include "base/clock.h"
#include "base/reason.h"
#include "hyper/hyper.h"

typedef struct {
	const HyperCore *core;
	GPtrArray *submitted; /* of HyperRequest */
	GPtrArray *calls;     /* of HyperJobCall */
	GPtrArray *abandoned;
	guint hosts_open, hosts_closed, shutdowns;
	HyperHost *host; /* as given to host_open */
	char *uri;
	gboolean answer_at_once;
	gboolean silent; /* sends no events */
} Fake;

typedef struct {
	guint calls;
	KvmigError code;
	gboolean failed, unknown;
	char *text;
	char *message;
	HyperRequest *request;
} Result;

static void fake_init(const HyperCore *core, Clock *clock G_GNUC_UNUSED, gpointer data)
{
	((Fake *)data)->core = core;
}

static void fake_shutdown(gpointer data)
{
	((Fake *)data)->shutdowns++;
}

static gpointer fake_open(HyperHost *host, const char *name G_GNUC_UNUSED, const char *uri,
			  gpointer data)
{
	Fake *fake = data;

	fake->hosts_open++;
	fake->host = host;
	g_free(fake->uri);
	fake->uri = g_strdup(uri);
	return fake;
}

static void fake_close(gpointer host)
{
	((Fake *)host)->hosts_closed++;
}

static void fake_answer(Fake *fake, HyperRequest *request, const char *text)
{
	HyperAnswer answer = { .text = g_strdup(text) };

	fake->core->complete(request, &answer);
	g_assert_null(answer.text); /* taken */
}

static void fake_fail(Fake *fake, HyperRequest *request, KvmigError code)
{
	HyperAnswer answer = { 0 };

	fake->core->set_error(&answer, code, "broken", "mend it", "KVMIG-FAIL-LIBVIRT");
	fake->core->complete(request, &answer);
}

static void fake_submit(gpointer host, HyperRequest *request, const HyperJobCall *call)
{
	Fake *fake = host;

	g_ptr_array_add(fake->submitted, request);
	g_ptr_array_add(fake->calls, (gpointer)call);
	if (fake->answer_at_once)
		fake_answer(fake, request, "at once");
}

static void fake_abandon(gpointer host, HyperRequest *request)
{
	g_ptr_array_add(((Fake *)host)->abandoned, request);
}

static const HyperDriver driver = {
	.abi = HYPER_DRIVER_ABI,
	.name = "fake",
	.init = fake_init,
	.shutdown = fake_shutdown,
	.host_open = fake_open,
	.host_close = fake_close,
	.submit = fake_submit,
	.abandon = fake_abandon,
};

typedef struct {
	Fake fake;
	Clock *clock;
	Hyper *hyper;
	HyperHost *host;
	GString *events;
} Fixture;

static void on_event(HyperHost *host, const HyperEvent *event, gpointer data)
{
	g_string_append_printf(data, "%s:%d:%s:%s;", hyper_host_name(host), event->type,
			       event->uuid ? event->uuid : "-", event->text ? event->text : "-");
}

static void set_up(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	fixture->fake.submitted = g_ptr_array_new();
	fixture->fake.calls = g_ptr_array_new();
	fixture->fake.abandoned = g_ptr_array_new();
	fixture->clock = clock_virtual_new(0);
	fixture->events = g_string_new(NULL);
	fixture->hyper = hyper_new(&driver, &fixture->fake, fixture->clock, on_event,
				   fixture->events);
	fixture->host = hyper_host(fixture->hyper, "n1", "qemu:///system", FALSE, NULL);
	g_assert_nonnull(fixture->host);
}

static void tear_down(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	if (fixture->hyper) {
		hyper_free(fixture->hyper);
		g_assert_cmpuint(fixture->fake.shutdowns, ==, 1);
	}
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_cmpuint(fixture->fake.hosts_open, ==, fixture->fake.hosts_closed);
	g_ptr_array_unref(fixture->fake.submitted);
	g_ptr_array_unref(fixture->fake.calls);
	g_ptr_array_unref(fixture->fake.abandoned);
	g_free(fixture->fake.uri);
	g_string_free(fixture->events, TRUE);
	clock_free(fixture->clock);
}

static void result_clear(Result *result)
{
	g_free(result->text);
	g_free(result->message);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Result, result_clear)

static void on_done(HyperRequest *request, HyperAnswer *answer, gpointer data)
{
	Result *result = data;

	result->calls++;
	result->request = request;
	result->unknown = answer->outcome_unknown;
	result->text = g_steal_pointer(&answer->text);
	if (answer->error) {
		result->failed = TRUE;
		result->code = error_code(answer->error);
		result->message = g_strdup(answer->error->message);
	}
}

static HyperRequest *submit(Fixture *fixture, HyperOp op, guint timeout_ms, Result *result)
{
	static const HyperMigrateParams way = { .peer_uri = "qemu:///system", .tls = TRUE };
	HyperCall call = { .op = op, .uuid = "u", .timeout_ms = timeout_ms, .migrate = &way };

	return hyper_submit(fixture->host, &call, on_done, result);
}

static HyperRequest *nth(GPtrArray *requests, guint n)
{
	g_assert_cmpuint(requests->len, >, n);
	return g_ptr_array_index(requests, n);
}

static void run(Fixture *fixture, gint64 until_ms)
{
	clock_virtual_run(fixture->clock, until_ms * 1000);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void test_answer(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) result = { 0 };
	HyperRequest *request;
	const HyperJobCall *call;

	fixture->fake.answer_at_once = TRUE;
	g_assert_cmpuint(fixture->fake.hosts_open, ==, 0); /* opened at the first request */
	request = submit(fixture, HYPER_OP_DOMAIN_XML, 1000, &result);
	g_assert_cmpuint(result.calls, ==, 0); /* never from inside submit */
	call = g_ptr_array_index(fixture->fake.calls, 0);
	g_assert_cmpint(call->op, ==, HYPER_OP_DOMAIN_XML);
	g_assert_cmpstr(call->uuid, ==, "u");
	g_assert_true(call->migrate.tls);
	g_assert_true(hyper_request_host(request) == fixture->host);
	run(fixture, 5000);
	g_assert_cmpuint(result.calls, ==, 1);
	g_assert_true(result.request == request);
	g_assert_cmpstr(result.text, ==, "at once");
	g_assert_false(result.failed);
	g_assert_cmpuint(fixture->fake.abandoned->len, ==, 0); /* no time limit afterwards */
	g_assert_true(hyper_host_is_reachable(fixture->host));
}

static void test_deadline(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) late = { 0 };
	g_auto(Result) next = { 0 };
	HyperRequest *request = submit(fixture, HYPER_OP_LIST, 1500, &late);

	run(fixture, 1499);
	g_assert_cmpuint(late.calls, ==, 0);
	run(fixture, 1501);
	g_assert_cmpuint(late.calls, ==, 1);
	g_assert_cmpint(late.code, ==, KVMIG_ERROR_TIMEOUT);
	g_assert_nonnull(strstr(late.message, "'n1'"));
	g_assert_nonnull(strstr(late.message, "1.5 s"));
	g_assert_false(late.unknown);
	g_assert_true(nth(fixture->fake.abandoned, 0) == request);
	g_assert_false(hyper_host_is_reachable(fixture->host));
	/* what comes late is thrown away, and does not make the host reachable */
	fake_answer(&fixture->fake, request, "late");
	run(fixture, 3000);
	g_assert_cmpuint(late.calls, ==, 1);
	g_assert_false(hyper_host_is_reachable(fixture->host));
	submit(fixture, HYPER_OP_LIST, 1000, &next);
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 1), "x");
	run(fixture, 3001);
	g_assert_cmpuint(next.calls, ==, 1);
	g_assert_true(hyper_host_is_reachable(fixture->host));
}

static void test_migrate_deadline(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) limited = { 0 };
	g_auto(Result) unlimited = { 0 };

	submit(fixture, HYPER_OP_MIGRATE, 1000, &limited);
	submit(fixture, HYPER_OP_MIGRATE, 0, &unlimited);
	run(fixture, 1000000);
	g_assert_true(limited.failed && limited.unknown);
	g_assert_cmpuint(unlimited.calls, ==, 0);
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 0), "late");
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 1), "moved");
	run(fixture, 1000001);
	g_assert_cmpuint(unlimited.calls, ==, 1);
	g_assert_cmpstr(unlimited.text, ==, "moved");
}

static void test_errors(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) missing = { 0 };
	g_auto(Result) gone = { 0 };

	submit(fixture, HYPER_OP_JOB, 1000, &missing);
	submit(fixture, HYPER_OP_JOB, 1000, &gone);
	fake_fail(&fixture->fake, nth(fixture->fake.submitted, 0), KVMIG_ERROR_NOT_FOUND);
	run(fixture, 1);
	g_assert_cmpint(missing.code, ==, KVMIG_ERROR_NOT_FOUND);
	g_assert_true(hyper_host_is_reachable(fixture->host)); /* somebody looked for it */
	fake_fail(&fixture->fake, nth(fixture->fake.submitted, 1), KVMIG_ERROR_UNREACHABLE);
	run(fixture, 2);
	g_assert_cmpint(gone.code, ==, KVMIG_ERROR_UNREACHABLE);
	g_assert_false(hyper_host_is_reachable(fixture->host));
}

static void test_set_error(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *reason = g_strdup(REASON_BLK_LIBVIRT); /* no constant of ours */
	HyperAnswer answer = { 0 };

	fixture->fake.core->set_error(&answer, KVMIG_ERROR_REFUSED, "100 %s", NULL, reason);
	g_assert_error(answer.error, KVMIG_ERROR, KVMIG_ERROR_REFUSED);
	g_assert_cmpstr(answer.error->message, ==, "100 %s");
	g_assert_true(error_get_reason(answer.error) == REASON_BLK_LIBVIRT);
	g_assert_null(error_get_hint(answer.error));
	fixture->fake.core->set_error(&answer, KVMIG_ERROR_FAILED, "b", "h", "KVMIG-NO-SUCH");
	g_assert_cmpstr(error_get_hint(answer.error), ==, "h");
	g_assert_null(error_get_reason(answer.error));
	g_clear_error(&answer.error);
}

static void test_forget(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) result = { 0 };

	hyper_forget(NULL);
	hyper_forget(submit(fixture, HYPER_OP_LIST, 1000, &result));
	hyper_forget(submit(fixture, HYPER_OP_LIST, 1000, &result));
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 0), "x");
	run(fixture, 2000);
	g_assert_cmpuint(result.calls, ==, 0);
	/* the worker that hangs in the other is still given up in time */
	g_assert_cmpuint(fixture->fake.abandoned->len, ==, 1);
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 1), "x");
}

static void test_free_first(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) result = { 0 };
	HyperEvent event = { .type = HYPER_EVENT_DOMAIN, .uuid = "u" };

	submit(fixture, HYPER_OP_LIST, 1000, &result);
	submit(fixture, HYPER_OP_MIGRATE, 0, &result);
	submit(fixture, HYPER_OP_LIST, 1000, &result);
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 2), "not delivered yet");
	fixture->fake.core->event(fixture->fake.host, &event);
	g_clear_pointer(&fixture->hyper, hyper_free);
	g_assert_cmpuint(fixture->fake.abandoned->len, ==, 3);
	/* the youngest first, so that none begins because the one before it was given up */
	g_assert_true(nth(fixture->fake.abandoned, 0) == nth(fixture->fake.submitted, 2));
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 0), "late");
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 1), "late");
	while (g_main_context_iteration(NULL, FALSE))
		;
	g_assert_cmpuint(result.calls, ==, 0);
	g_assert_cmpstr(fixture->events->str, ==, "");
	hyper_free(NULL);
}

static void free_everything(HyperRequest *request G_GNUC_UNUSED,
			    HyperAnswer *answer G_GNUC_UNUSED, gpointer data)
{
	Fixture *fixture = data;

	g_clear_pointer(&fixture->hyper, hyper_free);
}

static void test_free_inside(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	HyperCall call = { .op = HYPER_OP_LIST, .timeout_ms = 1000 };

	hyper_submit(fixture->host, &call, free_everything, fixture);
	hyper_submit(fixture->host, &call, free_everything, fixture);
	run(fixture, 1000); /* in the time limit of the first */
	g_assert_null(fixture->hyper);
	g_assert_cmpuint(fixture->fake.abandoned->len, ==, 2); /* each once */
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 0), "late");
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 1), "late");
}

static void test_events(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) result = { 0 };
	char uuid[] = "u1";
	HyperEvent event = { .type = HYPER_EVENT_DOMAIN, .uuid = uuid };
	HyperEvent gone = { .type = HYPER_EVENT_DISCONNECTED, .text = "EOF" };

	submit(fixture, HYPER_OP_LIST, 1000, &result);
	fixture->fake.core->event(fixture->fake.host, &event);
	uuid[1] = '2'; /* it was copied */
	fixture->fake.core->event(fixture->fake.host, &gone);
	g_assert_cmpstr(fixture->events->str, ==, "");
	run(fixture, 1);
	g_assert_cmpstr(fixture->events->str, ==, "n1:2:u1:-;n1:1:-:EOF;");
	g_assert_false(hyper_host_is_reachable(fixture->host));
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 0), "x");
	/* a host that is dropped is heard no more */
	fixture->fake.core->event(fixture->fake.host, &event);
	hyper_drop_host(fixture->hyper, "n1");
	g_assert_null(hyper_find_host(fixture->hyper, "n1"));
	hyper_drop_host(fixture->hyper, "n1");
	run(fixture, 2);
	g_assert_cmpstr(fixture->events->str, ==, "n1:2:u1:-;n1:1:-:EOF;");
	g_assert_cmpuint(result.calls, ==, 1);
}

static void test_drop(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_auto(Result) list = { 0 };
	g_auto(Result) migrate = { 0 };

	submit(fixture, HYPER_OP_LIST, 1000, &list);
	submit(fixture, HYPER_OP_MIGRATE, 0, &migrate);
	hyper_drop_host(fixture->hyper, "n1");
	g_assert_cmpuint(list.calls, ==, 0);
	g_assert_cmpuint(fixture->fake.abandoned->len, ==, 2);
	g_assert_cmpuint(fixture->fake.hosts_closed, ==, 1);
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 0), "late");
	run(fixture, 5000);
	g_assert_cmpuint(list.calls, ==, 1);
	g_assert_cmpint(list.code, ==, KVMIG_ERROR_CANCELLED);
	g_assert_false(list.unknown);
	g_assert_cmpuint(migrate.calls, ==, 1);
	g_assert_true(migrate.unknown);
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 1), "late");
}

static void test_changed_uri(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_auto(Result) before = { 0 };
	g_auto(Result) after = { 0 };
	HyperHost *host;

	submit(fixture, HYPER_OP_LIST, 1000, &before);
	/* the same in other words is the same */
	host = hyper_host(fixture->hyper, "n1", "qemu+unix:///system", FALSE, &error);
	g_assert_true(host == fixture->host);
	g_assert_cmpuint(fixture->fake.hosts_closed, ==, 0);
	/* one that is refused changes nothing */
	g_assert_null(hyper_host(fixture->hyper, "n1", "qemu+tcp://n1/system", FALSE, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_REFUSED);
	g_assert_nonnull(strstr(error->message, "'n1'"));
	g_assert_cmpuint(fixture->fake.hosts_closed, ==, 0);
	g_clear_error(&error);
	host = hyper_host(fixture->hyper, "n1", "qemu+tcp://n1/system", TRUE, &error);
	g_assert_no_error(error);
	g_assert_true(host == fixture->host);
	g_assert_cmpuint(fixture->fake.hosts_closed, ==, 1);
	submit(fixture, HYPER_OP_LIST, 1000, &after);
	g_assert_cmpstr(fixture->fake.uri, ==, "qemu+tcp://n1/system");
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 0), "late");
	fake_answer(&fixture->fake, nth(fixture->fake.submitted, 1), "new");
	run(fixture, 1);
	g_assert_cmpint(before.code, ==, KVMIG_ERROR_CANCELLED);
	g_assert_cmpstr(after.text, ==, "new");
}

/* ---- from other threads --------------------------------------------------------------------- */

#define CROWD 500

static gpointer answer_all(gpointer data)
{
	Fixture *fixture = data;
	HyperEvent event = { .type = HYPER_EVENT_DOMAIN, .uuid = "u" };

	for (guint i = 0; i < CROWD; i++) {
		fake_answer(&fixture->fake, nth(fixture->fake.submitted, i), "x");
		if (!fixture->fake.silent)
			fixture->fake.core->event(fixture->fake.host, &event);
	}
	return NULL;
}

static void count_done(HyperRequest *request G_GNUC_UNUSED, HyperAnswer *answer, gpointer data)
{
	g_assert_no_error(answer->error);
	++*(guint *)data;
}

static void submit_crowd(Fixture *fixture, guint *done)
{
	HyperCall call = { .op = HYPER_OP_STATE, .uuid = "u", .timeout_ms = 1000 };

	for (guint i = 0; i < CROWD; i++)
		hyper_submit(fixture->host, &call, count_done, done);
}

static void test_threads(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	guint done = 0;
	GThread *thread;

	submit_crowd(fixture, &done);
	thread = g_thread_new("worker", answer_all, fixture);
	while (done < CROWD)
		g_main_context_iteration(NULL, TRUE);
	g_thread_join(thread);
}

static void test_threads_and_free(Fixture *fixture, gconstpointer data G_GNUC_UNUSED)
{
	guint done = 0;
	GThread *thread;

	fixture->fake.silent = TRUE; /* as after host_close; the answers go on */
	submit_crowd(fixture, &done);
	thread = g_thread_new("worker", answer_all, fixture);
	while (done < 10)
		g_main_context_iteration(NULL, TRUE);
	g_clear_pointer(&fixture->hyper, hyper_free);
	g_thread_join(thread);
	g_assert_cmpuint(done, <=, CROWD);
}

/* ---- the module ------------------------------------------------------------------------------ */

static void test_no_module(void)
{
	g_autofree char *before = g_strdup(g_getenv("KVMIG_MODULE_DIR"));
	g_autoptr(Hyper) hyper = hyper_new(NULL, NULL, clock_real(), NULL, NULL);
	g_autoptr(GError) error = NULL;

	g_setenv("KVMIG_MODULE_DIR", "/nonexistent", TRUE);
	g_assert_null(hyper_host(hyper, "n1", "qemu:///system", FALSE, &error));
	if (before)
		g_setenv("KVMIG_MODULE_DIR", before, TRUE);
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_UNSUPPORTED);
	g_assert_nonnull(strstr(error->message, "/nonexistent/kvmig-libvirt.so"));
	g_assert_nonnull(strstr(error_get_hint(error), "--disable-libvirt"));
	g_assert_null(hyper_find_host(hyper, "n1"));
}

static void test_names(void)
{
	g_assert_cmpstr(hyper_domain_state_to_string(HYPER_DOMAIN_NONE), ==, "none");
	g_assert_cmpstr(hyper_domain_state_to_string(HYPER_DOMAIN_OTHER), ==, "other");
	for (int reason = 0; reason <= HYPER_REASON_OTHER; reason++)
		g_assert_nonnull(hyper_reason_to_string((HyperReason)reason));
	hyper_domain_free(NULL);
	hyper_host_info_free(NULL);
}

#define ADD(name, func) g_test_add(name, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("/hyper/answer", test_answer);
	ADD("/hyper/deadline", test_deadline);
	ADD("/hyper/migrate-deadline", test_migrate_deadline);
	ADD("/hyper/errors", test_errors);
	ADD("/hyper/set-error", test_set_error);
	ADD("/hyper/forget", test_forget);
	ADD("/hyper/free-first", test_free_first);
	ADD("/hyper/free-inside", test_free_inside);
	ADD("/hyper/events", test_events);
	ADD("/hyper/drop", test_drop);
	ADD("/hyper/changed-uri", test_changed_uri);
	ADD("/hyper/threads", test_threads);
	ADD("/hyper/threads-and-free", test_threads_and_free);
	g_test_add_func("/hyper/no-module", test_no_module);
	g_test_add_func("/hyper/names", test_names);
	return g_test_run();
}
