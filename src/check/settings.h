/* SPDX-License-Identifier: Apache-2.0 */
/* What the settings in force forbid or put at risk. Pure. */
#pragma once

#include "check/finding.h"

/* values: the map of settings in force (settings_map() of what config_effective_object() makes). */
void check_settings(const cJSON *values, gboolean kubevirt, GPtrArray *findings);

/* A policy that applies to a VM, and the two settings as they are with it. On KubeVirt. */
void check_policy(const char *name, gboolean post_copy, gboolean disruption, GPtrArray *findings);
