# shellcheck shell=sh disable=SC2034
# Harness of the tests on a real API server: sourced. The vocabulary is that of tests/cli/lib.sh (test_case, run,
# expect_…, done_testing), and these, none of which may be called in a subshell or a pipe:
#
#   bed_up                     etcd and kube-apiserver (with $bed_server_options, too) on loopback, ready; $bed is the
#                              folder, $bed_server the URL
#   bed_down                   ends them (done at the end of the test, too; a killed test leaves no process)
#   bed_manager                kube-controller-manager: aggregated roles, namespaces that go away, garbage collection; the
#                              audit log does not have its requests
#   bed_stop_server, bed_start_server   the API server goes (at once, as by kill -9) and comes back as it was
#   bed_user NAME [GROUP…]     a user with a client certificate; bed_up has made admin (system:masters)
#   bed_kubeconfig USER FILE [SERVER]   certificate or token in it; $bed/USER.kubeconfig is there already
#   as USER COMMAND…           with that user's kubeconfig
#   bed_crds VARIANT…          folders of tests/kube/crds, or kvmig for those of contrib/crds
#   bed_kubevirt VERSION       a cluster of KubeVirt VERSION (1.4, 1.6, 1.9): CRDs, roles, the KubeVirt object
#   bed_hco VERSION            HyperConverged's CRD: v1beta1, or v1 for both with v1 stored
#   bed_rbac_settles           the server decides by all roles and bindings written so far; bed_kubectl does it itself where
#                              its words say that it writes them
#   bed_reconcile              its object's settings written into the KubeVirt object, as its operator would
#   bed_proxy NAME [OPTION…]   tests/kube/tools/fault-proxy in front of the server; $bed/NAME.address, $bed/NAME.log
#   bed_rules NAME JSON        what goes wrong there from now on
#   bed_fill N [OPTION…]       N VirtualMachineInstances of 20 kB (tests/kube/tools/fill); from some thousands on the
#                              server wants --watch-cache=false, else it holds each of them in memory, 700 kB apiece
#                              with --bindings M: N RoleBindings in M namespaces
#                              with --nodes M: N Nodes, with M pods on each
#   bed_change N RATE [OPTION…]   changes them N times, RATE a second
#   bed_cert OPTION…           tests/kube/tools/cert
#
# These may be called anywhere:
#
#   bed_token NAME             the token of alice, bob, carol (groups: migrators for alice) or root (system:masters)
#   bed_requests [JQ-FILTER]   requests so far, as "USER VERB URI", by the server's audit log
#   bed_proxy_requests NAME [JQ-FILTER]   the same by the fault proxy: "METHOD PATH?QUERY"
set -u
top_srcdir=${top_srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
bed_source=$top_srcdir/tests/kube

bail_out() {
	echo "Bail out! $*"
	exit 99
}

for bed_program in etcd setpriv curl jq; do
	command -v "$bed_program" >/dev/null ||
		bail_out "the kube bed needs $bed_program (Debian: etcd-server util-linux curl jq)"
done
bed_folders=$("$bed_source/build.sh") || bail_out "the kube bed's programs cannot be built: $bed_source/build.sh says why"
bed_kube=$(printf '%s\n' "$bed_folders" | sed -n 1p)
bed_tools=$(printf '%s\n' "$bed_folders" | sed -n 2p)

# shellcheck source=tests/cli/lib.sh
. "$top_srcdir/tests/cli/lib.sh"
ln -s "$bed_kube/kubectl" "$work/bin/kubectl"
unset http_proxy https_proxy HTTP_PROXY HTTPS_PROXY no_proxy NO_PROXY all_proxy ALL_PROXY
bed=$work/bed
bed_pids=
bed_server_options=

# ---- processes ----

# It dies with the test, however that ends. Its folder is the current one, for etcd's socket.
bed_spawn() { # NAME COMMAND…
	bed_name=$1
	shift
	(cd "$bed" && exec setpriv --pdeathsig KILL -- "$@") >>"$bed/$bed_name.log" 2>&1 </dev/null &
	echo $! >"$bed/$bed_name.pid"
	bed_pids="$bed_pids $!"
}

bed_runs() { # NAME
	kill -0 "$(cat "$bed/$1.pid")" 2>/dev/null
}

bed_end() { # NAME [SIGNAL]
	bed_pid=$(cat "$bed/$1.pid")
	kill "-${2:-TERM}" "$bed_pid" 2>/dev/null
	wait "$bed_pid" 2>/dev/null
	:
}

bed_gone() { # NAME
	tail -n 30 "$bed/$1.log" | sed 's/^/# /'
	bail_out "$1 does not come up"
}

bed_down() {
	for bed_pid in $bed_pids; do
		kill -KILL "$bed_pid" 2>/dev/null
	done
	for bed_pid in $bed_pids; do
		wait "$bed_pid" 2>/dev/null
	done
	bed_pids=
	[ ! -d "$bed" ] || rm -rf "$bed"
}

# ---- etcd and the API server ----

bed_cert() {
	"$bed_tools/cert" "$@" || bail_out "no certificate"
}

bed_token() { # NAME
	awk -F, -v user="$1" '$2 == user { print $1 }' "$bed/tokens"
}

bed_write_tokens() {
	for bed_entry in 'alice:"migrators"' 'bob:' 'carol:' 'root:"system:masters"'; do
		printf 'token-of-%s-%s,%s,uid-%s,%s\n' "${bed_entry%%:*}" "$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')" \
			"${bed_entry%%:*}" "${bed_entry%%:*}" "${bed_entry#*:}"
	done >"$bed/tokens"
}

# Who asks what: not the bodies, and not what the server and its controllers ask whenever they see fit.
bed_write_audit_policy() {
	cat >"$bed/audit-policy.yaml" <<-END
		apiVersion: audit.k8s.io/v1
		kind: Policy
		rules:
		- {level: None, users: ["system:apiserver", "controller-manager"]}
		- {level: None, userGroups: ["system:masters"], nonResourceURLs: ["/readyz"]}
		- {level: Metadata}
	END
}

bed_write_secrets() {
	(
		umask 077
		bed_cert -out "$bed/ca" -cn 'kube bed CA' -is-ca
		bed_cert -out "$bed/front-ca" -cn 'kube bed front proxy CA' -is-ca
		bed_cert -out "$bed/service-account" -cn service-account
		bed_cert -out "$bed/server" -ca "$bed/ca" -cn kube-apiserver -server \
			-san "$bed_ip,localhost,kube.bed.test,kubernetes,kubernetes.default.svc"
		bed_cert -out "$bed/front" -ca "$bed/front-ca" -cn front-proxy -client
		bed_write_tokens
	) || exit
}

# Nothing here outlives etcd, which is ended with the test only: what it writes need not reach the disk, on which it would
# wait for what others write.
bed_start_etcd() {
	bed_spawn etcd etcd --unsafe-no-fsync --name bed --data-dir "$bed/etcd" --logger zap --log-level warn \
		--listen-client-urls unix://etcd:1 --advertise-client-urls unix://etcd:1 \
		--listen-peer-urls unix://etcd:2 --initial-advertise-peer-urls unix://etcd:2 --initial-cluster bed=unix://etcd:2 \
		--quota-backend-bytes 8589934592 --max-txn-ops 1024 --max-request-bytes 16777216 \
		--snapshot-count 10000 --auto-compaction-retention 0
}

# As admin: what the server answers to a GET. A tenth of what kubectl costs.
bed_ask() { # PATH [OPTION…]
	bed_path=$1
	shift
	curl -fsS -m 20 --cacert "$bed/ca.crt" --cert "$bed/admin.crt" --key "$bed/admin.key" "$@" "$bed_server$bed_path"
}

bed_is_ready() {
	bed_ask /readyz
}

# Or it has ended, and nothing is to be waited for.
bed_has_come_up() {
	bed_is_ready || ! bed_runs server
}

bed_start_server() {
	# shellcheck disable=SC2086 # words
	bed_spawn server "$bed_kube/kube-apiserver" --bind-address "$bed_ip" --secure-port 6443 \
		--advertise-address 192.0.2.1 --endpoint-reconciler-type none --etcd-servers unix://etcd:1 \
		--tls-cert-file "$bed/server.crt" --tls-private-key-file "$bed/server.key" --client-ca-file "$bed/ca.crt" \
		--requestheader-client-ca-file "$bed/front-ca.crt" --requestheader-allowed-names front-proxy \
		--requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
		--service-account-issuer https://kube.bed.test --service-account-key-file "$bed/service-account.crt" \
		--service-account-signing-key-file "$bed/service-account.key" --token-auth-file "$bed/tokens" \
		--authorization-mode RBAC --service-cluster-ip-range 10.96.0.0/24 --shutdown-delay-duration 0s \
		--audit-policy-file "$bed/audit-policy.yaml" --audit-log-path "$bed/audit.log" $bed_server_options
	wait_for bed_has_come_up || bed_gone server
	bed_runs server || bed_gone server
}

bed_stop_server() {
	bed_end server KILL
}

# Addresses of 127/8 are free: each test has one of its own, by its process number.
bed_up() {
	bed_ip=127.$((64 + $$ / 65536 % 64)).$(($$ / 256 % 256)).$(($$ % 256))
	bed_server=https://$bed_ip:6443
	mkdir -m 700 "$bed" || bail_out "no folder $bed"
	at_exit=bed_down
	bed_write_secrets
	bed_write_audit_policy
	bed_user admin system:masters
	for bed_entry in alice bob carol root; do
		bed_kubeconfig "$bed_entry" "$bed/$bed_entry.kubeconfig"
	done
	bed_start_etcd
	bed_start_server
}

# ---- who asks ----

bed_user() { # NAME [GROUP…]
	bed_entry=$1
	shift
	bed_cert -out "$bed/$bed_entry" -ca "$bed/ca" -client -cn "$bed_entry" -org "$(echo "$@" | tr ' ' ,)"
	bed_kubeconfig "$bed_entry" "$bed/$bed_entry.kubeconfig"
}

bed_data() { # FILE
	base64 -w 0 "$1"
}

bed_credential() { # USER
	if [ -f "$bed/$1.crt" ]; then
		echo "client-certificate-data: $(bed_data "$bed/$1.crt")"
		echo "    client-key-data: $(bed_data "$bed/$1.key")"
	else
		echo "token: $(bed_token "$1")"
	fi
}

bed_kubeconfig() { # USER FILE [SERVER]
	(umask 077 && cat >"$2") <<-END
		apiVersion: v1
		kind: Config
		current-context: bed
		contexts:
		- name: bed
		  context: {cluster: bed, user: $1}
		clusters:
		- name: bed
		  cluster:
		    server: ${3:-$bed_server}
		    certificate-authority-data: $(bed_data "$bed/ca.crt")
		users:
		- name: $1
		  user:
		    $(bed_credential "$1")
	END
}

as() { # USER COMMAND…
	bed_as=$1
	shift
	KUBECONFIG=$bed/$bed_as.kubeconfig "$@"
}

# ---- what is in the cluster ----

bed_kubectl() {
	KUBECONFIG=$bed/admin.kubeconfig kubectl "$@" >"$bed/kubectl.out" 2>"$bed/kubectl.err" || {
		sed 's/^/# /' "$bed/kubectl.out" "$bed/kubectl.err"
		bail_out "kubectl $*"
	}
	# a role is of no consequence before its binding, which comes next
	case "$1 ${2:-}" in
	'create role' | *' rolebinding' | *' clusterrolebinding' | 'delete clusterrole' | 'label clusterrole') bed_rbac_settles ;;
	esac
}

# Requests as admin over one connection, a line each: METHOD PATH [DOCUMENT].
bed_send() {
	while read -r bed_method bed_path bed_document; do
		printf 'next\nfail\nsilent\nshow-error\nmax-time = 20\nrequest = %s\nurl = "%s"\noutput = "%s"\n' \
			"$bed_method" "$bed_server$bed_path" "$bed/sent"
		printf 'cacert = "%s"\ncert = "%s"\nkey = "%s"\n' "$bed/ca.crt" "$bed/admin.crt" "$bed/admin.key"
		[ -z "$bed_document" ] || printf 'header = "Content-Type: application/json"\ndata = "%s"\n' \
			"$(printf '%s' "$bed_document" | sed 's/["\\]/\\&/g')"
	done | sed 1d | curl --config - || bail_out 'a request fails'
}

bed_may_mark() { # RESOURCE
	bed_ask /apis/authorization.k8s.io/v1/subjectaccessreviews -H 'Content-Type: application/json' -d "{\"spec\": {\"user\": \"$bed_mark\",
		\"resourceAttributes\": {\"namespace\": \"default\", \"verb\": \"get\", \"group\": \"kvmig.test\", \"resource\": \"$1\"}}}" |
		jq -e .status.allowed
}

bed_may_marks() {
	bed_may_mark roles && bed_may_mark clusterroles
}

# Each aggregated role has the rules of those that it selects, where the controller that sees to it runs.
bed_is_aggregated() {
	bed_ask /apis/rbac.authorization.k8s.io/v1/clusterroles | jq -e '.items as $all | [$all[] | select(.aggregationRule) | . as $sum |
		(.rules // [] | unique) == ([$all[] | select(.metadata.name != $sum.metadata.name) | (.metadata.labels // {}) as $has |
			select(any($sum.aggregationRule.clusterRoleSelectors[]; .matchLabels | to_entries | all($has[.key] == .value))) |
			.rules[]?] | unique)] | all'
}

# The server decides by all that has been written so far of roles and bindings: it hears of each of the four kinds a moment
# later, in order. So something is written of each, and waited for.
bed_rbac_settles() {
	[ ! -e "$bed/manager.pid" ] || ! bed_runs manager || wait_for bed_is_aggregated || bail_out 'roles are not aggregated'
	bed_mark=bed-mark-$(cat /proc/sys/kernel/random/uuid)
	bed_rbac=/apis/rbac.authorization.k8s.io/v1
	for bed_kind in Role ClusterRole; do
		case $bed_kind in Role) bed_at=$bed_rbac/namespaces/default ;; *) bed_at=$bed_rbac ;; esac
		bed_plural=$(echo "${bed_kind}s" | tr '[:upper:]' '[:lower:]')
		echo "POST $bed_at/$bed_plural {\"metadata\": {\"name\": \"$bed_mark\"}, \"rules\":" \
			"[{\"apiGroups\": [\"kvmig.test\"], \"resources\": [\"$bed_plural\"], \"verbs\": [\"get\"]}]}"
		echo "POST $bed_at/${bed_plural%s}bindings {\"metadata\": {\"name\": \"$bed_mark\"}, \"roleRef\": {\"apiGroup\":" \
			"\"rbac.authorization.k8s.io\", \"kind\": \"$bed_kind\", \"name\": \"$bed_mark\"}, \"subjects\":" \
			"[{\"apiGroup\": \"rbac.authorization.k8s.io\", \"kind\": \"User\", \"name\": \"$bed_mark\"}]}"
	done >"$bed/marks"
	bed_send <"$bed/marks"
	wait_for bed_may_marks || bail_out 'the server does not come to know a role'
	sed "s|^POST \([^ ]*\).*|DELETE \1/$bed_mark|" "$bed/marks" | bed_send
}

# By a user of its own, whom the audit log leaves out: what it asks is between no test's requests.
bed_manager() {
	[ -e "$bed/controller-manager.kubeconfig" ] || bed_user controller-manager system:masters
	bed_spawn manager "$bed_kube/kube-controller-manager" --kubeconfig "$bed/controller-manager.kubeconfig" --secure-port 0 \
		--leader-elect=false --controllers \
		clusterrole-aggregation-controller,namespace-controller,garbage-collector-controller,serviceaccount-controller
	wait_for bed_is_aggregated || bed_gone manager
}

bed_convert() {
	bed_spawn convert "$bed_tools/convert" -listen "$bed_ip:6444" -cert "$bed/server"
}

# Each resource in $bed/wanted, "GROUP/VERSION PLURAL", is in the server's discovery, where kubectl and kvmig look for it: that is
# a little later than the condition Established.
bed_serves_wanted() {
	bed_ask /apis -H 'Accept: application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' |
		jq -r '.items[] | .metadata.name as $group | .versions[] | "\($group)/\(.version) \(.resources[].resource)"' >"$bed/served"
	! grep -vxFf "$bed/served" "$bed/wanted"
}

# And its schema, as it was applied: it is what kvmig finds defaults in. The server's documents of the API have it later still,
# of a kind that was there before, too.
bed_describes_wanted() {
	bed_ask /openapi/v3 >"$bed/documents"
	while read -r bed_version bed_kind; do
		bed_document=$(jq -re --arg at "apis/$bed_version" '.paths[$at].serverRelativeURL' "$bed/documents") || return 1
		# but for what it adds, and says in other words
		bed_ask "$bed_document" | jq -e --arg version "$bed_version" --arg kind "$bed_kind" --slurpfile applied "$bed/applied" '
			def bare: del(.properties["apiVersion", "kind", "metadata"]) | walk(if type == "object" then
				if .["x-kubernetes-int-or-string"] then {} else . end |
				with_entries(select(.key | . != "description" and (startswith("x-kubernetes-") | not))) else . end);
			([.components.schemas[] | select(any(.["x-kubernetes-group-version-kind"][]?; .kind == $kind))][0] | bare) ==
			($applied[0] | (.items // [.])[].spec | select(.names.kind == $kind) | .group as $group | .versions[] |
				select("\($group)/\(.name)" == $version).schema.openAPIV3Schema | bare)' || return 1
	done <"$bed/wanted-kinds"
}

# For two seconds after that condition the server holds back what creates an object, each for two seconds, for the sake of
# other servers that may not know the kind yet: there are none. So it was long ago.
bed_age_crds() {
	bed_definitions=/apis/apiextensions.k8s.io/v1/customresourcedefinitions
	bed_ask "$bed_definitions" | jq -r '.items[] | "\(.metadata.name) \(.status.conditions | to_entries[] |
		select(.value.type == "Established" and (.value.lastTransitionTime | fromdate > now - 60)).key)"' |
		while read -r bed_name bed_index; do
			bed_ask "$bed_definitions/$bed_name/status" -X PATCH -H 'Content-Type: application/json-patch+json' -o "$bed/aged" -d \
				"[{\"op\": \"replace\", \"path\": \"/status/conditions/$bed_index/lastTransitionTime\", \"value\": \"2026-01-01T00:00:00Z\"}]"
		done
}

bed_crds() { # VARIANT…
	mkdir -p "$bed/crds"
	for bed_entry; do
		case $bed_entry in
		kvmig) bed_from=$top_srcdir/contrib/crds ;;
		*) bed_from=$bed_source/crds/$bed_entry ;;
		esac
		for bed_file in "$bed_from"/*.yaml; do
			sed "s|@CONVERT_URL@|https://$bed_ip:6444/|; s|@CA_BUNDLE@|$(bed_data "$bed/ca.crt")|" "$bed_file"
			echo ---
		done >"$bed/crds/$bed_entry.yaml"
		bed_kubectl apply -o json -f "$bed/crds/$bed_entry.yaml"
		cp "$bed/kubectl.out" "$bed/applied"
		jq -r '(.items // [.])[].spec | "\(.group)/\(.versions[] | select(.served).name) \(.names.plural)"' \
			"$bed/applied" >"$bed/wanted"
		jq -r '(.items // [.])[].spec | "\(.group)/\(.versions[] | select(.served).name) \(.names.kind)"' \
			"$bed/applied" >"$bed/wanted-kinds"
		wait_for bed_serves_wanted || bail_out "not served: $(grep -vxFf "$bed/served" "$bed/wanted" | tr '\n' ';')"
		bed_age_crds
		wait_for bed_describes_wanted || bail_out "not described: $(cat "$bed/wanted-kinds")"
	done
}

bed_kubevirt() { # VERSION
	bed_crds kubevirt "kubevirt-$1"
	bed_kubectl apply -f "$bed_source/manifests/bed/kubevirt-roles.yaml"
	bed_rbac_settles
	bed_kubectl apply -f "$bed_source/manifests/bed/kubevirt.yaml"
	bed_kubectl patch kubevirt kubevirt -n kubevirt --subresource status --type merge -p \
		"{\"status\":{\"phase\":\"Deployed\",\"observedKubeVirtVersion\":\"v$1.0\",\"operatorVersion\":\"v$1.0\"}}"
}

bed_hco() { # VERSION
	[ "$1" != v1 ] || bed_convert
	bed_crds "hco-$1"
}

# What the operator would make of HyperConverged's object: it is not there.
bed_reconcile() {
	KUBECONFIG=$bed/admin.kubeconfig kubectl get hyperconvergeds.hco.kubevirt.io -A -o json |
		jq '[{op: "add", path: "/spec/configuration/migrations",
			value: (.items[0].spec | .virtualization.liveMigrationConfig // .liveMigrationConfig)}]' >"$bed/reconciled"
	bed_kubectl patch kubevirt kubevirt -n kubevirt --type json --patch-file "$bed/reconciled"
}

# The leases of nodes, renewed by clocks that are so far ahead. The server writes down when they came, and three seconds in
# between are a finding: on a slow machine once more.
bed_leases() { # NODE:SECONDS…
	for bed_try in 1 2 3 4 5 6 7 8 9 10; do
		bed_began=$(date +%s)
		for bed_entry; do
			printf -- '---\n{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {namespace: kube-node-lease, name: %s},
				spec: {holderIdentity: %s, renewTime: "%s"}}\n' "${bed_entry%%:*}" "${bed_entry%%:*}" \
				"$(date -u -d "@$((bed_began + ${bed_entry#*:}))" +%Y-%m-%dT%H:%M:%S.000000Z)"
		done >"$bed/leases"
		[ "$bed_try" -eq 1 ] || bed_kubectl delete -f "$bed/leases"
		bed_kubectl create -f "$bed/leases"
		[ $(($(date +%s) - bed_began)) -gt 1 ] || return 0
	done
	bail_out 'ten times two seconds for some leases'
}

bed_fill() { # N [OPTION…]
	bed_entry=$1
	shift
	"$bed_tools/fill" -etcd "$bed/etcd:1" -objects "$bed_entry" "$@" >"$bed/filled" || bail_out "no objects"
	# what was written last: the API server's cache, which may answer for etcd, hears of it a little later
	while read -r bed_last; do
		wait_for bed_ask "$bed_last?resourceVersion=0" || bail_out "the API server does not come to know $bed_last"
	done <"$bed/filled"
}

bed_change() { # N RATE [OPTION…]
	bed_entry=$1 bed_rate=$2
	shift 2
	"$bed_tools/fill" -server "$bed_server" -ca "$bed/ca.crt" -cert "$bed/admin" -change "$bed_entry" -rate "$bed_rate" "$@"
}

bed_requests() { # [JQ-FILTER]
	jq -r "select(.stage == \"RequestReceived\") | select(${1:-true}) |
		\"\\(.impersonatedUser.username // .user.username) \\(.verb) \\(.requestURI)\"" "$bed/audit.log"
}

# ---- what goes wrong ----

bed_has() { # FILE
	[ -s "$1" ]
}

bed_proxy() { # NAME [OPTION…]
	bed_proxy_name=$1
	shift
	: >"$bed/$bed_proxy_name.log"
	rm -f "$bed/$bed_proxy_name.address"
	bed_rules "$bed_proxy_name" '[]'
	bed_spawn "$bed_proxy_name-messages" "$bed_tools/fault-proxy" -listen "$bed_ip:0" -address "$bed/$bed_proxy_name.address" \
		-log "$bed/$bed_proxy_name.log" -rules "$bed/$bed_proxy_name.rules" -cert "$bed/server" -client-ca "$bed/ca.crt" \
		-upstream "$bed_ip:6443" -upstream-ca "$bed/ca.crt" -front "$bed/front" -map "$bed_ip:6443" "$@"
	wait_for bed_has "$bed/$bed_proxy_name.address" || bed_gone "$bed_proxy_name-messages"
}

bed_rules() { # NAME JSON
	printf '%s\n' "$2" >"$bed/$1.rules.new"
	mv "$bed/$1.rules.new" "$bed/$1.rules"
}

bed_proxy_requests() { # NAME [JQ-FILTER]
	jq -r "select(.event == \"request\") | select(${2:-true}) | \"\\(.method) \\(.path)?\\(.query)\"" "$bed/$1.log"
}
