/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster/kube/cache.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/paths.h"

/* Servers that are not the same must not share a folder: an address may lead to another one
 * tomorrow, but then its CA differs. */
static char *server_hash(const Kube *kube)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	const char *const parts[] = { kube->base.server, kube->target->tls_server_name,
				      kube->target->ca_pem };

	for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
		g_checksum_update(sum, (const guchar *)(parts[i] ? parts[i] : ""), -1);
		g_checksum_update(sum, (const guchar *)"", 1);
	}
	return g_strndup(g_checksum_get_string(sum), 32);
}

static char *cache_dir(const Kube *kube)
{
	g_autofree char *top = paths_cache_dir(NULL);
	g_autofree char *hash = server_hash(kube);

	return top ? g_build_filename(top, "discovery", hash, NULL) : NULL;
}

static char *cache_path(const Kube *kube, const char *name)
{
	g_autofree char *folder = cache_dir(kube);

	return folder ? g_build_filename(folder, name, NULL) : NULL;
}

/* A file of another user would let that user say what the server serves. */
static gboolean read_own_file(const char *path, char **ret_text, gsize *ret_length,
			      gint64 *ret_age_us)
{
	int fd = g_open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0);
	g_autofree char *text = NULL;
	gsize length = 0;
	struct stat st;
	gssize got = 1;

	if (fd < 0)
		return FALSE;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 022) || st.st_size > (off_t)JSON_MAX_BYTES) {
		g_close(fd, NULL);
		return FALSE;
	}
	text = g_malloc((gsize)st.st_size + 1);
	while (length < (gsize)st.st_size && got > 0) {
		got = read(fd, text + length, (gsize)st.st_size - length);
		length += got > 0 ? (gsize)got : 0;
	}
	g_close(fd, NULL);
	*ret_age_us = g_get_real_time() - (gint64)st.st_mtim.tv_sec * G_USEC_PER_SEC;
	*ret_length = length;
	*ret_text = g_steal_pointer(&text);
	return TRUE;
}

cJSON *kube_cache_read(const Kube *kube, const char *name, gint64 *ret_age_us)
{
	g_autofree char *path = cache_path(kube, name), *text = NULL;
	g_autoptr(GError) error = NULL;
	gint64 age_us = 0;
	gsize length = 0;
	cJSON *value;

	if (!path || !read_own_file(path, &text, &length, &age_us))
		return NULL;
	value = json_parse(text, length, path, &error);
	if (!value)
		g_debug("cache: %s", error->message);
	else if (ret_age_us) /* of a file from the future nothing is known */
		*ret_age_us = age_us >= 0 ? age_us : G_MAXINT64;
	return value;
}

void kube_cache_write(const Kube *kube, const char *name, const cJSON *value)
{
	g_autofree char *folder = cache_dir(kube), *path = cache_path(kube, name), *text = NULL;
	g_autofree char *above = folder ? g_path_get_dirname(folder) : NULL;
	g_autofree char *top = above ? g_path_get_dirname(above) : NULL;
	g_autoptr(GError) error = NULL;

	if (!folder)
		return;
	text = json_print(value);
	if (!paths_make_private_dir(top, &error) || !paths_make_private_dir(above, &error) ||
	    !paths_make_private_dir(folder, &error) ||
	    !g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
		g_debug("cache: %s", error->message);
}

void kube_cache_touch(const Kube *kube, const char *name)
{
	g_autofree char *path = cache_path(kube, name);

	if (path && utimensat(AT_FDCWD, path, NULL, AT_SYMLINK_NOFOLLOW) < 0)
		g_debug("cache: cannot touch '%s'", path);
}
