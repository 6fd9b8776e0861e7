#!/bin/sh
# Every reason code of src/base/reason.h was given to a user by some suite: kvmig printed it, or its controller wrote it into
# its log. What the suites saw is in their record (KVMIG_REASON_LOG; tests/cli/lib.sh, tests/lab/lib.sh): not what manual
# pages list, nor what a suite had put into the store itself. Runs after the suites, those with real hosts included:
#   reason-coverage.sh BUILD-FOLDER [-l]
# With -l: the list, code and suites; else the record is removed, so that the next round begins anew.
set -eu
build=${1:?the build folder is missing}
top=$(cd "$(dirname "$0")/../.." && pwd)
log=$build/tests/reason-log
[ -s "$log" ] || { echo "no record in $log: run the suites first" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What no suite can bring about at will (of one, whether it comes is up to the daemons), the case of a unit test that gets
# it from the code itself (tests/unit/reason-log.h), and why. All of these are ends of a switch from one host to the other
# that is cut in one of its steps, which real daemons do in less than a millisecond; the rules that decide are
# src/engine/settle.c.
cat >"$work/listed" <<END
KVMIG-ALARM-BOTH-PAUSED unit/settle/target-paused the source has stopped, the target is not started yet, and neither daemon can tell
KVMIG-ALARM-COPY-LEFT unit/engine-faults/source-daemon-dies-before-confirm the source's daemon dies after the target has started
KVMIG-ALARM-NONE-LEFT unit/settle/one-copy the guest ends on both hosts within the switch
KVMIG-ALARM-TWO-RUNNING unit/settle/two-running the target's daemon carries out a Finish that the source has given up
KVMIG-ALARM-ONE-PAUSED unit/engine-faults/source-left-paused-unheard the source's daemon dies while the target was not heard
END

LC_ALL=C sort -u "$log" >"$work/seen"
sed -n 's/^[[:space:]]*REASON([A-Z0-9_]*, "\(KVMIG-[A-Z0-9-]*\)".*/\1/p' "$top/src/base/reason.h" >"$work/table"
awk -v list="${2:-}" -v table="$work/table" -v listed="$work/listed" '
	function wrong(words) { print words; bad = 1 }
	BEGIN {
		while ((getline code < table) > 0) { known[code] = 1; codes[++n] = code }
		while ((getline line < listed) > 0) { split(line, word, " "); unit[word[1]] = word[2] }
		if (n < 100) wrong("the table cannot be read")
		for (code in unit) if (!(code in known)) wrong("listed here, and not in the table: " code)
	}
	NF != 2 { wrong("a line that is none: " $0); next }
	!($2 in known) { wrong($1 " saw a code that is not in the table: " $2) }
	$1 ~ /^unit\// { if (($2 in unit) && unit[$2] == $1) proven[$2] = $1; next }
	{ suites[$2] = suites[$2] " " $1; count++ }
	END {
		for (i = 1; i <= n; i++) {
			code = codes[i]
			if (list == "-l") print code (suites[code] ? suites[code] : " " proven[code])
			if (suites[code] || proven[code]) continue
			wrong(code in unit ? "not given by " unit[code] ": " code : "never given: " code)
		}
		print n " codes; suites gave them " count " times"
		exit bad
	}' "$work/seen" || bad=yes
[ "${2:-}" = -l ] || rm -f "$log"
[ -z "${bad:-}" ]
