umask 077
IFS=' 	
'
HISTORY=20

# ---- words to the caller: `pilothouse-power 1`, then a word and its rest per line, then `end STATUS`

say() {
	printf '%s\n' "$*" 2>/dev/null || :
}

greet() {
	say 'pilothouse-power 1'
	say "target $target"
}

finish() {
	say "end $1"
	exit "$1"
}

# Lines of a file as words to the caller.
quote_lines() {
	LC_ALL=C tr -d '\000-\010\013-\037\177' <"$1" 2>/dev/null | sed 's/^/line /' 2>/dev/null || :
}

# ---- the log: one line per event, bounded, quoted, never in the way

# A text of anyone as one bounded printable word in quotes.
quoted() {
	printf '"%s"' "$(printf '%s' "$1" | LC_ALL=C tr -c ' !#-[]-~' '?' | cut -c 1-120)"
}

append_log() {
	_log=$LOGS/$target.log
	mkdir -p "$LOGS" 2>/dev/null
	true 2>/dev/null >>"$LOGS/.$target.lock" || return 1
	exec 8>>"$LOGS/.$target.lock"
	flock -n 8 || nap 0.1
	if [ "$(stat -c %s "$_log" 2>/dev/null || echo 0)" -ge "$LOG_BYTES" ]; then
		mv -f "$_log.2" "$_log.3" 2>/dev/null
		mv -f "$_log.1" "$_log.2" 2>/dev/null
		mv -f "$_log" "$_log.1" 2>/dev/null
	fi
	printf '%s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" >>"$_log"
	logger -t pilothouse-power -p auth.notice -- "$1"
}

# A disk that hangs must not hold up a verb.
log() {
	within 200 /dev/null "$SH" "$SELF" --log "$target" "pilothouse-power[$target] client=$client $*" || :
}

# ---- the machine

# Prints the identity of the process that is this very machine: named by its pid file, run from QEMU's program, with the
# argument `-id` and exactly this number after it.
machine_process() {
	_qpid=
	read -r _qpid 2>/dev/null <"$PIDS/$target.pid" || [ -n "$_qpid" ] || return 1
	case $_qpid in '' | *[!0-9]* | 0 | 1) return 1 ;; esac
	_was=$(identity "$_qpid") || return 1
	case $(readlink "/proc/$_qpid/exe" 2>/dev/null) in
	*/kvm | */kvm' (deleted)' | */qemu-kvm | */qemu-system-*) ;;
	*) return 1 ;;
	esac
	# Arguments line by line; a line end within one becomes something else.
	tr '\n\000' '\001\n' <"/proc/$_qpid/cmdline" 2>/dev/null | {
		_before=
		while IFS= read -r _word; do
			[ "$_before" = -id ] && [ "$_word" = "$target" ] && exit 0
			_before=$_word
		done
		exit 1
	} || return 1
	[ "$(identity "$_qpid")" = "$_was" ] || return 1
	printf '%s\n' "$_was"
}

# Prints `running`, `stopped` or `unknown WHY`; asks qm for at most $1 hundredths of a second.
machine_state() {
	within "$1" "$scratch/status" qm status "$target"
	_code=$?
	if [ "$_code" -eq 0 ]; then
		read -r _key _state _rest <"$scratch/status" || :
		if [ "${_key-}" = status: ]; then
			case ${_state-} in running | stopped)
				echo "$_state"
				return
				;;
			esac
		fi
		echo "unknown qm says: $(last_words "$scratch/status")"
	elif machine_process >/dev/null; then
		echo running
	elif [ "$_code" -eq 124 ]; then
		echo 'unknown qm does not answer, and no process of this machine is seen'
	else
		echo "unknown no process of this machine is seen, and qm says: $(last_words "$scratch/status")"
	fi
}

is_running() {
	[ "$(machine_state 300)" = running ]
}

is_stopped() {
	[ "$(machine_state 300)" = stopped ]
}

# ---- evidence: what can be told of a machine that hangs, in at most BUDGET hundredths of a second

step() {
	_title=$1
	shift
	printf '== %s\n' "$_title"
	_left=$((evidence_until - $(uptime_now)))
	[ "$_left" -le "$STEP" ] || _left=$STEP
	if [ "$_left" -le 10 ]; then
		incomplete=yes
		echo 'incomplete: no time left for it'
		return
	fi
	within "$_left" "$scratch/step" "$@"
	_code=$?
	head -c 8000 "$scratch/step" 2>/dev/null | head -n 120
	case $_code in
	0) ;;
	124)
		incomplete=yes
		echo 'incomplete: no answer in time'
		;;
	*) echo "(exit $_code)" ;;
	esac
}

monitor() {
	# shellcheck disable=SC2016 # its own arguments
	step "monitor: $1" "$SH" -c 'printf "%s\n" "$1" | qm monitor "$2"' sh "$1" "$target"
}

evidence() {
	evidence_until=$(($(uptime_now) + BUDGET))
	incomplete=
	printf 'evidence of %s at %s\n' "$target" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
	step 'status' qm status "$target" --verbose
	_machine=$(machine_process) && step 'process' head -n 60 "/proc/${_machine%% *}/status"
	[ -z "$_machine" ] || step 'waits in' cat "/proc/${_machine%% *}/wchan"
	monitor 'info status'
	monitor 'info block-jobs'
	step 'guest agent' qm guest cmd "$target" ping
	step 'configuration' qm config "$target"
	step 'pending' qm pending "$target"
	step 'host load' cat /proc/loadavg /proc/uptime
	step 'host memory' head -n 6 /proc/meminfo
	step 'host pressure' cat /proc/pressure/cpu /proc/pressure/io /proc/pressure/memory
	step 'host kernel' dmesg
	step 'host disks' cat /proc/diskstats
	echo "${incomplete:+incomplete: }end of evidence"
}

# ---- operations: one at a time, each with a folder of its own, whatever becomes of the connection

operation_state() {
	_op=$STATE/ops/$1
	if [ ! -s "$_op/outcome" ]; then
		if alive "$(cat "$_op/runner" 2>/dev/null)"; then
			echo "running $(cat "$_op/phase" 2>/dev/null || echo begun)"
			return
		fi
		# Between the two looks it may have ended.
		[ -s "$_op/outcome" ] || {
			echo lost
			return
		}
	fi
	head -n 1 "$_op/outcome"
}

newest() {
	_last=
	for _path in "$STATE"/ops/*; do
		[ -d "$_path" ] && _last=${_path##*/}
	done
	printf '%s\n' "$_last"
}

tell_operations() {
	_rows=
	for _path in "$STATE"/ops/*; do
		[ -d "$_path" ] || continue
		_id=${_path##*/}
		_begun=$(cat "$_path/begun" 2>/dev/null)
		case $_begun in '' | *[!0-9]*) _begun=0 ;; esac
		_age=$((($(uptime_now) - _begun) / 100))
		_rows="operation $_id $(cat "$_path/verb" 2>/dev/null || echo unknown) $_age $(operation_state "$_id")
$_rows"
	done
	printf '%s' "$_rows" | head -n 5
}

prune() {
	_many=0
	for _path in "$STATE"/ops/*; do _many=$((_many + 1)); done
	for _path in "$STATE"/ops/*; do
		[ "$_many" -gt "$HISTORY" ] || break
		rm -rf "$_path"
		_many=$((_many - 1))
	done
}

# The lock is held only while an operation is begun; whether one is at work its own process says.
begin() {
	if ! lock "$STATE/lock" 300; then
		log "verb=$verb refused: the lock is held"
		say 'refused another call holds the lock'
		finish 4
	fi
	_newest=$(newest)
	case $_newest in ?*)
		case $(operation_state "$_newest") in running*)
			log "verb=$verb busy with $_newest"
			say "busy $_newest"
			tell_operations
			finish 3
			;;
		esac
		;;
	esac
	_count=${_newest%%-*}
	# A number with zeros before it would be octal.
	_count=$(printf '%06d' "$((1${_count:-000000} - 1000000 + 1))")
	id=$_count-$(date -u +%Y%m%dT%H%M%SZ)
	if ! { mkdir -p "$STATE/ops/$id" && echo "$verb" >"$STATE/ops/$id/verb" &&
		uptime_now | write_whole "$STATE/ops/$id/begun"; } 2>/dev/null; then
		log "verb=$verb refused: $STATE can not be written"
		say "refused $STATE can not be written"
		finish 4
	fi
	if ! detach "$STATE/ops/$id/runner" "$SH" "$SELF" --work "$target" "$verb" "$client" "$id"; then
		rm -rf "${STATE:?}/ops/$id"
		log "verb=$verb refused: $STATE can not be written"
		say "refused $STATE can not be written"
		finish 4
	fi
	prune
	unlock
	say "begun $id"
	tell_operations
	say 'end 0'
	log "verb=$verb operation=$id begun"
	exit 0
}

phase() {
	printf '%s\n' "$*" | write_whole "$STATE/ops/$id/phase"
}

note() {
	printf '%s\n' "$*" >>"$STATE/ops/$id/log"
}

# Ends the operation: `done`, or `failed` and why.
conclude() {
	printf '%s\n' "$*" | LC_ALL=C tr -c '\n -~' '?' | cut -c 1-300 | write_whole "$STATE/ops/$id/outcome"
	log "verb=$verb operation=$id $(quoted "$*")"
	rm -rf "$scratch"
	exit 0
}

# A command of the hypervisor, with what it said in the operation's log.
command_of() {
	_limit=$1
	shift
	# What it starts is not to have our umask.
	# shellcheck disable=SC2016 # its own arguments
	within "$_limit" "$scratch/command" "$SH" -c 'umask 022; exec "$@"' sh "$@"
	_code=$?
	note "$* (exit $_code)"
	head -c 4000 "$scratch/command" >>"$STATE/ops/$id/log" 2>/dev/null
	return "$_code"
}

# A lock in the configuration belongs to a backup, a migration or a snapshot. Whoever takes it away while that is at work
# loses data, so it is never taken away here; and a machine that is locked can't be started, so it is not stopped either.
refuse_locked() {
	within 300 "$scratch/config" qm config "$target" || return 0
	_lock=$(sed -n 's/^lock: *//p' "$scratch/config" | LC_ALL=C tr -c '\n -~' '?' | head -n 1 | cut -c 1-40)
	[ -z "$_lock" ] || conclude "failed it is locked ($_lock); nothing was done: when nothing works on it any more, run: qm unlock $target"
}

# Takes its power. Waits for qm; then ends the process that was there when the operation began, and no other.
power_off() {
	phase stopping
	_was_process=$(machine_process)
	if [ -z "$_was_process" ] && is_stopped; then
		note 'it has no power already'
		return 0
	fi
	command_of 3000 qm stop "$target" || note 'qm stop failed; waiting all the same'
	phase 'waiting for its end'
	_wait=$(($(uptime_now) + WAIT))
	while [ "$(uptime_now)" -lt "$_wait" ]; do
		if [ -n "$_was_process" ]; then
			alive "$_was_process" || return 0
		elif is_stopped; then
			return 0
		fi
		nap 1
	done
	phase 'ending its process'
	_now_process=$(machine_process)
	if [ -z "$_was_process" ] || [ "$_now_process" != "$_was_process" ]; then
		note 'its process could not be verified, so none was ended'
		return 1
	fi
	kill -s KILL "${_was_process%% *}"
	note "ended process ${_was_process%% *}"
	_wait=$(($(uptime_now) + 1000))
	while alive "$_was_process"; do
		[ "$(uptime_now)" -lt "$_wait" ] || {
			note 'its process does not end: the kernel holds it'
			return 1
		}
		nap 0.2
	done
}

# Gives it power; tries again, so that one hiccup does not leave it off.
power_on() {
	_try=1
	_pause=1
	while :; do
		phase "starting (try $_try)"
		# Passing devices through to a large machine takes minutes, and nobody waits for it.
		command_of "$START" qm start "$target" && break
		_said=$(last_words "$scratch/command")
		is_running && break
		if [ "$_try" -ge "$TRIES" ]; then
			_seen=$(machine_state 1000)
			case $_seen in
			running) break ;;
			stopped) conclude "failed it is OFF: qm start failed $_try times: $_said" ;;
			*) conclude "failed qm start failed $_try times, and whether it has power is $_seen; it said: $_said" ;;
			esac
		fi
		nap "$_pause"
		_try=$((_try + 1))
		_pause=$((_pause * 2))
	done
	phase 'waiting until it runs'
	_wait=$(($(uptime_now) + 2000))
	# And still a second later: some end as soon as they have begun.
	until is_running && nap 1 && is_running; do
		[ "$(uptime_now)" -lt "$_wait" ] || conclude 'failed qm start said yes, but it is not seen running'
		nap 0.5
	done
}

work() {
	phase evidence
	evidence >"$STATE/ops/$id/evidence" 2>&1
	within 300 /dev/null cp "$STATE/ops/$id/evidence" "$LOGS/$target.evidence" || note 'the evidence is kept in /run only'
	log "verb=$verb operation=$id evidence $(last_words "$STATE/ops/$id/evidence")"
	phase 'asking for locks'
	refuse_locked
	case $verb in
	start) power_on ;;
	stop)
		power_off || conclude "failed $(last_words "$STATE/ops/$id/log")"
		;;
	reset)
		phase resetting
		command_of 3000 qm reset "$target" || conclude "failed qm reset: $(last_words "$scratch/command")"
		;;
	cycle)
		power_off || conclude "failed it was not taken off: $(last_words "$STATE/ops/$id/log")"
		power_on
		;;
	esac
	conclude 'done'
}

# ---- verbs that only look

tell_status() {
	greet
	tell_operations
	say "state $(machine_state 200)"
	_newest=$(newest)
	if [ -n "$_newest" ] && tail -n 30 "$STATE/ops/$_newest/log" >"$scratch/tail" 2>/dev/null; then
		quote_lines "$scratch/tail"
	fi
	finish 0
}

tell_evidence() {
	greet
	tell_operations
	evidence >"$scratch/evidence" 2>&1
	say "state $(machine_state 200)"
	quote_lines "$scratch/evidence"
	log "verb=forensics $(quoted "$(last_words "$scratch/evidence")")"
	finish 0
}

# ---- the door

# From the SSH server: one of the six words, letter by letter, and nothing of the environment but the caller's address.
enter() {
	verb=${SSH_ORIGINAL_COMMAND-}
	client=${SSH_CONNECTION-}
	client=${client%% *}
	case $client in '' | *[!0-9a-fA-F.:]*) client=unknown ;; esac
	case $verb in
	status | forensics | start | stop | reset | cycle) ;;
	*)
		mkdir -p "$STATE" 2>/dev/null
		log "rejected ${#verb} characters $(quoted "$verb")"
		greet
		say 'refused not one of: status forensics start stop reset cycle'
		finish 2
		;;
	esac
	exec env -i PATH="$PATH" LC_ALL=C HOME=/ "$SH" "$SELF" --verb "$target" "$verb" "$client"
}

# With an environment of our own.
serve() {
	# Not ignored: children would ignore them too. A caller who hangs up ends only the telling.
	trap : HUP PIPE
	if ! mkdir -p "$STATE/ops" 2>/dev/null; then
		greet
		say "refused $STATE can not be written"
		finish 4
	fi
	scratch=$STATE/scratch.$$
	mkdir -p "$scratch"
	trap 'rm -rf "$scratch"' EXIT
	case $verb in
	status) tell_status ;;
	forensics) tell_evidence ;;
	*)
		greet
		begin
		;;
	esac
}

for tool in setsid flock env; do
	command -v "$tool" >/dev/null || {
		say 'pilothouse-power 1'
		say "refused $tool is missing there"
		finish 5
	}
done
mode=enter
case ${1-} in --verb | --work | --log)
	mode=${1#--}
	shift
	;;
esac
target=${1-}
case $target in '' | *[!0-9]*)
	say 'pilothouse-power 1'
	say 'refused the script has to be called with the number of its machine'
	finish 5
	;;
esac
STATE=$STATES/$target
case $mode in
log) append_log "$2" ;;
enter) enter ;;
*)
	verb=$2
	client=$3
	case $mode in
	verb) serve ;;
	work)
		id=$4
		enroll "$STATE/ops/$id/runner" || exit 4
		scratch=$STATE/ops/$id/scratch
		mkdir -p "$scratch"
		work
		;;
	esac
	;;
esac
