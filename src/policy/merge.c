/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy changes of the settings (reference: KubeVirt's MigrationPolicySpec). */
#include <string.h>

#include "base/error.h"
#include "policy/policy.h"

/* Of the settings; `experimental` is merged leaf by leaf by KubeVirt and not obeyed by kvmig. */
static const char *const overriding[] = {
	"bandwidthPerMigration",   "completionTimeoutPerGiB", "allowPostCopy",
	"allowWorkloadDisruption", "allowAutoConverge",       "maxDowntimeMs",
};

gboolean policy_overrides(const char *key)
{
	for (guint i = 0; i < G_N_ELEMENTS(overriding); i++)
		if (strcmp(key, overriding[i]) == 0)
			return TRUE;
	return FALSE;
}

static const cJSON *stated(const Policy *policy, const char *key)
{
	const cJSON *value = json_get(json_get(policy->object, "spec"), key);

	return cJSON_IsNull(value) ? NULL : value;
}

const cJSON *policy_value(const Policy *policy, const char *key, gboolean *ret_shim)
{
	const cJSON *value = policy_overrides(key) ? stated(policy, key) : NULL;
	gboolean shim = !value && strcmp(key, "allowWorkloadDisruption") == 0;

	if (shim)
		value = stated(policy, "allowPostCopy");
	if (ret_shim)
		*ret_shim = shim && value;
	return value;
}

gboolean policy_apply(const Policy *policy, Settings *settings, GError **error)
{
	Settings merged = *settings;

	if (!policy)
		return TRUE;
	for (guint i = 0; i < G_N_ELEMENTS(overriding); i++) {
		const cJSON *value = policy_value(policy, overriding[i], NULL);

		if (value && !settings_override(&merged, overriding[i], value, error)) {
			error_prefix(error, "migration policy '%s'", policy->name);
			error_hint(error, "correct or remove the key in the policy");
			return FALSE;
		}
	}
	*settings = merged;
	return TRUE;
}
