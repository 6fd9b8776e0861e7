// SPDX-License-Identifier: Apache-2.0

// Writes a key and a certificate for tests, also those that no decent tool makes: expired, not yet valid, for no name.
//
//	cert -out FILE-STEM [-ca STEM] [-cn NAME] [-org A,B] [-san ADDRESS,NAME] [-server | -client | -is-ca]
//	     [-from -1h] [-for 24h] [-key STEM]
//
// STEM.crt and STEM.key are PEM. Without -ca it signs itself; with -key it certifies that key rather than a new one.
package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"time"
)

var (
	out    = flag.String("out", "", "`stem` of the files to write")
	ca     = flag.String("ca", "", "`stem` of the CA that signs")
	key    = flag.String("key", "", "`stem` of a key to use again")
	cn     = flag.String("cn", "", "common name: the user, for a client")
	org    = flag.String("org", "", "organizations: the groups, for a client")
	san    = flag.String("san", "", "addresses and names of a server")
	server = flag.Bool("server", false, "for servers")
	client = flag.Bool("client", false, "for clients")
	isCA   = flag.Bool("is-ca", false, "a CA")
	from   = flag.Duration("from", -time.Hour, "begin of validity, from now")
	valid  = flag.Duration("for", 24*time.Hour, "length of validity")
)

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "cert:", err)
		os.Exit(1)
	}
}

func readPEM(path string) []byte {
	text, err := os.ReadFile(path)
	die(err)
	block, _ := pem.Decode(text)
	if block == nil {
		die(fmt.Errorf("%s: no PEM", path))
	}
	return block.Bytes
}

func readKey(stem string) crypto.Signer {
	parsed, err := x509.ParsePKCS8PrivateKey(readPEM(stem + ".key"))
	die(err)
	return parsed.(crypto.Signer)
}

func writePEM(path, kind string, bytes []byte) {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes})
	die(os.WriteFile(path, text, 0o600))
}

func words(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

func template() *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	die(err)
	begin := time.Now().Add(*from)
	cert := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: *cn, Organization: words(*org)},
		NotBefore:    begin,
		NotAfter:     begin.Add(*valid),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	switch {
	case *isCA:
		cert.IsCA, cert.BasicConstraintsValid = true, true
		cert.KeyUsage |= x509.KeyUsageCertSign
	case *server:
		cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	case *client:
		cert.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	for _, name := range words(*san) {
		if address := net.ParseIP(name); address != nil {
			cert.IPAddresses = append(cert.IPAddresses, address)
		} else {
			cert.DNSNames = append(cert.DNSNames, name)
		}
	}
	return cert
}

func main() {
	flag.Parse()
	if *out == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	var own crypto.Signer
	if *key != "" {
		own = readKey(*key)
	} else {
		fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		die(err)
		own = fresh
	}
	cert, signer := template(), own
	parent := cert
	if *ca != "" {
		var err error
		parent, err = x509.ParseCertificate(readPEM(*ca + ".crt"))
		die(err)
		signer = readKey(*ca)
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, own.Public(), signer)
	die(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(own)
	die(err)
	writePEM(*out+".crt", "CERTIFICATE", der)
	writePEM(*out+".key", "PRIVATE KEY", pkcs8)
}
