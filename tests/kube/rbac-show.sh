#!/bin/sh
# The documents' procedures from start to end, on the real API server and controller manager (aggregation really happens
# there): who may migrate before, over and after the upgrade that takes it from admins of namespaces. At each step each
# user, with credentials of his own, really creates and deletes a migration, or is refused; and kubectl's word is the same.
# The upgrade itself is a change of KubeVirt's roles by the test, and proves nothing about KubeVirt's operator.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
requires jq
bed_up
bed_manager
bed_kubevirt 1.4
KUBECONFIG=$bed/admin.kubeconfig
export KUBECONFIG
bed_kubectl create namespace prod
for user in lead nsadmin plain outsider; do
	bed_user $user
done
bed_kubectl create rolebinding lead -n prod --clusterrole=admin --user=lead
bed_kubectl create rolebinding nsadmin -n prod --clusterrole=admin --user=nsadmin
VMIM=virtualmachineinstancemigrations.kubevirt.io

# As it was before 1.5: no role to migrate, and admins have it with all the rest.
bed_kubectl delete clusterrole kubevirt.io:migrate
bed_kubectl get clusterrole kubevirt.io:admin -o json
jq '.rules += [{"apiGroups": ["kubevirt.io"], "resources": ["virtualmachineinstancemigrations"],
	"verbs": ["get", "delete", "create", "update", "patch", "list", "watch", "deletecollection"]},
	{"apiGroups": ["subresources.kubevirt.io"], "resources": ["virtualmachines/migrate"], "verbs": ["update"]}]' \
	"$bed/kubectl.out" >old.json
bed_kubectl replace -f old.json
cat >migration.yaml <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstanceMigration
metadata: {generateName: show-, namespace: prod}
spec: {vmiName: web}
END

admin_has() { # yes|no
	[ "$(kubectl auth can-i create "$VMIM" -n prod --as lead 2>/dev/null)" = "$1" ]
}
wait_for admin_has yes || bail_out 'the old roles are not in admin'

# Really, and by kubectl's word.
migrates() { # yes|no USER…
	wanted=$1
	shift
	bed_rbac_settles # kvmig has seen one answer, of one right
	for user; do
		word=$(as "$user" kubectl auth can-i create "$VMIM" -n prod 2>/dev/null)
		[ "${word%% *}" = "$wanted" ] || complain "auth can-i says '$word' of $user"
		run as "$user" kubectl create -f migration.yaml -o name
		if [ "$wanted" = no ]; then
			expect_status 1
			expect_stderr_has 'is forbidden'
			continue
		fi
		expect_status 0
		run as "$user" kubectl delete -n prod "$(cat "$out")" --wait=false
		expect_status 0
	done
}

# ---- before the upgrade ----

test_case 'before: admins of the namespace migrate, others do not'
migrates yes admin lead nsadmin
migrates no plain outsider
run kvmig rbac preserve status -o json
expect_status 0
expect_documented RbacPreserve "$out" startedAt by notRead dependents.subject.apiGroup \
	dependents.subject.kind dependents.subject.name dependents.subject.namespace dependents.namespaces \
	dependents.everywhere dependents.keep keep.apiGroup keep.kind keep.name keep.namespace
expect_json '"\(.temporaryRole) \(.realRole) \(.adminsMayMigrate)"' 'false false true'
run kvmig rbac aggregate on
expect_status 1
expect_stderr_has "there is no ClusterRole 'kubevirt.io:migrate' here: KubeVirt before 1.5"

test_case 'preserve: not begun; only for those who may, and only where there is a KubeVirt'
run kvmig rbac preserve keep lead
expect_status 1
expect_stderr_has 'rbac preserve start'
run kvmig rbac preserve finish
expect_status 0
expect_stderr_has 'nothing to do'
run as nsadmin kvmig rbac preserve start
expect_status 7
expect_stderr_has 'cluster admin'
for dry in --dry-run --dry-run=server; do
	run kvmig rbac preserve start $dry --read-only
	expect_status 0
	expect_stderr_has 'subjects may migrate today: that would be recorded in the role'
	expect_stderr_has "ClusterRole 'kubevirt.io:upgrademigrate' made (dry run)"
done
run kubectl get clusterrole kubevirt.io:upgrademigrate
expect_status 1

test_case 'preserve start: a role by hand, with the broken line, is put right; what holds is proven and recorded'
cat >broken.yaml <<END
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: kubevirt.io:upgrademigrate, labels: {rbac.authorization.k8s.io/aggregate-to-admin: "yes"}}
rules: []
END
bed_kubectl create -f broken.yaml
run kvmig rbac preserve start
expect_status 0
expect_stderr_has "its label rbac.authorization.k8s.io/aggregate-to-admin is 'yes', not 'true'; put right"
expect_stderr_has 'its rules are not the documented ones; put right'
expect_stderr_has 'subjects may migrate today: recorded'
expect_stderr_has 'of 2 admins of namespaces 2 were asked for: all of these may migrate (LocalSubjectAccessReview)'
run kubectl get clusterrole kubevirt.io:upgrademigrate -o json
expect_json '.metadata.labels["rbac.authorization.k8s.io/aggregate-to-admin"]' true
expect_json '.metadata.annotations["kvmig.io/preserve"] | fromjson | "\(.by) \([.before[].subject.name] | contains(["lead", "nsadmin"]))"' \
	'admin true'
expect 'the rules of the documents' test "$(jq -Sc .rules "$out")" = \
	"$(kubectl create --dry-run=client -o json -f "$top_srcdir/tests/kube/manifests/documents/clusterrole-upgrademigrate.yaml" | jq -Sc .rules)"
run kvmig rbac preserve start --timeout 20s
expect_status 0
expect_stderr_has 'it has been started already'

test_case 'preserve start: what was done is said once it is done, however often somebody is in between'
bed_proxy slow
bed_kubeconfig admin slow.kubeconfig "https://$(cat "$bed/slow.address")"
bed_kubectl delete clusterrole kubevirt.io:upgrademigrate
bed_kubectl create -f broken.yaml
bed_rules slow '[{"method": "PUT", "path": "upgrademigrate", "times": 3, "status": 409, "reason": "Conflict"}]'
run kvmig rbac preserve start --kubeconfig slow.kubeconfig
expect_status 0
expect 'it was tried again' test "$(bed_proxy_requests slow '.method == "PUT"' | wc -l)" -eq 4
expect 'recorded once' test "$(grep -c 'today: recorded in the role' "$err")" -eq 1
expect 'put right once' test "$(grep -c 'documented ones; put right' "$err")" -eq 1
bed_kubectl delete clusterrole kubevirt.io:upgrademigrate
bed_kubectl create -f broken.yaml
bed_rules slow '[{"method": "PUT", "path": "upgrademigrate", "status": 500}]'
run kvmig rbac preserve start --kubeconfig slow.kubeconfig
expect_status 1
expect_stderr_lacks recorded
expect_stderr_lacks 'put right'

test_case 'preserve start: cut off while it proves, and once more; two admins at once'
bed_kubectl delete clusterrole kubevirt.io:upgrademigrate
bed_rules slow '[{"method": "POST", "path": "localsubjectaccessreviews", "delay": 60}]'
kvmig rbac preserve start --kubeconfig slow.kubeconfig >/dev/null 2>&1 &
crowd=$!
wait_for kubectl get clusterrole kubevirt.io:upgrademigrate
kill -TERM $crowd
wait $crowd 2>/dev/null
run kvmig rbac preserve start
expect_status 0
expect_stderr_has 'all of these may migrate'
bed_kubectl delete clusterrole kubevirt.io:upgrademigrate
kvmig rbac preserve start >one.out 2>&1 &
crowd=$!
kvmig rbac preserve start >two.out 2>&1 || complain "$(cat two.out)"
wait $crowd || complain "$(cat one.out)"
expect 'one of them has made it' test "$(cat one.out two.out | grep -c "'kubevirt.io:upgrademigrate' made")" -eq 1
crowd=

test_case 'preserve abort: before the upgrade nobody loses by that; and once more'
run kvmig rbac preserve abort --timeout 20s
expect_status 0
expect_stderr_has 'admins of namespaces may migrate, by other roles'
migrates yes lead nsadmin
run kvmig rbac preserve start
expect_status 0
run kvmig rbac preserve finish
expect_status 3
expect_stderr_has 'KubeVirt has not been upgraded'
expect_stderr_has 'rbac preserve abort'

test_case 'granted before the role exists, and named to keep it'
run kvmig rbac grant plain -n prod
expect_status 0
expect_stderr_has 'gives nothing until the upgrade makes the role'
run kvmig rbac preserve keep lead plain
expect_status 0
expect_stderr_has '2 subjects more to keep the right'
expect_stderr_has "user 'plain' has no right to migrate that can be seen"
run kvmig rbac preserve keep lead --group nobodies --serviceaccount prod:robot
expect_stderr_has '2 subjects more'
for i in 1 2 3 4; do
	kvmig rbac preserve keep "crowd-$i" >"keep-$i.out" 2>&1 &
	crowd="${crowd:-} $!"
done
for pid in $crowd; do
	wait "$pid" || complain "$(cat keep-*.out)"
done
run kvmig rbac preserve status -o json
expect_json '.keep | length' 8
migrates no plain

# ---- over the upgrade ----

test_case 'upgraded: admins migrate still, by the temporary role, and those who were granted it'
bed_crds kubevirt-1.9
bed_kubectl apply -f "$top_srcdir/tests/kube/manifests/bed/kubevirt-roles.yaml"
bed_kubectl replace -f "$top_srcdir/tests/kube/manifests/bed/kubevirt-roles.yaml"
wait_for kubectl auth can-i create "$VMIM" -n prod --as plain
migrates yes admin lead nsadmin plain
migrates no outsider
run kvmig rbac preserve status -o json
expect_status 0
expect_json '"\(.temporaryRole) \(.aggregated) \(.realRole) \(.adminsMayMigrate)"' 'true true true true'
expect_json '.dependents | map("\(.subject.name) \(.namespaces | join(",")) \(.keep)") | join("; ")' 'lead prod true; nsadmin prod false'
expect_documented RbacPreserve "$out" notRead dependents.subject.namespace keep.namespace
run kvmig rbac preserve status -o wide
expect 'a row' grep -qE "^user 'lead' +prod +yes +kvmig rbac grant -n prod lead$" "$out"
expect_stdout_has 'is there: KubeVirt has been upgraded'

test_case 'finish: refused while one who is to keep the right would lose it, or anybody else'
run kvmig rbac preserve finish --accept-loss
expect_status 3
expect_stderr_has "user 'lead' would lose the right in prod"
expect_stderr_has 'rbac grant -n prod lead'
run kvmig rbac grant -n prod lead
expect_status 0
run kvmig rbac preserve finish
expect_status 3
expect_stderr_has "user 'nsadmin' would lose the right in prod"
expect_stderr_lacks "'lead' would lose"
expect_stderr_has '--accept-loss where that is meant'
run kvmig rbac preserve abort
expect_status 3
run kubectl get clusterrole kubevirt.io:upgrademigrate
expect_status 0
migrates yes lead nsadmin plain
run as nsadmin kvmig rbac preserve finish --accept-loss
expect_status 7

test_case 'finish: one who is to keep it has it only by a group that he is always in'
bed_kubectl create rolebinding accounts -n prod --clusterrole=admin --group=system:serviceaccounts:prod
run kvmig rbac preserve keep --serviceaccount prod:robot
expect_status 0
expect_stderr_has "service account 'prod:robot' has it by the temporary role only: "
expect_stderr_lacks 'no right to migrate'
run kvmig rbac preserve finish --accept-loss
expect_status 3
expect_stderr_has "service account 'prod:robot' would lose the right in prod"
expect_stderr_has 'rbac grant -n prod --serviceaccount prod:robot'
bed_kubectl create rolebinding accounts-migrate -n prod --clusterrole=kubevirt.io:migrate --group=system:serviceaccounts:prod
run kvmig rbac preserve keep --serviceaccount prod:robot
expect_status 0
expect_stderr_lacks robot
bed_kubectl delete rolebinding accounts -n prod

test_case 'finished: only those who were granted it migrate'
run kvmig rbac preserve finish --accept-loss --timeout 20s
expect_status 0
expect_stderr_has 'proven: 1 of those who depended on it may not migrate any more'
expect_stderr_has 'proven: 3 of those who are to keep the right have it'
migrates yes admin lead plain
migrates no nsadmin outsider
run kvmig rbac preserve finish
expect_status 0
expect_stderr_has 'nothing to do'

# ---- aggregated, and revoked ----

test_case 'aggregate: admins migrate again, and no more when it is off'
run kvmig rbac aggregate status -o json
expect_status 0
expect_documented RbacAggregation "$out" roleAggregationStrategy
expect_json '"\(.on) \(.settled) \(.adminsMayMigrate)"' 'false true false'
for dry in --dry-run --dry-run=server; do
	run kvmig rbac aggregate on "$dry" --read-only
	expect_status 0
	expect_stderr_has '(dry run)'
done
run kvmig rbac aggregate on --timeout 20s
expect_status 0
expect_stderr_has "ClusterRole 'admin' gives 9 of 9 rights"
migrates yes nsadmin lead plain
migrates no outsider
run kvmig rbac aggregate on
expect_status 0
expect_stderr_has 'the label is there already'
run kvmig rbac aggregate status
expect_status 0
expect_stdout_has 'on kubevirt.io:migrate'
bed_kubectl patch kubevirt kubevirt -n kubevirt --type merge -p '{"spec":{"configuration":{"roleAggregationStrategy":"Manual"}}}'
run kvmig rbac aggregate on
expect_stderr_has 'roleAggregationStrategy: Manual'
run kvmig rbac aggregate off --dry-run
expect_status 0
run kvmig rbac aggregate off --timeout 20s
expect_status 0
migrates no nsadmin outsider
migrates yes lead plain
run as plain kvmig rbac aggregate on
expect_status 7

test_case 'revoked: nobody migrates but the cluster admin'
run kvmig rbac revoke lead plain -n prod
expect_status 0
expect_stderr_has "binding 'kvmigrate' in namespace 'prod' deleted"
migrates no lead nsadmin plain outsider
migrates yes admin

test_case 'preserve start after the upgrade: what it does then is said'
run kvmig rbac preserve start
expect_status 0
expect_stderr_has 'KubeVirt has been upgraded already'
expect_stderr_has "rbac preserve abort --accept-loss'"
run kvmig rbac preserve abort --accept-loss --timeout 20s
expect_status 0
migrates no nsadmin

# ---- the manual pages' examples, and other clusters ----

test_case 'the examples, as they stand in the manual page'
kvmig --introspect-cli | jq -r '
	def leaves: if .commands then .commands[] | leaves else . end;
	.commands[] | select(.name == "rbac") | .commands[] | select(.name | IN("grant", "revoke", "preserve", "aggregate"))
		| leaves | .examples[]' >examples
expect 'some' test "$(wc -l <examples)" -ge 12
while read -r line; do
	run sh -c "$line"
	expect_status 0
done <examples

test_case 'a local cluster has one user'
for command in 'grant alice -n prod' 'revoke alice -n prod' 'preserve start' 'preserve status' 'preserve keep alice' \
	'preserve finish' 'preserve abort' 'aggregate on' 'aggregate off' 'aggregate status'; do
	kvmig --context local node add n1 --uri "qemu+unix:///system?socket=$work/none" >/dev/null 2>&1
	# shellcheck disable=SC2086 # words
	run kvmig --context local rbac $command
	expect_status 3
	expect_stderr_has 'is its only user'
done

done_testing
