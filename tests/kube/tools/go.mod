module kvmig.io/tests/kube/tools

go 1.24.0
