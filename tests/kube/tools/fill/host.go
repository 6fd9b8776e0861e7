// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"time"
)

func nodeName(i int) string { return fmt.Sprintf("node-%05d", i) }

func podName(i, n int) string { return fmt.Sprintf("virt-launcher-%05d-%d", i, n) }

// As KubeVirt's labeller leaves a node: some 200 labels. Each third lacks features, each fifth is cordoned.
func labels(i int) object {
	all := object{"kubernetes.io/hostname": nodeName(i), "kubernetes.io/arch": "amd64", "kubernetes.io/os": "linux",
		"kubevirt.io/schedulable": "true", "cpu-vendor.node.kubevirt.io/Intel": "true",
		"host-model-cpu.node.kubevirt.io/Skylake-Server": "true", "topology.kubernetes.io/zone": fmt.Sprintf("zone-%d", i%3)}
	for n := range 150 - i%3*50 {
		all[fmt.Sprintf("cpu-feature.node.kubevirt.io/feature-%d", n)] = "true"
	}
	for n := range 60 {
		all[fmt.Sprintf("host-model-required-features.node.kubevirt.io/feature-%d", n)] = "true"
	}
	for _, model := range []string{"Haswell", "Broadwell", "Skylake-Client", "Skylake-Server"} {
		all["cpu-model.node.kubevirt.io/"+model], all["cpu-model-migration.node.kubevirt.io/"+model] = "true", "true"
	}
	for n := range 20 {
		all[fmt.Sprintf("machine-type.node.kubevirt.io/pc-q35-rhel9.%d.0", n)] = "true"
	}
	return all
}

func host(i int, began time.Time) (string, []byte) {
	resources := object{"cpu": "64", "memory": fmt.Sprintf("%dGi", 64+i%64), "pods": "250", "ephemeral-storage": "100Gi",
		"devices.kubevirt.io/kvm": "1k", "devices.kubevirt.io/tun": "1k", "devices.kubevirt.io/vhost-net": "1k"}
	text, err := json.Marshal(object{"apiVersion": "v1", "kind": "Node",
		"metadata": object{"name": nodeName(i), "uid": uid(i, 5), "creationTimestamp": stamp(began), "labels": labels(i),
			"annotations": object{"kubevirt.io/heartbeat": stamp(began)}},
		"spec": object{"unschedulable": i%5 == 0},
		"status": object{"capacity": resources, "allocatable": resources,
			"conditions": list{object{"type": "Ready", "status": "True", "reason": "KubeletReady", "lastHeartbeatTime": stamp(began)}}}})
	die(err)
	return "/registry/minions/" + nodeName(i), text
}

// Pod n of node i: a virt-launcher with two containers.
func pod(i, n int, began time.Time) (string, []byte) {
	name := podName(i, n)
	container := func(name, memory string) object {
		return object{"name": name, "image": "registry.example/virt-launcher", "imagePullPolicy": "IfNotPresent",
			"resources": object{"requests": object{"cpu": "100m", "memory": memory}}}
	}
	text, err := json.Marshal(object{"apiVersion": "v1", "kind": "Pod",
		"metadata": object{"name": name, "namespace": "default", "uid": uid(i, 100+n), "creationTimestamp": stamp(began),
			"labels": object{"kubevirt.io": "virt-launcher", "kubevirt.io/created-by": uid(i, 200+n), "app": fmt.Sprintf("app-%d", i%50)}},
		"spec": object{"nodeName": nodeName(i), "restartPolicy": "Never", "dnsPolicy": "ClusterFirst",
			"nodeSelector": object{"kubevirt.io/schedulable": "true"},
			"containers":   list{container("compute", "4Gi"), container("guest-console-log", "64Mi")}},
		"status": object{"phase": "Running"}})
	die(err)
	return "/registry/pods/default/" + name, text
}
