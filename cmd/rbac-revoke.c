/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig rbac revoke: takes subjects out of bindings, and tells what right is left to them. */
#include "rbac-change.h"

#include "resource.h"

/* An API server sees what was written within some milliseconds. */
#define PROOF_WAIT_MS 5000
#define SHOWN_MAX 50u /* ways by bindings of namespaces */

typedef struct {
	RbacWhom whom;
	RbacPlaces places;
	ConfigDryRun dry_run;
	const char *name;
	gboolean with_view, prune;
} RevokeValues;

typedef struct {
	CommandContext *context;
	const RevokeValues *values;
	const cJSON *subjects;
	RbacProver *prover;
	gboolean kept; /* somebody has the right still */
	Tally tally;
} Revoke;

static void revoke_clear(Revoke *revoke)
{
	rbac_prover_free(revoke->prover);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Revoke, revoke_clear)

/* ---- bindings ------------------------------------------------------------------------------- */

static gboolean concerns(const Revoke *revoke, const cJSON *binding, const char *role)
{
	const cJSON *subject;

	if (!binding_is_of(binding, role))
		return FALSE;
	if (revoke->values->prune && binding_is_empty(binding))
		return TRUE;
	cJSON_ArrayForEach(subject, revoke->subjects)
	{
		if (binding_has(binding, subject))
			return TRUE;
	}
	return FALSE;
}

static GPtrArray *find_names(const Revoke *revoke, const char *ns, const char *role, GError **error)
{
	const Kind *kind = ns ? &KIND_ROLE_BINDING : &KIND_CLUSTER_ROLE_BINDING;
	const ClusterListOptions options = { .ns = ns };
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) bindings = NULL;

	if (revoke->values->name) {
		g_ptr_array_add(names, g_strdup(revoke->values->name));
		return names;
	}
	bindings = cluster_list(revoke->context->cluster, kind, &options, NULL, error);
	if (!bindings) {
		if (error && error_code(*error) == KVMIG_ERROR_FORBIDDEN)
			rbac_hint_revoke(revoke->subjects, ns,
					 "; who may read and change single bindings names one with "
					 "--name",
					 error);
		g_ptr_array_unref(names);
		return NULL;
	}
	for (guint i = 0; i < bindings->len; i++)
		if (concerns(revoke, bindings->pdata[i], role))
			g_ptr_array_add(names, g_strdup(object_name(bindings->pdata[i])));
	return names;
}

static void tell(const Revoke *revoke, const RbacBind *bind, const char *ns, const RbacBound *bound)
{
	g_autofree char *where = rbac_place_text(ns);
	const char *dry = bind->dry_run == DRY_RUN_NO ? "" : " (dry run)";

	if (g_str_equal(bound->verb, "unchanged"))
		return;
	say(revoke->context, "binding '%s' in %s %s: %u subject%s less%s", bind->name, where,
	    bound->verb, bound->count, bound->count == 1 ? "" : "s", dry);
	if (g_str_equal(bound->verb, "emptied"))
		say_hint(revoke->context, "kvmig has not made it, so it stays, without subjects: "
					  "--prune deletes it");
}

static gboolean take_out_of(Revoke *revoke, const char *ns, const char *name, const char *role,
			    guint *count, GError **error)
{
	const RbacBind bind = { .context = revoke->context,
				.name = name,
				.role = role,
				.subjects = revoke->subjects,
				.dry_run = revoke->values->dry_run.dry_run,
				.prune = revoke->values->prune };
	g_auto(RbacBound) bound = { 0 };

	if (!rbac_unbind(&bind, ns, &bound, error))
		return FALSE;
	*count += bound.count;
	tell(revoke, &bind, ns, &bound);
	return TRUE;
}

static gboolean take_out(Revoke *revoke, const char *ns, const char *role, guint *count,
			 GError **error)
{
	g_autoptr(GPtrArray) names = find_names(revoke, ns, role, error);

	for (guint i = 0; names && i < names->len; i++)
		if (!take_out_of(revoke, ns, names->pdata[i], role, count, error))
			return FALSE;
	return names != NULL;
}

/* With --name that of the other binding is made of it, as grant does. */
static gboolean take_out_view(Revoke *revoke, const char *ns, guint *count, GError **error)
{
	g_autofree char *name = g_strconcat(
		revoke->values->name ? revoke->values->name : BINDING_KVMIGRATE, "-view", NULL);

	return take_out_of(revoke, ns, name, ROLE_VIEW, count, error);
}

/* ---- what is left --------------------------------------------------------------------------- */

static gboolean tell_ways(Revoke *revoke, const cJSON *subject, const char *ns, RbacHeld held,
			  GError **error)
{
	g_autofree char *who = subject_text(subject);
	g_autofree char *where = rbac_place_text(ns);
	guint first = 0;
	g_autofree char *what = NULL;
	g_autoptr(GPtrArray) ways = NULL;

	while (!(held.held & (1u << first)))
		first++;
	what = rbac_attributes_text(&rbac_migrate_rights[first]);
	ways = rbac_prove_ways(revoke->prover, subject, ns, &rbac_migrate_rights[first], error);
	if (!ways)
		return FALSE;
	for (guint i = 0; i < ways->len; i++)
		say_warning(revoke->context, "%s may still %s in %s, by %s", who, what, where,
			    (const char *)ways->pdata[i]);
	if (!ways->len)
		say_warning(revoke->context,
			    "%s may still %s in %s, by what you may not see, or by no role", who,
			    what, where);
	return TRUE;
}

static void add_proof(Revoke *revoke, const cJSON *subject, const char *ns, RbacHeld held)
{
	g_autofree char *who = subject_text(subject);
	g_autofree char *where = rbac_place_text(ns);

	if (held.unknown)
		say_warning(revoke->context,
			    "whether %s may still migrate in %s cannot be told: you may create no "
			    "access review, and not read all roles and bindings",
			    who, where);
	else
		say(revoke->context, "%s may not migrate in %s%s any more (%s)", who, where,
		    ns ? "" : " at once", rbac_prover_how(revoke->prover));
}

/* The server was asked of all namespaces at once, which no binding in one of them gives. */
static gboolean look_into_namespaces(Revoke *revoke, const cJSON *subject, GError **error)
{
	g_autofree char *unread = NULL;
	g_autoptr(GPtrArray) ways =
		rbac_prove_ways_in_namespaces(revoke->prover, subject, &unread, error);
	g_autofree char *who = subject_text(subject);
	g_autofree char *words = subject_words(subject);
	gboolean of_role = FALSE;

	if (!ways)
		return FALSE;
	for (guint i = 0; i < ways->len; i++) {
		of_role = of_role || g_str_has_suffix(ways->pdata[i], "ClusterRole " ROLE_MIGRATE);
		if (i < SHOWN_MAX)
			say_warning(revoke->context, "%s may still %s", who,
				    (const char *)ways->pdata[i]);
	}
	if (ways->len > SHOWN_MAX)
		say_warning(revoke->context, "and %u ways more: 'kvmig rbac who-can -A' tells all",
			    ways->len - SHOWN_MAX);
	if (of_role)
		say_hint(revoke->context,
			 "'kvmig rbac revoke -n NAMESPACE %s' takes them out of those "
			 "of " ROLE_MIGRATE,
			 words);
	if (unread)
		say_warning(revoke->context,
			    "whether a binding in a namespace lets %s migrate there cannot be "
			    "told: you may not list %s",
			    who, unread);
	else if (!ways->len)
		say(revoke->context, "no binding in a namespace lets %s migrate there", who);
	revoke->kept = revoke->kept || ways->len;
	return TRUE;
}

/* A right that has another way stays: then there is nothing to wait for. */
static gboolean prove_one(Revoke *revoke, const cJSON *subject, const char *ns, GError **error)
{
	g_autoptr(GPtrArray) ways =
		rbac_prove_ways(revoke->prover, subject, ns, &rbac_migrate_rights[0], error);
	RbacHeld held = { 0, 0 };

	if (!ways || !rbac_prove_migrate(revoke->prover, subject, ns, FALSE,
					 ways->len ? 0 : PROOF_WAIT_MS, &held, error))
		return FALSE;
	/* reading migrations is not what this is about: view gives it too */
	held.held &= ~RBAC_READING_RIGHTS;
	held.unknown &= ~RBAC_READING_RIGHTS;
	if (held.held) {
		revoke->kept = TRUE;
		if (!tell_ways(revoke, subject, ns, held, error))
			return FALSE;
	} else {
		add_proof(revoke, subject, ns, held);
	}
	return ns || look_into_namespaces(revoke, subject, error);
}

static gboolean revoke_in(Revoke *revoke, const char *ns, GError **error)
{
	g_autofree char *where = rbac_place_text(ns);
	const cJSON *subject;
	guint count = 0;

	/* a list in a namespace that does not exist is an empty one */
	if (ns && !rbac_check_namespace(revoke->context->cluster, ns, error))
		return FALSE;
	if (!take_out(revoke, ns, ROLE_MIGRATE, &count, error) ||
	    (revoke->values->with_view && !take_out_view(revoke, ns, &count, error)))
		return FALSE;
	if (!count)
		say(revoke->context, "nothing to take out in %s", where);
	if (revoke->values->dry_run.dry_run != DRY_RUN_NO)
		return TRUE;
	rbac_prover_forget(revoke->prover);
	cJSON_ArrayForEach(subject, revoke->subjects)
	{
		if (!prove_one(revoke, subject, ns, error))
			return FALSE;
	}
	return TRUE;
}

/* ---- all of them ---------------------------------------------------------------------------- */

static int run_revoke(CommandContext *context, const void *data, GError **error)
{
	const RevokeValues *values = data;
	g_autoptr(cJSON) subjects = rbac_whom_read(context, &values->whom, error);
	g_autoptr(GPtrArray) places = subjects ? rbac_places_read(&values->places, error) : NULL;
	g_auto(Revoke) revoke = { .context = context, .values = values, .subjects = subjects };

	if (!places || (values->name && !rbac_name_check(values->name, error)) ||
	    !rbac_refuse_local(context, error))
		return STATUS_FAILED;
	revoke.prover = rbac_prover_new(context);
	for (guint i = 0; i < places->len; i++) {
		GError *failure = NULL;

		(void)revoke_in(&revoke, places->pdata[i], &failure);
		if (!tally_add(&revoke.tally, NULL, failure))
			break;
	}
	tally_tell_left(context, &revoke.tally, places->len);
	if (!revoke.tally.failed && revoke.kept)
		return STATUS_PARTIAL;
	return tally_status(&revoke.tally);
}

static const Option revoke_options[] = {
	OPT_INHERIT(rbac_whom_options, RevokeValues, whom),
	OPT_INHERIT(rbac_places_options, RevokeValues, places),
	OPT_STRING(0, "name", RevokeValues, name, "NAME",
		   "of the one binding to look at, else all of that role"),
	OPT_FLAG(0, "with-view", RevokeValues, with_view,
		 "out of what grant --with-view has made, too"),
	OPT_FLAG(0, "prune", RevokeValues, prune,
		 "delete bindings without subjects, whoever made them"),
	OPT_INHERIT(config_dry_run_options, RevokeValues, dry_run),
	OPT_END,
};

static const char *const examples[] = { "kvmig rbac revoke alice -n prod",
					"kvmig rbac revoke --group migrators --cluster --prune",
					NULL };

const Command rbac_revoke_command = {
	.name = "revoke",
	.summary = "take the right to migrate away, and prove it",
	.options = revoke_options,
	.values_size = sizeof(RevokeValues),
	.args = { "USER", 0, G_MAXUINT, COMPLETE_NONE },
	.needs = NEED_CLUSTER | MAY_CHANGE | OWN_CLUSTER_OPTION,
	.run = run_revoke,
	.examples = examples,
};
