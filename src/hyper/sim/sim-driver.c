/* SPDX-License-Identifier: Apache-2.0 */
/* The HyperDriver of the simulated hosts: takes requests, answers them after a moment. */
#include <string.h>

#include "hyper/sim/sim-private.h"

#define LATENCY_MS 1
#define JOB_LOCK_MS 30000 /* libvirt waits so long for a domain's job lock */
#define JOB_LOCK_LOOK_MS 10

/* ---- ending requests ------------------------------------------------------------------------- */

static void request_free(SimRequest *request)
{
	clock_cancel(request->host->sim->clock, &request->timer);
	g_free(request->uuid);
	g_free(request->text);
	g_free(request->peer_uri);
	g_free(request);
}

void sim_request_complete(SimRequest *request, HyperAnswer *answer)
{
	g_ptr_array_remove(request->host->requests, request);
	request->host->sim->core->complete(request->request, answer);
	request_free(request);
}

static void fail(SimRequest *request, KvmigError code, const char *message, gboolean unknown)
{
	HyperAnswer answer = { .outcome_unknown = unknown };

	request->host->sim->core->set_error(&answer, code, message, NULL, NULL);
	sim_request_complete(request, &answer);
}

void sim_request_fail(SimRequest *request, KvmigError code, const char *message)
{
	fail(request, code, message, FALSE);
}

/* Migrations keep their own hold on their request. */
static void forget_request(SimRequest *request)
{
	GPtrArray *migrations = request->host->sim->migrations;

	for (guint i = 0; i < migrations->len; i++) {
		SimMigration *migration = g_ptr_array_index(migrations, i);

		if (migration->request == request)
			migration->request = NULL;
	}
}

void sim_requests_fail(SimHost *host, const char *message)
{
	g_autoptr(GPtrArray) all = g_ptr_array_copy(host->requests, NULL, NULL);

	for (guint i = 0; i < all->len; i++) {
		SimRequest *request = g_ptr_array_index(all, i);

		forget_request(request);
		fail(request, KVMIG_ERROR_UNREACHABLE, message, request->op == HYPER_OP_MIGRATE);
	}
}

void sim_event(SimHost *host, HyperEvent event)
{
	gboolean heard = host->daemon_up && !host->frozen && !host->cut;

	if (event.type == HYPER_EVENT_DISCONNECTED)
		heard = !host->cut;
	if (heard && host->hyper_host && host->sim->core)
		host->sim->core->event(host->hyper_host, &event);
}

/* ---- answering ------------------------------------------------------------------------------- */

static HyperDomain *describe(SimDomain *domain, const char *uuid, gboolean full)
{
	HyperDomain *told = g_new0(HyperDomain, 1);

	told->uuid = g_strdup(uuid);
	told->running_since_us = -1;
	told->state = HYPER_DOMAIN_NONE;
	if (!domain)
		return told;
	told->state = domain->state;
	told->reason = domain->reason;
	told->incoming = domain->incoming;
	told->name = g_strdup(domain->name);
	if (!full || domain->incoming)
		return told;
	told->persistent = domain->persistent;
	told->autostart = domain->autostart;
	told->memory_bytes = domain->memory_bytes;
	told->running_since_us = domain->running_since_us;
	told->vcpus = 1;
	told->arch = g_strdup("x86_64");
	told->machine_type = g_strdup("pc-q35-7.2");
	told->virt_type = g_strdup("kvm");
	told->metadata = g_strdup(domain->metadata);
	return told;
}

static HyperHostInfo *describe_host(SimHost *host)
{
	HyperHostInfo *info = g_new0(HyperHostInfo, 1);

	info->uuid = g_strdup_printf("00000000-0000-4000-8000-%012x", g_str_hash(host->name));
	info->hostname = g_strdup(host->name);
	info->arch = g_strdup("x86_64");
	info->machine_types = g_strsplit("pc-q35-7.2,q35", ",", -1);
	info->kvm = TRUE;
	info->memory_total_bytes = host->memory_bytes;
	info->memory_available_bytes = sim_host_free_memory(host);
	info->cpus = 64;
	info->libvirt_version = 9000000;
	info->hypervisor_version = 7002000;
	info->migration_certificates = host->certificates;
	info->disk_leases = info->userfaultfd = -1;
	return info;
}

static GPtrArray *describe_all(SimHost *host)
{
	GPtrArray *domains = g_ptr_array_new_with_free_func((GDestroyNotify)hyper_domain_free);
	GHashTableIter iter;
	gpointer key, value;

	g_hash_table_iter_init(&iter, host->domains);
	while (g_hash_table_iter_next(&iter, &key, &value))
		g_ptr_array_add(domains, describe(value, key, TRUE));
	return domains;
}

static void answer_job(SimDomain *domain, gboolean completed, HyperJob *job)
{
	memset(job, 0xff, sizeof(*job)); /* -1 everywhere */
	job->active = job->completed = job->postcopy = FALSE;
	job->operation[0] = '\0';
	if (completed && domain->has_completed)
		*job = domain->completed;
	else if (!completed && domain->migration) {
		sim_migrate_job(domain->migration, job);
		g_strlcpy(job->operation, HYPER_JOB_MIGRATION, sizeof(job->operation));
	} else if (!completed && domain->other_job) {
		job->active = TRUE;
		g_strlcpy(job->operation, domain->other_job, sizeof(job->operation));
	}
}

/* What changes a guest. FALSE with a message where it cannot be. */
static gboolean change(SimRequest *request, SimDomain *domain, const char **ret_message)
{
	switch (request->op) {
	case HYPER_OP_ABORT:
		*ret_message = "Requested operation is not valid: no job is active on the domain";
		/* libvirt does not ask whose job it is */
		if (g_steal_pointer(&domain->other_job))
			return TRUE;
		return sim_migrate_abort(domain);
	case HYPER_OP_SUSPEND:
		if (domain->state == HYPER_DOMAIN_RUNNING)
			sim_domain_set(domain, HYPER_DOMAIN_PAUSED, HYPER_REASON_USER);
		return TRUE;
	case HYPER_OP_RESUME:
		*ret_message = "Failed to get \"write\" lock";
		if (domain->host->sim->disk_locks &&
		    sim_running_copies(domain->host->sim, domain->uuid) > 0)
			return FALSE;
		*ret_message = "Requested operation is not valid: domain is not running";
		if (domain->state == HYPER_DOMAIN_SHUTOFF)
			return FALSE;
		if (domain->state == HYPER_DOMAIN_PAUSED)
			sim_domain_set(domain, HYPER_DOMAIN_RUNNING, HYPER_REASON_UNPAUSED);
		return TRUE;
	case HYPER_OP_SET_METADATA:
		g_free(domain->metadata);
		domain->metadata = g_strdup(request->text);
		return TRUE;
	default: /* SET_AUTOSTART */
		*ret_message = "cannot set autostart for transient domain";
		if (!domain->persistent)
			return FALSE;
		domain->autostart = request->flag;
		return TRUE;
	}
}

static void on_job_lock(gpointer data)
{
	SimRequest *request = data;

	request->timer = 0;
	sim_request_fail(request, KVMIG_ERROR_TIMEOUT,
			 "Timed out during operation: cannot acquire state change lock");
}

static void answer_change(SimRequest *request, SimDomain *domain)
{
	HyperAnswer answer = { 0 };
	const char *message = "failed";

	if (sim_take_fault(request->host->sim, domain->uuid, SIM_FAULT_JOB_BUSY)) {
		request->timer =
			clock_after(request->host->sim->clock, JOB_LOCK_MS, on_job_lock, request);
		return;
	}
	if (change(request, domain, &message))
		sim_request_complete(request, &answer);
	else
		sim_request_fail(request, KVMIG_ERROR_FAILED, message);
}

static void answer_domain(SimRequest *request)
{
	SimDomain *domain = sim_domain(request->host, request->uuid);
	HyperAnswer answer = { 0 };

	if (request->op == HYPER_OP_STATE || request->op == HYPER_OP_DOMAIN) {
		answer.domain = describe(domain, request->uuid, request->op == HYPER_OP_DOMAIN);
		sim_request_complete(request, &answer);
	} else if (!domain) {
		sim_request_fail(request, KVMIG_ERROR_NOT_FOUND,
				 "Domain not found: no domain with matching uuid");
	} else if (request->op == HYPER_OP_JOB || request->op == HYPER_OP_JOB_COMPLETED) {
		answer_job(domain, request->op == HYPER_OP_JOB_COMPLETED, &answer.job);
		sim_request_complete(request, &answer);
	} else if (request->op == HYPER_OP_DOMAIN_XML) {
		answer.text = g_strdup_printf("<domain><uuid>%s</uuid></domain>", request->uuid);
		sim_request_complete(request, &answer);
	} else {
		answer_change(request, domain);
	}
}

static void on_latency(gpointer data);

/* Behind another job of the domain MIGRATE waits for its end, and not for ever. */
static gboolean wait_for_job_lock(SimRequest *request)
{
	Clock *clock = request->host->sim->clock;
	const SimDomain *domain = sim_domain(request->host, request->uuid);

	if (!domain || !domain->other_job)
		return FALSE;
	if (!request->lock_until_us)
		request->lock_until_us =
			clock_monotonic_us(clock) + G_GINT64_CONSTANT(1000) * JOB_LOCK_MS;
	if (clock_monotonic_us(clock) >= request->lock_until_us)
		on_job_lock(request);
	else
		request->timer = clock_after(clock, JOB_LOCK_LOOK_MS, on_latency, request);
	return TRUE;
}

static void answer_migrate(SimRequest *request)
{
	if (wait_for_job_lock(request))
		return;
	request->taken = TRUE;
	sim_migrate(request);
}

static void on_latency(gpointer data)
{
	SimRequest *request = data;
	HyperAnswer answer = { 0 };

	request->timer = 0;
	if (request->host->frozen || request->host->cut)
		return; /* it waits: sim_requests_go_on() */
	if (request->ended) {
		if (request->ended_message)
			sim_request_fail(request, request->ended_code, request->ended_message);
		else
			sim_request_complete(request, &answer);
		return;
	}
	if (!request->host->daemon_up) {
		fail(request, KVMIG_ERROR_UNREACHABLE,
		     "unable to connect to server: Connection refused", FALSE);
		return;
	}
	switch (request->op) {
	case HYPER_OP_HOST_INFO:
		answer.info = describe_host(request->host);
		break;
	case HYPER_OP_LIST:
		answer.domains = describe_all(request->host);
		break;
	case HYPER_OP_CHECK_TARGET:
	case HYPER_OP_PROBE:
		break;
	case HYPER_OP_INSPECT:
		answer.inspection = g_new0(HyperInspection, 1);
		answer.inspection->parts = g_ptr_array_new();
		break;
	case HYPER_OP_MIGRATE:
		answer_migrate(request);
		/* cppcheck-suppress memleak ; another case's */
		return;
	default:
		answer_domain(request);
		return;
	}
	sim_request_complete(request, &answer);
}

void sim_requests_go_on(SimHost *host)
{
	for (guint i = 0; i < host->requests->len; i++) {
		SimRequest *request = g_ptr_array_index(host->requests, i);

		if (!request->timer && (!request->taken || request->ended))
			request->timer =
				clock_after(host->sim->clock, LATENCY_MS, on_latency, request);
	}
}

/* ---- the driver ------------------------------------------------------------------------------ */

static void sim_init(const HyperCore *core, Clock *clock G_GNUC_UNUSED, gpointer driver_data)
{
	((Sim *)driver_data)->core = core;
}

static void sim_shutdown(gpointer driver_data)
{
	((Sim *)driver_data)->core = NULL;
}

static gpointer sim_host_open(HyperHost *hyper_host, const char *name G_GNUC_UNUSED,
			      const char *uri, gpointer driver_data)
{
	SimHost *host = sim_host_by_uri(driver_data, uri);

	if (!host)
		g_error("no simulated host has the URI '%s'", uri);
	host->hyper_host = hyper_host;
	return host;
}

/* The caller is gone: what it asked and was not begun dies with its connection; migrations go
 * on. */
static void sim_host_close(gpointer driver_host)
{
	SimHost *host = driver_host;

	host->hyper_host = NULL;
	sim_requests_fail(host, "connection closed");
}

static void sim_submit(gpointer driver_host, HyperRequest *hyper_request, const HyperJobCall *call)
{
	SimHost *host = driver_host;
	SimRequest *request = g_new0(SimRequest, 1);

	request->host = host;
	request->request = hyper_request;
	request->op = call->op;
	request->uuid = g_strdup(call->uuid);
	request->text = g_strdup(call->text);
	request->flag = call->flag;
	if (call->op == HYPER_OP_MIGRATE) {
		request->peer_uri = g_strdup(call->migrate.peer_uri);
		request->migrate.bandwidth_bytes_per_second =
			call->migrate.bandwidth_bytes_per_second;
		request->migrate.persistent = call->migrate.persistent;
		request->migrate.tls = call->migrate.tls;
	}
	g_ptr_array_add(host->requests, request);
	request->timer = clock_after(host->sim->clock, LATENCY_MS, on_latency, request);
}

/* A daemon does what it was asked, late, also where nobody waits any more. */
static void sim_abandon(gpointer driver_host G_GNUC_UNUSED, HyperRequest *request G_GNUC_UNUSED)
{
}

const HyperDriver *sim_driver(void)
{
	static const HyperDriver driver = {
		.abi = HYPER_DRIVER_ABI,
		.name = "sim",
		.init = sim_init,
		.shutdown = sim_shutdown,
		.host_open = sim_host_open,
		.host_close = sim_host_close,
		.submit = sim_submit,
		.abandon = sim_abandon,
	};

	return &driver;
}
