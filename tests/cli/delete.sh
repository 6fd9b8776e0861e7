#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
KVMIG_CONTEXT=local
export KVMIG_CONTEXT
run kvmig node add n1 --uri "qemu+unix:///system?socket=$work/none"
policy() { # name, finalizers
	printf 'apiVersion: migrations.kubevirt.io/v1alpha1\nkind: MigrationPolicy\nmetadata: {name: %s, finalizers: [%s]}\nspec: {selectors: {}}\n' "$1" "${2:-}" |
		kvmig apply -q -f - >/dev/null
}

test_case 'dry run'
policy a && policy b && policy c
run kvmig delete migrationpolicy a --dry-run
expect_status 0
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/a deleted (dry run)
END
expect_stderr_has 'context local/default'
run kvmig get migrationpolicy a
expect_status 0

test_case 'several, in both forms'
run kvmig delete migrationpolicies a b
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/a deleted
migrationpolicy.migrations.kubevirt.io/b deleted
END
run kvmig delete migrationpolicy/c
expect_status 0
run kvmig get migrationpolicies -o name
expect_no_stdout

test_case 'what is not there'
policy a
run kvmig delete migrationpolicy gone
expect_status 1
expect_stderr_has "migrationpolicy 'gone'"
run kvmig delete migrationpolicy gone a
expect_status 4
expect_stdout_has 'migrationpolicy.migrations.kubevirt.io/a deleted'
run kvmig delete migrationpolicy gone --wait
expect_status 1

test_case 'words'
run kvmig delete migrationpolicy
expect_status 2
expect_stderr_has 'no name of a migrationpolicy'
run kvmig delete migrationpolicy a --timeout 5s
expect_status 2
run kvmig delete ns default --read-only
expect_status 7

test_case 'wait: gone at once'
policy a
run kvmig delete migrationpolicy a --wait
expect_status 0

test_case 'wait: held, and not gone in time'
policy held '"example.org/hold"'
run kvmig delete migrationpolicy held --wait --timeout 300ms
expect_status 6
expect_no_stdout
expect_stderr_has 'held by the finalizers ["example.org/hold"]'

test_case 'wait: until somebody lets go'
kvmig delete migrationpolicy held --wait --timeout 120s >"$out" 2>"$err" &
waiter=$!
command_line='delete, held'
expect 'it does not wait' wait_for hears_interrupt $waiter
policy held
wait $waiter && status=0 || status=$?
expect_status 0
expect_stdout_has 'held deleted'

test_case 'wait: Ctrl-C'
policy held2 '"example.org/hold"'
command_line='delete with Ctrl-C'
kvmig delete migrationpolicy held2 --wait --timeout 120s >"$out" 2>"$err" &
waiter=$!
expect 'it does not wait' wait_for hears_interrupt $waiter
kill -INT $waiter
wait $waiter && status=0 || status=$?
expect_status 130
expect_stderr_has 'goes on'

test_case 'a node is not deleted behind the back of its VMs'
run kvmig delete node n1
expect_status 3
expect_stderr_has 'node remove n1'
run kvmig get node -o name
expect_stdout_has n1
done_testing
