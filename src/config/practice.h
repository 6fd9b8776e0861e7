/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the settings in force come to. On KubeVirt clusters by what KubeVirt's code does, elsewhere
 * by the documents, which kvmig's engine follows.
 */
#pragma once

#include "config/owner.h"

/* The VM of the documents' example. */
#define CONFIG_EXAMPLE_GIB 6

/* "a 6 GiB VM: cancelled after 900 s"; NULL where there is nothing to add. g_free(). */
char *config_practice(const ConfigOwner *owner, const Setting *setting, const Settings *settings);

/* Seconds that a VM of so much memory may take; 0: no limit. */
gint64 config_budget(const ConfigOwner *owner, const Settings *settings, gint64 bytes);

/* "cancelled", "switched to post-copy", "paused until the copy is done": what happens then. */
const char *config_late_action(const ConfigOwner *owner, const Settings *settings);

/* The whole MiB/s that libvirt is given for a cap: KubeVirt rounds to the nearest, kvmig up. */
gint64 config_applied_mib(const ConfigOwner *owner, gint64 bytes_per_second);
