/* SPDX-License-Identifier: Apache-2.0 */
/* What hosts say, as values. Linked into the driver modules too: GLib and nothing else. */
#include "hyper/hyper.h"

static const char *const state_names[] = {
	[HYPER_DOMAIN_NONE] = "none",	    [HYPER_DOMAIN_RUNNING] = "running",
	[HYPER_DOMAIN_PAUSED] = "paused",   [HYPER_DOMAIN_SHUTOFF] = "shut off",
	[HYPER_DOMAIN_CRASHED] = "crashed", [HYPER_DOMAIN_OTHER] = "other",
};

static const char *const reason_names[] = {
	[HYPER_REASON_UNKNOWN] = "unknown",
	[HYPER_REASON_BOOTED] = "booted",
	[HYPER_REASON_MIGRATED] = "migrated",
	[HYPER_REASON_MIGRATION_CANCELED] = "migration canceled",
	[HYPER_REASON_UNPAUSED] = "unpaused",
	[HYPER_REASON_USER] = "user",
	[HYPER_REASON_MIGRATION] = "migration",
	[HYPER_REASON_POSTCOPY] = "post-copy",
	[HYPER_REASON_POSTCOPY_FAILED] = "post-copy failed",
	[HYPER_REASON_STARTING_UP] = "starting up",
	[HYPER_REASON_IO_ERROR] = "I/O error",
	[HYPER_REASON_OTHER] = "other",
};

const char *hyper_domain_state_to_string(HyperDomainState state)
{
	g_return_val_if_fail((guint)state < G_N_ELEMENTS(state_names), "other");
	return state_names[state];
}

const char *hyper_reason_to_string(HyperReason reason)
{
	g_return_val_if_fail((guint)reason < G_N_ELEMENTS(reason_names), "other");
	return reason_names[reason];
}

void hyper_domain_free(HyperDomain *domain)
{
	if (!domain)
		return;
	g_free(domain->uuid);
	g_free(domain->name);
	g_free(domain->arch);
	g_free(domain->machine_type);
	g_free(domain->virt_type);
	g_free(domain->cpu_mode);
	g_free(domain->cpu_model);
	g_free(domain->metadata);
	g_free(domain->not_migratable);
	g_free(domain);
}

void hyper_host_info_free(HyperHostInfo *info)
{
	if (!info)
		return;
	g_free(info->uuid);
	g_free(info->hostname);
	g_free(info->arch);
	g_free(info->cpu_model);
	g_strfreev(info->usable_cpu_models);
	g_strfreev(info->cpu_features);
	g_strfreev(info->machine_types);
	g_free(info);
}

void hyper_refusal_free(HyperRefusal *refusal)
{
	if (!refusal)
		return;
	g_free(refusal->text);
	g_free(refusal->subject);
	g_strfreev(refusal->missing);
	g_free(refusal);
}

void hyper_part_free(HyperPart *part)
{
	if (!part)
		return;
	g_free(part->name);
	g_free(part->type);
	g_free(part->device);
	g_free(part->path);
	g_free(part->pool);
	g_free(part->cache);
	g_free(part->place.pool);
	g_free(part->place.pool_type);
	g_free(part->place.pool_source);
	g_free(part->place.pool_path);
	g_free(part->place.key);
	g_free(part->place.changed);
	g_free(part);
}

void hyper_inspection_free(HyperInspection *inspection)
{
	if (!inspection)
		return;
	g_clear_pointer(&inspection->parts, g_ptr_array_unref);
	g_free(inspection->xml);
	g_free(inspection->job);
	g_free(inspection);
}
