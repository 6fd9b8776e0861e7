/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig migrate: what is judged before anything is changed. */
#pragma once

#include "migration.h"
#include "model/host.h"
#include "schedule/schedule.h"

/* Everything that the judgement rests on; the views borrow from the objects. */
typedef struct {
	cJSON *vmi_object;
	GPtrArray *host_objects, *vmi_objects, *migration_objects;
	GPtrArray *hosts, *vmis, *migrations; /* of Host*, Vmi*, Migration* */
	Settings settings;
	Vmi vmi;
	cJSON *selector;    /* addedNodeSelector, or NULL */
	GPtrArray *targets; /* of Target; once judged */
	gboolean only_reserved; /* it fits as soon as others under way have ended */
} Preflight;

void preflight_clear(Preflight *preflight);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Preflight, preflight_clear)

/* Reads what is needed; `word` is the VM. The selector is set by the caller beforehand. */
gboolean preflight_gather(const CommandContext *context, const char *word, Preflight *preflight,
			  GError **error);

/* Judges. node: what --node asked for, or NULL. FALSE: REFUSED (preflight), CONFLICT (in flight),
 * UNREACHABLE (the VM's own node), NOT_FOUND (no such node), each with its reason code. */
gboolean preflight_judge(const char *node, Preflight *preflight, GError **error);

/* The node that would be chosen now, or NULL where it has to wait. Borrowed. */
const char *preflight_target(const Preflight *preflight);

/* The document and the table of --dry-run. */
void preflight_print(const CommandContext *context, const Preflight *preflight);
