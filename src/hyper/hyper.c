/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests, time limits, delivery.
 *
 * Hyper, hosts and requests are counted: a worker of the driver may come back, with a pointer to
 * a request, long after the caller got its answer, dropped the host or freed everything. A request
 * has one reference for this side, dropped once it is settled, and one for the driver, dropped by
 * complete(). Everything but the counts and `closed` belongs to the main loop's thread; what
 * drivers report from theirs comes in as an idle source, in order.
 */
#include "hyper/hyper.h"

#include <string.h>

#include "base/clock.h"
#include "base/reason.h"
#include "hyper/module.h"
#include "hyper/uri.h"

struct Hyper {
	gatomicrefcount refs;
	gint closed; /* atomic: freed by its owner; what comes in now is thrown away */
	const HyperDriver *driver; /* NULL: the module is not loaded yet */
	gpointer driver_data;
	Clock *clock;
	HyperEventFunc events;
	gpointer events_data;
	GHashTable *hosts; /* name -> HyperHost */
	GQueue requests;   /* not yet settled, oldest first; each holds this side's reference */
};

struct HyperHost {
	gatomicrefcount refs;
	Hyper *hyper;
	char *name;
	char *uri;
	gpointer driver_host; /* NULL: not opened yet */
	gboolean reachable;
	gboolean dropped;
};

struct HyperRequest {
	gatomicrefcount refs;
	GList link; /* in hyper->requests, until settled */
	HyperHost *host;
	HyperJobCall call;
	HyperDone done; /* NULL: nobody wants the answer */
	gpointer data;
	guint timer;
	guint timeout_ms;
	gboolean settled;
	gboolean abandoned;
};

/* What crosses from a driver's thread to the main loop. */
typedef struct {
	HyperRequest *request; /* an answer … */
	HyperAnswer answer;
	HyperHost *host; /* … or an event */
	HyperEvent event;
} Message;

/* ---- counting ------------------------------------------------------------------------------- */

static void hyper_unref(Hyper *hyper)
{
	if (!g_atomic_ref_count_dec(&hyper->refs))
		return;
	g_hash_table_unref(hyper->hosts);
	g_free(hyper);
}

static HyperHost *host_ref(HyperHost *host)
{
	g_atomic_ref_count_inc(&host->refs);
	return host;
}

static void host_unref(HyperHost *host)
{
	if (!g_atomic_ref_count_dec(&host->refs))
		return;
	hyper_unref(host->hyper);
	g_free(host->name);
	g_free(host->uri);
	g_free(host);
}

static void request_unref(HyperRequest *request)
{
	HyperJobCall *call = &request->call;

	if (!g_atomic_ref_count_dec(&request->refs))
		return;
	host_unref(request->host);
	g_free((char *)call->uuid);
	g_free((char *)call->text);
	g_free((char *)call->migrate.peer_uri);
	g_free((char *)call->migrate.migrate_uri);
	g_free((char *)call->migrate.listen_address);
	g_free((char *)call->migrate.tls_destination);
	g_free(request);
}

static void answer_clear(HyperAnswer *answer)
{
	g_clear_error(&answer->error);
	g_clear_pointer(&answer->info, hyper_host_info_free);
	g_clear_pointer(&answer->domains, g_ptr_array_unref);
	g_clear_pointer(&answer->domain, hyper_domain_free);
	g_clear_pointer(&answer->text, g_free);
	g_clear_pointer(&answer->refusals, g_ptr_array_unref);
	g_clear_pointer(&answer->inspection, hyper_inspection_free);
}

static void message_free(gpointer data)
{
	Message *message = data;

	answer_clear(&message->answer);
	if (message->request)
		request_unref(message->request);
	if (message->host)
		host_unref(message->host);
	g_free((char *)message->event.uuid);
	g_free((char *)message->event.text);
	g_free(message);
}

/* ---- settling a request --------------------------------------------------------------------- */

static const char *op_name(HyperOp op)
{
	static const char *const names[] = {
		[HYPER_OP_HOST_INFO] = "reading the host",
		[HYPER_OP_LIST] = "listing its domains",
		[HYPER_OP_DOMAIN] = "reading a domain",
		[HYPER_OP_STATE] = "reading a domain's state",
		[HYPER_OP_JOB] = "reading a job",
		[HYPER_OP_JOB_COMPLETED] = "reading a completed job",
		[HYPER_OP_MIGRATE] = "migrating",
		[HYPER_OP_ABORT] = "cancelling a migration",
		[HYPER_OP_SUSPEND] = "suspending a domain",
		[HYPER_OP_RESUME] = "resuming a domain",
		[HYPER_OP_SET_METADATA] = "writing metadata",
		[HYPER_OP_SET_AUTOSTART] = "writing autostart",
		[HYPER_OP_CHECK_TARGET] = "checking a domain's XML",
		[HYPER_OP_DOMAIN_XML] = "reading a domain's XML",
		[HYPER_OP_INSPECT] = "looking at what a domain uses",
		[HYPER_OP_PROBE] = "asking what stands against a migration",
	};

	return (guint)op < G_N_ELEMENTS(names) ? names[op] : "a request";
}

/* Success says that the host is there. Of the failures only those that tell of the connection
 * count: a domain that is not found was still looked for. */
static void note_reachability(HyperHost *host, const HyperAnswer *answer)
{
	if (!answer->error)
		host->reachable = TRUE;
	else if (g_error_matches(answer->error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE))
		host->reachable = FALSE;
}

/* Hands the answer out, once; the caller holds a reference to the request. */
static void request_settle(HyperRequest *request, HyperAnswer *answer)
{
	Hyper *hyper = request->host->hyper;
	HyperDone done = request->done;

	if (request->settled)
		return;
	request->settled = TRUE;
	clock_cancel(hyper->clock, &request->timer);
	/* first: done may free everything */
	g_queue_unlink(&hyper->requests, &request->link);
	if (done)
		done(request, answer, request->data);
	request_unref(request);
}

static void request_fail(HyperRequest *request, HyperAnswer *answer)
{
	answer->outcome_unknown = request->call.op == HYPER_OP_MIGRATE;
	request_settle(request, answer);
	answer_clear(answer);
}

/* The driver may answer inside abandon(), from this thread: that comes in as a message. */
static void request_abandon(HyperRequest *request)
{
	if (request->abandoned)
		return;
	request->abandoned = TRUE;
	request->host->hyper->driver->abandon(request->host->driver_host, request);
}

static void on_deadline(gpointer data)
{
	HyperRequest *request = data;
	HyperHost *host = request->host;
	HyperAnswer answer = { 0 };

	request->timer = 0;
	g_atomic_ref_count_inc(&request->refs);
	host->reachable = FALSE;
	request_abandon(request);
	error_set(&answer.error, KVMIG_ERROR_TIMEOUT,
		  "host '%s' did not answer within %g s while %s", host->name,
		  request->timeout_ms / 1000.0, op_name(request->call.op));
	error_hint(&answer.error, "look at libvirtd on the host; 'virsh -c URI list' shows whether "
				  "it answers");
	request_fail(request, &answer);
	/* not the last: request_settle() gave that one up */
	request_unref(request);
}

/* ---- from the driver's threads -------------------------------------------------------------- */

static void deliver_event(HyperHost *host, const HyperEvent *event)
{
	Hyper *hyper = host->hyper;

	if (host->dropped)
		return;
	if (event->type == HYPER_EVENT_DISCONNECTED)
		host->reachable = FALSE;
	if (hyper->events)
		hyper->events(host, event, hyper->events_data);
}

static gboolean on_message(gpointer data)
{
	Message *message = data;
	HyperHost *host = message->host ? message->host : message->request->host;

	if (g_atomic_int_get(&host->hyper->closed))
		return G_SOURCE_REMOVE;
	if (message->host) {
		deliver_event(message->host, &message->event);
	} else if (!message->request->settled) {
		note_reachability(host, &message->answer);
		request_settle(message->request, &message->answer);
	}
	return G_SOURCE_REMOVE;
}

/* As an idle source of its own, not by g_main_context_invoke(): a driver that answers at once,
 * from inside submit, must not call the caller back from there. Sources of one priority are
 * dispatched in the order in which they were attached. */
static void message_send(HyperHost *host, Message *message)
{
	g_autoptr(GSource) source = NULL;

	if (g_atomic_int_get(&host->hyper->closed)) {
		message_free(message);
		return;
	}
	source = g_idle_source_new();
	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_static_name(source, "hyper");
	g_source_set_callback(source, on_message, message, message_free);
	g_source_attach(source, NULL);
}

static void core_complete(HyperRequest *request, HyperAnswer *answer)
{
	Message *message = g_new0(Message, 1);

	message->request = request; /* with the driver's reference */
	message->answer = *answer;
	memset(answer, 0, sizeof(*answer));
	message_send(request->host, message);
}

static void core_event(HyperHost *host, const HyperEvent *event)
{
	Message *message = g_new0(Message, 1);

	message->host = host_ref(host);
	message->event = *event;
	message->event.uuid = g_strdup(event->uuid);
	message->event.text = g_strdup(event->text);
	message_send(host, message);
}

static void core_set_error(HyperAnswer *answer, KvmigError code, const char *text, const char *hint,
			   const char *reason)
{
	const Reason *row = reason ? reason_find(reason) : NULL;

	g_clear_error(&answer->error);
	error_set(&answer->error, code, "%s", text);
	if (hint)
		error_hint(&answer->error, "%s", hint);
	if (row)
		error_reason(&answer->error, row->code);
}

static const HyperCore core = {
	.complete = core_complete,
	.event = core_event,
	.set_error = core_set_error,
};

/* ---- requests ------------------------------------------------------------------------------- */

static void copy_call(HyperJobCall *to, const HyperCall *from)
{
	to->op = from->op;
	to->uuid = g_strdup(from->uuid);
	to->text = g_strdup(from->text);
	to->flag = from->flag;
	if (!from->migrate)
		return;
	to->migrate = *from->migrate;
	to->migrate.peer_uri = g_strdup(from->migrate->peer_uri);
	to->migrate.migrate_uri = g_strdup(from->migrate->migrate_uri);
	to->migrate.listen_address = g_strdup(from->migrate->listen_address);
	to->migrate.tls_destination = g_strdup(from->migrate->tls_destination);
}

HyperRequest *hyper_submit(HyperHost *host, const HyperCall *call, HyperDone done, gpointer data)
{
	Hyper *hyper = host->hyper;
	HyperRequest *request;

	g_return_val_if_fail(!host->dropped, NULL);
	g_return_val_if_fail(call->timeout_ms > 0 || call->op == HYPER_OP_MIGRATE, NULL);
	g_return_val_if_fail(call->op != HYPER_OP_MIGRATE || call->migrate, NULL);
	request = g_new0(HyperRequest, 1);
	g_atomic_ref_count_init(&request->refs);
	g_atomic_ref_count_inc(&request->refs); /* the driver's */
	request->host = host_ref(host);
	request->done = done;
	request->data = data;
	request->timeout_ms = call->timeout_ms;
	copy_call(&request->call, call);
	request->link.data = request;
	g_queue_push_tail_link(&hyper->requests, &request->link);
	if (call->timeout_ms > 0)
		request->timer =
			clock_after(hyper->clock, call->timeout_ms, on_deadline, request);
	if (!host->driver_host)
		host->driver_host = hyper->driver->host_open(host, host->name, host->uri,
							     hyper->driver_data);
	/* the request stays: only the main loop, later, can settle it */
	hyper->driver->submit(host->driver_host, request, &request->call);
	return request;
}

void hyper_forget(HyperRequest *request)
{
	if (request)
		request->done = NULL;
}

HyperHost *hyper_request_host(const HyperRequest *request)
{
	return request->host;
}

/* ---- hosts ---------------------------------------------------------------------------------- */

/* On a host that goes away under its requests: each is answered, later, from the main loop. */
static void fail_later(HyperRequest *request)
{
	Message *message = g_new0(Message, 1);

	g_atomic_ref_count_inc(&request->refs);
	message->request = request;
	error_set(&message->answer.error, KVMIG_ERROR_CANCELLED,
		  "host '%s' was removed or got another URI while %s", request->host->name,
		  op_name(request->call.op));
	message->answer.outcome_unknown = request->call.op == HYPER_OP_MIGRATE;
	message_send(request->host, message);
}

/* Gives up what is under way there and closes the driver's host. The youngest first: what waits
 * is gone before the call that it waits for, so that nobody begins it. */
static void host_shut(HyperHost *host)
{
	const HyperDriver *driver = host->hyper->driver;

	if (!host->driver_host)
		return;
	for (GList *link = host->hyper->requests.tail; link; link = link->prev) {
		HyperRequest *request = link->data;

		if (request->host != host)
			continue;
		clock_cancel(host->hyper->clock, &request->timer);
		fail_later(request); /* before the driver can answer: the first one counts */
		request_abandon(request);
	}
	driver->host_close(host->driver_host);
	host->driver_host = NULL;
}

static gboolean load_driver(Hyper *hyper, GError **error)
{
	if (hyper->driver)
		return TRUE;
	hyper->driver = hyper_module_load(error);
	if (!hyper->driver)
		return FALSE;
	if (hyper->driver->init)
		hyper->driver->init(&core, hyper->clock, hyper->driver_data);
	return TRUE;
}

static HyperHost *host_new(Hyper *hyper, const char *name)
{
	HyperHost *host = g_new0(HyperHost, 1);

	g_atomic_ref_count_init(&host->refs);
	g_atomic_ref_count_inc(&hyper->refs);
	host->hyper = hyper;
	host->name = g_strdup(name);
	g_hash_table_insert(hyper->hosts, host->name, host);
	return host;
}

HyperHost *hyper_host(Hyper *hyper, const char *name, const char *uri, gboolean allow_tcp,
		      GError **error)
{
	g_autoptr(HyperUri) parsed = hyper_uri_parse(
		uri, allow_tcp ? HYPER_URI_ALLOW_TCP : HYPER_URI_NONE, error);
	HyperHost *host = hyper_find_host(hyper, name);

	if (!parsed) {
		error_prefix(error, "cannot use the URI of node '%s'", name);
		return NULL;
	}
	if (!load_driver(hyper, error)) {
		error_prefix(error, "cannot reach node '%s'", name);
		return NULL;
	}
	if (!host)
		host = host_new(hyper, name);
	if (g_strcmp0(host->uri, parsed->text) == 0)
		return host;
	host_shut(host);
	g_free(host->uri);
	host->uri = g_steal_pointer(&parsed->text);
	host->reachable = TRUE;
	return host;
}

HyperHost *hyper_find_host(Hyper *hyper, const char *name)
{
	return g_hash_table_lookup(hyper->hosts, name);
}

void hyper_drop_host(Hyper *hyper, const char *name)
{
	HyperHost *host = hyper_find_host(hyper, name);

	if (!host)
		return;
	host_shut(host);
	host->dropped = TRUE;
	g_hash_table_remove(hyper->hosts, name);
}

const char *hyper_host_name(const HyperHost *host)
{
	return host->name;
}

gboolean hyper_host_is_reachable(const HyperHost *host)
{
	return host->reachable;
}

/* ---- the whole ------------------------------------------------------------------------------ */

Hyper *hyper_new(const HyperDriver *driver, gpointer driver_data, Clock *clock,
		 HyperEventFunc events, gpointer events_data)
{
	Hyper *hyper;

	g_return_val_if_fail(!driver || driver->abi == HYPER_DRIVER_ABI, NULL);
	hyper = g_new0(Hyper, 1);
	g_atomic_ref_count_init(&hyper->refs);
	hyper->driver = driver;
	hyper->driver_data = driver_data;
	hyper->clock = clock;
	hyper->events = events;
	hyper->events_data = events_data;
	hyper->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
					     (GDestroyNotify)host_unref);
	g_queue_init(&hyper->requests);
	if (driver && driver->init)
		driver->init(&core, clock, driver_data);
	return hyper;
}

static void forget_all(Hyper *hyper)
{
	GList *link;

	while ((link = g_queue_pop_tail_link(&hyper->requests))) {
		HyperRequest *request = link->data;

		request->settled = TRUE;
		clock_cancel(hyper->clock, &request->timer);
		request_abandon(request);
		request_unref(request);
	}
}

void hyper_free(Hyper *hyper)
{
	GHashTableIter iter;
	gpointer value;

	if (!hyper)
		return;
	g_atomic_int_set(&hyper->closed, 1);
	forget_all(hyper);
	g_hash_table_iter_init(&iter, hyper->hosts);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		HyperHost *host = value;

		host->dropped = TRUE;
		if (host->driver_host)
			hyper->driver->host_close(host->driver_host);
		host->driver_host = NULL;
	}
	if (hyper->driver && hyper->driver->shutdown)
		hyper->driver->shutdown(hyper->driver_data);
	g_hash_table_remove_all(hyper->hosts);
	hyper_unref(hyper);
}
