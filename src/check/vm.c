/* SPDX-License-Identifier: Apache-2.0 */
#include "check/vm.h"

#include <string.h>

void check_vm_init(CheckVm *vm, const cJSON *vmi, const CheckClaims *claims, GPtrArray *findings)
{
	const char *status = json_string(condition_find(vmi, "LiveMigratable"), "status", "");

	*vm = (CheckVm){ .vmi = vmi,
			 .object = { "vm", object_namespace(vmi), object_name(vmi) },
			 .claims = claims,
			 .says_migratable = strcmp(status, "True") == 0,
			 .says_not = strcmp(status, "False") == 0,
			 .findings = findings };
}

CheckSeverity check_vm_severity(const CheckVm *vm)
{
	return vm->says_migratable ? CHECK_WARNING : CHECK_BLOCKS;
}

void check_vm(const CheckVm *vm)
{
	check_vm_state(vm);
	check_vm_storage(vm);
	check_vm_devices(vm);
	check_vm_interfaces(vm);
	check_vm_cpu(vm);
	check_vm_post_copy(vm);
	check_vm_conditions(vm);
}
