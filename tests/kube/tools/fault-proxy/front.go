// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"time"
)

type frontProxy struct {
	reverse  *httputil.ReverseProxy
	asItself http.RoundTripper // as whom the client says that it is
	asFront  http.RoundTripper // as the front proxy, which vouches for the client's certificate
	numbers  atomic.Int64
}

func transport(certificates []tls.Certificate) *http.Transport {
	return &http.Transport{
		TLSClientConfig:     &tls.Config{RootCAs: pool(*upstreamCA), Certificates: certificates},
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
		ForceAttemptHTTP2:   true,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 100,
	}
}

func newFrontProxy() *frontProxy {
	p := &frontProxy{asItself: transport(nil), asFront: transport([]tls.Certificate{pair(*front)})}
	p.reverse = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { p.rewrite(r.In, r.Out) },
		Transport:     p,
		FlushInterval: -1,
		ErrorLog:      errorLog(),
		ModifyResponse: func(response *http.Response) error {
			if rule, _ := response.Request.Context().Value(ruleKey{}).(*rule); rule != nil {
				rule.apply(response)
			}
			return nil
		},
	}
	return p
}

func hasClientCert(r *http.Request) bool {
	return r.TLS != nil && len(r.TLS.VerifiedChains) > 0
}

func (p *frontProxy) rewrite(in, out *http.Request) {
	out.URL.Scheme, out.URL.Host, out.Host = "https", *upstream, in.Host
	for name := range out.Header {
		if strings.HasPrefix(name, "X-Remote-") {
			out.Header.Del(name)
		}
	}
	if hasClientCert(in) {
		subject := in.TLS.PeerCertificates[0].Subject
		out.Header.Set("X-Remote-User", subject.CommonName)
		for _, group := range subject.Organization {
			out.Header.Add("X-Remote-Group", group)
		}
	}
	// A body that is to be damaged has to be in plain text.
	if rule, _ := in.Context().Value(ruleKey{}).(*rule); rule != nil && (rule.changesBody() || rule.Replay != nil) {
		out.Header.Del("Accept-Encoding")
	}
}

func (p *frontProxy) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Header.Get("X-Remote-User") != "" {
		return p.asFront.RoundTrip(r)
	}
	return p.asItself.RoundTrip(r)
}

type ruleKey struct{}

func credential(r *http.Request) string {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case scheme != "":
		return strings.ToLower(scheme)
	case hasClientCert(r):
		return "certificate"
	}
	return "none"
}

// Counts what goes out, for the log.
type counter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (c *counter) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(bytes []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(bytes)
	c.bytes += int64(n)
	return n, err
}

func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (p *frontProxy) ServeHTTP(inner http.ResponseWriter, r *http.Request) {
	number, w := p.numbers.Add(1), &counter{ResponseWriter: inner}
	record("request", fields{"request": number, "connection": connOf(r).number, "method": r.Method, "path": r.URL.Path,
		"query": r.URL.RawQuery, "protocol": r.Proto, "credential": credential(r), "agent": r.UserAgent(),
		"accept": r.Header.Get("Accept"), "encoding": r.Header.Get("Accept-Encoding")})
	defer func() {
		record("end", fields{"request": number, "status": w.status, "bytes": w.bytes})
	}()
	p.serve(w, r)
}

func (p *frontProxy) serve(w http.ResponseWriter, r *http.Request) {
	rule := ruleFor(r)
	if rule == nil {
		p.reverse.ServeHTTP(w, r)
		return
	}
	if rule.Delay > 0 {
		select {
		case <-time.After(time.Duration(rule.Delay * float64(time.Second))):
		case <-r.Context().Done():
			return
		}
	}
	if rule.Reset != nil {
		connOf(r).left.Store(*rule.Reset)
		if *rule.Reset == 0 {
			connOf(r).reset()
		}
	}
	switch {
	case rule.Drop:
		panic(http.ErrAbortHandler)
	case rule.Status != 0:
		_, _ = io.Copy(io.Discard, r.Body) // unread, it would end the connection
		rule.answer(w)
	case rule.Replay != nil:
		rule.Replay.serve(p, w, r)
	default:
		p.reverse.ServeHTTP(w, withRule(r, rule))
	}
}
