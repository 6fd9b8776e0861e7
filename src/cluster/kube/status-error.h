/* SPDX-License-Identifier: Apache-2.0 */
/* What a server says of a request that it did not carry out, as a GError. Pure. */
#pragma once

#include "model/json.h"
#include "model/kind.h"

/* What was asked. */
typedef struct {
	const char *verb;    /* "get", "list", "watch", "create", "change", "apply", "delete" */
	const Kind *kind;    /* NULL: a path that is no object */
	const char *ns;	     /* NULL: cluster-scoped, or all namespaces */
	const char *name;    /* NULL: a collection, or a path */
	const char *context; /* "kube/prod" */
	const char *server;
	const char *user;    /* its name in the kubeconfig; NULL: not known */
} StatusSubject;

/*
 * Sets *error by the HTTP status and the body, which is a Status object or whatever a proxy or a
 * dying server sends instead. Codes: 400, 413, 422 INVALID; 401, 403 FORBIDDEN; 404 NOT_FOUND, but
 * UNSUPPORTED where the server does not serve the kind at all; 405, 406, 415 UNSUPPORTED; 409
 * EXISTS or CONFLICT; 410 EXPIRED; 408, 504 TIMEOUT; 429, 502, 503 UNREACHABLE; all else FAILED.
 * The server's own words are in the message: every cause with its field, at most ten. Returns
 * FALSE.
 */
gboolean status_error_set(GError **error, const StatusSubject *subject, int http_status,
			  const char *body, gsize length);
/* The same where the Status object is there already (a watch's ERROR frame). */
gboolean status_error_set_object(GError **error, const StatusSubject *subject, int http_status,
				 const cJSON *status);

/* "virtualmachineinstance 'x' in namespace 'ns'"; "virtualmachineinstances in all namespaces".
 * Free with g_free(). */
char *status_describe(const StatusSubject *subject);
/* A server's text made fit for a message: one line, no control characters, at most `max` bytes, no
 * full stop at its end. Free with g_free(). */
char *status_clean(const char *text, gsize max);
