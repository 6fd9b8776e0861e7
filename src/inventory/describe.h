/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From what a hypervisor says to the fields of objects. Pure: nothing is asked or stored. What is
 * not the inventory's (people's labels, the engine's conditions) is left as it is.
 */
#pragma once

#include "hyper/hyper.h"
#include "model/object.h"

/* Conditions of the inventory. */
#define CONDITION_READY "Ready"
#define CONDITION_SAME_HOST "kvmig.io/SameHost"
#define CONDITION_LIVE_MIGRATABLE "LiveMigratable"
#define CONDITION_DUPLICATE "kvmig.io/DuplicateUUID"
#define CONDITION_MISSING "kvmig.io/Missing"

/* Go's name of an architecture, as kubernetes.io/arch has it; unknown ones pass through. */
const char *describe_arch(const char *libvirt_arch);

/* "9.0.0" of 9000000; free with g_free(). */
char *describe_version(guint64 version);

/* A host that answered: labels under the inventory's prefixes, status, Ready. */
void describe_host(cJSON *host, const HyperHostInfo *info, gint64 now_us);
/* A host that did not: Ready=False with the reason; the rest is kept as last seen. */
void describe_host_failure(cJSON *host, const GError *error, gint64 now_us);

/* What of the domain does not depend on where it runs: annotation, spec, virtType. */
void describe_domain(cJSON *vmi, const HyperDomain *domain);

/* The condition LiveMigratable, with KubeVirt's reasons where they fit. */
void describe_migratable(cJSON *vmi, const HyperDomain *domain, gint64 now_us);

/* "Running", "Succeeded", "Failed" or "Unknown". */
const char *describe_phase(HyperDomainState state);

/* Inverse of hyper_domain_state_to_string(); OTHER for what it does not know. */
HyperDomainState describe_state_from_string(const char *text);
