#!/bin/sh
# Cluster-wide settings on the real API server: which object owns them, in which version, what is in force and where it
# comes from. HyperConverged's operator does not run here: what it would make of its object is written by the test, and
# proves nothing about HyperConverged.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
bed_up
bed_manager
bed_kubevirt 1.9
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG

stored() { # KEY
	kubectl get hyperconverged -n "$ns" kubevirt-hyperconverged -o json | jq -c ".spec.liveMigrationConfig.$1"
}

origin() { # KEY
	kvmig config view "$1" -o json 2>/dev/null | jq -r '.items[0] | "\(.text), \(.origin), \(.default)"'
}

is() { # WANTED HAVE
	expect "'$2' instead of '$1'" test "$1" = "$2"
}

# The documents' procedure, once with kubectl edit and once with kvmig config edit: the same object.
cat >recipe <<'END'
#!/bin/sh
for pair in bandwidthPerMigration:64Mi completionTimeoutPerGiB:800 parallelMigrationsPerCluster:5 \
	parallelOutboundMigrationsPerNode:2 progressTimeout:150 allowPostCopy:true; do
	sed -i "s/^\( *${pair%:*}:\) .*/\1 ${pair#*:}/" "$1"
done
END
chmod +x recipe
same_by_both() { # PATH NAMESPACE/NAME RESOURCE
	before='{"bandwidthPerMigration": "1Mi", "completionTimeoutPerGiB": 1, "parallelMigrationsPerCluster": 1,
		"parallelOutboundMigrationsPerNode": 9, "progressTimeout": 1, "allowPostCopy": false}'
	for by in kubectl kvmig; do
		bed_kubectl patch "$3" -n "${2%/*}" "${2#*/}" --type json \
			-p "[{\"op\": \"add\", \"path\": \"$1\", \"value\": $before}]"
		case $by in
		kubectl) run env KUBE_EDITOR="$work/recipe" kubectl edit "$3" -n "${2%/*}" "${2#*/}" ;;
		kvmig) run env KUBE_EDITOR="$work/recipe" kvmig config edit ;;
		esac
		expect_status 0
		kubectl get "$3" -n "${2%/*}" "${2#*/}" -o json | jq -Sc '{spec, labels: .metadata.labels}' >"by-$by"
	done
	expect "$(diff by-kubectl by-kvmig)" cmp -s by-kubectl by-kvmig
	expect "$(cat by-kvmig)" grep -q '"allowPostCopy":true.*"bandwidthPerMigration":"64Mi","completionTimeoutPerGiB":800' by-kvmig
	run kvmig config preset default
	expect_status 0
}

# ---- no HyperConverged: the KubeVirt object ----

test_case 'KubeVirt alone: compiled defaults'
run kvmig config view
expect_status 0
expect_stderr_has "KubeVirt 'kubevirt/kubevirt' (kubevirt.io/v1) owns the settings"
is '150 s/GiB, default, 150 s/GiB' "$(origin completionTimeoutPerGiB)"
is '2, default, 2' "$(origin parallelOutboundMigrationsPerNode)"
is '900 ms, default, 900 ms' "$(origin maxDowntimeMs)"

test_case 'KubeVirt alone: the budget of its code, beside the documents'
expect_stdout_has 'a 6 GiB VM: cancelled after 1050 s (the documents say 900 s)'

test_case 'KubeVirt alone: set, unset, undo'
run kvmig config set bandwidthPerMigration=64MiB/s progressTimeout=60
expect_status 0
is '64 MiB/s, KubeVirt, unlimited' "$(origin bandwidthPerMigration)"
is '{"bandwidthPerMigration":"64Mi","progressTimeout":60}' \
	"$(kubectl get kubevirt -n kubevirt kubevirt -o json | jq -Sc .spec.configuration.migrations)"
run kvmig config history -o json
expect_json '.items[-1].by' admin
run kvmig config undo
expect_status 0
is '{}' "$(kubectl get kubevirt -n kubevirt kubevirt -o json | jq -Sc .spec.configuration.migrations)"

test_case "KubeVirt alone: the documents' procedure, by kubectl edit and by kvmig config edit"
same_by_both /spec/configuration/migrations kubevirt/kubevirt kubevirt

cat >kubevirt.yaml <<END
apiVersion: kubevirt.io/v1
kind: KubeVirt
metadata: {name: kubevirt, namespace: kubevirt}
spec: {configuration: {migrations: {progressTimeout: 33}}}
END
test_case 'KubeVirt alone: it is the owner, and may be applied and edited'
run kvmig apply -f kubevirt.yaml
expect_status 0
run kvmig config unset progressTimeout
expect_status 0

test_case 'KubeVirt alone: stall detection switches to post-copy without workload disruption; gates of maxDowntimeMs'
gates() {
	bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p "{\"spec\":{\"configuration\":{\"developerConfiguration\":{\"featureGates\":$1}}}}"
}
run kvmig config set allowPostCopy=true allowWorkloadDisruption=false maxDowntimeMs=500
expect_status 0
run kvmig config view allowPostCopy completionTimeoutPerGiB maxDowntimeMs progressTimeout
expect_stdout_has 'cancelled after 150 s without progress'
expect_stdout_has 'does nothing: allowWorkloadDisruption is false'
expect_stdout_has 'a 6 GiB VM: cancelled after 1050 s'
expect_stdout_has 'does nothing without the feature gate MigrationStallDetection or'
gates '["MigrationStallDetection"]'
run kvmig config view allowPostCopy completionTimeoutPerGiB maxDowntimeMs
expect_stdout_has 'out of time: switched to post-copy'
expect_stdout_has 'a 6 GiB VM: switched to post-copy after 1050 s'
expect 'no more' sh -c '! grep "does nothing" "$1"' sh "$out"
run kvmig config view progressTimeout
expect_stdout_has 'does nothing: the feature gate MigrationStallDetection is on'
gates null
run kvmig config undo
expect_status 0

test_case 'KubeVirt alone: allowWorkloadDisruption follows allowPostCopy'
is 'false, default, false' "$(origin allowWorkloadDisruption)"
run kvmig config set allowPostCopy=true
is 'true, default, true' "$(origin allowWorkloadDisruption)"
run kvmig config view allowPostCopy
expect_stdout_has 'out of time: switched to post-copy'
run kvmig config unset allowPostCopy

test_case 'KubeVirt alone: the preset, and what it changes of workload disruption'
# shellcheck disable=SC2086 # words or none
for dry in '--dry-run --read-only' ''; do
	run kvmig config preset heavy-workload $dry
	expect_status 0
	expect_stderr_has 'allowWorkloadDisruption: false (default) -> true'
	run kvmig config preset heavy-workload $dry --no-disruption
	expect_stderr_lacks 'it fires only with'
done
run kvmig config preset default
expect_stderr_has 'allowWorkloadDisruption: true -> false (default)'

test_case 'KubeVirt alone: its rounding of a cap'
run kvmig config set bandwidthPerMigration=100M
expect_stderr_has '100000000 bytes/s, 0.8 Gbit/s; applied as 95 MiB/s'
run kvmig config view bandwidthPerMigration
expect_stdout_has 'applied as 95 MiB/s'
run kvmig config set bandwidthPerMigration=1k
expect_stderr_has 'applied as 1 MiB/s'
run kvmig config unset bandwidthPerMigration

test_case 'a key that is only kvmig has'
run kvmig config set parallelInboundMigrationsPerNode=1
expect_status 1
expect_stderr_has 'has no field parallelInboundMigrationsPerNode'
expect_stderr_has 'for clusters that kvmig itself runs'

run kvmig config view parallelInboundMigrationsPerNode -o json
expect_status 0
expect_json '.items[0] | [.text, .count, .origin, .default, .note] | map(tostring) | join(" ")' \
	'null null null null clusters of this kind have no such setting'

test_case 'within the range, and beyond it'
run kvmig config set maxDowntimeMs=2000000 --dry-run=server
expect_status 0
run kvmig config set maxDowntimeMs=2000001
expect_status 2

# ---- HyperConverged v1beta1 only ----

bed_hco v1beta1
ns=openshift-cnv
bed_kubectl create namespace $ns
cat >hco.yaml <<END
apiVersion: hco.kubevirt.io/v1beta1
kind: HyperConverged
metadata: {name: kubevirt-hyperconverged, namespace: $ns}
spec: {liveMigrationConfig: {progressTimeout: 99}}
END
bed_kubectl apply -f hco.yaml

test_case 'HyperConverged, in whichever namespace'
run kvmig config view
expect_status 0
expect_stderr_has "HyperConverged 'openshift-cnv/kubevirt-hyperconverged' (hco.kubevirt.io/v1beta1) owns the settings"
run kvmig config set completionTimeoutPerGiB=800
expect_status 0
is 800 "$(stored completionTimeoutPerGiB)"
is '{}' "$(kubectl get kubevirt -n kubevirt kubevirt -o json | jq -Sc .spec.configuration.migrations)"

test_case 'what the operator has not made of it yet is told, and KubeVirt has what is in force'
run kvmig config view completionTimeoutPerGiB
expect_stderr_has 'HyperConverged has 800 s/GiB, KubeVirt has not got it yet'
is '150 s/GiB, default, 150 s/GiB' "$(origin completionTimeoutPerGiB | sed 's/, [^,]*$/, 150 s\/GiB/')"

test_case 'in the KubeVirt object, which HyperConverged would revert, nothing is changed'
kubevirt_version() {
	kubectl get kubevirt -n kubevirt kubevirt -o json | jq -r .metadata.resourceVersion
}
before=$(kubevirt_version)
run kvmig apply -f kubevirt.yaml --force-conflicts
expect_status 3
expect_stderr_has "'kubevirt.yaml', line 4, column 24: spec.configuration.migrations: HyperConverged 'openshift-cnv/kubevirt-hyperconverged'"
expect_stderr_has 'would revert what is changed in the KubeVirt object'
expect_stderr_has "config set KEY=VALUE' or"
is "$before" "$(kubevirt_version)"
cat >tamper <<'END'
#!/bin/sh
cp "$1" seen
sed -i 's/migrations: {}/migrations: {progressTimeout: 34}/' "$1"
END
chmod +x tamper
run env EDITOR="$work/tamper" kvmig edit kubevirt -n kubevirt kubevirt
expect_status 1
expect 'told in the text' grep -q '^# Not accepted: .*owns these settings' seen
kept=$(sed -n 's/.*what was saved is kept in \([^;]*\).*/\1/p' "$err")
expect "kept: '$kept'" grep -q 'progressTimeout: 34' "$kept"
rm -rf "${kept%/*}"
is "$before" "$(kubevirt_version)"
bed_kubectl create clusterrole kubevirt-admins --verb '*' --resource kubevirts.kubevirt.io
bed_kubectl create clusterrolebinding kubevirt-admins --clusterrole kubevirt-admins --user bob
run as bob kvmig apply -f kubevirt.yaml --force-conflicts
expect_status 3
expect_stderr_has 'HyperConverged owns these settings'
is "$before" "$(kubevirt_version)"

test_case 'what is not about the settings may be changed there'
printf '#!/bin/sh\nsed -i "s/^spec:/spec:\\n  imagePullPolicy: Always/" "$1"\n' >tamper
run env EDITOR="$work/tamper" kvmig edit kubevirt -n kubevirt kubevirt
expect_status 0
is Always "$(kubectl get kubevirt -n kubevirt kubevirt -o json | jq -r .spec.imagePullPolicy)"

test_case "HyperConverged v1beta1: the documents' procedure, by kubectl edit and by kvmig config edit"
same_by_both /spec/liveMigrationConfig $ns/kubevirt-hyperconverged hyperconvergeds.v1beta1.hco.kubevirt.io
bed_kubectl patch hyperconverged -n $ns kubevirt-hyperconverged --type merge -p '{"spec":{"liveMigrationConfig":{"progressTimeout":99,"completionTimeoutPerGiB":800}}}'

test_case 'reconciled: HyperConverged, and what its CRD puts in'
bed_reconcile
is 'HyperConverged' "$(origin completionTimeoutPerGiB | cut -d ' ' -f 3 | tr -d ,)"
is '99 s, HyperConverged, 150 s' "$(origin progressTimeout)"
is '5, CRD default, 5' "$(origin parallelMigrationsPerCluster)"

test_case 'unset: the default of the CRD is back'
run kvmig config unset progressTimeout
expect_status 0
is 150 "$(stored progressTimeout)"
bed_reconcile
is '150 s, CRD default, 150 s' "$(origin progressTimeout)"

test_case 'unset again: nothing to do, and undo still knows what was there'
run kvmig config unset progressTimeout
expect_status 0
expect_stderr_has 'nothing to change'
run kvmig config undo
expect_status 0
is 99 "$(stored progressTimeout)"
run kvmig config unset progressTimeout
bed_reconcile

test_case 'a key that HyperConverged does not hand on'
run kvmig config set disableTLS=true
expect_status 1
expect_stderr_has 'has no field disableTLS'
expect_stderr_has 'kubevirt.kubevirt.io/jsonpatch'

test_case 'the jsonpatch annotation decides'
bed_kubectl annotate hyperconverged -n $ns kubevirt-hyperconverged \
	'kubevirt.kubevirt.io/jsonpatch=[{"op": "add", "path": "/spec/configuration/migrations/disableTLS", "value": true}]'
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec":{"configuration":{"migrations":{"disableTLS":true}}}}'
is 'true, jsonpatch, false' "$(origin disableTLS)"
run kvmig config view disableTLS
expect_stderr_has 'the annotation kubevirt.kubevirt.io/jsonpatch decides'

test_case 'the jsonpatch annotation decides: who sets the key is told'
bed_kubectl annotate --overwrite hyperconverged -n $ns kubevirt-hyperconverged \
	'kubevirt.kubevirt.io/jsonpatch=[{"op": "add", "path": "/spec/configuration", "value": {"migrations": {"progressTimeout": 7}}}]'
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec":{"configuration":{"migrations":{"progressTimeout":7}}}}'
is '7 s, jsonpatch, 150 s' "$(origin progressTimeout)"
run kvmig config set progressTimeout=60
expect_status 0
expect_stderr_has 'progressTimeout: the annotation kubevirt.kubevirt.io/jsonpatch of HyperConverged decides'
run kvmig config undo
bed_kubectl annotate hyperconverged -n $ns kubevirt-hyperconverged kubevirt.kubevirt.io/jsonpatch-
bed_reconcile

test_case 'edit: a value and all annotations in one save'
bed_kubectl annotate --overwrite hyperconverged -n $ns kubevirt-hyperconverged \
	'kubevirt.kubevirt.io/jsonpatch=[{"op": "add", "path": "/spec/configuration/migrations/progressTimeout", "value": 7}]'
cat >drop <<'END'
#!/bin/sh
awk '/^  annotations:/ { gone = 1; next } gone && /^    / { next } { gone = 0; print }' "$1" >edited
sed 's/progressTimeout: .*/progressTimeout: 61/' edited >"$1"
END
chmod +x drop
run env EDITOR="$work/drop" kvmig config edit
expect_status 0
is 61 "$(stored progressTimeout)"
is '["kvmig.io/config-history"]' \
	"$(kubectl get hyperconverged -n $ns kubevirt-hyperconverged -o json | jq -c '.metadata.annotations | keys')"
run kvmig config undo
expect_status 0
bed_reconcile

test_case 'a preset: values of the documents, as the server stores them'
run kvmig config preset heavy-workload
expect_status 0
expect_stderr_has 'allowWorkloadDisruption: left out, this release does not have it'
expect_stderr_lacks 'it fires only with'
is '["0Mi",150,5,1,150,true]' "$(kubectl get hyperconverged -n $ns kubevirt-hyperconverged -o json | jq -c '.spec.liveMigrationConfig |
	[.bandwidthPerMigration, .completionTimeoutPerGiB, .parallelMigrationsPerCluster, .parallelOutboundMigrationsPerNode,
	.progressTimeout, .allowPostCopy]')"
run kvmig config preset default
expect_status 0

test_case 'eight writers at once lose nothing'
rm -f lost
writers=
for key in progressTimeout completionTimeoutPerGiB parallelMigrationsPerCluster parallelOutboundMigrationsPerNode; do
	(for n in 1 2 3 4 5 6; do kvmig config set -q "$key=$n" >/dev/null 2>"err-$key" || cat "err-$key" >>lost; done) &
	writers="$writers $!"
	(for n in 1 2 3 4 5 6; do kvmig config set -q network=n$n >/dev/null 2>"err-n-$key" || cat "err-n-$key" >>lost; done) &
	writers="$writers $!"
done
# shellcheck disable=SC2086 # words
wait $writers
[ ! -e lost ] || cat lost
expect 'none was refused' test ! -e lost
is '[6,6,6,6,"n6"]' "$(kubectl get hyperconverged -n $ns kubevirt-hyperconverged -o json | jq -c '.spec.liveMigrationConfig |
	[.completionTimeoutPerGiB, .parallelMigrationsPerCluster, .parallelOutboundMigrationsPerNode, .progressTimeout, .network]')"

test_case 'an annotation that is no patch is not passed over'
for patch in '{"op": "add"}' '"x"' '[{'; do
	bed_kubectl annotate --overwrite hyperconverged -n $ns kubevirt-hyperconverged "kubevirt.kubevirt.io/jsonpatch=$patch"
	run kvmig config view
	expect_status 0
	expect_stderr_has 'warning: the annotation kubevirt.kubevirt.io/jsonpatch is no'
done
bed_kubectl annotate hyperconverged -n $ns kubevirt-hyperconverged kubevirt.kubevirt.io/jsonpatch-

# ---- who may not ----

test_case 'no right to read HyperConverged: what is in force, and what could not be read'
bed_kubectl create clusterrole kubevirts --verb get,list --resource kubevirts.kubevirt.io
bed_kubectl create clusterrolebinding kubevirts --clusterrole kubevirts --user carol
run as carol kvmig config view
expect_status 0
expect_stderr_has 'which settings HyperConverged has cannot be read'
run as carol kvmig config set progressTimeout=5
expect_status 7
expect_stderr_has 'hint: written into the KubeVirt object they would be reverted'
expect_stderr_has 'list and patch hyperconvergeds.hco.kubevirt.io is needed, and an admin can grant it'
expect 'said once' test "$(grep -c 'cannot be read' "$err")" -eq 1

test_case 'may read, may not write'
bed_kubectl create clusterrole hcos --verb get,list --resource hyperconvergeds.hco.kubevirt.io
bed_kubectl create clusterrolebinding hcos --clusterrole hcos --user carol
run as carol kvmig config set progressTimeout=5
expect_status 7
expect_stderr_has 'patch'

# ---- both versions, v1 stored ----

test_case 'stored as v1: read and written there'
bed_kubectl delete hyperconverged -n $ns kubevirt-hyperconverged
bed_hco v1
bed_kubectl apply -f hco.yaml
run kvmig config view
expect_status 0
expect_stderr_has "(hco.kubevirt.io/v1) owns the settings"
run kvmig config set allowPostCopy=true
expect_stderr_has 'it fires only with allowWorkloadDisruption=true'
run kvmig config set completionTimeoutPerGiB=77
expect_status 0
is 77 "$(kubectl get hyperconvergeds.v1.hco.kubevirt.io -n $ns kubevirt-hyperconverged -o json | jq .spec.virtualization.liveMigrationConfig.completionTimeoutPerGiB)"

test_case 'edit what is stored as v1, and undo it'
cat >change <<'END'
#!/bin/sh
sed -i 's/completionTimeoutPerGiB: 77/completionTimeoutPerGiB: 78/' "$1"
END
chmod +x change
EDITOR=$PWD/change
export EDITOR
run kvmig config edit
expect_status 0
run kvmig config history -o json
expect_json '.items[-1] | "\(.how) \(.changes.completionTimeoutPerGiB.before) \(.changes.completionTimeoutPerGiB.after)"' 'edit 77 78'
run kvmig config undo
expect_status 0
run kvmig config view completionTimeoutPerGiB -o json
expect_json '.items[0].note' 'HyperConverged has 77 s/GiB, KubeVirt has not got it yet'

done_testing
