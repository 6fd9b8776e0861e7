#!/bin/sh
# What `kvmig config` sets, unsets and undoes, on real daemons and guests: the cap in QEMU's parameters and in libvirt's
# statistics, who waits at a limit and when it goes on, the end when the time is over. Each setting is seen twice: as it
# was set, and with its default back.
# shellcheck disable=SC2317 # functions are called through check
. "$(dirname "$0")/lib.sh"
KVMIG_CONTEXT=lab
export KVMIG_CONTEXT
MIB=1048576

lab_begin "$(id -un)"

in_force() { # KEY TEXT ORIGIN
	run 0 kvmig config view "$1" -o json &&
		equal "$(echo "$out" | jq -r '.items[0] | "\(.text) (\(.origin))"')" "$2 ($3)"
}

set_to() { # KEY=VALUE TEXT
	run 0 kvmig config set "$1" && in_force "${1%%=*}" "$2" HyperConverged
}

unset_to() { # KEY TEXT
	run 0 kvmig config unset "$1" && in_force "$1" "$2" default
}

start() { # VM: its name in $started
	started=$(kvmig migrate "$1" -q -o name) && started=${started#*/}
}

# ---- bandwidth ----

# Bytes a second of all that was sent, as libvirt on the target has it of the last migration.
sent_rate() { # NODE VM
	node_virsh "$1" domjobinfo "$2" --completed --rawstats | awk '$1 == "memory_bps:" { print $2 }'
}

# It counts what it has handed to the kernel: some buffers more than was on the wire.
at_4mib() { # RATE
	if [ "$1" -le $((MIB / 2)) ] || [ "$1" -ge $((6 * MIB)) ]; then
		echo "libvirt's statistics have $1 B/s"
		return 1
	fi
}

faster() { # RATE
	[ "$1" -ge $((5 * MIB)) ] || {
		echo "libvirt's statistics have $1 B/s, as if it were capped"
		return 1
	}
}

cap_is_kept() {
	from=$(domain_place vm2)
	slow_start vm2 && until_capped "$from" vm2 $((4 * MIB)) || return 1
	highest_rate "$from" vm2 "$slow"
	until_phase "$slow" Succeeded && assert_only_on vm2 "$(other_node "$from")" || return 1
	rate=$(sent_rate "$(other_node "$from")" vm2)
	note "capped: QEMU's cap $cap B/s, highest rate $highest B/s, over all $rate B/s" >>"$LAB_TOP/figures"
	at_4mib "$highest" && at_4mib "$rate"
}

# ---- limits ----

# Not even prepared: libvirt has no job on it, and the one before it goes on.
waits_behind() { # REASON SECOND-VM SECOND FIRST NODE
	until_waits "$3" "$1" && contains "$out" "$4" && equal "$(phase_of "$3")" Pending || return 1
	equal "$(node_virsh "$5" domjobinfo "$2" --rawstats | head -n 1 | tr -s ' ')" 'Job type: 0' &&
		equal "$(phase_of "$4")" Running
}

# From the record, which has them to the microsecond.
began_after() { # SECOND FIRST
	run 0 kvmig history -o json || return 1
	echo "$out" | jq -e --arg first "$2" --arg second "$1" '
		(.items | map({ key: .migration, value: . }) | from_entries) as $of |
		$of[$first].phase == "Succeeded" and $of[$second].startedAt >= $of[$first].endedAt' >/dev/null || {
		echo "$1 did not begin after $2: $(echo "$out" | jq -c '[.items[] | { migration, phase, startedAt, endedAt }]')"
		return 1
	}
}

# The first writes faster than it may copy: it does not end before the second has been seen to wait.
one_after_the_other() { # REASON [COMMAND…]: while the second waits
	from=$(domain_place vm1)
	reason=$1
	shift
	equal "$(domain_place vm2)" "$from" && kvmig lab vm load -q vm1 --dirty-rate 6Mi || return 1
	slow_start vm1 && start vm2 && waits_behind "$reason" vm2 "$started" "$slow" "$from" && "$@"
	waited=$?
	kvmig lab vm load -q vm1 --dirty-rate 1Mi && equal "$waited" 0 || return 1
	until_phase "$slow" Succeeded && until_phase "$started" Succeeded && began_after "$started" "$slow" || return 1
	assert_only_on vm1 "$(other_node "$from")" && assert_only_on vm2 "$(other_node "$from")"
}

cluster_limit() {
	set_to parallelMigrationsPerCluster=1 1 &&
		one_after_the_other KVMIG-PEND-CLUSTER-LIMIT set_to bandwidthPerMigration=1Gi '1 GiB/s'
}

# One change at a time, the last first: the second migration's bandwidth, then the limit.
undo_goes_back() {
	run 0 kvmig config undo && in_force bandwidthPerMigration '4 MiB/s' HyperConverged &&
		in_force parallelMigrationsPerCluster 1 HyperConverged &&
		run 0 kvmig config undo && in_force bandwidthPerMigration '4 MiB/s' HyperConverged &&
		in_force parallelMigrationsPerCluster 5 default
}

# What runs keeps the cap that it began with; what waits has none of its own yet.
outbound_limit() {
	set_to parallelOutboundMigrationsPerNode=1 1 &&
		one_after_the_other KVMIG-PEND-OUTBOUND-LIMIT unset_to bandwidthPerMigration unlimited || return 1
	first=$(sent_rate "$(domain_place vm1)" vm1) second=$(sent_rate "$(domain_place vm2)" vm2)
	note "while the cap was taken away: first $first B/s, second $second B/s" >>"$LAB_TOP/figures"
	at_4mib "$first" && faster "$second"
}

# ---- time ----

# Its last migration was stopped then: libvirt counts no more than what goes through the cap of 1 MiB/s in that time, and in
# the seconds that a slow machine may need to see it; unhindered it takes 32. The hosts are asked for the end, too. On a
# slow machine the time may be over before anything was copied: the target's QEMU is started in it.
cancelled_after() { # VM NODE SECONDS
	run 0 kvmig history "$1" -o json || return 1
	echo "$out" | jq -e --argjson budget "$3" '
		def us: (.[:19] + "Z" | fromdateiso8601) * 1000000 + (.[20:26] | tonumber);
		.items[-1] | (((.endedAt | us) - (.startedAt | us)) / 1000000) as $took |
		.reason == "KVMIG-FAIL-COMPLETION-TIMEOUT" and $took >= $budget and $took < 30 and
		(.memoryProcessedBytes // 0) <= 1048576 * ($budget + 8)' >/dev/null || {
		echo "was not cancelled after $3 s: $(echo "$out" | jq -c '.items[-1]')"
		return 1
	}
	assert_only_on "$1" "$2" && wait_beat "$1"
}

# 32 MiB at 480 s per GiB are 15 s: that long it was copied, and the record has how much.
budget_ends_it() {
	from=$(domain_place vm1)
	set_to completionTimeoutPerGiB=480 '480 s/GiB' && run 1 kvmig migrate vm1 --wait || return 1
	contains "$err" KVMIG-FAIL-COMPLETION-TIMEOUT && cancelled_after vm1 "$from" 15 || return 1
	run 0 kvmig history vm1 -o json && [ "$(echo "$out" | jq '.items[-1].memoryProcessedBytes')" -gt 0 ]
}

ran_at_once() { # ONE OTHER
	run 0 kvmig history -o json || return 1
	echo "$out" | jq -e --arg one "$1" --arg other "$2" '
		(.items | map({ key: .migration, value: . }) | from_entries) as $of |
		$of[$one].startedAt < $of[$other].endedAt and $of[$other].startedAt < $of[$one].endedAt' >/dev/null || {
		echo "$1 and $2 did not run at once: $(echo "$out" | jq -c '[.items[] | { migration, startedAt, endedAt }]')"
		return 1
	}
}

# 32 MiB at 150 s per GiB are 5 s; two at once from one node is what the default of the limits allows.
defaults_again() {
	from=$(domain_place vm1)
	equal "$(domain_place vm2)" "$from" || return 1
	# side by side: a command may take longer than the migration that it starts
	for vm in vm1 vm2; do
		(start $vm && echo "$started" >"$LAB_TOP/$vm.started") &
	done
	wait
	one=$(cat "$LAB_TOP/vm1.started") && two=$(cat "$LAB_TOP/vm2.started") || return 1
	until_phase "$one" Failed && until_phase "$two" Failed && ran_at_once "$one" "$two" &&
		cancelled_after vm1 "$from" 5 && cancelled_after vm2 "$from" 5
}

check 'a lab of two nodes and two guests' lab_start 2 --vms 2
check 'a guest that is busy' kvmig lab vm load vm1 --dirty-rate 1Mi --working-set 8Mi -q
check 'time enough for what is slow' set_to completionTimeoutPerGiB=6000 '6000 s/GiB'
check 'a cap' set_to bandwidthPerMigration=4Mi '4 MiB/s'
check 'bandwidthPerMigration is kept: by QEMU, and in the statistics of libvirt' cap_is_kept
check 'parallelMigrationsPerCluster: the second waits, and goes on after the first' cluster_limit
check 'undo gives the bandwidth before back, and then the default of the limit' undo_goes_back
check 'parallelOutboundMigrationsPerNode likewise; unset takes the cap of the undo from the second alone' outbound_limit
check 'unset gives the default of the limit back' unset_to parallelOutboundMigrationsPerNode 2
check 'another cap' set_to bandwidthPerMigration=1Mi '1 MiB/s'
check 'completionTimeoutPerGiB cancels in time, and the guest goes on at the source' budget_ends_it
check 'unset gives the default of the time back' unset_to completionTimeoutPerGiB '150 s/GiB'
check 'two at once, for as long as the default says' defaults_again
cat "$LAB_TOP/figures"
check 'nothing was lost through all of this' no_memory_errors vm1
check 'nor of the other' no_memory_errors vm2
check 'one copy of each' assert_running_once vm1
check 'and of the other' assert_running_once vm2
done_testing
