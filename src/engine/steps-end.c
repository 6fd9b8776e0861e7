/* SPDX-License-Identifier: Apache-2.0 */
/* The end: words for it, autostart where the VM is, the record, the objects. */
#include <string.h>

#include "engine/engine-private.h"

#define AUTOSTART_TRIES 8
#define AUTOSTART_PAUSE_MAX_MS 30000
#define AUTOSTART_TIMEOUT_MS 35000 /* libvirt waits 30 s for a domain's job lock */
#define STORE_RETRY_MS 2000
#define HISTORY_TRIES 3

/* ---- words ---------------------------------------------------------------------------------- */

static void set_outcome(Job *job, const char *reason, const char *message, const char *hint)
{
	const Reason *row = reason ? reason_find(reason) : NULL;

	job->reason = row ? row->code : NULL;
	g_free(job->message);
	job->message = g_strdup(message ? message : row ? row->text : NULL);
	g_free(job->hint);
	job->hint = g_strdup(hint ? hint : row ? row->hint : NULL);
}

static void add_words(Job *job, const char *words)
{
	g_autofree char *before = job->message;

	job->message = before ? g_strconcat(before, "; ", words, NULL) : g_strdup(words);
}

static const char *cancel_reason(const char *by)
{
	if (g_strcmp0(by, "completion-timeout") == 0)
		return REASON_FAIL_COMPLETION_TIMEOUT;
	if (g_strcmp0(by, "progress-timeout") == 0)
		return REASON_FAIL_PROGRESS_TIMEOUT;
	return REASON_FAIL_CANCELLED;
}

static const char *error_to_reason(Job *job)
{
	const GError *error = job->said_error;
	const char *reason = error_get_reason(error);

	if (reason)
		return reason;
	switch (error_code(error)) {
	case KVMIG_ERROR_REFUSED:
		return REASON_BLK_LIBVIRT;
	case KVMIG_ERROR_CANCELLED:
		return REASON_FAIL_CANCELLED;
	case KVMIG_ERROR_UNREACHABLE:
	case KVMIG_ERROR_TIMEOUT:
		return REASON_FAIL_HOST_UNREACHABLE;
	default:
		return REASON_FAIL_LIBVIRT;
	}
}

/* Why it stayed where it was. */
static void tell_why_stayed(Job *job)
{
	gboolean cancelled = !job->said_error || job->said == SAID_UNKNOWN ||
			     g_error_matches(job->said_error, KVMIG_ERROR, KVMIG_ERROR_CANCELLED);

	if (job->cancel_stored && cancelled)
		set_outcome(job, cancel_reason(job->cancel_by), NULL, NULL);
	else if (job->said_error)
		set_outcome(job, error_to_reason(job), job->said_error->message,
			    error_get_hint(job->said_error));
	else if (job->silent) /* its daemon, or the connection, took the answer along */
		set_outcome(job, REASON_FAIL_HOST_UNREACHABLE, NULL, NULL);
	else if (job->job_seen || job->sides[SOURCE].is.reason == HYPER_REASON_MIGRATION_CANCELED)
		set_outcome(job, REASON_FAIL_LIBVIRT,
			    "libvirt gave the migration up, and no controller heard why", NULL);
	else
		set_outcome(job, REASON_FAIL_CONTROLLER_LOST, NULL, NULL);
}

/* The commands by which a person ends what kvmig must not touch. */
static char *commands_for(Job *job, const Settlement *settlement)
{
	gboolean at_source = job->sides[SOURCE].is.copy == COPY_PAUSED;
	const char *node = at_source ? job->source : job->target;
	HostEntry *entry = g_hash_table_lookup(job->engine->hosts, node);
	const char *uri = entry && entry->host.uri ? entry->host.uri : "URI";

	if (settlement->reason == REASON_ALARM_COPY_LEFT ||
	    settlement->reason == REASON_ALARM_TWO_RUNNING)
		return g_strdup_printf("once you are sure that the copy on node '%s' is the stale "
				       "one: virsh -c %s destroy %s, and undefine what is "
				       "left of it",
				       node, uri, job->uuid);
	if (settlement->reason == REASON_ALARM_ONE_PAUSED)
		return g_strdup_printf("if the other host has not run it meanwhile: virsh -c %s "
				       "resume %s",
				       uri, job->uuid);
	return NULL;
}

static void tell_settled(Job *job, const Settlement *settlement)
{
	g_autofree char *commands = commands_for(job, settlement);
	g_autofree char *silence = NULL;

	if (settlement->verdict == SETTLE_STAYED) {
		tell_why_stayed(job);
		/* libvirt's "connection closed" does not tell whose daemon was away */
		if (job->silent) {
			silence = g_strdup_printf("node '%s' could not be asked for a while",
						  job->silent);
			add_words(job, silence);
		}
		return;
	}
	set_outcome(job, settlement->reason, settlement->text, commands);
	if (settlement->verdict != SETTLE_MOVED && job->said_error)
		add_words(job, job->said_error->message);
}

/* ---- the document --------------------------------------------------------------------------- */

static void set_figure(cJSON *result, const char *key, gint64 value)
{
	if (value >= 0)
		json_set_int(result, key, value);
}

static gint64 total_ms(Job *job)
{
	if (job->handed_over_us > 0)
		return (clock_monotonic_us(job->engine->clock) - job->handed_over_us) / 1000;
	if (job->handed_over_unix_us > 0)
		return (clock_unix_us(job->engine->clock) - job->handed_over_unix_us) / 1000;
	return -1;
}

static void write_figures(Job *job, cJSON *result)
{
	const HyperJob *figures = job->completed_known ? &job->completed
				  : job->sampled       ? &job->sample
						       : NULL;

	if (job->handed_over)
		set_figure(result, "totalMs", total_ms(job));
	if (!figures)
		return;
	if (job->completed_known && job->success)
		set_figure(result, "downtimeMs", job->completed.downtime_ms);
	set_figure(result, "memoryProcessedBytes", figures->memory_processed_bytes);
	set_figure(result, "iterations",
		   figures->iteration >= 0 ? figures->iteration : job->sample.iteration);
}

static void write_result(Job *job)
{
	cJSON *kvmig = job_kvmig(job);
	cJSON *result = cJSON_CreateObject();
	g_autofree char *end_state = NULL;

	json_unset(kvmig, "waiting");
	json_set_string(result, "reason", job->reason);
	json_set_string(result, "message", job->message);
	json_set_string(result, "hint", job->hint);
	if (job->handed_over) {
		end_state = g_strdup_printf("%s/%s", copy_to_string(job->sides[SOURCE].is.copy),
					    copy_to_string(job->sides[TARGET].is.copy));
		json_set_string(result, "endState", end_state);
	}
	write_figures(job, result);
	json_set(kvmig, "result", result);
}

/* ---- endings -------------------------------------------------------------------------------- */

static gboolean autostart_is_ours(Job *job)
{
	const char *word = json_string(job_kvmig(job), "autostart", "");

	return strcmp(word, "on-source") == 0 || strcmp(word, "cleared") == 0;
}

/* Where a definition is that shall have it; NULL: nowhere, or nobody can tell. */
static const char *autostart_home(Job *job, SettleVerdict verdict)
{
	if (verdict == SETTLE_MOVED)
		return job->target;
	if (verdict == SETTLE_STAYED)
		return job->source;
	if (verdict == SETTLE_ENDED)
		return job->sides[SOURCE].is.copy == COPY_SHUTOFF ? job->source : job->target;
	return NULL;
}

static StepResult end_with(Job *job, const char *autostart_node)
{
	job_forget_asks(job);
	clock_cancel(job->engine->clock, &job->timer);
	job->progress_due = FALSE;
	job->attempts = 0; /* those of settling are no tries of the record */
	job->autostart_side = NULL;
	if (autostart_is_ours(job) && autostart_node)
		job->autostart_side = autostart_node;
	else if (autostart_is_ours(job))
		add_words(job, "autostart was taken off and stays off");
	job_enter(job, job->autostart_side ? STATE_SETTING_AUTOSTART : STATE_ENDING);
	return STEP_MORE;
}

StepResult end_settled(Job *job, const Settlement *settlement)
{
	const char *reason = settlement->reason;

	job->success = settlement->verdict == SETTLE_MOVED;
	tell_settled(job, settlement);
	if (reason && g_str_has_prefix(reason, "KVMIG-ALARM-"))
		journal_alarm(job, reason, job->message);
	else
		journal_alarm(job, NULL, NULL);
	return end_with(job, autostart_home(job, settlement->verdict));
}

StepResult end_failed(Job *job, const char *reason, const char *message, const char *hint)
{
	job->success = FALSE;
	set_outcome(job, reason, message, hint);
	return end_with(job, job->source);
}

StepResult end_cancelled(Job *job)
{
	condition_set(job->object, "migrationAbortRequested", TRUE, REASON_FAIL_CANCELLED,
		      "cancelled by a user", clock_unix_us(job->engine->clock));
	json_set_string(job_kvmig(job), "abortRequestedBy", job->cancel_by);
	return end_failed(job, cancel_reason(job->cancel_by), NULL, NULL);
}

/* ---- autostart ------------------------------------------------------------------------------ */

static void on_autostart_set(Job *job, HyperAnswer *answer)
{
	const char *word = job->autostart_side == job->target ? "on-target" : "restored";
	g_autofree char *words = NULL;

	if (!answer->error) {
		json_set_string(job_kvmig(job), "autostart", word);
		job_enter(job, STATE_ENDING);
		job_run(job);
	} else if (++job->autostart_tries < AUTOSTART_TRIES) {
		job_wake_in(job, MIN(1000 << job->autostart_tries, AUTOSTART_PAUSE_MAX_MS));
	} else {
		words = g_strdup_printf("autostart could not be set on node '%s' (%s): do it with "
					"'virsh autostart'",
					job->autostart_side, answer->error->message);
		add_words(job, words);
		job_enter(job, STATE_ENDING);
		job_run(job);
	}
}

StepResult step_setting_autostart(Job *job)
{
	if (job->asks->len > 0 || job->timer)
		return job_wait(job, "the host to set autostart");
	if (!journal_step(job, STATE_SETTING_AUTOSTART))
		return job_wait(job, "the store");
	job_ask(job, job->autostart_side,
		&(HyperCall){ .op = HYPER_OP_SET_AUTOSTART,
			      .uuid = job->uuid,
			      .flag = TRUE,
			      .timeout_ms = AUTOSTART_TIMEOUT_MS },
		on_autostart_set);
	return job_wait(job, "the host to set autostart");
}

/* ---- the last step -------------------------------------------------------------------------- */

static void touch(Job *job, const char *node)
{
	if (node && job->uuid && g_hash_table_contains(job->engine->hosts, node))
		inventory_touch(job->engine->options.inventory, node, job->uuid);
}

/* The record first: the object's end frees it for deletion, and a record that is written twice is
 * kept once. */
static gboolean record(Job *job)
{
	g_autoptr(GError) error = NULL;

	if (journal_history(job, &error))
		return TRUE;
	g_warning("cannot record migration '%s': %s", job->view.name, error->message);
	if (++job->attempts >= HISTORY_TRIES)
		return TRUE; /* a broken record must not keep the VM in flight for ever */
	job_wake_in(job, STORE_RETRY_MS);
	return FALSE;
}

StepResult step_ending(Job *job)
{
	if (job->timer)
		return job_wait(job, "the store");
	write_result(job);
	journal_set_phase(job, job->success ? MIGRATION_PHASE_SUCCEEDED : MIGRATION_PHASE_FAILED);
	if (!record(job) || !journal_end(job))
		return job_wait(job, "the store");
	touch(job, job->source);
	touch(job, job->target);
	return STEP_DONE;
}
