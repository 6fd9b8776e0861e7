/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that Kubernetes, KubeVirt and kvmig write into metadata. */
#pragma once

/* Kubernetes */
#define LABEL_METADATA_NAME "kubernetes.io/metadata.name" /* on every namespace: its name */
#define LABEL_HOSTNAME "kubernetes.io/hostname"
#define LABEL_ARCH "kubernetes.io/arch" /* amd64, arm64: Go's names, not uname's */

/* KubeVirt's node labels; the inventory writes them on Hosts, with the value "true" */
#define LABEL_PREFIX_CPU_MODEL "cpu-model.node.kubevirt.io/"
#define LABEL_PREFIX_CPU_FEATURE "cpu-feature.node.kubevirt.io/"
#define LABEL_PREFIX_HOST_MODEL_CPU "host-model-cpu.node.kubevirt.io/"
#define LABEL_PREFIX_MACHINE_TYPE "machine-type.node.kubevirt.io/"
#define LABEL_SCHEDULABLE "kubevirt.io/schedulable"

/* KubeVirt's, on Nodes alone */
#define LABEL_PREFIX_CPU_MODEL_MIGRATION "cpu-model-migration.node.kubevirt.io/"
#define LABEL_PREFIX_CPU_VENDOR "cpu-vendor.node.kubevirt.io/"
#define LABEL_PREFIX_HYPERV "hyperv.node.kubevirt.io/"
#define LABEL_PREFIX_SCHEDULING "scheduling.node.kubevirt.io/"
#define LABEL_PREFIX_REQUIRED_FEATURE "host-model-required-features.node.kubevirt.io/"
#define LABEL_OBSOLETE_HOST_MODEL "node-labeller.kubevirt.io/obsolete-host-model"

/* KubeVirt, on VMIs and migrations */
#define LABEL_NODE_NAME "kubevirt.io/nodeName"
#define LABEL_MIGRATION_TARGET_NODE_NAME "kubevirt.io/migrationTargetNodeName"
#define LABEL_CREATED_BY "kubevirt.io/created-by" /* on a pod: the uid of its VMI */
#define LABEL_KUBEVIRT "kubevirt.io" /* on KubeVirt's own pods: virt-handler, virt-launcher */
#define LABEL_VMI_NAME "kubevirt.io/vmi-name"
#define LABEL_VM_NAME "vm.kubevirt.io/name" /* on its pods */
#define FINALIZER_MIGRATION "kubevirt.io/migrationJobFinalize"
#define ANNOTATION_UNSCHEDULABLE_TIMEOUT "kubevirt.io/migrationUnschedulablePodTimeoutSeconds"

#define ANNOTATION_PENDING_TIMEOUT "kubevirt.io/migrationPendingPodTimeoutSeconds"
/* on a namespace: what OpenShift, or PodNodeSelector, adds to the node selectors of its pods */
#define ANNOTATION_PROJECT_SELECTOR "openshift.io/node-selector"
#define ANNOTATION_NAMESPACE_SELECTOR "scheduler.alpha.kubernetes.io/node-selector"
#define LABEL_MIGRATION_UID "kubevirt.io/migrationJobUID" /* on the pod that receives */

/* kvmig */
#define LABEL_BATCH "kvmig.io/batch" /* on migrations: started together */
#define LABEL_PREFIX_KVMIG "kvmig.io/"
#define ANNOTATION_DOMAIN_NAME "kvmig.io/domain-name" /* the raw libvirt name of a VMI */
#define LABEL_DOMAIN_UUID "kvmig.io/domain-uuid"
#define LABEL_VIRT_TYPE "kvmig.io/virt-type-" /* + kvm or qemu, on Hosts, value "true" */
#define METADATA_XMLNS "https://kvmig.io/xmlns/instance/1"
#define METADATA_PREFIX "kvmig"

/* Conditions of a VMI that more than one part of kvmig knows */
#define CONDITION_PAUSED "Paused"		 /* KubeVirt's; the inventory's */
#define CONDITION_UNDECIDED "kvmig.io/Undecided" /* the engine's */

#define NAMESPACE_DEFAULT "default"
#define HYPERCONVERGED_NAME "kubevirt-hyperconverged"
#define HYPERCONVERGED_NAMESPACE "kubevirt-hyperconverged"
