/* SPDX-License-Identifier: Apache-2.0 */
/* Does it run, and may anything be started for it at all. */
#include "check/vm.h"

#include <string.h>

#define LABEL_VALUE_MAX 63

static void judge_name(const CheckVm *vm)
{
	if (vm->object.name && strlen(vm->object.name) > LABEL_VALUE_MAX)
		check_add(vm->findings, &vm->object, CHECK_BLOCKS, REASON_BLK_NAME, NULL,
			  "its name has %zu characters: a migration carries it as a label, which "
			  "takes %d",
			  strlen(vm->object.name), LABEL_VALUE_MAX);
}

static void judge_eviction(const CheckVm *vm)
{
	const char *node = json_string(json_get(vm->vmi, "status"), "evacuationNodeName", NULL);
	const char *own = json_string(json_get(vm->vmi, "spec"), "evictionStrategy", NULL);
	const char *strategy = own ? own : vm->eviction_default;

	if (node)
		check_add(vm->findings, &vm->object, CHECK_NOTE, REASON_CHK_EVICTION, NULL,
			  "it is marked to leave node '%s'", node);
	if (!vm->kubevirt || vm->says_not || (strategy && strcmp(strategy, "None") != 0))
		return;
	if (own) {
		check_add(vm->findings, &vm->object, CHECK_WARNING, REASON_CHK_DRAIN_STOPS, NULL,
			  "its eviction strategy is None");
		return;
	}
	check_add(vm->findings, &vm->object, CHECK_WARNING, REASON_CHK_DRAIN_STOPS, NULL,
		  "eviction strategy not set, and the cluster's is %s",
		  strategy ? strategy : "not set either");
	check_mark_common(vm->findings);
}

/* Its own node has to send it. */
static void judge_node(const CheckVm *vm)
{
	if (vm->node_problem)
		check_add(vm->findings, &vm->object, CHECK_BLOCKS, REASON_BLK_SOURCE_UNREACHABLE,
			  NULL, "its node '%s' is not ready: %s",
			  json_string(json_get(vm->vmi, "status"), "nodeName", "?"),
			  vm->node_problem);
}

gboolean check_vm_is_unheard(const cJSON *vmi, const char *node_problem)
{
	return node_problem &&
	       g_strcmp0(json_string(json_get(vmi, "status"), "phase", NULL), "Unknown") == 0;
}

void check_vm_state(const CheckVm *vm)
{
	const char *phase = json_string(json_get(vm->vmi, "status"), "phase", "Unknown");

	if (object_is_deleting(vm->vmi))
		check_add(vm->findings, &vm->object, CHECK_BLOCKS, REASON_BLK_NOT_RUNNING,
			  "nothing: it is going away", "it is being deleted");
	else if (strcmp(phase, "Running") != 0 && !check_vm_is_unheard(vm->vmi, vm->node_problem))
		check_add(vm->findings, &vm->object, CHECK_BLOCKS, REASON_BLK_NOT_RUNNING, NULL,
			  "it is not running (%s)", phase);
	else
		judge_node(vm);
	judge_name(vm);
	judge_eviction(vm);
}
