#!/bin/sh
# kvmig create shares all but its last step with apply, whose tests are in apply.sh.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
run kvmig --context local node add n1 --uri "qemu+unix:///system?socket=$work/none"
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n' >ns.yaml

test_case 'created'
run kvmig create --file ns.yaml
expect_status 0
expect_stdout <<END
namespace/prod created
END

test_case 'there already'
run kvmig create -f ns.yaml
expect_status 8
expect_stderr_has "namespace 'prod' exists already"

test_case 'some there already'
printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata: {name: test}\n' >>ns.yaml
run kvmig create -f ns.yaml
expect_status 4
expect_stdout <<END
namespace/test created
END
run kvmig create -f ns.yaml
expect_status 8
expect_no_stdout

# ---- migrations: what KubeVirt's admission refuses, in its words ----

vmim() { # VM [MORE-OF-SPEC]
	printf 'apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstanceMigration\nmetadata: {generateName: by-hand-}\nspec: {vmiName: %s%s}\n' \
		"$1" "${2:+, $2}" >vmim.yaml
}

test_case 'a migration of a VM that is not there, has ended, cannot be migrated'
{ usual; vm over n1 Succeeded; vm broken n1 Failed; (migratable=False words='VMI uses a PCI host device'; vm pinned n1)
  vm ended n1; migration m-1 ended Succeeded; vm going n1; migration m-2 going Running; } | fresh
vmim nobody
run kvmig create -f vmim.yaml
expect_status 1
expect_stderr_has 'the VMI "default/nobody" does not exist'
for vm in over broken; do
	vmim $vm
	run kvmig create -f vmim.yaml
	expect_status 3
	expect_stderr_has 'Cannot migrate VMI in finalized state.'
	expect_stderr_has '[KVMIG-BLK-NOT-RUNNING]'
done
vmim pinned
run kvmig create -f vmim.yaml
expect_status 3
expect_stderr_has 'Cannot migrate VMI, Reason: Test, Message: VMI uses a PCI host device'
expect_stderr_has '[KVMIG-BLK-NOT-MIGRATABLE]'

test_case 'a migration of a VM that has one under way, with a priority, to another cluster'
vmim going
run kvmig create -f vmim.yaml
expect_status 8
expect_stderr_has "in-flight migration detected: 'm-2'"
expect_stderr_has '[KVMIG-BLK-IN-FLIGHT]'
vmim web-1 'priority: system-critical'
run kvmig create -f vmim.yaml
expect_status 7
expect_stderr_has 'spec.priority: only the controllers of the cluster may set'
vmim web-1 'sendTo: {migrationID: a, connectURL: "b:9185"}'
run kvmig create -f vmim.yaml
expect_status 1
expect_stderr_has sendTo
run kvmig get vmim -o name
expect 'none was created' [ "$(wc -l <"$out")" -eq 2 ]

test_case 'a migration of a VM whose last one has ended; what was asked for stays as it is'
vmim ended
run kvmig create -f vmim.yaml --dry-run
expect_status 0
run kvmig create -f vmim.yaml
expect_status 0
name=$(sed 's|.*/\(.*\) created|\1|' "$out")
run kvmig get vmim "$name" -o json
expect_json '.metadata | "\(.labels["kubevirt.io/vmi-name"]) \(.finalizers[0])"' 'ended kubevirt.io/migrationJobFinalize'
printf '{"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstanceMigration", "metadata": {"name": "%s"}, "spec": {"vmiName": "web-1"}}' \
	"$name" >other.json
run kvmig apply -f other.json
expect_status 1
expect_stderr_has "update of Migration object's spec is restricted"
done_testing
