#!/bin/sh
# What real daemons say becomes nodes and VMs; what virsh does beside kvmig is seen.
# shellcheck disable=SC2317 # functions are called through check
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"

# Hosts are looked at anew once what is known of them is five seconds old.
old() { sleep 5.1; }

# On a slow machine a look may be late; then what was known before is shown.
has() { # FILTER VALUE COMMAND…: JSON of kvmig
	until_true 60 has_now "$@"
}

has_now() {
	filter=$1 value=$2
	shift 2
	got=$(kvmig --context lab "$@" -o json | jq -r "$filter")
	equal "$got" "$value"
}

lab_begin "$(id -un)"
lab_start 2 || exit 1

check 'both nodes are ready' has '[.items[] | select(.status.conditions[] | .type == "Ready" and .status == "True")] | length' 2 node list
check 'libvirt and QEMU have versions' has '[.items[].status.nodeInfo | select(.libvirtVersion and .hypervisorVersion)] | length' 2 node list
check 'labels as KubeVirt has them' has '.metadata.labels | "\(."kubernetes.io/hostname") \(."kubernetes.io/arch")"' 'n1 amd64' node show n1
check 'the guest runs on n1' has '"\(.status.phase) \(.status.nodeName)"' 'Running n1' vm show vm1

check 'a label is set' kvmig --context lab vm label vm1 app=shop
# With the next look, where the daemon did not answer at once.
in_metadata() {
	kvmig --context lab vm list >/dev/null
	node_virsh n1 dumpxml vm1 | grep -q '<kvmig:label key="app" value="shop"/>'
}
check 'it is in the metadata of the domain' until_true 60 in_metadata

from_n1() { node_virsh n1 "$@"; }
node_virsh n1 dumpxml --migratable --inactive vm1 >"$LAB_TOP/vm1.xml"
sed -e 's/<name>vm1/<name>Web_01 (old)/' -e "s/<uuid>[^<]*/<uuid>$(cat /proc/sys/kernel/random/uuid)/" \
	-e '/<metadata>/,/<\/metadata>/d' "$LAB_TOP/vm1.xml" >"$LAB_TOP/web.xml"

# Things that have nothing to do with each other, at the same time: a look costs five seconds.
check 'virsh pauses it' from_n1 suspend vm1
check 'a domain called Web_01 (old)' node_virsh n2 define "$LAB_TOP/web.xml"
old
check 'the pause is seen' has '.status.conditions[] | select(.type == "Paused") | .reason' PausedByUser vm show vm1
check 'has a name fit for Kubernetes' has '"\(.status.phase) \(.status.nodeName)"' 'Succeeded n2' vm show web-01-old
check 'and is found by its own' has .metadata.name web-01-old vm show 'Web_01 (old)'

check 'virsh resumes it' from_n1 resume vm1
check 'is taken by libvirt' node_virsh n2 define "$LAB_TOP/vm1.xml"
check 'the other one is undefined' node_virsh n2 undefine 'Web_01 (old)'
old
check 'the same UUID twice is an alarm' has \
	'.status.conditions[] | select(.type == "kvmig.io/DuplicateUUID") | .reason' DefinedElsewhere vm show vm1
check 'that names the other node' has '.status.alsoOn | join(" ")' n2 vm show vm1
check 'the pause is over' has '[.status.conditions[] | select(.type == "Paused")] | length' 0 vm show vm1
check 'what is undefined is no VM any more' until_true 60 unknown web-01-old

check 'the definition is removed' node_virsh n2 undefine vm1
old
check 'the alarm ends' has '[.status.conditions[] | select(.type == "kvmig.io/DuplicateUUID")] | length' 0 vm show vm1

uri=$(kvmig --context lab node show n2 -o json | jq -r .spec.uri)
check_not 'not by its URI' kvmig --context lab node add n3 --uri "$uri"
ln -s "${uri#*socket=}" "$LAB_TOP/sock"
check_not 'nor by another way to it' kvmig --context lab node add n3 --uri "qemu+unix:///system?socket=$LAB_TOP/sock"

lab_end
done_testing
