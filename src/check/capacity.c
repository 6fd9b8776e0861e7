/* SPDX-License-Identifier: Apache-2.0 */
#include "check/capacity.h"

#include <string.h>

#include "check/pods-seen.h"
#include "model/host.h"
#include "model/quantity.h"
#include "model/wellknown.h"
#include "schedule/schedule.h"

/* ---- reading -------------------------------------------------------------------------------- */

static void node_free(gpointer data)
{
	CapacityNode *node = data;

	g_free(node->name);
	g_free(node->why_not);
	cJSON_Delete(node->taints);
	g_array_unref(node->vms);
	g_free(node);
}

void capacity_init(Capacity *capacity)
{
	*capacity = (Capacity){ .nodes = g_ptr_array_new_with_free_func(node_free),
				.by_name = g_hash_table_new(g_str_hash, g_str_equal),
				.pools = pools_new() };
}

void capacity_clear(Capacity *capacity)
{
	g_clear_pointer(&capacity->by_name, g_hash_table_unref);
	g_clear_pointer(&capacity->nodes, g_ptr_array_unref);
	g_clear_pointer(&capacity->pools, pools_free);
	g_clear_pointer(&capacity->parallel_why, g_free);
}

/* What anybody writes into objects must not wrap around. */
static gint64 add(gint64 a, gint64 b)
{
	return a > G_MAXINT64 - b ? G_MAXINT64 : a + b;
}

static gint64 bytes_of(const cJSON *value)
{
	g_autofree char *text = cJSON_IsString(value)   ? g_strdup(value->valuestring)
				: cJSON_IsNumber(value) ? json_number_text(value)
							: NULL;
	gint64 bytes = 0;

	if (!text || !quantity_parse(text, &bytes, NULL))
		return 0;
	return MAX(bytes, 0);
}

/* Taints that keep VMs away, until one there has shown that it tolerates them; NULL: none. */
static cJSON *repelling_taints(const Host *host)
{
	cJSON *repelling = NULL;
	const cJSON *taint;

	cJSON_ArrayForEach(taint, host->taints)
	{
		if (!schedule_repels(host, taint))
			continue;
		if (!repelling)
			repelling = cJSON_CreateArray();
		cJSON_AddItemToArray(repelling, cJSON_Duplicate(taint, TRUE));
	}
	return repelling;
}

/* That a VM is on the node proves nothing: most taints do not drive off those that are there, as
 * that of a drain, which is to keep others from coming. */
static gboolean tolerates_all(const cJSON *tolerations, const cJSON *taints)
{
	const cJSON *taint;

	cJSON_ArrayForEach(taint, taints)
	{
		if (!schedule_tolerates(tolerations, taint))
			return FALSE;
	}
	return TRUE;
}

/* A VM's own tolerations, or those of its pod, which admission may have added some to. */
static void see_tolerations(CapacityNode *node, const cJSON *object)
{
	if (node->taints && node->why_not &&
	    tolerates_all(json_path(object, "spec", "tolerations", NULL), node->taints))
		g_clear_pointer(&node->why_not, g_free);
}

static char *why_no_vms(const Host *host, gboolean is_host)
{
	const char *schedulable = object_label(host->object, LABEL_SCHEDULABLE);

	if (host->deleting)
		return g_strdup("is being removed");
	if (!host->ready)
		return g_strdup("not ready");
	if (host->unschedulable)
		return g_strdup("cordoned");
	if (!is_host && g_strcmp0(schedulable, "true") != 0)
		return g_strdup("KubeVirt puts no VMs there");
	return NULL;
}

void capacity_add_node(Capacity *capacity, const cJSON *object)
{
	const gboolean is_host = object_kind(object) == &KIND_HOST;
	CapacityNode *node;
	Host host;

	if (is_host)
		host_read(object, &host);
	else
		host_read_node(object, &host);
	if (!host.name || g_hash_table_contains(capacity->by_name, host.name))
		return;
	node = g_new0(CapacityNode, 1);
	node->name = g_strdup(host.name);
	node->why_not = why_no_vms(&host, is_host);
	if (!node->why_not)
		node->taints = repelling_taints(&host);
	if (node->taints)
		node->why_not = g_strdup_printf("tainted: %s",
						json_string(node->taints->child, "key", "?"));
	node->allocatable_bytes = host.memory_allocatable_bytes;
	node->available_bytes = is_host ? host.memory_available_bytes : -1;
	node->reserve_bytes = is_host ? schedule_host_reserve(&host) : 0;
	node->vms = g_array_new(FALSE, FALSE, sizeof(gint64));
	node->pool = pools_find(capacity->pools, host.labels);
	g_ptr_array_add(capacity->nodes, node);
	g_hash_table_insert(capacity->by_name, node->name, node);
}

gint64 capacity_vm_request(const cJSON *vmi)
{
	const cJSON *domain = json_path(vmi, "spec", "domain", NULL);
	gint64 bytes = bytes_of(json_path(domain, "resources", "requests", "memory", NULL));

	if (bytes == 0)
		bytes = bytes_of(json_path(domain, "memory", "guest", NULL));
	return bytes ? bytes : bytes_of(json_path(domain, "resources", "limits", "memory", NULL));
}

void capacity_add_vm(Capacity *capacity, const cJSON *vmi)
{
	const cJSON *status = json_get(vmi, "status");
	const char *name = json_string(status, "nodeName", NULL);
	const char *phase = json_string(status, "phase", "");
	CapacityNode *node = name ? g_hash_table_lookup(capacity->by_name, name) : NULL;
	gint64 bytes = capacity_vm_request(vmi);

	if (!node || strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)
		return;
	node->vm_bytes = add(node->vm_bytes, bytes);
	node->largest_bytes = MAX(node->largest_bytes, bytes);
	g_array_append_val(node->vms, bytes);
	see_tolerations(node, vmi);
}

static gint64 container_bytes(const cJSON *container)
{
	return bytes_of(json_path(container, "resources", "requests", "memory", NULL));
}

/* As Kubernetes counts: all containers at once, or the largest of those that run before them; or
 * what the pod as a whole asks for, where it does. */
static gint64 pod_bytes(const cJSON *spec)
{
	const cJSON *container;
	gint64 overhead = bytes_of(json_path(spec, "overhead", "memory", NULL));
	gint64 sum = 0, largest = 0;

	if (json_path(spec, "resources", "requests", "memory", NULL))
		return add(container_bytes(spec), overhead);

	cJSON_ArrayForEach(container, json_get(spec, "containers")) sum =
		add(sum, container_bytes(container));
	cJSON_ArrayForEach(container, json_get(spec, "initContainers"))
	{
		if (strcmp(json_string(container, "restartPolicy", ""), "Always") == 0)
			sum = add(sum, container_bytes(container)); /* stays: a sidecar */
		else
			largest = MAX(largest, container_bytes(container));
	}
	return add(MAX(sum, largest), overhead);
}

void capacity_add_pod(Capacity *capacity, const cJSON *pod)
{
	const cJSON *spec = json_get(pod, "spec");
	const char *phase = json_string(json_get(pod, "status"), "phase", "");
	const char *name = json_string(spec, "nodeName", NULL);
	CapacityNode *node = name ? g_hash_table_lookup(capacity->by_name, name) : NULL;

	capacity->pods_known = TRUE;
	if (!node || strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)
		return;
	node->requested_bytes = add(node->requested_bytes, pod_bytes(spec));
	if (pod_launches(pod))
		see_tolerations(node, pod);
}

/* ---- judging -------------------------------------------------------------------------------- */

static gint64 node_free_bytes(const CapacityNode *node)
{
	gint64 used = MAX(node->requested_bytes, node->vm_bytes);
	gint64 left = node->allocatable_bytes - MIN(used, node->allocatable_bytes);

	if (node->why_not)
		return 0;
	if (node->available_bytes >= 0)
		left = MIN(left, node->available_bytes);
	return MAX(left - node->reserve_bytes, 0);
}

static int by_name(gconstpointer a, gconstpointer b)
{
	return strcmp((*(const CapacityNode *const *)a)->name,
		      (*(const CapacityNode *const *)b)->name);
}

static int larger_first(gconstpointer a, gconstpointer b)
{
	gint64 left = *(const gint64 *)a, right = *(const gint64 *)b;

	return left > right ? -1 : left < right;
}

/* The largest VM first, each to the node that has most room: how many find none. */
static guint count_left(const Capacity *capacity, CapacityNode *drained)
{
	g_autoptr(GArray) rooms = g_array_new(FALSE, FALSE, sizeof(gint64));
	guint left = 0;

	for (guint i = 0; i < capacity->nodes->len; i++) {
		const CapacityNode *node = g_ptr_array_index(capacity->nodes, i);

		if (node == drained || node->free_bytes == 0)
			continue;
		g_array_append_val(rooms, node->free_bytes);
		drained->roomiest_bytes = MAX(drained->roomiest_bytes, node->free_bytes);
	}
	for (guint i = 0; i < drained->vms->len; i++) {
		gint64 need = g_array_index(drained->vms, gint64, i);
		gint64 *most = NULL;

		for (guint j = 0; j < rooms->len; j++) {
			gint64 *room = &g_array_index(rooms, gint64, j);

			most = !most || *room > *most ? room : most;
		}
		if (most && *most >= need)
			*most -= need;
		else
			left++;
	}
	return left;
}

static void choose_parallel(Capacity *capacity)
{
	for (guint i = 0; i < capacity->nodes->len; i++) {
		const CapacityNode *node = g_ptr_array_index(capacity->nodes, i);

		pools_count(capacity->pools, node->pool, node->vms->len > 0);
	}
	if (pools_any(capacity->pools)) {
		capacity->parallel = pools_parallel(capacity->pools, &capacity->parallel_why);
	} else if (capacity->drain_parallel > 0) {
		capacity->parallel = capacity->drain_parallel;
		capacity->parallel_why = g_strdup("--drain-parallel");
	} else {
		capacity->parallel = 1;
		capacity->parallel_why = g_strdup("by default: there is no MachineConfigPool to "
						  "be read, and no --drain-parallel");
	}
}

static gint64 times(gint64 bytes, guint n)
{
	return n > 0 && bytes > G_MAXINT64 / n ? G_MAXINT64 : bytes * n;
}

void capacity_judge(Capacity *capacity)
{
	g_ptr_array_sort(capacity->nodes, by_name);
	choose_parallel(capacity);
	for (guint i = 0; i < capacity->nodes->len; i++) {
		CapacityNode *node = g_ptr_array_index(capacity->nodes, i);

		node->free_bytes = node_free_bytes(node);
		capacity->spare_bytes = add(capacity->spare_bytes, node->free_bytes);
		if (node->vms->len > 0 &&
		    (!capacity->fullest || node->vm_bytes > capacity->fullest->vm_bytes))
			capacity->fullest = node;
	}
	for (guint i = 0; i < capacity->nodes->len; i++) {
		CapacityNode *node = g_ptr_array_index(capacity->nodes, i);

		g_array_sort(node->vms, larger_first);
		node->elsewhere_bytes = capacity->spare_bytes - node->free_bytes;
		node->left = count_left(capacity, node);
		capacity->not_drained += node->left > 0;
	}
	if (capacity->fullest)
		capacity->needed_bytes = times(capacity->fullest->vm_bytes, capacity->parallel);
	capacity->enough = capacity->spare_bytes >= capacity->needed_bytes;
}

/* ---- reporting ------------------------------------------------------------------------------ */

static void report_rule(const Capacity *capacity, GPtrArray *findings)
{
	const CheckObject cluster = { "cluster", NULL, NULL };
	g_autofree char *spare = quantity_human_bytes(capacity->spare_bytes);
	g_autofree char *needed = quantity_human_bytes(capacity->needed_bytes);
	g_autofree char *fullest = NULL;

	if (capacity->enough)
		return;
	fullest = quantity_human_bytes(capacity->fullest->vm_bytes);
	check_add(findings, &cluster, CHECK_BLOCKS, REASON_CHK_SPARE_MEMORY, NULL,
		  "%s are spare; to drain %u node%s at once (%s) takes %s: the VMs of node '%s' "
		  "request %s",
		  spare, capacity->parallel, capacity->parallel == 1 ? "" : "s",
		  capacity->parallel_why, needed, capacity->fullest->name, fullest);
}

/* The greedy packing proves that there is room, but that there is none only where that is plain. */
static void report_node(const Capacity *capacity, const CapacityNode *node, GPtrArray *findings)
{
	const CheckObject object = { "node", NULL, node->name };
	const gboolean certain = node->elsewhere_bytes < node->vm_bytes ||
				 node->roomiest_bytes < node->largest_bytes;
	g_autofree char *elsewhere = quantity_human_bytes(node->elsewhere_bytes);
	g_autofree char *largest = quantity_human_bytes(node->largest_bytes);
	g_autofree char *total = quantity_human_bytes(node->vm_bytes);

	if (node->left > 0)
		check_add(findings, &object, certain ? CHECK_BLOCKS : CHECK_WARNING,
			  REASON_CHK_NODE_MEMORY, NULL,
			  "%u of its %u VMs would find no room on the other nodes: they request "
			  "%s, the largest %s; %s are free elsewhere%s",
			  node->left, node->vms->len, total, largest, elsewhere,
			  capacity->enough ? "; the rule for the cluster holds all the same: it "
					     "adds up what is spare on all nodes, on this one too"
					   : "");
}

static void report_basis(const Capacity *capacity, GPtrArray *findings)
{
	const CheckObject cluster = { "cluster", NULL, NULL };
	const CapacityNode *first =
		capacity->nodes->len ? g_ptr_array_index(capacity->nodes, 0) : NULL;

	/* a host says itself what is free on it */
	if (!capacity->pods_known && first && first->available_bytes < 0)
		check_add(findings, &cluster, CHECK_NOTE, REASON_CHK_NOT_SEEN,
			  "ask for the right to list pods in all namespaces",
			  "the pods could not be listed: spare memory counts the VMs only");
}

void capacity_report(const Capacity *capacity, const char *only, GPtrArray *findings)
{
	if (!only)
		report_rule(capacity, findings);
	for (guint i = 0; i < capacity->nodes->len; i++) {
		const CapacityNode *node = g_ptr_array_index(capacity->nodes, i);

		if (!only || strcmp(node->name, only) == 0)
			report_node(capacity, node, findings);
	}
	report_basis(capacity, findings);
}
