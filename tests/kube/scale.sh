#!/bin/sh
# What kvmig costs against kubectl, over objects of real size, and whether a watch loses anything. The full sizes:
#
#   KVMIG_SCALE=100000 KVMIG_CHANGES=60000 KVMIG_RATE=1000 KVMIG_PAUSE=30 tests/kube/scale.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
command -v python3 >/dev/null || bail_out 'python3 is not installed'
objects=${KVMIG_SCALE:-5000} changes=${KVMIG_CHANGES:-1000} rate=${KVMIG_RATE:-100} pause=${KVMIG_PAUSE:-5}
measure=$bed_source/measure.py

# ---- lists ----

bed_server_options='--watch-cache=false'
bed_up
bed_kubevirt 1.9
bed_kubectl apply -f "$bed_source/manifests/documents/migration.yaml"
bed_fill $((objects / 10))

test_case 'get vmim NAME: at most 0.4 of the wall time, a quarter of CPU time and memory of kubectl'
as root kubectl get vmim migration-job >/dev/null
run as root kvmig get vmim migration-job -o name
expect_status 0
run as root "$measure" --runs 11 --wall 0.4 --cpu 0.25 --memory 0.25 kvmig get vmim migration-job -- kubectl get vmim migration-job
expect_status 0
sed 's/^/# /' "$out"

test_case "get vmi -A over $((objects / 10)) objects: what memory it takes"
run as root "$measure" --runs 1 --cpu 0.25 --max-kib 65536 kvmig get vmi -A -- kubectl get vmi -A
expect_status 0
sed 's/^/# /' "$out"
few=$(sed 's/.* //' "$out")

test_case "get vmi -A over $objects objects: a quarter of the CPU time, no longer, 64 MiB, and no more than for a tenth of them"
bed_fill "$objects"
run as root kvmig get vmi -A -o name
expect "$(wc -l <"$out") names" [ "$(wc -l <"$out")" -eq "$objects" ]
run as root "$measure" --runs 1 --wall 1.0 --cpu 0.25 --max-kib 65536 kvmig get vmi -A -- kubectl get vmi -A
expect_status 0
sed 's/^/# /' "$out"
many=$(sed 's/.* //' "$out")
expect "$few KiB for a tenth, $many KiB for all" [ "$many" -le $((few + 4096)) ]

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

# watching: kvmig in the background, its events in the file events; waits until it has shown all that is there.
watching() {
	KUBECONFIG=$bed/watch.kubeconfig setpriv --pdeathsig KILL kvmig get vmi -A -w -o json >events 2>events.err </dev/null &
	watcher=$!
	wait_until 100 eval '[ "$(sequences 2>/dev/null | wc -l)" -ge 100 ]'
}

# The number that each object in events carries, 0 for none.
sequences() {
	jq -r '.metadata.annotations["kvmig.test/sequence"] // "0"' events
}

has_sequence() { # NUMBER
	tail -c 200000 events | grep -q "\"kvmig.test/sequence\": *\"$1\""
}

# The numbers 1 to N are all there, each once, and the memory has not grown.
expect_all() { # N
	wait_until 300 has_sequence "$1"
	peak=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$watcher/status")
	kill "$watcher" 2>/dev/null
	wait "$watcher" 2>/dev/null
	sequences 2>/dev/null | grep -vx 0 | sort -n >numbers
	seq "$1" >wanted
	cmp -s wanted numbers || {
		complain "$(wc -l <numbers) events, $(sort -nu numbers | wc -l) different; of $1"
		sed 's/^/#   err: /' events.err
	}
	expect "the peak memory is ${peak:-unknown} KiB" [ "${peak:-65537}" -le 65536 ]
	echo "# peak $peak KiB"
}

test_case "a watch at 100 changes a second of the real server: $changes, nothing lost, nothing twice"
bed_kubeconfig root "$bed/watch.kubeconfig"
watching
run bed_change "$changes" 100 -objects 100
expect_status 0
expect_all "$changes"

test_case "a watch at $rate changes a second, replayed: nothing lost, nothing twice"
bed_kubeconfig root "$bed/watch.kubeconfig" "https://$(cat "$bed/fast.address")"
without_numbers
bed_rules fast "[{\"query\": \"watch=(1|true)\", \"path\": \"virtualmachineinstances\$\", \"replay\": {\"rate\": $rate, \"seconds\": $((changes / rate))}}]"
watching
expect_all $((changes / rate * rate))

test_case "the API server is gone for $pause s during a watch: it goes on by itself, nothing lost, nothing twice"
bed_kubeconfig root "$bed/watch.kubeconfig"
without_numbers
watching
bed_change 50 50 -objects 100 >/dev/null
bed_stop_server
sleep "$pause"
bed_start_server
"$bed_tools/fill" -server "$bed_server" -ca "$bed/ca.crt" -cert "$bed/admin" -change 100 -rate 50 -first 51 -objects 100 >/dev/null
expect_all 100

done_testing
