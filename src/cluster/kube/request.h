/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request to the API server: with our identity, tried again where that is safe, and its refusal
 * turned into an error. Private to cluster/kube.
 *
 * What reads is tried up to five times, with growing pauses, while the server cannot be reached,
 * breaks off, or answers 429, 500, 502, 503 or 504. What writes is sent again only when nothing of
 * it can have been carried out: no connection came about, 401, or 429. All of it happens within
 * the request timeout, where there is one.
 */
#pragma once

#include "cluster/kube/kube.h"
#include "cluster/kube/status-error.h"

typedef struct Discovery Discovery;

typedef struct {
	Cluster base;
	KubeTarget *target;
	Credential *credential;
	HttpClient *http; /* NULL before the first request */
	gint64 request_timeout_ms;
	ClusterWarnFunc warn;
	gpointer warn_data;
	GHashTable *warned;   /* texts that were handed to warn */
	Discovery *discovery; /* NULL before the first look */
	GHashTable *fields;   /* Kind -> what openapi.c knows of it; NULL before the first */
} Kube;

static inline Kube *kube_of(Cluster *cluster)
{
	return (Kube *)cluster;
}

typedef struct {
	const char *method; /* "GET" */
	const char *target; /* path and query */
	const char *accept;	  /* NULL: application/json */
	const char *content_type; /* of the body */
	const char *body;	  /* NULL: none */
	const char *etag;	  /* If-None-Match; the reply may then be 304 */
	StatusSubject subject;	  /* for errors */
	gsize max_bytes;	  /* 0: JSON_MAX_BYTES */

	/* Pieces of a body of status 2xx as they arrive, instead of keeping it; FALSE ends it with
	 * CANCELLED. Where the request is tried again after some came, on_restart is called first;
	 * without it such a failure is final. */
	gboolean (*on_data)(const char *data, gsize length, gpointer data_of_caller);
	void (*on_restart)(gpointer data_of_caller);
	gpointer data;
} KubeRequest;

/* The subject of a request for an object or a collection of this cluster. */
StatusSubject kube_subject(const Kube *kube, const char *verb, const Kind *kind, const char *ns,
			   const char *name);

/* TRUE with 2xx, or with 304 to an etag. Where the server refused, *reply holds what it said. */
gboolean kube_send(Kube *kube, const KubeRequest *request, HttpReply *reply, GError **error);
/* The same, and the body as JSON. `ret_status` may be NULL. */
cJSON *kube_send_json(Kube *kube, const KubeRequest *request, int *ret_status, GError **error);

/* For watches: the client (made, with our certificate) and the headers of a request. */
HttpClient *kube_client(Kube *kube, GError **error);
GPtrArray *kube_headers(Kube *kube, const char *accept, const char *content_type, const char *etag,
			GError **error);
/* After a 401: TRUE where the same request may now be accepted. FALSE without *error otherwise. */
gboolean kube_renew(Kube *kube, GError **error);
/* Takes out of an error what we have sent and nobody must see. Does nothing with NULL. */
void kube_scrub(const Kube *kube, GError *error);
/* Hands on the warnings of a reply that were not handed on before. */
void kube_warn(Kube *kube, const HttpHead *head);

/* A pause before try number n (from 1), with jitter; at least what the server asked for. */
gint64 kube_backoff_ms(unsigned n, gint64 first_ms, gint64 limit_ms);
