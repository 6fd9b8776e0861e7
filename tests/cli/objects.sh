# shellcheck shell=sh disable=SC2154 # work, build: of lib.sh
# A cluster without hypervisors for the tests of migrate, status, cancel and controller: three nodes and some VMs, as
# the inventory would have written them. Commands look again at what is older than some seconds, and would find that nobody
# answers: the variable has them believe what is written, however slow the machine is (a controller that a test starts looks
# for itself). `fresh` makes the cluster anew; more objects, and changes to these, come on standard input. A KVMIG_TEST_DELAY
# of some seconds proves that nothing here depends on being quick.
export KVMIG_TEST_MAX_AGE_MS=3600000

# host NAME [EXTRA-SPEC-LINE [READY [AVAILABLE]]]
host() {
	tls=${certificates:+"  tls: {migrationCertificates: $certificates}"}
	cat <<END
---
apiVersion: kvmig.io/v1
kind: Host
metadata:
  name: $1
  labels: {kubernetes.io/hostname: $1, kubernetes.io/arch: amd64, zone: ${zone:-a}}
spec:
  uri: qemu+unix:///system?socket=$work/no-such-socket-$1
${2:+  $2}
status:
  hostUUID: 00000000-0000-0000-0000-0000000000${1#n}0
  capacity: {memory: 16Gi, cpu: "8"}
  allocatable: {memory: 16Gi, cpu: "8"}
  memoryAvailable: ${4:-12Gi}
  observedAt: "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
$tls
  conditions:
  - {type: Ready, status: "${3:-True}", reason: Test, message: "Connection refused"}
END
}

# vm NAME NODE [PHASE [MEMORY]]; $conditions: more of them, one a line
vm() {
	cat <<END
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata:
  name: $1
  namespace: default
  annotations: {kvmig.io/domain-name: "$1 (raw)"}
  labels: {${labels:-}}
spec:
  architecture: amd64
  domain: {memory: {guest: ${4:-4Gi}}, machine: {type: pc-q35-7.2}}
status:
  nodeName: $2
  phase: ${3:-Running}
  domainState: ${state:-running}
  domainUUID: 11111111-0000-0000-0000-$(printf %s "$1" | od -An -tx1 | tr -d ' \n' | sed 's/$/000000000000/' | head -c 12)
  migrationMethod: LiveMigration
  observedAt: "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  conditions:
  - {type: LiveMigratable, status: "${migratable:-True}", reason: Test, message: "${words:-}"}
${conditions:-}
END
}

# migration NAME VM PHASE [STATUS-KVMIG-IN-FLOW-STYLE]
migration() {
	kvmig=${4:-'{}'}
	cat <<END
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata:
  name: $1
  namespace: default
  labels: {kubevirt.io/vmi-name: $2}
  finalizers: [kubevirt.io/migrationJobFinalize]
spec: {vmiName: $2}
status:
  phase: $3
  kvmig: $kvmig
END
}

settings() { # liveMigrationConfig in flow style
	cat <<END
---
apiVersion: hco.kubevirt.io/v1beta1
kind: HyperConverged
metadata: {name: kubevirt-hyperconverged, namespace: kubevirt-hyperconverged}
spec: {liveMigrationConfig: $1}
END
}

fresh() { # <objects
	end_controllers
	rm -rf "$XDG_STATE_HOME"
	"$build/tests/cli/put-object" local >"$work/put.log" 2>&1 || {
		complain 'the objects cannot be put'
		sed 's/^/# /' "$work/put.log"
	}
	sleep "${KVMIG_TEST_DELAY:-0}"
}

usual() {
	host n1
	host n2
	host n3 'unschedulable: true'
	vm web-1 n1
}
