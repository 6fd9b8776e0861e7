/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig rbac preserve start and keep: a temporary role lets admins of namespaces migrate over the
 * upgrade of KubeVirt that takes that from them. */
#include "rbac-preserve.h"

#include "base/clock.h"

#define TRIES 60
#define PAUSE_MAX_US 20000
#define PROOFS_MAX 10u
#define PROOF_WAIT_MS 5000

/* ---- start ---------------------------------------------------------------------------------- */

typedef struct {
	gint64 timeout_ms;
	ConfigDryRun dry_run;
} StartValues;

static gboolean record_before(const CommandContext *context, cJSON *state, GError **error)
{
	RbacAttributes rights[RBAC_N_MIGRATE_RIGHTS];
	const guint n = preserve_rights(context, rights);
	g_autofree char *at = clock_format_unix(clock_unix_us(clock_real()));
	g_autoptr(cJSON) by = cluster_whoami(context->cluster, NULL);
	g_autoptr(RbacObjects) objects = rbac_load(context->cluster, NULL, error);

	if (!objects)
		return FALSE;
	json_set_string(state, "startedAt", at);
	json_set_string(state, "by", json_string(by, "username", NULL));
	json_set(state, "before", rbac_holders_json(objects, rights, n, NULL));
	return TRUE;
}

/* What one attempt is to write; told once it is written. */
typedef struct {
	GPtrArray *wrongs;     /* of the role that was there */
	const cJSON *recorded; /* who may migrate today; NULL: that was recorded before */
	gboolean late;         /* the role gives back what the upgrade has taken */
} Start;

static void tell_start(const CommandContext *context, const Start *start, gboolean was_there,
		       gboolean dry_run)
{
	for (guint i = 0; i < start->wrongs->len; i++)
		say_warning(context,
			    "ClusterRole '" ROLE_UPGRADE "' was there already: %s; %sput right",
			    (const char *)start->wrongs->pdata[i], dry_run ? "would be " : "");
	if (start->late) {
		say_warning(context, "there is a ClusterRole '" ROLE_MIGRATE "': KubeVirt has been "
				     "upgraded already, and the temporary role gives the right to "
				     "migrate to admins of namespaces who may not have it now");
		if (!dry_run)
			say_hint(context, "'kvmig rbac preserve abort --accept-loss' undoes that");
	}
	if (start->recorded)
		say(context, "%d subjects may migrate today: %s in the role",
		    cJSON_GetArraySize(start->recorded),
		    dry_run ? "that would be recorded" : "recorded");
	say(context, "ClusterRole '" ROLE_UPGRADE "' %s%s", was_there ? "put right" : "made",
	    dry_run ? " (dry run)" : "");
}

static gboolean prepare(const CommandContext *context, cJSON *role, cJSON *state, Start *start,
			GError **error)
{
	RbacVerdict upgraded = RBAC_NO;

	preserve_role_mend(role, start->wrongs);
	if (!json_get(state, "startedAt")) {
		if (!rbac_role_exists(context, ROLE_MIGRATE, &upgraded, error) ||
		    !record_before(context, state, error))
			return FALSE;
		start->recorded = json_get(state, "before");
	}
	start->late = upgraded == RBAC_YES;
	preserve_set_state(role, state);
	return TRUE;
}

static gboolean write_role(const CommandContext *context, const StartValues *values,
			   const cJSON *role, gboolean was_there, GError **error)
{
	const ClusterWriteFlags flags = config_flags(&values->dry_run);
	g_autoptr(cJSON) stored = NULL;

	if (values->dry_run.dry_run == DRY_RUN_CLIENT)
		return TRUE;
	stored = was_there ? cluster_update(context->cluster, role, flags, error)
			   : cluster_create(context->cluster, role, flags, error);
	return stored != NULL;
}

static gboolean put_role(const CommandContext *context, const StartValues *values, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) there = preserve_get_role(context, &cause);
	g_autoptr(cJSON) role = there ? cJSON_Duplicate(there, TRUE) : preserve_role_new();
	g_autoptr(cJSON) state = preserve_state(role);
	g_autoptr(GPtrArray) wrongs = g_ptr_array_new_with_free_func(g_free);
	Start start = { .wrongs = wrongs };

	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (!prepare(context, role, state, &start, error))
		return FALSE;
	if (there && !wrongs->len && !start.recorded) {
		say(context, "nothing to change: it has been started already");
		return TRUE;
	}
	if (!write_role(context, values, role, there != NULL, error))
		return FALSE;
	tell_start(context, &start, there != NULL, values->dry_run.dry_run != DRY_RUN_NO);
	return TRUE;
}

/* Those who are admins of a namespace by a binding of ClusterRole admin itself. */
static gboolean prove_admins(const CommandContext *context, GError **error)
{
	g_autoptr(RbacProver) prover = rbac_prover_new(context);
	g_autoptr(RbacObjects) objects = rbac_load(context->cluster, NULL, error);
	const RbacBinding *binding;
	guint proven = 0, all = 0;

	if (!objects)
		return FALSE;
	for (guint i = 0; (binding = rbac_nth_binding(objects, RBAC_ROLE_BINDINGS, i)); i++) {
		if (!binding->role_is_cluster || !g_str_equal(binding->role, "admin"))
			continue;
		for (guint s = 0; s < binding->n_subjects; s++) {
			g_autoptr(cJSON) subject = rbac_subject_to_json(&binding->subjects[s]);
			g_autofree char *who = subject_text(subject);
			RbacHeld held = { 0, 0 };

			if (all++ >= PROOFS_MAX)
				continue;
			if (!rbac_prove_migrate(prover, subject, binding->ns, TRUE, PROOF_WAIT_MS,
						&held, error))
				return FALSE;
			if (!(held.held & 1u))
				return error_set(error, KVMIG_ERROR_FAILED,
						 "%s is admin of namespace '%s' and may still not "
						 "migrate there",
						 who, binding->ns);
			proven++;
		}
	}
	if (!all)
		say(context, "no binding makes anybody admin of a namespace: there is nobody to "
			     "ask for");
	else
		say(context,
		    "of %u admins of namespaces %u were asked for: all of these may migrate (%s)",
		    all, proven, rbac_prover_how(prover));
	return TRUE;
}

static int run_start(CommandContext *context, const void *data, GError **error)
{
	const StartValues *values = data;
	g_autoptr(GError) cause = NULL;
	RbacAggregation now = { .is_aggregated = FALSE };

	if (!preserve_check_cluster(context, error))
		return STATUS_FAILED;
	for (guint n = 0; n < TRIES; n++) {
		g_clear_error(&cause);
		if (put_role(context, values, &cause) ||
		    (error_code(cause) != KVMIG_ERROR_CONFLICT &&
		     error_code(cause) != KVMIG_ERROR_EXISTS))
			break;
		g_usleep((gulong)g_random_int_range(1, PAUSE_MAX_US));
	}
	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		if (error && error_code(*error) == KVMIG_ERROR_FORBIDDEN)
			error_hint(error, "a cluster admin does this, with all rights of the role");
		return STATUS_FAILED;
	}
	if (values->dry_run.dry_run != DRY_RUN_NO)
		return STATUS_DONE;
	if (!rbac_aggregation_wait(context, values->timeout_ms, &now, error))
		return STATUS_FAILED;
	if (!(now.stored.held & 1u)) {
		error_set(error, KVMIG_ERROR_FAILED,
			  "ClusterRole 'admin' does not have the right: it has no aggregationRule "
			  "that takes the label");
		return STATUS_FAILED;
	}
	if (!prove_admins(context, error))
		return STATUS_FAILED;
	say_hint(context, "name those who are to keep the right: 'kvmig rbac preserve keep USER'; "
			  "'kvmig rbac preserve status' tells who depends on the role");
	return STATUS_DONE;
}

/* ---- keep ----------------------------------------------------------------------------------- */

typedef struct {
	RbacWhom whom;
} KeepValues;

static gboolean keep_once(const CommandContext *context, const cJSON *subjects, guint *ret_added,
			  GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) role = preserve_get_role(context, &cause);
	g_autoptr(cJSON) state = preserve_state(role);
	g_autoptr(cJSON) stored = NULL;

	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (!role) {
		error_set(error, KVMIG_ERROR_NOT_FOUND,
			  "there is no ClusterRole '" ROLE_UPGRADE "'");
		error_hint(error, "'kvmig rbac preserve start' begins with making it");
		return FALSE;
	}
	if (!preserve_keep(state, subjects, ret_added, error))
		return FALSE;
	if (!*ret_added)
		return TRUE;
	preserve_set_state(role, state);
	stored = cluster_update(context->cluster, role, CLUSTER_WRITE_NONE, error);
	return stored != NULL;
}

static gboolean keep(const CommandContext *context, const cJSON *subjects, guint *ret_added,
		     GError **error)
{
	g_autoptr(GError) cause = NULL;

	for (guint n = 0; n < TRIES; n++) {
		g_clear_error(&cause);
		if (keep_once(context, subjects, ret_added, &cause))
			return TRUE;
		if (error_code(cause) != KVMIG_ERROR_CONFLICT)
			break;
		g_usleep((gulong)g_random_int_range(1, PAUSE_MAX_US));
	}
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static int run_keep(CommandContext *context, const void *data, GError **error)
{
	const KeepValues *values = data;
	g_autoptr(cJSON) subjects = rbac_whom_read(context, &values->whom, error);
	g_auto(Preserve) now = { 0 };
	const cJSON *subject;
	guint added = 0;

	if (!subjects || !preserve_check_cluster(context, error) ||
	    !keep(context, subjects, &added, error) || !preserve_look(context, &now, error))
		return STATUS_FAILED;
	say(context, "%u subject%s more to keep the right", added, added == 1 ? "" : "s");
	cJSON_ArrayForEach(subject, subjects)
	{
		const cJSON *row = preserve_row_of(now.dependents, subject);
		g_autofree char *who = subject_text(subject);
		g_autofree char *line = row ? preserve_grant_line(row) : NULL;

		if (line)
			say_hint(context, "%s has it by the temporary role only: '%s'", who, line);
		else if (!preserve_row_of(now.left, subject))
			say_warning(
				context,
				"%s has no right to migrate that can be seen: a user may have it "
				"by a group",
				who);
	}
	return STATUS_DONE;
}

/* ---- tables --------------------------------------------------------------------------------- */

static const Option start_options[] = {
	OPT_DURATION(0, "timeout", StartValues, timeout_ms, "how long to wait for the aggregation",
		     .defval = "30s"),
	OPT_INHERIT(config_dry_run_options, StartValues, dry_run),
	OPT_END,
};
static const Option keep_options[] = {
	OPT_INHERIT(rbac_whom_options, KeepValues, whom),
	OPT_END,
};
static const char *const start_examples[] = { "kvmig rbac preserve start", NULL };
static const char *const keep_examples[] = { "kvmig rbac preserve keep alice --group ops", NULL };

static const Command start_command = {
	.name = "start",
	.summary = "let admins of namespaces migrate over an upgrade",
	.options = start_options,
	.values_size = sizeof(StartValues),
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_start,
	.examples = start_examples,
};
static const Command keep_command = {
	.name = "keep",
	.summary = "name those who are to keep the right",
	.options = keep_options,
	.values_size = sizeof(KeepValues),
	.args = { "USER", 0, G_MAXUINT, COMPLETE_NONE },
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_keep,
	.examples = keep_examples,
};

static const Command *const subcommands[] = { &start_command,
					      &rbac_preserve_status_command,
					      &keep_command,
					      &rbac_preserve_finish_command,
					      &rbac_preserve_abort_command,
					      NULL };

const Command rbac_preserve_command = {
	.name = "preserve",
	.summary = "keep the right to migrate over an upgrade of KubeVirt",
	.subcommands = subcommands,
};
