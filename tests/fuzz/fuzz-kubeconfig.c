/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a kubeconfig, every context of it resolved; and as what a credential plugin printed.
 */
#include "fuzz.h"

#include "cluster/kube/exec.h"
#include "cluster/kube/kubeconfig-private.h"

static void resolve(const Kubeconfig *config, const char *name, const ClusterOptions *options)
{
	GError *error = NULL;
	KubeTarget *target = kubeconfig_resolve(config, name, options, &error);

	if (!target) {
		fuzz_check_error(error);
		return;
	}
	g_assert_null(error);
	g_assert_true(g_str_has_prefix(target->server, "https://") ||
		      g_str_has_prefix(target->server, "http://"));
	g_assert_true(!target->certificate_pem == !target->key_pem);
	g_assert_false(target->exec && (target->token || target->token_file));
	g_assert_false(target->insecure && target->ca_pem);
	/* nothing that identifies us goes over an open wire */
	if (g_str_has_prefix(target->server, "http://"))
		g_assert_false(target->exec || target->token || target->token_file ||
			       target->password || target->key_pem);
	kube_target_free(target);
}

static void try_reply(const char *text, size_t size)
{
	g_auto(ExecResult) result = { 0 };
	GError *error = NULL;

	if (!exec_parse_reply(text, size, EXEC_V1, "plugin", 0, &result, &error))
		fuzz_check_error(error);
	else
		g_assert_true(result.token || (result.certificate_pem && result.key_pem));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const ClusterOptions none = { 0 }, server = { .server = "https://x", .token = "t" };
	g_autofree char *text = g_strndup((const char *)data, size);
	g_autoptr(Kubeconfig) config = NULL;
	g_auto(GStrv) names = NULL;
	GError *error = NULL;

	try_reply(text, strlen(text));
	/* a device that it names would be read */
	if (strstr(text, "dev") || strstr(text, "proc"))
		return 0;
	config = kube_config_from_text((const char *)data, size, "/nowhere/config", &error);
	if (!config) {
		fuzz_check_error(error);
		return 0;
	}
	names = kubeconfig_context_names(config);
	for (char **name = names; *name; name++)
		resolve(config, *name, &none);
	resolve(config, NULL, &none);
	resolve(config, NULL, &server);
	return 0;
}
