/* SPDX-License-Identifier: Apache-2.0 */
/* The set of roles and bindings. */
#include <string.h>

#include "base/error.h"
#include "model/object.h"
#include "rbac/private.h"

static const Kind *const part_kinds[RBAC_PARTS] = {
	[RBAC_CLUSTER_ROLES] = &KIND_CLUSTER_ROLE,
	[RBAC_CLUSTER_ROLE_BINDINGS] = &KIND_CLUSTER_ROLE_BINDING,
	[RBAC_ROLES] = &KIND_ROLE,
	[RBAC_ROLE_BINDINGS] = &KIND_ROLE_BINDING,
};

static guint key_hash(gconstpointer entry)
{
	const EntryKey *key = entry;

	return g_str_hash(key->name) ^ (key->ns ? g_str_hash(key->ns) * 31u : 0);
}

static gboolean key_equal(gconstpointer a, gconstpointer b)
{
	const EntryKey *left = a, *right = b;

	return g_strcmp0(left->ns, right->ns) == 0 && strcmp(left->name, right->name) == 0;
}

static gboolean holds_roles(RbacPart part)
{
	return part == RBAC_CLUSTER_ROLES || part == RBAC_ROLES;
}

RbacObjects *rbac_objects_new(const char *ns)
{
	RbacObjects *objects = g_new0(RbacObjects, 1);

	objects->ns = g_strdup(ns);
	objects->strings = g_string_chunk_new(65536);
	for (int part = 0; part < RBAC_PARTS; part++) {
		objects->parts[part].by_key = g_hash_table_new_full(
			key_hash, key_equal, NULL,
			holds_roles((RbacPart)part) ? rbac_role_entry_free
						    : rbac_binding_entry_free);
	}
	return objects;
}

void rbac_objects_free(RbacObjects *objects)
{
	if (!objects)
		return;
	for (int part = 0; part < RBAC_PARTS; part++) {
		g_clear_pointer(&objects->parts[part].sorted, g_ptr_array_unref);
		g_hash_table_unref(objects->parts[part].by_key);
		g_free(objects->unread[part]);
	}
	g_string_chunk_free(objects->strings);
	g_free(objects->ns);
	g_free(objects);
}

static gboolean part_of(const cJSON *object, RbacPart *ret_part, GError **error)
{
	const Kind *kind = object_kind(object);

	for (int part = 0; part < RBAC_PARTS; part++) {
		if (kind == part_kinds[part]) {
			*ret_part = (RbacPart)part;
			return TRUE;
		}
	}
	return error_set(error, KVMIG_ERROR_INVALID, "%s of %s is neither a role nor a binding",
			 json_string(object, "kind", "an object"),
			 json_string(object, "apiVersion", "no version"));
}

static gboolean check_place(const cJSON *object, RbacPart part, GError **error)
{
	const char *name = object_name(object);
	const char *ns = object_namespace(object);

	if (!name || !*name)
		return error_set(error, KVMIG_ERROR_INVALID, "a %s has no name",
				 part_kinds[part]->singular);
	if (part_kinds[part]->namespaced && (!ns || !*ns))
		return error_set(error, KVMIG_ERROR_INVALID, "%s '%s' has no namespace",
				 part_kinds[part]->singular, name);
	return TRUE;
}

static gboolean check_room(const RbacObjects *objects, GError **error)
{
	if (objects->n_objects < RBAC_MAX_OBJECTS && objects->n_strings < RBAC_MAX_STRINGS)
		return TRUE;
	error_set(error, KVMIG_ERROR_INVALID,
		  "more roles and bindings than kvmig looks at: %u, with %u names in them",
		  objects->n_objects, objects->n_strings);
	error_hint(error, "ask of one namespace, with -n");
	return FALSE;
}

gboolean rbac_objects_add(RbacObjects *objects, const cJSON *object, GError **error)
{
	RbacPart part = RBAC_PARTS;
	gpointer entry;

	if (!part_of(object, &part, error) || !check_place(object, part, error) ||
	    !check_room(objects, error))
		return FALSE;
	entry = holds_roles(part) ? (gpointer)rbac_role_read(objects, object)
				  : (gpointer)rbac_binding_read(objects, object);
	if (g_hash_table_replace(objects->parts[part].by_key, entry, entry))
		objects->n_objects++;
	g_clear_pointer(&objects->parts[part].sorted, g_ptr_array_unref);
	return TRUE;
}

gboolean rbac_objects_remove(RbacObjects *objects, RbacPart part, const char *ns, const char *name)
{
	const EntryKey key = { ns, name };

	if (!g_hash_table_remove(objects->parts[part].by_key, &key))
		return FALSE;
	objects->n_objects--;
	g_clear_pointer(&objects->parts[part].sorted, g_ptr_array_unref);
	return TRUE;
}

void rbac_objects_reaggregate(RbacObjects *objects)
{
	objects->reaggregate = TRUE;
}

void rbac_objects_set_unread(RbacObjects *objects, RbacPart part, const char *why)
{
	g_free(objects->unread[part]);
	objects->unread[part] = g_strdup(why);
}

const char *rbac_objects_unread(const RbacObjects *objects, RbacPart part)
{
	return objects->unread[part];
}

const char *rbac_part_name(RbacPart part)
{
	return part_kinds[part]->plural;
}

/* ---- finding -------------------------------------------------------------------------------- */

static gpointer find(const RbacObjects *objects, RbacPart part, const char *ns, const char *name)
{
	const EntryKey key = { ns, name };

	return name ? g_hash_table_lookup(objects->parts[part].by_key, &key) : NULL;
}

const RbacRole *rbac_find_role(const RbacObjects *objects, const char *ns, const char *name)
{
	return find(objects, ns ? RBAC_ROLES : RBAC_CLUSTER_ROLES, ns, name);
}

const RbacBinding *rbac_find_binding(const RbacObjects *objects, const char *ns, const char *name)
{
	return find(objects, ns ? RBAC_ROLE_BINDINGS : RBAC_CLUSTER_ROLE_BINDINGS, ns, name);
}

const RbacRole *rbac_role_of(const RbacObjects *objects, const RbacBinding *binding)
{
	if (binding->role_is_cluster)
		return rbac_find_role(objects, NULL, binding->role);
	/* a ClusterRoleBinding has no namespace where a Role could be */
	return binding->ns ? rbac_find_role(objects, binding->ns, binding->role) : NULL;
}

static int compare_keys(gconstpointer a, gconstpointer b)
{
	const EntryKey *left = *(const EntryKey *const *)a;
	const EntryKey *right = *(const EntryKey *const *)b;
	int order = g_strcmp0(left->ns, right->ns);

	return order ? order : strcmp(left->name, right->name);
}

GPtrArray *rbac_sorted(RbacObjects *objects, RbacPart part)
{
	PartTable *table = &objects->parts[part];
	GHashTableIter iter;
	gpointer entry;

	if (table->sorted)
		return table->sorted;
	table->sorted = g_ptr_array_sized_new(g_hash_table_size(table->by_key));
	g_hash_table_iter_init(&iter, table->by_key);
	while (g_hash_table_iter_next(&iter, &entry, NULL))
		g_ptr_array_add(table->sorted, entry);
	g_ptr_array_sort(table->sorted, compare_keys);
	return table->sorted;
}

const RbacBinding *rbac_nth_binding(RbacObjects *objects, RbacPart part, guint n)
{
	const GPtrArray *all = holds_roles(part) ? NULL : rbac_sorted(objects, part);

	return all && n < all->len ? all->pdata[n] : NULL;
}

const RbacRole *rbac_nth_role(RbacObjects *objects, RbacPart part, guint n)
{
	const GPtrArray *all = holds_roles(part) ? rbac_sorted(objects, part) : NULL;

	return all && n < all->len ? all->pdata[n] : NULL;
}

guint rbac_count(const RbacObjects *objects, RbacPart part)
{
	return g_hash_table_size(objects->parts[part].by_key);
}
