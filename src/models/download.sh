# Fetches a repository into the hub's cache and copies it to peers; hub.sh stands before it, and it is a job's script. What is
# told is told by `mark`, and what counts is what lies on the disk: no exit status is believed.
# $1 WORK (fetch or copy) $2 REPOSITORY $3 REVISION $4 ENDPOINT $5 seconds without a byte that are too many $6 tries without
# any that are, then for each peer its NAME and its ADDRESS for ssh. The hub's token is the first line of standard input.
work=$1 repo=$2 revision=$3 endpoint=${4%/} stall=$5 tries=$6
shift 6
token=
IFS= read -r token || :
folder=models--${repo%%/*}--${repo#*/}
model=$hub/$folder
scratch=${_pilothouse_job:-${TMPDIR:-/tmp}}
list=$scratch/files

fail() {
	mark failed "$1"
	[ -z "${2-}" ] || mark hint "$2"
	say "$1"
	exit 1
}

step() {
	mark step "$1"
	say "$1"
}

size_of() {
	stat -L -c %s "$1" 2>/dev/null || echo 0
}

free_of() {
	_kib=$(df -Pk "$1" | tail -n 1 | awk '{ for (i = NF; i > 1; i--) if ($i ~ /^[0-9]+%$/) { print $(i - 1); exit } }')
	echo "$((${_kib:-0} * 1024))"
}

# An amount of bytes for people.
amount() {
	if [ "$1" -ge 10737418240 ]; then
		echo "$(($1 / 1073741824)) GiB"
	else
		echo "$((($1 + 1048575) / 1048576)) MiB"
	fi
}

hundredths() {
	read -r _up _ </proc/uptime && echo "${_up%.*}${_up#*.}"
}

pause() {
	sleep "$1" 2>/dev/null || sleep 1
}

# Whether the child $1 is still at work; one that ended and was not asked for its status is not.
running() {
	[ -r "/proc/$1/status" ] && ! grep -q '^State:[[:space:]]*[ZX]' "/proc/$1/status" 2>/dev/null
}

# pace DONE : tells how far it is, at most every second, and how fast it was over the last seconds.
total=0 rate=0 paced=0 paced_at=0 paced_done=0
pace() {
	_now=$(hundredths)
	if [ "$paced" = 0 ]; then
		paced=1 paced_at=$_now paced_done=$1
	elif [ $((_now - paced_at)) -ge 100 ]; then
		_fresh=$((($1 - paced_done) * 100 / (_now - paced_at)))
		[ "$_fresh" -ge 0 ] || _fresh=0
		if [ "$rate" = 0 ]; then rate=$_fresh; else rate=$(((rate * 2 + _fresh) / 3)); fi
		paced_at=$_now paced_done=$1
	else
		return
	fi
	mark progress "$1 $total $rate"
}

# curl with the token, which its arguments do not show.
authorised() {
	if [ -n "$token" ]; then
		printf 'header = "Authorization: Bearer %s"\n' "$token"
	fi
}

# ask URL : what the hub says. Its status is in $scratch/code.
ask() {
	if command -v curl >/dev/null; then
		authorised | curl -K - -sSLg --proto '=http,https' --max-redirs 10 --connect-timeout 20 --max-time 120 \
			--speed-limit 1 --speed-time "$stall" --max-filesize 33554432 -w '%{stderr}%{http_code}' "$1" 2>"$scratch/code"
	else
		printf '%s' "$token" | python3 -c '
import sys, urllib.error, urllib.request as u
r = u.Request(sys.argv[1])
t = sys.stdin.read()
if t: r.add_unredirected_header("Authorization", "Bearer " + t)
try:
    sys.stdout.buffer.write(u.urlopen(r, timeout=int(sys.argv[2])).read(33554432)); print(200, file=sys.stderr)
except urllib.error.HTTPError as e: print(e.code, file=sys.stderr)
except OSError as e: sys.exit(str(e))
' "$1" "$stall" 2>"$scratch/code"
	fi
}

# What the hub's refusal means. $1: its status.
refused() {
	case $1 in
	401 | 403)
		_mend="accept the model's terms on the hub, and name a token with access: models.hub_token"
		[ -z "$token" ] || _mend="this token has no access: accept the model's terms on the hub with its account"
		fail "the hub gives $repo only to those it knows (HTTP $1)" "$_mend"
		;;
	404) fail "the hub has no $repo at $revision" "look at how its name is written, and at models.hub" ;;
	esac
}

# Reads what the hub says of the repository, one token a line, as `SIZE KIND HASH NAME`; first `commit SHA`.
read_list() {
	grep -oE '"([^"\\]|\\.)*"|[][{}:,]|[-+.0-9eE]+|true|false|null' | awk '
		function plain(t) { if (t ~ /^"/) t = substr(t, 2, length(t) - 2); return t }
		function emit(   n, s, k, h) {
			n = f["rfilename"]; s = f["size"]; k = "sha1"; h = f["blobId"]
			if (l["sha256"] != "") { k = "sha256"; h = l["sha256"]; if (l["size"] != "") s = l["size"] }
			sub(/^sha256:/, "", h)
			# One that begins with a dash would be an option of the program that fetches it.
			if (n == "" || n ~ /[^-A-Za-z0-9 ._+=,@()~\/]/ || n ~ /^[-\/]/ || n ~ /\/$/ || n ~ /\/\// ||
				("/" n "/") ~ /\/[.][.]?\// || s !~ /^[0-9]+$/ || length(s) > 15 || h ~ /[^0-9a-f]/ ||
				length(h) != (k == "sha1" ? 40 : 64)) { print "bad"; return }
			count++; row[count] = s " " k " " h " " n; name[count] = n
			if (n ~ /^[^\/]*[.]safetensors$/) whole = 1
		}
		/^[{[]$/ { depth++; kind[depth] = $0; key[depth] = ""; iskey = ($0 == "{")
			if (depth == 3) { split("", f); split("", l) } next }
		/^[]}]$/ { if (depth == 3 && key[1] == "siblings") emit(); depth--; iskey = 0; next }
		$0 == ":" { iskey = 0; next }
		$0 == "," { iskey = (kind[depth] == "{"); next }
		iskey { key[depth] = plain($0); next }
		depth == 1 && key[1] == "sha" { print "commit " plain($0); next }
		key[1] == "siblings" && depth == 3 { f[key[3]] = plain($0); next }
		key[1] == "siblings" && depth == 4 && key[3] == "lfs" { l[key[4]] = plain($0) }
		END {
			if (depth != 0) print "commit torn"
			for (i = 1; i <= count; i++) {
				# Other forms of the same weights, which no engine of ours loads where these are.
				if (whole && name[i] ~ /^(original|metal|onnx|openvino|coreml)\/|^(pytorch_model.*[.]bin|.*[.](h5|msgpack|ot))$/)
					print "other " row[i]
				else print row[i]
			}
		}'
}

# The commit and the files of the repository, in $list.
learn() {
	step 'asking the hub'
	_tried=0
	while :; do
		_code=
		ask "$endpoint/api/models/$repo/revision/$revision?blobs=true" >"$scratch/said" || _code=000
		[ -n "$_code" ] || _code=$(tail -c 3 "$scratch/code")
		[ "$_code" != 200 ] || break
		refused "$_code"
		_tried=$((_tried + 1))
		_words="HTTP $_code"
		[ "$_code" != 000 ] || _words=$(sed '1s/ *000$//' "$scratch/code" | head -n 1 | cut -c 1-120)
		[ "$_tried" -lt "$tries" ] || fail "the hub does not answer: $_words" "look at whether this host reaches $endpoint"
		pause $((_tried < 5 ? _tried : 5))
	done
	read_list <"$scratch/said" >"$list.all"
	commit=$(sed -n 's/^commit //p' "$list.all" | sort -u)
	case $commit in
	*[!0-9a-f]* | '') fail "what the hub says of $repo is not understood" "look at models.hub in the config" ;;
	esac
	! grep -q '^bad$' "$list.all" || fail "$repo has files with names or hashes that are refused"
	grep -E '^[0-9]' "$list.all" >"$list" || fail "$repo has no files"
	_others=$(grep -c '^other ' "$list.all")
	[ "$_others" = 0 ] || say "$_others files are left out: other forms of the same weights"
	while read -r _size _ _hash _; do
		total=$((total + _size))
	done <"$list"
}

# Bytes of it that are on the disk.
have() {
	_sum=0
	while read -r _size _ _hash _; do
		if [ -e "$model/blobs/$_hash" ]; then _is=$_size; else _is=$(size_of "$model/blobs/$_hash.incomplete"); fi
		_sum=$((_sum + _is))
	done <"$list"
	echo "$_sum"
}

room() {
	mkdir -p "$model/blobs" "$model/refs" "$model/snapshots/$commit" 2>/dev/null ||
		fail "$hub can not be written" 'look at who owns it: a container that ran as root may have made it'
	_need=$((total - $(have)))
	_free=$(free_of "$model")
	[ "$_need" -le "$_free" ] || fail "$repo needs $(amount "$_need") more, and the disk has $(amount "$_free")" \
		'delete weights that nobody needs, or have the cache on a larger disk'
}

# Whether the file $1 has the hash $3 of the kind $2.
is_right() {
	case $2 in
	sha256) _sum=$(sha256sum <"$1") ;;
	sha1) _sum=$({
		printf 'blob %s\0' "$(size_of "$1")"
		cat "$1"
	} | sha1sum) ;;
	esac
	[ "${_sum%% *}" = "$3" ]
}

full() {
	fail "the disk is full, or a limit of the login is reached: $(amount "$(free_of "$model")") are free" \
		'make room and begin it again: it goes on where it stopped'
}

link() {
	_up=../..
	_rest=$1
	while [ "$_rest" != "${_rest#*/}" ]; do
		_up=../$_up
		_rest=${_rest#*/}
	done
	_link=$model/snapshots/$commit/$1
	mkdir -p "${_link%/*}" && ln -sfn "$_up/blobs/$2" "$_link" || full
}

# What curl ends with where more is sent than it takes.
MORE=63

# fetch_one SIZE KIND HASH NAME : with curl, from the byte on that is missing. $before: bytes of the files before it.
fetch_one() {
	part=$model/blobs/$3.incomplete
	_where=$(printf '%s' "$4" | sed 's/+/%2B/g; s/ /%20/g')
	misses=0 wrong=0 most=0
	while :; do
		_had=$(size_of "$part")
		if [ "$_had" -gt "$1" ]; then
			rm -f "$part"
			_had=0
		fi
		[ "$1" != 0 ] || : >"$part"
		_rc=0
		if [ "$_had" -lt "$1" ]; then
			curl -K - -fsSLg --proto '=http,https' --max-redirs 10 --connect-timeout 20 --speed-limit 1 --speed-time "$stall" \
				--max-filesize "$1" -C - -o "$part" -w '%{http_code}' "$endpoint/$repo/resolve/$commit/$_where" >"$scratch/code" <<-END &
				$(authorised)
			END
			_curl=$!
			while running "$_curl"; do
				_has=$(size_of "$part")
				# An answer without an end would fill the disk.
				[ "$_has" -le "$1" ] || kill "$_curl"
				pace $((before + _has))
				pause 0.1
			done
			wait "$_curl"
			_rc=$?
		fi
		_has=$(size_of "$part")
		if [ "$_has" -gt "$1" ]; then
			rm -f "$part"
			_rc=$MORE
		fi
		if [ "$_has" = "$1" ]; then
			if is_right "$part" "$2" "$3"; then
				mv -f "$part" "$model/blobs/$3" || full
				say "$3" >>"$scratch/right"
				return
			fi
			rm -f "$part"
			wrong=$((wrong + 1))
			[ "$wrong" -lt 2 ] || fail "$4 is not what the hub says it is: its hash differs, twice" \
				'try again later; a proxy between may be to blame'
			say "$4 arrived with another hash, and is fetched anew"
			continue
		fi
		# Nothing may be left that another try would build on, where the hub can't go on in the middle.
		case $_rc in
		23 | 153) full ;;
		33 | 36) rm -f "$part" ;;
		esac
		_code=$(cat "$scratch/code")
		refused "$_code"
		[ "$_code" != 416 ] || rm -f "$part"
		# Farther than ever: a hub that begins anew each time gets nowhere.
		if [ "$_rc" != "$MORE" ] && [ "$_has" -gt "$_had" ] && [ "$_has" -gt "$most" ]; then misses=0 most=$_has; else misses=$((misses + 1)); fi
		case $_rc in
		0) _why="the hub sent $_has of the $1 bytes that it promised" ;;
		1) _why='the hub leads to an address that is not followed' ;;
		47) _why='the hub leads from one address to another without end' ;;
		"$MORE") _why="the hub sent more than the $1 bytes that it promised" ;;
		28) _why="the hub sent nothing for $stall s" ;;
		22) _why="the hub said HTTP $_code" ;;
		*) _why="the connection broke (curl $_rc)" ;;
		esac
		[ "$misses" -lt "$tries" ] || fail "$_why, $misses times, at $4" 'begin it again: it goes on where it stopped'
		step "$_why; trying again"
		pause $((misses < 6 ? 1 << misses : 60))
		step 'fetching'
	done
}

fetch_by_curl() {
	before=0
	while read -r size kind hash name <&4; do
		if [ ! -e "$model/blobs/$hash" ] || [ "$(size_of "$model/blobs/$hash")" != "$size" ]; then
			fetch_one "$size" "$kind" "$hash" "$name"
		fi
		link "$name" "$hash"
		before=$((before + size))
		pace "$before"
	done 4<"$list"
}

# The hub's own program, watched: what it does not bring, curl does.
fetch_by_program() {
	_program=$(command -v hf || command -v huggingface-cli) || return
	say "fetching with $_program"
	set -f
	set --
	while read -r _ _ _ _name; do set -- "$@" "$_name"; done <"$list"
	HF_HUB_CACHE=$hub HF_ENDPOINT=$endpoint HF_TOKEN=$token HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_DOWNLOAD_TIMEOUT=$stall \
		"$_program" download "$repo" "$@" --revision "$commit" >"$scratch/program" 2>&1 &
	_child=$!
	set +f
	_seen=-1 _since=$(hundredths)
	while running "$_child"; do
		_now=$(cat "$model"/blobs/* 2>/dev/null | head -c 0; stat -c %s "$model"/blobs/* 2>/dev/null | awk '{ s += $1 } END { printf "%.0f", s }')
		pace "${_now:-0}"
		if [ "$_now" != "$_seen" ]; then
			_seen=$_now _since=$(hundredths)
		elif [ $(($(hundredths) - _since)) -ge $((stall * 100)) ]; then
			say "$_program brought nothing for $stall s and is ended"
			kill "$_child" 2>/dev/null
			pause 1
			kill -9 "$_child" 2>/dev/null
			break
		fi
		pause 0.5
	done
	wait "$_child"
	say "$_program ended with $?"
	tail -n 5 "$scratch/program"
}

# Every file, by size, and by its hash where this run has not looked at it yet.
verify() {
	step 'verifying'
	_done=0
	while read -r size kind hash name <&4; do
		_blob=$model/snapshots/$commit/$name
		[ "$(size_of "$_blob")" = "$size" ] || fail "$name is not whole after all" 'begin it again'
		if ! grep -qx "$hash" "$scratch/right" 2>/dev/null && ! is_right "$_blob" "$kind" "$hash"; then
			rm -f "$model/blobs/$hash"
			fail "$name was not what the hub says it is, and is deleted" 'begin it again: only this file is fetched anew'
		fi
		_done=$((_done + size))
		pace "$_done"
	done 4<"$list"
	case $revision in
	"$commit") ;;
	*) say "$commit" >"$scratch/ref" && mkdir -p "$(dirname "$model/refs/$revision")" &&
		tr -d '\n' <"$scratch/ref" >"$model/refs/$revision.part" && mv -f "$model/refs/$revision.part" "$model/refs/$revision" || full ;;
	esac
}

fetch() {
	learn
	room
	: >"$scratch/right"
	step 'fetching'
	pace "$(have)"
	command -v curl >/dev/null || command -v hf >/dev/null || command -v huggingface-cli >/dev/null ||
		fail 'this host has neither hf nor curl' 'install curl there'
	[ "$(have)" = "$total" ] || fetch_by_program
	if command -v curl >/dev/null; then fetch_by_curl; fi
	verify
	# Of a state of the repository that is gone: nobody goes on with these, and they would have it taken for half there.
	find "$model/blobs" -name '*.incomplete' ! -newer "$list" -exec rm -f {} +
	mark progress "$total $total 0"
}

# What a peer is asked: where its cache is, what is free there, and which blobs of it it has.
# shellcheck disable=SC2016 # expanded there
receive='mkdir -p "$hub/$1/blobs" || exit 1
say "hub $hub"
say "free $(df -Pk "$hub" | tail -n 1)"
command -v rsync >/dev/null && say rsync
cd "$hub/$1" || exit 1
for b in blobs/*; do [ -f "$b" ] && say "blob $(stat -c %s "$b") ${b#blobs/}"; done
say end'

far() {
	ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=10 "$@"
}

# see NAME ADDRESS : asks a peer; what it says is in $scratch/peer.
see() {
	{
		printf '%s\n' "$hub_words"
		printf '%s\n' "$receive"
	} | far "$2" sh -s -- "$folder" >"$scratch/peer" 2>"$scratch/peer.error" || :
	[ "$(tail -n 1 "$scratch/peer")" = end ] || fail "$1 can not be reached from here: $(tail -n 1 "$scratch/peer.error" | cut -c 1-120)" \
		"log in from this host to $2 once by hand, without a password"
	far_hub=$(sed -n 's/^hub //p' "$scratch/peer" | head -n 1)
	case $far_hub in
	/*[!A-Za-z0-9._/-]* | [!/]* | '') fail "the cache of $1 is at a path that can't be copied to" 'set HF_HUB_CACHE there' ;;
	esac
}

# The whole blobs of the repository here, as `blob SIZE NAME`.
blobs_here() {
	for _blob in "$model"/blobs/*; do
		# Its name becomes a part of a command over there.
		case ${_blob##*/} in *.incomplete | *[!A-Za-z0-9._-]*) continue ;; esac
		[ -f "$_blob" ] && say "blob $(stat -c %s "$_blob") ${_blob##*/}"
	done
}

missing_there() {
	blobs_here | grep -vxFf "$scratch/peer"
}

copy_by_rsync() {
	case $2 in
	*@*:*) _to=${2%@*}@[${2##*@}] ;;
	*:*) _to=[$2] ;;
	*) _to=$2 ;;
	esac
	rsync -a --partial-dir=.pilothouse-part --exclude='*.incomplete' --timeout="$stall" --info=progress2 --no-h \
		-e 'ssh -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=10' "$model/" "$_to:$far_hub/$folder/" \
		>"$scratch/sent" 2>"$scratch/copy" &
	_rsync=$!
	# Through a file: what stands in a pipe between would keep it back for minutes.
	while running "$_rsync"; do
		_sent=$(tail -c 200 "$scratch/sent" | tr '\r' '\n' | awk '$1 ~ /^[0-9]+$/ { sent = $1 } END { print sent + 0 }')
		pace "$((present + _sent))"
		pause 0.2
	done
	wait "$_rsync"
	cat "$scratch/copy" >&2
}

# Without rsync: blob by blob, whole or not there, then what names them.
copy_by_ssh() {
	_done=$present
	: >"$scratch/copy"
	missing_there >"$scratch/missing"
	while read -r _ _size _blob <&4; do
		far "$2" "cat >$far_hub/$folder/blobs/$_blob.incomplete && mv -f $far_hub/$folder/blobs/$_blob.incomplete $far_hub/$folder/blobs/$_blob" \
			<"$model/blobs/$_blob" 2>"$scratch/copy" || {
			cat "$scratch/copy" >&2
			return
		}
		_done=$((_done + _size))
		pace "$_done"
	done 4<"$scratch/missing"
	(cd "$model" && tar -cf - refs snapshots) | far "$2" "tar -C $far_hub/$folder -xf -"
}

copy_to() {
	step "copying to $1"
	_try=0
	while :; do
		see "$1" "$2"
		total=0
		while read -r _ _size _; do total=$((total + _size)); done <<-END
			$(blobs_here)
		END
		_need=0
		while read -r _ _size _; do _need=$((_need + ${_size:-0})); done <<-END
			$(missing_there)
		END
		present=$((total - _need)) paced=0 rate=0
		_free=$(awk '$1 == "free" { for (i = NF; i > 1; i--) if ($i ~ /^[0-9]+%$/) { printf "%.0f", $(i - 1) * 1024; exit } }' "$scratch/peer")
		[ "$_need" -le "${_free:-0}" ] || fail "$1 needs $(amount "$_need") more, and its disk has $(amount "${_free:-0}")" 'make room there'
		pace "$present"
		if command -v rsync >/dev/null && grep -qx rsync "$scratch/peer"; then
			copy_by_rsync "$1" "$2"
		else
			copy_by_ssh "$1" "$2"
		fi
		# What it has is asked for again, whatever was said on the way.
		see "$1" "$2"
		[ -n "$(missing_there)" ] || break
		! grep -qiE 'no space left|quota exceeded' "$scratch/copy" ||
			fail "the disk of $1 is full, or a limit of the login there is reached" 'make room there and begin it again: it goes on where it stopped'
		_try=$((_try + 1))
		[ "$_try" -lt "$tries" ] || fail "the copy on $1 is not whole after $_try tries" 'look at its disk and at the network between the two'
		pause $((_try < 6 ? 1 << _try : 60))
	done
	# Links and refs that only the last try was about.
	(cd "$model" && tar -cf - refs snapshots) | far "$2" "tar -C $far_hub/$folder -xf -" ||
		fail "the names of the files could not be written on $1" 'begin it again'
	mark progress "$total $total 0"
}

[ "$work" = copy ] || fetch
[ -d "$model/snapshots" ] || fail "$repo is not on this host"
while [ $# -ge 2 ]; do
	copy_to "$1" "$2"
	shift 2
done
step 'done'
mark end "done"
