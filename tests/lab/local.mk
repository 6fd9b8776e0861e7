# Suites on real libvirt daemons and guests: not part of `make check`. They run an installed kvmig:
#   make install prefix=DIR && make check-lab KVMIG=DIR/bin/kvmig
lab_tests = \
	%D%/examples.sh \
	%D%/faults.sh \
	%D%/inventory.sh \
	%D%/json.sh \
	%D%/lab.sh \
	%D%/lab-faults.sh \
	%D%/migrate.sh \
	%D%/migrate-user.sh \
	%D%/tls.sh \
	%D%/valgrind.sh
# The shorter ones, which scripts/check also runs with the sanitizers.
lab_tests_quick = \
	%D%/faults-quick.sh \
	%D%/lab.sh \
	%D%/migrate.sh

check-lab:
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(lab_tests)'
check-lab-quick:
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(lab_tests_quick)'
.PHONY: check-lab check-lab-quick
dist_check_SCRIPTS += $(lab_tests) %D%/faults-quick.sh
EXTRA_DIST += %D%/lib.sh %D%/faults-lib.sh
