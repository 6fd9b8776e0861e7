# shellcheck shell=sh
# For tests on a lab: sourced. TAP. Each test has folders of its own, so that several labs can be up at once.
#
#   lab_begin [USER]      folders for a lab of that user (default: who runs the test); leaves no lab at the end
#   kvmig WORDS…          kvmig as that user, in those folders
#   lab_start N [OPTION…] a lab of N nodes and one guest, vm1
#   lab_patient           migrations may take long
#   node_virsh NODE …     virsh of that user on that node
#   until_true SECONDS COMMAND…   the limit is for what fails, not for what a slow machine takes
#   kill_part PART…       kills and waits until they are gone
#   wait_beat VM [N]      until the guest has beaten N times more (default 20)
#   wait_passes VM N      until it has compared all of its memory N times more
#   assert_running_once VM   asks all daemons
#   unknown VM            kvmig knows none of that name
#   run STATUS COMMAND…      it ends with that status; leaves $out and $err
#   slow_start VM            a migration that is to take long; leaves its name in $slow
#   hurry NODE VM BYTES      the migration that goes away from there at that cap does so without one, from now on
#   until_phase MIGRATION PHASE
#   until_waits MIGRATION REASON            leaves in $out what status says
#   until_capped NODE VM BYTES, highest_rate NODE VM MIGRATION   QEMU's cap; libvirt's statistics
#   check TEXT COMMAND…   ok or not ok
#   check_not TEXT COMMAND…  the same for a command that has to fail
set -u
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir/build}
KVMIG=${KVMIG:-$top_builddir/kvmig}
case $KVMIG in /*) ;; *) KVMIG=$PWD/$KVMIG ;; esac
PATH=$PATH:/usr/sbin:/sbin
unset KVMIG_CONTEXT KUBECONFIG XDG_CONFIG_HOME XDG_DATA_HOME 2>/dev/null || :

tests=0
failures=0
LAB=
LAB_USER=
LAB_TOP=

# ---- TAP ----

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

result() { # STATUS TEXT
	tests=$((tests + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tests - $2"
	else
		failures=$((failures + 1))
		echo "not ok $tests - $2"
	fi
}

# What the command writes is shown where it fails.
check() { # TEXT COMMAND…
	text=$1
	shift
	output=$("$@" 2>&1)
	status=$?
	result $status "$text"
	[ $status -eq 0 ] || note "$* ended with $status: $output"
}

check_not() { # TEXT COMMAND…
	text=$1
	shift
	if output=$("$@" 2>&1); then
		result 1 "$text"
		note "$* should have failed: $output"
	else
		result 0 "$text"
	fi
}

skip() { # TEXT REASON
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

done_testing() {
	echo "1..$tests"
	[ "$failures" -eq 0 ]
}

equal() { # A B
	[ "$1" = "$2" ] || {
		echo "'$1' is not '$2'"
		return 1
	}
}

contains() { # TEXT PART
	case $1 in
	*"$2"*) ;;
	*)
		echo "'$2' is not in: $1"
		return 1
		;;
	esac
}

# ---- folders, and who it is ----

# What the daemons find out about the emulators is kept between tests, as it is between labs.
cache_dir() { # USER
	dir=${TMPDIR:-/var/tmp}/kvmig-test-cache-$(id -u "$1")
	if [ ! -d "$dir" ]; then
		# with its owner from the first moment on: other tests look for it too
		new=$(mktemp -d "$dir-XXXXXX") && chown "$1" "$new" && mv -T "$new" "$dir" 2>/dev/null
		rm -rf "$new"
	fi
	[ "$(stat -c %u "$dir")" = "$(id -u "$1")" ] && [ ! -L "$dir" ] && echo "$dir"
}

lab_begin() {
	LAB_USER=${1:-$(id -un)}
	LAB_TOP=$(mktemp -d /tmp/kl-XXXXXX)
	LAB_CACHE=$(cache_dir "$LAB_USER")
	LAB=$LAB_TOP/r/kvmig-lab
	mkdir -m 700 "$LAB_TOP/r" "$LAB_TOP/s" "$LAB_TOP/h"
	chown -R "$LAB_USER" "$LAB_TOP"
	host_state >"$LAB_TOP/before"
	trap lab_end EXIT
	trap 'exit 130' INT TERM
}

lab_end() {
	[ -n "$LAB_TOP" ] || return 0
	cat "$LAB_TOP"/*.err "$LAB_TOP"/*.out "$LAB_TOP"/s/kvmig/*/*/controller.log 2>/dev/null | note_reasons
	kvmig lab down -q >/dev/null 2>&1
	rm -rf "$LAB_TOP"
	LAB_TOP=
}

as_lab_user() {
	set -- env HOME="$LAB_TOP/h" XDG_RUNTIME_DIR="$LAB_TOP/r" XDG_STATE_HOME="$LAB_TOP/s" \
		XDG_CACHE_HOME="$LAB_CACHE" "$@"
	if [ "$LAB_USER" = "$(id -un)" ]; then
		"$@"
	else
		(cd / && exec runuser -u "$LAB_USER" -- "$@")
	fi
}

kvmig() {
	as_lab_user "$KVMIG" "$@"
}

lab_start() {
	nodes=$1
	shift
	kvmig lab up -q --nodes "$nodes" --memory 32Mi "$@"
}

# The time allowed is by the size, and the guests are small: five seconds by default, which a machine with other work to do
# may need for anything.
lab_patient() {
	kvmig --context lab config set -q completionTimeoutPerGiB=3000 >/dev/null
}

lab_is_root() {
	[ "$(id -u "$LAB_USER")" -eq 0 ]
}

node_uri() { # NODE
	if lab_is_root; then
		echo "qemu+unix:///system?socket=$LAB/$1/sock/libvirt-sock"
	else
		echo "qemu+unix:///session?socket=$LAB/$1/sock/libvirt-sock"
	fi
}

node_virsh() { # NODE …
	uri=$(node_uri "$1")
	shift
	LC_ALL=C as_lab_user timeout 60 virsh -q -c "$uri" "$@"
}

# All of the lab's, or those that LAB_ASK names: one that stands still is not to be asked.
node_names() {
	if [ -n "${LAB_ASK:-}" ]; then
		printf '%s\n' "$LAB_ASK" | tr ' ' '\n'
		return
	fi
	for folder in "$LAB"/n[0-9]*/; do
		basename "$folder"
	done
}

# The process of a part on record: n1-daemon, n1-holder, network.
part_pid() { # PART
	awk -v part="$1" '$3 == part { pid = $1 } END { print pid }' "$LAB/processes"
}

# Each of its threads ends for itself, and the first one may be a zombie while another still works.
process_is_gone() { # PID
	for thread in "/proc/$1/task"/*; do
		case $(sed 's/.*) //; s/ .*//' "$thread/stat" 2>/dev/null) in '' | Z | X) ;; *) return 1 ;; esac
	done
}

# Who starts a daemon in its place must not meet it.
kill_part() { # PART…
	for part; do
		killed_pid=$(part_pid "$part")
		kill -KILL "$killed_pid" && until_true 60 process_is_gone "$killed_pid" || return 1
	done
}

# As plain libvirt does it, without kvmig.
virsh_migrate() { # VM FROM TO
	if lab_is_root; then
		set -- "$@" --migrateuri "tcp://192.0.2.${3#n}" --listen-address "192.0.2.${3#n}"
	else
		set -- "$@" --migrateuri "unix://$LAB/migration/$1-$$"
	fi
	vm=$1 from=$2 to=$3
	shift 3
	node_virsh "$from" migrate --live --p2p --persistent --undefinesource "$vm" "$(node_uri "$to")" "$@"
}

until_true() { # SECONDS COMMAND…
	end=$(($(date +%s) + $1))
	shift
	until said=$("$@" 2>&1); do
		[ "$(date +%s)" -lt "$end" ] || {
			echo "never: $*: $said"
			return 1
		}
		sleep 0.1
	done
}

# ---- guests ----

# The last beat, as a number; nothing where there is none.
last_beat() { # VM
	beat=$(tail -c 4096 "$LAB/vm/$1.beat" | grep -E '^[0-9a-f]{7}$' | tail -n 1)
	[ -n "$beat" ] && echo $((0x$beat))
}

# The guest's last report: S, and its fields. It is written a character at a time: the last line may not be whole.
report_line() { # VM
	{
		tail -c 32768 "$LAB/vm/$1.beat"
		echo
	} | sed '$d' | grep -a '^S .*' | tail -n 1
}

# Field N of a report: 1 beats, 2 errors, 3 passes, 4 rate, 5 working set, 6 written (KiB).
field_of() { # REPORT N
	field=$(echo "$1" | cut -d ' ' -f $(($2 + 1)))
	[ -n "$field" ] && echo $((0x$field))
}

last_report() { # VM N
	field_of "$(report_line "$1")" "$2"
}

wait_beat() { # VM [N]
	first=$(last_beat "$1") || first=0
	for _ in $(seq 1200); do
		now=$(last_beat "$1") && [ "$now" -ge $((first + ${2:-20})) ] && return 0
		sleep 0.05
	done
	echo "$1 does not beat: it stands at ${now:-nothing}"
	return 1
}

wait_passes() { # VM N
	wait_beat "$1" 600 || return 1
	first=$(last_report "$1" 3)
	for _ in $(seq 600); do
		now=$(last_report "$1" 3) && [ "$now" -ge $((first + $2)) ] && return 0
		sleep 0.1
	done
	echo "$1 has not looked at its memory $2 times: $first, then ${now:-nothing}"
	return 1
}

# No beat is missing and none came twice: there was one guest, and it lost nothing.
beats_are_whole() { # VM
	grep -aE '^[0-9a-f]{7}$' "$LAB/vm/$1.beat" | {
		expected=
		awk '{ n = 0
			for (i = 1; i <= 7; i++)
				n = n * 16 + index("0123456789abcdef", substr($0, i, 1)) - 1
			if (NR > 1 && n != last + 1) {
				print "beat " n " follows " last
				bad = 1
			}
			last = n
		} END { exit bad || NR < 2 }'
	}
}

no_memory_errors() { # VM
	if grep -a '^E ' "$LAB/vm/$1.beat"; then
		return 1
	fi
	for _ in $(seq 300); do
		[ -z "$(last_report "$1" 2)" ] || break # its first one comes after it has looked at all
		sleep 0.1
	done
	equal "$(last_report "$1" 2)" 0
}

domain_state() { # NODE VM
	node_virsh "$1" domstate "$2" 2>/dev/null | head -n 1
}

domain_place() { # VM
	for node in $(node_names); do
		[ "$(domain_state "$node" "$1")" = running ] && echo "$node"
	done
}

# Of a lab of two.
other_node() { # NODE
	[ "$1" = n1 ] && echo n2 || echo n1
}

assert_running_once() { # VM
	running=0 where=
	for node in $(node_names); do
		state=$(domain_state "$node" "$1")
		where="$where $node:${state:-none}"
		[ "$state" = running ] && running=$((running + 1))
	done
	equal "$running" 1 || {
		echo "$1 is:$where"
		return 1
	}
}

unknown() { # VM
	contains "$(kvmig --context lab vm show "$1" 2>&1)" "there is no VM '$1'"
}

assert_only_on() { # VM NODE
	for node in $(node_names); do
		expected=
		[ "$node" = "$2" ] && expected=running
		equal "$(domain_state "$node" "$1")" "$expected" || return 1
	done
}

# ---- migrations ----

# What kvmig has said, for tests/cli/reason-coverage.sh.
note_reasons() { # <text
	[ -z "${KVMIG_REASON_LOG:-}" ] || grep -aohE 'KVMIG-[A-Z]+(-[A-Z0-9]+)+' | LC_ALL=C sort -u |
		sed -u "s|^|lab/$(basename "$0") |" >>"$KVMIG_REASON_LOG"
}

# The exit status is that one; what was written is in $out and $err.
run() { # STATUS COMMAND…
	expected=$1
	shift
	out=$("$@" 2>"$LAB_TOP/err")
	status=$?
	err=$(cat "$LAB_TOP/err")
	case $* in *kvmig\ help*) ;; *kvmig*) case $out$err in *KVMIG-*) printf '%s\n' "$out" "$err" | note_reasons ;; esac ;; esac
	equal "$status" "$expected" || {
		echo "$*: stdout: $out; stderr: $err"
		return 1
	}
}

phase_of() { # MIGRATION
	kvmig status "$1" -o json | jq -r .phase
}

# What has failed reaches no other phase.
until_phase() { # MIGRATION PHASE
	for _ in $(seq 600); do
		phase=$(phase_of "$1")
		[ "$phase" = "$2" ] && return 0
		[ "$phase" = Failed ] && break
		sleep 0.1
	done
	echo "$1 is $phase, not $2: $(kvmig status "$1" -o json 2>&1 | jq -c '.result // .' 2>&1)"
	return 1
}

# A reason for which it waits, in what status says of it.
until_waits() { # MIGRATION REASON
	for _ in $(seq 600); do
		out=$(kvmig status "$1" 2>&1) && contains "$out" "$2" >/dev/null && {
			printf '%s\n' "$out" | note_reasons
			return 0
		}
		sleep 0.1
	done
	echo "$1 does not wait for $2: $out"
	return 1
}

slow_start() { # VM: a migration that takes long; its name in $slow
	slow=$(kvmig migrate "$1" -q -o name) || return 1
	slow=${slow#*/}
	until_phase "$slow" Running
}

# Its own cap reaches QEMU some time after the phase says Running, and would take the place of this one.
hurry() { # NODE VM BYTES
	until_capped "$1" "$2" "$3" && node_virsh "$1" migrate-setspeed "$2" 4096
}

controller_pid() {
	sed -n '1s/ .*//p' "$LAB_TOP/s/kvmig/local/lab/controller.lock"
}

qemu_cap() { # NODE VM: bytes a second
	node_virsh "$1" qemu-monitor-command "$2" '{"execute":"query-migrate-parameters"}' | jq '.return["max-bandwidth"]'
}

# It is set some time after the phase says Running.
until_capped() { # NODE VM BYTES
	for _ in $(seq 400); do
		cap=$(qemu_cap "$1" "$2")
		[ "$cap" = "$3" ] && return 0
		sleep 0.05
	done
	echo "QEMU's cap is $cap, not $3"
	return 1
}

# The largest rate that libvirt reports while the migration runs, in bytes a second.
highest_rate() { # NODE VM MIGRATION: in $highest
	highest=0
	while rate=$(node_virsh "$1" domjobinfo "$2" --rawstats 2>/dev/null | awk '$1 == "memory_bps:" { print $2 }'); do
		[ -n "$rate" ] && [ "$rate" -gt "$highest" ] && highest=$rate
		[ "$(phase_of "$3")" = Running ] || break
		sleep 0.2
	done
}

# ---- what is left ----

# Everything outside the test's own folders that a lab could leave behind.
host_state() {
	find /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt /run/libvirt 2>/dev/null | sort
	ip -o link show 2>/dev/null | cut -d : -f 2
	sed 's/^[0-9]* [0-9]* //' /proc/self/mountinfo
}

processes_of_lab() {
	for process in /proc/[0-9]*; do
		if tr '\0' ' ' <"$process/cmdline" 2>/dev/null | grep -qF "$LAB/"; then
			echo "${process#/proc/} $(tr '\0' ' ' <"$process/cmdline" | cut -c 1-100)"
		fi
	done
}

# Processes in these namespaces ("net:[…]").
processes_in() { # NAMESPACE…
	for process in /proc/[0-9]*; do
		for kind in net mnt; do
			ns=$(readlink "$process/ns/$kind") || continue
			for wanted; do
				[ "$ns" = "$wanted" ] && echo "${process#/proc/} in $ns"
			done
		done
	done
}

lab_namespaces() {
	lab_is_root || return 0
	for part in network n1-holder n2-holder; do
		pid=$(part_pid "$part")
		readlink "/proc/$pid/ns/net"
		[ "$part" = network ] || readlink "/proc/$pid/ns/mnt"
	done
}

left_nothing() {
	equal "$(processes_of_lab)" '' && equal "$(ls -A "$LAB_TOP/r")" '' &&
		equal "$(find "$LAB_TOP/s" -type f ! -name 'history.db*')" ''
}

down_leaves_nothing() {
	namespaces=$(lab_namespaces)
	recorded=$(awk '{ print $1 }' "$LAB/processes")
	kvmig lab down -q || return 1
	left_nothing || return 1
	# shellcheck disable=SC2086 # words
	equal "$(processes_in $namespaces)" '' || return 1
	for pid in $recorded; do
		state=$(sed 's/.*) //; s/ .*//' "/proc/$pid/stat" 2>/dev/null)
		case $state in
		'' | Z) ;;
		*)
			echo "process $pid is in state $state"
			return 1
			;;
		esac
	done
	host_state | diff "$LAB_TOP/before" -
}
