#!/bin/sh
# Changes of settings on the real API server: many writers at once, who may not write, what a server drops, undo among
# several users, and editors that do what they should not. HyperConverged stored as v1, as since 1.19.
#
#   config-write.sh          8 writers, 6 changes each
#   config-write.sh --full   8 writers, 100 changes each
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
each=6
[ "${1:-}" != --full ] || each=100
bed_server_options='--feature-gates=MutatingAdmissionPolicy=true --runtime-config=admissionregistration.k8s.io/v1beta1=true'
bed_up
bed_manager
bed_kubevirt 1.9
bed_hco v1
KUBECONFIG=$bed/admin.kubeconfig TMPDIR=$work/tmp SHELL=/bin/sh
export KUBECONFIG TMPDIR SHELL
unset EDITOR KUBE_EDITOR
mkdir "$TMPDIR"
ns=openshift-cnv
bed_kubectl create namespace $ns
cat >hco.yaml <<END
apiVersion: hco.kubevirt.io/v1
kind: HyperConverged
metadata: {name: kubevirt-hyperconverged, namespace: $ns}
spec: {virtualization: {liveMigrationConfig: {progressTimeout: 99}}}
END
bed_kubectl apply -f hco.yaml

hco() {
	kubectl get hyperconvergeds.v1.hco.kubevirt.io -n $ns kubevirt-hyperconverged -o json
}
settings() {
	hco | jq -Sc .spec.virtualization.liveMigrationConfig
}
version() {
	hco | jq -r .metadata.resourceVersion
}
last_number() {
	kvmig config history -o json | jq '.items[-1].number // 0'
}
is() { # WANTED HAVE
	expect "'$2' instead of '$1'" test "$1" = "$2"
}

# ---- requests ----

writes() { # of admin since the audit log was emptied: "VERB RESOURCE CODE"
	jq -r 'select(.stage == "ResponseComplete" and .user.username == "admin" and (.verb | IN("create", "update", "patch", "delete"))) |
		"\(.verb) \(.objectRef.resource) \(.responseStatus.code)"' "$bed/audit.log" | sort | uniq -c | sed 's/^ *//'
}

test_case 'a change is one request, beside the question who asks'
: >"$bed/audit.log"
run kvmig config set completionTimeoutPerGiB=700 network=mig
expect_status 0
is '1 create selfsubjectreviews 201 1 patch hyperconvergeds 200' "$(writes | tr '\n' ' ' | sed 's/ $//')"

test_case "8 writers, $each changes each: none is lost, none is made twice"
before=$(last_number)
: >"$bed/audit.log"
writer() { # KEY
	for n in $(seq "$each"); do
		case $1 in
		allow*) value=$([ $((n % 2)) = 1 ] && echo true || echo false) ;;
		network) value=n$n ;;
		*) value=$((n + 1000)) ;; # no default
		esac
		kvmig config set -q "$1=$value" >/dev/null 2>"err-$1" || { echo "$1=$value" && cat "err-$1"; } >>lost
	done
}
kvmig config unset -q allowPostCopy allowAutoConverge 2>/dev/null
writers=
for key in bandwidthPerMigration completionTimeoutPerGiB parallelMigrationsPerCluster parallelOutboundMigrationsPerNode \
	progressTimeout network allowPostCopy allowAutoConverge; do
	writer $key &
	writers="$writers $!"
done
# shellcheck disable=SC2086 # words
wait $writers
[ ! -e lost ] || cat lost
expect 'none was refused' test ! -e lost
is $((before + 8 * each)) "$(last_number)"
top=$((each + 1000))
is "[\"$top\",$top,$top,$top,$top,\"n$each\",false,false]" "$(settings | jq -c '[.bandwidthPerMigration, .completionTimeoutPerGiB,
	.parallelMigrationsPerCluster, .parallelOutboundMigrationsPerNode, .progressTimeout, .network, .allowPostCopy, .allowAutoConverge]')"
writes >all
is "$((8 * each)) patch hyperconvergeds 200" "$(grep 'patch hyperconvergeds 200' all)"
expect 'others are conflicts' [ "$(grep hyperconvergeds all | grep -vc ' \(200\|409\)$')" -eq 0 ]
echo "# figure: 8 writers, $each changes each: $(tr '\n' ';' <all)"

# ---- who may not ----

test_case 'no right to write: which one is missing, and who can grant it'
kvmig config set -q completionTimeoutPerGiB=701 2>/dev/null
bed_kubectl create clusterrole hcos --verb get,list --resource hyperconvergeds.hco.kubevirt.io
bed_kubectl create clusterrolebinding hcos --clusterrole hcos --user carol
printf '#!/bin/sh\nsed -i "s/completionTimeoutPerGiB: 701/completionTimeoutPerGiB: 702/" "$1"\n' >bin/ed1
chmod +x bin/ed1
before=$(version)
for words in 'set progressTimeout=5' 'unset completionTimeoutPerGiB' 'undo --by admin' 'preset heavy-workload' 'preset default' edit; do
	# shellcheck disable=SC2086 # words
	run as carol env EDITOR=ed1 kvmig config $words
	expect_status 7
	expect_stderr_has 'cannot patch resource "hyperconvergeds"'
	expect_stderr_has 'can give carol the right to patch hyperconvergeds.hco.kubevirt.io'
done
is "$before" "$(version)"
test_case 'no right to write: what was edited is kept'
kept=$(sed -n 's/.*what was saved is kept in \([^;]*\).*/\1/p' "$err")
expect "$kept" grep -q 'completionTimeoutPerGiB: 702' "$kept"
rm -rf "${TMPDIR:?}"/*

test_case 'no right to read it: the history says so'
bed_kubectl delete clusterrolebinding hcos
run as carol kvmig config history
expect_status 7
expect_stderr_has 'the record of the changes is in the HyperConverged object'

# ---- whose change ----

test_case 'undo: the own change, not the last one'
bed_kubectl create clusterrole writers --verb get,list,patch --resource hyperconvergeds.hco.kubevirt.io
bed_kubectl create clusterrolebinding writers --clusterrole writers --user alice --user bob
run as alice kvmig config set progressTimeout=11
run as bob kvmig config set parallelMigrationsPerCluster=11
run as alice kvmig config undo
expect_status 0
expect_stderr_has '(set, by alice, 20'
expect_stderr_has 'progressTimeout: 11 s -> '
is 11 "$(settings | jq .parallelMigrationsPerCluster)"

test_case 'undo: who changed it since, with kvmig and without'
run as alice kvmig config set progressTimeout=12 network=a
run as bob kvmig config set progressTimeout=13
bed_kubectl patch hyperconvergeds.v1.hco.kubevirt.io -n $ns kubevirt-hyperconverged --type merge \
	-p '{"spec":{"virtualization":{"liveMigrationConfig":{"network":"b"}}}}'
run as alice kvmig config undo
expect_status 3
expect_stderr_has 'progressTimeout was changed since by bob at 20'
expect_stderr_has 'network was changed since with kubectl-patch at 20'
is '[13,"b"]' "$(settings | jq -c '[.progressTimeout, .network]')"

test_case 'undo: who took a key out did not give it the value that it has now'
run as alice kvmig config set network=c
run as bob kvmig config unset network
bed_kubectl patch hyperconvergeds.v1.hco.kubevirt.io -n $ns kubevirt-hyperconverged --type merge \
	-p '{"spec":{"virtualization":{"liveMigrationConfig":{"network":"b"}}}}'
run as alice kvmig config undo
expect_status 3
expect_stderr_has 'network was changed since with kubectl-patch at 20'
run as alice kvmig config set progressTimeout=11
run as bob kvmig config unset progressTimeout
run as alice kvmig config undo
expect_status 3
expect_stderr_has 'progressTimeout was changed since by bob at 20'
kvmig config set -q progressTimeout=13 2>/dev/null

# ---- a server that does not tell who asks ----

test_case 'before Kubernetes 1.28: who is left out, and only a number undoes'
bed_proxy old
bed_rules old '[{"path": "selfsubjectreviews", "status": 404}]'
bed_kubeconfig alice "$bed/old.kubeconfig" "https://$(cat "$bed/old.address")"
run env KUBECONFIG="$bed/old.kubeconfig" kvmig config set progressTimeout=14
expect_status 0
number=$(last_number)
is null "$(kvmig config history -o json | jq '.items[-1].by')"
run env KUBECONFIG="$bed/old.kubeconfig" kvmig config undo
expect_status 1
expect_stderr_has 'which changes are yours cannot be told'
run env KUBECONFIG="$bed/old.kubeconfig" kvmig config undo "$number"
expect_status 0
expect_stderr_has "undone: change $number (set, by somebody, 20"
is 13 "$(settings | jq .progressTimeout)"

# ---- a server that drops what it takes ----

test_case 'a key is dropped on the way: nothing of the change stays, nor a record of it'
cat >drop.yaml <<'END'
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingAdmissionPolicy
metadata: {name: drop}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [hco.kubevirt.io], apiVersions: ["*"], operations: [UPDATE], resources: [hyperconvergeds]}
  matchConditions:
  - {name: has, expression: "object.spec.virtualization.liveMigrationConfig.?bandwidthPerMigration.orValue('') == '77'"}
  failurePolicy: Fail
  reinvocationPolicy: Never
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: '[JSONPatch{op: "remove", path: "/spec/virtualization/liveMigrationConfig/bandwidthPerMigration"}]'
---
apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingAdmissionPolicyBinding
metadata: {name: drop}
spec: {policyName: drop}
END
bed_kubectl apply -f drop.yaml
# the policy may fail for want of the kind's schema before it drops anything
drops() { kvmig config set -q --dry-run=server bandwidthPerMigration=77 2>&1 | grep 'and drop bandwidthPerMigration'; }
kvmig config set -q bandwidthPerMigration=1Mi 2>/dev/null
expect 'a dry run tells' wait_for drops
before=$(settings) number=$(last_number)
run kvmig config set bandwidthPerMigration=77 progressTimeout=15
expect_status 1
expect_stderr_has 'bandwidthPerMigration was not in it; all settings are again as they were'
is "$before" "$(settings)"
is "$number" "$(last_number)"
printf '#!/bin/sh\nsed -i "s/bandwidthPerMigration: 1Mi/bandwidthPerMigration: \\"77\\"/; s/progressTimeout: 13/progressTimeout: 16/" "$1"\n' >bin/ed1
run env EDITOR=ed1 kvmig config edit
expect_status 1
expect_no_stdout
expect_stderr_has 'all settings are again as they were'
kept=$(sed -n 's/.*what was saved is kept in \([^;]*\).*/\1/p' "$err")
expect "$kept" grep -q 'progressTimeout: 16' "$kept"
is "$before" "$(settings)"
bed_kubectl delete -f drop.yaml

# ---- editors ----

# An editor: $n is the how-manieth opening, $1 the file.
editor() { # SCRIPT
	cat >bin/ed1 <<-END
		#!/bin/sh
		n=\$((\$(cat "$work/turn" 2>/dev/null || echo 0) + 1))
		echo \$n >"$work/turn"
		cp "\$1" "$work/seen.\$n"
		file=\$1
		to() { sed -i "s/^\\( *progressTimeout: \\).*/\\1\$1/" "\$file"; }
		other() { kubectl patch hyperconvergeds.v1.hco.kubevirt.io -n $ns kubevirt-hyperconverged --type merge -p "{\"spec\":{\"virtualization\":{\"liveMigrationConfig\":\$1}}}" >/dev/null; }
		$1
	END
	rm -rf "$work/turn" "$work"/seen.* "${TMPDIR:?}"/*
}
edits() { # STATUS
	run env EDITOR=ed1 kvmig config edit
	expect_status "$1"
}
kept_has() { # TEXT
	kept=$(sed -n 's/.*what was saved is kept in \([^;]*\).*/\1/p' "$err")
	expect "kept: '$kept'" grep -q -- "$1" "$kept"
}
unchanged() {
	is "$1" "$(version)"
}

test_case 'the editor is killed: nothing is changed, and what it had written is kept'
before=$(version)
editor 'to 20; kill -KILL $$'
edits 1
kept_has 'progressTimeout: 20'
unchanged "$before"
editor 'kill -KILL $$'
edits 1
expect 'nothing to keep' [ -z "$(find "$TMPDIR" -type f)" ]
unchanged "$before"

test_case 'the editor writes nothing, or nothing is left'
for script in ':' 'touch "$1"' ': >"$1"'; do
	editor "$script"
	edits 0
	expect_stderr_has 'edit cancelled'
	unchanged "$before"
done

test_case 'no YAML, a bad value, a key in the place of another version: shown again, kept, nothing sent'
: >"$bed/audit.log"
editor 'case $n in 1) printf "\tx: 1\n" >>"$1" ;; esac'
edits 1
kept_has "$(printf '\tx: 1')"
editor 'case $n in 1) to -1 ;; esac'
edits 1
expect 'the reason' grep -q "progressTimeout: '-1' is not valid" seen.2
kept_has 'progressTimeout: -1'
unchanged "$before"
is '' "$(writes)"
editor 'case $n in 1) sed -i "s/^spec:/spec:\n  liveMigrationConfig:\n    progressTimeout: 21/" "$1" ;; esac'
edits 1
expect 'the reason' grep -q '^# Not accepted: .*spec.liveMigrationConfig is where hco.kubevirt.io/v1beta1 has the settings, not hco.kubevirt.io/v1' seen.2
expect 'where it goes' grep -q '^# Hint: .*spec.virtualization.liveMigrationConfig' seen.2
kept_has 'progressTimeout: 21'
editor 'case $n in 1) sed -i "s/progressTimeout:/progresTimeout:/" "$1" ;; esac'
edits 1
expect 'the reason' grep -q "^# Not accepted: line [0-9]*, column [0-9]*: spec.virtualization.liveMigrationConfig.progresTimeout: there is no setting" seen.2
expect 'the right one' grep -q "^# Hint: did you mean 'progressTimeout'" seen.2
editor 'case $n in 1) sed -i "s/bandwidthPerMigration: 1Mi/bandwidthPerMigration: 64MB/" "$1" ;; esac'
edits 1
expect 'the place' grep -q "^# Not accepted: line [0-9]*, column [0-9]*: spec.virtualization.liveMigrationConfig.bandwidthPerMigration: '\"64MB\"' is not valid" seen.2
expect 'what it means' grep -q "^# Hint: '64MB/s' is 64000000 bytes per second" seen.2
editor 'case $n in 1) sed -i "s/^spec:/spec:\\n  noSuchField: 1/" "$1" ;; esac'
edits 1
expect "the server's own reason, whole: $(grep Not seen.2)" grep -q '^# Not accepted: .*unknown field "spec.noSuchField"' seen.2
unchanged "$before"
printf 'apiVersion: hco.kubevirt.io/v1beta1\nkind: HyperConverged\nmetadata: {name: kubevirt-hyperconverged, namespace: %s}\nspec: {virtualization: {liveMigrationConfig: {progressTimeout: 22}}}\n' $ns >wrong.yaml
run kvmig apply -f wrong.yaml
expect_stderr_has virtualization
expect 'refused' [ "$status" -ne 0 ]
unchanged "$before"

test_case 'saved twice: the second one counts, as one change'
number=$(last_number)
editor 'to 23; sleep 0.1; to 24'
edits 0
is 24 "$(settings | jq .progressTimeout)"
is $((number + 1)) "$(last_number)"

test_case 'changed meanwhile: something else, both are kept; the same, the user is asked'
editor 'other "{\"network\":\"c\"}"; to 25'
edits 0
is '[25,"c"]' "$(settings | jq -c '[.progressTimeout, .network]')"
editor 'case $n in 1) other "{\"progressTimeout\":26}"; to 27 ;; esac'
edits 8
expect 'asked' grep -q 'Somebody else has changed the same meanwhile: spec.virtualization.liveMigrationConfig.progressTimeout' seen.2
kept_has 'progressTimeout: 27'
is 26 "$(settings | jq .progressTimeout)"

test_case 'no terminal, and no editor named'
before=$(version)
run kvmig config edit
expect_status 3
expect_stderr_has 'there is no terminal'
unchanged "$before"

test_case "the documents' procedure: the same object by kubectl edit and by kvmig config edit"
plain() {
	hco | jq -Sc '{spec, labels: .metadata.labels}'
}
editor 'sed -i "s/^\( *\)completionTimeoutPerGiB: .*/\1completionTimeoutPerGiB: 800/; s/^\( *\)progressTimeout: .*/\1progressTimeout: 150/; s/^\( *\)bandwidthPerMigration: .*/\1bandwidthPerMigration: 64Mi/; s/^\( *\)parallelMigrationsPerCluster: .*/\1parallelMigrationsPerCluster: 5/; s/^\( *\)parallelOutboundMigrationsPerNode: .*/\1parallelOutboundMigrationsPerNode: 2/" "$1"'
start=$(hco | jq -c '{spec}')
run env EDITOR=ed1 kubectl edit hyperconvergeds.v1.hco.kubevirt.io -n $ns kubevirt-hyperconverged
expect_status 0
plain >by-kubectl
bed_kubectl patch hyperconvergeds.v1.hco.kubevirt.io -n $ns kubevirt-hyperconverged --type merge -p "$start"
expect 'back at the start' [ "$(plain)" != "$(cat by-kubectl)" ]
edits 0
plain >by-kvmig
expect "$(diff by-kubectl by-kvmig)" cmp -s by-kubectl by-kvmig
expect 'as the documents have it' grep -q '"bandwidthPerMigration":"64Mi","completionTimeoutPerGiB":800' by-kvmig

test_case 'it is deleted meanwhile: it is not made again, and the text is kept'
editor "kubectl delete hyperconverged -n $ns kubevirt-hyperconverged >/dev/null; to 28"
edits 1
expect_stderr_has 'it was deleted while it was edited'
kept_has 'progressTimeout: 28'
expect 'gone' sh -c '! kubectl get hyperconverged -n openshift-cnv kubevirt-hyperconverged'

done_testing
