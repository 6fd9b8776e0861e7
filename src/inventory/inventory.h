/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From hosts to objects: asks each Host's hypervisor what it is and what runs there, and writes
 * Host.status, the labels under the inventory's own prefixes, and one VirtualMachineInstance per
 * domain (model/host.h, model/vmi.h). Objects are written only where something changed.
 *
 * Ownership: status and the prefixes of model/wellknown.h belong to the inventory, other labels
 * and the spec to people. What people set on a VMI is carried into the domain's own metadata; the
 * metadata wins where the two differ and the object is new (another host's kvmig wrote it).
 *
 * A host that cannot be asked keeps its last state: Ready=False says so, and its VMIs stay with
 * phase Unknown; nothing is removed on the ground of silence. One UUID on two hosts sets the
 * condition kvmig.io/DuplicateUUID and status.alsoOn; except while a migration of it is in
 * flight, when the copy on the target is that migration's business.
 */
#pragma once

#include "base/clock.h"
#include "cluster/cluster.h"
#include "hyper/hyper.h"

typedef struct Inventory Inventory;

/* Borrows all three for its life time. */
Inventory *inventory_new(Cluster *cluster, Hyper *hyper, Clock *clock);
void inventory_free(Inventory *inventory);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inventory, inventory_free)

typedef void (*InventoryDone)(gpointer data);

/* Looks at every host (node NULL) or one; done is called from the main loop when all have
 * answered or run into timeout_ms. Errors of single hosts go into their Ready conditions; errors
 * of the store are logged. done may be NULL. */
void inventory_refresh(Inventory *inventory, const char *node, guint timeout_ms, InventoryDone done,
		       gpointer data);

/* Looks at one domain on one host, soon (several calls within 100 ms are one look). For events. */
void inventory_touch(Inventory *inventory, const char *node, const char *uuid);

/* For a reading command: refreshes the hosts that nobody has looked at for max_age_ms, running
 * the main loop until they have answered. TRUE also where hosts could not be reached (their
 * conditions say so); FALSE only where the store fails. */
gboolean inventory_refresh_stale(Inventory *inventory, guint max_age_ms, guint timeout_ms,
				 GError **error);

/* Looks at one host now, however fresh it is, and waits for what follows from it (labels that are
 * carried into a domain). As inventory_refresh_stale() for the result. */
gboolean inventory_look(Inventory *inventory, const char *node, guint timeout_ms, GError **error);

/* Whether labels and node selector of the VMI are in the domain's own metadata. */
gboolean inventory_is_carried(const cJSON *vmi);

/* Whether the inventory writes that label of a Host (of a VMI): people cannot set it. */
gboolean inventory_owns_host_label(const char *key);
gboolean inventory_owns_vmi_label(const char *key);

/* The VMI that a user means: object name, raw libvirt name, or UUID, in namespace ns (NULL: any).
 * NOT_FOUND hints at near names; INVALID where a raw name is ambiguous. Reads only the store. */
cJSON *inventory_find_vmi(Cluster *cluster, const char *ns, const char *word, GError **error);
