#!/bin/sh
# kvmig cluster info on the local store; on an API server: tests/kube/info.sh.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
# shellcheck source=tests/cli/objects.sh
. "$top/tests/cli/objects.sh"
requires jq

test_case 'none'
run kvmig cluster info
expect_status 1
expect_stderr_has 'no cluster'

test_case 'a local one'
usual | fresh
kvmig node cordon -q n3
run kvmig cluster info
expect_status 0
expect_stdout <<END
Context:            local/default
Kind:               local: kvmig carries out the migrations
Settings:           HyperConverged: there is none yet, all settings have their defaults
Store:              $XDG_STATE_HOME/kvmig/local/default.db
Controller:         none runs
Nodes:              3: 3 ready, 1 cordoned
END
expect_no_stderr
expect 'nobody was asked' [ ! -e "$XDG_STATE_HOME/kvmig/local/default/controller.log" ]

test_case 'as a document'
run kvmig cluster info -o json
expect_json '"\(.kind) \(.context) \(.clusterKind) \(.migratedBy)"' 'ClusterInfo local/default local kvmig'
expect_json '.nodes | map(select(.cordoned)) | map(.name) | join(",")' n3
expect_json .settings.exists false
expect_json 'has("permissions")' false
cp "$out" documents
run kvmig cluster info -o name
expect_stdout <<END
local/default
END

test_case 'with settings'
kvmig config set -q progressTimeout=60
run kvmig cluster info
expect_stdout_has "Settings:           HyperConverged 'kubevirt-hyperconverged' in namespace 'kubevirt-hyperconverged'"
run kvmig cluster info -o json
expect_json '"\(.settings.exists) \(.settings.apiVersion)"' 'true hco.kubevirt.io/v1beta1'

test_case 'with a controller'
kvmig controller >/dev/null 2>&1 </dev/null &
pid=$!
# it has the lock a moment before it has written down who it is
for _ in $(seq 300); do
	run kvmig cluster info -o json
	[ "$(jq .controller.pid "$out")" = null ] || break
	sleep 0.1
done
expect_json .controller.pid "$pid"
expect_json .controller.version "$(kvmig version -o json | jq -r .version)"
cat "$out" >>documents
run kvmig cluster info
expect 'in words' grep -qE "^Controller: +runs, process $pid, version " "$out"
kill "$pid"
wait "$pid"

test_case 'another one, read-only'
run kvmig --context local/none cluster info
expect_status 1
expect_stderr_has "there is no local cluster 'local/none'"
run kvmig --read-only cluster info
expect_status 0
done_testing
