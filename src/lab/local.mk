if ENABLE_LAB
libkvmig_la_SOURCES += \
	%D%/lab.c %D%/lab.h \
	%D%/internal.h \
	%D%/guests.c \
	%D%/layout.c \
	%D%/node.c \
	%D%/process.c %D%/process.h \
	%D%/store.c

# The guest is no program of this system: its own compiler flags, no libtool, no sanitizers.
guest_compile = -m32 -march=i686 -std=gnu17 -O2 $(WARN_CFLAGS) -ffreestanding -fno-builtin -fno-stack-protector \
	-fno-pic -fno-pie -fno-asynchronous-unwind-tables -fcf-protection=none -mgeneral-regs-only
guest_link = -nostdlib -static -s -Wl,-T,$(srcdir)/%D%/guest/guest.ld -Wl,--build-id=none
guest_sources = %D%/guest/start.S %D%/guest/guest.c
guestdir = $(pkglibdir)
guest_DATA = %D%/guest.elf
CLEANFILES += %D%/guest.elf
EXTRA_DIST += $(guest_sources) %D%/guest/guest.ld

src/lab/guest.elf: $(guest_sources) src/lab/guest/guest.ld
	@$(MKDIR_P) src/lab
	$(AM_V_GEN)$(GUEST_CC) $(guest_compile) $(guest_link) -o $@ $(srcdir)/src/lab/guest/start.S $(srcdir)/src/lab/guest/guest.c
endif
