/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by http*.c. */
#pragma once

#include "cluster/kube/http/engine.h"

/* UNSUPPORTED where the module cannot be loaded. */
const HttpModule *http_module_load(GError **error);

/* A reply's head, line by line. */
void http_head_init(HttpHead *head);
void http_head_clear(HttpHead *head);
/* A status line begins anew: what came before was an informational reply. */
void http_head_line(HttpHead *head, const char *line, gsize length);
/* The texts of a Warning header's value, which may hold several; those of code 299 only. */
void http_head_add_warnings(GPtrArray *warnings, const char *value);

/* For messages: the server, the request ("" for none). */
typedef struct {
	const char *server;  /* "https://host:6443" */
	const char *request; /* "GET /api/v1/nodes" */
} HttpPlace;
/* FALSE, with what a failure comes to in *error. */
gboolean http_failure_to_error(const HttpFailure *failure, const HttpPlace *place, GError **error);
/* "GET /api/v1/nodes?limit=500&continue=...": values that a message or log may show. */
char *http_describe_request(const char *method, const char *target);
