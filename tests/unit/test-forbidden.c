/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/forbidden.h"

typedef struct {
	const char *words;
	const char *hint; /* all of it; NULL: none */
} Case;

#define USER(name) "x is forbidden: User \"" name "\" cannot "
#define OF(verb, resource, group) verb " resource \"" resource "\" in API group \"" group "\""
#define IN(ns) " in the namespace \"" ns "\""
#define CLUSTER " at the cluster scope"

static const Case cases[] = {
	{ USER("bob") OF("create", "virtualmachineinstancemigrations", "kubevirt.io") IN("prod"),
	  "a cluster admin, or who may bind kubevirt.io:migrate, can give bob the right to create "
	  "virtualmachineinstancemigrations.kubevirt.io in namespace prod: "
	  "'kvmig rbac grant bob -n prod'" },
	{ USER("bob") OF("delete", "virtualmachineinstancemigrations", "kubevirt.io") CLUSTER,
	  "a cluster admin, or who may bind kubevirt.io:migrate, can give bob the right to delete "
	  "virtualmachineinstancemigrations.kubevirt.io in the cluster: "
	  "'kvmig rbac grant bob --cluster'" },
	{ USER("bob") OF("update", "virtualmachines/migrate", "subresources.kubevirt.io")
		  IN("prod"),
	  "a cluster admin, or who may bind kubevirt.io:migrate, can give bob the right to update "
	  "virtualmachines/migrate.subresources.kubevirt.io in namespace prod: "
	  "'kvmig rbac grant bob -n prod'" },
	{ USER("Alice B. \\\"A\\\" $mith")
		  OF("create", "virtualmachineinstancemigrations", "kubevirt.io") IN("prod"),
	  "a cluster admin, or who may bind kubevirt.io:migrate, can give Alice B. \"A\" $mith the "
	  "right to create virtualmachineinstancemigrations.kubevirt.io in namespace prod: "
	  "'kvmig rbac grant \"Alice B. \\\"A\\\" \\$mith\" -n prod'" },
	{ USER("bob") OF("list", "virtualmachineinstances", "kubevirt.io") IN("prod"),
	  "an admin of the namespace or the cluster can give bob the right to list "
	  "virtualmachineinstances.kubevirt.io in namespace prod: 'kubectl create rolebinding NAME "
	  "--clusterrole=kubevirt.io:view --user=bob -n prod'" },
	{ USER("system:serviceaccount:ci:robot") OF("patch", "virtualmachines", "kubevirt.io")
		  IN("prod"),
	  "an admin of the namespace or the cluster can give system:serviceaccount:ci:robot the "
	  "right to patch virtualmachines.kubevirt.io in namespace prod: 'kubectl create "
	  "rolebinding NAME --clusterrole=kubevirt.io:edit --serviceaccount=ci:robot -n prod'" },
	{ USER("bob") OF("list", "migrationpolicies", "migrations.kubevirt.io") CLUSTER,
	  "a cluster admin can give bob the right to list migrationpolicies.migrations.kubevirt.io "
	  "in the cluster: 'kubectl create clusterrolebinding NAME --clusterrole=kubevirt.io:view "
	  "--user=bob'" },
	{ USER("bob") OF("create", "migrationpolicies", "migrations.kubevirt.io") CLUSTER,
	  "a cluster admin can give bob the right to create "
	  "migrationpolicies.migrations.kubevirt.io in the cluster: 'kubectl create clusterrole "
	  "NAME --verb=create --resource=migrationpolicies.migrations.kubevirt.io && kubectl "
	  "create clusterrolebinding NAME --clusterrole=NAME --user=bob'" },
	{ USER("bob") OF("patch", "nodes", "") CLUSTER,
	  "a cluster admin can give bob the right to patch nodes in the cluster: 'kubectl create "
	  "clusterrole NAME --verb=patch --resource=nodes && kubectl create clusterrolebinding "
	  "NAME --clusterrole=NAME --user=bob'" },
	{ USER("bob") OF("list", "pods", "") IN("prod"),
	  "an admin of the namespace or the cluster can give bob the right to list pods in "
	  "namespace prod: 'kubectl create role NAME --verb=list --resource=pods -n prod && "
	  "kubectl create rolebinding NAME --role=NAME --user=bob -n prod'" },
	/* ClusterRole admin does not give settings */
	{ USER("bob") OF("patch", "kubevirts", "kubevirt.io") IN("kubevirt"),
	  "a cluster admin can give bob the right to patch kubevirts.kubevirt.io in namespace "
	  "kubevirt: 'kubectl create role NAME --verb=patch --resource=kubevirts.kubevirt.io -n "
	  "kubevirt && kubectl create rolebinding NAME --role=NAME --user=bob -n kubevirt'" },
	/* whom a right must not be given */
	{ USER("system:anonymous")
		  OF("create", "virtualmachineinstancemigrations", "kubevirt.io") IN("prod"),
	  "the API server does not know who you are: log in, or name a user with --user or a token "
	  "with --token-file" },
	/* not by the lack of a role, or words cut short */
	{ "pods \"x\" is forbidden: exceeded quota: q", NULL },
	{ USER("bob") "list resource \"nodes\"", NULL },
	{ USER("bob") "get path \"/metrics\"", NULL },
	{ "x is forbidden: User \"bob", NULL },
	{ "User \"\" cannot ", NULL },
	{ USER("a\\nb") OF("list", "nodes", "") CLUSTER, NULL },
	{ "", NULL },
};

static void test_hints(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *hint = forbidden_hint(cases[i].words);

		g_assert_cmpstr(hint, ==, cases[i].hint);
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kube/forbidden", test_hints);
	return g_test_run();
}
