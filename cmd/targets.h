/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig targets: how nodes that were judged are shown. */
#pragma once

#include "cmd.h"

#include "check/targets.h"

/* One node as a row; rank: its place among those that fit, 0 where it does not. */
cJSON *targets_row(const Target *target, guint rank);

/* The table or the document. `asked` is the added selector, or NULL. */
void targets_print(const CommandContext *context, const TargetsAnswer *answer, const cJSON *asked);

/* What could not be judged, or is no obstacle but worth knowing: a warning where it has a code. */
void targets_say_note(const CommandContext *context, const TargetsNote *note);
