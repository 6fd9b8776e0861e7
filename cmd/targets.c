/* SPDX-License-Identifier: Apache-2.0 */
/* kvmig targets: which nodes can take a VM, and every reason why each other one cannot. */
#include "targets.h"

#include <string.h>

#include "cli/option.h"
#include "model/quantity.h"
#include "model/wellknown.h"
#include "node-selector.h"
#include "observe.h"

typedef struct {
	const char *node, *node_selector;
} TargetsValues;

static const Option options[] = {
	OPT_STRING(0, "node", TargetsValues, node, "NODE", "as if this node were asked for",
		   .complete = COMPLETE_NODE),
	OPT_STRING(0, "node-selector", TargetsValues, node_selector, "K=V,...",
		   "as if a node with these labels were asked for",
		   .complete = COMPLETE_NODE_LABEL),
	OPT_END,
};

/* ---- the VM ---------------------------------------------------------------------------------- */

static gboolean refuse_not_running(const char *name, const char *phase, GError **error)
{
	error_set(error, KVMIG_ERROR_REFUSED,
		  "VM '%s' is not running%s%s%s: there is nothing to migrate, and where it would "
		  "start is the scheduler's choice, not a migration's",
		  name, phase ? " (" : "", phase ? phase : "", phase ? ")" : "");
	error_reason(error, REASON_BLK_NOT_RUNNING);
	error_hint(error, "%s", reason_find(REASON_BLK_NOT_RUNNING)->hint);
	return FALSE;
}

static cJSON *find_vm(const CommandContext *context, const char *word, GError **error)
{
	g_autofree char *state = NULL;
	g_autoptr(cJSON) vmi = observe_find_vmi_or_state(context, word, &state, error);
	Vmi view;

	if (state)
		(void)refuse_not_running(word, state, error);
	if (!vmi)
		return NULL;
	vmi_read(vmi, &view);
	if (!view.node_name || strcmp(view.phase, "Succeeded") == 0 ||
	    strcmp(view.phase, "Failed") == 0) {
		(void)refuse_not_running(view.name, view.phase, error);
		return NULL;
	}
	return g_steal_pointer(&vmi);
}

/* ---- telling --------------------------------------------------------------------------------- */

static void tell(const CommandContext *context, const TargetsAnswer *answer)
{
	g_autofree char *counts = schedule_count(answer->targets);
	g_autofree char *memory = quantity_human_bytes(answer->memory_bytes);

	for (guint i = 0; i < answer->notes->len; i++)
		targets_say_note(context, g_ptr_array_index(answer->notes, i));
	say(context, "VM '%s' (%s%s): %s", answer->vmi.name, memory,
	    answer->from_pod ? " with its pod's overhead" : "", counts);
	if (answer->only_reserved)
		say(context, "it would wait: the memory is reserved for migrations under way [%s]",
		    REASON_PEND_MEMORY_RESERVED);
}

/* ---- the command ----------------------------------------------------------------------------- */

static GPtrArray *find_targets(const CommandContext *context, const TargetsWanted *wanted,
			       GError **error)
{
	gboolean ours = cluster_caps(context->cluster)->kvmig_migrates;
	g_autoptr(Hyper) hyper = ours ? hyper_new(NULL, NULL, clock_real(), NULL, NULL) : NULL;
	const TargetsOptions how = { .hyper = hyper, .quotas = TRUE };

	return targets_find(context->cluster, wanted, 1, &how, error);
}

static int run_targets(CommandContext *context, const void *data, GError **error)
{
	const TargetsValues *values = data;
	g_autoptr(cJSON) selector = NULL, vmi = NULL;
	g_autoptr(GPtrArray) answers = NULL;
	const TargetsAnswer *answer;

	if (!node_selector_parse(values->node, values->node_selector, &selector, error) ||
	    !observe_cluster(context, error))
		return STATUS_FAILED;
	vmi = find_vm(context, context->args[0], error);
	if (!vmi)
		return STATUS_FAILED;
	answers = find_targets(context, &(TargetsWanted){ .vmi = vmi, .added_selector = selector },
			       error);
	if (!answers)
		return STATUS_FAILED;
	answer = g_ptr_array_index(answers, 0);
	if (!node_selector_check_node(answer->targets, values->node, answer->vmi.name,
				      error))
		return STATUS_FAILED;
	targets_print(context, answer, selector);
	tell(context, answer);
	return answer->fitting > 0 || answer->only_reserved ? STATUS_DONE : STATUS_REFUSED;
}

static const char *const examples[] = {
	"kvmig targets web-1",
	"kvmig targets web-1 --node n2",
	"kvmig targets web-1 -o json",
	NULL,
};

const Command targets_command = {
	.name = "targets",
	.summary = "which nodes can take a VM, and why each other one cannot",
	.group = COMMAND_GROUP_MIGRATE,
	.options = options,
	.values_size = sizeof(TargetsValues),
	.args = { .name = "VM", .minimum = 1, .maximum = 1, .complete = COMPLETE_VM },
	.needs = NEED_CLUSTER | HAS_OUTPUT | HAS_NAMESPACE,
	.run = run_targets,
	.examples = examples,
};
