libkvmig_la_SOURCES += %D%/schedule.h
