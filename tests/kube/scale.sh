#!/bin/sh
# What kvmig costs against kubectl, over objects of real size, and whether a watch loses anything:
#
#   scale.sh          5,000 objects, 100 changes a second, a server that is gone for 5 s
#   scale.sh --full   10,000 objects, and 100,000 without kubectl, which would keep them all in 19 GB of memory;
#                     1,000 changes a second for a minute; a server that is gone for 30 s. Half an hour, 10 GB of disk
#
# The figures are in lines that begin with "# figure".
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
command -v python3 >/dev/null || bail_out 'python3 is not installed'
compared=5000 alone='' rate=100 seconds=10 pause=5
case ${1:-} in
'') ;;
--full) compared=10000 alone=100000 rate=1000 seconds=60 pause=30 ;;
*) bail_out "scale.sh [--full]" ;;
esac

# measure OPTION… COMMAND… -- PEER…
measure() {
	run as root "$bed_source/measure.py" "$build/tests/kube/spend" "$@"
	expect_status 0
	sed 's/^/# figure: /' "$out"
}

# ---- lists ----

bed_server_options='--watch-cache=false'
bed_up
bed_kubevirt 1.9
bed_kubectl apply -f "$bed_source/manifests/documents/migration.yaml"
bed_fill $((compared / 10))

test_case 'get vmim NAME: at most 0.4 of the wall time, a quarter of CPU time and memory of kubectl'
as root kubectl get vmim migration-job >/dev/null
measure --runs 11 --wall 0.4 --cpu 0.25 --memory 0.25 --lines 2 kvmig get vmim migration-job -- kubectl get vmim migration-job

test_case "get vmi -A over $((compared / 10)) objects"
measure --runs 1 --max-kib 65536 --lines $((compared / 10 + 1)) kvmig get vmi -A
peak_few=$(sed 's/.* //' "$out")

# As much memory as for a tenth of them, but for what waits: see expect_all.
expect_no_more() {
	peak_many=$(sed 's/.* //' "$out")
	expect "$peak_few KiB for a tenth, $peak_many KiB for all" [ "$peak_many" -le $((peak_few + 4096)) ]
	peak_few=$peak_many
}

test_case "get vmi -A over $compared objects: a quarter of kubectl's CPU time, no longer, and no more memory than for a tenth"
bed_fill "$compared"
measure --runs 1 --wall 1.0 --cpu 0.25 --memory 0.25 --max-kib 65536 --lines $((compared + 1)) kvmig get vmi -A -- kubectl get vmi -A
expect_no_more

if [ -n "$alone" ]; then
	test_case "get vmi -A over $alone objects: no more memory than for a tenth"
	bed_fill "$alone"
	measure --runs 1 --max-kib 65536 --lines $((alone + 1)) kvmig get vmi -A
	expect_no_more
fi

# ---- watches ----

bed_down
bed_server_options=
bed_up
bed_kubevirt 1.9
bed_fill 100
bed_proxy fast

# Through the API server: from etcd it would learn of it a little later.
without_numbers() {
	bed_kubectl annotate vmi --all kvmig.test/sequence-
}

# watching: kvmig in the background; waits until it has shown all that is there. The file events has a line for each
# object that it shows, and behind it one with its number, where it has one.
watching() {
	rm -f shown && mkfifo shown
	grep --line-buffered -oE '^  "kind": "VirtualMachineInstance"|"kvmig.test/sequence": "[0-9]+"' <shown >events &
	KUBECONFIG=$bed/watch.kubeconfig setpriv --pdeathsig KILL kvmig get vmi -A -w -o json >shown 2>events.err </dev/null &
	watcher=$!
	wait_until 100 eval '[ "$(grep -c kind events)" -ge 100 ]'
}

# The numbers in the order of the events.
sequences() {
	sed -n 's/.*sequence": "\([0-9]*\)"/\1/p' events
}

has_come_to() { # NUMBER
	[ "$(tail -n 20 events | sed -n 's/.*sequence": "\([0-9]*\)"/\1/p' | tail -n 1)" -ge "$1" ]
}

peak() {
	awk '$1 == "VmHWM:" { print $2 }' "/proc/$watcher/status"
}

# The numbers 1 to N are all there, each once, and a tenth of them takes as much memory as all, but for what waits while
# the machine has other things to do: a MiB at most, and as much that is being read.
expect_all() { # N SECONDS
	wait_until $(($2 * 10)) has_come_to $(($1 / 10))
	peak_early=$(peak)
	wait_until $(($2 * 10)) has_come_to "$1"
	peak_late=$(peak)
	kill "$watcher" 2>/dev/null
	wait "$watcher" 2>/dev/null
	sequences | sort -n >numbers
	seq "$1" >wanted
	cmp -s wanted numbers || {
		complain "$(wc -l <numbers) events, $(sort -nu numbers | wc -l) different; of $1"
		sed 's/^/#   err: /' events.err
	}
	expect "peak memory: ${peak_early:-unknown} KiB after a tenth, ${peak_late:-unknown} KiB after all" \
		[ "${peak_late:-65537}" -le $((${peak_early:-0} + 4096)) ]
	echo "# figure: $(sort -nu numbers | wc -l) of $1 events, $(wc -l <numbers) in all; peak memory $peak_early KiB after a tenth of them, $peak_late KiB after all"
}

test_case "a watch of the real server, 100 changes a second for 10 s: nothing lost, nothing twice"
bed_kubeconfig root "$bed/watch.kubeconfig"
watching
run bed_change 1000 100 -objects 100
expect_status 0
expect_all 1000 30

test_case "a watch of $rate changes a second for $seconds s, replayed: nothing lost, nothing twice"
bed_kubeconfig root "$bed/watch.kubeconfig" "https://$(cat "$bed/fast.address")"
without_numbers
bed_rules fast "[{\"query\": \"watch=(1|true)\", \"path\": \"virtualmachineinstances\$\", \"replay\": {\"rate\": $rate, \"seconds\": $seconds}}]"
watching
expect_all $((seconds * rate)) $((seconds + 60))

test_case "the API server is gone for $pause s during a watch: it goes on by itself, nothing lost, nothing twice"
bed_kubeconfig root "$bed/watch.kubeconfig"
without_numbers
watching
bed_change 50 50 -objects 100 >/dev/null
bed_stop_server
sleep "$pause"
bed_start_server
"$bed_tools/fill" -server "$bed_server" -ca "$bed/ca.crt" -cert "$bed/admin" -change 100 -rate 50 -first 51 -objects 100 >/dev/null
expect_all 100 60

done_testing
