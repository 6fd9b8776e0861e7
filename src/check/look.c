/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libvirt has against a migration, and which of the VM's devices it is. Where libvirt was
 * asked its word decides: what looks like an obstacle to us and not to it is a warning.
 */
#include "check/hosts.h"

#include <string.h>

#define FIX_SHARED                                                                                 \
	"move the disk to storage that all hosts share: a file system that libvirt knows as "      \
	"shared (NFS, Ceph, GFS2, OCFS2, SMB), or a block or network device; "                     \
	"'virsh blockcopy' does it while the VM runs"

char *check_part_text(const HyperPart *part)
{
	const char *what = part->kind == HYPER_PART_BOOT        ? part->name
			   : part->kind == HYPER_PART_INTERFACE ? "interface"
								: "disk";
	g_autofree char *device =
		part->backing ? g_strdup_printf("the image below disk '%s'", part->name)
		: part->device && (strcmp(part->device, "cdrom") == 0 ||
				   strcmp(part->device, "floppy") == 0)
			? g_strdup_printf("%s '%s'", part->device, part->name)
		: part->kind == HYPER_PART_BOOT
			? g_strdup(what)
			: g_strdup_printf("%s '%s'", what, part->name ? part->name : "?");

	if (!part->path)
		return g_steal_pointer(&device);
	return g_strdup_printf("%s (%s%s%s)", device, part->pool ? part->pool : "",
			       part->pool ? "/" : "", part->path);
}

static CheckObject object_of(const CheckLook *look)
{
	return (CheckObject){ "vm", look->ns, look->name };
}

static gboolean is_refused(const CheckLook *look)
{
	return look->refusals && look->refusals->len > 0;
}

static const char *words_of(const CheckLook *look)
{
	return is_refused(look) ? ((const HyperRefusal *)look->refusals->pdata[0])->text : NULL;
}

/* "; libvirt: ..." */
static char *words_after(const CheckLook *look)
{
	return is_refused(look) ? g_strdup_printf("; libvirt: %s", words_of(look)) : g_strdup("");
}

static CheckSeverity severity_of(const CheckLook *look)
{
	return is_refused(look) || (look->says_not && !look->probed) ? CHECK_BLOCKS : CHECK_WARNING;
}

/* ---- devices -------------------------------------------------------------------------------- */

static const char *or_what(const char *text)
{
	return text ? text : "?";
}

static gboolean is_host_device(const HyperPart *part)
{
	return part->kind == HYPER_PART_HOSTDEV ||
	       (part->kind == HYPER_PART_INTERFACE && g_strcmp0(part->type, "hostdev") == 0) ||
	       (part->kind == HYPER_PART_TPM && g_strcmp0(part->device, "passthrough") == 0) ||
	       (part->kind == HYPER_PART_DISK && g_strcmp0(part->type, "nvme") == 0);
}

static void judge_host_device(const CheckLook *look, const HyperPart *part, GPtrArray *findings)
{
	const CheckObject object = object_of(look);
	g_autofree char *words = words_after(look);

	if (part->teaming)
		check_add(findings, &object, CHECK_WARNING, REASON_CHK_SRIOV, NULL,
			  "host device %s is unplugged before the migration and plugged in again "
			  "behind it",
			  or_what(part->path));
	else if (g_strcmp0(part->type, "usb") == 0)
		check_add(findings, &object, severity_of(look), REASON_BLK_HOST_DEVICE, NULL,
			  "a USB device of its node is passed through to it, and stays behind%s",
			  words);
	else
		check_add(findings, &object, severity_of(look), REASON_BLK_HOST_DEVICE, NULL,
			  "device %s of its node (%s) is passed through to it%s",
			  or_what(part->path), or_what(part->type), words);
}

static void judge_filesystem(const CheckLook *look, const HyperPart *part, GPtrArray *findings)
{
	const CheckObject object = object_of(look);
	g_autofree char *words = words_after(look);

	check_add(findings, &object, severity_of(look), REASON_BLK_FILESYSTEM, NULL,
		  "folder %s of its node is shared with the guest (%s)%s%s", or_what(part->path),
		  part->device ? part->device : "9p",
		  look->probed && !is_refused(look)
			  ? ": libvirt lets it go only as long as the guest has not mounted it"
			  : "",
		  words);
}

static void judge_shmem(const CheckLook *look, const HyperPart *part, GPtrArray *findings)
{
	const CheckObject object = object_of(look);
	g_autofree char *words = words_after(look);

	check_add(findings, &object, severity_of(look), REASON_BLK_SHARED_MEMORY, NULL,
		  "it shares the memory '%s' with others on its node (role %s)%s",
		  or_what(part->name), part->type ? part->type : "peer", words);
}

static void judge_part(const CheckLook *look, const HyperPart *part, GPtrArray *findings)
{
	const CheckObject object = object_of(look);

	if (is_host_device(part))
		judge_host_device(look, part, findings);
	else if (part->kind == HYPER_PART_FILESYSTEM)
		judge_filesystem(look, part, findings);
	else if (part->kind == HYPER_PART_SHMEM)
		judge_shmem(look, part, findings);
	else if (part->kind == HYPER_PART_DISK && g_strcmp0(part->cache, "unsafe") == 0)
		check_add(findings, &object, CHECK_WARNING, REASON_CHK_DISK_CACHE, NULL,
			  "disk '%s' has cache='unsafe': what its guest has written may still be "
			  "only in the memory of its node when it starts elsewhere",
			  or_what(part->name));
}

/* ---- libvirt's word ------------------------------------------------------------------------- */

/* A refusal that has no name of its own is one of these, where there are any. */
static gboolean is_device_to_blame(const HyperPart *part)
{
	return (is_host_device(part) && !part->teaming) || part->kind == HYPER_PART_FILESYSTEM ||
	       (part->kind == HYPER_PART_SHMEM && g_strcmp0(part->type, "master") != 0);
}

static gboolean has_device_to_blame(const CheckLook *look)
{
	for (guint i = 0; i < look->source->parts->len; i++)
		if (is_device_to_blame(g_ptr_array_index(look->source->parts, i)))
			return TRUE;
	return FALSE;
}

/* Those that libvirt looks at: files that the guest writes to. */
static char *written_files(const CheckLook *look)
{
	g_autoptr(GString) names = g_string_new(NULL);

	for (guint i = 0; i < look->source->parts->len; i++) {
		const HyperPart *part = g_ptr_array_index(look->source->parts, i);
		g_autofree char *text = check_part_text(part);

		if (part->kind == HYPER_PART_DISK && !part->read_only && part->path &&
		    g_strcmp0(part->type, "block") != 0 && g_strcmp0(part->type, "network") != 0)
			g_string_append_printf(names, "%s%s", names->len ? ", " : "", text);
	}
	return g_strdup(names->len ? names->str : "a disk");
}

static void judge_refusal(const CheckLook *look, const HyperRefusal *refusal, GPtrArray *findings)
{
	const CheckObject object = object_of(look);
	g_autofree char *files = written_files(look);

	if (refusal->kind == HYPER_REFUSAL_UNSAFE && strstr(refusal->text, "cache"))
		check_add(findings, &object, CHECK_BLOCKS, REASON_CHK_DISK_CACHE, NULL,
			  "libvirt: %s", refusal->text);
	else if (refusal->kind == HYPER_REFUSAL_UNSAFE)
		check_add(findings, &object, CHECK_BLOCKS, REASON_BLK_LOCAL_DISK, FIX_SHARED,
			  "it writes to %s; libvirt: %s", files, refusal->text);
	else if (strstr(refusal->text, "block job"))
		check_add(findings, &object, CHECK_BLOCKS, REASON_PEND_VM_BUSY, NULL, "libvirt: %s",
			  refusal->text);
	else if (!has_device_to_blame(look))
		check_add(findings, &object, CHECK_BLOCKS, REASON_BLK_LIBVIRT, NULL, "libvirt: %s",
			  refusal->text);
}

/* The inventory's guess by the XML, where libvirt itself has been asked. */
static void drop_general(const CheckLook *look, GPtrArray *findings)
{
	for (guint i = findings->len; i > 0; i--) {
		const CheckFinding *finding = g_ptr_array_index(findings, i - 1);

		if (finding->code == REASON_BLK_LIBVIRT &&
		    g_strcmp0(finding->name, look->name) == 0 &&
		    g_strcmp0(finding->ns, look->ns) == 0)
			g_ptr_array_remove_index(findings, i - 1);
	}
}

static void judge_probe(const CheckLook *look, GPtrArray *findings)
{
	const CheckObject object = object_of(look);

	if (look->source->job && strcmp(look->source->job, "migration") != 0)
		check_add(findings, &object, CHECK_WARNING, REASON_PEND_VM_BUSY, NULL,
			  "libvirt has a job on it: %s", look->source->job);
	if (look->why_not_probed)
		check_add(findings, &object, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL,
			  "whether libvirt would let it go: %s", look->why_not_probed);
	if (is_refused(look))
		drop_general(look, findings);
	for (guint i = 0; look->refusals && i < look->refusals->len; i++)
		judge_refusal(look, g_ptr_array_index(look->refusals, i), findings);
}

static void judge_checkpoints(const CheckLook *look, GPtrArray *findings)
{
	const CheckObject object = object_of(look);
	const int n = look->source->checkpoints;

	if (n > 0)
		check_add(findings, &object, CHECK_WARNING, REASON_CHK_CHECKPOINTS, NULL,
			  "it has %d checkpoint%s, which libvirt forgets when it goes", n,
			  n == 1 ? "" : "s");
}

void check_look_judge(const CheckLook *look, GPtrArray *findings)
{
	const CheckObject object = object_of(look);

	if (!look->source) {
		check_add(findings, &object, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL,
			  "its disks and devices were not looked at: %s", or_what(look->why_not));
		return;
	}
	judge_probe(look, findings);
	judge_checkpoints(look, findings);
	for (guint i = 0; i < look->source->parts->len; i++)
		judge_part(look, g_ptr_array_index(look->source->parts, i), findings);
	check_look_places(look, findings);
}
