/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lab/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dirs.h"
#include "base/error.h"
#include "base/paths.h"

#define MARKER "marker"
#define MARKER_TEXT "kvmig lab 1\n"
#define LOCK_WAIT_MS 30000
#define GROUP "lab"

/* ---- where ----------------------------------------------------------------------------------- */

static gboolean harmless(const char *path)
{
	for (; *path; path++)
		if (!g_ascii_isalnum(*path) && !strchr("/._-+", *path))
			return FALSE;
	return TRUE;
}

static char *lab_dir(void)
{
	const char *runtime = g_getenv("XDG_RUNTIME_DIR");
	struct stat st;

	if (runtime && g_path_is_absolute(runtime) && harmless(runtime) &&
	    strlen(runtime) + strlen("/kvmig-lab") <= LAB_DIR_MAX && stat(runtime, &st) == 0 &&
	    S_ISDIR(st.st_mode) && st.st_uid == geteuid())
		return g_build_filename(runtime, "kvmig-lab", NULL);
	return g_strdup_printf("/tmp/kvmig-lab-%u", (unsigned)geteuid());
}

char *lab_path(const Lab *lab, const char *format, ...)
{
	g_autofree char *name = NULL;
	va_list args;

	va_start(args, format);
	name = g_strdup_vprintf(format, args);
	va_end(args);
	return g_build_filename(lab->dir, name, NULL);
}

void lab_say(const Lab *lab, const char *format, ...)
{
	g_autofree char *line = NULL;
	va_list args;

	if (!lab->say)
		return;
	va_start(args, format);
	line = g_strdup_vprintf(format, args);
	va_end(args);
	lab->say(line, lab->say_data);
}

char *lab_guest_image(GError **error)
{
	g_autofree char *self = paths_self(error);
	g_autofree char *folder = self ? g_path_get_dirname(self) : NULL;
	g_autofree char *installed = g_build_filename(dir_modules, "guest.elf", NULL);
	g_autofree char *built = NULL;

	if (!self)
		return NULL;
	built = g_build_filename(folder, "src", "lab", "guest.elf", NULL);
	if (access(built, R_OK) == 0)
		return g_steal_pointer(&built);
	if (access(installed, R_OK) == 0)
		return g_steal_pointer(&installed);
	error_set(error, KVMIG_ERROR_UNSUPPORTED, "the lab's guest '%s' is not there", installed);
	error_hint(error, "install kvmig again: 'make install'");
	return NULL;
}

/* ---- the folder and its lock ----------------------------------------------------------------- */

static gboolean refuse(const char *dir, const char *why, GError **error)
{
	error_set(error, KVMIG_ERROR_REFUSED, "folder '%s' is not a lab of yours: %s", dir, why);
	error_hint(error, "move it away, or set XDG_RUNTIME_DIR to another folder");
	return FALSE;
}

/* Nothing in it, or only a marker that was being written: its folder, when we died at once after
 * making it. */
static gboolean just_made(const char *dir)
{
	g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
	const char *name;

	if (!list)
		return FALSE;
	while ((name = g_dir_read_name(list)))
		if (!g_str_has_prefix(name, MARKER "."))
			return FALSE;
	return TRUE;
}

/* Ours, private, and either marked or just made. */
static gboolean check_dir(Lab *lab, GError **error)
{
	g_autofree char *text = NULL, *marker = lab_path(lab, MARKER);
	struct stat st;

	if (fstat(lab->fd, &st) < 0)
		return error_set_errno(error, errno, "cannot look at '%s'", lab->dir);
	if (st.st_uid != geteuid())
		return refuse(lab->dir, "it belongs to another user", error);
	if (st.st_mode & 077)
		return refuse(lab->dir, "others have access to it", error);
	if (g_file_get_contents(marker, &text, NULL, NULL))
		return g_str_equal(text, MARKER_TEXT) ||
		       refuse(lab->dir, "its marker is not one of this version of kvmig", error);
	if (!just_made(lab->dir))
		return refuse(lab->dir, "it has no marker", error);
	lab->fresh = TRUE;
	return TRUE;
}

static gboolean lock_dir(Lab *lab, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)LOCK_WAIT_MS * 1000;

	while (flock(lab->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set_errno(error, errno, "cannot lock '%s'", lab->dir);
		if (g_get_monotonic_time() > deadline) {
			error_set(error, KVMIG_ERROR_CONFLICT,
				  "another 'kvmig lab' is at work on '%s'", lab->dir);
			error_hint(error, "wait until it is done, then try again");
			return FALSE;
		}
		g_usleep(20000);
	}
	return TRUE;
}

/* What we locked may have been removed by 'lab down' while we waited: then `path` is no longer
 * it. */
static gboolean still_there(const Lab *lab)
{
	struct stat a, b;

	return fstat(lab->fd, &a) == 0 && lstat(lab->dir, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static gboolean open_dir(Lab *lab, LabOpenFlags flags, GError **error)
{
	for (;;) {
		if ((flags & LAB_CREATE) && g_mkdir(lab->dir, 0700) < 0 && errno != EEXIST)
			return error_set_errno(error, errno, "cannot make folder '%s'", lab->dir);
		lab->fd = open(lab->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (lab->fd < 0 && errno == ENOENT) {
			error_set(error, KVMIG_ERROR_NOT_FOUND, "no lab is up");
			error_hint(error, "start one with 'kvmig lab up'");
			return FALSE;
		}
		if (lab->fd < 0 && (errno == ENOTDIR || errno == ELOOP))
			return refuse(lab->dir, "it is not a folder", error);
		if (lab->fd < 0)
			return error_set_errno(error, errno, "cannot open '%s'", lab->dir);
		if (flags & LAB_NO_LOCK)
			return TRUE;
		if (!lock_dir(lab, error))
			return FALSE;
		if (still_there(lab))
			return TRUE;
		close(lab->fd);
		lab->fd = -1;
	}
}

static void load_state(Lab *lab)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autofree char *path = lab_path(lab, "state"), *accelerator = NULL;

	if (!g_key_file_load_from_file(file, path, G_KEY_FILE_NONE, NULL))
		return;
	accelerator = g_key_file_get_string(file, GROUP, "accelerator", NULL);
	lab->known = accelerator != NULL;
	lab->kvm = g_strcmp0(accelerator, "kvm") == 0;
	lab->nodes = (guint)CLAMP(g_key_file_get_integer(file, GROUP, "nodes", NULL), 0,
				  (int)LAB_NODES_MAX);
	lab->link_rate = g_key_file_get_int64(file, GROUP, "linkRate", NULL);
}

gboolean lab_save(const Lab *lab, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) cause = NULL;
	g_autofree char *path = lab_path(lab, "state");

	if (lab->known)
		g_key_file_set_string(file, GROUP, "accelerator", lab->kvm ? "kvm" : "tcg");
	g_key_file_set_integer(file, GROUP, "nodes", (int)lab->nodes);
	g_key_file_set_int64(file, GROUP, "linkRate", lab->link_rate);
	if (!g_key_file_save_to_file(file, path, &cause))
		return error_set(error, KVMIG_ERROR_IO, "cannot write '%s': %s", path,
				 cause->message);
	return TRUE;
}

static gboolean mark(Lab *lab, GError **error)
{
	static const char *const folders[] = { "vm", "migration" };
	g_autofree char *path = lab_path(lab, MARKER);
	g_autoptr(GError) cause = NULL;

	if (!g_file_set_contents(path, MARKER_TEXT, -1, &cause))
		return error_set(error, KVMIG_ERROR_IO, "cannot write '%s': %s", path,
				 cause->message);
	for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
		g_autofree char *folder = lab_path(lab, "%s", folders[i]);

		if (g_mkdir(folder, 0700) < 0 && errno != EEXIST)
			return error_set_errno(error, errno, "cannot make folder '%s'", folder);
	}
	return TRUE;
}

Lab *lab_open(LabOpenFlags flags, GError **error)
{
	g_autoptr(Lab) lab = g_new0(Lab, 1);

	lab->fd = -1;
	lab->dir = lab_dir();
	lab->record = lab_path(lab, "processes");
	lab->root = geteuid() == 0;
	if (!open_dir(lab, flags, error) || !check_dir(lab, error))
		return NULL;
	if ((flags & LAB_CREATE) && !mark(lab, error))
		return NULL;
	load_state(lab);
	return g_steal_pointer(&lab);
}

void lab_close(Lab *lab)
{
	if (!lab)
		return;
	if (lab->fd >= 0)
		close(lab->fd);
	g_free(lab->dir);
	g_free(lab->record);
	g_free(lab);
}

/* ---- files ----------------------------------------------------------------------------------- */

static int remove_entry(const char *path, const struct stat *st G_GNUC_UNUSED,
			int type G_GNUC_UNUSED, struct FTW *at G_GNUC_UNUSED)
{
	return remove(path);
}

/* Never follows a link, never leaves the file system. */
gboolean lab_remove_dir(const char *path, GError **error)
{
	if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) == 0 || errno == ENOENT)
		return TRUE;
	return error_set_errno(error, errno, "cannot remove '%s'", path);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
	return g_strcmp0(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *lab_names_of(const Lab *lab, const char *suffix)
{
	g_autofree char *folder = lab_path(lab, "vm");
	g_autoptr(GDir) list = g_dir_open(folder, 0, NULL);
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	const char *name;

	while (list && (name = g_dir_read_name(list)))
		if (g_str_has_suffix(name, suffix))
			g_ptr_array_add(names, g_strndup(name, strlen(name) - strlen(suffix)));
	g_ptr_array_sort(names, compare_names);
	return names;
}

GPtrArray *lab_vm_names(const Lab *lab)
{
	return lab_names_of(lab, ".xml");
}
