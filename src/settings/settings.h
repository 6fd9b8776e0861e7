/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cluster-wide migration settings: one table of what exists (unit, range, default, meaning), and
 * the values in force read from the object that holds them. Pure functions of model.
 */
#pragma once

#include "model/json.h"

typedef enum {
	SETTING_BANDWIDTH, /* quantity, bytes per second; 0: unlimited */
	SETTING_COUNT,
	SETTING_SECONDS,
	SETTING_SECONDS_PER_GIB,
	SETTING_MILLISECONDS,
	SETTING_BOOL,
	SETTING_STRING,
} SettingType;

typedef struct {
	const char *key; /* "bandwidthPerMigration", as in liveMigrationConfig */
	SettingType type;
	gint64 minimum, maximum;
	const char *documented_default; /* as text: "150", "0", "false"; NULL: none */
	const char *summary;            /* one line */
	gboolean in_documents;          /* one of the documents' six: shown first */
	gboolean only_kvmig;            /* kvmig's own: unknown to KubeVirt */
	const char *since_kubevirt;     /* first release that has it */
	/* first release that hands it on; "": all that are in use; NULL: none does */
	const char *since_hyperconverged;
	const char *kubevirt_default; /* compiled into KubeVirt; NULL: as documented_default */
	gboolean (*has_form)(const char *text); /* of SETTING_STRING only */
	const char *form;                       /* in words */
	const char *reader;                     /* who obeys it, and when */
	const char *interacts; /* with what, and the traps; NULL: nothing to know */
} Setting;

const Setting *setting_find(const char *key);
const Setting *setting_nth(unsigned n); /* NULL past the end */

/* Text of a user to the JSON value that is stored ("64MiB/s" -> "64Mi", "5" -> 5). INVALID names
 * the key, the range and what was given. */
cJSON *setting_parse_value(const Setting *setting, const char *text, GError **error);

/* Whether a value, as it is stored in an object, is one that the setting may have. INVALID names
 * the key, the range and what is there. */
gboolean setting_check_value(const Setting *setting, const cJSON *value, GError **error);
/* Whether two stored values mean the same ("64Mi" and 67108864); NULL and null are no value. */
gboolean setting_same_value(const Setting *setting, const cJSON *a, const cJSON *b);

/* A stored value as text for people ("64 MiB/s", "150 s/GiB", "not set" for NULL); g_free(). */
char *setting_value_text(const Setting *setting, const cJSON *value);
/* "bytes per second, as 64Mi, ...": what may be given; g_free(). */
char *setting_range_text(const Setting *setting);
/* "bytes/s", "s", "s per GiB", "ms"; NULL where it has none */
const char *setting_unit(const Setting *setting);

typedef enum {
	SETTING_ORIGIN_DEFAULT, /* nobody set it */
	SETTING_ORIGIN_CLUSTER, /* the cluster's object */
	SETTING_ORIGIN_POLICY,  /* a MigrationPolicy (a later issue) */
} SettingOrigin;

/* The values that the engine obeys. */
typedef struct {
	gint64 bandwidth_bytes_per_second; /* 0: unlimited */
	gint64 completion_timeout_per_gib; /* seconds; 0: none */
	gint64 progress_timeout_seconds;   /* 0: none */
	gint64 parallel_per_cluster;
	gint64 parallel_outbound_per_node;
	gint64 parallel_inbound_per_node; /* kvmig's own; 0: unlimited */
	gboolean allow_post_copy;
	gboolean allow_auto_converge;
	gboolean allow_workload_disruption;
	gboolean disable_tls;
	gint64 max_downtime_ms; /* 0: QEMU's own */
} Settings;

/* Effective settings of a fleet or local cluster: `object` is its HyperConverged, NULL where there
 * is none (then all defaults). Error INVALID names the key that cannot be read. */
gboolean settings_read(const cJSON *object, Settings *ret_settings, GError **error);

/* Puts one value, as it is stored in an object, over the one in `settings`; of keys that the engine
 * does not obey only that they exist is checked. INVALID names the key; nothing is changed then. */
gboolean settings_override(Settings *settings, const char *key, const cJSON *value, GError **error);

/* The map liveMigrationConfig of a HyperConverged (v1beta1 or v1), or configuration.migrations of
 * a KubeVirt; borrowed, or NULL. */
const cJSON *settings_map(const cJSON *object);

/* The value in force of one key as text for people and its origin; free with g_free(). */
char *settings_effective_text(const Setting *setting, const cJSON *object,
			      SettingOrigin *ret_origin);

/* The completion budget by the documents: ceil(per_gib * bytes / 2^30) seconds; 0: no limit (also
 * where bytes is not known, 0). */
gint64 settings_completion_budget_documented(gint64 per_gib_seconds, gint64 bytes);
/* ... and by KubeVirt's code: per_gib * ceil(bytes / 10^9). */
gint64 settings_completion_budget_kubevirt(gint64 per_gib_seconds, gint64 bytes);
