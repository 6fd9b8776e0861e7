/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for tests of TLS, made as they are needed. */
#pragma once

#include <glib.h>
#include <openssl/ssl.h>

typedef struct {
	X509 *certificate;
	EVP_PKEY *key;
} TestCert;

typedef struct {
	const char *subject;    /* common name */
	const char *names;      /* subjectAltName, as "DNS:a,IP:127.0.0.1"; NULL: none */
	const TestCert *issuer; /* NULL: itself */
	int from_days, to_days; /* from now */
	gboolean ca;
} TestCertSpec;

TestCert *test_cert_new(const TestCertSpec *spec);
void test_cert_free(TestCert *cert);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestCert, test_cert_free)

/* PEM; free with g_free(). */
char *test_cert_pem(const TestCert *cert);
char *test_cert_key_pem(const TestCert *cert, const char *passphrase);

/* A server that shows this certificate, with `chain` (may be NULL) behind it, and with `client_ca`
 * demands one that is signed by it. */
SSL_CTX *test_cert_server(const TestCert *cert, const TestCert *chain, const TestCert *client_ca);
