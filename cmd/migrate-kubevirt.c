/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What can be known of a VM on KubeVirt before KubeVirt is asked, and KubeVirt's refusals in words
 * that help. KubeVirt's admission looks only whether there is a VMI that is not over, migratable
 * and not in flight; the rest here would otherwise be found out minutes later, or never.
 */
#include "migrate.h"

#include <string.h>

#include "check/vm.h"
#include "model/wellknown.h"

/* ---- the VM --------------------------------------------------------------------------------- */

/* Every obstacle that can be seen at the VM itself. NULL: there is none; *ret_code is the first
 * one's. */
static char *find_obstacles(const Vmi *vmi, const char **ret_code)
{
	g_autoptr(GPtrArray) findings = check_findings_new();
	g_autoptr(GString) text = g_string_new(NULL);
	CheckVm vm;

	check_vm_init(&vm, vmi->object, NULL, findings);
	check_vm(&vm);
	for (guint i = 0; i < findings->len; i++) {
		const CheckFinding *finding = g_ptr_array_index(findings, i);

		if (finding->severity != CHECK_BLOCKS)
			continue;
		if (!text->len)
			*ret_code = finding->code;
		g_string_append_printf(text, "%s%s", text->len ? "; " : "", finding->evidence);
	}
	return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

static gboolean check_obstacles(const Preflight *preflight, const Vmi *vmi, GError **error)
{
	const char *code = NULL;
	g_autofree char *why = find_obstacles(vmi, &code);
	g_autoptr(GError) cause = NULL;

	if (!why)
		return TRUE;
	(void)migrate_refuse(&cause, KVMIG_ERROR_REFUSED, code, vmi->name, why);
	if (code == REASON_BLK_NOT_RUNNING) { /* whatever --check says */
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	return preflight_let_pass(preflight, g_steal_pointer(&cause), error);
}

/* KubeVirt keeps the VM's own value without a word, and migrates to where nobody asked for. */
static gboolean check_selector(const Preflight *preflight, const Vmi *vmi, GError **error)
{
	const cJSON *asked;

	cJSON_ArrayForEach(asked, preflight->selector)
	{
		const char *own = json_string(vmi->node_selector, asked->string, NULL);
		g_autofree char *why = NULL;

		if (!own || !cJSON_IsString(asked) || strcmp(own, asked->valuestring) == 0)
			continue;
		why = g_strdup_printf("%s=%s was asked for, but its own node selector says %s=%s, "
				      "and KubeVirt would keep that",
				      asked->string, asked->valuestring, asked->string, own);
		return migrate_refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_SELECTOR_CONFLICT,
				      vmi->name, why);
	}
	return TRUE;
}

static void warn_if_paused(const Preflight *preflight, const Vmi *vmi)
{
	if (condition_is_true(vmi->object, CONDITION_PAUSED))
		say_warning(preflight->context, "VM '%s' is paused: it moves, and stays paused",
			    vmi->name);
}

gboolean kubevirt_judge(Preflight *preflight, Verdict *verdict, GError **error)
{
	g_autoptr(GError) cause = NULL;

	if (!check_obstacles(preflight, &verdict->vmi, error))
		return FALSE;
	warn_if_paused(preflight, &verdict->vmi);
	if (check_selector(preflight, &verdict->vmi, &cause) &&
	    preflight_check_targets(preflight, verdict, &cause))
		return TRUE;
	return preflight_let_pass(preflight, g_steal_pointer(&cause), error);
}

/* ---- the cluster ---------------------------------------------------------------------------- */

gboolean kubevirt_check_field(const Preflight *preflight, GError **error)
{
	if (cluster_has_field(preflight->context->cluster, &KIND_VMIM, "spec.addedNodeSelector") !=
	    CLUSTER_FIELD_NO)
		return TRUE;
	error_set(error, KVMIG_ERROR_UNSUPPORTED,
		  "this KubeVirt cannot be told where to migrate to: addedNodeSelector came with "
		  "KubeVirt 1.6");
	error_hint(error, "update KubeVirt, or leave out --node and --node-selector");
	return FALSE;
}

/* ---- what KubeVirt says --------------------------------------------------------------------- */

static const struct {
	const char *words; /* in what the server says */
	KvmigError code;
	const char *reason, *hint;
} refusals[] = {
	{ "in-flight migration detected", KVMIG_ERROR_CONFLICT, REASON_BLK_IN_FLIGHT,
	  "'kvmig status' shows the migrations" },
	{ "finalized state", KVMIG_ERROR_REFUSED, REASON_BLK_NOT_RUNNING,
	  "start it; a VM that is over has nothing to migrate" },
	{ "Cannot migrate VMI, Reason:", KVMIG_ERROR_REFUSED, REASON_BLK_NOT_MIGRATABLE, NULL },
	{ "does not exist", KVMIG_ERROR_NOT_FOUND, NULL, "'kvmig vm list' shows the VMs" },
	{ "exceeded quota", KVMIG_ERROR_FORBIDDEN, NULL,
	  "delete migrations that have ended, or have an admin raise the quota of the namespace" },
	/* where to look is said by who read the server's words */
	{ "failed calling webhook", KVMIG_ERROR_UNREACHABLE, NULL, NULL },
};

void kubevirt_explain_refusal(const char *vm, GError **error)
{
	g_autoptr(GError) cause = NULL;

	if (!error || !*error)
		return;
	for (gsize i = 0; i < G_N_ELEMENTS(refusals); i++) {
		const char *hint = refusals[i].hint;

		if (!strstr((*error)->message, refusals[i].words))
			continue;
		cause = g_steal_pointer(error);
		error_set(error, refusals[i].code, "cannot migrate VM '%s': %s", vm,
			  cause->message);
		if (refusals[i].reason)
			error_reason(error, refusals[i].reason);
		if (!hint)
			hint = refusals[i].reason ? reason_find(refusals[i].reason)->hint
						  : error_get_hint(cause);
		if (hint)
			error_hint(error, "%s", hint);
		return;
	}
	error_prefix(error, "VM '%s'", vm);
}
