libkvmig_la_SOURCES += \
	%D%/admission.c %D%/schedule.h \
	%D%/affinity.c %D%/affinity.h \
	%D%/demand.c \
	%D%/near.c %D%/near.h %D%/quota.c %D%/quota.h %D%/spread.c %D%/spread.h \
	%D%/targets.c %D%/targets-private.h %D%/targets-cpu.c %D%/targets-demand.c \
	%D%/targets-place.c %D%/targets-volumes.c %D%/targets-resources.c %D%/targets-summary.c
