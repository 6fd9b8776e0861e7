// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"
)

type object = map[string]any
type list = []any

func condition(kind, status string, at time.Time) object {
	return object{"type": kind, "status": status, "lastProbeTime": nil, "lastTransitionTime": stamp(at)}
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// A running instance with a root disk, a cloud-init disk, further disks and two networks, as they are in a real cluster.
func spec(i, disks int) object {
	devices, volumes := list{}, list{}
	add := func(name, bus string, source object) {
		devices = append(devices, object{"name": name, "disk": object{"bus": bus}, "dedicatedIOThread": true})
		source["name"] = name
		volumes = append(volumes, source)
	}
	add("rootdisk", "virtio", object{"dataVolume": object{"name": name(i) + "-root"}})
	add("cloudinitdisk", "virtio", object{"cloudInitNoCloud": object{"secretRef": object{"name": name(i) + "-cloudinit"}}})
	for n := range disks {
		disk := fmt.Sprintf("data-%d", n)
		add(disk, "scsi", object{"persistentVolumeClaim": object{"claimName": name(i) + "-" + disk, "hotpluggable": true}})
	}
	return object{
		"architecture": "amd64",
		"domain": object{
			"cpu":    object{"cores": 2, "maxSockets": 8, "model": "host-model", "sockets": 2, "threads": 1},
			"memory": object{"guest": fmt.Sprintf("%dGi", 1<<(i%6)), "maxGuest": "128Gi"},
			"devices": object{"disks": devices, "rng": object{}, "interfaces": list{
				object{"name": "default", "masquerade": object{}, "model": "virtio", "macAddress": mac(i, 0)},
				object{"name": "storage", "bridge": object{}, "model": "virtio", "macAddress": mac(i, 1)}}},
			"features": object{"acpi": object{"enabled": true}, "smm": object{"enabled": true}},
			"firmware": object{"uuid": uid(i, 9), "bootloader": object{"efi": object{"secureBoot": true}}},
			"machine":  object{"type": "pc-q35-rhel9.6.0"}, "resources": object{"requests": object{"memory": "1Gi"}},
		},
		"evictionStrategy":              "LiveMigrate",
		"networks":                      list{object{"name": "default", "pod": object{}}, object{"name": "storage", "multus": object{"networkName": "storage/vlan42"}}},
		"terminationGracePeriodSeconds": 180,
		"volumes":                       volumes,
	}
}

func mac(i, n int) string { return fmt.Sprintf("02:%02x:%02x:%02x:00:%02x", i>>16, i>>8&255, i&255, n) }

func uid(i, n int) string { return fmt.Sprintf("%08x-%04x-4000-8000-%012x", i, n, i) }

func node(i int) string { return fmt.Sprintf("worker-%03d.example", i%100) }

func status(i, disks int, began time.Time) object {
	volumes := list{}
	for n := range disks {
		claim := fmt.Sprintf("%s-data-%d", name(i), n)
		volumes = append(volumes, object{"name": fmt.Sprintf("data-%d", n), "target": fmt.Sprintf("sd%c", 'a'+n%26),
			"phase": "Ready", "message": "Successfully attach hotplugged volume data to VM", "reason": "VolumeReady",
			"persistentVolumeClaimInfo": object{"claimName": claim, "accessModes": list{"ReadWriteMany"},
				"capacity": object{"storage": "50Gi"}, "requests": object{"storage": "53687091200"},
				"filesystemOverhead": "0", "volumeMode": "Block"}})
	}
	return object{
		"phase": "Running", "nodeName": node(i), "migrationMethod": "BlockMigration", "migrationTransport": "Unix",
		"activePods":                    object{uid(i, 1): node(i)},
		"launcherContainerImageVersion": "registry.example/kubevirt/virt-launcher@sha256:" + strings.Repeat("0123456789abcdef", 4),
		"conditions": list{condition("Ready", "True", began), condition("LiveMigratable", "True", began),
			condition("StorageLiveMigratable", "True", began), condition("AgentConnected", "True", began),
			condition("DataVolumesReady", "True", began)},
		"guestOSInfo": object{"id": "fedora", "kernelRelease": "6.11.4-301.fc41.x86_64", "name": "Fedora Linux",
			"prettyName": "Fedora Linux 41 (Cloud Edition)", "version": "41 (Cloud Edition)", "versionId": "41"},
		"interfaces": list{object{"name": "default", "ipAddress": fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255),
			"ipAddresses": list{fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255)}, "interfaceName": "eth0",
			"infoSource": "domain, guest-agent", "mac": mac(i, 0), "queueCount": 4}},
		"memory":                     object{"guestAtBoot": "4Gi", "guestCurrent": "4Gi", "guestRequested": "4Gi"},
		"qosClass":                   "Burstable",
		"runtimeUser":                107,
		"virtualMachineRevisionName": "revision-start-vm-" + uid(i, 3) + "-1",
		"phaseTransitionTimestamps": list{object{"phase": "Pending", "phaseTransitionTimestamp": stamp(began)},
			object{"phase": "Scheduling", "phaseTransitionTimestamp": stamp(began.Add(time.Second))},
			object{"phase": "Scheduled", "phaseTransitionTimestamp": stamp(began.Add(8 * time.Second))},
			object{"phase": "Running", "phaseTransitionTimestamp": stamp(began.Add(11 * time.Second))}},
		"volumeStatus": volumes,
	}
}

// Which of the fields which component has set: in a real cluster a third of the object.
func managed(value any) object {
	fields := object{}
	switch value := value.(type) {
	case object:
		for key, inner := range value {
			fields["f:"+key] = managed(inner)
		}
	case list:
		for _, inner := range value {
			if named, ok := inner.(object); ok && named["name"] != nil {
				fields[fmt.Sprintf(`k:{"name":"%s"}`, named["name"])] = managed(named)
			}
		}
	}
	return fields
}

func build(i, disks int, began time.Time) []byte {
	spec, status := spec(i, disks), status(i, disks, began)
	metadata := object{
		"name": name(i), "namespace": namespace(i), "uid": uid(i, 0), "generation": 12,
		"creationTimestamp": stamp(began),
		"annotations":       object{"kubevirt.io/latest-observed-api-version": "v1", "kubevirt.io/storage-observed-api-version": "v1", "vm.kubevirt.io/os": "linux"},
		"labels": object{"kubevirt.io/domain": name(i), "kubevirt.io/nodeName": node(i), "app": fmt.Sprintf("app-%d", i%50),
			"kubevirt.io/size": list{"small", "medium", "large"}[i%3]},
		"finalizers": list{"kubevirt.io/virtualMachineControllerFinalize", "foregroundDeleteVirtualMachine"},
		"ownerReferences": list{object{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine", "name": name(i),
			"uid": uid(i, 3), "controller": true, "blockOwnerDeletion": true}},
		"managedFields": list{
			object{"manager": "virt-controller", "operation": "Update", "apiVersion": "kubevirt.io/v1", "time": stamp(began),
				"fieldsType": "FieldsV1", "fieldsV1": object{"f:spec": managed(spec)}},
			object{"manager": "virt-handler", "operation": "Update", "apiVersion": "kubevirt.io/v1", "time": stamp(began),
				"fieldsType": "FieldsV1", "fieldsV1": object{"f:status": managed(status)}}},
	}
	text, err := json.Marshal(object{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "metadata": metadata,
		"spec": spec, "status": status})
	die(err)
	return text
}

// As many disks as the size asks for.
var disksOf = sync.OnceValue(func() int {
	for disks := 0; ; disks++ {
		if len(build(1, disks, time.Unix(0, 0))) >= *size {
			return disks
		}
	}
})

func instance(i int, began time.Time) []byte {
	return build(i, disksOf(), began)
}
