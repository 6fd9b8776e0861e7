/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig config lint: what its parts share. */
#pragma once

#include "config-common.h"

#include "settings/lint.h"

typedef struct {
	const CommandContext *context;
	ConfigOwner *owner;
	cJSON *values, *set; /* as SettingsLint has them */
	SettingsLint lint;
	GPtrArray *rows; /* cJSON*: the findings */
} ConfigLint;

/* "kvmig --context prod config set …": words as a command that finds this cluster; g_free(). */
char *config_lint_command_text(const char *words);

/* Migrations that go on with settings that are not in force any more. What may not be listed is
 * told as a warning. */
gboolean config_lint_flights(const ConfigLint *lint, GError **error);
