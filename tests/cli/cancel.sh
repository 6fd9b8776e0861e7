#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq sqlite3

three() {
	usual
	vm web-2 n1
	vm idle n1
	migration m-1 web-1 Pending
	migration m-2 web-2 Pending
	migration m-0 web-1 Succeeded '{sourceNode: n2, targetNode: n1}'
}

test_case 'by the VM: the one that waits is cancelled, and gone'
three | fresh
run kvmig cancel web-1 --timeout 120s
expect_status 0
expect_stderr_has "cancelled: VM 'web-1' stays"
run kvmig status -o json
expect_json '[.items[].name] | sort | join(",")' m-0,m-2

test_case 'by name and by id, several'
three | fresh
run kvmig cancel m-1 virtualmachineinstancemigration.kubevirt.io/m-2 --timeout 120s
expect_status 0
run kvmig status -o json
expect_json '[.items[].name] | join(",")' m-0

test_case '--no-wait only asks'
three | fresh
run kvmig cancel web-1 --no-wait
expect_status 0
expect_stderr_has "asked to cancel migration 'm-1'"

test_case 'what has ended is not touched'
three | fresh
run kvmig cancel m-0
expect_status 1
expect_stderr_has "nothing to cancel: 'm-0' has ended already"
run kvmig status m-0 -o json
expect_json .phase Succeeded

test_case 'a VM that is not being migrated'
three | fresh
run kvmig cancel idle
expect_status 1
expect_stderr_has "nothing to cancel: VM 'idle' is not being migrated"

test_case 'of several, some'
three | fresh
run kvmig cancel web-1 idle web-9 --timeout 120s
expect_status 4
expect_stderr_has "VM 'idle' is not being migrated"
expect_stderr_has "there is no VM and no migration 'web-9'"
expect_stderr_has "hint: did you mean 'web-1' or 'web-2'?"
run kvmig cancel web-8 web-9
expect_status 1

test_case '--wait, which is the default, with a limit'
{ usual; migration m-1 web-1 Running '{sourceNode: n1, targetNode: n2, step: running,
  domainUUID: 11111111-0000-0000-0000-7765622d3100}'; } | fresh
run kvmig cancel web-1 --wait --timeout 500ms
expect_status 6
expect_stderr_has 'it goes on'
run kvmig status m-1 -o json --read-only
expect_json .cancelRequested true

test_case '--all: asks first'
three | fresh
run kvmig cancel --all
expect_status 3
expect_stderr_has "cancel 2 migrations in namespace 'default'?"
run kvmig cancel --all --yes --timeout 120s
expect_status 0
run kvmig status -o json
expect_json '[.items[].name] | join(",")' m-0
run kvmig cancel --all -A --yes
expect_status 0
expect_stderr_has 'nothing to cancel'
run kvmig cancel --all web-1
expect_status 2
run kvmig cancel web-1 -A
expect_status 2

# ---- gone before its end was seen ----

# Without a finalizer it is gone as soon as it is asked for; what a controller would have written before is put in its place.
going() { # PHASE
	{ usual; migration m-1 web-1 "$1" '{sourceNode: n1, targetNode: n2}' | sed /finalizers/d; } | fresh
}

recorded() { # PHASE REASON
	kvmig history -q >/dev/null 2>&1
	sqlite3 "$XDG_STATE_HOME/kvmig/history.db" "INSERT INTO migrations (context, uid, migration, ns, vm, source_node,
		target_node, phase, reason, created_us, started_us, ended_us, total_ms, downtime_ms, memory_bytes,
		memory_processed_bytes, iterations) VALUES ('local/default', '$(kvmig get vmim m-1 -o json |
		jq -r .metadata.uid)', 'm-1', 'default', 'web-1', 'n1', 'n2', '$1', $2, 1, 1, 1, 2000, -1, 0, -1, -1)"
}

test_case 'gone: it was too fast'
going Running
recorded Succeeded NULL
run kvmig cancel web-1 --timeout 120s
expect_status 1
expect_stderr_has "too late to cancel: VM 'web-1' is on 'n2' now: moved from 'n1' in 2 s"
expect_stderr_lacks cancelled

test_case 'gone: the history tells that it failed, or was cancelled'
going Running
recorded Failed "'KVMIG-FAIL-LIBVIRT'"
run kvmig cancel web-1 --timeout 120s
expect_status 0
expect_stderr_has "migration 'm-1' of VM 'web-1' from 'n1' to 'n2' failed"
going Running
recorded Failed "'KVMIG-FAIL-CANCELLED'"
run kvmig cancel web-1 --timeout 120s
expect_status 0
expect_stderr_has "cancelled: VM 'web-1' stays on 'n1'"

test_case 'gone: nothing tells'
going Running
run kvmig cancel web-1 --timeout 120s
expect_status 1
expect_stderr_has "migration 'm-1' of VM 'web-1' has ended, and is gone"
expect_stderr_has "hint: 'kvmig history m-1' tells how it ended"
going Pending
run kvmig cancel web-1 --timeout 120s
expect_status 0
expect_stderr_has "cancelled: VM 'web-1' stays"

test_case 'bad command lines'
run kvmig cancel
expect_status 2
three | fresh
run kvmig cancel web-1 --read-only
expect_status 7

done_testing
