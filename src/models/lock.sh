# The reservation's verbs, after the functions of jobs and those of the reservation: BASE show|break, BASE take HOLDER TTL NOTE,
# BASE release. The token comes by standard input, one line.

tell() {
	printf '%s %s\n' "$1" "$held"
	if [ "$held" = 1 ]; then
		printf 'holder %s\nnote %s\ntimes %s %s %s\nhash %s\n' "$holder" "$note" "$since_held" "$held_until" "$now" "$hash"
	fi
	echo end
	exit 0
}

trouble() {
	printf 'trouble %s\nend\n' "$1"
	exit 0
}

keep() {
	{
		printf 'hash %s\nsince %s\nuntil %s\nholder %s\nnote %s\n' "$hash" "$since_held" "$held_until" "$holder" "$note"
	} | write_whole "$room/reservation" || trouble "$room can not be written"
}

# take HOLDER TTL NOTE : whoever holds it already needs the same name and the token to hold it longer.
take() {
	[ -n "$token" ] || trouble 'a reservation needs a token'
	if [ "$held" = 1 ]; then
		[ "$(words_of "$1")" = "$holder" ] && ours "$token" || tell refused
	else
		since_held=$now
	fi
	_ttl=$2
	[ "$_ttl" -ge 1 ] || _ttl=1
	[ "$_ttl" -le 86400 ] || _ttl=86400
	held=1
	holder=$(words_of "$1")
	note=$(words_of "$3")
	held_until=$((now + _ttl))
	hash=$(hash_of "$token")
	[ "${#hash}" -eq 64 ] || trouble 'neither sha256sum nor openssl is on this host'
	keep
	tell taken
}

release() {
	if [ "$held" = 1 ]; then
		ours "$token" || tell refused
		rm -f "$room/reservation" || trouble "$room can not be written"
		held=0
	fi
	tell released
}

umask 077
base=$1
verb=$2
shift 2
[ -n "$base" ] || base=${HOME:?}/.pilothouse
room=$base/models
echo 'pilothouse-lock 1'
IFS= read -r token || :
if [ "$verb" = show ] && [ ! -d "$room" ]; then
	held=0
	tell shown
fi
mkdir -p "$room" || trouble "$room can not be written"
command -v flock >/dev/null || trouble 'flock is missing on this host'
lock "$room/reservation.lock" 300 || trouble "the lock $room/reservation.lock is held by somebody"
read_reservation
case $verb in
show) tell shown ;;
take | release) "$verb" "$@" ;;
break)
	rm -f "$room/reservation" || trouble "$room can not be written"
	tell broken
	;;
esac
