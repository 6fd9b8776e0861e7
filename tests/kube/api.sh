#!/bin/sh
# cluster.h on the real API server: what is sent, what comes back, and what becomes of refusals and of faults.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
api=$build/tests/kube/api-client
export KVMIG_MODULE_DIR="${KVMIG_MODULE_DIR:-$build/.libs}"
[ -x "$api" ] || bail_out "$api is not built: make check-kube builds it"
bed_up
bed_manager
bed_kubevirt 1.9
bed_kubectl create namespace tenant
bed_proxy fault
bed_kubeconfig admin "$bed/through.kubeconfig" "https://$(cat "$bed/fault.address")"

migration() { # NAME [SPEC]
	printf '{"apiVersion":"kubevirt.io/v1","kind":"VirtualMachineInstanceMigration",'
	printf '"metadata":{"name":"%s","namespace":"tenant"},"spec":%s}' "$1" "${2:-{\"vmiName\":\"vm\"\}}"
}

policy() { # NAME SPEC
	printf '{"apiVersion":"migrations.kubevirt.io/v1alpha1","kind":"MigrationPolicy","metadata":{"name":"%s"},"spec":%s}' "$1" "$2"
}

send() { # USER WORD…: with what is in the file in
	send_as=$1
	shift
	run_input as "$send_as" "$api" "$@" <in
}

# ---- one object ----

test_case 'create, get, change, delete; one request each, and no discovery'
migration m1 >in
send admin create
expect_status 0
expect_json .metadata.name m1
: >"$bed/audit.log"
run as admin "$api" get vmim tenant m1
expect_json .kind VirtualMachineInstanceMigration
expect_json .spec.vmiName vm
cp "$out" m1.json
run bed_requests
expect_stdout <<-END
	admin get /apis/kubevirt.io/v1/namespaces/tenant/virtualmachineinstancemigrations/m1
END
jq '.metadata.labels = {a: "b"} | .status.phase = "Running"' m1.json >in
send admin update
expect_json .metadata.labels.a b
expect_json '.status.phase' null
jq 'del(.metadata.resourceVersion) | .status.phase = "Running"' m1.json >in
send admin update-status
expect_json .status.phase Running
expect_json .metadata.labels.a b

test_case 'a stale version is a conflict; none overwrites'
jq '.metadata.labels = {}' m1.json >in
send admin update
expect_status 1
expect_stderr_has 'error 5: cannot change virtualmachineinstancemigration '\''m1'\'' in namespace '\''tenant'\'': '
expect_stderr_has 'the object has been modified'
jq 'del(.metadata.resourceVersion) | .metadata.labels = {c: "d"}' m1.json >in
send admin update
expect_json .metadata.labels.c d

test_case 'patches: merge, merge of the status, JSON, conditional'
echo '{"metadata":{"labels":{"c":null,"e":"f"}}}' >in
send admin merge vmim tenant m1
expect_json '.metadata.labels | keys | join(",")' e
echo '{"status":{"phase":"Failed"}}' >in
send admin merge-status vmim tenant m1
expect_json .status.phase Failed
echo '[{"op":"test","path":"/metadata/labels/e","value":"f"},{"op":"remove","path":"/metadata/labels/e"}]' >in
send admin json vmim tenant m1
expect_status 0
echo '[{"op":"test","path":"/metadata/labels/e","value":"x"}]' >in
send admin json vmim tenant m1
expect_status 1
expect_stderr_has 'error 5: '
expect_stderr_has 'is not as the patch expects'
echo '{"metadata":{"resourceVersion":"1","labels":{"g":"h"}}}' >in
send admin merge vmim tenant m1
expect_stderr_has 'error 5: '

test_case 'delete: only the object of that uid, and once'
run as admin "$api" delete vmim tenant m1 00000000-0000-0000-0000-000000000000
expect_status 1
expect_stderr_has 'error 5: cannot delete virtualmachineinstancemigration'
expect_stderr_has 'UID in the precondition'
run as admin "$api" delete vmim tenant m1 "$(jq -r .metadata.uid m1.json)"
expect_status 0
run as admin "$api" delete vmim tenant m1
expect_status 1
expect_stderr_has "error 3: no virtualmachineinstancemigration 'm1' in namespace 'tenant' in 'kube/bed'"

test_case 'a dry run keeps nothing'
migration m2 >in
send admin dry-run
expect_status 0
expect_json .metadata.name m2
run as admin "$api" get vmim tenant m2
expect_stderr_has 'error 3: '

test_case 'apply: makes, changes, names every manager and field in a conflict, takes over by force'
policy p '{"selectors":{},"allowAutoConverge":true}' >in
send admin apply
expect_status 0
expect_stderr_has created
expect_json '[.metadata.managedFields[].manager] | join(",")' kvmig
policy p '{"selectors":{},"allowAutoConverge":true,"completionTimeoutPerGiB":7}' >in
send admin apply
expect_stderr_has 'there before'
bed_kubectl patch migrationpolicy p --type merge --field-manager somebody -p '{"spec":{"allowAutoConverge":false,"completionTimeoutPerGiB":9}}'
policy p '{"selectors":{},"allowAutoConverge":true,"completionTimeoutPerGiB":7}' >in
send admin apply
expect_status 1
expect_stderr_has 'error 5: cannot apply migrationpolicy '\''p'\'': '
expect_stderr_has 'spec.allowAutoConverge: conflict with "somebody"'
expect_stderr_has 'spec.completionTimeoutPerGiB: conflict with "somebody"'
policy p '{"selectors":{},"allowAutoConverge":true}' >in
send admin force
expect_json .spec.allowAutoConverge true

test_case 'roles may have a colon in their names'
echo '{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"kubevirt.io:upgrademigrate"},"rules":[]}' >in
send admin create
expect_status 0
run as admin "$api" get clusterrole - kubevirt.io:upgrademigrate
expect_json .metadata.name kubevirt.io:upgrademigrate

test_case 'a question that has no name is answered'
echo '{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","spec":{"resourceAttributes":{"verb":"get","resource":"nodes"}}}' >in
send carol create
expect_json .status.allowed false

# ---- refusals ----

test_case 'what is there already, what breaks the rules, what nobody knows'
migration m3 >in
send admin create
migration m3 >in
send admin create
expect_stderr_has "error 4: virtualmachineinstancemigration 'm3' in namespace 'tenant' is there already in 'kube/bed'"
migration m4 '{"vmName":"vm"}' >in
send admin create
expect_stderr_has 'error 2: '
expect_stderr_has 'unknown field "spec.vmName"'
migration UPPER >in
send admin create
expect_stderr_has 'error 2: '
expect_stderr_has 'metadata.name: Invalid value: "UPPER"'
policy bad '{"selectors":{},"allowAutoConverge":"yes","completionTimeoutPerGiB":"x"}' >in
send admin create
expect_stderr_has 'error 2: '
expect_stderr_has 'spec.allowAutoConverge: Invalid value'
expect_stderr_has 'spec.completionTimeoutPerGiB: Invalid value'
migration m5 | sed 's/tenant/nowhere/' >in
send admin create
expect_stderr_has "error 3: no namespace 'nowhere' in 'kube/bed'"
run as admin "$api" list mcp
expect_stderr_has "error 12: 'kube/bed' serves no machineconfigpools of machineconfiguration.openshift.io/v1"

test_case 'what is not permitted: who, what, where, and how it is granted'
migration m6 >in
send carol create
expect_status 1
expect_stderr_has "error 6: cannot create virtualmachineinstancemigration 'm6' in namespace 'tenant': "
expect_stderr_has 'User "carol" cannot create resource "virtualmachineinstancemigrations"'
expect_stderr_has 'kubevirt.io:migrate'
run as carol "$api" list node
expect_stderr_has 'error 6: cannot list nodes: '
sed 's/token: .*/token: wrong/' "$bed/carol.kubeconfig" >"$bed/stranger.kubeconfig"
run as stranger "$api" list node
expect_stderr_has 'error 6: '
expect_stderr_has "does not accept the credentials of user 'carol'"

test_case 'a name cannot lead elsewhere'
for name in . .. a/b '..%2f..'; do
	run as admin "$api" delete vmim tenant "$name"
	expect_status 1
	expect_stderr_has 'error 2: '
done
run as admin "$api" get vmim tenant m3
expect_status 0

# ---- lists ----

test_case 'lists: all of them, in order, however many there are'
seq 130 | jq -c '{apiVersion: "v1", kind: "ConfigMap", metadata: {name: ("c" + (. + 1000 | tostring)), namespace: "tenant",
	labels: {odd: (. % 2 | tostring)}}, data: {x: ("x" * 20000)}}' >maps.json
bed_kubectl create -f maps.json
: >"$bed/audit.log"
run as admin "$api" each cm
cp "$out" each
expect "$(grep -c ' tenant/c1' each) of 130" [ "$(grep -c ' tenant/c1' each)" -eq 130 ]
expect 'an object has no kind' [ "$(grep -vc '^v1 ConfigMap ' each)" -eq 0 ]
expect "chunks: $(bed_requests '.requestURI | test("configmaps")' | wc -l)" \
	[ "$(bed_requests '.requestURI | test("configmaps")' | wc -l)" -ge 2 ]
run as admin "$api" list cm
sort "$out" >list
sort each | cmp -s - list || complain 'list and each differ'
run as admin "$api" metadata cm
sort "$out" | cmp -s - list || complain 'metadata only: other objects'
run as admin "$api" each cm 'odd in (1),odd!=2'
expect "$(grep -c tenant/ "$out") odd ones" [ "$(grep -c tenant/ "$out")" -eq 65 ]

test_case 'cut in the middle, 410 in the middle: all of them, nothing twice'
for rules in '[{"query": "limit=50", "cut": 300000, "times": 1}]' '[{"query": "continue=", "cut": 700000, "times": 2}]' \
	'[{"query": "limit=50", "reset": 100000, "times": 1}]' '[{"query": "continue=", "status": 410, "times": 1}]'; do
	for form in each list; do
		bed_rules fault "$rules"
		run as through "$api" "$form" cm
		expect_status 0
		sort "$out" | cmp -s - list || complain "$rules: other objects"
	done
done

test_case 'broken JSON is an error that says so'
bed_rules fault '[{"query": "limit=50", "garble": 1000}]'
run as through "$api" each cm
expect_status 1
expect_stderr_has "error 0: cannot list configmaps in 'kube/bed': "

# ---- trying again ----

test_case 'reads are tried again; a write only where nothing can have happened'
for rules in '[{"status": 503, "times": 2}]' '[{"status": 429, "headers": {"Retry-After": "1"}, "times": 1}]' \
	'[{"status": 500, "times": 1}]' '[{"drop": true, "times": 1}]' '[{"cut": 10, "times": 1}]'; do
	bed_rules fault "$rules"
	run as through "$api" get vmim tenant m3
	expect_json .metadata.name m3
done
bed_rules fault '[{"status": 429, "headers": {"Retry-After": "1"}, "times": 1}]'
migration w1 >in
send through create
expect_json .metadata.name w1
for rules in '[{"method": "POST", "status": 503}]' '[{"method": "POST", "drop": true}]' '[{"method": "POST", "cut": 10}]'; do
	bed_rules fault "$rules"
	: >"$bed/fault.log"
	migration w2 >in
send through create
	expect_status 1
	expect "$rules: $(bed_proxy_requests fault '.method == "POST"' | wc -l) requests" \
		[ "$(bed_proxy_requests fault '.method == "POST"' | wc -l)" -eq 1 ]
	as admin kubectl delete vmim w2 -n tenant --ignore-not-found >/dev/null
done
bed_rules fault '[]'

test_case 'the request timeout holds for all the tries together'
# far from what it would be without: five tries of 2 s each, or 20 s of waiting
bed_rules fault '[{"delay": 60}]'
began=$(date +%s%N)
run env KVMIG_TEST_TIMEOUT_MS=2000 KUBECONFIG="$bed/through.kubeconfig" "$api" get vmim tenant m3
took=$((($(date +%s%N) - began) / 1000000))
expect_status 1
expect_stderr_has 'error 9: '
expect "it took $took ms" [ "$took" -lt 9000 ]
bed_rules fault '[{"status": 503, "headers": {"Retry-After": "20"}}]'
began=$(date +%s%N)
run env KVMIG_TEST_TIMEOUT_MS=2000 KUBECONFIG="$bed/through.kubeconfig" "$api" get vmim tenant m3
took=$((($(date +%s%N) - began) / 1000000))
expect_stderr_has 'error 8: '
expect "it took $took ms" [ "$took" -lt 15000 ]
bed_rules fault '[]'

test_case 'warnings of the server are handed on once'
bed_rules fault '[{"method": "GET", "headers": {"Warning": "299 - \"v1beta1 is old\""}}]'
run as through "$api" each cm
expect_status 0
expect "$(grep -c '^warning: v1beta1 is old' "$err") times" [ "$(grep -c '^warning: v1beta1 is old' "$err")" -eq 1 ]
bed_rules fault '[]'

# ---- kinds, fields, which cluster ----

test_case 'kinds by discovery: two requests, then none; a kind that is new is found'
rm -rf "$XDG_CACHE_HOME"
: >"$bed/audit.log"
run as carol "$api" find deploy
expect_stdout <<-END
	apps/v1 Deployment deployments 1
END
run as carol "$api" find deployments.v1.apps
expect_status 0
run bed_requests
expect_stdout <<-END
	carol get /api
	carol get /apis
END
expect 'others may read the cache' [ -z "$(find "$XDG_CACHE_HOME/kvmig/discovery" -perm /077)" ]
run as carol "$api" find hosts.kvmig.io
expect_status 0
run as carol "$api" find hyperconvergedz
expect_stderr_has "error 3: 'kube/bed' serves no kind of object 'hyperconvergedz'"
bed_hco v1
run as carol "$api" find hyperconvergeds.v1.hco.kubevirt.io
expect_stdout <<-END
	hco.kubevirt.io/v1 HyperConverged hyperconvergeds 1
END

# The server publishes the schema of a CRD some time after it serves its objects.
schema_is_out() { # GROUP/VERSION
	as carol kubectl get --raw /openapi/v3 | grep -q "\"apis/$1\""
}

test_case 'which fields a kind has, for a user who may read no CRD'
for version in kubevirt.io/v1 hco.kubevirt.io/v1beta1 hco.kubevirt.io/v1; do
	wait_for schema_is_out $version
done
while read -r kind path state; do
	run as carol "$api" has-field "$kind" "$path"
	expect "$kind $path: $(cat "$out"), not $state" [ "$(cat "$out")" = "$state" ]
done <<-END
	vmim spec.addedNodeSelector yes
	vmim spec.nonsense no
	vmim metadata.labels yes
	hyperconverged spec.liveMigrationConfig.allowPostCopy yes
	hyperconverged spec.virtualization.liveMigrationConfig no
	hyperconvergeds.v1.hco.kubevirt.io spec.virtualization.liveMigrationConfig yes
	node spec.taints.effect yes
	node spec.nonsense no
END
: >"$bed/audit.log"
run as carol "$api" has-field vmim spec.addedNodeSelector
run bed_requests
expect_no_stdout

test_case 'which kind of cluster, for a user who may read neither nodes nor namespaces'
run as carol "$api" probe
expect_stdout <<-END
	kubevirt Node 0
END
bed_kubectl apply -f "$top_srcdir/contrib/crds/host.yaml"
bed_kubectl wait --for condition=Established --timeout 20s crd/hosts.kvmig.io
wait_for as carol kubectl get --raw /apis/kvmig.io
run as carol "$api" probe
expect_stderr_has 'error 12: '
expect_stderr_has 'which of them migrates VMs cannot be told'
bed_kubectl delete kubevirt --all -A
run as carol "$api" probe
expect_stdout <<-END
	fleet Host 1
END
bed_kubectl delete -f "$top_srcdir/contrib/crds/host.yaml" --wait
wait_for eval '! as carol kubectl get --raw /apis/kvmig.io'
run as carol "$api" probe
expect_stderr_has "error 12: 'kube/bed' is no cluster of VMs"
bed_kubectl delete clusterrolebinding kubevirt.io:default
run as carol "$api" probe
expect_stderr_has 'error 6: '
expect_stderr_has 'cannot tell which kind of cluster'

# ---- watches ----

watching() { # N [SELECTOR]: of configmaps, from now
	: >events.err # what is in the background does that a little later
	as "$watch_as" setpriv --pdeathsig KILL "$api" watch cm - "$@" >events 2>events.err </dev/null &
	watcher=$!
	wait_for grep -q watching events.err
}

watched() { # waits for its end
	wait_for eval '! kill -0 "$watcher"'
	kill "$watcher" 2>/dev/null
	wait "$watcher" 2>/dev/null
	cut -d' ' -f 1,2 events >"$out"
	cp events.err "$err"
	command_line='the watch'
}

change() { # NAME VALUE
	bed_kubectl label cm -n tenant "$1" "value=$2" --overwrite
}

test_case 'a watch from now: what others do, with a selector what it selects'
watch_as='admin'
watching 3 value=1
change c1001 1
change c1002 2
change c1001 2
change c1001 1
watched
expect_stdout <<-END
	ADDED tenant/c1001
	DELETED tenant/c1001
	ADDED tenant/c1001
END

test_case 'a connection that breaks is resumed: nothing lost, nothing twice'
watch_as='through'
bed_rules fault '[{"query": "watch=1", "cut": 60000, "times": 3}]'
watching 12
for n in 1 2 3 4 5 6 7 8 9 10 11 12; do
	change "c10$((10 + n))" x
done
watched
seq 11 22 | sed 's|^|MODIFIED tenant/c10|' >wanted
expect_stdout <wanted
bed_rules fault '[]'

test_case 'the server goes and comes back'
watch_as='admin'
watching 2
change c1050 y
expect 'the first' wait_for grep -q c1050 events
bed_stop_server
sleep 1 # it has tried again
bed_start_server
change c1051 y
watched
grep -q '^error 11: ' "$err" || grep -q c1051 events || complain 'neither resumed nor told to list again'
expect_stderr_lacks 'error 6: '

test_case 'a version that is too old is told'
run timeout 20 env KUBECONFIG="$bed/admin.kubeconfig" "$api" watch cm 1 1
expect_status 1
expect_stderr_has 'error 11: '
bed_rules fault '[{"query": "watch=1", "errorEvent": {"after": 0, "code": 410}}]'
run timeout 20 env KUBECONFIG="$bed/through.kubeconfig" "$api" watch cm - 1
expect_stderr_has 'error 11: '
bed_rules fault '[]'

test_case 'who may not watch is told at once'
run timeout 20 env KUBECONFIG="$bed/carol.kubeconfig" "$api" watch node 1 1
expect_status 1
expect_stderr_has 'error 6: cannot watch nodes'

test_case '10,000 changes, as fast as they come'
bed_rules fault '[{"query": "watch=1", "replay": {"rate": 5000, "seconds": 2}}]'
watch_as='through'
watching 10000
watched
expect "$(sort -u events | wc -l) different of $(wc -l <events)" [ "$(sort -u events | wc -l)" -eq 10000 ]
expect "$(wc -l <events) events" [ "$(wc -l <events)" -eq 10000 ]

done_testing
