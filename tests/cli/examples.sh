#!/bin/sh
# The examples of the manual pages, those that need no hosts: they come from the tables, so none is left out. Those of
# commands that work on a cluster are run by tests/lab/examples.sh, those of kvmig rbac, which need an API server, by
# tests/kube/rbac.sh and tests/kube/rbac-show.sh.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq

kvmig --introspect-cli | jq -r '
	def leaves: if .commands then .commands[] | leaves else . end;
	.commands[] | select(.group != "Try and learn" and .name != "rbac") | leaves
		| select((.needs | contains(["cluster"]) | not) and (.name != "controller")) | .examples[]' >examples

# What they name, and a cluster.
kvmig node add -q n1 --uri "qemu+unix:///system?socket=$work/none" 2>/dev/null
cat >policies.yaml <<END
apiVersion: migrations.kubevirt.io/v1alpha1
kind: MigrationPolicy
metadata: {name: gold}
spec: {selectors: {virtualMachineInstanceSelector: {tier: gold}}}
END
cat >cases.yaml <<END
cases:
- policy: null
END

while IFS= read -r line; do
	test_case "$line"
	run sh -c "$line"
	expect_status 0
	# A new user has no record; that is said, and is no failure. So is that all cases passed, and what a preset risks.
	grep -ve '^kvmig: no migrations on record' -e '^warning: post-copy has no way back' -e ' cases\{0,1\}, 0 failed$' "$err" >said
	expect "messages: $(cat said)" [ ! -s said ]
done <examples

test_case 'there are some'
expect 'no examples' test "$(wc -l <examples)" -ge 5
done_testing
