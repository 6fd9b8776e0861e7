/* SPDX-License-Identifier: Apache-2.0 */
#include "model/vmi.h"

#include "base/clock.h"
#include "model/quantity.h"
#include "model/wellknown.h"

static gint64 read_memory(const cJSON *domain)
{
	const cJSON *memory = json_get(domain, "memory");
	const char *text = json_string(memory, "guest", NULL);
	gint64 bytes;

	if (!text) /* a VMI may say only what it asks of the node */
		text = json_string(json_path(domain, "resources", "requests", NULL), "memory",
				   NULL);
	if (text && quantity_parse(text, &bytes, NULL) && bytes >= 0)
		return bytes;
	bytes = json_int(memory, "guest", 0);
	return bytes >= 0 ? bytes : 0;
}

static void read_conditions(const cJSON *object, Vmi *vmi)
{
	const cJSON *migratable = condition_find(object, "LiveMigratable");

	if (g_strcmp0(json_string(migratable, "status", NULL), "False") == 0) {
		vmi->not_migratable_reason = json_string(migratable, "reason", "NotLiveMigratable");
		vmi->not_migratable_message = json_string(migratable, "message", NULL);
	}
	vmi->duplicate_uuid = condition_is_true(object, "kvmig.io/DuplicateUUID");
	vmi->undecided = condition_is_true(object, "kvmig.io/Undecided");
}

static const char *not_empty(const char *text)
{
	return text && *text ? text : NULL;
}

void vmi_read(const cJSON *object, Vmi *ret_vmi)
{
	const cJSON *spec = json_get(object, "spec");
	const cJSON *domain = json_get(spec, "domain");
	const cJSON *status = json_get(object, "status");
	const cJSON *selector = json_get(spec, "nodeSelector");
	const cJSON *also_on = json_get(status, "alsoOn");
	Vmi vmi = { .object = object };

	vmi.ns = object_namespace(object);
	vmi.name = object_name(object);
	vmi.raw_name = object_annotation(object, ANNOTATION_DOMAIN_NAME);
	if (!vmi.raw_name)
		vmi.raw_name = vmi.name;
	vmi.domain_uuid =
		json_string(status, "domainUUID", object_label(object, LABEL_DOMAIN_UUID));
	vmi.node_name = not_empty(json_string(status, "nodeName", NULL));
	vmi.phase = json_string(status, "phase", "Unknown");
	vmi.arch = json_string(spec, "architecture", NULL);
	vmi.machine_type = json_string(json_get(domain, "machine"), "type", NULL);
	vmi.cpu_model = json_string(json_get(domain, "cpu"), "model", NULL);
	vmi.virt_type = json_string(status, "virtType", NULL);
	vmi.labels = object_labels(object);
	vmi.node_selector = cJSON_IsObject(selector) ? selector : NULL;
	vmi.also_on = cJSON_IsArray(also_on) ? also_on : NULL;
	read_conditions(object, &vmi);
	vmi.memory_bytes = read_memory(domain);
	if (!clock_parse_unix(json_string(status, "observedAt", NULL), &vmi.observed_us))
		vmi.observed_us = 0;
	*ret_vmi = vmi;
}
