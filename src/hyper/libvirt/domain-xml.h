/* SPDX-License-Identifier: Apache-2.0 */
/* What kvmig reads out of a domain's XML. */
#pragma once

#include <glib.h>

typedef struct {
	const char *xml; /* all of it, as it was given to domain_xml_parse(); borrowed */
	char *uuid;
	char *name;
	char *virt_type;
	char *arch;
	char *machine_type;
	char *emulator;
	char *cpu_mode;
	char *cpu_model;
	char *cpu_check; /* "none": libvirt does not compare it, on no host */
	char *cpu_xml;	/* the whole <cpu> element, or NULL */
	char *metadata; /* kvmig's element without its namespace prefix, or NULL */
	char *not_migratable;
	GPtrArray *networks; /* char*: virtual networks that its interfaces are on; NULL: none */
	gint64 hugepage_bytes; /* size of the huge pages that its memory is made of; 0: it is not */
	gint64 memory_bytes;
	guint vcpus;
} DomainXml;

#define DOMAIN_XML_SIZE_MAX ((gsize)4 << 20)

/* FALSE with *ret_why where it is not XML, too large, or not of a domain. */
gboolean domain_xml_parse(const char *xml, DomainXml *ret_domain, char **ret_why);
void domain_xml_clear(DomainXml *domain);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DomainXml, domain_xml_clear)

/* An element of kvmig's for virDomainSetMetadata(), which adds namespace and prefix itself and
 * fails where they are there already: takes them off. NULL where it is not one element. */
char *domain_xml_plain_element(const char *xml);
