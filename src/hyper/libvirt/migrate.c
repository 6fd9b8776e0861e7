/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peer-to-peer: the source's daemon opens the target's and runs the protocol, so the migration
 * survives us. The call blocks until it has ended; it has a thread and a connection of its own.
 */
#include "hyper/libvirt/driver.h"

typedef struct {
	virTypedParameterPtr list;
	int n, max;
	gboolean failed;
} Params;

static void params_clear(Params *params)
{
	virTypedParamsFree(params->list, params->n);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Params, params_clear)

static void add_string(Params *params, const char *name, const char *value)
{
	if (value &&
	    virTypedParamsAddString(&params->list, &params->n, &params->max, name, value) < 0)
		params->failed = TRUE;
}

/* libvirt counts in MiB/s; rounded down, a small cap would become 0: none at all. */
static void add_bandwidth(Params *params, gint64 bytes_per_second)
{
	const gint64 mib = 1 << 20;
	gint64 value;

	if (bytes_per_second <= 0)
		return;
	value = bytes_per_second / mib + (bytes_per_second % mib ? 1 : 0);
	if (virTypedParamsAddULLong(&params->list, &params->n, &params->max,
				    VIR_MIGRATE_PARAM_BANDWIDTH, (unsigned long long)value) < 0)
		params->failed = TRUE;
}

/* UNDEFINE_SOURCE acts in the last phase, on the source, once the target runs: libvirt then drops
 * the definition file itself. It is not virDomainUndefine(), so NVRAM and managed-save files
 * neither stop it nor are removed by it. A transient domain has no definition on either side.
 * Not VIR_MIGRATE_PAUSED: libvirt sets it itself for a guest that is paused when it begins. Set
 * here, a guest that was resumed since somebody looked would arrive standing still. */
static unsigned int flags_of(const HyperMigrateParams *migrate)
{
	unsigned int flags = VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER;

	if (migrate->persistent)
		flags |= VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE;
	if (migrate->tls)
		flags |= VIR_MIGRATE_TLS;
	return flags;
}

void lv_migrate(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
		HyperAnswer *answer)
{
	const HyperMigrateParams *migrate = &call->migrate;
	g_autoptr(virDomain) domain = lv_lookup(conn, call->uuid, answer);
	g_auto(Params) params = { 0 };

	if (!domain)
		return; /* nothing has begun */
	add_string(&params, VIR_MIGRATE_PARAM_URI, migrate->migrate_uri);
	add_string(&params, VIR_MIGRATE_PARAM_LISTEN_ADDRESS, migrate->listen_address);
	if (migrate->tls)
		add_string(&params, VIR_MIGRATE_PARAM_TLS_DESTINATION, migrate->tls_destination);
	add_bandwidth(&params, migrate->bandwidth_bytes_per_second);
	if (params.failed) {
		lv_set_error(answer, conn);
		return;
	}
	if (virDomainMigrateToURI3(domain, migrate->peer_uri, params.list, (unsigned int)params.n,
				   flags_of(migrate)) < 0)
		lv_set_migrate_error(answer, conn);
}
