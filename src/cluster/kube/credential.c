/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/credential.h"

#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/error.h"
#include "cluster/kube/exec.h"
#include "cluster/kube/kubeconfig-private.h"

/* The kubelet renews a pod's token long before it ends; client-go looks this often. */
#define TOKEN_FILE_AGE_US (G_GINT64_CONSTANT(50) * G_USEC_PER_SEC)
/* A credential that is about to expire would do so on its way. */
#define EXPIRY_SLACK_US (G_GINT64_CONSTANT(10) * G_USEC_PER_SEC)

struct Credential {
	const KubeTarget *target;
	gboolean interactive;
	gint64 plugin_timeout_ms;

	/* of the plugin */
	ExecResult result;
	gboolean has_result;
	gint64 result_us; /* when it was got, unix time */

	/* of the token file */
	char *file_token;    /* NULL: not read yet */
	gint64 file_read_us; /* monotonic */
	struct timespec file_changed;
	gint64 file_size;
	gboolean file_warned;
};

/* What is put into a header line must not be able to end it. */
static gboolean check_line(const char *what, const char *value, GError **error)
{
	for (const char *c = value; c && *c; c++)
		if (g_ascii_iscntrl(*c))
			return error_set(error, KVMIG_ERROR_INVALID,
					 "%s holds a line break or another control character",
					 what);
	return TRUE;
}

static gboolean check_token(const KubeTarget *target, GError **error)
{
	g_autofree char *user = error_excerpt(target->user_name);
	g_autofree char *what = g_strdup_printf("the token of user '%s'", user);

	if (check_line(what, target->token, error))
		return TRUE;
	error_hint(error, "in a kubeconfig, write it on one line, without '|' before it");
	return FALSE;
}

static gboolean check_extra(const cJSON *extra, GError **error)
{
	const cJSON *list, *value;

	cJSON_ArrayForEach(list, extra) cJSON_ArrayForEach(
		value, list) if (!check_line("a value in 'as-user-extra'",
					     cJSON_GetStringValue(value), error)) return FALSE;
	return TRUE;
}

static gboolean check_target(const KubeTarget *target, GError **error)
{
	for (char **group = target->as_groups; group && *group; group++)
		if (!check_line("the group to impersonate", *group, error))
			return FALSE;
	return check_token(target, error) &&
	       check_line("the user to impersonate", target->as, error) &&
	       check_line("the UID to impersonate", target->as_uid, error) &&
	       check_extra(target->as_extra, error);
}

Credential *credential_new(const KubeTarget *target, const ClusterOptions *options, GError **error)
{
	Credential *credential;

	if (target->exec && options->no_plugins) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED,
			  "user '%s' needs a credential plugin, which is not run here",
			  target->user_name ? target->user_name : "");
		return NULL;
	}
	if (!check_target(target, error))
		return NULL;
	kube_protect_process();
	credential = g_new0(Credential, 1);
	credential->target = target;
	credential->interactive = options->interactive;
	credential->plugin_timeout_ms = EXEC_TIMEOUT_MS;
	if (options->request_timeout_ms > 0)
		credential->plugin_timeout_ms = MIN(EXEC_TIMEOUT_MS, options->request_timeout_ms);
	return credential;
}

void credential_free(Credential *credential)
{
	if (!credential)
		return;
	exec_result_clear(&credential->result);
	kube_secret_free(credential->file_token);
	g_free(credential);
}

/* ---- the plugin ----------------------------------------------------------------------------- */

static gboolean is_expired(const Credential *credential, gint64 now_us)
{
	const gint64 expires_us = credential->result.expires_us;
	/* one that never lives for long must not be asked for at each request */
	const gint64 slack_us = MIN(EXPIRY_SLACK_US, (expires_us - credential->result_us) / 4);

	return expires_us && now_us >= expires_us - slack_us;
}

static gboolean run_plugin(Credential *credential, GError **error)
{
	g_auto(ExecResult) result = { 0 };
	g_autofree char *user = error_excerpt(credential->target->user_name);

	if (!exec_run(credential->target, credential->interactive, credential->plugin_timeout_ms,
		      &result, error)) {
		error_prefix(error, "no credential for user '%s'", user);
		if (error && !error_get_hint(*error))
			error_hint(error, "log in again with the plugin's own tool; run it by hand "
					  "to see what it says");
		return FALSE;
	}
	if (!check_line("the token that the credential plugin printed", result.token, error))
		return FALSE;
	exec_result_clear(&credential->result);
	credential->result = result;
	result = (ExecResult){ 0 };
	credential->has_result = TRUE;
	credential->result_us = clock_unix_us(clock_real());
	return TRUE;
}

static gboolean ensure_plugin(Credential *credential, GError **error)
{
	if (!credential->target->exec)
		return TRUE;
	if (credential->has_result && !is_expired(credential, clock_unix_us(clock_real())))
		return TRUE;
	return run_plugin(credential, error);
}

/* ---- the token file ------------------------------------------------------------------------- */

static gboolean file_has_changed(const Credential *credential)
{
	struct stat st;

	if (stat(credential->target->token_file, &st) < 0)
		return FALSE; /* the last token stays in use */
	return st.st_size != credential->file_size ||
	       st.st_mtim.tv_sec != credential->file_changed.tv_sec ||
	       st.st_mtim.tv_nsec != credential->file_changed.tv_nsec;
}

static gboolean read_token(const char *path, char **ret_token, GError **error)
{
	char *text = NULL;
	gsize length;

	if (kube_read_file(path, "token file", &text, &length, error)) {
		g_strstrip(text);
		if (!*text)
			error_set(error, KVMIG_ERROR_INVALID, "token file '%s' is empty", path);
		else if (check_line("the token in the token file", text, error)) {
			*ret_token = text;
			return TRUE;
		}
	}
	error_hint(error, "write the token into that file, as one line, or name another with "
			  "--token-file");
	kube_secret_free(text);
	return FALSE;
}

/* Reads the file where it may hold another token than the one that is known. */
static gboolean look_at_file(Credential *credential, GError **error)
{
	const char *path = credential->target->token_file;
	gint64 now = g_get_monotonic_time();
	struct stat st = { 0 };
	char *token = NULL;

	if (credential->file_token && now - credential->file_read_us < TOKEN_FILE_AGE_US &&
	    !file_has_changed(credential))
		return TRUE;
	(void)stat(path, &st); /* before it is read: a change in between is seen next time */
	if (!read_token(path, &token, error))
		return FALSE;
	kube_secret_free(credential->file_token);
	credential->file_token = token;
	credential->file_read_us = now;
	credential->file_changed = st.st_mtim;
	credential->file_size = st.st_size;
	credential->file_warned = FALSE;
	return TRUE;
}

/* The token to send; NULL without *error: none. A file that cannot be read any more leaves what was
 * last read in use, or the kubeconfig's own token. */
static const char *file_or_token(Credential *credential, GError **error)
{
	g_autoptr(GError) cause = NULL;
	const KubeTarget *target = credential->target;

	if (!target->token_file)
		return target->token;
	if (look_at_file(credential, &cause))
		return credential->file_token;
	if (!credential->file_token && !target->token) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return NULL;
	}
	if (!credential->file_warned)
		g_warning("%s: the last token stays in use", cause->message);
	credential->file_warned = TRUE;
	return credential->file_token ? credential->file_token : target->token;
}

/* ---- what a request needs ------------------------------------------------------------------- */

static HttpPem pem(const char *text, const char *where)
{
	return (HttpPem){ text, text ? strlen(text) : 0, where };
}

gboolean credential_certificate(Credential *credential, HttpPem *ret_certificate, HttpPem *ret_key,
				GError **error)
{
	const KubeTarget *target = credential->target;

	if (!ensure_plugin(credential, error))
		return FALSE;
	if (target->exec) {
		*ret_certificate = pem(credential->result.certificate_pem,
				       "the certificate that the credential plugin printed");
		*ret_key = pem(credential->result.key_pem,
			       "the key that the credential plugin printed");
	} else {
		*ret_certificate = pem(target->certificate_pem, "the user's client-certificate");
		*ret_key = pem(target->key_pem, "the user's client-key");
	}
	return TRUE;
}

void credential_line_free(gpointer line)
{
	kube_secret_free(line);
}

static char *encode_basic(const KubeTarget *target)
{
	char *pair =
		g_strconcat(target->username, ":", target->password ? target->password : "", NULL);
	char *encoded = g_base64_encode((const guchar *)pair, strlen(pair));

	kube_secret_free(pair);
	return encoded;
}

static void add_basic(const KubeTarget *target, GPtrArray *headers)
{
	char *encoded = encode_basic(target);

	g_ptr_array_add(headers, g_strconcat("Authorization: Basic ", encoded, NULL));
	kube_secret_free(encoded);
}

/* A key of as-user-extra as the end of a header's name: bytes that none may have as %XX. */
static char *escape_key(const char *key)
{
	GString *out = g_string_new(NULL);

	for (; *key; key++) {
		if (g_ascii_isalnum(*key) || strchr("!#$&'*+-.^_`|~", *key))
			g_string_append_c(out, *key);
		else
			g_string_append_printf(out, "%%%02X", (unsigned)(guchar)*key);
	}
	return g_string_free(out, FALSE);
}

static void add_impersonation(const KubeTarget *target, GPtrArray *headers)
{
	const cJSON *list, *value;

	if (!target->as)
		return;
	g_ptr_array_add(headers, g_strconcat("Impersonate-User: ", target->as, NULL));
	if (target->as_uid)
		g_ptr_array_add(headers, g_strconcat("Impersonate-Uid: ", target->as_uid, NULL));
	for (char **group = target->as_groups; group && *group; group++)
		g_ptr_array_add(headers, g_strconcat("Impersonate-Group: ", *group, NULL));
	cJSON_ArrayForEach(list, target->as_extra)
	{
		g_autofree char *key = escape_key(list->string);

		cJSON_ArrayForEach(value, list)
		{
			const char *text = cJSON_GetStringValue(value);

			g_ptr_array_add(headers, g_strconcat("Impersonate-Extra-", key, ": ",
							     text ? text : "", NULL));
		}
	}
}

gboolean credential_add_headers(Credential *credential, GPtrArray *headers, GError **error)
{
	g_autoptr(GError) cause = NULL;
	const KubeTarget *target = credential->target;
	const char *token;

	if (!ensure_plugin(credential, error))
		return FALSE;
	token = target->exec ? credential->result.token : file_or_token(credential, &cause);
	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (token)
		g_ptr_array_add(headers, g_strconcat("Authorization: Bearer ", token, NULL));
	else if (target->username)
		add_basic(target, headers);
	add_impersonation(target, headers);
	return TRUE;
}

/* ---- after a 401 ---------------------------------------------------------------------------- */

static gboolean refresh_file(Credential *credential)
{
	g_autoptr(GError) cause = NULL;
	char *old = g_strdup(credential->file_token);
	gboolean changed;

	credential->file_read_us = -TOKEN_FILE_AGE_US; /* look, whatever its times say */
	if (!look_at_file(credential, &cause))
		g_info("%s", cause->message);
	changed = g_strcmp0(old, credential->file_token) != 0;
	kube_secret_free(old);
	return changed;
}

static gboolean refresh_plugin(Credential *credential, gboolean *ret_certificate_changed,
			       GError **error)
{
	g_auto(ExecResult) old = credential->result;
	gboolean certificate;

	credential->result = (ExecResult){ 0 };
	credential->has_result = FALSE;
	if (!run_plugin(credential, error))
		return FALSE;
	certificate = g_strcmp0(old.certificate_pem, credential->result.certificate_pem) != 0 ||
		      g_strcmp0(old.key_pem, credential->result.key_pem) != 0;
	*ret_certificate_changed = certificate;
	return certificate || g_strcmp0(old.token, credential->result.token) != 0;
}

gboolean credential_refresh(Credential *credential, gboolean *ret_certificate_changed,
			    GError **error)
{
	*ret_certificate_changed = FALSE;
	if (credential->target->exec)
		return refresh_plugin(credential, ret_certificate_changed, error);
	return credential->target->token_file && refresh_file(credential);
}

/* ---- what comes back ------------------------------------------------------------------------ */

/* Shorter ones would be found in the middle of words. */
#define SCRUB_LEAST 6

char *credential_scrub(const Credential *credential, const char *text, gssize length)
{
	const KubeTarget *target = credential->target;
	char *basic = target->username ? encode_basic(target) : NULL;
	const char *const secrets[] = { target->token, credential->file_token,
					credential->result.token, target->password, basic };
	GString *out = g_string_new_len(text, length);

	for (guint i = 0; i < G_N_ELEMENTS(secrets); i++)
		if (secrets[i] && strlen(secrets[i]) >= SCRUB_LEAST)
			g_string_replace(out, secrets[i], "[secret]", 0);
	kube_secret_free(basic);
	return g_string_free(out, FALSE);
}
