/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "http-certs.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#define DAY_S (24L * 60 * 60)

static void add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	g_assert_nonnull(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

TestCert *test_cert_new(const TestCertSpec *spec)
{
	static long serial;
	TestCert *cert = g_new0(TestCert, 1);
	const TestCert *issuer = spec->issuer ? spec->issuer : cert;
	X509 *x;

	cert->key = EVP_EC_gen("P-256");
	cert->certificate = x = X509_new();
	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
				   (const guchar *)spec->subject, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer->certificate));
	X509_gmtime_adj(X509_getm_notBefore(x), spec->from_days * DAY_S);
	X509_gmtime_adj(X509_getm_notAfter(x), spec->to_days * DAY_S);
	X509_set_pubkey(x, cert->key);
	add_extension(x, issuer->certificate, NID_basic_constraints,
		      spec->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	add_extension(x, issuer->certificate, NID_subject_key_identifier, "hash");
	if (spec->issuer)
		add_extension(x, issuer->certificate, NID_authority_key_identifier, "keyid");
	if (spec->names)
		add_extension(x, issuer->certificate, NID_subject_alt_name, spec->names);
	g_assert_cmpint(X509_sign(x, issuer->key, EVP_sha256()), >, 0);
	return cert;
}

void test_cert_free(TestCert *cert)
{
	X509_free(cert->certificate);
	EVP_PKEY_free(cert->key);
	g_free(cert);
}

static char *take_text(BIO *bio)
{
	char *data;
	long length = BIO_get_mem_data(bio, &data);
	char *text = g_strndup(data, (gsize)length);

	BIO_free(bio);
	return text;
}

char *test_cert_pem(const TestCert *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	g_assert_cmpint(PEM_write_bio_X509(bio, cert->certificate), ==, 1);
	return take_text(bio);
}

char *test_cert_key_pem(const TestCert *cert, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());

	g_assert_cmpint(PEM_write_bio_PKCS8PrivateKey(bio, cert->key,
						      passphrase ? EVP_aes_128_cbc() : NULL, NULL,
						      0, NULL, (gpointer)passphrase),
			==, 1);
	return take_text(bio);
}

SSL_CTX *test_cert_server(const TestCert *cert, const TestCert *chain, const TestCert *client_ca)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	SSL_CTX_use_certificate(context, cert->certificate);
	SSL_CTX_use_PrivateKey(context, cert->key);
	if (chain)
		SSL_CTX_add1_chain_cert(context, chain->certificate);
	if (client_ca) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(context), client_ca->certificate);
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
				   NULL);
	}
	return context;
}
