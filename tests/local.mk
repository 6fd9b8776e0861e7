# Checks of the tree itself: layering, style, headers.
tree_tests = \
	%D%/tree/headers.sh \
	%D%/tree/layers.sh \
	%D%/tree/style.sh
TESTS += $(tree_tests)
dist_check_SCRIPTS += $(tree_tests)
dist_noinst_SCRIPTS += %D%/bench/bench.py

# Figures that need no hosts; built with the checks, run by scripts/check.
check_PROGRAMS += %D%/bench/policy
tests_bench_policy_SOURCES = %D%/bench/policy.c
tests_bench_policy_LDADD = libkvmig.la
