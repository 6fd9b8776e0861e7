/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The nodes: as root each is a process that does nothing but hold namespaces (mount, network,
 * UTS), in which /run is empty and libvirt's folders are the node's own, joined by a bridge in a
 * network namespace that belongs to the lab; its libvirtd and its guests live in there. As an
 * ordinary user a node is a session daemon with XDG folders of its own.
 *
 * In neither case is there anything outside that could be left behind: mounts, bridge and links
 * go with the last process.
 */
#include "config.h"

#include "lab/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"

#define NETWORK_PREFIX "192.0.2." /* TEST-NET-1: nobody's, and seen by nobody outside the lab */
#define READY_TIMEOUT_MS 60000
#define COMMAND_TIMEOUT_MS 30000
#define PROBE_TIMEOUT_MS 60000 /* of all emulators, by a daemon that has no cache */
#define NODE_NAMESPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS)
#define CACHE_FILE_MAX ((gsize)8 * 1024 * 1024)

/* ---- addresses ------------------------------------------------------------------------------- */

static char *socket_path(const Lab *lab, guint node)
{
	return lab_path(lab, "n%u/sock/libvirt-sock", node);
}

char *lab_node_uri(const Lab *lab, guint node)
{
	g_autofree char *path = socket_path(lab, node);

	return g_strdup_printf("qemu+unix:///%s?socket=%s", lab->root ? "system" : "session", path);
}

/* The runtime folder is the same place in every node's view. */
char *lab_node_peer_uri(const Lab *lab, guint node)
{
	return lab_node_uri(lab, node);
}

char *lab_node_migration_address(const Lab *lab, guint node)
{
	if (lab->root)
		return g_strdup_printf(NETWORK_PREFIX "%u", node);
	return g_strdup_printf("unix:%s/migration", lab->dir);
}

guint lab_node_number(const Lab *lab, const char *name, GError **error)
{
	guint64 number;

	if (*name == 'n' &&
	    g_ascii_string_to_unsigned(name + 1, 10, 1, MAX(lab->nodes, 1), &number, NULL))
		return (guint)number;
	error_set(error, KVMIG_ERROR_NOT_FOUND, "the lab has no node '%s'", name);
	error_hint(error, "its nodes are n1 to n%u", lab->nodes);
	return 0;
}

static gboolean find_part(const Lab *lab, guint node, const char *part, LabProcess *ret_process)
{
	g_autofree char *name = g_strdup_printf("n%u-%s", node, part);

	return lab_record_find(lab->record, name, ret_process);
}

gboolean lab_node_process(const Lab *lab, guint node, LabProcess *ret_process)
{
	return find_part(lab, node, "daemon", ret_process);
}

/* ---- folders and configuration --------------------------------------------------------------- */

static gboolean write_file(const char *path, const char *text, GError **error)
{
	g_autoptr(GError) cause = NULL;

	if (!g_file_set_contents(path, text, -1, &cause))
		return error_set(error, KVMIG_ERROR_IO, "cannot write '%s': %s", path,
				 cause->message);
	return TRUE;
}

static char *config_dir(const Lab *lab, guint node)
{
	return lab_path(lab, lab->root ? "n%u/etc" : "n%u/c/libvirt", node);
}

static char *capabilities_dir(const Lab *lab, guint node)
{
	return lab_path(lab,
			lab->root ? "n%u/cache/qemu/capabilities"
				  : "n%u/x/libvirt/qemu/cache/capabilities",
			node);
}

static gboolean make_folders(const Lab *lab, guint node, GError **error)
{
	static const char *const system[] = { "sock", "etc", "lib", "log", "cache", NULL };
	static const char *const session[] = { "sock", "c", "d", "h", "r", "x", NULL };
	const char *const *names = lab->root ? system : session;
	g_autofree char *config = config_dir(lab, node), *cache = capabilities_dir(lab, node);

	for (; *names; names++) {
		g_autofree char *path = lab_path(lab, "n%u/%s", node, *names);

		/* The system daemon has folders in which a QEMU without root's rights works. */
		if (g_mkdir_with_parents(path, lab->root ? 0711 : 0700) < 0)
			return error_set_errno(error, errno, "cannot make folder '%s'", path);
	}
	if (g_mkdir_with_parents(config, 0700) < 0 || g_mkdir_with_parents(cache, 0711) < 0)
		return error_set_errno(error, errno, "cannot make the folders of node n%u", node);
	return TRUE;
}

/* With nothing of the host's own: no control groups, security labels, log daemon. */
static gboolean write_config(const Lab *lab, guint node, GError **error)
{
	g_autofree char *config = config_dir(lab, node), *uuid = g_uuid_string_random();
	g_autofree char *daemon_path = g_build_filename(config, "libvirtd.conf", NULL);
	g_autofree char *qemu_path = g_build_filename(config, "qemu.conf", NULL);
	g_autofree char *daemon_text =
		g_strdup_printf("host_uuid = \"%s\"\n"
				"unix_sock_dir = \"%s/n%u/sock\"\n"
				"unix_sock_ro_perms = \"0700\"\n"
				"unix_sock_rw_perms = \"0700\"\n"
				"auth_unix_ro = \"none\"\n"
				"auth_unix_rw = \"none\"\n"
				"log_outputs = \"3:file:%s/n%u/libvirtd.log\"\n",
				uuid, lab->dir, node, lab->dir, node);
	g_autofree char *qemu_text =
		g_strdup_printf("security_driver = \"none\"\n"
				"stdio_handler = \"file\"\n"
				"migration_port_min = %u\n"
				"migration_port_max = %u\n"
				"%s",
				49152 + (node - 1) * 64, 49152 + (node - 1) * 64 + 63,
				lab->root ? "user = \"root\"\n"
					    "group = \"root\"\n"
					    "dynamic_ownership = 0\n"
					    "remember_owner = 0\n"
					    "namespaces = []\n"
					    "cgroup_controllers = []\n"
					  : "");

	/* A daemon that starts again must stay the same host to the others. */
	if (g_file_test(daemon_path, G_FILE_TEST_EXISTS))
		return TRUE;
	return write_file(qemu_path, qemu_text, error) &&
	       write_file(daemon_path, daemon_text, error);
}

/* ---- what the daemons know about the emulators ----------------------------------------------- */

static char *saved_cache_dir(const Lab *lab)
{
	return g_build_filename(g_get_user_cache_dir(), "kvmig",
				lab->root ? "lab-system" : "lab-session", NULL);
}

/* libvirt itself checks each file against emulator, kernel and its own version, and probes anew
 * where something has changed; a stale one costs time, nothing else. */
static guint copy_cache(const char *from, const char *to)
{
	g_autoptr(GDir) list = g_dir_open(from, 0, NULL);
	const char *name;
	guint n = 0;

	while (list && (name = g_dir_read_name(list))) {
		g_autofree char *source = g_build_filename(from, name, NULL);
		g_autofree char *target = g_build_filename(to, name, NULL);
		g_autofree char *text = NULL;
		gsize length;

		if (g_str_has_suffix(name, ".xml") &&
		    g_file_get_contents(source, &text, &length, NULL) && length < CACHE_FILE_MAX &&
		    g_file_set_contents_full(target, text, (gssize)length, G_FILE_SET_CONTENTS_NONE,
					     0600, NULL))
			n++;
	}
	return n;
}

gboolean lab_has_cache(const Lab *lab, guint node)
{
	g_autofree char *path = capabilities_dir(lab, node);
	g_autoptr(GDir) list = g_dir_open(path, 0, NULL);

	return list && g_dir_read_name(list);
}

static void fill_cache(const Lab *lab, guint node)
{
	g_autofree char *saved = saved_cache_dir(lab), *to = capabilities_dir(lab, node);

	if (lab_has_cache(lab, node))
		return;
	for (guint other = 1; other <= LAB_NODES_MAX; other++) {
		g_autofree char *from = capabilities_dir(lab, other);

		if (other != node && copy_cache(from, to) > 0)
			return;
	}
	copy_cache(saved, to);
}

void lab_nodes_save_cache(const Lab *lab)
{
	g_autofree char *to = saved_cache_dir(lab), *from = capabilities_dir(lab, 1);

	if (g_mkdir_with_parents(to, 0700) < 0 || copy_cache(from, to) == 0)
		g_debug("lab: capabilities are not kept in '%s'", to);
}

/* ---- namespaces ------------------------------------------------------------------------------ */

typedef struct {
	const char *dir; /* of the lab */
	const char *hostname;
	const char *sources[5];  /* bound ... */
	const char *targets[5];  /* ... there */
	const char *parents[16]; /* folders to make on the way to dir, below /run */
	int dir_fd;
	char dir_link[32]; /* /proc/self/fd/N */
} Namespace;

/* An empty /run: libvirtd finds neither D-Bus nor the host's own daemons, and its traces there go
 * with the namespace. The lab's folder, where it lies below /run, is put back. */
static const char *empty_run(const Namespace *ns)
{
	if (mount("kvmig-lab", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755") < 0)
		return "mount an empty /run";
	if (mkdir("/run/libvirt", 0755) < 0)
		return "make /run/libvirt";
	if (!ns->parents[0])
		return NULL;
	for (guint i = 0; ns->parents[i]; i++)
		if (mkdir(ns->parents[i], 0700) < 0 && errno != EEXIST)
			return "make the lab's folder below /run";
	if (mount(ns->dir_link, ns->dir, NULL, MS_BIND, NULL) < 0)
		return "mount the lab's folder";
	return NULL;
}

static const char *enter_new_node(gconstpointer data)
{
	const Namespace *ns = data;

	if (unshare(NODE_NAMESPACES) < 0)
		return "make namespaces";
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return "keep its mounts to itself";
	for (guint i = 0; ns->sources[i]; i++)
		if (mount(ns->sources[i], ns->targets[i], NULL, MS_BIND, NULL) < 0)
			return "mount its own folder over one of libvirt's";
	if (sethostname(ns->hostname, strlen(ns->hostname)) < 0)
		return "set its host name";
	return empty_run(ns);
}

static const char *enter_new_network(gconstpointer data G_GNUC_UNUSED)
{
	return unshare(CLONE_NEWNET) < 0 ? "make a network namespace" : NULL;
}

static gboolean hold(const Lab *lab, const char *name, LabSetup setup, gconstpointer data,
		     LabProcess *ret_process, GError **error)
{
	static const char *const argv[] = { "sleep", "infinity", NULL };
	const LabSpawn spawn = { .argv = argv,
				 .name = name,
				 .record = lab->record,
				 .setup = setup,
				 .setup_data = data };

	if (lab_record_find(lab->record, name, ret_process))
		return TRUE;
	return lab_spawn(&spawn, ret_process, error);
}

static void parents_below_run(const char *dir, GPtrArray *strings, Namespace *ns)
{
	guint n = 0;

	if (!g_str_has_prefix(dir, "/run/") && !g_str_has_prefix(dir, "/var/run/"))
		return;
	for (const char *at = strchr(dir + 1, '/'); n < G_N_ELEMENTS(ns->parents) - 1;) {
		at = at ? strchr(at + 1, '/') : NULL;
		ns->parents[n] = at ? g_strndup(dir, (gsize)(at - dir)) : g_strdup(dir);
		g_ptr_array_add(strings, (gpointer)ns->parents[n++]);
		if (!at)
			break;
	}
}

static gboolean hold_node(const Lab *lab, guint node, LabProcess *ret_process, GError **error)
{
	static const char *const folders[] = { "etc", "lib", "cache", "log" };
	static const char *const targets[] = { "/etc/libvirt", "/var/lib/libvirt",
					       "/var/cache/libvirt", "/var/log/libvirt" };
	g_autoptr(GPtrArray) strings = g_ptr_array_new_with_free_func(g_free);
	g_autofree char *name = g_strdup_printf("n%u-holder", node);
	g_autofree char *hostname = g_strdup_printf("n%u", node);
	Namespace ns = { .dir = lab->dir, .hostname = hostname };

	for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
		ns.sources[i] = lab_path(lab, "n%u/%s", node, folders[i]);
		ns.targets[i] = targets[i];
		g_ptr_array_add(strings, (gpointer)ns.sources[i]);
	}
	parents_below_run(lab->dir, strings, &ns);
	g_snprintf(ns.dir_link, sizeof(ns.dir_link), "/proc/self/fd/%d", lab->fd);
	return hold(lab, name, enter_new_node, &ns, ret_process, error);
}

/* ---- network --------------------------------------------------------------------------------- */

static gboolean run_inside(gint64 pid, int namespaces, const char *const *argv, GError **error)
{
	const LabSpawn spawn = {
		.argv = argv, .name = argv[0], .enter_pid = pid, .enter = namespaces
	};

	return lab_run(&spawn, COMMAND_TIMEOUT_MS, NULL, error);
}

static gboolean ip_batch(const Lab *lab, gint64 pid, int namespaces, const char *text,
			 GError **error)
{
	g_autofree char *path = lab_path(lab, "ip.batch");
	const char *const argv[] = { "ip", "-batch", path, NULL };

	return write_file(path, text, error) && run_inside(pid, namespaces, argv, error);
}

static gboolean limit_link(const Lab *lab, gint64 pid, GError **error)
{
	g_autofree char *rate = g_strdup_printf("%" G_GINT64_FORMAT "bps", lab->link_rate);
	g_autofree char *burst =
		g_strdup_printf("%" G_GINT64_FORMAT, MAX(lab->link_rate / 100, 65536));
	const char *const argv[] = { "tc",   "qdisc", "replace", "dev", "eth0",    "root", "tbf",
				     "rate", rate,    "burst",   burst, "latency", "50ms", NULL };

	return lab->link_rate <= 0 || run_inside(pid, CLONE_NEWNET, argv, error);
}

/* The link of a node that had been half made when kvmig was killed goes with its namespace, which
 * the kernel takes apart some time after its last process: until then its name is in use. */
static gboolean make_link(const Lab *lab, const LabProcess *network, guint node, const char *text,
			  GError **error)
{
	g_autofree char *name = g_strdup_printf("n%u", node);
	const char *const argv[] = { "ip", "link", "delete", name, NULL };

	if (ip_batch(lab, network->pid, CLONE_NEWNET, text, NULL))
		return TRUE;
	(void)run_inside(network->pid, CLONE_NEWNET, argv, NULL); /* it may just have gone */
	return ip_batch(lab, network->pid, CLONE_NEWNET, text, error);
}

static gboolean connect_node(const Lab *lab, guint node, gint64 pid, GError **error)
{
	LabProcess network;
	g_autofree char *outside =
		g_strdup_printf("link add n%u type veth peer name eth0 netns %" G_GINT64_FORMAT "\n"
				"link set n%u master lab0 up\n",
				node, pid, node);
	g_autofree char *inside = g_strdup_printf("link set lo up\n"
						  "address add " NETWORK_PREFIX "%u/24 dev eth0\n"
						  "link set eth0 up\n",
						  node);

	return hold(lab, "network", enter_new_network, NULL, &network, error) &&
	       make_link(lab, &network, node, outside, error) &&
	       ip_batch(lab, pid, CLONE_NEWNET, inside, error) && limit_link(lab, pid, error);
}

/* Whether `part` lives and had been set up when it was last seen: kvmig may have been killed in
 * between, and then it is ended, to be made anew. */
static gboolean is_complete(const Lab *lab, const char *part, const char *sign)
{
	LabProcess process;

	if (!lab_record_find(lab->record, part, &process))
		return FALSE;
	if (g_file_test(sign, G_FILE_TEST_EXISTS))
		return TRUE;
	lab_process_kill(&process, 1, NULL);
	return FALSE;
}

static gboolean make_bridge(const Lab *lab, GError **error)
{
	g_autofree char *sign = lab_path(lab, "network");
	LabProcess network;

	if (is_complete(lab, "network", sign))
		return TRUE;
	if (hold(lab, "network", enter_new_network, NULL, &network, error) &&
	    ip_batch(lab, network.pid, CLONE_NEWNET,
		     "link add lab0 type bridge\nlink set lab0 up\n", error) &&
	    write_file(sign, "", error))
		return TRUE;
	error_prefix(error, "cannot make the lab's network");
	return FALSE;
}

/* ---- daemons --------------------------------------------------------------------------------- */

static GStrv session_environment(const Lab *lab, guint node)
{
	static const char *const kept[] = { "PATH", "USER", "LOGNAME", "TMPDIR" };
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
	const struct {
		const char *name, *folder;
	} folders[] = {
		{ "HOME", "h" },           { "XDG_RUNTIME_DIR", "r" }, { "XDG_CONFIG_HOME", "c" },
		{ "XDG_CACHE_HOME", "x" }, { "XDG_DATA_HOME", "d" },   { "XDG_STATE_HOME", "d" }
	};

	for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
		g_autofree char *text = g_strdup_printf("%s=%s/n%u/%s", folders[i].name, lab->dir,
							node, folders[i].folder);

		g_strv_builder_add(builder, text);
	}
	for (guint i = 0; i < G_N_ELEMENTS(kept); i++)
		if (g_getenv(kept[i])) {
			g_autofree char *text =
				g_strdup_printf("%s=%s", kept[i], g_getenv(kept[i]));

			g_strv_builder_add(builder, text);
		}
	g_strv_builder_add(builder, "LC_ALL=C");
	return g_strv_builder_end(builder);
}

static gboolean start_daemon(const Lab *lab, guint node, const LabProcess *holder, GError **error)
{
	static const char *const system[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root",
		"LC_ALL=C", NULL
	};
	g_autofree char *config_folder = config_dir(lab, node);
	g_autofree char *config = g_build_filename(config_folder, "libvirtd.conf", NULL);
	g_autofree char *pid_file = lab_path(lab, "n%u/libvirtd.pid", node);
	g_autofree char *name = g_strdup_printf("n%u-daemon", node);
	g_autofree char *output = lab_path(lab, "n%u/libvirtd.log", node);
	g_auto(GStrv) session = session_environment(lab, node);
	const char *const argv[] = { "libvirtd", "-f", config, "-p", pid_file, NULL };
	LabProcess process;
	const LabSpawn spawn = { .argv = argv,
				 .envp = lab->root ? system : (const char *const *)session,
				 .name = name,
				 .record = lab->record,
				 .output = output,
				 .enter_pid = holder ? holder->pid : 0,
				 .enter = NODE_NAMESPACES };

	return lab_spawn(&spawn, &process, error);
}

static gboolean socket_answers(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	gboolean ok;

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	ok = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		close(fd);
	return ok;
}

/* The end of a daemon's log, on one line, for the message that it has died. */
static char *last_words(const Lab *lab, guint node)
{
	g_autofree char *path = lab_path(lab, "n%u/libvirtd.log", node), *text = NULL;
	char *line;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return g_strdup("no log");
	g_strchomp(text);
	line = strrchr(text, '\n');
	return g_strdup(line ? line + 1 : text);
}

static gboolean wait_ready(const Lab *lab, guint node, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)READY_TIMEOUT_MS * 1000;
	g_autofree char *path = socket_path(lab, node);
	LabProcess process;

	while (!socket_answers(path)) {
		g_autofree char *words = NULL;

		if (!lab_node_process(lab, node, &process)) {
			words = last_words(lab, node);
			return error_set(error, KVMIG_ERROR_FAILED,
					 "the daemon of node n%u has ended: %s", node, words);
		}
		if (g_get_monotonic_time() > deadline)
			return error_set(error, KVMIG_ERROR_TIMEOUT,
					 "the daemon of node n%u does not answer within %d s", node,
					 READY_TIMEOUT_MS / 1000);
		g_usleep(5000);
	}
	return TRUE;
}

/* ---- the whole ------------------------------------------------------------------------------- */

/* As root: the process that holds the node's namespaces, connected to the others. */
static gboolean make_place(const Lab *lab, guint node, LabProcess *ret_holder, GError **error)
{
	g_autofree char *part = g_strdup_printf("n%u-holder", node);
	g_autofree char *sign = lab_path(lab, "n%u/connected", node);

	if (is_complete(lab, part, sign))
		return lab_record_find(lab->record, part, ret_holder);
	return hold_node(lab, node, ret_holder, error) &&
	       connect_node(lab, node, ret_holder->pid, error) && write_file(sign, "", error);
}

static gboolean start_node(Lab *lab, guint node, GError **error)
{
	LabProcess holder, daemon;

	if (!make_folders(lab, node, error) || !write_config(lab, node, error) ||
	    (lab->root && !make_place(lab, node, &holder, error)))
		return FALSE;
	if (lab_node_process(lab, node, &daemon))
		return TRUE;
	fill_cache(lab, node);
	lab_say(lab, "node n%u: starting its libvirt daemon", node);
	return start_daemon(lab, node, lab->root ? &holder : NULL, error);
}

/* The first daemon of all has to look at every emulator of this machine, once. */
static gboolean probe_emulators(const Lab *lab, GError **error)
{
	g_autofree char *answer = NULL;

	lab_say(lab, "libvirt looks at this machine's emulators, for the first time: some seconds");
	answer = lab_virsh(lab, 1, "capabilities", PROBE_TIMEOUT_MS, error);
	return answer != NULL;
}

gboolean lab_nodes_start(Lab *lab, guint nodes, GError **error)
{
	guint total = MAX(nodes, lab->nodes);

	if (lab->root && !make_bridge(lab, error))
		return FALSE;
	for (guint node = 1; node <= total; node++) {
		if (!start_node(lab, node, error))
			return FALSE;
		if (!lab_has_cache(lab, node) &&
		    (!wait_ready(lab, node, error) || !probe_emulators(lab, error)))
			return FALSE;
	}
	for (guint node = 1; node <= total; node++)
		if (!wait_ready(lab, node, error))
			return FALSE;
	lab->nodes = total;
	return lab_save(lab, error);
}

/* ---- what is there --------------------------------------------------------------------------- */

static gboolean names_dir(const char *dir, gint64 pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/cmdline", pid);
	g_autofree char *needle = g_strconcat(dir, "/", NULL);
	g_autofree char *text = NULL;
	gsize length;

	return g_file_get_contents(path, &text, &length, NULL) &&
	       memmem(text, length, needle, strlen(needle)) != NULL;
}

static gboolean is_emulator(gint64 pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/exe", pid);
	g_autofree char *exe = g_file_read_link(path, NULL);
	g_autofree char *name = exe ? g_path_get_basename(exe) : NULL;

	return name && g_str_has_prefix(name, "qemu-system-");
}

static char *mount_namespace(gint64 pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/ns/mnt", pid);

	return g_file_read_link(path, NULL);
}

/* A holder gets its namespaces before its program: until then it is still in the host's, whose
 * processes are none of ours. */
static gboolean is_holder(gint64 pid)
{
	g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/comm", pid);
	g_autofree char *name = NULL;

	return g_file_get_contents(path, &name, NULL, NULL) && g_str_equal(name, "sleep\n");
}

/* The mount namespaces of the nodes: none but the lab's processes can be in them. */
static GHashTable *lab_namespaces(const Lab *lab)
{
	GHashTable *set = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autofree char *own = mount_namespace(getpid());

	for (guint node = 1; lab->root && node <= LAB_NODES_MAX; node++) {
		LabProcess holder;
		char *ns = NULL;

		if (find_part(lab, node, "holder", &holder) && is_holder(holder.pid))
			ns = mount_namespace(holder.pid);
		if (ns && g_strcmp0(ns, own) != 0)
			g_hash_table_add(set, ns);
		else
			g_free(ns);
	}
	return set;
}

GArray *lab_find_processes(const Lab *lab)
{
	g_autoptr(GHashTable) namespaces = lab_namespaces(lab);
	g_autoptr(GDir) list = g_dir_open("/proc", 0, NULL);
	GArray *found = lab_record_list(lab->record);
	const char *name;

	for (guint i = found->len; i > 0; i--)
		if (!lab_process_alive(&g_array_index(found, LabProcess, i - 1)))
			g_array_remove_index(found, i - 1);
	while (list && (name = g_dir_read_name(list))) {
		g_autofree char *ns = NULL;
		LabProcess process;
		gint64 pid;

		if (!g_ascii_string_to_signed(name, 10, 1, G_MAXINT, &pid, NULL))
			continue;
		ns = mount_namespace(pid);
		if (((ns && g_hash_table_contains(namespaces, ns)) ||
		     (is_emulator(pid) && names_dir(lab->dir, pid))) &&
		    lab_process_find(pid, &process))
			g_array_append_val(found, process);
	}
	return found;
}
