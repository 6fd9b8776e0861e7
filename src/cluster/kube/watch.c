/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request after the other, each from the version that was seen last, so that nothing is lost
 * and nothing comes twice. The server ends a request after some minutes; a connection that is
 * silent for longer than the bookmarks, which come each minute, is dead.
 *
 * Only what will not pass by itself ends a watch: the version is too old (410), or we may not
 * watch (401, 403), or there is no such kind (404). A server that has just come back says the
 * latter too, until it has read its roles and kinds: after an outage they count only when they
 * last.
 */
#include "cluster/kube/watch.h"

#include <string.h>

#include "base/error.h"
#include "cluster/kube/list.h"
#include "cluster/kube/path.h"
#include "cluster/kube/split.h"

#define TIMEOUT_LEAST_S 300
#define TIMEOUT_MOST_S 600
#define SILENCE_MS 90000
#define PAUSE_FIRST_MS 800
#define PAUSE_LIMIT_MS 30000
#define GRACE_US (G_GINT64_CONSTANT(60) * G_USEC_PER_SEC)
#define SHORT_US (G_GINT64_CONSTANT(2) * G_USEC_PER_SEC)
#define REFUSAL_MAX_BYTES 65536u
#define TOO_LARGE_MAX 5
#define ACCEPT_METADATA "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"

typedef struct {
	ClusterWatch base;
	const Kind *kind;
	char *ns, *name;
	const Selector *selector;
	gboolean metadata_only;
	ClusterWatchFunc func;
	gpointer data;

	char *version; /* seen last */
	HttpStream *stream;
	Split split;
	GByteArray *refusal; /* body of what is not 200 */
	guint retry_id;
	unsigned failures;  /* one after the other */
	unsigned too_large; /* answers "too large resource version", likewise */
	gint64 began_us;    /* the request under way */
	gint64 refused_us;  /* first refusal after an outage, 0: none */
	gboolean received;  /* a frame came within this request */
	gboolean worked;    /* this watch was accepted before */
	gboolean renewed;   /* the credential, since it was accepted last */
	gboolean told;      /* that the connection is lost */
	gboolean ended;     /* by an ERROR; it stays until it is stopped */
	gboolean stopped;   /* freed as soon as nothing of it is on the stack */
	unsigned depth;     /* callbacks of ours on the stack */
} KubeWatch;

static void begin(KubeWatch *watch);

static void watch_free(KubeWatch *watch)
{
	split_clear(&watch->split);
	g_byte_array_unref(watch->refusal);
	g_free(watch->version);
	g_free(watch->ns);
	g_free(watch->name);
	g_free(watch);
}

static void end_request(KubeWatch *watch)
{
	http_stream_stop(g_steal_pointer(&watch->stream));
	g_clear_handle_id(&watch->retry_id, g_source_remove);
}

void kube_watch_stop(ClusterWatch *base)
{
	KubeWatch *watch = (KubeWatch *)base;

	end_request(watch);
	watch->stopped = TRUE;
	if (watch->depth == 0)
		watch_free(watch);
}

static void enter(KubeWatch *watch)
{
	watch->depth++;
}

/* FALSE: the watch is gone. */
static gboolean leave(KubeWatch *watch)
{
	if (--watch->depth > 0 || !watch->stopped)
		return TRUE;
	watch_free(watch);
	return FALSE;
}

static Kube *kube_of_watch(const KubeWatch *watch)
{
	return kube_of(watch->base.cluster);
}

static StatusSubject subject_of(const KubeWatch *watch)
{
	return kube_subject(kube_of_watch(watch), "watch", watch->kind, watch->ns, NULL);
}

static gboolean is_over(const KubeWatch *watch)
{
	return watch->ended || watch->stopped;
}

static void fail(KubeWatch *watch, const GError *error)
{
	end_request(watch);
	watch->ended = TRUE;
	watch->func(CLUSTER_EVENT_ERROR, NULL, error, watch->data);
}

/* ---- again ---------------------------------------------------------------------------------- */

static gboolean on_retry(gpointer data)
{
	KubeWatch *watch = data;

	watch->retry_id = 0;
	enter(watch);
	begin(watch);
	leave(watch);
	return G_SOURCE_REMOVE;
}

static void again_after(KubeWatch *watch, gint64 pause_ms)
{
	http_stream_stop(g_steal_pointer(&watch->stream));
	if (!is_over(watch) && watch->retry_id == 0)
		watch->retry_id = g_timeout_add((guint)pause_ms, on_retry, watch);
}

/* Tells of an outage once. */
static void again_after_failure(KubeWatch *watch, const char *why, gint64 at_least_s)
{
	gint64 pause_ms = kube_backoff_ms(++watch->failures, PAUSE_FIRST_MS, PAUSE_LIMIT_MS);

	/* one quick failure is nothing: a server behind a balancer goes, another one is there */
	if (watch->failures == 2 && !watch->told) {
		g_warning("the watch of %s in '%s' is interrupted, and tried again: %s",
			  watch->kind->plural, watch->base.cluster->context, why);
		watch->told = TRUE;
	}
	g_debug("watch of %s: %s; again in %" G_GINT64_FORMAT " ms", watch->kind->plural, why,
		pause_ms);
	if (at_least_s > 0)
		pause_ms = MAX(pause_ms, MIN(at_least_s * 1000, PAUSE_LIMIT_MS));
	again_after(watch, pause_ms);
}

/* ---- frames --------------------------------------------------------------------------------- */

static void take_version(KubeWatch *watch, const cJSON *object)
{
	const char *version = object_resource_version(object);

	if (!version)
		return;
	g_free(watch->version);
	watch->version = g_strdup(version);
}

static void note_received(KubeWatch *watch)
{
	watch->received = watch->worked = TRUE;
	watch->renewed = FALSE;
	watch->failures = watch->too_large = 0;
	watch->refused_us = 0;
	if (watch->told)
		g_message("the watch of %s in '%s' goes on", watch->kind->plural,
			  watch->base.cluster->context);
	watch->told = FALSE;
}

/* An ERROR frame: what is not EXPIRED may pass. */
static gboolean take_error(KubeWatch *watch, const cJSON *status)
{
	const StatusSubject subject = subject_of(watch);
	g_autoptr(GError) error = NULL;

	status_error_set_object(&error, &subject, 500, status);
	kube_scrub(kube_of_watch(watch), error);
	if (error_code(error) == KVMIG_ERROR_EXPIRED)
		fail(watch, error);
	else
		again_after_failure(watch, error->message, 0);
	return FALSE;
}

static gboolean take_event(KubeWatch *watch, const char *type, cJSON *object)
{
	static const struct {
		const char *word;
		ClusterEventType type;
	} types[] = { { "ADDED", CLUSTER_EVENT_ADDED },
		      { "MODIFIED", CLUSTER_EVENT_MODIFIED },
		      { "DELETED", CLUSTER_EVENT_DELETED } };

	if (g_str_equal(type, "ERROR"))
		return take_error(watch, object);
	note_received(watch);
	take_version(watch, object);
	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		if (!g_str_equal(type, types[i].word))
			continue;
		kube_name_kind(object, watch->kind);
		watch->func(types[i].type, object, NULL, watch->data);
	}
	return !is_over(watch);
}

static gboolean on_frame(const char *key G_GNUC_UNUSED, const char *text, gsize length,
			 gpointer data, GError **error)
{
	KubeWatch *watch = data;
	g_autoptr(cJSON) frame = json_parse(text, length, "a frame of the watch", error);
	cJSON *object = json_get(frame, "object");

	if (!frame)
		return FALSE;
	if (!cJSON_IsObject(object) || !json_string(frame, "type", NULL))
		return error_set(error, KVMIG_ERROR_INVALID,
				 "a frame of the watch has no type or no object");
	return take_event(watch, json_string(frame, "type", ""), object);
}

static gboolean on_data(const HttpHead *head, const char *text, gsize length, gpointer data)
{
	KubeWatch *watch = data;
	g_autoptr(GError) error = NULL;
	gboolean ok;

	if (head->status != 200) {
		if (watch->refusal->len + length <= REFUSAL_MAX_BYTES)
			g_byte_array_append(watch->refusal, (const guint8 *)text, (guint)length);
		return TRUE;
	}
	enter(watch);
	ok = split_feed(&watch->split, text, length, &error);
	if (error && !is_over(watch))
		again_after_failure(watch, error->message, 0);
	return leave(watch) && ok && !is_over(watch);
}

/* ---- the end of a request ------------------------------------------------------------------- */

/* After an outage what looks final may pass. */
static gboolean may_pass(KubeWatch *watch)
{
	gint64 now_us = g_get_monotonic_time();

	if (!watch->worked || watch->failures == 0)
		return FALSE;
	if (watch->refused_us == 0)
		watch->refused_us = now_us;
	return now_us - watch->refused_us < GRACE_US;
}

static void take_refusal(KubeWatch *watch, const HttpHead *head)
{
	const StatusSubject subject = subject_of(watch);
	g_autofree char *body =
		credential_scrub(kube_of_watch(watch)->credential,
				 (const char *)watch->refusal->data, watch->refusal->len);
	g_autoptr(GError) error = NULL;
	gboolean final = head->status >= 300 && head->status < 500 && head->status != 408 &&
			 head->status != 429;

	status_error_set(&error, &subject, head->status, body, strlen(body));
	/* a version that the server never gave: it was set back to an older state */
	if (strstr(error->message, "Too large resource version") &&
	    ++watch->too_large >= TOO_LARGE_MAX) {
		g_clear_error(&error);
		error_set(&error, KVMIG_ERROR_EXPIRED,
			  "the server of '%s' does not know version %s of %s any more",
			  subject.context, watch->version, watch->kind->plural);
		final = TRUE;
	}
	if (final && (head->status == 410 || !may_pass(watch)))
		fail(watch, error);
	else
		again_after_failure(watch, error->message, head->retry_after_s);
}

/* TRUE: done with it. */
static gboolean take_unauthorized(KubeWatch *watch)
{
	g_autoptr(GError) error = NULL;

	if (watch->renewed)
		return FALSE;
	watch->renewed = TRUE;
	if (kube_renew(kube_of_watch(watch), &error)) {
		again_after(watch, 0);
		return TRUE;
	}
	if (error)
		fail(watch, error);
	return error != NULL;
}

static void take_end(KubeWatch *watch, const HttpHead *head, const GError *error)
{
	if (head->status == 401 && take_unauthorized(watch))
		return;
	if (head->status != 0 && head->status != 200)
		take_refusal(watch, head);
	else if (error)
		again_after_failure(watch, error->message, 0);
	else if (!watch->received && g_get_monotonic_time() - watch->began_us < SHORT_US)
		again_after_failure(watch, "the server ended it at once", 0);
	else
		again_after(watch, 0);
}

static void on_end(const HttpHead *head, const GError *error, gpointer data)
{
	KubeWatch *watch = data;
	gint64 took_ms = (g_get_monotonic_time() - watch->began_us) / 1000;

	kube_warn(kube_of_watch(watch), head);
	watch->worked = watch->worked || head->status == 200;
	if (head->status == 200 && took_ms > PAUSE_LIMIT_MS)
		watch->failures = 0;
	enter(watch);
	if (!is_over(watch))
		take_end(watch, head, error);
	leave(watch);
}

/* ---- the beginning of one ------------------------------------------------------------------- */

static char *watch_target(const KubeWatch *watch, GError **error)
{
	const ClusterListOptions options = { .selector = watch->selector, .name = watch->name };
	g_auto(Query) query = { 0 };
	g_autofree char *path = path_of(watch->kind, watch->ns, NULL, NULL, error);

	if (!path)
		return NULL;
	query_add(&query, "watch", "1");
	query_add(&query, "allowWatchBookmarks", "true");
	query_add(&query, "resourceVersion", watch->version);
	/* not all clients at the same time */
	query_add_int(&query, "timeoutSeconds",
		      g_random_int_range(TIMEOUT_LEAST_S, TIMEOUT_MOST_S));
	query_add_options(&query, &options);
	return query_take(&query, path);
}

static gboolean start_stream(KubeWatch *watch, GError **error)
{
	Kube *kube = kube_of_watch(watch);
	HttpClient *http = kube_client(kube, error);
	g_autoptr(GPtrArray) headers = NULL;
	g_autofree char *target = watch_target(watch, error);
	HttpRequest request = { .method = "GET",
				.target = target,
				.silence_ms = SILENCE_MS,
				.on_data = on_data,
				.user_data = watch };

	if (!http || !target)
		return FALSE;
	headers = kube_headers(kube, watch->metadata_only ? ACCEPT_METADATA : NULL, NULL, NULL,
			       error);
	if (!headers)
		return FALSE;
	request.headers = (const char *const *)headers->pdata;
	split_clear(&watch->split);
	split_init(&watch->split, NULL, "the watch", on_frame, watch);
	g_byte_array_set_size(watch->refusal, 0);
	watch->received = FALSE;
	watch->began_us = g_get_monotonic_time();
	g_debug("watch of %s from %s", watch->kind->plural, watch->version);
	watch->stream = http_stream_start(http, &request, on_end, error);
	return watch->stream != NULL;
}

/* Once more: what keeps a request from being made at all is final, as a plugin that fails; but
 * after an outage the plugin's own server may not be back yet either. */
static void begin(KubeWatch *watch)
{
	g_autoptr(GError) error = NULL;

	if (start_stream(watch, &error))
		return;
	if (error_code(error) == KVMIG_ERROR_UNREACHABLE ||
	    error_code(error) == KVMIG_ERROR_TIMEOUT || may_pass(watch))
		again_after_failure(watch, error->message, 0);
	else
		fail(watch, error);
}

ClusterWatch *kube_watch(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
			 const char *version, ClusterWatchFunc func, gpointer data, GError **error)
{
	g_autofree char *now = NULL;
	KubeWatch *watch;

	if (!version) {
		now = kube_list_version(kube_of(cluster), kind, options, error);
		if (!now)
			return NULL;
	}
	watch = g_new0(KubeWatch, 1);
	watch->base.cluster = cluster;
	watch->kind = kind;
	watch->ns = options && kind->namespaced ? g_strdup(options->ns) : NULL;
	watch->name = options ? g_strdup(options->name) : NULL;
	watch->selector = options ? options->selector : NULL;
	watch->metadata_only = options && options->metadata_only;
	watch->func = func;
	watch->data = data;
	watch->version = version ? g_strdup(version) : g_steal_pointer(&now);
	watch->refusal = g_byte_array_new();
	if (start_stream(watch, error))
		return &watch->base;
	watch_free(watch);
	return NULL;
}
