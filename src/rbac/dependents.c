/* SPDX-License-Identifier: Apache-2.0 */
#include "rbac/dependents.h"

#include "rbac/binding.h"

#define EVERYWHERE "" /* the place of ClusterRoleBindings; no namespace has that name */

/* What one subject has where: namespace -> rights, EVERYWHERE too. */
typedef struct {
	cJSON *subject;
	char *user;
	gboolean is_group;
	GHashTable *places;
	GPtrArray *order; /* of the places, borrowed from it */
} Holding;

static void holding_free(Holding *holding)
{
	cJSON_Delete(holding->subject);
	g_free(holding->user);
	g_hash_table_unref(holding->places);
	g_ptr_array_unref(holding->order);
	g_free(holding);
}

/* Takes subject and name. */
static Holding *holding_new(cJSON *subject, char *user, gboolean is_group)
{
	Holding *holding = g_new0(Holding, 1);

	holding->subject = subject;
	holding->user = user;
	holding->is_group = is_group;
	holding->places = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	holding->order = g_ptr_array_new();
	return holding;
}

static guint32 held_at(const Holding *holding, const char *place)
{
	return holding ? GPOINTER_TO_UINT(g_hash_table_lookup(holding->places, place)) : 0;
}

static void hold(Holding *holding, const char *place, guint32 rights)
{
	char *key;

	if (g_hash_table_contains(holding->places, place)) {
		rights |= held_at(holding, place);
		g_hash_table_insert(holding->places, g_strdup(place), GUINT_TO_POINTER(rights));
		return;
	}
	key = g_strdup(place);
	g_hash_table_insert(holding->places, key, GUINT_TO_POINTER(rights));
	g_ptr_array_add(holding->order, key);
}

/* Holding*, in the order of rbac_who_can(). system:masters needs no binding, and is left out. */
static GPtrArray *read_bound(RbacObjects *objects, const RbacAttributes *rights, guint n)
{
	g_autoptr(GPtrArray) holders = rbac_who_can(objects, rights, n);
	GPtrArray *holdings =
		g_ptr_array_new_with_free_func((GDestroyNotify)(void (*)(void))holding_free);

	for (guint i = 0; i < holders->len; i++) {
		const RbacHolder *holder = holders->pdata[i];
		Holding *holding = holding_new(rbac_subject_to_json(&holder->subject),
					       rbac_subject_user_name(&holder->subject),
					       holder->subject.kind == RBAC_SUBJECT_GROUP);

		for (guint p = 0; p < holder->paths->len; p++) {
			const RbacPath *path = holder->paths->pdata[p];

			if (path->binding)
				hold(holding, path->binding->ns ? path->binding->ns : EVERYWHERE,
				     path->rights);
		}
		g_ptr_array_add(holdings, holding);
	}
	return holdings;
}

static char *key_of(gboolean is_group, const char *name)
{
	return g_strconcat(is_group ? "g" : "u", name, NULL);
}

static GHashTable *by_subject(const GPtrArray *holdings)
{
	GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (guint i = 0; i < holdings->len; i++) {
		Holding *holding = holdings->pdata[i];

		g_hash_table_insert(table, key_of(holding->is_group, holding->user), holding);
	}
	return table;
}

static Holding *find(GHashTable *table, gboolean is_group, const char *name)
{
	g_autofree char *key = key_of(is_group, name);

	return g_hash_table_lookup(table, key);
}

/* To what a user has himself, what the groups that his name is always in have. */
static void add_implied(GPtrArray *holdings, GHashTable *table, const cJSON *subject)
{
	g_autoptr(cJSON) identity = subject_identity(subject);
	const char *user = json_string(identity, "user", NULL);
	g_auto(GStrv) groups = user ? rbac_implied_groups(user) : NULL;
	Holding *holding = user ? find(table, FALSE, user) : NULL;

	for (guint i = 0; groups && groups[i]; i++) {
		const Holding *group = find(table, TRUE, groups[i]);

		if (group && !holding) {
			holding = holding_new(cJSON_Duplicate(subject, TRUE), g_strdup(user),
					      FALSE);
			g_ptr_array_add(holdings, holding);
			g_hash_table_insert(table, key_of(FALSE, user), holding);
		}
		for (guint p = 0; group && p < group->order->len; p++)
			hold(holding, group->order->pdata[p],
			     held_at(group, group->order->pdata[p]));
	}
}

static GPtrArray *read_holdings(RbacObjects *objects, const RbacAttributes *rights, guint n,
				const cJSON *also)
{
	GPtrArray *holdings = read_bound(objects, rights, n);
	g_autoptr(GHashTable) table = by_subject(holdings);
	const cJSON *subject;

	cJSON_ArrayForEach(subject, also) add_implied(holdings, table, subject);
	return holdings;
}

static cJSON *row_new(const Holding *holding)
{
	cJSON *row = cJSON_CreateObject();

	json_set(row, "subject", cJSON_Duplicate(holding->subject, TRUE));
	(void)json_ensure_array(row, "namespaces");
	return row;
}

static void row_add(cJSON *row, const char *place)
{
	if (*place)
		cJSON_AddItemToArray(json_get(row, "namespaces"), cJSON_CreateString(place));
	else
		json_set_bool(row, "everywhere", TRUE);
}

cJSON *rbac_holders_json(RbacObjects *objects, const RbacAttributes *rights, guint n,
			 const cJSON *also)
{
	g_autoptr(GPtrArray) holdings = read_holdings(objects, rights, n, also);
	cJSON *rows = cJSON_CreateArray();

	for (guint i = 0; i < holdings->len; i++) {
		const Holding *holding = holdings->pdata[i];
		cJSON *row = row_new(holding);

		for (guint p = 0; p < holding->order->len; p++)
			row_add(row, holding->order->pdata[p]);
		cJSON_AddItemToArray(rows, row);
	}
	return rows;
}

/* ---- what is lost --------------------------------------------------------------------------- */

/* By bindings to the groups that such a name is always in. */
static guint32 implied_at(RbacObjects *objects, const Holding *holding, const char *place,
			  const RbacAttributes *rights, guint n)
{
	const char *const group_only[] = { holding->user, NULL };
	const RbacUser user = { .user = holding->is_group ? "" : holding->user,
				.groups = holding->is_group ? group_only : NULL };
	guint32 held = 0;

	for (guint i = 0; i < n; i++) {
		RbacAttributes here = rights[i];

		here.ns = place;
		if (rbac_allows(objects, &user, &here, NULL) == RBAC_YES)
			held |= 1u << i;
	}
	return held;
}

/* `objects` and `after`: without the role. */
static gboolean loses(RbacObjects *objects, const Holding *before, const Holding *after,
		      const char *place, const RbacAttributes *rights, guint n)
{
	guint32 lost =
		held_at(before, place) & ~held_at(after, place) & ~held_at(after, EVERYWHERE);

	return lost && (lost & ~implied_at(objects, before, place, rights, n));
}

cJSON *rbac_dependents_json(RbacObjects *objects, const char *role, const RbacAttributes *rights,
			    guint n, const cJSON *also)
{
	g_autoptr(GPtrArray) before = NULL;
	g_autoptr(GPtrArray) after = NULL;
	g_autoptr(GHashTable) table = NULL;
	cJSON *rows = cJSON_CreateArray();

	rbac_objects_reaggregate(objects);
	before = read_holdings(objects, rights, n, also);
	(void)rbac_objects_remove(objects, RBAC_CLUSTER_ROLES, NULL, role);
	rbac_objects_reaggregate(objects);
	after = read_holdings(objects, rights, n, NULL);
	table = by_subject(after);
	for (guint i = 0; i < before->len; i++) {
		const Holding *holding = before->pdata[i];
		const Holding *then = find(table, holding->is_group, holding->user);
		cJSON *row = NULL;

		for (guint p = 0; p < holding->order->len; p++) {
			const char *place = holding->order->pdata[p];

			if (!loses(objects, holding, then, place, rights, n))
				continue;
			if (!row)
				row = row_new(holding);
			row_add(row, place);
		}
		if (row)
			cJSON_AddItemToArray(rows, row);
	}
	return rows;
}
