# The reservation of a place: who holds it, until when, and why. Functions only; `room` is the folder it lies in, `now` is read
# once by each verb. Only a hash of the token is kept.

# held is 1 where somebody holds it now; then holder, note, since_held, held_until and hash are theirs.
read_reservation() {
	now=$(date +%s)
	held=0
	hash='' since_held=0 held_until=0 holder='' note=''
	[ -f "$room/reservation" ] || return 0
	while read -r _field _value; do
		case $_field in
		hash) hash=$_value ;;
		since) since_held=$_value ;;
		until) held_until=$_value ;;
		holder) holder=$_value ;;
		note) note=$_value ;;
		esac
	done <"$room/reservation"
	# What can not be read as a time holds nobody for ever.
	[ "$held_until" -gt "$now" ] 2>/dev/null && held=1
	return 0
}

hash_of() {
	if command -v sha256sum >/dev/null; then
		printf '%s' "$1" | sha256sum | cut -d ' ' -f 1
	else
		printf '%s' "$1" | openssl dgst -sha256 -r | cut -d ' ' -f 1
	fi
}

# Whether this is the token of who holds it.
ours() {
	held_by_us=
	[ -n "$1" ] && [ -n "$hash" ] && [ "$(hash_of "$1")" = "$hash" ] && held_by_us=1
}

reserved_by() {
	printf 'reserved by %s for another %s s%s' "$holder" "$((held_until - now))" "${note:+: $note}"
}

# A person's words as one short line.
words_of() {
	printf '%s' "$1" | LC_ALL=C tr '\000-\037\177' ' ' | cut -c 1-200
}
