#!/bin/sh
# Completion in the real shells.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq bash zsh fish
scripts=$build/completions

in_bash() { run bash --norc "$top/tests/cli/complete.bash" "$scripts/kvmig" "$1"; }
in_zsh() { run zsh -f "$top/tests/cli/complete.zsh" "$scripts" "$1"; }
in_fish() { run fish --no-config -c "source '$scripts/kvmig.fish'; complete -C '$1'"; }

offered() { # word…: each is a line of its own, or the first word of one
	for word in "$@"; do
		grep -qE -e "^$word([[:blank:]]|\$)" "$out" || { complain "'$word' is not offered"; show; }
	done
}

test_case 'the scripts are what the command prints'
for shell in bash zsh fish; do
	run kvmig completion "$shell"
	expect_status 0
	case $shell in bash) file=kvmig ;; zsh) file=_kvmig ;; fish) file=kvmig.fish ;; esac
	expect "$shell differs" cmp -s "$scripts/$file" "$out"
done

test_case 'a shell that there is not'
run kvmig completion tcsh
expect_status 2
expect_stderr_has "one of: bash, zsh, fish"

test_case 'the shells read them without complaint'
run bash -n "$scripts/kvmig"
expect_status 0
run zsh -n "$scripts/_kvmig"
expect_status 0
run fish --no-execute "$scripts/kvmig.fish"
expect_status 0

test_case 'bash: commands, and not the hidden ones'
in_bash 'kvmig '
offered version help completion
expect_stdout_lacks __complete
in_bash 'kvmig versi'
expect_stdout <<'END'
version
END

test_case 'bash: options'
in_bash 'kvmig version --no-h'
expect_stdout <<'END'
--no-headers
END
in_bash 'kvmig --'
offered --context --version
in_bash 'kvmig version --ou'
expect_stdout <<'END'
--output
END

test_case 'bash: values, in every way to write them'
for line in 'kvmig version -o ' 'kvmig version --output ' 'kvmig version --output=' 'kvmig -o json version --output='; do
	in_bash "$line"
	offered table wide json yaml name
done
for line in 'kvmig version -o j' 'kvmig version --output=j' 'kvmig version -q -o j' 'kvmig version -qo j'; do
	in_bash "$line"
	expect_stdout <<'END'
json
END
done

test_case 'bash: options before the command do not hide it; behind -- nothing is an option'
in_bash 'kvmig -o json --context=x vers'
expect_stdout <<'END'
version
END
in_bash 'kvmig version -- --ou'
expect_no_stdout

test_case 'bash: arguments that are commands, and no more than a command takes'
in_bash 'kvmig help ver'
expect_stdout <<'END'
version
END
in_bash 'kvmig completion '
offered bash zsh fish
in_bash 'kvmig completion bash '
expect_no_stdout

test_case 'zsh: commands, options, values'
in_zsh 'kvmig versi'
expect_stdout_has 'LINE<kvmig version >'
in_zsh 'kvmig '
expect_stdout_has 'print the version of kvmig'
expect_stdout_lacks __complete
in_zsh 'kvmig version --no-h'
expect_stdout_has 'LINE<kvmig version --no-headers >'
in_zsh 'kvmig version --output=j'
expect_stdout_has 'LINE<kvmig version --output=json >'
in_zsh 'kvmig -o json version -o y'
expect_stdout_has 'LINE<kvmig -o json version -o yaml >'
in_zsh 'kvmig help ver'
expect_stdout_has 'LINE<kvmig help version >'

test_case 'fish: commands, options, values'
in_fish 'kvmig '
offered version help completion
expect_stdout_lacks __complete
in_fish 'kvmig version --no-h'
offered --no-headers
in_fish 'kvmig version -o j'
offered json
in_fish 'kvmig -o json version --output=j'
offered --output=json
in_fish 'kvmig help ver'
offered version

# Names come from the store. A node, a VM with a name that no shell likes, one in another namespace, a migration.
run_input "$build/tests/cli/put-object" <<'END'
apiVersion: kvmig.io/v1
kind: Host
metadata:
  name: n1
  labels: {zone: a}
spec: {uri: 'qemu+unix:///system'}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata:
  name: web-01-old
  namespace: default
  annotations: {kvmig.io/domain-name: 'Web_01 $(touch pwned) (old)'}
spec: {domain: {devices: {}}}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: db-1, namespace: prod}
spec: {domain: {devices: {}}}
---
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: kvmig-abc, namespace: default}
spec: {vmiName: web-01-old}
END
test_case 'the store for what follows'
expect_status 0
expect_no_stderr

test_case '__complete: names of every kind'
while IFS='|' read -r what want; do
	run kvmig __complete -- "$what"
	expect_status 0
	expect_no_stderr
	got=$(paste -sd, "$out")
	[ "$got" = "$want" ] || { complain "$what: '$got', not '$want'"; }
done <<'END'
vm=|Web_01 $(touch pwned) (old),web-01-old
vm=w|web-01-old
vm-or-migration=|Web_01 $(touch pwned) (old),kvmig-abc,web-01-old
node=|n1
node-label=|zone=a
migration=|kvmig-abc
namespace=|default,prod
shell=f|fish
kind=vmim|vmim
kind=migrationp|migrationpolicy
kind=vmi/w|vmi/web-01-old
kind=nonsense/w|
setting=parallelM|parallelMigrationsPerCluster
nonsense=|
vm|Web_01 $(touch pwned) (old),web-01-old
lab-vm=|
END

test_case '__complete: the namespace and the context that were typed'
run kvmig __complete -n prod -- vm=
expect_stdout <<'END'
db-1
END
run kvmig __complete --context nowhere -- vm=
expect_status 0
expect_no_stdout
expect_no_stderr

test_case '__complete: a credential plugin is not run, and its context is offered'
cat >kubeconfig <<END
apiVersion: v1
kind: Config
current-context: prod-cluster
contexts: [{name: prod-cluster, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: $work/plugin, interactiveMode: Never}}}]
END
printf '#!/bin/sh\ntouch "%s/plugin-ran"\n' "$work" >plugin
chmod +x plugin
export KUBECONFIG="$work/kubeconfig"
run kvmig __complete -- context=prod
expect_stdout_has prod-cluster
run kvmig __complete --context prod-cluster -- vm=
expect_status 0
expect_no_stdout
expect 'the plugin ran' test ! -e plugin-ran
unset KUBECONFIG

test_case '__complete: a locked store costs a second at most, and nothing is said'
store=$(find "$XDG_STATE_HOME" -name '*.db' | head -n 1)
expect 'no store found' test -n "$store"
python3 - "$store" <<'END' &
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA locking_mode=EXCLUSIVE"); db.execute("BEGIN EXCLUSIVE")
open("locked", "w").close()
time.sleep(60)
END
locker=$!
at_exit="kill $locker 2>/dev/null"
expect 'it is not locked' wait_for [ -e locked ]
least=60000
for _ in 1 2 3; do # a machine may stand still for as long
	began=$(date +%s%N)
	run env -u KVMIG_TEST_COMPLETE_S kvmig __complete -- vm=
	took=$((($(date +%s%N) - began) / 1000000))
	[ "$took" -ge "$least" ] || least=$took
	[ "$least" -ge 4000 ] || break
done
# any other command waits for 5 s
expect "took $least ms" test "$least" -lt 4000
expect_status 0
expect_no_stderr
kill "$locker" 2>/dev/null
wait "$locker" 2>/dev/null

test_case 'in the shells: the names, and nothing of them is run'
in_bash 'kvmig vm show web'
expect_stdout <<'END'
web-01-old
END
in_bash 'kvmig vm show Web'
expect_stdout_has 'Web_01\ \$\(touch\ pwned\)\ \(old\)'
in_bash 'kvmig vm show -n prod '
expect_stdout <<'END'
db-1
END
in_bash 'kvmig --namespace=prod vm show '
expect_stdout <<'END'
db-1
END
in_bash 'kvmig vm show web-01-old '
expect_no_stdout
in_bash 'kvmig node show '
expect_stdout <<'END'
n1
END
in_bash 'kvmig --context lo'
expect_stdout <<'END'
local
local/default
END
in_zsh 'kvmig vm show web'
expect_stdout_has 'LINE<kvmig vm show web-01-old >'
in_zsh 'kvmig vm show -n prod d'
expect_stdout_has 'LINE<kvmig vm show -n prod db-1 >'
in_zsh 'kvmig -n prod vm show d'
expect_stdout_has 'LINE<kvmig -n prod vm show db-1 >'
in_zsh 'kvmig vm show Web'
expect_stdout_has 'LINE<kvmig vm show Web_01\ \$\(touch\ pwned\)\ \(old\)'
in_fish 'kvmig vm show web'
offered web-01-old
in_fish 'kvmig -n prod vm show '
offered db-1
expect_stdout_lacks web
expect 'a name was run as a command' test ! -e pwned

test_case 'a file or a context: both are offered'
: >completed.yaml
context=local/default
in_bash 'kvmig config diff '
offered completed.yaml "$context"
in_bash 'kvmig config diff comple'
expect_stdout <<'END'
completed.yaml
END
in_fish 'kvmig config diff '
offered completed.yaml "$context"
in_zsh 'kvmig config diff comple'
expect_stdout_has 'LINE<kvmig config diff completed.yaml >'
in_zsh "kvmig config diff local/d"
expect_stdout_has "LINE<kvmig config diff $context >"

done_testing
