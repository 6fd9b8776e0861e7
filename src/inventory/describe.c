/* SPDX-License-Identifier: Apache-2.0 */
#include "inventory/describe.h"

#include <string.h>

#include "inventory/inventory.h"
#include "model/quantity.h"
#include "model/wellknown.h"

const char *describe_arch(const char *libvirt_arch)
{
	static const struct {
		const char *libvirt, *go;
	} names[] = {
		{ "x86_64", "amd64" },  { "aarch64", "arm64" },       { "i686", "386" },
		{ "armv7l", "arm" },    { "loongarch64", "loong64" }, { "mips64el", "mips64le" },
		{ "mipsel", "mipsle" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		if (g_strcmp0(libvirt_arch, names[i].libvirt) == 0)
			return names[i].go;
	}
	return libvirt_arch; /* s390x, ppc64le and riscv64 are the same in both */
}

char *describe_version(guint64 version)
{
	return g_strdup_printf("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT,
			       version / 1000000, version / 1000 % 1000, version % 1000);
}

/* ---- hosts ---------------------------------------------------------------------------------- */

gboolean inventory_owns_host_label(const char *key)
{
	static const char *const prefixes[] = { LABEL_PREFIX_CPU_MODEL, LABEL_PREFIX_CPU_FEATURE,
						LABEL_PREFIX_HOST_MODEL_CPU,
						LABEL_PREFIX_MACHINE_TYPE, LABEL_VIRT_TYPE };
	static const char *const keys[] = { LABEL_HOSTNAME, LABEL_ARCH, LABEL_SCHEDULABLE };

	for (gsize i = 0; i < G_N_ELEMENTS(prefixes); i++) {
		if (g_str_has_prefix(key, prefixes[i]))
			return TRUE;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		if (g_str_equal(key, keys[i]))
			return TRUE;
	}
	return FALSE;
}

static void drop_prefix(cJSON *object, const char *prefix)
{
	g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func(g_free);
	const cJSON *item;

	cJSON_ArrayForEach(item, object_labels(object))
	{
		if (g_str_has_prefix(item->string, prefix))
			g_ptr_array_add(keys, g_strdup(item->string));
	}
	for (guint i = 0; i < keys->len; i++)
		object_set_label(object, g_ptr_array_index(keys, i), NULL);
}

/* One label, where prefix and name make a legal key; libvirt's names nearly always do. */
static void add_flag_label(cJSON *object, const char *prefix, const char *name)
{
	g_autofree char *key = g_strconcat(prefix, name, NULL);

	if (name_check_label_key(key, NULL))
		object_set_label(object, key, "true");
}

/* Replaces all labels of the prefix by the names. NULL: libvirt could not tell now, so that what
 * it told last stays. */
static void set_labels(cJSON *object, const char *prefix, GStrv names)
{
	if (!names)
		return;
	drop_prefix(object, prefix);
	for (guint i = 0; names[i]; i++)
		add_flag_label(object, prefix, names[i]);
}

static void host_labels(cJSON *host, const HyperHostInfo *info)
{
	char *host_model[] = { info->cpu_model, NULL };

	set_labels(host, LABEL_PREFIX_CPU_MODEL, info->usable_cpu_models);
	set_labels(host, LABEL_PREFIX_CPU_FEATURE, info->cpu_features);
	set_labels(host, LABEL_PREFIX_MACHINE_TYPE, info->machine_types);
	set_labels(host, LABEL_PREFIX_HOST_MODEL_CPU, host_model);
	drop_prefix(host, LABEL_VIRT_TYPE);
	add_flag_label(host, LABEL_VIRT_TYPE, "qemu");
	if (info->kvm)
		add_flag_label(host, LABEL_VIRT_TYPE, "kvm");
	object_set_label(host, LABEL_HOSTNAME, object_name(host));
	object_set_label(host, LABEL_ARCH, describe_arch(info->arch));
	object_set_label(host, LABEL_SCHEDULABLE, "true");
}

static void set_version(cJSON *node_info, const char *key, guint64 version)
{
	g_autofree char *text = version ? describe_version(version) : NULL;

	json_set_string(node_info, key, text);
}

static char *utf8(const char *text)
{
	return text ? g_utf8_make_valid(text, -1) : NULL;
}

static void host_capacity(cJSON *status, const char *key, const HyperHostInfo *info)
{
	cJSON *map = json_ensure_object(status, key);
	g_autofree char *memory = quantity_format(info->memory_total_bytes);
	g_autofree char *cpu = g_strdup_printf("%u", info->cpus);

	json_set_string(map, "memory", memory);
	json_set_string(map, "cpu", cpu);
}

/* 1 yes, 0 no, -1 not known: then it is left out. */
static void set_fact(cJSON *status, const char *key, const char *name, int fact)
{
	if (fact < 0)
		json_unset(status, key);
	else
		json_set_bool(json_ensure_object(status, key), name, fact > 0);
}

void describe_host(cJSON *host, const HyperHostInfo *info, gint64 now_us)
{
	cJSON *status = json_ensure_object(host, "status");
	cJSON *node_info = json_ensure_object(status, "nodeInfo");
	g_autofree char *available = quantity_format(info->memory_available_bytes);
	g_autofree char *hostname = utf8(info->hostname);

	host_labels(host, info);
	json_set_string(status, "hostUUID", info->uuid);
	set_version(node_info, "libvirtVersion", info->libvirt_version);
	set_version(node_info, "hypervisorVersion", info->hypervisor_version);
	json_set_string(node_info, "architecture", describe_arch(info->arch));
	json_set_string(node_info, "hostname", hostname);
	json_set_string(node_info, "cpuModel", info->cpu_model);
	host_capacity(status, "capacity", info);
	host_capacity(status, "allocatable", info);
	json_set_string(status, "memoryAvailable",
			info->memory_available_bytes < 0 ? NULL : available);
	set_fact(status, "tls", "migrationCertificates", info->migration_certificates);
	set_fact(status, "diskLeases", "configured", info->disk_leases);
	set_fact(status, "postCopy", "userfaultfd", info->userfaultfd);
	condition_set(host, CONDITION_READY, TRUE, "HostAnswers", "libvirt answers", now_us);
}

void describe_host_failure(cJSON *host, const GError *error, gint64 now_us)
{
	const char *reason = "HostFailed";

	switch (error_code(error)) {
	case KVMIG_ERROR_UNREACHABLE:
		reason = "HostUnreachable";
		break;
	case KVMIG_ERROR_TIMEOUT:
		reason = "HostTimeout";
		break;
	case KVMIG_ERROR_FORBIDDEN:
		reason = "HostForbidden";
		break;
	case KVMIG_ERROR_REFUSED:
	case KVMIG_ERROR_INVALID:
		reason = "InvalidURI";
		break;
	case KVMIG_ERROR_UNSUPPORTED:
		reason = "DriverMissing";
		break;
	default:
		break;
	}
	condition_set(host, CONDITION_READY, FALSE, reason, error->message, now_us);
	object_set_label(host, LABEL_SCHEDULABLE, "false");
}

/* ---- domains -------------------------------------------------------------------------------- */

static const char *cpu_model(const HyperDomain *domain)
{
	if (domain->cpu_mode && g_str_has_prefix(domain->cpu_mode, "host-"))
		return domain->cpu_mode;
	return domain->cpu_model;
}

void describe_domain(cJSON *vmi, const HyperDomain *domain)
{
	cJSON *spec = json_ensure_object(vmi, "spec");
	cJSON *status = json_ensure_object(vmi, "status");
	cJSON *hardware = json_ensure_object(spec, "domain");
	cJSON *cpu = json_ensure_object(hardware, "cpu");
	g_autofree char *guest = quantity_format(domain->memory_bytes);
	g_autofree char *raw = utf8(domain->name);

	object_set_annotation(vmi, ANNOTATION_DOMAIN_NAME, raw);
	object_set_label(vmi, LABEL_DOMAIN_UUID, domain->uuid);
	json_set_string(spec, "architecture", describe_arch(domain->arch));
	json_set_string(json_ensure_object(hardware, "memory"), "guest", guest);
	json_set_int(cpu, "cores", domain->vcpus);
	json_set_string(cpu, "model", cpu_model(domain));
	json_set_string(json_ensure_object(hardware, "machine"), "type", domain->machine_type);
	json_set_string(status, "domainUUID", domain->uuid);
	json_set_string(status, "virtType", domain->virt_type);
	json_set_string(status, "migrationMethod", "LiveMigration");
}

/* KubeVirt's reason for libvirt's words. The words are shown beside it in any case. */
static const char *migratable_reason(const char *words)
{
	static const struct {
		const char *word, *reason;
	} table[] = {
		{ "virtiofs", "VirtIOFSNotLiveMigratable" },
		{ "filesystem", "VirtIOFSNotLiveMigratable" },
		{ "host device", "HostDeviceNotLiveMigratable" },
		{ "hostdev", "HostDeviceNotLiveMigratable" },
		{ "mdev", "HostDeviceNotLiveMigratable" },
		{ "vfio", "HostDeviceNotLiveMigratable" },
		{ "launch security", "SEVNotLiveMigratable" },
		{ "launchsecurity", "SEVNotLiveMigratable" },
		{ "tsc", "NoTSCFrequencyNotLiveMigratable" },
		{ "persistent reservation", "PersistentReservationNotLiveMigratable" },
		{ "disk", "DisksNotLiveMigratable" },
		{ "storage", "DisksNotLiveMigratable" },
		{ "interface", "InterfaceNotLiveMigratable" },
	};
	g_autofree char *lower = g_ascii_strdown(words, -1);

	for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
		if (strstr(lower, table[i].word))
			return table[i].reason;
	}
	return "NotMigratable";
}

void describe_migratable(cJSON *vmi, const HyperDomain *domain, gint64 now_us)
{
	if (domain->state != HYPER_DOMAIN_RUNNING && domain->state != HYPER_DOMAIN_PAUSED) {
		condition_set(vmi, CONDITION_LIVE_MIGRATABLE, FALSE, "NotRunning",
			      "the VM is not running, so there is nothing to migrate live", now_us);
	} else if (domain->not_migratable) {
		g_autofree char *words = utf8(domain->not_migratable);

		condition_set(vmi, CONDITION_LIVE_MIGRATABLE, FALSE, migratable_reason(words),
			      words, now_us);
	} else {
		condition_set(vmi, CONDITION_LIVE_MIGRATABLE, TRUE, NULL, NULL, now_us);
	}
}

const char *describe_phase(HyperDomainState state)
{
	switch (state) {
	case HYPER_DOMAIN_RUNNING:
	case HYPER_DOMAIN_PAUSED:
		return "Running";
	case HYPER_DOMAIN_SHUTOFF:
		return "Succeeded";
	case HYPER_DOMAIN_CRASHED:
		return "Failed";
	case HYPER_DOMAIN_NONE:
	case HYPER_DOMAIN_OTHER:
		break;
	}
	return "Unknown";
}

HyperDomainState describe_state_from_string(const char *text)
{
	for (int state = HYPER_DOMAIN_NONE; state < HYPER_DOMAIN_OTHER; state++) {
		if (g_strcmp0(text, hyper_domain_state_to_string((HyperDomainState)state)) == 0)
			return (HyperDomainState)state;
	}
	return HYPER_DOMAIN_OTHER;
}
