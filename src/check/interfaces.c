/* SPDX-License-Identifier: Apache-2.0 */
/* On the pod network a VM keeps its address only where a binding hides that the pod has another:
 * masquerade, passt, or a plugin that says so. */
#include "check/vm.h"

#define ANNOTATION_BRIDGE "kubevirt.io/allow-pod-bridge-network-live-migration"

static const cJSON *interface_of(const CheckVm *vm, const char *network)
{
	const cJSON *interface;

	cJSON_ArrayForEach(interface,
			   json_path(vm->vmi, "spec", "domain", "devices", "interfaces", NULL))
	{
		if (g_strcmp0(json_string(interface, "name", NULL), network) == 0)
			return interface;
	}
	return NULL;
}

static void judge_pod_interface(const CheckVm *vm, const char *network, const cJSON *interface)
{
	const char *plugin = json_string(json_get(interface, "binding"), "name", NULL);
	const char *how = json_get(interface, "bridge")    ? "bridge"
			  : json_get(interface, "slirp")   ? "slirp"
			  : json_get(interface, "macvtap") ? "macvtap"
							   : NULL;

	if (!interface || json_get(interface, "masquerade") || json_get(interface, "passt"))
		return;
	if (json_get(interface, "bridge") && object_annotation(vm->vmi, ANNOTATION_BRIDGE))
		return;
	if (plugin) {
		/* whether that plugin can be migrated is in the KubeVirt object; its condition is
		 * the verdict */
		if (vm->says_not)
			check_add(vm->findings, &vm->object, CHECK_WARNING, REASON_BLK_INTERFACE,
				  NULL, "interface '%s' is on the pod network by plugin '%s'",
				  network, plugin);
		return;
	}
	if (how)
		check_add(vm->findings, &vm->object, check_vm_severity(vm), REASON_BLK_INTERFACE,
			  NULL, "interface '%s' is on the pod network by %s", network, how);
}

void check_vm_interfaces(const CheckVm *vm)
{
	const cJSON *network;

	cJSON_ArrayForEach(network, json_path(vm->vmi, "spec", "networks", NULL))
	{
		const char *name = json_string(network, "name", NULL);

		if (name && json_get(network, "pod"))
			judge_pod_interface(vm, name, interface_of(vm, name));
	}
}
