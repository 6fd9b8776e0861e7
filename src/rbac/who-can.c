/* SPDX-License-Identifier: Apache-2.0 */
/* The other way round: every subject that bindings give a right. */
#include <string.h>

#include "rbac/private.h"

static guint subject_hash(gconstpointer data)
{
	const RbacSubject *subject = data;

	return g_str_hash(subject->name) ^ (subject->ns ? g_str_hash(subject->ns) * 31u : 0) ^
	       (guint)subject->kind;
}

static gboolean same_subject(gconstpointer a, gconstpointer b)
{
	return rbac_subject_compare(a, b) == 0;
}

typedef struct {
	RbacObjects *objects;
	const RbacAttributes *attributes;
	guint n;
	GHashTable *ways;    /* RbacRole -> its ways: bindings are many, roles are few */
	GHashTable *holders; /* RbacSubject -> RbacHolder */
} Search;

static void search_clear(Search *search)
{
	g_hash_table_unref(search->ways);
	g_hash_table_unref(search->holders);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Search, search_clear)

static const GPtrArray *ways_of(Search *search, const RbacRole *role)
{
	GPtrArray *ways = g_hash_table_lookup(search->ways, role);

	if (!ways) {
		ways = rbac_ways(search->objects, role, search->attributes, search->n);
		g_hash_table_insert(search->ways, (gpointer)role, ways);
	}
	return ways;
}

static RbacHolder *holder_of(Search *search, const RbacSubject *subject)
{
	RbacHolder *holder = g_hash_table_lookup(search->holders, subject);

	if (holder)
		return holder;
	holder = g_new0(RbacHolder, 1);
	holder->subject = *subject;
	holder->paths = g_ptr_array_new_with_free_func((GDestroyNotify)rbac_path_free);
	g_hash_table_insert(search->holders, &holder->subject, holder);
	return holder;
}

/* One and the same subject may stand twice in a binding. */
static gboolean has_stood_before(const RbacBinding *binding, guint n)
{
	for (guint i = 0; i < n; i++)
		if (same_subject(&binding->subjects[i], &binding->subjects[n]))
			return TRUE;
	return FALSE;
}

static void add_paths(Search *search, const RbacBinding *binding, const GPtrArray *ways,
		      guint32 mask, const RbacSubject *subject)
{
	for (guint i = 0; i < ways->len; i++) {
		RbacPath *path = rbac_path_new(binding, ways->pdata[i], mask);
		RbacHolder *holder;

		if (!path)
			continue;
		holder = holder_of(search, subject);
		holder->rights |= path->rights;
		g_ptr_array_add(holder->paths, path);
	}
}

static void search_part(Search *search, RbacPart part)
{
	const GPtrArray *bindings = rbac_sorted(search->objects, part);

	for (guint i = 0; i < bindings->len; i++) {
		const RbacBinding *binding = bindings->pdata[i];
		const RbacRole *role = rbac_role_of(search->objects, binding);
		guint32 mask = rbac_rights_in(search->attributes, search->n, binding->ns);
		const GPtrArray *ways = role && mask ? ways_of(search, role) : NULL;

		for (guint j = 0; ways && ways->len && j < binding->n_subjects; j++)
			if (!has_stood_before(binding, j))
				add_paths(search, binding, ways, mask, &binding->subjects[j]);
	}
}

static int compare_holders(gconstpointer a, gconstpointer b)
{
	return rbac_subject_compare(&(*(const RbacHolder *const *)a)->subject,
				    &(*(const RbacHolder *const *)b)->subject);
}

GPtrArray *rbac_who_can(RbacObjects *objects, const RbacAttributes *attributes, guint n)
{
	GPtrArray *holders = g_ptr_array_new_with_free_func((GDestroyNotify)rbac_holder_free);
	g_auto(Search) search = {
		.objects = objects,
		.attributes = attributes,
		.n = MIN(n, RBAC_MAX_RIGHTS),
		.ways = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref),
		.holders = g_hash_table_new(subject_hash, same_subject),
	};
	GHashTableIter iter;
	gpointer holder;

	search_part(&search, RBAC_CLUSTER_ROLE_BINDINGS);
	search_part(&search, RBAC_ROLE_BINDINGS);
	g_hash_table_iter_init(&iter, search.holders);
	while (g_hash_table_iter_next(&iter, NULL, &holder))
		g_ptr_array_add(holders, holder);
	g_ptr_array_sort(holders, compare_holders);
	return holders;
}

void rbac_holder_free(RbacHolder *holder)
{
	if (!holder)
		return;
	g_ptr_array_unref(holder->paths);
	g_free(holder);
}

/* ---- what is not known ---------------------------------------------------------------------- */

static gboolean part_matters(RbacPart part, const RbacAttributes *attributes, guint n)
{
	if (part == RBAC_CLUSTER_ROLES || part == RBAC_CLUSTER_ROLE_BINDINGS)
		return TRUE;
	for (guint i = 0; i < n; i++)
		if (!attributes[i].ns || *attributes[i].ns)
			return TRUE;
	return FALSE;
}

char *rbac_unread_of(const RbacObjects *objects, const RbacPart *parts, gsize n)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (gsize i = 0; i < n; i++)
		if (rbac_objects_unread(objects, parts[i]))
			g_string_append_printf(text, "%s%s", text->len ? ", " : "",
					       rbac_part_name(parts[i]));
	return text->len ? g_string_free(g_steal_pointer(&text), FALSE) : NULL;
}

char *rbac_gaps(const RbacObjects *objects, const RbacAttributes *attributes, guint n)
{
	RbacPart parts[RBAC_PARTS];
	gsize n_parts = 0;

	for (int part = 0; part < RBAC_PARTS; part++)
		if (part_matters((RbacPart)part, attributes, n))
			parts[n_parts++] = (RbacPart)part;
	return rbac_unread_of(objects, parts, n_parts);
}
