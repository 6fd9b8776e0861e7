/* SPDX-License-Identifier: Apache-2.0 */
/* Which VMs `kvmig migrate` is about, and in which order. */
#include "batch.h"

#include <string.h>

static void add_word(const Preflight *preflight, GPtrArray *items, const char *word)
{
	g_autoptr(GError) cause = NULL;
	cJSON *vmi = preflight_find_vm(preflight, word, &cause);
	BatchItem *item = batch_item_new(vmi ? object_namespace(vmi) : preflight->ns,
					 vmi ? object_name(vmi) : word, vmi);

	if (!vmi) {
		item->state = ITEM_REFUSED;
		item->error = g_steal_pointer(&cause);
	}
	g_ptr_array_add(items, item);
}

static gboolean has_item(const GPtrArray *items, const char *ns, const char *vm)
{
	for (guint i = 0; i < items->len; i++) {
		const BatchItem *item = g_ptr_array_index(items, i);

		if (strcmp(item->vm, vm) == 0 && g_strcmp0(item->ns, ns) == 0)
			return TRUE;
	}
	return FALSE;
}

/* Named twice, by name and by UUID too, it is one VM. */
static void drop_twins(GPtrArray *items)
{
	g_autoptr(GPtrArray) seen = g_ptr_array_new();

	for (guint i = 0; i < items->len;) {
		BatchItem *item = g_ptr_array_index(items, i);

		if (has_item(seen, item->ns, item->vm)) {
			g_ptr_array_remove_index(items, i);
			continue;
		}
		g_ptr_array_add(seen, item);
		i++;
	}
}

typedef struct {
	const MigrateValues *values;
	GPtrArray *items;
} Walk;

/* Those that run: the others cannot be meant where nobody named them. */
static gboolean take_vmi(const cJSON *object, gpointer data)
{
	const Walk *walk = data;
	cJSON *copy;
	Vmi vmi;

	vmi_read(object, &vmi);
	if (strcmp(vmi.phase, "Running") != 0 || object_is_deleting(object) ||
	    (walk->values->from && g_strcmp0(vmi.node_name, walk->values->from) != 0))
		return TRUE;
	copy = cJSON_Duplicate(object, TRUE);
	json_unset(json_get(copy, "metadata"), "managedFields");
	g_ptr_array_add(walk->items, batch_item_new(vmi.ns, vmi.name, copy));
	return TRUE;
}

static gboolean add_chosen(const Preflight *preflight, GPtrArray *items, GError **error)
{
	const MigrateValues *values = preflight->values;
	g_autoptr(Selector) selector = NULL;
	const Walk walk = { .values = values, .items = items };
	ClusterListOptions list = { .ns = preflight->ns };

	if (values->selector) {
		selector = selector_parse(values->selector, error);
		if (!selector) {
			error_prefix(error, "--selector");
			return error_usage(error);
		}
		list.selector = selector;
	}
	return cluster_each(preflight->context->cluster, &KIND_VMI, &list, take_vmi,
			    (gpointer)&walk, NULL, error);
}

/* ---- order ---------------------------------------------------------------------------------- */

static gint compare_names(gconstpointer a, gconstpointer b)
{
	const BatchItem *left = *(BatchItem *const *)a, *right = *(BatchItem *const *)b;
	int order = g_strcmp0(left->ns, right->ns);

	return order ? order : strcmp(left->vm, right->vm);
}

static gint compare_sizes(gconstpointer a, gconstpointer b)
{
	const BatchItem *left = *(BatchItem *const *)a, *right = *(BatchItem *const *)b;

	if (left->memory_bytes != right->memory_bytes)
		return left->memory_bytes < right->memory_bytes ? -1 : 1;
	return compare_names(a, b);
}

static gint compare_sizes_down(gconstpointer a, gconstpointer b)
{
	const BatchItem *left = *(BatchItem *const *)a, *right = *(BatchItem *const *)b;

	if (left->memory_bytes != right->memory_bytes)
		return left->memory_bytes > right->memory_bytes ? -1 : 1;
	return compare_names(a, b);
}

static void sort_items(GPtrArray *items, int order)
{
	static const GCompareFunc compare[] = {
		[ORDER_NAME] = compare_names,
		[ORDER_SMALLEST] = compare_sizes,
		[ORDER_LARGEST] = compare_sizes_down,
	};

	if (order != ORDER_GIVEN)
		g_ptr_array_sort(items, compare[order]);
}

GPtrArray *batch_select(const Preflight *preflight, GError **error)
{
	const CommandContext *context = preflight->context;
	const MigrateValues *values = preflight->values;
	g_autoptr(GPtrArray) items =
		g_ptr_array_new_with_free_func((GDestroyNotify)batch_item_free);

	for (guint i = 0; i < context->n_args; i++)
		add_word(preflight, items, context->args[i]);
	drop_twins(items);
	if ((values->selector || values->all) && !add_chosen(preflight, items, error))
		return NULL;
	sort_items(items, values->order);
	return g_steal_pointer(&items);
}
