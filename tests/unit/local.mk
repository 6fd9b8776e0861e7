# One program per module: test-<module>.c, GLib's GTest, TAP.
unit_tests = \
	%D%/test-base

check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)

AM_UNIT_LDADD = libkvmig.la

tests_unit_test_base_SOURCES = %D%/test-base.c
tests_unit_test_base_LDADD = $(AM_UNIT_LDADD)
