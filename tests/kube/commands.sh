#!/bin/sh
# The commands that do what the documents do with `oc`, on the real API server: get, apply, create, label, delete; the
# manifests of the documents, right and wrong. tests/cli has the same commands on the local store.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
manifests=$bed_source/manifests
bed_up
bed_manager
bed_kubevirt 1.9
bed_hco v1beta1
bed_kubectl create namespace tenant
bed_kubectl create namespace kubevirt-hyperconverged
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG

put() { # objects on standard input, their status too
	jq -c . | while read -r put_object; do
		printf '%s' "$put_object" >put.json
		bed_kubectl apply -f put.json
		[ "$(jq 'has("status") and .kind != "VirtualMachineInstance"' put.json)" = false ] ||
			bed_kubectl replace --subresource status --raw \
				"$(jq -r '"/apis/\(.apiVersion)/namespaces/\(.metadata.namespace)/\(.kind | ascii_downcase)s/\(.metadata.name)/status"' put.json)" \
				-f put.json
	done
}

jq -n -c '{apiVersion: "kubevirt.io/v1", kind: "VirtualMachineInstance",
	metadata: {namespace: "tenant", name: ("vm" + (range(3) | tostring)), labels: {app: "web"}},
	spec: {domain: {}}, status: {phase: "Running", nodeName: "n1", conditions: [{type: "LiveMigratable", status: "True"}]}}' | put
bed_kubectl label vmi -n tenant vm2 app=db --overwrite

# ---- get ----

without_age() { # 59s, 2m5s, 3h
	sed -E 's/ +/ /g; s/ ([0-9]+[smhdy])+( |$)/ AGE\2/; s/ $//'
}

# The same rows as kubectl, but for the ages.
same_table() { # WORD…
	kubectl "$@" >as-kubectl 2>/dev/null
	run kvmig "$@"
	expect_status 0
	without_age <"$out" >ours
	without_age <as-kubectl >theirs
	cmp -s ours theirs || { complain "kubectl shows something else"; diff theirs ours | sed 's/^/# /'; }
}

test_case 'get: tables as kubectl has them'
same_table get vmi -n tenant
same_table get vmi -n tenant -o wide
same_table get vmi -A
same_table get vmi -n tenant vm0
same_table get vmi -n tenant -l app=db
same_table get vmis -n tenant -l 'app in (db,x)' -o wide
same_table get namespaces
same_table get crd
same_table get clusterroles -l kubevirt.io
same_table get kubevirt -A
same_table get virtualmachineinstances.v1.kubevirt.io -n tenant vm1 vm2
same_table get vmi/vm1 -n tenant
same_table get --namespace tenant vmi -l '!nothing' --no-headers

test_case 'get: names and documents as kubectl has them'
for words in 'vmi -n tenant' 'vmi -A' 'vmi -n tenant vm1' 'ns default' 'vmi/vm0 vmi/vm2 -n tenant' 'kubevirt -n kubevirt kubevirt'; do
	# shellcheck disable=SC2086 # words
	run kvmig get $words -o name
	# shellcheck disable=SC2086
	kubectl get $words -o name | expect_stdout
	# shellcheck disable=SC2086
	run kvmig get $words -o json
	# shellcheck disable=SC2086
	kubectl get $words -o json | jq -S . >theirs
	jq -S . "$out" | cmp -s - theirs || complain "get $words -o json differs"
	# shellcheck disable=SC2086
	run kvmig get $words -o yaml
	python3 -c 'import json, sys, yaml; print(json.dumps(yaml.load(sys.stdin, Loader=yaml.BaseLoader)))' <"$out" | jq -S . >ours
	jq 'walk(if type == "number" or type == "boolean" then tostring elif . == null then "" else . end)' theirs | jq -S . >theirs.text
	cmp -s ours theirs.text || complain "get $words -o yaml differs"
done

test_case 'get: nothing, and what is not there'
run kvmig get vmi -n default
expect_status 0
expect_no_stdout
expect_stderr_has "no resources found in namespace 'default'"
run kvmig get vmi -n tenant vm9
expect_status 1
expect_stderr_has "there is no virtualmachineinstance 'vm9' in namespace 'tenant'"
run kvmig get vmi -n tenant vm0 vm9 -o name
expect_status 1
expect_stdout <<END
virtualmachineinstance.kubevirt.io/vm0
END
run kvmig get vmiz
expect_status 1
expect_stderr_has "'kube/bed' serves no kind of object 'vmiz'"
run kvmig get deploy -n tenant
expect_status 0

test_case 'get --watch: the list, then each change, once'
kvmig get vmi -n tenant -w -o json >watched 2>/dev/null </dev/null &
watcher=$!
wait_for test -s watched
wait_for sh -c '[ "$(jq -r .metadata.name watched | wc -l)" -ge 3 ]'
bed_kubectl label vmi -n tenant vm1 seen=1
bed_kubectl label vmi -n tenant vm0 seen=1
wait_for sh -c '[ "$(jq -r .metadata.name watched | wc -l)" -ge 5 ]'
kill -INT $watcher
wait $watcher
expect "it ended with $?" [ $? -ne 1 ]
jq -r '.metadata.name + " " + (.metadata.labels.seen // "-")' watched >"$out"
expect_stdout <<END
vm0 -
vm1 -
vm2 -
vm1 1
vm0 1
END
: >watched
kvmig get vmi -n tenant vm2 -w >watched 2>/dev/null </dev/null &
watcher=$!
wait_for grep -q vm2 watched
bed_kubectl label vmi -n tenant vm1 seen=2 --overwrite
bed_kubectl label vmi -n tenant vm2 seen=2
wait_for sh -c '[ "$(wc -l <watched)" -ge 3 ]'
kill -INT $watcher
wait $watcher
expect 'other rows' [ "$(cut -d ' ' -f 1 watched | tr '\n' ' ')" = 'NAME vm2 vm2 ' ]

# ---- what the documents show ----

test_case 'every manifest of the documents: dry run, created, unchanged; nothing before it is meant'
for file in "$manifests"/documents/*.yaml; do
	run kvmig apply -f "$file" --dry-run --read-only
	expect_status 0
	expect 'not said' grep -q ' created (dry run)$' "$out"
done
run kvmig get migrationpolicies,vmim -A
expect_status 1
run kvmig get migrationpolicies
expect_no_stdout
run kvmig apply -f "$manifests/documents"
expect_status 0
expect_stderr_has 'context kube/bed'
expect_stdout <<END
clusterrole.rbac.authorization.k8s.io/kubevirt.io:upgrademigrate created
clusterrolebinding.rbac.authorization.k8s.io/kvmigrate created
hyperconverged.hco.kubevirt.io/kubevirt-hyperconverged created
hyperconverged.hco.kubevirt.io/kubevirt-hyperconverged configured
virtualmachineinstancemigration.kubevirt.io/migration-to-gpu created
virtualmachineinstancemigration.kubevirt.io/migration-job created
migrationpolicy.migrations.kubevirt.io/my-migration-policy created
rolebinding.rbac.authorization.k8s.io/kvmigrate created
virtualmachine.kubevirt.io/vm-fedora created
END
for file in "$manifests"/documents/*.yaml; do
	case $file in */hyperconverged-heavy.yaml) continue ;; esac
	kvmig apply -f "$file" -q >/dev/null 2>&1
	run kvmig apply -f "$file"
	expect_status 0
	expect "$file" grep -q ' unchanged$' "$out"
done
run kvmig get vmim migration-to-gpu -o json
expect_json '.spec.addedNodeSelector.accelerator' gpu-enabled456
run kvmig get migrationpolicy my-migration-policy -o json
expect_json '.spec.selectors.namespaceSelector | to_entries | map(.key + "=" + .value) | join(" ")' 'hpc-workloads=True xyz-workloads-type='
run kvmig get hco -n kubevirt-hyperconverged kubevirt-hyperconverged -o json
expect_json '.spec.liveMigrationConfig | "\(.bandwidthPerMigration) \(.completionTimeoutPerGiB)"' '64Mi 800'
wait_for sh -c 'kubectl get clusterrole admin -o json | jq -e "[.rules[] | select((.resources | index(\"virtualmachines/migrate\")) and (.verbs | index(\"update\")))] | length > 0"'
bed_kubectl create rolebinding admins -n tenant --clusterrole=admin --user=bob
expect 'the role is not aggregated to admin' as bob kubectl auth can-i create virtualmachineinstancemigrations.kubevirt.io -n tenant -q
bed_kubectl delete rolebinding admins -n tenant

test_case 'the same on the local store'
run kvmig --context local node add n1 --uri "qemu+unix:///system?socket=$work/none"
for file in "$manifests"/documents/*.yaml; do
	run kvmig --context local apply -f "$file"
	case $file in
	*/migration.yaml | */migration-*) # the VM is admitted as KubeVirt does: none is here
		expect_status 1
		expect_stderr_has 'the VMI "default/vmi-fedora" does not exist'
		continue
		;;
	*/clusterrole-*) expect_stderr_has "clusterrole 'kubevirt.io:upgrademigrate' is kept and permits nothing" ;;
	esac
	expect_status 0
	expect "$file" grep -qE ' (created|configured)$' "$out"
done
run kvmig --context local get clusterrole kubevirt.io:upgrademigrate -o json
expect_json '.metadata.labels["rbac.authorization.k8s.io/aggregate-to-admin"]' true
run kvmig --context local get hco -A -o json
expect_json '.items[0].spec.liveMigrationConfig.completionTimeoutPerGiB' 800

test_case 'where HyperConverged is stored as v1, and where KubeVirt is older'
run kvmig delete hco -n kubevirt-hyperconverged kubevirt-hyperconverged --wait
expect_status 0
bed_hco v1
run kvmig apply -f "$manifests/documents/hyperconverged.yaml"
expect_status 0
run kvmig get hyperconvergeds.v1.hco.kubevirt.io -n kubevirt-hyperconverged kubevirt-hyperconverged -o json
expect_json '.apiVersion + " " + (.spec.virtualization.liveMigrationConfig.completionTimeoutPerGiB | tostring)' 'hco.kubevirt.io/v1 800'
run kvmig delete vmim migration-to-gpu
bed_crds kubevirt-1.4
run kvmig apply -f "$manifests/documents/migration-addednodeselector.yaml"
expect_status 1
expect_stderr_has "migration-addednodeselector.yaml', line 7, column "
expect_stderr_has 'unknown field "spec.addedNodeSelector"'
expect_stderr_has 'this cluster does not know the field, which newer versions have'
bed_crds kubevirt-1.9
run kvmig apply -f "$manifests/documents/migration-addednodeselector.yaml"
expect_status 0

# ---- what people get wrong ----

wrong() { # FILE, says, hint
	for place in kube/bed local; do
		run kvmig --context "$place" apply -f "$1"
		expect_status 1
		expect_no_stdout
		expect_stderr_has "$2"
		expect_stderr_has "$3"
	done
}

test_case 'the broken examples of the documents, on both: where, what is wrong, what was meant'
cd "$manifests/wrong" || exit
wrong labels-as-list.yaml "'labels-as-list.yaml', line 6, column 5: metadata.labels: must be a map of keys and values" \
	'probably meant: labels: {kubevirt.io/environment: "production"}'
wrong virtualmachine-group.yaml "'virtualmachine-group.yaml', line 1, column 13: apiVersion: there is no VirtualMachine in 'migrations.kubevirt.io/v1alpha1'" \
	'probably meant: apiVersion: kubevirt.io/v1'
wrong callouts.yaml "'callouts.yaml', line " 'bandwidthPerMigration: probably meant: 64Mi'
expect_stderr_has 'completionTimeoutPerGiB: probably meant: 800'
wrong selector-boolean.yaml "'selector-boolean.yaml', line 8, column 22" 'hpc-workloads: "true"'
wrong unknown-field.yaml "'unknown-field.yaml', line 7, column " "did you mean 'addedNodeSelector'"
cd "$work" || exit

test_case 'the server has its say: every cause with its field, the place in the file'
cat >bad.yaml <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: bad}
spec:
  allowPostCopy: "yes"
  completionTimeoutPerGiB: many
  selectors: {}
END
run kvmig apply -f bad.yaml
expect_status 1
expect 'no place' grep -qE "'bad.yaml', line (5, column 18|6, column 28): cannot apply migrationpolicy 'bad': spec" "$err"
expect_stderr_has 'allowPostCopy: '
expect_stderr_has 'completionTimeoutPerGiB: '
run kvmig create -f bad.yaml
expect_status 1
# the server names them in any order
expect 'no place' grep -qE "'bad.yaml', line (5, column 18|6, column 28): cannot create migrationpolicy 'bad': spec" "$err"
expect_stderr_has spec.allowPostCopy
expect_stderr_has spec.completionTimeoutPerGiB
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: UPPER}\n' >bad.yaml
run kvmig apply -f bad.yaml
expect_status 1
expect_stderr_has "'bad.yaml', line 3, column "
expect_stderr_has metadata.name
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: nowhere}\n' >bad.yaml
run kvmig create -f bad.yaml
expect_status 1
expect_stderr_has "no namespace 'nowhere' in 'kube/bed'"
printf 'apiVersion: apps/v1\nkind: Deploiment\nmetadata: {name: x}\n' >bad.yaml
run kvmig apply -f bad.yaml
expect_status 1
expect_stderr_has "'bad.yaml', line 2, column 7"

test_case 'empty, only remarks, no file, a folder without any'
: >empty.yaml
run kvmig apply -f empty.yaml
expect_status 1
expect_stderr_has "there is no object in 'empty.yaml'"
printf '# remark\n---\n...\n' >remarks.yaml
run kvmig apply -f remarks.yaml
expect_status 1
run kvmig apply -f missing.yaml
expect_status 1
expect_stderr_has "'missing.yaml'"
mkdir nothing
run kvmig apply -f nothing
expect_status 1
run_input kvmig create -f - </dev/null
expect_status 1
expect_stderr_has 'no object on the standard input'

test_case '10 MB: what the server says of it, and a limit of our own'
map() { # BYTES
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: large, namespace: tenant}\ndata:\n  text: '
	head -c "$1" /dev/zero | tr '\0' x
	echo
}
map 10000000 >large.yaml
run kvmig apply -f large.yaml
expect_status 1
expect_stderr_has "'large.yaml', line "
expect_stderr_has "cannot apply configmap 'large' in namespace 'tenant': it is larger than 'kube/bed' takes"
expect_stderr_has '3 MB'
run kvmig create -f large.yaml
expect_status 1
expect_stderr_has "it is larger than 'kube/bed' takes"
expect 'the message is as large as the manifest' [ "$(wc -c <"$err")" -lt 2000 ]
map 17000000 >large.yaml
run kvmig apply -f large.yaml
expect_status 1
expect_stderr_has "'large.yaml' is larger than 16 MiB"
map 900000 >large.yaml
run kvmig apply -f large.yaml
expect_status 0
expect_stdout <<END
configmap/large created
END

# ---- apply, create ----

test_case 'apply -f -, several, some of which fail'
cat >some.json <<END
{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "tenant"}},
  {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "B", "namespace": "tenant"}},
  {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "tenant"}}]}
END
run_input kvmig apply -f - <some.json
expect_status 4
expect_stdout <<END
configmap/a created
configmap/c created
END
expect_stderr_has 'standard input, line 3, column '

test_case 'apply: conflicts with their managers and fields; taking over'
cat >policy.yaml <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: p}
spec: {selectors: {}, allowPostCopy: true, completionTimeoutPerGiB: 7}
END
run kvmig apply -f policy.yaml
expect_status 0
bed_kubectl patch migrationpolicy p --type merge --field-manager somebody -p '{"spec":{"allowPostCopy":false,"completionTimeoutPerGiB":9}}'
run kvmig apply -f policy.yaml
expect_status 8
expect_stderr_has 'spec.allowPostCopy: conflict with "somebody"'
expect_stderr_has 'spec.completionTimeoutPerGiB: conflict with "somebody"'
expect_stderr_has --force-conflicts
run kvmig apply -f policy.yaml --force-conflicts --dry-run
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/p configured (dry run)
END
run kvmig get migrationpolicy p -o json
expect_json .spec.allowPostCopy false
run kvmig apply -f policy.yaml --force-conflicts
expect_status 0
run kvmig get migrationpolicy p -o json --show-managed-fields
expect_json .spec.allowPostCopy true
expect_json '.metadata.managedFields[0].manager' kvmig
run kvmig create -f policy.yaml
expect_status 8
expect_stderr_has "migrationpolicy 'p' is there already in 'kube/bed'"
expect_stderr_has "apply -f' changes what is there"

test_case 'create with generateName; a name each time'
cat >migration.yaml <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {generateName: move-, namespace: tenant}
spec: {vmiName: vm0}
END
run kvmig create -f migration.yaml -o name
expect_status 0
expect 'no name' grep -qE '^virtualmachineinstancemigration.kubevirt.io/move-.....$' "$out"
run kvmig create -f migration.yaml -o json
expect_json .spec.vmiName vm0
run kvmig apply -f migration.yaml
expect_status 1
expect_stderr_has generateName

test_case 'the manifest of a migration that has ended: nothing is started, and how to start one'
kubectl get vmim migration-job -o json | jq '.status = {phase: "Failed"}' >ended.json
bed_kubectl replace --raw /apis/kubevirt.io/v1/namespaces/default/virtualmachineinstancemigrations/migration-job/status -f ended.json
run kvmig apply -f "$manifests/documents/migration.yaml"
expect_status 0
expect_stdout <<END
virtualmachineinstancemigration.kubevirt.io/migration-job unchanged
END
expect_stderr_has "migration 'migration-job' has ended already (Failed): nothing was started"
expect_stderr_has 'create -f FILE'
expect_stderr_has 'migrate vmi-fedora'

# ---- label, delete ----

test_case 'label: set, remove, overwrite, dry run; what the server refuses'
run kvmig label vmi -n tenant vm0 tier=gold --dry-run --read-only
expect_status 0
run kvmig label vmi/vm0 vmi/vm1 -n tenant tier=gold
expect_stdout <<END
virtualmachineinstance.kubevirt.io/vm0 labelled
virtualmachineinstance.kubevirt.io/vm1 labelled
END
run kvmig label vmi -n tenant vm0 tier=silver
expect_status 8
expect_stderr_has 'already has the label tier=gold'
run kvmig label vmi -n tenant vm0 tier=silver app- --overwrite
run kubectl get vmi -n tenant vm0 -o json
expect_json '.metadata.labels | "\(.tier) \(.app)"' 'silver null'
run kvmig label ns tenant hpc-workloads=True xyz-workloads-type=
expect_status 0
run kubectl get ns tenant -o json
expect_json '.metadata.labels | "\(.["hpc-workloads"]) \(.["xyz-workloads-type"])"' 'True '
run kvmig label vmi -n tenant vm9 a=b
expect_status 1
run kvmig label vmi -n tenant vm0 vm9 a=b
expect_status 4

test_case 'delete: one, several, dry run, not there'
run kvmig delete migrationpolicy p --dry-run --read-only
expect_status 0
run kvmig get migrationpolicy p -o name
expect_status 0
run kvmig delete migrationpolicy/p cm/a -n tenant
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/p deleted
configmap/a deleted
END
run kvmig delete migrationpolicy p
expect_status 1
expect_stderr_has "no migrationpolicy 'p' in 'kube/bed'"
run kvmig delete cm -n tenant a c
expect_status 4

test_case 'delete --wait: until the finalizer is gone; what holds it where the time runs out'
bed_kubectl patch vmi -n tenant vm2 --type merge -p '{"metadata":{"finalizers":["example.com/hold"]}}'
run kvmig delete vmi -n tenant vm2 --wait --timeout 1s
expect_status 6
expect_stderr_has 'held by the finalizers'
expect_stderr_has example.com/hold
: >"$bed/audit.log"
kvmig delete vmi -n tenant vm2 --wait --timeout 60s >waited 2>&1 &
waiter=$!
has_asked() {
	bed_requests '.verb == "delete"' | grep -q virtualmachineinstances/vm2
}
expect 'it does not ask' wait_for has_asked
bed_kubectl patch vmi -n tenant vm2 --type merge -p '{"metadata":{"finalizers":null}}'
wait $waiter
expect "it ended otherwise: $(cat waited)" [ "$(tail -n 1 waited)" = 'virtualmachineinstance.kubevirt.io/vm2 deleted' ]
run kvmig delete ns tenant-x --wait
expect_status 1

# ---- rights ----

test_case 'not permitted: who, what, where, how it is granted; status 7'
run as bob kvmig get vmi -n tenant
expect_status 7
expect_stderr_has 'User "bob" cannot list resource "virtualmachineinstances"'
expect_stderr_has "in the namespace \"tenant\""
run as bob kvmig get vmi -n tenant vm0 -o yaml
expect_status 7
run as bob kvmig create -f migration.yaml
expect_status 7
expect_stderr_has 'who may bind kubevirt.io:migrate, can give bob the right to create virtualmachineinstancemigrations.kubevirt.io'
expect_stderr_has 'rbac grant bob -n tenant'
run as bob kvmig apply -f policy.yaml
expect_status 7
expect_stderr_has "'policy.yaml', line 1, column 1"
run as bob kvmig label vmi -n tenant vm0 a=b
expect_status 7
run as bob kvmig delete vmi -n tenant vm0 --wait
expect_status 7
run kvmig delete vmi -n tenant vm0 --read-only
expect_status 7
expect_stderr_has read-only

test_case 'permitted in one namespace: as far as it goes'
bed_kubectl create rolebinding kvmigrate -n tenant --clusterrole=kubevirt.io:migrate --user=carol
run as carol kvmig create -f migration.yaml -o name
expect_status 0
run as carol kvmig get vmim -n tenant -o name
expect_status 0
run as carol kvmig get vmim -A
expect_status 7
run as carol kvmig apply -f "$manifests/documents/migration.yaml"
expect_status 7
run as carol kvmig delete vmim -n tenant --dry-run "$(kubectl get vmim -n tenant -o json | jq -r '.items[0].metadata.name')"
expect_status 0

done_testing
