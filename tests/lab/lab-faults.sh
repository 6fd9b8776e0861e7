#!/bin/sh
# Accidents of the lab: daemons dead or standing still, kvmig killed on its way, folders of others, reused pids.
# shellcheck disable=SC2317 # functions are called through check
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

replaced_daemon() {
	kill_part n1-daemon && lab_start 2 --tcg && assert_running_once vm1 && virsh_migrate vm1 n1 n2 &&
		wait_beat vm1 && beats_are_whole vm1
}

down_with_broken_daemons() {
	kill -STOP "$(part_pid n1-daemon)"
	kill -KILL "$(part_pid n2-daemon)"
	down_leaves_nothing
}

# Killed at several points of its way; then down has to find everything, or up to finish it.
killed_on_the_way() { # down|up SECONDS…
	what=$1
	killed=0
	shift
	for after; do
		as_lab_user timeout -s KILL "$after" "$KVMIG" lab up -q --tcg --memory 32Mi >/dev/null 2>&1
		case $? in 137) killed=$((killed + 1)) ;; esac
		if [ "$what" = up ]; then
			lab_start 2 --tcg && wait_beat vm1 && assert_running_once vm1 && virsh_migrate vm1 n1 n2 || return 1
		fi
		kvmig lab down -q && until_true 60 no_process && left_nothing || return 1
	done
	[ "$killed" -ge 2 ]
}

# A virsh of a kvmig that was killed may still be going.
no_process() {
	equal "$(processes_of_lab)" ''
}

# The next up has it run once.
killed_while_it_starts() { # VM
	as_lab_user env PATH="$LAB_TOP/bin:$PATH" "$KVMIG" lab up -q --tcg --nodes 1 --vms "${1#vm}" --memory 32Mi >/dev/null 2>&1
	equal $? 137 && lab_start 1 --tcg --vms "${1#vm}" && wait_beat "$1" && assert_running_once "$1"
}

# Before kvmig hears of it: vm1 has been defined only, vm2 has been started too.
# What is left of it is removed by its name, too.
killed_while_it_adds() { # VM
	as_lab_user env PATH="$LAB_TOP/bin:$PATH" "$KVMIG" lab vm add -q "$1" --memory 32Mi >/dev/null 2>&1
	equal $? 137 && contains "$(node_virsh n1 list --all --name)" "$1" && kvmig lab vm rm -q "$1" &&
		equal "$(node_virsh n1 list --all --name | grep -c "$1")" 0
}

killed_at_start() {
	as_lab_user mkdir "$LAB_TOP/bin" || return 1
	cat >"$LAB_TOP/bin/virsh" <<-END
		#!/bin/sh
		case \$* in *'; start '*) ;; *) exec $(command -v virsh) "\$@" ;; esac
		case \$* in *'start vm1') set -- "\$1" "\$2" "\$3" "\${4%;*}" ;; esac
		$(command -v virsh) "\$@" && kill -KILL \$PPID
	END
	chmod 755 "$LAB_TOP/bin/virsh"
	killed_while_it_starts vm1 && killed_while_it_starts vm2 && killed_while_it_adds extra
	began=$?
	kvmig lab down -q && left_nothing && equal $began 0
}

not_ours() { # DESCRIPTION COMMAND…
	accident=$1
	shift
	rm -rf "$LAB"
	"$@"
	check_not "$accident: up refuses" kvmig lab up -q --tcg
	check_not "$accident: down refuses" kvmig lab down -q
	check "$accident: and it is untouched" test -e "$LAB/precious" -o -L "$LAB"
	rm -rf "$LAB"
}

strangers_folder() {
	mkdir -m 700 "$LAB"
	touch "$LAB/precious"
}

open_folder() {
	mkdir "$LAB"
	chmod 777 "$LAB"
	printf 'kvmig lab 1\n' >"$LAB/marker"
	touch "$LAB/precious"
}

link_to_elsewhere() {
	mkdir -m 700 "$LAB_TOP/h/elsewhere"
	printf 'kvmig lab 1\n' >"$LAB_TOP/h/elsewhere/marker"
	ln -s "$LAB_TOP/h/elsewhere" "$LAB"
}

# A record whose pid now belongs to somebody else: the start time differs.
reused_pid() {
	lab_start 1 --tcg --vms 0 || return 1
	sleep 300 &
	bystander=$!
	echo "$bystander 1 n1-daemon" >>"$LAB/processes"
	kvmig lab down -q && kill -0 $bystander
	status=$?
	kill $bystander
	return $status
}

# What is left where it was killed while it wrote the marker.
half_marked() {
	as_lab_user mkdir -m 700 "$LAB" && as_lab_user touch "$LAB/marker.A1B2C3" &&
		lab_start 1 --tcg --vms 0 && kvmig lab down -q && left_nothing
}

# Who waits for the end of a pipe that kvmig's caller had open does not wait for the end of the lab.
inherits_nothing() {
	lab_start 1 --tcg --vms 0 9>"$LAB_TOP/inherited" || return 1
	while read -r pid _; do
		readlink "/proc/$pid/fd/"*
	done <"$LAB/processes" >"$LAB_TOP/open"
	contains "$(cat "$LAB_TOP/open")" /dev/null && ! grep inherited "$LAB_TOP/open" && kvmig lab down -q
}

two_at_once() {
	kvmig lab up -q --tcg --memory 32Mi --nodes 2 >"$LAB_TOP/one" 2>&1 &
	one=$!
	kvmig lab up -q --tcg --memory 32Mi --nodes 2 >"$LAB_TOP/two" 2>&1
	two=$?
	wait $one && equal "$two" 0 && assert_running_once vm1 && equal "$(grep -c daemon "$LAB/processes")" 2
}


accidents() { # USER
	lab_begin "$1"
	check "$1: up with what is there still" lab_start 2 --tcg
	check "$1: up replaces a dead daemon, the guest lives on" replaced_daemon
	check "$1: down with one daemon dead and one standing still" down_with_broken_daemons
	check "$1: killed on the way up, then down" killed_on_the_way down 0.005 0.05 0.1 0.2 0.3 0.45
	check "$1: killed on the way up, then up" killed_on_the_way up 0.02 0.15 0.3
	# nothing of that depends on whose the daemons are
	[ "$1" != "$(id -un)" ] || check "$1: killed while it started a guest, then up" killed_at_start
	not_ours "$1: a folder without marker" strangers_folder
	not_ours "$1: a folder that all may write" open_folder
	not_ours "$1: a link" link_to_elsewhere
	check "$1: a reused pid is left alone" reused_pid
	check "$1: killed while it wrote its marker" half_marked
	check "$1: its processes keep nothing of the caller's open" inherits_nothing
	check "$1: two ups at once make one lab" two_at_once
	check "$1: down after that" down_leaves_nothing
	lab_end
}

if [ "$(id -u)" -eq 0 ]; then
	accidents root
	accidents nobody
else
	accidents "$(id -un)"
fi
done_testing
