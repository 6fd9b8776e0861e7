/* SPDX-License-Identifier: Apache-2.0 */
/* What the user of the context may do: asked of the API server with SelfSubjectAccessReviews, which
 * every user may create, rather than concluded from roles. */
#include "cluster-info.h"

#include "review.h"

/* What kvmig does, and the verbs that it takes, all of them. */
typedef struct {
	const char *what;
	const Kind *kind; /* NULL: the cluster's kind of nodes, or of the settings' object */
	const char *verbs[4];
} Deed;

static const Deed deeds[] = {
	{ "see VMs", &KIND_VMI, { "get", "list", "watch" } },
	{ "see migrations", &KIND_VMIM, { "get", "list", "watch" } },
	{ "migrate VMs", &KIND_VMIM, { "create" } },
	{ "change migrations", &KIND_VMIM, { "update", "patch" } },
	{ "cancel migrations", &KIND_VMIM, { "delete" } },
	{ "see policies", &KIND_MIGRATION_POLICY, { "get", "list" } },
	{ "change policies", &KIND_MIGRATION_POLICY, { "create", "patch", "delete" } },
	{ "see labels of projects", &KIND_NAMESPACE, { "get", "list" } },
	{ "see nodes", NULL, { "get", "list" } },
};

gboolean cluster_may(Cluster *cluster, const Kind *kind, const char *ns, const char *verb,
		     gboolean *ret_allowed, GError **error)
{
	const RbacAttributes attributes = {
		.verb = verb, .group = kind->group, .resource = kind->plural, .ns = ns
	};
	const RbacVerdict verdict = review_self(cluster, &attributes, error);

	*ret_allowed = verdict == RBAC_YES;
	return verdict != RBAC_UNKNOWN;
}

/* All verbs; in namespace ns, or, NULL, everywhere. */
static gboolean ask_all(Cluster *cluster, const Kind *kind, const char *ns,
			const char *const *verbs, gboolean *ret_allowed, GError **error)
{
	*ret_allowed = TRUE;
	for (; *verbs && *ret_allowed; verbs++)
		if (!cluster_may(cluster, kind, ns, *verbs, ret_allowed, error))
			return FALSE;
	return TRUE;
}

/* Who may everywhere, may here. */
static gboolean add_deed(const CommandContext *context, const Deed *deed, const Kind *kind,
			 const char *ns, cJSON *permissions, GError **error)
{
	gboolean everywhere = FALSE, here = FALSE;
	cJSON *row;

	if (!ask_all(context->cluster, kind, NULL, deed->verbs, &everywhere, error))
		return FALSE;
	here = everywhere;
	if (kind->namespaced && ns && !everywhere &&
	    !ask_all(context->cluster, kind, ns, deed->verbs, &here, error))
		return FALSE;
	row = cJSON_CreateObject();
	json_set_string(row, "what", deed->what);
	json_set_string(row, "group", kind->group);
	json_set_string(row, "resource", kind->plural);
	cJSON_AddItemToObject(row, "verbs", cJSON_CreateArray());
	for (const char *const *verb = deed->verbs; *verb; verb++)
		cJSON_AddItemToArray(json_get(row, "verbs"), cJSON_CreateString(*verb));
	if (kind->namespaced && ns) {
		json_set_string(row, "namespace", ns);
		json_set_bool(row, "allowed", here);
	}
	json_set_bool(row, "allowedEverywhere", everywhere);
	cJSON_AddItemToArray(permissions, row);
	return TRUE;
}

gboolean cluster_may_add(const CommandContext *context, const Kind *settings,
			 const char *settings_ns, cJSON *document, GError **error)
{
	static const Deed on_settings[] = {
		{ "see settings", NULL, { "get", "list" } },
		{ "change settings", NULL, { "patch" } },
	};
	const ClusterCaps *caps = cluster_caps(context->cluster);
	g_autoptr(cJSON) permissions = cJSON_CreateArray();

	for (gsize i = 0; i < G_N_ELEMENTS(deeds); i++) {
		const Kind *kind = deeds[i].kind ? deeds[i].kind : caps->node_kind;

		if (kind && !add_deed(context, &deeds[i], kind, context->ns, permissions, error))
			return FALSE;
	}
	for (gsize i = 0; settings && i < G_N_ELEMENTS(on_settings); i++)
		if (!add_deed(context, &on_settings[i], settings, settings_ns, permissions, error))
			return FALSE;
	json_set(document, "permissions", g_steal_pointer(&permissions));
	return TRUE;
}
