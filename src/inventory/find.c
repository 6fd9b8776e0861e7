/* SPDX-License-Identifier: Apache-2.0 */
/* The VMI that a user means. */
#include <string.h>

#include "base/error.h"
#include "cli/option.h"
#include "inventory/inventory.h"
#include "model/vmi.h"
#include "model/wellknown.h"

/* How well a word names a VMI; a better way of naming hides the worse ones. */
typedef enum { MATCH_NONE, MATCH_UUID, MATCH_RAW_NAME, MATCH_NAME } Match;

static Match match(const cJSON *object, const char *word)
{
	Vmi vmi;

	vmi_read(object, &vmi);
	if (g_strcmp0(vmi.name, word) == 0)
		return MATCH_NAME;
	if (g_strcmp0(vmi.raw_name, word) == 0)
		return MATCH_RAW_NAME;
	if (vmi.domain_uuid && g_ascii_strcasecmp(vmi.domain_uuid, word) == 0)
		return MATCH_UUID;
	return MATCH_NONE;
}

static char *list_refs(const GPtrArray *found)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < found->len && i < 5; i++) {
		g_autofree char *ref = object_ref(g_ptr_array_index(found, i));

		g_string_append_printf(text, "%s'%s'", i ? ", " : "", ref);
	}
	if (found->len > 5)
		g_string_append(text, ", …");
	return g_strdup(text->str);
}

static gboolean not_found(const GPtrArray *all, const char *ns, const char *word, GError **error)
{
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *near = NULL;

	for (guint i = 0; i < all->len; i++)
		g_ptr_array_add(names, (gpointer)object_name(g_ptr_array_index(all, i)));
	g_ptr_array_add(names, NULL);
	near = option_nearest(word, (const char *const *)names->pdata);
	if (ns)
		error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no VM '%s' in namespace '%s'",
			  word, ns);
	else
		error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no VM '%s'", word);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "'kvmig vm list -A' shows all of them");
	return FALSE;
}

/* The best matches of the list, borrowed. */
static GPtrArray *best_matches(const GPtrArray *all, const char *word)
{
	GPtrArray *found = g_ptr_array_new();
	Match best = MATCH_NONE;

	for (guint i = 0; i < all->len; i++) {
		cJSON *object = g_ptr_array_index(all, i);
		Match how = match(object, word);

		if (how == MATCH_NONE || how < best)
			continue;
		if (how > best)
			g_ptr_array_set_size(found, 0);
		best = how;
		g_ptr_array_add(found, object);
	}
	return found;
}

static cJSON *search(Cluster *cluster, const char *ns, const char *word, GError **error)
{
	ClusterListOptions options = { .ns = ns };
	g_autoptr(GPtrArray) all = cluster_list(cluster, &KIND_VMI, &options, NULL, error);
	g_autoptr(GPtrArray) found = NULL;
	g_autofree char *refs = NULL;

	if (!all)
		return NULL;
	found = best_matches(all, word);
	if (found->len == 1)
		return cJSON_Duplicate(g_ptr_array_index(found, 0), TRUE);
	if (found->len == 0) {
		not_found(all, ns, word, error);
		return NULL;
	}
	refs = list_refs(found);
	error_set(error, KVMIG_ERROR_INVALID, "'%s' may be any of %u VMs: %s", word, found->len,
		  refs);
	error_hint(error, "name it by its name in one namespace (-n), or by its UUID");
	return NULL;
}

cJSON *inventory_find_vmi(Cluster *cluster, const char *ns, const char *word, GError **error)
{
	g_autoptr(GError) local = NULL;
	cJSON *vmi;

	/* Nearly always it is the name: no list for that. */
	if (ns && name_check_dns_subdomain(word, "VM", NULL)) {
		vmi = cluster_get(cluster, &KIND_VMI, ns, word, &local);
		if (vmi)
			return vmi;
		if (error_code(local) != KVMIG_ERROR_NOT_FOUND) {
			g_propagate_error(error, g_steal_pointer(&local));
			return NULL;
		}
	}
	return search(cluster, ns, word, error);
}
