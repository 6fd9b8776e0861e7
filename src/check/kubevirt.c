/* SPDX-License-Identifier: Apache-2.0 */
#include "check/kubevirt.h"

#include "model/object.h"

static const CheckObject about = { "cluster", NULL, NULL };

/* "…: MESSAGE (REASON)" of the condition Available where it is False; NULL: it is not. */
static char *unavailable(const cJSON *object)
{
	const cJSON *condition = condition_find(object, "Available");
	const char *reason = json_string(condition, "reason", "");
	const char *message = json_string(condition, "message", "");

	if (!g_str_equal(json_string(condition, "status", ""), "False"))
		return NULL;
	return g_strdup_printf("%s%s%s%s%s", *message ? ": " : "", message, *reason ? " (" : "",
			       reason, *reason ? ")" : "");
}

/* A name that can stand in a command; the text of the reason where there is none. */
static char *pods_fix(const char *ns, const char *label, const char *words)
{
	if (!ns || !name_check_dns_label(ns, "namespace", NULL))
		return NULL;
	return g_strdup_printf("'kubectl get pods -n %s -l %s' %s", ns, label, words);
}

void check_kubevirt(const cJSON *kubevirt, GPtrArray *findings)
{
	g_autofree char *why = unavailable(kubevirt);
	g_autofree char *ref = NULL;
	g_autofree char *fix = NULL;

	if (!why)
		return;
	ref = object_ref(kubevirt);
	fix = pods_fix(object_namespace(kubevirt), "kubevirt.io",
		       "shows which of its parts is not ready");
	check_add(findings, &about, CHECK_WARNING, REASON_CHK_KUBEVIRT, fix,
		  "KubeVirt '%s' is not available%s", ref, why);
}

static char *virt_api_fix(const char *ns)
{
	return pods_fix(ns, "kubevirt.io=virt-api", "shows whether it runs");
}

void check_virt_api(const cJSON *service, GPtrArray *findings)
{
	g_autofree char *why = unavailable(service);
	g_autofree char *fix = NULL;

	if (!why)
		return;
	fix = virt_api_fix(json_string(json_path(service, "spec", "service", NULL), "namespace",
				       NULL));
	check_add(findings, &about, CHECK_BLOCKS, REASON_CHK_VIRT_API, fix,
		  "APIService '%s' is not available%s", object_name(service), why);
}

void check_virt_api_silent(const char *ns, const char *why, GPtrArray *findings)
{
	g_autofree char *fix = virt_api_fix(ns);

	check_add(findings, &about, CHECK_BLOCKS, REASON_CHK_VIRT_API, fix, "%s", why);
}
