/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "lab/lab.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "lab/internal.h"
#include "model/object.h"

#define STATUS_TIMEOUT_MS 2000
#define BEAT_PATIENCE_MS 400
#define FIRST_BEAT_MS 60000
#define VIRSH_TIMEOUT_MS 20000
#define SWEEPS_MAX 10 /* a process may start another while we look */

/* ---- up -------------------------------------------------------------------------------------- */

static gboolean check_options(const Lab *lab, const LabOptions *options, GError **error)
{
	if (options->nodes < 1 || options->nodes > LAB_NODES_MAX)
		return error_set(error, KVMIG_ERROR_INVALID, "a lab has 1 to %u nodes, not %u",
				 LAB_NODES_MAX, options->nodes);
	if (options->vms > LAB_VMS_MAX)
		return error_set(error, KVMIG_ERROR_INVALID, "a lab starts at most %u VMs, not %u",
				 LAB_VMS_MAX, options->vms);
	if (options->link_bytes_per_second > 0 && !lab->root) {
		error_set(error, KVMIG_ERROR_UNSUPPORTED,
			  "only root's lab has network links that can be limited");
		error_hint(error, "run it as root, or leave out --link-rate");
		return FALSE;
	}
	if (options->force_tcg && lab->known && lab->kvm) {
		error_set(error, KVMIG_ERROR_REFUSED, "the lab is up already, with KVM");
		error_hint(error, "end it first: 'kvmig lab down'");
		return FALSE;
	}
	return TRUE;
}

static gboolean check_programs(const Lab *lab, GError **error)
{
	static const struct {
		const char *name, *package;
		gboolean root;
	} programs[] = {
		{ "libvirtd", "libvirt-daemon libvirt-daemon-system", FALSE },
		{ "virsh", "libvirt-clients", FALSE },
		{ "qemu-system-x86_64", "qemu-system-x86", FALSE },
		{ "ip", "iproute2", TRUE },
		{ "tc", "iproute2", TRUE },
	};

	for (guint i = 0; i < G_N_ELEMENTS(programs); i++) {
		g_autofree char *path = NULL;

		if (programs[i].root && !lab->root)
			continue;
		path = lab_find_program(programs[i].name, programs[i].package, error);
		if (!path)
			return FALSE;
	}
	return TRUE;
}

static gboolean copy_guest(const Lab *lab, GError **error)
{
	g_autofree char *target = lab_path(lab, "guest.elf"), *text = NULL;
	g_autofree char *source = NULL;
	g_autoptr(GError) cause = NULL;
	gsize length;

	if (g_file_test(target, G_FILE_TEST_EXISTS))
		return TRUE;
	source = lab_guest_image(error);
	if (!source)
		return FALSE;
	if (!g_file_get_contents(source, &text, &length, &cause) ||
	    !g_file_set_contents(target, text, (gssize)length, &cause))
		return error_set(error, KVMIG_ERROR_IO, "cannot copy the lab's guest: %s",
				 cause->message);
	return TRUE;
}

static gboolean settle_accelerator(Lab *lab, LabProbe *probe, GError **error)
{
	if (lab->known)
		return TRUE;
	lab->kvm = lab_probe_end(probe);
	lab->known = TRUE;
	lab_say(lab, lab->kvm ? "guests run with KVM"
			      : "guests run in emulation (TCG): no usable KVM, or not wanted");
	return lab_save(lab, error);
}

static gboolean is_running(const LabVm *vm)
{
	return g_str_equal(vm->state, "running");
}

/* Guests that have been started but do not run their program would be no use. */
static gboolean wait_for_beats(const Lab *lab, GError **error)
{
	gboolean silent;
	g_autoptr(GPtrArray) vms = lab_guests_find(lab, VIRSH_TIMEOUT_MS, &silent);

	for (guint i = vms->len; i > 0; i--)
		if (!is_running(g_ptr_array_index(vms, i - 1)))
			g_ptr_array_remove_index(vms, i - 1); /* stopped by somebody: so be it */
	lab_guests_listen(lab, vms, FIRST_BEAT_MS);
	for (guint i = 0; i < vms->len; i++) {
		const LabVm *vm = g_ptr_array_index(vms, i);

		if (!vm->beating)
			return error_set(error, KVMIG_ERROR_TIMEOUT,
					 "VM '%s' on node %s gives no sign of life within %d s",
					 vm->name, vm->node, FIRST_BEAT_MS / 1000);
	}
	return TRUE;
}

static gboolean bring_up(Lab *lab, Cluster *cluster, const LabOptions *options, GError **error)
{
	LabProbe probe = { .running = FALSE };
	gboolean ok;

	if (!copy_guest(lab, error))
		return FALSE;
	if (!lab->known && !options->force_tcg)
		lab_probe_begin(lab, &probe); /* takes its time while the daemons start */
	if (options->link_bytes_per_second > 0)
		lab->link_rate = options->link_bytes_per_second;
	ok = lab_nodes_start(lab, options->nodes, error);
	if (!ok) {
		lab_probe_end(&probe);
		return FALSE;
	}
	ok = settle_accelerator(lab, &probe, error) &&
	     lab_register(cluster, lab, lab->nodes, error) && lab_guests_add(lab, options, error) &&
	     wait_for_beats(lab, error);
	if (ok)
		lab_nodes_save_cache(lab);
	return ok;
}

static gboolean take_down(Lab *lab, GError **error);

gboolean lab_up(Cluster *cluster, const LabOptions *options, LabSay say, gpointer data,
		GError **error)
{
	g_autoptr(Lab) lab = lab_open(LAB_CREATE, error);
	gboolean ok;

	if (!lab)
		return FALSE;
	lab->say = say;
	lab->say_data = data;
	ok = check_options(lab, options, error) && check_programs(lab, error) &&
	     bring_up(lab, cluster, options, error);
	lab_guests_trim(lab);
	if (!ok && lab->fresh) {
		lab_say(lab, "that went wrong: taking down what was begun");
		take_down(lab, NULL);
	}
	return ok;
}

/* ---- down ------------------------------------------------------------------------------------ */

static gboolean end_processes(const Lab *lab, GError **error)
{
	for (guint sweep = 0; sweep < SWEEPS_MAX; sweep++) {
		g_autoptr(GArray) found = lab_find_processes(lab);

		if (found->len == 0)
			return TRUE;
		if (!lab_process_kill((const LabProcess *)(gconstpointer)found->data, found->len,
				      error))
			return FALSE;
	}
	return error_set(error, KVMIG_ERROR_FAILED, "processes of the lab keep appearing in '%s'",
			 lab->dir);
}

/* The marker goes last: as long as anything is left, it can be seen whose it is. */
static gboolean remove_files(const Lab *lab, GError **error)
{
	g_autoptr(GDir) list = g_dir_open(lab->dir, 0, NULL);
	g_autofree char *marker = lab_path(lab, "marker");
	const char *name;

	while (list && (name = g_dir_read_name(list))) {
		g_autofree char *path = lab_path(lab, "%s", name);

		if (!g_str_equal(name, "marker") && !lab_remove_dir(path, error))
			return FALSE;
	}
	if (g_unlink(marker) < 0 && errno != ENOENT)
		return error_set_errno(error, errno, "cannot remove '%s'", marker);
	if (g_rmdir(lab->dir) < 0 && errno != ENOENT)
		return error_set_errno(error, errno, "cannot remove '%s'", lab->dir);
	return TRUE;
}

static gboolean take_down(Lab *lab, GError **error)
{
	return end_processes(lab, error) && remove_files(lab, error);
}

gboolean lab_down(LabSay say, gpointer data, GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(Lab) lab = lab_open(LAB_OPEN, &cause);
	gboolean there = lab != NULL;

	if (!there && !g_error_matches(cause, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return FALSE;
	}
	/* The controller first, so that nobody misses the nodes. */
	if (!lab_forget_store(say, data, error) || (there && !take_down(lab, error)))
		return FALSE;
	if (say)
		say(there ? "the lab is down" : "no lab was up", data);
	return TRUE;
}

/* ---- status ---------------------------------------------------------------------------------- */

static void node_free(gpointer data)
{
	LabNode *node = data;

	g_free(node->name);
	g_free(node->uri);
	g_free(node->peer_uri);
	g_free(node->migration_address);
	g_free(node);
}

void lab_status_free(LabStatus *status)
{
	if (!status)
		return;
	g_free(status->runtime_dir);
	g_free(status->accelerator);
	g_ptr_array_unref(status->nodes);
	g_ptr_array_unref(status->vms);
	g_free(status);
}

static LabNode *read_node(const Lab *lab, guint number)
{
	LabNode *node = g_new0(LabNode, 1);
	LabProcess process;

	node->name = g_strdup_printf("n%u", number);
	node->uri = lab_node_uri(lab, number);
	node->peer_uri = lab_node_peer_uri(lab, number);
	node->migration_address = lab_node_migration_address(lab, number);
	node->alive = lab_node_process(lab, number, &process);
	node->pid = node->alive ? process.pid : 0;
	return node;
}

static LabStatus *status_new(void)
{
	LabStatus *status = g_new0(LabStatus, 1);

	status->nodes = g_ptr_array_new_with_free_func(node_free);
	status->vms = g_ptr_array_new();
	return status;
}

LabStatus *lab_status(GError **error)
{
	g_autoptr(GError) cause = NULL;
	g_autoptr(Lab) lab = lab_open(LAB_NO_LOCK, &cause);
	LabStatus *status;
	gboolean silent;

	if (!lab && !g_error_matches(cause, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND)) {
		g_propagate_error(error, g_steal_pointer(&cause));
		return NULL;
	}
	status = status_new();
	if (!lab)
		return status;
	status->up = lab->nodes > 0;
	status->runtime_dir = g_strdup(lab->dir);
	status->accelerator = g_strdup(lab->kvm ? "kvm" : "tcg");
	status->namespaces = lab->root;
	for (guint node = 1; node <= lab->nodes; node++)
		g_ptr_array_add(status->nodes, read_node(lab, node));
	g_ptr_array_unref(status->vms);
	status->vms = lab_guests_find(lab, STATUS_TIMEOUT_MS, &silent);
	lab_guests_listen(lab, status->vms, BEAT_PATIENCE_MS);
	return status;
}

/* ---- guests ---------------------------------------------------------------------------------- */

/* Where there are fewest. */
static guint choose_node(const Lab *lab)
{
	gboolean silent;
	g_autoptr(GPtrArray) vms = lab_guests_find(lab, STATUS_TIMEOUT_MS, &silent);
	guint counts[LAB_NODES_MAX + 1] = { 0 }, best = 1;

	for (guint i = 0; i < vms->len; i++) {
		const LabVm *vm = g_ptr_array_index(vms, i);

		if (vm->node)
			counts[lab_node_number(lab, vm->node, NULL)]++;
	}
	for (guint node = 2; node <= lab->nodes; node++)
		if (counts[node] < counts[best])
			best = node;
	return best;
}

gboolean lab_vm_add(const char *name, const char *node, gint64 memory_bytes,
		    gint64 dirty_rate_bytes, GError **error)
{
	g_autoptr(Lab) lab = lab_open(LAB_OPEN, error);
	guint number;

	if (!lab)
		return FALSE;
	if (lab->nodes == 0) {
		error_set(error, KVMIG_ERROR_NOT_FOUND, "the lab has no nodes yet");
		error_hint(error, "start them with 'kvmig lab up'");
		return FALSE;
	}
	number = node ? lab_node_number(lab, node, error) : choose_node(lab);
	return number > 0 &&
	       lab_guest_add(lab, name, number, memory_bytes, dirty_rate_bytes, error);
}

/* On each node that has it; it has to be one only, else it is being migrated. */
static gboolean remove_from_nodes(const Lab *lab, const char *name, GError **error)
{
	guint holders = 0, holder = 0;
	g_autofree char *destroy = g_strdup_printf("destroy %s", name);
	g_autofree char *undefine = g_strdup_printf("undefine %s", name);
	g_autofree char *state = g_strdup_printf("domstate %s", name);
	g_autofree char *last = NULL;

	for (guint node = 1; node <= lab->nodes; node++) {
		g_autofree char *answer = lab_virsh(lab, node, state, VIRSH_TIMEOUT_MS, NULL);

		if (answer) {
			holders++;
			holder = node;
		}
	}
	if (holders > 1) {
		error_set(error, KVMIG_ERROR_CONFLICT,
			  "VM '%s' is on %u nodes: it is being migrated", name, holders);
		error_hint(error, "wait until that is done");
		return FALSE;
	}
	if (holders == 0)
		return TRUE;
	lab_virsh_try(lab, holder, destroy); /* it may be shut off */
	last = lab_virsh(lab, holder, undefine, VIRSH_TIMEOUT_MS, error);
	return last != NULL;
}

gboolean lab_vm_remove(const char *name, GError **error)
{
	g_autoptr(Lab) lab = lab_open(LAB_OPEN, error);
	g_autofree char *definition = NULL;

	if (!lab || !name_check_dns_label(name, "VM name", error))
		return FALSE;
	definition = lab_path(lab, "vm/%s.xml", name);
	if (lab_guest_forget_half_started(lab, name))
		return TRUE;
	if (!g_file_test(definition, G_FILE_TEST_EXISTS)) {
		error_set(error, KVMIG_ERROR_NOT_FOUND, "the lab has no VM '%s'", name);
		error_hint(error, "see 'kvmig lab status'");
		return FALSE;
	}
	if (!remove_from_nodes(lab, name, error))
		return FALSE;
	lab_guest_remove_files(lab, name);
	return TRUE;
}
