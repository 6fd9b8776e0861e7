/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a VM can be migrated now, and where to. */
#include "migrate.h"

#include <string.h>

#include "base/clock.h"

/* ---- the VM --------------------------------------------------------------------------------- */

gboolean migrate_refuse_in_flight(const cJSON *other, const char *vm, GError **error)
{
	g_autofree char *words = migration_ns_words(object_namespace(other));
	g_autofree char *why = NULL, *age = NULL;
	Migration migration;

	migration_read(other, &migration);
	age = output_age(migration.created_us, clock_unix_us(clock_real()));
	why = g_strdup_printf("migration '%s' of it is under way: %s, since %s ago", migration.name,
			      *migration.phase_text ? migration.phase_text : "Pending", age);
	(void)migrate_refuse(error, KVMIG_ERROR_CONFLICT, REASON_BLK_IN_FLIGHT, vm, why);
	error_hint(error, "'kvmig%s status -w %s' follows it, 'kvmig%s cancel %s' ends it", words,
		   migration.name, words, migration.name);
	return FALSE;
}

static gboolean check_in_flight(const Preflight *preflight, const Vmi *vmi, GError **error)
{
	const cJSON *other =
		migration_unfinished_of(preflight->migration_objects, vmi->ns, vmi->name);
	return !other || migrate_refuse_in_flight(other, vmi->name, error);
}

static gboolean check_node_answers(const Preflight *preflight, const Vmi *vmi, GError **error)
{
	const Host *host = host_find(preflight->hosts, vmi->node_name);
	g_autofree char *why = NULL;

	if (!host || host->ready)
		return TRUE;
	why = g_strdup_printf("its node '%s' cannot be asked: %s", host->name,
			      host->not_ready_reason ? host->not_ready_reason : "not ready");
	(void)migrate_refuse(error, KVMIG_ERROR_UNREACHABLE, REASON_BLK_SOURCE_UNREACHABLE,
			     vmi->name, why);
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
	return migrate_refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_NOT_RUNNING, vmi->name, why);
}

static gboolean check_alone(const Vmi *vmi, GError **error)
{
	const cJSON *duplicate = condition_find(vmi->object, "kvmig.io/DuplicateUUID");
	const cJSON *undecided = condition_find(vmi->object, "kvmig.io/Undecided");

	if (vmi->duplicate_uuid)
		return migrate_refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_DUPLICATE_UUID,
				      vmi->name,
				      json_string(duplicate, "message",
						  reason_find(REASON_BLK_DUPLICATE_UUID)->text));
	if (vmi->undecided)
		return migrate_refuse(
			error, KVMIG_ERROR_REFUSED, REASON_BLK_UNDECIDED, vmi->name,
			json_string(undecided, "message", reason_find(REASON_BLK_UNDECIDED)->text));
	return TRUE;
}

static gboolean check_migratable(const Vmi *vmi, GError **error)
{
	if (!vmi->not_migratable_reason)
		return TRUE;
	return migrate_refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_LIBVIRT, vmi->name,
			      vmi->not_migratable_message ? vmi->not_migratable_message
							  : vmi->not_migratable_reason);
}

/* ---- encryption ----------------------------------------------------------------------------- */

/* At the source, which no choice of another node helps; at the targets it is one of their
 * obstacles. */
static gboolean check_source_certificates(const Preflight *preflight, const Vmi *vmi,
					  GError **error)
{
	const Host *source = host_find(preflight->hosts, vmi->node_name);
	g_autofree char *why = NULL;

	if (preflight->settings.disable_tls || !source || !schedule_lacks_certificates(source))
		return TRUE;
	why = g_strdup_printf("migration traffic is to be encrypted, and node '%s' lacks the "
			      "certificates",
			      source->name);
	return migrate_refuse(error, KVMIG_ERROR_REFUSED, REASON_BLK_TLS_CERTS, vmi->name, why);
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* What --check governs; not that two copies of a VM could come to be. */
static gboolean judge_ours(Preflight *preflight, Verdict *verdict, GError **error)
{
	g_autoptr(GError) cause = NULL;

	if (check_migratable(&verdict->vmi, &cause) &&
	    check_source_certificates(preflight, &verdict->vmi, &cause) &&
	    preflight_check_targets(preflight, verdict, &cause))
		return TRUE;
	return preflight_let_pass(preflight, g_steal_pointer(&cause), error);
}

gboolean preflight_judge(Preflight *preflight, const cJSON *vmi, Verdict *ret_verdict,
			 GError **error)
{
	vmi_read(vmi, &ret_verdict->vmi);
	if (!check_in_flight(preflight, &ret_verdict->vmi, error))
		return FALSE;
	if (preflight->kubevirt)
		return kubevirt_judge(preflight, ret_verdict, error);
	return check_alone(&ret_verdict->vmi, error) &&
	       check_node_answers(preflight, &ret_verdict->vmi, error) &&
	       check_running(&ret_verdict->vmi, error) && judge_ours(preflight, ret_verdict, error);
}

const char *verdict_target(const Verdict *verdict)
{
	const Target *first = verdict->targets && verdict->targets->len
				      ? g_ptr_array_index(verdict->targets, 0)
				      : NULL;

	return first && first->fits ? first->node : NULL;
}
