libkvmig_la_SOURCES += %D%/preset.c %D%/preset.h %D%/settings.c %D%/settings.h
