libkvmig_la_SOURCES += \
	%D%/hyper.c %D%/hyper.h \
	%D%/module.c %D%/module.h \
	%D%/types.c \
	%D%/uri.c %D%/uri.h
# Simulated hosts, for tests and plans.
libkvmig_la_SOURCES += \
	%D%/sim/sim.c %D%/sim/sim.h %D%/sim/sim-private.h \
	%D%/sim/sim-driver.c \
	%D%/sim/sim-migrate.c

include %D%/libvirt/local.mk
