/* SPDX-License-Identifier: Apache-2.0 */
/* On fleet and local clusters the hosts themselves are looked at, VM by VM. */
#include "check.h"

#include "base/clock.h"

gboolean check_looking_open(const CommandContext *context, gboolean others, CheckLooking *looking,
			    GError **error)
{
	if (!cluster_caps(context->cluster)->kvmig_migrates)
		return TRUE;
	looking->hyper = hyper_new(NULL, NULL, clock_real(), NULL, NULL);
	looking->hosts = check_hosts_new(context->cluster, looking->hyper, others, error);
	return looking->hosts != NULL;
}

void check_looking_add(const CheckLooking *looking, const cJSON *vmi)
{
	const char *phase = json_string(json_get(vmi, "status"), "phase", "");

	if (looking->hosts && g_str_equal(phase, "Running"))
		check_hosts_add(looking->hosts, vmi);
}

void check_looking_finish(const CheckLooking *looking, GPtrArray *findings)
{
	if (looking->hosts)
		check_hosts_finish(looking->hosts, findings);
}

void check_looking_clear(CheckLooking *looking)
{
	g_clear_pointer(&looking->hosts, check_hosts_free);
	g_clear_pointer(&looking->hyper, hyper_free);
}
