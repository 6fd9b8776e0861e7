/* SPDX-License-Identifier: Apache-2.0 */
/*
 * KubeVirt's feature gates, as its object has them: some settings do nothing, or are refused,
 * unless a gate is on. Local and fleet clusters have no gates. Pure functions of model.
 */
#pragma once

#include "model/json.h"

#define GATE_STALL_DETECTION "MigrationStallDetection"
#define GATE_DOWNTIME_TUNING "MigrationDowntimeTuning"
#define GATE_VGPU_MIGRATION "VGPULiveMigration"
#define GATE_DECENTRALIZED "DecentralizedLiveMigration"
#define GATE_PRIORITY_QUEUE "MigrationPriorityQueue"
#define GATE_ROLE_AGGREGATION "OptOutRoleAggregation"

typedef enum {
	GATE_UNKNOWN, /* the object or its release is not known, or the release is too new */
	GATE_OFF,
	GATE_ON,
} GateState;

/*
 * What a KubeVirt object says of a gate: one that has grown up is on, whatever is said; then
 * featureGates, then disabledFeatureGates (from 1.8 on), then what the release has it at: on where
 * it is Beta (from 1.9 on), else off. NULL: the object could not be read.
 */
GateState gate_state(const cJSON *kubevirt, const char *gate);

/* Whether a KubeVirt object is of a release before 1.`minor`; FALSE where that is not known. */
gboolean gate_release_before(const cJSON *kubevirt, guint minor);

/* The state of the best of some gates, as where any one of them will do: on, unknown, off. NULL at
 * the end. */
GateState gate_state_any(const cJSON *kubevirt, const char *const *gates);

/*
 * That in words, to stand behind what needs them: "the feature gate A, which is off in this
 * KubeVirt 1.9", "the feature gate A or B, which are off in ...", "... A, which KubeVirt 1.6 does
 * not have (1.9 brings it)", "... A: whether it is on cannot be told without the KubeVirt object".
 * g_free().
 */
char *gate_text(const cJSON *kubevirt, const char *const *gates);
