#!/bin/sh
# kvmig check on fifty varied nodes: every finding that it can have on a KubeVirt cluster is met, with severity, object, evidence and fix;
# the list of them is the table of reason codes, so that a new code without a case fails.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
bed_server_options='--disable-admission-plugins TaintNodesByCondition,ServiceAccount'
bed_up
bed_kubevirt 1.9
bed_crds multus
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG
bed_kubectl create namespace prod
bed_kubectl label namespace prod team=blue

put() { # of the file `objects`; "status": then again for what create leaves out
	bed_kubectl create --validate=false -f objects
	[ -z "${1:-}" ] || bed_kubectl replace --subresource=status --validate=false -f objects
}

# ---- nodes ----

# Those of the suite about targets; two get what only check looks at.
jq -n -f "$bed_source/nodes.jq" | jq '.items |= map(.status.nodeInfo = {kubeletVersion: "v1.34.2"}
	| if .metadata.name == "fits-2" then .status.nodeInfo.kubeletVersion = "v1.33.0" else . end
	| if .metadata.name == "old-cpu" then .metadata.labels |= with_entries(select(.key != "cpu-model-migration.node.kubevirt.io/Haswell")) else . end
	| if .metadata.name == "fits-1" then .metadata.labels["host-model-cpu.node.kubevirt.io/Granite"] = "true"
		| del(.metadata.labels["host-model-cpu.node.kubevirt.io/Skylake-Server"]) else . end
	| if .metadata.name == "fits-soft" then .metadata.labels |= with_entries(select(.key | startswith("host-model-cpu.") | not)) else . end)' >nodes.json
bed_kubectl create --validate=false -f nodes.json
nodes=$(jq '.items | length' nodes.json)

# virt-handler on each, one of an older release, one off the network; what fills nodes is their VMs.
jq --arg network '[{"name": "kubevirt/mig", "interface": "migration0", "ips": ["192.0.2.1"]}]' '.items |= map(.metadata.name | {
	apiVersion: "v1", kind: "Pod", metadata: {namespace: "kubevirt", name: "virt-handler-\(.)", labels: {"kubevirt.io": "virt-handler"},
		annotations: {"k8s.v1.cni.cncf.io/networks": "mig@migration0",
			"k8s.v1.cni.cncf.io/network-status": (if . == "off-network" then "[]" else $network end)}},
	spec: {nodeName: ., tolerations: [{operator: "Exists"}], containers: [{name: "virt-handler",
		image: (if . == "fits-1" then "kubevirt/virt-handler:v1.8.2" else "kubevirt/virt-handler:v1.9.0" end)}]},
	status: {phase: "Running", podIP: "10.0.0.1", conditions: [{type: "Ready", status: "True"}]}})' nodes.json >objects
put status

# One clock is ahead, one behind: the server writes down when the lease came.
bed_leases source:0 fits-1:3600 fits-2:-3600

# ---- VMs ----

# vmi NAME [DOMAIN [SPEC [CONDITION [STATUS]]]] in flow style, without their braces; $node, $labels, $eviction
no_devices='devices: {}'
vmi() {
	cat <<END
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {namespace: prod, name: $1, labels: {kubevirt.io/domain: "$(printf %.60s "$1")"${labels:+, $labels}}}
spec:
  architecture: amd64
  ${eviction-"evictionStrategy: LiveMigrate"}
  ${3:-}
  domain: {memory: {guest: ${memory:-64Mi}}, ${2:-$no_devices}}
status:
  phase: ${phase:-Running}
  nodeName: ${node:-source}
  ${5:-}
  conditions: [{type: LiveMigratable, ${4:-"status: 'True'"}}]
END
}

not() { # REASON MESSAGE
	printf "status: 'False', reason: %s, message: '%s'" "$1" "$2"
}

long=$(printf 'long%060d' 0)
{
	vmi good
	vmi rwo '' 'volumes: [{name: root, persistentVolumeClaim: {claimName: rwo}}]' "$(not DisksNotLiveMigratable 'PVC rwo is not shared')"
	vmi unclaimed '' 'volumes: [{name: root, persistentVolumeClaim: {claimName: nosuch}}]'
	vmi local '' 'volumes: [{name: root, hostDisk: {path: /disks/a.img, type: Disk}}]' "$(not DisksNotLiveMigratable 'hostDisk')"
	vmi device 'devices: {hostDevices: [{name: qat, deviceName: intel.com/qat}]}' '' "$(not HostDeviceNotLiveMigratable 'host device')"
	vmi gpus 'devices: {gpus: [{name: a, deviceName: nvidia.com/A100}, {name: b, deviceName: nvidia.com/A100}]}' '' \
		"$(not HostDeviceNotLiveMigratable 'GPUs')"
	vmi sev 'launchSecurity: {sev: {}}' '' "$(not SEVNotLiveMigratable 'SEV')"
	vmi bridge 'devices: {interfaces: [{name: default, bridge: {}}]}' 'networks: [{name: default, pod: {}}]' \
		"$(not InterfaceNotLiveMigratable 'bridge')"
	vmi hyperv 'features: {hypervPassthrough: {enabled: true}}' '' "$(not HypervPassthroughNotLiveMigratable 'hyperv')"
	vmi shared-folder '' '' "$(not VirtIOFSNotLiveMigratable 'folder /data of the node is shared')"
	vmi odd '' '' "$(not HotplugNotLiveMigratable 'a hotplug is under way')"
	vmi "$long"
	vmi moving
	vmi looping
	phase=Succeeded vmi over
	node=silent vmi stranded
	vmi nowhere '' 'nodeSelector: {zone: moon}'
	vmi tied '' 'volumes: [{name: root, persistentVolumeClaim: {claimName: tied}}]'
	vmi reserving 'devices: {disks: [{name: quorum, lun: {reservation: true}}]}'
	vmi sriov 'devices: {interfaces: [{name: fast, sriov: {}}]}'
	labels='speed: late' vmi late 'devices: {interfaces: [{name: fast, sriov: {}}]}'
	labels='speed: alone' vmi alone
	vmi passthrough 'cpu: {model: host-passthrough}'
	vmi limited 'resources: {limits: {cpu: "2"}}'
	vmi copied 'devices: {disks: [{name: init, disk: {}}]}' 'volumes: [{name: init, cloudInitNoCloud: {userData: x}}]'
	vmi rooted '' '' '' 'interfaces: []' | sed "s/conditions: \[/&{type: StorageLiveMigratable, status: 'False', message: 'cannot move its disks'}, /"
	vmi leaving '' '' '' 'evacuationNodeName: source'
	eviction='evictionStrategy: None' vmi stops
	eviction='' vmi unset-1
	eviction='' vmi unset-2
	for n in 1 2 3; do node=fits-soft memory=20Gi vmi large-$n; done
} >objects
put
printf '{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {namespace: prod, name: rwo}, spec: {accessModes: [ReadWriteOnce],
	storageClassName: fast, resources: {requests: {storage: 1Gi}}}}\n' >objects
put
cat >objects <<END
{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {namespace: prod, name: tied}, spec: {accessModes: [ReadWriteMany],
  storageClassName: fast, volumeName: tied, resources: {requests: {storage: 1Gi}}}}
---
{apiVersion: v1, kind: PersistentVolume, metadata: {name: tied}, spec: {accessModes: [ReadWriteMany], capacity: {storage: 1Gi},
  nfs: {server: nfs, path: /tied}, claimRef: {namespace: prod, name: tied},
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [source]}]}]}}}}
END
put

migration() { # NAME VM PHASE [ANNOTATIONS]
	printf -- '---\n{apiVersion: kubevirt.io/v1, kind: VirtualMachineInstanceMigration, metadata: {namespace: prod, name: %s,
		annotations: {%s}}, spec: {vmiName: %s}, status: {phase: %s}}\n' "$1" "${4:-}" "$2" "$3"
}
{
	migration m-moving moving Running
	for n in 1 2 3; do migration kubevirt-evacuation-$n looping Failed 'kubevirt.io/evacuationMigration: source'; done
} >objects
put status

policy() { # NAME SPEED SPEC
	printf -- '---\n{apiVersion: migrations.kubevirt.io/v1alpha1, kind: MigrationPolicy, metadata: {name: %s}, spec: {%s,
		selectors: {namespaceSelector: {team: blue}, virtualMachineInstanceSelector: {speed: %s}}}}\n' "$1" "$3" "$2"
}
{
	policy late late 'allowPostCopy: true'
	policy alone alone 'allowPostCopy: true, allowWorkloadDisruption: false'
} >objects
put

# ---- looking ----

: >findings
look() { # WHAT-OF-KVMIG-CHECK…, by $user
	run as "${user:-admin}" kvmig check "$@" -o json
	jq -c '.items[]' "$out" >>findings
}

set_migrations() { # JSON of configuration.migrations
	bed_kubectl patch kubevirt kubevirt -n kubevirt --type json -p "[{\"op\": \"replace\", \"path\": \"/spec/configuration/migrations\", \"value\": $1}]"
}

attachment() { # IPAM
	printf '{"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition", "metadata": {"namespace": "kubevirt", "name": "mig"},
		"spec": {"config": "{\\"cniVersion\\": \\"0.3.1\\", \\"type\\": \\"macvlan\\", \\"master\\": \\"eth1\\"%s}"}}\n' "$1"
}

bed_kubectl create quota tight -n prod --hard=pods=1
bed_kubectl patch quota tight -n prod --subresource status --type merge -p '{"status": {"hard": {"pods": "1"}, "used": {"pods": "1"}}}'

test_case 'the cluster as it is: no network of their own, settings by policy'
look --cluster --drain-parallel 40
expect_status 3
expect_stderr_has 'notes are about single VMs'
expect_json '[.items[] | select(.object.name == "good") | .reason] | join(" ")' ''
# what one cause has given to two VMs is one finding
expect_json '[.items[] | select(.reason == "KVMIG-CHK-DRAIN-STOPS") | .object.name // "-"] | sort | join(" ")' '- stops'
# VMs of one demand: each is told
expect_json '[.items[] | select(.reason == "KVMIG-PEND-NO-TARGET" and (.object.name | startswith("large-"))) | .object.name] | length' 3
expect_json ".items[] | select(.reason == \"KVMIG-PEND-NO-TARGET\" and .object.name == \"nowhere\") | .evidence | test(\"^0 of $nodes nodes fit: $((nodes - 1)) KVMIG-TGT-VM-SELECTOR, \")" true
bed_kubectl delete quota tight -n prod

test_case 'settings that stop or endanger migrations, and a network that is not there'
set_migrations '{"parallelMigrationsPerCluster": 0, "disableTLS": true, "unsafeMigrationOverride": true, "allowPostCopy": true,
	"allowWorkloadDisruption": false, "network": "mig"}'
bed_kubectl patch kubevirt kubevirt -n kubevirt --subresource status --type merge -p '{"status":{"targetKubeVirtVersion":"v1.9.1"}}'
look --cluster
expect_status 3
attachment '' >objects
put
look --node off-network
expect_status 3

test_case 'single VMs: what is only to know, too'
look good over moving limited copied rooted leaving "$long" -n prod
expect_status 3
expect_json '[.items[] | select(.object.name == "good" and .severity != "note") | .reason] | join(" ")' ''

test_case 'one that may only look'
bed_kubectl create clusterrole looker --verb=get,list --resource=virtualmachineinstances.kubevirt.io,virtualmachineinstancemigrations.kubevirt.io
bed_kubectl create clusterrolebinding looker --clusterrole=looker --user=alice
user=alice look good -n prod
expect_status 3

# ---- what was found ----

# severity|code|object|evidence, a part of it|fix, a part of it
cat >wanted <<END
blocks|BLK-RWX|vm prod/rwo|volume 'root': claim 'prod/rwo' is ReadWriteOnce, not ReadWriteMany, storage class 'fast'|updateVolumesStrategy: Migration
warning|BLK-RWX|vm prod/unclaimed|there is no claim 'prod/nosuch'|ReadWriteMany
blocks|BLK-LOCAL-DISK|vm prod/local|volume 'root' is the file '/disks/a.img' of its node|hostDisk.shared: true
blocks|BLK-HOST-DEVICE|vm prod/device|host device 'qat' (intel.com/qat) is passed through|shut the VM down
blocks|BLK-HOST-DEVICE|vm prod/gpus|it has 2 GPUs: 'a' (nvidia.com/A100), 'b'|one virtual GPU at most
blocks|BLK-ENCRYPTED|vm prod/sev|its memory is encrypted by the processor (sev)|shut the VM down
blocks|BLK-INTERFACE|vm prod/bridge|interface 'default' is on the pod network by bridge|masquerade
blocks|BLK-CPU|vm prod/hyperv|hypervPassthrough|features.hyperv
blocks|BLK-FILESYSTEM|vm prod/shared-folder|folder /data of the node is shared|take the file system out
blocks|BLK-NOT-MIGRATABLE|vm prod/odd|a hotplug is under way; LiveMigratable: HotplugNotLiveMigratable|mend what the message names
blocks|BLK-NAME|vm prod/$long|its name has 64 characters|at most 63 characters
warning|BLK-IN-FLIGHT|vm prod/moving|migration 'm-moving' of it is under way (Running)|status -w moving -n prod'
warning|CHK-RETRY-LOOP|vm prod/looping|3 evacuations failed one after the other|cancel looping -n prod'
blocks|BLK-NOT-RUNNING|vm prod/over|it is not running (Succeeded)|start it
blocks|BLK-SOURCE-UNREACHABLE|vm prod/stranded|its node 'silent' is not ready: Kubelet stopped posting node status.|bring the node back
blocks|PEND-NO-TARGET|vm prod/tied|KVMIG-TGT-VOLUME|targets tied -n prod'
blocks|PEND-NO-TARGET|vm prod/nowhere|KVMIG-TGT-VM-SELECTOR|targets nowhere -n prod'
warning|PEND-QUOTA|project prod|quota 'tight' has no room now for a second pod of VM 'alone' and |have an admin raise it
warning|CHK-RESERVATION|vm prod/reserving|disk 'quorum' is a LUN with persistent reservations|cluster software
warning|CHK-SRIOV|vm prod/sriov|interface 'fast' is SR-IOV|bond it
warning|CHK-POST-COPY-VM|vm prod/late|an SR-IOV interface: when its time is up it is paused instead; policy 'late' allows post-copy|a policy of its own
warning|CHK-CPU-PASSTHROUGH|vm prod/passthrough|host-passthrough|named model
note|CHK-ONE-STREAM|vm prod/limited|a CPU limit|take the CPU limit off
note|CHK-DISKS-COPIED|vm prod/copied|volume 'init'|their size counts
note|CHK-STORAGE-MIGRATION|vm prod/rooted|cannot move its disks|shut it down
note|CHK-EVICTION|vm prod/leaving|marked to leave node 'source'|cancel leaving -n prod'
warning|CHK-DRAIN-STOPS|vm prod/stops|its eviction strategy is None|evictionStrategy: LiveMigrate
warning|CHK-DRAIN-STOPS|vm|2 VMs ('prod/unset-1', 'prod/unset-2'): eviction strategy not set|or for the cluster
warning|TGT-CORDONED|node cordoned|it is cordoned|'kubectl uncordon cordoned'
warning|TGT-NOT-READY|node not-ready|container runtime is down|'kubectl describe node not-ready'
warning|TGT-NOT-SCHEDULABLE|node unschedulable|kubevirt.io/schedulable is false|virt-handler
warning|TGT-MIGRATION-NETWORK|node off-network|its virt-handler has no interface migration0|network check'
warning|CHK-HOST-MODEL|node obsolete|holds its CPU model Skylake-Server for obsolete|restart the VMs
warning|CHK-HOST-MODEL|node fits-soft|does not know its CPU model|virt-handler
warning|CHK-HOST-MODEL|node fits-1|its CPU model is Granite, and no other node offers that|named CPU model
warning|CHK-CLOCK-SKEW|node fits-1|ahead of that of the API server|NTP
warning|CHK-CLOCK-SKEW|node fits-2|behind that of the API server|NTP
blocks|CHK-NODE-MEMORY|node fits-soft|of its 3 VMs would find no room on the other nodes|shut VMs down
blocks|CHK-SPARE-MEMORY|cluster|to drain 40 nodes at once (--drain-parallel) takes|fewer nodes
warning|CHK-VERSIONS|cluster|virt-handler kubevirt/virt-handler:v1.8.2 on 'fits-1'; virt-handler kubevirt/virt-handler:v1.9.0 on |update of KubeVirt
note|CHK-VERSIONS|cluster|kubelet v1.33.0 on 'fits-2'; kubelet v1.34.2 on |update of the nodes
warning|CHK-UPGRADE|cluster|KubeVirt v1.9.0 is being replaced by v1.9.1|wait
note|CHK-NETWORK-NONE|network|no migration network is set: the pod network is used|help network'
blocks|CHK-NETWORK-MISSING|network kubevirt/mig|there is no NetworkAttachmentDefinition 'kubevirt/mig'|config unset network'
blocks|CHK-NETWORK-CONFIG|network kubevirt/mig|its configuration has no ipam|correct its NetworkAttachmentDefinition
blocks|LINT-CONFIG-LIMIT-ZERO|settings|parallelMigrationsPerCluster is 0|config unset parallelMigrationsPerCluster'
warning|LINT-CONFIG-POST-COPY-ALONE|settings|allowWorkloadDisruption is not|config set allowWorkloadDisruption=true'
warning|LINT-CONFIG-POST-COPY-ALONE|policy alone|allowPostCopy without allowWorkloadDisruption|policy edit alone --set allowWorkloadDisruption=true'
warning|CHK-TLS-OFF|settings|disableTLS is true|config unset disableTLS'
warning|CHK-UNSAFE|settings|unsafeMigrationOverride is true|config unset unsafeMigrationOverride'
blocks|CHK-PERMISSION|user prod|you may not make migrations in namespace 'prod'|rbac grant alice -n prod'
note|CHK-NOT-SEEN|settings|post-copy needs userfaultfd on the nodes|vm.unprivileged_userfaultfd
note|CHK-NOT-SEEN|cluster|where VMs can go: |ask for the right
END

test_case 'each finding: severity, code, object, evidence, fix'
jq -r '[.severity, (.reason | ltrimstr("KVMIG-")), ([.object.kind, ([.object.namespace, .object.name] | map(select(.)) | join("/"))]
	| map(select(. != "")) | join(" ")), .evidence, .fix] | join("|")' findings | LC_ALL=C sort -u >met
while IFS='|' read -r severity code object evidence fix; do
	awk -F'|' -v s="$severity" -v c="$code" -v o="$object" -v e="$evidence" -v f="$fix" \
		'$1 == s && $2 == c && $3 == o && index($4, e) && index($5, f) { found = 1 } END { exit !found }' met ||
		complain "not met: $severity|$code|$object|$evidence|$fix; but: $(grep "|$code|" met | head -n 3)"
done <wanted

test_case 'every code that check can give was met here, or can be met on libvirt hosts only, or by other commands'
# what looks at libvirt hosts themselves; that each of its codes is met by some suite tests/cli/reason-coverage.sh sees to
hosts_only='src/check/hosts.c src/check/look*.c cmd/check-hosts.c'
# code, and the test that has it: of those that judge both, what is only said of libvirt hosts
cat >elsewhere <<END
BLK-DUPLICATE-UUID tests/unit/test-check-vm.c
BLK-LIBVIRT tests/unit/test-check-vm.c
BLK-TLS-CERTS tests/unit/test-check-nodes.c
BLK-UNDECIDED tests/unit/test-check-vm.c
CHK-DISK-LEASES tests/unit/test-check-nodes.c
CHK-TCG tests/unit/test-check-vm.c
CHK-USERFAULTFD tests/unit/test-check-nodes.c
BLK-SELECTOR-CONFLICT tests/kube/migrate.sh
CHK-NETWORK-SPEED tests/cli/network.sh
CHK-NETWORK-UNREACHED tests/lab/check.sh
CHK-KUBEVIRT tests/kube/virt-api.sh
CHK-VIRT-API tests/kube/virt-api.sh
END
codes_of() { # FILES, below the sources
	(cd "$top_srcdir" && grep -ohE 'REASON_[A-Z][A-Z0-9_]+' "$@") | sed 's/^REASON_//; s/_/-/g' | LC_ALL=C sort -u
}
# shellcheck disable=SC2046,SC2086 # words
codes_of $(cd "$top_srcdir" && printf '%s\n' src/check/*.c cmd/check*.c $hosts_only | sort | uniq -u | grep -v 'check/targets') >given
# shellcheck disable=SC2046,SC2086
codes_of $(cd "$top_srcdir" && ls $hosts_only) | grep -vxF -f given >of_hosts
echo "# met on libvirt hosts only: $(cut -d ' ' -f 1 elsewhere | head -n 7 | cat - of_hosts | tr '\n' ' ')"
run kvmig help reasons
grep -oE '^ *KVMIG-[A-Z]+-[A-Z0-9-]+' "$out" | sed 's/^ *KVMIG-//' | LC_ALL=C sort -u >table
expect 'the table is empty' test "$(wc -l <table)" -gt 80
cut -d '|' -f 2 met | LC_ALL=C sort -u >here
cut -d ' ' -f 1 elsewhere | cat - here of_hosts >proven
expect "given by check, and not met: $(grep -vxF -f proven given | tr '\n' ' ')" test -z "$(grep -vxF -f proven given)"
expect "in the table, and not met: $(grep -E '^(CHK|BLK)-' table | grep -vxF -f proven | tr '\n' ' ')" \
	test -z "$(grep -E '^(CHK|BLK)-' table | grep -vxF -f proven)"
expect "met, and not in the table: $(grep -vxF -f table here | tr '\n' ' ')" test -z "$(grep -vxF -f table here)"
while read -r code file; do
	expect "$code is not in $file" grep -qE "REASON_$(printf %s "$code" | tr - _)|KVMIG-$code" "$top_srcdir/$file"
	expect "$code is met here" test -z "$(grep -xF "$code" here)"
done <elsewhere

test_case 'the commands among the fixes are taken as they stand'
# those that follow something go on until they are stopped
jq -r '.fix' findings | grep -oE "'kvmig [^']*'" | tr -d "'" | LC_ALL=C sort -u >commands
expect 'there are many' test "$(wc -l <commands)" -ge 10
while read -r line; do
	# shellcheck disable=SC2086 # words
	run timeout 3 $line
	expect "$line is not taken: $(cat "$err")" test "$status" -ne 2
done <commands

done_testing
