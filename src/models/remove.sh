# Deletes a repository from the hub's cache; hub.sh stands before it, and it is a job's script. $1 REPOSITORY.
repo=$1
folder=models--${repo%%/*}--${repo#*/}

fail() {
	mark failed "$1"
	[ -z "${2-}" ] || mark hint "$2"
	say "$1"
	exit 1
}

# Bytes of it, each file once: what `rm` gives back.
held() {
	find "$1" -type f -exec stat -c '%s %d.%i' {} + 2>/dev/null |
		awk '!seen[$2]++ { s += $1 } END { printf "%.0f\n", s }'
}

case $folder in
*/* | *..* | *[!A-Za-z0-9._-]*) fail "$repo is not the name of a repository" ;;
esac
case $hub in /*) ;; *) fail 'the cache of the hub is at no path of its own' ;; esac
model=$hub/$folder
if [ -L "$model" ]; then
	fail "$model is a link to elsewhere, and is left alone" 'delete what it leads to by hand'
fi
[ -d "$model" ] || fail "$repo is not in the cache of this host"
# The folder that it really is lies in the cache that it really is, and has what a repository has.
inside=$(cd "$model" && pwd -P) && cache=$(cd "$hub" && pwd -P) || fail "$model can not be read"
[ "$inside" = "$cache/$folder" ] || fail "$model is not inside the cache, and is left alone"
[ -d "$model/snapshots" ] || [ -d "$model/blobs" ] || fail "$model is no repository of the hub, and is left alone"

nl='
'
# Whoever names it among its arguments: an engine, in a container too. Jobs on weights name it as well; the lease is theirs.
for process in /proc/[0-9]*; do
	# A console of this host has been told its name.
	[ "$(cat "$process/comm" 2>/dev/null)" != pilothouse ] || continue
	words=$(tr '\0' '\n' 2>/dev/null <"$process/cmdline" | head -c 65536)
	[ -n "$words" ] || continue
	if printf '%s\n' "$words" | grep -qE 'weights-[0-9a-f]{16}'; then continue; fi
	# Who asks for this on the host itself names it too.
	_program=${words%%"$nl"*}
	[ "${_program##*/}" != pilothouse ] || continue
	if printf '%s\n' "$words" | grep -qxF -e "$repo" -e "--model=$repo" ||
		printf '%s\n' "$words" | grep -qF -e "$folder/"; then
		mark used "${process#/proc/}"
		fail "process ${process#/proc/} works with $repo" 'stop what is served first'
	fi
done

mark step deleting
bytes=$(held "$model")
# First its name, so that nobody takes a half-deleted one for whole.
rm -rf "$model/refs" 2>/dev/null
rm -rf "${model:?}" 2>"${_pilothouse_job:-/tmp}/rm" || {
	left=$(held "$model")
	mark freed "$((bytes - left))"
	fail "some of $repo can not be deleted: $(head -n 1 "${_pilothouse_job:-/tmp}/rm" | cut -c 1-150)" \
		'a container that ran as root may own it'
}
[ ! -e "$model" ] || fail "$model is still there"
rm -rf "${hub:?}/.locks/$folder" 2>/dev/null
mark freed "$bytes"
mark end "done"
