// SPDX-License-Identifier: Apache-2.0

// The two kinds of forward proxy.
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
)

func errorLog() *log.Logger {
	return log.New(handshakeLog{}, "", 0)
}

// Both directions, until either ends.
func splice(a net.Conn, fromA io.Reader, b net.Conn) {
	done := make(chan struct{}, 2)
	copyTo := func(to net.Conn, from io.Reader) {
		_, _ = io.Copy(to, from)
		done <- struct{}{}
	}
	go copyTo(b, fromA)
	go copyTo(a, b)
	<-done
	_ = a.Close()
	_ = b.Close()
}

func serveConnect(w http.ResponseWriter, r *http.Request) {
	record("connect", fields{"connection": connOf(r).number, "method": r.Method, "to": r.Host})
	if r.Method != http.MethodConnect {
		http.Error(w, "this proxy does CONNECT only", http.StatusMethodNotAllowed)
		return
	}
	if *login != "" && r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(*login)) {
		w.Header().Set("Proxy-Authenticate", `Basic realm="kube bed"`)
		http.Error(w, "this proxy wants a login", http.StatusProxyAuthRequired)
		return
	}
	to, err := net.Dial("tcp", *mapTo)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	splice(client, buffered, to)
}

// RFC 1928 without authentication, CONNECT only; the name or address that is asked for is only written down.
func socksTarget(in *bufio.Reader, out io.Writer) (string, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(in, head); err != nil || head[0] != 5 {
		return "", errors.New("no SOCKS5")
	}
	if _, err := in.Discard(int(head[1])); err != nil {
		return "", err
	}
	if _, err := out.Write([]byte{5, 0}); err != nil {
		return "", err
	}
	request := make([]byte, 4)
	if _, err := io.ReadFull(in, request); err != nil || request[1] != 1 {
		return "", errors.New("no CONNECT")
	}
	length := map[byte]int{1: net.IPv4len, 4: net.IPv6len}[request[3]]
	if request[3] == 3 {
		b, err := in.ReadByte()
		if err != nil {
			return "", err
		}
		length = int(b)
	}
	host := make([]byte, length+2)
	if _, err := io.ReadFull(in, host); err != nil {
		return "", err
	}
	name, port := string(host[:length]), binary.BigEndian.Uint16(host[length:])
	if request[3] != 3 {
		name = net.IP(host[:length]).String()
	}
	return net.JoinHostPort(name, strconv.Itoa(int(port))), nil
}

func serveSocks(l net.Listener) {
	for {
		client, err := l.Accept()
		die(err)
		go func() {
			defer client.Close()
			in := bufio.NewReader(client)
			target, err := socksTarget(in, client)
			if err != nil {
				return
			}
			record("connect", fields{"connection": raw(client).number, "method": "SOCKS5", "to": target})
			to, err := net.Dial("tcp", *mapTo)
			if err != nil {
				_, _ = client.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
				return
			}
			_, _ = client.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
			splice(client, in, to)
		}()
	}
}
