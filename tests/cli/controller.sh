#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq setsid

lock=$XDG_STATE_HOME/kvmig/local/default/controller.lock
log=$XDG_STATE_HOME/kvmig/local/default/controller.log

holder() {
	cut -d ' ' -f 1 "$lock" 2>/dev/null
}

test_case 'runs in the foreground, logs with the time, ends on SIGTERM'
usual | fresh
kvmig controller 2>fg.err &
pid=$!
expect 'it has the lock' wait_for [ -s "$lock" ]
expect 'with its pid' [ "$(holder)" = $pid ]
kill $pid
wait $pid && ended=0 || ended=$?
expect 'a clean end' [ "$ended" -eq 0 ]
expect 'lines with time' grep -qE '^20[0-9]{2}-[0-9-]+T[0-9:]+Z info: ' fg.err
expect 'the lock is empty' [ ! -s "$lock" ]

# A stand-in for systemd-run: there is no service manager of a user where the tests run. It records how it was called
# and, as the real one with --scope, becomes the command.
stand_in() { # WHAT-IT-DOES
	mkdir -p "$XDG_RUNTIME_DIR/systemd" "$work/stand-in"
	: >"$XDG_RUNTIME_DIR/systemd/private"
	rm -f "$work/called"
	cat >"$work/stand-in/systemd-run" <<-END
		#!/bin/sh
		printf '%s\\n' "\$*" >"$work/called"
		$1
	END
	chmod +x "$work/stand-in/systemd-run"
}
no_stand_in() {
	rm -rf "$XDG_RUNTIME_DIR/systemd" "$work/stand-in"
}

test_case 'where a service manager of the user answers, it is started in a scope of it'
usual | fresh
# shellcheck disable=SC2016 # is expanded there
stand_in 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'
run env PATH="$work/stand-in:$PATH" kvmig migrate web-1 -q
expect_status 0
expect 'as a scope' grep -q -- '^--user --scope --collect --quiet -- .*kvmig controller --context local/default' "$work/called"
expect 'it runs' kill -0 "$(holder)"

test_case 'where that fails, in a session of its own'
usual | fresh
stand_in 'echo "Failed to connect to bus" >&2; exit 1'
run env PATH="$work/stand-in:$PATH" kvmig migrate web-1 -q
expect_status 0
expect 'it was tried' [ -s "$work/called" ]
expect 'it runs' kill -0 "$(holder)"
expect 'and leads a session' [ "$(ps -o sid= -p "$(holder)" | tr -d ' ')" = "$(holder)" ]

test_case 'where none answers, systemd-run is not asked'
usual | fresh
stand_in 'exit 1'
rm -rf "$XDG_RUNTIME_DIR/systemd"
run env PATH="$work/stand-in:$PATH" kvmig migrate web-1 -q
expect_status 0
expect 'not asked' [ ! -e "$work/called" ]
expect 'it runs' kill -0 "$(holder)"
no_stand_in

test_case 'the Lease says who'
usual | fresh
kvmig controller -q 2>fg.err &
pid=$!
expect 'it has the lock' wait_for [ -s "$lock" ]
run kvmig controller
expect_status 8
expect_stderr_has "another controller runs already: process $pid"
expect 'it hears Ctrl-C' wait_for hears_interrupt $pid
kill -INT $pid
wait $pid && ended=0 || ended=$?
expect 'Ctrl-C is a clean end' [ "$ended" -eq 0 ]

test_case 'ends when idle'
usual | fresh
run timeout 60 kvmig controller --idle-timeout 1s
expect_status 0
expect_stderr_has 'nothing to do'

test_case 'twenty commands at once start one'
{ usual; migration m-1 web-1 Pending; } | fresh
i=0
while [ $i -lt 20 ]; do
	kvmig status m-1 >"s.out.$i" 2>"s.err.$i" &
	eval "p$i=$!"
	i=$((i + 1))
done
failures=0
i=0
while [ $i -lt 20 ]; do
	eval "wait \$p$i" || failures=$((failures + 1))
	i=$((i + 1))
done
expect 'none failed' [ $failures -eq 0 ]
expect 'none could not start one' sh -c '! grep -q "nobody carries" s.err.*'
expect 'it began' wait_for grep -q 'controls context' "$log"
expect 'one began' [ "$(grep -c 'controls context' "$log")" -eq 1 ]
expect 'no second one tried' sh -c '! grep -q "another controller" "$1"' sh "$log"

test_case 'it has a session of its own, a clean environment, no files of its caller'
{ usual; migration m-1 web-1 Pending; } | fresh
run env SECRET=hunter2 kvmig status m-1
pid=$(holder)
expect 'a session of its own' [ "$(ps -o sid= -p "$pid" | tr -d ' ')" = "$pid" ]
expect 'not the environment' sh -c '! tr "\0" "\n" <"/proc/$1/environ" | grep -q SECRET' sh "$pid"
expect 'HOME is kept' sh -c 'tr "\0" "\n" <"/proc/$1/environ" | grep -q ^HOME=' sh "$pid"
expect 'stdin' [ "$(readlink "/proc/$pid/fd/0")" = /dev/null ]
expect 'stderr' [ "$(readlink "/proc/$pid/fd/2")" = "$log" ]
expect 'the log is private' [ "$(stat -c %a "$log")" = 600 ]

test_case 'it survives Ctrl-C and the end of its caller'"'"'s session'
{ usual; migration m-1 web-1 Pending; } | fresh
setsid -w sh -c 'kvmig status m-1 >/dev/null 2>&1; kill -INT 0' >/dev/null 2>&1
expect 'it lives' kill -0 "$(holder)"

test_case 'killed with -9: the next command starts another'
pid=$(holder)
kill -9 "$pid"
expect 'it is gone' wait_for has_ended "$pid"
run kvmig status m-1
expect_stderr_has 'one is started now'
expect 'another' [ "$(holder)" != "$pid" ]

test_case 'an older one is asked to hand over'
pid=$(holder)
# In place: the lock is on this very file.
sed 's/ [^ ]*$/ 0.0.1/' "$lock" >lock.new
cat lock.new >"$lock"
run kvmig cancel m-1 --timeout 120s
expect_status 0
expect 'the old one ended' wait_for has_ended "$pid"
expect 'cleanly' grep -q 'ends: told to' "$log"

test_case 'what was put aside: a large log'
end_controllers
{ usual; migration m-1 web-1 Pending; } | fresh
head -c 5000000 /dev/zero >"$log"
run kvmig status m-1
expect 'the old one' [ "$(stat -c %s "$log.1")" -eq 5000000 ]
expect 'a new one' [ "$(stat -c %s "$log")" -lt 100000 ]

test_case 'it cannot start: its last words are told'
{ usual; migration m-1 web-1 Pending; } | fresh
mkdir -p "$log"
run kvmig status m-1
expect_status 0
expect_stderr_has "nobody carries migrations on: cannot open the controller's log"

test_case 'its cluster is removed under it: it ends'
{ usual; migration m-1 web-1 Pending; } | fresh
kvmig controller 2>fg.err &
pid=$!
expect 'it has the lock' wait_for [ -s "$lock" ]
rm -rf "$XDG_STATE_HOME/kvmig/local"
expect 'it ends' wait_for sh -c '! kill -0 "$1"' sh "$pid"
wait $pid || :
expect 'and says why' grep -q 'is gone' fg.err

test_case '--read-only and a cluster that is not there'
usual | fresh
run kvmig controller --read-only
expect_status 7
run kvmig --context local/none controller
expect_status 1
expect_stderr_has "local/none"

done_testing
