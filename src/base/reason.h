/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reason codes: why something is refused, waits, or failed. Stable: scripts compare them, and
 * each has a section in kvmig-reasons(7), made from this table. A code is never renamed and never
 * given another meaning.
 *
 *   KVMIG-PEND-…  a migration waits; the text says what must end first
 *   KVMIG-TGT-…   a node cannot take the VM
 *   KVMIG-BLK-…   the VM cannot be migrated at all as it is
 *   KVMIG-FAIL-…  a migration ended without having moved the VM
 *   KVMIG-ALARM-… a state that a person must look at; kvmig does not act on it
 *   KVMIG-LINT-…  settings or policies that do nothing, or not what one thinks
 *   KVMIG-CHK-…   what `check` found beside that
 */
#pragma once

/* REASON(identifier, code, what it means, what to do, how it comes about) */
#define REASON_TABLE(REASON)                                                                       \
	REASON(PEND_CLUSTER_LIMIT, "KVMIG-PEND-CLUSTER-LIMIT",                                     \
	       "as many migrations run as parallelMigrationsPerCluster allows",                    \
	       "wait, cancel one, or raise the limit",                                             \
	       "every migration of the cluster counts, whoever started it: drains and updates "    \
	       "too")                                                                              \
	REASON(PEND_OUTBOUND_LIMIT, "KVMIG-PEND-OUTBOUND-LIMIT",                                   \
	       "as many migrations leave the source node as parallelOutboundMigrationsPerNode "    \
	       "allows",                                                                           \
	       "wait, cancel one, or raise the limit",                                             \
	       "a drain, or a batch, moves many VMs of one node")                                  \
	REASON(PEND_INBOUND_LIMIT, "KVMIG-PEND-INBOUND-LIMIT",                                     \
	       "every node that fits already receives as many VMs as it may",                      \
	       "wait, or free another node",                                                       \
	       "parallelInboundMigrationsPerNode is set, and few nodes fit")                       \
	REASON(PEND_NO_TARGET, "KVMIG-PEND-NO-TARGET", "no node can take the VM now",              \
	       "run 'kvmig targets VM' for the reasons of each node",                              \
	       "nodes are cordoned, full, or lack what the VM needs; they are looked at again as " \
	       "that changes")                                                                     \
	REASON(PEND_MEMORY_RESERVED, "KVMIG-PEND-MEMORY-RESERVED",                                 \
	       "the memory on the nodes that fit is reserved for migrations under way",            \
	       "wait until one of them ends",                                                      \
	       "a VM on its way has memory on its target reserved before it arrives")              \
	REASON(PEND_VM_BUSY, "KVMIG-PEND-VM-BUSY", "something else is being done with this VM",    \
	       "wait until the snapshot, backup or block job ends",                                \
	       "libvirt does one job on a domain at a time; this one waits until that has "        \
	       "ended, and asks again every 5 s. On KubeVirt: a backup, volumes that are "         \
	       "plugged in for one, or another cluster that is not ready to take part")            \
	REASON(PEND_NO_CONTROLLER, "KVMIG-PEND-NO-CONTROLLER",                                     \
	       "no controller runs, so nobody starts or watches migrations",                       \
	       "run 'kvmig controller', or any command that starts one",                           \
	       "on fleet and local clusters a controller does the work; it was stopped, or died")  \
	REASON(PEND_TARGET_POD, "KVMIG-PEND-TARGET-POD",                                           \
	       "the pod that is to receive the VM has not started yet",                            \
	       "wait; if its message names an error, mend that",                                   \
	       "its image is being pulled or its volumes attached, or it cannot start: the "       \
	       "message has what Kubernetes says")                                                 \
	REASON(PEND_QUOTA, "KVMIG-PEND-QUOTA",                                                     \
	       "the quota of the namespace has no room for the pod that is to receive the VM",     \
	       "have an admin raise it, or stop something",                                        \
	       "during a migration a VM has two pods, and the quota counts both")                  \
	REASON(TGT_SOURCE, "KVMIG-TGT-SOURCE", "the VM runs there already", "name another node",   \
	       "the node that was asked for is the VM's own")                                      \
	REASON(TGT_SAME_HOST, "KVMIG-TGT-SAME-HOST",                                               \
	       "libvirt takes the node for the one on which the VM runs",                          \
	       "remove one of the two nodes, or give each its own host_uuid in libvirtd.conf",     \
	       "both daemons report one host UUID: a cloned installation, a board without one, "   \
	       "or two names of one host")                                                         \
	REASON(TGT_CORDONED, "KVMIG-TGT-CORDONED", "the node is cordoned",                         \
	       "run 'kvmig node uncordon NODE', on KubeVirt 'kubectl uncordon NODE'",              \
	       "an admin, or a drain, marked it as unschedulable")                                 \
	REASON(TGT_NOT_READY, "KVMIG-TGT-NOT-READY", "the node is not ready or not reachable",     \
	       "look at 'kvmig node show NODE', on KubeVirt 'kubectl describe node NODE'",         \
	       "its kubelet, or its libvirt daemon, has not been heard for a while")               \
	REASON(TGT_ADDED_SELECTOR, "KVMIG-TGT-ADDED-SELECTOR",                                     \
	       "the node's labels do not match --node or --node-selector",                         \
	       "label the node or ask for another one",                                            \
	       "labels are compared as text: another case, or a name where the label has an "      \
	       "address")                                                                          \
	REASON(TGT_VM_SELECTOR, "KVMIG-TGT-VM-SELECTOR",                                           \
	       "the node's labels do not match the VM's own node selector or its namespace's",     \
	       "label the node or change the VM's node selector",                                  \
	       "the nodeSelector of the VM holds for each of its migrations, and so does the one " \
	       "that its namespace adds to all pods, besides what was asked for")                  \
	REASON(TGT_UNREACHABLE, "KVMIG-TGT-UNREACHABLE", "nobody can ask the node",                \
	       "bring the node, its daemon or the network to it back",                             \
	       "no connection to its libvirt could be opened, or it did not answer in time")       \
	REASON(TGT_NOT_SCHEDULABLE, "KVMIG-TGT-NOT-SCHEDULABLE",                                   \
	       "KubeVirt does not run VMs on the node",                                            \
	       "look at the virt-handler pod there; KubeVirt sets kubevirt.io/schedulable itself", \
	       "virt-handler does not run there, or has not been heard")                           \
	REASON(TGT_CLUSTER_SELECTOR, "KVMIG-TGT-CLUSTER-SELECTOR",                                 \
	       "the node's labels do not match the selector that KubeVirt has for every VM",       \
	       "label the node or change spec.configuration.developerConfiguration.nodeSelectors", \
	       "an admin keeps VMs to some of the nodes")                                          \
	REASON(TGT_AFFINITY, "KVMIG-TGT-AFFINITY",                                                 \
	       "the node does not meet the VM's own node affinity",                                \
	       "label the node or change the VM's affinity",                                       \
	       "requiredDuringSchedulingIgnoredDuringExecution holds for migrations too")          \
	REASON(TGT_POD_AFFINITY, "KVMIG-TGT-POD-AFFINITY",                                         \
	       "the VM has to be near to, or away from, pods, and on the node it is not",          \
	       "move those pods or change the affinity",                                           \
	       "often two VMs of one service that must not share a node, with no third node for "  \
	       "them")                                                                             \
	REASON(TGT_SPREAD, "KVMIG-TGT-SPREAD",                                                     \
	       "there the VM's pods would be spread less evenly than they must be",                \
	       "move one of them, or relax the constraint",                                        \
	       "during a migration the VM has two pods, and topologySpreadConstraints with "       \
	       "DoNotSchedule count both")                                                         \
	REASON(TGT_VOLUME, "KVMIG-TGT-VOLUME", "the node cannot reach a volume of the VM",         \
	       "choose a node that can, or move the volume to storage that all nodes reach",       \
	       "a disk of one host, or storage of one zone: the volume's node affinity has it")    \
	REASON(TGT_TAINT, "KVMIG-TGT-TAINT", "the node has a taint that the VM does not tolerate", \
	       "remove the taint",                                                                 \
	       "the node is kept for other work, or Kubernetes tainted it for a fault")            \
	REASON(TGT_ARCH, "KVMIG-TGT-ARCH", "the node has another processor architecture",          \
	       "choose a node of the VM's architecture",                                           \
	       "a running guest cannot change its processor's architecture")                       \
	REASON(TGT_CPU_MODEL, "KVMIG-TGT-CPU-MODEL", "the node cannot offer the VM's CPU model",   \
	       "choose a node with that CPU, or give the VM an older model",                       \
	       "the node's processor is older or of another vendor, or its microcode hides "       \
	       "features of the model")                                                            \
	REASON(TGT_CPU_FEATURE, "KVMIG-TGT-CPU-FEATURE",                                           \
	       "the node lacks CPU features that the VM uses",                                     \
	       "choose a node with that CPU, or give the VM an older model",                       \
	       "with host-model the guest got the features of the node on which it started")       \
	REASON(TGT_CAPABILITY, "KVMIG-TGT-CAPABILITY",                                             \
	       "the node lacks something else that the VM needs: CPU pinning, realtime, SEV, TSC, "\
	       "firmware, TPM",                                                                    \
	       "choose a node that has it, or change the VM",                                      \
	       "what virt-handler found out about the node, in its labels, or the domain "         \
	       "capabilities of its libvirt, do not have it")                                      \
	REASON(TGT_VERSION, "KVMIG-TGT-VERSION",                                                   \
	       "the node's libvirt or QEMU is too old for the VM's machine",                       \
	       "update the node, or choose one that is as new as the VM's",                        \
	       "the VM was started on a node with newer software, and got that one's machine "     \
	       "type")                                                                             \
	REASON(TGT_MACHINE_TYPE, "KVMIG-TGT-MACHINE-TYPE",                                         \
	       "the node's QEMU lacks the VM's machine type", "update QEMU on the node",           \
	       "QEMU gives old machine types up in time, and has new ones in new releases only")   \
	REASON(TGT_VIRT_TYPE, "KVMIG-TGT-VIRT-TYPE",                                               \
	       "the node cannot accelerate the VM as it runs now", "enable KVM on the node",       \
	       "no virtualization in the firmware, no module kvm, or no rights on /dev/kvm")       \
	REASON(TGT_MEMORY, "KVMIG-TGT-MEMORY", "the node has too little memory",                   \
	       "free memory there or choose another node",                                         \
	       "requests count, used or not; on libvirt hosts also what is really free")           \
	REASON(TGT_CPU, "KVMIG-TGT-CPU", "the node has too little CPU left to promise",            \
	       "free CPU there or choose another node",                                            \
	       "what pods there request, not what they use, is taken off what the node has to "    \
	       "give")                                                                             \
	REASON(TGT_EPHEMERAL, "KVMIG-TGT-EPHEMERAL",                                               \
	       "the node has too little local storage left to promise",                            \
	       "free some there or choose another node",                                           \
	       "requests of ephemeral-storage count, used or not")                                 \
	REASON(TGT_PODS, "KVMIG-TGT-PODS", "the node has as many pods as it may",                  \
	       "remove pods there or raise maxPods of its kubelet",                                \
	       "the target of each migration is a pod of its own")                                 \
	REASON(TGT_HUGEPAGES, "KVMIG-TGT-HUGEPAGES", "the node has too few free huge pages",       \
	       "reserve more there or choose another node",                                        \
	       "they are reserved at boot, by size; memory that is free otherwise does not count") \
	REASON(TGT_DEVICE, "KVMIG-TGT-DEVICE",                                                     \
	       "the node has none left of a device that the VM uses",                              \
	       "choose a node that has it, or free one",                                           \
	       "the node does not have the device, or other VMs have all of them")                 \
	REASON(TGT_NETWORK, "KVMIG-TGT-NETWORK", "the node lacks a network of the VM",             \
	       "set the network up on the node",                                                   \
	       "the bridge or libvirt network, or the resource of its device plugin, is not "      \
	       "there")                                                                            \
	REASON(TGT_MIGRATION_NETWORK, "KVMIG-TGT-MIGRATION-NETWORK",                               \
	       "the node is not on the network that migrations use",                               \
	       "set the network up on the node: 'kvmig network check'",                            \
	       "its virt-handler has no interface migration0, or its Host no address to send to")  \
	REASON(TGT_LIBVIRT, "KVMIG-TGT-LIBVIRT", "libvirt on the node refuses the VM",             \
	       "its own words say why",                                                            \
	       "an obstacle that only its daemon knows, found when it was asked about this VM")    \
	REASON(BLK_NOT_RUNNING, "KVMIG-BLK-NOT-RUNNING", "the VM is not running",                  \
	       "start it; a VM that is shut off has nothing to migrate live",                      \
	       "it is shut off, still starting, or has ended")                                     \
	REASON(BLK_SOURCE_UNREACHABLE, "KVMIG-BLK-SOURCE-UNREACHABLE",                             \
	       "the node on which the VM is does not answer", "bring the node back",               \
	       "the host is down or cut off; whether the VM still runs there is not known")        \
	REASON(BLK_IN_FLIGHT, "KVMIG-BLK-IN-FLIGHT", "the VM is being migrated already",           \
	       "follow it with 'kvmig status -w VM' or cancel it",                                 \
	       "a user, a drain or an update of the cluster started one before")                   \
	REASON(BLK_DUPLICATE_UUID, "KVMIG-BLK-DUPLICATE-UUID",                                     \
	       "two hosts report a domain with this UUID",                                         \
	       "find out which one is real; kvmig will not touch either",                          \
	       "a domain was copied with its UUID, or a migration outside of kvmig left a "        \
	       "definition behind")                                                                \
	REASON(BLK_UNDECIDED, "KVMIG-BLK-UNDECIDED",                                               \
	       "an earlier migration of this VM is undecided: a host could not be asked",          \
	       "bring that host back, or decide by hand",                                          \
	       "the host went away in the middle; the VM may run on either side, and starting it " \
	       "twice would destroy its disk")                                                     \
	REASON(BLK_LIBVIRT, "KVMIG-BLK-LIBVIRT", "libvirt refuses to migrate this VM",             \
	       "its own words say why",                                                            \
	       "a device, disk or setting of the domain that libvirt never moves live")            \
	REASON(BLK_NOT_MIGRATABLE, "KVMIG-BLK-NOT-MIGRATABLE",                                     \
	       "KubeVirt says that this VM cannot be migrated live",                               \
	       "mend what the message names; a VM that is stopped and started can run elsewhere",  \
	       "its condition LiveMigratable is False, for a reason that is none of those with a " \
	       "code")                                                                             \
	REASON(BLK_SELECTOR_CONFLICT, "KVMIG-BLK-SELECTOR-CONFLICT",                               \
	       "the VM's own node selector asks for another value of a label that was asked for",  \
	       "ask for a node that the VM's own selector permits, or change that",                \
	       "both are to hold, and KubeVirt keeps the VM's value without a word: it would go "  \
	       "elsewhere")                                                                        \
	REASON(BLK_TLS_CERTS, "KVMIG-BLK-TLS-CERTS",                                               \
	       "migration traffic is to be encrypted, but a host lacks the certificates",          \
	       "install them, or set disableTLS to true where the network is trusted",             \
	       "QEMU's migration takes certificates of its own, beside those of libvirtd")         \
	REASON(FAIL_LIBVIRT, "KVMIG-FAIL-LIBVIRT", "libvirt or QEMU reported an error",            \
	       "read its words; the VM runs on the source",                                        \
	       "beside the words: the QEMU log of both hosts, /var/log/libvirt/qemu")              \
	REASON(FAIL_CANCELLED, "KVMIG-FAIL-CANCELLED", "cancelled by a user",                      \
	       "start it again when you like",                                                     \
	       "kvmig cancel, virsh domjobabort, or the migration object was deleted")             \
	REASON(FAIL_COMPLETION_TIMEOUT, "KVMIG-FAIL-COMPLETION-TIMEOUT",                           \
	       "not done within completionTimeoutPerGiB",                                          \
	       "raise it or bandwidthPerMigration, or allow post-copy",                            \
	       "the guest writes to its memory faster than it is copied; the time grows with the " \
	       "memory of the VM")                                                                 \
	REASON(FAIL_PROGRESS_TIMEOUT, "KVMIG-FAIL-PROGRESS-TIMEOUT",                               \
	       "the memory copy made no progress for progressTimeout",                             \
	       "look at the network between the two hosts",                                        \
	       "the network stalled, the target hangs, or the guest undoes what was copied")       \
	REASON(FAIL_NO_TARGET_TIMEOUT, "KVMIG-FAIL-NO-TARGET-TIMEOUT",                             \
	       "no node could take the VM before the time for that ran out",                       \
	       "look at 'kvmig node list' and start it again",                                     \
	       "no node that fits became free in time; --schedule-timeout sets it for one "        \
	       "migration")                                                                        \
	REASON(FAIL_HOST_UNREACHABLE, "KVMIG-FAIL-HOST-UNREACHABLE",                               \
	       "a host could not be reached", "bring it back and start again",                     \
	       "network, daemon or credentials, of either host")                                   \
	REASON(FAIL_TARGET_POD, "KVMIG-FAIL-TARGET-POD",                                           \
	       "the pod that was to receive the VM did not start, or ended",                       \
	       "read what its events say; the VM runs on the source",                              \
	       "no image, no volume, a quota, or it was killed for its memory")                    \
	REASON(FAIL_KUBEVIRT, "KVMIG-FAIL-KUBEVIRT", "KubeVirt ended the migration",               \
	       "read its words; the VM runs on the source unless they say otherwise",              \
	       "its objects say no more than that; the log of virt-controller may")                \
	REASON(FAIL_SETTINGS, "KVMIG-FAIL-SETTINGS",                                               \
	       "the settings or the policy of the migration cannot be obeyed",                     \
	       "correct what the message names and start it again",                                \
	       "they were written past the checks, by another program or an older release")        \
	REASON(FAIL_VM_GONE, "KVMIG-FAIL-VM-GONE", "the VM ended while it was being migrated",     \
	       "look at why it ended",                                                             \
	       "it was shut down, destroyed or deleted, or its QEMU crashed")                      \
	REASON(FAIL_CONTROLLER_LOST, "KVMIG-FAIL-CONTROLLER-LOST",                                 \
	       "the controller died before the migration was handed to libvirt", "start it again", \
	       "it was killed, or its machine went down; whoever came next found libvirt without " \
	       "a migration")                                                                      \
	REASON(BLK_RWX, "KVMIG-BLK-RWX",                                                           \
	       "a volume of the VM cannot be opened on two nodes at once",                         \
	       "move it to a storage class with ReadWriteMany",                                    \
	       "its claim is ReadWriteOnce, as most storage classes make them where "              \
	       "nobody asks for more; during a migration source and target have the "              \
	       "volume open")                                                                      \
	REASON(BLK_LOCAL_DISK, "KVMIG-BLK-LOCAL-DISK", "a disk of the VM is only on its node",     \
	       "move the disk to shared storage",                                                  \
	       "a hostDisk without 'shared', or an image in a folder of the host")                 \
	REASON(BLK_HOST_DEVICE, "KVMIG-BLK-HOST-DEVICE",                                           \
	       "a device of the node is passed through to the VM",                                 \
	       "take the device out, or shut the VM down for the drain",                           \
	       "PCI devices, GPUs and their like keep their state on the node")                    \
	REASON(BLK_ENCRYPTED, "KVMIG-BLK-ENCRYPTED",                                               \
	       "the memory of the VM is encrypted by the processor of its node",                   \
	       "shut the VM down for the drain",                                                   \
	       "SEV, TDX and secure execution: no other node has the key")                         \
	REASON(BLK_INTERFACE, "KVMIG-BLK-INTERFACE", "a network interface of the VM cannot move",  \
	       "bind it by masquerade, or by a plugin that can be migrated",                       \
	       "on the pod network the VM would get another address on another node: "             \
	       "bridge hands the pod's own to the guest")                                          \
	REASON(BLK_CPU, "KVMIG-BLK-CPU", "the CPU of the VM cannot be offered by another node",    \
	       "name a CPU model that several nodes have",                                         \
	       "the node does not say what its host model is, or the guest depends on "            \
	       "features of this very processor")                                                  \
	REASON(BLK_FILESYSTEM, "KVMIG-BLK-FILESYSTEM",                                             \
	       "a folder of the node is shared with the guest",                                    \
	       "take the file system out, or shut the VM down for the drain",                      \
	       "the daemon that serves it runs on the node, and keeps its state")                  \
	REASON(BLK_NAME, "KVMIG-BLK-NAME", "the name of the VM is too long to be migrated",        \
	       "make the VM anew under a name of at most 63 characters",                           \
	       "the migration has the VM's name as a label, and label values end at 63 "           \
	       "characters")                                                                       \
	REASON(CHK_NOT_SEEN, "KVMIG-CHK-NOT-SEEN", "something could not be looked at",             \
	       "ask for the right that the text names, or look at it where it is",                 \
	       "no right to read it, or nothing outside of the node tells it")                     \
	REASON(CHK_DISKS_COPIED, "KVMIG-CHK-DISKS-COPIED",                                         \
	       "disks are copied together with the memory",                                        \
	       "nothing, as long as they are small: their size counts for the time that "          \
	       "a migration may take",                                                             \
	       "cloud-init, container and empty disks are made for each pod")                      \
	REASON(CHK_RESERVATION, "KVMIG-CHK-RESERVATION",                                           \
	       "a disk uses SCSI persistent reservations",                                         \
	       "see that the cluster software in the guest stands the change of node",             \
	       "a reservation is held by the node that made it")                                   \
	REASON(CHK_SRIOV, "KVMIG-CHK-SRIOV", "an SR-IOV interface is unplugged for the migration", \
	       "let the guest bond it with another interface",                                     \
	       "the function of the card belongs to the node")                                     \
	REASON(CHK_CPU_PASSTHROUGH, "KVMIG-CHK-CPU-PASSTHROUGH",                                   \
	       "the guest sees the processor of its node",                                         \
	       "use host-model or a named model where nodes differ",                               \
	       "host-passthrough hands out everything, and nothing compares it with the "          \
	       "target's")                                                                         \
	REASON(CHK_ONE_STREAM, "KVMIG-CHK-ONE-STREAM", "the memory is copied in one stream only",  \
	       "take the CPU limit off where the migration is too slow",                           \
	       "eight streams would take CPU time from the guest where its pod is "                \
	       "limited")                                                                          \
	REASON(CHK_STORAGE_MIGRATION, "KVMIG-CHK-STORAGE-MIGRATION",                               \
	       "the disks of the VM cannot be moved to other storage while it runs",               \
	       "shut it down to move its disks",                                                   \
	       "the same obstacles as for a migration between nodes")                              \
	REASON(CHK_EVICTION, "KVMIG-CHK-EVICTION", "the VM is marked to leave its node",           \
	       "wait for the migration that follows, or clear the mark: 'kvmig cancel VM'",        \
	       "its node is being drained, or was, and nobody took the mark off")                  \
	REASON(CHK_SPARE_MEMORY, "KVMIG-CHK-SPARE-MEMORY",                                         \
	       "the cluster has too little spare memory to drain as many nodes as may "            \
	       "drain at once",                                                                    \
	       "add memory or nodes, stop VMs, or let fewer nodes drain at once",                  \
	       "the rule of the documents: spare memory of at least the number of nodes "          \
	       "that drain in parallel times the highest total of VM memory requests on "          \
	       "one node")                                                                         \
	REASON(CHK_NODE_MEMORY, "KVMIG-CHK-NODE-MEMORY",                                           \
	       "the other nodes have no room for all VMs of this one",                             \
	       "free memory on the other nodes, uncordon one, or shut VMs down for the "           \
	       "drain",                                                                            \
	       "each VM needs its whole request on one node: a little on each of several "         \
	       "does not help a large one")                                                        \
	REASON(CHK_RETRY_LOOP, "KVMIG-CHK-RETRY-LOOP",                                             \
	       "migrations of the VM fail again and again",                                        \
	       "find out why with 'kvmig status VM', mend that, or end the tries with "            \
	       "'kvmig cancel VM'",                                                                \
	       "an eviction, or an update of the VM's pod, whose migration fails is "              \
	       "tried anew until it works or somebody takes it back")                              \
	REASON(CHK_TLS_OFF, "KVMIG-CHK-TLS-OFF", "migration traffic is not encrypted",             \
	       "'kvmig config unset disableTLS'",                                                  \
	       "disableTLS was set, as some do for speed on a network of their own")               \
	REASON(CHK_UNSAFE, "KVMIG-CHK-UNSAFE", "libvirt's safety checks are overridden",           \
	       "'kvmig config unset unsafeMigrationOverride'", "unsafeMigrationOverride was set")  \
	REASON(CHK_NETWORK_NONE, "KVMIG-CHK-NETWORK-NONE",                                         \
	       "migrations share the network that everything else uses",                           \
	       "give them one of their own: 'kvmig help network'",                                 \
	       "no dedicated migration network is set; the documents recommend one")               \
	REASON(CHK_NETWORK_MISSING, "KVMIG-CHK-NETWORK-MISSING",                                   \
	       "the network that migrations are to use does not exist",                            \
	       "make it ('kvmig help network'), or take the setting out: 'kvmig "                  \
	       "config unset network'",                                                            \
	       "the setting names a NetworkAttachmentDefinition that is not in the "               \
	       "namespace of KubeVirt, where it is looked for")                                    \
	REASON(CHK_NETWORK_CONFIG, "KVMIG-CHK-NETWORK-CONFIG",                                     \
	       "the network that migrations are to use cannot work as it is configured",           \
	       "correct its NetworkAttachmentDefinition",                                          \
	       "virt-handler wants an address on it, which takes an ipam part that gives "         \
	       "one")                                                                              \
	REASON(CHK_NETWORK_SPEED, "KVMIG-CHK-NETWORK-SPEED",                                       \
	       "the speed between two nodes is not known",                                         \
	       "migrate a VM between them, and look again",                                        \
	       "nothing but a migration sends data from one node to another for kvmig")            \
	REASON(CHK_PERMISSION, "KVMIG-CHK-PERMISSION", "you may not do what a migration takes",    \
	       "let an admin grant it: kvmig rbac grant",                                          \
	       "only who is bound to the role kubevirt.io:migrate may make migrations, "           \
	       "since KubeVirt 1.5")                                                               \
	REASON(CHK_CLOCK_SKEW, "KVMIG-CHK-CLOCK-SKEW", "the clock of a node is wrong",             \
	       "set up NTP on the node",                                                           \
	       "leases, certificates and timeouts are compared across nodes")                      \
	REASON(CHK_VERSIONS, "KVMIG-CHK-VERSIONS", "the nodes have different versions",            \
	       "bring all nodes to one version; until then, migrate from old to new",              \
	       "a VM that was started by a newer QEMU may have a machine type or devices "         \
	       "that an older one lacks")                                                          \
	REASON(CHK_UPGRADE, "KVMIG-CHK-UPGRADE", "KubeVirt is being upgraded",                     \
	       "wait until it has ended: it migrates VMs itself meanwhile",                        \
	       "what is to be installed is another version than what runs")                        \
	REASON(CHK_KUBEVIRT, "KVMIG-CHK-KUBEVIRT", "KubeVirt says that it is not available",       \
	       "look at its pods: 'kubectl get pods -A -l kubevirt.io'",                           \
	       "one of its parts is not ready, or it is being installed or removed")               \
	REASON(CHK_VIRT_API, "KVMIG-CHK-VIRT-API", "KubeVirt's virt-api does not answer",          \
	       "look at its pods: 'kubectl get pods -A -l kubevirt.io=virt-api'",                  \
	       "it admits all that is written to KubeVirt's objects: until it answers nothing "    \
	       "can be migrated, and no policy can be changed")                                    \
	REASON(CHK_USERFAULTFD, "KVMIG-CHK-USERFAULTFD", "post-copy cannot work on a node",        \
	       "set sysctl vm.unprivileged_userfaultfd=1 on the node, or use QEMU 8.0 "            \
	       "and libvirt 10.1",                                                                 \
	       "QEMU runs without the right to catch page faults of the kernel")                   \
	REASON(CHK_DISK_LEASES, "KVMIG-CHK-DISK-LEASES",                                           \
	       "nothing on the node keeps a disk from being used by two VMs at once",              \
	       "set lock_manager = \"lockd\" in qemu.conf and start virtlockd, or use "            \
	       "sanlock",                                                                          \
	       "without leases only QEMU's own image locks stand between two copies of a "         \
	       "VM and one disk")                                                                  \
	REASON(CHK_TCG, "KVMIG-CHK-TCG",                                                           \
	       "the VM is emulated by a QEMU that corrupts such VMs while they migrate",           \
	       "update QEMU to 9.0 or newer, or let the VM use KVM",                               \
	       "before 9.0 pages that the guest writes can be missed where TCG runs it")           \
	REASON(CHK_DRAIN_STOPS, "KVMIG-CHK-DRAIN-STOPS",                                           \
	       "a drain shuts the VM down, though it could be migrated",                           \
	       "set evictionStrategy: LiveMigrate, in the VM or for the cluster",                  \
	       "without an eviction strategy an eviction is what it is for any pod")               \
	REASON(CHK_POST_COPY_VM, "KVMIG-CHK-POST-COPY-VM",                                         \
	       "post-copy is allowed, and this VM cannot use it",                                  \
	       "give it a policy of its own, with a time that pre-copy needs",                     \
	       "what devices hold of the memory cannot be fetched later")                          \
	REASON(BLK_SHARED_MEMORY, "KVMIG-BLK-SHARED-MEMORY",                                       \
	       "the VM shares memory with others on its node",                                     \
	       "take the device out, or shut the VM down for the drain",                           \
	       "an shmem device: whoever else has that memory stays behind; only with "            \
	       "role='master' does libvirt take a copy along")                                     \
	REASON(CHK_DISK_CACHE, "KVMIG-CHK-DISK-CACHE",                                             \
	       "the cache of a disk is not safe for a migration",                                  \
	       "use cache='none', or 'directsync'",                                                \
	       "older releases of libvirt refuse any other; newer ones let even "                  \
	       "cache='unsafe' go, with which nothing makes the node write out what "              \
	       "the guest has flushed")                                                            \
	REASON(CHK_PATH_ABSENT, "KVMIG-CHK-PATH-ABSENT",                                           \
	       "another node does not have a file or device of the VM",                            \
	       "put it there, or on shared storage; if it is there: virsh pool-refresh "           \
	       "POOL",                                                                             \
	       "the storage pool of the other node that covers the path does not list "            \
	       "it, or has another one of that name; libvirt finds out when the "                  \
	       "migration has begun")                                                              \
	REASON(CHK_PATH_UNSEEN, "KVMIG-CHK-PATH-UNSEEN",                                           \
	       "whether other nodes have what the VM has open is not known",                       \
	       "on both nodes: stat -c '%d %i %s %z' PATH, ip link show BRIDGE; with a "           \
	       "storage pool over its folder on both (virsh pool-define-as NAME dir "              \
	       "--target FOLDER) kvmig can see it",                                                \
	       "libvirt shows files of a host only in its storage pools, and one path "            \
	       "on two hosts can be two files")                                                    \
	REASON(CHK_MEDIA, "KVMIG-CHK-MEDIA",                                                       \
	       "a medium in a drive of the VM may be on its own node only",                        \
	       "eject it: virsh change-media VM DRIVE --eject; or put it on shared "               \
	       "storage",                                                                          \
	       "libvirt takes what is only read for safe, and the target fails to open "           \
	       "it")                                                                               \
	REASON(CHK_CHECKPOINTS, "KVMIG-CHK-CHECKPOINTS",                                           \
	       "checkpoints of the VM do not go along",                                            \
	       "let the backup program make a full backup afterwards",                             \
	       "libvirt keeps its record of them on the node; their bitmaps stay in "              \
	       "the image and go on recording")                                                    \
	REASON(CHK_NETWORK_UNREACHED, "KVMIG-CHK-NETWORK-UNREACHED",                               \
	       "a node could not be reached over the network that migrations use",                 \
	       "look at the route and the firewall between them",                                  \
	       "the daemon or the address of the target does not answer, or not to "               \
	       "this source")                                                                      \
	REASON(CHK_HOST_MODEL, "KVMIG-CHK-HOST-MODEL",                                             \
	       "VMs with CPU model host-model cannot leave the node",                              \
	       "use a named CPU model where no other node has this one",                           \
	       "the node does not say what its CPU model is, or no other node has it")             \
	REASON(LINT_POLICY_INVALID, "KVMIG-LINT-POLICY-INVALID",                                   \
	       "a policy that the admission would refuse", "correct what the message names",       \
	       "it was written before the admission existed, or past it")                          \
	REASON(LINT_POLICY_NO_SELECTORS, "KVMIG-LINT-POLICY-NO-SELECTORS",                         \
	       "a policy without selectors matches no VM",                                         \
	       "give it labels to match, or delete it",                                            \
	       "without the key 'selectors' nothing matches; the empty 'selectors: {}' matches "   \
	       "every VM")                                                                         \
	REASON(LINT_POLICY_DUPLICATE, "KVMIG-LINT-POLICY-DUPLICATE",                               \
	       "two policies have equal selectors: one of them never applies",                     \
	       "delete one of them, or change its labels",                                         \
	       "a policy was copied under another name, and its labels left as they were")         \
	REASON(LINT_POLICY_TIE, "KVMIG-LINT-POLICY-TIE",                                           \
	       "two policies can meet on a VM and only their names decide",                        \
	       "make a policy with the labels of both: it goes before them",                       \
	       "both match with as many labels, and a VM can have the labels of both")             \
	REASON(LINT_POLICY_RULES_DIFFER, "KVMIG-LINT-POLICY-RULES-DIFFER",                         \
	       "the documents and KubeVirt disagree which of two policies wins",                   \
	       "make a policy with the labels of both: it goes before them",                       \
	       "among equals the documents compare label keys, KubeVirt's code counts the VM's "   \
	       "labels first")                                                                     \
	REASON(LINT_POLICY_UNMATCHED, "KVMIG-LINT-POLICY-UNMATCHED",                               \
	       "the selectors of a policy match no VM", "label the running VMs, or delete it",     \
	       "the label is on the VirtualMachine only, is misspelt, or no such VM runs now")     \
	REASON(LINT_POLICY_DISRUPTION_OFF, "KVMIG-LINT-POLICY-DISRUPTION-OFF",                     \
	       "allowPostCopy: false alone switches workload disruption off too",                  \
	       "say allowWorkloadDisruption in the policy",                                        \
	       "where a policy leaves allowWorkloadDisruption out, it follows the policy's "       \
	       "allowPostCopy")                                                                    \
	REASON(LINT_POLICY_GATED, "KVMIG-LINT-POLICY-GATED",                                       \
	       "a field that KubeVirt heeds only behind a feature gate",                           \
	       "enable the gate, or leave the field out",                                          \
	       "the gate is in spec.configuration.developerConfiguration.featureGates of "         \
	       "KubeVirt")                                                                         \
	REASON(LINT_POLICY_POST_COPY, "KVMIG-LINT-POLICY-POST-COPY",                               \
	       "a policy allows post-copy to VMs that cannot use it",                              \
	       "give these VMs a policy of their own, without post-copy",                          \
	       "a passed-through device writes into memory that would still be on the source")     \
	REASON(LINT_POLICY_NOT_RUNNING_LABEL, "KVMIG-LINT-POLICY-NOT-RUNNING-LABEL",               \
	       "a label of the VM has not reached the running VM",                                 \
	       "label the running VM too: kvmig vm label",                                         \
	       "labels go from a VirtualMachine's template to the instance when that starts, not " \
	       "later")                                                                            \
	REASON(LINT_CONFIG_INVALID, "KVMIG-LINT-CONFIG-INVALID",                                   \
	       "a setting has a value that nobody can obey", "take it out or correct it",          \
	       "a unit that there is not, a negative number, or a value that is too large")        \
	REASON(LINT_CONFIG_POST_COPY_ALONE, "KVMIG-LINT-CONFIG-POST-COPY-ALONE",                   \
	       "post-copy is allowed, but without workload disruption it never begins",            \
	       "set allowWorkloadDisruption to true, which also permits pausing the guest",        \
	       "HyperConverged sets allowWorkloadDisruption to false since 1.19 where nobody set " \
	       "it")                                                                               \
	REASON(LINT_CONFIG_POST_COPY_NO_CAP, "KVMIG-LINT-CONFIG-POST-COPY-NO-CAP",                 \
	       "post-copy may take the whole of a network that not only migrations use",           \
	       "set bandwidthPerMigration, or give migrations a network of their own",             \
	       "after the switch pages are sent as fast as the link takes them")                   \
	REASON(LINT_CONFIG_NO_TIMEOUT, "KVMIG-LINT-CONFIG-NO-TIMEOUT",                             \
	       "a migration that does not converge goes on for ever",                              \
	       "set completionTimeoutPerGiB", "completionTimeoutPerGiB is 0")                      \
	REASON(LINT_CONFIG_TIMEOUT_LONG, "KVMIG-LINT-CONFIG-TIMEOUT-LONG",                         \
	       "a large VM that does not converge is copied for hours before anything is done",    \
	       "lower completionTimeoutPerGiB",                                                    \
	       "the time is completionTimeoutPerGiB for each GiB of the VM's memory")              \
	REASON(LINT_CONFIG_TIMEOUT_SHORT, "KVMIG-LINT-CONFIG-TIMEOUT-SHORT",                       \
	       "the time runs out before the memory can have been copied once",                    \
	       "raise completionTimeoutPerGiB or bandwidthPerMigration",                           \
	       "at the cap of bandwidthPerMigration a GiB takes longer than "                      \
	       "completionTimeoutPerGiB")                                                          \
	REASON(LINT_CONFIG_LIMIT_ZERO, "KVMIG-LINT-CONFIG-LIMIT-ZERO",                             \
	       "a limit of 0: no migration ever starts", "take it out or raise it",                \
	       "0 is no sign for unlimited here")                                                  \
	REASON(LINT_CONFIG_NO_CAP, "KVMIG-LINT-CONFIG-NO-CAP",                                     \
	       "several migrations without a cap leave one node at once and share its link",       \
	       "set parallelOutboundMigrationsPerNode to 1, or bandwidthPerMigration",             \
	       "each migration takes what it gets, so together they take longer, and guests "      \
	       "write meanwhile")                                                                  \
	REASON(LINT_CONFIG_HEAVY_PARALLEL, "KVMIG-LINT-CONFIG-HEAVY-PARALLEL",                     \
	       "settings for heavy workloads, but many migrations at once",                        \
	       "at most 5 in the cluster, and one from each node",                                 \
	       "migrations that share a link are slower, and a busy guest converges on a fast "    \
	       "one only")                                                                         \
	REASON(LINT_CONFIG_GATED, "KVMIG-LINT-CONFIG-GATED",                                       \
	       "a setting that KubeVirt heeds only behind a feature gate",                         \
	       "enable the gate, or take the setting out",                                         \
	       "the gate is in spec.configuration.developerConfiguration.featureGates of "         \
	       "KubeVirt")                                                                         \
	REASON(LINT_CONFIG_NO_EFFECT, "KVMIG-LINT-CONFIG-NO-EFFECT",                               \
	       "a setting that is kept, and that nobody on this cluster acts upon",                \
	       "do not count on it; take it out",                                                  \
	       "the field exists in the object, but not in the release or cluster that would "     \
	       "have to obey it, or a feature gate puts other rules in its place")                 \
	REASON(LINT_CONFIG_REWRITTEN, "KVMIG-LINT-CONFIG-REWRITTEN",                               \
	       "an upgrade will replace the value, whether somebody chose it or not",              \
	       "set another value, which the upgrade leaves alone",                                \
	       "it equals the default of older releases, and HyperConverged 1.19 cannot tell the " \
	       "two apart")                                                                        \
	REASON(LINT_CONFIG_IN_FLIGHT, "KVMIG-LINT-CONFIG-IN-FLIGHT",                               \
	       "a migration that runs keeps the settings that it began with",                      \
	       "let it end, or cancel it and start it again",                                      \
	       "its settings were copied into its object when it was handed over")                 \
	REASON(ALARM_TWO_RUNNING, "KVMIG-ALARM-TWO-RUNNING",                                       \
	       "two copies of the VM ran at once; the one that began second was suspended",        \
	       "destroy the suspended copy once you are sure which one is right",                  \
	       "the hosts lost sight of each other at the switch, or somebody resumed a copy by "  \
	       "hand")                                                                             \
	REASON(ALARM_NONE_LEFT, "KVMIG-ALARM-NONE-LEFT", "no host has the VM any more",            \
	       "look at both hosts' logs; start the VM from its disk",                             \
	       "it was shut down or crashed in the midst of the switch, or was removed by hand")   \
	REASON(ALARM_BOTH_PAUSED, "KVMIG-ALARM-BOTH-PAUSED",                                       \
	       "both copies are paused and nothing tells which one is complete",                   \
	       "resume the one that is right with virsh, destroy the other",                       \
	       "a daemon or host died between the end of the copy and the start on the target")    \
	REASON(ALARM_COPY_LEFT, "KVMIG-ALARM-COPY-LEFT",                                           \
	       "the VM runs, and another host still has a copy of it that does not",               \
	       "once you are sure that it is the stale one, destroy it there with virsh",          \
	       "a daemon died before it had cleaned up after the migration")                       \
	REASON(ALARM_ONE_PAUSED, "KVMIG-ALARM-ONE-PAUSED",                                         \
	       "the only copy of the VM is paused, and nothing tells whether another one has run", \
	       "find out whether the other host ran it; if not, resume it with virsh",             \
	       "a host or daemon died around the switch; the other one may have run the VM, and "  \
	       "its disk may be ahead")                                                            \
	REASON(ALARM_UNDECIDED, "KVMIG-ALARM-UNDECIDED",                                           \
	       "a host could not be asked, so the outcome is not known",                           \
	       "bring the host back; kvmig settles it then",                                       \
	       "the host is down or cut off, and only it knows whether it runs the VM")

#define REASON_DECLARE(identifier, code, text, hint, ...) extern const char REASON_##identifier[];
REASON_TABLE(REASON_DECLARE)
#undef REASON_DECLARE

/* One row of the table. */
typedef struct {
	const char *code; /* also the address of REASON_<identifier> */
	const char *text;
	const char *hint;
	const char *cause; /* how it comes about; "" where the text says it all */
} Reason;

/* The row of a code, or NULL. */
const Reason *reason_find(const char *code);

/* Walks the table: row n, or NULL past its end. */
const Reason *reason_nth(unsigned n);
