# The driver module: links libvirt and GLib, and of kvmig only what is listed here.
if ENABLE_LIBVIRT
pkglib_LTLIBRARIES += kvmig-libvirt.la

kvmig_libvirt_la_SOURCES = \
	%D%/connection.c \
	%D%/domain-xml.c %D%/domain-xml.h \
	%D%/domains.c \
	%D%/driver.c %D%/driver.h \
	%D%/error.c \
	%D%/event-loop.c %D%/event-loop.h \
	%D%/events.c \
	%D%/host-info.c \
	%D%/migrate.c \
	%D%/operations.c \
	src/hyper/types.c
kvmig_libvirt_la_CFLAGS = $(AM_CFLAGS) $(LIBVIRT_CFLAGS)
kvmig_libvirt_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -no-undefined \
	-export-symbols-regex '^kvmig_hyper_driver$$'
kvmig_libvirt_la_LIBADD = $(LIBVIRT_LIBS) $(GLIB_LIBS)
endif
