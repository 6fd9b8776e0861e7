/* SPDX-License-Identifier: Apache-2.0 */
/* What the subcommands of `kvmig network` and `kvmig check` share. */
#pragma once

#include "check.h"

#include "check/network.h"
#include "config/owner.h"

/* The namespace that KubeVirt is in: of its object; borrowed from the owner. */
const char *network_namespace(const ConfigOwner *owner);

/* Reads the setting's network, and which nodes have it. What may not be read is a finding. The
 * network is to be cleared in any case. */
gboolean network_gather(const CommandContext *context, const ConfigOwner *owner,
			CheckNetwork *ret_network, GPtrArray *findings, GError **error);

/* network-probe.c: libvirt hosts, between the two nodes that were named. What it finds goes into
 * the document ("fromHere", "probes") and the findings. */
void network_try_from_here(const CommandContext *context, const CheckNetwork *network,
			   cJSON *document, GPtrArray *findings);
gboolean network_probe(const CommandContext *context, cJSON *document, GPtrArray *findings,
		       GError **error);

extern const Command network_check_command, network_create_command;
