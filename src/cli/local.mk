libkvmig_la_SOURCES += %D%/command.h %D%/exit-status.h %D%/option.h
