login_umask=$(umask)
umask 077
IFS=' 	
'
# The log is kept in pieces of about this many bytes, and the newest of them stay.
PIECE=1048576
PIECES=4
# As many jobs that ended are remembered.
KEEP=100

say() {
	printf '%s\n' "$*"
}

refuse() {
	say "refused $*"
	say 'end'
	exit 0
}

over() {
	say 'end'
	exit 0
}

# Foreign text as one short line.
one_line() {
	printf '%s' "$1" | LC_ALL=C tr '\000-\037\177' '?' | cut -c 1-200
}

# Whether it has no outcome, and its runner or its program is still there.
at_work() {
	[ -d "$jobs/$1" ] && [ ! -s "$jobs/$1/outcome" ] || return 1
	if [ ! -e "$jobs/$1/runner.is" ]; then
		# It is being begun, or whoever began it was gone before its runner was.
		[ $(($(date +%s) - $(cat "$jobs/$1/begun"))) -lt 10 ]
		return
	fi
	alive "$(cat "$jobs/$1/runner.is" 2>/dev/null)" || alive "$(cat "$jobs/$1/program.is" 2>/dev/null)"
}

tell_state() {
	if [ ! -s "$jobs/$1/outcome" ]; then
		if at_work "$1"; then
			say "state running"
			return
		fi
		# Between the two looks it may have ended.
		[ -s "$jobs/$1/outcome" ] || {
			# Nobody reads that any more.
			rm -f "$jobs/$1/input"
			say 'state lost'
			return
		}
	fi
	say "state $(head -n 1 "$jobs/$1/outcome")"
}

# What a job has said of itself.
tell_marks() {
	_room=12
	for _mark in "$jobs/$1"/mark.*; do
		[ -f "$_mark" ] && [ "$_room" -gt 0 ] && read -r _when _value <"$_mark" || continue
		_room=$((_room - 1))
		say "mark ${_mark##*/mark.} $_when $_value"
	done
}

tell_job() {
	_said=$(tell_state "$1")
	say "job $1 $(cat "$jobs/$1/begun" 2>/dev/null || echo 0) ${_said#state }"
	say "label $(head -n 1 "$jobs/$1/label" 2>/dev/null)"
	say "lease $(cat "$jobs/$1/generation" 2>/dev/null || echo 0) $(cat "$jobs/$1/key" 2>/dev/null)"
	tell_marks "$1"
}

# Strikes the oldest of the jobs that ended, beyond so many. Names of jobs have no blanks.
strike_old() {
	_had=0
	(cd "$jobs" && ls -1td -- */outcome 2>/dev/null) | while read -r _old; do
		_had=$((_had + 1))
		[ "$_had" -le "$KEEP" ] || rm -rf "${jobs:?}/${_old%/outcome}"
	done
}

known() {
	[ -d "$jobs/$1" ] || {
		say "missing $1"
		over
	}
}

# begin ID KEY LIMIT LABEL SIZE PRELUDE SCRIPT WORD… : KEY may be empty, LIMIT is in seconds, 0 for none; SIZE is that of the
# input that comes with it, or empty; without a script the words are a program.
begin() {
	_id=$1
	_key=$2
	_limit=$3
	_label=$4
	_size=$5
	_prelude=$6
	_script=$7
	shift 7
	for _tool in setsid flock mkfifo stat; do
		command -v "$_tool" >/dev/null || refuse "$_tool is missing on this host"
	done
	# Before the lock: it comes as slowly as its connection does. In no file yet, which a lost connection would leave behind.
	_input=
	[ -z "$_size" ] || _input=$(cat && echo x)
	mkdir -p "$jobs" "$leases" || refuse "$base can not be written"
	lock "$base/jobs.lock" 500 || refuse "the lock $base/jobs.lock is held by somebody"
	if [ -d "$jobs/$_id" ]; then
		say "begun $(cat "$jobs/$_id/generation" 2>/dev/null || echo 0)"
		over
	fi
	# Nobody is at these who does not hold the lock.
	rm -rf "$jobs"/.*.new
	_generation=0
	if [ -n "$_key" ]; then
		_holder=$(cat "$leases/$_key/job" 2>/dev/null)
		if [ -n "$_holder" ] && at_work "$_holder"; then
			say "held $_holder $(head -n 1 "$jobs/$_holder/label" 2>/dev/null)"
			over
		fi
		_generation=$(($(cat "$leases/$_key/generation" 2>/dev/null || echo 0) + 1))
		mkdir -p "$leases/$_key" && echo "$_generation" | write_whole "$leases/$_key/generation" &&
			echo "$_id" | write_whole "$leases/$_key/job" || refuse "$leases can not be written"
	fi
	# Whole or not there: a folder without its runner would be lost from the beginning.
	_new=$jobs/.$_id.new
	mkdir "$_new" && one_line "$_label" >"$_new/label" && echo "$_key" >"$_new/key" &&
		echo "$_generation" >"$_new/generation" && date +%s >"$_new/begun" && echo "$login_umask" >"$_new/umask" &&
		printf '%s\n' "$body" >"$_new/runner" && set_aside >"$_new/room" && begin_files && mkfifo "$_new/pipe" && mv "$_new" "$jobs/$_id" || {
		rm -rf "$_new"
		refuse "$jobs can not be written"
	}
	if ! detach "$jobs/$_id/runner.is" sh "$jobs/$_id/runner" "$base" run "$_id" "$_limit" "$@"; then
		rm -rf "${jobs:?}/$_id"
		refuse "$jobs can not be written"
	fi
	unlock
	say "begun $_generation"
	strike_old
	over
}

# Room that is given up where the disk is full, for what a job says last.
set_aside() {
	dd if=/dev/zero bs=16384 count=1 2>/dev/null
}

# The script and the input of a job that is begun; a shell's own `printf` shows its words to nobody.
begin_files() {
	if [ -n "$_script" ]; then
		printf '%s\n' "$_prelude" >"$_new/prelude" && printf '%s\n' "$_script" >"$_new/script" || return 1
	fi
	if [ -n "$_size" ]; then
		printf '%s' "${_input%x}" >"$_new/input" || return 1
		[ "$(($(wc -c <"$_new/input")))" -eq "$_size" ] || {
			rm -rf "$_new"
			refuse 'the input of the job did not arrive whole'
		}
	fi
}

# Writes what the program says into pieces, each named by the place of its first byte.
keep_log() {
	_begin=0
	_had=0
	while :; do
		_piece=$job/log.$(printf '%015d' "$_begin")
		dd bs=65536 count=16 >>"$_piece" 2>/dev/null
		_has=$(stat -c %s "$_piece")
		[ "$_has" -gt "$_had" ] || break
		_had=$_has
		if [ "$_has" -ge "$PIECE" ]; then
			_begin=$((_begin + _has))
			_had=0
			_many=0
			for _old in "$job"/log.*; do _many=$((_many + 1)); done
			for _old in "$job"/log.*; do
				[ "$_many" -ge "$PIECES" ] || break
				rm -f "$_old"
				_many=$((_many - 1))
			done
		fi
	done
}

# Ends the program when its time is over.
watch_limit() {
	_until=$(($(uptime_now) + _limit * 100))
	until [ "$(uptime_now)" -ge "$_until" ]; do nap 0.2; done
	true >"$job/expired"
	stop_program 500
}

# run ID LIMIT PROGRAM… : the runner itself, in a session of its own. Its program has another, so that a signal to the
# program and all it started does not end the one who writes down how it ended.
run() {
	job=$jobs/$1
	_limit=$2
	_id=$1
	shift 2
	enroll "$job/runner.is" || exit 1
	keep_log <"$job/pipe" &
	_keeper=$!
	if [ -e "$job/script" ]; then
		_lease=$(cat "$job/key")
		set -- sh "$job/prelude" "$job" "${_lease:+$leases/$_lease}" "$@"
	fi
	_input=/dev/null
	[ ! -e "$job/input" ] || _input=$job/input
	exec 3<"$_input"
	rm -f "$job/input"
	(
		umask "$(cat "$job/umask")"
		PILOTHOUSE_JOB=$_id PILOTHOUSE_GENERATION=$(cat "$job/generation")
		export PILOTHOUSE_JOB PILOTHOUSE_GENERATION
		exec setsid "$@" <&3 3<&- >"$job/pipe" 2>&1
	) &
	_program=$!
	exec 3<&-
	identity "$_program" | write_whole "$job/program.is"
	_watch=
	if [ "$_limit" -gt 0 ]; then
		watch_limit &
		_watch=$!
	fi
	# What comes next waits for this end: it is heard at once.
	wait "$_program"
	_code=$?
	_how=ended
	[ ! -e "$job/expired" ] || _how=expired
	[ -z "$_watch" ] || kill -s KILL "$_watch" 2>/dev/null
	[ ! -e "$job/cancel" ] || _how=cancelled
	if [ "$_how" != ended ]; then
		# What it left of its session.
		kill -s KILL -- "-$_program" 2>/dev/null
	fi
	# What it said last is in the log before it has ended; what it left running may go on to write.
	_until=$(($(uptime_now) + 200))
	while identity "$_keeper" >/dev/null && [ "$(uptime_now)" -lt "$_until" ]; do
		nap 0.05
	done
	rm -f "$job/pipe" "$job/room"
	say "$_how $_code" | write_whole "$job/outcome"
}

# Asks the program's session to end, and ends it when it has not within $1 hundredths of a second.
stop_program() {
	_is=$(cat "$job/program.is" 2>/dev/null)
	alive "$_is" || return 0
	kill -s TERM -- "-${_is%% *}" 2>/dev/null
	_patience=$(($(uptime_now) + $1))
	while alive "$_is"; do
		if [ "$(uptime_now)" -ge "$_patience" ]; then
			kill -s KILL -- "-${_is%% *}" 2>/dev/null
			return 0
		fi
		nap 0.05
	done
}

# cancel ID PATIENCE
cancel() {
	known "$1"
	job=$jobs/$1
	if at_work "$1"; then
		true >"$job/cancel"
		_until=$(($(uptime_now) + 300))
		until [ -s "$job/program.is" ] || [ "$(uptime_now)" -ge "$_until" ]; do nap 0.05; done
		stop_program "$2"
		_until=$(($(uptime_now) + 500))
		while at_work "$1" && [ "$(uptime_now)" -lt "$_until" ]; do nap 0.05; done
		# Its runner was gone before: somebody has to write it down.
		if [ ! -s "$job/outcome" ] && ! at_work "$1"; then
			say 'cancelled 137' | write_whole "$job/outcome"
		fi
	fi
	tell_state "$1"
	over
}

# follow ID FROM MOST PATIENCE : where the log goes on, how far it goes, the state; then an empty line and the bytes themselves.
# Its end is waited for, for so many twentieths of a second.
follow() {
	known "$1"
	job=$jobs/$1
	_want=$2
	_most=$3
	_rounds=$4
	until [ "$_rounds" -le 0 ] || [ -s "$job/outcome" ]; do
		nap 0.05
		_rounds=$((_rounds - 1))
	done
	# The state first: what ended has said all that it says by then.
	tell_state "$1"
	tell_marks "$1"
	_from=
	for _piece in "$job"/log.*; do
		[ -f "$_piece" ] || continue
		_first=$((1${_piece##*.} - 1000000000000000))
		_next=$((_first + $(stat -c %s "$_piece")))
		if [ -z "$_from" ] && [ "$_want" -lt "$_next" ]; then
			_from=$_want
			[ "$_from" -ge "$_first" ] || _from=$_first
		fi
		_to=$_next
	done
	say "log ${_from:-${_to:-0}} ${_to:-0}"
	say 'end'
	say ''
	[ -n "$_from" ] || exit 0
	for _piece in "$job"/log.*; do
		_first=$((1${_piece##*.} - 1000000000000000))
		_next=$((_first + $(stat -c %s "$_piece")))
		[ "$_from" -lt "$_next" ] && [ "$_from" -ge "$_first" ] && [ "$_most" -gt 0 ] || continue
		_part=$((_next - _from))
		[ "$_part" -le "$_most" ] || _part=$_most
		exec 3<"$_piece" || exit 0
		# Not by a tail: busybox has one that reads all that comes before.
		dd bs=1 skip="$((_from - _first))" count=0 <&3 2>/dev/null
		head -c "$_part" <&3
		_from=$((_from + _part))
		_most=$((_most - _part))
	done
}

look() {
	known "$1"
	tell_job "$1"
	over
}

list() {
	for _job in "$jobs"/*; do
		[ -d "$_job" ] || continue
		tell_job "${_job##*/}"
	done
	over
}

forget() {
	known "$1"
	! at_work "$1" || refuse "job $1 is still at work: cancel it first"
	rm -rf "${jobs:?}/$1" || refuse "$jobs/$1 can not be removed"
	say forgotten
	over
}

base=$1
verb=$2
shift 2
[ -n "$base" ] || base=${HOME:?}/.pilothouse
jobs=$base/jobs
leases=$base/leases
[ "$verb" = run ] || say 'pilothouse-jobs 1'
case $verb in
begin | run | cancel | follow | look | list | forget) "$verb" "$@" ;;
state)
	known "$1"
	tell_state "$1"
	over
	;;
esac
