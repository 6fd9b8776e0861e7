/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Host URIs: parsed, checked against a white list, and rebuilt from the parts. Never passed
 * through: libvirt's `command`, `netcat`, `no_verify` and the transport `ext` run or allow what
 * whoever wrote the URI wants, on the machine that opens it; a peer URI is opened by the source
 * host's daemon as root.
 *
 *   qemu:///system                              the daemon of this machine
 *   qemu+unix:///system?socket=/path            another local daemon (a lab node)
 *   qemu+tls://host[:port]/system[?pkipath=/d]  x509
 *   qemu+ssh://[user@]host[:port]/system[?keyfile=/f]   ssh(1) and its own configuration
 *   qemu+tcp://host[:port]/system               only with allow_tcp (labs): not encrypted
 * Path /system or /session. Parameters: socket (unix), pkipath and tls_priority (tls), keyfile
 * (ssh); each only with the transport that heeds it, so that none is ignored in silence.
 */
#pragma once

#include <glib.h>

typedef enum { HYPER_URI_NONE = 0, HYPER_URI_ALLOW_TCP = 1 << 0 } HyperUriFlags;

typedef struct {
	char *transport; /* "unix", "tls", "ssh", "tcp" */
	char *user;	 /* or NULL */
	char *host;	 /* lower case, IPv6 in brackets; or NULL */
	int port;	 /* 0: the default */
	char *path;	 /* "system" or "session" */
	char *text;	 /* rebuilt, canonical: what is stored and given to libvirt */
} HyperUri;

/* NULL with INVALID (not a URI, not qemu) or REFUSED (a part that is not allowed, named). */
HyperUri *hyper_uri_parse(const char *text, HyperUriFlags flags, GError **error);
void hyper_uri_free(HyperUri *uri);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HyperUri, hyper_uri_free)
