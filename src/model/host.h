/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Host object (kvmig.io/v1), read into a struct. Shape:
 *
 *   spec:
 *     uri: qemu+tls://n1/system        how kvmig reaches the daemon (hyper/uri.h's white list)
 *     peerURI: qemu+tls://n1.mig/system  how other hosts' daemons reach it; absent: uri
 *     migrationAddress: 192.0.2.1      where its QEMU listens for incoming memory; absent: the
 *                                      host part of peerURI. Also unix:/dir: sockets in a folder
 *                                      that both hosts see (hosts on one machine)
 *     allowTCP: true                   uri and peerURI may be qemu+tcp: labs only
 *     unschedulable: true              cordoned
 *     taints: [{key, value, effect}]   as on a Kubernetes Node
 *   status:                            written by the inventory alone
 *     hostUUID, nodeInfo: {libvirtVersion, hypervisorVersion, architecture, hostname, cpuModel}
 *     capacity, allocatable: {memory: "16Gi", cpu: "8"}
 *     memoryAvailable: "9Gi"           free + reclaimable at the last look
 *     conditions: [{type: Ready, status, reason, message, …}]
 *     observedAt: time of the last look
 *     tls: {migrationCertificates: true|false}  absent: not known
 *     diskLeases: {configured: true|false}      absent: not known
 *     postCopy: {userfaultfd: true|false}       absent: not known
 *
 * metadata.labels holds what the inventory reads from libvirt (its prefixes: model/wellknown.h)
 * beside what people set.
 *
 * On a KubeVirt cluster a Kubernetes Node takes its place: host_read_node() reads one into the
 * same struct, so that what judges hosts judges nodes too.
 */
#pragma once

#include "model/object.h"

typedef struct {
	/* borrowed from the object */
	const cJSON *object;
	const char *name;
	const char *uri;
	const char *peer_uri;
	const char *migration_address; /* NULL: take the host part of peer_uri */
	const char *host_uuid;	       /* NULL before the first look */
	const char *arch;	       /* of the label */
	const cJSON *labels;
	const cJSON *taints; /* array or NULL */
	const char *not_ready_reason; /* words, where !ready */
	const cJSON *allocatable; /* map or NULL */
	const char *libvirt_version, *hypervisor_version; /* "9.0.0"; NULL: not known */
	gboolean is_node; /* a Kubernetes Node: what is free there only its pods tell */
	gboolean allow_tcp;
	gboolean unschedulable;
	gboolean ready;	   /* condition Ready is True */
	gboolean unreachable; /* not ready, since nobody can ask it */
	gboolean deleting; /* being removed */
	gint64 memory_allocatable_bytes; /* 0: not known */
	gint64 memory_available_bytes;	 /* -1: not known */
	gint64 observed_us;		 /* unix time of the last look, 0: never */
} Host;

/* Reads the object; never fails: what is absent or of the wrong type is as documented above. The
 * struct is valid as long as the object is. */
void host_read(const cJSON *object, Host *ret_host);

/* The same for a Kubernetes Node. */
void host_read_node(const cJSON *object, Host *ret_host);

/* Of an array of Host*, as OBJECT_VIEWS() makes it; NULL: none has that name. */
const Host *host_find(const GPtrArray *hosts, const char *name);

/* A new Host object with its spec. peer_uri, migration_address and labels may be NULL. */
cJSON *host_object_new(const char *name, const char *uri, const char *peer_uri,
		       const char *migration_address, gboolean allow_tcp, const cJSON *labels);
