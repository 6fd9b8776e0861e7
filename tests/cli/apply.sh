#!/bin/sh
# apply and create. Manifests with the mistakes that people make, many of them copied with the documents.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
KVMIG_CONTEXT=local
export KVMIG_CONTEXT
put() { "$build/tests/cli/put-object" local; }
run kvmig node add n1 --uri "qemu+unix:///system?socket=$work/none"

cat >policy.yaml <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata:
  name: fast   # a remark
spec:
  selectors:
    namespaceSelector:
      hpc-workloads: "True"
    virtualMachineInstanceSelector:
      kubevirt.io/environment: "production"
  allowPostCopy: true
END

test_case 'dry run'
run kvmig apply -f policy.yaml --dry-run
expect_status 0
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/fast created (dry run)
END
expect_stderr_has 'context local/default'
run kvmig get migrationpolicies -o name
expect_no_stdout

test_case 'created, unchanged, configured'
run kvmig apply -f policy.yaml
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/fast created
END
run kvmig apply -f policy.yaml
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/fast unchanged
END
sed 's/allowPostCopy: true/bandwidthPerMigration: 64Mi/' policy.yaml >changed.yaml
run kvmig apply --file changed.yaml --dry-run
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/fast configured (dry run)
END
run kvmig apply --file changed.yaml --force-conflicts
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/fast configured
END
run kvmig get migrationpolicy fast -o json
expect_json '.spec | "\(.allowPostCopy) \(.bandwidthPerMigration)"' 'true 64Mi'

test_case 'other output'
run kvmig apply -f policy.yaml -o name
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/fast
END
run kvmig apply -f policy.yaml -o json
expect_json '.kind + .metadata.name' MigrationPolicyfast
run kvmig apply -f policy.yaml -f policy.yaml -o yaml
expect_stdout_has 'kind: List'

test_case 'several: documents, JSON, a List, a folder, the standard input'
mkdir -p dir/below
cat >dir/2.yml <<END
---
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: b}
spec: {selectors: {}}
---
# nothing
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: prod}}
END
echo '{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "test"}}' >dir/1.json
echo 'not: read' >dir/below/x.yaml
echo 'not: read' >dir/README
run kvmig apply -f dir
expect_status 0
expect_stdout <<END
namespace/test created
migrationpolicy.migrations.kubevirt.io/b created
namespace/prod created
END
kvmig get ns test -o json | run_input kvmig apply -f -
expect_stdout <<END
namespace/test unchanged
END

test_case 'the namespace in force'
cat >vm.yaml <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata: {name: web-1, labels: {app: my-app, environment: production}}
spec: {running: true, template: {spec: {}}}
END
run kvmig apply -n prod -f vm.yaml
expect_status 0
run kvmig get vm -n prod -o name
expect_stdout <<END
virtualmachine.kubevirt.io/web-1
END
kvmig get vm -n prod web-1 -o yaml >of-prod.yaml
run kvmig apply -f of-prod.yaml
expect_status 0
run kvmig apply -n test -f of-prod.yaml
expect_status 2
expect_stderr_has "the object is of namespace 'prod', and -n says 'test'"

test_case 'some fail: the others are written, and the status tells'
cat >mixed.yaml <<END
apiVersion: v1
kind: Namespace
metadata: {name: one}
---
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: bad}
spec:
  selectors: {}
  completionTimeoutPerGiB: -1
---
apiVersion: v1
kind: Namespace
metadata: {name: two}
END
run kvmig apply -f mixed.yaml
expect_status 4
expect_stdout_has 'namespace/one created'
expect_stdout_has 'namespace/two created'
expect_stderr_has "'mixed.yaml', line 10, column 28: migrationpolicy 'bad': spec.completionTimeoutPerGiB: must be at least 0"
sed '1,4d;/^---$/,$d' mixed.yaml >bad.yaml
run kvmig apply -f bad.yaml -f bad.yaml
expect_status 1

test_case 'all is read before the first is written'
cat >late.yaml <<END
apiVersion: v1
kind: Namespace
metadata: {name: early}
---
apiVersion: v1
kind: Nmespace
metadata: {name: late}
END
run kvmig apply -f late.yaml
expect_status 1
expect_stderr_has "'late.yaml', line 6, column 7: 'local/default' knows no Nmespace"
run kvmig get ns early
expect_status 1

test_case 'create: a second time it is there already'
run kvmig create -f policy.yaml
expect_status 8
expect_stderr_has "'policy.yaml', line 1, column 1: migrationpolicy 'fast' exists already"
expect_stderr_has 'kvmig apply -f'
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {generateName: made-}\n' >made.yaml
run kvmig create -f made.yaml -o name
expect_status 0
expect 'a new name' grep -qE '^namespace/made-[a-z0-9]{5}$' "$out"
run kvmig create -f made.yaml --dry-run
expect_status 0
run kvmig apply -f made.yaml
expect_status 1
expect_stderr_has 'metadata.generateName: apply needs a name'
expect_stderr_has 'kvmig create -f'

# ---- migrations ----

put <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web-1, namespace: default}
spec: {domain: {memory: {guest: 1Gi}}}
status: {phase: Running, nodeName: n1}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: done, namespace: default}
spec: {vmiName: web-9}
status: {phase: Failed}
END
cat >migration.yaml <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata:
  name: migrate-web-1
spec:
  vmiName: web-1
  addedNodeSelector:
    zone: b
END

test_case 'a migration: as KubeVirt would store it, and carried out'
run kvmig apply -f migration.yaml -o json
expect_status 0
expect_json '.metadata.labels["kubevirt.io/vmi-name"]' web-1
expect_json '.metadata.finalizers[0]' kubevirt.io/migrationJobFinalize
expect 'a controller runs' test -s "$XDG_STATE_HOME/kvmig/local/default/controller.lock"

test_case 'a second one of the same VM'
sed 's/name: migrate-web-1/generateName: again-/' migration.yaml >again.yaml
run kvmig create -f again.yaml
# what it was at that moment: nobody answers at n1, so that the first one may have ended
case $status in
0) expect 'the first one has ended' [ "$(kvmig get vmim migrate-web-1 -o json | jq -r '.status.phase | IN("Failed", "Succeeded")')" = true ] ;;
*)
	expect_status 8
	expect_stderr_has "'migrate-web-1'"
	expect_stderr_has '[KVMIG-BLK-IN-FLIGHT]'
	;;
esac

test_case 'one that has ended is not started by applying it'
sed 's/migrate-web-1/done/; s/web-1/web-9/; /addedNode/,$d' migration.yaml >done.yaml
run kvmig apply -f done.yaml
expect_status 0
expect_stdout <<END
virtualmachineinstancemigration.kubevirt.io/done unchanged
END
expect_stderr_has "migration 'done' has ended already (Failed): nothing was started"
expect_stderr_has 'kvmig create -f'
expect_stderr_has 'kvmig migrate web-9'

# ---- what is wrong ----

bad() { # says, hint (may be empty); the manifest on standard input
	cat >bad.yaml
	run kvmig apply -f bad.yaml
	expect_status 1
	expect_no_stdout
	expect_stderr_has "$1"
	[ -z "$2" ] || expect_stderr_has "$2"
}

test_case 'labels as key=value'
bad "'bad.yaml', line 6, column 5: metadata.labels: must be a map" 'labels: {app: "my-app"}' <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: web-2
  labels:
    app=my-app
spec: {}
END
bad "'bad.yaml', line 5, column 3: metadata.labels" 'labels: {app: "my-app", environment: "production"}' <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachine
metadata:
  name: web-2
  labels:
  - app=my-app
  - environment=production
spec: {}
END

test_case 'a VirtualMachine among the migrations'
bad "'bad.yaml', line 1, column 13: apiVersion: there is no VirtualMachine in 'migrations.kubevirt.io/v1alpha1'" \
	'probably meant: apiVersion: kubevirt.io/v1' <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: VirtualMachine
metadata: {name: web-2}
END

test_case 'the label of the role for the upgrade'
bad "'bad.yaml', line 5, column 5: metadata.labels: must be a map" \
	'labels: {rbac.authorization.k8s.io/aggregate-to-admin: "true"}' <<END
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  labels:
    rbac.authorization.k8s.io/aggregate-to-admin=true
  name: kubevirt.io:upgrademigrate
rules: []
END

test_case 'numbers of remarks behind values'
bad "'bad.yaml', line 8, column 28" 'bandwidthPerMigration: probably meant: 64Mi' <<END
apiVersion: hco.kubevirt.io/v1beta1
kind: HyperConverged
metadata:
  name: kubevirt-hyperconverged
  namespace: kubevirt-hyperconverged
spec:
  liveMigrationConfig:
    bandwidthPerMigration: 64Mi 1
    completionTimeoutPerGiB: 800 2
    allowPostCopy: true <3>
END
expect_stderr_has 'completionTimeoutPerGiB: probably meant: 800'
expect_stderr_has 'allowPostCopy: probably meant: true'
bad 'line 7, column 20' 'line 6: the number at its end' <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: p}
spec:
  selectors:
    namespaceSelector: 1
      hpc-workloads: "True"
END

test_case 'placeholders'
bad "line 3, column 18: metadata.name: '<migration_policy>' cannot be a name" "in the place of '<migration_policy>'" <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: <migration_policy>}
END

test_case 'tabs'
printf 'apiVersion: v1\nkind: Namespace\nmetadata:\n\tname: x\n' | bad 'line 4, column 1' 'line 4 begins with a tab'

test_case 'keys that are there twice'
bad "line 3, column 1: key 'kind' is there twice" '' <<END
apiVersion: v1
kind: Namespace
kind: Namespace
END
printf '{"apiVersion": "v1",\n "apiVersion": "v1"}' | bad 'line 2, column' ''

test_case 'wrong types'
bad "'bad.yaml', line 5, column 18: migrationpolicy 'p': spec.allowPostCopy: must be true or false" \
	'write it without quotes: true' <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: p}
spec:
  allowPostCopy: "true"
  selectors: {}
END
bad "'bad.yaml', line 3, column 18: metadata.name: must be a string" 'name: "5"' <<END
apiVersion: v1
kind: Namespace
metadata: {name: 5}
END
bad 'metadata: must be a map' '' <<END
apiVersion: v1
kind: Namespace
metadata: x
END
bad 'this is no object' 'begins with apiVersion and kind' <<END
- apiVersion: v1
END

test_case 'a field that is not there'
bad "'bad.yaml', line 6, column 25: migrationpolicy 'p': spec.bandwithPerMigration: unknown field" \
	"did you mean 'bandwidthPerMigration'" <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: p}
spec:
  selectors: {}
  bandwithPerMigration: 64Mi
END

test_case 'empty, and only remarks'
: | bad "there is no object in 'bad.yaml'" ''
printf '# nothing\n---\n' | bad "there is no object in 'bad.yaml'" ''

test_case 'binary'
printf '\177ELF\002\001\001\000\377\376' | bad 'line 1, column' ''
printf 'a: "b\000c"\n' | bad 'line 1, column' ''

test_case '10 MB, and more than may be'
{
	printf 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: big\n  annotations:\n    note: "'
	head -c 10000000 /dev/zero | tr '\0' x
	printf '"\n'
} | bad "namespace 'big': metadata.annotations: larger than" ''
run timeout 120 kvmig apply -f /dev/zero
expect_status 1
expect_stderr_has "'/dev/zero' is larger than 16 MiB"

test_case 'no such file, no file, no folder with one, no address'
run kvmig apply -f gone.yaml
expect_status 1
expect_stderr_has "cannot read 'gone.yaml': No such file"
run kvmig apply
expect_status 2
mkdir empty
run kvmig apply -f empty
expect_status 1
expect_stderr_has "there is no object in 'empty'"
run kvmig create -f https://example.org/x.yaml
expect_status 2
expect_stderr_has 'nothing is fetched'

test_case 'read-only'
run kvmig apply -f policy.yaml --read-only
expect_status 7
done_testing
