/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/generic.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/nearest.h"
#include "model/columns.h"
#include "model/schema.h"

/* ---- kinds ---------------------------------------------------------------------------------- */

static char *near_names(const char *word)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *lower = g_ascii_strdown(word, -1);

	for (unsigned i = 0; kind_nth(i); i++)
		if (kind_nth(i)->local)
			kind_names(kind_nth(i), names);
	g_ptr_array_add(names, NULL);
	return nearest_words(lower, (const char *const *)names->pdata);
}

/* On a local cluster `node` means its hosts, as everywhere on the command line. */
static const Kind *local_meaning(const Cluster *cluster, const Kind *kind)
{
	return kind == &KIND_NODE && cluster->caps.kind == CLUSTER_LOCAL ? cluster->caps.node_kind
									 : kind;
}

static void set_not_kept(const Cluster *cluster, const Kind *kind, GError **error)
{
	error_set(error, KVMIG_ERROR_NOT_FOUND,
		  "'%s' keeps no %s: only clusters with an API server have them", cluster->context,
		  kind->plural);
	error_hint(error, "--context names another cluster");
}

const Kind *generic_find_kind(Cluster *cluster, const char *word, GError **error)
{
	const Kind *kind = kind_find(word);
	g_autofree char *piece = NULL, *near = NULL;

	if (kind)
		kind = local_meaning(cluster, kind);
	if (kind && kind->local)
		return kind;
	if (kind) {
		set_not_kept(cluster, kind, error);
		return NULL;
	}
	piece = error_excerpt(word);
	near = near_names(word);
	error_set(error, KVMIG_ERROR_NOT_FOUND, "'%s' knows no kind of object '%s'",
		  cluster->context, piece);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "kinds are vm, vmi, vmim, migrationpolicy, hyperconverged, "
				  "kubevirt, node, namespace");
	return NULL;
}

/* The row of that kind under another apiVersion, or NULL. */
static const Kind *same_kind_elsewhere(const char *kind)
{
	for (unsigned i = 0; kind_nth(i); i++)
		if (g_strcmp0(kind_nth(i)->kind, kind) == 0)
			return kind_nth(i);
	return NULL;
}

const Kind *generic_kind_of(Cluster *cluster, const char *api_version, const char *kind,
			    GError **error)
{
	const Kind *found = kind_of(api_version, kind);
	const Kind *elsewhere = found ? NULL : same_kind_elsewhere(kind);
	g_autofree char *version = error_excerpt(api_version), *name = error_excerpt(kind);

	if (found && found->local)
		return found;
	if (found) {
		set_not_kept(cluster, found, error);
		return NULL;
	}
	error_set(error, KVMIG_ERROR_NOT_FOUND, "'%s' knows no %s of apiVersion '%s'",
		  cluster->context, *name ? name : "object", version);
	if (elsewhere)
		error_hint(error, "a %s has the apiVersion %s", elsewhere->kind,
			   kind_api_version(elsewhere));
	return NULL;
}

/* ---- fields --------------------------------------------------------------------------------- */

/* One step into a schema: a property, or what stands for any other key. *ret_state is set where
 * there is nothing to step into. */
static const cJSON *schema_step(const cJSON *schema, const char *key, ClusterFieldState *ret_state)
{
	const cJSON *property = json_path(schema, "properties", key, NULL);
	const cJSON *additional = json_get(schema, "additionalProperties");

	if (property)
		return property;
	if (cJSON_IsObject(additional))
		return additional;
	*ret_state =
		cJSON_IsTrue(additional) ||
				json_bool(schema, "x-kubernetes-preserve-unknown-fields", FALSE)
			? CLUSTER_FIELD_UNKNOWN
			: CLUSTER_FIELD_NO;
	return NULL;
}

ClusterFieldState generic_has_field(const Kind *kind, const char *path)
{
	g_auto(GStrv) keys = g_strsplit(path, ".", -1);
	const cJSON *schema = schema_for(kind);
	ClusterFieldState state = CLUSTER_FIELD_UNKNOWN;

	if (!schema) {
		g_info("there is no schema of %s", kind->kind);
		return CLUSTER_FIELD_UNKNOWN;
	}
	for (char **key = keys; *key; key++) {
		while (json_get(schema, "items"))
			schema = json_get(schema, "items");
		schema = schema_step(schema, *key, &state);
		if (!schema)
			return state;
	}
	return CLUSTER_FIELD_YES;
}

/* ---- lists ---------------------------------------------------------------------------------- */

gboolean generic_each(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		      ClusterEachFunc func, gpointer data, char **ret_version, GError **error)
{
	g_autofree char *version = NULL;
	g_autoptr(GPtrArray) objects =
		cluster->backend->list(cluster, kind, options, &version, error);

	if (!objects)
		return FALSE;
	for (guint i = 0; i < objects->len; i++)
		if (!func(g_ptr_array_index(objects, i), data))
			return TRUE;
	if (ret_version)
		*ret_version = g_steal_pointer(&version);
	return TRUE;
}

typedef struct {
	const Kind *kind;
	ClusterRowFunc func;
	gpointer data;
	gint64 now_us;
} Rows;

static gboolean make_row(const cJSON *object, gpointer data)
{
	const Rows *rows = data;
	g_autoptr(cJSON) row = columns_row(rows->kind, object, rows->now_us);

	return rows->func(columns_for(rows->kind), row, rows->data);
}

gboolean generic_table(Cluster *cluster, const Kind *kind, const ClusterListOptions *options,
		       ClusterRowFunc func, gpointer data, char **ret_version, GError **error)
{
	Rows rows = { kind, func, data, clock_unix_us(clock_real()) };

	return cluster_each(cluster, kind, options, make_row, &rows, ret_version, error);
}

/* ---- apply ---------------------------------------------------------------------------------- */

/* Looks first: a merge into what is there would else have to be told from an object that an
 * admission refuses. What comes between the two is found out by the write. */
cJSON *generic_apply(Cluster *cluster, const Kind *kind, const cJSON *object,
		     ClusterWriteFlags flags, gboolean *ret_created, GError **error)
{
	const char *ns = object_namespace(object), *name = object_name(object);
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) there = cluster->backend->get(cluster, kind, ns, name, &cause);
	gboolean absent = cause && error_code(cause) == KVMIG_ERROR_NOT_FOUND;

	if (!there && !absent) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return NULL;
	}
	*ret_created = absent;
	if (absent)
		return cluster->backend->create(cluster, kind, object, flags, error);
	return cluster->backend->patch(cluster, kind, ns, name, CLUSTER_PATCH_MERGE, object, flags,
				       error);
}
