/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab: libvirt daemons on this machine, each a node of its own, and small real guests, to try
 * and to test. Its objects are in the context local/lab, its processes and files under one
 * runtime folder with a marker; it touches nothing that it did not start.
 *
 * As root each node has mount, UTS and network namespaces of its own, joined by a bridge in a
 * namespace of the lab's own, and memory is copied over TCP (the daemons talk over unix sockets).
 * As an ordinary user the nodes are session daemons that migrate over unix sockets. KVM where
 * /dev/kvm starts a machine, else TCG with the odd RAM size that QEMU before 9.0 needs there.
 */
#pragma once

#include "cluster/cluster.h"

/* Of a guest's memory; the most is what lies below the hole for devices. */
#define LAB_MEMORY_MIN ((gint64)8 << 20)
#define LAB_MEMORY_MAX ((gint64)3 << 30)

typedef struct {
	guint nodes;
	guint vms;
	gint64 memory_bytes;     /* of each VM */
	gint64 dirty_rate_bytes; /* per second */
	gboolean force_tcg;
	gint64 link_bytes_per_second; /* root only: tbf on each node's link; 0: as it is */
} LabOptions;

typedef struct {
	char *name;
	char *uri;
	char *peer_uri, *migration_address; /* as in its Host object */
	gint64 pid;                         /* of its libvirtd; 0: there is none */
	gboolean alive;
} LabNode;

typedef struct {
	char *name, *node; /* node NULL: nowhere */
	char *state;
	gint64 heartbeat;     /* last sequence number; -1: none */
	gint64 memory_errors; /* that the guest found in its own memory; -1: not known */
	gboolean beating;     /* the number grows */
	char *heartbeat_file;
} LabVm;

typedef struct {
	gboolean up;
	char *runtime_dir;
	char *accelerator;   /* "kvm", "tcg" */
	gboolean namespaces; /* root mode */
	GPtrArray *nodes;    /* of LabNode */
	GPtrArray *vms;      /* of LabVm */
} LabStatus;

typedef void (*LabSay)(const char *line, gpointer data); /* what is being done, for people */

/* Starts what is not yet there (running it again with more nodes adds them); registers the nodes
 * in `cluster` (local/lab) and sets disableTLS there. Errors: REFUSED (something of another's is
 * in the way), UNSUPPORTED (libvirtd, QEMU missing: hint with the package), FAILED. What was begun
 * is taken down again on failure. */
gboolean lab_up(Cluster *cluster, const LabOptions *options, LabSay say, gpointer data,
		GError **error);
/* Ends and removes everything that the lab started, dead or alive. Down already: TRUE. */
gboolean lab_down(LabSay say, gpointer data, GError **error);
LabStatus *lab_status(GError **error);
void lab_status_free(LabStatus *status);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LabStatus, lab_status_free)

gboolean lab_vm_add(const char *name, const char *node, gint64 memory_bytes,
		    gint64 dirty_rate_bytes, GError **error);
/* Tells the running guest to dirty so many bytes a second of a working set (0: all of its memory;
 * either -1: unchanged). */
gboolean lab_vm_load(const char *name, gint64 dirty_rate_bytes, gint64 working_set_bytes,
		     GError **error);
gboolean lab_vm_remove(const char *name, GError **error);
