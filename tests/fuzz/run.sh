#!/bin/sh
# Fuzzes every target for so many seconds each, starting from its corpus: tests/fuzz/run.sh SECONDS [NAME…]
# To be run in a build folder that has been configured; needs clang. What makes a target fail is left in
# tests/fuzz/found/ of that folder: mend it, then add the input to tests/fuzz/corpus/NAME.
set -eu
seconds=${1:?usage: run.sh SECONDS [NAME...]}
shift
case $seconds in '' | *[!0-9]*) echo "run.sh: '$seconds' is not a number of seconds" >&2 && exit 2 ;; esac
source=$(cd "$(dirname "$0")" && pwd)
[ -f Makefile ] || { echo 'run.sh: run it in the build folder' >&2 && exit 2; }
make fuzz
# shellcheck disable=SC2046,SC2012 # names of ours, one word each
[ $# -gt 0 ] || set -- $(cd "$source" && ls fuzz-*.c | sed 's/^fuzz-//; s/\.c$//')
mkdir -p tests/fuzz/found
failed=
for name; do
	mkdir -p "tests/fuzz/grown/$name"
	if tests/fuzz/fuzz-"$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 \
		-print_final_stats=1 -artifact_prefix="tests/fuzz/found/$name-" \
		"tests/fuzz/grown/$name" "$source/corpus/$name" >"tests/fuzz/$name.log" 2>&1; then
		echo "ok $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "tests/fuzz/$name.log") inputs"
	else
		echo "not ok $name: see tests/fuzz/$name.log"
		failed="$failed $name"
	fi
done
[ -z "$failed" ]
