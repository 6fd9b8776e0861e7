/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libvirt has against a migration, without one. It has no dry run; but before its source
 * daemon connects to a target it makes all of its own checks: snapshots, devices, block jobs,
 * QEMU's reasons, disks that are not shared. So it is asked for a migration to a socket below
 * /dev/null, where there can be none; or to a real daemon, over a transport for the memory that
 * does not exist, which that daemon turns down before it has begun anything.
 *
 * Neither can move, stop or slow the guest. The domain's job is held for the time: some
 * milliseconds, but with a peer that swallows packets until the kernel gives up connecting.
 */
#include "hyper/libvirt/driver.h"

#include <string.h>

#define NO_SOCKET "/dev/null/kvmig"
#define NOWHERE "qemu+unix:///system?socket=" NO_SOCKET
#define NO_TRANSPORT "kvmig-check"

/* FALSE: no error of libvirt's; that must not be. */
static gboolean ask_with(virDomainPtr domain, const char *peer_uri, const char *migrate_uri,
			 unsigned int flags)
{
	virTypedParameterPtr params = NULL;
	int n = 0, max = 0;
	gboolean moved;

	if (migrate_uri &&
	    virTypedParamsAddString(&params, &n, &max, VIR_MIGRATE_PARAM_URI, migrate_uri) < 0)
		return TRUE;
	moved = virDomainMigrateToURI3(domain, peer_uri, params, (unsigned int)n,
				       VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | flags) == 0;
	virTypedParamsFree(params, n);
	return !moved;
}

/* qemu.conf may have migrate_tls_force: that is nothing against this domain. */
static gboolean wants_tls(void)
{
	g_autofree char *text = lv_error_text();

	return strstr(text, "VIR_MIGRATE_TLS") != NULL;
}

static gboolean ask(virDomainPtr domain, const char *peer_uri, const char *migrate_uri)
{
	return ask_with(domain, peer_uri, migrate_uri, 0) &&
	       (!wants_tls() || ask_with(domain, peer_uri, migrate_uri, VIR_MIGRATE_TLS));
}

static gboolean is_refusal(int code)
{
	return code == VIR_ERR_MIGRATE_UNSAFE || code == VIR_ERR_OPERATION_INVALID ||
	       code == VIR_ERR_OPERATION_UNSUPPORTED || code == VIR_ERR_CONFIG_UNSUPPORTED;
}

static void refusal_destroy(gpointer data)
{
	hyper_refusal_free(data);
}

static void take_refusal(HyperAnswer *answer, int code, char *text)
{
	HyperRefusal *refusal = g_new0(HyperRefusal, 1);

	refusal->kind = code == VIR_ERR_MIGRATE_UNSAFE ? HYPER_REFUSAL_UNSAFE : HYPER_REFUSAL_OTHER;
	refusal->text = text;
	refusal->needed = refusal->available = -1;
	answer->refusals = g_ptr_array_new_with_free_func(refusal_destroy);
	g_ptr_array_add(answer->refusals, refusal);
}

/* TRUE: nothing stands against it. */
static gboolean probe_nowhere(virConnectPtr conn, virDomainPtr domain, HyperAnswer *answer)
{
	g_autofree char *text = NULL;
	int code;

	if (!ask(domain, NOWHERE, NULL)) {
		lv_core->set_error(answer, KVMIG_ERROR_FAILED,
				   "libvirt says that it has moved the domain to nowhere", NULL,
				   NULL);
		return FALSE;
	}
	code = virGetLastErrorCode();
	text = lv_error_text();
	if (strstr(text, NO_SOCKET))
		return TRUE;
	if (is_refusal(code))
		take_refusal(answer, code, g_steal_pointer(&text));
	else
		lv_set_error(answer, conn);
	return FALSE;
}

/* Where memory could not go for another reason the daemon over there was not reached, or does not
 * want what comes from here: its words, or the source's, say which. */
static void probe_peer(virDomainPtr domain, const char *peer_uri, HyperAnswer *answer)
{
	g_autofree char *text = NULL;

	if (!ask(domain, peer_uri, NO_TRANSPORT "://" NO_TRANSPORT)) {
		lv_core->set_error(answer, KVMIG_ERROR_FAILED,
				   "libvirt says that it has moved the domain over a transport "
				   "that there is not",
				   NULL, NULL);
		return;
	}
	text = lv_error_text();
	answer->reached = strstr(text, NO_TRANSPORT) != NULL;
	if (!answer->reached)
		answer->text = g_steal_pointer(&text);
}

void lv_probe(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
	      HyperAnswer *answer)
{
	g_autoptr(virDomain) domain = lv_lookup(conn, call->uuid, answer);

	if (domain && probe_nowhere(conn, domain, answer) && call->text)
		probe_peer(domain, call->text, answer);
}
