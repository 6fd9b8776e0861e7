#!/bin/sh
# kubectl edit and kvmig edit with the same editors on the same objects of a real API server: how they end, and what
# is stored then, is the same. Then where kvmig means to differ, and policy edit.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/kube/lib.sh"
bed_up
bed_kubevirt 1.9
SHELL=/bin/sh
export SHELL
unset EDITOR KUBE_EDITOR

policy() { # NAME
	cat <<-END
		apiVersion: migrations.kubevirt.io/v1alpha1
		kind: MigrationPolicy
		metadata: {name: $1, labels: {team: a}}
		spec: {selectors: {virtualMachineInstanceSelector: {tier: gold}}, completionTimeoutPerGiB: 100}
	END
}

# An editor: $n is the how-manieth opening, $1 the file, `to N` sets the setting, `other JSON` is somebody else's change.
editor() { # SCRIPT
	cat >"$work/bin/ed1" <<-END
		#!/bin/sh
		n=\$((\$(cat "$work/turn" 2>/dev/null || echo 0) + 1))
		echo \$n >"$work/turn"
		cp "\$1" "$work/seen.\$n"
		file=\$1
		to() { sed -i "s/^\\( *completionTimeoutPerGiB: \\).*/\\1\$1/" "\$file"; }
		other() { KUBECONFIG=$bed/admin.kubeconfig kubectl patch migrationpolicy p --type merge -p "\$1" >/dev/null; }
		$1
	END
	chmod +x "$work/bin/ed1"
	rm -f "$work/turn" "$work"/seen.*
}

stored() {
	KUBECONFIG=$bed/admin.kubeconfig kubectl get migrationpolicy p -o json 2>/dev/null |
		jq -c '[.spec, .metadata.labels, .metadata.annotations, .status]'
}

# What matters of how it ended: whether it did, how often the editor ran, whether a file was left, what is stored.
outcome() { # PROGRAM
	policy p >p.yaml
	bed_kubectl replace --force -f p.yaml
	rm -rf "${TMPDIR:?}"/* turn
	run as "${editor_as:-admin}" env EDITOR=ed1 "$1" edit migrationpolicies.migrations.kubevirt.io p
	echo "$([ "$status" -eq 0 ] && echo ended || echo failed) $(cat turn) $(find "$TMPDIR" -type f | wc -l) $(stored)"
}

same() { # TEXT EDITOR-SCRIPT
	test_case "as kubectl: $1"
	editor "$2"
	outcome kubectl >kubectl.outcome
	outcome kvmig >kvmig.outcome
	cmp -s kubectl.outcome kvmig.outcome || {
		complain "kubectl: $(cat kubectl.outcome)"
		complain "kvmig:   $(cat kvmig.outcome)"
		show
	}
}

same 'nothing is changed' ':'
same 'saved as it was' 'touch "$1"'
same 'only a remark is new' 'sed -i "s/^spec:/# a remark\nspec:/" "$1"'
same 'a value' 'to 200'
same 'a label more, one less' 'sed -i "s/^    team: a/    color: red/" "$1"'
same 'a map goes' 'sed -i "/^    virtualMachineInstanceSelector:/,/^      tier:/d; s/^  selectors:/  selectors: {}/" "$1"'
same 'the editor fails' 'to 210; exit 3'
same 'no YAML, then mended' 'case $n in 1) printf "\tx: 1\n" >>"$1" ;; 2) sed -i "/^\t/d" "$1"; to 220 ;; esac'
same 'not accepted by the server, then mended' 'case $n in 1) to -5 ;; 2) to 230 ;; esac'
same 'not accepted, and left' 'case $n in 1) to -5 ;; esac'
same 'not accepted, and the change taken back' 'case $n in 1) to -5 ;; 2) to 100 ;; esac'
same 'an unknown field, then mended' 'case $n in 1) sed -i "s/^spec:/spec:\n  nope: 1/" "$1" ;; 2) sed -i /nope/d "$1"; to 240 ;; esac'
same 'others change something else meanwhile' 'other "{\"metadata\":{\"labels\":{\"team\":\"b\"}}}"; to 250'
same 'it is deleted meanwhile' "KUBECONFIG=$bed/admin.kubeconfig kubectl delete migrationpolicy p >/dev/null; to 260"
editor_as="bob"
bed_kubectl create clusterrole see --verb get,list --resource migrationpolicies.migrations.kubevirt.io
bed_kubectl create clusterrolebinding see --clusterrole see --user bob
same 'a user who may only look' 'to 270'
editor_as="admin"

test_case 'not as kubectl: others have changed the same; they are not overwritten'
editor 'case $n in 1) other "{\"spec\":{\"completionTimeoutPerGiB\":700}}"; to 300 ;; esac'
outcome kubectl >kubectl.outcome
expect 'kubectl does' grep -q '"completionTimeoutPerGiB":300' kubectl.outcome
outcome kvmig >kvmig.outcome
expect 'kvmig does not' grep -q '^failed 2 1 .*"completionTimeoutPerGiB":700' kvmig.outcome
expect_status 8
expect 'asked' grep -q '^# Somebody else has changed the same meanwhile: spec.completionTimeoutPerGiB$' seen.2

test_case 'not as kubectl, but as its remarks say: an empty file cancels'
for script in ': >"$1"' 'echo "# nothing" >"$1"'; do
	editor "$script"
	outcome kubectl >kubectl.outcome
	expect 'kubectl shows it again' grep -q '^failed 2 ' kubectl.outcome
	outcome kvmig >kvmig.outcome
	expect 'kvmig does not' grep -q '^ended 1 0 .*"completionTimeoutPerGiB":100' kvmig.outcome
	expect_stderr_has 'saved file was empty'
done

test_case 'not as kubectl: lines of the server that are taken out are no change'
editor 'sed -i "/uid:/d; /creationTimestamp:/d; /generation:/d; /resourceVersion:/d" "$1"; to 210'
outcome kubectl >kubectl.outcome
expect 'kubectl fails' grep -q '^failed 1 ' kubectl.outcome
outcome kvmig >kvmig.outcome
expect 'kvmig does not' grep -q '^ended 1 0 .*"completionTimeoutPerGiB":210' kvmig.outcome

test_case 'not as kubectl: an editor that fails and has written nothing leaves no file'
editor 'exit 3'
outcome kubectl >kubectl.outcome
expect 'kubectl' grep -q '^failed 1 1 ' kubectl.outcome
outcome kvmig >kvmig.outcome
expect 'kvmig' grep -q '^failed 1 0 ' kvmig.outcome

test_case 'not as kubectl: a change of the status alone is none, and that is said'
editor 'printf "status: {}\n" >>"$1"'
outcome kvmig >kvmig.outcome
expect_stderr_has 'changes of the status are left out'
expect_stderr_has 'no changes made'

test_case 'what was not permitted is kept, and can be applied by who may'
editor_as="bob"
editor 'to 310'
outcome kvmig >kvmig.outcome
expect_status 7
kept=$(sed -n 's/^hint: .*what was saved is kept in \([^;]*\);.*/\1/p' "$err")
run as admin kvmig apply --force-conflicts -f "$kept"
expect_status 0
expect 'applied' sh -c 'echo "$1" | grep -q "\"completionTimeoutPerGiB\":310"' sh "$(stored)"
editor_as="admin"

test_case 'policy edit'
policy p >p.yaml
bed_kubectl replace --force -f p.yaml
editor 'case $n in 1) sed -i "s/tier: gold/tier: true/" "$1" ;; 2) sed -i "s/tier: true/tier: silver/" "$1" ;; esac'
: >"$bed/audit.log"
run as admin env EDITOR=ed1 kvmig policy edit p
expect_status 0
expect 'the reason' grep -q '^# Not accepted: line [0-9]*, column [0-9]*: .*tier' seen.2
expect 'stored' sh -c 'echo "$1" | grep -q "\"tier\":\"silver\""' sh "$(stored)"
run bed_requests '.verb == "patch" and .user.username == "admin"'
expect 'what is wrong was not sent' [ "$(wc -l <"$out")" -eq 1 ]
done_testing
