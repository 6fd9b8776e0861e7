#!/bin/sh
# The documents' example of migration policies from label to policy to effect, on real daemons and guests: a guest in a
# labelled project, the bandwidth capped by the policy, the cap in QEMU's parameters, in libvirt's statistics, and in time.
# shellcheck disable=SC2317 # functions are called through check
. "$(dirname "$0")/lib.sh"
KVMIG_CONTEXT=lab
export KVMIG_CONTEXT
MIB=1048576

lab_begin "$(id -un)"

# run STATUS COMMAND…: the exit status is that one; what was written is in $out and $err.
run() {
	expected=$1
	shift
	out=$("$@" 2>"$LAB_TOP/err")
	status=$?
	err=$(cat "$LAB_TOP/err")
	equal "$status" "$expected" || {
		echo "$*: stdout: $out; stderr: $err"
		return 1
	}
}

explained() { # VM POLICY: what explain says
	run 0 kvmig policy explain "$1" -o json && equal "$(echo "$out" | jq -r '.policy // "none"')" "$2"
}

phase_of() { # MIGRATION
	kvmig status "$1" -o json | jq -r .phase
}

until_phase() { # MIGRATION PHASE
	for _ in $(seq 400); do
		phase=$(phase_of "$1")
		[ "$phase" = "$2" ] && return 0
		[ "$phase" = Failed ] && break
		sleep 0.1
	done
	echo "$1 is $phase, not $2"
	return 1
}

# ---- from label to policy ----

policy_of_the_documents() {
	cat >"$LAB_TOP/policy.yaml" <<-END
		apiVersion: migrations.kubevirt.io/v1alpha1
		kind: MigrationPolicy
		metadata:
		  name: my-migration-policy
		spec:
		  selectors:
		    namespaceSelector:
		      hpc-workloads: "True"
		      xyz-workloads-type: ""
		    virtualMachineInstanceSelector:
		      kubevirt.io/environment: "production"
		  bandwidthPerMigration: 8Mi
		  completionTimeoutPerGiB: 1500
	END
	chmod 644 "$LAB_TOP/policy.yaml"
	run 0 kvmig apply -f "$LAB_TOP/policy.yaml" && explained vm1 none
}

labels_of_the_documents() {
	run 0 kvmig label namespace default hpc-workloads=True xyz-workloads-type= && explained vm1 none || return 1
	run 0 kvmig vm label vm1 kubevirt.io/environment=production && explained vm1 my-migration-policy &&
		explained vm2 none || return 1
	run 0 kvmig policy matches -o json &&
		equal "$(echo "$out" | jq -r '.items | map("\(.vm)=\(.policy // "none")") | join(" ")')" 'vm1=my-migration-policy vm2=none'
}

# ---- the effect ----

qemu_cap() { # NODE VM: bytes a second
	node_virsh "$1" qemu-monitor-command "$2" '{"execute":"query-migrate-parameters"}' | jq '.return["max-bandwidth"]'
}

# It is set some time after the phase says Running.
until_capped() { # NODE VM BYTES
	for _ in $(seq 40); do
		cap=$(qemu_cap "$1" "$2")
		[ "$cap" = "$3" ] && return 0
		sleep 0.05
	done
	echo "QEMU's cap is $cap, not $3"
	return 1
}

# The largest rate that libvirt reports while the migration runs, in bytes a second.
highest_rate() { # NODE VM
	highest=0
	while rate=$(node_virsh "$1" domjobinfo "$2" --rawstats 2>/dev/null | awk '$1 == "memory_bps:" { print $2 }'); do
		[ -n "$rate" ] && [ "$rate" -gt "$highest" ] && highest=$rate
		[ "$(phase_of "$migration")" = Running ] || break
		sleep 0.2
	done
}

cap_is_kept() {
	from=$(domain_place vm1)
	migration=$(kvmig migrate vm1 -q -o name) || return 1
	migration=${migration#*/}
	echo "$migration" >"$LAB_TOP/migration"
	began=$(date +%s%N)
	until_phase "$migration" Running || return 1
	until_capped "$from" vm1 $((8 * MIB)) || return 1
	highest_rate "$from" vm1
	until_phase "$migration" Succeeded || return 1
	took=$((($(date +%s%N) - began) / 1000000))
	note "QEMU's cap: $cap B/s; highest rate that libvirt reports: $highest B/s; $took ms" >>"$LAB_TOP/figures"
	# it counts what it has handed to the kernel: some buffers more than was on the wire
	if [ "$highest" -le $MIB ] || [ "$highest" -ge $((11 * MIB)) ]; then
		echo "libvirt's statistics have $highest B/s"
		return 1
	fi
	assert_only_on vm1 "$(other_node "$from")"
}

# Of all that was sent, in the time from the first to the last byte.
rate_over_all() {
	run 0 kvmig history vm1 -o json || return 1
	rate=$(echo "$out" | jq '.items[-1] | (.memoryProcessedBytes * 1000 / .totalMs) | floor')
	note "over all: $rate B/s" >>"$LAB_TOP/figures"
	if [ "$rate" -le $((2 * MIB)) ] || [ "$rate" -ge $((9 * MIB)) ]; then
		echo "$rate B/s: $out"
		return 1
	fi
}

policy_is_named() { # VM POLICY MIBS
	run 0 kvmig get vmi "$1" -o json || return 1
	equal "$(echo "$out" | jq -r '.status.migrationState | "\(.migrationPolicyName) \(.migrationConfiguration.bandwidthPerMigration)"')" \
		"$2 $3"
}

named_in_the_migration() {
	run 0 kvmig get vmim "$(cat "$LAB_TOP/migration")" -o json &&
		equal "$(echo "$out" | jq -r .status.migrationState.migrationPolicyName)" my-migration-policy || return 1
	run 0 kvmig history vm1 -o json && equal "$(echo "$out" | jq -r '.items[-1].settings.policy')" my-migration-policy
}

without_policy_no_cap() {
	from=$(domain_place vm2)
	run 0 kvmig migrate vm2 --wait -q || return 1
	run 0 kvmig history vm2 -o json || return 1
	note "without a policy: $(echo "$out" | jq '.items[-1] | (.memoryProcessedBytes * 1000 / .totalMs) | floor') B/s" \
		>>"$LAB_TOP/figures"
	policy_is_named vm2 null 0 && assert_only_on vm2 "$(other_node "$from")"
}

# Labels travel with the VM, and it is the documents' rule that decides here.
the_documents_rule() {
	explained vm1 my-migration-policy || return 1
	run 0 kvmig policy create a-vm --vm-label kubevirt.io/environment=production,tier=gold,size=l,os=x \
		--set bandwidthPerMigration=2Gi || return 1
	run 0 kvmig policy create b-mixed --vm-label kubevirt.io/environment=production,tier=gold,size=l \
		--project-label hpc-workloads=True --set bandwidthPerMigration=1Gi || return 1
	run 0 kvmig vm label vm1 tier=gold size=l os=x && run 0 kvmig policy explain vm1 -o json || return 1
	equal "$(echo "$out" | jq -r '"\(.policy) \(.kubevirtPolicy)"')" 'b-mixed a-vm' || return 1
	run 0 kvmig migrate vm1 --wait -q && policy_is_named vm1 b-mixed 1Gi
}

label_gone_policy_gone() {
	run 0 kvmig vm label vm1 kubevirt.io/environment- && explained vm1 none && run 0 kvmig migrate vm1 --wait -q &&
		policy_is_named vm1 null 0
}

check 'a lab of two nodes and two guests' lab_start 2 --vms 2
check 'a guest that is busy' kvmig lab vm load vm1 --dirty-rate 1Mi --working-set 8Mi -q
check "the documents' policy, which finds nothing yet" policy_of_the_documents
check 'labels of project and VM: it applies, to that VM alone' labels_of_the_documents
check "the policy's cap is QEMU's, and libvirt reports no higher rate" cap_is_kept
check 'all that was sent took as long as that' rate_over_all
check 'migrationState has the name and the settings' policy_is_named vm1 my-migration-policy 8Mi
check 'so have the migration and the history' named_in_the_migration
check 'a VM without a policy has no cap' without_policy_no_cap
cat "$LAB_TOP/figures"
check "among equals the documents' rule decides" the_documents_rule
check 'the label is gone, and so is the policy' label_gone_policy_gone
check 'nothing was lost through all of this' no_memory_errors vm1
check 'one copy of each' assert_running_once vm1
done_testing
