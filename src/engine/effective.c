/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of one migration: the cluster's, with those of the policy that wins put over them.
 * Found out once, at hand-over, as KubeVirt does: what changes before that still counts, what
 * changes later does not. The rule of precedence is the documents' (DESIGN §3).
 */
#include "engine/engine-private.h"

#include "model/quantity.h"
#include "policy/policy.h"

/* Whoever makes the engine act on one more adds it here, so that nobody is told that it has no
 * effect. */
gboolean engine_obeys(const char *key)
{
	static const char *const obeyed[] = {
		"bandwidthPerMigration",
		"completionTimeoutPerGiB",
		"disableTLS",
		"parallelInboundMigrationsPerNode",
		"parallelMigrationsPerCluster",
		"parallelOutboundMigrationsPerNode",
		"progressTimeout",
		NULL,
	};

	return g_strv_contains(obeyed, key);
}

/* The labels of the VM's namespace, which on a local cluster need not exist as an object. */
static gboolean get_namespace(Job *job, cJSON **ret_object, GError **error)
{
	g_autoptr(GError) local = NULL;
	cJSON *object =
		cluster_get(job->engine->cluster, &KIND_NAMESPACE, NULL, job->view.ns, &local);

	if (!object && error_code(local) != KVMIG_ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&local));
		return FALSE;
	}
	*ret_object = object;
	return TRUE;
}

gboolean job_find_settings(Job *job, GError **error)
{
	g_autoptr(GPtrArray) objects = NULL;
	g_autoptr(cJSON) ns = NULL;
	g_autoptr(PolicySet) set = NULL;
	g_autoptr(PolicyScope) scope = NULL;
	const Policy *policy;

	job->settings = job->engine->settings;
	g_clear_pointer(&job->policy, g_free);
	objects = cluster_list(job->engine->cluster, &KIND_MIGRATION_POLICY, NULL, NULL, error);
	if (!objects || !get_namespace(job, &ns, error))
		return FALSE;
	set = policy_set_new((const cJSON *const *)objects->pdata, objects->len);
	scope = policy_scope_new(set, object_labels(ns));
	policy = policy_match(set, scope, object_labels(job->vmi_object))
			 .winner[POLICY_RULE_DOCUMENTED];
	if (!policy_apply(policy, &job->settings, error))
		return FALSE;
	job->policy = policy ? g_strdup(policy->name) : NULL;
	return TRUE;
}

/* Where KubeVirt has them in a migration. */
static void tell_own_object(Job *job)
{
	cJSON *state =
		json_ensure_object(json_ensure_object(job->object, "status"), "migrationState");

	job_tell_settings(job, state);
	if (!job->policy)
		json_unset(state, "migrationPolicyName");
}

void job_write_settings(Job *job)
{
	const Settings *settings = &job->settings;
	cJSON *map = json_ensure_object(job_kvmig(job), "settings");

	json_set_string(map, "policy", job->policy);
	json_set_int(map, "bandwidthBytesPerSecond", settings->bandwidth_bytes_per_second);
	json_set_int(map, "completionTimeoutPerGiB", settings->completion_timeout_per_gib);
	json_set_int(map, "progressTimeoutSeconds", settings->progress_timeout_seconds);
	json_set_bool(map, "allowPostCopy", settings->allow_post_copy);
	json_set_bool(map, "allowWorkloadDisruption", settings->allow_workload_disruption);
	json_set_bool(map, "allowAutoConverge", settings->allow_auto_converge);
	json_set_bool(map, "disableTLS", settings->disable_tls);
	tell_own_object(job);
}

/* In KubeVirt's words, for the VMI's migrationState; null removes what an earlier one left. */
void job_tell_settings(const Job *job, cJSON *state)
{
	const Settings *settings = &job->settings;
	g_autofree char *bandwidth = quantity_format(settings->bandwidth_bytes_per_second);
	cJSON *map;

	if (job->policy)
		json_set_string(state, "migrationPolicyName", job->policy);
	else
		json_set(state, "migrationPolicyName", cJSON_CreateNull());
	map = json_ensure_object(state, "migrationConfiguration");
	json_set_string(map, "bandwidthPerMigration", bandwidth);
	json_set_int(map, "completionTimeoutPerGiB", settings->completion_timeout_per_gib);
	json_set_int(map, "progressTimeout", settings->progress_timeout_seconds);
	json_set_bool(map, "allowPostCopy", settings->allow_post_copy);
	json_set_bool(map, "allowWorkloadDisruption", settings->allow_workload_disruption);
	json_set_bool(map, "allowAutoConverge", settings->allow_auto_converge);
	json_set_bool(map, "disableTLS", settings->disable_tls);
}
