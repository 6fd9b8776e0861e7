/* SPDX-License-Identifier: Apache-2.0 */
/* Policies and cases in files. */
#include "policy.h"

#include <errno.h>
#include <sys/stat.h>

#include "model/yaml.h"

static gboolean read_text(const char *path, char **ret_text, gsize *ret_length, GError **error)
{
	struct stat st;
	g_autoptr(GError) local = NULL;

	if (stat(path, &st) < 0)
		return error_set_errno(error, errno, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return error_set(error, KVMIG_ERROR_INVALID, "'%s' is no file", path);
	if (st.st_size > JSON_MAX_BYTES)
		return error_set(error, KVMIG_ERROR_INVALID, "'%s' is larger than 16 MiB", path);
	if (g_file_get_contents(path, ret_text, ret_length, &local))
		return TRUE;
	return error_set(error, error_code(local), "%s", local->message);
}

GPtrArray *policy_file_read(const char *path, GError **error)
{
	g_autofree char *what = g_strdup_printf("'%s'", path);
	g_autofree char *text = NULL;
	gsize length;

	if (!read_text(path, &text, &length, error))
		return NULL;
	return yaml_parse_all(text, length, what, error);
}

cJSON *policy_file_read_one(const char *path, GError **error)
{
	g_autoptr(GPtrArray) documents = policy_file_read(path, error);

	if (!documents)
		return NULL;
	if (documents->len != 1) {
		error_set(error, KVMIG_ERROR_INVALID, "'%s' holds %u documents, not one", path,
			  documents->len);
		return NULL;
	}
	return cJSON_Duplicate(g_ptr_array_index(documents, 0), TRUE);
}
