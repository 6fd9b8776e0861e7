/* SPDX-License-Identifier: Apache-2.0 */
/* Why migrations on KubeVirt wait: what that is worked out from, read once for however many. */
#pragma once

#include "migration.h"

/* Read when the first migration needs it: the pods that receive VMs, one list; the settings, the
 * migrations and the nodes of the VMs, a list each, where a limit may hold one back. */
typedef struct WaitFacts WaitFacts;

/* ns: whose migrations they are, borrowed; NULL: those of all namespaces. */
WaitFacts *wait_facts_new(const CommandContext *context, const char *ns);
void wait_facts_free(WaitFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WaitFacts, wait_facts_free)

/* That this migration will be asked about: all are named before the first one is. The object has to
 * outlive the facts. */
void wait_facts_expect(WaitFacts *facts, const cJSON *object);
/* All migrations and all VMs of `ns`, which somebody has read already: they are not asked for
 * again. vmis may be NULL. Both have to outlive the facts. */
void wait_facts_know(WaitFacts *facts, GPtrArray *migrations, const GPtrArray *vmis);

/* Whether it has come no further than Scheduling, so that there may be something to explain. */
gboolean migration_waits(const cJSON *object);

/* Adds to the document why it waits, until when, and what could not be read; nothing where it does
 * not wait. */
void wait_facts_explain(WaitFacts *facts, const cJSON *object, cJSON *document);

/* Puts what was found out into a later document of the same migration, which is still in the phase
 * that it was found out in; else FALSE. why: the document it was added to, or NULL. */
gboolean migration_take_why(cJSON *document, const cJSON *why);

/* Says what could not be read so far, each once. */
void wait_facts_tell(const WaitFacts *facts);

/* The pod that receives, or NULL; borrowed. That pods may not be seen is noted in the document. */
const cJSON *wait_facts_pod(WaitFacts *facts, const Migration *migration, cJSON *document);

/* The first reason that one of its containers gives for not running: "ImagePullBackOff: …". */
char *migration_pod_words(const cJSON *pod);

/* Adds a note to the document. */
void migration_add_note(cJSON *document, const char *note);
/* "the events cannot be seen: …"; free with g_free(). */
char *migration_unseen(const char *what, const GError *error);
