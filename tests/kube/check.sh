#!/bin/sh
# check, capacity and network on the real API server: VMs with every obstacle, nodes, pods, pools, claims and rights.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
bed_up
bed_kubevirt 1.9
test_case 'a cluster without OpenShift and Multus'
run as root kvmig check --cluster
expect_status 0
run as root kvmig capacity
expect_status 0
expect_stdout_has 'by default: there is no MachineConfigPool to be read'
run as root kvmig network check
expect_status 0
bed_crds openshift multus
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG
bed_kubectl create namespace shop

node() { # NAME [LABELS [SPEC [MEMORY]]]
	cat <<END
---
apiVersion: v1
kind: Node
metadata:
  name: $1
  labels: {kubernetes.io/hostname: $1, kubernetes.io/arch: amd64, kubevirt.io/schedulable: "true",
    node-role.kubernetes.io/worker: "", host-model-cpu.node.kubevirt.io/Skylake: "true",
    cpu-model-migration.node.kubevirt.io/Skylake: "true"${2:+, $2}}
spec: {${3:-}}
status:
  allocatable: {memory: ${4:-32Gi}, cpu: "16", pods: "110", ephemeral-storage: 100Gi, devices.kubevirt.io/kvm: "1k"}
  conditions: [{type: Ready, status: "True", reason: KubeletReady, message: kubelet is posting ready status}]
END
}

# vmi NAME NODE SPEC STATUS, the latter two in flow style; $devices, $eviction
vmi() {
	cat <<END
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {namespace: shop, name: $1}
spec: {architecture: amd64, evictionStrategy: ${eviction:-LiveMigrate}, domain: {memory: {guest: 4Gi}, devices: {${devices:-}}}${3:+, $3}}
status: {phase: Running, nodeName: $2, $4}
END
}

not() { # REASON MESSAGE
	printf "conditions: [{type: LiveMigratable, status: 'False', reason: %s, message: '%s'}]" "$1" "$2"
}

claim() { # NAME MODE
	printf -- '---\n{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {namespace: shop, name: %s}, spec: {accessModes: [%s],
		storageClassName: local, resources: {requests: {storage: 1Gi}}}}\n' "$1" "$2"
}

put() { # <objects
	cat >objects.yaml
	bed_kubectl create --validate=false -f objects.yaml
}
# create leaves the status of nodes and pods out
put_status() { # KIND <objects
	cat >objects.yaml
	bed_kubectl create --validate=false -f objects.yaml
	bed_kubectl replace --subresource=status --validate=false -f objects.yaml
}

good="conditions: [{type: LiveMigratable, status: 'True'}]"
{ node n1; node n2; node n3 '' 'unschedulable: true'; node gpu 'node-role.kubernetes.io/gpu: ""'; } | put_status
# the server has put it there, as no kubelet had said anything yet
bed_kubectl taint nodes --all node.kubernetes.io/not-ready:NoSchedule-
{
	vmi web n1 'volumes: [{name: root, dataVolume: {name: web}}]' "$good"
	vmi rwo n1 'volumes: [{name: root, dataVolume: {name: rwo}}]' "$(not DisksNotLiveMigratable 'cannot migrate VMI: PVC rwo is not shared')"
	devices='gpus: [{name: g, deviceName: nvidia.com/A2}]' vmi gpu gpu '' "$(not HostDeviceNotLiveMigratable 'GPU')"
	eviction=None vmi stops n2 '' "$good"
	claim web ReadWriteMany
	claim rwo ReadWriteOnce
} | put

# ---- the nodes themselves ----

test_case 'node list and show, of nodes that are Kubernetes'"'"'; kvmig changes none'
bed_kubectl label node n2 kubevirt.io/schedulable- zone=b
run kvmig node list
expect_status 0
expect 'name, status and VMs' test "$(awk 'NR == 1 || $1 ~ /^n/ { print $1, $2, $5 }' "$out" | paste -sd' ')" = \
	'NAME STATUS VMS n1 Ready 2 n2 Ready,NoVMs 1 n3 Ready,SchedulingDisabled 0'
run kvmig node list -o wide --no-headers -l zone=b
expect 'n2 alone' test "$(awk '{ print $1, $7, $8, $10 }' "$out")" = 'n2 32 GiB Skylake'
run kvmig node list -o name -l zone
expect 'as kubectl names it' test "$(cat "$out")" = node/n2
run kvmig node list -o json
expect_json '[.kind, (.items | length), .items[0].apiVersion, .items[0].metadata.name, (.items[0] | has("vms"))] | @csv' \
	'"NodeList",4,"v1","gpu",false'
run kvmig node list -l 'zone in ('
expect_status 2
run kvmig node show n2
expect_status 0
expect_stdout_has 'no: KubeVirt does not say kubevirt.io/schedulable=true'
expect_stdout_has 'zone=b'
expect_stdout_has 'shop/stops Running'
expect 'of its labels none of KubeVirt' test "$(grep -c 'node.kubevirt.io' "$out")" -eq 0
bed_kubectl patch node n2 --type merge -p '{"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}, {"key": "b", "value": "c", "effect": "NoExecute"}]}}'
bed_kubectl patch node n2 --subresource status --type json -p '[{"op": "add", "path": "/status/conditions/-", "value": {"type": "O\u001bdd", "status": "True"}}]'
run kvmig node show n2
expect 'a taint a line' test "$(awk '/NoSchedule|NoExecute/ { print $1, $2 }' "$out" | paste -sd' ')" = 'Taints: a:NoSchedule b=c:NoExecute '
expect 'what is not known is -' test "$(awk '$1 == "Kubelet:" { print $2 }' "$out")" = '-'
expect 'harmless for the terminal' test "$(grep -c 'O.*dd:' "$out") $(tr -d '\n[:print:]' <"$out" | wc -c)" = '1 0'
bed_kubectl patch node n2 --subresource status --type json -p '[{"op": "remove", "path": "/status/conditions/1"}]'
bed_kubectl taint nodes n2 a- b-
run kvmig node show n3 -o json
expect_json '"\(.kind) \(.spec.unschedulable)"' 'Node true'
run kvmig node show nowhere
expect_status 1
expect_stderr_has "node list' shows the nodes"
bed_kubectl create clusterrole see-nodes --verb=get,list --resource=nodes
bed_kubectl create clusterrolebinding bob-sees-nodes --clusterrole=see-nodes --user=bob
run as bob kvmig node list
expect_status 0
expect_stderr_has 'how many VMs run there cannot be seen'
expect 'n1 all the same' test "$(awk '$1 == "n1" { print $2, $5 }' "$out")" = 'Ready -'
run as bob kvmig node show n1
expect_status 0
expect_stderr_has 'which VMs run there cannot be seen'
run as alice kvmig node list
expect_status 7
for words in 'label n1 zone=a' 'cordon n1' 'uncordon n3' 'remove n1 --force' 'add n9 --uri qemu+tls://n9/system'; do
	# shellcheck disable=SC2086 # words
	run kvmig node $words
	expect_status 3
	expect_stderr_has "the nodes of this cluster are Kubernetes' own"
done
expect 'nothing was changed' test "$(bed_kubectl get node n1 -o jsonpath='{.metadata.labels.zone}{.spec.unschedulable}')" = ''
run kvmig rbac check -o json
expect_json '[.items[].command | select(startswith("node"))] | join(",")' 'node list,node show'
run kvmig rbac check node cordon
expect_status 2
bed_kubectl label node n2 kubevirt.io/schedulable=true zone-

# ---- one VM ----

test_case 'a VM that can go'
run kvmig check web -n shop -o json
expect_status 0
expect_json '[.items[] | select(.severity != "note") | .reason] | join(" ")' ''

run kvmig check web nosuch web -n shop
expect_status 4
expect_stderr_has nosuch
run kvmig check n2 -n shop
expect_status 1
expect_stderr_has "'n2' is a node: 'kvmig --context kube/bed check --node n2'"

test_case 'shared storage: volume, claim, mode and class; the condition is not repeated'
run kvmig check rwo -n shop -o json
expect_status 3
expect_json '[.items[] | select(.severity == "blocks") | .reason] | join(" ")' KVMIG-BLK-RWX
expect_json '.items[0].evidence' \
	"volume 'root': claim 'shop/rwo' is ReadWriteOnce, not ReadWriteMany, storage class 'local'"
expect_documented CheckFindingList "$out"
run kvmig check rwo gpu stops -n shop -o wide
expect_status 3
expect_stdout_has "GPU 'g' (nvidia.com/A2)"
expect_stdout_has KVMIG-CHK-DRAIN-STOPS
expect_stdout_has updateVolumesStrategy

test_case 'a drain that stops the VM, unless the cluster has another strategy'
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec":{"configuration":{"evictionStrategy":"LiveMigrate"}}}'
run kvmig check stops -n shop -o json
expect_json '[.items[] | select(.severity == "warning") | .reason] | join(" ")' KVMIG-CHK-DRAIN-STOPS

test_case 'who may not migrate; what may not be read is said'
bed_kubectl create rolebinding alice-views -n shop --clusterrole=view --user=alice
bed_kubectl create clusterrole kv-view --verb=get,list,watch --resource=virtualmachineinstances.kubevirt.io,virtualmachineinstancemigrations.kubevirt.io
bed_kubectl create rolebinding alice-vms -n shop --clusterrole=kv-view --user=alice
run as alice kvmig check web -n shop -o json
expect_status 3
expect_json '.items[] | select(.severity == "blocks") | "\(.reason) \(.object.kind) \(.evidence)"' \
	"KVMIG-CHK-PERMISSION user you may not make migrations in namespace 'shop'"
expect_json 'any(.items[]; .reason == "KVMIG-CHK-NOT-SEEN")' true
run as alice kvmig check web -n shop
expect 'a user has no name' grep -qE '^blocks +KVMIG-CHK-PERMISSION +user +you may not' "$out"

test_case 'evacuations that fail again and again'
for n in 1 2 3; do
	printf -- '---\n{apiVersion: kubevirt.io/v1, kind: VirtualMachineInstanceMigration, metadata: {namespace: shop, name: kubevirt-evacuation-%s,
		annotations: {kubevirt.io/evacuationMigration: n1}}, spec: {vmiName: web}, status: {phase: Failed}}\n' $n
done | put_status
run kvmig check web -n shop -o json
expect_status 0
expect_json '.items[] | select(.reason == "KVMIG-CHK-RETRY-LOOP") | .evidence' \
	"3 evacuations failed one after the other, last 'kubevirt-evacuation-3'; it is tried anew, 80 s after each"

# ---- capacity ----

pod() { # NAME NODE MEMORY
	printf -- '---\n{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: %s}, spec: {nodeName: %s,
		containers: [{name: c, image: i, resources: {requests: {memory: %s}}}]}, status: {phase: Running}}\n' "$1" "$2" "$3"
}
test_case 'capacity: pods count, and pools tell how many drain at once'
bed_kubectl create serviceaccount default -n shop
{ pod launcher-web n1 5Gi; pod launcher-rwo n1 5Gi; pod other n2 20Gi; } | put_status
run kvmig capacity -o json
expect_status 0
gib=1073741824
expect_json '"\(.drainParallel) \(.fullestNode) \(.podsCounted) \(.enough)"' '1 n1 true true'
expect_json .neededBytes $((8 * gib))
expect_json '.nodes[] | select(.node == "n2") | .freeBytes' $((12 * gib))
expect_json .spareBytes $(((22 + 12 + 28) * gib))
printf '%s\n' '{apiVersion: machineconfiguration.openshift.io/v1, kind: MachineConfigPool, metadata: {name: worker},
	spec: {maxUnavailable: 70%, nodeSelector: {matchLabels: {node-role.kubernetes.io/worker: ""}}}}' --- \
	'{apiVersion: machineconfiguration.openshift.io/v1, kind: MachineConfigPool, metadata: {name: gpu},
	spec: {nodeSelector: {matchLabels: {node-role.kubernetes.io/gpu: ""}}}}' | put
run kvmig capacity --drain-parallel 9
expect_status 0
expect_stdout_has "3 (MachineConfigPool 'gpu': maxUnavailable not set, which is 1 of 1 node; MachineConfigPool 'worker': maxUnavailable 70% of 3 nodes)"
expect_stderr_has '--drain-parallel 9 is not used'
expect 'the node that takes none' grep -qE '^n3 .* yes$' "$out"
run as alice kvmig capacity
expect_status 7
expect_stderr_has 'capacity takes the right to list nodes'

# ---- the network ----

handler() { # NODE NETWORKS STATUS
	printf -- "---\n{apiVersion: v1, kind: Pod, metadata: {namespace: kubevirt, name: virt-handler-%s, labels: {kubevirt.io: virt-handler},
		annotations: {k8s.v1.cni.cncf.io/networks: '%s', k8s.v1.cni.cncf.io/network-status: '%s'}}, spec: {nodeName: %s,
		containers: [{name: c, image: i}]}, status: {phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: 'True'}]}}\n" "$1" "$2" "$3" "$1"
}
test_case 'network check: the pod network'
run kvmig network check -o json
expect_status 0
expect_json '[.findings[].reason] | join(" ")' KVMIG-CHK-NETWORK-NONE
run kvmig check --cluster -o json
expect_json 'any(.items[]; .reason == "KVMIG-CHK-NETWORK-NONE")' true

test_case 'network create: what it would do, and what it does'
run kvmig network create migration --interface eth1 --range 192.0.2.0/24 --dry-run=server --read-only
expect_status 0
expect_stderr_lacks anew
run kubectl get net-attach-def -n kubevirt -o name
expect_no_stdout
run kvmig network create migration --type bridge --interface br1 --range 192.0.2.0/24 --dry-run=server
expect_status 0
run kvmig network create migration --interface eth1 --range 192.0.2.0
expect_status 2
run kvmig network create migration --interface eth1
expect_status 2
run kvmig network create --address n1=192.0.2.1
expect_status 2
run as alice kvmig network create migration --interface eth1 --range 192.0.2.0/24
expect_status 7
run kvmig network create migration --interface eth1 --range 192.0.2.0/24
expect_status 0
expect_stderr_has 'network: not set (default) -> migration'
expect_stderr_has 'starts virt-handler anew on every node'
run kubectl get net-attach-def migration -n kubevirt -o json
expect_json '.spec.config | fromjson | "\(.type) \(.master) \(.ipam.type) \(.ipam.range)"' 'macvlan eth1 whereabouts 192.0.2.0/24'
run kubectl get kubevirt kubevirt -n kubevirt -o json
expect_json .spec.configuration.migrations.network migration
run kvmig network create migration --interface eth1 --range 192.0.2.0/24
expect_status 8
expect_stderr_has 'nothing was changed'

test_case 'network create: a network that the setting cannot name is told, with what is left to do; not in a dry run'
bed_kubectl create clusterrole carol-nets --verb=get,list,create --resource=kubevirts.kubevirt.io,network-attachment-definitions.k8s.cni.cncf.io
bed_kubectl create clusterrolebinding carol-nets --clusterrole=carol-nets --user=carol
run as carol kvmig network create other --interface eth1 --range 192.0.2.0/24 --dry-run=server
expect_status 7
expect_stderr_lacks 'the network is there'
expect_stderr_lacks 'config set network'
run kubectl get net-attach-def -n kubevirt -o name
expect_stdout <<END
networkattachmentdefinition.k8s.cni.cncf.io/migration
END
run as carol kvmig network create other --interface eth1 --range 192.0.2.0/24
expect_status 7
expect_stderr_has 'the network is there, but the setting does not name it: '
expect_stderr_has "once that is mended: 'kvmig --context kube/bed config set network=other'"
expect_stderr_lacks anew
bed_kubectl delete net-attach-def other -n kubevirt

test_case 'network check: on which nodes it is'
bed_kubectl create serviceaccount default -n kubevirt
{
	handler n1 migration@migration0 '[{"name": "kubevirt/migration", "interface": "migration0", "ips": ["192.0.2.11"]}]'
	handler n2 '' '[]'
	handler gpu migration@migration0 '[{"name": "kubevirt/migration", "interface": "migration0"}]'
} | put_status
run kvmig network check -o json
expect_status 0
expect_json '[.nodes[] | "\(.node) \(.address) \(.usable)"] | join(", ")' 'gpu null false, n1 192.0.2.11 true, n2 null false, n3 null false'
expect_json '[.nodes[] | .problem // "-"] | join("; ")' "its virt-handler's interface migration0 has no address; -; \
its virt-handler was started without the network; KubeVirt starts it anew for a change; no virt-handler runs there"
expect_documented MigrationNetwork "$out" speeds speeds.from speeds.to speeds.bytesPerSecond speeds.migration speeds.at \
	fromHere fromHere.node fromHere.address fromHere.answers probes probes.from probes.to probes.vm probes.reached \
	findings.object.namespace
run kvmig network check n1 n2
expect_status 0
expect_stderr_has "whether 'n1' reaches 'n2', and how fast, cannot be measured from outside"

test_case 'a network that is not there, and one without addresses'
bed_kubectl patch net-attach-def migration -n kubevirt --type merge -p '{"spec":{"config":"{\"type\":\"macvlan\",\"master\":\"eth1\"}"}}'
run kvmig network check
expect_status 3
expect_stderr_has KVMIG-CHK-NETWORK-CONFIG
bed_kubectl delete net-attach-def migration -n kubevirt
run kvmig network check
expect_status 3
expect_stderr_has KVMIG-CHK-NETWORK-MISSING

# ---- the cluster ----

test_case 'clocks: a lease that was renewed by a clock which is ahead'
bed_leases n1:0 n2:3600
run kvmig check --cluster -o json
expect_status 3
expect_json '[.items[] | select(.reason == "KVMIG-CHK-CLOCK-SKEW") | .object.name] | join(" ")' n2

test_case 'the whole: VMs, nodes, settings, network, memory'
run kvmig config set disableTLS=true allowPostCopy=true
run kvmig check --cluster -o json
expect_json '[.items[].reason] | unique | join(" ")' "KVMIG-BLK-HOST-DEVICE KVMIG-BLK-RWX KVMIG-CHK-CLOCK-SKEW KVMIG-CHK-DRAIN-STOPS \
KVMIG-CHK-NETWORK-MISSING KVMIG-CHK-NOT-SEEN KVMIG-CHK-POST-COPY-VM KVMIG-CHK-RETRY-LOOP KVMIG-CHK-TLS-OFF KVMIG-PEND-NO-TARGET KVMIG-TGT-CORDONED KVMIG-TGT-MIGRATION-NETWORK"
bed_kubectl patch kubevirt kubevirt -n kubevirt --subresource status --type merge -p '{"status":{"targetKubeVirtVersion":"v1.9.1"}}'
run kvmig check --cluster -o json
expect_json '.items[] | select(.reason == "KVMIG-CHK-UPGRADE") | .evidence' 'KubeVirt v1.9.0 is being replaced by v1.9.1'
run kvmig check --node n3 -o json
expect_status 3
expect_json '[.items[] | select(.object.kind == "node") | .object.name] | unique | join(" ")' n3
run as alice kvmig check --cluster
expect_status 7
expect_stderr_has 'with -n only the VMs of one namespace'
run as alice kvmig check --cluster -n shop -o json
expect_status 3
expect_json 'any(.items[]; .reason == "KVMIG-BLK-RWX")' true

done_testing
