/* SPDX-License-Identifier: Apache-2.0 */
#include "model/host.h"

#include "base/clock.h"
#include "model/resources.h"
#include "model/wellknown.h"

static const char *not_ready_words(const cJSON *object)
{
	const cJSON *condition = condition_find(object, "Ready");
	const char *words = json_string(condition, "message", NULL);

	if (!words)
		words = json_string(condition, "reason", NULL);
	if (!words)
		words = condition ? "it is not ready" : "nobody has looked at it yet";
	return words;
}

static gboolean is_unreachable(const cJSON *object)
{
	const cJSON *condition = condition_find(object, "Ready");
	const char *reason = json_string(condition, "reason", "");

	return g_str_equal(json_string(condition, "status", ""), "Unknown") ||
	       g_str_equal(reason, "HostUnreachable") || g_str_equal(reason, "HostTimeout");
}

/* What both kinds have. */
static Host read_common(const cJSON *object)
{
	const cJSON *spec = json_get(object, "spec");
	const cJSON *taints = json_get(spec, "taints");
	Host host = { .object = object };

	host.name = object_name(object);
	host.arch = object_label(object, LABEL_ARCH);
	host.labels = object_labels(object);
	host.taints = cJSON_IsArray(taints) ? taints : NULL;
	host.allocatable = json_path(object, "status", "allocatable", NULL);
	host.unschedulable = json_bool(spec, "unschedulable", FALSE);
	host.ready = condition_is_true(object, "Ready");
	host.not_ready_reason = host.ready ? NULL : not_ready_words(object);
	host.unreachable = !host.ready && is_unreachable(object);
	host.deleting = object_is_deleting(object);
	host.memory_allocatable_bytes = resources_read(host.allocatable, RESOURCE_MEMORY, 0);
	host.memory_available_bytes = -1;
	return host;
}

void host_read(const cJSON *object, Host *ret_host)
{
	const cJSON *spec = json_get(object, "spec");
	const cJSON *status = json_get(object, "status");
	const cJSON *info = json_get(status, "nodeInfo");
	const char *observed = json_string(status, "observedAt", NULL);
	Host host = read_common(object);

	host.uri = json_string(spec, "uri", NULL);
	host.peer_uri = json_string(spec, "peerURI", host.uri);
	host.migration_address = json_string(spec, "migrationAddress", NULL);
	host.host_uuid = json_string(status, "hostUUID", NULL);
	host.libvirt_version = json_string(info, "libvirtVersion", NULL);
	host.hypervisor_version = json_string(info, "hypervisorVersion", NULL);
	host.allow_tcp = json_bool(spec, "allowTCP", FALSE);
	host.memory_available_bytes = resources_read(status, "memoryAvailable", -1);
	if (!clock_parse_unix(observed, &host.observed_us))
		host.observed_us = 0;
	*ret_host = host;
}

void host_read_node(const cJSON *object, Host *ret_host)
{
	Host host = read_common(object);

	host.is_node = TRUE;
	*ret_host = host;
}

cJSON *host_object_new(const char *name, const char *uri, const char *peer_uri,
		       const char *migration_address, gboolean allow_tcp, const cJSON *labels)
{
	cJSON *object = object_new(&KIND_HOST, NULL, name);
	cJSON *spec = json_ensure_object(object, "spec");

	if (labels && labels->child)
		json_set(json_get(object, "metadata"), "labels", cJSON_Duplicate(labels, TRUE));
	json_set_string(spec, "uri", uri);
	json_set_string(spec, "peerURI", peer_uri);
	json_set_string(spec, "migrationAddress", migration_address);
	if (allow_tcp)
		json_set_bool(spec, "allowTCP", TRUE);
	return object;
}

const Host *host_find(const GPtrArray *hosts, const char *name)
{
	for (guint i = 0; i < hosts->len; i++) {
		const Host *host = g_ptr_array_index(hosts, i);

		if (g_strcmp0(host->name, name) == 0)
			return host;
	}
	return NULL;
}
