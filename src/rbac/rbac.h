/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may do what, concluded from roles and bindings as the API server's own RBAC authorizer does
 * (wildcards of verbs, groups, resources, any resource's subresource by the form with a star and a
 * slash, resourceNames; service accounts as users with their groups; a binding to a role that does
 * not exist gives nothing). Rules for nonResourceURLs are left aside. Pure functions of model.
 *
 * What RBAC objects cannot show: the group system:masters, which may do all, and other authorizers
 * (webhook, node) of the server. What could not be read is part of the answer: where nothing that
 * was read gives a right, and something was not read that could, the answer is RBAC_UNKNOWN.
 */
#pragma once

#include "model/json.h"

#define RBAC_GROUP_MASTERS "system:masters"
#define RBAC_GROUP_AUTHENTICATED "system:authenticated"
#define RBAC_GROUP_UNAUTHENTICATED "system:unauthenticated"
#define RBAC_GROUP_SERVICE_ACCOUNTS "system:serviceaccounts"
#define RBAC_USER_ANONYMOUS "system:anonymous"

/* More is refused: INVALID. */
#define RBAC_MAX_OBJECTS 500000u
#define RBAC_MAX_STRINGS 8000000u

/* ---- objects -------------------------------------------------------------------------------- */

typedef enum {
	RBAC_CLUSTER_ROLES,
	RBAC_CLUSTER_ROLE_BINDINGS,
	RBAC_ROLES,
	RBAC_ROLE_BINDINGS,
	RBAC_PARTS
} RbacPart;

/* Vectors end with NULL. */
typedef struct {
	const char *const *verbs, *const *groups, *const *resources, *const *names;
} RbacRule;

typedef struct {
	const char *ns; /* NULL: a ClusterRole */
	const char *name;
	const RbacRule *rules; /* those of nonResourceURLs are left out */
	guint n_rules;
	gboolean aggregated; /* has an aggregationRule: a controller writes its rules */
	const cJSON *labels; /* NULL: none */
} RbacRole;

typedef enum { RBAC_USER, RBAC_SUBJECT_GROUP, RBAC_SERVICE_ACCOUNT } RbacSubjectKind;

/* A user of the name system:serviceaccount:NS:NAME is read as the service account that it is. */
typedef struct {
	RbacSubjectKind kind;
	const char
		*ns; /* of a service account only; where the object leaves it out, the binding's */
	const char *name;
} RbacSubject;

typedef struct {
	const char *ns; /* NULL: a ClusterRoleBinding, which holds everywhere */
	const char *name;
	gboolean role_is_cluster; /* roleRef names a ClusterRole */
	const char *role;
	const RbacSubject *subjects;
	guint n_subjects;
} RbacBinding;

/* A set of them; strings and structs that it hands out live until it is freed. */
typedef struct RbacObjects RbacObjects;

/* ns: only that namespace's Roles and RoleBindings will be added, so that questions about another
 * one are RBAC_UNKNOWN; NULL: those of all. */
RbacObjects *rbac_objects_new(const char *ns);
void rbac_objects_free(RbacObjects *objects);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RbacObjects, rbac_objects_free)

/* Adds a (Cluster)Role or (Cluster)RoleBinding in Kubernetes form, in place of the one of that
 * name, if any: what would be, if it were stored. Nothing of `object` is borrowed. INVALID where
 * it is none of these, has no name, or the set is full. */
gboolean rbac_objects_add(RbacObjects *objects, const cJSON *object, GError **error);
/* As if it were deleted; ns NULL for those of the cluster. FALSE: there is none. */
gboolean rbac_objects_remove(RbacObjects *objects, RbacPart part, const char *ns, const char *name);
/* From now on aggregated ClusterRoles give what the roles that they select give, instead of what
 * the controller has written into them so far: what it will come to after add and remove. */
void rbac_objects_reaggregate(RbacObjects *objects);

/* A part could not be read: why, in words. */
void rbac_objects_set_unread(RbacObjects *objects, RbacPart part, const char *why);
const char *rbac_objects_unread(const RbacObjects *objects, RbacPart part); /* NULL: was read */
const char *rbac_part_name(RbacPart part); /* "clusterroles": the resource */

/* NULL where there is none. */
const RbacRole *rbac_find_role(const RbacObjects *objects, const char *ns, const char *name);
const RbacBinding *rbac_find_binding(const RbacObjects *objects, const char *ns, const char *name);
/* The role that a binding names. */
const RbacRole *rbac_role_of(const RbacObjects *objects, const RbacBinding *binding);

/* Number n of a part, in the order of namespace and name, NULL past the last. */
const RbacBinding *rbac_nth_binding(RbacObjects *objects, RbacPart part, guint n);
const RbacRole *rbac_nth_role(RbacObjects *objects, RbacPart part, guint n);
guint rbac_count(const RbacObjects *objects, RbacPart part);

/* ---- one question --------------------------------------------------------------------------- */

/* As in a SubjectAccessReview. */
typedef struct {
	const char *verb;
	const char *group; /* "" is the core group */
	const char *resource;
	const char *subresource; /* NULL or "": none */
	const char *name;        /* NULL or "": of no particular object */
	/* "": of no namespace: cluster-scoped, or in all namespaces at once. NULL: the same, and
	 * for rbac_who_can(): in whichever namespace. */
	const char *ns;
} RbacAttributes;

/* "create virtualmachineinstancemigrations.kubevirt.io": as kubectl's `auth can-i` takes it, the
 * subresource behind a slash. Free with g_free(). */
char *rbac_attributes_text(const RbacAttributes *attributes);

/* Who asks; groups NULL: those that the name alone gives (rbac_implied_groups()). */
typedef struct {
	const char *user;
	const char *const *groups;
} RbacUser;

/* The groups that every user of such a name is in: system:authenticated; of a service account its
 * own two; of system:anonymous, system:unauthenticated. */
GStrv rbac_implied_groups(const char *user);

/*
 * A way to a right: the binding, and the chain of ClusterRoles from the one that it names to the
 * one where the right comes from. chain[0] is the role bound; each other one is aggregated into the
 * one before it. An aggregated role whose rules no role that it selects accounts for (the
 * controller has not come to it yet, or KubeVirt's operator has changed labels) ends the chain.
 * `rights`: bit i: the i-th of the attributes that were asked for.
 */
typedef struct {
	const RbacBinding *binding; /* NULL: the group system:masters, which needs none */
	GPtrArray *chain;           /* const RbacRole * */
	guint32 rights;
} RbacPath;

typedef enum { RBAC_NO, RBAC_YES, RBAC_UNKNOWN } RbacVerdict;

/* ret_paths, which may be NULL: every way to it, RbacPath*, freed with the array; empty where the
 * answer is not yes. */
RbacVerdict rbac_allows(RbacObjects *objects, const RbacUser *user,
			const RbacAttributes *attributes, GPtrArray **ret_paths);

/* Whether this role, bound, gives it; nothing is asked of namespaces. */
gboolean rbac_role_allows(RbacObjects *objects, const RbacRole *role,
			  const RbacAttributes *attributes);
/* Whether a binding is made out to this user, or a group of his. */
gboolean rbac_binding_applies(const RbacBinding *binding, const RbacUser *user);

/* ---- who can -------------------------------------------------------------------------------- */

#define RBAC_MAX_RIGHTS 32u

typedef struct {
	RbacSubject subject;
	guint32 rights;   /* of all paths together, wherever they hold */
	GPtrArray *paths; /* RbacPath*, by namespace (those of the cluster first) and name */
} RbacHolder;

/*
 * Every subject that a binding gives at least one of these rights (at most RBAC_MAX_RIGHTS), each
 * with every way to them, in one pass over the bindings. RbacHolder*, freed with the array: users,
 * groups, service accounts, each by name. Attributes with a namespace look at that one's bindings
 * and the cluster's; with "" only at the cluster's; with NULL at all.
 */
GPtrArray *rbac_who_can(RbacObjects *objects, const RbacAttributes *attributes, guint n);

/* Which of these parts were not read, in their order ("rolebindings, roles"), or NULL for none.
 * Free with g_free(). */
char *rbac_unread_of(const RbacObjects *objects, const RbacPart *parts, gsize n);
/* What was not read and could name more ("clusterroles, clusterrolebindings"), or NULL where the
 * answer to these is whole. Free with g_free(). */
char *rbac_gaps(const RbacObjects *objects, const RbacAttributes *attributes, guint n);

/* ---- text ----------------------------------------------------------------------------------- */

const char *rbac_subject_kind_name(RbacSubjectKind kind); /* "User", "Group", "ServiceAccount" */
/* "User alice", "ServiceAccount prod/robot"; free with g_free(). */
char *rbac_subject_text(const RbacSubject *subject);
/* What a subject is to the API server: a service account's user name; else the name. g_free(). */
char *rbac_subject_user_name(const RbacSubject *subject);
int rbac_subject_compare(const RbacSubject *a, const RbacSubject *b);
/* From `--subject`: "alice", "User/alice", "Group/ops" or "group:ops", "ServiceAccount/NS/NAME",
 * "sa:NS:NAME" or "system:serviceaccount:NS:NAME". The strings are `ret_strings`' (g_strfreev()).
 * USAGE where it is none of these. */
gboolean rbac_subject_parse(const char *text, RbacSubject *ret_subject, GStrv *ret_strings,
			    GError **error);
/* The service account that a user of this name is; FALSE: he is none. */
gboolean rbac_subject_from_user(const char *user, RbacSubject *ret_subject, GStrv *ret_strings);
/* As the subject of a binding in Kubernetes form. */
cJSON *rbac_subject_to_json(const RbacSubject *subject);

/* "RoleBinding prod/kvmigrate -> ClusterRole admin <- kubevirt.io:admin"; free with g_free(). */
char *rbac_path_text(const RbacPath *path);
void rbac_path_free(RbacPath *path);
void rbac_holder_free(RbacHolder *holder);
