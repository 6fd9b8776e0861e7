/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared storage. A claim must be ReadWriteMany, a disk of a host must be marked as shared; what a
 * pod brings along (cloud-init, container disks, empty disks) is copied with the memory.
 */
#include "check/vm.h"

#include <string.h>

#define FIX_RWX                                                                                    \
	"move the volume to a storage class with ReadWriteMany while the VM runs "                 \
	"(updateVolumesStrategy: Migration, with a new claim), or clone it into such a claim"
#define FIX_HOST_DISK                                                                              \
	"put the disk on a claim with ReadWriteMany, or, where its folder is the same shared "     \
	"file system on all nodes, set hostDisk.shared: true"

/* Sources that are made anew for each pod. */
static const char *const copied_sources[] = {
	"containerDisk", "cloudInitNoCloud", "cloudInitConfigDrive",
	"emptyDisk",     "ephemeral",        "configMap",
	"secret",        "downwardAPI",      "serviceAccount",
	"sysprep",       "downwardMetrics",
};

static const cJSON *by_name(const cJSON *array, const char *key, const char *name)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, array)
	{
		if (g_strcmp0(json_string(item, key, NULL), name) == 0)
			return item;
	}
	return NULL;
}

static const char *claim_of(const cJSON *volume)
{
	const char *claim =
		json_string(json_get(volume, "persistentVolumeClaim"), "claimName", NULL);

	/* a DataVolume's claim has its name */
	return claim ? claim : json_string(json_get(volume, "dataVolume"), "name", NULL);
}

GPtrArray *check_claim_names(const cJSON *vmi)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	const cJSON *volume;

	cJSON_ArrayForEach(volume, json_path(vmi, "spec", "volumes", NULL))
	{
		const char *claim = claim_of(volume);

		if (claim && !g_ptr_array_find_with_equal_func(names, claim, g_str_equal, NULL))
			g_ptr_array_add(names, g_strdup(claim));
	}
	return names;
}

static unsigned modes_of(const CheckVm *vm, const char *volume, const CheckClaim *claim)
{
	const cJSON *status =
		by_name(json_path(vm->vmi, "status", "volumeStatus", NULL), "name", volume);
	unsigned modes = claim_modes_read(
		json_path(status, "persistentVolumeClaimInfo", "accessModes", NULL));

	return modes ? modes : claim ? claim->modes : 0;
}

static void judge_unknown_claim(const CheckVm *vm, const char *volume, const char *name)
{
	if (vm->claims)
		check_add(vm->findings, &vm->object, check_vm_severity(vm), REASON_BLK_RWX, NULL,
			  "volume '%s': there is no claim '%s/%s'", volume, vm->object.ns, name);
	else
		check_add(vm->findings, &vm->object, CHECK_NOTE, REASON_CHK_NOT_SEEN, NULL,
			  "volume '%s': the access mode of claim '%s/%s' could not be read", volume,
			  vm->object.ns, name);
}

static void judge_claim(const CheckVm *vm, const char *volume, const char *name)
{
	const CheckClaim *claim = check_claims_find(vm->claims, vm->object.ns, name);
	unsigned modes = modes_of(vm, volume, claim);
	g_autofree char *text = NULL;
	g_autofree char *storage_class = NULL;

	if (modes & CLAIM_RWX)
		return;
	if (by_name(json_path(vm->vmi, "status", "migratedVolumes", NULL), "volumeName", volume))
		return; /* it is copied to its new claim */
	if (modes == 0 && !claim) {
		judge_unknown_claim(vm, volume, name);
		return;
	}
	text = claim_modes_text(modes);
	storage_class = claim && claim->storage_class
				? g_strdup_printf(", storage class '%s'", claim->storage_class)
				: g_strdup("");
	check_add(vm->findings, &vm->object, check_vm_severity(vm), REASON_BLK_RWX, FIX_RWX,
		  "volume '%s': claim '%s/%s' is %s, not ReadWriteMany%s", volume, vm->object.ns,
		  name, text, storage_class);
}

static void judge_host_disk(const CheckVm *vm, const char *volume, const cJSON *host_disk)
{
	if (!json_bool(host_disk, "shared", FALSE))
		check_add(vm->findings, &vm->object, check_vm_severity(vm), REASON_BLK_LOCAL_DISK,
			  FIX_HOST_DISK, "volume '%s' is the file '%s' of its node", volume,
			  json_string(host_disk, "path", "?"));
}

static gboolean is_copied(const CheckVm *vm, const cJSON *volume)
{
	const cJSON *disks = json_path(vm->vmi, "spec", "domain", "devices", "disks", NULL);
	const cJSON *disk = by_name(disks, "name", json_string(volume, "name", ""));

	if (json_get(disk, "cdrom")) /* read-only: not copied */
		return FALSE;
	for (gsize i = 0; i < G_N_ELEMENTS(copied_sources); i++)
		if (json_get(volume, copied_sources[i]))
			return TRUE;
	return FALSE;
}

static void tell_copied(const CheckVm *vm)
{
	g_autoptr(GString) names = g_string_new(NULL);
	const cJSON *volume;

	cJSON_ArrayForEach(volume, json_path(vm->vmi, "spec", "volumes", NULL))
	{
		if (is_copied(vm, volume))
			g_string_append_printf(names, "%s'%s'", names->len ? ", " : "",
					       json_string(volume, "name", "?"));
	}
	if (names->len)
		check_add(vm->findings, &vm->object, CHECK_NOTE, REASON_CHK_DISKS_COPIED, NULL,
			  "copied with the memory: volume %s", names->str);
}

/* The lock of a reservation belongs to one node. */
static void judge_reservation(const CheckVm *vm)
{
	const cJSON *disk;

	cJSON_ArrayForEach(disk, json_path(vm->vmi, "spec", "domain", "devices", "disks", NULL))
	{
		if (json_bool(json_get(disk, "lun"), "reservation", FALSE))
			check_add(vm->findings, &vm->object, CHECK_WARNING, REASON_CHK_RESERVATION,
				  NULL, "disk '%s' is a LUN with persistent reservations",
				  json_string(disk, "name", "?"));
	}
}

void check_vm_storage(const CheckVm *vm)
{
	const cJSON *volume;

	cJSON_ArrayForEach(volume, json_path(vm->vmi, "spec", "volumes", NULL))
	{
		const char *name = json_string(volume, "name", "?");
		const char *claim = claim_of(volume);
		const cJSON *host_disk = json_get(volume, "hostDisk");

		if (claim)
			judge_claim(vm, name, claim);
		else if (host_disk)
			judge_host_disk(vm, name, host_disk);
	}
	judge_reservation(vm);
	tell_copied(vm);
}
