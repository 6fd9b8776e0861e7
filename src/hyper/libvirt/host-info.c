/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host is and can run: from its capabilities and the domain capabilities of its default
 * machine. Both cost libvirtd some work, so what does not change is kept for the connection.
 */
#include "hyper/libvirt/driver.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hyper/libvirt/xml-attribute.h"

#define XML_SIZE_MAX ((gsize)16 << 20)
#define CERTIFICATES "/etc/pki/qemu"
#define QEMU_CONF "/etc/libvirt/qemu.conf"
#define USERFAULTFD_SYSCTL "/proc/sys/vm/unprivileged_userfaultfd"

/* A parse of either document. */
typedef struct {
	LvHostFacts *facts;
	GString *path;
	GString *text;
	GPtrArray *machines, *models, *features; /* of char* */
	GHashTable *seen_machines;
	gboolean in_host_arch; /* inside of <guest><arch> of the host's own */
	gboolean usable;
	char *mode; /* of <mode name=…>, where supported */
} Parse;

static void facts_clear(gpointer data)
{
	LvHostFacts *facts = data;

	g_free(facts->uuid);
	g_free(facts->hostname);
	g_free(facts->arch);
	g_free(facts->cpu_model);
	g_strfreev(facts->usable_cpu_models);
	g_strfreev(facts->cpu_features);
	g_strfreev(facts->machine_types);
}

void lv_host_facts_unref(LvHostFacts *facts)
{
	g_atomic_rc_box_release_full(facts, facts_clear);
}

/* ---- parsing -------------------------------------------------------------------------------- */

static gboolean is_yes(const char *value)
{
	return g_strcmp0(value, "yes") == 0;
}

static gboolean at(const Parse *parse, const char *path)
{
	return strcmp(parse->path->str, path) == 0;
}

static void add_machine(Parse *parse, const char *name)
{
	if (name && *name && g_hash_table_add(parse->seen_machines, g_strdup(name)))
		g_ptr_array_add(parse->machines, g_strdup(name));
}

static void capabilities_start(Parse *parse, const char **names, const char **values)
{
	if (at(parse, "capabilities/guest/arch"))
		parse->in_host_arch =
			g_strcmp0(attribute(names, values, "name"), parse->facts->arch) == 0;
	else if (!parse->in_host_arch)
		return;
	else if (at(parse, "capabilities/guest/arch/domain"))
		parse->facts->kvm |= g_strcmp0(attribute(names, values, "type"), "kvm") == 0;
	else if (at(parse, "capabilities/guest/arch/machine") ||
		 at(parse, "capabilities/guest/arch/domain/machine"))
		add_machine(parse, attribute(names, values, "canonical"));
}

static void domain_capabilities_start(Parse *parse, const char **names, const char **values)
{
	if (at(parse, "domainCapabilities/cpu/mode")) {
		g_free(parse->mode);
		parse->mode = is_yes(attribute(names, values, "supported")) ?
				      g_strdup(attribute(names, values, "name")) :
				      NULL;
	} else if (at(parse, "domainCapabilities/cpu/mode/model")) {
		parse->usable = is_yes(attribute(names, values, "usable"));
	} else if (at(parse, "domainCapabilities/cpu/mode/feature") &&
		   g_strcmp0(parse->mode, "host-model") == 0 &&
		   g_strcmp0(attribute(names, values, "policy"), "disable") != 0 &&
		   attribute(names, values, "name")) {
		g_ptr_array_add(parse->features, g_strdup(attribute(names, values, "name")));
	}
}

static void model_end(Parse *parse, const char *text)
{
	if (g_strcmp0(parse->mode, "host-model") == 0 && !parse->facts->cpu_model)
		parse->facts->cpu_model = g_strdup(text);
	else if (g_strcmp0(parse->mode, "custom") == 0 && parse->usable)
		g_ptr_array_add(parse->models, g_strdup(text));
}

static void take(char **field, const char *text)
{
	if (!*field && *text)
		*field = g_strdup(text);
}

static void on_start(GMarkupParseContext *context G_GNUC_UNUSED, const char *element,
		     const char **names, const char **values, gpointer data,
		     GError **error G_GNUC_UNUSED)
{
	Parse *parse = data;

	if (parse->path->len > 0)
		g_string_append_c(parse->path, '/');
	g_string_append(parse->path, element);
	g_string_truncate(parse->text, 0);
	capabilities_start(parse, names, values);
	domain_capabilities_start(parse, names, values);
}

static void on_end(GMarkupParseContext *context G_GNUC_UNUSED, const char *element, gpointer data,
		   GError **error G_GNUC_UNUSED)
{
	Parse *parse = data;
	const char *text = g_strstrip(parse->text->str);

	if (at(parse, "capabilities/host/uuid"))
		take(&parse->facts->uuid, text);
	else if (at(parse, "capabilities/host/cpu/arch"))
		take(&parse->facts->arch, text);
	else if (at(parse, "capabilities/guest/arch"))
		parse->in_host_arch = FALSE;
	else if (parse->in_host_arch && g_str_has_suffix(parse->path->str, "/machine"))
		add_machine(parse, text);
	else if (at(parse, "domainCapabilities/cpu/mode/model"))
		model_end(parse, text);
	g_string_truncate(parse->text, 0);
	g_string_truncate(parse->path, parse->path->len - strlen(element));
	if (parse->path->len > 0)
		g_string_truncate(parse->path, parse->path->len - 1);
}

static void on_text(GMarkupParseContext *context G_GNUC_UNUSED, const char *text, gsize length,
		    gpointer data, GError **error G_GNUC_UNUSED)
{
	g_string_append_len(((Parse *)data)->text, text, (gssize)length);
}

/* What cannot be read is left out: an absent label says "not known". */
static void parse_document(Parse *parse, const char *xml)
{
	static const GMarkupParser parser = { on_start, on_end, on_text, NULL, NULL };
	g_autoptr(GMarkupParseContext) context = NULL;
	g_autoptr(GError) error = NULL;
	gsize length = strnlen(xml, XML_SIZE_MAX + 1);

	if (length > XML_SIZE_MAX)
		return;
	g_string_truncate(parse->path, 0);
	context = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, parse, NULL);
	if (!g_markup_parse_context_parse(context, xml, (gssize)length, &error))
		g_warning("cannot read the capabilities of a host: %s", error->message);
}

static GStrv strv_of(GPtrArray *strings)
{
	g_ptr_array_add(strings, NULL);
	return (GStrv)g_ptr_array_free(strings, FALSE);
}

static void parse_init(Parse *parse, LvHostFacts *facts)
{
	parse->facts = facts;
	parse->path = g_string_new(NULL);
	parse->text = g_string_new(NULL);
	parse->machines = g_ptr_array_new();
	parse->models = g_ptr_array_new();
	parse->features = g_ptr_array_new();
	parse->seen_machines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void parse_finish(Parse *parse, gboolean know_models)
{
	LvHostFacts *facts = parse->facts;

	facts->machine_types = strv_of(parse->machines);
	facts->cpu_features = strv_of(parse->features);
	facts->usable_cpu_models = strv_of(parse->models);
	if (!know_models)
		g_clear_pointer(&facts->usable_cpu_models, g_strfreev);
	g_string_free(parse->path, TRUE);
	g_string_free(parse->text, TRUE);
	g_hash_table_unref(parse->seen_machines);
	g_free(parse->mode);
}

/* ---- asking --------------------------------------------------------------------------------- */

static LvHostFacts *read_facts(virConnectPtr conn, HyperAnswer *answer)
{
	LvHostFacts *facts;
	unsigned long version = 0;
	Parse parse = { 0 };
	char *domain_capabilities, *hostname;
	char *capabilities = virConnectGetCapabilities(conn);

	if (!capabilities) {
		lv_set_error(answer, conn);
		return NULL;
	}
	facts = g_atomic_rc_box_new0(LvHostFacts);
	parse_init(&parse, facts);
	parse_document(&parse, capabilities);
	free(capabilities);
	domain_capabilities = virConnectGetDomainCapabilities(conn, NULL, facts->arch, NULL,
							      facts->kvm ? "kvm" : "qemu", 0);
	if (domain_capabilities)
		parse_document(&parse, domain_capabilities);
	parse_finish(&parse, domain_capabilities != NULL);
	free(domain_capabilities);
	hostname = virConnectGetHostname(conn);
	facts->hostname = hostname ? g_utf8_make_valid(hostname, -1) : NULL;
	free(hostname);
	if (virConnectGetLibVersion(conn, &version) == 0)
		facts->libvirt_version = version;
	version = 0;
	if (virConnectGetVersion(conn, &version) == 0)
		facts->hypervisor_version = version;
	return facts;
}

/* Available is what a guest could have at once: free, and what the kernel gives up without
 * swapping. The total is taken from the same place where it is there: virNodeGetInfo() knows only
 * the first NUMA node of some machines. */
static void read_memory(virConnectPtr conn, HyperHostInfo *info)
{
	g_autofree virNodeMemoryStats *stats = NULL;
	unsigned long long total = 0, available = 0;
	int n = 0;

	info->memory_available_bytes = -1;
	if (virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, NULL, &n, 0) < 0 || n <= 0)
		return;
	stats = g_new0(virNodeMemoryStats, n);
	if (virNodeGetMemoryStats(conn, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats, &n, 0) < 0)
		return;
	for (int i = 0; i < n; i++) {
		if (strcmp(stats[i].field, VIR_NODE_MEMORY_STATS_TOTAL) == 0)
			total = stats[i].value;
		else if (strcmp(stats[i].field, VIR_NODE_MEMORY_STATS_FREE) == 0 ||
			 strcmp(stats[i].field, VIR_NODE_MEMORY_STATS_BUFFERS) == 0 ||
			 strcmp(stats[i].field, VIR_NODE_MEMORY_STATS_CACHED) == 0)
			available += stats[i].value;
	}
	info->memory_available_bytes = (gint64)(available * 1024);
	if (total > 0)
		info->memory_total_bytes = (gint64)(total * 1024);
}

/* Another place for the certificates is set; or it cannot be told. */
static gboolean may_be_elsewhere(void)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents(QEMU_CONF, &text, NULL, NULL))
		return access(QEMU_CONF, F_OK) == 0;
	lines = g_strsplit(text, "\n", -1);
	for (gsize i = 0; lines[i]; i++)
		if (*g_strchug(lines[i]) != '#' && strstr(lines[i], "_tls_x509_cert_dir"))
			return TRUE;
	return FALSE;
}

/* Only of the daemon of this very machine: another socket may be that of a daemon which sees
 * other files. */
static int migration_certificates(const char *uri)
{
	static const char *const files[] = {
		CERTIFICATES "/ca-cert.pem",	 CERTIFICATES "/server-cert.pem",
		CERTIFICATES "/server-key.pem",	 CERTIFICATES "/client-cert.pem",
		CERTIFICATES "/client-key.pem",
	};

	if (strcmp(uri, "qemu:///system") != 0 || may_be_elsewhere() ||
	    (access(CERTIFICATES, F_OK) == 0 && access(CERTIFICATES, X_OK) != 0))
		return -1;
	for (gsize i = 0; i < G_N_ELEMENTS(files); i++)
		if (access(files[i], F_OK) != 0)
			return 0;
	return 1;
}

/* What only the daemon's own machine tells: its configuration. Not set there: none. */
static int disk_leases(const char *uri)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (strcmp(uri, "qemu:///system") != 0)
		return -1;
	if (!g_file_get_contents(QEMU_CONF, &text, NULL, NULL))
		return access(QEMU_CONF, F_OK) == 0 ? -1 : 0;
	lines = g_strsplit(text, "\n", -1);
	for (gsize i = 0; lines[i]; i++)
		if (g_str_has_prefix(g_strchug(lines[i]), "lock_manager"))
			return 1;
	return 0;
}

/* Without the right to faults of the kernel only newer ones can, by a device that libvirt hands on.
 */
static int userfaultfd(const char *uri, const HyperHostInfo *info)
{
	g_autofree char *text = NULL;

	if (strcmp(uri, "qemu:///system") != 0 ||
	    !g_file_get_contents(USERFAULTFD_SYSCTL, &text, NULL, NULL))
		return -1;
	return *text == '1' ||
	       (info->libvirt_version >= 10001000 && info->hypervisor_version >= 8000000 &&
		access("/dev/userfaultfd", F_OK) == 0);
}

static HyperHostInfo *info_of_facts(const LvHostFacts *facts)
{
	HyperHostInfo *info = g_new0(HyperHostInfo, 1);

	info->uuid = g_strdup(facts->uuid);
	info->hostname = g_strdup(facts->hostname);
	info->arch = g_strdup(facts->arch);
	info->cpu_model = g_strdup(facts->cpu_model);
	info->usable_cpu_models = g_strdupv(facts->usable_cpu_models);
	info->cpu_features = g_strdupv(facts->cpu_features);
	info->machine_types = g_strdupv(facts->machine_types);
	info->kvm = facts->kvm;
	info->libvirt_version = facts->libvirt_version;
	info->hypervisor_version = facts->hypervisor_version;
	return info;
}

void lv_host_info(virConnectPtr conn, LvHost *host, const HyperJobCall *call G_GNUC_UNUSED,
		  HyperAnswer *answer)
{
	g_autoptr(LvHostFacts) facts = lv_host_facts(host);
	virNodeInfo node;

	if (!facts) {
		facts = read_facts(conn, answer);
		if (!facts)
			return;
		lv_host_set_facts(host, facts);
	}
	if (virNodeGetInfo(conn, &node) < 0) {
		lv_set_error(answer, conn);
		return;
	}
	answer->info = info_of_facts(facts);
	answer->info->memory_total_bytes = (gint64)node.memory * 1024;
	answer->info->cpus = node.cpus;
	read_memory(conn, answer->info);
	answer->info->migration_certificates = migration_certificates(lv_host_uri(host));
	answer->info->disk_leases = disk_leases(lv_host_uri(host));
	answer->info->userfaultfd = userfaultfd(lv_host_uri(host), answer->info);
}
