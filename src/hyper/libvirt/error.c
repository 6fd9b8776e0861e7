/* SPDX-License-Identifier: Apache-2.0 */
/* libvirt's errors in kvmig's words. */
#include "hyper/libvirt/driver.h"

#include <string.h>

#define TEXT_LENGTH_MAX 1000

char *lv_error_text(void)
{
	const virError *last = virGetLastError();
	const char *message = last && last->message ? last->message : "no reason given";
	g_autofree char *line = g_strndup(message, MIN(strcspn(message, "\r\n"), TEXT_LENGTH_MAX));
	char *text = g_utf8_make_valid(line, -1);

	for (char *c = text; *c; c++)
		if (g_ascii_iscntrl(*c))
			*c = ' ';
	return g_strchomp(text);
}

/* The errors that a broken connection gives are not of one code, so the connection is asked; that
 * resets libvirt's last error. */
static gboolean is_broken(virConnectPtr conn)
{
	return !conn || virConnectIsAlive(conn) != 1;
}

static KvmigError code_of(int code)
{
	switch (code) {
	case VIR_ERR_NO_DOMAIN:
		return KVMIG_ERROR_NOT_FOUND;
	case VIR_ERR_OPERATION_ABORTED:
		return KVMIG_ERROR_CANCELLED;
	case VIR_ERR_OPERATION_TIMEOUT:
		return KVMIG_ERROR_TIMEOUT;
	case VIR_ERR_AUTH_FAILED:
	case VIR_ERR_AUTH_CANCELLED:
	case VIR_ERR_AUTH_UNAVAILABLE:
	case VIR_ERR_ACCESS_DENIED:
	case VIR_ERR_OPERATION_DENIED:
		return KVMIG_ERROR_FORBIDDEN;
	case VIR_ERR_NO_SUPPORT:
	case VIR_ERR_OPERATION_UNSUPPORTED:
		return KVMIG_ERROR_UNSUPPORTED;
	default:
		return KVMIG_ERROR_FAILED;
	}
}

#define BUSY_HINT "another job holds the domain: 'virsh domjobinfo' shows it"

void lv_set_error(HyperAnswer *answer, virConnectPtr conn)
{
	int code = virGetLastErrorCode();
	g_autofree char *text = lv_error_text();

	if (is_broken(conn))
		lv_core->set_error(answer, KVMIG_ERROR_UNREACHABLE, text,
				   "look at libvirtd on the host, and at the network", NULL);
	else if (code == VIR_ERR_OPERATION_TIMEOUT)
		lv_core->set_error(answer, KVMIG_ERROR_TIMEOUT, text, BUSY_HINT,
				   "KVMIG-PEND-VM-BUSY");
	else
		lv_core->set_error(answer, code_of(code), text, NULL, NULL);
}

/* Also for a daemon of a user or a lab: each has a qemu.conf of its own. */
#define CERTIFICATES_HINT                                                                          \
	"install migration certificates of one authority on both hosts, in the folder that the "   \
	"daemon's qemu.conf gives as migrate_tls_x509_cert_dir (/etc/pki/qemu where it gives "     \
	"none), or set disableTLS to true where the network is trusted"

/* QEMU and libvirt have no code for it. */
static gboolean is_about_certificates(const char *text)
{
	return strstr(text, "Unable to access credentials") ||
	       strstr(text, "TLS directory not configured") ||
	       strstr(text, "tls_x509_cert_dir") ||
	       (strstr(text, "object-add") && strstr(text, "certificate"));
}

/* One side does not trust the other's, or that is not of the name that was asked for. */
static gboolean is_about_trust(const char *text)
{
	return strstr(text, "TLS handshake failed") || strstr(text, "TLS certificate") ||
	       strstr(text, "certificate verify") || strstr(text, "certificate does not match") ||
	       strstr(text, "certificate hasn't got a known issuer") ||
	       strstr(text, "certificate is not trusted");
}

/* libvirt says so before a byte of memory has moved: in Begin, or when the target is prepared. */
static gboolean is_refusal(int code)
{
	switch (code) {
	case VIR_ERR_MIGRATE_UNSAFE:
	case VIR_ERR_CPU_INCOMPATIBLE:
	case VIR_ERR_OPERATION_UNSUPPORTED:
	case VIR_ERR_CONFIG_UNSUPPORTED:
	case VIR_ERR_ARGUMENT_UNSUPPORTED:
	case VIR_ERR_NO_SUPPORT:
	case VIR_ERR_INVALID_ARG:
		return TRUE;
	default:
		return FALSE;
	}
}

/* The usual cause on a new cluster: Debian's /etc/hosts gives a host's own name to 127.0.1.1. */
static const char *hint_of(const char *text)
{
	if (!strstr(text, "unable to connect to server at"))
		return NULL;
	return "open the migration ports (49152-49215) in the target's firewall; where the address "
	       "is a name, the target must not resolve it to 127.0.1.1: 'kvmig node add' takes "
	       "another one as --migration-address";
}

void lv_set_migrate_error(HyperAnswer *answer, virConnectPtr conn)
{
	int code = virGetLastErrorCode();
	g_autofree char *text = lv_error_text();

	/* in doubt both hosts must be asked: what libvirt reports is what it believes */
	answer->outcome_unknown = TRUE;
	if (is_broken(conn)) {
		lv_core->set_error(answer, KVMIG_ERROR_UNREACHABLE, text,
				   "look at libvirtd on the source host",
				   "KVMIG-FAIL-HOST-UNREACHABLE");
	} else if (is_about_certificates(text)) {
		answer->outcome_unknown = FALSE;
		lv_core->set_error(answer, KVMIG_ERROR_REFUSED, text,
				   CERTIFICATES_HINT, "KVMIG-BLK-TLS-CERTS");
	} else if (is_refusal(code)) {
		answer->outcome_unknown = FALSE;
		lv_core->set_error(answer, KVMIG_ERROR_REFUSED, text, NULL, "KVMIG-BLK-LIBVIRT");
	} else if (code == VIR_ERR_OPERATION_INVALID) {
		/* mostly Begin's, but also that of a guest that ended under way */
		lv_core->set_error(answer, KVMIG_ERROR_REFUSED, text, NULL, "KVMIG-BLK-LIBVIRT");
	} else if (code == VIR_ERR_OPERATION_TIMEOUT) {
		/* another job held the domain for 30 s: mostly before anything was begun */
		lv_core->set_error(answer, KVMIG_ERROR_TIMEOUT, text, BUSY_HINT,
				   "KVMIG-PEND-VM-BUSY");
	} else if (is_about_trust(text)) {
		/* QEMU's connection did not come about; which of the two said so first differs */
		lv_core->set_error(answer, code_of(code), text, CERTIFICATES_HINT,
				   "KVMIG-BLK-TLS-CERTS");
	} else {
		lv_core->set_error(answer, code_of(code), text, hint_of(text),
				   code == VIR_ERR_OPERATION_ABORTED ? "KVMIG-FAIL-CANCELLED" :
								       "KVMIG-FAIL-LIBVIRT");
	}
}
