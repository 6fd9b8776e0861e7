libkvmig_la_SOURCES += \
	%D%/binding.c %D%/binding.h \
	%D%/dependents.c %D%/dependents.h \
	%D%/evaluate.c \
	%D%/objects.c \
	%D%/objects-read.c \
	%D%/preserve.c %D%/preserve.h \
	%D%/private.h \
	%D%/rbac.h \
	%D%/text.c \
	%D%/who-can.c
