#!/bin/sh
# kvmig check on real daemons and guests: what it says of a VM's disks and devices is what libvirt then does, and asking
# does the VM no harm.
# shellcheck disable=SC2317 # functions are called through check
. "$(dirname "$0")/lib.sh"
KVMIG_CONTEXT=lab
export KVMIG_CONTEXT

lab_begin "$(id -un)"
folder=$LAB_TOP/r/storage

# A guest without a system: it takes what devices it is given.
guest() { # DEVICES
	cat >"$LAB_TOP/t1.xml" <<-END
		<domain type='qemu'><name>t1</name><memory unit='MiB'>16</memory><os><type arch='x86_64'>hvm</type></os>
		<devices><controller type='usb' model='none'/><memballoon model='none'/>$1</devices></domain>
	END
	chmod 644 "$LAB_TOP/t1.xml"
	node_virsh n1 create "$LAB_TOP/t1.xml" >/dev/null
}

# The next t1 is another VM: kvmig must not take it for this one.
gone() {
	node_virsh n1 destroy t1 >/dev/null
	node_virsh n1 undefine t1 --snapshots-metadata >/dev/null 2>&1
	for node in n1 n2; do
		node_virsh "$node" pool-destroy images >/dev/null 2>&1
	done
	until_true 60 unknown t1
}

disk() { # FILE DEVICE TARGET [ELEMENT]
	echo "<disk type='file' device='$2'><driver name='qemu' type='raw'/><source file='$folder/$1'/><target dev='$3' bus='ide'/>${4:-}</disk>"
}

file() { # NAME
	as_lab_user truncate -s 1M "$folder/$1"
}

pool() { # NODE
	node_virsh "$1" pool-create-as images dir --target "$folder" >/dev/null
}

said() { # CODE: severity and text; nothing where it was not said
	echo "$out" | jq -r --arg code "$1" '.items[] | select(.reason == $code) | "\(.severity) \(.evidence)"'
}

# What libvirt says to a real one.
libvirt_refuses() { # WORDS
	if output=$(node_virsh n1 migrate --live --p2p t1 "$(node_uri n2)" 2>&1); then
		echo 'it went'
		return 1
	fi
	contains "$output" "$1"
}

plain() {
	run 0 kvmig check vm1 -o json && equal "$(echo "$out" | jq '[.items[] | select(.severity == "blocks")] | length')" 0 &&
		equal "$(said KVMIG-CHK-PATH-UNSEEN | cut -d : -f 2)" " kernel ($LAB/guest.elf)"
}

# It was asked to migrate, and did not.
no_harm() {
	before=$(node_virsh n1 domstate vm1 --reason) && wait_beat vm1 5 || return 1
	for _ in 1 2 3; do
		run 0 kvmig check vm1 -o name || return 1
	done
	equal "$(node_virsh n1 domstate vm1 --reason)" "$before" && equal "$(node_virsh n1 domjobinfo vm1 | tr -d ' ')" 'Jobtype:None' &&
		wait_beat vm1 5 && beats_are_whole vm1 && assert_only_on vm1 n1 && run 0 kvmig migrate vm1 --node n2 --wait &&
		run 0 kvmig migrate vm1 --node n1 --wait
}

local_disk() {
	file disk.raw && guest "$(disk disk.raw disk hda)" || return 1
	run 3 kvmig check t1 -o json && words=$(said KVMIG-BLK-LOCAL-DISK) &&
		contains "$words" "blocks it writes to disk 'hda' ($folder/disk.raw); libvirt: Unsafe migration" || return 1
	run 3 kvmig check --cluster -o json && equal "$(said KVMIG-BLK-LOCAL-DISK)" "$words" && libvirt_refuses 'Unsafe migration' && gone
}

# One file, seen by two hosts: by its time of change to the nanosecond.
same_file() {
	pool n1 && pool n2 && guest "$(disk disk.raw disk hda)" || return 1
	run 3 kvmig check t1 -o json && equal "$(said KVMIG-CHK-PATH-UNSEEN)$(said KVMIG-CHK-PATH-ABSENT)" '' && gone
}

# libvirt takes a medium for safe, and the target does not find it.
medium() {
	file seen.iso && guest "$(disk seen.iso cdrom hdc '<readonly/>')" || return 1
	run 0 kvmig check t1 -o json && contains "$(said KVMIG-CHK-MEDIA)" "warning cdrom 'hdc' ($folder/seen.iso)" || return 1
	pool n1 && pool n2 && run 0 kvmig check --node n1 -o json && equal "$(said KVMIG-CHK-MEDIA)" '' && gone
}

absent() {
	pool n2 && file new.iso && pool n1 && guest "$(disk new.iso cdrom hdc '<readonly/>')" || return 1
	run 0 kvmig check t1 -o json && contains "$(said KVMIG-CHK-PATH-ABSENT)" "storage pool 'images' on node 'n2' does not have it" || return 1
	node_virsh n2 pool-refresh images >/dev/null && run 0 kvmig check t1 -o json && equal "$(said KVMIG-CHK-PATH-ABSENT)" '' && gone
}

shared_memory() {
	guest "<shmem name='seen'><model type='ivshmem-plain'/><size unit='M'>1</size></shmem>" || return 1
	run 3 kvmig check t1 -o json && contains "$(said KVMIG-BLK-SHARED-MEMORY)" "role peer); libvirt: " &&
		equal "$(said KVMIG-BLK-LIBVIRT)" '' && libvirt_refuses 'peer mode' && gone
}

# What is below the disk must be there too; libvirt looks only at the disk.
snapshots() {
	guest "$(disk disk.raw disk hda)" && node_virsh n1 snapshot-create-as t1 first --disk-only >/dev/null || return 1
	run 3 kvmig check t1 -o json && contains "$(said KVMIG-BLK-LIBVIRT)" 'cannot migrate domain with 1 snapshots' &&
		contains "$(said KVMIG-CHK-PATH-UNSEEN)" "the image below disk 'hda' ($folder/disk.raw)" &&
		libvirt_refuses 'with 1 snapshots' && gone
}

unsafe_cache() {
	guest "$(disk disk.raw disk hda | sed "s/type='raw'/& cache='unsafe'/")" || return 1
	run 3 kvmig check t1 -o json && contains "$(said KVMIG-CHK-DISK-CACHE)" "warning disk 'hda' has cache='unsafe'" && gone
}

# libvirt lets it go, and forgets them. One of before: a new one would need a disk with room for its bitmap.
checkpoints() {
	guest "$(disk disk.raw disk hda)" || return 1
	{
		echo "<domaincheckpoint><name>first</name><creationTime>1600000000</creationTime>"
		echo "<disks><disk name='hda' checkpoint='bitmap' bitmap='first'/></disks>"
		node_virsh n1 dumpxml t1
		echo '</domaincheckpoint>'
	} >"$LAB_TOP/checkpoint.xml"
	chmod 644 "$LAB_TOP/checkpoint.xml"
	node_virsh n1 checkpoint-create t1 "$LAB_TOP/checkpoint.xml" --redefine >/dev/null || return 1
	run 3 kvmig check t1 -o json && equal "$(said KVMIG-CHK-CHECKPOINTS)" 'warning it has 1 checkpoint, which libvirt forgets when it goes' &&
		gone
}

# From host to host, and what the migrations before have shown.
between() {
	run 0 kvmig network check n1 n2 --probe -o json || return 1
	equal "$(echo "$out" | jq -r '.probes[] | "\(.from) \(.to) \(.vm) \(.reached)"')" 'n1 n2 vm1 true' &&
		equal "$(echo "$out" | jq -r '[.speeds[] | select(.bytesPerSecond > 0) | "\(.from) \(.to) \(.at[0:2])"] | join(", ")')" \
			'n1 n2 20, n2 n1 20' &&
		contains "$(echo "$out" | jq -r '.findings[].evidence')" 'no VM runs there to ask with'
}

peer_uri() { # URI of n2 for the others
	kvmig get host n2 -o json | jq --arg uri "$1" '.spec.peerURI = $uri' >"$LAB_TOP/r/host.json" || return 1
	kvmig apply -q -f "$LAB_TOP/r/host.json"
}

not_reached() {
	peer_uri "qemu+unix:///system?socket=$LAB/nobody" || return 1
	run 3 kvmig network check n1 n2 --probe -o json && equal "$(echo "$out" | jq '.probes[].reached')" false &&
		contains "$(echo "$out" | jq -r '.findings[] | select(.reason == "KVMIG-CHK-NETWORK-UNREACHED") | .evidence')" "reach libvirt on 'n2'" ||
		return 1
	peer_uri "$(node_uri n2)" && run 0 kvmig network check n1 n2 --probe && equal "$(node_virsh n1 domstate vm1)" running
}

check 'a lab of two nodes' lab_start 2
check 'which may take its time' lab_patient
as_lab_user mkdir "$folder"
check 'a guest with nothing against it' plain
check 'asking does no harm' no_harm
check 'a disk that is not shared: libvirt says so beforehand' local_disk
check 'a file that both hosts have is known as the same' same_file
check 'a medium: not known without a pool, known with one' medium
check 'a medium that the other host does not have' absent
check 'shared memory, in the words of QEMU' shared_memory
check 'snapshots' snapshots
check 'a cache that nothing writes out' unsafe_cache
check 'checkpoints' checkpoints
check 'the way between two hosts' between
check 'a host that the other does not reach' not_reached
done_testing
