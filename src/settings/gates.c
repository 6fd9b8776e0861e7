/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/gates.h"

#include <string.h>

/* Minor numbers of releases 1.N. */
#define RELEASE_UNKNOWN 0
#define RELEASE_NEWEST 10        /* that the table knows */
#define RELEASE_DISABLED_GATES 8 /* has disabledFeatureGates */
#define RELEASE_BETA_MEANS_ON                                                                      \
	9 /* before, Beta was off until listed, too; what is not                                   \
	   * registered is off even where it is listed */
#define NEVER G_MAXUINT

/* The first release in which it is so. */
static const struct {
	const char *name;
	guint registered, beta, ga;
} gates_known[] = {
	{ GATE_STALL_DETECTION, 9, NEVER, NEVER }, { GATE_DOWNTIME_TUNING, 10, NEVER, NEVER },
	{ GATE_VGPU_MIGRATION, 9, NEVER, NEVER },  { GATE_DECENTRALIZED, 6, 10, NEVER },
	{ GATE_PRIORITY_QUEUE, 7, 8, 9 },          { GATE_ROLE_AGGREGATION, 8, 9, NEVER },
};

static gssize find_gate(const char *gate)
{
	for (gsize i = 0; i < G_N_ELEMENTS(gates_known); i++)
		if (strcmp(gates_known[i].name, gate) == 0)
			return (gssize)i;
	return -1;
}

/* ---- the release ---------------------------------------------------------------------------- */

/* A build between two releases, as git names it: "v1.9.0-beta.0-1264-gd923fdb". What it has of the
 * next release its name does not tell. */
static gboolean is_between_releases(const char *version)
{
	return g_regex_match_simple("-[0-9]+-g[0-9a-f]+", version, 0, 0);
}

/* 1 and 9 for "v1.9.0". Some distributors write a checksum or a number of their own. */
static gboolean parse_version(const char *version, guint64 *ret_major, guint64 *ret_minor)
{
	g_auto(GStrv) parts = NULL;

	if (!version || is_between_releases(version))
		return FALSE;
	parts = g_strsplit(version[0] == 'v' ? version + 1 : version, ".", 3);
	return g_strv_length(parts) == 3 &&
	       g_ascii_string_to_unsigned(parts[0], 10, 0, 1, ret_major, NULL) &&
	       g_ascii_string_to_unsigned(parts[1], 10, 0, 999, ret_minor, NULL);
}

/* 9 for "v1.9.0". */
static guint parse_release(const char *version)
{
	guint64 major, minor;

	return parse_version(version, &major, &minor) && major == 1 ? (guint)minor
								    : RELEASE_UNKNOWN;
}

static guint release_of(const cJSON *kubevirt)
{
	const cJSON *status = json_get(kubevirt, "status");
	guint release = parse_release(json_string(status, "observedKubeVirtVersion", NULL));

	return release ? release : parse_release(json_string(status, "operatorVersion", NULL));
}

gboolean gate_release_before(const cJSON *kubevirt, guint minor)
{
	const cJSON *status = json_get(kubevirt, "status");
	guint64 major, number;

	if (!parse_version(json_string(status, "observedKubeVirtVersion", NULL), &major, &number) &&
	    !parse_version(json_string(status, "operatorVersion", NULL), &major, &number))
		return FALSE;
	/* 0.0 is nobody's release, but what a build may call itself */
	return major == 1 ? number < minor : number > 0;
}

/* ---- the state ------------------------------------------------------------------------------ */

static gboolean lists(const cJSON *kubevirt, const char *list, const char *gate)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, json_path(kubevirt, "spec", "configuration",
					    "developerConfiguration", list, NULL))
	{
		if (cJSON_IsString(entry) && strcmp(entry->valuestring, gate) == 0)
			return TRUE;
	}
	return FALSE;
}

/* Of a release that the table does not know: it may have made the gate Beta, or grown up. */
static GateState state_elsewhere(const cJSON *kubevirt, const char *gate)
{
	return lists(kubevirt, "featureGates", gate) ? GATE_ON : GATE_UNKNOWN;
}

GateState gate_state(const cJSON *kubevirt, const char *gate)
{
	const guint release = release_of(kubevirt);
	const gssize i = find_gate(gate);

	if (!kubevirt)
		return GATE_UNKNOWN;
	if (i >= 0 && release >= gates_known[i].ga)
		return GATE_ON;
	if (i < 0 || release == RELEASE_UNKNOWN || release > RELEASE_NEWEST)
		return state_elsewhere(kubevirt, gate);
	if (release < gates_known[i].registered)
		return GATE_OFF; /* before RELEASE_BETA_MEANS_ON it counts as on, and nothing asks
				  */
	if (lists(kubevirt, "featureGates", gate))
		return GATE_ON;
	if (release >= RELEASE_DISABLED_GATES && lists(kubevirt, "disabledFeatureGates", gate))
		return GATE_OFF;
	return release >= RELEASE_BETA_MEANS_ON && release >= gates_known[i].beta ? GATE_ON
										  : GATE_OFF;
}

GateState gate_state_any(const cJSON *kubevirt, const char *const *gates)
{
	GateState best = GATE_OFF;

	for (; *gates; gates++) {
		GateState state = gate_state(kubevirt, *gates);

		if (state == GATE_ON)
			return GATE_ON;
		if (state == GATE_UNKNOWN)
			best = GATE_UNKNOWN;
	}
	return best;
}

/* ---- in words ------------------------------------------------------------------------------- */

/* The first release that has any of them; 0: not known. */
static guint first_release(const char *const *gates)
{
	guint first = NEVER;

	for (; *gates; gates++) {
		gssize i = find_gate(*gates);

		if (i < 0)
			return RELEASE_UNKNOWN;
		first = MIN(first, gates_known[i].registered);
	}
	return first;
}

char *gate_text(const cJSON *kubevirt, const char *const *gates)
{
	g_autofree char *names = g_strjoinv(" or ", (GStrv)gates);
	const guint release = release_of(kubevirt), first = first_release(gates);
	const gboolean one = !gates[0] || !gates[1];

	switch (gate_state_any(kubevirt, gates)) {
	case GATE_ON:
		return g_strdup_printf("the feature gate %s, which is on", names);
	case GATE_OFF:
		if (release < first)
			return g_strdup_printf("the feature gate %s, which KubeVirt 1.%u does not "
					       "have (1.%u brings it)",
					       names, release, first);
		return g_strdup_printf("the feature gate %s, which %s off in this KubeVirt 1.%u",
				       names, one ? "is" : "are", release);
	case GATE_UNKNOWN:
		break;
	}
	return g_strdup_printf("the feature gate %s: whether %s on cannot be told %s", names,
			       one ? "it is" : "one of them is",
			       kubevirt ? "in this release" : "without the KubeVirt object");
}
