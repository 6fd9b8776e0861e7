#!/bin/sh
# No terminal at all, as under cron: no colours, no line that is rewritten, no question, and the right exit status.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq setsid

# A session without a controlling terminal: /dev/tty cannot be opened either.
away() { # STATUS WORDS…
	expected=$1
	shift
	run timeout 120 setsid -w env TERM=xterm-256color "$@"
	expect_status "$expected"
	expect 'no escape, no carriage return' sh -c '! grep -q "$(printf "[\033\r]")" "$1" "$2"' sh "$out" "$err"
	expect_stderr_lacks '[y/N]'
}

test_case 'there is none'
run setsid -w sh -c 'true </dev/tty'
expect 'none' [ "$status" -ne 0 ]

test_case 'reading'
{ usual; migration m-1 web-1 Failed '{result: {reason: KVMIG-FAIL-LIBVIRT}}'; } | fresh
away 0 kvmig node list
away 0 kvmig vm list -A
away 0 kvmig status
away 1 kvmig status -w m-1
away 0 kvmig status -o json
expect_json '.items | length' 1
away 0 kvmig help migrate
away 0 kvmig migrate --help
away 0 kvmig config view

test_case 'changing asks nobody'
away 0 kvmig node cordon n2
away 0 kvmig node uncordon n2
away 0 kvmig config set disableTLS=true
away 3 kvmig node remove n1
away 2 kvmig migrate
away 1 kvmig cancel web-1

test_case 'following: lines, each once'
usual | fresh
away 6 kvmig migrate web-1 --wait --timeout 2s
expect_stderr_has 'web-1: Pending'
expect 'each once' [ "$(grep -c '^web-1: Pending$' "$err")" -eq 1 ]
away 0 kvmig cancel web-1

test_case 'every stream closed: the exit status still tells'
usual | fresh
run setsid -w sh -c 'kvmig migrate web-1 --node n3 <&- >&- 2>&-'
expect_status 3
run setsid -w sh -c 'kvmig node cordon n2 <&- >&- 2>&-'
expect 'done, or output lost' [ "$status" -le 1 ]
run kvmig node show n2 -o json
expect_json .spec.unschedulable true

done_testing
