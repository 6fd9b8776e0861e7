/* SPDX-License-Identifier: Apache-2.0 */
/* What KubeVirt (on fleet and local clusters: the inventory) says of the VM itself. */
#include "check/vm.h"

#include <string.h>

/* The names of the reasons are KubeVirt's, the one of the CPU too: it means that it is not. */
static const struct {
	const char *reason, *code;
} codes[] = {
	{ "InterfaceNotLiveMigratable", REASON_BLK_INTERFACE },
	{ "CPUModeLiveMigratable", REASON_BLK_CPU },
	{ "HostDeviceNotLiveMigratable", REASON_BLK_HOST_DEVICE },
	{ "SEVNotLiveMigratable", REASON_BLK_ENCRYPTED },
	{ "TDXNotLiveMigratable", REASON_BLK_ENCRYPTED },
	{ "SecureExecutionNotLiveMigratable", REASON_BLK_ENCRYPTED },
	{ "NoTSCFrequencyNotLiveMigratable", REASON_BLK_CPU },
	{ "HypervPassthroughNotLiveMigratable", REASON_BLK_CPU },
	{ "VirtIOFSNotLiveMigratable", REASON_BLK_FILESYSTEM },
	{ "NotRunning", REASON_BLK_NOT_RUNNING },
};

/* Disks: whichever of the two the storage judge has found. */
static gboolean is_explained(const CheckVm *vm, const char *reason, const char *code)
{
	if (strcmp(reason, "DisksNotLiveMigratable") == 0)
		return check_has(vm->findings, &vm->object, REASON_BLK_RWX) ||
		       check_has(vm->findings, &vm->object, REASON_BLK_LOCAL_DISK);
	return check_has(vm->findings, &vm->object, code);
}

static gboolean has_claims(const CheckVm *vm)
{
	g_autoptr(GPtrArray) names = check_claim_names(vm->vmi);

	return names->len > 0;
}

static void judge_not_migratable(const CheckVm *vm)
{
	const cJSON *condition = condition_find(vm->vmi, "LiveMigratable");
	const char *reason = json_string(condition, "reason", "");
	const char *message = json_string(condition, "message", NULL);
	/* the inventory's word for what libvirt refuses without one of KubeVirt's reasons */
	const char *code = strcmp(reason, "NotMigratable") == 0 ? REASON_BLK_LIBVIRT
								: REASON_BLK_NOT_MIGRATABLE;

	if (strcmp(reason, "DisksNotLiveMigratable") == 0)
		code = has_claims(vm) ? REASON_BLK_RWX : REASON_BLK_LOCAL_DISK;
	for (gsize i = 0; i < G_N_ELEMENTS(codes); i++)
		if (strcmp(reason, codes[i].reason) == 0)
			code = codes[i].code;
	if (is_explained(vm, reason, code))
		return;
	check_add(vm->findings, &vm->object, CHECK_BLOCKS, code, NULL, "%s%s%s",
		  message && *message ? message : "LiveMigratable is False",
		  *reason ? "; LiveMigratable: " : "", reason);
}

/* Its disks could not go to other storage: nothing against a migration between nodes. */
static void tell_storage(const CheckVm *vm)
{
	const cJSON *condition = condition_find(vm->vmi, "StorageLiveMigratable");

	if (strcmp(json_string(condition, "status", ""), "False") == 0)
		check_add(vm->findings, &vm->object, CHECK_NOTE, REASON_CHK_STORAGE_MIGRATION, NULL,
			  "%s",
			  json_string(condition, "message", "StorageLiveMigratable is False"));
}

static void judge_alarms(const CheckVm *vm)
{
	static const struct {
		const char *type, *code;
	} alarms[] = {
		{ "kvmig.io/DuplicateUUID", REASON_BLK_DUPLICATE_UUID },
		{ "kvmig.io/Undecided", REASON_BLK_UNDECIDED },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(alarms); i++)
		if (condition_is_true(vm->vmi, alarms[i].type))
			check_add(vm->findings, &vm->object, CHECK_BLOCKS, alarms[i].code, NULL,
				  "%s",
				  json_string(condition_find(vm->vmi, alarms[i].type), "message",
					      alarms[i].type));
}

void check_vm_conditions(const CheckVm *vm)
{
	judge_alarms(vm);
	if (vm->says_not)
		judge_not_migratable(vm);
	tell_storage(vm);
}
