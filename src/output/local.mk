libkvmig_la_SOURCES += %D%/printer.h
