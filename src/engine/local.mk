libkvmig_la_SOURCES += \
	%D%/controller.c %D%/controller.h \
	%D%/controller-lease.c %D%/controller-lease.h \
	%D%/controller-lock.c %D%/controller-lock.h \
	%D%/controller-start.c \
	%D%/converge.c %D%/converge.h \
	%D%/effective.c \
	%D%/engine.c %D%/engine.h %D%/engine-private.h \
	%D%/finished.c \
	%D%/job.c \
	%D%/journal.c \
	%D%/queue.c \
	%D%/recover.c \
	%D%/settle.c %D%/settle.h \
	%D%/states.h \
	%D%/steps-end.c \
	%D%/steps-run.c \
	%D%/steps-settle.c \
	%D%/steps-start.c
