/* SPDX-License-Identifier: Apache-2.0 */
#include "manifest-files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_PIECE 65536

/* All that comes, up to a byte more than may be: a pipe tells no size. */
static gboolean read_all(int fd, const char *name, GByteArray *bytes, GError **error)
{
	ssize_t n;

	do {
		guint length = bytes->len;

		g_byte_array_set_size(bytes, length + READ_PIECE);
		n = read(fd, bytes->data + length, READ_PIECE);
		if (n < 0 && errno == EINTR) {
			g_byte_array_set_size(bytes, length);
			n = 1;
			continue;
		}
		if (n < 0)
			return error_set_errno(error, errno, "cannot read '%s'", name);
		g_byte_array_set_size(bytes, length + (guint)n);
	} while (n > 0 && bytes->len <= JSON_MAX_BYTES);
	return TRUE;
}

GByteArray *text_file_read(const char *path, GError **error)
{
	const gboolean named = strcmp(path, "-") != 0;
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	int fd = named ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
	gboolean ok;

	if (fd < 0) {
		error_set_errno(error, errno, "cannot read '%s'", path);
		return NULL;
	}
	ok = read_all(fd, path, bytes, error);
	if (named)
		(void)close(fd);
	return ok ? g_steal_pointer(&bytes) : NULL;
}

static gboolean add_file(Manifest *manifest, const char *path, GError **error)
{
	g_autoptr(GByteArray) bytes = text_file_read(path, error);

	return bytes && manifest_add(manifest, path, (const char *)bytes->data, bytes->len, error);
}

static int compare_paths(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean add_folder(Manifest *manifest, const char *path, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(GDir) dir = g_dir_open(path, 0, &cause);
	g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(g_free);
	const char *entry;

	if (!dir)
		return error_set(error, KVMIG_ERROR_FORBIDDEN, "%s", cause->message);
	while ((entry = g_dir_read_name(dir)))
		if (g_str_has_suffix(entry, ".yaml") || g_str_has_suffix(entry, ".yml") ||
		    g_str_has_suffix(entry, ".json"))
			g_ptr_array_add(files, g_build_filename(path, entry, NULL));
	g_ptr_array_sort(files, compare_paths);
	for (guint i = 0; i < files->len; i++)
		if (!add_file(manifest, files->pdata[i], error))
			return FALSE;
	return TRUE;
}

static gboolean add_path(Manifest *manifest, const char *path, GError **error)
{
	if (g_str_has_prefix(path, "http://") || g_str_has_prefix(path, "https://")) {
		error_set(error, KVMIG_ERROR_USAGE, "'%s' is no file: nothing is fetched", path);
		error_hint(error, "curl it, look at it, and give it to 'kvmig apply -f -'");
		return FALSE;
	}
	if (g_file_test(path, G_FILE_TEST_IS_DIR))
		return add_folder(manifest, path, error);
	return add_file(manifest, path, error);
}

Manifest *manifest_files_read(const GPtrArray *paths, GError **error)
{
	g_autoptr(Manifest) manifest = manifest_new();

	if (paths->len == 0) {
		error_set(error, KVMIG_ERROR_USAGE, "no file is given");
		error_hint(error, "-f FILE, -f FOLDER, or -f - for the standard input");
		return NULL;
	}
	for (guint i = 0; i < paths->len; i++)
		if (!add_path(manifest, paths->pdata[i], error))
			return NULL;
	if (manifest_length(manifest) == 0) {
		const char *path = paths->pdata[0];
		gboolean is_stdin = strcmp(path, "-") == 0;

		error_set(error, KVMIG_ERROR_INVALID, "there is no object %s%s%s%s",
			  is_stdin ? "on the standard input" : "in '", is_stdin ? "" : path,
			  is_stdin ? "" : "'", paths->len > 1 ? ", nor in the others" : "");
		return NULL;
	}
	return g_steal_pointer(&manifest);
}
