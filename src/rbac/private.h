/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of rbac/ share. */
#pragma once

#include "model/kind.h"
#include "rbac/rbac.h"

/* Strings are the set's. RbacRole and RbacBinding begin with their namespace and name: the key. */
typedef struct {
	RbacRole role;
	GPtrArray *selectors; /* Selector*: of the aggregationRule; NULL: has none */
	cJSON *labels;        /* owned; ClusterRoles only */
} RoleEntry;

typedef struct {
	const char *ns, *name;
} EntryKey;

typedef struct {
	GHashTable *by_key; /* entry -> entry: RoleEntry or RbacBinding */
	GPtrArray *sorted;  /* made when it is asked for, dropped with every change */
} PartTable;

struct RbacObjects {
	char *ns;
	PartTable parts[RBAC_PARTS];
	char *unread[RBAC_PARTS];
	GStringChunk *strings;
	guint n_objects, n_strings;
	gboolean reaggregate;
};

GPtrArray *rbac_sorted(RbacObjects *objects, RbacPart part);

/* objects-read.c: an object in Kubernetes form, with a name, to an entry. */
RoleEntry *rbac_role_read(RbacObjects *objects, const cJSON *object);
RbacBinding *rbac_binding_read(RbacObjects *objects, const cJSON *object);
void rbac_role_entry_free(gpointer entry);
void rbac_binding_entry_free(gpointer binding);

/* text.c: "system:serviceaccount:NS:NAME" to its two names; FALSE where it is not of that form. */
#define RBAC_USER_PREFIX_SERVICE_ACCOUNT "system:serviceaccount:"
gboolean rbac_service_account_split(const char *user, GStrv *ret_parts);

/* A way from a role to rights, whoever it is bound to. */
typedef struct {
	GPtrArray *chain;
	guint32 rights;
} RbacWay;

/* The ways of a role to these attributes, RbacWay*, freed with the array. */
GPtrArray *rbac_ways(RbacObjects *objects, const RbacRole *role, const RbacAttributes *attributes,
		     guint n);
/* Those of `rights` that a binding in ns (NULL: everywhere) is looked at for. */
guint32 rbac_rights_in(const RbacAttributes *attributes, guint n, const char *ns);
/* A path with those rights of the way that are in `mask`; NULL where there are none. */
RbacPath *rbac_path_new(const RbacBinding *binding, const RbacWay *way, guint32 mask);
