# Suites on a real API server: not part of `make check`. They run the kvmig of this build folder, or another:
#   make check-kube KVMIG=DIR/bin/kvmig
kube_tests = \
	%D%/api.sh \
	%D%/bed.sh \
	%D%/check.sh \
	%D%/commands.sh \
	%D%/compare.sh \
	%D%/config.sh \
	%D%/config-releases.sh \
	%D%/config-write.sh \
	%D%/config-lint.sh \
	%D%/edit.sh \
	%D%/findings.sh \
	%D%/info.sh \
	%D%/migrate.sh \
	%D%/policy.sh \
	%D%/proxy.sh \
	%D%/rbac.sh \
	%D%/rbac-grant.sh \
	%D%/secrets.sh \
	%D%/targets.sh \
	%D%/virt-api.sh \
	%D%/rbac-show.sh

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
# src/rbac against the server's own answers.
check_PROGRAMS += %D%/rbac-random
tests_kube_rbac_random_SOURCES = %D%/rbac-random.c
tests_kube_rbac_random_LDADD = libcmd.la
# What a command costs.
check_PROGRAMS += %D%/spend
tests_kube_spend_SOURCES = %D%/spend.c
tests_kube_spend_LDADD =
check-kube check-kube-scale: %D%/api-client$(EXEEXT) %D%/rbac-random$(EXEEXT) %D%/spend$(EXEEXT)
dist_check_SCRIPTS += $(kube_tests) %D%/scale.sh %D%/build.sh
dist_noinst_SCRIPTS += %D%/measure.py %D%/kubevirt-phases.py
EXTRA_DIST += %D%/lib.sh %D%/nodes.jq %D%/servers %D%/tools %D%/crds %D%/manifests
