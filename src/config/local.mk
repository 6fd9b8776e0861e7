libkvmig_la_SOURCES += \
	%D%/change.c %D%/change.h \
	%D%/owner.c %D%/owner.h \
	%D%/practice.c %D%/practice.h \
	%D%/record.c %D%/record.h \
	%D%/undo.c %D%/undo.h
