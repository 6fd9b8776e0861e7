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

test_case 'dry run as JSON: a no is a document, too'
{ host n1; vm web-1 n1; vm idle n1 Succeeded; } | fresh
run kvmig migrate web-1 --dry-run -o json
expect_status 3
expect_json '"\(.kind) \(.vm) \(.migratable) \(.reason) \(.sourceNode) \(.targetNode)"' 'MigrationVerdict web-1 false KVMIG-PEND-NO-TARGET n1 null'
expect_json '.targets[0].obstacles[0].reason' KVMIG-TGT-SOURCE
expect_json '.message | startswith("cannot migrate VM '"'web-1'"'")' true
expect_stderr_has '[KVMIG-PEND-NO-TARGET]'
run kvmig migrate web-1 --dry-run
expect_status 3
expect_no_stdout
run kvmig migrate idle --dry-run -o yaml
expect_status 3
expect_stdout_has 'reason: KVMIG-BLK-NOT-RUNNING'
run kvmig migrate nosuch --dry-run -o json
expect_status 1
expect_no_stdout

test_case 'dry run changes nothing and starts nothing: --read-only permits it, and no other'
usual | fresh
for words in web-1 --all; do
	run kvmig --read-only migrate "$words" --dry-run
	expect_status 0
	run kvmig --read-only migrate "$words" --dry-run=server
	expect_status 0
	run kvmig --read-only migrate "$words" --dry-run=no
	expect_status 7
done
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
run kvmig migrate web-1 --node n2
expect_status 3
expect_stderr_has '--check=off hands it in'
run kvmig migrate web-1 --node n1 # which is its own, however long one waits
expect_status 3
expect_stderr_has 'without --node any node that fits will do'
expect_stderr_lacks '--check=off'
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

test_case 'more bad command lines'
usual | fresh
for words in 'web-1 --all' '-l a=b --all' '-l a=b=c' 'web-1 --from n1' 'web-1 -A' '--resume x web-1' 'web-1 --order fastest' 'web-1 --check=no'; do
	# shellcheck disable=SC2086 # words
	run kvmig migrate $words
	expect_status 2
done

test_case '--check: what is found beforehand refuses, is told, or is not looked for'
{ host n1; vm web-1 n1; } | fresh
run kvmig migrate web-1
expect_status 3
expect_stderr_has '--check=off'
run kvmig migrate web-1 --check=warn -q
expect_status 0
expect_stderr_has 'warning: cannot migrate VM'
expect_stderr_has '[KVMIG-PEND-NO-TARGET]'
{ host n1; vm web-1 n1; } | fresh
run kvmig migrate web-1 --check off --schedule-timeout 90s -q
expect_status 0
expect_no_stderr
run kvmig get vmim -o json
expect_json '.items[0].metadata.annotations["kubevirt.io/migrationUnschedulablePodTimeoutSeconds"]' 90

several() {
	host n1
	host n2
	(labels='app: web' && vm web-1 n1 && vm web-2 n1 Running 2Gi && vm web-3 n2 Running 1Gi)
	vm idle n1 Succeeded
}

test_case 'several: a line each, a summary, and no record where all are started'
several | fresh
run kvmig migrate web-1 web-2 idle --max-parallel 5
expect_status 4
expect 'a line each' [ "$(grep -cE '^web-[12] kvmig-[a-z0-9]+-web-[12]$' "$out")" -eq 2 ]
expect_stderr_has "VM 'idle': it is not running"
expect_stderr_has '3 VMs: 2 under way, 1 refused'
expect 'no record' [ -z "$(ls "$XDG_STATE_HOME/kvmig/batches")" ]
run kvmig migrate web-1 nosuch
expect_status 1
expect_stderr_has "there is no VM 'nosuch'"
expect_stderr_has '[KVMIG-BLK-IN-FLIGHT]'

test_case '--all, --from, --order; asked first'
several | fresh
run kvmig migrate --all
expect_status 3
expect_stderr_has 'migrate 3 VMs in namespace'
run kvmig migrate --all -A
expect_status 3
run kvmig migrate --all --from n1 --order smallest --yes --max-parallel 5 -o name
expect_status 0
expect 'the smaller one first' [ "$(sed 's/.*-web/web/' "$out" | tr '\n' ' ')" = 'web-2 web-1 ' ]
several | fresh
run kvmig migrate --all --order largest --yes --max-parallel 5 -o json
expect_json .kind MigrationBatch
expect_json '[.items[].vm] | join(" ")' 'web-1 web-2 web-3'
expect_json '"\(.underWay) \(.refused) \(.notStarted)"' '3 0 0'

test_case 'several, on a terminal: a no is a no; a table, and what was refused stays to be read'
several | fresh
run_tty 'echo n | script -qec "kvmig migrate --all" /dev/null'
expect_status 3
expect_stdout_has 'migrate 3 VMs in namespace'
run kvmig get vmim -o json
expect_json '.items | length' 0
run_tty 'kvmig migrate idle web-1 web-2 --max-parallel 1 --timeout 3s'
expect_status 6
expect 'a header, and what runs' grep -q 'VM  *MIGRATION  *PHASE  *FROM  *TO' "$out"
expect 'its row' grep -qE 'web-1  *kvmig-[a-z0-9]*-web-1  *Pending' "$out"
expect 'rewritten' grep -q "$(printf '\033\\[[0-9]*A')" "$out"
expect_stdout_has "VM 'idle': it is not running"
expect_stdout_has '3 VMs: 1 under way, 1 refused, 1 not started'

test_case 'several: how many at a time; --timeout; what is left is gone on with'
several | fresh
run kvmig migrate web-1 web-2 web-3 --max-parallel 1 --timeout 2s
expect_status 6
expect 'one' [ "$(wc -l <"$out")" -eq 1 ]
expect_stderr_has 'not started: web-2, web-3'
id=$(sed -n 's/^kvmig: batch \([a-z0-9]*\):.*/\1/p' "$err")
expect_stderr_has "'kvmig migrate --resume $id' goes on"
none_is_ready() {
	kvmig get host -o json | jq -e 'all(.items[].status.conditions[] | select(.type == "Ready"); .status == "False")' >/dev/null
}
expect 'the controller finds out that nobody answers at these hosts' wait_for none_is_ready
run kvmig migrate --resume "$id" --max-parallel 5
expect_status 4
expect_stderr_has '3 VMs: 1 under way, 2 refused'
run kvmig get vmim -o json
expect_json '[.items[].spec.vmiName] | join(" ")' web-1
run kvmig migrate --resume "$id"
expect_status 1
expect_stderr_has "there is no batch '$id'"
run kvmig migrate --resume ../../x
expect_status 1

test_case 'several: more than a message names: --resume --dry-run names them all, and starts none'
{ host n1; host n2; for i in $(seq -w 30); do vm "web-$i" n1 Running 64Mi; done; } | fresh
run kvmig migrate --all --yes --max-parallel 1 --timeout 2s
expect_status 6
started=$(wc -l <"$out")
expect_stderr_has " and $((30 - started - 20)) more"
id=$(sed -n 's/^kvmig: batch \([a-z0-9]*\):.*/\1/p' "$err")
expect_stderr_has "'kvmig migrate --resume $id' goes on, with --dry-run it names them all"
run kvmig delete vmi web-30 -q
run kvmig migrate --resume "$id" --dry-run -o json
expect_json .kind MigrationVerdictList
expect_json '[.items[].vm] | unique | length' "$((30 - started))"
expect_json '.items[0].memoryBytes' 67108864
expect_json '.items[-1] | "\(.vm) \(.migratable) \(.message)"' "web-30 false cannot migrate VM 'web-30': it is not there any more"
run kvmig get vmim -o json
expect_json '.items | length' "$started"
# One that was started, and has ended, before the record had it: what is not to be started again. It is made and then given
# its status: a controller that sees it in between takes it up as new.
end_controllers
"$build/tests/cli/put-object" local >put.log 2>&1 <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: kvmig-$id-web-29, namespace: default, labels: {kvmig.io/batch: $id}}
spec: {vmiName: web-29}
status: {phase: Succeeded}
END
run kvmig migrate --resume "$id" --dry-run -o json
expect_json '[.items[].vm] | unique | length' "$((29 - started))"
expect_json '[.items[].vm] | index("web-29")' null
expect 'the record is still there' [ -e "$XDG_STATE_HOME/kvmig/batches/$id.batch" ]
run kvmig migrate --resume "$id" --dry-run --node n2
expect_status 2

test_case 'several: what went wrong beside a success, and alarms'
several | fresh
run kvmig migrate web-1 web-2 --max-parallel 1 --timeout 1s
id=$(sed -n 's/^kvmig: batch \([a-z0-9]*\):.*/\1/p' "$err")
end_controllers # which would take up web-2's before it has its status
"$build/tests/cli/put-object" local >put.log 2>&1 <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: kvmig-$id-web-2, namespace: default, labels: {kvmig.io/batch: $id}}
spec: {vmiName: web-2}
status:
  phase: Succeeded
  kvmig: {sourceNode: n1, targetNode: n2, result: {totalMs: 4700, message: "autostart could not be set on n2"}}
  conditions: [{type: kvmig.io/Alarm, status: "True", reason: KVMIG-ALARM-COPY-LEFT, message: "a paused copy is left"}]
END
# web-1 has not ended then
: >on.err
kvmig migrate --resume "$id" --wait --timeout 120s >on.out 2>on.err &
batch=$!
expect 'what went wrong' wait_for grep -qF "VM 'web-2' is on 'n2' now: moved from 'n1' in 4.7 s; autostart could not be set on n2" on.err
expect 'the alarm' wait_for grep -qF "warning: VM 'web-2': a paused copy is left [KVMIG-ALARM-COPY-LEFT]" on.err
kill -TERM $batch
wait $batch || :

test_case 'several: a batch is gone on with as it was begun'
several | fresh
run kvmig migrate web-1 web-2 --max-parallel 1 --timeout 1s --check=warn
id=$(sed -n 's/^kvmig: batch \([a-z0-9]*\):.*/\1/p' "$err")
for words in '--check=off' '--schedule-timeout 5m' '--order name'; do
	# shellcheck disable=SC2086 # words
	run kvmig migrate --resume "$id" $words
	expect_status 2
	expect_stderr_has '--resume goes on as the batch was begun'
done
run kvmig migrate --resume "$id" --timeout 300ms
expect_stderr_has "batch $id was begun with --check=warn, and goes on with it"

test_case 'several: Ctrl-C names what was not started'
several | fresh
kvmig migrate web-1 web-2 web-3 --max-parallel 1 --wait >first.out 2>first.err &
batch=$!
expect 'one is started' wait_for grep -q web-1 first.out
kill -INT $batch
wait $batch && status=0 || status=$?
expect 'status 130' [ "$status" -eq 130 ]
expect 'named' grep -q '^warning: not started: web-2, web-3' first.err
run kvmig migrate --resume "$(sed -n 's/^kvmig: batch \([a-z0-9]*\):.*/\1/p' first.err)" --timeout 300ms
# The controller may have found out meanwhile that nobody answers at these hosts: then web-1 has ended, and no node fits.
expect "status $status" [ "$status" -eq 6 -o "$status" -eq 1 ]
expect 'one at a time, as before' grep -qE ' [23] VMs, 1 at a time' "$err"

test_case 'several: judged at its turn: no node fits any more, for a reason that is told'
several | fresh
kvmig migrate web-1 web-2 --max-parallel 1 >turn.out 2>turn.err &
batch=$!
expect 'one is started' wait_for grep -q '^web-1 ' turn.out
expect 'the controller finds out that nobody answers at these hosts' wait_for none_is_ready
run kvmig cancel web-1 -q --timeout 120s
wait $batch && status=0 || status=$?
expect 'none moved, none under way' [ "$status" -eq 1 ]
# Where that took long, the hosts are read anew at its turn, and its own node is what is said first.
expect 'the other one is told why' grep -qE "VM 'web-2'.*(not ready: .*KVMIG-PEND-NO-TARGET|KVMIG-BLK-SOURCE-UNREACHABLE)" turn.err

test_case 'several: a dry run changes nothing'
several | fresh
run kvmig migrate web-1 web-3 idle --dry-run
expect_status 4
expect_stdout_has 'KVMIG-BLK-NOT-RUNNING'
run kvmig get vmim -o json
expect_json '.items | length' 0

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
expect 'the others say why' [ "$(grep -lE 'KVMIG-BLK-IN-FLIGHT|KVMIG-PEND-NO-TARGET|cannot be asked' err.[0-9]* | wc -l)" -eq 11 ]

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
kvmig migrate web-1 --wait >"$out" 2>"$err" &
follower=$!
expect 'it is followed' wait_for grep -q 'web-1: Pending' "$err"
kill -INT $follower
wait $follower && status=0 || status=$?
expect_status 130
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
