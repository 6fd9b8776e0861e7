#!/bin/sh
# kvmig network on a local store: migration addresses of hosts, and what is known of the speed between them.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq

test_case 'hosts without an address to send to, and one that has one'
{ host n1; host n2 'migrationAddress: 192.0.2.2'; } | fresh
run kvmig network check -o json
expect_status 0
expect_json '[.nodes[] | "\(.node) \(.address) \(.dedicated) \(.usable)"] | join(", ")' 'n1 null false false, n2 192.0.2.2 true true'
expect_json '[.findings[].reason] | join(" ")' KVMIG-TGT-MIGRATION-NETWORK
run kvmig network check
expect_status 0
expect_stdout_lacks 'none of its own'
expect 'the address' grep -qE '^n2 +192\.0\.2\.2 +yes +usable$' "$out"
expect_stderr_has KVMIG-TGT-MIGRATION-NETWORK

test_case 'addresses'
run kvmig network create --address n1=192.0.2.1 --address n2=192.0.2.3 --dry-run
expect_status 0
expect_stderr_has "node 'n1': migration address 192.0.2.1 (dry run)"
run kvmig network create --address n1=192.0.2.1 --address n2=192.0.2.3 --dry-run=server
expect_status 0
run kvmig get host n1 -o json
expect_json '.spec.migrationAddress // "none"' none
run kvmig network create --address n1=192.0.2.1 --address n2=192.0.2.3
expect_status 0
run kvmig network check -o json
expect_json '[.nodes[].address] | join(" ")' '192.0.2.1 192.0.2.3'
expect_json '.findings | length' 0

test_case 'all are looked at before one is changed'
run kvmig network create --address n1=192.0.2.9 --address n9=192.0.2.9
expect_status 1
expect_stderr_has "there is no node 'n9'"
run kvmig network create --address n1=192.0.2.9 --address 'n2=no address'
expect_status 2
run kvmig network create --address n1
expect_status 2
expect_stderr_has "'n1' is not NODE=ADDRESS"
run kvmig network create
expect_status 2
run kvmig network create net --interface eth1 --range 192.0.2.0/24
expect_status 2
expect_stderr_has 'which address each has'
run kvmig get host n1 -o json
expect_json .spec.migrationAddress 192.0.2.1

test_case 'the speed between two: not known without a migration'
run kvmig network create --address n1=127.0.0.1 --address n2=unix:/run/memory
expect_status 0
run kvmig network check n1 n2 -o json
expect_status 0
expect_json '[.findings[].reason] | unique | join(" ")' KVMIG-CHK-NETWORK-SPEED
expect_json '.speeds | length' 0
run kvmig network check n1 n2
expect_stderr_has "note: how fast 'n1' sends to 'n2' is not known"
expect_stderr_lacks 'warning: note'
run kvmig network check n1 n2 -o json
expect_json '[.fromHere[] | "\(.node) \(.answers)"] | join(", ")' 'n1 true'
run kvmig network create --address n2=255.255.255.255
expect_status 0
run kvmig network check n1 n2
expect_status 0
expect_stderr_has 'note: 255.255.255.255 does not answer from this machine ('
expect_stderr_has KVMIG-CHK-NETWORK-UNREACHED
expect 'what answers' grep -qE '^here -> n1: +answers$' "$out"
expect 'what does not' grep -qE '^here -> n2: +does not answer$' "$out"
run kvmig network check n1 n2 --probe
expect_status 0
expect_stderr_has "whether 'n2' reaches libvirt on 'n1': no VM runs there to ask with"
run kvmig network check --probe
expect_status 2
expect_stderr_has '--probe needs two nodes'
run kvmig network check n1
expect_status 2
run kvmig network check n1 n9
expect_status 1

test_case 'a host that cannot be asked is not one that does not reach the other'
{ usual; host n2; } | fresh
run kvmig network check n1 n2 --probe
expect_status 0
expect_stderr_has "note: whether 'n1' reaches libvirt on 'n2': "
expect_stderr_lacks UNREACHED
run kvmig network check n2 n1 --probe -o json
expect_json '.probes | length' 0

test_case 'addresses of one host only'
{ host n1; } | fresh
run kvmig network check -o name
expect_stdout <<END
n1
END

done_testing
