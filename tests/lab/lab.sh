#!/bin/sh
# The lab itself: up, status, guests, down leaves nothing; as root and as an ordinary user.
# shellcheck disable=SC2317 # functions are called through check
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

# ---- the ordinary course ----

status_field() { # VM COLUMN
	kvmig lab status --no-headers | awk -v vm="$1" -v column="$2" '$1 == vm { print $column }'
}

well() { # VM
	equal "$(status_field "$1" 3)" running && equal "$(status_field "$1" 4)" yes && equal "$(status_field "$1" 6)" 0
}

# Of all that belongs to the lab, and of what has started it, in ms: what else the machine does does not count.
cpu_of_lab() {
	processes_of_lab | while read -r pid _; do
		sed 's/.*) //' "/proc/$pid/stat"
	done 2>/dev/null | awk -v ticks="$(getconf CLK_TCK)" '{ sum += ($12 + $13) * 1000 / ticks } END { printf "%d\n", sum }'
}

cpu_of_children() {
	times >"$LAB_TOP/times" # not in a subshell, which has children of its own
	tr 'ms' '  ' <"$LAB_TOP/times" | awk 'NR == 2 { printf "%d\n", ($1 * 60 + $2 + $3 * 60 + $4) * 1000 }'
}

up_in_time() {
	for _ in 1 2 3 4 5; do # the best of five: other tests run beside this one
		kvmig lab down -q || return 1
		cpu_of_children >"$LAB_TOP/cpu"
		began=$(date +%s%N)
		lab_start 2 "$@" || return 1
		took=$((($(date +%s%N) - began) / 1000000))
		[ "$took" -gt 5000 ] || return 0
		cpu_of_children >"$LAB_TOP/cpu-then"
		spent=$(($(cat "$LAB_TOP/cpu-then") - $(cat "$LAB_TOP/cpu") + $(cpu_of_lab)))
	done
	# else it was not given the processor
	[ "$spent" -le 20000 ] && [ "$took" -le 60000 ] && return
	echo "two nodes and a guest took $took ms, $spent ms of CPU time"
	return 1
}

is_registered() {
	grep -qa "$(node_uri n2)" "$LAB_TOP/s/kvmig/local/lab.db" "$LAB_TOP"/s/kvmig/local/lab.db-wal &&
		grep -qa disableTLS "$LAB_TOP/s/kvmig/local/lab.db" "$LAB_TOP"/s/kvmig/local/lab.db-wal
}

# Dirties on while it moves there and back, and all of its memory is compared twice afterwards.
moves() {
	kvmig lab vm load vm1 --dirty-rate 8Mi --working-set 24Mi -q || return 1
	equal "$(wait_passes vm1 0 && last_report vm1 4)" 8192 || return 1
	equal "$(last_report vm1 5)" 24576 || return 1
	virsh_migrate vm1 n1 n2 && assert_only_on vm1 n2 && wait_beat vm1 || return 1
	virsh_migrate vm1 n2 n1 && assert_only_on vm1 n1 && wait_beat vm1 || return 1
	wait_passes vm1 3 && no_memory_errors vm1 && beats_are_whole vm1 && assert_running_once vm1
}

# The next report of vm1 in $report, and in $before when it was not there yet, in ms.
next_report() {
	report=$(report_line vm1) before=
	for _ in $(seq 600); do
		now=$(($(date +%s%N) / 1000000))
		line=$(report_line vm1)
		[ "$line" = "$report" ] || [ -z "$before" ] || break
		before=$now
		sleep 0.1
	done
	[ "$line" != "$report" ] && report=$line
}

# What was written in a second, in KiB, of the rate that was asked for: within a fifth. A guest that gets no processor does not
# make up for its beats, of which there are 500 a second: it is no slower than it should be by these, no faster by the clock.
dirties_at_rate() {
	kvmig lab vm load vm1 --dirty-rate 16Mi -q && wait_beat vm1 1100 && next_report || return 1
	earlier=$report began=$before
	wait_beat vm1 1600 && next_report || return 1
	took=$(($(date +%s%N) / 1000000 - began))
	written=$(($(field_of "$report" 6) - $(field_of "$earlier" 6))) beats=$(($(field_of "$report" 1) - $(field_of "$earlier" 1)))
	by_beats=$((written * 500 / beats)) by_clock=$((written * 1000 / took))
	if [ "$by_beats" -lt 13000 ] || [ "$by_clock" -gt 20000 ]; then
		echo "asked for 16384 KiB/s, got $by_beats by its beats, $by_clock by the clock"
		return 1
	fi
}

is_copying() {
	node_virsh n1 domjobinfo vm1 | grep -q '^Memory processed'
}

# At 2 MiB/s for as long as it takes to give it one.
load_during_migration() {
	node_virsh n1 migrate-setspeed vm1 2 || return 1
	virsh_migrate vm1 n1 n2 &
	migration=$!
	until_true 60 is_copying || return 1
	kvmig lab vm load vm1 --dirty-rate 1Mi -q
	status=$?
	running=1
	kill -0 $migration 2>/dev/null && running=0
	hurry n1 vm1 2097152
	wait $migration && equal "$running" 0 && equal "$status" 0 && assert_only_on vm1 n2 && wait_beat vm1
}

# ---- the guest notices ----

# Where the guest's memory lies in its QEMU: the mapping of 32 MiB, or 8 KiB more under TCG, that has the guest's first bytes
# at 1 MiB. Another, of QEMU's own, may be as large.
memory_of() { # PID
	awk '{ split($1, range, "-"); print range[1], range[2] }' "/proc/$1/maps" | while read -r from to; do
		case $((0x$to - 0x$from)) in
		33554432 | 33562624)
			page_io if "$LAB_TOP/first" "$1" $((0x$from / 4096 + 256)) &&
				[ "$(od -An -tx1 -N4 "$LAB_TOP/first")" = ' 02 b0 ad 1b' ] && echo $((0x$from))
			;;
		esac
	done
}

page_io() { # if|of FILE PID PAGE
	if [ "$1" = if ]; then
		dd if="/proc/$3/mem" of="$2" bs=4096 skip="$4" count=1 status=none
	else
		dd if="$2" of="/proc/$3/mem" bs=4096 seek="$4" count=1 conv=notrunc status=none
	fi
}

guest_pid() { # VM
	for process in /proc/[0-9]*; do
		tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -F "$LAB/guest.elf" | grep -qF "guest=$1," &&
			echo "${process#/proc/}"
	done | head -n 1
}

wait_error() {
	for _ in $(seq 600); do
		grep -qa '^E ' "$LAB/vm/vm1.beat" && [ "$(last_report vm1 2)" = "$1" ] && return 0
		sleep 0.1
	done
	echo "the guest has not noticed"
	return 1
}

# First one byte, then a whole page in an older state: that is what a migration loses.
notices() {
	kvmig lab vm load vm1 --dirty-rate 8Mi -q || return 1
	pid=$(guest_pid vm1)
	page=$(($(memory_of "$pid") / 4096 + 4096))
	page_io if "$LAB_TOP/old" "$pid" "$page" || return 1
	for _ in $(seq 600); do
		sleep 0.1
		page_io if "$LAB_TOP/new" "$pid" "$page" && ! cmp -s "$LAB_TOP/old" "$LAB_TOP/new" && break
	done
	page_io of "$LAB_TOP/old" "$pid" "$page" && wait_error 1 || return 1
	page_io if "$LAB_TOP/new" "$pid" "$page" && printf '\377' | dd of="$LAB_TOP/new" bs=1 seek=77 conv=notrunc status=none
	page_io of "$LAB_TOP/new" "$pid" "$page" && wait_error 2 && equal "$(status_field vm1 6)" 2
}

accelerator_seen=
ordinary() { # USER OPTION…
	name="$1${2:+ $2}"
	lab_begin "$1"
	shift
	check "$name: nothing is up yet" contains "$(kvmig lab status 2>&1)" 'no lab is up'
	lab_start 1 --vms 0 "$@" # libvirt looks at the emulators, once
	check "$name: up in time, and the guest beats" up_in_time "$@"
	accelerator=$(kvmig lab status -o json | sed -n 's/.*"accelerator": *"\(.*\)".*/\1/p')
	note "$name: accelerator $accelerator"
	check "$name: vm1 is well" until_true 60 well vm1
	check "$name: status gives URIs that work" equal "$(node_virsh n2 hostname >/dev/null && echo yes)" yes
	check "$name: nodes are in the store, disableTLS is set" is_registered
	check "$name: moves while it is written to, and nothing is lost" moves
	# What the guest's own program does is the same for every user.
	[ -n "$accelerator_seen" ] || check "$name: dirties at the rate it is told" dirties_at_rate
	accelerator_seen=$accelerator
	check "$name: takes a new load during a migration" load_during_migration
	check "$name: vm add" kvmig lab vm add web --node n2 --memory 16Mi --dirty-rate 1Mi -q
	check "$name: the new one is where it was to be" assert_only_on web n2
	check "$name: and beats" wait_beat web
	check_not "$name: vm add of a name that is taken" kvmig lab vm add web -q
	check_not "$name: vm add on a node that is not there" kvmig lab vm add db --node n9 -q
	check_not "$name: vm add of a name that cannot be" kvmig lab vm add 'a/../b' -q
	check_not "$name: vm add with too little memory" kvmig lab vm add db --memory 1Mi -q
	if lab_is_root; then
		check "$name: a wrong byte and an old page are noticed" notices
	fi
	check "$name: vm rm" kvmig lab vm rm web -q
	check "$name: and it is on no node" equal "$(domain_state n1 web)$(domain_state n2 web)" ''
	check_not "$name: vm rm of one that is not there" kvmig lab vm rm web -q
	check_not "$name: vm load of one that is not there" kvmig lab vm load web -q
	check "$name: up again adds a node and a guest" lab_start 3 --vms 2 "$@"
	check "$name: the new guest beats" wait_beat vm2
	check "$name: the old one has beaten on" beats_are_whole vm1
	check "$name: down leaves nothing" down_leaves_nothing
	check "$name: down again is fine" kvmig lab down -q
	lab_end
}

if [ "$(id -u)" -eq 0 ]; then
	ordinary root
	ordinary nobody
else
	ordinary "$(id -un)"
fi
# Forced emulation is what the others were already, where there is no KVM.
if [ "$accelerator" = kvm ]; then
	ordinary "$(id -un)" --tcg
else
	skip 'both accelerators' 'this machine cannot: KVM does not run a guest here, all of the above was emulated'
fi
done_testing
