/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs on a host. Every call that goes to QEMU waits for the domain's job lock, on the
 * target of a migration for as long as that takes: so a domain that is on its way here is asked
 * for its state alone.
 */
#include "hyper/libvirt/driver.h"

#include <stdlib.h>

#include "hyper/libvirt/domain-xml.h"

typedef struct {
	int libvirt;
	HyperReason hyper;
} ReasonRow;

static const ReasonRow running_reasons[] = {
	{ VIR_DOMAIN_RUNNING_BOOTED, HYPER_REASON_BOOTED },
	{ VIR_DOMAIN_RUNNING_MIGRATED, HYPER_REASON_MIGRATED },
	{ VIR_DOMAIN_RUNNING_MIGRATION_CANCELED, HYPER_REASON_MIGRATION_CANCELED },
	{ VIR_DOMAIN_RUNNING_UNPAUSED, HYPER_REASON_UNPAUSED },
	{ VIR_DOMAIN_RUNNING_POSTCOPY, HYPER_REASON_POSTCOPY },
	{ VIR_DOMAIN_RUNNING_POSTCOPY_FAILED, HYPER_REASON_POSTCOPY_FAILED },
	{ VIR_DOMAIN_RUNNING_UNKNOWN, HYPER_REASON_UNKNOWN },
	{ -1, HYPER_REASON_OTHER },
};

static const ReasonRow paused_reasons[] = {
	{ VIR_DOMAIN_PAUSED_USER, HYPER_REASON_USER },
	{ VIR_DOMAIN_PAUSED_MIGRATION, HYPER_REASON_MIGRATION },
	{ VIR_DOMAIN_PAUSED_POSTCOPY, HYPER_REASON_POSTCOPY },
	{ VIR_DOMAIN_PAUSED_POSTCOPY_FAILED, HYPER_REASON_POSTCOPY_FAILED },
	{ VIR_DOMAIN_PAUSED_STARTING_UP, HYPER_REASON_STARTING_UP },
	{ VIR_DOMAIN_PAUSED_IOERROR, HYPER_REASON_IO_ERROR },
	{ VIR_DOMAIN_PAUSED_UNKNOWN, HYPER_REASON_UNKNOWN },
	{ -1, HYPER_REASON_OTHER },
};

static HyperReason reason_in(const ReasonRow *rows, int reason)
{
	while (rows->libvirt >= 0 && rows->libvirt != reason)
		rows++;
	return rows->hyper;
}

void lv_translate_state(int state, int reason, HyperDomainState *ret_state, HyperReason *ret_reason)
{
	*ret_reason = HYPER_REASON_OTHER;
	switch (state) {
	case VIR_DOMAIN_RUNNING:
	case VIR_DOMAIN_BLOCKED:
	case VIR_DOMAIN_SHUTDOWN: /* its guest is shutting down: it still runs */
		*ret_state = HYPER_DOMAIN_RUNNING;
		if (state == VIR_DOMAIN_RUNNING)
			*ret_reason = reason_in(running_reasons, reason);
		break;
	case VIR_DOMAIN_PAUSED:
		*ret_state = HYPER_DOMAIN_PAUSED;
		*ret_reason = reason_in(paused_reasons, reason);
		break;
	case VIR_DOMAIN_SHUTOFF:
		*ret_state = HYPER_DOMAIN_SHUTOFF;
		if (reason == VIR_DOMAIN_SHUTOFF_MIGRATED)
			*ret_reason = HYPER_REASON_MIGRATION;
		break;
	case VIR_DOMAIN_CRASHED:
		*ret_state = HYPER_DOMAIN_CRASHED;
		break;
	default:
		*ret_state = HYPER_DOMAIN_OTHER;
	}
}

virDomainPtr lv_lookup(virConnectPtr conn, const char *uuid, HyperAnswer *answer)
{
	virDomainPtr domain = virDomainLookupByUUIDString(conn, uuid);

	if (!domain)
		lv_set_error(answer, conn);
	return domain;
}

/* ---- one domain ----------------------------------------------------------------------------- */

static char *utf8(const char *text)
{
	return text ? g_utf8_make_valid(text, -1) : NULL;
}

static HyperDomain *domain_new(virDomainPtr domain, int state, int reason)
{
	char uuid[VIR_UUID_STRING_BUFLEN] = "";
	HyperDomain *ret = g_new0(HyperDomain, 1);

	virDomainGetUUIDString(domain, uuid); /* no call to the host: libvirt has it */
	ret->uuid = g_ascii_strdown(uuid, -1);
	ret->name = utf8(virDomainGetName(domain));
	ret->running_since_us = -1;
	lv_translate_state(state, reason, &ret->state, &ret->reason);
	return ret;
}

/* The source of a migration shows the same state for the moment of the switch-over. */
static gboolean is_incoming(LvHost *host, const HyperDomain *domain)
{
	return domain->state == HYPER_DOMAIN_PAUSED &&
	       (domain->reason == HYPER_REASON_MIGRATION ||
		domain->reason == HYPER_REASON_STARTING_UP) &&
	       lv_host_direction(host, domain->uuid) >= 0 &&
	       !lv_host_is_leaving(host, domain->uuid);
}

static void take_xml(HyperDomain *domain, DomainXml *xml)
{
	domain->memory_bytes = xml->memory_bytes;
	domain->vcpus = xml->vcpus;
	domain->arch = g_steal_pointer(&xml->arch);
	domain->machine_type = g_steal_pointer(&xml->machine_type);
	domain->virt_type = g_steal_pointer(&xml->virt_type);
	domain->cpu_mode = g_steal_pointer(&xml->cpu_mode);
	/* a <cpu> without a mode is a custom one; without a model it says nothing */
	if (!domain->cpu_mode && xml->cpu_model)
		domain->cpu_mode = g_strdup("custom");
	if (g_strcmp0(domain->cpu_mode, "custom") == 0)
		domain->cpu_model = g_steal_pointer(&xml->cpu_model);
	domain->metadata = g_steal_pointer(&xml->metadata);
	domain->not_migratable = g_steal_pointer(&xml->not_migratable);
}

static gboolean is_active(const HyperDomain *domain)
{
	return domain->state != HYPER_DOMAIN_SHUTOFF && domain->state != HYPER_DOMAIN_CRASHED;
}

static void look_for_snapshots(virDomainPtr domain, HyperDomain *ret)
{
	int snapshots;

	if (ret->not_migratable || !is_active(ret))
		return;
	snapshots = virDomainSnapshotNum(domain, 0);
	if (snapshots > 0)
		ret->not_migratable = g_strdup_printf("it has %d snapshots", snapshots);
}

/* FALSE where the domain has gone meanwhile or libvirt fails; libvirt's last error says which. */
static gboolean describe(LvHost *host, virDomainPtr domain, HyperDomain *ret)
{
	g_autofree char *why = NULL;
	g_auto(DomainXml) parsed = { 0 };
	gint64 since = lv_host_running_since(host, ret->uuid);
	char *xml = virDomainGetXMLDesc(domain, 0); /* libvirt's malloc */

	if (!xml)
		return FALSE;
	if (domain_xml_parse(xml, &parsed, &why))
		take_xml(ret, &parsed);
	else
		ret->not_migratable =
			g_strdup_printf("its description cannot be read: %s", why);
	free(xml);
	if (since > 0 && ret->state == HYPER_DOMAIN_RUNNING)
		ret->running_since_us = since;
	look_for_snapshots(domain, ret);
	return TRUE;
}

void lv_state(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
	      HyperAnswer *answer)
{
	g_autoptr(virDomain) domain = virDomainLookupByUUIDString(conn, call->uuid);
	int state = VIR_DOMAIN_NOSTATE, reason = 0;

	if (domain && virDomainGetState(domain, &state, &reason, 0) == 0) {
		answer->domain = domain_new(domain, state, reason);
		return;
	}
	if (virGetLastErrorCode() != VIR_ERR_NO_DOMAIN) {
		lv_set_error(answer, conn);
		return;
	}
	answer->domain = g_new0(HyperDomain, 1);
	answer->domain->uuid = g_strdup(call->uuid);
	answer->domain->state = HYPER_DOMAIN_NONE;
	answer->domain->running_since_us = -1;
}

static gboolean complete_domain(LvHost *host, virDomainPtr domain, HyperDomain *ret)
{
	int persistent, autostart = 0;

	ret->incoming = is_incoming(host, ret);
	if (ret->incoming)
		return TRUE;
	persistent = virDomainIsPersistent(domain);
	if (persistent < 0 || (persistent && virDomainGetAutostart(domain, &autostart) < 0))
		return FALSE;
	ret->persistent = persistent;
	ret->autostart = autostart;
	return describe(host, domain, ret);
}

void lv_domain(virConnectPtr conn, LvHost *host, const HyperJobCall *call, HyperAnswer *answer)
{
	g_autoptr(virDomain) domain = NULL;

	lv_state(conn, host, call, answer);
	if (answer->error || answer->domain->state == HYPER_DOMAIN_NONE)
		return;
	domain = virDomainLookupByUUIDString(conn, call->uuid);
	if (domain && complete_domain(host, domain, answer->domain))
		return;
	if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN) { /* it left between two calls */
		g_clear_pointer(&answer->domain, hyper_domain_free);
		lv_state(conn, host, call, answer);
		return;
	}
	g_clear_pointer(&answer->domain, hyper_domain_free);
	lv_set_error(answer, conn);
}

/* ---- all domains ---------------------------------------------------------------------------- */

/* UUIDs of the domains that the flags select; NULL on failure. One call instead of one a domain. */
static GHashTable *list_uuids(virConnectPtr conn, unsigned int flags)
{
	g_autoptr(GHashTable) uuids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	virDomainPtr *domains = NULL;
	int n = virConnectListAllDomains(conn, &domains, flags);

	if (n < 0)
		return NULL;
	for (int i = 0; i < n; i++) {
		char uuid[VIR_UUID_STRING_BUFLEN] = "";

		virDomainGetUUIDString(domains[i], uuid);
		g_hash_table_add(uuids, g_ascii_strdown(uuid, -1));
		virDomainFree(domains[i]);
	}
	free(domains);
	return g_steal_pointer(&uuids);
}

static HyperDomain *domain_of_record(const virDomainStatsRecord *record)
{
	int state = VIR_DOMAIN_NOSTATE, reason = 0;

	virTypedParamsGetInt(record->params, record->nparams, "state.state", &state);
	virTypedParamsGetInt(record->params, record->nparams, "state.reason", &reason);
	return domain_new(record->dom, state, reason);
}

/* A domain that left meanwhile is left out; one that does not answer is not: a hung QEMU must not
 * hide the other domains of the host. FALSE, with the error set: the connection broke. */
static gboolean list_failed(virConnectPtr conn, HyperDomain *domain, HyperAnswer *answer)
{
	g_autofree char *why = lv_error_text();

	lv_set_error(answer, conn);
	if (answer->error->code == KVMIG_ERROR_UNREACHABLE)
		return FALSE;
	g_clear_error(&answer->error);
	domain->not_migratable = g_strdup_printf("it cannot be asked: %s", why);
	return TRUE;
}

static gboolean list_one(virConnectPtr conn, LvHost *host, const virDomainStatsRecord *record,
			 GHashTable *persistent, GHashTable *autostart, HyperAnswer *answer)
{
	g_autoptr(HyperDomain) domain = domain_of_record(record);

	domain->persistent = g_hash_table_contains(persistent, domain->uuid);
	domain->autostart = g_hash_table_contains(autostart, domain->uuid);
	domain->incoming = is_incoming(host, domain);
	if (!domain->incoming && !describe(host, record->dom, domain)) {
		if (virGetLastErrorCode() == VIR_ERR_NO_DOMAIN)
			return TRUE;
		if (!list_failed(conn, domain, answer))
			return FALSE;
	}
	g_ptr_array_add(answer->domains, g_steal_pointer(&domain));
	return TRUE;
}

void lv_list(virConnectPtr conn, LvHost *host, const HyperJobCall *call G_GNUC_UNUSED,
	     HyperAnswer *answer)
{
	g_autoptr(GHashTable) persistent =
		list_uuids(conn, VIR_CONNECT_LIST_DOMAINS_PERSISTENT);
	g_autoptr(GHashTable) autostart = NULL;
	virDomainStatsRecordPtr *records = NULL;
	gboolean ok = TRUE;
	int n = -1;

	if (persistent)
		autostart = list_uuids(conn, VIR_CONNECT_LIST_DOMAINS_AUTOSTART);
	if (autostart)
		n = virConnectGetAllDomainStats(conn, VIR_DOMAIN_STATS_STATE, &records,
						VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);
	if (n < 0) {
		lv_set_error(answer, conn);
		return;
	}
	answer->domains = g_ptr_array_new_with_free_func((GDestroyNotify)hyper_domain_free);
	for (int i = 0; i < n && ok; i++)
		ok = list_one(conn, host, records[i], persistent, autostart, answer);
	if (!ok)
		g_clear_pointer(&answer->domains, g_ptr_array_unref);
	virDomainStatsRecordListFree(records);
}
