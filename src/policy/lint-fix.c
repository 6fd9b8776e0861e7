/* SPDX-License-Identifier: Apache-2.0 */
/* The command that mends a pair of policies of which only chance says which one applies. */
#include <string.h>

#include "model/object.h"
#include "policy/gated.h"
#include "policy/set.h"

#define NAME_MAX_LENGTH 253 /* of a DNS subdomain */

/* The labels of one part of both; they agree where both ask for a key. */
static void add_labels(GString *command, const char *option, const PolicyLabel *a, guint n_a,
		       const PolicyLabel *b, guint n_b)
{
	guint n = 0;

	for (guint i = 0, j = 0; i < n_a || j < n_b; n++) {
		int order = i == n_a ? 1 : j == n_b ? -1 : strcmp(a[i].key, b[j].key);
		const PolicyLabel *label = order <= 0 ? &a[i] : &b[j];

		g_string_append_printf(command, "%s%s=%s", n ? "," : option, label->key,
				       label->value);
		i += order <= 0;
		j += order >= 0;
	}
}

/* Behind a gate that is off it does nothing, and a new policy would be refused for it. */
static gboolean is_gated_off(const PolicyPlatform *platform, const char *name)
{
	const PolicyGated *field = platform->has_gates ? policy_gated_find(name) : NULL;

	return field && gate_state_any(platform->kubevirt, field->gates) == GATE_OFF;
}

static void add_settings(GString *command, const Policy *policy, const PolicyPlatform *platform)
{
	g_auto(GStrv) names = policy_field_names();

	for (char **name = names; *name; name++) {
		g_auto(GStrv) words = g_strsplit(*name, ".", -1);
		const cJSON *value = json_get(policy->object, "spec");
		g_autofree char *text = NULL;

		for (char **word = words; *word; word++)
			value = json_get(value, *word);
		if (!value || cJSON_IsNull(value) || is_gated_off(platform, *name))
			continue;
		text = cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);
		g_string_append_printf(command, " --set %s=%s", *name, text);
	}
}

char *policy_fix_pair(const PolicySet *set, const Policy *winner, const Policy *loser,
		      const PolicyPlatform *platform)
{
	g_autofree char *name = g_strdup_printf("%s-%s", winner->name, loser->name);
	g_autoptr(GString) command = g_string_new("kvmig policy create ");

	if (strlen(name) > NAME_MAX_LENGTH || policy_set_find(set, name))
		return g_strdup_printf("kvmig policy edit %s", loser->name);
	g_string_append(command, name);
	add_labels(command, " --vm-label ", winner->labels, winner->n_vm, loser->labels,
		   loser->n_vm);
	add_labels(command, " --project-label ", winner->labels + winner->n_vm, winner->n_ns,
		   loser->labels + loser->n_vm, loser->n_ns);
	add_settings(command, winner, platform);
	return g_string_free(g_steal_pointer(&command), FALSE);
}
