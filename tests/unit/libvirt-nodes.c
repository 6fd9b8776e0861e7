/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "libvirt-nodes.h"

#include <glib/gstdio.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static uid_t owner_uid;
static gid_t owner_gid;

static void own(const char *path)
{
	g_assert_cmpint(chown(path, owner_uid, owner_gid), ==, 0);
}

static char *make_dir(const char *parent, const char *name)
{
	char *path = g_build_filename(parent, name, NULL);

	g_assert_cmpint(g_mkdir_with_parents(path, 0700), ==, 0);
	own(path);
	return path;
}

static void write_file(const char *dir, const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(dir, name, NULL);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
	own(path);
}

static char **node_environment(const char *dir)
{
	static const char *const variables[] = { "HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
						 "XDG_CACHE_HOME", "XDG_DATA_HOME" };
	static const char *const folders[] = { "h", "r", "c", "k", "d" };
	char **environment = g_environ_setenv(NULL, "PATH", g_getenv("PATH"), TRUE);

	for (gsize i = 0; i < G_N_ELEMENTS(variables); i++) {
		g_autofree char *path = make_dir(dir, folders[i]);

		environment = g_environ_setenv(environment, variables[i], path, TRUE);
	}
	return environment;
}

/* The file is there a moment before the daemon listens. */
static gboolean is_listening(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	gboolean ok;

	g_assert_cmpint(fd, >=, 0);
	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	ok = connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return ok;
}

static void wait_for_socket(const char *path)
{
	for (int i = 0; i < 600 && !is_listening(path); i++)
		g_usleep(50 * 1000);
	g_assert_true(is_listening(path));
}

void node_start(Node *node)
{
	g_auto(GStrv) environment = node_environment(node->dir);
	g_autofree char *conf = g_build_filename(node->dir, "c/libvirt/libvirtd.conf", NULL);
	g_autofree char *pid_file = g_build_filename(node->dir, "pid", NULL);
	g_autofree char *socket = g_build_filename(node->dir, "r/libvirt/libvirt-sock", NULL);
	g_autofree char *user = g_strdup_printf("--reuid=%u", (guint)owner_uid);
	g_autofree char *group = g_strdup_printf("--regid=%u", (guint)owner_gid);
	/* a test that ends badly takes its daemons with it */
	const char *const as_root[] = { "setpriv",	  user,	      group, "--clear-groups",
					"--pdeathsig=KILL", "libvirtd", "-f",  conf,
					"-p",		  pid_file,   NULL };
	const char *const as_user[] = { "setpriv", "--pdeathsig=KILL", "libvirtd", "-f", conf, "-p",
					pid_file, NULL };
	const char *const *argv = geteuid() == 0 ? as_root : as_user;
	g_autoptr(GError) error = NULL;

	g_unlink(socket);
	g_spawn_async(node->dir, (char **)argv, environment,
		      G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD |
			      G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
		      NULL, NULL, &node->pid, &error);
	g_assert_no_error(error);
	wait_for_socket(socket);
}

void node_make(Node *node, const char *top, const char *name)
{
	g_autofree char *config = NULL;
	g_autofree char *libvirt = NULL;
	g_autofree char *text = NULL;

	node->dir = make_dir(top, name);
	config = make_dir(node->dir, "c");
	libvirt = make_dir(config, "libvirt");
	node->uuid = g_uuid_string_random();
	text = g_strdup_printf("host_uuid = \"%s\"\nauth_unix_rw = \"none\"\n", node->uuid);
	write_file(libvirt, "libvirtd.conf", text);
	write_file(libvirt, "qemu.conf", "stdio_handler = \"file\"\n");
	node->uri = g_strdup_printf("qemu+unix:///session?socket=%s/r/libvirt/libvirt-sock",
				    node->dir);
}

void node_kill(Node *node)
{
	if (node->pid == 0)
		return;
	kill(node->pid, SIGCONT);
	kill(node->pid, SIGKILL);
	waitpid(node->pid, NULL, 0);
	node->pid = 0;
}

void node_share_cache(const Node *from, const Node *to)
{
	g_autofree char *source = g_build_filename(from->dir, "k", NULL);
	const char *argv[] = { "cp", "-a", source, to->dir, NULL };

	g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
				   NULL, NULL, NULL));
}

/* A pid file may be older than the process that bears its number now. */
static gboolean is_ours(const char *pid, const char *top)
{
	g_autofree char *path = g_build_filename("/proc", pid, "cmdline", NULL);
	g_autofree char *line = NULL;
	gsize length = 0;

	return g_file_get_contents(path, &line, &length, NULL) &&
	       memmem(line, length, top, strlen(top));
}

/* QEMU outlives its daemon. */
static void end_guests(const char *top, const char *node)
{
	g_autofree char *run = g_build_filename(top, node, "r/libvirt/qemu/run", NULL);
	g_autoptr(GDir) dir = g_dir_open(run, 0, NULL);
	const char *name;

	while (dir && (name = g_dir_read_name(dir))) {
		g_autofree char *path = g_build_filename(run, name, NULL);
		g_autofree char *text = NULL;
		guint64 pid;

		if (g_str_has_suffix(name, ".pid") &&
		    g_file_get_contents(path, &text, NULL, NULL) &&
		    g_ascii_string_to_unsigned(g_strstrip(text), 10, 2, G_MAXINT, &pid, NULL) &&
		    is_ours(text, top))
			kill((pid_t)pid, SIGKILL);
	}
}

static void remove_tree(const char *path)
{
	const char *argv[] = { "rm", "-rf", "--", path, NULL };

	g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
		     NULL);
}

void node_virsh(const Node *node, const char *command, const char *argument)
{
	const char *argv[] = { "virsh", "-q", "-c", node->uri, command, argument, NULL };
	g_autofree char *errors = NULL;
	int status;

	g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL,
				   G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL,
				   NULL, &errors, &status, NULL));
	if (status != 0)
		g_error("virsh %s %s: %s", command, argument, errors);
}

static char *guest_file(const char *top, const char *name, const char *uuid, guint memory_mib)
{
	char *path = g_build_filename(top, name, NULL);
	g_autofree char *xml = g_strdup_printf(
		"<domain type='qemu'><name>%s</name><uuid>%s</uuid><memory unit='MiB'>%u</memory>"
		"<vcpu>1</vcpu><os><type arch='x86_64' machine='q35'>hvm</type></os>"
		"<devices><video><model type='none'/></video>"
		"<memballoon model='none'/></devices></domain>",
		name, uuid, memory_mib);

	g_assert_true(g_file_set_contents(path, xml, -1, NULL));
	return path;
}

char *guest_new(const Node *node, const char *name, gboolean persistent, guint memory_mib)
{
	char *uuid = g_uuid_string_random();
	g_autofree char *top = g_path_get_dirname(node->dir);
	g_autofree char *path = guest_file(top, name, uuid, memory_mib);

	if (persistent) {
		node_virsh(node, "define", path);
		node_virsh(node, "start", uuid);
	} else {
		node_virsh(node, "create", path);
	}
	return uuid;
}

void guest_end(const Node *node, const char *uuid)
{
	node_virsh(node, "destroy", uuid);
}

gboolean nodes_are_installed(void)
{
	static const char *const programs[] = { "libvirtd", "virsh", "qemu-system-x86_64" };

	for (gsize i = 0; i < G_N_ELEMENTS(programs); i++) {
		g_autofree char *path = g_find_program_in_path(programs[i]);

		if (!path)
			return FALSE;
	}
	return TRUE;
}

static void choose_owner(void)
{
	const struct passwd *nobody = getpwnam("nobody");

	owner_uid = geteuid();
	owner_gid = getegid();
	if (owner_uid == 0) {
		g_assert_nonnull(nobody);
		owner_uid = nobody->pw_uid;
		owner_gid = nobody->pw_gid;
	}
}


void node_clear(Node *node)
{
	node_kill(node);
	g_free(node->dir);
	g_free(node->uri);
	g_free(node->uuid);
}

/* GTest ends the process at the first failure, and QEMU outlives its daemon: so the tests run in
 * a child, and what they leave behind, however they end, is removed here. */
int nodes_run_tests(const char *const *names, int (*run)(const char *top))
{
	g_autofree char *top = g_dir_make_tmp("kvlXXXXXX", NULL);
	pid_t child;
	int status = 0;

	g_assert_nonnull(top);
	choose_owner();
	own(top);
	child = fork();
	g_assert_cmpint(child, >=, 0);
	if (child == 0)
		exit(run(top));
	waitpid(child, &status, 0);
	for (gsize i = 0; names[i]; i++)
		end_guests(top, names[i]);
	remove_tree(top);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
