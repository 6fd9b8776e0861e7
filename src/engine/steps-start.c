/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the queue to libvirt: both hosts are asked, autostart is taken off, and the migration is
 * handed over. Until the hand-over nothing has been begun and everything can be taken back.
 */
#include <string.h>

#include "engine/engine-private.h"
#include "hyper/uri.h"
#include "model/quantity.h"
#include "schedule/schedule.h"

#define SOURCE_RETRIES 2
#define ON_ITS_WAY_RETRIES 30
#define RETRY_MS 1000
#define BUSY_RETRY_MS 5000
#define AVOID_US G_GINT64_CONSTANT(30000000)
#define AUTOSTART_TIMEOUT_MS 35000 /* libvirt waits 30 s for a domain's job lock */

/* ---- probing -------------------------------------------------------------------------------- */

static void clear_probe(Job *job)
{
	g_clear_pointer(&job->domain, hyper_domain_free);
	g_clear_pointer(&job->source_info, hyper_host_info_free);
	g_clear_pointer(&job->target_info, hyper_host_info_free);
	g_clear_error(&job->source_error);
	g_clear_error(&job->target_error);
	g_clear_pointer(&job->other_job, g_free);
	job->asked = FALSE;
}

void start_probing(Job *job, const char *target)
{
	clear_probe(job);
	job_set_place(job, job->vmi.node_name, target, job->vmi.domain_uuid);
	job->memory_bytes = job->vmi.memory_bytes;
	g_clear_pointer(&job->held, g_free);
	job_enter(job, STATE_PROBING);
}

StepResult start_requeue(Job *job, gint64 delay_ms)
{
	job_forget_asks(job);
	clear_probe(job);
	job_set_place(job, NULL, NULL, NULL);
	job->not_before_us = clock_monotonic_us(job->engine->clock) + delay_ms * 1000;
	job_enter(job, STATE_QUEUED);
	queue_schedule_round(job->engine);
	return STEP_WAIT;
}

static void keep_error(GError **to, HyperAnswer *answer)
{
	if (answer->error && !*to)
		*to = g_error_copy(answer->error);
}

static void on_domain(Job *job, HyperAnswer *answer)
{
	keep_error(&job->source_error, answer);
	job->domain = g_steal_pointer(&answer->domain);
	job_run(job);
}

static void on_source_job(Job *job, HyperAnswer *answer)
{
	const char *what = answer->job.operation;

	if (!answer->error && answer->job.active)
		job->other_job = g_strdup_printf("libvirt is busy with it: %s",
						 *what ? what : "another job");
	job_run(job);
}

static void on_source_info(Job *job, HyperAnswer *answer)
{
	keep_error(&job->source_error, answer);
	job->source_info = g_steal_pointer(&answer->info);
	job_run(job);
}

static void on_target_state(Job *job, HyperAnswer *answer)
{
	keep_error(&job->target_error, answer);
	if (answer->domain)
		job->target_state = answer->domain->state;
	job_run(job);
}

static void on_target_info(Job *job, HyperAnswer *answer)
{
	keep_error(&job->target_error, answer);
	/* over the connection that carries the events; a break from here on is told */
	job->target_heard = answer->info != NULL;
	job->target_info = g_steal_pointer(&answer->info);
	job_run(job);
}

static void probe(Job *job)
{
	HyperCall call = { .uuid = job->uuid, .timeout_ms = ASK_TIMEOUT_MS };

	job->asked = TRUE;
	call.op = HYPER_OP_DOMAIN;
	job_ask(job, job->source, &call, on_domain);
	call.op = HYPER_OP_JOB;
	job_ask(job, job->source, &call, on_source_job);
	call.op = HYPER_OP_STATE;
	job_ask(job, job->target, &call, on_target_state);
	call.op = HYPER_OP_HOST_INFO;
	job_ask(job, job->target, &call, on_target_info);
	if (!job->engine->settings.disable_tls)
		job_ask(job, job->source, &call, on_source_info);
}

/* This target is left alone for a while; another one may do. One that was chosen by a controller
 * before this one, with autostart off already, is not exchanged any more. */
static StepResult avoid_target(Job *job, const char *reason, const char *words)
{
	gint64 *until_us;

	if (job->view.phase > MIGRATION_PHASE_PENDING)
		return end_failed(job, reason, words, NULL);
	until_us = g_new(gint64, 1);
	*until_us = clock_monotonic_us(job->engine->clock) + AVOID_US;
	g_hash_table_replace(job->avoid, g_strdup(job->target), until_us);
	g_hash_table_replace(job->avoid_reason, g_strdup(job->target), g_strdup(words));
	return start_requeue(job, 0);
}

/* Libvirt does one job on a domain at a time, and would wait 30 s for its end and fail. It is
 * waited for here, however long it takes: whoever began it wants it done. */
static StepResult wait_for_other_job(Job *job, const char *words)
{
	StepResult result = start_requeue(job, BUSY_RETRY_MS);

	g_free(job->held);
	job->held = g_strdup(words);
	return result;
}

static gboolean is_busy(const Job *job)
{
	return job->view.phase <= MIGRATION_PHASE_PENDING &&
	       (job->other_job ||
		g_strcmp0(error_get_reason(job->source_error), REASON_PEND_VM_BUSY) == 0);
}

static StepResult source_silent(Job *job)
{
	g_autofree char *message = NULL;

	if (job->view.phase <= MIGRATION_PHASE_PENDING && job->source_failures++ < SOURCE_RETRIES)
		return start_requeue(job, RETRY_MS);
	message = g_strdup_printf("node '%s', where the VM is, cannot be asked: %s", job->source,
				  job->source_error->message);
	return end_failed(job, REASON_FAIL_HOST_UNREACHABLE, message, NULL);
}

/* The object said that it runs there, and it does not: the inventory is behind, or it ended. */
static StepResult not_there(Job *job)
{
	g_autofree char *message = NULL;

	inventory_touch(job->engine->options.inventory, job->source, job->uuid);
	if (job->view.phase <= MIGRATION_PHASE_PENDING && job->source_failures++ < SOURCE_RETRIES)
		return start_requeue(job, RETRY_MS);
	message = g_strdup_printf("VM '%s' is %s on node '%s'", job->vmi_key,
				  job->domain->state == HYPER_DOMAIN_NONE
					  ? "not known"
					  : hyper_domain_state_to_string(job->domain->state),
				  job->source);
	return end_failed(job, REASON_BLK_NOT_RUNNING, message, NULL);
}

static const char *lacks_certificates(Job *job)
{
	if (job->engine->settings.disable_tls)
		return NULL;
	if (job->source_info && job->source_info->migration_certificates == 0)
		return job->source;
	if (job->target_info->migration_certificates == 0)
		return job->target;
	return NULL;
}

/* Memory that is promised to others on the target. */
static gint64 reserved_there(Job *job)
{
	gint64 reserved = 0;
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, job->engine->jobs);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		Job *other = value;

		if (other != job && other->state != STATE_QUEUED &&
		    g_strcmp0(other->target, job->target) == 0)
			reserved += other->memory_bytes;
	}
	return reserved;
}

static char *lacks_memory(Job *job)
{
	HostEntry *entry = g_hash_table_lookup(job->engine->hosts, job->target);
	gint64 kept = entry ? schedule_host_reserve(&entry->host) : 0;
	gint64 reserved = reserved_there(job);
	gint64 left = job->target_info->memory_available_bytes - reserved - kept;
	g_autofree char *need_text = NULL, *left_text = NULL;

	if (left >= job->memory_bytes)
		return NULL;
	need_text = quantity_human_bytes(job->memory_bytes);
	left_text = quantity_human_bytes(MAX(left, 0));
	return g_strdup_printf("needs %s, %s are free and not reserved", need_text, left_text);
}

static StepResult blocked(Job *job, const char *node)
{
	g_autofree char *message = g_strdup_printf(
		"migration traffic is to be encrypted, and node '%s' has no certificates for it",
		node);

	return end_failed(job, REASON_BLK_TLS_CERTS, message, NULL);
}

static StepResult already_there(Job *job)
{
	g_autofree char *message =
		g_strdup_printf("node '%s' has a domain with the UUID %s already, %s", job->target,
				job->uuid, hyper_domain_state_to_string(job->target_state));

	return end_failed(job, REASON_BLK_DUPLICATE_UUID, message, NULL);
}

/* Paused by a migration, not by somebody who wants it paused. */
static gboolean is_in_the_middle(const HyperDomain *domain)
{
	return domain->incoming || (domain->state == HYPER_DOMAIN_PAUSED &&
				    (domain->reason == HYPER_REASON_MIGRATION ||
				     domain->reason == HYPER_REASON_STARTING_UP ||
				     domain->reason == HYPER_REASON_POSTCOPY ||
				     domain->reason == HYPER_REASON_POSTCOPY_FAILED));
}

/* At one end of a migration that is not ours: mostly for a moment, but one that was left in the
 * middle stays like that until a person decides. */
static StepResult on_its_way(Job *job)
{
	g_autofree char *message = NULL;

	if (job->view.phase <= MIGRATION_PHASE_PENDING &&
	    job->source_failures++ < ON_ITS_WAY_RETRIES)
		return start_requeue(job, RETRY_MS);
	message = g_strdup_printf("VM '%s' is paused on node '%s' in the middle of a migration "
				  "that is not this one",
				  job->vmi_key, job->source);
	return end_failed(job, REASON_BLK_IN_FLIGHT, message,
			  "look at the domain with virsh on its hosts; where an earlier migration "
			  "left it paused, its alarm tells what to do");
}

/* With every answer at hand: on, back, or over. */
static StepResult judge(Job *job)
{
	g_autofree char *memory = NULL, *words = NULL;
	const HyperDomain *domain = job->domain;

	if (is_busy(job)) {
		words = g_strdup(job->other_job ? job->other_job : job->source_error->message);
		return wait_for_other_job(job, words);
	}
	if (job->source_error)
		return source_silent(job);
	if (domain->state != HYPER_DOMAIN_RUNNING && domain->state != HYPER_DOMAIN_PAUSED)
		return not_there(job);
	if (is_in_the_middle(domain))
		return on_its_way(job);
	if (domain->not_migratable)
		return end_failed(job, REASON_BLK_LIBVIRT, domain->not_migratable, NULL);
	if (job->target_error)
		return avoid_target(job, REASON_FAIL_HOST_UNREACHABLE, job->target_error->message);
	if (job->target_state != HYPER_DOMAIN_NONE)
		return already_there(job);
	if (lacks_certificates(job))
		return blocked(job, lacks_certificates(job));
	job->memory_bytes = MAX(job->memory_bytes, domain->memory_bytes);
	memory = lacks_memory(job);
	if (memory)
		return avoid_target(job, REASON_TGT_MEMORY, memory);
	job->persistent = domain->persistent;
	job->was_paused = domain->state == HYPER_DOMAIN_PAUSED;
	job_enter(job, domain->persistent && domain->autostart ? STATE_CLEARING_AUTOSTART
							       : STATE_HANDING_OVER);
	return STEP_MORE;
}

StepResult step_probing(Job *job)
{
	if (job->cancel_by)
		return end_cancelled(job);
	if (!job->asked)
		probe(job);
	if (job->asks->len > 0)
		return job_wait(job, "the answers of both hosts");
	return judge(job);
}

/* ---- autostart ------------------------------------------------------------------------------ */

static void write_place(Job *job)
{
	cJSON *kvmig = job_kvmig(job);

	json_unset(kvmig, "waiting");
	json_unset(kvmig, "deadline"); /* that of the wait */
	json_set_string(kvmig, "domainUUID", job->uuid);
	json_set_string(kvmig, "sourceNode", job->source);
	json_set_string(kvmig, "targetNode", job->target);
	json_set_int(kvmig, "memoryBytes", job->memory_bytes);
	if (job->was_paused)
		json_set_bool(kvmig, "guestPaused", TRUE);
}

static void on_autostart_cleared(Job *job, HyperAnswer *answer)
{
	g_autofree char *message = NULL;

	if (answer->error) {
		message = g_strdup_printf("cannot take autostart off on node '%s': %s", job->source,
					  answer->error->message);
		end_failed(job, REASON_FAIL_LIBVIRT, message, NULL);
	} else {
		json_set_string(job_kvmig(job), "autostart", "cleared");
		job_enter(job, STATE_HANDING_OVER);
	}
	job_run(job);
}

/* Otherwise a source that dies before its definition is removed boots a second copy later. */
StepResult step_clearing_autostart(Job *job)
{
	if (job->asks->len > 0)
		return job_wait(job, "the source to take autostart off");
	if (job->cancel_by)
		return end_cancelled(job);
	write_place(job);
	json_set_string(job_kvmig(job), "autostart", "on-source");
	journal_advance(job, MIGRATION_PHASE_SCHEDULED);
	if (!journal_step(job, STATE_CLEARING_AUTOSTART))
		return job_wait(job, "the store");
	job_ask(job, job->source,
		&(HyperCall){ .op = HYPER_OP_SET_AUTOSTART,
			      .uuid = job->uuid,
			      .flag = FALSE,
			      .timeout_ms = AUTOSTART_TIMEOUT_MS },
		on_autostart_cleared);
	return job_wait(job, "the source to take autostart off");
}

/* ---- handing over --------------------------------------------------------------------------- */

typedef struct {
	char *peer_uri, *migrate_uri, *listen_address, *tls_destination;
} Addresses;

static void addresses_clear(Addresses *addresses)
{
	g_free(addresses->peer_uri);
	g_free(addresses->migrate_uri);
	g_free(addresses->listen_address);
	g_free(addresses->tls_destination);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Addresses, addresses_clear)

/* libvirt puts brackets around an IPv6 address itself, and takes one that has them for a name. */
static char *without_brackets(const char *address)
{
	gsize length = strlen(address);

	if (length > 2 && *address == '[' && address[length - 1] == ']')
		return g_strndup(address + 1, length - 2);
	return g_strdup(address);
}

static void set_tcp(Addresses *addresses, const char *address, const char *peer_name)
{
	gboolean bare_v6 = strchr(address, ':') && *address != '[';

	addresses->migrate_uri = g_strdup_printf(bare_v6 ? "tcp://[%s]" : "tcp://%s", address);
	addresses->listen_address = without_brackets(address);
	/* certificates bear the host's name, not the address on the migration network */
	if (peer_name && g_strcmp0(peer_name, address) != 0)
		addresses->tls_destination = without_brackets(peer_name);
}

/* A name of its own for each attempt: what an earlier one left there is not in the way. */
static void set_unix(Addresses *addresses, Job *job, const char *folder, const char *peer_name)
{
	addresses->migrate_uri =
		g_strdup_printf("unix://%s/%.8s-%08x", folder, job->uid, g_random_int());
	addresses->tls_destination = g_strdup(peer_name ? peer_name : job->target_info->hostname);
}

static gboolean find_addresses(Job *job, Addresses *addresses, GError **error)
{
	HostEntry *entry = g_hash_table_lookup(job->engine->hosts, job->target);
	const Host *host = entry ? &entry->host : NULL;
	const char *peer = host ? (host->peer_uri ? host->peer_uri : host->uri) : NULL;
	g_autoptr(HyperUri) uri = NULL;
	const char *address;

	if (!peer)
		return error_set(error, KVMIG_ERROR_UNREACHABLE, "there is no node '%s' any more",
				 job->target);
	uri = hyper_uri_parse(peer, host->allow_tcp ? HYPER_URI_ALLOW_TCP : HYPER_URI_NONE, error);
	if (!uri)
		return FALSE;
	addresses->peer_uri = g_strdup(uri->text);
	address = host->migration_address ? host->migration_address : uri->host;
	if (!address) {
		error_set(error, KVMIG_ERROR_INVALID,
			  "node '%s' has no address at which it could receive", job->target);
		error_hint(error, "give it one with 'kvmig node add --migration-address'");
		return FALSE;
	}
	if (g_str_has_prefix(address, "unix:"))
		set_unix(addresses, job, address + strlen("unix:"), uri->host);
	else
		set_tcp(addresses, address, uri->host);
	return TRUE;
}

static gint64 budget_us(Job *job)
{
	return settings_completion_budget_documented(job->settings.completion_timeout_per_gib,
						     job->memory_bytes) *
	       G_USEC_PER_SEC;
}

static void submit(Job *job, const Addresses *addresses)
{
	const Settings *settings = &job->settings;
	HyperMigrateParams params = {
		.peer_uri = addresses->peer_uri,
		.migrate_uri = addresses->migrate_uri,
		.listen_address = addresses->listen_address,
		.tls_destination = settings->disable_tls ? NULL : addresses->tls_destination,
		.bandwidth_bytes_per_second = settings->bandwidth_bytes_per_second,
		.persistent = job->persistent,
		.tls = !settings->disable_tls,
	};

	follow_begin(job);
	follow_submit(job, &params);
}

StepResult step_handing_over(Job *job)
{
	g_auto(Addresses) addresses = { 0 };
	g_autoptr(GError) error = NULL;

	if (job->cancel_by)
		return end_cancelled(job);
	if (!find_addresses(job, &addresses, &error))
		return end_failed(job, REASON_FAIL_HOST_UNREACHABLE, error->message,
				  error_get_hint(error));
	if (!job_find_settings(job, &error))
		return end_failed(job, REASON_FAIL_SETTINGS, error->message, error_get_hint(error));
	job->handed_over_us = clock_monotonic_us(job->engine->clock);
	job->handed_over_unix_us = clock_unix_us(job->engine->clock);
	write_place(job);
	if (budget_us(job) > 0)
		journal_deadline(job, job->handed_over_unix_us + budget_us(job), "cancel",
				 REASON_FAIL_COMPLETION_TIMEOUT);
	journal_advance(job, MIGRATION_PHASE_TARGET_READY);
	if (!journal_hand_over(job)) {
		job->handed_over_us = job->handed_over_unix_us = 0;
		return job_wait(job, "the store");
	}
	/* cancelled, or taken away, and the watch has not told yet */
	if (job->orphan || job->view.abort_requested) {
		follow_cancel(job, "user");
		return end_cancelled(job);
	}
	converge_init(&job->converge, budget_us(job),
		      job->settings.progress_timeout_seconds * G_USEC_PER_SEC, job->handed_over_us);
	job->handed_over = TRUE;
	submit(job, &addresses);
	return STEP_MORE;
}
