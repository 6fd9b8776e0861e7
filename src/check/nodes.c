/* SPDX-License-Identifier: Apache-2.0 */
#include "check/nodes.h"

#include <string.h>

#include "base/clock.h"
#include "model/host.h"
#include "model/wellknown.h"

/* The server's time has whole seconds, and a renewal takes its time to arrive. */
#define SKEW_MS 3000

typedef enum { UNKNOWN = -1, NO, YES } Known;

typedef struct {
	char *name;
	char *why_not_ready;     /* NULL: ready */
	char *qemu, *libvirt;    /* of a Host */
	char *kubelet, *handler; /* of a Node: version; image of virt-handler */
	char *cpu_model;         /* of the processor, where KubeVirt puts VMs there */
	gboolean offers_own;     /* ... and it offers that to VMs that come */
	gboolean is_host, cordoned;
	gboolean takes_none; /* KubeVirt's label says no, on a node that has it */
	Known host_model;    /* its CPU model is known, and current */
	Known certificates, userfaultfd, leases;
	gboolean has_skew;
	gint64 skew_ms;
} NodeFacts;

struct CheckNodes {
	GPtrArray *list;     /* of NodeFacts */
	GHashTable *by_name; /* borrowed */
	GHashTable *models;  /* CPU model -> number of nodes that offer it to VMs that come */
	guint with_vms;      /* nodes on which KubeVirt puts VMs */
};

static void facts_free(gpointer data)
{
	NodeFacts *facts = data;

	g_free(facts->name);
	g_free(facts->why_not_ready);
	g_free(facts->qemu);
	g_free(facts->libvirt);
	g_free(facts->kubelet);
	g_free(facts->handler);
	g_free(facts->cpu_model);
	g_free(facts);
}

CheckNodes *check_nodes_new(void)
{
	CheckNodes *nodes = g_new0(CheckNodes, 1);

	nodes->list = g_ptr_array_new_with_free_func(facts_free);
	nodes->by_name = g_hash_table_new(g_str_hash, g_str_equal);
	nodes->models = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return nodes;
}

void check_nodes_free(CheckNodes *nodes)
{
	if (!nodes)
		return;
	g_hash_table_unref(nodes->models);
	g_hash_table_unref(nodes->by_name);
	g_ptr_array_unref(nodes->list);
	g_free(nodes);
}

/* ---- reading -------------------------------------------------------------------------------- */

static Known known(const cJSON *object, const char *key)
{
	const cJSON *value = json_get(object, key);

	return !cJSON_IsBool(value) ? UNKNOWN : cJSON_IsTrue(value) ? YES : NO;
}

static void count_model(CheckNodes *nodes, const char *model)
{
	guint n = GPOINTER_TO_UINT(g_hash_table_lookup(nodes->models, model));

	g_hash_table_insert(nodes->models, g_strdup(model), GUINT_TO_POINTER(n + 1));
}

static void read_models(CheckNodes *nodes, NodeFacts *facts, const cJSON *labels)
{
	const cJSON *label;

	nodes->with_vms++;
	cJSON_ArrayForEach(label, labels)
	{
		const char *key = label->string;

		if (g_str_has_prefix(key, LABEL_PREFIX_HOST_MODEL_CPU) && !facts->cpu_model)
			facts->cpu_model = g_strdup(key + strlen(LABEL_PREFIX_HOST_MODEL_CPU));
		else if (g_str_has_prefix(key, LABEL_PREFIX_CPU_MODEL_MIGRATION))
			count_model(nodes, key + strlen(LABEL_PREFIX_CPU_MODEL_MIGRATION));
	}
	facts->host_model =
		facts->cpu_model && !json_get(labels, LABEL_OBSOLETE_HOST_MODEL) ? YES : NO;
	if (facts->cpu_model) {
		g_autofree char *own =
			g_strconcat(LABEL_PREFIX_CPU_MODEL_MIGRATION, facts->cpu_model, NULL);

		facts->offers_own = json_get(labels, own) != NULL;
	}
}

static void read_host(NodeFacts *facts, const cJSON *object)
{
	const cJSON *status = json_get(object, "status");
	const cJSON *info = json_get(status, "nodeInfo");

	facts->qemu = g_strdup(json_string(info, "hypervisorVersion", NULL));
	facts->libvirt = g_strdup(json_string(info, "libvirtVersion", NULL));
	facts->host_model = UNKNOWN;
	facts->certificates = known(json_get(status, "tls"), "migrationCertificates");
	facts->userfaultfd = known(json_get(status, "postCopy"), "userfaultfd");
	facts->leases = known(json_get(status, "diskLeases"), "configured");
}

static void read_node(CheckNodes *nodes, NodeFacts *facts, const cJSON *object)
{
	const char *schedulable = object_label(object, LABEL_SCHEDULABLE);
	const cJSON *info = json_path(object, "status", "nodeInfo", NULL);

	facts->takes_none = g_strcmp0(schedulable, "false") == 0;
	facts->certificates = facts->userfaultfd = facts->leases = facts->host_model = UNKNOWN;
	if (g_strcmp0(schedulable, "true") != 0)
		return;
	facts->kubelet = g_strdup(json_string(info, "kubeletVersion", NULL));
	read_models(nodes, facts, object_labels(object));
}

void check_nodes_add(CheckNodes *nodes, const cJSON *object)
{
	NodeFacts *facts;
	Host host;

	host_read(object, &host);
	if (!host.name || g_hash_table_contains(nodes->by_name, host.name))
		return;
	facts = g_new0(NodeFacts, 1);
	facts->name = g_strdup(host.name);
	facts->why_not_ready = g_strdup(host.not_ready_reason);
	facts->cordoned = host.unschedulable;
	facts->is_host = object_kind(object) == &KIND_HOST;
	if (facts->is_host)
		read_host(facts, object);
	else
		read_node(nodes, facts, object);
	g_ptr_array_add(nodes->list, facts);
	g_hash_table_insert(nodes->by_name, facts->name, facts);
}

gboolean check_lease_skew(const cJSON *lease, gint64 *ret_ms)
{
	const char *renewed = json_string(json_get(lease, "spec"), "renewTime", NULL);
	const cJSON *entry;
	gint64 by_node, by_server;

	if (!renewed || !clock_parse_unix(renewed, &by_node))
		return FALSE;
	cJSON_ArrayForEach(entry, json_path(lease, "metadata", "managedFields", NULL))
	{
		const char *time = json_string(entry, "time", NULL);
		const cJSON *spec = json_path(entry, "fieldsV1", "f:spec", NULL);

		if (!json_get(spec, "f:renewTime") || !time || !clock_parse_unix(time, &by_server))
			continue;
		*ret_ms = (by_node - by_server) / 1000;
		return TRUE;
	}
	return FALSE;
}

void check_nodes_add_lease(CheckNodes *nodes, const cJSON *lease)
{
	const char *name = object_name(lease);
	NodeFacts *facts = name ? g_hash_table_lookup(nodes->by_name, name) : NULL;

	if (facts)
		facts->has_skew = check_lease_skew(lease, &facts->skew_ms);
}

const char *check_nodes_qemu(const CheckNodes *nodes, const char *node)
{
	const NodeFacts *facts = node ? g_hash_table_lookup(nodes->by_name, node) : NULL;

	return facts ? facts->qemu : NULL;
}

const char *check_nodes_problem(const CheckNodes *nodes, const char *node)
{
	const NodeFacts *facts = node ? g_hash_table_lookup(nodes->by_name, node) : NULL;

	return facts ? facts->why_not_ready : NULL;
}

void check_nodes_add_pod(CheckNodes *nodes, const cJSON *pod)
{
	const cJSON *spec = json_get(pod, "spec");
	const cJSON *containers = json_get(spec, "containers");
	const char *node = json_string(spec, "nodeName", NULL);
	NodeFacts *facts;

	if (!node || g_strcmp0(object_label(pod, LABEL_KUBEVIRT), "virt-handler") != 0)
		return;
	facts = g_hash_table_lookup(nodes->by_name, node);
	if (facts && !facts->handler && cJSON_IsArray(containers))
		facts->handler = g_strdup(json_string(containers->child, "image", NULL));
}

/* ---- judging -------------------------------------------------------------------------------- */

/* A Node is kubectl's business: `kvmig node` is about the hosts that kvmig itself drives. */
static void judge_duty(const NodeFacts *facts, const CheckObject *object, GPtrArray *findings)
{
	const char *look = facts->is_host ? "look at 'kvmig node show NODE'"
					  : "'kubectl describe node NODE' tells more";
	const char *uncordon =
		facts->is_host ? "'kvmig node uncordon NODE'" : "'kubectl uncordon NODE'";

	if (facts->why_not_ready)
		check_add(findings, object, CHECK_WARNING, REASON_TGT_NOT_READY, look, "%s",
			  facts->why_not_ready);
	if (facts->cordoned)
		check_add(findings, object, CHECK_WARNING, REASON_TGT_CORDONED, uncordon,
			  "it is cordoned: no VM can go there");
	if (facts->takes_none && !facts->why_not_ready)
		check_add(findings, object, CHECK_WARNING, REASON_TGT_NOT_SCHEDULABLE, NULL,
			  "KubeVirt puts no VMs there: kubevirt.io/schedulable is false");
}

/* Where no node says what it offers the release is one that did not tell. */
static void judge_model(const CheckNodes *nodes, const NodeFacts *facts, const CheckObject *object,
			GPtrArray *findings)
{
	const char *model = facts->cpu_model;
	guint others = model ? GPOINTER_TO_UINT(g_hash_table_lookup(nodes->models, model)) : 0;

	others -= facts->offers_own ? 1 : 0;
	if (facts->host_model == NO && !model)
		check_add(findings, object, CHECK_WARNING, REASON_CHK_HOST_MODEL,
			  "look at the log of virt-handler there, which labels the node",
			  "KubeVirt does not know its CPU model");
	else if (facts->host_model == NO)
		check_add(findings, object, CHECK_WARNING, REASON_CHK_HOST_MODEL,
			  "restart the VMs with host-model on the node: they get the new model",
			  "KubeVirt holds its CPU model %s for obsolete: the processor, or its "
			  "microcode, is another one now",
			  model);
	else if (facts->host_model == YES && others == 0 && nodes->with_vms > 1 &&
		 g_hash_table_size(nodes->models) > 0)
		check_add(findings, object, CHECK_WARNING, REASON_CHK_HOST_MODEL, NULL,
			  "its CPU model is %s, and no other node offers that", model);
}

static void judge_clock(const NodeFacts *facts, const CheckObject *object, GPtrArray *findings)
{
	g_autofree char *seconds = NULL;

	if (!facts->has_skew || ABS(facts->skew_ms) <= SKEW_MS)
		return;
	seconds = g_strdup_printf("%.1f s", (double)ABS(facts->skew_ms) / 1000);
	check_add(findings, object, CHECK_WARNING, REASON_CHK_CLOCK_SKEW, NULL,
		  "its clock is about %s %s that of the API server", seconds,
		  facts->skew_ms > 0 ? "ahead of" : "behind");
}

static void judge_host(const NodeFacts *facts, const CheckObject *object, gboolean tls,
		       gboolean post_copy, GPtrArray *findings)
{
	if (tls && facts->certificates == NO)
		check_add(findings, object, CHECK_BLOCKS, REASON_BLK_TLS_CERTS, NULL,
			  "it lacks the certificates for encrypted migrations (/etc/pki/qemu)");
	if (facts->leases == NO)
		check_add(findings, object, CHECK_WARNING, REASON_CHK_DISK_LEASES, NULL,
			  "its qemu.conf has no lock_manager");
	if (post_copy && facts->userfaultfd == NO)
		check_add(findings, object, CHECK_WARNING, REASON_CHK_USERFAULTFD, NULL,
			  "vm.unprivileged_userfaultfd is 0 there");
}

static void append(GString *names, const char *name)
{
	g_string_append_printf(names, "%s'%s'", names->len ? ", " : "", name);
}

/* What libvirt does not tell from afar, in one finding for all. */
static void tell_unknown(const CheckNodes *nodes, const char *only, GPtrArray *findings)
{
	g_autoptr(GString) names = g_string_new(NULL);
	const CheckObject object = { "cluster", NULL, NULL };

	for (guint i = 0; i < nodes->list->len; i++) {
		const NodeFacts *facts = g_ptr_array_index(nodes->list, i);

		if (facts->is_host && (!only || strcmp(only, facts->name) == 0) &&
		    facts->leases == UNKNOWN)
			append(names, facts->name);
	}
	if (names->len)
		check_add(findings, &object, CHECK_NOTE, REASON_CHK_NOT_SEEN,
			  "on each of them, as kvmig runs nothing there: grep ^lock_manager "
			  "/etc/libvirt/qemu.conf; sysctl vm.unprivileged_userfaultfd; ls "
			  "/etc/pki/qemu; date -u",
			  "disk leases, userfaultfd and the clock cannot be seen through libvirt "
			  "on %s",
			  names->str);
}

/* ---- versions ------------------------------------------------------------------------------- */

#define NAMES_SHOWN 5

typedef struct {
	GString *names; /* the first few */
	guint n;
} Version;

static void version_free(gpointer data)
{
	Version *version = data;

	g_string_free(version->names, TRUE);
	g_free(version);
}

static void count_version(GHashTable *versions, const char *key, const char *node)
{
	Version *version = g_hash_table_lookup(versions, key);

	if (!version) {
		version = g_new0(Version, 1);
		version->names = g_string_new(NULL);
		g_hash_table_insert(versions, g_strdup(key), version);
	}
	if (version->n++ < NAMES_SHOWN)
		append(version->names, node);
}

static int by_text(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "QEMU 7.2.0, libvirt 9.0.0 on 'n1', 'n2'; QEMU 8.0.0 …": NULL where all are the same. */
static char *versions_text(GHashTable *versions)
{
	g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);
	GHashTableIter iter;
	gpointer key, value;

	if (g_hash_table_size(versions) < 2)
		return NULL;
	g_hash_table_iter_init(&iter, versions);
	while (g_hash_table_iter_next(&iter, &key, &value)) {
		const Version *version = value;

		if (version->n > NAMES_SHOWN)
			g_string_append_printf(version->names, " and %u more",
					       version->n - NAMES_SHOWN);
		g_ptr_array_add(texts,
				g_strdup_printf("%s on %s", (char *)key, version->names->str));
	}
	g_ptr_array_sort(texts, by_text);
	g_ptr_array_add(texts, NULL);
	return g_strjoinv("; ", (char **)texts->pdata);
}

typedef char *(*VersionOf)(const NodeFacts *facts);

static char *host_version(const NodeFacts *facts)
{
	return facts->qemu && facts->libvirt
		       ? g_strdup_printf("QEMU %s, libvirt %s", facts->qemu, facts->libvirt)
		       : NULL;
}

static char *kubelet_version(const NodeFacts *facts)
{
	return facts->kubelet ? g_strdup_printf("kubelet %s", facts->kubelet) : NULL;
}

static char *handler_version(const NodeFacts *facts)
{
	return facts->handler ? g_strdup_printf("virt-handler %s", facts->handler) : NULL;
}

static void compare_versions(const CheckNodes *nodes, VersionOf version_of, CheckSeverity severity,
			     const char *fix, GPtrArray *findings)
{
	g_autoptr(GHashTable) versions =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, version_free);
	const CheckObject object = { "cluster", NULL, NULL };
	g_autofree char *text = NULL;

	for (guint i = 0; i < nodes->list->len; i++) {
		const NodeFacts *facts = g_ptr_array_index(nodes->list, i);
		g_autofree char *version = version_of(facts);

		if (version)
			count_version(versions, version, facts->name);
	}
	text = versions_text(versions);
	if (text)
		check_add(findings, &object, severity, REASON_CHK_VERSIONS, fix, "%s", text);
}

static void judge_versions(const CheckNodes *nodes, GPtrArray *findings)
{
	compare_versions(nodes, host_version, CHECK_WARNING, NULL, findings);
	compare_versions(nodes, handler_version, CHECK_WARNING,
			 "wait until the update of KubeVirt has ended; if it does not, look at "
			 "'kubectl get kubevirt -A -o yaml'",
			 findings);
	compare_versions(nodes, kubelet_version, CHECK_NOTE,
			 "end the update of the nodes; migrations go on meanwhile", findings);
}

/* ---- all ------------------------------------------------------------------------------------ */

void check_nodes_judge(const CheckNodes *nodes, const char *only, gboolean tls, gboolean post_copy,
		       GPtrArray *findings)
{
	for (guint i = 0; i < nodes->list->len; i++) {
		const NodeFacts *facts = g_ptr_array_index(nodes->list, i);
		const CheckObject object = { "node", NULL, facts->name };

		if (only && strcmp(only, facts->name) != 0)
			continue;
		judge_duty(facts, &object, findings);
		judge_model(nodes, facts, &object, findings);
		judge_clock(facts, &object, findings);
		judge_host(facts, &object, tls, post_copy, findings);
	}
	tell_unknown(nodes, only, findings);
	if (!only)
		judge_versions(nodes, findings);
}
