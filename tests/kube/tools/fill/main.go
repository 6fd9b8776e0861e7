// SPDX-License-Identifier: Apache-2.0

// Fills the bed's cluster, for tests of scale.
//
//	fill -etcd SOCKET -objects N [-namespaces default,…] [-size 20000]
//	     writes N VirtualMachineInstances of that size straight into etcd, as the API server would have stored them;
//	     prints where the API server has what was written last
//	fill -etcd SOCKET -objects N -bindings M
//	     writes N RoleBindings instead, in namespaces ns-0 to ns-M: of each tenth one migrates, the others may view
//	fill -etcd SOCKET -objects N -nodes M
//	     writes N Nodes instead, node-00001 and so on, with M pods on each
//	fill -server URL -ca FILE -cert STEM -change N -rate R [-objects M] [-first F]
//	     changes them through the API server, up to change N, R a second: the annotation kvmig.test/sequence of one of
//	     the first M counts 1, 2, 3 …; prints the resource version before the first change
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

var (
	etcd       = flag.String("etcd", "", "`socket` of etcd")
	objects    = flag.Int("objects", 1000, "how many objects")
	namespaces = flag.String("namespaces", "default", "where they are, in turn")
	bindings   = flag.Int("bindings", 0, "RoleBindings, in so many namespaces")
	pods       = flag.Int("nodes", 0, "Nodes, with so many pods on each")
	size       = flag.Int("size", 20000, "bytes of each, as JSON")
	server     = flag.String("server", "", "`URL` of the API server")
	ca         = flag.String("ca", "", "`file` with its CA")
	cert       = flag.String("cert", "", "`stem` of the client certificate")
	changes    = flag.Int("change", 0, "how many changes")
	first      = flag.Int("first", 1, "number of the first change")
	rate       = flag.Int("rate", 100, "changes a second")
)

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

func name(i int) string { return fmt.Sprintf("vm-%06d", i) }

func namespace(i int) string {
	all := strings.Split(*namespaces, ",")
	return all[i%len(all)]
}

type put struct {
	RequestPut struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	} `json:"request_put"`
}

func send(client *http.Client, puts []put) error {
	body, err := json.Marshal(map[string]any{"success": puts})
	if err != nil {
		return err
	}
	response, err := client.Post("http://etcd/v3/kv/txn", "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd: %s: %.500s", response.Status, text)
	}
	return nil
}

// A transaction's worth of them, from number first to last.
func batch(first, last int, began time.Time) []put {
	puts := make([]put, 0, last-first+1)
	add := func(key string, value []byte) {
		var p put
		p.RequestPut.Key = base64.StdEncoding.EncodeToString([]byte(key))
		p.RequestPut.Value = base64.StdEncoding.EncodeToString(value)
		puts = append(puts, p)
	}
	for i := first; i <= last; i++ {
		switch {
		case *pods > 0:
			add(host(i, began))
			for n := range *pods {
				add(pod(i, n, began))
			}
		case *bindings > 0:
			add(binding(i, began))
		default:
			add("/registry/kubevirt.io/virtualmachineinstances/"+namespace(i)+"/"+name(i), instance(i, began))
		}
	}
	return puts
}

// Where the API server has number i.
func paths(i int) []string {
	switch {
	case *pods > 0:
		return []string{"/api/v1/nodes/" + nodeName(i), "/api/v1/namespaces/default/pods/" + podName(i, *pods-1)}
	case *bindings > 0:
		ns, name := bindingName(i)
		return []string{"/apis/" + rbacGroup + "/v1/namespaces/" + ns + "/rolebindings/" + name}
	}
	return []string{"/apis/kubevirt.io/v1/namespaces/" + namespace(i) + "/virtualmachineinstances/" + name(i)}
}

// The last one alone and behind all others: who knows of that one, knows them all.
func fillEtcd() {
	client := &http.Client{Transport: &http.Transport{
		DialContext:         func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", *etcd) },
		MaxIdleConnsPerHost: 4,
	}}
	each := min(max(1<<20 / *size, 1), 500) / max(*pods/4, 1)
	began := time.Now().Add(-24 * time.Hour)
	var wait sync.WaitGroup
	slots := make(chan struct{}, 4)
	for first := 1; first < *objects; first += each {
		slots <- struct{}{}
		wait.Add(1)
		go func() {
			defer wait.Done()
			die(send(client, batch(first, min(first+each-1, *objects-1), began)))
			<-slots
		}()
	}
	wait.Wait()
	die(send(client, batch(*objects, *objects, began)))
	for _, path := range paths(*objects) {
		fmt.Println(path)
	}
}

func main() {
	flag.Parse()
	switch {
	case *etcd != "":
		fillEtcd()
	case *server != "":
		change()
	default:
		flag.Usage()
		os.Exit(2)
	}
}
