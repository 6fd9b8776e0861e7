/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What KubeVirt's admission lets in of migrations, in its order and its words, so that whoever
 * knows those of a KubeVirt cluster knows these: a file that is created there is created here, and
 * one that is refused there is refused here. Inside the transaction of the write, so that of two of
 * the same moment one is refused.
 */
#include <string.h>

#include "base/error.h"
#include "base/reason.h"
#include "cluster/local/store.h"
#include "model/migration.h"
#include "model/vmi.h"
#include "model/wellknown.h"

static gboolean refuse(GError **error, KvmigError code, const char *reason, const char *words)
{
	error_set(error, code, "%s", words);
	if (!reason)
		return FALSE;
	error_reason(error, reason);
	error_hint(error, "%s", reason_find(reason)->hint);
	return FALSE;
}

/* Whoever may set it overtakes those that wait. KubeVirt keeps it to its own controllers. */
static gboolean check_priority(const cJSON *object, GError **error)
{
	if (!json_path(object, "spec", "priority", NULL))
		return TRUE;
	error_set(error, KVMIG_ERROR_FORBIDDEN,
		  "spec.priority: only the controllers of the cluster may set the priority of a "
		  "migration");
	error_hint(error, "leave it out: who came first is first");
	return FALSE;
}

static gboolean check_state(const Vmi *vmi, GError **error)
{
	const char *message = vmi->not_migratable_message;
	g_autofree char *words = NULL;

	if (strcmp(vmi->phase, "Succeeded") == 0 || strcmp(vmi->phase, "Failed") == 0)
		return refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_NOT_RUNNING,
			      "Cannot migrate VMI in finalized state.");
	if (!vmi->not_migratable_reason)
		return TRUE;
	words = g_strdup_printf("Cannot migrate VMI, Reason: %s, Message: %s",
				vmi->not_migratable_reason, message ? message : "");
	return refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_NOT_MIGRATABLE, words);
}

static gboolean check_vmi(Store *store, const char *ns, const char *name, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object = store_lookup(store, &KIND_VMI, ns, name, &cause);
	Vmi vmi;

	if (cause) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	if (!object) {
		error_set(error, KVMIG_ERROR_NOT_FOUND, "the VMI \"%s/%s\" does not exist", ns,
			  name);
		error_hint(error, "'kvmig vm list' shows the VMs");
		return FALSE;
	}
	vmi_read(object, &vmi);
	return check_state(&vmi, error);
}

static gboolean check_in_flight(Store *store, const char *ns, const char *name, GError **error)
{
	const ClusterListOptions list = { .ns = ns };
	g_autoptr(GPtrArray) migrations =
		store_list(&store->base, &KIND_VMIM, &list, NULL, error);
	const cJSON *other;
	g_autofree char *words = NULL;

	if (!migrations)
		return FALSE;
	other = migration_unfinished_of(migrations, ns, name);
	if (!other)
		return TRUE;
	words = g_strdup_printf("in-flight migration detected: '%s' (%s) of VMI '%s' has not ended",
				object_name(other), object_uid(other), name);
	return refuse(error, KVMIG_ERROR_CONFLICT, REASON_BLK_IN_FLIGHT, words);
}

gboolean store_admit(Store *store, const Kind *kind, const cJSON *object, GError **error)
{
	const char *ns = object_namespace(object);
	const char *vm = json_string(json_get(object, "spec"), "vmiName", "");

	if (strcmp(store_kind_key(kind), store_kind_key(&KIND_VMIM)) != 0)
		return TRUE;
	return check_priority(object, error) && check_vmi(store, ns, vm, error) &&
	       check_in_flight(store, ns, vm, error);
}

gboolean store_admit_change(const Kind *kind, const cJSON *old, const cJSON *object, GError **error)
{
	const cJSON *before = json_get(old, "spec"), *after = json_get(object, "spec");

	if (strcmp(store_kind_key(kind), store_kind_key(&KIND_VMIM)) != 0 ||
	    (before && after ? json_equal(before, after) : before == after))
		return TRUE;
	error_set(error, KVMIG_ERROR_INVALID, "update of Migration object's spec is restricted");
	error_hint(error, "'kvmig cancel %s' ends it; start another one", object_name(old));
	return FALSE;
}
