# Command-line tests: one script for each command, and what concerns all of them. How to write one: lib.sh.
cli_tests = \
	%D%/apply.sh \
	%D%/cancel.sh \
	%D%/capacity.sh \
	%D%/check.sh \
	%D%/cluster.sh \
	%D%/completion.sh \
	%D%/config.sh \
	%D%/config-diff.sh \
	%D%/config-lint.sh \
	%D%/context.sh \
	%D%/controller.sh \
	%D%/create.sh \
	%D%/delete.sh \
	%D%/edit.sh \
	%D%/examples.sh \
	%D%/general.sh \
	%D%/get.sh \
	%D%/help.sh \
	%D%/hints.sh \
	%D%/history.sh \
	%D%/kubeconfig.sh \
	%D%/label.sh \
	%D%/migrate.sh \
	%D%/no-terminal.sh \
	%D%/network.sh \
	%D%/node.sh \
	%D%/policy.sh \
	%D%/policy-bad.sh \
	%D%/rbac.sh \
	%D%/status.sh \
	%D%/targets.sh \
	%D%/version.sh \
	%D%/vm.sh
TESTS += $(cli_tests)
dist_check_SCRIPTS += $(cli_tests)
dist_noinst_SCRIPTS += %D%/option-coverage.sh %D%/reason-coverage.sh
EXTRA_DIST += %D%/lib.sh %D%/objects.sh
CLEANFILES += tests/option-log tests/reason-log
# They run the program, and look at the pages and scripts that are made with it.
$(cli_tests:.sh=.log): kvmig$(EXEEXT)

# Puts objects into a test's store, where a test needs some that only the inventory would make.
check_PROGRAMS += %D%/put-object
tests_cli_put_object_SOURCES = %D%/put-object.c
tests_cli_put_object_LDADD = libkvmig.la
$(cli_tests:.sh=.log): %D%/put-object$(EXEEXT)
EXTRA_DIST += %D%/complete.bash %D%/complete.zsh
