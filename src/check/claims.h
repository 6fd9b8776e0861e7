/* SPDX-License-Identifier: Apache-2.0 */
/* Persistent volume claims, as far as a check needs them: few bytes each, so that those of a whole
 * cluster can be kept. */
#pragma once

#include "model/object.h"

typedef enum {
	CLAIM_RWO = 1 << 0,
	CLAIM_ROX = 1 << 1,
	CLAIM_RWX = 1 << 2,
	CLAIM_RWOP = 1 << 3,
} ClaimModes;

typedef struct {
	unsigned modes;            /* ClaimModes; 0: not said */
	const char *storage_class; /* NULL: not said. Interned */
} CheckClaim;

typedef struct CheckClaims CheckClaims;
CheckClaims *check_claims_new(void);
void check_claims_free(CheckClaims *claims);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CheckClaims, check_claims_free)

/* Takes what is needed of a PersistentVolumeClaim. */
void check_claims_add(CheckClaims *claims, const cJSON *claim);
const CheckClaim *check_claims_find(const CheckClaims *claims, const char *ns, const char *name);

/* Of an array of names ("ReadWriteMany"). */
unsigned claim_modes_read(const cJSON *names);
/* "ReadWriteOnce", "ReadWriteOnce and ReadOnlyMany"; free with g_free(). */
char *claim_modes_text(unsigned modes);
