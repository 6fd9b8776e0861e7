#!/bin/sh
# The settings of three releases of KubeVirt and of HyperConverged, one upgraded to the next: each key with its value, its
# origin and what holds once it is taken out; each key set, and deleted again. HyperConverged's operator does not run here:
# bed_reconcile does what it would do.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
bed_up
bed_manager
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG
ns=openshift-cnv

view() {
	kvmig config view --all -o json 2>view.err | jq -r '.items[] | "\(.key)=\(.text), \(.origin), \(.default)"'
}

shows() { # TEXT, with FILE wanted
	view >have
	cmp -s wanted have || { complain "$1"; diff wanted have | sed 's/^/#   /'; sed 's/^/#   err: /' view.err; }
}

# The server publishes what a CRD says a moment later.
is_published() { # GROUP/VERSION WORD
	kubectl get --raw "/openapi/v3/apis/$1" | grep -q "$2"
}

# ---- what KubeVirt has compiled in ----

compiled() { # RELEASE
	cat <<-END
		bandwidthPerMigration=unlimited, default, unlimited
		completionTimeoutPerGiB=150 s/GiB, default, 150 s/GiB
		parallelMigrationsPerCluster=5, default, 5
		parallelOutboundMigrationsPerNode=2, default, 2
		progressTimeout=150 s, default, 150 s
		allowPostCopy=false, default, false
	END
	[ "$1" = 1.4 ] || echo 'allowWorkloadDisruption=false, default, false'
	cat <<-END
		allowAutoConverge=false, default, false
		network=not set, default, null
		disableTLS=false, default, false
	END
	[ "$1" != 1.9 ] || echo 'maxDowntimeMs=900 ms, default, 900 ms'
	[ "$1" != 1.9 ] || echo 'utilityVolumesTimeout=150 s, default, 150 s'
	cat <<-END
		unsafeMigrationOverride=false, default, false
		matchSELinuxLevelOnMigration=true, default, true
		nodeDrainTaintKey=kubevirt.io/drain, default, kubevirt.io/drain
	END
}

# ---- what HyperConverged's CRD puts in ----

# 800 seconds until the end of 2024, 150 until 1.18; 1.19 has 20, one migration from a node, and workload disruption.
hyperconverged() { # RELEASE
	case $1 in 1.13) budget=800 outbound=2 ;; 1.17) budget=150 outbound=2 ;; 1.19) budget=20 outbound=1 ;; esac
	sed -e "s|^completionTimeoutPerGiB=.*|completionTimeoutPerGiB=$budget s/GiB, CRD default, $budget s/GiB|" \
		-e "s|^parallelOutboundMigrationsPerNode=.*|parallelOutboundMigrationsPerNode=$outbound, CRD default, $outbound|" \
		-e '/^parallelMigrationsPerCluster\|^progressTimeout\|^allowPostCopy\|^allowAutoConverge/s/default/CRD default/' \
		-e "/^allowWorkloadDisruption/s/ default/ $([ "$1" != 1.19 ] || echo 'CRD ')default/"
}

# What was read of the CRDs is believed for a while: the upgrade took longer.
some_time_later() {
	find "$XDG_CACHE_HOME" -name 'fields-*' -exec touch -d '1 minute ago' {} +
}

install() { # RELEASE of HyperConverged
	case $1 in
	1.13)
		bed_hco v1beta1
		sed '/completionTimeoutPerGiB: /s/150/800/' "$bed/crds/hco-v1beta1.yaml" >hco-1.13.yaml
		bed_kubectl apply -f hco-1.13.yaml
		wait_for is_published hco.kubevirt.io/v1beta1 '"default":800'
		;;
	1.17)
		bed_hco v1beta1
		wait_for is_published hco.kubevirt.io/v1beta1 '"default":150'
		;;
	1.19)
		bed_hco v1
		wait_for is_published hco.kubevirt.io/v1 '"default":20'
		;;
	esac
	kubectl get namespace $ns >/dev/null 2>&1 || bed_kubectl create namespace $ns
	cat >hco.yaml <<-END
		apiVersion: hco.kubevirt.io/v1beta1
		kind: HyperConverged
		metadata: {name: kubevirt-hyperconverged, namespace: $ns}
		spec: {}
	END
	bed_kubectl apply -f hco.yaml
	bed_reconcile
	some_time_later
}

remove() {
	bed_kubectl delete hyperconverged -n $ns kubevirt-hyperconverged
	bed_kubectl delete crd hyperconvergeds.hco.kubevirt.io
	bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec":{"configuration":{"migrations":null}}}'
}

# ---- one after the other ----

handed_on='bandwidthPerMigration=64Mi completionTimeoutPerGiB=801 parallelMigrationsPerCluster=7 parallelOutboundMigrationsPerNode=3
	progressTimeout=99 allowPostCopy=true allowAutoConverge=true network=mig'
others='disableTLS=true unsafeMigrationOverride=true matchSELinuxLevelOnMigration=false nodeDrainTaintKey=x'

# set_and_unset ORIGIN KEY=VALUE…: all of them are from there, and nothing else is; then the defaults are back.
set_and_unset() {
	from=$1
	shift
	run kvmig config set "$@"
	expect_status 0
	[ "$from" = KubeVirt ] || bed_reconcile
	view >have
	for word; do
		grep -q "^${word%%=*}=.*, $from, " have || complain "$word: $(grep "^${word%%=*}=" have)"
	done
	expect 'no other' [ "$(grep -c ", $from, " have)" -eq $# ]
	# shellcheck disable=SC2046 # words
	run kvmig config unset $(for word; do echo "${word%%=*}"; done)
	expect_status 0
	[ "$from" = KubeVirt ] || bed_reconcile
	shows 'the defaults are back'
}

release() { # KUBEVIRT HYPERCONVERGED KEY… that KubeVirt has more, and HyperConverged's
	kubevirt=$1 hco=$2 more=$3 hco_more=$4
	bed_kubevirt "$kubevirt"

	test_case "KubeVirt $kubevirt alone: each key, its value and its origin"
	compiled "$kubevirt" >wanted
	shows 'compiled in'

	test_case "KubeVirt $kubevirt alone: each key set, and deleted"
	# shellcheck disable=SC2086 # words
	set_and_unset KubeVirt $handed_on $others $more

	test_case "HyperConverged $hco: each key, its value and its origin"
	install "$hco"
	compiled "$kubevirt" | hyperconverged "$hco" >wanted
	shows "HyperConverged's"

	test_case "HyperConverged $hco: each key set, and deleted"
	# shellcheck disable=SC2086 # words
	set_and_unset HyperConverged $handed_on $hco_more

	test_case "HyperConverged $hco: each key deleted by kubectl"
	# shellcheck disable=SC2086 # words
	kvmig config set -q $handed_on $hco_more 2>/dev/null
	path=/spec/liveMigrationConfig
	[ "$hco" != 1.19 ] || path=/spec/virtualization/liveMigrationConfig
	for word in $handed_on $hco_more; do
		bed_kubectl patch hyperconverged -n $ns kubevirt-hyperconverged --type json -p "[{\"op\":\"remove\",\"path\":\"$path/${word%%=*}\"}]"
	done
	bed_reconcile
	shows 'the defaults are back'
	run kvmig config undo
	expect_status 3
	expect_stderr_has 'progressTimeout was changed since with kubectl'
}

release 1.4 1.13 '' ''
test_case 'keys that come with later releases'
run kvmig config view allowWorkloadDisruption
expect_stderr_has 'the KubeVirt that is there does not have it: it comes with 1.5'
run kvmig config set allowWorkloadDisruption=true
expect_status 1
expect_stderr_has 'it comes with HyperConverged 1.19'
remove
run kvmig config set utilityVolumesTimeout=5
expect_status 1
expect_stderr_has 'it comes with KubeVirt 1.8'


test_case 'before KubeVirt 1.4: the time for each GiB that it had compiled in'
bed_kubectl patch kubevirt kubevirt -n kubevirt --subresource status --type merge -p \
	'{"status":{"observedKubeVirtVersion":"v1.3.1","operatorVersion":"v1.3.1"}}'
compiled 1.4 | sed 's|^completionTimeoutPerGiB=.*|completionTimeoutPerGiB=800 s/GiB, default, 800 s/GiB|' >wanted
shows 'compiled in'
run kvmig config view completionTimeoutPerGiB
expect_stdout_has 'a 6 GiB VM: cancelled after 5600 s'

release 1.6 1.17 allowWorkloadDisruption=true ''
remove
release 1.9 1.19 'allowWorkloadDisruption=true maxDowntimeMs=500 utilityVolumesTimeout=5' allowWorkloadDisruption=true

done_testing
