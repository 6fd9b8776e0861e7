#!/bin/sh
# Usage and manual pages.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq man mandoc groff script

test_case 'help lists the groups and their commands'
run kvmig help
expect_status 0
expect_stdout_has 'usage: kvmig COMMAND'
expect_stdout_has 'Other'
expect_stdout_has 'version               print the version'

test_case 'help COMMAND, COMMAND --help and COMMAND -h'
run kvmig help version
expect_status 0
expect_stdout_has 'KVMIG-VERSION(1)'
cp "$out" page
run kvmig version --help
expect "the same page" cmp -s page "$out"
run kvmig version -h
expect_stdout_has 'usage: kvmig version [options]'

test_case '-h and --help need no operands and go before other errors behind them'
run kvmig completion -h --nonsense
expect_status 0
expect_stdout_has 'usage: kvmig completion [options] SHELL'
run kvmig -h
expect_status 0
expect_stdout_has 'Commands:'
run kvmig --help
expect_status 0
expect_stdout_has 'KVMIG(1)'

test_case 'help of what does not exist'
run kvmig help verison
expect_status 2
expect_stderr_has "similar commands: 'version'"

test_case 'reasons have a page, with every code'
run kvmig help reasons
expect_status 0
expect_stdout_has KVMIG-TGT-MEMORY
expect_stdout_has 'What to do:'

test_case 'exit statuses are in kvmig(1)'
run kvmig --help
expect_stdout_has 'EXIT STATUS'
expect_stdout_has 'refused by preflight or policy'

test_case 'every visible command has a page that is installed and has text'
run kvmig --introspect-cli
jq -r '.commands[] | select(.needs | contains(["hidden"]) | not) | .name' "$out" >names
while read -r name; do
	run kvmig help "$name"
	expect_status 0
	expect_stdout_has DESCRIPTION
	expect "man/kvmig-$name.1 is not among man_pages of man/local.mk" \
		grep -q "man/kvmig-$name\\.1" "$build/Makefile"
done <names

test_case 'pages are at most 80 columns wide as text'
while read -r name; do
	run kvmig help "$name"
	expect_narrow "$name"
done <names

test_case 'mandoc and groff find nothing wrong with the pages'
pages=$(find "$build/man" "$top/man" -name 'kvmig*.[17]' | sort -u)
expect 'no pages' test -n "$pages"
for page in $pages; do
	run mandoc -T lint -W warning "$page"
	expect_status 0
	expect_no_stdout
	run groff -man -ww -z -T utf8 "$page"
	expect_no_stderr
done

test_case 'on a terminal without installed pages: the text'
run_tty 'kvmig help version'
expect_status 0
expect_stdout_has 'KVMIG-VERSION(1)'

done_testing
