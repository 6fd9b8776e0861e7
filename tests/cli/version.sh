#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq

test_case 'one line for people'
run kvmig version
expect_status 0
expect "the line" grep -qxE 'kvmig [0-9]+\.[0-9]+\.[0-9]+( \(without (lab|libvirt and lab)\))?' "$out"
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
expect_json '"kvmig " + .version + if .features.lab then "" elif .features.libvirt then " (without lab)"
	else " (without libvirt and lab)" end' "$(cat first)"
built_with_lab=$(jq -r .features.lab "$out")

test_case 'a build without the lab says so'
run kvmig lab status
if $built_with_lab; then
	expect_stderr_lacks "built without"
else
	expect_status 2
	expect "the hint" grep -q 'hint: .*--enable-lab' "$err"
fi

test_case 'YAML too'
run kvmig version -o yaml
expect_stdout_has 'kind: Version'

test_case 'it takes no argument'
run kvmig version now
expect_status 2
expect_stderr_has "unexpected argument 'now'"

done_testing
