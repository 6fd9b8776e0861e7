/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings that do nothing, or not what one thinks. Pure functions of model: who asks says what is
 * in force, who set it, and whose rules hold.
 */
#pragma once

#include "settings/settings.h"

/* The VM that is too large for a generous timeout, and how long is too long for it: beyond what
 * the documents' 150 s/GiB come to. */
#define LINT_VM_GIB 64
#define LINT_LONG_SECONDS 10800

/* More of heavy ones at once is what the documents advise against. */
#define LINT_HEAVY_PARALLEL 5

typedef struct {
	const cJSON *values; /* in force: key -> value, also those that nobody set */
	const cJSON *set;    /* those among them that somebody set */
	gboolean kubevirt;   /* by KubeVirt's code; else by the documents, as kvmig's engine */
	/* whether who migrates acts on a setting; NULL: on all */
	gboolean (*acts_on)(const char *key);
	/* bytes per second that libvirt is given for the cap; NULL: as it is set */
	gint64 (*applied)(gint64 bytes_per_second, gpointer data);
	gpointer applied_data;
	const cJSON *gates; /* KubeVirt's object; NULL: what it says of its gates is not known */
	/* what HyperConverged's object has, where an upgrade of it will come past 1.19; or NULL */
	const cJSON *before_upgrade;
} SettingsLint;

#define LINT_KEYS_MAX 4

typedef struct {
	const char *code;                    /* REASON_LINT_CONFIG_… */
	const char *keys[LINT_KEYS_MAX + 1]; /* that it rests on; NULL at the end */
	char *text;
	cJSON *fix; /* changes that mend it, key -> value, null: take it out */
} SettingsFinding;

/* Elements are SettingsFinding*, freed with the array. */
GPtrArray *settings_lint(const SettingsLint *lint);
void settings_finding_free(SettingsFinding *finding);

/* The keys (const char*) of which a migration that was handed over keeps a value that is not in
 * force for it now. `kept` is its migrationConfiguration; what is not in it is not looked at. */
GPtrArray *settings_kept(const SettingsLint *lint, const cJSON *kept, const cJSON *now);

/* "config set a=1 b=2", "config unset c d": what to type behind "kvmig"; NULL where there is
 * nothing of that sort among the changes. g_free(). */
char *settings_set_words(const cJSON *changes);
char *settings_unset_words(const cJSON *changes);
