/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a policy that KubeVirt has behind feature gates. */
#include "policy/gated.h"

#include <string.h>

#include "base/error.h"

static const char *const either[] = { GATE_STALL_DETECTION, GATE_DOWNTIME_TUNING, NULL };
static const char *const stall_detection[] = { GATE_STALL_DETECTION, NULL };
static const char *const downtime_tuning[] = { GATE_DOWNTIME_TUNING, NULL };

static const struct {
	const char *parent; /* in spec; NULL: spec itself */
	PolicyGated field;
} gated[] = {
	{ NULL, { "maxDowntimeMs", "maxDowntimeMs", either } },
	{ "experimental", { "stallDetector", "experimental.stallDetector", stall_detection } },
	{ "experimental", { "downtimeTuning", "experimental.downtimeTuning", downtime_tuning } },
};

static const cJSON *value_in(const cJSON *object, guint i)
{
	const cJSON *spec = json_get(object, "spec");
	const cJSON *in = gated[i].parent ? json_get(spec, gated[i].parent) : spec;
	const cJSON *value = json_get(in, gated[i].field.key);

	return cJSON_IsNull(value) ? NULL : value;
}

const PolicyGated *policy_gated_next(const cJSON *object, const cJSON *before, guint *at)
{
	while (*at < G_N_ELEMENTS(gated)) {
		const guint i = (*at)++;
		const cJSON *value = value_in(object, i);

		if (value && !json_equal(value, value_in(before, i)))
			return &gated[i].field;
	}
	return NULL;
}

const PolicyGated *policy_gated_find(const char *path)
{
	for (guint i = 0; i < G_N_ELEMENTS(gated); i++) {
		const PolicyGated *field = &gated[i].field;
		gsize length = strlen(field->path);

		if (strncmp(path, field->path, length) == 0 &&
		    (path[length] == '\0' || path[length] == '.'))
			return field;
	}
	return NULL;
}

gboolean policy_check_gates(const cJSON *object, const cJSON *before, const cJSON *kubevirt,
			    GError **error)
{
	g_autoptr(GString) all = g_string_new(NULL);
	const PolicyGated *field;
	guint at = 0;

	while ((field = policy_gated_next(object, before, &at))) {
		g_autofree char *text = NULL;

		if (gate_state_any(kubevirt, field->gates) != GATE_OFF)
			continue;
		text = gate_text(kubevirt, field->gates);
		g_string_append_printf(all, "%sspec.%s needs %s", all->len ? "; " : "", field->path,
				       text);
	}
	if (!all->len)
		return TRUE;
	error_set(error, KVMIG_ERROR_INVALID, "%s", all->str);
	error_hint(error, "leave it out, or have an admin put the gate into the KubeVirt object's "
			  "spec.configuration.developerConfiguration.featureGates");
	return FALSE;
}
