/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May a domain run on this host? By libvirt's own comparison of CPUs and its domain capabilities;
 * what a migration would refuse later without these (networks, huge pages, a domain of the same
 * name) is looked at too. Everything is told, not only the first. A question that the daemon does
 * not know, or does not answer to us, is an error: nothing is taken for granted.
 */
#include "hyper/libvirt/driver.h"

#include <stdlib.h>
#include <string.h>

#include "hyper/libvirt/domain-xml.h"
#include "hyper/libvirt/offers.h"

#define MISSING_FEATURES "required features:" /* libvirt's words, before the names */

static void refusal_destroy(gpointer data)
{
	hyper_refusal_free(data);
}

/* Takes the text. */
static HyperRefusal *refuse(HyperAnswer *answer, HyperRefusalKind kind, char *text)
{
	HyperRefusal *refusal = g_new0(HyperRefusal, 1);

	refusal->kind = kind;
	refusal->text = text;
	refusal->needed = refusal->available = -1;
	if (!answer->refusals)
		answer->refusals = g_ptr_array_new_with_free_func(refusal_destroy);
	g_ptr_array_add(answer->refusals, refusal);
	return refusal;
}

/* A refusal of libvirt's last error, or, where the question could not be asked, the answer's error
 * and NULL. */
static HyperRefusal *take_refusal(virConnectPtr conn, HyperRefusalKind kind, HyperAnswer *answer)
{
	int code = virGetLastErrorCode();
	g_autofree char *text = lv_error_text();

	/* this resets libvirt's last error, so it comes last */
	if (virConnectIsAlive(conn) != 1) {
		lv_core->set_error(answer, KVMIG_ERROR_UNREACHABLE, text,
				   "look at libvirtd on the host, and at the network", NULL);
		return NULL;
	}
	switch (code) {
	case VIR_ERR_NO_SUPPORT: /* an older libvirtd, or one without this question */
	case VIR_ERR_OPERATION_UNSUPPORTED:
		lv_core->set_error(answer, KVMIG_ERROR_UNSUPPORTED, text, NULL, NULL);
		return NULL;
	case VIR_ERR_ACCESS_DENIED:
		lv_core->set_error(answer, KVMIG_ERROR_FORBIDDEN, text, NULL, NULL);
		return NULL;
	default:
		return refuse(answer, kind, g_steal_pointer(&text));
	}
}

/* ---- machine and CPU ------------------------------------------------------------------------- */

static void check_offers(const DomainXml *domain, const char *capabilities, HyperAnswer *answer)
{
	g_autoptr(GPtrArray) lacking = offers_lacking(domain->xml, capabilities);

	for (guint i = 0; i < lacking->len; i++)
		refuse(answer, HYPER_REFUSAL_CAPABILITY, g_strdup(g_ptr_array_index(lacking, i)));
}

/* The default emulator: the path of the source's need not be the one here. */
static void check_machine(virConnectPtr conn, const DomainXml *domain, HyperAnswer *answer)
{
	char *capabilities = virConnectGetDomainCapabilities(
		conn, NULL, domain->arch, domain->machine_type, domain->virt_type, 0);

	if (capabilities)
		check_offers(domain, capabilities, answer);
	else
		(void)take_refusal(conn, HYPER_REFUSAL_MACHINE, answer);
	free(capabilities);
}

static gboolean lacks_machine(const HyperAnswer *answer)
{
	const HyperRefusal *first = answer->refusals && answer->refusals->len
					    ? g_ptr_array_index(answer->refusals, 0)
					    : NULL;

	return first && first->kind == HYPER_REFUSAL_MACHINE;
}

/* "…: Host CPU does not provide required features: avx512f, pku" */
static void name_features(HyperRefusal *refusal)
{
	const char *names = strstr(refusal->text, MISSING_FEATURES);

	if (!names)
		return;
	refusal->kind = HYPER_REFUSAL_CPU_FEATURES;
	refusal->missing = g_strsplit(names + strlen(MISSING_FEATURES), ",", -1);
	for (char **name = refusal->missing; *name; name++)
		g_strstrip(*name);
}

/* Mode host-passthrough cannot be checked: libvirt does not know what it comes to; nor does it
 * check where the domain says that it must not. */
static void check_cpu(virConnectPtr conn, const DomainXml *domain, HyperAnswer *answer)
{
	HyperRefusal *refusal;
	int result;

	if (lacks_machine(answer)) /* then libvirt cannot tell */
		return;
	if (!domain->cpu_xml || g_strcmp0(domain->cpu_check, "none") == 0 ||
	    g_strcmp0(domain->cpu_mode, "host-passthrough") == 0 ||
	    g_strcmp0(domain->cpu_mode, "maximum") == 0)
		return;
	if (!domain->cpu_model && g_strcmp0(domain->cpu_mode, "host-model") != 0)
		return; /* topology or NUMA alone */
	result = virConnectCompareHypervisorCPU(conn, NULL, domain->arch, domain->machine_type,
						domain->virt_type, domain->cpu_xml,
						VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE);
	if (result == VIR_CPU_COMPARE_INCOMPATIBLE) {
		refuse(answer, HYPER_REFUSAL_CPU,
		       g_strdup("the host cannot offer the CPU of the domain"));
	} else if (result < 0) {
		refusal = take_refusal(conn, HYPER_REFUSAL_CPU, answer);
		if (refusal)
			name_features(refusal);
	}
}

/* ---- networks -------------------------------------------------------------------------------- */

static void check_network(virConnectPtr conn, const char *name, HyperAnswer *answer)
{
	virNetworkPtr network = virNetworkLookupByName(conn, name);
	HyperRefusal *refusal = NULL;

	if (!network)
		refusal = take_refusal(conn, HYPER_REFUSAL_NETWORK, answer);
	else if (virNetworkIsActive(network) != 1)
		refusal = refuse(answer, HYPER_REFUSAL_NETWORK,
				 g_strdup_printf("network '%s' is not active", name));
	if (refusal)
		refusal->subject = g_strdup(name);
	if (network)
		virNetworkFree(network);
}

static void check_networks(virConnectPtr conn, const DomainXml *domain, HyperAnswer *answer)
{
	for (guint i = 0; domain->networks && i < domain->networks->len && !answer->error; i++)
		check_network(conn, g_ptr_array_index(domain->networks, i), answer);
}

/* ---- huge pages ------------------------------------------------------------------------------ */

/* Free pages of that size on all NUMA nodes; -1: the host has none of that size, or does not say.
 */
static gint64 free_pages(virConnectPtr conn, gint64 page_bytes)
{
	unsigned int size = (unsigned int)MIN(page_bytes / 1024, G_MAXUINT);
	unsigned long long count = 0;

	if (virNodeGetFreePages(conn, 1, &size, -1, 1, &count, 0) < 0)
		return -1;
	return (gint64)MIN(count, G_MAXINT64 / (guint64)page_bytes);
}

static void check_hugepages(virConnectPtr conn, const DomainXml *domain, HyperAnswer *answer)
{
	gint64 page = domain->hugepage_bytes, mib = 1 << 20, pages, available;
	HyperRefusal *refusal;

	if (page <= 0)
		return;
	pages = free_pages(conn, page);
	available = MAX(pages, 0) * page;
	if (available >= domain->memory_bytes)
		return;
	refusal = refuse(answer, HYPER_REFUSAL_HUGEPAGES,
			 g_strdup_printf("needs %" G_GINT64_FORMAT
					 " MiB in huge pages of %" G_GINT64_FORMAT
					 " MiB, %" G_GINT64_FORMAT " MiB are free",
					 domain->memory_bytes / mib, page / mib, available / mib));
	refusal->needed = domain->memory_bytes;
	refusal->available = available;
}

/* ---- the name -------------------------------------------------------------------------------- */

static void check_name(virConnectPtr conn, const DomainXml *domain, HyperAnswer *answer)
{
	char uuid[VIR_UUID_STRING_BUFLEN];
	virDomainPtr there = domain->name ? virDomainLookupByName(conn, domain->name) : NULL;

	if (!there)
		return;
	if (domain->uuid && virDomainGetUUIDString(there, uuid) == 0 &&
	    g_ascii_strcasecmp(uuid, domain->uuid) != 0)
		refuse(answer, HYPER_REFUSAL_OTHER,
		       g_strdup_printf("has another domain named '%s' (%s)", domain->name, uuid));
	virDomainFree(there);
}

void lv_check_target(virConnectPtr conn, LvHost *host G_GNUC_UNUSED, const HyperJobCall *call,
		     HyperAnswer *answer)
{
	static void (*const checks[])(virConnectPtr conn, const DomainXml *domain,
				      HyperAnswer *answer) = { check_machine, check_cpu,
							       check_networks, check_hugepages,
							       check_name };
	g_auto(DomainXml) domain = { 0 };
	g_autofree char *why = NULL;
	g_autofree char *message = NULL;

	if (!call->text || !domain_xml_parse(call->text, &domain, &why)) {
		message = g_strdup_printf("cannot read the domain's XML: %s",
					  why ? why : "there is none");
		lv_core->set_error(answer, KVMIG_ERROR_INVALID, message, NULL, NULL);
		return;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(checks) && !answer->error; i++)
		checks[i](conn, &domain, answer);
}
