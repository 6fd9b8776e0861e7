/* SPDX-License-Identifier: Apache-2.0 */
/* The migrations that there are of each VM: one under way, and those that fail again and again. An
 * eviction whose migration fails is tried anew for ever. Pure; little of each is kept. */
#pragma once

#include "check/finding.h"

typedef struct CheckTries CheckTries;
CheckTries *check_tries_new(void);
void check_tries_free(CheckTries *tries);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CheckTries, check_tries_free)

void check_tries_add(CheckTries *tries, const cJSON *migration);
/* The VM's: CHK_RETRY_LOOP, BLK_IN_FLIGHT. */
void check_tries_judge(const CheckTries *tries, const CheckObject *vm, GPtrArray *findings);
