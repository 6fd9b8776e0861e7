libkvmig_la_SOURCES += \
	%D%/clock.c %D%/clock.h \
	%D%/db.c %D%/db.h %D%/db-file.c %D%/db-file.h \
	%D%/error.c %D%/error.h \
	%D%/module.c %D%/module.h \
	%D%/nearest.c %D%/nearest.h \
	%D%/paths.c %D%/paths.h \
	%D%/reason.c %D%/reason.h
