/* SPDX-License-Identifier: Apache-2.0 */
/* Roles and bindings from the cluster, as many requests for 20,000 of them as for two: four lists,
 * one object after the other. */
#include "rbac.h"
#include "review.h"

static const Kind *const kinds[RBAC_PARTS] = {
	[RBAC_CLUSTER_ROLES] = &KIND_CLUSTER_ROLE,
	[RBAC_CLUSTER_ROLE_BINDINGS] = &KIND_CLUSTER_ROLE_BINDING,
	[RBAC_ROLES] = &KIND_ROLE,
	[RBAC_ROLE_BINDINGS] = &KIND_ROLE_BINDING,
};

typedef struct {
	RbacObjects *objects;
	GError *error;
} Load;

static gboolean take(const cJSON *object, gpointer data)
{
	Load *load = data;

	return rbac_objects_add(load->objects, object, &load->error);
}

static gboolean load_part(Cluster *cluster, RbacPart part, const char *ns, RbacObjects *objects,
			  GError **error)
{
	const ClusterListOptions options = { .ns = kinds[part]->namespaced ? ns : NULL };
	Load load = { .objects = objects };
	g_autoptr(GError) cause = NULL;

	if (cluster_each(cluster, kinds[part], &options, take, &load, NULL, &cause)) {
		if (!load.error)
			return TRUE;
		g_propagate_error(error, load.error);
		return FALSE;
	}
	if (error_code(cause) == KVMIG_ERROR_FORBIDDEN) {
		rbac_objects_set_unread(objects, part, cause->message);
		return TRUE;
	}
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

/* A list in a namespace that does not exist is an empty one. */
gboolean rbac_check_namespace(Cluster *cluster, const char *ns, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(cJSON) object = cluster_get(cluster, &KIND_NAMESPACE, NULL, ns, &cause);

	if (object || error_code(cause) == KVMIG_ERROR_FORBIDDEN)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

RbacObjects *rbac_load(Cluster *cluster, const char *ns, GError **error)
{
	g_autoptr(RbacObjects) objects = rbac_objects_new(ns);

	if (ns && !rbac_check_namespace(cluster, ns, error))
		return NULL;
	for (int part = 0; part < RBAC_PARTS; part++)
		if (!load_part(cluster, (RbacPart)part, ns, objects, error))
			return NULL;
	return g_steal_pointer(&objects);
}

/* "create, delete": of the rights asked for, those that this user has. */
static char *own_rights(const CommandContext *context, const MigrateQuery *query)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < query->n; i++) {
		g_autoptr(GError) cause = NULL;

		if (review_self(context->cluster, &query->attributes[i], &cause) == RBAC_YES)
			g_string_append_printf(text, "%s%s", text->len ? ", " : "",
					       query->words[i]);
	}
	return g_string_free(g_steal_pointer(&text), FALSE);
}

gboolean rbac_check_readable(const CommandContext *context, const RbacObjects *objects,
			     const MigrateQuery *query, GError **error)
{
	const char *why = rbac_objects_unread(objects, RBAC_CLUSTER_ROLE_BINDINGS);
	g_autofree char *own = NULL;

	if (!why || !rbac_objects_unread(objects, RBAC_ROLE_BINDINGS))
		return TRUE;
	own = own_rights(context, query);
	error_set(error, KVMIG_ERROR_FORBIDDEN, "you may not read the bindings: %s", why);
	error_hint(error, "you yourself can do %s: %s; who else can, an admin can tell",
		   context->ns ? "there" : "in all namespaces", *own ? own : "nothing of it");
	return FALSE;
}

gboolean rbac_say_gaps(const CommandContext *context, const RbacObjects *objects,
		       const MigrateQuery *query)
{
	g_autofree char *gaps = rbac_gaps(objects, query->attributes, query->n);

	if (gaps)
		say_warning(context, "there may be more: you may not list %s", gaps);
	return gaps != NULL;
}
