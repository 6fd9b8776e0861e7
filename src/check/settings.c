/* SPDX-License-Identifier: Apache-2.0 */
#include "check/settings.h"

#include "base/shell.h"

static const CheckObject object = { "settings", NULL, NULL };

static gboolean is_on(const cJSON *values, const char *key)
{
	return json_bool(values, key, FALSE);
}

static void judge_limits(const cJSON *values, GPtrArray *findings)
{
	static const char *const keys[] = { "parallelMigrationsPerCluster",
					    "parallelOutboundMigrationsPerNode" };

	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		g_autofree char *fix = g_strdup_printf("'kvmig config unset %s'", keys[i]);

		if (json_int(values, keys[i], 1) == 0)
			check_add(findings, &object, CHECK_BLOCKS, REASON_LINT_CONFIG_LIMIT_ZERO,
				  fix, "%s is 0: no migration ever starts", keys[i]);
	}
}

static void judge_encryption(const cJSON *values, GPtrArray *findings)
{
	if (is_on(values, "disableTLS"))
		check_add(findings, &object, CHECK_WARNING, REASON_CHK_TLS_OFF, NULL,
			  "disableTLS is true: the memory of VMs crosses the network in clear");
}

static void judge_unsafe(const cJSON *values, GPtrArray *findings)
{
	if (is_on(values, "unsafeMigrationOverride"))
		check_add(
			findings, &object, CHECK_WARNING, REASON_CHK_UNSAFE, NULL,
			"unsafeMigrationOverride is true: libvirt's doubts about disks and caches "
			"are passed over");
}

/* Once, whoever allows it first. */
static void tell_userfaultfd(GPtrArray *findings)
{
	static const char text[] = "post-copy needs userfaultfd on the nodes: that cannot be seen "
				   "through the API server";

	for (guint i = 0; i < findings->len; i++)
		if (g_str_equal(((CheckFinding *)g_ptr_array_index(findings, i))->evidence, text))
			return;
	check_add(findings, &object, CHECK_NOTE, REASON_CHK_NOT_SEEN,
		  "on each node: sysctl vm.unprivileged_userfaultfd must be 1, or the seccomp "
		  "profile of KubeVirt in use",
		  "%s", text);
}

static void judge_post_copy(const cJSON *values, gboolean kubevirt, GPtrArray *findings)
{
	if (!kubevirt || !is_on(values, "allowPostCopy"))
		return;
	if (!is_on(values, "allowWorkloadDisruption"))
		check_add(findings, &object, CHECK_WARNING, REASON_LINT_CONFIG_POST_COPY_ALONE,
			  "'kvmig config set allowWorkloadDisruption=true', which also permits "
			  "pausing the guest",
			  "allowPostCopy is true and allowWorkloadDisruption is not: what is late "
			  "is cancelled, not switched to post-copy");
	tell_userfaultfd(findings);
}

void check_policy(const char *name, gboolean post_copy, gboolean disruption, GPtrArray *findings)
{
	const CheckObject policy = { "policy", NULL, name };
	g_autofree char *word = shell_word(name);
	g_autofree char *fix = g_strdup_printf(
		"'kvmig policy edit %s --set allowWorkloadDisruption=true', which also permits "
		"pausing the guests",
		word);

	if (!post_copy)
		return;
	if (!disruption)
		check_add(findings, &policy, CHECK_WARNING, REASON_LINT_CONFIG_POST_COPY_ALONE, fix,
			  "VMs that it applies to have allowPostCopy without "
			  "allowWorkloadDisruption: what is late is cancelled, not switched to "
			  "post-copy");
	tell_userfaultfd(findings);
}

void check_settings(const cJSON *values, gboolean kubevirt, GPtrArray *findings)
{
	judge_limits(values, findings);
	judge_encryption(values, findings);
	judge_unsafe(values, findings);
	judge_post_copy(values, kubevirt, findings);
}
