/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Labels and node selector of a VMI, between the object and the domain's own metadata.
 * status.metadataChecksum is what both agreed on last: whichever side differs from it has
 * changed. Where both have, the object wins: somebody was told that it was stored.
 */
#include "inventory/private.h"

#include "model/wellknown.h"

#define CARRY_TIMEOUT_MS 10000u
#define CARRY_BACKOFF_MIN_MS 5000u
#define CARRY_BACKOFF_MAX_MS 60000u

static const char *agreed(const cJSON *vmi)
{
	return json_string(json_get(vmi, "status"), "metadataChecksum", NULL);
}

gboolean carry_is_due(const cJSON *vmi)
{
	g_auto(Instance) ours = { 0 };
	g_autofree char *checksum = NULL;

	if (!agreed(vmi))
		return FALSE;
	instance_of_object(vmi, &ours);
	checksum = instance_checksum(&ours);
	return !g_str_equal(checksum, agreed(vmi));
}

gboolean inventory_is_carried(const cJSON *vmi)
{
	return agreed(vmi) && !carry_is_due(vmi);
}

/* ---- from the domain ------------------------------------------------------------------------ */

static void replace_labels(cJSON *vmi, const Instance *ours, const Instance *theirs)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, ours->labels)
	{
		if (!json_get(theirs->labels, item->string))
			object_set_label(vmi, item->string, NULL);
	}
	cJSON_ArrayForEach(item, theirs->labels)
		object_set_label(vmi, item->string, item->valuestring);
}

static void take_theirs(cJSON *vmi, const Instance *ours, const Instance *theirs)
{
	cJSON *spec = json_ensure_object(vmi, "spec");

	replace_labels(vmi, ours, theirs);
	if (theirs->selector->child)
		json_set(spec, "nodeSelector", cJSON_Duplicate(theirs->selector, TRUE));
	else
		json_unset(spec, "nodeSelector");
}

/* ---- to the domain -------------------------------------------------------------------------- */

static void on_carried(HyperRequest *request, HyperAnswer *answer, gpointer data)
{
	Track *track = data;
	Inventory *inventory = track->inventory;
	HyperHost *host = hyper_request_host(request);

	track->carry = NULL;
	inventory->follow_ups--;
	if (!answer->error) {
		track->backoff_ms = 0;
		track->retry_us = 0;
		inventory_touch(inventory, hyper_host_name(host), track->uuid);
		return;
	}
	/* A migration or another job has the domain: it will be tried again at a later look. */
	g_info("labels of domain %s are not in its metadata yet: %s", track->uuid,
	       answer->error->message);
	track->backoff_ms =
		CLAMP(track->backoff_ms * 2, CARRY_BACKOFF_MIN_MS, CARRY_BACKOFF_MAX_MS);
	track->retry_us = clock_monotonic_us(inventory->clock) + (gint64)track->backoff_ms * 1000;
}

static void carry(Inventory *inventory, const cJSON *vmi, const Instance *ours)
{
	const char *node = json_string(json_get(vmi, "status"), "nodeName", NULL);
	Track *track = inventory_track(inventory, inventory_uuid_of(vmi));
	HyperHost *host = node ? hyper_find_host(inventory->hyper, node) : NULL;
	g_autofree char *xml = NULL;
	HyperCall call = { .op = HYPER_OP_SET_METADATA, .timeout_ms = CARRY_TIMEOUT_MS };

	if (!host || track->carry || clock_monotonic_us(inventory->clock) < track->retry_us)
		return;
	if (cJSON_GetArraySize(ours->labels) + cJSON_GetArraySize(ours->selector) >
	    (int)INSTANCE_MAX_ENTRIES) {
		g_warning("'%s' has more than %u labels: they stay in the object alone",
			  object_name(vmi), INSTANCE_MAX_ENTRIES);
		return;
	}
	xml = instance_format(ours);
	call.uuid = track->uuid;
	call.text = xml;
	inventory->follow_ups++;
	track->carry = hyper_submit(host, &call, on_carried, track);
}

void carry_sync(Inventory *inventory, cJSON *vmi, const HyperDomain *domain)
{
	g_auto(Instance) ours = { 0 };
	g_auto(Instance) theirs = { 0 };
	g_autofree char *our_sum = NULL;
	g_autofree char *their_sum = NULL;
	g_autoptr(GError) error = NULL;
	cJSON *status = json_ensure_object(vmi, "status");

	if (!instance_parse(domain->metadata, &theirs, &error)) {
		/* Taken as empty: what people set then replaces it. */
		g_info("domain '%s': %s", domain->name, error->message);
		instance_parse(NULL, &theirs, NULL);
	}
	instance_of_object(vmi, &ours);
	our_sum = instance_checksum(&ours);
	their_sum = instance_checksum(&theirs);
	if (g_str_equal(our_sum, their_sum)) {
		json_set_string(status, "metadataChecksum", their_sum);
		return;
	}
	if (!agreed(vmi) || g_str_equal(our_sum, agreed(vmi))) {
		take_theirs(vmi, &ours, &theirs);
		json_set_string(status, "metadataChecksum", their_sum);
		return;
	}
	/* libvirt refuses it during a migration, and the copy may be about to go. */
	if (!place_flight(inventory, vmi).active)
		carry(inventory, vmi, &ours);
}
