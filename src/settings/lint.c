/* SPDX-License-Identifier: Apache-2.0 */
#include "settings/lint.h"

#include <string.h>

#include "base/reason.h"
#include "model/quantity.h"
#include "settings/gates.h"

#define MIB G_GINT64_CONSTANT(1048576)
#define USUAL_PER_GIB 150 /* the documents' */
#define LEAST_RATE_MIB 64 /* that is ever advised */
#define MOST_RATE_MIB (G_GINT64_CONSTANT(1) << 20)

/* HyperConverged before 1.19 had this by default; the upgrade patches it away wherever it stands.
 */
#define REWRITTEN_PER_GIB 150
#define REWRITTEN_TO 20

/* What all checks look at. */
typedef struct {
	const SettingsLint *in;
	Settings now; /* without what nobody acts on */
	gint64 rate;  /* that is really given to libvirt; 0: no cap */
	GateState stall_detection;
	GPtrArray *findings;
} Lint;

void settings_finding_free(SettingsFinding *finding)
{
	if (!finding)
		return;
	g_free(finding->text);
	cJSON_Delete(finding->fix);
	g_free(finding);
}

/* Takes text and fix; keys end with NULL. */
static void add(Lint *lint, const char *code, char *text, cJSON *fix, ...) G_GNUC_NULL_TERMINATED;
static void add(Lint *lint, const char *code, char *text, cJSON *fix, ...)
{
	SettingsFinding *finding = g_new0(SettingsFinding, 1);
	const char *key;
	va_list keys;

	finding->code = code;
	finding->text = text;
	finding->fix = fix;
	va_start(keys, fix);
	for (guint i = 0; i < LINT_KEYS_MAX && (key = va_arg(keys, const char *)); i++)
		finding->keys[i] = key;
	va_end(keys);
	g_ptr_array_add(lint->findings, finding);
}

static cJSON *fix_number(const char *key, gint64 value)
{
	cJSON *fix = cJSON_CreateObject();

	json_set_int(fix, key, value);
	return fix;
}

static cJSON *fix_unset(const char *key)
{
	cJSON *fix = cJSON_CreateObject();

	json_set(fix, key, cJSON_CreateNull());
	return fix;
}

static void put_rate(cJSON *fix, gint64 bytes_per_second)
{
	g_autofree char *text = quantity_format(bytes_per_second);

	json_set_string(fix, "bandwidthPerMigration", text);
}

/* ---- what is in force ----------------------------------------------------------------------- */

/* Where somebody wrote what cannot be obeyed, the rest is judged as if it were not there. */
static void read_values(Lint *lint)
{
	g_autoptr(cJSON) object = cJSON_CreateObject();
	cJSON *map = json_ensure_object(json_ensure_object(object, "spec"), "liveMigrationConfig");
	const cJSON *value;

	cJSON_ArrayForEach(value, lint->in->values)
	{
		const Setting *setting = setting_find(value->string);
		g_autoptr(GError) error = NULL;

		if (!setting)
			continue;
		if (!setting_check_value(setting, value, &error))
			add(lint, REASON_LINT_CONFIG_INVALID, g_strdup(error->message),
			    fix_unset(setting->key), setting->key, NULL);
		else if (!lint->in->acts_on || lint->in->acts_on(setting->key))
			json_set(map, setting->key, cJSON_Duplicate(value, TRUE));
	}
	/* cannot fail: each value was looked at */
	(void)settings_read(object, &lint->now, NULL);
	lint->rate = lint->now.bandwidth_bytes_per_second;
	if (lint->in->applied)
		lint->rate = lint->in->applied(lint->rate, lint->in->applied_data);
}

static gboolean has_network(const Lint *lint)
{
	const cJSON *network = json_get(lint->in->values, "network");

	return cJSON_IsString(network) && *network->valuestring;
}

/* In stall detection KubeVirt asks for allowPostCopy alone when the time is over. */
static gboolean post_copy_fires(const Lint *lint)
{
	if (!lint->now.allow_post_copy)
		return FALSE;
	return !lint->in->kubevirt || lint->now.allow_workload_disruption ||
	       lint->stall_detection == GATE_ON;
}

static const char *late_action(const Lint *lint)
{
	if (post_copy_fires(lint))
		return "switched to post-copy";
	return lint->now.allow_workload_disruption ? "paused" : "cancelled";
}

/* ---- times ---------------------------------------------------------------------------------- */

static gint64 budget(const Lint *lint, gint64 per_gib)
{
	const gint64 bytes = (gint64)LINT_VM_GIB << 30;

	return lint->in->kubevirt ? settings_completion_budget_kubevirt(per_gib, bytes)
				  : settings_completion_budget_documented(per_gib, bytes);
}

/* Seconds that one pass over that VM's memory takes. */
static gint64 one_pass(gint64 rate)
{
	const gint64 bytes = (gint64)LINT_VM_GIB << 30;

	return bytes / rate + (bytes % rate != 0);
}

/* The least s/GiB in which one pass can end. */
static gint64 least_per_gib(const Lint *lint, gint64 rate)
{
	const gint64 units = budget(lint, 1);

	return (one_pass(rate) + units - 1) / units;
}

static gint64 longest_per_gib(const Lint *lint)
{
	return LINT_LONG_SECONDS / budget(lint, 1);
}

static gboolean will_be_rewritten(const Lint *lint, gint64 per_gib)
{
	return lint->in->before_upgrade && per_gib == REWRITTEN_PER_GIB;
}

/* No advice may lead into another finding. */
static void put_per_gib(const Lint *lint, cJSON *fix, gint64 per_gib)
{
	json_set_int(fix, "completionTimeoutPerGiB",
		     will_be_rewritten(lint, per_gib) ? per_gib + 1 : per_gib);
}

/* A rate at which two passes fit. */
static gint64 ample_rate(const Lint *lint, gint64 per_gib)
{
	const gint64 seconds = budget(lint, per_gib);
	gint64 mib = LEAST_RATE_MIB;

	while (seconds > 0 && mib < MOST_RATE_MIB && 2 * one_pass(mib * MIB) > seconds)
		mib *= 2;
	return mib * MIB;
}

/* The documents' time, and where one pass does not fit into that, a higher cap too. */
static cJSON *fix_usual_timeout(const Lint *lint)
{
	cJSON *fix = cJSON_CreateObject();

	put_per_gib(lint, fix, USUAL_PER_GIB);
	if (lint->rate > 0 && least_per_gib(lint, lint->rate) > USUAL_PER_GIB)
		put_rate(fix, ample_rate(lint, USUAL_PER_GIB));
	return fix;
}

static void check_long(Lint *lint)
{
	const gint64 per_gib = lint->now.completion_timeout_per_gib;
	g_autofree char *lasts = NULL;

	if (per_gib == 0) {
		add(lint, REASON_LINT_CONFIG_NO_TIMEOUT,
		    g_strdup_printf("a migration that does not converge goes on for ever%s",
				    lint->now.allow_post_copy ? ", and post-copy never begins"
							      : ""),
		    fix_usual_timeout(lint), "completionTimeoutPerGiB", NULL);
		return;
	}
	if (budget(lint, per_gib) <= LINT_LONG_SECONDS)
		return;
	lasts = duration_human(budget(lint, per_gib) * 1000);
	add(lint, REASON_LINT_CONFIG_TIMEOUT_LONG,
	    g_strdup_printf("a VM of %d GiB that does not converge is copied for %s before it "
			    "is %s",
			    LINT_VM_GIB, lasts, late_action(lint)),
	    fix_usual_timeout(lint), "completionTimeoutPerGiB", NULL);
}

/* Time for two passes, at most as long as is not too long; where that is too little for one, it is
 * the cap that must go up. */
static cJSON *fix_short(const Lint *lint)
{
	const gint64 least = least_per_gib(lint, lint->rate), longest = longest_per_gib(lint);
	cJSON *fix = cJSON_CreateObject();

	if (least < longest)
		put_per_gib(lint, fix, MIN(2 * least, longest - 1));
	else
		put_rate(fix, ample_rate(lint, lint->now.completion_timeout_per_gib));
	return fix;
}

/* An early switch to post-copy may be what is wanted. */
static void check_short(Lint *lint)
{
	const gint64 seconds = budget(lint, lint->now.completion_timeout_per_gib);
	g_autofree char *pass = NULL, *allowed = NULL, *rate = NULL;

	if (seconds == 0 || lint->rate == 0 || one_pass(lint->rate) <= seconds ||
	    post_copy_fires(lint))
		return;
	rate = quantity_human_bytes(lint->rate);
	pass = duration_human(one_pass(lint->rate) * 1000);
	allowed = duration_human(seconds * 1000);
	add(lint, REASON_LINT_CONFIG_TIMEOUT_SHORT,
	    g_strdup_printf("a VM of %d GiB is %s after %s, while to copy its memory once takes "
			    "%s at %s/s",
			    LINT_VM_GIB, late_action(lint), allowed, pass, rate),
	    fix_short(lint), "completionTimeoutPerGiB", "bandwidthPerMigration", NULL);
}

static void check_rewritten(Lint *lint)
{
	const cJSON *stored = json_get(lint->in->before_upgrade, "completionTimeoutPerGiB");
	cJSON *fix;
	gint64 value;

	if (!json_integer_value(stored, &value) || !will_be_rewritten(lint, value))
		return;
	fix = cJSON_CreateObject();
	put_per_gib(lint, fix, value);
	add(lint, REASON_LINT_CONFIG_REWRITTEN,
	    g_strdup_printf("the upgrade to HyperConverged 1.19 makes %d of the value %d, "
			    "whoever chose it; it leaves any other alone",
			    REWRITTEN_TO, REWRITTEN_PER_GIB),
	    fix, "completionTimeoutPerGiB", NULL);
}

/* ---- limits --------------------------------------------------------------------------------- */

static void check_zero(Lint *lint, const char *key, gint64 limit)
{
	if (limit == 0)
		add(lint, REASON_LINT_CONFIG_LIMIT_ZERO,
		    g_strdup_printf("%s is 0: no migration ever starts", key), fix_unset(key), key,
		    NULL);
}

static void check_heavy(Lint *lint)
{
	const gint64 cluster = lint->now.parallel_per_cluster;
	const gint64 node = MIN(cluster, lint->now.parallel_outbound_per_node);
	cJSON *fix = cJSON_CreateObject();

	if (cluster > LINT_HEAVY_PARALLEL)
		json_set_int(fix, "parallelMigrationsPerCluster", LINT_HEAVY_PARALLEL);
	if (node > 1)
		json_set_int(fix, "parallelOutboundMigrationsPerNode", 1);
	add(lint, REASON_LINT_CONFIG_HEAVY_PARALLEL,
	    g_strdup_printf("settings for heavy workloads, post-copy and no cap, but "
			    "%" G_GINT64_FORMAT " migrations at once, %" G_GINT64_FORMAT
			    " from one node: the documents advise against more than %d, and "
			    "more than one from a node",
			    cluster, node, LINT_HEAVY_PARALLEL),
	    fix, "parallelOutboundMigrationsPerNode", "parallelMigrationsPerCluster",
	    "bandwidthPerMigration", "allowPostCopy", NULL);
}

static void check_parallel(Lint *lint)
{
	const gint64 cluster = lint->now.parallel_per_cluster;
	const gint64 node = MIN(cluster, lint->now.parallel_outbound_per_node);

	check_zero(lint, "parallelMigrationsPerCluster", cluster);
	check_zero(lint, "parallelOutboundMigrationsPerNode", lint->now.parallel_outbound_per_node);
	if (lint->rate != 0)
		return;
	if (lint->now.allow_post_copy && (cluster > LINT_HEAVY_PARALLEL || node > 1))
		check_heavy(lint);
	else if (node > 1)
		add(lint, REASON_LINT_CONFIG_NO_CAP,
		    g_strdup_printf("%" G_GINT64_FORMAT " migrations may leave one node at once "
				    "without a cap: each has a part of its link that nobody "
				    "can tell, and may run out of time",
				    node),
		    fix_number("parallelOutboundMigrationsPerNode", 1),
		    "parallelOutboundMigrationsPerNode", "bandwidthPerMigration", NULL);
}

/* ---- post-copy ------------------------------------------------------------------------------ */

static void check_post_copy_alone(Lint *lint)
{
	cJSON *fix;

	if (!lint->in->kubevirt || !lint->now.allow_post_copy || post_copy_fires(lint))
		return;
	fix = cJSON_CreateObject();
	json_set_bool(fix, "allowWorkloadDisruption", TRUE);
	add(lint, REASON_LINT_CONFIG_POST_COPY_ALONE,
	    g_strdup_printf("post-copy never begins: allowWorkloadDisruption is false, so a "
			    "migration that is not done in time is cancelled%s",
			    lint->stall_detection == GATE_UNKNOWN
				    ? " (unless the gate MigrationStallDetection is on, which "
				      "cannot be told)"
				    : ""),
	    fix, "allowPostCopy", "allowWorkloadDisruption", NULL);
}

static void check_post_copy_cap(Lint *lint)
{
	cJSON *fix;

	if (!post_copy_fires(lint) || lint->rate != 0 || has_network(lint))
		return;
	fix = cJSON_CreateObject();
	put_rate(fix, ample_rate(lint, lint->now.completion_timeout_per_gib));
	add(lint, REASON_LINT_CONFIG_POST_COPY_NO_CAP,
	    g_strdup("post-copy, too, has no cap, and migrations no network of their own: it may "
		     "take all of the one that everything else uses, and from the switch on "
		     "there is no way back"),
	    fix, "allowPostCopy", "bandwidthPerMigration", "network", NULL);
}

/* ---- without effect ------------------------------------------------------------------------- */

static void check_gated(Lint *lint)
{
	static const char *const gates[] = { GATE_STALL_DETECTION, GATE_DOWNTIME_TUNING, NULL };
	g_autofree char *text = NULL;

	if (!lint->in->kubevirt || !json_get(lint->in->set, "maxDowntimeMs") ||
	    gate_state_any(lint->in->gates, gates) != GATE_OFF)
		return;
	text = gate_text(lint->in->gates, gates);
	add(lint, REASON_LINT_CONFIG_GATED, g_strdup_printf("does nothing without %s", text),
	    fix_unset("maxDowntimeMs"), "maxDowntimeMs", NULL);
}

/* KubeVirt's stall detection has its own rules for when to give up. */
static void check_ignored(Lint *lint)
{
	if (!lint->in->kubevirt || !json_get(lint->in->set, "progressTimeout") ||
	    lint->stall_detection != GATE_ON)
		return;
	add(lint, REASON_LINT_CONFIG_NO_EFFECT,
	    g_strdup("is kept, but does nothing while the feature gate " GATE_STALL_DETECTION
		     " is on"),
	    fix_unset("progressTimeout"), "progressTimeout", NULL);
}

static void check_no_effect(Lint *lint)
{
	const cJSON *value;

	if (!lint->in->acts_on)
		return;
	cJSON_ArrayForEach(value, lint->in->set)
	{
		const Setting *setting = setting_find(value->string);
		g_autoptr(cJSON) usual = NULL;

		if (!setting || lint->in->acts_on(setting->key))
			continue;
		if (setting->documented_default)
			usual = setting_parse_value(setting, setting->documented_default, NULL);
		if (usual && setting_same_value(setting, usual, value))
			continue;
		add(lint, REASON_LINT_CONFIG_NO_EFFECT,
		    g_strdup("is kept, but nothing on this cluster acts upon it yet"),
		    fix_unset(setting->key), setting->key, NULL);
	}
}

/* ---- all ------------------------------------------------------------------------------------ */

GPtrArray *settings_lint(const SettingsLint *in)
{
	Lint lint = { .in = in, .stall_detection = gate_state(in->gates, GATE_STALL_DETECTION) };

	lint.findings = g_ptr_array_new_with_free_func((GDestroyNotify)settings_finding_free);
	read_values(&lint);
	check_parallel(&lint);
	check_post_copy_alone(&lint);
	check_post_copy_cap(&lint);
	check_long(&lint);
	check_short(&lint);
	check_gated(&lint);
	check_ignored(&lint);
	check_no_effect(&lint);
	check_rewritten(&lint);
	return lint.findings;
}

GPtrArray *settings_kept(const SettingsLint *in, const cJSON *kept, const cJSON *now)
{
	/* The limits are asked for before, network and disableTLS as they are at the moment; kvmig
	 * itself keeps disableTLS. */
	static const char *const keys[] = {
		"bandwidthPerMigration",   "completionTimeoutPerGiB",
		"progressTimeout",         "allowPostCopy",
		"allowWorkloadDisruption", "allowAutoConverge",
		"maxDowntimeMs",           "disableTLS",
	};
	GPtrArray *differ = g_ptr_array_new();

	for (gsize i = 0; i < G_N_ELEMENTS(keys); i++) {
		const Setting *setting = setting_find(keys[i]);
		const cJSON *old = json_get(kept, setting->key);
		const cJSON *new = json_get(now, setting->key);

		if (!old || !new || cJSON_IsNull(old) ||
		    (in->acts_on && !in->acts_on(setting->key)) ||
		    (in->kubevirt && g_str_equal(setting->key, "disableTLS")))
			continue;
		if (!setting_same_value(setting, old, new))
			g_ptr_array_add(differ, (gpointer)setting->key);
	}
	return differ;
}

/* ---- as commands ---------------------------------------------------------------------------- */

static char *typed_value(const cJSON *value)
{
	g_autofree char *text =
		cJSON_IsString(value) ? g_strdup(value->valuestring) : json_print(value);

	return strpbrk(text, " \t'\"\\$`&|;<>()*?[#~") ? g_shell_quote(text)
						       : g_steal_pointer(&text);
}

char *settings_set_words(const cJSON *changes)
{
	g_autoptr(GString) words = g_string_new(NULL);
	const cJSON *value;

	cJSON_ArrayForEach(value, changes)
	{
		g_autofree char *typed = typed_value(value);

		if (!cJSON_IsNull(value))
			g_string_append_printf(words, " %s=%s", value->string, typed);
	}
	return words->len ? g_strconcat("config set", words->str, NULL) : NULL;
}

char *settings_unset_words(const cJSON *changes)
{
	g_autoptr(GString) words = g_string_new(NULL);
	const cJSON *value;

	cJSON_ArrayForEach(value, changes)
	{
		if (cJSON_IsNull(value))
			g_string_append_printf(words, " %s", value->string);
	}
	return words->len ? g_strconcat("config unset", words->str, NULL) : NULL;
}
