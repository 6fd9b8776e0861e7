#!/bin/sh
# kvmig migrate, status, cancel and history on real daemons and guests: the plain path, the limits, the settings, and
# every kind of bad input. Runs as root and again as an ordinary user (migrate-user.sh).
# shellcheck disable=SC2317 # functions are called through check
. "$(dirname "$0")/lib.sh"
KVMIG_CONTEXT=lab
export KVMIG_CONTEXT

lab_begin "${MIGRATE_USER:-$(id -un)}"

# ---- helpers ----

moves_left() { # VM: how many migrations of it the history has
	kvmig history "$1" -o json | jq '.items | length'
}

with_settings() { # KEY=VALUE… -- COMMAND…: sets, runs, unsets (and is patient again)
	keys=
	while [ "$1" != -- ]; do
		kvmig config set -q "$1" >/dev/null || return 1
		keys="$keys ${1%%=*}"
		shift
	done
	shift
	"$@"
	result=$?
	# shellcheck disable=SC2086 # words
	kvmig config unset -q $keys >/dev/null
	lab_patient
	return $result
}

# ---- the plain path ----

there_and_back() {
	kvmig lab vm load vm1 --dirty-rate 4Mi --working-set 16Mi -q || return 1
	run 0 kvmig migrate vm1 --wait && assert_only_on vm1 n2 && wait_beat vm1 || return 1
	run 0 kvmig migrate vm1 --node n1 --wait && assert_only_on vm1 n1 && wait_beat vm1 || return 1
	wait_passes vm1 3 && no_memory_errors vm1 && beats_are_whole vm1 && assert_running_once vm1
}

# What a script that waited reads next is true already.
end_is_the_truth() {
	for _ in 1 2; do
		run 0 kvmig migrate vm1 --wait -q && run 0 kvmig vm show vm1 -o json || return 1
		echo "$out" | jq -e '[.status.conditions[]? | select(.type == "Paused")] == []' >/dev/null || {
			echo "$out"
			return 1
		}
	done
}

prints_one_name() {
	run 0 kvmig migrate vm1 -o name --wait -q && contains "$out" kvmig- && equal "$(echo "$out" | wc -l)" 1 &&
		run 0 kvmig migrate vm1 -o json --wait -q &&
		equal "$(echo "$out" | jq -r .apiVersion)" kvmig.io/v1
}

history_has_figures() {
	run 0 kvmig history vm1 -o json || return 1
	echo "$out" | jq -e '.items[-1] | .phase == "Succeeded" and .downtimeMs >= 0 and .totalMs > 0 and
		.memoryProcessedBytes > 0 and .endState == "none/running"' >/dev/null || {
		echo "$out"
		return 1
	}
}

one_record_each() {
	before=$(moves_left vm1)
	run 0 kvmig migrate vm1 --wait -q && equal "$(moves_left vm1)" $((before + 1))
}

dry_run_changes_nothing() {
	place=$(domain_place vm1)
	run 0 kvmig migrate vm1 --dry-run && contains "$out$err" "$(other_node "$place")" &&
		equal "$(domain_place vm1)" "$place" && run 0 kvmig status -o json &&
		equal "$(echo "$out" | jq '[.items[] | select(.phase != "Succeeded" and .phase != "Failed")] | length')" 0
}

selector_decides() {
	run 0 kvmig node label n1 zone=a -q && run 0 kvmig node label n2 zone=b -q || return 1
	from=$(domain_place vm1)
	zone=a
	[ "$from" = n1 ] && zone=b
	run 0 kvmig migrate vm1 --node-selector zone=$zone --wait && assert_only_on vm1 "$(other_node "$from")" &&
		run 3 kvmig migrate vm1 --node-selector zone=c && contains "$err" zone=c
}

# The documents' example, with one node that has the label, and with none.
documents_example() {
	to=$(other_node "$(domain_place vm1)")
	gpu=accelerator=gpu-enabled23
	run 0 kvmig node label "$to" $gpu &&
		run 0 kvmig migrate vm1 --node-selector "$gpu,kubernetes.io/hostname=$to" --wait && assert_only_on vm1 "$to" &&
		run 0 kvmig node label "$to" accelerator- && run 3 kvmig migrate vm1 --node-selector $gpu &&
		run 1 kvmig migrate vm1 --node-selector $gpu --check=off --schedule-timeout 2s --wait &&
		contains "$err" KVMIG-FAIL-NO-TARGET-TIMEOUT && assert_only_on vm1 "$to"
}

several_at_once() {
	run 0 kvmig migrate vm1 vm2 --wait --timeout 120s && contains "$err" '2 VMs: 2 moved' &&
		equal "$(printf '%s\n' "$out" | grep -c '^vm[12] kvmig-')" 2
}

# A daemon that dies while one of them writes to it ends the process by SIGPIPE (13) otherwise.
threads_of_libvirt_block_sigpipe() {
	run 0 kvmig status || return 1
	found=0
	for thread in "/proc/$(controller_pid)"/task/*; do
		case $(cat "$thread/comm" 2>/dev/null) in kvmig-libvirt | libvirt-events) ;; *) continue ;; esac
		blocked=$(awk '$1 == "SigBlk:" { print $2 }' "$thread/status" 2>/dev/null)
		[ -n "$blocked" ] || continue # it has ended meanwhile
		[ $((0x$blocked >> 12 & 1)) -eq 1 ] || {
			echo "$(cat "$thread/comm") blocks $blocked"
			return 1
		}
		found=$((found + 1))
	done
	[ "$found" -ge 2 ]
}

autostart_goes_along() {
	from=$(domain_place vm1) to=$(other_node "$(domain_place vm1)")
	node_virsh "$from" autostart vm1 >/dev/null && run 0 kvmig migrate vm1 --wait && assert_only_on vm1 "$to" || return 1
	contains "$(node_virsh "$to" dominfo vm1 | grep Autostart)" enable && node_virsh "$to" autostart --disable vm1 >/dev/null
}

paused_stays_paused() {
	from=$(domain_place vm1) to=$(other_node "$(domain_place vm1)")
	node_virsh "$from" suspend vm1 >/dev/null && run 0 kvmig migrate vm1 --wait || return 1
	equal "$(domain_state "$to" vm1)" paused && equal "$(domain_state "$from" vm1)" '' &&
		node_virsh "$to" resume vm1 >/dev/null && wait_beat vm1
}

by_raw_name_and_uuid() {
	from=$(domain_place vm1)
	node_virsh "$from" dumpxml vm1 | sed -e 's/<name>vm1</<name>Web_01 (old)</' -e '/<uuid>/d' -e 's/vm1\./web./g' \
		>"$LAB_TOP/web.xml"
	chmod 644 "$LAB_TOP/web.xml"
	as_lab_user mkfifo "$LAB/vm/web.ctl" || return 1
	node_virsh "$from" create "$LAB_TOP/web.xml" >/dev/null || return 1
	uuid=$(node_virsh "$from" domuuid 'Web_01 (old)' | head -n 1)
	run 0 kvmig migrate 'Web_01 (old)' --wait && assert_only_on 'Web_01 (old)' "$(other_node "$from")" &&
		run 0 kvmig migrate "$uuid" --wait && assert_only_on 'Web_01 (old)' "$from" &&
		run 0 kvmig migrate web-01-old --wait && assert_only_on 'Web_01 (old)' "$(other_node "$from")"
	result=$?
	node_virsh "$(domain_place 'Web_01 (old)')" destroy 'Web_01 (old)' >/dev/null
	return $result
}

# ---- limits and settings ----

bandwidth_is_kept() {
	began=$(date +%s%N)
	run 0 kvmig migrate vm1 --wait || return 1
	took=$((($(date +%s%N) - began) / 1000000))
	# 32 MiB at 16 MiB/s.
	[ "$took" -ge 1800 ] || {
		echo "took only $took ms"
		return 1
	}
}

cluster_limit_makes_wait() {
	from=$(domain_place vm1)
	slow_start vm1 || return 1
	first=$slow
	second=$(kvmig migrate vm2 -q -o name) || return 1
	second=${second#*/}
	until_waits "$second" KVMIG-PEND-CLUSTER-LIMIT && contains "$out" "$first" || return 1
	run 0 kvmig status "$second" -o json && equal "$(echo "$out" | jq -r .phase)" Pending || return 1
	kvmig config unset -q bandwidthPerMigration >/dev/null # of the second; the first keeps what it began with
	hurry "$from" vm1 2097152 || return 1
	until_phase "$first" Succeeded && until_phase "$second" Succeeded && assert_running_once vm2
}

node_limits_make_wait() {
	for vm in vm1 vm2; do
		[ "$(domain_place $vm)" = n1 ] || run 0 kvmig migrate $vm --node n1 --wait || return 1
	done
	kvmig config set -q bandwidthPerMigration=2Mi >/dev/null
	slow_start vm1 || return 1
	first=$slow
	second=$(kvmig migrate vm2 -q -o name) || return 1
	second=${second#*/}
	until_waits "$second" KVMIG-PEND-OUTBOUND-LIMIT || return 1
	# The other node's own limit takes its place.
	kvmig config set -q parallelInboundMigrationsPerNode=1 >/dev/null
	kvmig config set -q parallelOutboundMigrationsPerNode=2 >/dev/null
	until_waits "$second" KVMIG-PEND-INBOUND-LIMIT || return 1
	kvmig config unset -q bandwidthPerMigration >/dev/null
	# A place comes free however the first ends.
	run 0 kvmig cancel "$first" && until_phase "$second" Succeeded
}

same_vm_twice() {
	slow_start vm1 || return 1
	run 8 kvmig migrate vm1 && contains "$err" 'hint:' && contains "$err" "$slow" || return 1
	equal "$(phase_of "$slow")" Running && run 0 kvmig cancel "$slow" && assert_running_once vm1
}

cancel_leaves_it() {
	from=$(domain_place vm1)
	slow_start vm1 && run 0 kvmig cancel vm1 || return 1
	assert_only_on vm1 "$from" && wait_beat vm1 && run 0 kvmig history vm1 -o json || return 1
	equal "$(echo "$out" | jq -r '.items[-1].reason')" KVMIG-FAIL-CANCELLED &&
		equal "$(echo "$out" | jq -r '.items[-1].phase')" Failed
}

completion_timeout_cancels() {
	from=$(domain_place vm1)
	run 1 kvmig migrate vm1 --wait && contains "$err" KVMIG-FAIL-COMPLETION-TIMEOUT && assert_only_on vm1 "$from" &&
		wait_beat vm1
}

status_says_what_will_fire() {
	slow_start vm1 || return 1
	for _ in $(seq 100); do
		run 0 kvmig status vm1 -o json || return 1
		echo "$out" | jq -e '.progress.memoryTotalBytes > 0' >/dev/null && break
		sleep 0.1
	done
	echo "$out" | jq -e '.deadline.action == "cancel" and .progress.memoryTotalBytes > 0' >/dev/null || {
		echo "$out"
		return 1
	}
	run 0 kvmig cancel "$slow"
}

timeout_ends_only_the_waiting() {
	from=$(domain_place vm1)
	run 6 kvmig migrate vm1 --wait --timeout 1s && contains "$err" 'goes on' || return 1
	name=$(kvmig status -o json | jq -r '[.items[] | select(.phase != "Succeeded" and .phase != "Failed")][0].name')
	until_phase "$name" Running && hurry "$from" vm1 2097152 && until_phase "$name" Succeeded
}

# The kvmig among the descendants of a process (runuser stands between where it runs as another user).
kvmig_under() { # PID
	if [ "$(cat "/proc/$1/comm")" = kvmig ]; then
		echo "$1"
		return
	fi
	for child in $(pgrep -P "$1"); do
		kvmig_under "$child"
	done
}

interrupt_detaches() {
	from=$(domain_place vm1)
	as_lab_user env KVMIG_CONTEXT=lab "$KVMIG" migrate vm1 --wait >"$LAB_TOP/out" 2>"$LAB_TOP/err" &
	waiter=$!
	until_true 60 grep -q Running "$LAB_TOP/err"
	kill -INT "$(kvmig_under $waiter)"
	wait $waiter
	equal $? 130 && contains "$(cat "$LAB_TOP/err")" 'status -w' && contains "$(cat "$LAB_TOP/err")" ' cancel ' || return 1
	name=$(tail -n 1 "$LAB_TOP/out")
	hurry "$from" vm1 2097152 && until_phase "$name" Succeeded && assert_running_once vm1
}

# ---- what cannot be ----

unknown_things() {
	run 1 kvmig migrate vm9 && contains "$err" "'vm9'" && contains "$err" 'hint:' &&
		run 1 kvmig migrate vm1 --node n9 && contains "$err" "'n9'" &&
		run 1 kvmig --context nowhere migrate vm1 && contains "$err" nowhere &&
		run 1 kvmig status vm9 && run 1 kvmig cancel vm9 &&
		run 2 kvmig migrate && run 2 kvmig migrate vm1 --nonsense && run 2 kvmig migrate vm1 --node-selector '=x'
}

target_is_source() {
	run 3 kvmig migrate vm1 --node "$(domain_place vm1)" && contains "$err" KVMIG-TGT-SOURCE
}

nobody_fits() {
	to=$(other_node "$(domain_place vm1)")
	run 0 kvmig node cordon "$to" -q && run 3 kvmig migrate vm1 && contains "$err" "$to" && contains "$err" cordoned
	result=$?
	kvmig node uncordon "$to" -q
	return $result
}

# Guests of the BIOS alone: large on paper, small in truth.
big_guest() { # NAME KIB
	cat >"$LAB_TOP/$1.xml" <<END
<domain type='qemu'><name>$1</name><memory unit='KiB'>$2</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>
END
	chmod 644 "$LAB_TOP/$1.xml"
	node_virsh n1 create "$LAB_TOP/$1.xml" >/dev/null
}

too_large_for_target() {
	total=$(awk '/^MemTotal/ { print $2 }' /proc/meminfo)
	big_guest giant $((total * 98 / 100)) || return 1
	run 3 kvmig migrate giant && contains "$err" 'n2: needs' && contains "$err" 'are free'
	result=$?
	node_virsh n1 destroy giant >/dev/null
	return $result
}

two_do_not_fit_together() {
	# each fits and both do not, also where a third more or less is free by then
	free=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
	big_guest big1 $((free * 2 / 3)) && big_guest big2 $((free * 2 / 3)) || return 1
	with_settings bandwidthPerMigration=1Mi -- two_big
	result=$?
	for vm in big1 big2; do
		place=$(domain_place $vm)
		[ -n "$place" ] && node_virsh "$place" destroy $vm >/dev/null
	done
	return $result
}

two_big() {
	slow_start big1 || return 1
	second=$(kvmig migrate big2 -q -o name) || return 1
	second=${second#*/}
	until_waits "$second" KVMIG-PEND-MEMORY-RESERVED && contains "$out" big1 || return 1
	run 0 kvmig cancel "$second" || return 1
	# little of it is in use: its copy may have ended by now
	run 0 kvmig cancel big1 || until_phase "$slow" Succeeded || return 1
	assert_running_once big1 && assert_only_on big2 n1
}

# It ran a moment ago, and what is known of a host may be some seconds old.
shut_off() {
	node_virsh n1 define "$LAB_TOP/giant.xml" >/dev/null || return 1
	for _ in $(seq 100); do
		[ "$(kvmig vm show giant -o json | jq -r .status.domainState)" = "shut off" ] && break
		sleep 0.1
	done
	run 3 kvmig migrate giant && contains "$err" KVMIG-BLK-NOT-RUNNING
	result=$?
	node_virsh n1 undefine giant >/dev/null
	return $result
}

uuid_on_two_hosts() {
	from=$(domain_place vm1) to=$(other_node "$(domain_place vm1)")
	node_virsh "$from" dumpxml --inactive vm1 >"$LAB_TOP/twin.xml"
	chmod 644 "$LAB_TOP/twin.xml"
	node_virsh "$to" define "$LAB_TOP/twin.xml" >/dev/null || return 1
	for _ in $(seq 100); do
		kvmig vm show vm1 -o json | grep -q DuplicateUUID && break
		sleep 0.1
	done
	run 3 kvmig migrate vm1 && contains "$err" KVMIG-BLK-DUPLICATE-UUID
	result=$?
	node_virsh "$to" undefine vm1 >/dev/null
	return $result
}

libvirt_refuses() {
	truncate -s 1M "$LAB_TOP/disk.img" && chown "$LAB_USER" "$LAB_TOP/disk.img"
	sed "s|<vcpu>|<devices><disk type='file'><driver name='qemu' type='raw' cache='writeback'/><source file='$LAB_TOP/disk.img'/><target dev='vda' bus='virtio'/></disk></devices><vcpu>|; s/giant/disky/; s/KiB'>[0-9]*/KiB'>65536/" \
		"$LAB_TOP/giant.xml" >"$LAB_TOP/disky.xml"
	chmod 644 "$LAB_TOP/disky.xml"
	node_virsh n1 create "$LAB_TOP/disky.xml" >/dev/null || return 1
	run 1 kvmig migrate disky --wait || return 1
	contains "$err" KVMIG-BLK-LIBVIRT && contains "$err" storage && assert_only_on disky n1
	result=$?
	node_virsh n1 destroy disky >/dev/null
	return $result
}

tls_without_certificates() {
	from=$(domain_place vm1)
	run 1 kvmig migrate vm1 --wait || return 1
	contains "$err" KVMIG-BLK-TLS-CERTS && contains "$err" disableTLS && assert_only_on vm1 "$from" && wait_beat vm1
}

closed_stdout_and_no_home() {
	as_lab_user sh -c '"$1" vm list >&-' sh "$KVMIG"
	[ $? -ne 139 ] || return 1
	as_lab_user sh -c '"$1" status >/dev/full' sh "$KVMIG" 2>"$LAB_TOP/err" && return 1
	contains "$(cat "$LAB_TOP/err")" 'No space' && as_lab_user env -u HOME "$KVMIG" vm list >/dev/null
}

check 'a lab of two nodes and two guests' lab_start 2 --vms 2
check 'which may take its time' lab_patient
check 'moves under load, there and back, and loses nothing' there_and_back
check 'history has the figures' history_has_figures
check 'one record a migration' one_record_each
check 'a dry run changes nothing' dry_run_changes_nothing
check 'a node selector decides' selector_decides
check "the documents' example: one node has it, none has it" documents_example
check 'several at once' several_at_once
check 'a daemon that dies takes no controller with it' threads_of_libvirt_block_sigpipe
check 'autostart goes along' autostart_goes_along
check 'a paused guest stays paused' paused_stays_paused
check 'raw names and UUIDs' by_raw_name_and_uuid
# Words, limits and settings do not depend on who runs the hosts.
if [ -z "${MIGRATE_USER:-}" ]; then
	check 'prints one name, or a document' prints_one_name
	check 'after the wait the VM is shown as it is' end_is_the_truth
	check 'Ctrl-C detaches' with_settings bandwidthPerMigration=2Mi -- interrupt_detaches
	check 'two that do not fit together' two_do_not_fit_together
	check 'what does not exist' unknown_things
	check 'no node fits: why, per node' nobody_fits
	check 'bandwidthPerMigration is kept' with_settings bandwidthPerMigration=16Mi -- bandwidth_is_kept
	check 'parallelMigrationsPerCluster makes wait' \
		with_settings bandwidthPerMigration=2Mi parallelMigrationsPerCluster=1 -- cluster_limit_makes_wait
	check 'parallelOutboundMigrationsPerNode makes wait, and parallelInboundMigrationsPerNode' \
		with_settings parallelInboundMigrationsPerNode=2 parallelOutboundMigrationsPerNode=1 bandwidthPerMigration=0 -- node_limits_make_wait
	check 'the same VM twice at once' with_settings bandwidthPerMigration=2Mi -- same_vm_twice
	check 'cancel leaves the VM where it is' with_settings bandwidthPerMigration=2Mi -- cancel_leaves_it
	check 'completionTimeoutPerGiB cancels' \
		with_settings bandwidthPerMigration=2Mi completionTimeoutPerGiB=30 -- completion_timeout_cancels
	check 'status says what will fire' with_settings bandwidthPerMigration=2Mi -- status_says_what_will_fire
	check '--timeout ends only the waiting' with_settings bandwidthPerMigration=2Mi -- timeout_ends_only_the_waiting
fi
check 'target = source' target_is_source
check 'too large for the target' too_large_for_target
check 'a VM that is shut off' shut_off
check 'one UUID on two hosts' uuid_on_two_hosts
check 'a VM that libvirt refuses, in its own words' libvirt_refuses
check 'TLS without certificates' with_settings disableTLS=false -- tls_without_certificates
check 'stdout closed or full, no HOME' closed_stdout_and_no_home
check 'nothing was lost through all of this' no_memory_errors vm1
check 'one copy of each' assert_running_once vm1
done_testing
