# The host's side of src/machine/wire.rs: answers each line of its input with readings from /proc, by builtins alone, and
# runs what is slow aside. POSIX sh: dash, bash, zsh, ksh and busybox read it alike.
# $1 version, $2 nonce, $3 milliseconds between two rows of a tool. A line of input: SEQ JOB[=ARGUMENT]…
#
# Its processes: this shell, the body that answers, the keeper, and for each running job a starter, the tool and a relay.
# The body holds the only writing end of the keeper's pipe. However the body ends (end of input, a signal, kill -9), the
# keeper sees the end of its pipe and kills what is left of the jobs; nobody ever waits for a tool that hangs.
P=$2
MS=$3
n="
"
set -f
exec 2>/dev/null 4>&1
LC_ALL=C
PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/local/nvidia/bin:/usr/lib/wsl/lib:/run/opengl-driver/bin:/opt/rocm/bin
export LC_ALL PATH

# One write for many lines, each below the size that a pipe takes in one piece.
out=
say() {
	out="$out$P $1 $2$n"
	[ ${#out} -lt 3000 ] || flush
}
flush() {
	printf %s "$out" || exit
	out=
}

# The words of /proc/PID/stat behind the name go to f: state, parent, ….
stat_of() {
	f=
	read -r f <"/proc/$1/stat" || return 1
	f=${f##*) }
}
start_of() {
	stat_of "$1" || return 1
	set -- $f
	f=${20}
}

# A process is known by its number and its start: a number alone may mean another one by now.
keeper() {
	kept=
	while read -r pid; do
		start_of "$pid" && kept="$kept $pid:$f"
		[ ${#kept} -lt 2000 ] || prune
	done
	for k in $kept; do
		start_of "${k%:*}" && [ "$f" = "${k#*:}" ] && kill -9 "${k%:*}"
	done
}
prune() {
	all=$kept
	kept=
	for k in $all; do
		start_of "${k%:*}" && [ "$f" = "${k#*:}" ] && kept="$kept $k"
	done
}

beat() {
	say beat "$1"
	read -r l </proc/loadavg && say load "$l"
	read -r k l </proc/stat && say cpu "$l"
	say cpus "$cpus"
	l=
	while read -r k v x; do
		case $k in
		MemTotal: | MemFree: | MemAvailable: | Buffers: | Cached: | SwapTotal: | SwapFree: | Shmem:) l="$l ${k%:} $v" ;;
		SReclaimable:)
			l="$l ${k%:} $v"
			break
			;;
		esac
	done </proc/meminfo
	say mem "${l# }"
	for k in cpu memory io; do
		if [ -r "/proc/pressure/$k" ]; then
			while read -r l; do
				say psi "$k ${l%% avg60*}"
			done <"/proc/pressure/$k"
		fi
	done
	[ "$(($1 % 30))" -ne 1 ] || find_nics
	while IFS=" :" read -r k r x x x x x x x t x; do
		case $nics in
		*" $k "*) say net "$k $r $t" ;;
		esac
	done </proc/net/dev
	read -r l </proc/uptime && say up "$l"
	say end "$1"
	flush
}
find_nics() {
	nics=" "
	all=" "
	while IFS=" :" read -r k x; do
		case $k in
		lo | face | *"|"*) continue ;;
		esac
		all="$all$k "
		[ ! -e "/sys/class/net/$k/device" ] || nics="$nics$k "
	done </proc/net/dev
	[ "$nics" != " " ] || nics=$all
}
count_cpus() {
	cpus=0
	while read -r k l; do
		case $k in
		cpu) ;;
		cpu*) cpus=$((cpus + 1)) ;;
		*) break ;;
		esac
	done </proc/stat
}

# Whether the job of this tag still runs; one that ended is reaped.
running() {
	eval "p=\$job_$1"
	[ -n "$p" ] && stat_of "$p" || return 1
	set -- $f
	[ "$2" = "$self" ] || return 1
	[ "$1" = Z ] || return 0
	wait "$p"
	return 1
}
# job TAG COMMAND…: descriptors are closed by exec alone, since shells keep copies of what a redirection covers.
job() {
	tag=$1
	shift
	{
		exec </dev/null
		read -r me x </proc/self/stat
		tool "$@" &
		printf "%s$n" "$me" "$!" >&3
		exec 3>&-
		wait "$!"
		printf "$n%s$n" "$P exit $tag $?"
	} | {
		exec 3>&-
		relay
	} &
	printf "%s$n" "$!" >&3
	eval "job_$tag=$!"
}
tool() {
	exec 3>&- 2>&1
	case $1 in
	who) "$@" ;;
	*) exec "$@" ;;
	esac
}
relay() {
	while IFS= read -r l; do
		case $l in
		"") ;;
		"$P exit "*) printf "%s$n" "$l" ;;
		*) printf "%s$n" "$P $tag $l" ;;
		esac
	done
}

# An nvidia-smi of ours that hangs in the kernel: a second one would only hang beside it.
stuck() {
	set +f
	for d in /proc/[0-9]*; do
		[ -O "$d" ] && read -r f <"$d/comm" && [ "$f" = nvidia-smi ] || continue
		stat_of "${d#/proc/}"
		case $f in
		D*)
			say stuck "${d#/proc/}"
			flush
			set -f
			return 0
			;;
		esac
	done
	set -f
	return 1
}

who() {
	IFS=,
	set -- $1
	unset IFS
	for pid; do
		start_of "$pid" || continue
		began=$f
		uid=-
		while read -r k x v rest; do
			[ "$k" != Uid: ] || uid=$v
		done <"/proc/$pid/status"
		user=$uid
		while IFS=: read -r name x id rest; do
			[ "$id" != "$uid" ] || user=$name
		done </etc/passwd
		group=-
		while read -r l; do
			case $l in
			*" "*) ;;
			*docker* | *libpod* | *containerd* | *kubepods* | *crio* | *lxc*) group=$l ;;
			esac
		done <"/proc/$pid/cgroup"
		words=$(tr "\0$n" "  " <"/proc/$pid/cmdline")
		if [ -z "$words" ]; then
			read -r words <"/proc/$pid/comm"
			words="[$words]"
		fi
		printf "%s %.2000s$n" "$pid $began $uid $user $group" "$words"
	done
}

wish() {
	tag=${1%%=*}
	given=${1#*=}
	case $tag in
	*[!a-z]* | "") return ;;
	esac
	running "$tag" && return
	case $tag in
	gpu) stuck || job gpu $smi "--query-gpu=$given" --format=csv,nounits -lms "$MS" ;;
	app) job app $smi --query-compute-apps=pid,gpu_uuid,used_gpu_memory,process_name --format=csv,nounits -lms "$MS" ;;
	list) job list nvidia-smi -L ;;
	cuda) job cuda nvidia-smi --version ;;
	probe) job probe pilothouse probe ;;
	# By name: -a leaves the amounts of memory out, and costs a second of what nobody reads.
	rocm)
		job rocm rocm-smi --showproductname --showuniqueid --showbus --showdriverversion --showuse --showtemp \
			--showpower --showmaxpower --showclocks --showfan --showmeminfo vram --showpids --json
		;;
	disk) job disk df -kP ;;
	who) job who who "$given" ;;
	docker) job docker docker ps --no-trunc --format "{{.ID}} {{.Names}}" ;;
	podman) job podman podman ps --no-trunc --format "{{.ID}} {{.Names}}" ;;
	esac
}

body() {
	read -r self _ </proc/self/stat
	count_cpus
	find_nics
	l=1
	for k in pilothouse nvidia-smi rocm-smi docker podman; do
		command -v "$k" >/dev/null && l="$l $k"
	done
	smi=nvidia-smi
	command -v stdbuf >/dev/null && smi="stdbuf -oL nvidia-smi"
	say hello "$l"
	flush
	while read -r seq wishes; do
		case $seq in
		*[!0-9]* | "") continue ;;
		esac
		beat "$seq"
		for w in $wishes; do
			wish "$w"
		done
	done
}

{
	exec 3>&1 1>&4 4>&-
	body
} | {
	exec 4>&- >/dev/null
	keeper
}
