/* SPDX-License-Identifier: Apache-2.0 */
/* The authorizer's rules: what a role gives, whom a binding means, and from both the answer. */
#include <string.h>

#include "model/labels.h"
#include "rbac/private.h"

/* Roles are aggregated from roles that are aggregated; nobody builds more floors than that. */
#define MAX_CHAIN 8u
/* Of one role to one question: beyond that more of them tell nobody anything. */
#define MAX_WAYS 64u

/* ---- a rule --------------------------------------------------------------------------------- */

static gboolean among(const char *const *words, const char *word)
{
	for (; *words; words++)
		if (strcmp(*words, word) == 0)
			return TRUE;
	return FALSE;
}

static gboolean among_or_all(const char *const *words, const char *word)
{
	return among(words, "*") || among(words, word);
}

static gboolean is_given(const char *text)
{
	return text && *text;
}

/* "virtualmachines/migrate" against "virtualmachines/migrate". */
static gboolean same_resource(const char *word, const char *resource, const char *subresource)
{
	gsize length = strlen(resource);

	if (strncmp(word, resource, length) != 0)
		return FALSE;
	if (!is_given(subresource))
		return word[length] == '\0';
	return word[length] == '/' && strcmp(word + length + 1, subresource) == 0;
}

/* The star stands for all with all their subresources, a star before a slash for that subresource
 * of all; "virtualmachines" does not stand for "virtualmachines/migrate". */
static gboolean resource_matches(const RbacRule *rule, const RbacAttributes *attributes)
{
	for (const char *const *word = rule->resources; *word; word++) {
		if (strcmp(*word, "*") == 0 ||
		    same_resource(*word, attributes->resource, attributes->subresource))
			return TRUE;
		if (is_given(attributes->subresource) && g_str_has_prefix(*word, "*/") &&
		    strcmp(*word + 2, attributes->subresource) == 0)
			return TRUE;
	}
	return FALSE;
}

static gboolean rule_allows(const RbacRule *rule, const RbacAttributes *attributes)
{
	return among_or_all(rule->verbs, attributes->verb) &&
	       among_or_all(rule->groups, attributes->group) &&
	       resource_matches(rule, attributes) &&
	       (!*rule->names || among(rule->names, attributes->name ? attributes->name : ""));
}

/* ---- a role --------------------------------------------------------------------------------- */

static guint32 rights_of_rules(const RbacRole *role, const RbacAttributes *attributes, guint n)
{
	guint32 rights = 0;

	for (guint i = 0; i < role->n_rules; i++)
		for (guint j = 0; j < n; j++)
			if (!(rights & (1u << j)) && rule_allows(&role->rules[i], &attributes[j]))
				rights |= 1u << j;
	return rights;
}

static gboolean selects(const RoleEntry *entry, const RbacRole *other)
{
	for (guint i = 0; i < entry->selectors->len; i++)
		if (selector_matches(entry->selectors->pdata[i], other->labels))
			return TRUE;
	return FALSE;
}

static void way_free(gpointer data)
{
	RbacWay *way = data;

	g_ptr_array_unref(way->chain);
	g_free(way);
}

static void add_way(GPtrArray *ways, const GPtrArray *chain, guint32 rights)
{
	RbacWay *way;

	if (!rights || ways->len >= MAX_WAYS)
		return;
	way = g_new0(RbacWay, 1);
	way->chain = g_ptr_array_sized_new(chain->len);
	for (guint i = 0; i < chain->len; i++)
		g_ptr_array_add(way->chain, chain->pdata[i]);
	way->rights = rights;
	g_ptr_array_add(ways, way);
}

typedef struct {
	RbacObjects *objects;
	const RbacAttributes *attributes;
	guint n;
	GPtrArray *chain; /* the roles so far */
	GPtrArray *ways;
} Walk;

static guint32 walk_role(Walk *walk, const RbacRole *role, guint32 wanted);

/* The rights that the roles which it selects account for. */
static guint32 walk_sources(Walk *walk, const RbacRole *role, guint32 wanted)
{
	const GPtrArray *all = rbac_sorted(walk->objects, RBAC_CLUSTER_ROLES);
	guint32 found = 0;

	if (walk->chain->len >= MAX_CHAIN)
		return 0;
	for (guint i = 0; i < all->len; i++) {
		const RbacRole *other = all->pdata[i];

		if (!g_ptr_array_find(walk->chain, other, NULL) &&
		    selects((const RoleEntry *)(gconstpointer)role, other))
			found |= walk_role(walk, other, wanted);
	}
	return found;
}

static guint32 walk_role(Walk *walk, const RbacRole *role, guint32 wanted)
{
	guint32 rights = wanted;
	guint32 found = 0;

	if (!role->aggregated || !walk->objects->reaggregate)
		rights &= rights_of_rules(role, walk->attributes, walk->n);
	if (!rights)
		return 0;
	g_ptr_array_add(walk->chain, (gpointer)role);
	if (role->aggregated)
		found = walk_sources(walk, role, rights);
	if (role->aggregated && walk->objects->reaggregate)
		rights = found;
	add_way(walk->ways, walk->chain, rights & ~(role->aggregated ? found : 0));
	g_ptr_array_set_size(walk->chain, (int)walk->chain->len - 1);
	return rights;
}

GPtrArray *rbac_ways(RbacObjects *objects, const RbacRole *role, const RbacAttributes *attributes,
		     guint n)
{
	g_autoptr(GPtrArray) chain = g_ptr_array_new();
	Walk walk = { .objects = objects,
		      .attributes = attributes,
		      .n = n,
		      .chain = chain,
		      .ways = g_ptr_array_new_with_free_func(way_free) };

	(void)walk_role(&walk, role, n < RBAC_MAX_RIGHTS ? (1u << n) - 1 : G_MAXUINT32);
	return walk.ways;
}

gboolean rbac_role_allows(RbacObjects *objects, const RbacRole *role,
			  const RbacAttributes *attributes)
{
	g_autoptr(GPtrArray) ways = rbac_ways(objects, role, attributes, 1);

	return ways->len > 0;
}

/* ---- a binding ------------------------------------------------------------------------------ */

static gboolean in_group(const char *const *groups, const char *name)
{
	return groups && g_strv_contains(groups, name);
}

/* Of the user's names, as a service account's is written. */
static gboolean is_service_account(const RbacSubject *subject, const char *user)
{
	g_autofree char *name = rbac_subject_user_name(subject);

	return strcmp(name, user) == 0;
}

static gboolean subject_is(const RbacSubject *subject, const RbacUser *user)
{
	switch (subject->kind) {
	case RBAC_USER:
		return strcmp(subject->name, user->user) == 0;
	case RBAC_SUBJECT_GROUP:
		return in_group(user->groups, subject->name);
	case RBAC_SERVICE_ACCOUNT:
		return is_service_account(subject, user->user);
	}
	return FALSE;
}

static gboolean applies(const RbacBinding *binding, const RbacUser *user)
{
	for (guint i = 0; i < binding->n_subjects; i++)
		if (subject_is(&binding->subjects[i], user))
			return TRUE;
	return FALSE;
}

gboolean rbac_binding_applies(const RbacBinding *binding, const RbacUser *user)
{
	g_auto(GStrv) implied = user->groups ? NULL : rbac_implied_groups(user->user);
	const RbacUser asked = { user->user,
				 user->groups ? user->groups : (const char *const *)implied };

	return applies(binding, &asked);
}

guint32 rbac_rights_in(const RbacAttributes *attributes, guint n, const char *ns)
{
	guint32 rights = 0;

	for (guint i = 0; i < n; i++)
		if (!ns || !attributes[i].ns || strcmp(attributes[i].ns, ns) == 0)
			rights |= 1u << i;
	return rights;
}

RbacPath *rbac_path_new(const RbacBinding *binding, const RbacWay *way, guint32 mask)
{
	RbacPath *path;

	if (!(way->rights & mask))
		return NULL;
	path = g_new0(RbacPath, 1);
	path->binding = binding;
	path->chain = g_ptr_array_ref(way->chain);
	path->rights = way->rights & mask;
	return path;
}

void rbac_path_free(RbacPath *path)
{
	if (!path)
		return;
	g_ptr_array_unref(path->chain);
	g_free(path);
}

/* ---- the answer ----------------------------------------------------------------------------- */

typedef struct {
	RbacObjects *objects;
	const RbacUser *user;
	const RbacAttributes *attributes;
	gboolean role_unread; /* a binding of his names a role that may be what gives it */
	GPtrArray *paths;
} Question;

static void ask_binding(Question *question, const RbacBinding *binding)
{
	const RbacRole *role;
	g_autoptr(GPtrArray) ways = NULL;

	if (!applies(binding, question->user))
		return;
	role = rbac_role_of(question->objects, binding);
	if (!role) {
		RbacPart part = binding->role_is_cluster ? RBAC_CLUSTER_ROLES : RBAC_ROLES;

		if (rbac_objects_unread(question->objects, part))
			question->role_unread = TRUE;
		return;
	}
	ways = rbac_ways(question->objects, role, question->attributes, 1);
	for (guint i = 0; i < ways->len; i++)
		g_ptr_array_add(question->paths, rbac_path_new(binding, ways->pdata[i], 1));
}

static void ask_part(Question *question, RbacPart part)
{
	const GPtrArray *bindings = rbac_sorted(question->objects, part);
	const char *ns = question->attributes->ns;

	for (guint i = 0; i < bindings->len; i++) {
		const RbacBinding *binding = bindings->pdata[i];

		if (!binding->ns || g_strcmp0(binding->ns, ns) == 0)
			ask_binding(question, binding);
	}
}

/* Something that was not read may give it. */
static gboolean may_be_hidden(const Question *question)
{
	const RbacObjects *objects = question->objects;
	const char *ns = question->attributes->ns;

	if (question->role_unread || objects->unread[RBAC_CLUSTER_ROLE_BINDINGS])
		return TRUE;
	if (!is_given(ns))
		return FALSE;
	return objects->unread[RBAC_ROLE_BINDINGS] || (objects->ns && strcmp(objects->ns, ns) != 0);
}

static void add_masters(GPtrArray *paths)
{
	RbacPath *path = g_new0(RbacPath, 1);

	path->chain = g_ptr_array_new();
	path->rights = 1;
	g_ptr_array_add(paths, path);
}

RbacVerdict rbac_allows(RbacObjects *objects, const RbacUser *user,
			const RbacAttributes *attributes, GPtrArray **ret_paths)
{
	g_auto(GStrv) implied = user->groups ? NULL : rbac_implied_groups(user->user);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func((GDestroyNotify)rbac_path_free);
	const RbacUser asked = { user->user,
				 user->groups ? user->groups : (const char *const *)implied };
	Question question = { objects, &asked, attributes, FALSE, paths };
	RbacVerdict verdict;

	if (in_group(asked.groups, RBAC_GROUP_MASTERS))
		add_masters(paths);
	ask_part(&question, RBAC_CLUSTER_ROLE_BINDINGS);
	ask_part(&question, RBAC_ROLE_BINDINGS);
	verdict = paths->len ? RBAC_YES : may_be_hidden(&question) ? RBAC_UNKNOWN : RBAC_NO;
	if (ret_paths)
		*ret_paths = g_steal_pointer(&paths);
	return verdict;
}
