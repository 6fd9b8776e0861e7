/* SPDX-License-Identifier: Apache-2.0 */
/* What the libvirt driver reads out of a domain's XML, and what it makes of XML that is none. */
#include <string.h>

#include "hyper/libvirt/domain-xml.h"
#include "model/wellknown.h"

static const char full[] =
	"<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
	"<name>Web_01 &amp; co</name><uuid>c7fa0013-e835-43ea-a0e6-76cf2eb79999</uuid>"
	"<metadata><o:os xmlns:o='http://example.org/'><o:id>x</o:id></o:os>"
	"<kvmig:instance xmlns:kvmig='" METADATA_XMLNS "' namespace='a&lt;b'>\n"
	"  <kvmig:label name='k'>v &amp; w</kvmig:label>\n</kvmig:instance></metadata>"
	"<memory unit='KiB'>262144</memory><currentMemory unit='KiB'>1</currentMemory>"
	"<vcpu placement='static'>4</vcpu>"
	"<os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>"
	"<cpu mode='custom' match='exact'><model fallback='forbid'>Skylake-Client</model>"
	"<feature policy='require' name='ss'/></cpu>"
	"<devices><emulator>/usr/bin/qemu</emulator>"
	"<disk type='file' device='disk'><source file='/a'/><model>no</model></disk></devices>"
	"<qemu:commandline><qemu:arg value='-x'/></qemu:commandline></domain>";

static void test_full(void)
{
	g_auto(DomainXml) domain = { 0 };
	g_autofree char *why = NULL;

	g_assert_true(domain_xml_parse(full, &domain, &why));
	g_assert_cmpstr(domain.name, ==, "Web_01 & co");
	g_assert_cmpstr(domain.uuid, ==, "c7fa0013-e835-43ea-a0e6-76cf2eb79999");
	g_assert_cmpstr(domain.virt_type, ==, "kvm");
	g_assert_cmpstr(domain.arch, ==, "x86_64");
	g_assert_cmpstr(domain.machine_type, ==, "pc-q35-7.2");
	g_assert_cmpstr(domain.emulator, ==, "/usr/bin/qemu");
	g_assert_cmpint(domain.memory_bytes, ==, 256 * 1024 * 1024);
	g_assert_cmpuint(domain.vcpus, ==, 4);
	g_assert_cmpstr(domain.cpu_mode, ==, "custom");
	g_assert_cmpstr(domain.cpu_model, ==, "Skylake-Client");
	g_assert_cmpstr(domain.cpu_xml, ==,
			"<cpu mode=\"custom\" match=\"exact\"><model fallback=\"forbid\">"
			"Skylake-Client</model><feature policy=\"require\" name=\"ss\"></feature>"
			"</cpu>");
	g_assert_cmpstr(domain.metadata, ==,
			"<instance namespace=\"a&lt;b\"><label name=\"k\">v &amp; w</label>"
			"</instance>");
	g_assert_null(domain.not_migratable);
}

/* What stands in <devices>, and a word of the reason; NULL: nothing against it. */
static const char *const devices[][2] = {
	{ "<hostdev mode='subsystem' type='pci'/>", "pci" },
	{ "<hostdev mode='subsystem' type='mdev'/>", "mdev" },
	{ "<hostdev mode='subsystem' type='usb'/>", NULL },
	{ "<hostdev type='pci'><teaming type='transient' persistent='u'/></hostdev>", NULL },
	{ "<interface type='hostdev'/>", "network device" },
	{ "<interface type='hostdev'><teaming type='transient'/></interface>", NULL },
	{ "<interface type='network'><teaming type='persistent'/></interface>", NULL },
	{ "<disk type='nvme'/>", "NVMe" },
	{ "<disk type='file'><transient/></disk>", "transient" },
	{ "<filesystem type='mount'/>", "folder" },
	{ "<shmem name='s'/>", "shmem" },
	{ "<shmem name='s' role='master'/>", NULL },
	{ "<hostdev type='pci'><teaming type='transient'/></hostdev><hostdev type='pci'/>", "pci" },
};

static void assert_refusal(const char *xml, const char *word)
{
	g_auto(DomainXml) domain = { 0 };
	g_autofree char *why = NULL;

	g_test_message("%s", xml);
	g_assert_true(domain_xml_parse(xml, &domain, &why));
	if (word)
		g_assert_nonnull(strstr(domain.not_migratable, word));
	else
		g_assert_cmpstr(domain.not_migratable, ==, NULL);
}

static void test_not_migratable(void)
{
	static const char tsc[] = "<domain><cpu><feature policy='require' name='invtsc'/></cpu>"
				  "<clock><timer name='tsc' frequency='1'/></clock></domain>";

	for (gsize i = 0; i < G_N_ELEMENTS(devices); i++) {
		g_autofree char *xml = g_strdup_printf("<domain><devices>%s</devices></domain>",
						       devices[i][0]);

		assert_refusal(xml, devices[i][1]);
	}
	assert_refusal("<domain><launchSecurity type='sev'/></domain>", "encrypted");
	assert_refusal("<domain><cpu><feature policy='require' name='invtsc'/></cpu></domain>",
		       "invtsc");
	assert_refusal(tsc, NULL);
}

static void test_bad(void)
{
	static const char *const bad[] = {
		"",	    "x",	 "<domain>",	     "<domain></x>",	  "<network/>",
		"<domain/><domain/>", "<domain><name>\xff</name></domain>", "<domain a=b/>",
		"<domain>&x;</domain>",
	};
	g_autoptr(GString) deep = g_string_new(NULL);
	g_autofree char *padding = g_strnfill(DOMAIN_XML_SIZE_MAX, ' ');
	g_autofree char *huge = g_strconcat("<domain>", padding, "</domain>", NULL);
	DomainXml domain;

	for (int i = 0; i < 10000; i++)
		g_string_append(deep, "<domain>");
	for (gsize i = 0; i < G_N_ELEMENTS(bad) + 2; i++) {
		g_autofree char *why = NULL;
		const char *xml = i < G_N_ELEMENTS(bad)	 ? bad[i] :
				  i == G_N_ELEMENTS(bad) ? huge :
							   deep->str;

		g_assert_false(domain_xml_parse(xml, &domain, &why));
		g_assert_cmpstr(why, !=, NULL);
	}
}

static void test_odd_values(void)
{
	g_auto(DomainXml) domain = { 0 };
	g_autofree char *why = NULL;

	g_assert_true(domain_xml_parse("<domain><memory unit='TiB'>99999999999</memory>"
				       "<vcpu>-1</vcpu><name/><metadata><instance/></metadata>"
				       "<os><type/></os></domain>",
				       &domain, &why));
	g_assert_cmpint(domain.memory_bytes, ==, 0);
	g_assert_cmpuint(domain.vcpus, ==, 0);
	g_assert_null(domain.metadata); /* of no namespace: not ours */
	g_assert_null(domain.arch);
}

static void test_plain_element(void)
{
	g_autofree char *plain = domain_xml_plain_element("<i a='1'><l>x</l></i>");
	g_autofree char *prefixed = domain_xml_plain_element(
		"<k:i xmlns:k='" METADATA_XMLNS "' k:a='1'><k:l>x</k:l></k:i>");
	g_autofree char *by_default =
		domain_xml_plain_element("<i xmlns='" METADATA_XMLNS "' a='1'><l>x</l></i>");
	g_autofree char *foreign = domain_xml_plain_element("<k:i xmlns:k='urn:x'/>");

	g_assert_cmpstr(plain, ==, "<i a=\"1\"><l>x</l></i>");
	g_assert_cmpstr(prefixed, ==, plain);
	g_assert_cmpstr(by_default, ==, plain);
	g_assert_cmpstr(foreign, ==, "<k:i xmlns:k=\"urn:x\"></k:i>");
	g_assert_null(domain_xml_plain_element("<a/><b/>"));
	g_assert_null(domain_xml_plain_element("text"));
	g_assert_null(domain_xml_plain_element(""));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/domain-xml/full", test_full);
	g_test_add_func("/domain-xml/not-migratable", test_not_migratable);
	g_test_add_func("/domain-xml/bad", test_bad);
	g_test_add_func("/domain-xml/odd-values", test_odd_values);
	g_test_add_func("/domain-xml/plain-element", test_plain_element);
	return g_test_run();
}
