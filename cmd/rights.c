/* SPDX-License-Identifier: Apache-2.0 */
#include "rights.h"

#include <string.h>

#include "base/shell.h"
#include "rbac/binding.h"

#define ROLE_EDIT "kubevirt.io:edit"
#define ROLE_ADMIN "admin"
#define ROLE_CORE_VIEW "view"

#define KUBEVIRT "kubevirt.io"
#define VMIMS KUBEVIRT, "virtualmachineinstancemigrations", NULL, RIGHT_THERE
#define VMIS KUBEVIRT, "virtualmachineinstances", NULL, RIGHT_THERE
#define VMS KUBEVIRT, "virtualmachines", NULL, RIGHT_THERE
#define POLICIES "migrations.kubevirt.io", "migrationpolicies", NULL, RIGHT_EVERYWHERE
#define NAMESPACES "", "namespaces", NULL, RIGHT_EVERYWHERE
#define SETTINGS NULL, NULL, NULL, RIGHT_ON_SETTINGS
#define NODES NULL, NULL, NULL, RIGHT_ON_NODES
#define HOSTS NULL, NULL, NULL, RIGHT_ON_HOSTS
#define TO_SEE_QUOTAS                                                                              \
	{ "list", "", "resourcequotas", NULL, RIGHT_THERE, ROLE_CORE_VIEW,                         \
	  "whether quotas have room for a second pod is not told" }
#define TO_SEE_VMS_OF_NODES                                                                        \
	{ "list", KUBEVIRT, "virtualmachineinstances", NULL, RIGHT_EVERYWHERE, NULL,               \
	  "which VMs run there is not told" }
#define RBAC(resource) "rbac.authorization.k8s.io", resource, NULL

/* A list ends with a row without verbs. */
static const CommandRight to_migrate[] = {
	{ "get", VMIS, ROLE_VIEW, NULL },
	{ "create", VMIMS, ROLE_MIGRATE, NULL },
	{ "get list watch", VMIMS, ROLE_MIGRATE, "it cannot be followed" },
	{ "list", NODES, NULL, "whether any node can take the VM is not told" },
	TO_SEE_QUOTAS,
	{ 0 },
};
static const CommandRight to_check[] = {
	{ "get", VMIS, ROLE_VIEW, NULL },
	{ "list", NODES, NULL, "whether any node can take the VM is not told" },
	TO_SEE_QUOTAS,
	{ 0 },
};
static const CommandRight to_find_targets[] = {
	{ "get", VMIS, ROLE_VIEW, NULL },
	{ "list", NODES, NULL, NULL },
	{ "list", "", "pods", NULL, RIGHT_EVERYWHERE, NULL,
	  "what other pods use, and who is near whom, is not counted" },
	{ "get", "", "persistentvolumes", NULL, RIGHT_EVERYWHERE, NULL,
	  "whether a volume is tied to some of the nodes is not judged" },
	TO_SEE_QUOTAS,
	{ 0 },
};
static const CommandRight to_see_capacity[] = {
	{ "list", NODES, NULL, NULL },
	{ "list", KUBEVIRT, "virtualmachineinstances", NULL, RIGHT_EVERYWHERE, NULL, NULL },
	{ "list", "", "pods", NULL, RIGHT_EVERYWHERE, NULL, "what other pods use is not counted" },
	{ 0 },
};
static const CommandRight to_see_network[] = {
	{ "get list", SETTINGS, NULL, NULL },
	{ "list", "", "pods", NULL, RIGHT_EVERYWHERE, NULL,
	  "which nodes have the network is not told, unless it is granted in KubeVirt's "
	  "namespace" },
	{ 0 },
};
static const CommandRight to_make_network[] = {
	{ "get list", SETTINGS, NULL, NULL },
	{ "patch", SETTINGS, NULL, NULL },
	{ "create", "k8s.cni.cncf.io", "network-attachment-definitions", NULL, RIGHT_EVERYWHERE,
	  NULL, "the network cannot be made, unless it is granted in KubeVirt's namespace" },
	{ 0 },
};
static const CommandRight to_see_migrations[] = {
	{ "get list watch", VMIMS, ROLE_VIEW, NULL },
	{ 0 },
};
static const CommandRight to_cancel[] = {
	{ "get list", VMIMS, ROLE_MIGRATE, NULL },
	{ "delete", VMIMS, ROLE_MIGRATE, NULL },
	{ 0 },
};
static const CommandRight to_see_settings[] = {
	{ "get list", SETTINGS, NULL, NULL },
	{ 0 },
};
static const CommandRight to_change_settings[] = {
	{ "get list", SETTINGS, NULL, NULL },
	{ "patch", SETTINGS, NULL, NULL },
	{ 0 },
};
static const CommandRight to_list_policies[] = {
	{ "list", POLICIES, ROLE_VIEW, NULL },
	{ 0 },
};
static const CommandRight to_show_policy[] = {
	{ "get", POLICIES, ROLE_VIEW, NULL },
	{ 0 },
};
static const CommandRight to_explain_policies[] = {
	{ "list", POLICIES, ROLE_VIEW, NULL },
	{ "get", VMIS, ROLE_VIEW, NULL },
	{ "get", NAMESPACES, NULL, "policies that look at labels of the project are unsure" },
	{ 0 },
};
static const CommandRight to_match_policies[] = {
	{ "list", POLICIES, ROLE_VIEW, NULL },
	{ "list", VMIS, ROLE_VIEW, NULL },
	{ "get", NAMESPACES, NULL, "policies that look at labels of the project are unsure" },
	{ 0 },
};
static const CommandRight to_create_policy[] = {
	{ "create", POLICIES, NULL, NULL },
	{ 0 },
};
static const CommandRight to_edit_policy[] = {
	{ "get patch", POLICIES, NULL, NULL },
	{ 0 },
};
static const CommandRight to_delete_policy[] = {
	{ "delete", POLICIES, NULL, NULL },
	{ 0 },
};
static const CommandRight to_see_roles[] = {
	{ "list", RBAC("rolebindings"), RIGHT_THERE, ROLE_ADMIN, NULL },
	{ "list", RBAC("roles"), RIGHT_THERE, ROLE_ADMIN,
	  "what roles of the namespace give is not told" },
	{ "list", RBAC("clusterroles"), RIGHT_EVERYWHERE, NULL,
	  "what the cluster's roles give is not told" },
	{ "list", RBAC("clusterrolebindings"), RIGHT_EVERYWHERE, NULL,
	  "who has the right in all namespaces is not told" },
	{ 0 },
};
static const CommandRight to_bind[] = {
	{ "get create update", RBAC("rolebindings"), RIGHT_THERE, ROLE_ADMIN, NULL },
	{ "bind", RBAC("clusterroles"), RIGHT_EVERYWHERE, NULL,
	  "only rights that one has oneself can be given" },
	{ 0 },
};
static const CommandRight to_unbind[] = {
	{ "get list update", RBAC("rolebindings"), RIGHT_THERE, ROLE_ADMIN, NULL },
	{ 0 },
};
static const CommandRight to_start_preserving[] = {
	{ "get list create update", RBAC("clusterroles"), RIGHT_EVERYWHERE, NULL, NULL },
	{ "list", RBAC("clusterrolebindings"), RIGHT_EVERYWHERE, NULL, NULL },
	{ "list", RBAC("rolebindings"), RIGHT_EVERYWHERE, NULL, NULL },
	{ "list", RBAC("roles"), RIGHT_EVERYWHERE, NULL, NULL },
	{ 0 },
};
static const CommandRight to_watch_preserving[] = {
	{ "get list", RBAC("clusterroles"), RIGHT_EVERYWHERE, NULL, NULL },
	{ "list", RBAC("clusterrolebindings"), RIGHT_EVERYWHERE, NULL, NULL },
	{ "list", RBAC("rolebindings"), RIGHT_EVERYWHERE, NULL, NULL },
	{ "list", RBAC("roles"), RIGHT_EVERYWHERE, NULL, NULL },
	{ 0 },
};
static const CommandRight to_keep[] = {
	{ "get update", RBAC("clusterroles"), RIGHT_EVERYWHERE, NULL, NULL },
	{ 0 },
};
static const CommandRight to_end_preserving[] = {
	{ "get list delete", RBAC("clusterroles"), RIGHT_EVERYWHERE, NULL, NULL },
	{ "list", RBAC("clusterrolebindings"), RIGHT_EVERYWHERE, NULL, NULL },
	{ "list", RBAC("rolebindings"), RIGHT_EVERYWHERE, NULL, NULL },
	{ "list", RBAC("roles"), RIGHT_EVERYWHERE, NULL, NULL },
	{ 0 },
};
static const CommandRight to_aggregate[] = {
	{ "get list patch", RBAC("clusterroles"), RIGHT_EVERYWHERE, NULL, NULL },
	{ 0 },
};
static const CommandRight to_see_aggregation[] = {
	{ "get list", RBAC("clusterroles"), RIGHT_EVERYWHERE, NULL, NULL },
	{ 0 },
};
static const CommandRight to_list_nodes[] = {
	{ "list", NODES, NULL, NULL },
	TO_SEE_VMS_OF_NODES,
	{ 0 },
};
static const CommandRight to_show_node[] = {
	{ "get", NODES, NULL, NULL },
	TO_SEE_VMS_OF_NODES,
	{ 0 },
};
static const CommandRight to_change_node[] = { { "get patch", HOSTS, NULL, NULL }, { 0 } };
static const CommandRight to_list_vms[] = { { "list", VMIS, ROLE_VIEW, NULL }, { 0 } };
static const CommandRight to_show_vm[] = { { "get", VMIS, ROLE_VIEW, NULL }, { 0 } };
static const CommandRight to_label_vm[] = {
	{ "get patch", VMS, ROLE_EDIT, NULL },
	{ "get patch", VMIS, ROLE_EDIT, NULL },
	{ 0 },
};

static const CommandRights table[] = {
	{ "migrate", to_migrate },
	{ "check", to_check },
	{ "targets", to_find_targets },
	{ "capacity", to_see_capacity },
	{ "network check", to_see_network },
	{ "network create", to_make_network },
	{ "status", to_see_migrations },
	{ "cancel", to_cancel },
	{ "config view", to_see_settings },
	{ "config explain", to_see_settings },
	{ "config diff", to_see_settings },
	{ "config lint", to_see_settings },
	{ "config history", to_see_settings },
	{ "config set", to_change_settings },
	{ "config unset", to_change_settings },
	{ "config edit", to_change_settings },
	{ "config undo", to_change_settings },
	{ "config preset heavy-workload", to_change_settings },
	{ "config preset default", to_change_settings },
	{ "policy list", to_list_policies },
	{ "policy show", to_show_policy },
	{ "policy explain", to_explain_policies },
	{ "policy matches", to_match_policies },
	{ "policy lint", to_list_policies },
	{ "policy create", to_create_policy },
	{ "policy edit", to_edit_policy },
	{ "policy delete", to_delete_policy },
	{ "rbac list", to_see_roles },
	{ "rbac who-can", to_see_roles },
	{ "rbac grant", to_bind },
	{ "rbac revoke", to_unbind },
	{ "rbac preserve start", to_start_preserving },
	{ "rbac preserve status", to_watch_preserving },
	{ "rbac preserve keep", to_keep },
	{ "rbac preserve finish", to_end_preserving },
	{ "rbac preserve abort", to_end_preserving },
	{ "rbac aggregate on", to_aggregate },
	{ "rbac aggregate off", to_aggregate },
	{ "rbac aggregate status", to_see_aggregation },
	{ "node list", to_list_nodes },
	{ "node show", to_show_node },
	{ "node label", to_change_node },
	{ "node cordon", to_change_node },
	{ "node uncordon", to_change_node },
	{ "vm list", to_list_vms },
	{ "vm show", to_show_vm },
	{ "vm label", to_label_vm },
};

const CommandRights *command_rights_nth(guint n)
{
	return n < G_N_ELEMENTS(table) ? &table[n] : NULL;
}

const CommandRights *command_rights_find(const char *command)
{
	for (gsize i = 0; i < G_N_ELEMENTS(table); i++)
		if (strcmp(table[i].command, command) == 0)
			return &table[i];
	return NULL;
}

/* ---- on the cluster at hand ----------------------------------------------------------------- */

/* What nodes are there; NULL: not what the right is for. */
static const Kind *node_kind_of(const RightPlace *place, const CommandRight *right)
{
	const Kind *kind = cluster_caps(place->cluster)->node_kind;

	return right->where == RIGHT_ON_HOSTS && kind != &KIND_HOST ? NULL : kind;
}

gboolean command_is_offered(const RightPlace *place, const CommandRights *row)
{
	return row->rights[0].where != RIGHT_ON_HOSTS || node_kind_of(place, row->rights) != NULL;
}

gboolean command_right_resolve(const RightPlace *place, const CommandRight *right, const char *verb,
			       RbacAttributes *ret_attributes)
{
	const Kind *kind = right->where == RIGHT_ON_SETTINGS ? place->settings
			   : right->where == RIGHT_ON_NODES || right->where == RIGHT_ON_HOSTS
				   ? node_kind_of(place, right)
				   : NULL;

	*ret_attributes = (RbacAttributes){ .verb = verb,
					    .group = right->group,
					    .resource = right->resource,
					    .subresource = right->subresource,
					    .ns = right->where == RIGHT_THERE ? place->ns : "" };
	if (right->resource)
		return TRUE;
	if (!kind)
		return FALSE;
	ret_attributes->group = kind->group;
	ret_attributes->resource = kind->plural;
	if (kind->namespaced)
		ret_attributes->ns = place->settings_ns;
	return TRUE;
}

/* ---- what gives it -------------------------------------------------------------------------- */

/* "--user=alice": as kubectl has it. */
static char *kubectl_subject(const RbacSubject *whom)
{
	g_autofree char *word = shell_word(whom->name);

	if (whom->kind == RBAC_SERVICE_ACCOUNT)
		return g_strdup_printf("--serviceaccount=%s:%s", whom->ns, whom->name);
	return g_strdup_printf("%s=%s", whom->kind == RBAC_SUBJECT_GROUP ? "--group" : "--user",
			       word);
}

static char *bind_existing(const CommandRight *right, const RbacSubject *whom, const char *ns)
{
	g_autofree char *subject = kubectl_subject(whom);

	if (right->where == RIGHT_THERE)
		return g_strdup_printf("kubectl create rolebinding NAME --clusterrole=%s %s -n %s",
				       right->role, subject, ns);
	return g_strdup_printf("kubectl create clusterrolebinding NAME --clusterrole=%s %s",
			       right->role, subject);
}

/* NAME is one for all three. */
static char *make_and_bind(const RbacAttributes *attributes, const CommandRight *right,
			   const RbacSubject *whom)
{
	g_autofree char *subject = kubectl_subject(whom);
	g_autofree char *verbs = g_strdelimit(g_strdup(right->verbs), " ", ',');

	return g_strdup_printf("kubectl create clusterrole NAME --verb=%s --resource=%s%s%s && "
			       "kubectl create clusterrolebinding NAME --clusterrole=NAME %s",
			       verbs, attributes->resource, *attributes->group ? "." : "",
			       attributes->group, subject);
}

char *command_right_grant(const RightPlace *place, const CommandRight *right,
			  const RbacSubject *whom)
{
	g_autoptr(cJSON) subject = rbac_subject_to_json(whom);
	g_autofree char *words = subject_words(subject);
	RbacAttributes attributes;

	if (g_strcmp0(right->role, ROLE_MIGRATE) == 0)
		return g_strdup_printf("kvmig rbac grant %s -n %s", words, place->ns);
	if (right->role)
		return bind_existing(right, whom, place->ns);
	if (!command_right_resolve(place, right, right->verbs, &attributes))
		return NULL;
	return make_and_bind(&attributes, right, whom);
}
