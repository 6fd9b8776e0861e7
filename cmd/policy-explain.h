/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of `kvmig policy explain` share: the question, and its answer in rows. */
#pragma once

#include "policy.h"

#include "config/owner.h"

/* What is asked about. */
typedef struct {
	cJSON *vm;      /* VMI, or the VM where it does not run */
	cJSON *project; /* its Namespace; NULL: not there, or not to be read */
	/* Of the cluster's settings; NULL: not to be read, or there is none. */
	ConfigOwner *owner;
	gboolean project_known, runs, settings_known;
	cJSON *vm_labels, *project_labels; /* as they are, or as if */
	cJSON *project_given; /* of the project's: those by option; null: one that it lacks */
	Policies policies;
	PolicyRule in_force;
	PolicyPlatform platform;
	PolicyVerdict verdict; /* by the labels that are known */
	/* As if the project, where its labels are not known, and the labels that a hand-over will
	 * bring, were whatever a policy asks for. */
	PolicyScope *best_scope;
	PolicyVerdict at_best;
} Question;

/* Appends a row for each policy in the order of a rule; for each setting that matters. */
void question_add_policies(const Question *question, PolicyRule rule, GPtrArray *rows);
void question_add_settings(const Question *question, GPtrArray *rows);
/* The name of the policy that wins by a rule; NULL: none, or not certain. Borrowed. */
const char *question_winner(const Question *question, PolicyRule rule);
/* Whether the labels that are not known cannot change that. */
gboolean question_is_certain(const Question *question, PolicyRule rule);
/* The policies that may apply, by the rule in force: one where that is certain; NULL stands for
 * none. Elements are const Policy*. */
GPtrArray *question_candidates(const Question *question);
/* Whether labels that only a hand-over brings make the difference. */
gboolean question_hangs_on_handover(const Question *question);
/* Which policy applies, or which may; NULL: none. g_free(). */
char *question_applies_text(const Question *question);

void question_print_tables(const CommandContext *context, const Question *question,
			   gboolean both_rules, const GPtrArray *policies,
			   const GPtrArray *settings);
void question_print_document(const CommandContext *context, const Question *question,
			     const GPtrArray *policies, const GPtrArray *settings);
