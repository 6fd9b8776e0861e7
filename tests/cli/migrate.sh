#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq setsid

test_case 'dry run: the target, and why not each other node'
usual | fresh
run kvmig migrate web-1 --dry-run
expect_status 0
expect_stderr_has "VM 'web-1' can be migrated: from 'n1' to 'n2'"
expect_stdout_has 'KVMIG-TGT-CORDONED'
expect_stdout_has 'KVMIG-TGT-SOURCE'

test_case 'dry run as JSON'
usual | fresh
run kvmig migrate web-1 --dry-run -o json
expect_status 0
expect_json .apiVersion kvmig.io/v1
expect_json .kind MigrationVerdict
expect_json .targetNode n2
expect_json '.targets | length' 3
expect_json '.targets[] | select(.node == "n3") | .obstacles[0].reason' KVMIG-TGT-CORDONED

test_case 'dry run changes nothing and starts nothing'
usual | fresh
run kvmig migrate web-1 --dry-run
run kvmig status -o json
expect_json '.items | length' 0
expect 'no controller' [ ! -e "$XDG_STATE_HOME/kvmig/local/default/controller.log" ]

test_case 'the raw name and the UUID are names too'
usual | fresh
run kvmig migrate 'web-1 (raw)' --dry-run -o json
expect_json .vm web-1
run kvmig migrate 11111111-0000-0000-0000-7765622d3100 --dry-run -o json
expect_json .vm web-1

test_case 'no such VM'
usual | fresh
run kvmig migrate web-2
expect_status 1
expect_stderr_has "'web-2'"
expect_stderr_has 'hint: '
expect_no_stdout

test_case 'no such node'
usual | fresh
run kvmig migrate web-1 --node n4
expect_status 1
expect_stderr_has "there is no node 'n4'"
expect_stderr_has "hint: did you mean 'n1'"

test_case 'target = source'
usual | fresh
run kvmig migrate web-1 --node n1
expect_status 3
expect_stderr_has 'n1: the VM runs there'
expect_stderr_has '[KVMIG-TGT-SOURCE]'

test_case 'the node asked for is cordoned'
usual | fresh
run kvmig migrate web-1 --node n3
expect_status 3
expect_stderr_has 'n3: cordoned'
expect_stderr_has '[KVMIG-TGT-CORDONED]'

test_case 'the node asked for is not ready'
{ host n1; host n2 '' False; vm web-1 n1; } | fresh
run kvmig migrate web-1 --node n2
expect_status 3
expect_stderr_has 'n2: not ready: Connection refused'
expect_stderr_has '[KVMIG-TGT-NOT-READY]'

test_case 'labels choose, and where none has them each node is told'
{ host n1; host n2; (zone=b; host n3); vm web-1 n1; } | fresh
run kvmig migrate web-1 --node-selector zone=b --dry-run -o json
expect_json .targetNode n3
{ host n1; host n2; vm web-1 n1; } | fresh
run kvmig migrate web-1 --node-selector zone=b
expect_status 3
expect_stderr_has 'zone=b'
expect_stderr_has '[KVMIG-PEND-NO-TARGET]'

test_case 'not enough memory anywhere, with the facts'
{ host n1; host n2 '' True 3Gi; vm web-1 n1; } | fresh
run kvmig migrate web-1
expect_status 3
expect_stderr_has 'n2: needs 4 GiB, 3 GiB are free of which 512 MiB are kept for the host'
run kvmig status -o json
expect_json '.items | length' 0

test_case 'memory that is only reserved is waited for'
{ host n1; host n2 '' True 8Gi; vm web-1 n1; vm web-2 n1
  migration m-2 web-2 Running '{sourceNode: n1, targetNode: n2, memoryBytes: 4294967296}'; } | fresh
run kvmig migrate web-1 --dry-run
expect_status 0
expect_stderr_has 'KVMIG-PEND-MEMORY-RESERVED'
expect_stdout_has "reserved for 'web-2'"

test_case 'a VM that is shut off'
{ host n1; host n2; (state=shutoff; vm web-1 n1 Succeeded); } | fresh
run kvmig migrate web-1
expect_status 3
expect_stderr_has 'it is not running (shutoff)'
expect_stderr_has '[KVMIG-BLK-NOT-RUNNING]'

test_case 'a VM whose node does not answer'
{ host n1 '' False; host n2; vm web-1 n1 Unknown; } | fresh
run kvmig migrate web-1
expect_status 5
expect_stderr_has "its node 'n1' cannot be asked: "
expect_stderr_has '[KVMIG-BLK-SOURCE-UNREACHABLE]'

test_case 'a VM that libvirt refuses: its own words'
{ host n1; host n2; (migratable=False words='domain has assigned host devices'; vm web-1 n1); } | fresh
run kvmig migrate web-1
expect_status 3
expect_stderr_has 'domain has assigned host devices'
expect_stderr_has '[KVMIG-BLK-LIBVIRT]'

test_case 'a VM that runs twice'
{ host n1; host n2
  (conditions='  - {type: kvmig.io/DuplicateUUID, status: "True", reason: R, message: "also on n3"}'; vm web-1 n1); } | fresh
run kvmig migrate web-1
expect_status 3
expect_stderr_has 'also on n3'
expect_stderr_has '[KVMIG-BLK-DUPLICATE-UUID]'

test_case 'a VM whose last migration is undecided'
{ host n1; host n2
  (conditions='  - {type: kvmig.io/Undecided, status: "True", reason: R, message: "n2 could not be asked"}'; vm web-1 n1); } | fresh
run kvmig migrate web-1
expect_status 3
expect_stderr_has '[KVMIG-BLK-UNDECIDED]'

test_case 'certificates known to be missing'
{ (certificates=false; host n1; host n2); vm web-1 n1; } | fresh
run kvmig migrate web-1
expect_status 3
expect_stderr_has '[KVMIG-BLK-TLS-CERTS]'
expect_stderr_has 'disableTLS'
{ (certificates=false; host n1; host n2); vm web-1 n1; settings '{disableTLS: true}'; } | fresh
run kvmig migrate web-1 --dry-run
expect_status 0

test_case 'in flight already: exit 8, and how to go on'
{ usual; migration m-1 web-1 Running '{sourceNode: n1, targetNode: n2}'; } | fresh
run kvmig migrate web-1
expect_status 8
expect_stderr_has "migration 'm-1' of it is under way"
expect_stderr_has '[KVMIG-BLK-IN-FLIGHT]'
expect_stderr_has "kvmig status -w m-1"

test_case 'a finished one is in nobody'"'"'s way'
{ usual; migration m-1 web-1 Succeeded '{}'; } | fresh
run kvmig migrate web-1 --dry-run
expect_status 0

test_case 'bad command lines'
usual | fresh
run kvmig migrate
expect_status 2
run kvmig migrate web-1 --timeout 1m
expect_status 2
expect_stderr_has '--wait'
run kvmig migrate web-1 --node n2 --node-selector kubernetes.io/hostname=n3
expect_status 2
run kvmig migrate web-1 --node-selector 'zone='"'"
expect_status 2
expect_stderr_has '--node-selector'
run kvmig migrate web-1 --read-only
expect_status 7

test_case 'the same VM many times at once: one migration'
usual | fresh
i=0
while [ $i -lt 12 ]; do
	kvmig migrate web-1 -q >"out.$i" 2>"err.$i" &
	i=$((i + 1))
done
wait
run kvmig status -o json
expect_json '.items | length' 1
expect 'one said its name' [ "$(cat out.[0-9]* | grep -c '^kvmig-')" -eq 1 ]
expect 'the others say why' [ "$(grep -lE 'KVMIG-BLK-IN-FLIGHT|cannot be asked' err.[0-9]* | wc -l)" -eq 11 ]

test_case 'started: name on stdout, how to go on on stderr'
usual | fresh
run kvmig migrate web-1
expect_status 0
expect 'one name' grep -qx 'kvmig-[a-z0-9]*' "$out"
expect_stderr_has "'kvmig status -w kvmig-"
expect_stderr_has "kvmig cancel kvmig-"

test_case 'started: -o name, -o json'
usual | fresh
run kvmig migrate web-1 --node n2 -o name
expect 'an id' grep -qx 'virtualmachineinstancemigration.kubevirt.io/kvmig-[a-z0-9]*' "$out"
usual | fresh
run kvmig migrate web-1 --node n2 -o json
expect_json .kind MigrationStatus
expect_json .vm web-1
expect_json '.addedNodeSelector["kubernetes.io/hostname"]' n2

test_case '--timeout ends the waiting, not the migration'
usual | fresh
run kvmig migrate web-1 --wait --timeout 300ms
expect_status 6
expect_stderr_has 'it goes on'
run kvmig status -o json
expect_json '.items[0].final' false

test_case 'Ctrl-C detaches, and says how to go on'
usual | fresh
run timeout -s INT 0.7 kvmig migrate web-1 --wait
expect 'interrupted' [ "$status" -eq 124 ]
expect_stderr_has 'goes on'
expect_stderr_has 'kvmig cancel kvmig-'
run kvmig status -o json
expect_json '.items[0].cancelRequested' false

test_case 'Ctrl-C without --wait, for all that the terminal runs: the migration and its controller stay'
usual | fresh
run setsid -w sh -c 'kvmig migrate web-1 -q; kill -INT 0'
expect 'interrupted' [ "$status" -ne 0 ]
expect 'one name' grep -qx 'kvmig-[a-z0-9]*' "$out"
expect 'the controller lives' kill -0 "$(cut -d ' ' -f 1 "$XDG_STATE_HOME/kvmig/local/default/controller.lock")"
run kvmig status -o json
expect_json '.items[0] | "\(.final) \(.cancelRequested)"' 'false false'

test_case 'no HOME, no cluster, standard output closed'
run env -u XDG_STATE_HOME HOME=relative kvmig --context local/none migrate web-1
expect 'an error' [ "$status" -ne 0 ]
expect_stderr_has 'kvmig: '
usual | fresh
run sh -c 'kvmig migrate web-1 --dry-run >&-'
expect_status 1
expect_stderr_has 'standard output'

done_testing
