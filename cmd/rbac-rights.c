/* SPDX-License-Identifier: Apache-2.0 */
/* The rights that the commands of the group ask about, and the words for them. */
#include "rbac.h"

#include <string.h>

typedef struct {
	const char *word;
	RbacAttributes attributes;
	gboolean usual; /* one of those that are meant where none is named */
} MigrateRight;

#define ON_MIGRATIONS(verb_text, is_usual)                                                         \
	{                                                                                          \
		.word = verb_text,                                                                 \
		.attributes = { .verb = verb_text,                                                 \
				.group = "kubevirt.io",                                            \
				.resource = "virtualmachineinstancemigrations" },                  \
		.usual = is_usual,                                                                 \
	}

static const MigrateRight rights[] = {
	ON_MIGRATIONS("create", TRUE),
	ON_MIGRATIONS("update", TRUE),
	ON_MIGRATIONS("delete", TRUE),
	{ .word = "migrate",
	  .attributes = { .verb = "update",
			  .group = "subresources.kubevirt.io",
			  .resource = "virtualmachines",
			  .subresource = "migrate" },
	  .usual = TRUE },
	ON_MIGRATIONS("patch", FALSE),
	ON_MIGRATIONS("deletecollection", FALSE),
	ON_MIGRATIONS("get", FALSE),
	ON_MIGRATIONS("list", FALSE),
	ON_MIGRATIONS("watch", FALSE),
};

/* An eviction of the pod that a VM runs in makes KubeVirt migrate it. */
static const MigrateRight kubevirt_drain[] = {
	{ .word = "cordon",
	  .attributes = { .verb = "patch", .group = "", .resource = "nodes", .ns = "" } },
	{ .word = "evict",
	  .attributes = { .verb = "create",
			  .group = "",
			  .resource = "pods",
			  .subresource = "eviction" } },
};

static const MigrateRight fleet_drain[] = {
	{ .word = "cordon",
	  .attributes = { .verb = "patch", .group = "kvmig.io", .resource = "hosts", .ns = "" } },
	ON_MIGRATIONS("create", TRUE),
};

static void add(MigrateQuery *query, const MigrateRight *right, const char *ns)
{
	query->attributes[query->n] = right->attributes;
	if (!right->attributes.ns)
		query->attributes[query->n].ns = ns;
	query->words[query->n++] = right->word;
}

static gboolean is_served(const CommandContext *context, const MigrateRight *right)
{
	return !right->attributes.subresource ||
	       cluster_caps(context->cluster)->kind == CLUSTER_KUBEVIRT;
}

static gboolean no_such_word(const char *word, GError **error)
{
	const char *words[G_N_ELEMENTS(rights) + 1] = { NULL };
	g_autofree char *shown = error_excerpt(word);
	g_autofree char *near = NULL;
	g_autofree char *all = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(rights); i++)
		words[i] = rights[i].word;
	near = option_nearest(word, words);
	all = g_strjoinv(", ", (char **)words);
	error_set(error, KVMIG_ERROR_USAGE, "'%s' is nothing that one does with migrations", shown);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "one of %s", all);
	return FALSE;
}

gboolean migrate_query(const CommandContext *context, const char *word, MigrateQuery *query,
		       GError **error)
{
	query->n = 0;
	for (gsize i = 0; i < G_N_ELEMENTS(rights); i++)
		if ((word ? strcmp(word, rights[i].word) == 0 : rights[i].usual) &&
		    is_served(context, &rights[i]))
			add(query, &rights[i], context->ns);
	return query->n > 0 || no_such_word(word, error);
}

void drain_query(const CommandContext *context, MigrateQuery *query)
{
	gboolean kubevirt = cluster_caps(context->cluster)->kind == CLUSTER_KUBEVIRT;
	const MigrateRight *drain = kubevirt ? kubevirt_drain : fleet_drain;
	gsize n = kubevirt ? G_N_ELEMENTS(kubevirt_drain) : G_N_ELEMENTS(fleet_drain);

	query->n = 0;
	for (gsize i = 0; i < n; i++)
		add(query, &drain[i], context->ns);
}

cJSON *migrate_words(const MigrateQuery *query, guint32 mask)
{
	cJSON *words = cJSON_CreateArray();

	for (guint i = 0; i < query->n; i++)
		if (mask & (1u << i))
			cJSON_AddItemToArray(words, cJSON_CreateString(query->words[i]));
	return words;
}
