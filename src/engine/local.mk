libkvmig_la_SOURCES += %D%/controller.h %D%/engine.h
