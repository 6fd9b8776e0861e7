// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

func apiClient() *http.Client {
	text, err := os.ReadFile(*ca)
	die(err)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	pair, err := tls.LoadX509KeyPair(*cert+".crt", *cert+".key")
	die(err)
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}},
		ForceAttemptHTTP2: true,
	}}
}

func call(client *http.Client, method, path, body string) []byte {
	request, err := http.NewRequest(method, *server+path, strings.NewReader(body))
	die(err)
	request.Header.Set("Content-Type", "application/merge-patch+json")
	response, err := client.Do(request)
	die(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	die(err)
	if response.StatusCode != http.StatusOK {
		die(fmt.Errorf("%s %s: %s: %.300s", method, path, response.Status, text))
	}
	return text
}

// Objects differ from one change to the next, so that those that run side by side never meet: their numbers come in
// order as far as each object is concerned.
func change() {
	client := apiClient()
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	die(json.Unmarshal(call(client, "GET", "/apis/kubevirt.io/v1/virtualmachineinstances?limit=1", ""), &list))
	fmt.Println(list.Metadata.ResourceVersion)
	var wait sync.WaitGroup
	slots := make(chan struct{}, min(16, *objects))
	began := time.Now()
	for i := *first; i <= *changes; i++ {
		time.Sleep(time.Until(began.Add(time.Duration(i-*first) * time.Second / time.Duration(*rate))))
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer wait.Done()
			at := (i-1)%*objects + 1
			call(client, "PATCH", "/apis/kubevirt.io/v1/namespaces/"+namespace(at)+"/virtualmachineinstances/"+name(at),
				fmt.Sprintf(`{"metadata":{"annotations":{"kvmig.test/sequence":"%d"}}}`, i))
			<-slots
		}()
	}
	wait.Wait()
}
