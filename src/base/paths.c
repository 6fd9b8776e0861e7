/* SPDX-License-Identifier: Apache-2.0 */
#include "base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

char *paths_state_dir(GError **error)
{
	const char *state = g_getenv("XDG_STATE_HOME");
	const char *home = g_getenv("HOME");

	/* The XDG rules: a relative path is to be ignored. */
	if (state && g_path_is_absolute(state))
		return g_build_filename(state, "kvmig", NULL);
	if (!home || !g_path_is_absolute(home))
		home = g_get_home_dir();
	if (!home || !g_path_is_absolute(home)) {
		error_set(error, KVMIG_ERROR_NOT_FOUND,
			  "no home folder: neither XDG_STATE_HOME nor HOME is set");
		error_hint(error, "set XDG_STATE_HOME to the folder for kvmig's files");
		return NULL;
	}
	return g_build_filename(home, ".local", "state", "kvmig", NULL);
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
