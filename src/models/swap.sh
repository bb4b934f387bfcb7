# A swap of what a place serves, as a job of its head: lock, stop, launch, load, ready. After the functions of jobs, and those of
# the reservation; `mark` is there. Its words are pairs of a name and a value, `stop-…` as often as there is something to stop.
# Standard input: the token of the reservation, or an empty line; then variables for the launch, one NAME=VALUE per line.

# Bytes of an engine's log that are looked at.
MOST_LOG=67108864

base=
place=
model=
by=
before=
name=
port=
listen=127.0.0.1
loaded='Application startup complete|server is listening on|all slots are idle'
served_as=
print=
force=0
patience=30
launch=
undo=
launch_limit=900
load_limit=3600
ready_limit=300
program=
nodes=
# The nodes that are to be ended when what was begun fails.
spread=

settle() {
	while [ $# -gt 1 ]; do
		case $1 in
		base | place | model | by | before | name | port | listen | served_as | print | force | patience | launch | undo | \
			launch_limit | load_limit | ready_limit | program) eval "$1=\$2" ;;
		node) nodes="$nodes $2" ;;
		esac
		shift 2
	done
	[ -n "$base" ] || base=${HOME:?}/.pilothouse
	room=$base/models
	work=$room/work.$PILOTHOUSE_JOB
}

say() {
	printf 'pilothouse: %s\n' "$*"
}

begin_phase() {
	phase=$1
	since=$(date +%s)
	from=$(uptime_now)
	words=
	seen "${2-}"
}

# What is seen of the phase; written when it changes.
seen() {
	[ -n "$words" ] && [ "$words" = "$1" ] && return
	words=$1
	mark "$phase" "running $since $1"
}

end_phase() {
	_took=$(($(uptime_now) - from))
	mark "$phase" "done $since $_took $1"
	took="$took $_took"
	say "$phase: done in $((_took / 100)).$((_took / 10 % 10)) s. $1"
	phase=
}

fail() {
	end_nodes
	mark "$phase" "failed $since $(($(uptime_now) - from)) $1"
	mark end "failed $phase $1"
	say "$phase failed: $1"
	exit 1
}

# It took too long and is left as it is, on all nodes: it may come up yet, and a person can look at it.
fail_late() {
	spread=
	fail "$1"
}

late() {
	[ "$(uptime_now)" -ge "$due" ]
}

# Somebody cancelled, or the job took too long: what was begun is ended, and what is left is said.
cancelled() {
	trap '' TERM
	[ -z "${_step-}" ] || kill -s KILL -- "-$_step" 2>/dev/null
	mark end "cancelled ${phase:-ready}"
	_left="what was served before may be stopped or not: look at it"
	case $phase in
	lock) _left='nothing was changed' ;;
	launch | load | ready)
		_left='nothing is served'
		end_new 600 || _left='what was launched could not be ended in time: look at it'
		;;
	esac
	[ -z "$phase" ] || mark "$phase" "cancelled $since $(($(uptime_now) - from)) $_left"
	mark left "$_left"
	say "cancelled: $_left"
	exit 143
}

unfollow() {
	[ -n "${follower-}" ] || return 0
	kill -s KILL -- "-$follower" 2>/dev/null
	# Without this one of the shells tells everybody that it was killed.
	wait "$follower" 2>/dev/null
	follower=
}

leave() {
	unfollow
	rm -rf "${work:?}"
}

# The runner of jobs, for a program of the host that is a job of its own.
jobs_do() {
	within 3000 "$work/jobs" sh -c "body=\$1; shift; eval \"\$body\"" pilothouse-jobs "$(cat "$_pilothouse_job/runner")" "$base" "$@"
}

# --- memory -----------------------------------------------------------------------------------------------------------------

numbers() {
	awk '/^ *[0-9]+ *$/ { sum += $1; some = 1 } END { if (some) print sum }' "$1"
}

# avail: KiB of the host; gpu: MiB in use on its GPUs, empty where they have none of their own.
memory_now() {
	avail=$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)
	gpu=
	[ -z "$no_smi" ] || return 0
	if ! within 500 "$work/smi" nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits; then
		no_smi=1 blind=1
		return 0
	fi
	gpu=$(numbers "$work/smi")
	# Where they share the host's memory now, they do a minute later.
	[ -n "$gpu" ] || no_smi=1
}

# The same, and apps: MiB of the processes on GPUs that have no memory of their own.
all_memory_now() {
	memory_now
	apps=0
	[ -z "$gpu" ] && [ -z "$blind" ] || return 0
	if within 500 "$work/smi" nvidia-smi --query-compute-apps=used_memory --format=csv,noheader,nounits; then
		apps=$(numbers "$work/smi")
		apps=${apps:-0}
	fi
}

gib() {
	printf '%s.%s GiB' "$(($1 / 1024))" "$(($1 % 1024 * 10 / 1024))"
}

node_memory() {
	within 500 "$work/node" ssh -o BatchMode=yes -o ConnectTimeout=3 "$1" cat /proc/meminfo || return 1
	awk '$1 == "MemAvailable:" { print int($2 / 1024) }' "$work/node"
}

# --- what is there ----------------------------------------------------------------------------------------------------------

# status, restarts, code, oom and label of a container. 1: there is none; 2: its engine does not answer.
container() {
	if within 1500 "$work/state" docker inspect --type container \
		-f '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}} {{.State.OOMKilled}} {{index .Config.Labels "pilothouse.model"}}' "$1"; then
		read -r status restarts code oom label <"$work/state"
		return 0
	fi
	! grep -qi 'no such' "$work/state" || return 1
	trouble=$(last_words "$work/state")
	return 2
}

# Whether the container that was looked at runs.
runs() {
	case $status in
	exited | dead | created | removing) return 1 ;;
	esac
}

listening() {
	cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
		awk -v "port=:$(printf '%04X' "$1")" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

holder() {
	_who=
	if within 300 "$work/ss" ss -Hltnp "sport = :$1"; then
		_who=$(sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1, process \2/p' "$work/ss" | head -n 1)
	fi
	printf '%s' "${_who:-a process that this login may not see}"
}

# --- stop -------------------------------------------------------------------------------------------------------------------

# Looks at a container again; `gone` is 1 where there is none any more.
look_again() {
	gone=
	container "$1" || gone=1
}

stop_container() {
	_it=$1
	case " $handled " in
	*" $_it "*) return 0 ;;
	esac
	handled="$handled $_it"
	_tries=0
	gone=
	until container "$_it"; do
		[ $? -eq 2 ] || {
			stop_on_nodes "$_it"
			return 0
		}
		_tries=$((_tries + 1))
		[ "$_tries" -lt 3 ] || fail "docker does not answer: $trouble"
	done
	if runs; then
		stopped=1
		if [ "$force" = 0 ]; then
			seen "$_it is asked to stop, for $patience s at most"
			within $((patience * 100 + 1000)) "$work/said" docker stop -t "$patience" "$_it" ||
				say "$_it did not stop when asked: $(last_words "$work/said")"
			look_again "$_it"
			# Docker itself forces it when its time is over.
			if [ -z "$gone" ] && [ "$code" = 137 ]; then forced=1; fi
		fi
		if [ -z "$gone" ] && runs; then
			seen "$_it is forced to stop"
			within 2000 "$work/said" docker kill "$_it"
			forced=1
			look_again "$_it"
			if [ -z "$gone" ] && runs; then
				within 3000 "$work/said" docker rm -f "$_it"
				look_again "$_it"
			fi
			[ -n "$gone" ] || ! runs || fail "$_it can not be stopped: $(last_words "$work/said")"
		fi
	fi
	[ -n "$gone" ] || free_name "$_it"
	stop_on_nodes "$_it"
}

# Whatever the head has: an engine there may be left of one that is gone here.
stop_on_nodes() {
	for _node in $nodes; do
		stop_on_node "$_node" "$1"
	done
}

on_node() {
	_there=$1
	shift
	within $((patience * 100 + 1500)) "$work/said" ssh -o BatchMode=yes -o ConnectTimeout=4 "$_there" "$@"
}

# The same container on another node. Its words are safe for the shell over there: names of containers have no other.
stop_on_node() {
	on_node "$1" docker inspect --type container -f '"{{.State.Status}}"' "$2" || {
		case "$?$mute_nodes " in
		*" $1 "*) ;;
		124* | 255*) mute_nodes="$mute_nodes $1" ;;
		esac
		return 0
	}
	! grep -q running "$work/said" || stopped=1
	seen "$2 is stopped on $1"
	if [ "$force" = 0 ]; then
		on_node "$1" docker stop -t "$patience" "$2" || on_node "$1" docker kill "$2"
	else
		on_node "$1" docker kill "$2"
	fi
	# One that is not ours is kept, as it is here.
	on_node "$1" docker inspect --type container -f "'{{index .Config.Labels \"pilothouse.model\"}}'" "$2" || return 0
	_label=$(head -n 1 "$work/said")
	[ -z "$_label" ] || [ "$_label" = '<no value>' ] || on_node "$1" docker rm -f "$2"
}

# What we launched is removed. A container of somebody else is kept: under another name where this one is wanted. It was just
# looked at.
free_name() {
	[ "$label" != '<no value>' ] || label=
	if [ -n "$label" ]; then
		! within 3000 "$work/said" docker rm -f "$1" || return 0
	elif [ "$1" = "$name" ]; then
		_kept=$1.before.$since
		if within 1500 "$work/said" docker rename "$1" "$_kept"; then
			within 1500 "$work/said" docker update --restart=no "$_kept"
			say "$1 was not launched by us: it is kept as $_kept, and is not started again by itself"
		fi
	fi
	[ "$1" != "$name" ] || ! container "$1" || fail "the name $1 can not be freed: $(last_words "$work/said")"
}

stop_program() {
	if ! jobs_do state "$1" || ! grep -q '^state running' "$work/jobs"; then
		return 0
	fi
	stopped=1
	seen "$1 is asked to stop, for $patience s at most"
	_wait=$((patience * 100))
	[ "$force" = 0 ] || _wait=0
	_limit=$((_wait + 2000))
	within "$_limit" "$work/jobs" sh -c "body=\$1; shift; eval \"\$body\"" pilothouse-jobs "$(cat "$_pilothouse_job/runner")" "$base" cancel "$1" "$_wait"
	jobs_do state "$1"
	! grep -q '^state running' "$work/jobs" || fail "$1 can not be stopped"
}

stop_command() {
	stopped=1
	seen "the launcher stops what it started"
	within $((patience * 100 + 6000)) "$work/said" sh -c "$1" ||
		say "the launcher's own stop failed: $(last_words "$work/said")"
	cat "$work/said"
}

# Those of the words that are named first, in their order.
stop_these() {
	_these=$1
	shift
	while [ $# -gt 1 ]; do
		case " $_these " in
		*" $1 "*)
			case $1 in
			stop-command) stop_command "$2" ;;
			stop-container) stop_container "$2" ;;
			stop-program) stop_program "$2" ;;
			esac
			;;
		esac
		shift 2
	done
}

# What is told to stop, and what we launched last, if nobody knows of that any more.
stop_all() {
	if [ "$force" = 0 ]; then
		stop_these 'stop-command stop-container stop-program' "$@"
	else
		# The launcher asks: it comes last, for what it has on the other nodes.
		stop_these 'stop-container stop-program' "$@"
		stop_these stop-command "$@"
	fi
	for _record in launched served; do
		[ -f "$room/$_record" ] && read -r _kind _name _rest <"$room/$_record" || continue
		stop_these 'stop-container stop-program' "stop-$_kind" "$_name"
	done
}

# What is said of the nodes that could not be asked.
mute_words() {
	for _node in $mute_nodes; do
		printf '; %s does not answer, and what it serves is left' "$_node"
	done
}

nodes_memory() {
	for _node in $nodes; do
		printf '%s %s\n' "$_node" "$(node_memory "$_node")"
	done
}

# How much came back, in MiB: of the GPUs' own memory where they have some, else of the host's.
came_back() {
	all_memory_now
	if [ -n "$gpu" ] && [ -n "$gpu_before" ]; then
		back=$((gpu_before - gpu))
	else
		back=$(((avail - avail_before) / 1024))
	fi
}

stop_phase() {
	begin_phase stop 'the memory is looked at'
	all_memory_now
	avail_before=$avail gpu_before=$gpu apps_before=$apps
	nodes_memory >"$work/nodes"
	stopped=
	mute_nodes=
	stop_all "$@"
	if [ -z "$stopped" ]; then
		rm -f "$room/served" "$room/launched"
		end_phase "nothing was served$(mute_words)"
		return
	fi
	_held=0
	if [ -f "$room/served" ]; then
		read -r _kind _name _held _rest <"$room/served"
		[ "$_held" -ge 0 ] 2>/dev/null || _held=0
	fi
	rm -f "$room/served" "$room/launched"
	due=$(($(uptime_now) + 1000))
	while :; do
		came_back
		_owed=$_held
		[ -n "$gpu" ] || [ $((apps_before - apps)) -le "$_owed" ] || _owed=$((apps_before - apps))
		# Less than this moves by itself on a host that does other things.
		[ "$_owed" -ge 1024 ] && [ $((back * 10)) -lt $((_owed * 9)) ] && ! late || break
		seen "$(gib $((back > 0 ? back : 0))) of $(gib "$_owed") came back"
		nap 0.1
	done
	[ "$back" -ge 0 ] || back=0
	_words="$(gib "$back") came back"
	if [ "$_owed" -ge 1024 ] && [ $((back * 10)) -lt $((_owed * 7)) ]; then
		_words="leak: only $(gib "$back") of $(gib "$_owed") came back; a restart of the host brings the rest"
	fi
	while read -r _node _was; do
		_is=$(node_memory "$_node") && [ -n "$_was" ] &&
			_words="$_words; $_node: $(gib $((_is > _was ? _is - _was : 0)))"
	done <"$work/nodes"
	[ -z "$forced" ] || _words="$_words; it had to be forced"
	_words="$_words$(mute_words)"
	end_phase "$_words"
}

# --- launch -----------------------------------------------------------------------------------------------------------------

# Ends what was launched, for at most $1 hundredths of a second.
end_new() {
	if [ -n "$program" ]; then
		within "$1" "$work/said" sh -c "body=\$1; shift; eval \"\$body\"" pilothouse-jobs "$(cat "$_pilothouse_job/runner")" "$base" cancel "$program" 200
		return
	fi
	_done=0
	[ -z "$name" ] || within "$1" "$work/said" docker rm -f "$name" || grep -qi 'no such' "$work/said" || _done=1
	# The other nodes may take longer than a cancelled job is given: that goes on by itself.
	[ -z "$undo" ] || setsid sh -c "$undo" </dev/null >/dev/null 2>&1 9>&- &
	[ -z "$name" ] || for _node in $nodes; do
		setsid ssh -o BatchMode=yes -o ConnectTimeout=4 "$_node" docker rm -f "$name" </dev/null >/dev/null 2>&1 9>&- &
	done
	return "$_done"
}

# What was begun on the other nodes does not outlive a launch that failed: it would hold their memory, and be in the way of the next.
end_nodes() {
	[ -n "$spread" ] || return 0
	spread=
	seen 'what was started on the other nodes is ended'
	[ -z "$undo" ] || within $((patience * 100 + 6000)) "$work/said" sh -c "$undo" ||
		say "the launcher's own stop failed: $(last_words "$work/said")"
	[ -n "$name" ] || return 0
	for _node in $nodes; do
		on_node "$_node" docker rm -f "$name" || grep -qi 'no such' "$work/said" ||
			say "what was started on $_node could not be ended: $(last_words "$work/said")"
	done
}

# What runs now, with the MiB it holds.
record() {
	_kind=container
	[ -z "$program" ] || _kind=program
	printf '%s %s %s %s %s\n' "$_kind" "${program:-$name}" "$2" "$(date +%s)" "$model" | write_whole "$room/$1"
}

# What starts the engines of the other nodes, before that of the head.
launch_nodes() {
	while [ $# -gt 1 ]; do
		if [ "$1" = launch-before ]; then
			seen 'the other nodes are started'
			if ! within $((launch_limit * 100)) "$work/launch" sh -c "umask $login_umask; $2"; then
				cat "$work/launch"
				fail "another node could not be started: $(last_words "$work/launch")"
			fi
			cat "$work/launch"
		fi
		shift 2
	done
}

launch_phase() {
	begin_phase launch 'it is started'
	due=$(($(uptime_now) + 500))
	while listening "$port"; do
		! late || fail "port $port is taken by $(holder "$port")"
		nap 0.2
	done
	memory_now
	avail_before=$avail gpu_before=$gpu
	peak=0
	record launched 0
	if [ -n "$program" ]; then
		jobs_do begin "$program" '' 0 "serves $model on port $port" '' '' '' sh -c "umask $login_umask; exec $launch" &&
			grep -q '^begun' "$work/jobs" || fail "it could not be started: $(last_words "$work/jobs")"
		end_phase "it runs as the job $program"
		return
	fi
	spread=$nodes
	launch_nodes "$@"
	within $((launch_limit * 100)) "$work/launch" sh -c "umask $login_umask; $launch"
	_code=$?
	if [ "$_code" -ne 0 ]; then
		cat "$work/launch"
		[ "$_code" -ne 124 ] || fail "it was not started within $launch_limit s"
		fail "it could not be started: $(last_words "$work/launch")"
	fi
	cat "$work/launch"
	end_phase "$name was started"
}

# --- load -------------------------------------------------------------------------------------------------------------------

# Its log from the beginning; followed, because a container that is removed when it ends takes it along.
follow_log() {
	: >"$work/engine"
	read_to=0
	if [ -z "$program" ]; then
		setsid docker logs -f "$1" </dev/null >>"$work/engine" 2>&1 &
		follower=$!
	fi
}

# What came since the last time, into a file of its own and into our log.
new_lines() {
	if [ -n "$program" ]; then
		cat "$base/jobs/$program"/log.* >"$work/engine" 2>/dev/null
	fi
	_size=$(($(wc -c <"$work/engine")))
	[ "$_size" -gt "$read_to" ] || {
		: >"$work/new"
		return
	}
	tail -c "$((_size - read_to))" "$work/engine" | tr '\r' '\n' >"$work/new"
	read_to=$_size
	cat "$work/new"
	# A flood fills no disk: what comes after this much is not looked at.
	[ "$_size" -lt "$MOST_LOG" ] || unfollow
}

progress() {
	_line=$(LC_ALL=C sed -n \
		-e 's/.*[Ll]oading.*shards:.*| *\([0-9]*\)\/\([0-9]*\).*/shard \1 of \2/p' \
		-e 's/.*[Cc]apturing.*graph.*: *\([0-9]*\)%.*/graphs \1 %/p' \
		-e 's/.*[Ll]oading weights took \([0-9.]*\).*/weights are loaded/p' \
		-e 's/.*[Mm]odel loading took.*/weights are loaded/p' \
		-e 's/.*init engine.*took.*/the engine is warm/p' "$work/new" | tail -n 1)
	[ -z "$_line" ] || seen "$_line"
}

sample_peak() {
	memory_now
	if [ -n "$gpu" ] && [ -n "$gpu_before" ]; then
		used=$((gpu - gpu_before))
	else
		used=$(((avail_before - avail) / 1024))
	fi
	[ "$used" -le "$peak" ] || peak=$used
}

# Whether it is still there; says why it is not.
stands() {
	if [ -n "$program" ]; then
		jobs_do state "$program" && grep -q '^state running' "$work/jobs" && return 0
		why="it ended: $(sed -n 's/^state //p' "$work/jobs")"
		return 1
	fi
	container "$name"
	case $? in
	0) ;;
	1)
		why='its container ended and is gone'
		return 1
		;;
	*)
		mute=$((mute + 1))
		why="docker does not answer: $trouble"
		[ "$mute" -lt 5 ]
		return
		;;
	esac
	mute=0
	if [ "$restarts" -ge $((restarts_first + 3)) ]; then
		within 1500 "$work/said" docker update --restart=no "$name"
		within 4000 "$work/said" docker stop -t 5 "$name" || within 2000 "$work/said" docker kill "$name"
		why="its container was restarted $restarts times, and was stopped so that it does not go on for ever"
		return 1
	fi
	case $status in
	exited | dead)
		why="its container ended with status $code"
		[ "$oom" != true ] && [ "$code" != 137 ] || why="$why, killed for want of memory"
		return 1
		;;
	esac
}

# Every few seconds the other nodes are asked. One that misses three times in a row is lost, whatever the others do.
nodes_stand() {
	[ -n "$nodes" ] && [ "$(uptime_now)" -ge "$nodes_due" ] || return 0
	_missed=
	for _node in $nodes; do
		within 500 "$work/node" ssh -o BatchMode=yes -o ConnectTimeout=4 "$_node" true && continue
		_count=1
		for _one in $misses; do
			[ "${_one#*=}" != "$_node" ] || _count=$((${_one%%=*} + 1))
		done
		_missed="$_missed $_count=$_node"
		[ "$_count" -lt 3 ] || {
			why="the node $_node does not answer any more"
			return 1
		}
	done
	misses=$_missed
	nodes_due=$(($(uptime_now) + 400))
}

last_of_engine() {
	_last=$(LC_ALL=C tr '\r' '\n' <"$work/engine" | grep -iE 'error|exception|out of memory|already in use|unrecognized|killed' | tail -n 1 | cut -c 1-160)
	[ -n "$_last" ] || _last=$(last_words "$work/engine")
	printf '%s' "$_last"
}

load_failed() {
	nap 0.3
	new_lines
	_last=$(last_of_engine)
	fail "$why${_last:+: $_last}"
}

load_phase() {
	begin_phase load 'it loads'
	due=$(($(uptime_now) + load_limit * 100))
	mute=0
	misses=
	nodes_due=0
	restarts_first=0
	follow_log "$name"
	_round=0
	while :; do
		new_lines
		progress
		! grep -qE "$loaded" "$work/new" || break
		# To ask docker takes longer than to read a log.
		[ $((_round % 4)) -ne 3 ] || stands || load_failed
		# What says nothing of its start-up tells by answering.
		if [ $((_round % 8)) -eq 7 ]; then
			sample_peak
			healthy && break
		fi
		nodes_stand || load_failed
		! late || fail_late "it was not loaded within $load_limit s; it is left running: $(last_of_engine)"
		_round=$((_round + 1))
		if [ "$_round" -lt 100 ]; then nap 0.1; else nap 0.5; fi
	done
	sample_peak
	end_phase 'start-up is complete'
}

# --- ready ------------------------------------------------------------------------------------------------------------------

# http PATH [BODY] : prints the status; the answer is in a file.
http() {
	: >"$work/body"
	case $client in
	curl)
		if [ $# -gt 1 ]; then
			within 6500 "$work/http" curl -s -o "$work/body" -w '%{http_code}' --noproxy '*' --max-time 60 -H 'Content-Type: application/json' -d "$2" "http://$listen:$port$1"
		else
			within 1000 "$work/http" curl -s -o "$work/body" -w '%{http_code}' --noproxy '*' --max-time 5 "http://$listen:$port$1"
		fi
		;;
	python3)
		within 6500 "$work/http" python3 -c 'import sys, urllib.request, urllib.error
out, url = sys.argv[1:3]
body = sys.argv[3].encode() if len(sys.argv) > 3 else None
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    with opener.open(urllib.request.Request(url, body, {"Content-Type": "application/json"}), timeout=60 if body else 5) as answer:
        open(out, "wb").write(answer.read(1000000)); print(answer.status)
except urllib.error.HTTPError as error:
    open(out, "wb").write(error.read(1000000)); print(error.code)
except OSError:
    print("000")' "$work/body" "http://$listen:$port$1" ${2+"$2"}
		;;
	bash)
		within 6500 "$work/raw" bash -c 'exec 5<>"/dev/tcp/$1/$2" || exit 7
m=GET; [ $# -lt 4 ] || m=POST
printf "%s %s HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %s\r\n\r\n%s" "$m" "$3" "${#4}" "$4" >&5
cat <&5' http "$listen" "$port" "$1" ${2+"$2"}
		sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$work/raw" >"$work/http"
		sed '1,/^\r*$/d' "$work/raw" >"$work/body"
		;;
	esac
	_status=$(head -n 1 "$work/http" 2>/dev/null)
	printf '%s' "${_status:-000}"
}

choose_client() {
	client=
	for _one in curl python3 bash; do
		if command -v "$_one" >/dev/null; then
			client=$_one
			return
		fi
	done
}

healthy() {
	[ -n "$client" ] || return 1
	_answer=$(http /health)
	[ "$_answer" != 404 ] || _answer=$(http /v1/models)
	[ "$_answer" = 200 ]
}

one_token() {
	_id=$served_as
	if [ -z "$_id" ]; then
		_answer=$(http /v1/models)
		[ "$_answer" = 200 ] || {
			why="/v1/models answers $_answer"
			return 1
		}
		_id=$(tr '\n' ' ' <"$work/body" | sed -n 's/.*"data" *: *\[ *{[^}]*"id" *: *"\([^"\\]*\)".*/\1/p' | head -n 1)
	fi
	_answer=$(http /v1/completions "{\"model\":\"$_id\",\"prompt\":\"Hi\",\"max_tokens\":1,\"temperature\":0}")
	if [ "$_answer" = 404 ] || [ "$_answer" = 405 ]; then
		_answer=$(http /v1/chat/completions "{\"model\":\"$_id\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"max_tokens\":1}")
	fi
	if [ "$_answer" = 200 ] && grep -q '"choices"' "$work/body"; then
		return 0
	fi
	why="one token was asked for, the answer is $_answer: $(last_words "$work/body")"
	return 1
}

# Where the host has nothing to ask with, a console does and leaves its finding here: `good`, or `bad` and why.
ask_console() {
	_file=$room/ready.$PILOTHOUSE_JOB
	seen 'this host has neither curl nor python3 nor bash: a console has to ask'
	while [ ! -s "$_file" ]; do
		stands || load_failed
		! late || fail_late "no console asked within $ready_limit s whether it answers"
		nap 0.5
	done
	read -r _finding why <"$_file"
	rm -f "$_file"
	[ "$_finding" = good ] || fail "$why"
}

ready_phase() {
	begin_phase ready 'its health is asked'
	due=$(($(uptime_now) + ready_limit * 100))
	mute=0
	if [ -z "$client" ]; then
		ask_console
	else
		until healthy; do
			new_lines
			stands || load_failed
			! late || fail_late "it is loaded, and its health was not good within $ready_limit s"
			nap 0.2
		done
		seen 'one token is asked for'
		until one_token; do
			new_lines
			_why=$why
			stands || load_failed
			! late || fail_late "$_why"
			nap 1
		done
	fi
	sample_peak
	end_phase 'it answers'
}

# --- the whole --------------------------------------------------------------------------------------------------------------

lock_phase() {
	begin_phase lock 'the reservation is looked at'
	mkdir -p "$room" || fail "$room can not be written"
	# Whoever holds this job's lease is alone here: what a killed one left is nobody's.
	rm -rf "$room"/work.*
	mkdir "$work" || fail "$work can not be written"
	trap leave EXIT
	# What answered last; one that never did is nothing to go back to.
	if [ -f "$room/served" ]; then
		read -r _kind _name _held _since before <"$room/served"
	elif [ -f "$room/last" ]; then
		read -r before <"$room/last"
	fi
	[ -z "$before" ] || {
		printf '%s\n' "$before" | write_whole "$room/last"
		mark before "$before"
	}
	read_reservation
	if [ "$held" = 1 ] && ! ours "$token"; then
		fail "$(reserved_by)"
	fi
	end_phase "${held_by_us:+its reservation is ours}"
}

# One line of what it took: when, print of the launch, its phases in hundredths, peak and steady MiB, the model.
keep_history() {
	# shellcheck disable=SC2086 # five numbers
	printf '%s %s %s %s %s %s %s %s %s %s\n' "$(date +%s)" "${print:--}" $took "$peak" "$used" "$model" >>"$room/history"
	if [ "$(wc -l <"$room/history")" -gt 400 ]; then
		tail -n 200 "$room/history" | write_whole "$room/history"
	fi
}

login_umask=$(umask)
umask 077
settle "$@"
phase=
took=
forced=
handled=
no_smi=
used=0
peak=0
blind=
command -v nvidia-smi >/dev/null || no_smi=1 blind=1
trap cancelled TERM
mark by "$by"
mark swap "$place"
mark model "$model"
IFS= read -r token || token=
choose_client
lock_phase
# Variables of the launch, secrets among them: they are in no argument and no file.
while IFS= read -r _variable; do
	# No name of this script or of the shell's is in capitals and comes through: whoever plans a swap refuses those.
	case $_variable in
	[A-Z]*=*) export "${_variable?}" ;;
	esac
done
stop_phase "$@"
if [ -z "$model" ]; then
	mark end stopped
	exit 0
fi
launch_phase "$@"
load_phase
ready_phase
record served "$used"
rm -f "$room/launched"
keep_history
mark end served
exit 0
