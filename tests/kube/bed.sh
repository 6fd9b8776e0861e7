#!/bin/sh
# The bed itself: what the other suites stand on.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
manifests=$bed_source/manifests

# Of all that the bed runs: what else the machine does does not count.
cpu_seconds() {
	for pid in $bed_pids; do
		sed 's/.*) //' "/proc/$pid/stat"
	done | awk -v ticks="$(getconf CLK_TCK)" '{ sum += $12 + $13 } END { printf "%d", sum / ticks }'
}

# A few where the machine has nothing else to do; processors that share their caches, or are lent to others, take several
# times as long for the same.
test_case 'ready with no more than 60 s of CPU time, and says which version it is'
bed_up
spent=$(cpu_seconds)
echo "# figure: ready with $spent s of CPU time"
expect "it took $spent s" [ "$spent" -le 60 ]
run as admin kubectl version -o json
expect_status 0
expect_json .serverVersion.gitVersion v1.34.2
expect_json .clientVersion.gitVersion v1.34.2

test_case 'the manifests of contrib/crds are accepted by a real API server, and keep what they describe'
bed_crds kvmig
run as admin kubectl get crd -o json
expect_json '[.items[] | select(.status.conditions | any(.type == "NonStructuralSchema"))] | length' 0
expect_json '.items | length' 6
run_input as admin kubectl apply -f - <<-END
	apiVersion: kvmig.io/v1
	kind: Host
	metadata: {name: n1}
	spec: {uri: 'qemu+tls://n1.example/system'}
END
expect_status 0
run as admin kubectl get host n1 -o json
expect_json .spec.uri qemu+tls://n1.example/system

test_case 'everything ends with bed_down, and comes again'
pids=$bed_pids
bed_down
for pid in $pids; do
	expect "process $pid is left" [ ! -d "/proc/$pid" ]
done
expect 'the folder is left' [ ! -e "$bed" ]
bed_up
run as admin kubectl get crd -o name
expect_no_stdout

test_case 'who the users are'
run as alice kubectl auth whoami -o json
expect_json .status.userInfo.username alice
expect_json '.status.userInfo.groups | index("migrators") != null' true
bed_user dora builders testers
run as dora kubectl auth whoami -o json
expect_json .status.userInfo.username dora
expect_json '.status.userInfo.groups | sort | join(" ")' 'builders system:authenticated testers'
run as admin kubectl create serviceaccount robot
expect_status 0
run as admin kubectl create token robot
expect_status 0
run as alice kubectl --token "$(cat "$out")" auth whoami -o json
expect_json .status.userInfo.username system:serviceaccount:default:robot
run as admin kubectl get ns --as bob
expect_status 1
expect_stderr_has 'User "bob" cannot list resource "namespaces"'

test_case 'a stranger is refused'
run as alice kubectl --token wrong get vmi
expect_status 1
expect_stderr_has 'Unauthorized'
(bed_cert -out "$bed/other-ca" -is-ca -cn other && bed_cert -out "$bed/eve" -ca "$bed/other-ca" -client -cn eve)
bed_kubeconfig eve "$bed/eve.kubeconfig"
run as eve kubectl get ns
expect_status 1

# Each of the three follows the one before, as an upgrade of KubeVirt does.
for version in 1.4 1.6 1.9; do
	test_case "KubeVirt $version: the CRDs are structural, the migration's fields those of that version"
	bed_kubevirt "$version"
	run as admin kubectl get crd -o json
	expect_json '[.items[] | select(.status.conditions | any(.type == "NonStructuralSchema"))] | length' 0
	run as alice kubectl get kubevirt -A -o json
	expect_json '.items[0].status.observedKubeVirtVersion' "v$version.0"
	run as admin kubectl create --dry-run=server -f "$manifests/documents/migration-addednodeselector.yaml"
	case $version in
	1.4)
		expect_status 1
		expect_stderr_has 'unknown field "spec.addedNodeSelector"'
		;;
	*) expect_status 0 ;;
	esac
	run_input as admin kubectl create --dry-run=server -f - <<-END
		apiVersion: migrations.kubevirt.io/v1alpha1
		kind: MigrationPolicy
		metadata: {name: p}
		spec: {selectors: {}, maxDowntimeMs: 500}
	END
	case $version in 1.9) expect_status 0 ;; *) expect_stderr_has 'unknown field "spec.maxDowntimeMs"' ;; esac
done

test_case 'HyperConverged with v1beta1 only'
bed_hco v1beta1
run as admin kubectl create namespace kubevirt-hyperconverged
run as admin kubectl apply -f "$manifests/documents/hyperconverged.yaml"
expect_status 0
run as admin kubectl get hco -A -o json
expect_json '.items[0].apiVersion' hco.kubevirt.io/v1beta1
expect_json '.items[0].spec.liveMigrationConfig.completionTimeoutPerGiB' 800
run as admin kubectl get --raw /apis/hco.kubevirt.io
expect_json '[.versions[].version] | join(" ")' v1beta1

test_case 'HyperConverged with v1 stored: what is written in one version is read in the other, at its place'
bed_hco v1
run as admin kubectl get --raw /apis/hco.kubevirt.io
expect_json '[.versions[].version] | join(" ")' 'v1 v1beta1'
run as admin kubectl get hyperconvergeds.v1.hco.kubevirt.io -n kubevirt-hyperconverged kubevirt-hyperconverged -o json
expect_json '.spec.virtualization.liveMigrationConfig.completionTimeoutPerGiB' 800
expect_json '.spec.liveMigrationConfig' null
run as admin kubectl apply -f "$manifests/documents/hyperconverged-heavy.yaml"
expect_status 0
run as admin kubectl get hco -n kubevirt-hyperconverged kubevirt-hyperconverged -o json
expect_json .apiVersion hco.kubevirt.io/v1
expect_json '.spec.virtualization.liveMigrationConfig.allowPostCopy' true
run as admin kubectl patch hco -n kubevirt-hyperconverged kubevirt-hyperconverged --type merge \
	-p '{"spec":{"virtualization":{"liveMigrationConfig":{"progressTimeout":77}}}}'
expect_status 0
run as admin kubectl get hyperconvergeds.v1beta1.hco.kubevirt.io -n kubevirt-hyperconverged kubevirt-hyperconverged -o json
expect_json '.spec.liveMigrationConfig.progressTimeout' 77

for manifest in "$manifests"/documents/*.yaml; do
	test_case "the documents' ${manifest##*/} is accepted"
	run as admin kubectl apply --server-side --force-conflicts -f "$manifest"
	expect_status 0
	expect_no_stderr
done

for manifest in "$manifests"/wrong/*.yaml; do
	test_case "wrong/${manifest##*/} is refused"
	run as admin kubectl apply --server-side -f "$manifest"
	expect_status 1
done

test_case 'roles: allowed and forbidden, with the rules of the controller manager'
bed_manager
bed_kubectl create rolebinding view --clusterrole view --user bob
run as bob kubectl get vmim -o name
expect_status 0
expect_stdout_has virtualmachineinstancemigration.kubevirt.io/migration-job
run as bob kubectl delete vmim migration-job
expect_status 1
expect_stderr_has forbidden
run as bob kubectl get vmim -A
expect_status 1
run as alice kubectl delete vmim migration-job
expect_status 0
run as carol kubectl get kubevirt -A
expect_status 0

test_case 'the audit log counts the requests of each user'
run as carol kubectl get --raw /apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances
expect_status 1
run bed_requests '.user.username == "carol" and (.requestURI | contains("/virtualmachineinstances"))'
expect_stdout <<-END
	carol list /apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances
END

test_case 'objects of real size, straight into etcd, are as if the API server had made them; changes are counted'
bed_end manager # it would collect what has no owner
bed_fill 60
run as admin kubectl get vmi -o json --show-managed-fields
expect_json '.items | length' 60
expect_json '[.items[] | tojson | length >= 19000] | all' true
expect_json '[.items[].metadata.uid] | unique | length' 60
run as admin kubectl get vmi vm-000007 -o json --show-managed-fields
cp "$out" before.json
run as admin kubectl patch vmi vm-000007 --type merge -p '{"spec":{"unknown":1},"status":{"unknown":1}}' --dry-run=server -o json
jq -S 'del(.spec.unknown, .status.unknown, .metadata.managedFields, .metadata.generation)' "$out" >after.json
jq -S 'del(.metadata.managedFields, .metadata.generation)' before.json >wanted.json
expect "the server prunes or defaults something: $(diff wanted.json after.json)" cmp -s wanted.json after.json
run bed_change 90 200 -objects 60
expect_status 0
run as admin kubectl get vmi -o json
expect_json '[.items[].metadata.annotations["kvmig.test/sequence"] | tonumber] | sort | [.[0], .[-1], length] | join(" ")' '31 90 60'

test_case 'the API server goes, and comes back with everything'
bed_stop_server
run as bob kubectl get vmim --request-timeout 5s
expect_status 1
expect_stderr_has 'was refused'
bed_start_server
run as bob kubectl get vmim migration-to-gpu -o name
expect_status 0

test_case 'a test that is killed leaves no process'
cat >killed.sh <<-END
	. "$bed_source/lib.sh"
	bed_up
	bed_proxy fault
	echo "\$bed_pids" >"$work/killed.pids"
	while :; do sleep 0.2; done
END
top_srcdir=$top_srcdir top_builddir=$build TMPDIR=$work KVMIG_BED_CACHE=${bed_kube%/*} sh killed.sh >killed.out 2>&1 &
killed=$!
wait_for bed_has "$work/killed.pids"
kill -KILL "$killed"
wait "$killed" 2>/dev/null
# Ended or, where nobody has asked for its status yet, a zombie.
ended() { # PID
	case $(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null) in '' | Z) ;; *) return 1 ;; esac
}
expect 'it came up' [ "$(wc -w <"$work/killed.pids")" -eq 3 ]
read -r pids <"$work/killed.pids"
for pid in $pids; do
	expect "process $pid is left" wait_for ended "$pid"
done

done_testing
