#!/bin/sh
# kubectl and kvmig side by side: with the same kubeconfig, environment and options both reach the same server as the
# same user, or both refuse. Who they are is what the server's audit log says, which server it is the logs of the
# proxies that stand before it; the expected value is written down, so that two that fail for another reason do not pass.
#
#   compare.sh            both
#   compare.sh kubectl    only whether the table is right about kubectl
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
tools=${1:-kubectl kvmig}
bed_up
bed_kubevirt 1.9
proxies='one two misnamed expired foreign forward guarded socks'
for name in alice bob carol; do
	bed_kubectl create rolebinding "$name" --clusterrole kubevirt.io:view --user "$name"
done
bed_kubectl apply -f - <<-END
	apiVersion: rbac.authorization.k8s.io/v1
	kind: ClusterRole
	metadata: {name: impersonator}
	rules:
	- {apiGroups: [""], resources: [users, groups], verbs: [impersonate]}
	- {apiGroups: [authentication.k8s.io], resources: [uids], verbs: [impersonate]}
END
bed_kubectl create clusterrolebinding impersonator --clusterrole impersonator --user bob
bed_user dora migrators
bed_user fred
bed_cert -out "$bed/late" -ca "$bed/ca" -client -cn late -from -48h -for 24h
bed_cert -out "$bed/other-ca" -is-ca -cn 'another CA'
bed_cert -out "$bed/eve" -ca "$bed/other-ca" -client -cn eve
bed_cert -out "$bed/misnamed-cert" -ca "$bed/ca" -server -san other.example
bed_cert -out "$bed/expired-cert" -ca "$bed/ca" -server -san "$bed_ip" -from -48h -for 24h
bed_cert -out "$bed/foreign-cert" -ca "$bed/other-ca" -server -san "$bed_ip"
bed_proxy one
bed_proxy two
for name in misnamed expired foreign; do
	bed_proxy "$name" -cert "$bed/$name-cert"
done
bed_proxy forward -connect -cert ''
bed_proxy guarded -connect -cert '' -login me:secret
bed_proxy socks -socks
logs=$bed/audit.log
for name in $proxies; do
	logs="$logs $bed/$name.log"
done

at() { # PROXY
	cat "$bed/$1.address"
}

one=https://$(at one) two=https://$(at two) named=https://kube.bed.test:6443
ca="certificate-authority-data: $(bed_data "$bed/ca.crt")"
alice=$(bed_token alice) bob=$(bed_token bob) carol=$(bed_token carol)
tls_dora="client-certificate-data: $(bed_data "$bed/dora.crt"), client-key-data: $(bed_data "$bed/dora.key")"

# ---- what a case is made of ----

# Each case has a folder, the current one, with a home in it.
case_number=0
begin() { # description
	test_case "$1"
	case_number=$((case_number + 1))
	mkdir -p "$work/case-$case_number/home" "$work/case-$case_number/sub"
	cd "$work/case-$case_number" || exit 99
}

# config FILE NAME CLUSTER USER [CONTEXT]: one cluster, user and context of that name, each as the inside of a { }.
config() {
	cat >"$1" <<-END
		apiVersion: v1
		kind: Config
		current-context: $2
		clusters: [{name: $2, cluster: {$3}}]
		users: [{name: $2, user: {$4}}]
		contexts: [{name: $2, context: {cluster: $2, user: $2${5:+, $5}}}]
	END
}

cluster_one="server: $one, $ca" cluster_two="server: $two, $ca"

plugin() { # FILE API-VERSION STATUS-AS-JSON
	cat >"$1" <<-END
		#!/bin/sh
		cat <<-JSON
		{"apiVersion": "client.authentication.k8s.io/$2", "kind": "ExecCredential", "status": $3}
		JSON
	END
	chmod +x "$1"
}

# exec COMMAND [MORE]: the inside of a user with a plugin
exec_user() {
	echo "exec: {apiVersion: client.authentication.k8s.io/${3:-v1}, command: '$1', interactiveMode: ${4:-Never}${2:+, $2}}"
}

# What has been seen since the mark: "USER PROXY NAMESPACE", - for what has not been seen; or "refused". What became of the
# requests before it may be written down after it, and does not count.
mark() {
	# shellcheck disable=SC2086 # words
	wc -c $logs >"$bed/mark"
}

seen_since() { # BYTES FILE
	tail -c "+$(($1 + 1))" "$2"
}

seen() {
	seen_proxy=-
	while read -r seen_bytes seen_log; do
		case $seen_log in
		total) ;;
		*/audit.log)
			seen_user=$(seen_since "$seen_bytes" "$seen_log" | jq -rn '
				[inputs] | map(select(.stage == "RequestReceived").auditID) as $new |
				map(select(.stage == "ResponseComplete" and IN(.auditID; $new[]))) |
				if length < ($new | length) then "too-early -" else
					map(select(.responseStatus.code != 401 and .user.username != null)) | last // empty |
					"\(.impersonatedUser.username // .user.username) \(
					if .objectRef.resource == "virtualmachineinstances" then .objectRef.namespace else "-" end)" end')
			;;
		*)
			! seen_since "$seen_bytes" "$seen_log" | grep -qE '"event":"(request|connect)"' ||
				seen_proxy=$(basename "$seen_log" .log)
			;;
		esac
	done <"$bed/mark"
	[ -n "$seen_user" ] && echo "${seen_user% *} $seen_proxy ${seen_user#* }" || echo refused
}

is_seen() { # WANT
	got=$(seen)
	case $got in "$1" | "$1 "*) ;; *) return 1 ;; esac
}

# both WANT [NAME=VALUE…] -- [OPTION…]: WANT without a namespace does not look at it.
both() {
	want=$1 both_env=
	shift
	while [ "$1" != -- ]; do
		both_env="$both_env $1"
		shift
	done
	shift
	for tool in $tools; do
		mark
		# shellcheck disable=SC2086 # words
		run timeout -k 5 30 env -i PATH="$work/case-$case_number/path:$PATH" HOME="$PWD/home" \
			KUBECACHEDIR="$work/kubectl-cache" $both_env "$tool" get vmi "$@"
		# the end of its last request may come late, too
		patience=50 wait_for is_seen "$want" || {
			complain "$tool: '$got', not '$want'"
			show
		}
	done
}

# ---- which files, and how they are merged ----

begin 'KUBECONFIG names a file'
config a one "$cluster_one" "token: $alice"
both 'alice one default' KUBECONFIG=a --

begin 'the file under the home directory'
mkdir home/.kube
config home/.kube/config one "$cluster_one" "token: $alice"
both 'alice one default' --

begin 'KUBECONFIG goes before the file under the home directory'
mkdir home/.kube
config home/.kube/config one "$cluster_one" "token: $alice"
config b two "$cluster_two" "token: $bob"
both 'bob two' KUBECONFIG=b --

begin '--kubeconfig goes before KUBECONFIG, and is not merged with it'
config a one "$cluster_one" "token: $alice"
config b two "$cluster_two" "token: $bob"
both 'bob two' KUBECONFIG=a -- --kubeconfig b
both refused KUBECONFIG=a -- --kubeconfig b --context one

begin '--kubeconfig with a file that is not there'
both refused -- --kubeconfig none

begin 'cluster, user and context from three files'
printf 'current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n' >a
printf 'clusters: [{name: c, cluster: {%s}}]\n' "$cluster_one" >b
printf 'users: [{name: u, user: {token: %s}}]\n' "$alice" >c
both 'alice one' KUBECONFIG=a:b:c --
both 'alice one' KUBECONFIG=c:b:a --

begin 'the first file to define a cluster wins'
config a x "$cluster_one" "token: $alice"
config b x "$cluster_two" "token: $bob"
both 'alice one' KUBECONFIG=a:b --
both 'bob two' KUBECONFIG=b:a --

begin 'a cluster that is in two files is not put together from both: server here, CA there'
config a x "server: $one" "token: $alice"
config b x "$cluster_one" "token: $alice"
both refused KUBECONFIG=a:b --

begin 'a user that is in two files is not put together from both'
config a x "$cluster_one" "client-certificate-data: $(bed_data "$bed/dora.crt")"
config b x "$cluster_one" "client-key-data: $(bed_data "$bed/dora.key")"
both refused KUBECONFIG=a:b --

begin 'the first file that sets current-context wins'
config a one "$cluster_one" "token: $alice"
config b two "$cluster_two" "token: $bob"
both 'bob two' KUBECONFIG=b:a --
sed -i '/current-context/d' b
both 'alice one' KUBECONFIG=b:a --

begin 'missing and empty entries, empty files, and the same file twice'
config a one "$cluster_one" "token: $alice"
: >empty
both 'alice one' KUBECONFIG=none:a --
both 'alice one' KUBECONFIG=::a: --
both 'alice one' KUBECONFIG=empty:a:a --

begin 'no file at all'
both refused KUBECONFIG=none:neither --
both refused --

begin 'an unreadable entry: a folder, junk, a tab, a wrong version'
config a one "$cluster_one" "token: $alice"
mkdir folder
head -c 300 /dev/urandom >junk
printf 'clusters:\n\t- name: x\n' >tab
config version one "$cluster_one" "token: $alice"
sed -i 's/apiVersion: v1/apiVersion: v2/' version
for file in folder junk tab version; do
	both refused KUBECONFIG=$file:a --
done

begin 'JSON; unknown fields; neither apiVersion nor kind'
config a one "$cluster_one" "token: $alice"
kubectl --kubeconfig a config view --raw -o json >as-json
both 'alice one' KUBECONFIG=as-json --
config b one "$cluster_one, colour: blue" "token: $alice, favourite: {drink: tea}"
echo 'something: else' >>b
both 'alice one' KUBECONFIG=b --
sed '/^apiVersion/d; /^kind/d' a >c
both 'alice one' KUBECONFIG=c --

# ---- what is chosen from it ----

begin '--context'
config a one "$cluster_one" "token: $alice"
config b two "$cluster_two" "token: $bob"
both 'bob two' KUBECONFIG=a:b -- --context two
both refused KUBECONFIG=a:b -- --context three

begin '--cluster and --user'
config a one "$cluster_one" "token: $alice"
config b two "$cluster_two" "token: $bob"
both 'alice two' KUBECONFIG=a:b -- --cluster two
both 'bob one' KUBECONFIG=a:b -- --user two
both refused KUBECONFIG=a:b -- --cluster three
both refused KUBECONFIG=a:b -- --user three

begin '--server keeps the CA and the user of the context'
config a one "$cluster_one" "token: $alice"
both 'alice two' KUBECONFIG=a -- --server "$two"

begin 'namespace: of the context, and -n goes before it'
config a one "$cluster_one" "token: $alice" 'namespace: team'
both 'alice one team' KUBECONFIG=a --
both 'alice one other' KUBECONFIG=a -- -n other

begin 'no current-context, though there is only one'
config a one "$cluster_one" "token: $alice"
sed -i '/current-context/d' a
both refused KUBECONFIG=a --

begin 'current-context, cluster and user that do not exist'
config a one "$cluster_one" "token: $alice"
sed 's/^current-context: one/current-context: gone/' a >b
sed 's/context: {cluster: one/context: {cluster: gone/' a >c
sed 's/user: one}/user: gone}/' a >d
for file in b c d; do
	both refused KUBECONFIG=$file --
done

# ---- relative paths ----

begin 'CA, certificate and key relative to their file, not to where one is'
cp "$bed/ca.crt" sub/ca.pem
cp "$bed/dora.crt" sub/dora.crt
cp "$bed/dora.key" sub/dora.key
config sub/a one "server: $one, certificate-authority: ca.pem" 'client-certificate: ./dora.crt, client-key: dora.key'
both 'dora one' KUBECONFIG=sub/a --
both 'dora one' KUBECONFIG="$PWD/sub/a" --
mkdir deeper
cd deeper || exit 99
both 'dora one' KUBECONFIG=../sub/a --
cd .. || exit 99

begin 'relative to the link by which the file is found'
cp "$bed/ca.crt" sub/ca.pem
config sub/a one "server: $one, certificate-authority: ca.pem" "token: $alice"
ln -s sub/a link
both refused KUBECONFIG=link --
ln -s sub/ca.pem ca.pem
both 'alice one' KUBECONFIG=link --

begin 'two files, each with paths of its own'
mkdir a b
cp "$bed/ca.crt" a/ca.pem
printf '%s' "$alice" >b/token
printf 'current-context: x\ncontexts: [{name: x, context: {cluster: x, user: x}}]\nclusters: [{name: x, cluster: {%s}}]\n' \
	"server: $one, certificate-authority: ca.pem" >a/config
printf 'users: [{name: x, user: {tokenFile: token}}]\n' >b/config
both 'alice one' KUBECONFIG=a/config:b/config --

# ---- who one is ----

begin 'client certificate: data; data and files at once are a contradiction'
config a one "$cluster_one" "$tls_dora"
both 'dora one' KUBECONFIG=a --
config b one "$cluster_one" "$tls_dora, client-certificate: $bed/fred.crt, client-key: $bed/fred.key"
both refused KUBECONFIG=b --

begin 'token file, with a newline; a token beside it; one that is missing'
printf '%s\n' "$bob" >token
config a one "$cluster_one" 'tokenFile: token'
both 'bob one' KUBECONFIG=a --
config b one "$cluster_one" "tokenFile: token, token: $alice"
both 'bob one' KUBECONFIG=b --
config c one "$cluster_one" "tokenFile: none"
both refused KUBECONFIG=c --

begin 'certificate and token: the server decides'
config a one "$cluster_one" "$tls_dora, token: $alice"
both 'dora one' KUBECONFIG=a --

begin '--token goes before the token of the kubeconfig'
config a one "$cluster_one" "token: $alice"
both 'bob one' KUBECONFIG=a -- --token "$bob"

begin 'a token that nobody knows; user and password, which this server does not look at'
config a one "$cluster_one" 'token: nobody'
both refused KUBECONFIG=a --
config b one "$cluster_one" 'username: alice, password: secret'
both 'system:anonymous one' KUBECONFIG=b --

begin 'two ways to log in'
config a one "$cluster_one" "token: $alice, username: alice, password: secret"
both refused KUBECONFIG=a --

begin 'no credential at all: kubectl asks for a name, and there is nobody to ask'
config a one "$cluster_one" ''
both refused KUBECONFIG=a --

begin 'a certificate without its key, one whose key does not fit, an expired one, one of another CA'
config a one "$cluster_one" "client-certificate-data: $(bed_data "$bed/dora.crt")"
config b one "$cluster_one" "client-certificate: $bed/dora.crt, client-key: $bed/fred.key"
config c one "$cluster_one" "client-certificate: $bed/late.crt, client-key: $bed/late.key"
config d one "$cluster_one" "client-certificate: $bed/eve.crt, client-key: $bed/eve.key"
for file in a b c d; do
	both refused KUBECONFIG=$file --
done

begin 'impersonation: --as, groups, in the kubeconfig, and by one who may not'
config a one "$cluster_one" "token: $bob"
both 'zoe one' KUBECONFIG=a -- --as zoe
both 'zoe one' KUBECONFIG=a -- --as zoe --as-group testers --as-uid 12
config b one "$cluster_one" "token: $bob, as: yan, as-groups: [testers]"
both 'yan one' KUBECONFIG=b --
both 'zoe one' KUBECONFIG=b -- --as zoe
both refused KUBECONFIG=a -- --as-group testers
config c one "$cluster_one" "token: $alice, as: zoe"
both 'alice one' KUBECONFIG=c --

begin 'auth-provider, which is gone'
config a one "$cluster_one" 'auth-provider: {name: gcp}'
both refused KUBECONFIG=a --

# ---- plugins ----

begin 'exec: v1, v1beta1, a path relative to the file, a name in PATH'
plugin sub/plugin v1 "{\"token\": \"$alice\"}"
config sub/a one "$cluster_one" "$(exec_user ./plugin)"
both 'alice one' KUBECONFIG=sub/a --
mkdir path
plugin path/bed-plugin v1beta1 "{\"token\": \"$bob\"}"
config b one "$cluster_one" "$(exec_user bed-plugin '' v1beta1)"
both 'bob one' KUBECONFIG=b --

begin 'exec: a certificate'
plugin plugin v1 "{\"clientCertificateData\": $(jq -Rs . "$bed/dora.crt"), \"clientKeyData\": $(jq -Rs . "$bed/dora.key")}"
sed -i 's/\\n/\\\\n/g' plugin
config a one "$cluster_one" "$(exec_user ./plugin)"
both 'dora one' KUBECONFIG=a --

begin 'exec: arguments, environment, what it is told of the cluster'
cat >plugin <<-'END'
	#!/bin/sh
	[ "$1 $2" = 'a b' ] && [ "$WHO" = me ] || exit 1
	case $KUBERNETES_EXEC_INFO in *'"interactive":false'*) ;; *) exit 1 ;; esac
	case $KUBERNETES_EXEC_INFO in *"\"server\":\"$SERVER\""*) ;; *) exit 1 ;; esac
	echo "{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{\"token\":\"$TOKEN\"}}"
END
chmod +x plugin
more="args: [a, b], env: [{name: WHO, value: me}, {name: SERVER, value: '$one'}, {name: TOKEN, value: $carol}]"
config a one "$cluster_one" "$(exec_user ./plugin "$more, provideClusterInfo: true")"
both 'carol one' KUBECONFIG=a --
config b one "$cluster_one" "$(exec_user ./plugin "$more")"
both refused KUBECONFIG=b --

begin 'exec: missing, failing, junk, another version, none at all, a status without anything'
config a one "$cluster_one" "$(exec_user ./none)"
config b one "$cluster_one" "$(exec_user /bin/false)"
printf '#!/bin/sh\necho hello\n' >junk
chmod +x junk
config c one "$cluster_one" "$(exec_user ./junk)"
plugin old v1beta1 "{\"token\": \"$alice\"}"
config d one "$cluster_one" "$(exec_user ./old)"
config e one "$cluster_one" "$(exec_user /bin/true)"
plugin hollow v1 '{}'
config f one "$cluster_one" "$(exec_user ./hollow)"
config g one "$cluster_one" "$(exec_user ./old '' v1alpha1)"
for file in a b c d e f g; do
	both refused KUBECONFIG=$file --
done

begin 'exec: interactiveMode is required in v1, and Always cannot be had without a terminal'
plugin plugin v1 "{\"token\": \"$alice\"}"
config a one "$cluster_one" 'exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin}'
both refused KUBECONFIG=a --
config b one "$cluster_one" "$(exec_user ./plugin '' v1 Always)"
both refused KUBECONFIG=b --
config c one "$cluster_one" "$(exec_user ./plugin '' v1 IfAvailable)"
both 'alice one' KUBECONFIG=c --

begin 'exec: a token in the kubeconfig goes before it'
plugin plugin v1 "{\"token\": \"$alice\"}"
config a one "$cluster_one" "token: $bob, $(exec_user ./plugin)"
both 'bob one' KUBECONFIG=a --

# The one known difference: kubectl sends it, and it is the server that refuses a credential that has really expired.
begin 'exec: kvmig says that an answer has expired rather than use it'
plugin expired v1 "{\"token\": \"$alice\", \"expirationTimestamp\": \"2020-01-01T00:00:00Z\"}"
config a one "$cluster_one" "$(exec_user ./expired)"
both_tools=$tools
case $tools in *kubectl*) tools=kubectl && both 'alice one' KUBECONFIG=a -- ;; esac
case $both_tools in *kvmig*) tools=kvmig && both refused KUBECONFIG=a -- && expect_stderr_has expired ;; esac
tools=$both_tools

# ---- TLS ----

begin 'no CA, another CA, an unreadable one, junk'
config a one "server: $one" "token: $alice"
config b one "server: $one, certificate-authority: $bed/other-ca.crt" "token: $alice"
config c one "server: $one, certificate-authority: none.pem" "token: $alice"
config d one "server: $one, certificate-authority-data: $(printf junk | base64)" "token: $alice"
config e one "server: $one, certificate-authority-data: '***'" "token: $alice"
for file in a b c d e; do
	both refused KUBECONFIG=$file --
done

begin 'CA data and a CA file at once are a contradiction; --certificate-authority goes before the file'
config a one "$cluster_one, certificate-authority: $bed/other-ca.crt" "token: $alice"
both refused KUBECONFIG=a --
config b one "server: $one, certificate-authority: $bed/other-ca.crt" "token: $alice"
both 'alice one' KUBECONFIG=b -- --certificate-authority "$bed/ca.crt"

begin 'insecure: in the kubeconfig, with a CA beside it, as an option'
config a one "server: $one, insecure-skip-tls-verify: true" "token: $alice"
both 'alice one' KUBECONFIG=a --
config b one "$cluster_one, insecure-skip-tls-verify: true" "token: $alice"
both refused KUBECONFIG=b --
config c one "$cluster_one" "token: $alice"
both 'alice one' KUBECONFIG=c -- --insecure-skip-tls-verify

begin 'a certificate for another name, and tls-server-name'
config a one "server: https://$(at misnamed), $ca" "token: $alice"
both refused KUBECONFIG=a --
config b one "server: https://$(at misnamed), $ca, tls-server-name: other.example" "token: $alice"
both 'alice misnamed' KUBECONFIG=b --
both 'alice misnamed' KUBECONFIG=a -- --tls-server-name other.example
config c one "$cluster_one, tls-server-name: other.example" "token: $alice"
both refused KUBECONFIG=c --

begin 'a server with an expired certificate, one of another CA'
config a one "server: https://$(at expired), $ca" "token: $alice"
config b one "server: https://$(at foreign), $ca" "token: $alice"
for file in a b; do
	both refused KUBECONFIG=$file --
done

begin 'how a server may be written: a slash at the end; without a scheme it is plain HTTP; nonsense'
config a one "server: $one/, $ca" "token: $alice"
both 'alice one' KUBECONFIG=a --
config b one "server: '$(at one)', $ca" "token: $alice"
both refused KUBECONFIG=b --
config c one "server: 'ftp://$(at one)', $ca" "token: $alice"
both refused KUBECONFIG=c --

# ---- proxies ----

begin 'proxy-url: CONNECT, with a login, SOCKS5, nonsense'
config a one "server: $named, $ca, proxy-url: 'http://$(at forward)'" "token: $alice"
both 'alice forward' KUBECONFIG=a --
config b one "server: $named, $ca, proxy-url: 'http://me:secret@$(at guarded)'" "$tls_dora"
both 'dora guarded' KUBECONFIG=b --
config c one "server: $named, $ca, proxy-url: 'http://$(at guarded)'" "token: $alice"
both refused KUBECONFIG=c --
config d one "server: $named, $ca, proxy-url: 'socks5://$(at socks)'" "token: $alice"
both 'alice socks' KUBECONFIG=d --
config e one "$cluster_one, proxy-url: 'gopher://$(at forward)'" "token: $alice"
both refused KUBECONFIG=e --

begin 'HTTPS_PROXY, proxy-url before it, NO_PROXY by name, loopback never'
config a one "server: $named, $ca" "token: $alice"
both 'alice forward' KUBECONFIG=a HTTPS_PROXY="http://$(at forward)" --
both 'alice forward' KUBECONFIG=a https_proxy="http://$(at forward)" --
both refused KUBECONFIG=a HTTPS_PROXY="http://$(at forward)" NO_PROXY=.bed.test --
config b one "server: $named, $ca, proxy-url: 'http://$(at forward)'" "token: $alice"
both 'alice forward' KUBECONFIG=b HTTPS_PROXY=http://127.0.0.1:1 --
config c one "$cluster_one" "token: $alice"
both 'alice one' KUBECONFIG=c HTTPS_PROXY=http://127.0.0.1:1 --
both 'alice forward' KUBECONFIG=b HTTPS_PROXY=http://127.0.0.1:1 NO_PROXY='*' --

cd "$work" || exit 99
done_testing
