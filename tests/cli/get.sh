#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
put() { "$build/tests/cli/put-object" local; }

run kvmig node add n1 --uri "qemu+unix:///system?socket=$work/none"
put <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: move-1, namespace: default, labels: {app: web}, annotations: {note: "a \x1b[31mred\nline"}}
spec: {vmiName: web-1}
status: {phase: Succeeded}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: move-2, namespace: default}
spec: {vmiName: "web-2"}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: other, namespace: prod}
spec: {vmiName: db}
status: {phase: Running}
---
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: fast}
spec: {selectors: {}, bandwidthPerMigration: 64Mi}
END

test_case 'a table, with the columns of KubeVirt'
run kvmig get vmim
expect_status 0
expect_stdout <<END
NAME     PHASE       VMI
move-1   Succeeded   web-1
move-2               web-2
END
expect_no_stderr

test_case 'any name of the kind'
for word in VMIMs virtualmachineinstancemigration virtualmachineinstancemigrations.kubevirt.io \
	virtualmachineinstancemigrations.v1.kubevirt.io VirtualMachineInstanceMigration; do
	run kvmig get "$word" -o name
	expect_stdout <<END
virtualmachineinstancemigration.kubevirt.io/move-1
virtualmachineinstancemigration.kubevirt.io/move-2
END
done

test_case 'all namespaces'
run kvmig get vmim -A --no-headers
expect_stdout <<END
default   move-1   Succeeded   web-1
default   move-2               web-2
prod      other    Running     db
END

test_case 'by label'
run kvmig get vmim -A -l 'app in (web,x)' -o name
expect_stdout <<END
virtualmachineinstancemigration.kubevirt.io/move-1
END
run kvmig get vmim -l 'a=('
expect_status 2

test_case 'by name, in both forms'
run kvmig get vmim move-2 move-1
expect_stdout <<END
NAME     PHASE       VMI
move-2               web-2
move-1   Succeeded   web-1
END
run kvmig get vmim/move-1 migrationpolicy/fast
expect_status 0
expect_stdout_has 'virtualmachineinstancemigration.kubevirt.io/move-1   Succeeded   web-1'
expect 'two tables' grep -qE '^migrationpolicy.migrations.kubevirt.io/fast +[0-9]+[sm]' "$out"
run kvmig get vmim other -n prod -o name
expect_stdout <<END
virtualmachineinstancemigration.kubevirt.io/other
END

test_case 'wide'
run kvmig get vmi -o wide
expect_status 0
run kvmig get policy
expect_status 1
run kvmig get migrationpolicies
expect 'the row' grep -qE '^fast +[0-9]+[sm]' "$out"

test_case 'nothing found is no error'
run kvmig get vmi -n empty
expect_status 0
expect_no_stdout
expect_stderr_has "no resources found in namespace 'empty'"
run kvmig get hyperconverged -A
expect_stderr_has 'no resources found'
expect_stderr_lacks namespace

test_case 'no such name'
run kvmig get vmim gone
expect_status 1
expect_no_stdout
expect_stderr_has "there is no virtualmachineinstancemigration 'gone' in namespace 'default'"
run kvmig get vmim move-1 gone -o json
expect_status 1
expect_json '.items[].metadata.name' move-1
expect_stderr_has "'gone'"
run kvmig get migrationpolicy gone -o yaml
expect_status 1
expect_no_stdout

test_case 'no such kind'
run kvmig get vmimm
expect_status 1
expect_stderr_has "no kind of object 'vmimm'"
expect_stderr_has "did you mean 'vmim'"
run kvmig get pods
expect_status 1
expect_stderr_has "keeps no pods"

test_case 'words that contradict each other'
run kvmig get vmim/move-1 other
expect_status 2
run kvmig get vmim other/x
expect_status 2
run kvmig get vmim/
expect_status 2
run kvmig get vmim move-1 -A
expect_status 2
run kvmig get vmim move-1 -l a=b
expect_status 2
run kvmig get vmim/a vmi/b -w
expect_status 2

test_case 'json: one object, and a list'
run kvmig get vmim move-1 -o json
expect_json '.kind + " " + .apiVersion + " " + .status.phase' 'VirtualMachineInstanceMigration kubevirt.io/v1 Succeeded'
run kvmig get vmim -A -o json
expect_json '.kind + " " + .apiVersion' 'List v1'
expect_json '[.items[] | .kind + "/" + .metadata.name] | join(" ")' \
	'VirtualMachineInstanceMigration/move-1 VirtualMachineInstanceMigration/move-2 VirtualMachineInstanceMigration/other'
run kvmig get vmi -n empty -o json
expect_json '.items | length' 0
expect_stderr_lacks 'no resources'

test_case 'yaml reads back as the same'
run kvmig get vmim -A -o json
jq -S . "$out" >as-json
run kvmig get vmim -A -o yaml
expect 'the same' sh -c 'python3 -c "
import json, sys, yaml
print(json.dumps(yaml.safe_load(sys.stdin)))" <"$1" | jq -S . | cmp -s - as-json' sh "$out"
run kvmig get vmi -n empty -o yaml
expect_stdout_has 'items: []'

test_case 'managed fields are hidden'
sqlite3 "$XDG_STATE_HOME/kvmig/local/default.db" "UPDATE objects
	SET object = json_set(object, '\$.metadata.managedFields', json('[{\"manager\": \"x\"}]')) WHERE name = 'fast'"
run kvmig get migrationpolicy fast -o yaml
expect_stdout_lacks managedFields
run kvmig get migrationpolicy fast -o json --show-managed-fields
expect_json '.metadata.managedFields[0].manager' x

test_case 'what a value holds is harmless for the terminal'
put <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: bad, namespace: odd}
spec: {vmiName: "x"}
status: {phase: "a\x1b[31mb\nc"}
END
run kvmig get vmim -n odd
expect_stdout_has 'a\x1b[31mb...'
expect 'no escape' test "$(tr -cd '\033' <"$out" | wc -c)" = 0

test_case 'node means the hosts here, also with the options in front'
run kvmig --context local get node --no-headers
expect 'the row' grep -qE '^n1 +(False|) +qemu' "$out"
expect_stderr_has "node 'n1' does not answer"
run kvmig get nodes n1 -o name
expect_stdout <<END
host.kvmig.io/n1
END

# In the background; it has shown what is there, and waits for changes.
watch() { # arguments
	command_line="kvmig get $*"
	kvmig get "$@" >"$out" 2>"$err" </dev/null &
	watcher=$!
	expect 'it does not wait' wait_for hears_interrupt $watcher
}

# It has shown a line with that: Ctrl-C.
watched() { # TEXT
	expect "'$1' is not shown" wait_for grep -q "$1" "$out"
	kill -INT $watcher
	wait $watcher && status=0 || status=$?
	expect_status 130
}

test_case 'watch: the list, each change, until Ctrl-C'
watch vmim -w
put <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: elsewhere, namespace: prod}
spec: {vmiName: web-3}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: move-3, namespace: default}
spec: {vmiName: web-3}
status: {phase: Running}
END
watched 'move-3  *Running'
expect 'the list first' test "$(sed -n '2,3s/ .*//p' "$out" | tr '\n' ' ')" = 'move-1 move-2 '
expect 'then the change' test "$(tail -n 1 "$out")" = 'move-3   Running     web-3'
expect_stdout_lacks elsewhere
expect 'the headings once' test "$(grep -c NAME "$out")" = 1

test_case 'watch: one name, as json'
watch vmim move-4 --watch -o json
for name in move-5 move-4; do
	printf 'apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstanceMigration\nmetadata: {name: %s}\nspec: {vmiName: w}\n' $name | put
done
watched '^}'
expect 'each state of it once' test "$(jq -r .metadata.name "$out" | sort | uniq -c | tr -s ' ')" = ' 1 move-4'

test_case 'watch: ends when its reader has gone'
(
	timeout 60 sh -c 'kvmig get vmim -w | head -n 1 >/dev/null; exit 0'
	echo $? >ended
) &
# what is there when it begins to watch is in the list that it begins with
for i in $(seq 6 99); do
	printf 'apiVersion: kubevirt.io/v1\nkind: VirtualMachineInstanceMigration\nmetadata: {name: move-%s}\nspec: {vmiName: w}\n' "$i" | put
	sleep 0.3
	[ ! -e ended ] || break
done
wait
expect 'it ends' grep -qx 0 ended

test_case 'memory does not grow with the number of objects'
many() {
	for i in $(seq "$1" "$2"); do
		printf -- '---\napiVersion: kubevirt.io/v1\nkind: VirtualMachineInstanceMigration\nmetadata: {name: m-%05d, namespace: many}\nspec: {vmiName: x}\n' "$i"
	done | put
}
peak() { # format
	/usr/bin/time -f %M -o peak kvmig get vmim -n many -o "$1" >rows 2>/dev/null
	cat peak
}
if grep -q -e '-fsanitize=address' "$build/Makefile"; then
	echo '# AddressSanitizer keeps what is freed: its memory says nothing'
elif [ -x /usr/bin/time ]; then
	many 1 600
	for format in table json yaml name; do
		peak "$format" >"few.$format"
	done
	many 601 6000
	for format in table json yaml name; do
		now=$(peak "$format")
		few=$(cat "few.$format")
		expect "$format: $few KiB for 600, $now for 6000" test "$now" -le $((few + 4096))
	done
	expect 'all rows' test "$(kvmig get vmim -n many -o name 2>/dev/null | wc -l)" = 6000
else
	echo '# SKIP no /usr/bin/time'
fi
done_testing
