libkvmig_la_SOURCES += %D%/history.c %D%/history.h
