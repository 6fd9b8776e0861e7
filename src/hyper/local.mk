libkvmig_la_SOURCES += \
	%D%/hyper.c %D%/hyper.h \
	%D%/module.c %D%/module.h \
	%D%/types.c \
	%D%/uri.c %D%/uri.h
