/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig rbac aggregate: whether admins of a namespace have the right to migrate with all others. */
#include "rbac-change.h"

#include <string.h>

#include "observe.h"

#define ROLE_ADMIN "admin"
#define PAUSE_US 200000

/* ---- aggregation ---------------------------------------------------------------------------- */

static guint32 rights_of(const CommandContext *context, RbacObjects *objects, const RbacRole *role)
{
	guint32 held = 0;

	for (guint i = 0; i < rbac_n_rights(context); i++)
		if (rbac_role_allows(objects, role, &rbac_migrate_rights[i]))
			held |= 1u << i;
	return held;
}

gboolean rbac_aggregation(const CommandContext *context, RbacAggregation *ret_now, GError **error)
{
	g_autoptr(RbacObjects) objects = rbac_objects_new(NULL);
	g_autoptr(GPtrArray) roles =
		cluster_list(context->cluster, &KIND_CLUSTER_ROLE, NULL, NULL, error);
	const RbacRole *admin;

	if (!roles)
		return FALSE;
	for (guint i = 0; i < roles->len; i++)
		if (!rbac_objects_add(objects, roles->pdata[i], error))
			return FALSE;
	admin = rbac_find_role(objects, NULL, ROLE_ADMIN);
	if (!admin)
		return error_set(error, KVMIG_ERROR_NOT_FOUND,
				 "there is no ClusterRole '" ROLE_ADMIN "', which others are "
				 "aggregated to");
	ret_now->is_aggregated = admin->aggregated;
	ret_now->stored.held = rights_of(context, objects, admin);
	ret_now->stored.unknown = 0;
	rbac_objects_reaggregate(objects);
	ret_now->to_come.held = rights_of(context, objects, admin);
	ret_now->to_come.unknown = 0;
	return TRUE;
}

gboolean rbac_aggregation_wait(const CommandContext *context, gint64 timeout_ms,
			       RbacAggregation *ret_now, GError **error)
{
	const gint64 end_us = g_get_monotonic_time() + timeout_ms * 1000;

	for (;;) {
		if (!rbac_aggregation(context, ret_now, error))
			return FALSE;
		if (ret_now->stored.held == ret_now->to_come.held)
			return TRUE;
		if (g_get_monotonic_time() >= end_us)
			break;
		g_usleep(PAUSE_US);
	}
	error_set(error, KVMIG_ERROR_TIMEOUT,
		  "ClusterRole '" ROLE_ADMIN "' has not come to what its label selects in time: "
		  "the cluster's controller manager does that");
	error_hint(error, "'kvmig rbac aggregate status' tells when it has");
	return FALSE;
}

/* ---- what else decides ---------------------------------------------------------------------- */

/* Of the KubeVirt object; NULL: not said, or there is none. */
static char *strategy(const CommandContext *context, GError **error)
{
	g_autoptr(GPtrArray) list =
		cluster_list(context->cluster, &KIND_KUBEVIRT, NULL, NULL, error);

	if (!list || !list->len)
		return NULL;
	return g_strdup(json_string(json_path(list->pdata[0], "spec", "configuration", NULL),
				    "roleAggregationStrategy", NULL));
}

static gboolean tell_what_undoes(const CommandContext *context, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autofree char *said = NULL;

	if (cluster_caps(context->cluster)->kind != CLUSTER_KUBEVIRT)
		return TRUE;
	said = strategy(context, &cause);
	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (g_strcmp0(said, "Manual") == 0)
		say_warning(context, "KubeVirt has roleAggregationStrategy: Manual: its operator "
				     "takes the aggregation off its roles, and may undo this");
	say(context,
	    "KubeVirt's operator leaves the label on the role as long as that is there; "
	    "where it makes the role anew, after a removal of KubeVirt, the label is gone");
	return TRUE;
}

/* ---- on and off ----------------------------------------------------------------------------- */

typedef struct {
	ConfigDryRun dry_run;
	gint64 timeout_ms;
} SwitchValues;

static cJSON *get_role(const CommandContext *context, GError **error)
{
	g_autoptr(GError) cause = NULL;
	cJSON *role = cluster_get(context->cluster, &KIND_CLUSTER_ROLE, NULL, ROLE_MIGRATE, &cause);

	if (role)
		return role;
	if (error_code(cause) == KVMIG_ERROR_NOT_FOUND) {
		error_set(error, KVMIG_ERROR_NOT_FOUND,
			  "there is no ClusterRole '" ROLE_MIGRATE "' here: KubeVirt before 1.5, "
			  "where whoever is admin or edit in a namespace may migrate");
		return NULL;
	}
	g_propagate_error(error, g_steal_pointer(&cause));
	return NULL;
}

static gboolean set_label(const CommandContext *context, const char *value,
			  const ConfigDryRun *dry_run, GError **error)
{
	g_autoptr(cJSON) patch = cJSON_CreateObject();
	cJSON *labels = json_ensure_object(json_ensure_object(patch, "metadata"), "labels");
	g_autoptr(cJSON) stored = NULL;

	if (dry_run->dry_run == DRY_RUN_CLIENT)
		return TRUE;
	json_set(labels, LABEL_AGGREGATE_ADMIN,
		 value ? cJSON_CreateString(value) : cJSON_CreateNull());
	stored = cluster_patch(context->cluster, &KIND_CLUSTER_ROLE, NULL, ROLE_MIGRATE,
			       CLUSTER_PATCH_MERGE, patch, config_flags(dry_run), error);
	if (!stored && error && error_code(*error) == KVMIG_ERROR_FORBIDDEN)
		error_hint(error, "a cluster admin may change ClusterRoles");
	return stored != NULL;
}

static int tell_switched(const CommandContext *context, gboolean on, const RbacAggregation *now,
			 GError **error)
{
	g_autofree char *rights = rbac_held_text(context, now->stored);
	const guint32 held = now->stored.held & ~RBAC_READING_RIGHTS;
	const guint32 all = ((1u << rbac_n_rights(context)) - 1) & ~RBAC_READING_RIGHTS;

	if (on && held != all) {
		error_set(error, KVMIG_ERROR_FAILED,
			  "ClusterRole '" ROLE_ADMIN "' gives %s rights of " ROLE_MIGRATE ": %s",
			  rights,
			  now->is_aggregated
				  ? "the role gives no more itself"
				  : "it has no aggregationRule, so that no label counts");
		return STATUS_FAILED;
	}
	if (!on && held) {
		say_warning(context,
			    "admins of a namespace may migrate all the same: ClusterRole "
			    "'" ROLE_ADMIN "' gives %s rights by other roles",
			    rights);
		say_hint(context, "'kvmig rbac who-can' names them");
		return STATUS_PARTIAL;
	}
	say(context, "ClusterRole '" ROLE_ADMIN "' gives %s rights of " ROLE_MIGRATE, rights);
	return STATUS_DONE;
}

static int switch_to(CommandContext *context, const SwitchValues *values, gboolean on,
		     GError **error)
{
	const char *dry = values->dry_run.dry_run == DRY_RUN_NO ? "" : " (dry run)";
	RbacAggregation now = { .is_aggregated = FALSE };
	g_autoptr(cJSON) role = NULL;
	gboolean is_on;

	if (!rbac_refuse_local(context, error))
		return STATUS_FAILED;
	role = get_role(context, error);
	if (!role)
		return STATUS_FAILED;
	is_on = g_strcmp0(object_label(role, LABEL_AGGREGATE_ADMIN), "true") == 0;
	if (is_on == on)
		say(context, "nothing to change: the label is %s already",
		    on ? "there" : "not there");
	else if (!set_label(context, on ? "true" : NULL, &values->dry_run, error))
		return STATUS_FAILED;
	else
		say(context, "label %s %s ClusterRole '" ROLE_MIGRATE "'%s", LABEL_AGGREGATE_ADMIN,
		    on ? "put on" : "taken off", dry);
	if (on && !tell_what_undoes(context, error))
		return STATUS_FAILED;
	if (*dry)
		return STATUS_DONE;
	if (!rbac_aggregation_wait(context, values->timeout_ms, &now, error))
		return STATUS_FAILED;
	return tell_switched(context, on, &now, error);
}

static int run_on(CommandContext *context, const void *values, GError **error)
{
	return switch_to(context, values, TRUE, error);
}

static int run_off(CommandContext *context, const void *values, GError **error)
{
	return switch_to(context, values, FALSE, error);
}

/* ---- status --------------------------------------------------------------------------------- */

static void show_status(const CommandContext *context, const cJSON *document)
{
	const gboolean on = json_bool(document, "on", FALSE);

	show_field(context, "Label",
		   on                                         ? "on " ROLE_MIGRATE
		   : json_bool(document, "roleExists", FALSE) ? "not on " ROLE_MIGRATE
							      : "there is no " ROLE_MIGRATE);
	show_field(context, "Admins have", json_string(document, "adminRightsText", NULL));
	show_field(context, "Settled",
		   json_bool(document, "settled", FALSE)
			   ? "yes"
			   : "no: the controller manager has yet to aggregate");
	show_field(context, "Strategy",
		   json_string(document, "roleAggregationStrategy", "default"));
}

static int run_status(CommandContext *context, const void *values, GError **error)
{
	g_autoptr(cJSON) document = cJSON_CreateObject();
	g_autofree char *rights = NULL;
	g_autofree char *said = NULL;
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) role = NULL;
	RbacAggregation now = { .is_aggregated = FALSE };

	(void)values;
	if (!rbac_refuse_local(context, error) || !rbac_aggregation(context, &now, error))
		return STATUS_FAILED;
	role = get_role(context, &cause);
	if (cause && error_code(cause) != KVMIG_ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return STATUS_FAILED;
	}
	said = strategy(context, NULL);
	rights = rbac_held_text(context, now.stored);
	json_set_bool(document, "roleExists", role != NULL);
	json_set_bool(document, "on",
		      g_strcmp0(object_label(role, LABEL_AGGREGATE_ADMIN), "true") == 0);
	json_set_bool(document, "settled", now.stored.held == now.to_come.held);
	json_set_bool(document, "adminsMayMigrate", (now.stored.held & 1u) != 0);
	json_set_string(document, "adminRightsText", rights);
	json_set_string(document, "roleAggregationStrategy", said);
	if (context->output->format == OUTPUT_JSON || context->output->format == OUTPUT_YAML)
		output_document(context->output, "RbacAggregation", document);
	else
		show_status(context, document);
	return STATUS_DONE;
}

/* ---- tables --------------------------------------------------------------------------------- */

static const Option switch_options[] = {
	OPT_DURATION(0, "timeout", SwitchValues, timeout_ms, "how long to wait for the aggregation",
		     .defval = "30s"),
	OPT_INHERIT(config_dry_run_options, SwitchValues, dry_run),
	OPT_END,
};

static const char *const on_examples[] = { "kvmig rbac aggregate on", NULL };
static const char *const off_examples[] = { "kvmig rbac aggregate off", NULL };
static const char *const status_examples[] = { "kvmig rbac aggregate status", NULL };

static const Command on_command = {
	.name = "on",
	.summary = "let admins of a namespace migrate its VMs",
	.options = switch_options,
	.values_size = sizeof(SwitchValues),
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_on,
	.examples = on_examples,
};
static const Command off_command = {
	.name = "off",
	.summary = "let only those migrate who are bound to the role",
	.options = switch_options,
	.values_size = sizeof(SwitchValues),
	.needs = NEED_CLUSTER | MAY_CHANGE,
	.run = run_off,
	.examples = off_examples,
};
static const Command status_command = {
	.name = "status",
	.summary = "whether admins of a namespace may migrate",
	.needs = NEED_CLUSTER | HAS_OUTPUT,
	.run = run_status,
	.examples = status_examples,
};

static const Command *const subcommands[] = { &on_command, &off_command, &status_command, NULL };

const Command rbac_aggregate_command = {
	.name = "aggregate",
	.summary = "give admins of namespaces the right to migrate",
	.subcommands = subcommands,
};
