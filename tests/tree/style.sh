#!/bin/sh
# What of HACKING.md a script can check.
set -eu
top=${top_srcdir:-$(dirname "$0")/../..}
cd "$top"
n=0
echo 1..8

report() { # description findings
	n=$((n + 1))
	if [ -z "$2" ]; then
		echo "ok $n - $1"
	else
		printf '%s\n' "$2" | sed 's/^/# /'
		echo "not ok $n - $1"
	fi
}

sources=$(find src cmd tests -name '*.[ch]' | LC_ALL=C sort)

# Unbounded or locale-dependent calls of libc for which GLib has a better one. The guest has no libc at all.
report 'no banned function' "$(echo "$sources" | grep -v '^src/lab/guest/' |
	xargs grep -nE '(^|[^a-zA-Z0-9_>.])(strcpy|strcat|sprintf|vsprintf|strtok|gets|atoi|atol|atoll|strtol|strtoul|strtoll|strtoull|system|popen|tmpnam|mktemp|alloca)[[:space:]]*\(' || :)"
report 'src/ neither prints nor exits' "$(find src -name '*.[ch]' | grep -v -e '^src/lab/guest/' |
	xargs grep -nE '(^|[^a-zA-Z0-9_])(printf|puts|putchar|perror|exit|g_print|g_printerr|abort)[[:space:]]*\(' || :)"
report 'case-sensitive cJSON look-ups only' "$(echo "$sources" |
	xargs grep -nE 'cJSON_(GetObjectItem|HasObjectItem|DeleteItemFromObject|DetachItemFromObject|ReplaceItemInObject)[[:space:]]*\(' || :)"
report 'every file says its licence' "$(for f in $sources; do head -n 1 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$f"; done)"
report 'no line over 100 columns' "$(for f in $sources; do expand -t 8 "$f" | awk -v f="$f" 'length($0) > 100 { print f ":" NR }'; done)"
report 'no file over 800 lines, none in cmd over 400' "$(for f in $sources; do
	lines=$(wc -l <"$f"); limit=800; case $f in cmd/*) limit=400 ;; esac
	[ "$lines" -le "$limit" ] || echo "$f: $lines lines"; done)"
report 'no blanks at the end of a line, no C++ comments' "$(echo "$sources" | xargs grep -nE '[[:space:]]+$|^[[:space:]]*//' || :)"
# The phase of a migration has one setter.
report 'one setter of status.phase' "$(find src/engine src/inventory cmd -name '*.c' -exec grep -nE 'json_set(_string)?\([^;]*"phaseTransitionTimestamps"' {} + || :)"
