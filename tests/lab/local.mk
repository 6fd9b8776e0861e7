# Suites on real libvirt daemons and guests: not part of `make check`. They run an installed kvmig:
#   ../configure --prefix=DIR && make install && make -j2 check-lab KVMIG=DIR/bin/kvmig
# Each has folders, daemons and networks of its own, so that they run side by side (make -j2); the longest first.
lab_tests = \
	%D%/faults.sh \
	%D%/migrate.sh \
	%D%/lab.sh \
	%D%/examples.sh \
	%D%/migrate-user.sh \
	%D%/valgrind.sh \
	%D%/lab-faults.sh \
	%D%/config.sh \
	%D%/policy.sh \
	%D%/targets.sh \
	%D%/check.sh \
	%D%/tls.sh \
	%D%/inventory.sh \
	%D%/json.sh
# The shorter ones, which scripts/check also runs with the sanitizers.
lab_tests_quick = \
	%D%/migrate.sh \
	%D%/faults-quick.sh

check-lab:
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(lab_tests)'
check-lab-quick:
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(lab_tests_quick)'
.PHONY: check-lab check-lab-quick
dist_check_SCRIPTS += $(lab_tests) %D%/faults-quick.sh
EXTRA_DIST += %D%/lib.sh %D%/faults-lib.sh
