#!/bin/sh
# kvmig create shares all but its last step with apply, whose tests are in apply.sh.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
run kvmig --context local node add n1 --uri "qemu+unix:///system?socket=$work/none"
printf 'apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n' >ns.yaml

test_case 'created'
run kvmig create --file ns.yaml
expect_status 0
expect_stdout <<END
namespace/prod created
END

test_case 'there already'
run kvmig create -f ns.yaml
expect_status 8
expect_stderr_has "namespace 'prod' exists already"

test_case 'some there already'
printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata: {name: test}\n' >>ns.yaml
run kvmig create -f ns.yaml
expect_status 4
expect_stdout <<END
namespace/test created
END
run kvmig create -f ns.yaml
expect_status 8
expect_no_stdout
done_testing
