#!/bin/sh
# What comes with an error: a hint after every bad command line, and hints that find what the command found.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq

test_case 'a bad command line: exit 2, one line, a hint'
usual | fresh
while read -r line; do
	# shellcheck disable=SC2086 # words
	run kvmig $line
	expect_status 2
	expect "$line: one line and a hint" [ "$(grep -v '^kvmig: context ' "$err" | grep -c '^kvmig: ')" -eq 1 ]
	expect_stderr_has 'hint: '
done <<END
migrate
migrate web-1 --nonsense
migrate web-1 --node-selector zone
migrate web-1 --node-selector =x
migrate web-1 --node-selector zone=b,zone
migrate web-1 --node-selector kubernetes.io/hostname=n3 --node n2
migrate web-1 --timeout 1m
migrate web-1 --wait --timeout soon
migrate web-1 --all
migrate web-1 -n No_Namespace
status a b
status -o xml
cancel
cancel web-1 --timeout -1
node add
node add n9
node add N_9 --uri qemu+tls://n9/system
node add n9 --uri nonsense
node add n9 --uri qemu+tls://n9/system --migration-address a:b:c:1/2
node add n9 --uri qemu+tls://n9/system --label =b
node list -l a=b=c=d
node label n1
node label n1 zone
node label n1 =a
node cordon
node remove
vm list -l !!
vm list --node
vm label web-1 app
vm show
vm nonsense
END

test_case 'hints name the context that the command was given'
{ usual; migration m-1 web-1 Running '{sourceNode: n1, targetNode: n2}'; } |
	"$build/tests/cli/put-object" local/other >put.log 2>&1
run kvmig --context local/other migrate web-1
expect_status 8
expect_stderr_has "'kvmig --context local/other status -w m-1'"
expect_stderr_has "'kvmig --context local/other cancel m-1'"
run kvmig --context local/other vm show nothing-like-it
expect_status 1
expect_stderr_has "'kvmig --context local/other vm list -A'"
run kvmig node show n99999999 --context local/other
expect_stderr_has "'kvmig --context local/other node list'"
run env KVMIG_CONTEXT=local/other kvmig vm show nothing-like-it
expect_stderr_has "'kvmig --context local/other vm list -A'"

test_case 'and the namespace; the default context is not named'
run kvmig -n prod status web-9
expect_status 1
expect_stderr_lacks --context
run kvmig -n prod cancel web-9
expect_stderr_has "namespace 'prod'"

done_testing
