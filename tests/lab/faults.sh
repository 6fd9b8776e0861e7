#!/bin/sh
# Bad luck on real daemons and guests: daemons killed and standing still, QEMU killed, the network cut, the controller
# killed at every step of its journal, the store out of order. After each: what kvmig says (exit status, one line that
# names the object and the reason, a hint) and, asked of the hosts, where the guest is: once, never twice, never nowhere.
#
# Most of the time goes by waiting (libvirt's keepalive gives a peer up after 30 s), so that accidents happen on pairs of
# nodes of their own, many at once, and several labs are up side by side.
#
# FAULTS names the labs to run; all of them where it is not set.
# shellcheck disable=SC2317 # functions are called through check
# shellcheck source=tests/lab/lib.sh
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/faults-lib.sh"
KVMIG_CONTEXT=lab
export KVMIG_CONTEXT

# ---- killed ----

kill_all() {
	for part in n1-daemon n4-daemon n9-daemon n12-daemon; do
		kill -KILL "$(part_pid "$part")" || return 1
	done
	kill -KILL "$(qemu_pid n8 qemukill)"
}

# The source's daemon calls its hook once Confirm has stopped the guest, and before its definition is removed: Finish is
# done, the target runs it, and a daemon that starts now finds the definition. Hooks are looked for when a daemon starts.
kill_in_confirm() { # NODE [armed]
	if [ "${2:-}" = armed ]; then
		touch "$LAB/$1/kill-in-confirm"
		return
	fi
	mkdir -p "$LAB/$1/etc/hooks"
	cat >"$LAB/$1/etc/hooks/qemu" <<END
#!/bin/sh
cat >/dev/null
if [ "\$2" = stopped ] && [ -e $LAB/$1/kill-in-confirm ]; then
	mv $LAB/$1/kill-in-confirm $LAB/$1/killed-in-confirm
	kill -KILL \$PPID
fi
END
	chmod 700 "$LAB/$1/etc/hooks/qemu"
	kill_part "$1-daemon" && kvmig lab up -q --nodes 1 >/dev/null
}

# They write faster than they may copy: whatever the accident takes, no copy is complete before it.
busy() { # USER VM…
	user=$1
	shift
	for vm; do
		check "$user: $vm is busy" kvmig lab vm load -q "$vm" --dirty-rate 4Mi --working-set 16Mi
	done
}

killed() { # USER
	lab_begin "$1"
	check "$1: a lab of twelve nodes" lab_start 12 --vms 0
	slow_settings 1Mi
	check "$1: guests" guests srckill:n1 tgtkill:n3 between:n5 qemukill:n7 gone:n9 nowhere:n11
	lab_is_root && check "$1: a daemon that dies in Confirm" kill_in_confirm n5
	check "$1: autostart" node_virsh n1 autostart srckill
	check "$1: autostart" node_virsh n5 autostart between
	busy "$1" srckill tgtkill qemukill
	move srckill n2
	move tgtkill n4
	move qemukill n8
	for vm in srckill tgtkill qemukill; do
		check "$1: $vm is being copied" until_copying $vm
	done
	if lab_is_root; then
		kvmig config set -q bandwidthPerMigration=4Mi
		check "$1: a daemon that will die in Confirm" kill_in_confirm n5 armed
		move between n6
		check "$1: between is being copied" until_copying between
	fi
	check_not "$1: while it is under way, autostart is off" has_autostart n1 srckill
	check "$1: the daemons of n1, n4, n9, n12 are killed, and a QEMU" kill_all

	# The target's QEMU is dead: the source's sees its stream break and the guest never stopped. It stays.
	check "$1: QEMU of the target killed: exit 1, libvirt's words, a hint" \
		fails qemukill 1 "KVMIG-FAIL-LIBVIRT" "'n7'" "'n8'"
	check "$1: the guest stays" stayed qemukill n7

	# A host that cannot be asked is not taken for one that has nothing: it is undecided until it is back.
	check "$1: source's daemon dead: undecided" until_alarm srckill KVMIG-ALARM-UNDECIDED
	check "$1: no second attempt meanwhile" refused_in_flight srckill
	check "$1: target's daemon dead: undecided" until_alarm tgtkill KVMIG-ALARM-UNDECIDED
	cancel_later tgtkill
	check "$1: source unreachable at the start" unreachable_source gone n9
	check "$1: target unreachable at the start" unreachable_target nowhere n12
	# Finish is done: the target has it, and that is where it stays. n5 will find a definition of it.
	if lab_is_root; then
		check "$1: n5's daemon died in Confirm" until_file "$LAB/n5/killed-in-confirm"
		check "$1: while it is dead, the guest runs on the target" wait_state n6 between running
	fi

	check "$1: the daemons start again" kvmig lab up -q --nodes 12
	# libvirt, coming back, finds an outgoing job in its copying phase and ends it: the guest stays on the source.
	check "$1: source's daemon killed midway: exit 1, a hint" fails srckill 1 KVMIG-FAIL-HOST-UNREACHABLE \
		"node 'n1' could not be asked"
	check "$1: the guest stays on the source" stayed srckill n1
	check "$1: autostart is where it was" has_autostart n1 srckill
	# The source was told by its broken connection; the target, coming back, ends what was coming in.
	check "$1: target's daemon killed midway: exit 1, a hint" fails tgtkill 1 "node 'n4' could not be asked"
	check "$1: who cancelled it meanwhile is told that it has ended" cancelled_later tgtkill
	check "$1: the guest stays on the source" stayed tgtkill n3
	if lab_is_root; then
		check "$1: source's daemon killed before it confirmed: moved" moved between
		check "$1: and it runs on the target alone" once between n5
		check "$1: autostart went along" has_autostart n6 between
		check "$1: the definition that is left on the source would not boot" left_definition_sleeps n5 between
		check "$1: nothing was lost" whole between
	fi
	check "$1: the node that was unreachable takes part again" works_again gone n10
	check "$1: history has them all" history_counts "$(lab_is_root && echo 5 || echo 4)"
	check "$1: no warning of GLib, no finding of a sanitizer" log_is_clean
	lab_end
}

# ---- standing still ----

stand_still() { # SIGNAL PART…
	signal=$1
	shift
	for part; do
		kill "-$signal" "$(part_pid "$part")" || return 1
	done
}

link_of() { # NODE up|down
	nsenter -t "$(part_pid "$1-holder")" -n ip link set eth0 "$2"
}

still() { # USER
	lab_begin "$1"
	check "$1: a lab of fourteen nodes" lab_start 14 --vms 0
	check "$1: guests" guests src40:n1 tgt40:n3 src10:n5 tgt10:n7 twice:n9 cut:n11 blink:n13
	slow_settings 1Mi
	busy "$1" src40 tgt40
	move src40 n2
	move tgt40 n4
	for vm in src40 tgt40; do
		check "$1: $vm is being copied" until_copying $vm
	done
	# longer than a slow machine needs until the daemons are stopped, shorter than libvirt's keepalive
	kvmig config set -q bandwidthPerMigration=2Mi
	move src10 n6
	move tgt10 n8
	move twice n10
	for vm in src10 tgt10 twice; do
		check "$1: $vm is being copied" until_copying $vm
	done
	check "$1: daemons of both sides are stopped" \
		stand_still STOP n1-daemon n4-daemon n5-daemon n8-daemon n10-daemon
	stopped=$(date +%s)
	sleep_until $((stopped + 10))
	check "$1: some of the daemons go on" stand_still CONT n5-daemon n8-daemon
	if lab_is_root; then
		# long enough under way to be cut also where commands take seconds; a timeout that a machine which is busy for
		# some seconds does not reach, and libvirt's keepalive neither
		kvmig config set -q progressTimeout=15 bandwidthPerMigration=1Mi
		move cut n12
		check "$1: cut is being copied" until_copying cut
		check "$1: the links are cut" link_of n11 down
		kvmig config unset -q progressTimeout
		kvmig config set -q bandwidthPerMigration=2Mi
		move blink n14
		check "$1: blink is being copied" until_copying blink
		check "$1: the links are cut" link_of n13 down
		sleep 2
		check "$1: one of them heals" link_of n13 up
	fi

	# Shorter than any keepalive: nobody noticed but the copy, which took longer.
	check "$1: source's daemon stood 10 s: moved" moved src10
	check "$1: the guest runs on the target alone" settled_on src10 n6
	check "$1: target's daemon stood 10 s: moved" moved tgt10
	check "$1: the guest runs on the target alone" settled_on tgt10 n8
	if lab_is_root; then
		# TCP repairs it; no deadline had passed.
		check "$1: network gone for 2 s: moved" moved blink
		check "$1: the guest runs on the target alone" settled_on blink n14
		# Nothing got through for progressTimeout: cancelled. The guest never stopped.
		check "$1: network gone: exit 1, progressTimeout, a hint" \
			fails cut 1 KVMIG-FAIL-PROGRESS-TIMEOUT "'cut'"
		check "$1: the guest stays" stayed cut n11
		check "$1: the link is back" link_of n11 up
	fi

	# Past the 30 s of libvirt's keepalive: the daemons have given each other up.
	check "$1: source's daemon stands: undecided" until_alarm src40 KVMIG-ALARM-UNDECIDED
	check "$1: cancelling cannot reach it, and says so" cancel_times_out src40
	sleep_until $((stopped + 38))
	check "$1: the other daemons go on" stand_still CONT n1-daemon n4-daemon n10-daemon
	# The target threw away what had come in; the source, awake, finds the connection gone and keeps its guest.
	check "$1: source's daemon stood 38 s: exit 1, a hint" fails src40 1 "'src40'"
	check "$1: the guest stays" stayed src40 n1
	check "$1: target's daemon stood 38 s while copying: exit 1, a hint" fails tgt40 1 "'tgt40'"
	check "$1: the guest stays" stayed tgt40 n3
	# Here the copy was complete when the target stood: libvirt's source gave up waiting for Finish and ran on, and the
	# target, awake, either sees first that the source is gone, and throws its copy away; or it carries out the Finish
	# that it still had, and runs its copy too: that one began second, so it is suspended (not destroyed), and a
	# person is told.
	check "$1: target's daemon stood 38 s after the copy: exit 1, a hint" fails twice 1 "'n9'" "'n10'"
	check "$1: one copy runs" once twice n9
	check "$1: it is the source's" wait_state n9 twice running
	if state_is n10 twice paused >/dev/null; then
		check "$1: two copies ran: an alarm, and the command" says "$LAB_TOP/twice.err" twice \
			KVMIG-ALARM-TWO-RUNNING "destroy"
		check "$1: no new attempt before a person has decided" refused_duplicate twice
		check "$1: a person does" node_virsh n10 destroy twice
		node_virsh n10 undefine twice >/dev/null 2>&1 # Finish had stored its definition, or not
		# Both copies wrote to it; what counts is how the one that stays goes on.
		: >"$LAB/vm/twice.beat"
	fi
	check "$1: the guest stays" stayed twice n9
	check "$1: and can be migrated again" works_again twice n10
	check "$1: no warning of GLib, no finding of a sanitizer" log_is_clean
	lab_end
}

# ---- the controller ----

# Dies at that step of its journal; the next one, started by the next command, takes over. Where it died before the command
# had seen it, that says so.
dies_at() { # STEP VM
	step=$1 vm=$2
	as_lab_user env KVMIG_TEST_KILL_AT_STEP="$step" "$KVMIG" migrate "$vm" -q -o name \
		>"$LAB_TOP/$vm.out" 2>"$LAB_TOP/$vm.err" ||
		equal "$?: $(grep -o KVMIG-PEND-NO-CONTROLLER "$LAB_TOP/$vm.err" | head -n 1)" '1: KVMIG-PEND-NO-CONTROLLER' || {
		cat "$LAB_TOP/$vm.err"
		return 1
	}
	sed 's,.*/,,' "$LAB_TOP/$vm.out" >"$LAB_TOP/migration"
}

died_at() { # STEP
	equal "$(kvmig get vmim "$(cat "$LAB_TOP/migration")" -o json | jq -r .status.kvmig.step)" "$1"
}

until_controller_dead() {
	until_true 60 controller_is_dead
}

controller_is_dead() {
	pid=$(controller_pid)
	[ -z "$pid" ] || ! kill -0 "$pid" 2>/dev/null
}

# Those of this lab, by their environment: one that has only just been started is not in its lock yet.
controllers() {
	for process in /proc/[0-9]*; do
		case $(tr '\0' ' ' <"$process/cmdline") in *kvmig*' controller '*) ;; *) continue ;; esac
		grep -qsz "^XDG_STATE_HOME=$LAB_TOP/s\$" "$process/environ" && echo "${process#/proc/}"
	done 2>/dev/null
}

# Not only its lock emptied, which it does first: a command that comes then takes it for one that runs.
stop_controller() {
	for pid in $(controllers); do
		kill -TERM "$pid" 2>/dev/null
		until_true 60 process_is_gone "$pid" || return 1
	done
}

takes_over() { # STEP VM PHASE: ends so
	from=$(domain_place "$2")
	stop_controller
	dies_at "$1" "$2" && until_controller_dead && died_at "$1" && follow "$3"
}

# On a slow machine another command may have been faster with a controller of its own, which has no orders to die.
will_die_at() { # STEP
	for _ in $(seq 10); do
		leader=$(controller_pid)
		[ -n "$leader" ] && grep -qsz "^KVMIG_TEST_KILL_AT_STEP=$1\$" "/proc/$leader/environ" && return 0
		stop_controller
		as_lab_user env KVMIG_TEST_KILL_AT_STEP="$1" "$KVMIG" status >/dev/null 2>&1
		sleep 0.2
	done
	echo "no controller that dies at $1"
	return 1
}

# Who watches and who cancels have no controller that is to die, and either may be the one that starts the next: what is
# waited for is the end of the one that was told to die, not that there is none.
dies_cancelling() { # VM: "status -w" goes on beside, see watched
	stop_controller
	dies_at cancelling "$1" && until_copying "$1" && will_die_at cancelling || return 1
	(
		kvmig status -w "$(cat "$LAB_TOP/migration")" >"$LAB_TOP/watch.out" 2>"$LAB_TOP/watch.err"
		echo $? >"$LAB_TOP/watch.status"
	) >/dev/null 2>&1 &
	until_true 60 grep -q . "$LAB_TOP/watch.out" "$LAB_TOP/watch.err" && kvmig cancel -q --no-wait "$1" &&
		until_true 60 process_is_gone "$leader"
}

watched() { # STATUS
	if until_true 120 test -s "$LAB_TOP/watch.status" && equal "$(cat "$LAB_TOP/watch.status")" "$1"; then
		return 0
	fi
	cat "$LAB_TOP/watch.out" "$LAB_TOP/watch.err"
	return 1
}

dies_undecided() { # VM TARGET
	stop_controller
	dies_at undecided "$1" && until_copying "$1" && will_die_at undecided && kill_part "$2-daemon" &&
		until_controller_dead
}

follow() { # PHASE
	migration=$(cat "$LAB_TOP/migration")
	kvmig status -w "$migration" >"$LAB_TOP/follow" 2>&1
	equal "$(kvmig status "$migration" -o json | jq -r .phase)" "$1" || {
		cat "$LAB_TOP/follow"
		return 1
	}
}

controller() { # USER
	lab_begin "$1"
	check "$1: a lab of two nodes" lab_start 2 --vms 0
	check "$1: guests" guests vm1:n1 vm2:n1
	check "$1: autostart" node_virsh n1 autostart vm1
	kvmig config set -q completionTimeoutPerGiB=3000
	# The journal says that it was to be handed over, and the source has no job: it is not handed over a second time.
	check "$1: controller killed at handed-over: the next one ends it" takes_over handed-over vm1 Failed
	check "$1: with a reason and a hint" says "$LAB_TOP/follow" vm1 KVMIG-FAIL-CONTROLLER-LOST
	check "$1: killed at handed-over: the guest stays" stayed vm1 n1
	check "$1: killed at handed-over: autostart is back" has_autostart n1 vm1
	for step in clearing-autostart setting-autostart 'done' running; do
		# it has to be seen running
		[ $step != running ] || kvmig config set -q bandwidthPerMigration=8Mi
		to=$(other_node "$(domain_place vm1)")
		# Whatever had been begun is gone on with, and never begun a second time.
		check "$1: controller killed at $step: the next one ends it" takes_over $step vm1 Succeeded
		check "$1: killed at $step: the guest runs on the target alone" assert_only_on vm1 "$to"
		check "$1: killed at $step: autostart is there" has_autostart "$to" vm1
	done
	slow_settings 1Mi
	busy "$1" vm2
	check "$1: controller killed at cancelling" dies_cancelling vm2
	check "$1: the next one goes on cancelling" watched 1
	check "$1: and says so" says "$LAB_TOP/watch.err" vm2 KVMIG-FAIL-CANCELLED
	check "$1: the guest stays" stayed vm2 n1
	check "$1: controller killed at undecided, with the target's daemon" dies_undecided vm2 n2
	check "$1: the daemon starts again" kvmig lab up -q --nodes 2
	check "$1: the next one decides" follow Failed
	check "$1: and says so" says "$LAB_TOP/follow" vm2 "'n2'"
	check "$1: the guest stays" stayed vm2 n1
	check "$1: nothing was lost" whole vm1
	check "$1: one record each" history_counts 7
	store "$1"
	check "$1: no warning of GLib, no finding of a sanitizer" log_is_clean
	lab_end
}

# ---- the store ----

store_db() {
	echo "$LAB_TOP/s/kvmig/local/lab.db"
}

# In a mount namespace of its own, with the state folder remounted so: nothing of that is seen outside.
remounted() { # MOUNTING-COMMANDS KVMIG-WORDS…: "$S" is the state folder, "$C" a copy of it
	mounting=$1
	shift
	# shellcheck disable=SC2016 # is expanded there
	as_lab_user unshare -m sh -c 'S=$1 C=$2 && eval "$3" || exit 99; shift 3; exec "$@"' sh \
		"$LAB_TOP/s" "$LAB_TOP/copy" "$mounting" "$KVMIG" "$@"
}

# No command changes anything, each says what is wrong with which file, and the file stays as it is.
refuses_store() { # WORDS…
	before=$(cksum "$(store_db)")
	for command in 'vm list' 'migrate vm1' 'status vm1' 'cancel vm1' 'config set progressTimeout=20'; do
		# shellcheck disable=SC2086 # words
		expect 1 kvmig $command || return 1
		for word in "'$(store_db)'" 'hint: ' "$@"; do
			contains "$(cat "$LAB_TOP/expect.err")" "$word" || return 1
		done
	done
	equal "$(cksum "$(store_db)")" "$before"
}

with_store() { # WHAT-TO-DO WORDS…: "$S" is the database
	cp -a "$LAB_TOP/copy/." "$LAB_TOP/s/"
	# shellcheck disable=SC2016 # is expanded there
	as_lab_user sh -c 'S=$1 && sqlite3 "$S" "PRAGMA wal_checkpoint(truncate)" && rm -f "$S"-* && eval "$2"' sh \
		"$(store_db)" "$1" || return 1
	shift
	refuses_store "$@"
}

locked_store() {
	mkfifo "$LAB_TOP/unlock"
	{
		echo 'BEGIN IMMEDIATE; SELECT 1;'
		cat "$LAB_TOP/unlock"
	} | sqlite3 "$(store_db)" >"$LAB_TOP/locked" &
	until_true 60 test -s "$LAB_TOP/locked" && expect 6 kvmig config set progressTimeout=20
	result=$?
	: >"$LAB_TOP/unlock"
	[ $result -eq 0 ] && contains "$(cat "$LAB_TOP/expect.err")" "'$(store_db)'" &&
		contains "$(cat "$LAB_TOP/expect.err")" 'hint: '
}

read_only_store() {
	# shellcheck disable=SC2016 # is expanded there
	ro='mount --bind "$S" "$S" && mount -o remount,ro,bind "$S"'
	# Looking works, with what was known; changing does not.
	expect 0 remounted "$ro" vm list && contains "$(cat "$LAB_TOP/expect.out")" vm1 &&
		expect 7 remounted "$ro" migrate vm1 && contains "$(cat "$LAB_TOP/expect.err")" read-only &&
		contains "$(cat "$LAB_TOP/expect.err")" 'hint: '
}

full_disk() {
	# what was written to the store depends on how long all before took
	size=$(($(du -sk "$LAB_TOP/copy" | cut -f 1) + 256))
	full="mount -t tmpfs -o size=${size}k none \"\$S\" && cp -a \"\$C/.\" \"\$S/\" &&
		{ dd if=/dev/zero \"of=\$S/fill\" bs=4k || :; } 2>/dev/null"
	expect 1 remounted "$full" migrate vm1 && contains "$(cat "$LAB_TOP/expect.err")" 'No space left' &&
		contains "$(cat "$LAB_TOP/expect.err")" 'hint: '
}

store() { # USER
	place=$(domain_place vm1)
	stop_controller
	check "$1: state is kept" cp -a "$LAB_TOP/s/." "$LAB_TOP/copy"
	lab_is_root && check "$1: store on a read-only file system" read_only_store
	lab_is_root && check "$1: store on a full disk" full_disk
	# shellcheck disable=SC2016 # is expanded there
	{
		check "$1: store that is none" with_store 'echo garbage >"$S"' 'not a kvmig store'
		check "$1: store of another program" \
			with_store 'rm "$S" && sqlite3 "$S" "CREATE TABLE t(x); PRAGMA application_id=77"' 'not a kvmig store'
		check "$1: store of a newer kvmig" with_store 'sqlite3 "$S" "PRAGMA user_version=999"' 'newer kvmig'
		check "$1: store cut short" with_store 'truncate -s 6000 "$S"' 'cut short'
	}
	rm -rf "$LAB_TOP/s/kvmig"
	cp -a "$LAB_TOP/copy/." "$LAB_TOP/s/"
	check "$1: store that somebody locks" locked_store
	check "$1: the guest heard nothing of it" stayed vm1 "$place"
	check "$1: with its store again, kvmig goes on" works_again vm1 "$(other_node "$place")"
}

# ---- ----

# Two labs at a time: more would only slow each other down.
one_after_the_other() { # LAB:USER…
	for lab; do
		case " ${FAULTS:-still killed controller} " in
		*" ${lab%:*} "*) "${lab%:*}" "${lab#*:}" ;;
		esac
	done
}

if [ "$(id -u)" -eq 0 ]; then
	in_background first one_after_the_other still:root controller:nobody
	in_background second one_after_the_other killed:root controller:root killed:nobody
else
	in_background first one_after_the_other "still:$(id -un)"
	in_background second one_after_the_other "killed:$(id -un)" "controller:$(id -un)"
fi
gather_all
done_testing
