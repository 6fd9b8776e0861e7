libkvmig_la_SOURCES += \
	%D%/controller.c %D%/controller.h \
	%D%/controller-lease.c %D%/controller-lease.h \
	%D%/controller-lock.c %D%/controller-lock.h \
	%D%/controller-start.c \
	%D%/engine.h
