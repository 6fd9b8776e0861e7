/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Migration policies: which one applies to a VM, why the others do not, and what it changes. Pure
 * functions of model.
 *
 * All labels of a policy must match. Which of the policies that match wins is said differently by
 * the documents and by KubeVirt's code, so both rules are here, by name:
 *   documented: the policy with the most labels; among equals, the keys of both selectors together,
 *               sorted bytewise, are compared one by one, and the first list wins; then the name.
 *   kubevirt:   the policy with the most labels; among equals, the one with more VM labels; then
 *               the name, bytewise.
 * Since a policy either matches with all its labels or not at all, both rules are a fixed order of
 * the policies: the winner is the first in that order that matches.
 */
#pragma once

#include "model/json.h"
#include "settings/settings.h"

typedef enum { POLICY_RULE_DOCUMENTED, POLICY_RULE_KUBEVIRT, POLICY_RULES } PolicyRule;

typedef struct {
	const char *key, *value;
} PolicyLabel;

/* One policy as read from its object, whose strings it borrows. */
typedef struct {
	const cJSON *object;
	const char *name;
	/* Without `spec.selectors` a policy matches nothing; with empty ones it matches all. */
	gboolean has_selectors;
	PolicyLabel *labels; /* the VM's, then the namespace's; each part sorted by key */
	guint n_vm, n_ns;
	guint rank[POLICY_RULES]; /* place in the order of precedence, 0 first */
} Policy;

/* Policies, ordered and indexed. A set is for one thread: matching uses scratch space in it. */
typedef struct PolicySet PolicySet;

/* From MigrationPolicy objects, which must outlive the set. Values in selectors that are no strings
 * (an API server does not let them in) make the policy match nothing. */
PolicySet *policy_set_new(const cJSON *const *objects, guint n);
void policy_set_free(PolicySet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicySet, policy_set_free)
guint policy_set_size(const PolicySet *set);
const Policy *policy_set_nth(const PolicySet *set, guint n); /* in the order given */
const Policy *policy_set_find(const PolicySet *set, const char *name);
/* The policy with that rank. */
const Policy *policy_set_ranked(const PolicySet *set, PolicyRule rule, guint rank);

/* Whether all labels of a policy are there; labels NULL: none. */
gboolean policy_matches(const Policy *policy, const cJSON *vm_labels, const cJSON *ns_labels);
/* The same for those of the VM alone. */
gboolean policy_matches_vm(const Policy *policy, const cJSON *vm_labels);

/*
 * A namespace's labels, prepared once for the VMs in it. NULL labels: none. Belongs to the set,
 * which remembers nothing of it: free with policy_scope_free() before the set.
 */
typedef struct PolicyScope PolicyScope;
PolicyScope *policy_scope_new(const PolicySet *set, const cJSON *ns_labels);
/* Of a namespace whose labels nobody knows, as if it had each one that any policy asks for: what
 * wins then is the best that may apply. Where it wins without labels too, it is sure to apply. Keys
 * of `known` (NULL: none) have the value there, or are lacking where that is null. */
PolicyScope *policy_scope_any(const PolicySet *set, const cJSON *known);
/*
 * Two labels of a VM say where a migration goes, and a policy may ask for them. KubeVirt, and
 * kvmig's engine, set kubevirt.io/migrationTargetNodeName to the target just before they look for
 * the policy; kubevirt.io/nodeName, the source, is there while the VM runs. So ahead of a hand-over
 * the first is not known, nor is the second of a VM that does not run. In such a scope labels that
 * lack these keys count as having whatever value a policy asks for: what may apply.
 */
void policy_scope_set_ahead(PolicyScope *scope);
/* Whether any policy asks for one of them. */
gboolean policy_set_asks_handover(const PolicySet *set);
gboolean policy_label_is_handover(const char *key);
/* The labels of a VM without the target of the migration before, which is not the next one's:
 * themselves, or a copy in *ret_copy. */
const cJSON *policy_labels_ahead(const PolicySet *set, const cJSON *vm_labels, cJSON **ret_copy);
void policy_scope_free(PolicyScope *scope);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PolicyScope, policy_scope_free)

typedef struct {
	const Policy *winner[POLICY_RULES]; /* NULL: none matches */
} PolicyVerdict;

/* The winner by each rule, in a time that hardly grows with the number of policies. */
PolicyVerdict policy_match(PolicySet *set, const PolicyScope *scope, const cJSON *vm_labels);

/* Every policy that matches, in the order of the documented rule. */
typedef void (*PolicyFunc)(const Policy *policy, gpointer data);
void policy_match_all(PolicySet *set, const PolicyScope *scope, const cJSON *vm_labels,
		      PolicyFunc func, gpointer data);

/* The labels among these that policies ask VMs for, by number: elements are guint, by value. */
GArray *policy_asked_labels(PolicySet *set, const cJSON *vm_labels);
PolicyLabel policy_asked_label(const PolicySet *set, guint number);

/* ---- why ------------------------------------------------------------------------------------ */

typedef enum {
	POLICY_WINS,
	POLICY_LOST_MORE_LABELS,    /* the winner matches more labels */
	POLICY_LOST_MORE_VM_LABELS, /* as many, but more of them are the VM's (kubevirt) */
	POLICY_LOST_KEYS,           /* as many, but its keys come first (documented) */
	POLICY_LOST_NAME,           /* only the name decides */
	POLICY_NO_SELECTORS,
	POLICY_VM_LABEL_MISSING,
	POLICY_VM_LABEL_DIFFERS,
	POLICY_VM_LABEL_LATER, /* nothing but what a hand-over will bring keeps it from matching */
	POLICY_NS_LABEL_MISSING,
	POLICY_NS_LABEL_DIFFERS,
} PolicyReason;

typedef struct {
	const Policy *policy;
	PolicyReason reason; /* the first that keeps it from winning */
	const char *key;     /* the label that is missing or differs; the first key that decided */
	const char *wanted, *found; /* its values; found NULL: missing */
} PolicyPlace;

/* Every policy in the order of the rule: those that match first. Elements are PolicyPlace by
 * value; strings are borrowed from policies and labels. Free with g_array_unref(). */
GArray *policy_rank(const PolicySet *set, PolicyRule rule, const cJSON *vm_labels,
		    const cJSON *ns_labels);

/* "applies", "more-labels", "vm-label-missing": for documents. */
const char *policy_reason_to_string(PolicyReason reason);
gboolean policy_reason_is_match(PolicyReason reason); /* it matches, whether it wins or not */

/* A place in words: "project label zone is missing", "lost to 'b': 3 labels to 2". g_free(). */
char *policy_place_text(const PolicyPlace *place, const Policy *winner);

/* ---- what it changes ------------------------------------------------------------------------ */

/* The fields of a MigrationPolicy's spec that override a setting, in the order of the settings. */
gboolean policy_overrides(const char *key);

/*
 * Puts a policy's values over the cluster's, as KubeVirt does at hand-off, its quirk included: a
 * policy with allowPostCopy and without allowWorkloadDisruption sets that to the same. `policy` may
 * be NULL. INVALID names policy and key.
 */
gboolean policy_apply(const Policy *policy, Settings *settings, GError **error);

/* The value that a policy gives to a key: borrowed from its object, or NULL. *ret_shim (may be
 * NULL): it does not say so itself, the quirk above does. */
const cJSON *policy_value(const Policy *policy, const char *key, gboolean *ret_shim);

/* ---- objects -------------------------------------------------------------------------------- */

/*
 * Sets a field of a policy's spec from text: a setting that policies override, in any form that
 * `config set` takes, or a field of `experimental` by its path ("experimental.compression"). USAGE
 * with near names where there is no such field, INVALID where the text does not fit it.
 */
gboolean policy_set_field(cJSON *object, const char *key, const char *text, GError **error);
/* The keys that policy_set_field() knows, NULL-terminated. */
GStrv policy_field_names(void);

/*
 * Everything that KubeVirt's admission checks of a policy and can be known without its feature
 * gates, and what its schema checks; labels of selectors by Kubernetes' syntax, which the admission
 * does not look at: such a selector matches nothing. INVALID with every cause.
 */
gboolean policy_check(const cJSON *object, GError **error);

/* ---- what is wrong with them ---------------------------------------------------------------- */

typedef struct {
	const char *code; /* REASON_LINT_… */
	const Policy *policy;
	const Policy *other; /* with a pair; NULL: none */
	char *text;
	char *fix;
} PolicyFinding;

typedef enum { POLICY_CLUSTER_UNKNOWN, POLICY_CLUSTER_OFF, POLICY_CLUSTER_ON } PolicyClusterFlag;

/* What lint has to know of the cluster. */
typedef struct {
	PolicyRule in_force;
	gboolean has_gates;           /* KubeVirt migrates: fields behind its feature gates */
	const cJSON *kubevirt;        /* its object; NULL: it could not be read */
	PolicyClusterFlag disruption; /* allowWorkloadDisruption where no policy applies */
} PolicyPlatform;

/*
 * What can be said of policies without looking at VMs: invalid ones, those without selectors, equal
 * selectors, ties that only a name decides by the rule in force, pairs that can meet on a VM and
 * that the two rules order differently, both only where no third policy always goes before the two;
 * fields behind gates that are off or not known, a policy
 * that switches workload disruption off without saying so. In the order of the names. Elements are
 * PolicyFinding*, freed with the array.
 */
GPtrArray *policy_lint(const PolicySet *set, const PolicyPlatform *platform);
PolicyFinding *policy_finding_new(const char *code, const Policy *policy, const Policy *other,
				  char *text, char *fix);
void policy_finding_free(PolicyFinding *finding);
