/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VirtualMachineInstanceMigration, read into a struct. spec (vmiName, addedNodeSelector) and
 * status.{phase, conditions, phaseTransitionTimestamps, migrationState} are KubeVirt's. On fleet
 * and local clusters the engine adds status.kvmig, which tells what KubeVirt keeps to itself:
 *
 *   status.kvmig:
 *     step: "handed-over"         the engine's journal: written before the step acts
 *     domainUUID, sourceNode, targetNode, memoryBytes
 *     guestPaused: true           it was paused before, and stays so
 *     autostart: "on-source" | "cleared" | "on-target" | "restored"   absent: never was on
 *     settings: {policy, bandwidthBytesPerSecond, completionTimeoutPerGiB,
 *                progressTimeoutSeconds, disableTLS, …}   in force since the hand-over; policy:
 *                the one that applies, absent where none does
 *     waiting: {reason, message, position, of}      while Pending
 *     arrival: 4711               its resourceVersion when the queue first saw it
 *     progress: {sampledAt, elapsedMs, memoryTotalBytes, memoryProcessedBytes,
 *                memoryRemainingBytes, bandwidthBytesPerSecond, dirtyRateBytesPerSecond,
 *                iteration}
 *     deadline: {at, action, reason}                action: "cancel"; "fail" while no
 *                node fits
 *     result: {reason, message, hint, endState, downtimeMs, totalMs, memoryProcessedBytes,
 *              iterations}
 *       endState: source/target as libvirt told at the end: "none/running", "running/none", …
 *     abortRequestedBy: "user" | "completion-timeout" | "progress-timeout"
 */
#pragma once

#include "model/object.h"

typedef enum {
	MIGRATION_PHASE_UNSET, /* "" */
	MIGRATION_PHASE_PENDING,
	MIGRATION_PHASE_SCHEDULING,
	MIGRATION_PHASE_SCHEDULED,
	MIGRATION_PHASE_PREPARING_TARGET,
	MIGRATION_PHASE_TARGET_READY,
	MIGRATION_PHASE_RUNNING,
	MIGRATION_PHASE_SUCCEEDED,
	MIGRATION_PHASE_FAILED,
	MIGRATION_PHASE_OTHER, /* KubeVirt's Synchronizing, WaitingForSync, or one not known here */
} MigrationPhase;

const char *migration_phase_to_string(MigrationPhase phase); /* "Pending"; "" for UNSET */
MigrationPhase migration_phase_from_string(const char *text); /* NULL is UNSET */
gboolean migration_phase_is_final(MigrationPhase phase);
/* Whether KubeVirt counts it against the limits (reference: types.go, "running"). */
gboolean migration_phase_is_running(MigrationPhase phase);

typedef struct {
	/* borrowed from the object */
	const cJSON *object;
	const char *ns;
	const char *name;
	const char *uid;
	const char *vmi_name;
	const cJSON *added_node_selector; /* map or NULL */
	const char *phase_text;
	const char *source_node; /* of status.kvmig, else of migrationState; or NULL */
	const char *target_node;
	const char *domain_uuid;
	const char *step; /* of the engine's journal, or NULL */
	const char *wait_reason; /* while Pending */
	const char *wait_message;
	const char *result_reason; /* once final */
	const char *result_message;
	const char *result_hint;
	const char *end_state;
	const char *abort_requested_by;
	const char *deadline_action;
	const cJSON *progress; /* object or NULL */
	MigrationPhase phase;
	gboolean abort_requested; /* deleting, or condition migrationAbortRequested */
	int wait_position; /* from 1; 0: not known */
	int wait_of;
	gint64 created_us; /* whole seconds, as Kubernetes has them */
	gint64 arrival;	   /* orders those of one second: the one that came first has the lesser */
	gint64 deadline_us; /* unix; 0: none */
	gint64 downtime_ms; /* as libvirt measured it; -1: not known */
	gint64 total_ms;    /* -1: not known */
} Migration;

void migration_read(const cJSON *object, Migration *ret_migration);

/* The older one first: by the second, then by arrival, then by name. */
int migration_compare_age(const Migration *left, const Migration *right);

/* The migration among these objects of that VM that has not ended, the oldest of several; NULL:
 * none. ns NULL: any. Borrowed. */
const cJSON *migration_unfinished_of(const GPtrArray *migrations, const char *ns, const char *vm);

/* A new object for that VMI: generateName "kvmig-", the label kubevirt.io/vmi-name and the
 * finalizer that KubeVirt's webhook would add. added_node_selector (not taken) may be NULL. */
cJSON *migration_object_new(const char *ns, const char *vmi_name, const cJSON *added_node_selector);

/* The settings of status.kvmig as kvmig's own documents show them: with the unit in every name,
 * where an object has the names of the settings. NULL for NULL. */
cJSON *migration_settings_document(const cJSON *settings);

/* The only setter of status.phase: sets it and appends to phaseTransitionTimestamps at the first
 * entry into each phase. */
void migration_set_phase(cJSON *object, MigrationPhase phase, gint64 now_us);
