/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/request.h"

#include <string.h>

#include "base/error.h"

#define TRIES 5
#define PAUSE_FIRST_MS 200
#define PAUSE_LIMIT_MS 5000
#define RETRY_AFTER_LIMIT_MS 30000
/* a try that got less would only hide, behind its own timeout, why the one before it failed */
#define TRY_LEAST_MS 100
#define CONNECT_TIMEOUT_MS 30000
/* The server answers or gives up within a minute; a link without a byte for longer is dead. */
#define SILENCE_MS 90000
#define ERROR_BODY_MAX_BYTES 262144u
#define WARNINGS_MAX 1000
#define USER_AGENT "kvmig"

StatusSubject kube_subject(const Kube *kube, const char *verb, const Kind *kind, const char *ns,
			   const char *name)
{
	return (StatusSubject){ .verb = verb,
				.kind = kind,
				.ns = kind && kind->namespaced ? ns : NULL,
				.name = name,
				.context = kube->base.context,
				.server = kube->base.server,
				.user = kube->target->user_name };
}

/* ---- who we are ----------------------------------------------------------------------------- */

HttpClient *kube_client(Kube *kube, GError **error)
{
	const KubeTarget *target = kube->target;
	HttpConfig config = {
		.base = target->server,
		.tls_server_name = target->tls_server_name,
		.insecure = target->insecure,
		.disable_compression = target->disable_compression,
		.proxy = target->proxy,
		.user_agent = USER_AGENT,
		.connect_timeout_ms = CONNECT_TIMEOUT_MS,
	};
	g_autofree char *where = NULL;

	if (kube->http)
		return kube->http;
	if (kube->request_timeout_ms > 0)
		config.connect_timeout_ms = MIN(CONNECT_TIMEOUT_MS, kube->request_timeout_ms);
	if (target->ca_pem) {
		where = g_strdup_printf("certificate-authority of cluster '%s'",
					target->cluster_name ? target->cluster_name : "");
		config.ca = (HttpPem){ target->ca_pem, strlen(target->ca_pem), where };
	}
	if (!credential_certificate(kube->credential, &config.certificate, &config.key, error))
		return NULL;
	kube->http = http_client_new(&config, error);
	return kube->http;
}

static void free_line(gpointer line)
{
	if (line) /* the last one */
		credential_line_free(line);
}

GPtrArray *kube_headers(Kube *kube, const char *accept, const char *content_type, const char *etag,
			GError **error)
{
	g_autoptr(GPtrArray) headers = g_ptr_array_new_with_free_func(free_line);

	if (!credential_add_headers(kube->credential, headers, error))
		return NULL;
	g_ptr_array_add(headers,
			g_strconcat("Accept: ", accept ? accept : "application/json", NULL));
	if (content_type)
		g_ptr_array_add(headers, g_strconcat("Content-Type: ", content_type, NULL));
	if (etag)
		g_ptr_array_add(headers, g_strconcat("If-None-Match: ", etag, NULL));
	g_ptr_array_add(headers, NULL);
	return g_steal_pointer(&headers);
}

gboolean kube_renew(Kube *kube, GError **error)
{
	gboolean changed = FALSE;
	HttpPem certificate = { 0 }, key = { 0 };

	if (!credential_refresh(kube->credential, &changed, error))
		return FALSE;
	if (!changed || !kube->http)
		return TRUE;
	return credential_certificate(kube->credential, &certificate, &key, error) &&
	       http_client_set_certificate(kube->http, &certificate, &key, error);
}

void kube_scrub(const Kube *kube, GError *error)
{
	char *message;

	if (!error)
		return;
	message = credential_scrub(kube->credential, error->message, -1);
	g_free(error->message);
	error->message = message;
}

void kube_warn(Kube *kube, const HttpHead *head)
{
	for (guint i = 0; kube->warn && head->warnings && i < head->warnings->len; i++) {
		g_autofree char *safe = credential_scrub(kube->credential,
							 g_ptr_array_index(head->warnings, i), -1);
		g_autofree char *text = status_clean(safe, 1024);

		if (g_hash_table_size(kube->warned) >= WARNINGS_MAX ||
		    g_hash_table_contains(kube->warned, text))
			continue;
		kube->warn(text, kube->warn_data);
		g_hash_table_add(kube->warned, g_steal_pointer(&text));
	}
}

/* ---- one try -------------------------------------------------------------------------------- */

typedef struct {
	Kube *kube;
	const KubeRequest *request;
	HttpReply reply;
	GByteArray *refusal; /* the body of what is not 2xx, where on_data is set */
	gint64 deadline_us;  /* 0: none, or nothing was sent yet */
	gboolean handed;     /* some of the body was handed to on_data */
	gboolean stopped;    /* by on_data */
	gboolean renewed;    /* the credential, after a 401 */
	unsigned tries;
} Attempt;

static void attempt_clear(Attempt *attempt)
{
	http_reply_clear(&attempt->reply);
	g_clear_pointer(&attempt->refusal, g_byte_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Attempt, attempt_clear)

static gboolean is_success(const Attempt *attempt)
{
	int status = attempt->reply.head.status;

	return (status >= 200 && status < 300) || (status == 304 && attempt->request->etag);
}

static gboolean on_data(const HttpHead *head, const char *data, gsize length, gpointer user_data)
{
	Attempt *attempt = user_data;

	if (head->status >= 200 && head->status < 300) {
		attempt->handed = TRUE;
		attempt->stopped = !attempt->request->on_data(data, length, attempt->request->data);
		return !attempt->stopped;
	}
	if (attempt->refusal->len + length > ERROR_BODY_MAX_BYTES)
		return FALSE;
	g_byte_array_append(attempt->refusal, (const guint8 *)data, (guint)length);
	return TRUE;
}

static gint64 time_left_ms(const Attempt *attempt)
{
	gint64 left_ms;

	if (attempt->deadline_us == 0)
		return 0;
	left_ms = (attempt->deadline_us - g_get_monotonic_time()) / 1000;
	return MAX(left_ms, 1);
}

static gboolean send_once(Attempt *attempt, GError **error)
{
	const KubeRequest *request = attempt->request;
	HttpClient *http = kube_client(attempt->kube, error);
	g_autoptr(GPtrArray) headers = NULL;
	HttpRequest http_request = {
		.method = request->method,
		.target = request->target,
		.body = request->body,
		.body_length = request->body ? strlen(request->body) : 0,
		.silence_ms = SILENCE_MS,
		.max_bytes = request->max_bytes ? request->max_bytes : JSON_MAX_BYTES,
		.on_data = request->on_data ? on_data : NULL,
		.user_data = attempt,
	};
	gboolean ok;

	http_reply_clear(&attempt->reply);
	attempt->reply = (HttpReply){ 0 };
	g_byte_array_set_size(attempt->refusal, 0);
	if (!http)
		return FALSE;
	headers = kube_headers(attempt->kube, request->accept, request->content_type, request->etag,
			       error);
	if (!headers)
		return FALSE;
	http_request.headers = (const char *const *)headers->pdata;
	/* from here: it is not the server that loads modules and runs plugins */
	if (!attempt->deadline_us && attempt->kube->request_timeout_ms > 0)
		attempt->deadline_us =
			g_get_monotonic_time() + attempt->kube->request_timeout_ms * 1000;
	http_request.timeout_ms = time_left_ms(attempt);
	ok = http_send(http, &http_request, &attempt->reply, error);
	if (ok)
		kube_warn(attempt->kube, &attempt->reply.head);
	return ok;
}

/* ---- trying again --------------------------------------------------------------------------- */

gint64 kube_backoff_ms(unsigned n, gint64 first_ms, gint64 limit_ms)
{
	gint64 pause_ms = first_ms << MIN(n > 0 ? n - 1 : 0, 16);

	/* half to all of it, so that many clients do not come back at once */
	pause_ms = MIN(pause_ms, limit_ms);
	return pause_ms / 2 + g_random_int_range(0, (gint32)(pause_ms / 2) + 1);
}

static gboolean is_read(const KubeRequest *request)
{
	return g_str_equal(request->method, "GET");
}

static gboolean may_repeat_status(const Attempt *attempt)
{
	switch (attempt->reply.head.status) {
	case 429: /* was not carried out */
		return is_read(attempt->request) || attempt->reply.head.retry_after_s >= 0;
	case 500:
	case 502:
	case 503:
	case 504:
		return is_read(attempt->request);
	default:
		return FALSE;
	}
}

static gboolean may_repeat_fault(const Attempt *attempt)
{
	if (attempt->stopped || (attempt->handed && !attempt->request->on_restart))
		return FALSE;
	switch (attempt->reply.fault) {
	case HTTP_FAULT_REFUSED:
		return TRUE;
	case HTTP_FAULT_BROKEN:
		return is_read(attempt->request);
	case HTTP_FAULT_FINAL:
		break;
	}
	return FALSE;
}

/* Sleeps, where there is a try left and time for it. */
static gboolean pause_for_next(Attempt *attempt)
{
	gint64 after_s = attempt->reply.head.retry_after_s;
	gint64 pause_ms;

	if (++attempt->tries >= TRIES)
		return FALSE;
	pause_ms = kube_backoff_ms(attempt->tries, PAUSE_FIRST_MS, PAUSE_LIMIT_MS);
	if (attempt->reply.head.status != 0 && after_s > 0)
		pause_ms = MAX(pause_ms, MIN(after_s, RETRY_AFTER_LIMIT_MS) * 1000);
	if (pause_ms > RETRY_AFTER_LIMIT_MS ||
	    (attempt->deadline_us > 0 && pause_ms + TRY_LEAST_MS > time_left_ms(attempt)))
		return FALSE;
	g_usleep((gulong)pause_ms * 1000);
	if (attempt->deadline_us > 0 && time_left_ms(attempt) < TRY_LEAST_MS)
		return FALSE;
	if (attempt->handed) {
		attempt->request->on_restart(attempt->request->data);
		attempt->handed = FALSE;
	}
	return TRUE;
}

/* FALSE with *error set: it does not help. */
static gboolean renew_once(Attempt *attempt, GError **error)
{
	if (attempt->reply.head.status != 401 || attempt->renewed)
		return FALSE;
	attempt->renewed = TRUE;
	attempt->deadline_us = 0; /* a plugin may take as long */
	return kube_renew(attempt->kube, error);
}

/* "try again" is no good advice where it may have been done. */
static void hint_unknown_outcome(const Attempt *attempt, GError **error)
{
	if (attempt->reply.fault == HTTP_FAULT_BROKEN && !is_read(attempt->request))
		error_hint(error, "it may have been carried out all the same: look before you try "
				  "again");
}

static gboolean set_refusal(Attempt *attempt, GError **error)
{
	g_autofree char *body = NULL;

	if (!attempt->reply.body)
		attempt->reply.body = g_byte_array_ref(attempt->refusal);
	/* before it is cut: half a token must not be shown either */
	body = credential_scrub(attempt->kube->credential, (const char *)attempt->reply.body->data,
				attempt->reply.body->len);
	return status_error_set(error, &attempt->request->subject, attempt->reply.head.status, body,
				strlen(body));
}

static gboolean attempt_run(Attempt *attempt, GError **error)
{
	for (;;) {
		g_autoptr(GError) cause = NULL;

		if (send_once(attempt, &cause)) {
			if (is_success(attempt))
				return TRUE;
			if (renew_once(attempt, &cause))
				continue;
			if (!cause && may_repeat_status(attempt) && pause_for_next(attempt))
				continue;
			if (!cause)
				return set_refusal(attempt, error);
		} else if (may_repeat_fault(attempt) && pause_for_next(attempt)) {
			g_debug("once more: %s", cause->message);
			continue;
		} else {
			hint_unknown_outcome(attempt, &cause);
		}
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
}

gboolean kube_send(Kube *kube, const KubeRequest *request, HttpReply *reply, GError **error)
{
	g_auto(Attempt)
		attempt = { .kube = kube, .request = request, .refusal = g_byte_array_new() };
	gboolean ok;

	ok = attempt_run(&attempt, error);
	*reply = attempt.reply;
	attempt.reply = (HttpReply){ 0 };
	if (!ok && error)
		kube_scrub(kube, *error);
	return ok;
}

cJSON *kube_send_json(Kube *kube, const KubeRequest *request, int *ret_status, GError **error)
{
	g_auto(HttpReply) reply = { 0 };
	g_autoptr(GError) cause = NULL;
	g_autofree char *what = NULL;
	cJSON *value;

	if (!kube_send(kube, request, &reply, error))
		return NULL;
	what = g_strdup_printf("the reply of %s to %s %s", kube->base.server, request->method,
			       request->target);
	value = json_parse((const char *)reply.body->data, reply.body->len, what, &cause);
	kube_scrub(kube, cause);
	if (!value) /* it is not the caller's input that is invalid */
		error_set(error, KVMIG_ERROR_FAILED, "%s", cause->message);
	else if (ret_status)
		*ret_status = reply.head.status;
	return value;
}
