/* SPDX-License-Identifier: Apache-2.0 */
#include "hyper/libvirt/driver.h"

#include <string.h>

#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT 3

static void unref_link(void *data)
{
	lv_link_unref(data);
}

static const char *close_reason(int reason)
{
	switch (reason) {
	case VIR_CONNECT_CLOSE_REASON_EOF:
		return "libvirtd closed the connection";
	case VIR_CONNECT_CLOSE_REASON_KEEPALIVE:
		return "libvirtd no longer answers (keepalive)";
	default:
		return "the connection to libvirtd broke";
	}
}

/* In the thread of libvirt's event loop. */
static void on_close(virConnectPtr conn G_GNUC_UNUSED, int reason, void *data)
{
	HyperEvent event = { .type = HYPER_EVENT_DISCONNECTED, .text = close_reason(reason) };
	LvHost *host = lv_link_host(data);

	if (!host || reason == VIR_CONNECT_CLOSE_REASON_CLIENT)
		return;
	lv_host_forget_history(host);
	lv_host_event(host, &event);
}

/* Never asks on the terminal: a controller has none, and kvmig's belongs to kvmig. */
static char *quiet_uri(const char *uri)
{
	if (!g_str_has_prefix(uri, "qemu+ssh:"))
		return g_strdup(uri);
	return g_strconcat(uri, strchr(uri, '?') ? "&" : "?", "no_tty=1", NULL);
}

static void watch(virConnectPtr conn, LvLink *link)
{
	HyperEvent event = { .type = HYPER_EVENT_CONNECTED };
	LvHost *host = lv_link_host(link);

	if (!host)
		return;
	lv_host_forget_history(host);
	if (virConnectRegisterCloseCallback(conn, on_close, lv_link_ref(link), unref_link) < 0)
		lv_link_unref(link);
	lv_events_register(conn, link);
	lv_link_set_live(link);
	lv_host_event(host, &event);
}

virConnectPtr lv_connect(virConnectPtr old, const char *uri, LvLink *link, HyperAnswer *answer)
{
	virConnectAuth no_questions = { 0 };
	g_autofree char *quiet = NULL;
	virConnectPtr conn;

	if (old && virConnectIsAlive(old) == 1)
		return old;
	lv_disconnect(old);
	quiet = quiet_uri(uri);
	conn = virConnectOpenAuth(quiet, &no_questions, 0);
	if (!conn) {
		g_autofree char *text = lv_error_text();

		lv_core->set_error(answer, KVMIG_ERROR_UNREACHABLE, text,
				   "try 'virsh -c URI list' as the same user", NULL);
		return NULL;
	}
	/* 1: the other side has no keepalive; then the time limits alone must do */
	if (virConnectSetKeepAlive(conn, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT) < 0)
		g_debug("no keepalive: %s", virGetLastErrorMessage());
	if (link)
		watch(conn, link);
	return conn;
}

void lv_disconnect(virConnectPtr conn)
{
	if (!conn)
		return;
	/* the callback holds a reference to the connection; on one that broke it is gone already */
	if (virConnectIsAlive(conn) == 1)
		virConnectUnregisterCloseCallback(conn, on_close);
	virConnectClose(conn);
}
