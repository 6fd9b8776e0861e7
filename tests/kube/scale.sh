#!/bin/sh
# What kvmig costs against kubectl, over objects of real size, and whether a watch loses anything:
#
#   scale.sh          5,000 objects, 1,000 nodes, 100 changes a second, a server that is gone for 5 s
#   scale.sh --full   10,000 objects, and 100,000 without kubectl, which would keep them all in 19 GB of memory;
#                     5,000 nodes with 50,000 pods; 1,000 changes a second for a minute; a server that is gone for 30 s. Half an hour, 10 GB of disk
#
# The figures are in lines that begin with "# figure".
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
command -v python3 >/dev/null || bail_out 'python3 is not installed'
compared=5000 nodes=1000 pods_each=4 over_cpu_s=0.15 over_wall_s=1 alone='' rate=100 seconds=10 pause=5
case ${1:-} in
'') ;;
--full) compared=10000 nodes=5000 pods_each=10 over_cpu_s=0.3 over_wall_s=0.3 alone=100000 rate=1000 seconds=60 pause=30 ;;
*) bail_out "scale.sh [--full]" ;;
esac

# measure OPTION… COMMAND… -- PEER…
measure() {
	run as root "$bed_source/measure.py" "$build/tests/kube/spend" "$@"
	expect_status 0
	sed 's/^/# figure: /' "$out"
}

# The least of two runs of a command, so that what else the machine does does not count: $wall_s, $cpu_s; and the most
# memory, $peak_kib.
least() { # FILE COMMAND…
	: >runs
	for _ in 1 2; do
		as root "$build/tests/kube/spend" "$@" >>runs || bail_out "cannot run $*"
	done
	read -r wall_s cpu_s peak_kib <<-END
		$(awk 'NR == 1 || $1 < wall { wall = $1 } NR == 1 || $2 < cpu { cpu = $2 } $3 > peak { peak = $3 } END { print wall, cpu, peak }' runs)
	END
}

lesser() { # NUMBER NUMBER
	awk "BEGIN { print ($1 < $2) ? $1 : $2 }"
}

# How much more than reading some lists something may take: so many seconds, or as much as reading them takes where it is
# done beside it, as a slow machine is slow at both. So who reads them twice is over it there, too.
allowance() { # SECONDS SECONDS-TO-READ
	awk "BEGIN { print ($1 > $2) ? $1 : $2 }"
}

is_within() { # SECONDS LIMIT
	awk "BEGIN { exit !($1 <= $2) }"
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

test_case 'config view: at most half of the wall time, a quarter of the CPU time of kubectl get hyperconverged'
bed_hco v1
bed_kubectl create namespace openshift-cnv
cat >hco.yaml <<END
apiVersion: hco.kubevirt.io/v1beta1
kind: HyperConverged
metadata: {name: kubevirt-hyperconverged, namespace: openshift-cnv}
spec: {}
END
bed_kubectl apply -f hco.yaml
bed_reconcile
set -- kubectl get hyperconverged -n openshift-cnv kubevirt-hyperconverged -o json
as root "$@" >/dev/null
as root kvmig config view >/dev/null 2>&1
measure --runs 21 --wall 0.5 --cpu 0.25 kvmig config view -q -- "$@"

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

# The nodes that the VMs are on, each with room for many.
jq -n '{apiVersion: "v1", kind: "List", items: [range(100) | "worker-\(. + 1000 | tostring | .[1:]).example" as $name | {apiVersion: "v1", kind: "Node",
	metadata: {name: $name, labels: ({"kubernetes.io/hostname": $name, "kubernetes.io/arch": "amd64", "kubevirt.io/schedulable": "true",
		"host-model-cpu.node.kubevirt.io/Haswell": "true", "cpu-model-migration.node.kubevirt.io/Haswell": "true"}
		+ ([range(150) | {key: "cpu-feature.node.kubevirt.io/f\(.)", value: "true"}] | from_entries))},
	spec: {}, status: {allocatable: {memory: "8Ti", cpu: "10k", pods: "5k", "ephemeral-storage": "100Ti", "devices.kubevirt.io/kvm": "5k"},
		conditions: [{type: "Ready", status: "True"}]}}]}' >nodes.json
as root kubectl create --validate=false -f nodes.json >/dev/null || bail_out 'no nodes'
as root kubectl taint nodes --all node.kubernetes.io/not-ready:NoSchedule- >/dev/null

test_case "check --cluster over $compared VMs: every one is judged, in at most 128 MiB"
: >"$bed/audit.log"
run as root "$build/tests/kube/spend" answer kvmig check --cluster -o json
expect_status 0
read -r _ answer_s peak_kib <"$out"
echo "# figure: $answer_s s of CPU time; peak $peak_kib KiB"
expect 'memory' test "$peak_kib" -le 131072
# Each has a disk whose claim is not there, while KubeVirt says that it can be migrated.
expect 'each VM' test "$(jq '[.items[] | select(.reason == "KVMIG-BLK-RWX")] | length' answer)" -eq "$compared"
expect "no VM is without a node: $(jq -r '.items[] | select(.reason == "KVMIG-PEND-NO-TARGET") | .evidence' answer | sort -u | head -n 1)" \
	test "$(jq '[.items[] | select(.reason == "KVMIG-PEND-NO-TARGET")] | length' answer)" -eq 0
# Lists come in pieces; what stands beside them does not grow with the VMs.
bed_requests '.user.username == "root"' | grep -v 'continue=' >requests
echo "# figure: $(wc -l <requests) requests, chunks of lists left out"
expect "requests: $(sed 's/?.*//' requests | sort | uniq -c | sort -rn | head -n 3 | tr '\n' ';')" test "$(wc -l <requests)" -le 40

if [ -n "$alone" ]; then
	test_case "get vmi -A over $alone objects: no more memory than for a tenth"
	bed_fill "$alone"
	measure --runs 1 --max-kib 65536 --lines $((alone + 1)) kvmig get vmi -A
	expect_no_more
fi

# ---- roles and bindings ----

# Requests about them since the first N, chunks of a list but its first left out.
rbac_requests() { # N
	bed_requests '.user.username == "root" and (.requestURI | test("rbac.authorization|accessreviews"))' |
		grep -v 'continue=' | sed 's/?.*//; s|/apis/rbac.authorization.k8s.io/v1/||' | tail -n +"$1"
}

test_case 'rbac who-can -A, 2,000 namespaces and 20,000 bindings: four lists, at most 1 s, or as much as the largest takes, beyond it, 128 MiB'
bed_fill 20000 -bindings 2000
run as root "$build/tests/kube/spend" listed kvmig get rolebindings -A -o name
expect_status 0
read -r _ list_s _ <"$out"
expect 'they are there' test "$(wc -l <listed)" -ge 20000
before=$(($(rbac_requests 1 | wc -l) + 1))
run as root "$build/tests/kube/spend" answer kvmig rbac who-can -A -o json
expect_status 0
read -r _ answer_s peak_kib <"$out"
expect 'memory' test "$peak_kib" -le 131072
# Each tenth binding lets three subjects migrate: of 2,000 users, 100 teams, 2,000 service accounts.
expect 'each subject' test "$(jq '[.items[] | select(.subject.name | test("^(user|team)-|^robot$"))] | length' answer)" -eq 4100
run rbac_requests "$before"
expect_stdout <<END
root list clusterroles
root list clusterrolebindings
root list roles
root list rolebindings
END
# The least of all counts: what is too much is measured again.
is_quick() {
	is_within "$answer_s - $list_s" "$(allowance 1 "$list_s")"
}
for _ in 1 2 3; do
	echo "# figure: $answer_s s of CPU time, $list_s s to list them; peak $peak_kib KiB"
	is_quick && break
	least listed kvmig get rolebindings -A -o name
	list_s=$(lesser "$list_s" "$cpu_s")
	least answer kvmig rbac who-can -A -q -o json
	answer_s=$(lesser "$answer_s" "$cpu_s")
done
expect "CPU time: $answer_s s" is_quick

# ---- nodes ----

bed_down
bed_server_options=
bed_up
bed_kubevirt 1.9
# Those that have the 60 features, are not cordoned, have no pod of its group, and are not its own.
fitting() {
	awk -v nodes="$nodes" 'BEGIN { for (i = 1; i <= nodes; i++) n += 150 - i % 3 * 50 >= 60 && i % 5 && i % 50 != 1 && i != 3; print n }'
}

# Three wall times are subtracted from each other, each with what the server and the machine did meanwhile: beside other work
# they tell of a request for each node, not of tenths of a second. CPU time and the number of requests are held to more.
test_case "targets over $nodes nodes with $pods_each pods on each: at most $over_wall_s s beyond the lists, $over_cpu_s s of CPU time, or as much as these, 64 MiB"
bed_fill "$nodes" --nodes "$pods_each"
cat >object.yaml <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: mover, namespace: default, labels: {app: app-1}}
spec:
  architecture: amd64
  affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [
    {topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: app-1}}}]}}
  topologySpreadConstraints: [{maxSkew: 500, topologyKey: topology.kubernetes.io/zone, whenUnsatisfiable: DoNotSchedule,
    labelSelector: {matchLabels: {app: app-1}}}]
  domain: {cpu: {model: host-model, cores: 2}, memory: {guest: 4Gi}, devices: {}}
status: {phase: Running, nodeName: node-00003}
END
bed_kubectl apply -f object.yaml
export KVMIG_MODULE_DIR="${KVMIG_MODULE_DIR:-$build/.libs}" # for api-client
wall_over=9 cpu_over=9 wall_most=0 cpu_most=0
: >spent
# The least of all that was measured counts, and is measured four times more where it is too much.
for _ in 1 2 3 4 5; do
	is_within "$wall_over" "$wall_most" && is_within "$cpu_over" "$cpu_most" && break
	for kind in pods nodes; do
		least listed "$build/tests/kube/api-client" each $kind
		echo "$kind $wall_s $cpu_s $peak_kib" >>spent
	done
	least answer kvmig targets mover -q -o json
	echo "targets $wall_s $cpu_s $peak_kib" >>spent
	awk '!($1 in wall) || $2 < wall[$1] { wall[$1] = $2 }
	!($1 in cpu) || $3 < cpu[$1] { cpu[$1] = $3 }
	$1 == "targets" && $4 > peak { peak = $4 }
	END { wall_lists = wall["pods"] + wall["nodes"]; cpu_lists = cpu["pods"] + cpu["nodes"]
		print wall["targets"] - wall_lists, cpu["targets"] - cpu_lists, wall_lists, cpu_lists, peak }' spent >over
	read -r wall_over cpu_over wall_lists cpu_lists peak_kib <over
	wall_most=$(allowance "$over_wall_s" "$wall_lists") cpu_most=$(allowance "$over_cpu_s" "$cpu_lists")
	echo "# figure: $(tail -n 3 spent | tr '\n' ' '): s of wall time, s of CPU time, KiB;" \
		"beyond the lists $wall_over s of $wall_most s, $cpu_over s of $cpu_most s"
done
expect "wall time: $wall_over s" is_within "$wall_over" "$wall_most"
expect "CPU time: $cpu_over s" is_within "$cpu_over" "$cpu_most"
expect 'memory' test "$peak_kib" -le 65536
expect 'every node' test "$(jq .nodeCount answer)" -eq "$nodes"
: >"$bed/audit.log"
as root kvmig targets mover -q -o json >answer
bed_requests '.user.username == "root"' | grep -v 'continue=' >requests
expect "requests: $(sed 's/?.*//' requests | sort | uniq -c | sort -rn | head -n 3 | tr '\n' ';')" test "$(wc -l <requests)" -le 20
expect "they fit: $(jq .fittingCount answer)" test "$(jq .fittingCount answer)" -eq "$(fitting)"
bed_kubectl delete vmi mover

# ---- watches ----

bed_fill 100
bed_proxy fast

# Through the API server: from etcd it would learn of it a little later.
without_numbers() {
	bed_kubectl annotate vmi --all kvmig.test/sequence-
}

# watching: kvmig in the background; waits until it has shown all that is there. The file events has a line for each
# object that it shows, and behind it one with its number, where it has one.
watching() {
	rm -f shown && mkfifo shown && : >events # of the watch before it, until grep has begun
	grep --line-buffered -oE '^  "kind": "VirtualMachineInstance"|"kvmig.test/sequence": "[0-9]+"' <shown >events &
	KUBECONFIG=$bed/watch.kubeconfig setpriv --pdeathsig KILL kvmig get vmi -A -w -o json >shown 2>events.err </dev/null &
	watcher=$!
	wait_for eval '[ "$(grep -c kind events)" -ge 100 ]' || bail_out "nothing is shown: $(cat events.err)"
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
expect_all() { # N
	wait_for has_come_to $(($1 / 10))
	peak_early=$(peak)
	patience=1800 wait_for has_come_to "$1"
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
expect_all 1000

test_case "a watch of $rate changes a second for $seconds s, replayed: nothing lost, nothing twice"
bed_kubeconfig root "$bed/watch.kubeconfig" "https://$(cat "$bed/fast.address")"
without_numbers
bed_rules fast "[{\"query\": \"watch=(1|true)\", \"path\": \"virtualmachineinstances\$\", \"replay\": {\"rate\": $rate, \"seconds\": $seconds}}]"
watching
expect_all $((seconds * rate))

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
