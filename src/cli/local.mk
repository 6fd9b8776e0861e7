libkvmig_la_SOURCES += \
	%D%/cmdline.h \
	%D%/command.c %D%/command.h \
	%D%/complete-bash.c %D%/complete-fish.c %D%/complete-zsh.c \
	%D%/describe.c \
	%D%/doc.c \
	%D%/exit-status.h \
	%D%/option.c %D%/option.h \
	%D%/page.c %D%/page.h \
	%D%/prose.c %D%/prose.h \
	%D%/script.c %D%/script.h \
	%D%/usage.c
