// SPDX-License-Identifier: Apache-2.0

// The servers of the kube bed in one binary: by the name under which it is started it is the real kube-apiserver or
// the real kube-controller-manager. They share most of their code; one binary links in half the time.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	switch name := filepath.Base(os.Args[0]); name {
	case "kube-apiserver":
		os.Exit(cli.Run(apiserver.NewAPIServerCommand()))
	case "kube-controller-manager":
		os.Exit(cli.Run(manager.NewControllerManagerCommand()))
	default:
		fmt.Fprintf(os.Stderr, "%s: this is kube-apiserver or kube-controller-manager, by the name it is started by\n", name)
		os.Exit(2)
	}
}
