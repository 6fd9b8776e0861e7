libkvmig_la_SOURCES += \
	%D%/cmdline.h \
	%D%/command.c %D%/command.h \
	%D%/describe.c \
	%D%/exit-status.h \
	%D%/nearest.c \
	%D%/option.c %D%/option.h \
	%D%/usage.c
