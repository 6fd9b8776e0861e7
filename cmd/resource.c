/* SPDX-License-Identifier: Apache-2.0 */
#include "resource.h"

#include <string.h>

#include "observe.h"

/* ---- words ---------------------------------------------------------------------------------- */

static void add(GPtrArray *resources, const Kind *kind, const char *name)
{
	Resource *resource = g_new0(Resource, 1);

	resource->kind = kind;
	resource->name = name;
	g_ptr_array_add(resources, resource);
}

static gboolean mixed(const char *word, GError **error)
{
	error_set(error, KVMIG_ERROR_USAGE, "'%s': KIND/NAME and KIND NAME do not go together",
		  word);
	error_hint(error, "write all of them as KIND/NAME, or the kind once and the names behind "
			  "it");
	return FALSE;
}

static gboolean add_pair(const CommandContext *context, const char *word, GPtrArray *resources,
			 GError **error)
{
	const char *slash = strchr(word, '/');
	g_autofree char *kind_word = NULL;
	const Kind *kind;

	if (!slash)
		return mixed(word, error);
	if (slash == word || !slash[1] || strchr(slash + 1, '/'))
		return error_set(error, KVMIG_ERROR_USAGE, "'%s' is not KIND/NAME", word);
	kind_word = g_strndup(word, (gsize)(slash - word));
	kind = cluster_find_kind(context->cluster, kind_word, error);
	if (!kind)
		return FALSE;
	add(resources, kind, slash + 1);
	return TRUE;
}

static gboolean add_names(const CommandContext *context, char *const *words, guint n,
			  gboolean all_allowed, GPtrArray *resources, GError **error)
{
	const Kind *kind = cluster_find_kind(context->cluster, words[0], error);

	if (!kind)
		return FALSE;
	if (n == 1 && !all_allowed) {
		error_set(error, KVMIG_ERROR_USAGE, "no name of a %s is given", kind->singular);
		error_hint(error, "'kvmig get %s' lists them", words[0]);
		return FALSE;
	}
	if (n == 1)
		add(resources, kind, NULL);
	for (guint i = 1; i < n; i++) {
		if (strchr(words[i], '/'))
			return mixed(words[i], error);
		if (!*words[i])
			return error_set(error, KVMIG_ERROR_USAGE, "a name is empty");
		add(resources, kind, words[i]);
	}
	return TRUE;
}

GPtrArray *resources_parse(const CommandContext *context, char *const *words, guint n,
			   gboolean all_allowed, GError **error)
{
	g_autoptr(GPtrArray) resources = g_ptr_array_new_with_free_func(g_free);

	if (!strchr(words[0], '/')) {
		if (!add_names(context, words, n, all_allowed, resources, error))
			return NULL;
		return g_steal_pointer(&resources);
	}
	for (guint i = 0; i < n; i++)
		if (!add_pair(context, words[i], resources, error))
			return NULL;
	return g_steal_pointer(&resources);
}

/* ---- telling -------------------------------------------------------------------------------- */

char *resource_id(const Kind *kind, const char *name)
{
	return *kind->group ? g_strdup_printf("%s.%s/%s", kind->singular, kind->group, name)
			    : g_strdup_printf("%s/%s", kind->singular, name);
}

const char *resource_namespace(const CommandContext *context, const Kind *kind)
{
	return kind->namespaced ? context->ns : NULL;
}

char *resource_where(const CommandContext *context, const Kind *kind)
{
	const char *ns = resource_namespace(context, kind);

	return ns ? g_strdup_printf(" in namespace '%s'", ns) : g_strdup("");
}

static void refer(cJSON *to, const cJSON *from, const char *but)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, from)
	{
		if (!json_get(to, member->string) && g_strcmp0(member->string, but) != 0)
			(void)cJSON_AddItemReferenceToObject(to, member->string, (cJSON *)member);
	}
}

cJSON *resource_shown(const Kind *kind, const cJSON *object, gboolean all)
{
	cJSON *shown = cJSON_CreateObject();
	const cJSON *metadata = json_get(object, "metadata");

	json_set_string(shown, "apiVersion", kind_api_version(kind));
	json_set_string(shown, "kind", kind->kind);
	if (metadata)
		refer(json_ensure_object(shown, "metadata"), metadata,
		      all ? NULL : "managedFields");
	refer(shown, object, NULL);
	return shown;
}

gboolean resource_observe(const CommandContext *context, const Kind *kind, GError **error)
{
	if (kind != &KIND_VMI && kind != &KIND_HOST)
		return TRUE;
	return observe_cluster(context, error);
}

/* ---- labels --------------------------------------------------------------------------------- */

static gboolean nobody_owns(const char *key)
{
	(void)key;
	return FALSE;
}

LabelOwner resource_label_owner(const CommandContext *context, const Kind *kind)
{
	if (!cluster_caps(context->cluster)->kvmig_migrates)
		return nobody_owns;
	if (kind == &KIND_VMI)
		return inventory_owns_vmi_label;
	return kind == &KIND_HOST ? inventory_owns_host_label : nobody_owns;
}

/* ---- several -------------------------------------------------------------------------------- */

gboolean tally_add(Tally *tally, const char *place, GError *failure)
{
	g_autoptr(GError) error = failure;
	ExitStatus status;

	tally->tried++;
	if (!error)
		return TRUE;
	if (place)
		error_prefix(&error, "%s", place);
	report_error(error);
	status = exit_status_of_error(error);
	tally->status = tally->failed == 0 || tally->status == status ? status : STATUS_FAILED;
	tally->failed++;
	return status != STATUS_UNREACHABLE;
}

void tally_tell_left(const CommandContext *context, const Tally *tally, guint all)
{
	const guint left = all - tally->tried;

	if (left)
		say_warning(context, "%u more %s not tried", left, left == 1 ? "was" : "were");
}

ExitStatus tally_status(const Tally *tally)
{
	if (!tally->failed)
		return STATUS_DONE;
	return tally->failed < tally->tried ? STATUS_PARTIAL : tally->status;
}
