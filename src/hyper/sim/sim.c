/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated world: hosts, guests, and what can go wrong with them. */
#include "hyper/sim/sim-private.h"

static void domain_free(gpointer data)
{
	SimDomain *domain = data;

	g_free(domain->uuid);
	g_free(domain->name);
	g_free(domain->metadata);
	g_free(domain);
}

static void host_free(gpointer data)
{
	SimHost *host = data;

	g_hash_table_unref(host->domains);
	g_ptr_array_unref(host->requests);
	g_free(host->name);
	g_free(host->uri);
	g_free(host);
}

Sim *sim_new(Clock *clock)
{
	Sim *sim = g_new0(Sim, 1);

	sim->clock = clock;
	sim->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, host_free);
	sim->migrations = g_ptr_array_new();
	sim->faults = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	sim->most_copies = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	sim->started = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	sim->dirty = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	sim->stalled = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	sim->link_bytes_per_second = G_GINT64_CONSTANT(1) << 30;
	sim->least_memory_bytes = G_MAXINT64;
	return sim;
}

void sim_free(Sim *sim)
{
	if (!sim)
		return;
	while (sim->migrations->len > 0)
		sim_migrate_free(g_ptr_array_index(sim->migrations, 0));
	g_ptr_array_unref(sim->migrations);
	g_hash_table_unref(sim->hosts);
	g_hash_table_unref(sim->faults);
	g_hash_table_unref(sim->most_copies);
	g_hash_table_unref(sim->started);
	g_hash_table_unref(sim->dirty);
	g_hash_table_unref(sim->stalled);
	g_free(sim);
}

/* ---- the world ------------------------------------------------------------------------------- */

void sim_add_host(Sim *sim, const char *name, gint64 memory_bytes)
{
	SimHost *host = g_new0(SimHost, 1);

	host->sim = sim;
	host->name = g_strdup(name);
	host->uri = g_strdup_printf(SIM_URI_FORMAT, name);
	host->memory_bytes = memory_bytes;
	host->domains = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, domain_free);
	host->requests = g_ptr_array_new();
	host->certificates = 1;
	host->powered = host->daemon_up = TRUE;
	g_hash_table_insert(sim->hosts, host->name, host);
}

SimHost *sim_host(Sim *sim, const char *name)
{
	SimHost *host = g_hash_table_lookup(sim->hosts, name);

	if (!host)
		g_error("no simulated host '%s'", name);
	return host;
}

SimHost *sim_host_by_uri(Sim *sim, const char *uri)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, sim->hosts);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (g_strcmp0(((SimHost *)value)->uri, uri) == 0)
			return value;
	return NULL;
}

SimDomain *sim_domain(SimHost *host, const char *uuid)
{
	return g_hash_table_lookup(host->domains, uuid);
}

gint64 sim_host_free_memory(SimHost *host)
{
	gint64 available = host->memory_bytes;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, host->domains);
	while (g_hash_table_iter_next(&iter, NULL, &value))
		if (((SimDomain *)value)->state != HYPER_DOMAIN_SHUTOFF)
			available -= ((SimDomain *)value)->memory_bytes;
	return available;
}

SimDomain *sim_domain_new(SimHost *host, const char *uuid, const char *name, gint64 memory_bytes)
{
	SimDomain *domain = g_new0(SimDomain, 1);

	domain->host = host;
	domain->uuid = g_strdup(uuid);
	domain->name = g_strdup(name);
	domain->memory_bytes = domain->working_set_bytes = memory_bytes;
	domain->running_since_us = -1;
	domain->state = HYPER_DOMAIN_SHUTOFF;
	g_hash_table_replace(host->domains, domain->uuid, domain);
	return domain;
}

void sim_domain_remove(SimDomain *domain)
{
	SimHost *host = domain->host;
	g_autofree char *uuid = g_strdup(domain->uuid);

	g_hash_table_remove(host->domains, uuid);
	sim_event(host, (HyperEvent){ .type = HYPER_EVENT_DOMAIN, .uuid = uuid });
}

void sim_domain_stop(SimDomain *domain)
{
	if (!domain->persistent) {
		sim_domain_remove(domain);
		return;
	}
	domain->incoming = FALSE;
	domain->finish_queued = domain->left_performed = domain->left_performing = FALSE;
	sim_domain_set(domain, HYPER_DOMAIN_SHUTOFF, HYPER_REASON_UNKNOWN);
}

static void count_copies(Sim *sim, const char *uuid)
{
	guint now = sim_running_copies(sim, uuid);

	if (now > sim_most_copies(sim, uuid))
		g_hash_table_insert(sim->most_copies, g_strdup(uuid), GUINT_TO_POINTER(now));
}

void sim_domain_set(SimDomain *domain, HyperDomainState state, HyperReason reason)
{
	Sim *sim = domain->host->sim;

	domain->state = state;
	domain->reason = reason;
	if (state == HYPER_DOMAIN_RUNNING)
		domain->running_since_us = clock_unix_us(sim->clock);
	if (state != HYPER_DOMAIN_SHUTOFF)
		sim->least_memory_bytes =
			MIN(sim->least_memory_bytes, sim_host_free_memory(domain->host));
	count_copies(sim, domain->uuid);
	sim_event(domain->host, (HyperEvent){ .type = HYPER_EVENT_STATE,
					      .uuid = domain->uuid,
					      .state = state,
					      .reason = reason,
					      .when_us = clock_monotonic_us(sim->clock) });
}

void sim_add_guest(Sim *sim, const char *host, const SimGuest *guest)
{
	SimDomain *domain =
		sim_domain_new(sim_host(sim, host), guest->uuid, guest->name, guest->memory_bytes);

	if (guest->working_set_bytes > 0)
		domain->working_set_bytes = guest->working_set_bytes;
	domain->persistent = !guest->transient;
	domain->autostart = guest->autostart;
	sim_guest_dirties(sim, guest->uuid, guest->dirty_bytes_per_second);
	if (guest->shutoff)
		return;
	if (guest->paused)
		sim_domain_set(domain, HYPER_DOMAIN_PAUSED, HYPER_REASON_USER);
	else
		sim_domain_set(domain, HYPER_DOMAIN_RUNNING, HYPER_REASON_BOOTED);
}

void sim_set_link(Sim *sim, gint64 bytes_per_second)
{
	sim->link_bytes_per_second = bytes_per_second;
}

void sim_set_disk_locks(Sim *sim, gboolean locks)
{
	sim->disk_locks = locks;
}

void sim_set_other_job(Sim *sim, const char *host, const char *uuid, const char *operation)
{
	sim_domain(sim_host(sim, host), uuid)->other_job = operation;
}

const char *sim_other_job(Sim *sim, const char *host, const char *uuid)
{
	return sim_domain(sim_host(sim, host), uuid)->other_job;
}

void sim_set_certificates(Sim *sim, const char *host, int certificates)
{
	sim_host(sim, host)->certificates = certificates;
}

/* ---- what is so ------------------------------------------------------------------------------ */

HyperDomainState sim_state(Sim *sim, const char *host, const char *uuid)
{
	SimDomain *domain = sim_domain(sim_host(sim, host), uuid);

	return domain ? domain->state : HYPER_DOMAIN_NONE;
}

HyperReason sim_reason(Sim *sim, const char *host, const char *uuid)
{
	SimDomain *domain = sim_domain(sim_host(sim, host), uuid);

	return domain ? domain->reason : HYPER_REASON_UNKNOWN;
}

gboolean sim_autostart(Sim *sim, const char *host, const char *uuid)
{
	SimDomain *domain = sim_domain(sim_host(sim, host), uuid);

	return domain && domain->autostart;
}

guint sim_running_copies(Sim *sim, const char *uuid)
{
	GHashTableIter iter;
	gpointer value;
	guint n = 0;

	g_hash_table_iter_init(&iter, sim->hosts);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		SimDomain *domain = sim_domain(value, uuid);

		n += domain && domain->state == HYPER_DOMAIN_RUNNING;
	}
	return n;
}

guint sim_most_copies(Sim *sim, const char *uuid)
{
	return GPOINTER_TO_UINT(g_hash_table_lookup(sim->most_copies, uuid));
}

guint sim_migrations(Sim *sim)
{
	return sim->migrations->len;
}

guint sim_most_migrations(Sim *sim)
{
	return sim->most_migrations;
}

guint sim_most_outbound(Sim *sim)
{
	return sim->most_outbound;
}

guint sim_started(Sim *sim, const char *uuid)
{
	if (!uuid)
		return sim->all_started;
	return GPOINTER_TO_UINT(g_hash_table_lookup(sim->started, uuid));
}

gint64 sim_least_memory(Sim *sim)
{
	return sim->least_memory_bytes;
}

/* ---- the guests' own doing ------------------------------------------------------------------- */

void sim_guest_dirties(Sim *sim, const char *uuid, gint64 bytes_per_second)
{
	gint64 *rate = g_new(gint64, 1);

	*rate = bytes_per_second;
	g_hash_table_replace(sim->dirty, g_strdup(uuid), rate);
}

void sim_guest_ends(Sim *sim, const char *uuid)
{
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, sim->hosts);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		SimDomain *domain = sim_domain(value, uuid);

		if (!domain || domain->state != HYPER_DOMAIN_RUNNING)
			continue;
		/* Its migration away sees the guest gone and ends in an error. */
		if (domain->migration)
			sim_kill_incoming(sim, uuid);
		domain = sim_domain(value, uuid);
		if (domain)
			sim_domain_stop(domain);
	}
}

/* ---- faults ---------------------------------------------------------------------------------- */

void sim_inject(Sim *sim, const char *uuid, SimFault fault)
{
	guint *counts = g_hash_table_lookup(sim->faults, uuid);

	if (!counts) {
		counts = g_new0(guint, SIM_FAULT_LAST);
		g_hash_table_insert(sim->faults, g_strdup(uuid), counts);
	}
	counts[fault]++;
}

gboolean sim_take_fault(Sim *sim, const char *uuid, SimFault fault)
{
	guint *counts = uuid ? g_hash_table_lookup(sim->faults, uuid) : NULL;

	if (!counts || counts[fault] == 0)
		return FALSE;
	counts[fault]--;
	return TRUE;
}

static GPtrArray *host_domains(SimHost *host)
{
	GPtrArray *uuids = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer key;

	g_hash_table_iter_init(&iter, host->domains);
	while (g_hash_table_iter_next(&iter, &key, NULL))
		g_ptr_array_add(uuids, g_strdup(key));
	return uuids;
}

void sim_host_down(Sim *sim, const char *name)
{
	SimHost *host = sim_host(sim, name);
	g_autoptr(GPtrArray) uuids = NULL;

	if (!host->powered)
		return;
	host->powered = host->daemon_up = host->frozen = FALSE;
	sim_migrate_host_lost(host, TRUE);
	sim_requests_fail(host, "Cannot recv data: Connection reset by peer");
	sim_event(host, (HyperEvent){ .type = HYPER_EVENT_DISCONNECTED, .text = "host is down" });
	uuids = host_domains(host);
	for (guint i = 0; i < uuids->len; i++)
		sim_domain_stop(sim_domain(host, g_ptr_array_index(uuids, i)));
}

/* What libvirt's daemon does with each domain when it starts. */
static void recover_domain(SimDomain *domain)
{
	if (domain->incoming && !domain->finish_queued) {
		sim_domain_stop(domain);
	} else if (domain->left_performing) {
		domain->left_performing = FALSE;
		sim_domain_set(domain, HYPER_DOMAIN_RUNNING, HYPER_REASON_MIGRATION_CANCELED);
	} else if (domain->left_performed) {
		domain->left_performed = FALSE; /* stays paused: who knows what the target did */
	} else if (domain->autostart && domain->state == HYPER_DOMAIN_SHUTOFF) {
		sim_domain_set(domain, HYPER_DOMAIN_RUNNING, HYPER_REASON_BOOTED);
	}
}

void sim_daemon_start(Sim *sim, const char *name)
{
	SimHost *host = sim_host(sim, name);
	g_autoptr(GPtrArray) uuids = host_domains(host);

	if (host->daemon_up)
		return;
	host->powered = host->daemon_up = TRUE;
	for (guint i = 0; i < uuids->len; i++) {
		SimDomain *domain = sim_domain(host, g_ptr_array_index(uuids, i));

		if (domain)
			recover_domain(domain);
	}
	sim_event(host, (HyperEvent){ .type = HYPER_EVENT_CONNECTED });
}

void sim_host_up(Sim *sim, const char *name)
{
	sim_daemon_start(sim, name);
}

void sim_daemon_kill(Sim *sim, const char *name)
{
	SimHost *host = sim_host(sim, name);

	if (!host->daemon_up)
		return;
	host->daemon_up = host->frozen = FALSE;
	sim_migrate_host_lost(host, FALSE);
	sim_requests_fail(host, "End of file while reading data: Input/output error");
	sim_event(host, (HyperEvent){ .type = HYPER_EVENT_DISCONNECTED, .text = "daemon died" });
}

void sim_daemon_freeze(Sim *sim, const char *name)
{
	SimHost *host = sim_host(sim, name);

	host->frozen = TRUE;
	host->frozen_at_us = clock_monotonic_us(sim->clock);
}

void sim_daemon_thaw(Sim *sim, const char *name)
{
	SimHost *host = sim_host(sim, name);

	if (!host->frozen)
		return;
	host->frozen = FALSE;
	sim_migrate_thawed(host);
	sim_requests_go_on(host);
}

void sim_cut(Sim *sim, const char *name)
{
	sim_host(sim, name)->cut = TRUE;
}

void sim_heal(Sim *sim, const char *name)
{
	SimHost *host = sim_host(sim, name);

	host->cut = FALSE;
	sim_requests_go_on(host);
}

void sim_on_phase(Sim *sim, SimPhaseFunc func, gpointer data)
{
	sim->phase_func = func;
	sim->phase_data = data;
}
