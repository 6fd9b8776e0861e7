/* SPDX-License-Identifier: Apache-2.0 */
/* Private to policy/: what a set is made of. */
#pragma once

#include "policy/policy.h"

/*
 * The index. Each label (key and value) that any VM selector asks for has a number; a policy is
 * filed under one of its labels, the one that fewest policies ask for. To match a VM its labels are
 * looked up, those that have a number are marked with the epoch of this call, and only policies
 * filed under a marked label are looked at, the highest in precedence first.
 */
typedef struct {
	guint32 hash;
	guint32 number_plus_1; /* 0: free */
} LabelSlot;

typedef struct {
	const char *key, *value;
	guint uses;     /* policies that ask for it */
	guint first, n; /* those filed under it: set->filed[first … first + n) */
} IndexedLabel;

enum { HANDOVER_SOURCE, HANDOVER_TARGET, HANDOVER_KEYS };

struct PolicySet {
	Policy *policies;
	guint n;
	Policy **order[POLICY_RULES];

	LabelSlot *slots; /* open addressing; a power of two, at most half full */
	guint n_slots;
	GArray *labels;       /* IndexedLabel */
	guint *needs;         /* numbers of the labels of all policies, one after the other */
	guint *needs_of;      /* policy i: needs[needs_of[i] … needs_of[i] + n_vm) */
	const Policy **filed; /* by label, then by rank */
	guint *seen;          /* by label: epoch of the call that saw it last */
	guint epoch;
	guint *found;                    /* numbers that this call has seen */
	GArray *handover[HANDOVER_KEYS]; /* guint: numbers of the labels with that key */
};

void policy_index_build(PolicySet *set);
void policy_index_clear(PolicySet *set);

gboolean policy_matches_ns(const Policy *policy, const cJSON *ns_labels);
/* The sorted keys of both selectors, one by one; *ret_key (may be NULL) is the key that decided and
 * untouched where one list is the beginning of the other. */
int policy_compare_keys(const Policy *a, const Policy *b, const char **ret_key);

/* The command that makes a policy of the labels of both and the settings of the one that wins now:
 * nothing changes, but by both rules it is no longer chance. g_free(). */
char *policy_fix_pair(const PolicySet *set, const Policy *winner, const Policy *loser,
		      const PolicyPlatform *platform);
