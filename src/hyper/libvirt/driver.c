/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts, workers and their queues. host->lock guards everything of a host and of its workers
 * except what is marked as the worker's own. Nothing here blocks but the workers.
 */
#include "hyper/libvirt/driver.h"

#include "hyper/libvirt/event-loop.h"

#define GIVEN_UP_MAX 8		  /* stuck workers of one host; more requests fail at once */
#define GOODBYE_US 200000 /* how long shutdown waits for connections to close */

typedef enum {
	LANE_CONTROL,
	LANE_JOB,
	LANE_PRIORITY,
	LANES,
	LANE_OWN = LANES
} Lane;

typedef struct {
	HyperRequest *request;
	const HyperJobCall *call;
} Task;

struct LvHost {
	gatomicrefcount refs;
	HyperHost *core_host; /* valid until closed */
	char *uri;
	GMutex lock;
	gboolean closed;
	GPtrArray *workers;	  /* of LvWorker: all that live; each holds a reference */
	LvWorker *lanes[LANES];	  /* those that take ordinary calls; NULL: none yet */
	GHashTable *running_since; /* uuid -> gint64 */
	GHashTable *directions;	  /* uuid -> int */
	LvHostFacts *facts;	  /* NULL: not read yet */
};

struct LvLink {
	gatomicrefcount refs;
	LvHost *host; /* a reference */
	gint cut;     /* atomic */
	gint live;    /* atomic: events came over it */
};

struct LvWorker {
	LvHost *host;
	Lane lane;
	GCond wake;
	GQueue tasks; /* of Task */
	Task *current;
	gboolean quit;
	gboolean given_up;
	LvLink *link; /* control only */
	virConnectPtr conn; /* the thread's own */
};

const HyperCore *lv_core;

/* Threads that are not given up; shutdown waits for them a little. */
static GMutex census_lock;
static GCond census_changed;
static guint census;

static const struct {
	LvOperation run;
	Lane lane;
} operations[] = {
	[HYPER_OP_HOST_INFO] = { lv_host_info, LANE_CONTROL },
	[HYPER_OP_LIST] = { lv_list, LANE_CONTROL },
	[HYPER_OP_DOMAIN] = { lv_domain, LANE_CONTROL },
	[HYPER_OP_STATE] = { lv_state, LANE_PRIORITY },
	[HYPER_OP_JOB] = { lv_job, LANE_JOB },
	[HYPER_OP_JOB_COMPLETED] = { lv_job_completed, LANE_JOB },
	[HYPER_OP_MIGRATE] = { lv_migrate, LANE_OWN },
	[HYPER_OP_ABORT] = { lv_abort, LANE_PRIORITY },
	[HYPER_OP_SUSPEND] = { lv_suspend, LANE_JOB },
	[HYPER_OP_RESUME] = { lv_resume, LANE_JOB },
	[HYPER_OP_SET_METADATA] = { lv_set_metadata, LANE_CONTROL },
	[HYPER_OP_SET_AUTOSTART] = { lv_set_autostart, LANE_CONTROL },
	[HYPER_OP_CHECK_TARGET] = { lv_check_target, LANE_CONTROL },
	[HYPER_OP_DOMAIN_XML] = { lv_domain_xml, LANE_CONTROL },
	[HYPER_OP_INSPECT] = { lv_inspect, LANE_CONTROL },
	[HYPER_OP_PROBE] = { lv_probe, LANE_JOB },
};

/* ---- hosts ---------------------------------------------------------------------------------- */

static LvHost *host_ref(LvHost *host)
{
	g_atomic_ref_count_inc(&host->refs);
	return host;
}

static void host_unref(LvHost *host)
{
	if (!g_atomic_ref_count_dec(&host->refs))
		return;
	g_ptr_array_unref(host->workers);
	g_hash_table_unref(host->running_since);
	g_hash_table_unref(host->directions);
	g_clear_pointer(&host->facts, lv_host_facts_unref);
	g_mutex_clear(&host->lock);
	g_free(host->uri);
	g_free(host);
}

const char *lv_host_uri(const LvHost *host)
{
	return host->uri;
}

/* Under the lock, so that no event comes after host_close has returned. */
void lv_host_event(LvHost *host, const HyperEvent *event)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

	if (!host->closed)
		lv_core->event(host->core_host, event);
}

static gboolean is_leaving(const LvWorker *worker, const char *uuid)
{
	const Task *task = worker->current;

	return task && task->call->op == HYPER_OP_MIGRATE &&
	       g_ascii_strcasecmp(task->call->uuid, uuid) == 0;
}

gboolean lv_host_is_leaving(LvHost *host, const char *uuid)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

	for (guint i = 0; i < host->workers->len; i++)
		if (is_leaving(g_ptr_array_index(host->workers, i), uuid))
			return TRUE;
	return FALSE;
}

gint64 lv_host_running_since(LvHost *host, const char *uuid)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);
	const gint64 *since = g_hash_table_lookup(host->running_since, uuid);

	return since ? *since : 0;
}

void lv_host_set_running_since(LvHost *host, const char *uuid, gint64 unix_us)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

	if (unix_us == 0)
		g_hash_table_remove(host->running_since, uuid);
	else
		g_hash_table_insert(host->running_since, g_strdup(uuid),
				    g_memdup2(&unix_us, sizeof(unix_us)));
}

void lv_host_set_direction(LvHost *host, const char *uuid, int direction)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

	if (direction == 0)
		g_hash_table_remove(host->directions, uuid);
	else
		g_hash_table_insert(host->directions, g_strdup(uuid), GINT_TO_POINTER(direction));
}

int lv_host_direction(LvHost *host, const char *uuid)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

	return GPOINTER_TO_INT(g_hash_table_lookup(host->directions, uuid));
}

void lv_host_forget_history(LvHost *host)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

	g_hash_table_remove_all(host->running_since);
	g_hash_table_remove_all(host->directions);
	g_clear_pointer(&host->facts, lv_host_facts_unref);
}

LvHostFacts *lv_host_facts(LvHost *host)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

	return host->facts ? g_atomic_rc_box_acquire(host->facts) : NULL;
}

void lv_host_set_facts(LvHost *host, LvHostFacts *facts)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

	g_clear_pointer(&host->facts, lv_host_facts_unref);
	host->facts = g_atomic_rc_box_acquire(facts);
}

/* ---- links ---------------------------------------------------------------------------------- */

static LvLink *link_new(LvHost *host)
{
	LvLink *link = g_new0(LvLink, 1);

	g_atomic_ref_count_init(&link->refs);
	link->host = host_ref(host);
	return link;
}

LvLink *lv_link_ref(LvLink *link)
{
	g_atomic_ref_count_inc(&link->refs);
	return link;
}

void lv_link_unref(LvLink *link)
{
	if (!g_atomic_ref_count_dec(&link->refs))
		return;
	host_unref(link->host);
	g_free(link);
}

void lv_link_set_live(LvLink *link)
{
	g_atomic_int_set(&link->live, 1);
}

LvHost *lv_link_host(LvLink *link)
{
	return g_atomic_int_get(&link->cut) ? NULL : link->host;
}

/* ---- workers -------------------------------------------------------------------------------- */

static void count_thread(gboolean begins)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&census_lock);

	census = begins ? census + 1 : census - 1;
	g_cond_broadcast(&census_changed);
}

/* The next task of this worker, which becomes its current one; NULL: end. */
static Task *worker_next(LvWorker *worker)
{
	LvHost *host = worker->host;
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&host->lock);

	for (;;) {
		if (worker->given_up)
			return NULL;
		worker->current = g_queue_pop_head(&worker->tasks);
		if (worker->current || worker->quit)
			return worker->current;
		g_cond_wait(&worker->wake, &host->lock);
	}
}

static gboolean is_given_up(LvWorker *worker)
{
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&worker->host->lock);

	return worker->given_up;
}

/* A connection can take as long as its host is away. Who asked has gone on meanwhile, and an order
 * that is carried out then comes when nobody expects it. */
static void worker_run(LvWorker *worker, const HyperJobCall *call, HyperAnswer *answer)
{
	worker->conn = lv_connect(worker->conn, worker->host->uri, worker->link, answer);
	if (!worker->conn)
		return;
	if (is_given_up(worker))
		lv_core->set_error(answer, KVMIG_ERROR_CANCELLED, "given up before it began", NULL,
				   NULL);
	else
		operations[call->op].run(worker->conn, worker->host, call, answer);
}

/* From here on abandon() does not find the request any more, so nobody touches it but us. */
static void worker_finish(LvWorker *worker, Task *task, HyperAnswer *answer)
{
	g_mutex_lock(&worker->host->lock);
	worker->current = NULL;
	g_mutex_unlock(&worker->host->lock);
	lv_core->complete(task->request, answer);
	g_free(task);
}

static void refuse(HyperRequest *request, KvmigError code, const char *text)
{
	HyperAnswer answer = { 0 };

	lv_core->set_error(&answer, code, text, "look at libvirtd on the host", NULL);
	lv_core->complete(request, &answer);
}

/* What nobody could be found for when the worker was given up. */
static void refuse_rest(LvWorker *worker)
{
	Task *task;

	while ((task = g_queue_pop_head(&worker->tasks))) {
		refuse(task->request, KVMIG_ERROR_UNREACHABLE, "its libvirtd does not answer");
		g_free(task);
	}
}

/* The queue is the thread's own once the worker is off the host's list. */
static void worker_free(LvWorker *worker)
{
	LvHost *host = worker->host;
	gboolean given_up;

	g_mutex_lock(&host->lock);
	given_up = worker->given_up;
	g_ptr_array_remove_fast(host->workers, worker);
	for (int lane = 0; lane < LANES; lane++)
		if (host->lanes[lane] == worker)
			host->lanes[lane] = NULL;
	g_mutex_unlock(&host->lock);
	refuse_rest(worker);
	if (worker->link)
		lv_link_unref(worker->link);
	g_cond_clear(&worker->wake);
	g_free(worker);
	host_unref(host);
	if (!given_up)
		count_thread(FALSE);
}

static gpointer worker_main(gpointer data)
{
	LvWorker *worker = data;
	Task *task;

	lv_thread_begin();
	while ((task = worker_next(worker))) {
		HyperAnswer answer = { 0 };

		worker_run(worker, task->call, &answer);
		worker_finish(worker, task, &answer);
	}
	lv_disconnect(worker->conn);
	worker_free(worker);
	return NULL;
}

/* ---- what the core calls; these hold the host's lock where they say so ----------------------- */

/* Locked. NULL: no thread can be had. */
static LvWorker *worker_new(LvHost *host, Lane lane)
{
	LvWorker *worker = g_new0(LvWorker, 1);
	GThread *thread;

	worker->host = host_ref(host);
	worker->lane = lane;
	worker->quit = lane == LANE_OWN; /* ends with its only task */
	g_cond_init(&worker->wake);
	g_queue_init(&worker->tasks);
	if (lane == LANE_CONTROL)
		worker->link = link_new(host);
	g_ptr_array_add(host->workers, worker);
	count_thread(TRUE);
	/* it waits for the lock that we hold until its queue is filled */
	thread = g_thread_try_new("kvmig-libvirt", worker_main, worker, NULL);
	if (thread) {
		g_thread_unref(thread);
		return worker;
	}
	count_thread(FALSE);
	g_ptr_array_remove_fast(host->workers, worker);
	if (worker->link)
		lv_link_unref(worker->link);
	g_cond_clear(&worker->wake);
	g_free(worker);
	host_unref(host); /* never the last one: the core has one */
	return NULL;
}

/* Locked. */
static LvWorker *worker_for(LvHost *host, Lane lane)
{
	if (lane == LANE_OWN)
		return worker_new(host, lane);
	if (!host->lanes[lane])
		/* The reference that it gives up on failure is never the last: the core has one. */
		host->lanes[lane] = worker_new(host, lane);
	return host->lanes[lane];
}

/* Locked. */
static guint count_given_up(const LvHost *host)
{
	guint n = 0;

	for (guint i = 0; i < host->workers->len; i++) {
		const LvWorker *worker = g_ptr_array_index(host->workers, i);

		n += worker->given_up ? 1 : 0;
	}
	return n;
}

/* Locked. NULL: queued; else why not. */
static const char *enqueue(LvHost *host, HyperRequest *request, const HyperJobCall *call)
{
	LvWorker *worker;
	Task *task;

	if (count_given_up(host) >= GIVEN_UP_MAX)
		return "several earlier calls to its libvirtd have not come back yet";
	worker = worker_for(host, operations[call->op].lane);
	if (!worker)
		return "no thread can be started for it";
	task = g_new0(Task, 1);
	task->request = request;
	task->call = call;
	g_queue_push_tail(&worker->tasks, task);
	g_cond_signal(&worker->wake);
	return NULL;
}

static void driver_submit(gpointer driver_host, HyperRequest *request, const HyperJobCall *call)
{
	LvHost *host = driver_host;
	const char *why;

	if ((guint)call->op >= G_N_ELEMENTS(operations)) {
		refuse(request, KVMIG_ERROR_INTERNAL, "the libvirt driver has no such operation");
		return;
	}
	g_mutex_lock(&host->lock);
	why = enqueue(host, request, call);
	g_mutex_unlock(&host->lock);
	if (why)
		refuse(request, KVMIG_ERROR_UNREACHABLE, why);
}

/* Locked. Whatever happens from here on is not heard: whoever relies on hearing must know. */
static void cut_link(LvHost *host, LvLink *link)
{
	const HyperEvent event = { .type = HYPER_EVENT_DISCONNECTED,
				   .text = "a call to libvirtd does not come back" };

	g_atomic_int_set(&link->cut, 1);
	if (!host->closed && g_atomic_int_get(&link->live))
		lv_core->event(host->core_host, &event);
}

/* Locked. The worker is in a call that does not come back: its lane and its queue go to another
 * at the next request, or now where something waits. */
static void give_up(LvHost *host, LvWorker *worker)
{
	LvWorker *heir;

	worker->given_up = TRUE;
	count_thread(FALSE);
	if (worker->link)
		cut_link(host, worker->link);
	if (worker->lane == LANE_OWN)
		return;
	host->lanes[worker->lane] = NULL;
	if (g_queue_is_empty(&worker->tasks) || count_given_up(host) >= GIVEN_UP_MAX)
		return; /* what waits in the queue runs into its own time limit */
	heir = worker_for(host, worker->lane);
	if (!heir)
		return;
	while (!g_queue_is_empty(&worker->tasks))
		g_queue_push_tail(&heir->tasks, g_queue_pop_head(&worker->tasks));
	g_cond_signal(&heir->wake);
}

/* Locked. The task of that request, taken out of a queue; NULL where it waits in none. */
static Task *unqueue(LvHost *host, const HyperRequest *request)
{
	for (guint i = 0; i < host->workers->len; i++) {
		LvWorker *worker = g_ptr_array_index(host->workers, i);

		for (GList *link = worker->tasks.head; link; link = link->next) {
			Task *task = link->data;

			if (task->request != request)
				continue;
			g_queue_delete_link(&worker->tasks, link);
			return task;
		}
	}
	return NULL;
}

/* Locked. */
static LvWorker *find_runner(LvHost *host, const HyperRequest *request)
{
	for (guint i = 0; i < host->workers->len; i++) {
		LvWorker *worker = g_ptr_array_index(host->workers, i);

		if (worker->current && worker->current->request == request)
			return worker;
	}
	return NULL;
}

static void driver_abandon(gpointer driver_host, HyperRequest *request)
{
	LvHost *host = driver_host;
	LvWorker *runner;
	Task *task;

	g_mutex_lock(&host->lock);
	task = unqueue(host, request);
	runner = find_runner(host, request);
	if (runner)
		give_up(host, runner);
	g_mutex_unlock(&host->lock);
	if (task)
		refuse(request, KVMIG_ERROR_CANCELLED, "given up before it began");
	g_free(task);
}

static gpointer driver_host_open(HyperHost *core_host, const char *name G_GNUC_UNUSED,
				 const char *uri, gpointer data G_GNUC_UNUSED)
{
	LvHost *host = g_new0(LvHost, 1);

	g_atomic_ref_count_init(&host->refs);
	g_mutex_init(&host->lock);
	host->core_host = core_host;
	host->uri = g_strdup(uri);
	host->workers = g_ptr_array_new();
	host->running_since = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	host->directions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	return host;
}

static void driver_host_close(gpointer driver_host)
{
	LvHost *host = driver_host;

	g_mutex_lock(&host->lock);
	host->closed = TRUE;
	for (guint i = 0; i < host->workers->len; i++) {
		LvWorker *worker = g_ptr_array_index(host->workers, i);

		worker->quit = TRUE;
		g_cond_signal(&worker->wake);
	}
	g_mutex_unlock(&host->lock);
	host_unref(host);
}

static void be_quiet(void *data G_GNUC_UNUSED, virErrorPtr error G_GNUC_UNUSED)
{
}

static void driver_init(const HyperCore *core, Clock *clock G_GNUC_UNUSED,
			gpointer data G_GNUC_UNUSED)
{
	static gsize once;

	if (!lv_core)
		lv_core = core;
	if (!g_once_init_enter(&once))
		return;
	virInitialize();
	virSetErrorFunc(NULL, be_quiet); /* it would print on stderr */
	lv_event_loop_start();
	g_once_init_leave(&once, 1);
}

/* Workers at rest close their connections in no time; those in a call are not waited for. */
static void driver_shutdown(gpointer data G_GNUC_UNUSED)
{
	gint64 until = g_get_monotonic_time() + GOODBYE_US;
	G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&census_lock);

	while (census > 0 && g_cond_wait_until(&census_changed, &census_lock, until))
		;
}

extern const HyperDriver kvmig_hyper_driver;

const HyperDriver kvmig_hyper_driver = {
	.abi = HYPER_DRIVER_ABI,
	.name = "libvirt",
	.init = driver_init,
	.shutdown = driver_shutdown,
	.host_open = driver_host_open,
	.host_close = driver_host_close,
	.submit = driver_submit,
	.abandon = driver_abandon,
};
