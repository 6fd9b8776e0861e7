libkvmig_la_SOURCES += \
	%D%/clock.c %D%/clock.h \
	%D%/dirs.h \
	%D%/db.c %D%/db.h %D%/db-file.c %D%/db-file.h \
	%D%/error.c %D%/error.h \
	%D%/module.c %D%/module.h \
	%D%/nearest.c %D%/nearest.h \
	%D%/paths.c %D%/paths.h \
	%D%/reason.c %D%/reason.h \
	%D%/shell.c %D%/shell.h

# Not -D options: like this a build tree that is configured for another prefix is made anew where it must be.
nodist_libkvmig_la_SOURCES += %D%/dirs.c
CLEANFILES += %D%/dirs.c
%D%/dirs.c: Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && printf '%s\n' '#include "base/dirs.h"' 'const char dir_modules[] = "$(pkglibdir)";' \
		'const char dir_man[] = "$(mandir)";' >$@.tmp && mv $@.tmp $@
