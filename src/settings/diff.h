/* SPDX-License-Identifier: Apache-2.0 */
/* Settings that lie in a file, and how two sets of settings differ. Pure functions of model. */
#pragma once

#include "settings/settings.h"

typedef struct {
	const cJSON *map; /* borrowed from the documents; NULL: it sets nothing */
	char *what; /* "HyperConverged 'ns/name' (hco.kubevirt.io/v1)", "liveMigrationConfig" */
	GPtrArray *unknown; /* char*: keys that are no settings */
} SettingsDocument;

void settings_document_clear(SettingsDocument *document);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SettingsDocument, settings_document_clear)

/*
 * The settings among the documents of a file: of a HyperConverged, of either version, of a
 * KubeVirt, or of a part of one: `spec:` and what is in it, `liveMigrationConfig:`, or the keys
 * themselves. Lists are looked into. Of several, the one of `kind` (as an object says it; may be
 * NULL) is meant. INVALID: there is none, or more than one; the settings stand where another
 * version of HyperConverged has them; a value that a setting cannot have.
 */
gboolean settings_document_find(const GPtrArray *documents, const char *kind,
				SettingsDocument *ret_document, GError **error);

/* Whether a HyperConverged has its settings where its version has them: an API server drops what
 * stands in the place of the other one. INVALID names both. Of other objects nothing is asked. */
gboolean settings_check_place(const cJSON *object, GError **error);

typedef enum {
	SETTING_SET_UNKNOWN, /* the server put it in, or somebody set it to the same */
	SETTING_SET_NO,
	SETTING_SET_YES,
} SettingSet;

typedef struct {
	const cJSON *value; /* in force; NULL: not set, and without a default */
	SettingSet set;
	gboolean known; /* there is such a setting on that side */
} SettingSide;

typedef enum {
	SETTING_SAME,
	SETTING_DIFFERS,     /* what is in force */
	SETTING_DIFFERS_SET, /* the same is in force, but only one of them has it set */
} SettingDifference;

SettingDifference setting_compare(const Setting *setting, const SettingSide *here,
				  const SettingSide *there);

/* What makes `here` like `there`, where they differ: the value to set, null to take it out; free
 * it. `fallback` is what holds here once it is taken out; or NULL. */
cJSON *setting_to_match(const Setting *setting, const SettingSide *there, const cJSON *fallback);
