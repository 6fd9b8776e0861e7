#!/bin/sh
# kvmig cluster info and context on the real API server: what is told, to whom, and what is said of what cannot be read.
# What the permissions are is compared with `kubectl auth can-i`, line by line.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
bed_up
bed_manager
bed_kubectl create namespace tenant
bed_kubectl create namespace other

info() { # USER OPTION…: as a document
	info_as=$1
	shift
	run as "$info_as" kvmig cluster info -o json "$@"
}

may() { # WHAT: "THERE EVERYWHERE"
	jq -r --arg what "$1" '.permissions[] | select(.what == $what) | "\(.allowed) \(.allowedEverywhere)"' "$out"
}

expect_may() { # WHAT "THERE EVERYWHERE"
	[ "$(may "$1")" = "$2" ] || { complain "$1: '$(may "$1")', not '$2'"; show; }
}

# can_i USER VERB RESOURCE OPTION…
can_i() {
	can_as=$1
	shift
	KUBECONFIG=$bed/$can_as.kubeconfig kubectl auth can-i "$@" 2>/dev/null
}

# Every line of the document against kubectl's answers to the same questions.
agrees_with_kubectl() { # USER
	jq -r '.permissions[] | . as $row | "\(.resource).\(.group)" | rtrimstr(".") as $resource |
		$row | "\($resource) \(.namespace // "-") \(.allowed) \(.allowedEverywhere) \(.verbs | join(" "))"' "$out" >"$work/rows"
	[ -s "$work/rows" ] || return 1
	while read -r resource ns there everywhere verbs; do
		all=true here=true
		for verb in $verbs; do
			[ "$(can_i "$1" "$verb" "$resource" -A </dev/null)" = yes ] || all=false
			[ "$ns" = - ] || [ "$(can_i "$1" "$verb" "$resource" -n "$ns" </dev/null)" = yes ] || here=false
		done
		[ "$ns" != - ] || here=$there
		[ "$here $all" = "$there $everywhere" ] || {
			echo "# $1: $verbs $resource in $ns: kubectl $here $all, kvmig $there $everywhere"
			return 1
		}
	done <"$work/rows"
}

test_case 'no cluster of VMs: that is said, with all the rest'
info admin
expect_status 1
expect_json .clusterKind null
expect_json '.unknown | map(.what) | join(",")' clusterKind
expect_json .kubernetesVersion "$(KUBECONFIG=$bed/admin.kubeconfig kubectl version -o json | jq -r .serverVersion.gitVersion)"
expect_json .user admin
cp "$out" documents
run as admin kvmig cluster info
expect_status 1
expect 'why' grep -qE "^Kind: +not known: 'kube/bed' is no cluster of VMs" "$out"
expect_stdout_has "Server:             $bed_server"

bed_kubevirt 1.9
test_case 'KubeVirt, and all is allowed'
info admin -n tenant
expect_status 0
expect_json '"\(.kind) \(.context) \(.clusterKind) \(.migratedBy)"' 'ClusterInfo kube/bed kubevirt KubeVirt'
expect_json '"\(.server) \(.kubevirtVersion) \(.kubevirtPhase)"' "$bed_server v1.9.0 Deployed"
expect_json '.settings | "\(.kind) \(.namespace)/\(.name) \(.exists)"' 'KubeVirt kubevirt/kubevirt true'
expect_json '.groups | index("system:masters") != null' true
expect_json '.unknown' null
expect_json '.permissions | map(.allowed != false and .allowedEverywhere) | all' true
expect_json '.permissions | map(.namespace // empty) | unique | join(" ")' 'kubevirt tenant'
expect 'as kubectl says' agrees_with_kubectl admin
cat "$out" >>documents

test_case 'a plain user: what every user may see, and nothing else'
info bob
expect_status 0
expect_json '"\(.clusterKind) \(.kubevirtVersion) \(.user)"' 'kubevirt v1.9.0 bob'
expect_json '.settings.name' kubevirt
expect_may 'see settings' 'true true'
expect_may 'migrate VMs' 'false false'
expect_json '.permissions | map(select(.allowed or .allowedEverywhere)) | length' 1
expect 'as kubectl says' agrees_with_kubectl bob
run as bob kvmig cluster info
expect 'in words' grep -qE '^migrate VMs +default +no +no$' "$out"
expect_narrow 'table'

test_case 'bound in one namespace, as the documents say: there, and not elsewhere'
bed_kubectl create rolebinding kvmigrate -n tenant --clusterrole kubevirt.io:migrate --group migrators
bed_kubectl create rolebinding admin -n tenant --clusterrole kubevirt.io:admin --user alice
info alice -n tenant
for what in 'migrate VMs' 'change migrations' 'cancel migrations' 'see VMs' 'see migrations'; do
	expect_may "$what" 'true false'
done
expect_may 'change policies' 'null false'
expect_may 'change settings' 'false false'
expect 'as kubectl says' agrees_with_kubectl alice
info alice -n other
expect_may 'migrate VMs' 'false false'
expect 'as kubectl says' agrees_with_kubectl alice

test_case 'one verb of several is not enough'
bed_kubectl create clusterrole some --verb create,patch --resource migrationpolicies.migrations.kubevirt.io
bed_kubectl create clusterrolebinding some --clusterrole some --user carol
info carol
expect_may 'change policies' 'null false'
expect 'as kubectl says' agrees_with_kubectl carol
bed_kubectl create clusterrole more --verb delete --resource migrationpolicies.migrations.kubevirt.io
bed_kubectl create clusterrolebinding more --clusterrole more --user carol
info carol
expect_may 'change policies' 'null true'

test_case 'impersonation: for whom is asked'
info admin --as alice --as-group migrators -n tenant
expect_json .user alice
expect_may 'migrate VMs' 'true false'

test_case 'nothing is written, and --read-only asks as well'
: >"$bed/audit.log"
info bob --read-only
expect_status 0
run bed_requests '.user.username == "bob"'
expect 'only questions' sh -c '! grep -vE "^bob (get|list) |selfsubject" "$1"' sh "$out"
expect 'some, and not too many' sh -c '[ $(wc -l <"$1") -ge 10 ] && [ $(wc -l <"$1") -le 40 ]' sh "$out"

test_case 'HyperConverged owns the settings'
bed_hco v1beta1
bed_kubectl create namespace kubevirt-hyperconverged
info admin
expect_json '.settings | "\(.kind) \(.exists) \(.name)"' 'KubeVirt true kubevirt'
bed_kubectl apply -f "$bed_source/manifests/documents/hyperconverged.yaml"
bed_kubectl patch hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged --subresource status --type merge \
	-p '{"status":{"versions":[{"name":"operator","version":"1.19.0"}]}}'
info admin
expect_json '.settings | "\(.kind) \(.namespace)/\(.name)"' 'HyperConverged kubevirt-hyperconverged/kubevirt-hyperconverged'
expect_json .hyperconvergedVersion 1.19.0
expect_json '.permissions[] | select(.what == "change settings") | "\(.group) \(.namespace) \(.allowed)"' \
	'hco.kubevirt.io kubevirt-hyperconverged true'
cat "$out" >>documents

test_case 'and a plain user cannot see where: that is said, not guessed'
info bob
expect_status 0
expect_json '.settings | "\(.kind) \(.name) \(.exists)"' 'HyperConverged null null'
expect_json '.unknown | map(.what) | join(",")' settings
cat "$out" >>documents
run as bob kvmig cluster info
expect 'in words' grep -q "^Settings: *HyperConverged, but where it is is not known: .*bob" "$out"

test_case 'a user who may not even see which kind it is'
bed_kubectl delete clusterrolebinding kubevirt.io:default
info bob
expect_status 1
expect_json '.unknown[0].what' clusterKind
expect_json '.clusterKind' null
expect_json .user bob
expect_may 'migrate VMs' 'false false'
cat "$out" >>documents
run as bob kvmig cluster info
expect_status 1
expect_stderr_has 'kubectl create clusterrolebinding NAME --clusterrole=kubevirt.io:view --user=bob'
bed_kubectl apply -f "$bed_source/manifests/bed/kubevirt-roles.yaml"

test_case 'who is nobody: one error'
sed "s/token: .*/token: wrong/" "$bed/bob.kubeconfig" >nobody.kubeconfig
chmod 600 nobody.kubeconfig
run kvmig --kubeconfig nobody.kubeconfig cluster info
expect_status 7
expect_no_stdout
expect 'one' [ "$(grep -c '^kvmig: ' "$err")" -eq 1 ]

test_case 'the documents are those of kvmig-json(7)'
expect_documented ClusterInfo documents storeFile controller.running controller.pid controller.version \
	nodes nodes.name nodes.ready nodes.cordoned

test_case 'context current: the same server and user, without a request'
: >"$bed/audit.log"
run as alice kvmig context current -o json
expect_json '"\(.name) \(.server) \(.user)"' "kube/bed $bed_server alice"
run as alice kvmig context list
expect_status 0
run bed_requests '.user.username == "alice"'
expect_no_stdout

test_case 'kvmig'"'"'s own kinds beside KubeVirt: neither'
bed_crds kvmig
info admin
expect_status 1
expect 'why' grep -q 'has a KubeVirt object and kvmig.s own kinds' "$out"

test_case 'a fleet: its controller and its nodes'
bed_kubectl delete kubevirt kubevirt -n kubevirt
cat >host.yaml <<-END
	apiVersion: kvmig.io/v1
	kind: Host
	metadata: {name: n1}
	spec: {uri: 'qemu+tls://n1/system', unschedulable: true}
END
bed_kubectl apply -f host.yaml
info admin
expect_status 0
expect_json '"\(.clusterKind) \(.migratedBy) \(.controller.running)"' 'fleet kvmig false'
expect_json '.nodes[0] | "\(.name) \(.ready) \(.cordoned)"' 'n1 false true'
expect_json '.permissions[] | select(.what == "see nodes") | "\(.resource).\(.group) \(.allowedEverywhere)"' 'hosts.kvmig.io true'
info bob
expect_json '.unknown | map(.what) | sort | join(",")' 'controller,nodes,settings'

test_case 'no answer'
bed_stop_server
run as admin kvmig cluster info
expect_status 5
expect_no_stdout
run as admin kvmig context current
expect_status 0
done_testing
