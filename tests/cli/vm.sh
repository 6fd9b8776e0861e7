#!/bin/sh
# VMs as the store has them; those of real hosts are in the lab's suite.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
put() { "$build/tests/cli/put-object" local; }
# A host that did not answer is asked again after a second, and not before.
look_again() { sleep 1.2; }

run kvmig node add n1 --uri "qemu+unix:///system?socket=$work/none"
put <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata:
  name: web-01-old
  namespace: default
  labels: {app: web, kvmig.io/domain-uuid: 11111111-2222-4333-8444-555555555555}
  annotations: {kvmig.io/domain-name: "Web_01 (old)"}
spec: {architecture: amd64, domain: {memory: {guest: 1Gi}}, nodeSelector: {zone: a}}
status:
  domainUUID: 11111111-2222-4333-8444-555555555555
  nodeName: n1
  phase: Running
  domainState: running
  copies: [{node: n1, state: running, reason: booted, incoming: false}]
  conditions:
  - {type: LiveMigratable, status: "False", reason: HostDeviceNotLiveMigratable, message: "a \x1b[31mGPU", lastTransitionTime: "2026-01-01T00:00:00Z"}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: db, namespace: prod, labels: {app: db}}
spec: {domain: {memory: {guest: 2Gi}}}
status: {domainUUID: 99999999-2222-4333-8444-555555555555, nodeName: n2, phase: Succeeded}
END

test_case 'list, one namespace'
look_again
run kvmig vm list
expect_status 0
expect 'the headings' grep -qE '^NAME +STATUS +NODE +AGE +MEMORY +MIGRATABLE' "$out"
expect 'the row' grep -qE '^web-01-old +Unknown +n1 .*1 GiB +HostDeviceNotLiveMigratable' "$out"
expect_stdout_lacks db
expect_stderr_has "node 'n1' does not answer"

test_case 'list, all namespaces'
run kvmig vm list -A
expect 'the headings' grep -q '^NAMESPACE' "$out"
expect 'the row' grep -qE '^prod +db +Stopped +n2' "$out"

test_case 'wide'
run kvmig vm list -o wide
expect_stdout_has 'Web_01 (old)'
expect_stdout_has 11111111-2222-4333-8444-555555555555
expect_stdout_has app=web

test_case 'by label and by node'
run kvmig vm list -A --selector app=db -o name
expect_stdout <<END
virtualmachineinstance.kubevirt.io/db
END
run kvmig vm list -A --node n1 -o json
expect_json '[.items[].metadata.name] | join(" ")' web-01-old
run kvmig vm list --node nope
expect_status 1
expect_stderr_has "there is no node 'nope'"

test_case 'none is no error'
run kvmig vm list -n empty
expect_status 0
expect_stderr_has "no VMs found in namespace 'empty'"

test_case 'show by name, by the raw name, by UUID'
for word in web-01-old 'Web_01 (old)' 11111111-2222-4333-8444-555555555555; do
	run kvmig vm show "$word" -o json
	expect_status 0
	expect_json .metadata.name web-01-old
done

test_case 'the description is harmless for the terminal'
run kvmig vm show web-01-old
expect_status 0
expect_stdout_has 'Domain:             Web_01 (old)'
expect_stdout_has 'Node selector:      zone=a'
expect_stdout_has 'LiveMigratable:     False, HostDeviceNotLiveMigratable'
expect 'no escape' test "$(tr -cd '\033' <"$out" | wc -c)" = 0

test_case 'what is no namespace and no selector'
run kvmig -n Bad_ vm list
expect_status 2
expect_stderr_has "namespace 'Bad_'"
run kvmig vm list -l 'a=('
expect_status 2
expect_stderr_has "selector 'a=('"

test_case 'no such VM'
run kvmig vm show web-01-odl
expect_status 1
expect_stderr_has "there is no VM 'web-01-odl' in namespace 'default'"
expect_stderr_has "did you mean 'web-01-old'"
run kvmig vm show db
expect_status 1

test_case 'labels are stored, and it is said that the domain has them not'
run kvmig vm label web-01-old tier=front app-
expect_status 0
expect_stderr_has 'not yet in the domain'
run kvmig vm show web-01-old -o json
expect_json '.metadata.labels | "\(.tier) \(.app)"' 'front null'

test_case 'a label that is not there: nothing is labelled, and it is said'
run kvmig vm label web-01-old nosuch-
expect_status 0
expect_stderr_has "VM 'web-01-old' has no label 'nosuch'"
expect_stderr_has "VM 'web-01-old' unchanged"
expect_stderr_lacks labelled
run kvmig vm label web-01-old tier=front
expect_stderr_has unchanged

test_case 'show: the migration and the policy'
run kvmig vm show web-01-old
expect 'none' grep -qE '^Migration: +-$' "$out"
expect 'none' grep -qE '^Policy: +none$' "$out"
kvmig -q policy create front --vm-label tier=front
kvmig -q policy create elsewhere --vm-label tier=front,kubevirt.io/migrationTargetNodeName=n9
put <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: m-new, namespace: default}
spec: {vmiName: web-01-old}
status: {phase: Failed, migrationState: {sourceNode: n1, targetNode: n2, migrationPolicyName: front}}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: m-other, namespace: default}
spec: {vmiName: web-02}
END
run kvmig vm show web-01-old
expect 'the last one' grep -qE '^Migration: +m-new, Failed, n1 to n2, policy front$' "$out"
expect 'the doubt' grep -qE "^Policy: +not known: 'kvmig policy explain -n default web-01-old'" "$out"
kvmig -q policy delete elsewhere
run kvmig vm show web-01-old
expect 'the next one' grep -qE '^Policy: +front$' "$out"
kvmig -q policy delete front

test_case 'changing a label needs --overwrite'
run kvmig vm label web-01-old tier=back
expect_status 8
run kvmig vm label web-01-old tier=back --overwrite
expect_status 0

test_case 'labels of the inventory are not for people'
run kvmig vm label web-01-old kubevirt.io/nodeName=n2
expect_status 3

test_case 'there is no template here'
run kvmig vm label web-01-old x=y --template-only
expect_status 2
expect_stderr_has "VMs have no template in 'local/default'"

test_case 'label needs a label'
run kvmig vm label web-01-old
expect_status 2

test_case 'of a VM whose host is silent nobody knows whether it can be migrated'
put <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: quiet, namespace: silent}
spec: {domain: {memory: {guest: 1Gi}}}
status:
  domainUUID: 77777777-2222-4333-8444-555555555555
  nodeName: n1
  phase: Running
  domainState: running
  copies: [{node: n1, state: running, reason: booted, incoming: false}]
  conditions:
  - {type: LiveMigratable, status: "True", reason: Test, message: ""}
END
look_again
run kvmig vm list -n silent
expect 'the row' grep -qE '^quiet +Unknown +n1 .* Unknown$' "$out"

done_testing
