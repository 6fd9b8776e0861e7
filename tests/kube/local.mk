# Suites on a real API server: not part of `make check`. They run the kvmig of this build folder, or another:
#   make check-kube KVMIG=DIR/bin/kvmig
kube_tests = \
	%D%/api.sh \
	%D%/bed.sh \
	%D%/commands.sh \
	%D%/compare.sh \
	%D%/config.sh \
	%D%/edit.sh \
	%D%/info.sh \
	%D%/policy.sh \
	%D%/proxy.sh \
	%D%/scale.sh \
	%D%/secrets.sh

check-kube:
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(kube_tests)'
.PHONY: check-kube
# cluster.h from the command line.
check_PROGRAMS += %D%/api-client
tests_kube_api_client_SOURCES = %D%/api-client.c
tests_kube_api_client_LDADD = libkvmig.la
# What a command costs.
check_PROGRAMS += %D%/spend
tests_kube_spend_SOURCES = %D%/spend.c
tests_kube_spend_LDADD =
check-kube: %D%/api-client$(EXEEXT) %D%/spend$(EXEEXT)
dist_check_SCRIPTS += $(kube_tests) %D%/build.sh
dist_noinst_SCRIPTS += %D%/measure.py
EXTRA_DIST += %D%/lib.sh %D%/servers %D%/tools %D%/crds %D%/manifests
