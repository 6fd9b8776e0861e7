/* SPDX-License-Identifier: Apache-2.0 */
/* What discovery.c and discovery-read.c share. */
#pragma once

#include "cluster/kube/discovery.h"

/* A kind that is served. */
typedef struct {
	Kind own;	   /* its strings are in `strings` */
	const Kind *kind;  /* &own, or the table's row of the same group, version and kind */
	GPtrArray *strings;
	GStrv short_names;
} Served;

struct Discovery {
	GPtrArray *served;  /* of Served*: core first, then in the server's order of preference */
	GPtrArray *retired; /* of earlier looks: callers may still hold their kinds */
	char *etags[2];	    /* of /api and /apis */
	gboolean from_cache;
	gboolean fresh; /* the server was asked in this process */
};

void served_free(gpointer data);

/* Adds a kind; the strings are copied, the short names taken. */
void discovery_add(GPtrArray *served, const Kind *like, GStrv short_names);
/* Asks for /api (which 0) or /apis (1). *ret_served: its kinds, NULL where they are as they were by
 * the ETag. */
gboolean discovery_fetch(Kube *kube, int which, const char *etag, GPtrArray **ret_served,
			 char **ret_etag, GError **error);

/* One item of an APIGroupDiscoveryList; tested without a server. */
void discovery_take_group(GPtrArray *served, const cJSON *group);
/* The resources of an APIResourceList. */
void discovery_take_resources(GPtrArray *served, const cJSON *list, const char *group,
			      const char *version);
