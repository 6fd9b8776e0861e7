#!/bin/sh
# kvmig edit and policy edit, with editors that are scripts.
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq script
KVMIG_CONTEXT=local SHELL=/bin/sh
export KVMIG_CONTEXT SHELL
unset KUBE_EDITOR EDITOR
run kvmig node add n1 --uri "qemu+unix:///system?socket=$work/none"
printf 'apiVersion: migrations.kubevirt.io/v1alpha1\nkind: MigrationPolicy\nmetadata: {name: p}\nspec: {selectors: {}, completionTimeoutPerGiB: 100}\n' >p.yaml
kvmig apply -q -f p.yaml >/dev/null

# An editor that runs the script at each opening: $n is the how-manieth, $1 the file. `to N` sets the setting.
editor() { # script
	cat >"$work/bin/ed1" <<END
#!/bin/sh
n=\$((\$(cat "$work/turn" 2>/dev/null || echo 0) + 1))
echo \$n >"$work/turn"
cp "\$1" "$work/seen.\$n"
file=\$1
to() { sed -i "s/^\\( *completionTimeoutPerGiB: \\).*/\\1\$1/" "\$file"; }
$1
END
	chmod +x "$work/bin/ed1"
	rm -f "$work/turn" "$work"/seen.*
}
turns() { cat "$work/turn" 2>/dev/null || echo 0; }
# The last saved text that was kept, by the hint.
kept() { sed -n 's/^hint: .*what was saved is kept in \([^;]*\).*/\1/p' "$err"; }
timeout_now() { kvmig get migrationpolicy p -o json | jq -r .spec.completionTimeoutPerGiB; }
left() { ls "$TMPDIR"; }

test_case 'saved'
editor 'to 200'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 0
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/p edited
END
expect 'it is stored' test "$(timeout_now)" = 200
expect 'what the editor got' grep -q '^# Lines that begin with' seen.1
expect 'with the extension' grep -q '^apiVersion: migrations' seen.1
expect 'nothing is left' test -z "$(left)"

test_case 'private'
editor 'stat -c %a "$1" "$(dirname "$1")" >modes; case $1 in *.yaml) echo yaml >>modes ;; esac'
EDITOR=ed1 run kvmig edit migrationpolicy/p
expect 'file and folder' test "$(tr '\n' ' ' <modes)" = '600 700 yaml '

test_case 'unchanged'
expect_status 0
expect_no_stdout
expect_stderr_has 'edit cancelled, no changes made'
editor 'sed -i "s/^spec:/# a remark\nspec:/" "$1"'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 0
expect_stderr_has 'no changes made'

test_case 'empty'
editor ': >"$1"'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 0
expect_stderr_has 'saved file was empty'
editor 'echo "# only a remark" >"$1"'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_stderr_has 'saved file was empty'
expect 'still there' test "$(timeout_now)" = 200

test_case 'not accepted: again, with the reason, until it is'
editor 'case $n in 1) to -5 ;; 2) to 300 ;; esac'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 0
expect 'two turns' test "$(turns)" = 2
expect 'the reason' grep -q '^# Not accepted: .*spec.completionTimeoutPerGiB: must be at least 0' seen.2
expect 'the text is kept' grep -q 'completionTimeoutPerGiB: -5' seen.2
expect 'one header' test "$(grep -c '^# Save the text' seen.2)" = 1
expect 'stored' test "$(timeout_now)" = 300

test_case 'not YAML, and a usual mistake: told with the place that it has in what is shown'
editor 'case $n in 1) printf "\tx: 1\n" >>"$1" ;; 2) sed -i "/^\t/d" "$1"; to "400 2" ;; 3) to 400 ;; esac'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 0
expect 'the first reason' grep -q '^# Hint: line .* begins with a tab' seen.2
expect 'its line' grep -q "^# Hint: line $(grep -n "$(printf '\tx: 1')" seen.2 | cut -d: -f1) begins" seen.2
expect 'the second' grep -q '^# Hint: completionTimeoutPerGiB: probably meant: 400' seen.3
expect 'its line' grep -q "^# Not accepted: line $(grep -n 'PerGiB: 400 2' seen.3 | cut -d: -f1), column" seen.3
expect 'stored' test "$(timeout_now)" = 400

test_case 'not accepted, and given up'
editor 'case $n in 1) to -5 ;; esac'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 1
expect_stderr_has 'no valid changes were saved'
expect 'the text is kept' grep -q 'completionTimeoutPerGiB: -5' "$(kept)"
expect 'for nobody else' test "$(stat -c %a "$(kept)")" = 600
rm -rf "${TMPDIR:?}"/*

test_case 'another object'
editor 'case $n in 1) sed -i "s/name: p$/name: q/" "$1" ;; esac'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 1
expect 'the reason' grep -q 'name, namespace and uid of an object cannot be changed' seen.2
rm -rf "${TMPDIR:?}"/*

test_case 'more than one object, none'
editor 'case $n in 1) printf -- "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: x}\n" >>"$1" ;; 2) echo hello >"$1" ;; esac'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 1
expect 'two' grep -q 'the text holds 2 objects' seen.2
expect 'none' grep -q '^# Not accepted: line 7, column 1: .*no object' seen.3
rm -rf "${TMPDIR:?}"/*

test_case 'what the server writes itself'
editor 'sed -i "/uid:/d; /resourceVersion:/d; /creationTimestamp:/d; /generation:/d" "$1"'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 0
expect_stderr_has 'no changes made'
editor 'printf "status:\n  phase: Mine\n" >>"$1"'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 0
expect_stderr_has 'changes of the status are left out'
expect_stderr_has 'no changes made'
editor 'printf "status:\n  phase: Mine\n" >>"$1"; to 410'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_stderr_has 'changes of the status are left out'
run kvmig get migrationpolicy p -o json
expect_json '"\(.spec.completionTimeoutPerGiB) \(.status.phase)"' '410 null'
editor 'sed -i "s/generation: .*/generation: 4711/" "$1"'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 0
expect_stderr_has 'took none of it'
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/p unchanged
END
kvmig apply -q -f p.yaml >/dev/null
editor 'to 400'
EDITOR=ed1 run kvmig edit migrationpolicy p

test_case 'changed by somebody else meanwhile, something else: both changes'
editor 'kvmig label -q migrationpolicy p team=a >/dev/null; to 500'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 0
expect 'without a question' test "$(turns)" = 1
run kvmig get migrationpolicy p -o json
expect_json '"\(.spec.completionTimeoutPerGiB) \(.metadata.labels.team)"' '500 a'

# Somebody else sets it to 700, and team to b.
other='kvmig label -q --overwrite migrationpolicy p team=b >/dev/null; sed s/100/700/ p.yaml | kvmig apply -q -f - >/dev/null'
test_case 'the same: asked, and applied once it is saved'
editor "case \$n in 1) $other; to 600 ;; 2) touch \"\$1\" ;; esac"
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 0
expect 'told' grep -q '^# Somebody else has changed the same meanwhile: spec.completionTimeoutPerGiB$' seen.2
expect 'with both' sh -c 'grep -q "team: b" seen.2 && grep -q "PerGiB: 600" seen.2'
expect 'stored' test "$(timeout_now)" = 600

test_case 'the same: not saved is not applied'
editor "case \$n in 1) $other; to 610 ;; esac"
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 8
expect_stderr_has 'Somebody else has changed the same meanwhile'
expect 'the text is kept' grep -q 'PerGiB: 610' "$(kept)"
expect 'as the other one has it' test "$(timeout_now)" = 700
rm -rf "${TMPDIR:?}"/*
editor 'to 500'
EDITOR=ed1 run kvmig edit migrationpolicy p

test_case 'gone meanwhile: the text is kept'
printf 'apiVersion: migrations.kubevirt.io/v1alpha1\nkind: MigrationPolicy\nmetadata: {name: gone}\nspec: {selectors: {}}\n' | kvmig apply -q -f - >/dev/null
editor 'kvmig delete -q migrationpolicy gone >/dev/null; sed -i "s/selectors: {}/selectors: {}\n  allowPostCopy: true/" "$1"'
EDITOR=ed1 run kvmig edit migrationpolicy gone
expect_status 1
expect_stderr_has 'it was deleted while it was edited'
expect_stderr_lacks 'kvmig apply'
expect 'the text is kept' grep -q 'allowPostCopy: true' "$(kept)"
rm -rf "${TMPDIR:?}"/*

test_case 'another one of that name meanwhile'
kvmig apply -q -f p.yaml >/dev/null
editor 'kvmig delete -q migrationpolicy p >/dev/null; kvmig apply -q -f p.yaml >/dev/null; to 900'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 1
expect_stderr_has 'another object of that name is there now'
expect 'it is left alone' test "$(timeout_now)" = 100
expect 'the text is kept' grep -q 900 "$(kept)"
rm -rf "${TMPDIR:?}"/*
editor 'to 500'
EDITOR=ed1 run kvmig edit migrationpolicy p

test_case 'the editor fails: the text is kept, where there is a new one'
editor 'to 600; exit 3'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 1
expect_stderr_has "the editor 'ed1' failed"
expect 'the text is kept' grep -q 600 "$(kept)"
expect 'nothing was changed' test "$(timeout_now)" = 500
rm -rf "${TMPDIR:?}"/*
EDITOR=false run kvmig edit migrationpolicy p
expect_status 1
expect 'nothing is left' test -z "$(left)"
EDITOR=no-such-editor run kvmig edit migrationpolicy p
expect_status 1
expect_stderr_has "'no-such-editor' cannot be started"
expect 'nothing is left' test -z "$(left)"

test_case 'what is no text'
editor 'printf "a\0b" >"$1"'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 1
expect_stderr_has 'NUL byte'
editor 'truncate -s 17M "$1"'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 1
expect_stderr_has 'larger than 16 MiB'
editor 'rm "$1"'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 1
expect_stderr_has 'cannot read what was saved'
rm -rf "${TMPDIR:?}"/*

test_case 'what is kept can be applied'
editor 'to 510; exit 1'
EDITOR=ed1 run kvmig edit migrationpolicy p
run kvmig apply -q -f "$(kept)"
expect_status 0
expect 'sent' test "$(timeout_now)" = 510
rm -rf "${TMPDIR:?}"/*
editor 'to 500'
EDITOR=ed1 run kvmig edit migrationpolicy p

test_case 'which editor: KUBE_EDITOR, EDITOR'
KUBE_EDITOR=true EDITOR=false VISUAL=false run kvmig edit migrationpolicy p
expect_status 0
KUBE_EDITOR='' EDITOR=true VISUAL=false run kvmig edit migrationpolicy p
expect_status 0
VISUAL=true run kvmig edit migrationpolicy p
expect_status 3

test_case 'its words, and what a shell has to read'
cat >bin/ed2 <<'END'
#!/bin/sh
echo "$# $1" >args
[ -f "$2" ]
END
chmod +x bin/ed2
EDITOR=' ed2  -x ' run kvmig edit migrationpolicy p
expect_status 0
expect 'as words' test "$(cat args)" = '2 -x'
EDITOR="sed -i 's/PerGiB: 500/PerGiB: 550 /'" run kvmig edit migrationpolicy p
expect_status 0
expect 'by a shell' test "$(timeout_now)" = 550

test_case 'no terminal, and no editor named'
run kvmig edit migrationpolicy p
expect_status 3
expect_stderr_has 'there is no terminal'
expect 'nothing is left' test -z "$(left)"

test_case 'on a terminal it is vi'
editor 'to 560'
ln -s ed1 "$work/bin/vi"
run_tty 'kvmig edit migrationpolicy p'
expect_status 0
expect 'stored' test "$(timeout_now)" = 560

test_case 'Ctrl-C is the editor'"'"'s'
editor 'kill -INT $PPID; sleep 0.2; to 570'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 0
expect 'stored' test "$(timeout_now)" = 570
editor 'to 580; kill -INT $$'
EDITOR=ed1 run kvmig edit migrationpolicy p
expect_status 130
expect_stderr_has 'interrupted; nothing was changed'
expect 'the text is kept' grep -q 580 "$(kept)"
expect 'not stored' test "$(timeout_now)" = 570
rm -rf "${TMPDIR:?}"/*

test_case 'labels that kvmig reads from the hosts'
"$build/tests/cli/put-object" local <<END
apiVersion: kubevirt.io/v1
kind: VirtualMachineInstance
metadata: {name: web, labels: {kubevirt.io/nodeName: n1, app: web}}
status: {domainUUID: 11111111-2222-4333-8444-555555555555, phase: Running}
END
editor 'case $n in 1) sed -i s/nodeName:.n1/nodeName:\ n2/ "$1" ;; 2) sed -i "s/nodeName: n2/nodeName: n1/; s/app: web/app: shop/" "$1" ;; esac'
EDITOR=ed1 run kvmig edit vmi web
expect_status 0
expect 'refused' grep -q '^# Not accepted: line [0-9]*, column [0-9]*: metadata.labels\[kubevirt.io/nodeName\]: is what kvmig reads' seen.2
run kvmig get vmi web -o json
expect_json '.metadata.labels | "\(.app) \(.["kubevirt.io/nodeName"])"' 'shop n1'

test_case 'policy edit'
editor 'case $n in 1) sed -i "s/selectors: {}/selectors: {namespaceSelector: {urgent: true}}/" "$1" ;; 2) sed -i "s/urgent: true/urgent: \"true\"/; s/PerGiB: 570/PerGiB: 570\n  allowPostCopy: true/" "$1" ;; esac'
EDITOR=ed1 run kvmig policy edit p
expect_status 0
expect_stdout <<END
migrationpolicy.migrations.kubevirt.io/p edited
END
expect_stderr_has 'post-copy has no way back'
expect 'as the admission would' grep -q '^# Not accepted: line [0-9]*, column [0-9]*: spec.selectors.namespaceSelector.urgent: .*quote it' seen.2
run kvmig policy show p -o json
expect_json .spec.selectors.namespaceSelector.urgent true
editor '[ $n != 1 ] || printf "  experimental:\n    stallDetector: {ewmaAlpha: \"2\"}\n" >>"$1"'
EDITOR=ed1 run kvmig policy edit p
expect_status 1
expect_stderr_has 'spec.experimental.stallDetector.ewmaAlpha'
expect 'the text is kept' grep -q stallDetector "$(kept)"
rm -rf "${TMPDIR:?}"/*
EDITOR=true run kvmig policy edit q
expect_status 1
EDITOR=true run kvmig policy edit
expect_status 2

test_case 'what cannot be edited'
EDITOR=true run kvmig edit migrationpolicy gone
expect_status 1
EDITOR=true run kvmig edit migrationpolicy
expect_status 2
EDITOR=true run kvmig edit migrationpolicy/p migrationpolicy/q
expect_status 2
EDITOR=true run kvmig edit migrationpolicy p --read-only
expect_status 7
done_testing
