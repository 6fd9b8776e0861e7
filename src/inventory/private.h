/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared by the files of inventory/ only. The way of one look at a host:
 *
 *   inventory.c  asks (look, touch), collects the answers, opens one batch a host
 *   apply.c      an answer becomes changes of objects; conflicts are tried again on a fresh object
 *   place.c      where a VM is: its copies, the one that counts, duplicates, the vanished
 *   carry.c      people's labels and node selector, to and from the domain's metadata
 *
 * What is known about copies is in the object (status.copies), not in this process: whoever looks
 * next goes on from there. In memory is only what a process has confirmed with its own eyes.
 */
#pragma once

#include "inventory/cache.h"
#include "inventory/describe.h"
#include "inventory/instance.h"
#include "inventory/inventory.h"

/* A look or a touch that found something doubtful makes all hosts concerned be asked once more;
 * a verdict rests only on answers to questions that were put after the doubt arose. */
typedef struct {
	char *uuid;
	gint64 doubt_us;    /* monotonic: two copies seen and not yet confirmed; 0: no doubt */
	gint64 gone_us;     /* monotonic: on no host any more; 0: it is somewhere */
	GHashTable *looked; /* node -> gint64 *: when the last answered touch was put */
	/* metadata to be written */
	Inventory *inventory;
	HyperRequest *carry; /* under way, or NULL */
	gint64 retry_us;     /* monotonic: not before */
	guint backoff_ms;
} Track;

/* A host as this process knows it. */
typedef struct {
	char *name;
	Inventory *inventory;
	/* the look under way */
	HyperRequest *info_request, *list_request;
	HyperHostInfo *info;
	GPtrArray *domains;
	GError *error;
	gint64 submitted_us;
	gboolean looking;
	guint fail_timer;   /* a host that cannot even be asked fails from the main loop */
	GPtrArray *waiters; /* of Round *: wait for the look under way */
	GPtrArray *next;    /* of Round *: wait for one that begins after now */
	guint next_timeout_ms;
	/* both monotonic: when the last answered (failed) look was put */
	gint64 answered_us, failed_us;
	/* touches */
	GHashTable *wanted; /* set of uuid, to be asked when the timer fires */
	guint touch_timer;
	GHashTable *touches; /* set of Touch *, under way */
} Node;

struct Inventory {
	Cluster *cluster;
	Hyper *hyper;
	Clock *clock;
	Cache *hosts, *vmis, *migrations; /* migrations: those that are not final */
	GHashTable *nodes;                /* name -> Node * */
	GHashTable *tracks;               /* uuid -> Track * */
	GHashTable *by_uuid;              /* uuid -> ref of the VMI */
	GHashTable *by_node;              /* node -> set of uuid: who has a copy there */
	GHashTable *rounds;               /* set of Round * */
	guint follow_ups;                 /* touches and metadata under way */
	GError *store_error;              /* the last failed write, for inventory_refresh_stale() */
};

/* What one host says about one domain; domain NULL: it does not know it. */
typedef struct {
	const char *node;
	const char *uuid;
	const HyperDomain *domain;
} Sight;

/* The migration that has the VM in its hands, if any. */
typedef struct {
	gboolean active;
	const char *source, *target; /* borrowed from the cache; may be NULL */
} Flight;

/* apply.c. All within a batch; FALSE: the store failed, roll back. */
gboolean apply_load(Inventory *inventory, GError **error);
void apply_forget(Inventory *inventory);
gboolean apply_look(Node *node, GError **error);
gboolean apply_sight(Inventory *inventory, const Sight *sight, GError **error);
gboolean apply_verdicts(Inventory *inventory, GError **error);
void apply_index(const cJSON *old, const cJSON *now, gboolean foreign, gpointer data);

/* place.c */
void place_see(cJSON *vmi, const Sight *sight);
/* Fills in node, phase and conditions from status.copies. TRUE in *ret_here: `sight` is of the
 * copy that counts. */
gboolean place_settle(Inventory *inventory, cJSON *vmi, const Sight *sight, gboolean *ret_here,
		      GError **error);
Flight place_flight(Inventory *inventory, const cJSON *vmi);
gboolean place_host_answers(Inventory *inventory, const char *node);
/* Whether every host has been asked since the domain vanished, so that its object may go. */
gboolean place_is_gone(Inventory *inventory, const Track *track);

/* carry.c */
void carry_sync(Inventory *inventory, cJSON *vmi, const HyperDomain *domain);
gboolean carry_is_due(const cJSON *vmi);

/* inventory.c */
Track *inventory_track(Inventory *inventory, const char *uuid);
Node *inventory_node(Inventory *inventory, const char *name);
const char *inventory_uuid_of(const cJSON *vmi);
