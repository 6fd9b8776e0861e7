#!/bin/sh
# kvmig check on a local store: VMs and hosts as the inventory would have written them.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq

test_case 'a node is no VM'
usual | fresh
run kvmig check n2
expect_status 1
expect_stderr_has "'n2' is a node: 'kvmig check --node n2'"
run kvmig check n2 -n elsewhere # the VMs on it are of all namespaces
expect_stderr_has "'n2' is a node: 'kvmig check --node n2'"

test_case 'what is to be checked must be said, once'
usual | fresh
run kvmig check
expect_status 2
expect_stderr_has 'what is to be checked is missing'
expect_stderr_has "kvmig check --cluster"

test_case 'a VM that can go'
usual | fresh
run kvmig check web-1 -o json
expect_status 0
# n1 does not answer: what its libvirt would say, and what the VM uses there, is not known
expect_json '[.items[] | "\(.severity) \(.reason)"] | join(", ")' 'note KVMIG-CHK-NOT-SEEN, note KVMIG-CHK-NOT-SEEN'
expect_json '[.items[].evidence | select(test("disks and devices"))] | length' 1
expect_stderr_has '0 blocking, 0 warnings, 2 notes'

test_case 'a VM that cannot'
{ usual; vm off n1 Succeeded; } | fresh
run kvmig check off -o json
expect_status 3
expect_json '[.items[].reason] | join(" ")' KVMIG-BLK-NOT-RUNNING
expect_json '.items[0] | "\(.severity) \(.object.kind) \(.object.namespace)/\(.object.name)"' 'blocks vm default/off'

test_case 'several: one that is not there does not hide the others'
{ usual; vm off n1 Succeeded; } | fresh
run kvmig check web-1 nosuch
expect_status 3 # the hosts were looked at for 'nosuch', and do not answer
expect_stderr_has nosuch
expect_stdout_has 'KVMIG-BLK-SOURCE-UNREACHABLE'
expect_stdout_has "its node 'n1' is not ready"
run kvmig check nosuch off
expect_status 3
expect_stdout_has KVMIG-BLK-NOT-RUNNING

test_case 'a VM on a node that does not answer is not one that is off'
{ host n1 '' False; host n2; host n3; vm lost n1 Unknown; vm odd n2 Unknown; } | fresh
for what in lost '--node n1' --cluster; do
	# shellcheck disable=SC2086 # words
	run kvmig check $what -o json
	expect_status 3
	expect_json '[.items[] | select(.severity == "blocks") | "\(.reason) \(.object.name)"] | join(", ")' 'KVMIG-BLK-SOURCE-UNREACHABLE lost'
	expect_json '.items[] | select(.severity == "blocks") | .evidence' "its node 'n1' is not ready: Connection refused"
done
run kvmig check odd -o json
expect_json '.items[0].reason' KVMIG-BLK-NOT-RUNNING

done_testing
