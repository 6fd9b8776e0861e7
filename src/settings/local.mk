libkvmig_la_SOURCES += %D%/settings.c %D%/settings.h
