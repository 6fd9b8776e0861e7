/* SPDX-License-Identifier: Apache-2.0 */
/* The lab's guests: diskless machines that run guest.elf (guest/guest.c says what that does). */
#include "config.h"

#include "lab/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "model/object.h"

#define MEBIBYTE ((gint64)1 << 20)
#define RATE_MAX_BYTES ((gint64)64 << 30)
#define NAME_MAX_BYTES 40
#define VIRSH_TIMEOUT_MS 20000
#define CONFIRM_TIMEOUT_MS 10000
#define REPEAT_MS 300
#define PROBE_CPU_SECONDS 1
#define PROBE_TIMEOUT_MS 15000
#define PROBE_STATUS 33 /* what isa-debug-exit makes of the guest's word */
#define TAIL_BYTES 32768
#define TRIM_BYTES ((off_t)16 << 20)

/* The URI names the socket: virsh needs nothing of ours, and its words have to be English. */
static const char *const virsh_environment[] = { "PATH=/usr/bin:/bin",
						 "LC_ALL=C",
						 "HOME=/nonexistent",
						 "XDG_CACHE_HOME=/nonexistent",
						 "XDG_CONFIG_HOME=/nonexistent",
						 "XDG_RUNTIME_DIR=/nonexistent",
						 NULL };

char *lab_virsh(const Lab *lab, guint node, const char *command, guint timeout_ms, GError **error)
{
	g_autofree char *uri = lab_node_uri(lab, node);
	const char *const argv[] = { "virsh", "-q", "-c", uri, command, NULL };
	const LabSpawn spawn = { .argv = argv, .envp = virsh_environment, .name = "virsh" };
	char *output = NULL;

	return lab_run(&spawn, timeout_ms, &output, error) ? output : NULL;
}

void lab_virsh_try(const Lab *lab, guint node, const char *command)
{
	g_autoptr(GError) cause = NULL;
	g_autofree char *answer = lab_virsh(lab, node, command, VIRSH_TIMEOUT_MS, &cause);

	if (!answer)
		g_debug("lab: '%s' on node n%u: %s", command, node, cause->message);
}

/* ---- KVM or not ------------------------------------------------------------------------------ */

void lab_probe_begin(const Lab *lab, LabProbe *ret_probe)
{
	g_autofree char *image = lab_path(lab, "guest.elf");
	const char *const argv[] = { "qemu-system-x86_64",
				     "-accel",
				     "kvm",
				     "-machine",
				     "pc",
				     "-nodefaults",
				     "-display",
				     "none",
				     "-no-reboot",
				     "-m",
				     "8",
				     "-kernel",
				     image,
				     "-append",
				     "kvmig probe=1",
				     "-device",
				     "isa-debug-exit,iobase=0xf4,iosize=1",
				     NULL };
	const LabSpawn spawn = { .argv = argv,
				 .name = "probe",
				 .record = lab->record,
				 .cpu_seconds = PROBE_CPU_SECONDS };

	ret_probe->running = access("/dev/kvm", R_OK | W_OK) == 0 &&
			     lab_spawn(&spawn, &ret_probe->process, NULL);
}

gboolean lab_probe_end(LabProbe *probe)
{
	int status;

	if (!probe->running)
		return FALSE;
	probe->running = FALSE;
	status = lab_process_wait(&probe->process, PROBE_TIMEOUT_MS);
	return status >= 0 && WIFEXITED(status) && WEXITSTATUS(status) == PROBE_STATUS;
}

/* ---- definition ------------------------------------------------------------------------------ */

/*
 * QEMU before 9.0 loses writes of TCG guests in a live migration, unless the size of a block of
 * memory is no multiple of 256 KiB: then it takes another path, which is right. libvirt rounds to
 * MiB, so the memory is replaced behind its back.
 */
static char *odd_memory(const Lab *lab, gint64 memory_kib)
{
	gint64 odd = memory_kib + 8;

	if (lab->kvm)
		return g_strdup("");
	return g_strdup_printf(
		"  <qemu:commandline>\n"
		"    <qemu:arg value='-object'/>\n"
		"    <qemu:arg value='memory-backend-ram,id=kvmig.ram,size=%" G_GINT64_FORMAT
		"k'/>\n"
		"    <qemu:arg value='-m'/>\n"
		"    <qemu:arg value='size=%" G_GINT64_FORMAT "k'/>\n"
		"    <qemu:arg value='-machine'/>\n"
		"    <qemu:arg value='memory-backend=kvmig.ram'/>\n"
		"  </qemu:commandline>\n",
		odd, odd);
}

static char *domain_xml(const Lab *lab, const char *name, gint64 memory_bytes, gint64 rate_bytes)
{
	gint64 memory_kib = memory_bytes / 1024;
	g_autofree char *extra = odd_memory(lab, memory_kib);

	return g_strdup_printf(
		"<domain type='%s' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
		"  <name>%s</name>\n"
		"  <memory unit='KiB'>%" G_GINT64_FORMAT "</memory>\n"
		"  <vcpu>1</vcpu>\n"
		"  <os>\n"
		"    <type arch='x86_64' machine='pc'>hvm</type>\n"
		"    <kernel>%s/guest.elf</kernel>\n"
		"    <cmdline>kvmig rate=%" G_GINT64_FORMAT "</cmdline>\n"
		"  </os>\n"
		"  <clock offset='utc'>%s<timer name='hpet' present='no'/></clock>\n"
		"  <on_reboot>destroy</on_reboot>\n"
		"  <devices>\n"
		"    <controller type='usb' model='none'/>\n"
		"    <serial type='file'><source path='%s/vm/%s.beat' append='on'/>"
		"<target port='0'/></serial>\n"
		"    <serial type='pipe'><source path='%s/vm/%s.ctl'/><target port='1'/></serial>\n"
		"    <memballoon model='none'/>\n"
		"  </devices>\n"
		"%s"
		"</domain>\n",
		lab->kvm ? "kvm" : "qemu", name, memory_kib, lab->dir, rate_bytes / 1024,
		lab->kvm ? "<timer name='pit' tickpolicy='discard'/>" : "", lab->dir, name,
		lab->dir, name, extra);
}

static gboolean check_guest(const char *name, gint64 memory_bytes, gint64 rate_bytes,
			    GError **error)
{
	if (!name_check_dns_label(name, "VM name", error))
		return FALSE;
	if (strlen(name) > NAME_MAX_BYTES)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "VM name '%s' is too long: at most %d characters", name,
				 NAME_MAX_BYTES);
	if (memory_bytes < LAB_MEMORY_MIN || memory_bytes > LAB_MEMORY_MAX)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "a lab guest has 8Mi to 3Gi of memory, not %" G_GINT64_FORMAT
				 " bytes",
				 memory_bytes);
	if (rate_bytes < 0 || rate_bytes > RATE_MAX_BYTES)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "the dirty rate of a lab guest is 0 to 64Gi, not %" G_GINT64_FORMAT
				 " bytes per second",
				 rate_bytes);
	return TRUE;
}

void lab_guest_remove_files(const Lab *lab, const char *name)
{
	/* the definition last: where it still is, the VM can be removed again */
	static const char *const suffixes[] = { "beat", "ctl", "new", "xml" };

	for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
		g_autofree char *path = lab_path(lab, "vm/%s.%s", name, suffixes[i]);

		g_unlink(path);
	}
}

static void forget_on(const Lab *lab, guint node, const char *name)
{
	g_autofree char *destroy = g_strdup_printf("destroy %s", name);
	g_autofree char *undefine = g_strdup_printf("undefine %s", name);

	lab_virsh_try(lab, node, destroy);
	lab_virsh_try(lab, node, undefine);
}

gboolean lab_guest_forget_half_started(const Lab *lab, const char *name)
{
	g_autofree char *path = lab_path(lab, "vm/%s.new", name);

	if (!g_file_test(path, G_FILE_TEST_EXISTS))
		return FALSE;
	for (guint node = 1; node <= lab->nodes; node++)
		forget_on(lab, node, name);
	lab_guest_remove_files(lab, name);
	return TRUE;
}

static void forget_all_half_started(const Lab *lab)
{
	g_autoptr(GPtrArray) names = lab_names_of(lab, ".new");

	for (guint i = 0; i < names->len; i++)
		(void)lab_guest_forget_half_started(lab, names->pdata[i]);
}

/* The definition gets the name by which a guest is known once that has been started. */
static gboolean make_files(const Lab *lab, const char *name, gint64 memory_bytes, gint64 rate_bytes,
			   GError **error)
{
	gint64 memory = (memory_bytes + MEBIBYTE - 1) / MEBIBYTE * MEBIBYTE;
	g_autofree char *text = domain_xml(lab, name, memory, rate_bytes);
	g_autofree char *path = lab_path(lab, "vm/%s.new", name);
	g_autofree char *beat = lab_path(lab, "vm/%s.beat", name);
	g_autofree char *ctl = lab_path(lab, "vm/%s.ctl", name);
	g_autoptr(GError) cause = NULL;

	if (mkfifo(ctl, 0600) < 0 && errno != EEXIST)
		return error_set_errno(error, errno, "cannot make '%s'", ctl);
	if (!g_file_set_contents(beat, "", 0, &cause) ||
	    !g_file_set_contents(path, text, -1, &cause))
		return error_set(error, KVMIG_ERROR_IO, "cannot write the files of VM '%s': %s",
				 name, cause->message);
	return TRUE;
}

/* Else it could go on beside the next kvmig, which forgets what was begun. */
static const char *die_with_us(gconstpointer data)
{
	const pid_t *us = data;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == *us)
		return NULL;
	return "bind its life to ours";
}

/* define and start in one virsh, so that several guests can be under way at once. */
static LabRun *begin_start(const Lab *lab, const char *name, guint node, GError **error)
{
	g_autofree char *uri = lab_node_uri(lab, node);
	g_autofree char *command =
		g_strdup_printf("define %s/vm/%s.new; start %s", lab->dir, name, name);
	const char *const argv[] = { "virsh", "-q", "-c", uri, command, NULL };
	const pid_t us = getpid();
	const LabSpawn spawn = { .argv = argv,
				 .envp = virsh_environment,
				 .name = "virsh",
				 .setup = die_with_us,
				 .setup_data = &us };

	return lab_run_begin(&spawn, error);
}

static gboolean end_start(const Lab *lab, const char *name, guint node, LabRun *run, GError **error)
{
	g_autofree char *begun = lab_path(lab, "vm/%s.new", name);
	g_autofree char *path = lab_path(lab, "vm/%s.xml", name);
	g_autoptr(GError) cause = NULL;

	if (lab_run_end(run, VIRSH_TIMEOUT_MS, NULL, &cause)) {
		if (g_rename(begun, path) == 0)
			return TRUE;
		return error_set_errno(error, errno, "cannot rename '%s'", begun);
	}
	forget_on(lab, node, name);
	/* a daemon that was too slow may go on with it: the next kvmig looks once more */
	if (error_code(cause) != KVMIG_ERROR_TIMEOUT)
		lab_guest_remove_files(lab, name);
	error_prefix(&cause, "cannot start VM '%s' on node n%u", name, node);
	g_propagate_error(error, g_steal_pointer(&cause));
	return FALSE;
}

gboolean lab_guest_add(Lab *lab, const char *name, guint node, gint64 memory_bytes,
		       gint64 dirty_rate_bytes, GError **error)
{
	g_autofree char *path = lab_path(lab, "vm/%s.xml", name);
	LabRun *run;

	if (!check_guest(name, memory_bytes, dirty_rate_bytes, error))
		return FALSE;
	if (g_file_test(path, G_FILE_TEST_EXISTS)) {
		error_set(error, KVMIG_ERROR_EXISTS, "the lab has a VM '%s' already", name);
		error_hint(error, "choose another name, or end that one: 'kvmig lab vm rm %s'",
			   name);
		return FALSE;
	}
	(void)lab_guest_forget_half_started(lab, name);
	if (!make_files(lab, name, memory_bytes, dirty_rate_bytes, error))
		return FALSE;
	run = begin_start(lab, name, node, error);
	return run && end_start(lab, name, node, run, error);
}

gboolean lab_guests_add(Lab *lab, const LabOptions *options, GError **error)
{
	LabRun *runs[LAB_VMS_MAX + 1] = { NULL };
	gboolean ok = TRUE;

	forget_all_half_started(lab);
	for (guint i = 1; ok && i <= options->vms; i++) {
		g_autofree char *name = g_strdup_printf("vm%u", i);
		g_autofree char *path = lab_path(lab, "vm/%s.xml", name);
		guint node = (i - 1) % lab->nodes + 1;

		if (g_file_test(path, G_FILE_TEST_EXISTS))
			continue;
		lab_say(lab, "VM %s: starting on node n%u", name, node);
		ok = check_guest(name, options->memory_bytes, options->dirty_rate_bytes, error) &&
		     make_files(lab, name, options->memory_bytes, options->dirty_rate_bytes, error);
		if (ok)
			runs[i] = begin_start(lab, name, node, error);
		ok = ok && runs[i];
	}
	for (guint i = 1; i <= options->vms; i++) {
		g_autofree char *name = g_strdup_printf("vm%u", i);

		if (runs[i])
			ok = end_start(lab, name, (i - 1) % lab->nodes + 1, runs[i],
				       ok ? error : NULL) &&
			     ok;
	}
	return ok;
}

/* ---- where they are -------------------------------------------------------------------------- */

static LabVm *find_vm(GPtrArray *vms, const char *name)
{
	for (guint i = 0; i < vms->len; i++) {
		LabVm *vm = g_ptr_array_index(vms, i);

		if (g_str_equal(vm->name, name))
			return vm;
	}
	return NULL;
}

/* A node's list: " Id   Name   State", the state being the rest of the line. The copy that runs
 * says where a guest is; one that is defined, or comes in, does so only where there is no other. */
static void read_list(GPtrArray *vms, guint node, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (guint i = 0; lines[i]; i++) {
		g_auto(GStrv) words = g_regex_split_simple("\\s+", g_strstrip(lines[i]), 0, 0);
		LabVm *vm = g_strv_length(words) >= 3 ? find_vm(vms, words[1]) : NULL;
		gboolean better;

		if (!vm)
			continue;
		better = !vm->node || g_str_equal(words[2], "running") ||
			 (g_str_equal(words[2], "paused") && g_str_equal(vm->state, "shut off"));
		if (!better || g_str_equal(vm->state, "running"))
			continue;
		g_free(vm->node);
		g_free(vm->state);
		vm->node = g_strdup_printf("n%u", node);
		vm->state = g_strjoinv(" ", words + 2);
	}
}

static void vm_free(gpointer data)
{
	LabVm *vm = data;

	g_free(vm->name);
	g_free(vm->node);
	g_free(vm->state);
	g_free(vm->heartbeat_file);
	g_free(vm);
}

static LabRun *begin_list(const Lab *lab, guint node)
{
	g_autofree char *uri = lab_node_uri(lab, node);
	const char *const argv[] = { "virsh", "-q", "-c", uri, "list", "--all", NULL };
	const LabSpawn spawn = { .argv = argv, .envp = virsh_environment, .name = "virsh" };

	return lab_run_begin(&spawn, NULL);
}

GPtrArray *lab_guests_find(const Lab *lab, guint timeout_ms, gboolean *ret_silent)
{
	g_autoptr(GPtrArray) names = lab_vm_names(lab);
	GPtrArray *vms = g_ptr_array_new_with_free_func(vm_free);
	gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
	LabRun *runs[LAB_NODES_MAX + 1];

	*ret_silent = FALSE;
	for (guint i = 0; i < names->len; i++) {
		LabVm *vm = g_new0(LabVm, 1);

		vm->name = g_strdup(g_ptr_array_index(names, i));
		vm->state = g_strdup("gone");
		vm->heartbeat = vm->memory_errors = -1;
		vm->heartbeat_file = lab_path(lab, "vm/%s.beat", vm->name);
		g_ptr_array_add(vms, vm);
	}
	for (guint node = 1; node <= lab->nodes; node++)
		runs[node] = begin_list(lab, node);
	for (guint node = 1; node <= lab->nodes; node++) {
		gint64 left = (deadline - g_get_monotonic_time()) / 1000;
		g_autofree char *text = NULL;

		if (runs[node] && lab_run_end(runs[node], (guint)MAX(left, 1), &text, NULL))
			read_list(vms, node, text);
		else
			*ret_silent = TRUE;
	}
	return vms;
}

/* ---- heartbeat ------------------------------------------------------------------------------- */

/* The end of the file, from the first whole line. */
static char *read_tail(const Lab *lab, const char *name)
{
	g_autofree char *path = lab_path(lab, "vm/%s.beat", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	char text[TAIL_BYTES + 1], *line;
	ssize_t n = 0;
	off_t from = 0;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		from = MAX(st.st_size - TAIL_BYTES, 0);
		n = pread(fd, text, TAIL_BYTES, from);
	}
	if (fd >= 0)
		close(fd);
	text[MAX(n, 0)] = '\0';
	line = from > 0 ? strchr(text, '\n') : NULL;
	return g_strdup(line ? line + 1 : text);
}

static gint64 field(const char *line, guint index)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	guint64 value;

	if (g_strv_length(words) <= index ||
	    !g_ascii_string_to_unsigned(words[index], 16, 0, G_MAXUINT32, &value, NULL))
		return -1;
	return (gint64)value;
}

/* Number of the last beat, and of the errors in the last report plus those found since. */
static void read_beats(const Lab *lab, LabVm *vm)
{
	g_autofree char *text = read_tail(lab, vm->name);
	char *end = strrchr(text, '\n'); /* what follows is half a line */
	g_auto(GStrv) lines = NULL;

	if (end)
		*end = '\0';
	lines = g_strsplit(end ? text : "", "\n", -1);
	for (guint i = 0; lines[i]; i++) {
		gint64 number = -1;

		if (lines[i][0] == 'S')
			number = field(lines[i], 2);
		if (lines[i][0] == 'B')
			number = 0;
		if (number >= 0)
			vm->memory_errors = number;
		else if (lines[i][0] == 'E' && vm->memory_errors >= 0)
			vm->memory_errors++;
		else if (strlen(lines[i]) == 7 && field(lines[i], 0) >= 0)
			vm->heartbeat = field(lines[i], 0);
	}
}

void lab_guests_listen(const Lab *lab, GPtrArray *vms, guint patience_ms)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)patience_ms * 1000;
	g_autoptr(GArray) first = g_array_new(FALSE, FALSE, sizeof(gint64));
	guint silent = vms->len;

	for (guint i = 0; i < vms->len; i++) {
		LabVm *vm = g_ptr_array_index(vms, i);

		read_beats(lab, vm);
		g_array_append_val(first, vm->heartbeat);
	}
	while (silent > 0 && g_get_monotonic_time() < deadline) {
		g_usleep(10000);
		for (guint i = 0; i < vms->len; i++) {
			LabVm *vm = g_ptr_array_index(vms, i);

			if (vm->beating)
				continue;
			read_beats(lab, vm);
			vm->beating = vm->heartbeat > g_array_index(first, gint64, i);
			silent -= vm->beating ? 1 : 0;
		}
	}
}

/* The writers append, so a file that is cut short goes on from its new end. */
void lab_guests_trim(const Lab *lab)
{
	g_autoptr(GPtrArray) names = lab_vm_names(lab);

	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *path = lab_path(lab, "vm/%s.beat", name);
		struct stat st;

		if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > TRIM_BYTES &&
		    truncate(path, 0) < 0)
			g_debug("lab: cannot shorten '%s': %s", path, g_strerror(errno));
	}
}

/* ---- commands -------------------------------------------------------------------------------- */

static char *load_command(guint id, gint64 rate_bytes, gint64 set_bytes)
{
	g_autofree char *digits = g_strdup_printf(
		"%04x%08x%08x", id, rate_bytes < 0 ? G_MAXUINT32 : (guint)(rate_bytes / 1024),
		set_bytes < 0 ? G_MAXUINT32 : (guint)(set_bytes / 1024));
	guint sum = 0;

	for (const char *at = digits; *at; at++)
		sum += (guint)g_ascii_xdigit_value(*at);
	return g_strdup_printf("!%s%02x\n", digits, sum & 0xff);
}

static gboolean confirmed(const Lab *lab, const char *name, guint id)
{
	g_autofree char *text = read_tail(lab, name);
	g_autofree char *line = g_strdup_printf("C %x\n", id);

	return strstr(text, line) != NULL;
}

/* Sent again until the guest confirms: the QEMU that waits for a migration reads the same pipe and
 * may take a byte of it. */
static gboolean send_command(const Lab *lab, const char *name, int fd, guint id,
			     const char *command, GError **error)
{
	gint64 deadline = g_get_monotonic_time() + (gint64)CONFIRM_TIMEOUT_MS * 1000;

	while (g_get_monotonic_time() < deadline) {
		if (write(fd, command, strlen(command)) < 0 && errno != EAGAIN)
			return error_set_errno(error, errno, "cannot send to VM '%s'", name);
		for (guint waited = 0; waited < REPEAT_MS; waited += 10) {
			g_usleep(10000);
			if (confirmed(lab, name, id))
				return TRUE;
		}
	}
	error_set(error, KVMIG_ERROR_TIMEOUT, "VM '%s' does not confirm the new load within %d s",
		  name, CONFIRM_TIMEOUT_MS / 1000);
	error_hint(error, "see whether it beats: 'kvmig lab status'");
	return FALSE;
}

gboolean lab_vm_load(const char *name, gint64 dirty_rate_bytes, gint64 working_set_bytes,
		     GError **error)
{
	g_autoptr(Lab) lab = lab_open(LAB_OPEN, error);
	guint id = g_random_int_range(1, 0xffff);
	g_autofree char *command = load_command(id, dirty_rate_bytes, working_set_bytes);
	g_autofree char *path = NULL, *definition = NULL;
	gboolean ok;
	int fd;

	if (!lab)
		return FALSE;
	definition = lab_path(lab, "vm/%s.xml", name);
	path = lab_path(lab, "vm/%s.ctl", name);
	if (!name_check_dns_label(name, "VM name", error))
		return FALSE;
	if (dirty_rate_bytes > RATE_MAX_BYTES || working_set_bytes > LAB_MEMORY_MAX)
		return error_set(error, KVMIG_ERROR_INVALID,
				 "a lab guest dirties at most 64Gi per second of 3Gi");
	if (!g_file_test(definition, G_FILE_TEST_EXISTS)) {
		error_set(error, KVMIG_ERROR_NOT_FOUND, "the lab has no VM '%s'", name);
		error_hint(error, "see 'kvmig lab status'");
		return FALSE;
	}
	fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENXIO) {
		error_set(error, KVMIG_ERROR_REFUSED, "VM '%s' is not running", name);
		error_hint(error, "see 'kvmig lab status'");
		return FALSE;
	}
	if (fd < 0)
		return error_set_errno(error, errno, "cannot open '%s'", path);
	ok = send_command(lab, name, fd, id, command, error);
	close(fd);
	return ok;
}
