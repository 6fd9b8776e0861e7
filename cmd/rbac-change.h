/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of `kvmig rbac` that change something share. */
#pragma once

#include "cmd.h"

#include "config-common.h"
#include "rbac.h"
#include "rbac/binding.h"

#define BINDING_KVMIGRATE "kvmigrate"

/* ---- who and where (rbac-whom.c)
 * -------------------------------------------------------------------------- */

/* --group, --serviceaccount; users are the operands */
typedef struct {
	GPtrArray *groups, *accounts;
} RbacWhom;
extern const Option rbac_whom_options[];

/* -n, several, or --cluster */
typedef struct {
	GPtrArray *namespaces;
	gboolean cluster_wide;
} RbacPlaces;
extern const Option rbac_places_options[];

/* The subjects that operands and options name, each once; USAGE where there is none. */
cJSON *rbac_whom_read(const CommandContext *context, const RbacWhom *whom, GError **error);
/* Namespaces, each once, and NULL for all of them (borrowed); USAGE where none is said. */
GPtrArray *rbac_places_read(const RbacPlaces *places, GError **error);
/* "namespace 'prod'", "all namespaces"; free with g_free(). */
char *rbac_place_text(const char *ns);
/* The options that name the place: "-n prod", "--cluster"; free with g_free(). */
char *rbac_place_words(const char *ns);

/* USAGE where no binding can be called so. */
gboolean rbac_name_check(const char *name, GError **error);
/* Kubernetes objects as json, yaml or name; one as itself, several as a List. */
void rbac_print_objects(const CommandContext *context, const GPtrArray *objects);

/* ---- bindings (rbac-bind.c) ----------------------------------------------------------------- */

typedef struct {
	const CommandContext *context;
	const char *name, *role;
	const cJSON *subjects;
	int dry_run; /* DRY_RUN_… */
	gboolean prune;
} RbacBind;

typedef struct {
	cJSON *object;    /* as it is now, or would be; NULL: it is gone */
	const char *verb; /* what was done: "made", "extended", "unchanged", … */
	guint count;      /* of subjects added or taken out */
} RbacBound;
void rbac_bound_clear(RbacBound *bound);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RbacBound, rbac_bound_clear)

/* Adds the subjects to the binding of that name, or makes it; ns NULL: a ClusterRoleBinding.
 * Nothing that others write at the same time is lost. REFUSED where a binding of that name gives
 * another role. */
gboolean rbac_bind(const RbacBind *bind, const char *ns, RbacBound *ret_bound, GError **error);
/* Takes them out; a binding without subjects is deleted where it is ours, or with `prune`. That
 * there is no such binding is no error: "unchanged". */
gboolean rbac_unbind(const RbacBind *bind, const char *ns, RbacBound *ret_bound, GError **error);

/* Adds the hint that a cluster admin can take them out, with the command line, and `more`. */
void rbac_hint_revoke(const cJSON *subjects, const char *ns, const char *more, GError **error);

/* ---- proof (rbac-prove.c) ------------------------------------------------------------------- */

/* What ClusterRole kubevirt.io:migrate gives: every verb, and the migrate subresource. */
extern const RbacAttributes rbac_migrate_rights[];
#define RBAC_N_MIGRATE_RIGHTS 9u
#define RBAC_READING_RIGHTS 0xeu /* get, list, watch: other roles give them too */
/* How many of them there are on this cluster: fleets have no subresource. */
guint rbac_n_rights(const CommandContext *context);

typedef struct RbacProver RbacProver;
RbacProver *rbac_prover_new(const CommandContext *context);
void rbac_prover_free(RbacProver *prover);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(RbacProver, rbac_prover_free)

/* Whether a subject has a right in a namespace (NULL: in all, or to what is in none): asked of the
 * API server; where this user may not ask that, concluded from the roles and bindings that he may
 * read. attributes->ns is ignored. */
gboolean rbac_prove(RbacProver *prover, const cJSON *subject, const char *ns,
		    const RbacAttributes *attributes, RbacVerdict *ret_verdict, GError **error);
/* How the last answer came about: "SubjectAccessReview", "LocalSubjectAccessReview",
 * "evaluation". */
const char *rbac_prover_how(const RbacProver *prover);

/* The rights of kubevirt.io:migrate, asked again until all, or with `wanted` FALSE none, are held,
 * or the time is up: the server takes a moment to see what was written. Bit i of *ret_held: the
 * subject has right i; of *ret_unknown: that cannot be told. */
typedef struct {
	guint32 held, unknown;
} RbacHeld;
gboolean rbac_prove_migrate(RbacProver *prover, const cJSON *subject, const char *ns,
			    gboolean wanted, gint64 wait_ms, RbacHeld *ret_held, GError **error);
/* Whether a subject has all of n rights: NO where he has not one of them, UNKNOWN where one cannot
 * be told. Where the server is asked, it is asked again while it is NO, until the time is up. */
gboolean rbac_prove_all(RbacProver *prover, const cJSON *subject, const char *ns,
			const RbacAttributes *rights, gsize n, gint64 wait_ms,
			RbacVerdict *ret_verdict, GError **error);
/* "8 of 9"; free with g_free(). */
char *rbac_held_text(const CommandContext *context, RbacHeld held);

/* The ways by which a subject has a right: a list of texts, empty where none can be seen. */
GPtrArray *rbac_prove_ways(RbacProver *prover, const cJSON *subject, const char *ns,
			   const RbacAttributes *attributes, GError **error);
/* The ways by RoleBindings, of whichever namespace, to the rights of kubevirt.io:migrate but
 * reading: a list of "create .. in namespace 'prod', by RoleBinding ..". *ret_unread, NULL where
 * the list is whole: what this user may not list, free with g_free(). */
GPtrArray *rbac_prove_ways_in_namespaces(RbacProver *prover, const cJSON *subject,
					 char **ret_unread, GError **error);
/* What was read of roles and bindings is stale. */
void rbac_prover_forget(RbacProver *prover);

/* ---- aggregation (rbac-aggregate.c) --------------------------------------------------------- */

/* Of the rights of kubevirt.io:migrate, what ClusterRole admin has, and what it will have when the
 * controller manager has come to what the labels of roles say now. */
typedef struct {
	gboolean is_aggregated;
	RbacHeld stored, to_come;
} RbacAggregation;
gboolean rbac_aggregation(const CommandContext *context, RbacAggregation *ret_now, GError **error);
/* Until it has come to it; TIMEOUT. */
gboolean rbac_aggregation_wait(const CommandContext *context, gint64 timeout_ms,
			       RbacAggregation *ret_now, GError **error);

/* Whether there is a ClusterRole of that name: UNKNOWN where it may not be read. */
gboolean rbac_role_exists(const CommandContext *context, const char *name, RbacVerdict *ret_exists,
			  GError **error);
