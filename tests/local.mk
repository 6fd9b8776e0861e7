# Checks of the tree itself: layering, style, headers.
tree_tests = \
	%D%/tree/headers.sh \
	%D%/tree/layers.sh \
	%D%/tree/reasons.sh \
	%D%/tree/style.sh
TESTS += $(tree_tests)
dist_check_SCRIPTS += $(tree_tests)
dist_noinst_SCRIPTS += %D%/bench/bench.py %D%/bench/policy-memory.sh

# Figures that need no hosts; built with the checks, run by scripts/check.
check_PROGRAMS += %D%/bench/policy %D%/bench/policy-fill %D%/bench/targets
tests_bench_targets_SOURCES = %D%/bench/targets.c
tests_bench_targets_LDADD = libkvmig.la
tests_bench_policy_SOURCES = %D%/bench/policy.c %D%/bench/policy-world.h
tests_bench_policy_LDADD = libkvmig.la
tests_bench_policy_fill_SOURCES = %D%/bench/policy-fill.c %D%/bench/policy-world.h
tests_bench_policy_fill_LDADD = libkvmig.la
