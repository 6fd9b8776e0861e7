/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig rbac preserve status, finish and abort: who depends on the temporary role, and its end. */
#include "rbac-preserve.h"

#include "observe.h"

#define SHOWN_MAX 50
#define PROOFS_MAX 20u
#define PROOF_WAIT_MS 5000

static gboolean is_kept(const Preserve *now, const cJSON *subject)
{
	return subjects_have(json_get(now->state, "keep"), subject);
}

/* ---- status --------------------------------------------------------------------------------- */

static cJSON *describe(const Preserve *now)
{
	cJSON *document = cJSON_CreateObject(), *row;
	const cJSON *keep = json_get(now->state, "keep");

	json_set_bool(document, "temporaryRole", now->role != NULL);
	json_set_string(document, "startedAt", json_string(now->state, "startedAt", NULL));
	json_set_string(document, "by", json_string(now->state, "by", NULL));
	json_set_bool(document, "aggregated",
		      now->role && now->admin.stored.held == now->admin.to_come.held);
	json_set_bool(document, "adminsMayMigrate", (now->admin.stored.held & 1u) != 0);
	json_set_bool(document, "realRole", now->has_real_role);
	json_set_string(document, "notRead", now->gaps);
	json_set(document, "keep", keep ? cJSON_Duplicate(keep, TRUE) : cJSON_CreateArray());
	json_set(document, "dependents", cJSON_Duplicate(now->dependents, TRUE));
	cJSON_ArrayForEach(row, json_get(document, "dependents"))
	{
		json_set_bool(row, "everywhere", json_bool(row, "everywhere", FALSE));
		json_set_bool(row, "keep", is_kept(now, json_get(row, "subject")));
	}
	return document;
}

static char *cell_subject(const cJSON *row)
{
	return subject_text(json_get(row, "subject"));
}

static char *cell_keep(const cJSON *row)
{
	return g_strdup(json_bool(row, "keep", FALSE) ? "yes" : "no");
}

static const OutputColumn columns[] = {
	{ "DEPENDS", FALSE, FALSE, cell_subject },
	{ "NAMESPACES", FALSE, FALSE, preserve_places_text },
	{ "KEEP", FALSE, FALSE, cell_keep },
	{ "GRANT", TRUE, FALSE, preserve_grant_line },
	{ NULL, FALSE, FALSE, NULL },
};

static void show(const CommandContext *context, const cJSON *document)
{
	const OutputSpec spec = { .columns = columns };
	g_autoptr(GPtrArray) rows = g_ptr_array_new();
	cJSON *row;
	const char *at = json_string(document, "startedAt", NULL);
	g_autofree char *made =
		at ? g_strdup_printf("made %s by %s", at, json_string(document, "by", "?"))
		   : g_strdup("made, but not by kvmig");

	show_field(context, "Temporary role",
		   json_bool(document, "temporaryRole", FALSE) ? made
							       : "none: not begun, or finished");
	show_field(context, "Admins",
		   json_bool(document, "adminsMayMigrate", FALSE) ? "may migrate"
								  : "may not migrate");
	show_field(context, "Real role",
		   json_bool(document, "realRole", FALSE) ? "is there: KubeVirt has been upgraded"
							  : "is not there yet");
	cJSON_ArrayForEach(row, json_get(document, "dependents")) g_ptr_array_add(rows, row);
	if (rows->len)
		output_rows(context->output, &spec, rows);
	else if (json_bool(document, "temporaryRole", FALSE))
		show_field(context, "Depends on it", "nobody");
}

static int run_status(CommandContext *context, const void *values, GError **error)
{
	g_auto(Preserve) now = { 0 };
	g_autoptr(cJSON) document = NULL;

	(void)values;
	if (!preserve_check_cluster(context, error) || !preserve_look(context, &now, error))
		return STATUS_FAILED;
	document = describe(&now);
	if (now.gaps)
		say_warning(context, "there may be more who depend on it: %s", now.gaps);
	if (context->output->format == OUTPUT_JSON || context->output->format == OUTPUT_YAML)
		output_document(context->output, "RbacPreserve", document);
	else
		show(context, document);
	return STATUS_DONE;
}

/* ---- what speaks against the end ------------------------------------------------------------ */

typedef struct {
	gboolean accept_loss;
	gint64 timeout_ms;
} EndValues;

/* Lists those who would lose the right; how many there are. */
static guint list_losers(const CommandContext *context, const Preserve *now, gboolean kept)
{
	const cJSON *row;
	guint count = 0;

	cJSON_ArrayForEach(row, now->dependents)
	{
		g_autofree char *who = subject_text(json_get(row, "subject"));
		g_autofree char *places = preserve_places_text(row);
		g_autofree char *line = preserve_grant_line(row);

		if (is_kept(now, json_get(row, "subject")) != kept)
			continue;
		if (count++ >= SHOWN_MAX)
			continue;
		say_warning(context, "%s would lose the right in %s", who, places);
		if (kept)
			say_hint(context, "'%s'", line);
	}
	if (count > SHOWN_MAX)
		say_warning(context, "and %u more: 'kvmig rbac preserve status' lists all",
			    count - SHOWN_MAX);
	return count;
}

static gboolean check_readable(const Preserve *now, GError **error)
{
	if (!now->gaps)
		return TRUE;
	error_set(error, KVMIG_ERROR_FORBIDDEN, "who would lose the right cannot be told: %s",
		  now->gaps);
	error_hint(error, "a cluster admin may read all roles and bindings");
	return FALSE;
}

static gboolean check_losses(const CommandContext *context, const Preserve *now,
			     const EndValues *values, GError **error)
{
	guint others;

	if (list_losers(context, now, TRUE)) {
		error_set(error, KVMIG_ERROR_REFUSED,
			  "one who is to keep the right would lose it: nothing was deleted");
		error_hint(error, "grant it to them first");
		return FALSE;
	}
	others = list_losers(context, now, FALSE);
	if (!others || values->accept_loss)
		return TRUE;
	error_set(error, KVMIG_ERROR_REFUSED,
		  "%u subject%s would lose the right: nothing was deleted", others,
		  others == 1 ? "" : "s");
	error_hint(error, "--accept-loss where that is meant");
	return FALSE;
}

/* ---- the end -------------------------------------------------------------------------------- */

static const char *first_place(const cJSON *row)
{
	return json_bool(row, "everywhere", FALSE)
		       ? NULL
		       : cJSON_GetStringValue(cJSON_GetArrayItem(json_get(row, "namespaces"), 0));
}

/* Of those who were to lose it, the first of many. */
static gboolean prove_losses(const CommandContext *context, RbacProver *prover, const Preserve *now,
			     gboolean *ret_kept, GError **error)
{
	const cJSON *row;
	guint proven = 0;

	cJSON_ArrayForEach(row, now->dependents)
	{
		const char *ns = first_place(row);
		g_autofree char *who = subject_text(json_get(row, "subject"));
		g_autofree char *where = rbac_place_text(ns);
		RbacHeld held = { 0, 0 };

		if (proven++ >= PROOFS_MAX)
			break;
		if (!rbac_prove_migrate(prover, json_get(row, "subject"), ns, FALSE, PROOF_WAIT_MS,
					&held, error))
			return FALSE;
		if (!(held.held & ~RBAC_READING_RIGHTS))
			continue;
		*ret_kept = TRUE;
		say_warning(context, "%s may still migrate in %s: 'kvmig rbac who-can' tells why",
			    who, where);
	}
	if (proven && !*ret_kept)
		say(context, "proven: %u of those who depended on it may not migrate any more",
		    MIN(proven, PROOFS_MAX));
	return TRUE;
}

static gboolean prove_keepers(const CommandContext *context, RbacProver *prover,
			      const Preserve *now, GError **error)
{
	const cJSON *subject;
	guint proven = 0;

	cJSON_ArrayForEach(subject, json_get(now->state, "keep"))
	{
		const cJSON *row = preserve_row_of(now->left, subject);
		g_autofree char *who = subject_text(subject);
		RbacHeld held = { 0, 0 };

		if (!row)
			continue;
		if (!rbac_prove_migrate(prover, subject, first_place(row), TRUE, PROOF_WAIT_MS,
					&held, error))
			return FALSE;
		if (!(held.held & 1u)) {
			error_set(error, KVMIG_ERROR_FAILED, "%s cannot migrate any more", who);
			error_hint(error, "'kvmig rbac check' tells what is missing");
			return FALSE;
		}
		proven++;
	}
	if (proven)
		say(context, "proven: %u of those who are to keep the right have it", proven);
	return TRUE;
}

static int delete_and_prove(CommandContext *context, const EndValues *values, const Preserve *now,
			    GError **error)
{
	g_autoptr(RbacProver) prover = rbac_prover_new(context);
	RbacAggregation admin = { .is_aggregated = FALSE };
	gboolean kept = FALSE;

	if (!cluster_delete_unchanged(context->cluster, &KIND_CLUSTER_ROLE, now->role,
				      CLUSTER_WRITE_NONE, error)) {
		if (error && error_code(*error) == KVMIG_ERROR_CONFLICT)
			error_hint(error, "somebody has just changed it: look at 'kvmig rbac "
					  "preserve status', and try again");
		return STATUS_FAILED;
	}
	say(context, "ClusterRole '" ROLE_UPGRADE "' deleted");
	if (!rbac_aggregation_wait(context, values->timeout_ms, &admin, error) ||
	    !prove_losses(context, prover, now, &kept, error) ||
	    !prove_keepers(context, prover, now, error))
		return STATUS_FAILED;
	if (admin.stored.held & 1u)
		say(context, "admins of namespaces may migrate, by other roles");
	else
		say(context, "admins of namespaces may not migrate any more, but by a binding of "
			     "their own");
	return kept ? STATUS_PARTIAL : STATUS_DONE;
}

static int end(CommandContext *context, const EndValues *values, gboolean finish, GError **error)
{
	g_auto(Preserve) now = { 0 };

	if (!preserve_check_cluster(context, error) || !preserve_look(context, &now, error))
		return STATUS_FAILED;
	if (!now.role) {
		say(context, "nothing to do: there is no ClusterRole '" ROLE_UPGRADE "'");
		return STATUS_DONE;
	}
	if (finish && !now.has_real_role) {
		error_set(error, KVMIG_ERROR_REFUSED,
			  "there is no ClusterRole '" ROLE_MIGRATE "' yet: KubeVirt has not been "
			  "upgraded, and then nobody would have the right");
		error_hint(error, "'kvmig rbac preserve abort' undoes the beginning");
		return STATUS_FAILED;
	}
	if (!check_readable(&now, error) || !check_losses(context, &now, values, error))
		return STATUS_FAILED;
	return delete_and_prove(context, values, &now, error);
}

static int run_finish(CommandContext *context, const void *values, GError **error)
{
	return end(context, values, TRUE, error);
}

static int run_abort(CommandContext *context, const void *values, GError **error)
{
	return end(context, values, FALSE, error);
}

static const Option end_options[] = {
	OPT_FLAG(0, "accept-loss", EndValues, accept_loss,
		 "go on although some lose it who are not to keep it"),
	OPT_DURATION(0, "timeout", EndValues, timeout_ms, "how long to wait for the aggregation",
		     .defval = "30s"),
	OPT_END,
};
static const char *const status_examples[] = { "kvmig rbac preserve status -o wide", NULL };
static const char *const finish_examples[] = { "kvmig rbac preserve finish --accept-loss", NULL };
static const char *const abort_examples[] = { "kvmig rbac preserve abort", NULL };

const Command rbac_preserve_status_command = {
	.name = "status",
	.summary = "how far it is, and who depends on the temporary role",
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_status,
	.examples = status_examples,
};
const Command rbac_preserve_finish_command = {
	.name = "finish",
	.summary = "delete the temporary role once nobody needs it",
	.options = end_options,
	.values_size = sizeof(EndValues),
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_finish,
	.examples = finish_examples,
};
const Command rbac_preserve_abort_command = {
	.name = "abort",
	.summary = "delete the temporary role again",
	.options = end_options,
	.values_size = sizeof(EndValues),
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_abort,
	.examples = abort_examples,
};
