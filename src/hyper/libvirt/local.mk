# The driver module: links libvirt and GLib, and of kvmig only what is listed here.
if ENABLE_LIBVIRT
pkglib_LTLIBRARIES += kvmig-libvirt.la

kvmig_libvirt_la_SOURCES = \
	%D%/check-target.c \
	%D%/connection.c \
	%D%/domain-xml.c %D%/domain-xml.h %D%/offers.c %D%/offers.h \
	%D%/domains.c \
	%D%/driver.c %D%/driver.h \
	%D%/error.c \
	%D%/event-loop.c %D%/event-loop.h \
	%D%/events.c \
	%D%/host-info.c \
	%D%/inspect.c \
	%D%/migrate.c \
	%D%/operations.c \
	%D%/parts-xml.c %D%/parts-xml.h \
	%D%/probe.c \
	%D%/storage.c %D%/xml-attribute.h \
	src/hyper/types.c
kvmig_libvirt_la_CFLAGS = $(AM_CFLAGS) $(LIBVIRT_CFLAGS)
kvmig_libvirt_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -no-undefined \
	-export-symbols-regex '^kvmig_hyper_driver$$'
kvmig_libvirt_la_LIBADD = $(LIBVIRT_LIBS) $(GLIB_LIBS)
endif
