#!/bin/sh
# The fault proxy: each fault is what a client sees, and without a rule it is not noticed at all.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
bed_up
bed_proxy fault
url=https://$(cat "$bed/fault.address")
bed_kubeconfig root "$bed/through.kubeconfig" "$url"
as root kubectl create namespace faults >/dev/null

# As root through the proxy; $code is the HTTP status, curl's own status is $status; the body is in the file answer, too.
credential="Authorization: Bearer $(bed_token root)"
ask() { # PATH [OPTION…]
	ask_path=$1
	shift
	run curl -sS --cacert "$bed/ca.crt" -H "$credential" -m 60 -D "$work/headers" "$@" "$url$ask_path"
	cp "$out" answer
	code=$(sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' "$work/headers")
}

expect_code() { # number
	expect "HTTP status $code, not $1" [ "$code" = "$1" ]
}

test_case 'without rules: the same answers, for tokens and for client certificates'
run as through kubectl get ns -o name
expect_status 0
expect_stdout_has namespace/faults
bed_kubeconfig admin "$bed/cert-through.kubeconfig" "$url"
run as cert-through kubectl auth whoami -o json
expect_json .status.userInfo.username admin
expect_json '.status.userInfo.groups | index("system:masters") != null' true
credential='X-Remote-User: admin'
ask /api/v1/namespaces
expect_code 403
expect_json '.message | contains("system:anonymous")' true
credential="Authorization: Bearer $(bed_token root)"
ask /api/v1/namespaces/faults
expect_code 200
expect_json .metadata.name faults
run grep -c HTTP/2 "$work/headers"
expect_stdout <<-END
	1
END

test_case 'requests and connections are counted'
bed_rules fault '[]'
: >"$bed/fault.log"
ask /api/v1/namespaces/faults
ask '/api/v1/namespaces?limit=1'
run bed_proxy_requests fault
expect_stdout <<-END
	GET /api/v1/namespaces/faults?
	GET /api/v1/namespaces?limit=1
END
run jq -s -r 'map(select(.event == "connection")) | length' "$bed/fault.log"
expect_stdout <<-END
	2
END
run grep -c token-of- "$bed/fault.log"
expect_stdout <<-END
	0
END

test_case '429 with Retry-After, twice, then the real answer'
bed_rules fault '[{"path": "/faults$", "status": 429, "headers": {"Retry-After": "1"}, "times": 2}]'
for want in 429 429 200; do
	ask /api/v1/namespaces/faults
	expect_code "$want"
	[ "$want" = 200 ] || expect 'no Retry-After' grep -qi '^retry-after: 1' "$work/headers"
done

test_case '410 in the middle of a list'
bed_rules fault '[{"query": "continue=", "status": 410, "times": 1}]'
ask '/api/v1/namespaces?limit=2'
expect_code 200
continue=$(jq -r .metadata.continue "$out")
ask "/api/v1/namespaces?limit=2&continue=$continue"
expect_code 410
expect_json .reason Expired
ask "/api/v1/namespaces?limit=2&continue=$continue"
expect_code 200

test_case '410 on a watch: as status, and as an event after some others'
bed_rules fault '[{"query": "watch=1", "status": 410, "times": 1},
	{"query": "watch=1", "errorEvent": {"after": 2, "code": 410}}]'
ask '/api/v1/namespaces?watch=1'
expect_code 410
ask '/api/v1/namespaces?watch=1'
expect_code 200
run jq -r '"\(.type) \(.object.code)"' answer
expect_stdout <<-END
	ADDED null
	ADDED null
	ERROR 410
END

test_case '500 and 503, N times'
bed_rules fault '[{"status": 500, "times": 1}, {"status": 503, "reason": "ServiceUnavailable", "times": 1}]'
for want in 500 503 200; do
	ask /api/v1/namespaces/faults
	expect_code "$want"
done

test_case 'broken JSON, an answer that ends too early, one that is cut, a reset connection, no answer'
bed_rules fault '[{"garble": 40, "times": 1}, {"truncate": 40, "times": 1}, {"cut": 40, "times": 2},
	{"reset": 60, "times": 1}, {"drop": true, "times": 1}]'
ask /api/v1/namespaces/faults
expect_status 0
expect 'it is JSON' eval '! jq . "$out" >/dev/null 2>&1'
ask /api/v1/namespaces/faults
expect_status 0
expect "$(wc -c <"$out") bytes" [ "$(wc -c <"$out")" -eq 40 ]
ask /api/v1/namespaces/faults
expect 'HTTP/2 does not notice' [ "$status" -ne 0 ]
ask /api/v1/namespaces/faults --http1.1
expect 'HTTP/1.1 does not notice' [ "$status" -ne 0 ]
ask /api/v1/namespaces/faults
expect 'the reset is not noticed' [ "$status" -ne 0 ]
ask /api/v1/namespaces/faults
expect 'no answer is not noticed' [ "$status" -ne 0 ]
ask /api/v1/namespaces/faults
expect_code 200

test_case 'slow bytes, a late answer'
bed_rules fault '[{"rate": 1000, "times": 1}, {"delay": 0.7, "times": 1}]'
began=$(date +%s%N)
ask /api/v1/namespaces/faults
took=$((($(date +%s%N) - began) / 1000000))
expect_json .metadata.name faults
expect "$(wc -c <"$out") bytes in $took ms" [ "$took" -gt $(($(wc -c <"$out") * 7 / 10)) ]
began=$(date +%s%N)
ask /api/v1/namespaces/faults
expect_code 200
expect 'it came at once' [ $((($(date +%s%N) - began) / 1000000)) -ge 700 ]

test_case 'a rule that is misspelt ends the proxy: no test goes on without its faults'
bed_proxy broken
bed_rules broken '[{"pathh": "/"}]'
run curl -sS --cacert "$bed/ca.crt" "https://$(cat "$bed/broken.address")/version"
expect 'it answered' [ "$status" -ne 0 ]
expect 'it runs' wait_for eval '! bed_runs broken-messages'

test_case 'a watch of 1,000 changes a second, and one that resumes'
bed_rules fault '[{"query": "watch=1", "replay": {"rate": 1000, "seconds": 2}}]'
# Asks until so many events have come, and a moment longer for those that would be too many.
follow() { # EVENTS PATH
	: >answer
	curl -sSN --cacert "$bed/ca.crt" -H "$credential" "$url$2" >answer 2>>follow.err &
	follower=$!
	expect "$1 events do not come" wait_for eval '[ "$(wc -l <answer)" -ge '"$1"' ]'
	sleep 0.2
	kill "$follower"
	wait "$follower" 2>>follow.err
}
follow 2000 '/api/v1/namespaces?watch=1&resourceVersion=1000'
run jq -r '[.type, .object.metadata.annotations["kvmig.test/sequence"], .object.metadata.resourceVersion] | join(" ")' answer
cp "$out" events
run sed -n '1p;$p' events
expect_stdout <<-END
	MODIFIED 1 1001
	MODIFIED 2000 3000
END
expect "$(wc -l <events) events" [ "$(wc -l <events)" -eq 2000 ]
follow 10 '/api/v1/namespaces?watch=1&resourceVersion=2990'
run jq -r '.object.metadata.resourceVersion' answer
expect_stdout <<-END
	2991
	2992
	2993
	2994
	2995
	2996
	2997
	2998
	2999
	3000
END

test_case 'certificates: expired, for another name, of another CA, none that is TLS at all'
bed_cert -out "$bed/expired" -ca "$bed/ca" -server -san "$bed_ip" -from -48h -for 24h
bed_cert -out "$bed/misnamed" -ca "$bed/ca" -server -san other.example
bed_cert -out "$bed/other-ca" -is-ca -cn 'another CA'
bed_cert -out "$bed/foreign" -ca "$bed/other-ca" -server -san "$bed_ip"
for kind in expired misnamed foreign; do
	bed_proxy "$kind-proxy" -cert "$bed/$kind"
	run curl -sS -m 60 --cacert "$bed/ca.crt" "https://$(cat "$bed/$kind-proxy.address")/version"
	expect_status 60
done
bed_proxy plain -plain
run curl -sS -m 60 --cacert "$bed/ca.crt" "https://$(cat "$bed/plain.address")/version"
expect_status 35
bed_proxy silent -silent
run curl -sS -m 1 --cacert "$bed/ca.crt" "https://$(cat "$bed/silent.address")/version"
expect_status 28

test_case 'forward proxies: CONNECT, with a login, over TLS, SOCKS5'
bed_proxy forward -connect -cert ''
bed_proxy guarded -connect -cert '' -login me:secret
bed_proxy secured -connect
bed_proxy socks -socks
through() { # PROXY
	run curl -sS -m 60 --cacert "$bed/ca.crt" --proxy-cacert "$bed/ca.crt" -x "$1" https://kube.bed.test:6443/version
}
through "http://$(cat "$bed/forward.address")"
expect_json .gitVersion v1.34.2
run jq -r 'select(.event == "connect") | .method + " " + .to' "$bed/forward.log"
expect_stdout <<-END
	CONNECT kube.bed.test:6443
END
through "http://$(cat "$bed/guarded.address")"
expect_status 56
through "http://me:secret@$(cat "$bed/guarded.address")"
expect_json .gitVersion v1.34.2
through "https://$(cat "$bed/secured.address")"
expect_json .gitVersion v1.34.2
through "socks5h://$(cat "$bed/socks.address")"
expect_json .gitVersion v1.34.2

done_testing
