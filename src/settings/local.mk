libkvmig_la_SOURCES += %D%/settings.h
