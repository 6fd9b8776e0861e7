/* SPDX-License-Identifier: Apache-2.0 */
#include "config/practice.h"

#include "settings/gates.h"

gint64 config_applied_mib(const ConfigOwner *owner, gint64 bytes_per_second)
{
	const gint64 mib = 1048576;
	const gint64 whole = bytes_per_second / mib, rest = bytes_per_second % mib;

	if (cluster_caps(owner->cluster)->kvmig_migrates || whole == 0)
		return whole + (rest != 0);
	return whole + (rest >= mib / 2);
}

gint64 config_budget(const ConfigOwner *owner, const Settings *settings, gint64 bytes)
{
	const gint64 per_gib = settings->completion_timeout_per_gib;

	return cluster_caps(owner->cluster)->kind == CLUSTER_KUBEVIRT
		       ? settings_completion_budget_kubevirt(per_gib, bytes)
		       : settings_completion_budget_documented(per_gib, bytes);
}

static gboolean stall_detection(const ConfigOwner *owner)
{
	return gate_state(config_owner_kubevirt(owner), GATE_STALL_DETECTION) == GATE_ON;
}

const char *config_late_action(const ConfigOwner *owner, const Settings *settings)
{
	/* kvmig's engine knows nothing else yet */
	if (cluster_caps(owner->cluster)->kvmig_migrates)
		return "cancelled";
	/* in stall detection KubeVirt asks for allowPostCopy alone */
	if (settings->allow_post_copy && stall_detection(owner))
		return "switched to post-copy";
	if (!settings->allow_workload_disruption)
		return "cancelled";
	return settings->allow_post_copy ? "switched to post-copy"
					 : "paused until the copy is done";
}

static char *practice_of_bandwidth(const ConfigOwner *owner, const Settings *settings)
{
	const gint64 rate = settings->bandwidth_bytes_per_second;

	if (rate == 0)
		return g_strdup("no cap: as fast as the network");
	return g_strdup_printf("%" G_GINT64_FORMAT " bytes/s, %.3g Gbit/s; applied as "
			       "%" G_GINT64_FORMAT " MiB/s",
			       rate, (double)rate * 8 / 1e9, config_applied_mib(owner, rate));
}

static char *practice_of_timeout(const ConfigOwner *owner, const Settings *settings)
{
	const gint64 bytes = (gint64)CONFIG_EXAMPLE_GIB << 30;
	const gint64 seconds = config_budget(owner, settings, bytes);
	const gint64 documented =
		settings_completion_budget_documented(settings->completion_timeout_per_gib, bytes);
	const char *action = config_late_action(owner, settings);

	if (seconds == 0)
		return g_strdup("no limit: a migration may go on for ever");
	if (seconds == documented)
		return g_strdup_printf("a %d GiB VM: %s after %" G_GINT64_FORMAT " s",
				       CONFIG_EXAMPLE_GIB, action, seconds);
	return g_strdup_printf("a %d GiB VM: %s after %" G_GINT64_FORMAT
			       " s (the documents say %" G_GINT64_FORMAT " s)",
			       CONFIG_EXAMPLE_GIB, action, seconds, documented);
}

static char *practice_of_progress(const ConfigOwner *owner, const Settings *settings)
{
	/* which cancels by rules of its own */
	if (stall_detection(owner))
		return g_strdup("does nothing: the feature gate " GATE_STALL_DETECTION " is on");
	if (settings->progress_timeout_seconds == 0)
		return g_strdup("never cancelled for want of progress");
	return g_strdup_printf("cancelled after %" G_GINT64_FORMAT " s without progress",
			       settings->progress_timeout_seconds);
}

static char *practice_of_count(gint64 count, const char *where)
{
	if (count == 0)
		return g_strdup("none ever starts");
	return g_strdup_printf("at most %" G_GINT64_FORMAT " at once %s", count, where);
}

static char *practice_of_downtime(const ConfigOwner *owner)
{
	static const char *const gates[] = { GATE_STALL_DETECTION, GATE_DOWNTIME_TUNING, NULL };
	const cJSON *kubevirt = config_owner_kubevirt(owner);
	g_autofree char *text = NULL;

	if (gate_state_any(kubevirt, gates) != GATE_OFF)
		return NULL;
	text = gate_text(kubevirt, gates);
	return g_strdup_printf("does nothing without %s", text);
}

static char *practice_of_post_copy(const ConfigOwner *owner, const Settings *settings)
{
	if (!settings->allow_post_copy)
		return NULL;
	return g_strdup(settings->allow_workload_disruption || stall_detection(owner)
				? "out of time: switched to post-copy, which has no way back"
				: "does nothing: allowWorkloadDisruption is false");
}

char *config_practice(const ConfigOwner *owner, const Setting *setting, const Settings *settings)
{
	const char *key = setting->key;

	if (g_str_equal(key, "bandwidthPerMigration"))
		return practice_of_bandwidth(owner, settings);
	if (g_str_equal(key, "completionTimeoutPerGiB"))
		return practice_of_timeout(owner, settings);
	if (g_str_equal(key, "parallelMigrationsPerCluster"))
		return practice_of_count(settings->parallel_per_cluster, "in the cluster");
	if (g_str_equal(key, "parallelOutboundMigrationsPerNode"))
		return practice_of_count(settings->parallel_outbound_per_node, "leave a node");
	if (g_str_equal(key, "progressTimeout"))
		return practice_of_progress(owner, settings);
	if (g_str_equal(key, "allowPostCopy"))
		return practice_of_post_copy(owner, settings);
	if (g_str_equal(key, "maxDowntimeMs"))
		return practice_of_downtime(owner);
	if (g_str_equal(key, "allowWorkloadDisruption"))
		return g_strdup_printf("out of time: %s", config_late_action(owner, settings));
	return NULL;
}
