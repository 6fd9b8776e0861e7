/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields of a policy that KubeVirt has behind feature gates: its admission refuses them while
 * the gate is off, and does not look at one that is as it was. Only where KubeVirt migrates.
 */
#pragma once

#include "settings/gates.h"

typedef struct {
	const char *key;          /* "stallDetector" */
	const char *path;         /* "experimental.stallDetector" */
	const char *const *gates; /* any one of them will do */
} PolicyGated;

/* The next of them that `object` has, and `before` (NULL: nothing) has not or has otherwise. *at is
 * 0 at first. NULL: no more. */
const PolicyGated *policy_gated_next(const cJSON *object, const cJSON *before, guint *at);

/* The one that a field is, or is a part of ("experimental.stallDetector.stallMargin"). NULL:
 * none. */
const PolicyGated *policy_gated_find(const char *path);

/* INVALID with every one of them whose gates are off, as the admission would refuse it. One whose
 * gates are not known passes: the admission will tell. */
gboolean policy_check_gates(const cJSON *object, const cJSON *before, const cJSON *kubevirt,
			    GError **error);
