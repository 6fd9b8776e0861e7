#!/bin/sh
# Policies that are wrong: what is said of each, and that nothing is stored; lint's fixes, each run as it stands.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
put() { "$build/tests/cli/put-object" local; }
mkdir policies
run kvmig node add n1 --uri "qemu+unix:///system?socket=$work/none"

nothing_stored() {
	run kvmig policy list -o name
	expect_no_stdout
}

# ---- create ----

test_case 'labels: which part is wrong'
long=$(printf '%064d' 0)
while IFS="|" read -r option label what; do
	run kvmig policy create p "--$option" "$label"
	expect_status 2
	expect_stderr_has "--$option: "
	expect_stderr_has "$what"
done <<END
vm-label|a b=c|label key 'a b'
vm-label|-a=c|label key '-a'
vm-label|a/b/c=d|label key 'a/b/c'
vm-label|/b=c|label key '/b'
vm-label|A_b.io/k=c|label key 'A_b.io/k' has a prefix that is not a DNS name
vm-label|a.io/=c|label key 'a.io/'
vm-label|$long=c|label key '00000
vm-label|a=b c|label value 'b c'
vm-label|a=-b|label value '-b'
vm-label|a=$long|label value '00000
project-label|a=b/c|label value 'b/c'
project-label|a|'a' is not of the form key=value
vm-label|=b|label key ''
vm-label|a=1,a=2|'a' is there twice
END
run kvmig policy create p --vm-label a=1 --vm-label a=2
expect_status 2
expect_stderr_has "label key 'a' is there twice"
nothing_stored

test_case 'names'
for name in Gold gold_1 -gold gold- 'a b' a..b "$(printf '%0254d' 0)"; do
	run kvmig policy create --vm-label a=b -- "$name"
	expect_status 2
	expect_stderr_has 'policy name'
done
nothing_stored

test_case 'values: negative, too large, of the wrong kind, of the whole cluster'
while IFS="|" read -r set what; do
	run kvmig policy create p --vm-label a=b --set "$set"
	expect_status 2
	expect_stderr_has "--set: "
	expect_stderr_has "$what"
done <<END
completionTimeoutPerGiB=-1|completionTimeoutPerGiB: '-1'
bandwidthPerMigration=-1Mi|bandwidthPerMigration: '-1Mi'
bandwidthPerMigration=fast|bandwidthPerMigration: 'fast'
maxDowntimeMs=0|maxDowntimeMs: '0'
maxDowntimeMs=2000001|maxDowntimeMs: '2000001'
allowPostCopy=1|allowPostCopy: '1'
experimental.stallDetector.stallMargin=-1|stallMargin
experimental.compression=lz4|experimental.compression
progressTimeout=1|it holds for the whole cluster: kvmig config set progressTimeout=VALUE
bandwith=1|a policy has no field 'bandwith'
allowPostCopy|is not KEY=VALUE
END
run kvmig policy create p --vm-label a=b --set allowPostcopy=true
expect_stderr_has 'did you mean '\''allowPostCopy'\''?'
nothing_stored

test_case 'files: booleans that were not quoted, unknown fields, no selectors; each with its place'
while IFS="|" read -r spec what; do
	printf 'apiVersion: migrations.kubevirt.io/v1alpha1\nkind: MigrationPolicy\nmetadata: {name: p}\nspec: %s\n' "$spec" >policies/bad.yaml
	run kvmig policy create p --from policies/bad.yaml
	expect_status 1
	expect_stderr_has "'policies/bad.yaml', line 4, column "
	expect_stderr_has "$what"
done <<END
{selectors: {namespaceSelector: {hpc-workloads: true}}}|spec.selectors.namespaceSelector.hpc-workloads: must be a string: quote it, as in "true"
{selectors: {virtualMachineInstanceSelector: {a: 1}}}|quote it, as in "1"
{selectors: {virtualMachineInstanceSelector: {a: 2.5}}}|quote it, as in "2.5"
{selectors: {virtualMachineInstanceSelector: {a: null}}}|spec.selectors.virtualMachineInstanceSelector
{selectors: {virtualMachineInstanceSelector: [a]}}|spec.selectors.virtualMachineInstanceSelector
{selectors: {virtualMachineInstanceSelector: {a b: c}}}|label key 'a b'
{selectors: {namespaceSelector: {a: b c}}}|label value 'b c'
{selectors: {matchLabels: {a: b}}}|spec.selectors.matchLabels: unknown field
{selectors: {}, bandwidth: 1Mi}|spec.bandwidth: unknown field
{selectors: {}, completionTimeoutPerGiB: -1}|spec.completionTimeoutPerGiB
{selectors: {}, bandwidthPerMigration: -5}|spec.bandwidthPerMigration
{selectors: {}, allowPostCopy: "true"}|spec.allowPostCopy
{allowPostCopy: true}|spec.selectors: is required
{selectors: null}|spec.selectors
END
nothing_stored

test_case 'a policy that exists stays as it is'
run kvmig policy create gold --vm-label tier=gold --set bandwidthPerMigration=1Gi
run kvmig policy create gold --vm-label tier=other
expect_status 8
expect_stderr_has "'gold' exists already"
expect_stderr_has "hint: 'kvmig policy show gold' shows it"
run kvmig policy show gold -o json
expect_json '.spec.selectors.virtualMachineInstanceSelector.tier' gold

# ---- edit by options ----

test_case 'edit by options: set, unset, unchanged'
run kvmig policy edit gold --set allowPostCopy=true --set experimental.stallDetector.stallMargin=4 --unset bandwidthPerMigration
expect_status 0
expect_stderr_has "policy 'gold' changed"
expect_stderr_has 'post-copy has no way back'
run kvmig policy show gold -o json
expect_json '.spec | del(.selectors) | tojson' '{"allowPostCopy":true,"experimental":{"stallDetector":{"stallMargin":4}}}'
run kvmig policy edit gold --unset experimental.stallDetector --unset maxDowntimeMs
run kvmig policy show gold -o json
expect_json '.spec.experimental | tojson' '{}'
run kvmig policy edit gold --set allowPostCopy=true
expect_stderr_has "policy 'gold' unchanged"

test_case 'edit by options: what is wrong'
run kvmig policy edit gold --unset bandwith
expect_status 2
expect_stderr_has "--unset: a policy has no field 'bandwith'"
run kvmig policy edit gold --unset selectors
expect_status 2
run kvmig policy edit gold --set maxDowntimeMs=0
expect_status 2
run kvmig policy edit nope --set allowPostCopy=true
expect_status 1
run kvmig policy edit gold --set experimental.stallDetector.stallMargin=4 --set experimental.downtimeTuning.steps=2
expect_status 1
expect_stderr_has "policy 'gold': spec.experimental: stallDetector and downtimeTuning exclude each other"
run kvmig policy edit gold --set allowPostCopy=false --read-only
expect_status 7
run kvmig policy delete gold

# ---- lint ----

test_case 'lint: nothing runs, so nothing is said of what matches'
run kvmig policy create gold --vm-label tier=gold
run kvmig policy lint
expect_status 0
expect_stderr_has 'no VM runs: whether the policies match any cannot be told'

test_case 'lint: each fix is a command, and mends what it was given for'
put <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web, namespace: default, labels: {tier: silver}}
spec: {domain: {devices: {gpus: [{name: g, deviceName: x/y}]}}}
status: {phase: Running}
END
run kvmig policy create twin --vm-label tier=gold
run kvmig policy create off --vm-label tier=silver --set allowPostCopy=false
run kvmig policy create fast --vm-label tier=silver,gpu=yes --set allowPostCopy=true
run kvmig vm label web gpu=yes
run kvmig policy lint -o json
expect_status 1
expect_json '.items | map(.policy + ":" + (.reason | sub("KVMIG-LINT-POLICY-"; ""))) | join(" ")' \
	'fast:POST-COPY gold:UNMATCHED off:DISRUPTION-OFF twin:DUPLICATE twin:UNMATCHED'
jq -r '[.items[].fix] | unique[]' "$out" >fixes
while IFS= read -r fix; do
	case $fix in kvmig\ *) ;; *) expect "a command: $fix" false ;; esac
	# shellcheck disable=SC2086 # words
	run $fix
	expect_status 0
done <fixes
run kvmig policy lint
expect_status 0
expect_stderr_has 'nothing to object to'
run kvmig policy list -o name
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/fast
migrationpolicy.migrations.kubevirt.io/off
END

test_case 'lint: a policy without selectors, which no command would have stored'
run kvmig policy create nobody --vm-label a=b
sqlite3 "$XDG_STATE_HOME/kvmig/local/default.db" "UPDATE objects SET object = json_remove(object, '\$.spec.selectors') WHERE name = 'nobody'"
run kvmig policy lint -o json
expect_json '.items[] | select(.reason == "KVMIG-LINT-POLICY-NO-SELECTORS") | .fix' 'kvmig policy delete nobody'
run kvmig policy delete nobody
expect_status 0

test_case 'lint: workload disruption: no fix lets guests be paused where the cluster does not'
run kvmig policy edit off --unset allowWorkloadDisruption
run kvmig policy lint -o json
expect_json '.items[] | "\(.reason) \(.fix)"' 'KVMIG-LINT-POLICY-DISRUPTION-OFF kvmig policy edit off --set allowWorkloadDisruption=false'
run kvmig config set allowWorkloadDisruption=true
run kvmig policy lint -o json
expect_json '.items[] | "\(.message | sub(".*too, "; "")) \(.fix)"' 'which the cluster has on kvmig policy edit off --set allowWorkloadDisruption=true'
run kvmig config unset allowWorkloadDisruption
run kvmig policy edit off --set allowWorkloadDisruption=false

test_case 'lint: post-copy off: what the policy says of pausing stays'
run kvmig policy edit fast --set allowPostCopy=true --set allowWorkloadDisruption=true
run kvmig policy lint -o json
expect_json '.items[].fix' 'kvmig policy edit fast --set allowPostCopy=false'
run kvmig policy edit fast --set allowPostCopy=false
run kvmig policy lint
expect_status 0

test_case 'lint: gates are for KubeVirt alone'
run kvmig policy edit fast --set maxDowntimeMs=500 --set experimental.stallDetector.stallMargin=4
expect_status 0
run kvmig policy lint
expect_status 0

test_case 'lint: pairs: the fix makes a policy of both, with the settings that apply now'
run kvmig policy delete fast off
kvmig vm label web a=1 b=1 -q
run kvmig policy create p-vm --vm-label a=1,b=1 --set bandwidthPerMigration=5Mi
run kvmig policy create q-project --vm-label a=1 --project-label kubernetes.io/metadata.name=default --set bandwidthPerMigration=9Mi \
	--set allowAutoConverge=false
run kvmig policy explain web -o json
expect_json '.policy + " " + .kubevirtPolicy' 'p-vm p-vm'
run kvmig policy lint
expect_status 0
run kvmig policy create same-keys --vm-label kubernetes.io/metadata.name=default --project-label a=1
run kvmig policy create same-keys-2 --vm-label a=1 --project-label kubernetes.io/metadata.name=default,zone=z --set bandwidthPerMigration=7Mi
run kvmig policy create later --vm-label zone=1,b=1 --project-label zone=z
run kvmig policy lint -o json
expect_json '[.items[] | select(.reason | test("TIE|DIFFER")) | .policy + "/" + .otherPolicy] | join(" ")' \
	'same-keys/q-project same-keys-2/later'
jq -r '.items[] | select(.reason | test("TIE|DIFFER")) | .fix' "$out" >fixes
expect 'two fixes' [ "$(wc -l <fixes)" -eq 2 ]
on_both() { # POLICY DOCUMENTED KUBEVIRT: for a VM that has the labels of same-keys-2 and later
	run kvmig policy explain web --as-if zone=1 --namespace-label zone=z -o json
	expect_json '"\(.policy) \(.documentedPolicy) \(.kubevirtPolicy)"' "$*"
	expect_json '.settings[] | select(.key == "bandwidthPerMigration") | .text' '7 MiB/s'
}
on_both same-keys-2 same-keys-2 later
while IFS= read -r fix; do
	# shellcheck disable=SC2086 # words
	run $fix
	expect_status 0
done <fixes
on_both same-keys-2-later same-keys-2-later same-keys-2-later
run kvmig policy lint -o json
expect_json '[.items[] | select(.reason | test("TIE|DIFFER|DUPLICATE|INVALID"))] | length' 0
kvmig policy list -o name | sed 's,.*/,,' >names
# shellcheck disable=SC2046 # words
run kvmig policy delete $(cat names)

test_case 'lint: a policy that the admission would refuse: the fix opens it, with what is wrong'
put <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: bad}
spec: {selectors: {virtualMachineInstanceSelector: {tier: sil ver}}}
END
run kvmig policy lint -o json
expect_json '.items[0] | "\(.reason) \(.fix)"' 'KVMIG-LINT-POLICY-INVALID kvmig policy edit bad'
run env EDITOR="sed -i s/sil.ver/silver/" kvmig policy edit bad
expect_status 0
run kvmig policy lint
expect_status 0
run kvmig policy delete bad

test_case 'a VM that does not run: where it will come from and go to is not known'
put <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: idle, namespace: default, labels: {kind: idle}}
spec: {domain: {}}
status: {phase: Succeeded}
END
run kvmig policy create from-n1 --vm-label kind=idle,kubevirt.io/nodeName=n1
run kvmig policy explain idle -o json
expect_json '"\(.certain) \(.policy) \(.mayApply | join(" "))"' 'false null from-n1'
run kvmig policy explain idle --as-if kubevirt.io/nodeName=n1 -o name
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/from-n1
END

done_testing
