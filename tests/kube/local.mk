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
	%D%/secrets.sh

# Beds have addresses of their own: two at a time go well. What is measured is measured alone.
check-kube:
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(kube_tests)'
check-kube-scale:
	$(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='%D%/scale.sh'
.PHONY: check-kube check-kube-scale
# cluster.h from the command line.
check_PROGRAMS += %D%/api-client
tests_kube_api_client_SOURCES = %D%/api-client.c
tests_kube_api_client_LDADD = libkvmig.la
# What a command costs.
check_PROGRAMS += %D%/spend
tests_kube_spend_SOURCES = %D%/spend.c
tests_kube_spend_LDADD =
check-kube check-kube-scale: %D%/api-client$(EXEEXT) %D%/spend$(EXEEXT)
dist_check_SCRIPTS += $(kube_tests) %D%/scale.sh %D%/build.sh
dist_noinst_SCRIPTS += %D%/measure.py %D%/kubevirt-phases.py
EXTRA_DIST += %D%/lib.sh %D%/nodes.jq %D%/servers %D%/tools %D%/crds %D%/manifests
