/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Presets: sets of settings that belong together. `default` has no values: it takes the settings
 * out, so that this cluster's own defaults hold.
 */
#pragma once

#include "settings/settings.h"

typedef struct {
	const char *key, *value; /* as a user would type it */
	const char *why;         /* NULL: the preset's own reason */
	gboolean disruption;     /* left out with --no-disruption, and where the field is missing */
} PresetValue;

typedef struct {
	const char *name, *summary;
	const PresetValue *values;   /* ends with key NULL; empty: takes out what `clears` names */
	const char *const *clears;   /* NULL-terminated, or NULL */
	const char *const *warnings; /* NULL-terminated, or NULL */
} Preset;

const Preset *preset_find(const char *name);
const Preset *preset_nth(unsigned n); /* NULL past the end */

/* The changes that it makes: key -> value, null to remove. */
cJSON *preset_changes(const Preset *preset, gboolean with_disruption);
