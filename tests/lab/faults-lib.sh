# shellcheck shell=sh
# shellcheck disable=SC2015,SC2034 # A && B || C: C is for both; variables of lib.sh
# What faults.sh needs beside lib.sh: many migrations at once, each with its outcome, and what is expected of them.

# ---- several labs at once ----

background=

in_background() { # NAME COMMAND…: its tests are shown by gather_all
	[ -n "$background" ] || background_dir=$(mktemp -d)
	name=$(printf %s "$1" | tr -c 'a-z0-9\n' -)
	shift
	(
		tests=0
		failures=0
		"$@"
		echo end-of-tests
	) >"$background_dir/$name" 2>&1 &
	background="$background $name:$!"
	trap stop_background EXIT
	trap 'exit 130' INT TERM
}

stop_background() {
	for job in $background; do
		kill -TERM "${job##*:}" 2>/dev/null
	done
	wait
	rm -rf "$background_dir"
}

gather_all() {
	for job in $background; do
		wait "${job##*:}"
		file=$background_dir/${job%:*}
		grep -qx end-of-tests "$file" || echo "not ok 0 - ${job%:*} came to its end" >>"$file"
		while IFS= read -r line; do
			case $line in
			'ok '*) result 0 "${line#ok * - }" ;;
			'not ok '*) result 1 "${line#not ok * - }" ;;
			end-of-tests) ;;
			'# '*) printf '%s\n' "$line" ;;
			*) printf '# %s\n' "$line" ;;
			esac
		done <"$file"
	done
	background=
}

# ---- labs ----

# Slow enough to have accidents on the way; the time allowed is by the size, and the guests are small.
slow_settings() { # BANDWIDTH
	kvmig config set -q "bandwidthPerMigration=$1" completionTimeoutPerGiB=6000 parallelMigrationsPerCluster=20
}

guests() { # VM:NODE…
	for guest; do
		kvmig lab vm add -q "${guest%:*}" --node "${guest#*:}" --memory 32Mi || return 1
	done
	for guest; do
		wait_beat "${guest%:*}" || return 1
	done
}

qemu_pid() { # NODE VM
	if lab_is_root; then
		cat "/proc/$(part_pid "$1-holder")/root/run/libvirt/qemu/$2.pid"
	else
		cat "$LAB/$1/r/libvirt/qemu/run/$2.pid"
	fi
}

sleep_until() { # SECONDS
	left=$(($1 - $(date +%s)))
	[ "$left" -le 0 ] || sleep "$left"
}

until_file() {
	until_true 60 test -e "$1"
}

# ---- migrations ----

# Refused, with nothing begun, because a host or the store did not answer in time on a machine with other work to do.
was_too_slow() { # VM STATUS
	! grep -q "^$1: Pending" "$LAB_TOP/$1.err" || return 1
	case $2 in
	3 | 5) grep -q 'did not answer within' "$LAB_TOP/$1.err" ;;
	6) grep -q '^kvmig: .*is locked by another process' "$LAB_TOP/$1.err" ;;
	*) return 1 ;;
	esac
}

move() { # VM NODE: in the background; its end is in $LAB_TOP/VM.status
	rm -f "$LAB_TOP/$1.status"
	(
		for _ in $(seq 10); do
			kvmig migrate "$1" --node "$2" --wait >"$LAB_TOP/$1.out" 2>"$LAB_TOP/$1.err"
			status=$?
			was_too_slow "$1" $status || break
		done
		echo "$status" >"$LAB_TOP/$1.status.new"
		mv "$LAB_TOP/$1.status.new" "$LAB_TOP/$1.status"
	) &
}

is_copying() { # VM
	kvmig status "$1" -o json | jq -e '.phase == "Running" and .progress.memoryProcessedBytes > 100000' >/dev/null
}

until_copying() { # VM
	until_true 60 is_copying "$1"
}

has_alarm() { # VM REASON
	out=$(kvmig status "$1" -o json) &&
		printf '%s\n' "$out" | jq -e --arg reason "$2" '.alarms | any(.reason == $reason)' >/dev/null &&
		printf '%s\n' "$out" | note_reasons
}

until_alarm() { # VM REASON
	until_true 90 has_alarm "$1" "$2"
}

ended() { # VM STATUS
	until_true 120 test -e "$LAB_TOP/$1.status" && equal "$(cat "$LAB_TOP/$1.status")" "$2" || {
		cat "$LAB_TOP/$1.err"
		return 1
	}
}

# One line says it, naming the VM; every one of the words is in what was written; a hint is there.
says() { # FILE VM WORD…
	file=$1
	note_reasons <"$file"
	said=$(grep '^kvmig: ' "$file" | grep -v '^kvmig: context ')
	equal "$(echo "$said" | wc -l)" 1 && contains "$said" "'$2'" && contains "$(cat "$file")" 'hint: ' || return 1
	shift 2
	for word; do
		contains "$(cat "$file")" "$word" || return 1
	done
}

fails() { # VM STATUS WORD…
	vm=$1
	ended "$1" "$2" || return 1
	shift 2
	says "$LAB_TOP/$vm.err" "$vm" "$@"
}

moved() { # VM
	ended "$1" 0
}

whole() { # VM
	wait_beat "$1" && beats_are_whole "$1" && no_memory_errors "$1"
}

# Guests move within pairs of nodes, and only these are asked: n1 and n2, n3 and n4, …
pair_of() { # NODE
	first=$(((${1#n} - 1) / 2 * 2 + 1))
	echo "n$first n$((first + 1))"
}

settled_on() { # VM NODE
	(
		LAB_ASK=$(pair_of "$2")
		assert_only_on "$1" "$2"
	) && whole "$1"
}

once() { # VM NODE: one of the pair
	(
		LAB_ASK=$(pair_of "$2")
		assert_running_once "$1"
	)
}

stayed() { # VM NODE
	settled_on "$@"
}

wait_state() { # NODE VM STATE
	until_true 60 state_is "$@"
}

state_is() { # NODE VM STATE
	equal "$(domain_state "$1" "$2")" "$3"
}

has_autostart() { # NODE VM
	contains "$(node_virsh "$1" dominfo "$2" | grep -i '^autostart')" enable
}

left_definition_sleeps() { # NODE VM
	case $(domain_state "$1" "$2") in
	'') return 0 ;;
	'shut off') ! has_autostart "$1" "$2" ;;
	*) return 1 ;;
	esac
}

expect() { # STATUS COMMAND…: what it writes to stderr is in $LAB_TOP/expect.err
	expected=$1
	shift
	"$@" >"$LAB_TOP/expect.out" 2>"$LAB_TOP/expect.err"
	equal "$?" "$expected" || {
		cat "$LAB_TOP/expect.err"
		return 1
	}
}

refused_in_flight() { # VM
	expect 8 kvmig migrate "$1" && says "$LAB_TOP/expect.err" "$1" KVMIG-BLK-IN-FLIGHT
}

is_duplicate() { # VM
	kvmig vm show "$1" -o json | grep -q DuplicateUUID
}

# It is said by the next look at the hosts.
refused_duplicate() { # VM
	until_true 60 is_duplicate "$1" && expect 3 kvmig migrate "$1" &&
		says "$LAB_TOP/expect.err" "$1" KVMIG-BLK-DUPLICATE-UUID
}

unreachable_source() { # VM NODE
	expect 5 kvmig migrate "$1" && says "$LAB_TOP/expect.err" "$1" "'$2'" KVMIG-BLK-SOURCE-UNREACHABLE
}

unreachable_target() { # VM NODE
	expect 3 kvmig migrate "$1" --node "$2" && says "$LAB_TOP/expect.err" "$1" "$2" &&
		assert_running_once "$1"
}

cancel_later() { # VM: in the background
	(
		kvmig cancel "$1" --timeout 200s >"$LAB_TOP/$1.cancel" 2>&1
		echo $? >"$LAB_TOP/$1.cancel.status.new"
		mv "$LAB_TOP/$1.cancel.status.new" "$LAB_TOP/$1.cancel.status"
	) &
}

cancelled_later() { # VM
	until_true 60 test -e "$LAB_TOP/$1.cancel.status" && equal "$(cat "$LAB_TOP/$1.cancel.status")" 0 || {
		cat "$LAB_TOP/$1.cancel"
		return 1
	}
}

cancel_times_out() { # VM
	expect 6 kvmig cancel "$1" --timeout 1s && says "$LAB_TOP/expect.err" "$1" 'goes on'
}

works_again() { # VM NODE: as if nothing had been
	kvmig config set -q bandwidthPerMigration=0 && kvmig migrate "$1" --node "$2" --wait && settled_on "$1" "$2"
}

history_counts() { # N
	equal "$(kvmig history -o json | jq '.items | length')" "$1"
}

# What the controllers wrote, all of them.
log_is_clean() {
	! grep -E 'CRITICAL|GLib|assertion|runtime error|Sanitizer' "$LAB_TOP/s/kvmig/local/lab/controller.log"
}
