/* SPDX-License-Identifier: Apache-2.0 */
#include "rbac-ask.h"

#include "review.h"

typedef enum { BY_SELF, BY_REVIEW, BY_IMPERSONATION, BY_LOCAL_REVIEW, BY_EVALUATION, WAYS } Way;

static const char *const way_names[WAYS] = {
	[BY_SELF] = "SelfSubjectAccessReview", [BY_REVIEW] = "SubjectAccessReview",
	[BY_IMPERSONATION] = "impersonation",  [BY_LOCAL_REVIEW] = "LocalSubjectAccessReview",
	[BY_EVALUATION] = "evaluation",
};

struct RbacAsker {
	const CommandContext *context;
	Cluster *cluster;      /* as oneself */
	Cluster *impersonated; /* as --as; opened when it is needed */
	RbacObjects *objects;  /* read when they are needed */
	char *ns;              /* that they are of; NULL: all */
	char *name;
	GStrv groups;
	RbacUser user;
	gboolean closed[WAYS]; /* was refused */
	GHashTable *answers;   /* text of the question -> verdict */
	const char *how;
};

/* ---- who ------------------------------------------------------------------------------------ */

/* Servers before 1.28 do not say. */
static void ask_who(RbacAsker *asker)
{
	g_autoptr(cJSON) review = object_new(&KIND_SELF_SUBJECT_REVIEW, NULL, NULL);
	g_autoptr(cJSON) answer = cluster_create(asker->cluster, review, CLUSTER_WRITE_NONE, NULL);
	const cJSON *info = json_path(answer, "status", "userInfo", NULL);

	asker->name = g_strdup(json_string(info, "username", NULL));
}

/* Whom --as and --as-group name. */
static void take_named(RbacAsker *asker)
{
	const ClusterOptions *choice = asker->context->choice;
	g_auto(GStrv) implied = rbac_implied_groups(choice->as);
	g_autoptr(GStrvBuilder) groups = g_strv_builder_new();

	g_strv_builder_addv(groups, (const char **)implied);
	if (choice->as_groups)
		g_strv_builder_addv(groups, (const char **)choice->as_groups);
	asker->name = g_strdup(choice->as);
	asker->groups = g_strv_builder_end(groups);
}

RbacAsker *rbac_asker_new(const CommandContext *context, GError **error)
{
	ClusterOptions choice = *context->choice;
	g_autoptr(RbacAsker) asker = g_new0(RbacAsker, 1);

	choice.as = NULL;
	choice.as_uid = NULL;
	choice.as_groups = NULL;
	asker->context = context;
	asker->answers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	asker->how = way_names[BY_EVALUATION];
	asker->cluster = cluster_open(&choice, error);
	if (!asker->cluster || !cluster_probe(asker->cluster, error))
		return NULL;
	if (context->choice->as)
		take_named(asker);
	else if (cluster_caps(asker->cluster)->kind != CLUSTER_LOCAL)
		ask_who(asker);
	asker->user = (RbacUser){ asker->name, (const char *const *)asker->groups };
	return g_steal_pointer(&asker);
}

void rbac_asker_free(RbacAsker *asker)
{
	if (!asker)
		return;
	g_clear_pointer(&asker->impersonated, cluster_close);
	g_clear_pointer(&asker->cluster, cluster_close);
	rbac_objects_free(asker->objects);
	g_hash_table_unref(asker->answers);
	g_strfreev(asker->groups);
	g_free(asker->ns);
	g_free(asker->name);
	g_free(asker);
}

Cluster *rbac_asker_cluster(RbacAsker *asker)
{
	return asker->cluster;
}

const RbacUser *rbac_asker_user(const RbacAsker *asker)
{
	return &asker->user;
}

const char *rbac_asker_how(const RbacAsker *asker)
{
	return asker->how;
}

/* ---- the ways ------------------------------------------------------------------------------- */

static RbacVerdict impersonate(RbacAsker *asker, const RbacAttributes *attributes, GError **error)
{
	if (!asker->impersonated)
		asker->impersonated = cluster_open(asker->context->choice, error);
	return asker->impersonated ? review_self(asker->impersonated, attributes, error)
				   : RBAC_UNKNOWN;
}

/* Roles and bindings of the namespace that is asked about: that one and none do for all questions
 * of a command. */
static RbacVerdict evaluate(RbacAsker *asker, const RbacAttributes *attributes, GError **error)
{
	const gboolean in_one = attributes->ns && *attributes->ns;

	if (asker->objects && in_one && g_strcmp0(asker->ns, attributes->ns) != 0)
		g_clear_pointer(&asker->objects, rbac_objects_free);
	if (!asker->objects) {
		g_free(asker->ns);
		asker->ns = g_strdup(in_one ? attributes->ns : asker->context->ns);
		asker->objects = rbac_load(asker->cluster, asker->ns, error);
	}
	return asker->objects ? rbac_allows(asker->objects, &asker->user, attributes, NULL)
			      : RBAC_UNKNOWN;
}

static gboolean is_open(const RbacAsker *asker, Way way, const RbacAttributes *attributes)
{
	if (asker->closed[way])
		return FALSE;
	if (way == BY_LOCAL_REVIEW && !(attributes->ns && *attributes->ns))
		return FALSE;
	return (way == BY_SELF) == (asker->context->choice->as == NULL);
}

static RbacVerdict go(RbacAsker *asker, Way way, const RbacAttributes *attributes, GError **error)
{
	switch (way) {
	case BY_SELF:
		return review_self(asker->cluster, attributes, error);
	case BY_REVIEW:
		return review_user(asker->cluster, &asker->user, attributes, FALSE, error);
	case BY_IMPERSONATION:
		return impersonate(asker, attributes, error);
	case BY_LOCAL_REVIEW:
		return review_user(asker->cluster, &asker->user, attributes, TRUE, error);
	default:
		return evaluate(asker, attributes, error);
	}
}

static gboolean find_answer(RbacAsker *asker, const RbacAttributes *attributes,
			    RbacVerdict *ret_verdict, GError **error)
{
	for (int way = 0; way < WAYS; way++) {
		g_autoptr(GError) cause = NULL;
		RbacVerdict verdict;

		if (!is_open(asker, (Way)way, attributes))
			continue;
		verdict = go(asker, (Way)way, attributes, &cause);
		if (!cause && verdict != RBAC_UNKNOWN) {
			asker->how = way_names[way];
			*ret_verdict = verdict;
			return TRUE;
		}
		if (cause && error_code(cause) != KVMIG_ERROR_FORBIDDEN) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
		/* of one namespace it may be open and of another one not */
		asker->closed[way] = cause && way != BY_LOCAL_REVIEW;
	}
	*ret_verdict = RBAC_UNKNOWN;
	return TRUE;
}

gboolean rbac_asker_ask(RbacAsker *asker, const RbacAttributes *attributes,
			RbacVerdict *ret_verdict, GError **error)
{
	g_autofree char *what = rbac_attributes_text(attributes);
	g_autofree char *key = g_strdup_printf("%s|%s", attributes->ns ? attributes->ns : "", what);
	gpointer known;

	if (g_hash_table_lookup_extended(asker->answers, key, NULL, &known)) {
		*ret_verdict = (RbacVerdict)GPOINTER_TO_INT(known);
		return TRUE;
	}
	if (!find_answer(asker, attributes, ret_verdict, error))
		return FALSE;
	g_hash_table_insert(asker->answers, g_steal_pointer(&key), GINT_TO_POINTER(*ret_verdict));
	return TRUE;
}
