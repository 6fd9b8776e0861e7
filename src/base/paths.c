/* SPDX-License-Identifier: Apache-2.0 */
#include "base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

/* By the XDG rules; a relative path in the variable is to be ignored. */
static char *xdg_dir(const char *variable, const char *in_home, GError **error)
{
	const char *folder = g_getenv(variable);
	const char *home = g_getenv("HOME");

	if (folder && g_path_is_absolute(folder))
		return g_build_filename(folder, "kvmig", NULL);
	if (!home || !g_path_is_absolute(home))
		home = g_get_home_dir();
	if (!home || !g_path_is_absolute(home)) {
		error_set(error, KVMIG_ERROR_NOT_FOUND,
			  "no home folder: neither %s nor HOME is set", variable);
		error_hint(error, "set %s to the folder for kvmig's files", variable);
		return NULL;
	}
	return g_build_filename(home, in_home, "kvmig", NULL);
}

char *paths_state_dir(GError **error)
{
	return xdg_dir("XDG_STATE_HOME", ".local/state", error);
}

char *paths_cache_dir(GError **error)
{
	return xdg_dir("XDG_CACHE_HOME", ".cache", error);
}

gboolean paths_make_private_dir(const char *path, GError **error)
{
	g_autofree char *parent = g_path_get_dirname(path);
	struct stat st;

	if (g_mkdir_with_parents(parent, 0755) < 0)
		return error_set_errno(error, errno, "cannot make folder '%s'", parent);
	if (g_mkdir(path, 0700) < 0 && errno != EEXIST)
		return error_set_errno(error, errno, "cannot make folder '%s'", path);
	if (stat(path, &st) < 0)
		return error_set_errno(error, errno, "cannot look at folder '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return error_set(error, KVMIG_ERROR_IO, "'%s' is not a folder", path);
	if (st.st_uid != geteuid()) {
		error_set(error, KVMIG_ERROR_FORBIDDEN, "folder '%s' belongs to another user (%u)",
			  path, (unsigned)st.st_uid);
		error_hint(error, "run kvmig as that user, or set XDG_STATE_HOME");
		return FALSE;
	}
	if (st.st_mode & 022) {
		error_set(error, KVMIG_ERROR_FORBIDDEN, "other users may write to folder '%s'",
			  path);
		error_hint(error, "chmod 700 '%s'", path);
		return FALSE;
	}
	return TRUE;
}

char *paths_self(GError **error)
{
	g_autoptr(GError) cause = NULL;
	char *path = g_file_read_link("/proc/self/exe", &cause);

	if (!path)
		error_set(error, KVMIG_ERROR_IO, "cannot find kvmig's own executable: %s",
			  cause->message);
	return path;
}
