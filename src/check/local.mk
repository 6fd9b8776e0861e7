libkvmig_la_SOURCES += \
	%D%/capacity.c %D%/capacity.h \
	%D%/claims.c %D%/claims.h \
	%D%/condition.c \
	%D%/cpu.c \
	%D%/devices.c \
	%D%/finding.c %D%/finding.h %D%/fits.c %D%/fits.h %D%/fold.c \
	%D%/hosts.c %D%/hosts.h \
	%D%/interfaces.c \
	%D%/kubevirt.c %D%/kubevirt.h \
	%D%/look.c %D%/look-places.c \
	%D%/network.c %D%/network.h \
	%D%/nodes.c %D%/nodes.h \
	%D%/pods-seen.c %D%/pods-seen.h \
	%D%/pools.c %D%/pools.h \
	%D%/reach.c %D%/reach.h \
	%D%/settings.c %D%/settings.h \
	%D%/state.c \
	%D%/storage.c \
	%D%/targets.c %D%/targets.h %D%/targets-private.h %D%/targets-ask.c %D%/targets-hosts.c \
	%D%/targets-near.c %D%/targets-nodes.c %D%/targets-pods.c %D%/targets-quota.c \
	%D%/targets-selector.c %D%/targets-volumes.c \
	%D%/tries.c %D%/tries.h \
	%D%/vm.c %D%/vm.h
