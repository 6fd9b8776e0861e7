# One program per module: test-<module>.c, GLib's GTest, TAP.
unit_tests = \
	%D%/test-base \
	%D%/test-sim \
	%D%/test-uri

check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)

AM_UNIT_LDADD = libkvmig.la

tests_unit_test_base_SOURCES = %D%/test-base.c
tests_unit_test_base_LDADD = $(AM_UNIT_LDADD)

tests_unit_test_sim_SOURCES = %D%/test-sim.c
tests_unit_test_sim_LDADD = $(AM_UNIT_LDADD)

tests_unit_test_uri_SOURCES = %D%/test-uri.c
tests_unit_test_uri_LDADD = $(AM_UNIT_LDADD)

# The unit tests again, under valgrind: for developers and scripts/check.
check-valgrind: $(unit_tests)
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(unit_tests)' \
		LOG_COMPILER='valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
		--errors-for-leak-kinds=definite --child-silent-after-fork=yes'
.PHONY: check-valgrind
