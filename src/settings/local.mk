libkvmig_la_SOURCES += \
	%D%/diff.c %D%/diff.h \
	%D%/gates.c %D%/gates.h \
	%D%/lint.c %D%/lint.h \
	%D%/preset.c %D%/preset.h \
	%D%/settings.c %D%/settings.h
