#!/bin/sh
# The controller and the commands of a migration under valgrind, on real hosts: no error, no leak.
# shellcheck disable=SC2317 # functions are called through check
. "$(dirname "$0")/lib.sh"
KVMIG_CONTEXT=lab
export KVMIG_CONTEXT

# A finding is this status, whatever the command says.
FINDING=99

checked() { # LOG WORDS…: kvmig under valgrind
	log=$1
	shift
	as_lab_user valgrind --quiet --error-exitcode=$FINDING --leak-check=full --show-leak-kinds=definite \
		--errors-for-leak-kinds=definite --log-file="$LAB_TOP/$log.valgrind" "$KVMIG" "$@"
}

no_finding() { # LOG
	if [ -s "$LAB_TOP/$1.valgrind" ]; then
		head -n 60 "$LAB_TOP/$1.valgrind"
		return 1
	fi
}

with_status() { # STATUS LOG WORDS…
	expected=$1
	shift
	checked "$@" >"$LAB_TOP/out" 2>&1
	equal $? "$expected" && no_finding "$1" && return 0
	cat "$LAB_TOP/out"
	return 1
}

controller_begins() {
	for _ in $(seq 1200); do
		grep -q 'controls context' "$LAB_TOP/controller.out" && return 0
		sleep 0.1
	done
	cat "$LAB_TOP/controller.out"
	return 1
}

controller_ends() {
	kill -TERM "$(cut -d ' ' -f 1 "$LAB_TOP"/s/kvmig/local/lab/controller.lock)"
	for _ in $(seq 1200); do
		[ -s "$LAB_TOP/controller.status" ] && break
		sleep 0.1
	done
	equal "$(cat "$LAB_TOP/controller.status")" 0 && no_finding controller
}

links_are_slow() {
	began=$(date +%s%N)
	virsh_migrate vm1 "$(domain_place vm1)" "$(other_node "$(domain_place vm1)")" || return 1
	took=$((($(date +%s%N) - began) / 1000000))
	[ "$took" -ge 3000 ] || {
		echo "took only $took ms"
		return 1
	}
}

lab_begin "$(id -un)"
# 32 MiB that are not zero take four seconds on such a link.
check 'a lab with slow links' lab_start 2 --link-rate 8Mi
check 'which may take its time' lab_patient
# Not inside check(): what it starts would keep check's pipe open.
{
	checked controller controller --idle-timeout 0 >"$LAB_TOP/controller.out" 2>&1
	echo $? >"$LAB_TOP/controller.status"
} &
check 'the controller' controller_begins
check 'node list' with_status 0 node-list node list
check 'vm show' with_status 0 vm-show vm show vm1
check 'migrate --dry-run' with_status 0 dry-run migrate vm1 --dry-run
check 'migrate --wait' with_status 0 migrate migrate vm1 --wait
check 'status' with_status 0 status status vm1
check 'migrate, refused' with_status 3 refused migrate vm1 --node n2
# under valgrind a command takes seconds: the copy does not end before it is cancelled
kvmig config set -q bandwidthPerMigration=1Mi completionTimeoutPerGiB=3000 >/dev/null
check 'the guest is busy' kvmig lab vm load -q vm1 --dirty-rate 4Mi --working-set 16Mi
check 'migrate without --wait' with_status 0 begin migrate vm1
check 'cancel' with_status 0 cancel cancel vm1
check 'and is no more' kvmig lab vm load -q vm1 --dirty-rate 0
check 'history' with_status 0 history history vm1
check 'the controller ends without a finding' controller_ends
check 'the links are slow' links_are_slow
check 'one copy' assert_running_once vm1
done_testing
