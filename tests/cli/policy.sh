#!/bin/sh
# Migration policies on the local store. Which one wins is tested in tests/unit/test-policy.c.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
put() { "$build/tests/cli/put-object" local; }

run kvmig node add n1 --uri "qemu+unix:///system?socket=$work/none"
put <<END
apiVersion: v1
kind: Namespace
metadata: {name: prod, labels: {priority: high, hpc-workload: "true"}}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web, namespace: prod, labels: {tier: gold, os: fedora}}
spec: {domain: {memory: {guest: 1Gi}}}
status: {domainUUID: 11111111-2222-4333-8444-555555555555, nodeName: n2, phase: Running}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: db, namespace: default, labels: {tier: silver}}
spec: {domain: {memory: {guest: 2Gi}}}
status: {domainUUID: 99999999-2222-4333-8444-555555555555, nodeName: n2, phase: Running}
END

test_case 'no policies'
run kvmig policy list
expect_status 0
expect_stderr_has 'there are no migration policies'
run kvmig policy explain web -n prod
expect_status 0
expect 'no policy' grep -qE '^Policy: +-$' "$out"
expect 'the default' grep -qE '^parallelMigrationsPerCluster +5 +default' "$out"

test_case 'create: a dry run writes a manifest and nothing else'
run kvmig policy create gold --vm-label tier=gold --set bandwidthPerMigration=64MiB/s --set allowPostCopy=true --dry-run -o yaml
expect_status 0
expect_stdout_has 'bandwidthPerMigration: 64Mi'
expect_stderr_has 'post-copy has no way back'
expect_stderr_has 'without effect on this cluster yet: allowPostCopy'
expect_stderr_lacks 'yet: bandwidth'
run kvmig policy show gold
expect_status 1

test_case 'create'
run kvmig policy create gold --vm-label tier=gold,os=fedora --set bandwidthPerMigration=64Mi --set allowPostCopy=true
expect_status 0
run kvmig policy create urgent --project-label priority=high --project-label hpc-workload=true \
	--set experimental.compression=zstd --set completionTimeoutPerGiB=5m
expect_status 0
run kvmig policy create all --set allowAutoConverge=true
expect_status 0
expect_stderr_has 'it applies to every VM that no other policy matches'
run kvmig policy list
expect 'the row' grep -qE '^gold +tier=gold,os=fedora +- +bandwidthPerMigration=64Mi,allowPostCopy=true' "$out"
run kvmig policy show urgent -o json
expect_json '.spec.selectors.namespaceSelector["hpc-workload"]' true
expect_json '.spec.completionTimeoutPerGiB' 300
run kvmig policy show urgent
expect 'the field' grep -qE '^experimental.compression: +zstd' "$out"

test_case 'create: from a file'
cat >from.yaml <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: other}
spec: {selectors: {virtualMachineInstanceSelector: {tier: silver, empty: ""}}, allowPostCopy: false}
END
run kvmig policy create silver --from from.yaml --set bandwidthPerMigration=1Mi
expect_status 0
run kvmig policy show silver -o json
expect_json '.spec.selectors.virtualMachineInstanceSelector.empty' ''
expect_json '.spec.bandwidthPerMigration' 1Mi

test_case 'create: bad input changes nothing'
run kvmig policy create gold --vm-label a=b
expect_status 8
expect_stderr_has 'kvmig policy show gold'
run kvmig policy create Gold
expect_status 2
run kvmig policy create x --vm-label 'a b=c'
expect_status 2
expect_stderr_has '--vm-label'
run kvmig policy create x --vm-label tier
expect_status 2
run kvmig policy create x --set bandwith=1
expect_status 2
run kvmig policy create x --set allowPostcopy=true
expect_status 2
expect_stderr_has "did you mean 'allowPostCopy'"
run kvmig policy create x --set allowPostCopy
expect_status 2
run kvmig policy create x --set progressTimeout=3
expect_status 2
expect_stderr_has 'kvmig config set progressTimeout'
run kvmig policy create x --set bandwidthPerMigration=-1
expect_status 2
expect_stderr_lacks 'did you mean'
run kvmig policy create x --vm-label tier=gold --vm-label tier=silver
expect_status 2
expect_stderr_has "label key 'tier' is there twice"
run kvmig policy create x --set experimental.stallDetector.ewmaAlpha=1.1
expect_status 1
expect_stderr_has ewmaAlpha
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n' >namespace.yaml
run kvmig policy create x --from namespace.yaml
expect_status 1
expect_stderr_has "'namespace.yaml', line 2, column 7: Namespace of v1 is no MigrationPolicy"
sed 's/silver/true/' from.yaml >unquoted.yaml
run kvmig policy create x --from unquoted.yaml
expect_status 1
expect_stderr_has "'unquoted.yaml', line 4, column 59: spec.selectors.virtualMachineInstanceSelector.tier: must be a string: quote it"
sed 's/allowPostCopy/allowPostcopy/' from.yaml >unknown.yaml
run kvmig policy create x --from unknown.yaml
expect_status 1
expect_stderr_has "'unknown.yaml', line 4, column 95: spec.allowPostcopy: unknown field"
expect_stderr_has "did you mean 'allowPostCopy'"
run kvmig policy create x --from missing.yaml
expect_status 1
{ cat from.yaml; echo ---; cat from.yaml; } >two.yaml
run kvmig policy create x --from two.yaml
expect_status 1
expect_stderr_has 'holds 2 objects'
run kvmig policy show x
expect_status 1

test_case 'explain: the winner, the reasons, the settings'
run kvmig policy explain web -n prod
expect_status 0
expect 'the winner' grep -qE '^Policy: +urgent$' "$out"
expect 'why not' grep -qE "^ +2 +gold +2\+0 .*comes first among the keys" "$out"
expect 'why not' grep -qE "^ +- +silver +2\+0 .*VM label 'empty' is missing" "$out"
expect 'by policy' grep -qE '^completionTimeoutPerGiB +300 s/GiB +policy' "$out"
expect_stderr_has "by the documents 'urgent' applies, by KubeVirt's code 'gold'"
run kvmig policy explain web -n prod -o json
expect_json .policy urgent
expect_json '.settings | map(select(.key == "experimental.compression"))[0] | "\(.text) \(.origin)"' 'zstd policy'
expect_json .kubevirtPolicy gold
expect_json .ruleInForce documented
expect_json '.policies | map(select(.policy == "all"))[0].reason' more-labels
run kvmig policy explain web -n prod -o name
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/urgent
END

test_case 'explain: by the other rule, and by both'
run kvmig policy explain web -n prod --rule kubevirt
expect 'gold is first' grep -qE '^ +1 +gold' "$out"
run kvmig policy explain web -n prod --rule both
expect 'a column more' grep -qE '^kubevirt +1 +gold' "$out"
expect 'a column more' grep -qE '^documented +1 +urgent' "$out"

test_case 'explain: as if'
run kvmig policy explain db --as-if tier=gold --as-if os=fedora
expect 'gold' grep -qE '^Policy: +gold$' "$out"
expect 'the shim' grep -qE '^allowWorkloadDisruption +true +policy .*allowPostCopy' "$out"
expect 'what it is good for' grep -qE '^allowPostCopy +true +policy +no effect on this cluster yet' "$out"
run kvmig policy explain db --as-if tier-
expect 'all' grep -qE '^Policy: +all$' "$out"
run kvmig policy explain db --namespace-label priority=high --namespace-label hpc-workload=true
expect 'urgent' grep -qE '^Policy: +urgent$' "$out"
run kvmig policy explain db --as-if tier
expect_status 2
run kvmig policy explain nope
expect_status 1
expect_stderr_has "no VM 'nope'"

test_case 'matches'
run kvmig policy matches -A -o json
expect_json '.items | map(.vm + "=" + (.policy // "-")) | sort | join(" ")' 'db=all web=urgent'
run kvmig policy matches gold -n prod -o json
expect_json '.items[0].wins' false
run kvmig policy matches gold -n prod --wins
expect_status 0
expect_stderr_has "policy 'gold' applies to no VM"
run kvmig policy matches goldd
expect_status 1
expect_stderr_has "did you mean 'gold'"

test_case 'lint'
run kvmig policy create gold2 --vm-label tier=gold,os=fedora
run kvmig policy lint -o json
expect_status 1
expect_json '.items | map(.policy + ":" + (.reason | sub("KVMIG-LINT-POLICY-"; ""))) | sort | join(" ")' \
	'gold2:DUPLICATE silver:DISRUPTION-OFF silver:UNMATCHED urgent:RULES-DIFFER'
run kvmig policy delete gold2 gold silver
expect_status 0
run kvmig policy lint
expect_status 0
expect_stderr_has 'nothing to object to in 2 policies'

test_case 'test: expectations in files'
cat >cases.yaml <<END
policies: [from.yaml]
cases:
- name: a silver one
  vmLabels: {tier: silver, empty: ""}
  policy: other
  settings: {allowPostCopy: false, allowWorkloadDisruption: false}
- vmLabels: {tier: silver}
  policy: null
END
run kvmig policy test -f cases.yaml
expect_status 0
expect_stderr_has '2 cases, 0 failed'
cat >>cases.yaml <<END
- vmLabels: {tier: gold}
  policy: other
- vmLabels: {tier: silver, empty: ""}
  policy: other
  rule: kubevirt
  settings: {bandwidthPerMigration: 1Gi}
END
run kvmig policy test -f cases.yaml -o json
expect_status 1
expect_json '.items | map(.passed) | map(tostring) | join(" ")' 'true true false false'
expect_json '.items[3].message' 'bandwidthPerMigration: expected "1Gi", it is not set'
printf 'cases: [{policy: a, nope: 1}]\n' >bad.yaml
run kvmig policy test -f bad.yaml from.yaml
expect_status 1
expect_stderr_has "'bad.yaml', line 1, column 27: cases[0].nope: unknown field"
printf 'policies: [unknown.yaml]\ncases: [{policy: null}]\n' >bad.yaml
run kvmig policy test -f bad.yaml
expect_status 1
expect_stderr_has "'unknown.yaml', line 4, column 95: spec.allowPostcopy: unknown field"
for wrong in from.yaml '[3]'; do
	printf 'policies: %s\ncases: [{policy: null}]\n' "$wrong" >bad.yaml
	run kvmig policy test -f bad.yaml
	expect_status 1
	expect_stderr_has "'bad.yaml', line 1, column "
	expect_stderr_has ': policies'
done
while IFS="|" read -r wrong what; do
	printf 'policies: [from.yaml]\ncases:\n- %s\n' "$wrong" >bad.yaml
	run kvmig policy test -f bad.yaml
	expect_status 1
	expect_stderr_has "'bad.yaml', line 3, column "
	expect_stderr_has "$what"
done <<END
5|cases[0]: must be
{}|cases[0].policy: is required
{policy: 7}|cases[0].policy: must be a string
{policy: null,vmLabels: [tier]}|cases[0].vmLabels: must be an object
{policy: null,vmLabels: {hpc: true}}|hint: write it in quotes: "true"
{policy: null,projectLabels: {hpc: 1}}|cases[0].projectLabels[hpc]: must be a string
{policy: null,rule: alphabetical}|cases[0].rule: must be one of
{policy: null,settings: {allowPostcopy: true}}|did you mean 'allowPostCopy'?
{policy: null,settings: {bandwidthPerMigration: fast}}|bandwidthPerMigration: 'fast' is not valid
{policy: null,settings: {progressTimeout: 1}}|a policy has no field 'progressTimeout'
END
printf 'polices: [from.yaml]\ncases: [{policy: null}]\n' >bad.yaml
run kvmig policy test -f bad.yaml
expect_status 1
expect_stderr_has 'polices: unknown field'
printf 'policies: [from.yaml, from.yaml]\ncases: [{policy: null}]\n' >bad.yaml
run kvmig policy test -f bad.yaml
expect_status 1
expect_stderr_has "there is a policy 'other' already"

test_case 'test: equal values are equal, however written; experimental fields too'
cat >units.yaml <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: units}
spec:
  selectors: {virtualMachineInstanceSelector: {tier: gold}}
  bandwidthPerMigration: 2048Mi
  experimental: {compression: zstd, stallDetector: {stallMargin: 7}}
END
cat >cases.yaml <<END
cases:
- vmLabels: {tier: gold}
  policy: units
  settings: {bandwidthPerMigration: 2Gi, experimental.compression: zstd, experimental.stallDetector.stallMargin: 7}
- vmLabels: {tier: gold}
  policy: units
  settings: {experimental.compression: none}
END
run kvmig policy test -f cases.yaml units.yaml -o json
expect_status 1
expect_json '.items | map(.passed) | map(tostring) | join(" ")' 'true false'
expect_json '.items[1].message' 'experimental.compression: expected "none", it is "zstd"'

test_case 'test: what is no policy'
printf 'cases: [{policy: null}]\n' >bad.yaml
run kvmig policy test -f bad.yaml namespace.yaml
expect_status 1
expect_stderr_has "'namespace.yaml', line 2, column 7"
run_input kvmig policy test -f bad.yaml - <from.yaml
expect_status 0
printf 'cases: [{vmLabels: {}}]\n' >bad.yaml
run kvmig policy test --file bad.yaml
expect_status 1
printf 'cases: []\n' >bad.yaml
run kvmig policy test --file bad.yaml
expect_status 1
run kvmig policy test
expect_status 2

test_case 'show, delete: no such policy'
run kvmig policy show urgnt
expect_status 1
expect_stderr_has "did you mean 'urgent'?"
run kvmig policy delete zzz
expect_status 1
expect_stderr_has "'kvmig policy list' lists them"

test_case 'delete'
run kvmig policy delete nope urgent all nope-2
expect_status 4
expect_stderr_has "no migrationpolicy 'nope' in"
expect_stderr_has "no migrationpolicy 'nope-2' in"
expect_stderr_has "policy 'all' deleted"
run kvmig policy list -o name
expect_stdout_lacks urgent
expect_stdout_lacks /all
run kvmig policy delete nope nope-2
expect_status 1

test_case 'test: an expected policy that is in none of the files'
printf 'cases: [{vmLabels: {a: b}, policy: glod}]\n' >glod.yaml
run kvmig policy test -f glod.yaml -o json
expect_status 1
expect_json '.items[0].message' 'documented rule: expected glod (which is in none of the files), it is none'

done_testing
