/* SPDX-License-Identifier: Apache-2.0 */
/* Which service it was that an API server could not call. */
#include "cluster/kube/webhook.h"

#define CALLING "Internal error occurred: failed calling webhook \"w.example.com\": "
#define TO(url) CALLING "failed to call webhook: Post \"" url "\": connection refused"

static const struct {
	const char *words;
	const char *hint; /* all of it; NULL: none */
} cases[] = {
	{ TO("https://virt-api.kubevirt.svc:443/migration-mutate-create?timeout=10s"),
	  "the webhook is service 'virt-api' in namespace 'kubevirt', a part of KubeVirt: 'kubectl "
	  "get pods -n kubevirt -l kubevirt.io=virt-api' shows whether it runs" },
	{ TO("https://kubevirt-operator-webhook.openshift-cnv.svc/kubevirt-validate-update"),
	  "the webhook is service 'kubevirt-operator-webhook' in namespace 'openshift-cnv', a part "
	  "of KubeVirt: 'kubectl get pods -n openshift-cnv -l kubevirt.io=virt-operator' shows "
	  "whether it runs" },
	{ TO("https://gate.policies.svc:8443/validate"),
	  "the webhook is service 'gate' in namespace 'policies': 'kubectl get endpointslices -n "
	  "policies -l kubernetes.io/service-name=gate' shows whether anything answers behind it" },
	/* no service of the cluster */
	{ TO("https://gate.example.com/validate"), NULL },
	{ TO("https://svc/validate"), NULL },
	{ TO("https://127.0.0.1:8443/validate"), NULL },
	/* what is no name is put into no command */
	{ TO("https://$(id).policies.svc/validate"), NULL },
	{ TO("https://gate.-n.svc/validate"), NULL },
	{ TO("https://.policies.svc/validate"), NULL },
	/* cut short, or about something else */
	{ CALLING "failed to call webhook: Post \"https://", NULL },
	{ CALLING "no further details available", NULL },
	{ "Post \"https://virt-api.kubevirt.svc:443/x\": EOF", NULL },
	{ "admission webhook \"w\" denied the request: Post \"https://a.b.svc/\"", NULL },
	{ "", NULL },
};

static void test_hints(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *hint = webhook_hint(cases[i].words);

		g_assert_cmpstr(hint, ==, cases[i].hint);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kube/webhook", test_hints);
	return g_test_run();
}
