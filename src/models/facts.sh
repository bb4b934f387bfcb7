# What a swap would meet on this host, all asked at once. After the functions of jobs: BASE, then pairs of a name and a value.

base=$1
shift
[ -n "$base" ] || base=${HOME:?}/.pilothouse
umask 077
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

tell() {
	sed "s/^/$1 /" "$2"
}

gpus() {
	command -v nvidia-smi >/dev/null || {
		echo 'smi missing' >"$work/1"
		return
	}
	(
		within 300 "$work/cuda" nvidia-smi --version &&
			sed -n 's/^CUDA Version *: *\([0-9.]*\).*/cuda \1/p' "$work/cuda" | head -n 1 >"$work/2"
	) &
	(
		within 300 "$work/apps" nvidia-smi --query-compute-apps=gpu_uuid,pid,used_memory,process_name --format=csv,noheader,nounits &&
			tell app "$work/apps" >"$work/3"
	) &
	if within 300 "$work/smi" nvidia-smi --query-gpu=uuid,index,memory.total,memory.free,driver_version,name --format=csv,noheader,nounits; then
		tell gpu "$work/smi" >"$work/1"
	else
		echo "smi $(last_words "$work/smi")" >"$work/1"
	fi
	wait
}

boxes() {
	if within 500 "$work/ps" docker ps -a --no-trunc --format '{{.ID}} {{.Names}} {{.State}} {{.Label "pilothouse.model"}}	{{.Ports}}'; then
		echo 'docker ok' >"$work/4"
		tell box "$work/ps" >>"$work/4"
	else
		echo "docker $(last_words "$work/ps")" >"$work/4"
	fi
}

image() {
	if within 500 "$work/image.$2" docker image inspect -f '{{.Id}}' "$1"; then
		echo "image $(head -n 1 "$work/image.$2") $1" >"$work/5.$2"
	else
		echo "image - $1" >"$work/5.$2"
	fi
}

# Who listens, as far as this login may see; and which container a process is in.
listeners() {
	if command -v ss >/dev/null && within 300 "$work/ss" ss -Hltnp; then
		awk '{ n = split($4, a, ":"); who = "- -"
			if (match($0, /users:\(\("[^"]*",pid=[0-9]+/)) {
				who = substr($0, RSTART + 9, RLENGTH - 9); split(who, b, "\",pid="); gsub(/ /, "_", b[1]); who = b[2] " " b[1] }
			print "listen " a[n] " " who }' "$work/ss" | sort -u >"$work/6"
	else
		cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | awk '$4 == "0A" { n = split($2, a, ":"); print a[n] }' | sort -u |
			while read -r _hex; do echo "listen $((0x$_hex)) - -"; done >"$work/6"
	fi
}

owners() {
	{
		sed -n 's/^listen [0-9]* \([0-9][0-9]*\) .*/\1/p' "$work/6"
		sed -n 's/^app [^,]*, *\([0-9][0-9]*\),.*/\1/p' "$work/3"
	} 2>/dev/null | sort -u | while read -r _pid; do
		_id=$(grep -oE '[0-9a-f]{64}' "/proc/$_pid/cgroup" 2>/dev/null | head -n 1)
		[ -z "$_id" ] || echo "owner $_pid $_id"
	done
}

node() {
	if within 400 "$work/node.$2" ssh -o BatchMode=yes -o ConnectTimeout=3 "$1" true; then
		echo "node $1 ok" >"$work/7.$2"
	else
		echo "node $1 $(last_words "$work/node.$2")" >"$work/7.$2"
	fi
}

link() {
	if [ -r "/sys/class/net/$1/operstate" ]; then
		echo "link $1 $(cat "/sys/class/net/$1/operstate")"
	else
		echo "link $1 missing"
	fi >"$work/8"
}

# The flags that this build knows: asking takes as long as importing all of it, so it is asked once for each image, by itself.
flags() {
	within 500 "$work/flags" docker image inspect -f '{{.Id}}' "$1" || {
		echo 'flags none the image is not on this host' >"$work/9"
		return
	}
	_id=$(head -n 1 "$work/flags")
	_id=${_id#sha256:}
	case $_id in '' | *[!0-9a-f]*) return ;; esac
	_file=$base/models/flags/$_id
	mkdir -p "$base/models/flags" || return
	if [ -s "$_file" ]; then
		echo 'flags known' >"$work/9"
		tell flag "$_file" >>"$work/9"
	elif [ -e "$_file.failed" ] && [ -z "$(find "$_file.failed" -mmin +60)" ]; then
		echo "flags none $(last_words "$_file.failed")" >"$work/9"
	else
		echo 'flags asked' >"$work/9"
		# One asker at a time; its lock falls with it.
		setsid sh -c 'exec 8>>"$2.lock"; flock -n 8 || exit 0
for help in --help=all --help; do
	timeout 300 docker run --rm --label pilothouse.asks=flags --network none --entrypoint vllm "$1" serve "$help" >"$2.said" 2>&1 || continue
	grep -oE -- "--[A-Za-z0-9][A-Za-z0-9_-]*" "$2.said" | sort -u >"$2.part" && [ "$(wc -l <"$2.part")" -gt 20 ] && mv "$2.part" "$2"
	[ ! -s "$2" ] || break
done
[ -s "$2" ] || tail -n 3 "$2.said" >"$2.failed"
rm -f "$2.said" "$2.part" "$2.lock"' flags "$1" "$_file" </dev/null >/dev/null 2>&1 8>&- 9>&- &
	fi
}

echo 'pilothouse-facts 1'
awk '$1 == "MemTotal:" { total = $2 } $1 == "MemAvailable:" { print "mem", total, $2 }' /proc/meminfo
gpus &
boxes &
listeners &
many=0
while [ $# -gt 1 ]; do
	many=$((many + 1))
	case $1 in
	image) image "$2" "$many" & ;;
	node) node "$2" "$many" & ;;
	link) link "$2" ;;
	flags) flags "$2" & ;;
	esac
	shift 2
done
wait
cat "$work"/[1-9] "$work"/[1-9].* 2>/dev/null
owners
[ ! -f "$base/models/history" ] || tail -n 100 "$base/models/history" | sed 's/^/past /'
echo end
