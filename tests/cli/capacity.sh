#!/bin/sh
# kvmig capacity and check --cluster, --node on a local store: hosts of 16 GiB with 12 GiB free, of which 512 MiB are the host's.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq
gib=1073741824

test_case 'the rule and the nodes'
{ usual; vm web-2 n1; vm web-3 n2 Running 2Gi; vm off n2 Succeeded 16Gi; } | fresh
run kvmig capacity -o json
expect_status 0
expect_json '"\(.enough) \(.drainParallel) \(.fullestNode)"' 'true 1 n1'
expect_json .neededBytes $((8 * gib))
# n1: 16 - 8 - 0.5; n2: 12 - 0.5 that are free; n3 is cordoned
expect_json .spareBytes $((19 * gib))
expect_json '[.nodes[] | "\(.node) \(.vms) \(.freeBytes / 1073741824) \(.vmsWithoutRoom) \(.takesNoVMs)"] | join(", ")' \
	'n1 2 7.5 0 null, n2 1 11.5 0 null, n3 0 0 0 cordoned'
expect_json .drainParallelFrom 'by default: there is no MachineConfigPool to be read, and no --drain-parallel'
expect_documented Capacity "$out"
run kvmig capacity
expect_status 0
expect 'the rule' grep -qE '^Drain at once: +1 \(by default' "$out"
expect 'the table' grep -qE '^n3 +16 GiB +0 +0 B +0 B +19 GiB +yes$' "$out"
run kvmig capacity -o wide
expect_stdout_has cordoned
run kvmig capacity -o name
expect_stdout <<END
n1
n2
n3
END

test_case 'more at once than there is room for'
run kvmig capacity --drain-parallel 3
expect_status 1
expect 'no' grep -qE '^Enough: +no$' "$out"
expect_stdout_has '3 (--drain-parallel)'
run kvmig check --cluster --drain-parallel 3 -o json
expect_status 3
expect_json '.items[] | select(.severity == "blocks") | "\(.reason) \(.object.kind)"' 'KVMIG-CHK-SPARE-MEMORY cluster'
run kvmig capacity --drain-parallel 0
expect_status 2

test_case 'a VM that is too large for every other node'
{ host n1; host n2 '' True 3Gi; host n3 '' True 3Gi; vm big n1 Running 4Gi; vm small n1 Running 1Gi; } | fresh
run kvmig check --node n1 -o json
expect_status 3
expect_json '.items[] | select(.reason == "KVMIG-CHK-NODE-MEMORY") | "\(.severity) \(.object.name)"' 'blocks n1'
# in sum there is room, and each finds some alone: that there is no way is not proven
{ host n1; host n2 '' True 3Gi; host n3 '' True 3Gi; vm a n1 Running 2Gi; vm b n1 Running 2Gi; vm c n1 Running 1Gi; } | fresh
run kvmig check --node n1 -o json
expect_status 0
expect_json '.items[] | select(.reason == "KVMIG-CHK-NODE-MEMORY") | "\(.severity) \(.object.name)"' 'warning n1'
{ host n1; host n2 '' True 3Gi; vm big n1 Running 4Gi; } | fresh
run kvmig check --node n1
expect_status 3
expect_stdout_has '1 of its 1 VMs would find no room'
expect_stdout_has 'the rule for the cluster holds all the same'
run kvmig capacity
expect_status 0
expect 'the rule' grep -qE '^Enough: +yes$' "$out"
expect 'both are true' grep -qE '^Cannot drain: +n1: a VM needs its whole request on one other node' "$out"
run kvmig capacity -o json
expect_json '"\(.enough) \(.everyNodeDrains)"' 'true false'
run kvmig check --node n2
expect_status 0

test_case 'a node that there is not'
run kvmig check --node n9
expect_status 1
expect_stderr_has "there is no node 'n9'"
expect_stderr_has "did you mean 'n1'"

test_case 'no VMs: nothing is needed'
{ host n1; } | fresh
run kvmig capacity
expect_status 0
expect_stdout_has 'no VMs run'

test_case 'settings, VMs and tries of a whole cluster'
{ usual; settings '{parallelMigrationsPerCluster: 0, disableTLS: true}'
	migratable=False words='a folder of the host is shared with the guest' vm fs n2
	for n in 1 2 3; do migration m-$n web-1 Failed '{result: {message: "Connection reset"}}'; done; } | fresh
run kvmig check --cluster -o json
expect_stderr_has "memory to drain 1 node at once (by default: "
expect_status 3
expect_json '[.items[].reason] | unique | join(" ")' \
	'KVMIG-BLK-NOT-MIGRATABLE KVMIG-CHK-NETWORK-NONE KVMIG-CHK-NOT-SEEN KVMIG-CHK-RETRY-LOOP KVMIG-CHK-TLS-OFF '\
'KVMIG-LINT-CONFIG-LIMIT-ZERO KVMIG-TGT-CORDONED KVMIG-TGT-MIGRATION-NETWORK'
expect_documented CheckFindingList "$out"
run kvmig check --cluster -n other -o json
expect_json '[.items[] | select(.object.kind == "vm")] | length' 0

test_case 'hosts that lack what disks and post-copy need'
{ settings '{allowPostCopy: true, allowWorkloadDisruption: true}'; vm web-1 n1; host n2
	host n1 | sed 's/^  capacity:/  diskLeases: {configured: false}\n  postCopy: {userfaultfd: false}\n&/'; } | fresh
run kvmig check --node n1 -o json
expect_json '[.items[] | select(.reason | IN("KVMIG-CHK-DISK-LEASES", "KVMIG-CHK-USERFAULTFD")) |
	"\(.severity) \(.reason) \(.object.name)"] | join(", ")' 'warning KVMIG-CHK-DISK-LEASES n1, warning KVMIG-CHK-USERFAULTFD n1'

test_case 'what does not go together'
run kvmig check web-1 --cluster
expect_status 2
run kvmig check --cluster --node n1
expect_status 2
run kvmig check web-1 --drain-parallel 2
expect_status 2
expect_stderr_has 'says nothing about VMs'

test_case "--cluster is the command's own, in front of it too: no other cluster is looked at by mistake"
run kvmig --cluster prod check web-1
expect_status 2
expect_stderr_has 'takes no name here'
run kvmig --cluster prod check
expect_status 2
run kvmig --cluster=prod check web-1
expect_status 2

done_testing
