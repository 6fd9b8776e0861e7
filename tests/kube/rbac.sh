#!/bin/sh
# kvmig rbac list, who-can and check on the real API server: kvmig's conclusions from roles and bindings against what the
# server itself answers, users who may read only a part, and what the documents' roles come to.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
build=${top_builddir:-$PWD}
KVMIG_MODULE_DIR=${KVMIG_MODULE_DIR:-$build/.libs}
export KVMIG_MODULE_DIR
bed_up
bed_manager
bed_kubevirt 1.9
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG
for ns in prod test r1 r2; do
	bed_kubectl create namespace $ns
done
MIGRATE=kubevirt.io:migrate
VMIM=virtualmachineinstancemigrations.kubevirt.io

# ---- equal to the server ----

test_case '1,000 random questions of random roles: equal to a SubjectAccessReview in each'
run "$build/tests/kube/rbac-random" 25 40 "${KVMIG_RBAC_SEED:-20261121}"
expect_status 0
expect "nothing differs: $(tail -n 1 "$out")" grep -qE '^1000 asked, .* 0 differ$' "$out"
# both answers, and aggregation, are among them
expect "yes is among the answers: $(cat "$out")" grep -qE ' [0-9]{3} yes, [0-9]{2,} through' "$out"

# ---- list ----

# carol: admin of prod; dave: whoever may not even look; eve: names that only look like something else.
bed_kubectl create rolebinding kvmigrate -n prod --clusterrole $MIGRATE --user alice --serviceaccount prod:robot
bed_kubectl create rolebinding admins -n prod --clusterrole admin --user carol
bed_kubectl create clusterrolebinding ops --clusterrole $MIGRATE --group 'ops team:x'
bed_kubectl create role only-delete -n test --verb delete --resource $VMIM
bed_kubectl create rolebinding cleaners -n test --role only-delete --user 'eve@example.org' --user system:serviceaccount:test:broom
bed_kubectl create rolebinding nothing -n test --role none --user eve@example.org
bed_user dave

# Of the last command: rows that are not the server's own.
ours() { # FILTER
	cp "$out" answer
	run jq -r '.items[] | select(.binding.name // "" | test("^(cluster-admin|system:)") | not) | '"$1" answer
}

test_case 'list: by namespace and binding, those of the cluster first'
run kvmig rbac list -n prod
expect_status 0
expect_no_stderr
expect_stdout <<END
NAMESPACE   BINDING         SUBJECT                     ROLE                  RIGHTS
*           cluster-admin   Group system:masters        cluster-admin         create,update,delete,migrate
*           ops             Group ops team:x            kubevirt.io:migrate   create,update,delete,migrate
prod        kvmigrate       User alice                  kubevirt.io:migrate   create,update,delete,migrate
prod        kvmigrate       ServiceAccount prod/robot   kubevirt.io:migrate   create,update,delete,migrate
END
run kvmig rbac list -n test -o name
expect_stdout <<END
clusterrolebinding.rbac.authorization.k8s.io/cluster-admin
clusterrolebinding.rbac.authorization.k8s.io/ops
END
run kvmig rbac list -A -o json
cp "$out" documents
expect_status 0
ours '"\(.namespace // "*") \(.everywhere // false) \(.subject.kind) \(.subject.namespace // "-") \(.subject.name) \(.role.kind) \(.rights | length)"'
expect_stdout <<END
* true Group - ops team:x ClusterRole 4
prod false User - alice ClusterRole 4
prod false ServiceAccount prod robot ClusterRole 4
END

test_case 'list --subject: a user, a group, a service account by either of its names'
run kvmig rbac list -A --subject alice --no-headers
expect 'one line' grep -qE '^prod +kvmigrate +User alice ' "$out"
expect 'no other' test "$(wc -l <"$out")" -eq 1
run kvmig rbac list -A --subject 'group:ops team:x' -o name
expect_stdout <<END
clusterrolebinding.rbac.authorization.k8s.io/ops
END
for subject in sa:prod:robot ServiceAccount/prod/robot system:serviceaccount:prod:robot; do
	run kvmig rbac list -A --subject $subject -o json
	expect_json '.items | map("\(.binding.kind)/\(.binding.name)") | join(" ")' RoleBinding/kvmigrate
done
run kvmig rbac list -A --subject nobody
expect_status 0
expect_stderr_has 'no binding lets them migrate'
for subject in '' sa:prod sa:prod:a:b group: ServiceAccount/prod; do
	run kvmig rbac list --subject "$subject"
	expect_status 2
	expect_no_stdout
done

test_case 'list: a group that the name alone gives'
bed_kubectl create rolebinding robots -n test --clusterrole $MIGRATE --group system:serviceaccounts:prod
run kvmig rbac list -n test --subject sa:prod:robot -o json
expect_json '.items | map(.subject.name) | join(" ")' system:serviceaccounts:prod
run kvmig rbac list -n test --subject sa:test:robot -o json
expect_json '.items | length' 0

test_case 'a role that is not there gives nothing, and its bindings are said'
kubectl get clusterrole $MIGRATE -o json | jq 'del(.metadata.resourceVersion, .metadata.uid)' >migrate.json
bed_kubectl delete clusterrole $MIGRATE
run kvmig rbac list -n prod -o json
jq '.items[]' "$out" >>documents
expect_json '.items | map(select(.roleMissing)) | map(.subject.name) | join(" ")' 'ops team:x alice robot'
run kvmig rbac list -n prod
expect_stdout_has 'none: no such role'
run kvmig rbac who-can -n prod -o name
expect_stdout_lacks alice
bed_kubectl apply -f migrate.json

test_case 'no such namespace; a namespace that is none'
for command in list who-can check; do
	run kvmig rbac $command -n nowhere
	expect_status 1
	expect_stderr_has "no namespace 'nowhere'"
	run kvmig rbac $command -n 'No Where'
	expect_status 2
done

# ---- who-can ----

# Of the last command: the same of subjects.
who() { # FILTER
	cp "$out" answer
	run jq -r '.items[] | select(.subject.name | test("^system:|-controller$|-collector$") | not) | '"$1" answer
}

test_case 'who-can: every subject with every way, aggregated roles too'
bed_kubectl create clusterrolebinding alice --clusterrole $MIGRATE --user alice
bed_kubectl label clusterrole $MIGRATE rbac.authorization.k8s.io/aggregate-to-admin=true
carol_may() {
	kubectl auth can-i create "$VMIM" -n prod --as carol
}
expect 'the controller comes to it' wait_for carol_may
run kvmig rbac who-can create -n prod -o json
expect_status 0
expect_stderr_has system:masters
jq '.items[]' "$out" >>who-can-documents
who '"\(.subject.kind) \(.subject.name): \([.paths[] | "\(.namespace // "*")/\(.binding.name)=\(.role.name)\(if .aggregatedFrom then "<-" + (.aggregatedFrom | join("<-")) else "" end)"] | join(" "))"'
expect_stdout <<END
User alice: */alice=$MIGRATE prod/kvmigrate=$MIGRATE
User carol: prod/admins=admin<-$MIGRATE
Group ops team:x: */ops=$MIGRATE
ServiceAccount robot: prod/kvmigrate=$MIGRATE
END
run kvmig rbac who-can -n prod
expect 'a line for each way' test "$(grep -cE '^User alice +create,update,delete,migrate ' "$out")" -eq 2
expect 'the role that it comes from' grep -qE "^User carol .* admin <- $MIGRATE\$" "$out"
run kvmig rbac list -n prod -o json
jq '.items[]' "$out" >>documents
bed_kubectl label clusterrole $MIGRATE rbac.authorization.k8s.io/aggregate-to-admin-
bed_kubectl delete clusterrolebinding alice
carol_may_not() {
	! carol_may
}
expect 'the controller comes to it' wait_for carol_may_not

test_case 'who-can VERB: only that; a service account that is bound as a user'
run kvmig rbac who-can delete -n test -o json
who '"\(.subject.kind) \(.subject.namespace // "-") \(.subject.name) \(.rights | join(","))"'
expect_stdout <<END
User - eve@example.org delete
Group - ops team:x delete
ServiceAccount test broom delete
END
run kvmig rbac who-can patch -n test -o name
expect_stdout_lacks eve
expect_stdout_has 'Group/ops team:x'
run kvmig rbac who-can migrate -A -o name
expect_stdout_has ServiceAccount/prod/robot
run kvmig rbac who-can creat
expect_status 2
expect_stderr_has "did you mean 'create'?"
run kvmig rbac who-can delete --node-drain
expect_status 2

test_case 'who-can is who kubectl says'
for verb in create delete; do
	run kvmig rbac who-can $verb -n prod -o name
	for user in alice carol bob eve@example.org system:serviceaccount:prod:robot system:serviceaccount:test:broom; do
		case $user in
		system:serviceaccount:*) id=ServiceAccount/$(echo "${user#system:serviceaccount:}" | tr : /) ;;
		*) id=User/$user ;;
		esac
		says=no
		! grep -qxF "$id" "$out" || says=yes
		expect "$verb by $user" test "$says" = "$(kubectl auth can-i $verb $VMIM -n prod --as "$user" 2>/dev/null)"
	done
done

test_case 'who-can --node-drain: cordoning is not of a namespace, evicting is'
bed_kubectl create role evict -n prod --verb create --resource pods/eviction
bed_kubectl create clusterrole cordon --verb patch --resource nodes
bed_kubectl create rolebinding evict -n prod --role evict --user dana
bed_kubectl create rolebinding cordon -n prod --clusterrole cordon --user dana
bed_kubectl create clusterrolebinding cordon --clusterrole cordon --user dan
run kvmig rbac who-can --node-drain -n prod -o json
who '"\(.subject.name) \(.rights | join(","))"'
expect_stdout <<END
carol evict
dan cordon
dana evict
END

# ---- who may read only a part ----

test_case 'the admin of a namespace: what ClusterRoles give is asked of the server'
run as carol kvmig rbac list -n prod -o json
expect_status 4
expect_stderr_has 'you may not list clusterroles, clusterrolebindings'
jq '.items[]' "$out" >>documents
ours '"\(.subject.name) \(.binding.name) \(.asked) \(.rights | join(","))"'
expect_stdout <<END
alice kvmigrate LocalSubjectAccessReview create,update,delete,migrate
robot kvmigrate LocalSubjectAccessReview create,update,delete,migrate
END
run as carol kvmig rbac who-can -n prod
expect_status 4
expect_stderr_has 'you may not list clusterroles, clusterrolebindings'
expect_stderr_has 'was asked of the API server'
expect_stderr_lacks 'no binding'
expect 'alice' grep -qE "^User alice +create,update,delete,migrate +prod +kvmigrate +$MIGRATE\$" "$out"
expect 'the admins may not' test "$(grep -c '^User carol' "$out")" -eq 0
run as carol kvmig rbac who-can delete -n prod -o json
jq '.items[]' "$out" >>who-can-documents
who '"\(.subject.kind) \(.subject.name) \(.rights | join(",")) \([.paths[] | "\(.binding.name) \(.asked) \(.roleUnread)"] | join(" "))"'
expect_stdout <<END
User alice delete kvmigrate LocalSubjectAccessReview true
ServiceAccount robot delete kvmigrate LocalSubjectAccessReview true
END
run as carol kvmig rbac who-can --node-drain -n prod -o name
expect_stdout <<END
User/dana
User/carol
END
# who may read bindings, and neither roles nor ask: what they come to is not known
bed_user clerk
bed_kubectl create role clerk -n prod --verb list --resource rolebindings.rbac.authorization.k8s.io
bed_kubectl create rolebinding clerk -n prod --role clerk --user clerk
run as clerk kvmig rbac who-can -n prod
expect_status 4
expect 'alice' grep -qE '^User alice +\(unknown\) +prod +kvmigrate ' "$out"
expect_stderr_lacks 'was asked'
bed_kubectl create rolebinding clerk -n test --role clerk --user clerk
bed_kubectl create role clerk -n test --verb list --resource rolebindings.rbac.authorization.k8s.io
run as clerk kvmig rbac who-can patch -n test
expect_status 4
expect_stderr_lacks 'no binding gives anybody'

test_case 'who may read nothing: 7, and what he may do himself'
run as alice kvmig rbac who-can -n prod
expect_status 7
expect_no_stdout
expect_stderr_has 'you yourself can do there: create, update, delete, migrate;'
run as dave kvmig rbac list -n prod
expect_status 7
expect_stderr_has 'you yourself can do there: nothing of it;'

# ---- every command that is refused ----

cat >refused.yaml <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {name: m1, namespace: prod}
spec: {vmiName: web}
END

# WHO can give what WHERE, by which command: each on a line, tried as somebody who may do nothing.
test_case 'what a command was refused: the right, where, who can give it, and how'
bed_user stranger
admin_of_ns='an admin of the namespace or the cluster can give stranger the right to'
cluster_admin='a cluster admin can give stranger the right to'
granter='a cluster admin, or who may bind kubevirt.io:migrate, can give stranger the right to'
while IFS='|' read -r command who what how; do
	# shellcheck disable=SC2086 # words
	run as stranger kvmig $command
	expect "status of $command: $status" test "$status" -eq 7
	case $who in
	granter) expect_stderr_has "$granter $what" ;;
	namespace) expect_stderr_has "$admin_of_ns $what" ;;
	cluster) expect_stderr_has "$cluster_admin $what" ;;
	esac
	expect_stderr_has "$how"
done <<END
get vmim -n prod|namespace|list $VMIM in namespace prod|--clusterrole=kubevirt.io:view --user=stranger -n prod'
get nodes|cluster|list nodes in the cluster|kubectl create clusterrole NAME --verb=list --resource=nodes
apply -f refused.yaml|granter|patch $VMIM in namespace prod|rbac grant stranger -n prod'
create -f refused.yaml|granter|create $VMIM in namespace prod|rbac grant stranger -n prod'
delete vmim m1 -n prod|granter|delete $VMIM in namespace prod|rbac grant stranger -n prod'
edit vmim m1 -n prod|namespace|get $VMIM in namespace prod|--clusterrole=kubevirt.io:view --user=stranger -n prod'
label vmi web a=b -n prod|namespace|get virtualmachineinstances.kubevirt.io in namespace prod|--user=stranger -n prod'
vm list -n prod|namespace|list virtualmachineinstances.kubevirt.io in namespace prod|--user=stranger -n prod'
migrate web -n prod|namespace|list $VMIM in namespace prod|--user=stranger -n prod'
cancel web -n prod|namespace|list $VMIM in namespace prod|--user=stranger -n prod'
status -n prod|namespace|list $VMIM in namespace prod|--user=stranger -n prod'
check web -n prod|namespace|get virtualmachineinstances.kubevirt.io in namespace prod|--user=stranger -n prod'
config set progressTimeout=100|cluster|patch kubevirts.kubevirt.io in namespace kubevirt|--user=stranger -n kubevirt'
policy create p --vm-label a=b|cluster|create migrationpolicies.migrations.kubevirt.io in the cluster|--user=stranger'
policy list|cluster|list migrationpolicies.migrations.kubevirt.io in the cluster|--clusterrole=kubevirt.io:view --user=stranger'
END
run as stranger kvmig check web -n prod
expect_stderr_lacks 'nothing stands against it'

# ---- check ----

allowed() { # COMMAND
	jq -r --arg command "$1" '.items[] | select(.command == $command).allowed' "$out"
}

test_case 'check: what an admin, a migrator and somebody else may'
run kvmig rbac check -n prod -o json
expect_status 0
expect_json '[.items[].allowed] | unique | join(" ")' yes
expect_json '[.items[].missing[]] | length' 0
run as alice kvmig rbac check -n prod -o json
expect_status 0
cp "$out" check-documents
expect 'cancelling' test "$(allowed cancel)" = yes
expect 'migrating: she does not see VMs' test "$(allowed migrate)" = no
expect 'policies' test "$(allowed 'policy create')" = no
expect_json '.items[] | select(.command == "migrate") | .missing | map("\(.verb) \(.resource) \(.without // "")") | join("; ")' \
	'get virtualmachineinstances ; list nodes whether any node can take the VM is not told; list resourcequotas whether quotas have room for a second pod is not told'
expect_json '[.items[].asked] | unique | join(" ")' SelfSubjectAccessReview
run as dave kvmig rbac check cancel -n prod
expect_status 1
expect_stdout_has "get,list,delete $VMIM"
expect_stderr_has 'rbac grant dave -n prod'
run as alice kvmig rbac check cancel -n prod
expect_status 0

granted() { # COMMAND
	# shellcheck disable=SC2086 # words
	as dave kvmig rbac check $1 -n prod
}

test_case 'check: the grants that it names give what is missing'
for command in migrate 'policy create' 'config set' 'vm label' 'node list' 'rbac grant'; do
	# shellcheck disable=SC2086 # words
	run as dave kvmig rbac check $command -n prod -o json
	expect_status 1
	jq -r '.items[].missing[] | select(.without | not).grant' "$out" | sort -u >grants
	expect 'there are some' test -s grants
	i=0
	while IFS= read -r grant; do
		i=$((i + 1))
		name=check-$(echo "$command" | tr ' ' -)-$i
		expect "$grant" sh -c "{ $(echo "$grant" | sed "s/NAME/$name/g"); } >>granted 2>&1"
	done <grants
	expect "$command" wait_for granted "$command"
done

test_case 'check --as: by whichever way is open to who asks'
as_whom() { # WAY USER: who asks
	run as "$2" kvmig rbac check cancel -n prod --as alice -o json
	expect_status 0
	expect_json '.items[0] | "\(.allowed) \(.asked)"' "yes $1"
	run as "$2" kvmig rbac check cancel -n prod --as frank -o json
	expect_status 1
	expect_json '.items[0] | "\(.allowed) \(.asked)"' "no $1"
}
bed_user impersonator
bed_user reader
bed_kubectl create clusterrole impersonator --verb impersonate --resource users,groups
bed_kubectl create clusterrolebinding impersonator --clusterrole impersonator --user impersonator
bed_kubectl create clusterrole reader --verb list --resource roles.rbac.authorization.k8s.io,clusterroles.rbac.authorization.k8s.io \
	--resource rolebindings.rbac.authorization.k8s.io,clusterrolebindings.rbac.authorization.k8s.io
bed_kubectl create clusterrolebinding reader --clusterrole reader --user reader
as_whom SubjectAccessReview admin
as_whom impersonation impersonator
as_whom LocalSubjectAccessReview carol
as_whom evaluation reader
run as bob kvmig rbac check cancel -n prod --as alice
expect_status 1
expect_stdout_has unknown
expect_stderr_has 'nor read all the roles and bindings'
run kvmig rbac check cancel -n prod --as frank --as-group 'ops team:x' -o json
expect_json '.items[0].allowed' yes
run kvmig rbac check cancel -n prod --as system:serviceaccount:prod:robot -o json
expect_json '.items[0].allowed' yes

test_case 'check: what kubectl says'
for user in alice carol dave; do
	for right in 'get virtualmachineinstances.kubevirt.io' "create $VMIM" 'list nodes'; do
		run as $user kvmig rbac check migrate -n prod -o json
		says=yes
		# shellcheck disable=SC2086 # words
		set -- $right
		! jq -e --arg verb "$1" --arg resource "${2%%.*}" '.items[0].missing[] | select(.verb == $verb and .resource == $resource)' "$out" \
			>/dev/null || says=no
		# shellcheck disable=SC2086
		expect "$right by $user" test $says = "$(as $user kubectl auth can-i $right -n prod 2>/dev/null)"
	done
done

test_case 'check of what is no command'
run kvmig rbac check migrat
expect_status 2
expect_stderr_has "did you mean 'migrate'?"
run kvmig rbac check get
expect_status 2

# ---- documents and examples ----

test_case 'documents have the fields of kvmig-json(7)'
jq -s '{kind: "MigrateBindingList", items: map(.items // [.] | .[])}' documents >document
expect_documented MigrateBindingList document
jq -s '{kind: "MigrateSubjectList", items: .}' who-can-documents >document
expect_documented MigrateSubjectList document
expect_documented CommandPermissionList check-documents missing.subresource missing.unknown

test_case 'the examples of the manual page'
kvmig --introspect-cli | jq -r '.commands[] | select(.name == "rbac").commands[] | select(.name | IN("list", "who-can", "check")).examples[]' >examples
expect 'there are some' test "$(wc -l <examples)" -ge 7
while IFS= read -r line; do
	run sh -c "$line"
	case $line in
	*' --as alice '*) expect_status 1 ;;
	*) expect_status 0 ;;
	esac
done <examples

done_testing
