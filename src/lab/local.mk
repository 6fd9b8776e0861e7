if ENABLE_LAB
libkvmig_la_SOURCES += %D%/lab.h
endif
