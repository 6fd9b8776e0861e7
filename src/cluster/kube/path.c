/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/path.h"

#include <string.h>

#include "base/error.h"

#define FIELD_MANAGER "kvmig"
#define PART_MAX_BYTES 1024

/* A server, or a proxy before it, may resolve "." and ".." and decode "%2F": a DELETE of '.' would
 * then be one of the whole collection. No object has such a name. */
static gboolean check_part(const char *part, const char *what, GError **error)
{
	g_autofree char *shown = NULL;

	if (*part && strcmp(part, ".") != 0 && strcmp(part, "..") != 0 && !strpbrk(part, "/%") &&
	    strlen(part) <= PART_MAX_BYTES && g_utf8_validate(part, -1, NULL))
		return TRUE;
	shown = error_excerpt(part);
	return error_set(error, KVMIG_ERROR_INVALID, "'%s' cannot be the name of a %s", shown,
			 what);
}

static gboolean add_part(GString *path, const char *part, const char *what, GError **error)
{
	if (!check_part(part, what, error))
		return FALSE;
	g_string_append_c(path, '/');
	g_string_append_uri_escaped(path, part, NULL, FALSE);
	return TRUE;
}

char *path_of(const Kind *kind, const char *ns, const char *name, const char *subresource,
	      GError **error)
{
	g_autoptr(GString) path = g_string_new(*kind->group ? "/apis" : "/api");

	if (*kind->group && !add_part(path, kind->group, "group", error))
		return NULL;
	if (!add_part(path, kind->version, "version", error))
		return NULL;
	if (kind->namespaced && ns) {
		g_string_append(path, "/namespaces");
		if (!add_part(path, ns, "namespace", error))
			return NULL;
	}
	if (!add_part(path, kind->plural, "kind", error) ||
	    (name && !add_part(path, name, kind->singular, error)) ||
	    (subresource && !add_part(path, subresource, "subresource", error)))
		return NULL;
	return g_string_free(g_steal_pointer(&path), FALSE);
}

void query_add(Query *query, const char *key, const char *value)
{
	if (!value)
		return;
	if (!query->text)
		query->text = g_string_new(NULL);
	g_string_append_printf(query->text, "%c%s=", query->text->len > 0 ? '&' : '?', key);
	g_string_append_uri_escaped(query->text, value, NULL, FALSE);
}

void query_add_int(Query *query, const char *key, gint64 value)
{
	g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, value);

	query_add(query, key, text);
}

void query_add_write(Query *query, ClusterWriteFlags flags)
{
	query_add(query, "fieldManager", FIELD_MANAGER);
	query_add(query, "fieldValidation", "Strict");
	query_add(query, "dryRun", flags & CLUSTER_WRITE_DRY_RUN ? "All" : NULL);
	query_add(query, "force", flags & CLUSTER_WRITE_FORCE ? "true" : NULL);
}

void query_add_options(Query *query, const ClusterListOptions *options)
{
	g_autofree char *labels = NULL, *field = NULL;

	if (!options)
		return;
	labels = selector_format(options->selector);
	query_add(query, "labelSelector", *labels ? labels : NULL);
	if (options->name)
		field = g_strconcat("metadata.name=", options->name, NULL);
	else if (options->uid_of)
		field = g_strconcat("involvedObject.uid=", options->uid_of, NULL);
	query_add(query, "fieldSelector", field);
}

char *query_take(Query *query, const char *path)
{
	char *target = g_strconcat(path, query->text ? query->text->str : NULL, NULL);

	query_clear(query);
	return target;
}

void query_clear(Query *query)
{
	if (query->text)
		g_string_free(query->text, TRUE);
	query->text = NULL;
}
