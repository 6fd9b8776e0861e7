/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transport that plays a script instead of http.c, for what a real server cannot be made to do
 * at will: a cut in the middle of an item, 410 between two chunks. What a real server does is in
 * tests/kube.
 */
#pragma once

#include "base/error.h"
#include "cluster/kube/kube.h"

typedef struct {
	const char *target; /* "GET /path?query" that is expected; NULL: any */
	int status;	    /* 0: the connection fails by `fault` */
	const char *body;   /* NULL: none */
	gsize cut;	    /* with a fault: so many bytes of the body arrive before it */
	HttpFault fault;
	gint64 retry_after_s; /* 0: none */
	const char *warning;
	const char *etag;
} FakeReply;

/* The replies to come; `count` of them, in order. Bodies are dealt out in pieces of `piece`. */
void fake_script(const FakeReply *replies, guint count, gsize piece);
/* Asserts that all were asked for. */
void fake_done(void);
/* Body and headers of the last request, borrowed. */
const char *fake_last_body(void);
const char *fake_last_header(const char *name);
extern guint fake_renewals;   /* calls of credential_refresh() */
extern gboolean fake_renew_ok; /* what it answers */
extern gboolean fake_no_credential; /* as where a plugin fails */

/* The stream that is open; NULL: none. */
const char *fake_stream_target(void);
/* FALSE: the receiver ended it. */
gboolean fake_stream_push(int status, const char *data);
void fake_stream_end(int status, KvmigError code); /* KVMIG_ERROR_LAST: no error */
extern guint fake_streams; /* begun so far */

/* A cluster at it. */
Cluster *fake_open(gint64 request_timeout_ms, ClusterWarnFunc warn, gpointer warn_data);
