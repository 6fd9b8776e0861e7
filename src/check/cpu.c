/* SPDX-License-Identifier: Apache-2.0 */
/* What of its processor the VM takes along, and what makes its migration slow. Which nodes offer
 * that processor is a question of targets. */
#include "check/vm.h"

#include <string.h>

static void judge_passthrough(const CheckVm *vm, const cJSON *cpu)
{
	if (strcmp(json_string(cpu, "model", ""), "host-passthrough") == 0)
		check_add(vm->findings, &vm->object, CHECK_WARNING, REASON_CHK_CPU_PASSTHROUGH,
			  NULL,
			  "its CPU is host-passthrough: nobody compares the processors of "
			  "two nodes before it goes");
}

/* KubeVirt copies with eight streams, but with one where the pod's CPU time is limited. */
static void tell_streams(const CheckVm *vm, const cJSON *cpu)
{
	const cJSON *limit =
		json_path(vm->vmi, "spec", "domain", "resources", "limits", "cpu", NULL);
	const char *why = json_bool(cpu, "dedicatedCpuPlacement", FALSE) ? "dedicated CPUs"
			  : limit                                        ? "a CPU limit"
									 : NULL;

	if (why)
		check_add(vm->findings, &vm->object, CHECK_NOTE, REASON_CHK_ONE_STREAM, NULL,
			  "it has %s: its memory is copied in one stream instead of eight", why);
}

static void judge_hyperv(const CheckVm *vm)
{
	const cJSON *passthrough =
		json_path(vm->vmi, "spec", "domain", "features", "hypervPassthrough", NULL);

	if (passthrough && json_bool(passthrough, "enabled", TRUE))
		check_add(vm->findings, &vm->object, check_vm_severity(vm), REASON_BLK_CPU,
			  "name the Hyper-V features instead: features.hyperv",
			  "it takes all Hyper-V features of its node (hypervPassthrough)");
}

/* TCG does not see that its record of written pages was cleared. */
static void judge_emulation(const CheckVm *vm)
{
	const char *type = json_string(json_get(vm->vmi, "status"), "virtType", "");
	g_auto(GStrv) parts = g_strsplit(vm->qemu_version ? vm->qemu_version : "", ".", 2);
	guint64 major;

	if (strcmp(type, "qemu") != 0 || !parts[0] ||
	    !g_ascii_string_to_unsigned(parts[0], 10, 1, 1000, &major, NULL) || major >= 9)
		return;
	check_add(vm->findings, &vm->object, CHECK_WARNING, REASON_CHK_TCG, NULL,
		  "emulated without KVM by QEMU %s", vm->qemu_version);
	check_mark_common(vm->findings);
}

void check_vm_cpu(const CheckVm *vm)
{
	const cJSON *cpu = json_path(vm->vmi, "spec", "domain", "cpu", NULL);

	judge_passthrough(vm, cpu);
	judge_hyperv(vm);
	judge_emulation(vm);
	if (vm->kubevirt)
		tell_streams(vm, cpu);
}
