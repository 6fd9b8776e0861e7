/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The labels that KubeVirt's pod selects by itself. There may be a hundred of them, and as many on
 * each of thousands of nodes: the node's labels are walked through once.
 */
#include <string.h>

#include "model/wellknown.h"
#include "schedule/targets-private.h"

/* What a missing label means. CPU features are gathered into one obstacle. */
static const char *label_reason(const char *key)
{
	static const struct {
		const char *prefix, *reason;
	} families[] = {
		{ LABEL_PREFIX_CPU_FEATURE, REASON_TGT_CPU_FEATURE },
		{ LABEL_PREFIX_CPU_MODEL, REASON_TGT_CPU_MODEL },
		{ LABEL_PREFIX_CPU_MODEL_MIGRATION, REASON_TGT_CPU_MODEL },
		{ LABEL_PREFIX_CPU_VENDOR, REASON_TGT_CPU_MODEL },
		{ LABEL_PREFIX_MACHINE_TYPE, REASON_TGT_MACHINE_TYPE },
		{ LABEL_SCHEDULABLE, REASON_TGT_NOT_SCHEDULABLE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(families); i++)
		if (g_str_has_prefix(key, families[i].prefix))
			return families[i].reason;
	return REASON_TGT_CAPABILITY;
}

static const char *rest(const char *key)
{
	const char *slash = strchr(key, '/');

	return slash ? slash + 1 : key;
}

static char *schedulable_words(const char *there)
{
	if (!there)
		return g_strdup("not schedulable for VMs: KubeVirt has not labelled it with "
				"kubevirt.io/schedulable");
	return g_strdup_printf("not schedulable for VMs: kubevirt.io/schedulable=%s, its "
			       "virt-handler does not report",
			       there);
}

/* What virt-handler and the kubelet found out about a node, and what it means. */
static char *capability_words(const char *key)
{
	static const struct {
		const char *key, *words;
	} known[] = {
		{ "cpumanager", "cannot give CPUs to one VM alone: its CPU manager is off" },
		{ "kubevirt.io/cpumanager",
		  "cannot give CPUs to one VM alone: its CPU manager is off" },
		{ "kubevirt.io/realtime", "is not set up for realtime" },
		{ "kubevirt.io/sev", "has no SEV" },
		{ "kubevirt.io/sev-es", "has no SEV-ES" },
		{ "kubevirt.io/sev-snp", "has no SEV-SNP" },
		{ "kubevirt.io/tdx", "has no TDX" },
		{ "kubevirt.io/s390-pv", "has no Secure Execution" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(known); i++)
		if (strcmp(key, known[i].key) == 0)
			return g_strdup_printf("%s (%s)", known[i].words, key);
	if (g_str_has_prefix(key, LABEL_PREFIX_HYPERV))
		return g_strdup_printf("its KVM lacks Hyper-V's %s (%s)", rest(key), key);
	if (g_str_has_prefix(key, LABEL_PREFIX_SCHEDULING "tsc-frequency-"))
		return g_strdup_printf("cannot keep the VM's TSC at %s Hz (%s)",
				       strrchr(key, '-') + 1, key);
	return g_strdup_printf("lacks %s, which the VM needs", key);
}

static char *label_words(const Host *host, const char *key, const char *there)
{
	const char *model = target_label_with(host, LABEL_PREFIX_HOST_MODEL_CPU);
	const char *name = rest(key);

	if (g_str_has_prefix(key, LABEL_SCHEDULABLE))
		return schedulable_words(there);
	if (g_str_has_prefix(key, LABEL_PREFIX_MACHINE_TYPE))
		return g_strdup_printf("its QEMU lacks machine type %s", name);
	if (g_str_has_prefix(key, LABEL_PREFIX_CPU_VENDOR))
		return g_strdup_printf("CPU is not of %s", name);
	if (g_str_has_prefix(key, LABEL_PREFIX_CPU_MODEL) && !model)
		return g_strdup_printf("cannot offer CPU model %s", name);
	if (g_str_has_prefix(key, LABEL_PREFIX_CPU_MODEL) ||
	    g_str_has_prefix(key, LABEL_PREFIX_CPU_MODEL_MIGRATION))
		return g_strdup_printf("CPU is %s and cannot offer %s", model ? model : "not known",
				       name);
	return capability_words(key);
}

/* One flag for each wanted label, by its place: the node has it with the right value. */
static guint8 *find_wanted(const TargetSieve *sieve, const Host *host)
{
	guint8 *met = g_new0(guint8, sieve->wanted_items->len + 1);
	const cJSON *label;

	cJSON_ArrayForEach(label, host->labels)
	{
		guint place = GPOINTER_TO_UINT(
			label->string ? g_hash_table_lookup(sieve->wanted, label->string) : NULL);
		const cJSON *wanted;

		if (place == 0 || !cJSON_IsString(label))
			continue;
		wanted = g_ptr_array_index(sieve->wanted_items, place - 1);
		met[place - 1] = cJSON_IsString(wanted) &&
				 strcmp(wanted->valuestring, label->valuestring) == 0;
	}
	return met;
}

static void lack(const Host *host, const cJSON *wanted, GPtrArray *features, Target *target)
{
	const char *key = wanted->string, *reason = label_reason(key);
	const char *there = json_string(host->labels, key, NULL);

	if (reason == REASON_TGT_CPU_FEATURE)
		g_ptr_array_add(features, (gpointer)rest(key));
	else
		target_obstruct(target, reason, label_words(host, key, there))->subject =
			g_strdup(key);
}

static void check_wanted(const TargetSieve *sieve, const Host *host, Target *target)
{
	g_autofree guint8 *met = find_wanted(sieve, host);
	g_autoptr(GPtrArray) features = g_ptr_array_new();

	for (guint i = 0; i < sieve->wanted_items->len; i++)
		if (!met[i])
			lack(host, g_ptr_array_index(sieve->wanted_items, i), features, target);
	target_lacks_features(target, features, ", which the VM uses");
}

static void check_absent(const TargetDemand *demand, const Host *host, Target *target)
{
	const cJSON *unwanted;

	cJSON_ArrayForEach(unwanted, demand->absent_labels)
	{
		const char *key = unwanted->string;
		gboolean feature = g_str_has_prefix(key, LABEL_PREFIX_CPU_FEATURE);
		TargetObstacle *obstacle;

		if (!json_get(host->labels, key))
			continue;
		if (feature)
			obstacle = target_obstruct(
				target, REASON_TGT_CPU_FEATURE,
				g_strdup_printf("CPU has %s, which the VM forbids", rest(key)));
		else
			obstacle = target_obstruct(target, REASON_TGT_CPU_MODEL,
						   g_strdup_printf("is labelled %s", key));
		obstacle->subject = g_strdup(key);
	}
}

void target_check_demand(const TargetSieve *sieve, const Host *host, Target *target)
{
	if (!sieve->question->demand)
		return;
	check_wanted(sieve, host, target);
	check_absent(sieve->question->demand, host, target);
}
