libkvmig_la_SOURCES += %D%/hyper.h %D%/uri.h
