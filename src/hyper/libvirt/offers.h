/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a domain has that a host must offer, beside machine and CPU: by libvirt's domain
 * capabilities (formatdomaincaps), of which only those are looked at that a domain cannot run
 * without.
 */
#pragma once

#include <glib.h>

/*
 * Elements are char*: "TPM model 'tpm-crb' is not offered (tpm-tis)"; freed with the array. What
 * the capabilities say nothing of, as those of an older libvirt, is taken to be offered: libvirt
 * looks again when the migration arrives. Neither text may be NULL; what is no XML lacks nothing.
 */
GPtrArray *offers_lacking(const char *domain_xml, const char *capabilities_xml);
