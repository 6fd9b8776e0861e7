kvmig_SOURCES = %D%/main.c %D%/cmd.h %D%/commands.def
kvmig_LDADD = libkvmig.la
