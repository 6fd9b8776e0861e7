libkvmig_la_SOURCES += \
	%D%/backend.h \
	%D%/cluster.c %D%/cluster.h \
	%D%/context.c \
	%D%/kube/credential.h %D%/kube/http.h %D%/kube/kube.h %D%/kube/kubeconfig.h \
	%D%/local/read.c %D%/local/record.c %D%/local/store.c %D%/local/store.h \
	%D%/local/transaction.c %D%/local/watch.c %D%/local/write.c
