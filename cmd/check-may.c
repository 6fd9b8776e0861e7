/* SPDX-License-Identifier: Apache-2.0 */
/* The rights of the caller, asked of the API server: what it takes to migrate, and to follow it. */
#include "check.h"

#include "base/shell.h"
#include "cluster-info.h"

static const struct {
	const Kind *kind;
	const char *verb;
	const char *what;
} rights[] = {
	{ &KIND_VMIM, "create", "make migrations" },
	{ &KIND_VMIM, "delete", "cancel migrations" },
	{ &KIND_VMIM, "watch", "follow migrations" },
};

/* The command that grants it, where the server says who we are. */
static char *grant_text(Cluster *cluster, const char *ns)
{
	g_autoptr(cJSON) who = cluster_whoami(cluster, NULL);
	const char *user = json_string(who, "username", NULL);
	g_autofree char *word = user ? shell_word(user) : NULL;
	g_autofree char *place = ns ? g_strdup_printf("-n %s", ns) : g_strdup("--cluster");

	if (!word)
		return NULL;
	return g_strdup_printf("let an admin grant it: 'kvmig rbac grant %s %s'", word, place);
}

gboolean check_rights(const CheckGather *gather, const char *ns, CheckSeverity severity,
		      GError **error)
{
	Cluster *cluster = gather->context->cluster;
	const CheckObject user = { "user", ns, NULL };
	g_autofree char *fix = NULL;
	gboolean allowed = FALSE;

	if (cluster_caps(cluster)->kind == CLUSTER_LOCAL)
		return TRUE; /* it is one's own file */
	for (gsize i = 0; i < G_N_ELEMENTS(rights); i++) {
		if (!cluster_may(cluster, rights[i].kind, ns, rights[i].verb, &allowed, error))
			return FALSE;
		if (allowed || check_has(gather->findings, &user, REASON_CHK_PERMISSION))
			continue;
		fix = fix ? fix : grant_text(cluster, ns);
		check_add(gather->findings, &user, severity, REASON_CHK_PERMISSION, fix,
			  "you may not %s in %s%s%s", rights[i].what,
			  ns ? "namespace '" : "all namespaces", ns ? ns : "", ns ? "'" : "");
	}
	return TRUE;
}
