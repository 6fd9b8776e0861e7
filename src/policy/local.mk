libkvmig_la_SOURCES += \
	%D%/explain.c \
	%D%/fields.c \
	%D%/gated.c %D%/gated.h \
	%D%/index.c \
	%D%/lint.c \
	%D%/lint-fix.c \
	%D%/merge.c \
	%D%/policy.c %D%/policy.h \
	%D%/set.h
