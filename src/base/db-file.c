/* SPDX-License-Identifier: Apache-2.0 */
#include <config.h> /* _GNU_SOURCE, for O_PATH */

#include "base/db-file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/error.h"

/* Those that <linux/magic.h> lacks. */
#define MAGIC_CIFS 0xff534d42u
#define MAGIC_LUSTRE 0x0bd00bd0u
#define MAGIC_GFS2 0x01161970u
#define MAGIC_GPFS 0x47504653u
#define MAGIC_VBOXSF 0x786f4256u
#define MAGIC_FUSE 0x65735546u

static const struct {
	guint32 magic;
	const char *name;
} network_file_systems[] = {
	{ NFS_SUPER_MAGIC, "NFS" },     { SMB_SUPER_MAGIC, "SMB" },   { SMB2_SUPER_MAGIC, "SMB" },
	{ MAGIC_CIFS, "SMB" },          { CODA_SUPER_MAGIC, "Coda" }, { NCP_SUPER_MAGIC, "NCP" },
	{ AFS_SUPER_MAGIC, "AFS" },     { AFS_FS_MAGIC, "AFS" },      { V9FS_MAGIC, "9p" },
	{ CEPH_SUPER_MAGIC, "Ceph" },   { MAGIC_LUSTRE, "Lustre" },   { MAGIC_GFS2, "GFS2" },
	{ OCFS2_SUPER_MAGIC, "OCFS2" }, { MAGIC_GPFS, "GPFS" },       { MAGIC_VBOXSF, "vboxsf" },
};

/* FUSE says nothing about what is behind it; these are known to be local. Any other is taken for
 * a network (sshfs, glusterfs, s3fs, rclone, …). */
static const char *const local_fuse[] = { "fuseblk",     "fuse.fuse-overlayfs",
					  "fuse.bindfs", "fuse.gocryptfs",
					  "fuse.encfs",  "fuse.lxcfs",
					  NULL };

/* The type field of the mount that has this device, from lines such as
 * "36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw". */
static char *mount_type(const char *mountinfo, dev_t device)
{
	g_auto(GStrv) lines = g_strsplit(mountinfo ? mountinfo : "", "\n", -1);
	g_autofree char *wanted = g_strdup_printf("%u:%u", major(device), minor(device));

	for (char **line = lines; *line; line++) {
		g_auto(GStrv) fields = g_strsplit(*line, " ", 4);
		const char *rest = strstr(*line, " - ");

		if (g_strv_length(fields) < 4 || !rest || !g_str_equal(fields[2], wanted))
			continue;
		rest += strlen(" - ");
		return g_strndup(rest, strcspn(rest, " "));
	}
	return g_strdup("fuse");
}

char *db_network_file_system(const struct statfs *fs, const char *mountinfo, dev_t device)
{
	/* f_type is signed and wider on some machines; the magic numbers have 32 bits. */
	guint32 magic = (guint32)fs->f_type;

	for (guint i = 0; i < G_N_ELEMENTS(network_file_systems); i++) {
		if (network_file_systems[i].magic == magic)
			return g_strdup(network_file_systems[i].name);
	}
	if (magic == MAGIC_FUSE) {
		g_autofree char *type = mount_type(mountinfo, device);

		if (!g_strv_contains(local_fuse, type))
			return g_steal_pointer(&type);
	}
	return NULL;
}

static gboolean check_file_system(int fd, const char *path, const char *what, GError **error)
{
	g_autofree char *mountinfo = NULL;
	g_autofree char *network = NULL;
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return error_set_errno(error, errno, "cannot look at '%s'", path);
	if ((guint32)fs.f_type == MAGIC_FUSE)
		g_file_get_contents("/proc/self/mountinfo", &mountinfo, NULL, NULL);
	network = db_network_file_system(&fs, mountinfo, st.st_dev);
	if (!network)
		return TRUE;
	error_set(error, KVMIG_ERROR_UNSUPPORTED,
		  "%s: '%s' is on %s, a network file system, where it would be damaged", what, path,
		  network);
	error_hint(error, "set XDG_STATE_HOME to a folder on a local disk");
	return FALSE;
}

static gboolean check_owner(const struct stat *st, const char *path, const char *what,
			    GError **error)
{
	if (S_ISLNK(st->st_mode)) {
		error_set(error, KVMIG_ERROR_FORBIDDEN, "%s: '%s' is a symbolic link", what, path);
		error_hint(error, "put the file itself there, or set XDG_STATE_HOME");
		return FALSE;
	}
	if (st->st_uid != geteuid()) {
		error_set(error, KVMIG_ERROR_FORBIDDEN,
			  "%s: '%s' belongs to another user (uid %u, not %u)", what, path,
			  (unsigned)st->st_uid, (unsigned)geteuid());
		error_hint(error, "run kvmig as that user, or set XDG_STATE_HOME");
		return FALSE;
	}
	if (st->st_mode & 022) {
		error_set(error, KVMIG_ERROR_FORBIDDEN, "%s: other users may write to '%s'", what,
			  path);
		error_hint(error, "chmod go-w '%s'", path);
		return FALSE;
	}
	return TRUE;
}

gboolean db_check_folder(const char *folder, const char *what, GError **error)
{
	struct stat st;

	if (lstat(folder, &st) < 0)
		return error_set_errno(error, errno, "%s: cannot look at folder '%s'", what,
				       folder);
	if (!S_ISLNK(st.st_mode) && !S_ISDIR(st.st_mode))
		return error_set(error, KVMIG_ERROR_IO, "%s: '%s' is not a folder", what, folder);
	return check_owner(&st, folder, what, error);
}

/* Looks at the file without opening it for I/O: closing an ordinary descriptor would drop the
 * locks that another connection of this process has on it (POSIX record locks). */
static gboolean check_file(const char *path, const char *what, GError **error)
{
	struct stat st;
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	gboolean ok;

	if (fd < 0)
		return error_set_errno(error, errno, "%s: cannot open '%s'", what, path);
	if (fstat(fd, &st) < 0)
		ok = error_set_errno(error, errno, "%s: cannot look at '%s'", what, path);
	else if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
		ok = error_set(error, KVMIG_ERROR_IO, "%s: '%s' is not a file", what, path);
	else
		ok = check_owner(&st, path, what, error) &&
		     check_file_system(fd, path, what, error);
	close(fd);
	return ok;
}

/* The name of a new file is on disk only after its folder has been synced. */
static gboolean sync_folder(const char *folder, const char *what, GError **error)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	gboolean ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);

	if (!ok)
		error_set_errno(error, errno, "%s: cannot sync folder '%s'", what, folder);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* Makes an empty file; one that is there is left alone. */
static gboolean make_file(const char *path, const char *folder, const char *what,
			  gboolean *ret_created, GError **error)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno != EEXIST)
		return error_set_errno(error, errno, "%s: cannot make '%s'", what, path);
	*ret_created = fd >= 0;
	if (fd < 0)
		return TRUE;
	close(fd);
	return sync_folder(folder, what, error);
}

char *db_file_prepare(const char *path, const char *what, gboolean create, gboolean *ret_created,
		      GError **error)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *file = NULL;
	gboolean created = FALSE;
	char *resolved;

	if (!db_check_folder(folder, what, error))
		return NULL;
	resolved = realpath(folder, NULL);
	if (!resolved) {
		error_set_errno(error, errno, "%s: cannot look at folder '%s'", what, folder);
		return NULL;
	}
	file = g_build_filename(resolved, name, NULL);
	free(resolved);
	if (create && !make_file(file, folder, what, &created, error))
		return NULL;
	if (!check_file(file, what, error))
		return NULL;
	*ret_created = created;
	return g_steal_pointer(&file);
}

gboolean db_file_is_frozen(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *wal = g_strconcat(path, "-wal", NULL);
	struct statvfs fs;
	struct stat st;

	if (stat(wal, &st) == 0 ? st.st_size > 0 : errno != ENOENT)
		return FALSE;
	if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY))
		return TRUE;
	return access(path, W_OK) < 0 && access(folder, W_OK) < 0;
}
