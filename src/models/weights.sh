# What weights a host has, by metadata alone. POSIX sh: dash, bash, zsh and busybox read it alike.
# $1: how many folders of local models follow, then these, then the entries that are to be listed file by file: the name of a
# folder in the hub's cache, or the absolute path of a local model.
#
# hub.sh stands before it. Names are foreign. No line is made of one that holds a line end; a name stands last in its line.
set -f
IFS=' '
nl='
'
# Prints one line for each of the folders and files whose change tells that something below changed. The arguments are
# expanded patterns; those that match nothing are no files.
print_of() {
	_word=$1
	shift
	stat -L -c "$_word %Y %Z %i %s %n" -- "$@" 2>/dev/null
	[ $? -lt 126 ] || say "trouble $PWD holds too much to be looked at"
}

look_hub() {
	_parent=$hub
	until [ -d "$_parent" ] || [ -z "$_parent" ]; do _parent=${_parent%/*}; done
	say "free $(df -Pk "${_parent:-/}" 2>/dev/null | tail -n 1)"
	[ -d "$hub" ] || return
	case $hub in
	*"$nl"*)
		say "trouble the path of the hub's cache holds a line end"
		return
		;;
	esac
	say "cache $hub"
	if [ ! -r "$hub" ] || ! cd "$hub" 2>/dev/null; then
		say "trouble $hub can not be read"
		return
	fi
	set +f
	print_of hub models--* models--*/blobs models--*/refs/main models--*/snapshots models--*/snapshots/*
	set -f
}

# look_folder NUMBER FOLDER
look_folder() {
	[ -d "$2" ] || return
	if [ ! -r "$2" ] || ! cd "$2" 2>/dev/null; then
		say "unreadable $1"
		return
	fi
	say "folder $1"
	set +f
	print_of local ./ ./*/ ./*/*/ ./config.json ./*/config.json ./*/*/config.json ./*.gguf ./*/*.gguf ./*/*/*.gguf
	set -f
}

# The files of the working folder, of three levels.
files() {
	set +f
	set -- * .[!.]* */* */*/*
	set -f
	if [ $# -gt 4000 ]; then
		say "many $#"
		return
	fi
	case $* in
	*"$nl"*)
		_left=$#
		while [ "$_left" -gt 0 ]; do
			case $1 in
			*"$nl"*) say odd ;;
			*) set -- "$@" "$1" ;;
			esac
			shift
			_left=$((_left - 1))
		done
		;;
	esac
	[ $# -gt 0 ] || return
	stat -L -c 'file %f %s %Y %d.%i %n' -- "$@" 2>/dev/null
	for _name; do
		[ ! -L "$_name" ] || [ -e "$_name" ] || say "broken $_name"
	done
}

# Files that are being written, or were left half-written. Their names are not told.
halves() {
	for _name; do
		[ -f "$_name" ] || continue
		# Left by an earlier try, and fetched whole by a later one.
		_at=${_name%/*}
		_whole=${_name##*/}
		_whole=${_whole%.*}
		if [ -e "$_at/$_whole" ] || [ -e "$_at/${_whole%.*}" ] || [ -e "$_at/${_whole#.}" ]; then continue; fi
		stat -c 'half %s %Y' -- "$_name" 2>/dev/null
	done
}

# What the files of the working folder say of the others.
contents() {
	set +f
	for _index in *.safetensors.index.json *.bin.index.json; do
		[ -f "$_index" ] || continue
		case $_index in *"$nl"*) continue ;; esac
		say "index $_index"
		head -c 33554432 "$_index" | grep -oE '"[^"]+[.](safetensors|bin)"' | sort -u | head -n 4096 | sed 's/^/shard /'
	done
	set -f
	if [ -f config.json ]; then
		printf 'config '
		head -c 262144 config.json | tr -d '\000-\037'
		say ''
	fi
}

# The safetensors files of the working folder that are shorter than their own headers say. Nothing else tells of a copy that
# broke off.
lengths() {
	set +f
	set -- ./*.safetensors ./*/*.safetensors
	set -f
	for _name; do
		[ -f "$_name" ] && _size=$(stat -L -c %s "$_name" 2>/dev/null) || continue
		# Eight bytes tell the length of the header, the least first.
		# shellcheck disable=SC2046 # eight numbers
		set -- $(od -An -tu1 -N8 "$_name" 2>/dev/null)
		[ $# -eq 8 ] && [ "$5$6$7$8" = 0000 ] || continue
		_head=$(($1 + $2 * 256 + $3 * 65536 + $4 * 16777216))
		[ "$_head" -le 100000000 ] && [ "$(tail -c +9 "$_name" | head -c 1)" = '{' ] || continue
		_room=$((_size - 8 - _head))
		if [ "$_room" -lt 0 ] || ! tail -c +9 "$_name" | head -c "$_head" | tr -d ' ' |
			grep -oE '"data_offsets":[[][0-9]+,[0-9]+' | awk -F, -v room="$_room" '$2 + 0 > room + 0 { bad = 1 } END { exit bad }'; then
			say short
		fi
	done
}

list_hub() {
	say "model $1"
	cd "$hub/$1" 2>/dev/null || return
	set +f
	halves blobs/*.incomplete
	set -f
	_rev=
	[ ! -f refs/main ] || _rev=$(head -c 64 refs/main)
	case $_rev in
	'' | *[!A-Za-z0-9]*)
		# Fetched by a revision of another name: the newest.
		# shellcheck disable=SC2012 # what is no plain name is refused below
		_rev=$(ls -1t snapshots 2>/dev/null | head -n 1)
		;;
	esac
	case $_rev in '' | *[!A-Za-z0-9]*) return ;; esac
	say "revision $_rev"
	cd "snapshots/$_rev" 2>/dev/null || return
	files
	contents
}

list_local() {
	say "model $1"
	cd "$1" 2>/dev/null || return
	set +f
	halves ./*.incomplete ./*.part ./*.partial ./*.aria2 ./.cache/huggingface/download/*.incomplete \
		./.*.safetensors.?????? ./.*.gguf.??????
	set -f
	files
	lengths
	contents
}

say 'pilothouse-weights 1'
say "now $(date +%s)"
case $hub in /*) look_hub ;; esac
number=0
folders=$1
shift
while [ "$number" -lt "$folders" ]; do
	look_folder "$number" "$1"
	shift
	number=$((number + 1))
done
for entry; do
	case $entry in
	/*) list_local "$entry" ;;
	models--*/* | *"$nl"*) ;;
	models--*) list_hub "$entry" ;;
	esac
done
say end
