/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's results in words that tell an admin what is wrong. */
#include "config.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

#include "cluster/kube/http/private.h"

gboolean failure_set(HttpFailure *failure, HttpFailureKind kind, const char *format, ...)
{
	va_list ap;

	http_failure_clear(failure);
	failure->kind = kind;
	va_start(ap, format);
	failure->text = g_strdup_vprintf(format, ap);
	va_end(ap);
	return FALSE;
}

static int os_errno(const HttpTransfer *transfer)
{
	long errnum = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &errnum);
	return (int)errnum;
}

/* libcurl does not hand OpenSSL's code on, only its text: "error:0A00010B:SSL routines::…". */
static unsigned long openssl_code(const HttpTransfer *transfer)
{
	const char *text = strstr(transfer->error, "error:");
	unsigned long code = 0;

	for (text = text ? text + strlen("error:") : ""; g_ascii_isxdigit(*text); text++)
		code = code << 4 | (unsigned long)g_ascii_xdigit_value(*text);
	return code;
}

static void explain_connect(const HttpTransfer *transfer, HttpFailure *failure)
{
	const HttpEngine *engine = transfer->engine;
	int errnum = os_errno(transfer);
	const char *why = errnum ? g_strerror(errnum) : transfer->error;

	if (engine->proxy_shown)
		failure_set(failure, HTTP_FAILURE_PROXY, "cannot connect to the proxy '%s': %s",
			    engine->proxy_shown, why);
	else if (errnum == ECONNREFUSED)
		failure_set(failure, HTTP_FAILURE_REFUSED, "connection refused");
	else
		failure_set(failure, HTTP_FAILURE_CONNECT, "cannot connect: %s", why);
}

/* The limit for connecting is ours, that for all of it the caller's. */
static void explain_timeout(const HttpTransfer *transfer, HttpFailure *failure)
{
	const char *proxy = transfer->engine->proxy_shown;
	gint64 connect_ms = transfer->engine->connect_timeout_ms;
	gboolean ours = transfer->timeout_ms <= 0 || connect_ms < transfer->timeout_ms;
	curl_off_t sent_us = 0; /* 0: it had no connection yet */

	curl_easy_getinfo(transfer->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
	if (sent_us == 0)
		failure_set(failure, ours ? HTTP_FAILURE_CONNECT_TIMEOUT : HTTP_FAILURE_TIMEOUT,
			    "no connection within %g s%s%s%s",
			    (double)(ours ? connect_ms : transfer->timeout_ms) / 1000,
			    proxy ? " by way of the proxy '" : "", proxy ? proxy : "",
			    proxy ? "'" : "");
	else
		failure_set(failure, HTTP_FAILURE_TIMEOUT, "no %sanswer within %g s",
			    transfer->received ? "complete " : "",
			    (double)transfer->timeout_ms / 1000);
}

/* The proxy answered our CONNECT with something else than 2xx. */
static gboolean explain_proxy_answer(const HttpTransfer *transfer, HttpFailure *failure)
{
	long status = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_HTTP_CONNECTCODE, &status);
	if (!transfer->engine->proxy_shown || status < 300)
		return FALSE;
	failure_set(failure, HTTP_FAILURE_PROXY, "the proxy '%s' answered with status %ld%s",
		    transfer->engine->proxy_shown, status,
		    status == 407 ? ": it wants a user name and a password" : "");
	return TRUE;
}

static void explain_broken(const HttpTransfer *transfer, HttpFailure *failure)
{
	int errnum = os_errno(transfer);
	const char *trouble = transfer->engine->tls.trouble;
	const char *how = errnum == ECONNRESET || errnum == EPIPE ? "reset" : "closed";

	if (explain_proxy_answer(transfer, failure))
		return;
	if (transfer->received)
		failure_set(failure, HTTP_FAILURE_CUT, "the connection was %s within the reply",
			    how);
	else /* in TLS 1.3 a server's word about our certificate may be lost */
		failure_set(failure, HTTP_FAILURE_CLOSED,
			    "the connection was %s without a reply%s%s", how, trouble ? "; " : "",
			    trouble ? trouble : "");
}

static void explain_other(const HttpTransfer *transfer, CURLcode result, HttpFailure *failure)
{
	const char *text = transfer->error[0] ? transfer->error : curl_easy_strerror(result);

	failure_set(failure, HTTP_FAILURE_OTHER, "%s (libcurl %d)", text, (int)result);
}

static void explain_tls(const HttpTransfer *transfer, CURLcode result, HttpFailure *failure)
{
	unsigned long code = openssl_code(transfer);

	if (tls_explain(&transfer->engine->tls, code, failure))
		return;
	if (result == CURLE_SSL_CONNECT_ERROR && !code)
		explain_broken(transfer, failure); /* "unexpected eof" and the like */
	else
		failure_set(failure, HTTP_FAILURE_TLS, "TLS failed: %s",
			    code ? ERR_reason_error_string(code) : transfer->error);
}

void failure_explain(const HttpTransfer *transfer, CURLcode result, HttpFailure *failure)
{
	if (transfer->stopped) {
		failure_set(failure, HTTP_FAILURE_STOPPED, "stopped");
		return;
	}
	switch (result) {
	case CURLE_URL_MALFORMAT:
		failure_set(failure, HTTP_FAILURE_INVALID, "the URL cannot be used: %s",
			    transfer->error);
		return;
	case CURLE_COULDNT_RESOLVE_HOST:
		failure_set(failure, HTTP_FAILURE_RESOLVE, "no address is known for that name");
		return;
	case CURLE_COULDNT_RESOLVE_PROXY:
		failure_set(failure, HTTP_FAILURE_PROXY, "no address is known for the proxy '%s'",
			    transfer->engine->proxy_shown);
		return;
	case CURLE_COULDNT_CONNECT:
		explain_connect(transfer, failure);
		return;
	case CURLE_PROXY:
		failure_set(failure, HTTP_FAILURE_PROXY, "the proxy '%s' does not connect us: %s",
			    transfer->engine->proxy_shown, transfer->error);
		return;
	case CURLE_OPERATION_TIMEDOUT:
		explain_timeout(transfer, failure);
		return;
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9: no status line */
	case CURLE_WEIRD_SERVER_REPLY:
		failure_set(failure, HTTP_FAILURE_NOT_HTTP, "the answer is not HTTP");
		return;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
		explain_tls(transfer, result, failure);
		return;
	case CURLE_OUT_OF_MEMORY: /* so libcurl calls a line over 100 KB before 8.6 */
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE:
#endif
		failure_set(failure, HTTP_FAILURE_TOO_LARGE,
			    "a line in the head of the reply is too long");
		return;
	case CURLE_BAD_CONTENT_ENCODING:
		failure_set(failure, HTTP_FAILURE_NOT_HTTP,
			    "the reply is not compressed as it says");
		return;
	case CURLE_ABORTED_BY_CALLBACK: /* transfer.c: it would have been sent again */
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR: /* TLS 1.3: a certificate is refused after the handshake */
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		if (!tls_explain(&transfer->engine->tls, openssl_code(transfer), failure))
			explain_broken(transfer, failure);
		return;
	default:
		explain_other(transfer, result, failure);
	}
}
