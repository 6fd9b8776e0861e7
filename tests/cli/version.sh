#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq

test_case 'one line for people'
run kvmig version
expect_status 0
expect "the line" grep -qxE 'kvmig [0-9]+\.[0-9]+\.[0-9]+' "$out"
expect_no_stderr

test_case '--version is the same'
cp "$out" first
run kvmig --version
expect "the same" cmp -s first "$out"

test_case 'JSON names version and features'
run kvmig version --output json
expect_json .apiVersion kvmig.io/v1
expect_json .kind Version
expect_json '.features | keys | join(",")' lab,libvirt
expect_json '"kvmig " + .version' "$(cat first)"

test_case 'YAML too'
run kvmig version -o yaml
expect_stdout_has 'kind: Version'

test_case 'it takes no argument'
run kvmig version now
expect_status 2
expect_stderr_has "unexpected argument 'now'"

done_testing
