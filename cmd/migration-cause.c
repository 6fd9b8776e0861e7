/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why a migration on KubeVirt has failed, put together from what the caller may read: VMIM, VMI,
 * the target's pod, and events. KubeVirt writes no reason into the VMIM before the hand-off. Why
 * one waits is worked out in migration-waits.c.
 */
#include "migration.h"

#include <string.h>

#include "base/clock.h"
#include "base/reason.h"
#include "migration-waits.h"

#define EVENTS_MAX 20

typedef struct {
	const CommandContext *context;
	cJSON *document;
	const cJSON *vmi;
	Migration migration;
	WaitFacts *facts;
} Cause;

/* ---- what could not be read ----------------------------------------------------------------- */

char *migration_unseen(const char *what, const GError *error)
{
	return g_strdup_printf("%s cannot be seen: %s", what, error->message);
}

void migration_add_note(cJSON *document, const char *note)
{
	cJSON_AddItemToArray(json_ensure_array(document, "notes"), cJSON_CreateString(note));
}

/* ---- the pod -------------------------------------------------------------------------------- */

char *migration_pod_words(const cJSON *pod)
{
	static const char *const states[] = { "waiting", "terminated" };
	const cJSON *container;

	cJSON_ArrayForEach(container, json_path(pod, "status", "containerStatuses", NULL))
	{
		for (gsize i = 0; i < G_N_ELEMENTS(states); i++) {
			const cJSON *state = json_path(container, "state", states[i], NULL);
			const char *message = json_string(state, "message", NULL);

			if (json_string(state, "reason", NULL))
				return g_strdup_printf("container '%s': %s%s%s",
						       json_string(container, "name", "?"),
						       json_string(state, "reason", ""),
						       message ? ": " : "", message ? message : "");
		}
	}
	return NULL;
}

/* ---- what was found out before -------------------------------------------------------------- */

gboolean migration_take_why(cJSON *document, const cJSON *why)
{
	static const char *const parts[] = { "waiting", "deadline", NULL };

	if (!why || strcmp(json_string(document, "phase", ""), json_string(why, "phase", "")) != 0)
		return FALSE;
	json_copy_members(document, why, parts);
	return TRUE;
}

/* ---- events --------------------------------------------------------------------------------- */

static const char *event_time(const cJSON *event)
{
	const char *at = json_string(event, "lastTimestamp", NULL);

	return at ? at : json_string(event, "eventTime", object_resource_version(event));
}

static gint compare_events(gconstpointer a, gconstpointer b)
{
	return g_strcmp0(event_time(*(cJSON *const *)a), event_time(*(cJSON *const *)b));
}

static void add_event(const Cause *cause, const cJSON *event)
{
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "at", event_time(event));
	json_set_string(row, "object",
			json_string(json_get(event, "involvedObject"), "kind", NULL));
	json_set_string(row, "type", json_string(event, "type", NULL));
	json_set_string(row, "reason", json_string(event, "reason", NULL));
	json_set_string(row, "message", json_string(event, "message", NULL));
	cJSON_AddItemToArray(json_ensure_array(cause->document, "events"), row);
}

/* Of an object, oldest first; of the VM's only what is a warning and came since. */
static void add_events_of(const Cause *cause, const char *uid, gint64 since_us)
{
	const ClusterListOptions list = { .ns = cause->migration.ns, .uid_of = uid };
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) events =
		cluster_list(cause->context->cluster, &KIND_EVENT, &list, NULL, &error);
	guint n = 0;

	if (!events) {
		g_autofree char *note = migration_unseen("the events", error);

		migration_add_note(cause->document, note);
		return;
	}
	g_ptr_array_sort(events, compare_events);
	for (guint i = 0; i < events->len && n < EVENTS_MAX; i++) {
		const cJSON *event = g_ptr_array_index(events, i);
		gint64 at_us = 0;

		(void)clock_parse_unix(event_time(event), &at_us);
		if (since_us &&
		    (at_us < since_us || strcmp(json_string(event, "type", ""), "Warning") != 0))
			continue;
		add_event(cause, event);
		n++;
	}
}

/* What an event tells that the objects do not; `of` a kind of event, where others use the words
 * too. */
static const struct {
	const char *words, *of, *reason;
} telling[] = {
	{ "unschedulable pod", NULL, REASON_FAIL_NO_TARGET_TIMEOUT },
	{ "NoSuitableNodesForHostModelMigration", NULL, REASON_FAIL_NO_TARGET_TIMEOUT },
	{ "pending pod", NULL, REASON_FAIL_TARGET_POD },
	{ "target pod", "FailedMigration", REASON_FAIL_TARGET_POD },
	{ "being canceled", NULL, REASON_FAIL_CANCELLED },
	{ "exceeded quota", NULL, REASON_FAIL_TARGET_POD },
};

static gboolean tells(const cJSON *event, const char *words, const char *of)
{
	const char *reason = json_string(event, "reason", "");

	if (of && strcmp(reason, of) != 0)
		return FALSE;
	return strstr(json_string(event, "message", ""), words) || strcmp(reason, words) == 0;
}

/* The first of `telling` that any event says: the order of that table is the order of worth. */
static void conclude(const Cause *cause)
{
	cJSON *result = json_ensure_object(cause->document, "result");
	const char *known = json_string(result, "reason", REASON_FAIL_KUBEVIRT);
	const cJSON *event;

	if (strcmp(known, REASON_FAIL_KUBEVIRT) != 0)
		return;
	for (gsize i = 0; i < G_N_ELEMENTS(telling); i++) {
		cJSON_ArrayForEach(event, json_get(cause->document, "events"))
		{
			if (!tells(event, telling[i].words, telling[i].of))
				continue;
			json_set_string(result, "reason", telling[i].reason);
			json_set_string(result, "message", json_string(event, "message", NULL));
			return;
		}
	}
}

static void explain_failure(const Cause *cause)
{
	const cJSON *pod = wait_facts_pod(cause->facts, &cause->migration, cause->document);
	g_autofree char *words = pod ? migration_pod_words(pod) : NULL;

	add_events_of(cause, cause->migration.uid, 0);
	if (object_uid(cause->vmi))
		add_events_of(cause, object_uid(cause->vmi), cause->migration.created_us);
	if (pod && strcmp(json_string(json_get(pod, "status"), "phase", ""), "Failed") == 0)
		json_set_string(cause->document, "targetPodSays",
				words ? words : "the pod has failed");
	conclude(cause);
}

void migration_explain(const CommandContext *context, const cJSON *object, const cJSON *vmi,
		       cJSON *document)
{
	Cause cause = { .context = context, .document = document, .vmi = vmi };

	if (cluster_caps(context->cluster)->kvmig_migrates)
		return;
	migration_read(object, &cause.migration);
	cause.facts = wait_facts_new(context, cause.migration.ns);
	wait_facts_expect(cause.facts, object);
	if (cause.migration.phase == MIGRATION_PHASE_FAILED)
		explain_failure(&cause);
	else
		wait_facts_explain(cause.facts, object, document);
	wait_facts_free(cause.facts);
}
