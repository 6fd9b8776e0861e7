/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who we are towards the server: gives each request its headers, reads a token file again when it
 * changes, runs the credential plugin when there is no valid credential and once more after a 401.
 * Taking a credential calls kube_protect_process().
 */
#pragma once

#include "cluster/kube/http.h"
#include "cluster/kube/kubeconfig.h"

typedef struct Credential Credential;

/* `target` is borrowed and must outlive it. UNSUPPORTED where options->no_plugins and the user has
 * a plugin. Runs nothing. */
Credential *credential_new(const KubeTarget *target, const ClusterOptions *options, GError **error);
void credential_free(Credential *credential);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Credential, credential_free)

/* Certificate and key to begin with (may run the plugin); data NULL where there is none. Borrowed
 * until the next call. */
gboolean credential_certificate(Credential *credential, HttpPem *ret_certificate, HttpPem *ret_key,
				GError **error);

/* Adds the Authorization and Impersonate lines to an array of char* whose free function is
 * credential_line_free(), which clears the bytes. May run the plugin. */
gboolean credential_add_headers(Credential *credential, GPtrArray *headers, GError **error);
void credential_line_free(gpointer line);

/* After a 401: TRUE where it makes sense to try again with what there is now (the plugin was run
 * again, the token file has changed); *ret_certificate_changed: ask credential_certificate() anew.
 * FALSE without *error: the server does not accept us. */
gboolean credential_refresh(Credential *credential, gboolean *ret_certificate_changed,
			    GError **error);

/* A server's words without the tokens and passwords that it may say back to us. length -1: up to
 * the NUL. */
char *credential_scrub(const Credential *credential, const char *text, gssize length);
