libkvmig_la_SOURCES += %D%/inventory.h
