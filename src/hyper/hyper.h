/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hypervisor hosts, asynchronously: what a driver must do, and what the rest of kvmig may ask.
 *
 * libvirt has no time limit of its own for a call, and its keepalive does not see a QEMU monitor
 * that hangs. So nothing here blocks: a request is submitted with a time limit and answered
 * exactly once, from the main loop, by the driver or by the time limit, whichever is first. What a
 * driver says afterwards is thrown away; the driver is told (abandon) and gives the late worker
 * up. A host with an abandoned request is marked unknown until a request succeeds again.
 *
 * hyper.c owns requests, time limits and delivery, and drives libvirt through a module
 * (HyperDriver) and simulated hosts (hyper/sim) alike. A driver needs only GLib and this header.
 * Units are in the names. Strings are UTF-8 and may be anything a user wrote into libvirt.
 */
#pragma once

#include <glib.h>

#include "base/error.h"

typedef struct Hyper Hyper;
typedef struct HyperHost HyperHost;
typedef struct HyperRequest HyperRequest;

/* ---- what a host says ---------------------------------------------------------------------- */

typedef enum {
	HYPER_DOMAIN_NONE, /* the host does not know the domain */
	HYPER_DOMAIN_RUNNING,
	HYPER_DOMAIN_PAUSED,
	HYPER_DOMAIN_SHUTOFF, /* defined, not running */
	HYPER_DOMAIN_CRASHED,
	HYPER_DOMAIN_OTHER
} HyperDomainState;

/* Why it is in that state, as far as kvmig cares; libvirt's reasons. */
typedef enum {
	HYPER_REASON_UNKNOWN,
	HYPER_REASON_BOOTED,
	HYPER_REASON_MIGRATED,	      /* running: came here by migration */
	HYPER_REASON_MIGRATION_CANCELED, /* running: a migration away was given up */
	HYPER_REASON_UNPAUSED,
	HYPER_REASON_USER,	/* paused by a user */
	HYPER_REASON_MIGRATION, /* paused for a migration */
	HYPER_REASON_POSTCOPY,
	HYPER_REASON_POSTCOPY_FAILED,
	HYPER_REASON_STARTING_UP, /* paused: incoming, QEMU waits for memory */
	HYPER_REASON_IO_ERROR,
	HYPER_REASON_OTHER
} HyperReason;

const char *hyper_domain_state_to_string(HyperDomainState state); /* "running", "none", … */
const char *hyper_reason_to_string(HyperReason reason);

typedef struct {
	char *uuid; /* lower case, with dashes */
	char *name; /* libvirt's, as it is */
	HyperDomainState state;
	HyperReason reason;
	gboolean persistent;
	gboolean autostart;
	gboolean incoming; /* being migrated here: only uuid, name and state are filled */
	gint64 memory_bytes; /* maximum memory */
	guint vcpus;
	char *arch;	    /* libvirt's: x86_64 */
	char *machine_type; /* canonical: pc-q35-7.2 */
	char *virt_type;    /* "kvm", "qemu" */
	char *cpu_mode;	    /* "host-passthrough", "host-model", "custom", or NULL */
	char *cpu_model;    /* of "custom" */
	char *metadata;	    /* kvmig's element of the domain's metadata, XML, or NULL */
	char *not_migratable; /* why libvirt would refuse as far as the XML shows, or NULL */
	gint64 running_since_us; /* -1: not known. When it last began to run, unix time */
} HyperDomain;

typedef struct {
	char *uuid; /* of the host, from capabilities */
	char *hostname;
	char *arch;		  /* libvirt's: x86_64 */
	char *cpu_model;	  /* host model, or NULL */
	GStrv usable_cpu_models;  /* NULL: not known */
	GStrv cpu_features;	  /* of the host model */
	GStrv machine_types;	  /* canonical and alias names */
	gboolean kvm;
	gint64 memory_total_bytes;
	gint64 memory_available_bytes; /* free + buffers + cached */
	guint cpus;
	guint64 libvirt_version;    /* 9000000 = 9.0.0 */
	guint64 hypervisor_version; /* QEMU */
	int migration_certificates; /* 1 there, 0 missing, -1 cannot be told from here */
	int disk_leases; /* likewise: a lock manager (virtlockd, sanlock) is configured */
	int userfaultfd; /* likewise: QEMU may catch page faults there, as post-copy needs */
} HyperHostInfo;

/* HyperJob.operation of a migration away from that host, whoever began it. */
#define HYPER_JOB_MIGRATION "migration"

/* A job of a domain, as libvirt reports it; -1 where it does not. */
typedef struct {
	gboolean active;
	gboolean completed; /* the figures are those of a job that has ended well */
	gint64 elapsed_ms;
	gint64 downtime_ms; /* expected while active; measured once completed */
	gint64 memory_total_bytes, memory_processed_bytes, memory_remaining_bytes;
	gint64 bandwidth_bytes_per_second;
	gint64 dirty_rate_bytes_per_second;
	gint64 iteration;
	gint64 disk_total_bytes, disk_remaining_bytes;
	gboolean postcopy;
	char operation[32]; /* what it is, in words: "backup", "migration"; "": not known */
} HyperJob;

/* Where a host's storage API sees a file or device. */
typedef struct {
	char *pool, *pool_type; /* "dir", "netfs", …; NULL: no active pool covers the path */
	char *pool_source;	/* where a pool of the network comes from, or NULL: a host's own */
	char *pool_path;	/* the folder that it covers */
	gboolean listed;	/* the pool has that volume; what follows is of it */
	char *key, *changed;	/* changed: seconds and nanoseconds of its last change; or NULL */
	gint64 capacity_bytes, physical_bytes; /* -1: not known */
} HyperPlace;

typedef enum {
	HYPER_PART_DISK,
	HYPER_PART_INTERFACE,
	HYPER_PART_HOSTDEV,
	HYPER_PART_FILESYSTEM,
	HYPER_PART_SHMEM,
	HYPER_PART_TPM,
	HYPER_PART_BOOT /* kernel, initrd, firmware, the template of its variables */
} HyperPartKind;

/* What a domain takes of its host, or names by a path. */
typedef struct {
	HyperPartKind kind;
	char *name;   /* as libvirt names it: "vda", "vnet0", "kernel" */
	char *type;   /* of its source: "file", "block", "network", "bridge", "pci", "virtiofs" */
	char *device; /* of a disk: "disk", "cdrom", "floppy", "lun" */
	char *path;   /* file, device, folder, bridge, address; NULL: none, an empty drive */
	char *pool;   /* of a volume, path is its name there */
	char *cache;  /* of a disk, as set */
	gboolean read_only;
	gboolean backing; /* an image below the disk's own */
	gboolean teaming; /* is unplugged for the time of a migration */
	int there; /* of interfaces: 1 the host has that device, 0 not, -1 cannot be told */
	HyperPlace place;
} HyperPart;

typedef struct {
	GPtrArray *parts;     /* of HyperPart */
	char *xml;	      /* of uuid: its XML, to be asked about elsewhere */
	char *job;	      /* what libvirt does with it now ("backup"), or NULL */
	int checkpoints; /* -1: not known */
} HyperInspection;

void hyper_part_free(HyperPart *part);
void hyper_inspection_free(HyperInspection *inspection);
void hyper_domain_free(HyperDomain *domain);
void hyper_host_info_free(HyperHostInfo *info);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HyperDomain, hyper_domain_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HyperHostInfo, hyper_host_info_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HyperPart, hyper_part_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HyperInspection, hyper_inspection_free)

/* ---- requests ------------------------------------------------------------------------------- */

typedef enum {
	HYPER_OP_HOST_INFO,	/* -> info */
	HYPER_OP_LIST,		/* -> domains: every domain, running or defined */
	HYPER_OP_DOMAIN,	/* uuid -> domain (state NONE where the host does not know it) */
	HYPER_OP_STATE,		/* uuid -> domain with uuid, state, reason only; never waits for
				   the domain's job lock, so it works while it migrates in or out */
	HYPER_OP_JOB,		/* uuid -> job; source host only */
	HYPER_OP_JOB_COMPLETED, /* uuid -> job: figures of the last one; either host */
	HYPER_OP_MIGRATE,	/* uuid, migrate -> ends when the migration has */
	HYPER_OP_ABORT,		/* uuid: asks to cancel; answered when the asking is done */
	HYPER_OP_SUSPEND,	/* uuid: pauses the guest; undone by RESUME */
	HYPER_OP_RESUME,	/* uuid */
	HYPER_OP_SET_METADATA,	/* uuid, text: kvmig's element; NULL removes; live and stored */
	HYPER_OP_SET_AUTOSTART, /* uuid, flag */
	HYPER_OP_CHECK_TARGET,	/* text: domain XML -> refusals: why this host cannot run it */
	HYPER_OP_DOMAIN_XML,	/* uuid -> text: migratable XML */
	HYPER_OP_INSPECT, /* uuid, or text: a domain's XML -> inspection: what this host knows of
			     what the domain uses */
	/* uuid -> refusals: what libvirt has against a migration, by its own checks: it is asked
	   for one that cannot leave. With text, the daemon of another host as this one reaches it:
	   also whether that is reached; it turns the migration down at once (answer->reached,
	   else answer->text has libvirt's words). The domain goes on as it was; its job lock is
	   held meanwhile, with a peer that does not answer for minutes. */
	HYPER_OP_PROBE,
	/* later issues: START_POSTCOPY, SET_MAX_DOWNTIME, SET_MAX_SPEED, DIRTY_RATE */
} HyperOp;

typedef struct {
	const char *peer_uri;	 /* the target's daemon, as the source's daemon reaches it */
	const char *migrate_uri; /* tcp://192.0.2.2 or unix:///dir/name */
	const char *listen_address; /* the target's QEMU binds it; NULL for unix: */
	const char *tls_destination; /* name in the target's certificate; NULL: of migrate_uri */
	gint64 bandwidth_bytes_per_second; /* 0: unlimited; rounded up to MiB/s as libvirt takes */
	gboolean persistent; /* define on the target, undefine on the source */
	gboolean tls;
} HyperMigrateParams;

/* What a host has against a domain; everything, not only the first. */
typedef enum {
	HYPER_REFUSAL_OTHER,
	HYPER_REFUSAL_MACHINE,	    /* machine type, architecture or virtualisation */
	HYPER_REFUSAL_CPU,	    /* the model */
	HYPER_REFUSAL_CPU_FEATURES, /* `missing` names them */
	HYPER_REFUSAL_NETWORK,	    /* `subject`: a virtual network that is not there or not up */
	HYPER_REFUSAL_HUGEPAGES,    /* needed, available: bytes */
	HYPER_REFUSAL_CAPABILITY,   /* firmware, TPM, launch security, … */
	HYPER_REFUSAL_UNSAFE	    /* disks: not on shared storage, or cached */
} HyperRefusalKind;

typedef struct {
	HyperRefusalKind kind;
	char *text; /* libvirt's words where it has some */
	char *subject;
	GStrv missing;
	gint64 needed, available; /* -1: none */
} HyperRefusal;

void hyper_refusal_free(HyperRefusal *refusal);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HyperRefusal, hyper_refusal_free)

/* Answer of a request. On failure `error` is set and the rest is empty. Borrowed for the call;
 * a handler takes what it wants to keep with g_steal_pointer(). */
typedef struct {
	GError *error; /* codes: UNREACHABLE (connection), TIMEOUT, NOT_FOUND (domain), CANCELLED,
			  REFUSED (libvirt will not migrate it), FAILED; the message is
			  libvirt's own words */
	gboolean outcome_unknown; /* MIGRATE: failed in a way that leaves open what happened */
	HyperHostInfo *info;
	GPtrArray *domains; /* of HyperDomain */
	HyperDomain *domain;
	HyperJob job;
	char *text;
	GPtrArray *refusals; /* of HyperRefusal; NULL or empty: nothing against it */
	HyperInspection *inspection;
	gboolean reached;
} HyperAnswer;

typedef void (*HyperDone)(HyperRequest *request, HyperAnswer *answer, gpointer data);

/* Filled by the caller; everything is copied by hyper_submit(). */
typedef struct {
	HyperOp op;
	const char *uuid;
	const char *text;
	gboolean flag;
	const HyperMigrateParams *migrate;
	guint timeout_ms; /* 0: none; only for MIGRATE */
} HyperCall;

/* Submits. done is called exactly once, from the main loop, never from inside this call, unless
 * hyper_forget() comes first. The request is valid until done returns. */
HyperRequest *hyper_submit(HyperHost *host, const HyperCall *call, HyperDone done, gpointer data);

/* The caller no longer wants the answer: done will not be called. The operation itself goes on
 * (a migration is not cancelled by this). NULL is ignored. */
void hyper_forget(HyperRequest *request);

HyperHost *hyper_request_host(const HyperRequest *request);

/* ---- hosts ---------------------------------------------------------------------------------- */

typedef enum {
	HYPER_EVENT_CONNECTED,	  /* the driver has a connection (again): state may have changed */
	HYPER_EVENT_DISCONNECTED, /* text: why */
	HYPER_EVENT_DOMAIN,	  /* uuid: something about it changed: look again */
	HYPER_EVENT_ITERATION,	  /* uuid, number: a pass over the memory begins */
	HYPER_EVENT_STATE	  /* uuid, state, reason, when_us: it began or ceased to run */
} HyperEventType;

typedef struct {
	HyperEventType type;
	const char *uuid;
	const char *text;
	gint64 number;
	HyperDomainState state;
	HyperReason reason;
	gint64 when_us; /* monotonic time at which the driver heard of it */
} HyperEvent;

/* From the main loop. */
typedef void (*HyperEventFunc)(HyperHost *host, const HyperEvent *event, gpointer data);

typedef struct HyperDriver HyperDriver;
typedef struct Clock Clock;

/* With the libvirt driver (loaded as a module at the first host: UNSUPPORTED with a hint where it
 * is not installed), or with a driver given (hyper/sim). events may be NULL. */
Hyper *hyper_new(const HyperDriver *driver, gpointer driver_data, Clock *clock,
		 HyperEventFunc events, gpointer events_data);
/* Abandons what is under way. A peer-to-peer migration goes on without us. */
void hyper_free(Hyper *hyper);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Hyper, hyper_free)

/* The host of that name; made at the first call, opened at the first request. A changed uri
 * closes the old connections. The URI is checked (hyper/uri.h): INVALID, REFUSED. Owned by
 * hyper. */
HyperHost *hyper_host(Hyper *hyper, const char *name, const char *uri, gboolean allow_tcp,
		      GError **error);
HyperHost *hyper_find_host(Hyper *hyper, const char *name); /* NULL: none */
void hyper_drop_host(Hyper *hyper, const char *name);
const char *hyper_host_name(const HyperHost *host);

/* FALSE after a request ran into its time limit or the connection broke, until one succeeds. */
gboolean hyper_host_is_reachable(const HyperHost *host);

/* ---- drivers -------------------------------------------------------------------------------- */

#define HYPER_DRIVER_ABI 4

/* What a driver sees of a request: read-only, and valid until it is completed AND, where it was
 * abandoned, released. */
typedef struct {
	HyperOp op;
	const char *uuid;
	const char *text;
	gboolean flag;
	HyperMigrateParams migrate;
} HyperJobCall;

/* What a driver may call back, from any thread. */
typedef struct {
	/* Ends the request; takes the contents of answer (a driver fills it with g_new0/g_strdup'd
	 * data and errors made by set_error). After this the request must not be touched. */
	void (*complete)(HyperRequest *request, HyperAnswer *answer);
	/* Reports an event; everything is copied. `host` is what host_open was given. */
	void (*event)(HyperHost *host, const HyperEvent *event);
	/* answer->error = a KVMIG_ERROR; the module has no error domain of its own. */
	void (*set_error)(HyperAnswer *answer, KvmigError code, const char *message,
			  const char *hint, const char *reason);
} HyperCore;

struct HyperDriver {
	guint abi; /* HYPER_DRIVER_ABI */
	const char *name;
	/* Once, before anything else; may be NULL. */
	void (*init)(const HyperCore *core, Clock *clock, gpointer driver_data);
	void (*shutdown)(gpointer driver_data);
	/* At once, without connecting. Returns the driver's own host. */
	gpointer (*host_open)(HyperHost *host, const char *name, const char *uri,
			      gpointer driver_data);
	/* Its requests have been abandoned. No event() for that host once this has returned. */
	void (*host_close)(gpointer driver_host);
	/* At once: queue it for a worker (libvirt) or set a timer (sim). */
	void (*submit)(gpointer driver_host, HyperRequest *request, const HyperJobCall *call);
	/* The time limit has passed or nobody wants the answer: complete() must still be called
	 * when the worker comes back, and is ignored. Comes at most once, and may come for a
	 * request that has just been completed: then it must do nothing. */
	void (*abandon)(gpointer driver_host, HyperRequest *request);
};

/* The symbol that a driver module exports: a HyperDriver. */
#define HYPER_DRIVER_SYMBOL "kvmig_hyper_driver"
