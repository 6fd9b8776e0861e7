/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the pod of a VM will ask of a node, as KubeVirt renders it and admission adds to it. Of the
 * selector of the pod that runs the VM now only what KubeVirt puts in by itself is taken, and what
 * the namespace is known to ask for; what people asked for an earlier migration is there too, and
 * what the VM selected when that pod was made: both do not come again.
 */
#include <string.h>

#include "model/resources.h"
#include "model/wellknown.h"
#include "schedule/schedule.h"

#define CPU_ALLOCATION_RATIO 10     /* KubeVirt's default: thousandths asked for a vCPU: 100 */
#define EPHEMERAL_OVERHEAD 50000000 /* of KubeVirt itself */
#define RESOURCE_KVM "devices.kubevirt.io/kvm"

/* KubeVirt takes no model for this one when it looks for hosts, and not when it compares them. */
static gboolean is_host_model(const Vmi *vmi)
{
	return g_strcmp0(vmi->cpu_model, "host-model") == 0;
}

static const cJSON *domain_of(const Vmi *vmi)
{
	return json_path(vmi->object, "spec", "domain", NULL);
}

static void want(cJSON *labels, const char *prefix, const char *name)
{
	g_autofree char *key = g_strconcat(prefix, name, NULL);

	json_set_string(labels, key, "true");
}

static gboolean has_prefix(const cJSON *labels, const char *prefix)
{
	const cJSON *label;

	cJSON_ArrayForEach(label, labels) if (label->string &&
					      g_str_has_prefix(label->string, prefix)) return TRUE;
	return FALSE;
}

/* ---- labels: from the pod -------------------------------------------------------------------- */

/* Whether KubeVirt itself put the key into the pod's selector. */
static gboolean is_kubevirts(const char *key)
{
	static const char *const prefixes[] = {
		LABEL_PREFIX_CPU_MODEL,    LABEL_PREFIX_CPU_MODEL_MIGRATION,
		LABEL_PREFIX_CPU_FEATURE,  LABEL_PREFIX_CPU_VENDOR,
		LABEL_PREFIX_MACHINE_TYPE, "cpu-timer.node.kubevirt.io/",
		LABEL_PREFIX_HYPERV,       LABEL_PREFIX_SCHEDULING,
	};
	static const char *const keys[] = {
		LABEL_SCHEDULABLE,      "cpumanager",          "kubevirt.io/cpumanager",
		"kubevirt.io/realtime", "kubevirt.io/sev",     "kubevirt.io/sev-es",
		"kubevirt.io/sev-snp",  "kubevirt.io/s390-pv", "kubevirt.io/tdx",
	};

	for (gsize i = 0; i < G_N_ELEMENTS(prefixes); i++)
		if (g_str_has_prefix(key, prefixes[i]))
			return TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++)
		if (strcmp(key, keys[i]) == 0)
			return TRUE;
	return FALSE;
}

/* What else there is of it is judged elsewhere; but where an earlier migration, or a VM that may no
 * longer do so, asked for the node itself, that says nothing of the next one. */
static gboolean is_strange(const TargetDemand *demand, const char *key)
{
	return !json_get(demand->cluster_labels, key) && strcmp(key, LABEL_ARCH) != 0 &&
	       strcmp(key, LABEL_HOSTNAME) != 0;
}

static void labels_of_pod(TargetDemand *demand, const cJSON *pod, const Vmi *vmi)
{
	const cJSON *label;

	cJSON_ArrayForEach(label, json_path(pod, "spec", "nodeSelector", NULL))
	{
		const char *key = label->string;

		if (!key || !cJSON_IsString(label) || json_get(vmi->node_selector, key))
			continue;
		if (is_kubevirts(key))
			json_set_string(demand->labels, key, label->valuestring);
		else if (is_strange(demand, key))
			json_set_string(demand->strange, key, label->valuestring);
	}
}

/* What it asks of that key, as "zone=a, disk=ssd" does; NULL: nothing. */
static char *asked_for(const char *text, const char *key)
{
	g_auto(GStrv) terms = g_strsplit(text, ",", -1);

	for (gsize i = 0; terms[i]; i++) {
		char *value = strchr(terms[i], '=');

		if (!value)
			continue;
		*value++ = '\0';
		if (*value == '=')
			value++;
		if (strcmp(g_strstrip(terms[i]), key) == 0)
			return g_strdup(g_strstrip(value));
	}
	return NULL;
}

void target_demand_adopt(TargetDemand *demand, const cJSON *annotations)
{
	static const char *const keys[] = { ANNOTATION_PROJECT_SELECTOR,
					    ANNOTATION_NAMESPACE_SELECTOR };
	cJSON *label, *next;

	for (label = demand->strange->child; label; label = next) {
		next = label->next;
		for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
			g_autofree char *value = asked_for(json_string(annotations, keys[i], ""),
							   label->string);

			if (!value)
				continue;
			/* another one than the pod's was put there since: admission refuses both */
			json_set_string(demand->selector, label->string, value);
			cJSON_Delete(cJSON_DetachItemViaPointer(demand->strange, label));
			break;
		}
	}
}

/* ---- labels: worked out ---------------------------------------------------------------------- */

static gboolean is_required(const cJSON *feature)
{
	const char *policy = json_string(feature, "policy", "");

	return !*policy || strcmp(policy, "require") == 0;
}

static void labels_of_features(TargetDemand *demand, const Vmi *vmi)
{
	const cJSON *features = json_path(vmi->object, "spec", "domain", "cpu", "features", NULL);
	const cJSON *feature;

	cJSON_ArrayForEach(feature, features)
	{
		const char *name = json_string(feature, "name", "");

		if (vmi->cpu_model && is_required(feature))
			want(demand->labels, LABEL_PREFIX_CPU_FEATURE, name);
	}
}

static void want_true(TargetDemand *demand, const char *key)
{
	json_set_string(demand->labels, key, "true");
}

static void labels_of_security(TargetDemand *demand, const Vmi *vmi)
{
	const cJSON *security = json_get(domain_of(vmi), "launchSecurity");
	const cJSON *sev = json_get(security, "sev");

	if (!security)
		return;
	if (sev || json_get(security, "snp"))
		want_true(demand, "kubevirt.io/sev");
	if (json_bool(json_get(sev, "policy"), "encryptedState", FALSE))
		want_true(demand, "kubevirt.io/sev-es");
	if (json_get(security, "snp"))
		want_true(demand, "kubevirt.io/sev-snp");
	if (json_get(security, "tdx"))
		want_true(demand, "kubevirt.io/tdx");
	if (g_strcmp0(vmi->arch, "s390x") == 0)
		want_true(demand, "kubevirt.io/s390-pv");
}

static gboolean is_enabled(const cJSON *hyperv, const char *feature)
{
	return json_bool(json_get(hyperv, feature), "enabled", FALSE);
}

static gboolean has_gate(const cJSON *kubevirt, const char *gate)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, json_path(kubevirt, "spec", "configuration",
					   "developerConfiguration", "featureGates", NULL))
	{
		if (g_strcmp0(cJSON_GetStringValue(item), gate) == 0)
			return TRUE;
	}
	return FALSE;
}

/* Those that need something of the host's KVM; and only where the cluster asks for the check. */
static void labels_of_hyperv(TargetDemand *demand, const cJSON *hyperv, const cJSON *kubevirt)
{
	static const char *const names[] = { "vpindex",         "runtime",    "reset",
					     "synic",           "synictimer", "frequencies",
					     "reenlightenment", "tlbflush",   "ipi" };
	const cJSON *evmcs = json_get(hyperv, "evmcs");

	if (!has_gate(kubevirt, "HypervStrictCheck"))
		return;
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
		if (is_enabled(hyperv, names[i]))
			want(demand->labels, LABEL_PREFIX_HYPERV, names[i]);
	if (evmcs && json_bool(evmcs, "enabled", TRUE))
		want(demand->labels, LABEL_PREFIX_CPU_VENDOR, "Intel");
}

static gboolean has_invtsc(const Vmi *vmi)
{
	const cJSON *feature;

	cJSON_ArrayForEach(feature, json_path(domain_of(vmi), "cpu", "features", NULL))
	{
		const char *policy = json_string(feature, "policy", "");

		if (strcmp(json_string(feature, "name", ""), "invtsc") == 0 &&
		    (strcmp(policy, "require") == 0 || strcmp(policy, "force") == 0))
			return TRUE;
	}
	return FALSE;
}

static void labels_of_clock(TargetDemand *demand, const Vmi *vmi, const cJSON *hyperv)
{
	gint64 frequency = json_int(json_path(vmi->object, "status", "topologyHints", NULL),
				    "tscFrequency", 0);
	g_autofree char *key = g_strdup_printf(
		LABEL_PREFIX_SCHEDULING "tsc-frequency-%" G_GINT64_FORMAT, frequency);

	if (frequency > 0 && (has_invtsc(vmi) || is_enabled(hyperv, "reenlightenment")))
		want_true(demand, key);
}

static void labels_of_cpu(TargetDemand *demand, const Vmi *vmi, const Host *source)
{
	const cJSON *cpu = json_get(domain_of(vmi), "cpu");

	if (json_bool(cpu, "dedicatedCpuPlacement", FALSE))
		want_true(demand, source && json_get(source->labels, "cpumanager")
					  ? "cpumanager"
					  : "kubevirt.io/cpumanager");
	if (json_get(cpu, "realtime"))
		want_true(demand, "kubevirt.io/realtime");
	if (vmi->cpu_model && !is_host_model(vmi) &&
	    strcmp(vmi->cpu_model, "host-passthrough") != 0)
		want(demand->labels, LABEL_PREFIX_CPU_MODEL, vmi->cpu_model);
	labels_of_features(demand, vmi);
}

/* Older releases of KubeVirt label no machine types: then its pods do not ask for them. */
static void labels_of_vmi(TargetDemand *demand, const Vmi *vmi, const Host *source,
			  const cJSON *kubevirt)
{
	const cJSON *status = json_get(vmi->object, "status");
	const cJSON *hyperv = json_path(domain_of(vmi), "features", "hyperv", NULL);
	const char *machine = json_string(json_get(status, "machine"), "type", vmi->machine_type);

	want_true(demand, LABEL_SCHEDULABLE);
	labels_of_cpu(demand, vmi, source);
	if (machine && source && has_prefix(source->labels, LABEL_PREFIX_MACHINE_TYPE))
		want(demand->labels, LABEL_PREFIX_MACHINE_TYPE, machine);
	labels_of_security(demand, vmi);
	labels_of_hyperv(demand, hyperv, kubevirt);
	labels_of_clock(demand, vmi, hyperv);
}

/* ---- labels: of a migration ------------------------------------------------------------------ */

/* KubeVirt takes a pod that selects CPU features for one that a migration has made. That keeps what
 * the first host's model came to; so does, against all appearance, a VM of its host's model that
 * asks for features by name: the model is not compared then. */
static gboolean was_migrated(const cJSON *pod)
{
	const cJSON *selector = json_path(pod, "spec", "nodeSelector", NULL);

	return has_prefix(selector, LABEL_PREFIX_CPU_FEATURE) ||
	       has_prefix(selector, LABEL_PREFIX_CPU_MODEL_MIGRATION);
}

static void copy_renamed(TargetDemand *demand, const cJSON *label, const char *from, const char *to)
{
	g_autofree char *key = NULL;

	if (!label->string || !cJSON_IsString(label) || !g_str_has_prefix(label->string, from))
		return;
	key = g_strconcat(to, label->string + strlen(from), NULL);
	json_set_string(demand->labels, key, label->valuestring);
}

static void labels_of_host_model(TargetDemand *demand, const Host *source)
{
	const cJSON *label;

	/* KubeVirt loses the error of that since 1.6, and all these labels with it */
	demand->model_unknown = !has_prefix(source->labels, LABEL_PREFIX_HOST_MODEL_CPU);
	if (demand->model_unknown)
		return;
	cJSON_ArrayForEach(label, source->labels)
	{
		copy_renamed(demand, label, LABEL_PREFIX_HOST_MODEL_CPU,
			     LABEL_PREFIX_CPU_MODEL_MIGRATION);
		copy_renamed(demand, label, LABEL_PREFIX_REQUIRED_FEATURE,
			     LABEL_PREFIX_CPU_FEATURE);
	}
}

static void labels_of_migration(TargetDemand *demand, const Vmi *vmi, const cJSON *pod,
				const Host *source)
{
	const cJSON *label;

	if (!source)
		return;
	if (is_host_model(vmi) && !was_migrated(pod))
		labels_of_host_model(demand, source);
	if (has_prefix(demand->labels, LABEL_PREFIX_CPU_VENDOR) ||
	    has_prefix(vmi->node_selector, LABEL_PREFIX_CPU_VENDOR))
		return;
	cJSON_ArrayForEach(label, source->labels)
		copy_renamed(demand, label, LABEL_PREFIX_CPU_VENDOR, LABEL_PREFIX_CPU_VENDOR);
}

static void absent_labels(TargetDemand *demand, const Vmi *vmi)
{
	const cJSON *features = json_path(vmi->object, "spec", "domain", "cpu", "features", NULL);
	const cJSON *feature;

	if (!vmi->cpu_model || is_host_model(vmi))
		json_set_string(demand->absent_labels, LABEL_OBSOLETE_HOST_MODEL, "");
	cJSON_ArrayForEach(feature,
			   features) if (strcmp(json_string(feature, "policy", ""), "forbid") == 0)
		want(demand->absent_labels, LABEL_PREFIX_CPU_FEATURE,
		     json_string(feature, "name", ""));
}

/* ---- resources ------------------------------------------------------------------------------- */

static void resources_of_devices(TargetDemand *demand, const Vmi *vmi)
{
	static const char *const lists[] = { "gpus", "hostDevices" };
	const cJSON *device;

	for (gsize i = 0; i < G_N_ELEMENTS(lists); i++)
		cJSON_ArrayForEach(device,
				   json_path(vmi->object, "spec", "domain", "devices", lists[i],
					     NULL)) if (json_string(device, "deviceName", NULL))
			resources_add(demand->resources, json_string(device, "deviceName", NULL),
				      1);
}

static gint64 vcpus_of(const Vmi *vmi)
{
	const cJSON *cpu = json_path(vmi->object, "spec", "domain", "cpu", NULL);
	gint64 count = CLAMP(json_int(cpu, "cores", 1), 1, 4096) *
		       CLAMP(json_int(cpu, "sockets", 1), 1, 4096) *
		       CLAMP(json_int(cpu, "threads", 1), 1, 4096);

	return MIN(count, 65536);
}

static gint64 cpu_of(const Vmi *vmi, const cJSON *kubevirt)
{
	const cJSON *requests =
		json_path(vmi->object, "spec", "domain", "resources", "requests", NULL);
	const cJSON *cpu = json_path(vmi->object, "spec", "domain", "cpu", NULL);
	gint64 ratio = json_int(
		json_path(kubevirt, "spec", "configuration", "developerConfiguration", NULL),
		"cpuAllocationRatio", CPU_ALLOCATION_RATIO);
	gint64 whole = vcpus_of(vmi) * 1000;

	if (json_bool(cpu, "dedicatedCpuPlacement", FALSE))
		return whole;
	return resources_read(requests, RESOURCE_CPU, whole / MAX(ratio, 1));
}

/* What the VM's own requests name beside CPU and memory goes to the pod as it is. */
static void resources_of_requests(TargetDemand *demand, const Vmi *vmi)
{
	const cJSON *requests = json_path(domain_of(vmi), "resources", "requests", NULL);
	const cJSON *item;

	cJSON_ArrayForEach(item, requests)
	{
		const char *name = item->string;

		if (name && strcmp(name, RESOURCE_CPU) != 0 && strcmp(name, RESOURCE_MEMORY) != 0)
			resources_add(demand->resources, name, resources_read(requests, name, 0));
	}
	resources_add(demand->resources, RESOURCE_EPHEMERAL, EPHEMERAL_OVERHEAD);
}

static void resources_of_memory(TargetDemand *demand, const Vmi *vmi)
{
	const cJSON *memory = json_get(domain_of(vmi), "memory");
	const cJSON *requests = json_path(domain_of(vmi), "resources", "requests", NULL);
	const char *page = json_string(json_get(memory, "hugepages"), "pageSize", NULL);
	g_autofree char *huge = page ? g_strconcat(RESOURCE_PREFIX_HUGEPAGES, page, NULL) : NULL;

	resources_add(demand->resources, huge ? huge : RESOURCE_MEMORY,
		      huge ? vmi->memory_bytes
			   : resources_read(requests, RESOURCE_MEMORY, vmi->memory_bytes));
	/* newer releases write the overhead down */
	resources_add(demand->resources, RESOURCE_MEMORY,
		      resources_read(json_path(vmi->object, "status", "memory", NULL),
				     "memoryOverhead", 0));
}

static void resources_of_vmi(TargetDemand *demand, const Vmi *vmi, const cJSON *kubevirt)
{
	const cJSON *security = json_get(domain_of(vmi), "launchSecurity");
	const cJSON *developer =
		json_path(kubevirt, "spec", "configuration", "developerConfiguration", NULL);

	resources_of_memory(demand, vmi);
	resources_of_requests(demand, vmi);
	resources_add(demand->resources, RESOURCE_CPU, cpu_of(vmi, kubevirt));
	resources_add(demand->resources, RESOURCE_PODS, 1);
	if (!json_bool(developer, "useEmulation", FALSE))
		resources_add(demand->resources, RESOURCE_KVM, 1);
	if (json_get(security, "sev") || json_get(security, "snp"))
		resources_add(demand->resources, "devices.kubevirt.io/sev", 1);
	if (json_get(security, "tdx"))
		resources_add(demand->resources, "devices.kubevirt.io/tdx", 1);
	if (json_bool(json_get(domain_of(vmi), "devices"), "autoattachVSOCK", FALSE))
		resources_add(demand->resources, "devices.kubevirt.io/vhost-vsock", 1);
	resources_of_devices(demand, vmi);
}

/* Networks are handed to pods by device plugins: names with a slash that are neither KubeVirt's
 * own devices nor such as the VM names. */
static void find_networks(TargetDemand *demand, const Vmi *vmi)
{
	g_autoptr(TargetDemand) named = g_new0(TargetDemand, 1);
	GHashTableIter iter;
	gpointer name;

	named->resources = resources_new();
	resources_of_devices(named, vmi);
	resources_of_requests(named, vmi);
	g_hash_table_iter_init(&iter, demand->resources);
	while (g_hash_table_iter_next(&iter, &name, NULL))
		if (strchr(name, '/') && !g_str_has_prefix(name, "devices.kubevirt.io/") &&
		    !g_hash_table_contains(named->resources, name))
			g_hash_table_add(demand->networks, g_strdup(name));
}

/* ---- together -------------------------------------------------------------------------------- */

TargetDemand *target_demand_new(const Vmi *vmi, const cJSON *pod, const Host *source,
				const cJSON *kubevirt)
{
	TargetDemand *demand = g_new0(TargetDemand, 1);

	demand->labels = cJSON_CreateObject();
	demand->absent_labels = cJSON_CreateObject();
	demand->strange = cJSON_CreateObject();
	demand->selector = cJSON_CreateObject();
	demand->resources = resources_new();
	demand->networks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	demand->cluster_labels =
		cJSON_Duplicate(json_path(kubevirt, "spec", "configuration",
					  "developerConfiguration", "nodeSelectors", NULL),
				TRUE);
	demand->from_pod = pod != NULL;
	if (pod) {
		labels_of_pod(demand, pod, vmi);
		demand->tolerations =
			cJSON_Duplicate(json_path(pod, "spec", "tolerations", NULL), TRUE);
		resources_add_pod(demand->resources, pod);
	} else {
		labels_of_vmi(demand, vmi, source, kubevirt);
		resources_of_vmi(demand, vmi, kubevirt);
	}
	labels_of_migration(demand, vmi, pod, source);
	absent_labels(demand, vmi);
	find_networks(demand, vmi);
	return demand;
}

void target_demand_free(TargetDemand *demand)
{
	if (!demand)
		return;
	cJSON_Delete(demand->labels);
	cJSON_Delete(demand->absent_labels);
	cJSON_Delete(demand->cluster_labels);
	cJSON_Delete(demand->strange);
	cJSON_Delete(demand->selector);
	cJSON_Delete(demand->tolerations);
	g_clear_pointer(&demand->resources, g_hash_table_unref);
	g_clear_pointer(&demand->networks, g_hash_table_unref);
	g_free(demand);
}
