/* SPDX-License-Identifier: Apache-2.0 */
/* Whether KubeVirt itself works: without its virt-api, which admits every write to its objects,
 * nothing can be migrated. Pure. */
#pragma once

#include "check/finding.h"

/* The APIService by which the API server knows whether virt-api answers, and what it serves. */
#define VIRT_API_SERVICE "v1.subresources.kubevirt.io"
#define VIRT_API_PATH "/apis/subresources.kubevirt.io/v1"

/* What the KubeVirt object (NULL: there is none) says of itself. */
void check_kubevirt(const cJSON *kubevirt, GPtrArray *findings);

/* What that APIService says. */
void check_virt_api(const cJSON *service, GPtrArray *findings);
/* Who may not read it has asked virt-api itself, in namespace `ns`, and got no answer: why. */
void check_virt_api_silent(const char *ns, const char *why, GPtrArray *findings);
