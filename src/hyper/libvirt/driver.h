/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the libvirt driver. A host has up to three workers for ordinary calls, each a thread
 * with a queue and a connection of its own, and one more for each migration:
 *
 *   control   lists, descriptions, definitions; its connection carries the events
 *   job       job figures, suspend, resume: not behind a list of a thousand domains
 *   priority  state and abort: never behind a call that waits 30 s for a domain's job lock
 *
 * A worker whose call is abandoned is given up: it is left alone with its connection, ends when
 * the call comes back, and another takes its place and its queue.
 *
 * The module links GLib and libvirt, and of kvmig only hyper/types.c.
 */
#pragma once

#include <glib.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "hyper/hyper.h"

typedef struct LvHost LvHost;
typedef struct LvWorker LvWorker;

/* What of a host does not change while libvirtd runs. */
typedef struct {
	char *uuid;
	char *hostname;
	char *arch;
	char *cpu_model;
	GStrv usable_cpu_models;
	GStrv cpu_features;
	GStrv machine_types;
	gboolean kvm;
	guint64 libvirt_version;
	guint64 hypervisor_version;
} LvHostFacts; /* g_atomic_rc_box */

/* ---- driver.c ---- */

extern const HyperCore *lv_core;

/* For events, from any thread; thrown away once the host is closed. */
void lv_host_event(LvHost *host, const HyperEvent *event);
const char *lv_host_uri(const LvHost *host);
/* TRUE while a MIGRATE of that domain, away from here, is under way through this driver. */
gboolean lv_host_is_leaving(LvHost *host, const char *uuid);

/* When a domain began to run, by the events heard: unix time, 0: not known. */
gint64 lv_host_running_since(LvHost *host, const char *uuid);
void lv_host_set_running_since(LvHost *host, const char *uuid, gint64 unix_us);
/* Where a domain was last seen to be going: +1 in, -1 out, 0 not known. */
void lv_host_set_direction(LvHost *host, const char *uuid, int direction);
int lv_host_direction(LvHost *host, const char *uuid);
/* What was read of the host over the present connection; a reference, or NULL: not yet. */
LvHostFacts *lv_host_facts(LvHost *host);
void lv_host_set_facts(LvHost *host, LvHostFacts *facts);
void lv_host_facts_unref(LvHostFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LvHostFacts, lv_host_facts_unref)
/* A new connection, or none any more: events may have been missed and libvirtd may be another. */
void lv_host_forget_history(LvHost *host);

/* Between a connection that carries events and its host: cut where the connection is given up, so
 * that it is not heard any more once another has taken its place. */
typedef struct LvLink LvLink;
LvLink *lv_link_ref(LvLink *link);
void lv_link_unref(LvLink *link);
LvHost *lv_link_host(LvLink *link); /* NULL: cut */
/* Its connection is open: cutting it is a loss that is told. */
void lv_link_set_live(LvLink *link);

/* ---- connection.c ---- */

/* A live connection: old where it still is (else it is closed), or a new one, or NULL with
 * answer->error UNREACHABLE. With a link it carries events. */
virConnectPtr lv_connect(virConnectPtr old, const char *uri, LvLink *link, HyperAnswer *answer);
void lv_disconnect(virConnectPtr conn);

/* ---- events.c ---- */

void lv_events_register(virConnectPtr conn, LvLink *link);

/* ---- error.c ---- */

/* answer->error from libvirt's last error of this thread. conn may be NULL. */
void lv_set_error(HyperAnswer *answer, virConnectPtr conn);
/* The same for a migration, with outcome_unknown. */
void lv_set_migrate_error(HyperAnswer *answer, virConnectPtr conn);
/* The first line of libvirt's last error, as UTF-8. */
char *lv_error_text(void);

/* ---- operations: run in a worker, may block ---- */

typedef void (*LvOperation)(virConnectPtr conn, LvHost *host, const HyperJobCall *call,
			    HyperAnswer *answer);

void lv_list(virConnectPtr conn, LvHost *host, const HyperJobCall *call, HyperAnswer *answer);
void lv_domain(virConnectPtr conn, LvHost *host, const HyperJobCall *call, HyperAnswer *answer);
void lv_state(virConnectPtr conn, LvHost *host, const HyperJobCall *call, HyperAnswer *answer);
void lv_job(virConnectPtr conn, LvHost *host, const HyperJobCall *call, HyperAnswer *answer);
void lv_job_completed(virConnectPtr conn, LvHost *host, const HyperJobCall *call,
		      HyperAnswer *answer);
void lv_migrate(virConnectPtr conn, LvHost *host, const HyperJobCall *call, HyperAnswer *answer);
void lv_abort(virConnectPtr conn, LvHost *host, const HyperJobCall *call, HyperAnswer *answer);
void lv_suspend(virConnectPtr conn, LvHost *host, const HyperJobCall *call, HyperAnswer *answer);
void lv_resume(virConnectPtr conn, LvHost *host, const HyperJobCall *call, HyperAnswer *answer);
void lv_set_metadata(virConnectPtr conn, LvHost *host, const HyperJobCall *call,
		     HyperAnswer *answer);
void lv_set_autostart(virConnectPtr conn, LvHost *host, const HyperJobCall *call,
		      HyperAnswer *answer);
void lv_check_target(virConnectPtr conn, LvHost *host, const HyperJobCall *call,
		     HyperAnswer *answer);
void lv_domain_xml(virConnectPtr conn, LvHost *host, const HyperJobCall *call,
		   HyperAnswer *answer);
void lv_host_info(virConnectPtr conn, LvHost *host, const HyperJobCall *call,
		  HyperAnswer *answer);

void lv_inspect(virConnectPtr conn, LvHost *host, const HyperJobCall *call, HyperAnswer *answer);
void lv_probe(virConnectPtr conn, LvHost *host, const HyperJobCall *call, HyperAnswer *answer);

/* storage.c: fills in where the host's storage API sees the paths of the parts. */
void lv_find_places(virConnectPtr conn, GPtrArray *parts);

/* Looks the domain up; NULL with the error set. */
virDomainPtr lv_lookup(virConnectPtr conn, const char *uuid, HyperAnswer *answer);
/* libvirt's state and reason in hyper's words. */
void lv_translate_state(int state, int reason, HyperDomainState *ret_state,
			HyperReason *ret_reason);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)
