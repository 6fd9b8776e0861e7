/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs, and what changes a domain. */
#include "hyper/libvirt/driver.h"

#include <stdlib.h>

#include "hyper/libvirt/domain-xml.h"
#include "model/wellknown.h"

/* ---- jobs ----------------------------------------------------------------------------------- */

/* Any figure may be absent. */
static gint64 figure(virTypedParameterPtr params, int n, const char *name)
{
	unsigned long long value = 0;

	if (virTypedParamsGetULLong(params, n, name, &value) != 1 || value > G_MAXINT64)
		return -1;
	return (gint64)value;
}

static gint64 dirty_rate(virTypedParameterPtr params, int n)
{
	gint64 pages = figure(params, n, VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE);
	gint64 page = figure(params, n, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE);

	if (pages < 0)
		return -1;
	return page > 0 && pages <= G_MAXINT64 / page ? pages * page : pages * 4096;
}

static void read_figures(HyperJob *job, virTypedParameterPtr params, int n)
{
	job->elapsed_ms = figure(params, n, VIR_DOMAIN_JOB_TIME_ELAPSED);
	job->downtime_ms = figure(params, n, VIR_DOMAIN_JOB_DOWNTIME);
	job->memory_total_bytes = figure(params, n, VIR_DOMAIN_JOB_MEMORY_TOTAL);
	job->memory_processed_bytes = figure(params, n, VIR_DOMAIN_JOB_MEMORY_PROCESSED);
	job->memory_remaining_bytes = figure(params, n, VIR_DOMAIN_JOB_MEMORY_REMAINING);
	job->bandwidth_bytes_per_second = figure(params, n, VIR_DOMAIN_JOB_MEMORY_BPS);
	job->dirty_rate_bytes_per_second = dirty_rate(params, n);
	job->iteration = figure(params, n, VIR_DOMAIN_JOB_MEMORY_ITERATION);
	job->disk_total_bytes = figure(params, n, VIR_DOMAIN_JOB_DISK_TOTAL);
	job->disk_remaining_bytes = figure(params, n, VIR_DOMAIN_JOB_DISK_REMAINING);
}

static void read_operation(HyperJob *job, virTypedParameterPtr params, int n)
{
	static const char *const words[] = {
		[VIR_DOMAIN_JOB_OPERATION_START] = "start",
		[VIR_DOMAIN_JOB_OPERATION_SAVE] = "save to a file",
		[VIR_DOMAIN_JOB_OPERATION_RESTORE] = "restore from a file",
		[VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN] = "migration to here",
		[VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT] = HYPER_JOB_MIGRATION,
		[VIR_DOMAIN_JOB_OPERATION_SNAPSHOT] = "snapshot",
		[VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT] = "return to a snapshot",
		[VIR_DOMAIN_JOB_OPERATION_DUMP] = "memory dump",
		[VIR_DOMAIN_JOB_OPERATION_BACKUP] = "backup",
	};
	int operation = 0;

	if (virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &operation) != 1 ||
	    operation < 0 || operation >= (int)G_N_ELEMENTS(words) || !words[operation])
		return;
	g_strlcpy(job->operation, words[operation], sizeof(job->operation));
}

static gboolean is_postcopy(virDomainPtr domain)
{
	int state, reason;

	if (virDomainGetState(domain, &state, &reason, 0) < 0 || state != VIR_DOMAIN_PAUSED)
		return FALSE;
	return reason == VIR_DOMAIN_PAUSED_POSTCOPY || reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED;
}

static void job(virConnectPtr conn, const char *uuid, unsigned int flags, HyperAnswer *answer)
{
	g_autoptr(virDomain) domain = lv_lookup(conn, uuid, answer);
	virTypedParameterPtr params = NULL;
	int type = VIR_DOMAIN_JOB_NONE, n = 0;

	if (!domain)
		return;
	/* with no parameters at all every figure is -1 */
	read_figures(&answer->job, NULL, 0);
	if (virDomainGetJobStats(domain, &type, &params, &n, flags) < 0) {
		/* of a domain that does not run */
		if (virGetLastErrorCode() != VIR_ERR_OPERATION_INVALID)
			lv_set_error(answer, conn);
		return;
	}
	read_figures(&answer->job, params, n);
	read_operation(&answer->job, params, n);
	virTypedParamsFree(params, n);
	answer->job.completed = type == VIR_DOMAIN_JOB_COMPLETED;
	/* "completed" of the present job: the memory is there, Finish and Confirm are to come */
	answer->job.active = type == VIR_DOMAIN_JOB_BOUNDED || type == VIR_DOMAIN_JOB_UNBOUNDED ||
			     (answer->job.completed && !(flags & VIR_DOMAIN_JOB_STATS_COMPLETED));
	answer->job.postcopy = answer->job.active && is_postcopy(domain);
}

void lv_job(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
	    HyperAnswer *answer)
{
	job(conn, call->uuid, 0, answer);
}

/* Kept, so that it can be asked for again: the one who asks first may die before it is stored. */
void lv_job_completed(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
		      HyperAnswer *answer)
{
	job(conn, call->uuid, VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED,
	    answer);
}

void lv_abort(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
	      HyperAnswer *answer)
{
	g_autoptr(virDomain) domain = lv_lookup(conn, call->uuid, answer);

	if (domain && virDomainAbortJob(domain) < 0)
		lv_set_error(answer, conn);
}

/* ---- changes -------------------------------------------------------------------------------- */

void lv_suspend(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
		HyperAnswer *answer)
{
	g_autoptr(virDomain) domain = lv_lookup(conn, call->uuid, answer);

	if (domain && virDomainSuspend(domain) < 0)
		lv_set_error(answer, conn);
}

void lv_resume(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
	       HyperAnswer *answer)
{
	g_autoptr(virDomain) domain = lv_lookup(conn, call->uuid, answer);

	if (domain && virDomainResume(domain) < 0)
		lv_set_error(answer, conn);
}

/* Live where it runs, stored where it is defined; -1 where the host does not say. */
static int affected(virDomainPtr domain)
{
	int active = virDomainIsActive(domain);
	int persistent = virDomainIsPersistent(domain);

	if (active < 0 || persistent < 0)
		return -1;
	return (active ? VIR_DOMAIN_AFFECT_LIVE : 0) | (persistent ? VIR_DOMAIN_AFFECT_CONFIG : 0);
}

void lv_set_metadata(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
		     HyperAnswer *answer)
{
	g_autofree char *element = NULL;
	g_autoptr(virDomain) domain = NULL;
	int flags;

	if (call->text) {
		element = domain_xml_plain_element(call->text);
		if (!element) {
			lv_core->set_error(answer, KVMIG_ERROR_INVALID,
					   "the metadata is not one XML element", NULL, NULL);
			return;
		}
	}
	domain = lv_lookup(conn, call->uuid, answer);
	if (!domain)
		return;
	flags = affected(domain);
	if (flags < 0 || virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, element,
					      METADATA_PREFIX, METADATA_XMLNS,
					      (unsigned int)flags) < 0) {
		/* nothing there to remove: that is what was asked for */
		if (!element && virGetLastErrorCode() == VIR_ERR_NO_DOMAIN_METADATA)
			return;
		lv_set_error(answer, conn);
	}
}

void lv_set_autostart(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
		      HyperAnswer *answer)
{
	g_autoptr(virDomain) domain = lv_lookup(conn, call->uuid, answer);

	if (domain && virDomainSetAutostart(domain, call->flag) < 0)
		lv_set_error(answer, conn);
}

/* Without secrets: what is asked for here ends in checks and in logs. */
void lv_domain_xml(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
		   HyperAnswer *answer)
{
	g_autoptr(virDomain) domain = lv_lookup(conn, call->uuid, answer);
	char *xml;

	if (!domain)
		return;
	xml = virDomainGetXMLDesc(domain, VIR_DOMAIN_XML_MIGRATABLE);
	if (!xml) {
		lv_set_error(answer, conn);
		return;
	}
	answer->text = g_utf8_make_valid(xml, -1);
	free(xml);
}
