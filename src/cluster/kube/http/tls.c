/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS with OpenSSL itself under libcurl: PEM is parsed once, from memory, keys have one place, the
 * trusted are exactly those of the configuration, and what is wrong with a certificate is seen
 * where it is found out.
 */
#include "config.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "cluster/kube/http/private.h"

/* ---- PEM ------------------------------------------------------------------------------------- */

/* Takes the certificates out of a text; other blocks, and ones that cannot be read, are passed
 * over, as Go does. NULL where none is left. */
static STACK_OF(X509) * read_certificates(const HttpPem *pem)
{
	BIO *bio = BIO_new_mem_buf(pem->data, (int)MIN(pem->length, (gsize)G_MAXINT));
	STACK_OF(X509) *all = sk_X509_new_null();
	gboolean more = bio && all;

	while (more) {
		X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

		if (certificate) {
			sk_X509_push(all, certificate);
			continue;
		}
		more = ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE &&
		       !BIO_eof(bio);
		ERR_clear_error();
	}
	BIO_free(bio);
	if (sk_X509_num(all) > 0)
		return all;
	sk_X509_free(all);
	return NULL;
}

/* OpenSSL would ask on the terminal. */
static int no_password(char *buffer, int size, int writing, void *user_data)
{
	(void)buffer;
	(void)size;
	(void)writing;
	*(gboolean *)user_data = TRUE;
	return -1;
}

static EVP_PKEY *read_key(const HttpPem *pem, HttpFailure *failure)
{
	BIO *bio = BIO_new_mem_buf(pem->data, (int)MIN(pem->length, (gsize)G_MAXINT));
	gboolean encrypted = FALSE;
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, &encrypted) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	if (!key && encrypted)
		failure_set(failure, HTTP_FAILURE_INVALID, "the %s is encrypted with a passphrase",
			    pem->where);
	else if (!key)
		failure_set(failure, HTTP_FAILURE_INVALID,
			    "the %s holds no private key in PEM form", pem->where);
	return key;
}

/* ---- what the configuration gives ------------------------------------------------------------ */

static gboolean take_trusted(Tls *tls, const HttpConfig *config, HttpFailure *failure)
{
	STACK_OF(X509) * all;

	tls->trusted = X509_STORE_new();
	/* An intermediate CA may be the one that is trusted, as in Go. */
	X509_STORE_set_flags(tls->trusted, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
	if (!config->ca.data) {
		/* reading all of them takes longer than most requests */
		if (!config->insecure)
			X509_STORE_set_default_paths(tls->trusted);
		ERR_clear_error();
		return TRUE;
	}
	tls->ca_where = g_strdup(config->ca.where ? config->ca.where : "certificate authority");
	all = read_certificates(&config->ca);
	if (!all)
		return failure_set(failure, HTTP_FAILURE_INVALID,
				   "the %s holds no certificate in PEM form", tls->ca_where);
	for (int i = 0; i < sk_X509_num(all); i++)
		X509_STORE_add_cert(tls->trusted, sk_X509_value(all, i));
	ERR_clear_error();
	sk_X509_pop_free(all, X509_free);
	return TRUE;
}

static void look_at_dates(Tls *tls)
{
	const ASN1_TIME *from = X509_get0_notBefore(tls->own), *to = X509_get0_notAfter(tls->own);
	g_autofree char *date = NULL;

	if (X509_cmp_current_time(to) < 0) {
		date = tls_date(to);
		tls->trouble = g_strdup_printf("the %s expired on %s", tls->own_where, date);
	} else if (X509_cmp_current_time(from) > 0) {
		date = tls_date(from);
		tls->trouble =
			g_strdup_printf("the %s is not valid before %s", tls->own_where, date);
	}
}

static gboolean take_own(Tls *tls, const HttpConfig *config, HttpFailure *failure)
{
	HttpPem certificate = config->certificate, key = config->key;

	if (!certificate.where)
		certificate.where = "client certificate";
	if (!key.where)
		key.where = "client key";
	if (!certificate.data != !key.data)
		return failure_set(failure, HTTP_FAILURE_INVALID, "there is a %s, but no %s",
				   certificate.data ? certificate.where : key.where,
				   certificate.data ? "client key" : "client certificate");
	if (!certificate.data)
		return TRUE;
	tls->own_where = g_strdup(certificate.where);
	tls->own_chain = read_certificates(&certificate);
	if (!tls->own_chain)
		return failure_set(failure, HTTP_FAILURE_INVALID,
				   "the %s holds no certificate in PEM form", certificate.where);
	tls->own = sk_X509_shift(tls->own_chain);
	tls->key = read_key(&key, failure);
	if (!tls->key)
		return FALSE;
	if (X509_check_private_key(tls->own, tls->key) != 1) {
		ERR_clear_error();
		return failure_set(failure, HTTP_FAILURE_INVALID,
				   "the %s does not belong to the %s", key.where,
				   certificate.where);
	}
	look_at_dates(tls);
	return TRUE;
}

gboolean tls_init(Tls *tls, const HttpConfig *config, HttpFailure *failure)
{
	g_autoptr(GUri) uri = g_uri_parse(config->base, G_URI_FLAGS_NONE, NULL);
	const char *host = g_uri_get_host(uri);
	int port = g_uri_get_port(uri);
	gsize length;

	tls->alert = -1;
	tls->insecure = config->insecure;
	/* With an https proxy there are two servers; libcurl's check tells them apart. */
	tls->check_name = !config->proxy || g_ascii_strncasecmp(config->proxy, "https:", 6) != 0;
	tls->name = g_strdup(config->tls_server_name ? config->tls_server_name : host);
	length = strlen(tls->name);
	if (length > 1 && tls->name[length - 1] == '.')
		tls->name[length - 1] = '\0';
	tls->place = g_strdup_printf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host,
				     port < 0 ? 443 : port);
	return take_trusted(tls, config, failure) && take_own(tls, config, failure);
}

void tls_clear(Tls *tls)
{
	g_free(tls->name);
	g_free(tls->place);
	g_free(tls->ca_where);
	g_free(tls->own_where);
	g_free(tls->trouble);
	X509_STORE_free(tls->trusted);
	X509_free(tls->own);
	sk_X509_pop_free(tls->own_chain, X509_free);
	EVP_PKEY_free(tls->key); /* clears it */
	http_failure_clear(&tls->failure);
}

/* ---- a connection ---------------------------------------------------------------------------- */

static int tls_index(void)
{
	static int index = -1;

	if (index < 0)
		index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	return index;
}

static void on_info(const SSL *ssl, int where, int value)
{
	Tls *tls = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), tls_index());

	/* SSL3_AL_FATAL in the upper byte; "close notify" is a warning and no news */
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && value >> 8 == SSL3_AL_FATAL)
		tls->alert = value & 0xff;
}

static int on_verify(X509_STORE_CTX *context, void *user_data)
{
	Tls *tls = user_data;
	X509 *certificate = X509_STORE_CTX_get0_cert(context);

	if (X509_verify_cert(context) != 1) {
		tls_describe_chain(tls, context, &tls->failure);
		return 0;
	}
	if (tls->check_name && !tls_name_fits(tls, certificate)) {
		X509_STORE_CTX_set_error(context, X509_V_ERR_HOSTNAME_MISMATCH);
		tls_describe_name(tls, certificate, &tls->failure);
		return 0;
	}
	return 1;
}

static gboolean show_own(const Tls *tls, SSL_CTX *context)
{
	if (!tls->own)
		return TRUE;
	return SSL_CTX_use_certificate(context, tls->own) == 1 &&
	       SSL_CTX_set1_chain(context, tls->own_chain) == 1 &&
	       SSL_CTX_use_PrivateKey(context, tls->key) == 1;
}

CURLcode tls_apply(CURL *easy, void *context, void *user_data)
{
	Tls *tls = user_data;
	SSL_CTX *ssl = context;

	(void)easy;
	http_failure_clear(&tls->failure);
	tls->alert = -1;
	SSL_CTX_set_ex_data(ssl, tls_index(), tls);
	SSL_CTX_set_info_callback(ssl, on_info);
	SSL_CTX_set1_cert_store(ssl, tls->trusted);
	/* libcurl's for SSLKEYLOGFILE, which would give the token to whoever has the packets */
	SSL_CTX_set_keylog_callback(ssl, NULL);
	if (!tls->insecure)
		SSL_CTX_set_cert_verify_callback(ssl, on_verify, tls);
	if (show_own(tls, ssl))
		return CURLE_OK;
	failure_set(&tls->failure, HTTP_FAILURE_INVALID, "OpenSSL does not take the %s: %s",
		    tls->own_where, ERR_reason_error_string(ERR_peek_last_error()));
	ERR_clear_error();
	return CURLE_SSL_CERTPROBLEM;
}

/* ---- after a failure ------------------------------------------------------------------------- */

static void explain_certificate_alert(const Tls *tls, HttpFailure *failure)
{
	if (!tls->own)
		failure_set(failure, HTTP_FAILURE_CLIENT_CERTIFICATE,
			    "the server wants a client certificate, and there is none");
	else
		failure_set(failure, HTTP_FAILURE_CLIENT_CERTIFICATE,
			    "the server does not accept the %s (%s)%s%s", tls->own_where,
			    SSL_alert_desc_string_long(tls->alert), tls->trouble ? ": " : "",
			    tls->trouble ? tls->trouble : "");
}

static void explain_alert(const Tls *tls, HttpFailure *failure)
{
	switch (tls->alert) {
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_CERTIFICATE_REVOKED:
	case SSL_AD_CERTIFICATE_EXPIRED:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_ACCESS_DENIED:
	case SSL_AD_DECRYPT_ERROR:
	case SSL_AD_CERTIFICATE_REQUIRED:
		explain_certificate_alert(tls, failure);
		return;
	case SSL_AD_PROTOCOL_VERSION:
		failure_set(failure, HTTP_FAILURE_TLS,
			    "the server does not speak TLS 1.2 or newer");
		return;
	case SSL_AD_HANDSHAKE_FAILURE: /* TLS 1.2 servers say so for want of a certificate too */
		failure_set(failure, HTTP_FAILURE_TLS,
			    "the server ended the handshake: no common cipher%s",
			    tls->own ? "" : ", or it wants a client certificate");
		return;
	case SSL_AD_UNRECOGNIZED_NAME:
		failure_set(failure, HTTP_FAILURE_TLS,
			    "the server does not answer to the name '%s'", tls->name);
		return;
	default:
		failure_set(failure, HTTP_FAILURE_TLS, "the server ended TLS: %s",
			    SSL_alert_desc_string_long(tls->alert));
	}
}

static gboolean is_not_tls(unsigned long code)
{
	int reason = ERR_GET_REASON(code);

	if (ERR_GET_LIB(code) != ERR_LIB_SSL)
		return FALSE;
	return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
	       reason == SSL_R_HTTPS_PROXY_REQUEST || reason == SSL_R_PACKET_LENGTH_TOO_LONG ||
	       reason == SSL_R_BAD_RECORD_TYPE || reason == SSL_R_UNEXPECTED_MESSAGE;
}

gboolean tls_explain(const Tls *tls, unsigned long code, HttpFailure *failure)
{
	if (tls->failure.kind != HTTP_FAILURE_NONE) {
		failure_set(failure, tls->failure.kind, "%s", tls->failure.text);
		failure->detail = g_strdup(tls->failure.detail);
	} else if (tls->alert >= 0) {
		explain_alert(tls, failure);
	} else if (is_not_tls(code)) {
		failure_set(failure, HTTP_FAILURE_NOT_TLS, "'%s' does not speak TLS", tls->place);
	} else {
		return FALSE;
	}
	return TRUE;
}
