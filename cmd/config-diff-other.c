/* SPDX-License-Identifier: Apache-2.0 */
/* What kvmig config diff compares this cluster with. */
#include "config-diff.h"

#include "manifest-files.h"
#include "model/yaml.h"

void config_other_clear(ConfigOther *other)
{
	g_clear_pointer(&other->name, g_free);
	settings_document_clear(&other->file);
	g_clear_pointer(&other->documents, g_ptr_array_unref);
	g_clear_pointer(&other->owner, config_owner_free);
	g_clear_pointer(&other->cluster, cluster_close);
}
/* ---- the operand ---------------------------------------------------------------------------- */

/* "prod" and "kube/prod", "book" only as "local/book", "local" and "lab" as they are. */
static gboolean is_context(const CommandContext *context, const char *word)
{
	g_auto(GStrv) names = cluster_list_contexts(context->choice->kubeconfig);
	g_autofree char *kube = g_strconcat("kube/", word, NULL);

	if (g_str_equal(word, "local"))
		word = "local/default";
	else if (g_str_equal(word, "lab"))
		word = "local/lab";
	return g_strv_contains((const char *const *)names, word) ||
	       g_strv_contains((const char *const *)names, kube);
}

static gboolean is_file(const char *word)
{
	return g_str_equal(word, "-") || g_file_test(word, G_FILE_TEST_EXISTS);
}

/* *ret_file, or a context. */
static gboolean tell_apart(const CommandContext *context, const char *word, gboolean *ret_file,
			   GError **error)
{
	const gboolean file = is_file(word), named = is_context(context, word);
	g_auto(GStrv) names = NULL;
	g_autofree char *near = NULL;

	*ret_file = file;
	if (file != named)
		return TRUE;
	if (file) {
		error_set(error, KVMIG_ERROR_USAGE, "'%s' is both a file and a context", word);
		error_hint(error,
			   "./%s is the file; of a context, kvmig context list has the "
			   "long name",
			   word);
		return FALSE;
	}
	names = cluster_list_contexts(context->choice->kubeconfig);
	near = option_nearest(word, (const char *const *)names);
	error_set(error, KVMIG_ERROR_USAGE, "there is neither a file nor a context '%s'", word);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "'kvmig context list' shows the contexts");
	return FALSE;
}

static gboolean read_file(const CommandContext *context, const char *path, const ConfigOwner *owner,
			  ConfigOther *other, GError **error)
{
	g_autoptr(GByteArray) bytes = text_file_read(path, error);
	g_autofree char *name = g_str_equal(path, "-") ? g_strdup("the standard input")
						       : g_strdup_printf("'%s'", path);

	if (!bytes)
		return FALSE;
	other->documents = yaml_parse_all((const char *)bytes->data, bytes->len, name, error);
	if (!other->documents)
		return FALSE;
	if (!settings_document_find(other->documents, owner->kind->kind, &other->file, error)) {
		error_prefix(error, "%s", name);
		return FALSE;
	}
	for (guint i = 0; i < other->file.unknown->len; i++)
		say_warning(context, "%s: %s is no setting that kvmig knows", name,
			    (const char *)other->file.unknown->pdata[i]);
	other->name = g_strdup_printf("%s, %s", name, other->file.what);
	return TRUE;
}

/* With its own credentials: --server, --token and the like are for this one. */
static gboolean open_other(const CommandContext *context, const char *name, ConfigOther *other,
			   GError **error)
{
	const ClusterOptions choice = {
		.context = name,
		.kubeconfig = context->choice->kubeconfig,
		.read_only = TRUE,
		.request_timeout_ms = context->choice->request_timeout_ms,
		.interactive = context->choice->interactive,
		.warn = context->choice->warn,
		.warn_data = context->choice->warn_data,
	};
	g_autofree char *shown = NULL;

	other->cluster = cluster_open(&choice, error);
	if (!other->cluster || !cluster_probe(other->cluster, error))
		return FALSE;
	other->owner = config_owner_find(other->cluster, error);
	if (!other->owner) {
		error_prefix(error, "'%s'", cluster_context(other->cluster));
		return FALSE;
	}
	for (guint i = 0; i < other->owner->notes->len; i++)
		say_warning(context, "'%s': %s", cluster_context(other->cluster),
			    (const char *)other->owner->notes->pdata[i]);
	shown = config_owner_text(other->owner);
	other->name = g_strdup_printf("%s, %s", cluster_context(other->cluster), shown);
	return TRUE;
}

gboolean config_read_other(const CommandContext *context, const char *word,
			   const ConfigOwner *owner, ConfigOther *other, GError **error)
{
	gboolean file;

	if (!tell_apart(context, word, &file, error))
		return FALSE;
	return file ? read_file(context, word, owner, other, error)
		    : open_other(context, word, other, error);
}
