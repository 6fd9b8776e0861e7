/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a preflight found. Judges are pure functions that add findings to an array; what they judge
 * was gathered before, so that each can be tested with plain objects.
 */
#pragma once

#include "base/reason.h"
#include "model/json.h"

typedef enum {
	CHECK_BLOCKS,  /* a migration, or a drain, cannot work as it is */
	CHECK_WARNING, /* it can go wrong, or do what one does not want */
	CHECK_NOTE,    /* to know; also what could not be looked at */
} CheckSeverity;
const char *check_severity_text(CheckSeverity severity); /* "blocks", "warning", "note" */

/* What a finding is about: "vm", "node", "network", "policy", "settings", "user", "project",
 * "cluster". */
typedef struct {
	const char *kind;
	const char *ns; /* NULL: has none */
	const char *name;
} CheckObject;

typedef struct {
	CheckSeverity severity;
	const char *code; /* REASON_… */
	char *kind, *ns, *name;
	char *evidence; /* what was seen */
	char *fix;
	gboolean common; /* its cause is not the object's own: see check_fold() */
} CheckFinding;

void check_finding_free(CheckFinding *finding);

/* Of CheckFinding, freed with the array. */
GPtrArray *check_findings_new(void);

/* fix NULL: what the table of reasons says. In commands in quotes, as 'kvmig status VM', the words
 * VM and NODE become the name of the object where it is one. */
void check_add(GPtrArray *findings, const CheckObject *object, CheckSeverity severity,
	       const char *code, const char *fix, const char *format, ...) G_GNUC_PRINTF(6, 7);

/* Whether there is one with that code about that object. */
gboolean check_has(const GPtrArray *findings, const CheckObject *object, const char *code);

/* The one that was added last is of a cause that many objects share. */
void check_mark_common(GPtrArray *findings);
/* Of those so marked that are about objects of one kind and say the same: the first, which counts
 * them and names the first few; its object has no name then. */
void check_fold(GPtrArray *findings);

/* How many there are of a severity. */
guint check_count(const GPtrArray *findings, CheckSeverity severity);

/* Those that block first, then by object and code; what was added first stays first among equals.
 */
void check_sort(GPtrArray *findings);

/* {"severity", "reason", "object": {"kind", "namespace", "name"}, "evidence", "fix"} */
cJSON *check_finding_document(const CheckFinding *finding);
