/* SPDX-License-Identifier: Apache-2.0 */
/* One migration in hand: its life, its steps, and what it asks of hosts. */
#include <string.h>

#include "engine/engine-private.h"

typedef struct {
	Job *job;
	AskDone done;
	HyperRequest *request; /* NULL: there was nobody to ask */
	GError *error;         /* then: why */
	guint timer;
} Ask;

typedef struct {
	const char *name;
	StepResult (*step)(Job *job);
	const char *text;
	JobState after_crash;
} StateRow;

static const StateRow states[] = {
#define STATE_ROW(identifier, name, step, text, after) { name, step, text, STATE_##after },
	ENGINE_STATES(STATE_ROW)
#undef STATE_ROW
};

const char *state_name(JobState state)
{
	return states[state].name;
}

JobState state_after_crash(const char *name)
{
	if (!name)
		return STATE_QUEUED;
	for (guint i = 0; i < STATE_LAST; i++)
		if (g_strcmp0(states[i].name, name) == 0)
			return states[i].after_crash;
	return STATE_SETTLING; /* a newer kvmig's word: ask the hosts, begin nothing */
}

/* ---- asking hosts -------------------------------------------------------------------------------
 */

static void ask_free(gpointer data)
{
	Ask *ask = data;

	hyper_forget(ask->request);
	clock_cancel(ask->job->engine->clock, &ask->timer);
	g_clear_error(&ask->error);
	g_free(ask);
}

static void ask_end(Ask *ask, HyperAnswer *answer)
{
	Job *job = ask->job;
	AskDone done = ask->done;

	ask->request = NULL; /* it ends with this call */
	g_ptr_array_remove(job->asks, ask);
	if (job->engine->halted)
		return;
	done(job, answer);
}

static void on_answer(HyperRequest *request G_GNUC_UNUSED, HyperAnswer *answer, gpointer data)
{
	ask_end(data, answer);
}

static void on_nobody(gpointer data)
{
	Ask *ask = data;
	HyperAnswer answer = { .error = g_steal_pointer(&ask->error) };

	ask->timer = 0;
	ask_end(ask, &answer);
	g_clear_error(&answer.error);
}

static HyperHost *find_host(Engine *engine, const char *node, GError **error)
{
	HostEntry *entry = node ? g_hash_table_lookup(engine->hosts, node) : NULL;

	if (!entry || !entry->host.uri) {
		error_set(error, KVMIG_ERROR_UNREACHABLE, "there is no node '%s' any more",
			  node ? node : "");
		return NULL;
	}
	return hyper_host(engine->options.hyper, node, entry->host.uri, entry->host.allow_tcp,
			  error);
}

void job_ask(Job *job, const char *node, const HyperCall *call, AskDone done)
{
	Ask *ask = g_new0(Ask, 1);
	HyperHost *host = find_host(job->engine, node, &ask->error);

	ask->job = job;
	ask->done = done;
	g_ptr_array_add(job->asks, ask);
	if (host)
		ask->request = hyper_submit(host, call, on_answer, ask);
	else
		ask->timer = clock_after(job->engine->clock, 0, on_nobody, ask);
}

void job_forget_asks(Job *job)
{
	g_ptr_array_set_size(job->asks, 0);
	job->migrating = job->polling = FALSE;
}

/* ---- life ---------------------------------------------------------------------------------------
 */

void job_read(Job *job)
{
	migration_read(job->object, &job->view);
	/* what is planned but not stored yet counts as well, for limits and reservations */
	if (!job->view.source_node)
		job->view.source_node = job->source;
	if (!job->view.target_node)
		job->view.target_node = job->target;
}

void job_take_object(Job *job, cJSON *object)
{
	cJSON_Delete(job->object);
	job->object = object;
	cJSON_Delete(job->stored_status);
	job->stored_status = cJSON_Duplicate(json_get(object, "status"), TRUE);
	job_read(job);
}

void job_take_vmi(Job *job, cJSON *vmi_object)
{
	cJSON_Delete(job->vmi_object);
	job->vmi_object = vmi_object;
	if (vmi_object)
		vmi_read(vmi_object, &job->vmi);
	else
		memset(&job->vmi, 0, sizeof(job->vmi));
}

cJSON *job_kvmig(Job *job)
{
	return json_ensure_object(json_ensure_object(job->object, "status"), "kvmig");
}

Job *job_new(Engine *engine, const cJSON *object)
{
	Job *job = g_new0(Job, 1);

	job->engine = engine;
	job->uid = g_strdup(object_uid(object));
	job->asks = g_ptr_array_new_with_free_func(ask_free);
	job->avoid = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	job->avoid_reason = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	job_take_object(job, cJSON_Duplicate(object, TRUE));
	job->vmi_key = g_strdup_printf("%s/%s", job->view.ns ? job->view.ns : "",
				       job->view.vmi_name ? job->view.vmi_name : "");
	g_hash_table_insert(engine->jobs, job->uid, job);
	return job;
}

static void unlink_job(GHashTable *table, const char *key, Job *job)
{
	if (key && g_hash_table_lookup(table, key) == job)
		g_hash_table_remove(table, key);
}

void job_free(Job *job)
{
	Engine *engine = job->engine;

	unlink_job(engine->by_vmi, job->vmi_key, job);
	unlink_job(engine->by_domain, job->uuid, job);
	unlink_job(engine->jobs, job->uid, job);
	clock_cancel(engine->clock, &job->timer);
	g_ptr_array_unref(job->asks);
	g_hash_table_unref(job->avoid);
	g_hash_table_unref(job->avoid_reason);
	g_free(job->held);
	g_free(job->other_job);
	cJSON_Delete(job->object);
	cJSON_Delete(job->stored_status);
	cJSON_Delete(job->vmi_object);
	hyper_domain_free(job->domain);
	hyper_host_info_free(job->source_info);
	hyper_host_info_free(job->target_info);
	g_clear_error(&job->source_error);
	g_clear_error(&job->target_error);
	g_clear_error(&job->said_error);
	g_clear_error(&job->sides[SOURCE].error);
	g_clear_error(&job->sides[TARGET].error);
	g_free(job->uid);
	g_free(job->vmi_key);
	g_free(job->source);
	g_free(job->target);
	g_free(job->uuid);
	g_free(job->message);
	g_free(job->silent);
	g_free(job->hint);
	g_free(job);
}

void job_set_place(Job *job, const char *source, const char *target, const char *uuid)
{
	char *new_source = g_strdup(source), *new_target = g_strdup(target);
	char *new_uuid = g_strdup(uuid);

	unlink_job(job->engine->by_domain, job->uuid, job);
	g_free(job->source);
	g_free(job->target);
	g_free(job->uuid);
	job->source = new_source;
	job->target = new_target;
	job->uuid = new_uuid;
	if (uuid && target)
		g_hash_table_insert(job->engine->by_domain, job->uuid, job);
	job_read(job);
}

/* ---- steps --------------------------------------------------------------------------------------
 */

void job_enter(Job *job, JobState state)
{
	g_debug("%s: %s -> %s", job->view.name, states[job->state].text, states[state].text);
	job->state = state;
	job->waits_for = NULL;
}

StepResult job_wait(Job *job, const char *what)
{
	job->waits_for = what;
	return STEP_WAIT;
}

void job_run(Job *job)
{
	Engine *engine = job->engine;
	StepResult result = STEP_MORE;

	while (result == STEP_MORE && !engine->halted)
		result = states[job->state].step(job);
	if (result != STEP_DONE)
		return;
	job_free(job);
	queue_schedule_round(engine);
}

static void on_timer(gpointer data)
{
	Job *job = data;

	job->timer = 0;
	job_run(job);
}

void job_wake_in(Job *job, gint64 delay_ms)
{
	clock_cancel(job->engine->clock, &job->timer);
	job->timer =
		clock_after(job->engine->clock, (guint)CLAMP(delay_ms, 0, G_MAXINT), on_timer, job);
}
