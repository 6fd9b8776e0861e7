#!/bin/sh
# Fuzzes every target for so many seconds each, starting from its corpus, as many side by side as there are processors:
# tests/fuzz/run.sh SECONDS [NAME…]. To be run in a build folder that has been configured; needs clang. What makes a
# target fail is left in tests/fuzz/found/ of that folder: mend it, then add the input to tests/fuzz/corpus/NAME.
#
# What is tried is random, by a seed that is the same each time: in a new build folder each run of one commit tries the
# same, as far as it gets. FUZZ_SEED=N is another one, FUZZ_SEED=0 one that nobody knows before: the log says which.
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

# The input that was found ends in the log too, so that a machine that keeps only logs is enough.
fuzz() { # NAME
	log=tests/fuzz/$1.log
	mkdir -p "tests/fuzz/grown/$1"
	if tests/fuzz/fuzz-"$1" -seed="${FUZZ_SEED:-1}" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=2048 -max_len=65536 \
		-print_final_stats=1 -artifact_prefix="tests/fuzz/found/$1-" \
		"tests/fuzz/grown/$1" "$source/corpus/$1" >"$log" 2>&1; then
		echo "ok $1: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, coverage$(
			sed -n 's/.*cov: \([0-9]*\) .*/ \1/p' "$log" | tail -n 1)"
	else
		echo "not ok $1: the end of tests/fuzz/$1.log:"
		tail -n 40 "$log" | sed 's/^/    /'
		return 1
	fi
}

failed=false
while [ $# -gt 0 ]; do
	running=
	for _ in $(seq "$(nproc)"); do
		[ $# -gt 0 ] || break
		fuzz "$1" &
		running="$running $!"
		shift
	done
	for pid in $running; do
		wait "$pid" || failed=true
	done
done
! $failed
