#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
put() { "$build/tests/cli/put-object" local; }

test_case 'without a cluster there are no settings'
run kvmig config view
expect_status 1
expect_stderr_has 'hint: '

put </dev/null
hco() { kvmig get hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged -o json 2>/dev/null; }
no_object() { ! hco >/dev/null; }

test_case 'edit where there is no object yet: only saving makes it'
run kvmig config edit
expect_status 3
expect_stderr_has 'there is no terminal'
expect 'no object' no_object
for editor in true false ': >'; do
	printf '#!/bin/sh\n%s "$1"\n' "$editor" >ed0
	chmod +x ed0
	EDITOR=$work/ed0 run kvmig config edit
	expect 'no object' no_object
done
printf '#!/bin/sh\nsed -i "s/liveMigrationConfig: {}/liveMigrationConfig: {progressTimeout: 44}/" "$1"\n' >ed0
EDITOR=$work/ed0 run kvmig config edit
expect_status 0
expect_stderr_has 'progressTimeout: 150 s (default) -> 44 s'
run kvmig config history -o json
expect_json '.items | map("\(.number) \(.how) \(.changes.progressTimeout.after)") | join(" ")' '1 edit 44'
run kvmig config undo
expect_status 0
expect_stderr_has 'undone: change 1 (edit, by'
kvmig delete -q hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged >/dev/null 2>&1
expect 'gone' no_object

test_case 'edit where there is no object yet: somebody else makes it meanwhile, and both changes are kept'
cat >ed0 <<'END'
#!/bin/sh
kvmig config set -q parallelMigrationsPerCluster=7 2>/dev/null
sed -i "s/liveMigrationConfig: {}/liveMigrationConfig: {progressTimeout: 44}/" "$1"
END
EDITOR=$work/ed0 run kvmig config edit
expect_status 0
expect 'both' test "$(hco | jq -c '.spec.liveMigrationConfig | [.progressTimeout, .parallelMigrationsPerCluster]')" = '[44,7]'
run kvmig config history -o json
expect_json '.items | map(.how) | join(" ")' 'set edit'
kvmig delete -q hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged >/dev/null 2>&1

test_case 'all settings have their defaults'
run kvmig config view -o json
expect_status 0
expect_json .apiVersion kvmig.io/v1
expect_json .kind SettingList
expect_json '[.items[] | select(.origin != "default")] | length' 0
expect_json '.items[] | select(.key == "completionTimeoutPerGiB") | .secondsPerGiB' 150
expect_json '.items[] | select(.key == "parallelMigrationsPerCluster") | .count' 5
expect_json '.items[] | select(.key == "parallelOutboundMigrationsPerNode") | .count' 2
expect_json '.items[] | select(.key == "progressTimeout") | .seconds' 150
expect_json '.items[] | select(.key == "bandwidthPerMigration") | .bytesPerSecond' 0
expect_json '.items[] | select(.key == "allowPostCopy") | .value' false

test_case 'the documented ones come first'
expect_json '[.items[0:6][].key] | sort | join(" ")' \
	'allowPostCopy bandwidthPerMigration completionTimeoutPerGiB parallelMigrationsPerCluster parallelOutboundMigrationsPerNode progressTimeout'

test_case 'unset where nothing is set'
run kvmig config unset progressTimeout
expect_status 0
expect_stderr_has 'nothing to change'

test_case 'set tells what it does'
run kvmig config set bandwidthPerMigration=64MiB/s parallelMigrationsPerCluster=3
expect_status 0
expect_no_stdout
expect_stderr_has 'context local/default'
expect_stderr_has 'parallelMigrationsPerCluster: 5 (default) -> 3'
expect_stderr_has '67108864 bytes/s, 0.537 Gbit/s; applied as 64 MiB/s'

test_case 'what is set is in force'
run kvmig config view bandwidthPerMigration parallelMigrationsPerCluster -o json
expect_json '.items | length' 2
expect_json '.items[0].bytesPerSecond' 67108864
expect_json '.items[1].count' 3
expect_json '.items[1].origin' HyperConverged
run kvmig config view parallelMigrationsPerCluster --no-headers
expect_status 0
expect 'key, value and origin' grep -qE '^parallelMigrationsPerCluster +3 +HyperConverged +5' "$out"

test_case 'odd rates are rounded up to whole MiB/s'
run kvmig config set bandwidthPerMigration=100M
expect_stderr_has '100000000 bytes/s, 0.8 Gbit/s; applied as 96 MiB/s'

test_case 'unset brings the default back'
run kvmig config unset bandwidthPerMigration parallelMigrationsPerCluster
expect_status 0
expect_stderr_has 'parallelMigrationsPerCluster: 3 -> 5 (default)'
run kvmig config view parallelMigrationsPerCluster -o json
expect_json '.items[0].origin' default

test_case 'dangers are named'
run kvmig config set allowPostCopy=true disableTLS=true parallelMigrationsPerCluster=0
expect_status 0
expect_stderr_has 'post-copy has no way back'
expect_stderr_has 'allowPostCopy is stored, but has no effect on this cluster yet'
expect_stderr_lacks 'disableTLS is stored'
expect_stderr_has 'unencrypted'
expect_stderr_has 'no migration will ever start'
run kvmig config unset allowPostCopy disableTLS parallelMigrationsPerCluster

test_case 'a bad value changes nothing'
run kvmig config set progressTimeout=60 parallelMigrationsPerCluster=-1
expect_status 2
expect_stderr_has parallelMigrationsPerCluster
run kvmig config view progressTimeout -o json
expect_json '.items[0].seconds' 150

for word in bandwidthPerMigration=fast completionTimeoutPerGiB=soon allowPostCopy=maybe maxDowntimeMs=0 progressTimeout= \
	network= 'network=a b' network=a,b network=a@b network=a/b/c network=/a 'nodeDrainTaintKey=###' nodeDrainTaintKey=; do
	test_case "refused: $word"
	run kvmig config set "$word"
	expect_status 2
	expect_stderr_has "${word%%=*}"
done

test_case 'a rate that means two things is not taken: what each of them would be'
run kvmig config set bandwidthPerMigration=64MB
expect_status 2
expect_stderr_has "'64MB/s' is 64000000 bytes per second; M and MB are 10^6 bytes, Mi and MiB 2^20"
run kvmig config set bandwidthPerMigration=64m
expect_status 2
expect_stderr_has "the last letter of '64m' divides, m by a thousand"
run kvmig config set bandwidthPerMigration=1e30
expect_status 2
run kvmig config view bandwidthPerMigration -o json
expect_json '.items[0].bytesPerSecond' 0

test_case 'unknown keys have neighbours'
run kvmig config set progresTimeout=5
expect_status 2
expect_stderr_has "did you mean 'progressTimeout'?"
run kvmig config set spec.liveMigrationConfig.progressTimeout=5
expect_status 2
expect_stderr_has "did you mean 'progressTimeout'?"
run kvmig config view nonsense
expect_status 2
expect_stderr_has "there is no setting 'nonsense'"
expect_stderr_has "'kvmig config view --all'"

test_case 'not KEY=VALUE'
run kvmig config set progressTimeout
expect_status 2
expect_stderr_has 'is not KEY=VALUE'

test_case '--read-only'
run kvmig config set progressTimeout=5 --read-only
expect_status 7
run kvmig config view progressTimeout -o json --read-only
expect_json '.items[0].seconds' 150

test_case 'view: the six of the documents and what is set; --all'
run kvmig config unset progressTimeout
run kvmig config set allowAutoConverge=true
run kvmig config view -o name
expect 'seven' test "$(wc -l <"$out")" = 7
expect_stdout_has allowAutoConverge
run kvmig config view --all -o name
expect_stdout_has maxDowntimeMs
expect_stdout_lacks nodeDrainTaintKey
expect_stdout_has parallelInboundMigrationsPerNode
run kvmig config view --effective -o name
expect_stdout_has disableTLS
expect_stdout_lacks network
run kvmig config unset allowAutoConverge --dry-run
expect_stderr_has 'allowAutoConverge: true -> false (default) (dry run)'
run kvmig config view allowAutoConverge -o json
expect_json '.items[0].value' true
run kvmig config unset allowAutoConverge

test_case 'in practice'
run kvmig config set completionTimeoutPerGiB=800
run kvmig config view completionTimeoutPerGiB
expect_stdout_has 'a 6 GiB VM: cancelled after 4800 s'
run kvmig config unset completionTimeoutPerGiB

test_case 'view, explain: what only KubeVirt has is not in force here'
run kvmig config view nodeDrainTaintKey -o json
expect_status 0
expect_json '.items[0] | [.key, .text, .value, .origin, .default, .note] | map(tostring) | join(" ")' \
	'nodeDrainTaintKey null null null null clusters of this kind have no such setting'
run kvmig config view nodeDrainTaintKey
expect 'neither value nor origin' sh -c '! grep -q "kubevirt.io/drain\|default" "$1"' sh "$out"
expect_stderr_has 'nodeDrainTaintKey: clusters of this kind have no such setting'
run kvmig config explain nodeDrainTaintKey
expect_status 0
expect_stdout_has 'clusters of this kind have no such setting'
expect 'nothing in force' sh -c '! grep -q "in force\|default \|null" "$1"' sh "$out"

test_case 'explain'
run kvmig config explain allowPostCopy
expect_status 0
expect_stdout_has 'no way back'
expect_stdout_has 'KubeVirt 0.34'
expect_stdout_has 'policies may override it; none does'
run kvmig config explain progressTimeout -o json
expect_json .kind SettingExplanation
expect_json .policiesMayOverride false
run kvmig config explain nonsense
expect_status 2

test_case 'explain: a policy that leaves allowWorkloadDisruption to its allowPostCopy'
run kvmig config explain allowWorkloadDisruption
expect_stdout_has 'policies may override it; none does'
kvmig policy create -q fast --set allowPostCopy=true >made 2>&1 || cat made
run kvmig config explain allowWorkloadDisruption
expect_stdout_has 'overridden by fast for the VMs that they match'
run kvmig config explain allowAutoConverge -o json
expect_json '.policies | length' 0
kvmig delete -q migrationpolicy fast >made 2>&1 || cat made

test_case 'two values for a key, nothing half-applied'
run kvmig config set progressTimeout=5 progressTimeout=6
expect_status 2
expect_stderr_has 'two values for progressTimeout'
run kvmig config view progressTimeout -o json
expect_json '.items[0].seconds' 150

test_case 'dry run changes nothing'
for where in '' =server; do
	run kvmig config set progressTimeout=77 --dry-run$where
	expect_status 0
	expect_stderr_has 'progressTimeout: 150 s (default) -> 77 s (dry run)'
done
run kvmig config view progressTimeout -o json
expect_json '.items[0].seconds' 150

test_case 'history: when, who, before, after'
run kvmig config set progressTimeout=77
run kvmig config history -o json
expect_json .kind SettingChangeList
expect_json '.items[-1].how' set
expect_json '.items[-1].by' "$(id -un)"
expect_json '.items[-1].changes.progressTimeout.before' null
expect_json '.items[-1].changes.progressTimeout.after' 77

test_case 'undo: exactly what was, a key that was absent is absent again'
run kvmig config undo
expect_status 0
expect_stderr_has 'progressTimeout: 77 s -> 150 s (default)'
run kvmig get hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged -o json
expect_json '.spec.liveMigrationConfig | has("progressTimeout")' false
run kvmig config history -o json
expect_json '.items[-2].undone' true

test_case 'undo: what somebody else has changed since is left alone'
run kvmig config set progressTimeout=77 parallelMigrationsPerCluster=3
kvmig label -q hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged a=b 2>/dev/null
cat >other.yaml <<END
apiVersion: hco.kubevirt.io/v1beta1
kind: HyperConverged
metadata: {name: kubevirt-hyperconverged, namespace: kubevirt-hyperconverged}
spec: {liveMigrationConfig: {progressTimeout: 88}}
END
kvmig apply -q -f other.yaml 2>/dev/null
run kvmig config undo
expect_status 4
expect_stderr_has 'progressTimeout was left as it is'
run kvmig config view -o json
expect_json '.items[] | select(.key == "progressTimeout") | .seconds' 88
expect_json '.items[] | select(.key == "parallelMigrationsPerCluster") | .count' 5

test_case 'undo: all of it changed by somebody else'
run kvmig config set progressTimeout=77
kvmig apply -q -f other.yaml 2>/dev/null
run kvmig config undo
expect_status 3
expect_stderr_has "progressTimeout was changed since without 'kvmig config'"
run kvmig config view progressTimeout -o json
expect_json '.items[0].seconds' 88

test_case 'undo: a change by its number, once'
run kvmig config unset progressTimeout parallelMigrationsPerCluster
run kvmig config set parallelMigrationsPerCluster=7
number=$(kvmig config history -o json | jq '.items[-1].number')
run kvmig config set progressTimeout=66
run kvmig config undo "$number"
expect_status 0
expect_stderr_has "undone: change $number (set, by $(id -un), 20"
expect_stderr_has 'parallelMigrationsPerCluster: 7 -> 5 (default)'
run kvmig config view progressTimeout -o json
expect_json '.items[0].seconds' 66
run kvmig config history
expect_stdout_has "undo of $number"
run kvmig config undo "$number"
expect_status 3
expect_stderr_has 'was undone already'
run kvmig config undo $((number + 2))
expect_status 3
expect_stderr_has 'is an undo itself'
run kvmig config undo 4711
expect_status 1
expect_stderr_has 'there is no change 4711 on record'
for word in 0 -1 x 99999999999999999999; do
	run kvmig config undo -- "$word"
	expect_status 2
done
run kvmig config undo 3 --by "$(id -un)"
expect_status 2

# The records are those of another user.
others() { # NAME
	kvmig get hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged -o json |
		jq --arg name "$1" '.metadata.annotations["kvmig.io/config-history"] |= (fromjson | map(.by = $name) | tojson) |
			{apiVersion, kind, metadata: {name: .metadata.name, namespace: .metadata.namespace, annotations: .metadata.annotations}, spec}' >mine.json
	kvmig apply -q -f mine.json >/dev/null 2>&1
}

test_case 'undo: the change of another one only where that is named'
run kvmig config set progressTimeout=55
number=$(kvmig config history -o json | jq '.items[-1].number')
others somebody-else
run kvmig config undo
expect_status 1
expect_stderr_has "there is no change by $(id -un) to undo"
expect_stderr_has "the last one is change $number (set, by somebody-else, 20"
expect_stderr_has "'kvmig config undo $number'"
run kvmig config undo --by nobody-at-all
expect_status 1
expect_stderr_has 'there is no change by nobody-at-all'
run kvmig config view progressTimeout -o json
expect_json '.items[0].seconds' 55
run kvmig config undo --by somebody-else --dry-run
expect_stderr_has "would undo change $number (set, by somebody-else, 20"
run kvmig config undo --by somebody-else
expect_status 0
expect_stderr_has 'progressTimeout: 55 s -> 66 s'
run kvmig config history -o json
expect_json '.items[-1] | "\(.by) \(.undoes)"' "$(id -un) $number"

test_case 'undo: a change that another one has overtaken does not bar the older ones'
run kvmig config unset progressTimeout parallelMigrationsPerCluster
run kvmig config set parallelMigrationsPerCluster=7
older=$(kvmig config history -o json | jq '.items[-1].number')
run kvmig config set progressTimeout=66
run kvmig config set progressTimeout=67
run kvmig config undo $((older + 1))
expect_status 3
expect_stderr_has "progressTimeout was changed since by $(id -un) at 20"
expect_stderr_has "(change $((older + 2)))"
expect_stderr_has "'kvmig config undo $older'"
run kvmig config undo "$older"
expect_status 0
expect_stderr_has 'parallelMigrationsPerCluster: 7 -> 5 (default)'

test_case 'undo: who took a key out did not give it the value that it has now'
run kvmig config set progressTimeout=66
number=$(kvmig config history -o json | jq '.items[-1].number')
run kvmig config unset progressTimeout
run kvmig config undo "$number"
expect_status 3
expect_stderr_has "progressTimeout was changed since by $(id -un) at 20"
kvmig apply -q -f other.yaml 2>/dev/null
run kvmig config undo "$number"
expect_status 3
expect_stderr_has "progressTimeout was changed since without 'kvmig config'"
run kvmig config unset progressTimeout
run kvmig config set progressTimeout=88

test_case 'undo, history: a record that is none'
for record in '[{"how":"set","changes":[{"after":5}]}]' '[1,{"changes":{}},{"how":"set"}]' '{}' 'x'; do
	kvmig get hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged -o json >kept.json
	jq --arg record "$record" '{apiVersion, kind, metadata: {name: .metadata.name, namespace: .metadata.namespace,
		annotations: {"kvmig.io/config-history": $record}}, spec}' kept.json >odd.json
	kvmig apply -q -f odd.json 2>/dev/null
	run kvmig config undo
	expect_stderr_lacks '(null)'
	expect "status $status" test "$status" = 1 -o "$status" = 3
	run kvmig config undo 1
	expect "status $status" test "$status" = 1 -o "$status" = 3
	run kvmig config history
	expect_status 0
	jq '{apiVersion, kind, metadata: {name: .metadata.name, namespace: .metadata.namespace, annotations: .metadata.annotations}, spec}' \
		kept.json >odd.json
	kvmig apply -q -f odd.json 2>/dev/null
done

test_case 'edit: recorded, refused values are shown again, undone'
cat >change <<'END'
#!/bin/sh
grep -q 'allowAutoConverge: true' "$1" && exit 0
sed -i 's/progressTimeout: .*/progressTimeout: 44\n    allowAutoConverge: true/' "$1"
END
cat >spoil <<'END'
#!/bin/sh
cp "$1" seen
sed -i 's/progressTimeout: 44/progressTimeout: -1/' "$1"
END
chmod +x change spoil
EDITOR=$work/change
export EDITOR
run kvmig config edit
expect_status 0
run kvmig config history -o json
expect_json '.items[-1].how' edit
expect_json '.items[-1].changes.progressTimeout.after' 44
EDITOR=$work/spoil
run kvmig config edit
expect_status 1
expect_stderr_has "progressTimeout: '-1' is not valid"
expect 'told in the text' grep -q "progressTimeout: '-1' is not valid" seen
run kvmig config undo
expect_status 0
run kvmig config view progressTimeout -o json
expect_json '.items[0].seconds' 88

test_case 'edit: a value and all annotations in one save'
kvmig get hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged -o json |
	jq '{apiVersion, kind, metadata: {name: .metadata.name, namespace: .metadata.namespace,
		annotations: (.metadata.annotations + {note: "x"})}, spec}' >noted.json
kvmig apply -q -f noted.json 2>/dev/null
expect 'it is there' test "$(hco | jq -r .metadata.annotations.note)" = x
last=$(kvmig config history -o json | jq '.items[-1].number')
cat >change <<'END'
#!/bin/sh
awk '/^  annotations:/ { gone = 1; next } gone && /^    / { next } { gone = 0; print }' "$1" >edited
sed 's/progressTimeout: .*/progressTimeout: 45/' edited >"$1"
END
EDITOR=$work/change
run kvmig config edit
expect_status 0
expect "$(hco | jq -c .metadata.annotations)" test "$(hco | jq -c '.metadata.annotations | keys')" = '["kvmig.io/config-history"]'
run kvmig config history -o json
expect_json '.items[-1] | "\(.number) \(.changes.progressTimeout.after)"' "$((last + 1)) 45"
run kvmig config undo
expect_status 0
unset EDITOR
run kvmig config edit </dev/null
expect_status 3
expect_stderr_has "config set KEY=VALUE'"
cat >spoil <<'END'
#!/bin/sh
cp "$1" seen
sed -i 's/progressTimeout: .*/bandwidthPerMigration: 64MiB\/s/' "$1"
END
run env EDITOR="$work/spoil" kvmig config edit
expect_status 1
expect 'told in the text' grep -q 'Hint: in the object it is written 64Mi' seen

test_case 'presets'
run kvmig config preset list -o name
expect_stdout <<END
heavy-workload
default
END
run kvmig config preset show heavy-workload
expect_stdout_has '0Mi'
expect_stderr_has 'not for critical data'
run kvmig config preset show nonsense
expect_status 2
expect_stderr_has "'heavy-workload'"

test_case 'preset heavy-workload: the values of the documents'
run kvmig config preset heavy-workload --dry-run
expect_stderr_has 'parallelOutboundMigrationsPerNode: 2 (default) -> 1 (dry run)'
run kvmig config preset heavy-workload --no-disruption
expect_status 0
expect_stderr_has 'allowPostCopy is stored, but has no effect on this cluster yet'
run kvmig get hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged -o json
expect_json '.spec.liveMigrationConfig | to_entries | map("\(.key)=\(.value)") | sort | join(" ")' \
	'allowPostCopy=true bandwidthPerMigration=0Mi completionTimeoutPerGiB=150 parallelMigrationsPerCluster=5 parallelOutboundMigrationsPerNode=1 progressTimeout=150'
run kvmig config view allowPostCopy
expect_stdout_has 'no effect on this cluster yet'
run kvmig config preset heavy-workload
expect_stderr_has 'allowWorkloadDisruption: false (default) -> true'
run kvmig config view completionTimeoutPerGiB
expect_stdout_has 'a 6 GiB VM: cancelled after 900 s'

test_case 'preset default takes them out'
run kvmig config preset default --dry-run
expect_stderr_has 'parallelOutboundMigrationsPerNode: 1 -> 2 (default) (dry run)'
run kvmig config preset default
expect_status 0
expect_stderr_has 'default of this cluster: completionTimeoutPerGiB 150 s/GiB'
run kvmig get hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged -o json
expect_json '.spec.liveMigrationConfig | length' 0

test_case 'a key that is for KubeVirt only'
run kvmig config set utilityVolumesTimeout=5
expect_status 1
expect_stderr_has 'has no field utilityVolumesTimeout'
expect_stderr_has 'clusters that kvmig runs have no use for it'

# config.sh --full: 100 changes each
changes=12
[ "${1:-}" != --full ] || changes=100
test_case 'eight writers at once lose nothing'
before=$(kvmig config history -o json | jq '.items[-1].number // 0')
keys='progressTimeout completionTimeoutPerGiB parallelMigrationsPerCluster parallelOutboundMigrationsPerNode
	parallelInboundMigrationsPerNode maxDowntimeMs bandwidthPerMigration disableTLS'
for key in $keys; do
	(for n in $(seq "$changes"); do
		[ "$key" != disableTLS ] || n=$([ $((n % 2)) = 1 ] && echo true || echo false)
		kvmig config set -q "$key=$n" >/dev/null 2>"err-$key" || { echo "# $key=$n"; cat "err-$key"; } >>lost; done) &
done
wait
[ ! -e lost ] || cat lost
expect 'none was refused' test ! -e lost
run kvmig get hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged -o json
expect_json '[.spec.liveMigrationConfig[] | tostring] | unique | join(" ")' "$changes false"
expect_json '.metadata.annotations["kvmig.io/config-history"] | fromjson | "\(length) \(.[-1].number - .[0].number)"' '10 9'
expect_json '.metadata.annotations["kvmig.io/config-history"] | fromjson | .[-1].number' $((before + 8 * changes))

done_testing
