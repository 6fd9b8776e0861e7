#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
put() { "$build/tests/cli/put-object" "${1:-local}"; }
rows() { # "KEY DIFFERENCE HERE/ORIGIN THERE/ORIGIN" for each
	jq -r '.items[] | "\(.key) \(.difference) \(.here.text)/\(.here.origin) \(.there.text)/\(.there.origin)"' "$out"
}
expect_rows() { # <text
	rows >have
	cat >wanted
	expect "$(diff wanted have)" cmp -s wanted have
}
# The commands that the hints of the last run name, typed as they stand; then nothing differs.
match() { # FILE|CONTEXT
	sed -n "s/^hint: '\(kvmig config .*\)' makes this one like the other\$/\1/p" "$err" >commands
	expect 'a hint' test -s commands
	run sh -e commands
	expect_status 0
	run kvmig config diff "$1"
	expect_status 0
	expect_stderr_has 'no setting differs'
	expect_no_stdout
}
hyperconverged() { # <settings, in YAML's flow style
	cat <<END
apiVersion: hco.kubevirt.io/v1beta1
kind: HyperConverged
metadata: {name: kubevirt-hyperconverged, namespace: kubevirt-hyperconverged}
spec: {liveMigrationConfig: {$1}}
END
}
put </dev/null
kvmig config set -q progressTimeout=77 allowAutoConverge=true parallelMigrationsPerCluster=5 2>/dev/null

test_case 'a file: another value, and the same that only one of them has set'
hyperconverged 'bandwidthPerMigration: 64Mi, completionTimeoutPerGiB: 150, progressTimeout: 77' >settings.yaml
run kvmig config diff settings.yaml -o json
expect_status 1
expect_json .kind SettingDifferenceList
expect_rows <<END
bandwidthPerMigration value unlimited/default 64 MiB/s/set
completionTimeoutPerGiB set 150 s/GiB/default 150 s/GiB/set
parallelMigrationsPerCluster set 5/HyperConverged 5/default
allowAutoConverge value true/HyperConverged false/default
END
expect_json '.items[1] | "\(.here.set) \(.there.set)"' 'false true'
cp "$out" differences.json

test_case 'on the screen'
run kvmig config diff settings.yaml
expect_status 1
expect_stderr_has "here: local/default, HyperConverged 'kubevirt-hyperconverged/kubevirt-hyperconverged' (hco.kubevirt.io/v1beta1)"
expect_stderr_has "there: 'settings.yaml', HyperConverged 'kubevirt-hyperconverged/kubevirt-hyperconverged' (hco.kubevirt.io/v1beta1)"
expect 'the row' grep -qE '^bandwidthPerMigration +unlimited +default +64 MiB/s +set +another value$' "$out"
expect 'the row' grep -qE '^completionTimeoutPerGiB +150 s/GiB +default +150 s/GiB +set +only who set it$' "$out"

test_case 'only what is in force'
run kvmig config diff settings.yaml --effective -o name
expect_status 1
expect_stdout <<END
bandwidthPerMigration
allowAutoConverge
END

test_case 'nothing is changed'
run kvmig config view --all -o json
cp "$out" before.json
run kvmig config diff settings.yaml --read-only
expect_status 1
run kvmig config view --all -o json
expect 'other settings' cmp -s before.json "$out"

test_case 'what the hints say makes this one like the other'
run kvmig config diff settings.yaml
match settings.yaml

test_case 'the same in other words'
run kvmig config diff settings.yaml -o json
expect_status 0
expect_json '.items | length' 0
for form in 67108864 65536Ki; do
	hyperconverged "bandwidthPerMigration: $form, completionTimeoutPerGiB: 150, progressTimeout: 77" >words.yaml
	run kvmig config diff words.yaml
	expect_status 0
done

test_case 'every form that a file may have'
keys='bandwidthPerMigration: 64Mi, completionTimeoutPerGiB: 150, progressTimeout: 78'
form() { # NAME <file
	cat >"$1.yaml"
	run kvmig config diff "$1.yaml" -o json
	expect_status 1
	expect_rows <<END
progressTimeout value 77 s/HyperConverged 78 s/set
END
}
echo "spec: {liveMigrationConfig: {$keys}}" | form v1beta1-part
echo "spec: {virtualization: {liveMigrationConfig: {$keys}}}" | form v1-part
echo "spec: {configuration: {migrations: {$keys}}}" | form kubevirt-part
echo "liveMigrationConfig: {$keys}" | form map
echo "{$keys}" | form keys
printf 'apiVersion: hco.kubevirt.io/v1\nkind: HyperConverged\nspec: {virtualization: {liveMigrationConfig: {%s}}}\n' "$keys" | form v1
printf 'apiVersion: kubevirt.io/v1\nkind: KubeVirt\nspec: {configuration: {migrations: {%s}}}\n' "$keys" | form kubevirt
{
	printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n---\n'
	hyperconverged "$keys"
} | form several
printf 'apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Namespace}\n- {apiVersion: hco.kubevirt.io/v1beta1, kind: HyperConverged, spec: {liveMigrationConfig: {%s}}}\n' "$keys" | form list
kvmig get hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged -o json | jq '.spec.liveMigrationConfig.progressTimeout = 78' | form json
hyperconverged "$keys" >stdin.yaml
run_input kvmig config diff - -o json <stdin.yaml
expect_status 1
expect_json '.items | length' 1

test_case 'of several objects, the one of the kind that has the settings here'
{
	printf 'apiVersion: kubevirt.io/v1\nkind: KubeVirt\nspec: {configuration: {migrations: {progressTimeout: 1}}}\n---\n'
	hyperconverged "$keys"
} | form both

test_case 'two candidates'
{
	hyperconverged "$keys"
	echo ---
	hyperconverged ''
} >two.yaml
run kvmig config diff two.yaml
expect_status 2
expect_no_stdout
expect_stderr_has "'two.yaml': more than one object has settings: HyperConverged 'kubevirt-hyperconverged/kubevirt-hyperconverged' (hco.kubevirt.io/v1beta1) in document 1, HyperConverged"
expect_stderr_has 'in document 2'

refused() { # FILE WORDS…
	file=$1
	shift
	run kvmig config diff "$file"
	expect_status 2
	expect_no_stdout
	expect_stderr_lacks '(null)'
	for words; do
		expect_stderr_has "$words"
	done
}

test_case 'files that are none, or hold nothing of the kind'
refused missing.yaml "there is neither a file nor a context 'missing.yaml'" "'kvmig context list'"
: >empty.yaml
refused empty.yaml "'empty.yaml': it is empty"
echo '# only a comment' >comment.yaml
refused comment.yaml 'it is empty'
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n' >namespace.yaml
refused namespace.yaml "no object in it has settings: it begins with kind 'Namespace'" 'hint: it may be a HyperConverged'
echo 'a: 5' >other.yaml
refused other.yaml 'there are no settings in it'
echo '[5, x]' >list.yaml
refused list.yaml 'there are no settings in it'
echo 'a: [' >broken.yaml
refused broken.yaml "'broken.yaml'" line
printf 'a\0b' >binary.yaml
refused binary.yaml "'binary.yaml'"
mkdir folder
refused folder "'folder'" 'irectory'

test_case 'settings that are none: values, places, keys'
hyperconverged 'progressTimeout: soon' >value.yaml
refused value.yaml "'value.yaml': progressTimeout: '\"soon\"' is not valid: must be a whole number of seconds"
hyperconverged 'allowPostCopy: "true"' >quoted.yaml
refused quoted.yaml 'allowPostCopy'
printf 'apiVersion: hco.kubevirt.io/v1\nkind: HyperConverged\nspec: {liveMigrationConfig: {progressTimeout: 1}}\n' >place.yaml
refused place.yaml 'spec.liveMigrationConfig is where hco.kubevirt.io/v1beta1 has the settings, not hco.kubevirt.io/v1' \
	'hint: in that version it is spec.virtualization.liveMigrationConfig'
hyperconverged "$keys, progresTimeout: 5" >key.yaml
run kvmig config diff key.yaml
expect_status 1
expect_stderr_has "'key.yaml': progresTimeout is no setting that kvmig knows"

test_case 'a key that this cluster has no use for'
hyperconverged "bandwidthPerMigration: 64Mi, completionTimeoutPerGiB: 150, progressTimeout: 77, utilityVolumesTimeout: 5" >kubevirts.yaml
run kvmig config diff kubevirts.yaml -o json
expect_status 1
expect_rows <<END
utilityVolumesTimeout value no such setting/null 5 s/set
END
expect_stderr_has 'has no field utilityVolumesTimeout'
expect_stderr_lacks 'makes this one like'

test_case 'another cluster'
put local/other </dev/null
kvmig config set -q --context local/other progressTimeout=5 bandwidthPerMigration=64Mi completionTimeoutPerGiB=150 2>/dev/null
run kvmig config diff local/other -o json
expect_status 1
expect_rows <<END
progressTimeout value 77 s/HyperConverged 5 s/HyperConverged
END
run kvmig config diff local/other
expect_stderr_has "there: local/other, HyperConverged 'kubevirt-hyperconverged/kubevirt-hyperconverged'"
match local/other
run kvmig config diff local
expect_status 0
run kvmig --context local/other config diff local
expect_status 0

test_case 'another cluster, in which nothing is set'
put local/bare </dev/null
run kvmig config diff local/bare
expect_status 1
match local/bare

test_case 'neither a file nor a context; both'
refused local/nowhere "there is neither a file nor a context 'local/nowhere'"
refused local/othe "hint: did you mean 'local/other'"
: >local
refused local "'local' is both a file and a context" './local is the file'
rm local
mkdir -p local
cp settings.yaml local/other
refused local/other "'local/other' is both a file and a context"
rm -r local

test_case 'operands'
run kvmig config diff
expect_status 2
run kvmig config diff settings.yaml settings.yaml
expect_status 2

test_case 'the documents have the fields that the manual names'
expect_documented SettingDifferenceList differences.json note

done_testing
