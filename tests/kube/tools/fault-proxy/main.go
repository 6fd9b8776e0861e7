// SPDX-License-Identifier: Apache-2.0

// Stands in front of the real API server and breaks what a real one cannot be made to break.
//
//	fault-proxy -listen ADDRESS:PORT -address FILE -log FILE -rules FILE -cert STEM
//	            -upstream HOST:PORT -upstream-ca FILE -front STEM [-client-ca FILE] [-http1]
//	fault-proxy -listen … -address … -log … -plain …   the same without TLS towards the client
//	fault-proxy -listen … -address … -log … -silent    takes connections and never says a word
//	fault-proxy -listen … -address … -log … -connect [-login USER:PASSWORD] [-cert STEM] -map HOST:PORT
//	                                                   an HTTP proxy (CONNECT) that leads everything to HOST:PORT
//	fault-proxy -listen … -address … -log … -socks -map HOST:PORT    a SOCKS5 proxy that does
//
// A client certificate is checked here and handed on as a front proxy does (X-Remote-User). Port 0 is any free one;
// FILE of -address gets the one that it is. Rules (rules.go) are read again whenever their file has changed. The log
// has one JSON object a line: connections, requests as they come, and their ends.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var (
	listen     = flag.String("listen", "127.0.0.1:0", "`address`:port")
	address    = flag.String("address", "", "`file` that gets the address")
	logPath    = flag.String("log", "", "`file` that gets the log")
	rulesPath  = flag.String("rules", "", "`file` with the rules")
	cert       = flag.String("cert", "", "`stem` of its certificate and key")
	upstream   = flag.String("upstream", "", "`host:port` of the real server")
	upstreamCA = flag.String("upstream-ca", "", "`file` with the real server's CA")
	front      = flag.String("front", "", "`stem` of the certificate of a front proxy")
	clientCA   = flag.String("client-ca", "", "`file` with the CA of client certificates")
	http1      = flag.Bool("http1", false, "no HTTP/2 towards the client")
	plain      = flag.Bool("plain", false, "no TLS towards the client")
	silent     = flag.Bool("silent", false, "never answer")
	connect    = flag.Bool("connect", false, "be an HTTP proxy")
	login      = flag.String("login", "", "`user:password` that the proxy asks for")
	socks      = flag.Bool("socks", false, "be a SOCKS5 proxy")
	mapTo      = flag.String("map", "", "`host:port` to which a proxy leads everything")
)

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "fault-proxy:", err)
		os.Exit(1)
	}
}

// ---- log ----

var (
	logFile *os.File
	logLock sync.Mutex
)

type fields map[string]any

func record(event string, more fields) {
	more["event"], more["at"] = event, time.Now().UTC().Format(time.RFC3339Nano)
	line, err := json.Marshal(more)
	die(err)
	logLock.Lock()
	defer logLock.Unlock()
	_, _ = logFile.Write(append(line, '\n'))
}

// ---- connections ----

var connections atomic.Int64

// A connection that can be told to break off, as by a reset, after some more bytes.
type conn struct {
	net.Conn
	number int64
	left   atomic.Int64 // bytes that may still be written; negative: no limit
}

func (c *conn) Write(bytes []byte) (int, error) {
	left := c.left.Load()
	if left < 0 {
		return c.Conn.Write(bytes)
	}
	if int64(len(bytes)) < left {
		c.left.Add(-int64(len(bytes)))
		return c.Conn.Write(bytes)
	}
	n, _ := c.Conn.Write(bytes[:left])
	// Let the bytes before the reset arrive: a reset throws away what the peer has not read yet.
	time.Sleep(50 * time.Millisecond)
	c.reset()
	return n, errors.New("broken off by a rule")
}

func (c *conn) reset() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Conn.Close()
}

type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	inner, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: inner, number: connections.Add(1)}
	c.left.Store(-1)
	record("connection", fields{"connection": c.number, "from": inner.RemoteAddr().String()})
	return c, nil
}

type connKey struct{}

func raw(c net.Conn) *conn {
	if secured, ok := c.(*tls.Conn); ok {
		c = secured.NetConn()
	}
	return c.(*conn)
}

func connOf(r *http.Request) *conn {
	return r.Context().Value(connKey{}).(*conn)
}

// ---- main ----

func pool(path string) *x509.CertPool {
	text, err := os.ReadFile(path)
	die(err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		die(fmt.Errorf("%s: no certificate", path))
	}
	return pool
}

func pair(stem string) tls.Certificate {
	pair, err := tls.LoadX509KeyPair(stem+".crt", stem+".key")
	die(err)
	return pair
}

// Failed handshakes come through the server's error log.
type handshakeLog struct{}

func (handshakeLog) Write(line []byte) (int, error) {
	record("server", fields{"message": strings.TrimSpace(string(line))})
	return len(line), nil
}

func serveSilent(l net.Listener) {
	for {
		c, err := l.Accept()
		die(err)
		go func() {
			buffer := make([]byte, 4096)
			for {
				if _, err := c.Read(buffer); err != nil {
					_ = c.Close()
					return
				}
			}
		}()
	}
}

func serve(l net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler:  handler,
		ErrorLog: errorLog(),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, raw(c))
		},
	}
	if *plain || *cert == "" {
		return server.Serve(l)
	}
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair(*cert)}}
	if *clientCA != "" {
		server.TLSConfig.ClientAuth, server.TLSConfig.ClientCAs = tls.VerifyClientCertIfGiven, pool(*clientCA)
	}
	if *http1 || *connect {
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	}
	return server.ServeTLS(l, "", "")
}

func main() {
	flag.Parse()
	var err error
	logFile, err = os.OpenFile(*logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	die(err)
	inner, err := net.Listen("tcp", *listen)
	die(err)
	die(os.WriteFile(*address+".new", []byte(inner.Addr().String()+"\n"), 0o600))
	die(os.Rename(*address+".new", *address))
	l := listener{inner}
	switch {
	case *silent:
		serveSilent(l)
	case *socks:
		serveSocks(l)
	case *connect:
		die(serve(l, http.HandlerFunc(serveConnect)))
	default:
		die(serve(l, newFrontProxy()))
	}
}
