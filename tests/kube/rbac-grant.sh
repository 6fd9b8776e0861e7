#!/bin/sh
# kvmig rbac grant and revoke on the real API server, which really refuses and really permits: who asks does so with
# credentials of his own.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
bed_up
bed_manager
bed_kubevirt 1.9
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG
for ns in prod test dev; do
	bed_kubectl create namespace $ns
done
bed_user nsadmin
bed_user granter
bed_user poor
bed_kubectl create rolebinding nsadmin -n prod --clusterrole=admin --user=nsadmin
# may bind the role in prod, and look at nothing but bindings
bed_kubectl create clusterrole granter --verb=bind --resource=clusterroles --resource-name=kubevirt.io:migrate
bed_kubectl create rolebinding granter -n prod --clusterrole=granter --user=granter
bed_kubectl create role bindings -n prod --verb=get,create,update --resource=rolebindings
bed_kubectl create rolebinding bindings -n prod --role=bindings --user=granter

subjects() { # NS NAME
	kubectl get rolebinding -n "$1" "$2" -o json | jq -c '[.subjects[]? | "\(.kind)/\(.namespace // "")\(.name)"]'
}

is() { # WANTED HAVE
	expect "'$2' instead of '$1'" test "$1" = "$2"
}

# The server's word, by kubectl.
may() { # yes|no USER VERB RESOURCE NS
	is "$1" "$(kubectl auth can-i "$3" "$4" -n "$5" --as "$2" 2>/dev/null)"
}

VMIM=virtualmachineinstancemigrations.kubevirt.io

# The same of what no server here serves.
may_migrate() { # yes|no USER NS
	is "$1" "$(kubectl create -f - -o jsonpath='{.status.allowed}' <<END | sed 's/true/yes/; s/false/no/'
apiVersion: authorization.k8s.io/v1
kind: SubjectAccessReview
spec:
  user: $2
  resourceAttributes: {verb: update, group: subresources.kubevirt.io, resource: virtualmachines, subresource: migrate, namespace: $3}
END
)"
}

# ---- grant ----

test_case 'grant: what a dry run would bind, and nothing is bound'
for dry in --dry-run --dry-run=server; do
	run kvmig rbac grant bob -n prod $dry -o yaml --read-only
	expect_status 0
	expect_stdout_has 'name: kubevirt.io:migrate'
	expect_stderr_has '(dry run)'
done
run kvmig rbac grant bob --group ops -n prod -n test --dry-run -o json
expect_json '.items | map(.metadata.namespace + "/" + .metadata.name) | join(" ")' 'prod/kvmigrate test/kvmigrate'
expect_json '.items[0].subjects | map(.kind + "=" + .name) | join(" ")' 'User=bob Group=ops'
run kubectl get rolebinding -n prod kvmigrate
expect_status 1
kvmig rbac grant bob -n dev --dry-run -o yaml >binding.yaml 2>/dev/null
run kubectl apply -f binding.yaml
expect_status 0
bed_rbac_settles
may yes bob create $VMIM dev

test_case 'grant: the binding of the documents, proven'
may no bob create $VMIM prod
run kvmig rbac grant bob -n prod
expect_status 0
expect_stderr_has "context kube/bed"
expect_stderr_has "binding 'kvmigrate' in namespace 'prod' made: 1 subject more"
expect 'the row' grep -qE "^prod +user 'bob' +kvmigrate +made +9 of 9 +LocalSubjectAccessReview$" "$out"
run kubectl get rolebinding -n prod kvmigrate -o json
expect_json '.roleRef | "\(.kind) \(.name)"' 'ClusterRole kubevirt.io:migrate'
expect_json '.metadata.labels["app.kubernetes.io/managed-by"]' kvmig
for verb in create get list watch update patch delete deletecollection; do
	may yes bob $verb $VMIM prod
done
may_migrate yes bob prod
may_migrate no carol prod
may no bob create $VMIM test

test_case 'grant: what it does not cover is told, and --with-view adds it'
run kvmig rbac grant bob -n prod
expect_stderr_has "user 'bob' may not in namespace 'prod': see VMs"
expect_stderr_has 'see migration policies; cancel an evacuation; drain nodes'
expect_stderr_has '--with-view binds kubevirt.io:view too'
may no bob list virtualmachineinstances.kubevirt.io prod
run kvmig rbac grant bob -n prod --with-view
expect_status 0
expect_stderr_lacks 'see VMs'
expect_stderr_has "binding 'kvmigrate-view' in namespace 'prod' made"
may yes bob list virtualmachineinstances.kubevirt.io prod
# what the rest takes, and that it is no more told then
cat >evacuate.yaml <<END
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: evacuate, namespace: prod}
rules:
- apiGroups: [subresources.kubevirt.io]
  resources: [virtualmachineinstances/evacuate, virtualmachineinstances/evacuate/cancel]
  verbs: [update]
END
bed_kubectl apply -f evacuate.yaml
bed_kubectl create rolebinding evacuate -n prod --role=evacuate --user=bob
run kvmig rbac grant bob -n prod
expect_stderr_has 'see migration policies; drain nodes'

test_case 'grant --with-view: a server that comes to know the second binding later is asked again'
run kvmig rbac grant wanda -n dev --name late
expect_status 0
bed_proxy front
bed_kubeconfig admin "$bed/through.kubeconfig" "https://$(cat "$bed/front.address")"
# nine are about the role itself
bed_rules front '[{"method": "POST", "path": "/namespaces/dev/localsubjectaccessreviews$", "skip": 9, "times": 1, "status": 201,
	"body": "{\"kind\": \"LocalSubjectAccessReview\", \"apiVersion\": \"authorization.k8s.io/v1\", \"spec\": {}, \"status\": {\"allowed\": false}}"}]'
run as through kvmig rbac grant wanda -n dev --name late --with-view
expect_status 0
expect_stderr_has "binding 'late-view' in namespace 'dev' made"
expect_stderr_lacks 'see VMs'
# the nine, the one that was told another thing, three to see VMs, one of the two to cancel an evacuation
reviews=$(bed_proxy_requests front | grep -c /localsubjectaccessreviews)
expect "$reviews reviews" [ "$reviews" -ge 14 ]
bed_rules front '[]'
bed_kubectl delete rolebinding late late-view -n dev

test_case 'grant: who is there already is no error and no change'
before=$(kubectl get rolebinding -n prod kvmigrate -o jsonpath='{.metadata.resourceVersion}')
run kvmig rbac grant bob -n prod
expect_status 0
expect_stderr_has "nothing to change in namespace 'prod'"
expect 'the row' grep -qE "unchanged +9 of 9" "$out"
is "$before" "$(kubectl get rolebinding -n prod kvmigrate -o jsonpath='{.metadata.resourceVersion}')"

test_case 'grant: all kinds of subjects and names'
bed_kubectl create serviceaccount robot -n dev
run kvmig rbac grant 'oidc:Alice B. Smith' alice@example.com system:node:n1 --group 'two words' --group ops \
	--serviceaccount dev:robot --serviceaccount dev:nobody system:serviceaccount:dev:robot -n prod
expect_status 0
is '["User/bob","User/oidc:Alice B. Smith","User/alice@example.com","User/system:node:n1","ServiceAccount/devrobot","Group/two words","Group/ops","ServiceAccount/devnobody"]' \
	"$(subjects prod kvmigrate)"
expect_stderr_has "service account 'dev:nobody' does not exist (yet)"
expect_stderr_lacks "'dev:robot' does not exist"
expect 'all proven' test "$(grep -c '9 of 9' "$out")" = 7
may yes 'oidc:Alice B. Smith' create $VMIM prod
may yes system:serviceaccount:dev:robot create $VMIM prod
is yes "$(kubectl auth can-i create $VMIM -n prod --as nobody --as-group 'two words' 2>/dev/null)"
run kvmig rbac grant system:authenticated --group system:masters --group system:authenticated -n dev --dry-run
expect_stderr_has "user 'system:authenticated': a group has that name, and no user: say --group"
expect_stderr_has "group 'system:authenticated': that is everybody who can log in"
expect_stderr_has "group 'system:masters': its members may do everything already"

test_case 'grant: bad input'
run kvmig rbac grant -n prod
expect_status 2
expect_stderr_has 'it is not said whom'
run kvmig rbac grant bob
expect_status 2
expect_stderr_has 'it is not said in which namespace'
run kvmig rbac grant bob -n prod --cluster
expect_status 2
run kvmig rbac grant bob -n Prod
expect_status 2
run kvmig rbac grant '' -n prod
expect_status 2
expect_stderr_has 'an argument (USER) is empty'
run kvmig rbac grant --group '' -n prod
expect_status 2
run kvmig rbac grant --serviceaccount robot -n prod
expect_status 2
expect_stderr_has "service account 'robot' is not NAMESPACE:NAME"
run kvmig rbac grant "$(printf 'a\nb')" -n prod
expect_status 2
run kvmig rbac grant bob -n prod --name a/b
expect_status 2
run kvmig rbac grant bob -n prod --read-only
expect_status 7

test_case 'grant: no such namespace, also in a dry run'
for dry in '' --dry-run --dry-run=server; do
	# shellcheck disable=SC2086 # a word or none
	run kvmig rbac grant bob -n nowhere $dry
	expect_status 1
	expect_stderr_has "no namespace"
done

test_case 'grant: a binding of that name that gives another role'
bed_kubectl create rolebinding other -n prod --clusterrole=view --user=carol
run kvmig rbac grant bob -n prod --name other
expect_status 3
expect_stderr_has "RoleBinding 'prod/other' gives ClusterRole 'view', not ClusterRole 'kubevirt.io:migrate'"
expect_stderr_has 'cannot be changed'
expect_stderr_has '--name other-migrate'
is '["User/carol"]' "$(subjects prod other)"
run kvmig rbac grant carol -n prod --name other-migrate
expect_status 0
run kvmig rbac revoke carol -n prod --name other
expect_status 3

test_case 'grant: of several namespaces one fails: the others are done, and it is said which'
run kvmig rbac grant dave -n dev -n nowhere -n test
expect_status 4
expect_stderr_has "no namespace 'nowhere'"
expect 'two rows' test "$(grep -c '9 of 9' "$out")" = 2
may yes dave create $VMIM test

test_case 'grant: for the whole cluster'
run kvmig rbac grant --group migrators --cluster
expect_status 0
expect 'the row' grep -qE "^\(all\) +group 'migrators' +kvmigrate +made +9 of 9 +SubjectAccessReview$" "$out"
run as alice kubectl auth can-i create $VMIM -A
expect_stdout_has yes

# ---- who may grant ----

test_case 'grant: nobody gives away what he has not, in plain words'
run as nsadmin kvmig rbac grant erin -n prod
expect_status 7
expect_stderr_has "you may not grant kubevirt.io:migrate in namespace 'prod'"
expect_stderr_has 'lets nobody give away a right that he does not have'
expect_stderr_has "rbac grant -n prod erin'"
expect_stderr_has '--verb=bind'
may no erin create $VMIM prod
# the server names all groups of his before it comes to what is wrong
# shellcheck disable=SC2046 # words
bed_user sociable $(seq -f 'a-group-whose-name-has-some-length-%03g' 40)
bed_kubectl create rolebinding sociable -n prod --clusterrole=admin --user=sociable
run as sociable kvmig rbac grant erin -n prod
expect_status 7
expect_stderr_has "you may not grant kubevirt.io:migrate in namespace 'prod'"
expect_stderr_has "rbac grant -n prod erin'"
run as poor kvmig rbac grant erin -n prod
expect_status 7
expect_stderr_has 'User "poor" cannot get resource "rolebindings"'
expect_stderr_has 'a cluster admin can:'

test_case 'grant: who has the right himself may give it, and asks for the proof in his own namespace'
run kvmig rbac grant nsadmin -n prod
run as nsadmin kvmig rbac grant erin -n prod
expect_status 0
expect 'the row' grep -qE "user 'erin' +kvmigrate +extended +9 of 9 +LocalSubjectAccessReview$" "$out"
may yes erin create $VMIM prod

test_case 'grant: who may ask for no proof gets what follows from what he may read'
run as granter kvmig rbac grant frank -n prod
expect_status 0
expect_stderr_has 'cannot be proven'
expect 'the row' grep -qE "user 'frank' +kvmigrate +extended +0 of 9 +evaluation$" "$out"
bed_kubectl create clusterrole see-roles --verb=get,list --resource=roles,rolebindings,clusterroles,clusterrolebindings
bed_kubectl create clusterrolebinding see-roles --clusterrole=see-roles --user=granter
run as granter kvmig rbac grant grace -n prod
expect_status 0
expect_stderr_lacks 'cannot be proven'
expect 'the row' grep -qE "user 'grace' +kvmigrate +extended +9 of 9 +evaluation$" "$out"

# ---- at the same time, and in the middle ----

test_case 'grant: many admins at once, and nobody is lost'
for i in 1 2 3 4 5 6; do
	kvmig rbac grant "crowd-$i" -n test --name crowd >"crowd-$i.out" 2>&1 &
	crowd="${crowd:-} $!"
done
for pid in $crowd; do
	wait "$pid" || complain "one of them failed: $(cat crowd-*.out)"
done
is 6 "$(kubectl get rolebinding -n test crowd -o json | jq '.subjects | length')"

test_case 'grant and revoke at once: the last one out does not take the newcomer along'
for round in 1 2 3; do
	kvmig rbac grant "old-$round" -n test --name door >/dev/null 2>&1
	kvmig rbac revoke "old-$round" -n test --name door >/dev/null 2>&1 &
	crowd=$!
	kvmig rbac grant "new-$round" -n test --name door >door.out 2>&1 || complain "$(cat door.out)"
	wait $crowd
	is "[\"User/new-$round\"]" "$(subjects test door)"
	kvmig rbac revoke "new-$round" -n test --name door >/dev/null 2>&1
done

test_case 'grant: broken off in the middle, and once more: ends right'
bed_proxy slow
bed_kubeconfig admin slow.kubeconfig "https://$(cat "$bed/slow.address")"
bed_rules slow '[{"method": "POST", "path": "/namespaces/test/rolebindings", "delay": 60}]'
kvmig rbac grant hank -n dev -n test --name cut --kubeconfig slow.kubeconfig >/dev/null 2>&1 &
crowd=$!
wait_for kubectl get rolebinding -n dev cut
kill -9 $crowd
wait $crowd 2>/dev/null
run kvmig rbac grant hank -n dev -n test --name cut
expect_status 0
for ns in dev test; do
	is '["User/hank"]' "$(subjects $ns cut)"
	may yes hank create $VMIM $ns
done

# ---- revoke ----

test_case 'revoke: out of every binding of the role, and proven'
bed_kubectl create rolebinding by-hand -n prod --clusterrole=kubevirt.io:migrate --user=bob
run kvmig rbac revoke bob -n prod --dry-run --read-only
expect_status 0
expect_stderr_has "binding 'by-hand' in namespace 'prod' emptied: 1 subject less (dry run)"
is '["User/bob"]' "$(subjects prod by-hand)"
run kvmig rbac revoke bob -n prod --dry-run=server --read-only
expect_status 0
run kvmig rbac revoke bob -n prod
expect_status 0
expect_stderr_has "binding 'kvmigrate' in namespace 'prod' shortened: 1 subject less"
expect_stderr_has "binding 'by-hand' in namespace 'prod' emptied"
expect_stderr_has '--prune deletes it'
expect_stderr_has "user 'bob' may not migrate in namespace 'prod' any more (LocalSubjectAccessReview)"
bed_rbac_settles # of reading, which other roles give too, kvmig waits for nothing
may no bob create $VMIM prod
may yes bob list virtualmachineinstances.kubevirt.io prod
is '[]' "$(subjects prod by-hand)"
run kvmig rbac revoke bob -n prod --prune --with-view
expect_status 0
run kubectl get rolebinding -n prod by-hand
expect_status 1
run kubectl get rolebinding -n prod kvmigrate-view
expect_status 1
may no bob list virtualmachineinstances.kubevirt.io prod

test_case 'revoke: who is in none is no error'
run kvmig rbac revoke bob -n prod
expect_status 0
expect_stderr_has "nothing to take out in namespace 'prod'"

test_case 'revoke: an empty binding of ours goes'
run kvmig rbac revoke carol -n prod
expect_status 0
expect_stderr_has "binding 'other-migrate' in namespace 'prod' deleted"
run kubectl get rolebinding -n prod other-migrate
expect_status 1

test_case 'revoke: the right that remains, and by which way'
bed_kubectl create clusterrole mine --verb='*' --resource=$VMIM
bed_kubectl create clusterrolebinding mine --clusterrole=mine --user=dave
run kvmig rbac revoke dave -n test
expect_status 4
expect_stderr_has "user 'dave' may still create $VMIM in namespace 'test', by ClusterRoleBinding mine -> ClusterRole mine"
run kvmig rbac revoke --group migrators --cluster
expect_status 0
expect_stderr_has "group 'migrators' may not migrate in all namespaces at once any more (SubjectAccessReview)"
expect_stderr_has "no binding in a namespace lets group 'migrators' migrate there"
run kvmig rbac revoke --serviceaccount dev:robot -n prod
expect_status 0
expect 'named in the old way' test -z "$(subjects prod kvmigrate | grep robot)"

test_case 'revoke --cluster: the right that remains in namespaces, and by which way'
run kvmig rbac grant vera --cluster
expect_status 0
run kvmig rbac grant vera -n dev --name vera
expect_status 0
bed_kubectl create rolebinding vera-mine -n test --clusterrole=mine --user=vera
bed_kubectl create rolebinding vera-views -n prod --clusterrole=view --user=vera
run kvmig rbac revoke vera --cluster
expect_status 4
expect_stderr_has "user 'vera' may not migrate in all namespaces at once any more (SubjectAccessReview)"
expect_stderr_has "user 'vera' may still create $VMIM in namespace 'dev', by RoleBinding dev/vera -> ClusterRole kubevirt.io:migrate"
expect_stderr_has "user 'vera' may still create $VMIM in namespace 'test', by RoleBinding test/vera-mine -> ClusterRole mine"
expect_stderr_has "rbac revoke -n NAMESPACE vera' takes them out of those of kubevirt.io:migrate"
expect_stderr_lacks vera-views
may yes vera create $VMIM dev
# by a group that every service account is in
bed_kubectl create rolebinding accounts -n dev --clusterrole=mine --group=system:serviceaccounts:dev
run kvmig rbac revoke --serviceaccount dev:robot --cluster
expect_status 4
expect_stderr_has "service account 'dev:robot' may still create $VMIM in namespace 'dev', by RoleBinding dev/accounts"
expect_stderr_lacks 'rbac revoke -n'
bed_kubectl delete rolebinding accounts -n dev
# who may not read them is told that this is not known
bed_user wide
bed_kubectl create clusterrole wide --verb=get,list,update --resource=clusterrolebindings,clusterroles,roles
bed_kubectl create clusterrole reviews --verb=create --resource=subjectaccessreviews
bed_kubectl create clusterrolebinding wide --clusterrole=wide --user=wide
bed_kubectl create clusterrolebinding reviews --clusterrole=reviews --user=wide
run as wide kvmig rbac revoke vera --cluster
expect_stderr_has "whether a binding in a namespace lets user 'vera' migrate there cannot be told: you may not list rolebindings"
expect_stderr_lacks 'no binding in a namespace'
run kvmig rbac revoke vera -n dev
expect_status 0
bed_kubectl delete rolebinding vera-mine -n test
run kvmig rbac revoke vera --cluster
expect_status 0
expect_stderr_has "no binding in a namespace lets user 'vera' migrate there"

test_case 'a service account that stands in a RoleBinding without its namespace'
cat >short.yaml <<END
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: short, namespace: dev}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: kubevirt.io:migrate}
subjects: [{kind: ServiceAccount, name: robot}, {kind: ServiceAccount, name: robot, namespace: test}]
END
bed_kubectl create -f short.yaml
bed_rbac_settles
may yes system:serviceaccount:dev:robot create $VMIM dev
run kvmig rbac grant --serviceaccount dev:robot -n dev --name short
expect_status 0
expect_stderr_has "nothing to change in namespace 'dev'"
is '["ServiceAccount/robot","ServiceAccount/testrobot"]' "$(subjects dev short)"
run kvmig rbac revoke --serviceaccount dev:robot -n dev
expect_status 0
expect_stderr_has "binding 'short' in namespace 'dev' shortened: 1 subject less"
is '["ServiceAccount/testrobot"]' "$(subjects dev short)"
may no system:serviceaccount:dev:robot create $VMIM dev

test_case 'revoke: nobody writes a binding of what he has not, in plain words, and is not told to grant it'
kvmig rbac grant ann ben -n dev --name shared >/dev/null 2>&1
bed_kubectl create rolebinding nsadmin -n dev --clusterrole=admin --user=nsadmin
run as nsadmin kvmig rbac revoke ann -n dev
expect_status 7
expect_stderr_has "you may not take them out of RoleBinding 'dev/shared'"
expect_stderr_has "a cluster admin can: 'kvmig --context kube/bed rbac revoke -n dev ann'"
expect_stderr_lacks 'rbac grant'
is '["User/ann","User/ben"]' "$(subjects dev shared)"
for name in '' '--name shared'; do
	# shellcheck disable=SC2086 # words
	run as poor kvmig rbac revoke ann -n dev $name
	expect_status 7
	expect_stderr_has 'User "poor" cannot'
	expect_stderr_has "rbac revoke -n dev ann'"
	expect_stderr_lacks 'rbac grant'
done
# the last ones out: the server lets him delete what he could not write
run as nsadmin kvmig rbac revoke ann ben -n dev
expect_status 0
expect_stderr_has "binding 'shared' in namespace 'dev' deleted"
may no ann create $VMIM dev

test_case 'revoke: no such namespace, also in a dry run; of several the others are done, and it is said which'
for dry in '' --dry-run --dry-run=server; do
	# shellcheck disable=SC2086 # a word or none
	run kvmig rbac revoke bob -n nowhere $dry
	expect_status 1
	expect_stderr_has "no namespace 'nowhere'"
	expect_stderr_lacks 'nothing to take out'
done
kvmig rbac grant zoe -n dev -n test --name half >/dev/null 2>&1
run kvmig rbac revoke zoe -n dev -n nowhere -n test
expect_status 4
expect_stderr_has "no namespace 'nowhere'"
may no zoe create $VMIM dev
may no zoe create $VMIM test

test_case 'revoke: Ctrl-C in the middle, and once more: ends right'
kvmig rbac grant ivy jon -n dev -n test --name cut-off >/dev/null 2>&1
bed_rules slow '[{"method": "PUT", "path": "/namespaces/test/rolebindings", "delay": 60}]'
kvmig rbac revoke ivy -n dev -n test --kubeconfig slow.kubeconfig >/dev/null 2>&1 &
crowd=$!
out_of_dev() {
	[ "$(subjects dev cut-off)" = '["User/jon"]' ]
}
wait_for out_of_dev
kill -INT $crowd || kill -TERM $crowd
kill -TERM $crowd 2>/dev/null # a shell's background job ignores the former
wait $crowd 2>/dev/null
may yes ivy create $VMIM test
run kvmig rbac revoke ivy -n dev -n test
expect_status 0
for ns in dev test; do
	is '["User/jon"]' "$(subjects $ns cut-off)"
	may no ivy create $VMIM $ns
done

# ---- no role, no server ----

test_case 'before KubeVirt 1.5: the role is missing, and can be bound before it is there'
bed_kubectl delete clusterrole kubevirt.io:migrate
run as nsadmin kvmig rbac grant ian -n dev --name early
expect_status 7
expect_stderr_has 'you may not bind what does not exist'
# no further attempt changes that
is 1 "$(bed_requests '.user.username == "nsadmin" and .verb == "create" and .objectRef.resource == "rolebindings" and
	.objectRef.namespace == "dev" and .responseStatus == null' | wc -l)"
run kvmig rbac grant ian -n dev --name early
expect_status 0
expect_stderr_has "there is no ClusterRole 'kubevirt.io:migrate' here"
expect_stderr_has 'lets whoever is admin or edit in a namespace migrate'
expect 'the row' grep -qE "user 'ian' +early +made +0 of 9" "$out"
bed_kubectl apply -f "$top_srcdir/tests/kube/manifests/bed/kubevirt-roles.yaml"
wait_for kubectl auth can-i create $VMIM -n dev --as ian
may yes ian create $VMIM dev

test_case 'the server is down'
bed_stop_server
for command in 'grant bob -n prod' 'revoke bob -n prod' 'list' 'who-can' 'check' 'preserve start' 'preserve status' \
	'preserve keep bob' 'preserve finish' 'preserve abort' 'aggregate on' 'aggregate off' 'aggregate status'; do
	# shellcheck disable=SC2086 # words
	run kvmig rbac $command --request-timeout 2s
	expect "$command: $status" test "$status" -eq 5
	expect_no_stdout
	expect_stderr_has 'cannot reach'
done

done_testing
