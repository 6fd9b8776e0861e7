/* SPDX-License-Identifier: Apache-2.0 */
/* The answer of `kvmig policy explain`: settings in rows, tables, and a document. */
#include "policy-explain.h"

#include "engine/engine.h"
#include "observe.h"
#include "policy/gated.h"

/* ---- the settings --------------------------------------------------------------------------- */

/* What is in force in the cluster with the policy's values in it: what the texts are made from. */
static cJSON *merged_object(const Question *question, const Policy *policy)
{
	cJSON *object = object_new(&KIND_HYPERCONVERGED, "default", "merged");
	cJSON *map = json_ensure_object(json_ensure_object(object, "spec"), "liveMigrationConfig");
	g_autoptr(cJSON) base = question->owner ? config_effective_object(question->owner) : NULL;

	if (settings_map(base))
		json_merge_patch(map, settings_map(base));
	for (guint i = 0; policy && setting_nth(i); i++) {
		const cJSON *value = policy_value(policy, setting_nth(i)->key, NULL);

		if (value)
			json_set(map, setting_nth(i)->key, cJSON_Duplicate(value, TRUE));
	}
	return object;
}

static const char *note_on(const char *key, gboolean shim, const Settings *settings)
{
	if (shim)
		return "set by the policy's allowPostCopy";
	if (g_str_equal(key, "allowPostCopy") && settings->allow_post_copy &&
	    !settings->allow_workload_disruption)
		return "does not fire: allowWorkloadDisruption is false";
	return NULL;
}

/* That somebody set it is no use where the engine does not act on it, or KubeVirt only behind a
 * feature gate that is not known to be on. NULL: it has an effect. */
static char *why_idle(const Question *question, const char *key)
{
	const PolicyGated *field = question->platform.has_gates ? policy_gated_find(key) : NULL;
	g_autofree char *text = NULL;

	if (question->in_force == POLICY_RULE_DOCUMENTED)
		return engine_obeys(key) ? NULL : g_strdup("no effect on this cluster yet");
	if (!field || gate_state_any(question->platform.kubevirt, field->gates) == GATE_ON)
		return NULL;
	text = gate_text(question->platform.kubevirt, field->gates);
	return g_strdup_printf("no effect without %s", text);
}

static void set_note(cJSON *row, const char *note, const char *idle)
{
	g_autofree char *both = note && idle ? g_strdup_printf("%s; %s", note, idle) : NULL;

	json_set_string(row, "note", both ? both : idle ? idle : note);
}

/* Whether an object of the cluster says so, and no default. */
static gboolean set_in_cluster(const Question *question, const Setting *setting)
{
	g_auto(ConfigValue) value = { 0 };

	if (!question->owner)
		return FALSE;
	config_value(question->owner, setting, &value);
	return value.origin != CONFIG_FROM_DEFAULT && value.origin != CONFIG_FROM_SCHEMA;
}

static cJSON *setting_row(const Question *question, const Setting *setting, const Policy *policy,
			  const cJSON *merged, const Settings *settings)
{
	gboolean shim = FALSE;
	gboolean by_policy = policy && policy_value(policy, setting->key, &shim) != NULL;
	const gboolean by_cluster = set_in_cluster(question, setting);
	g_autofree char *text = settings_effective_text(setting, merged, NULL);
	g_autofree char *idle = by_policy || by_cluster ? why_idle(question, setting->key) : NULL;
	cJSON *row = cJSON_CreateObject();

	json_set_string(row, "key", setting->key);
	json_set_string(row, "text", text);
	json_set_string(row, "origin",
			by_policy                  ? "policy"
			: by_cluster               ? "cluster"
			: question->settings_known ? "default"
						   : "unknown");
	set_note(row, note_on(setting->key, shim, settings),
		 g_str_equal(text, "false") ? NULL : idle);
	return row;
}

/* By one of the policies that may apply. */
static void add_settings_by(const Question *question, const Policy *policy, GPtrArray *rows)
{
	g_autoptr(cJSON) merged = merged_object(question, policy);
	Settings settings = { 0 };

	(void)settings_read(merged, &settings, NULL);
	for (guint i = 0; setting_nth(i); i++) {
		const Setting *setting = setting_nth(i);

		if (setting->in_documents || policy_overrides(setting->key))
			g_ptr_array_add(rows,
					setting_row(question, setting, policy, merged, &settings));
	}
}

/* What differs between the policies that may apply is not known. */
static void blur(GPtrArray *rows, const GPtrArray *others)
{
	for (guint i = 0; i < rows->len; i++) {
		cJSON *row = g_ptr_array_index(rows, i);

		if (json_equal(row, g_ptr_array_index(others, i)))
			continue;
		json_set_string(row, "text", "?");
		json_set_string(row, "origin", "unknown");
		json_set_string(row, "note", "it depends on which policy applies");
	}
}

static const cJSON *spec_value(const Policy *policy, const char *path)
{
	g_auto(GStrv) words = g_strsplit(path, ".", -1);
	const cJSON *value = policy ? json_get(policy->object, "spec") : NULL;

	for (char **word = words; *word; word++)
		value = json_get(value, *word);
	return value;
}

static char *plain_text(const cJSON *value)
{
	return cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);
}

/* A field that only policies have; without a row where none of those that may apply sets it. */
static void add_experimental(const Question *question, const GPtrArray *candidates, const char *key,
			     GPtrArray *rows)
{
	const cJSON *first = spec_value(candidates->pdata[0], key), *any = first;
	g_autofree char *text = NULL, *idle = NULL;
	gboolean differ = FALSE;
	cJSON *row;

	for (guint i = 1; i < candidates->len; i++) {
		const cJSON *value = spec_value(candidates->pdata[i], key);

		differ |= !json_equal(first, value);
		any = any ? any : value;
	}
	if (!any)
		return;
	text = plain_text(any);
	row = cJSON_CreateObject();
	json_set_string(row, "key", key);
	json_set_string(row, "text", differ ? "?" : text);
	json_set_string(row, "origin", differ ? "unknown" : "policy");
	idle = why_idle(question, key);
	json_set_string(row, "note", differ ? "it depends on which policy applies" : idle);
	g_ptr_array_add(rows, row);
}

static void add_all_experimental(const Question *question, const GPtrArray *candidates,
				 GPtrArray *rows)
{
	g_auto(GStrv) names = policy_field_names();

	for (char **name = names; *name; name++)
		if (g_str_has_prefix(*name, "experimental."))
			add_experimental(question, candidates, *name, rows);
}

void question_add_settings(const Question *question, GPtrArray *rows)
{
	g_autoptr(GPtrArray) candidates = question_candidates(question);

	add_settings_by(question, g_ptr_array_index(candidates, 0), rows);
	for (guint i = 1; i < candidates->len; i++) {
		g_autoptr(GPtrArray) others = g_ptr_array_new_with_free_func(
			(GDestroyNotify)(void (*)(void))cJSON_Delete);

		add_settings_by(question, g_ptr_array_index(candidates, i), others);
		blur(rows, others);
	}
	add_all_experimental(question, candidates, rows);
}

/* ---- printing ------------------------------------------------------------------------------- */

static char *cell_rank(const cJSON *row)
{
	return json_get(row, "rank") ? json_number_text(json_get(row, "rank")) : NULL;
}

static char *cell_policy(const cJSON *row)
{
	return g_strdup(json_string(row, "policy", NULL));
}

static char *cell_rule(const cJSON *row)
{
	return g_strdup(json_string(row, "rule", NULL));
}

static char *cell_labels(const cJSON *row)
{
	return g_strdup_printf("%d+%d", (int)json_int(row, "vmLabels", 0),
			       (int)json_int(row, "projectLabels", 0));
}

/* "tier=gold; project: hpc=True" */
static char *cell_matched(const cJSON *row)
{
	g_autoptr(GString) text = g_string_new(NULL);
	const cJSON *label;
	const char *before = "";

	cJSON_ArrayForEach(label, json_get(row, "matchedVmLabels"))
	{
		g_string_append_printf(text, "%s%s", before, label->valuestring);
		before = ",";
	}
	before = text->len ? "; project: " : "project: ";
	cJSON_ArrayForEach(label, json_get(row, "matchedProjectLabels"))
	{
		g_string_append_printf(text, "%s%s", before, label->valuestring);
		before = ",";
	}
	return text->len ? g_strdup(text->str) : NULL;
}

static char *cell_message(const cJSON *row)
{
	return g_strdup(json_string(row, "message", NULL));
}

static char *cell_key(const cJSON *row)
{
	return g_strdup(json_string(row, "key", NULL));
}

static char *cell_text(const cJSON *row)
{
	return g_strdup(json_string(row, "text", NULL));
}

static char *cell_origin(const cJSON *row)
{
	return g_strdup(json_string(row, "origin", NULL));
}

static char *cell_note(const cJSON *row)
{
	return g_strdup(json_string(row, "note", NULL));
}

static const OutputColumn policy_columns[] = {
	{ "RULE", FALSE, FALSE, cell_rule },
	{ "RANK", FALSE, TRUE, cell_rank },
	{ "POLICY", FALSE, FALSE, cell_policy },
	{ "LABELS", FALSE, FALSE, cell_labels },
	{ "MATCHED", TRUE, FALSE, cell_matched },
	{ "WHY", FALSE, FALSE, cell_message },
	{ NULL, FALSE, FALSE, NULL },
};

static const OutputColumn setting_columns[] = {
	{ "SETTING", FALSE, FALSE, cell_key },
	{ "VALUE", FALSE, FALSE, cell_text },
	{ "ORIGIN", FALSE, FALSE, cell_origin },
	{ "NOTE", FALSE, FALSE, cell_note },
	{ NULL, FALSE, FALSE, NULL },
};

void question_print_tables(const CommandContext *context, const Question *question,
			   gboolean both_rules, const GPtrArray *policies,
			   const GPtrArray *settings)
{
	const OutputSpec policy_spec = {
		.columns = both_rules ? policy_columns : policy_columns + 1,
	};
	const OutputSpec setting_spec = { .columns = setting_columns };
	g_autofree char *applies = question_applies_text(question);

	show_field(context, "VM", object_name(question->vm));
	show_field(context, "Project", object_namespace(question->vm));
	show_field(context, "Policy", applies);
	(void)fputc('\n', context->output->stream);
	if (policies->len) {
		output_rows(context->output, &policy_spec, policies);
		(void)fputc('\n', context->output->stream);
	}
	output_rows(context->output, &setting_spec, settings);
}

static void add_candidates(cJSON *document, const Question *question)
{
	g_autoptr(GPtrArray) candidates = question_candidates(question);
	cJSON *list = json_ensure_array(document, "mayApply");

	for (guint i = 0; i < candidates->len; i++) {
		const Policy *policy = g_ptr_array_index(candidates, i);

		if (policy)
			cJSON_AddItemToArray(list, cJSON_CreateString(policy->name));
	}
}

void question_print_document(const CommandContext *context, const Question *question,
			     const GPtrArray *policies, const GPtrArray *settings)
{
	g_autoptr(cJSON) document = cJSON_CreateObject();
	cJSON *list;

	json_set_string(document, "vm", object_name(question->vm));
	json_set_string(document, "namespace", object_namespace(question->vm));
	json_set_bool(document, "running", question->runs);
	json_set_bool(document, "projectLabelsKnown", question->project_known);
	json_set_string(document, "ruleInForce", policy_rule_name(question->in_force));
	json_set_bool(document, "certain", question_is_certain(question, question->in_force));
	json_set_string(document, "policy", question_winner(question, question->in_force));
	json_set_string(document, "documentedPolicy",
			question_winner(question, POLICY_RULE_DOCUMENTED));
	json_set_string(document, "kubevirtPolicy",
			question_winner(question, POLICY_RULE_KUBEVIRT));
	add_candidates(document, question);
	list = json_ensure_array(document, "policies");
	for (guint i = 0; i < policies->len; i++)
		cJSON_AddItemToArray(list, cJSON_Duplicate(policies->pdata[i], TRUE));
	list = json_ensure_array(document, "settings");
	for (guint i = 0; i < settings->len; i++)
		cJSON_AddItemToArray(list, cJSON_Duplicate(settings->pdata[i], TRUE));
	output_document(context->output, "PolicyExplanation", document);
}
