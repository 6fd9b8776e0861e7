/* SPDX-License-Identifier: Apache-2.0 */
/* What a VM takes of its host, out of libvirt's XML, and what is found against it: by libvirt's
 * word, and by what the storage pools of two hosts show. */
#include <string.h>

#include "check/hosts.h"
#include "hyper/libvirt/parts-xml.h"

#define DOMAIN(os, devices)                                                                        \
	"<domain type='kvm'><name>a</name><os>" os "</os><devices>" devices "</devices></domain>"
#define FILE_DISK(cache, more)                                                                     \
	"<disk type='file' device='disk'><driver type='raw'" cache                                 \
	"/><source file='/i/a.raw'/>" more "<target dev='vda'/></disk>"

static GPtrArray *parse(const char *xml)
{
	g_autofree char *why = NULL;
	GPtrArray *parts = parts_xml_parse(xml, &why);

	g_assert_cmpstr(why, ==, NULL);
	return parts;
}

static void expect(const GPtrArray *findings, const char *wanted)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < findings->len; i++) {
		const CheckFinding *finding = g_ptr_array_index(findings, i);

		g_string_append_printf(text, "%s %s\n", check_severity_text(finding->severity),
				       finding->code + strlen("KVMIG-"));
	}
	g_assert_cmpstr(text->str, ==, wanted);
}

static const char *evidence(const GPtrArray *findings, guint n)
{
	return ((const CheckFinding *)g_ptr_array_index(findings, n))->evidence;
}

/* ---- the XML -------------------------------------------------------------------------------- */

static void test_disk_parts(void)
{
	g_autoptr(GPtrArray) parts = parse(DOMAIN(
		"<kernel>/k</kernel><loader type='rom'>name-only</loader>"
		"<nvram template='/t.fd'>/n.fd</nvram>",
		"<disk type='file' device='disk'><driver type='qcow2' cache='none'/>"
		"<source file='/top'/><backingStore type='block'><format type='raw'/>"
		"<source dev='/dev/x'/><backingStore/></backingStore>"
		"<mirror type='file'><source file='/mirror'/></mirror><target dev='vda'/></disk>"
		"<disk type='volume' device='cdrom'><source pool='p' volume='v'/>"
		"<target dev='hdc'/><readonly/></disk>"
		"<disk type='network' device='disk'><source protocol='rbd' name='p/i'>"
		"<host name='m'/></source><target dev='vdb'/></disk>"
		"<disk type='file' device='floppy'><target dev='fda'/></disk>"));
	static const char *const wanted[] = {
		"kernel (/k)",       "template of the firmware's variables (/t.fd)",
		"disk 'vda' (/top)", "the image below disk 'vda' (/dev/x)",
		"cdrom 'hdc' (p/v)", "disk 'vdb' (rbd:p/i)",
		"floppy 'fda'"
	};

	g_assert_cmpuint(parts->len, ==, G_N_ELEMENTS(wanted));
	for (guint i = 0; i < parts->len; i++) {
		g_autofree char *text = check_part_text(g_ptr_array_index(parts, i));

		g_assert_cmpstr(text, ==, wanted[i]);
	}
	g_assert_cmpstr(((HyperPart *)parts->pdata[2])->cache, ==, "none");
	g_assert_false(((HyperPart *)parts->pdata[2])->read_only);
	g_assert_true(((HyperPart *)parts->pdata[3])->read_only);
	g_assert_true(((HyperPart *)parts->pdata[4])->read_only);
}

static void test_bad_xml(void)
{
	static const char *const texts[] = { "", "<domain>", "no", "<a></b>",
					     "<domain><devices><disk></domain>" };
	g_autoptr(GString) deep = g_string_new(NULL);
	g_autofree char *why = NULL;

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		g_autofree char *words = NULL;

		g_assert_null(parts_xml_parse(texts[i], &words));
		g_assert_nonnull(words);
	}
	for (int i = 0; i < 100; i++)
		g_string_append(deep, "<a>");
	g_assert_null(parts_xml_parse(deep->str, &why));
	g_assert_nonnull(strstr(why, "nested"));
}

/* ---- libvirt's word ------------------------------------------------------------------------- */

typedef struct {
	const char *name;
	const char *devices;
	const char *refusal; /* NULL: it would let it go */
	HyperRefusalKind kind;
	const char *findings;
	const char *words; /* in the first one */
} Vector;

static const Vector vectors[] = {
	{ "nothing", "", NULL, 0, "", NULL },
	{ "a file that the guest writes to, not shared", FILE_DISK("", ""),
	  "Unsafe migration: Migration without shared storage is unsafe", HYPER_REFUSAL_UNSAFE,
	  "blocks BLK-LOCAL-DISK\n", "it writes to disk 'vda' (/i/a.raw); libvirt: Unsafe" },
	{ "what is only read is not to blame", FILE_DISK("", "<readonly/>"),
	  "Migration without shared storage is unsafe", HYPER_REFUSAL_UNSAFE,
	  "blocks BLK-LOCAL-DISK\n", "it writes to a disk; libvirt" },
	{ "its cache, to an older libvirt", FILE_DISK("", ""),
	  "Migration may lead to data corruption if disks use cache != none", HYPER_REFUSAL_UNSAFE,
	  "blocks CHK-DISK-CACHE\n", "cache != none" },
	{ "a cache that nothing writes out", FILE_DISK(" cache='unsafe'", ""), NULL, 0,
	  "warning CHK-DISK-CACHE\n", "cache='unsafe'" },
	{ "other caches are safe for newer ones", FILE_DISK(" cache='writeback'", ""), NULL, 0, "",
	  NULL },
	{ "a PCI device",
	  "<hostdev type='pci'><source><address domain='0x0000' bus='0x01' "
	  "slot='0x1f' function='0x2'/></source></hostdev>",
	  "cannot migrate: VFIO device", HYPER_REFUSAL_OTHER, "blocks BLK-HOST-DEVICE\n",
	  "device 0000:01:1f.2 of its node (pci) is passed through to it; libvirt: cannot" },
	{ "a PCI device that libvirt lets go",
	  "<hostdev type='mdev'><source><address uuid='u-1'/></source></hostdev>", NULL, 0,
	  "warning BLK-HOST-DEVICE\n", "device u-1 of its node (mdev)" },
	{ "one that is unplugged for the time",
	  "<interface type='hostdev'><source><address slot='0x03'/></source>"
	  "<teaming type='transient' persistent='u'/></interface>",
	  NULL, 0, "warning CHK-SRIOV\n", "unplugged" },
	{ "USB", "<hostdev type='usb'><source><address bus='1' device='2'/></source></hostdev>",
	  NULL, 0, "warning BLK-HOST-DEVICE\n", "stays behind" },
	{ "a TPM of the host",
	  "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend>"
	  "</tpm>",
	  NULL, 0, "warning BLK-HOST-DEVICE\n", "/dev/tpm0" },
	{ "a TPM that is emulated", "<tpm model='tpm-crb'><backend type='emulator'/></tpm>", NULL,
	  0, "", NULL },
	{ "a folder, by virtiofs",
	  "<filesystem type='mount'><driver type='virtiofs'/><source dir='/srv'/>"
	  "<target dir='x'/></filesystem>",
	  "migration with virtiofs device is not supported", HYPER_REFUSAL_OTHER,
	  "blocks BLK-FILESYSTEM\n",
	  "folder /srv of its node is shared with the guest (virtiofs)" },
	{ "a folder that nobody has mounted",
	  "<filesystem type='mount'><source dir='/srv'/></filesystem>", NULL, 0,
	  "warning BLK-FILESYSTEM\n", "(9p): libvirt lets it go only as long as" },
	{ "memory of others", "<shmem name='s' role='peer'/>", "peer mode", HYPER_REFUSAL_OTHER,
	  "blocks BLK-SHARED-MEMORY\n", "'s' with others on its node (role peer); libvirt: peer" },
	{ "memory that goes along", "<shmem name='s' role='master'/>", NULL, 0,
	  "warning BLK-SHARED-MEMORY\n", NULL },
	{ "its master is not to blame", "<shmem name='s' role='master'/>", "with 1 snapshots",
	  HYPER_REFUSAL_OTHER, "blocks BLK-LIBVIRT\nblocks BLK-SHARED-MEMORY\n", "snapshots" },
	{ "a block job", "", "domain has active block job", HYPER_REFUSAL_OTHER,
	  "blocks PEND-VM-BUSY\n", "block job" },
};

static CheckLook look_of(const char *devices)
{
	g_autofree char *xml = g_strdup_printf(DOMAIN("", "%s"), devices);
	CheckLook look = { .ns = g_strdup("default"),
			   .name = g_strdup("vm1"),
			   .node = g_strdup("n1"),
			   .source = g_new0(HyperInspection, 1),
			   .views = g_ptr_array_new() };

	look.source->parts = parse(xml);
	return look;
}

static void refusal_destroy(gpointer data)
{
	hyper_refusal_free(data);
}

static void test_vector(gconstpointer data)
{
	const Vector *vector = data;
	g_autoptr(GPtrArray) findings = check_findings_new();
	g_auto(CheckLook) look = look_of(vector->devices);

	look.probed = TRUE;
	if (vector->refusal) {
		HyperRefusal *refusal = g_new0(HyperRefusal, 1);

		refusal->kind = vector->kind;
		refusal->text = g_strdup(vector->refusal);
		look.refusals = g_ptr_array_new_with_free_func(refusal_destroy);
		g_ptr_array_add(look.refusals, refusal);
	}
	check_look_judge(&look, findings);
	expect(findings, vector->findings);
	if (vector->words)
		g_assert_nonnull(strstr(evidence(findings, 0), vector->words));
}

/* What the inventory guessed gives way to libvirt's word about the same VM, and to no other's. */
static void test_general(void)
{
	const CheckObject own = { "vm", "default", "vm1" }, other = { "vm", "default", "vm2" };
	g_autoptr(GPtrArray) findings = check_findings_new();
	g_auto(CheckLook) look = look_of("<shmem name='s'/>");
	HyperRefusal *refusal = g_new0(HyperRefusal, 1);

	check_add(findings, &own, CHECK_BLOCKS, REASON_BLK_LIBVIRT, NULL, "a guess");
	check_add(findings, &other, CHECK_BLOCKS, REASON_BLK_LIBVIRT, NULL, "another's");
	refusal->text = g_strdup("no");
	look.probed = TRUE;
	look.refusals = g_ptr_array_new_with_free_func(refusal_destroy);
	g_ptr_array_add(look.refusals, refusal);
	check_look_judge(&look, findings);
	expect(findings, "blocks BLK-LIBVIRT\nblocks BLK-SHARED-MEMORY\n");
	g_assert_cmpstr(evidence(findings, 0), ==, "another's");
}

static void test_not_asked(void)
{
	g_autoptr(GPtrArray) findings = check_findings_new();
	g_auto(CheckLook) look = look_of("<filesystem type='mount'/>");
	g_auto(CheckLook) silent = { .name = g_strdup("vm2"), .why_not = g_strdup("it is down") };

	look.says_not = TRUE;
	look.why_not_probed = g_strdup("timed out");
	look.source->checkpoints = 2;
	look.source->job = g_strdup("backup");
	check_look_judge(&look, findings);
	check_look_judge(&silent, findings);
	expect(findings, "warning PEND-VM-BUSY\nnote CHK-NOT-SEEN\nwarning CHK-CHECKPOINTS\n"
			 "blocks BLK-FILESYSTEM\nnote CHK-NOT-SEEN\n");
	g_assert_nonnull(strstr(evidence(findings, 0), "backup"));
	g_assert_nonnull(strstr(evidence(findings, 2), "2 checkpoints"));
	g_assert_nonnull(strstr(evidence(findings, 4), "it is down"));
}

/* ---- two hosts ------------------------------------------------------------------------------ */

#define DIR "dir", NULL, "/i"
#define NFS(source) "netfs", source, "/i"

typedef struct {
	const char *pool_type, *pool_source, *pool_path; /* NULL: no pool covers it */
	gboolean listed;
	const char *key, *changed;
	gint64 capacity;
} Place;

static const struct {
	const char *name;
	Place here, there;
	const char *findings, *words;
} places[] = {
	{ "no pool",
	  { DIR, TRUE, "/i/a", "1.5", 9 },
	  { 0 },
	  "note CHK-PATH-UNSEEN\n",
	  "disk 'vda' (/i/a.raw)" },
	{ "changed in one nanosecond",
	  { DIR, TRUE, "/i/a", "1.5", 9 },
	  { DIR, TRUE, "/i/a", "1.5", 9 },
	  "",
	  NULL },
	{ "a file system without parts of a second",
	  { DIR, TRUE, "/i/a", "1.000000000", 9 },
	  { DIR, TRUE, "/i/a", "1.000000000", 9 },
	  "note CHK-PATH-UNSEEN\n",
	  NULL },
	{ "changed at other times: being written, or a copy",
	  { DIR, TRUE, "/i/a", "1.5", 9 },
	  { DIR, TRUE, "/i/a", "1.6", 9 },
	  "note CHK-PATH-UNSEEN\n",
	  NULL },
	{ "another one",
	  { DIR, TRUE, "/i/a", "1.5", 9 },
	  { DIR, TRUE, "/i/a", "1.6", 8 },
	  "warning CHK-PATH-ABSENT\n",
	  "on node 'n2' it is another one, of 8 bytes instead of 9" },
	{ "not there",
	  { DIR, TRUE, "/i/a", "1.5", 9 },
	  { DIR, FALSE, NULL, NULL, -1 },
	  "warning CHK-PATH-ABSENT\n",
	  "storage pool 'images' on node 'n2' does not have it" },
	{ "in a folder below the pool's, which it does not list",
	  { 0 },
	  { "dir", NULL, "/", FALSE, NULL, NULL, -1 },
	  "note CHK-PATH-UNSEEN\n",
	  NULL },
	{ "one export",
	  { NFS("nas:/vm"), TRUE, "/i/a", "1.5", 9 },
	  { NFS("nas:/vm"), TRUE, "/i/a", "1.6", 9 },
	  "",
	  NULL },
	{ "two exports",
	  { NFS("nas:/vm"), TRUE, "/i/a", "1.5", 9 },
	  { NFS("nas:/other"), TRUE, "/i/a", "1.6", 9 },
	  "note CHK-PATH-UNSEEN\n",
	  NULL },
	{ "one unit of a storage array",
	  { "scsi", NULL, "/i", TRUE, "3600a", NULL, 9 },
	  { "scsi", NULL, "/i", TRUE, "3600a", NULL, 9 },
	  "",
	  NULL },
};

static void place_set(HyperPart *part, const Place *place)
{
	part->place.pool = g_strdup(place->pool_type ? "images" : NULL);
	part->place.pool_type = g_strdup(place->pool_type);
	part->place.pool_source = g_strdup(place->pool_source);
	part->place.pool_path = g_strdup(place->pool_path);
	part->place.listed = place->listed;
	part->place.key = g_strdup(place->key);
	part->place.changed = g_strdup(place->changed);
	part->place.capacity_bytes = place->capacity;
}

static void view_destroy(gpointer data)
{
	CheckView *view = data;

	g_free(view->node);
	hyper_inspection_free(view->inspection);
	g_free(view);
}

static CheckView *add_view(CheckLook *look, const char *devices)
{
	g_auto(CheckLook) other = look_of(devices);
	CheckView *view = g_new0(CheckView, 1);

	view->node = g_strdup("n2");
	view->inspection = g_steal_pointer(&other.source);
	g_ptr_array_set_free_func(look->views, view_destroy);
	g_ptr_array_add(look->views, view);
	return view;
}

static void test_places(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autoptr(GPtrArray) findings = check_findings_new();
		g_auto(CheckLook) look = look_of(FILE_DISK("", ""));
		CheckView *view = add_view(&look, FILE_DISK("", ""));

		g_test_message("%s", places[i].name);
		place_set(look.source->parts->pdata[0], &places[i].here);
		place_set(view->inspection->parts->pdata[0], &places[i].there);
		look.probed = TRUE;
		check_look_judge(&look, findings);
		expect(findings, places[i].findings);
		if (places[i].words)
			g_assert_nonnull(strstr(evidence(findings, 0), places[i].words));
	}
}

/* here, there: 1 there, 0 not, -1 cannot be told */
static void test_interfaces(void)
{
	static const struct {
		int here, there;
		const char *findings;
	} cases[] = {
		{ 1, 1, "" },
		{ 1, 0, "warning TGT-NETWORK\n" },
		{ 0, 0, "note CHK-PATH-UNSEEN\n" }, /* it is there: the list is not whole */
		{ 1, -1, "note CHK-PATH-UNSEEN\n" },
		{ -1, 0, "note CHK-PATH-UNSEEN\n" },
	};
	const char *xml = "<interface type='bridge'><source bridge='br7'/><target dev='vnet0'/>"
			  "</interface><interface type='network'><source network='x'/></interface>";

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GPtrArray) findings = check_findings_new();
		g_auto(CheckLook) look = look_of(xml);
		CheckView *view = add_view(&look, xml);

		((HyperPart *)look.source->parts->pdata[0])->there = cases[i].here;
		((HyperPart *)view->inspection->parts->pdata[0])->there = cases[i].there;
		look.probed = TRUE;
		check_look_judge(&look, findings);
		expect(findings, cases[i].findings);
		if (findings->len)
			g_assert_nonnull(strstr(evidence(findings, 0), "'vnet0' (br7)"));
	}
}

static void test_medium(void)
{
	const char *xml = "<disk type='file' device='cdrom'><source file='/x.iso'/>"
			  "<target dev='hdc'/><readonly/></disk><disk type='file' device='cdrom'>"
			  "<target dev='hdd'/></disk>";
	g_autoptr(GPtrArray) findings = check_findings_new();
	g_auto(CheckLook) look = look_of(xml);
	CheckView *view = add_view(&look, xml);

	g_clear_pointer(&view->inspection, hyper_inspection_free); /* it does not answer */
	look.probed = TRUE;
	check_look_judge(&look, findings);
	expect(findings, "warning CHK-MEDIA\n");
}

/* What `kvmig targets` makes of it: only what is certain. */
static void test_other_host(void)
{
	static const struct {
		HyperPartKind kind;
		const char *type, *path;
		int here, there;
		gboolean lacks;
	} cases[] = {
		{ HYPER_PART_INTERFACE, "bridge", "br0", 1, 0, TRUE },
		{ HYPER_PART_INTERFACE, "direct", "eth1", 1, 0, TRUE },
		{ HYPER_PART_INTERFACE, "bridge", "br0", 1, 1, FALSE },
		{ HYPER_PART_INTERFACE, "bridge", "br0", 1, -1, FALSE },
		{ HYPER_PART_INTERFACE, "bridge", "br0", 0, 0, FALSE }, /* not all are told */
		{ HYPER_PART_INTERFACE, "network", "default", 1, 0, FALSE },
		{ HYPER_PART_DISK, "file", "/pool/a", 1, 0, FALSE },
	};
	HyperPart here = { .kind = HYPER_PART_DISK,
			   .type = (char *)"file",
			   .path = (char *)"/p/a" };
	HyperPart there = here;

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		HyperPart part = { .kind = cases[i].kind,
				   .type = (char *)cases[i].type,
				   .path = (char *)cases[i].path,
				   .there = cases[i].here };
		HyperPart other = part;

		other.there = cases[i].there;
		g_assert_cmpint(check_part_lacks_device(&part, &other), ==, cases[i].lacks);
	}
	g_assert_false(check_part_is_unlisted(&here, &there)); /* no pool covers it */
	there.place.pool = (char *)"p";
	there.place.pool_path = (char *)"/p";
	g_assert_true(check_part_is_unlisted(&here, &there));
	there.place.listed = TRUE;
	g_assert_false(check_part_is_unlisted(&here, &there));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/look/parts", test_disk_parts);
	g_test_add_func("/look/bad-xml", test_bad_xml);
	g_test_add_func("/look/general", test_general);
	g_test_add_func("/look/not-asked", test_not_asked);
	g_test_add_func("/look/places", test_places);
	g_test_add_func("/look/interfaces", test_interfaces);
	g_test_add_func("/look/medium", test_medium);
	for (gsize i = 0; i < G_N_ELEMENTS(vectors); i++) {
		g_autofree char *path = g_strdup_printf("/look/vector/%s", vectors[i].name);

		g_test_add_data_func(path, &vectors[i], test_vector);
	}
	g_test_add_func("/look/other-host", test_other_host);
	return g_test_run();
}
