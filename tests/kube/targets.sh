#!/bin/sh
# kvmig targets on the real API server: fifty varied nodes, pods that fill them, a VM with everything that a VM can ask for;
# every reason is met, and callers who may read only a part are told what the answer rests on.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
bed_server_options='--disable-admission-plugins TaintNodesByCondition' # nobody is there to take its taint off again
bed_up
bed_manager
bed_kubevirt 1.9
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG
bed_kubectl create namespace prod

# ---- the cluster ----

jq -n -f "$bed_source/nodes.jq" >nodes.json || bail_out 'no nodes'

cat >vm.yaml <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web-1, namespace: prod, labels: {app: web}}
spec:
  architecture: amd64
  nodeSelector: {disk: ssd}
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [a, b]}]}]
      preferredDuringSchedulingIgnoredDuringExecution:
      - {weight: 10, preference: {matchExpressions: [{key: rack, operator: Exists}]}}
    podAntiAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
      - {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: db}}}
      - {topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: rival}}}
  tolerations: [{key: dedicated, operator: Exists}]
  topologySpreadConstraints:
  - {maxSkew: 2, topologyKey: row, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}
  - {maxSkew: 1, topologyKey: rack, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: web}}}
  volumes: [{name: root, persistentVolumeClaim: {claimName: root}}]
  domain:
    cpu: {model: host-model, cores: 4}
    memory: {guest: 1Gi, hugepages: {pageSize: 2Mi}}
    machine: {type: pc-q35-9.2}
    devices: {gpus: [{name: gpu1, deviceName: nvidia.com/A100}]}
  networks: [{name: net1, multus: {networkName: br1}}]
status: {phase: Running, nodeName: source}
END
cat >volume.yaml <<END
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv-root}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteMany]
  storageClassName: zonal
  csi: {driver: none.example.org, volumeHandle: root}
  claimRef: {namespace: prod, name: root}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [
    {key: topology.kubernetes.io/zone, operator: In, values: [a, r]}]}]}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: root, namespace: prod}
spec:
  accessModes: [ReadWriteMany]
  storageClassName: zonal
  volumeName: pv-root
  resources: {requests: {storage: 1Gi}}
END
bed_kubectl apply -f volume.yaml
bed_kubectl apply -f vm.yaml
bed_kubectl create -f nodes.json
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec": {"configuration": {
	"migrations": {"network": "mig"}, "developerConfiguration": {"nodeSelectors": {"vms": "yes"}}}}}'
bed_kubectl get vmi -n prod web-1 -o 'jsonpath={.metadata.uid}'
uid=$(cat "$bed/kubectl.out")

# Pods: the one that runs the VM, what fills nodes, and virt-handler on each.
cat >pods.jq <<'END'
def pod($ns; $name; $node; $labels; $requests): {apiVersion: "v1", kind: "Pod",
	metadata: {name: $name, namespace: $ns, labels: $labels},
	spec: {nodeName: $node, terminationGracePeriodSeconds: 0, tolerations: [{operator: "Exists"}],
		containers: [{name: "compute", image: "none", resources: {requests: $requests,
			limits: ($requests | with_entries(select(.key | contains("/") or startswith("hugepages"))))}}]}};
[ (pod("prod"; "virt-launcher-web-1-x"; "source"; {app: "web", "kubevirt.io": "virt-launcher", "kubevirt.io/created-by": $uid};
	{cpu: "400m", memory: "600Mi", "ephemeral-storage": "50M", "hugepages-2Mi": "1Gi", "devices.kubevirt.io/kvm": "1", "nvidia.com/A100": "1",
		"bridge.network.kubevirt.io/br1": "1"})
	| .spec.nodeSelector = {"kubevirt.io/schedulable": "true", "machine-type.node.kubevirt.io/pc-q35-9.2": "true",
		"scheduling.node.kubevirt.io/tsc-frequency-2000000000": "true", "kubevirt.io/sev": "true",
		"hyperv.node.kubevirt.io/synic": "true", disk: "ssd", "kubernetes.io/hostname": "source"}
	| .spec.tolerations = [{key: "dedicated", operator: "Exists"}, # and what PodTolerationRestriction adds
		{key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule"}]),
  pod("prod"; "db-1"; "db"; {app: "db"}; {memory: "1Gi"}),
  pod("prod"; "rival-1"; "rival"; {app: "rival"}; {}),
  (pod("prod"; "shy-1"; "shy"; {}; {}) | .spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution =
	[{topologyKey: "kubernetes.io/hostname", labelSelector: {matchLabels: {app: "web"}}}]),
  (range(3) | pod("prod"; "web-of-row-\(.)"; "full-row"; {app: "web"}; {})),
  pod("prod"; "hog"; "full"; {}; {memory: "15700Mi", cpu: "1"}),
  pod("prod"; "half"; "fits-1"; {}; {memory: "8Gi"}),
  pod("prod"; "trainer"; "gpu-used"; {}; {"nvidia.com/A100": "1", memory: "1Gi"}),
  ($nodes[0].items[].metadata.name | . as $node
	| pod("kubevirt"; "virt-handler-\($node)"; $node; {"kubevirt.io": "virt-handler"}; {memory: "100Mi", cpu: "10m"})
	| .metadata.annotations["k8s.v1.cni.cncf.io/network-status"] =
		(if $node == "off-network" then "[]" else [{name: "kubevirt/mig", interface: "migration0", ips: ["192.0.2.1"]}] | tojson end))
] | {apiVersion: "v1", kind: "List", items: .}
END
for ns in prod kubevirt; do
	wait_for kubectl get serviceaccount default -n $ns || bail_out "no service account in $ns"
done
jq -n -f pods.jq --arg uid "$uid" --slurpfile nodes nodes.json >pods.json || bail_out 'no pods'
bed_kubectl create -f pods.json

reasons_of() { # NODE: its codes, without what all have in common
	jq -r --arg node "$1" '[.targets[] | select(.node == $node) | .obstacles[].reason | ltrimstr("KVMIG-TGT-")] | join(" ")' "$out"
}

message_of() { # NODE
	jq -r --arg node "$1" '[.targets[] | select(.node == $node) | .obstacles[].message] | join("; ")' "$out"
}

expect_node() { # NODE REASONS
	expect "$1: '$(reasons_of "$1")', not '$2': $(message_of "$1")" test "$(reasons_of "$1")" = "$2"
}

# ---- every reason ----

test_case 'fifty nodes, each with all that speaks against it'
run kvmig targets web-1 -n prod --node-selector tier=gold -o json
expect_status 0
expect_json .nodeCount "$(jq '.items | length' nodes.json)"
while read -r node reasons; do
	expect_node "$node" "$reasons"
done <<END
source SOURCE
fits-1
fits-tolerated
fits-pressed
db POD-AFFINITY
rival POD-AFFINITY
rival-near POD-AFFINITY
shy POD-AFFINITY
full-row SPREAD
rowless SPREAD
far VOLUME
scratchless EPHEMERAL
full MEMORY
gpu-used DEVICE
off-network MIGRATION-NETWORK
cordoned CORDONED
not-ready NOT-READY
silent UNREACHABLE
unschedulable NOT-SCHEDULABLE
unlabelled NOT-SCHEDULABLE
copper ADDED-SELECTOR
tierless ADDED-SELECTOR
hdd VM-SELECTOR
diskless VM-SELECTOR
control CLUSTER-SELECTOR
zone-c AFFINITY
tainted TAINT
evicting TAINT
arm ARCH
old-cpu CPU-MODEL
amd CPU-MODEL
obsolete CPU-MODEL
featureless CPU-FEATURE
old-qemu MACHINE-TYPE
tsc CAPABILITY
sevless CAPABILITY
hypervless CAPABILITY
no-kvm VIRT-TYPE
small MEMORY
slow CPU
crowded PODS
pageless HUGEPAGES
few-pages HUGEPAGES
gpuless DEVICE
bridgeless NETWORK
everything CORDONED NOT-READY VM-SELECTOR AFFINITY TAINT TAINT MACHINE-TYPE CPU-FEATURE MEMORY DEVICE
zz-0 VM-SELECTOR AFFINITY
END

# Those that only libvirt hosts can give, and the suite that asks for each.
cat >of_hosts <<END
KVMIG-TGT-LIBVIRT tests/lab/targets.sh
KVMIG-TGT-SAME-HOST tests/cli/targets.sh
KVMIG-TGT-VERSION tests/cli/targets.sh
END

test_case 'the reasons are those of the table, all but those of libvirt hosts'
jq -r '.reasonCounts[].reason' "$out" >met
while read -r code suite; do
	expect "$suite does not ask for $code" grep -q -e "$code" "$top_srcdir/$suite"
	echo "$code" >>met
done <of_hosts
LC_ALL=C sort -o met met
sed -n 's/^[[:space:]]*REASON(TGT_[A-Z_]*, "\(KVMIG-TGT-[A-Z-]*\)".*/\1/p' "$top_srcdir/src/base/reason.h" | LC_ALL=C sort >known
expect "met and known differ: $(diff met known)" cmp -s met known
expect 'the table is empty' [ -s known ]

test_case 'what the reasons say'
expect_json '.targets[] | select(.node == "featureless") | .obstacles[0].missingFeatures | sort | join(" ")' 'avx512f pku'
expect "featureless: $(message_of featureless)" [ "$(message_of featureless)" = 'CPU lacks avx512f, pku, which the VM uses' ]
expect "old-cpu: $(message_of old-cpu)" [ "$(message_of old-cpu)" = 'CPU is Haswell and cannot offer Skylake-Server' ]
expect "copper: $(message_of copper)" [ "$(message_of copper)" = 'asked for tier=gold: the node has tier=copper' ]
expect "zone-c: $(message_of zone-c)" [ "$(message_of zone-c)" = "the VM's node affinity wants zone In (a, b): the node has zone=c" ]
expect "db: $(message_of db)" [ "$(message_of db)" = "pod 'prod/db-1' runs there, which the VM's anti-affinity keeps away from" ]
expect "silent: $(message_of silent)" [ "$(message_of silent)" = 'not ready: Kubelet stopped posting node status.' ]
# 16384 Mi - 15700 - 100 of virt-handler = 584 are left of it, 600 are needed
expect_json '.targets[] | select(.node == "full") | .obstacles[0] | [.subject, .needed, .available, .missing] | map(tostring) | join(" ")' \
	"memory $((600 << 20)) $((584 << 20)) $((16 << 20))"
expect_json '.targets[] | select(.node == "full") | .obstacles[0] | [.allocatable, .requested] | map(tostring) | join(" ")' \
	"$((16384 << 20)) $((15800 << 20))"
expect_json '.targets[] | select(.node == "scratchless") | .obstacles[0] | [.subject, .needed, .available, .missing] | map(tostring) | join(" ")' \
	'ephemeral-storage 50000000 10000000 40000000'
expect "tsc: $(message_of tsc)" [ "$(message_of tsc)" = \
	"cannot keep the VM's TSC at 2000000000 Hz (scheduling.node.kubevirt.io/tsc-frequency-2000000000)" ]
expect "sevless: $(message_of sevless)" [ "$(message_of sevless)" = 'has no SEV (kubevirt.io/sev)' ]
expect "hypervless: $(message_of hypervless)" [ "$(message_of hypervless)" = \
	"its KVM lacks Hyper-V's synic (hyperv.node.kubevirt.io/synic)" ]
expect "far: $(message_of far)" [ "$(message_of far)" = \
	"volume 'pv-root' of claim 'prod/root' is only where topology.kubernetes.io/zone In (a, r): the node has topology.kubernetes.io/zone=z" ]
expect "rival-near: $(message_of rival-near)" [ "$(message_of rival-near)" = \
	"pod 'prod/rival-1' runs in topology.kubernetes.io/zone=r, which the VM's anti-affinity keeps away from" ]
expect "shy: $(message_of shy)" [ "$(message_of shy)" = "pod 'prod/shy-1' there has an anti-affinity to the VM" ]
expect "full-row: $(message_of full-row)" [ "$(message_of full-row)" = \
	'row=2 would have 4 of the pods that are to be spread, another has 1, and they may differ by 2' ]
expect_json '.targets[] | select(.node == "slow") | .obstacles[0] | [.needed, .available] | map(tostring) | join(" ")' '400 290'

test_case 'the rank, and why'
expect_json '[.targets[] | select(.fits) | .node] | join(" ")' \
	'fits-preferred fits-2 fits-pressed fits-tolerated fits-1 fits-soft'
expect_json '[.targets[] | select(.fits) | .rank | tostring] | join(" ")' '1 2 3 4 5 6'
expect_json '.targets[0].rankReasons[0]' 'the VM prefers it (weight 10)'
expect_json '.targets[] | select(.node == "fits-soft") | .rankReasons[0]' 'taint slow=yes:PreferNoSchedule'
expect_json '.targets[] | select(.node == "fits-1") | .memoryRequestedBytes' $((8292 << 20))
expect_json '.targets[] | select(.node == "fits-1") | .memoryFreeAfterBytes' $(((16384 - 8292 - 600) << 20))
expect_json .memoryFromPod true
expect_json .memoryBytes $((600 << 20))

test_case 'everything could be judged'
expect_json '.notes | length' 0
expect_stderr_has "fit: 4 KVMIG-TGT-"

test_case 'as many requests as needed'
: >"$bed/audit.log"
run kvmig targets web-1 -n prod
bed_requests '.user.username == "admin"' >all
grep -v -e '/openapi' -e ' /apis/[a-z.]*$' all | sed 's/?.*//' | LC_ALL=C sort -u >requests # a list comes in pieces
cat >wanted <<END
admin get /api/v1/namespaces/prod/persistentvolumeclaims/root
admin get /api/v1/nodes/source
admin get /api/v1/persistentvolumes/pv-root
admin get /apis/kubevirt.io/v1/namespaces/prod/virtualmachineinstances/web-1
admin list /api/v1/namespaces/prod/resourcequotas
admin list /api/v1/nodes
admin list /api/v1/pods
admin list /apis/kubevirt.io/v1/kubevirts
END
expect "requests: $(cat all)" cmp -s requests wanted

test_case 'a quota without room for a second pod: a warning'
bed_kubectl create quota tight -n prod --hard=requests.memory=1Gi,pods=10
bed_kubectl patch quota tight -n prod --subresource status --type merge -p '{"status": {
	"hard": {"requests.memory": "1Gi", "pods": "10"}, "used": {"requests.memory": "600Mi", "pods": "1"}}}'
words="quota 'tight' of namespace 'prod' has no room now for the pod that is to receive the VM (requests.memory: 600 MiB of 1 GiB are used, 600 MiB more needed)"
run kvmig targets web-1 -n prod
expect_status 0
expect_stderr_has "warning: $words: until it has, the migration waits [KVMIG-PEND-QUOTA]"
run kvmig targets web-1 -n prod -o json
expect_json '.notes[] | "\(.about) \(.reason)"' 'quota KVMIG-PEND-QUOTA'
run kvmig migrate web-1 -n prod --dry-run --check=warn # of its GPU
expect_status 0
expect_stderr_has "warning: $words"
run kvmig check web-1 -n prod -o json
expect_json '.items[] | select(.reason == "KVMIG-PEND-QUOTA") | .severity' warning
bed_kubectl delete quota tight -n prod

# kube-apiserver is asked, too: it admits a pod or does not, for the same reason.
quota() { # NAME HARD-JSON SELECTOR-JSON
	printf '{"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "%s", "namespace": "prod"},
		"spec": {"hard": %s, "scopeSelector": {"matchExpressions": [%s]}}}\n' "$1" "$2" "$3" >quota.json
	bed_kubectl create -f quota.json
	bed_kubectl patch quota "$1" -n prod --subresource status --type merge -p "{\"status\": {\"hard\": $2, \"used\": {\"pods\": \"1\"}}}"
}
second_pod() { # as KubeVirt would make it
	jq '.items[] | select(.metadata.name | startswith("virt-launcher-web-1")) | .metadata.name += "-2" | del(.spec.nodeName)' pods.json >second.json
	run kubectl create --dry-run=server -f second.json
}

test_case 'quotas of priority classes and limits: those that the server would refuse the second pod by'
quota vips '{"pods": "0"}' '{"scopeName": "PriorityClass", "operator": "In", "values": ["vip"]}'
second_pod
expect_status 0
run kvmig targets web-1 -n prod -o json
expect_json '.notes | length' 0
quota others '{"pods": "1"}' '{"scopeName": "PriorityClass", "operator": "NotIn", "values": ["vip"]}'
# the server knows a quota, and later its status, a moment after it was made, and that it is gone
is_refused() {
	kubectl create --dry-run=server -f second.json 2>&1 | grep -qF 'exceeded quota: others'
}
expect 'refused' wait_for is_refused
second_pod
expect_status 1
expect_stderr_has 'exceeded quota: others'
run kvmig targets web-1 -n prod
expect_stderr_has "quota 'others' of namespace 'prod' has no room now"
expect_stderr_has 'pods: '
bed_kubectl delete quota vips others -n prod
expect 'taken again' wait_for kubectl create --dry-run=server -f second.json

# As if admission, or an earlier migration, had added to the selector of the pod, which cannot be changed.
select_too() { # SELECTOR-JSON: the pod that runs the VM is made anew with it
	jq --argjson more "$1" '.items[] | select(.metadata.name | startswith("virt-launcher-web-1")) | .spec.nodeSelector += $more' pods.json >again.json
	bed_kubectl delete pod -n prod virt-launcher-web-1-x --grace-period=0 --force
	bed_kubectl create -f again.json
}

test_case 'what the namespace adds to the selectors of its pods counts, what else the pod selects is told'
select_too '{"topology.kubernetes.io/zone": "a", "tier": "gold"}'
run kvmig targets web-1 -n prod -o json
expect_node far VOLUME
expect_json '[.notes[] | select(.about == "selector") | .message | sub(",.*"; "")] | sort | join("; ")' \
	'the pod that runs the VM selects tier=gold; the pod that runs the VM selects topology.kubernetes.io/zone=a'
bed_kubectl annotate namespace prod openshift.io/node-selector=topology.kubernetes.io/zone=a
run kvmig targets web-1 -n prod -o json
expect_node far 'VM-SELECTOR VOLUME'
expect_json '.targets[] | select(.node == "far") | .obstacles[0] | "\(.subject): \(.message)"' \
	"topology.kubernetes.io/zone: the VM's namespace selects topology.kubernetes.io/zone=a: the node has topology.kubernetes.io/zone=z"
expect_node copper ''
expect_json '[.notes[] | select(.about == "selector")] | length' 1
bed_kubectl create clusterrole reads --verb=get,list --resource=nodes,pods,virtualmachineinstances.kubevirt.io
bed_kubectl create clusterrolebinding reads --clusterrole=reads --user=carol
bed_kubectl create rolebinding reads -n prod --clusterrole=kubevirt.io:view --user=carol
run as carol kvmig targets web-1 -n prod -o json
expect_node far ''
expect_json '.notes[] | select(.about == "selector") | .message | select(contains("zone=a")) | contains("namespace may not be read")' true
bed_kubectl annotate namespace prod openshift.io/node-selector-
bed_kubectl delete clusterrolebinding reads
select_too '{}'

# ---- none fits, and wrong words ----

test_case 'check --cluster says of a VM without a node what targets says of it, and reads the pods once'
run kvmig targets web-1 -n prod -o json
jq -r '.targets[] | select(.fits) | .node' "$out" >fitting
expect 'some fit' [ -s fitting ]
# shellcheck disable=SC2046 # names
bed_kubectl cordon $(cat fitting)
run kvmig targets web-1 -n prod
expect_status 3
grep -o '0 of [0-9]* nodes fit: .*' "$err" | head -n 1 | sed 's/.*fit: //' | tr ',' '\n' | sed 's/^ //' | LC_ALL=C sort >says
: >"$bed/audit.log"
run kvmig check --cluster -o json
jq -r '.items[] | select(.reason == "KVMIG-PEND-NO-TARGET" and .object.name == "web-1") | .evidence | sub(".*fit: "; "") | split(", ")[]' "$out" |
	LC_ALL=C sort >found
expect "targets: $(cat says); check: $(cat found)" cmp -s says found
expect 'it says something' grep -q '^4 KVMIG-TGT-POD-AFFINITY$' says
bed_requests '.user.username == "admin"' | grep ' list /api/v1/pods' | grep -cv 'continue=' >lists
expect "lists of all pods: $(cat lists)" [ "$(cat lists)" = 1 ]
# shellcheck disable=SC2046
bed_kubectl uncordon $(cat fitting)

small_vm() { # NAME LABELS SPEC
	printf -- '---\n{apiVersion: kubevirt.io/v1, kind: VirtualMachineInstance, metadata: {namespace: prod, name: %s, labels: {%s}},
		spec: {architecture: amd64, %s}, status: {phase: Running, nodeName: source}}\n' "$1" "$2" "$3"
}
without_target() { # of what was asked for, the VMs
	jq -r '[.items[] | select(.reason == "KVMIG-PEND-NO-TARGET") | .object.name | select(startswith("web") | not)] | sort | join(" ")' "$out"
}

test_case 'of many VMs that see the CPU of their host as it is, what of one'
for n in 1 2 3 4 5 6 7 8 9; do
	small_vm as-is-$n '' "nodeSelector: {kubernetes.io/hostname: featureless}, domain: {memory: {guest: ${n}Mi}, cpu: {model: host-passthrough}}"
done >vms.yaml
bed_kubectl create -f vms.yaml
run kvmig targets as-is-1 -n prod --node featureless
expect_status 3
expect_stdout_has 'CPU lacks avx512f, pku, which the VM sees'
run kvmig check as-is-1 as-is-2 as-is-3 as-is-4 as-is-5 as-is-6 as-is-7 as-is-8 as-is-9 -n prod -o json
expect "found: $(without_target)" [ "$(without_target | wc -w)" = 9 ]
run kvmig check --cluster -o json
expect "found: $(without_target)" [ "$(without_target | wc -w)" = 9 ]
bed_kubectl delete -f vms.yaml

test_case 'check --cluster: a VM that a pod keeps away by the name that is its label; a pod that is going counts in no spread'
{
	# of the same spec, so that they were one question
	for name in apart close; do
		small_vm $name "app: $name" 'nodeSelector: {kubernetes.io/hostname: fits-1}, domain: {memory: {guest: 1Mi}}'
	done
	small_vm spread 'group: spread' 'nodeSelector: {spread: "yes"}, domain: {memory: {guest: 1Mi}}, topologySpreadConstraints: [
		{maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {group: spread}}}]'
} >vms.yaml
bed_kubectl create -f vms.yaml
cat >more.jq <<'END'
def pod($name; $labels): {apiVersion: "v1", kind: "Pod", metadata: {name: $name, namespace: "prod", labels: $labels},
	spec: {nodeName: "fits-1", terminationGracePeriodSeconds: 0, containers: [{name: "c", image: "none"}]}};
{apiVersion: "v1", kind: "List", items: [
	(pod("aloof"; {}) | .spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution =
		[{topologyKey: "kubernetes.io/hostname", labelSelector: {matchLabels: {app: "apart"}}}]),
	(pod("going"; {group: "spread"}) | .metadata.finalizers = ["kvmig.io/test"])]}
END
jq -n -f more.jq >more.json
bed_kubectl create -f more.json
bed_kubectl label node fits-1 fits-2 spread=yes
bed_kubectl cordon fits-2 # there is none of the group
run kvmig check --cluster -o json
expect "found: $(without_target)" [ "$(without_target)" = 'apart spread' ]
bed_kubectl delete pod going -n prod --wait=false
for words in 'apart 3' 'close 0' 'spread 0'; do
	run kvmig targets "${words% *}" -n prod
	expect_status "${words#* }"
done
run kvmig check --cluster -o json
expect "found: $(without_target)" [ "$(without_target)" = apart ]
bed_kubectl patch pod going -n prod --type merge -p '{"metadata": {"finalizers": null}}'
bed_kubectl delete pod aloof -n prod
bed_kubectl delete -f vms.yaml
bed_kubectl uncordon fits-2
bed_kubectl label node fits-1 fits-2 spread-

test_case 'no node fits'
run kvmig targets web-1 -n prod --node zone-c
expect_status 3
expect_stderr_has "0 of $(jq '.items | length' nodes.json) nodes fit: "
run kvmig targets web-1 -n prod --node-selector disk=hdd
expect_status 3
expect_stderr_has "the VM itself selects disk=ssd, and KubeVirt would heed that"

test_case 'unknown nodes and VMs, VMs that do not run'
run kvmig targets web-1 -n prod --node fits-3
expect_status 1
expect_stderr_has "there is no node 'fits-3'"
run kvmig targets web-9 -n prod
expect_status 1
echo '{apiVersion: kubevirt.io/v1, kind: VirtualMachine, metadata: {namespace: prod, name: stopped},
	spec: {runStrategy: Halted, template: {spec: {domain: {devices: {}}}}}}' >object.yaml
bed_kubectl apply -f object.yaml
run kvmig targets stopped -n prod
expect_status 3
expect_stderr_has '[KVMIG-BLK-NOT-RUNNING]'

# ---- who may read what ----

grant() { # USER VERB-RESOURCES
	bed_kubectl create clusterrole "$1-reads" --verb=get,list --resource="$2"
	bed_kubectl create clusterrolebinding "$1-reads" --clusterrole="$1-reads" --user="$1"
}
for user in alice bob carol; do
	bed_kubectl create rolebinding "$user-views" -n prod --clusterrole=kubevirt.io:view --user=$user
done
bed_kubectl create rolebinding alice-pods -n prod --clusterrole=view --user=alice
grant alice nodes
grant carol nodes,virtualmachineinstances.kubevirt.io

test_case 'without the right to list nodes there is no answer'
run as bob kvmig targets web-1 -n prod
expect_status 7
expect_no_stdout
expect_stderr_has 'nodes'
expect_stderr_has 'a ClusterRole gives'

test_case 'quotas are looked at where nodes may not be'
bed_kubectl create quota none -n prod --hard=pods=0
bed_kubectl patch quota none -n prod --subresource status --type merge -p '{"status": {"hard": {"pods": "0"}, "used": {"pods": "9"}}}'
run as bob kvmig migrate web-1 -n prod --dry-run --check=warn
expect_status 0
expect_stderr_has 'whether quotas have room for the pod that is to receive the VM is not known: cannot list resourcequotas'
bed_kubectl create role quotas -n prod --verb=list --resource=resourcequotas
bed_kubectl create rolebinding bob-quotas -n prod --role=quotas --user=bob
run as bob kvmig migrate web-1 -n prod --dry-run --check=warn
expect_status 0
expect_stderr_has 'whether a node fits is not known beforehand: cannot list nodes'
expect_stderr_has "warning: quota 'none' of namespace 'prod' has no room now"
expect_stderr_lacks 'worked out from the VM'
run as bob kvmig check web-1 -n prod -o json
expect_json '[.items[] | select(.reason == "KVMIG-PEND-QUOTA") | .severity] | join(" ")' warning
expect_json '[.items[] | select(.evidence | startswith("where VMs can go: cannot list nodes"))] | length' 1
run as bob kvmig check --cluster -n prod -o json
expect_json '[.items[] | select(.reason == "KVMIG-PEND-QUOTA") | .object.name] | join(" ")' prod
expect_json '[.items[] | select(.reason == "KVMIG-PEND-NO-TARGET")] | length' 0
bed_kubectl delete quota none -n prod

test_case 'pods of the namespace alone: what the VM needs is known, what is free is not'
run as alice kvmig targets web-1 -n prod -o json
expect_status 0
expect_json .memoryFromPod true
expect_node full ''
expect_node small MEMORY
expect_node gpu-used ''
expect_node gpuless DEVICE
expect_node tsc CAPABILITY
expect_json '.notes | map(.about) | join(" ")' 'memory volume network affinity'
expect_stderr_has 'nodes are judged by what they have in all, not by what is free'

test_case 'no pods at all: the VMs tell'
run as carol kvmig targets web-1 -n prod -o json
expect_status 0
expect_json .memoryFromPod false
expect_json '.notes | map(.about) | join(" ")' 'memory volume network demand network affinity quota'
expect_stderr_has 'whether quotas have room for the pod that is to receive the VM is not known: cannot list resourcequotas'
expect_node featureless CPU-FEATURE
expect_node fits-pressed TAINT
expect_node fits-tolerated ''
expect_node gpuless DEVICE
expect_node few-pages HUGEPAGES
expect_node old-qemu MACHINE-TYPE
expect_stderr_has 'counted from the VMs alone'
expect_stderr_has "which nodes have the VM's network 'br1' is not known: it cannot be read"
done_testing
