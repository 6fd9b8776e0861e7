/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kind.h"

#include <string.h>

/* scope and traits of the rows */
#define CLUSTERED .namespaced = FALSE
#define NAMESPACED .namespaced = TRUE
#define STATUS .has_status = TRUE
#define LOCAL .local = TRUE
#define QUESTION .create_only = TRUE

#define KIND_ROW(name, kind_text, plural_text, singular_text, short_text, group_text,              \
		 version_text, api_version_text, ...)                                              \
	const Kind name = { .kind = kind_text,                                                     \
			    .list_kind = kind_text "List",                                         \
			    .plural = plural_text,                                                 \
			    .singular = singular_text,                                             \
			    .short_name = short_text,                                              \
			    .group = group_text,                                                   \
			    .version = version_text,                                               \
			    .api_version = api_version_text,                                       \
			    __VA_ARGS__ }
#define IN_GROUP(group, version) group, version, group "/" version
#define IN_CORE "", "v1", "v1"
#define KIND_IN(name, kind_text, plural, singular, short_name, ...)                                \
	KIND_ROW(name, kind_text, plural, singular, short_name, __VA_ARGS__)
#define RBAC IN_GROUP("rbac.authorization.k8s.io", "v1")
#define AUTHORIZATION IN_GROUP("authorization.k8s.io", "v1")

KIND_IN(KIND_HOST, "Host", "hosts", "host", NULL, IN_GROUP("kvmig.io", "v1"), CLUSTERED, STATUS,
	LOCAL);
KIND_IN(KIND_VM, "VirtualMachine", "virtualmachines", "virtualmachine", "vm",
	IN_GROUP("kubevirt.io", "v1"), NAMESPACED, STATUS, LOCAL);
KIND_IN(KIND_VMI, "VirtualMachineInstance", "virtualmachineinstances", "virtualmachineinstance",
	"vmi", IN_GROUP("kubevirt.io", "v1"), NAMESPACED, STATUS, LOCAL);
KIND_IN(KIND_VMIM, "VirtualMachineInstanceMigration", "virtualmachineinstancemigrations",
	"virtualmachineinstancemigration", "vmim", IN_GROUP("kubevirt.io", "v1"), NAMESPACED,
	STATUS, LOCAL);
KIND_IN(KIND_HYPERCONVERGED, "HyperConverged", "hyperconvergeds", "hyperconverged", "hco",
	IN_GROUP("hco.kubevirt.io", "v1beta1"), NAMESPACED, STATUS, LOCAL);
KIND_IN(KIND_KUBEVIRT, "KubeVirt", "kubevirts", "kubevirt", "kv", IN_GROUP("kubevirt.io", "v1"),
	NAMESPACED, STATUS, LOCAL);
KIND_IN(KIND_MIGRATION_POLICY, "MigrationPolicy", "migrationpolicies", "migrationpolicy", NULL,
	IN_GROUP("migrations.kubevirt.io", "v1alpha1"), CLUSTERED, STATUS, LOCAL);
KIND_IN(KIND_NAMESPACE, "Namespace", "namespaces", "namespace", "ns", IN_CORE, CLUSTERED, STATUS,
	LOCAL);
KIND_IN(KIND_NODE, "Node", "nodes", "node", "no", IN_CORE, CLUSTERED, STATUS, LOCAL);
KIND_IN(KIND_EVENT, "Event", "events", "event", "ev", IN_CORE, NAMESPACED, LOCAL);
KIND_IN(KIND_LEASE, "Lease", "leases", "lease", NULL, IN_GROUP("coordination.k8s.io", "v1"),
	NAMESPACED, LOCAL);
KIND_IN(KIND_POD, "Pod", "pods", "pod", "po", IN_CORE, NAMESPACED, STATUS);
KIND_IN(KIND_SERVICE_ACCOUNT, "ServiceAccount", "serviceaccounts", "serviceaccount", "sa", IN_CORE,
	NAMESPACED);
KIND_IN(KIND_PVC, "PersistentVolumeClaim", "persistentvolumeclaims", "persistentvolumeclaim", "pvc",
	IN_CORE, NAMESPACED, STATUS);
KIND_IN(KIND_PV, "PersistentVolume", "persistentvolumes", "persistentvolume", "pv", IN_CORE,
	CLUSTERED, STATUS);
KIND_IN(KIND_RESOURCE_QUOTA, "ResourceQuota", "resourcequotas", "resourcequota", "quota", IN_CORE,
	NAMESPACED, STATUS);
KIND_IN(KIND_ROLE, "Role", "roles", "role", NULL, RBAC, NAMESPACED, LOCAL);
KIND_IN(KIND_ROLE_BINDING, "RoleBinding", "rolebindings", "rolebinding", NULL, RBAC, NAMESPACED,
	LOCAL);
KIND_IN(KIND_CLUSTER_ROLE, "ClusterRole", "clusterroles", "clusterrole", NULL, RBAC, CLUSTERED,
	LOCAL);
KIND_IN(KIND_CLUSTER_ROLE_BINDING, "ClusterRoleBinding", "clusterrolebindings",
	"clusterrolebinding", NULL, RBAC, CLUSTERED, LOCAL);
KIND_IN(KIND_API_SERVICE, "APIService", "apiservices", "apiservice", NULL,
	IN_GROUP("apiregistration.k8s.io", "v1"), CLUSTERED, STATUS);
KIND_IN(KIND_CRD, "CustomResourceDefinition", "customresourcedefinitions",
	"customresourcedefinition", "crd", IN_GROUP("apiextensions.k8s.io", "v1"), CLUSTERED,
	STATUS);
KIND_IN(KIND_SELF_SUBJECT_ACCESS_REVIEW, "SelfSubjectAccessReview", "selfsubjectaccessreviews",
	"selfsubjectaccessreview", NULL, AUTHORIZATION, CLUSTERED, QUESTION);
KIND_IN(KIND_SUBJECT_ACCESS_REVIEW, "SubjectAccessReview", "subjectaccessreviews",
	"subjectaccessreview", NULL, AUTHORIZATION, CLUSTERED, QUESTION);
KIND_IN(KIND_LOCAL_SUBJECT_ACCESS_REVIEW, "LocalSubjectAccessReview", "localsubjectaccessreviews",
	"localsubjectaccessreview", NULL, AUTHORIZATION, NAMESPACED, QUESTION);
KIND_IN(KIND_SELF_SUBJECT_REVIEW, "SelfSubjectReview", "selfsubjectreviews", "selfsubjectreview",
	NULL, IN_GROUP("authentication.k8s.io", "v1"), CLUSTERED, QUESTION);
KIND_IN(KIND_NETWORK_ATTACHMENT, "NetworkAttachmentDefinition", "network-attachment-definitions",
	"network-attachment-definition", "net-attach-def", IN_GROUP("k8s.cni.cncf.io", "v1"),
	NAMESPACED);
KIND_IN(KIND_MACHINE_CONFIG_POOL, "MachineConfigPool", "machineconfigpools", "machineconfigpool",
	"mcp", IN_GROUP("machineconfiguration.openshift.io", "v1"), CLUSTERED, STATUS);

/* more_names: space-separated, beside those of the Kind */
static const struct {
	const Kind *kind;
	const char *more_names;
} kinds[] = {
	{ &KIND_HOST, NULL },
	{ &KIND_VM, "vms" },
	{ &KIND_VMI, "vmis" },
	{ &KIND_VMIM, "vmims" },
	{ &KIND_HYPERCONVERGED, "hc hcos" },
	{ &KIND_KUBEVIRT, "kvs" },
	{ &KIND_MIGRATION_POLICY, NULL },
	{ &KIND_NAMESPACE, NULL },
	{ &KIND_NODE, NULL },
	{ &KIND_EVENT, NULL },
	{ &KIND_LEASE, NULL },
	{ &KIND_POD, NULL },
	{ &KIND_SERVICE_ACCOUNT, NULL },
	{ &KIND_PVC, NULL },
	{ &KIND_PV, NULL },
	{ &KIND_RESOURCE_QUOTA, NULL },
	{ &KIND_ROLE, NULL },
	{ &KIND_ROLE_BINDING, NULL },
	{ &KIND_CLUSTER_ROLE, NULL },
	{ &KIND_CLUSTER_ROLE_BINDING, NULL },
	{ &KIND_API_SERVICE, NULL },
	{ &KIND_CRD, "crds" },
	{ &KIND_SELF_SUBJECT_ACCESS_REVIEW, NULL },
	{ &KIND_SUBJECT_ACCESS_REVIEW, NULL },
	{ &KIND_LOCAL_SUBJECT_ACCESS_REVIEW, NULL },
	{ &KIND_SELF_SUBJECT_REVIEW, NULL },
	{ &KIND_NETWORK_ATTACHMENT, NULL },
	{ &KIND_MACHINE_CONFIG_POOL, NULL },
};

static gboolean same_word(const char *word, gsize length, const char *name)
{
	return name && strlen(name) == length && g_ascii_strncasecmp(word, name, length) == 0;
}

static gboolean among(const char *word, gsize length, const char *names)
{
	while (names && *names) {
		gsize one = strcspn(names, " ");

		if (one == length && g_ascii_strncasecmp(word, names, one) == 0)
			return TRUE;
		names += one;
		names += strspn(names, " ");
	}
	return FALSE;
}

/* "kubevirt.io", and as kubectl has it with the version in front: "v1.kubevirt.io", "v1" */
static gboolean same_group(const char *text, const Kind *kind)
{
	gsize version = strlen(kind->version);

	if (g_ascii_strcasecmp(text, kind->group) == 0)
		return TRUE;
	if (g_ascii_strncasecmp(text, kind->version, version) != 0)
		return FALSE;
	text += version;
	return *text == '\0' ? *kind->group == '\0'
			     : *text == '.' && g_ascii_strcasecmp(text + 1, kind->group) == 0;
}

const Kind *kind_find(const char *word)
{
	const char *group = word ? strchr(word, '.') : NULL;
	gsize length;

	if (!word)
		return NULL;
	length = group ? (gsize)(group - word) : strlen(word);
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		const Kind *kind = kinds[i].kind;

		if (group && !same_group(group + 1, kind))
			continue;
		if (same_word(word, length, kind->kind) || same_word(word, length, kind->plural) ||
		    same_word(word, length, kind->singular) ||
		    same_word(word, length, kind->short_name) ||
		    among(word, length, kinds[i].more_names))
			return kind;
	}
	return NULL;
}

const Kind *kind_of(const char *api_version, const char *kind)
{
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		if (g_strcmp0(kinds[i].kind->api_version, api_version) == 0 &&
		    g_strcmp0(kinds[i].kind->kind, kind) == 0)
			return kinds[i].kind;
	}
	return NULL;
}

const char *kind_api_version(const Kind *kind)
{
	return kind->api_version;
}

void kind_names(const Kind *kind, GPtrArray *names)
{
	if (kind->short_name)
		g_ptr_array_add(names, g_strdup(kind->short_name));
	g_ptr_array_add(names, g_strdup(kind->singular));
	g_ptr_array_add(names, g_strdup(kind->plural));
}

const Kind *kind_nth(unsigned n)
{
	return n < G_N_ELEMENTS(kinds) ? kinds[n].kind : NULL;
}
