#!/bin/sh
# kvmig migrate, status and cancel where KubeVirt migrates, on the real API server. KubeVirt itself is not there: its phases
# are played by kubevirt-phases.py.
#
#   migrate.sh          200 VMs at once
#   migrate.sh --full   1,000
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq python3
many=200
[ "${1:-}" != --full ] || many=1000
bed_up
bed_kubevirt 1.9
bed_proxy front
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG
bed_kubectl create namespace tenant
bed_kubectl config set-context --current --namespace tenant

nodes() { # NAME=LABEL…
	for node; do
		printf '{apiVersion: v1, kind: Node, metadata: {name: %s, labels: {kubernetes.io/hostname: %s, kubernetes.io/arch: amd64,
			kubernetes.io/os: linux, kubevirt.io/schedulable: "true", %s}}}\n' \
			"${node%%=*}" "${node%%=*}" "${node#*=}" >node.yaml
		bed_kubectl apply -f node.yaml
		bed_kubectl patch node "${node%%=*}" --subresource status --type merge -p '{"status": {
			"allocatable": {"memory": "64Gi", "cpu": "32", "pods": "250", "ephemeral-storage": "100Gi", "devices.kubevirt.io/kvm": "1k"},
			"capacity": {"memory": "64Gi", "cpu": "32", "pods": "250", "ephemeral-storage": "100Gi", "devices.kubevirt.io/kvm": "1k"},
			"conditions": [{"type": "Ready", "status": "True", "reason": "Test"}]}}'
		bed_kubectl patch node "${node%%=*}" --type merge -p '{"spec": {"taints": null}}' # nobody else takes it off
	done
}

# vmi NAME [JQ-CHANGE]: runs on n1
vmi() {
	jq -n -c --arg name "$1" '{apiVersion: "kubevirt.io/v1", kind: "VirtualMachineInstance",
		metadata: {namespace: "tenant", name: $name, labels: {app: "web"}},
		spec: {architecture: "amd64", domain: {devices: {}, memory: {guest: "1Gi"}}},
		status: {phase: "Running", nodeName: "n1", conditions: [{type: "LiveMigratable", status: "True"}]}} |
		'"${2:-.}" >vmi.json
	bed_kubectl apply -f vmi.json
}

vmims() { # JQ-FILTER of the list
	kubectl get vmim -n tenant -o json | jq -r "$1"
}

# All go away, also those that nobody takes the finalizer off any more.
no_migrations() {
	kubectl get vmim -n tenant -o json | jq -r '.items[] | select(.metadata.finalizers) | .metadata.name' >held
	# shellcheck disable=SC2046 # names
	[ ! -s held ] || bed_kubectl patch vmim -n tenant $(cat held) --type merge -p '{"metadata": {"finalizers": null}}'
	bed_kubectl delete --raw /apis/kubevirt.io/v1/namespaces/tenant/virtualmachineinstancemigrations
	wait_for sh -c '[ -z "$(kubectl get vmim -n tenant -o name)" ]'
}

play() { # SECONDS
	bed_spawn phases "$bed_source/kubevirt-phases.py" "${bed_server#https://}" "$bed/ca.crt" "$bed/admin" "$1" n2
}

# What -o json says of a migration, to be compared with the page that lists its fields.
keep() { # VM
	run kvmig status "$1" -n tenant -o json
	cat "$out" >>documents
}

nodes n1='zone: a' n2='zone: b, accelerator: gpu-enabled23' n3='zone: b'
vmi vm1

# ---- the object ----

test_case 'what is created is what the documents show, but for the name'
run kvmig migrate vm1 --node-selector accelerator=gpu-enabled23 --node n2 -o name
expect_status 0
expect_stderr_has 'context kube/bed'
name=$(sed 's|.*/||' "$out")
kubectl get vmim "$name" -o json | jq -S '{apiVersion, kind, spec}' >ours
cat >theirs.yaml <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata:
  name: migration-job
spec:
  vmiName: vm1
  addedNodeSelector:
    accelerator: gpu-enabled23
    kubernetes.io/hostname: n2
END
kubectl create --dry-run=server -f theirs.yaml -o json | jq -S '{apiVersion, kind, spec}' >theirs
expect 'another object' diff theirs ours
keep vm1
expect 'metadata of our own' [ "$(vmims '.items[0].metadata | has("labels") or has("annotations") or has("finalizers")')" = false ]

test_case 'in flight: which, since when, exit 8'
run kvmig migrate vm1
expect_status 8
expect_stderr_has "migration '$name' of it is under way: Pending, since "
expect_stderr_has '[KVMIG-BLK-IN-FLIGHT]'
expect_stderr_has "status -w $name' follows it"
no_migrations

test_case '--schedule-timeout: the annotations of KubeVirt'
run kvmig migrate vm1 --schedule-timeout 90500ms -q
expect_status 0
vmims '.items[0].metadata.annotations | to_entries[] | "\(.key)=\(.value)"' | sort >"$out"
expect_stdout <<END
kubevirt.io/migrationPendingPodTimeoutSeconds=91
kubevirt.io/migrationUnschedulablePodTimeoutSeconds=91
END
no_migrations

# ---- followed to the end ----

play 0.1

test_case '--wait: to the end, with source, target and where it is'
run kvmig migrate vm1 --wait --timeout 30s
expect_status 0
expect_stderr_has "VM 'vm1' is on 'n2' now: moved from 'n1'"
expect 'where it is' [ "$(kubectl get vmi vm1 -o 'jsonpath={.status.nodeName}')" = n2 ]
run kvmig history -n tenant -o wide
expect_stdout_has Succeeded
expect_stdout_has gold

test_case '--wait=PHASE'
vmi vm2 '.metadata.annotations["phases.test/stop"] = "Running"'
run kvmig migrate vm2 --wait=TargetReady --timeout 30s
expect_status 0
expect 'it goes on' wait_for sh -c 'kubectl get vmim -o json | jq -e ".items[] | select(.spec.vmiName == \"vm2\" and .status.phase == \"Running\")"'

test_case 'status: phases with the time in each, policy and settings, deadline'
run kvmig status vm2
expect_status 0
expect_stdout_has 'From:          n1'
expect_stdout_has 'To:            n2'
expect_stdout_has 'Policy:        gold'
expect_stdout_has 'then cancel [KVMIG-FAIL-COMPLETION-TIMEOUT]'
keep vm2
expect_json '.phases | map(.phase) | join(" ")' 'Pending Scheduling Scheduled PreparingTarget TargetReady Running'
expect_json '.settings.completionTimeoutSecondsPerGiB' 150

test_case 'who waits is told for what'
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec": {"configuration": {"migrations": {"parallelMigrationsPerCluster": 1}}}}'
vmi vm8 '.metadata.annotations["phases.test/stop"] = "Pending"'
kvmig migrate vm8 --wait >waits.out 2>waits.err &
waiter=$!
expect "it is not told: $(cat waits.err)" wait_for grep -q 'vm8: Pending: 1 of 1 migrations run in the cluster' waits.err
kill -INT $waiter
wait $waiter
expect "status $? after Ctrl-C" [ $? -eq 130 ]
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec": {"configuration": {"migrations": {"parallelMigrationsPerCluster": null}}}}'
run kvmig cancel vm8 --timeout 30s
vmi vm9 '.metadata.annotations["phases.test/stop"] = "Pending"'
run kvmig migrate vm9 --wait --timeout 500ms
expect_status 6
run kvmig cancel vm9 --timeout 30s

test_case 'cancel: it goes away, the VM stays'
run kvmig cancel vm2 --timeout 30s
expect_status 0
expect_stderr_has "cancelled: VM 'vm2' stays on 'n1'"

test_case 'a failure in words'
vmi vm3 '.metadata.annotations["phases.test/fail"] = "operation failed: guest CPU does not match"'
run kvmig migrate vm3 --wait --timeout 30s
expect_status 1
expect_stderr_has 'guest CPU does not match'
expect_stderr_has '[KVMIG-FAIL-LIBVIRT]'

test_case 'the pod of the target did not come, or KubeVirt does not say why'
vmi vm4 '.metadata.annotations["phases.test/fail"] = "Target pod is down"'
run kvmig migrate vm4 --wait --timeout 30s
expect_status 1
expect_stderr_has '[KVMIG-FAIL-TARGET-POD]'
vmi vm5 '.metadata.annotations["phases.test/fail"] = ""'
run kvmig migrate vm5 --wait --timeout 30s
expect_status 1
expect_stderr_has '[KVMIG-FAIL-KUBEVIRT]'

test_case 'KubeVirt has one word for every abort: which time ran out is told'
vmi vm6 '.metadata.annotations["phases.test/fail"] = "Live migration has been aborted"'
run kvmig migrate vm6 --wait --timeout 30s
expect_status 1
expect_stderr_has 'aborted: the memory copy made no progress for progressTimeout (2m30s)'
expect_stderr_has '[KVMIG-FAIL-PROGRESS-TIMEOUT]'

test_case 'a server that has forgotten what the VM was a while ago: it is followed all the same'
bed_rules front '[{"method": "GET", "path": "virtualmachineinstances$", "query": "watch=", "times": 1, "status": 410, "reason": "Expired", "message": "too old"}]'
bed_kubeconfig admin "$bed/front.kubeconfig" "https://$(cat "$bed/front.address")"
vmi vm7 '.metadata.annotations["phases.test/postcopy"] = "true"'
run kvmig migrate vm7 -n tenant --kubeconfig "$bed/front.kubeconfig" --wait --timeout 30s
expect_status 0
expect_stderr_has "VM 'vm7' is on 'n2' now: moved from 'n1'"
bed_rules front '[]'
: >"$bed/front.log"
run kvmig migrate vm7 --wait --timeout 30s
expect_stderr_has 'Running (PostCopy)'

# ---- what is refused ----

test_case 'not running, being deleted, not there'
vmi idle '.status.phase = "Succeeded"'
run kvmig migrate idle
expect_status 3
expect_stderr_has 'it is not running (Succeeded)'
expect_stderr_has '[KVMIG-BLK-NOT-RUNNING]'
vmi going '.metadata.finalizers = ["test/stay"]'
bed_kubectl delete vmi going --wait=false
run kvmig migrate going --check=off
expect_status 3
expect_stderr_has 'it is being deleted'
bed_kubectl patch vmi going --type merge -p '{"metadata": {"finalizers": null}}'
printf '{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {name: stopped}, spec: {runStrategy: Halted, template: {spec: {domain: {devices: {}}}}}}' >vm.yaml
bed_kubectl apply -f vm.yaml
run kvmig migrate stopped
expect_status 3
expect_stderr_has "cannot migrate VM 'stopped': it is not running"
run kvmig migrate stopped --dry-run -o json
expect_status 3
expect_json '"\(.vm) \(.migratable) \(.reason)"' 'stopped false KVMIG-BLK-NOT-RUNNING'
for command in status check 'vm show'; do
	# shellcheck disable=SC2086 # words
	run kvmig $command stopped
	expect_status 1
	expect_stderr_has "VM 'stopped' in namespace 'tenant' is not running (Stopped) [KVMIG-BLK-NOT-RUNNING]"
done
run kvmig migrate vm11
expect_status 1
expect_stderr_has "hint: did you mean 'vm1'"

test_case 'not migratable: the reason in plain words'
vmi pinned '.status.conditions = [{type: "LiveMigratable", status: "False", reason: "HostDeviceNotLiveMigratable",
	message: "VMI uses a PCI host devices"}]'
run kvmig migrate pinned
expect_status 3
expect_stderr_has 'VMI uses a PCI host devices'
expect_stderr_has '[KVMIG-BLK-HOST-DEVICE]'

test_case 'a name over 63 characters'
long=$(printf 'v%.0s' $(seq 64))
vmi "$long"
run kvmig migrate "$long"
expect_status 3
expect_stderr_has 'its name has 64 characters'
expect_stderr_has '[KVMIG-BLK-NAME]'
bed_kubectl delete vmi "$long"

test_case 'a paused VM: it moves, and that is said'
vmi paused '.status.conditions += [{type: "Paused", status: "True"}]'
run kvmig migrate paused -q
expect_status 0
expect_stderr_has "VM 'paused' is paused: it moves, and stays paused"

test_case "the VM's own rule on the same key: KubeVirt would keep that"
vmi zoned '.spec.nodeSelector = {zone: "a"}'
run kvmig migrate zoned --node-selector zone=b
expect_status 3
expect_stderr_has 'its own node selector says zone=a, and KubeVirt would keep that'
expect_stderr_has '[KVMIG-BLK-SELECTOR-CONFLICT]'
vmi homed '.spec.nodeSelector = {"kubernetes.io/hostname": "n1"}'
run kvmig migrate homed --node n2
expect_status 3
expect_stderr_has '[KVMIG-BLK-SELECTOR-CONFLICT]'
run kvmig migrate zoned --node-selector zone=b --check=warn -q
expect_status 0
expect_stderr_has 'warning: '
expect_stderr_has '[KVMIG-BLK-SELECTOR-CONFLICT]'

test_case 'no node fits: refused at once, with every reason; --check=off hands it in'
run kvmig migrate vm1 --node-selector accelerator=gpu-enabled23,zone=c
expect_status 3
expect_stderr_has '[KVMIG-PEND-NO-TARGET]'
expect_stderr_has 'zone=c'
expect_stderr_has '--check=off'
run kvmig migrate vm1 --node n9
expect_status 1
expect_stderr_has "there is no node 'n9'"
run kvmig migrate vm1 --node n2
expect_status 3
expect_stderr_has '[KVMIG-TGT-SOURCE]'
expect_stderr_lacks '--check=off'
run kvmig migrate vm1 --dry-run --read-only
expect_status 0
expect_stderr_has "VM 'vm1' can be migrated: from 'n2' to 'n"
expect_stdout_has KVMIG-TGT-SOURCE
run kvmig migrate vm1 --dry-run -o name -q
expect "names for kubectl: $(cat "$out")" [ "$(sort "$out" | tr '\n' ' ')" = 'node/n1 node/n3 ' ]
run kvmig migrate vm1 --node-selector accelerator=gpu-enabled23 --dry-run=server
expect_status 3
run kvmig migrate vm1 --node n3 --dry-run=server --read-only -o json
expect_status 0
expect_json '.targetNode' n3
run kvmig migrate vm1 --node n9 --check=warn -q
expect_status 0
expect_stderr_has "warning: there is no node 'n9'"
run kvmig cancel vm1 -q --timeout 30s
run kvmig migrate vm1 --node-selector zone=c --check=off -q
expect_status 0
run kvmig cancel vm1 -q --timeout 30s

test_case 'bad command lines'
for words in '-l a=b=c' '-l app=web --all' 'vm1 --all' 'vm1 --from n1' 'vm1 -A' '--resume x vm1' 'vm1 --node n2 --node-selector kubernetes.io/hostname=n3'; do
	# shellcheck disable=SC2086 # words
	run kvmig migrate $words
	expect_status 2
done
run kvmig migrate --all
expect_status 3
expect_stderr_has 'say it beforehand with --yes'
run kvmig migrate -l app=web -A
expect_status 3
run kvmig migrate -l nothing=there
expect_status 1
expect_stderr_has 'no running VM'
run kvmig migrate --resume zzzzzzzz
expect_status 1
expect_stderr_has "there is no batch 'zzzzzzzz'"

test_case 'no permission'
bed_kubectl create rolebinding alice-views -n tenant --clusterrole=kubevirt.io:view --user=alice
run as alice kvmig migrate vm1 -n tenant
expect_status 7
expect_stderr_has 'rbac grant alice'
run as alice kvmig migrate vm1 vm2 vm3 -n tenant
expect_status 1
expect_stderr_has '3 VMs: 3 refused'
expect 'one question suffices' [ "$(bed_requests '.user.username == "alice" and .verb == "create" and (.requestURI | test("migrations"))' | wc -l)" -eq 2 ]
run as bob kvmig migrate vm1 -n tenant
expect_status 7

# Of it the server's admission hears a moment later.
quota_refuses() {
	kubectl create --dry-run=server -f quota.json 2>&1 | grep -q 'exceeded quota'
}
quota_lets() {
	kubectl create --dry-run=server -f quota.json
}

test_case 'quota'
jq -n '{apiVersion: "kubevirt.io/v1", kind: "VirtualMachineInstanceMigration",
	metadata: {namespace: "tenant", generateName: "quota-"}, spec: {vmiName: "vm1"}}' >quota.json
bed_kubectl create quota none -n tenant --hard=count/virtualmachineinstancemigrations.kubevirt.io=1
bed_kubectl patch quota none -n tenant --subresource status --type merge -p '{"status": {
	"hard": {"count/virtualmachineinstancemigrations.kubevirt.io": "1"}, "used": {"count/virtualmachineinstancemigrations.kubevirt.io": "1"}}}'
expect 'it is not enforced' wait_for quota_refuses
run kvmig migrate vm1
expect_status 7
expect_stderr_has 'exceeded quota'
expect_stderr_has 'hint: delete migrations that have ended'
bed_kubectl delete quota none -n tenant
expect 'it is enforced still' wait_for quota_lets

test_case 'asked for twice in the same moment: one stays'
vmi twin '.metadata.annotations["phases.test/stop"] = "Pending"'
for i in 1 2 3 4 5 6 7 8; do
	kvmig migrate twin -q >"out.$i" 2>"err.$i" &
	twins="${twins:-} $!"
done
# shellcheck disable=SC2086 # numbers
wait $twins
expect 'one said so' [ "$(cat out.? | wc -l)" -ge 1 ]
wait_for sh -c '[ "$(kubectl get vmim -n tenant -o json | jq "[.items[] | select(.spec.vmiName == \"twin\")] | length")" -eq 1 ]'
expect 'one is there' [ "$(vmims '[.items[] | select(.spec.vmiName == "twin")] | length')" -eq 1 ]
expect 'the others say why' [ "$(grep -l KVMIG-BLK-IN-FLIGHT err.? | wc -l)" -eq 7 ]

# ---- cancel ----

test_case 'cancel: post-copy has no way back'
vmi late '.metadata.annotations = {"phases.test/stop": "Running", "phases.test/postcopy": "true"}'
run kvmig migrate late --wait=Running --timeout 30s -q
wait_for sh -c 'kubectl get vmi late -o json | jq -e ".status.migrationState.mode == \"PostCopy\""'
run kvmig cancel late
expect_status 3
expect_stderr_has 'post-copy'
run kvmig status late
expect_stdout_has 'Mode:          PostCopy'

test_case 'cancel: the mark of an eviction goes first'
vmi marked '.metadata.annotations["phases.test/stop"] = "Scheduling" | .status.evacuationNodeName = "n1"'
run kvmig migrate marked --wait=Scheduling --timeout 30s -q
run kvmig cancel marked --timeout 30s
expect_status 0
expect_stderr_has "cancelled: VM 'marked' stays on 'n1'"
expect_stderr_has "VM 'marked' is marked to leave node 'n1', and the mark cannot be taken away"
expect_stderr_has 'KubeVirt takes the pod away'
bed_rules front '[{"method": "PUT", "path": "evacuate/cancel$", "status": 200, "body": "{}"}]'
bed_kubeconfig admin "$bed/front.kubeconfig" "https://$(cat "$bed/front.address")"
run kvmig migrate marked --wait=Scheduling --timeout 30s -q
run kvmig cancel marked -n tenant --kubeconfig "$bed/front.kubeconfig" --timeout 30s
expect_status 0
expect_stderr_has "VM 'marked' is no longer marked to leave node 'n1'"
bed_proxy_requests front '.method != "GET"' | sed 's/?.*//' >"$out"
expect 'the mark, then the migration' [ "$(sed -n 1p "$out" | cut -d ' ' -f 1)" = PUT ]
bed_rules front '[]'

# going MIGRATION-STATE: what its VM tells; the migration is under way, and gone as soon as that is asked for
going() {
	vmi going '.metadata.annotations["phases.test/stop"] = "Running"'
	bed_kubectl patch vmi going --type merge -p '{"status": {"migrationState": null}}' # KubeVirt keeps nothing of the one before
	run kvmig migrate going --wait=Running --timeout 120s -q
	bed_kubectl patch "$(kubectl get vmim -o json | jq -r '.items[] | select(.spec.vmiName == "going") | "vmim/" + .metadata.name')" \
		--type merge -p '{"metadata": {"finalizers": null}}'
	bed_kubectl patch vmi going --type merge -p "{\"status\": {\"migrationState\": $1}}"
	run kvmig cancel going --timeout 120s
}

test_case 'cancel: gone before its end was seen, the VM tells of it'
going '{"completed": true, "endTimestamp": "2100-01-01T00:00:09Z"}'
expect_status 1
expect_stderr_has "too late to cancel: VM 'going' is on 'n2' now: moved from 'n1'"
going '{"completed": true, "failed": true, "abortRequested": true, "failureReason": "Live migration has been aborted"}'
expect_status 0
expect_stderr_has "cancelled: VM 'going' stays on 'n1'"
going '{"completed": true, "failed": true, "failureReason": "operation failed: guest CPU does not match"}'
expect_status 0
expect_stderr_has 'failed: operation failed: guest CPU does not match'
going '{"mode": "PreCopy"}'
expect_status 1
expect_stderr_has 'is gone, and nothing tells how it ended'

test_case 'status: a cancelled migration is gone, and its VM still tells of it'
vmi gone '.status.migrationState = {migrationUid: "11111111-0000-0000-0000-000000000000", abortRequested: true, completed: true,
	failed: true, startTimestamp: "2100-01-01T00:00:00Z", endTimestamp: "2100-01-01T00:00:09Z", failureReason: "Live migration has been aborted"}'
run kvmig status gone
expect_status 0
expect_stderr_has "the last migration of VM 'gone', which ended at 2100-01-01T00:00:09Z, is not there any more: it was cancelled: Live migration"
expect_stderr_has "no migration of VM 'gone' is known"
vmi gone '.status.migrationState = {migrationUid: "11111111-0000-0000-0000-000000000000", abortRequested: true, completed: true,
	startTimestamp: "2100-01-01T00:00:00Z", endTimestamp: "2100-01-01T00:00:09Z", mode: "PostCopy"}'
run kvmig status gone
expect_stderr_has 'is not there any more: it succeeded'
run kvmig status marked
expect_stderr_lacks 'not there any more'

test_case 'cancel --all'
vmi wait1 '.metadata.annotations["phases.test/stop"] = "Pending"'
vmi wait2 '.metadata.annotations["phases.test/stop"] = "PreparingTarget"'
bed_kubectl annotate vmi late phases.test/stop-
run kvmig migrate wait1 wait2 --wait=Pending --timeout 30s -q
expect_status 0
wait_for sh -c 'kubectl get vmim -o json | jq -e ".items[] | select(.status.phase == \"PreparingTarget\")"'
run kvmig cancel --all
expect_status 3
expect_stderr_has 'cancel '
run kvmig cancel --all --yes --no-wait
expect_status 0
expect_stderr_has "VM 'wait1', Pending: KubeVirt has begun nothing yet"
expect_stderr_has "PreparingTarget: KubeVirt stops it only once the copying has begun"

# ---- why it waits, why it failed ----

pod() { # VM-OF-THE-MIGRATION JQ-STATUS
	uid=$(vmims ".items[] | select(.spec.vmiName == \"$1\") | .metadata.uid")
	jq -n -c --arg uid "$uid" --arg name "virt-launcher-$1" '{apiVersion: "v1", kind: "Pod", metadata: {namespace: "tenant", name: $name,
		labels: {"kubevirt.io/migrationJobUID": $uid}}, spec: {automountServiceAccountToken: false,
		containers: [{name: "compute", image: "none"}]}}' >pod.json
	bed_kubectl create -f pod.json
	bed_kubectl patch pod -n tenant "virt-launcher-$1" --subresource status --type merge -p "$(jq -n -c "$2")"
}
bed_kubectl create serviceaccount default -n tenant

test_case 'status: no node fits, and the time that is left'
vmi stuck '.metadata.annotations["phases.test/stop"] = "Scheduling"'
run kvmig migrate stuck --schedule-timeout 2m --wait=Scheduling --timeout 30s -q
kvmig policy create -q web --vm-label app=web
pod stuck '{status: {phase: "Pending", conditions: [{type: "PodScheduled", status: "False", reason: "Unschedulable",
	message: "0/3 nodes are available: 3 Insufficient memory."}]}}'
run kvmig status stuck
expect_stdout_has '0/3 nodes are available: 3 Insufficient memory. [KVMIG-PEND-NO-TARGET]'
expect_stdout_has 'then fail [KVMIG-FAIL-NO-TARGET-TIMEOUT]'
expect_stdout_has 'Policy:        web, if it were handed over now'
keep stuck
bed_kubectl get pod -n tenant virt-launcher-stuck -o 'jsonpath={.metadata.creationTimestamp}'
expect_json "(.deadline.at | fromdate) - ($(printf '"%s"' "$(cat "$bed/kubectl.out")") | fromdate)" 120

test_case 'status: a limit holds it back, which KubeVirt says nowhere'
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec": {"configuration": {"migrations": {"parallelMigrationsPerCluster": 1}}}}'
vmi queued '.metadata.annotations["phases.test/stop"] = "Pending"'
run kvmig migrate queued --wait=Pending --timeout 30s -q
run kvmig status queued
expect_stdout_has '[KVMIG-PEND-CLUSTER-LIMIT]'
# KubeVirt leaves the condition as it is while a limit holds
bed_kubectl patch vmim -n tenant "$(vmims '.items[] | select(.spec.vmiName == "queued") | .metadata.name')" --subresource status --type merge \
	-p '{"status": {"conditions": [{"type": "migrationRejectedByResourceQuota", "status": "True"}]}}'
run kvmig status queued
expect_stdout_has '; when it was tried last, the quota of the namespace had no room [KVMIG-PEND-CLUSTER-LIMIT]'
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec": {"configuration": {"migrations": {"parallelMigrationsPerCluster": null}}}}'

test_case 'status: a pod that does not start, a backup, a quota'
vmi slow '.metadata.annotations["phases.test/stop"] = "Scheduling"'
run kvmig migrate slow --wait=Scheduling --timeout 30s -q
pod slow '{status: {phase: "Pending", containerStatuses: [{name: "compute", image: "none", imageID: "", ready: false, restartCount: 0,
	state: {waiting: {reason: "ImagePullBackOff", message: "no such image"}}}]}}'
run kvmig status slow
expect_stdout_has 'ImagePullBackOff: no such image [KVMIG-PEND-TARGET-POD]'
expect_stdout_has 'then fail [KVMIG-FAIL-TARGET-POD]'
bed_kubectl patch vmim -n tenant "$(vmims '.items[] | select(.spec.vmiName == "slow") | .metadata.name')" --subresource status --type merge \
	-p '{"status": {"conditions": [{"type": "migrationBlockedByBackup", "status": "True", "reason": "Backup", "message": ""}]}}'
run kvmig status slow
expect_stdout_has 'a backup of the VM runs [KVMIG-PEND-VM-BUSY]'
bed_kubectl patch vmim -n tenant "$(vmims '.items[] | select(.spec.vmiName == "slow") | .metadata.name')" --subresource status --type merge \
	-p '{"status": {"conditions": [{"type": "migrationRejectedByResourceQuota", "status": "True", "reason": "Quota", "message": "exceeded"}]}}'
run kvmig status slow
expect_stdout_has '[KVMIG-PEND-QUOTA]'
keep slow

test_case 'status: the table has the reasons that each by itself has, and reads no more for it'
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec": {"configuration": {"migrations": {"parallelMigrationsPerCluster": 1}}}}'
for vm in stuck queued slow; do
	kvmig status "$vm" -o json | jq -r '"\(.vm) \(.waiting.reason) \(.waiting.message)"'
done | sort >each
expect 'each has one' [ "$(grep -c KVMIG-PEND each)" -eq 3 ]
bed_proxy_requests front >requests
run kvmig status -n tenant --kubeconfig "$bed/front.kubeconfig"
for reason in NO-TARGET CLUSTER-LIMIT QUOTA; do
	expect_stdout_has "KVMIG-PEND-$reason"
done
bed_proxy_requests front | tail -n "+$(($(wc -l <requests) + 1))" >added
expect 'one list of pods, of those that receive' [ "$(grep -c '/pods?.*migrationJobUID' added)" -eq 1 ]
expect 'one of migrations beside that of the namespace' [ "$(grep -c virtualmachineinstancemigrations added)" -eq 2 ]
expect 'no more requests than that' [ "$(wc -l <added)" -le 11 ]
test_case 'status -w: those that come later are told why they wait, with few requests for however many'
bed_proxy_requests front >requests
from=$(date +%s)
# shellcheck disable=SC2154 # of lib.sh
"$KVMIG" status -w -n tenant --kubeconfig "$bed/front.kubeconfig" >watched 2>watched.err &
watcher=$!
expect 'the table' wait_for grep -q stuck watched
asked_of_vms() {
	bed_proxy_requests front | tail -n "+$(($(wc -l <requests) + 1))" | grep '/tenant/virtualmachineinstances?'
}
vms_are_watched() {
	asked_of_vms | grep -q watch=
}
expect 'the VMs are watched' wait_for vms_are_watched
expect "and were listed once before: $(asked_of_vms)" [ "$(asked_of_vms | grep -vc watch=)" -eq 1 ]
for vm in late1 late2 late3; do
	vmi $vm '.metadata.annotations["phases.test/stop"] = "Pending" | .metadata.labels["kubevirt.io/nodeName"] = "n1"'
	kvmig migrate $vm -q --check=off >migrate.out 2>migrate.err || complain "$(cat migrate.err)"
done
for vm in late1 late2 late3; do
	expect "$vm: $(cat watched watched.err)" wait_for grep -Eq "^$vm .* Pending +n1 .*KVMIG-PEND-CLUSTER-LIMIT" watched
	expect "$vm: at once, and when it is known why: $(cat watched)" [ "$(grep -c "^$vm .*LIMIT" watched)" -eq 1 ]
done
phases_of_late() { # wanted ones
	[ "$(vmims '[.items[] | select(.spec.vmiName | test("^late[123]$"))] | sort_by(.spec.vmiName) | map(.status.phase) | join(" ")')" = "$1" ]
}
expect 'each has its phase' wait_for phases_of_late 'Pending Pending Pending'
bed_end phases KILL # late2 is taken further by hand
bed_kubectl patch vmim -n tenant "$(vmims '.items[] | select(.spec.vmiName == "late1") | .metadata.name')" --type merge -p '{"metadata": {"labels": {"a": "b"}}}'
bed_kubectl patch vmim -n tenant "$(vmims '.items[] | select(.spec.vmiName == "late2") | .metadata.name')" --subresource status --type merge \
	-p '{"status": {"phase": "Running"}}'
expect 'where it comes from' wait_for grep -Eq '^late2 .* Running +n1 ' watched
vmims '.items[] | select(.spec.vmiName == "late2") | .metadata.uid' >uid
vmi late2 '.status.migrationState = {migrationUid: "'"$(cat uid)"'", sourceNode: "n1", targetNode: "n2"}'
expect "where it goes: $(cat watched)" wait_for grep -Eq '^late2 .* Running +n1 +n2 ' watched
expect 'no row twice' [ -z "$(awk '/^late/ { $7 = ""; print }' watched | sort | uniq -d)" ]
kill -INT "$watcher"
wait "$watcher"
expect "status $? after Ctrl-C" [ $? -eq 130 ]
seconds=$(($(date +%s) - from))
bed_proxy_requests front | tail -n "+$(($(wc -l <requests) + 1))" >added
expect "$(grep -c '/pods?' added) lists of pods in $seconds s" [ "$(grep -c '/pods?' added)" -le $((seconds / 5 + 2)) ]
expect 'of those that receive' [ "$(grep '/pods?' added | grep -cv migrationJobUID)" -eq 0 ]
expect 'no VM by itself' [ "$(grep -c 'virtualmachineinstances/' added)" -eq 0 ]
play 0.1
expect 'late2 moves' wait_for phases_of_late 'Pending Succeeded Pending'

test_case 'status: the reasons of the table are those of each'
run kvmig status -o json
jq -r '.items[] | select(.waiting) | "\(.vm) \(.waiting.reason) \(.waiting.message)"' "$out" | grep -E '^(stuck|queued|slow) ' | sort >table
expect 'the same' diff each table
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec": {"configuration": {"migrations": {"parallelMigrationsPerCluster": null}}}}'
run as alice kvmig status -n tenant
expect_status 0
expect_stdout_has KVMIG-PEND-QUOTA
expect 'said once' [ "$(grep -c 'the pod that is to receive the VM cannot be seen' "$err")" -eq 1 ]

test_case 'status: what may not be read is said'
run as alice kvmig status stuck -n tenant -o json
cat "$out" >>documents
run as alice kvmig status stuck -n tenant
expect_status 0
expect_stdout_has 'Note:'
expect_stdout_has 'cannot be seen'

test_case 'status -w: what the table has told is no news; what waited then is asked about again, and VMs that were lost are seen again'
vmi torn '.metadata.annotations["phases.test/stop"] = "Running"'
run kvmig migrate torn --wait=Running --timeout 30s -q --check=off
vmims '.items[] | select(.spec.vmiName == "torn") | .metadata.uid' >uid
torn_state() { # TARGET [MORE]
	vmi torn '.metadata.annotations["phases.test/stop"] = "Running" | .status.migrationState = {migrationUid: "'"$(cat uid)"'", sourceNode: "n1", targetNode: "'"$1"'"'"${2:-}"'}'
}
torn_state n2
label_migration() { # VM: a row does not show it
	bed_kubectl label vmim -n tenant "$(vmims '.items[] | select(.spec.vmiName == "'"$1"'") | .metadata.name')" shown=no
}
bed_rules front '[{"path": "/virtualmachineinstances$", "query": "watch=1", "errorEvent": {"after": 0, "code": 410}, "times": 1},
	{"path": "/virtualmachineinstances$", "query": "limit=", "skip": 1, "status": 500, "times": 5}]'
bed_proxy_requests front >requests
"$KVMIG" status -w -n tenant --kubeconfig "$bed/front.kubeconfig" >watched 2>watched.err &
watcher=$!
added() {
	bed_proxy_requests front | tail -n "+$(($(wc -l <requests) + 1))"
}
watches_vms_again() {
	[ "$(added | grep -c '/virtualmachineinstances?watch=1')" -eq 2 ]
}
expect 'the table' wait_for grep -q '^stuck .*KVMIG-PEND-NO-TARGET' watched
expect "VMs are watched again, after a list that failed: $(added)" wait_for watches_vms_again
torn_state n3
expect "where it goes: $(cat watched)" wait_for grep -Eq '^torn .* Running +n1 +n3 ' watched
bed_kubectl patch pod -n tenant virt-launcher-stuck --subresource status --type merge -p '{"status": {"conditions": []}}'
label_migration queued
label_migration slow
expect "its pod is to start now: $(cat watched)" wait_for grep -q '^stuck .*KVMIG-PEND-TARGET-POD' watched
for vm in queued slow; do
	expect "$vm, which is as it was, once: $(cat watched)" [ "$(grep -c "^$vm " watched)" -eq 1 ]
done
torn_state n3 ', startTimestamp: "2026-01-01T10:00:00Z", endTimestamp: "2026-01-01T10:02:00Z", failureReason: "Live migration has been aborted",
	migrationConfiguration: {completionTimeoutPerGiB: 800, progressTimeout: 100}'
bed_kubectl patch vmim -n tenant "$(vmims '.items[] | select(.spec.vmiName == "torn") | .metadata.name')" --subresource status --type merge \
	-p '{"status": {"phase": "Failed"}}'
expect 'the end' wait_for grep -q '^torn .* Failed ' watched
expect "of the two times the one that ran out: $(cat watched)" grep -q '^torn .* Failed .*KVMIG-FAIL-PROGRESS-TIMEOUT' watched
kill -INT "$watcher"
wait "$watcher"
bed_rules front '[]'
expect 'hosts, which there are none of, are not asked for' [ "$(added | grep -c '/hosts')" -eq 0 ]

test_case 'status: a failure before the hand-off is in the events alone'
vmi nowhere '.metadata.annotations["phases.test/stop"] = "Scheduling"'
run kvmig migrate nowhere --wait=Scheduling --timeout 30s -q
vmims '.items[] | select(.spec.vmiName == "nowhere")' >vmim.json
jq -c '{apiVersion: "v1", kind: "Event", metadata: {namespace: "tenant", generateName: "e-"}, type: "Normal", reason: "SuccessfulDelete",
	message: "Deleted unschedulable pod virt-launcher-nowhere, its timeout period exceeded", lastTimestamp: (now | todate),
	involvedObject: {apiVersion, kind, namespace: "tenant", name: .metadata.name, uid: .metadata.uid}}' vmim.json >event.json
bed_kubectl create -f event.json
bed_kubectl patch vmim -n tenant "$(jq -r .metadata.name vmim.json)" --subresource status --type merge -p '{"status": {"phase": "Failed"}}'
run kvmig status nowhere
expect_stdout_has 'Reason:        KVMIG-FAIL-NO-TARGET-TIMEOUT'
expect_stdout_has 'Deleted unschedulable pod'
pod nowhere '{status: {phase: "Failed"}}'
for vm in nowhere vm1 vm3; do keep $vm; done

test_case 'the fields of the documents are those that kvmig-json(7) names'
expect_documented 'MigrationStatus|MigrationStatus on KubeVirt' documents progress.sampledAt progress.elapsedMs progress.percent \
	progress.iteration progress.memoryTotalBytes progress.memoryProcessedBytes progress.memoryRemainingBytes \
	progress.bandwidthBytesPerSecond progress.dirtyRateBytesPerSecond waiting.position waiting.of result.hint result.endState \
	result.downtimeMs result.memoryProcessedBytes result.iterations alarms.type alarms.reason alarms.message

test_case 'status: that a pod was made is not why it failed'
vmi crashed '.metadata.annotations["phases.test/stop"] = "Scheduling"'
run kvmig migrate crashed --wait=Scheduling --timeout 30s -q
vmims '.items[] | select(.spec.vmiName == "crashed")' >vmim.json
jq -c 'def event($at; $reason; $words): {apiVersion: "v1", kind: "Event", metadata: {namespace: "tenant", generateName: "e-"},
		type: "Normal", reason: $reason, message: $words, lastTimestamp: (now + $at | todate),
		involvedObject: {apiVersion, kind, namespace: "tenant", name: .metadata.name, uid: .metadata.uid}};
	event(0; "SuccessfulCreate"; "Created migration target pod virt-launcher-crashed"),
	event(1; "FailedMigration"; "Migration failed because target pod shutdown during migration")' vmim.json >event.json
while read -r event; do
	printf '%s\n' "$event" >one.json
	bed_kubectl create -f one.json
done <event.json
bed_kubectl patch vmim -n tenant "$(jq -r .metadata.name vmim.json)" --subresource status --type merge -p '{"status": {"phase": "Failed"}}'
run kvmig status crashed
expect_stdout_has 'failed: Migration failed because target pod shutdown'
expect_stdout_has 'Reason:        KVMIG-FAIL-TARGET-POD'

# ---- many ----

test_case 'a batch: each started, moved, told'
for i in 1 2 3 4; do vmi "b$i" '.metadata.labels.app = "batch"'; done
run kvmig migrate -l app=batch --wait --timeout 60s --max-parallel 2
expect_status 0
expect_stderr_has '4 VMs: 4 moved'
expect_stderr_has "VM 'b3' is on 'n2' now: moved from 'n1'" # KubeVirt writes that after the end
expect 'a line each' [ "$(grep -c '^b[1-4] kvmig-' "$out")" -eq 4 ]
expect 'no record is left' [ -z "$(ls "$XDG_STATE_HOME/kvmig/batches")" ]
run kvmig migrate b1 b2 nosuch -o json --wait --timeout 60s
expect_status 4
expect_json '"\(.moved) \(.refused)"' '2 1'

test_case 'a batch in the order of size'
for i in 1 2 3; do vmi "s$i" ".metadata.labels.app = \"sized\" | .spec.domain.memory.guest = \"$((4 - i))Gi\""; done
run kvmig migrate -l app=sized --order smallest --max-parallel 1 --wait --timeout 60s -q
expect_status 0
cut -d ' ' -f 1 "$out" >order
expect 'smallest first' [ "$(tr '\n' ' ' <order)" = 's3 s2 s1 ' ]
run kvmig migrate -l app=sized --order largest -o name -q
expect 'largest first' [ "$(sed 's/.*-//' "$out" | tr '\n' ' ')" = 's1 s2 s3 ' ]

test_case '--from: only those there'
run kvmig migrate --all --from n3 --yes
expect_status 1
expect_stderr_has 'no running VM'

test_case 'a VM that vanishes meanwhile'
vmi v1 '.metadata.labels.app = "vanish" | .metadata.annotations["phases.test/stop"] = "Pending"'
vmi v2 '.metadata.labels.app = "vanish"'
kvmig migrate -l app=vanish --wait --timeout 60s >vanish.out 2>vanish.err &
batch=$!
wait_for grep -q '^v1 ' vanish.out
bed_kubectl delete vmi v1
wait $batch
expect "status $? of a batch with one that vanished" [ $? -eq 4 ]
expect 'it is told' grep -q "of VM 'v1' is gone" vanish.err
expect 'the other moved' grep -q '1 moved' vanish.err
bed_end phases KILL
no_migrations

# ---- a great many ----

jq -n -c --argjson n "$many" '{apiVersion: "v1", kind: "List", items: [range($n) | {apiVersion: "kubevirt.io/v1", kind: "VirtualMachineInstance",
	metadata: {namespace: "tenant", name: ("many-" + (. + 1000 | tostring)), labels: {app: "many"}},
	spec: {architecture: "amd64", domain: {devices: {}, memory: {guest: "64Mi"}}},
	status: {phase: "Running", nodeName: "n1", conditions: [{type: "LiveMigratable", status: "True"}]}}]}' >many.json
bed_kubectl create -f many.json

# no VM twice, none left out
each_once() {
	vmims '.items[].spec.vmiName' | grep '^many-' | sort >got
	expect "$(wc -l <got) migrations of $(sort -u got | wc -l) VMs" [ "$(sort -u got | wc -l)" -eq "$many" ] && [ "$(wc -l <got)" -eq "$many" ]
}

test_case "$many VMs at once: a request each and few beside, at most 60 s"
: >"$bed/front.log"
begin=$(date +%s%N)
run kvmig migrate -l app=many -n tenant --max-parallel "$many" -q --kubeconfig "$bed/front.kubeconfig"
took=$((($(date +%s%N) - begin) / 1000000))
expect_status 0
bed_proxy_requests front >requests
expect "$took ms" [ "$took" -le 60000 ]
expect 'a creation each' [ "$(grep -c '^POST .*virtualmachineinstancemigrations' requests)" -eq "$many" ]
grep -v '^POST' requests | sed 's/resourceVersion=[0-9]*/resourceVersion=N/' >beside
expect "$(wc -l <beside) requests beside: $(cat beside)" [ "$(wc -l <beside)" -le 24 ]
echo "# figure: $many creations and $(wc -l <beside) other requests in $took ms"
each_once
no_migrations

# In the background, as $batch: it has started twenty, and each further one takes so many seconds.
start_twenty() { # SECONDS
	: >killed.out
	bed_rules front "[{\"method\": \"POST\", \"path\": \"virtualmachineinstancemigrations\$\", \"skip\": 20, \"delay\": $1}]"
	kvmig migrate -l app=many -n tenant --max-parallel "$many" --kubeconfig "$bed/front.kubeconfig" >killed.out 2>killed.err &
	batch=$!
	wait_for sh -c '[ "$(wc -l <killed.out)" -ge 20 ]'
}

test_case 'killed, and gone on with: none twice'
start_twenty 60
kill -KILL $batch
wait $batch 2>/dev/null
bed_rules front '[]'
id=$(sed -n 's/^kvmig: batch \([a-z0-9]*\):.*/\1/p' killed.err)
expect 'not all were started' [ "$(vmims '.items | length')" -lt "$many" ]
run kvmig migrate --resume "$id" -n tenant --max-parallel "$many" --kubeconfig "$bed/front.kubeconfig"
expect_status 0
each_once
expect 'no record is left' [ -z "$(ls "$XDG_STATE_HOME/kvmig/batches")" ]
no_migrations

test_case 'interrupted, and run again from the beginning: none twice'
start_twenty 1
kill -INT $batch
wait $batch
expect 'status 130' [ $? -eq 130 ]
bed_rules front '[]'
expect 'what was not started is named' grep -q '^warning: not started: many-' killed.err
expect 'how to go on' grep -q 'migrate --resume' killed.err
run kvmig migrate -l app=many --max-parallel "$many" -q
expect_status 4
expect_stderr_has '[KVMIG-BLK-IN-FLIGHT]'
each_once
no_migrations

test_case 'the API server gone midway: what was not started is named, and gone on with'
bed_rules front '[{"method": "POST", "path": "virtualmachineinstancemigrations$", "skip": 10, "status": 503, "reason": "ServiceUnavailable", "message": "gone"}]'
run kvmig migrate -l app=many -n tenant --max-parallel "$many" --kubeconfig "$bed/front.kubeconfig"
expect_status 4
expect_stderr_has 'not started: many-'
expect 'ten were' [ "$(wc -l <"$out")" -eq 10 ]
id=$(sed -n 's/^kvmig: batch \([a-z0-9]*\):.*/\1/p' "$err")
bed_rules front '[]'
run kvmig migrate --resume "$id"
expect_status 1
expect_stderr_has 'name that context'
run kvmig migrate --resume "$id" -n tenant --max-parallel "$many" -q --kubeconfig "$bed/front.kubeconfig"
expect_status 0
each_once

# ---- an older KubeVirt ----

test_case 'a KubeVirt without addedNodeSelector: the release that brings it'
bed_crds kubevirt-1.4
wait_for sh -c 'kubectl explain vmim.spec >explained && grep -q vmiName explained && ! grep -q addedNodeSelector explained'
# the server publishes its versions one after the other
wait_for sh -c 'rm -rf other-cache; XDG_CACHE_HOME=$PWD/other-cache kvmig migrate vm1 --node n2 2>&1 | grep -q "came with"'
run env XDG_CACHE_HOME="$work/other-cache" kvmig migrate vm1 --node n2 # what a schema says is kept for a while
expect_status 1
expect_stderr_has 'addedNodeSelector came with KubeVirt 1.6'

done_testing
