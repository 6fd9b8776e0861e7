/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a command of `kvmig rbac` is about, and where. */
#include "rbac-change.h"

#include <string.h>

#include "base/error.h"
#include "output/stream.h"
#include "resource.h"

const Option rbac_whom_options[] = {
	OPT_LIST(0, "group", RbacWhom, groups, "GROUP", "a group of users"),
	OPT_LIST(0, "serviceaccount", RbacWhom, accounts, "NS:NAME", "a service account"),
	OPT_END,
};

const Option rbac_places_options[] = {
	OPT_LIST('n', "namespace", RbacPlaces, namespaces, "NS",
		 "in this namespace; may be given several times", .complete = COMPLETE_NAMESPACE),
	OPT_FLAG(0, "cluster", RbacPlaces, cluster_wide, "in all namespaces at once"),
	OPT_END,
};

static gboolean take(cJSON *subjects, cJSON *subject, GError **error)
{
	if (!subject)
		return error_usage(error);
	(void)subjects_add(subjects, subject);
	cJSON_Delete(subject);
	return TRUE;
}

cJSON *rbac_whom_read(const CommandContext *context, const RbacWhom *whom, GError **error)
{
	g_autoptr(cJSON) subjects = cJSON_CreateArray();

	for (guint i = 0; i < context->n_args; i++)
		if (!take(subjects, subject_user(context->args[i], error), error))
			return NULL;
	for (guint i = 0; i < whom->groups->len; i++)
		if (!take(subjects, subject_group(whom->groups->pdata[i], error), error))
			return NULL;
	for (guint i = 0; i < whom->accounts->len; i++)
		if (!take(subjects, subject_service_account(whom->accounts->pdata[i], error),
			  error))
			return NULL;
	if (cJSON_GetArraySize(subjects))
		return g_steal_pointer(&subjects);
	error_set(error, KVMIG_ERROR_USAGE, "it is not said whom this is about");
	error_hint(error, "name a user, --group GROUP or --serviceaccount NS:NAME");
	return NULL;
}

static gboolean add_place(GPtrArray *places, const char *ns, GError **error)
{
	if (!name_check_dns_label(ns, "namespace", error))
		return error_usage(error);
	if (!g_ptr_array_find_with_equal_func(places, ns, g_str_equal, NULL))
		g_ptr_array_add(places, (gpointer)ns);
	return TRUE;
}

GPtrArray *rbac_places_read(const RbacPlaces *places, GError **error)
{
	g_autoptr(GPtrArray) list = g_ptr_array_new();

	for (guint i = 0; i < places->namespaces->len; i++)
		if (!add_place(list, places->namespaces->pdata[i], error))
			return NULL;
	if (places->cluster_wide && list->len) {
		error_set(error, KVMIG_ERROR_USAGE,
			  "-n and --cluster: all namespaces include the others");
		return NULL;
	}
	if (places->cluster_wide)
		g_ptr_array_add(list, NULL);
	if (list->len)
		return g_steal_pointer(&list);
	error_set(error, KVMIG_ERROR_USAGE, "it is not said in which namespace");
	error_hint(error, "-n NAMESPACE, several times for several, or --cluster");
	return NULL;
}

char *rbac_place_text(const char *ns)
{
	return ns ? g_strdup_printf("namespace '%s'", ns) : g_strdup("all namespaces");
}

char *rbac_place_words(const char *ns)
{
	return ns ? g_strdup_printf("-n %s", ns) : g_strdup("--cluster");
}

/* Unlike most names, those of RBAC's objects may be nearly anything. */
gboolean rbac_name_check(const char *name, GError **error)
{
	g_autofree char *shown = error_excerpt(name);

	if (strlen(name) <= 253 && g_utf8_validate(name, -1, NULL) && !strpbrk(name, "/%") &&
	    !g_str_equal(name, ".") && !g_str_equal(name, ".."))
		return TRUE;
	return error_set(error, KVMIG_ERROR_USAGE,
			 "--name: '%s' cannot be the name of a binding: at most 253 bytes, without "
			 "'/' and '%%'",
			 shown);
}

void rbac_print_objects(const CommandContext *context, const GPtrArray *objects)
{
	const Output *output = context->output;
	g_autoptr(OutputList) list = NULL;

	if (objects->len > 1 && output->format != OUTPUT_NAME)
		list = output_list_new(output);
	for (guint i = 0; i < objects->len; i++) {
		const cJSON *object = objects->pdata[i];
		const Kind *kind = object_kind(object);
		g_autofree char *id = kind ? resource_id(kind, object_name(object)) : NULL;
		g_autofree char *safe = output_escape(id ? id : "");
		g_autoptr(cJSON) shown = NULL;

		if (!kind)
			continue;
		if (output->format == OUTPUT_NAME) {
			(void)fprintf(output->stream, "%s\n", safe);
			continue;
		}
		shown = resource_shown(kind, object, FALSE);
		if (list)
			output_list_add(list, shown);
		else
			output_object(output, shown, FALSE);
	}
	if (list)
		output_list_end(list);
}
