libkvmig_la_SOURCES += %D%/history.h
