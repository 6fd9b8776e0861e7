#!/bin/sh
# config lint and config diff on the real API server, with each object that may own the settings. What their operators
# would make of them is written by the test.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
bed_up
bed_manager
bed_kubevirt 1.9
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG

reasons() {
	jq -r '[.items[].reason | ltrimstr("KVMIG-LINT-CONFIG-")] | join(" ")' "$out"
}
expect_reasons() { # REASON…, one word
	expect "found: $(reasons)" test "$(reasons)" = "$1"
}
lint() {
	run kvmig config lint -o json
}
# What HyperConverged would make of its object: field for field, as far as there is a HyperConverged.
reconcile() {
	[ -n "${ns:-}" ] || return 0
	kubectl get hyperconverged -n "$ns" kubevirt-hyperconverged -o json |
		jq '[{op: "replace", path: "/spec/configuration/migrations", value: (.spec.virtualization.liveMigrationConfig // .spec.liveMigrationConfig)}]' >made
	bed_kubectl patch kubevirt kubevirt -n kubevirt --type json --patch-file made
}
# What a finding names as its fix is typed as it stands; then the finding is gone.
mend() { # REASON
	fix=$(jq -r "first(.items[] | select(.reason == \"KVMIG-LINT-CONFIG-$1\") | .fix)" "$out")
	expect "a fix for $1" test -n "$fix"
	run sh -c "$fix"
	expect_status 0
	reconcile
	lint
	expect "$1 is still there after: $fix" test -z "$(jq -r --arg fix "$fix" '.items[] | select(.fix == $fix) | .reason' "$out")"
}
set_only() { # KEY=VALUE…
	kvmig config preset default -q 2>/dev/null
	kvmig config set -q "$@" 2>/dev/null
	reconcile
	lint
}

# ---- KubeVirt alone ----

test_case 'KubeVirt alone: its defaults'
lint
expect_status 1
expect_reasons NO-CAP
mend NO-CAP
expect_status 0

test_case 'KubeVirt alone: post-copy takes workload disruption with it, unless somebody says no'
set_only parallelOutboundMigrationsPerNode=1 bandwidthPerMigration=64Mi allowPostCopy=true
expect_status 0
set_only parallelOutboundMigrationsPerNode=1 bandwidthPerMigration=64Mi allowPostCopy=true allowWorkloadDisruption=false
expect_reasons POST-COPY-ALONE
mend POST-COPY-ALONE
expect_status 0

test_case 'KubeVirt alone: its own count of the time'
set_only parallelOutboundMigrationsPerNode=1 completionTimeoutPerGiB=157
expect_reasons TIMEOUT-LONG
expect_json '.items[0].message' 'a VM of 64 GiB that does not converge is copied for 3h01m before it is cancelled'
mend TIMEOUT-LONG

test_case 'KubeVirt alone: maxDowntimeMs behind a gate'
set_only parallelOutboundMigrationsPerNode=1 maxDowntimeMs=500
expect_reasons GATED
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p \
	'{"spec":{"configuration":{"developerConfiguration":{"featureGates":["MigrationStallDetection"]}}}}'
lint
expect_status 0
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec":{"configuration":{"developerConfiguration":null}}}'
lint
mend GATED
expect_status 0

test_case 'KubeVirt alone: progressTimeout, which stall detection does not ask for'
set_only parallelOutboundMigrationsPerNode=1 progressTimeout=60
expect_status 0
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p \
	'{"spec":{"configuration":{"developerConfiguration":{"featureGates":["MigrationStallDetection"]}}}}'
lint
expect_reasons NO-EFFECT
expect_json '.items[0].key' progressTimeout
mend NO-EFFECT
expect_status 0
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec":{"configuration":{"developerConfiguration":null}}}'

test_case 'what KubeVirt takes and cannot obey'
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec":{"configuration":{"migrations":{"completionTimeoutPerGiB":-1}}}}'
lint
expect_reasons INVALID
mend INVALID
expect_status 0

test_case 'a limit of 0'
set_only parallelOutboundMigrationsPerNode=1 parallelMigrationsPerCluster=0
expect_reasons LIMIT-ZERO
mend LIMIT-ZERO

test_case 'migrations under way that keep what they began with'
set_only parallelOutboundMigrationsPerNode=1 bandwidthPerMigration=64Mi
begin() { # NAME BANDWIDTH
	bed_kubectl create -f - <<-END
		apiVersion: kubevirt.io/v1
		kind: VirtualMachineInstance
		metadata: {name: vm-$1, namespace: default}
		spec: {domain: {devices: {}}}
		---
		apiVersion: kubevirt.io/v1
		kind: VirtualMachineInstanceMigration
		metadata: {name: $1, namespace: default}
		spec: {vmiName: vm-$1}
	END
	uid=$(kubectl get vmim "$1" -o 'jsonpath={.metadata.uid}')
	bed_kubectl patch vmim "$1" --subresource status --type merge -p '{"status":{"phase":"Running"}}'
	bed_kubectl patch vmi "vm-$1" --type merge -p "{\"status\":{\"migrationState\":{\"migrationUid\":\"$uid\",
		\"migrationConfiguration\":{\"bandwidthPerMigration\":\"$2\",\"completionTimeoutPerGiB\":150}}}}"
}
begin old 1Mi
begin new 64Mi
lint
expect_reasons IN-FLIGHT
expect_json '.items[0] | "\(.namespace)/\(.migration) \(.evidence[0].inMigration) \(.evidence[0].text)"' 'default/old 1 MiB/s 64 MiB/s'
fix=$(jq -r '.items[0].fix' "$out")
run sh -c "$fix --no-wait"
expect_status 0
lint
expect_status 0
bed_kubectl delete vmim new

test_case 'no right to list migrations: the rest is looked at, and that is said'
bed_kubectl create clusterrole kubevirts --verb get,list --resource kubevirts.kubevirt.io
bed_kubectl create clusterrolebinding kubevirts --clusterrole kubevirts --user carol
set_only completionTimeoutPerGiB=800 bandwidthPerMigration=64Mi
run as carol kvmig config lint -o json
expect_status 1
expect_reasons TIMEOUT-LONG
expect_stderr_has 'the migrations of all namespaces cannot be listed with your rights'

test_case 'diff: a KubeVirt of another cluster, and back'
kubectl get kubevirt -n kubevirt kubevirt -o yaml >kubevirt.yaml
run kvmig config diff kubevirt.yaml
expect_status 0
set_only progressTimeout=60 allowPostCopy=true
run kvmig config diff kubevirt.yaml -o json
expect_status 1
expect_json '[.items[] | "\(.key) \(.here.text) \(.there.text)"] | join(", ")' \
	'bandwidthPerMigration unlimited 64 MiB/s, completionTimeoutPerGiB 150 s/GiB 800 s/GiB, progressTimeout 60 s 150 s, allowPostCopy true false, allowWorkloadDisruption true false'
match() { # FILE|CONTEXT: what the hints say, typed as it stands
	sed -n "s/^hint: '\(kvmig .*config .*\)' makes this one like the other\$/\1/p" "$err" >commands
	expect 'a hint' test -s commands
	run sh -e commands
	expect_status 0
	reconcile
	run kvmig config diff "$1"
	expect_status 0
}
match kubevirt.yaml
kvmig config preset default -q 2>/dev/null

# ---- HyperConverged before 1.19 ----

hyperconverged() { # VERSION CONFIG: as a manifest
	case $1 in
	v1) spec="{virtualization: {liveMigrationConfig: {$2}}}" ;;
	*) spec="{liveMigrationConfig: {$2}}" ;;
	esac
	printf 'apiVersion: hco.kubevirt.io/%s\nkind: HyperConverged\nmetadata: {name: kubevirt-hyperconverged, namespace: openshift-cnv}\nspec: %s\n' "$1" "$spec"
}
bed_hco v1beta1
ns=openshift-cnv
bed_kubectl create namespace $ns
hyperconverged v1beta1 '' >hco.yaml
bed_kubectl apply -f hco.yaml
reconcile

test_case 'HyperConverged up to 1.18: what the upgrade will rewrite'
lint
expect_reasons 'NO-CAP REWRITTEN'
expect_json '.items[1].evidence[0] | "\(.text) \(.origin)"' '150 s/GiB CRD default'
mend REWRITTEN
mend NO-CAP
expect_status 0

test_case 'HyperConverged up to 1.18: post-copy, as KubeVirt has it'
set_only allowPostCopy=true bandwidthPerMigration=64Mi parallelOutboundMigrationsPerNode=1 completionTimeoutPerGiB=20
expect_status 0

test_case 'HyperConverged: the recipe for heavy workloads, and what the documents advise with it'
kvmig config preset heavy-workload -q 2>/dev/null
kvmig config set -q completionTimeoutPerGiB=120 2>/dev/null
reconcile
lint
expect_reasons POST-COPY-NO-CAP
kvmig config set -q network=migration 2>/dev/null
reconcile
lint
expect_status 0
kvmig config set -q parallelOutboundMigrationsPerNode=2 parallelMigrationsPerCluster=20 2>/dev/null
reconcile
lint
expect_reasons HEAVY-PARALLEL
mend HEAVY-PARALLEL
expect_status 0
kvmig config unset -q network 2>/dev/null
reconcile
lint
mend POST-COPY-NO-CAP
expect_status 0

test_case 'the annotation decides: the fix leads there'
set_only parallelOutboundMigrationsPerNode=1 bandwidthPerMigration=64Mi completionTimeoutPerGiB=20
bed_kubectl annotate hyperconverged -n $ns kubevirt-hyperconverged \
	'kubevirt.kubevirt.io/jsonpatch=[{"op": "add", "path": "/spec/configuration/migrations/maxDowntimeMs", "value": 500}]'
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec":{"configuration":{"migrations":{"maxDowntimeMs":500}}}}'
lint
expect_reasons GATED
expect_json '.items[0].fix' 'kvmig --context kube/bed config edit'
cat >edit-annotation <<'END'
#!/bin/sh
sed -i '/jsonpatch/d' "$1"
END
chmod +x edit-annotation
EDITOR=$PWD/edit-annotation
export EDITOR
mend GATED
expect_status 0

test_case 'diff: HyperConverged, what the server put in counts as neither'
hyperconverged v1beta1 'bandwidthPerMigration: 64Mi, parallelOutboundMigrationsPerNode: 1, completionTimeoutPerGiB: 20' >same.yaml
run kvmig config diff same.yaml
expect_status 0
hyperconverged v1beta1 'parallelMigrationsPerCluster: 5, progressTimeout: 60' >other.yaml
run kvmig config diff other.yaml -o json
expect_status 1
expect_json '[.items[].key] | join(" ")' 'bandwidthPerMigration completionTimeoutPerGiB parallelOutboundMigrationsPerNode progressTimeout'
run kvmig config diff other.yaml
match other.yaml

# ---- HyperConverged 1.19 ----

bed_kubectl delete hyperconverged -n $ns kubevirt-hyperconverged
bed_hco v1
bed_kubectl apply -f hco.yaml
reconcile
# The server publishes the schema of a new version a moment later.
has_schema() {
	kubectl get --raw /openapi/v3/apis/hco.kubevirt.io/v1 | grep -q allowWorkloadDisruption
}
expect 'the schema' wait_for has_schema

test_case 'HyperConverged 1.19: nothing to say against its defaults'
lint
expect_status 0

test_case 'HyperConverged 1.19: post-copy alone does nothing'
set_only allowPostCopy=true bandwidthPerMigration=128Mi
expect_reasons POST-COPY-ALONE
expect_json '.items[0].evidence | map("\(.key)=\(.text) \(.origin)") | join(", ")' \
	'allowPostCopy=true HyperConverged, allowWorkloadDisruption=false CRD default'
mend POST-COPY-ALONE
expect_status 0

test_case 'HyperConverged 1.19: over before one pass'
set_only bandwidthPerMigration=32Mi
expect_reasons TIMEOUT-SHORT
mend TIMEOUT-SHORT
expect_status 0

test_case 'HyperConverged 1.19: 150 is a value as any other'
set_only completionTimeoutPerGiB=150
expect_status 0

test_case 'diff: v1, by a manifest of either version'
set_only progressTimeout=60
for version in v1 v1beta1; do
	hyperconverged $version 'progressTimeout: 60' >same.yaml
	run kvmig config diff same.yaml
	expect_status 0
	hyperconverged $version 'progressTimeout: 61, disableTLS: true' >other.yaml
	run kvmig config diff other.yaml -o json
	expect_status 1
	expect_json '[.items[] | "\(.key) \(.difference)"] | join(", ")' 'progressTimeout value, disableTLS value'
	expect_json '.items[1].note | test("has no field disableTLS")' true
done

test_case 'diff: an object as the server shows it, and of the other kind'
kubectl get hyperconverged -n $ns kubevirt-hyperconverged -o json >object.json
run kvmig config diff object.json
expect_status 0
kubectl get kubevirt,hyperconverged -A -o yaml >all.yaml
run kvmig config diff all.yaml
expect_status 0

test_case 'diff: two contexts'
bed_kubeconfig admin two.kubeconfig
sed -i 's/^- name: bed$/&/; s/^contexts:$/contexts:\n- name: same\n  context: {cluster: bed, user: admin}\n- name: away\n  context: {cluster: away, user: admin}/
	s/^clusters:$/clusters:\n- name: away\n  cluster: {server: "https:\/\/127.0.0.1:1"}/' two.kubeconfig
run kvmig --kubeconfig two.kubeconfig config diff same
expect_status 0
expect_stderr_has 'there: kube/same, HyperConverged'
run kvmig --kubeconfig two.kubeconfig config diff away
expect_status 5
expect_no_stdout
run kvmig --kubeconfig two.kubeconfig config diff nowhere
expect_status 2

test_case 'diff: here nothing may be read'
run as bob kvmig config diff object.json
expect_status 0
expect_stderr_has 'which settings HyperConverged has cannot be read'

done_testing
