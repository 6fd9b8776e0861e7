/* SPDX-License-Identifier: Apache-2.0 */
/* A migration takes its settings with it when it is handed over: later changes pass it by. */
#include "config-lint.h"

#include "base/reason.h"
#include "model/migration.h"
#include "policy/policy.h"
#include "policy.h"

typedef struct {
	const ConfigLint *lint;
	Policies policies;
	guint unknown; /* migrations whose settings could not be had */
} Flights;

static void flights_clear(Flights *flights)
{
	policies_clear(&flights->policies);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Flights, flights_clear)

/* ---- what a migration has ------------------------------------------------------------------- */

/* KubeVirt writes it into the VMI, and into the migration only at its end; kvmig into both. */
static cJSON *state_of(Flights *flights, const Migration *migration)
{
	const cJSON *state = json_path(migration->object, "status", "migrationState", NULL);
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) vmi = NULL;

	if (json_get(state, "migrationConfiguration"))
		return cJSON_Duplicate(state, TRUE);
	if (!migration->vmi_name)
		return NULL;
	vmi = cluster_get(flights->lint->context->cluster, &KIND_VMI, migration->ns,
			  migration->vmi_name, &cause);
	state = json_path(vmi, "status", "migrationState", NULL);
	if (!vmi && error_code(cause) != KVMIG_ERROR_NOT_FOUND)
		flights->unknown++;
	if (g_strcmp0(json_string(state, "migrationUid", NULL), migration->uid) != 0)
		return NULL;
	return cJSON_Duplicate(state, TRUE);
}

/* What it would have now: the settings in force, with its policy's over them. What a policy may set
 * is left out where that policy cannot be had. */
static cJSON *values_now(const Flights *flights, const char *policy_name)
{
	cJSON *values = cJSON_Duplicate(flights->lint->values, TRUE);
	const Policy *policy = policy_name && flights->policies.set
				       ? policy_set_find(flights->policies.set, policy_name)
				       : NULL;

	for (unsigned i = 0; policy_name && setting_nth(i); i++) {
		const char *key = setting_nth(i)->key;
		const cJSON *value = policy ? policy_value(policy, key, NULL) : NULL;

		if (value)
			json_set(values, key, cJSON_Duplicate(value, TRUE));
		else if (!policy && policy_overrides(key))
			json_unset(values, key);
	}
	return values;
}

/* ---- findings ------------------------------------------------------------------------------- */

static cJSON *evidence_of(const ConfigLint *lint, const GPtrArray *keys, const cJSON *kept,
			  const cJSON *now)
{
	cJSON *evidence = cJSON_CreateArray();

	for (guint i = 0; i < keys->len; i++) {
		const Setting *setting = setting_find(keys->pdata[i]);
		const cJSON *value = json_get(now, setting->key);
		g_autofree char *old = setting_value_text(setting, json_get(kept, setting->key));
		g_autofree char *new = setting_value_text(setting, value);
		g_auto(ConfigValue) cluster = { 0 };
		cJSON *item = cJSON_CreateObject();

		config_value(lint->owner, setting, &cluster);
		json_set_string(item, "key", setting->key);
		json_set_string(item, "text", new);
		json_set_string(item, "origin",
				setting_same_value(setting, cluster.value, value)
					? config_origin_text(cluster.origin)
					: "policy");
		json_set_string(item, "inMigration", old);
		cJSON_AddItemToArray(evidence, item);
	}
	return evidence;
}

/* "bandwidthPerMigration 1 MiB/s (now 64 MiB/s), …" */
static char *kept_text(const cJSON *evidence)
{
	GString *text = g_string_new(NULL);
	const cJSON *item;

	cJSON_ArrayForEach(item, evidence) g_string_append_printf(
		text, "%s%s %s (now %s)", text->len ? ", " : "", json_string(item, "key", ""),
		json_string(item, "inMigration", ""), json_string(item, "text", ""));
	return g_string_free(text, FALSE);
}

static void add_row(const ConfigLint *lint, const Migration *migration, const GPtrArray *keys,
		    cJSON *evidence)
{
	g_autofree char *kept = kept_text(evidence);
	g_autofree char *message = g_strdup_printf(
		"migration '%s/%s' of VM '%s' keeps what it began with: %s", migration->ns,
		migration->name, migration->vmi_name ? migration->vmi_name : "?", kept);
	g_autofree char *words = g_strdup_printf("cancel -n %s %s", migration->ns, migration->name);
	g_autofree char *command = config_lint_command_text(words);
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "key", keys->pdata[0]);
	json_set_string(row, "reason", REASON_LINT_CONFIG_IN_FLIGHT);
	json_set_string(row, "message", message);
	json_set_string(row, "fix", command);
	json_set_string(row, "namespace", migration->ns);
	json_set_string(row, "migration", migration->name);
	json_set(row, "evidence", evidence);
	g_ptr_array_add(lint->rows, row);
}

static void look_at(Flights *flights, const cJSON *object)
{
	const ConfigLint *lint = flights->lint;
	g_autoptr(cJSON) state = NULL;
	g_autoptr(cJSON) now = NULL;
	g_autoptr(GPtrArray) keys = NULL;
	const cJSON *kept;
	Migration migration;

	migration_read(object, &migration);
	if (!migration_phase_is_running(migration.phase) || !migration.ns || !migration.name)
		return;
	state = state_of(flights, &migration);
	kept = json_get(state, "migrationConfiguration");
	now = values_now(flights, json_string(state, "migrationPolicyName", NULL));
	keys = settings_kept(&lint->lint, kept, now);
	if (keys->len)
		add_row(lint, &migration, keys, evidence_of(lint, keys, kept, now));
}

/* ---- all ------------------------------------------------------------------------------------ */

static void read_policies(Flights *flights)
{
	g_autoptr(GError) cause = NULL;

	if (!policies_read(flights->lint->context->cluster, &flights->policies, &cause))
		say_warning(flights->lint->context,
			    "the migration policies cannot be read: of migrations that one "
			    "applies to only what no policy may set is looked at: %s",
			    cause->message);
}

gboolean config_lint_flights(const ConfigLint *lint, GError **error)
{
	g_auto(Flights) flights = { .lint = lint };
	g_autoptr(GError) cause = NULL;
	g_autoptr(GPtrArray) objects =
		cluster_list(lint->context->cluster, &KIND_VMIM, NULL, NULL, &cause);

	if (!objects && error_code(cause) == KVMIG_ERROR_FORBIDDEN) {
		say_warning(lint->context, "the migrations of all namespaces cannot be listed with "
					   "your rights: whether some keep old settings is not "
					   "known");
		return TRUE;
	}
	if (!objects) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (objects->len)
		read_policies(&flights);
	for (guint i = 0; i < objects->len; i++)
		look_at(&flights, objects->pdata[i]);
	if (flights.unknown)
		say_warning(lint->context,
			    "the settings of %u migration%s under way cannot be read with your "
			    "rights",
			    flights.unknown, flights.unknown == 1 ? "" : "s");
	return TRUE;
}
