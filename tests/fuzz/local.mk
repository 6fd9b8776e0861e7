# Each fuzz-NAME.c is one target. 'make check' replays its corpus; 'make fuzz' builds it with clang's libFuzzer,
# run.sh does that and runs all.
fuzz_names = json kubeconfig quantity reply schema selector watch yaml
dist_noinst_SCRIPTS += %D%/run.sh
EXTRA_DIST += %D%/corpus

check_PROGRAMS += %D%/replay-json
TESTS += %D%/replay-json
tests_fuzz_replay_json_SOURCES = %D%/fuzz-json.c %D%/replay.c %D%/fuzz.h
tests_fuzz_replay_json_LDADD = libkvmig.la

check_PROGRAMS += %D%/replay-kubeconfig
TESTS += %D%/replay-kubeconfig
tests_fuzz_replay_kubeconfig_SOURCES = %D%/fuzz-kubeconfig.c %D%/replay.c %D%/fuzz.h
tests_fuzz_replay_kubeconfig_LDADD = libkvmig.la

check_PROGRAMS += %D%/replay-quantity
TESTS += %D%/replay-quantity
tests_fuzz_replay_quantity_SOURCES = %D%/fuzz-quantity.c %D%/replay.c %D%/fuzz.h
tests_fuzz_replay_quantity_LDADD = libkvmig.la

check_PROGRAMS += %D%/replay-schema
TESTS += %D%/replay-schema
tests_fuzz_replay_schema_SOURCES = %D%/fuzz-schema.c %D%/replay.c %D%/fuzz.h
tests_fuzz_replay_schema_LDADD = libkvmig.la

check_PROGRAMS += %D%/replay-selector
TESTS += %D%/replay-selector
tests_fuzz_replay_selector_SOURCES = %D%/fuzz-selector.c %D%/replay.c %D%/fuzz.h
tests_fuzz_replay_selector_LDADD = libkvmig.la

check_PROGRAMS += %D%/replay-yaml
TESTS += %D%/replay-yaml
tests_fuzz_replay_yaml_SOURCES = %D%/fuzz-yaml.c %D%/replay.c %D%/fuzz.h
tests_fuzz_replay_yaml_LDADD = libkvmig.la

check_PROGRAMS += %D%/replay-reply
TESTS += %D%/replay-reply
tests_fuzz_replay_reply_SOURCES = %D%/fuzz-reply.c %D%/replay.c %D%/fuzz.h tests/unit/kube-fake.c tests/unit/kube-fake.h
tests_fuzz_replay_reply_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_replay_reply_LDADD = libkvmig.la

check_PROGRAMS += %D%/replay-watch
TESTS += %D%/replay-watch
tests_fuzz_replay_watch_SOURCES = %D%/fuzz-watch.c %D%/replay.c %D%/fuzz.h tests/unit/kube-fake.c tests/unit/kube-fake.h
tests_fuzz_replay_watch_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_fuzz_replay_watch_LDADD = libkvmig.la

FUZZ_CC = clang
FUZZ_CFLAGS = -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
fuzz_sources = \
	src/base/clock.c src/base/error.c src/cluster/kube/exec.c src/cluster/kube/exec-reply.c \
	src/cluster/kube/kubeconfig.c src/cluster/kube/kubeconfig-fields.c src/cluster/kube/kubeconfig-resolve.c \
	src/cluster/kube/yaml-tree.c src/model/condition.c src/model/host.c src/model/json.c src/model/kind.c \
	src/model/resources.c \
	src/model/labels.c src/model/metadata.c src/model/migration.c src/model/name.c src/model/object.c \
	src/model/quantity.c src/model/schema.c src/model/vmi.c src/model/yaml.c src/model/yaml-problem.c \
	src/settings/settings.c \
	$(fuzz_kube_sources)
# What fuzz-reply and fuzz-watch need beside those, with a transport that plays what it is given.
fuzz_kube_sources = \
	src/base/paths.c src/model/columns.c src/model/json-patch.c \
	src/base/nearest.c src/base/shell.c \
	src/cluster/cluster.c src/cluster/generic.c \
	src/cluster/kube/cache.c src/cluster/kube/discovery.c src/cluster/kube/discovery-read.c src/cluster/kube/kube.c \
	src/cluster/kube/list.c src/cluster/kube/openapi.c src/cluster/kube/path.c \
	src/cluster/kube/probe.c src/cluster/kube/request.c src/cluster/kube/split.c src/cluster/kube/status-error.c \
	src/cluster/kube/forbidden.c src/cluster/kube/webhook.c \
	src/cluster/kube/watch.c tests/unit/kube-fake.c
# One line of the shell that xargs starts for each: $$1 is the source or the target.
fuzz_compile = $(FUZZ_CC) $(FUZZ_CFLAGS) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) -I$(top_srcdir) $(CPPFLAGS) \
	$(GLIB_CFLAGS) $(CJSON_CFLAGS) $(YAML_CFLAGS)
fuzz_each = xargs -P "$${FUZZ_JOBS:-$$(nproc)}" -n 1 $(SHELL) -c
fuzz: src/model/crds-data.c
	@rm -rf %D%/obj && $(MKDIR_P) %D%/obj
	@printf '%s\n' $(fuzz_sources) | $(fuzz_each) 'echo "  FUZZ-CC  $$1"; \
		$(fuzz_compile) -c -o "%D%/obj/$$(echo "$$1" | tr / -).o" "$(srcdir)/$$1" || exit 255' fuzz
	@$(AR) crs %D%/obj/all.a %D%/obj/*.o
	@printf '%s\n' $(fuzz_names) | $(fuzz_each) 'echo "  FUZZ-LD  fuzz-$$1"; \
		$(fuzz_compile) -o "%D%/fuzz-$$1" "$(srcdir)/%D%/fuzz-$$1.c" src/model/crds-data.c %D%/obj/all.a \
		$(GLIB_LIBS) $(CJSON_LIBS) $(YAML_LIBS) -lm || exit 255' fuzz
.PHONY: fuzz
clean-local: clean-fuzz
clean-fuzz:
	rm -rf %D%/obj %D%/found %D%/grown
	for name in $(fuzz_names); do rm -f %D%/fuzz-$$name %D%/$$name.log; done
.PHONY: clean-fuzz
