/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig rbac grant: binds ClusterRole kubevirt.io:migrate, and proves what came of it. */
#include "rbac-change.h"

#include "output/stream.h"
#include "resource.h"

/* An API server sees what was written within some milliseconds. */
#define PROOF_WAIT_MS 5000

typedef struct {
	RbacWhom whom;
	RbacPlaces places;
	ConfigDryRun dry_run;
	const char *name;
	gboolean with_view;
} GrantValues;

typedef struct {
	CommandContext *context;
	const GrantValues *values;
	const cJSON *subjects;
	RbacProver *prover;
	gboolean role_missing, view_in_vain;
	GPtrArray *objects; /* bindings, as they are or would be */
	GPtrArray *rows;    /* of the table */
	Tally tally;
} Grant;

static void grant_clear(Grant *grant)
{
	rbac_prover_free(grant->prover);
	g_clear_pointer(&grant->objects, g_ptr_array_unref);
	g_clear_pointer(&grant->rows, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Grant, grant_clear)

static GPtrArray *new_objects(void)
{
	return g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);
}

/* ---- what the role does not give ------------------------------------------------------------ */

/* Several rights that make up one thing that people do. */
typedef struct {
	const char *what;
	gboolean on_kubevirt_only, of_cluster, by_view;
	RbacAttributes rights[4];
} Deed;

static const Deed deeds[] = {
	{ .what = "see VMs, which 'kvmig migrate' and 'kvmig status' do",
	  .by_view = TRUE,
	  .rights = { { .verb = "get", .group = "kubevirt.io", .resource = "virtualmachines" },
		      { .verb = "get",
			.group = "kubevirt.io",
			.resource = "virtualmachineinstances" },
		      { .verb = "list",
			.group = "kubevirt.io",
			.resource = "virtualmachineinstances" } } },
	{ .what = "see migration policies",
	  .of_cluster = TRUE,
	  .rights = { { .verb = "list",
			.group = "migrations.kubevirt.io",
			.resource = "migrationpolicies" } } },
	/* the API server asks for the first, KubeVirt for the second, which is all that its own
	 * roles give */
	{ .what = "cancel an evacuation",
	  .on_kubevirt_only = TRUE,
	  .rights = { { .verb = "update",
			.group = "subresources.kubevirt.io",
			.resource = "virtualmachineinstances",
			.subresource = "evacuate" },
		      { .verb = "update",
			.group = "subresources.kubevirt.io",
			.resource = "virtualmachineinstances",
			.subresource = "evacuate/cancel" } } },
	{ .what = "drain nodes",
	  .on_kubevirt_only = TRUE,
	  .of_cluster = TRUE,
	  .rights = { { .verb = "patch", .group = "", .resource = "nodes" } } },
};

static gsize n_rights(const Deed *deed)
{
	gsize n = 0;

	while (n < G_N_ELEMENTS(deed->rights) && deed->rights[n].verb)
		n++;
	return n;
}

/* The binding that --with-view wrote is as new to the server as the one of which it was proven that
 * it is known; where waiting for it was in vain, the role does not give that. */
static gboolean may_all(Grant *grant, const cJSON *subject, const char *ns, const Deed *deed,
			RbacVerdict *ret_verdict, GError **error)
{
	const gboolean bound = deed->by_view && grant->values->with_view && !grant->view_in_vain;

	if (!rbac_prove_all(grant->prover, subject, deed->of_cluster ? NULL : ns, deed->rights,
			    n_rights(deed), bound ? PROOF_WAIT_MS : 0, ret_verdict, error))
		return FALSE;
	if (bound && *ret_verdict == RBAC_NO &&
	    !g_str_equal(rbac_prover_how(grant->prover), "evaluation"))
		grant->view_in_vain = TRUE;
	return TRUE;
}

static void add_text(GString *list, const char *text)
{
	g_string_append_printf(list, "%s%s", list->len ? "; " : "", text);
}

static gboolean tell_uncovered(Grant *grant, const cJSON *subject, const char *ns, GError **error)
{
	gboolean kubevirt = cluster_caps(grant->context->cluster)->kind == CLUSTER_KUBEVIRT;
	g_autoptr(GString) no = g_string_new(NULL);
	g_autoptr(GString) unknown = g_string_new(NULL);
	g_autofree char *who = subject_text(subject);
	g_autofree char *where = rbac_place_text(ns);
	gboolean view = FALSE;

	for (gsize i = 0; i < G_N_ELEMENTS(deeds); i++) {
		RbacVerdict verdict;

		if (deeds[i].on_kubevirt_only && !kubevirt)
			continue;
		if (!may_all(grant, subject, ns, &deeds[i], &verdict, error))
			return FALSE;
		if (verdict != RBAC_YES)
			add_text(verdict == RBAC_NO ? no : unknown, deeds[i].what);
		view = view || (verdict == RBAC_NO && deeds[i].by_view);
	}
	if (no->len)
		say(grant->context, "%s may not in %s: %s", who, where, no->str);
	if (unknown->len)
		say(grant->context, "whether %s may in %s, you may not see: %s", who, where,
		    unknown->str);
	if (view && !grant->values->with_view)
		say_hint(grant->context,
			 "--with-view binds %s too, or give a role that has it, as "
			 "view, edit or admin",
			 ROLE_VIEW);
	return TRUE;
}

/* ---- proof ---------------------------------------------------------------------------------- */

static void add_row(Grant *grant, const cJSON *subject, const char *ns, const RbacBound *bound,
		    const RbacHeld *held)
{
	cJSON *row = cJSON_CreateObject();
	g_autofree char *who = subject_text(subject);
	g_autofree char *rights = held ? rbac_held_text(grant->context, *held) : NULL;

	json_set_string(row, "namespace", ns ? ns : "(all)");
	json_set_string(row, "subject", who);
	json_set_string(row, "binding", object_name(bound->object));
	json_set_string(row, "done", bound->verb);
	json_set_string(row, "rights", rights);
	json_set_string(row, "asked", held ? rbac_prover_how(grant->prover) : NULL);
	g_ptr_array_add(grant->rows, row);
}

static gboolean set_unproven(Grant *grant, const cJSON *subject, const char *ns, RbacHeld held,
			     GError **error)
{
	g_autofree char *who = subject_text(subject);
	g_autofree char *where = rbac_place_text(ns);
	g_autoptr(GString) missing = g_string_new(NULL);

	for (guint i = 0; i < rbac_n_rights(grant->context); i++) {
		g_autofree char *text = rbac_attributes_text(&rbac_migrate_rights[i]);

		if (!((held.held | held.unknown) & (1u << i)))
			add_text(missing, text);
	}
	if (!missing->len)
		return TRUE;
	error_set(error, KVMIG_ERROR_FAILED, "%s is bound in %s, but may still not: %s", who, where,
		  missing->str);
	error_hint(error,
		   "look at what the role gives: kubectl get clusterrole " ROLE_MIGRATE " -o yaml");
	return FALSE;
}

static gboolean prove_one(Grant *grant, const cJSON *subject, const char *ns,
			  const RbacBound *bound, GError **error)
{
	RbacHeld held = { 0, 0 };

	if (!rbac_prove_migrate(grant->prover, subject, ns, TRUE,
				grant->role_missing ? 0 : PROOF_WAIT_MS, &held, error))
		return FALSE;
	add_row(grant, subject, ns, bound, &held);
	if (held.unknown)
		say_warning(grant->context,
			    "the right cannot be proven: you may create no access review, and not "
			    "read the roles and bindings that it follows from");
	if (!grant->role_missing && !set_unproven(grant, subject, ns, held, error))
		return FALSE;
	return tell_uncovered(grant, subject, ns, error);
}

static gboolean prove(Grant *grant, const char *ns, const RbacBound *bound, GError **error)
{
	const cJSON *subject;

	rbac_prover_forget(grant->prover);
	cJSON_ArrayForEach(subject, grant->subjects)
	{
		if (grant->values->dry_run.dry_run != DRY_RUN_NO)
			add_row(grant, subject, ns, bound, NULL);
		else if (!prove_one(grant, subject, ns, bound, error))
			return FALSE;
	}
	return TRUE;
}

/* ---- one place ------------------------------------------------------------------------------ */

static void say_bound(const Grant *grant, const RbacBind *bind, const char *ns,
		      const RbacBound *bound)
{
	g_autofree char *where = rbac_place_text(ns);
	const char *dry = bind->dry_run == DRY_RUN_NO ? "" : " (dry run)";

	if (!bound->count)
		say(grant->context, "nothing to change in %s: binding '%s' has them already%s",
		    where, bind->name, dry);
	else
		say(grant->context, "binding '%s' in %s %s: %u subject%s more%s", bind->name, where,
		    bound->verb, bound->count, bound->count == 1 ? "" : "s", dry);
}

static gboolean bind_role(Grant *grant, const char *ns, const char *name, const char *role,
			  RbacBound *ret_bound, GError **error)
{
	const RbacBind bind = { .context = grant->context,
				.name = name,
				.role = role,
				.subjects = grant->subjects,
				.dry_run = grant->values->dry_run.dry_run };

	if (!rbac_bind(&bind, ns, ret_bound, error))
		return FALSE;
	say_bound(grant, &bind, ns, ret_bound);
	g_ptr_array_add(grant->objects, cJSON_Duplicate(ret_bound->object, TRUE));
	return TRUE;
}

static gboolean grant_in(Grant *grant, const char *ns, GError **error)
{
	g_autofree char *view_name = g_strconcat(grant->values->name, "-view", NULL);
	g_auto(RbacBound) bound = { 0 };
	g_auto(RbacBound) view = { 0 };

	return bind_role(grant, ns, grant->values->name, ROLE_MIGRATE, &bound, error) &&
	       (!grant->values->with_view ||
		bind_role(grant, ns, view_name, ROLE_VIEW, &view, error)) &&
	       prove(grant, ns, &bound, error);
}

/* ---- before and after ----------------------------------------------------------------------- */

/* KubeVirt before 1.5 lets admins and editors of a namespace migrate, and has no such role. */
static gboolean look_at_role(Grant *grant, GError **error)
{
	RbacVerdict exists;

	if (!rbac_role_exists(grant->context, ROLE_MIGRATE, &exists, error))
		return FALSE;
	grant->role_missing = exists == RBAC_NO;
	if (grant->role_missing)
		say_warning(grant->context,
			    "there is no ClusterRole '" ROLE_MIGRATE "' here: KubeVirt before 1.5 "
			    "lets whoever is admin or edit in a namespace migrate; the binding "
			    "gives nothing until the upgrade makes the role");
	return TRUE;
}

static gboolean warn_about_subjects(const Grant *grant, GError **error)
{
	const cJSON *subject;

	cJSON_ArrayForEach(subject, grant->subjects)
	{
		const char *caution = subject_caution(subject);
		const char *ns = json_string(subject, "namespace", NULL);
		g_autofree char *who = subject_text(subject);
		g_autoptr(GError) cause = NULL;
		g_autoptr(cJSON) account = NULL;

		if (caution)
			say_warning(grant->context, "%s: %s", who, caution);
		if (!ns)
			continue;
		account = cluster_get(grant->context->cluster, &KIND_SERVICE_ACCOUNT, ns,
				      json_string(subject, "name", ""), &cause);
		if (!account && error_code(cause) == KVMIG_ERROR_NOT_FOUND)
			say_warning(grant->context, "%s does not exist (yet)", who);
		else if (!account && error_code(cause) != KVMIG_ERROR_FORBIDDEN) {
			g_propagate_error(error, g_steal_pointer(&cause));
			return FALSE;
		}
	}
	return TRUE;
}

#define CELL(function, key)                                                                        \
	static char *function(const cJSON *row)                                                    \
	{                                                                                          \
		return g_strdup(json_string(row, key, NULL));                                      \
	}
CELL(cell_namespace, "namespace")
CELL(cell_subject, "subject")
CELL(cell_binding, "binding")
CELL(cell_done, "done")
CELL(cell_rights, "rights")
CELL(cell_asked, "asked")

static const OutputColumn columns[] = {
	{ "NAMESPACE", FALSE, FALSE, cell_namespace },
	{ "SUBJECT", FALSE, FALSE, cell_subject },
	{ "BINDING", FALSE, FALSE, cell_binding },
	{ "DONE", FALSE, FALSE, cell_done },
	{ "RIGHTS", FALSE, FALSE, cell_rights },
	{ "ASKED", FALSE, FALSE, cell_asked },
	{ NULL, FALSE, FALSE, NULL },
};

static void print(const Grant *grant)
{
	const OutputSpec spec = { .list_kind = "RbacGrantList", .columns = columns };

	if (grant->context->output->format == OUTPUT_TABLE ||
	    grant->context->output->format == OUTPUT_WIDE) {
		if (grant->rows->len)
			output_rows(grant->context->output, &spec, grant->rows);
		return;
	}
	rbac_print_objects(grant->context, grant->objects);
}

static int run_grant(CommandContext *context, const void *data, GError **error)
{
	const GrantValues *values = data;
	g_autoptr(cJSON) subjects = rbac_whom_read(context, &values->whom, error);
	g_autoptr(GPtrArray) places = subjects ? rbac_places_read(&values->places, error) : NULL;
	g_auto(Grant) grant = { .context = context, .values = values, .subjects = subjects };

	if (!places || !rbac_name_check(values->name, error) || !rbac_refuse_local(context, error))
		return STATUS_FAILED;
	grant.prover = rbac_prover_new(context);
	grant.objects = new_objects();
	grant.rows = new_objects();
	if (!look_at_role(&grant, error) || !warn_about_subjects(&grant, error))
		return STATUS_FAILED;
	for (guint i = 0; i < places->len; i++) {
		GError *failure = NULL;

		(void)grant_in(&grant, places->pdata[i], &failure);
		if (!tally_add(&grant.tally, NULL, failure))
			break;
	}
	tally_tell_left(context, &grant.tally, places->len);
	print(&grant);
	return tally_status(&grant.tally);
}

static const Option grant_options[] = {
	OPT_INHERIT(rbac_whom_options, GrantValues, whom),
	OPT_INHERIT(rbac_places_options, GrantValues, places),
	OPT_STRING(0, "name", GrantValues, name, "NAME", "of the binding",
		   .defval = BINDING_KVMIGRATE),
	OPT_FLAG(0, "with-view", GrantValues, with_view, "bind " ROLE_VIEW " too, to see the VMs"),
	OPT_INHERIT(config_dry_run_options, GrantValues, dry_run),
	OPT_END,
};

static const char *const examples[] = { "kvmig rbac grant alice -n prod",
					"kvmig rbac grant --group migrators --cluster",
					"kvmig rbac grant alice -n prod --dry-run -o yaml", NULL };

const Command rbac_grant_command = {
	.name = "grant",
	.summary = "let users migrate VMs, and prove that they may",
	.options = grant_options,
	.values_size = sizeof(GrantValues),
	.args = { "USER", 0, G_MAXUINT, COMPLETE_NONE },
	.needs = NEED_CLUSTER | MAY_CHANGE | HAS_OUTPUT | OWN_CLUSTER_OPTION,
	.run = run_grant,
	.examples = examples,
};
