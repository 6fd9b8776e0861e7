#!/bin/sh
# Kubeconfigs, the options that go before them, and credentials, as far as no API server is needed: nothing listens on
# the port that is used here. tests/kube/compare.sh has the rest, with kubectl beside it.
# shellcheck disable=SC2086 # $mere is words
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires ps setpriv

# What is refused: STATUS, and words of the one line that says so; a line with a hint follows, and nothing else.
refused() { # STATUS TEXT…
	expect_status "$1"
	shift
	for text; do
		expect_stderr_has "$text"
	done
	sed -n '1s/^kvmig: .*/message/p; 2s/^hint: .*/hint/p; 3,$p' "$err" >said
	[ "$(tr '\n' ' ' <said)" = 'message hint ' ] || { complain 'other than one message and one hint'; show; }
	expect_no_stdout
}

# The words before a command that takes from it what root may do anyway.
mere=
[ "$(id -u)" -ne 0 ] || mere='setpriv --bounding-set=-all --inh-caps=-all --'

# Whether one of the same user may look into the memory of a process.
open_to_others() { # PID
	$mere cat "/proc/$1/environ" >/dev/null 2>&1
}

user() { # FIELDS: a kubeconfig with that user
	cat >config <<-END
		apiVersion: v1
		kind: Config
		current-context: prod
		contexts:
		- {name: prod, context: {cluster: c, user: u, namespace: web}}
		- {name: dev, context: {cluster: d, user: u}}
		clusters:
		- {name: c, cluster: {server: 'https://127.0.0.1:1'}}
		- {name: d, cluster: {server: 'https://127.0.0.1:2'}}
		users:
		- {name: u, user: {$1}}
	END
	chmod 600 config
}
# Nobody answers: it is tried again for so long; plugins have as long too.
limit=500ms
get() { # options
	try get vmi "$@"
}
# It is refused at once: where that time ran out, the machine stood still.
try() { # WORDS…
	for _ in 1 2 3; do
		run kvmig --kubeconfig config --request-timeout "$limit" "$@"
		[ "$limit" = 500ms ] || break
		grep -q 'no connection within' "$err" || break
	done
}

test_case 'nothing is there to be asked'
user 'token: hunter2'
get
expect_status 5
expect_stderr_has 127.0.0.1:1
get --cluster d
expect_stderr_has 127.0.0.1:2
get --context dev
expect_stderr_has 127.0.0.1:2
get --server https://127.0.0.1:3 --user u --tls-server-name kube
expect_status 5
expect_stderr_has 127.0.0.1:3

test_case 'several: nobody is asked for each of them, and that is said'
for words in 'get vmi a b c' 'delete vmi a b c' 'label vmi a b c x=y' 'apply -f several.yaml'; do
	for name in a b c; do
		printf -- '---\napiVersion: kubevirt.io/v1\nkind: VirtualMachineInstance\nmetadata: {name: %s}\n' $name
	done >several.yaml
	# shellcheck disable=SC2086 # words
	try $words
	expect_status 5
	expect_stderr_has 'warning: 2 more were not tried'
	expect 'one error' [ "$(grep -c 'connection refused' "$err")" -eq 1 ]
done

# ---- bad files ----

file() { # FILE [OPTION…]: kvmig with that kubeconfig
	kubeconfig=$1
	shift
	run timeout -k 5 120 kvmig --kubeconfig "$kubeconfig" get vmi "$@"
}

test_case 'a kubeconfig that is missing, empty, a folder, or that one may not read'
file nowhere
refused 1 "cannot read kubeconfig 'nowhere': No such file or directory" 'log in to the cluster first'
: >empty
file empty
refused 1 "no cluster: the kubeconfig 'empty' is empty" --kubeconfig
printf '# nothing but this\n---\n' >comment
file comment
refused 1 "the kubeconfig 'comment' is empty"
file .
refused 1 "cannot read kubeconfig '.': it is a folder" --kubeconfig
user 'token: t'
chmod 0 config
run $mere kvmig --kubeconfig config get vmi
refused 7 "cannot read kubeconfig 'config': Permission denied" chmod
run $mere env KUBECONFIG=nowhere:config kvmig get vmi
refused 7 "cannot read kubeconfig 'config': Permission denied"
run env KUBECONFIG=nowhere:neither kvmig --context prod get vmi
refused 1 "there is no context 'prod'"

test_case 'binary, and larger than any kubeconfig: 100 MB of comments, 100 GB, without an end'
head -c 1000 /bin/ls >binary
file binary
refused 1 "kubeconfig 'binary': line 1, column 1: not valid YAML: control characters are not allowed"
printf 'clusters:\n- name: \377\376\n' >bytes
file bytes
refused 1 "kubeconfig 'bytes': line 2, column 9: not valid YAML"
head -c 100M /dev/zero | tr '\0' '#' >large
file large
refused 1 "cannot read kubeconfig 'large': larger than 4 MiB"
rm large
truncate -s 100G sparse
file sparse
refused 1 "cannot read kubeconfig 'sparse': larger than 4 MiB"
rm sparse
file /dev/zero
refused 1 "cannot read kubeconfig '/dev/zero': larger than 4 MiB"

test_case 'nested deeply, bombs of aliases, what contains itself'
{ printf 'preferences: ' && head -c 200000 /dev/zero | tr '\0' '['; } >deep
file deep
refused 1 "kubeconfig 'deep': line 1, column " 'nested too deeply'
awk 'BEGIN { for (i = 0; i < 1500; i++) printf "%" i "sa:\n", "" }' >indented
file indented
refused 1 "kubeconfig 'indented': line " 'nested too deeply'
{
	echo 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]'
	for i in $(seq 20); do
		before="*a$((i - 1))"
		echo "a$i: &a$i [$before, $before, $before, $before, $before, $before, $before, $before, $before, $before]"
	done
} >bomb
file bomb
refused 1 "kubeconfig 'bomb': line 6, column " 'aliases make this more than 1000000 values'
printf 'clusters: &a\n- *a\n' >itself
file itself
refused 1 "kubeconfig 'itself': line 2, column 3: anchor 'a' contains itself"
printf 'users: *u\n' >nothing
file nothing
refused 1 "kubeconfig 'nothing': line 1, column 8: there is no anchor 'u'"

test_case 'no YAML: tabs, quotes that do not end, JSON that is cut'
printf 'clusters:\n\t- name: x\n' >tab
file tab
refused 1 "kubeconfig 'tab': line 2, column 1: not valid YAML"
printf 'clusters:\n- name: "x\n' >quote
file quote
refused 1 "kubeconfig 'quote': line 3, column 1: not valid YAML"
printf '{"clusters": [{"name": "x"' >half
file half
refused 1 "kubeconfig 'half': line " 'not valid YAML'

test_case 'another kind of file: a manifest, a list, a word'
printf 'apiVersion: v1\nkind: Pod\n' >pod
file pod
refused 1 "kubeconfig 'pod': line 2, column 7: not a kubeconfig: 'kind' is 'Pod', not 'Config'"
printf -- '- a\n' >list
file list
refused 1 "kubeconfig 'list': line 1, column 1: not a kubeconfig: it must be a map, not a list"
echo word >word
file word
refused 1 "kubeconfig 'word': line 1, column 1: not a kubeconfig"

test_case 'fields of a wrong type'
user 'token: 12345678'
get
refused 1 "kubeconfig 'config': line 11, column 27: 'token' must be a string, not a number" 'hint: write the value in quotes'
user 'token: t, as-groups: admins'
get
refused 1 "line 11, column 41: 'as-groups' must be a list, not a string"
user 'exec: plugin'
get
refused 1 "line 11, column 26: 'exec' must be a map, not a string"
user 'client-key-data: "-----BEGIN PRIVATE KEY-----"'
get
refused 1 "line 11, column 37: 'client-key-data' is not base64" base64
printf 'clusters: {c: {server: x}}\n' >map
file map
refused 1 "kubeconfig 'map': line 1, column 11: 'clusters' must be a list, not a map"
printf 'clusters:\n- name: c\n  cluster: {insecure-skip-tls-verify: "yes"}\n' >word
file word
refused 1 "line 3, column 39: 'insecure-skip-tls-verify' must be a boolean, not a string" 'without quotes'

test_case 'fields that nobody knows are left out, and told with -v'
user 'token: hunter2, favourite: {drink: tea}'
echo 'something: else' >>config
get
expect_status 5
expect_stderr_lacks favourite
get -v
expect_stderr_has "line 11, column 36: field 'favourite' is not known, and ignored"
expect_stderr_has "line 12, column 1: field 'something' is not known, and ignored"

test_case 'a context, cluster or user that is not there, at the place that names it'
user 'token: t'
get --context gone
refused 1 "there is no context 'gone'" 'contexts: kube/dev, kube/prod'
get --cluster gone
refused 1 "there is no cluster 'gone' in the kubeconfig" 'clusters: c, d'
get --user gone
refused 1 "there is no user 'gone' in the kubeconfig" 'users: u'
sed -i 's/cluster: c, /cluster: gone, /' config
get
refused 1 "kubeconfig 'config': line 5, column 35: context 'prod' names cluster 'gone', which is not there" 'clusters: c, d'
user 'token: t'
sed -i 's/cluster: c, user: u/cluster: c, user: gone/' config
get
refused 1 "kubeconfig 'config': line 5, column 44: context 'prod' names user 'gone', which is not there" 'users: u'
user 'token: t'
sed -i 's/^current-context: prod/current-context: gone/' config
get
refused 1 "kubeconfig 'config': line 3, column 18: there is no context 'gone', which is the current one" 'contexts: dev, prod'
sed -i /^current-context/d config
get
refused 1 'no context is named' 'name one with --context: dev, prod'

test_case 'contradictions, and what is missing'
user 'token: hunter2, username: hunter3'
get
refused 1 "line 11, column 46: user 'u' has both a token and a user name"
user ''
get
refused 7 "kubeconfig 'config': line 11, column 3: user 'u' has no credentials" --token-file
user 'client-certificate-data: QUFB'
get
refused 1 "line 11, column 3: user 'u' has a client-certificate, but neither client-key nor client-key-data"
user 'tokenFile: nowhere'
get
refused 1 "cannot read token file '$PWD/nowhere': No such file or directory" --token-file
user 'client-certificate: nowhere.pem, client-key: nowhere.key'
get
refused 1 "kubeconfig 'config': line 11, column 40: cannot read client-certificate '$PWD/nowhere.pem': No such file"
user 'auth-provider: {name: gcp}'
get
refused 1 "line 11, column 35: user 'u' has an auth-provider ('gcp'), which kvmig does not support" plugin
user 'token: t'
sed -i "s|https://127.0.0.1:1|ftp://me:hunter2@host|" config
get
refused 1 "line 8, column 31: server '…@…' is not a URL of an API server" https://HOST:6443

# ---- credential plugins ----

plugin() { # <program: ./plugin, and a kubeconfig with it
	cat >plugin
	chmod 700 plugin
	exec_user ./plugin
}

exec_user() { # COMMAND [MORE]
	user "exec: {apiVersion: client.authentication.k8s.io/v1, command: '$1', interactiveMode: ${3:-Never}${2:+, $2}}"
}

limit=20s
test_case 'a plugin that is missing, or that may not be run'
exec_user no-such-plugin
get
refused 1 "no credential for user 'u': credential plugin 'no-such-plugin' is not installed" PATH
exec_user ./no-such-plugin 'installHint: "get it from\tthe admin\n"'
get
refused 1 "credential plugin '$PWD/no-such-plugin' is not installed" 'hint: get it from the admin'
echo '#!/bin/sh' >plain
exec_user ./plain
get
refused 7 "credential plugin '$PWD/plain' is not a program that may be run" chmod
printf '#!/no/such/shell\n' | plugin
get
expect_status 1
expect_stderr_has "cannot run credential plugin '$PWD/plugin'"

test_case 'one that fails, in its own words, or by a signal'
plugin <<-'END'
	#!/bin/sh
	echo 'it is Monday' >&2
	exit 3
END
get
expect_status 1
expect_stderr_has "no credential for user 'u': credential plugin '$PWD/plugin' failed with exit status 3: it is Monday"
expect_stderr_has 'hint: log in again'
plugin <<-'END'
	#!/bin/sh
	kill -9 $$
END
get
refused 1 'was ended by signal 9'

test_case 'one that hangs is ended, and all that it has started'
plugin <<-'END'
	#!/bin/sh
	trap '' TERM
	sleep 987 &
	echo $! >sleeping
	sleep 987
END
limit=5s
get
limit=20s
refused 6 "credential plugin '$PWD/plugin' did not end within 5 s and was killed" 'run it by hand'
expect 'no child' [ -s sleeping ]
expect "what it has started is still there" wait_for has_ended "$(cat sleeping)"

test_case 'one that prints nothing, junk, too much, or half of it'
plugin <<-'END'
	#!/bin/sh
END
get
refused 1 'printed nothing, not an ExecCredential' 'run it by hand'
plugin <<-'END'
	#!/bin/sh
	echo 'token hunter2'
END
get -v
expect_status 1
expect_stderr_has 'printed something that is no ExecCredential (14 bytes)'
expect_stderr_lacks hunter2
plugin <<-'END'
	#!/bin/sh
	exec yes hunter2
END
get
refused 1 'printed more than 1048576 bytes'
answer() { # VERSION STATUS
	plugin <<-END
		#!/bin/sh
		echo '{"apiVersion": "client.authentication.k8s.io/$1", "kind": "ExecCredential", "status": $2}'
	END
	get
}
answer v1 '{}'
refused 1 'printed a status with neither a token nor a certificate'
answer v1 '{"clientCertificateData": "hunter2"}'
refused 1 'printed a certificate or a key, but not both'
expect_stderr_lacks hunter2
answer v1 '{"token": ["hunter2"]}'
refused 1 "printed a status in which 'token' is not a string"

test_case 'one of another version, and what has expired'
answer v1beta1 '{"token": "hunter2"}'
refused 1 'printed an ExecCredential of client.authentication.k8s.io/v1beta1, but the kubeconfig asks for' apiVersion
answer v1 '{"token": "hunter2", "expirationTimestamp": "2020-01-01T00:00:00Z"}'
refused 1 'printed a credential that expired ' 'log in again'
answer v1 '{"token": "hunter2", "expirationTimestamp": "tomorrow"}'
refused 1 'printed an expirationTimestamp that is not a time'
user "exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: ./plugin}"
get
refused 1 "kubeconfig 'config': line 11, column 39: 'apiVersion' of 'exec' is 'client.authentication.k8s.io/v1alpha1'" update
user "exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin}"
get
refused 1 "kubeconfig 'config': line 11, column 26: 'exec' has no 'interactiveMode'"

test_case 'one that must ask on a terminal, where there is none'
exec_user ./plugin '' Always
get
refused 3 "credential plugin '$PWD/plugin' must ask on a terminal, and stdin is none" 'on a terminal'

# ---- what works, as far as nobody answers ----

limit=500ms

test_case 'no secret in any message'
for fields in 'token: hunter2' 'username: me, password: hunter2' 'token: [hunter2]' 'token: hunter2, username: me' \
	'client-key-data: aHVudGVyMg==, client-certificate-data: aHVudGVyMg=='; do
	user "$fields"
	get -v
	expect "it succeeds: $fields" [ "$status" -ne 0 ]
	expect_stderr_lacks hunter2
	expect_stderr_lacks aHVudGVyMg
done

# Starts kvmig, which waits for somebody to write the certificate; $waiting is its number.
start() { # OPTION…
	[ -p ca ] || mkfifo ca
	$mere kvmig --kubeconfig config --certificate-authority ca "$@" get vmi >/dev/null 2>&1 </dev/null &
	waiting=$!
	for _ in $(seq 1200); do
		case $(tr '\0' ' ' <"/proc/$waiting/cmdline") in kvmig*) break ;; esac
		sleep 0.05
	done
	# in the kernel's own words, for those kernels that say so
	for _ in $(seq 50); do
		! grep -q wait_for_partner "/proc/$waiting/wchan" || break
		sleep 0.1
	done
	expect 'it does not wait' [ -d "/proc/$waiting" ]
}

stop() {
	kill "$waiting"
	wait "$waiting" 2>/dev/null
}

test_case 'a token on the command line: warned of, and out of sight at once'
user 'token: other'
get --token hunter2
expect_stderr_has 'warning: others may have seen the token'
for form in '--token hunter2' '--token=hunter2'; do
	start $form
	run ps -ww -o args= -p "$waiting"
	expect_stdout_has 'kvmig --kubeconfig config --certificate-authority ca --token'
	expect_stdout_lacks hunter
	stop
done

test_case 'no core file, and no look into the memory, of what has read a kubeconfig'
$mere sleep 60 &
waiting=$!
expect 'this test shows nothing: nobody may look into any process' wait_for open_to_others "$waiting"
stop
for fields in 'token: hunter2' 'tokenFile: token' 'username: me, password: hunter2'; do
	user "$fields"
	start
	expect "others may look into its memory: $fields" eval '! open_to_others "$waiting"'
	stop
done

test_case 'a token file, which goes before what the kubeconfig has'
user 'exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin, interactiveMode: Never}'
printf '#!/bin/sh\necho run >>runs\nexit 3\n' >plugin
chmod 700 plugin
limit=20s
get
limit=500ms
expect_status 1
expect_stderr_has "no credential for user 'u': credential plugin"
expect_stderr_has 'failed with exit status 3'
expect 'it was not run' [ -s runs ]
rm -f runs
get --token-file nowhere
expect_status 1
expect_stderr_has "cannot read token file 'nowhere'"
echo t >token
get --token-file token
expect_status 5
expect 'the plugin was run' [ ! -e runs ]

test_case 'never from a completion, which has no message either'
run kvmig __complete --kubeconfig config vm=
expect_status 0
expect_no_stdout
expect_no_stderr
expect 'the plugin was run' [ ! -e runs ]

test_case 'impersonation'
user 'token: t'
get --as jane --as-group a --as-group b --as-uid 7
expect_status 5
get --as-group a
expect_status 2
expect_stderr_has 'need --as'

test_case 'the server is verified, or it is not'
get --insecure-skip-tls-verify
expect_status 5
get --insecure-skip-tls-verify=true --certificate-authority token
expect_status 1
expect_stderr_has 'both are given'
get --insecure-skip-tls-verify=false
expect_status 5
get --insecure-skip-tls-verify=perhaps
expect_status 2

test_case 'how long a request may take: as kubectl has it'
for time in 1 1s 0.5s 1000ms; do
	get --request-timeout "$time"
	expect_status 5
done
get --request-timeout soon
expect_status 2

test_case 'options of an API server are not for a local cluster'
for option in '--server https://x' '--user u' '--cluster c' '--as jane' '--token-file token' --insecure-skip-tls-verify; do
	run kvmig --context local $option vm list
	expect_status 2
	expect_stderr_has "${option%% *} is for a cluster with an API server"
done

test_case 'others may read the credentials: told on a terminal'
chmod 644 config
run_tty 'kvmig --kubeconfig config --request-timeout 500ms get vmi'
expect_stdout_has 'others may read the credentials in kubeconfig'
get
expect_stderr_lacks 'others may read'
get -v
expect_stderr_has 'others may read'

test_case 'names from the kubeconfig are completed'
run kvmig __complete --kubeconfig config context=
expect_stdout_has prod
expect_stdout_has kube/dev
run kvmig __complete --kubeconfig config cluster=
expect_stdout_has c
expect_stdout_has d
run kvmig __complete --kubeconfig config user=
expect_stdout_has u

test_case 'the options are in kvmig(1), and not in the way elsewhere'
run kvmig get -h
expect_stdout_lacks as-group
expect_stdout_has "'kvmig -h'"
run kvmig -h
expect_stdout_has --as-group
run kvmig help get
expect_stdout_has 'kvmig(1)'

done_testing
