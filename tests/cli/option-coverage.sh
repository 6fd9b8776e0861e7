#!/bin/sh
# Every visible option of every command was used by a test: compares the record that kvmig writes with
# KVMIG_OPTION_LOG (all suites set it) with its own tables. Runs after the suites, those with real hosts included:
#   option-coverage.sh BUILD-FOLDER
# The record is removed, so that the next round begins anew.
set -eu
build=${1:?the build folder is missing}
log=$build/tests/option-log
[ -s "$log" ] || { echo "no record in $log: run the suites first" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"; rm -f "$log"' EXIT

LC_ALL=C sort -u "$log" >"$work/used"
"$build/kvmig" --introspect-cli | jq -r '
	def rows($path): select(.needs | contains(["hidden"]) | not) | "\($path) \(.name)" as $here
		| (.options[]? | select(.hidden | not) | "\($here) --\(.name)"), (.commands[]? | rows($here));
	.name as $program | .commands[] | rows($program)' | LC_ALL=C sort -u >"$work/all"
# Options that every command has in common need one use each, not one for each command.
own='.. | objects | select(.inherited? == true) | "--\(.name)"'
"$build/kvmig" --introspect-cli | jq -r "$own" | LC_ALL=C sort -u >"$work/common"
awk -v used="$work/used" -v common="$work/common" '
	BEGIN {
		while ((getline line < used) > 0) { seen[line] = 1; n = split(line, word, " "); option[word[n]] = 1 }
		while ((getline line < common) > 0) shared[line] = 1
	}
	{
		n = split($0, word, " ")
		if (!($0 in seen) && !((word[n] in shared) && (word[n] in option))) { print "never used: " $0; bad = 1 }
	}
	END { print NR " options of commands"; exit bad }' "$work/all"
