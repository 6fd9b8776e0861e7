libkvmig_la_SOURCES += \
	%D%/host.h %D%/json.h %D%/kind.h %D%/labels.h %D%/migration.h %D%/object.h \
	%D%/quantity.h %D%/schema.h %D%/vmi.h %D%/wellknown.h %D%/yaml.h
