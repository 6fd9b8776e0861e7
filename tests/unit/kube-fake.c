/* SPDX-License-Identifier: Apache-2.0 */
#include "kube-fake.h"

#include <string.h>

struct HttpClient {
	int unused;
};
struct Credential {
	int unused;
};
struct HttpStream {
	HttpDataFunc on_data;
	HttpEndFunc on_end;
	gpointer user_data;
	char *target;
};

guint fake_renewals, fake_streams;
gboolean fake_renew_ok, fake_no_credential;

static const FakeReply *script;
static guint script_count, script_at;
static gsize script_piece;
static char *last_body;
static GStrv last_headers;
static HttpStream *stream;

/* ---- credentials ---------------------------------------------------------------------------- */

Credential *credential_new(const KubeTarget *target G_GNUC_UNUSED,
			   const ClusterOptions *options G_GNUC_UNUSED,
			   GError **error G_GNUC_UNUSED)
{
	return g_new0(Credential, 1);
}

void credential_free(Credential *credential)
{
	g_free(credential);
}

gboolean credential_certificate(Credential *credential G_GNUC_UNUSED,
				HttpPem *ret_certificate G_GNUC_UNUSED,
				HttpPem *ret_key G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
	return TRUE;
}

gboolean credential_add_headers(Credential *credential G_GNUC_UNUSED, GPtrArray *headers,
				GError **error)
{
	if (fake_no_credential)
		return error_set(error, KVMIG_ERROR_FAILED, "no credential");
	g_ptr_array_add(headers, g_strdup("Authorization: Bearer fake"));
	return TRUE;
}

void credential_line_free(gpointer line)
{
	g_free(line);
}

gboolean credential_refresh(Credential *credential G_GNUC_UNUSED, gboolean *ret_certificate_changed,
			    GError **error G_GNUC_UNUSED)
{
	fake_renewals++;
	*ret_certificate_changed = FALSE;
	return fake_renew_ok;
}

char *credential_scrub(const Credential *credential G_GNUC_UNUSED, const char *text, gssize length)
{
	g_autoptr(GString) copy = g_string_new_len(text, length);

	return g_strdup(copy->str);
}

/* ---- requests ------------------------------------------------------------------------------- */

HttpClient *http_client_new(const HttpConfig *config G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
	return g_new0(HttpClient, 1);
}

void http_client_free(HttpClient *client)
{
	g_free(client);
	g_clear_pointer(&last_body, g_free);
	g_clear_pointer(&last_headers, g_strfreev);
}

gboolean http_client_set_certificate(HttpClient *client G_GNUC_UNUSED,
				     const HttpPem *certificate G_GNUC_UNUSED,
				     const HttpPem *key G_GNUC_UNUSED, GError **error G_GNUC_UNUSED)
{
	return TRUE;
}

void http_reply_clear(HttpReply *reply)
{
	g_free(reply->head.content_type);
	g_free(reply->head.etag);
	g_clear_pointer(&reply->head.warnings, g_ptr_array_unref);
	g_clear_pointer(&reply->body, g_byte_array_unref);
	memset(reply, 0, sizeof(*reply));
}

void fake_script(const FakeReply *replies, guint count, gsize piece)
{
	script = replies;
	script_count = count;
	script_at = 0;
	script_piece = piece;
	fake_renewals = 0;
}

void fake_done(void)
{
	g_assert_cmpuint(script_at, ==, script_count);
}

const char *fake_last_body(void)
{
	return last_body;
}

const char *fake_last_header(const char *name)
{
	gsize length = strlen(name);

	for (char **line = last_headers; line && *line; line++) {
		if (g_str_has_prefix(*line, name) && (*line)[length] == ':')
			return *line + length + 2;
	}
	return NULL;
}

/* The pieces of a body; FALSE: the receiver wants no more. */
static gboolean deal(const HttpRequest *request, const HttpReply *reply, const char *body,
		     gsize length)
{
	for (gsize at = 0; at < length; at += script_piece) {
		if (!request->on_data(&reply->head, body + at, MIN(script_piece, length - at),
				      request->user_data))
			return FALSE;
	}
	return TRUE;
}

static void begin_reply(const FakeReply *fake, HttpReply *reply)
{
	*reply = (HttpReply){ 0 };
	reply->head.status = fake->status;
	reply->head.retry_after_s = fake->retry_after_s ? fake->retry_after_s : -1;
	reply->head.etag = g_strdup(fake->etag);
	reply->head.warnings = g_ptr_array_new_with_free_func(g_free);
	if (fake->warning)
		g_ptr_array_add(reply->head.warnings, g_strdup(fake->warning));
	reply->fault = fake->fault;
}

static const FakeReply *next_reply(const HttpRequest *request)
{
	const FakeReply *fake = &script[script_at];
	g_autofree char *asked = g_strdup_printf("%s %s", request->method, request->target);

	g_assert_cmpuint(script_at, <, script_count);
	script_at++;
	if (fake->target)
		g_assert_cmpstr(asked, ==, fake->target);
	g_free(last_body);
	last_body = g_strndup(request->body, request->body_length);
	g_strfreev(last_headers);
	last_headers = g_strdupv((char **)request->headers);
	return fake;
}

gboolean http_send(HttpClient *client G_GNUC_UNUSED, const HttpRequest *request, HttpReply *reply,
		   GError **error)
{
	const FakeReply *fake = next_reply(request);
	const char *body = fake->body ? fake->body : "";
	gsize length = fake->cut ? fake->cut : strlen(body);

	begin_reply(fake, reply);
	if (request->on_data && fake->status && !deal(request, reply, body, length))
		return error_set(error, KVMIG_ERROR_CANCELLED, "cancelled");
	if (fake->status == 0 || fake->cut)
		return error_set(error, KVMIG_ERROR_UNREACHABLE, "the connection is gone");
	if (!request->on_data) {
		reply->body = g_byte_array_new();
		g_byte_array_append(reply->body, (const guint8 *)body, (guint)length + 1);
		g_byte_array_set_size(reply->body, (guint)length);
	}
	return TRUE;
}

/* ---- streams -------------------------------------------------------------------------------- */

HttpStream *http_stream_start(HttpClient *client G_GNUC_UNUSED, const HttpRequest *request,
			      HttpEndFunc on_end, GError **error G_GNUC_UNUSED)
{
	HttpStream *self = g_new0(HttpStream, 1);

	g_assert_null(stream);
	self->on_data = request->on_data;
	self->on_end = on_end;
	self->user_data = request->user_data;
	self->target = g_strdup(request->target);
	stream = self;
	fake_streams++;
	return self;
}

void http_stream_stop(HttpStream *self)
{
	if (!self)
		return;
	if (stream == self)
		stream = NULL;
	g_free(self->target);
	g_free(self);
}

const char *fake_stream_target(void)
{
	return stream ? stream->target : NULL;
}

gboolean fake_stream_push(int status, const char *data)
{
	const HttpHead head = { .status = status, .retry_after_s = -1 };

	g_assert_nonnull(stream);
	return stream->on_data(&head, data, strlen(data), stream->user_data);
}

void fake_stream_end(int status, KvmigError code)
{
	const HttpHead head = { .status = status, .retry_after_s = -1 };
	g_autoptr(GError) error = NULL;

	g_assert_nonnull(stream);
	if (code != KVMIG_ERROR_LAST)
		error_set(&error, code, "the connection is gone");
	stream->on_end(&head, error, stream->user_data);
}

Cluster *fake_open(gint64 request_timeout_ms, ClusterWarnFunc warn, gpointer warn_data)
{
	const ClusterOptions options = { .request_timeout_ms = request_timeout_ms,
					 .warn = warn,
					 .warn_data = warn_data };
	KubeTarget *target = g_new0(KubeTarget, 1);

	target->context = g_strdup("prod");
	target->server = g_strdup("https://api:6443");
	target->user_name = g_strdup("jane");
	return kube_open(target, &options, NULL);
}
