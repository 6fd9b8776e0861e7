/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with a server's certificate, in words. Everything in it is a stranger's. */
#include "config.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <time.h>

#include "cluster/kube/http/private.h"

/* names that are listed at most */
#define NAMES_MAX 6

/* Fit for a message: valid UTF-8, short, without control characters. Takes `text`. */
static char *clean(char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, (gssize)strnlen(text, 80));
	GString *out = g_string_new(NULL);

	for (const char *c = valid; *c; c = g_utf8_next_char(c)) {
		gunichar character = g_utf8_get_char(c);

		g_string_append_unichar(out, g_unichar_iscntrl(character) ? '?' : character);
	}
	g_free(text);
	return g_string_free(out, FALSE);
}

static char *asn1_text(const ASN1_STRING *string)
{
	return clean(g_strndup((const char *)ASN1_STRING_get0_data(string),
			       (gsize)ASN1_STRING_length(string)));
}

/* The common name, else all of it. */
static char *name_text(const X509_NAME *name)
{
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	char whole[256] = "";

	if (at >= 0)
		return asn1_text(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	X509_NAME_oneline(name, whole, sizeof whole);
	return clean(g_strdup(whole[0] ? whole : "nobody"));
}

char *tls_date(const ASN1_TIME *time)
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1)
		return g_strdup("an unreadable date");
	return g_strdup_printf("%04d-%02d-%02d %02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1,
			       tm.tm_mday, tm.tm_hour, tm.tm_min);
}

static char *alternative_text(const GENERAL_NAME *name)
{
	char text[INET6_ADDRSTRLEN] = "";

	if (name->type == GEN_DNS)
		return asn1_text(name->d.dNSName);
	if (name->type != GEN_IPADD)
		return NULL;
	if (!inet_ntop(name->d.iPAddress->length == 4 ? AF_INET : AF_INET6, name->d.iPAddress->data,
		       text, sizeof text))
		return NULL;
	return g_strdup(text);
}

/* The names and addresses that a certificate is for. */
static GPtrArray *names_of(const X509 *certificate)
{
	GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
	GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
		char *text;

		/* other sizes than 4 and 16 are no addresses */
		if (name->type == GEN_IPADD && name->d.iPAddress->length != 4 &&
		    name->d.iPAddress->length != 16)
			continue;
		text = alternative_text(name);
		if (text)
			g_ptr_array_add(names, text);
	}
	GENERAL_NAMES_free(all);
	return names;
}

static char *join_names(const GPtrArray *names)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < MIN(names->len, NAMES_MAX); i++)
		g_string_append_printf(text, "%s'%s'", i ? ", " : "", (char *)names->pdata[i]);
	if (names->len > NAMES_MAX)
		g_string_append_printf(text, " and %u more", names->len - NAMES_MAX);
	return g_string_free(text, FALSE);
}

gboolean tls_name_fits(const Tls *tls, X509 *certificate)
{
	if (g_hostname_is_ip_address(tls->name))
		return X509_check_ip_asc(certificate, tls->name, 0) == 1;
	/* As in Go: never the old common name, and '*' for a whole label only. */
	return X509_check_host(certificate, tls->name, 0,
			       X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
				       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS,
			       NULL) == 1;
}

/* A name that can be proposed for the command line: people copy it to a shell. */
static char *proposal(const GPtrArray *names)
{
	for (guint i = 0; i < names->len; i++) {
		const char *c = names->pdata[i];

		while (g_ascii_isalnum(*c) || *c == '.' || *c == '-' || *c == ':')
			c++;
		if (!*c && *(const char *)names->pdata[i] != '-')
			return g_strdup(names->pdata[i]);
	}
	return NULL;
}

void tls_describe_name(const Tls *tls, X509 *certificate, HttpFailure *failure)
{
	g_autoptr(GPtrArray) names = names_of(certificate);
	g_autofree char *list = join_names(names);
	g_autofree char *subject = name_text(X509_get_subject_name(certificate));

	if (names->len == 0) {
		failure_set(
			failure, HTTP_FAILURE_TLS_NAME,
			"the certificate of '%s' names no host in its subjectAltName (its subject "
			"is '%s'), and so is not for '%s'",
			tls->place, subject, tls->name);
		return;
	}
	failure_set(failure, HTTP_FAILURE_TLS_NAME,
		    "the certificate of '%s' is for %s, not for '%s'", tls->place, list, tls->name);
	failure->detail = proposal(names);
}

/* "the certificate of 'host:6443' (for 'a', 'b'; issued by 'X')", or the CA's at failure. */
static char *subject_of(const Tls *tls, const X509 *certificate, int depth)
{
	g_autofree char *issuer = name_text(X509_get_issuer_name(certificate));
	g_autofree char *subject = name_text(X509_get_subject_name(certificate));
	g_autoptr(GPtrArray) names = names_of(certificate);
	g_autofree char *list = join_names(names);

	if (depth > 0)
		return g_strdup_printf("the CA certificate '%s' above the certificate of '%s'",
				       subject, tls->place);
	if (names->len == 0)
		return g_strdup_printf("the certificate of '%s' ('%s', issued by '%s')", tls->place,
				       subject, issuer);
	return g_strdup_printf("the certificate of '%s' (for %s; issued by '%s')", tls->place, list,
			       issuer);
}

static void describe_issuer(const Tls *tls, X509_STORE_CTX *context, const X509 *certificate,
			    HttpFailure *failure)
{
	const X509_NAME *issuer = X509_get_issuer_name(certificate);
	g_autofree char *name = name_text(issuer);
	STACK_OF(X509) *namesakes = X509_STORE_CTX_get1_certs(context, (X509_NAME *)issuer);
	int error = X509_STORE_CTX_get_error(context);
	const char *trusted = tls->ca_where ? tls->ca_where : "the system's";
	g_autofree char *how = NULL;

	if (error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT)
		how = g_strdup("signed by itself, and it");
	else if (sk_X509_num(namesakes) > 0)
		how = g_strdup_printf("signed by another '%s' than the trusted one: its key", name);
	else
		how = g_strdup_printf("signed by '%s', which", name);
	sk_X509_pop_free(namesakes, X509_free);
	failure_set(failure, HTTP_FAILURE_TLS_ISSUER,
		    "the certificate of '%s' is %s is not among the trusted (%s)", tls->place, how,
		    trusted);
	failure->detail = g_strdup(tls->ca_where);
}

void tls_describe_chain(const Tls *tls, X509_STORE_CTX *context, HttpFailure *failure)
{
	int error = X509_STORE_CTX_get_error(context);
	X509 *certificate = X509_STORE_CTX_get_current_cert(context);
	g_autofree char *subject = NULL;
	g_autofree char *date = NULL;

	if (!certificate)
		certificate = X509_STORE_CTX_get0_cert(context);
	subject = subject_of(tls, certificate, X509_STORE_CTX_get_error_depth(context));
	switch (error) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		date = tls_date(X509_get0_notAfter(certificate));
		failure_set(failure, HTTP_FAILURE_TLS_DATES, "%s expired on %s", subject, date);
		return;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		date = tls_date(X509_get0_notBefore(certificate));
		failure_set(failure, HTTP_FAILURE_TLS_DATES, "%s is not valid before %s", subject,
			    date);
		return;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
		describe_issuer(tls, context, certificate, failure);
		return;
	default:
		failure_set(failure, HTTP_FAILURE_TLS, "%s cannot be trusted: %s", subject,
			    X509_verify_cert_error_string(error));
	}
}
