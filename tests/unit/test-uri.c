/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/error.h"
#include "hyper/uri.h"

typedef struct {
	const char *text;
	const char *canonical; /* NULL: refused, with … */
	KvmigError code;
	const char *names; /* … this word in the message */
} UriCase;

static const UriCase good[] = {
	{ "qemu:///system", "qemu:///system", 0, NULL },
	{ "qemu:///system?", "qemu:///system", 0, NULL },
	{ "QEMU:///session", "qemu:///session", 0, NULL },
	{ "qemu+unix:///system", "qemu:///system", 0, NULL },
	{ "qemu+unix:///system?socket=/run/n1/libvirt-sock",
	  "qemu+unix:///system?socket=/run/n1/libvirt-sock", 0, NULL },
	{ "qemu:///session?socket=/run/a%20b/s", "qemu+unix:///session?socket=/run/a%20b/s", 0,
	  NULL },
	{ "qemu+unix:///system?socket=/run/%26command%3Dx",
	  "qemu+unix:///system?socket=/run/%26command%3Dx", 0, NULL },
	{ "qemu+unix:///system?socket=%2frun%2Fs", "qemu+unix:///system?socket=/run/s", 0, NULL },
	{ "qemu://N1.Example/system", "qemu+tls://n1.example/system", 0, NULL },
	{ "qemu+tls://n1:16514/system?tls_priority=NORMAL:%25PROFILE_HIGH&pkipath=/etc/p",
	  "qemu+tls://n1:16514/system?pkipath=/etc/p&tls_priority=NORMAL:%25PROFILE_HIGH", 0,
	  NULL },
	{ "qemu+ssh://root@n1/system", "qemu+ssh://root@n1/system", 0, NULL },
	{ "qemu+ssh://n_1.lan:22/session?keyfile=/root/.ssh/id",
	  "qemu+ssh://n_1.lan:22/session?keyfile=/root/.ssh/id", 0, NULL },
	{ "qemu+tls://192.0.2.1/system", "qemu+tls://192.0.2.1/system", 0, NULL },
	{ "qemu+tls://[2001:DB8::1]:16514/system", "qemu+tls://[2001:db8::1]:16514/system", 0,
	  NULL },
	{ "qemu+ssh://u@[::1]/system", "qemu+ssh://u@[::1]/system", 0, NULL },
};

static const UriCase bad[] = {
	/* what runs or allows something */
	{ "qemu+ssh://n1/system?command=/bin/x", NULL, KVMIG_ERROR_REFUSED, "command" },
	{ "qemu+ssh://n1/system?Command=/bin/x", NULL, KVMIG_ERROR_REFUSED, "Command" },
	{ "qemu+ssh://n1/system?%63ommand=/bin/x", NULL, KVMIG_ERROR_REFUSED, "%63ommand" },
	{ "qemu+ssh://n1/system?keyfile=/k&command=/x", NULL, KVMIG_ERROR_REFUSED, "command" },
	{ "qemu+ssh://n1/system?keyfile=/k;command=/x", NULL, KVMIG_ERROR_REFUSED, "command" },
	{ "qemu+ssh://n1/system?netcat=/bin/x", NULL, KVMIG_ERROR_REFUSED, "netcat" },
	{ "qemu+tls://n1/system?no_verify=1", NULL, KVMIG_ERROR_REFUSED, "no_verify" },
	{ "qemu+tls://n1/system?no_sanity=1", NULL, KVMIG_ERROR_REFUSED, "no_sanity" },
	{ "qemu+ssh://n1/system?known_hosts_verify=ignore", NULL, KVMIG_ERROR_REFUSED,
	  "known_hosts_verify" },
	{ "qemu+ssh://n1/system?known_hosts=/k", NULL, KVMIG_ERROR_REFUSED, "ssh_config" },
	{ "qemu+ssh://n1/system?mode=legacy", NULL, KVMIG_ERROR_REFUSED, "mode" },
	{ "qemu+ssh://n1/system?proxy=netcat", NULL, KVMIG_ERROR_REFUSED, "proxy" },
	{ "qemu+unix:///system?name=qemu%2Bext:///system", NULL, KVMIG_ERROR_REFUSED, "name" },
	{ "qemu+ext:///system?command=/x", NULL, KVMIG_ERROR_REFUSED, "ext" },
	{ "qemu+EXT://n1/system", NULL, KVMIG_ERROR_REFUSED, "ext" },
	{ "qemu+libssh2://n1/system", NULL, KVMIG_ERROR_REFUSED, "libssh2" },
	{ "qemu+libssh://n1/system", NULL, KVMIG_ERROR_REFUSED, "libssh" },
	{ "qemu+://n1/system", NULL, KVMIG_ERROR_REFUSED, "transport" },
	{ "qemu+ssh+ext://n1/system", NULL, KVMIG_ERROR_REFUSED, "ssh+ext" },
	{ "qemu+tcp://n1/system", NULL, KVMIG_ERROR_REFUSED, "tcp" },
	/* a parameter where libvirt would ignore it */
	{ "qemu+ssh://n1/system?socket=/s", NULL, KVMIG_ERROR_REFUSED, "socket" },
	{ "qemu+tls://n1/system?keyfile=/k", NULL, KVMIG_ERROR_REFUSED, "keyfile" },
	/* users */
	{ "qemu+ssh://-oProxyCommand=x@n1/system", NULL, KVMIG_ERROR_INVALID, "-oProxy" },
	{ "qemu+ssh://-l@n1/system", NULL, KVMIG_ERROR_INVALID, "-l" },
	{ "qemu+ssh://u:secret@n1/system", NULL, KVMIG_ERROR_REFUSED, "password" },
	{ "qemu+ssh://@n1/system", NULL, KVMIG_ERROR_INVALID, "user name" },
	{ "qemu+ssh://a%40b@n1/system", NULL, KVMIG_ERROR_INVALID, "user name" },
	{ "qemu+ssh://a@b@n1/system", NULL, KVMIG_ERROR_INVALID, "b@n1" },
	{ "qemu+tls://u@n1/system", NULL, KVMIG_ERROR_INVALID, "user name" },
	{ "qemu://u@/system", NULL, KVMIG_ERROR_INVALID, "host name" },
	/* hosts */
	{ "qemu+ssh://-oProxyCommand=x/system", NULL, KVMIG_ERROR_INVALID, "-oproxycommand" },
	{ "qemu+ssh://u@-x/system", NULL, KVMIG_ERROR_INVALID, "-x" },
	{ "qemu+ssh:///system", NULL, KVMIG_ERROR_INVALID, "host name" },
	{ "qemu+ssh://:22/system", NULL, KVMIG_ERROR_INVALID, "host name" },
	{ "qemu+ssh://n1%20-x/system", NULL, KVMIG_ERROR_INVALID, "n1%20" },
	{ "qemu+ssh://n1;reboot/system", NULL, KVMIG_ERROR_INVALID, "reboot" },
	{ "qemu+ssh://$(reboot)/system", NULL, KVMIG_ERROR_INVALID, "reboot" },
	{ "qemu+tls://n1..lan/system", NULL, KVMIG_ERROR_INVALID, "n1..lan" },
	{ "qemu+tls://.n1/system", NULL, KVMIG_ERROR_INVALID, ".n1" },
	{ "qemu+tls://n1-/system", NULL, KVMIG_ERROR_INVALID, "n1-" },
	{ "qemu+unix://n1/system", NULL, KVMIG_ERROR_INVALID, "unix" },
	{ "qemu+tls://[::1/system", NULL, KVMIG_ERROR_INVALID, "]" },
	{ "qemu+tls://[]/system", NULL, KVMIG_ERROR_INVALID, "[]" },
	{ "qemu+tls://[n1]/system", NULL, KVMIG_ERROR_INVALID, "[n1]" },
	{ "qemu+tls://[192.0.2.1]/system", NULL, KVMIG_ERROR_INVALID, "192.0.2.1" },
	{ "qemu+tls://[fe80::1%25eth0]/system", NULL, KVMIG_ERROR_INVALID, "fe80" },
	{ "qemu+tls://[::1]x/system", NULL, KVMIG_ERROR_INVALID, "x" },
	{ "qemu+tls://::1/system", NULL, KVMIG_ERROR_INVALID, "host name" },
	/* ports */
	{ "qemu+tls://n1:/system", NULL, KVMIG_ERROR_INVALID, "port" },
	{ "qemu+tls://n1:0/system", NULL, KVMIG_ERROR_INVALID, "port" },
	{ "qemu+tls://n1:65536/system", NULL, KVMIG_ERROR_INVALID, "port" },
	{ "qemu+tls://n1:+22/system", NULL, KVMIG_ERROR_INVALID, "port" },
	{ "qemu+tls://n1:22:33/system", NULL, KVMIG_ERROR_INVALID, "port" },
	/* the rest */
	{ "", NULL, KVMIG_ERROR_INVALID, "not a URI" },
	{ "n1", NULL, KVMIG_ERROR_INVALID, "n1" },
	{ "://n1/system", NULL, KVMIG_ERROR_INVALID, "not a URI" },
	{ "test:///default", NULL, KVMIG_ERROR_INVALID, "QEMU" },
	{ "xen+ssh://n1/system", NULL, KVMIG_ERROR_INVALID, "QEMU" },
	{ "qemu:///embed?root=/x", NULL, KVMIG_ERROR_INVALID, "/embed" },
	{ "qemu:///", NULL, KVMIG_ERROR_INVALID, "path" },
	{ "qemu://", NULL, KVMIG_ERROR_INVALID, "path" },
	{ "qemu:///system/", NULL, KVMIG_ERROR_INVALID, "/system/" },
	{ "qemu:///system/../session", NULL, KVMIG_ERROR_INVALID, "path" },
	{ "qemu:///sys%74em", NULL, KVMIG_ERROR_INVALID, "path" },
	{ "qemu:///system#x", NULL, KVMIG_ERROR_INVALID, "fragment" },
	{ "qemu:///system?socket", NULL, KVMIG_ERROR_INVALID, "socket" },
	{ "qemu:///system?socket=", NULL, KVMIG_ERROR_INVALID, "empty" },
	{ "qemu:///system?socket=run/s", NULL, KVMIG_ERROR_INVALID, "'/'" },
	{ "qemu:///system?socket=/a&socket=/b", NULL, KVMIG_ERROR_INVALID, "twice" },
	{ "qemu:///system?socket=/a%00b", NULL, KVMIG_ERROR_INVALID, "encoded" },
	{ "qemu:///system?socket=/a%0ab", NULL, KVMIG_ERROR_INVALID, "control" },
	{ "qemu:///system?socket=/a%ffb", NULL, KVMIG_ERROR_INVALID, "encoded" },
	{ "qemu:///system?socket=/a%2", NULL, KVMIG_ERROR_INVALID, "encoded" },
	{ "qemu:///system?socket=/a%zz", NULL, KVMIG_ERROR_INVALID, "encoded" },
	{ "qemu+tls://n1/system?tls_priority=A%20B", NULL, KVMIG_ERROR_INVALID, "priority" },
	{ "qemu:///system ", NULL, KVMIG_ERROR_INVALID, "position 15" },
	{ "qemu:///sys\ntem", NULL, KVMIG_ERROR_INVALID, "position 12" },
	{ "qemu:///syst\xc3\xa9m", NULL, KVMIG_ERROR_INVALID, "position" },
	{ "qemu+ssh://n1/system?keyfile=`x`", NULL, KVMIG_ERROR_INVALID, "position" },
};

static void test_good(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
		g_autoptr(GError) error = NULL;
		g_autoptr(HyperUri) uri = hyper_uri_parse(good[i].text, 0, &error);
		g_autoptr(HyperUri) again = NULL;

		g_assert_no_error(error);
		g_assert_cmpstr(uri->text, ==, good[i].canonical);
		again = hyper_uri_parse(uri->text, 0, &error); /* canonical is a fixed point */
		g_assert_no_error(error);
		g_assert_cmpstr(again->text, ==, uri->text);
	}
}

static void test_bad(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		g_autoptr(GError) error = NULL;

		g_test_message("%s", bad[i].text);
		g_assert_null(hyper_uri_parse(bad[i].text, 0, &error));
		g_assert_error(error, KVMIG_ERROR, (int)bad[i].code);
		g_assert_nonnull(error_get_hint(error));
		if (!strstr(error->message, bad[i].names))
			g_error("'%s' lacks '%s'", error->message, bad[i].names);
		g_assert_null(strchr(error->message, '\n'));
		g_assert_null(hyper_uri_parse(bad[i].text, 0, NULL));
	}
}

static void test_parts(void)
{
	g_autoptr(HyperUri) uri =
		hyper_uri_parse("qemu+ssh://root@[2001:db8::1]:2222/session", 0, NULL);

	g_assert_cmpstr(uri->transport, ==, "ssh");
	g_assert_cmpstr(uri->user, ==, "root");
	g_assert_cmpstr(uri->host, ==, "[2001:db8::1]");
	g_assert_cmpint(uri->port, ==, 2222);
	g_assert_cmpstr(uri->path, ==, "session");
	hyper_uri_free(NULL);
}

static void test_tcp(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(HyperUri) uri =
		hyper_uri_parse("qemu+tcp://192.0.2.1/system", HYPER_URI_ALLOW_TCP, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(uri->transport, ==, "tcp");
	g_assert_null(hyper_uri_parse("qemu+ext:///system", HYPER_URI_ALLOW_TCP, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_REFUSED);
	g_assert_nonnull(error_get_hint(error));
}

static char *with_padding(const char *before, gsize length, const char *after)
{
	g_autofree char *padding = g_strnfill(length, 'a');

	return g_strconcat(before, padding, after, NULL);
}

static void assert_limit(const char *before, const char *after, gsize longest)
{
	g_autofree char *fits = with_padding(before, longest, after);
	g_autofree char *over = with_padding(before, longest + 1, after);
	g_autoptr(GError) error = NULL;
	G_GNUC_UNUSED g_autoptr(HyperUri) uri = hyper_uri_parse(fits, 0, &error);

	g_assert_no_error(error);
	g_assert_null(hyper_uri_parse(over, 0, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
}

static void test_limits(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *huge = with_padding("qemu+tls://", 1 << 20, "/system");

	assert_limit("qemu+tls://", "/system", 63);
	assert_limit("qemu+ssh://", "@n1/system", 64);
	assert_limit("qemu:///system?socket=/", "", 106);
	assert_limit("qemu+tls://n1/system?pkipath=/", "", 1024 - 30);
	g_assert_null(hyper_uri_parse(huge, 0, &error));
	g_assert_error(error, KVMIG_ERROR, KVMIG_ERROR_INVALID);
	g_assert_cmpuint(strlen(error->message), <, 100);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/uri/good", test_good);
	g_test_add_func("/uri/bad", test_bad);
	g_test_add_func("/uri/parts", test_parts);
	g_test_add_func("/uri/tcp", test_tcp);
	g_test_add_func("/uri/limits", test_limits);
	return g_test_run();
}
