#!/bin/sh
# What must stay secret does: no token, key or password is in any message, however much is told and whatever goes wrong,
# in what others see of the process, in a core file, or in a file that is left behind. And a completion runs no plugin.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
bed_up
bed_kubevirt 1.9
bed_user dora migrators
bed_user fred
bed_cert -out "$bed/other-ca" -is-ca -cn 'another CA'
random() {
	od -An -N12 -tx1 /dev/urandom | tr -d ' \n'
}
password=password-$(random) proxy_password=proxy-$(random)
bed_proxy fault
bed_proxy silent -silent
bed_proxy plain -plain
bed_proxy guarded -connect -cert '' -login "me:$proxy_password"
bed_kubectl create clusterrolebinding readers --clusterrole kubevirt.io:view --user alice --user bob --user carol --user dora
fault=$(cat "$bed/fault.address") silent=$(cat "$bed/silent.address")
plain=$(cat "$bed/plain.address") guarded=$(cat "$bed/guarded.address")
ca="certificate-authority-data: $(bed_data "$bed/ca.crt")"
alice=$(bed_token alice) bob=$(bed_token bob) carol=$(bed_token carol)
basic=$(printf 'me:%s' "$password" | base64 -w 0)

# What goes in has a folder of its own, in which nothing is searched for.
mkdir -m 700 in left
cd left || exit 99
printf '%s\n' "$carol" >../in/token
plugin() { # STATUS
	printf '#!/bin/sh\ntouch "%s"\ncat <<-"END"\n%s\nEND\n' "$work/in/mark" \
		"{\"apiVersion\": \"client.authentication.k8s.io/v1\", \"kind\": \"ExecCredential\", \"status\": $1}"
}
plugin "{\"token\": \"$bob\"}" >../in/plugin-token
plugin "{\"clientCertificateData\": $(jq -Rs . "$bed/dora.crt"), \"clientKeyData\": $(jq -Rs . "$bed/dora.key")}" >../in/plugin-key
chmod 700 ../in/plugin-*

# Each in whole and its end, for what was cut; keys line by line, as they are and in base64.
{
	for secret in "$alice" "$bob" "$carol" "$password" "$proxy_password" "$basic"; do
		printf '%s\n%s\n' "$secret" "$(printf %s "$secret" | tail -c 16)"
	done
	printf 'me:%s' "$proxy_password" | base64 -w 0
	for name in dora fred; do
		echo
		sed '/^-/d' "$bed/$name.key"
		bed_data "$bed/$name.key" | fold -w 40
	done
} | awk 'length($0) >= 12' >"$bed/secrets"

keep_secret() { # FILE…
	! grep -rlFf "$bed/secrets" "$@" >found 2>&1 || { complain "a secret is in $(tr '\n' ' ' <found)"; show; }
	rm -f found
}

# ---- who asks ----

kinds='token token-file basic key key-file plugin-token plugin-key proxy option'

# The user of each kind, what the server could say back of it, and the words on the command line.
choose() { # KIND
	cluster_fields='' said=nothing option=''
	case $1 in
	token) user="token: $alice" said="Bearer $alice" ;;
	token-file) user='tokenFile: token' said="Bearer $carol" ;;
	basic) user="username: me, password: $password" said="Basic $basic, that is $password" ;;
	key) user="client-certificate-data: $(bed_data "$bed/dora.crt"), client-key-data: $(bed_data "$bed/dora.key")" ;;
	key-file) user="client-certificate: $bed/dora.crt, client-key: $bed/dora.key" ;;
	plugin-*)
		user="exec: {apiVersion: client.authentication.k8s.io/v1, command: ./$1, interactiveMode: Never, provideClusterInfo: true}"
		[ "$1" = plugin-key ] || said="Bearer $bob"
		;;
	proxy) user="token: $alice" said="Bearer $alice" cluster_fields=", proxy-url: 'http://me:$proxy_password@$guarded'" ;;
	option) user='token: nobody' said="Bearer $alice" option="--token $alice" ;;
	esac
}

config() { # SERVER [CA]
	cat >../in/config <<-END
		apiVersion: v1
		kind: Config
		current-context: bed
		contexts: [{name: bed, context: {cluster: c, user: u}}]
		clusters: [{name: c, cluster: {server: '$1', ${2:-$ca}$cluster_fields}}]
		users: [{name: u, user: {$user}}]
	END
	chmod 600 ../in/config
}

# How long a request may take: where it fails again and again, or nobody answers, it ends by this.
limit=60s brief=700ms

# kvmig says as much as it can; STATUS may be several, as in "5|6".
ask() { # STATUS WORD…
	ask_status=$1
	shift
	# shellcheck disable=SC2086 # words
	run env G_MESSAGES_DEBUG=all SSLKEYLOGFILE="$work/left/tls-keys" \
		kvmig -v --kubeconfig ../in/config --request-timeout "$limit" $option "$@"
	echo "$status" | grep -qxE "$ask_status" || { complain "status $status, not $ask_status"; show; }
	expect_stderr_has 'debug: '
	keep_secret "$out" "$err" ../left
}

test_case 'this test would find them'
for name in "$alice" "$password" "$(sed -n 3p "$bed/dora.key")" "$(bed_data "$bed/dora.key" | tail -c 60)"; do
	echo "a line with $name in it" >leak
	expect "it does not find $name" grep -qFf "$bed/secrets" leak
done
echo 'a line without' >leak
expect 'it finds what is not there' eval '! grep -qFf "$bed/secrets" leak'
rm leak

for kind in $kinds; do
	choose "$kind"
	through=https://$fault direct=https://$bed_ip:6443
	# a proxy is not asked for loopback addresses unless the kubeconfig names it, and leads to the server only
	[ "$kind" != proxy ] || through=$direct

	test_case "$kind: accepted, and not permitted"
	bed_rules fault '[]'
	config "$through"
	case $kind in
	basic) ask 7 get vmi ;;
	*) ask 0 get vmi -A -o json ;;
	esac
	ask 7 get node
	ask '[17]' get configmap

	test_case "$kind: the server does not say back what it was told"
	if [ "$kind" != proxy ]; then
		for code in 400 401 403 500; do
			[ "$code" != 500 ] || limit=$brief
			bed_rules fault "[{\"status\": $code, \"message\": \"you said $said, did you\"}]"
			ask '[1567]' get vmi
		done
		limit=60s
		bed_rules fault "[{\"status\": 400, \"body\": \"debug page: Authorization: $said\"}]"
		ask 1 get vmi
		padding=$(head -c 150 /dev/zero | tr '\0' x)
		bed_rules fault "[{\"status\": 400, \"body\": \"$padding $said\"}]"
		ask 1 get vmi
		bed_rules fault "[{\"headers\": {\"Warning\": \"299 - \\\"you said $said\\\"\"}}]"
		ask '[07]' get vmi
		bed_rules fault "[{\"status\": 302, \"headers\": {\"Location\": \"https://$bed_ip:1/?said=$(echo "$said" | tr ' ' +)\"}}]"
		ask 5 get vmi
	fi

	test_case "$kind: broken replies"
	limit=$brief
	if [ "$kind" != proxy ]; then
		for rule in '"garble": 20' '"truncate": 20' '"cut": 20' '"reset": 20' '"drop": true' '"status": 200, "body": "junk"'; do
			bed_rules fault "[{$rule}]"
			[ "$kind" != basic ] || bed_rules fault "[{\"status\": 200, \"body\": \"{\\\"items\\\": [\"}]"
			ask '[156]' get vmi
		done
		bed_rules fault '[]'
	fi
	limit=60s

	test_case "$kind: no TLS as it should be, nobody there, nobody answers"
	config "$through" "certificate-authority-data: $(bed_data "$bed/other-ca.crt")"
	ask 5 get vmi
	config "$through" 'tls-server-name: other.example, certificate-authority: nowhere'
	option="$option -q"
	run kvmig -v --kubeconfig ../in/config get vmi
	expect_status 1
	keep_secret "$out" "$err"
	choose "$kind"
	[ "$kind" = proxy ] || {
		config "https://$plain"
		ask 5 get vmi
		limit=1300ms # as many tries as in half of it
		config https://127.0.0.1:1
		ask 5 get vmi
		limit=$brief
		config "https://$silent"
		ask '[56]' get vmi
		limit=60s
	}
done

test_case 'a key that does not fit, that is none, and a file with both'
cluster_fields='' option=''
user="client-certificate: $bed/dora.crt, client-key: $bed/fred.key"
config "https://$fault"
run kvmig -v --kubeconfig ../in/config get vmi
expect_status 1
expect_stderr_has 'does not belong to'
keep_secret "$out" "$err"
{ echo '-----BEGIN PRIVATE KEY-----' && echo "$password" && echo '-----END PRIVATE KEY-----'; } >../in/key
user="client-certificate: $bed/dora.crt, client-key: key"
config "https://$fault"
run kvmig -v --kubeconfig ../in/config get vmi
expect_status 1
keep_secret "$out" "$err"

test_case 'proxies that refuse, that are not there, that are no proxies; from the environment'
user="token: $alice"
for proxy in "http://me:$proxy_password@127.0.0.1:1" "http://you:$proxy_password@$guarded" "gopher://me:$proxy_password@$guarded" \
	"http://me:$proxy_password@$plain" "socks5://me:$proxy_password@$guarded" "http://me:$proxy_password@no host"; do
	cluster_fields=", proxy-url: '$proxy'"
	config "https://$bed_ip:6443"
	run kvmig -v --kubeconfig ../in/config --request-timeout 700ms get vmi
	expect "it succeeds by $proxy" [ "$status" -ne 0 ]
	keep_secret "$out" "$err"
	cluster_fields=''
	config https://kube.bed.test:6443
	run env HTTPS_PROXY="$proxy" kvmig -v --kubeconfig ../in/config --request-timeout 700ms get vmi
	expect "it succeeds by HTTPS_PROXY=$proxy" [ "$status" -ne 0 ]
	keep_secret "$out" "$err"
done
run env HTTPS_PROXY="http://me:$proxy_password@$guarded" kvmig -v --kubeconfig ../in/config get vmi
expect_status 0
keep_secret "$out" "$err"

# ---- the process ----

# The words before a command that takes from it what root may do anyway.
mere=
[ "$(id -u)" -ne 0 ] || mere='setpriv --bounding-set=-all --inh-caps=-all --'

# In the background, with core files as large as they want to be; $waiting is its number.
start() { # COMMAND…
	# shellcheck disable=SC2086 # words
	prlimit --core=unlimited:unlimited -- $mere "$@" >process 2>&1 </dev/null &
	waiting=$!
}

# A connection of it, or its plugin, is there.
is_under_way() {
	[ "$(wc -l <"$bed/silent.log")" -gt "$connections" ]
}

open_to_others() { # PID: to another process of the same user
	for secret_file in environ mem maps; do
		# shellcheck disable=SC2086 # words
		$mere head -c 1 "/proc/$1/$secret_file" >/dev/null 2>head-says || grep -q 'Input/output' head-says || return 1
	done
}

has_core() {
	[ -n "$(find . -maxdepth 1 -name 'core*')" ] || grep -q 'core dumped' ended
}

crash() { # SIGNAL
	kill "-$1" "$waiting"
	wait "$waiting" 2>ended
	expect "it survives $1" [ $? -gt 128 ]
}

test_case 'this test would find a core file, and may look into processes'
start sleep 60
is_that() { # NAME: what the process has become
	[ "$(cat "/proc/$waiting/comm")" = "$1" ]
}
expect 'it does not start' wait_for is_that sleep
expect 'it may not look' open_to_others "$waiting"
crash SEGV
expect 'no core file, of anything' has_core
rm -f core* ended

for kind in $kinds; do
	for signal in SEGV ABRT; do
		test_case "$kind: nothing to be seen of the process, no core file after SIG$signal"
		choose "$kind"
		[ "$kind" != proxy ] || cluster_fields=", proxy-url: 'http://me:$proxy_password@$silent'"
		config "https://$silent"
		connections=$(wc -l <"$bed/silent.log")
		# shellcheck disable=SC2086 # words
		start kvmig --kubeconfig ../in/config $option get vmi
		expect 'it does not connect' wait_for is_under_way
		command_line="cmdline of $kind" status=0
		tr '\0' '\n' <"/proc/$waiting/cmdline" >"$out"
		expect_stdout_has ../in/config
		keep_secret "$out"
		expect 'others may look into it' eval '! open_to_others "$waiting"'
		crash "$signal"
		expect 'there is a core file' eval '! has_core'
		keep_secret ../left
		rm -f core* ended
	done
done

# ---- what is left ----

test_case 'nothing of it in any file: cache, state, home, temporary ones'
expect 'nothing is cached: this shows nothing' [ -n "$(find "$XDG_CACHE_HOME" -type f)" ]
find "$work" -mindepth 1 -maxdepth 1 ! -name bed ! -name in ! -name bin >"$bed/folders"
while read -r folder; do
	keep_secret "$folder"
done <"$bed/folders"
expect 'keys of TLS sessions are there' [ ! -s tls-keys ]

# ---- completion ----

test_case 'a completion asks the server, but runs no plugin'
choose token
config "https://$fault"
: >"$bed/fault.log"
run kvmig __complete --kubeconfig ../in/config vm=
expect_status 0
expect 'it does not ask' grep -q virtualmachineinstances "$bed/fault.log"
choose plugin-token
config "https://$fault"
rm -f ../in/mark
ask 0 get vmi -A
expect 'the plugin leaves no mark: this shows nothing' [ -e ../in/mark ]
rm ../in/mark
: >"$bed/fault.log"
for what in vm vm-or-migration migration node policy namespace node-label kind context cluster user setting; do
	run kvmig __complete --kubeconfig ../in/config "$what="
	expect_status 0
	expect_no_stderr
done
expect 'the plugin was run' [ ! -e ../in/mark ]
run env KUBECONFIG=../in/config kvmig __complete vm=
expect_no_stderr
expect 'the plugin was run' [ ! -e ../in/mark ]
# the end of a request of before may be written down late
expect 'something was asked without it' eval '! grep -qE "\"event\":\"(connection|request)\"" "$bed/fault.log"'

cd "$work" || exit 99
done_testing
