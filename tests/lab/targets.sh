#!/bin/sh
# kvmig targets on real daemons and guests: what it says of a node is what happens there. The VM's own selector, what is
# asked for, a CPU that libvirt refuses, a name that is taken, a host that stands still.
# shellcheck disable=SC2317 # functions are called through check
. "$(dirname "$0")/lib.sh"
KVMIG_CONTEXT=lab
export KVMIG_CONTEXT

lab_begin "$(id -un)"

said_of() { # NODE: its reasons, or "fits"
	echo "$out" | jq -r --arg node "$1" \
		'.targets[] | select(.node == $node) | if .fits then "fits" else [.obstacles[].reason] | join(" ") end'
}

# Libvirt was asked: nothing is said of labels.
all_asked() {
	equal "$(echo "$out" | jq '.notes | length')" 0
}

plain() {
	run 0 kvmig targets vm1 -o json && all_asked && equal "$(said_of n1)" KVMIG-TGT-SOURCE &&
		equal "$(said_of n2)" fits && equal "$(said_of n3)" fits
}

# The node that is named first is the one that it goes to.
goes_where_it_fits() {
	kvmig node label -q n3 disk=ssd || return 1
	run 0 kvmig targets vm1 --node-selector disk=ssd -o json && equal "$(said_of n3)" fits &&
		equal "$(said_of n2)" KVMIG-TGT-ADDED-SELECTOR || return 1
	run 0 kvmig migrate vm1 --node-selector disk=ssd --wait && assert_running_once vm1 || return 1
	run 0 kvmig targets vm1 -o json && equal "$(said_of n3)" KVMIG-TGT-SOURCE
}

own_selector() {
	cat >"$LAB_TOP/vm.yaml" <<-END
		apiVersion: kubevirt.io/v1
		kind: VirtualMachineInstance
		metadata: {name: vm1, namespace: default}
		spec: {nodeSelector: {disk: ssd}}
	END
	chmod 644 "$LAB_TOP/vm.yaml"
	kvmig apply -q -f "$LAB_TOP/vm.yaml" || return 1
	run 3 kvmig targets vm1 -o json && equal "$(said_of n1) $(said_of n2)" 'KVMIG-TGT-VM-SELECTOR KVMIG-TGT-VM-SELECTOR' || return 1
	run 3 kvmig migrate vm1 && kvmig node label -q n2 disk=ssd || return 1
	run 0 kvmig targets vm1 -o json && equal "$(said_of n1) $(said_of n2)" 'KVMIG-TGT-VM-SELECTOR fits' || return 1
	run 0 kvmig migrate vm1 --wait && run 0 kvmig targets vm1 -o json && equal "$(said_of n2)" KVMIG-TGT-SOURCE
}

# A domain of another UUID that has the name: libvirt would refuse the migration, and says so before.
name_is_taken() {
	sed_uuid='s|<uuid>.*</uuid>|<uuid>deadbeef-0000-0000-0000-000000000001</uuid>|'
	node_virsh n2 dumpxml --migratable vm1 | sed "$sed_uuid; /<metadata>/,/<.metadata>/d" >"$LAB_TOP/other.xml"
	chmod 644 "$LAB_TOP/other.xml"
	node_virsh n3 define "$LAB_TOP/other.xml" >/dev/null || return 1
	run 3 kvmig targets vm1 -o json && equal "$(said_of n3)" KVMIG-TGT-LIBVIRT && contains "$out" 'another domain named' || return 1
	node_virsh n3 undefine vm1 >/dev/null && run 0 kvmig targets vm1 -o json && equal "$(said_of n3)" fits
}

cordoned_and_gone() {
	kvmig node cordon -q n3 || return 1
	run 3 kvmig targets vm1 -o json && equal "$(said_of n3)" KVMIG-TGT-CORDONED || return 1
	kvmig node uncordon -q n3 && run 0 kvmig targets vm1 -o name && equal "$out" host.kvmig.io/n3
}

check 'a lab of three nodes' lab_start 3
check 'which may take its time' lab_patient
check 'libvirt of each host is asked' plain
check 'what is asked for decides, and it goes there' goes_where_it_fits
check "the VM's own selector decides, and it goes there" own_selector
check 'a name that is taken on the other host' name_is_taken
check 'cordoned, and back' cordoned_and_gone
done_testing
