/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network that migrations use, and on which nodes it is. On KubeVirt: the setting `network`
 * names a NetworkAttachmentDefinition in KubeVirt's namespace, and virt-handler's pod on each node
 * tells whether it has the interface (Multus writes what it made into the pod). Elsewhere: the
 * addresses of the Hosts. Pure: objects are added as they come.
 */
#pragma once

#include "check/finding.h"

#define LABEL_VIRT_HANDLER "kubevirt.io=virt-handler"

typedef struct {
	char *node;
	char *address;   /* where it is reached for migrations; NULL: not known */
	char *problem;   /* why it cannot be used, or NULL */
	gboolean shared; /* not on a network of migrations' own */
} NetworkNode;

typedef struct {
	char *name, *ns;   /* of the NetworkAttachmentDefinition; NULL: none is set */
	char *type;        /* "macvlan", "bridge", …; NULL: not known */
	char *master;      /* the interface of the node */
	char *problem;     /* of its configuration */
	gboolean unknown;  /* it may not be read */
	gboolean missing;  /* there is none */
	GPtrArray *nodes;  /* of NetworkNode */
	GHashTable *names; /* of those nodes */
} CheckNetwork;

/* name and ns may be NULL. */
void check_network_init(CheckNetwork *network, const char *name, const char *ns);
void check_network_clear(CheckNetwork *network);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CheckNetwork, check_network_clear)

/* The NetworkAttachmentDefinition. */
void check_network_read(CheckNetwork *network, const cJSON *attachment);
/* A pod of virt-handler. */
void check_network_add_handler(CheckNetwork *network, const cJSON *pod);
/* Whether such a pod has the interface. */
gboolean check_network_has_interface(const cJSON *pod);
/* A Node: one that is to have VMs and whose virt-handler has not been added lacks the network. A
 * Host: its address. */
void check_network_add_node(CheckNetwork *network, const cJSON *node);

/* Sorts the nodes, and tells what is wrong. */
void check_network_judge(CheckNetwork *network, gboolean kubevirt, GPtrArray *findings);

/* A NetworkAttachmentDefinition as the documents have it: macvlan in bridge mode on an interface of
 * the nodes, addresses of `range` given by whereabouts. */
cJSON *network_attachment_new(const char *ns, const char *name, const char *type,
			      const char *interface, const char *range);

/* INVALID where it is no "192.0.2.0/24" or "2001:db8::/64". */
gboolean network_check_range(const char *range, GError **error);
