/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig policy explain: every policy ranked for one VM, and the settings that come of it. */
#include "policy-explain.h"

#include <string.h>

#include "model/vmi.h"
#include "model/wellknown.h"
#include "observe.h"

typedef struct {
	int rule;
	GPtrArray *as_if;
	GPtrArray *namespace_labels;
} ExplainValues;

enum { SHOW_IN_FORCE, SHOW_DOCUMENTED, SHOW_KUBEVIRT, SHOW_BOTH };
static const char *const rule_choices[] = { "in-force", "documented", "kubevirt", "both", NULL };

static void question_clear(Question *question)
{
	g_clear_pointer(&question->best_scope, policy_scope_free);
	policies_clear(&question->policies);
	cJSON_Delete(question->vm);
	cJSON_Delete(question->project);
	config_owner_free(question->owner);
	cJSON_Delete(question->vm_labels);
	cJSON_Delete(question->project_labels);
	cJSON_Delete(question->project_given);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Question, question_clear)

/* ---- gathering ------------------------------------------------------------------------------ */

/* given: notes each change, one that takes a label away as null; or NULL. */
static gboolean change_map(cJSON *labels, cJSON *given, const GPtrArray *texts, const char *option,
			   GError **error)
{
	for (guint i = 0; i < texts->len; i++) {
		g_autofree char *key = NULL;
		g_autofree char *value = NULL;

		if (!labels_parse_change(g_ptr_array_index(texts, i), &key, &value, error)) {
			error_prefix(error, "%s", option);
			return error_usage(error);
		}
		json_set_string(labels, key, value);
		if (given)
			json_set(given, key,
				 value ? cJSON_CreateString(value) : cJSON_CreateNull());
	}
	return TRUE;
}

/* Neither VMI nor VM has that name: among all VMIs, for what is near. Who may not list them is told
 * that there is none. */
static gboolean search(const CommandContext *context, Question *question, GError **error)
{
	g_autoptr(GError) cause = NULL;

	question->vm = observe_find_vmi(context, context->args[0], &cause);
	question->runs = question->vm != NULL;
	if (question->vm)
		return TRUE;
	if (error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		return error_set(error, KVMIG_ERROR_NOT_FOUND,
				 "there is no VM '%s' in namespace '%s'", context->args[0],
				 context->ns);
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

/* A VM that does not run has no VMI there: its template says what one would have. */
static gboolean find_on_kubevirt(const CommandContext *context, Question *question, GError **error)
{
	const char *name = context->args[0];
	g_autoptr(GError) cause = NULL;

	question->vm = cluster_get(context->cluster, &KIND_VMI, context->ns, name, &cause);
	question->runs = question->vm != NULL;
	if (!question->vm && error_code(cause) == KVMIG_ERROR_NOT_FOUND) {
		g_clear_error(&cause);
		question->vm = cluster_get(context->cluster, &KIND_VM, context->ns, name, &cause);
		if (cause && error_code(cause) == KVMIG_ERROR_NOT_FOUND)
			return search(context, question, error);
		error_prefix(&cause, "'%s' does not run, and its template is not to be seen", name);
	}
	if (!cause)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static gboolean find_here(const CommandContext *context, Question *question, GError **error)
{
	question->vm = observe_find_vmi(context, context->args[0], error);
	question->runs = TRUE;
	return question->vm != NULL;
}

static gboolean find_vm(const CommandContext *context, Question *question, GError **error)
{
	const cJSON *labels;

	if (cluster_caps(context->cluster)->kvmig_migrates
		    ? !find_here(context, question, error)
		    : !find_on_kubevirt(context, question, error))
		return FALSE;
	labels = question->runs
			 ? object_labels(question->vm)
			 : json_path(question->vm, "spec", "template", "metadata", "labels", NULL);
	question->vm_labels = labels ? cJSON_Duplicate(labels, TRUE) : cJSON_CreateObject();
	/* that of the migration before */
	json_unset(question->vm_labels, LABEL_MIGRATION_TARGET_NODE_NAME);
	return TRUE;
}

static gboolean find_project(const CommandContext *context, Question *question, GError **error)
{
	const cJSON *labels;

	if (!namespace_labels(context->cluster, object_namespace(question->vm), &question->project,
			      &question->project_known, error))
		return FALSE;
	labels = object_labels(question->project);
	question->project_labels = labels ? cJSON_Duplicate(labels, TRUE) : cJSON_CreateObject();
	question->project_given = cJSON_CreateObject();
	return TRUE;
}

static gboolean find_settings(const CommandContext *context, Question *question, GError **error)
{
	g_autoptr(GError) cause = NULL;

	question->owner = config_owner_find(context->cluster, &cause);
	/* no KubeVirt object: nobody has set anything */
	question->settings_known = question->owner || error_code(cause) == KVMIG_ERROR_NOT_FOUND;
	if (question->settings_known || error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static void match(Question *question)
{
	PolicySet *set = question->policies.set;
	g_autoptr(PolicyScope) scope = policy_scope_new(set, question->project_labels);

	question->verdict = policy_match(set, scope, question->vm_labels);
	question->best_scope = question->project_known
				       ? policy_scope_new(set, question->project_labels)
				       : policy_scope_any(set, question->project_given);
	policy_scope_set_ahead(question->best_scope);
	question->at_best = policy_match(set, question->best_scope, question->vm_labels);
}

static gboolean ask(const CommandContext *context, const ExplainValues *options, Question *question,
		    GError **error)
{
	if (!find_vm(context, question, error) || !find_project(context, question, error) ||
	    !find_settings(context, question, error) ||
	    !policies_read(context->cluster, &question->policies, error) ||
	    !change_map(question->vm_labels, NULL, options->as_if, "--as-if", error) ||
	    !change_map(question->project_labels, question->project_given,
			options->namespace_labels, "--namespace-label", error))
		return FALSE;
	question->platform = policy_platform(context->cluster);
	question->in_force = question->platform.in_force;
	match(question);
	return TRUE;
}

static gboolean shows(const Question *question, const ExplainValues *options, PolicyRule rule)
{
	switch (options->rule) {
	case SHOW_BOTH:
		return TRUE;
	case SHOW_DOCUMENTED:
		return rule == POLICY_RULE_DOCUMENTED;
	case SHOW_KUBEVIRT:
		return rule == POLICY_RULE_KUBEVIRT;
	default:
		return rule == question->in_force;
	}
}

static void say_rules_differ(const CommandContext *context, const Question *question)
{
	const char *documented = question_winner(question, POLICY_RULE_DOCUMENTED);
	const char *kubevirt = question_winner(question, POLICY_RULE_KUBEVIRT);

	if (g_strcmp0(documented, kubevirt) != 0 &&
	    question_is_certain(question, POLICY_RULE_DOCUMENTED) &&
	    question_is_certain(question, POLICY_RULE_KUBEVIRT))
		say_warning(
			context,
			"by the documents '%s' applies, by KubeVirt's code '%s'; in force here: "
			"%s",
			documented ? documented : "none", kubevirt ? kubevirt : "none",
			policy_rule_name(question->in_force));
}

/* What the verdict rests on, and where it is not the only one. */
static void say_limits(const CommandContext *context, const Question *question)
{
	if (!question->runs)
		say_warning(context, "'%s' does not run: the labels are those of its template",
			    object_name(question->vm));
	if (!question->project_known)
		say_warning(context,
			    "the labels of project '%s' cannot be read with your rights: %s",
			    object_namespace(question->vm),
			    question_is_certain(question, question->in_force)
				    ? "no policy that looks at them goes before the one that "
				      "applies, if one does"
				    : "a policy that looks at them may apply");
	if (question_hangs_on_handover(question))
		say_warning(context,
			    "which policy applies hangs on where the VM "
			    "goes%s: " LABEL_MIGRATION_TARGET_NODE_NAME
			    "%s is set when a migration "
			    "is handed over; --as-if answers for one",
			    question->runs ? "" : ", and where it runs",
			    question->runs ? "" : ", as " LABEL_NODE_NAME " when it starts,");
	if (!question->settings_known)
		say_warning(context, "the cluster's settings cannot be read with your rights: only "
				     "what the policy says is known");
	for (guint i = 0; question->owner && i < question->owner->notes->len; i++)
		say_warning(context, "%s", (const char *)question->owner->notes->pdata[i]);
	say_rules_differ(context, question);
}

static int run_explain(CommandContext *context, const void *values, GError **error)
{
	const ExplainValues *options = values;
	g_autoptr(GPtrArray) policies =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);
	g_autoptr(GPtrArray) settings =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))cJSON_Delete);
	g_auto(Question) question = { 0 };

	if (!ask(context, options, &question, error))
		return STATUS_FAILED;
	for (PolicyRule rule = 0; rule < POLICY_RULES; rule++)
		if (shows(&question, options, rule))
			question_add_policies(&question, rule, policies);
	question_add_settings(&question, settings);
	say_limits(context, &question);
	switch (context->output->format) {
	case OUTPUT_TABLE:
	case OUTPUT_WIDE:
		question_print_tables(context, &question, options->rule == SHOW_BOTH, policies,
				      settings);
		break;
	case OUTPUT_NAME:
		if (question_winner(&question, question.in_force))
			(void)fprintf(context->output->stream,
				      "migrationpolicy.migrations.kubevirt.io/%s\n",
				      question_winner(&question, question.in_force));
		break;
	default:
		question_print_document(context, &question, policies, settings);
	}
	return STATUS_DONE;
}

static const Option explain_options[] = {
	OPT_CHOICE(0, "rule", ExplainValues, rule, "RULE", "rank by this rule of precedence",
		   rule_choices, .defval = "in-force"),
	OPT_LIST(0, "as-if", ExplainValues, as_if, "K=V",
		 "as if the VM had this label (k-: lacked)"),
	OPT_LIST(0, "namespace-label", ExplainValues, namespace_labels, "K=V",
		 "as if the project had this label (k-: lacked)"),
	OPT_END,
};

static const char *const examples[] = { "kvmig policy explain web-1",
					"kvmig policy explain web-1 --as-if tier=gold --rule both",
					NULL };

const Command policy_explain_command = {
	.name = "explain",
	.summary = "tell which policy applies to a VM, and why not the others",
	.options = explain_options,
	.values_size = sizeof(ExplainValues),
	.args = { "VM", 1, 1, COMPLETE_VM },
	.needs = NEED_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE,
	.run = run_explain,
	.examples = examples,
};
