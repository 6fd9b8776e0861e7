libkvmig_la_SOURCES += %D%/backend.h %D%/cluster.h
