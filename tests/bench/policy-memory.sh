#!/bin/sh
# policy-memory.sh KVMIG BUILD [VMS [POLICIES [MIB]]]: time and peak memory of `kvmig policy matches -A` and `policy lint`
# over that many VMs with 8 labels each, in a local store made for it. The status is 1 where one of them needs more than MIB.
set -eu
kvmig=$1 build=$2 vms=${3:-100000} policies=${4:-1000} limit=${5:-128}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/kvmig-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
mkdir -m 700 "$work/home" "$work/run"
export HOME="$work/home" XDG_STATE_HOME="$work/state" XDG_RUNTIME_DIR="$work/run" KVMIG_CONTEXT=local
unset KUBECONFIG XDG_CACHE_HOME XDG_CONFIG_HOME

"$build/tests/bench/policy-fill" "$vms" "$policies"
bad=0
measure() { # LINES WORDS…: as many lines at least; 0: any number
	lines=$1
	shift
	/usr/bin/time -o "$work/figures" -f '%e %U %M' "$kvmig" "$@" >"$work/out" 2>"$work/err" || [ $? -eq 1 ]
	tail -n 1 "$work/figures" | {
		read -r wall user peak
		found=$(wc -l <"$work/out")
		echo "$vms VMs, $policies policies: kvmig $*: $wall s, CPU $user s, peak $((peak / 1024)) MiB, $found lines"
		[ $((peak / 1024)) -le "$limit" ] && [ "$found" -ge "$lines" ]
	} || bad=1
}
measure $((vms + 1)) policy matches -A
measure "$vms" policy matches -A -o json
measure "$vms" policy matches -A -o name
measure 0 policy matches -A --wins policy-0
measure 0 policy lint
exit $bad
