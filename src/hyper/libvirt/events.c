/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's events in hyper's words. All of it runs in the thread of libvirt's event loop. */
#include "hyper/libvirt/driver.h"

typedef struct {
	HyperDomainState state;
	HyperReason reason;
} Meaning;

static void unref_link(void *data)
{
	lv_link_unref(data);
}

static void send(LvLink *link, HyperEventType type, virDomainPtr domain, gint64 number)
{
	HyperEvent event = { .type = type, .number = number, .when_us = g_get_monotonic_time() };
	LvHost *host = lv_link_host(link);
	char uuid[VIR_UUID_STRING_BUFLEN];

	if (!host || virDomainGetUUIDString(domain, uuid) < 0)
		return;
	event.uuid = uuid;
	lv_host_event(host, &event);
}

static Meaning meaning_of_start(LvHost *host, const char *uuid, int detail)
{
	switch ((virDomainEventStartedDetailType)detail) {
	case VIR_DOMAIN_EVENT_STARTED_BOOTED:
		return (Meaning){ HYPER_DOMAIN_RUNNING, HYPER_REASON_BOOTED };
	case VIR_DOMAIN_EVENT_STARTED_MIGRATED:
		/* its QEMU waits for the memory; the guest does not run */
		lv_host_set_direction(host, uuid, 1);
		return (Meaning){ HYPER_DOMAIN_PAUSED, HYPER_REASON_STARTING_UP };
	default:
		return (Meaning){ HYPER_DOMAIN_RUNNING, HYPER_REASON_OTHER };
	}
}

/* "Migrated" is said both of a guest that has arrived and of one that goes on where it was, its
 * migration given up: what was seen before tells which. */
static HyperReason reason_of_arrival(LvHost *host, const char *uuid)
{
	int direction = lv_host_direction(host, uuid);

	if (direction == 0 && lv_host_is_leaving(host, uuid))
		direction = -1;
	lv_host_set_direction(host, uuid, 0);
	return direction > 0 ? HYPER_REASON_MIGRATED :
	       direction < 0 ? HYPER_REASON_MIGRATION_CANCELED :
			       HYPER_REASON_UNKNOWN;
}

static Meaning meaning_of_resume(LvHost *host, const char *uuid, int detail)
{
	HyperReason reason = HYPER_REASON_OTHER;

	switch (detail) {
	case VIR_DOMAIN_EVENT_RESUMED_UNPAUSED:
		reason = HYPER_REASON_UNPAUSED;
		break;
	case VIR_DOMAIN_EVENT_RESUMED_MIGRATED:
		reason = reason_of_arrival(host, uuid);
		break;
	case VIR_DOMAIN_EVENT_RESUMED_POSTCOPY:
		reason = HYPER_REASON_POSTCOPY;
		break;
	case VIR_DOMAIN_EVENT_RESUMED_POSTCOPY_FAILED:
		reason = HYPER_REASON_POSTCOPY_FAILED;
		break;
	default:
		break;
	}
	return (Meaning){ HYPER_DOMAIN_RUNNING, reason };
}

static Meaning meaning_of_suspend(LvHost *host, const char *uuid, int detail)
{
	HyperReason reason = HYPER_REASON_OTHER;

	switch (detail) {
	case VIR_DOMAIN_EVENT_SUSPENDED_PAUSED:
		reason = HYPER_REASON_USER;
		break;
	case VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED:
		if (lv_host_direction(host, uuid) == 0)
			lv_host_set_direction(host, uuid, -1);
		reason = HYPER_REASON_MIGRATION;
		break;
	case VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY:
		reason = HYPER_REASON_POSTCOPY;
		break;
	case VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED:
		reason = HYPER_REASON_POSTCOPY_FAILED;
		break;
	case VIR_DOMAIN_EVENT_SUSPENDED_IOERROR:
		reason = HYPER_REASON_IO_ERROR;
		break;
	default:
		break;
	}
	return (Meaning){ HYPER_DOMAIN_PAUSED, reason };
}

static Meaning meaning_of_stop(LvHost *host, const char *uuid, int detail)
{
	lv_host_set_direction(host, uuid, 0);
	if (detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED)
		return (Meaning){ HYPER_DOMAIN_CRASHED, HYPER_REASON_OTHER };
	if (detail == VIR_DOMAIN_EVENT_STOPPED_MIGRATED)
		return (Meaning){ HYPER_DOMAIN_SHUTOFF, HYPER_REASON_MIGRATION };
	return (Meaning){ HYPER_DOMAIN_SHUTOFF, HYPER_REASON_OTHER };
}

static gboolean meaning_of(LvHost *host, const char *uuid, int type, int detail,
			   Meaning *ret_meaning)
{
	switch (type) {
	case VIR_DOMAIN_EVENT_STARTED:
		*ret_meaning = meaning_of_start(host, uuid, detail);
		return TRUE;
	case VIR_DOMAIN_EVENT_RESUMED:
		*ret_meaning = meaning_of_resume(host, uuid, detail);
		return TRUE;
	case VIR_DOMAIN_EVENT_SUSPENDED:
		*ret_meaning = meaning_of_suspend(host, uuid, detail);
		return TRUE;
	case VIR_DOMAIN_EVENT_STOPPED:
		*ret_meaning = meaning_of_stop(host, uuid, detail);
		return TRUE;
	case VIR_DOMAIN_EVENT_CRASHED:
		*ret_meaning = (Meaning){ HYPER_DOMAIN_CRASHED, HYPER_REASON_OTHER };
		return TRUE;
	case VIR_DOMAIN_EVENT_PMSUSPENDED:
		*ret_meaning = (Meaning){ HYPER_DOMAIN_OTHER, HYPER_REASON_OTHER };
		return TRUE;
	default: /* defined, undefined, is shutting down: it runs as before */
		return FALSE;
	}
}

static int on_lifecycle(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain, int type, int detail,
			void *data)
{
	HyperEvent event = { .type = HYPER_EVENT_STATE, .when_us = g_get_monotonic_time() };
	LvHost *host = lv_link_host(data);
	char uuid[VIR_UUID_STRING_BUFLEN];
	Meaning meaning;

	if (!host || virDomainGetUUIDString(domain, uuid) < 0)
		return 0;
	if (meaning_of(host, uuid, type, detail, &meaning)) {
		event.uuid = uuid;
		event.state = meaning.state;
		event.reason = meaning.reason;
		lv_host_set_running_since(
			host, uuid, meaning.state == HYPER_DOMAIN_RUNNING ? g_get_real_time() : 0);
		lv_host_event(host, &event);
	}
	send(data, HYPER_EVENT_DOMAIN, domain, 0);
	return 0;
}

static void on_iteration(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain, int iteration,
			 void *data)
{
	send(data, HYPER_EVENT_ITERATION, domain, iteration);
}

static void on_metadata(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain,
			int type G_GNUC_UNUSED, const char *xmlns G_GNUC_UNUSED, void *data)
{
	send(data, HYPER_EVENT_DOMAIN, domain, 0);
}

static void on_reboot(virConnectPtr conn G_GNUC_UNUSED, virDomainPtr domain, void *data)
{
	send(data, HYPER_EVENT_DOMAIN, domain, 0);
}

static void add(virConnectPtr conn, LvLink *link, int id, virConnectDomainEventGenericCallback func)
{
	if (virConnectDomainEventRegisterAny(conn, NULL, id, func, lv_link_ref(link), unref_link) <
	    0) {
		g_debug("no events of kind %d: %s", id, virGetLastErrorMessage());
		lv_link_unref(link);
	}
}

void lv_events_register(virConnectPtr conn, LvLink *link)
{
	add(conn, link, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle));
	add(conn, link, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
	    VIR_DOMAIN_EVENT_CALLBACK(on_iteration));
	add(conn, link, VIR_DOMAIN_EVENT_ID_METADATA_CHANGE,
	    VIR_DOMAIN_EVENT_CALLBACK(on_metadata));
	add(conn, link, VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot));
}
