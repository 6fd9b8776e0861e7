/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The volumes behind a VM's claims, as far as they are tied to nodes. Of one VM each claim and its
 * volume are asked for; of many the claims of their namespaces and all volumes are listed. Who may
 * list nodes may often not read volumes, which belong to the cluster: that is said.
 */
#include "check/targets-private.h"
#include "check/vm.h"

typedef struct {
	Cluster *cluster;
	GHashTable *claims;  /* "ns/name" -> char*: name of its volume, "" where it has none */
	GHashTable *wanted;  /* set of names of volumes */
	GHashTable *volumes; /* name -> TargetVolume* as a pattern, without its claim */
} Volumes;

static void destroy_volume(gpointer data)
{
	target_volume_free(data);
}

static void volumes_clear(Volumes *volumes)
{
	g_clear_pointer(&volumes->claims, g_hash_table_unref);
	g_clear_pointer(&volumes->wanted, g_hash_table_unref);
	g_clear_pointer(&volumes->volumes, g_hash_table_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Volumes, volumes_clear)

static gboolean see_claim(const cJSON *claim, gpointer data)
{
	Volumes *volumes = data;

	const char *name = json_string(json_get(claim, "spec"), "volumeName", "");

	g_hash_table_insert(volumes->claims, object_ref(claim), g_strdup(name));
	g_hash_table_add(volumes->wanted, g_strdup(name));
	return TRUE;
}

static gboolean see_volume(const cJSON *object, gpointer data)
{
	Volumes *volumes = data;
	TargetVolume *volume;

	if (!g_hash_table_contains(volumes->wanted, object_name(object)))
		return TRUE;
	volume = g_new0(TargetVolume, 1);
	volume->name = g_strdup(object_name(object));
	volume->node_affinity =
		cJSON_Duplicate(json_path(object, "spec", "nodeAffinity", NULL), TRUE);
	volume->labels = cJSON_Duplicate(object_labels(object), TRUE);
	g_hash_table_insert(volumes->volumes, g_strdup(volume->name), volume);
	return TRUE;
}

/* ---- many ------------------------------------------------------------------------------------ */

static gboolean list(Volumes *volumes, const Kind *kind, const char *ns, ClusterEachFunc see,
		     GError **error)
{
	const ClusterListOptions options = { .ns = ns };
	g_autoptr(GError) cause = NULL;

	if (cluster_each(volumes->cluster, kind, &options, see, volumes, NULL, &cause) ||
	    targets_tolerate(&cause, KVMIG_ERROR_FORBIDDEN))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static gboolean list_all(Volumes *volumes, const GPtrArray *cases, GError **error)
{
	g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

	for (guint i = 0; i < cases->len; i++) {
		const TargetsCase *one = g_ptr_array_index(cases, i);
		g_autoptr(GPtrArray) names = check_claim_names(one->wanted->vmi);

		if (names->len == 0 || !one->answer->vmi.ns ||
		    !g_hash_table_add(seen, (gpointer)one->answer->vmi.ns))
			continue;
		if (!list(volumes, &KIND_PVC, one->answer->vmi.ns, see_claim, error))
			return FALSE;
	}
	return g_hash_table_size(volumes->claims) == 0 ||
	       list(volumes, &KIND_PV, NULL, see_volume, error);
}

/* ---- one ------------------------------------------------------------------------------------- */

static gboolean get(Volumes *volumes, const Kind *kind, const char *ns, const char *name,
		    ClusterEachFunc see, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object = cluster_get(volumes->cluster, kind, ns, name, &cause);

	if (object)
		return see(object, volumes);
	if (targets_tolerate(&cause, KVMIG_ERROR_FORBIDDEN) ||
	    targets_tolerate(&cause, KVMIG_ERROR_NOT_FOUND))
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

static gboolean get_of(Volumes *volumes, const TargetsCase *one, GError **error)
{
	g_autoptr(GPtrArray) names = check_claim_names(one->wanted->vmi);

	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i), *volume;
		g_autofree char *ref = g_strdup_printf("%s/%s", one->answer->vmi.ns, name);

		if (!get(volumes, &KIND_PVC, one->answer->vmi.ns, name, see_claim, error))
			return FALSE;
		volume = g_hash_table_lookup(volumes->claims, ref);
		if (volume && *volume && !g_hash_table_contains(volumes->volumes, volume) &&
		    !get(volumes, &KIND_PV, NULL, volume, see_volume, error))
			return FALSE;
	}
	return TRUE;
}

/* ---- of a VM --------------------------------------------------------------------------------- */

static void take(const Volumes *volumes, TargetsCase *one, const char *ref)
{
	const char *name = g_hash_table_lookup(volumes->claims, ref);
	const TargetVolume *there = name ? g_hash_table_lookup(volumes->volumes, name) : NULL;
	TargetVolume *volume;

	if (!name)
		targets_note(
			one->answer, "volume",
			"claim '%s' cannot be read: whether its volume is tied to nodes is not "
			"judged",
			ref);
	else if (!*name)
		targets_note(one->answer, "volume", "claim '%s' has no volume yet", ref);
	else if (!there)
		targets_note(
			one->answer, "volume",
			"volume '%s' of claim '%s' cannot be read: whether it is tied to nodes "
			"is not judged",
			name, ref);
	if (!there)
		return;
	volume = g_new0(TargetVolume, 1);
	volume->claim = g_strdup(ref);
	volume->name = g_strdup(name);
	volume->node_affinity = cJSON_Duplicate(there->node_affinity, TRUE);
	volume->labels = cJSON_Duplicate(there->labels, TRUE);
	g_ptr_array_add(one->volumes, volume);
}

static void take_all(const Volumes *volumes, TargetsCase *one)
{
	g_autoptr(GPtrArray) names = check_claim_names(one->wanted->vmi);

	one->volumes = g_ptr_array_new_with_free_func(destroy_volume);
	for (guint i = 0; i < names->len; i++) {
		g_autofree char *ref = g_strdup_printf("%s/%s", one->answer->vmi.ns,
						       (const char *)g_ptr_array_index(names, i));

		take(volumes, one, ref);
	}
}

gboolean targets_read_volumes(Cluster *cluster, GPtrArray *cases, GError **error)
{
	g_auto(Volumes) volumes = { .cluster = cluster };

	volumes.claims = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	volumes.wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	volumes.volumes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, destroy_volume);
	if (cases->len > 1 ? !list_all(&volumes, cases, error)
			   : cases->len == 1 && !get_of(&volumes, cases->pdata[0], error))
		return FALSE;
	for (guint i = 0; i < cases->len; i++)
		take_all(&volumes, g_ptr_array_index(cases, i));
	return TRUE;
}
