#!/bin/sh
# What holds for every command: dispatch, errors, streams.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq script

test_case 'without a command: an error that says where they are'
run kvmig
expect_status 2
expect_no_stdout
expect_stderr <<'END'
kvmig: no command is given
hint: 'kvmig help' lists the commands
END

test_case 'an unknown command: the nearest names'
run kvmig versoin
expect_status 2
expect_stderr <<'END'
kvmig: 'versoin' is not a command of 'kvmig'
hint: similar commands: 'version'
END

test_case 'no prefix of a command is a command'
run kvmig vers
expect_status 2
expect_stderr_has "similar commands: 'version'"

test_case 'an unknown option: the nearest names'
run kvmig version --oupt json
expect_status 2
expect_stderr <<'END'
kvmig: unknown option '--oupt'
hint: similar options: '--output'
END

test_case 'no prefix of an option is an option'
run kvmig version --out json
expect_status 2
expect_stderr_has "unknown option '--out'"
run kvmig --out json version
expect_status 2
expect_stderr_has "unknown option '--out'"

test_case 'a choice that is none: all of them are named'
run kvmig version -o xml
expect_status 2
expect_stderr_has "bad value 'xml' for '-o' (one of: table, wide, json, yaml, name)"

test_case 'values behind the letter, behind =, and as the next word'
for words in '-ojson' '-o=json' '-o json' '--output=json' '--output json'; do
	# shellcheck disable=SC2086 # words
	run kvmig version $words
	expect_status 0
	expect_json .kind Version
done

test_case 'options before the command count where it takes them'
run kvmig -o json --color=never version
expect_json .kind Version
run kvmig --context nowhere --read-only --kubeconfig /nowhere -n x -A --yes version
expect_status 0
run kvmig -o
expect_status 2
expect_stderr_has "option '-o' needs a value: FORMAT"

test_case '-- ends the options'
run kvmig version -- -o
expect_status 2
expect_stderr_has "unexpected argument '-o'"

test_case 'an empty value is refused'
run kvmig version --output=
expect_status 2
expect_stderr_has "the value of option '--output' is empty"

test_case 'a flag takes no value'
run kvmig version --quiet=yes
expect_status 2
expect_stderr_has "option '--quiet' takes no value, but has 'yes'"

test_case 'names in messages have their control characters made visible'
run kvmig "$(printf 'a\033[31mb')"
expect_status 2
expect_stderr_has "'a\\x1b[31mb' is not a command"

test_case 'text that is not UTF-8, and marks that turn text round'
run kvmig "$(printf 'a\377\342\200\256b')"
expect_stderr_has "'a\\xff\\u202eb' is not a command"

test_case 'standard output is full: an error'
run sh -c 'kvmig version >/dev/full'
expect_status 1
expect_stderr_has 'kvmig: cannot write to the standard output: No space left on device'

test_case 'standard output is closed: an error'
run sh -c 'kvmig version >&-'
expect_status 1
expect_stderr_has 'cannot write to the standard output: Bad file descriptor'

test_case 'nobody reads: a quiet end'
# into a pipe that has no reader any more, with that signal ignored as some that start it have it
into_nothing() { # COMMAND…
	python3 -c 'import os, subprocess, sys
reading, writing = os.pipe()
os.close(reading)
print(-subprocess.run(sys.argv[1:], stdout=writing, restore_signals=False).returncode)' "$@"
}
run into_nothing kvmig --introspect-cli
expect_no_stderr
expect_stdout_has 13
run into_nothing kvmig help
expect_no_stderr
expect_stdout_has 13

test_case 'all three streams closed: no other file gets in their place'
run sh -c 'kvmig version <&- >&- 2>&-'
expect_status 1

test_case '--introspect-cli is JSON, and has every command'
run kvmig --introspect-cli
expect_status 0
expect_json .apiVersion kvmig.io/v1
expect_json '[.commands[].name] | contains(["version", "help", "completion"])' true
expect_json '[.. | objects | select(.metavar? == null and .type? == "string")] | length' 0

test_case '--verbose and --quiet go together with everything'
run kvmig version --verbose --quiet --no-headers
expect_status 0
run kvmig help --quiet -v
expect_status 0

test_case 'escape sequences: on a terminal, unless NO_COLOR or TERM=dumb; elsewhere only when asked for'
escape=$(printf '\033')
run kvmig node add n1 --uri qemu+unix:///system
expect_status 0
run kvmig node list
expect_stdout_has NAME
expect_stdout_lacks "$escape"
run kvmig --color=always node list
expect_stdout_has "${escape}[1mNAME"
run_tty 'TERM=xterm kvmig node list'
expect_stdout_has "${escape}[1mNAME"
run_tty 'TERM=xterm kvmig node list --color=never'
expect_stdout_lacks "$escape"
run_tty 'TERM=xterm NO_COLOR=1 kvmig node list'
expect_stdout_lacks "$escape"
run_tty 'TERM=xterm NO_COLOR= kvmig node list'
expect_stdout_has "$escape"
run_tty 'TERM=dumb kvmig node list'
expect_stdout_lacks "$escape"
run kvmig node list --no-headers
expect_stdout_lacks NAME

test_case 'a command that writes names the context, and does not with --quiet'
run kvmig node cordon n1
expect_status 0
expect_stderr_has 'kvmig: context local/default'
run kvmig node uncordon n1 -q
expect_status 0
expect_stderr_lacks 'context local/default'

test_case '--read-only: nothing is changed, and it is said'
run kvmig node list -o json
cp "$out" before
run kvmig node cordon n1 --read-only
expect_status 7
expect_stderr_has '--read-only forbids that'
expect_stderr_has 'hint: leave out --read-only'
expect_stderr_lacks --dry-run
run kvmig --read-only node list -o json
expect_status 0
expect 'it changed' cmp -s before "$out"

test_case '--read-only and --dry-run: nothing is changed, so nothing is refused'
kvmig policy create old -q >/dev/null
kvmig config set progressTimeout=99 -q >/dev/null
everything() { kvmig get migrationpolicies -o json && kvmig get hyperconverged -A -o json; }
everything >before
expect 'nothing is there' grep -q progressTimeout before
echo '{apiVersion: migrations.kubevirt.io/v1alpha1, kind: MigrationPolicy, metadata: {name: new}, spec: {selectors: {}}}' >new.yaml
kvmig --introspect-cli | jq -r 'def leaves(p): (p + [.name]) as $p | if .commands then .commands[] | leaves($p) else
	select((.needs | index("change")) and any(.options[]; .name == "dry-run")) | $p | join(" ") end; .commands[] | leaves([])' | LC_ALL=C sort >have
: >tried
while read -r command words; do
	command=$(echo "$command" | tr _ ' ')
	echo "$command" >>tried
	# shellcheck disable=SC2086 # words
	run kvmig $command $words --read-only
	expect_status 7
	expect_stderr_has 'add --dry-run to see what it would do'
	# shellcheck disable=SC2086
	run kvmig --read-only $command $words --dry-run
	expect_stderr_lacks read-only
	case $command in
	# there is no such VM here; an API server has roles
	migrate) expect_status 1 ;;
	rbac*) expect_stderr_has 'there are no roles' ;;
	*) expect_status 0 ;;
	esac
done <<END
apply -f new.yaml
config_preset_default
config_preset_heavy-workload
config_set progressTimeout=7
config_undo
config_unset progressTimeout
create -f new.yaml
delete migrationpolicy old
label migrationpolicy old a=b
migrate web-1
network_create --address n1=192.0.2.1
policy_create new
rbac_aggregate_off
rbac_aggregate_on
rbac_grant bob -n prod
rbac_preserve_start
rbac_revoke bob -n prod
END
expect 'commands with --dry-run were not tried, or are none' cmp -s have tried
everything >after
expect 'something was changed' cmp -s before after

test_case 'a context that there is not'
run kvmig node list --context nowhere
expect_status 1
expect_stderr_has "'nowhere'"
expect_stderr_has 'hint: '

test_case 'the kubeconfig that is named decides, and what cannot be done is said in plain words'
cat >kubeconfig <<'END'
apiVersion: v1
kind: Config
current-context: far
contexts: [{name: far, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: u, user: {token: secret-token}}]
END
run kvmig node list --kubeconfig kubeconfig
expect "status $status" test "$status" -ne 0
expect_stderr_has "kubeconfig"
expect_stderr_lacks secret-token
run kvmig node list --kubeconfig kubeconfig --context nearby
expect_status 1
expect_stderr_has "'nearby'"

test_case 'nothing set up: an error that says what to do'
run env XDG_STATE_HOME="$work/empty" kvmig node list
expect_status 1
expect_stderr_has 'kvmig lab up'

test_case 'no HOME: an error that says so, or the home of the password file'
run env -u HOME -u XDG_STATE_HOME kvmig version
expect_status 0

test_case 'the parts that hidden commands have are in no list'
run kvmig help
expect_stdout_lacks __complete
run kvmig -h
expect_stdout_lacks __complete

test_case 'at most 80 columns in every -h'
run kvmig --introspect-cli
jq -r 'def paths($above): "\($above)\(.name)" as $here | $here, (.commands[]? | paths("\($here) "));
	.commands[] | paths("")' "$out" >paths
while read -r path; do
	# shellcheck disable=SC2086 # words
	run kvmig $path -h
	expect_status 0
	expect_no_stderr
	expect_narrow "$path"
	expect_stdout_has "usage: kvmig $path"
done <paths

done_testing
