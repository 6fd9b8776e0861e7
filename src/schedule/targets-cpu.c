/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Architecture, machine type, CPU: what the hypervisor on a host must be able to do. Labels decide
 * only where the host's own libvirt has not been asked; and of a VM whose CPU is that of its host,
 * which libvirt cannot compare.
 */
#include <string.h>

#include "model/wellknown.h"
#include "schedule/targets-private.h"

#define FEATURES_SHOWN 12

/* ---- versions -------------------------------------------------------------------------------- */

typedef struct {
	guint64 major, minor, micro;
} Version;

static const char *read_number(const char *text, guint64 *ret_number)
{
	char *end;

	if (!g_ascii_isdigit(*text))
		return NULL;
	*ret_number = g_ascii_strtoull(text, &end, 10);
	return end;
}

/* "7.2" or "9.0.0", with nothing behind it. */
static gboolean read_version(const char *text, Version *ret_version)
{
	Version version = { 0 };
	const char *at = text ? read_number(text, &version.major) : NULL;

	if (!at || *at != '.')
		return FALSE;
	at = read_number(at + 1, &version.minor);
	if (at && *at == '.')
		at = read_number(at + 1, &version.micro);
	if (!at || *at)
		return FALSE;
	*ret_version = version;
	return TRUE;
}

static gboolean is_older(const Version *left, const Version *right)
{
	if (left->major != right->major)
		return left->major < right->major;
	if (left->minor != right->minor)
		return left->minor < right->minor;
	return left->micro < right->micro;
}

/* QEMU's own machine types end in the version that brought them: pc-q35-7.2. Those of
 * distributions (pc-q35-rhel9.4.0) tell nothing of that kind. */
static gboolean machine_version(const char *machine, Version *ret_version)
{
	const char *dash = machine ? strrchr(machine, '-') : NULL;

	return dash && read_version(dash + 1, ret_version);
}

static gboolean text_is_older(const char *left, const char *right)
{
	Version a, b;

	return read_version(left, &a) && read_version(right, &b) && is_older(&a, &b);
}

static void compare_versions(const TargetSieve *sieve, const Host *host, Target *target)
{
	const Host *source = sieve->source;

	if (!source)
		return;
	if (text_is_older(host->hypervisor_version, source->hypervisor_version))
		target_remark(target, g_strdup_printf("QEMU %s, older than %s where the VM runs",
						      host->hypervisor_version,
						      source->hypervisor_version));
	if (text_is_older(host->libvirt_version, source->libvirt_version))
		target_remark(target,
			      g_strdup_printf("libvirt %s, older than %s where the VM runs",
					      host->libvirt_version, source->libvirt_version));
	target->older = text_is_older(host->hypervisor_version, source->hypervisor_version) ||
			text_is_older(host->libvirt_version, source->libvirt_version);
}

/* ---- the machine ----------------------------------------------------------------------------- */

static void check_machine(const TargetSieve *sieve, const Host *host, Target *target)
{
	const char *machine = sieve->question->vmi->machine_type;
	Version wanted, there;

	if (!machine)
		return;
	if (machine_version(machine, &wanted) && read_version(host->hypervisor_version, &there) &&
	    is_older(&there, &wanted)) {
		target_obstruct(target, REASON_TGT_VERSION,
				g_strdup_printf("its QEMU %s is older than the VM's machine %s",
						host->hypervisor_version, machine));
		return;
	}
	if (!target_is_judged(sieve, host) && target_label_with(host, LABEL_PREFIX_MACHINE_TYPE) &&
	    !target_label_is_true(host, LABEL_PREFIX_MACHINE_TYPE, machine))
		target_obstruct(target, REASON_TGT_MACHINE_TYPE,
				g_strdup_printf("its QEMU lacks machine type %s", machine))
			->subject = g_strdup(machine);
}

void target_check_platform(const TargetSieve *sieve, const Host *host, Target *target)
{
	const Vmi *vmi = sieve->question->vmi;

	if (vmi->arch && host->arch && strcmp(vmi->arch, host->arch) != 0)
		target_obstruct(target, REASON_TGT_ARCH,
				g_strdup_printf("is %s, the VM is %s", host->arch, vmi->arch));
	else if (vmi->arch && !host->arch && host->is_node)
		target_obstruct(target, REASON_TGT_ARCH,
				g_strdup_printf("lacks the label %s, which the VM's pod selects",
						LABEL_ARCH));
	if (g_strcmp0(vmi->virt_type, "kvm") == 0 && target_label_with(host, LABEL_VIRT_TYPE) &&
	    !target_label_is_true(host, LABEL_VIRT_TYPE, "kvm"))
		target_obstruct(target, REASON_TGT_VIRT_TYPE, g_strdup("has no KVM"));
	if (sieve->question->demand) /* has it among its labels */
		return;
	check_machine(sieve, host, target);
	compare_versions(sieve, host, target);
}

/* ---- the CPU --------------------------------------------------------------------------------- */

/* Features of the source's CPU that the other one, of the same model, lacks: hosts list what they
 * have beyond their model. */
static GPtrArray *missing_features(const Host *source, const Host *host)
{
	GPtrArray *missing = g_ptr_array_new_with_free_func(g_free);
	const cJSON *label;

	if (!target_label_with(host, LABEL_PREFIX_CPU_FEATURE))
		return missing;
	cJSON_ArrayForEach(label, source->labels)
	{
		const char *name = label->string;

		if (name && g_str_has_prefix(name, LABEL_PREFIX_CPU_FEATURE) &&
		    strcmp(json_string(host->labels, name, ""), "true") != 0)
			g_ptr_array_add(missing, g_strdup(name + strlen(LABEL_PREFIX_CPU_FEATURE)));
	}
	return missing;
}

static char *features_text(const GPtrArray *names)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < MIN(names->len, FEATURES_SHOWN); i++)
		g_string_append_printf(text, "%s%s", i ? ", " : "",
				       (const char *)g_ptr_array_index(names, i));
	if (names->len > FEATURES_SHOWN)
		g_string_append_printf(text, " and %u more", names->len - FEATURES_SHOWN);
	return g_string_free(g_steal_pointer(&text), FALSE);
}

void target_lacks_features(Target *target, GPtrArray *names, const char *whose)
{
	g_autofree char *text = NULL;
	TargetObstacle *obstacle;

	if (names->len == 0)
		return;
	text = features_text(names);
	obstacle = target_obstruct(target, REASON_TGT_CPU_FEATURE,
				   g_strdup_printf("CPU lacks %s%s", text, whose));
	obstacle->missing = g_new0(char *, names->len + 1);
	for (guint i = 0; i < names->len; i++)
		obstacle->missing[i] = g_strdup(g_ptr_array_index(names, i));
}

/* The guest sees its host's CPU as it is: the target must have the same one. */
static void check_passthrough(const TargetSieve *sieve, const Host *host, Target *target)
{
	const char *there = target_label_with(host, LABEL_PREFIX_HOST_MODEL_CPU);
	const char *here = target_label_with(sieve->source, LABEL_PREFIX_HOST_MODEL_CPU);
	g_autoptr(GPtrArray) missing = NULL;

	if (!here || !there)
		return;
	if (strcmp(here, there) != 0) {
		target_obstruct(target, REASON_TGT_CPU_MODEL,
				g_strdup_printf("CPU is %s, the VM uses its host's %s as it is",
						there, here))
			->subject = g_strdup(here);
		return;
	}
	missing = missing_features(sieve->source, host);
	target_lacks_features(target, missing, ", which the VM sees");
}

/* The guest sees the named model that its host was taken for: the target must offer that. */
static void check_host_model(const TargetSieve *sieve, const Host *host, Target *target)
{
	const char *there = target_label_with(host, LABEL_PREFIX_HOST_MODEL_CPU);
	const char *here = target_label_with(sieve->source, LABEL_PREFIX_HOST_MODEL_CPU);

	if (here && there && strcmp(here, there) != 0 &&
	    !target_label_is_true(host, LABEL_PREFIX_CPU_MODEL, here))
		target_obstruct(target, REASON_TGT_CPU_MODEL,
				g_strdup_printf("CPU is %s and cannot offer %s", there, here))
			->subject = g_strdup(here);
}

void target_check_cpu(const TargetSieve *sieve, const Host *host, Target *target)
{
	const Vmi *vmi = sieve->question->vmi;
	const char *model = vmi->cpu_model;

	/* An emulated CPU does not depend on the host's; the labels say what KVM can offer. */
	if (!model || g_strcmp0(vmi->virt_type, "qemu") == 0)
		return;
	if (strcmp(model, "host-passthrough") == 0) {
		if (sieve->source)
			check_passthrough(sieve, host, target);
		return;
	}
	if (target_is_judged(sieve, host) || sieve->question->demand)
		return;
	if (strcmp(model, "host-model") == 0) {
		if (sieve->source)
			check_host_model(sieve, host, target);
	} else if (target_label_with(host, LABEL_PREFIX_CPU_MODEL) &&
		   !target_label_is_true(host, LABEL_PREFIX_CPU_MODEL, model)) {
		target_obstruct(target, REASON_TGT_CPU_MODEL,
				g_strdup_printf("cannot offer CPU model %s", model))
			->subject = g_strdup(model);
	}
}
