#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq

is_running='{sourceNode: n1, targetNode: n2, step: running, settings: {policy: gold, bandwidthBytesPerSecond: 67108864,
  disableTLS: true}, domainUUID: 11111111-0000-0000-0000-7765622d3100,
  progress: {elapsedMs: 5000, memoryTotalBytes: 4294967296, memoryProcessedBytes: 1073741824,
  memoryRemainingBytes: 3221225472, bandwidthBytesPerSecond: 67108864, dirtyRateBytesPerSecond: 220200960, iteration: 1},
  deadline: {at: "2036-01-01T00:00:00Z", action: cancel, reason: KVMIG-FAIL-COMPLETION-TIMEOUT}}'
is_waiting='{waiting: {reason: KVMIG-PEND-CLUSTER-LIMIT, position: 2, of: 7,
  message: "5 of 5 migrations run in the cluster: a, b, c, d, e"}}'
is_failed='{sourceNode: n1, targetNode: n2, result: {reason: KVMIG-FAIL-LIBVIRT, endState: running/none,
  message: "Unable to read from monitor: Connection reset by peer", totalMs: 900, hint: "read the log of n2"}}'
is_moved='{sourceNode: n1, targetNode: n2, result: {endState: none/running, totalMs: 4700, downtimeMs: 38,
  memoryProcessedBytes: 1288490188, iterations: 3}}'
all() {
	usual
	vm web-2 n1
	vm idle n1
	migration m-done web-1 Succeeded "$is_moved"
	migration m-failed web-2 Failed "$is_failed"
	migration m-run web-1 Running "$is_running"
	migration m-wait web-2 Pending "$is_waiting"
}

test_case 'nothing there'
usual | fresh
run kvmig status
expect_status 0
expect_stderr_has 'no migrations'

test_case 'the table: unfinished first'
all | fresh
run kvmig status --read-only
expect_status 0
expect 'unfinished first' sh -c 'sed -n 2,3p "$1" | grep -c -e m-run -e m-wait | grep -qx 2' sh "$out"
expect_stdout_has '25 %'
expect_stdout_has 'KVMIG-PEND-CLUSTER-LIMIT'
expect_stdout_has 'KVMIG-FAIL-LIBVIRT'
run kvmig status -o wide --read-only
expect_stdout_has '210 MiB/s'
expect_stdout_has 'NAMESPACE'

test_case 'without a controller it says so; --read-only starts none'
all | fresh
run kvmig status --read-only
expect_stderr_has 'no controller runs'
expect_stderr_has 'KVMIG-PEND-NO-CONTROLLER'
expect 'none was started' [ ! -e "$XDG_STATE_HOME/kvmig/local/default/controller.log" ]
run kvmig status m-run --read-only
expect_stderr_has 'KVMIG-PEND-NO-CONTROLLER'

test_case 'without one it starts one'
all | fresh
run kvmig status m-run
expect_stderr_has 'one is started now'
expect 'it runs' [ -s "$XDG_STATE_HOME/kvmig/local/default/controller.lock" ]
run kvmig status m-run
expect_stderr_lacks 'no controller'

test_case 'its VM has gone while it waited'
{ usual; migration m-gone gone Pending; } | fresh
run kvmig status -w m-gone
expect_status 1
expect_stderr_has "there is no VM 'default/gone' [KVMIG-FAIL-VM-GONE]"

test_case 'all about one that runs'
all | fresh
run kvmig status web-1 --read-only
expect_status 0
expect_stdout_has 'm-run'
expect_stdout_has '25 %'
expect_stdout_has '3 GiB'
expect_stdout_has '64 MiB/s'
expect_stdout_has '210 MiB/s'
expect_stdout_has '2036-01-01T00:00:00Z'
expect_stdout_has 'then cancel [KVMIG-FAIL-COMPLETION-TIMEOUT]'
expect 'the policy' grep -qE '^Policy: +gold$' "$out"
expect 'its cap' grep -qE '^Bandwidth: +at most 64 MiB/s$' "$out"
expect_stdout_has 'disableTLS is set'

test_case 'all about one that waits'
all | fresh
run kvmig status m-wait --read-only
expect_stdout_has '5 of 5 migrations run in the cluster: a, b, c, d, e [KVMIG-PEND-CLUSTER-LIMIT]'
expect_stdout_has '2 of 7'
expect_stdout_has 'raise the limit'

test_case 'the time that is left where no node fits'
has_deadline() {
	run kvmig status web-1 -o json
	jq -e .deadline "$out" >/dev/null
}
{ host n1; vm web-1 n1; } | fresh
run kvmig migrate web-1 --check off --schedule-timeout 1h -q
expect 'it is in the object' wait_for has_deadline
expect_json '"\(.waiting.reason) \(.deadline.action) \(.deadline.reason)"' \
	'KVMIG-PEND-NO-TARGET fail KVMIG-FAIL-NO-TARGET-TIMEOUT'
run kvmig status web-1
expect 'and shown' grep -qE '^Deadline: .*, in (59m[0-9 ]*s?|1h.*): then fail \[KVMIG-FAIL-NO-TARGET-TIMEOUT\]$' "$out"
expect_status 0

test_case 'the policy of one that waits: that of a hand-over now, and marked so'
{ usual; (labels='tier: front' && vm web-2 n1); migration m-1 web-2 Pending; } | fresh
run kvmig status m-1 --read-only
expect 'none' grep -qE '^Policy: +none, if it were handed over now$' "$out"
kvmig policy create -q front --vm-label tier=front
run kvmig status m-1 --read-only
expect 'the one that would win' grep -qE '^Policy: +front, if it were handed over now$' "$out"
run kvmig status m-1 --read-only -o json
expect_json '"\(.policyAhead | tojson) \(has("settings"))"' '{"certain":true,"name":"front"} false'
kvmig policy create -q going --vm-label tier=front,kubevirt.io/migrationTargetNodeName=n2
run kvmig status m-1 --read-only
expect_stdout_has "chosen at the hand-over; 'kvmig policy explain -n default web-2' tells"
run kvmig status m-1 --read-only -o json
expect_json .policyAhead.certain false

test_case 'all about one that failed'
all | fresh
run kvmig status m-failed
expect_status 0
expect_stdout_has 'Connection reset by peer'
expect_stdout_has '(source/target: running/none)'
expect_stdout_has 'read the log of n2'
expect_stderr_lacks 'no controller'

test_case 'all about one that moved the VM, by its id'
all | fresh
run kvmig status virtualmachineinstancemigration.kubevirt.io/m-done
expect_stdout_has "VM 'web-1' is on 'n2' now: moved from 'n1' in 4.7 s, 1.2 GiB copied, downtime 38 ms as libvirt measured it"

test_case 'what went wrong beside a success, and what a person must look at'
{ usual; migration m-1 web-1 Succeeded '{sourceNode: n1, targetNode: n2, result: {endState: paused/running, totalMs: 4700,
	message: "autostart could not be set on n2"}}'
  echo '  conditions: [{type: kvmig.io/Alarm, status: "True", reason: KVMIG-ALARM-COPY-LEFT, message: "a paused copy is left"}]'; } | fresh
run kvmig status m-1 --read-only
expect_stdout_has "moved from 'n1' in 4.7 s; autostart could not be set on n2"
run kvmig status -w m-1 --read-only
expect_status 0
expect_stderr_has "VM 'web-1' is on 'n2' now: moved from 'n1' in 4.7 s; autostart could not be set on n2"
expect_stderr_has "warning: VM 'web-1': a paused copy is left [KVMIG-ALARM-COPY-LEFT]"
{ usual; migration m-1 web-1 Failed '{sourceNode: n1, targetNode: n2, result: {endState: running/paused,
	reason: KVMIG-ALARM-COPY-LEFT, message: "a paused copy is left"}}'
  echo '  conditions: [{type: kvmig.io/Alarm, status: "True", reason: KVMIG-ALARM-COPY-LEFT, message: "a paused copy is left"}]'; } | fresh
run kvmig status -w m-1 --read-only
expect_status 1
expect 'said once' [ "$(grep -c 'a paused copy is left' "$err")" -eq 1 ]

test_case 'JSON: units in the names'
all | fresh
run kvmig status -o json --read-only
expect_json .apiVersion kvmig.io/v1
expect_json .kind MigrationStatusList
expect_json '.items | length' 4
expect_json '.items[] | select(.name == "m-run") | .progress.bandwidthBytesPerSecond' 67108864
expect_json '.items[] | select(.name == "m-run") | .progress.percent' 25
expect_json '.items[] | select(.name == "m-done") | .result.downtimeMs' 38
run kvmig status m-wait -o json --read-only
expect_json .kind MigrationStatus
expect_json .waiting.position 2
expect_json .final false

test_case 'a VM that was never migrated'
all | fresh
run kvmig status idle
expect_status 0
expect_stdout_has 'n1'
expect_stderr_has "no migration of VM 'idle' is known"

test_case 'no such VM or migration'
all | fresh
run kvmig status web-9
expect_status 1
expect_stderr_has "there is no VM and no migration 'web-9' in namespace 'default'"
expect_stderr_has 'hint: '
run kvmig status virtualmachineinstancemigration.kubevirt.io/m-9
expect_status 1
expect_stderr_has "there is no migration 'm-9'"

test_case 'alarms of nodes and VMs'
{ host n1; host n2 '' False
  (conditions='  - {type: kvmig.io/DuplicateUUID, status: "True", reason: KVMIG-BLK-DUPLICATE-UUID, message: "also on n3"}'
   vm web-1 n1); } | fresh
run kvmig status
expect_stderr_has "node 'n2' is not ready: Connection refused"
expect_stderr_has "VM 'web-1': also on n3 [KVMIG-BLK-DUPLICATE-UUID]"

test_case 'what somebody wrote into a message cannot drive the terminal'
{ usual; migration m-1 web-1 Failed '{result: {message: "\e]0;owned\a", reason: KVMIG-FAIL-LIBVIRT}}'; } | fresh
run kvmig status m-1
expect_status 0
expect 'no escape' sh -c '! grep -q "$(printf "\033")" "$1"' sh "$out"

test_case '--watch of one that has ended: its status'
all | fresh
run kvmig status m-done --watch
expect_status 0
run kvmig status -w m-failed
expect_status 1
expect_stderr_has '[KVMIG-FAIL-LIBVIRT]'

test_case '--watch of the table, until Ctrl-C'
all | fresh
: >"$out"
kvmig status -w --read-only >"$out" 2>"$err" &
watcher=$!
expect 'there are rows' wait_for grep -q 'm-run\|web-1' "$out"
expect 'it hears Ctrl-C' wait_for hears_interrupt $watcher
kill -INT $watcher
wait $watcher && status=0 || status=$?
expect_status 130
expect_stdout_has 'm-run'

test_case '--watch: rows that come later stand under the header'
all | fresh
kvmig status -w --read-only >watch.out 2>watch.err &
watcher=$!
expect 'there are rows' wait_for grep -q '^web-1 ' watch.out
migration kvmig-abcde web-1 PreparingTarget '{sourceNode: n1, targetNode: n2}' |
	"$build/tests/cli/put-object" local >put.log
expect 'a row came' wait_for grep -q '^web-1 .* PreparingTarget ' watch.out
kill -INT $watcher
wait $watcher
column=$(sed -n 1p watch.out | awk '{ print index($0, "FROM") }')
sed 1d watch.out | cut -c "$((column - 1))-" >from
expect 'n1 stands under FROM in each' [ "$(grep -cE '^ (n1|- ) ' from)" -eq "$(grep -c . from)" ]

test_case '--watch sees changes, and ends with the migration'
{ usual; vm web-2 n1; } | fresh
kvmig migrate web-1 -q >name
: >watch.err
timeout 120 kvmig status -w web-1 >watch.out 2>watch.err &
watcher=$!
expect 'it follows' wait_for grep -q 'web-1: ' watch.err
its_child_waits() { # what `timeout` has started
	hears_interrupt "$(ps -o pid= --ppid "$1" | tr -d ' ')"
}
expect 'and waits for news' wait_for its_child_waits $watcher
kvmig cancel web-1 -q --timeout 120s 2>cancel.err
wait $watcher && watched=0 || watched=$?
expect 'ended with the migration, as a failure' [ "$watched" -eq 1 ]
expect 'it says how' grep -q 'cancelled' watch.err

test_case '--watch of one that goes before anybody has begun it'
{ usual; migration m-1 web-1 Pending | sed '/finalizers/d'; } | fresh
: >watch.err
timeout 120 kvmig status -w m-1 --read-only >watch.out 2>watch.err &
watcher=$!
expect 'it follows' wait_for grep -q 'web-1: ' watch.err
kvmig delete vmim m-1 -q 2>delete.err
wait $watcher && watched=0 || watched=$?
expect 'not a success' [ "$watched" -eq 1 ]
expect 'that it is gone' grep -q "migration 'm-1' of VM 'web-1' has ended, and is gone" watch.err
expect 'where to look' grep -q "hint: 'kvmig history m-1'" watch.err

test_case 'no cluster, no HOME, standard output closed'
all | fresh
run sh -c 'kvmig status --read-only >&-'
expect_status 1
run env -u XDG_STATE_HOME HOME=relative kvmig --context local/none status
expect 'an error' [ "$status" -ne 0 ]
rm -rf "$XDG_STATE_HOME"
run kvmig status
expect_status 1
expect_stderr_has 'hint: '

test_case 'of a node that nobody has looked at yet nothing is said'
kvmig --context local/new node add -q n1 --uri "qemu+unix:///system?socket=$work/none" 2>"$work/added"
run kvmig --context local/new node show n1 -o json
jq 'del(.status, .metadata.resourceVersion, .metadata.uid)' "$out" >"$work/host.json"
"$build/tests/cli/put-object" local/fresh-one <"$work/host.json"
run kvmig --context local/fresh-one status
expect_status 0
expect_stderr_lacks 'not ready'
run kvmig --context local/new status
expect_stderr_has "node 'n1' is not ready"
done_testing
