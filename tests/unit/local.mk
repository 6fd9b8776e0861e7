# One program per module: test-<module>.c, GLib's GTest, TAP. Three lines each, in the order of the alphabet.
AM_UNIT_LDADD = libkvmig.la
unit_tests =
# Not under valgrind: 3.19 does not know pidfd_open(), by which a controller is asked to end;
# nor what tests time limits on real daemons. tests/lab/valgrind.sh runs the controller and the driver there.
native_tests =

unit_tests += %D%/test-base
tests_unit_test_base_SOURCES = %D%/test-base.c
tests_unit_test_base_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-binding
tests_unit_test_binding_SOURCES = %D%/test-binding.c
tests_unit_test_binding_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-check-cluster
tests_unit_test_check_cluster_SOURCES = %D%/test-check-cluster.c
tests_unit_test_check_cluster_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-check-nodes
tests_unit_test_check_nodes_SOURCES = %D%/test-check-nodes.c
tests_unit_test_check_nodes_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-check-vm
tests_unit_test_check_vm_SOURCES = %D%/test-check-vm.c
tests_unit_test_check_vm_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-columns
tests_unit_test_columns_SOURCES = %D%/test-columns.c
tests_unit_test_columns_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-context
tests_unit_test_context_SOURCES = %D%/test-context.c %D%/store-fixture.h
tests_unit_test_context_LDADD = $(AM_UNIT_LDADD)

native_tests += %D%/test-controller-lock
tests_unit_test_controller_lock_SOURCES = %D%/test-controller-lock.c
tests_unit_test_controller_lock_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-crash
tests_unit_test_crash_SOURCES = %D%/test-crash.c %D%/store-fixture.h
tests_unit_test_crash_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-credential
tests_unit_test_credential_SOURCES = %D%/test-credential.c %D%/store-fixture.h
tests_unit_test_credential_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-db
tests_unit_test_db_SOURCES = %D%/test-db.c %D%/store-fixture.h
tests_unit_test_db_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-engine
tests_unit_test_engine_SOURCES = %D%/test-engine.c %D%/engine-world.c %D%/engine-world.h %D%/store-fixture.h
tests_unit_test_engine_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_test_engine_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-engine-policy
tests_unit_test_engine_policy_SOURCES = %D%/test-engine-policy.c %D%/engine-world.c %D%/engine-world.h %D%/store-fixture.h
tests_unit_test_engine_policy_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_test_engine_policy_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-engine-faults
tests_unit_test_engine_faults_SOURCES = %D%/test-engine-faults.c %D%/engine-world.c %D%/engine-world.h %D%/reason-log.h \
	%D%/store-fixture.h
tests_unit_test_engine_faults_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_test_engine_faults_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-engine-store
tests_unit_test_engine_store_SOURCES = %D%/test-engine-store.c %D%/engine-world.c %D%/engine-world.h %D%/store-fixture.h
tests_unit_test_engine_store_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_test_engine_store_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-engine-wait
tests_unit_test_engine_wait_SOURCES = %D%/test-engine-wait.c %D%/engine-world.c %D%/engine-world.h %D%/store-fixture.h
tests_unit_test_engine_wait_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
tests_unit_test_engine_wait_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-examples
tests_unit_test_examples_SOURCES = %D%/test-examples.c
tests_unit_test_examples_LDADD = libcmd.la

unit_tests += %D%/test-gates
tests_unit_test_gates_SOURCES = %D%/test-gates.c
tests_unit_test_gates_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-forbidden
tests_unit_test_forbidden_SOURCES = %D%/test-forbidden.c
tests_unit_test_forbidden_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-webhook
tests_unit_test_webhook_SOURCES = %D%/test-webhook.c
tests_unit_test_webhook_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-generic
tests_unit_test_generic_SOURCES = %D%/test-generic.c %D%/store-fixture.h
tests_unit_test_generic_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-exec
tests_unit_test_exec_SOURCES = %D%/test-exec.c %D%/store-fixture.h
tests_unit_test_exec_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-history
tests_unit_test_history_SOURCES = %D%/test-history.c %D%/store-fixture.h
tests_unit_test_history_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-instance
tests_unit_test_instance_SOURCES = %D%/test-instance.c %D%/store-fixture.h
tests_unit_test_instance_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-inventory
tests_unit_test_inventory_SOURCES = %D%/test-inventory.c %D%/store-fixture.h
tests_unit_test_inventory_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-json
tests_unit_test_json_SOURCES = %D%/test-json.c
tests_unit_test_json_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-kube-discovery
tests_unit_test_kube_discovery_SOURCES = %D%/test-kube-discovery.c %D%/kube-fake.c %D%/kube-fake.h \
	%D%/store-fixture.h
tests_unit_test_kube_discovery_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-kube-request
tests_unit_test_kube_request_SOURCES = %D%/test-kube-request.c %D%/kube-fake.c %D%/kube-fake.h
tests_unit_test_kube_request_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-kube-split
tests_unit_test_kube_split_SOURCES = %D%/test-kube-split.c
tests_unit_test_kube_split_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-kube-status
tests_unit_test_kube_status_SOURCES = %D%/test-kube-status.c
tests_unit_test_kube_status_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-kube-watch
tests_unit_test_kube_watch_SOURCES = %D%/test-kube-watch.c %D%/kube-fake.c %D%/kube-fake.h
tests_unit_test_kube_watch_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-kubeconfig
tests_unit_test_kubeconfig_SOURCES = %D%/test-kubeconfig.c %D%/store-fixture.h
tests_unit_test_kubeconfig_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-labels
tests_unit_test_labels_SOURCES = %D%/test-labels.c
tests_unit_test_labels_LDADD = $(AM_UNIT_LDADD)

if ENABLE_LAB
unit_tests += %D%/test-lab-process
tests_unit_test_lab_process_SOURCES = %D%/test-lab-process.c
tests_unit_test_lab_process_LDADD = $(AM_UNIT_LDADD)
endif

unit_tests += %D%/test-diff
tests_unit_test_diff_SOURCES = %D%/test-diff.c
tests_unit_test_diff_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-lint
tests_unit_test_lint_SOURCES = %D%/test-lint.c
tests_unit_test_lint_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-manifest
tests_unit_test_manifest_SOURCES = %D%/test-manifest.c
tests_unit_test_manifest_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-migration
tests_unit_test_migration_SOURCES = %D%/test-migration.c
tests_unit_test_migration_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-look
tests_unit_test_look_SOURCES = %D%/test-look.c src/hyper/libvirt/parts-xml.c src/hyper/libvirt/parts-xml.h
tests_unit_test_look_CFLAGS = $(AM_CFLAGS)
tests_unit_test_look_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-domain-xml
tests_unit_test_domain_xml_SOURCES = %D%/test-domain-xml.c src/hyper/libvirt/domain-xml.c \
	src/hyper/libvirt/domain-xml.h
tests_unit_test_domain_xml_CFLAGS = $(AM_CFLAGS)
tests_unit_test_domain_xml_LDADD = $(GLIB_LIBS)

unit_tests += %D%/test-offers
tests_unit_test_offers_SOURCES = %D%/test-offers.c src/hyper/libvirt/offers.c src/hyper/libvirt/offers.h
tests_unit_test_offers_CFLAGS = $(AM_CFLAGS)
tests_unit_test_offers_LDADD = $(GLIB_LIBS)

unit_tests += %D%/test-http
tests_unit_test_http_SOURCES = %D%/test-http.c %D%/http-server.c %D%/http-server.h
tests_unit_test_http_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_http_LDADD = $(AM_UNIT_LDADD) $(OPENSSL_LIBS)

unit_tests += %D%/test-http-once
tests_unit_test_http_once_SOURCES = %D%/test-http-once.c %D%/http-server.c %D%/http-server.h
tests_unit_test_http_once_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_http_once_LDADD = $(AM_UNIT_LDADD) $(OPENSSL_LIBS)

unit_tests += %D%/test-http-stream
tests_unit_test_http_stream_SOURCES = %D%/test-http-stream.c %D%/http-server.c %D%/http-server.h
tests_unit_test_http_stream_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_http_stream_LDADD = $(AM_UNIT_LDADD) $(OPENSSL_LIBS)

unit_tests += %D%/test-http-tls
tests_unit_test_http_tls_SOURCES = %D%/test-http-tls.c %D%/http-server.c %D%/http-server.h \
	%D%/http-certs.c %D%/http-certs.h
tests_unit_test_http_tls_CFLAGS = $(AM_CFLAGS) $(OPENSSL_CFLAGS)
tests_unit_test_http_tls_LDADD = $(AM_UNIT_LDADD) $(OPENSSL_LIBS)

unit_tests += %D%/test-hyper
tests_unit_test_hyper_SOURCES = %D%/test-hyper.c
tests_unit_test_hyper_LDADD = $(AM_UNIT_LDADD)

if ENABLE_LIBVIRT
native_tests += %D%/test-libvirt
tests_unit_test_libvirt_SOURCES = %D%/test-libvirt.c %D%/libvirt-nodes.c %D%/libvirt-nodes.h
tests_unit_test_libvirt_LDADD = $(AM_UNIT_LDADD)

# not linked with libvirt
unit_tests += %D%/test-libvirt-error
tests_unit_test_libvirt_error_SOURCES = %D%/test-libvirt-error.c src/hyper/libvirt/error.c
tests_unit_test_libvirt_error_CFLAGS = $(AM_CFLAGS) $(LIBVIRT_CFLAGS)
tests_unit_test_libvirt_error_LDADD = $(GLIB_LIBS)
endif

unit_tests += %D%/test-object
tests_unit_test_object_SOURCES = %D%/test-object.c
tests_unit_test_object_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-option
tests_unit_test_option_SOURCES = %D%/test-option.c
tests_unit_test_option_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-pods-seen
tests_unit_test_pods_seen_SOURCES = %D%/test-pods-seen.c
tests_unit_test_pods_seen_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-policy
tests_unit_test_policy_SOURCES = %D%/test-policy.c %D%/policy-naive.h %D%/policy-words.h
tests_unit_test_policy_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-policy-vectors
tests_unit_test_policy_vectors_SOURCES = %D%/test-policy-vectors.c %D%/policy-naive.h %D%/policy-words.h
tests_unit_test_policy_vectors_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-preserve
tests_unit_test_preserve_SOURCES = %D%/test-preserve.c
tests_unit_test_preserve_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-printer
tests_unit_test_printer_SOURCES = %D%/test-printer.c
tests_unit_test_printer_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-proxy
tests_unit_test_proxy_SOURCES = %D%/test-proxy.c
tests_unit_test_proxy_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-quantity
tests_unit_test_quantity_SOURCES = %D%/test-quantity.c
tests_unit_test_quantity_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-rbac
tests_unit_test_rbac_SOURCES = %D%/test-rbac.c
tests_unit_test_rbac_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-rights
tests_unit_test_rights_SOURCES = %D%/test-rights.c
tests_unit_test_rights_LDADD = libcmd.la

unit_tests += %D%/test-schedule
tests_unit_test_schedule_SOURCES = %D%/test-schedule.c
tests_unit_test_schedule_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-schema
tests_unit_test_schema_SOURCES = %D%/test-schema.c
tests_unit_test_schema_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-settle
tests_unit_test_settle_SOURCES = %D%/test-settle.c %D%/reason-log.h
tests_unit_test_settle_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-settings
tests_unit_test_settings_SOURCES = %D%/test-settings.c
tests_unit_test_settings_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-sim
tests_unit_test_sim_SOURCES = %D%/test-sim.c
tests_unit_test_sim_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-store
tests_unit_test_store_SOURCES = %D%/test-store.c %D%/store-fixture.h
tests_unit_test_store_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-tables
tests_unit_test_tables_SOURCES = %D%/test-tables.c man/pages.c
tests_unit_test_tables_LDADD = libcmd.la

unit_tests += %D%/test-talk
tests_unit_test_talk_SOURCES = %D%/test-talk.c
tests_unit_test_talk_LDADD = libcmd.la

unit_tests += %D%/test-near
tests_unit_test_near_SOURCES = %D%/test-near.c
tests_unit_test_near_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-quota
tests_unit_test_quota_SOURCES = %D%/test-quota.c
tests_unit_test_quota_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-targets
tests_unit_test_targets_SOURCES = %D%/test-targets.c
tests_unit_test_targets_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-uri
tests_unit_test_uri_SOURCES = %D%/test-uri.c
tests_unit_test_uri_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-watch
tests_unit_test_watch_SOURCES = %D%/test-watch.c %D%/store-fixture.h
tests_unit_test_watch_LDADD = $(AM_UNIT_LDADD)

unit_tests += %D%/test-yaml
tests_unit_test_yaml_SOURCES = %D%/test-yaml.c
tests_unit_test_yaml_LDADD = $(AM_UNIT_LDADD)

check_PROGRAMS += $(unit_tests) $(native_tests)
TESTS += $(unit_tests) $(native_tests)

# The unit tests again, under valgrind: for developers and scripts/check.
check-valgrind: $(unit_tests)
	KVMIG_TEST_UNDER_VALGRIND=1 $(MAKE) $(AM_MAKEFLAGS) check-TESTS TESTS='$(unit_tests)' \
		LOG_COMPILER='valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite \
		--errors-for-leak-kinds=definite --child-silent-after-fork=yes'
.PHONY: check-valgrind
