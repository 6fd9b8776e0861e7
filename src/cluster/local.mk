libkvmig_la_SOURCES += \
	%D%/backend.h \
	%D%/cluster.c %D%/cluster.h \
	%D%/context.c \
	%D%/generic.c %D%/generic.h \
	%D%/kube/credential.c %D%/kube/credential.h \
	%D%/kube/exec.c %D%/kube/exec.h %D%/kube/exec-reply.c \
	%D%/kube/cache.c %D%/kube/cache.h \
	%D%/kube/discovery.c %D%/kube/discovery.h %D%/kube/discovery-private.h %D%/kube/discovery-read.c \
	%D%/kube/openapi.c %D%/kube/openapi.h \
	%D%/kube/probe.c %D%/kube/probe.h \
	%D%/kube/kube.c %D%/kube/kube.h \
	%D%/kube/kubeconfig.c %D%/kube/kubeconfig.h %D%/kube/kubeconfig-fields.c %D%/kube/kubeconfig-private.h \
	%D%/kube/kubeconfig-resolve.c \
	%D%/kube/list.c %D%/kube/list.h \
	%D%/kube/path.c %D%/kube/path.h \
	%D%/kube/request.c %D%/kube/request.h \
	%D%/kube/split.c %D%/kube/split.h \
	%D%/kube/forbidden.c %D%/kube/forbidden.h \
	%D%/kube/status-error.c %D%/kube/status-error.h \
	%D%/kube/watch.c %D%/kube/watch.h \
	%D%/kube/webhook.c %D%/kube/webhook.h \
	%D%/kube/yaml-tree.c %D%/kube/yaml-tree.h \
	%D%/local/admit.c %D%/local/read.c %D%/local/record.c %D%/local/store.c %D%/local/store.h \
	%D%/local/transaction.c %D%/local/watch.c %D%/local/write.c

include %D%/kube/http/local.mk
