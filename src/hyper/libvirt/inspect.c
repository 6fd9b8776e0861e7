/* SPDX-License-Identifier: Apache-2.0 */
/* What a domain uses, and what this host knows of it: of its own domains, and by the XML of one
 * that runs elsewhere and may come here. */
#include "hyper/libvirt/driver.h"

#include <stdlib.h>

#include "hyper/libvirt/parts-xml.h"

static char *job_name(int operation)
{
	static const char *const names[] = {
		[VIR_DOMAIN_JOB_OPERATION_UNKNOWN] = "a job",
		[VIR_DOMAIN_JOB_OPERATION_START] = "start",
		[VIR_DOMAIN_JOB_OPERATION_SAVE] = "save",
		[VIR_DOMAIN_JOB_OPERATION_RESTORE] = "restore",
		[VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN] = "migration",
		[VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT] = "migration",
		[VIR_DOMAIN_JOB_OPERATION_SNAPSHOT] = "snapshot",
		[VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT] = "snapshot",
		[VIR_DOMAIN_JOB_OPERATION_DUMP] = "dump",
		[VIR_DOMAIN_JOB_OPERATION_BACKUP] = "backup",
	};

	return g_strdup(names[operation >= 0 && operation < (int)G_N_ELEMENTS(names)
				      ? operation
				      : VIR_DOMAIN_JOB_OPERATION_UNKNOWN]);
}

/* Those that libvirt waits for, and which a probe would have to wait for too. */
static void look_for_job(virDomainPtr domain, HyperInspection *inspection)
{
	virTypedParameterPtr params = NULL;
	int type = VIR_DOMAIN_JOB_NONE, n = 0, operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

	if (virDomainGetJobStats(domain, &type, &params, &n, 0) < 0)
		return;
	(void)virTypedParamsGetInt(params, n, VIR_DOMAIN_JOB_OPERATION, &operation);
	virTypedParamsFree(params, n);
	if (type != VIR_DOMAIN_JOB_NONE)
		inspection->job = job_name(operation);
}

/* Devices of the host that the kernel names; libvirt need not be able to list them. */
static void look_for_interfaces(virConnectPtr conn, GPtrArray *parts)
{
	for (guint i = 0; i < parts->len; i++) {
		HyperPart *part = g_ptr_array_index(parts, i);
		virInterfacePtr interface;

		if (part->kind != HYPER_PART_INTERFACE || !part->path || *part->path == '/')
			continue;
		interface = virInterfaceLookupByName(conn, part->path);
		if (interface) {
			part->there = 1;
			virInterfaceFree(interface);
		} else if (virGetLastErrorCode() == VIR_ERR_NO_INTERFACE) {
			part->there = 0;
		}
	}
}

static gboolean read_own(virConnectPtr conn, const char *uuid, HyperInspection *inspection,
			 HyperAnswer *answer)
{
	g_autoptr(virDomain) domain = lv_lookup(conn, uuid, answer);
	char *xml;

	if (!domain)
		return FALSE;
	xml = virDomainGetXMLDesc(domain, 0);
	if (!xml) {
		lv_set_error(answer, conn);
		return FALSE;
	}
	inspection->xml = g_utf8_make_valid(xml, -1);
	free(xml);
	inspection->checkpoints = virDomainListAllCheckpoints(domain, NULL, 0);
	look_for_job(domain, inspection);
	return TRUE;
}

void lv_inspect(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
		HyperAnswer *answer)
{
	g_autoptr(HyperInspection) inspection = g_new0(HyperInspection, 1);
	g_autofree char *why = NULL, *message = NULL;

	if (call->uuid && !read_own(conn, call->uuid, inspection, answer))
		return;
	inspection->parts = parts_xml_parse(call->uuid   ? inspection->xml
					    : call->text ? call->text
							 : "",
					    &why);
	if (!inspection->parts) {
		message = g_strdup_printf("cannot read the domain's XML: %s", why);
		lv_core->set_error(answer, KVMIG_ERROR_INVALID, message, NULL, NULL);
		return;
	}
	lv_find_places(conn, inspection->parts);
	look_for_interfaces(conn, inspection->parts);
	if (virConnectIsAlive(conn) != 1)
		lv_core->set_error(answer, KVMIG_ERROR_UNREACHABLE,
				   "the connection broke while it was asked", NULL, NULL);
	else
		answer->inspection = g_steal_pointer(&inspection);
}
