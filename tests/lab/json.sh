#!/bin/sh
# The documents of -o json have the fields that kvmig-json(7) names, no less and no more: a script may rely on them.
# Whoever renames or drops a field fails here, and so does whoever adds one without a word in the page.
# shellcheck disable=SC2016,SC2317 # $ of jq; functions are called through check
. "$(dirname "$0")/lib.sh"
KVMIG_CONTEXT=lab
export KVMIG_CONTEXT
page=$top_srcdir/man/kvmig-json.7.md

lab_begin "$(id -un)"

# The names before the ":" lines of a section.
documented() { # KIND
	awk -v kind="# $1" '/^# / { on = $0 == kind } on && /^`/' "$page" | tr ',' '\n' | tr -d '` ' | grep . | LC_ALL=C sort
}

# What scalars and lists of the documents so far are called, each with its path; indices and "items" left out.
emitted() { # KIND
	jq -r '(.items[]? // .) | del(.apiVersion, .kind) | paths(type != "object")
		| map(select(type == "string")) | join(".")
		| if startswith("addedNodeSelector.") then "addedNodeSelector" else . end' \
		"$LAB_TOP/docs/$1" | sed '/^items/d' | LC_ALL=C sort -u
}

keep() { # COMMAND…: its document, under its kind
	"$@" -o json >"$LAB_TOP/document" 2>"$LAB_TOP/err" || [ -s "$LAB_TOP/document" ] || {
		cat "$LAB_TOP/err"
		return 1
	}
	kind=$(jq -r .kind "$LAB_TOP/document")
	[ "$kind" != MigrationStatusList ] || kind=MigrationStatus
	equal "$(jq -r .apiVersion "$LAB_TOP/document")" kvmig.io/v1 && cat "$LAB_TOP/document" >>"$LAB_TOP/docs/$kind"
}

# Of a batch its own fields; those of its items are a MigrationStatus each, and the state.
batch() {
	kvmig lab vm add -q extra --node n1 --memory 32Mi && keep kvmig migrate extra vm1 nosuch --node n1 --dry-run &&
		keep kvmig migrate extra nosuch --wait || return 1
	jq '.items[] | select(.name)' "$LAB_TOP/document" >"$LAB_TOP/items"
	equal "$(jq -r .state "$LAB_TOP/items")" moved && jq 'del(.state)' "$LAB_TOP/items" >>"$LAB_TOP/docs/MigrationStatus" &&
		jq '.items = null' "$LAB_TOP/document" >"$LAB_TOP/docs/MigrationBatch" && kvmig lab vm rm -q extra
}

has_field() { # VM FILTER
	case $(kvmig status "$1" -o json | jq -r "$2") in '' | null) return 1 ;; esac
}

moved_waiting_and_cancelled() {
	keep kvmig targets vm1 --node n2 && keep kvmig migrate vm1 --dry-run && keep kvmig migrate vm1 --node n1 --dry-run &&
		keep kvmig migrate vm1 --node n2 --wait || return 1
	kvmig config set -q parallelMigrationsPerCluster=1 bandwidthPerMigration=1Mi || return 1
	kvmig policy create -q every --set allowAutoConverge=false || return 1
	kvmig lab vm load -q vm1 --dirty-rate 4Mi --working-set 16Mi && kvmig migrate -q vm1 >/dev/null || return 1
	until_true 60 has_field vm1 .progress.bandwidthBytesPerSecond && kvmig migrate -q vm2 >/dev/null &&
		until_true 60 has_field vm2 .waiting.reason || return 1
	keep kvmig status && keep kvmig status vm1 && keep kvmig status vm2 || return 1
	# Stopped behind our back it fails: unlike a cancelled one, it stays and says why.
	node_virsh n2 domjobabort vm1 && until_phase vm1 Failed || return 1
	keep kvmig status vm1 && kvmig cancel -q vm2
	kvmig config unset -q parallelMigrationsPerCluster bandwidthPerMigration
}

policies() {
	kvmig policy create -q other --vm-label tier=gold --set allowPostCopy=true 2>/dev/null || return 1
	kvmig policy create -q third --vm-label tier=gold --set allowPostCopy=true 2>/dev/null || return 1
	kvmig vm label -q vm1 tier=silver || return 1
	keep kvmig policy explain vm1 && keep kvmig policy explain vm1 --as-if tier=gold &&
		keep kvmig policy matches every && keep kvmig policy lint || return 1
	echo 'cases: [{policy: null}, {policy: none}]' >"$LAB_TOP/cases.yaml"
	keep kvmig policy test -f "$LAB_TOP/cases.yaml"
}

the_rest() {
	keep kvmig history && keep kvmig config view && keep kvmig lab status && keep kvmig version &&
		keep kvmig network check n1 n2 --probe
}

same_fields() { # KIND, fields that do not come up here
	kind=$1
	shift
	emitted "$kind" >"$LAB_TOP/emitted"
	for field; do
		echo "$field"
	done >>"$LAB_TOP/emitted"
	documented "$kind" >"$LAB_TOP/documented"
	LC_ALL=C sort -u "$LAB_TOP/emitted" | diff "$LAB_TOP/documented" -
}

mkdir "$LAB_TOP/docs"
check 'a lab' lab_start 2 --vms 2
check 'which may take its time' lab_patient
check 'migrations that succeed, wait, run and fail' moved_waiting_and_cancelled
check 'several at once' batch
check 'policies' policies
check 'records, settings, the lab, the version' the_rest
check 'MigrationStatus' same_fields MigrationStatus alarms.type alarms.reason alarms.message result.hint settings.policy
check 'MigrationVerdictList' same_fields MigrationVerdictList
check 'MigrationBatch' same_fields MigrationBatch items
check 'MigrationVerdict' same_fields MigrationVerdict
check 'TargetReport' same_fields TargetReport notes.about notes.message notes.reason targets.obstacles.missingFeatures \
	targets.obstacles.needed targets.obstacles.available targets.obstacles.missing \
	targets.obstacles.allocatable targets.obstacles.requested
check 'MigrationRecordList' same_fields MigrationRecordList settings.policy
check 'SettingList' same_fields SettingList milliseconds note
check 'PolicyExplanation' same_fields PolicyExplanation
check 'PolicyMatchList' same_fields PolicyMatchList
check 'PolicyFindingList' same_fields PolicyFindingList
check 'PolicyTestList' same_fields PolicyTestList
check 'LabStatus' same_fields LabStatus
check 'Version' same_fields Version
check 'MigrationNetwork' same_fields MigrationNetwork network namespace type interface nodes.problem findings.object.namespace \
	speeds.from speeds.to speeds.bytesPerSecond speeds.migration speeds.at findings.severity findings.reason findings.evidence \
	findings.fix findings.object.kind findings.object.name
done_testing
