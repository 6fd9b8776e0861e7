/* SPDX-License-Identifier: Apache-2.0 */
#include "model/kind.h"

#include <string.h>

#define KIND_ROW(name, kind_text, plural_text, singular_text, short_text, group_text,              \
		 version_text, in_namespace, with_status)                                          \
	const Kind name = {                                                                        \
		.kind = kind_text,                                                                 \
		.list_kind = kind_text "List",                                                     \
		.plural = plural_text,                                                             \
		.singular = singular_text,                                                         \
		.short_name = short_text,                                                          \
		.group = group_text,                                                               \
		.version = version_text,                                                           \
		.namespaced = in_namespace,                                                        \
		.has_status = with_status,                                                         \
	}

KIND_ROW(KIND_HOST, "Host", "hosts", "host", NULL, "kvmig.io", "v1", FALSE, TRUE);
KIND_ROW(KIND_VM, "VirtualMachine", "virtualmachines", "virtualmachine", "vm", "kubevirt.io", "v1",
	 TRUE, TRUE);
KIND_ROW(KIND_VMI, "VirtualMachineInstance", "virtualmachineinstances", "virtualmachineinstance",
	 "vmi", "kubevirt.io", "v1", TRUE, TRUE);
KIND_ROW(KIND_VMIM, "VirtualMachineInstanceMigration", "virtualmachineinstancemigrations",
	 "virtualmachineinstancemigration", "vmim", "kubevirt.io", "v1", TRUE, TRUE);
KIND_ROW(KIND_HYPERCONVERGED, "HyperConverged", "hyperconvergeds", "hyperconverged", "hco",
	 "hco.kubevirt.io", "v1beta1", TRUE, TRUE);
KIND_ROW(KIND_KUBEVIRT, "KubeVirt", "kubevirts", "kubevirt", "kv", "kubevirt.io", "v1", TRUE, TRUE);
KIND_ROW(KIND_MIGRATION_POLICY, "MigrationPolicy", "migrationpolicies", "migrationpolicy", NULL,
	 "migrations.kubevirt.io", "v1alpha1", FALSE, TRUE);
KIND_ROW(KIND_NAMESPACE, "Namespace", "namespaces", "namespace", "ns", "", "v1", FALSE, TRUE);
KIND_ROW(KIND_NODE, "Node", "nodes", "node", "no", "", "v1", FALSE, TRUE);
KIND_ROW(KIND_EVENT, "Event", "events", "event", "ev", "", "v1", TRUE, FALSE);
KIND_ROW(KIND_LEASE, "Lease", "leases", "lease", NULL, "coordination.k8s.io", "v1", TRUE, FALSE);

/* more_names: space-separated, beside those of the Kind */
static const struct {
	const Kind *kind;
	const char *api_version;
	const char *more_names;
} kinds[] = {
	{ &KIND_HOST, "kvmig.io/v1", NULL },
	{ &KIND_VM, "kubevirt.io/v1", "vms" },
	{ &KIND_VMI, "kubevirt.io/v1", "vmis" },
	{ &KIND_VMIM, "kubevirt.io/v1", "vmims" },
	{ &KIND_HYPERCONVERGED, "hco.kubevirt.io/v1beta1", "hc hcos" },
	{ &KIND_KUBEVIRT, "kubevirt.io/v1", "kvs" },
	{ &KIND_MIGRATION_POLICY, "migrations.kubevirt.io/v1alpha1", NULL },
	{ &KIND_NAMESPACE, "v1", NULL },
	{ &KIND_NODE, "v1", NULL },
	{ &KIND_EVENT, "v1", NULL },
	{ &KIND_LEASE, "coordination.k8s.io/v1", NULL },
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

const Kind *kind_find(const char *word)
{
	const char *group = word ? strchr(word, '.') : NULL;
	gsize length;

	if (!word)
		return NULL;
	length = group ? (gsize)(group - word) : strlen(word);
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		const Kind *kind = kinds[i].kind;

		if (group && g_ascii_strcasecmp(group + 1, kind->group) != 0)
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
		if (g_strcmp0(kinds[i].api_version, api_version) == 0 &&
		    g_strcmp0(kinds[i].kind->kind, kind) == 0)
			return kinds[i].kind;
	}
	return NULL;
}

const char *kind_api_version(const Kind *kind)
{
	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		if (kinds[i].kind == kind)
			return kinds[i].api_version;
	}
	g_return_val_if_reached(NULL);
}

const Kind *kind_nth(unsigned n)
{
	return n < G_N_ELEMENTS(kinds) ? kinds[n].kind : NULL;
}
