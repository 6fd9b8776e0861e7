libkvmig_la_SOURCES += \
	%D%/apply.c %D%/cache.c %D%/cache.h %D%/carry.c %D%/describe.c %D%/describe.h %D%/find.c \
	%D%/instance.c %D%/instance.h %D%/inventory.c %D%/inventory.h %D%/place.c %D%/private.h
