libkvmig_la_SOURCES += \
	%D%/columns.c %D%/columns.h \
	%D%/condition.c \
	%D%/crds.h \
	%D%/host.c %D%/host.h \
	%D%/json.c %D%/json.h %D%/json-patch.c \
	%D%/kind.c %D%/kind.h \
	%D%/labels.c %D%/labels.h \
	%D%/locate.c %D%/locate.h \
	%D%/manifest.c %D%/manifest.h %D%/manifest-hints.c %D%/manifest-hints.h \
	%D%/metadata.c %D%/metadata.h \
	%D%/migration.c %D%/migration.h \
	%D%/name.c \
	%D%/object.c %D%/object.h \
	%D%/quantity.c %D%/quantity.h \
	%D%/resources.c %D%/resources.h \
	%D%/schema.c %D%/schema.h \
	%D%/vmi.c %D%/vmi.h \
	%D%/wellknown.h \
	%D%/yaml-problem.c %D%/yaml-problem.h \
	%D%/yaml.c %D%/yaml.h
nodist_libkvmig_la_SOURCES += %D%/crds-data.c
libkvmig_la_LIBADD += -lm

# The CRD manifests go into the program as JSON.
crd_manifests = \
	$(top_srcdir)/contrib/crds/host.yaml \
	$(top_srcdir)/contrib/crds/hyperconverged.yaml \
	$(top_srcdir)/contrib/crds/migrationpolicy.yaml \
	$(top_srcdir)/contrib/crds/virtualmachine.yaml \
	$(top_srcdir)/contrib/crds/virtualmachineinstance.yaml \
	$(top_srcdir)/contrib/crds/virtualmachineinstancemigration.yaml
EXTRA_DIST += $(crd_manifests)

noinst_PROGRAMS += contrib/crds/gencrds
contrib_crds_gencrds_SOURCES = contrib/crds/gencrds.c %D%/json.c %D%/yaml-problem.c \
	%D%/yaml.c src/base/error.c
contrib_crds_gencrds_CFLAGS = $(AM_CFLAGS) # objects of its own beside the library's
contrib_crds_gencrds_LDADD = $(GLIB_LIBS) $(CJSON_LIBS) $(YAML_LIBS) -lm

%D%/crds-data.c: contrib/crds/gencrds$(EXEEXT) $(crd_manifests)
	$(AM_V_GEN)contrib/crds/gencrds$(EXEEXT) $@ $(crd_manifests)
CLEANFILES += %D%/crds-data.c
