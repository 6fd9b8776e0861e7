/* SPDX-License-Identifier: Apache-2.0 */
/* The libvirt driver against two real daemons. Skipped where libvirt or QEMU is not installed. */
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "hyper/hyper.h"
#include "libvirt-nodes.h"
#include "model/wellknown.h"

#define STEP_MS 20000
#define PATIENCE 600 /* looks, 50 ms apart, until something must have come about */
#define MIB (1024 * 1024)

typedef struct {
	gboolean done;
	HyperAnswer answer;
} Reply;

typedef struct {
	HyperEventType type;
	char *host;
	char *uuid;
	HyperDomainState state;
	HyperReason reason;
} Seen;

static const char *top;
static Node nodes[2];
static Hyper *hyper;
static GPtrArray *seen;

/* ---- asking --------------------------------------------------------------------------------- */

static void reply_clear(Reply *reply)
{
	g_clear_error(&reply->answer.error);
	g_clear_pointer(&reply->answer.info, hyper_host_info_free);
	g_clear_pointer(&reply->answer.domains, g_ptr_array_unref);
	g_clear_pointer(&reply->answer.domain, hyper_domain_free);
	g_clear_pointer(&reply->answer.text, g_free);
	g_clear_pointer(&reply->answer.refusals, g_ptr_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reply, reply_clear)

static void on_done(HyperRequest *request G_GNUC_UNUSED, HyperAnswer *answer, gpointer data)
{
	Reply *reply = data;

	g_assert_false(reply->done);
	reply->done = TRUE;
	reply->answer = *answer;
	memset(answer, 0, sizeof(*answer));
}

static void wait_for(const Reply *reply)
{
	while (!reply->done)
		g_main_context_iteration(NULL, TRUE);
}

static Reply ask_call(const Node *node, HyperCall call)
{
	Reply reply = { 0 };

	if (call.timeout_ms == 0 && call.op != HYPER_OP_MIGRATE)
		call.timeout_ms = STEP_MS;
	hyper_submit(node->host, &call, on_done, &reply);
	wait_for(&reply);
	return reply;
}

#define ASK(node, ...) ask_call(&nodes[node], (HyperCall){ __VA_ARGS__ })

static HyperDomainState state_of(int node, const char *uuid)
{
	g_auto(Reply) reply = ASK(node, .op = HYPER_OP_STATE, .uuid = uuid);

	g_assert_no_error(reply.answer.error);
	return reply.answer.domain->state;
}

static void seen_free(gpointer data)
{
	Seen *event = data;

	g_free(event->host);
	g_free(event->uuid);
	g_free(event);
}

static void on_event(HyperHost *host, const HyperEvent *event, gpointer data G_GNUC_UNUSED)
{
	Seen *copy = g_new0(Seen, 1);

	copy->type = event->type;
	copy->host = g_strdup(hyper_host_name(host));
	copy->uuid = g_strdup(event->uuid);
	copy->state = event->state;
	copy->reason = event->reason;
	if (event->type == HYPER_EVENT_STATE)
		g_assert_cmpint(ABS(g_get_monotonic_time() - event->when_us), <,
				60 * G_USEC_PER_SEC);
	g_ptr_array_add(seen, copy);
}

static gboolean was_seen(const char *host, HyperEventType type, const char *uuid,
			 HyperDomainState state, HyperReason reason)
{
	for (guint i = 0; i < seen->len; i++) {
		const Seen *event = g_ptr_array_index(seen, i);

		if (event->type == type && strcmp(event->host, host) == 0 &&
		    g_strcmp0(event->uuid, uuid) == 0 &&
		    (type != HYPER_EVENT_STATE ||
		     (event->state == state && event->reason == reason)))
			return TRUE;
	}
	return FALSE;
}

static void on_tick(gpointer data)
{
	*(gboolean *)data = TRUE;
}

static void pause_ms(guint ms)
{
	gboolean over = FALSE;

	clock_after(clock_real(), ms, on_tick, &over);
	while (!over)
		g_main_context_iteration(NULL, TRUE);
}

static void wait_for_event(const char *host, HyperEventType type, const char *uuid,
			   HyperDomainState state, HyperReason reason)
{
	for (int i = 0; i < PATIENCE && !was_seen(host, type, uuid, state, reason); i++)
		pause_ms(50);
	g_assert_true(was_seen(host, type, uuid, state, reason));
}

/* ---- guests --------------------------------------------------------------------------------- */

static HyperMigrateParams way_to(int node, const char *socket)
{
	return (HyperMigrateParams){ .peer_uri = nodes[node].uri, .migrate_uri = socket };
}

static char *socket_uri(const char *name)
{
	return g_strdup_printf("unix://%s/%s", top, name);
}

/* One guest on the first node for all the tests that leave it as it is: a start takes seconds. The
 * test of metadata ends it. */
static const char *resident(void)
{
	static char *uuid;

	if (!uuid)
		uuid = guest_new(&nodes[0], "resident", TRUE, 64);
	return uuid;
}

/* ---- tests ---------------------------------------------------------------------------------- */

static void test_host_info(void)
{
	g_auto(Reply) reply = ASK(0, .op = HYPER_OP_HOST_INFO);
	g_auto(Reply) again = ASK(0, .op = HYPER_OP_HOST_INFO);
	const HyperHostInfo *info = reply.answer.info;

	g_assert_no_error(reply.answer.error);
	g_assert_cmpstr(info->uuid, ==, nodes[0].uuid);
	g_assert_nonnull(info->hostname);
	g_assert_nonnull(info->arch);
	g_assert_nonnull(info->machine_types);
	g_assert_true(g_strv_contains((const char *const *)info->machine_types, "q35"));
	g_assert_nonnull(info->usable_cpu_models);
	g_assert_nonnull(info->usable_cpu_models[0]);
	g_assert_cmpint(info->memory_total_bytes, >, 64 * MIB);
	g_assert_cmpint(info->memory_available_bytes, >, 0);
	g_assert_cmpint(info->memory_available_bytes, <=, info->memory_total_bytes);
	g_assert_cmpuint(info->cpus, >=, 1);
	g_assert_cmpuint(info->libvirt_version, >=, 9000000);
	g_assert_cmpuint(info->hypervisor_version, >=, 5000000);
	g_assert_cmpint(info->migration_certificates, ==, -1);
	g_assert_cmpint(info->disk_leases, ==, -1);
	g_assert_cmpint(info->userfaultfd, ==, -1);
	/* from the cache */
	g_assert_cmpstrv(again.answer.info->machine_types, info->machine_types);
	g_assert_true(was_seen("a", HYPER_EVENT_CONNECTED, NULL, 0, 0));
}

static const HyperDomain *find(const Reply *reply, const char *uuid)
{
	for (guint i = 0; i < reply->answer.domains->len; i++) {
		const HyperDomain *domain = g_ptr_array_index(reply->answer.domains, i);

		if (strcmp(domain->uuid, uuid) == 0)
			return domain;
	}
	return NULL;
}

static void test_list(void)
{
	g_autofree char *uuid = guest_new(&nodes[0], "Web_01 (old)", TRUE, 64);
	g_autofree char *transient = guest_new(&nodes[0], "t", FALSE, 64);
	g_auto(Reply) autostart = ASK(0, .op = HYPER_OP_SET_AUTOSTART, .uuid = uuid, .flag = TRUE);
	g_auto(Reply) reply = ASK(0, .op = HYPER_OP_LIST);
	g_auto(Reply) one = ASK(0, .op = HYPER_OP_DOMAIN, .uuid = uuid);
	const HyperDomain *domain;

	g_assert_no_error(autostart.answer.error);
	g_assert_no_error(reply.answer.error);
	domain = find(&reply, uuid);
	g_assert_cmpstr(domain->name, ==, "Web_01 (old)");
	g_assert_cmpint(domain->state, ==, HYPER_DOMAIN_RUNNING);
	g_assert_cmpint(domain->reason, ==, HYPER_REASON_BOOTED);
	g_assert_true(domain->persistent && domain->autostart && !domain->incoming);
	g_assert_cmpint(domain->memory_bytes, ==, 64 * MIB);
	g_assert_cmpuint(domain->vcpus, ==, 1);
	g_assert_cmpstr(domain->arch, ==, "x86_64");
	g_assert_true(g_str_has_prefix(domain->machine_type, "pc-q35-"));
	g_assert_cmpstr(domain->virt_type, ==, "qemu");
	g_assert_null(domain->not_migratable);
	g_assert_cmpint(domain->running_since_us, >, 0); /* its start was heard of */
	g_assert_true(one.answer.domain->persistent && one.answer.domain->autostart);
	g_assert_cmpstr(one.answer.domain->machine_type, ==, domain->machine_type);
	domain = find(&reply, transient);
	g_assert_false(domain->persistent || domain->autostart);
	guest_end(&nodes[0], transient);
	guest_end(&nodes[0], uuid);
	g_assert_cmpint(state_of(0, transient), ==, HYPER_DOMAIN_NONE);
	g_assert_cmpint(state_of(0, uuid), ==, HYPER_DOMAIN_SHUTOFF);
	node_virsh(&nodes[0], "undefine", uuid);
	wait_for_event("a", HYPER_EVENT_STATE, uuid, HYPER_DOMAIN_RUNNING, HYPER_REASON_BOOTED);
	wait_for_event("a", HYPER_EVENT_STATE, uuid, HYPER_DOMAIN_SHUTOFF, HYPER_REASON_OTHER);
}

static void test_unknown_domain(void)
{
	static const HyperOp ops[] = {
		HYPER_OP_JOB,
		HYPER_OP_JOB_COMPLETED,
		HYPER_OP_ABORT,
		HYPER_OP_SUSPEND,
		HYPER_OP_RESUME,
		HYPER_OP_SET_METADATA,
		HYPER_OP_SET_AUTOSTART,
		HYPER_OP_DOMAIN_XML,
	};
	const char *uuid = "11111111-2222-3333-4444-555555555555";
	HyperMigrateParams way = way_to(1, "unix:///nowhere");
	g_auto(Reply) domain = ASK(0, .op = HYPER_OP_DOMAIN, .uuid = uuid);
	g_auto(Reply) migrate = ASK(0, .op = HYPER_OP_MIGRATE, .uuid = uuid, .migrate = &way);

	g_assert_no_error(domain.answer.error);
	g_assert_cmpint(domain.answer.domain->state, ==, HYPER_DOMAIN_NONE);
	g_assert_error(migrate.answer.error, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND);
	g_assert_false(migrate.answer.outcome_unknown);
	for (gsize i = 0; i < G_N_ELEMENTS(ops); i++) {
		g_auto(Reply) reply = ASK(0, .op = ops[i], .uuid = uuid);

		g_assert_error(reply.answer.error, KVMIG_ERROR, KVMIG_ERROR_NOT_FOUND);
		g_assert_null(strchr(reply.answer.error->message, '\n'));
	}
	g_assert_true(hyper_host_is_reachable(nodes[0].host));
}

static void test_metadata(void)
{
	static const char text[] = "<instance namespace=\"prod\">"
				   "<label name=\"a\">x &amp; y</label></instance>";
	g_autofree char *prefixed = g_strdup_printf(
		"<k:instance xmlns:k='%s' namespace='prod'><k:label name='a'>x &amp; y</k:label>"
		"</k:instance>",
		METADATA_XMLNS);
	const char *uuid = resident();
	const char *const forms[] = { text, prefixed };

	for (gsize i = 0; i < G_N_ELEMENTS(forms); i++) {
		g_auto(Reply) set =
			ASK(0, .op = HYPER_OP_SET_METADATA, .uuid = uuid, .text = forms[i]);
		g_auto(Reply) read = ASK(0, .op = HYPER_OP_DOMAIN, .uuid = uuid);

		g_assert_no_error(set.answer.error);
		g_assert_cmpstr(read.answer.domain->metadata, ==, text);
	}
	guest_end(&nodes[0], uuid); /* it was stored too */
	{
		g_auto(Reply) read = ASK(0, .op = HYPER_OP_DOMAIN, .uuid = uuid);
		g_auto(Reply) bad = ASK(0, .op = HYPER_OP_SET_METADATA, .uuid = uuid,
					.text = "<a/><b/>");
		g_auto(Reply) clear = ASK(0, .op = HYPER_OP_SET_METADATA, .uuid = uuid);
		g_auto(Reply) twice = ASK(0, .op = HYPER_OP_SET_METADATA, .uuid = uuid);
		g_auto(Reply) empty = ASK(0, .op = HYPER_OP_DOMAIN, .uuid = uuid);

		g_assert_cmpstr(read.answer.domain->metadata, ==, text);
		g_assert_error(bad.answer.error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
		g_assert_no_error(clear.answer.error);
		g_assert_no_error(twice.answer.error);
		g_assert_null(empty.answer.domain->metadata);
	}
	node_virsh(&nodes[0], "undefine", uuid);
	wait_for_event("a", HYPER_EVENT_DOMAIN, uuid, 0, 0);
}

static void suspend_and_resume(const char *uuid)
{
	g_auto(Reply) suspend = ASK(0, .op = HYPER_OP_SUSPEND, .uuid = uuid);
	g_auto(Reply) state = ASK(0, .op = HYPER_OP_STATE, .uuid = uuid);
	g_auto(Reply) resume = ASK(0, .op = HYPER_OP_RESUME, .uuid = uuid);

	g_assert_no_error(suspend.answer.error);
	g_assert_cmpint(state.answer.domain->state, ==, HYPER_DOMAIN_PAUSED);
	g_assert_cmpint(state.answer.domain->reason, ==, HYPER_REASON_USER);
	g_assert_no_error(resume.answer.error);
	g_assert_cmpint(state_of(0, uuid), ==, HYPER_DOMAIN_RUNNING);
}

static void test_suspend(void)
{
	suspend_and_resume(resident());
}

/* The time limit passes while the connection is being made: when the daemon answers at last, the
 * order is not carried out any more. */
static void test_late_order(void)
{
	const char *uuid = resident();
	g_autoptr(GError) error = NULL;
	Node late = { .host = hyper_host(hyper, "late", nodes[0].uri, FALSE, &error) };
	HyperCall order = { .op = HYPER_OP_SUSPEND, .uuid = uuid, .timeout_ms = 500 };
	g_auto(Reply) suspend = { 0 };

	g_assert_no_error(error);
	kill(nodes[0].pid, SIGSTOP);
	suspend = ask_call(&late, order);
	kill(nodes[0].pid, SIGCONT);
	g_assert_error(suspend.answer.error, KVMIG_ERROR, KVMIG_ERROR_TIMEOUT);
	for (int i = 0; i < 40; i++) {
		g_assert_cmpint(state_of(0, uuid), ==, HYPER_DOMAIN_RUNNING);
		pause_ms(50);
	}
	hyper_drop_host(hyper, "late");
}

static char *replace(const char *text, const char *from, const char *to)
{
	GString *result = g_string_new(text);

	g_assert_cmpuint(g_string_replace(result, from, to, 1), ==, 1);
	return g_string_free(result, FALSE);
}

/* What the node has against the domain: its kinds, and all it says. */
static GPtrArray *refusals_of(int node, const char *xml)
{
	g_auto(Reply) reply = ASK(node, .op = HYPER_OP_CHECK_TARGET, .text = xml);

	g_assert_no_error(reply.answer.error);
	return reply.answer.refusals ? g_steal_pointer(&reply.answer.refusals) :
				       g_ptr_array_new();
}

static void assert_refused(const char *xml, HyperRefusalKind kind, const char *part)
{
	g_autoptr(GPtrArray) refusals = refusals_of(1, xml);
	const HyperRefusal *first;

	g_assert_cmpuint(refusals->len, ==, 1);
	first = g_ptr_array_index(refusals, 0);
	g_assert_cmpint(first->kind, ==, kind);
	g_assert_nonnull(strstr(first->text, part));
}

/* Emulated: TCG has no AVX-512, whatever the host has. The feature is named. */
static void assert_lacks(const GPtrArray *refusals, const char *feature)
{
	const HyperRefusal *first;

	g_assert_cmpuint(refusals->len, ==, 1);
	first = g_ptr_array_index(refusals, 0);
	g_test_message("%s", first->text);
	g_assert_cmpint(first->kind, ==, HYPER_REFUSAL_CPU_FEATURES);
	g_assert_true(g_strv_contains((const char *const *)first->missing, feature));
}

static void test_check_target(void)
{
	g_auto(Reply) xml = ASK(0, .op = HYPER_OP_DOMAIN_XML, .uuid = resident());
	g_auto(Reply) no_xml = ASK(1, .op = HYPER_OP_CHECK_TARGET, .text = "<domain>");
	const char *text = xml.answer.text;
	g_autofree char *other_machine = replace(text, "machine='pc-q35-", "machine='pc-q36-");
	g_autofree char *with_cpu = replace(text, "</os>",
					    "</os><cpu mode='custom' match='exact'>"
					    "<model>no-such-cpu</model></cpu>");
	g_autofree char *with_feature =
		replace(text, "</os>",
			"</os><cpu mode='custom' match='exact' check='full'><model>qemu64</model>"
			"<feature policy='require' name='avx512f'/>"
			"<feature policy='require' name='pku'/></cpu>");
	g_autofree char *unchecked = replace(with_feature, "check='full'", "check='none'");
	g_autofree char *with_network =
		replace(text, "</devices>",
			"<interface type='network'><source network='no-such-net'/></interface>"
			"</devices>");
	g_autofree char *with_pages =
		replace(text, "<os>",
			"<memoryBacking><hugepages><page size='3' unit='MiB'/></hugepages>"
			"</memoryBacking><os>");
	g_autofree char *with_tpm = replace(text, "</devices>",
					    "<tpm model='tpm-spapr'/></devices>");
	g_autofree char *with_video =
		replace(text, "</devices>",
			"<video><model type='no-such-card'/></video></devices>");
	g_autofree char *of_another = replace(with_network, "machine='pc-q35-", "machine='pc-q36-");
	g_autoptr(GPtrArray) none = refusals_of(1, text), two = refusals_of(1, of_another);
	g_autoptr(GPtrArray) features = refusals_of(1, with_feature);
	g_autoptr(GPtrArray) allowed = refusals_of(1, unchecked);

	g_assert_cmpuint(none->len, ==, 0);
	g_assert_cmpuint(allowed->len, ==, 0);
	assert_lacks(features, "avx512f");
	g_assert_cmpuint(two->len, ==, 2); /* everything, not only the first */
	assert_refused(other_machine, HYPER_REFUSAL_MACHINE, "pc-q36");
	assert_refused(with_cpu, HYPER_REFUSAL_CPU, "no-such-cpu");
	assert_refused(with_network, HYPER_REFUSAL_NETWORK, "no-such-net");
	assert_refused(with_pages, HYPER_REFUSAL_HUGEPAGES, "3 MiB");
	assert_refused(with_tpm, HYPER_REFUSAL_CAPABILITY, "TPM model 'tpm-spapr'");
	assert_refused(with_video, HYPER_REFUSAL_CAPABILITY, "video model 'no-such-card'");
	g_assert_error(no_xml.answer.error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
}

static void test_migrate(void)
{
	g_autofree char *uuid = guest_new(&nodes[0], "move", TRUE, 64);
	g_autofree char *socket = socket_uri("move.sock");
	HyperMigrateParams way = way_to(1, socket);
	g_auto(Reply) idle = ASK(0, .op = HYPER_OP_JOB, .uuid = uuid);
	g_auto(Reply) moved = { 0 };
	g_auto(Reply) there = { 0 };
	g_auto(Reply) figures = { 0 };

	g_assert_no_error(idle.answer.error);
	g_assert_false(idle.answer.job.active);
	g_assert_cmpint(idle.answer.job.memory_total_bytes, ==, -1);
	way.persistent = TRUE;
	moved = ASK(0, .op = HYPER_OP_MIGRATE, .uuid = uuid, .migrate = &way);
	g_assert_no_error(moved.answer.error);
	g_assert_cmpint(state_of(0, uuid), ==, HYPER_DOMAIN_NONE);
	there = ASK(1, .op = HYPER_OP_DOMAIN, .uuid = uuid);
	g_assert_cmpint(there.answer.domain->state, ==, HYPER_DOMAIN_RUNNING);
	g_assert_cmpint(there.answer.domain->reason, ==, HYPER_REASON_MIGRATED);
	g_assert_true(there.answer.domain->persistent);
	figures = ASK(1, .op = HYPER_OP_JOB_COMPLETED, .uuid = uuid);
	g_assert_no_error(figures.answer.error);
	g_assert_true(figures.answer.job.completed && !figures.answer.job.active);
	g_assert_cmpint(figures.answer.job.memory_total_bytes, >=, 64 * MIB);
	g_assert_cmpint(figures.answer.job.downtime_ms, >=, 0);
	wait_for_event("b", HYPER_EVENT_STATE, uuid, HYPER_DOMAIN_PAUSED, HYPER_REASON_STARTING_UP);
	wait_for_event("b", HYPER_EVENT_STATE, uuid, HYPER_DOMAIN_RUNNING, HYPER_REASON_MIGRATED);
	wait_for_event("a", HYPER_EVENT_STATE, uuid, HYPER_DOMAIN_SHUTOFF, HYPER_REASON_MIGRATION);
	wait_for_event("a", HYPER_EVENT_ITERATION, uuid, 0, 0);
	guest_end(&nodes[1], uuid);
	node_virsh(&nodes[1], "undefine", uuid);
}

static void test_migrate_paused(void)
{
	g_autofree char *uuid = guest_new(&nodes[0], "still", FALSE, 64);
	g_autofree char *socket = socket_uri("still.sock");
	HyperMigrateParams way = way_to(1, socket);
	G_GNUC_UNUSED g_auto(Reply) suspend = ASK(0, .op = HYPER_OP_SUSPEND, .uuid = uuid);
	g_auto(Reply) moved = ASK(0, .op = HYPER_OP_MIGRATE, .uuid = uuid, .migrate = &way);

	g_assert_no_error(moved.answer.error);
	g_assert_cmpint(state_of(0, uuid), ==, HYPER_DOMAIN_NONE);
	g_assert_cmpint(state_of(1, uuid), ==, HYPER_DOMAIN_PAUSED);
	guest_end(&nodes[1], uuid);
}

/* GiBs that nobody has touched cost nothing but 9 bytes a page on the wire: three of them seven
 * seconds at 1 MiB/s, in which the migration can be watched and disturbed. */
static void slow_start(HyperMigrateParams *way, const char *uuid, Reply *reply)
{
	HyperCall call = { .op = HYPER_OP_MIGRATE, .uuid = uuid, .migrate = way };

	way->bandwidth_bytes_per_second = 1;
	hyper_submit(nodes[0].host, &call, on_done, reply);
	for (int i = 0; i < 5 * PATIENCE && !reply->done; i++) {
		g_auto(Reply) job = ASK(0, .op = HYPER_OP_JOB, .uuid = uuid);

		g_assert_no_error(job.answer.error);
		if (job.answer.job.active && job.answer.job.memory_total_bytes > 0)
			return;
		pause_ms(20);
	}
	g_assert_not_reached();
}

static void test_abort(void)
{
	g_autofree char *uuid = guest_new(&nodes[0], "abort", TRUE, 3072);
	g_autofree char *socket = socket_uri("abort.sock");
	HyperMigrateParams way = way_to(1, socket);
	g_auto(Reply) migration = { 0 };
	g_auto(Reply) target = { 0 };
	g_auto(Reply) list = { 0 };
	g_auto(Reply) cancel = { 0 };
	gint64 begin;

	way.persistent = TRUE;
	slow_start(&way, uuid, &migration);
	begin = g_get_monotonic_time();
	target = ASK(1, .op = HYPER_OP_DOMAIN, .uuid = uuid);
	list = ASK(1, .op = HYPER_OP_LIST);
	g_assert_true(target.answer.domain->incoming);
	g_assert_cmpint(target.answer.domain->state, ==, HYPER_DOMAIN_PAUSED);
	g_assert_true(find(&list, uuid)->incoming);
	cancel = ASK(0, .op = HYPER_OP_ABORT, .uuid = uuid);
	g_assert_no_error(cancel.answer.error);
	wait_for(&migration);
	g_assert_cmpint(g_get_monotonic_time() - begin, <, 25 * G_USEC_PER_SEC); /* no job lock */
	g_assert_error(migration.answer.error, KVMIG_ERROR, KVMIG_ERROR_CANCELLED);
	g_assert_cmpint(state_of(0, uuid), ==, HYPER_DOMAIN_RUNNING);
	for (int i = 0; i < PATIENCE && state_of(1, uuid) != HYPER_DOMAIN_NONE; i++)
		pause_ms(50);
	g_assert_cmpint(state_of(1, uuid), ==, HYPER_DOMAIN_NONE);
	guest_end(&nodes[0], uuid);
	node_virsh(&nodes[0], "undefine", uuid);
}

static void test_refusals(void)
{
	const char *uuid = resident();
	g_autofree char *socket = socket_uri("tls.sock");
	HyperMigrateParams way = way_to(1, socket);
	HyperMigrateParams same = way_to(0, socket);
	g_auto(Reply) no_peer = { 0 };
	g_auto(Reply) same_host = ASK(0, .op = HYPER_OP_MIGRATE, .uuid = uuid, .migrate = &same);
	g_auto(Reply) no_certificates = { 0 };

	way.tls = TRUE;
	way.tls_destination = "b.example";
	no_certificates = ASK(0, .op = HYPER_OP_MIGRATE, .uuid = uuid, .migrate = &way);
	way.tls = FALSE;
	way.peer_uri = "qemu+unix:///session?socket=/nonexistent/sock";
	no_peer = ASK(0, .op = HYPER_OP_MIGRATE, .uuid = uuid, .migrate = &way);
	g_assert_nonnull(same_host.answer.error);
	g_assert_nonnull(strstr(same_host.answer.error->message, "same host"));
	g_assert_error(no_certificates.answer.error, KVMIG_ERROR, KVMIG_ERROR_REFUSED);
	g_assert_cmpstr(error_get_reason(no_certificates.answer.error), ==, "KVMIG-BLK-TLS-CERTS");
	g_assert_nonnull(error_get_hint(no_certificates.answer.error));
	g_assert_nonnull(no_peer.answer.error);
	g_assert_true(no_peer.answer.outcome_unknown);
	g_assert_cmpint(state_of(0, uuid), ==, HYPER_DOMAIN_RUNNING);
	g_assert_true(hyper_host_is_reachable(nodes[0].host));
}

/* New workers run into the same wall as the first, and only so many of them; what comes then is
 * refused at once. On a busy machine the time is over before some worker has begun: it does not
 * count. */
static void run_into_wall(const Node *node)
{
	HyperCall call = { .op = HYPER_OP_STATE, .uuid = node->uuid, .timeout_ms = 50 };
	int late = 0;

	for (;;) {
		g_auto(Reply) reply = ask_call(node, call);

		if (g_error_matches(reply.answer.error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE))
			break;
		g_assert_error(reply.answer.error, KVMIG_ERROR, KVMIG_ERROR_TIMEOUT);
		g_assert_cmpint(++late, <, 100);
	}
	g_assert_cmpint(late, >=, 7);
	call.timeout_ms = STEP_MS;
	for (int i = 0; i < 4; i++) {
		g_auto(Reply) reply = ask_call(node, call);

		g_assert_error(reply.answer.error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	}
}

/* A daemon that stands still costs its own host the time limit, and nobody else anything. */
static void test_stopped_daemon(void)
{
	g_auto(Reply) stuck = { 0 };
	g_auto(Reply) other = { 0 };
	HyperCall list = { .op = HYPER_OP_LIST, .timeout_ms = 15000 };

	kill(nodes[0].pid, SIGSTOP);
	hyper_submit(nodes[0].host, &list, on_done, &stuck);
	other = ASK(1, .op = HYPER_OP_LIST);
	g_assert_no_error(other.answer.error);
	g_assert_false(stuck.done);
	wait_for(&stuck);
	g_assert_error(stuck.answer.error, KVMIG_ERROR, KVMIG_ERROR_TIMEOUT);
	g_assert_false(hyper_host_is_reachable(nodes[0].host));
	g_assert_true(hyper_host_is_reachable(nodes[1].host));
	run_into_wall(&nodes[0]);
	kill(nodes[0].pid, SIGCONT);
	for (int i = 0; i < PATIENCE && !hyper_host_is_reachable(nodes[0].host); i++) {
		G_GNUC_UNUSED g_auto(Reply) reply = ASK(0, .op = HYPER_OP_LIST);

		pause_ms(50);
	}
	g_assert_true(hyper_host_is_reachable(nodes[0].host));
}

static void test_killed_daemon(void)
{
	g_autofree char *uuid = guest_new(&nodes[0], "kill", TRUE, 3072);
	g_autofree char *socket = socket_uri("kill.sock");
	HyperMigrateParams way = way_to(1, socket);
	g_auto(Reply) migration = { 0 };
	g_auto(Reply) down = { 0 };
	g_auto(Reply) again = { 0 };

	way.persistent = TRUE;
	slow_start(&way, uuid, &migration);
	g_ptr_array_set_size(seen, 0);
	node_kill(&nodes[0]);
	wait_for(&migration);
	g_assert_error(migration.answer.error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	g_assert_true(migration.answer.outcome_unknown);
	wait_for_event("a", HYPER_EVENT_DISCONNECTED, NULL, 0, 0);
	down = ASK(0, .op = HYPER_OP_LIST);
	g_assert_error(down.answer.error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	g_assert_nonnull(error_get_hint(down.answer.error));
	g_assert_false(hyper_host_is_reachable(nodes[0].host));
	node_start(&nodes[0]);
	again = ASK(0, .op = HYPER_OP_LIST);
	g_assert_no_error(again.answer.error);
	g_assert_true(hyper_host_is_reachable(nodes[0].host));
	wait_for_event("a", HYPER_EVENT_CONNECTED, NULL, 0, 0);
	for (int i = 0; i < PATIENCE && state_of(0, uuid) != HYPER_DOMAIN_RUNNING; i++)
		pause_ms(50);
	g_assert_cmpint(state_of(0, uuid), ==, HYPER_DOMAIN_RUNNING);
	suspend_and_resume(uuid); /* waits until the new daemon has taken the guest over */
	guest_end(&nodes[0], uuid);
	node_virsh(&nodes[0], "undefine", uuid);
	/* its events were taken up again */
	wait_for_event("a", HYPER_EVENT_STATE, uuid, HYPER_DOMAIN_SHUTOFF, HYPER_REASON_OTHER);
}

static void test_killed_target(void)
{
	g_autofree char *uuid = guest_new(&nodes[0], "tkill", TRUE, 3072);
	g_autofree char *socket = socket_uri("tkill.sock");
	HyperMigrateParams way = way_to(1, socket);
	g_auto(Reply) migration = { 0 };

	slow_start(&way, uuid, &migration);
	node_kill(&nodes[1]);
	wait_for(&migration);
	/* the source's daemon answers: it is not the one that is unreachable */
	g_assert_nonnull(migration.answer.error);
	g_assert_false(g_error_matches(migration.answer.error, KVMIG_ERROR,
				       KVMIG_ERROR_UNREACHABLE));
	g_assert_true(migration.answer.outcome_unknown);
	g_assert_true(hyper_host_is_reachable(nodes[0].host));
	g_assert_cmpint(state_of(0, uuid), ==, HYPER_DOMAIN_RUNNING);
	node_start(&nodes[1]);
	for (int i = 0; i < PATIENCE; i++) {
		g_auto(Reply) state = ASK(1, .op = HYPER_OP_STATE, .uuid = uuid);

		if (!state.answer.error && state.answer.domain->state == HYPER_DOMAIN_NONE)
			break;
		pause_ms(50);
	}
	g_assert_cmpint(state_of(1, uuid), ==, HYPER_DOMAIN_NONE);
	guest_end(&nodes[0], uuid);
	node_virsh(&nodes[0], "undefine", uuid);
}

static void test_no_daemon(void)
{
	g_autoptr(GError) error = NULL;
	const char *uri = "qemu+unix:///system?socket=/nonexistent/s";
	Node nowhere = { .host = hyper_host(hyper, "none", uri, FALSE, &error) };
	g_auto(Reply) reply = ask_call(&nowhere, (HyperCall){ .op = HYPER_OP_HOST_INFO });
	HyperMigrateParams way = way_to(1, "unix:///nowhere");
	g_auto(Reply) migrate = ask_call(&nowhere, (HyperCall){ .op = HYPER_OP_MIGRATE,
								.uuid = nodes[0].uuid,
								.migrate = &way });

	g_assert_no_error(error);
	g_assert_error(reply.answer.error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	g_assert_nonnull(strstr(reply.answer.error->message, "/nonexistent/s"));
	g_assert_error(migrate.answer.error, KVMIG_ERROR, KVMIG_ERROR_UNREACHABLE);
	g_assert_false(migrate.answer.outcome_unknown); /* it has not begun */
	hyper_drop_host(hyper, "none");
}

/* ---- set-up --------------------------------------------------------------------------------- */

static void add_node(Node *node, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_auto(Reply) info = { 0 };

	node_make(node, top, name);
	if (node != nodes)
		node_share_cache(&nodes[0], node);
	node_start(node);
	node->host = hyper_host(hyper, name, node->uri, FALSE, &error);
	g_assert_no_error(error);
	info = ask_call(node, (HyperCall){ .op = HYPER_OP_HOST_INFO, .timeout_ms = 300000 });
	g_assert_no_error(info.answer.error);
}

static void set_up(void)
{
	seen = g_ptr_array_new_with_free_func(seen_free);
	hyper = hyper_new(NULL, NULL, clock_real(), on_event, NULL);
	add_node(&nodes[0], "a");
	add_node(&nodes[1], "b");
}

static void tear_down(void)
{
	hyper_free(hyper);
	for (guint i = 0; i < G_N_ELEMENTS(nodes); i++)
		node_clear(&nodes[i]);
	g_ptr_array_unref(seen);
}

static void skip(void)
{
	g_test_skip("libvirtd, virsh or qemu-system-x86_64 is not installed");
}

static int run_all(const char *folder)
{
	int status;

	top = folder;
	set_up();
	g_test_add_func("/libvirt/host-info", test_host_info);
	g_test_add_func("/libvirt/list", test_list);
	g_test_add_func("/libvirt/unknown-domain", test_unknown_domain);
	g_test_add_func("/libvirt/suspend", test_suspend);
	g_test_add_func("/libvirt/late-order", test_late_order);
	g_test_add_func("/libvirt/check-target", test_check_target);
	g_test_add_func("/libvirt/refusals", test_refusals);
	g_test_add_func("/libvirt/metadata", test_metadata);
	g_test_add_func("/libvirt/migrate", test_migrate);
	g_test_add_func("/libvirt/migrate-paused", test_migrate_paused);
	g_test_add_func("/libvirt/abort", test_abort);
	g_test_add_func("/libvirt/no-daemon", test_no_daemon);
	g_test_add_func("/libvirt/stopped-daemon", test_stopped_daemon);
	g_test_add_func("/libvirt/killed-daemon", test_killed_daemon);
	g_test_add_func("/libvirt/killed-target", test_killed_target);
	status = g_test_run();
	tear_down();
	return status;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "a", "b", NULL };

	g_test_init(&argc, &argv, NULL);
	if (nodes_are_installed())
		return nodes_run_tests(names, run_all);
	g_test_add_func("/libvirt", skip);
	return g_test_run();
}
