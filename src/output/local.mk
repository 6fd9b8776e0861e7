libkvmig_la_SOURCES += %D%/escape.c %D%/printer.c %D%/printer.h %D%/progress.c %D%/stream.c %D%/stream.h
