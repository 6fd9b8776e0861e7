/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A VirtualMachineInstance of a fleet or local cluster: one libvirt domain, written by the
 * inventory. Shape (KubeVirt's where it has one):
 *
 *   metadata: name, namespace, labels; labels kubevirt.io/nodeName and kvmig.io/domain-uuid;
 *             annotation kvmig.io/domain-name (raw libvirt name)
 *   spec:
 *     nodeSelector: {…}                people's; carried in the domain's metadata
 *     architecture: amd64
 *     domain: {memory: {guest: "256Mi"}, cpu: {model, cores}, machine: {type: pc-q35-7.2}}
 *   status:
 *     nodeName, phase (Running | Succeeded | Failed | Pending | Unknown), reason
 *     domainUUID, migrationMethod (LiveMigration), virtType (kvm | qemu)
 *     domainState: libvirt's own word ("running", "paused")
 *     conditions: LiveMigratable (reason, message), Paused, kvmig.io/DuplicateUUID,
 *                 kvmig.io/Missing (no host that answers has it), kvmig.io/Undecided
 *     migrationState: as KubeVirt's, of the last migration
 *     alsoOn: [node, …]                other hosts that report the same UUID
 *     persistent, autostart: booleans
 *     copies: [{node, state, reason, incoming, persistent, autostart}]  one for each host that
 *             reports the domain, as it did last; nodeName and alsoOn follow from it
 *     metadataChecksum: of the labels and selector that object and domain agreed on last
 *     observedAt
 */
#pragma once

#include "model/object.h"

typedef struct {
	/* borrowed from the object */
	const cJSON *object;
	const char *ns;
	const char *name;
	const char *raw_name; /* libvirt's name; the object's where the annotation is absent */
	const char *domain_uuid;
	const char *node_name; /* NULL: nowhere */
	const char *phase;     /* "Unknown" where absent */
	const char *arch;
	const char *machine_type;
	const char *cpu_model; /* NULL, "host-model", "host-passthrough" or a named model */
	const char *virt_type; /* "kvm", "qemu" or NULL */
	const cJSON *labels;
	const cJSON *node_selector;
	const cJSON *also_on; /* array or NULL */
	const char *not_migratable_reason; /* of LiveMigratable=False; NULL: migratable */
	const char *not_migratable_message;
	gboolean duplicate_uuid;
	gboolean undecided;
	gint64 memory_bytes;
	gint64 observed_us;
} Vmi;

void vmi_read(const cJSON *object, Vmi *ret_vmi);
