/* SPDX-License-Identifier: Apache-2.0 */
/* What a host does not offer of what a domain has, by pieces of real domain capabilities. */
#include "hyper/libvirt/offers.h"

#define CAPABILITIES(inside) "<domainCapabilities>" inside "</domainCapabilities>"
#define TPM                                                                                        \
	"<devices><tpm supported='yes'><enum name='model'><value>tpm-tis</value>"                  \
	"<value>tpm-crb</value></enum><enum name='backendModel'><value>passthrough</value>"        \
	"</enum></tpm></devices>"
#define FIRMWARE                                                                                   \
	"<os supported='yes'><enum name='firmware'/><loader supported='yes'>"                      \
	"<value>/usr/share/OVMF/OVMF_CODE.fd</value><enum name='type'><value>rom</value>"          \
	"<value>pflash</value></enum><enum name='secure'><value>no</value></enum></loader></os>"

static const struct {
	const char *name, *domain, *capabilities, *lacking;
} vectors[] = {
	{ "tpm", "<devices><tpm model='tpm-crb'><backend type='passthrough'/></tpm></devices>",
	  CAPABILITIES(TPM), "" },
	{ "tpm-model", "<devices><tpm model='tpm-spapr'/></devices>", CAPABILITIES(TPM),
	  "TPM model 'tpm-spapr' is not offered (tpm-tis, tpm-crb)" },
	{ "tpm-emulator",
	  "<devices><tpm model='tpm-tis'><backend type='emulator'/></tpm></devices>",
	  CAPABILITIES(TPM), "TPM backend 'emulator' is not offered (passthrough)" },
	{ "tpm-none", "<devices><tpm model='tpm-tis'/></devices>",
	  CAPABILITIES("<devices><tpm supported='no'/></devices>"),
	  "TPM model 'tpm-tis' is not offered" },
	{ "firmware", "<os firmware='efi'/>", CAPABILITIES(FIRMWARE),
	  "firmware 'efi' is not offered (none is)" },
	{ "secure-boot", "<os><loader type='pflash' secure='yes'>x</loader></os>",
	  CAPABILITIES(FIRMWARE), "secure boot: 'yes' is not offered (no)" },
	{ "no-secure-boot", "<os><loader type='pflash' secure='no'>x</loader></os>",
	  CAPABILITIES(FIRMWARE), "" },
	{ "sev", "<launchSecurity type='sev'/>",
	  CAPABILITIES("<features><sev supported='no'/></features>"),
	  "launch security 'sev' is not offered" },
	{ "sev-offered", "<launchSecurity type='sev'/>",
	  CAPABILITIES("<features><sev supported='yes'/></features>"), "" },
	{ "two", "<devices><video><model type='qxl'/></video><graphics type='spice'/></devices>",
	  CAPABILITIES("<devices><graphics supported='yes'><enum name='type'><value>vnc</value>"
		       "</enum></graphics><video supported='yes'><enum name='modelType'>"
		       "<value>vga</value></enum></video></devices>"),
	  "video model 'qxl' is not offered (vga); graphics 'spice' is not offered (vnc)" },
	{ "elsewhere", "<metadata><tpm model='tpm-spapr'/></metadata>", CAPABILITIES(TPM), "" },
	{ "said-nothing-of", "<os firmware='efi'/><devices><tpm model='tpm-spapr'/></devices>",
	  CAPABILITIES("<os supported='yes'/>"), "" },
	{ "no-xml", "<devices><tpm model='tpm-spapr'/></devices>", "<domainCapabilities><dev", "" },
	{ "no-domain", "<devices", CAPABILITIES(TPM), "" },
};

static void test_vector(gconstpointer data)
{
	const guint i = GPOINTER_TO_UINT(data);
	g_autofree char *domain = g_strconcat("<domain>", vectors[i].domain, "</domain>", NULL);
	g_autoptr(GPtrArray) lacking = offers_lacking(domain, vectors[i].capabilities);
	g_autofree char *text = NULL;

	g_ptr_array_add(lacking, NULL);
	text = g_strjoinv("; ", (char **)lacking->pdata);
	g_assert_cmpstr(text, ==, vectors[i].lacking);
}

static void test_too_deep(void)
{
	g_autoptr(GString) xml = g_string_new("<domainCapabilities>");
	g_autoptr(GPtrArray) lacking = NULL;

	for (guint i = 0; i < 1000; i++)
		g_string_append(xml, "<tpm supported='no'>");
	lacking = offers_lacking(xml->str, xml->str);
	g_assert_cmpuint(lacking->len, ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	for (guint i = 0; i < G_N_ELEMENTS(vectors); i++) {
		g_autofree char *path = g_strconcat("/offers/", vectors[i].name, NULL);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_vector);
	}
	g_test_add_func("/offers/too-deep", test_too_deep);
	return g_test_run();
}
