# The program's side of HTTP.
libkvmig_la_SOURCES += \
	src/cluster/kube/http.c src/cluster/kube/http.h src/cluster/kube/http-client.h \
	src/cluster/kube/http-failure.c \
	src/cluster/kube/http-head.c \
	src/cluster/kube/http-module.c src/cluster/kube/http-private.h \
	src/cluster/kube/http-stream.c \
	src/cluster/kube/proxy.c src/cluster/kube/proxy.h

# The module that speaks HTTP: links libcurl, OpenSSL and GLib, and of kvmig only headers.
pkglib_LTLIBRARIES += kvmig-http.la

kvmig_http_la_SOURCES = \
	%D%/engine.c %D%/engine.h \
	%D%/failure.c \
	%D%/private.h \
	%D%/tls.c \
	%D%/tls-words.c \
	%D%/transfer.c
kvmig_http_la_CFLAGS = $(AM_CFLAGS) $(CURL_CFLAGS) $(OPENSSL_CFLAGS)
kvmig_http_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -no-undefined \
	-export-symbols-regex '^kvmig_http_module$$'
kvmig_http_la_LIBADD = $(CURL_LIBS) $(OPENSSL_LIBS) $(GLIB_LIBS)
