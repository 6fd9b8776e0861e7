/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of one migration: the cluster's, with those of the policy that wins put over them.
 * Found out once, at hand-over, as KubeVirt does: what changes before that still counts, what
 * changes later does not. The rule of precedence is the documents' (DESIGN §3).
 */
#include "engine/engine-private.h"

#include "model/quantity.h"
#include "model/wellknown.h"
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

/* The target is among them, as KubeVirt has it: a policy may ask for it. The source is already. */
static cJSON *handover_labels(const Job *job)
{
	const cJSON *labels = object_labels(job->vmi_object);
	cJSON *all = labels ? cJSON_Duplicate(labels, TRUE) : cJSON_CreateObject();

	json_set_string(all, LABEL_MIGRATION_TARGET_NODE_NAME, job->target);
	return all;
}

/* ---- the record ----------------------------------------------------------------------------- */

/* What the cluster has: each setting that there is here and that KubeVirt knows, so that readers of
 * its VMIM need no second way to read ours. What is only for pods (utility volumes, SELinux levels,
 * taints of nodes) is not there, nor what has no value. */
static void add_cluster_settings(const Engine *engine, cJSON *map)
{
	const Kind *kind = &KIND_HYPERCONVERGED;

	for (guint i = 0; setting_nth(i); i++) {
		const Setting *setting = setting_nth(i);
		const cJSON *set = json_get(settings_map(engine->settings_object), setting->key);
		g_autofree char *field =
			g_strconcat("spec.liveMigrationConfig.", setting->key, NULL);

		if (setting->only_kvmig ||
		    cluster_has_field(engine->cluster, kind, field) == CLUSTER_FIELD_NO)
			continue;
		json_set(map, setting->key,
			 set && !cJSON_IsNull(set) ? cJSON_Duplicate(set, TRUE)
			 : setting->documented_default
				 ? setting_parse_value(setting, setting->documented_default, NULL)
				 : NULL);
	}
}

/* The policy's over them, `experimental` leaf by leaf: the cluster has none. */
static void add_policy_settings(const Policy *policy, cJSON *map)
{
	const cJSON *experimental = json_path(policy->object, "spec", "experimental", NULL);

	for (guint i = 0; setting_nth(i); i++) {
		const cJSON *value = policy_value(policy, setting_nth(i)->key, NULL);

		if (value)
			json_set(map, setting_nth(i)->key, cJSON_Duplicate(value, TRUE));
	}
	if (experimental && !cJSON_IsNull(experimental))
		json_set(map, "experimental", cJSON_Duplicate(experimental, TRUE));
}

/* Where KubeVirt has it, in its words. */
static void record_configuration(Job *job, const Policy *policy)
{
	cJSON *state =
		json_ensure_object(json_ensure_object(job->object, "status"), "migrationState");
	cJSON *map = cJSON_CreateObject();

	add_cluster_settings(job->engine, map);
	if (policy)
		add_policy_settings(policy, map);
	json_set(state, "migrationConfiguration", map);
	json_set_string(state, "migrationPolicyName", policy ? policy->name : NULL);
}

static void record_own(Job *job, const Policy *policy)
{
	const Settings *settings = &job->settings;
	cJSON *map = json_ensure_object(job_kvmig(job), "settings");

	json_set_string(map, "policy", policy ? policy->name : NULL);
	json_set_int(map, "bandwidthBytesPerSecond", settings->bandwidth_bytes_per_second);
	json_set_int(map, "completionTimeoutPerGiB", settings->completion_timeout_per_gib);
	json_set_int(map, "progressTimeoutSeconds", settings->progress_timeout_seconds);
	json_set_bool(map, "allowPostCopy", settings->allow_post_copy);
	json_set_bool(map, "allowWorkloadDisruption", settings->allow_workload_disruption);
	json_set_bool(map, "allowAutoConverge", settings->allow_auto_converge);
	json_set_bool(map, "disableTLS", settings->disable_tls);
}

gboolean job_find_settings(Job *job, GError **error)
{
	g_autoptr(GPtrArray) objects = NULL;
	g_autoptr(cJSON) ns = NULL;
	g_autoptr(cJSON) labels = handover_labels(job);
	g_autoptr(PolicySet) set = NULL;
	g_autoptr(PolicyScope) scope = NULL;
	const Policy *policy;

	job->settings = job->engine->settings;
	objects = cluster_list(job->engine->cluster, &KIND_MIGRATION_POLICY, NULL, NULL, error);
	if (!objects || !get_namespace(job, &ns, error))
		return FALSE;
	set = policy_set_new((const cJSON *const *)objects->pdata, objects->len);
	scope = policy_scope_new(set, object_labels(ns));
	policy = policy_match(set, scope, labels).winner[POLICY_RULE_DOCUMENTED];
	if (!policy_apply(policy, &job->settings, error))
		return FALSE;
	record_configuration(job, policy);
	record_own(job, policy);
	return TRUE;
}

/* A merge patch that makes `from` be `to`, whatever of `to` is there already; null where that is
 * nothing. */
static cJSON *patch_to(const cJSON *from, const cJSON *to)
{
	cJSON *patch;

	if (!cJSON_IsObject(from) || !cJSON_IsObject(to))
		return to ? cJSON_Duplicate(to, TRUE) : cJSON_CreateNull();
	patch = json_merge_diff(from, to); /* nulls for what an earlier migration left */
	json_merge_patch(patch, to);
	return patch;
}

void job_tell_settings(const Job *job, cJSON *state)
{
	static const char *const keys[] = { "migrationPolicyName", "migrationConfiguration" };
	const cJSON *own = json_path(job->object, "status", "migrationState", NULL);
	const cJSON *old = json_path(job->vmi_object, "status", "migrationState", NULL);

	for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
		json_set(state, keys[i], patch_to(json_get(old, keys[i]), json_get(own, keys[i])));
}
