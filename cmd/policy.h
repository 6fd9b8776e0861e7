/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of `kvmig policy` share. */
#pragma once

#include "cmd.h"

#include "model/manifest.h"
#include "policy/policy.h"

typedef struct {
	GPtrArray *objects; /* MigrationPolicy */
	PolicySet *set;     /* of objects */
} Policies;

gboolean policies_read(Cluster *cluster, Policies *ret_policies, GError **error);
void policies_clear(Policies *policies);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Policies, policies_clear)

/* The rule that decides on this cluster: KubeVirt's code where KubeVirt migrates, else the
 * documents'. */
PolicyRule policy_rule_in_force(const Cluster *cluster);
const char *policy_rule_name(PolicyRule rule); /* "documented", "kubevirt" */

/* "2 VM, 1 project": how many labels of each; free with g_free(). */
char *policy_labels_text(const Policy *policy);

/* The labels of a namespace: *ret_known FALSE where this user may not read it. */
gboolean namespace_labels(Cluster *cluster, const char *ns, cJSON **ret_object, gboolean *ret_known,
			  GError **error);

/* Whether what stands in a file is a policy, and one that the admission takes. INVALID with the
 * place of what is wrong. */
gboolean policy_source_check(const ManifestObject *source, GError **error);

/* Where policy_set_field() refused a key that there is not: the nearest ones. */
void policy_hint_near_field(const char *key, GError **error);

/* What lint and the checks have to know of this cluster, from which it borrows. */
PolicyPlatform policy_platform(const Cluster *cluster);

/* The arguments of --set: KEY=VALUE each. */
gboolean policy_set_fields(cJSON *object, const GPtrArray *texts, GError **error);

/* policy_check(), and the feature gates of a KubeVirt cluster: of what `before` (NULL: nothing) has
 * not. Warns where a gate is not known. */
gboolean policy_check_here(const CommandContext *context, const cJSON *object, const cJSON *before,
			   GError **error);

/* What people should know of a policy that was just stored. */
void policy_warn(const CommandContext *context, const cJSON *object);

extern const Command policy_create_command, policy_edit_command, policy_explain_command,
	policy_lint_command, policy_matches_command, policy_test_command;
