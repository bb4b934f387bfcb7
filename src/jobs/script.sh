# What stands before a job's script, in its own shell: FOLDER LEASE ARGUMENT… ; LEASE is empty, or the folder of the lease.
_pilothouse_job=$1
_pilothouse_lease=$2
shift 2

# mark KEY VALUE : sets what whoever looks at this job is told. A full disk ends no script that has better to do.
mark() {
	case ${1-} in
	'' | -* | *[!A-Za-z0-9_-]*)
		echo "mark: ${1-} is no key" >&2
		return 2
		;;
	esac
	if [ "${#1}" -gt 32 ] || { [ ! -e "$_pilothouse_job/mark.$1" ] &&
		[ "$(set -- "$_pilothouse_job"/mark.* && echo $#)" -ge 12 ]; }; then
		echo "mark: $1 is too long, or the thirteenth" >&2
		return 2
	fi
	_pilothouse_said=${2-}
	case $_pilothouse_said in
	*[[:cntrl:]]*) _pilothouse_said=$(printf '%s' "$_pilothouse_said" | LC_ALL=C tr '\000-\037\177' ' ') ;;
	esac
	[ "${#_pilothouse_said}" -le 200 ] || _pilothouse_said=$(printf '%s' "$_pilothouse_said" | cut -c 1-200)
	_pilothouse_mark="$(date +%s) $_pilothouse_said"
	_pilothouse_write "$1" && return
	# What was set aside for a full disk.
	rm -f "$_pilothouse_job/room"
	_pilothouse_write "$1" || echo "mark: $1 could not be written" >&2
}

_pilothouse_write() {
	printf '%s\n' "$_pilothouse_mark" 2>/dev/null >"$_pilothouse_job/part.$1" &&
		mv -f "$_pilothouse_job/part.$1" "$_pilothouse_job/mark.$1"
}

# Whether nobody has taken this job's lease after it.
holds() {
	[ -z "$_pilothouse_lease" ] || [ "$(cat "$_pilothouse_lease/generation" 2>/dev/null)" = "$PILOTHOUSE_GENERATION" ]
}

. "$_pilothouse_job/script"
