/* SPDX-License-Identifier: Apache-2.0 */
#include "migrate.h"
#include "observe.h"

#include <string.h>

#include "cli/option.h"
#include "engine/controller.h"
#include "inventory/inventory.h"
#include "model/wellknown.h"

/* A controller hears of changes by events and looks at everything every 10 s; without one what
 * is stored is as old as the last command. */
#define MAX_AGE_MS 3000
#define MAX_AGE_WITH_CONTROLLER_MS 15000
#define HOST_TIMEOUT_MS 5000

void preflight_clear(Preflight *preflight)
{
	GPtrArray **arrays[] = { &preflight->targets,	   &preflight->hosts,
				 &preflight->vmis,	   &preflight->migrations,
				 &preflight->host_objects, &preflight->vmi_objects,
				 &preflight->migration_objects };

	for (guint i = 0; i < G_N_ELEMENTS(arrays); i++)
		g_clear_pointer(arrays[i], g_ptr_array_unref);
	g_clear_pointer(&preflight->vmi_object, cJSON_Delete);
	g_clear_pointer(&preflight->selector, cJSON_Delete);
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

static gboolean read_settings(Cluster *cluster, Settings *ret_settings, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object =
		cluster_get(cluster, &KIND_HYPERCONVERGED, HYPERCONVERGED_NAMESPACE,
			    HYPERCONVERGED_NAME, &cause);

	if (cause && error_code(cause) != KVMIG_ERROR_NOT_FOUND) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	return settings_read(object, ret_settings, error);
}

#define READ_VIEWS(objects, views, Type, read)                                                     \
	do {                                                                                       \
		(views) = g_ptr_array_new_with_free_func(g_free);                                  \
		for (guint n = 0; n < (objects)->len; n++) {                                       \
			Type *view = g_new0(Type, 1);                                              \
			read(g_ptr_array_index(objects, n), view);                                 \
			g_ptr_array_add(views, view);                                              \
		}                                                                                  \
	} while (0)

gboolean preflight_gather(const CommandContext *context, const char *word, Preflight *preflight,
			  GError **error)
{
	Cluster *cluster = context->cluster;

	if (!refresh(cluster, error) || !read_settings(cluster, &preflight->settings, error))
		return FALSE;
	preflight->vmi_object = observe_find_vmi(context, word, error);
	if (!preflight->vmi_object)
		return FALSE;
	preflight->host_objects = cluster_list(cluster, &KIND_HOST, NULL, NULL, error);
	if (!preflight->host_objects)
		return FALSE;
	preflight->vmi_objects = cluster_list(cluster, &KIND_VMI, NULL, NULL, error);
	if (!preflight->vmi_objects)
		return FALSE;
	preflight->migration_objects = cluster_list(cluster, &KIND_VMIM, NULL, NULL, error);
	if (!preflight->migration_objects)
		return FALSE;
	READ_VIEWS(preflight->host_objects, preflight->hosts, Host, host_read);
	READ_VIEWS(preflight->vmi_objects, preflight->vmis, Vmi, vmi_read);
	READ_VIEWS(preflight->migration_objects, preflight->migrations, Migration, migration_read);
	vmi_read(preflight->vmi_object, &preflight->vmi);
	return TRUE;
}

/* ---- the VM --------------------------------------------------------------------------------- */

static const Host *find_host(const Preflight *preflight, const char *name)
{
	for (guint i = 0; i < preflight->hosts->len; i++) {
		const Host *host = g_ptr_array_index(preflight->hosts, i);

		if (g_strcmp0(host->name, name) == 0)
			return host;
	}
	return NULL;
}

/* Sets the error with its reason code and the hint that belongs to the code. */
static gboolean refuse(GError **error, KvmigError code, const char *reason, const char *vm,
		       const char *why)
{
	error_set(error, code, "cannot migrate VM '%s': %s", vm, why);
	error_reason(error, reason);
	error_hint(error, "%s", reason_find(reason)->hint);
	return FALSE;
}

static gboolean check_in_flight(const Preflight *preflight, GError **error)
{
	const Vmi *vmi = &preflight->vmi;
	const cJSON *other =
		migration_unfinished_of(preflight->migration_objects, vmi->ns, vmi->name);
	g_autofree char *words = migration_ns_words(vmi->ns);
	g_autofree char *why = NULL;

	if (!other)
		return TRUE;
	why = g_strdup_printf("migration '%s' of it is under way", object_name(other));
	(void)refuse(error, KVMIG_ERROR_CONFLICT, REASON_BLK_IN_FLIGHT, vmi->name, why);
	error_hint(error, "'kvmig%s status -w %s' follows it, 'kvmig%s cancel %s' ends it", words,
		   object_name(other), words, object_name(other));
	return FALSE;
}

static gboolean check_node_answers(const Preflight *preflight, GError **error)
{
	const Vmi *vmi = &preflight->vmi;
	const Host *host = find_host(preflight, vmi->node_name);
	g_autofree char *why = NULL;

	if (!host || host->ready)
		return TRUE;
	why = g_strdup_printf("its node '%s' cannot be asked: %s", host->name,
			      host->not_ready_reason ? host->not_ready_reason : "not ready");
	(void)refuse(error, KVMIG_ERROR_UNREACHABLE, REASON_BLK_SOURCE_UNREACHABLE, vmi->name, why);
	error_hint(error, "bring the node back; 'kvmig node show %s' says more", host->name);
	return FALSE;
}

static gboolean check_running(const Vmi *vmi, GError **error)
{
	const char *state = json_string(json_get(vmi->object, "status"), "domainState", NULL);
	g_autofree char *why = NULL;

	if (strcmp(vmi->phase, "Running") == 0 && vmi->node_name)
		return TRUE;
	why = g_strdup_printf("it is not running (%s)", state ? state : vmi->phase);
	return refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_NOT_RUNNING, vmi->name, why);
}

static gboolean check_alone(const Vmi *vmi, GError **error)
{
	const cJSON *duplicate = condition_find(vmi->object, "kvmig.io/DuplicateUUID");
	const cJSON *undecided = condition_find(vmi->object, "kvmig.io/Undecided");

	if (vmi->duplicate_uuid)
		return refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_DUPLICATE_UUID, vmi->name,
			      json_string(duplicate, "message",
					  reason_find(REASON_BLK_DUPLICATE_UUID)->text));
	if (vmi->undecided)
		return refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_UNDECIDED, vmi->name,
			      json_string(undecided, "message",
					  reason_find(REASON_BLK_UNDECIDED)->text));
	return TRUE;
}

static gboolean check_migratable(const Vmi *vmi, GError **error)
{
	if (!vmi->not_migratable_reason)
		return TRUE;
	return refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_LIBVIRT, vmi->name,
		      vmi->not_migratable_message ? vmi->not_migratable_message :
						    vmi->not_migratable_reason);
}

/* ---- the nodes ------------------------------------------------------------------------------ */

static gboolean check_node_exists(const Preflight *preflight, const char *node, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *near = NULL;

	if (!node || find_host(preflight, node))
		return TRUE;
	for (guint i = 0; i < preflight->hosts->len; i++) {
		const Host *host = g_ptr_array_index(preflight->hosts, i);

		g_ptr_array_add(names, (gpointer)host->name);
	}
	g_ptr_array_add(names, NULL);
	near = option_nearest(node, (const char *const *)names->pdata);
	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no node '%s'", node);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "'kvmig node list' shows the nodes");
	return FALSE;
}

static GPtrArray *find_targets(const Preflight *preflight, GHashTable *reserved)
{
	const TargetQuestion question = {
		.vmi = &preflight->vmi,
		.hosts = preflight->hosts,
		.added_selector = preflight->selector,
		.reserved_bytes = reserved,
		.host_reserve_bytes = -1,
		.migrations = preflight->migrations,
	};

	return schedule_targets(&question);
}

static gboolean any_fits(const GPtrArray *targets)
{
	return targets->len > 0 && ((Target *)g_ptr_array_index(targets, 0))->fits;
}

/* With --node the one node's own obstacle is the reason; else that there is none. */
static const char *refusal_reason(const GPtrArray *targets, const char *node)
{
	for (guint i = 0; node && i < targets->len; i++) {
		const Target *target = g_ptr_array_index(targets, i);
		const TargetObstacle *first;

		if (strcmp(target->node, node) != 0 || target->obstacles->len == 0)
			continue;
		first = g_ptr_array_index(target->obstacles, 0);
		return first->reason;
	}
	return REASON_PEND_NO_TARGET;
}

/* Memory that is only reserved comes free again: that is a reason to wait, not to refuse. */
static gboolean check_targets(Preflight *preflight, const char *node, GError **error)
{
	g_autoptr(GHashTable) reserved =
		schedule_reservations(preflight->migrations, preflight->vmis, NULL);
	g_autoptr(GPtrArray) unreserved = NULL;
	g_autofree char *summary = NULL;

	preflight->targets = find_targets(preflight, reserved);
	if (any_fits(preflight->targets))
		return TRUE;
	unreserved = find_targets(preflight, NULL);
	preflight->only_reserved = any_fits(unreserved);
	if (preflight->only_reserved)
		return TRUE;
	summary = schedule_summarize(preflight->targets);
	(void)refuse(error, KVMIG_ERROR_REFUSED, refusal_reason(preflight->targets, node),
		     preflight->vmi.name, summary);
	if (!node)
		error_hint(error, "'kvmig node list' shows the nodes");
	return FALSE;
}

static gboolean lacks_certificates(const Host *host)
{
	return host && !json_bool(json_path(host->object, "status", "tls", NULL),
				  "migrationCertificates", TRUE);
}

/* Refused only where it is known that it cannot work: the source, or every node that fits. */
static gboolean check_tls(const Preflight *preflight, GError **error)
{
	const char *lacking = NULL;
	g_autofree char *why = NULL;

	if (preflight->settings.disable_tls)
		return TRUE;
	if (lacks_certificates(find_host(preflight, preflight->vmi.node_name)))
		lacking = preflight->vmi.node_name;
	for (guint i = 0; !lacking && i < preflight->targets->len; i++) {
		const Target *target = g_ptr_array_index(preflight->targets, i);

		if (!target->fits)
			continue;
		if (!lacks_certificates(find_host(preflight, target->node)))
			return TRUE;
		lacking = target->node;
	}
	if (!lacking)
		return TRUE;
	why = g_strdup_printf("migration traffic is to be encrypted, and node '%s' lacks the "
			      "certificates", lacking);
	return refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_TLS_CERTS, preflight->vmi.name, why);
}

gboolean preflight_judge(const char *node, Preflight *preflight, GError **error)
{
	return check_in_flight(preflight, error) &&
	       check_node_exists(preflight, node, error) &&
	       check_alone(&preflight->vmi, error) && check_node_answers(preflight, error) &&
	       check_running(&preflight->vmi, error) &&
	       check_migratable(&preflight->vmi, error) && check_targets(preflight, node, error) &&
	       check_tls(preflight, error);
}

const char *preflight_target(const Preflight *preflight)
{
	return any_fits(preflight->targets) ?
		       ((Target *)g_ptr_array_index(preflight->targets, 0))->node :
		       NULL;
}
