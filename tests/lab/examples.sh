#!/bin/sh
# Every example of the manual pages that needs a cluster or makes a lab, as it stands there: they come from the tables,
# so none is left out. Those that need neither are run by tests/cli/examples.sh, those that need an API server (rbac) by
# tests/kube/rbac.sh and tests/kube/rbac-show.sh.
# shellcheck disable=SC2317 # functions are called through check
. "$(dirname "$0")/lib.sh"

lab_begin "$(id -un)"

examples_of() { # JQ-CONDITION on $page and the command
	kvmig --introspect-cli | jq -r '
		def leaves: if .commands then .commands[] | leaves else . end;
		.commands[] | select(.name != "rbac") | .name as $page | leaves | select('"$1"') | .examples[]'
}

node_of() { # VM
	kvmig vm show "$1" -o json 2>/dev/null | jq -r .status.nodeName
}

# Back to n1, where an example before this one may have moved it, and with nothing under way.
home() { # VM
	for _ in $(seq 50); do
		[ "$(node_of "$1")" = n1 ] && ! kvmig cancel -q "$1" 2>/dev/null && return 0
		kvmig migrate -q "$1" --node n1 --wait --timeout 60s >/dev/null 2>&1
		sleep 0.2
	done
	echo "$1 does not come home"
	return 1
}

# A migration of it that takes its time.
under_way() { # VM
	home "$1" && kvmig config set -q bandwidthPerMigration=1Mi &&
		kvmig lab vm load -q "$1" --dirty-rate 4Mi --working-set 16Mi && kvmig migrate -q "$1" >/dev/null
}

before() { # EXAMPLE: what has to be so, beyond what lab_for_examples made
	case $1 in
	'kvmig migrate -l app=web '*) home web-1 && kvmig vm label -q --overwrite web-1 app=web ;;
	'kvmig migrate '* | 'kvmig targets '* | 'kvmig create -f migration.yaml '*) home web-1 ;;
	'kvmig status -w '*) home web-1 && kvmig migrate -q web-1 >/dev/null ;;
	# the second one home before there is a cap
	'kvmig cancel web-1 web-2 '*) home web-2 && under_way web-1 && under_way web-2 ;;
	'kvmig cancel '*) under_way web-1 ;;
	'kvmig policy lint'*) kvmig vm label -q --overwrite web-1 app=web ;;
	'kvmig config diff settings.yaml'*)
		kvmig get hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged -o yaml >settings.yaml
		;;
	# the numbers of a new object, of which ten are kept
	'kvmig config undo 3'*)
		kvmig delete hyperconverged kubevirt-hyperconverged -n kubevirt-hyperconverged &&
			kvmig config set -q progressTimeout=60 && kvmig config set -q progressTimeout=70 &&
			kvmig config set -q bandwidthPerMigration=1Gi
		;;
	'kvmig config lint'*) kvmig config preset default -q && kvmig config set -q parallelOutboundMigrationsPerNode=1 ;;
	'kvmig node add '* | 'kvmig node remove '*) KVMIG_CONTEXT=local/book ;;
	esac
}

after() { # EXAMPLE
	KVMIG_CONTEXT=lab
	case $1 in
	'kvmig cancel '*)
		kvmig config unset -q bandwidthPerMigration
		kvmig lab vm load -q web-1 --dirty-rate 0 && kvmig lab vm load -q web-2 --dirty-rate 0
		;;
	'kvmig policy lint'* | 'kvmig migrate -l app=web '*) kvmig vm label -q web-1 app- ;;
	'kvmig config '*) kvmig config set -q disableTLS=true && kvmig config unset -q progressTimeout ;;
	esac
}

# What a shell starts in the background ignores Ctrl-C, until it has come to wait for it; before that it has the shell's traps.
hears_interrupt() { # PID
	case $(readlink "/proc/$1/exe") in */kvmig) ;; *) return 1 ;; esac
	caught=$(sed -n 's/^SigCgt:.*\(....\)$/\1/p' "/proc/$1/status") && [ $((0x$caught & 2)) -ne 0 ]
}

# It runs until Ctrl-C: it gets one.
controller_until_interrupted() { # WORDS…
	env HOME="$LAB_TOP/h" XDG_RUNTIME_DIR="$LAB_TOP/r" XDG_STATE_HOME="$LAB_TOP/s" "$KVMIG" "$@" --context local/book &
	controller=$!
	until_true 60 hears_interrupt $controller
	kill -INT $controller
	wait $controller
}

# `kvmig` in the line is the function of lib.sh.
type_it() { # EXAMPLE
	case $1 in
	'kvmig controller'*)
		# shellcheck disable=SC2086 # words
		controller_until_interrupted ${1#kvmig }
		;;
	*) eval "$1" </dev/null ;;
	esac
}

example() { # LINE
	before "$1" || return 1
	type_it "$1"
	ended=$?
	after "$1" >/dev/null || return 1
	return $ended
}

run_examples() { # JQ-CONDITION
	examples_of "$1" >"$LAB_TOP/examples"
	while IFS= read -r line; do
		check "$line" example "$line"
	done <"$LAB_TOP/examples"
	total=$((${total:-0} + $(wc -l <"$LAB_TOP/examples")))
}

# The files that the examples name, in the folder where they are typed.
files_for_examples() {
	mkdir manifests || return 1
	cat >policy.yaml <<-END
		apiVersion: migrations.kubevirt.io/v1alpha1
		kind: MigrationPolicy
		metadata: {name: fast}
		spec: {allowPostCopy: true, selectors: {virtualMachineInstanceSelector: {app: web}}}
	END
	sed 's/name: fast/name: slow/; s/app: web/app: db/; s/allowPostCopy: true/bandwidthPerMigration: 64Mi/' policy.yaml \
		>manifests/slow.yaml
	cat >migration.yaml <<-END
		apiVersion: kubevirt.io/v1
		kind: VirtualMachineInstanceMigration
		metadata: {generateName: move-}
		spec: {vmiName: web-1}
	END
}

lab_for_examples() {
	kvmig lab up -q --nodes 3 --vms 0 && kvmig lab vm add -q web-1 --node n1 --memory 32Mi &&
		kvmig lab vm add -q web-2 --node n1 --memory 32Mi && kvmig node label -q n2 zone=b disk=ssd
}

# A VM that was made a moment ago, and behind our back, is found.
new_one_is_found() {
	kvmig vm list >/dev/null || return 1
	node_virsh n1 dumpxml web-2 | sed -e '/<uuid>/d' -e 's|<name>.*|<name>fresh</name>|' >"$LAB_TOP/h/fresh.xml"
	node_virsh n3 define "$LAB_TOP/h/fresh.xml" >/dev/null || return 1
	equal "$(kvmig vm show fresh -o json | jq -r .status.nodeName)" n3
}

lab_is_gone() {
	! kvmig lab status >/dev/null
}

# An editor that saves what it was given.
EDITOR=true
export EDITOR
unset KVMIG_CONTEXT
run_examples '$page == "lab"'
check 'the last example takes the lab down' lab_is_gone
KVMIG_CONTEXT=lab
export KVMIG_CONTEXT
check 'a lab with what the examples name' lab_for_examples
check 'which may take its time' lab_patient
mkdir "$LAB_TOP/h/work" && cd "$LAB_TOP/h/work" || exit 99
check 'the files that the examples name' files_for_examples
run_examples '$page != "lab" and (.needs | contains(["cluster"]))'
check 'there are many' [ "$total" -ge 40 ]
check 'a VM made a moment ago is found' new_one_is_found
check 'the guest has not noticed' no_memory_errors web-1
check 'the lab goes' kvmig lab down -q
done_testing
