// SPDX-License-Identifier: Apache-2.0

// The real kubectl. A binary of its own: kvmig is measured against it, and the servers' packages would make its start
// slower than that of the kubectl that people have.
package main

import (
	"k8s.io/component-base/cli"
	"k8s.io/kubectl/pkg/cmd"
	"k8s.io/kubectl/pkg/cmd/util"

	_ "k8s.io/client-go/plugin/pkg/client/auth"
)

func main() {
	if err := cli.RunNoErrOutput(cmd.NewDefaultKubectlCommand()); err != nil {
		util.CheckErr(err)
	}
}
