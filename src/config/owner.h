/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which object owns the migration settings in this cluster, and what is in force. Nothing is
 * assumed: HyperConverged in whichever namespace and version it is stored, the KubeVirt object
 * where there is no HyperConverged, kvmig's own object on local and fleet clusters.
 *
 * Where HyperConverged owns them the KubeVirt object is only what it makes of its own: written
 * there they would be reverted. Its annotation kubevirt.kubevirt.io/jsonpatch goes over both.
 */
#pragma once

#include "cluster/cluster.h"
#include "settings/settings.h"

#define ANNOTATION_JSONPATCH "kubevirt.kubevirt.io/jsonpatch"

typedef struct {
	Cluster *cluster;    /* borrowed */
	const Kind *kind;    /* of the owner, in the version that is stored */
	char *ns, *name;     /* of the owner, also where it is not made yet (local) */
	cJSON *object;       /* NULL: not made yet, or not readable */
	gboolean unreadable; /* HyperConverged objects may not be read: the owner is not known */
	cJSON *kubevirt;     /* where HyperConverged owns: what it made; else NULL */
	cJSON *patched;      /* what the annotation sets, by key (null: removes); NULL: nothing */
	GPtrArray *notes;    /* char*: what could not be read and why, each a sentence */
} ConfigOwner;

/* Asks the cluster, which was probed. What could not be read is in the notes. */
ConfigOwner *config_owner_find(Cluster *cluster, GError **error);
void config_owner_free(ConfigOwner *owner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConfigOwner, config_owner_free)

/* The KubeVirt object, for its feature gates (settings/gates.h): the owner itself, or what
 * HyperConverged made of its own. NULL: not readable, or a local or fleet cluster. Borrowed. */
const cJSON *config_owner_kubevirt(const ConfigOwner *owner);

/* "HyperConverged 'openshift-cnv/kubevirt-hyperconverged' (hco.kubevirt.io/v1)"; g_free(). */
char *config_owner_text(const ConfigOwner *owner);

/* Whether a change of the settings in a KubeVirt object would last: REFUSED where HyperConverged
 * has them, for it would revert it. Asks the cluster only where the two differ in settings. */
gboolean config_check_kubevirt(Cluster *cluster, const cJSON *before, const cJSON *after,
			       GError **error);

/* Where its map of settings is: "spec", "virtualization", "liveMigrationConfig"; for `kind`. */
const char *const *config_path_of(const Kind *kind);
/* ... with a key behind it, with dots; g_free(). */
char *config_field(const Kind *kind, const char *key);

/* Whether the owner can hold the key: UNSUPPORTED with the release that brings it, or with what to
 * do instead. Where the schema is not known TRUE: the reply to the write will tell. */
gboolean config_owner_has_key(const ConfigOwner *owner, const Setting *setting, GError **error);

/* Whether this kind of cluster knows the setting at all. */
gboolean config_setting_applies(const ConfigOwner *owner, const Setting *setting);
/* ... and the release of KubeVirt that is there; TRUE where that cannot be told. */
gboolean config_release_has(const ConfigOwner *owner, const Setting *setting);

/* Whether allowWorkloadDisruption, where nobody sets it, is as allowPostCopy is: KubeVirt's way,
 * unless HyperConverged's CRD has a default for it. */
gboolean config_disruption_follows(const ConfigOwner *owner);

typedef enum {
	CONFIG_FROM_DEFAULT,        /* compiled into who reads it */
	CONFIG_FROM_SCHEMA,         /* what the CRD has for it, or the same written out */
	CONFIG_FROM_HYPERCONVERGED, /* also kvmig's own object of that kind */
	CONFIG_FROM_KUBEVIRT,
	CONFIG_FROM_JSONPATCH,
} ConfigOrigin;
/* "default", "CRD default", "HyperConverged", "KubeVirt", "jsonpatch" */
const char *config_origin_text(ConfigOrigin origin);

typedef struct {
	cJSON *value; /* in force; NULL: not set, and without a default */
	ConfigOrigin origin;
	cJSON *fallback; /* what holds once the key is removed; NULL: nothing */
	char *note;      /* what one should know of it, or NULL */
} ConfigValue;

void config_value_clear(ConfigValue *value);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ConfigValue, config_value_clear)
void config_value(const ConfigOwner *owner, const Setting *setting, ConfigValue *ret_value);

/* The values in force as an object that settings_read() takes: a KubeVirt with all of them. */
cJSON *config_effective_object(const ConfigOwner *owner);
