libkvmig_la_SOURCES += \
	%D%/condition.c \
	%D%/host.c %D%/host.h \
	%D%/json.c %D%/json.h \
	%D%/kind.c %D%/kind.h \
	%D%/labels.c %D%/labels.h \
	%D%/migration.c %D%/migration.h \
	%D%/name.c \
	%D%/object.c %D%/object.h \
	%D%/quantity.c %D%/quantity.h \
	%D%/schema.h \
	%D%/vmi.c %D%/vmi.h \
	%D%/wellknown.h \
	%D%/yaml.c %D%/yaml.h
libkvmig_la_LIBADD += -lm
