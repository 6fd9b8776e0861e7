#!/bin/sh
# kvmig targets on a local cluster whose hosts cannot be asked: what the inventory wrote down decides. With real daemons:
# tests/lab/targets.sh; with a real API server: tests/kube/targets.sh.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq

obstacles() { # NODE: its reasons
	jq -r --arg node "$1" '[.targets[] | select(.node == $node) | .obstacles[].reason] | join(" ")' "$out"
}

test_case 'every node, the one that fits first'
usual | fresh
run kvmig targets web-1
expect_status 0
expect_stdout_has 'NODE'
expect "the first row: $(sed -n 2p "$out")" sh -c 'sed -n 2p "$1" | grep -q "^n2 .*yes .* 1 .*7.5 GiB .*left afterwards"' - "$out"
expect_stdout_has 'KVMIG-TGT-CORDONED'
expect_stdout_has 'KVMIG-TGT-SOURCE'
expect_stderr_has "VM 'web-1' (4 GiB): 1 of 3 nodes fits: 1 KVMIG-TGT-SOURCE, 1 KVMIG-TGT-CORDONED"

test_case 'the document'
run kvmig targets web-1 -o json
expect_status 0
expect_json .kind TargetReport
expect_json .nodeCount 3
expect_json .fittingCount 1
expect_json .targets[0].node n2
expect_json .targets[0].rank 1
expect_json .targets[0].memoryFreeAfterBytes 8053063680
expect_json .targets[0].memoryAllocatableBytes 17179869184
expect_json '.notes[0].about' libvirt
expect_json '.reasonCounts | map(.reason) | join(" ")' 'KVMIG-TGT-SOURCE KVMIG-TGT-CORDONED'

test_case 'wide has the memory; name only those that fit; quiet says nothing'
run kvmig targets web-1 -o wide
expect_stdout_has 'ALLOCATABLE'
expect_stdout_has '16 GiB'
run kvmig targets web-1 -o yaml
expect_status 0
expect_stdout_has 'kind: TargetReport'
run kvmig targets web-1 -o name -q
expect_status 0
expect "names: $(cat "$out")" test "$(cat "$out")" = host.kvmig.io/n2
expect 'something was said' [ ! -s "$err" ]

test_case 'a node that was asked for: every reason, also the one that asking made'
run kvmig targets web-1 --node n3 -o json
expect_status 3
expect "n3: $(obstacles n3)" test "$(obstacles n3)" = KVMIG-TGT-CORDONED
expect "n2: $(obstacles n2)" test "$(obstacles n2)" = KVMIG-TGT-ADDED-SELECTOR
expect "n1: $(obstacles n1)" test "$(obstacles n1)" = 'KVMIG-TGT-SOURCE KVMIG-TGT-ADDED-SELECTOR'
expect_json '.addedNodeSelector["kubernetes.io/hostname"]' n3

test_case 'labels that were asked for, each on its own'
run kvmig targets web-1 --node-selector zone=b,disk=ssd -o json
expect_status 3
expect_json '[.targets[] | select(.node == "n2") | .obstacles[].message] | join("; ")' \
	'asked for zone=b: the node has zone=a; asked for disk=ssd: the node lacks it'
expect_json '[.targets[] | select(.node == "n2") | .obstacles[].subject] | join(" ")' 'zone disk'
expect_stderr_has "0 of 3 nodes fit: 3 KVMIG-TGT-ADDED-SELECTOR"

test_case 'no such node, no such VM'
run kvmig targets web-1 --node n4
expect_status 1
expect_stderr_has "there is no node 'n4'"
expect_stderr_has "did you mean 'n1'"
expect_no_stdout
run kvmig targets web-2
expect_status 1
expect_stderr_has "did you mean 'web-1'"
expect_no_stdout

test_case 'what is no selector, and what contradicts itself'
run kvmig targets web-1 --node-selector zone
expect_status 2
expect_stderr_has "'zone' is not of the form key=value"
run kvmig targets web-1 --node n2 --node-selector kubernetes.io/hostname=n3
expect_status 2
expect_stderr_has 'exclude each other'
run kvmig targets web-1 --node 'n 2'
expect_status 2
run kvmig targets web-1 --node ''
expect_status 2

test_case 'a VM that is not running'
{ host n1; host n2; (state=shutoff; vm web-1 n1 Succeeded); } | fresh
run kvmig targets web-1
expect_status 3
expect_stderr_has "VM 'web-1' is not running (Succeeded): there is nothing to migrate"
expect_stderr_has '[KVMIG-BLK-NOT-RUNNING]'

test_case 'hosts that do not answer, that are too old, that are full, on another kind of address'
{
	host n1
	host n2 '' False | sed 's/reason: Test/reason: HostUnreachable/'
	host n3 '' True 3Gi
	host n4 | sed 's/^status:/&\n  nodeInfo: {hypervisorVersion: 6.2.0}/'
	host n5 'migrationAddress: "unix:\/tmp"'
	host n6 | sed 's/hostUUID: .*/hostUUID: 00000000-0000-0000-0000-000000000010/'
	vm web-1 n1
} | fresh
run kvmig targets web-1 -o json
expect_status 3
expect "n2: $(obstacles n2)" test "$(obstacles n2)" = KVMIG-TGT-UNREACHABLE
expect "n3: $(obstacles n3)" test "$(obstacles n3)" = KVMIG-TGT-MEMORY
expect_json '.targets[] | select(.node == "n3") | .obstacles[0] | .needed - .available - .missing' 0
expect "n4: $(obstacles n4)" test "$(obstacles n4)" = KVMIG-TGT-VERSION
expect_json '.targets[] | select(.node == "n4") | .obstacles[0].message' "its QEMU 6.2.0 is older than the VM's machine pc-q35-7.2"
expect "n6: $(obstacles n6)" test "$(obstacles n6)" = KVMIG-TGT-SAME-HOST
expect "n5: $(obstacles n5)" test "$(obstacles n5)" = KVMIG-TGT-MIGRATION-NETWORK
done_testing
