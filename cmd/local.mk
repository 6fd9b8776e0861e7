# One line for each subcommand's file; gencli links them too, and makes pages and completions of their tables.
noinst_LTLIBRARIES += libcmd.la
libcmd_la_SOURCES = \
	%D%/apply.c \
	%D%/batch.h %D%/batch-record.c %D%/batch-rehearse.c %D%/batch-show.c %D%/batch-start.c %D%/batch-watch.c \
	%D%/cancel.c \
	%D%/cluster.c %D%/cluster-info.c %D%/cluster-info.h %D%/cluster-may.c \
	%D%/capacity.c \
	%D%/check.c %D%/check.h %D%/check-cluster.c %D%/check-gather.c %D%/check-hosts.c \
	%D%/check-kubevirt.c %D%/check-may.c %D%/check-policy.c %D%/check-vm.c \
	%D%/cmd.h \
	%D%/commands.c %D%/commands.def \
	%D%/complete.c \
	%D%/completion.c \
	%D%/context.c \
	%D%/config.c %D%/config-common.h %D%/config-change.c %D%/config-edit.c %D%/config-history.c \
	%D%/config-diff.c %D%/config-diff.h %D%/config-diff-other.c \
	%D%/config-lint.c %D%/config-lint.h %D%/config-lint-flight.c \
	%D%/config-preset.c %D%/config-view.c \
	%D%/controller.c \
	%D%/delete.c \
	%D%/dispatch.c \
	%D%/edit.c %D%/edit.h %D%/edit-object.c \
	%D%/editor.c %D%/editor.h \
	%D%/follow.c %D%/follow.h \
	%D%/get.c %D%/get.h %D%/get-watch.c \
	%D%/globals.c \
	%D%/help.c \
	%D%/hint.c \
	%D%/history.c \
	%D%/label.c \
	%D%/lint.c %D%/lint.h \
	%D%/log.c \
	%D%/network.c %D%/network.h %D%/network-check.c %D%/network-create.c %D%/network-probe.c \
	%D%/node.c %D%/node.h %D%/node-add.c %D%/node-change.c %D%/node-kubevirt.c \
	%D%/observe.c %D%/observe.h \
	%D%/manifest-files.c %D%/manifest-files.h %D%/manifest-write.c \
	%D%/migrate.c %D%/migrate-batch.c %D%/migrate-create.c %D%/migrate-judge.c %D%/migrate-kubevirt.c \
	%D%/migrate-one.c %D%/migrate-preflight.c %D%/migrate-select.c %D%/migrate-targets.c %D%/migrate-verdict.c %D%/migrate.h \
	%D%/migration.h %D%/migration-find.c %D%/migration-cause.c %D%/migration-gone.c %D%/migration-kubevirt.c %D%/migration-remember.c %D%/migration-print.c %D%/migration-show.c \
	%D%/migration-waits.c %D%/migration-waits.h \
	%D%/open.c \
	%D%/resource.c %D%/resource.h \
	%D%/policy.c %D%/policy.h %D%/policy-answer.c %D%/policy-create.c \
	%D%/policy-edit.c %D%/policy-explain.c %D%/policy-explain.h %D%/policy-gates.c \
	%D%/policy-lint.c %D%/policy-lint.h %D%/policy-lint-vms.c %D%/policy-matches.c \
	%D%/policy-projects.c %D%/policy-projects.h %D%/policy-test.c %D%/policy-verdict.c \
	%D%/rbac.c %D%/rbac.h %D%/rbac-aggregate.c %D%/rbac-bind.c %D%/rbac-change.h %D%/rbac-grant.c \
	%D%/rbac-preserve.c %D%/rbac-preserve.h %D%/rbac-preserve-end.c %D%/rbac-preserve-look.c \
	%D%/rbac-prove.c %D%/rbac-revoke.c %D%/rbac-whom.c \
	%D%/rbac-ask.c %D%/rbac-ask.h %D%/rbac-check.c %D%/rbac-list.c %D%/rbac-load.c %D%/rbac-rights.c %D%/rbac-unread.c %D%/rbac-who-can.c \
	%D%/review.c %D%/review.h \
	%D%/rights.c %D%/rights.h \
	%D%/status.c %D%/status-watch.c %D%/status-watch.h \
	%D%/talk.c \
	%D%/targets.c %D%/targets.h %D%/targets-print.c %D%/node-selector.c %D%/node-selector.h \
	%D%/version.c \
	%D%/vm.c %D%/vm.h %D%/vm-label.c %D%/vm-migration.c
if ENABLE_LAB
libcmd_la_SOURCES += %D%/lab.c
endif
libcmd_la_LIBADD = libkvmig.la

kvmig_SOURCES = %D%/main.c
kvmig_LDADD = libcmd.la

noinst_PROGRAMS += gencli
gencli_SOURCES = %D%/gencli.c
gencli_LDADD = libcmd.la
