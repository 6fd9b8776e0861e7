/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table; reading, defaults and texts all come from it. A value is kept as gint64 while it is
 * worked with, bools as 0 and 1.
 */
#include "settings/settings.h"

#include <string.h>

#include "base/error.h"
#include "model/object.h"
#include "model/quantity.h"

#define NOT_IN_FORCE ((gsize)-1) /* KubeVirt's: `config` knows it, the engine does not */
#define COUNT_MAX G_MAXUINT32
#define SECONDS_MAX G_MAXINT32

typedef struct {
	Setting setting;
	gsize offset; /* in Settings */
} Row;

static gboolean is_network_name(const char *text);
static gboolean is_taint_key(const char *text);

#define OFFSET(field) G_STRUCT_OFFSET(Settings, field)

static const Row rows[] = {
	{ { .key = "bandwidthPerMigration",
	    .type = SETTING_BANDWIDTH,
	    .maximum = G_MAXINT64,
	    .documented_default = "0",
	    .summary = "cap of each migration, bytes per second; 0 is no cap",
	    .in_documents = TRUE,
	    .since_kubevirt = "0.31",
	    .since_hyperconverged = "",
	    .reader = "the source host when a migration is handed over, in whole MiB/s: rounded by "
		      "KubeVirt, and up where kvmig migrates; never below 1",
	    .interacts = "with several migrations per node each has its own cap: their sum is "
			 "what the link sees. 0 means no cap, also for post-copy" },
	  OFFSET(bandwidth_bytes_per_second) },
	{ { .key = "completionTimeoutPerGiB",
	    .type = SETTING_SECONDS_PER_GIB,
	    .maximum = SECONDS_MAX,
	    .documented_default = "150",
	    .summary = "time that a migration may take for each GiB of memory; 0 is no limit",
	    .in_documents = TRUE,
	    .since_kubevirt = "0.31",
	    .since_hyperconverged = "",
	    .reader = "the source host while a migration runs: not done by then, it is cancelled, "
		      "or goes on as allowPostCopy and allowWorkloadDisruption permit",
	    .interacts = "KubeVirt counts each begun 10^9 bytes, the documents each GiB. With a "
			 "low bandwidthPerMigration one pass over the memory may take longer than "
			 "this allows" },
	  OFFSET(completion_timeout_per_gib) },
	{ { .key = "parallelMigrationsPerCluster",
	    .type = SETTING_COUNT,
	    .maximum = COUNT_MAX,
	    .documented_default = "5",
	    .summary = "migrations that run at once in the cluster",
	    .in_documents = TRUE,
	    .since_kubevirt = "0.31",
	    .since_hyperconverged = "",
	    .reader = "the controller before it starts a migration; 0: none ever starts" },
	  OFFSET(parallel_per_cluster) },
	{ { .key = "parallelOutboundMigrationsPerNode",
	    .type = SETTING_COUNT,
	    .maximum = COUNT_MAX,
	    .documented_default = "2",
	    .summary = "migrations that leave one node at once",
	    .in_documents = TRUE,
	    .since_kubevirt = "0.31",
	    .since_hyperconverged = "",
	    .reader = "the controller before it starts a migration; 0: none ever starts",
	    .interacts = "they share the node's link: for heavy workloads the documents want 1" },
	  OFFSET(parallel_outbound_per_node) },
	{ { .key = "progressTimeout",
	    .type = SETTING_SECONDS,
	    .maximum = SECONDS_MAX,
	    .documented_default = "150",
	    .summary = "cancelled when the memory copy makes no progress for so long; 0 is never",
	    .in_documents = TRUE,
	    .since_kubevirt = "0.31",
	    .since_hyperconverged = "",
	    .reader = "the source host while a migration runs: progress is that less remains than "
		      "before",
	    .interacts = "ignored where KubeVirt's gate MigrationStallDetection is on" },
	  OFFSET(progress_timeout_seconds) },
	{ { .key = "allowPostCopy",
	    .type = SETTING_BOOL,
	    .maximum = 1,
	    .documented_default = "false",
	    .summary = "switch to post-copy when pre-copy is not done in time; not for critical "
		       "data or unstable networks",
	    .in_documents = TRUE,
	    .since_kubevirt = "0.34",
	    .since_hyperconverged = "",
	    .reader = "the source host when completionTimeoutPerGiB has passed",
	    .interacts = "fires only together with allowWorkloadDisruption, which HyperConverged "
			 "1.19 and later set to false: alone it then ends in a cancel. From the "
			 "switch on there is no way back: a broken network kills the VM" },
	  OFFSET(allow_post_copy) },
	{ { .key = "allowWorkloadDisruption",
	    .type = SETTING_BOOL,
	    .maximum = 1,
	    .documented_default = "false",
	    .summary = "permits a migration that is not done in time to pause the guest, or to "
		       "switch to post-copy",
	    .since_kubevirt = "1.5",
	    .since_hyperconverged = "1.19",
	    .reader = "the source host when completionTimeoutPerGiB has passed",
	    .interacts = "left out on the KubeVirt object it is as allowPostCopy is. Without "
			 "allowPostCopy the guest is paused until the copy is done" },
	  OFFSET(allow_workload_disruption) },
	{ { .key = "allowAutoConverge",
	    .type = SETTING_BOOL,
	    .maximum = 1,
	    .documented_default = "false",
	    .summary = "slow the guest's CPUs down until the copy keeps up with it",
	    .since_kubevirt = "0.31",
	    .since_hyperconverged = "",
	    .reader = "the source host when a migration is handed over" },
	  OFFSET(allow_auto_converge) },
	{ { .key = "network",
	    .type = SETTING_STRING,
	    .has_form = is_network_name,
	    .form = "the name of a NetworkAttachmentDefinition, or NAMESPACE/NAME",
	    .summary = "network that carries migrations; not set: the one that carries everything",
	    .since_kubevirt = "0.49",
	    .since_hyperconverged = "",
	    .reader = "virt-operator: it gives virt-handler an interface of that "
		      "NetworkAttachmentDefinition",
	    .interacts = "changing it restarts virt-handler on every node; one that gives out no "
			 "address makes virt-handler fail" },
	  NOT_IN_FORCE },
	{ { .key = "disableTLS",
	    .type = SETTING_BOOL,
	    .maximum = 1,
	    .documented_default = "false",
	    .summary = "send guest memory unencrypted; only for networks that nobody else can "
		       "reach",
	    .since_kubevirt = "0.43",
	    .reader = "the hosts at both ends" },
	  OFFSET(disable_tls) },
	{ { .key = "maxDowntimeMs",
	    .type = SETTING_MILLISECONDS,
	    .minimum = 1,
	    .maximum = 2000000,
	    .summary = "pause at the switch-over that the copy aims at; not set: QEMU's own 300 "
		       "ms",
	    .since_kubevirt = "1.9",
	    .kubevirt_default = "900",
	    .reader = "KubeVirt: only behind its gates MigrationStallDetection and "
		      "MigrationDowntimeTuning; kvmig's own clusters: the source host",
	    .interacts = "without one of the gates KubeVirt refuses a change of it, and its value "
			 "does nothing" },
	  OFFSET(max_downtime_ms) },
	{ { .key = "parallelInboundMigrationsPerNode",
	    .type = SETTING_COUNT,
	    .maximum = COUNT_MAX,
	    .documented_default = "0",
	    .summary = "migrations that one node receives at once, on clusters that kvmig runs; 0 "
		       "is no limit",
	    .only_kvmig = TRUE,
	    .reader = "kvmig's controller before it starts a migration" },
	  OFFSET(parallel_inbound_per_node) },
	{ { .key = "utilityVolumesTimeout",
	    .type = SETTING_SECONDS,
	    .maximum = SECONDS_MAX,
	    .documented_default = "150",
	    .summary = "KubeVirt: wait so long for utility volumes to be unplugged",
	    .since_kubevirt = "1.8",
	    .reader = "virt-controller before a migration" },
	  NOT_IN_FORCE },
	{ { .key = "unsafeMigrationOverride",
	    .type = SETTING_BOOL,
	    .maximum = 1,
	    .documented_default = "false",
	    .summary = "KubeVirt: migrate also where libvirt fears for the disk's content",
	    .since_kubevirt = "0.31",
	    .reader = "the source host when a migration is handed over" },
	  NOT_IN_FORCE },
	{ { .key = "matchSELinuxLevelOnMigration",
	    .type = SETTING_BOOL,
	    .maximum = 1,
	    .documented_default = "true",
	    .summary = "KubeVirt: give the target pod the SELinux level of the source pod",
	    .since_kubevirt = "1.0",
	    .reader = "virt-controller when it makes the target pod",
	    .interacts = "false lets the container runtime choose, whatever KubeVirt's API "
			 "comment says" },
	  NOT_IN_FORCE },
	{ { .key = "nodeDrainTaintKey",
	    .type = SETTING_STRING,
	    .has_form = is_taint_key,
	    .form = "the key of a taint, as kubevirt.io/drain",
	    .documented_default = "kubevirt.io/drain",
	    .summary = "KubeVirt: a taint with this key and effect NoSchedule empties a node "
		       "(obsolete)",
	    .since_kubevirt = "0.31",
	    .reader = "virt-controller, for each node's taints" },
	  NOT_IN_FORCE },
};

const Setting *setting_nth(unsigned n)
{
	return n < G_N_ELEMENTS(rows) ? &rows[n].setting : NULL;
}

const Setting *setting_find(const char *key)
{
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (g_strcmp0(rows[i].setting.key, key) == 0)
			return &rows[i].setting;
	}
	return NULL;
}

/* ---- from text ------------------------------------------------------------------------------ */

char *setting_range_text(const Setting *setting)
{
	switch (setting->type) {
	case SETTING_BOOL:
		return g_strdup("true or false");
	case SETTING_STRING:
		return g_strdup(setting->form);
	case SETTING_BANDWIDTH:
		return g_strdup("bytes per second, as 64Mi, 100M or 1Gbit/s, or 0 for no cap");
	default:
		return g_strdup_printf("a whole number%s from %" G_GINT64_FORMAT
				       " to %" G_GINT64_FORMAT,
				       setting->type == SETTING_COUNT          ? ""
				       : setting->type == SETTING_MILLISECONDS ? " of milliseconds"
									       : " of seconds",
				       setting->minimum, setting->maximum);
	}
}

static gboolean refuse(const Setting *setting, const char *given, GError **error)
{
	g_autofree char *range = setting_range_text(setting);
	g_autofree char *shown = error_excerpt(given);

	return error_set(error, KVMIG_ERROR_INVALID, "%s: '%s' is not valid: must be %s",
			 setting->key, shown, range);
}

static gboolean in_range(const Setting *setting, gint64 value)
{
	return value >= setting->minimum && value <= setting->maximum;
}

static gboolean is_network_name(const char *text)
{
	g_auto(GStrv) parts = g_strsplit(text, "/", 3);
	const guint n = g_strv_length(parts);

	return n >= 1 && n <= 2 && name_check_dns_subdomain(parts[0], "network", NULL) &&
	       (n == 1 || name_check_dns_subdomain(parts[1], "network", NULL));
}

static gboolean is_taint_key(const char *text)
{
	return name_check_label_key(text, NULL);
}

/* "150", and for times also "150s", "5m". */
static gboolean whole_number(const Setting *setting, const char *text, gint64 *ret_value)
{
	gint64 unit_ms = setting->type == SETTING_MILLISECONDS ? 1 : 1000;
	gint64 ms;

	if (g_ascii_string_to_signed(text, 10, setting->minimum, setting->maximum, ret_value, NULL))
		return TRUE;
	if (setting->type == SETTING_COUNT || !duration_parse(text, &ms, NULL) || ms % unit_ms != 0)
		return FALSE;
	*ret_value = ms / unit_ms;
	return TRUE;
}

/* *error only where there is more to say than the range. */
static gboolean value_from_text(const Setting *setting, const char *text, gint64 *ret_value,
				GError **error)
{
	gint64 value;

	if (setting->type == SETTING_BOOL) {
		if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
			return FALSE;
		value = *text == 't';
	} else if (setting->type == SETTING_BANDWIDTH) {
		if (!quantity_parse_rate(text, &value, error))
			return FALSE;
	} else if (!whole_number(setting, text, &value)) {
		return FALSE;
	}
	if (!in_range(setting, value))
		return FALSE;
	*ret_value = value;
	return TRUE;
}

cJSON *setting_parse_value(const Setting *setting, const char *text, GError **error)
{
	g_autofree char *stripped = g_strstrip(g_strdup(text));
	g_autofree char *quantity = NULL;
	g_autoptr(GError) cause = NULL;
	gint64 value;

	if (setting->type == SETTING_STRING && setting->has_form(stripped))
		return cJSON_CreateString(stripped);
	if (setting->type == SETTING_STRING ||
	    !value_from_text(setting, stripped, &value, &cause)) {
		refuse(setting, text, error);
		if (cause && error_get_hint(cause))
			error_hint(error, "%s", error_get_hint(cause));
		return NULL;
	}
	if (setting->type == SETTING_BOOL)
		return cJSON_CreateBool(value != 0);
	if (setting->type != SETTING_BANDWIDTH)
		return json_new_int(value);
	quantity = quantity_format(value);
	return cJSON_CreateString(quantity);
}

/* ---- from the object ------------------------------------------------------------------------ */

const cJSON *settings_map(const cJSON *object)
{
	const cJSON *spec = json_get(object, "spec");
	const char *version = json_string(object, "apiVersion", "");
	const char *kind = json_string(object, "kind", "");
	const cJSON *map;

	if (strcmp(kind, "KubeVirt") == 0)
		map = json_path(spec, "configuration", "migrations", NULL);
	else if (strcmp(version, "hco.kubevirt.io/v1") == 0)
		map = json_path(spec, "virtualization", "liveMigrationConfig", NULL);
	else
		map = json_get(spec, "liveMigrationConfig");
	return cJSON_IsObject(map) ? map : NULL;
}

/* The member, NULL where it is absent or null: then the default holds. */
static const cJSON *stored_value(const Setting *setting, const cJSON *map)
{
	const cJSON *stored = json_get(map, setting->key);

	return cJSON_IsNull(stored) ? NULL : stored;
}

/* A stored value by the type that its field has; not SETTING_STRING. */
static gboolean value_from_json(const Setting *setting, const cJSON *stored, gint64 *ret_value)
{
	gint64 value;

	if (setting->type == SETTING_BOOL) {
		if (!cJSON_IsBool(stored))
			return FALSE;
		value = cJSON_IsTrue(stored);
	} else if (setting->type == SETTING_BANDWIDTH && cJSON_IsString(stored)) {
		if (!quantity_parse(stored->valuestring, &value, NULL))
			return FALSE;
	} else if (!json_integer_value(stored, &value)) {
		return FALSE;
	}
	if (!in_range(setting, value))
		return FALSE;
	*ret_value = value;
	return TRUE;
}

/* What 'config set' takes need not be what is stored: "64MiB/s" is "64Mi" there. */
static void hint_stored_rate(const char *text, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autofree char *quantity = NULL;
	gint64 rate;

	if (!quantity_parse_rate(text, &rate, &cause)) {
		if (error_get_hint(cause))
			error_hint(error, "%s", error_get_hint(cause));
		return;
	}
	quantity = quantity_format(rate);
	error_hint(error, "in the object it is written %s", quantity);
}

gboolean setting_check_value(const Setting *setting, const cJSON *value, GError **error)
{
	g_autofree char *given = NULL;
	gint64 number;

	if (setting->type == SETTING_STRING
		    ? cJSON_IsString(value) && setting->has_form(value->valuestring)
		    : value_from_json(setting, value, &number))
		return TRUE;
	given = json_print(value);
	refuse(setting, given, error);
	if (setting->type == SETTING_BANDWIDTH && cJSON_IsString(value))
		hint_stored_rate(value->valuestring, error);
	return FALSE;
}

gboolean setting_same_value(const Setting *setting, const cJSON *a, const cJSON *b)
{
	gint64 left, right;

	if (cJSON_IsNull(a))
		a = NULL;
	if (cJSON_IsNull(b))
		b = NULL;
	if (a && b && setting->type != SETTING_STRING && value_from_json(setting, a, &left) &&
	    value_from_json(setting, b, &right))
		return left == right;
	return json_equal(a, b);
}

static gboolean effective_value(const Setting *setting, const cJSON *map, gint64 *ret_value,
				GError **error)
{
	const cJSON *stored = stored_value(setting, map);
	g_autofree char *given = NULL;

	*ret_value = 0;
	if (!stored)
		return !setting->documented_default ||
		       value_from_text(setting, setting->documented_default, ret_value, NULL);
	if (value_from_json(setting, stored, ret_value))
		return TRUE;
	given = json_print(stored);
	refuse(setting, given, error);
	error_hint(error, "correct or remove the key in liveMigrationConfig");
	return FALSE;
}

static void put(Settings *settings, const Row *row, gint64 value)
{
	if (row->setting.type == SETTING_BOOL)
		G_STRUCT_MEMBER(gboolean, settings, row->offset) = value != 0;
	else
		G_STRUCT_MEMBER(gint64, settings, row->offset) = value;
}

gboolean settings_override(Settings *settings, const char *key, const cJSON *value, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *given = NULL;
		gint64 number;

		if (strcmp(rows[i].setting.key, key) != 0)
			continue;
		if (rows[i].offset == NOT_IN_FORCE)
			return TRUE;
		if (value_from_json(&rows[i].setting, value, &number)) {
			put(settings, &rows[i], number);
			return TRUE;
		}
		given = json_print(value);
		return refuse(&rows[i].setting, given, error);
	}
	return error_set(error, KVMIG_ERROR_INVALID, "'%s' is no setting", key);
}

gboolean settings_read(const cJSON *object, Settings *ret_settings, GError **error)
{
	const cJSON *map = settings_map(object);
	Settings settings = { 0 };

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		gint64 value;

		if (rows[i].offset == NOT_IN_FORCE)
			continue;
		if (!effective_value(&rows[i].setting, map, &value, error))
			return FALSE;
		put(&settings, &rows[i], value);
	}
	*ret_settings = settings;
	return TRUE;
}

/* ---- to text -------------------------------------------------------------------------------- */

static char *value_words(const Setting *setting, gint64 value)
{
	g_autofree char *bytes = NULL;

	switch (setting->type) {
	case SETTING_BOOL:
		return g_strdup(value ? "true" : "false");
	case SETTING_BANDWIDTH:
		if (value == 0)
			return g_strdup("unlimited");
		bytes = quantity_human_bytes(value);
		return g_strdup_printf("%s/s", bytes);
	case SETTING_SECONDS:
		return g_strdup_printf("%" G_GINT64_FORMAT " s", value);
	case SETTING_SECONDS_PER_GIB:
		return g_strdup_printf("%" G_GINT64_FORMAT " s/GiB", value);
	case SETTING_MILLISECONDS:
		return g_strdup_printf("%" G_GINT64_FORMAT " ms", value);
	default:
		return g_strdup_printf("%" G_GINT64_FORMAT, value);
	}
}

char *setting_value_text(const Setting *setting, const cJSON *value)
{
	g_autofree char *given = NULL;
	gint64 number;

	if (!value || cJSON_IsNull(value))
		return g_strdup("not set");
	if (setting->type == SETTING_STRING && cJSON_IsString(value))
		return g_strdup(value->valuestring);
	if (setting->type != SETTING_STRING && value_from_json(setting, value, &number))
		return value_words(setting, number);
	given = json_print(value);
	return g_strdup_printf("%s (not valid)", given);
}

const char *setting_unit(const Setting *setting)
{
	switch (setting->type) {
	case SETTING_BANDWIDTH:
		return "bytes/s";
	case SETTING_SECONDS:
		return "s";
	case SETTING_SECONDS_PER_GIB:
		return "s per GiB";
	case SETTING_MILLISECONDS:
		return "ms";
	case SETTING_COUNT:
	case SETTING_BOOL:
	case SETTING_STRING:
		break;
	}
	return NULL;
}

char *settings_effective_text(const Setting *setting, const cJSON *object,
			      SettingOrigin *ret_origin)
{
	const cJSON *stored = stored_value(setting, settings_map(object));
	g_autoptr(cJSON) fallback = NULL;

	if (ret_origin)
		*ret_origin = stored ? SETTING_ORIGIN_CLUSTER : SETTING_ORIGIN_DEFAULT;
	if (!stored && setting->documented_default)
		fallback = setting_parse_value(setting, setting->documented_default, NULL);
	return setting_value_text(setting, stored ? stored : fallback);
}

/* ---- completion budget ---------------------------------------------------------------------- */

static gint64 capped(unsigned __int128 seconds)
{
	return seconds > G_MAXINT64 ? G_MAXINT64 : (gint64)seconds;
}

gint64 settings_completion_budget_documented(gint64 per_gib_seconds, gint64 bytes)
{
	const unsigned __int128 gib = (unsigned __int128)1 << 30;

	if (per_gib_seconds <= 0 || bytes <= 0)
		return 0;
	return capped(((unsigned __int128)per_gib_seconds * (guint64)bytes + gib - 1) / gib);
}

gint64 settings_completion_budget_kubevirt(gint64 per_gib_seconds, gint64 bytes)
{
	const gint64 gigabyte = 1000000000;

	if (per_gib_seconds <= 0 || bytes <= 0)
		return 0;
	return capped((unsigned __int128)per_gib_seconds *
		      (guint64)(bytes / gigabyte + (bytes % gigabyte != 0)));
}
