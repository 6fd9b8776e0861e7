libkvmig_la_SOURCES += \
	%D%/explain.c \
	%D%/fields.c \
	%D%/index.c \
	%D%/lint.c \
	%D%/merge.c \
	%D%/policy.c %D%/policy.h \
	%D%/set.h
