/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the lab share. The runtime folder:
 *
 *   marker           says that the folder is ours; without it nothing in here is touched
 *   state            accelerator, number of nodes, link rate
 *   processes        records of all that was started (process.h)
 *   guest.elf        the guest, as it was when the lab began: QEMU reads it again on each target
 *   migration/       sockets of migrations between session daemons
 *   vm/NAME.xml, .beat, .ctl   definition, heartbeat, commands
 *   vm/NAME.new      definition of one that is being started
 *   nN/              a node: its daemon's log, socket and folders
 *
 * It is short, because sockets lie deep in it and their paths may have 107 bytes; and its name has
 * only characters that mean nothing to a shell, to XML, and to libvirt's files.
 */
#pragma once

#include "lab/lab.h"
#include "lab/process.h"

#define LAB_NODES_MAX 16u
#define LAB_VMS_MAX 64u
#define LAB_DIR_MAX 36u

typedef struct {
	char *dir;
	char *record; /* file */
	int fd;       /* of the folder, locked */
	gboolean root;
	gboolean fresh; /* made by this call */
	gboolean known; /* accelerator is decided */
	gboolean kvm;
	guint nodes;
	gint64 link_rate;
	LabSay say;
	gpointer say_data;
} Lab;

typedef enum { LAB_OPEN = 0, LAB_CREATE = 1 << 0, LAB_NO_LOCK = 1 << 1 } LabOpenFlags;

/* ---- layout.c -------------------------------------------------------------------------------- */
/* NOT_FOUND: no lab is up. REFUSED: the folder is not ours. CONFLICT: another command works on
 * it. */
Lab *lab_open(LabOpenFlags flags, GError **error);
void lab_close(Lab *lab); /* NULL is ignored */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Lab, lab_close)
gboolean lab_save(const Lab *lab, GError **error);
gboolean lab_remove_dir(const char *path, GError **error); /* with all that is in it */
char *lab_path(const Lab *lab, const char *format, ...) G_GNUC_PRINTF(2, 3); /* below dir */
void lab_say(const Lab *lab, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The guest's image where it was built or installed. */
char *lab_guest_image(GError **error);
GPtrArray *lab_vm_names(const Lab *lab); /* of char *, sorted */
/* Likewise, of the files of VMs that end so, without that. */
GPtrArray *lab_names_of(const Lab *lab, const char *suffix);

/* ---- node.c: numbers count from 1 ------------------------------------------------------------ */
gboolean lab_nodes_start(Lab *lab, guint nodes, GError **error);
char *lab_node_uri(const Lab *lab, guint node);
char *lab_node_peer_uri(const Lab *lab, guint node);
char *lab_node_migration_address(const Lab *lab, guint node);
gboolean lab_node_process(const Lab *lab, guint node, LabProcess *ret_process); /* its daemon */
guint lab_node_number(const Lab *lab, const char *name, GError **error); /* 0: no such node */
/* Every process in the lab's namespaces or with its folder in the command line, of LabProcess. */
GArray *lab_find_processes(const Lab *lab);
/* Keeps the daemons' knowledge of the emulators for the next lab. */
void lab_nodes_save_cache(const Lab *lab);
gboolean lab_has_cache(const Lab *lab, guint node);

/* ---- guests.c -------------------------------------------------------------------------------- */
typedef struct {
	LabProcess process;
	gboolean running;
} LabProbe;

/* Starts QEMU with /dev/kvm and a small guest; the answer is FALSE where that does not work, or
 * takes so much processor time that KVM cannot be the real one. */
void lab_probe_begin(const Lab *lab, LabProbe *ret_probe);
gboolean lab_probe_end(LabProbe *probe);

gboolean lab_guest_add(Lab *lab, const char *name, guint node, gint64 memory_bytes,
		       gint64 dirty_rate_bytes, GError **error);
/* Where kvmig was killed while it started that guest, a node may have it, running or not: no node
 * has it afterwards. FALSE: there was none that was being started. */
gboolean lab_guest_forget_half_started(const Lab *lab, const char *name);
/* Those of a guest that no node has any more. */
void lab_guest_remove_files(const Lab *lab, const char *name);
gboolean lab_guests_add(Lab *lab, const LabOptions *options, GError **error);
/* Where each of the lab's guests is: fills vms (of LabVm) but for what the heartbeat says. Nodes
 * that do not answer within timeout_ms are passed over; *ret_silent: there was one. */
GPtrArray *lab_guests_find(const Lab *lab, guint timeout_ms, gboolean *ret_silent);
void lab_guests_listen(const Lab *lab, GPtrArray *vms, guint patience_ms);
char *lab_virsh(const Lab *lab, guint node, const char *command, guint timeout_ms, GError **error);
void lab_virsh_try(const Lab *lab, guint node, const char *command); /* failing is fine */
/* Heartbeats take some 14 MB an hour: forgets all but the last of them. */
void lab_guests_trim(const Lab *lab);

/* ---- store.c: the context local/lab ---------------------------------------------------------- */
gboolean lab_register(Cluster *cluster, const Lab *lab, guint nodes, GError **error);
gboolean lab_forget_store(LabSay say, gpointer data, GError **error);
