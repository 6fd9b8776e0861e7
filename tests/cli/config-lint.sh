#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
put() { "$build/tests/cli/put-object" local; }
found() { # REASON: what is said of it, and what mends it
	jq -r ".items[] | select(.reason == \"KVMIG-LINT-CONFIG-$1\") | .$2" "$out"
}
reasons() { # the reasons that were found, one word each
	jq -r '[.items[].reason | ltrimstr("KVMIG-LINT-CONFIG-")] | join(" ")' "$out"
}
expect_reasons() {
	expect "found: $(reasons)" test "$(reasons)" = "$1"
}
# What a finding names as its fix is typed as it stands; then the finding is gone.
mend() { # REASON
	fix=$(found "$1" fix | head -n 1)
	expect "a fix for $1" test -n "$fix"
	run sh -c "$fix"
	expect_status 0
	run kvmig config lint -o json
	expect "it is still there after: $fix" test -z "$(found "$1" fix | grep -xF -e "$fix")"
}
start() { # KEY=VALUE…: settings that nothing can be said against, and these
	kvmig config preset default -q 2>/dev/null
	kvmig config set -q parallelOutboundMigrationsPerNode=1 2>/dev/null
	[ $# = 0 ] || kvmig config set -q "$@" 2>/dev/null
	run kvmig config lint -o json
}
put </dev/null

test_case 'defaults: several migrations from a node, and no cap'
run kvmig config lint -o json
expect_status 1
expect_json .kind SettingFindingList
expect_reasons NO-CAP
expect_json '.items[0].evidence | map("\(.key)=\(.text) \(.origin)") | join(", ")' \
	'parallelOutboundMigrationsPerNode=2 default, bandwidthPerMigration=unlimited default'
expect_json '.items[0].fix' 'kvmig config set parallelOutboundMigrationsPerNode=1'
mend NO-CAP

test_case 'nothing to object to'
run kvmig config lint
expect_status 0
expect_stderr_has 'nothing to object to in the settings'

test_case 'a limit of 0'
start parallelMigrationsPerCluster=0 parallelOutboundMigrationsPerNode=0
expect_reasons 'LIMIT-ZERO LIMIT-ZERO'
mend LIMIT-ZERO
mend LIMIT-ZERO

test_case 'a time of hours, and none at all'
start completionTimeoutPerGiB=800
expect_status 1
expect_reasons TIMEOUT-LONG
expect_json '.items[0].message' 'a VM of 64 GiB that does not converge is copied for 14h13m before it is cancelled'
mend TIMEOUT-LONG
expect_status 0
start completionTimeoutPerGiB=0
expect_reasons NO-TIMEOUT
mend NO-TIMEOUT
expect_status 0

test_case 'over before the memory can have been copied once'
start completionTimeoutPerGiB=20 bandwidthPerMigration=32Mi
expect_reasons TIMEOUT-SHORT
expect_json '.items[0].message' 'a VM of 64 GiB is cancelled after 21m20s, while to copy its memory once takes 34m08s at 32 MiB/s'
expect_json '.items[0].evidence | map("\(.key)=\(.text) \(.origin)") | join(", ")' \
	'completionTimeoutPerGiB=20 s/GiB HyperConverged, bandwidthPerMigration=32 MiB/s HyperConverged'
mend TIMEOUT-SHORT
expect_status 0

test_case 'so slow that the cap has to go up'
start bandwidthPerMigration=1Mi
mend TIMEOUT-SHORT
expect_status 0
run kvmig config view bandwidthPerMigration -o json
expect_json '.items[0].text' '64 MiB/s'
start completionTimeoutPerGiB=800 bandwidthPerMigration=1Mi
mend TIMEOUT-LONG
expect_status 0

test_case 'what nothing acts upon yet makes no other finding'
start allowPostCopy=true allowAutoConverge=true
if [ "$(found NO-EFFECT key | head -n 1)" = allowPostCopy ]; then
	expect_reasons 'NO-EFFECT NO-EFFECT'
	mend NO-EFFECT
fi
mend NO-EFFECT
expect_status 0

test_case 'more than one finding: on the screen, and for scripts'
start parallelOutboundMigrationsPerNode=2 completionTimeoutPerGiB=800
run kvmig config lint
expect_status 1
expect 'the row' grep -qE '^completionTimeoutPerGiB +KVMIG-LINT-CONFIG-TIMEOUT-LONG +a VM of 64 GiB .* kvmig config set completionTimeoutPerGiB=150$' "$out"
expect_stdout_lacks EVIDENCE
run kvmig config lint -o wide
expect_stdout_has 'completionTimeoutPerGiB=800 s/GiB (HyperConverged)'
run kvmig config lint -o name
expect_stdout <<END
parallelOutboundMigrationsPerNode
completionTimeoutPerGiB
END
run kvmig config lint -o yaml
expect_stdout_has 'reason: KVMIG-LINT-CONFIG-NO-CAP'

test_case 'the fix finds the cluster that was asked about'
kvmig --context local/other node add -q n9 --uri "qemu+unix:///system?socket=$work/none" 2>/dev/null
run kvmig --context local/other config lint -o json
expect_json '.items[0].fix' 'kvmig --context local/other config set parallelOutboundMigrationsPerNode=1'
mend_other=$(jq -r '.items[0].fix' "$out")
run sh -c "$mend_other"
run kvmig --context local/other config lint
expect_status 0

test_case 'migrations under way that keep what they began with'
start bandwidthPerMigration=64Mi
migration() { # NAME PHASE POLICY BANDWIDTH
	cat <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: $1, namespace: default}
spec: {vmiName: vm-$1}
status:
  phase: $2
  migrationState:
    $3
    migrationConfiguration: {bandwidthPerMigration: $4, completionTimeoutPerGiB: 150, progressTimeout: 150, disableTLS: false}
---
END
}
{
	migration old Running '' 1Mi
	migration new Running '' 64Mi
	migration ended Failed '' 1Mi
	migration by-policy Running 'migrationPolicyName: slow' 1Mi
	migration older-policy Running 'migrationPolicyName: slow' 2Mi
	migration gone-policy Running 'migrationPolicyName: gone' 2Mi
} | put
kvmig policy create -q slow --vm-label speed=slow --set bandwidthPerMigration=1Mi 2>/dev/null
run kvmig config lint -o json
expect_status 1
expect_reasons 'IN-FLIGHT IN-FLIGHT'
expect_json '.items | map(.migration) | join(" ")' 'old older-policy'
expect_json '.items[0].message' "migration 'default/old' of VM 'vm-old' keeps what it began with: bandwidthPerMigration 1 MiB/s (now 64 MiB/s)"
expect_json '.items[0].evidence[0] | "\(.inMigration) \(.text) \(.origin)"' '1 MiB/s 64 MiB/s HyperConverged'
expect_json '.items[1].evidence[0] | "\(.inMigration) \(.text) \(.origin)"' '2 MiB/s 1 MiB/s policy'
expect_json '.items[0].fix' 'kvmig cancel -n default old'
run kvmig config lint -o wide
expect_stdout_has 'bandwidthPerMigration=1 MiB/s, now 64 MiB/s (HyperConverged)'

test_case 'the documents have the fields that the manual names'
kvmig config lint -o json >findings.json 2>/dev/null
expect_documented SettingFindingList findings.json

test_case 'operands and a cluster that is not there'
run kvmig config lint allowPostCopy
expect_status 2
run kvmig --context local/none config lint
expect_status 1
expect_no_stdout

done_testing
