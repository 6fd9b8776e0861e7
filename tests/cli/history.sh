#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq

test_case 'no record yet'
run_tty 'kvmig history'
expect_status 0
expect_stdout_has 'no migrations on record'
run kvmig history
expect_stdout_lacks 'no migrations'
expect_stderr_has 'no migrations on record'
run kvmig history -q
expect_no_stderr

test_case 'what has ended is on record, after the object has gone'
# One that is cancelled while it waits leaves a record too.
{ host n1; host n2; vm web-1 n1; vm web-2 n1; migration m-1 web-1 Pending; migration m-2 web-2 Pending; } | fresh
run kvmig cancel web-1 web-2 --timeout 120s
expect_status 0
run kvmig status -o json
expect_json '.items | length' 0
run kvmig history
expect_status 0
expect_stdout_has 'WHEN'
expect_stdout_has 'KVMIG-FAIL-CANCELLED'
expect 'both' [ "$(grep -c KVMIG-FAIL-CANCELLED "$out")" -eq 2 ]

test_case 'of one VM, of one migration, by id'
run kvmig history web-2 -o json
expect_json .kind MigrationRecordList
expect_json '[.items[].vm] | join(",")' web-2
run kvmig history m-1 -o json
expect_json '[.items[].vm] | join(",")' web-1
run kvmig history virtualmachineinstancemigration.kubevirt.io/m-1 -o name
expect_stdout_has virtualmachineinstancemigration.kubevirt.io/m-1
run_tty 'kvmig history web-9'
expect_status 0
expect_stdout_has "no migrations on record of 'web-9'"

test_case '--since, --failed, --limit, --context'
run kvmig history --since 1h --failed --limit 1 --context local -o json
expect_status 0
expect_json '.items | length' 1
expect_json '.items[0].context' local/default
run kvmig history --since 2036-01-01 -o json
expect_json '.items | length' 0
run kvmig history --since 2020-01-01T00:00:00Z -o json
expect_json '.items | length' 2
run kvmig history --context lab -o json
expect_json '.items | length' 0
run kvmig history --since yesterday
expect_status 2
expect_stderr_has "'yesterday'"

test_case 'it outlives the cluster'
end_controllers
rm -rf "$XDG_STATE_HOME/kvmig/local"
run kvmig history -A -o json
expect_json '.items | length' 2

test_case 'no HOME'
run env -u XDG_STATE_HOME HOME=relative kvmig history
expect 'no crash' [ "$status" -le 8 ]

done_testing
