# Checks of the tree itself: layering, style, headers.
tree_tests = \
	%D%/tree/headers.sh \
	%D%/tree/layers.sh \
	%D%/tree/style.sh
TESTS += $(tree_tests)
dist_check_SCRIPTS += $(tree_tests)
dist_noinst_SCRIPTS += %D%/bench/bench.py
