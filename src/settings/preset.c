/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/preset.h"

/* The documents' recipe, number for number. */
static const PresetValue heavy_values[] = {
	{ .key = "bandwidthPerMigration", .value = "0Mi", .why = "no cap: as fast as the network" },
	{ .key = "completionTimeoutPerGiB",
	  .value = "150",
	  .why = "lower: post-copy begins earlier; higher: later" },
	{ .key = "parallelMigrationsPerCluster", .value = "5" },
	{ .key = "parallelOutboundMigrationsPerNode",
	  .value = "1",
	  .why = "one migration has the node's link for itself" },
	{ .key = "progressTimeout", .value = "150" },
	{ .key = "allowPostCopy",
	  .value = "true",
	  .why = "a guest that writes faster than the network carries is moved all the same" },
	{ .key = "allowWorkloadDisruption",
	  .value = "true",
	  .why = "without it post-copy never fires; it also permits pausing the guest",
	  .disruption = TRUE },
	{ .key = NULL },
};

static const char *const heavy_warnings[] = {
	"post-copy has no way back: a network that breaks while it lasts kills the VM; not for "
	"critical data, nor for unstable networks",
	NULL,
};

static const PresetValue no_values[] = { { .key = NULL } };

static const char *const documented_keys[] = {
	"bandwidthPerMigration",
	"completionTimeoutPerGiB",
	"parallelMigrationsPerCluster",
	"parallelOutboundMigrationsPerNode",
	"progressTimeout",
	"allowPostCopy",
	"allowWorkloadDisruption",
	NULL,
};

static const Preset presets[] = {
	{ "heavy-workload", "the documents' recipe for VMs that write much memory", heavy_values,
	  NULL, heavy_warnings },
	{ "default", "takes the settings out: the defaults of this cluster hold", no_values,
	  documented_keys, NULL },
};

const Preset *preset_nth(unsigned n)
{
	return n < G_N_ELEMENTS(presets) ? &presets[n] : NULL;
}

const Preset *preset_find(const char *name)
{
	for (unsigned i = 0; preset_nth(i); i++)
		if (g_str_equal(presets[i].name, name))
			return &presets[i];
	return NULL;
}

/* A bandwidth is written as the documents write it. */
static cJSON *value_of(const PresetValue *value)
{
	const Setting *setting = setting_find(value->key);

	return setting->type == SETTING_BANDWIDTH
		       ? cJSON_CreateString(value->value)
		       : setting_parse_value(setting, value->value, NULL);
}

cJSON *preset_changes(const Preset *preset, gboolean with_disruption)
{
	cJSON *changes = cJSON_CreateObject();

	for (const char *const *key = preset->clears; key && *key; key++)
		json_set(changes, *key, cJSON_CreateNull());
	for (const PresetValue *value = preset->values; value->key; value++)
		if (with_disruption || !value->disruption)
			json_set(changes, value->key, value_of(value));
	return changes;
}
