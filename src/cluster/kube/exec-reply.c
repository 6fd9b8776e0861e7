/* SPDX-License-Identifier: Apache-2.0 */
/* What a credential plugin printed. It may be a secret in any shape: no message quotes any of it.
 */
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "cluster/kube/exec.h"
#include "model/yaml.h"

void exec_result_clear(ExecResult *result)
{
	char *secrets[] = { result->token, result->certificate_pem, result->key_pem };

	for (guint i = 0; i < G_N_ELEMENTS(secrets); i++) {
		if (secrets[i])
			explicit_bzero(secrets[i], strlen(secrets[i]));
		g_free(secrets[i]);
	}
	*result = (ExecResult){ 0 };
}

static void clear_json(cJSON *json)
{
	for (; json; json = json->next) {
		clear_json(json->child);
		if (json->valuestring)
			explicit_bzero(json->valuestring, strlen(json->valuestring));
	}
}

static gboolean fail(GError **error, const char *command, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

static gboolean fail(GError **error, const char *command, const char *format, ...)
{
	g_autofree char *why = NULL;
	va_list arguments;

	va_start(arguments, format);
	why = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	error_set(error, KVMIG_ERROR_INVALID, "credential plugin '%s' %s", command, why);
	error_hint(error, "run it by hand to see what it says");
	return FALSE;
}

/* kubectl takes YAML too. */
static cJSON *parse(const char *text, gsize length, const char *command, GError **error)
{
	const char *start = text + strspn(text, " \t\r\n");
	cJSON *reply;

	if (!*start) {
		fail(error, command, "printed nothing, not an ExecCredential");
		return NULL;
	}
	reply = *start == '{' ? json_parse(text, length, "reply", NULL)
			      : yaml_parse(text, length, "reply", NULL);
	if (reply && cJSON_IsObject(reply))
		return reply;
	if (reply)
		clear_json(reply);
	cJSON_Delete(reply);
	fail(error, command, "printed something that is no ExecCredential (%zu bytes)", length);
	return NULL;
}

/* A string of the status; absent, null and "" are the same. */
static gboolean take(const cJSON *status, const char *key, const char *command, char **ret_text,
		     GError **error)
{
	const cJSON *value = json_get(status, key);

	if (!value || cJSON_IsNull(value))
		return TRUE;
	if (!cJSON_IsString(value))
		return fail(error, command, "printed a status in which '%s' is not a string", key);
	if (*value->valuestring)
		*ret_text = g_strdup(value->valuestring);
	return TRUE;
}

static gboolean take_expiry(const cJSON *status, const char *command, gint64 now_us,
			    ExecResult *result, GError **error)
{
	g_autofree char *text = NULL;

	if (!take(status, "expirationTimestamp", command, &text, error))
		return FALSE;
	if (!text)
		return TRUE;
	if (!clock_parse_unix(text, &result->expires_us))
		return fail(error, command, "printed an expirationTimestamp that is not a time");
	if (result->expires_us > now_us)
		return TRUE;
	fail(error, command, "printed a credential that expired %" G_GINT64_FORMAT " s ago",
	     (now_us - result->expires_us) / G_USEC_PER_SEC);
	error_hint(error,
		   "log in again with the plugin's own tool, and check this machine's clock");
	return FALSE;
}

static gboolean check_version(const cJSON *reply, const char *api_version, const char *command,
			      GError **error)
{
	const char *version = json_string(reply, "apiVersion", "");
	g_autofree char *excerpt = error_excerpt(version);

	if (strcmp(json_string(reply, "kind", ""), "ExecCredential") != 0)
		return fail(error, command,
			    "printed something that is no ExecCredential: its kind "
			    "is another one");
	if (strcmp(version, api_version) == 0)
		return TRUE;
	if (!g_str_has_prefix(version, "client.authentication.k8s.io/"))
		return fail(error, command,
			    "printed an ExecCredential without an apiVersion that "
			    "is known");
	fail(error, command, "printed an ExecCredential of %s, but the kubeconfig asks for %s",
	     excerpt, api_version);
	error_hint(error, "set 'apiVersion' of 'exec' in the kubeconfig to what the plugin speaks");
	return FALSE;
}

static gboolean check_complete(const cJSON *status, const ExecResult *result, const char *command,
			       GError **error)
{
	if (!cJSON_IsObject(status))
		return fail(error, command, "printed an ExecCredential without a status");
	if (!result->certificate_pem != !result->key_pem)
		return fail(error, command, "printed a certificate or a key, but not both");
	if (!result->token && !result->certificate_pem)
		return fail(error, command,
			    "printed a status with neither a token nor a certificate");
	return TRUE;
}

gboolean exec_parse_reply(const char *text, gsize length, const char *api_version,
			  const char *command, gint64 now_us, ExecResult *ret_result,
			  GError **error)
{
	g_auto(ExecResult) result = { 0 };
	g_autoptr(cJSON) reply = parse(text, length, command, error);
	const cJSON *status = json_get(reply, "status");
	gboolean done;

	if (!reply)
		return FALSE;
	done = check_version(reply, api_version, command, error) &&
	       take(status, "token", command, &result.token, error) &&
	       take(status, "clientCertificateData", command, &result.certificate_pem, error) &&
	       take(status, "clientKeyData", command, &result.key_pem, error) &&
	       check_complete(status, &result, command, error) &&
	       take_expiry(status, command, now_us, &result, error);
	clear_json(reply);
	if (done) {
		*ret_result = result;
		result = (ExecResult){ 0 };
	}
	return done;
}
