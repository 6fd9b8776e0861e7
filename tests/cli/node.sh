#!/bin/sh
# Nodes whose daemons do not answer; those that do are in the lab's suite.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
uri="qemu+unix:///system?socket=$work/none"
put() { "$build/tests/cli/put-object" local; }

test_case 'without a cluster: what to do'
run kvmig node list
expect_status 1
expect_stderr_has 'kvmig node add'

test_case 'the first node makes the cluster, also where it cannot be reached'
run kvmig node add n1 --uri "$uri" --migration-address 192.0.2.1 --label zone=a --label disk=ssd
expect_status 0
expect_no_stdout
expect_stderr_has 'context local/default'
expect_stderr_has "warning: node 'n1' is added, but cannot be reached now: "

test_case 'list shows it, with a warning'
run kvmig node list
expect_status 0
expect 'the row' grep -qE '^n1 +NotReady ' "$out"
expect_stderr_has "warning: node 'n1' does not answer: "

test_case 'the object'
run kvmig node show n1 -o json
expect_json .kind Host
expect_json .apiVersion kvmig.io/v1
expect_json .spec.uri "$uri"
expect_json .spec.migrationAddress 192.0.2.1
expect_json .metadata.labels.zone a
expect_json '.status.conditions[] | select(.type == "Ready") | .status' False

test_case 'the description'
run kvmig node show n1
expect_status 0
expect_stdout_has 'Migration address:  192.0.2.1'
expect_stdout_has 'zone=a'

test_case 'names only'
run kvmig node list -o name
expect_stdout <<END
host.kvmig.io/n1
END

test_case 'added twice'
run kvmig node add n1 --uri qemu+tls://n1.example/system
expect_status 8
expect_stderr_has "there is a node 'n1' already"
expect_stderr_has 'hint: '

test_case 'the same daemon under another name'
run kvmig node add n2 --uri "$uri"
expect_status 3
expect_stderr_has "is the node 'n1' already"

for bad in 'qemu+ext:///system?command=/bin/sh' 'qemu+ssh://n/system?netcat=/bin/sh' 'qemu+tls://n/system?no_verify=1' \
	'qemu+tls://n/system?command=x' 'qemu+tcp://n/system' 'xen:///system' 'not a uri' 'http://n/'; do
	test_case "refused: $bad"
	run kvmig node add bad --uri "$bad"
	expect "a failure was expected" test "$status" -ne 0
	expect_stderr_has --uri
	expect_stderr_has 'hint: '
	run kvmig node add bad --uri qemu+tls://n/system --peer-uri "$bad"
	expect "a failure was expected" test "$status" -ne 0
	expect_stderr_has --peer-uri
done

test_case 'tcp only with the word for it'
run kvmig node add n2 --uri qemu+tcp://127.0.0.1:1/system --allow-tcp
expect_status 0
run kvmig node show n2 -o json
expect_json .spec.allowTCP true

test_case 'an address that is none'
run kvmig node add n3 --uri qemu+tls://n3/system --migration-address 'a b'
expect_status 2
expect_stderr_has '--migration-address'

test_case 'a name that is none'
run kvmig node add 'N 3' --uri qemu+tls://n3/system
expect_status 2
expect_stderr_has "'N 3'"

test_case 'no --uri'
run kvmig node add n3
expect_status 2
expect_stderr_has --uri

test_case 'a local URI is of no use to the others, with an address for the memory too'
for more in '' '--migration-address 192.0.2.3'; do
	# shellcheck disable=SC2086 # words
	run kvmig node add n3 --uri "qemu+unix:///system?socket=$work/none3" $more
	expect_status 0
	expect_stderr_has 'other hosts cannot reach'
	expect_stderr_has 'hint: tell how they reach it'
	expect_stderr_has '--peer-uri qemu+tls://'
	run kvmig node remove n3
	expect_status 0
done
run kvmig node add n3 --uri "qemu+unix:///system?socket=$work/none3" --peer-uri qemu+tls://n3/system
expect_stderr_lacks 'other hosts cannot reach'
run kvmig node remove n3

test_case 'labels'
run kvmig node label n1 zone=b
expect_status 8
expect_stderr_has --overwrite
run kvmig node label n1 zone=b disk- rack=4 --overwrite
expect_status 0
run kvmig node show n1 -o json
expect_json '.metadata.labels | "\(.zone) \(.disk) \(.rack)"' 'b null 4'

test_case 'labels of the inventory are not for people'
for label in kubernetes.io/hostname=x kubevirt.io/schedulable=true cpu-model.node.kubevirt.io/EPYC=true; do
	run kvmig node label n1 "$label"
	expect_status 3
	run kvmig node add n9 --uri qemu+tls://n9/system --label "$label"
	expect_status 3
done

test_case 'bad labels'
run kvmig node label n1 'a b=c'
expect "a failure was expected" test "$status" -ne 0
run kvmig node label n1 zone
expect "a failure was expected" test "$status" -ne 0

test_case 'list by label'
run kvmig node list --selector zone=b -o json
expect_json '[.items[].metadata.name] | join(" ")' n1
expect_json .kind HostList
run kvmig node list -l zone=z
expect_status 0
expect_stderr_has 'no nodes match'
run kvmig node list -l 'zone in'
expect "a failure was expected" test "$status" -ne 0

test_case 'cordon and uncordon, each twice'
run kvmig node cordon n1 n2
expect_status 0
run kvmig node list --no-headers
expect 'both rows' test "$(grep -c 'NotReady,SchedulingDisabled' "$out")" = 2
run kvmig node cordon n1
expect_status 0
expect_stderr_has 'cordoned already'
run kvmig node uncordon n1
expect_status 0
run kvmig node uncordon n1
expect_status 0
run kvmig node show n1 -o json
expect_json .spec.unschedulable null

test_case 'of several names all are checked first'
run kvmig node cordon n1 nope
expect_status 1
run kvmig node show n1 -o json
expect_json .spec.unschedulable null

test_case 'no such node'
for command in show cordon uncordon remove; do
	run kvmig node $command n11
	expect_status 1
	expect_stderr_has "there is no node 'n11'"
	expect_stderr_has "did you mean 'n1'"
done
run kvmig node label n11 a=b
expect_status 1

test_case '--read-only reads, and changes nothing'
run kvmig node list --read-only -o json
expect_status 0
expect_json '.items | length' 2
run kvmig node cordon n1 --read-only
expect_status 7

put <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web, namespace: default}
spec: {domain: {memory: {guest: 1Gi}}}
status:
  domainUUID: 11111111-2222-4333-8444-555555555555
  nodeName: n1
  phase: Running
  copies: [{node: n1, state: running, reason: booted, incoming: false}]
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: m1, namespace: default}
spec: {vmiName: web}
status: {phase: Running, kvmig: {sourceNode: n1, targetNode: n2}}
END

test_case 'a node with VMs, or that a migration uses, is not removed'
run kvmig node remove n1
expect_status 3
expect_stderr_has "1 VM is there: 'web'"
run kvmig node remove n2
expect_status 3
expect_stderr_has "migration 'm1' of 'web' uses it"
run kvmig node list -o json
expect_json '.items | length' 2

test_case '--force removes it, says what becomes of the migration, and takes its VMs from the list'
run kvmig node remove n1 --force
expect_status 0
expect_stderr_has "warning: migration 'm1' of VM 'web' from 'n1' to 'n2' is under way: libvirt goes on with it, but kvmig"
expect_stderr_has "hint: 'kvmig node add n1' with the same URI"
run kvmig node list -o name
expect_stdout <<END
host.kvmig.io/n2
END
run kvmig vm list -o json
expect_json '.items | length' 0

done_testing
