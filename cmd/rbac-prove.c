/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a subject may do, asked of the API server: a SubjectAccessReview, which only cluster admins
 * may create, of one namespace a LocalSubjectAccessReview, which its admins may create too. Whoever
 * may create neither gets what follows from the roles and bindings that he may read.
 */
#include "rbac-change.h"

#include "review.h"

#define PAUSE_US 100000

#define MIGRATIONS(word)                                                                           \
	{                                                                                          \
		.verb = word, .group = "kubevirt.io",                                              \
		.resource = "virtualmachineinstancemigrations"                                     \
	}

const RbacAttributes rbac_migrate_rights[RBAC_N_MIGRATE_RIGHTS] = {
	MIGRATIONS("create"),
	MIGRATIONS("get"),
	MIGRATIONS("list"),
	MIGRATIONS("watch"),
	MIGRATIONS("update"),
	MIGRATIONS("patch"),
	MIGRATIONS("delete"),
	MIGRATIONS("deletecollection"),
	{ .verb = "update",
	  .group = "subresources.kubevirt.io",
	  .resource = "virtualmachines",
	  .subresource = "migrate" },
};

guint rbac_n_rights(const CommandContext *context)
{
	return cluster_caps(context->cluster)->kind == CLUSTER_KUBEVIRT ? RBAC_N_MIGRATE_RIGHTS
									: RBAC_N_MIGRATE_RIGHTS - 1;
}

struct RbacProver {
	const CommandContext *context;
	GHashTable *objects;          /* by namespace, "" for all: RbacObjects */
	gboolean no_reviews;          /* of the cluster: this user may not create them */
	GHashTable *no_local_reviews; /* namespaces where he may not */
	const char *how;
};

RbacProver *rbac_prover_new(const CommandContext *context)
{
	RbacProver *prover = g_new0(RbacProver, 1);

	prover->context = context;
	prover->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
						(GDestroyNotify)(void (*)(void))rbac_objects_free);
	prover->no_local_reviews = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	prover->how = "evaluation";
	return prover;
}

void rbac_prover_free(RbacProver *prover)
{
	if (!prover)
		return;
	g_hash_table_unref(prover->objects);
	g_hash_table_unref(prover->no_local_reviews);
	g_free(prover);
}

void rbac_prover_forget(RbacProver *prover)
{
	g_hash_table_remove_all(prover->objects);
}

const char *rbac_prover_how(const RbacProver *prover)
{
	return prover->how;
}

/* Of a group there is no user. The names are the identity's, their list is `groups`. */
static RbacUser read_identity(const cJSON *identity, GPtrArray *groups)
{
	const cJSON *group;

	cJSON_ArrayForEach(group, json_get(identity, "groups"))
		g_ptr_array_add(groups, group->valuestring);
	g_ptr_array_add(groups, NULL);
	return (RbacUser){ json_string(identity, "user", NULL),
			   (const char *const *)groups->pdata };
}

/* ---- the server ----------------------------------------------------------------------------- */

/* *ret_may FALSE: this user may not ask. */
static gboolean review(const RbacProver *prover, gboolean local, const cJSON *subject,
		       const char *ns, const RbacAttributes *attributes, gboolean *ret_may,
		       RbacVerdict *ret_verdict, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) identity = subject_identity(subject);
	g_autoptr(GPtrArray) groups = g_ptr_array_new();
	const RbacUser user = read_identity(identity, groups);
	RbacAttributes here = *attributes;

	here.ns = ns;
	*ret_verdict = review_user(prover->context->cluster, &user, &here, local, &cause);
	*ret_may = cause == NULL;
	if (!cause || error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

/* *ret_may FALSE: this user may not ask. */
static gboolean ask_server(RbacProver *prover, const cJSON *subject, const char *ns,
			   const RbacAttributes *attributes, gboolean *ret_may,
			   RbacVerdict *ret_verdict, GError **error)
{
	*ret_may = FALSE;
	if (ns && !g_hash_table_contains(prover->no_local_reviews, ns)) {
		prover->how = KIND_LOCAL_SUBJECT_ACCESS_REVIEW.kind;
		if (!review(prover, TRUE, subject, ns, attributes, ret_may, ret_verdict, error))
			return FALSE;
		if (*ret_may)
			return TRUE;
		g_hash_table_add(prover->no_local_reviews, g_strdup(ns));
	}
	if (prover->no_reviews)
		return TRUE;
	prover->how = KIND_SUBJECT_ACCESS_REVIEW.kind;
	if (!review(prover, FALSE, subject, ns, attributes, ret_may, ret_verdict, error))
		return FALSE;
	prover->no_reviews = !*ret_may;
	return TRUE;
}

/* ---- evaluation ----------------------------------------------------------------------------- */

static RbacObjects *objects_of(RbacProver *prover, const char *ns, GError **error)
{
	RbacObjects *objects = g_hash_table_lookup(prover->objects, ns ? ns : "");

	if (!objects) {
		objects = rbac_load(prover->context->cluster, ns, error);
		if (objects)
			g_hash_table_insert(prover->objects, g_strdup(ns ? ns : ""), objects);
	}
	return objects;
}

/* Of a group: as a user of no name who is in it. ret_paths may be NULL. */
static gboolean evaluate(RbacProver *prover, const cJSON *subject, const char *ns,
			 const RbacAttributes *attributes, RbacVerdict *ret_verdict,
			 GPtrArray **ret_paths, GError **error)
{
	RbacObjects *objects = objects_of(prover, ns, error);
	g_autoptr(cJSON) identity = subject_identity(subject);
	g_autoptr(GPtrArray) groups = g_ptr_array_new();
	RbacAttributes here = *attributes;
	RbacUser user = read_identity(identity, groups);

	if (!objects)
		return FALSE;
	if (!user.user)
		user.user = "";
	here.ns = ns ? ns : "";
	*ret_verdict = rbac_allows(objects, &user, &here, ret_paths);
	return TRUE;
}

gboolean rbac_prove(RbacProver *prover, const cJSON *subject, const char *ns,
		    const RbacAttributes *attributes, RbacVerdict *ret_verdict, GError **error)
{
	gboolean may = FALSE;

	if (!ask_server(prover, subject, ns, attributes, &may, ret_verdict, error))
		return FALSE;
	if (may)
		return TRUE;
	prover->how = "evaluation";
	return evaluate(prover, subject, ns, attributes, ret_verdict, NULL, error);
}

GPtrArray *rbac_prove_ways(RbacProver *prover, const cJSON *subject, const char *ns,
			   const RbacAttributes *attributes, GError **error)
{
	GPtrArray *ways = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) paths = NULL;
	RbacVerdict verdict;

	if (!evaluate(prover, subject, ns, attributes, &verdict, &paths, error)) {
		g_ptr_array_unref(ways);
		return NULL;
	}
	for (guint i = 0; paths && i < paths->len; i++)
		g_ptr_array_add(ways, rbac_path_text(paths->pdata[i]));
	return ways;
}

static gboolean is_of(const RbacSubject *subject, const RbacUser *user)
{
	g_autofree char *name = rbac_subject_user_name(subject);

	return subject->kind == RBAC_SUBJECT_GROUP ? g_strv_contains(user->groups, name)
						   : g_strcmp0(name, user->user) == 0;
}

static void add_ways(GPtrArray *ways, const RbacHolder *holder)
{
	for (guint i = 0; i < holder->paths->len; i++) {
		const RbacPath *path = holder->paths->pdata[i];
		const guint32 rights = path->rights & ~RBAC_READING_RIGHTS;
		g_autofree char *what = NULL;
		g_autofree char *where = NULL;
		g_autofree char *way = NULL;

		if (!rights || !path->binding || !path->binding->ns)
			continue;
		what = rbac_attributes_text(&rbac_migrate_rights[g_bit_nth_lsf(rights, -1)]);
		where = rbac_place_text(path->binding->ns);
		way = rbac_path_text(path);
		g_ptr_array_add(ways, g_strdup_printf("%s in %s, by %s", what, where, way));
	}
}

GPtrArray *rbac_prove_ways_in_namespaces(RbacProver *prover, const cJSON *subject,
					 char **ret_unread, GError **error)
{
	/* of the bindings of the cluster the server itself has told */
	static const RbacPart parts[] = { RBAC_ROLE_BINDINGS, RBAC_ROLES, RBAC_CLUSTER_ROLES };
	RbacObjects *objects = objects_of(prover, NULL, error);
	g_autoptr(cJSON) identity = subject_identity(subject);
	g_autoptr(GPtrArray) groups = g_ptr_array_new();
	const RbacUser user = read_identity(identity, groups);
	g_autoptr(GPtrArray) holders = NULL;
	GPtrArray *ways;

	if (!objects)
		return NULL;
	holders = rbac_who_can(objects, rbac_migrate_rights, rbac_n_rights(prover->context));
	ways = g_ptr_array_new_with_free_func(g_free);
	for (guint i = 0; i < holders->len; i++) {
		const RbacHolder *holder = holders->pdata[i];

		if (is_of(&holder->subject, &user))
			add_ways(ways, holder);
	}
	*ret_unread = rbac_unread_of(objects, parts, G_N_ELEMENTS(parts));
	return ways;
}

/* ---- several rights ------------------------------------------------------------------------- */

static gboolean prove_each(RbacProver *prover, const cJSON *subject, const char *ns,
			   RbacHeld *ret_held, GError **error)
{
	const guint n = rbac_n_rights(prover->context);
	RbacHeld held = { 0, 0 };

	for (guint i = 0; i < n; i++) {
		RbacVerdict verdict;

		if (!rbac_prove(prover, subject, ns, &rbac_migrate_rights[i], &verdict, error))
			return FALSE;
		if (verdict == RBAC_YES)
			held.held |= 1u << i;
		else if (verdict == RBAC_UNKNOWN)
			held.unknown |= 1u << i;
	}
	*ret_held = held;
	return TRUE;
}

/* What is evaluated was read from what is stored: no waiting makes it another. */
static gboolean waits(const RbacProver *prover, gint64 end_us)
{
	if (g_get_monotonic_time() >= end_us || g_str_equal(prover->how, "evaluation"))
		return FALSE;
	g_usleep(PAUSE_US);
	return TRUE;
}

gboolean rbac_prove_migrate(RbacProver *prover, const cJSON *subject, const char *ns,
			    gboolean wanted, gint64 wait_ms, RbacHeld *ret_held, GError **error)
{
	const guint32 all = (1u << rbac_n_rights(prover->context)) - 1;
	const gint64 end_us = g_get_monotonic_time() + wait_ms * 1000;

	do {
		if (!prove_each(prover, subject, ns, ret_held, error))
			return FALSE;
		if (wanted ? ret_held->held == all : !(ret_held->held & ~RBAC_READING_RIGHTS))
			return TRUE;
	} while (waits(prover, end_us));
	return TRUE;
}

static gboolean prove_until_no(RbacProver *prover, const cJSON *subject, const char *ns,
			       const RbacAttributes *rights, gsize n, RbacVerdict *ret_verdict,
			       GError **error)
{
	RbacVerdict all = RBAC_YES;

	for (gsize i = 0; i < n && all != RBAC_NO; i++) {
		RbacVerdict one;

		if (!rbac_prove(prover, subject, ns, &rights[i], &one, error))
			return FALSE;
		if (one != RBAC_YES)
			all = one;
	}
	*ret_verdict = all;
	return TRUE;
}

gboolean rbac_prove_all(RbacProver *prover, const cJSON *subject, const char *ns,
			const RbacAttributes *rights, gsize n, gint64 wait_ms,
			RbacVerdict *ret_verdict, GError **error)
{
	const gint64 end_us = g_get_monotonic_time() + wait_ms * 1000;

	do {
		if (!prove_until_no(prover, subject, ns, rights, n, ret_verdict, error))
			return FALSE;
	} while (*ret_verdict == RBAC_NO && waits(prover, end_us));
	return TRUE;
}

char *rbac_held_text(const CommandContext *context, RbacHeld held)
{
	const guint n = rbac_n_rights(context);
	guint count = 0;

	for (guint i = 0; i < n; i++)
		count += (held.held >> i) & 1u;
	return g_strdup_printf("%u of %u", count, n);
}

gboolean rbac_role_exists(const CommandContext *context, const char *name, RbacVerdict *ret_exists,
			  GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) role =
		cluster_get(context->cluster, &KIND_CLUSTER_ROLE, NULL, name, &cause);

	*ret_exists = RBAC_YES;
	if (role)
		return TRUE;
	*ret_exists = error_code(cause) == KVMIG_ERROR_NOT_FOUND ? RBAC_NO : RBAC_UNKNOWN;
	if (*ret_exists == RBAC_NO || error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}
