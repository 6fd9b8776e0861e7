#!/bin/sh
# Migration policies on the real API server: the documents' example from label to verdict, users who may read only a part,
# labels of VMs as KubeVirt has them. tests/cli/policy.sh has the same commands on the local store.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
[ -x /usr/bin/time ] || bail_out "/usr/bin/time is not installed (Debian: time)"
bed_up
bed_manager
bed_kubevirt 1.9
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG
for ns in prod test; do
	bed_kubectl create namespace $ns
done
bed_kubectl label ns prod hpc-workloads=True xyz-workloads-type=

vm() { # NS NAME 'K: V, …' of the template [DEVICES]
	printf '{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {namespace: %s, name: %s},
		spec: {runStrategy: Always, template: {metadata: {labels: {%s}}, spec: {domain: {devices: {%s}}}}}}\n' "$1" "$2" "$3" "${4:-}" >object.yaml
	bed_kubectl apply -f object.yaml
}

vmi() { # NS NAME 'K: V, …' [DEVICES]
	printf '{apiVersion: kubevirt.io/v1, kind: VirtualMachineInstance, metadata: {namespace: %s, name: %s, labels: {%s}},
		spec: {domain: {devices: {%s}}}, status: {phase: Running, nodeName: n1}}\n' "$1" "$2" "$3" "${4:-}" >object.yaml
	bed_kubectl apply -f object.yaml
}


# ---- the documents' example ----

test_case 'from label to policy to verdict'
vm prod fedora ''
vmi prod fedora 'kubevirt.io/vm: fedora'
run kvmig policy create my-policy --project-label hpc-workloads=True --project-label xyz-workloads-type= \
	--vm-label kubevirt.io/environment=production --set bandwidthPerMigration=64Mi --set completionTimeoutPerGiB=800
expect_status 0
expect_stderr_has 'context kube/bed'
run kvmig policy explain fedora -n prod -o json
expect_status 0
expect_json .ruleInForce kubevirt
expect_json '.policy // "-"' -
expect_json '.policies[0] | "\(.policy) \(.reason) \(.key)"' 'my-policy vm-label-missing kubevirt.io/environment'
run kvmig policy explain fedora -n prod --as-if kubevirt.io/environment=production -o name
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/my-policy
END
run kvmig vm label fedora -n prod kubevirt.io/environment=production
expect_status 0
expect_stderr_has "VM 'fedora' labelled: its template, and the VM that runs"
run kubectl get vm -n prod fedora -o json
expect_json '.spec.template.metadata.labels["kubevirt.io/environment"]' production
run kubectl get vmi -n prod fedora -o json
expect_json '.metadata.labels | "\(.["kubevirt.io/environment"]) \(.["kubevirt.io/vm"])"' 'production fedora'
run kvmig policy explain fedora -n prod
expect 'the winner' grep -qE '^Policy: +my-policy$' "$out"
expect 'its value' grep -qE '^bandwidthPerMigration +64 MiB/s +policy' "$out"
expect 'the default' grep -qE '^progressTimeout +150 s +default' "$out"
run kvmig policy explain fedora -n prod -o json
expect_json '"\(.policy) \(.certain) \(.running)"' 'my-policy true true'
expect_json '.policies[0] | .matchedVmLabels + .matchedProjectLabels | join(" ")' \
	'kubevirt.io/environment=production hpc-workloads=True xyz-workloads-type='
run kvmig policy explain fedora -n prod -o wide
expect 'what matches' grep -qF 'kubevirt.io/environment=production; project: hpc-workloads=True,xyz-workloads-type=' "$out"
run kvmig policy matches my-policy -A -o json
expect_json '.items | map("\(.namespace)/\(.vm) \(.wins)") | join(",")' 'prod/fedora true'
run kvmig policy matches -n prod
expect_stdout <<END
VM       POLICY
fedora   my-policy
END
run kvmig policy list -o name
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/my-policy
END
run kvmig policy show my-policy
expect 'its labels' grep -qE '^VM labels: +kubevirt.io/environment=production$' "$out"

test_case 'the settings are what is in force: KubeVirt lets workload disruption follow post-copy'
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec":{"configuration":{"migrations":{"allowPostCopy":true}}}}'
run kvmig policy explain fedora -n prod -o json
expect_json '.settings[] | select(.key | startswith("allow")) | "\(.key) \(.text) \(.origin) \(.note)"' \
	"$(printf '%s\n' 'allowPostCopy true cluster null' 'allowWorkloadDisruption true default null' 'allowAutoConverge false default null')"
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec":{"configuration":{"migrations":{"allowPostCopy":null}}}}'

test_case 'create: what the server and what we refuse'
run kvmig policy create my-policy
expect_status 8
expect_stderr_has "'my-policy' is there already"
run kvmig policy create p --set completionTimeoutPerGiB=-1
expect_status 2
run kvmig policy create p --set bandwidthPerMigration=1Mi --dry-run -o yaml
expect_status 0
expect_stderr_has '(dry run)'
run kvmig policy show p
expect_status 1
run kvmig policy create p --read-only
expect_status 7
printf 'cases: [{vmLabels: {kubevirt.io/environment: production}, projectLabels: {hpc-workloads: "True", xyz-workloads-type: ""}, policy: my-policy}]\n' >cases.yaml
kvmig policy show my-policy -o yaml >my-policy.yaml
run kvmig policy test -f cases.yaml my-policy.yaml
expect_status 0

test_case 'what a dry run and show write can be applied, again and again'
kvmig policy create written --vm-label nobody=has --set bandwidthPerMigration=1Mi --dry-run -o yaml -q >written.yaml
expect 'nothing of the server' [ "$(grep -cE 'managedFields|uid|creationTimestamp' written.yaml)" -eq 0 ]
for value in 1Mi 2Mi; do
	sed -i "s/: [0-9]Mi/: $value/" written.yaml
	run kvmig apply -f written.yaml
	expect_status 0
done
run kubectl apply --dry-run=server -f written.yaml
expect_status 0
kvmig policy show written -o yaml | sed s/2Mi/3Mi/ >written.yaml
run kvmig apply -f written.yaml
expect_status 0
run kvmig policy list -o json
expect_json '.items[] | select(.metadata.name == "written") | "\(.kind) \(.spec.bandwidthPerMigration) \(.metadata | has("managedFields"))"' \
	'MigrationPolicy 3Mi false'
run kvmig policy delete written
expect_status 0

test_case 'feature gates: off, on, not known'
gate() { # JSON of developerConfiguration
	bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p "{\"spec\":{\"configuration\":{\"developerConfiguration\":$1}}}"
}
run kvmig policy create gated --vm-label a=b --set maxDowntimeMs=900
expect_status 1
expect_stderr_has "policy 'gated': spec.maxDowntimeMs needs the feature gate MigrationStallDetection or MigrationDowntimeTuning, which are off in this KubeVirt 1.9"
expect_stderr_has 'spec.configuration.developerConfiguration.featureGates'
run kvmig policy show gated
expect_status 1
run kvmig policy create gated --vm-label a=b --set experimental.stallDetector.stallMargin=4 --dry-run
expect_status 1
expect_stderr_has 'spec.experimental.stallDetector needs the feature gate MigrationStallDetection, which is off'
gate '{"featureGates":["MigrationStallDetection"]}'
run kvmig policy create gated --vm-label nobody=has --set maxDowntimeMs=500
expect_status 0
run kvmig policy lint -o json
expect_json '[.items[] | select(.reason == "KVMIG-LINT-POLICY-GATED")] | length' 0
gate null
run kvmig policy lint -o json
expect_json '.items[] | select(.reason == "KVMIG-LINT-POLICY-GATED") | "\(.policy): \(.message)"' \
	'gated: maxDowntimeMs does nothing without the feature gate MigrationStallDetection or MigrationDowntimeTuning, which are off in this KubeVirt 1.9'
vmi prod fast 'nobody: has'
run kvmig policy explain fast -n prod -o json
expect_json '.settings[] | select(.key == "maxDowntimeMs") | "\(.text) \(.origin): \(.note)"' \
	'500 ms policy: no effect without the feature gate MigrationStallDetection or MigrationDowntimeTuning, which are off in this KubeVirt 1.9'
bed_kubectl delete vmi -n prod fast
run env KUBE_EDITOR="sed -i s/500/900/" kvmig policy edit gated
expect_status 1
expect_stderr_has 'spec.maxDowntimeMs needs the feature gate'
run env KUBE_EDITOR="sed -i s/nobody:/nobody-at-all:/" kvmig policy edit gated
expect_status 0
bed_kubectl patch kubevirt kubevirt -n kubevirt --subresource status --type merge -p '{"status":{"observedKubeVirtVersion":"sha256:12","operatorVersion":""}}'
run kvmig policy lint -o json
expect_json '.items[] | select(.reason == "KVMIG-LINT-POLICY-GATED") | .message' \
	'maxDowntimeMs does nothing without the feature gate MigrationStallDetection or MigrationDowntimeTuning: whether one of them is on cannot be told in this release'
# the fix that lint names is a command that works
jq -r '.items[] | select(.reason == "KVMIG-LINT-POLICY-GATED") | .fix' "$out" >fix
expect 'a command' grep -qx 'kvmig policy edit gated --unset maxDowntimeMs' fix
# shellcheck disable=SC2046 # words
run $(cat fix)
expect_status 0
run kvmig policy lint -o json
expect_json '[.items[] | select(.reason == "KVMIG-LINT-POLICY-GATED")] | length' 0
run kvmig policy create gated-2 --vm-label nobody=else --set maxDowntimeMs=500
expect_status 0
expect_stderr_has 'whether one of them is on cannot be told'
bed_kubectl patch kubevirt kubevirt -n kubevirt --subresource status --type merge -p '{"status":{"observedKubeVirtVersion":"v1.9.0","operatorVersion":"v1.9.0"}}'
run kvmig policy delete gated gated-2
expect_status 0

test_case 'both rules: which one is in force, and where they differ'
run kvmig policy create a-two-vm --vm-label z=1,x=1
run kvmig policy create b-mixed --vm-label z=1 --project-label hpc-workloads=True
vmi prod both 'z: "1", x: "1"'
run kvmig policy explain both -n prod --rule both
expect_stderr_has "by the documents 'b-mixed' applies, by KubeVirt's code 'a-two-vm'; in force here: kubevirt"
expect 'the winner' grep -qE '^Policy: +a-two-vm$' "$out"
run kvmig policy matches -A -o json
expect_json '.items | map("\(.vm)=\(.policy // "-")") | join(" ")' 'both=a-two-vm fedora=my-policy'

test_case 'a project is known by its own name'
run kvmig policy create by-name --project-label kubernetes.io/metadata.name=test
vmi test web ''
run kvmig policy explain web -n test -o name
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/by-name
END
run kvmig policy delete by-name a-two-vm b-mixed
expect_status 0

test_case 'labels that a hand-over sets: where the VM goes is not known before'
target=kubevirt.io/migrationTargetNodeName
run kvmig policy create to-n2 --vm-label x=1,z=1,$target=n2 --set bandwidthPerMigration=5Mi
run kvmig policy create to-n3 --vm-label nobody=has,$target=n3
run kvmig policy create from-n9 --vm-label x=1,z=1,a=b,kubevirt.io/nodeName=n9
# the target that is still on it is that of the migration before
vmi prod both "z: \"1\", x: \"1\", kubevirt.io/nodeName: n1, $target: n2"
run kvmig policy explain both -n prod -o json
expect_status 0
expect_json '"\(.certain) \(.policy) \(.mayApply | join(" "))"' 'false null to-n2'
expect_json '.policies[] | select(.policy == "to-n2") | "\(.reason) \(.key) \(.wanted)"' "vm-label-later $target n2"
expect_json '.policies[] | select(.policy == "to-n3") | "\(.reason) \(.key)"' 'vm-label-missing nobody'
expect_json '.settings[] | select(.key == "bandwidthPerMigration") | "\(.text) \(.origin)"' '? unknown'
expect_stderr_has "which policy applies hangs on where the VM goes: $target is set when a migration is handed over"
run kvmig policy explain both -n prod
expect 'no guess' grep -qE "^Policy: +not known: none, or by what the hand-over brings 'to-n2'$" "$out"
run kvmig policy explain both -n prod --as-if $target=n2 -o json
expect_json '"\(.certain) \(.policy)"' 'true to-n2'
run kvmig policy explain both -n prod --as-if $target=n7 -o json
expect_json '"\(.certain) \(.policy)"' 'true null'
run kvmig policy matches -n prod -o json
expect_json '.items | map("\(.vm)=\(.policy // "-"),\(.certain)") | join(" ")' 'both=-,false fedora=my-policy,true'
expect_stderr_has 'which policy 1 VM has hangs on where a migration goes'
run kvmig policy lint -o json
expect_json '.items | map(select(.reason | endswith("UNMATCHED")) | .policy) | join(" ")' 'from-n9 to-n3'
vmi prod both 'z: "1", x: "1"'
run kvmig policy delete to-n2 to-n3 from-n9
expect_status 0

# ---- a part of the rights ----

test_case 'a project whose labels may not be read: what is certain is told, the rest is not'
bed_kubectl create clusterrole reader --verb=get,list --resource=virtualmachineinstances.kubevirt.io,migrationpolicies.migrations.kubevirt.io
bed_kubectl create clusterrolebinding reader --clusterrole=reader --user=bob
run kvmig policy create gold --vm-label tier=gold --set bandwidthPerMigration=1Gi
run kvmig policy create silver --vm-label tier=silver,kubevirt.io/environment=production,z=1,x=1 --set bandwidthPerMigration=2Gi
vmi prod one 'tier: gold, kubevirt.io/environment: production'
vmi prod two 'tier: silver, kubevirt.io/environment: production, z: "1", x: "1"'
run as bob kvmig policy explain one -n prod -o json
expect_status 0
expect_json '"\(.certain) \(.policy) \(.projectLabelsKnown)"' 'false null false'
expect_json '.mayApply | join(" ")' 'gold my-policy'
expect_json '.settings[] | select(.key == "bandwidthPerMigration") | "\(.text) \(.origin)"' '? unknown'
expect_json '.settings[] | select(.key == "progressTimeout") | .text' '150 s'
expect_stderr_has "the labels of project 'prod' cannot be read with your rights: a policy that looks at them may apply"
run as bob kvmig policy explain one -n prod
expect 'no guess' grep -qE "^Policy: +not known: 'gold', or by the labels of the project 'my-policy'$" "$out"
run as bob kvmig policy explain one -n prod -o name
expect_no_stdout
run as bob kvmig policy explain two -n prod -o json
expect_json '"\(.certain) \(.policy)"' 'true silver'
expect_stderr_has 'no policy that looks at them goes before the one that applies'
run as bob kvmig policy explain one -n prod --namespace-label hpc-workloads=True --namespace-label xyz-workloads-type= -o name
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/my-policy
END
run kvmig policy create p1 --vm-label nobody=has --project-label zone=b,hpc=true
run kvmig policy create p2 --vm-label nobody=has --project-label zone=b
expect_status 0
run as bob kvmig policy explain one -n prod --as-if nobody=has --as-if tier- --namespace-label zone=b -o json
expect_status 0
expect_json '"\(.certain) \(.policy) \(.projectLabelsKnown): \(.mayApply | sort | join(" "))"' 'false null false: my-policy p1 p2'
run as bob kvmig policy explain one -n prod --as-if nobody=has --as-if tier- --namespace-label zone=b --namespace-label hpc=false \
	--namespace-label hpc-workloads- -o json
expect_json '"\(.certain) \(.policy)"' 'true p2'
expect_json '.policies[] | select(.policy == "p1") | "\(.reason) \(.key)"' 'project-label-differs hpc'
expect_json '.policies[] | select(.policy == "my-policy") | "\(.reason) \(.key)"' 'project-label-missing hpc-workloads'
run kvmig policy explain one -n prod --as-if nobody=has --as-if tier- --namespace-label zone=b --as-if kubevirt.io/environment- -o json
expect_json '"\(.certain) \(.policy)"' 'true p2'
run kvmig policy delete p1 p2
run as bob kvmig policy matches -A -o json
expect_json '.items | map("\(.vm)=\(.policy // "-"),\(.certain)") | join(" ")' 'both=-,true fedora=-,false one=-,false two=silver,true web=-,true'
expect_stderr_has 'which policy 2 VMs there have is not known'
bed_kubectl label vmi -n prod --all kubevirt.io/environment-
run as bob kvmig policy matches -A -o json
expect_json 'all(.items[]; .certain)' true
expect_stderr_lacks 'is not known'
bed_kubectl label vmi -n prod fedora one two kubevirt.io/environment=production
run as bob kvmig policy matches -n prod
expect 'no guess' grep -qE '^one +\(unknown\)$' "$out"
run as bob kvmig policy matches gold --wins -A
expect_no_stdout
run as bob kvmig policy matches silver --wins -A -o name
expect_stdout <<END
virtualmachineinstance.kubevirt.io/two
END

test_case 'who may not list namespaces, but read one'
bed_kubectl create clusterrole ns-prod --verb=get --resource=namespaces --resource-name=prod
bed_kubectl create clusterrolebinding ns-prod --clusterrole=ns-prod --user=bob
run as bob kvmig policy matches -A -o json
expect_json '.items | map("\(.vm)=\(.policy // "-"),\(.certain)") | join(" ")' 'both=-,true fedora=my-policy,true one=my-policy,true two=silver,true web=-,true'
bed_kubectl delete clusterrolebinding ns-prod

test_case 'lint with a part of the rights: what was not looked at is said'
run as bob kvmig policy lint -o json
expect_stderr_has 'the labels of some projects cannot be read with your rights'
expect_stderr_has 'the VirtualMachines of all namespaces cannot be listed with your rights'
expect_json '[.items[] | select(.policy == "my-policy")] | length' 0
bed_kubectl create clusterrole policies --verb=get,list --resource=migrationpolicies.migrations.kubevirt.io
bed_kubectl create clusterrolebinding policies --clusterrole=policies --user=carol
run as carol kvmig policy lint -o json
expect_stderr_has 'the VMs of all namespaces cannot be listed with your rights'
expect_json '[.items[] | select(.reason | endswith("UNMATCHED"))] | length' 0

test_case 'no right to policies, VMs, to write: status 7, and what to do'
bed_kubectl create rolebinding edit -n test --clusterrole=edit --user=alice
for words in 'list' 'matches -n test' 'lint' 'explain web -n test'; do
	# shellcheck disable=SC2086 # words
	run as alice kvmig policy $words
	expect_status 7
	expect_stderr_has 'cannot list migrationpolicies'
	expect_no_stdout
done
expect_stderr_has 'without the policies nobody can tell which one applies'
run as alice kvmig policy show gold
expect_status 7
run as alice kvmig policy create mine --vm-label a=b
expect_status 7
run as alice kvmig policy delete gold
expect_status 7
run as carol kvmig policy explain one -n prod
expect_status 7
expect_stderr_has 'User "carol" cannot get resource "virtualmachineinstances"'
run as carol kvmig policy matches -n prod
expect_status 7

# ---- VMs that do not run, that have no VM, that are not there ----

test_case 'a VM that does not run: its template; one that is not there'
vm prod stopped 'tier: gold'
run kvmig policy explain stopped -n prod -o json
expect_json '"\(.policy) \(.running)"' 'gold false'
expect_stderr_has "'stopped' does not run: the labels are those of its template"
run kvmig policy explain stoped -n prod
expect_status 1
expect_stderr_has "there is no VM 'stoped' in namespace 'prod'"
run as bob kvmig policy explain stopped -n prod
expect_status 7
expect_stderr_has "'stopped' does not run, and its template is not to be seen"

test_case 'vm label: a VM that does not run, one without a VirtualMachine, neither'
run kvmig vm label stopped -n prod team=a
expect_status 0
expect_stderr_has "VM 'stopped' labelled: its template; it does not run now"
run kvmig vm label one -n prod team=a tier-
expect_status 0
expect_stderr_has 'it has no VirtualMachine: its labels end with it'
run kubectl get vmi -n prod one -o json
expect_json '.metadata.labels | "\(.team) \(.tier)"' 'a null'
run kvmig vm label nobody -n prod team=a
expect_status 1
expect_stderr_has "there is no VM 'nobody' in namespace 'prod'"
run kvmig vm label one -n prod team=a --template-only
expect_status 1
expect_stderr_has "there is no VirtualMachine 'one' in namespace 'prod'"

test_case 'vm label: the template alone, unchanged, overwrite, removal'
run kvmig vm label fedora -n prod tier=gold --template-only
expect_status 0
expect_stderr_has 'only its template'
run kubectl get vmi -n prod fedora -o json
expect_json '.metadata.labels.tier' null
run kvmig vm label fedora -n prod tier=gold
expect_stderr_has labelled
run kvmig vm label fedora -n prod tier=gold
expect_stderr_has unchanged
run kvmig vm label fedora -n prod tier=silver
expect_status 8
expect_stderr_has "template: 'fedora' already has the label tier=gold"
bed_kubectl label vmi -n prod fedora only-here=1
run kvmig vm label fedora -n prod only-here=2
expect_status 8
expect_stderr_has "running VM: 'fedora' already has the label only-here=1"
run kubectl get vm -n prod fedora -o json
expect_json '.spec.template.metadata.labels["only-here"]' null
run kvmig vm label fedora -n prod tier=silver only-here- --overwrite
expect_status 0
run kubectl get vmi -n prod fedora -o json
expect_json '.metadata.labels | "\(.tier) \(.["only-here"])"' 'silver null'
run kvmig vm label fedora -n prod kubevirt.io/nodeName=n2
expect_status 3
expect_stderr_has "KubeVirt's own"
run kvmig vm label fedora -n prod nosuch-
expect_status 0
expect_stderr_has "VM 'fedora' has no label 'nosuch'"
expect_stderr_has "VM 'fedora' unchanged"

test_case 'vm show: the policy, and what it rests on'
run kvmig vm show fedora -n prod
expect 'its policy' grep -qE '^Policy: +my-policy$' "$out"
run as bob kvmig vm show two -n prod
expect 'its policy' grep -qE '^Policy: +silver$' "$out"
expect 'not to be read' grep -qE '^Migration: +not known: .*cannot list' "$out"
run as bob kvmig vm show fedora -n prod
expect 'no guess' grep -qE "^Policy: +not known: 'kvmig policy explain -n prod fedora' tells on what it hangs$" "$out"
run kvmig vm label fedora -n prod 'a b=c'
expect_status 2

test_case 'vm label: only the template may be written: status 4, and what was done'
bed_kubectl create clusterrole vm-writer --verb=get,patch --resource=virtualmachines.kubevirt.io
bed_kubectl create clusterrolebinding vm-writer --clusterrole=vm-writer --user=bob
run as bob kvmig vm label fedora -n prod half=done
expect_status 4
expect_stderr_has "the template of 'fedora' is labelled, the running VM is not"
expect_stderr_has 'cannot patch resource "virtualmachineinstances"'
run kubectl get vm -n prod fedora -o json
expect_json '.spec.template.metadata.labels.half' 'done'
run as carol kvmig vm label fedora -n prod a=b
expect_status 7

# ---- lint ----

test_case 'lint: labels that have not reached the VM that runs'
vm prod late 'tier: gold'
vmi prod late 'kubevirt.io/vm: late'
bed_kubectl label vm -n prod late kubevirt.io/environment=production
run kvmig policy lint -o json
expect_status 1
expect_json '.items[] | select(.reason == "KVMIG-LINT-POLICY-NOT-RUNNING-LABEL") | "\(.policy): \(.fix)"' \
	'my-policy: kvmig vm label -n prod late kubevirt.io/environment=production tier=gold'
expect_json '.items[] | select(.reason == "KVMIG-LINT-POLICY-NOT-RUNNING-LABEL") | .message' \
	'would apply to 1 more VM, but labels of the VirtualMachine are not on the VM that runs: prod/late (kubevirt.io/environment=production tier=gold)'
kvmig vm label -n prod late kubevirt.io/environment=production tier=gold -q
run kvmig policy lint -o json
expect_json '[.items[] | select(.reason == "KVMIG-LINT-POLICY-NOT-RUNNING-LABEL")] | length' 0

test_case 'lint: post-copy for VMs that cannot use it'
run kvmig policy create fast --vm-label speed=high --set allowPostCopy=true
expect_stderr_has 'post-copy has no way back'
vmi prod gpu 'speed: high' 'gpus: [{name: g, deviceName: x/y}]'
vmi prod nic 'speed: high' 'interfaces: [{name: n, sriov: {}}]'
vmi prod plain 'speed: high'
vmi prod elsewhere 'speed: low' 'gpus: [{name: g, deviceName: x/y}]'
run kvmig policy lint -o json
expect_json '.items[] | select(.reason == "KVMIG-LINT-POLICY-POST-COPY") | "\(.policy): \(.message)"' \
	'fast: allows post-copy, which 2 of its VMs cannot use: prod/gpu (a GPU), prod/nic (an SR-IOV interface); they need a policy of their own, or none may'
jq -r '.items[] | select(.reason == "KVMIG-LINT-POLICY-POST-COPY") | .fix' "$out" >fix
# shellcheck disable=SC2046 # words
run $(cat fix)
expect_status 0
run kvmig policy lint -o json
expect_json '[.items[] | select(.reason == "KVMIG-LINT-POLICY-POST-COPY")] | length' 0
run kvmig policy edit fast --set allowPostCopy=true --unset allowWorkloadDisruption
expect_status 0
run kvmig policy lint -o wide
expect 'the row' grep -q 'KVMIG-LINT-POLICY-POST-COPY' "$out"

test_case 'lint: the rest of it, and nothing'
run kvmig policy create unmatched --vm-label nobody=has
run kvmig policy create off --vm-label speed=low --set allowPostCopy=false
run kvmig policy lint -o json
expect_json '.items | map(select(.reason | test("OFF|UNMATCHED")) | .policy + ":" + (.reason | sub("KVMIG-LINT-POLICY-"; ""))) | join(" ")' \
	'off:DISRUPTION-OFF unmatched:UNMATCHED'
run kvmig policy delete fast unmatched off silver
bed_kubectl delete vmi -n prod two
run kvmig policy lint
expect_status 0
expect_stderr_has 'nothing to object to in 2 policies'

# ---- how much memory ----

test_case 'matches -A over 1,000 VMs of 20 kB: only their metadata is asked for, and none is kept'
bed_end manager # it would collect what has no owner
bed_fill 1000 -namespaces prod,test
bed_proxy counting
bed_kubeconfig admin "$bed/counted.kubeconfig" "https://$(cat "$bed/counting.address")"
run env KUBECONFIG="$bed/counted.kubeconfig" /usr/bin/time -o peak -f %M kvmig policy matches -A
expect_status 0
expect "$(wc -l <"$out") lines" [ "$(wc -l <"$out")" -ge 1001 ]
# AddressSanitizer keeps what is freed: its memory says nothing
grep -q -e '-fsanitize=address' "$build/Makefile" ||
	expect "peak $(cat peak) KiB" [ "$(tail -n 1 peak)" -le 32768 ]
echo "# figure: $(tail -n 1 peak) KiB"
run bed_proxy_requests counting '.path | test("virtualmachineinstances$")'
expect "requests: $(wc -l <"$out")" [ "$(wc -l <"$out")" -le 4 ]

done_testing
