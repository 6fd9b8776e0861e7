/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What check/targets.h has to know of the pods of a cluster, taken out of each as it comes by, so
 * that a list which is read for something else as well is read once: what is asked for on each
 * node, which pods run VMs, who wants to be near whom. A few hundred bytes a pod are kept.
 */
#pragma once

#include "model/object.h"

typedef struct {
	GHashTable *requested;  /* node -> resources (model/resources.h) */
	GHashTable *on_network; /* set of nodes that are on the migration network; NULL: no pod of
				   virt-handler was seen, so it is not known */
	GHashTable *launchers;  /* "node/uid of the VM" -> text of `texts`: what its pod asks for */
	GArray *near;           /* what affinity and spread constraints see of each pod */
	gboolean has_terms;     /* a pod has an affinity to pods */
	GHashTable *named; /* set of "key=value": labels that their anti-affinities name */
	GStringChunk *texts;
} PodsSeen;

void pods_seen_init(PodsSeen *seen);
void pods_seen_clear(PodsSeen *seen);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PodsSeen, pods_seen_clear)

/* Takes from a pod what is to be known of it; nothing of one that is over, or on no node. */
void pods_seen_add(PodsSeen *seen, const cJSON *pod);

/* What the pod that runs the VM on that node asks for, as text; NULL: it was not seen. The same
 * text for all that ask for the same. */
const char *pods_seen_launcher(const PodsSeen *seen, const char *node, const char *uid);

/* Adds the labels that the selector of a term of affinity or of a spread constraint names to a set
 * of "key=value". `own`: as affinity_pod_term_takes() has it. Pods that have the same keys and
 * differ in no label that is named are the same to it. */
void pods_seen_name_labels(GHashTable *named, const cJSON *term, const cJSON *own);
gboolean pods_seen_is_named(GHashTable *named, const char *key, const char *value);

/* Each pod that was added, with the little that affinity and spread constraints see of it. */
typedef void (*PodsSeenFunc)(const cJSON *pod, const char *node, gpointer data);
void pods_seen_each(const PodsSeen *seen, PodsSeenFunc func, gpointer data);

/* The parts, for those who keep nothing. The node that a pod is a burden to; NULL: none, or it is
 * over. */
const char *pod_burdened_node(const cJSON *pod);
/* Of a pod's 20 kB those that its successor's demand is made of. */
cJSON *pod_demand(const cJSON *pod);
/* The uid of the VM that the pod runs, or NULL. */
const char *pod_launches(const cJSON *pod);
/* Adds to `requested` and `on_network` alone. */
void pods_seen_count(PodsSeen *seen, const cJSON *pod, const char *node);
/* What is asked for on the node so far, to add to. */
GHashTable *pods_seen_requested(PodsSeen *seen, const char *node);
