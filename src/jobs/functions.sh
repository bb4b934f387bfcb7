# What detached work on a Linux host is made of: names for processes that are never reused, files that are whole or not
# there, a lock that falls with its holder, commands that are not waited for longer than is good. POSIX sh; functions only.

# Prints what names the process $1 for good: its pid, its start in ticks since boot, and the boot. Fails where it is gone.
identity() {
	_pid=$1
	_stat=$(cat "/proc/$_pid/stat" 2>/dev/null) || return 1
	# The name in it stands in parentheses, and may hold blanks, parentheses and line ends itself.
	# shellcheck disable=SC2086 # these are fields
	set -- ${_stat##*') '}
	[ $# -ge 20 ] || return 1
	# It ended, and nobody has asked for its status yet.
	case $1 in [ZX]) return 1 ;; esac
	printf '%s %s %s\n' "$_pid" "${20}" "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
}

# Whether the process that [identity] named is still there.
alive() {
	[ -n "$1" ] && [ "$(identity "${1%% *}")" = "$1" ]
}

# Hundredths of a second since boot: no clock that is set moves them.
uptime_now() {
	read -r _up _ </proc/uptime && printf '%s\n' "${_up%.*}${_up#*.}"
}

nap() {
	sleep "$1" 2>/dev/null || sleep 1
}

# Writes standard input to the file $1: beside it first, then renamed over it.
write_whole() {
	cat >"$1.part" 2>/dev/null && mv -f "$1.part" "$1"
}

# Holds the lock file $1 through descriptor 9, for at most $2 hundredths of a second of waiting. It falls with this process,
# so no child that is left behind may have the descriptor.
lock() {
	_until=$(($(uptime_now) + $2))
	# A redirection of `exec` that fails would end the whole shell.
	true 2>/dev/null >>"$1" || return 1
	exec 9>>"$1"
	until flock -n 9; do
		[ "$(uptime_now)" -lt "$_until" ] || return 1
		nap 0.05
	done
}

unlock() {
	exec 9>&-
}

# Starts a worker that outlives us, our connection and our terminal: a session of its own, nothing of ours open but the lock,
# which it holds until it has enrolled itself in the file $1. Fails where it ended without that; what it did then is nothing.
detach() {
	_enrolled=$1
	shift
	setsid "$@" </dev/null >/dev/null 2>&1 &
	_worker=$!
	until [ -f "$_enrolled" ]; do
		identity "$_worker" >/dev/null || break
		nap 0.02
	done
	[ -f "$_enrolled" ]
}

# Before a worker's first act: writes who we are into the file $1, then gives up the lock that came with us.
enroll() {
	identity "$$" >"$1.part" 2>/dev/null && [ -s "$1.part" ] && mv -f "$1.part" "$1" 2>/dev/null && [ -f "$1" ] || return 1
	unlock
}

# Runs a command for at most $1 hundredths of a second with its output in the file $2, and gives its status; 124 when it was
# ended for being late. What can't be ended, because the kernel holds it, is left behind and not waited for.
within() {
	_late=$(($(uptime_now) + $1))
	_out=$2
	shift 2
	setsid "$@" </dev/null >"$_out" 2>&1 9>&- &
	_step=$!
	_rounds=0
	# Its link costs no process to look at. That of another login's program can't be seen, and a zombie has none.
	while [ -e "/proc/$_step/exe" ] || identity "$_step" >/dev/null; do
		read -r _up _ </proc/uptime
		if [ "${_up%.*}${_up#*.}" -ge "$_late" ]; then
			kill -s KILL -- "-$_step" 2>/dev/null || kill -s KILL "$_step" 2>/dev/null
			return 124
		fi
		# What comes back soon is not slept over; what does not is not asked for all the time.
		_rounds=$((_rounds + 1))
		if [ "$_rounds" -lt 30 ]; then nap 0.005; elif [ "$_rounds" -lt 50 ]; then nap 0.02; else nap 0.1; fi
	done
	wait "$_step"
}

# Prints the last line of the file $1 that says anything, printable and short.
last_words() {
	tail -c 2000 "$1" 2>/dev/null | LC_ALL=C tr -c '\n -~' '?' | grep -v '^ *$' | tail -n 1 | cut -c 1-200
}
