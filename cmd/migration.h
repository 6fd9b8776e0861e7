/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations on the command line: finding the one that is meant, and showing it. */
#pragma once

#include "cmd.h"
#include "model/migration.h"
#include "model/vmi.h"

/* "virtualmachineinstancemigration.kubevirt.io/NAME" as -o name prints it, or the bare name. */
#define MIGRATION_ID_PREFIX "virtualmachineinstancemigration.kubevirt.io/"

/* The migration that a user means by `word`: its name, its id, or a VM (then the unfinished
 * one, else the newest). NULL without *error: there is such a VM, and no migration of it;
 * *ret_vmi (may be NULL) is the VM's object then, and wherever the word was a VM. */
cJSON *migration_find(const CommandContext *context, const char *word, cJSON **ret_vmi,
		      GError **error);

/* A migration that is cancelled goes away, but its VM still tells of it: what, where it was later
 * than `object` (NULL: none is there); NULL: nothing is known to be missing. g_free(). */
char *migration_gone_text(const cJSON *vmi, const cJSON *object);

/* Its VM as object_ref() names that; free with g_free(). */
char *migration_vm_ref(const cJSON *object);

/* What -o json shows of a migration: kvmig's own document, units in the names. vmi may be NULL. */
cJSON *migration_document(const cJSON *object, const cJSON *vmi);

/* The part of it that is read from KubeVirt's own objects; of migration_document(). */
void migration_add_kubevirt(cJSON *document, const cJSON *object, const cJSON *vmi);
/* Of a VMI's many kilobytes what that reads. */
cJSON *migration_part_of_vmi(const cJSON *vmi);

/* On KubeVirt: adds to the document why it waits or has failed, by asking for what else is there to
 * know; and what could not be read. Some requests. */
void migration_explain(const CommandContext *context, const cJSON *object, const cJSON *vmi,
		       cJSON *document);

/* Appends a migration that has ended to kvmig's own record, where KubeVirt keeps but the last five:
 * kvmig's controller does it for its own. A record that cannot be written is a warning. */
void migration_remember(const CommandContext *context, const cJSON *document);

/* Conditions of kvmig's own that a person must look at: "[REASON] message". Elements are char*,
 * freed with the array. object may be NULL. */
GPtrArray *migration_alarms(const cJSON *object);

/* The document's state in one line, for following: "web-1: n1 -> n2, 43 %, 1.2 GiB left, …". */
char *migration_line(const cJSON *document);
/* What of it makes a new line where lines are not rewritten. */
char *migration_line_key(const cJSON *document);
/* What of it a row of migration_table shows, but its age. */
char *migration_row_key(const cJSON *document);

/* All about it, a field a line; and one such line. */
void migration_print(FILE *stream, const cJSON *document);
void migration_print_field(FILE *stream, const char *label, const char *value);

/* How it ended, for people: "web-1 runs on n2: moved from n1 in 4.7 s, …". */
char *migration_outcome(const cJSON *document);
/* Its alarms, as warnings, where its failure does not say the same; where: in front of each. */
void migration_warn_alarms(const CommandContext *context, const char *where, const cJSON *document);
/* The same as an error with the reason and hint that the object has; FALSE. TRUE: it succeeded. */
gboolean migration_check_outcome(const cJSON *document, GError **error);

/* How one ended whose object has gone, as its document, from what else tells of it; NULL: nothing
 * does. object, document: as last seen. *ret_untouched: it had not been handed over, as far as is
 * known, so that its VM is where it was. */
cJSON *migration_find_end(const CommandContext *context, const cJSON *object,
			  const cJSON *document, gboolean *ret_untouched);

/* " -n prod", where a hint's command needs it to find what is there; the rest of what it needs is
 * put in when it is printed (hint_text()). */
char *migration_ns_words(const char *ns);

/* Percent of the memory copied, or -1. */
int migration_percent(const cJSON *document);

/* Rows of a table of migration documents. */
extern const OutputSpec migration_table;
