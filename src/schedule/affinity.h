/* SPDX-License-Identifier: Apache-2.0 */
/* Kubernetes' affinity to nodes (terms of matchExpressions and matchFields) and to pods. */
#pragma once

#include "model/json.h"

/* A node as affinity sees it. */
typedef struct {
	const char *name;
	const cJSON *labels;
} AffinityNode;

/* Whether the node meets a node selector term; an empty term is met by no node. */
gboolean affinity_term_holds(const cJSON *term, const AffinityNode *node);

/* The first requirement of a term that does not hold, in words; NULL where all hold. g_free(). */
char *affinity_term_explain(const cJSON *term, const AffinityNode *node);

/* Why the node meets none of requiredDuringSchedulingIgnoredDuringExecution's terms, or NULL; an
 * affinity without such terms is met by every node. g_free(). */
char *affinity_explain(const cJSON *affinity, const AffinityNode *node);

/* The same of a bare node selector ({nodeSelectorTerms}), as a volume has one. */
char *affinity_selector_explain(const cJSON *selector, const AffinityNode *node);

/* The sum of the weights of those preferred terms that the node meets. */
gint64 affinity_preference(const cJSON *affinity, const AffinityNode *node);

/* Whether a label selector (matchLabels, matchExpressions) takes the labels; an empty one takes
 * everything, none at all nothing. */
gboolean affinity_selector_takes(const cJSON *selector, const cJSON *labels);

/* The required terms ("podAffinity", "podAntiAffinity") of an affinity, or NULL. */
const cJSON *affinity_pod_terms(const cJSON *affinity, const char *which);

typedef enum { NAMESPACE_OUT, NAMESPACE_IN, NAMESPACE_UNKNOWN } AffinityNamespace;

/* Whether the term of a pod in namespace `ns` means pods of namespace `pod_ns`. Where it goes by
 * the labels of that (namespaceSelector): these, or NULL where they are not known. */
AffinityNamespace affinity_pod_term_namespace(const cJSON *term, const char *ns, const char *pod_ns,
					      const cJSON *ns_labels);
/* The term selects namespaces by their labels. */
gboolean affinity_pod_term_needs_labels(const cJSON *term);
/* Whether the term's label selector takes a pod with these labels. `own`: of the pod whose term it
 * is, for matchLabelKeys and mismatchLabelKeys, which a server merges into the selector when it
 * makes a pod; NULL for a pod that is there already. */
gboolean affinity_pod_term_takes(const cJSON *term, const cJSON *own, const cJSON *pod_labels);
