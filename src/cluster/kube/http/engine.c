/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's multi interface behind one epoll descriptor, and the module's door. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cluster/kube/http/private.h"

/* An fd is closed by libcurl only after it was removed here, and a stale entry would report events
 * of a stranger: so ADD where it is known already means MOD, and the other way round. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *user_data, void *socket_data)
{
	HttpEngine *engine = user_data;
	struct epoll_event event = { .data.fd = fd };

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)epoll_ctl(engine->epoll, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	if (!socket_data) { /* libcurl's own pair for its resolver thread too */
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		curl_multi_assign(engine->multi, fd, engine);
	}
	if (what & CURL_POLL_IN)
		event.events |= EPOLLIN;
	if (what & CURL_POLL_OUT)
		event.events |= EPOLLOUT;
	if (epoll_ctl(engine->epoll, EPOLL_CTL_ADD, fd, &event) == 0)
		return 0;
	return errno == EEXIST && epoll_ctl(engine->epoll, EPOLL_CTL_MOD, fd, &event) == 0 ? 0 : -1;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user_data)
{
	HttpEngine *engine = user_data;

	(void)multi;
	engine->deadline_us =
		timeout_ms < 0 ? -1 : g_get_monotonic_time() + timeout_ms * G_TIME_SPAN_MILLISECOND;
	return 0;
}

static void collect_done(HttpEngine *engine)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(engine->multi, &left))) {
		HttpTransfer *transfer = NULL;
		CURLcode result;

		if (message->msg != CURLMSG_DONE)
			continue;
		result = message->data.result; /* `message` dies with its handle */
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		transfer_done(transfer, result);
	}
}

/* libcurl before 7.88 writes to TLS connections so that SIGPIPE comes where the other side has
 * gone, and its own way to ignore it changes the whole process. */
typedef struct {
	sigset_t before;
	gboolean was_pending;
} PipeGuard;

static void pipe_guard_enter(PipeGuard *guard)
{
	sigset_t pipe, pending;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	guard->was_pending = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe, &guard->before);
}

static void pipe_guard_leave(const PipeGuard *guard)
{
	const struct timespec at_once = { 0 };
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	if (!guard->was_pending)
		(void)sigtimedwait(&pipe, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
}

static int curl_events(guint32 events)
{
	return ((events & EPOLLIN) ? CURL_CSELECT_IN : 0) |
	       ((events & EPOLLOUT) ? CURL_CSELECT_OUT : 0) |
	       ((events & (EPOLLERR | EPOLLHUP)) ? CURL_CSELECT_ERR : 0);
}

static void engine_run(HttpEngine *engine)
{
	struct epoll_event events[32];
	PipeGuard guard;
	int running;
	int n;

	pipe_guard_enter(&guard);
	n = epoll_wait(engine->epoll, events, G_N_ELEMENTS(events), 0);
	for (int i = 0; i < n; i++)
		curl_multi_socket_action(engine->multi, events[i].data.fd,
					 curl_events(events[i].events), &running);
	if (engine->deadline_us >= 0 && engine->deadline_us <= g_get_monotonic_time()) {
		engine->deadline_us = -1;
		curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	collect_done(engine);
	pipe_guard_leave(&guard);
}

/* Says goodbye to the server, or to a stream of it. */
static void end_transfer(HttpTransfer *transfer)
{
	PipeGuard guard;

	pipe_guard_enter(&guard);
	transfer_free(transfer);
	pipe_guard_leave(&guard);
}

static int engine_fd(const HttpEngine *engine)
{
	return engine->epoll;
}

static gint64 engine_deadline(const HttpEngine *engine)
{
	return engine->deadline_us;
}

static const char *engine_trouble(const HttpEngine *engine)
{
	return engine->tls.trouble;
}

/* ---- beginning and end ----------------------------------------------------------------------- */

static gboolean library_fits(HttpFailure *failure)
{
	static CURLcode ready = CURLE_FAILED_INIT;
	const curl_version_info_data *info;

	if (ready != CURLE_OK)
		ready = curl_global_init(CURL_GLOBAL_DEFAULT);
	if (ready != CURLE_OK)
		return failure_set(failure, HTTP_FAILURE_UNSUPPORTED, "libcurl does not start: %s",
				   curl_easy_strerror(ready));
	info = curl_version_info(CURLVERSION_NOW);
	/* tls.c works on libcurl's SSL_CTX */
	if (!info->ssl_version || !g_str_has_prefix(info->ssl_version, "OpenSSL/"))
		return failure_set(failure, HTTP_FAILURE_UNSUPPORTED,
				   "libcurl %s uses '%s', kvmig needs one with OpenSSL",
				   info->version, info->ssl_version ? info->ssl_version : "no TLS");
	return TRUE;
}

static char *without_user(const char *url)
{
	g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);

	return uri ? g_strdup_printf(
			     strchr(g_uri_get_host(uri), ':') ? "%s://[%s]:%d" : "%s://%s:%d",
			     g_uri_get_scheme(uri), g_uri_get_host(uri), g_uri_get_port(uri))
		   : g_strdup("?");
}

/* "https://NAME:port/prefix", connected to the host of the base, which stays in the Host header:
 * so libcurl both sends and checks the other name. */
static void take_server_name(HttpEngine *engine, const GUri *uri, const char *name)
{
	const char *host = g_uri_get_host((GUri *)uri);
	int port = g_uri_get_port((GUri *)uri);
	gboolean ipv6 = strchr(host, ':') != NULL;
	const char *open = ipv6 ? "[" : "", *close = ipv6 ? "]" : "";
	g_autofree char *authority =
		port < 0 ? g_strdup_printf("%s%s%s", open, host, close)
			 : g_strdup_printf("%s%s%s:%d", open, host, close, port);

	if (port < 0)
		port = 443;
	engine->connect_to = g_strdup_printf("::%s%s%s:%d", open, host, close, port);
	engine->host_header = g_strdup_printf("Host: %s", authority);
	g_free(engine->url);
	engine->url = g_strdup_printf(strchr(name, ':') ? "https://[%s]:%d%s" : "https://%s:%d%s",
				      name, port, g_uri_get_path((GUri *)uri));
}

static gboolean take_config(HttpEngine *engine, const HttpConfig *config, HttpFailure *failure)
{
	g_autoptr(GUri) uri = g_uri_parse(config->base, G_URI_FLAGS_ENCODED, NULL);

	if (!uri || !g_uri_get_host(uri))
		return failure_set(failure, HTTP_FAILURE_INVALID, "'%s' is not a URL",
				   config->base);
	engine->url = g_strdup(config->base);
	if (config->tls_server_name && g_str_equal(g_uri_get_scheme(uri), "https"))
		take_server_name(engine, uri, config->tls_server_name);
	if (g_str_has_suffix(engine->url, "/"))
		engine->url[strlen(engine->url) - 1] = '\0';
	engine->proxy = g_strdup(config->proxy ? config->proxy : "");
	engine->proxy_shown = config->proxy ? without_user(config->proxy) : NULL;
	engine->user_agent = g_strdup(config->user_agent);
	engine->disable_compression = config->disable_compression;
	engine->connect_timeout_ms = (long)config->connect_timeout_ms;
	return tls_init(&engine->tls, config, failure);
}

static gboolean make_multi(HttpEngine *engine, HttpFailure *failure)
{
	engine->epoll = epoll_create1(EPOLL_CLOEXEC);
	engine->multi = curl_multi_init();
	if (engine->epoll < 0 || !engine->multi)
		return failure_set(failure, HTTP_FAILURE_OTHER, "cannot begin: %s",
				   engine->epoll < 0 ? g_strerror(errno) : "no memory");
	curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine);
	curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine);
	return TRUE;
}

static void engine_free(HttpEngine *engine)
{
	PipeGuard guard;

	pipe_guard_enter(&guard);
	if (engine->multi)
		curl_multi_cleanup(engine->multi);
	pipe_guard_leave(&guard);
	if (engine->epoll >= 0)
		close(engine->epoll);
	tls_clear(&engine->tls);
	g_free(engine->url);
	g_free(engine->connect_to);
	g_free(engine->host_header);
	if (engine->proxy)
		explicit_bzero(engine->proxy, strlen(engine->proxy));
	g_free(engine->proxy);
	g_free(engine->proxy_shown);
	g_free(engine->user_agent);
	g_free(engine);
}

static HttpEngine *engine_new(const HttpConfig *config, HttpFailure *failure)
{
	HttpEngine *engine;

	if (!library_fits(failure))
		return NULL;
	engine = g_new0(HttpEngine, 1);
	engine->epoll = -1;
	engine->deadline_us = -1;
	if (!take_config(engine, config, failure) || !make_multi(engine, failure)) {
		engine_free(engine);
		return NULL;
	}
	return engine;
}

extern const HttpModule kvmig_http_module;
const HttpModule kvmig_http_module = {
	.abi = HTTP_MODULE_ABI,
	.engine_new = engine_new,
	.engine_free = engine_free,
	.certificate_trouble = engine_trouble,
	.fd = engine_fd,
	.deadline = engine_deadline,
	.run = engine_run,
	.start = transfer_start,
	.pause = transfer_pause,
	.transfer_free = end_transfer,
};
