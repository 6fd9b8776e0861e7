/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "observe.h"

typedef struct {
	const char *selector;
} NodeListValues;

/* node-add.c, node-change.c */
extern const Command node_add_command;
extern const Command node_label_command;
extern const Command node_cordon_command;
extern const Command node_uncordon_command;
extern const Command node_remove_command;

/* A migration address, or NULL: USAGE where it is no IP address, host name or unix:/folder. */
gboolean node_check_address(const char *address, GError **error);

/* "Ready,SchedulingDisabled", of a Host or a Node; free with g_free(). */
char *node_status_text(const cJSON *object);

/* Cells that rows of Hosts and of Nodes share. */
char *node_cell_name(const cJSON *row);
char *node_cell_vms(const cJSON *row);
char *node_cell_memory(const cJSON *row);
char *node_cell_cpu(const cJSON *row);

gboolean node_output_is_table(const CommandContext *context);

/* Fills in what node_cell_vms() shows: how many VMs run on each of them. */
gboolean node_count_vms(Cluster *cluster, const GPtrArray *rows, GError **error);
/* The VMs on the node, one a line. */
gboolean node_show_vms(const CommandContext *context, const char *node, GError **error);

/* ---- node-kubevirt.c: where the nodes are Kubernetes' own ----------------------------------- */

gboolean node_is_kubernetes(const CommandContext *context);
/* TRUE: they are, and what was asked for is not to be had; hint: who does it there. */
gboolean node_refuse_kubernetes(const CommandContext *context, const char *hint, GError **error);
int node_list_kubernetes(const CommandContext *context, const Selector *selector, GError **error);
int node_show_kubernetes(const CommandContext *context, GError **error);
