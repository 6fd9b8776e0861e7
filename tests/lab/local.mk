# Suites on real libvirt daemons and guests: not part of `make check`. They run an installed kvmig:
#   make install prefix=DIR && make check-lab KVMIG=DIR/bin/kvmig
lab_tests =
# The shorter ones, which scripts/check also runs with the sanitizers.
lab_tests_quick =

check-lab:
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(lab_tests)'
check-lab-quick:
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(lab_tests_quick)'
.PHONY: check-lab check-lab-quick
