# shellcheck shell=sh disable=SC2034
# Harness of the command-line tests, TAP. A test sources this, then:
#
#	test_case 'what must hold'
#	run kvmig node list -o json
#	expect_status 0
#	expect_json '.items | length' 2
#	…
#	done_testing
#
# Each script has a folder of its own ($work, the current one), with HOME, TMPDIR and the XDG folders in it; no kubeconfig, no
# context, no colours, no terminal. `kvmig` is the one that was built; $out, $err and $status are of the last `run`.
# A kvmig that dies by a signal fails the case, whatever is expected.
set -u
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${top_builddir:-$top/build}" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/kvmig-cli-XXXXXX") || exit 99
out=$work/.out err=$work/.err status=0
cases=0 case_name='' case_failed='' failed=0 at_exit=:

mkdir -p "$work/home" "$work/run" "$work/bin" "$work/tmp"
chmod 700 "$work/run"
ln -s "${KVMIG:-$build/kvmig}" "$work/bin/kvmig"
# A pager would wait for a key.
PAGER=cat MANPAGER=cat
PATH=$work/bin:$PATH HOME=$work/home XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config
XDG_CACHE_HOME=$work/cache XDG_RUNTIME_DIR=$work/run TMPDIR=$work/tmp TERM=dumb LC_ALL=C.UTF-8
KVMIG_REASONS_PUT=$work/.reasons-put
KVMIG_TEST_COMPLETE_S=60 # what a completion offers does not hang on how slow the machine is
export KVMIG_TEST_COMPLETE_S
export KVMIG_REASONS_PUT PAGER MANPAGER PATH HOME XDG_STATE_HOME XDG_CONFIG_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR TMPDIR TERM LC_ALL
unset KUBECONFIG KVMIG_CONTEXT NO_COLOR COLUMNS KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT
cd "$work" || exit 99

is_kvmig() { # PID
	case $(readlink "/proc/$1/exe" 2>/dev/null) in */kvmig) ;; *) return 1 ;; esac
}

# It has nothing open any more, no lock either, once the last of its threads has ended, which the first may precede; it may
# then wait for somebody to hear of its end.
has_ended() { # PID
	for thread in "/proc/$1/task"/*; do
		case $(sed 's/.*) //; s/ .*//' "$thread/stat" 2>/dev/null) in '' | Z | X) ;; *) return 1 ;; esac
	done
}

# Ends the controllers that the test's commands have started, those whose lock is in this test's own folder, and waits for
# their end, 10 s at most: what one does while it goes would meet what the test does next.
end_controllers() {
	for lock in "$XDG_STATE_HOME"/kvmig/*/controller.lock "$XDG_STATE_HOME"/kvmig/*/*/controller.lock; do
		[ -s "$lock" ] || continue
		pid=$(sed -n '1s/^[^0-9]*\([0-9][0-9]*\).*/\1/p' "$lock")
		is_kvmig "${pid:-0}" || continue
		kill "$pid" 2>/dev/null
		patience=100 wait_for has_ended "$pid" || :
	done
}

leave() {
	eval "$at_exit"
	end_controllers
	cd /
	rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM

end_case() {
	[ -n "$case_name" ] || return 0
	cases=$((cases + 1))
	if [ -n "$case_failed" ]; then
		failed=$((failed + 1))
		echo "not ok $cases - $case_name"
	else
		echo "ok $cases - $case_name"
	fi
}

test_case() { # description
	end_case
	case_name=$1 case_failed=''
}

done_testing() {
	end_case
	record_reasons
	echo "1..$cases"
	[ "$failed" -eq 0 ]
	exit
}

# The whole script needs a program: without it the script is skipped, and says so.
requires() { # program…
	for program in "$@"; do
		command -v "$program" >/dev/null || {
			echo "1..0 # SKIP $program is not installed"
			exit 0
		}
	done
}

complain() { # message
	case_failed=yes
	printf '%s\n' "$1" | sed 's/^/# /'
}

show() {
	echo "# \$ $command_line (status $status)"
	# not sed, which leaves the last line without an end where it has none: what follows must be seen
	awk '{ print "#   out: " $0 }' "$out"
	awk '{ print "#   err: " $0 }' "$err"
}

run() { # command…
	command_line=$*
	"$@" >"$out" 2>"$err" </dev/null && status=0 || status=$?
	check_crash
}

# The same with what comes from standard input.
run_input() { # command… <input
	command_line=$*
	"$@" >"$out" 2>"$err" && status=0 || status=$?
	check_crash
}

# On a terminal: what a person would see, standard error included, is in $out.
run_tty() { # command line, one word
	command_line=$1
	: >"$err"
	script -qec "$1" /dev/null </dev/null >"$out" 2>&1 && status=0 || status=$?
	check_crash
}

check_crash() {
	if [ "$status" -gt 128 ] && [ "$status" -ne 130 ] && [ "$status" -ne 141 ]; then
		complain "died by signal $((status - 128))"
		show
	fi
	lib_said=$(grep -aohE 'Sanitizer:|KVMIG-[A-Z]+(-[A-Z0-9]+)+' "$out" "$err")
	case $lib_said in
	*Sanitizer:*)
		complain "a sanitizer complains"
		show
		;;
	KVMIG-*) note_reasons "$lib_said" ;;
	esac
}

# What kvmig has said, for reason-coverage.sh; manual pages name codes that nothing has given.
note_reasons() { # WORDS
	case " $command_line " in
	*' help '* | *' --help '* | *' -h '*) ;;
	*kvmig*) printf '%s\n' "$1" >>"$work/.reasons" ;;
	esac
}

# With the names of this suite; not those that it has put into the store itself.
record_reasons() {
	[ -n "${KVMIG_REASON_LOG:-}" ] && [ -s "$work/.reasons" ] || return 0
	touch "$KVMIG_REASONS_PUT"
	LC_ALL=C sort -u "$work/.reasons" | grep -vxF -f "$KVMIG_REASONS_PUT" |
		sed -u "s|^|$(basename "$(dirname "$0")")/$(basename "$0") |" >>"$KVMIG_REASON_LOG"
}

expect_status() { # number
	[ "$status" -eq "$1" ] || { complain "status $1 was expected"; show; }
}

expect_stdout() { # <text: exactly that
	cat >"$work/.want"
	cmp -s "$work/.want" "$out" || { complain "other output"; diff -u "$work/.want" "$out" | sed 's/^/# /'; show; }
}

expect_stderr() { # <text: exactly that
	cat >"$work/.want"
	cmp -s "$work/.want" "$err" || { complain "other messages"; diff -u "$work/.want" "$err" | sed 's/^/# /'; show; }
}

expect_stdout_has() { # text
	grep -qF -e "$1" "$out" || { complain "no '$1' in the output"; show; }
}

expect_stdout_lacks() { # text
	! grep -qF -e "$1" "$out" || { complain "'$1' in the output"; show; }
}

expect_stderr_has() { # text
	grep -qF -e "$1" "$err" || { complain "no '$1' in the messages"; show; }
}

expect_stderr_lacks() { # text
	! grep -qF -e "$1" "$err" || { complain "'$1' in the messages"; show; }
}

expect_no_stdout() {
	[ ! -s "$out" ] || { complain "there is output"; show; }
}

expect_no_stderr() {
	[ ! -s "$err" ] || { complain "there are messages"; show; }
}

expect_json() { # jq filter, value as jq -r prints it
	got=$(jq -r "$1" "$out" 2>&1) || got="not JSON: $got"
	[ "$got" = "$2" ] || { complain "$1 is '$got', not '$2'"; show; }
}

expect() { # message, command…
	message=$1
	shift
	"$@" || { complain "$message"; }
}

# Until it succeeds. The limit is for what fails, not for what a slow machine takes: a minute, or $patience tenths of a second.
wait_for() { # command…
	tries=0
	until "$@" >/dev/null 2>&1; do
		[ $((tries += 1)) -lt "${patience:-600}" ] || return 1
		sleep 0.1
	done
}

# Whether Ctrl-C would be heard of: what a shell starts in the background ignores it, until that has come to wait for it.
# Before that, while it still is a shell, it has this one's traps, which nothing comes of.
hears_interrupt() { # PID
	is_kvmig "$1" || return 1
	caught=$(sed -n 's/^SigCgt:.*\(....\)$/\1/p' "/proc/$1/status") && [ $((0x$caught & 2)) -ne 0 ]
}

expect_narrow() { # label: no line of the output has more than 80 columns
	awk 'length($0) > 80 { bad = 1 } END { exit bad }' "$out" || { complain "$1: over 80 columns"; show; }
}

# The fields of the documents in a file are those that a section of kvmig-json(7) names, or several with | between, no more
# and no less; less is allowed of those that are given.
expect_documented() { # SECTION FILE [MISSING…]
	awk -v heads="|$1|" '/^# / { on = index(heads, "|" substr($0, 3) "|") } on && /^`/' "$top/man/kvmig-json.7.md" | tr ',' '\n' |
		tr -d '` ' | grep . | LC_ALL=C sort >"$work/.documented"
	jq -r '(.items[]? // .) | del(.apiVersion, .kind) | paths(type != "object") | map(select(type == "string")) |
		join(".")' "$2" | sed '/^items/d; s/^addedNodeSelector\..*/addedNodeSelector/' | LC_ALL=C sort -u >"$work/.emitted"
	shift 2
	printf '%s\n' "$@" | grep . | cat - "$work/.emitted" | LC_ALL=C sort -u >"$work/.known"
	cmp -s "$work/.documented" "$work/.known" || {
		complain 'documented (-) and printed (+) differ'
		diff -u "$work/.documented" "$work/.known" | sed 's/^/# /'
	}
}
