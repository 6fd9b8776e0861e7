# One line for each subcommand's file; gencli links them too, and makes pages and completions of their tables.
noinst_LTLIBRARIES += libcmd.la
libcmd_la_SOURCES = \
	%D%/cmd.h \
	%D%/commands.c %D%/commands.def \
	%D%/complete.c \
	%D%/completion.c \
	%D%/dispatch.c \
	%D%/globals.c \
	%D%/help.c \
	%D%/log.c \
	%D%/talk.c \
	%D%/version.c
if ENABLE_LAB
libcmd_la_SOURCES += %D%/lab.c
endif
libcmd_la_LIBADD = libkvmig.la

kvmig_SOURCES = %D%/main.c
kvmig_LDADD = libcmd.la

noinst_PROGRAMS += gencli
gencli_SOURCES = %D%/gencli.c
gencli_LDADD = libcmd.la
