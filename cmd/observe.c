/* SPDX-License-Identifier: Apache-2.0 */
#include "observe.h"

#include "base/reason.h"
#include "model/host.h"
#include "model/quantity.h"

#define FRESH_MS 5000u
#define HOST_TIMEOUT_MS 3000u

/* ---- looking -------------------------------------------------------------------------------- */

static void warn_about(const CommandContext *context, const cJSON *object, gint64 now_us)
{
	g_autofree char *age = NULL;
	Host host;

	host_read(object, &host);
	age = host.observed_us ? output_age(host.observed_us, now_us) : g_strdup("never");
	if (!host.ready)
		say_warning(context, "node '%s' does not answer: %s", host.name,
			    host.not_ready_reason ? host.not_ready_reason : "not asked yet");
	else if (now_us - host.observed_us > 2 * (gint64)FRESH_MS * 1000)
		say_warning(context, "node '%s' is shown as it was %s ago", host.name, age);
}

static gboolean warn_about_hosts(const CommandContext *context, const char *only, GError **error)
{
	g_autoptr(GPtrArray) hosts = cluster_list(context->cluster, &KIND_HOST, NULL, NULL, error);
	gint64 now_us = clock_unix_us(clock_real());

	if (!hosts)
		return FALSE;
	for (guint i = 0; i < hosts->len; i++) {
		const cJSON *host = g_ptr_array_index(hosts, i);

		if (!only || g_strcmp0(object_name(host), only) == 0)
			warn_about(context, host, now_us);
	}
	return TRUE;
}

gboolean observe_cluster(const CommandContext *context, GError **error)
{
	g_autoptr(Hyper) hyper = NULL;
	g_autoptr(Inventory) inventory = NULL;

	if (!cluster_caps(context->cluster)->kvmig_migrates)
		return TRUE;
	hyper = hyper_new(NULL, NULL, clock_real(), NULL, NULL);
	inventory = inventory_new(context->cluster, hyper, clock_real());
	return inventory_refresh_stale(inventory, FRESH_MS, HOST_TIMEOUT_MS, error) &&
	       warn_about_hosts(context, NULL, error);
}

gboolean observe_node(const CommandContext *context, const char *node, GError **error)
{
	g_autoptr(Hyper) hyper = hyper_new(NULL, NULL, clock_real(), NULL, NULL);
	g_autoptr(Inventory) inventory = inventory_new(context->cluster, hyper, clock_real());

	return inventory_look(inventory, node, HOST_TIMEOUT_MS, error) &&
	       warn_about_hosts(context, node, error);
}

static cJSON *look_again_for(const CommandContext *context, const char *word, GError **error)
{
	g_autoptr(Hyper) hyper = hyper_new(NULL, NULL, clock_real(), NULL, NULL);
	g_autoptr(Inventory) inventory = inventory_new(context->cluster, hyper, clock_real());

	if (!inventory_refresh_stale(inventory, 0, HOST_TIMEOUT_MS, error))
		return NULL;
	return inventory_find_vmi(context->cluster, context->ns, word, error);
}

/* Of a VirtualMachine that has no instance; NULL: there is none. */
static char *state_of_stopped(const CommandContext *context, const char *word)
{
	g_autoptr(cJSON) vm = NULL;

	if (!context->ns || !name_check_dns_subdomain(word, "VM", NULL))
		return NULL;
	vm = cluster_get(context->cluster, &KIND_VM, context->ns, word, NULL);
	return vm ? g_strdup(json_string(json_get(vm, "status"), "printableStatus", "Stopped"))
		  : NULL;
}

cJSON *observe_find_vmi_or_state(const CommandContext *context, const char *word, char **ret_state,
				 GError **error)
{
	g_autoptr(GError) cause = NULL;
	cJSON *vmi = inventory_find_vmi(context->cluster, context->ns, word, &cause);
	char *state = NULL;

	if (vmi)
		return vmi;
	if (error_code(cause) == KVMIG_ERROR_NOT_FOUND) {
		if (cluster_caps(context->cluster)->kvmig_migrates)
			return look_again_for(context, word, error);
		state = state_of_stopped(context, word);
	}
	if (state)
		*ret_state = state;
	else
		g_propagate_error(error, g_steal_pointer(&cause));
	return NULL;
}

cJSON *observe_find_vmi(const CommandContext *context, const char *word, GError **error)
{
	g_autofree char *state = NULL;
	cJSON *vmi = observe_find_vmi_or_state(context, word, &state, error);

	if (!state)
		return vmi;
	error_set(error, KVMIG_ERROR_NOT_FOUND, "VM '%s' in namespace '%s' is not running (%s)",
		  word, context->ns, state);
	error_reason(error, REASON_BLK_NOT_RUNNING);
	error_hint(error, "%s", reason_find(REASON_BLK_NOT_RUNNING)->hint);
	return NULL;
}

static void hint_near_nodes(Cluster *cluster, const char *name, GError **error)
{
	g_autoptr(GPtrArray) hosts = cluster_list(cluster, &KIND_HOST, NULL, NULL, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new();
	g_autofree char *near = NULL;

	for (guint i = 0; hosts && i < hosts->len; i++)
		g_ptr_array_add(names, (gpointer)object_name(g_ptr_array_index(hosts, i)));
	g_ptr_array_add(names, NULL);
	near = option_nearest(name, (const char *const *)names->pdata);
	if (near)
		error_hint(error, "did you mean %s?", near);
	else
		error_hint(error, "'kvmig node list' shows the nodes");
}

cJSON *observe_host(Cluster *cluster, const char *name, GError **error)
{
	g_autoptr(GError) local = NULL;
	cJSON *host = cluster_get(cluster, &KIND_HOST, NULL, name, &local);

	if (host)
		return host;
	if (error_code(local) != KVMIG_ERROR_NOT_FOUND &&
	    error_code(local) != KVMIG_ERROR_INVALID) {
		g_propagate_error(error, g_steal_pointer(&local));
		return NULL;
	}
	error_set(error, KVMIG_ERROR_NOT_FOUND, "there is no node '%s'", name);
	hint_near_nodes(cluster, name, error);
	return NULL;
}

/* ---- labels --------------------------------------------------------------------------------- */

static gboolean change_label(cJSON *object, const char *change, gboolean overwrite,
			     gboolean (*owned)(const char *key), GError **error)
{
	g_autofree char *key = NULL;
	g_autofree char *value = NULL;
	const char *old;

	if (!labels_parse_change(change, &key, &value, error))
		return error_usage(error);
	if (owned(key)) {
		error_set(error, KVMIG_ERROR_REFUSED,
			  "label '%s' is what kvmig reads from the host; it cannot be set", key);
		error_hint(error, "choose another key");
		return FALSE;
	}
	old = object_label(object, key);
	if (value && old && !g_str_equal(old, value) && !overwrite) {
		error_set(error, KVMIG_ERROR_CONFLICT, "'%s' already has the label %s=%s",
			  object_name(object), key, old);
		error_hint(error, "add --overwrite to change it");
		return FALSE;
	}
	object_set_label(object, key, value);
	return TRUE;
}

gboolean change_labels(cJSON *object, char *const *changes, gboolean overwrite,
		       gboolean (*owned)(const char *key), GError **error)
{
	for (; *changes; changes++) {
		if (!change_label(object, *changes, overwrite, owned, error))
			return FALSE;
	}
	return TRUE;
}

gboolean observe_carry_labels(const CommandContext *context, const cJSON *vmi, GError **error)
{
	const char *node = json_string(json_get(vmi, "status"), "nodeName", NULL);
	g_autoptr(cJSON) now = NULL;

	if (node && !observe_node(context, node, error))
		return FALSE;
	now = cluster_get(context->cluster, &KIND_VMI, object_namespace(vmi), object_name(vmi),
			  error);
	if (!now)
		return FALSE;
	if (!inventory_is_carried(now))
		say_warning(context,
			    "the labels of '%s' are stored, but not yet in the domain's own "
			    "metadata: its host does not take them now",
			    object_name(vmi));
	return TRUE;
}

/* ---- showing -------------------------------------------------------------------------------- */

void show_field(const CommandContext *context, const char *label, const char *value)
{
	g_autofree char *safe = output_escape(value && *value ? value : "-");
	g_autofree char *name = output_escape(label);
	g_autofree char *head = g_strconcat(name, g_str_equal(label, " ") ? "" : ":", NULL);

	(void)fprintf(context->output->stream, "%-19s %s\n", head, safe);
}

char *human_quantity(const char *quantity)
{
	gint64 bytes;

	if (!quantity || !quantity_parse(quantity, &bytes, NULL))
		return g_strdup("-");
	return quantity_human_bytes(bytes);
}

void show_labels(const CommandContext *context, const cJSON *object,
		 gboolean (*owned)(const char *key))
{
	const char *label = "Labels";
	const cJSON *item;

	cJSON_ArrayForEach(item, object_labels(object))
	{
		g_autofree char *text = NULL;

		if (owned(item->string) || !cJSON_IsString(item))
			continue;
		text = g_strdup_printf("%s=%s", item->string, item->valuestring);
		show_field(context, label, text);
		label = " ";
	}
	if (g_str_equal(label, "Labels"))
		show_field(context, label, NULL);
}

void show_conditions(const CommandContext *context, const cJSON *object)
{
	const cJSON *condition;

	cJSON_ArrayForEach(condition, json_path(object, "status", "conditions", NULL))
	{
		const char *reason = json_string(condition, "reason", "");
		const char *message = json_string(condition, "message", "");
		g_autofree char *text =
			g_strdup_printf("%s%s%s%s%s", json_string(condition, "status", "Unknown"),
					*reason ? ", " : "", reason, *message ? ": " : "", message);

		show_field(context, json_string(condition, "type", "?"), text);
	}
}

char *object_age(const cJSON *object)
{
	return output_age(object_created_us(object), clock_unix_us(clock_real()));
}
