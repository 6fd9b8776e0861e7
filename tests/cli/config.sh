#!/bin/sh
# shellcheck source=tests/cli/lib.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/cli/lib.sh"
requires jq
put() { "$build/tests/cli/put-object" local; }

test_case 'without a cluster there are no settings'
run kvmig config view
expect_status 1
expect_stderr_has 'hint: '

put </dev/null

test_case 'all settings have their defaults'
run kvmig config view -o json
expect_status 0
expect_json .apiVersion kvmig.io/v1
expect_json .kind SettingList
expect_json '[.items[] | select(.origin != "default")] | length' 0
expect_json '.items[] | select(.key == "completionTimeoutPerGiB") | .secondsPerGiB' 150
expect_json '.items[] | select(.key == "parallelMigrationsPerCluster") | .count' 5
expect_json '.items[] | select(.key == "parallelOutboundMigrationsPerNode") | .count' 2
expect_json '.items[] | select(.key == "progressTimeout") | .seconds' 150
expect_json '.items[] | select(.key == "bandwidthPerMigration") | .bytesPerSecond' 0
expect_json '.items[] | select(.key == "allowPostCopy") | .value' false

test_case 'the documented ones come first'
expect_json '[.items[0:6][].key] | sort | join(" ")' \
	'allowPostCopy bandwidthPerMigration completionTimeoutPerGiB parallelMigrationsPerCluster parallelOutboundMigrationsPerNode progressTimeout'

test_case 'unset where nothing is set'
run kvmig config unset progressTimeout
expect_status 0
expect_stderr_has 'nothing is set'

test_case 'set tells what it does'
run kvmig config set bandwidthPerMigration=64MiB/s parallelMigrationsPerCluster=3
expect_status 0
expect_no_stdout
expect_stderr_has 'context local/default'
expect_stderr_has 'parallelMigrationsPerCluster: 5 -> 3'
expect_stderr_has '67108864 bytes/s; applied as 64 MiB/s'

test_case 'what is set is in force'
run kvmig config view bandwidthPerMigration parallelMigrationsPerCluster -o json
expect_json '.items | length' 2
expect_json '.items[0].bytesPerSecond' 67108864
expect_json '.items[1].count' 3
expect_json '.items[1].origin' cluster
run kvmig config view parallelMigrationsPerCluster --no-headers
expect_status 0
expect 'key, value and origin' grep -qE '^parallelMigrationsPerCluster +3 +cluster +5' "$out"

test_case 'odd rates are rounded up to whole MiB/s'
run kvmig config set bandwidthPerMigration=100M
expect_stderr_has '100000000 bytes/s; applied as 96 MiB/s'

test_case 'unset brings the default back'
run kvmig config unset bandwidthPerMigration parallelMigrationsPerCluster
expect_status 0
expect_stderr_has 'parallelMigrationsPerCluster: 3 -> 5 (default)'
run kvmig config view parallelMigrationsPerCluster -o json
expect_json '.items[0].origin' default

test_case 'dangers are named'
run kvmig config set allowPostCopy=true disableTLS=true parallelMigrationsPerCluster=0
expect_status 0
expect_stderr_has 'post-copy has no way back'
expect_stderr_has 'allowPostCopy is stored, but has no effect on this cluster yet'
expect_stderr_lacks 'disableTLS is stored'
expect_stderr_has 'unencrypted'
expect_stderr_has 'no migration will ever start'
run kvmig config unset allowPostCopy disableTLS parallelMigrationsPerCluster

test_case 'a bad value changes nothing'
run kvmig config set progressTimeout=60 parallelMigrationsPerCluster=-1
expect_status 2
expect_stderr_has parallelMigrationsPerCluster
run kvmig config view progressTimeout -o json
expect_json '.items[0].seconds' 150

for word in bandwidthPerMigration=fast completionTimeoutPerGiB=soon allowPostCopy=maybe maxDowntimeMs=0 progressTimeout=; do
	test_case "refused: $word"
	run kvmig config set "$word"
	expect_status 2
	expect_stderr_has "${word%%=*}"
done

test_case 'unknown keys have neighbours'
run kvmig config set progresTimeout=5
expect_status 2
expect_stderr_has "did you mean 'progressTimeout'?"
run kvmig config view nonsense
expect_status 2
expect_stderr_has "there is no setting 'nonsense'"

test_case 'not KEY=VALUE'
run kvmig config set progressTimeout
expect_status 2
expect_stderr_has 'is not KEY=VALUE'

test_case '--read-only'
run kvmig config set progressTimeout=5 --read-only
expect_status 7
run kvmig config view progressTimeout -o json --read-only
expect_json '.items[0].seconds' 150

done_testing
