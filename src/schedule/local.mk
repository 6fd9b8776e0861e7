libkvmig_la_SOURCES += %D%/admission.c %D%/schedule.h %D%/targets.c
