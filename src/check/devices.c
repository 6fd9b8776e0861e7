/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of the node that the guest holds, and memory that only its processor can read. */
#include "check/vm.h"

static char *names_of(const cJSON *devices)
{
	g_autoptr(GString) names = g_string_new(NULL);
	const cJSON *device;

	cJSON_ArrayForEach(device, devices)
	{
		const char *name = json_string(device, "name", "?");
		const char *what = json_string(device, "deviceName", NULL);

		g_string_append_printf(names, "%s'%s'", names->len ? ", " : "", name);
		if (what)
			g_string_append_printf(names, " (%s)", what);
	}
	return names->len ? g_strdup(names->str) : NULL;
}

static void judge_passed_through(const CheckVm *vm, const cJSON *devices)
{
	const cJSON *gpus = json_get(devices, "gpus");
	g_autofree char *host_devices = names_of(json_get(devices, "hostDevices"));
	g_autofree char *gpu_names = names_of(gpus);

	if (host_devices)
		check_add(vm->findings, &vm->object, check_vm_severity(vm), REASON_BLK_HOST_DEVICE,
			  NULL, "host device %s is passed through to it", host_devices);
	if (!gpu_names)
		return;
	if (cJSON_GetArraySize(gpus) > 1)
		check_add(vm->findings, &vm->object, check_vm_severity(vm), REASON_BLK_HOST_DEVICE,
			  "give it one virtual GPU at most, or shut it down for the drain",
			  "it has %d GPUs: %s", cJSON_GetArraySize(gpus), gpu_names);
	else
		check_add(
			vm->findings, &vm->object, check_vm_severity(vm), REASON_BLK_HOST_DEVICE,
			"only a virtual GPU (mediated device) can be migrated, behind the feature "
			"gate VGPULiveMigration; else shut it down for the drain",
			"GPU %s is passed through to it", gpu_names);
}

static void judge_sriov(const CheckVm *vm, const cJSON *devices)
{
	const cJSON *interface;

	cJSON_ArrayForEach(interface, json_get(devices, "interfaces"))
	{
		if (json_get(interface, "sriov"))
			check_add(vm->findings, &vm->object, CHECK_WARNING, REASON_CHK_SRIOV, NULL,
				  "interface '%s' is SR-IOV: it is unplugged before the migration "
				  "and plugged in again behind it",
				  json_string(interface, "name", "?"));
	}
}

static void judge_encryption(const CheckVm *vm)
{
	const cJSON *security = json_path(vm->vmi, "spec", "domain", "launchSecurity", NULL);
	const char *how =
		security && security->child ? security->child->string : "secure execution";

	if (security)
		check_add(vm->findings, &vm->object, check_vm_severity(vm), REASON_BLK_ENCRYPTED,
			  NULL, "its memory is encrypted by the processor (%s)", how);
}

void check_vm_devices(const CheckVm *vm)
{
	const cJSON *devices = json_path(vm->vmi, "spec", "domain", "devices", NULL);

	judge_passed_through(vm, devices);
	judge_sriov(vm, devices);
	judge_encryption(vm);
}

/* Memory that a device writes without asking cannot stay behind on the source. */
void check_vm_post_copy(const CheckVm *vm)
{
	const cJSON *devices = json_path(vm->vmi, "spec", "domain", "devices", NULL);
	const cJSON *interface;
	const char *what =
		cJSON_GetArraySize(json_get(devices, "gpus")) > 0          ? "a GPU"
		: cJSON_GetArraySize(json_get(devices, "hostDevices")) > 0 ? "a host device"
		: cJSON_GetArraySize(json_get(devices, "filesystems")) > 0 ? "a shared file system"
									   : NULL;

	cJSON_ArrayForEach(interface, json_get(devices, "interfaces"))
	{
		if (!what && json_get(interface, "sriov"))
			what = "an SR-IOV interface";
	}
	if (vm->post_copy && what)
		check_add(vm->findings, &vm->object, CHECK_WARNING, REASON_CHK_POST_COPY_VM, NULL,
			  "it has %s: when its time is up it is paused instead%s%s%s", what,
			  vm->policy ? "; policy '" : "", vm->policy ? vm->policy : "",
			  vm->policy ? "' allows post-copy" : "");
}
