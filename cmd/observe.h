/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands about hosts and VMs share. */
#pragma once

#include "cmd.h"

#include "inventory/inventory.h"

/* Brings hosts and VMs in the store up to date: looks at the hosts that nobody has looked at for
 * some seconds. Hosts that do not answer are named in a warning; that is no error. */
gboolean observe_cluster(const CommandContext *context, GError **error);

/* The same, now, for one host. */
gboolean observe_node(const CommandContext *context, const char *node, GError **error);

/* The VM that is meant by `word`, as inventory_find_vmi(). Where the store knows none, all hosts
 * are looked at first, however fresh: it may have been made a moment ago. Where on KubeVirt there
 * is such a VM, and no instance of it: NULL, no error, and the VM's state in KubeVirt's word
 * ("Stopped"), to free with g_free(). */
cJSON *observe_find_vmi_or_state(const CommandContext *context, const char *word, char **ret_state,
				 GError **error);
/* The same, where that is an error too: NOT_FOUND, with the reason KVMIG-BLK-NOT-RUNNING. */
cJSON *observe_find_vmi(const CommandContext *context, const char *word, GError **error);

/* The Host of that name; NOT_FOUND hints at near names. */
cJSON *observe_host(Cluster *cluster, const char *name, GError **error);

/* One label argument after the other ("k=v", "k-") into `labels`. owned: keys that people cannot
 * set. CONFLICT where a label is there with another value, and not `overwrite`. */
gboolean change_labels(cJSON *object, char *const *changes, gboolean overwrite,
		       gboolean (*owned)(const char *key), GError **error);

/* After the labels of a VM were stored: the domain's own metadata takes them now, or once libvirt
 * lets it, which is said. */
gboolean observe_carry_labels(const CommandContext *context, const cJSON *vmi, GError **error);

/* "LABEL:    value", aligned, made harmless for the terminal; NULL and "" show "-". The label of
 * further values is " ". */
void show_field(const CommandContext *context, const char *label, const char *value);
/* Text of a quantity for people, "-" where it is none; free with g_free(). */
char *human_quantity(const char *quantity);
/* Labels as "k=v" lines, those that `owned` names left out. */
void show_labels(const CommandContext *context, const cJSON *object,
		 gboolean (*owned)(const char *key));
/* Every condition in a line. */
void show_conditions(const CommandContext *context, const cJSON *object);
/* Age of the object; free with g_free(). */
char *object_age(const cJSON *object);
