#!/bin/sh
# The documents' example of migration policies from label to policy to effect, on real daemons and guests: a guest in a
# labelled project, the bandwidth capped by the policy, the cap in QEMU's parameters, in libvirt's statistics, and in time.
# shellcheck disable=SC2317 # functions are called through check
. "$(dirname "$0")/lib.sh"
KVMIG_CONTEXT=lab
export KVMIG_CONTEXT
MIB=1048576

lab_begin "$(id -un)"

explained() { # VM POLICY: what explain says
	run 0 kvmig policy explain "$1" -o json && equal "$(echo "$out" | jq -r '.policy // "none"')" "$2"
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
		  bandwidthPerMigration: 4Mi
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

cap_is_kept() {
	from=$(domain_place vm1)
	migration=$(kvmig migrate vm1 -q -o name) || return 1
	migration=${migration#*/}
	echo "$migration" >"$LAB_TOP/migration"
	began=$(date +%s%N)
	until_phase "$migration" Running || return 1
	until_capped "$from" vm1 $((4 * MIB)) || return 1
	highest_rate "$from" vm1 "$migration"
	until_phase "$migration" Succeeded || return 1
	took=$((($(date +%s%N) - began) / 1000000))
	note "QEMU's cap: $cap B/s; highest rate that libvirt reports: $highest B/s; $took ms" >>"$LAB_TOP/figures"
	# it counts what it has handed to the kernel: some buffers more than was on the wire
	if [ "$highest" -le $((MIB / 2)) ] || [ "$highest" -ge $((6 * MIB)) ]; then
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
	if [ "$rate" -le $((MIB / 2)) ] || [ "$rate" -ge $((5 * MIB)) ]; then
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

# A quantity of the form that the store asks for, but too long to be one: what such a policy asks for is not guessed.
policy_that_nobody_can_obey() {
	from=$(domain_place vm2)
	printf 'apiVersion: migrations.kubevirt.io/v1alpha1\nkind: MigrationPolicy\nmetadata: {name: long}\nspec: %s\n' \
		"{selectors: {virtualMachineInstanceSelector: {odd: \"1\"}}, bandwidthPerMigration: $(printf '%0500d' 0)1Mi}" >"$LAB_TOP/long.yaml"
	chmod 644 "$LAB_TOP/long.yaml"
	run 0 kvmig apply -q -f "$LAB_TOP/long.yaml" && run 0 kvmig vm label -q vm2 odd=1 || return 1
	run 1 kvmig migrate vm2 --wait && contains "$err" KVMIG-FAIL-SETTINGS && assert_only_on vm2 "$from"
}

check 'a lab of two nodes and two guests' lab_start 2 --vms 2
check 'which may take its time' lab_patient
check 'a guest that is busy' kvmig lab vm load vm1 --dirty-rate 1Mi --working-set 8Mi -q
check "the documents' policy, which finds nothing yet" policy_of_the_documents
check 'labels of project and VM: it applies, to that VM alone' labels_of_the_documents
check "the policy's cap is QEMU's, and libvirt reports no higher rate" cap_is_kept
check 'all that was sent took as long as that' rate_over_all
check 'migrationState has the name and the settings' policy_is_named vm1 my-migration-policy 4Mi
check 'so have the migration and the history' named_in_the_migration
check 'a VM without a policy has no cap' without_policy_no_cap
cat "$LAB_TOP/figures"
check "among equals the documents' rule decides" the_documents_rule
check 'the label is gone, and so is the policy' label_gone_policy_gone
check 'a policy that nobody can obey moves nothing' policy_that_nobody_can_obey
check 'nothing was lost through all of this' no_memory_errors vm1
check 'one copy of each' assert_running_once vm1
done_testing
