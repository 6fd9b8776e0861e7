/* SPDX-License-Identifier: Apache-2.0 */
/* One request: an easy handle of libcurl's with everything set that must not be left to it. */
#include "config.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>

#include "cluster/kube/http/private.h"

#define SET(transfer, option, value)                                                               \
	do {                                                                                       \
		CURLcode set_result = curl_easy_setopt((transfer)->easy, option, value);           \
		if ((transfer)->setup == CURLE_OK)                                                 \
			(transfer)->setup = set_result;                                            \
	} while (0)

/* ---- what libcurl calls ---------------------------------------------------------------------- */

static size_t on_header(char *line, size_t size, size_t n, void *user_data)
{
	HttpTransfer *transfer = user_data;
	gsize length = size * n;

	transfer->received = TRUE;
	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		length--;
	if (transfer->funcs->header(line, length, transfer->user_data))
		return size * n;
	transfer->stopped = TRUE;
	return 0;
}

static size_t on_data(char *data, size_t size, size_t n, void *user_data)
{
	HttpTransfer *transfer = user_data;

	if (transfer->funcs->data(data, size * n, transfer->user_data))
		return size * n;
	transfer->stopped = TRUE;
	return 0;
}

/* Not to be inherited by what kvmig starts. */
static curl_socket_t on_open_socket(void *user_data, curlsocktype purpose,
				    struct curl_sockaddr *address)
{
	(void)user_data;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* A peer that is gone without a word is noticed after a minute at most, also by a watch that only
 * listens; libcurl's own options do not reach all of these. */
static int on_socket_made(void *user_data, curl_socket_t fd, curlsocktype purpose)
{
	int on = 1, idle_s = 30, interval_s = 10, count = 3;
	unsigned unacknowledged_ms = 60000;

	(void)user_data;
	(void)purpose;
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms,
			 sizeof unacknowledged_ms);
	return CURL_SOCKOPT_OK;
}

/* libcurl sends a request anew, of whatever method, that went out on a kept connection which then
 * ended without a reply. The server may have acted on it, so that only reads may go out twice. */
static int on_ready_to_send(void *user_data, char *remote, char *local, int remote_port,
			    int local_port)
{
	HttpTransfer *transfer = user_data;

	(void)remote;
	(void)local;
	(void)remote_port;
	(void)local_port;
	if (transfer->once && transfer->sent)
		return CURL_PREREQFUNC_ABORT;
	transfer->sent = TRUE;
	return CURL_PREREQFUNC_OK;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static void set_callbacks(HttpTransfer *transfer)
{
	SET(transfer, CURLOPT_PRIVATE, transfer);
	SET(transfer, CURLOPT_ERRORBUFFER, transfer->error);
	SET(transfer, CURLOPT_HEADERFUNCTION, on_header);
	SET(transfer, CURLOPT_HEADERDATA, transfer);
	SET(transfer, CURLOPT_WRITEFUNCTION, on_data);
	SET(transfer, CURLOPT_WRITEDATA, transfer);
	SET(transfer, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	SET(transfer, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
	SET(transfer, CURLOPT_PREREQFUNCTION, on_ready_to_send);
	SET(transfer, CURLOPT_PREREQDATA, transfer);
	SET(transfer, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* else the end of a request waits for getaddrinfo() in libcurl's thread */
	SET(transfer, CURLOPT_QUICK_EXIT, 1L);
#endif
}

/* Nothing but what we ask for: no other protocol, host, file or credential. */
static void set_limits(HttpTransfer *transfer)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(transfer, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	SET(transfer, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
	SET(transfer, CURLOPT_FOLLOWLOCATION, 0L);
	SET(transfer, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(transfer, CURLOPT_HTTP09_ALLOWED, 0L);
	SET(transfer, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	/* One HTTP/2 connection for all. Without TLS there is no HTTP/2, and libcurl 7.88 would let
	 * the second request wait for the end of the first. */
	SET(transfer, CURLOPT_PIPEWAIT,
	    g_str_has_prefix(transfer->engine->url, "https:") ? 1L : 0L);
	SET(transfer, CURLOPT_ACCEPT_ENCODING,
	    transfer->engine->disable_compression ? NULL : "gzip");
	SET(transfer, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	SET(transfer, CURLOPT_BUFFERSIZE, 65536L);
	SET(transfer, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	SET(transfer, CURLOPT_PROXY, transfer->engine->proxy);
	SET(transfer, CURLOPT_NOPROXY, "");
	SET(transfer, CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
	SET(transfer, CURLOPT_CONNECTTIMEOUT_MS, transfer->engine->connect_timeout_ms);
}

/* Whom to trust is tls.c's, not libcurl's files; its own check of the name stays on. */
static void set_tls(HttpTransfer *transfer)
{
	Tls *tls = &transfer->engine->tls;
	long peer = tls->insecure ? 0 : 1, host = tls->insecure ? 0 : 2;

	SET(transfer, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(transfer, CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(transfer, CURLOPT_SSL_VERIFYPEER, peer);
	SET(transfer, CURLOPT_SSL_VERIFYHOST, host);
	SET(transfer, CURLOPT_PROXY_SSL_VERIFYPEER, peer);
	SET(transfer, CURLOPT_PROXY_SSL_VERIFYHOST, host);
	SET(transfer, CURLOPT_CAINFO, NULL);
	SET(transfer, CURLOPT_CAPATH, NULL);
	SET(transfer, CURLOPT_PROXY_CAINFO, NULL);
	SET(transfer, CURLOPT_PROXY_CAPATH, NULL);
	SET(transfer, CURLOPT_SSL_CTX_FUNCTION, tls_apply);
	SET(transfer, CURLOPT_SSL_CTX_DATA, tls);
}

static gboolean add_header(HttpTransfer *transfer, const char *line)
{
	struct curl_slist *longer = curl_slist_append(transfer->headers, line);

	if (!longer)
		return FALSE;
	transfer->headers = longer;
	return TRUE;
}

static gboolean line_is_safe(const char *line)
{
	for (const char *c = line; *c; c++)
		if ((guchar)*c < ' ' && *c != '\t')
			return FALSE;
	return strchr(line, ':') != NULL;
}

static gboolean set_headers(HttpTransfer *transfer, const HttpRequest *request,
			    HttpFailure *failure)
{
	gboolean typed = FALSE, complete = TRUE;

	for (gsize i = 0; request->headers && request->headers[i]; i++) {
		const char *line = request->headers[i];

		if (!line_is_safe(line)) /* the line may be a secret: it is not shown */
			return failure_set(failure, HTTP_FAILURE_INVALID,
					   "header line %" G_GSIZE_FORMAT
					   " has no colon, or a control character",
					   i + 1);
		typed |= g_ascii_strncasecmp(line, "Content-Type:", 13) == 0;
		complete &= add_header(transfer, line);
	}
	if (transfer->engine->host_header)
		complete &= add_header(transfer, transfer->engine->host_header);
	complete &= add_header(transfer, "Expect:"); /* none of libcurl's own ideas */
	if (!typed)
		complete &= add_header(transfer, "Content-Type:");
	if (!complete)
		return failure_set(failure, HTTP_FAILURE_OTHER, "no memory for the headers");
	SET(transfer, CURLOPT_HTTPHEADER, transfer->headers);
	if (transfer->engine->user_agent)
		SET(transfer, CURLOPT_USERAGENT, transfer->engine->user_agent);
	return TRUE;
}

static void set_method(HttpTransfer *transfer, const HttpRequest *request)
{
	gboolean get = g_str_equal(request->method, "GET");

	transfer->once = !get && !g_str_equal(request->method, "HEAD");
	if (g_str_equal(request->method, "HEAD")) {
		SET(transfer, CURLOPT_NOBODY, 1L);
	} else if (request->body || g_str_equal(request->method, "POST") ||
		   g_str_equal(request->method, "PUT") || g_str_equal(request->method, "PATCH")) {
		SET(transfer, CURLOPT_POST, 1L);
		SET(transfer, CURLOPT_POSTFIELDS, request->body ? request->body : "");
		SET(transfer, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)(request->body ? request->body_length : 0));
		SET(transfer, CURLOPT_CUSTOMREQUEST, request->method);
	} else if (!get) {
		SET(transfer, CURLOPT_CUSTOMREQUEST, request->method);
	}
}

static gboolean set_target(HttpTransfer *transfer, const HttpRequest *request, HttpFailure *failure)
{
	HttpEngine *engine = transfer->engine;
	g_autofree char *url = NULL;

	for (const char *c = request->target; *c; c++)
		if ((guchar)*c <= ' ' || *c == '#' || *c == 0x7f)
			return failure_set(failure, HTTP_FAILURE_INVALID,
					   "the path is not encoded at position %td",
					   c - request->target + 1);
	if (request->target[0] != '/')
		return failure_set(failure, HTTP_FAILURE_INVALID,
				   "the path does not begin with '/'");
	url = g_strconcat(engine->url, request->target, NULL);
	SET(transfer, CURLOPT_URL, url);
	SET(transfer, CURLOPT_PATH_AS_IS, 1L);
	if (engine->connect_to) {
		transfer->connect_to = curl_slist_append(NULL, engine->connect_to);
		SET(transfer, CURLOPT_CONNECT_TO, transfer->connect_to);
	}
	if (request->timeout_ms > 0)
		SET(transfer, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
	return TRUE;
}

static gboolean set_up(HttpTransfer *transfer, const HttpRequest *request, HttpFailure *failure)
{
	transfer->easy = curl_easy_init();
	if (!transfer->easy)
		return failure_set(failure, HTTP_FAILURE_OTHER, "no memory for a request");
	set_callbacks(transfer);
	set_limits(transfer);
	set_tls(transfer);
	set_method(transfer, request);
	if (!set_target(transfer, request, failure) || !set_headers(transfer, request, failure))
		return FALSE;
	if (transfer->setup != CURLE_OK)
		return failure_set(failure, HTTP_FAILURE_UNSUPPORTED, "libcurl %s: %s",
				   LIBCURL_VERSION, curl_easy_strerror(transfer->setup));
	return TRUE;
}

/* ---- the module's functions ------------------------------------------------------------------ */

HttpTransfer *transfer_start(HttpEngine *engine, const HttpRequest *request,
			     const HttpTransferFuncs *funcs, gpointer user_data,
			     HttpFailure *failure)
{
	HttpTransfer *transfer = g_new0(HttpTransfer, 1);
	CURLMcode added;

	transfer->engine = engine;
	transfer->funcs = funcs;
	transfer->user_data = user_data;
	transfer->timeout_ms = request->timeout_ms;
	if (!set_up(transfer, request, failure)) {
		transfer_free(transfer);
		return NULL;
	}
	added = curl_multi_add_handle(engine->multi, transfer->easy);
	if (added != CURLM_OK) {
		failure_set(failure, HTTP_FAILURE_OTHER, "%s", curl_multi_strerror(added));
		transfer_free(transfer);
		return NULL;
	}
	transfer->running = TRUE;
	return transfer;
}

void transfer_pause(HttpTransfer *transfer, gboolean paused)
{
	if (transfer->running)
		curl_easy_pause(transfer->easy, paused ? CURLPAUSE_RECV : CURLPAUSE_CONT);
}

void transfer_done(HttpTransfer *transfer, CURLcode result)
{
	HttpFailure failure = { 0 };

	if (result != CURLE_OK)
		failure_explain(transfer, result, &failure);
	curl_multi_remove_handle(transfer->engine->multi, transfer->easy);
	transfer->running = FALSE;
	transfer->funcs->done(result == CURLE_OK ? NULL : &failure, transfer->user_data);
	http_failure_clear(&failure);
}

/* What is in libcurl's own buffers cannot be reached; the copies made here can. */
static void clear_headers(struct curl_slist *headers)
{
	for (struct curl_slist *each = headers; each; each = each->next)
		OPENSSL_cleanse(each->data, strlen(each->data));
	curl_slist_free_all(headers);
}

void transfer_free(HttpTransfer *transfer)
{
	if (transfer->running)
		curl_multi_remove_handle(transfer->engine->multi, transfer->easy);
	curl_easy_cleanup(transfer->easy);
	clear_headers(transfer->headers);
	curl_slist_free_all(transfer->connect_to);
	g_free(transfer);
}
