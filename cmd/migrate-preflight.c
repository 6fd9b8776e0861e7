/* SPDX-License-Identifier: Apache-2.0 */
/* What is gathered before a migration, and judged where kvmig itself migrates. */
#include "migrate.h"

#include "engine/controller.h"
#include "inventory/inventory.h"
#include "node-selector.h"
#include "observe.h"

/* A controller hears of changes by events and looks at everything every 10 s; without one what
 * is stored is as old as the last command. */
#define MAX_AGE_MS 3000
#define MAX_AGE_WITH_CONTROLLER_MS 15000
#define HOST_TIMEOUT_MS 5000

static void preflight_forget(Preflight *preflight)
{
	GPtrArray **arrays[] = { &preflight->hosts, &preflight->host_objects,
				 &preflight->migration_objects };

	for (guint i = 0; i < G_N_ELEMENTS(arrays); i++)
		g_clear_pointer(arrays[i], g_ptr_array_unref);
	g_clear_pointer(&preflight->version, g_free);
}

void preflight_clear(Preflight *preflight)
{
	preflight_forget(preflight);
	preflight_forget_targets(preflight);
	g_clear_pointer(&preflight->selector, cJSON_Delete);
	g_clear_pointer(&preflight->told, g_hash_table_unref);
	g_clear_pointer(&preflight->hyper, hyper_free);
}

void verdict_clear(Verdict *verdict)
{
	g_clear_pointer(&verdict->targets, g_ptr_array_unref);
}

/* ---- gathering ------------------------------------------------------------------------------ */

static gboolean refresh(Cluster *cluster, GError **error)
{
	g_autoptr(Hyper) hyper = hyper_new(NULL, NULL, clock_real(), NULL, NULL);
	g_autoptr(Inventory) inventory = inventory_new(cluster, hyper, clock_real());
	ControllerState state = { 0 };
	guint max_age_ms = MAX_AGE_MS;

	if (!controller_state(cluster, &state, error))
		return FALSE;
	if (state.running)
		max_age_ms = MAX_AGE_WITH_CONTROLLER_MS;
	controller_state_clear(&state);
	return inventory_refresh_stale(inventory, max_age_ms, HOST_TIMEOUT_MS, error);
}

static gboolean gather_ours(Preflight *preflight, GError **error)
{
	Cluster *cluster = preflight->context->cluster;

	if (!refresh(cluster, error) ||
	    !targets_read_settings(cluster, &preflight->settings, error))
		return FALSE;
	preflight->host_objects = cluster_list(cluster, &KIND_HOST, NULL, NULL, error);
	if (!preflight->host_objects)
		return FALSE;
	preflight->hosts = OBJECT_VIEWS(preflight->host_objects, Host, host_read);
	return TRUE;
}

gboolean preflight_gather(Preflight *preflight, GError **error)
{
	Cluster *cluster = preflight->context->cluster;
	const ClusterListOptions list = { .ns = preflight->kubevirt ? preflight->ns : NULL };

	preflight_forget(preflight);
	if (!preflight->kubevirt && !gather_ours(preflight, error))
		return FALSE;
	preflight->migration_objects =
		cluster_list(cluster, &KIND_VMIM, &list, &preflight->version, error);
	if (!preflight->migration_objects)
		return FALSE;
	preflight->read_us = clock_monotonic_us(clock_real());
	return TRUE;
}

gboolean preflight_open(const CommandContext *context, const MigrateValues *values,
			Preflight *preflight, GError **error)
{
	preflight->context = context;
	preflight->values = values;
	preflight->ns = context->ns;
	preflight->told = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	preflight->kubevirt = !cluster_caps(context->cluster)->kvmig_migrates;
	return node_selector_parse(values->node, values->node_selector, &preflight->selector,
				   error) &&
	       (!preflight->kubevirt || !preflight->selector ||
		kubevirt_check_field(preflight, error)) &&
	       preflight_gather(preflight, error);
}

cJSON *preflight_find_vm(const Preflight *preflight, const char *word, GError **error)
{
	g_autofree char *state = NULL, *why = NULL;
	cJSON *vmi = observe_find_vmi_or_state(preflight->context, word, &state, error);

	if (!state)
		return vmi;
	why = g_strdup_printf("it is not running (%s)", state);
	(void)migrate_refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_NOT_RUNNING, word, why);
	return NULL;
}

/* ---- refusing ------------------------------------------------------------------------------- */

gboolean migrate_refuse(GError **error, KvmigError code, const char *reason, const char *vm,
			const char *why)
{
	error_set(error, code, "cannot migrate VM '%s': %s", vm, why);
	error_reason(error, reason);
	error_hint(error, "%s", reason_find(reason)->hint);
	return FALSE;
}

gboolean preflight_let_pass(const Preflight *preflight, GError *cause, GError **error)
{
	const char *reason = error_get_reason(cause);
	const gboolean found_out = reason || error_code(cause) == KVMIG_ERROR_NOT_FOUND;

	if (!found_out || preflight->values->check == CHECK_STRICT) {
		g_propagate_error(error, cause);
		return FALSE;
	}
	if (preflight->values->check == CHECK_WARN)
		say_warning(preflight->context, "%s%s%s%s", cause->message, reason ? " [" : "",
			    reason ? reason : "", reason ? "]" : "");
	g_error_free(cause);
	return TRUE;
}
