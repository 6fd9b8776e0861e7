#!/bin/sh
# kvmig context: which clusters there are, which one is in force, and why. Nothing is run, and nobody is connected to.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
unset KUBERNETES_MASTER

# A server that nobody listens at, and a plugin that would leave a file.
cat >config <<END
apiVersion: v1
kind: Config
current-context: prod
contexts:
- {name: prod, context: {cluster: main, user: jane, namespace: web}}
- {name: lab, context: {cluster: main, user: jane}}
- {name: no-file, context: {cluster: main, user: lost}}
clusters:
- {name: main, cluster: {server: 'https://127.0.0.1:1'}}
- {name: other, cluster: {server: 'https://127.0.0.1:2'}}
users:
- name: jane
  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/touch, args: [$work/ran], interactiveMode: Never}}
- name: joe
  user: {username: joe, password: secret-of-joe}
- name: lost
  user: {client-certificate: nowhere.crt, client-key: nowhere.key}
END

current() { # OPTION…: "NAME ORIGIN"
	run kvmig context current -o json "$@"
	expect_status 0
}

test_case 'there is none'
run kvmig context list
expect_status 0
expect_no_stdout
expect_stderr_has 'no kubeconfig, and no local cluster'
run kvmig context current
expect_status 1
expect_stderr_has 'no cluster: no context is named'
expect 'asking makes none' [ ! -e "$XDG_STATE_HOME" ]

test_case 'a local one, because there is nothing else'
kvmig node add -q n1 --uri "qemu+unix:///system?socket=$work/none" 2>added
run kvmig context list
expect_status 0
expect_stdout <<END
CURRENT   NAME            SERVER   USER   NAMESPACE
*         local/default   -        -      -
END
expect_no_stderr
current
expect_json '"\(.kind) \(.name) \(.type) \(.origin)"' 'Context local/default local default'
run kvmig context current
expect_stdout <<END
Context:            local/default
Why:                nothing is named, and there is no kubeconfig
END
run kvmig context current -o name
expect_stdout <<END
local/default
END

test_case 'the current one of the kubeconfig'
run kvmig context list --kubeconfig config
expect_stdout <<END
CURRENT   NAME            SERVER                USER   NAMESPACE
          local/default   -                     -      -
          kube/lab        https://127.0.0.1:1   jane   -
          kube/no-file    https://127.0.0.1:1   lost   -
*         kube/prod       https://127.0.0.1:1   jane   web
END
KUBECONFIG=$work/missing:$work/config run kvmig context current
expect_stdout <<END
Context:            kube/prod
Why:                current-context of the kubeconfig '$work/config'
Server:             https://127.0.0.1:1
Cluster:            main
User:               jane
Namespace:          web
END
expect_no_stderr
run kvmig context list --kubeconfig config -o wide --no-headers
expect 'its cluster' grep -qE '^\* +kube/prod +main +https' "$out"
run kvmig context list --kubeconfig config -o name
expect_stdout <<END
local/default
kube/lab
kube/no-file
kube/prod
END

test_case 'named by the environment, and before that by the option'
KUBECONFIG=$work/config
export KUBECONFIG
KVMIG_CONTEXT=local current
expect_json '"\(.name) \(.origin)"' 'local/default environment'
KVMIG_CONTEXT=local current --context prod
expect_json '"\(.name) \(.origin) \(.kubeconfig)"' 'kube/prod option null'
KVMIG_CONTEXT=kube/lab run kvmig context list -o json
expect_json '.items | map(select(.current)) | map("\(.name) \(.origin)") | join(",")' 'kube/lab environment'
expect_json '.items | map(.type) | join(" ")' 'local kube kube kube'

test_case 'what options make of it'
current --cluster other --user joe
expect_json '"\(.name) \(.server) \(.cluster) \(.user)"' 'kube/prod https://127.0.0.1:2 other joe'
expect 'no secret' sh -c '! grep -q secret "$1" "$2"' sh "$out" "$err"
current --server https://127.0.0.1:3
expect_json '"\(.name) \(.server) \(.origin)"' 'kube/prod https://127.0.0.1:3 kubeconfig'
KUBECONFIG=/dev/null current --server http://127.0.0.1:3
expect_json '"\(.name) \(.server) \(.origin)"' 'http://127.0.0.1:3 http://127.0.0.1:3 server'
KUBERNETES_MASTER=http://127.0.0.1:4 KUBECONFIG=/dev/null current
expect_json '"\(.name) \(.origin)"' 'http://127.0.0.1:4 server'
KUBECONFIG=/dev/null run kvmig context list --server http://127.0.0.1:3
expect 'in the list too' grep -qE '^\* +http://127.0.0.1:3 ' "$out"
KUBECONFIG=/dev/null run kvmig context current --server https://127.0.0.1:3
expect_status 7
expect_stderr_has 'there are no credentials'

test_case 'one that cannot be used is in force all the same, and that is said'
run kvmig context current --context no-file
expect_status 0
expect_stdout_has 'kube/no-file'
expect_stderr_has "'kube/no-file' cannot be used:"
expect_stderr_has nowhere.crt
current --context no-file
expect 'why' grep -q '"problem": ".*nowhere.crt' "$out"
sed 's/current-context: prod/current-context: gone/' config >gone
run kvmig context list --kubeconfig gone
expect_status 0
expect_stdout_lacks '*'
expect_stderr_has "there is no context 'gone', which is the current one"

test_case 'none: what is named is not there, or could be two'
run kvmig context list --context nowhere
expect_status 0
expect_stdout_lacks '*'
expect_stderr_has "none is current: there is no context 'nowhere'"
run kvmig context current --context nowhere
expect_status 1
run kvmig context current --context lab
expect_status 2
expect_stderr_has 'ambiguous'
expect_stderr_has '--context kube/lab'
sed '/current-context/d' config >none
run kvmig context current --kubeconfig none
expect_status 1
expect_stderr_has 'has no current one'
run kvmig context list --kubeconfig missing
expect_status 1
expect_stderr_has "cannot read kubeconfig 'missing'"
run kvmig context current --context local --server https://127.0.0.1:3
expect_status 2

test_case 'names that would upset a terminal'
printf 'current-context: "a\\e[31mb"\ncontexts: [{name: "a\\e[31mb", context: {cluster: c}}]\nclusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]\n' >strange
for words in list current 'current -o name'; do
	# shellcheck disable=SC2086 # words
	run kvmig context $words --kubeconfig strange
	expect_status 0
	expect 'no escape' sh -c '! grep -q "$(printf "\033")" "$1" "$2"' sh "$out" "$err"
done

test_case 'nothing was run'
expect 'the plugin' [ ! -e ran ]

test_case 'the documents are those of kvmig-json(7)'
for words in 'list' 'current' 'current --context no-file'; do
	# shellcheck disable=SC2086 # words
	kvmig context $words -o json 2>/dev/null
done >documents
expect_documented 'ContextList and Context' documents
done_testing
