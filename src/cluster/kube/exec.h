/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credential plugins: a program that the kubeconfig names prints an ExecCredential
 * (client.authentication.k8s.io). It is run without a shell, with our environment, the kubeconfig's
 * `env` and KUBERNETES_EXEC_INFO; its stderr is the user's; stdin is the terminal only where
 * interactiveMode allows and there is one. What it prints is secret and stays in memory.
 */
#pragma once

#include "cluster/kube/kubeconfig.h"

#define EXEC_V1 "client.authentication.k8s.io/v1"
#define EXEC_V1BETA1 "client.authentication.k8s.io/v1beta1"
#define EXEC_CONFIG_MAX_NODES 10000u   /* of the cluster's extension for plugins */
#define EXEC_OUTPUT_MAX_BYTES 1048576u /* of an ExecCredential */
#define EXEC_TIMEOUT_MS 60000          /* where it cannot ask anybody; else there is none */

void exec_config_free(ExecConfig *exec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExecConfig, exec_config_free)

typedef struct {
	char *token;                     /* NULL: none */
	char *certificate_pem, *key_pem; /* both or none */
	gint64 expires_us;               /* unix time; 0: never */
} ExecResult;
void exec_result_clear(ExecResult *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ExecResult, exec_result_clear)

/*
 * Runs the plugin of the target and waits. `interactive`: stdin is a terminal. timeout_ms is for a
 * plugin that is not interactive; 0: none. Errors: NOT_FOUND (no such program; the hint is the
 * installHint), FORBIDDEN (it may not be run), FAILED (exit status and the last line of its
 * stderr), TIMEOUT (it was killed), INVALID (its output: no JSON, another version, no credential,
 * too large, expired), REFUSED (Always, and no terminal).
 */
gboolean exec_run(const KubeTarget *target, gboolean interactive, gint64 timeout_ms,
		  ExecResult *ret_result, GError **error);

/* exec-reply.c: what a plugin printed. now_us: unix time. */
gboolean exec_parse_reply(const char *text, gsize length, const char *api_version,
			  const char *command, gint64 now_us, ExecResult *ret_result,
			  GError **error);
