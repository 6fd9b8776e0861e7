/* SPDX-License-Identifier: Apache-2.0 */
/*
 * targets NODES MILLISECONDS MIB: what `kvmig targets` costs beyond the list requests: the sum of
 * the pods' requests, 20 a node, and the verdict on each node, which comes, is judged and goes, as
 * from a stream. A node has 200 labels, as KubeVirt's labeller makes them; the VM asks for 60 of
 * them. The least of some rounds counts. The limit is for a machine that reads the nodes' JSON in
 * READ_NS each: one that takes longer for that may take longer for this. The status is 1 where it
 * takes longer, where the process needs more memory, or where not those nodes fit that should.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "model/resources.h"
#include "model/wellknown.h"
#include "schedule/schedule.h"

#define FEATURES 150
#define WANTED 60 /* each third node lacks ten of them */
#define PODS 20
#define ROUNDS 5
#define READ_NS 20000.0

/* Of the process, so that others on the machine do not count. */
static gint64 cpu_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (gint64)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void add_flags(GString *json, const char *prefix, const char *name, guint n)
{
	for (guint i = 0; i < n; i++)
		g_string_append_printf(json, "\"%s%s%u\":\"true\",", prefix, name, i);
}

/* The others lack features, are in the wrong zone, or cordoned. */
static gboolean should_fit(guint number)
{
	return FEATURES - number % 3 * 50 >= WANTED && number % 7 % 3 != 2 && number % 5;
}

static guint count_that_should_fit(guint nodes)
{
	guint count = 0;

	for (guint i = 1; i < nodes; i++)
		count += should_fit(i);
	return count;
}

static cJSON *make_node(guint number, gint64 *read_us)
{
	g_autoptr(GString) json = g_string_new("{\"metadata\":{");
	cJSON *node;
	gint64 began;

	g_string_append_printf(json, "\"name\":\"n%u\",\"labels\":{", number);
	add_flags(json, LABEL_PREFIX_CPU_FEATURE, "f", FEATURES - number % 3 * 50);
	add_flags(json, LABEL_PREFIX_CPU_MODEL_MIGRATION, "m", 20);
	add_flags(json, LABEL_PREFIX_MACHINE_TYPE, "q", 20);
	g_string_append_printf(
		json,
		"\"kubernetes.io/arch\":\"amd64\",\"kubevirt.io/schedulable\":\"true\","
		"\"zone\":\"%c\"}},\"spec\":{\"unschedulable\":%s,\"taints\":[{\"key\":"
		"\"slow\",\"effect\":\"PreferNoSchedule\"}]},\"status\":{\"conditions\":["
		"{\"type\":\"Ready\",\"status\":\"True\"}],\"allocatable\":{\"cpu\":\"64\","
		"\"memory\":\"%uGi\",\"pods\":\"110\",\"ephemeral-storage\":\"100Gi\","
		"\"devices.kubevirt.io/kvm\":\"1k\"}}}",
		"abc"[number % 7 % 3], number % 5 ? "false" : "true", 64 + number % 64);
	began = cpu_us();
	node = cJSON_Parse(json->str);
	*read_us += cpu_us() - began;
	return node;
}

static cJSON *make_vmi(void)
{
	return cJSON_Parse(
		"{\"metadata\":{\"name\":\"web\",\"namespace\":\"prod\"},\"spec\":{"
		"\"architecture\":"
		"\"amd64\",\"affinity\":{\"nodeAffinity\":{"
		"\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[{"
		"\"matchExpressions\":[{\"key\":\"zone\",\"operator\":\"In\",\"values\":[\"a\","
		"\"b\"]}]}]"
		"}}},\"domain\":{\"memory\":{\"guest\":\"4Gi\"},\"cpu\":{\"model\":\"host-model\"}}"
		"},"
		"\"status\":{\"nodeName\":\"n0\",\"phase\":\"Running\"}}");
}

static cJSON *make_source(void)
{
	g_autoptr(GString) json = g_string_new("{\"metadata\":{\"name\":\"n0\",\"labels\":{");

	add_flags(json, LABEL_PREFIX_REQUIRED_FEATURE, "f", WANTED);
	add_flags(json, LABEL_PREFIX_HOST_MODEL_CPU, "m", 1);
	g_string_append(json, "\"kubernetes.io/arch\":\"amd64\"}}}");
	return cJSON_Parse(json->str);
}

static void destroy_resources(gpointer data)
{
	g_hash_table_unref(data);
}

static void destroy_target(gpointer data)
{
	target_free(data);
}

/* Only what comes after a piece of the list has been read is measured. */
static gint64 sum_pods(GHashTable *requested, guint nodes)
{
	g_autoptr(cJSON) pod = cJSON_Parse(
		"{\"spec\":{\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"100m\","
		"\"memory\":"
		"\"1500Mi\"}}},{\"resources\":{\"requests\":{\"memory\":\"64Mi\"}}}]}}");
	gint64 began = cpu_us();

	for (guint i = 0; i < nodes * PODS; i++) {
		g_autofree char *name = g_strdup_printf("n%u", i % nodes);
		GHashTable *there = g_hash_table_lookup(requested, name);

		if (!there) {
			there = resources_new();
			g_hash_table_insert(requested, g_strdup(name), there);
		}
		resources_add_pod(there, pod);
	}
	return cpu_us() - began;
}

static gint64 judge_nodes(const TargetQuestion *question, guint nodes, GPtrArray *targets,
			  gint64 *read_us)
{
	g_autoptr(TargetSieve) sieve = target_sieve_new(question);
	gint64 spent = 0, began;

	for (guint i = 1; i < nodes; i++) {
		g_autoptr(cJSON) object = make_node(i, read_us);
		Host host;

		began = cpu_us();
		host_read_node(object, &host);
		g_ptr_array_add(targets, target_sieve_judge(sieve, &host));
		spent += cpu_us() - began;
	}
	began = cpu_us();
	schedule_rank(targets);
	return spent + cpu_us() - began;
}

static guint count_fitting(const GPtrArray *targets)
{
	guint count = 0;

	for (guint i = 0; i < targets->len; i++)
		count += ((const Target *)g_ptr_array_index(targets, i))->fits ? 1 : 0;
	return count;
}

typedef struct {
	double sum_ms, judge_ms, read_ms;
	guint fitting;
} Round;

static Round measure(const Vmi *vmi, const Host *source, const TargetDemand *demand, guint nodes)
{
	g_autoptr(GHashTable) requested =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, destroy_resources);
	g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(destroy_target);
	const TargetQuestion question = {
		.vmi = vmi, .source = source, .demand = demand, .requested = requested
	};
	g_autofree char *counts = NULL;
	gint64 read_us = 0;
	Round round;

	round.sum_ms = (double)sum_pods(requested, nodes) / 1000;
	round.judge_ms = (double)judge_nodes(&question, nodes, targets, &read_us) / 1000;
	round.read_ms = (double)read_us / 1000;
	round.fitting = count_fitting(targets);
	counts = schedule_count(targets);
	printf("%s\n%u pods: %.0f ms, %u nodes: %.0f ms; their JSON: %.0f ms\n", counts,
	       nodes * PODS, round.sum_ms, nodes, round.judge_ms, round.read_ms);
	return round;
}

/* Each of the least, so that what else the machine does does not count. */
static Round measure_least(const Vmi *vmi, const Host *source, const TargetDemand *demand,
			   guint nodes)
{
	Round least = measure(vmi, source, demand, nodes);

	for (guint i = 1; i < ROUNDS; i++) {
		Round round = measure(vmi, source, demand, nodes);

		least.sum_ms = MIN(least.sum_ms, round.sum_ms);
		least.judge_ms = MIN(least.judge_ms, round.judge_ms);
		least.read_ms = MIN(least.read_ms, round.read_ms);
	}
	return least;
}

static double number(int argc, char **argv, int place, double fallback)
{
	return argc > place ? g_ascii_strtod(argv[place], NULL) : fallback;
}

int main(int argc, char **argv)
{
	guint nodes = (guint)number(argc, argv, 1, 5000);
	double limit_ms = number(argc, argv, 2, 300), limit_mib = number(argc, argv, 3, 64);
	g_autoptr(cJSON) vmi_object = make_vmi(), source_object = make_source();
	g_autoptr(TargetDemand) demand = NULL;
	double ms, mib, slower;
	struct rusage usage;
	Host source;
	Round least;
	Vmi vmi;

	vmi_read(vmi_object, &vmi);
	host_read_node(source_object, &source);
	demand = target_demand_new(&vmi, NULL, &source, NULL);
	least = measure_least(&vmi, &source, demand, nodes);
	slower = MAX(1, least.read_ms * 1e6 / (READ_NS * nodes));
	ms = least.sum_ms + least.judge_ms;
	(void)getrusage(RUSAGE_SELF, &usage);
	mib = (double)usage.ru_maxrss / 1024;
	printf("%.0f ms of %.0f, %.0f MiB of %.0f, %u of %u fit\n", ms, limit_ms * slower, mib,
	       limit_mib, least.fitting, count_that_should_fit(nodes));
	return ms <= limit_ms * slower && mib <= limit_mib &&
			       least.fitting == count_that_should_fit(nodes)
		       ? 0
		       : 1;
}
