/* SPDX-License-Identifier: Apache-2.0 */
#include "model/host.h"

#include "base/clock.h"
#include "model/quantity.h"
#include "model/wellknown.h"

/* A quantity as a string or a bare number; the fallback where it is neither. */
static gint64 read_quantity(const cJSON *map, const char *key, gint64 fallback)
{
	const char *text = json_string(map, key, NULL);
	gint64 value;

	if (text)
		return quantity_parse(text, &value, NULL) && value >= 0 ? value : fallback;
	value = json_int(map, key, fallback);
	return value >= 0 ? value : fallback;
}

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

void host_read(const cJSON *object, Host *ret_host)
{
	const cJSON *spec = json_get(object, "spec");
	const cJSON *status = json_get(object, "status");
	const cJSON *taints = json_get(spec, "taints");
	const char *observed = json_string(status, "observedAt", NULL);
	Host host = { .object = object };

	host.name = object_name(object);
	host.uri = json_string(spec, "uri", NULL);
	host.peer_uri = json_string(spec, "peerURI", host.uri);
	host.migration_address = json_string(spec, "migrationAddress", NULL);
	host.host_uuid = json_string(status, "hostUUID", NULL);
	host.arch = object_label(object, LABEL_ARCH);
	host.labels = object_labels(object);
	host.taints = cJSON_IsArray(taints) ? taints : NULL;
	host.allow_tcp = json_bool(spec, "allowTCP", FALSE);
	host.unschedulable = json_bool(spec, "unschedulable", FALSE);
	host.ready = condition_is_true(object, "Ready");
	host.not_ready_reason = host.ready ? NULL : not_ready_words(object);
	host.deleting = object_is_deleting(object);
	host.memory_allocatable_bytes = read_quantity(json_get(status, "allocatable"), "memory", 0);
	host.memory_available_bytes = read_quantity(status, "memoryAvailable", -1);
	if (!clock_parse_unix(observed, &host.observed_us))
		host.observed_us = 0;
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
