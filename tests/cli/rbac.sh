#!/bin/sh
# kvmig rbac where there is no API server. tests/kube/rbac.sh has all the rest.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
kvmig node add -q n1 --uri "qemu+unix:///system?socket=$work/none" 2>/dev/null

test_case 'a local cluster has one user'
run kvmig rbac list
expect_status 3
expect_no_stdout
expect_stderr_has 'the owner of its file is its only user'

done_testing
