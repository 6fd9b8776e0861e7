#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
KVMIG_CONTEXT=local
export KVMIG_CONTEXT
run kvmig node add n1 --uri "qemu+unix:///system?socket=$work/none"
printf 'apiVersion: migrations.kubevirt.io/v1alpha1\nkind: MigrationPolicy\nmetadata: {name: p, labels: {old: x}}\nspec: {selectors: {}}\n' >p.yaml
kvmig apply -q -f p.yaml >/dev/null

test_case 'dry run'
run kvmig label migrationpolicy p team=a --dry-run
expect_status 0
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/p labelled (dry run)
END
run kvmig get migrationpolicy p -o json
expect_json '.metadata.labels | keys | join(" ")' old

test_case 'set and remove'
run kvmig label migrationpolicy p team=a empty= old-
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/p labelled
END
run kvmig get migrationpolicy p -o json
expect_json '.metadata.labels | to_entries | map(.key + "=" + .value) | sort | join(" ")' 'empty= team=a'

test_case 'nothing to do'
run kvmig label migrationpolicy/p team=a gone-
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/p unchanged
END

test_case 'another value needs --overwrite'
run kvmig label migrationpolicy p team=b
expect_status 8
expect_stderr_has 'already has the label team=a'
expect_stderr_has --overwrite
run kvmig label migrationpolicy p team=b --overwrite
expect_status 0

test_case 'words'
run kvmig label migrationpolicy p
expect_status 2
expect_stderr_has 'no label is given'
run kvmig label a=b c=d
expect_status 2
run kvmig label migrationpolicy a=b
expect_status 2
run kvmig label migrationpolicy p 'a b=c'
expect_status 2
run kvmig label migrationpolicy p 'a=b c'
expect_status 2
run kvmig label migrationpolicy gone a=b
expect_status 1

test_case 'a node, and what is read from it'
run kvmig label node n1 zone=b
expect_status 0
run kvmig get nodes -l zone=b -o name
expect_stdout_has host.kvmig.io/n1
run kvmig label node n1 kubernetes.io/arch=arm64
expect_status 3

test_case 'a VM: in its domain too, once its host answers'
"$build/tests/cli/put-object" local <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web-1, namespace: default, labels: {kvmig.io/domain-uuid: 11111111-2222-4333-8444-555555555555}}
spec: {domain: {memory: {guest: 1Gi}}}
status: {phase: Running, nodeName: n1, domainUUID: 11111111-2222-4333-8444-555555555555, copies: [{node: n1, state: running, reason: booted, incoming: false}]}
END
run kvmig label vmi web-1 app=web
expect_status 0
expect_stderr_has 'not yet in the domain'
run kvmig label vmi web-1 kubevirt.io/nodeName=n2 --overwrite
expect_status 3
done_testing
