/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/webhook.h"

#include <string.h>

#include "model/object.h"

#define CALLING "failed calling webhook "
#define URL "Post \"https://"

/* KubeVirt's own, by the label that its services select their pods with. */
static const struct {
	const char *service, *label;
} known[] = {
	{ "virt-api", "kubevirt.io=virt-api" },
	{ "kubevirt-operator-webhook", "kubevirt.io=virt-operator" },
};

/* "virt-api.kubevirt.svc" taken apart; NULL: a host that is no service. What was read is to stand
 * in a command line, so it has to be a name. */
static GStrv read_service(const char *words)
{
	const char *begin = strstr(words, CALLING);
	g_autofree char *host = NULL;
	g_auto(GStrv) parts = NULL;

	begin = begin ? strstr(begin, URL) : NULL;
	if (!begin)
		return NULL;
	begin += strlen(URL);
	host = g_strndup(begin, strcspn(begin, ":/?\" "));
	parts = g_strsplit(host, ".", -1);
	if (g_strv_length(parts) < 3 || !g_str_equal(parts[2], "svc") ||
	    !name_check_dns_label(parts[0], "service", NULL) ||
	    !name_check_dns_label(parts[1], "namespace", NULL))
		return NULL;
	return g_steal_pointer(&parts);
}

char *webhook_hint(const char *words)
{
	g_auto(GStrv) parts = read_service(words);

	if (!parts)
		return NULL;
	for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
		if (g_str_equal(parts[0], known[i].service))
			return g_strdup_printf(
				"the webhook is service '%s' in namespace '%s', a part of "
				"KubeVirt: 'kubectl get pods -n %s -l %s' shows whether it runs",
				parts[0], parts[1], parts[1], known[i].label);
	return g_strdup_printf("the webhook is service '%s' in namespace '%s': 'kubectl get "
			       "endpointslices -n %s -l kubernetes.io/service-name=%s' shows "
			       "whether anything answers behind it",
			       parts[0], parts[1], parts[1], parts[0]);
}
