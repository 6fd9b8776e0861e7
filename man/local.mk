# Manual pages. Each page is made by cmd/gencli of the option tables (NAME, SYNOPSIS, OPTIONS, EXAMPLES, values and
# defaults) and of prose: man/kvmig-COMMAND.1.md, one for each top-level command. A new command: write its file and put
# its page into `man_pages`. Format of the prose, a small part of Markdown:
#
#	Paragraphs before the first heading are the DESCRIPTION. It must not be empty.
#
#	# add			the part of a group's subcommand; every subcommand has one, with text
#	Paragraphs about `kvmig node add`.
#
#	## --uri		an option of that subcommand; of a plain command, or of all subcommands of the
#	Paragraphs.		group, where it stands before the first "# ..."
#
#	# Files			any other heading: a section of the page, behind the options
#
# A visible option without its section, and a section whose option does not exist, fail the build. Inherited options
# (-o, -n, --context, ...) have their prose once, in man/options/. Choices and defaults are added from the table: do
# not repeat them. Paragraphs may be wrapped at will; `bold` for what is typed, *italic* for what stands for something
# else; lines that begin with "- " are items; a line "`TERM`" followed by a line ": text" is a definition; lines indented
# by four blanks are shown as they stand. <!-- comments --> are dropped.
man_pages = \
	%D%/kvmig.1 \
	%D%/kvmig-apply.1 \
	%D%/kvmig-cancel.1 \
	%D%/kvmig-capacity.1 \
	%D%/kvmig-check.1 \
	%D%/kvmig-cluster.1 \
	%D%/kvmig-completion.1 \
	%D%/kvmig-config.1 \
	%D%/kvmig-context.1 \
	%D%/kvmig-controller.1 \
	%D%/kvmig-create.1 \
	%D%/kvmig-delete.1 \
	%D%/kvmig-edit.1 \
	%D%/kvmig-get.1 \
	%D%/kvmig-help.1 \
	%D%/kvmig-history.1 \
	%D%/kvmig-json.7 \
	%D%/kvmig-label.1 \
	%D%/kvmig-migrate.1 \
	%D%/kvmig-node.1 \
	%D%/kvmig-network.1 \
	%D%/kvmig-policy.1 \
	%D%/kvmig-rbac.1 \
	%D%/kvmig-reasons.7 \
	%D%/kvmig-status.1 \
	%D%/kvmig-targets.1 \
	%D%/kvmig-version.1 \
	%D%/kvmig-vm.1
if ENABLE_LAB
man_pages += %D%/kvmig-lab.1
else
EXTRA_DIST += %D%/kvmig-lab.1.md
endif
man_options = \
	%D%/options/cluster.md \
	%D%/options/common.md \
	%D%/options/confirm.md \
	%D%/options/namespace.md \
	%D%/options/output.md

# The date of the pages: of the last change to them, not of the build, so that builds are reproducible.
MAN_DATE = 2026-11-21

dist_man_MANS += $(man_pages)
EXTRA_DIST += $(man_pages:=.md) $(man_options)

# The pages as text are part of the program; they do not link into gencli, which makes them.
kvmig_SOURCES += %D%/pages.c

generated = $(man_pages) %D%/pages.c $(completions)
BUILT_SOURCES += %D%/pages.c
CLEANFILES += %D%/stamp
MAINTAINERCLEANFILES += $(generated)

# The tarball has what is generated: a cross build cannot run gencli, and takes that.
if !CROSS_COMPILING
CLEANFILES += $(generated)
$(generated): %D%/stamp ;
%D%/stamp: gencli$(EXEEXT) $(man_pages:=.md) $(man_options)
	$(AM_V_GEN)./gencli$(EXEEXT) '$(PACKAGE_VERSION)' '$(MAN_DATE)' '$(srcdir)/man' . && touch $@
endif
