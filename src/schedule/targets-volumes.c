/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes that not every node can reach: those with a node affinity (local disks, storage of one
 * zone), and older ones that only bear a zone's label. As the scheduler's VolumeBinding and
 * VolumeZone judge them; where a pod that runs has its volumes is the nodes' affair, not the VM's.
 */
#include <string.h>

#include "schedule/affinity.h"
#include "schedule/targets-private.h"

#define ZONES_BETWEEN "__" /* of a volume that is in several */

static const struct {
	const char *key, *newer;
} zone_labels[] = {
	{ "topology.kubernetes.io/zone", NULL },
	{ "topology.kubernetes.io/region", NULL },
	{ "failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone" },
	{ "failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region" },
};

void target_volume_free(TargetVolume *volume)
{
	if (!volume)
		return;
	g_free(volume->claim);
	g_free(volume->name);
	cJSON_Delete(volume->node_affinity);
	cJSON_Delete(volume->labels);
	g_free(volume);
}

/* Takes the words. */
static void refuse(const TargetVolume *volume, char *why, Target *target)
{
	TargetObstacle *obstacle =
		target_obstruct(target, REASON_TGT_VOLUME,
				g_strdup_printf("volume '%s' of claim '%s' is only where %s",
						volume->name, volume->claim, why));

	obstacle->subject = g_strdup(volume->name);
	g_free(why);
}

static gboolean has_zones(const cJSON *labels)
{
	for (gsize i = 0; i < G_N_ELEMENTS(zone_labels); i++)
		if (json_get(labels, zone_labels[i].key))
			return TRUE;
	return FALSE;
}

static gboolean is_one_of(const char *zones, const char *zone)
{
	g_auto(GStrv) list = g_strsplit(zones, ZONES_BETWEEN, -1);

	return zone && g_strv_contains((const char *const *)list, zone);
}

static void check_zone(const TargetVolume *volume, const Host *host, gsize row, Target *target)
{
	const char *key = zone_labels[row].key, *newer = zone_labels[row].newer;
	const char *wanted = json_string(volume->labels, key, NULL);
	const char *there = json_string(host->labels, key, NULL);

	if (!wanted)
		return;
	if (!there && newer)
		there = json_string(host->labels, newer, NULL);
	if (!is_one_of(wanted, there))
		refuse(volume,
		       g_strdup_printf("%s is %s: the node has %s", key, wanted,
				       there ? there : "none"),
		       target);
}

static void check_volume(const TargetVolume *volume, const Host *host, Target *target)
{
	const AffinityNode node = { .name = host->name, .labels = host->labels };
	const cJSON *required = json_get(volume->node_affinity, "required");
	char *why = required ? affinity_selector_explain(required, &node) : NULL;

	if (why)
		refuse(volume, why, target);
	if (!has_zones(host->labels)) /* a cluster without zones */
		return;
	for (gsize i = 0; i < G_N_ELEMENTS(zone_labels); i++)
		check_zone(volume, host, i, target);
}

void target_check_volumes(const TargetSieve *sieve, const Host *host, Target *target)
{
	const GPtrArray *volumes = sieve->question->volumes;

	for (guint i = 0; volumes && i < volumes->len; i++)
		check_volume(g_ptr_array_index(volumes, i), host, target);
}
